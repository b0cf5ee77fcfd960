#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/range.h"
#include "boot/decide.h"

#define NONE    TD_JOURNAL_NONE
#define OPEN    TD_JOURNAL_OPEN
#define RESTORE TD_JOURNAL_RESTORE

static const struct {
    const char *says;
    struct td_boot_view view;
    enum td_boot_action want;
} rows[] = {
    { "nothing pending: run",
      { NONE, TD_REQUEST_NONE, TD_RUN_CONFIRMED, .holds_previous = false },
      TD_BOOT_RUN },
    { "asked for a test",
      { NONE, TD_REQUEST_TEST, TD_RUN_CONFIRMED, .holds_previous = false },
      TD_BOOT_TEST },
    { "asked for good",
      { NONE, TD_REQUEST_PERM, TD_RUN_CONFIRMED, .holds_previous = false },
      TD_BOOT_INSTALL },
    { "never confirmed",
      { NONE, TD_REQUEST_NONE, TD_RUN_TRIED, .holds_previous = false },
      TD_BOOT_REVERT },
    { "a third image on top of a trial: the old one is gone already",
      { NONE, TD_REQUEST_TEST, TD_RUN_TRIED, .holds_previous = false },
      TD_BOOT_TEST },
    { "the previous image asked for during a trial comes back confirmed",
      { NONE, TD_REQUEST_TEST, TD_RUN_TRIED, .holds_previous = true },
      TD_BOOT_REVERT },
    { "the same, for good",
      { NONE, TD_REQUEST_PERM, TD_RUN_TRIED, .holds_previous = true },
      TD_BOOT_REVERT },
    { "the previous image is asked for, and turned out to be damaged",
      { NONE, TD_REQUEST_PERM, TD_RUN_TRIED, .holds_previous = true, .revert_impossible = true },
      TD_BOOT_INSTALL },
    { "half a swap outranks a request",
      { OPEN, TD_REQUEST_PERM, TD_RUN_CONFIRMED, .holds_previous = false },
      TD_BOOT_RESUME },
    { "half a swap outranks a revert",
      { OPEN, TD_REQUEST_NONE, TD_RUN_TRIED, .holds_previous = false },
      TD_BOOT_RESUME },
    { "the secondary's note outranks everything",
      { RESTORE, TD_REQUEST_PERM, TD_RUN_TRIED, .holds_previous = true },
      TD_BOOT_RESTORE },
    { "a torn last note is written again, the trial is still to come",
      { NONE, TD_REQUEST_NONE, TD_RUN_TORN, .holds_previous = false },
      TD_BOOT_MEND },
    { "a torn request beside it goes first, and is told of",
      { NONE, TD_REQUEST_TORN, TD_RUN_TORN, .holds_previous = false },
      TD_BOOT_DROP },
    { "a new request makes a torn last note pointless",
      { NONE, TD_REQUEST_TEST, TD_RUN_TORN, .holds_previous = false },
      TD_BOOT_TEST },
    { "a torn request is cleared away",
      { NONE, TD_REQUEST_TORN, TD_RUN_CONFIRMED, .holds_previous = false },
      TD_BOOT_DROP },
    { "a torn request does not stop a revert",
      { NONE, TD_REQUEST_TORN, TD_RUN_TRIED, .holds_previous = false },
      TD_BOOT_REVERT },
    { "an unreadable secondary does not stop a healthy primary",
      { NONE, TD_REQUEST_NONE, TD_RUN_CONFIRMED, .secondary_unreadable = true },
      TD_BOOT_RUN },
    { "an unreadable secondary lets the trial run on",
      { NONE, TD_REQUEST_NONE, TD_RUN_TRIED, .secondary_unreadable = true },
      TD_BOOT_RUN },
    { "an unreadable secondary cannot help to mend",
      { NONE, TD_REQUEST_NONE, TD_RUN_TORN, .secondary_unreadable = true },
      TD_BOOT_RUN },
    { "nothing to revert to: the trial runs on",
      { NONE, TD_REQUEST_NONE, TD_RUN_TRIED, .revert_impossible = true },
      TD_BOOT_RUN },
    { "a request that cannot be followed and stays is not followed",
      { NONE, TD_REQUEST_PERM, TD_RUN_CONFIRMED, .request_blocked = true },
      TD_BOOT_RUN },
    { "a blocked request does not stop a revert",
      { NONE, TD_REQUEST_PERM, TD_RUN_TRIED, .request_blocked = true },
      TD_BOOT_REVERT },
};

static void the_view_decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (td_boot_decide(&rows[i].view) != rows[i].want)
            fail_msg("%s: got %d", rows[i].says, (int)td_boot_decide(&rows[i].view));
    }
}

static struct td_boot_view nth_view(unsigned n)
{
    return (struct td_boot_view){ .journal = (enum td_boot_journal)(n % 3),
                                  .request = (enum td_boot_request)(n / 3 % 4),
                                  .running = (enum td_boot_running)(n / 12 % 3),
                                  .holds_previous = n / 36 % 2,
                                  .secondary_unreadable = n / 72 % 2,
                                  .request_blocked = n / 144 % 2,
                                  .revert_impossible = n / 288 % 2 };
}

// Every view there is: an action that takes the request is never chosen where half a swap lies,
// and nothing that was found impossible is chosen again, so that the loop comes to an end.
static void no_view_goes_wrong(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 576; n++) {
        struct td_boot_view v = nth_view(n);
        enum td_boot_action a = td_boot_decide(&v);

        if (v.journal != NONE)
            assert_int_equal(a, v.journal == OPEN ? TD_BOOT_RESUME : TD_BOOT_RESTORE);
        if (a == TD_BOOT_TEST || a == TD_BOOT_INSTALL)
            assert_false(v.request_blocked);
        if (a == TD_BOOT_REVERT)
            assert_true(v.running == TD_RUN_TRIED && !v.revert_impossible);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_view_decides),
        cmocka_unit_test(no_view_goes_wrong),
    };

    return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
