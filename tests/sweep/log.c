/*
 * log.c - the rows of the boot log alone: a ring that turns over while verdicts are written.
 *
 * Verdicts are numbered. Each start of the device goes on where the log says that it stopped, as
 * a boot does that finds its verdict missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "log/log.h"
#include "planted.h"
#include "rows.h"

enum { SECTOR = 640, SECTORS_MAX = 3 };

/* What was wrong with what a cut left behind. Nothing later makes it good. */
enum { LOST_ENTRY = 1, LOST_LAST = 2, UNREADABLE = 4 };

static const struct chip {
    const char *name;
    uint16_t word;
    uint8_t budget, erased;
    bool ecc_error;
    uint8_t sectors;
} chips[] = {
    { "640 B", 4, 2, 0xff, false, 2 },        { "640 B ecc", 8, 1, 0xff, true, 2 },
    { "640 B ecc", 32, 1, 0xff, true, 2 },    { "640 B, 0x00", 4, 1, 0x00, false, 3 },
    { "640 B, bytes", 1, 0, 0xff, false, 3 },
};

/* Letters of the verdicts, by number: n a note, f a refusal, r a revert, c a fault. */
static const struct story {
    const char *name;
    uint32_t before; /* that many are there when the power comes on */
    const char *classes;
    bool repeats; /* the latter ones all say the same */
} stories[] = {
    { "turns over", 7, "rfcnnnnnnnnnnnnnnnnnfnnnnnnnnn", false },
    { "only notes", 8, "rfnnnnnnnnnnnnnnnnnnnnnnnnnnnn", false },
    { "every class", 8, "rfcnrfcnrfcnrfcnrfcnrfcnrfcn", false },
    { "counts", 4, "rfcnffffffffffffffffffff", true },
};

static struct bench {
    struct td_flash_run runs;
    struct sim_nor_model model;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area;
    struct td_log log;
    struct shim shim;
    const struct story *story;
    uint32_t done; /* the latest that this run was told is there */
} b;

static uint8_t class_of(uint32_t number)
{
    switch (b.story->classes[number - 1]) {
    case 'f': return TD_VERDICT_REFUSAL;
    case 'r': return TD_VERDICT_REVERT;
    case 'c': return TD_VERDICT_FAULT;
    default: return TD_VERDICT_NOTE;
    }
}

static uint32_t last(void)
{
    return (uint32_t)strlen(b.story->classes);
}

/* All its facts follow from its number, so that a broken one is seen. */
static struct td_verdict verdict(uint32_t number)
{
    struct td_verdict v = { .kind = class_of(number), .code = (uint16_t)(20 + class_of(number)) };

    if (b.story->repeats && number > b.story->before)
        number = b.story->before + 1;
    v.off = number;
    v.found = number * 2654435761u;
    v.wanted = ~number;
    memset(v.hash, (int)number, sizeof v.hash);
    return v;
}

static bool is_whole(const struct td_verdict *v)
{
    struct td_verdict want;

    if (v->off == 0 || v->off > last())
        return false;
    want = verdict(v->off);
    return td_verdict_same(v, &want);
}

static uint32_t number_of(const struct td_verdict *v)
{
    return b.story->repeats && v->off > b.story->before ? b.story->before + v->count : v->off;
}

/* The highest number, and of each class; false: what is read is not what was written. */
static bool look(uint32_t *newest, uint32_t of[TD_VERDICT_NO_IMAGE + 1])
{
    struct td_log_iter it;
    struct td_verdict v;
    uint32_t seq = UINT32_MAX;
    bool end = false;

    *newest = 0;
    memset(of, 0, (TD_VERDICT_NO_IMAGE + 1) * sizeof *of);
    td_log_begin(&it, &b.log);
    while (td_log_next(&it, &v, &end) == TD_OK && !end) {
        if (!is_whole(&v) || v.seq >= seq)
            return false;
        seq = v.seq;
        *newest = td_max_u32(*newest, number_of(&v));
        of[v.kind] = td_max_u32(of[v.kind], number_of(&v));
    }
    return end;
}

static void run(void *ctx)
{
    uint32_t of[TD_VERDICT_NO_IMAGE + 1], newest;

    (void)ctx;
    shim_forget(&b.shim);
    b.done = 0;
    (void)look(&newest, of);
    for (uint32_t n = newest + 1; n <= last(); n++) {
        struct td_verdict v = verdict(n);

        if (td_log_append(&b.log, &v) != TD_OK)
            return;
        b.done = n;
    }
}

static unsigned faults(void)
{
    uint32_t of[TD_VERDICT_NO_IMAGE + 1], newest;

    if (!look(&newest, of))
        return UNREADABLE;
    if (newest < b.done || newest < b.story->before)
        return LOST_ENTRY;
    for (uint32_t n = 1; n <= newest; n++) {
        if (class_of(n) != TD_VERDICT_NOTE && of[class_of(n)] < n)
            return LOST_LAST;
    }
    return 0;
}

static unsigned passed(void *ctx)
{
    (void)ctx;
    return faults();
}

static const char *judge(void *ctx, unsigned before)
{
    unsigned wrong = before | faults();
    uint32_t of[TD_VERDICT_NO_IMAGE + 1], newest;

    (void)ctx;
    if ((wrong & UNREADABLE) != 0)
        return "the log cannot be read, or holds what nobody wrote";
    if ((wrong & LOST_ENTRY) != 0)
        return "an entry is gone that was said to be there";
    if ((wrong & LOST_LAST) != 0)
        return "the last verdict of its class is gone";
    (void)look(&newest, of);
    return newest == last() ? NULL : "the log cannot be written any more";
}

static const struct cut_subject *subject_of(const struct story *story, const struct chip *chip)
{
    static struct cut_subject subject;

    memset(&b, 0, sizeof b);
    b.story = story;
    b.runs = (struct td_flash_run){ chip->sectors, SECTOR };
    b.model = (struct sim_nor_model){ .name = chip->name,
                                      .runs = &b.runs,
                                      .n_runs = 1,
                                      .erased = chip->erased,
                                      .budget = chip->budget,
                                      .write_size = chip->word,
                                      .ecc_error = chip->ecc_error,
                                      .write_unit = chip->word,
                                      .erase_unit = SECTOR };
    sim_nor_init(&b.nor, &b.model, calloc(1, sim_nor_size(&b.model)),
                 calloc(1, sim_nor_meta_size(&b.model)), &b.power, 7);
    b.area = (struct td_flash_area){ &b.nor.dev, 0, chip->sectors * SECTOR };
    b.log.area = &b.area;
    sim_power_on(&b.power);
    for (uint32_t n = 1; n <= story->before; n++) {
        struct td_verdict v = verdict(n);

        (void)td_log_append(&b.log, &v);
    }
    subject = (struct cut_subject){ .ctx = &b,
                                    .power = &b.power,
                                    .flashes = { &b.nor },
                                    .n_flashes = 1,
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
    const struct story *story = &stories[n % TD_N_OF(stories)];
    const struct chip *chip;

    if (n >= TD_N_OF(stories) * TD_N_OF(chips))
        return false;
    chip = &chips[n / TD_N_OF(stories)];
    *row = (struct sweep_row){ .way = "boot log",
                               .scenario = story->name,
                               .flash = chip->name,
                               .word = chip->word,
                               .quick = n % 5 == 0 && n < 11,
                               .share = chip == &chips[0] ? 1 : 0,
                               .part = { story, chip } };
    return true;
}

const struct sweep_group sweep_log = { row_nth, make };

/* --- a planted bug: a sector is given its head before it has the copies --- */

static bool is_copy(const void *ctx, const struct op *op)
{
    const uint8_t *head = sim_nor_peek(&b.nor, td_round_down(op->off, SECTOR));

    (void)ctx;
    return !op->is_erase && op->off % SECTOR != 0 && head[0] == b.model.erased;
}

static bool is_head(const void *ctx, const struct op *op)
{
    (void)ctx;
    return !op->is_erase && op->off % SECTOR == 0;
}

const struct cut_subject *planted_log(void)
{
    const struct cut_subject *subject = subject_of(&stories[1], &chips[0]);

    b.shim.below = &b.nor;
    b.shim.held = is_copy;
    b.shim.first = is_head;
    shim_init(&b.shim);
    b.area.dev = &b.shim.dev;
    return subject;
}
