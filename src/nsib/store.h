/*
 * nsib/store.h - the memory that provision data lies in: OTP, or a page of flash.
 *
 * Read by aligned words, programmed by halfwords or words (TD_PROVISION_WORD), never erased.
 * Programming clears bits; a halfword is programmed once in its life, but a key's token, whose
 * low half was FFFF before. A driver for OTP is a const table of two functions; flash needs none,
 * td_nsib_store_flash makes a store of an area.
 *
 * What a simulated OTP has to do (nRF5340's UICR OTP, say): refuse with TD_EBUDGET to program a
 * halfword a second time, unless that halfword still reads FFFF; tear like flash when the power
 * goes inside, so that bits of that halfword read differently each time; count as one operation
 * of struct sim_power.
 */
#ifndef TD_NSIB_STORE_H
#define TD_NSIB_STORE_H

#include <stdint.h>

#include "base/err.h"
#include "base/source.h"
#include "flash/flash.h"

struct td_nsib_store {
    /* The word at off, a multiple of 4 and inside size. TD_EREAD or TD_EFLASH. */
    enum td_err (*read)(const struct td_nsib_store *store, uint32_t off, uint32_t *word);
    /*
     * Programs width bytes (2 or 4) at off, a multiple of width. The other half of the word is
     * left as it is. TD_EFLASH: undefined, as torn flash is.
     */
    enum td_err (*program)(const struct td_nsib_store *store, uint32_t off, uint32_t value,
                           uint8_t width);
    const struct td_flash_area *area; /* the flash form's; NULL for others */
    void *ctx;                        /* the driver's */
    uint32_t size;                    /* bytes */
};

/* A store in a page of flash with a write size of up to 4; the area outlives it. */
struct td_nsib_store td_nsib_store_flash(const struct td_flash_area *area);

/*
 * The store's bytes as a source, for td_provision_read: aligned words only. Every word is read
 * TD_FLASH_READS times, and a bit counts as programmed that read so once. What a power cut tore
 * therefore reads as what was meant to be written, or as part of it, and the same at each boot:
 * a torn revocation revokes, a torn counter slot is used and holds no more than was meant.
 */
struct td_source td_nsib_store_source(const struct td_nsib_store *store);

#endif
