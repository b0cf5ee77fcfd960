/*
 * rows.h - the rows of the sweep's table: what is swept, group by group.
 *
 * A group is one engineer's file. It lists its rows and makes the device of one; sweep.c names
 * the groups, and nothing else has to be touched to add one (README.md).
 */
#ifndef SWEEP_ROWS_H
#define SWEEP_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "cut.h"

struct sweep_row {
    const char *way; /* the strategy, or what else is swept: "swap-move", "stage-update" */
    const char *scenario;
    const char *flash; /* its shape in a few words */
    unsigned word;     /* bytes of the primary's words */
    bool encrypted;
    unsigned images;
    bool quick;          /* belongs to the slice that ctest runs */
    unsigned share;      /* of the pairs that the sweep takes, against 1 of a usual row; 0: few */
    const void *part[3]; /* the group's own */
};

struct sweep_group {
    /* Fills in row i, all zeros before; false: there are no more rows. */
    bool (*row)(unsigned i, struct sweep_row *row);
    /*
     * Makes the device of a row, up to where the power comes on. Called once in a process of
     * its own; what it allocates need not be freed, what cannot be made ends in exit(2).
     */
    const struct cut_subject *(*make)(const struct sweep_row *row);
};

extern const struct sweep_group sweep_boot;   /* boot.c: the second stage's strategies */
extern const struct sweep_group sweep_choose; /* choose.c: those that choose a slot on trial */
extern const struct sweep_group sweep_core;   /* core.c: one core gives another its image */
extern const struct sweep_group sweep_stage;  /* stage.c: the second stage's own update */
extern const struct sweep_group sweep_asks;   /* asks.c: what an application asks for */
extern const struct sweep_group sweep_log;    /* log.c: the boot log, turning over */
extern const struct sweep_group sweep_unpack; /* unpack.c: compressed images */
extern const struct sweep_group sweep_nvs;    /* nvs.c: settings in flash */
extern const struct sweep_group sweep_upload; /* upload.c: a file comes in over resets */

#endif
