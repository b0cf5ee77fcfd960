/*
 * boot/plan.h - which sectors an update changes, recorded before the first one is.
 *
 * Sectors that are equal in both slots stay where they are. While sectors change places that
 * could not be found out again, so the list is written once, while both slots are still at
 * rest, and read after a cut. It stands behind the note (boot/note.h), 64 bytes in words that
 * MCUboot neither reads nor writes; docs/spec/boot.md states every byte.
 *
 * A bit stands for one sector; in slots of more than TD_PLAN_BITS sectors for 2, 4, 8… of them.
 */
#ifndef TD_BOOT_PLAN_H
#define TD_BOOT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "boot/note.h"
#include "flash/flash.h"

#define TD_PLAN_SIZE 64
#define TD_PLAN_BITS 288

struct td_plan {
    uint8_t shift;  /* a bit stands for 1 << shift sectors */
    uint32_t sound; /* bytes of the primary that an image covered: blank sectors there are sound */
    uint8_t incoming[TD_NOTE_HASH_LEN];
    uint8_t bits[TD_PLAN_BITS / 8];
};

/* A plan for sectors 0..n_sectors - 1 with none of them in it; or with all. */
void td_plan_none(struct td_plan *plan, uint32_t n_sectors);
void td_plan_all(struct td_plan *plan, uint32_t n_sectors);
void td_plan_add(struct td_plan *plan, uint32_t sector);

bool td_plan_has(const struct td_plan *plan, uint32_t sector);

/* How many of the first n sectors are in it; and the one that k of them precede, n if none. */
uint32_t td_plan_count(const struct td_plan *plan, uint32_t n);
uint32_t td_plan_nth(const struct td_plan *plan, uint32_t n, uint32_t k);

/* As td_note_read and td_note_write. */
bool td_plan_read(const struct td_flash_area *area, uint32_t off, struct td_plan *plan);
enum td_err td_plan_write(const struct td_flash_area *area, uint32_t off,
                          const struct td_plan *plan);

#endif
