/* Which way round a log is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "doctor/newest.h"

static void clocks_that_fall_tell(void **state)
{
    static const struct {
        const char *says;
        const char *text;
        bool newest_first;
    } rows[] = {
        { "nothing", "", false },
        { "a log as it is written",
          "10:00:01 a\n10:00:02 b\n10:00:03 c\n10:00:04 d\n10:00:05 e\n10:00:06 f\n10:00:07 g\n"
          "10:00:08 h\n10:00:09 i\n",
          false },
        { "the same from its end",
          "10:00:09 i\n10:00:08 h\n10:00:07 g\n10:00:06 f\n10:00:05 e\n10:00:04 d\n10:00:03 c\n"
          "10:00:02 b\n10:00:01 a\n",
          true },
        { "dates and brackets in front, fractions behind",
          "2026-03-02 [10:00:01.900] i\n2026-03-02 [10:00:01.800] h\n2026-03-02 [10:00:01.700] g\n"
          "2026-03-02 [10:00:01.600] f\n2026-03-02 [10:00:01.500] e\n2026-03-02 [10:00:01.400] d\n"
          "2026-03-02 [10:00:01.300] c\n2026-03-02 [10:00:01.200] b\n2026-03-02 [10:00:01.100] a\n",
          true },
        { "a few falls are other sessions, or restarts",
          "00:00:05 e\n00:00:04 d\n00:00:03 c\n00:00:02 b\n00:00:01 a\n00:00:00 x\n", false },
        { "restarts, each with a line or two",
          "00:00:02 a\n00:00:05 b\n00:00:02 a\n00:00:05 b\n00:00:02 a\n00:00:05 b\n00:00:02 a\n"
          "00:00:05 b\n00:00:02 a\n00:00:05 b\n00:00:02 a\n00:00:05 b\n00:00:02 a\n00:00:05 b\n"
          "00:00:02 a\n00:00:05 b\n00:00:02 a\n00:00:05 b\n",
          false },
        { "midnights",
          "23:59:59 a\n00:00:01 b\n23:59:59 a\n00:00:01 b\n23:59:59 a\n00:00:01 b\n23:59:59 a\n"
          "00:00:01 b\n23:59:59 a\n00:00:01 b\n23:59:59 a\n00:00:01 b\n23:59:59 a\n00:00:01 b\n"
          "23:59:59 a\n00:00:01 b\n23:59:59 a\n00:00:01 b\n",
          false },
        { "addresses are no clocks",
          "C4:5E:02:99:11:D9\nC4:5E:02:98:11:D8\n99:98:97:96\n98:97:96:95\n97:96:95:94\n"
          "56:55:54:53\n55:54:53:52\n54:53:52:51\n53:52:51:50\n52:51:50:49\n51:50:49:48\n"
          "50:49:48:47\n49:48:47:46\n48:47:46:45\n47:46:45:44\n96:95:94:93\n95:94:93:92\n94:93:92:"
          "91\n93:92:91:90\n92:91:90:89\n",
          false },
    };
    (void)state;

    for (size_t i = 0; i < TD_N_OF(rows); i++)
        if (td_newest_first(rows[i].text, strlen(rows[i].text)) != rows[i].newest_first)
            fail_msg("%s", rows[i].says);
}

static void entries_are_turned_and_their_places_kept(void **state)
{
    static const char text[] = "heading\n\n10:00:02 b\n rest of b\n10:00:01 a";
    static const char want[] = "heading\n\n10:00:01 a\n10:00:02 b\n rest of b\n";
    static const uint32_t lines[] = { 1, 2, 5, 3, 4 };
    struct td_turned turned;
    (void)state;

    assert_true(td_turn(text, strlen(text), &turned));
    assert_int_equal(turned.len, strlen(want));
    assert_memory_equal(turned.text, want, turned.len);
    assert_int_equal(turned.n, TD_N_OF(lines));
    for (size_t i = 0; i < TD_N_OF(lines); i++)
        assert_int_equal(turned.lines[i], lines[i]);
    assert_int_equal(turned.offsets[2], strstr(text, "10:00:01") - text);
    td_turned_free(&turned);
    assert_true(td_turn("", 0, &turned));
    assert_int_equal(turned.n, 0);
    td_turned_free(&turned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_that_fall_tell),
        cmocka_unit_test(entries_are_turned_and_their_places_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
