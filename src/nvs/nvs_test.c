#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/range.h"
#include "nvs/nvs.h"
#include "sim/nor.h"

static const struct td_flash_run small_runs[] = { { 8, 256 } };
static const struct td_flash_run page_runs[] = { { 8, 4096 } };
static const struct td_flash_run large_runs[] = { { 2, 65536 } };
static const struct td_flash_run uneven_runs[] = { { 1, 256 }, { 1, 512 } };

#define MODEL(title, run, runs_of, word, blank, times, ecc)                                        \
    {                                                                                              \
        .name = title, .runs = run, .n_runs = runs_of, .erased = blank, .budget = times,           \
        .write_size = word, .ecc_error = ecc, .write_unit = word, .erase_unit = 256                \
    }

static const struct sim_nor_model models[] = {
    MODEL("bytes", small_runs, 1, 1, 0xFF, 1, false),
    MODEL("words of 2", small_runs, 1, 2, 0xFF, 1, false),
    MODEL("words of 4, twice", small_runs, 1, 4, 0xFF, 2, false),
    MODEL("words of 4, once, erased to 0", small_runs, 1, 4, 0x00, 1, false),
    MODEL("words of 8, once, error correction", small_runs, 1, 8, 0xFF, 1, true),
    MODEL("words of 16, once", small_runs, 1, 16, 0xFF, 1, false),
    MODEL("words of 32, once, error correction", page_runs, 1, 32, 0xFF, 1, true),
};
static const struct sim_nor_model pages = MODEL("pages", page_runs, 1, 4, 0xFF, 1, false);
static const struct sim_nor_model large = MODEL("large", large_runs, 1, 4, 0xFF, 1, false);
static const struct sim_nor_model uneven = MODEL("uneven", uneven_runs, 2, 4, 0xFF, 1, false);

struct bench {
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area;
    struct td_nvs_config cfg;
    struct td_nvs nvs;
    uint8_t *bytes, *meta;
};

static void start(struct bench *b, const struct sim_nor_model *model, uint32_t sectors)
{
    memset(b, 0, sizeof *b);
    b->bytes = malloc(sim_nor_size(model));
    b->meta = malloc(sim_nor_meta_size(model));
    sim_nor_init(&b->nor, model, b->bytes, b->meta, &b->power, 1);
    b->area = (struct td_flash_area){ &b->nor.dev, 0, sectors * model->runs[0].sector_size };
    b->cfg.area = &b->area;
}

static void mount(struct bench *b)
{
    assert_int_equal(td_nvs_mount(&b->nvs, &b->cfg), TD_OK);
}

static void stop(struct bench *b)
{
    assert_int_equal(b->nor.stats.over_budget, 0);
    assert_int_equal(b->nor.stats.weak_writes, 0);
    assert_int_equal(b->nor.stats.misaligned, 0);
    assert_int_equal(b->nor.stats.clashes, 0);
    free(b->bytes);
    free(b->meta);
}

static void put(struct bench *b, uint16_t id, const void *src, size_t len)
{
    assert_int_equal(td_nvs_write(&b->nvs, id, src, len), TD_OK);
}

static void holds(const struct bench *b, uint16_t id, const char *want)
{
    char got[64] = "";
    size_t len;

    assert_int_equal(td_nvs_read(&b->nvs, id, got, sizeof got, &len), TD_OK);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(got, want, len);
}

static void lacks(const struct bench *b, uint16_t id)
{
    size_t len = 7;
    char got[4];

    assert_int_equal(td_nvs_read(&b->nvs, id, got, sizeof got, &len), TD_ENOTFOUND);
    assert_int_equal(len, 0);
}

static void an_area_that_cannot_be_a_store_is_refused(void **state)
{
    static const struct {
        const char *says;
        const struct sim_nor_model *model;
        uint32_t bytes, sector;
        uint16_t count;
        enum td_err want;
    } rows[] = {
        { "one sector", &models[0], 256, 0, 0, TD_ENVS_AREA },
        { "more sectors than there are", &models[0], 1024, 0, 5, TD_ENVS_AREA },
        { "sectors of two sizes", &uneven, 768, 0, 0, TD_ENVS_AREA },
        { "a sector that is no multiple", &models[0], 2048, 384, 2, TD_ENVS_AREA },
        { "sectors beyond 64 KB", &large, 131072, 131072, 1, TD_ENVS_AREA },
        { "sectors of eight entries", &models[6], 8192, 0, 0, TD_OK },
        { "too few entries", &models[5], 2048, 64, 0, TD_ENVS_AREA },
        { "two pages as one sector", &models[0], 2048, 512, 4, TD_OK },
        { "sectors of 64 KB", &large, 131072, 0, 2, TD_OK },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct bench b;

        start(&b, rows[i].model, 1);
        b.area.size = rows[i].bytes;
        b.cfg.sector_size = rows[i].sector;
        b.cfg.sector_count = rows[i].count;
        if (td_nvs_mount(&b.nvs, &b.cfg) != rows[i].want)
            fail_msg("%s", rows[i].says);
        assert_true(rows[i].want == TD_OK || b.power.ops == 0);
        stop(&b);
    }
}

static void no_more_than_eight_sectors_are_used_unless_told(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &models[2], 8);
    mount(&b);
    assert_int_equal(b.nvs.sector_count, 8);
    b.cfg.sector_count = 3;
    assert_int_equal(td_nvs_format(&b.nvs, &b.cfg), TD_OK);
    assert_int_equal(b.nvs.sector_count, 3);
    stop(&b);
}

static void a_first_value_is_written_byte_for_byte_as_by_zephyr(void **state)
{
    // At the mount D: id ffff, offset 0, length 0, part ff, CRC. Then the value and its entry.
    static const uint8_t entries[] = { 0x34, 0x12, 0, 0, 5, 0, 0xff, 0,
                                       0xff, 0xff, 0, 0, 0, 0, 0xff, 0x5c };
    uint8_t want[sizeof entries];
    struct bench b;

    (void)state;
    start(&b, &pages, 2);
    mount(&b);
    put(&b, 0x1234, "hello", 5);
    memcpy(want, entries, sizeof want);
    want[7] = *sim_nor_peek(&b.nor, 4096 - 24 + 7);
    assert_memory_equal(sim_nor_peek(&b.nor, 4096 - 24), want, sizeof want);
    assert_memory_equal(sim_nor_peek(&b.nor, 0), "hello\xff\xff\xff", 8);
    assert_int_equal(*sim_nor_peek(&b.nor, 4096 - 8), 0xff);
    stop(&b);
}

static void values_are_read_written_and_deleted(void **state)
{
    struct bench b;
    char few[3];
    size_t len;

    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        for (int crc = 0; crc < 2; crc++) {
            start(&b, &models[m], 3);
            b.cfg.data_crc = crc != 0;
            mount(&b);
            lacks(&b, 1);
            put(&b, 1, "one", 3);
            put(&b, 0, "nought", 6);
            put(&b, 1, "eins", 4);
            holds(&b, 1, "eins");
            holds(&b, 0, "nought");
            assert_int_equal(td_nvs_delete(&b.nvs, 0), TD_OK);
            lacks(&b, 0);
            mount(&b);
            lacks(&b, 0);
            holds(&b, 1, "eins");
            assert_int_equal(td_nvs_read(&b.nvs, 1, few, sizeof few, &len), TD_ESPACE);
            assert_int_equal(len, 4);
            assert_memory_equal(few, "ein", 3);
            stop(&b);
        }
    }
}

static void what_stands_there_already_is_not_written_again(void **state)
{
    struct bench b;

    (void)state;
    start(&b, &pages, 2);
    mount(&b);
    put(&b, 1, "same", 4);
    sim_power_on(&b.power);
    put(&b, 1, "same", 4);
    assert_int_equal(td_nvs_delete(&b.nvs, 2), TD_OK);
    mount(&b);
    assert_int_equal(b.power.ops, 0);
    stop(&b);
}

static void bad_asks_are_refused_and_change_nothing(void **state)
{
    static uint8_t big[4096];
    struct td_nvs_space space;
    struct bench b;

    (void)state;
    start(&b, &pages, 2);
    assert_int_equal(td_nvs_look(&b.nvs, &b.cfg), TD_OK);
    assert_int_equal(td_nvs_write(&b.nvs, 1, "x", 1), TD_ESTATE);
    assert_int_equal(td_nvs_wipe(&b.nvs), TD_ESTATE);
    mount(&b);
    assert_int_equal(td_nvs_space(&b.nvs, &space), TD_OK);
    sim_power_on(&b.power);
    assert_int_equal(td_nvs_write(&b.nvs, TD_NVS_ID_NONE, "x", 1), TD_EARG);
    assert_int_equal(td_nvs_write(&b.nvs, 1, big, space.value_max + 1), TD_ENVS_SIZE);
    assert_int_equal(b.power.ops, 0);
    put(&b, 1, big, space.value_max);
    assert_int_equal(td_nvs_write(&b.nvs, 2, big, 64), TD_ENOSPC);
    assert_int_equal(td_nvs_delete(&b.nvs, 1), TD_OK);
    put(&b, 2, big, 64);
    stop(&b);
}

static void a_full_store_says_so_and_takes_deletions(void **state)
{
    struct bench b;
    uint16_t n = 0;

    (void)state;
    for (size_t m = 0; m < TD_N_OF(models); m++) {
        for (uint32_t sectors = 2; sectors <= 4; sectors++) {
            enum td_err err = TD_OK;

            start(&b, &models[m], sectors);
            mount(&b);
            for (n = 0; err == TD_OK; n++)
                err = td_nvs_write(&b.nvs, n, "a value", 7);
            assert_int_equal(err, TD_ENOSPC);
            for (uint16_t id = 0; id + 1 < n; id++)
                holds(&b, id, "a value");
            for (uint16_t id = 0; id + 1 < n; id++)
                assert_int_equal(td_nvs_delete(&b.nvs, id), TD_OK);
            put(&b, 7, "room", 4);
            holds(&b, 7, "room");
            stop(&b);
        }
    }
}

static void the_space_that_is_left_is_told(void **state)
{
    struct td_nvs_space space;
    struct bench b;

    (void)state;
    start(&b, &pages, 2);
    mount(&b);
    assert_int_equal(td_nvs_space(&b.nvs, &space), TD_OK);
    assert_int_equal(space.capacity, 4096 - 16);
    assert_int_equal(space.free, 4096 - 24);
    assert_int_equal(space.value_max, 4096 - 32);
    put(&b, 1, "12345", 5);
    put(&b, 1, "123456", 6);
    assert_int_equal(td_nvs_space(&b.nvs, &space), TD_OK);
    assert_int_equal(space.free, 4096 - 24 - 16);
    assert_int_equal(space.room, 4096 - 8 - 4 * 8 - 8 - 16);
    stop(&b);
}

static void a_value_whose_crc_is_wrong_is_not_given_out(void **state)
{
    uint8_t sector[4096], got[8];
    struct bench b;
    size_t len;

    (void)state;
    start(&b, &pages, 2);
    b.cfg.data_crc = true;
    mount(&b);
    put(&b, 1, "value", 5);
    memcpy(sector, sim_nor_peek(&b.nor, 0), sizeof sector);
    sector[2] ^= 1;
    sim_nor_program(&b.nor, 0, sector, sizeof sector);
    assert_int_equal(td_nvs_read(&b.nvs, 1, got, sizeof got, &len), TD_ENVS_DATA);
    put(&b, 1, "value", 5);
    holds(&b, 1, "value");
    stop(&b);
}

/* The newest entry of this ID: entries are written from the sector's end downwards. */
static size_t newest_entry(const uint8_t *sector, uint16_t id, uint16_t len)
{
    size_t at = 0;

    while (td_load_le16(sector + at) != id || td_load_le16(sector + at + 4) != len)
        at += TD_NVS_ENTRY_SIZE;
    return at;
}

static void an_entry_with_any_bit_turned_does_not_count(void **state)
{
    uint8_t sector[4096];
    struct bench b;
    size_t at;

    (void)state;
    for (unsigned bit = 0; bit < 8 * TD_NVS_ENTRY_SIZE; bit++) {
        start(&b, &pages, 2);
        mount(&b);
        put(&b, 1, "older", 5);
        put(&b, 1, "new", 3);
        memcpy(sector, sim_nor_peek(&b.nor, 0), sizeof sector);
        at = newest_entry(sector, 1, 3);
        sector[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
        sim_nor_program(&b.nor, 0, sector, sizeof sector);
        mount(&b);
        holds(&b, 1, "older");
        stop(&b);
    }
}

static void foreign_bytes_are_left_alone_until_they_are_formatted(void **state)
{
    uint8_t junk[1024];
    struct bench b;

    (void)state;
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (uint8_t)(i * 7 + 1);
    start(&b, &models[2], 4);
    sim_nor_program(&b.nor, 0, junk, sizeof junk);
    assert_int_equal(td_nvs_mount(&b.nvs, &b.cfg), TD_ENVS_FOREIGN);
    assert_int_equal(b.power.ops, 0);
    assert_int_equal(td_nvs_write(&b.nvs, 1, "x", 1), TD_ESTATE);
    assert_int_equal(td_nvs_format(&b.nvs, &b.cfg), TD_OK);
    put(&b, 1, "x", 1);
    stop(&b);
}

static void what_was_wiped_is_gone_and_the_store_goes_on(void **state)
{
    struct bench b;

    (void)state;
    for (uint32_t sectors = 2; sectors <= 4; sectors++) {
        start(&b, &models[2], sectors);
        mount(&b);
        for (uint16_t id = 0; id < 9; id++)
            put(&b, id, "0123456789", 10);
        assert_int_equal(td_nvs_wipe(&b.nvs), TD_OK);
        for (uint16_t id = 0; id < 9; id++)
            lacks(&b, id);
        put(&b, 3, "new", 3);
        mount(&b);
        holds(&b, 3, "new");
        lacks(&b, 4);
        for (uint32_t i = 0, n = 0; i < sectors; i++) {
            bool blank;

            assert_int_equal(td_flash_is_blank(&b.area, i * 256, 256, &blank), TD_OK);
            n += !blank;
            assert_true(n <= 1);
        }
        stop(&b);
    }
}

static void entries_come_newest_first(void **state)
{
    static const struct {
        uint16_t id;
        uint32_t len;
        bool current;
    } want[] = { { 2, 0, true }, { 1, 3, true }, { 2, 5, false }, { 1, 2, false } };
    struct td_nvs_entry entry;
    struct td_nvs_iter it;
    struct bench b;
    char got[4];
    bool end;

    (void)state;
    start(&b, &pages, 3);
    mount(&b);
    put(&b, 1, "ab", 2);
    put(&b, 2, "gone!", 5);
    put(&b, 1, "abc", 3);
    assert_int_equal(td_nvs_delete(&b.nvs, 2), TD_OK);
    td_nvs_begin(&it, &b.nvs);
    for (size_t i = 0; i < TD_N_OF(want); i++) {
        assert_int_equal(td_nvs_next(&it, &entry, &end), TD_OK);
        assert_false(end);
        assert_int_equal(entry.id, want[i].id);
        assert_int_equal(entry.len, want[i].len);
        assert_int_equal(entry.current, want[i].current);
    }
    assert_int_equal(td_nvs_entry_read(&b.nvs, &entry, 1, got, 1), TD_OK);
    assert_int_equal(got[0], 'b');
    assert_int_equal(td_nvs_entry_read(&b.nvs, &entry, 1, got, 2), TD_EARG);
    assert_int_equal(td_nvs_next(&it, &entry, &end), TD_OK);
    assert_true(end);
    stop(&b);
}

/* --- at random, against a table in RAM --- */

enum { IDS = 9, VALUE = 40 };

struct model {
    uint8_t value[IDS][VALUE];
    size_t len[IDS];
};

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 33) % n);
}

static void compare(const struct bench *b, const struct model *m)
{
    for (uint16_t id = 0; id < IDS; id++) {
        uint8_t got[VALUE];
        size_t len;
        enum td_err err = td_nvs_read(&b->nvs, id, got, sizeof got, &len);

        assert_int_equal(err, m->len[id] == 0 ? TD_ENOTFOUND : TD_OK);
        assert_int_equal(len, m->len[id]);
        assert_memory_equal(got, m->value[id], len);
    }
}

static void one_step(struct bench *b, struct model *m, uint64_t *seed)
{
    uint16_t id = (uint16_t)random_below(seed, IDS);
    size_t len = random_below(seed, 4) == 0 ? 0 : random_below(seed, VALUE / 3) + 1;
    uint8_t value[VALUE];

    for (size_t i = 0; i < len; i++)
        value[i] = (uint8_t)random_below(seed, 256);
    put(b, id, value, len);
    m->len[id] = len;
    memcpy(m->value[id], value, len);
}

static void a_thousand_random_steps_read_as_a_table_would(void **state)
{
    static const struct sim_nor_model *const with[] = { &models[0], &models[1], &models[2],
                                                        &models[3], &pages,     &models[6] };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(with); i++) {
        for (uint32_t sectors = 2; sectors <= 5; sectors++) {
            uint64_t seed = 4711 + sectors;
            struct model m = { .len = { 0 } };
            struct bench b;

            start(&b, with[i], sectors);
            b.cfg.data_crc = (sectors & 1) != 0 && with[i] == &pages;
            mount(&b);
            for (unsigned n = 0; n < 1000; n++) {
                one_step(&b, &m, &seed);
                if (random_below(&seed, 50) == 0)
                    mount(&b);
                compare(&b, &m);
            }
            stop(&b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_area_that_cannot_be_a_store_is_refused),
        cmocka_unit_test(no_more_than_eight_sectors_are_used_unless_told),
        cmocka_unit_test(a_first_value_is_written_byte_for_byte_as_by_zephyr),
        cmocka_unit_test(values_are_read_written_and_deleted),
        cmocka_unit_test(what_stands_there_already_is_not_written_again),
        cmocka_unit_test(bad_asks_are_refused_and_change_nothing),
        cmocka_unit_test(a_full_store_says_so_and_takes_deletions),
        cmocka_unit_test(the_space_that_is_left_is_told),
        cmocka_unit_test(a_value_whose_crc_is_wrong_is_not_given_out),
        cmocka_unit_test(an_entry_with_any_bit_turned_does_not_count),
        cmocka_unit_test(foreign_bytes_are_left_alone_until_they_are_formatted),
        cmocka_unit_test(what_was_wiped_is_gone_and_the_store_goes_on),
        cmocka_unit_test(entries_come_newest_first),
        cmocka_unit_test(a_thousand_random_steps_read_as_a_table_would),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
