/* nvs/nvs_priv.h - one sector and its entries, for the room. */
#ifndef TD_NVS_NVS_PRIV_H
#define TD_NVS_NVS_PRIV_H

#include "nvs/nvs.h"

#define TD_NVS_PART       0xFF /* what Zephyr writes into an entry's part */
#define TD_NVS_WIPE_FIRST 0xFC /* ours, in turns: everything older is forgotten */
#define TD_NVS_WIPE_LAST  0xFE
#define TD_NVS_CRC_SIZE   4u

/* An entry as it stands in flash. */
struct td_nvs_raw {
    uint16_t id;
    uint16_t off;
    uint16_t len;
    uint8_t part;
};

/* How the last place of a sector reads. */
enum td_nvs_close { TD_NVS_OPEN, TD_NVS_CLOSED, TD_NVS_GARBLED };

/* What a sector says about itself, read from its entries. */
struct td_nvs_view {
    enum td_nvs_close close;
    uint32_t last;     /* offset of the newest sound entry; the close entry's own: there is none */
    uint32_t next;     /* offset of the first free place of an entry; 0: there is none */
    uint32_t data_end; /* where the newest sound entry's value ends */
    uint16_t n;        /* sound entries */
    bool has_done;     /* one of them says that garbage collection was finished */
    bool done_is_last; /* and it is the newest */
    uint8_t wipe;      /* the part of the entry that says that nothing older counts; 0: none */
    bool has_torn;     /* a place is neither sound nor erased */
};

/* Positions from the start of the area. */
static inline uint32_t td_nvs_at(const struct td_nvs *nvs, uint16_t sector, uint32_t off)
{
    return sector * nvs->sector_size + off;
}

static inline uint16_t td_nvs_after(const struct td_nvs *nvs, uint16_t sector)
{
    return (uint16_t)(sector + 1u == nvs->sector_count ? 0u : sector + 1u);
}

static inline uint16_t td_nvs_before(const struct td_nvs *nvs, uint16_t sector)
{
    return (uint16_t)(sector == 0 ? nvs->sector_count - 1u : sector - 1u);
}

static inline uint32_t td_nvs_align(const struct td_nvs *nvs, uint32_t len)
{
    uint32_t w = nvs->cfg->area->dev->write_size;

    return (len + w - 1u) / w * w;
}

static inline uint32_t td_nvs_crc_size(const struct td_nvs *nvs)
{
    return nvs->cfg->data_crc ? TD_NVS_CRC_SIZE : 0u;
}

/* The offset of a sector's last place, where it is closed. */
static inline uint32_t td_nvs_close_off(const struct td_nvs *nvs)
{
    return nvs->sector_size - nvs->entry_size;
}

/* That an entry is the store's own: the end of a garbage collection. */
static inline bool td_nvs_is_done(const struct td_nvs_raw *raw)
{
    return raw->id == TD_NVS_ID_NONE && raw->len == 0;
}

static inline bool td_nvs_is_wipe(const struct td_nvs_raw *raw)
{
    return td_nvs_is_done(raw) && raw->part >= TD_NVS_WIPE_FIRST && raw->part <= TD_NVS_WIPE_LAST;
}

/* What the next wipe writes; wipe 0: there was none. */
static inline uint8_t td_nvs_next_wipe(uint8_t wipe)
{
    return (uint8_t)(wipe == 0 || wipe == TD_NVS_WIPE_LAST ? TD_NVS_WIPE_FIRST : wipe + 1);
}

/* The place at off, from one read: whether its CRC and its extent are right. */
enum td_err td_nvs_glance(const struct td_nvs *nvs, uint16_t sector, uint32_t off,
                          struct td_nvs_raw *raw, bool *likely);

/* The same for good: what is sound reads the same every time. */
enum td_err td_nvs_get(const struct td_nvs *nvs, uint16_t sector, uint32_t off,
                       struct td_nvs_raw *raw, bool *sound);

void td_nvs_encode(const struct td_nvs_raw *raw, uint8_t dst[TD_NVS_ENTRY_SIZE]);

/* Whether a range of the sector always reads erased. */
enum td_err td_nvs_is_blank(const struct td_nvs *nvs, uint16_t sector, uint32_t off, uint32_t len,
                            bool *blank);

enum td_err td_nvs_view(const struct td_nvs *nvs, uint16_t sector, struct td_nvs_view *view);

/* Where a sector's newest entry stands when it is not the one being filled. */
enum td_err td_nvs_last(const struct td_nvs *nvs, uint16_t sector, uint32_t *off);

/* The newest entry with this id; *found. Searches older sectors than nvs->sector to the end. */
enum td_err td_nvs_find(const struct td_nvs *nvs, uint16_t id, struct td_nvs_entry *entry,
                        bool *found);

/* Erases a sector and looks whether it is blank. */
enum td_err td_nvs_erase(const struct td_nvs *nvs, uint16_t sector);

/* Programs whole words at a place of the area, but those that would read erased. */
enum td_err td_nvs_program(const struct td_nvs *nvs, uint32_t at, const uint8_t *src, uint32_t len);

/* Writes an entry at the next free place of the sector that is being filled. */
enum td_err td_nvs_put_entry(struct td_nvs *nvs, const struct td_nvs_raw *raw);

/* The entry that says: garbage collection is over. */
enum td_err td_nvs_put_done(struct td_nvs *nvs, uint8_t part);

/* Whether what lives in that sector fits into an erased one. TD_ENOSPC: no. */
enum td_err td_nvs_can_collect(const struct td_nvs *nvs, uint16_t from);

/* Closes the sector that is being filled and goes on in the next one, after td_nvs_collect. */
enum td_err td_nvs_turn(struct td_nvs *nvs);

/*
 * The sector that is being filled is blank: copies what lives in the one behind it, and erases
 * that one.
 */
enum td_err td_nvs_collect(struct td_nvs *nvs);

#endif
