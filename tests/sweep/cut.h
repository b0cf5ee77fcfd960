/*
 * cut.h - cuts the power at every flash operation of anything that has flash, and once or twice
 * more in the repair. It knows nothing of images: what is cut tells it how to run and to judge.
 */
#ifndef SWEEP_CUT_H
#define SWEEP_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/nor.h"

#define CUT_FLASHES_MAX 4

/* What is cut. Everything belongs to the caller; the flashes share the power. */
struct cut_subject {
    void *ctx;
    struct sim_power *power;
    struct sim_nor *flashes[CUT_FLASHES_MAX];
    unsigned n_flashes;
    /* The flashes are as they were before the run: who acts once does so next. May be NULL. */
    void (*begin)(void *ctx);
    /* One reset: runs until nothing is left to do, or until the power is lost. */
    void (*run)(void *ctx);
    /*
     * What a cut has made true for good, as bits of the caller's choosing, looked at with the
     * power back: "the trial had begun". The bits of all cuts are or-ed, for judge. May be NULL.
     */
    unsigned (*passed)(void *ctx);
    /* The first reset after the last cut has run to its end: NULL, or what is wrong. */
    const char *(*judge)(void *ctx, unsigned passed);
    /* Whether the next reset has to write nothing. May be NULL: always. */
    bool (*is_at_rest)(void *ctx);
    unsigned passed_at_start; /* bits that hold before any cut */
};

struct cut_counts {
    uint64_t operations; /* of the run without a cut */
    uint64_t first;      /* cuts: before, in and after each operation */
    uint64_t second;     /* pairs: each a cut of its own in the repair of a first */
    uint64_t third;
    uint64_t booted; /* flash states that were judged; the others had been before */
    uint64_t failures;
};

/* How much of it. Part job of jobs, so that processes share the work. */
struct cut_plan {
    uint64_t pairs;  /* about so many: first cuts are left without second ones until it fits */
    unsigned thirds; /* one pair in so many is cut a third time; 0: none */
    unsigned job, jobs;
    bool only_first; /* no second cuts, and stop at the first complaint */
    /* NULL: silent. Else how a complaint begins. */
    const char *name;
};

/* The flashes are as they are to be before the run; afterwards they hold anything. */
void cut_sweep(const struct cut_subject *subject, const struct cut_plan *plan,
               struct cut_counts *counts);

#endif
