/*
 * layout/soc.h - what a layout has to know of a chip: memories, pages, protection blocks.
 *
 * Figures: the vendor's product specifications and the back ends of its lib/fprotect
 * (docs/spec/layout.md). A dual-core chip is a row for each core.
 */
#ifndef TD_LAYOUT_SOC_H
#define TD_LAYOUT_SOC_H

#include "layout/layout.h"

struct td_soc {
    const char *name;   /* "nrf5340" */
    const char *title;  /* "nRF5340 application core" */
    const char *domain; /* "CPUNET" for a network core, "" for all others */
    uint32_t flash_addr, flash_size;
    uint32_t page;        /* erase unit, bytes */
    uint32_t lock_block;  /* unit of write protection (fprotect), bytes */
    uint32_t lock_max;    /* largest area that one lock covers; 0: no limit that matters */
    uint32_t lock_joined; /* and that two cover together, from address 0; 0: they cannot */
    uint8_t write_size;   /* bytes */
    uint32_t ram_addr, ram_size;
    uint32_t otp_addr, otp_size; /* 0: provision data lie in flash */
    uint32_t provision_used;     /* bytes of the OTP that b0 reads; 0: all of the partition */
    uint8_t counter_slot;        /* bytes of a counter slot */
    bool keys_in_kmu;            /* key fingerprints are not provisioned */
    uint8_t word_writes;         /* how often a word is programmed between erases; 0: no limit */
    uint16_t block_writes;       /* and any 512 bytes together; 0: no limit */
    uint8_t otp_unit;            /* bytes of OTP that are programmed once, and together */
    bool named_only;             /* never guessed: its memory looks like another chip's */
};

/* "nrf52833", "nRF5340_CPUAPP", "nrf5340-net", "nrf5340dk/nrf5340/cpunet"; NULL: not known. */
const struct td_soc *td_soc_by_name(const char *name);

/* The n-th chip; NULL behind the last. */
const struct td_soc *td_soc_at(size_t n);

/*
 * The chip of a domain, guessed from addresses, sizes and names. *sure is false when several
 * chips fit: they have memories of the same size. NULL: nothing fits.
 */
const struct td_soc *td_soc_guess(const struct td_layout *layout, const char *domain, bool *sure);

#endif
