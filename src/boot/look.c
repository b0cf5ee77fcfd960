/*
 * boot/look.c - the notes of one image's slots, read once.
 *
 * What cannot be read in the secondary is not there; what cannot be read in the primary is an
 * error, since nothing can be decided without it.
 */
#include <string.h>

#include "base/range.h"
#include "boot/boot_priv.h"
#include "boot/cipher.h"

// A way without a second slot has NULL for it.
static uint8_t word_of(const struct td_flash_area *a, const struct td_flash_area *b)
{
    uint16_t wa = a->dev->write_size, wb = b != NULL ? b->dev->write_size : 1;

    return (uint8_t)(wa > wb ? wa : wb);
}

// With scratch a status entry is as large as the larger word of primary and scratch, where it is
// written; the secondary's flash only has to take the other cells.
static const struct td_flash_area *partner(const struct td_boot_run *run,
                                           const struct td_boot_slots *slots)
{
    return run->strategy->mode == TD_MODE_SCRATCH ? slots->scratch : slots->secondary;
}

void td_boot_setup(struct td_boot_run *run)
{
    const struct td_boot_config *c = run->config;
    const struct td_boot_slots *slots = &c->images[run->image];
    struct td_flash_sector first;
    struct td_trailer t = {
        .area = slots->primary,
        .mode = run->strategy->mode,
        .max_sectors = c->max_sectors,
        .write_size = word_of(slots->primary, partner(run, slots)),
        .max_align = c->max_align,
        .enc_key_len = td_boot_cipher_cell(&c->policy),
    };

    run->primary = t;
    t.area = slots->secondary;
    if (slots->secondary != NULL && slots->secondary->dev->write_size > t.write_size)
        t.write_size = (uint8_t)slots->secondary->dev->write_size;
    run->secondary = t;
    if (slots->secondary != NULL)
        run->incoming = *slots->secondary;
    if (run->strategy->sector_in && slots->secondary != NULL &&
        td_flash_sector_nth(slots->secondary, 0, &first) == TD_OK) {
        run->incoming.off += first.size;
        run->incoming.size -= first.size;
    }
}

static uint32_t last_sector_size(const struct td_flash_area *area)
{
    struct td_flash_sector sector;

    if (area == NULL)
        return 0;
    return td_flash_sector_at(area, area->size - 1, &sector) == TD_OK ? sector.size : 0;
}

// own_sector: in overwrite-only the original lets an image reach up to the flags. Clearing the
// request would then tear the image's tail and the request together, and the next boot could
// not tell which went first.
static enum td_err geometry(const struct td_boot_run *run, struct td_room_geometry *g)
{
    const struct td_trailer *t = &run->primary;
    const struct td_flash_area *scratch = run->config->images[run->image].scratch;

    *g = (struct td_room_geometry){
        .primary_size = run->primary.area->size,
        .secondary_size = run->secondary.area != NULL ? run->secondary.area->size : 0,
        .primary_sector = last_sector_size(run->primary.area),
        .secondary_sector = last_sector_size(run->secondary.area),
        .scratch_size = scratch != NULL ? scratch->size : 0,
        .max_sectors = t->max_sectors,
        .write_size = t->write_size,
        .max_align = t->max_align,
        .enc_key_len = t->enc_key_len,
        .own_sector = true,
    };
    if (t->mode != TD_MODE_SCRATCH || run->secondary.area == NULL)
        return TD_OK;
    return td_room_tile(t->area, run->secondary.area, g);
}

enum td_err td_boot_max(const struct td_boot_run *run, uint32_t *max)
{
    struct td_room_geometry g;
    enum td_err err = geometry(run, &g);

    *max = 0;
    return err != TD_OK ? err : td_room_max_image(run->strategy->mode, &g, max);
}

enum td_err td_boot_room(const struct td_boot_run *run, uint32_t running_size, uint32_t new_size,
                         struct td_room_fit *fit)
{
    struct td_room_geometry g;
    enum td_err err = geometry(run, &g);

    *fit = (struct td_room_fit){ 0, 0 };
    return err != TD_OK ? err : td_room_check(run->strategy->mode, &g, running_size, new_size, fit);
}

bool td_boot_stored_hash(const struct td_flash_area *area, uint8_t hash[TD_NOTE_HASH_LEN])
{
    struct td_source src = td_flash_source(area);
    struct td_image img;
    uint8_t full[TD_HASH_MAX];

    memset(hash, 0, TD_NOTE_HASH_LEN);
    if (td_image_open(&src, area->size, &img, NULL) != TD_OK ||
        td_image_hash(&src, &img, full, NULL, NULL) != TD_OK)
        return false;
    memcpy(hash, full, TD_NOTE_HASH_LEN);
    return true;
}

// A word that was to become the magic and did not, or was it and is being erased, has no bit
// programmed that the magic has not. Anything else was never a request: image data, say.
static bool is_torn_magic(const struct td_trailer *t)
{
    static const uint8_t magic8[16] = { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                        0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80 };
    static const uint8_t magic_n[16] = { 0,    0,    0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b,
                                         0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a };
    uint8_t want[16], got[16];
    uint8_t erased = t->area->dev->erased;
    enum td_err err;

    memcpy(want, t->max_align == 8 ? magic8 : magic_n, sizeof want);
    if (t->max_align != 8)
        want[0] = t->max_align;
    err = td_flash_read(t->area, td_trailer_magic_off(t), got, sizeof got);
    if (err != TD_OK)
        return err == TD_EECC;
    for (size_t i = 0; i < sizeof got; i++) {
        if (((got[i] ^ erased) & ~(want[i] ^ erased) & 0xff) != 0)
            return false;
    }
    return true;
}

static bool is_magic_torn(const struct td_boot_run *run)
{
    return run->manner->slot == TD_SLOT_MENDED && run->x.magic == TD_MAGIC_BAD &&
           is_torn_magic(&run->secondary);
}

static enum td_boot_request request_of(const struct td_boot_run *run)
{
    switch (td_slot_next(run->manner->slot, run->primary.mode, &run->p, &run->x)) {
    case TD_SWAP_TEST: return TD_REQUEST_TEST;
    case TD_SWAP_PERM: return TD_REQUEST_PERM;
    default: return is_magic_torn(run) ? TD_REQUEST_TORN : TD_REQUEST_NONE;
    }
}

static bool is_confirmed(const struct td_trailer_state *p)
{
    return p->magic == TD_MAGIC_GOOD && p->copy_done == TD_FLAG_SET && p->image_ok == TD_FLAG_SET;
}

static enum td_boot_running running_of(const struct td_boot_run *run)
{
    static const struct td_trailer_state nothing = { .magic = TD_MAGIC_UNSET,
                                                     .image_ok = TD_FLAG_UNSET,
                                                     .copy_done = TD_FLAG_UNSET,
                                                     .swap_info = TD_FLAG_UNSET,
                                                     .swap_type = TD_SWAP_NONE };
    enum td_strategy_id mode = run->primary.mode;
    bool mends = run->manner->slot == TD_SLOT_MENDED;

    if (run->strategy->revert == NULL)
        return TD_RUN_CONFIRMED;
    // With swap-offset the secondary may say so: MCUboot was about to write the primary's notes,
    // which may be torn by now. It never begins that while they say that the image is confirmed.
    if (td_slot_next(run->manner->slot, mode, &nothing, &run->x) == TD_SWAP_REVERT)
        return mends && is_confirmed(&run->p) ? TD_RUN_CONFIRMED : TD_RUN_TRIED;
    if (mends && run->p.magic == TD_MAGIC_GOOD && run->p.copy_done == TD_FLAG_BAD)
        return TD_RUN_TORN;
    if (td_slot_next(run->manner->slot, mode, &run->p, &nothing) == TD_SWAP_REVERT)
        return TD_RUN_TRIED;
    return TD_RUN_CONFIRMED;
}

static void read_secondary(struct td_boot_run *run)
{
    if (td_trailer_read(&run->secondary, &run->x) == TD_OK)
        return;
    run->view.secondary_unreadable = true;
    run->x = (struct td_trailer_state){ .magic = TD_MAGIC_UNSET,
                                        .image_ok = TD_FLAG_UNSET,
                                        .copy_done = TD_FLAG_UNSET,
                                        .swap_info = TD_FLAG_UNSET,
                                        .swap_type = TD_SWAP_NONE };
}

// Looked up only when the answer can matter: it costs a walk through the image's TLVs.
static bool holds_previous(const struct td_boot_run *run)
{
    static const uint8_t none[TD_NOTE_HASH_LEN] = { 0 };
    uint8_t hash[TD_NOTE_HASH_LEN];

    return run->has_note && memcmp(run->note.outgoing, none, sizeof none) != 0 &&
           td_boot_stored_hash(run->secondary.area, hash) &&
           memcmp(run->note.outgoing, hash, sizeof hash) == 0;
}

void td_boot_new_note(const struct td_boot_run *run, enum td_swap_type type, struct td_note *note)
{
    memset(note, 0, sizeof *note);
    note->type = type;
    note->confirmed = type != TD_SWAP_TEST;
    memcpy(note->incoming, run->work->report.hash, TD_NOTE_HASH_LEN);
    if (type != TD_SWAP_REVERT) {
        note->group = run->group;
        (void)td_boot_stored_hash(run->primary.area, note->outgoing);
    } else if (run->has_note) {
        note->group = run->note.group;
        memcpy(note->outgoing, run->note.incoming, TD_NOTE_HASH_LEN);
    }
}

// A confirmed image goes as well when another of its group was not confirmed.
bool td_boot_believes_secondary(const struct td_boot_run *run)
{
    return !run->view.secondary_unreadable && (!is_confirmed(&run->p) || run->group_undone);
}

enum td_err td_boot_look(struct td_boot_run *run)
{
    struct td_boot_view keep = run->view;
    uint32_t off;
    enum td_err err;

    run->view = (struct td_boot_view){ .request_blocked = keep.request_blocked,
                                       .revert_impossible = keep.revert_impossible };
    err = td_trailer_read(&run->primary, &run->p);
    if (err == TD_OK)
        err = td_trailer_first_sector(&run->primary, &off);
    if (err != TD_OK)
        return err;
    read_secondary(run);
    run->has_note = false;
    run->view.request = request_of(run);
    run->view.running = running_of(run);
    err = run->strategy->look(run);
    if (err == TD_OK && run->view.running == TD_RUN_TRIED && run->view.request != TD_REQUEST_NONE &&
        !run->view.secondary_unreadable)
        run->view.holds_previous = holds_previous(run);
    return err;
}
