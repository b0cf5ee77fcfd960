/*
 * boot/scratch.c - swap-scratch: the slots change places region by region, through a third area.
 *
 * A region is as many groups of sectors (slot/room.h) as scratch holds, the highest first. Three
 * steps each: X -> C, P -> X, C -> P; a step erases its target, copies, and writes one cell.
 *
 * The highest region is another matter where images reach into the sectors in which the notes
 * stand: there the primary's notes cannot be complete before its image is. So scratch carries
 * them, by a note of its own (boot/note.h) at its end, the *intent*. What always holds:
 *
 * 1. The intent is written into a scratch that was erased in the same boot, behind what region
 *    it carries. It is complete or it is not there; when it is, so is the region.
 * 2. The primary's trailer is erased only while the intent stands, and its magic is the last cell
 *    to be written. As soon as the primary's note is the same as the intent, the primary counts,
 *    and the intent is worth nothing: an erase of scratch that was cut may leave it readable
 *    and its region gone. A serial number tells the note from that of an earlier swap.
 * 3. Scratch is erased only when the intent is worth nothing, or is to be written for the first
 *    time: then the request or the trial still stand in the slots.
 * 4. The source of a step that is not recorded is intact; a torn cell means that its step was done.
 * 5. Images share scratch. Whoever finds another one's intent there starts nothing in this boot.
 */
#include <string.h>

#include "base/range.h"
#include "boot/boot_priv.h"
#include "boot/cipher.h"
#include "boot/swap.h"

#define CELL_ROOM   TD_FLASH_WRITE_MAX /* between the region that scratch carries and the intent */
#define INTENT_ROOM (TD_NOTE_SIZE + CELL_ROOM)

/* What scratch tells of this image. */
struct intent {
    bool there;
    bool mcuboots;    /* it is MCUboot's short trailer, and no note */
    bool is_shared;   /* the highest region reaches into the notes' sectors; scratch holds it */
    bool kept;        /* and the secondary's own was already copied to its place */
    uint32_t carried; /* bytes of that region */
    struct td_note note;
};

static const struct td_flash_area *scratch_of(const struct td_boot_run *run)
{
    return run->config->images[run->image].scratch;
}

/* --- where things are --- */

/* Of the primary's note, and where images have to end: in both slots. */
static uint32_t note_off(const struct td_boot_run *run)
{
    uint32_t status = td_trailer_status_off(&run->primary);

    return td_round_down(status - td_min_u32(status, TD_NOTE_SIZE), TD_FLASH_WRITE_MAX);
}

static uint32_t intent_off(const struct td_boot_run *run)
{
    return scratch_of(run)->size - TD_NOTE_SIZE;
}

static struct td_trailer scratch_trailer(const struct td_boot_run *run)
{
    struct td_trailer t = run->primary;

    t.area = scratch_of(run);
    t.scratch = true;
    return t;
}

/* Where the sector begins that holds the byte at off. */
static uint32_t sector_start(const struct td_flash_area *area, uint32_t off)
{
    struct td_flash_sector sector;

    return td_flash_sector_at(area, off, &sector) == TD_OK ? sector.off : 0;
}

static bool group_at(const struct td_boot_run *run, uint32_t off, struct td_flash_sector *group)
{
    return td_room_group(run->primary.area, run->secondary.area, off, group) == TD_OK;
}

/* The region that ends there: groups, from the top down, until scratch is full. */
static uint32_t region_start(const struct td_boot_run *run, uint32_t end)
{
    struct td_flash_sector group;
    uint32_t start = end;

    while (start > 0 && group_at(run, start - 1, &group) &&
           end - group.off <= scratch_of(run)->size)
        start = group.off;
    return start;
}

/* The nth region from the top of a swap of that size; size 0: there is no such. */
static struct td_flash_sector region_of(const struct td_boot_run *run, uint32_t swap_size,
                                        uint32_t n)
{
    struct td_flash_sector r = { 0, 0 };
    uint32_t end;

    if (swap_size == 0 || !group_at(run, swap_size - 1, &r))
        return (struct td_flash_sector){ 0, 0 };
    end = r.off + r.size;
    for (uint32_t i = 0; end > 0; i++, end = r.off) {
        r.off = region_start(run, end);
        r.size = end - r.off;
        if (i == n || r.size == 0)
            return r;
    }
    return (struct td_flash_sector){ 0, 0 };
}

static struct td_flash_sector region_nth(const struct td_boot_run *run, uint32_t n)
{
    return region_of(run, run->swap_size, n);
}

static uint32_t n_regions(const struct td_boot_run *run)
{
    uint32_t n = 0;

    while (region_nth(run, n).size != 0)
        n++;
    return n;
}

/* Whether the highest region reaches into the sectors that are erased with the notes. */
static bool shares_notes(const struct td_boot_run *run, uint32_t swap_size)
{
    struct td_flash_sector top = region_of(run, swap_size, 0);
    uint32_t end = top.off + top.size;

    return end > sector_start(run->primary.area, note_off(run)) ||
           end > sector_start(run->secondary.area, note_off(run));
}

static bool fits(uint32_t size, uint32_t max)
{
    return size > 0 && size <= max;
}

/* --- the look --- */

static bool is_ours(const struct td_boot_run *run, const struct td_note *note)
{
    uint32_t max;

    return note->image == run->image && td_boot_max(run, &max) == TD_OK &&
           fits(note->swap_size, max);
}

static enum td_flag intent_cell(const struct td_boot_run *run)
{
    uint8_t byte;
    bool steady;
    enum td_err err =
        td_flash_read_steady(scratch_of(run), intent_off(run) - CELL_ROOM, &byte, 1, &steady);

    if (err != TD_OK || !steady)
        return TD_FLAG_BAD;
    return byte == scratch_of(run)->dev->erased ? TD_FLAG_UNSET : TD_FLAG_SET;
}

/* The region that scratch carries: up to the notes, and no further than where the intent begins. */
static uint32_t carried_size(const struct td_boot_run *run, uint32_t swap_size, uint32_t end,
                             uint32_t room)
{
    struct td_flash_sector top = region_of(run, swap_size, 0);

    return td_min_u32(td_min_u32(top.size, end - td_min_u32(end, top.off)), room);
}

// MCUboot's short trailer in scratch. Without a status cell no sector was moved: then the slots
// still say what is to be done, but for a primary whose own trailer is already being erased.
static void read_mcuboots(const struct td_boot_run *run, struct intent *in)
{
    struct td_trailer t = scratch_trailer(run);
    struct td_trailer_state s;
    enum td_flag flag;
    uint32_t cells, size;
    bool gap;

    if (td_trailer_read(&t, &s) != TD_OK || s.magic != TD_MAGIC_GOOD ||
        s.swap_info != TD_FLAG_SET || s.image_num != run->image ||
        td_trailer_read_swap_size(&t, &flag, &size) != TD_OK || flag != TD_FLAG_SET ||
        !fits(size, td_trailer_status_off(&run->primary)) ||
        td_trailer_status_count(&t, 0, 3, &cells, &gap) != TD_OK)
        return;
    in->is_shared = shares_notes(run, size);
    in->there = cells > 0 || !in->is_shared;
    in->mcuboots = true;
    in->kept = cells > 1;
    in->note = (struct td_note){ .type = s.swap_type,
                                 .confirmed = s.image_ok == TD_FLAG_SET,
                                 .swap_size = size,
                                 .image = run->image };
    in->carried =
        carried_size(run, size, td_trailer_status_off(&run->primary), td_trailer_status_off(&t));
}

static struct intent read_intent(const struct td_boot_run *run)
{
    struct intent in = { .there = false };

    if (!td_note_read(scratch_of(run), intent_off(run), &in.note)) {
        read_mcuboots(run, &in);
        return in;
    }
    if (!is_ours(run, &in.note))
        return in;
    in.there = true;
    in.is_shared = shares_notes(run, in.note.swap_size);
    in.kept = in.note.done || intent_cell(run) != TD_FLAG_UNSET;
    in.carried = carried_size(run, in.note.swap_size, note_off(run), intent_off(run) - CELL_ROOM);
    return in;
}

/* Whether another image needs what scratch holds. */
static bool is_taken(const struct td_boot_run *run)
{
    struct td_trailer t = scratch_trailer(run);
    struct td_trailer_state s;
    struct td_note note;

    if (td_note_read(scratch_of(run), intent_off(run), &note))
        return note.image != run->image;
    return td_trailer_read(&t, &s) == TD_OK && s.magic == TD_MAGIC_GOOD &&
           s.swap_info == TD_FLAG_SET && s.image_num != run->image;
}

static bool read_open(struct td_boot_run *run)
{
    enum td_flag flag;
    bool gap;

    if (!td_slot_underway(&run->p) || run->p.swap_info != TD_FLAG_SET ||
        run->p.swap_type < TD_SWAP_TEST || run->p.image_num != run->image ||
        td_trailer_read_swap_size(&run->primary, &flag, &run->swap_size) != TD_OK ||
        flag != TD_FLAG_SET || !fits(run->swap_size, td_trailer_status_off(&run->primary)))
        return false;
    run->type = run->p.swap_type;
    if (run->has_note && (run->note.type != run->type || run->note.swap_size != run->swap_size))
        return false;
    if (run->has_note && run->note.done) {
        run->done = 3 * n_regions(run);
        return true;
    }
    if (td_trailer_status_count(&run->primary, 0, 3 * n_regions(run), &run->done, &gap) != TD_OK)
        return false;
    // Without a note of ours nothing says that they are about this request; it is judged instead.
    return run->done != 0 || run->has_note || run->view.request == TD_REQUEST_NONE ||
           run->view.request == TD_REQUEST_TORN;
}

static bool is_same(const struct td_note *a, const struct td_note *b)
{
    return a->type == b->type && a->done == b->done && a->confirmed == b->confirmed &&
           a->swap_size == b->swap_size && a->serial == b->serial &&
           a->group.images == b->group.images && a->group.id == b->group.id &&
           memcmp(a->incoming, b->incoming, TD_NOTE_HASH_LEN) == 0 &&
           memcmp(a->outgoing, b->outgoing, TD_NOTE_HASH_LEN) == 0;
}

// Of MCUboot's own there is no note to compare. It copies its cells to the primary together with
// what they are about, so that a primary which has them is complete.
static bool outranks(const struct td_boot_run *run, const struct intent *in)
{
    if (!in->mcuboots)
        return run->has_note && is_same(&run->note, &in->note);
    return !run->has_note && run->type == in->note.type && run->swap_size == in->note.swap_size &&
           (in->is_shared ? run->done >= 2 : true);
}

static enum td_err scratch_layout(const struct td_boot_run *run)
{
    uint32_t max;
    enum td_err err = scratch_of(run) == NULL ? TD_ESLOT_SCRATCH : td_boot_max(run, &max);

    if (err == TD_OK && scratch_of(run)->size <= INTENT_ROOM)
        err = TD_ESLOT_SCRATCH;
    return err;
}

// MCUboot takes a note along with the rest of its sector, and may bring it back in a later swap.
static bool read_note(struct td_boot_run *run)
{
    enum td_flag flag;
    uint32_t size;

    return run->p.magic == TD_MAGIC_GOOD &&
           td_note_read(run->primary.area, note_off(run), &run->note) &&
           (run->p.swap_info != TD_FLAG_SET || run->note.type == run->p.swap_type) &&
           td_trailer_read_swap_size(&run->primary, &flag, &size) == TD_OK &&
           (flag != TD_FLAG_SET || run->note.swap_size == size);
}

static enum td_err scratch_look(struct td_boot_run *run)
{
    struct intent in;
    bool open;

    if (scratch_layout(run) != TD_OK)
        return TD_OK;
    run->has_note = read_note(run);
    if (is_taken(run))
        run->view.request_blocked = run->view.revert_impossible = true;
    in = read_intent(run);
    open = read_open(run);
    if (open && (!in.there || outranks(run, &in))) {
        run->view.journal = TD_JOURNAL_OPEN;
        return TD_OK;
    }
    if (in.there) {
        run->view.journal = TD_JOURNAL_RESTORE;
        run->note = in.note;
    }
    return TD_OK;
}

/* --- the notes --- */

static enum td_err erase_scratch(const struct td_boot_run *run)
{
    return td_boot_erase(run, scratch_of(run), 0, scratch_of(run)->size);
}

static enum td_err erase_tail(const struct td_boot_run *run, const struct td_flash_area *area)
{
    uint32_t from = sector_start(area, note_off(run));

    return td_boot_erase(run, area, from, area->size - from);
}

/* Erases a region and the notes' sectors, each once. */
static enum td_err erase_with_tail(const struct td_boot_run *run, const struct td_flash_area *area,
                                   const struct td_flash_sector *r)
{
    uint32_t tail = sector_start(area, note_off(run));
    uint32_t end = td_min_u32(r->off + r->size, tail);
    enum td_err err = erase_tail(run, area);

    return err != TD_OK || end <= r->off ? err : td_boot_erase(run, area, r->off, end - r->off);
}

static enum td_err write_status(const struct td_boot_run *run, uint32_t step)
{
    return td_trailer_write_status(&run->primary,
                                   td_trailer_swap_entry(&run->primary, step / 3 + 1, step % 3 + 1),
                                   (uint8_t)(step % 3 + 1));
}

/* The first n cells of the status area are written with them. */
static enum td_err write_notes(const struct td_boot_run *run, const struct intent *in, uint32_t n)
{
    const struct td_trailer *t = &run->primary;
    struct td_note note = in->note;
    enum td_err err = TD_OK;

    note.image = 0;
    if (!in->mcuboots)
        err = td_note_write(t->area, note_off(run), &note);
    if (err == TD_OK)
        err = td_trailer_write_swap_info(t, note.type, run->image);
    if (err == TD_OK && note.confirmed)
        err = td_trailer_write_image_ok(t);
    if (err == TD_OK)
        err = td_trailer_write_swap_size(t, note.swap_size);
    if (err == TD_OK && !note.done && !in->is_shared)
        err = td_boot_cipher_save(run);
    for (uint32_t i = 0; err == TD_OK && i < n; i++)
        err = write_status(run, i);
    return err != TD_OK ? err : td_trailer_write_magic(t);
}

// from: the slot whose highest region scratch is to carry, where it reaches into the notes.
static enum td_err write_intent(const struct td_boot_run *run, const struct td_flash_area *from,
                                struct td_note *note)
{
    struct td_flash_sector top = region_of(run, note->swap_size, 0);
    uint32_t len = carried_size(run, note->swap_size, note_off(run), intent_off(run) - CELL_ROOM);
    enum td_err err = erase_scratch(run);

    note->image = run->image;
    if (err == TD_OK && shares_notes(run, note->swap_size))
        err = td_boot_copy(run, from, top.off, scratch_of(run), 0, len);
    return err != TD_OK ? err : td_note_write(scratch_of(run), intent_off(run), note);
}

/* --- the steps, while the primary's notes are complete --- */

// The highest region may only reach into the notes' sectors when scratch has carried it; then
// its steps are done but for the last cell.
static enum td_err take_step(const struct td_boot_run *run, uint32_t step)
{
    const struct td_flash_area *p = run->primary.area, *x = run->secondary.area;
    const struct td_flash_area *c = scratch_of(run);
    struct td_flash_sector r = region_nth(run, step / 3);
    enum td_err err;

    if (step % 3 == 0) {
        err = erase_scratch(run);
        return err != TD_OK ? err : td_boot_copy(run, x, r.off, c, 0, r.size);
    }
    if (step % 3 == 1) {
        err = step == 1 ? erase_with_tail(run, x, &r) : td_boot_erase(run, x, r.off, r.size);
        return err != TD_OK ? err
                            : td_boot_carry(run, TD_WAY_OUT, r.off, p, r.off, x, r.off, r.size);
    }
    if (step == 2 && r.off + r.size > sector_start(p, td_trailer_status_off(&run->primary)))
        return TD_OK;
    err = td_boot_erase(run, p, r.off, r.size);
    return err != TD_OK ? err : td_boot_carry(run, TD_WAY_IN, r.off, c, 0, p, r.off, r.size);
}

static enum td_err go_on(struct td_boot_run *run)
{
    uint32_t n = 3 * n_regions(run);
    enum td_err err = TD_OK;

    for (uint32_t step = run->done; err == TD_OK && step < n; step++) {
        err = take_step(run, step);
        if (err == TD_OK)
            err = write_status(run, step);
    }
    return err;
}

/* --- how each begins --- */

// The highest region, with what scratch has of it. Nothing of it is encrypted (slot/room.h).
static enum td_err place_shared(const struct td_boot_run *run, const struct intent *in)
{
    static const uint8_t kept[TD_FLASH_WRITE_MAX] = { 1 };
    const struct td_flash_area *p = run->primary.area, *x = run->secondary.area;
    const struct td_flash_area *c = scratch_of(run);
    struct td_flash_sector top = region_nth(run, 0);
    enum td_err err = TD_OK;

    if (!in->kept) {
        err = erase_with_tail(run, x, &top);
        if (err == TD_OK)
            err = td_boot_copy(run, p, top.off, x, top.off, in->carried);
        if (err == TD_OK && in->mcuboots) {
            struct td_trailer t = scratch_trailer(run);

            err = td_trailer_write_status(&t, 1, 2);
        } else if (err == TD_OK) {
            err = td_flash_write(c, intent_off(run) - CELL_ROOM, kept, c->dev->write_size);
        }
    }
    if (err == TD_OK)
        err = erase_with_tail(run, p, &top);
    return err != TD_OK ? err : td_boot_copy(run, c, 0, p, top.off, in->carried);
}

static enum td_err from_intent(struct td_boot_run *run, const struct intent *in)
{
    uint32_t cells = in->is_shared && !in->note.done ? 3 : 0;
    enum td_err err = TD_OK;

    run->type = in->note.type;
    run->swap_size = in->note.swap_size;
    run->done = in->note.done ? 3 * n_regions(run) : cells;
    // Where sectors are shared nothing is encrypted (slot/room.h); else nothing was moved.
    td_boot_cipher_wipe(run->work);
    if (!in->is_shared && !in->note.done)
        err = td_boot_cipher_begin(run, 0, NULL);
    if (err == TD_OK)
        err = in->is_shared ? place_shared(run, in) : erase_tail(run, run->primary.area);
    if (err == TD_OK)
        err = write_notes(run, in, cells);
    // From here on it is worth nothing, and must not be found again.
    if (err == TD_OK)
        err = erase_scratch(run);
    return err != TD_OK ? err : go_on(run);
}

static enum td_err scratch_restore(struct td_boot_run *run)
{
    struct intent in = read_intent(run);

    return from_intent(run, &in);
}

static uint8_t next_serial(const struct td_boot_run *run)
{
    return (uint8_t)((run->has_note ? run->note.serial : 0) + 1);
}

static enum td_err scratch_start(struct td_boot_run *run, enum td_swap_type type)
{
    struct td_note note;
    struct intent in;
    struct td_source src = td_flash_source(run->primary.area);
    const struct td_image_report *report = &run->work->report;
    struct td_image running;
    uint32_t max;
    enum td_err err = td_boot_max(run, &max);

    if (err != TD_OK)
        return err;
    err = td_image_open(&src, run->primary.area->size, &running, NULL);
    // Without an image to go back to a trial has no meaning: the original reverts to nothing.
    td_boot_new_note(run, err == TD_EIMG_EMPTY ? TD_SWAP_PERM : type, &note);
    note.serial = next_serial(run);
    if (err == TD_OK)
        note.swap_size = td_min_u32(td_max_u32(running.size, report->img.size), max);
    else
        note.swap_size = err == TD_EIMG_EMPTY ? report->img.size : max;
    err = write_intent(run, run->secondary.area, &note);
    in = read_intent(run);
    if (err == TD_OK && !in.there)
        err = TD_EFLASH;
    return err != TD_OK ? err : from_intent(run, &in);
}

// The size that the swap had; all that may be in use when it is not known.
static uint32_t stored_size(const struct td_boot_run *run, uint32_t max, uint32_t at_least)
{
    enum td_flag flag;
    uint32_t size;

    if (td_trailer_read_swap_size(&run->primary, &flag, &size) == TD_OK && flag == TD_FLAG_SET &&
        fits(size, max) && size >= at_least)
        return size;
    return max;
}

static enum td_err scratch_revert(struct td_boot_run *run)
{
    uint32_t size = run->work->report.img.size, max;
    struct td_note note;

    // Larger than what an update may bring: only MCUboot can have put it there.
    if (is_taken(run) || td_boot_max(run, &max) != TD_OK || size > max) {
        run->view.revert_impossible = true;
        return TD_OK;
    }
    td_boot_new_note(run, TD_SWAP_REVERT, &note);
    note.serial = next_serial(run);
    note.swap_size = stored_size(run, max, size);
    return write_intent(run, run->secondary.area, &note);
}

static enum td_err scratch_mend(struct td_boot_run *run)
{
    struct td_note note = { .type = run->p.swap_type };
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image running;
    uint32_t max;
    enum td_err err = td_boot_max(run, &max);

    // Larger than what an update may bring: it would not come through scratch whole.
    if (err != TD_OK || is_taken(run) ||
        (td_image_open(&src, run->primary.area->size, &running, NULL) == TD_OK &&
         running.size > max))
        return err;
    if (run->has_note)
        note = run->note;
    note.done = true;
    note.serial = next_serial(run);
    if (note.type < TD_SWAP_TEST)
        note.type = run->p.image_ok == TD_FLAG_SET ? TD_SWAP_PERM : TD_SWAP_TEST;
    note.confirmed = run->p.image_ok == TD_FLAG_SET || note.type != TD_SWAP_TEST;
    note.swap_size = stored_size(run, max, 0);
    return write_intent(run, run->primary.area, &note);
}

static enum td_err scratch_resume(struct td_boot_run *run)
{
    uint32_t total = 3 * n_regions(run);
    struct intent in = read_intent(run);
    enum td_err err = TD_OK;

    td_boot_say(run, TD_LINE_RESUME, run->image, run->done, total, 0);
    if (in.there && run->done > 0)
        err = erase_scratch(run);
    if (err == TD_OK && run->done < total)
        err = td_boot_cipher_load(run);
    return err != TD_OK ? err : go_on(run);
}

/* --- the strategy --- */

const struct td_strategy td_strategy_scratch = {
    .mode = TD_MODE_SCRATCH,
    .start_line = TD_LINE_SWAP_SCRATCH,
    .no_room = TD_V_NO_SWAP_ROOM,
    .look = scratch_look,
    .layout = scratch_layout,
    .start = scratch_start,
    .revert = scratch_revert,
    .restore = scratch_restore,
    .resume = scratch_resume,
    .finish = td_swap_finish,
    .mend = scratch_mend,
};
