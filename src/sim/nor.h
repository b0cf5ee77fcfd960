/*
 * sim/nor.h - a simulated NOR flash, as strict as the worst real one.
 *
 * The caller supplies memory for the bytes and for the metadata (sim_nor_meta_size), be it an
 * array or a mapped file: both together are the flash's whole state. Nothing else is kept but
 * struct sim_nor, so that two devices fit in a test and a power cycle is one call.
 *
 * What it is strict about:
 *
 * - Alignment of writes and erases; a word is programmed no more often than the model's budget
 *   between erases (TD_EBUDGET, nothing touched, and counted in stats.over_budget), and bits
 *   are only moved away from the erased value.
 * - A torn write leaves some words done, one torn, the rest untouched. Of the torn word at
 *   least one bit is not as before, and torn bits read differently each time until the sector
 *   is erased, also when the word is programmed again. With ecc_error, reading it is TD_EECC.
 * - A torn erase leaves old, erased and unstable bytes in any mix, or a sector that reads
 *   blank and is weak. What is programmed into such a sector before it was erased again comes
 *   out unstable, and is counted in stats.weak_writes.
 *
 * Power is a thing of its own (struct sim_power), so that the flashes of one device lose it
 * together and share the count of operations. Once it is lost each call answers TD_EFLASH, and
 * the code under test unwinds like from any other error.
 */
#ifndef TD_SIM_NOR_H
#define TD_SIM_NOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "flash/flash.h"

/* Before: it does nothing. Torn: it does part of it. After: it does all of it. */
enum sim_cut { SIM_CUT_BEFORE = 0, SIM_CUT_TORN = 1, SIM_CUT_AFTER = 2 };

/* The supply of one device. An operation is a call that writes, or the erase of one sector. */
struct sim_power {
    uint32_t ops;    /* operations begun since sim_power_on */
    uint32_t cut_at; /* the operation, 0 the first, at which power goes */
    enum sim_cut cut_kind;
    bool armed;       /* cut_at counts */
    bool lost;        /* power is gone; nothing works until sim_power_on */
    uint64_t busy_us; /* how long flash has been busy, simulated */
};

/* Full power, ops from 0, nothing armed. busy_us goes on. */
void sim_power_on(struct sim_power *power);

/* Lets the power go at operation op, counted from 0 since sim_power_on. */
void sim_power_cut_at(struct sim_power *power, uint32_t op, enum sim_cut kind);

/* A kind of flash: data, to be declared const. Times are microseconds, from data sheets. */
struct sim_nor_model {
    const char *name;
    const struct td_flash_run *runs;
    uint8_t n_runs;
    uint8_t erased;
    uint8_t budget; /* programs of one word between erases; 0: any number */
    uint16_t write_size;
    bool ecc_error;          /* a torn word cannot be read at all: TD_EECC */
    bool erase_pauses;       /* an erase can be taken in steps */
    uint32_t write_us;       /* to program write_unit bytes */
    uint32_t write_unit;     /* bytes that write_us is about: a word, or a page */
    uint32_t erase_us;       /* to erase a sector of erase_unit bytes; larger ones take longer */
    uint32_t erase_unit;     /* bytes that erase_us is about */
    uint32_t read_ns_per_kb; /* nanoseconds to read 1024 bytes */
};

extern const struct sim_nor_model sim_nor_nrf52833; /* 512 KB, 4 KB pages, words of 4, twice */
extern const struct sim_nor_model sim_nor_nrf5340;  /* 1 MB, 4 KB pages, words of 4, twice */
extern const struct sim_nor_model sim_nor_mx25r64;  /* 8 MB serial NOR, 4 KB, bytes, any number */
extern const struct sim_nor_model sim_nor_stm32l4;  /* 1 MB, 2 KB pages, words of 8, once */
extern const struct sim_nor_model sim_nor_stm32h7;  /* 1 MB, 128 KB, words of 32, once */
extern const struct sim_nor_model sim_nor_stm32l1;  /* 256 KB, 256 B, words of 4, erased is 0 */

struct sim_nor_stats {
    uint64_t reads; /* calls */
    uint64_t read_bytes;
    uint64_t writes; /* calls */
    uint64_t written_bytes;
    uint64_t erases;      /* sectors */
    uint32_t over_budget; /* words that were refused one more program */
    uint32_t weak_writes; /* writes into a sector whose erase had been torn */
    uint32_t clashes;     /* writes that wanted a bit back at its erased value */
    uint32_t misaligned;  /* writes or erases out of line or out of bounds */
};

struct sim_nor {
    struct td_flash_dev dev; /* what areas name; filled in by init and open */
    const struct sim_nor_model *model;
    struct sim_power *power;
    uint8_t *bytes; /* model's size */
    uint8_t *meta;  /* sim_nor_meta_size(model) */
    uint64_t random;
    struct sim_nor_stats stats;
    const void *base; /* the snapshot that all but the dirty sectors equal */
    uint32_t n_sectors;
    uint32_t n_words;
    uint8_t shift;    /* sectors of 1 << shift bytes; 0: of other or several sizes */
    uint32_t erasing; /* sector of a begun erase; n_sectors: none */
    uint32_t erase_left_us;
    bool erase_cut_after; /* power goes when the begun erase is done */
    uint32_t rest_ns;     /* of busy time, less than a microsecond */
};

uint32_t sim_nor_size(const struct sim_nor_model *model);
size_t sim_nor_meta_size(const struct sim_nor_model *model);

/* A flash fresh from the factory, erased, wear 0. The seed decides how things tear. */
void sim_nor_init(struct sim_nor *nor, const struct sim_nor_model *model, uint8_t *bytes,
                  uint8_t *meta, struct sim_power *power, uint64_t seed);

/*
 * A flash whose bytes and metadata an earlier process left behind. TD_EFORMAT: the metadata
 * are not those of this version and model; nothing is touched.
 */
enum td_err sim_nor_open(struct sim_nor *nor, const struct sim_nor_model *model, uint8_t *bytes,
                         uint8_t *meta, struct sim_power *power);

/* Puts into the metadata what open needs; to be called before the memory is saved or unmapped. */
void sim_nor_sync(struct sim_nor *nor);

/* Takes the power away now: an erase that was begun is torn. */
void sim_nor_power_off(struct sim_nor *nor);

/*
 * A copy of the state in memory of the caller's, of the same sizes. Loading what was saved or
 * loaded last copies only the sectors that changed since. Statistics, the power's counters
 * and the course of the random numbers are not part of it; wear is. A snapshot belongs to one
 * flash. One that is taken while an erase is begun shows that sector torn, and so it is.
 */
struct sim_nor_snapshot {
    uint8_t *bytes;
    uint8_t *meta;
};

void sim_nor_save(struct sim_nor *nor, const struct sim_nor_snapshot *snapshot);
void sim_nor_load(struct sim_nor *nor, const struct sim_nor_snapshot *snapshot);

/* What a debugger does: erases the sectors it touches, then programs; no time, no power. */
void sim_nor_program(struct sim_nor *nor, uint32_t off, const void *src, uint32_t len);

/* The byte as it was last set, without instability; for a test's comparisons. */
const uint8_t *sim_nor_peek(const struct sim_nor *nor, uint32_t off);

/* Makes the bits of mask unstable in the byte at off, as a torn program would. */
void sim_nor_tear(struct sim_nor *nor, uint32_t off, uint8_t mask);

/* Makes a sector weak, as an erase that was cut very late would. n counts sectors. */
void sim_nor_weaken(struct sim_nor *nor, uint32_t n);

/* How often sector n was erased, and whether it holds anything unstable or weak. */
uint32_t sim_nor_wear(const struct sim_nor *nor, uint32_t n);
bool sim_nor_is_torn(const struct sim_nor *nor, uint32_t n);

#endif
