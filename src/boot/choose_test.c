/* What runs where a slot is chosen, each trap of the original by name, and power cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "image/golden_test.h"
#include "log/log.h"
#include "server/bench_test.h"
#include "slot/request.h"

#define RAM_ADDR 0x20010000u
#define RAM_SIZE (2u * BENCH_SLOT)
#define PAYLOAD  3000u

static struct bench b;
static uint8_t file[BENCH_SLOT];
static uint8_t memory[64 + RAM_SIZE + 64];
static struct td_trailer trailer[2];

static const struct td_boot_ram ram = { RAM_ADDR, RAM_SIZE, memory + 64 };

static const struct td_strategy *const reverting[] = { &td_strategy_xip_revert,
                                                       &td_strategy_ram_revert };

static bool in_ram(const struct td_strategy *strategy)
{
    return strategy == &td_strategy_ram || strategy == &td_strategy_ram_revert ||
           strategy == &td_strategy_single_ram;
}

static void make(const struct td_strategy *strategy)
{
    bench_init(&b, strategy, TD_RECOVERY_RAW, TD_SERVER_TO_SPARE);
    memset(memory, 0xa5, sizeof memory);
    b.boot.ram = &ram;
    b.boot.has_recovery = false;
    for (unsigned i = 0; i < 2; i++)
        trailer[i] = (struct td_trailer){ .area = &b.slot[i],
                                          .mode = b.image.strategy,
                                          .max_sectors = 16,
                                          .write_size = 4,
                                          .max_align = 8 };
    assert_int_equal(td_boot_check(&b.boot), TD_OK);
}

static void put_flagged(unsigned slot, uint8_t major, uint32_t flags, uint32_t load_addr)
{
    uint32_t len = bench_image(file, major, PAYLOAD, flags, load_addr);

    sim_nor_program(&b.nor, b.slot[slot].off, file, len);
}

static void put(unsigned slot, uint8_t major)
{
    bool ram_load = in_ram(b.boot.strategy);

    put_flagged(slot, major, ram_load ? TD_IMAGE_F_RAM_LOAD : 0, ram_load ? RAM_ADDR : 0);
}

static void damage(unsigned slot)
{
    uint8_t page[BENCH_PAGE];

    memcpy(page, sim_nor_peek(&b.nor, b.slot[slot].off), sizeof page);
    page[100] ^= 0x55;
    sim_nor_program(&b.nor, b.slot[slot].off, page, sizeof page);
}

static void request(unsigned slot, bool permanent)
{
    const struct td_slots slots = { &trailer[1 - slot], &trailer[slot], TD_SLOT_MENDED, 0 };
    enum td_slot_done done;

    assert_int_equal(td_slot_set_pending(&slots, permanent, PAYLOAD, &done), TD_OK);
}

static void confirm(unsigned slot)
{
    const struct td_slots slots = { &trailer[slot], &trailer[1 - slot], TD_SLOT_MENDED, 0 };
    enum td_slot_done done;

    assert_int_equal(td_slot_confirm(&slots, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_WRITTEN);
}

static void boot(void)
{
    sim_power_on(&b.power);
    assert_int_equal(td_boot_go(&b.boot, &b.work, &b.result), TD_OK);
}

/* And once more: which does the same, and writes nothing when nothing is on trial. */
static void boots(unsigned slot, uint8_t major)
{
    boot();
    assert_true(b.result.bootable);
    assert_int_equal(b.result.slot, slot);
    assert_int_equal(b.result.slot_off, b.slot[slot].off);
    assert_int_equal(b.result.hdr.version.major, major);
    if (b.result.run_addr != 0)
        assert_memory_equal(ram.bytes + (b.result.run_addr - RAM_ADDR),
                            sim_nor_peek(&b.nor, b.slot[slot].off), PAYLOAD);
}

static void writes_nothing(unsigned slot, uint8_t major)
{
    boots(slot, major);
    assert_int_equal(b.power.ops, 0);
}

static bool has_verdict(enum td_verdict_code code)
{
    for (unsigned i = 0; i < b.result.n_verdicts; i++)
        if (b.result.verdicts[i].code == (uint16_t)code)
            return true;
    return false;
}

static bool has_image(unsigned slot)
{
    return sim_nor_peek(&b.nor, b.slot[slot].off)[0] == 0x3d;
}

static bool ram_is_untouched(void)
{
    for (size_t i = 0; i < sizeof memory; i++)
        if (memory[i] != 0xa5)
            return false;
    return true;
}

/* ---- which slot ----------------------------------------------------------------------------- */

static void the_higher_version_runs_and_slot_0_of_two_equal_ones(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_xip, &td_strategy_ram };
    static const struct {
        uint8_t version[2]; /* 0: none */
        unsigned slot;
    } rows[] = {
        { { 1, 2 }, 1 }, { { 2, 1 }, 0 }, { { 3, 3 }, 0 }, { { 0, 1 }, 1 }, { { 1, 0 }, 0 },
    };

    (void)state;
    for (size_t w = 0; w < TD_N_OF(ways); w++) {
        for (size_t i = 0; i < TD_N_OF(rows); i++) {
            make(ways[w]);
            for (unsigned slot = 0; slot < 2; slot++)
                if (rows[i].version[slot] != 0)
                    put(slot, rows[i].version[slot]);
            writes_nothing(rows[i].slot, rows[i].version[rows[i].slot]);
            assert_false(b.result.on_trial);
        }
    }
}

static void a_damaged_image_is_passed_over_with_a_verdict_and_stays(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_xip, &td_strategy_ram,
                                                      &td_strategy_xip_revert,
                                                      &td_strategy_ram_revert };

    (void)state;
    for (size_t w = 0; w < TD_N_OF(ways); w++) {
        make(ways[w]);
        put(0, 1);
        put(1, 2);
        damage(1);
        boots(0, 1);
        assert_true(has_verdict(TD_V_HASH_MISMATCH));
        assert_true(has_image(1));
        writes_nothing(0, 1);
    }
}

static void nothing_left_to_boot_is_said_with_the_last_reason(void **state)
{
    (void)state;
    make(&td_strategy_xip);
    boot();
    assert_false(b.result.bootable);
    assert_int_equal(b.result.verdicts[0].code, TD_V_NO_SLOT_LEFT);
    assert_int_equal(b.result.verdicts[0].found, 0);
    make(&td_strategy_xip);
    put(0, 1);
    damage(0);
    boot();
    assert_false(b.result.bootable);
    assert_int_equal(b.result.verdicts[1].code, TD_V_NO_SLOT_LEFT);
    assert_int_equal(b.result.verdicts[1].found, TD_V_HASH_MISMATCH);
    boot();
    assert_int_equal(b.power.ops, 0);
}

static void an_image_for_the_other_slot_s_address_is_skipped(void **state)
{
    (void)state;
    make(&td_strategy_xip);
    put_flagged(0, 1, TD_IMAGE_F_ROM_FIXED, b.slot[0].off);
    put_flagged(1, 2, TD_IMAGE_F_ROM_FIXED, b.slot[0].off);
    boots(0, 1);
    assert_int_equal(b.result.verdicts[0].code, TD_V_WRONG_ADDRESS);
    assert_int_equal(b.result.verdicts[0].wanted, b.slot[1].off);
    assert_int_equal(b.result.verdicts[0].found, b.slot[0].off);
    assert_true(has_image(1));
    writes_nothing(0, 1);
}

/* ---- trials ----------------------------------------------------------------------------------- */

/* Complaint 8 (#2430, #784): the original erases the only image when it has no trailer. */
static void a_factory_image_without_trailer_is_confirmed_and_never_erased(void **state)
{
    (void)state;
    for (size_t w = 0; w < TD_N_OF(reverting); w++) {
        make(reverting[w]);
        put(0, 1);
        boots(0, 1);
        assert_false(b.result.on_trial);
        writes_nothing(0, 1);
        put(1, 2); // uploaded, and nobody asked for it
        writes_nothing(0, 1);
        assert_true(has_image(1));
    }
}

static void a_request_is_on_trial_and_reverts_unless_it_is_confirmed(void **state)
{
    (void)state;
    for (size_t w = 0; w < TD_N_OF(reverting); w++) {
        for (unsigned confirmed = 0; confirmed < 2; confirmed++) {
            make(reverting[w]);
            put(0, 1);
            boots(0, 1);
            put(1, 2);
            request(1, false);
            boots(1, 2);
            assert_true(b.result.on_trial && has_verdict(TD_V_TRIAL_STARTED));
            if (confirmed) {
                confirm(1);
                writes_nothing(1, 2);
                assert_false(b.result.on_trial);
                continue;
            }
            boots(0, 1);
            assert_true(has_verdict(TD_V_REVERTED) && !b.result.on_trial);
            assert_true(has_image(1));
            writes_nothing(0, 1);
            assert_int_equal(b.result.n_verdicts, 0);
        }
    }
}

static void a_permanent_request_stays_and_what_failed_may_be_asked_for_again(void **state)
{
    (void)state;
    for (size_t w = 0; w < TD_N_OF(reverting); w++) {
        make(reverting[w]);
        put(0, 1);
        boots(0, 1);
        put(1, 2);
        request(1, false);
        boots(1, 2);
        boots(0, 1);
        request(1, false);
        boots(1, 2);
        assert_true(b.result.on_trial);
        boots(0, 1);
        request(1, true);
        boots(1, 2);
        assert_false(b.result.on_trial);
        writes_nothing(1, 2);
    }
}

static void what_failed_its_trial_runs_when_there_is_nothing_else(void **state)
{
    (void)state;
    for (size_t w = 0; w < TD_N_OF(reverting); w++) {
        make(reverting[w]);
        put(1, 2);
        request(1, false);
        boots(1, 2);
        boots(1, 2);
        assert_true(has_verdict(TD_V_REVERT_IMPOSSIBLE) && b.result.on_trial);
        put(0, 1);
        boots(0, 1);
    }
}

/* The original notes the trial first, and validates then (5.6). */
static void a_trial_is_not_noted_for_an_image_that_does_not_verify(void **state)
{
    struct td_trailer_state s;

    (void)state;
    for (size_t w = 0; w < TD_N_OF(reverting); w++) {
        make(reverting[w]);
        put(0, 1);
        boots(0, 1);
        put(1, 2);
        request(1, false);
        damage(1);
        boots(0, 1);
        assert_int_equal(td_trailer_read(&trailer[1], &s), TD_OK);
        assert_int_equal(s.copy_done, TD_FLAG_UNSET);
        writes_nothing(0, 1);
    }
}

static void the_original_s_manner_erases_what_nobody_asked_for(void **state)
{
    (void)state;
    for (size_t w = 0; w < TD_N_OF(reverting); w++) {
        make(reverting[w]);
        b.boot.manner = &td_boot_manner_mcuboot;
        put(0, 1);
        boot();
        assert_false(b.result.bootable || has_image(0));
        put(0, 1);
        request(0, true);
        put(1, 2);
        request(1, false);
        boots(1, 2);
        boots(0, 1);
        assert_false(has_image(1));
    }
}

/* ---- RAM --------------------------------------------------------------------------------------- */

static void an_image_that_may_not_lie_there_is_refused_and_ram_stays_as_it_was(void **state)
{
    static const struct {
        const char *says;
        uint32_t flags, addr;
        enum td_verdict_code code;
    } rows[] = {
        { "without the flag", 0, RAM_ADDR, TD_V_NOT_FOR_RAM },
        { "below", TD_IMAGE_F_RAM_LOAD, RAM_ADDR - 4, TD_V_OUTSIDE_RAM },
        { "beyond the end", TD_IMAGE_F_RAM_LOAD, RAM_ADDR + RAM_SIZE - 4, TD_V_OUTSIDE_RAM },
        { "behind it", TD_IMAGE_F_RAM_LOAD, RAM_ADDR + RAM_SIZE, TD_V_OUTSIDE_RAM },
        { "around the end of memory", TD_IMAGE_F_RAM_LOAD, 0xfffffff0u, TD_V_OUTSIDE_RAM },
        { "at 0", TD_IMAGE_F_RAM_LOAD, 0, TD_V_OUTSIDE_RAM },
        { "encrypted, without a key", TD_IMAGE_F_RAM_LOAD | TD_IMAGE_F_ENC_AES128, RAM_ADDR,
          TD_V_ENCRYPTED },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        make(&td_strategy_ram);
        put_flagged(1, 2, rows[i].flags, rows[i].addr);
        boot();
        if (b.result.bootable || !has_verdict(rows[i].code) || !ram_is_untouched() || !has_image(1))
            fail_msg("%s", rows[i].says);
    }
}

static void a_copy_that_is_not_run_is_wiped(void **state)
{
    (void)state;
    make(&td_strategy_ram);
    put(1, 2);
    damage(1);
    boot();
    assert_false(b.result.bootable);
    for (uint32_t i = 0; i < PAYLOAD; i++)
        assert_int_equal(ram.bytes[i], 0);
}

static void the_last_address_that_fits_is_taken(void **state)
{
    uint32_t size = TD_IMAGE_HEADER_SIZE + PAYLOAD + 4 + 4 + 32;

    (void)state;
    make(&td_strategy_single_ram);
    put_flagged(0, 1, TD_IMAGE_F_RAM_LOAD, RAM_ADDR + RAM_SIZE - size);
    boots(0, 1);
    assert_int_equal(b.result.run_addr, RAM_ADDR + RAM_SIZE - size);
    assert_int_equal(memory[64 + RAM_SIZE], 0xa5);
    put_flagged(0, 1, TD_IMAGE_F_RAM_LOAD, RAM_ADDR + RAM_SIZE - size + 1);
    boot();
    assert_false(b.result.bootable);
}

static void two_images_never_lie_over_one_another(void **state)
{
    static const struct {
        uint32_t addr;
        bool fits;
    } rows[] = {
        { RAM_ADDR, false },
        { RAM_ADDR + 100, false },
        { RAM_ADDR + TD_IMAGE_HEADER_SIZE + PAYLOAD + 39, false },
        { RAM_ADDR + TD_IMAGE_HEADER_SIZE + PAYLOAD + 40, true },
    };
    struct td_flash_area half[2];
    struct td_boot_slots images[2];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        make(&td_strategy_single_ram);
        half[0] = half[1] = b.slot[0];
        half[1] = b.slot[1];
        images[0] = (struct td_boot_slots){ .primary = &half[0] };
        images[1] = (struct td_boot_slots){ .primary = &half[1] };
        b.boot.images = images;
        b.boot.n_images = 2;
        put(0, 1);
        put_flagged(1, 1, TD_IMAGE_F_RAM_LOAD, rows[i].addr);
        boot();
        assert_int_equal(b.result.bootable, rows[i].fits);
        assert_int_equal(has_verdict(TD_V_RAM_OVERLAP), !rows[i].fits);
    }
}

/* imgtool's images, with and without encryption: both run from RAM in the clear. */
static void imgtool_s_ram_images_run_where_they_were_signed_for(void **state)
{
    static const char *const names[] = { "ram-load.img", "ram-load-encrypted.img" };
    static struct file image, payload, pub, priv, other;
    struct td_image_unwrap unwrap = { .alg = &td_enc_ec256 };
    struct td_image_key trusted;

    (void)state;
    load(&pub, "keys/ecdsa-p256.pub.der");
    load(&priv, "keys/ecdsa-p256.priv.der");
    load(&other, "keys/x25519.priv.der");
    load(&payload, "payload.bin");
    trusted = (struct td_image_key){ pub.bytes, (uint16_t)pub.size };
    unwrap.key = priv.bytes;
    unwrap.len = (uint16_t)priv.size;
    for (size_t i = 0; i < TD_N_OF(names); i++) {
        make(&td_strategy_ram);
        b.boot.policy.sig = &td_sig_ecdsa_p256;
        b.boot.policy.keys = &trusted;
        b.boot.policy.n_keys = 1;
        b.boot.policy.unwrap = &unwrap;
        load(&image, names[i]);
        sim_nor_program(&b.nor, b.slot[1].off, image.bytes, image.size);
        boot();
        assert_true(b.result.bootable && b.result.slot == 1);
        assert_int_equal(b.result.run_addr, RAM_ADDR);
        assert_memory_equal(ram.bytes + TD_IMAGE_HEADER_SIZE, payload.bytes, payload.size);
    }
    // Another device's key: nothing of the image gets into RAM.
    make(&td_strategy_ram);
    b.boot.policy.unwrap = &unwrap;
    unwrap = (struct td_image_unwrap){ &td_enc_x25519, other.bytes, (uint16_t)other.size };
    sim_nor_program(&b.nor, b.slot[1].off, image.bytes, image.size);
    boot();
    assert_false(b.result.bootable);
    assert_true(ram_is_untouched());
    assert_int_equal(b.result.verdicts[0].kind, TD_VERDICT_REFUSAL);
}

/* ---- one slot, loader ---------------------------------------------------------------------------- */

static void a_single_slot_runs_or_says_why_not(void **state)
{
    (void)state;
    make(&td_strategy_single);
    put(0, 1);
    writes_nothing(0, 1);
    damage(0);
    boot();
    assert_false(b.result.bootable);
    assert_int_equal(b.result.verdicts[0].code, TD_V_HASH_MISMATCH);
}

static void the_loader_runs_when_asked_for_or_when_the_application_may_not(void **state)
{
    static const struct {
        const char *says;
        bool application, good, loader, pin;
        int slot; /* -1: none */
        bool verdict;
    } rows[] = {
        { "both there", true, true, true, false, 0, false },
        { "the pin", true, true, true, true, 1, false },
        { "the pin, and no loader", true, true, false, true, 0, false },
        { "a damaged application", true, false, true, false, 1, true },
        { "no application", false, false, true, false, 1, true },
        { "nothing", false, false, false, true, -1, false },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        make(&td_strategy_loader);
        if (rows[i].application)
            put(0, 5);
        if (rows[i].application && !rows[i].good)
            damage(0);
        if (rows[i].loader)
            put(1, 1);
        b.pin = rows[i].pin;
        boot();
        if (b.result.bootable != (rows[i].slot >= 0) ||
            (rows[i].slot >= 0 && b.result.slot != (unsigned)rows[i].slot) ||
            has_verdict(TD_V_LOADER_RUNS) != rows[i].verdict)
            fail_msg("%s", rows[i].says);
        boot();
        assert_int_equal(b.power.ops, 0);
    }
}

/* ---- power ---------------------------------------------------------------------------------------- */

static const enum sim_cut kinds[] = { SIM_CUT_BEFORE, SIM_CUT_TORN, SIM_CUT_AFTER };

/* A boot that is cut at op; true when the power went. */
static bool cut_boot(uint32_t op, enum sim_cut kind)
{
    sim_power_on(&b.power);
    sim_power_cut_at(&b.power, op, kind);
    (void)td_boot_go(&b.boot, &b.work, &b.result);
    return b.power.lost;
}

enum stage { FACTORY, TRIAL, REVERT, PERMANENT };

static void stage(const struct td_strategy *strategy, enum stage what)
{
    make(strategy);
    put(0, 1);
    if (what == FACTORY)
        return;
    boots(0, 1);
    put(1, 2);
    request(1, what == PERMANENT);
    if (what == REVERT)
        boots(1, 2);
}

/*
 * After any two cuts: something valid runs; the factory's image is never lost; an image that had
 * its trial, or never was asked for, is never taken for a confirmed one.
 */
static void settles(enum stage what)
{
    bool trial_ran = what == REVERT;

    for (unsigned i = 0; i < 4; i++) {
        boot();
        assert_true(b.result.bootable);
        if (what == FACTORY || what == REVERT)
            assert_int_equal(b.result.slot, 0);
        if (what == PERMANENT)
            assert_true(b.result.slot == 1 && !b.result.on_trial);
        if (what == TRIAL) {
            assert_int_equal(b.result.on_trial, b.result.slot == 1);
            assert_false(trial_ran && b.result.slot == 1);
            trial_ran |= b.result.slot == 1;
        }
        assert_int_equal(b.nor.stats.over_budget, 0);
    }
    assert_true(has_image(0));
}

static void a_cut_at_any_note_and_another_in_its_repair_leave_what_was_meant(void **state)
{
    unsigned n = 0;

    (void)state;
    for (size_t w = 0; w < TD_N_OF(reverting); w++) {
        for (enum stage what = FACTORY; what <= PERMANENT; what++) {
            bool first = true;

            for (uint32_t op = 0; first; op++) {
                for (size_t k = 0; k < TD_N_OF(kinds); k++) {
                    bool second = true;

                    for (uint32_t again = 0; second; again++) {
                        for (size_t l = 0; l < TD_N_OF(kinds); l++) {
                            stage(reverting[w], what);
                            first = cut_boot(op, kinds[k]);
                            second = first && cut_boot(again, kinds[l]);
                            settles(what);
                            n++;
                        }
                    }
                }
            }
        }
    }
    print_message("%u cuts\n", n);
}

/* One cut in the write that begins the trial does not take the trial away. */
static void a_cut_at_the_begin_of_a_trial_does_not_consume_it(void **state)
{
    (void)state;
    for (size_t w = 0; w < TD_N_OF(reverting); w++) {
        bool cut = true;

        for (uint32_t op = 0; cut; op++) {
            for (size_t k = 0; k < 2; k++) { // before, torn
                stage(reverting[w], TRIAL);
                cut = cut_boot(op, kinds[k]);
                if (!cut)
                    continue;
                boots(1, 2);
                assert_true(b.result.on_trial);
                boots(0, 1);
            }
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_higher_version_runs_and_slot_0_of_two_equal_ones),
        cmocka_unit_test(a_damaged_image_is_passed_over_with_a_verdict_and_stays),
        cmocka_unit_test(nothing_left_to_boot_is_said_with_the_last_reason),
        cmocka_unit_test(an_image_for_the_other_slot_s_address_is_skipped),
        cmocka_unit_test(a_factory_image_without_trailer_is_confirmed_and_never_erased),
        cmocka_unit_test(a_request_is_on_trial_and_reverts_unless_it_is_confirmed),
        cmocka_unit_test(a_permanent_request_stays_and_what_failed_may_be_asked_for_again),
        cmocka_unit_test(what_failed_its_trial_runs_when_there_is_nothing_else),
        cmocka_unit_test(a_trial_is_not_noted_for_an_image_that_does_not_verify),
        cmocka_unit_test(the_original_s_manner_erases_what_nobody_asked_for),
        cmocka_unit_test(an_image_that_may_not_lie_there_is_refused_and_ram_stays_as_it_was),
        cmocka_unit_test(a_copy_that_is_not_run_is_wiped),
        cmocka_unit_test(the_last_address_that_fits_is_taken),
        cmocka_unit_test(two_images_never_lie_over_one_another),
        cmocka_unit_test(imgtool_s_ram_images_run_where_they_were_signed_for),
        cmocka_unit_test(a_single_slot_runs_or_says_why_not),
        cmocka_unit_test(the_loader_runs_when_asked_for_or_when_the_application_may_not),
        cmocka_unit_test(a_cut_at_any_note_and_another_in_its_repair_leave_what_was_meant),
        cmocka_unit_test(a_cut_at_the_begin_of_a_trial_does_not_consume_it),
    };

    return cmocka_run_group_tests_name("boot/choose", tests, NULL, NULL);
}
