/*
 * nvs/nvs.c - reading and writing a store that is mounted.
 *
 * A search goes from the newest entry to the oldest: through the sector that is being filled,
 * then through the closed ones before it. The first entry with the id is the one that counts.
 * The store's own word that everything was wiped ends a search.
 */
#include "nvs/nvs.h"

#include <string.h>

#include "base/crc.h"
#include "base/range.h"
#include "nvs/nvs_priv.h"

#define PIECE 64u

/* --- from newest to oldest --- */

void td_nvs_begin(struct td_nvs_iter *it, const struct td_nvs *nvs)
{
    *it = (struct td_nvs_iter){
        .nvs = nvs, .off = nvs->newest, .sector = nvs->sector, .older = nvs->older
    };
}

/* The next place there is; it need not hold anything sound. */
static enum td_err next_place(struct td_nvs_iter *it, uint32_t *off, bool *end)
{
    const struct td_nvs *nvs = it->nvs;
    enum td_err err = TD_OK;

    while (err == TD_OK && it->off >= td_nvs_close_off(nvs) && it->older > 0) {
        it->older--;
        it->sector = td_nvs_before(nvs, it->sector);
        err = td_nvs_last(nvs, it->sector, &it->off);
    }
    *end = it->off >= td_nvs_close_off(nvs);
    *off = it->off;
    if (!*end)
        it->off += nvs->entry_size;
    return err;
}

/* Ends the iterator for good. */
static void finish(struct td_nvs_iter *it)
{
    it->off = td_nvs_close_off(it->nvs);
    it->older = 0;
}

/* The next sound entry with that id, TD_NVS_ID_NONE for any. */
static enum td_err next_with(struct td_nvs_iter *it, uint16_t id, struct td_nvs_entry *entry,
                             bool *end)
{
    const struct td_nvs *nvs = it->nvs;
    struct td_nvs_raw raw;

    for (;;) {
        bool sound;
        uint32_t off;
        enum td_err err = next_place(it, &off, end);

        if (err == TD_OK && !*end)
            err = td_nvs_glance(nvs, it->sector, off, &raw, &sound);
        if (err != TD_OK || *end)
            return err;
        if (!sound || (raw.id != id && id != TD_NVS_ID_NONE && !td_nvs_is_wipe(&raw)))
            continue;
        err = td_nvs_get(nvs, it->sector, off, &raw, &sound);
        if (err != TD_OK)
            return err;
        if (sound && td_nvs_is_wipe(&raw)) {
            finish(it);
            continue;
        }
        if (!sound || raw.id == TD_NVS_ID_NONE || (raw.id != id && id != TD_NVS_ID_NONE))
            continue;
        *entry = (struct td_nvs_entry){
            .id = raw.id, .sector = it->sector, .off = raw.off, .len = raw.len, .entry = off
        };
        return TD_OK;
    }
}

enum td_err td_nvs_next_raw(struct td_nvs_iter *it, struct td_nvs_entry *entry, bool *end)
{
    return next_with(it, TD_NVS_ID_NONE, entry, end);
}

enum td_err td_nvs_find(const struct td_nvs *nvs, uint16_t id, struct td_nvs_entry *entry,
                        bool *found)
{
    struct td_nvs_iter it;
    bool end = true;
    enum td_err err;

    td_nvs_begin(&it, nvs);
    err = next_with(&it, id, entry, &end);
    *found = err == TD_OK && !end;
    return err;
}

enum td_err td_nvs_next(struct td_nvs_iter *it, struct td_nvs_entry *entry, bool *end)
{
    enum td_err err = td_nvs_next_raw(it, entry, end);
    struct td_nvs_entry newest;
    bool found;

    if (err != TD_OK || *end)
        return err;
    err = td_nvs_find(it->nvs, entry->id, &newest, &found);
    entry->current =
        err == TD_OK && found && newest.sector == entry->sector && newest.entry == entry->entry;
    return err;
}

enum td_err td_nvs_entry_read(const struct td_nvs *nvs, const struct td_nvs_entry *entry,
                              uint32_t at, void *dst, size_t len)
{
    if (at > entry->len || len > entry->len - at)
        return TD_EARG;
    return td_flash_read(nvs->cfg->area, td_nvs_at(nvs, entry->sector, entry->off + at), dst, len);
}

/* --- reading --- */

/* Whether the CRC behind the value is its own. */
static enum td_err check_data(const struct td_nvs *nvs, const struct td_nvs_entry *entry)
{
    uint32_t len = entry->len - TD_NVS_CRC_SIZE, crc = 0;
    uint8_t bytes[PIECE];
    enum td_err err = TD_OK;

    for (uint32_t at = 0; at < len && err == TD_OK; at += PIECE) {
        uint32_t n = td_min_u32(len - at, PIECE);

        err = td_nvs_entry_read(nvs, entry, at, bytes, n);
        if (err == TD_OK)
            crc = td_crc32(crc, bytes, n);
    }
    if (err == TD_OK)
        err = td_nvs_entry_read(nvs, entry, len, bytes, TD_NVS_CRC_SIZE);
    if (err != TD_OK)
        return err == TD_EECC ? TD_ENVS_DATA : err;
    for (unsigned i = 0; i < TD_NVS_CRC_SIZE; i++) {
        if (bytes[i] != (uint8_t)(crc >> 8 * i))
            return TD_ENVS_DATA;
    }
    return TD_OK;
}

enum td_err td_nvs_read(const struct td_nvs *nvs, uint16_t id, void *dst, size_t cap, size_t *len)
{
    struct td_nvs_entry entry;
    bool found = false;
    enum td_err err;

    *len = 0;
    if (id == TD_NVS_ID_NONE)
        return TD_ENOTFOUND;
    err = td_nvs_find(nvs, id, &entry, &found);
    if (err != TD_OK)
        return err;
    if (!found || entry.len <= td_nvs_crc_size(nvs))
        return TD_ENOTFOUND;
    if (nvs->cfg->data_crc)
        err = check_data(nvs, &entry);
    if (err != TD_OK)
        return err;
    *len = entry.len - td_nvs_crc_size(nvs);
    err = td_nvs_entry_read(nvs, &entry, 0, dst, *len < cap ? *len : cap);
    if (err == TD_EECC)
        err = TD_ENVS_DATA;
    return err == TD_OK && *len > cap ? TD_ESPACE : err;
}

/* --- writing --- */

/* Whether the value stands there already. */
static enum td_err is_there(const struct td_nvs *nvs, const struct td_nvs_entry *entry,
                            const uint8_t *src, uint32_t len, bool *same)
{
    uint8_t bytes[PIECE];
    enum td_err err = TD_OK;

    *same = entry->len == len + td_nvs_crc_size(nvs);
    if (*same && nvs->cfg->data_crc)
        err = check_data(nvs, entry);
    for (uint32_t at = 0; at < len && *same && err == TD_OK; at += PIECE) {
        uint32_t n = td_min_u32(len - at, PIECE);

        err = td_nvs_entry_read(nvs, entry, at, bytes, n);
        *same = err == TD_OK && memcmp(bytes, src + at, n) == 0;
    }
    *same = *same && err == TD_OK;
    return err == TD_EECC || err == TD_ENVS_DATA ? TD_OK : err;
}

/* Whether anything has to be written at all. */
static enum td_err is_needed(const struct td_nvs *nvs, uint16_t id, const uint8_t *src,
                             uint32_t len, bool *needed)
{
    struct td_nvs_entry entry;
    bool found, same = false;
    enum td_err err = td_nvs_find(nvs, id, &entry, &found);

    *needed = found ? entry.len > 0 : len > 0;
    if (err != TD_OK || !found || len == 0)
        return err;
    err = is_there(nvs, &entry, src, len, &same);
    *needed = !same;
    return err;
}

/* Writes the bytes and the CRC behind them, padded to a whole word. */
static enum td_err put_value(struct td_nvs *nvs, const uint8_t *src, uint32_t len)
{
    uint32_t word = nvs->cfg->area->dev->write_size;
    uint32_t whole = len - len % word, rest = len % word, crc = td_crc32(0, src, len);
    uint32_t at = td_nvs_at(nvs, nvs->sector, nvs->data_off);
    uint8_t tail[TD_FLASH_WRITE_MAX + TD_FLASH_WRITE_MAX];
    enum td_err err = td_nvs_program(nvs, at, src, whole);

    memset(tail, nvs->cfg->area->dev->erased, sizeof tail);
    memcpy(tail, src + whole, rest);
    if (nvs->cfg->data_crc) {
        for (unsigned i = 0; i < TD_NVS_CRC_SIZE; i++)
            tail[rest + i] = (uint8_t)(crc >> 8 * i);
        rest += TD_NVS_CRC_SIZE;
    }
    if (err == TD_OK)
        err = td_nvs_program(nvs, at + whole, tail, td_nvs_align(nvs, rest));
    nvs->data_off += whole + td_nvs_align(nvs, rest);
    return err;
}

enum td_err td_nvs_put_entry(struct td_nvs *nvs, const struct td_nvs_raw *raw)
{
    uint8_t bytes[TD_FLASH_WRITE_MAX];
    enum td_err err;

    memset(bytes, nvs->cfg->area->dev->erased, sizeof bytes);
    td_nvs_encode(raw, bytes);
    err = td_nvs_program(nvs, td_nvs_at(nvs, nvs->sector, nvs->entry_off), bytes, nvs->entry_size);
    if (err != TD_OK)
        return err;
    nvs->newest = nvs->entry_off;
    nvs->entry_off -= nvs->entry_size;
    nvs->done_is_newest = false;
    return err;
}

/* The value first, then its entry: without the second the first is not there. */
static enum td_err append(struct td_nvs *nvs, uint16_t id, const uint8_t *src, uint32_t len)
{
    struct td_nvs_raw raw = { .id = id,
                              .off = (uint16_t)nvs->data_off,
                              .len = (uint16_t)(len == 0 ? 0 : len + td_nvs_crc_size(nvs)),
                              .part = TD_NVS_PART };
    enum td_err err = len == 0 ? TD_OK : put_value(nvs, src, len);

    return err == TD_OK ? td_nvs_put_entry(nvs, &raw) : err;
}

/* Whether it fits in front of the entries. A deletion takes the place that values leave free. */
static bool has_room(const struct td_nvs *nvs, uint32_t len)
{
    uint32_t room = len == 0 ? 0 : td_nvs_align(nvs, len + td_nvs_crc_size(nvs)) + nvs->entry_size;

    return nvs->entry_off != 0 && nvs->entry_off >= nvs->data_off &&
           nvs->entry_off - nvs->data_off >= room;
}

static enum td_err make_room(struct td_nvs *nvs, uint32_t len)
{
    enum td_err err = TD_OK;

    for (unsigned turns = 0; err == TD_OK && !has_room(nvs, len); turns++) {
        // Of two sectors the other one would hold the very same.
        if (turns == nvs->sector_count || (nvs->sector_count == 2 && nvs->done_is_newest))
            return TD_ENOSPC;
        err = td_nvs_turn(nvs);
    }
    return err;
}

static uint32_t value_max(const struct td_nvs *nvs)
{
    uint32_t most = nvs->sector_size - 4u * nvs->entry_size;

    // The length, CRC included, has 16 bits.
    most = td_round_down(td_min_u32(most, UINT16_MAX), nvs->cfg->area->dev->write_size);
    return most - td_nvs_crc_size(nvs);
}

enum td_err td_nvs_write(struct td_nvs *nvs, uint16_t id, const void *src, size_t len)
{
    bool needed = false;
    enum td_err err;

    if (!nvs->writable)
        return TD_ESTATE;
    if (id == TD_NVS_ID_NONE)
        return TD_EARG;
    if (len > value_max(nvs))
        return TD_ENVS_SIZE;
    err = is_needed(nvs, id, src, (uint32_t)len, &needed);
    if (err != TD_OK || !needed)
        return err;
    err = make_room(nvs, (uint32_t)len);
    if (err == TD_OK)
        err = append(nvs, id, src, (uint32_t)len);
    nvs->writable = err == TD_OK || err == TD_ENOSPC;
    return err;
}

enum td_err td_nvs_delete(struct td_nvs *nvs, uint16_t id)
{
    return td_nvs_write(nvs, id, NULL, 0);
}

/* --- how full it is --- */

/* What the sector's own entries take: one for each time that garbage was collected. */
static enum td_err own_entries(const struct td_nvs *nvs, uint32_t *n)
{
    uint16_t sector = nvs->sector;
    enum td_err err = TD_OK;

    *n = 0;
    for (uint32_t i = 0; i <= nvs->older && err == TD_OK; i++) {
        struct td_nvs_view view;

        err = td_nvs_view(nvs, sector, &view);
        *n += view.has_done;
        sector = td_nvs_before(nvs, sector);
    }
    return err;
}

enum td_err td_nvs_space(const struct td_nvs *nvs, struct td_nvs_space *space)
{
    struct td_nvs_entry entry;
    struct td_nvs_iter it;
    uint32_t used;
    bool end = false;
    enum td_err err = own_entries(nvs, &used);

    used *= nvs->entry_size;
    td_nvs_begin(&it, nvs);
    while (err == TD_OK && (err = td_nvs_next(&it, &entry, &end)) == TD_OK && !end) {
        if (entry.current && entry.len > 0)
            used += td_nvs_align(nvs, entry.len) + nvs->entry_size;
    }
    space->capacity =
        (nvs->sector_count - 1u) * (nvs->sector_size - 2u * (uint32_t)nvs->entry_size);
    space->free = used < space->capacity ? space->capacity - used : 0;
    used = nvs->data_off + nvs->entry_size + td_nvs_crc_size(nvs);
    space->room = nvs->entry_off > used ? nvs->entry_off - used : 0;
    space->value_max = value_max(nvs);
    return err;
}
