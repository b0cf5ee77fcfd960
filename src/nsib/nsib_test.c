/* nsib/nsib_test.c - which slot runs, why the other does not, and what is written for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "log/log.h"
#include "nsib/rig_test.h"

static struct rig rig;

static void fresh(void)
{
    rig_start(&rig, RIG_PAGE, 1);
}

static void put(uint32_t slot, uint32_t version)
{
    struct rig_fw fw = { slot, version, 0, (uint8_t)version };

    rig_put(&rig, slot, &fw);
}

static void boot(void)
{
    assert_int_equal(rig_boot(&rig), TD_OK);
}

static bool was_said(enum td_verdict_code code)
{
    for (unsigned i = 0; i < rig.result.n_verdicts; i++)
        if (rig.result.verdicts[i].code == code)
            return true;
    return false;
}

/* What a second stage does that comes to a confirmed application. */
static void reach_application(void)
{
    struct td_trial_place cells = rig_cells(&rig, rig.result.slot);

    assert_int_equal(td_trial_booted(&cells), TD_OK);
}

/* --- which one --- */

static void the_higher_version_runs_and_s0_at_a_tie(void **state)
{
    static const struct {
        int s0, s1; /* versions; -1: nothing there */
        int want;   /* slot; -1: none */
    } rows[] = {
        { 1, -1, 0 }, { -1, 1, 1 },   { 1, 2, 1 },  { 2, 1, 0 },
        { 2, 2, 0 },  { -1, -1, -1 }, { 0, -1, 0 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        fresh();
        if (rows[i].s0 >= 0)
            put(RIG_S0, (uint32_t)rows[i].s0);
        if (rows[i].s1 >= 0)
            put(RIG_S1, (uint32_t)rows[i].s1);
        boot();
        assert_int_equal(rig.result.bootable, rows[i].want >= 0);
        if (rows[i].want >= 0)
            assert_int_equal(rig.result.slot, rows[i].want);
        else
            assert_true(was_said(TD_V_NSIB_NOTHING));
    }
}

static void the_vendors_own_vector_boots(void **state)
{
    static const char info[] = "dee61e28 4cbbce8f 02340000 3c000000 02100000 03000000 00920000"
                               "00920000 ffff0291 00000000 00000000 00000000 00000000 00000000"
                               "00000000";
    static const char trailer[] =
        "dee61e28 83845186 02340100 00920000"
        "41e4501fe9ef30a0b19e753251ae94760f64ede8413e1487200d9f460a1ac360"
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
        "09537833e72c80755e08b2e15f755d2e82ba1b3c0616b322cd667ad868a27c70"
        "f8545292ca491ecd182e3eb3b282e7753168dade839782234156555cd3b10bb2";
    static const char provision[] =
        "00900000 00b00000 01000000 fffffa50 d6c23e2744a840cb3a5a14b6554cce7c"
        "01000100 01000400 ffffffff ffffffff";
    uint8_t fw[0x1004 + TD_FW_VALIDATION_SIZE], data[64];

    (void)state;
    fresh();
    memset(fw, 0xff, sizeof fw);
    for (uint32_t i = 0; i < 0x1002; i++)
        fw[i] = (uint8_t)(7 * i);
    td_store_le32(fw, 0x20001000);
    td_store_le32(fw + 4, 0x00009501);
    from_hex(info, fw + 0x200);
    from_hex(trailer, fw + 0x1004);
    rig_poke(&rig.nor, RIG_S0 + RIG_PAD, fw, sizeof fw);
    rig_poke(&rig.nor, RIG_PROVISION + 0x28, data, (uint32_t)from_hex(provision, data));
    rig.config.sig = &td_sig_ecdsa_p256;
    boot();
    assert_true(rig.result.bootable);
    assert_int_equal(rig.result.version, 3);
    assert_int_equal(rig.result.boot_address, 0x9200);
    assert_int_equal(rig.result.stack, 0x20001000);
    assert_int_equal(rig.result.entry, 0x9501);
    fw[0x800] ^= 1;
    rig_poke(&rig.nor, RIG_S0 + RIG_PAD, fw, sizeof fw);
    boot();
    assert_false(rig.result.bootable);
    assert_int_equal(rig.result.refused[0], TD_V_NSIB_BAD_SIGNATURE);
}

/* --- every way to be wrong --- */

enum how { AS_IS, SIGNED_AGAIN };

static void each_refusal_is_a_verdict_and_the_other_slot_boots(void **state)
{
    // Offsets count from fw_info, but where said otherwise; the firmware lies in S1.
    static const struct {
        const char *says;
        uint32_t off, value;
        enum how how;
        enum td_verdict_code want;
        uint32_t found;
    } rows[] = {
        { "another family is not found", 8, 0x00003502, SIGNED_AGAIN, TD_V_NSIB_EMPTY, 0 },
        { "another product is not found", 8, 0x01003402, SIGNED_AGAIN, TD_V_NSIB_EMPTY, 0 },
        { "a format of 1 is not found", 8, 0x00003401, SIGNED_AGAIN, TD_V_NSIB_EMPTY, 0 },
        { "total_size beyond size", 12, 0x700, SIGNED_AGAIN, TD_V_NSIB_BAD_INFO, RIG_FW_SIZE },
        { "total_size that wraps", 12, 0xfffffffc, SIGNED_AGAIN, TD_V_NSIB_BAD_INFO, RIG_FW_SIZE },
        { "size beyond the slot", 16, RIG_SLOT, AS_IS, TD_V_NSIB_BAD_INFO, RIG_SLOT },
        { "size that wraps with the address", 16, 0xffff5000, AS_IS, TD_V_NSIB_BAD_INFO,
          0xffff5000 },
        { "size of everything", 16, UINT32_MAX, AS_IS, TD_V_NSIB_BAD_INFO, UINT32_MAX },
        { "size that ends before fw_info does", 16, 0x220, AS_IS, TD_V_NSIB_OUTSIDE, RIG_INFO },
        { "records that are not there", 52, 1, SIGNED_AGAIN, TD_V_NSIB_BAD_INFO, RIG_FW_SIZE },
        { "linked for S0", 24, RIG_S0 + RIG_PAD, SIGNED_AGAIN, TD_V_NSIB_WRONG_SLOT,
          RIG_S0 + RIG_PAD },
        { "an address that is below", 24, 0, SIGNED_AGAIN, TD_V_NSIB_WRONG_SLOT, 0 },
        { "an address that wraps", 24, 0xfffffffc, SIGNED_AGAIN, TD_V_NSIB_WRONG_SLOT, 0xfffffffc },
        { "an address that is odd", 24, RIG_S1 + RIG_PAD + 1, SIGNED_AGAIN, TD_V_NSIB_WRONG_SLOT,
          RIG_S1 + RIG_PAD + 1 },
        { "an address from which nothing is found", 24, RIG_S1 + 0x1c00, SIGNED_AGAIN,
          TD_V_NSIB_NOT_ITSELF, UINT32_MAX },
        { "invalidated", 32, 0x91020000, AS_IS, TD_V_NSIB_INVALIDATED, 0x91020000 },
        { "a flag that is neither", 32, 0x9102fffe, AS_IS, TD_V_NSIB_INVALIDATED, 0x9102fffe },
        { "a version beyond 15 bits", 20, 0x8000, SIGNED_AGAIN, TD_V_NSIB_VERSION_RANGE, 0x8000 },
        { "the version whose slot would be 0", 20, 0x7fff, SIGNED_AGAIN, TD_V_NSIB_VERSION_RANGE,
          0x7fff },
        { "the highest version there is", 20, UINT32_MAX, SIGNED_AGAIN, TD_V_NSIB_VERSION_RANGE,
          UINT32_MAX },
        { "a vector table outside", 28, RIG_S1 + RIG_SLOT, SIGNED_AGAIN, TD_V_NSIB_OUTSIDE,
          RIG_SLOT },
        { "a vector table in the padding", 28, RIG_S1, SIGNED_AGAIN, TD_V_NSIB_OUTSIDE, 0 },
        { "a vector table that is not aligned", 28, RIG_S1 + RIG_PAD + 4, SIGNED_AGAIN,
          TD_V_NSIB_OUTSIDE, RIG_PAD + 4 },
        { "one byte changed", 100, 0, AS_IS, TD_V_NSIB_BAD_SIGNATURE, 0 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct rig_fw fw = { RIG_S1, 9, 0, 0 };
        uint8_t bytes[RIG_TRAILER + TD_FW_VALIDATION_SIZE];

        fresh();
        put(RIG_S0, 1);
        rig_build(&fw, bytes);
        td_store_le32(bytes + RIG_INFO + rows[i].off, rows[i].value);
        if (rows[i].how == SIGNED_AGAIN)
            rig_seal(bytes, RIG_S1 + RIG_PAD, RIG_FW_SIZE, 0);
        rig_poke(&rig.nor, RIG_S1, bytes, sizeof bytes);
        boot();
        // What is not found is not even tried.
        if (rows[i].want == TD_V_NSIB_EMPTY && rig.result.slot == 0 && rig.result.refused[1] == 0)
            continue;
        if (!rig.result.bootable || rig.result.slot != 0 || rig.result.refused[1] != rows[i].want)
            fail_msg("%s: boots %d, slot %u, refused by %s", rows[i].says, rig.result.bootable,
                     rig.result.slot, td_verdict_name((uint16_t)rig.result.refused[1]));
        assert_true(was_said(rows[i].want));
        if (rig.result.verdicts[0].found != rows[i].found)
            fail_msg("%s: found %#x", rows[i].says, rig.result.verdicts[0].found);
    }
}

static void vectors_and_trailer_are_looked_at_too(void **state)
{
    // Offsets count from the slot.
    static const struct {
        const char *says;
        uint32_t off, value;
        enum how how;
        enum td_verdict_code want;
    } rows[] = {
        { "a reset handler elsewhere", RIG_PAD + 4, RIG_S0 + 0x301, SIGNED_AGAIN,
          TD_V_NSIB_OUTSIDE },
        { "a reset handler behind the end", RIG_PAD + 4, RIG_S1 + RIG_PAD + RIG_FW_SIZE + 1,
          SIGNED_AGAIN, TD_V_NSIB_OUTSIDE },
        { "a reset handler without its thumb bit", RIG_PAD + 4, RIG_S1 + RIG_PAD + 0x300,
          SIGNED_AGAIN, TD_V_NSIB_OUTSIDE },
        { "a stack in flash", RIG_PAD, 0x9000, SIGNED_AGAIN, TD_V_NSIB_BAD_STACK },
        { "a stack behind the memory", RIG_PAD, RIG_RAM + 0x4004, SIGNED_AGAIN,
          TD_V_NSIB_BAD_STACK },
        { "no trailer", RIG_TRAILER, UINT32_MAX, AS_IS, TD_V_NSIB_UNSIGNED },
        { "a trailer for Ed25519", RIG_TRAILER + 8, 0x00023402, AS_IS, TD_V_NSIB_UNSIGNED },
        { "a trailer of another family", RIG_TRAILER + 8, 0x00013502, AS_IS, TD_V_NSIB_UNSIGNED },
        { "a trailer for another address", RIG_TRAILER + 12, RIG_S0 + RIG_PAD, AS_IS,
          TD_V_NSIB_FOREIGN_TRAILER },
        { "a key that nobody gave", RIG_TRAILER + 48, 0x12345678, AS_IS, TD_V_NSIB_UNKNOWN_KEY },
        { "a signature that is wrong", RIG_TRAILER + 112, 0x01020301, AS_IS,
          TD_V_NSIB_BAD_SIGNATURE },
        { "the hash in the trailer is not what counts", RIG_TRAILER + 16, 0, AS_IS, TD_V_NONE },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct rig_fw fw = { RIG_S1, 9, 0, 0 };
        uint8_t bytes[RIG_TRAILER + TD_FW_VALIDATION_SIZE];

        fresh();
        put(RIG_S0, 1);
        rig_build(&fw, bytes);
        td_store_le32(bytes + rows[i].off, rows[i].value);
        if (rows[i].how == SIGNED_AGAIN)
            rig_seal(bytes, RIG_S1 + RIG_PAD, RIG_FW_SIZE, 0);
        rig_poke(&rig.nor, RIG_S1, bytes, sizeof bytes);
        boot();
        assert_true(rig.result.bootable);
        if (rig.result.refused[1] != rows[i].want ||
            rig.result.slot != (rows[i].want == TD_V_NONE ? 1 : 0))
            fail_msg("%s: refused by %s", rows[i].says,
                     td_verdict_name((uint16_t)rig.result.refused[1]));
    }
}

static void a_second_fw_info_in_front_of_the_firmwares_own_is_seen(void **state)
{
    const struct rig_fw fw = { RIG_S1, 2, 0, 0 };
    uint8_t bytes[RIG_TRAILER + TD_FW_VALIDATION_SIZE];

    (void)state;
    fresh();
    put(RIG_S0, 1);
    rig_build(&fw, bytes);
    // At the slot's offset 0x200: found first, and it says that it is of a later version.
    memcpy(bytes + RIG_PAD, bytes + RIG_INFO, TD_FW_INFO_SIZE);
    td_store_le32(bytes + RIG_PAD + 20, 7);
    td_store_le32(bytes + RIG_PAD + 24, RIG_S1 + RIG_PAD + 0x100);
    rig_seal(bytes, RIG_S1 + RIG_PAD, RIG_FW_SIZE, 0);
    rig_poke(&rig.nor, RIG_S1, bytes, sizeof bytes);
    boot();
    assert_int_equal(rig.result.slot, 0);
    assert_int_equal(rig.result.refused[1], TD_V_NSIB_NOT_ITSELF);
}

static void a_trailer_that_reaches_behind_the_slot_is_none(void **state)
{
    const struct rig_fw fw = { RIG_S1, 9, 0, 0 };
    uint8_t bytes[RIG_TRAILER + TD_FW_VALIDATION_SIZE];

    (void)state;
    fresh();
    put(RIG_S0, 1);
    rig_build(&fw, bytes);
    td_store_le32(bytes + RIG_INFO + 16, RIG_SLOT - RIG_PAD - 12);
    rig_poke(&rig.nor, RIG_S1, bytes, sizeof bytes);
    rig_poke(&rig.nor, RIG_S1 + RIG_SLOT - 12, bytes + RIG_TRAILER, 12);
    boot();
    assert_int_equal(rig.result.slot, 0);
    assert_int_equal(rig.result.refused[1], TD_V_NSIB_UNSIGNED);
}

static void nothing_is_destroyed_for_an_honest_mistake(void **state)
{
    const struct rig_fw wrong = { RIG_S0, 2, 0, 0 };
    uint8_t before[RIG_SLOT];

    (void)state;
    fresh();
    put(RIG_S0, 1);
    rig_put(&rig, RIG_S1, &wrong); // the S0 file in S1
    memcpy(before, rig.bytes + RIG_S1, RIG_SLOT);
    for (unsigned n = 0; n < 5; n++)
        boot();
    assert_int_equal(rig.result.refused[1], TD_V_NSIB_WRONG_SLOT);
    assert_memory_equal(before, rig.bytes + RIG_S1, RIG_SLOT);
}

/* --- a trial --- */

static void what_reached_a_confirmed_application_is_proven_at_the_next_boot(void **state)
{
    struct td_provision p;
    uint32_t ops;

    (void)state;
    fresh();
    put(RIG_S0, 5);
    boot();
    assert_true(rig.result.on_trial);
    assert_int_equal(rig.result.begun, 1);
    assert_int_equal(rig.result.counter, 0);
    reach_application();
    boot();
    assert_false(rig.result.on_trial);
    assert_true(was_said(TD_V_NSIB_PROVEN));
    assert_int_equal(rig.result.counter, 5);
    p = rig_read_provision(&rig);
    assert_int_equal(p.counters[0].value, 5 << 1 | 1);
    ops = rig.power.ops;
    boot();
    assert_int_equal(rig.power.ops, ops);
    assert_false(was_said(TD_V_NSIB_PROVEN));
}

static void after_three_boots_for_nothing_the_other_slot_is_taken(void **state)
{
    (void)state;
    fresh();
    put(RIG_S0, 5);
    boot();
    reach_application();
    boot();
    put(RIG_S1, 6);
    for (uint8_t n = 1; n <= RIG_BOOTS; n++) {
        boot();
        assert_int_equal(rig.result.slot, 1);
        assert_true(rig.result.on_trial);
        assert_int_equal(rig.result.begun, n);
        assert_int_equal(rig.result.counter, 5);
    }
    for (unsigned n = 0; n < 3; n++) {
        boot();
        assert_int_equal(rig.result.slot, 0);
        assert_false(rig.result.on_trial);
        assert_int_equal(rig.result.refused[1], TD_V_NSIB_UNPROVEN);
        assert_true(was_said(TD_V_NSIB_UNPROVEN));
    }
}

static void a_watchdog_reset_is_no_proof(void **state)
{
    (void)state;
    fresh();
    put(RIG_S0, 5);
    boot();
    reach_application();
    rig.cause = TD_RESET_WATCHDOG;
    boot();
    assert_true(rig.result.on_trial);
    assert_int_equal(rig.result.begun, 2);
    rig.cause = TD_RESET_SOFT;
    boot(); // the boot before did not come to the application
    assert_int_equal(rig.result.begun, 3);
    assert_int_equal(rig.result.counter, 0);
}

static void a_trial_that_ended_in_a_watchdog_stays_over(void **state)
{
    (void)state;
    fresh();
    put(RIG_S0, 5);
    boot();
    reach_application();
    boot();
    put(RIG_S1, 6);
    for (unsigned n = 0; n < RIG_BOOTS; n++)
        boot();
    reach_application();
    rig.cause = TD_RESET_WATCHDOG;
    boot();
    assert_int_equal(rig.result.slot, 0);
    rig.cause = TD_RESET_POWER;
    boot();
    assert_int_equal(rig.result.slot, 0);
}

static void a_stage_that_nothing_can_replace_runs_for_ever(void **state)
{
    (void)state;
    fresh();
    put(RIG_S1, 6);
    for (unsigned n = 0; n < RIG_BOOTS; n++)
        boot();
    for (unsigned n = 0; n < 3; n++) {
        boot();
        assert_int_equal(rig.result.slot, 1);
        assert_true(rig.result.last_resort);
        assert_false(rig.result.on_trial); // it may take an update
        assert_true(was_said(TD_V_NSIB_LAST_RESORT));
    }
    reach_application();
    boot();
    assert_false(rig.result.last_resort);
    assert_int_equal(rig.result.counter, 6);
}

static void with_a_vouching_application_cells_alone_prove_nothing(void **state)
{
    (void)state;
    fresh();
    rig.hooks.vouched = rig_vouched;
    put(RIG_S0, 5);
    boot();
    reach_application();
    boot();
    assert_true(rig.result.on_trial);
    rig.vouches = true;
    boot();
    assert_false(rig.result.on_trial);
    assert_int_equal(rig.result.counter, 5);
    rig.vouches = false;
    boot();
    assert_false(rig.result.on_trial);
}

static void padding_that_is_not_erased_counts_nothing_and_says_so(void **state)
{
    static const uint8_t zeros[0x40] = { 0 };

    (void)state;
    fresh();
    put(RIG_S0, 5);
    rig_poke(&rig.nor, RIG_S0 + TD_TRIAL_OFF, zeros, sizeof zeros);
    for (unsigned n = 0; n < RIG_BOOTS + 2; n++) {
        boot();
        assert_true(rig.result.bootable);
        assert_false(rig.result.on_trial);
        assert_true(was_said(TD_V_NSIB_UNCOUNTED));
        assert_int_equal(rig.result.counter, 0);
    }
}

/* --- keys and counters --- */

static void older_keys_are_revoked_when_a_later_one_has_proved_itself(void **state)
{
    static const bool olds[] = { false, true };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(olds); i++) {
        const struct rig_fw fallback = { RIG_S0, 1, 0, 0 };
        const struct rig_fw next = { RIG_S1, 2, 2, 0 };
        uint8_t data[RIG_OTP];
        struct td_provision p;

        fresh();
        if (olds[i])
            rig_poke(&rig.nor, RIG_PROVISION, data, rig_provision(data, true, 8));
        rig_put(&rig, RIG_S0, &fallback);
        rig_put(&rig, RIG_S1, &next);
        boot();
        assert_int_equal(rig.result.key_index, 2);
        p = rig_read_provision(&rig);
        assert_true(td_nsib_hand_over_read(rig.record, &(struct td_nsib_hand_over){ 0 }) == TD_OK);
        assert_int_equal(p.keys[0].token, olds[i] ? TD_TOKEN_VALID_OLD : TD_TOKEN_VALID);
        reach_application();
        boot();
        p = rig_read_provision(&rig);
        assert_int_equal(p.keys[0].token, olds[i] ? TD_TOKEN_REVOKED_OLD : TD_TOKEN_REVOKED);
        assert_int_equal(p.keys[1].token, olds[i] ? TD_TOKEN_REVOKED_OLD : TD_TOKEN_REVOKED);
        assert_int_equal(p.keys[2].token, olds[i] ? TD_TOKEN_VALID_OLD : TD_TOKEN_VALID);
        rig_poke(&rig.nor, RIG_S1 + RIG_INFO, "gone", 4);
        boot();
        assert_false(rig.result.bootable);
        assert_int_equal(rig.result.refused[0], TD_V_NSIB_ROLLBACK);
    }
}

static void games_with_tokens_and_fingerprints_gain_nothing(void **state)
{
    // Offsets count from key 0's token; the firmware is signed by key 0.
    static const struct {
        const char *says;
        uint32_t off, value;
        enum td_verdict_code want;
        bool odd;
    } rows[] = {
        { "revoked", 0, 0x50fa0000, TD_V_NSIB_KEY_REVOKED, false },
        { "revoked, old", 0, 0xffff0000, TD_V_NSIB_KEY_REVOKED, false },
        { "a revocation that was cut", 0, 0x50fa0f00, TD_V_NSIB_KEY_REVOKED, false },
        { "an old revocation with one more bit gone is none to an old b0", 0, 0xfffe0000,
          TD_V_NSIB_KEY_REVOKED, true },
        { "the token of another index", 0, 0x51faffff, TD_V_NSIB_KEY_REVOKED, false },
        { "a token of zeros", 0, 0, TD_V_NSIB_KEY_REVOKED, true },
        { "a fingerprint with a hole", 8, 0x1234ffff, TD_V_NSIB_UNKNOWN_KEY, true },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint8_t word[4];

        fresh();
        put(RIG_S0, 1);
        td_store_le32(word, rows[i].value);
        rig_poke(&rig.nor, RIG_PROVISION + 0x28 + 12 + rows[i].off, word, 4);
        boot();
        if (rig.result.bootable || rig.result.refused[0] != rows[i].want ||
            was_said(TD_V_NSIB_KEY_UNUSABLE) != rows[i].odd)
            fail_msg("%s: %s", rows[i].says, td_verdict_name((uint16_t)rig.result.refused[0]));
    }
}

static void a_key_that_is_not_sound_leaves_the_others_usable(void **state)
{
    const struct rig_fw fw = { RIG_S0, 1, 1, 0 };
    static const uint8_t hole[] = { 0xff, 0xff };

    (void)state;
    fresh();
    rig_put(&rig, RIG_S0, &fw);
    rig_poke(&rig.nor, RIG_PROVISION + 0x28 + 12 + 8, hole, sizeof hole);
    boot();
    assert_true(rig.result.bootable);
    assert_true(was_said(TD_V_NSIB_KEY_UNUSABLE));
    rig.config.manner = &td_nsib_manner_nsib;
    boot();
    assert_false(rig.result.bootable); // the original boots nothing at all
}

static void an_older_version_is_refused_and_an_equal_one_passes(void **state)
{
    static const uint8_t five[] = { 0xf4, 0xff }; // 5 << 1 | 1, inverted
    static const struct {
        uint32_t version;
        bool boots;
    } rows[] = { { 4, false }, { 5, true }, { 6, true }, { 0, false } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        fresh();
        rig_poke(&rig.nor, RIG_PROVISION + 0x28 + 12 + 60 + 8, five, sizeof five);
        put(RIG_S0, rows[i].version);
        boot();
        assert_int_equal(rig.result.bootable, rows[i].boots);
        if (!rows[i].boots)
            assert_int_equal(rig.result.refused[0], TD_V_NSIB_ROLLBACK);
    }
}

static void fill_counter(void)
{
    uint8_t slots[16];

    for (unsigned i = 0; i < 8; i++)
        td_store_le16(slots + 2 * i, (uint16_t) ~((i / 2 + 1) << 1));
    rig_poke(&rig.nor, RIG_PROVISION + 0x28 + 12 + 60 + 8, slots, sizeof slots);
}

static void what_an_exhausted_counter_cannot_hold_is_passed_over(void **state)
{
    (void)state;
    fresh();
    fill_counter(); // holds version 4
    put(RIG_S0, 4);
    put(RIG_S1, 5);
    boot();
    assert_int_equal(rig.result.slot, 0);
    assert_int_equal(rig.result.refused[1], TD_V_NSIB_COUNTER_FULL);
    assert_int_equal(rig.result.counter_left, 0);
    rig_poke(&rig.nor, RIG_S0 + RIG_INFO, "gone", 4);
    boot();
    assert_int_equal(rig.result.slot, 1);
    assert_true(rig.result.last_resort);
}

static void a_counter_with_a_gap_is_never_filled_up(void **state)
{
    static const uint8_t high[2] = { 0x00, 0x00 };

    (void)state;
    fresh();
    rig_poke(&rig.nor, RIG_PROVISION + 0x28 + 12 + 60 + 8 + 6, high, sizeof high);
    put(RIG_S0, 5);
    boot();
    reach_application();
    for (unsigned i = 0; i < 3; i++) {
        boot();
        assert_true(rig.result.bootable);
        assert_int_equal(rig.result.counter, 0);
        assert_true(was_said(TD_V_NSIB_UNBURNT));
    }
}

static void a_counter_of_words_is_written_whole(void **state)
{
    // As nRF54L has it: S0 at 0x30, slots of 4 bytes; in OTP with writes of 4.
    uint8_t data[RIG_OTP];
    struct td_provision p;
    struct td_source src;

    (void)state;
    fresh();
    rig_provision(data, false, 8);
    rig.config.form = TD_PROVISION_WORD;
    rig_poke(&rig.nor, RIG_PROVISION + 0x28,
             (const uint8_t[]){ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8);
    rig_poke(&rig.nor, RIG_PROVISION + 0x30, data + 0x28, 12 + 60 + 8);
    memset(data, 0xff, sizeof data);
    rig_poke(&rig.nor, RIG_PROVISION + 0x30 + 12 + 60 + 8, data, 32);
    put(RIG_S1, 5);
    boot();
    reach_application();
    boot();
    assert_int_equal(rig.result.counter, 5);
    src = td_nsib_store_source(&rig.store);
    assert_int_equal(td_provision_read(&src, 0, TD_PROVISION_WORD, &p), TD_OK);
    assert_int_equal(p.counters[0].value, 10);
    assert_int_equal(p.counters[0].n_used, 1);
}

static void provision_data_that_make_no_sense_boot_nothing(void **state)
{
    // Offsets count from S0's address.
    static const struct {
        uint32_t off, value;
    } rows[] = {
        { 0, 0xfffff000 },  { 4, 0xfffffffc }, { 0, RIG_END },  { 0, RIG_S1 - 4 },
        { 4, RIG_S0 + 16 }, { 8, 17 },         { 8, 0xffffff }, { 4, RIG_END - RIG_SLOT + 4 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint8_t word[4];

        fresh();
        put(RIG_S0, 1);
        put(RIG_S1, 2);
        td_store_le32(word, rows[i].value);
        rig_poke(&rig.nor, RIG_PROVISION + 0x28 + rows[i].off, word, 4);
        boot();
        if (rig.result.bootable || !was_said(TD_V_NSIB_PROVISION))
            fail_msg("row %zu boots", i);
    }
}

static void one_slot_for_both_is_a_device_with_one_slot(void **state)
{
    uint8_t word[4];

    (void)state;
    fresh();
    put(RIG_S0, 1);
    put(RIG_S1, 2);
    td_store_le32(word, RIG_S0);
    rig_poke(&rig.nor, RIG_PROVISION + 0x28 + 4, word, 4);
    boot();
    assert_int_equal(rig.result.slot, 0);
    assert_int_equal(rig.result.version, 1);
}

static void a_decommissioned_device_boots_nothing_where_that_is_asked_for(void **state)
{
    static const uint8_t entered[8] = { 0, 0, 0, 0, 0xff, 0xff, 0, 0 };

    (void)state;
    fresh();
    put(RIG_S0, 1);
    rig_poke(&rig.nor, RIG_PROVISION, entered, sizeof entered);
    boot();
    assert_true(rig.result.bootable);
    rig.config.checks_life = true;
    boot();
    assert_false(rig.result.bootable);
}

/* --- EXT_API --- */

#define RECORD 0x4321u

static void request(uint8_t *at, uint32_t flags, uint32_t min, uint32_t below, uint32_t required,
                    uint32_t variable)
{
    const uint32_t words[10] = { TD_FW_MAGIC_COMMON,
                                 TD_FW_MAGIC_EXT_API,
                                 0x00003402,
                                 40,
                                 0x1003,
                                 flags,
                                 min,
                                 below,
                                 required,
                                 variable };

    for (unsigned i = 0; i < 10; i++)
        td_store_le32(at + 4 * i, words[i]);
}

static void services_are_granted_by_id_version_and_flags(void **state)
{
    static const struct td_nsib_api apis[] = { { 0x1002, 0, 1, 1 }, { 0x1003, 3, 4, RECORD } };
    static const struct {
        const char *says;
        uint32_t flags, min, below, required, variable;
        enum td_verdict_code want;
        uint32_t granted;
    } rows[] = {
        { "it is there", 1, 4, 255, 1, RIG_RAM, TD_V_NONE, RECORD },
        { "an older one is enough", 0, 1, 5, 1, RIG_RAM, TD_V_NONE, RECORD },
        { "the upper bound is not part of it", 0, 1, 4, 1, RIG_RAM, TD_V_NSIB_NO_API, 0 },
        { "a younger one is wanted", 0, 5, 255, 1, RIG_RAM, TD_V_NSIB_NO_API, 0 },
        { "a flag is missing", 4, 4, 255, 1, RIG_RAM, TD_V_NSIB_NO_API, 0 },
        { "not there, but optional", 4, 4, 255, 0, RIG_RAM, TD_V_NONE, 0 },
        { "the variable is a register", 1, 4, 255, 1, 0xe000ed08, TD_V_NSIB_BAD_INFO, 0 },
        { "the variable is misaligned", 1, 4, 255, 1, RIG_RAM + 2, TD_V_NSIB_BAD_INFO, 0 },
        { "the variable ends behind memory", 1, 4, 255, 1, RIG_RAM + 0x4000, TD_V_NSIB_BAD_INFO,
          0 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct rig_fw fw = { RIG_S0, 1, 0, 0 };
        uint8_t bytes[RIG_TRAILER + TD_FW_VALIDATION_SIZE];

        fresh();
        rig.config.apis = apis;
        rig.config.n_apis = TD_N_OF(apis);
        rig.granted[0] = 77;
        rig_build(&fw, bytes);
        td_store_le32(bytes + RIG_INFO + 12, TD_FW_INFO_SIZE + 40);
        td_store_le32(bytes + RIG_INFO + 56, 1);
        request(bytes + RIG_INFO + TD_FW_INFO_SIZE, rows[i].flags, rows[i].min, rows[i].below,
                rows[i].required, rows[i].variable);
        rig_seal(bytes, RIG_S0 + RIG_PAD, RIG_FW_SIZE, 0);
        rig_poke(&rig.nor, RIG_S0, bytes, sizeof bytes);
        boot();
        if (rig.result.refused[0] != rows[i].want)
            fail_msg("%s: %s", rows[i].says, td_verdict_name((uint16_t)rig.result.refused[0]));
        if (rows[i].want != TD_V_NONE)
            continue;
        assert_int_equal(td_nsib_jump(&rig.config, &rig.result), TD_OK);
        assert_int_equal(rig.granted[0], rows[i].granted);
    }
}

/* --- locks, hand-over, jump --- */

static void without_its_locks_it_boots_nothing(void **state)
{
    (void)state;
    for (unsigned what = 0; what < 2; what++) {
        fresh();
        put(RIG_S0, 1);
        rig.unlocked[what] = true;
        boot();
        assert_false(rig.result.bootable);
        assert_true(was_said(TD_V_NSIB_UNLOCKED));
        assert_int_equal(td_nsib_jump(&rig.config, &rig.result), TD_ESTATE);
        assert_int_equal(rig.jumps, 0);
    }
    fresh();
    put(RIG_S0, 1);
    boot();
    assert_int_equal(rig.locks, 3);
    assert_int_equal(td_nsib_jump(&rig.config, &rig.result), TD_OK);
    assert_int_equal(rig.jumps, 1);
}

static void the_second_stage_is_told_how_it_was_booted(void **state)
{
    struct td_nsib_hand_over h;

    (void)state;
    fresh();
    put(RIG_S0, 5);
    boot();
    reach_application();
    boot();
    put(RIG_S1, 7);
    boot();
    assert_int_equal(td_nsib_hand_over_read(rig.record, &h), TD_OK);
    assert_int_equal(h.slot, 1);
    assert_true(h.on_trial);
    assert_false(h.last_resort);
    assert_int_equal(h.begun, 1);
    assert_int_equal(h.boots, RIG_BOOTS);
    assert_int_equal(h.slot_address, RIG_S1);
    assert_int_equal(h.version, 7);
    assert_int_equal(h.counter, 5);
    assert_int_equal(h.counter_left, 7);
    assert_int_equal(h.valid_keys, 7);
    for (unsigned i = 0; i < sizeof rig.record; i++) {
        rig.record[i] ^= 1;
        assert_int_equal(td_nsib_hand_over_read(rig.record, &h), TD_EFORMAT);
        rig.record[i] ^= 1;
    }
}

static void a_standing_refusal_is_logged_once(void **state)
{
    struct td_log log;
    struct td_log_iter it;
    struct td_verdict v;
    bool end = false;
    unsigned n = 0;

    (void)state;
    fresh();
    put(RIG_S0, 1);
    put(RIG_S1, 0x9000);
    for (unsigned i = 0; i < 3; i++)
        boot();
    log.area = &rig.log;
    td_log_begin(&it, &log);
    while (td_log_next(&it, &v, &end) == TD_OK && !end)
        n += v.code == TD_V_NSIB_VERSION_RANGE && v.count == 1;
    assert_int_equal(n, 1);
}

/* --- the original's manner --- */

static void the_original_invalidates_and_burns_at_once(void **state)
{
    const struct rig_fw wrong = { RIG_S0, 9, 1, 0 };
    const struct rig_fw good = { RIG_S0, 5, 1, 0 };
    struct td_provision p;

    (void)state;
    fresh();
    rig.config.manner = &td_nsib_manner_nsib;
    rig_put(&rig, RIG_S1, &wrong);
    rig_put(&rig, RIG_S0, &good);
    boot();
    assert_int_equal(rig.result.slot, 0);
    assert_false(rig.result.on_trial);
    assert_int_equal(td_load_le32(rig.bytes + RIG_S1 + RIG_INFO + 32), 0x91020000);
    p = rig_read_provision(&rig);
    assert_int_equal(p.counters[0].value, 11);
    assert_int_equal(p.keys[0].token, TD_TOKEN_REVOKED);
    boot();
    assert_int_equal(rig.result.refused[1], TD_V_NSIB_WRONG_SLOT);
}

static void the_original_does_not_boot_what_its_counter_cannot_hold(void **state)
{
    (void)state;
    fresh();
    rig.config.manner = &td_nsib_manner_nsib;
    fill_counter();
    put(RIG_S1, 5);
    boot();
    assert_false(rig.result.bootable);
    assert_int_equal(rig.result.refused[1], TD_V_NSIB_COUNTER_FULL);
    assert_int_equal(td_load_le32(rig.bytes + RIG_S1 + RIG_INFO + 32), TD_FW_VALID);
}

/* --- for the second stage --- */

static void a_candidate_is_judged_as_if_it_stood_in_its_slot(void **state)
{
    static const struct {
        uint32_t linked_for, version;
        uint8_t key, slot;
        enum td_err err;
        enum td_verdict_code want;
    } rows[] = {
        { RIG_S1, 6, 0, 1, TD_OK, TD_V_NONE },
        { RIG_S1, 6, 0, 0, TD_EFORMAT, TD_V_NSIB_WRONG_SLOT },
        { RIG_S0, 6, 0, 1, TD_EFORMAT, TD_V_NSIB_WRONG_SLOT },
        { RIG_S1, 4, 0, 1, TD_ESTATE, TD_V_NSIB_ROLLBACK },
        { RIG_S1, 6, 7, 1, TD_EKEY, TD_V_NSIB_UNKNOWN_KEY },
        { RIG_S1, 6, 0, 2, TD_EARG, TD_V_NONE },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct rig_fw fw = { rows[i].linked_for, rows[i].version, rows[i].key, 0 };
        struct td_verdict why;
        uint32_t version, ops;

        fresh();
        put(RIG_S0, 5);
        boot();
        reach_application();
        boot();
        rig_put(&rig, RIG_SECONDARY, &fw);
        ops = rig.power.ops;
        assert_int_equal(td_nsib_validate(&rig.config, &rig.work, rows[i].slot, &rig.secondary, 0,
                                          &version, &why),
                         rows[i].err);
        assert_int_equal(why.code, rows[i].want);
        assert_int_equal(rig.power.ops, ops);
        if (rows[i].err == TD_OK)
            assert_int_equal(version, 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_higher_version_runs_and_s0_at_a_tie),
        cmocka_unit_test(the_vendors_own_vector_boots),
        cmocka_unit_test(each_refusal_is_a_verdict_and_the_other_slot_boots),
        cmocka_unit_test(vectors_and_trailer_are_looked_at_too),
        cmocka_unit_test(a_second_fw_info_in_front_of_the_firmwares_own_is_seen),
        cmocka_unit_test(a_trailer_that_reaches_behind_the_slot_is_none),
        cmocka_unit_test(nothing_is_destroyed_for_an_honest_mistake),
        cmocka_unit_test(what_reached_a_confirmed_application_is_proven_at_the_next_boot),
        cmocka_unit_test(after_three_boots_for_nothing_the_other_slot_is_taken),
        cmocka_unit_test(a_watchdog_reset_is_no_proof),
        cmocka_unit_test(a_trial_that_ended_in_a_watchdog_stays_over),
        cmocka_unit_test(a_stage_that_nothing_can_replace_runs_for_ever),
        cmocka_unit_test(with_a_vouching_application_cells_alone_prove_nothing),
        cmocka_unit_test(padding_that_is_not_erased_counts_nothing_and_says_so),
        cmocka_unit_test(older_keys_are_revoked_when_a_later_one_has_proved_itself),
        cmocka_unit_test(games_with_tokens_and_fingerprints_gain_nothing),
        cmocka_unit_test(a_key_that_is_not_sound_leaves_the_others_usable),
        cmocka_unit_test(an_older_version_is_refused_and_an_equal_one_passes),
        cmocka_unit_test(what_an_exhausted_counter_cannot_hold_is_passed_over),
        cmocka_unit_test(a_counter_with_a_gap_is_never_filled_up),
        cmocka_unit_test(a_counter_of_words_is_written_whole),
        cmocka_unit_test(provision_data_that_make_no_sense_boot_nothing),
        cmocka_unit_test(one_slot_for_both_is_a_device_with_one_slot),
        cmocka_unit_test(a_decommissioned_device_boots_nothing_where_that_is_asked_for),
        cmocka_unit_test(services_are_granted_by_id_version_and_flags),
        cmocka_unit_test(without_its_locks_it_boots_nothing),
        cmocka_unit_test(the_second_stage_is_told_how_it_was_booted),
        cmocka_unit_test(a_standing_refusal_is_logged_once),
        cmocka_unit_test(the_original_invalidates_and_burns_at_once),
        cmocka_unit_test(the_original_does_not_boot_what_its_counter_cannot_hold),
        cmocka_unit_test(a_candidate_is_judged_as_if_it_stood_in_its_slot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
