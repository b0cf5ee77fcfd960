/*
 * nvs/sector.c - one sector: values from its start, entries from its end, and what both say.
 *
 * 1. An entry is sound when its CRC is right, its value ends before it, and every read gives the
 *    same. A torn one that looks right by chance is found out by reading it again.
 * 2. Places of entries are used from the top downwards without a gap: what lies below the first
 *    blank one is values, however much it looks like entries.
 * 3. A word that would read erased is not programmed, and reads the same: so no word reads erased
 *    that may not be programmed any more.
 */
#include <string.h>

#include "base/bytes.h"
#include "nvs/nvs_priv.h"

/* CRC-8 with the polynomial 0x07, from 0xFF on. */
static uint8_t crc8(const uint8_t *bytes, size_t len)
{
    uint8_t crc = 0xFF;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint8_t)((crc & 0x80u) != 0 ? (unsigned)crc << 1 ^ 7u : (unsigned)crc << 1);
    }
    return crc;
}

void td_nvs_encode(const struct td_nvs_raw *raw, uint8_t dst[TD_NVS_ENTRY_SIZE])
{
    td_store_le16(dst, raw->id);
    td_store_le16(dst + 2, raw->off);
    td_store_le16(dst + 4, raw->len);
    dst[6] = raw->part;
    dst[7] = crc8(dst, 7);
}

static bool decode(const uint8_t src[TD_NVS_ENTRY_SIZE], uint32_t place, struct td_nvs_raw *raw)
{
    raw->id = td_load_le16(src);
    raw->off = td_load_le16(src + 2);
    raw->len = td_load_le16(src + 4);
    raw->part = src[6];
    return crc8(src, 7) == src[7] && (uint32_t)raw->off + raw->len <= place;
}

static bool is_erased(const struct td_nvs *nvs, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != nvs->cfg->area->dev->erased)
            return false;
    }
    return true;
}

enum td_err td_nvs_glance(const struct td_nvs *nvs, uint16_t sector, uint32_t off,
                          struct td_nvs_raw *raw, bool *likely)
{
    uint8_t bytes[TD_NVS_ENTRY_SIZE];
    enum td_err err =
        td_flash_read(nvs->cfg->area, td_nvs_at(nvs, sector, off), bytes, sizeof bytes);

    *likely = err == TD_OK && !is_erased(nvs, bytes, sizeof bytes) && decode(bytes, off, raw);
    return err == TD_EECC ? TD_OK : err;
}

enum td_err td_nvs_get(const struct td_nvs *nvs, uint16_t sector, uint32_t off,
                       struct td_nvs_raw *raw, bool *sound)
{
    uint8_t bytes[TD_NVS_ENTRY_SIZE];
    bool likely, steady;
    enum td_err err = td_nvs_glance(nvs, sector, off, raw, &likely);

    *sound = false;
    if (err != TD_OK || !likely)
        return err;
    err = td_flash_read_steady(nvs->cfg->area, td_nvs_at(nvs, sector, off), bytes, sizeof bytes,
                               &steady);
    *sound = err == TD_OK && steady && decode(bytes, off, raw);
    return err;
}

enum td_err td_nvs_is_blank(const struct td_nvs *nvs, uint16_t sector, uint32_t off, uint32_t len,
                            bool *blank)
{
    uint8_t bytes[64];
    enum td_err err = TD_OK;

    *blank = true;
    for (uint32_t at = 0; at < len && *blank && err == TD_OK; at += sizeof bytes) {
        uint32_t n = len - at < sizeof bytes ? len - at : (uint32_t)sizeof bytes;
        bool steady;

        err = td_flash_read_steady(nvs->cfg->area, td_nvs_at(nvs, sector, off + at), bytes, n,
                                   &steady);
        *blank = err == TD_OK && steady && is_erased(nvs, bytes, n);
    }
    return err;
}

/* The last place of a sector: it points at the newest entry, from a multiple of its size. */
static enum td_err view_close(const struct td_nvs *nvs, uint16_t sector, struct td_nvs_raw *raw,
                              enum td_nvs_close *close)
{
    uint32_t place = td_nvs_close_off(nvs);
    bool sound, blank;
    enum td_err err = td_nvs_get(nvs, sector, place, raw, &sound);

    *close = TD_NVS_GARBLED;
    if (err == TD_OK && sound) {
        if (td_nvs_is_done(raw) && (nvs->sector_size - raw->off) % nvs->entry_size == 0)
            *close = TD_NVS_CLOSED;
        return TD_OK;
    }
    if (err == TD_OK)
        err = td_nvs_is_blank(nvs, sector, place, nvs->entry_size, &blank);
    if (err == TD_OK && blank)
        *close = TD_NVS_OPEN;
    return err;
}

static void take_in(struct td_nvs_view *view, const struct td_nvs_raw *raw, uint32_t off)
{
    bool done = td_nvs_is_done(raw);

    view->last = off;
    view->data_end = (uint32_t)raw->off + raw->len;
    view->has_done = view->has_done || done;
    view->done_is_last = done;
    if (td_nvs_is_wipe(raw))
        view->wipe = raw->part;
    view->n++;
}

enum td_err td_nvs_view(const struct td_nvs *nvs, uint16_t sector, struct td_nvs_view *view)
{
    uint32_t off = td_nvs_close_off(nvs);
    struct td_nvs_raw raw;
    enum td_err err;

    *view = (struct td_nvs_view){ .last = off };
    err = view_close(nvs, sector, &raw, &view->close);
    while (err == TD_OK && off >= nvs->entry_size && off - nvs->entry_size >= view->data_end) {
        bool sound, blank;

        off -= nvs->entry_size;
        err = td_nvs_get(nvs, sector, off, &raw, &sound);
        if (err != TD_OK)
            return err;
        if (sound) {
            take_in(view, &raw, off);
            continue;
        }
        err = td_nvs_is_blank(nvs, sector, off, nvs->entry_size, &blank);
        if (err == TD_OK && blank) {
            view->next = off;
            return TD_OK;
        }
        view->has_torn = true;
    }
    return err;
}

enum td_err td_nvs_last(const struct td_nvs *nvs, uint16_t sector, uint32_t *off)
{
    struct td_nvs_view view;
    struct td_nvs_raw raw;
    enum td_nvs_close close;
    enum td_err err = view_close(nvs, sector, &raw, &close);

    *off = td_nvs_close_off(nvs);
    if (err != TD_OK || close == TD_NVS_OPEN)
        return err;
    if (close == TD_NVS_CLOSED) {
        *off = raw.off;
        return TD_OK;
    }
    err = td_nvs_view(nvs, sector, &view);
    *off = view.last;
    return err;
}

enum td_err td_nvs_erase(const struct td_nvs *nvs, uint16_t sector)
{
    bool blank = false;
    enum td_err err = td_flash_erase(nvs->cfg->area, td_nvs_at(nvs, sector, 0), nvs->sector_size);

    if (err == TD_OK)
        err =
            td_flash_is_blank(nvs->cfg->area, td_nvs_at(nvs, sector, 0), nvs->sector_size, &blank);
    return err == TD_OK && !blank ? TD_EFLASH : err;
}

enum td_err td_nvs_program(const struct td_nvs *nvs, uint32_t at, const uint8_t *src, uint32_t len)
{
    uint32_t word = nvs->cfg->area->dev->write_size, from = 0;
    enum td_err err = TD_OK;

    for (uint32_t to = 0; to <= len && err == TD_OK; to += word) {
        if (to < len && !is_erased(nvs, src + to, word))
            continue;
        if (to > from)
            err = td_flash_write(nvs->cfg->area, at + from, src + from, to - from);
        from = to + word;
    }
    return err;
}
