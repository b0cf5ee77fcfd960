#include "cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memo.h"

#define STATES     (1u << 20)
#define COMPLAINTS 5

struct sweep {
    const struct cut_subject *subject;
    const struct cut_plan *plan;
    struct cut_counts *counts;
    struct sim_nor_snapshot start[CUT_FLASHES_MAX];  /* before the run */
    struct sim_nor_snapshot middle[CUT_FLASHES_MAX]; /* where the first cut left it */
    struct fingerprint *seen;
    uint64_t random;
};

static const char *const kinds[] = { "before", "in", "after" };

static void *room(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL) {
        fprintf(stderr, "sweep: out of memory\n");
        exit(2);
    }
    return p;
}

static void save(const struct sweep *s, const struct sim_nor_snapshot *to)
{
    for (unsigned i = 0; i < s->subject->n_flashes; i++)
        sim_nor_save(s->subject->flashes[i], &to[i]);
}

static void load(const struct sweep *s, const struct sim_nor_snapshot *from)
{
    for (unsigned i = 0; i < s->subject->n_flashes; i++)
        sim_nor_load(s->subject->flashes[i], &from[i]);
}

static void begin(const struct sweep *s)
{
    if (s->subject->begin != NULL)
        s->subject->begin(s->subject->ctx);
}

static uint32_t below(struct sweep *s, uint32_t n)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((s->random >> 32) * n >> 32);
}

static const char *flash_rules(const struct cut_subject *subject)
{
    for (unsigned i = 0; i < subject->n_flashes; i++) {
        const struct sim_nor_stats *s = &subject->flashes[i]->stats;

        if (s->over_budget != 0)
            return "a word was programmed too often";
        if (s->weak_writes != 0)
            return "a sector was written whose erase had been torn";
        if (s->clashes != 0)
            return "a bit was wanted back without an erase";
        if (s->misaligned != 0)
            return "an operation was out of line";
    }
    return NULL;
}

/* Power comes back for good: how does it end? The operations of the repair into *n. */
static const char *settle(struct sweep *s, unsigned passed, uint32_t *n)
{
    const struct cut_subject *subject = s->subject;
    const char *wrong;

    sim_power_on(subject->power);
    subject->run(subject->ctx);
    *n = subject->power->ops;
    wrong = subject->judge(subject->ctx, passed);
    if (wrong == NULL)
        wrong = flash_rules(subject);
    if (wrong != NULL || (subject->is_at_rest != NULL && !subject->is_at_rest(subject->ctx)))
        return wrong;
    sim_power_on(subject->power);
    subject->run(subject->ctx);
    if (subject->power->ops != 0)
        return "a boot with nothing to do wrote something";
    return subject->judge(subject->ctx, passed) == NULL ? NULL : "the boot after that went wrong";
}

static void complain(struct sweep *s, const char *where, const char *wrong)
{
    if (s->counts->failures++ < COMPLAINTS && s->plan->name != NULL)
        fprintf(stderr, "  %s, cut %s: %s\n", s->plan->name, where, wrong);
    for (unsigned i = 0; i < s->subject->n_flashes; i++)
        memset(&s->subject->flashes[i]->stats, 0, sizeof s->subject->flashes[i]->stats);
}

static bool is_torn(const struct cut_subject *subject)
{
    for (unsigned i = 0; i < subject->n_flashes; i++) {
        for (uint32_t k = 0; k < subject->flashes[i]->n_sectors; k++) {
            if (sim_nor_is_torn(subject->flashes[i], k))
                return true;
        }
    }
    return false;
}

/* Whether a sound flash with these contents was judged before; notes it. */
static bool is_known(struct sweep *s, unsigned passed)
{
    struct fingerprint f = { 0, 3 };

    if (is_torn(s->subject))
        return false;
    for (unsigned i = 0; i < s->subject->n_flashes; i++) {
        const struct sim_nor *nor = s->subject->flashes[i];

        f = fingerprint_of(nor->bytes, sim_nor_size(nor->model), f.a ^ f.b);
    }
    f.a ^= passed;
    f.b |= 1;
    for (size_t i = f.a % STATES, n = 0; n < STATES; n++, i = (i + 1) % STATES) {
        if (s->seen[i].b == 0) {
            s->seen[i] = f;
            return false;
        }
        if (s->seen[i].a == f.a && s->seen[i].b == f.b)
            return true;
    }
    return false;
}

/* Runs until the cut; false when the run came to its end without one. */
static bool run_and_cut(struct sweep *s, uint32_t op, enum sim_cut kind, unsigned *passed)
{
    const struct cut_subject *subject = s->subject;

    sim_power_on(subject->power);
    sim_power_cut_at(subject->power, op, kind);
    subject->run(subject->ctx);
    if (!subject->power->lost)
        return false;
    sim_power_on(subject->power);
    if (subject->passed != NULL)
        *passed |= subject->passed(subject->ctx);
    return true;
}

static void judge_state(struct sweep *s, unsigned passed, const char *where)
{
    const char *wrong;
    uint32_t n;

    if (is_known(s, passed))
        return;
    s->counts->booted++;
    wrong = settle(s, passed, &n);
    if (wrong != NULL)
        complain(s, where, wrong);
}

/* The pair once more, and a third cut somewhere in the repair of the second. */
static void third_cut(struct sweep *s, uint32_t op2, enum sim_cut kind2, uint32_t length,
                      unsigned passed, const char *where)
{
    uint32_t op3 = below(s, length + 1);
    enum sim_cut kind3 = (enum sim_cut)below(s, 3);
    char third[160];

    load(s, s->middle);
    if (!run_and_cut(s, op2, kind2, &passed) || !run_and_cut(s, op3, kind3, &passed))
        return;
    s->counts->third++;
    snprintf(third, sizeof third, "%s, then %s %u", where, kinds[kind3], op3);
    judge_state(s, passed, third);
}

static void second_cuts(struct sweep *s, uint32_t op, enum sim_cut kind, unsigned passed_first,
                        uint32_t length)
{
    char where[96];

    for (uint32_t op2 = 0;; op2++) {
        for (int kind2 = SIM_CUT_BEFORE; kind2 <= SIM_CUT_AFTER; kind2++) {
            unsigned passed = passed_first;

            load(s, s->middle);
            if (!run_and_cut(s, op2, (enum sim_cut)kind2, &passed))
                return;
            s->counts->second++;
            snprintf(where, sizeof where, "%s %u, then %s %u of the repair", kinds[kind], op,
                     kinds[kind2], op2);
            judge_state(s, passed, where);
            if (s->plan->thirds != 0 && s->counts->second % s->plan->thirds == 0)
                third_cut(s, op2, (enum sim_cut)kind2, length, passed_first, where);
        }
    }
}

/* One first cut and all that follow from it; false when the run ends before it. */
static bool first_cut(struct sweep *s, uint32_t op, enum sim_cut kind, bool with_second)
{
    unsigned passed = s->subject->passed_at_start;
    char where[48];
    const char *wrong;
    uint32_t n;

    load(s, s->start);
    begin(s);
    if (!run_and_cut(s, op, kind, &passed))
        return false;
    s->counts->first++;
    s->counts->booted++;
    save(s, s->middle);
    wrong = settle(s, passed, &n);
    if (wrong != NULL) {
        snprintf(where, sizeof where, "%s %u", kinds[kind], op);
        complain(s, where, wrong);
    }
    if (with_second)
        second_cuts(s, op, kind, passed, n);
    return true;
}

/*
 * Of how many first cuts one is followed by second ones, for about the planned number of pairs.
 * No multiple of 3, so that before, in and after take turns.
 */
static uint64_t density(const struct cut_plan *plan, uint64_t operations)
{
    uint64_t cuts = 3 * operations, most = cuts / plan->jobs + 1;
    uint64_t every = plan->pairs == 0 ? most : cuts * (cuts + 3) / 2 / plan->pairs + 1;

    every = every > most ? most : every;
    return every % 3 == 0 ? every - 1 : every;
}

static void sweep_part(struct sweep *s)
{
    const struct cut_plan *plan = s->plan;
    uint64_t every = density(plan, s->counts->operations);

    for (uint32_t op = 0;; op++) {
        for (int kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++) {
            unsigned n = op * 3 + (unsigned)kind;

            if (plan->only_first && s->counts->failures != 0)
                return;
            if (n % plan->jobs != plan->job)
                continue;
            if (!first_cut(s, op, (enum sim_cut)kind,
                           !plan->only_first && n / plan->jobs % every == every / 2))
                return;
        }
    }
}

static void make_snapshots(const struct sweep *s, struct sim_nor_snapshot *to)
{
    for (unsigned i = 0; i < s->subject->n_flashes; i++) {
        const struct sim_nor_model *model = s->subject->flashes[i]->model;

        to[i] =
            (struct sim_nor_snapshot){ room(sim_nor_size(model)), room(sim_nor_meta_size(model)) };
    }
}

static void free_snapshots(const struct sweep *s, struct sim_nor_snapshot *of)
{
    for (unsigned i = 0; i < s->subject->n_flashes; i++) {
        free(of[i].bytes);
        free(of[i].meta);
    }
}

void cut_sweep(const struct cut_subject *subject, const struct cut_plan *plan,
               struct cut_counts *counts)
{
    struct sweep s = { .subject = subject, .plan = plan, .counts = counts, .random = plan->job };
    const char *wrong;
    uint32_t n = 0;

    memset(counts, 0, sizeof *counts);
    s.seen = room(STATES * sizeof *s.seen);
    make_snapshots(&s, s.start);
    make_snapshots(&s, s.middle);
    for (unsigned i = 0; i < subject->n_flashes; i++)
        memset(&subject->flashes[i]->stats, 0, sizeof subject->flashes[i]->stats);
    save(&s, s.start);
    begin(&s);
    // The run without a cut has to be right before cuts say anything.
    wrong = settle(&s, subject->passed_at_start, &n);
    counts->operations = n;
    if (wrong != NULL)
        complain(&s, "nowhere", wrong);
    else
        sweep_part(&s);
    free_snapshots(&s, s.start);
    free_snapshots(&s, s.middle);
    free(s.seen);
}
