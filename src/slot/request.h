/*
 * slot/request.h - asking for an update, confirming one, and what the next boot will do.
 *
 * What is written is what a stock MCUboot reads; where its own calls lose a request or say
 * "success" about nothing, these do better (DESIGN.md, "The last request wins"):
 *
 * 1. The last request wins: test after permanent is a test, permanent after test is permanent.
 * 2. A request is there when its magic is, and that is written last: a power cut leaves the
 *    old request, the new one, or none. Where a permanent request was being erased it may leave
 *    a test in its place, which can be undone.
 * 3. A call that was cut is repeated and then does the whole of it. A call that finds its work
 *    done writes nothing.
 * 4. Torn notes are seen (slot/trailer.h) and mended by an erase, as long as that erases
 *    nothing but the trailer.
 *
 * TD_EFLASH from any of them: power or driver failed, and what the trailer holds is for the
 * next boot or the same call again to find out.
 */
#ifndef TD_SLOT_REQUEST_H
#define TD_SLOT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "slot/trailer.h"

/* Whose rules: ours, or those of MCUboot's own library, for a device that replays it. */
enum td_slot_manner { TD_SLOT_MENDED = 0, TD_SLOT_STOCK = 1 };

/*
 * The two slots of one image. In modes that choose, primary stands for the slot that runs, and
 * secondary for the other one.
 */
struct td_slots {
    const struct td_trailer *primary;
    const struct td_trailer *secondary;
    enum td_slot_manner manner;
    uint8_t image_num; /* which image of several, 0..14 */
};

/* What a call that succeeded did. */
enum td_slot_done {
    TD_SLOT_WRITTEN = 0,  /* the trailer was changed */
    TD_SLOT_ALREADY = 1,  /* it said so before; nothing was written */
    TD_SLOT_NATURAL = 2,  /* confirm: never swapped in, so there is nothing to confirm */
    TD_SLOT_REPAIRED = 3, /* torn notes were erased and written again */
};

/*
 * What the next boot does with this image, from the two trailers and nothing else (it does
 * not look at images). A swap that is under way comes first: td_slot_underway. In words:
 *
 *   secondary GOOD, image_ok UNSET, copy_done SET, swap-offset   REVERT
 *   secondary GOOD, image_ok SET                                 PERM
 *   secondary GOOD, image_ok UNSET or BAD                        TEST
 *   a mode that swaps; primary GOOD, copy_done SET or BAD, and
 *       image_ok UNSET, or BAD after a test                      REVERT
 *   anything else                                                NONE
 *
 * Stock: a BAD flag matches no row.
 */
enum td_swap_type td_slot_next(enum td_slot_manner manner, enum td_strategy_id mode,
                               const struct td_trailer_state *primary,
                               const struct td_trailer_state *secondary);

/*
 * Modes that choose by version and have trials (direct-XIP and RAM load with revert): what a
 * slot's own trailer says of its image. The last two are as good as one another; FACTORY runs
 * when there is neither, TRIED when there is nothing else.
 *
 *   magic GOOD, image_ok SET                                       CONFIRMED
 *   magic GOOD, copy_done UNSET, or BAD while swap_info is UNSET   ASKED
 *   magic GOOD, else                                               TRIED
 *   no magic, or a torn one                                        FACTORY
 *
 * A trial's begin is noted in copy_done; when the power failed in that very write, in swap_info,
 * which these modes have no other use for.
 */
enum td_slot_stand {
    TD_STAND_TRIED = 0,     /* it had its trial, and nobody confirmed it */
    TD_STAND_FACTORY = 1,   /* nobody asked for it: put there by cable, or just uploaded */
    TD_STAND_ASKED = 2,     /* it is on trial when it runs next */
    TD_STAND_CONFIRMED = 3, /* it may stay */
};

enum td_slot_stand td_slot_stand(const struct td_trailer_state *slot);

/*
 * What the next boot does in these modes, in the words of the others: REVERT when the slot that
 * runs is on trial and the other holds an image; TEST or PERM when the other is chosen. older:
 * the other's version is not the one that would be chosen.
 */
enum td_swap_type td_slot_next_choice(const struct td_trailer_state *runs,
                                      const struct td_trailer_state *other, bool other_present,
                                      bool older);

/* Whether a swap was begun and not finished: magic GOOD, swap info there, copy_done UNSET. */
bool td_slot_underway(const struct td_trailer_state *primary);

/* Whether the running image is on trial: swapped in as a test, and nobody confirmed it. */
bool td_slot_on_trial(const struct td_trailer_state *primary);

/*
 * Asks the next boot to install what lies in the secondary slot: as a test, or permanently.
 * image_end is where that image ends, in bytes from the start of the slot; 0 means that there
 * is none. The caller has looked at it (td_image_open), and decides whether it is any good.
 *
 * An existing request is changed into this one. A fresh or changed request erases the trailer
 * first (a torn or weak one cannot be told from a blank one by reading), but permanent after
 * a sound test, which adds one cell.
 *
 * TD_ESLOT_EMPTY: image_end is 0; nothing was touched. TD_ESLOT_TRIAL: an image is on trial;
 * confirm it or let it revert first; nothing was touched. TD_ESLOT_SHARED: the trailer would
 * have to be erased, and the image reaches into its sector; nothing was touched. In that case
 * a slot whose trailer is blank is written without an erase.
 *
 * Stock manner: never erases, looks at magic alone, as the original does. TD_ESLOT_MAGIC: the
 * magic is torn, which blocks every request.
 */
enum td_err td_slot_set_pending(const struct td_slots *s, bool permanent, uint32_t image_end,
                                enum td_slot_done *done);

/*
 * Takes a request back. TD_SLOT_ALREADY when there is none. TD_ESLOT_SHARED as above.
 * TD_ESLOT_UNDERWAY: the swap has begun and will be finished.
 */
enum td_err td_slot_cancel(const struct td_slots *s, uint32_t image_end, enum td_slot_done *done);

/*
 * Says that the running image may stay.
 *
 * TD_SLOT_NATURAL when the primary was never swapped in (magic UNSET): success, and nothing
 * is written. TD_ESLOT_MAGIC: its magic is torn, TD_ESLOT_IMAGE_OK: its image_ok is torn (the
 * power failed in an earlier confirm): nothing was touched, and the next boot reverts a test
 * whose image_ok is torn. Stock manner: a torn image_ok counts as success.
 */
enum td_err td_slot_confirm(const struct td_slots *s, enum td_slot_done *done);

/*
 * Whether the running image is confirmed, as a list of images shows it: image_ok SET, or a
 * trailer without magic.
 */
bool td_slot_is_confirmed(const struct td_trailer_state *primary);

#endif
