#include "planted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "boot/cipher.h"
#include "boot/plan.h"
#include "device.h"

#define HELD_MAX 256

static struct {
    struct op op;
    uint8_t bytes[1024];
} held[HELD_MAX];
static unsigned n_held;

void planted_forget(void)
{
    n_held = 0;
}

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
      "update", 'a', 1, false, primary_data, is_status },
    { "request-before-notes", "the request is erased before the primary's notes are written",
      "swap-move", "update", 'a', 1, false, primary_notes_written, secondary_notes_erased },
    { "erase-before-record", "the secondary's sector is erased before the primary's is recorded",
      "swap-move", "update", 'a', 1, false, is_status, secondary_data_erased },
    { "done-before-last", "copy_done is written before the old image's last sector", "swap-move",
      "update", 'a', 1, false, last_of_secondary, is_copy_done },
    { "notes-before-intent", "a revert erases the trial's notes before it has noted its intent",
      "swap-move", "revert", 'a', 1, false, secondary_note_written, primary_notes_erased },
    { "request-before-copy", "overwriting erases the request before the last sector is copied",
      "overwrite-only", "permanent", 'a', 1, false, last_of_primary, secondary_notes_erased },
    { "request-before-verdict", "a refused request is erased before its verdict is logged",
      "swap-move", "refuse signature", 'a', 1, false, log_written, secondary_notes_erased },
    { "move-before-plan", "sectors are moved before it is written down which of them take part",
      "swap-move", "update, a part", 'a', 1, false, plan_written, is_status },
    { "offset-before-copy", "swap-offset records a step before its sector is copied", "swap-offset",
      "update", 'a', 1, false, primary_data, is_status },
    { "offset-without-intent", "swap-offset's revert erases the trial's notes before its intent",
      "swap-offset", "revert", 'a', 1, false, secondary_note_written, primary_notes_erased },
    { "one-before-the-other", "of two images one is called done before the other one is moved",
      "swap-move", "update", 'i', 2, false, other_image_moved, is_copy_done },
};
const unsigned n_planted_bugs = sizeof planted_bugs / sizeof planted_bugs[0];

/* --- the shim --- */

static const struct td_flash_dev *below(const struct device *d)
{
    return &d->nors[0].dev;
}

static enum td_err erase_now(const struct device *d, const struct op *op)
{
    bool done = false;
    enum td_err err = below(d)->ops->erase_begin(below(d), op->off, op->len);

    while (err == TD_OK && !done)
        err = below(d)->ops->erase_step(below(d), 1000000, &done);
    return err;
}

static enum td_err release(const struct device *d)
{
    enum td_err err = TD_OK;

    for (unsigned i = 0; err == TD_OK && i < n_held; i++) {
        const struct op *op = &held[i].op;

        err = op->is_erase ? erase_now(d, op)
                           : below(d)->ops->write(below(d), op->off, held[i].bytes, op->len);
    }
    n_held = 0;
    return err;
}

static enum td_err hold(const struct op *op, const void *src)
{
    if (n_held == HELD_MAX || (src != NULL && op->len > sizeof held[0].bytes)) {
        fprintf(stderr, "sweep: a planted bug holds back too much\n");
        exit(2);
    }
    held[n_held].op = *op;
    if (src != NULL)
        memcpy(held[n_held].bytes, src, op->len);
    n_held++;
    return TD_OK;
}

static enum td_err shim_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                              size_t len)
{
    const struct device *d = dev->ctx;
    struct op op = { false, off, (uint32_t)len };
    enum td_err err;

    if (d->power.lost)
        return TD_EFLASH;
    if (d->planted->held(d, &op))
        return hold(&op, src);
    err = below(d)->ops->write(below(d), off, src, len);
    return err == TD_OK && d->planted->first(d, &op) ? release(d) : err;
}

static enum td_err shim_erase_begin(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    const struct device *d = dev->ctx;
    struct op op = { true, off, len };
    enum td_err err;

    if (d->power.lost)
        return TD_EFLASH;
    if (d->planted->held(d, &op))
        return hold(&op, NULL);
    err = erase_now(d, &op);
    return err == TD_OK && d->planted->first(d, &op) ? release(d) : err;
}

static enum td_err shim_erase_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    const struct device *d = dev->ctx;

    (void)budget_us;
    *done = true;
    return d->power.lost ? TD_EFLASH : TD_OK;
}

static enum td_err shim_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    const struct device *d = dev->ctx;
    enum td_err err = below(d)->ops->read(below(d), off, dst, len);
    uint8_t *out = dst;

    for (unsigned i = 0; err == TD_OK && i < n_held; i++) {
        for (uint32_t k = 0; k < held[i].op.len; k++) {
            uint32_t at = held[i].op.off + k;

            if (at >= off && at < off + len)
                out[at - off] = held[i].op.is_erase ? d->nors[0].dev.erased : held[i].bytes[k];
        }
    }
    return err;
}

void planted_shim(struct device *d)
{
    static const struct td_flash_ops ops = { shim_read, shim_write, shim_erase_begin,
                                             shim_erase_step };

    d->shim = d->nors[0].dev;
    d->shim.ops = &ops;
    d->shim.ctx = d;
}
