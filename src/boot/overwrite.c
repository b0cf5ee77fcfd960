/*
 * boot/overwrite.c - overwrite-only: the secondary's image is copied over the primary's.
 *
 * There is no way back, and no trial: test and permanent are the same. Sectors that are alike
 * stay; which ones are not is written down before the first of them is touched (the plan). What
 * always holds:
 *
 * 1. The secondary's image is untouched until the primary holds a copy that was verified, and
 *    stays there afterwards. A cut before that copies all sectors of the plan again.
 * 2. The note in the primary says which image was copied and verified. Only with it written
 *    is the request cleared away, and a request for just that image is cleared, not followed:
 *    so a torn request is never taken for a damaged image, nor a finished copy begun again.
 * 3. The request stands in sectors that no image of an update reaches into (own_sector).
 * 4. Note and plan are written only into a sector whose erase has come to its end in this boot.
 */
#include <string.h>

#include "base/range.h"
#include "boot/boot_priv.h"
#include "boot/cipher.h"
#include "boot/unpack_priv.h"

/* Where the sector begins that holds the request, and in the primary the note and the plan. */
static uint32_t note_off(const struct td_trailer *t)
{
    struct td_flash_sector sector;

    return td_flash_sector_at(t->area, td_trailer_swap_info_off(t), &sector) == TD_OK ? sector.off
                                                                                      : 0;
}

static bool has_plan_room(const struct td_trailer *t)
{
    return td_trailer_swap_info_off(t) - note_off(t) >= TD_NOTE_SIZE + TD_PLAN_SIZE;
}

static enum td_err overwrite_layout(const struct td_boot_run *run)
{
    const struct td_trailer *t = &run->primary;
    uint32_t max;
    enum td_err err = td_boot_max(run, &max);

    if (err == TD_OK && td_trailer_swap_info_off(t) - note_off(t) < TD_NOTE_SIZE)
        err = TD_ESLOT_LAYOUT;
    return err;
}

// A debugger may have put another image over the one that the note is about, and left the note:
// what is asked for is then still to be copied.
static bool is_copied(const struct td_boot_run *run)
{
    const uint8_t *want = run->note.incoming;
    uint8_t hash[TD_NOTE_HASH_LEN];

    if (!td_boot_unpacked_hash(run->secondary.area, hash) || memcmp(hash, want, sizeof hash) != 0)
        return false;
    // A damaged copy has no hash to tell; verifying it will.
    return !td_boot_stored_hash(run->primary.area, hash) || memcmp(hash, want, sizeof hash) == 0;
}

static enum td_err overwrite_look(struct td_boot_run *run)
{
    const struct td_trailer *t = &run->primary;

    if (run->view.request == TD_REQUEST_NONE)
        return TD_OK;
    run->has_note = td_note_read(t->area, note_off(t), &run->note);
    if (run->has_note && is_copied(run)) {
        run->view.journal = TD_JOURNAL_OPEN;
        run->type = TD_SWAP_NONE;
    }
    return TD_OK;
}

/* --- the plan --- */

/* One sector of the primary that the copy reaches into, and how much of it is copied. */
struct piece {
    struct td_flash_sector sector;
    uint32_t n;
    uint32_t len;
};

static bool piece_nth(const struct td_boot_run *run, uint32_t n, uint32_t size, struct piece *p)
{
    p->n = n;
    if (td_flash_sector_nth(run->primary.area, n, &p->sector) != TD_OK || p->sector.off >= size)
        return false;
    p->len = td_min_u32(size - p->sector.off, p->sector.size);
    return true;
}

static enum td_err erase_notes(const struct td_boot_run *run)
{
    const struct td_flash_area *p = run->primary.area;
    uint32_t off = note_off(&run->primary);

    return td_boot_erase(run, p, off, p->size - off);
}

static enum td_err is_there(const struct td_boot_run *run, const struct piece *p, bool *there)
{
    uint32_t at = p->sector.off;

    return td_boot_carried(run, TD_WAY_IN, at, run->secondary.area, at, run->primary.area, at,
                           p->len, there);
}

static uint32_t running_size(const struct td_boot_run *run)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image img;

    return td_image_open(&src, run->primary.area->size, &img, NULL) == TD_OK ? img.size : 0;
}

static enum td_err make_plan(struct td_boot_run *run, uint32_t size)
{
    struct piece p;
    enum td_err err = TD_OK;

    td_plan_none(&run->plan, td_flash_sector_count(run->primary.area));
    run->plan.sound = running_size(run);
    memcpy(run->plan.incoming, run->work->report.hash, sizeof run->plan.incoming);
    for (uint32_t n = 0; err == TD_OK && piece_nth(run, n, size, &p); n++) {
        bool there = false;

        err = is_there(run, &p, &there);
        if (!there)
            td_plan_add(&run->plan, n);
    }
    return err;
}

// A plan beside a whole note is that of an update that has come to its end.
static bool find_plan(struct td_boot_run *run)
{
    const struct td_trailer *t = &run->primary;
    struct td_note note;

    return has_plan_room(t) && !td_note_read(t->area, note_off(t), &note) &&
           td_plan_read(t->area, note_off(t) + TD_NOTE_SIZE, &run->plan);
}

// A plan for another image: somebody has replaced the one whose copying was cut short. Any sector
// may be half done.
static void widen_plan(struct td_boot_run *run)
{
    if (memcmp(run->plan.incoming, run->work->report.hash, sizeof run->plan.incoming) != 0)
        td_plan_all(&run->plan, td_flash_sector_count(run->primary.area));
}

static enum td_err begin_plan(struct td_boot_run *run, uint32_t size)
{
    const struct td_trailer *t = &run->primary;
    enum td_err err = erase_notes(run);

    if (!has_plan_room(t)) {
        td_plan_all(&run->plan, td_flash_sector_count(t->area));
        return err;
    }
    if (err == TD_OK)
        err = make_plan(run, size);
    return err != TD_OK ? err : td_plan_write(t->area, note_off(t) + TD_NOTE_SIZE, &run->plan);
}

/* --- the copy --- */

// Blank sectors that the running image covered are sound, unless an earlier boot began on them.
static enum td_err copy_piece(const struct td_boot_run *run, const struct piece *p, bool again)
{
    const struct td_flash_area *to = run->primary.area;
    uint32_t at = p->sector.off;
    bool blank = false;
    enum td_err err = TD_OK;

    if (!again && at + p->sector.size <= run->plan.sound)
        err = td_flash_is_blank(to, at, p->sector.size, &blank);
    if (err == TD_OK && !blank)
        err = td_boot_erase(run, to, at, p->sector.size);
    return err != TD_OK
               ? err
               : td_boot_carry(run, TD_WAY_IN, at, run->secondary.area, at, to, at, p->len);
}

static enum td_err copy_pieces(const struct td_boot_run *run, uint32_t size, bool again)
{
    struct piece p;
    enum td_err err = TD_OK;

    for (uint32_t n = 0; err == TD_OK && piece_nth(run, n, size, &p); n++) {
        bool skip = !td_plan_has(&run->plan, n);

        // After a cut what is not in the plan is looked at again: a debugger may have been here.
        if (skip && again)
            err = is_there(run, &p, &skip);
        if (err == TD_OK && !skip)
            err = copy_piece(run, &p, again);
    }
    return err;
}

static enum td_err copy_image(struct td_boot_run *run, uint32_t size)
{
    struct td_source src = td_flash_source(run->secondary.area);
    bool again = find_plan(run);
    enum td_err err = td_boot_cipher_open(run, TD_WAY_IN, &src);

    td_boot_say(run, TD_LINE_ERASE_PRIMARY, 0, 0, 0, 0);
    if (again)
        widen_plan(run);
    else if (err == TD_OK)
        err = begin_plan(run, size);
    td_boot_say(run, TD_LINE_COPY, run->image, size, 0, 0);
    if (err == TD_OK)
        err = copy_pieces(run, size, again);
    // The sector with the plan may be one whose erase was cut, with an older plan in it.
    return err == TD_OK && again ? erase_notes(run) : err;
}

/* --- a compressed image --- */

// Erased from the front, so that nothing in the primary passes for the image that ran as soon as
// anything of it is gone; the plan of a copy that was cut short goes last.
static enum td_err unpack_image(struct td_boot_run *run, uint32_t size)
{
    struct td_source src = td_flash_source(run->secondary.area);
    struct piece p;
    enum td_err err = td_boot_cipher_open(run, TD_WAY_IN, &src);

    td_boot_say(run, TD_LINE_ERASE_PRIMARY, 0, 0, 0, 0);
    for (uint32_t n = 0; err == TD_OK && piece_nth(run, n, size, &p); n++)
        err = td_boot_erase(run, run->primary.area, p.sector.off, p.sector.size);
    if (err == TD_OK)
        err = erase_notes(run);
    td_boot_say(run, TD_LINE_COPY, run->image, size, 0, 0);
    return err == TD_OK ? td_boot_unpack(run) : err;
}

// A stream that is signed and yet not what it says it is leaves the primary without an image, and
// the next boot tries again. That is a mistake in signing, and stands in the log.
static enum td_err start_packed(struct td_boot_run *run, enum td_swap_type type)
{
    struct td_source src = td_flash_source(run->secondary.area);
    struct td_verdict v;
    uint32_t size;
    enum td_err err = td_boot_unpacked_size(&src, &size);

    run->type = type;
    run->has_note = false;
    if (err == TD_OK)
        err = unpack_image(run, size);
    if (err != TD_EPATCH)
        return err;
    td_boot_verdict(run, TD_V_UNPACK, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.slot = 1;
    td_boot_record_once(run, &v);
    return TD_OK;
}

/* --- the strategy --- */

static enum td_err start(struct td_boot_run *run, enum td_swap_type type, uint32_t size)
{
    if (td_boot_is_packed(&run->work->report.img.hdr))
        return start_packed(run, type);
    run->type = type;
    run->has_note = false;
    return copy_image(run, td_round_up(size, TD_FLASH_WRITE_MAX));
}

static enum td_err fast_start(struct td_boot_run *run, enum td_swap_type type)
{
    return start(run, type, run->work->report.img.size);
}

// All that an image could reach, whatever this one does; the trailers are not for copying.
static enum td_err plain_start(struct td_boot_run *run, enum td_swap_type type)
{
    return start(run, type, td_min_u32(note_off(&run->primary), note_off(&run->secondary)));
}

// The copy was complete when the power went; what is asked for lies in the primary. When it is
// damaged there, it is copied again.
static enum td_err overwrite_resume(struct td_boot_run *run)
{
    enum td_err err = td_boot_verify(run, run->primary.area);

    if (err == TD_EFLASH || err == TD_OK)
        return err;
    err = td_boot_verify(run, run->secondary.area);
    if (err == TD_OK)
        return run->strategy->start(run, TD_SWAP_PERM);
    return err == TD_EFLASH ? err : TD_OK;
}

static enum td_err overwrite_finish(struct td_boot_run *run)
{
    enum td_err err = TD_OK;
    struct td_note note = { .type = run->type, .done = true, .confirmed = true };

    note.swap_size = run->work->report.img.size;
    memcpy(note.incoming, run->work->report.hash, TD_NOTE_HASH_LEN);
    if (!run->has_note)
        err = td_note_write(run->primary.area, note_off(&run->primary), &note);
    return err != TD_OK ? err : td_boot_drop_request(run);
}

const struct td_strategy td_strategy_overwrite = {
    .mode = TD_MODE_OVERWRITE,
    .start_line = TD_LINE_OVERWRITE,
    .no_room = TD_V_TOO_LARGE,
    .look = overwrite_look,
    .layout = overwrite_layout,
    .check_packed = td_boot_unpack_check,
    .start = fast_start,
    .resume = overwrite_resume,
    .finish = overwrite_finish,
};

const struct td_strategy td_strategy_overwrite_plain = {
    .mode = TD_MODE_OVERWRITE,
    .start_line = TD_LINE_OVERWRITE,
    .no_room = TD_V_TOO_LARGE,
    .look = overwrite_look,
    .layout = overwrite_layout,
    .check_packed = td_boot_unpack_check,
    .start = plain_start,
    .resume = overwrite_resume,
    .finish = overwrite_finish,
};
