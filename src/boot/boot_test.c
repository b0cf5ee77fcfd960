/* What the sweep cannot say by itself: single states, each with the trap that it is about. */
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
#include "boot/jump.h"
#include "boot/note.h"
#include "boot/plan.h"
#include "image/build.h"
#include "log/log.h"
#include "sim/nor.h"

#define SECTOR   1024u
#define SLOT     (16u * SECTOR)
#define LOG      (2u * SECTOR)
#define IMAGE    (6u * SECTOR - 100u)
#define N_SECTOR 34

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
    uint8_t *meta;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area primary, secondary, log;
    struct td_boot_slots slots;
    struct td_boot_config config;
    struct td_trailer p, x;
    struct td_slots requests;
    struct td_boot_work work;
    struct td_boot_result result;
    enum td_reset_cause cause;
    unsigned fed;
} dev;

static void count_feed(void *ctx)
{
    struct device *d = ctx;

    d->fed++;
}

static enum td_reset_cause tell_cause(void *ctx)
{
    const struct device *d = ctx;

    return d->cause;
}

static const struct td_boot_hooks hooks = { .feed = count_feed, .reset_cause = tell_cause };

static void make_device(const struct td_strategy *strategy)
{
    free(dev.meta);
    memset(&dev, 0, sizeof dev);
    dev.meta = malloc(sim_nor_meta_size(&model));
    sim_nor_init(&dev.nor, &model, dev.bytes, dev.meta, &dev.power, 7);
    sim_power_on(&dev.power);
    dev.primary = (struct td_flash_area){ &dev.nor.dev, 0, SLOT };
    dev.secondary = (struct td_flash_area){ &dev.nor.dev, SLOT, SLOT };
    dev.log = (struct td_flash_area){ &dev.nor.dev, 2 * SLOT, LOG };
    dev.slots = (struct td_boot_slots){ .primary = &dev.primary, .secondary = &dev.secondary };
    dev.config = (struct td_boot_config){ .images = &dev.slots,
                                          .n_images = 1,
                                          .strategy = strategy,
                                          .policy = { .hash = &td_sha256 },
                                          .max_align = 8,
                                          .max_sectors = 16,
                                          .downgrade_prevention = true,
                                          .boot_log = &dev.log,
                                          .hooks = &hooks,
                                          .hook_ctx = &dev };
    dev.p = (struct td_trailer){ .area = &dev.primary,
                                 .mode = td_strategy_mode(strategy),
                                 .max_sectors = 16,
                                 .write_size = 4,
                                 .max_align = 8 };
    dev.x = dev.p;
    dev.x.area = &dev.secondary;
    dev.requests = (struct td_slots){ &dev.p, &dev.x, TD_SLOT_MENDED, 0 };
    assert_int_equal(td_boot_check(&dev.config), TD_OK);
}

/* An image with only its hash; the version tells them apart. */
static uint32_t put_image(const struct td_flash_area *area, uint8_t major, uint32_t size)
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
    sim_nor_program(&dev.nor, area->off, buf, b.len);
    return b.len;
}

static void request(uint8_t major, bool permanent)
{
    enum td_slot_done done;
    uint32_t end = put_image(&dev.secondary, major, IMAGE);

    assert_int_equal(td_slot_set_pending(&dev.requests, permanent, end, &done), TD_OK);
}

/* Changes one byte of what a sector holds. */
static void damage(uint32_t off)
{
    uint8_t sector[SECTOR];
    uint32_t from = td_round_down(off, SECTOR);

    memcpy(sector, sim_nor_peek(&dev.nor, from), sizeof sector);
    sector[off - from] ^= 0x55;
    sim_nor_program(&dev.nor, from, sector, sizeof sector);
}

static void boot(void)
{
    sim_power_on(&dev.power);
    assert_int_equal(td_boot_go(&dev.config, &dev.work, &dev.result), TD_OK);
}

static void boots(uint8_t major)
{
    boot();
    assert_true(dev.result.bootable);
    assert_int_equal(dev.result.hdr.version.major, major);
}

static void writes_nothing(uint8_t major)
{
    boots(major);
    assert_int_equal(dev.power.ops, 0);
}

static bool logged(uint16_t code, struct td_verdict *v)
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

static void has_logged(uint16_t code)
{
    struct td_verdict v;

    if (!logged(code, &v))
        fail_msg("%s is not in the log", td_verdict_name(code));
}

static struct td_trailer_state state_of(const struct td_trailer *t)
{
    struct td_trailer_state s;

    assert_int_equal(td_trailer_read(t, &s), TD_OK);
    return s;
}

static void on_trial(uint8_t old, uint8_t new)
{
    make_device(&td_strategy_move);
    put_image(&dev.primary, old, IMAGE);
    request(new, false);
    boots(new);
    assert_true(dev.result.on_trial);
}

/* --- rest points, as the original has them --- */

static void rest_is(enum td_swap_type type, enum td_flag image_ok)
{
    struct td_trailer_state p = state_of(&dev.p), x = state_of(&dev.x);

    assert_int_equal(p.magic, TD_MAGIC_GOOD);
    assert_int_equal(p.swap_type, type);
    assert_int_equal(p.copy_done, TD_FLAG_SET);
    assert_int_equal(p.image_ok, image_ok);
    assert_int_equal(x.magic, TD_MAGIC_UNSET);
    assert_int_equal(x.image_ok, TD_FLAG_UNSET);
    assert_int_equal(x.copy_done, TD_FLAG_UNSET);
    assert_int_equal(x.swap_info, TD_FLAG_UNSET);
}

static void a_test_rests_as_mcuboot_leaves_it(void **state)
{
    /* the rest of swap size's cell, swap info, copy_done, no image_ok, magic: byte by byte */
    static const uint8_t want[] = {
        0xff, 0xff, 0xff, 0xff, 2,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,    0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x77, 0xc2,
        0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80,
    };
    uint8_t size[4];

    (void)state;
    on_trial(1, 2);
    rest_is(TD_SWAP_TEST, TD_FLAG_UNSET);
    assert_memory_equal(sim_nor_peek(&dev.nor, SLOT - sizeof want), want, sizeof want);
    memcpy(size, sim_nor_peek(&dev.nor, SLOT - 48), sizeof size);
    assert_int_equal(size[0] | size[1] << 8, IMAGE + 32 + 40);
}

static void a_permanent_update_rests_confirmed(void **state)
{
    (void)state;
    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    request(2, true);
    boots(2);
    assert_false(dev.result.on_trial);
    rest_is(TD_SWAP_PERM, TD_FLAG_SET);
    has_logged(TD_V_INSTALLED);
    writes_nothing(2);
}

static void an_unconfirmed_trial_is_reverted_and_says_so(void **state)
{
    (void)state;
    on_trial(1, 2);
    has_logged(TD_V_TRIAL_STARTED);
    boots(1);
    assert_int_equal(dev.result.did, TD_SWAP_REVERT);
    rest_is(TD_SWAP_REVERT, TD_FLAG_SET);
    has_logged(TD_V_REVERTED);
    writes_nothing(1);
}

static void a_confirmed_trial_stays(void **state)
{
    enum td_slot_done done;

    (void)state;
    on_trial(1, 2);
    assert_int_equal(td_slot_confirm(&dev.requests, &done), TD_OK);
    writes_nothing(2);
    assert_false(dev.result.on_trial);
}

static void a_hung_trial_is_told_from_a_crashed_one(void **state)
{
    (void)state;
    on_trial(1, 2);
    dev.cause = TD_RESET_WATCHDOG;
    boots(1);
    has_logged(TD_V_REVERTED_WATCHDOG);
}

/* --- rest points byte by byte: what a run of the original left in both slots --- */

/* t: image uploaded, asked for as a test, booted. p: likewise, permanent. c: confirmed. b: booted */
static const struct {
    const char *walk;
    uint8_t runs;
    uint32_t primary;   /* CRC-32 of the slot but for our note's 64 bytes */
    uint32_t secondary; /* CRC-32 of the slot */
} original[] = {
    { "t", 2, 0xb3380fc6, 0xaddfd361 },    { "tc", 2, 0x3bd0efb0, 0xaddfd361 },
    { "tb", 1, 0x0b31f698, 0xc8e7a3ba },   { "p", 2, 0x94947df7, 0xaddfd361 },
    { "tct", 3, 0x423955ff, 0xc8e7a3ba },  { "tctb", 2, 0x773acde7, 0xef66182b },
    { "tctc", 3, 0xcad1b589, 0xc8e7a3ba }, { "tbt", 3, 0x94eec0cf, 0xaddfd361 },
    { "tbtc", 3, 0x1c0620b9, 0xaddfd361 }, { "pt", 3, 0x423955ff, 0xc8e7a3ba },
    { "ptb", 2, 0x773acde7, 0xef66182b },  { "pp", 3, 0x659527ce, 0xc8e7a3ba },
    { "tbp", 3, 0xb342b2fe, 0xaddfd361 },
};

#define NOTE (SLOT - SECTOR) /* the trailer fits into the last sector */

static void wipe_note(void)
{
    uint8_t sector[SECTOR];

    memcpy(sector, sim_nor_peek(&dev.nor, NOTE), sizeof sector);
    memset(sector, 0xff, TD_NOTE_SIZE + TD_PLAN_SIZE);
    sim_nor_program(&dev.nor, NOTE, sector, sizeof sector);
}

/* Of the primary, as if there were no note and no plan of ours. */
static uint32_t crc_of_primary(void)
{
    uint8_t sector[SECTOR];
    uint32_t crc = td_crc32(0, dev.bytes, NOTE);

    memcpy(sector, dev.bytes + NOTE, sizeof sector);
    memset(sector + TD_NOTE_SIZE, 0xff, TD_PLAN_SIZE);
    return td_crc32(crc, sector + TD_NOTE_SIZE, SECTOR - TD_NOTE_SIZE);
}

static void install(uint8_t major, bool permanent)
{
    enum td_slot_done done;
    uint32_t end;

    assert_int_equal(td_flash_erase(&dev.secondary, 0, SLOT), TD_OK);
    end = put_image(&dev.secondary, major, major % 2 == 0 ? IMAGE : IMAGE - 3u * SECTOR);
    assert_int_equal(td_slot_set_pending(&dev.requests, permanent, end, &done), TD_OK);
    boots(major);
}

static void take_walk(const char *walk, bool keeps_note)
{
    enum td_slot_done done;
    uint8_t last = 1;

    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    for (; *walk != '\0'; walk++) {
        if (*walk == 'c')
            assert_int_equal(td_slot_confirm(&dev.requests, &done), TD_OK);
        else if (*walk == 'b')
            boot();
        else
            install(++last, *walk == 'p');
        if (!keeps_note)
            wipe_note();
    }
}

static void every_rest_point_is_the_original_s_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof original / sizeof original[0]; i++) {
        for (int keeps_note = 0; keeps_note < 2; keeps_note++) {
            take_walk(original[i].walk, keeps_note != 0);
            if (crc_of_primary() != original[i].primary ||
                td_crc32(0, sim_nor_peek(&dev.nor, SLOT), SLOT) != original[i].secondary)
                fail_msg("%s rests otherwise", original[i].walk);
            assert_int_equal(dev.result.hdr.version.major, original[i].runs);
        }
    }
}

/* --- traps of the original --- */

static void a_revert_does_not_read_the_failing_image(void **state)
{
    static const uint8_t junk[64] = { 0x3d, 0xb8, 0xf3, 0x96, 0xff, 0xff, 0xff, 0xff, 0xff };
    uint8_t sector[SECTOR];

    (void)state;
    on_trial(1, 2);
    memcpy(sector, sim_nor_peek(&dev.nor, 0), sizeof sector);
    memcpy(sector, junk, sizeof junk);
    sim_nor_program(&dev.nor, 0, sector, sizeof sector);
    boots(1);
    has_logged(TD_V_REVERTED_INVALID);
}

static void downgrade_prevention_does_not_apply_to_a_revert(void **state)
{
    (void)state;
    on_trial(1, 2);
    for (uint32_t cut = 0; cut < 20; cut++) {
        sim_power_on(&dev.power);
        sim_power_cut_at(&dev.power, cut, SIM_CUT_AFTER);
        (void)td_boot_go(&dev.config, &dev.work, &dev.result);
    }
    boots(1);
    writes_nothing(1);
}

static void a_torn_copy_done_does_not_take_the_trial_away(void **state)
{
    (void)state;
    on_trial(1, 2);
    sim_nor_tear(&dev.nor, td_trailer_copy_done_off(&dev.p), 0x06);
    boots(2);
    assert_true(dev.result.on_trial);
    rest_is(TD_SWAP_TEST, TD_FLAG_UNSET);
    assert_false(sim_nor_is_torn(&dev.nor, 15));
}

static void a_torn_copy_done_of_a_confirmed_image_is_mended(void **state)
{
    enum td_slot_done done;

    (void)state;
    on_trial(1, 2);
    assert_int_equal(td_slot_confirm(&dev.requests, &done), TD_OK);
    sim_nor_tear(&dev.nor, td_trailer_copy_done_off(&dev.p), 0x06);
    boots(2);
    rest_is(TD_SWAP_TEST, TD_FLAG_SET);
    writes_nothing(2);
}

static void a_torn_confirmation_does_not_count(void **state)
{
    enum td_slot_done done;

    (void)state;
    on_trial(1, 2);
    sim_power_on(&dev.power);
    sim_power_cut_at(&dev.power, 0, SIM_CUT_TORN);
    assert_int_equal(td_slot_confirm(&dev.requests, &done), TD_EFLASH);
    boots(1);
    has_logged(TD_V_REVERTED);
}

static void a_torn_request_is_cleared_and_told(void **state)
{
    (void)state;
    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    request(2, false);
    sim_nor_tear(&dev.nor, SLOT + td_trailer_magic_off(&dev.x), 0x88);
    boots(1);
    has_logged(TD_V_TORN_REQUEST);
    writes_nothing(1);
}

static void bytes_that_were_never_a_request_are_left_alone(void **state)
{
    static const uint8_t data[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };

    (void)state;
    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    sim_nor_program(&dev.nor, 2 * SLOT - sizeof data, data, sizeof data);
    writes_nothing(1);
    assert_memory_equal(sim_nor_peek(&dev.nor, 2 * SLOT - sizeof data), data, sizeof data);
}

static void a_trial_whose_predecessor_is_gone_stays_and_is_told_once(void **state)
{
    static const uint8_t junk[4] = { 9, 9, 9, 9 };

    (void)state;
    on_trial(1, 2);
    sim_nor_program(&dev.nor, SLOT, junk, sizeof junk);
    boots(2);
    has_logged(TD_V_REVERT_IMPOSSIBLE);
    writes_nothing(2);
}

// The original would install, and call confirmed, whatever lies there.
static void a_revert_brings_back_the_previous_image_and_no_other(void **state)
{
    (void)state;
    on_trial(1, 2);
    put_image(&dev.secondary, 3, IMAGE);
    boots(2);
    has_logged(TD_V_REVERT_IMPOSSIBLE);
    writes_nothing(2);
}

// Its trailer is ours cell for cell; what it lacks is the note.
static void a_swap_that_the_original_began_is_finished(void **state)
{
    uint32_t note;

    (void)state;
    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    request(2, false);
    sim_power_on(&dev.power);
    sim_power_cut_at(&dev.power, 40, SIM_CUT_AFTER);
    assert_int_equal(td_boot_go(&dev.config, &dev.work, &dev.result), TD_EFLASH);
    assert_int_equal(td_trailer_first_sector(&dev.p, &note), TD_OK);
    damage(note);
    boots(2);
    assert_true(dev.result.resumed && dev.result.on_trial);
    boots(1);
    writes_nothing(1);
}

static void a_note_beside_a_confirmed_image_is_not_ours(void **state)
{
    struct td_note note = { .type = TD_SWAP_REVERT, .confirmed = true, .swap_size = IMAGE };
    enum td_slot_done done;
    uint32_t off;

    (void)state;
    on_trial(1, 2);
    assert_int_equal(td_slot_confirm(&dev.requests, &done), TD_OK);
    assert_int_equal(td_trailer_first_sector(&dev.x, &off), TD_OK);
    assert_int_equal(td_note_write(&dev.secondary, off, &note), TD_OK);
    writes_nothing(2);
}

static void the_previous_image_asked_for_during_a_trial_comes_back_confirmed(void **state)
{
    (void)state;
    on_trial(1, 2);
    assert_int_equal(td_trailer_write_magic(&dev.x), TD_OK);
    boots(1);
    assert_false(dev.result.on_trial);
    writes_nothing(1);
}

static void what_does_not_verify_after_the_swap_never_has_a_trial(void **state)
{
    uint32_t ops;

    (void)state;
    on_trial(1, 2);
    ops = dev.power.ops;
    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    request(2, false);
    sim_power_on(&dev.power);
    sim_power_cut_at(&dev.power, ops - 1, SIM_CUT_BEFORE);
    assert_int_equal(td_boot_go(&dev.config, &dev.work, &dev.result), TD_EFLASH);
    damage(600);
    boots(1);
    assert_false(dev.result.on_trial);
    has_logged(TD_V_REVERTED_INVALID);
    writes_nothing(1);
}

/* --- requests that are refused --- */

static void refused(uint16_t code)
{
    boots(1);
    has_logged(code);
    assert_int_equal(state_of(&dev.x).magic, TD_MAGIC_UNSET);
    writes_nothing(1);
}

static void a_refused_image_keeps_its_bytes_and_loses_its_request(void **state)
{
    uint8_t before[64];

    (void)state;
    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    request(2, true);
    damage(SLOT + 500);
    memcpy(before, sim_nor_peek(&dev.nor, SLOT), sizeof before);
    refused(TD_V_HASH_MISMATCH);
    assert_memory_equal(sim_nor_peek(&dev.nor, SLOT), before, sizeof before);
}

static void the_original_erases_the_whole_slot(void **state)
{
    bool blank = false;

    (void)state;
    make_device(&td_strategy_move);
    dev.config.manner = &td_boot_manner_mcuboot;
    put_image(&dev.primary, 1, IMAGE);
    request(2, true);
    damage(SLOT + 500);
    refused(TD_V_HASH_MISMATCH);
    assert_int_equal(td_flash_is_blank(&dev.secondary, 0, SLOT, &blank), TD_OK);
    assert_true(blank);
}

static void a_downgrade_is_refused_with_both_versions(void **state)
{
    struct td_verdict v;

    (void)state;
    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    request(0, false);
    refused(TD_V_DOWNGRADE);
    assert_true(logged(TD_V_DOWNGRADE, &v));
    assert_int_equal(v.wanted_version.major, 1);
    assert_int_equal(v.found_version.major, 0);
    assert_int_equal(v.slot, 1);
}

static void an_empty_slot_is_refused(void **state)
{
    enum td_slot_done done;

    (void)state;
    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    assert_int_equal(td_slot_set_pending(&dev.requests, false, 100, &done), TD_OK);
    refused(TD_V_EMPTY_SLOT);
}

static void request_too_large(const struct td_boot_manner *manner)
{
    enum td_slot_done done;
    uint32_t end;

    make_device(&td_strategy_move);
    dev.config.manner = manner;
    put_image(&dev.primary, 1, IMAGE);
    end = put_image(&dev.secondary, 2, 14 * SECTOR + 10);
    assert_int_equal(td_slot_set_pending(&dev.requests, false, end, &done), TD_OK);
}

static void without_swap_room_the_request_goes(void **state)
{
    struct td_verdict v;
    uint32_t max;

    (void)state;
    request_too_large(&td_boot_manner_tandem);
    refused(TD_V_NO_SWAP_ROOM);
    assert_true(logged(TD_V_NO_SWAP_ROOM, &v));
    assert_int_equal(td_boot_max_image(&dev.config, 0, &max), TD_OK);
    assert_int_equal(v.wanted, max);
}

// The original writes copy_done again at each boot; what stays here is the request alone.
// The original does not boot it: its limit holds for what runs as well.
static void an_image_too_large_to_be_swapped_runs_all_the_same(void **state)
{
    uint32_t max;

    (void)state;
    make_device(&td_strategy_move);
    assert_int_equal(td_boot_max_image(&dev.config, 0, &max), TD_OK);
    put_image(&dev.primary, 1, max);
    writes_nothing(1);
}

static void in_the_original_manner_it_stays_and_nothing_is_written_twice(void **state)
{
    (void)state;
    request_too_large(&td_boot_manner_mcuboot);
    boots(1);
    has_logged(TD_V_NO_SWAP_ROOM);
    assert_int_equal(state_of(&dev.x).magic, TD_MAGIC_GOOD);
    writes_nothing(1);
}

/* --- a secondary slot that is not there --- */

static enum td_err no_read(const struct td_flash_dev *d, uint32_t off, void *dst, size_t len)
{
    (void)d;
    (void)off;
    (void)dst;
    (void)len;
    return TD_EFLASH;
}

static const struct td_flash_ops dead_ops = { .read = no_read };

static void an_unreachable_secondary_does_not_stop_a_healthy_primary(void **state)
{
    struct td_flash_dev dead;

    (void)state;
    make_device(&td_strategy_move);
    put_image(&dev.primary, 1, IMAGE);
    dead = dev.nor.dev;
    dead.ops = &dead_ops;
    dev.secondary.dev = &dead;
    boots(1);
    has_logged(TD_V_SLOT_UNREADABLE);
    writes_nothing(1);
}

// With a word in it that cannot be read the image is refused like any other that is damaged.
static void a_secondary_with_a_faulty_word_is_refused(void **state)
{
    static struct sim_nor_model ecc;

    (void)state;
    make_device(&td_strategy_move);
    ecc = model;
    ecc.ecc_error = true;
    sim_nor_init(&dev.nor, &ecc, dev.bytes, dev.meta, &dev.power, 7);
    put_image(&dev.primary, 1, IMAGE);
    request(2, true);
    sim_nor_tear(&dev.nor, SLOT + 2000, 0x10);
    refused(TD_V_SLOT_UNREADABLE);
}

/* --- no image, and the way out --- */

static void a_blank_primary_takes_a_valid_request_for_good(void **state)
{
    (void)state;
    make_device(&td_strategy_move);
    request(2, false);
    boots(2);
    assert_false(dev.result.on_trial);
    writes_nothing(2);
}

static void an_image_that_nobody_asked_for_is_not_installed(void **state)
{
    (void)state;
    make_device(&td_strategy_move);
    put_image(&dev.secondary, 2, IMAGE);
    boot();
    assert_false(dev.result.bootable);
    has_logged(TD_V_PRIMARY_INVALID);
    boot();
    assert_int_equal(dev.power.ops, 0);
    assert_int_equal(td_boot_jump(&dev.config, &dev.result), TD_ESTATE);
}

static void the_watchdog_is_fed_all_along(void **state)
{
    (void)state;
    on_trial(1, 2);
    assert_true(dev.fed > 3 * 6 * 2);
}

/* --- overwrite-only --- */

static void overwriting_ends_without_the_request(void **state)
{
    (void)state;
    make_device(&td_strategy_overwrite);
    put_image(&dev.primary, 1, IMAGE);
    request(2, false);
    boots(2);
    has_logged(TD_V_INSTALLED);
    assert_int_equal(state_of(&dev.x).magic, TD_MAGIC_UNSET);
    writes_nothing(2);
}

// The original, cut between the two erases that end it, says "Swap type: test" at every boot.
static void a_finished_copy_whose_request_is_torn_is_not_refused(void **state)
{
    struct td_verdict v;

    (void)state;
    make_device(&td_strategy_overwrite);
    put_image(&dev.primary, 1, IMAGE);
    request(2, false);
    boots(2);
    request(2, false);
    sim_nor_tear(&dev.nor, SLOT + td_trailer_magic_off(&dev.x), 0x88);
    boots(2);
    assert_false(logged(TD_V_TORN_REQUEST, &v));
    writes_nothing(2);
}

// A debugger erases what it writes: the note that speaks of image 2 outlives it.
static void a_note_about_an_image_that_is_gone_does_not_answer_a_request(void **state)
{
    enum td_slot_done done;

    (void)state;
    make_device(&td_strategy_overwrite);
    put_image(&dev.primary, 1, IMAGE);
    request(2, false);
    boots(2);
    put_image(&dev.primary, 1, IMAGE);
    writes_nothing(1);
    assert_int_equal(td_slot_set_pending(&dev.requests, false, IMAGE, &done), TD_OK);
    boots(2);
    assert_int_equal(dev.result.did, TD_SWAP_TEST);
    writes_nothing(2);
}

// Found by the sweep: the version in a torn header looked newer than the image asked for.
static void the_version_of_half_an_image_refuses_nothing(void **state)
{
    (void)state;
    make_device(&td_strategy_overwrite);
    put_image(&dev.primary, 9, IMAGE);
    request(2, false);
    damage(500);
    boots(2);
    has_logged(TD_V_INSTALLED);
    writes_nothing(2);
}

static void no_update_reaches_into_the_sector_of_its_request(void **state)
{
    uint32_t max;

    (void)state;
    make_device(&td_strategy_overwrite);
    assert_int_equal(td_boot_max_image(&dev.config, 0, &max), TD_OK);
    assert_int_equal(max, SLOT - SECTOR);
}

/* --- the note and the lines --- */

static void a_torn_note_is_no_note(void **state)
{
    struct td_note note = { .type = TD_SWAP_PERM, .done = true, .swap_size = 77 }, back;

    (void)state;
    make_device(&td_strategy_move);
    assert_int_equal(td_note_write(&dev.secondary, 0, &note), TD_OK);
    assert_true(td_note_read(&dev.secondary, 0, &back));
    assert_int_equal(back.swap_size, 77);
    assert_true(back.done && !back.confirmed && back.type == TD_SWAP_PERM);
    sim_nor_tear(&dev.nor, SLOT + 9, 0x01);
    assert_false(td_note_read(&dev.secondary, 0, &back));
}

static void lines_read_as_the_original_has_them(void **state)
{
    static const struct {
        struct td_boot_line line;
        const char *want;
    } rows[] = {
        { { TD_LINE_SWAP_TYPE, { 0, TD_SWAP_TEST, 0, 0 } }, "I: Image index: 0, Swap type: test" },
        { { TD_LINE_SWAP_MOVE, { 0 } }, "I: Starting swap using move algorithm." },
        { { TD_LINE_PRIMARY, { 1, 2, 1, 3 } },
          "I: Primary image: magic=good, swap_type=0x2, copy_done=0x1, image_ok=0x3" },
        { { TD_LINE_OFFSET, { 0xc000, 0, 0, 0 } },
          "I: Bootloader chainload address offset: 0xc000" },
        { { TD_LINE_VERSION, { 1, 20, 300, 0 } }, "I: Image version: v1.20.300" },
        { { TD_LINE_VERDICT, { TD_V_DOWNGRADE, 0, 0, 0 } }, "W: Verdict 36: downgrade" },
        { { TD_LINE_NO_ROOM_BYTES, { 5000, 4096, 0, 0 } },
          "W: required 5000 bytes but only 4096 are available" },
    };
    char buf[128];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        assert_int_equal(td_boot_line_text(&rows[i].line, buf, sizeof buf), strlen(rows[i].want));
        assert_string_equal(buf, rows[i].want);
    }
    assert_int_equal(td_boot_line_text(&rows[0].line, buf, 4), 3);
    assert_string_equal(buf, "I: ");
}

static int clean_up(void **state)
{
    (void)state;
    free(dev.meta);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_test_rests_as_mcuboot_leaves_it),
        cmocka_unit_test(a_permanent_update_rests_confirmed),
        cmocka_unit_test(an_unconfirmed_trial_is_reverted_and_says_so),
        cmocka_unit_test(a_confirmed_trial_stays),
        cmocka_unit_test(every_rest_point_is_the_original_s_byte_for_byte),
        cmocka_unit_test(a_hung_trial_is_told_from_a_crashed_one),
        cmocka_unit_test(a_revert_does_not_read_the_failing_image),
        cmocka_unit_test(downgrade_prevention_does_not_apply_to_a_revert),
        cmocka_unit_test(a_torn_copy_done_does_not_take_the_trial_away),
        cmocka_unit_test(a_torn_copy_done_of_a_confirmed_image_is_mended),
        cmocka_unit_test(a_torn_confirmation_does_not_count),
        cmocka_unit_test(a_torn_request_is_cleared_and_told),
        cmocka_unit_test(bytes_that_were_never_a_request_are_left_alone),
        cmocka_unit_test(a_trial_whose_predecessor_is_gone_stays_and_is_told_once),
        cmocka_unit_test(a_revert_brings_back_the_previous_image_and_no_other),
        cmocka_unit_test(a_swap_that_the_original_began_is_finished),
        cmocka_unit_test(a_note_beside_a_confirmed_image_is_not_ours),
        cmocka_unit_test(the_previous_image_asked_for_during_a_trial_comes_back_confirmed),
        cmocka_unit_test(what_does_not_verify_after_the_swap_never_has_a_trial),
        cmocka_unit_test(a_refused_image_keeps_its_bytes_and_loses_its_request),
        cmocka_unit_test(the_original_erases_the_whole_slot),
        cmocka_unit_test(a_downgrade_is_refused_with_both_versions),
        cmocka_unit_test(an_empty_slot_is_refused),
        cmocka_unit_test(without_swap_room_the_request_goes),
        cmocka_unit_test(an_image_too_large_to_be_swapped_runs_all_the_same),
        cmocka_unit_test(in_the_original_manner_it_stays_and_nothing_is_written_twice),
        cmocka_unit_test(an_unreachable_secondary_does_not_stop_a_healthy_primary),
        cmocka_unit_test(a_secondary_with_a_faulty_word_is_refused),
        cmocka_unit_test(a_blank_primary_takes_a_valid_request_for_good),
        cmocka_unit_test(an_image_that_nobody_asked_for_is_not_installed),
        cmocka_unit_test(the_watchdog_is_fed_all_along),
        cmocka_unit_test(overwriting_ends_without_the_request),
        cmocka_unit_test(a_finished_copy_whose_request_is_torn_is_not_refused),
        cmocka_unit_test(a_note_about_an_image_that_is_gone_does_not_answer_a_request),
        cmocka_unit_test(the_version_of_half_an_image_refuses_nothing),
        cmocka_unit_test(no_update_reaches_into_the_sector_of_its_request),
        cmocka_unit_test(a_torn_note_is_no_note),
        cmocka_unit_test(lines_read_as_the_original_has_them),
    };

    return cmocka_run_group_tests_name("boot", tests, NULL, clean_up);
}
