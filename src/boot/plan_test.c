/* A plan says what was put into it, after flash as well; more sectors than bits share them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/plan.h"
#include "sim/nor.h"

static void a_plan_has_what_was_added_and_counts_it(void **state)
{
    struct td_plan plan;

    (void)state;
    td_plan_none(&plan, 64);
    assert_int_equal(td_plan_count(&plan, 64), 0);
    assert_int_equal(td_plan_nth(&plan, 64, 0), 64);
    td_plan_add(&plan, 0);
    td_plan_add(&plan, 9);
    td_plan_add(&plan, 63);
    assert_true(td_plan_has(&plan, 9));
    assert_false(td_plan_has(&plan, 10));
    assert_int_equal(td_plan_count(&plan, 64), 3);
    assert_int_equal(td_plan_count(&plan, 63), 2);
    assert_int_equal(td_plan_nth(&plan, 64, 0), 0);
    assert_int_equal(td_plan_nth(&plan, 64, 1), 9);
    assert_int_equal(td_plan_nth(&plan, 64, 2), 63);
    assert_int_equal(td_plan_nth(&plan, 63, 2), 63); // the free place behind 63 sectors
}

static void a_plan_of_all_has_every_sector(void **state)
{
    struct td_plan plan;

    (void)state;
    td_plan_all(&plan, 5000);
    assert_int_equal(td_plan_count(&plan, 5000), 5000);
    assert_int_equal(td_plan_nth(&plan, 5000, 4999), 4999);
}

static void more_sectors_than_bits_share_them(void **state)
{
    struct td_plan plan;

    (void)state;
    td_plan_none(&plan, TD_PLAN_BITS + 1);
    assert_int_equal(plan.shift, 1);
    td_plan_add(&plan, 7);
    assert_true(td_plan_has(&plan, 6));
    assert_int_equal(td_plan_count(&plan, TD_PLAN_BITS + 1), 2);
    td_plan_none(&plan, 4 * TD_PLAN_BITS);
    assert_int_equal(plan.shift, 2);
}

static void a_sector_that_no_bit_reaches_is_in_the_plan(void **state)
{
    struct td_plan plan;

    (void)state;
    td_plan_none(&plan, 16);
    td_plan_add(&plan, TD_PLAN_BITS);
    assert_true(td_plan_has(&plan, TD_PLAN_BITS));
    assert_int_equal(td_plan_count(&plan, 16), 0);
}

/* --- in flash --- */

static const struct td_flash_run runs[] = { { 2, 256 } };
static const struct sim_nor_model model = { .name = "test",
                                            .runs = runs,
                                            .n_runs = 1,
                                            .erased = 0xff,
                                            .budget = 1,
                                            .write_size = 8,
                                            .write_unit = 8,
                                            .erase_unit = 256 };

static void a_plan_is_read_as_it_was_written_and_not_when_it_is_torn(void **state)
{
    static uint8_t bytes[512];
    uint8_t *meta = malloc(sim_nor_meta_size(&model));
    struct sim_power power = { 0 };
    struct sim_nor nor;
    struct td_flash_area area = { &nor.dev, 0, 512 };
    struct td_plan plan, got;

    (void)state;
    assert_non_null(meta);
    sim_nor_init(&nor, &model, bytes, meta, &power, 3);
    sim_power_on(&power);
    td_plan_none(&plan, 40);
    td_plan_add(&plan, 3);
    td_plan_add(&plan, 39);
    plan.sound = 12345;
    memset(plan.incoming, 0xa5, sizeof plan.incoming);
    assert_false(td_plan_read(&area, 64, &got));
    assert_int_equal(td_plan_write(&area, 64, &plan), TD_OK);
    assert_true(td_plan_read(&area, 64, &got));
    assert_memory_equal(got.bits, plan.bits, sizeof got.bits);
    assert_memory_equal(got.incoming, plan.incoming, sizeof got.incoming);
    assert_int_equal(got.sound, 12345);
    assert_int_equal(got.shift, 0);
    sim_nor_tear(&nor, 64 + 30, 0x10);
    assert_false(td_plan_read(&area, 64, &got));
    free(meta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_has_what_was_added_and_counts_it),
        cmocka_unit_test(a_plan_of_all_has_every_sector),
        cmocka_unit_test(more_sectors_than_bits_share_them),
        cmocka_unit_test(a_sector_that_no_bit_reaches_is_in_the_plan),
        cmocka_unit_test(a_plan_is_read_as_it_was_written_and_not_when_it_is_torn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
