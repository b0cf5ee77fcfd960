/*
 * boot/choose.c - which of two slots runs, where images are run from either.
 *
 * 1. Nothing is erased (but in the original's manner): a refused image is passed over.
 * 2. An image that nobody asked for runs when none that somebody asked for does; one that had
 *    its trial in vain runs when there is nothing else at all.
 * 3. A trial is noted before it begins, and not before its image was found valid.
 * 4. The same notes and images give the same choice, on the first boot as on the hundredth.
 */
#include "boot/choose.h"

#include <string.h>

#include "base/range.h"

enum { N_SLOTS = 2 };

/* A slot that may be chosen. */
struct candidate {
    bool there;
    enum td_slot_stand stand;
    struct td_version version;
};

const struct td_flash_area *td_boot_slot_area(const struct td_boot_run *run, uint8_t slot)
{
    return slot == 0 ? run->primary.area : run->secondary.area;
}

static const struct td_trailer *trailer_of(const struct td_boot_run *run, uint8_t slot)
{
    return slot == 0 ? &run->primary : &run->secondary;
}

static struct td_trailer_state *state_of(struct td_boot_run *run, uint8_t slot)
{
    return slot == 0 ? &run->p : &run->x;
}

/* --- looking --- */

static const struct td_trailer_state blank = {
    .magic = TD_MAGIC_UNSET,
    .image_ok = TD_FLAG_UNSET,
    .copy_done = TD_FLAG_UNSET,
    .swap_info = TD_FLAG_UNSET,
    .swap_type = TD_SWAP_NONE,
};

static void record_unreadable(struct td_boot_run *run, uint8_t slot)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_SLOT_UNREADABLE, &v);
    v.slot = slot;
    td_boot_record_once(run, &v);
}

// A torn word in one slot must not keep the other from being run, so an unreadable trailer is
// none at all.
static void read_state(struct td_boot_run *run, uint8_t slot)
{
    const struct td_trailer *t = trailer_of(run, slot);

    if (t->area == NULL || td_trailer_read(t, state_of(run, slot)) != TD_OK)
        *state_of(run, slot) = blank;
}

// What the header says about itself is judged with the rest of the image.
static void look_at(struct td_boot_run *run, uint8_t slot, bool reverts, struct candidate *c)
{
    struct td_source src = td_flash_source(td_boot_slot_area(run, slot));
    struct td_image_header hdr;
    enum td_err err = td_image_header_read(&src, &hdr);

    *state_of(run, slot) = blank;
    c->there = err != TD_EIMG_EMPTY && err != TD_EIMG_MAGIC && err != TD_EIMG_OLD &&
               err != TD_EFLASH && err != TD_EECC && err != TD_EIMG_TRUNC;
    if (err == TD_EFLASH || err == TD_EECC)
        record_unreadable(run, slot);
    if (!c->there) {
        td_boot_say(run, TD_LINE_NOT_FOUND, run->image, slot, 0, 0);
        return;
    }
    c->version = hdr.version;
    td_boot_say(run, slot == 0 ? TD_LINE_PRIMARY_VERSION : TD_LINE_SECONDARY_VERSION,
                hdr.version.major, hdr.version.minor, hdr.version.revision, hdr.version.build);
    if (reverts)
        read_state(run, slot);
    c->stand = reverts ? td_slot_stand(state_of(run, slot)) : TD_STAND_CONFIRMED;
}

// The original goes by the version alone, and then looks at the trailer.
static bool is_better(const struct td_boot_run *run, const struct candidate *a,
                      const struct candidate *b)
{
    static const uint8_t rank[] = {
        [TD_STAND_TRIED] = 0,
        [TD_STAND_FACTORY] = 1,
        [TD_STAND_ASKED] = 2,
        [TD_STAND_CONFIRMED] = 2,
    };

    if (!b->there)
        return true;
    if (!run->manner->erases_refused && rank[a->stand] != rank[b->stand])
        return rank[a->stand] > rank[b->stand];
    return td_version_cmp(&a->version, &b->version) > 0;
}

/* N_SLOTS when none is there. */
static uint8_t best_of(const struct td_boot_run *run, const struct candidate c[N_SLOTS])
{
    if (!c[0].there && !c[1].there)
        return N_SLOTS;
    return c[1].there && is_better(run, &c[1], &c[0]) ? 1 : 0;
}

/* --- refusing --- */

static enum td_err erase_slot(struct td_boot_run *run, uint8_t slot)
{
    const struct td_flash_area *area = td_boot_slot_area(run, slot);

    return td_boot_erase(run, area, 0, area->size);
}

static void fill_refusal(struct td_boot_run *run, uint8_t slot, enum td_err why,
                         struct td_verdict *v)
{
    if (v->code == TD_V_NONE) {
        td_boot_verdict(run, td_boot_verdict_of(why), v);
        td_boot_verdict_of_image(v, &run->work->report);
    }
    v->slot = slot;
}

/* Flash errors of the slot that is looked at are its own; the verdict says so. */
static enum td_err judge_or_refuse(struct td_boot_run *run, uint8_t slot, td_boot_judge_slot judge)
{
    struct td_verdict v = { .code = TD_V_NONE };
    enum td_err err;

    memset(&run->work->report, 0, sizeof run->work->report);
    err = judge(run, slot, &v);
    if (err == TD_OK)
        return TD_OK;
    if (err == TD_EFLASH) {
        record_unreadable(run, slot);
        return TD_ENOTFOUND;
    }
    fill_refusal(run, slot, err, &v);
    run->refused = v.code;
    td_boot_record_once(run, &v);
    if (run->manner->erases_refused && v.code != TD_V_WRONG_ADDRESS) {
        err = erase_slot(run, slot);
        if (err != TD_OK)
            return err;
    }
    return TD_ENOTFOUND;
}

enum td_err td_boot_none_left(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_NO_SLOT_LEFT, &v);
    v.found = run->refused;
    td_boot_record_once(run, &v);
    td_boot_say(run, TD_LINE_NO_SLOT, run->image, 0, 0, 0);
    return TD_ENOTFOUND;
}

enum td_err td_boot_try_slot(struct td_boot_run *run, uint8_t slot, td_boot_judge_slot judge)
{
    enum td_err err = judge_or_refuse(run, slot, judge);

    if (err == TD_OK) {
        run->view.running = TD_RUN_CONFIRMED;
        td_boot_say(run, TD_LINE_CHOSEN, run->image, slot, 0, 0);
    }
    return err;
}

/* --- going back --- */

static struct td_version version_of(const struct td_boot_run *run, uint8_t slot)
{
    struct td_source src = td_flash_source(td_boot_slot_area(run, slot));
    struct td_image_header hdr = { .version = { .major = 0 } };

    (void)td_image_header_read(&src, &hdr);
    return hdr.version;
}

static void fill_hash(const struct td_boot_run *run, uint8_t slot, struct td_verdict *v)
{
    uint8_t hash[TD_NOTE_HASH_LEN];

    if (td_boot_stored_hash(td_boot_slot_area(run, slot), hash))
        memcpy(v->hash, hash, sizeof v->hash);
}

static void record_passed_over(struct td_boot_run *run, uint8_t tried)
{
    enum td_reset_cause cause = td_boot_cause(run);
    struct td_verdict v;

    td_boot_verdict(run, cause == TD_RESET_WATCHDOG ? TD_V_REVERTED_WATCHDOG : TD_V_REVERTED, &v);
    v.slot = tried;
    v.swap_type = TD_SWAP_REVERT;
    v.found = (uint32_t)cause;
    v.wanted_version = version_of(run, run->chosen.slot);
    v.found_version = version_of(run, tried);
    fill_hash(run, tried, &v);
    td_boot_record_note(run, &v);
}

static void record_stays(struct td_boot_run *run, uint8_t slot)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_REVERT_IMPOSSIBLE, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.slot = slot;
    v.found = run->refused;
    td_boot_record_once(run, &v);
}

/* In the original's manner whatever is not confirmed or asked for goes, the last one as well. */
static enum td_err drop_as_original(struct td_boot_run *run, struct candidate c[N_SLOTS],
                                    uint8_t slot, bool *dropped)
{
    *dropped = run->manner->erases_refused && c[slot].stand < TD_STAND_ASKED;
    if (!*dropped)
        return TD_OK;
    c[slot].there = false;
    return erase_slot(run, slot);
}

static void settle_choice(struct td_boot_run *run, uint8_t slot, enum td_slot_stand stand)
{
    bool on_trial = stand == TD_STAND_TRIED || stand == TD_STAND_ASKED;

    run->view.running = on_trial ? TD_RUN_TRIED : TD_RUN_CONFIRMED;
    if (stand == TD_STAND_TRIED)
        record_stays(run, slot);
    td_boot_say(run, TD_LINE_CHOSEN, run->image, slot, 0, 0);
}

enum td_err td_boot_choose_slot(struct td_boot_run *run, uint8_t excluded, bool reverts,
                                td_boot_judge_slot judge)
{
    struct candidate c[N_SLOTS] = { { .there = false } };
    uint8_t slot;

    for (slot = 0; slot < N_SLOTS; slot++) {
        if ((excluded & TD_SLOT_BIT(slot)) == 0 && td_boot_slot_area(run, slot) != NULL)
            look_at(run, slot, reverts, &c[slot]);
    }
    while ((slot = best_of(run, c)) < N_SLOTS) {
        bool dropped;
        enum td_err err = drop_as_original(run, c, slot, &dropped);

        if (err == TD_OK && !dropped)
            err = judge_or_refuse(run, slot, judge);
        if (err == TD_OK && !dropped) {
            settle_choice(run, slot, c[slot].stand);
            return TD_OK;
        }
        if (err != TD_OK && err != TD_ENOTFOUND)
            return err;
        c[slot].there = false;
    }
    return excluded == 0 ? td_boot_none_left(run) : TD_ENOTFOUND;
}

/* --- taking --- */

static void record_begin(struct td_boot_run *run, bool permanent)
{
    struct td_verdict v;

    td_boot_verdict(run, permanent ? TD_V_INSTALLED : TD_V_TRIAL_STARTED, &v);
    v.slot = run->chosen.slot;
    v.found_version = version_of(run, v.slot);
    fill_hash(run, v.slot, &v);
    v.swap_type = permanent ? TD_SWAP_PERM : TD_SWAP_TEST;
    td_boot_record_note(run, &v);
}

// copy_done, or where the power failed in writing it, swap_info: a trial that never ran is not
// lost, and one that ran is never taken for one that did not.
static enum td_err note_begin(const struct td_trailer *t, const struct td_trailer_state *s)
{
    if (s->copy_done == TD_FLAG_UNSET)
        return td_trailer_write_copy_done(t);
    return td_trailer_write_swap_info(t, TD_SWAP_TEST, 0);
}

// What the original wants an image to have, or it erases it. With it an upload that nobody
// asked for is told from the image that came from the factory. Where it cannot be written, the
// image runs without.
static void adopt(const struct td_boot_run *run, const struct td_trailer *t)
{
    if (td_trailer_write_copy_done(t) == TD_OK && td_trailer_write_image_ok(t) == TD_OK)
        (void)td_trailer_write_magic(t);
    td_boot_feed(run);
}

// What had its trial in vain is told of once; swap_info of its own trailer keeps count. Where that
// stood in for a torn copy_done there is no cell left, and the log alone keeps from repeating it.
static enum td_err note_revert(struct td_boot_run *run, uint8_t tried)
{
    const struct td_trailer_state *s = state_of(run, tried);

    if (td_boot_slot_area(run, tried) == NULL || td_slot_stand(s) != TD_STAND_TRIED ||
        (s->swap_info != TD_FLAG_UNSET && s->copy_done != TD_FLAG_BAD))
        return TD_OK;
    record_passed_over(run, tried);
    if (s->swap_info != TD_FLAG_UNSET)
        return TD_OK;
    return td_trailer_write_swap_info(trailer_of(run, tried), TD_SWAP_REVERT, 0);
}

static bool is_blank(const struct td_trailer_state *s)
{
    return s->magic == TD_MAGIC_UNSET && s->copy_done == TD_FLAG_UNSET &&
           s->image_ok == TD_FLAG_UNSET && s->swap_info == TD_FLAG_UNSET;
}

enum td_err td_boot_take_slot(struct td_boot_run *run)
{
    uint8_t slot = run->chosen.slot;
    const struct td_trailer *t = trailer_of(run, slot);
    const struct td_trailer_state *s = state_of(run, slot);
    enum td_slot_stand stand;
    enum td_err err = TD_OK;

    read_state(run, 0);
    read_state(run, 1);
    stand = td_slot_stand(s);
    if (stand == TD_STAND_FACTORY && is_blank(s))
        adopt(run, t);
    if (stand != TD_STAND_TRIED)
        err = note_revert(run, (uint8_t)(1 - slot));
    if (err != TD_OK)
        return err;
    if (stand == TD_STAND_ASKED || (stand == TD_STAND_CONFIRMED && s->copy_done == TD_FLAG_UNSET)) {
        record_begin(run, stand == TD_STAND_CONFIRMED);
        return note_begin(t, s);
    }
    return TD_OK;
}
