/*
 * asks.c - the rows of what an application asks for while it runs: an update, another kind of it,
 * none after all, and the word that the new image may stay. The power goes while it asks, and in
 * the boots after that.
 *
 * A run is what the application does, once, and a boot; after a cut the bootloader comes first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "device.h"
#include "planted.h"
#include "rows.h"

/* What became true on the way: */
enum {
    DONE = 1,       /* the call had returned, so it is to be kept to */
    TRIAL_OVER = 2, /* the trial had begun */
    EARLY = 4,      /* the security counter had risen for what nobody had confirmed */
};

enum does { ASKS_TEST, ASKS_PERM, CANCELS, CONFIRMS };

static struct device device;
static bool acts; /* the application runs, and has not acted yet */
static bool done;
static const struct scenario *scenario;

static const struct scenario {
    const char *name;
    enum does does;
    bool is_pending; /* a test is asked for before that */
    bool on_trial;   /* and has begun */
    unsigned passed_at_start;
} scenarios[] = {
    { "ask, test", ASKS_TEST, false, false, 0 },
    { "ask, permanent", ASKS_PERM, false, false, 0 },
    { "ask otherwise", ASKS_PERM, true, false, 0 },
    { "cancel", CANCELS, true, false, 0 },
    { "confirm", CONFIRMS, true, true, TRIAL_OVER },
};

static const struct way ways[] = {
    { "swap-move", &td_strategy_move, true, 0, 0, TD_V_NO_SWAP_ROOM, NULL },
    { "swap-offset", &td_strategy_offset, true, 1, 0, TD_V_NO_SWAP_ROOM, NULL },
    { "swap-scratch", &td_strategy_scratch, true, 0, 0, TD_V_NO_SWAP_ROOM, NULL },
    { "overwrite-only", &td_strategy_overwrite, false, 0, 0, TD_V_TOO_LARGE, NULL },
};

static const struct shape shapes[] = {
    { "1K C1", { 1024, 4, 2, 0xff, false }, { 0 }, 8, 8, 1, 5, 8 },
    { "1K C1 ecc", { 1024, 8, 1, 0xff, true }, { 0 }, 8, 8, 1, 5, 8 },
    { "1K C1, 0x00", { 1024, 8, 1, 0x00, false }, { 0 }, 8, 8, 1, 5, 8 },
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "sweep: %s\n", what);
        exit(2);
    }
}

/* --- what the application does --- */

static enum td_err act_on(struct device *d, unsigned i, enum does does)
{
    uint32_t end = d->way->new_sector * device_secondary_sector(d) + d->images[i].new.size;
    struct td_trailer p, x;
    struct td_slots slots = device_slots(d, i, &p, &x);
    enum td_slot_done how;

    switch (does) {
    case CANCELS: return td_slot_cancel(&slots, end, &how);
    case CONFIRMS: return td_slot_confirm(&slots, &how);
    default: return td_slot_set_pending(&slots, does == ASKS_PERM, end, &how);
    }
}

static void begin(void *ctx)
{
    (void)ctx;
    acts = true;
}

static void run(void *ctx)
{
    struct device *d = ctx;
    enum td_err err = TD_OK;

    done = false;
    shim_forget(&d->shim);
    if (acts) {
        acts = false;
        for (unsigned i = 0; err == TD_OK && i < d->n_images; i++)
            err = act_on(d, i, scenario->does);
        if (d->power.lost)
            return;
        must(err == TD_OK, "what was asked for was refused");
        done = true;
    }
    d->err = td_boot_go(&d->config, &d->work, &d->result);
}

/* --- how it has to end --- */

static bool is_confirmed(struct device *d, unsigned i)
{
    struct td_trailer p, x;
    struct td_trailer_state s;

    (void)device_slots(d, i, &p, &x);
    return td_trailer_read(&p, &s) == TD_OK && s.image_ok == TD_FLAG_SET;
}

static bool is_tried(struct device *d)
{
    struct td_trailer p, x;
    struct td_trailer_state s;

    for (unsigned i = 0; i < d->n_images; i++) {
        (void)device_slots(d, i, &p, &x);
        if (td_trailer_read(&p, &s) != TD_OK || s.magic != TD_MAGIC_GOOD ||
            s.copy_done != TD_FLAG_SET || s.swap_type != TD_SWAP_TEST || s.image_ok == TD_FLAG_SET)
            return false;
    }
    return true;
}

static unsigned passed(void *ctx)
{
    struct device *d = ctx;
    unsigned seen = (done ? DONE : 0) | (is_tried(d) ? TRIAL_OVER : 0);

    if (device_counter(d, 0) > 1 && scenario->does == CONFIRMS && !is_confirmed(d, 0))
        seen |= EARLY;
    return seen;
}

static bool runs(const struct device *d, bool new)
{
    const struct image *image = new ? &d->images[0].new : &d->images[0].old;

    for (unsigned i = 0; i < d->n_images; i++) {
        if (!device_primary_holds(d, i, new ? &d->images[i].new : &d->images[i].old))
            return false;
    }
    return memcmp(d->result.hash, image->hash, sizeof image->hash) == 0;
}

static bool is_pending(struct device *d)
{
    struct td_trailer p, x;
    struct td_trailer_state s;
    bool pending = false;

    for (unsigned i = 0; i < d->n_images; i++) {
        (void)device_slots(d, i, &p, &x);
        pending |= td_trailer_read(&x, &s) != TD_OK || s.magic != TD_MAGIC_UNSET;
    }
    return pending;
}

static const char *judge_confirm(struct device *d, unsigned seen, bool new)
{
    if (!new)
        return (seen & DONE) != 0 ? "a confirmed image was taken away" : NULL;
    if (d->result.on_trial)
        return "what had its trial is on trial again";
    return device_counter(d, 0) == 2 ? NULL : "the counter did not rise for a confirmed image";
}

static const char *judge_asked(struct device *d, unsigned seen, bool new)
{
    bool perm = scenario->does == ASKS_PERM && (seen & DONE) != 0;

    if (perm && (!new || d->result.on_trial))
        return "a permanent request was not kept to";
    if ((seen & DONE) != 0 && !new && (seen & TRIAL_OVER) == 0)
        return "a request was lost";
    return scenario->does == ASKS_TEST && new && !d->result.on_trial && d->way->swaps
               ? "a test became permanent"
               : NULL;
}

static const char *judge(void *ctx, unsigned before)
{
    struct device *d = ctx;
    unsigned seen = before | (done ? DONE : 0);
    bool new = runs(d, true);

    if (d->err != TD_OK || !d->result.bootable)
        return "nothing is bootable";
    if (!new && !runs(d, false))
        return "what runs is neither the old nor the new";
    if ((seen & EARLY) != 0)
        return "the security counter rose before anybody confirmed";
    if (is_pending(d))
        return "a request is still there";
    if (new && d->result.on_trial && (seen & TRIAL_OVER) != 0)
        return "it is tried twice";
    if (!new &&device_counter(d, 0) > 1)
        return "the counter shuts out what runs";
    switch (scenario->does) {
    case CONFIRMS: return judge_confirm(d, seen, new);
    case CANCELS: return (seen & DONE) != 0 && new ? "a cancelled request was followed" : NULL;
    default: return judge_asked(d, seen, new);
    }
}

static bool is_at_rest(void *ctx)
{
    const struct device *d = ctx;

    return !d->result.on_trial;
}

/* --- the rows --- */

static void prepare(struct device *d)
{
    for (unsigned i = 0; i < d->n_images; i++) {
        device_put_primary(d, i, &d->images[i].old);
        device_put_secondary(d, i, &d->images[i].new);
        must(!scenario->is_pending || act_on(d, i, ASKS_TEST) == TD_OK, "the request was refused");
    }
    // What runs has been booted before: its counter is stored.
    if (!scenario->is_pending || scenario->on_trial)
        device_boot(d);
    must(!scenario->on_trial || d->result.on_trial, "the trial did not begin");
}

static const struct cut_subject *subject_of(const struct scenario *sc, const struct shape *shape,
                                            const struct way *way, unsigned n_images)
{
    static const struct contents any = { NULL, NULL };
    static struct cut_subject subject;

    scenario = sc;
    device_make(&device, shape, way, false, n_images, &any);
    sim_power_on(&device.power);
    prepare(&device);
    subject = (struct cut_subject){ .ctx = &device,
                                    .power = &device.power,
                                    .flashes = { &device.nors[0] },
                                    .n_flashes = 1,
                                    .begin = begin,
                                    .run = run,
                                    .passed = passed,
                                    .judge = judge,
                                    .is_at_rest = is_at_rest,
                                    .passed_at_start = sc->passed_at_start };
    return &subject;
}

static const struct cut_subject *make(const struct sweep_row *row)
{
    return subject_of(row->part[0], row->part[1], row->part[2], row->images);
}

static bool is_swept(const struct scenario *sc, const struct way *way, unsigned images)
{
    return (sc->does != CONFIRMS || way->swaps) && (images == 1 || sc->does == CONFIRMS);
}

static bool row_nth(unsigned n, struct sweep_row *row)
{
    for (unsigned images = 1; images <= 2; images++) {
        for (size_t i = 0; i < TD_N_OF(ways) * TD_N_OF(shapes) * TD_N_OF(scenarios); i++) {
            const struct scenario *sc = &scenarios[i % TD_N_OF(scenarios)];
            size_t k = i / TD_N_OF(scenarios);
            const struct shape *shape = &shapes[k % TD_N_OF(shapes)];
            const struct way *way = &ways[k / TD_N_OF(shapes)];

            if (!is_swept(sc, way, images) || n-- != 0)
                continue;
            *row = (struct sweep_row){ .way = way->name,
                                       .scenario = sc->name,
                                       .flash = shape->name,
                                       .word = shape->chip.write_size,
                                       .images = images,
                                       .quick = k == 0 && images == 1,
                                       .part = { sc, shape, way } };
            return true;
        }
    }
    return false;
}

const struct sweep_group sweep_asks = { row_nth, make };

/* --- a planted bug: the counter rises before "confirmed" is written --- */

static bool is_image_ok(const void *ctx, const struct op *op)
{
    struct td_trailer p, x;

    (void)ctx;
    (void)device_slots(&device, 0, &p, &x);
    return !op->is_erase && op->off == p.area->off + td_trailer_image_ok_off(&p);
}

static bool is_counter(const void *ctx, const struct op *op)
{
    (void)ctx;
    return op->off >= device.counters.off && op->off < device.counters.off + device.counters.size;
}

const struct cut_subject *planted_confirm(void)
{
    static const struct planted none = { .name = "" };
    const struct cut_subject *subject =
        subject_of(&scenarios[TD_N_OF(scenarios) - 1], &shapes[0], &ways[0], 1);

    device_plant(&device, &none);
    device.shim.held = is_image_ok;
    device.shim.first = is_counter;
    return subject;
}
