/*
 * nvs/nvs.h - a key-value store in flash, in the format of Zephyr's NVS.
 *
 * docs/spec/nvs.md states every byte and every step. Keys are numbers (ids 0 to 0xFFFE), values
 * are up to a sector's bytes. A partition that Zephyr wrote is read and written on, and one that
 * we wrote is read and written on by Zephyr.
 *
 * The caller places struct td_nvs and struct td_nvs_config, and both outlive every call. Nothing
 * is allocated. One thread at a time.
 *
 * What holds, at every power cut too, also one in the repair of another:
 *
 * 1. A value whose write returned TD_OK is read until it is written or deleted again.
 * 2. A key whose write or delete was cut reads its old value or its new one; no other changes.
 * 3. No word is programmed that may be unstable or whose sector's erase may have been cut.
 *
 * TD_EFLASH: the driver failed, or the power is gone. The store must be mounted again before it
 * is written to; until then writes answer TD_ESTATE.
 */
#ifndef TD_NVS_NVS_H
#define TD_NVS_NVS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "flash/flash.h"

#define TD_NVS_ENTRY_SIZE  8      /* bytes of an allocation table entry, without padding */
#define TD_NVS_ID_NONE     0xFFFF /* belongs to the store itself */
#define TD_NVS_SECTOR_MAX  65536
#define TD_NVS_SECTORS_MAX 65535

struct td_nvs_config {
    const struct td_flash_area *area;
    uint32_t sector_size;  /* bytes, a multiple of the flash's sectors; 0: one of them */
    uint16_t sector_count; /* from the area's start on; 0: all that fit, but no more than 8 */
    bool data_crc;         /* Zephyr's CONFIG_NVS_DATA_CRC: a CRC-32 behind each value */
};

/* A mounted store. Its fields are the room's, but may be looked at. */
struct td_nvs {
    const struct td_nvs_config *cfg;
    uint32_t sector_size;
    uint16_t sector_count;
    uint16_t entry_size; /* an entry with its padding */
    uint16_t sector;     /* which is being filled */
    uint16_t older;      /* how many before it hold entries */
    uint32_t newest;     /* where its newest entry stands; at its end: there is none */
    uint32_t entry_off;  /* where its next entry goes, 0: nowhere; sectors grow from both ends */
    uint32_t data_off;   /* where its next value goes */
    bool has_done;       /* it says that the garbage collection before it was finished */
    bool done_is_newest; /* and nothing was written to it since */
    bool next_is_sound;  /* the sector behind it was erased since this was mounted */
    bool writable;       /* mounted, and nothing failed since */
    bool to_repair;      /* td_nvs_look: a cut left something that mount would finish */
};

/* How full a store is. */
struct td_nvs_space {
    uint32_t capacity;  /* bytes that entries and values may take, by Zephyr's reckoning */
    uint32_t free;      /* of these, once all garbage is collected */
    uint32_t room;      /* bytes of the longest value that goes in without collecting garbage */
    uint32_t value_max; /* bytes of the longest value that can be stored at all */
};

/*
 * Reads where things stand and touches nothing; after it, everything below that only reads
 * works. For dumps, and for whoever may not write.
 *
 * TD_ENVS_AREA: the configuration is none: fewer than 2 sectors, sectors too small or too large
 * or of several sizes. TD_ENVS_FOREIGN: there is something else. TD_EFLASH.
 */
enum td_err td_nvs_look(struct td_nvs *nvs, const struct td_nvs_config *cfg);

/*
 * The same, and finishes what a power cut left: erases a sector or two, goes on with garbage
 * collection. An erased area becomes an empty store. TD_ENVS_FOREIGN: nothing was touched;
 * td_nvs_format makes a store of it. Errors as above.
 */
enum td_err td_nvs_mount(struct td_nvs *nvs, const struct td_nvs_config *cfg);

/* Erases every sector, whatever they hold, and mounts. Not safe against a cut: see td_nvs_wipe. */
enum td_err td_nvs_format(struct td_nvs *nvs, const struct td_nvs_config *cfg);

/*
 * Forgets every key at once, then erases what they were kept in. After a cut, all of them are
 * there or none; the next mount finishes the erasing. TD_ESTATE, TD_EFLASH.
 */
enum td_err td_nvs_wipe(struct td_nvs *nvs);

/*
 * The same without the erasing, for who erases in steps: every sector but nvs->sector, the one
 * behind it first; then the store is mounted again. Whoever writes before that undoes it.
 */
enum td_err td_nvs_forget(struct td_nvs *nvs);

/*
 * Copies the value into dst and its whole length to *len. TD_ENOTFOUND: no such key, or deleted;
 * *len is 0. TD_ESPACE: it is longer than cap, dst holds its beginning. TD_ENVS_DATA: its CRC is
 * wrong. TD_ESTATE, TD_EFLASH.
 */
enum td_err td_nvs_read(const struct td_nvs *nvs, uint16_t id, void *dst, size_t cap, size_t *len);

/*
 * Writes the value; len 0 deletes the key. What reads the same already is not written again. May
 * collect garbage: erases a sector or more, and blocks that long.
 *
 * TD_EARG: the id is TD_NVS_ID_NONE. TD_ENVS_SIZE: no sector can hold it. TD_ENOSPC: there is
 * no room, even after all garbage is collected. With these, every key is as it was. TD_ESTATE,
 * TD_EFLASH.
 */
enum td_err td_nvs_write(struct td_nvs *nvs, uint16_t id, const void *src, size_t len);

/* Deletes the key; TD_OK too when there is none. Errors as above. */
enum td_err td_nvs_delete(struct td_nvs *nvs, uint16_t id);

/* TD_ESTATE, TD_EFLASH. */
enum td_err td_nvs_space(const struct td_nvs *nvs, struct td_nvs_space *space);

/* An entry of the table. */
struct td_nvs_entry {
    uint16_t id;
    uint16_t sector;
    uint32_t off;   /* of the value, in its sector */
    uint32_t len;   /* of the value, in bytes, its CRC included; 0: deleted */
    uint32_t entry; /* of the entry itself, in its sector */
    bool current;   /* no newer entry has its id */
};

/* A place in the store. Writing makes iterators invalid. */
struct td_nvs_iter {
    const struct td_nvs *nvs;
    uint32_t off;
    uint32_t top; /* the sector's entries end here */
    uint16_t sector;
    uint16_t older;
    bool opened;
};

void td_nvs_begin(struct td_nvs_iter *it, const struct td_nvs *nvs);

/* The next older entry, newest first; all there are, but the store's own. *end: no more. */
enum td_err td_nvs_next(struct td_nvs_iter *it, struct td_nvs_entry *entry, bool *end);

/* The same without entry->current, which costs a search. */
enum td_err td_nvs_next_raw(struct td_nvs_iter *it, struct td_nvs_entry *entry, bool *end);

/* Copies bytes of the entry's value from at on; no CRC is looked at. TD_EARG: not inside it. */
enum td_err td_nvs_entry_read(const struct td_nvs *nvs, const struct td_nvs_entry *entry,
                              uint32_t at, void *dst, size_t len);

/* What a sector looks like; for whoever shows a store to people. */
enum td_nvs_sector_state {
    TD_NVS_SECTOR_ERASED,
    TD_NVS_SECTOR_OPEN,   /* is being filled */
    TD_NVS_SECTOR_CLOSED, /* full */
    TD_NVS_SECTOR_TORN,   /* its end is neither erased nor sound: closed when the power went */
    TD_NVS_SECTOR_OTHER,  /* not erased, and not part of the store: garbage to be erased */
};

enum td_err td_nvs_sector_state(const struct td_nvs *nvs, uint16_t sector,
                                enum td_nvs_sector_state *state);

#endif
