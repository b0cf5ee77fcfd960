#include "planted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "boot/cipher.h"
#include "boot/plan.h"
#include "device.h"

/* --- where an operation goes --- */

static struct td_trailer trailer_of(const struct device *d, const struct td_flash_area *area)
{
    return (struct td_trailer){ .area = area,
                                .mode = td_strategy_mode(d->way->strategy),
                                .max_sectors = d->config.max_sectors,
                                .write_size = d->shape->chip.write_size,
                                .max_align = d->shape->max_align,
                                .enc_key_len = td_boot_cipher_cell(&d->config.policy) };
}

static bool in(const struct op *op, const struct td_flash_area *area, uint32_t from, uint32_t to)
{
    return op->off >= area->off + from && op->off < area->off + to;
}

static uint32_t notes_from(const struct device *d, const struct td_flash_area *area)
{
    const struct td_trailer t = trailer_of(d, area);
    uint32_t off = 0;

    (void)td_trailer_first_sector(&t, &off);
    return off;
}

static bool is_notes(const struct device *d, const struct td_flash_area *area, const struct op *op)
{
    return in(op, area, notes_from(d, area), area->size);
}

static bool is_data(const struct device *d, const struct td_flash_area *area, const struct op *op)
{
    return in(op, area, 0, notes_from(d, area));
}

static bool is_status(const struct device *d, const struct op *op)
{
    struct td_trailer t = trailer_of(d, &d->images[0].primary);

    return !op->is_erase &&
           in(op, &d->images[0].primary, td_trailer_status_off(&t), td_trailer_swap_size_off(&t));
}

static bool is_cell(const struct device *d, const struct op *op, uint32_t off)
{
    return !op->is_erase && op->off == d->images[0].primary.off + off;
}

static bool is_copy_done(const struct device *d, const struct op *op)
{
    struct td_trailer t = trailer_of(d, &d->images[0].primary);

    return is_cell(d, op, td_trailer_copy_done_off(&t));
}

static bool is_last_of(const struct device *d, const struct image *image,
                       const struct td_flash_area *area, const struct op *op)
{
    uint32_t last = td_round_down(image->size - 1, d->shape->chip.sector_size);

    return in(op, area, last, last + d->shape->chip.sector_size);
}

/* --- the rules --- */

static bool primary_data(const struct device *d, const struct op *op)
{
    return is_data(d, &d->images[0].primary, op);
}

static bool primary_notes_written(const struct device *d, const struct op *op)
{
    return !op->is_erase && is_notes(d, &d->images[0].primary, op) && !is_status(d, op) &&
           !is_copy_done(d, op);
}

static bool secondary_notes_erased(const struct device *d, const struct op *op)
{
    return op->is_erase && is_notes(d, &d->images[0].secondary, op);
}

static bool secondary_note_written(const struct device *d, const struct op *op)
{
    return !op->is_erase && is_notes(d, &d->images[0].secondary, op);
}

static bool primary_notes_erased(const struct device *d, const struct op *op)
{
    return op->is_erase && is_notes(d, &d->images[0].primary, op);
}

static bool secondary_data_erased(const struct device *d, const struct op *op)
{
    return op->is_erase && is_data(d, &d->images[0].secondary, op);
}

static bool last_of_secondary(const struct device *d, const struct op *op)
{
    return is_last_of(d, &d->images[0].old, &d->images[0].secondary, op);
}

static bool last_of_primary(const struct device *d, const struct op *op)
{
    return is_last_of(d, &d->images[0].new, &d->images[0].primary, op);
}

static bool log_written(const struct device *d, const struct op *op)
{
    return in(op, &d->log, 0, d->log.size);
}

/* The plan stands behind the note. */
static bool plan_written(const struct device *d, const struct op *op)
{
    return is_cell(d, op, notes_from(d, &d->images[0].primary) + TD_NOTE_SIZE);
}

static bool other_image_moved(const struct device *d, const struct op *op)
{
    return is_data(d, &d->images[1].primary, op) || is_data(d, &d->images[1].secondary, op);
}

const struct planted planted_bugs[] = {
    { "record-before-copy", "a move or swap is recorded before its sector is copied", "swap-move",
      "update", 'a', 1, false, primary_data, is_status, NULL },
    { "request-before-notes", "the request is erased before the primary's notes are written",
      "swap-move", "update", 'a', 1, false, primary_notes_written, secondary_notes_erased, NULL },
    { "erase-before-record", "the secondary's sector is erased before the primary's is recorded",
      "swap-move", "update", 'a', 1, false, is_status, secondary_data_erased, NULL },
    { "done-before-last", "copy_done is written before the old image's last sector", "swap-move",
      "update", 'a', 1, false, last_of_secondary, is_copy_done, NULL },
    { "notes-before-intent", "a revert erases the trial's notes before it has noted its intent",
      "swap-move", "revert", 'a', 1, false, secondary_note_written, primary_notes_erased, NULL },
    { "request-before-copy", "overwriting erases the request before the last sector is copied",
      "overwrite-only", "permanent", 'a', 1, false, last_of_primary, secondary_notes_erased, NULL },
    { "request-before-verdict", "a refused request is erased before its verdict is logged",
      "swap-move", "refuse signature", 'a', 1, false, log_written, secondary_notes_erased, NULL },
    { "move-before-plan", "sectors are moved before it is written down which of them take part",
      "swap-move", "update, a part", 'a', 1, false, plan_written, is_status, NULL },
    { "offset-before-copy", "swap-offset records a step before its sector is copied", "swap-offset",
      "update", 'a', 1, false, primary_data, is_status, NULL },
    { "offset-without-intent", "swap-offset's revert erases the trial's notes before its intent",
      "swap-offset", "revert", 'a', 1, false, secondary_note_written, primary_notes_erased, NULL },
    { "one-before-the-other", "of two images one is called done before the other one is moved",
      "swap-move", "update", 'i', 2, false, other_image_moved, is_copy_done, NULL },
    { "scratch-before-copy", "swap-scratch records a step before its sector is copied",
      "swap-scratch", "update", 'j', 1, false, primary_data, is_status, NULL },
    { "stage-dropped-early", "a second stage's request is dropped before its copy is there",
      "second stage", "update", 0, 1, false, NULL, NULL, planted_stage },
    { "core-given-late", "the cell says that the network core was given it before it says so",
      "network core", "update", 0, 2, false, NULL, NULL, planted_core },
    { "head-before-copies", "the log's new sector gets its head before the last of each class",
      "boot log", "only notes", 0, 1, false, NULL, NULL, planted_log },
    { "entry-before-value", "a setting's entry is written before its value", "settings", "set", 0,
      1, false, NULL, NULL, planted_entry_first },
    { "erase-before-done", "the oldest settings are erased before the copies are said to be whole",
      "settings", "set", 0, 1, false, NULL, NULL, planted_erase_first },
    { "record-before-bytes", "an upload's record is written before the bytes of which it speaks",
      "upload", "file", 0, 1, false, NULL, NULL, planted_upload },
    { "counter-first", "the security counter rises before the image is confirmed", "swap-move",
      "confirm", 0, 1, false, NULL, NULL, planted_confirm },
};
const unsigned n_planted_bugs = sizeof planted_bugs / sizeof planted_bugs[0];

/* --- the shim --- */

static bool is_held(const void *ctx, const struct op *op)
{
    const struct device *d = ctx;

    return d->planted->held(d, op);
}

static bool is_first(const void *ctx, const struct op *op)
{
    const struct device *d = ctx;

    return d->planted->first(d, op);
}

void planted_shim(struct device *d)
{
    d->shim.below = &d->nors[0];
    d->shim.ctx = d;
    d->shim.held = is_held;
    d->shim.first = is_first;
    shim_init(&d->shim);
}
