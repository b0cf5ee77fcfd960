/*
 * image/trial.c - reads cells as a power cut may have left them, and programs one at a time.
 *
 * A word in whose programming the power failed reads differently from time to time. A bit counts
 * as programmed when one of many reads says so: torn cells then read the same at every boot.
 */
#include "image/trial.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"

enum cell { PROVEN, CLOSED, FIRST_BOOT };

enum state { BLANK, PART, WHOLE, ALIEN };

static uint32_t cell_size(const struct td_trial_place *place)
{
    return td_max_u32(4, place->area->dev->write_size);
}

uint32_t td_trial_size(const struct td_trial_place *place)
{
    return cell_size(place) * (FIRST_BOOT + 2u * place->boots);
}

// What a cell holds says which one it is, so that padding of another make is not taken for cells.
static uint32_t pattern_of(unsigned cell)
{
    static const uint32_t patterns[] = { 0x56525054, 0x44534c43 };

    if (cell < FIRST_BOOT)
        return patterns[cell];
    return ((cell - FIRST_BOOT) % 2 == 0 ? 0x4e474542u : 0x544f4f42u) & ~(cell << 8);
}

static bool has_place(const struct td_trial_place *place)
{
    return place->boots > 0 && place->boots <= TD_TRIAL_BOOTS_MAX &&
           place->area->dev->erased == 0xff && place->off % place->area->dev->write_size == 0 &&
           td_range_in(place->off, td_trial_size(place), place->area->size);
}

/* Of the reads: the bits that were set in all of them, and those that were set in one. */
struct reads {
    uint8_t every[TD_FLASH_WRITE_MAX];
    uint8_t any[TD_FLASH_WRITE_MAX];
};

static enum td_err read_often(const struct td_trial_place *place, uint32_t off, uint32_t len,
                              struct reads *r)
{
    uint8_t raw[TD_FLASH_WRITE_MAX];

    memset(r->every, 0xff, sizeof r->every);
    memset(r->any, 0, sizeof r->any);
    for (unsigned n = 0; n < TD_FLASH_READS; n++) {
        enum td_err err = td_flash_read(place->area, off, raw, len);

        if (err != TD_OK)
            return err;
        for (uint32_t i = 0; i < len; i++) {
            r->every[i] &= raw[i];
            r->any[i] |= raw[i];
        }
    }
    return TD_OK;
}

static enum state judge(const struct reads *r, uint32_t len, uint32_t pattern)
{
    bool blank = true, whole = true;

    for (uint32_t i = 0; i < len; i++) {
        uint8_t want = (uint8_t)(pattern >> (8 * (i & 3)));

        if ((r->every[i] & want) != want)
            return ALIEN;
        blank = blank && r->every[i] == 0xff;
        whole = whole && r->every[i] == want && r->any[i] == want;
    }
    return blank ? BLANK : whole ? WHOLE : PART;
}

static enum td_err look(const struct td_trial_place *place, unsigned cell, enum state *state)
{
    uint32_t len = cell_size(place);
    struct reads r;
    enum td_err err = read_often(place, place->off + cell * len, len, &r);

    *state = err == TD_OK ? judge(&r, len, pattern_of(cell)) : PART;
    return err == TD_EECC ? TD_OK : err;
}

static enum td_err program(const struct td_trial_place *place, unsigned cell)
{
    uint8_t bytes[TD_FLASH_WRITE_MAX];
    uint32_t len = cell_size(place);

    for (uint32_t i = 0; i < len; i += 4)
        td_store_le32(bytes + i, pattern_of(cell));
    return td_flash_write(place->area, place->off + cell * len, bytes, len);
}

enum td_err td_trial_read(const struct td_trial_place *place, struct td_trial *trial)
{
    enum state states[FIRST_BOOT + 2 * TD_TRIAL_BOOTS_MAX];
    unsigned n = FIRST_BOOT + 2u * place->boots;

    memset(trial, 0, sizeof *trial);
    if (!has_place(place))
        return TD_OK;
    for (unsigned cell = 0; cell < n; cell++) {
        enum td_err err = look(place, cell, &states[cell]);

        if (err != TD_OK)
            return err;
        if (states[cell] == ALIEN)
            return TD_OK;
    }
    trial->present = true;
    trial->proven = states[PROVEN] != BLANK;
    trial->closed = states[CLOSED] != BLANK;
    while (trial->begun < place->boots && states[FIRST_BOOT + 2 * trial->begun] != BLANK)
        trial->begun++;
    trial->last_booted = trial->begun > 0 && states[FIRST_BOOT + 2 * trial->begun - 1] == WHOLE;
    return TD_OK;
}

/* Programs the cell unless something stands in it. */
static enum td_err write_once(const struct td_trial_place *place, unsigned cell, bool written)
{
    enum state state;
    enum td_err err;

    if (written)
        return TD_OK;
    err = look(place, cell, &state);
    if (err != TD_OK)
        return err;
    return state == BLANK ? program(place, cell) : TD_ESTATE;
}

enum td_err td_trial_begin(const struct td_trial_place *place)
{
    struct td_trial t;
    enum td_err err = td_trial_read(place, &t);

    if (err != TD_OK)
        return err;
    if (!t.present || t.begun == place->boots)
        return TD_ESTATE;
    return write_once(place, FIRST_BOOT + 2u * t.begun, false);
}

enum td_err td_trial_booted(const struct td_trial_place *place)
{
    struct td_trial t;
    enum td_err err = td_trial_read(place, &t);

    if (err != TD_OK)
        return err;
    if (!t.present || t.begun == 0)
        return TD_ESTATE;
    return write_once(place, FIRST_BOOT + 2u * t.begun - 1, t.last_booted);
}

enum td_err td_trial_prove(const struct td_trial_place *place)
{
    struct td_trial t;
    enum td_err err = td_trial_read(place, &t);

    if (err != TD_OK)
        return err;
    return t.present ? write_once(place, PROVEN, t.proven) : TD_ESTATE;
}

enum td_err td_trial_close(const struct td_trial_place *place)
{
    struct td_trial t;
    enum td_err err = td_trial_read(place, &t);

    if (err != TD_OK)
        return err;
    return t.present ? write_once(place, CLOSED, t.closed) : TD_ESTATE;
}
