/*
 * boot/overwrite.c - overwrite-only: the secondary's image is copied over the primary's.
 *
 * There is no way back, and no trial: test and permanent are the same. What always holds:
 *
 * 1. The secondary's image is untouched until the primary holds a copy that was verified, and
 *    stays there afterwards. A cut before that starts the copy again from the beginning.
 * 2. The note in the primary says which image was copied and verified. Only with it written
 *    is the request cleared away, and a request for just that image is cleared, not followed:
 *    so a torn request is never taken for a damaged image, nor a finished copy begun again.
 * 3. The request stands in sectors that no image of an update reaches into (own_sector).
 */
#include <string.h>

#include "base/range.h"
#include "boot/boot_priv.h"

/* Where the sector begins that holds the request, and in the primary the note. */
static uint32_t note_off(const struct td_trailer *t)
{
    struct td_flash_sector sector;

    return td_flash_sector_at(t->area, td_trailer_swap_info_off(t), &sector) == TD_OK ? sector.off
                                                                                      : 0;
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

    if (!td_boot_stored_hash(run->secondary.area, hash) || memcmp(hash, want, sizeof hash) != 0)
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

static enum td_err copy_image(const struct td_boot_run *run, uint32_t size)
{
    const struct td_flash_area *p = run->primary.area, *x = run->secondary.area;
    struct td_flash_sector last;
    enum td_err err = td_flash_sector_at(p, size - 1, &last);

    td_boot_say(run, TD_LINE_ERASE_PRIMARY, 0, 0, 0, 0);
    // The note first: it speaks of an image that will not be there in a moment.
    if (err == TD_OK)
        err = td_boot_erase(run, p, note_off(&run->primary), p->size - note_off(&run->primary));
    if (err == TD_OK)
        err = td_boot_erase(run, p, 0, last.off + last.size);
    td_boot_say(run, TD_LINE_COPY, run->image, size, 0, 0);
    return err != TD_OK ? err
                        : td_boot_copy(run, x, 0, p, 0, td_round_up(size, TD_FLASH_WRITE_MAX));
}

static enum td_err overwrite_start(struct td_boot_run *run, enum td_swap_type type)
{
    run->type = type;
    run->has_note = false;
    return copy_image(run, run->work->report.img.size);
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
        return overwrite_start(run, TD_SWAP_PERM);
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
    .start = overwrite_start,
    .resume = overwrite_resume,
    .finish = overwrite_finish,
};
