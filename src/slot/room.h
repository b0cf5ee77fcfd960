/*
 * slot/room.h - how much room a way of updating leaves for an image: pure arithmetic.
 *
 * The bootloader, the client, the server and the signer ask the same functions, so that an
 * image that one of them accepts is not refused by the next. Sizes are bytes. An image's size
 * is all of it: header, payload and TLV areas, without a trailer.
 *
 * The numbers are MCUboot's, whose bootloader refuses what does not fit; docs/spec/trailer.md
 * states where each comes from.
 */
#ifndef TD_SLOT_ROOM_H
#define TD_SLOT_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "flash/flash.h"

/* The ways of updating, numbered as MCUboot's shared boot data and SMP's "mode" have them. */
enum td_strategy_id {
    TD_MODE_SINGLE = 0,
    TD_MODE_SCRATCH = 1,
    TD_MODE_OVERWRITE = 2,
    TD_MODE_MOVE = 3,
    TD_MODE_XIP = 4,
    TD_MODE_XIP_REVERT = 5,
    TD_MODE_RAM_LOAD = 6,
    TD_MODE_LOADER = 7,
    TD_MODE_SINGLE_RAM = 8,
    TD_MODE_OFFSET = 9,
};

/*
 * What is known of a pair of slots. Slots with sectors of several sizes (scratch only) give
 * the size of the sector in which the trailer begins, and td_room_tile fills in what cannot be
 * reckoned from that. A secondary of 0 bytes: there is none.
 */
struct td_room_geometry {
    uint32_t primary_size;
    uint32_t secondary_size;
    uint32_t primary_sector;
    uint32_t secondary_sector;
    uint32_t scratch_size; /* scratch only */
    uint16_t max_sectors;  /* BOOT_MAX_IMG_SECTORS: the status area has room for so many */
    uint8_t write_size;    /* of a status entry: the larger of primary's and scratch's */
    uint8_t max_align;     /* BOOT_MAX_ALIGN: 8, 16 or 32 */
    uint16_t enc_key_len;  /* 0: no encryption; 16 or 32: raw keys; else what a cell holds */
    bool own_sector;       /* what our bootloader wants (docs/spec/boot.md) and MCUboot does not:
                              images keep out of the sector with the flags (overwrite) or of the
                              64 bytes below the trailer (scratch; of its sectors, encrypted) */
    /* td_room_tile's; 0: sectors are of one size in each slot */
    uint16_t n_primary; /* sectors */
    uint16_t n_secondary;
    uint32_t group;     /* bytes of the largest group */
    uint32_t group_off; /* where the group begins that images may share with the notes */
    uint32_t group_end; /* and ends */
};

/*
 * The group of sectors that holds the byte at off: those between the two nearest boundaries
 * that both slots have. Swap-scratch moves whole groups. TD_ESLOT_LAYOUT: there is no such.
 */
enum td_err td_room_group(const struct td_flash_area *primary,
                          const struct td_flash_area *secondary, uint32_t off,
                          struct td_flash_sector *group);

/* Fills in n_primary and what follows it, from the real slots; the rest of *g is there. */
enum td_err td_room_tile(const struct td_flash_area *primary, const struct td_flash_area *secondary,
                         struct td_room_geometry *g);

/* Scratch: from the start of a slot to where images have to end at the latest. */
uint32_t td_room_scratch_end(const struct td_room_geometry *g);

/* Bytes of the trailer without its status area: magic, flags, sizes, keys. */
uint32_t td_room_info_size(enum td_strategy_id mode, const struct td_room_geometry *g);

/* Bytes of the whole trailer of a slot, and of the one that scratch carries for a while. */
uint32_t td_room_trailer_size(enum td_strategy_id mode, const struct td_room_geometry *g);
uint32_t td_room_scratch_trailer_size(enum td_strategy_id mode, const struct td_room_geometry *g);

/*
 * The largest image that the mode installs and can bring back, into *max.
 *
 * TD_EARG: the geometry contradicts itself (a size that is no multiple of its sector, a write
 * size or an alignment that does not exist). TD_ESLOT_SECTORS: more sectors than max_sectors.
 * TD_ESLOT_LAYOUT: the slots' sizes or sectors do not go together in this mode.
 * TD_ESLOT_SCRATCH: a sector does not fit into scratch. TD_ESLOT_TINY: not even the trailer
 * fits. *max is then 0.
 */
enum td_err td_room_max_image(enum td_strategy_id mode, const struct td_room_geometry *g,
                              uint32_t *max);

/* Why two images do not go together, or that they do; the facts of a refusal. */
struct td_room_fit {
    uint32_t needed; /* size of the image that decides */
    uint32_t max;    /* what the mode can take */
};

/*
 * Whether new_size can be installed while an image of running_size runs. The modes that swap
 * must also bring the running one back, so that the larger of the two counts; the others look
 * at the new one alone. A running_size of 0: nothing runs, or its size is not known.
 *
 * TD_ESLOT_ROOM: the new image is too large. TD_ESLOT_ROOM_RUNNING: the new one would fit, the
 * running one does not leave the room to swap. Else as td_room_max_image. fit is filled in in
 * every case, with zeros where the geometry itself is at fault.
 */
enum td_err td_room_check(enum td_strategy_id mode, const struct td_room_geometry *g,
                          uint32_t running_size, uint32_t new_size, struct td_room_fit *fit);

/* The mode's usual name ("swap-move"); NULL for a number that is no mode. */
const char *td_mode_name(enum td_strategy_id mode);

/* Whether the mode exchanges the two images, and so can bring the old one back. */
bool td_mode_swaps(enum td_strategy_id mode);

/* Status entries for each sector: 3, 2 (swap-offset) or 0 (one slot). */
uint32_t td_mode_status_entries(enum td_strategy_id mode);

#endif
