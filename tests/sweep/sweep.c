/*
 * sweep - cuts the power before, in and after every flash operation of an update, and at each
 * of these cuts once more at every operation of the repair. README.md says how to read it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "planted.h"

#define STATES     (1u << 20)
#define JOBS_MAX   64
#define COMPLAINTS 5

/* --- what happens to a device, and how it has to end --- */

struct sweep;

struct scenario {
    const char *name;
    const struct td_strategy *strategy;
    void (*prepare)(struct device *d);
    /* NULL, or what is wrong; trial_over: the cut came when the trial had begun. */
    const char *(*judge)(struct device *d, bool trial_over);
};

static void ask(struct device *d, const struct image *image, bool permanent)
{
    struct td_trailer p, x;
    struct td_slots slots = device_slots(d, &p, &x);
    enum td_slot_done done;

    if (td_slot_set_pending(&slots, permanent, image->size, &done) != TD_OK) {
        fprintf(stderr, "sweep: the request was refused\n");
        exit(2);
    }
}

static void prepare_test(struct device *d)
{
    device_program(d, &d->primary, &d->old);
    device_program(d, &d->secondary, &d->new);
    ask(d, &d->new, false);
}

static void prepare_perm(struct device *d)
{
    device_program(d, &d->primary, &d->old);
    device_program(d, &d->secondary, &d->new);
    ask(d, &d->new, true);
}

static void prepare_revert(struct device *d)
{
    prepare_test(d);
    if (device_boot(d) != TD_OK || !d->result.on_trial) {
        fprintf(stderr, "sweep: the trial did not begin\n");
        exit(2);
    }
}

static void prepare_candidate(struct device *d, struct image candidate)
{
    device_program(d, &d->primary, &d->old);
    device_program(d, &d->secondary, &candidate);
    ask(d, &candidate, true);
    free(candidate.bytes);
}

static void prepare_foreign(struct device *d)
{
    prepare_candidate(d, image_make(d->new.size, 2, true));
}

static void prepare_downgrade(struct device *d)
{
    prepare_candidate(d, image_make(d->new.size, 0, false));
}

static void prepare_large(struct device *d)
{
    prepare_candidate(d, image_make(d->new.size + d->shape->sector_size, 2, false));
}

static void prepare_torn(struct device *d)
{
    struct td_trailer p, x;

    prepare_perm(d);
    (void)device_slots(d, &p, &x);
    sim_nor_tear(&d->nor, d->secondary.off + td_trailer_magic_off(&x) + 3, 0xf3 ^ d->shape->erased);
}

static bool runs(const struct device *d, const struct image *image)
{
    return device_holds(d, &d->primary, image) && d->result.hash_len == sizeof image->hash &&
           memcmp(d->result.hash, image->hash, sizeof image->hash) == 0;
}

static const char *judge_trial(struct device *d, bool trial_over)
{
    const struct image *in = trial_over ? &d->old : &d->new;
    const struct image *out = trial_over ? &d->new : &d->old;

    if (!runs(d, in))
        return "the wrong image runs";
    if (!device_holds(d, &d->secondary, out))
        return "the other image is lost";
    if (d->result.on_trial == trial_over)
        return "trial and confirmed are mixed up";
    if (trial_over && !device_logged(d, 0, TD_VERDICT_REVERT))
        return "the revert is not in the log";
    return device_logged(d, TD_V_TRIAL_STARTED, 0) ? NULL : "the trial is not in the log";
}

static const char *judge_perm(struct device *d, bool trial_over)
{
    (void)trial_over;
    if (!runs(d, &d->new))
        return "the wrong image runs";
    if (d->config.strategy == &td_strategy_move && !device_holds(d, &d->secondary, &d->old))
        return "the old image is lost";
    if (d->result.on_trial)
        return "a permanent image is on trial";
    return device_logged(d, TD_V_INSTALLED, 0) ? NULL : "the installation is not in the log";
}

static const char *judge_revert(struct device *d, bool trial_over)
{
    (void)trial_over;
    return judge_trial(d, true);
}

static const char *judge_refusal(struct device *d, uint16_t code)
{
    struct td_trailer p, x;
    struct td_trailer_state state;

    (void)device_slots(d, &p, &x);
    if (!runs(d, &d->old))
        return "the wrong image runs";
    if (!device_logged(d, code, 0))
        return "the refusal is not in the log";
    if (td_trailer_read(&x, &state) != TD_OK || state.magic != TD_MAGIC_UNSET)
        return "the request is still there";
    return NULL;
}

static const char *judge_foreign(struct device *d, bool trial_over)
{
    (void)trial_over;
    return judge_refusal(d, TD_V_UNKNOWN_KEY);
}

static const char *judge_downgrade(struct device *d, bool trial_over)
{
    (void)trial_over;
    return judge_refusal(d, TD_V_DOWNGRADE);
}

static const char *judge_large(struct device *d, bool trial_over)
{
    (void)trial_over;
    return judge_refusal(d, TD_V_NO_SWAP_ROOM);
}

static const char *judge_torn(struct device *d, bool trial_over)
{
    (void)trial_over;
    return judge_refusal(d, TD_V_TORN_REQUEST);
}

static const struct scenario scenarios[] = {
    { "update", &td_strategy_move, prepare_test, judge_trial },
    { "revert", &td_strategy_move, prepare_revert, judge_revert },
    { "permanent", &td_strategy_move, prepare_perm, judge_perm },
    { "overwrite", &td_strategy_overwrite, prepare_test, judge_perm },
    { "refuse-signature", &td_strategy_move, prepare_foreign, judge_foreign },
    { "refuse-downgrade", &td_strategy_move, prepare_downgrade, judge_downgrade },
    { "refuse-no-room", &td_strategy_move, prepare_large, judge_large },
    { "refuse-torn", &td_strategy_move, prepare_torn, judge_torn },
};
#define N_SCENARIOS (sizeof scenarios / sizeof scenarios[0])

/* 25 sectors of image, one to move through, and the trailer's. */
#define IMAGE_SECTORS 25

/* The last number: every so many first cuts are followed by second ones. */
static const struct shape shapes[] = {
    { "1K equal", 1024, 27, 27, 4, 8, 2, 0xff, false, 1 },
    { "1K equal", 1024, 27, 27, 8, 8, 1, 0xff, true, 1 },
    { "1K equal", 1024, 28, 28, 16, 16, 1, 0xff, true, 1 },
    { "1K primary+1", 1024, 27, 26, 4, 8, 2, 0xff, false, 10 },
    { "1K primary+1", 1024, 27, 26, 8, 8, 1, 0x00, false, 10 },
    { "1K primary+1", 1024, 28, 27, 16, 16, 1, 0xff, true, 10 },
    { "4K equal", 4096, 27, 27, 4, 8, 2, 0xff, false, 50 },
    { "4K equal", 4096, 27, 27, 8, 8, 1, 0xff, true, 50 },
    { "4K equal", 4096, 27, 27, 16, 16, 1, 0xff, true, 50 },
};
#define N_SHAPES (sizeof shapes / sizeof shapes[0])

/* --- one sweep --- */

struct counts {
    uint64_t operations; /* of the run without a cut */
    uint64_t first;      /* cuts, with all that comes before the second */
    uint64_t second;
    uint64_t booted; /* flash states that were booted; the others had been before */
    uint64_t failures;
    struct memo_counts memo;
};

struct sweep {
    const struct scenario *scenario;
    struct device d;
    struct counts counts;
    bool trial_over_first;
    struct fingerprint *seen;
    bool say;
};

static const char *const kinds[] = { "before", "in", "after" };

/* Whether the trial has begun: its last note is complete, which is the moment of the jump. */
static bool is_trial_over(struct device *d)
{
    struct td_trailer p, x;
    struct td_trailer_state state;

    sim_power_on(&d->power);
    (void)device_slots(d, &p, &x);
    return td_trailer_read(&p, &state) == TD_OK && state.magic == TD_MAGIC_GOOD &&
           state.copy_done == TD_FLAG_SET && state.swap_type == TD_SWAP_TEST &&
           state.image_ok == TD_FLAG_UNSET;
}

static const char *flash_rules(const struct device *d)
{
    const struct sim_nor_stats *s = &d->nor.stats;

    if (s->over_budget != 0)
        return "a word was programmed too often";
    if (s->weak_writes != 0)
        return "a sector was written whose erase had been torn";
    if (s->clashes != 0)
        return "a bit was wanted back without an erase";
    return s->misaligned != 0 ? "an operation was out of line" : NULL;
}

/* Power comes back for good: how does it end? The operations of the repair into *n. */
static const char *settle(struct sweep *s, bool trial_over, uint32_t *n)
{
    struct device *d = &s->d;
    const char *wrong;

    sim_power_on(&d->power);
    if (device_boot(d) != TD_OK)
        return "the boot failed";
    *n = d->power.ops;
    if (!d->result.bootable)
        return "nothing is bootable";
    wrong = s->scenario->judge(d, trial_over);
    if (wrong == NULL)
        wrong = flash_rules(d);
    if (wrong != NULL || d->result.on_trial)
        return wrong;
    sim_power_on(&d->power);
    if (device_boot(d) != TD_OK || !d->result.bootable)
        return "the boot after that failed";
    return d->power.ops != 0 ? "a boot with nothing to do wrote something" : NULL;
}

static void complain(struct sweep *s, const char *where, const char *wrong)
{
    if (s->counts.failures++ < COMPLAINTS && s->say)
        fprintf(stderr, "  %s, %s, word %u, cut %s: %s\n", s->scenario->name, s->d.shape->name,
                s->d.shape->write_size, where, wrong);
    memset(&s->d.nor.stats, 0, sizeof s->d.nor.stats);
}

/* Whether a sound flash with these contents was booted before; notes it. */
static bool is_known(struct sweep *s, bool trial_over)
{
    struct fingerprint f;

    if (device_is_torn(&s->d))
        return false;
    f = device_state(&s->d);
    f.a ^= trial_over;
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

/* Boots until the cut; false when the boot came to its end without one. */
static bool boot_and_cut(struct device *d, uint32_t op, enum sim_cut kind)
{
    sim_power_on(&d->power);
    sim_power_cut_at(&d->power, op, kind);
    (void)device_boot(d);
    return d->power.lost;
}

static void second_cuts(struct sweep *s, uint32_t op, enum sim_cut kind)
{
    struct device *d = &s->d;
    char where[96];
    uint32_t n;

    for (uint32_t op2 = 0;; op2++) {
        for (int kind2 = SIM_CUT_BEFORE; kind2 <= SIM_CUT_AFTER; kind2++) {
            bool trial_over;
            const char *wrong;

            sim_nor_load(&d->nor, &d->middle);
            if (!boot_and_cut(d, op2, (enum sim_cut)kind2))
                return;
            s->counts.second++;
            trial_over = s->trial_over_first || is_trial_over(d);
            if (is_known(s, trial_over))
                continue;
            s->counts.booted++;
            wrong = settle(s, trial_over, &n);
            if (wrong != NULL) {
                snprintf(where, sizeof where, "%s %u, then %s %u of the repair", kinds[kind], op,
                         kinds[kind2], op2);
                complain(s, where, wrong);
            }
        }
    }
}

/* One first cut and all that follow from it; false when the boot ends before it. */
static bool first_cut(struct sweep *s, uint32_t op, enum sim_cut kind, bool with_second)
{
    struct device *d = &s->d;
    char where[48];
    const char *wrong;
    uint32_t n;

    sim_nor_load(&d->nor, &d->start);
    if (!boot_and_cut(d, op, kind))
        return false;
    s->counts.first++;
    s->counts.booted++;
    s->trial_over_first = is_trial_over(d);
    sim_nor_save(&d->nor, &d->middle);
    wrong = settle(s, s->trial_over_first, &n);
    if (wrong != NULL) {
        snprintf(where, sizeof where, "%s %u", kinds[kind], op);
        complain(s, where, wrong);
    }
    if (with_second)
        second_cuts(s, op, kind);
    return true;
}

struct options {
    bool quick;
    bool brief;
    bool planted;
    unsigned jobs;
    unsigned every; /* 0: as the shape says */
    const char *only;
};

static void sweep_begin(struct sweep *s, const struct scenario *scenario, const struct shape *shape)
{
    memset(s, 0, sizeof *s);
    s->scenario = scenario;
    s->say = true;
    s->seen = calloc(STATES, sizeof *s->seen);
    if (s->seen == NULL)
        exit(2);
    device_make(&s->d, shape, scenario->strategy, IMAGE_SECTORS);
    sim_power_on(&s->d.power);
    scenario->prepare(&s->d);
    memset(&s->d.nor.stats, 0, sizeof s->d.nor.stats);
    sim_nor_save(&s->d.nor, &s->d.start);
}

static void sweep_end(struct sweep *s)
{
    s->counts.memo = memo_counts;
    device_free(&s->d);
    free(s->seen);
}

/* The run without a cut has to be right before cuts say anything. */
static void sweep_reference(struct sweep *s)
{
    uint32_t n = 0;
    const char *wrong = settle(s, strcmp(s->scenario->name, "revert") == 0, &n);

    s->counts.operations = n;
    if (wrong != NULL)
        complain(s, "nowhere", wrong);
}

static void sweep_part(struct sweep *s, unsigned every, unsigned job, unsigned jobs)
{
    for (uint32_t op = 0;; op++) {
        for (int kind = SIM_CUT_BEFORE; kind <= SIM_CUT_AFTER; kind++) {
            unsigned n = op * 3 + (unsigned)kind;

            if (n % jobs != job)
                continue;
            if (!first_cut(s, op, (enum sim_cut)kind, n / jobs % every == 0))
                return;
        }
    }
}

static void child(const struct scenario *scenario, const struct shape *shape, unsigned every,
                  unsigned job, unsigned jobs, int fd)
{
    static struct sweep s;

    srand(job + 1);
    sweep_begin(&s, scenario, shape);
    s.say = true;
    sweep_reference(&s);
    sweep_part(&s, every, job, jobs);
    sweep_end(&s);
    if (write(fd, &s.counts, sizeof s.counts) != (ssize_t)sizeof s.counts)
        _exit(2);
    _exit(0);
}

static struct counts run_jobs(const struct scenario *scenario, const struct shape *shape,
                              unsigned every, unsigned jobs)
{
    struct counts sum = { 0 };
    int fds[JOBS_MAX][2];

    fflush(NULL);
    for (unsigned i = 0; i < jobs; i++) {
        if (pipe(fds[i]) != 0)
            exit(2);
        if (fork() == 0)
            child(scenario, shape, every, i, jobs, fds[i][1]);
        close(fds[i][1]);
    }
    for (unsigned i = 0; i < jobs; i++) {
        struct counts one = { 0 };

        if (read(fds[i][0], &one, sizeof one) != (ssize_t)sizeof one) {
            fprintf(stderr, "sweep: a job did not come to its end\n");
            one.failures = 1;
        }
        close(fds[i][0]);
        wait(NULL);
        sum.operations = one.operations;
        sum.first += one.first;
        sum.second += one.second;
        sum.booted += one.booted;
        sum.failures += one.failures;
        sum.memo.asked += one.memo.asked;
        sum.memo.computed += one.memo.computed;
        sum.memo.again += one.memo.again;
    }
    return sum;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_row(const struct scenario *c, const struct shape *s, unsigned every,
                      const struct counts *n, double seconds)
{
    char part[16] = "all";

    if (every > 1)
        snprintf(part, sizeof part, "1 in %u", every);
    printf("%-17s %-13s %4u %6llu %7llu %7s %9llu %9llu %6.1f %s\n", c->name, s->name,
           s->write_size, (unsigned long long)n->operations, (unsigned long long)n->first, part,
           (unsigned long long)n->second, (unsigned long long)n->booted, seconds,
           n->failures == 0 ? "ok" : "FAILED");
    fflush(stdout);
}

static void add(struct counts *sum, const struct counts *n)
{
    sum->first += n->first;
    sum->second += n->second;
    sum->booted += n->booted;
    sum->failures += n->failures;
    sum->memo.asked += n->memo.asked;
    sum->memo.computed += n->memo.computed;
    sum->memo.again += n->memo.again;
}

/* Of how many first cuts one is followed by second ones. Refusals have next to no operations. */
static unsigned density(const struct options *o, const struct scenario *c, const struct shape *s)
{
    if (strncmp(c->name, "refuse", 6) == 0)
        return 1;
    if (o->every != 0)
        return o->every;
    if (o->quick)
        return 97;
    if (o->brief && s != &shapes[0])
        return 100;
    return c->strategy == &td_strategy_overwrite ? (s->every + 9) / 10 : s->every;
}

static int sweep_all(const struct options *o)
{
    struct counts sum = { 0 };
    double begin = now();

    printf("%-17s %-13s %4s %6s %7s %7s %9s %9s %6s\n", "scenario", "sectors", "word", "ops",
           "cuts", "second", "2nd cuts", "booted", "s");
    for (size_t k = 0; k < N_SHAPES; k++) {
        for (size_t i = 0; i < N_SCENARIOS; i++) {
            unsigned every = density(o, &scenarios[i], &shapes[k]);
            double t = now();
            struct counts n;

            if ((o->quick && k % 4 != 0) ||
                (o->only != NULL && strcmp(o->only, scenarios[i].name) != 0))
                continue;
            n = run_jobs(&scenarios[i], &shapes[k], every, o->jobs);
            print_row(&scenarios[i], &shapes[k], every, &n, now() - t);
            add(&sum, &n);
        }
    }
    printf("%llu cuts, %llu of them followed by a second one: %llu distinct pairs, %llu lost; "
           "%.0f s\n",
           (unsigned long long)(sum.first + sum.second), (unsigned long long)sum.first,
           (unsigned long long)sum.second, (unsigned long long)sum.failures, now() - begin);
    printf("hashes and signatures: %llu asked for, %llu computed, %llu of the known ones computed "
           "again and equal\n",
           (unsigned long long)sum.memo.asked, (unsigned long long)sum.memo.computed,
           (unsigned long long)sum.memo.again);
    return sum.failures == 0 ? 0 : 1;
}

/* --- planted bugs --- */

static const struct scenario *scenario_named(const char *name)
{
    for (size_t i = 0; i < N_SCENARIOS; i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    return NULL;
}

/* Cuts until the bug shows: each operation once, before anybody thinks of pairs. */
static void hunt(struct sweep *s)
{
    bool cut = true;

    for (uint32_t op = 0; cut && s->counts.failures == 0; op++) {
        for (int kind = SIM_CUT_BEFORE; cut && kind <= SIM_CUT_AFTER; kind++)
            cut = first_cut(s, op, (enum sim_cut)kind, false);
    }
}

static bool find_planted(const struct planted *bug)
{
    static struct sweep s;
    const char *answer = "NOT FOUND";
    bool found;

    sweep_begin(&s, scenario_named(bug->scenario), &shapes[0]);
    s.say = false;
    device_plant(&s.d, bug);
    sweep_reference(&s); // without a cut nobody would notice it
    if (s.counts.failures != 0) {
        answer = "shows without any cut, so it proves nothing";
    } else {
        hunt(&s);
        if (s.counts.failures != 0)
            answer = "found";
    }
    found = strcmp(answer, "found") == 0;
    printf("%-23s %-17s %s after %llu cuts (%s)\n", bug->name, bug->scenario, answer,
           (unsigned long long)(s.counts.first + s.counts.second), bug->says);
    fflush(stdout);
    sweep_end(&s);
    return found;
}

static int sweep_planted(void)
{
    unsigned found = 0;

    for (unsigned i = 0; i < n_planted_bugs; i++)
        found += find_planted(&planted_bugs[i]);
    printf("%u of %u planted bugs found\n", found, n_planted_bugs);
    return found == n_planted_bugs ? 0 : 1;
}

static int usage(void)
{
    fprintf(stderr, "usage: sweep [--quick|--brief] [--planted] [--jobs N] [--every N] "
                    "[--only SCENARIO]\n");
    return 2;
}

static unsigned number(const char *text, unsigned low, unsigned high)
{
    long n = strtol(text, NULL, 10);

    return n < (long)low ? low : n > (long)high ? high : (unsigned)n;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "quick", no_argument, NULL, 'q' },
        { "brief", no_argument, NULL, 'b' },
        { "planted", no_argument, NULL, 'p' },
        { "jobs", required_argument, NULL, 'j' },
        { "every", required_argument, NULL, 'e' },
        { "only", required_argument, NULL, 'o' },
        { NULL, 0, NULL, 0 },
    };
    struct options o = { .jobs = 2 };
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'q': o.quick = true; break;
        case 'b': o.brief = true; break;
        case 'p': o.planted = true; break;
        case 'j': o.jobs = number(optarg, 1, JOBS_MAX); break;
        case 'e': o.every = number(optarg, 1, 100000); break;
        case 'o': o.only = optarg; break;
        default: return usage();
        }
    }
    if (o.only != NULL && scenario_named(o.only) == NULL)
        return usage();
    return o.planted ? sweep_planted() : sweep_all(&o);
}
