/*
 * tools/slots.h - a dump as the bootloader would see it: two slots, their notes, the next boot.
 *
 * Where the slots lie comes from a layout (exact) or is guessed from what was found (and said
 * to be a guess). The state is judged by the rules of slot/ and image/, MCUboot's manner;
 * signatures are not judged, since a dump does not say whom the device trusts.
 */
#ifndef TD_TOOLS_SLOTS_H
#define TD_TOOLS_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "layout/check.h"
#include "sim/profile.h"
#include "slot/request.h"
#include "tools/survey.h"

struct td_place_of {
    uint32_t addr;
    uint32_t size; /* 0: there is none, or it is not known */
};

/* Where things lie and how the bootloader works; what is not known is 0 or false. */
struct td_plan {
    char source[160]; /* "profile tandem-nrf52833", "pm_static.yml", "guessed: ..." */
    bool guessed;
    bool mode_known;
    enum td_strategy_id mode; /* swap-move unless known */
    struct td_place_of primary, secondary, scratch, storage, boot_log, boot;
    uint32_t sector; /* bytes */
    uint16_t max_sectors;
    uint8_t write_size;
    uint8_t max_align;
    bool shape_guessed; /* write_size and max_sectors are the usual ones, nobody said so */
    bool tandem;        /* Tandem's bootloader: its manner, its note */
};

/* flash: which of the profile's flashes the dump is of. */
void td_plan_of_profile(struct td_plan *plan, const struct sim_profile *p, unsigned flash);

/* false: the layout has no primary slot in the internal flash. */
bool td_plan_of_layout(struct td_plan *plan, const struct td_layout *layout);

/* From images and trailers alone; false: too little was found. */
bool td_plan_guess(struct td_plan *plan, const struct td_survey *s, const struct td_memory *m);

struct td_slot_seen {
    struct td_place_of at;
    const struct td_thing *image; /* that stands where this mode wants it; NULL: none */
    bool shifted;                 /* found one sector behind the slot's start */
    bool trailer_read;
    struct td_trailer_state trailer;
    uint32_t swap_size;
    uint32_t align_found; /* of a magic that is another alignment's; 0 */
    uint32_t stray;       /* address of a trailer's end inside the slot, short of its end; 0 */
};

enum td_next_boot {
    TD_NEXT_RUN,     /* what is in the primary, if anything */
    TD_NEXT_TEST,    /* the secondary on trial */
    TD_NEXT_INSTALL, /* the secondary for good */
    TD_NEXT_REVERT,  /* back to what was there before */
    TD_NEXT_RESUME,  /* goes on with a half-done swap */
    TD_NEXT_REFUSE,  /* asked for, and will not be done */
    TD_NEXT_NOTHING, /* nothing bootable */
};

struct td_outlook {
    struct td_slot_seen slot[2];
    enum td_swap_type type; /* by the table, whatever becomes of it */
    enum td_next_boot next;
    char text[320]; /* what the next boot does, in words */
    char why[400];  /* why a request is not seen or not followed; "" */
    uint32_t max_image;
    /* a half-done swap */
    bool entries_known;
    uint32_t entries, entries_all;
};

/* *o borrows from s. */
void td_outlook(struct td_outlook *o, const struct td_plan *plan, const struct td_survey *s,
                const struct td_memory *m);

/* "pending", "on trial" ...: what a slot's trailer means there. slot is 0 or 1. */
const char *td_trailer_words(const struct td_plan *plan, unsigned slot,
                             const struct td_trailer_state *t);

const char *td_next_name(enum td_next_boot next);      /* "test" */
const char *td_magic_word(enum td_magic magic);        /* "good" */
const char *td_flag_word(enum td_flag flag);           /* "set" */
const char *td_swap_type_word(enum td_swap_type type); /* "permanent" */

#endif
