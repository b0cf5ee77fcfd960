/*
 * stage.c - the rows of the two stages together: a second stage that brings itself up to date,
 * and the first stage that tries it, proves it and burns what cannot be undone, or gives it up.
 *
 * A signature is the toy's of nsib/rig_test.h; everything else is real. One run is as many resets
 * as it takes until the application runs and nothing is left to write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "boot/boot.h"
#include "boot/stage.h"
#include "image/build.h"
#include "log/log.h"
#include "nsib/rig_test.h"
#include "planted.h"
#include "rows.h"

#define INNER      (RIG_TRAILER - RIG_PAD + TD_FW_VALIDATION_SIZE)
#define RESETS_MAX 20
#define BOOTS      4 /* of a trial: each of three cuts may cost one */

/* What was seen in a run that a cut ended. Nothing later makes it good. */
enum { NOTHING_TO_BOOT = 1, BURNT_EARLY = 2, NO_REST = 4 };

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
    struct shim shim;
    const struct story *story;
    unsigned seen; /* of the last run */
    bool ran;      /* the latest boot came to the application */
} c;

enum from { FACTORY, IN_S0, IN_S1 };

static const struct story {
    const char *name;
    enum from from;
    struct rig_fw candidate; /* of version 0: none */
    bool damaged;
    uint32_t hangs;            /* the version of a second stage that does */
    uint8_t slot;              /* that runs in the end */
    uint32_t counter;          /* and what is burnt */
    bool revoked;              /* the key that was given first */
    enum td_verdict_code said; /* in the log, in the end */
    const struct td_strategy *strategy;
} stories[] = {
    { "update",
      IN_S0,
      { RIG_S1, 6, 2, 6 },
      false,
      0,
      1,
      6,
      true,
      TD_V_STAGE_INSTALLED,
      &td_strategy_move },
    { "update, offset",
      IN_S0,
      { RIG_S1, 6, 2, 6 },
      false,
      0,
      1,
      6,
      true,
      TD_V_STAGE_INSTALLED,
      &td_strategy_offset },
    { "update, overwr.",
      IN_S0,
      { RIG_S1, 6, 2, 6 },
      false,
      0,
      1,
      6,
      true,
      TD_V_STAGE_INSTALLED,
      &td_strategy_overwrite },
    { "back to S0",
      IN_S1,
      { RIG_S0, 7, 2, 7 },
      false,
      0,
      0,
      7,
      true,
      TD_V_STAGE_INSTALLED,
      &td_strategy_move },
    { "given up",
      IN_S0,
      { RIG_S1, 6, 1, 6 },
      false,
      6,
      0,
      5,
      false,
      TD_V_NSIB_UNPROVEN,
      &td_strategy_move },
    { "refuse version",
      IN_S0,
      { RIG_S1, 5, 1, 6 },
      false,
      0,
      0,
      5,
      false,
      TD_V_STAGE_SAME_VERSION,
      &td_strategy_move },
    { "refuse variant",
      IN_S0,
      { RIG_S0, 6, 1, 6 },
      false,
      0,
      0,
      5,
      false,
      TD_V_STAGE_VARIANT,
      &td_strategy_move },
    { "refuse key",
      IN_S0,
      { RIG_S1, 6, 9, 6 },
      false,
      0,
      0,
      5,
      false,
      TD_V_NSIB_UNKNOWN_KEY,
      &td_strategy_move },
    { "refuse damaged",
      IN_S0,
      { RIG_S1, 6, 1, 6 },
      true,
      0,
      0,
      5,
      false,
      TD_V_HASH_MISMATCH,
      &td_strategy_move },
    { "first boots",
      FACTORY,
      { 0, 0, 0, 0 },
      false,
      0,
      0,
      5,
      false,
      TD_V_NSIB_PROVEN,
      &td_strategy_move },
};

static const struct place {
    const char *name;
    enum rig_memory memory;
} places[] = { { "4K, page", RIG_PAGE }, { "4K, OTP", RIG_IN_OTP } };

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "sweep: %s\n", what);
        exit(2);
    }
}

/* --- the device --- */

static enum td_err validate(void *ctx, uint8_t slot, const struct td_flash_area *area, uint32_t off,
                            uint32_t *version, struct td_verdict *why)
{
    struct chain *chain = ctx;

    return td_nsib_validate(&chain->rig.config, &chain->opinion, slot, area, off, version, why);
}

static enum td_reset_cause cause_of(void *ctx)
{
    return ((struct chain *)ctx)->rig.cause;
}

/* An image with its hash; out has the header's room and the payload. Returns its length. */
static uint32_t wrap(uint8_t *out, uint32_t cap, uint16_t hdr_size, uint32_t size, uint8_t major)
{
    struct td_image_header hdr = { .hdr_size = hdr_size,
                                   .img_size = size,
                                   .version = { .major = major } };
    struct td_build b;
    uint8_t digest[32];

    td_build_begin(&b, out, cap, hdr_size + size);
    td_build_header(&b, &hdr);
    td_hash_of(&td_sha256, out, b.len, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, sizeof digest);
    td_build_close(&b);
    must(b.err == TD_OK, "an image does not fit");
    return b.len;
}

static void put_app(void)
{
    uint8_t image[0x800];

    memset(image, 0x5a, sizeof image);
    rig_poke(&c.rig.nor, RIG_PRIMARY, image, wrap(image, sizeof image, 32, 0x600, 1));
}

static void upload(const struct rig_fw *fw, bool damaged)
{
    uint32_t first = c.config.strategy == &td_strategy_offset ? RIG_SECTOR : 0, len;
    enum td_slot_done done;
    uint8_t file[0x1000];

    rig_build(fw, file);
    len = wrap(file, sizeof file, RIG_PAD, INNER, (uint8_t)fw->version);
    file[0x700] ^= damaged;
    must(td_flash_erase(&c.rig.secondary, 0, RIG_APP) == TD_OK, "the slot cannot be erased");
    rig_poke(&c.rig.nor, RIG_SECONDARY + first, file, len);
    must(td_slot_set_pending(&c.requests, false, first + len, &done) == TD_OK,
         "the request was refused");
}

static void make_chain(enum rig_memory memory, const struct td_strategy *strategy)
{
    memset(&c, 0, sizeof c);
    rig_start(&c.rig, memory, 3);
    c.rig.config.trial_boots = BOOTS;
    c.pair = (struct td_boot_slots){ .primary = &c.rig.primary, .secondary = &c.rig.secondary };
    c.stage = (struct td_boot_stage){ .slots = { &c.rig.s0, &c.rig.s1 },
                                      .addr = { RIG_S0, RIG_S1 },
                                      .search = TD_FW_SEARCH_2_7,
                                      .trial_off = TD_TRIAL_OFF,
                                      .trial_boots = BOOTS,
                                      .facts = &c.facts,
                                      .validate = validate,
                                      .ctx = &c };
    c.hooks = (struct td_boot_hooks){ .reset_cause = cause_of };
    c.config = (struct td_boot_config){ .images = &c.pair,
                                        .n_images = 1,
                                        .strategy = strategy,
                                        .policy = { .hash = &td_sha256 },
                                        .max_align = 8,
                                        .max_sectors = 16,
                                        .boot_log = &c.rig.log,
                                        .stage = &c.stage,
                                        .hooks = &c.hooks,
                                        .hook_ctx = &c };
    c.p = (struct td_trailer){ .area = &c.rig.primary,
                               .mode = td_strategy_mode(strategy),
                               .max_sectors = 16,
                               .write_size = 4,
                               .max_align = 8 };
    c.x = c.p;
    c.x.area = &c.rig.secondary;
    c.requests = (struct td_slots){ &c.p, &c.x, TD_SLOT_MENDED, 0 };
    must(td_boot_check(&c.config) == TD_OK, "the configuration is wrong");
    put_app();
}

/* --- a run --- */

/* Counter and keys have moved for a stage that had not proved itself. */
static bool is_burnt_early(void)
{
    struct td_provision p = rig_read_provision(&c.rig);
    uint32_t proven = 0;

    for (uint8_t i = 0; i < 2; i++) {
        struct td_trial_place cells = rig_cells(&c.rig, i);
        uint32_t version = td_load_le32(c.rig.bytes + (i == 0 ? RIG_S0 : RIG_S1) + RIG_INFO + 20);
        struct td_trial t;

        if (td_trial_read(&cells, &t) == TD_OK && t.proven)
            proven = td_max_u32(proven, version);
    }
    return p.counters[0].value >> 1 > proven || (p.keys[0].token != TD_TOKEN_VALID && proven < 6);
}

/* The second stage: code only in that it runs boot/, or hangs. */
static void second_stage(void)
{
    struct td_nsib_hand_over h;
    enum td_err err;

    if (c.story != NULL && c.rig.result.version == c.story->hangs) {
        c.rig.cause = TD_RESET_WATCHDOG;
        return;
    }
    must(td_nsib_hand_over_read(c.rig.record, &h) == TD_OK, "no hand-over record");
    c.facts =
        (struct td_boot_stage_facts){ h.slot, h.on_trial, h.on_trial || h.last_resort, h.version };
    err = td_boot_go(&c.config, &c.work, &c.result);
    if (c.rig.power.lost)
        return;
    c.rig.cause = TD_RESET_SOFT;
    if (err != TD_OK || !c.result.bootable)
        c.seen |= NOTHING_TO_BOOT;
    else
        c.ran = !c.result.reset;
}

static void once(void)
{
    enum td_err err;

    c.ran = false;
    shim_forget(&c.shim);
    err = rig_boot(&c.rig);
    if (c.rig.power.lost)
        return;
    if (is_burnt_early())
        c.seen |= BURNT_EARLY;
    if (err != TD_OK || !c.rig.result.bootable)
        c.seen |= NOTHING_TO_BOOT;
    else
        second_stage();
}

static void run(void *ctx)
{
    (void)ctx;
    c.seen = 0;
    c.rig.cause = TD_RESET_POWER;
    for (unsigned n = 0; n < RESETS_MAX; n++) {
        uint32_t ops = c.rig.power.ops;

        once();
        if (c.rig.power.lost || (c.ran && c.rig.power.ops == ops))
            return;
    }
    c.seen |= NO_REST;
}

static unsigned passed(void *ctx)
{
    (void)ctx;
    return c.seen;
}

/* --- how it has to end --- */

static bool has_logged(uint16_t code)
{
    struct td_log log = { &c.rig.log };
    struct td_log_iter it;
    struct td_verdict v;
    bool end = false;

    td_log_begin(&it, &log);
    while (td_log_next(&it, &v, &end) == TD_OK && !end) {
        if (v.code == code)
            return true;
    }
    return false;
}

static bool is_pending(void)
{
    struct td_trailer_state x;

    must(td_trailer_read(&c.x, &x) == TD_OK, "a trailer cannot be read");
    return x.magic != TD_MAGIC_UNSET;
}

static const char *judge_seen(unsigned seen)
{
    if ((seen & NOTHING_TO_BOOT) != 0)
        return "a boot had nothing to boot";
    if ((seen & BURNT_EARLY) != 0)
        return "counter or key moved before the stage was proven";
    return (seen & NO_REST) != 0 ? "it does not come to rest" : NULL;
}

static const char *judge(void *ctx, unsigned before)
{
    const struct story *s = c.story;
    struct td_provision p = rig_read_provision(&c.rig);
    const char *wrong = judge_seen(before | c.seen);

    (void)ctx;
    if (wrong != NULL)
        return wrong;
    if (c.rig.result.slot != s->slot)
        return "the wrong stage runs";
    if (c.rig.result.counter != s->counter)
        return "the counter is not the running stage's";
    if ((p.keys[0].token != TD_TOKEN_VALID) != s->revoked)
        return s->revoked ? "the older key was not revoked" : "a key was revoked";
    if (is_pending())
        return "the request is still there";
    // A copy that was cut before its request was dropped is no variant that was mixed up.
    if (s->said != TD_V_STAGE_VARIANT && has_logged(TD_V_STAGE_VARIANT))
        return "what was installed is called a mixed-up variant";
    return has_logged((uint16_t)s->said) ? NULL : "the log does not say what happened";
}

static void prepare(const struct story *s, enum rig_memory memory)
{
    const struct rig_fw five = { RIG_S0, 5, 0, 5 }, six = { RIG_S1, 6, 1, 6 };

    make_chain(memory, s->strategy);
    rig_put(&c.rig, RIG_S0, &five);
    if (s->from != FACTORY) {
        run(NULL);
        must(c.seen == 0 && c.rig.result.counter == 5, "the first stage in the field is not 5");
    }
    if (s->from == IN_S1) {
        upload(&six, false);
        run(NULL);
        must(c.seen == 0 && c.rig.result.counter == 6, "the stage in S1 is not 6");
    }
    c.story = s;
    if (s->candidate.version > 0)
        upload(&s->candidate, s->damaged);
}

static const struct cut_subject *subject_of(const struct story *s, const struct place *place)
{
    static struct cut_subject subject;

    prepare(s, place->memory);
    subject = (struct cut_subject){ .ctx = &c,
                                    .power = &c.rig.power,
                                    .flashes = { &c.rig.nor, &c.rig.otp },
                                    .n_flashes = 2,
                                    .run = run,
                                    .passed = passed,
                                    .judge = judge };
    return &subject;
}

static const struct cut_subject *make(const struct sweep_row *row)
{
    return subject_of(row->part[0], row->part[1]);
}

static bool row_nth(unsigned n, struct sweep_row *row)
{
    const struct story *s = &stories[n % TD_N_OF(stories)];
    const struct place *place;

    if (n >= TD_N_OF(stories) * TD_N_OF(places))
        return false;
    place = &places[n / TD_N_OF(stories)];
    *row = (struct sweep_row){ .way = "second stage",
                               .scenario = s->name,
                               .flash = place->name,
                               .word = 4,
                               .images = 1,
                               .quick = n == 0 || s->from == FACTORY,
                               .share = s->candidate.version > 0 && s->slot == 0 && s->hangs == 0 &&
                                                s->from == IN_S0
                                            ? 0
                                            : 1,
                               .part = { s, place } };
    return true;
}

const struct sweep_group sweep_stage = { row_nth, make };

/* --- a planted bug: the request is dropped before the copy is there --- */

static bool is_firmware(const void *ctx, const struct op *op)
{
    (void)ctx;
    return !op->is_erase && op->off >= RIG_S1 + RIG_PAD && op->off < RIG_S1 + RIG_SLOT &&
           op->len > sizeof(uint32_t);
}

static bool is_request_erased(const void *ctx, const struct op *op)
{
    (void)ctx;
    return op->is_erase && op->off == RIG_SECONDARY + RIG_APP - RIG_SECTOR;
}

const struct cut_subject *planted_stage(void)
{
    const struct cut_subject *subject = subject_of(&stories[0], &places[0]);

    c.shim.below = &c.rig.nor;
    c.shim.held = is_firmware;
    c.shim.first = is_request_erased;
    shim_init(&c.shim);
    c.rig.flash.dev = c.rig.page.dev = c.rig.log.dev = c.rig.s0.dev = c.rig.s1.dev = &c.shim.dev;
    c.rig.primary.dev = c.rig.secondary.dev = &c.shim.dev;
    return subject;
}
