#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "sim/nor.h"
#include "slot/trailer.h"

#define SLOT 16384u

static const struct td_flash_run runs[] = { { 8, 4096 } };

struct bench {
    struct sim_nor_model model;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area;
    struct td_trailer t;
    uint8_t *bytes, *meta;
};

/* A slot at the end of a flash that takes each word once, and knows of torn ones. */
static void start(struct bench *b, uint16_t w, uint8_t align, uint8_t erased, bool ecc,
                  uint64_t seed)
{
    memset(b, 0, sizeof *b);
    b->model = (struct sim_nor_model){
        .runs = runs,
        .n_runs = 1,
        .erased = erased,
        .budget = 1,
        .write_size = w,
        .ecc_error = ecc,
        .write_unit = w,
        .erase_unit = 4096,
    };
    b->bytes = malloc(sim_nor_size(&b->model));
    b->meta = malloc(sim_nor_meta_size(&b->model));
    sim_nor_init(&b->nor, &b->model, b->bytes, b->meta, &b->power, seed);
    b->area = (struct td_flash_area){ &b->nor.dev, SLOT, SLOT };
    b->t = (struct td_trailer){
        .area = &b->area,
        .mode = TD_MODE_MOVE,
        .max_sectors = 16,
        .write_size = (uint8_t)w,
        .max_align = align,
    };
    assert_int_equal(td_trailer_check(&b->t), TD_OK);
}

static void stop(struct bench *b)
{
    assert_int_equal(b->nor.stats.over_budget, 0);
    assert_int_equal(b->nor.stats.misaligned, 0);
    free(b->bytes);
    free(b->meta);
}

static void cells_stand_where_mcuboot_has_them(void **state)
{
    static const struct {
        uint8_t align;
        uint32_t ok, done, info, size, offset_size;
    } rows[] = {
        { 8, 24, 32, 40, 48, 56 },
        { 16, 32, 48, 64, 80, 96 },
        { 32, 64, 96, 128, 160, 192 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct bench b;

        start(&b, 8, rows[i].align, 0xFF, false, 1);
        assert_int_equal(SLOT - td_trailer_magic_off(&b.t), 16);
        assert_int_equal(SLOT - td_trailer_image_ok_off(&b.t), rows[i].ok);
        assert_int_equal(SLOT - td_trailer_copy_done_off(&b.t), rows[i].done);
        assert_int_equal(SLOT - td_trailer_swap_info_off(&b.t), rows[i].info);
        assert_int_equal(SLOT - td_trailer_swap_size_off(&b.t), rows[i].size);
        assert_int_equal(SLOT - td_trailer_status_off(&b.t), rows[i].size + 16 * 3 * 8);
        b.t.enc_key_len = 16;
        assert_int_equal(SLOT - td_trailer_enc_key_off(&b.t, 0),
                         rows[i].size + td_round_up(16, rows[i].align));
        assert_int_equal(SLOT - td_trailer_enc_key_off(&b.t, 1),
                         rows[i].size + 2 * td_round_up(16, rows[i].align));
        b.t.enc_key_len = 0;
        b.t.mode = TD_MODE_OFFSET;
        assert_int_equal(SLOT - td_trailer_tlv_sizes_off(&b.t), rows[i].size);
        assert_int_equal(SLOT - td_trailer_swap_size_off(&b.t), rows[i].offset_size);
        assert_int_equal(SLOT - td_trailer_status_off(&b.t), rows[i].offset_size + 16 * 2 * 8);
        stop(&b);
    }
}

/* Written out by hand from the format: swap size 0x12345, test of image 1, both flags. */
static void the_bytes_are_mcuboots(void **state)
{
    static const uint8_t want_8[48] = {
        0x45, 0x23, 0x01, 0x00, 0xff, 0xff, 0xff, 0xff, /* swap size */
        0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* swap info */
        0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* copy done */
        0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* image ok */
        0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
        0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80,
    };
    static const uint8_t want_16_end[16] = { 0x10, 0x00, 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b,
                                             0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a };
    struct bench b;

    (void)state;
    for (uint16_t w = 1; w <= 8; w = (uint16_t)(w * 2)) {
        start(&b, w, 8, 0xFF, false, 1);
        assert_int_equal(td_trailer_write_swap_size(&b.t, 0x12345), TD_OK);
        assert_int_equal(td_trailer_write_swap_info(&b.t, TD_SWAP_TEST, 1), TD_OK);
        assert_int_equal(td_trailer_write_copy_done(&b.t), TD_OK);
        assert_int_equal(td_trailer_write_image_ok(&b.t), TD_OK);
        assert_int_equal(td_trailer_write_magic(&b.t), TD_OK);
        assert_memory_equal(sim_nor_peek(&b.nor, 2 * SLOT - 48), want_8, 48);
        stop(&b);
    }
    start(&b, 4, 16, 0xFF, false, 1);
    assert_int_equal(td_trailer_write_magic(&b.t), TD_OK);
    assert_memory_equal(sim_nor_peek(&b.nor, 2 * SLOT - 16), want_16_end, 16);
    stop(&b);
    start(&b, 4, 32, 0x00, false, 1);
    assert_int_equal(td_trailer_write_magic(&b.t), TD_OK);
    assert_int_equal(*sim_nor_peek(&b.nor, 2 * SLOT - 16), 0x20);
    assert_memory_equal(sim_nor_peek(&b.nor, 2 * SLOT - 15), want_16_end + 1, 15);
    stop(&b);
}

static void every_cell_is_read_as_it_was_written(void **state)
{
    static const uint8_t erased[] = { 0xFF, 0x00 };
    static const uint8_t key[16] = "sixteen  bytes.";

    (void)state;
    for (uint16_t w = 1; w <= 32; w = (uint16_t)(w * 2)) {
        for (uint8_t align = 8; align <= 32; align = (uint8_t)(align * 2)) {
            for (size_t e = 0; e < 2 && w <= align; e++) {
                struct td_trailer_state s;
                struct bench b;
                uint32_t size, count;
                uint16_t p, x;
                uint8_t got[16];
                enum td_flag flag;
                bool gap;

                start(&b, w, align, erased[e], true, 1);
                b.t.mode = TD_MODE_OFFSET;
                b.t.enc_key_len = 16;
                assert_int_equal(td_trailer_read(&b.t, &s), TD_OK);
                assert_int_equal(s.magic, TD_MAGIC_UNSET);
                assert_int_equal(s.image_ok, TD_FLAG_UNSET);
                assert_int_equal(s.copy_done, TD_FLAG_UNSET);
                assert_int_equal(s.swap_info, TD_FLAG_UNSET);
                assert_int_equal(s.swap_type, TD_SWAP_NONE);
                assert_int_equal(td_trailer_read_swap_size(&b.t, &flag, &size), TD_OK);
                assert_int_equal(flag, TD_FLAG_UNSET);
                assert_int_equal(td_trailer_read_enc_key(&b.t, 1, &flag, got, 16), TD_OK);
                assert_int_equal(flag, TD_FLAG_UNSET);

                assert_int_equal(td_trailer_write_swap_size(&b.t, 70000), TD_OK);
                assert_int_equal(td_trailer_write_tlv_sizes(&b.t, 0x128, 0x97), TD_OK);
                assert_int_equal(td_trailer_write_enc_key(&b.t, 1, key, 16), TD_OK);
                for (uint32_t n = 0; n < 5; n++)
                    assert_int_equal(td_trailer_write_status(&b.t, n, (uint8_t)(n % 2 + 1)), TD_OK);
                assert_int_equal(td_trailer_write_swap_info(&b.t, TD_SWAP_REVERT, 14), TD_OK);
                assert_int_equal(td_trailer_write_copy_done(&b.t), TD_OK);
                assert_int_equal(td_trailer_write_image_ok(&b.t), TD_OK);
                assert_int_equal(td_trailer_write_magic(&b.t), TD_OK);

                assert_int_equal(td_trailer_read(&b.t, &s), TD_OK);
                assert_int_equal(s.magic, TD_MAGIC_GOOD);
                assert_int_equal(s.image_ok, TD_FLAG_SET);
                assert_int_equal(s.copy_done, TD_FLAG_SET);
                assert_int_equal(s.swap_info, TD_FLAG_SET);
                assert_int_equal(s.swap_type, TD_SWAP_REVERT);
                assert_int_equal(s.image_num, 14);
                assert_int_equal(td_trailer_read_swap_size(&b.t, &flag, &size), TD_OK);
                assert_int_equal(size, 70000);
                assert_int_equal(td_trailer_read_tlv_sizes(&b.t, &flag, &p, &x), TD_OK);
                assert_int_equal(p, 0x128);
                assert_int_equal(x, 0x97);
                assert_int_equal(td_trailer_read_enc_key(&b.t, 1, &flag, got, 16), TD_OK);
                assert_memory_equal(got, key, 16);
                assert_int_equal(td_trailer_read_enc_key(&b.t, 0, &flag, got, 16), TD_OK);
                assert_int_equal(flag, TD_FLAG_UNSET);
                assert_int_equal(td_trailer_status_count(&b.t, 0, 32, &count, &gap), TD_OK);
                assert_int_equal(count, 5);
                assert_false(gap);
                assert_int_equal(td_trailer_status_count(&b.t, 1, 32, &count, &gap), TD_EBOUNDS);
                assert_int_equal(td_trailer_write_status(&b.t, 32, 1), TD_EBOUNDS);
                assert_int_equal(td_trailer_erase(&b.t), TD_OK);
                assert_int_equal(td_trailer_read(&b.t, &s), TD_OK);
                assert_int_equal(s.magic, TD_MAGIC_UNSET);
                stop(&b);
            }
        }
    }
}

/* Pads of a whole word would be programs of nothing, and each costs an ECC word its one program. */
static void no_word_is_written_with_nothing_in_it(void **state)
{
    struct bench b;

    (void)state;
    start(&b, 4, 32, 0xFF, true, 1);
    assert_int_equal(td_trailer_write_magic(&b.t), TD_OK);
    assert_int_equal(b.nor.stats.written_bytes, 16);
    assert_int_equal(td_trailer_write_image_ok(&b.t), TD_OK);
    assert_int_equal(b.nor.stats.written_bytes, 20);
    assert_int_equal(td_trailer_write_swap_size(&b.t, 0xFFFFFFFFu), TD_OK);
    assert_int_equal(b.nor.stats.written_bytes, 20);
    stop(&b);
}

static void other_alignments_magic_is_bad(void **state)
{
    struct bench b;
    struct td_trailer_state s;

    (void)state;
    start(&b, 4, 16, 0xFF, false, 1);
    assert_int_equal(td_trailer_write_magic(&b.t), TD_OK);
    b.t.max_align = 32;
    assert_int_equal(td_trailer_read(&b.t, &s), TD_OK);
    assert_int_equal(s.magic, TD_MAGIC_BAD);
    b.t.max_align = 8;
    assert_int_equal(td_trailer_read(&b.t, &s), TD_OK);
    assert_int_equal(s.magic, TD_MAGIC_BAD);
    stop(&b);
}

static void swap_info_is_none_or_bad_for_what_no_writer_wrote(void **state)
{
    static const struct {
        uint8_t byte;
        enum td_flag flag;
        enum td_swap_type type;
        uint8_t image;
    } rows[] = {
        { 0xFF, TD_FLAG_UNSET, TD_SWAP_NONE, 0 }, { 0x02, TD_FLAG_SET, TD_SWAP_TEST, 0 },
        { 0x13, TD_FLAG_SET, TD_SWAP_PERM, 1 },   { 0xE4, TD_FLAG_SET, TD_SWAP_REVERT, 14 },
        { 0x00, TD_FLAG_BAD, TD_SWAP_NONE, 0 },   { 0x01, TD_FLAG_BAD, TD_SWAP_NONE, 0 },
        { 0x05, TD_FLAG_BAD, TD_SWAP_NONE, 0 },   { 0x1F, TD_FLAG_BAD, TD_SWAP_NONE, 0 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_trailer_state s;
        struct bench b;

        start(&b, 1, 8, 0xFF, false, 1);
        sim_nor_program(&b.nor, 2 * SLOT - 40, &rows[i].byte, 1);
        assert_int_equal(td_trailer_read(&b.t, &s), TD_OK);
        assert_int_equal(s.swap_info, rows[i].flag);
        assert_int_equal(s.swap_type, rows[i].type);
        assert_int_equal(s.image_num, rows[i].image);
        stop(&b);
    }
}

static enum td_err write_cell_number(const struct td_trailer *t, unsigned n)
{
    switch (n) {
    case 0: return td_trailer_write_magic(t);
    case 1: return td_trailer_write_image_ok(t);
    case 2: return td_trailer_write_copy_done(t);
    case 3: return td_trailer_write_swap_info(t, TD_SWAP_TEST, 0);
    case 4: return td_trailer_write_swap_size(t, 70000);
    default: return td_trailer_write_status(t, 7, 1);
    }
}

static unsigned read_cell_number(const struct td_trailer *t, unsigned n)
{
    struct td_trailer_state s;
    enum td_flag flag;
    uint32_t size;

    assert_int_equal(td_trailer_read(t, &s), TD_OK);
    switch (n) {
    case 0: return s.magic;
    case 1: return s.image_ok;
    case 2: return s.copy_done;
    case 3: return s.swap_info;
    case 4: assert_int_equal(td_trailer_read_swap_size(t, &flag, &size), TD_OK); return flag;
    default: assert_int_equal(td_trailer_read_status(t, 7, &flag), TD_OK); return flag;
    }
}

static void a_torn_cell_is_bad_however_it_reads_at_first(void **state)
{
    static const struct {
        uint16_t w;
        uint8_t align, erased;
        bool ecc;
    } rows[] = {
        { 1, 8, 0xFF, false }, { 4, 8, 0xFF, false },   { 4, 8, 0x00, false },
        { 8, 8, 0xFF, true },  { 16, 16, 0xFF, false }, { 32, 32, 0xFF, true },
    };
    uint32_t cuts = 0;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        for (unsigned cell = 0; cell < 6; cell++) {
            for (uint64_t seed = 1; seed <= 40; seed++) {
                struct bench b;
                uint32_t count;
                bool gap;

                start(&b, rows[i].w, rows[i].align, rows[i].erased, rows[i].ecc, seed);
                sim_power_cut_at(&b.power, 0, SIM_CUT_TORN);
                assert_int_equal(write_cell_number(&b.t, cell), TD_EFLASH);
                sim_power_on(&b.power);
                for (int again = 0; again < 4; again++)
                    assert_int_equal(read_cell_number(&b.t, cell), TD_FLAG_BAD);
                if (cell == 5) {
                    assert_int_equal(td_trailer_status_count(&b.t, 0, 48, &count, &gap), TD_OK);
                    assert_int_equal(count, 8);
                    assert_true(gap);
                }
                cuts++;
                stop(&b);
            }
        }
    }
    print_message("%u torn cells\n", cuts);
}

static void a_driver_that_fails_is_an_error_and_not_a_flag(void **state)
{
    struct bench b;
    struct td_trailer_state s = { .image_num = 9 };

    (void)state;
    start(&b, 4, 8, 0xFF, false, 1);
    b.power.lost = true;
    assert_int_equal(td_trailer_read(&b.t, &s), TD_EFLASH);
    assert_int_equal(s.image_num, 9);
    assert_int_equal(td_trailer_write_magic(&b.t), TD_EFLASH);
    assert_int_equal(td_trailer_erase(&b.t), TD_EFLASH);
    stop(&b);
}

static void a_trailer_that_does_not_fit_is_refused(void **state)
{
    struct bench b;

    (void)state;
    start(&b, 32, 32, 0xFF, false, 1);
    b.t.max_sectors = 200;
    assert_int_equal(td_trailer_check(&b.t), TD_ESLOT_TINY);
    b.t.max_sectors = 0;
    assert_int_equal(td_trailer_check(&b.t), TD_EARG);
    b.t.max_sectors = 16;
    b.t.write_size = 16;
    assert_int_equal(td_trailer_check(&b.t), TD_EARG);
    b.t.write_size = 32;
    b.t.max_align = 16;
    assert_int_equal(td_trailer_check(&b.t), TD_EARG);
    stop(&b);
}

static void entries_are_counted_as_the_mode_does(void **state)
{
    struct bench b;

    (void)state;
    start(&b, 4, 8, 0xFF, false, 1);
    assert_int_equal(td_trailer_n_status(&b.t), 48);
    assert_int_equal(td_trailer_move_entry(1), 0);
    assert_int_equal(td_trailer_swap_entry(&b.t, 1, 1), 16);
    assert_int_equal(td_trailer_swap_entry(&b.t, 3, 2), 16 + 2 * 2 + 1);
    b.t.mode = TD_MODE_OFFSET;
    assert_int_equal(td_trailer_n_status(&b.t), 32);
    assert_int_equal(td_trailer_swap_entry(&b.t, 3, 2), 2 * 2 + 1);
    b.t.mode = TD_MODE_SCRATCH;
    assert_int_equal(td_trailer_swap_entry(&b.t, 3, 2), 2 * 3 + 1);
    b.t.scratch = true;
    assert_int_equal(td_trailer_n_status(&b.t), 3);
    assert_int_equal(td_trailer_size(&b.t), 48 + 3 * 4);
    stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_stand_where_mcuboot_has_them),
        cmocka_unit_test(the_bytes_are_mcuboots),
        cmocka_unit_test(every_cell_is_read_as_it_was_written),
        cmocka_unit_test(no_word_is_written_with_nothing_in_it),
        cmocka_unit_test(other_alignments_magic_is_bad),
        cmocka_unit_test(swap_info_is_none_or_bad_for_what_no_writer_wrote),
        cmocka_unit_test(a_torn_cell_is_bad_however_it_reads_at_first),
        cmocka_unit_test(a_driver_that_fails_is_an_error_and_not_a_flag),
        cmocka_unit_test(a_trailer_that_does_not_fit_is_refused),
        cmocka_unit_test(entries_are_counted_as_the_mode_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
