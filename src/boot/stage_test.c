/*
 * boot/stage_test.c - both stages together: a second stage arrives, is copied, tried, proven or
 * passed over, with the power gone at each operation on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "boot/jump.h"
#include "boot/stage.h"
#include "image/build.h"
#include "log/log.h"
#include "nsib/rig_test.h"

#define INNER (RIG_TRAILER - RIG_PAD + TD_FW_VALIDATION_SIZE)

/* A whole device. The second stage is code only in that it runs boot/, or hangs. */
static struct chain {
    struct rig rig;
    struct td_boot_slots pair;
    struct td_boot_stage stage;
    struct td_boot_stage_facts facts;
    struct td_boot_config config;
    struct td_boot_hooks hooks;
    struct td_boot_work work;
    struct td_nsib_work opinion;
    struct td_boot_result result;
    struct td_trailer p, x;
    struct td_slots requests;
    uint8_t boots;    /* that a trial has */
    uint32_t hangs;   /* the version of a second stage that does */
    unsigned jumps;   /* to the application */
    unsigned resets;  /* that the second stage asked for */
    bool ran;         /* the latest boot came to the application */
    unsigned lost;    /* boots without anything to boot */
    unsigned sounder; /* boots in which a counter or a key had moved too early */
} c;

static enum td_err validate(void *ctx, uint8_t slot, const struct td_flash_area *area, uint32_t off,
                            uint32_t *version, struct td_verdict *why)
{
    struct chain *chain = (struct chain *)ctx;

    return td_nsib_validate(&chain->rig.config, &chain->opinion, slot, area, off, version, why);
}

static enum td_reset_cause cause_of(void *ctx)
{
    return ((struct chain *)ctx)->rig.cause;
}

/* An image with its hash; out has the header's room and the payload. Returns its length. */
static uint32_t wrap(uint8_t *out, uint32_t cap, uint16_t hdr_size, uint32_t size, uint8_t major,
                     uint32_t flags)
{
    struct td_image_header hdr = {
        .hdr_size = hdr_size, .img_size = size, .flags = flags, .version = { .major = major }
    };
    struct td_build b;
    uint8_t digest[32];

    td_build_begin(&b, out, cap, hdr_size + size);
    td_build_header(&b, &hdr);
    td_hash_of(&td_sha256, out, b.len, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, sizeof digest);
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    return b.len;
}

static void put_app(void)
{
    uint8_t image[0x800];

    memset(image, 0x5a, sizeof image);
    rig_poke(&c.rig.nor, RIG_PRIMARY, image, wrap(image, sizeof image, 32, 0x600, 1, 0));
}

/* A file like signed_by_mcuboot_and_b0_*: the firmware in its outer image. Returns its length. */
static uint32_t package(uint8_t out[0x1000], const struct rig_fw *fw, uint32_t flags)
{
    rig_build(fw, out);
    return wrap(out, 0x1000, RIG_PAD, INNER, (uint8_t)fw->version, flags);
}

static uint32_t secondary_off(void)
{
    return RIG_SECONDARY + (c.config.strategy == &td_strategy_offset ? RIG_SECTOR : 0);
}

static void ask(uint32_t len)
{
    enum td_slot_done done;

    len += secondary_off() - RIG_SECONDARY;
    assert_int_equal(td_slot_set_pending(&c.requests, false, len, &done), TD_OK);
}

static void upload(const struct rig_fw *fw)
{
    uint8_t file[0x1000];
    uint32_t len = package(file, fw, 0);

    assert_int_equal(td_flash_erase(&c.rig.secondary, 0, RIG_APP), TD_OK);
    rig_poke(&c.rig.nor, secondary_off(), file, len);
    ask(len);
}

static void make(enum rig_memory memory, const struct td_strategy *strategy)
{
    uint8_t boots = c.boots;

    memset(&c, 0, sizeof c);
    c.boots = boots;
    rig_start(&c.rig, memory, 3);
    c.rig.config.trial_boots = boots;
    c.pair = (struct td_boot_slots){ .primary = &c.rig.primary, .secondary = &c.rig.secondary };
    c.stage = (struct td_boot_stage){
        .slots = { &c.rig.s0, &c.rig.s1 },
        .addr = { RIG_S0, RIG_S1 },
        .search = TD_FW_SEARCH_2_7,
        .trial_off = TD_TRIAL_OFF,
        .trial_boots = boots,
        .facts = &c.facts,
        .validate = validate,
        .ctx = &c,
    };
    c.hooks = (struct td_boot_hooks){ .reset_cause = cause_of };
    c.config = (struct td_boot_config){
        .images = &c.pair,
        .n_images = 1,
        .strategy = strategy,
        .policy = { .hash = &td_sha256 },
        .max_align = 8,
        .max_sectors = 16,
        .boot_log = &c.rig.log,
        .stage = &c.stage,
        .hooks = &c.hooks,
        .hook_ctx = &c,
    };
    c.p = (struct td_trailer){ .area = &c.rig.primary,
                               .mode = td_strategy_mode(strategy),
                               .max_sectors = 16,
                               .write_size = 4,
                               .max_align = 8 };
    c.x = c.p;
    c.x.area = &c.rig.secondary;
    c.requests = (struct td_slots){ &c.p, &c.x, TD_SLOT_MENDED, 0 };
    assert_int_equal(td_boot_check(&c.config), TD_OK);
    put_app();
}

/* Whether flash or OTP say more than was proven: invariant 2 of nsib.h, looked at from outside. */
static void look_for_haste(void)
{
    struct td_provision p = rig_read_provision(&c.rig);
    struct td_trial t[2];
    uint32_t proven = 0;

    for (uint8_t i = 0; i < 2; i++) {
        struct td_trial_place cells = rig_cells(&c.rig, i);
        uint32_t version = td_load_le32(c.rig.bytes + (i == 0 ? RIG_S0 : RIG_S1) + RIG_INFO + 20);

        if (td_trial_read(&cells, &t[i]) == TD_OK && t[i].proven)
            proven = td_max_u32(proven, version);
    }
    if (p.counters[0].value >> 1 > proven)
        c.sounder++;
}

/* One reset: both stages, and the application. False: the power went. */
static bool once(void)
{
    struct td_nsib_hand_over h;
    enum td_err err = rig_boot(&c.rig);

    c.ran = false;
    if (c.rig.power.lost)
        return false;
    if (err != TD_OK || !c.rig.result.bootable) {
        c.lost++;
        return true;
    }
    look_for_haste();
    if (c.rig.result.version == c.hangs) {
        c.rig.cause = TD_RESET_WATCHDOG;
        return true;
    }
    assert_int_equal(td_nsib_hand_over_read(c.rig.record, &h), TD_OK);
    c.facts =
        (struct td_boot_stage_facts){ h.slot, h.on_trial, h.on_trial || h.last_resort, h.version };
    err = td_boot_go(&c.config, &c.work, &c.result);
    if (c.rig.power.lost)
        return false;
    c.rig.cause = TD_RESET_SOFT;
    if (err != TD_OK || !c.result.bootable) {
        c.lost++;
        return true;
    }
    c.resets += c.result.reset;
    c.ran = !c.result.reset;
    return true;
}

/* Resets until a boot that runs the application wrote nothing; false when the power went. */
static bool run(void)
{
    for (unsigned n = 0; n < 20; n++) {
        uint32_t ops = c.rig.power.ops;

        if (!once())
            return false;
        if (c.ran && c.rig.power.ops == ops)
            return true;
    }
    fail_msg("it does not come to rest");
    return false;
}

static void power_up(void)
{
    sim_power_on(&c.rig.power);
    c.rig.cause = TD_RESET_POWER;
}

static bool is_pending(void)
{
    struct td_trailer_state x;

    assert_int_equal(td_trailer_read(&c.x, &x), TD_OK);
    return x.magic != TD_MAGIC_UNSET;
}

static bool has_logged(enum td_verdict_code code, struct td_verdict *v)
{
    struct td_log log = { &c.rig.log };
    struct td_log_iter it;
    bool end = false;

    td_log_begin(&it, &log);
    while (td_log_next(&it, v, &end) == TD_OK && !end)
        if (v->code == code)
            return true;
    return false;
}

/* A device in the field: S0 of version 5, proven. */
static void in_the_field(enum rig_memory memory, const struct td_strategy *strategy)
{
    const struct rig_fw five = { RIG_S0, 5, 0, 5 };

    make(memory, strategy);
    rig_put(&c.rig, RIG_S0, &five);
    assert_true(run());
    assert_int_equal(c.rig.result.counter, 5);
    c.resets = 0;
}

/* --- what becomes of a candidate --- */

static void a_new_stage_is_copied_tried_and_proven(void **state)
{
    static const struct td_strategy *const ways[] = { &td_strategy_move, &td_strategy_overwrite,
                                                      &td_strategy_offset };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        const struct rig_fw six = { RIG_S1, 6, 1, 6 }, seven = { RIG_S0, 7, 2, 7 };
        struct td_provision p;

        in_the_field(RIG_PAGE, ways[i]);
        upload(&six);
        assert_true(once());
        assert_true(c.result.reset); // the copy is made
        assert_int_equal(td_boot_jump(&c.config, &c.result), TD_ESTATE);
        assert_false(is_pending());
        assert_true(once());
        assert_int_equal(c.rig.result.slot, 1);
        assert_true(c.facts.on_trial);
        assert_true(run());
        p = rig_read_provision(&c.rig);
        assert_int_equal(p.counters[0].value, 12);
        assert_int_equal(p.keys[0].token, TD_TOKEN_REVOKED);
        upload(&seven);
        assert_true(run());
        assert_int_equal(c.rig.result.slot, 0);
        assert_int_equal(c.rig.result.version, 7);
        assert_int_equal(c.rig.result.counter, 7);
        assert_int_equal(c.resets, 2);
        assert_int_equal(c.lost + c.sounder, 0);
    }
}

static void a_stage_that_hangs_is_given_up_and_the_old_one_may_be_updated_again(void **state)
{
    const struct rig_fw six = { RIG_S1, 6, 1, 6 }, seven = { RIG_S1, 7, 1, 7 };
    struct td_provision p;
    struct td_verdict v;

    (void)state;
    in_the_field(RIG_PAGE, &td_strategy_move);
    c.hangs = 6;
    upload(&six);
    assert_true(run());
    assert_int_equal(c.rig.result.slot, 0);
    assert_true(has_logged(TD_V_NSIB_UNPROVEN, &v));
    assert_int_equal(v.found, RIG_BOOTS);
    p = rig_read_provision(&c.rig);
    assert_int_equal(p.counters[0].value >> 1, 5);
    assert_int_equal(p.keys[0].token, TD_TOKEN_VALID);
    upload(&six); // the same file again
    assert_true(run());
    assert_true(has_logged(TD_V_STAGE_TRIED, &v));
    assert_int_equal(c.rig.result.slot, 0);
    upload(&seven);
    assert_true(run());
    assert_int_equal(c.rig.result.version, 7);
    assert_int_equal(c.lost, 0);
}

static void what_is_refused_says_why_and_keeps_its_bytes(void **state)
{
    static const struct {
        const char *says;
        uint32_t linked_for, version;
        uint8_t key;
        enum td_verdict_code want;
        uint32_t wanted, found;
    } rows[] = {
        { "the variant that runs", RIG_S0, 6, 0, TD_V_STAGE_VARIANT, RIG_S1,
          RIG_S0 + RIG_PAD + 0x301 },
        { "an unchanged version", RIG_S1, 5, 0, TD_V_STAGE_SAME_VERSION, 5, 5 },
        { "an older one", RIG_S1, 4, 0, TD_V_NSIB_ROLLBACK, 5, 4 },
        { "a key that was never given", RIG_S1, 6, 9, TD_V_NSIB_UNKNOWN_KEY, 0, 0 },
        { "a version that the counter cannot hold", RIG_S1, 0x8000, 0, TD_V_NSIB_VERSION_RANGE,
          0x7ffe, 0x8000 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct rig_fw fw = { rows[i].linked_for, rows[i].version, rows[i].key, 1 };
        uint8_t before[2 * RIG_SLOT], file[0x1000];
        struct td_verdict v;
        uint32_t len = package(file, &fw, 0);

        in_the_field(RIG_PAGE, &td_strategy_move);
        memcpy(before, c.rig.bytes + RIG_S0, sizeof before);
        upload(&fw);
        assert_true(run());
        if (!has_logged(rows[i].want, &v) || v.wanted != rows[i].wanted || v.found != rows[i].found)
            fail_msg("%s: %s %#x %#x", rows[i].says, td_verdict_name(c.result.verdicts[0].code),
                     c.result.verdicts[0].wanted, c.result.verdicts[0].found);
        assert_int_equal(v.slot, rows[i].linked_for == RIG_S1);
        assert_false(is_pending());
        assert_memory_equal(before, c.rig.bytes + RIG_S0, sizeof before);
        assert_memory_equal(file, c.rig.bytes + RIG_SECONDARY, len);
        assert_int_equal(c.resets, 0);
    }
}

static void a_damaged_candidate_is_refused_by_the_signature_that_it_breaks(void **state)
{
    static const struct {
        uint32_t off; // that is damaged; 0: the inner part, and the outer signed again
        enum td_verdict_code want;
    } rows[] = { { 0x700, TD_V_HASH_MISMATCH }, { 0, TD_V_NSIB_BAD_SIGNATURE } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct rig_fw fw = { RIG_S1, 6, 0, 6 };
        uint8_t file[0x1000];
        struct td_verdict v;
        uint32_t len = package(file, &fw, 0);

        in_the_field(RIG_PAGE, &td_strategy_move);
        file[0x700] ^= 1;
        if (rows[i].off == 0)
            len = wrap(file, sizeof file, RIG_PAD, INNER, 6, 0);
        rig_poke(&c.rig.nor, RIG_SECONDARY, file, len);
        ask(len);
        assert_true(run());
        assert_true(has_logged(rows[i].want, &v));
        assert_int_equal(c.rig.result.slot, 0);
        assert_int_equal(c.resets, 0);
    }
}

static void a_candidate_cannot_bring_its_own_proof(void **state)
{
    const struct rig_fw six = { RIG_S1, 6, 0, 6 };
    uint8_t file[0x1000];
    uint32_t len;

    (void)state;
    in_the_field(RIG_PAGE, &td_strategy_move);
    rig_build(&six, file);
    memcpy(file + TD_TRIAL_OFF, "TPRV", 4);
    len = wrap(file, sizeof file, RIG_PAD, INNER, 6, 0);
    rig_poke(&c.rig.nor, RIG_SECONDARY, file, len);
    ask(len);
    assert_true(once());
    assert_true(c.result.reset);
    assert_true(once());
    assert_int_equal(c.rig.result.slot, 1);
    assert_true(c.facts.on_trial);
    assert_int_equal(c.rig.result.counter, 5);
}

static void of_two_equal_versions_s0_is_used(void **state)
{
    const struct rig_fw six = { RIG_S1, 6, 0, 6 }, again = { RIG_S0, 6, 0, 7 };

    (void)state;
    in_the_field(RIG_PAGE, &td_strategy_move);
    upload(&six);
    assert_true(run());
    upload(&again);
    assert_true(run());
    assert_int_equal(c.rig.result.slot, 0);
    assert_int_equal(c.rig.result.version, 6);
}

static void a_stage_on_trial_starts_no_swap_and_the_request_stays(void **state)
{
    const struct rig_fw six = { RIG_S1, 6, 0, 6 };
    uint8_t image[0x800];
    struct td_verdict v;
    uint32_t len;

    (void)state;
    in_the_field(RIG_PAGE, &td_strategy_move);
    upload(&six);
    assert_true(once());
    memset(image, 0x77, sizeof image);
    len = wrap(image, sizeof image, 32, 0x600, 2, 0);
    assert_int_equal(td_flash_erase(&c.rig.secondary, 0, RIG_APP), TD_OK);
    rig_poke(&c.rig.nor, RIG_SECONDARY, image, len);
    ask(len);
    assert_true(once());
    assert_true(c.facts.on_trial);
    assert_int_equal(c.result.hdr.version.major, 1);
    assert_int_equal(c.result.did, TD_SWAP_NONE);
    assert_true(is_pending());
    assert_true(has_logged(TD_V_STAGE_ON_TRIAL, &v));
    assert_true(once()); // proven
    assert_int_equal(c.result.hdr.version.major, 2);
}

static void a_stage_is_not_taken_for_the_application_to_go_back_to(void **state)
{
    const struct rig_fw six = { RIG_S1, 6, 0, 6 };
    uint8_t image[0x1000];
    struct td_verdict v;
    uint32_t len;

    (void)state;
    in_the_field(RIG_PAGE, &td_strategy_move);
    memset(image, 0x77, sizeof image);
    len = wrap(image, sizeof image, 32, 0x600, 2, 0);
    rig_poke(&c.rig.nor, RIG_SECONDARY, image, len);
    ask(len);
    assert_true(once());
    assert_true(c.result.on_trial);
    // Somebody writes a second stage over the image that was to come back.
    len = package(image, &six, 0);
    assert_int_equal(td_flash_erase(&c.rig.secondary, 0, RIG_APP), TD_OK);
    rig_poke(&c.rig.nor, RIG_SECONDARY, image, len);
    assert_true(once());
    assert_int_equal(c.result.hdr.version.major, 2);
    assert_true(has_logged(TD_V_REVERT_IMPOSSIBLE, &v));
}

/* --- the power --- */

enum from { FACTORY, IN_S0, IN_S1 };

struct story {
    const char *name;
    enum from from;
    struct rig_fw candidate; /* of version 0: none */
    uint32_t hangs;
    uint8_t slot; /* that runs in the end */
    uint32_t counter;
    enum rig_memory memory;
};

static void begin(const struct story *s)
{
    const struct rig_fw five = { RIG_S0, 5, 0, 5 }, six = { RIG_S1, 6, 1, 6 };

    if (s->from == FACTORY) {
        make(s->memory, &td_strategy_move);
        rig_put(&c.rig, RIG_S0, &five);
    } else {
        in_the_field(s->memory, &td_strategy_move);
    }
    if (s->from == IN_S1) {
        upload(&six);
        assert_true(run());
    }
    c.hangs = s->hangs;
    if (s->candidate.version > 0)
        upload(&s->candidate);
}

static uint8_t saved_nor[3][RIG_END], saved_otp[3][RIG_OTP];
static uint8_t saved_nor_meta[3][2 * RIG_END + 0x1000], saved_otp_meta[3][0x2000];

static const struct sim_nor_snapshot nor_shots[] = { { saved_nor[0], saved_nor_meta[0] },
                                                     { saved_nor[1], saved_nor_meta[1] },
                                                     { saved_nor[2], saved_nor_meta[2] } };
static const struct sim_nor_snapshot otp_shots[] = { { saved_otp[0], saved_otp_meta[0] },
                                                     { saved_otp[1], saved_otp_meta[1] },
                                                     { saved_otp[2], saved_otp_meta[2] } };

static void save(unsigned n)
{
    sim_nor_save(&c.rig.nor, &nor_shots[n]);
    sim_nor_save(&c.rig.otp, &otp_shots[n]);
}

static void load(unsigned n)
{
    sim_nor_load(&c.rig.nor, &nor_shots[n]);
    sim_nor_load(&c.rig.otp, &otp_shots[n]);
    c.lost = c.sounder = 0;
    power_up();
}

static void check_end(const struct story *s, unsigned depth, uint32_t op, unsigned kind)
{
    struct td_verdict v;
    // A copy that was cut before its request was dropped is no variant that was mixed up.
    bool right = !has_logged(TD_V_STAGE_VARIANT, &v) && c.rig.result.slot == s->slot &&
                 c.rig.result.counter == s->counter && !is_pending() && c.lost == 0 &&
                 c.sounder == 0;

    if (!right)
        fail_msg("%s, cut %u of kind %u at %u: slot %u, counter %u, pending %d, lost %u, early %u",
                 s->name, depth + 1, kind, op, c.rig.result.slot, c.rig.result.counter,
                 is_pending(), c.lost, c.sounder);
}

/*
 * Cuts at every operation of the run, and then again in what the next boots do about it; the
 * third time at one operation of nineteen. Returns how many cuts that were.
 */
static unsigned cut_from(const struct story *s, unsigned depth, uint32_t salt)
{
    uint32_t stride = depth == 2 ? 19 : 1;
    unsigned cuts = 0;

    for (unsigned kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++) {
        for (uint32_t op = salt % stride;; op += stride) {
            load(depth);
            sim_power_cut_at(&c.rig.power, op, (enum sim_cut)kind);
            if (run())
                break;
            cuts++;
            if (depth < 2) {
                save(depth + 1);
                cuts += cut_from(s, depth + 1, op + kind);
                load(depth + 1);
            }
            power_up();
            assert_true(run());
            check_end(s, depth, op, kind);
        }
    }
    return cuts;
}

static void no_cut_leaves_it_without_a_stage_or_burns_too_early(void **state)
{
    static const struct story stories[] = {
        { "good, page", IN_S0, { RIG_S1, 6, 2, 6 }, 0, 1, 6, RIG_PAGE },
        { "good, OTP", IN_S0, { RIG_S1, 6, 2, 6 }, 0, 1, 6, RIG_IN_OTP },
        { "back to S0", IN_S1, { RIG_S0, 7, 2, 7 }, 0, 0, 7, RIG_PAGE },
        { "hangs", IN_S0, { RIG_S1, 6, 1, 6 }, 6, 0, 5, RIG_PAGE },
        { "refused", IN_S0, { RIG_S1, 5, 1, 6 }, 0, 0, 5, RIG_PAGE },
        { "first boots", FACTORY, { 0, 0, 0, 0 }, 0, 0, 5, RIG_IN_OTP },
    };
    unsigned sum = 0;

    (void)state;
    c.boots = 4; // three cuts in a row may each cost one
    for (size_t i = 0; i < TD_N_OF(stories); i++) {
        unsigned cuts;

        begin(&stories[i]);
        save(0);
        cuts = cut_from(&stories[i], 0, 0);
        printf("%-12s %6u cuts, 0 lost\n", stories[i].name, cuts);
        sum += cuts;
    }
    printf("%-12s %6u cuts\n", "together", sum);
    assert_true(sum > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_stage_is_copied_tried_and_proven),
        cmocka_unit_test(a_stage_that_hangs_is_given_up_and_the_old_one_may_be_updated_again),
        cmocka_unit_test(what_is_refused_says_why_and_keeps_its_bytes),
        cmocka_unit_test(a_damaged_candidate_is_refused_by_the_signature_that_it_breaks),
        cmocka_unit_test(a_candidate_cannot_bring_its_own_proof),
        cmocka_unit_test(of_two_equal_versions_s0_is_used),
        cmocka_unit_test(a_stage_on_trial_starts_no_swap_and_the_request_stays),
        cmocka_unit_test(a_stage_is_not_taken_for_the_application_to_go_back_to),
        cmocka_unit_test(no_cut_leaves_it_without_a_stage_or_burns_too_early),
    };

    c.boots = RIG_BOOTS;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
