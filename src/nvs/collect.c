/*
 * nvs/collect.c - a full sector is closed, the next one takes over, and what lives in the oldest
 * one moves into it.
 *
 *     [ closed ][ closed ][ being filled ][ erased ]      at rest
 *     [ closed ][ closed ][    closed    ][        ]      1 its last place says so
 *     [ closed ][ closed ][    closed    ][ copies ]      2 of what lives in the oldest sector
 *     [ closed ][ closed ][    closed    ][copies D]      3 D: they are all there
 *     [ erased ][ closed ][    closed    ][copies D]      4 at rest again
 *
 * Up to 3 the copies count for nothing, and after it the oldest sector counts for nothing.
 */
#include <string.h>

#include "base/range.h"
#include "nvs/nvs_priv.h"

/* What is to be copied. Entries that share a word are Zephyr's way of saving room. */
struct load {
    uint16_t from;
    uint32_t n;       /* entries */
    uint32_t aligned; /* bytes, when each begins a word */
    uint32_t packed;  /* bytes, when they follow on one another */
    bool pack;
};

/* Which is erased next; it holds the oldest entries, when it holds any. */
static uint16_t oldest(const struct td_nvs *nvs)
{
    return td_nvs_after(nvs, nvs->sector);
}

/* Whether the entry at that place of the oldest sector lives. */
static enum td_err lives(const struct td_nvs *nvs, uint16_t sector, uint32_t off,
                         struct td_nvs_raw *raw, bool *alive)
{
    struct td_nvs_entry newest;
    bool sound = false, found;
    enum td_err err = td_nvs_get(nvs, sector, off, raw, &sound);

    *alive = false;
    if (err != TD_OK || !sound || raw->id == TD_NVS_ID_NONE || raw->len == 0)
        return err;
    err = td_nvs_find(nvs, raw->id, &newest, &found);
    *alive = err == TD_OK && found && newest.sector == sector && newest.entry == off;
    return err;
}

/* Of two sectors the one that is being filled is the oldest, too. */
static enum td_err newest_in(const struct td_nvs *nvs, uint16_t sector, uint32_t *off)
{
    *off = nvs->newest;
    return sector == nvs->sector ? TD_OK : td_nvs_last(nvs, sector, off);
}

static enum td_err weigh(const struct td_nvs *nvs, uint16_t from, struct load *load)
{
    uint32_t off = td_nvs_close_off(nvs);
    enum td_err err = newest_in(nvs, from, &off);

    *load = (struct load){ .from = from };
    for (; err == TD_OK && off < td_nvs_close_off(nvs); off += nvs->entry_size) {
        struct td_nvs_raw raw;
        bool alive;

        err = lives(nvs, from, off, &raw, &alive);
        if (err == TD_OK && alive) {
            load->n++;
            load->aligned += td_nvs_align(nvs, raw.len);
            load->packed += raw.len;
        }
    }
    return err;
}

/*
 * They fit when there is a place for the word that they are all there, too; and best when one is
 * left to delete something by.
 */
static enum td_err fit(const struct td_nvs *nvs, struct load *load)
{
    uint32_t entries = (load->n + 2u) * nvs->entry_size;

    if (entries + nvs->entry_size > nvs->sector_size)
        return TD_ENOSPC;
    load->pack = load->aligned > nvs->sector_size - entries - nvs->entry_size;
    return td_nvs_align(nvs, load->packed) > nvs->sector_size - entries ? TD_ENOSPC : TD_OK;
}

/* A stream of values into the sector that is being filled. */
struct stream {
    struct td_nvs *nvs;
    uint32_t n; /* bytes that wait for their word to be full */
    uint8_t word[TD_FLASH_WRITE_MAX];
};

static enum td_err flush(struct stream *s)
{
    struct td_nvs *nvs = s->nvs;
    uint32_t word = nvs->cfg->area->dev->write_size;
    enum td_err err;

    if (s->n == 0)
        return TD_OK;
    memset(s->word + s->n, nvs->cfg->area->dev->erased, word - s->n);
    err = td_nvs_program(nvs, td_nvs_at(nvs, nvs->sector, nvs->data_off), s->word, word);
    nvs->data_off += word;
    s->n = 0;
    return err;
}

static enum td_err stream_value(struct stream *s, const struct td_nvs_entry *from)
{
    uint32_t word = s->nvs->cfg->area->dev->write_size, at = 0;
    enum td_err err = TD_OK;

    while (at < from->len && err == TD_OK) {
        uint32_t n = td_min_u32(word - s->n, from->len - at);

        err = td_nvs_entry_read(s->nvs, from, at, s->word + s->n, n);
        // A value that cannot be read is lost already; its entry keeps what can.
        if (err == TD_EECC) {
            memset(s->word + s->n, 0, n);
            err = TD_OK;
        }
        at += n;
        s->n += n;
        if (err == TD_OK && s->n == word)
            err = flush(s);
    }
    return err;
}

static enum td_err copy(struct stream *s, const struct load *load, struct td_nvs_raw *raw)
{
    const struct td_nvs_entry from = { .sector = load->from, .off = raw->off, .len = raw->len };
    enum td_err err;

    raw->off = (uint16_t)(s->nvs->data_off + s->n);
    err = stream_value(s, &from);
    if (err == TD_OK && !load->pack)
        err = flush(s);
    return err == TD_OK ? td_nvs_put_entry(s->nvs, raw) : err;
}

static enum td_err copy_all(struct td_nvs *nvs, const struct load *load)
{
    struct stream s = { .nvs = nvs };
    uint32_t off;
    enum td_err err = td_nvs_last(nvs, load->from, &off);

    for (; err == TD_OK && off < td_nvs_close_off(nvs); off += nvs->entry_size) {
        struct td_nvs_raw raw;
        bool alive;

        err = lives(nvs, load->from, off, &raw, &alive);
        if (err == TD_OK && alive)
            err = copy(&s, load, &raw);
    }
    return err == TD_OK ? flush(&s) : err;
}

enum td_err td_nvs_put_done(struct td_nvs *nvs, uint8_t part)
{
    const struct td_nvs_raw raw = { TD_NVS_ID_NONE, (uint16_t)nvs->data_off, 0, part };
    enum td_err err = td_nvs_put_entry(nvs, &raw);

    nvs->has_done = nvs->has_done || err == TD_OK;
    nvs->done_is_newest = err == TD_OK;
    return err;
}

static enum td_err drop_oldest(struct td_nvs *nvs)
{
    enum td_err err = td_nvs_erase(nvs, oldest(nvs));

    nvs->next_is_sound = err == TD_OK;
    nvs->older = (uint16_t)td_min_u32(nvs->older, nvs->sector_count - 2u);
    return err;
}

static bool has_oldest(const struct td_nvs *nvs)
{
    return nvs->older + 1u == nvs->sector_count;
}

enum td_err td_nvs_can_collect(const struct td_nvs *nvs, uint16_t from)
{
    struct load load;
    enum td_err err = weigh(nvs, from, &load);

    return err == TD_OK ? fit(nvs, &load) : err;
}

enum td_err td_nvs_collect(struct td_nvs *nvs)
{
    struct load load = { .n = 0 };
    enum td_err err = TD_OK;

    if (has_oldest(nvs))
        err = weigh(nvs, oldest(nvs), &load);
    if (err == TD_OK)
        err = fit(nvs, &load);
    if (err == TD_OK && load.n > 0)
        err = copy_all(nvs, &load);
    if (err == TD_OK)
        err = td_nvs_put_done(nvs, TD_NVS_PART);
    return err == TD_OK ? drop_oldest(nvs) : err;
}

/* --- turning over --- */

/* The store as it will be when the next sector is being filled. */
static void move_on(struct td_nvs *nvs)
{
    nvs->sector = td_nvs_after(nvs, nvs->sector);
    nvs->older = (uint16_t)(nvs->older + 1u);
    nvs->newest = td_nvs_close_off(nvs);
    nvs->entry_off = nvs->newest - nvs->entry_size;
    nvs->data_off = 0;
    nvs->has_done = false;
    nvs->done_is_newest = false;
    nvs->next_is_sound = false;
}

/*
 * The next sector reads erased, but its erase may have been cut when the power went last. It may
 * be erased again only as long as this one can say that nothing is in the other.
 */
static enum td_err prepare_next(struct td_nvs *nvs)
{
    enum td_err err;

    if (nvs->next_is_sound || !nvs->has_done)
        return TD_OK;
    err = td_nvs_erase(nvs, td_nvs_after(nvs, nvs->sector));
    nvs->next_is_sound = err == TD_OK;
    return err;
}

static enum td_err close_sector(struct td_nvs *nvs)
{
    const struct td_nvs_raw raw = { TD_NVS_ID_NONE, (uint16_t)nvs->newest, 0, TD_NVS_PART };
    uint8_t bytes[TD_FLASH_WRITE_MAX];

    memset(bytes, nvs->cfg->area->dev->erased, sizeof bytes);
    td_nvs_encode(&raw, bytes);
    return td_nvs_program(nvs, td_nvs_at(nvs, nvs->sector, td_nvs_close_off(nvs)), bytes,
                          nvs->entry_size);
}

static enum td_err begin_next(struct td_nvs *nvs)
{
    enum td_err err = prepare_next(nvs);

    if (err == TD_OK)
        err = close_sector(nvs);
    if (err == TD_OK)
        move_on(nvs);
    return err;
}

enum td_err td_nvs_turn(struct td_nvs *nvs)
{
    enum td_err err = TD_OK;

    // Whether it fits is asked before anything is touched.
    if (nvs->older + 2u == nvs->sector_count)
        err = td_nvs_can_collect(nvs, td_nvs_after(nvs, oldest(nvs)));
    if (err == TD_OK)
        err = begin_next(nvs);
    return err == TD_OK ? td_nvs_collect(nvs) : err;
}

/* --- forgetting everything --- */

/* Every sector but the one that is being filled. */
static enum td_err drop_all(struct td_nvs *nvs)
{
    uint16_t sector = oldest(nvs);
    enum td_err err = TD_OK;

    for (; sector != nvs->sector && err == TD_OK; sector = td_nvs_after(nvs, sector))
        err = td_nvs_erase(nvs, sector);
    nvs->older = 0;
    nvs->next_is_sound = err == TD_OK;
    return err;
}

enum td_err td_nvs_forget(struct td_nvs *nvs)
{
    struct td_nvs_view view;
    enum td_err err;

    if (!nvs->writable)
        return TD_ESTATE;
    err = td_nvs_view(nvs, nvs->sector, &view);
    if (err == TD_OK)
        err = begin_next(nvs);
    if (err == TD_OK)
        err = td_nvs_put_done(nvs, td_nvs_next_wipe(view.wipe));
    nvs->writable = err == TD_OK;
    return err;
}

enum td_err td_nvs_wipe(struct td_nvs *nvs)
{
    enum td_err err = td_nvs_forget(nvs);

    if (err == TD_OK)
        err = drop_all(nvs);
    nvs->writable = nvs->writable && err == TD_OK;
    return err;
}
