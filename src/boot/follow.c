/*
 * boot/follow.c - giving another core what the primary slot holds.
 *
 * 1. Nothing is given that did not verify a moment ago.
 * 2. The cell is written when the core says that it runs these bytes: a cut before that gives
 *    them again, which costs the core a hash.
 * 3. A cell is written once. When both are used it is given in every boot until the next update.
 */
#include "boot/follow.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/range.h"
#include "boot/plan.h"

#define CELL   32u /* a multiple of any word */
#define CELLS  2u
#define AT     (TD_NOTE_SIZE + TD_PLAN_SIZE)
#define N_HASH 12u

static bool cells_at(const struct td_trailer *t, uint32_t *off)
{
    uint32_t used = td_trailer_used_off(t);
    struct td_flash_sector sector;

    if (td_flash_sector_at(t->area, used, &sector) != TD_OK ||
        used - sector.off < AT + CELLS * CELL)
        return false;
    *off = sector.off + AT;
    return true;
}

static void encode(const uint8_t *hash, uint8_t cell[CELL])
{
    memset(cell, 0, CELL);
    memcpy(cell, hash, N_HASH);
    td_store_le32(cell + N_HASH, td_crc32(0, cell, N_HASH));
}

static bool is_blank(const uint8_t cell[CELL], uint8_t erased)
{
    for (uint32_t i = 0; i < CELL; i++) {
        if (cell[i] != erased)
            return false;
    }
    return true;
}

// *free: where the next one goes; CELLS when there is none.
static bool was_given(const struct td_flash_area *area, uint32_t off, const uint8_t *hash,
                      uint32_t *free)
{
    uint8_t want[CELL], got[CELL];
    bool steady, given = false;

    encode(hash, want);
    *free = CELLS;
    for (uint32_t i = 0; i < CELLS; i++) {
        if (td_flash_read_steady(area, off + i * CELL, got, CELL, &steady) != TD_OK)
            return false;
        if (steady && is_blank(got, area->dev->erased)) {
            *free = i;
            break;
        }
        // Torn: it was given, and which image that was is not to be known.
        given = steady && memcmp(got, want, CELL) == 0;
    }
    return given;
}

static enum td_err give(struct td_boot_run *run, const struct td_boot_follower *f)
{
    const struct td_image_report *report = &run->work->report;
    struct td_verdict v;
    enum td_err err;

    td_boot_say(run, TD_LINE_FOLLOW, run->image, 0, 0, 0);
    td_boot_verdict(run, TD_V_CORE_GIVEN, &v);
    td_boot_verdict_of_image(&v, report);
    err =
        f->give(f->ctx, run->primary.area, report->img.hdr.hdr_size, report->img.hdr.img_size, &v);
    v.kind = (uint8_t)td_verdict_class_of(v.code);
    if (err == TD_OK)
        td_boot_record_note(run, &v);
    else
        td_boot_record_once(run, &v);
    td_boot_say(run, err == TD_OK ? TD_LINE_FOLLOWED : TD_LINE_FOLLOW_FAILED, run->image, 0, 0, 0);
    return err;
}

enum td_err td_boot_follow(struct td_boot_run *run)
{
    const struct td_boot_follower *f = run->config->images[run->image].follower;
    const struct td_flash_area *area = run->primary.area;
    const uint8_t *hash = run->work->report.hash;
    uint32_t off, free = CELLS;
    uint8_t cell[CELL];
    bool has_cells;
    enum td_err err;

    if (f == NULL)
        return TD_OK;
    has_cells = cells_at(&run->primary, &off);
    if (has_cells && was_given(area, off, hash, &free))
        return TD_OK;
    err = give(run, f);
    if (err != TD_OK || !has_cells || free == CELLS)
        return err;
    encode(hash, cell);
    return td_flash_write(area, off + free * CELL, cell, CELL);
}
