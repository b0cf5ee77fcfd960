/*
 * tools/slots.c - the next boot, from two trailers and what lies in the slots.
 *
 * The order is the bootloader's: a half-done swap first, then the table of swap types, then
 * whether the image that was asked for can be had.
 */
#include "tools/slots.h"

#include <stdio.h>
#include <string.h>

#include "base/range.h"

struct view {
    const struct td_plan *plan;
    const struct td_survey *survey;
    const struct td_memory *m;
    struct td_outlook *o;
};

const char *td_next_name(enum td_next_boot next)
{
    static const char *const names[] = {
        [TD_NEXT_RUN] = "run",         [TD_NEXT_TEST] = "test",     [TD_NEXT_INSTALL] = "install",
        [TD_NEXT_REVERT] = "revert",   [TD_NEXT_RESUME] = "resume", [TD_NEXT_REFUSE] = "refuse",
        [TD_NEXT_NOTHING] = "nothing",
    };

    return names[next];
}

const char *td_magic_word(enum td_magic magic)
{
    return magic == TD_MAGIC_GOOD ? "good" : magic == TD_MAGIC_UNSET ? "unset" : "bad";
}

const char *td_flag_word(enum td_flag flag)
{
    return flag == TD_FLAG_SET ? "set" : flag == TD_FLAG_UNSET ? "unset" : "bad";
}

const char *td_swap_type_word(enum td_swap_type type)
{
    switch (type) {
    case TD_SWAP_TEST: return "test";
    case TD_SWAP_PERM: return "permanent";
    case TD_SWAP_REVERT: return "revert";
    default: return "none";
    }
}

/* "1.2.3" or "1.2.3+4", or "nothing". */
static const char *version_of(const struct td_thing *image, char out[40])
{
    const struct td_version *v;

    if (image == NULL)
        return "nothing";
    v = &image->u.image.image.hdr.version;
    if (v->build != 0)
        snprintf(out, 40, "%u.%u.%u+%u", v->major, v->minor, v->revision, v->build);
    else
        snprintf(out, 40, "%u.%u.%u", v->major, v->minor, v->revision);
    return out;
}

/* ---- reading ------------------------------------------------------------------------ */

static bool open_trailer(const struct view *v, struct td_place_of at, struct td_window *w,
                         struct td_trailer *t)
{
    const struct td_plan *p = v->plan;

    if (at.size == 0 || !td_window_flash(w, v->m, at.addr, at.size, p->sector, p->write_size))
        return false;
    *t = (struct td_trailer){
        .area = &w->area,
        .mode = p->mode,
        .max_sectors = p->max_sectors,
        .write_size = p->write_size,
        .max_align = p->max_align,
    };
    return td_trailer_check(t) == TD_OK;
}

/* What the marks say about the end of a slot: a magic of another alignment, one that is early. */
static void look_for_strays(const struct view *v, struct td_slot_seen *slot)
{
    uint64_t end = (uint64_t)slot->at.addr + slot->at.size;

    for (size_t i = 0; i < v->survey->n; i++) {
        const struct td_thing *t = &v->survey->at[i];
        uint64_t its_end = (uint64_t)t->addr + t->size;

        if (t->kind != TD_THING_TRAILER || t->addr < slot->at.addr || its_end > end)
            continue;
        if (its_end < end)
            slot->stray = (uint32_t)its_end;
        else if (t->u.trailer.max_align != v->plan->max_align)
            slot->align_found = t->u.trailer.max_align;
    }
}

static void look_at_slot(const struct view *v, unsigned n, struct td_place_of at)
{
    struct td_slot_seen *slot = &v->o->slot[n];
    bool wants_shift = n == 1 && v->plan->mode == TD_MODE_OFFSET;
    struct td_trailer t;
    struct td_window w;
    enum td_flag flag;

    slot->at = at;
    if (at.size == 0)
        return;
    slot->image = td_survey_image_at(v->survey, wants_shift ? at.addr + v->plan->sector : at.addr);
    if (slot->image == NULL) {
        slot->image =
            td_survey_image_at(v->survey, wants_shift ? at.addr : at.addr + v->plan->sector);
        slot->shifted = slot->image != NULL;
    }
    look_for_strays(v, slot);
    slot->trailer_read = open_trailer(v, at, &w, &t) &&
                         td_trailer_read(&t, &slot->trailer) == TD_OK &&
                         td_trailer_read_swap_size(&t, &flag, &slot->swap_size) == TD_OK;
}

/* Entries of a swap in one shape; false when they do not look like this shape. */
static bool count_entries(const struct td_trailer *t, uint32_t n, uint32_t *count)
{
    uint32_t moves = 0, swaps = 0;
    bool gap = false, gap2 = false;

    if (t->mode == TD_MODE_MOVE) {
        if (n > t->max_sectors || td_trailer_status_count(t, 0, n, &moves, &gap) != TD_OK ||
            td_trailer_status_count(t, t->max_sectors, 2 * n, &swaps, &gap2) != TD_OK)
            return false;
        *count = moves + swaps;
        return !gap && !gap2 && (swaps == 0 || moves == n);
    }
    if (td_trailer_status_count(t, 0, td_trailer_n_status(t), &swaps, &gap) != TD_OK)
        return false;
    *count = swaps;
    return !gap;
}

/* Where a half-done swap stands. When the trailer's shape is a guess, the usual ones are tried. */
static void count_progress(const struct view *v)
{
    const uint32_t own = v->o->slot[0].at.size / v->plan->sector;
    const uint16_t sectors[] = { 0, (uint16_t)td_min_u32(own, UINT16_MAX), 128, 256, 512, 1024 };
    static const uint8_t widths[] = { 0, 4, 8, 1, 2, 16, 32 };
    const struct td_plan *p = v->plan;
    struct td_place_of at = v->o->slot[0].at;
    uint32_t size = v->o->slot[0].swap_size;
    uint32_t n = (size + p->sector - 1) / p->sector;

    if (size == 0 || size > at.size)
        return;
    v->o->entries_all = n * (p->mode == TD_MODE_MOVE ? 3u : 2u);
    for (size_t i = 0; i < TD_N_OF(sectors); i++) {
        for (size_t k = 0; k < TD_N_OF(widths); k++) {
            struct td_plan shape = *p;
            struct view tried = { &shape, v->survey, v->m, v->o };
            struct td_trailer t;
            struct td_window w;
            uint32_t count;

            if ((i > 0 || k > 0) && !p->shape_guessed)
                return;
            if (i > 0)
                shape.max_sectors = sectors[i];
            if (k > 0)
                shape.write_size = widths[k];
            if (shape.write_size > shape.max_align || !open_trailer(&tried, at, &w, &t) ||
                !count_entries(&t, n, &count))
                continue;
            if (!v->o->entries_known || count > v->o->entries)
                v->o->entries = count;
            v->o->entries_known = true;
        }
    }
}

static struct td_room_geometry geometry(const struct td_plan *p)
{
    return (struct td_room_geometry){
        .primary_size = p->primary.size,
        .secondary_size = p->secondary.size,
        .primary_sector = p->sector,
        .secondary_sector = p->sector,
        .scratch_size = p->scratch.size,
        .max_sectors = p->max_sectors,
        .write_size = p->write_size,
        .max_align = p->max_align,
        .own_sector = p->tandem,
    };
}

/* ---- judging ------------------------------------------------------------------------ */

static bool is_sound(const struct td_thing *image)
{
    return image != NULL && image->u.image.err == TD_OK;
}

static bool same_hash(const struct td_thing *a, const struct td_thing *b)
{
    return a != NULL && b != NULL && a->u.image.hash_len > 0 &&
           a->u.image.hash_len == b->u.image.hash_len &&
           memcmp(a->u.image.hash, b->u.image.hash, a->u.image.hash_len) == 0;
}

/* Whether the image that was asked for can be had; why says why not. */
static bool can_install(const struct view *v)
{
    const struct td_slot_seen *x = &v->o->slot[1];
    const struct td_slot_seen *p = &v->o->slot[0];
    struct td_room_geometry g = geometry(v->plan);
    struct td_room_fit fit = { 0, 0 };
    char *why = v->o->why;
    size_t cap = sizeof v->o->why;

    if (x->image == NULL) {
        snprintf(why, cap,
                 "an update is requested, and slot 1 holds no image: the request is dropped");
        return false;
    }
    if (x->shifted && v->plan->mode_known) {
        snprintf(why, cap,
                 "the image in slot 1 begins at 0x%x, and this way of updating (%s) looks for it "
                 "at 0x%x",
                 x->image->addr, td_mode_name(v->plan->mode),
                 v->plan->mode == TD_MODE_OFFSET ? x->at.addr + v->plan->sector : x->at.addr);
        return false;
    }
    if (!is_sound(x->image)) {
        snprintf(why, cap,
                 "the image in slot 1 is not sound (%s): the bootloader refuses it and erases it",
                 td_strerror(x->image->u.image.err));
        return false;
    }
    if (td_room_check(v->plan->mode, &g, is_sound(p->image) ? p->image->u.image.image.size : 0,
                      x->image->u.image.image.size, &fit) != TD_OK &&
        fit.max > 0) {
        snprintf(why, cap,
                 "there is no room to install it: %u bytes, and with these slots %s takes %u",
                 fit.needed, td_mode_name(v->plan->mode), fit.max);
        return false;
    }
    return true;
}

/* Nothing is asked for by the table. Slot 1 may look as if it were. */
static void why_unseen(const struct view *v)
{
    const struct td_slot_seen *x = &v->o->slot[1];
    char *why = v->o->why;
    size_t cap = sizeof v->o->why;
    char version[40];

    if (x->align_found != 0) {
        snprintf(why, cap,
                 "the trailer in slot 1 is one for cells of %u bytes, and this bootloader reads "
                 "cells of %u: it does not see the request (sign with --max-align %u)",
                 x->align_found, v->plan->max_align, v->plan->max_align);
    } else if (x->stray != 0) {
        snprintf(
            why, cap,
            "a trailer ends at 0x%x and slot 1 at 0x%x: the bootloader looks at the slot's end "
            "only, so it does not see the request (the image was padded for another slot "
            "size: sign -S 0x%x)",
            x->stray, x->at.addr + x->at.size, x->at.size);
    } else if (x->trailer_read && x->trailer.magic == TD_MAGIC_BAD) {
        snprintf(
            why, cap,
            "the magic in slot 1 is neither good nor erased: a request that was torn, or other "
            "bytes; the bootloader takes it for none");
    } else if (x->trailer_read && x->trailer.magic == TD_MAGIC_GOOD &&
               x->trailer.image_ok == TD_FLAG_BAD) {
        snprintf(why, cap,
                 "image_ok in slot 1 is torn, and matches no line of MCUboot's table: the request "
                 "is not seen, at this boot and at any other; erase slot 1 and send it again");
    } else if (x->image != NULL && same_hash(x->image, v->o->slot[0].image)) {
        snprintf(why, cap, "slot 1 holds the same image as slot 0");
    } else if (x->image != NULL && v->o->slot[0].trailer.magic == TD_MAGIC_GOOD &&
               v->o->slot[0].trailer.copy_done == TD_FLAG_SET) {
        snprintf(why, cap,
                 "slot 1 holds %s: what ran before the last swap, or a new upload that "
                 "nobody has asked for",
                 version_of(x->image, version));
    } else if (x->image != NULL) {
        snprintf(why, cap, "slot 1 holds %s, and nobody has asked for it: its trailer is blank",
                 version_of(x->image, version));
    }
}

static void judge_underway(const struct view *v)
{
    const struct td_trailer_state *p = &v->o->slot[0].trailer;
    char steps[80] = "";

    count_progress(v);
    v->o->next = TD_NEXT_RESUME;
    v->o->type = p->swap_type;
    if (v->o->entries_known && v->o->entries_all > 0 && v->plan->mode != TD_MODE_SCRATCH)
        snprintf(steps, sizeof steps, ", %u of %u steps are done", v->o->entries,
                 v->o->entries_all);
    else if (v->o->entries_known)
        snprintf(steps, sizeof steps, ", %u steps are done", v->o->entries);
    snprintf(v->o->text, sizeof v->o->text,
             "a swap is half done (%s, %u bytes%s): the next boot goes on with it, whatever the "
             "slots hold now",
             td_swap_type_word(p->swap_type), v->o->slot[0].swap_size, steps);
}

static bool is_underway(const struct view *v)
{
    const struct td_slot_seen *p = &v->o->slot[0];
    const struct td_slot_seen *x = &v->o->slot[1];

    return p->trailer_read && td_slot_underway(&p->trailer) &&
           !(x->trailer_read && x->trailer.magic == TD_MAGIC_GOOD);
}

static void judge_quiet(const struct view *v)
{
    const struct td_slot_seen *p = &v->o->slot[0];
    char version[40];

    why_unseen(v);
    if (p->at.size == 0) {
        v->o->next = TD_NEXT_RUN;
        snprintf(v->o->text, sizeof v->o->text,
                 "slot 0 is not in this file: what runs cannot be told from it");
    } else if (p->image == NULL) {
        v->o->next = TD_NEXT_NOTHING;
        snprintf(v->o->text, sizeof v->o->text,
                 "slot 0 holds no image, and none is asked for: there is nothing to boot");
    } else if (!is_sound(p->image)) {
        v->o->next = TD_NEXT_NOTHING;
        snprintf(v->o->text, sizeof v->o->text,
                 "the image in slot 0 is not sound (%s): a bootloader that checks it does not boot",
                 td_strerror(p->image->u.image.err));
    } else {
        v->o->next = TD_NEXT_RUN;
        snprintf(v->o->text, sizeof v->o->text, "runs %s from slot 0; nothing is asked for",
                 version_of(p->image, version));
    }
}

static void judge_request(const struct view *v)
{
    char old[40], new[40];
    const char *from =
        v->o->slot[0].at.size == 0 ? "what runs now" : version_of(v->o->slot[0].image, old);
    const char *to = version_of(v->o->slot[1].image, new);
    bool swaps = td_mode_swaps(v->plan->mode);
    char *text = v->o->text;
    size_t cap = sizeof v->o->text;

    if (!can_install(v)) {
        v->o->next = TD_NEXT_REFUSE;
        snprintf(text, cap, "%s update to %s is requested, and will not happen; %s stays",
                 v->o->type == TD_SWAP_TEST ? "a test" : "a permanent", to, from);
        return;
    }
    if (!swaps) {
        v->o->next = TD_NEXT_INSTALL;
        snprintf(text, cap, "copies %s over %s; this way of updating has no way back", to, from);
    } else if (v->o->type == TD_SWAP_TEST) {
        v->o->next = TD_NEXT_TEST;
        snprintf(text, cap,
                 "swaps %s in on trial; unless it is confirmed, the boot after that brings %s back",
                 to, from);
    } else {
        v->o->next = TD_NEXT_INSTALL;
        snprintf(text, cap, "swaps %s in for good; %s goes to slot 1", to, from);
    }
}

static void judge_revert(const struct view *v)
{
    char old[40], new[40];

    v->o->next = TD_NEXT_REVERT;
    snprintf(v->o->text, sizeof v->o->text,
             "%s ran on trial and was not confirmed: swaps %s back. To keep %s, confirm it before "
             "the reset",
             version_of(v->o->slot[0].image, new), version_of(v->o->slot[1].image, old),
             version_of(v->o->slot[0].image, new));
    if (v->o->slot[1].image == NULL)
        snprintf(v->o->why, sizeof v->o->why,
                 "slot 1 holds no image to go back to: what is on trial stays");
}

/* Two slots that are run where they lie: the higher version wins. */
static void judge_in_place(const struct view *v)
{
    const struct td_thing *a = v->o->slot[0].image;
    const struct td_thing *b = v->o->slot[1].image;
    bool sound_a = is_sound(a), sound_b = is_sound(b);
    unsigned pick = 0;
    char version[40];

    if (!sound_a && !sound_b) {
        v->o->next = TD_NEXT_NOTHING;
        snprintf(v->o->text, sizeof v->o->text, "neither slot holds a sound image");
        return;
    }
    if (!sound_a || (sound_b && td_version_cmp(&b->u.image.image.hdr.version,
                                               &a->u.image.image.hdr.version) > 0))
        pick = 1;
    v->o->next = TD_NEXT_RUN;
    snprintf(v->o->text, sizeof v->o->text,
             "runs %s from slot %u: the highest version that is sound",
             version_of(pick == 1 ? b : a, version), pick);
}

static bool runs_in_place(enum td_strategy_id mode)
{
    return mode == TD_MODE_XIP || mode == TD_MODE_XIP_REVERT || mode == TD_MODE_RAM_LOAD;
}

void td_outlook(struct td_outlook *o, const struct td_plan *plan, const struct td_survey *s,
                const struct td_memory *m)
{
    static const struct td_trailer_state blank = { TD_MAGIC_UNSET, TD_FLAG_UNSET, TD_FLAG_UNSET,
                                                   TD_FLAG_UNSET,  TD_SWAP_NONE,  0 };
    struct view v = { plan, s, m, o };
    struct td_room_geometry g = geometry(plan);

    memset(o, 0, sizeof *o);
    o->type = TD_SWAP_NONE;
    o->slot[0].trailer = blank;
    o->slot[1].trailer = blank;
    look_at_slot(&v, 0, plan->primary);
    look_at_slot(&v, 1, plan->secondary);
    if (plan->primary.size == 0 || td_room_max_image(plan->mode, &g, &o->max_image) != TD_OK)
        o->max_image = 0;
    if (plan->mode_known && runs_in_place(plan->mode)) {
        judge_in_place(&v);
        return;
    }
    if (is_underway(&v)) {
        judge_underway(&v);
        return;
    }
    o->type = td_slot_next(plan->tandem ? TD_SLOT_MENDED : TD_SLOT_STOCK, plan->mode,
                           &o->slot[0].trailer, &o->slot[1].trailer);
    if (o->type == TD_SWAP_TEST || o->type == TD_SWAP_PERM)
        judge_request(&v);
    else if (o->type == TD_SWAP_REVERT)
        judge_revert(&v);
    else
        judge_quiet(&v);
}

const char *td_trailer_words(const struct td_plan *plan, unsigned slot,
                             const struct td_trailer_state *t)
{
    bool stock = !plan->tandem;

    if (t->magic == TD_MAGIC_UNSET)
        return slot == 0 ? "never swapped in: counts as confirmed" : "nothing is requested";
    if (t->magic == TD_MAGIC_BAD)
        return "damaged, or of another alignment: read as nothing";
    if (slot == 1 && t->image_ok == TD_FLAG_SET)
        return "a permanent swap is requested";
    if (slot == 1 && t->image_ok == TD_FLAG_BAD && stock)
        return "a request whose image_ok is torn: read as nothing";
    if (slot == 1)
        return "a test swap is requested";
    if (td_slot_underway(t))
        return "a swap is under way";
    if (td_slot_on_trial(t))
        return "on trial: reverts at the next reset unless it is confirmed";
    return t->image_ok == TD_FLAG_SET ? "confirmed" : "a good magic and nothing else";
}
