/* tools/update_package_test.c - which of two variants a device gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/range.h"
#include "tools/update_package.h"

#define SILENT                                                                                     \
    {                                                                                              \
        .running = -1, .stage_running = -1                                                         \
    }

static const struct {
    const char *says;
    bool is_stage;
    uint8_t n;
    struct td_variant_facts facts;
    int want;
} rows[] = {
    { "one file is the one, whatever the device says", false, 1, SILENT, 0 },
    { "one second stage as well", true, 1, SILENT, 0 },
    { "direct-XIP and the first slot runs: the second's",
      false,
      2,
      { .has_mode = true, .mode = TD_MODE_XIP, .running = 0, .stage_running = -1 },
      1 },
    { "and back again",
      false,
      2,
      { .has_mode = true, .mode = TD_MODE_XIP_REVERT, .running = 1, .stage_running = -1 },
      0 },
    { "nothing but direct-XIP runs the second slot, whether it is said or not",
      false,
      2,
      { .running = 1, .stage_running = -1 },
      0 },
    { "a bootloader that swaps runs what is linked for the first slot",
      false,
      2,
      { .has_mode = true, .mode = TD_MODE_MOVE, .running = 0, .stage_running = -1 },
      0 },
    { "also where it does not list what runs",
      false,
      2,
      { .has_mode = true, .mode = TD_MODE_SCRATCH, .running = -1, .stage_running = -1 },
      0 },
    { "direct-XIP that does not list what runs: neither",
      false,
      2,
      { .has_mode = true, .mode = TD_MODE_XIP, .running = -1, .stage_running = -1 },
      -1 },
    { "the first slot runs, and the mode is not said: neither",
      false,
      2,
      { .running = 0, .stage_running = -1 },
      -1 },
    { "S0 runs: S1's", true, 2, { .running = -1, .stage_running = 0 }, 1 },
    { "S1 runs: S0's", true, 2, { .running = -1, .stage_running = 1 }, 0 },
    { "a second stage is not chosen by the application's slot",
      true,
      2,
      { .has_mode = true, .mode = TD_MODE_XIP, .running = 0, .stage_running = -1 },
      -1 },
};

static void the_variant_for_what_does_not_run_is_chosen_or_none_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct td_choice choice = { .is_stage = rows[i].is_stage, .n = rows[i].n };
        const char *why = NULL, *remedy = NULL;
        int got = td_variant_choose(&choice, &rows[i].facts, &why, &remedy);

        if (got != rows[i].want || (got < 0) != (why != NULL && remedy != NULL))
            fail_msg("%s: %d", rows[i].says, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_variant_for_what_does_not_run_is_chosen_or_none_with_its_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
