/*
 * sweep - cuts the power before, in and after every flash operation of an update, and once or
 * twice more in the repair. README.md says how to read its table, and how to add rows to it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/range.h"
#include "memo.h"
#include "planted.h"
#include "rows.h"

static const struct sweep_group *const groups[] = { &sweep_boot,   &sweep_choose, &sweep_core,
                                                    &sweep_stage,  &sweep_asks,   &sweep_log,
                                                    &sweep_unpack, &sweep_nvs,    &sweep_upload };

#define JOBS_MAX 64

/* Pairs that a usual row takes, one pair in so many for a third cut, and how long at most. */
static const struct size {
    const char *option;
    uint64_t pairs, few;
    unsigned thirds;
    bool quick; /* only the rows that say so */
} sizes[] = {
    { "all", 8000, 2000, 20, false },
    { "brief", 1200, 300, 20, false },
    { "quick", 60, 30, 20, true },
};

struct options {
    const struct size *size;
    bool planted;
    unsigned jobs;
    uint64_t pairs; /* 0: as the size says */
    const char *way, *scenario;
};

struct counts {
    struct cut_counts cuts;
    struct memo_counts memo;
};

static void add(struct counts *sum, const struct counts *n)
{
    sum->cuts.operations = n->cuts.operations;
    sum->cuts.first += n->cuts.first;
    sum->cuts.second += n->cuts.second;
    sum->cuts.third += n->cuts.third;
    sum->cuts.booted += n->cuts.booted;
    sum->cuts.failures += n->cuts.failures;
    sum->memo.asked += n->memo.asked;
    sum->memo.computed += n->memo.computed;
    sum->memo.again += n->memo.again;
}

static uint64_t pairs_of(const struct options *o, const struct sweep_row *row)
{
    if (row->share == 0)
        return o->size->few;
    return (o->pairs != 0 ? o->pairs : o->size->pairs) * row->share;
}

static void child(const struct options *o, const struct sweep_group *group,
                  const struct sweep_row *row, unsigned job, int fd)
{
    struct cut_plan plan = {
        .pairs = pairs_of(o, row), .thirds = o->size->thirds, .job = job, .jobs = o->jobs
    };
    struct counts counts = { 0 };
    char name[128];

    srand(job + 1);
    snprintf(name, sizeof name, "%s, %s, %s, word %u%s, %u images", row->way, row->scenario,
             row->flash, row->word, row->encrypted ? ", encrypted" : "", row->images);
    plan.name = name;
    cut_sweep(group->make(row), &plan, &counts.cuts);
    counts.memo = memo_counts;
    if (write(fd, &counts, sizeof counts) != (ssize_t)sizeof counts)
        _exit(2);
    _exit(0);
}

static struct counts run_jobs(const struct options *o, const struct sweep_group *group,
                              const struct sweep_row *row)
{
    struct counts sum = { 0 };
    int fds[JOBS_MAX][2];

    fflush(NULL);
    for (unsigned i = 0; i < o->jobs; i++) {
        if (pipe(fds[i]) != 0)
            exit(2);
        if (fork() == 0)
            child(o, group, row, i, fds[i][1]);
        close(fds[i][1]);
    }
    for (unsigned i = 0; i < o->jobs; i++) {
        struct counts one = { 0 };

        if (read(fds[i][0], &one, sizeof one) != (ssize_t)sizeof one) {
            fprintf(stderr, "sweep: a job did not come to its end\n");
            one = (struct counts){ .cuts.failures = 1 };
        }
        close(fds[i][0]);
        wait(NULL);
        add(&sum, &one);
    }
    return sum;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_head(void)
{
    printf("%-14s %-17s %-14s %4s %3s %3s %5s %6s %8s %7s %8s %4s %6s\n", "strategy", "scenario",
           "flash", "word", "enc", "img", "ops", "first", "second", "third", "booted", "lost", "s");
}

static void print_row(const struct sweep_row *r, const struct cut_counts *n, double seconds)
{
    printf("%-14s %-17s %-14s %4u %3s %3u %5llu %6llu %8llu %7llu %8llu %4llu %6.1f\n", r->way,
           r->scenario, r->flash, r->word, r->encrypted ? "yes" : "no", r->images,
           (unsigned long long)n->operations, (unsigned long long)n->first,
           (unsigned long long)n->second, (unsigned long long)n->third,
           (unsigned long long)n->booted, (unsigned long long)n->failures, seconds);
    fflush(stdout);
}

static bool is_wanted(const struct options *o, const struct sweep_row *row)
{
    return (!o->size->quick || row->quick) && (o->way == NULL || strcmp(o->way, row->way) == 0) &&
           (o->scenario == NULL || strcmp(o->scenario, row->scenario) == 0);
}

static void print_sum(const struct counts *sum, unsigned rows, double seconds)
{
    const struct cut_counts *n = &sum->cuts;

    printf("%u rows: %llu distinct cuts: %llu first, %llu second, %llu third; %llu lost; %.0f s\n",
           rows, (unsigned long long)(n->first + n->second + n->third),
           (unsigned long long)n->first, (unsigned long long)n->second,
           (unsigned long long)n->third, (unsigned long long)n->failures, seconds);
    printf("hashes and signatures: %llu asked for, %llu computed, %llu of the known ones computed "
           "again and equal\n",
           (unsigned long long)sum->memo.asked, (unsigned long long)sum->memo.computed,
           (unsigned long long)sum->memo.again);
}

static int sweep_all(const struct options *o)
{
    struct counts sum = { 0 };
    double begin = now();
    unsigned rows = 0;

    print_head();
    for (size_t g = 0; g < TD_N_OF(groups); g++) {
        struct sweep_row row = { 0 };

        for (unsigned i = 0; groups[g]->row(i, &row); i++) {
            double t = now();
            struct counts n;

            if (is_wanted(o, &row)) {
                n = run_jobs(o, groups[g], &row);
                print_row(&row, &n.cuts, now() - t);
                add(&sum, &n);
                rows++;
            }
            memset(&row, 0, sizeof row);
        }
    }
    if (rows == 0) {
        fprintf(stderr, "sweep: no row is of that strategy and scenario\n");
        return 2;
    }
    print_sum(&sum, rows, now() - begin);
    return sum.cuts.failures == 0 ? 0 : 1;
}

/* --- planted bugs --- */

/* A hunt stops at the first complaint; without any cut there must be none. */
static void hunt(const struct planted *bug, int fd)
{
    struct cut_plan plan = { .jobs = 1, .only_first = true };
    struct cut_counts counts;

    srand(1);
    cut_sweep(planted_subject(bug), &plan, &counts);
    _exit(write(fd, &counts, sizeof counts) == (ssize_t)sizeof counts ? 0 : 2);
}

static bool find_planted(const struct planted *bug)
{
    struct cut_counts n = { 0 };
    const char *answer = "NOT FOUND";
    int fds[2];

    fflush(NULL);
    if (pipe(fds) != 0)
        exit(2);
    if (fork() == 0)
        hunt(bug, fds[1]);
    close(fds[1]);
    if (read(fds[0], &n, sizeof n) != (ssize_t)sizeof n)
        answer = "did not come to its end";
    else if (n.failures != 0)
        answer = n.first == 0 ? "shows without any cut, so it proves nothing" : "found";
    close(fds[0]);
    wait(NULL);
    printf("%-23s %-14s %-17s %s after %llu cuts (%s)\n", bug->name, bug->way, bug->scenario,
           answer, (unsigned long long)n.first, bug->says);
    return strcmp(answer, "found") == 0;
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
    fprintf(stderr, "usage: sweep [--brief|--quick] [--planted] [--jobs N] [--pairs N]\n"
                    "             [--way STRATEGY] [--only SCENARIO]\n");
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
        { "quick", no_argument, NULL, 'q' },       { "brief", no_argument, NULL, 'b' },
        { "planted", no_argument, NULL, 'p' },     { "jobs", required_argument, NULL, 'j' },
        { "pairs", required_argument, NULL, 'n' }, { "way", required_argument, NULL, 'w' },
        { "only", required_argument, NULL, 'o' },  { NULL, 0, NULL, 0 },
    };
    struct options o = { .size = &sizes[0], .jobs = 2 };
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'q': o.size = &sizes[2]; break;
        case 'b': o.size = &sizes[1]; break;
        case 'p': o.planted = true; break;
        case 'j': o.jobs = number(optarg, 1, JOBS_MAX); break;
        case 'n': o.pairs = number(optarg, 1, 100000000); break;
        case 'w': o.way = optarg; break;
        case 'o': o.scenario = optarg; break;
        default: return usage();
        }
    }
    return o.planted ? sweep_planted() : sweep_all(&o);
}
