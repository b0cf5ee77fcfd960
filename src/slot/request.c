/*
 * slot/request.c - requests and confirmations as short sequences of cell writes.
 *
 * 1. A request's magic is its last cell: without it the other cells mean nothing.
 * 2. Nothing is programmed into a trailer that was not erased by the same call, but image_ok
 *    into one whose magic is GOOD, and whole requests where an erase would hit the image.
 * 3. What was written is read back before the call says so.
 */
#include "slot/request.h"

enum td_swap_type td_slot_next(enum td_slot_manner manner, enum td_strategy_id mode,
                               const struct td_trailer_state *p, const struct td_trailer_state *x)
{
    bool stock = manner == TD_SLOT_STOCK;

    if (x->magic == TD_MAGIC_GOOD) {
        if (x->image_ok == TD_FLAG_SET)
            return TD_SWAP_PERM;
        if (x->image_ok == TD_FLAG_UNSET) {
            bool old_image = mode == TD_MODE_OFFSET && x->copy_done == TD_FLAG_SET;

            return old_image ? TD_SWAP_REVERT : TD_SWAP_TEST;
        }
        // Torn while a test was made permanent, or while a request was erased: the test is
        // what was certainly asked for at some time, and it can be undone.
        if (!stock)
            return TD_SWAP_TEST;
    }
    if (p->magic != TD_MAGIC_GOOD || !td_mode_swaps(mode))
        return TD_SWAP_NONE;
    if (stock)
        return p->copy_done == TD_FLAG_SET && p->image_ok == TD_FLAG_UNSET ? TD_SWAP_REVERT
                                                                           : TD_SWAP_NONE;
    return td_slot_on_trial(p) ? TD_SWAP_REVERT : TD_SWAP_NONE;
}

bool td_slot_underway(const struct td_trailer_state *p)
{
    return p->magic == TD_MAGIC_GOOD && p->swap_info != TD_FLAG_UNSET &&
           p->copy_done == TD_FLAG_UNSET;
}

/* A torn copy_done was being set. A torn image_ok was, too, but nobody was told so. */
bool td_slot_on_trial(const struct td_trailer_state *p)
{
    if (p->magic != TD_MAGIC_GOOD || p->copy_done == TD_FLAG_UNSET)
        return false;
    if (p->image_ok == TD_FLAG_BAD)
        return p->swap_type == TD_SWAP_TEST;
    return p->image_ok == TD_FLAG_UNSET;
}

enum td_slot_stand td_slot_stand(const struct td_trailer_state *s)
{
    if (s->magic != TD_MAGIC_GOOD)
        return TD_STAND_FACTORY;
    if (s->image_ok == TD_FLAG_SET)
        return TD_STAND_CONFIRMED;
    if (s->copy_done == TD_FLAG_UNSET ||
        (s->copy_done == TD_FLAG_BAD && s->swap_info == TD_FLAG_UNSET))
        return TD_STAND_ASKED;
    return TD_STAND_TRIED;
}

enum td_swap_type td_slot_next_choice(const struct td_trailer_state *runs,
                                      const struct td_trailer_state *other, bool other_present,
                                      bool older)
{
    enum td_slot_stand stand = td_slot_stand(other);

    if (!other_present)
        return TD_SWAP_NONE;
    if (td_slot_stand(runs) == TD_STAND_TRIED)
        return TD_SWAP_REVERT;
    if (older || stand < TD_STAND_ASKED)
        return TD_SWAP_NONE;
    return stand == TD_STAND_ASKED ? TD_SWAP_TEST : TD_SWAP_PERM;
}

bool td_slot_is_confirmed(const struct td_trailer_state *p)
{
    return p->magic == TD_MAGIC_UNSET || p->image_ok == TD_FLAG_SET;
}

/* --- requests --- */

static bool chooses(enum td_strategy_id mode)
{
    return mode == TD_MODE_XIP_REVERT || mode == TD_MODE_RAM_LOAD;
}

static bool takes_requests(enum td_strategy_id mode)
{
    return td_mode_swaps(mode) || mode == TD_MODE_OVERWRITE || chooses(mode);
}

/* Whether the trailer says exactly this request. */
static bool says(const struct td_trailer_state *x, bool permanent)
{
    if (x->magic != TD_MAGIC_GOOD)
        return false;
    // With copy_done a test would be a revert to swap-offset.
    return permanent ? x->image_ok == TD_FLAG_SET
                     : x->image_ok == TD_FLAG_UNSET && x->copy_done == TD_FLAG_UNSET;
}

static bool is_empty(const struct td_trailer_state *x)
{
    return x->magic == TD_MAGIC_UNSET && x->image_ok == TD_FLAG_UNSET &&
           x->copy_done == TD_FLAG_UNSET && x->swap_info == TD_FLAG_UNSET;
}

static bool is_torn(const struct td_trailer_state *x)
{
    return x->magic == TD_MAGIC_BAD || x->image_ok == TD_FLAG_BAD || x->copy_done == TD_FLAG_BAD ||
           x->swap_info == TD_FLAG_BAD;
}

/* A request that lacks its magic, and can be completed as the one wanted. */
static bool is_begun(const struct td_trailer_state *x, bool permanent)
{
    bool ok = x->image_ok == TD_FLAG_UNSET || (permanent && x->image_ok == TD_FLAG_SET);
    bool info =
        x->swap_info == TD_FLAG_UNSET || x->swap_type == (permanent ? TD_SWAP_PERM : TD_SWAP_TEST);

    return x->magic == TD_MAGIC_UNSET && x->copy_done == TD_FLAG_UNSET && ok && info;
}

/* What of the request is missing, the magic last. */
static enum td_err write_request(const struct td_slots *s, bool permanent,
                                 const struct td_trailer_state *x)
{
    enum td_swap_type type = permanent ? TD_SWAP_PERM : TD_SWAP_TEST;
    enum td_err err = TD_OK;

    if (permanent && x->image_ok == TD_FLAG_UNSET)
        err = td_trailer_write_image_ok(s->secondary);
    if (err == TD_OK && x->swap_info == TD_FLAG_UNSET && !chooses(s->secondary->mode))
        err = td_trailer_write_swap_info(s->secondary, type, s->image_num);
    if (err == TD_OK)
        err = td_trailer_write_magic(s->secondary);
    return err;
}

/* Whether an erase of the trailer would take a piece of the image with it. */
static enum td_err check_shared(const struct td_slots *s, uint32_t image_end)
{
    uint32_t first;
    enum td_err err = td_trailer_first_sector(s->secondary, &first);

    if (err != TD_OK)
        return err;
    return image_end > first ? TD_ESLOT_SHARED : TD_OK;
}

static enum td_err erase_and_write(const struct td_slots *s, bool permanent)
{
    static const struct td_trailer_state blank = {
        .magic = TD_MAGIC_UNSET,
        .image_ok = TD_FLAG_UNSET,
        .copy_done = TD_FLAG_UNSET,
        .swap_info = TD_FLAG_UNSET,
        .swap_type = TD_SWAP_NONE,
    };
    enum td_err err = td_trailer_erase(s->secondary);

    return err == TD_OK ? write_request(s, permanent, &blank) : err;
}

/* Reads back; what does not say the request now was written into a weak sector. */
static enum td_err read_back(const struct td_slots *s, bool permanent, bool *good)
{
    struct td_trailer_state x;
    enum td_err err = td_trailer_read(s->secondary, &x);

    *good = err == TD_OK && says(&x, permanent);
    return err;
}

/* The image reaches into the trailer's sector: what is there can be completed, not mended. */
static enum td_err request_in_place(const struct td_slots *s, bool permanent,
                                    const struct td_trailer_state *x)
{
    enum td_err err;
    bool good = false;

    if (!is_begun(x, permanent))
        return TD_ESLOT_SHARED;
    err = write_request(s, permanent, x);
    if (err == TD_OK)
        err = read_back(s, permanent, &good);
    return err != TD_OK || good ? err : TD_ESLOT_SHARED;
}

/* Permanent after a sound test: one cell. *good stays false where it does not hold. */
static enum td_err upgrade(const struct td_slots *s, const struct td_trailer_state *x, bool *good)
{
    enum td_err err;

    *good = false;
    if (x->magic != TD_MAGIC_GOOD || x->image_ok != TD_FLAG_UNSET)
        return TD_OK;
    err = td_trailer_write_image_ok(s->secondary);
    return err == TD_OK ? read_back(s, true, good) : err;
}

static enum td_err request_mended(const struct td_slots *s, bool permanent, uint32_t image_end,
                                  const struct td_trailer_state *x, enum td_slot_done *done)
{
    bool good = false;
    enum td_err err = TD_OK;

    *done = TD_SLOT_ALREADY;
    if (says(x, permanent))
        return TD_OK;
    *done = is_torn(x) ? TD_SLOT_REPAIRED : TD_SLOT_WRITTEN;
    if (permanent)
        err = upgrade(s, x, &good);
    if (err != TD_OK || good)
        return err;
    err = check_shared(s, image_end);
    if (err == TD_ESLOT_SHARED)
        return request_in_place(s, permanent, x);
    if (err == TD_OK)
        err = erase_and_write(s, permanent);
    if (err == TD_OK)
        err = read_back(s, permanent, &good);
    return err != TD_OK || good ? err : TD_EFLASH;
}

/* What the original writes where it chooses: magic first, then what a confirmed one has. */
static enum td_err choice_stock(const struct td_trailer *t, bool permanent,
                                const struct td_trailer_state *x, enum td_slot_done *done)
{
    enum td_err err = TD_OK;

    *done = TD_SLOT_ALREADY;
    if (x->magic == TD_MAGIC_BAD)
        return TD_ESLOT_MAGIC;
    if (x->magic == TD_MAGIC_UNSET || (permanent && x->image_ok == TD_FLAG_UNSET))
        *done = TD_SLOT_WRITTEN;
    if (x->magic == TD_MAGIC_UNSET)
        err = td_trailer_write_magic(t);
    if (err == TD_OK && permanent && x->copy_done == TD_FLAG_UNSET)
        err = td_trailer_write_copy_done(t);
    if (err == TD_OK && permanent && x->image_ok == TD_FLAG_UNSET)
        err = td_trailer_write_image_ok(t);
    return err;
}

/* The original's order, magic first, and its "success" about a request of another kind. */
static enum td_err request_stock(const struct td_slots *s, bool permanent,
                                 const struct td_trailer_state *x, enum td_slot_done *done)
{
    enum td_err err;

    *done = TD_SLOT_ALREADY;
    if (x->magic == TD_MAGIC_BAD)
        return TD_ESLOT_MAGIC;
    if (x->magic == TD_MAGIC_GOOD)
        return TD_OK;
    *done = TD_SLOT_WRITTEN;
    err = td_trailer_write_magic(s->secondary);
    if (err == TD_OK && permanent)
        err = td_trailer_write_image_ok(s->secondary);
    if (err == TD_OK)
        err = td_trailer_write_swap_info(s->secondary, permanent ? TD_SWAP_PERM : TD_SWAP_TEST,
                                         s->image_num);
    return err;
}

/* What forbids a request, whatever the secondary says. */
static enum td_err check_primary(const struct td_slots *s)
{
    struct td_trailer_state p;
    enum td_err err;

    if (!td_mode_swaps(s->primary->mode))
        return TD_OK;
    err = td_trailer_read(s->primary, &p);
    if (err != TD_OK)
        return err;
    if (td_slot_underway(&p))
        return TD_ESLOT_UNDERWAY;
    return td_slot_on_trial(&p) ? TD_ESLOT_TRIAL : TD_OK;
}

enum td_err td_slot_set_pending(const struct td_slots *s, bool permanent, uint32_t image_end,
                                enum td_slot_done *done)
{
    struct td_trailer_state x;
    enum td_err err;

    if (!takes_requests(s->secondary->mode))
        return TD_EUNSUPPORTED;
    err = td_trailer_read(s->secondary, &x);
    if (err != TD_OK)
        return err;
    if (s->manner == TD_SLOT_STOCK && chooses(s->secondary->mode))
        return choice_stock(s->secondary, permanent, &x, done);
    if (s->manner == TD_SLOT_STOCK)
        return request_stock(s, permanent, &x, done);
    if (image_end == 0)
        return TD_ESLOT_EMPTY;
    err = check_primary(s);
    if (err != TD_OK)
        return err;
    return request_mended(s, permanent, image_end, &x, done);
}

enum td_err td_slot_cancel(const struct td_slots *s, uint32_t image_end, enum td_slot_done *done)
{
    struct td_trailer_state x;
    enum td_err err = td_trailer_read(s->secondary, &x);

    if (err != TD_OK)
        return err;
    *done = TD_SLOT_ALREADY;
    if (is_empty(&x))
        return TD_OK;
    *done = is_torn(&x) ? TD_SLOT_REPAIRED : TD_SLOT_WRITTEN;
    err = check_primary(s);
    if (err != TD_OK && err != TD_ESLOT_TRIAL)
        return err;
    err = check_shared(s, image_end);
    return err == TD_OK ? td_trailer_erase(s->secondary) : err;
}

/* --- confirming --- */

static enum td_err write_confirmation(const struct td_slots *s)
{
    struct td_trailer_state p;
    enum td_err err = td_trailer_write_image_ok(s->primary);

    if (err == TD_OK)
        err = td_trailer_read(s->primary, &p);
    if (err != TD_OK)
        return err;
    return p.image_ok == TD_FLAG_SET ? TD_OK : TD_ESLOT_IMAGE_OK;
}

enum td_err td_slot_confirm(const struct td_slots *s, enum td_slot_done *done)
{
    struct td_trailer_state p;
    enum td_err err = td_trailer_read(s->primary, &p);

    if (err != TD_OK)
        return err;
    if (s->manner == TD_SLOT_STOCK && chooses(s->primary->mode))
        return choice_stock(s->primary, true, &p, done);
    *done = TD_SLOT_NATURAL;
    if (p.magic == TD_MAGIC_UNSET)
        return TD_OK;
    if (p.magic == TD_MAGIC_BAD)
        return TD_ESLOT_MAGIC;
    *done = TD_SLOT_ALREADY;
    if (p.image_ok == TD_FLAG_SET)
        return TD_OK;
    if (p.image_ok == TD_FLAG_BAD)
        return s->manner == TD_SLOT_STOCK ? TD_OK : TD_ESLOT_IMAGE_OK;
    *done = TD_SLOT_WRITTEN;
    return write_confirmation(s);
}
