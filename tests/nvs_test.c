/*
 * Settings in flash, against a reader and a writer that were made from the description of the
 * format alone (nvs_reader.py): what ours writes it reads, what it writes ours reads, and goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/range.h"
#include "nvs/settings.h"
#include "sim/nor.h"

enum { SECTORS_MAX = 5, KEYS = 4, VALUE = 13 };

static const struct td_flash_run runs[] = { { SECTORS_MAX, 256 } };

static const struct shape {
    const char *options; /* the reader's */
    uint16_t word, sectors;
    uint8_t erased;
    bool data_crc;
} shapes[] = {
    { "--word 4", 4, 2, 0xff, false },
    { "--word 1 --crc", 1, 3, 0xff, true },
    { "--word 8", 8, 5, 0xff, false },
    { "--word 16 --crc", 16, 2, 0xff, true },
    { "--word 4 --erased 00", 4, 3, 0x00, false },
};

static struct bench {
    struct sim_nor_model model;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area;
    struct td_nvs_config cfg;
    struct td_settings settings;
    uint8_t bytes[SECTORS_MAX * 256];
    uint8_t meta[16384];
    const struct shape *shape;
    char path[64];
} b;

static void start(const struct shape *shape)
{
    memset(&b, 0, sizeof b);
    b.shape = shape;
    b.model = (struct sim_nor_model){ .name = "nvs",
                                      .runs = runs,
                                      .n_runs = 1,
                                      .erased = shape->erased,
                                      .budget = 1,
                                      .write_size = shape->word,
                                      .write_unit = shape->word,
                                      .erase_unit = 256 };
    sim_nor_init(&b.nor, &b.model, b.bytes, b.meta, &b.power, 1);
    b.area = (struct td_flash_area){ &b.nor.dev, 0, shape->sectors * 256u };
    b.cfg = (struct td_nvs_config){ .area = &b.area, .data_crc = shape->data_crc };
    snprintf(b.path, sizeof b.path, "/tmp/tandem-nvs-%d.bin", (int)getpid());
}

/* What the reader prints, run with these arguments beside the file's name. */
static void ask_reader(const char *what, char *out, size_t cap)
{
    char command[512];
    FILE *pipe;
    size_t n;

    snprintf(command, sizeof command,
             "python3 " TD_ROOT "/tests/nvs_reader.py %s --sector 256 --count %u %s %s", b.path,
             b.shape->sectors, b.shape->options, what);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    n = fread(out, 1, cap - 1, pipe);
    out[n] = '\0';
    assert_int_equal(pclose(pipe), 0);
}

static void save_partition(void)
{
    FILE *file = fopen(b.path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(b.bytes, 1, b.area.size, file), b.area.size);
    fclose(file);
}

static void load_partition(void)
{
    FILE *file = fopen(b.path, "rb");
    uint8_t bytes[SECTORS_MAX * 256];

    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), b.area.size);
    fclose(file);
    sim_nor_program(&b.nor, 0, bytes, b.area.size);
}

/* The same list that the reader prints, as ours reads it. */
static void list_values(char *out, size_t cap)
{
    size_t at = 0;

    out[0] = '\0';
    for (uint16_t id = 0; id < KEYS; id++) {
        uint8_t value[VALUE];
        size_t len;
        enum td_err err = td_nvs_read(&b.settings.nvs, id, value, sizeof value, &len);

        assert_true(err == TD_OK || err == TD_ENOTFOUND);
        if (err == TD_ENOTFOUND)
            continue;
        at += (size_t)snprintf(out + at, cap - at, "%u ", id);
        for (size_t i = 0; i < len; i++)
            at += (size_t)snprintf(out + at, cap - at, "%02x", value[i]);
        at += (size_t)snprintf(out + at, cap - at, "\n");
    }
}

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*seed >> 33) % n);
}

static void write_at_random(uint64_t *seed, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t value[VALUE];
        size_t len = random_below(seed, VALUE);

        for (size_t k = 0; k < len; k++)
            value[k] = (uint8_t)random_below(seed, 256);
        assert_int_equal(
            td_nvs_write(&b.settings.nvs, (uint16_t)random_below(seed, KEYS), value, len), TD_OK);
    }
}

static void compare(void)
{
    char theirs[2048], ours[2048];

    save_partition();
    ask_reader("", theirs, sizeof theirs);
    list_values(ours, sizeof ours);
    assert_string_equal(ours, theirs);
}

static void what_ours_writes_an_independent_reader_reads(void **state)
{
    uint64_t seed = 20;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(shapes); i++) {
        start(&shapes[i]);
        assert_int_equal(td_settings_mount(&b.settings, &b.cfg), TD_OK);
        for (unsigned n = 0; n < 4; n++) {
            write_at_random(&seed, 5 + random_below(&seed, 60));
            compare();
        }
        remove(b.path);
    }
}

static void what_an_independent_writer_writes_ours_reads_and_goes_on_with(void **state)
{
    static const char *const ways[] = { "", "--packed" };
    uint64_t seed = 21;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(shapes) * TD_N_OF(ways) * 2; i++) {
        char theirs[2048], ours[2048], what[64];

        start(&shapes[i % TD_N_OF(shapes)]);
        snprintf(what, sizeof what, "--make %zu %s", i, ways[i / TD_N_OF(shapes) % 2]);
        ask_reader(what, theirs, sizeof theirs);
        load_partition();
        assert_int_equal(td_settings_look(&b.settings, &b.cfg), TD_OK);
        list_values(ours, sizeof ours);
        assert_string_equal(ours, theirs);
        assert_int_equal(td_settings_mount(&b.settings, &b.cfg), TD_OK);
        write_at_random(&seed, 40);
        compare();
        remove(b.path);
    }
}

static void settings_by_name_are_read_by_the_other_one(void **state)
{
    char theirs[2048];

    (void)state;
    start(&shapes[2]);
    assert_int_equal(td_settings_mount(&b.settings, &b.cfg), TD_OK);
    assert_int_equal(td_settings_set(&b.settings, "app/speed", 9, "\x2a", 1), TD_OK);
    assert_int_equal(td_settings_set(&b.settings, "gone", 4, "x", 1), TD_OK);
    assert_int_equal(td_settings_set(&b.settings, "bt/name", 7, "Tandem", 6), TD_OK);
    assert_int_equal(td_settings_remove(&b.settings, "gone", 4), TD_OK);
    save_partition();
    ask_reader("--settings", theirs, sizeof theirs);
    assert_string_equal(theirs, "app/speed 2a\nbt/name 54616e64656d\n");
    remove(b.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_ours_writes_an_independent_reader_reads),
        cmocka_unit_test(what_an_independent_writer_writes_ours_reads_and_goes_on_with),
        cmocka_unit_test(settings_by_name_are_read_by_the_other_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
