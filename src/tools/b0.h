/*
 * tools/b0.h - which of S0 and S1 Nordic's first stage would boot, and why not the other.
 *
 * From provision data and firmware that a survey found: validity, hash, signature, a key that is
 * provisioned and not revoked, the version counter; the higher version wins, S0 at a tie.
 */
#ifndef TD_TOOLS_B0_H
#define TD_TOOLS_B0_H

#include "tools/survey.h"

struct td_b0_slot {
    uint32_t addr;
    const struct td_nsib_found *firmware; /* the survey's; NULL: none is there */
    const char *refused;                  /* why b0 does not boot it; NULL: it would */
};

struct td_b0_outlook {
    const struct td_provision *provision;
    struct td_b0_slot slot[2];
    unsigned n_slots;
    int boots; /* 0 or 1; -1: neither */
};

/* false: no provision data were found, so nothing is known of slots and keys. */
bool td_b0_look(struct td_b0_outlook *o, const struct td_survey *s);

#endif
