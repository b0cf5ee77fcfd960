/* image/trial_test.c - the cells of a trial, whole, torn, and where there are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "image/trial.h"
#include "sim/nor.h"

#define SECTOR 4096u
#define BOOTS  3

static const struct td_flash_run runs[] = { { 2, SECTOR } };

static const struct sim_nor_model models[] = {
    {
        .name = "words of 4",
        .runs = runs,
        .n_runs = 1,
        .erased = 0xff,
        .budget = 1,
        .write_size = 4,
        .write_unit = 4,
        .erase_unit = SECTOR,
    },
    {
        .name = "words of 16, error correction",
        .runs = runs,
        .n_runs = 1,
        .erased = 0xff,
        .budget = 1,
        .write_size = 16,
        .ecc_error = true,
        .write_unit = 16,
        .erase_unit = SECTOR,
    },
};

static struct sim_power power;
static struct sim_nor nor;
static uint8_t bytes[2 * SECTOR], meta[4 * SECTOR];
static struct td_flash_area area;
static struct td_trial_place place;

static void start(const struct sim_nor_model *model, uint64_t seed)
{
    power = (struct sim_power){ 0 };
    sim_nor_init(&nor, model, bytes, meta, &power, seed);
    sim_power_on(&power);
    area = (struct td_flash_area){ &nor.dev, SECTOR, SECTOR };
    place = (struct td_trial_place){ &area, TD_TRIAL_OFF, BOOTS };
}

static struct td_trial look(void)
{
    struct td_trial t;

    assert_int_equal(td_trial_read(&place, &t), TD_OK);
    return t;
}

static void each_cell_is_written_once_and_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(models); i++) {
        start(&models[i], 1);
        assert_true(look().present);
        assert_int_equal(td_trial_booted(&place), TD_ESTATE);
        for (uint8_t n = 1; n <= BOOTS; n++) {
            assert_int_equal(td_trial_begin(&place), TD_OK);
            assert_int_equal(look().begun, n);
            assert_false(look().last_booted);
            assert_int_equal(td_trial_booted(&place), TD_OK);
            assert_int_equal(td_trial_booted(&place), TD_OK);
            assert_true(look().last_booted);
        }
        assert_int_equal(td_trial_begin(&place), TD_ESTATE);
        assert_int_equal(td_trial_close(&place), TD_OK);
        assert_true(look().closed);
        assert_false(look().proven);
        assert_int_equal(td_trial_prove(&place), TD_OK);
        assert_int_equal(td_trial_prove(&place), TD_OK);
        assert_true(look().proven);
        assert_int_equal(power.ops, 2 * BOOTS + 2);
        assert_int_equal(nor.stats.over_budget, 0);
        assert_int_equal(td_trial_size(&place), models[i].write_size * (2 * BOOTS + 2));
    }
}

static void a_torn_cell_counts_but_for_booted(void **state)
{
    static const struct {
        enum td_err (*write)(const struct td_trial_place *place);
        bool begun, proven, closed;
    } rows[] = {
        { td_trial_begin, true, false, false },
        { td_trial_prove, false, true, false },
        { td_trial_close, false, false, true },
    };

    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        for (uint64_t seed = 1; seed < 200; seed++) {
            for (size_t i = 0; i < TD_N_OF(rows); i++) {
                start(&models[m], seed);
                sim_power_cut_at(&power, 0, SIM_CUT_TORN);
                assert_int_equal(rows[i].write(&place), TD_EFLASH);
                sim_power_on(&power);
                assert_true(look().present);
                assert_int_equal(look().begun, rows[i].begun);
                assert_int_equal(look().proven, rows[i].proven);
                assert_int_equal(look().closed, rows[i].closed);
            }
            start(&models[m], seed);
            assert_int_equal(td_trial_begin(&place), TD_OK);
            sim_power_cut_at(&power, 1, SIM_CUT_TORN);
            assert_int_equal(td_trial_booted(&place), TD_EFLASH);
            sim_power_on(&power);
            assert_false(look().last_booted);
            assert_int_equal(td_trial_begin(&place), TD_OK);
            assert_int_equal(look().begun, 2);
        }
    }
}

static void what_is_no_cell_is_no_trial(void **state)
{
    static const struct {
        const char *says;
        uint32_t off;
        uint8_t boots, fill;
    } rows[] = {
        { "padding of zeros", TD_TRIAL_OFF, BOOTS, 0x00 },
        { "padding of something", TD_TRIAL_OFF, BOOTS, 0xa5 },
        { "nothing is counted", TD_TRIAL_OFF, 0, 0xff },
        { "more boots than there may be", TD_TRIAL_OFF, TD_TRIAL_BOOTS_MAX + 1, 0xff },
        { "not aligned", TD_TRIAL_OFF + 2, BOOTS, 0xff },
        { "outside", SECTOR - 16, BOOTS, 0xff },
        { "far outside", 0xfffffff0, BOOTS, 0xff },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint8_t fill[256];

        start(&models[0], 1);
        memset(fill, rows[i].fill, sizeof fill);
        sim_nor_program(&nor, SECTOR, fill, sizeof fill);
        place.off = rows[i].off;
        place.boots = rows[i].boots;
        if (look().present || td_trial_begin(&place) != TD_ESTATE ||
            td_trial_prove(&place) != TD_ESTATE || power.ops != 0)
            fail_msg("%s: taken for a trial", rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cell_is_written_once_and_read_back),
        cmocka_unit_test(a_torn_cell_counts_but_for_booted),
        cmocka_unit_test(what_is_no_cell_is_no_trial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
