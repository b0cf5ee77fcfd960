/*
 * Swap-offset and swap-scratch: single states, each with the trap that it is about, and each cut
 * of the paths that MCUboot loses. tests/sweep has the pairs of cuts, over many flashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc.h"
#include "base/range.h"
#include "boot/boot.h"
#include "boot/note.h"
#include "image/build.h"
#include "log/log.h"
#include "sim/nor.h"

#define SECTOR   1024u
#define N_SLOT   16u
#define SLOT     (N_SLOT * SECTOR)
#define IMAGE    (6u * SECTOR - 100u)
#define N_SECTOR 38u
#define META_MAX 400000u

static const struct td_flash_run runs[] = { { N_SECTOR, SECTOR } };
static const struct sim_nor_model model = { .name = "test",
                                            .runs = runs,
                                            .n_runs = 1,
                                            .erased = 0xff,
                                            .budget = 2,
                                            .write_size = 4,
                                            .write_unit = 4,
                                            .erase_unit = SECTOR };

static struct device {
    uint8_t bytes[N_SECTOR * SECTOR];
    uint8_t meta[META_MAX];
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area primary, secondary, scratch, log;
    struct td_boot_slots slots[2];
    struct td_boot_config config;
    struct td_trailer p, x;
    struct td_slots requests;
    struct td_boot_work work;
    struct td_boot_result result;
} dev;

static struct state {
    uint8_t bytes[N_SECTOR * SECTOR];
    uint8_t meta[META_MAX];
} before;

static void save(struct state *s)
{
    memcpy(s->bytes, dev.bytes, sizeof s->bytes);
    memcpy(s->meta, dev.meta, sizeof s->meta);
}

static void load(const struct state *s)
{
    memcpy(dev.bytes, s->bytes, sizeof s->bytes);
    memcpy(dev.meta, s->meta, sizeof s->meta);
}

static void make_device(const struct td_strategy *strategy)
{
    memset(&dev, 0, sizeof dev);
    assert_true(sim_nor_meta_size(&model) <= META_MAX);
    sim_nor_init(&dev.nor, &model, dev.bytes, dev.meta, &dev.power, 7);
    sim_power_on(&dev.power);
    dev.primary = (struct td_flash_area){ &dev.nor.dev, 0, SLOT };
    dev.secondary = (struct td_flash_area){ &dev.nor.dev, SLOT, SLOT };
    dev.log = (struct td_flash_area){ &dev.nor.dev, 2 * SLOT, 2 * SECTOR };
    dev.scratch = (struct td_flash_area){ &dev.nor.dev, 2 * SLOT + 2 * SECTOR, SECTOR };
    dev.slots[0] = (struct td_boot_slots){ .primary = &dev.primary,
                                           .secondary = &dev.secondary,
                                           .scratch = &dev.scratch };
    dev.config = (struct td_boot_config){ .images = dev.slots,
                                          .n_images = 1,
                                          .strategy = strategy,
                                          .policy = { .hash = &td_sha256 },
                                          .max_align = 8,
                                          .max_sectors = N_SLOT,
                                          .downgrade_prevention = true,
                                          .boot_log = &dev.log };
    dev.p = (struct td_trailer){ .area = &dev.primary,
                                 .mode = td_strategy_mode(strategy),
                                 .max_sectors = N_SLOT,
                                 .write_size = 4,
                                 .max_align = 8 };
    dev.x = dev.p;
    dev.x.area = &dev.secondary;
    dev.requests = (struct td_slots){ &dev.p, &dev.x, TD_SLOT_MENDED, 0 };
    assert_int_equal(td_boot_check(&dev.config), TD_OK);
}

/* Where a new image is put. */
static uint32_t upload_off(void)
{
    return dev.config.strategy == &td_strategy_offset ? SECTOR : 0;
}

/* An image with only its hash; the version tells them apart. */
static uint32_t put_image(const struct td_flash_area *area, uint32_t off, uint8_t major,
                          uint32_t size)
{
    static uint8_t buf[SLOT];
    struct td_image_header hdr = { .hdr_size = 32,
                                   .img_size = size,
                                   .version = { .major = major } };
    struct td_build b;
    uint8_t digest[32];

    for (uint32_t i = 0; i < size; i++)
        buf[32 + i] = (uint8_t)(i * 7u + major);
    td_build_begin(&b, buf, sizeof buf, 32 + size);
    td_build_header(&b, &hdr);
    td_hash_of(&td_sha256, buf, b.len, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, sizeof digest);
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    sim_nor_program(&dev.nor, area->off + off, buf, b.len);
    return off + b.len;
}

static void request(uint32_t end, bool permanent)
{
    enum td_slot_done done;

    assert_int_equal(td_slot_set_pending(&dev.requests, permanent, end, &done), TD_OK);
}

static void upload(uint8_t major, uint32_t size, bool permanent)
{
    assert_int_equal(td_flash_erase(&dev.secondary, 0, SLOT), TD_OK);
    request(put_image(&dev.secondary, upload_off(), major, size), permanent);
}

static enum td_err boot(void)
{
    sim_power_on(&dev.power);
    return td_boot_go(&dev.config, &dev.work, &dev.result);
}

static void boots(uint8_t major)
{
    assert_int_equal(boot(), TD_OK);
    assert_true(dev.result.bootable);
    assert_int_equal(dev.result.hdr.version.major, major);
}

static void confirm(void)
{
    enum td_slot_done done;

    assert_int_equal(td_slot_confirm(&dev.requests, &done), TD_OK);
}

static bool find_logged(uint16_t code, struct td_verdict *v)
{
    struct td_log log = { &dev.log };
    struct td_log_iter it;
    bool end = false;

    td_log_begin(&it, &log);
    while (td_log_next(&it, v, &end) == TD_OK && !end) {
        if (v->code == code)
            return true;
    }
    return false;
}

static bool is_logged(uint16_t code)
{
    struct td_verdict v;

    return find_logged(code, &v);
}

static void on_trial(const struct td_strategy *strategy, uint32_t size)
{
    make_device(strategy);
    put_image(&dev.primary, 0, 1, size);
    upload(2, size, false);
    boots(2);
    assert_true(dev.result.on_trial);
}

/* --- rest points byte by byte: what a run of the original left in both slots --- */

/* The largest image that our swap-scratch takes: it shares the last sector with the notes. */
#define NOTE_AT (SLOT - 320u)
#define LARGE   (NOTE_AT - 72u)

/* t: image uploaded, asked for as a test, booted. p: likewise, permanent. c: confirmed. b: booted */
static const struct rest {
    const char *walk;
    uint8_t runs;
    uint32_t primary;   /* CRC-32 of the slot but for our note's 64 bytes */
    uint32_t secondary; /* CRC-32 of the slot */
} rest_offset[] = {
    { "t", 2, 0xb58c4e1f, 0x7c1aee7d },   { "tc", 2, 0x3d64ae69, 0x7c1aee7d },
    { "tb", 1, 0xdb522271, 0x0f4270aa },  { "p", 2, 0x92203c2e, 0x7c1aee7d },
    { "tct", 3, 0x1c05a9cf, 0xc8e7a3ba }, { "tbp", 3, 0xae0af3bc, 0xaddfd361 },
    { "pt", 3, 0x1c05a9cf, 0xc8e7a3ba },  { "tctb", 2, 0x681dcf79, 0x651a379c },
}, rest_scratch[] = {
    { "t", 2, 0x06e3a7e5, 0xaddfd361 },   { "tc", 2, 0x8e0b4793, 0xaddfd361 },
    { "tb", 1, 0x683dcb8b, 0xc8e7a3ba },  { "p", 2, 0x214fd5d4, 0xaddfd361 },
    { "tct", 3, 0x213568ec, 0xc8e7a3ba }, { "tbp", 3, 0x06991add, 0xaddfd361 },
    { "pt", 3, 0x213568ec, 0xc8e7a3ba },  { "tctb", 2, 0xdb722683, 0xef66182b },
}, rest_shared[] = {
    { "t", 2, 0xeaf399b9, 0x55528182 },   { "tc", 2, 0x621b79cf, 0x55528182 },
    { "tb", 1, 0x1dd49cba, 0x646710e5 },  { "p", 2, 0xcd5feb88, 0x55528182 },
    { "tct", 3, 0xdd5ff376, 0x646710e5 }, { "tbp", 3, 0xfaf38147, 0x55528182 },
    { "pt", 3, 0xdd5ff376, 0x646710e5 },  { "tctb", 2, 0x376218df, 0x48158e77 },
};

static void take_walk(const struct td_strategy *strategy, const char *walk, uint32_t size)
{
    uint8_t last = 1;

    make_device(strategy);
    put_image(&dev.primary, 0, 1, size);
    for (; *walk != '\0'; walk++) {
        if (*walk == 'c') {
            confirm();
        } else if (*walk == 'b') {
            assert_int_equal(boot(), TD_OK);
        } else {
            last++;
            upload(last, last % 2 == 0 ? size : size - 3u * SECTOR, *walk == 'p');
            boots(last);
        }
    }
}

static void rests_as(const struct td_strategy *strategy, const struct rest *rows, size_t n,
                     uint32_t size, uint32_t note)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = dev.bytes;
        uint32_t crc, rest = note + TD_NOTE_SIZE;

        take_walk(strategy, rows[i].walk, size);
        crc = td_crc32(td_crc32(0, p, note), p + rest, SLOT - rest);
        if (crc != rows[i].primary || td_crc32(0, p + SLOT, SLOT) != rows[i].secondary)
            fail_msg("%s rests otherwise", rows[i].walk);
        assert_int_equal(dev.result.hdr.version.major, rows[i].runs);
    }
}

static void every_rest_point_is_the_original_s_byte_for_byte(void **state)
{
    (void)state;
    rests_as(&td_strategy_offset, rest_offset, TD_N_OF(rest_offset), IMAGE, SLOT - SECTOR);
    rests_as(&td_strategy_scratch, rest_scratch, TD_N_OF(rest_scratch), IMAGE, NOTE_AT);
    rests_as(&td_strategy_scratch, rest_shared, TD_N_OF(rest_shared), LARGE, NOTE_AT);
}

/* --- cuts --- */

/* Boots once with a cut at an operation; false: it came to its end before. */
static bool cut(uint32_t op, enum sim_cut kind)
{
    sim_power_on(&dev.power);
    sim_power_cut_at(&dev.power, op, kind);
    (void)td_boot_go(&dev.config, &dev.work, &dev.result);
    return dev.power.lost;
}

/* From here each cut, before, in and after each operation, ends with this image confirmed. */
static void each_cut_ends_with(uint8_t major)
{
    bool more = true;

    save(&before);
    for (uint32_t op = 0; more; op++) {
        for (int kind = SIM_CUT_BEFORE; more && kind <= SIM_CUT_AFTER; kind++) {
            load(&before);
            more = cut(op, (enum sim_cut)kind);
            boots(major);
            assert_false(dev.result.on_trial);
        }
    }
}

static void scratch_whose_erase_was_cut_is_not_believed(void **state)
{
    (void)state;
    // In the original: one sector of scratch, an image in the trailer's sector, a cut in the erase
    // of scratch that ends the first region, and the primary is garbage for good.
    make_device(&td_strategy_scratch);
    put_image(&dev.primary, 0, 1, LARGE);
    upload(2, LARGE, true);
    each_cut_ends_with(2);
    on_trial(&td_strategy_scratch, LARGE);
    each_cut_ends_with(1);
}

/* Two cuts in the first operations of a revert, where its intent changes hands. */
static void each_pair_of_cuts_ends_with(uint8_t major, uint32_t n_ops)
{
    static struct state first;

    save(&before);
    for (uint32_t n = 0; n < 3 * n_ops; n++) {
        load(&before);
        assert_true(cut(n / 3, (enum sim_cut)(n % 3)));
        save(&first);
        for (uint32_t m = 0; m < 3 * n_ops; m++) {
            load(&first);
            (void)cut(m / 3, (enum sim_cut)(m % 3));
            boots(major);
            assert_false(dev.result.on_trial);
        }
    }
}

static void two_cuts_do_not_lose_a_revert(void **state)
{
    (void)state;
    // Scratch: the first behind the erase of the primary's trailer, the second behind the erase
    // of scratch. Offset: a torn magic in the secondary, then the primary's trailer.
    on_trial(&td_strategy_scratch, IMAGE);
    each_pair_of_cuts_ends_with(1, 10);
    on_trial(&td_strategy_offset, IMAGE);
    each_pair_of_cuts_ends_with(1, 10);
}

/* --- traps that both share --- */

static const struct td_strategy *const both[] = { &td_strategy_offset, &td_strategy_scratch };

static void a_revert_does_not_read_the_failing_image(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(both); i++) {
        for (uint32_t off = 8; off < 16; off++) {
            uint8_t sector[SECTOR];

            on_trial(both[i], IMAGE);
            memcpy(sector, dev.bytes, sizeof sector);
            sector[off] ^= 0x55; // sizes in the header, where the original asserts
            sim_nor_program(&dev.nor, 0, sector, sizeof sector);
            boots(1);
            assert_true(is_logged(TD_V_REVERTED_INVALID));
        }
    }
}

static void a_torn_copy_done_does_not_take_the_trial_away(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(both); i++) {
        on_trial(both[i], both[i] == &td_strategy_scratch ? LARGE : IMAGE);
        sim_nor_tear(&dev.nor, td_trailer_copy_done_off(&dev.p), 0xfe);
        boots(2);
        assert_true(dev.result.on_trial);
        boots(1);
        assert_false(dev.result.on_trial);
    }
}

static void downgrade_prevention_does_not_apply_to_a_revert(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(both); i++) {
        on_trial(both[i], IMAGE);
        each_cut_ends_with(1);
        assert_false(is_logged(TD_V_DOWNGRADE));
    }
}

/* --- notes of a swap of which no step is done --- */

static const struct td_strategy *const ways[] = { &td_strategy_move, &td_strategy_offset,
                                                  &td_strategy_scratch };

/* As the original leaves them when it is cut before its first step, and forgets them then. */
static void leave_open_notes(enum td_swap_type type, uint32_t swap_size)
{
    assert_int_equal(td_trailer_write_swap_info(&dev.p, type, 0), TD_OK);
    assert_int_equal(td_trailer_write_swap_size(&dev.p, swap_size), TD_OK);
    assert_int_equal(td_trailer_write_magic(&dev.p), TD_OK);
}

static void damage(uint32_t at)
{
    sim_nor_program(&dev.nor, at, (const uint8_t[]){ 0x00, 0x11, 0x22, 0x33 }, 4);
}

static bool is_primary_underway(void)
{
    struct td_trailer_state p;

    assert_int_equal(td_trailer_read(&dev.p, &p), TD_OK);
    return td_slot_underway(&p);
}

static void each_cut_keeps_the_first_image(uint16_t code)
{
    each_cut_ends_with(1);
    assert_true(is_logged(code));
    assert_false(is_primary_underway());
    boots(1);
}

static void a_swap_that_is_yet_to_begin_is_not_begun_with_an_image_that_is_not_sound(void **state)
{
    static const enum td_swap_type types[] = { TD_SWAP_TEST, TD_SWAP_PERM, TD_SWAP_REVERT };

    (void)state;
    for (size_t i = 0; i < 3 * TD_N_OF(ways); i++) {
        uint32_t off;

        make_device(ways[i / 3]);
        off = types[i % 3] == TD_SWAP_REVERT ? 0 : upload_off();
        put_image(&dev.primary, 0, 1, IMAGE);
        put_image(&dev.secondary, off, 2, IMAGE);
        damage(SLOT + off + 100);
        leave_open_notes(types[i % 3], IMAGE + 72);
        each_cut_keeps_the_first_image(TD_V_SWAP_ABANDONED);
    }
}

static void a_swap_that_is_yet_to_begin_and_has_a_sound_image_goes_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        make_device(ways[i]);
        put_image(&dev.primary, 0, 1, IMAGE);
        put_image(&dev.secondary, upload_off(), 2, IMAGE);
        leave_open_notes(TD_SWAP_PERM, IMAGE + 72);
        boots(2);
        assert_false(is_logged(TD_V_SWAP_ABANDONED));
    }
}

static void a_swap_whose_size_is_too_small_for_either_image_is_not_begun(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * TD_N_OF(ways); i++) {
        make_device(ways[i / 2]);
        put_image(&dev.primary, 0, 1, i % 2 == 0 ? IMAGE : IMAGE / 2);
        put_image(&dev.secondary, upload_off(), 2, i % 2 == 0 ? IMAGE / 2 : IMAGE);
        leave_open_notes(TD_SWAP_PERM, IMAGE / 2 + 72);
        each_cut_keeps_the_first_image(TD_V_SWAP_ABANDONED);
    }
}

static void a_refused_request_leaves_no_notes_of_another_swap(void **state)
{
    (void)state;
    // The image is sound: what refuses it is its version, and the notes would bring it in.
    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        make_device(ways[i]);
        put_image(&dev.primary, 0, 1, IMAGE);
        upload(0, IMAGE, false);
        leave_open_notes(TD_SWAP_TEST, IMAGE + 72);
        each_cut_keeps_the_first_image(TD_V_DOWNGRADE);
    }
}

/* --- sizes --- */

static void a_damaged_image_that_claims_too_much_room_is_replaced(void **state)
{
    uint32_t max;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        make_device(ways[i]);
        assert_int_equal(td_boot_max_image(&dev.config, 0, &max), TD_OK);
        put_image(&dev.primary, 0, 1, max);
        damage(100);
        upload(2, IMAGE, true);
        boots(2);
        assert_false(is_logged(TD_V_NO_SWAP_ROOM));
    }
}

static void a_revert_to_an_image_that_does_not_fit_is_not_begun(void **state)
{
    uint32_t max;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        on_trial(ways[i], IMAGE);
        assert_int_equal(td_boot_max_image(&dev.config, 0, &max), TD_OK);
        assert_int_equal(td_flash_erase(&dev.secondary, 0, SLOT), TD_OK);
        put_image(&dev.secondary, 0, 1, max);
        save(&before);
        boots(2);
        assert_true(is_logged(TD_V_REVERT_IMPOSSIBLE));
        assert_false(is_logged(TD_V_REVERTED));
        assert_memory_equal(dev.bytes, before.bytes, 2 * SLOT);
    }
}

static void a_torn_request_beside_a_torn_last_note_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(both); i++) {
        on_trial(both[i], IMAGE);
        sim_nor_tear(&dev.nor, td_trailer_copy_done_off(&dev.p), 0xfe);
        sim_nor_program(&dev.nor, SLOT + td_trailer_magic_off(&dev.x),
                        (const uint8_t[]){ 0x77, 0xc2, 0x95, 0xf3 }, 4);
        boots(2);
        assert_true(is_logged(TD_V_TORN_REQUEST));
        assert_true(dev.result.on_trial);
    }
}

/* --- swap-offset --- */

static void misplace(const struct td_boot_manner *manner)
{
    make_device(&td_strategy_offset);
    dev.config.manner = manner;
    put_image(&dev.primary, 0, 1, IMAGE);
    request(put_image(&dev.secondary, 0, 2, IMAGE), true);
    boots(1);
    assert_true(is_logged(TD_V_WRONG_PLACE));
}

static bool is_image_at(uint32_t off)
{
    struct td_flash_area area = { &dev.nor.dev, SLOT + off, SLOT - off };
    struct td_source src = td_flash_source(&area);
    struct td_image img;

    return td_image_open(&src, area.size, &img, NULL) == TD_OK;
}

static void an_image_sent_to_the_wrong_address_is_refused_and_stays(void **state)
{
    (void)state;
    misplace(NULL);
    assert_true(is_image_at(0));
    misplace(&td_boot_manner_mcuboot);
    assert_false(is_image_at(0));
}

static void the_previous_image_asked_for_again_is_not_erased(void **state)
{
    (void)state;
    on_trial(&td_strategy_offset, IMAGE);
    confirm();
    boots(2);
    request(IMAGE, false);
    boots(2);
    assert_true(is_logged(TD_V_WRONG_PLACE));
    assert_true(is_image_at(0));
}

static void a_running_image_that_could_not_come_back_stops_the_update(void **state)
{
    uint32_t max;

    (void)state;
    make_device(&td_strategy_offset);
    assert_int_equal(td_boot_max_image(&dev.config, 0, &max), TD_OK);
    assert_int_equal(max, SLOT - 2 * SECTOR);
    put_image(&dev.primary, 0, 1, max);
    upload(2, IMAGE, false);
    boots(1);
    assert_true(is_logged(TD_V_NO_SWAP_ROOM));
}

static void a_revert_that_the_original_began_is_finished(void **state)
{
    (void)state;
    on_trial(&td_strategy_offset, IMAGE);
    assert_int_equal(td_trailer_write_copy_done(&dev.x), TD_OK);
    assert_int_equal(td_trailer_write_swap_info(&dev.x, TD_SWAP_REVERT, 0), TD_OK);
    assert_int_equal(td_trailer_write_swap_size(&dev.x, IMAGE + 72), TD_OK);
    assert_int_equal(td_trailer_write_magic(&dev.x), TD_OK);
    assert_int_equal(td_trailer_erase(&dev.p), TD_OK);
    boots(1);
    assert_false(dev.result.on_trial);
}

static void a_mark_for_a_revert_beside_a_confirmed_image_is_not_followed(void **state)
{
    (void)state;
    on_trial(&td_strategy_offset, IMAGE);
    confirm();
    assert_int_equal(td_trailer_write_copy_done(&dev.x), TD_OK);
    assert_int_equal(td_trailer_write_magic(&dev.x), TD_OK);
    save(&before);
    boots(2);
    assert_false(is_logged(TD_V_REVERTED));
    assert_memory_equal(dev.bytes, before.bytes, 2 * SLOT);
}

/* --- swap-scratch --- */

static void another_image_s_intent_in_scratch_is_left_alone(void **state)
{
    struct td_note note = { .type = TD_SWAP_TEST, .swap_size = IMAGE, .image = 1 };

    (void)state;
    make_device(&td_strategy_scratch);
    put_image(&dev.primary, 0, 1, IMAGE);
    upload(2, IMAGE, false);
    assert_int_equal(td_note_write(&dev.scratch, SECTOR - TD_NOTE_SIZE, &note), TD_OK);
    boots(1);
    assert_true(td_note_read(&dev.scratch, SECTOR - TD_NOTE_SIZE, &note));
    assert_int_equal(td_flash_erase(&dev.scratch, 0, SECTOR), TD_OK);
    boots(2);
}

static void a_layout_without_scratch_is_refused(void **state)
{
    (void)state;
    make_device(&td_strategy_scratch);
    put_image(&dev.primary, 0, 1, IMAGE);
    upload(2, IMAGE, false);
    dev.slots[0].scratch = NULL;
    assert_int_equal(td_boot_check(&dev.config), TD_ESLOT_SCRATCH);
    boots(1);
    assert_true(is_logged(TD_V_BAD_LAYOUT));
}

// Each rule has another remedy, so that which one it was is in the verdict.
static void a_bad_layout_says_which_rule_it_breaks(void **state)
{
    static const struct {
        const struct td_strategy *strategy;
        uint32_t less; // bytes that the secondary has less than the primary
        uint16_t max_sectors;
        bool has_scratch;
        enum td_err rule;
    } rows[] = {
        { &td_strategy_move, 0, 4, true, TD_ESLOT_SECTORS },
        { &td_strategy_offset, 0, 4, true, TD_ESLOT_SECTORS },
        { &td_strategy_scratch, 0, 4, true, TD_ESLOT_SECTORS },
        { &td_strategy_move, 2 * SECTOR, N_SLOT, true, TD_ESLOT_LAYOUT },
        { &td_strategy_offset, SECTOR, N_SLOT, true, TD_ESLOT_LAYOUT },
        { &td_strategy_scratch, SECTOR, N_SLOT, true, TD_ESLOT_LAYOUT },
        { &td_strategy_scratch, 0, N_SLOT, false, TD_ESLOT_SCRATCH },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_verdict v;

        make_device(rows[i].strategy);
        put_image(&dev.primary, 0, 1, IMAGE);
        dev.secondary.size -= rows[i].less;
        dev.config.max_sectors = rows[i].max_sectors;
        if (!rows[i].has_scratch)
            dev.slots[0].scratch = NULL;
        assert_int_equal(td_boot_check(&dev.config), rows[i].rule);
        assert_int_equal(td_flash_erase(&dev.secondary, 0, dev.secondary.size), TD_OK);
        request(put_image(&dev.secondary, upload_off(), 2, IMAGE), false);
        boots(1);
        assert_true(find_logged(TD_V_BAD_LAYOUT, &v));
        assert_int_equal(v.found, -rows[i].rule);
        assert_int_equal(v.wanted, td_strategy_mode(rows[i].strategy));
        assert_int_equal(v.slot, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rest_point_is_the_original_s_byte_for_byte),
        cmocka_unit_test(scratch_whose_erase_was_cut_is_not_believed),
        cmocka_unit_test(two_cuts_do_not_lose_a_revert),
        cmocka_unit_test(a_revert_does_not_read_the_failing_image),
        cmocka_unit_test(a_torn_copy_done_does_not_take_the_trial_away),
        cmocka_unit_test(downgrade_prevention_does_not_apply_to_a_revert),
        cmocka_unit_test(a_swap_that_is_yet_to_begin_is_not_begun_with_an_image_that_is_not_sound),
        cmocka_unit_test(a_swap_that_is_yet_to_begin_and_has_a_sound_image_goes_on),
        cmocka_unit_test(a_swap_whose_size_is_too_small_for_either_image_is_not_begun),
        cmocka_unit_test(a_refused_request_leaves_no_notes_of_another_swap),
        cmocka_unit_test(a_damaged_image_that_claims_too_much_room_is_replaced),
        cmocka_unit_test(a_revert_to_an_image_that_does_not_fit_is_not_begun),
        cmocka_unit_test(a_torn_request_beside_a_torn_last_note_is_told),
        cmocka_unit_test(an_image_sent_to_the_wrong_address_is_refused_and_stays),
        cmocka_unit_test(the_previous_image_asked_for_again_is_not_erased),
        cmocka_unit_test(a_running_image_that_could_not_come_back_stops_the_update),
        cmocka_unit_test(a_revert_that_the_original_began_is_finished),
        cmocka_unit_test(a_mark_for_a_revert_beside_a_confirmed_image_is_not_followed),
        cmocka_unit_test(another_image_s_intent_in_scratch_is_left_alone),
        cmocka_unit_test(a_layout_without_scratch_is_refused),
        cmocka_unit_test(a_bad_layout_says_which_rule_it_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
