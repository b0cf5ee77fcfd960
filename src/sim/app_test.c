/* What a simulated application's payload promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/range.h"
#include "sim/app.h"

static struct sim_app named(const char *name, uint32_t size, uint16_t flags)
{
    struct sim_app app = { .flags = flags, .size = size };

    memcpy(app.name, name, strlen(name) + 1);
    return app;
}

static void what_is_built_is_read_back(void **state)
{
    uint8_t out[1000];
    struct sim_app app = named("blinky two", sizeof out, SIM_APP_CRASH | SIM_APP_SELF_CONFIRM);
    struct sim_app got;

    (void)state;
    assert_int_equal(sim_app_build(&app, out, sizeof out), TD_OK);
    assert_int_equal(sim_app_read(out, &got), TD_OK);
    assert_int_equal(got.flags, app.flags);
    assert_int_equal(got.size, 1000);
    assert_string_equal(got.name, "blinky two");
}

static void another_name_gives_other_bytes_and_the_same_name_the_same(void **state)
{
    uint8_t a[300], b[300], again[300];
    struct sim_app app = named("v1", sizeof a, 0);
    size_t equal = 0;

    (void)state;
    assert_int_equal(sim_app_build(&app, a, sizeof a), TD_OK);
    assert_int_equal(sim_app_build(&app, again, sizeof again), TD_OK);
    assert_memory_equal(a, again, sizeof a);
    app = named("v2", sizeof b, 0);
    assert_int_equal(sim_app_build(&app, b, sizeof b), TD_OK);
    for (size_t i = SIM_APP_DESCRIPTOR_SIZE; i < sizeof a; i++)
        equal += a[i] == b[i];
    assert_true(equal < 10);
}

static void a_longer_one_begins_like_a_shorter_one(void **state)
{
    uint8_t a[100], b[200];
    struct sim_app app = named("v1", sizeof a, 0);

    (void)state;
    assert_int_equal(sim_app_build(&app, a, sizeof a), TD_OK);
    app.size = sizeof b;
    assert_int_equal(sim_app_build(&app, b, sizeof b), TD_OK);
    assert_memory_equal(a + SIM_APP_DESCRIPTOR_SIZE, b + SIM_APP_DESCRIPTOR_SIZE, 36);
}

static void what_cannot_stand_in_a_descriptor_is_refused(void **state)
{
    static const struct {
        const char *says;
        const char *name;
        uint32_t size;
        uint16_t flags;
        size_t cap;
        enum td_err want;
    } rows[] = {
        { "no name", "", 100, 0, 100, TD_EARG },
        { "a line break in the name", "a\nb", 100, 0, 100, TD_EARG },
        { "shorter than the descriptor", "a", 63, 0, 100, TD_EARG },
        { "larger than any flash here", "a", SIM_APP_SIZE_MAX + 1, 0, 100, TD_EARG },
        { "an unknown flag", "a", 100, 16, 100, TD_EARG },
        { "no room", "a", 100, 0, 99, TD_ESPACE },
        { "just the descriptor", "a", 64, 0, 64, TD_OK },
    };
    uint8_t out[100];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct sim_app app = named(rows[i].name, rows[i].size, rows[i].flags);

        if (sim_app_build(&app, out, rows[i].cap) != rows[i].want)
            fail_msg("%s", rows[i].says);
    }
}

static void a_name_of_43_characters_fits_and_one_more_does_not(void **state)
{
    (void)state;
    assert_true(sim_app_name_ok("1234567890123456789012345678901234567890123"));
    assert_false(sim_app_name_ok("12345678901234567890123456789012345678901234"));
}

static void other_peoples_payloads_are_no_descriptor(void **state)
{
    uint8_t bytes[SIM_APP_DESCRIPTOR_SIZE];
    struct sim_app app = named("v1", sizeof bytes, 0);

    (void)state;
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(sim_app_read(bytes, &app), TD_ENOTFOUND);
    assert_int_equal(sim_app_build(&app, bytes, sizeof bytes), TD_OK);
    bytes[20] ^= 1;
    assert_int_equal(sim_app_read(bytes, &app), TD_ENOTFOUND);
    bytes[20] ^= 1;
    bytes[8] = 2;
    td_store_le32(bytes + 60, td_crc32(0, bytes, 60));
    assert_int_equal(sim_app_read(bytes, &app), TD_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_is_read_back),
        cmocka_unit_test(another_name_gives_other_bytes_and_the_same_name_the_same),
        cmocka_unit_test(a_longer_one_begins_like_a_shorter_one),
        cmocka_unit_test(what_cannot_stand_in_a_descriptor_is_refused),
        cmocka_unit_test(a_name_of_43_characters_fits_and_one_more_does_not),
        cmocka_unit_test(other_peoples_payloads_are_no_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
