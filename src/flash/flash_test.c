#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "flash/flash.h"
#include "sim/nor.h"

static const struct td_flash_run mixed_runs[] = { { 4, 512 }, { 1, 2048 }, { 3, 4096 } };
static const struct sim_nor_model mixed = {
    .name = "mixed",
    .runs = mixed_runs,
    .n_runs = 3,
    .erased = 0xFF,
    .budget = 1,
    .write_size = 8,
    .erase_pauses = true,
    .write_us = 80,
    .write_unit = 8,
    .erase_us = 2000,
    .erase_unit = 512,
};

struct bench {
    struct sim_power power;
    struct sim_nor nor;
    uint8_t *bytes, *meta;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    b->bytes = malloc(sim_nor_size(&mixed));
    b->meta = malloc(sim_nor_meta_size(&mixed));
    sim_power_on(&b->power);
    sim_nor_init(&b->nor, &mixed, b->bytes, b->meta, &b->power, 1);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    free(b->bytes);
    free(b->meta);
    free(b);
    return 0;
}

static void an_area_is_of_whole_sectors_of_a_device_that_adds_up(void **state)
{
    struct bench *b = *state;
    static const struct {
        uint32_t off, size;
        enum td_err want;
    } rows[] = {
        { 0, 16384, TD_OK },         { 512, 512, TD_OK },    { 1536, 2560, TD_OK },
        { 256, 512, TD_EALIGN },     { 0, 2560, TD_EALIGN }, { 0, 0, TD_EBOUNDS },
        { 12288, 8192, TD_EBOUNDS },
    };
    struct td_flash_dev bad;
    struct td_flash_area area = { &bad, 0, 512 };

    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_flash_area a = { &b->nor.dev, rows[i].off, rows[i].size };

        assert_int_equal(td_flash_area_check(&a), rows[i].want);
    }
    bad = b->nor.dev;
    bad.write_size = 6;
    assert_int_equal(td_flash_area_check(&area), TD_EARG);
    bad.write_size = 64;
    assert_int_equal(td_flash_area_check(&area), TD_EARG);
    bad = b->nor.dev;
    bad.size = 8192;
    assert_int_equal(td_flash_area_check(&area), TD_EARG);
    bad = b->nor.dev;
    bad.erased = 0xA5;
    assert_int_equal(td_flash_area_check(&area), TD_EARG);
}

static void sectors_are_found_by_number_and_by_byte(void **state)
{
    struct bench *b = *state;
    struct td_flash_area a = { &b->nor.dev, 1024, 11264 }; /* 512 512 2048 4096 4096 */
    static const struct td_flash_sector want[] = {
        { 0, 512 }, { 512, 512 }, { 1024, 2048 }, { 3072, 4096 }, { 7168, 4096 }
    };
    struct td_flash_sector s;

    assert_int_equal(td_flash_area_check(&a), TD_OK);
    assert_int_equal(td_flash_sector_count(&a), 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(td_flash_sector_nth(&a, i, &s), TD_OK);
        assert_int_equal(s.off, want[i].off);
        assert_int_equal(s.size, want[i].size);
        assert_int_equal(td_flash_sector_at(&a, want[i].off + want[i].size - 1, &s), TD_OK);
        assert_int_equal(s.off, want[i].off);
        assert_int_equal(s.size, want[i].size);
    }
    assert_int_equal(td_flash_sector_nth(&a, 5, &s), TD_EBOUNDS);
    assert_int_equal(td_flash_sector_at(&a, 11264, &s), TD_EBOUNDS);
}

static void a_range_out_of_bounds_or_line_touches_nothing(void **state)
{
    struct bench *b = *state;
    struct td_flash_area a = { &b->nor.dev, 512, 3584 };
    uint8_t buf[16] = { 0 };

    assert_int_equal(td_flash_write(&a, 4, buf, 8), TD_EALIGN);
    assert_int_equal(td_flash_write(&a, 8, buf, 12), TD_EALIGN);
    assert_int_equal(td_flash_write(&a, 3584, buf, 8), TD_EBOUNDS);
    assert_int_equal(td_flash_write(&a, 0xFFFFFFF8u, buf, 16), TD_EBOUNDS);
    assert_int_equal(td_flash_read(&a, 3580, buf, 8), TD_EBOUNDS);
    assert_int_equal(td_flash_erase(&a, 0, 256), TD_EALIGN);
    assert_int_equal(td_flash_erase(&a, 256, 256), TD_EALIGN);
    assert_int_equal(td_flash_erase(&a, 1536, 512), TD_EALIGN);
    assert_int_equal(td_flash_erase(&a, 0, 4096), TD_EBOUNDS);
    assert_int_equal(b->power.ops, 0);
    assert_int_equal(b->nor.stats.misaligned, 0);
}

static void what_is_written_in_an_area_lies_behind_its_offset(void **state)
{
    struct bench *b = *state;
    struct td_flash_area a = { &b->nor.dev, 2048, 2048 };
    uint8_t got[8];
    struct td_source src = td_flash_source(&a);

    assert_int_equal(td_flash_write(&a, 16, "ABCDEFGH", 8), TD_OK);
    assert_memory_equal(sim_nor_peek(&b->nor, 2064), "ABCDEFGH", 8);
    assert_int_equal(td_flash_read(&a, 17, got, 3), TD_OK);
    assert_memory_equal(got, "BCD", 3);
    assert_int_equal(td_source_read(&src, 16, got, 8), TD_OK);
    assert_memory_equal(got, "ABCDEFGH", 8);
    assert_int_equal(td_source_read(&src, 2047, got, 2), TD_ETRUNC);
}

static void a_word_that_changes_its_mind_is_not_steady(void **state)
{
    struct bench *b = *state;
    struct td_flash_area a = { &b->nor.dev, 2048, 2048 };
    uint8_t got[100];
    bool steady;

    assert_int_equal(td_flash_write(&a, 64, "ABCDEFGH", 8), TD_OK);
    assert_int_equal(td_flash_read_steady(&a, 0, got, 100, &steady), TD_OK);
    assert_true(steady);
    assert_memory_equal(got + 64, "ABCDEFGH", 8);
    sim_nor_tear(&b->nor, 2048 + 70, 0x04);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(td_flash_read_steady(&a, 0, got, 100, &steady), TD_OK);
        assert_false(steady);
    }
    assert_int_equal(td_flash_read_steady(&a, 0, got, 70, &steady), TD_OK);
    assert_true(steady);
    assert_int_equal(td_flash_read_steady(&a, 2000, got, 100, &steady), TD_EBOUNDS);
    assert_false(steady);
    b->power.lost = true;
    assert_int_equal(td_flash_read_steady(&a, 0, got, 4, &steady), TD_EFLASH);
    assert_false(steady);
}

static void an_erase_in_steps_is_the_blocking_one_cut_into_pieces(void **state)
{
    struct bench *b = *state;
    struct td_flash_area a = { &b->nor.dev, 0, 16384 };
    struct td_flash_job job;
    bool done = false, blank;
    int steps = 0;

    assert_int_equal(td_flash_write(&a, 512, "ABCDEFGH", 8), TD_OK);
    assert_int_equal(td_flash_write(&a, 2048, "ABCDEFGH", 8), TD_OK);
    assert_int_equal(td_flash_write(&a, 4096, "ABCDEFGH", 8), TD_OK);
    assert_int_equal(td_flash_erase_begin(&job, &a, 512, 3584), TD_OK);
    while (!done) {
        assert_int_equal(td_flash_erase_step(&job, 1000, &done), TD_OK);
        steps++;
    }
    assert_int_equal(steps, 3 * 2 + 8); /* three of 2 ms, one of 8 ms, by 1 ms */
    assert_int_equal(td_flash_erase_step(&job, 1000, &done), TD_OK);
    assert_true(done);
    assert_int_equal(td_flash_is_blank(&a, 0, 4096, &blank), TD_OK);
    assert_true(blank);
    assert_int_equal(td_flash_is_blank(&a, 0, 4097, &blank), TD_OK);
    assert_false(blank);
    assert_int_equal(b->power.ops, 3 + 4);
    assert_int_equal(td_flash_erase(&a, 4096, 4096), TD_OK);
    assert_int_equal(td_flash_is_blank(&a, 0, 16384, &blank), TD_OK);
    assert_true(blank);
    assert_int_equal(td_flash_is_blank(&a, 0, 16385, &blank), TD_EBOUNDS);
}

static void an_erase_backwards_takes_the_last_sector_first(void **state)
{
    struct bench *b = *state;
    struct td_flash_area a = { &b->nor.dev, 0, 4096 };

    sim_nor_program(&b->nor, 0, "head", 4);
    sim_nor_program(&b->nor, 4092, "tail", 4);
    sim_power_cut_at(&b->power, 0, SIM_CUT_AFTER);
    assert_int_equal(td_flash_erase_backwards(&a, 0, 4096), TD_EFLASH);
    assert_memory_equal(sim_nor_peek(&b->nor, 0), "head", 4);
    assert_memory_equal(sim_nor_peek(&b->nor, 4092), "\xff\xff\xff\xff", 4);
    sim_power_on(&b->power);
    assert_int_equal(td_flash_erase_backwards(&a, 0, 4096), TD_OK);
    assert_int_equal(b->power.ops, 5);
    assert_memory_equal(sim_nor_peek(&b->nor, 0), "\xff\xff\xff\xff", 4);
}

static void a_failed_driver_ends_the_job(void **state)
{
    struct bench *b = *state;
    struct td_flash_area a = { &b->nor.dev, 0, 2048 };
    struct td_flash_job job;
    bool done = false;

    assert_int_equal(td_flash_erase_begin(&job, &a, 0, 2048), TD_OK);
    sim_power_cut_at(&b->power, 0, SIM_CUT_BEFORE);
    assert_int_equal(td_flash_erase_step(&job, 1000, &done), TD_EFLASH);
    sim_power_on(&b->power);
    assert_int_equal(td_flash_erase_step(&job, 1000, &done), TD_OK);
    assert_true(done);
    assert_int_equal(b->power.ops, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_area_is_of_whole_sectors_of_a_device_that_adds_up),
        T(sectors_are_found_by_number_and_by_byte),
        T(a_range_out_of_bounds_or_line_touches_nothing),
        T(what_is_written_in_an_area_lies_behind_its_offset),
        T(a_word_that_changes_its_mind_is_not_steady),
        T(an_erase_in_steps_is_the_blocking_one_cut_into_pieces),
        T(an_erase_backwards_takes_the_last_sector_first),
        T(a_failed_driver_ends_the_job),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
