/*
 * slot/trailer.h - the notes at the end of a slot, byte for byte as MCUboot has them.
 *
 * docs/spec/trailer.md states every byte. A trailer is read cell by cell into a view; what
 * the view means is decided elsewhere (slot/request.h, boot/). The area belongs to the caller.
 *
 * What holds for every call:
 *
 * 1. No cell is written with its erased value, and a call programs each word once. That no
 *    word is programmed a second time is the caller's to see to: write a cell only while it
 *    reads UNSET, and not into a sector whose erase may have been cut short.
 * 2. A cell in whose programming the power failed reads differently from time to time. Each
 *    cell is therefore read TD_TRAILER_READS times; when the answers differ, or the chip says
 *    that the word's error correction fails, it is BAD, whatever a single read would have said.
 * 3. A BAD cell cannot be mended but by erasing its sector.
 *
 * Reads answer TD_EFLASH when the driver fails, writes TD_EFLASH or TD_EBUDGET. All calls but
 * td_trailer_check rely on what that one checks.
 */
#ifndef TD_SLOT_TRAILER_H
#define TD_SLOT_TRAILER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "flash/flash.h"
#include "slot/room.h"

#define TD_TRAILER_READS TD_FLASH_READS

/* Where a trailer lies and what shapes it. Slots of one image differ in area alone. */
struct td_trailer {
    const struct td_flash_area *area;
    enum td_strategy_id mode;
    uint16_t max_sectors; /* as in struct td_room_geometry, like the three below */
    uint8_t write_size;   /* at least that of the area's device */
    uint8_t max_align;    /* at least write_size */
    uint16_t enc_key_len; /* 0: no cells for keys; else the bytes that each holds */
    bool scratch;         /* the short form that a scratch area carries: status for one region */
};

/* The numbers are those that MCUboot prints. */
enum td_magic { TD_MAGIC_GOOD = 1, TD_MAGIC_BAD = 2, TD_MAGIC_UNSET = 3 };
enum td_flag { TD_FLAG_SET = 1, TD_FLAG_BAD = 2, TD_FLAG_UNSET = 3 };
enum td_swap_type {
    TD_SWAP_NONE = 1,
    TD_SWAP_TEST = 2,
    TD_SWAP_PERM = 3,
    TD_SWAP_REVERT = 4,
};

/* All of a trailer but sizes, keys and status. */
struct td_trailer_state {
    enum td_magic magic;
    enum td_flag image_ok;
    enum td_flag copy_done;
    enum td_flag swap_info;      /* SET: the two below were read from it */
    enum td_swap_type swap_type; /* NONE unless swap_info is SET */
    uint8_t image_num;           /* 0..14 */
};

/* Whether the description makes sense and fits. TD_EARG, TD_ESLOT_TINY. */
enum td_err td_trailer_check(const struct td_trailer *t);

/* Offsets of the cells from the start of the area. */
uint32_t td_trailer_magic_off(const struct td_trailer *t);
uint32_t td_trailer_image_ok_off(const struct td_trailer *t);
uint32_t td_trailer_copy_done_off(const struct td_trailer *t);
uint32_t td_trailer_swap_info_off(const struct td_trailer *t);
uint32_t td_trailer_tlv_sizes_off(const struct td_trailer *t); /* swap-offset only */
uint32_t td_trailer_swap_size_off(const struct td_trailer *t);
uint32_t td_trailer_enc_key_off(const struct td_trailer *t, unsigned slot); /* 0 or 1 */
uint32_t td_trailer_status_off(const struct td_trailer *t); /* the lowest byte of the trailer */
uint32_t td_trailer_size(const struct td_trailer *t);
uint32_t td_trailer_enc_cell(const struct td_trailer *t); /* bytes of one key's cell */
uint32_t td_trailer_n_status(const struct td_trailer *t); /* entries of the status area */

/*
 * The lowest byte that the mode ever writes: the status area's, or that of swap_info in the
 * modes that keep no status (overwrite, direct-XIP, RAM load); and where its sector begins.
 */
uint32_t td_trailer_used_off(const struct td_trailer *t);
enum td_err td_trailer_first_sector(const struct td_trailer *t, uint32_t *off);

/* Every cell of the view. TD_EFLASH: *state is not filled in. */
enum td_err td_trailer_read(const struct td_trailer *t, struct td_trailer_state *state);

/* Writes of one cell each. swap_info: image_num is 0..14. */
enum td_err td_trailer_write_magic(const struct td_trailer *t);
enum td_err td_trailer_write_image_ok(const struct td_trailer *t);
enum td_err td_trailer_write_copy_done(const struct td_trailer *t);
enum td_err td_trailer_write_swap_info(const struct td_trailer *t, enum td_swap_type type,
                                       uint8_t image_num);
enum td_err td_trailer_write_swap_size(const struct td_trailer *t, uint32_t size);
enum td_err td_trailer_write_tlv_sizes(const struct td_trailer *t, uint16_t primary,
                                       uint16_t secondary);

/*
 * The stored swap size. UNSET: *size is 0. BAD when the cell is torn; a value that merely
 * makes no sense is the caller's to refuse.
 */
enum td_err td_trailer_read_swap_size(const struct td_trailer *t, enum td_flag *flag,
                                      uint32_t *size);
enum td_err td_trailer_read_tlv_sizes(const struct td_trailer *t, enum td_flag *flag,
                                      uint16_t *primary, uint16_t *secondary);

/*
 * Keys, or saved key TLVs: cell bytes each, slot 0's nearest to the end. Writing pads with
 * the erased value. len is enc_key_len. TD_EUNSUPPORTED: the trailer has no keys.
 */
enum td_err td_trailer_write_enc_key(const struct td_trailer *t, unsigned slot, const uint8_t *key,
                                     uint16_t len);
enum td_err td_trailer_read_enc_key(const struct td_trailer *t, unsigned slot, enum td_flag *flag,
                                    uint8_t *key, uint16_t len);

/*
 * Status entries, counted from the area's low end: the order in which operations complete.
 * A SET entry says that its operation was done. A BAD one was being written, so its operation
 * was done as well; it may not be programmed again. TD_EBOUNDS: no such entry.
 */
enum td_err td_trailer_read_status(const struct td_trailer *t, uint32_t entry, enum td_flag *flag);
enum td_err td_trailer_write_status(const struct td_trailer *t, uint32_t entry, uint8_t value);

/*
 * Of the n entries from first on: the highest one that is not UNSET, plus one, counted from
 * first; 0 means none. gap is set when an entry below it is UNSET, which no writer leaves
 * behind. Swap-move has two such ranges: max_sectors entries for the moves, twice as many
 * behind them for the swaps; the other modes one. TD_EBOUNDS: past the last entry.
 */
enum td_err td_trailer_status_count(const struct td_trailer *t, uint32_t first, uint32_t n,
                                    uint32_t *count, bool *gap);

/*
 * The entry of swap-move's idx-th move, and of state 1, 2 (or 3, scratch) of the idx-th swap
 * as the trailer's mode counts them; idx and state begin at 1.
 */
uint32_t td_trailer_move_entry(uint32_t idx);
uint32_t td_trailer_swap_entry(const struct td_trailer *t, uint32_t idx, uint32_t state);

/*
 * Erases every sector from td_trailer_first_sector on, the last one (with the magic) first.
 * What else lies in them is lost; the caller knows.
 */
enum td_err td_trailer_erase(const struct td_trailer *t);

#endif
