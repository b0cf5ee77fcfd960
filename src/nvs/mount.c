/*
 * nvs/mount.c - which sector is being filled, and what a power cut left to do.
 *
 * A sector is closed when its last place says so, or when that place is garbled but the sector
 * holds the mark D of a finished garbage collection: then the power went as it was closed.
 *
 * 1. A sector with D that is not closed is the one being filled. The next one holds nothing that
 *    counts; when it is not erased, erasing it was cut. So it is with all others after a wipe.
 * 2. Without such a one it is the sector behind the closed ones. When the one behind that is not
 *    erased, garbage collection was cut: what was copied is erased, and copied again.
 * 3. Two sectors with D that are not closed: one of them was being erased. The other one was
 *    begun just before, so D is its newest entry and all the rest of it is erased.
 */
#include <string.h>

#include "nvs/nvs_priv.h"

#define SECTORS_DEFAULT 8u
#define ENTRIES_MIN     8u /* a sector's bytes, in entries */
#define NO_SECTOR       0xFFFFu

enum reading { STRICT, LENIENT };

static bool is_closed(const struct td_nvs_view *view, enum reading reading)
{
    if (view->close == TD_NVS_GARBLED)
        return reading == STRICT ? view->has_done : view->n > 0;
    return view->close == TD_NVS_CLOSED;
}

static enum td_err sector_is_closed(const struct td_nvs *nvs, uint16_t sector, enum reading reading,
                                    bool *closed)
{
    struct td_nvs_view view;
    enum td_err err = td_nvs_view(nvs, sector, &view);

    *closed = err == TD_OK && is_closed(&view, reading);
    return err;
}

static enum td_err sector_is_blank(const struct td_nvs *nvs, uint16_t sector, bool *blank)
{
    return td_nvs_is_blank(nvs, sector, 0, nvs->sector_size, blank);
}

/* --- which one --- */

/* D is its newest entry, and all the rest of it is erased. */
static enum td_err is_fresh(const struct td_nvs *nvs, uint16_t sector, bool *fresh)
{
    struct td_nvs_view view;
    enum td_err err = td_nvs_view(nvs, sector, &view);
    uint32_t from;

    *fresh = err == TD_OK && view.done_is_last && !view.has_torn && view.next != 0;
    if (!*fresh)
        return err;
    from = td_nvs_align(nvs, view.data_end);
    return td_nvs_is_blank(nvs, sector, from, view.next + nvs->entry_size - from, fresh);
}

/* Of two sectors the one that was begun last. */
static enum td_err choose(const struct td_nvs *nvs, uint16_t a, uint16_t b, uint16_t *sector)
{
    bool a_fresh = false, b_fresh = false;
    struct td_nvs_view a_view, b_view;
    enum td_err err = is_fresh(nvs, a, &a_fresh);

    if (err == TD_OK)
        err = is_fresh(nvs, b, &b_fresh);
    if (err == TD_OK)
        err = td_nvs_view(nvs, a, &a_view);
    if (err == TD_OK)
        err = td_nvs_view(nvs, b, &b_view);
    *sector = a;
    if (err == TD_OK && a_fresh != b_fresh)
        *sector = a_fresh ? a : b;
    // A wipe leaves a sector that may not have held much; its mark tells the order.
    else if (err == TD_OK && b_view.wipe == td_nvs_next_wipe(a_view.wipe))
        *sector = b;
    return err;
}

/* Rules 1 and 3. NO_SECTOR: there is none. */
static enum td_err find_marked(const struct td_nvs *nvs, uint16_t *sector)
{
    uint16_t other = NO_SECTOR;
    enum td_err err = TD_OK;

    *sector = NO_SECTOR;
    for (uint32_t i = 0; i < nvs->sector_count && err == TD_OK; i++) {
        struct td_nvs_view view;

        err = td_nvs_view(nvs, (uint16_t)i, &view);
        if (err != TD_OK || view.close != TD_NVS_OPEN || !view.has_done)
            continue;
        if (*sector == NO_SECTOR)
            *sector = (uint16_t)i;
        else
            other = (uint16_t)i;
    }
    return err == TD_OK && other != NO_SECTOR ? choose(nvs, *sector, other, sector) : err;
}

/* Rule 2: the first one that is not closed, behind one that is. */
static enum td_err find_behind(const struct td_nvs *nvs, enum reading reading, uint16_t *sector)
{
    bool closed, before;
    enum td_err err = sector_is_closed(nvs, (uint16_t)(nvs->sector_count - 1u), reading, &before);

    *sector = NO_SECTOR;
    for (uint32_t i = 0; i < nvs->sector_count && err == TD_OK && *sector == NO_SECTOR; i++) {
        err = sector_is_closed(nvs, (uint16_t)i, reading, &closed);
        if (before && !closed)
            *sector = (uint16_t)i;
        before = closed;
    }
    return err;
}

/* How a store looks in which no sector was ever closed. */
struct young {
    uint16_t with_entries; /* the last such sector; NO_SECTOR: none */
    uint16_t not_blank;    /* the last such sector */
    uint32_t n_not_blank;
    uint32_t n_closed;
};

static enum td_err look_at_young(const struct td_nvs *nvs, struct young *young)
{
    enum td_err err = TD_OK;

    *young = (struct young){ .with_entries = NO_SECTOR, .not_blank = 0 };
    for (uint32_t i = 0; i < nvs->sector_count && err == TD_OK; i++) {
        struct td_nvs_view view;
        bool blank = true;

        err = td_nvs_view(nvs, (uint16_t)i, &view);
        if (err == TD_OK)
            err = sector_is_blank(nvs, (uint16_t)i, &blank);
        if (err == TD_OK && is_closed(&view, LENIENT))
            young->n_closed++;
        if (err == TD_OK && view.n > 0)
            young->with_entries = (uint16_t)i;
        if (err == TD_OK && !blank) {
            young->not_blank = (uint16_t)i;
            young->n_not_blank++;
        }
    }
    return err;
}

/* Whether it is a store at all: one with entries, an erased area, or one that was just begun. */
static enum td_err find_young(const struct td_nvs *nvs, uint16_t *sector)
{
    struct young young;
    enum td_err err = look_at_young(nvs, &young);

    *sector = young.with_entries != NO_SECTOR ? young.with_entries : young.not_blank;
    if (err == TD_OK && (young.n_closed == nvs->sector_count ||
                         (young.with_entries == NO_SECTOR && young.n_not_blank > 1)))
        return TD_ENVS_FOREIGN;
    return err;
}

static enum td_err find_sector(const struct td_nvs *nvs, uint16_t *sector)
{
    enum td_err err = find_marked(nvs, sector);

    if (err == TD_OK && *sector == NO_SECTOR)
        err = find_behind(nvs, STRICT, sector);
    if (err == TD_OK && *sector == NO_SECTOR)
        err = find_behind(nvs, LENIENT, sector);
    if (err == TD_OK && *sector == NO_SECTOR)
        err = find_young(nvs, sector);
    return err;
}

/*
 * What cannot have been copies that were cut, since the sector behind it is not closed, was a
 * sector that was being closed: a store of old Zephyr's, without any D.
 */
static enum td_err find_certain(const struct td_nvs *nvs, uint16_t *sector,
                                struct td_nvs_view *view)
{
    bool closed = true;
    enum td_err err = find_sector(nvs, sector);

    if (err == TD_OK)
        err = td_nvs_view(nvs, *sector, view);
    if (err == TD_OK && view->close == TD_NVS_GARBLED && view->n > 0)
        err = sector_is_closed(nvs, td_nvs_after(nvs, *sector), LENIENT, &closed);
    if (err != TD_OK || closed)
        return err;
    err = find_behind(nvs, LENIENT, sector);
    if (err == TD_OK && *sector == NO_SECTOR)
        return TD_ENVS_FOREIGN;
    return err == TD_OK ? td_nvs_view(nvs, *sector, view) : err;
}

/* --- what it holds --- */

/* Behind the last word that is not erased: a value may have been written without its entry. */
static enum td_err end_of_data(const struct td_nvs *nvs, const struct td_nvs_view *view,
                               uint32_t *end)
{
    uint32_t word = nvs->cfg->area->dev->write_size;
    uint32_t top = view->next == 0 ? view->last : view->next + nvs->entry_size;
    enum td_err err = TD_OK;

    *end = td_nvs_align(nvs, view->data_end);
    for (uint32_t at = *end; at + word <= top && err == TD_OK; at += word) {
        bool blank;

        err = td_nvs_is_blank(nvs, nvs->sector, at, word, &blank);
        if (err == TD_OK && !blank)
            *end = at + word;
    }
    return err;
}

/* How many closed sectors stand before it, no more than most. */
static enum td_err count_older(struct td_nvs *nvs, uint32_t most)
{
    uint16_t sector = td_nvs_before(nvs, nvs->sector);
    bool closed = true;
    enum td_err err = TD_OK;

    nvs->older = 0;
    while (nvs->older < most && closed && err == TD_OK) {
        err = sector_is_closed(nvs, sector, LENIENT, &closed);
        if (err == TD_OK && closed)
            nvs->older++;
        sector = td_nvs_before(nvs, sector);
    }
    return err;
}

static enum td_err take_sector(struct td_nvs *nvs, uint16_t sector, const struct td_nvs_view *view)
{
    nvs->sector = sector;
    nvs->newest = view->last;
    nvs->entry_off = view->next;
    nvs->has_done = view->has_done;
    nvs->done_is_newest = view->done_is_last;
    return end_of_data(nvs, view, &nvs->data_off);
}

/* What is to be done before anything is written. */
enum task {
    NOTHING,
    ERASE_REST,    /* sectors that do not count are not blank */
    MARK_ERASE,    /* the same, and Zephyr of old wrote no D */
    COLLECT_AGAIN, /* the copies do not count; erase and copy */
    BEGIN,         /* nothing is in it: erase, and begin */
    MARK,          /* Zephyr of old wrote no D */
};

/* The sectors that do not count stand behind the one that is being filled. */
static uint32_t n_rest(const struct td_nvs *nvs)
{
    return nvs->sector_count - 1u - nvs->older;
}

static enum td_err rest_is_blank(const struct td_nvs *nvs, bool *blank)
{
    uint16_t sector = nvs->sector;
    enum td_err err = TD_OK;

    *blank = true;
    for (uint32_t i = 0; i < n_rest(nvs) && *blank && err == TD_OK; i++) {
        sector = td_nvs_after(nvs, sector);
        err = sector_is_blank(nvs, sector, blank);
    }
    return err;
}

static enum td_err find_task(const struct td_nvs *nvs, enum task *task)
{
    struct td_nvs_view view;
    bool blank;
    enum td_err err = td_nvs_view(nvs, nvs->sector, &view);

    if (err == TD_OK)
        err = rest_is_blank(nvs, &blank);
    if (err != TD_OK)
        return err;
    if (view.has_done)
        *task = blank ? NOTHING : ERASE_REST;
    else if (view.n == 0)
        *task = BEGIN;
    else if (nvs->older + 1u == nvs->sector_count)
        *task = COLLECT_AGAIN;
    else
        *task = blank ? MARK : MARK_ERASE;
    return TD_OK;
}

/* The sector is begun anew; what it holds does not count. */
static void empty_sector(struct td_nvs *nvs)
{
    nvs->newest = td_nvs_close_off(nvs);
    nvs->entry_off = nvs->newest - nvs->entry_size;
    nvs->data_off = 0;
}

static enum td_err find_out(struct td_nvs *nvs, enum task *task)
{
    struct td_nvs_view view = { .wipe = 0 };
    uint16_t sector;
    enum td_err err = find_certain(nvs, &sector, &view);

    if (err == TD_OK)
        err = take_sector(nvs, sector, &view);
    // What has D needs the sector behind it no more; what was wiped needs none.
    if (err == TD_OK && view.wipe == 0)
        err = count_older(nvs, nvs->sector_count - (view.has_done ? 2u : 1u));
    if (err == TD_OK)
        err = find_task(nvs, task);
    // A sector that is not begun anew has to be one that can still be closed.
    if (err == TD_OK && view.close != TD_NVS_OPEN && *task != BEGIN && *task != COLLECT_AGAIN)
        return TD_ENVS_FOREIGN;
    return err;
}

static enum td_err set_up(struct td_nvs *nvs, const struct td_nvs_config *cfg)
{
    struct td_flash_sector first, each;
    uint32_t n;

    *nvs = (struct td_nvs){ .cfg = cfg, .sector_size = cfg->sector_size };
    if (td_flash_sector_nth(cfg->area, 0, &first) != TD_OK)
        return TD_ENVS_AREA;
    if (nvs->sector_size == 0)
        nvs->sector_size = first.size;
    nvs->entry_size = (uint16_t)td_nvs_align(nvs, TD_NVS_ENTRY_SIZE);
    n = cfg->area->size / nvs->sector_size;
    if (cfg->sector_count != 0 ? cfg->sector_count > n : n > SECTORS_DEFAULT)
        n = cfg->sector_count != 0 ? 0 : SECTORS_DEFAULT;
    else if (cfg->sector_count != 0)
        n = cfg->sector_count;
    if (n < 2 || nvs->sector_size > TD_NVS_SECTOR_MAX ||
        nvs->sector_size < ENTRIES_MIN * nvs->entry_size || nvs->sector_size % first.size != 0 ||
        nvs->sector_size % nvs->entry_size != 0)
        return TD_ENVS_AREA;
    nvs->sector_count = (uint16_t)n;
    for (uint32_t i = 0; i * first.size < n * nvs->sector_size; i++) {
        if (td_flash_sector_nth(cfg->area, i, &each) != TD_OK || each.size != first.size)
            return TD_ENVS_AREA;
    }
    return TD_OK;
}

enum td_err td_nvs_look(struct td_nvs *nvs, const struct td_nvs_config *cfg)
{
    enum task task = NOTHING;
    enum td_err err = set_up(nvs, cfg);

    if (err == TD_OK)
        err = find_out(nvs, &task);
    nvs->to_repair = task != NOTHING && task != BEGIN && task != MARK;
    if (err != TD_OK || task != COLLECT_AGAIN)
        return err;
    // The copies may not be whole: all that they are made from is still there.
    nvs->older--;
    nvs->sector = td_nvs_before(nvs, nvs->sector);
    nvs->entry_off = 0;
    return td_nvs_last(nvs, nvs->sector, &nvs->newest);
}

/* --- mending it --- */

static enum td_err collect_again(struct td_nvs *nvs)
{
    uint16_t next = td_nvs_after(nvs, nvs->sector);
    enum td_err err = TD_OK;

    empty_sector(nvs);
    if (nvs->older + 1u == nvs->sector_count)
        err = td_nvs_can_collect(nvs, next);
    if (err == TD_OK)
        err = td_nvs_erase(nvs, nvs->sector);
    return err == TD_OK ? td_nvs_collect(nvs) : err;
}

static enum td_err mark(struct td_nvs *nvs)
{
    bool room = nvs->entry_off != 0 && nvs->entry_off >= nvs->data_off;

    return room ? td_nvs_put_done(nvs, TD_NVS_PART) : TD_OK;
}

static enum td_err erase_rest(struct td_nvs *nvs)
{
    uint16_t sector = nvs->sector;
    enum td_err err = TD_OK;

    for (uint32_t i = 0; i < n_rest(nvs) && err == TD_OK; i++) {
        bool blank;

        sector = td_nvs_after(nvs, sector);
        err = sector_is_blank(nvs, sector, &blank);
        if (err == TD_OK && !blank)
            err = td_nvs_erase(nvs, sector);
    }
    return err;
}

static enum td_err mend(struct td_nvs *nvs, enum task task)
{
    enum td_err err = TD_OK;

    switch (task) {
    case NOTHING: break;
    case BEGIN:
    case COLLECT_AGAIN: return collect_again(nvs);
    case MARK: return mark(nvs);
    case MARK_ERASE: err = mark(nvs); return err == TD_OK ? erase_rest(nvs) : err;
    case ERASE_REST: return erase_rest(nvs);
    }
    return err;
}

enum td_err td_nvs_mount(struct td_nvs *nvs, const struct td_nvs_config *cfg)
{
    enum task task = NOTHING;
    enum td_err err = set_up(nvs, cfg);

    if (err == TD_OK)
        err = find_out(nvs, &task);
    if (err == TD_OK)
        err = mend(nvs, task);
    nvs->writable = err == TD_OK;
    return err;
}

enum td_err td_nvs_format(struct td_nvs *nvs, const struct td_nvs_config *cfg)
{
    enum td_err err = set_up(nvs, cfg);

    for (uint32_t i = 0; i < nvs->sector_count && err == TD_OK; i++)
        err = td_nvs_erase(nvs, (uint16_t)i);
    return err == TD_OK ? td_nvs_mount(nvs, cfg) : err;
}

enum td_err td_nvs_sector_state(const struct td_nvs *nvs, uint16_t sector,
                                enum td_nvs_sector_state *state)
{
    struct td_nvs_view view;
    bool blank = false;
    enum td_err err;

    if (sector >= nvs->sector_count)
        return TD_EARG;
    err = td_nvs_view(nvs, sector, &view);
    if (err == TD_OK)
        err = sector_is_blank(nvs, sector, &blank);
    *state = TD_NVS_SECTOR_OTHER;
    if (blank)
        *state = TD_NVS_SECTOR_ERASED;
    else if (view.close == TD_NVS_CLOSED)
        *state = TD_NVS_SECTOR_CLOSED;
    else if (is_closed(&view, LENIENT))
        *state = TD_NVS_SECTOR_TORN;
    else if (sector == nvs->sector || view.n > 0)
        *state = TD_NVS_SECTOR_OPEN;
    return err;
}
