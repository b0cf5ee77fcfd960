/*
 * layout/diff.h - what a move from one layout to another means for devices in the field.
 *
 * They keep the bootloader that they were built with, and it keeps its layout: an update brings
 * a new application, and with a second stage a new MCUboot, but never a new first stage, never
 * other provision data, and never another idea of where the slots are.
 */
#ifndef TD_LAYOUT_DIFF_H
#define TD_LAYOUT_DIFF_H

#include "layout/check.h"
#include "layout/text.h"

/* What became of a partition. */
enum td_change_kind {
    TD_CHANGE_SAME,
    TD_CHANGE_MOVED,   /* another address, same size */
    TD_CHANGE_RESIZED, /* same address, another size */
    TD_CHANGE_BOTH,    /* another address and size, or another region */
    TD_CHANGE_ADDED,
    TD_CHANGE_REMOVED,
};

const char *td_change_name(enum td_change_kind kind); /* "moved" */

struct td_change {
    enum td_change_kind kind;
    const struct td_partition *from, *to; /* NULL where there is none; the layouts' own */
};

/* How a device gets from one to the other. */
enum td_way {
    TD_WAY_OTA,        /* over the air, as ever */
    TD_WAY_OTA_CARE,   /* over the air, under conditions that are said */
    TD_WAY_BOOTLOADER, /* over the air, once the second stage was replaced: its order matters */
    TD_WAY_CABLE,      /* a debugger, or production's programmer */
};

const char *td_way_name(enum td_way way); /* "over-the-air", "with-care", "bootloader-first",
                                             "cable" */

/* One consequence: which rule, what happens, and how bad for the way. */
struct td_consequence {
    const char *rule; /* "secondary-moved": stable, for programs */
    enum td_way way;  /* what this one alone would allow */
    char text[420];
    char remedy[280];
};

#define TD_CONSEQUENCES 24

struct td_layout_diff {
    struct td_change changes[2 * TD_LAYOUT_MAX];
    size_t n_changes; /* without those that are the same */
    size_t n_same;
    struct td_consequence consequences[TD_CONSEQUENCES]; /* the worst first */
    size_t n_consequences;
    enum td_way way;
    char verdict[300]; /* a sentence: can it be updated over the air? */
};

void td_layout_compare(const struct td_layout *from, const struct td_layout *to,
                       const struct td_layout_env *env, struct td_layout_diff *diff);

#endif
