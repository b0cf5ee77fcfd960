/*
 * boot/swap.h - what ways of swapping have in common: notes first, then steps, then a verdict.
 *
 * A way takes its images apart into steps that can each be taken again, and says how many of
 * them the status area records. Everything around the steps is here: the two notes, the order
 * in which trailers are erased and written, how a boot goes on after a cut. What always holds:
 *
 * 1. The source of a step that is not recorded is intact; so the step can be taken again.
 * 2. A trailer is erased only while the other slot says how it is to be written again: the
 *    primary's while the secondary holds the request or a note, the secondary's when the
 *    primary's is complete.
 * 3. A torn cell of the status area means that its step was done; it is never programmed again.
 * 4. Neither the failing image's header nor its TLVs are needed to bring the other one back.
 */
#ifndef TD_BOOT_SWAP_H
#define TD_BOOT_SWAP_H

#include "boot/boot_priv.h"

struct td_swap_way {
    uint32_t (*capacity)(const struct td_boot_run *run); /* bytes that a swap can take at most */
    /*
     * Which sectors take part, into run->plan, while both slots are at rest: type and swap_size
     * are set, keys are open. NULL: the way has no plan, and neither has a layout without room
     * for one; the plan is then of all sectors. It is kept beside the note until the swap ends.
     */
    enum td_err (*plan)(struct td_boot_run *run);
    /* Of the swap in run: type and swap_size are set. */
    uint32_t (*n_steps)(const struct td_boot_run *run);
    enum td_err (*steps_done)(const struct td_boot_run *run, uint32_t *done);
    /* again: an earlier boot may have begun this step. */
    enum td_err (*step)(const struct td_boot_run *run, uint32_t step, bool again);
    /* Cells of the primary's trailer that only this way has; NULL: none. run->done is set. */
    enum td_err (*write_cells)(const struct td_boot_run *run);
    /* What is left behind the last step; may be done any number of times. NULL: nothing. */
    enum td_err (*tidy)(const struct td_boot_run *run);
};

/* The strategy's functions, for a way: see struct td_strategy. */
enum td_err td_swap_look(struct td_boot_run *run, const struct td_swap_way *way);
enum td_err td_swap_start(struct td_boot_run *run, const struct td_swap_way *way,
                          enum td_swap_type type);
enum td_err td_swap_revert(struct td_boot_run *run, const struct td_swap_way *way);
enum td_err td_swap_restore(struct td_boot_run *run, const struct td_swap_way *way);
enum td_err td_swap_resume(struct td_boot_run *run, const struct td_swap_way *way);
enum td_err td_swap_mend(struct td_boot_run *run, const struct td_swap_way *way);
enum td_err td_swap_finish(struct td_boot_run *run);

/* Sectors of one size, which is that of the primary's first. */
uint32_t td_swap_sector_size(const struct td_boot_run *run);
uint32_t td_swap_n_sectors(const struct td_boot_run *run, uint32_t size);
bool td_swap_is_uniform(const struct td_flash_area *area, uint32_t size);

/* Where the first sector begins that the trailer touches, and whether the note fits there. */
uint32_t td_swap_notes_off(const struct td_trailer *t);
bool td_swap_has_note_room(const struct td_trailer *t);

#endif
