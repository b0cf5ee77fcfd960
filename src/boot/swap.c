/* boot/swap.c - notes first, then steps, then a verdict: what ways of swapping have in common. */
#include "boot/swap.h"

#include <string.h>

#include "base/range.h"
#include "boot/cipher.h"

/* --- sectors --- */

uint32_t td_swap_notes_off(const struct td_trailer *t)
{
    uint32_t off;

    return td_trailer_first_sector(t, &off) == TD_OK ? off : 0;
}

uint32_t td_swap_sector_size(const struct td_boot_run *run)
{
    struct td_flash_sector sector;

    return td_flash_sector_nth(run->primary.area, 0, &sector) == TD_OK ? sector.size : 1;
}

uint32_t td_swap_n_sectors(const struct td_boot_run *run, uint32_t size)
{
    uint32_t sector = td_swap_sector_size(run);

    return size / sector + (size % sector != 0);
}

bool td_swap_is_uniform(const struct td_flash_area *area, uint32_t size)
{
    struct td_flash_sector sector;
    uint32_t n = td_flash_sector_count(area);

    for (uint32_t i = 0; i < n; i++) {
        if (td_flash_sector_nth(area, i, &sector) != TD_OK || sector.size != size)
            return false;
    }
    return true;
}

bool td_swap_has_note_room(const struct td_trailer *t)
{
    return td_trailer_status_off(t) - td_swap_notes_off(t) >= TD_NOTE_SIZE;
}

/* --- the plan --- */

static uint32_t plan_off(const struct td_trailer *t)
{
    return td_swap_notes_off(t) + TD_NOTE_SIZE;
}

static bool has_plan_room(const struct td_boot_run *run)
{
    const struct td_trailer *t = &run->primary;

    return td_trailer_status_off(t) - td_swap_notes_off(t) >= TD_NOTE_SIZE + TD_PLAN_SIZE;
}

static enum td_err make_plan(struct td_boot_run *run, const struct td_swap_way *way,
                             struct td_note *note)
{
    note->planned = way->plan != NULL && !note->done && has_plan_room(run);
    td_plan_all(&run->plan, td_swap_n_sectors(run, run->swap_size));
    return note->planned ? way->plan(run) : TD_OK;
}

static bool read_plan(struct td_boot_run *run)
{
    td_plan_all(&run->plan, td_swap_n_sectors(run, run->swap_size));
    return !run->has_note || !run->note.planned ||
           td_plan_read(run->primary.area, plan_off(&run->primary), &run->plan);
}

/* --- the look --- */

static bool fits(const struct td_boot_run *run, const struct td_swap_way *way, uint32_t size)
{
    return size > 0 && size <= way->capacity(run);
}

static bool is_asked(const struct td_boot_run *run)
{
    return run->view.request == TD_REQUEST_TEST || run->view.request == TD_REQUEST_PERM;
}

// MCUboot's, with swap-offset: the secondary says that its image is to be brought back. It
// stands there only while the primary's trailer is written anew, and whatever that one says
// is not complete; no sector was moved.
static bool is_marked_for_revert(const struct td_boot_run *run)
{
    return run->primary.mode == TD_MODE_OFFSET && run->x.magic == TD_MAGIC_GOOD &&
           run->x.copy_done == TD_FLAG_SET && run->x.image_ok == TD_FLAG_UNSET;
}

// The request is still there, so not a sector was moved: either the primary's notes are
// complete and the secondary's are being erased, or the primary's are those of the last swap,
// in mid-erase. The first are about the image that lies in the secondary, untouched. Without a
// note they are MCUboot's: a revert whose mark in the secondary lost its copy_done in mid-erase
// looks like a request, but there is no new image to ask for.
static bool is_about_the_request(const struct td_boot_run *run)
{
    uint8_t hash[TD_NOTE_HASH_LEN];
    bool there = td_boot_stored_hash(&run->incoming, hash);

    if (run->done != 0)
        return false;
    if (!run->has_note)
        return !there && run->type == TD_SWAP_REVERT;
    return there && memcmp(hash, run->note.incoming, sizeof hash) == 0;
}

static bool read_open(struct td_boot_run *run, const struct td_swap_way *way)
{
    enum td_flag flag;

    if (!td_slot_underway(&run->p) || run->p.swap_info != TD_FLAG_SET ||
        run->p.swap_type < TD_SWAP_TEST || run->p.image_num != run->image ||
        td_trailer_read_swap_size(&run->primary, &flag, &run->swap_size) != TD_OK ||
        flag != TD_FLAG_SET || !fits(run, way, run->swap_size))
        return false;
    run->type = run->p.swap_type;
    if (run->has_note && (run->note.type != run->type || run->note.swap_size != run->swap_size))
        return false;
    if (!read_plan(run) || way->steps_done(run, &run->done) != TD_OK)
        return false;
    return is_asked(run) ? is_about_the_request(run) : !is_marked_for_revert(run);
}

enum td_err td_swap_look(struct td_boot_run *run, const struct td_swap_way *way)
{
    const struct td_trailer *p = &run->primary, *x = &run->secondary;

    if (td_boot_believes_secondary(run) &&
        td_note_read(x->area, td_swap_notes_off(x), &run->note) &&
        fits(run, way, run->note.swap_size)) {
        run->view.journal = TD_JOURNAL_RESTORE;
        return TD_OK;
    }
    if (run->p.magic == TD_MAGIC_GOOD)
        run->has_note = td_note_read(p->area, td_swap_notes_off(p), &run->note);
    if (read_open(run, way))
        run->view.journal = TD_JOURNAL_OPEN;
    return TD_OK;
}

/* --- the notes --- */

static enum td_err write_notes(const struct td_boot_run *run, const struct td_swap_way *way,
                               const struct td_note *note)
{
    const struct td_trailer *t = &run->primary;
    enum td_err err = td_boot_erase_trailer(run, t);

    if (err == TD_OK)
        err = td_note_write(t->area, td_swap_notes_off(t), note);
    if (err == TD_OK && note->planned)
        err = td_plan_write(t->area, plan_off(t), &run->plan);
    if (err == TD_OK)
        err = td_trailer_write_swap_info(t, note->type, run->image);
    if (err == TD_OK && note->confirmed)
        err = td_trailer_write_image_ok(t);
    if (err == TD_OK)
        err = td_trailer_write_swap_size(t, note->swap_size);
    if (err == TD_OK && way->write_cells != NULL)
        err = way->write_cells(run);
    if (err == TD_OK && !note->done)
        err = td_boot_cipher_save(run);
    return err != TD_OK ? err : td_trailer_write_magic(t);
}

// The note in the secondary is what the next look finds: RESTORE, in this boot or a later one.
static enum td_err hand_over(const struct td_boot_run *run, const struct td_note *note)
{
    const struct td_trailer *t = &run->secondary;
    enum td_err err = td_boot_erase_trailer(run, t);

    return err != TD_OK ? err : td_note_write(t->area, td_swap_notes_off(t), note);
}

static bool read_size(const struct td_boot_run *run, const struct td_swap_way *way,
                      const struct td_trailer *t, uint32_t *size)
{
    enum td_flag flag;

    return td_trailer_read_swap_size(t, &flag, size) == TD_OK && flag == TD_FLAG_SET &&
           fits(run, way, *size);
}

// The size that the swap had; all that may be in use when it is not known.
static uint32_t stored_size(const struct td_boot_run *run, const struct td_swap_way *way,
                            uint32_t at_least)
{
    uint32_t size;

    if (read_size(run, way, &run->primary, &size) && size >= at_least)
        return size;
    if (is_marked_for_revert(run) && read_size(run, way, &run->secondary, &size) &&
        size >= at_least)
        return size;
    return way->capacity(run);
}

enum td_err td_swap_revert(struct td_boot_run *run, const struct td_swap_way *way)
{
    struct td_note note;

    td_boot_new_note(run, TD_SWAP_REVERT, &note);
    note.swap_size = stored_size(run, way, run->work->report.img.size);
    return hand_over(run, &note);
}

// Everything was moved, and a cell of the primary's is torn.
static struct td_note note_of_the_end(const struct td_boot_run *run, const struct td_swap_way *way)
{
    struct td_note note = { .type = run->p.swap_type };

    if (run->has_note)
        note = run->note;
    note.done = true;
    if (note.type < TD_SWAP_TEST)
        note.type = run->p.image_ok == TD_FLAG_SET ? TD_SWAP_PERM : TD_SWAP_TEST;
    note.confirmed = run->p.image_ok == TD_FLAG_SET || note.type != TD_SWAP_TEST;
    note.swap_size = stored_size(run, way, 0);
    return note;
}

enum td_err td_swap_mend(struct td_boot_run *run, const struct td_swap_way *way)
{
    struct td_note note = note_of_the_end(run, way);

    return hand_over(run, &note);
}

/* --- the steps --- */

static enum td_err go_on(struct td_boot_run *run, const struct td_swap_way *way)
{
    uint32_t n = way->n_steps(run);
    enum td_err err = TD_OK;

    for (uint32_t step = run->done; err == TD_OK && step < n; step++)
        err = way->step(run, step, step == run->done);
    if (err == TD_OK && way->tidy != NULL)
        err = way->tidy(run);
    return err;
}

/* Where the image begins in the secondary that is to come into the primary. */
static uint32_t incoming_off(const struct td_boot_run *run)
{
    return run->type == TD_SWAP_REVERT ? 0 : run->incoming.off - run->secondary.area->off;
}

static enum td_err begin(struct td_boot_run *run, const struct td_swap_way *way,
                         const struct td_note *note)
{
    struct td_note full = *note;
    enum td_err err = TD_OK;

    run->type = note->type;
    run->swap_size = note->swap_size;
    if (!note->done)
        err = td_boot_cipher_begin(run, incoming_off(run), NULL);
    if (err == TD_OK)
        err = make_plan(run, way, &full);
    run->done = note->done ? way->n_steps(run) : 0;
    if (err == TD_OK)
        err = write_notes(run, way, &full);
    if (err == TD_OK)
        err = td_boot_erase_trailer(run, &run->secondary);
    // Its last note tore, so all was tidied before; what lies there since is somebody else's.
    return err != TD_OK || note->done ? err : go_on(run, way);
}

/* --- how each begins --- */

enum td_err td_swap_start(struct td_boot_run *run, const struct td_swap_way *way,
                          enum td_swap_type type)
{
    struct td_note note;
    struct td_source src = td_flash_source(run->primary.area);
    const struct td_image_report *report = &run->work->report;
    struct td_image running;
    enum td_err err = td_image_open(&src, run->primary.area->size, &running, NULL);

    // Without an image to go back to a trial has no meaning: the original reverts to nothing.
    if (err == TD_EIMG_EMPTY)
        type = TD_SWAP_PERM;
    td_boot_new_note(run, type, &note);
    if (err == TD_OK)
        note.swap_size = td_min_u32(td_max_u32(running.size, report->img.size), way->capacity(run));
    else if (err == TD_EIMG_EMPTY)
        note.swap_size = report->img.size;
    else
        note.swap_size = way->capacity(run);
    return begin(run, way, &note);
}

enum td_err td_swap_restore(struct td_boot_run *run, const struct td_swap_way *way)
{
    const struct td_note note = run->note;

    return begin(run, way, &note);
}

// What MCUboot began has its image_ok set at the end only, and that may be torn.
static enum td_err mend(struct td_boot_run *run, const struct td_swap_way *way)
{
    struct td_note note = note_of_the_end(run, way);
    enum td_err err = hand_over(run, &note);

    return err != TD_OK ? err : begin(run, way, &note);
}

enum td_err td_swap_resume(struct td_boot_run *run, const struct td_swap_way *way)
{
    uint32_t total = way->n_steps(run);
    bool fresh = run->done == 0;
    enum td_err err = TD_OK;

    td_boot_say(run, TD_LINE_RESUME, run->image, run->done, total, 0);
    // Nothing was moved, so the power may have gone while the secondary's trailer was erased.
    if (fresh)
        err = td_boot_erase_trailer(run, &run->secondary);
    if (run->has_note && run->note.done)
        return err;
    if (err == TD_OK && run->done < total)
        err = td_boot_cipher_load(run);
    if (err == TD_OK)
        err = go_on(run, way);
    if (err == TD_OK && run->done == total && run->p.image_ok == TD_FLAG_BAD)
        return mend(run, way);
    return err;
}

// A revert that MCUboot began is confirmed at its end; ours was from the start.
enum td_err td_swap_finish(struct td_boot_run *run)
{
    struct td_trailer_state p;
    enum td_err err = td_trailer_read(&run->primary, &p);

    if (err == TD_OK && run->type != TD_SWAP_TEST && p.image_ok == TD_FLAG_UNSET)
        err = td_trailer_write_image_ok(&run->primary);
    return err != TD_OK ? err : td_trailer_write_copy_done(&run->primary);
}
