#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "slot/room.h"

static struct td_room_geometry pair(uint32_t sectors, uint32_t sector, uint8_t w, uint8_t align,
                                    uint16_t max_sectors)
{
    return (struct td_room_geometry){
        .primary_size = sectors * sector,
        .secondary_size = sectors * sector,
        .primary_sector = sector,
        .secondary_sector = sector,
        .scratch_size = sector,
        .max_sectors = max_sectors,
        .write_size = w,
        .max_align = align,
    };
}

/* The figures were obtained by running MCUboot's own code. */
static void trailers_are_as_large_as_mcuboots(void **state)
{
    static const struct {
        uint8_t w, align;
        uint32_t size, offset_size;
    } rows[] = {
        { 8, 8, 3120, 2104 },   { 4, 8, 1584, 1080 },    { 1, 8, 432, 312 },
        { 16, 16, 6224, 4192 }, { 32, 32, 12448, 8384 },
    };
    static const struct {
        uint8_t align;
        uint32_t info, offset_info;
    } infos[] = { { 8, 48, 56 }, { 16, 80, 96 }, { 32, 160, 192 } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_room_geometry g = pair(64, 4096, rows[i].w, rows[i].align, 128);

        assert_int_equal(td_room_trailer_size(TD_MODE_MOVE, &g), rows[i].size);
        assert_int_equal(td_room_trailer_size(TD_MODE_SCRATCH, &g), rows[i].size);
        assert_int_equal(td_room_trailer_size(TD_MODE_OFFSET, &g), rows[i].offset_size);
    }
    for (size_t i = 0; i < TD_N_OF(infos); i++) {
        struct td_room_geometry g = pair(64, 4096, 8, infos[i].align, 128);

        assert_int_equal(td_room_info_size(TD_MODE_MOVE, &g), infos[i].info);
        assert_int_equal(td_room_info_size(TD_MODE_OFFSET, &g), infos[i].offset_info);
        assert_int_equal(td_room_trailer_size(TD_MODE_SINGLE, &g), infos[i].info);
        g.enc_key_len = 16;
        assert_int_equal(td_room_info_size(TD_MODE_MOVE, &g),
                         infos[i].info + 2 * td_round_up(16, infos[i].align));
        g.enc_key_len = 113;
        assert_int_equal(td_room_info_size(TD_MODE_MOVE, &g),
                         infos[i].info + 2 * td_round_up(113, infos[i].align));
    }
}

/* The rows with 8 sectors and write size 8 stem from a run of MCUboot, the rest from its rule. */
static void the_largest_image_is_the_bootloaders(void **state)
{
    static const struct {
        const char *says;
        enum td_strategy_id mode;
        uint32_t sectors, sector;
        uint8_t w, align;
        uint16_t max_sectors;
        uint32_t want;
    } rows[] = {
        { "run: scratch", TD_MODE_SCRATCH, 8, 4096, 8, 8, 128, 29648 },
        { "run: move", TD_MODE_MOVE, 8, 4096, 8, 8, 128, 24576 },
        { "run: offset", TD_MODE_OFFSET, 8, 4096, 8, 8, 128, 24576 },
        { "run: overwrite", TD_MODE_OVERWRITE, 8, 4096, 8, 8, 128, 32768 - 40 },
        { "overwrite, 16", TD_MODE_OVERWRITE, 8, 4096, 16, 16, 128, 32768 - 64 },
        { "overwrite, 32", TD_MODE_OVERWRITE, 8, 4096, 32, 32, 128, 32768 - 128 },
        { "direct-XIP", TD_MODE_XIP, 8, 4096, 8, 8, 128, 32768 - 40 },
        { "direct-XIP with revert", TD_MODE_XIP_REVERT, 8, 4096, 8, 8, 128, 32768 - 40 },
        { "RAM load", TD_MODE_RAM_LOAD, 8, 4096, 8, 8, 128, 32768 - 40 },
        { "single slot", TD_MODE_SINGLE, 8, 4096, 8, 8, 128, 32768 - 48 },
        { "loader", TD_MODE_LOADER, 8, 4096, 8, 8, 128, 32768 - 48 },
        { "single, RAM load", TD_MODE_SINGLE_RAM, 8, 4096, 8, 8, 128, 32768 - 48 },
        { "one sector of trailer", TD_MODE_MOVE, 56, 4096, 4, 8, 56, 54 * 4096 },
        { "two sectors of trailer", TD_MODE_MOVE, 128, 4096, 16, 16, 128, 125 * 4096 },
        { "four sectors of trailer", TD_MODE_MOVE, 64, 4096, 32, 32, 128, 59 * 4096 },
        { "a third entry less", TD_MODE_OFFSET, 64, 4096, 32, 32, 128, 60 * 4096 },
        // The trailer's first sector holds 160 bytes of it, scratch's own has 256.
        { "gap before scratch's trailer", TD_MODE_SCRATCH, 8, 4096, 32, 32, 128, 20320 - 96 },
        { "the image may be one sector", TD_MODE_MOVE, 3, 4096, 4, 8, 128, 4096 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_room_geometry g =
            pair(rows[i].sectors, rows[i].sector, rows[i].w, rows[i].align, rows[i].max_sectors);
        uint32_t max;

        assert_int_equal(td_room_max_image(rows[i].mode, &g, &max), TD_OK);
        if (max != rows[i].want)
            fail_msg("%s: %u, not %u", rows[i].says, max, rows[i].want);
    }
}

static void unequal_slots_count_where_the_spare_sector_is(void **state)
{
    static const struct {
        enum td_strategy_id mode;
        uint32_t primary, secondary;
        enum td_err err;
        uint32_t want; /* sectors */
    } rows[] = {
        { TD_MODE_MOVE, 8, 8, TD_OK, 6 },
        { TD_MODE_MOVE, 9, 8, TD_OK, 7 },
        { TD_MODE_MOVE, 10, 8, TD_ESLOT_LAYOUT, 0 },
        { TD_MODE_MOVE, 8, 9, TD_ESLOT_LAYOUT, 0 },
        { TD_MODE_OFFSET, 8, 8, TD_OK, 6 },
        { TD_MODE_OFFSET, 8, 9, TD_OK, 7 },
        { TD_MODE_OFFSET, 9, 8, TD_ESLOT_LAYOUT, 0 },
        { TD_MODE_MOVE, 2, 2, TD_ESLOT_TINY, 0 },
        { TD_MODE_MOVE, 33, 33, TD_ESLOT_SECTORS, 0 },
        { TD_MODE_OFFSET, 32, 33, TD_ESLOT_SECTORS, 0 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_room_geometry g = pair(1, 4096, 4, 8, 32);
        uint32_t max = 7;

        g.primary_size = rows[i].primary * 4096;
        g.secondary_size = rows[i].secondary * 4096;
        assert_int_equal(td_room_max_image(rows[i].mode, &g, &max), rows[i].err);
        assert_int_equal(max, rows[i].want * 4096);
    }
}

static void a_geometry_that_cannot_be_is_refused(void **state)
{
    struct td_room_geometry g;
    uint32_t max;

    (void)state;
    g = pair(8, 4096, 8, 12, 128);
    assert_int_equal(td_room_max_image(TD_MODE_MOVE, &g, &max), TD_EARG);
    g = pair(8, 4096, 16, 8, 128);
    assert_int_equal(td_room_max_image(TD_MODE_MOVE, &g, &max), TD_EARG);
    g = pair(8, 4096, 3, 8, 128);
    assert_int_equal(td_room_max_image(TD_MODE_MOVE, &g, &max), TD_EARG);
    g = pair(8, 4096, 8, 8, 0);
    assert_int_equal(td_room_max_image(TD_MODE_MOVE, &g, &max), TD_EARG);
    g = pair(8, 4096, 8, 8, 128);
    g.primary_size += 100;
    assert_int_equal(td_room_max_image(TD_MODE_MOVE, &g, &max), TD_EARG);
    g = pair(8, 4096, 8, 8, 128);
    assert_int_equal(td_room_max_image((enum td_strategy_id)77, &g, &max), TD_EARG);
    g.scratch_size = 2048;
    assert_int_equal(td_room_max_image(TD_MODE_SCRATCH, &g, &max), TD_ESLOT_SCRATCH);
    g.secondary_sector = 8192;
    assert_int_equal(td_room_max_image(TD_MODE_MOVE, &g, &max), TD_ESLOT_LAYOUT);
    g.scratch_size = 8192;
    assert_int_equal(td_room_max_image(TD_MODE_SCRATCH, &g, &max), TD_OK);
    g = pair(2, 4096, 32, 32, 128);
    assert_int_equal(td_room_max_image(TD_MODE_SCRATCH, &g, &max), TD_ESLOT_TINY);
    assert_int_equal(max, 0);
}

static void the_running_image_counts_where_images_are_swapped(void **state)
{
    static const struct {
        enum td_strategy_id mode;
        uint32_t running, fresh;
        enum td_err err;
        uint32_t needed;
    } rows[] = {
        { TD_MODE_MOVE, 1000, 24576, TD_OK, 24576 },
        { TD_MODE_MOVE, 1000, 24577, TD_ESLOT_ROOM, 24577 },
        { TD_MODE_MOVE, 24577, 1000, TD_ESLOT_ROOM_RUNNING, 24577 },
        { TD_MODE_MOVE, 24576, 1000, TD_OK, 24576 },
        { TD_MODE_MOVE, 0, 1000, TD_OK, 1000 },
        { TD_MODE_SCRATCH, 29649, 1000, TD_ESLOT_ROOM_RUNNING, 29649 },
        { TD_MODE_OVERWRITE, 32768, 1000, TD_OK, 1000 },
        { TD_MODE_OVERWRITE, 0, 32729, TD_ESLOT_ROOM, 32729 },
    };
    struct td_room_geometry g = pair(8, 4096, 8, 8, 128);
    struct td_room_fit fit;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        assert_int_equal(td_room_check(rows[i].mode, &g, rows[i].running, rows[i].fresh, &fit),
                         rows[i].err);
        assert_int_equal(fit.needed, rows[i].needed);
    }
    g.max_sectors = 7;
    assert_int_equal(td_room_check(TD_MODE_MOVE, &g, 1, 1, &fit), TD_ESLOT_SECTORS);
    assert_int_equal(fit.max, 0);
}

static void modes_have_names_and_numbers_without_a_mode_none(void **state)
{
    (void)state;
    assert_string_equal(td_mode_name(TD_MODE_MOVE), "swap-move");
    assert_null(td_mode_name((enum td_strategy_id)10));
}

/* Lists of sectors, as MCUboot's swap-scratch takes them: each piece must fit into scratch. */
static void mixed_sectors_are_taken_together_between_common_boundaries(void **state)
{
    static const struct {
        struct td_flash_run p[2], x[2];
        uint32_t scratch;
        enum td_err err;
        uint32_t group, max;
    } rows[] = {
        { { { 12, 4096 } }, { { 3, 16384 } }, 16384, TD_OK, 16384, 48832 },
        { { { 3, 16384 } }, { { 12, 4096 } }, 16384, TD_OK, 16384, 48832 },
        { { { 4, 4096 }, { 2, 16384 } }, { { 12, 4096 } }, 16384, TD_OK, 16384, 48832 },
        { { { 12, 4096 } }, { { 3, 16384 } }, 8192, TD_ESLOT_SCRATCH, 16384, 0 },
        { { { 12, 4096 } }, { { 16, 3072 } }, 16384, TD_OK, 12288, 48832 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_flash_dev p = { .runs = rows[i].p, .n_runs = 2, .write_size = 4, .size = 49152 };
        struct td_flash_dev x = { .runs = rows[i].x, .n_runs = 2, .write_size = 4, .size = 49152 };
        struct td_flash_area pa = { &p, 0, 49152 }, xa = { &x, 0, 49152 };
        struct td_room_geometry g = pair(12, 4096, 4, 8, 16);
        uint32_t max;

        p.n_runs = rows[i].p[1].count == 0 ? 1 : 2;
        x.n_runs = rows[i].x[1].count == 0 ? 1 : 2;
        g.scratch_size = rows[i].scratch;
        g.own_sector = true;
        assert_int_equal(td_room_tile(&pa, &xa, &g), TD_OK);
        assert_int_equal(g.group, rows[i].group);
        assert_int_equal(td_room_max_image(TD_MODE_SCRATCH, &g, &max), rows[i].err);
        assert_int_equal(max, rows[i].max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trailers_are_as_large_as_mcuboots),
        cmocka_unit_test(the_largest_image_is_the_bootloaders),
        cmocka_unit_test(unequal_slots_count_where_the_spare_sector_is),
        cmocka_unit_test(a_geometry_that_cannot_be_is_refused),
        cmocka_unit_test(the_running_image_counts_where_images_are_swapped),
        cmocka_unit_test(modes_have_names_and_numbers_without_a_mode_none),
        cmocka_unit_test(mixed_sectors_are_taken_together_between_common_boundaries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
