/* Sections 4, 5.8 and 6.1: where each cell lies, how large images may be, what the calls do. */
#include "reference.h"
#include "slot/room.h"

static struct ref_device dev;

static bool offsets(enum td_strategy_id mode)
{
    return mode == TD_MODE_OFFSET;
}

/* --- section 4: geometry --- */

static const struct geometry {
    enum td_strategy_id mode;
    uint8_t write_size, align;
    uint32_t image_ok, copy_done, swap_info, tlv_sizes, swap_size, info, size; /* from the end */
} geometries[] = {
    { TD_MODE_MOVE, 8, 8, 24, 32, 40, 0, 48, 48, 3120 },
    { TD_MODE_MOVE, 4, 8, 24, 32, 40, 0, 48, 48, 1584 },
    { TD_MODE_MOVE, 1, 8, 24, 32, 40, 0, 48, 48, 432 },
    { TD_MODE_MOVE, 16, 16, 32, 48, 64, 0, 80, 80, 6224 },
    { TD_MODE_MOVE, 32, 32, 64, 96, 128, 0, 160, 160, 12448 },
    { TD_MODE_SCRATCH, 8, 8, 24, 32, 40, 0, 48, 48, 3120 },
    { TD_MODE_SCRATCH, 4, 8, 24, 32, 40, 0, 48, 48, 1584 },
    { TD_MODE_SCRATCH, 1, 8, 24, 32, 40, 0, 48, 48, 432 },
    { TD_MODE_SCRATCH, 16, 16, 32, 48, 64, 0, 80, 80, 6224 },
    { TD_MODE_SCRATCH, 32, 32, 64, 96, 128, 0, 160, 160, 12448 },
    { TD_MODE_OFFSET, 8, 8, 24, 32, 40, 48, 56, 56, 2104 },
    { TD_MODE_OFFSET, 4, 8, 24, 32, 40, 48, 56, 56, 1080 },
    { TD_MODE_OFFSET, 1, 8, 24, 32, 40, 48, 56, 56, 312 },
    { TD_MODE_OFFSET, 16, 16, 32, 48, 64, 80, 96, 96, 4192 },
    { TD_MODE_OFFSET, 32, 32, 64, 96, 128, 160, 192, 192, 8384 },
    { TD_MODE_SINGLE, 8, 8, 24, 32, 40, 0, 48, 48, 48 },
    { TD_MODE_SINGLE, 16, 16, 32, 48, 64, 0, 80, 80, 80 },
    { TD_MODE_LOADER, 32, 32, 64, 96, 128, 0, 160, 160, 160 },
};

/* Slots of 256 KiB and, for A = 32, of a size that is no multiple of 32 either. */
static void every_cell_lies_where_section_4_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof geometries / sizeof geometries[0]; i++) {
        const struct geometry *g = &geometries[i];
        const struct td_flash_area area = { NULL, 0, 262144 };
        const struct td_trailer t = { .area = &area,
                                      .mode = g->mode,
                                      .max_sectors = 128,
                                      .write_size = g->write_size,
                                      .max_align = g->align };
        uint32_t end = area.size;

        assert_int_equal(td_trailer_magic_off(&t), end - 16);
        assert_int_equal(td_trailer_image_ok_off(&t), end - g->image_ok);
        assert_int_equal(td_trailer_image_ok_off(&t), ref_image_ok_off(end, g->align));
        assert_int_equal(td_trailer_copy_done_off(&t), end - g->copy_done);
        assert_int_equal(td_trailer_swap_info_off(&t), end - g->swap_info);
        if (offsets(g->mode))
            assert_int_equal(td_trailer_tlv_sizes_off(&t), end - g->tlv_sizes);
        assert_int_equal(td_trailer_swap_size_off(&t), end - g->swap_size);
        assert_int_equal(td_trailer_size(&t), g->size);
        assert_int_equal(td_trailer_status_off(&t), end - g->size);
    }
}

/* 4: the image in P has index 0, nearest to the end; k bytes rounded up to A; T grows by both. */
static void the_keys_lie_below_swap_size_and_that_of_the_primary_s_image_first(void **state)
{
    static const struct {
        uint8_t align;
        uint16_t key;
        uint32_t cell;
    } rows[] = { { 8, 16, 16 },   { 8, 32, 32 },    { 16, 16, 16 },   { 32, 16, 32 }, { 8, 24, 24 },
                 { 8, 113, 120 }, { 16, 113, 128 }, { 32, 113, 128 }, { 8, 256, 256 } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct td_flash_area area = { NULL, 0, 262144 };
        const struct td_trailer t = { .area = &area,
                                      .mode = TD_MODE_MOVE,
                                      .max_sectors = 128,
                                      .write_size = 8,
                                      .max_align = rows[i].align,
                                      .enc_key_len = rows[i].key };
        uint32_t swap_size = td_trailer_swap_size_off(&t);

        assert_int_equal(td_trailer_enc_key_off(&t, 0), swap_size - rows[i].cell);
        assert_int_equal(td_trailer_enc_key_off(&t, 1), swap_size - 2 * rows[i].cell);
        assert_int_equal(td_trailer_status_off(&t), swap_size - 2 * rows[i].cell - 3 * 128 * 8);
    }
}

static void status_entries_have_the_numbers_of_section_4(void **state)
{
    struct td_trailer t = { .mode = TD_MODE_SCRATCH, .max_sectors = 128 };

    (void)state;
    for (uint32_t idx = 1; idx <= 128; idx++) {
        assert_int_equal(td_trailer_move_entry(idx), idx - 1);
        for (uint32_t s = 1; s <= 3; s++) {
            t.mode = TD_MODE_SCRATCH;
            assert_int_equal(td_trailer_swap_entry(&t, idx, s), (idx - 1) * 3 + s - 1);
            if (s == 3)
                continue;
            t.mode = TD_MODE_MOVE;
            assert_int_equal(td_trailer_swap_entry(&t, idx, s), 128 + (idx - 1) * 2 + s - 1);
            t.mode = TD_MODE_OFFSET;
            assert_int_equal(td_trailer_swap_entry(&t, idx, s), (idx - 1) * 2 + s - 1);
        }
    }
}

/* --- section 4: bytes --- */

/* What is written by each call, for each A and for both erased values; then read again. */
static void each_cell_is_one_write_of_the_bytes_of_section_4(void **state)
{
    static const uint8_t aligns[] = { 8, 16, 32 }, erased[] = { 0xff, 0x00 };

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct ref_shape shape = ref_usual;
        uint8_t magic[16], a = aligns[i / 2];

        shape.write_size = shape.align = a;
        shape.erased = erased[i % 2];
        shape.sector = 4096;
        ref_make(&dev, &td_strategy_move, &shape);
        const uint8_t *end = sim_nor_peek(&dev.nor, 0) + dev.primary.size;
        uint32_t ok = dev.primary.size - ref_image_ok_off(dev.primary.size, a);

        assert_true(ref_cells_are(&dev.p, &ref_blank));
        assert_int_equal(td_trailer_write_swap_info(&dev.p, TD_SWAP_REVERT, 3), TD_OK);
        assert_int_equal(td_trailer_write_image_ok(&dev.p), TD_OK);
        assert_int_equal(td_trailer_write_swap_size(&dev.p, 0x00012345), TD_OK);
        assert_int_equal(td_trailer_write_copy_done(&dev.p), TD_OK);
        assert_int_equal(td_trailer_write_magic(&dev.p), TD_OK);
        assert_int_equal(dev.power.ops, 5);
        ref_magic(magic, a);
        assert_memory_equal(end - 16, magic, 16);
        assert_int_equal(end[-(int)ok], 1);
        assert_int_equal(end[-(int)(ok + a)], 1);
        assert_int_equal(end[-(int)(ok + 2u * a)], 0x34);
        assert_int_equal(td_load_le32(end - ok - 3u * a), 0x00012345);
        for (uint32_t n = 1; n < a; n++) {
            assert_int_equal(end[-(int)ok + (int)n], shape.erased);
            assert_int_equal(end[-(int)(ok + a) + (int)n], shape.erased);
        }
        assert_true(ref_cells_are(&dev.p, &(struct ref_cells){ GOOD, SET, SET, 4, 0 }));
        assert_int_equal(ref_state(&dev.p).image_num, 3);
    }
}

/* 4: a flag is SET by 0x01 alone; swap_info's low nibble is 2 to 4, all else says NONE. */
static void every_byte_of_a_flag_and_of_swap_info_reads_as_section_4_says(void **state)
{
    uint8_t sector[1024];

    (void)state;
    ref_make(&dev, &td_strategy_move, &ref_usual);
    for (unsigned v = 0; v < 256; v++) {
        unsigned type = v & 15, image = v >> 4;
        struct td_trailer_state s;

        memset(sector, 0xff, sizeof sector);
        sector[1024 - 24] = sector[1024 - 32] = sector[1024 - 40] = (uint8_t)v;
        sim_nor_program(&dev.nor, dev.primary.size - 1024, sector, sizeof sector);
        s = ref_state(&dev.p);
        assert_int_equal(s.image_ok, v == 0xff ? UNSET : v == 1 ? SET : BAD);
        assert_int_equal(s.copy_done, s.image_ok);
        if (type >= 2 && type <= 4) {
            assert_int_equal(s.swap_type, type);
            assert_int_equal(s.image_num, image);
        } else {
            assert_int_equal(s.swap_type, TD_SWAP_NONE);
        }
        assert_int_equal(s.magic, UNSET);
    }
}

/* 4: one wrong byte of sixteen, or the magic of another A, is BAD; "magic mismatch" (12.1). */
static void a_magic_that_is_not_this_a_s_is_bad(void **state)
{
    static const uint8_t aligns[] = { 8, 16, 32 };
    uint8_t sector[1024], magic[16];
    struct ref_shape shape = ref_usual;

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        shape.align = aligns[i / 3];
        ref_make(&dev, &td_strategy_move, &shape);
        ref_magic(magic, aligns[i % 3]);
        memset(sector, 0xff, sizeof sector);
        memcpy(sector + 1008, magic, 16);
        sim_nor_program(&dev.nor, dev.primary.size - 1024, sector, sizeof sector);
        assert_int_equal(ref_state(&dev.p).magic, i / 3 == i % 3 ? GOOD : BAD);
        for (unsigned n = 0; n < 16; n++) {
            sector[1008 + n] ^= 0x10;
            sim_nor_program(&dev.nor, dev.primary.size - 1024, sector, sizeof sector);
            assert_int_equal(ref_state(&dev.p).magic, BAD);
            sector[1008 + n] ^= 0x10;
        }
    }
}

/* --- 5.8: the formulas, over many shapes --- */

static uint32_t up(uint32_t x, uint32_t a)
{
    return (x + a - 1) / a * a;
}

static uint32_t info(enum td_strategy_id mode, uint32_t a)
{
    return 4 * a + up(16, a) + (offsets(mode) ? a : 0);
}

/* The limit of 5.8; 0: there is none. T and t as there, one sector size. */
static uint32_t limit(enum td_strategy_id mode, uint32_t p, uint32_t x, uint32_t s, uint32_t w,
                      uint32_t a)
{
    uint32_t st = mode == TD_MODE_OFFSET ? 2 : 3;
    uint32_t trailer = info(mode, a) + st * 128 * w;
    uint32_t first = trailer % s == 0 ? s : trailer % s; /* of T, in the first sector it touches */
    uint32_t short_one = 3 * w + info(mode, a), less;

    switch (mode) {
    case TD_MODE_SCRATCH: return p - trailer - (short_one > first ? short_one - first : 0);
    case TD_MODE_MOVE:
        return p - up(trailer, s) - s < x - up(trailer, s) ? p - up(trailer, s) - s
                                                           : x - up(trailer, s);
    case TD_MODE_OFFSET:
        return p - up(trailer, s) < x - up(trailer, s) - s ? p - up(trailer, s)
                                                           : x - up(trailer, s) - s;
    case TD_MODE_SINGLE:
    case TD_MODE_SINGLE_RAM:
    case TD_MODE_LOADER: return p - info(mode, a);
    case TD_MODE_OVERWRITE:
    case TD_MODE_XIP:
    case TD_MODE_XIP_REVERT:
    case TD_MODE_RAM_LOAD: break;
    }
    less = a == 8 ? 40 : a == 16 ? 64 : 128;
    return (p < x ? p : x) - less;
}

static void the_largest_image_is_that_of_5_8(void **state)
{
    static const enum td_strategy_id modes[] = {
        TD_MODE_SCRATCH,    TD_MODE_MOVE,     TD_MODE_OFFSET, TD_MODE_OVERWRITE,  TD_MODE_XIP,
        TD_MODE_XIP_REVERT, TD_MODE_RAM_LOAD, TD_MODE_SINGLE, TD_MODE_SINGLE_RAM, TD_MODE_LOADER
    };
    static const uint32_t sectors[] = { 512, 1024, 4096, 8192, 16384 };
    static const uint8_t words[][2] = { { 1, 8 }, { 4, 8 }, { 8, 8 }, { 16, 16 }, { 32, 32 } };
    unsigned n_rows = 0;

    (void)state;
    for (unsigned i = 0; i < 10 * 5 * 5 * 2; i++) {
        enum td_strategy_id mode = modes[i % 10];
        uint32_t s = sectors[i / 10 % 5], p = up(65536, s), x = p, max;
        const uint8_t *w = words[i / 50 % 5];
        bool more = i / 250 != 0; /* the sector more that is optimal */
        struct td_room_geometry g;

        p += more && mode == TD_MODE_MOVE ? s : 0;
        x += more && mode == TD_MODE_OFFSET ? s : 0;
        if (p / s > 128 || x / s > 128)
            continue;
        g = (struct td_room_geometry){ p, x, s, s, s, 128, w[0], w[1], 0, 0, 0, 0, 0, 0, 0 };
        assert_int_equal(td_room_max_image(mode, &g, &max), TD_OK);
        if (max != limit(mode, p, x, s, w[0], w[1]))
            fail_msg("mode %d, sectors of %u, w %u, A %u: %u instead of %u", mode, s, w[0], w[1],
                     max, limit(mode, p, x, s, w[0], w[1]));
        n_rows++;
    }
    assert_true(n_rows >= 400);
}

/* 5.8, last column. */
static void the_example_column_of_5_8(void **state)
{
    static const struct {
        enum td_strategy_id mode;
        uint32_t max;
    } rows[] = { { TD_MODE_SCRATCH, 29648 }, { TD_MODE_MOVE, 24576 },
                 { TD_MODE_OFFSET, 24576 },  { TD_MODE_OVERWRITE, 32728 },
                 { TD_MODE_XIP, 32728 },     { TD_MODE_RAM_LOAD, 32728 },
                 { TD_MODE_SINGLE, 32720 },  { TD_MODE_LOADER, 32720 } };
    const struct td_room_geometry g = { 32768, 32768, 4096, 4096, 4096, 128, 8, 8,
                                        0,     0,     0,    0,    0,    0,   0 };
    uint32_t max;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(td_room_max_image(rows[i].mode, &g, &max), TD_OK);
        assert_int_equal(max, rows[i].max);
    }
}

/* --- 6.1: the calls --- */

enum call { ASK_TEST, ASK_PERM, CONFIRM };

static const char *const call_name[] = { "test", "permanent", "confirm" };

/* What the slot holds that the call is about; what it answers; what the slot holds then. */
struct api_row {
    enum call call;
    struct ref_cells before;
    enum td_err err;
    struct ref_cells after;
};

/* clang-format off */
static const struct api_row stock[] = {
    { ASK_TEST, { UNSET, UNSET, UNSET, 0, 0 }, TD_OK,         { GOOD,  UNSET, UNSET, 2, 0 } },
    { ASK_PERM, { UNSET, UNSET, UNSET, 0, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 3, 0 } },
    { ASK_TEST, { GOOD,  UNSET, UNSET, 2, 0 }, TD_OK,         { GOOD,  UNSET, UNSET, 2, 0 } },
    { ASK_PERM, { GOOD,  UNSET, UNSET, 2, 0 }, TD_OK,         { GOOD,  UNSET, UNSET, 2, 0 } },
    { ASK_TEST, { GOOD,  SET,   UNSET, 3, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 3, 0 } },
    { ASK_PERM, { GOOD,  SET,   UNSET, 3, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 3, 0 } },
    { ASK_TEST, { GOOD,  BAD,   UNSET, 3, 0 }, TD_OK,         { GOOD,  BAD,   UNSET, 3, 0 } },
    { ASK_PERM, { GOOD,  BAD,   UNSET, 3, 0 }, TD_OK,         { GOOD,  BAD,   UNSET, 3, 0 } },
    { ASK_PERM, { GOOD,  UNSET, UNSET, 0, 0 }, TD_OK,         { GOOD,  UNSET, UNSET, 0, 0 } },
    { ASK_TEST, { BAD,   UNSET, UNSET, 2, 0 }, TD_ESLOT_MAGIC, { BAD,  UNSET, UNSET, 2, 0 } },
    { ASK_PERM, { BAD,   UNSET, UNSET, 2, 0 }, TD_ESLOT_MAGIC, { BAD,  UNSET, UNSET, 2, 0 } },
    { ASK_PERM, { BAD,   SET,   UNSET, 3, 0 }, TD_ESLOT_MAGIC, { BAD,  SET,   UNSET, 3, 0 } },
    { CONFIRM,  { UNSET, UNSET, UNSET, 0, 0 }, TD_OK,         { UNSET, UNSET, UNSET, 0, 0 } },
    { CONFIRM,  { UNSET, UNSET, SET,   2, 0 }, TD_OK,         { UNSET, UNSET, SET,   2, 0 } },
    { CONFIRM,  { GOOD,  UNSET, SET,   2, 0 }, TD_OK,         { GOOD,  SET,   SET,   2, 0 } },
    { CONFIRM,  { GOOD,  UNSET, UNSET, 2, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 2, 0 } },
    { CONFIRM,  { GOOD,  SET,   SET,   2, 0 }, TD_OK,         { GOOD,  SET,   SET,   2, 0 } },
    { CONFIRM,  { GOOD,  SET,   SET,   3, 0 }, TD_OK,         { GOOD,  SET,   SET,   3, 0 } },
    { CONFIRM,  { GOOD,  BAD,   SET,   2, 0 }, TD_OK,         { GOOD,  BAD,   SET,   2, 0 } },
    { CONFIRM,  { BAD,   UNSET, SET,   2, 0 }, TD_ESLOT_MAGIC, { BAD,  UNSET, SET,   2, 0 } },
    { CONFIRM,  { BAD,   SET,   SET,   2, 0 }, TD_ESLOT_MAGIC, { BAD,  SET,   SET,   2, 0 } },
};

/* trailer.md, "Requests": the last one wins; torn ones are written again; torn confirms are told. */
static const struct api_row ours[] = {
    { ASK_TEST, { UNSET, UNSET, UNSET, 0, 0 }, TD_OK,         { GOOD,  UNSET, UNSET, 2, 0 } },
    { ASK_PERM, { UNSET, UNSET, UNSET, 0, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 3, 0 } },
    { ASK_TEST, { GOOD,  UNSET, UNSET, 2, 0 }, TD_OK,         { GOOD,  UNSET, UNSET, 2, 0 } },
    { ASK_PERM, { GOOD,  UNSET, UNSET, 2, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 2, 0 } },
    { ASK_TEST, { GOOD,  SET,   UNSET, 3, 0 }, TD_OK,         { GOOD,  UNSET, UNSET, 2, 0 } },
    { ASK_PERM, { GOOD,  SET,   UNSET, 3, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 3, 0 } },
    { ASK_TEST, { GOOD,  BAD,   UNSET, 3, 0 }, TD_OK,         { GOOD,  UNSET, UNSET, 2, 0 } },
    { ASK_PERM, { GOOD,  BAD,   UNSET, 3, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 3, 0 } },
    { ASK_TEST, { BAD,   UNSET, UNSET, 2, 0 }, TD_OK,         { GOOD,  UNSET, UNSET, 2, 0 } },
    { ASK_PERM, { BAD,   UNSET, UNSET, 2, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 3, 0 } },
    { ASK_PERM, { BAD,   SET,   UNSET, 3, 0 }, TD_OK,         { GOOD,  SET,   UNSET, 3, 0 } },
    { CONFIRM,  { UNSET, UNSET, UNSET, 0, 0 }, TD_OK,         { UNSET, UNSET, UNSET, 0, 0 } },
    { CONFIRM,  { UNSET, UNSET, SET,   2, 0 }, TD_OK,         { UNSET, UNSET, SET,   2, 0 } },
    { CONFIRM,  { GOOD,  UNSET, SET,   2, 0 }, TD_OK,         { GOOD,  SET,   SET,   2, 0 } },
    { CONFIRM,  { GOOD,  SET,   SET,   2, 0 }, TD_OK,         { GOOD,  SET,   SET,   2, 0 } },
    { CONFIRM,  { GOOD,  SET,   SET,   3, 0 }, TD_OK,         { GOOD,  SET,   SET,   3, 0 } },
    { CONFIRM,  { GOOD,  BAD,   SET,   2, 0 }, TD_ESLOT_IMAGE_OK, { GOOD, BAD, SET,  2, 0 } },
    { CONFIRM,  { BAD,   UNSET, SET,   2, 0 }, TD_ESLOT_MAGIC, { BAD,  UNSET, SET,   2, 0 } },
};
/* clang-format on */

static enum td_err make_call(enum call call, uint32_t end, enum td_slot_done *done)
{
    if (call == CONFIRM)
        return td_slot_confirm(&dev.requests, done);
    return td_slot_set_pending(&dev.requests, call == ASK_PERM, end, done);
}

static void check_api_rows(const struct td_strategy *strategy, enum td_slot_manner manner,
                           const struct api_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct api_row *r = &rows[i];
        enum td_slot_done done;
        enum td_err err;
        bool same = memcmp(&r->before, &r->after, sizeof r->before) == 0;

        ref_make(&dev, strategy, &ref_usual);
        dev.requests.manner = manner;
        const struct td_trailer *t = r->call == CONFIRM ? &dev.p : &dev.x;
        const struct td_trailer *other = r->call == CONFIRM ? &dev.x : &dev.p;

        ref_put(&dev, &dev.primary, 0, &(struct ref_image){ .major = 1 });
        ref_put(&dev, &dev.secondary, 0, &(struct ref_image){ .major = 2 });
        ref_cells(&dev, t->area, &r->before);
        err = make_call(r->call, 600, &done);
        if (err != r->err || !ref_cells_are(t, &r->after))
            fail_msg("row %zu, %s: %s, magic %u, image_ok %u, swap_info %u", i, call_name[r->call],
                     td_errname(err), ref_state(t).magic, ref_state(t).image_ok,
                     ref_state(t).swap_type);
        if (same && dev.power.ops != 0)
            fail_msg("row %zu, %s: it wrote something", i, call_name[r->call]);
        assert_true(ref_cells_are(other, &ref_blank));
        if (err == TD_OK)
            assert_int_equal(done == TD_SLOT_ALREADY || done == TD_SLOT_NATURAL, same);
    }
}

static void the_calls_of_6_1_in_the_original_s_manner(void **state)
{
    (void)state;
    check_api_rows(&td_strategy_move, TD_SLOT_STOCK, stock, sizeof stock / sizeof stock[0]);
    check_api_rows(&td_strategy_scratch, TD_SLOT_STOCK, stock, sizeof stock / sizeof stock[0]);
    check_api_rows(&td_strategy_offset, TD_SLOT_STOCK, stock, sizeof stock / sizeof stock[0]);
    check_api_rows(&td_strategy_overwrite, TD_SLOT_STOCK, stock, sizeof stock / sizeof stock[0]);
}

static void the_calls_of_6_1_in_our_manner(void **state)
{
    (void)state;
    check_api_rows(&td_strategy_move, TD_SLOT_MENDED, ours, sizeof ours / sizeof ours[0]);
    check_api_rows(&td_strategy_scratch, TD_SLOT_MENDED, ours, sizeof ours / sizeof ours[0]);
    check_api_rows(&td_strategy_offset, TD_SLOT_MENDED, ours, sizeof ours / sizeof ours[0]);
    check_api_rows(&td_strategy_overwrite, TD_SLOT_MENDED, ours, sizeof ours / sizeof ours[0]);
}

/* 6.1, last row: EFLASH from each of them. */
static void a_slot_that_cannot_be_read_is_an_error_of_flash(void **state)
{
    enum td_slot_done done;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        ref_make(&dev, &td_strategy_move, &ref_usual);
        dev.requests.manner = i < 3 ? TD_SLOT_STOCK : TD_SLOT_MENDED;
        dev.power.lost = true;
        assert_int_equal(make_call((enum call)(i % 3), 600, &done), TD_EFLASH);
    }
}

/* 6.1: no check that X holds an image; ours asks for where it ends. */
static void a_request_about_nothing(void **state)
{
    enum td_slot_done done;

    (void)state;
    ref_make(&dev, &td_strategy_move, &ref_usual);
    assert_int_equal(make_call(ASK_TEST, 0, &done), TD_ESLOT_EMPTY);
    assert_true(ref_cells_are(&dev.x, &ref_blank));
    dev.requests.manner = TD_SLOT_STOCK;
    assert_int_equal(make_call(ASK_TEST, 0, &done), TD_OK);
    assert_true(ref_cells_are(&dev.x, &(struct ref_cells){ GOOD, UNSET, UNSET, 2, 0 }));
}

/*
 * 6.1: magic first, so a cut turns a permanent request into a test, and repeating it does not
 * mend it. Ours: magic last, and repeating it does the whole of it.
 */
static void a_cut_in_a_permanent_request(void **state)
{
    static const enum td_slot_manner manners[] = { TD_SLOT_STOCK, TD_SLOT_MENDED };
    enum td_slot_done done;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        bool is_stock = manners[i] == TD_SLOT_STOCK;
        struct td_trailer_state s;

        for (uint32_t cut = 0;; cut++) {
            ref_make(&dev, &td_strategy_move, &ref_usual);
            dev.requests.manner = manners[i];
            sim_power_cut_at(&dev.power, cut, SIM_CUT_AFTER);
            if (make_call(ASK_PERM, 600, &done) == TD_OK)
                break;
            sim_power_on(&dev.power);
            s = ref_state(&dev.x);
            if (is_stock && cut == 0)
                assert_true(s.magic == TD_MAGIC_GOOD && s.image_ok == TD_FLAG_UNSET);
            if (!is_stock && s.magic == TD_MAGIC_GOOD)
                assert_int_equal(s.image_ok, TD_FLAG_SET);
            assert_int_equal(make_call(ASK_PERM, 600, &done), TD_OK);
            s = ref_state(&dev.x);
            assert_int_equal(s.magic, TD_MAGIC_GOOD);
            assert_int_equal(s.image_ok, is_stock && cut == 0 ? UNSET : SET);
        }
    }
}

/*
 * 6.1, the variant of the modes that choose: a request writes the magic, and finds it; confirm
 * of a slot with a magic sets image_ok (copy_done is the bootloader's here: boot.md, "Trials").
 */
static void the_calls_where_a_slot_is_chosen(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_xip_revert,
                                                      &td_strategy_ram_revert };
    static const struct api_row rows[] = {
        { ASK_TEST, { UNSET, UNSET, UNSET, 0, 0 }, TD_OK, { GOOD, UNSET, UNSET, 0, 0 } },
        { ASK_PERM, { UNSET, UNSET, UNSET, 0, 0 }, TD_OK, { GOOD, SET, UNSET, 0, 0 } },
        { ASK_TEST, { GOOD, UNSET, UNSET, 0, 0 }, TD_OK, { GOOD, UNSET, UNSET, 0, 0 } },
        { ASK_PERM, { GOOD, UNSET, UNSET, 0, 0 }, TD_OK, { GOOD, SET, UNSET, 0, 0 } },
        { CONFIRM, { GOOD, UNSET, SET, 0, 0 }, TD_OK, { GOOD, SET, SET, 0, 0 } },
        { CONFIRM, { GOOD, SET, SET, 0, 0 }, TD_OK, { GOOD, SET, SET, 0, 0 } },
    };

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        check_api_rows(ways[i], TD_SLOT_MENDED, rows, sizeof rows / sizeof rows[0]);
}

static int clean_up(void **state)
{
    (void)state;
    ref_free(&dev);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_lies_where_section_4_says),
        cmocka_unit_test(the_keys_lie_below_swap_size_and_that_of_the_primary_s_image_first),
        cmocka_unit_test(status_entries_have_the_numbers_of_section_4),
        cmocka_unit_test(each_cell_is_one_write_of_the_bytes_of_section_4),
        cmocka_unit_test(every_byte_of_a_flag_and_of_swap_info_reads_as_section_4_says),
        cmocka_unit_test(a_magic_that_is_not_this_a_s_is_bad),
        cmocka_unit_test(the_largest_image_is_that_of_5_8),
        cmocka_unit_test(the_example_column_of_5_8),
        cmocka_unit_test(the_calls_of_6_1_in_the_original_s_manner),
        cmocka_unit_test(the_calls_of_6_1_in_our_manner),
        cmocka_unit_test(a_slot_that_cannot_be_read_is_an_error_of_flash),
        cmocka_unit_test(a_request_about_nothing),
        cmocka_unit_test(a_cut_in_a_permanent_request),
        cmocka_unit_test(the_calls_where_a_slot_is_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, clean_up);
}
