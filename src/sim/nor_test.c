#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "sim/nor.h"

static const struct td_flash_run runs[] = { { 8, 256 } };
static const struct sim_nor_model once = {
    /* with error correction */
    .name = "once",  .runs = runs,     .n_runs = 1,       .erased = 0xFF,
    .budget = 1,     .write_size = 8,  .ecc_error = true, .write_us = 80,
    .write_unit = 8, .erase_us = 2000, .erase_unit = 256, .read_ns_per_kb = 10240,
};
static const struct sim_nor_model twice = {
    .name = "twice",
    .runs = runs,
    .n_runs = 1,
    .erased = 0xFF,
    .budget = 2,
    .write_size = 4,
    .erase_pauses = true,
    .write_us = 41,
    .write_unit = 4,
    .erase_us = 85000,
    .erase_unit = 256,
};
static const struct sim_nor_model zero = {
    /* erased to 0 */
    .name = "zero",  .runs = runs,    .n_runs = 1,       .erased = 0x00,  .budget = 1,
    .write_size = 4, .erase_us = 100, .erase_unit = 256, .write_us = 100, .write_unit = 4,
};

struct bench {
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area all;
    uint8_t bytes[2048];
    uint8_t meta[8192];
};

static struct bench *start(struct bench *b, const struct sim_nor_model *model, uint64_t seed)
{
    memset(b, 0, sizeof *b);
    assert_true(sim_nor_meta_size(model) <= sizeof b->meta);
    sim_nor_init(&b->nor, model, b->bytes, b->meta, &b->power, seed);
    b->all = (struct td_flash_area){ &b->nor.dev, 0, 2048 };
    return b;
}

static void every_model_of_the_house_is_a_sound_device(void **state)
{
    static const struct sim_nor_model *const models[] = { &sim_nor_nrf52833, &sim_nor_nrf5340,
                                                          &sim_nor_mx25r64,  &sim_nor_stm32l4,
                                                          &sim_nor_stm32h7,  &sim_nor_stm32l1 };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(models); i++) {
        uint8_t *bytes = malloc(sim_nor_size(models[i]));
        uint8_t *meta = malloc(sim_nor_meta_size(models[i]));
        struct sim_power power = { 0 };
        struct sim_nor nor;
        struct td_flash_area area;
        uint8_t word[32] = { 1 }, got[32];

        sim_nor_init(&nor, models[i], bytes, meta, &power, 1);
        area = (struct td_flash_area){ &nor.dev, 0, nor.dev.size };
        assert_int_equal(td_flash_area_check(&area), TD_OK);
        assert_int_equal(td_flash_write(&area, nor.dev.size - 32, word, 32), TD_OK);
        assert_int_equal(td_flash_read(&area, nor.dev.size - 32, got, 32), TD_OK);
        assert_memory_equal(word, got, 32);
        free(bytes);
        free(meta);
    }
}

static void a_word_is_programmed_as_often_as_the_budget_says(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &twice, 1);
    assert_int_equal(td_flash_write(&b.all, 4, "\xff\xf0\xff\xff", 4), TD_OK);
    assert_int_equal(td_flash_write(&b.all, 4, "\xff\x0f\xff\x01", 4), TD_OK);
    assert_memory_equal(sim_nor_peek(&b.nor, 4), "\xff\x00\xff\x01", 4);
    assert_int_equal(b.nor.stats.clashes, 1);
    assert_int_equal(td_flash_write(&b.all, 0, "\0\0\0\0\0\0\0\0", 8), TD_EBUDGET);
    assert_memory_equal(sim_nor_peek(&b.nor, 0), "\xff\xff\xff\xff", 4);
    assert_int_equal(b.nor.stats.over_budget, 1);
    assert_int_equal(td_flash_erase(&b.all, 0, 256), TD_OK);
    assert_int_equal(td_flash_write(&b.all, 0, "\0\0\0\0\0\0\0\0", 8), TD_OK);

    start(&b, &once, 1);
    assert_int_equal(td_flash_write(&b.all, 0, "\xff\xff\xff\xff\xff\xff\xff\xff", 8), TD_OK);
    assert_int_equal(td_flash_write(&b.all, 0, "ABCDEFGH", 8), TD_EBUDGET);

    start(&b, &zero, 1);
    assert_int_equal(td_flash_write(&b.all, 0, "\x01\x02\x04\x80", 4), TD_OK);
    assert_memory_equal(sim_nor_peek(&b.nor, 0), "\x01\x02\x04\x80\x00", 5);
}

static void a_cut_before_does_nothing_and_a_cut_after_does_all(void **state)
{
    struct bench b;
    uint8_t got[4];

    (void)state;
    start(&b, &twice, 1);
    sim_power_cut_at(&b.power, 1, SIM_CUT_BEFORE);
    assert_int_equal(td_flash_write(&b.all, 0, "AAAA", 4), TD_OK);
    assert_int_equal(td_flash_write(&b.all, 4, "BBBB", 4), TD_EFLASH);
    assert_int_equal(td_flash_read(&b.all, 0, got, 4), TD_EFLASH);
    assert_int_equal(td_flash_write(&b.all, 8, "CCCC", 4), TD_EFLASH);
    assert_true(b.power.lost);
    assert_int_equal(b.power.ops, 2);
    sim_power_on(&b.power);
    sim_power_cut_at(&b.power, 0, SIM_CUT_AFTER);
    assert_int_equal(td_flash_write(&b.all, 12, "DDDD", 4), TD_EFLASH);
    sim_power_on(&b.power);
    assert_memory_equal(sim_nor_peek(&b.nor, 0),
                        "AAAA\xff\xff\xff\xff\xff\xff\xff\xff"
                        "DDDD",
                        16);

    sim_power_cut_at(&b.power, 0, SIM_CUT_BEFORE);
    assert_int_equal(td_flash_erase(&b.all, 0, 256), TD_EFLASH);
    sim_power_on(&b.power);
    assert_int_equal(td_flash_read(&b.all, 0, got, 4), TD_OK);
    assert_memory_equal(got, "AAAA", 4);
    sim_power_cut_at(&b.power, 0, SIM_CUT_AFTER);
    assert_int_equal(td_flash_erase(&b.all, 0, 256), TD_EFLASH);
    sim_power_on(&b.power);
    assert_memory_equal(sim_nor_peek(&b.nor, 0), "\xff\xff\xff\xff", 4);
    assert_false(sim_nor_is_torn(&b.nor, 0));
    assert_int_equal(sim_nor_wear(&b.nor, 0), 1);
}

/* How many of 64 reads of the word differ from the first. */
static int count_changes(struct bench *b, uint32_t off, uint8_t w)
{
    uint8_t first[32], again[32];
    int changes = 0;

    assert_int_equal(td_flash_read(&b->all, off, first, w), TD_OK);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(td_flash_read(&b->all, off, again, w), TD_OK);
        changes += memcmp(first, again, w) != 0;
    }
    return changes;
}

static void torn_bits_read_differently_until_the_sector_is_erased(void **state)
{
    int done = 0, torn = 0, untouched = 0;
    struct bench b;

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        int unstable = 0;

        start(&b, &twice, seed);
        sim_power_cut_at(&b.power, 0, SIM_CUT_TORN);
        assert_int_equal(td_flash_write(&b.all, 0, "AAAABBBBCCCC", 12), TD_EFLASH);
        sim_power_on(&b.power);
        for (uint32_t off = 0; off < 12; off += 4) {
            uint8_t want = (uint8_t)("ABC"[off / 4]), got[4];

            if (count_changes(&b, off, 4) > 0) {
                unstable++;
                continue;
            }
            assert_int_equal(td_flash_read(&b.all, off, got, 4), TD_OK);
            assert_true(got[0] == want || got[0] == 0xFF);
            assert_int_equal(unstable > 0, got[0] == 0xFF);
            done += got[0] == want;
            untouched += got[0] == 0xFF;
        }
        assert_int_equal(unstable, 1);
        torn += unstable;
        assert_true(sim_nor_is_torn(&b.nor, 0));
        assert_int_equal(td_flash_write(&b.all, 0, "\0\0\0\0\0\0\0\0\0\0\0\0", 12), TD_OK);
        assert_true(count_changes(&b, 0, 12) > 0);
        assert_int_equal(td_flash_erase(&b.all, 0, 256), TD_OK);
        assert_int_equal(count_changes(&b, 0, 12), 0);
        assert_false(sim_nor_is_torn(&b.nor, 0));
    }
    assert_true(done > 50 && torn == 200 && untouched > 50);
}

static void a_torn_word_with_error_correction_cannot_be_read(void **state)
{
    struct bench b;
    uint8_t got[8];

    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        start(&b, &once, seed);
        sim_power_cut_at(&b.power, 0, SIM_CUT_TORN);
        assert_int_equal(td_flash_write(&b.all, 8, "ABCDEFGH", 8), TD_EFLASH);
        sim_power_on(&b.power);
        assert_int_equal(td_flash_read(&b.all, 8, got, 8), TD_EECC);
        assert_int_equal(td_flash_read(&b.all, 15, got, 1), TD_EECC);
        assert_int_equal(td_flash_read(&b.all, 0, got, 8), TD_OK);
        assert_int_equal(td_flash_read(&b.all, 16, got, 8), TD_OK);
        assert_int_equal(td_flash_write(&b.all, 8, "ABCDEFGH", 8), TD_EBUDGET);
    }
}

static void a_torn_erase_leaves_any_mix_and_must_be_repeated(void **state)
{
    int all_old = 0, all_blank = 0, mixed = 0, shaky = 0;
    uint8_t full[256], got[256];
    struct bench b;

    (void)state;
    memset(full, 0x5A, sizeof full);
    for (uint64_t seed = 1; seed <= 200; seed++) {
        int old = 0, blank = 0;

        start(&b, &twice, seed);
        assert_int_equal(td_flash_write(&b.all, 256, full, 256), TD_OK);
        sim_power_on(&b.power);
        sim_power_cut_at(&b.power, 0, SIM_CUT_TORN);
        assert_int_equal(td_flash_erase(&b.all, 256, 256), TD_EFLASH);
        sim_power_on(&b.power);
        assert_int_equal(td_flash_read(&b.all, 256, got, 256), TD_OK);
        for (int i = 0; i < 256; i++) {
            old += got[i] == 0x5A;
            blank += got[i] == 0xFF;
        }
        all_blank += blank == 256;
        all_old += old > 240;
        mixed += old > 16 && blank > 16;
        shaky += count_changes(&b, 256, 32) > 0;

        // Whatever it reads, what is programmed into it now does not hold...
        assert_true(sim_nor_is_torn(&b.nor, 1));
        if (blank == 256) {
            assert_int_equal(td_flash_write(&b.all, 256, "ABCD", 4), TD_OK);
            assert_true(count_changes(&b, 256, 4) > 0);
            assert_int_equal(b.nor.stats.weak_writes, 1);
        }
        // ...but after another erase it does.
        assert_int_equal(td_flash_erase(&b.all, 256, 256), TD_OK);
        assert_int_equal(td_flash_write(&b.all, 256, "ABCD", 4), TD_OK);
        assert_int_equal(count_changes(&b, 256, 4), 0);
        assert_int_equal(sim_nor_wear(&b.nor, 1), 2);
    }
    assert_true(all_blank > 10 && all_old > 10 && mixed > 50 && shaky > 20);
}

static void power_that_goes_between_two_steps_of_an_erase_tears_it(void **state)
{
    struct bench b;
    struct td_flash_job job;
    bool done;
    uint8_t got[4];

    (void)state;
    start(&b, &twice, 3);
    assert_int_equal(td_flash_erase_begin(&job, &b.all, 0, 512), TD_OK);
    assert_int_equal(td_flash_erase_step(&job, 5000, &done), TD_OK);
    assert_false(done);
    assert_int_equal(td_flash_read(&b.all, 0, got, 4), TD_ESTATE);
    assert_int_equal(td_flash_read(&b.all, 256, got, 4), TD_OK);
    assert_int_equal(td_flash_write(&b.all, 8, "AAAA", 4), TD_ESTATE);
    sim_nor_power_off(&b.nor);
    sim_power_on(&b.power);
    assert_true(sim_nor_is_torn(&b.nor, 0));
    assert_false(sim_nor_is_torn(&b.nor, 1));
}

static void time_is_what_the_data_sheet_says(void **state)
{
    struct bench b;
    uint8_t buf[1024];

    (void)state;
    start(&b, &twice, 1);
    assert_int_equal(td_flash_erase(&b.all, 0, 512), TD_OK);
    assert_int_equal(b.power.busy_us, 2 * 85000);
    assert_int_equal(td_flash_write(&b.all, 0, "AAAABBBBCCCC", 12), TD_OK);
    assert_int_equal(b.power.busy_us, 2 * 85000 + 3 * 41);
    start(&b, &once, 1);
    for (int i = 0; i < 10; i++)
        assert_int_equal(td_flash_read(&b.all, 0, buf, 1024), TD_OK);
    assert_int_equal(b.power.busy_us, 102);
}

static void a_snapshot_brings_everything_back(void **state)
{
    static uint8_t bytes[2][2048], meta[2][8192];
    const struct sim_nor_snapshot s = { bytes[0], meta[0] }, t = { bytes[1], meta[1] };
    struct bench b;
    uint8_t want_bytes[2048], want_meta[8192];
    size_t n = sim_nor_meta_size(&twice);

    (void)state;
    start(&b, &twice, 5);
    assert_int_equal(td_flash_write(&b.all, 0, "AAAA", 4), TD_OK);
    sim_nor_tear(&b.nor, 300, 0x0F);
    sim_nor_save(&b.nor, &s);
    memcpy(want_bytes, b.bytes, 2048);
    memcpy(want_meta, b.meta, n);
    for (uint32_t round = 0; round < 6; round++) {
        assert_int_equal(td_flash_write(&b.all, 4, "BBBB", 4), TD_OK);
        assert_int_equal(td_flash_erase(&b.all, 256, 256), TD_OK);
        sim_nor_tear(&b.nor, 700 + round, 0xF0);
        sim_nor_weaken(&b.nor, 7);
        if (round % 2)
            sim_nor_save(&b.nor, &t);
        assert_memory_not_equal(b.meta, want_meta, n);
        sim_nor_load(&b.nor, &s);
        assert_memory_equal(b.bytes, want_bytes, 2048);
        assert_memory_equal(b.meta, want_meta, n);
    }
    sim_nor_load(&b.nor, &t);
    assert_true(sim_nor_is_torn(&b.nor, 7));
    assert_memory_equal(sim_nor_peek(&b.nor, 4), "BBBB", 4);
}

static void a_flash_outlives_the_process_torn_bits_and_all(void **state)
{
    struct bench b;
    struct sim_nor again;

    (void)state;
    start(&b, &twice, 9);
    sim_power_cut_at(&b.power, 0, SIM_CUT_TORN);
    assert_int_equal(td_flash_write(&b.all, 0, "AAAA", 4), TD_EFLASH);
    sim_nor_sync(&b.nor);
    sim_power_on(&b.power);
    assert_int_equal(sim_nor_open(&again, &twice, b.bytes, b.meta, &b.power), TD_OK);
    b.all.dev = &again.dev;
    assert_true(count_changes(&b, 0, 4) > 0);
    assert_int_equal(sim_nor_open(&again, &zero, b.bytes, b.meta, &b.power), TD_EFORMAT);
    b.meta[0] ^= 1;
    assert_int_equal(sim_nor_open(&again, &twice, b.bytes, b.meta, &b.power), TD_EFORMAT);
}

static void two_flashes_on_one_supply_lose_power_together(void **state)
{
    struct bench a, b;

    (void)state;
    start(&a, &twice, 1);
    start(&b, &once, 1);
    b.nor.power = &a.power;
    sim_power_cut_at(&a.power, 1, SIM_CUT_BEFORE);
    assert_int_equal(td_flash_write(&a.all, 0, "AAAA", 4), TD_OK);
    assert_int_equal(td_flash_write(&b.all, 0, "AAAAAAAA", 8), TD_EFLASH);
    assert_int_equal(td_flash_write(&a.all, 4, "AAAA", 4), TD_EFLASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_model_of_the_house_is_a_sound_device),
        cmocka_unit_test(a_word_is_programmed_as_often_as_the_budget_says),
        cmocka_unit_test(a_cut_before_does_nothing_and_a_cut_after_does_all),
        cmocka_unit_test(torn_bits_read_differently_until_the_sector_is_erased),
        cmocka_unit_test(a_torn_word_with_error_correction_cannot_be_read),
        cmocka_unit_test(a_torn_erase_leaves_any_mix_and_must_be_repeated),
        cmocka_unit_test(power_that_goes_between_two_steps_of_an_erase_tears_it),
        cmocka_unit_test(time_is_what_the_data_sheet_says),
        cmocka_unit_test(a_snapshot_brings_everything_back),
        cmocka_unit_test(a_flash_outlives_the_process_torn_bits_and_all),
        cmocka_unit_test(two_flashes_on_one_supply_lose_power_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
