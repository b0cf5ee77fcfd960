/*
 * image/trial.h - the cells that count the trial of a second stage, in its own slot.
 *
 *   slot + off:  PROVEN | CLOSED | BEGUN 0 | BOOTED 0 | BEGUN 1 | BOOTED 1 | ...
 *
 * They stand where nobody else looks: in the padding between the 32 bytes of the outer image's
 * header and the code, which is erased with the slot when a new second stage is copied, so that
 * cells and firmware cannot be out of step. A slot without padding, or whose padding is not
 * erased, has no cells. A cell is one word of the flash, 4 bytes or more, and is programmed once:
 *
 *   BEGUN n   by the first stage, before it jumps for the nth time
 *   BOOTED n  by the second stage, before it jumps to a confirmed application
 *   PROVEN    by the first stage, when it has found BOOTED: counter and keys may move
 *   CLOSED    by the first stage, when it gives up on the slot and takes the other one
 *
 * A cell that a power cut tore counts as written, but BOOTED: that one has to be whole.
 * docs/spec/nsib.md has the machine drawn.
 */
#ifndef TD_IMAGE_TRIAL_H
#define TD_IMAGE_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "flash/flash.h"

#define TD_TRIAL_BOOTS_MAX 7
#define TD_TRIAL_OFF       0x20 /* where the cells stand by default: behind the header */

struct td_trial_place {
    const struct td_flash_area *area; /* that the slot lies in */
    uint32_t off;                     /* of the first cell; a multiple of the write size */
    uint8_t boots;                    /* how many there are cells for, 1..TD_TRIAL_BOOTS_MAX */
};

struct td_trial {
    bool present; /* the cells are there: each is blank, whole or torn. Else the rest is 0 */
    bool proven;
    bool closed;
    uint8_t begun;    /* how many boots were begun */
    bool last_booted; /* the last one that was begun came as far as a confirmed application */
};

/* Bytes from off on that the cells take. */
uint32_t td_trial_size(const struct td_trial_place *place);

/* Reads the cells. boots of 0, an unaligned place, or one outside the area: not present. */
enum td_err td_trial_read(const struct td_trial_place *place, struct td_trial *trial);

/*
 * Each programs one cell, and nothing when it is written already. TD_ESTATE: there are no cells,
 * or begin: none is left; booted: none was begun. TD_EFLASH: undefined, as a torn word is.
 */
enum td_err td_trial_begin(const struct td_trial_place *place);
enum td_err td_trial_booted(const struct td_trial_place *place);
enum td_err td_trial_prove(const struct td_trial_place *place);
enum td_err td_trial_close(const struct td_trial_place *place);

#endif
