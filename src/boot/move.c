/*
 * boot/move.c - swap-move: the primary's sectors move up by one, then both slots change places.
 *
 * N sectors, 3N steps: N moves P[i-1] -> P[i] from the top down, then for i = 0..N-1 the two of
 * X[i] -> P[i] and P[i+1] -> X[i]. A step erases its target, copies, and writes one cell of the
 * status area. What always holds:
 *
 * 1. The source of a step that is not recorded is intact; so the step can be taken again.
 * 2. A trailer is erased only while the other slot says how it is to be written again: the
 *    primary's while the secondary holds the request or a note, the secondary's when the
 *    primary's is complete.
 * 3. A torn cell of the status area means that its step was done; it is never programmed again.
 * 4. Neither the failing image's header nor its TLVs are needed to bring the other one back.
 */
#include <string.h>

#include "base/range.h"
#include "boot/boot_priv.h"

static uint32_t first_trailer_sector(const struct td_trailer *t)
{
    uint32_t off;

    return td_trailer_first_sector(t, &off) == TD_OK ? off : 0;
}

static uint32_t sector_size(const struct td_boot_run *run)
{
    struct td_flash_sector sector;

    return td_flash_sector_nth(run->primary.area, 0, &sector) == TD_OK ? sector.size : 1;
}

static uint32_t n_sectors(const struct td_boot_run *run, uint32_t size)
{
    uint32_t sector = sector_size(run);

    return size / sector + (size % sector != 0);
}

// One sector of the primary stays free for the move, and the trailers are in nobody's way.
static uint32_t sectors_that_fit(const struct td_boot_run *run)
{
    uint32_t s = sector_size(run);
    uint32_t p = first_trailer_sector(&run->primary) / s;
    uint32_t x = first_trailer_sector(&run->secondary) / s;

    return td_min_u32(p > 0 ? p - 1 : 0, x);
}

static bool fits(const struct td_boot_run *run, uint32_t size)
{
    return size > 0 && n_sectors(run, size) <= sectors_that_fit(run);
}

static bool is_uniform(const struct td_flash_area *area, uint32_t size)
{
    struct td_flash_sector sector;
    uint32_t n = td_flash_sector_count(area);

    for (uint32_t i = 0; i < n; i++) {
        if (td_flash_sector_nth(area, i, &sector) != TD_OK || sector.size != size)
            return false;
    }
    return true;
}

static bool has_note_room(const struct td_trailer *t)
{
    return td_trailer_status_off(t) - first_trailer_sector(t) >= TD_NOTE_SIZE;
}

static enum td_err move_layout(const struct td_boot_run *run)
{
    uint32_t size = sector_size(run), max;
    enum td_err err = td_boot_max(run, &max);

    if (err != TD_OK)
        return err;
    if (!is_uniform(run->primary.area, size) || !is_uniform(run->secondary.area, size) ||
        !has_note_room(&run->primary) || !has_note_room(&run->secondary) ||
        run->primary.max_sectors < sectors_that_fit(run))
        return TD_ESLOT_LAYOUT;
    return TD_OK;
}

/* How many steps the status area says are done: the highest entry counts, as in the original. */
static enum td_err steps_done(const struct td_boot_run *run, uint32_t n, uint32_t *done)
{
    const struct td_trailer *t = &run->primary;
    uint32_t moves, swaps;
    bool gap;
    enum td_err err = td_trailer_status_count(t, td_trailer_move_entry(1), n, &moves, &gap);

    if (err == TD_OK)
        err = td_trailer_status_count(t, td_trailer_swap_entry(t, 1, 1), 2 * n, &swaps, &gap);
    if (err == TD_OK)
        *done = swaps > 0 ? n + swaps : moves;
    return err;
}

// The request is still there, so not a sector was moved: either the primary's notes are
// complete and the secondary's are being erased, or the primary's are those of the last swap,
// in mid-erase. The first are about the image that lies in the secondary, untouched.
static bool is_about_the_request(const struct td_boot_run *run)
{
    uint8_t hash[TD_NOTE_HASH_LEN];

    return run->done == 0 && run->has_note && td_boot_stored_hash(run->secondary.area, hash) &&
           memcmp(hash, run->note.incoming, sizeof hash) == 0;
}

static bool read_open(struct td_boot_run *run)
{
    enum td_flag flag;

    if (!td_slot_underway(&run->p) || run->p.swap_info != TD_FLAG_SET ||
        run->p.swap_type < TD_SWAP_TEST || run->p.image_num != run->image ||
        td_trailer_read_swap_size(&run->primary, &flag, &run->swap_size) != TD_OK ||
        flag != TD_FLAG_SET || !fits(run, run->swap_size))
        return false;
    run->type = run->p.swap_type;
    if (run->has_note && (run->note.type != run->type || run->note.swap_size != run->swap_size))
        return false;
    if (steps_done(run, n_sectors(run, run->swap_size), &run->done) != TD_OK)
        return false;
    if (run->view.request == TD_REQUEST_TEST || run->view.request == TD_REQUEST_PERM)
        return is_about_the_request(run);
    return true;
}

static enum td_err move_look(struct td_boot_run *run)
{
    if (td_boot_believes_secondary(run) &&
        td_note_read(run->secondary.area, first_trailer_sector(&run->secondary), &run->note) &&
        fits(run, run->note.swap_size)) {
        run->view.journal = TD_JOURNAL_RESTORE;
        return TD_OK;
    }
    if (run->p.magic == TD_MAGIC_GOOD)
        run->has_note =
            td_note_read(run->primary.area, first_trailer_sector(&run->primary), &run->note);
    if (read_open(run))
        run->view.journal = TD_JOURNAL_OPEN;
    return TD_OK;
}

/* --- the steps --- */

static enum td_err replace_sector(const struct td_boot_run *run, const struct td_flash_area *to,
                                  uint32_t to_n, const struct td_flash_area *from, uint32_t from_n)
{
    uint32_t size = sector_size(run);
    enum td_err err = td_boot_erase(run, to, to_n * size, size);

    return err != TD_OK ? err : td_boot_copy(run, from, from_n * size, to, to_n * size, size);
}

static enum td_err take_step(const struct td_boot_run *run, uint32_t step, uint32_t n)
{
    const struct td_trailer *t = &run->primary;
    const struct td_flash_area *p = run->primary.area, *x = run->secondary.area;
    uint32_t entry, i;
    uint8_t state;
    enum td_err err;

    if (step < n) {
        i = n - step;
        state = 1;
        entry = td_trailer_move_entry(step + 1);
        err = replace_sector(run, p, i, p, i - 1);
    } else {
        i = (step - n) / 2;
        state = (uint8_t)((step - n) % 2 + 1);
        entry = td_trailer_swap_entry(t, i + 1, state);
        err = state == 1 ? replace_sector(run, p, i, x, i) : replace_sector(run, x, i, p, i + 1);
    }
    return err != TD_OK ? err : td_trailer_write_status(t, entry, state);
}

static enum td_err write_notes(const struct td_boot_run *run, const struct td_note *note)
{
    const struct td_trailer *t = &run->primary;
    enum td_err err = td_boot_erase_trailer(run, t);

    if (err == TD_OK)
        err = td_note_write(t->area, first_trailer_sector(t), note);
    if (err == TD_OK)
        err = td_trailer_write_swap_info(t, note->type, run->image);
    if (err == TD_OK && note->confirmed)
        err = td_trailer_write_image_ok(t);
    if (err == TD_OK)
        err = td_trailer_write_swap_size(t, note->swap_size);
    return err != TD_OK ? err : td_trailer_write_magic(t);
}

// The note in the secondary is what the next look finds: RESTORE, in this boot or a later one.
static enum td_err hand_over(const struct td_boot_run *run, const struct td_note *note)
{
    const struct td_trailer *t = &run->secondary;
    enum td_err err = td_boot_erase_trailer(run, t);

    return err != TD_OK ? err : td_note_write(t->area, first_trailer_sector(t), note);
}

// The size that the swap had; all that may be in use when it is not known.
static uint32_t stored_size(const struct td_boot_run *run, uint32_t at_least)
{
    enum td_flag flag;
    uint32_t size;

    if (td_trailer_read_swap_size(&run->primary, &flag, &size) == TD_OK && flag == TD_FLAG_SET &&
        fits(run, size) && size >= at_least)
        return size;
    return sectors_that_fit(run) * sector_size(run);
}

static enum td_err move_revert(struct td_boot_run *run)
{
    struct td_note note;

    td_boot_new_note(run, TD_SWAP_REVERT, &note);
    note.swap_size = stored_size(run, run->work->report.img.size);
    return hand_over(run, &note);
}

static enum td_err move_mend(struct td_boot_run *run)
{
    struct td_note note = { .type = run->p.swap_type };

    if (run->has_note)
        note = run->note;
    note.done = true;
    note.confirmed = run->p.image_ok == TD_FLAG_SET;
    if (note.type < TD_SWAP_TEST)
        note.type = note.confirmed ? TD_SWAP_PERM : TD_SWAP_TEST;
    note.swap_size = stored_size(run, 0);
    return hand_over(run, &note);
}

static enum td_err move_finish(struct td_boot_run *run)
{
    return td_trailer_write_copy_done(&run->primary);
}

static enum td_err go_on(struct td_boot_run *run)
{
    uint32_t n = n_sectors(run, run->swap_size);
    enum td_err err = TD_OK;

    for (uint32_t step = run->done; err == TD_OK && step < 3 * n; step++)
        err = take_step(run, step, n);
    return err;
}

static enum td_err begin(struct td_boot_run *run, const struct td_note *note)
{
    enum td_err err = write_notes(run, note);

    if (err == TD_OK)
        err = td_boot_erase_trailer(run, &run->secondary);
    run->type = note->type;
    run->swap_size = note->swap_size;
    run->done = note->done ? 3 * n_sectors(run, note->swap_size) : 0;
    return err != TD_OK ? err : go_on(run);
}

static enum td_err move_start(struct td_boot_run *run, enum td_swap_type type)
{
    struct td_note note;
    struct td_source src = td_flash_source(run->primary.area);
    const struct td_image_report *report = &run->work->report;
    struct td_image running;
    enum td_err err = td_image_open(&src, run->primary.area->size, &running, NULL);

    // Without an image to go back to a trial has no meaning: the original reverts to nothing.
    td_boot_new_note(run, err == TD_EIMG_EMPTY ? TD_SWAP_PERM : type, &note);
    if (err == TD_OK)
        note.swap_size = td_max_u32(running.size, report->img.size);
    else if (err == TD_EIMG_EMPTY)
        note.swap_size = report->img.size;
    else
        note.swap_size = sectors_that_fit(run) * sector_size(run);
    return begin(run, &note);
}

static enum td_err move_restore(struct td_boot_run *run)
{
    const struct td_note note = run->note;

    return begin(run, &note);
}

static enum td_err move_resume(struct td_boot_run *run)
{
    uint32_t total = 3 * n_sectors(run, run->swap_size);
    bool fresh = run->done == 0;
    enum td_err err = TD_OK;

    td_boot_say(run, TD_LINE_RESUME, run->image, run->done, total, 0);
    if (run->has_note && run->note.done)
        run->done = total;
    // Nothing was moved, so the power may have gone while the secondary's trailer was erased.
    if (fresh)
        err = td_boot_erase_trailer(run, &run->secondary);
    return err != TD_OK ? err : go_on(run);
}

const struct td_strategy td_strategy_move = {
    .mode = TD_MODE_MOVE,
    .start_line = TD_LINE_SWAP_MOVE,
    .no_room = TD_V_NO_SWAP_ROOM,
    .look = move_look,
    .layout = move_layout,
    .start = move_start,
    .revert = move_revert,
    .restore = move_restore,
    .resume = move_resume,
    .finish = move_finish,
    .mend = move_mend,
};
