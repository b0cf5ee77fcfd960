/*
 * boot.c - the rows of the second stage: strategies, flashes and scenarios.
 *
 * A strategy is a row of ways[], a kind of flash one of shapes[]; fits[] says which go together,
 * and scenarios[] what happens and how it has to end. Each combination is a row of the table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "device.h"
#include "log/log.h"
#include "planted.h"
#include "rows.h"

/* What a cut may have made true: the trial has begun, and a reset ends it. */
enum { TRIAL_OVER = 1 };

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "sweep: %s\n", what);
        exit(2);
    }
}

/* --- what happens to a device --- */

static void ask(struct device *d, unsigned i, const struct image *image, bool permanent)
{
    struct td_trailer p, x;
    struct td_slots slots = device_slots(d, i, &p, &x);
    enum td_slot_done done;

    uint32_t end = d->way->new_sector * device_secondary_sector(d) + image->size;

    must(td_slot_set_pending(&slots, permanent, end, &done) == TD_OK, "the request was refused");
}

static void prepare_requests(struct device *d, bool permanent)
{
    for (unsigned i = 0; i < d->n_images; i++) {
        device_put_primary(d, i, &d->images[i].old);
        device_put_secondary(d, i, &d->images[i].new);
        ask(d, i, &d->images[i].new, permanent);
    }
}

static void prepare_test(struct device *d)
{
    prepare_requests(d, false);
}

static void prepare_perm(struct device *d)
{
    prepare_requests(d, true);
}

static void prepare_revert(struct device *d)
{
    prepare_requests(d, false);
    device_boot(d);
    must(d->err == TD_OK && d->result.on_trial, "the trial did not begin");
}

/* The last image's request is the bad one: it must not harm the others. */
static void prepare_candidate(struct device *d, const struct image_plan *plan)
{
    struct image candidate = image_make(plan);
    unsigned bad = d->n_images - 1;

    for (unsigned i = 0; i < d->n_images; i++)
        device_put_primary(d, i, &d->images[i].old);
    device_put_secondary(d, bad, &candidate);
    ask(d, bad, &candidate, true);
}

static void prepare_foreign(struct device *d)
{
    struct image_plan plan = device_candidate(d, d->n_images - 1);

    plan.by_another_key = true;
    prepare_candidate(d, &plan);
}

static void prepare_downgrade(struct device *d)
{
    struct image_plan plan = device_candidate(d, d->n_images - 1);

    plan.major = 0;
    prepare_candidate(d, &plan);
}

static void prepare_large(struct device *d)
{
    struct image_plan plan = device_candidate(d, d->n_images - 1);
    uint32_t max;

    must(td_boot_max_image(&d->config, (uint8_t)(d->n_images - 1), &max) == TD_OK,
         "the largest image's size");
    plan.size = td_round_up(max + d->shape->chip.sector_size / 2, 8);
    prepare_candidate(d, &plan);
}

// What runs is damaged, and nobody asked for anything.
static void prepare_damaged(struct device *d)
{
    struct image damaged = d->images[0].old;

    damaged.bytes = malloc(damaged.size);
    must(damaged.bytes != NULL, "out of memory");
    memcpy(damaged.bytes, d->images[0].old.bytes, damaged.size);
    damaged.bytes[damaged.size / 2] ^= 1;
    d->config.falls_back = true;
    device_put_primary(d, 0, &damaged);
    device_put_secondary(d, 0, &d->images[0].new);
    free(damaged.bytes);
}

// The log is about to turn over, and what it must not lose is its oldest entry.
static void prepare_full_log(struct device *d)
{
    struct td_log log = { &d->log };
    struct td_verdict v = { .kind = TD_VERDICT_REVERT, .code = TD_V_REVERTED_WATCHDOG };
    uint32_t per_sector = d->shape->chip.sector_size / 64 - 1; // and one is copied when it turns

    for (uint32_t i = 0; i < 2 * per_sector - 1; i++) {
        must(td_log_append(&log, &v) == TD_OK, "the log cannot be written");
        v = (struct td_verdict){ .kind = TD_VERDICT_NOTE, .code = TD_V_INSTALLED, .found = i + 1 };
    }
    prepare_foreign(d);
}

static void prepare_torn(struct device *d)
{
    struct td_trailer p, x;
    struct sim_nor *nor = &d->nors[d->n_nors - 1];

    prepare_perm(d);
    for (unsigned i = 0; i < d->n_images; i++) {
        (void)device_slots(d, i, &p, &x);
        sim_nor_tear(nor, x.area->off + td_trailer_magic_off(&x) + 3, 0xf3 ^ nor->dev.erased);
    }
}

/* --- how it has to end --- */

static bool runs(const struct device *d, bool new)
{
    const struct device_image *im = &d->images[0];
    const struct image *image = new ? &im->new : &im->old;

    for (unsigned i = 0; i < d->n_images; i++) {
        if (!device_primary_holds(d, i, new ? &d->images[i].new : &d->images[i].old))
            return false;
    }
    return d->result.bootable && d->result.hash_len == sizeof image->hash &&
           memcmp(d->result.hash, image->hash, sizeof image->hash) == 0;
}

/* new: it is the new images that the secondaries have to hold. */
static bool keeps(const struct device *d, bool new)
{
    for (unsigned i = 0; i < d->n_images; i++) {
        const struct device_image *im = &d->images[i];

        if (new ? !device_secondary_holds(d, i, d->way->new_sector, &im->new)
                : !device_secondary_holds(d, i, d->way->old_sector, &im->old))
            return false;
    }
    return true;
}

// Overwriting leaves the new image where it came from, swapping the old one.
static bool keeps_after_perm(const struct device *d)
{
    for (unsigned i = 0; i < d->n_images; i++) {
        const struct device_image *im = &d->images[i];
        bool swaps = td_strategy_mode(device_strategy(d, i)) != TD_MODE_OVERWRITE;

        if (swaps ? !device_secondary_holds(d, i, d->way->old_sector, &im->old)
                  : !device_secondary_holds(d, i, d->way->new_sector, &im->new))
            return false;
    }
    return true;
}

static const char *judge_trial(struct device *d, unsigned passed)
{
    bool over = passed & TRIAL_OVER;

    if (!runs(d, !over))
        return "the wrong image runs";
    if (!keeps(d, over))
        return "the other image is lost";
    if (d->result.on_trial == over)
        return "trial and confirmed are mixed up";
    if (over && !device_logged(d, 0, TD_VERDICT_REVERT))
        return "the revert is not in the log";
    if (device_counter(d, 0) > 1)
        return "the security counter has risen before anybody confirmed";
    return device_logged(d, TD_V_TRIAL_STARTED, 0) ? NULL : "the trial is not in the log";
}

static const char *judge_perm(struct device *d, unsigned passed)
{
    (void)passed;
    if (!runs(d, true))
        return "the wrong image runs";
    if (!keeps_after_perm(d))
        return "the other image is lost";
    if (d->result.on_trial)
        return "a permanent image is on trial";
    return device_logged(d, TD_V_INSTALLED, 0) ? NULL : "the installation is not in the log";
}

static const char *judge_refusal(struct device *d, uint16_t code)
{
    struct td_trailer p, x;
    struct td_trailer_state state;

    (void)device_slots(d, d->n_images - 1, &p, &x);
    if (!runs(d, false))
        return "the wrong image runs";
    if (!device_logged(d, code, 0))
        return "the refusal is not in the log";
    if (td_trailer_read(&x, &state) != TD_OK || state.magic != TD_MAGIC_UNSET)
        return "the request is still there";
    return NULL;
}

static const char *judge_foreign(struct device *d, unsigned passed)
{
    (void)passed;
    return judge_refusal(d, TD_V_UNKNOWN_KEY);
}

static const char *judge_full_log(struct device *d, unsigned passed)
{
    (void)passed;
    if (!device_logged(d, TD_V_REVERTED_WATCHDOG, 0))
        return "the last revert is no longer in the log";
    return judge_refusal(d, TD_V_UNKNOWN_KEY);
}

static const char *judge_fallen_back(struct device *d, unsigned passed)
{
    (void)passed;
    if (!runs(d, true) || d->result.on_trial)
        return "the good image does not run";
    return device_logged(d, TD_V_FELL_BACK, 0) ? NULL : "the fallback is not in the log";
}

static const char *judge_downgrade(struct device *d, unsigned passed)
{
    (void)passed;
    return judge_refusal(d, TD_V_DOWNGRADE);
}

static const char *judge_large(struct device *d, unsigned passed)
{
    (void)passed;
    return judge_refusal(d, d->way->no_room);
}

static const char *judge_torn(struct device *d, unsigned passed)
{
    (void)passed;
    return judge_refusal(d, TD_V_TORN_REQUEST);
}

/* --- the rows --- */

static const struct way ways[] = {
    { "swap-move", &td_strategy_move, true, 0, 0, TD_V_NO_SWAP_ROOM, NULL },
    { "swap-offset", &td_strategy_offset, true, 1, 0, TD_V_NO_SWAP_ROOM, NULL },
    { "swap-scratch", &td_strategy_scratch, true, 0, 0, TD_V_NO_SWAP_ROOM, NULL },
    { "overwrite-only", &td_strategy_overwrite, false, 0, 0, TD_V_TOO_LARGE, NULL },
    { "overwrite-plain", &td_strategy_overwrite_plain, false, 0, 0, TD_V_TOO_LARGE, NULL },
    { "mixed group", &td_strategy_move, false, 0, 0, TD_V_TOO_LARGE, &td_strategy_overwrite },
};

static const struct shape shapes[] = {
    /* name, chip: sector, word, budget, erased, ecc; external; primary, secondary, scratch,
     * image, align */
    { "1K", { 1024, 4, 2, 0xff, false }, { 0 }, 27, 27, 0, 25, 8 },
    { "1K ecc", { 1024, 8, 1, 0xff, true }, { 0 }, 27, 27, 0, 25, 8 },
    { "1K ecc", { 1024, 16, 1, 0xff, true }, { 0 }, 28, 28, 0, 25, 16 },
    { "1K +1", { 1024, 4, 2, 0xff, false }, { 0 }, 27, 26, 0, 25, 8 },
    { "1K +1, 0x00", { 1024, 8, 1, 0x00, false }, { 0 }, 27, 26, 0, 25, 8 },
    { "4K ecc", { 4096, 8, 1, 0xff, true }, { 0 }, 27, 27, 0, 25, 8 },
    { "1K, ext. byte", { 1024, 8, 1, 0xff, true }, { 1024, 1, 0, 0xff, false }, 10, 9, 0, 7, 8 },
    { "1K, X +1", { 1024, 4, 2, 0xff, false }, { 0 }, 26, 27, 0, 25, 8 },
    { "small", { 1024, 4, 2, 0xff, false }, { 0 }, 8, 8, 0, 6, 8 },
    { "1K C1", { 1024, 4, 2, 0xff, false }, { 0 }, 10, 10, 1, 7, 8 },
    { "1K C1 full", { 1024, 8, 1, 0xff, true }, { 0 }, 8, 8, 1, 0, 8 },
    { "1K C3 full", { 1024, 16, 1, 0xff, true }, { 0 }, 8, 8, 3, 0, 16 },
    { "1K C2, 0x00", { 1024, 4, 2, 0x00, false }, { 0 }, 8, 8, 2, 0, 8 },
    { "1K, 4K ext.", { 1024, 8, 1, 0xff, true }, { 4096, 1, 0, 0xff, false }, 12, 3, 4, 0, 8 },
    { "X +1, 0x00", { 1024, 8, 1, 0x00, false }, { 0 }, 26, 27, 0, 25, 8 },
    { "1K ecc", { 1024, 16, 1, 0xff, true }, { 0 }, 26, 26, 0, 23, 16 },
};

/* Letters of shapes (a: the first) that a way is swept over. */
static const struct {
    const char *way;
    unsigned images;
    bool encrypted;
    const char *shapes;
} fits[] = {
    { "swap-move", 1, false, "abcdefg" },
    { "swap-move", 1, true, "abcg" },
    { "swap-move", 2, false, "i" },
    { "swap-move", 2, true, "i" },
    { "swap-offset", 1, false, "abpfhio" },
    { "swap-offset", 1, true, "ah" },
    { "swap-offset", 2, false, "i" },
    { "swap-offset", 2, true, "i" },
    { "swap-scratch", 1, false, "jklmn" },
    { "swap-scratch", 1, true, "jkn" },
    { "swap-scratch", 2, false, "j" },
    { "swap-scratch", 2, true, "j" },
    { "overwrite-only", 1, false, "abcdefg" },
    { "overwrite-only", 1, true, "abcg" },
    { "overwrite-only", 2, false, "i" },
    { "overwrite-only", 2, true, "i" },
    { "overwrite-plain", 1, false, "ag" },
    { "mixed group", 2, false, "i" },
    { "mixed group", 2, true, "i" },
};

#define ALL  (-1)
#define SWAP 1

static const struct scenario {
    const char *name;
    int swaps; /* which ways it is for: SWAP, 0 (those that do not), ALL */
    struct contents contents;
    void (*prepare)(struct device *d);
    const char *(*judge)(struct device *d, unsigned passed);
    unsigned passed_at_start;
    const char *shapes; /* NULL: all; else a list of those it is worth sweeping over */
} scenarios[] = {
    { "update", SWAP, { 0 }, prepare_test, judge_trial, 0, NULL },
    { "revert", SWAP, { 0 }, prepare_revert, judge_trial, TRIAL_OVER, NULL },
    { "permanent", ALL, { 0 }, prepare_perm, judge_perm, 0, NULL },
    { "update, a part", SWAP, { "vsssvvssbs", "vsssvbssvs" }, prepare_test, judge_trial, 0, NULL },
    { "revert, a part",
      SWAP,
      { "vsssvvssbs", "vsssvbssvs" },
      prepare_revert,
      judge_trial,
      TRIAL_OVER,
      NULL },
    { "permanent, a part", ALL, { "vsssvvssbs", "vsssvbssvs" }, prepare_perm, judge_perm, 0, NULL },
    { "refuse signature", ALL, { 0 }, prepare_foreign, judge_foreign, 0, "abcgjp" },
    { "refuse downgrade", ALL, { 0 }, prepare_downgrade, judge_downgrade, 0, "abcgjp" },
    { "refuse no room", ALL, { 0 }, prepare_large, judge_large, 0, "abcgp" },
    { "refuse torn", SWAP, { 0 }, prepare_torn, judge_torn, 0, "abcgjp" },
    { "refuse, full log", ALL, { 0 }, prepare_full_log, judge_full_log, 0, "agj" },
    { "fall back", ALL, { 0 }, prepare_damaged, judge_fallen_back, 0, "agj" },
};

/* --- as the engine sees it --- */

static struct device device;
static const struct scenario *scenario;

static void run(void *ctx)
{
    device_boot(ctx);
}

/* Whether the trial has begun: its last note is complete, which is the moment of the jump. */
static unsigned passed(void *ctx)
{
    struct device *d = ctx;
    struct td_trailer p, x;
    struct td_trailer_state s;

    for (unsigned i = 0; i < d->n_images; i++) {
        (void)device_slots(d, i, &p, &x);
        if (td_trailer_read(&p, &s) != TD_OK || s.magic != TD_MAGIC_GOOD ||
            s.copy_done != TD_FLAG_SET || s.swap_type != TD_SWAP_TEST ||
            s.image_ok != TD_FLAG_UNSET)
            return 0;
    }
    return TRIAL_OVER;
}

static const char *judge(void *ctx, unsigned seen)
{
    struct device *d = ctx;

    if (d->err != TD_OK)
        return "the boot failed";
    if (d->encrypted && device_shows_key(d))
        return "the key of an encrypted image lies in flash";
    return d->result.bootable ? scenario->judge(d, seen) : "nothing is bootable";
}

static bool is_at_rest(void *ctx)
{
    const struct device *d = ctx;

    return !d->result.on_trial;
}

static const struct cut_subject *make_device(const struct scenario *sc, const struct shape *shape,
                                             const struct way *way, bool encrypted,
                                             unsigned n_images)
{
    static struct cut_subject subject;

    scenario = sc;
    device_make(&device, shape, way, encrypted, n_images, &sc->contents);
    sim_power_on(&device.power);
    sc->prepare(&device);
    subject = (struct cut_subject){ .ctx = &device,
                                    .power = &device.power,
                                    .n_flashes = device.n_nors,
                                    .run = run,
                                    .passed = passed,
                                    .judge = judge,
                                    .is_at_rest = is_at_rest,
                                    .passed_at_start = sc->passed_at_start };
    for (unsigned i = 0; i < device.n_nors; i++)
        subject.flashes[i] = &device.nors[i];
    return &subject;
}

static const struct cut_subject *make(const struct sweep_row *row)
{
    return make_device(row->part[0], row->part[1], row->part[2], row->encrypted, row->images);
}

static const struct way *way_named(const char *name)
{
    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        if (strcmp(ways[i].name, name) == 0)
            return &ways[i];
    }
    must(false, "fits[] names no way");
    return NULL;
}

static bool is_swept(const struct scenario *sc, const struct way *way, char letter)
{
    return (sc->swaps == ALL || sc->swaps == (int)way->swaps) &&
           (sc->shapes == NULL || strchr(sc->shapes, letter) != NULL);
}

static bool row_nth(unsigned n, struct sweep_row *row)
{
    for (size_t f = 0; f < TD_N_OF(fits); f++) {
        const struct way *way = way_named(fits[f].way);

        for (const char *l = fits[f].shapes; *l != '\0'; l++) {
            const struct shape *shape = &shapes[*l - 'a'];

            for (size_t k = 0; k < TD_N_OF(scenarios); k++) {
                const struct scenario *sc = &scenarios[k];

                if (!is_swept(sc, way, *l) ||
                    (fits[f].images > 1 && sc->prepare == prepare_damaged) || n-- != 0)
                    continue;
                *row = (struct sweep_row){ .way = way->name,
                                           .scenario = sc->name,
                                           .flash = shape->name,
                                           .word = shape->chip.write_size,
                                           .encrypted = fits[f].encrypted,
                                           .images = fits[f].images,
                                           .quick = strchr("gik", *l) != NULL && !fits[f].encrypted,
                                           .share = strncmp(sc->name, "refuse", 6) == 0 ? 0 : 1,
                                           .part = { sc, shape, way } };
                return true;
            }
        }
    }
    return false;
}

const struct sweep_group sweep_boot = { row_nth, make };

/* --- planted bugs: the first flash, and a shim between it and the bootloader --- */

const struct cut_subject *planted_subject(const struct planted *bug)
{
    const struct cut_subject *subject = NULL;

    if (bug->subject != NULL)
        return bug->subject();
    for (size_t k = 0; k < TD_N_OF(scenarios); k++) {
        if (strcmp(scenarios[k].name, bug->scenario) == 0)
            subject = make_device(&scenarios[k], &shapes[bug->shape - 'a'], way_named(bug->way),
                                  false, bug->images);
    }
    must(subject != NULL, "a planted bug names no scenario");
    device_plant(&device, bug);
    return subject;
}
