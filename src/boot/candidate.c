/*
 * boot/candidate.c - a request, from the first look at its image to the last.
 *
 * What is refused loses its request and nothing else: the verdict is complete in the log before
 * the first bit goes. What cannot be judged (a slot that cannot be read, a layout that does not
 * fit) or may be right another time (a dependency) is blocked: the request stays, and that is
 * told once.
 */
#include <string.h>

#include "base/range.h"
#include "boot/boot_priv.h"
#include "boot/candidate.h"
#include "boot/cipher.h"

void td_boot_running_version(const struct td_boot_run *run, struct td_version *version)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image_header hdr;

    if (td_image_header_read(&src, &hdr) == TD_OK)
        *version = hdr.version;
}

void td_boot_record_fault(struct td_boot_run *run, enum td_verdict_code code)
{
    struct td_verdict v;

    td_boot_verdict(run, code, &v);
    v.slot = 1;
    td_boot_record_once(run, &v);
}

// The verdict is complete in the log before the first bit goes.
static enum td_err refuse(struct td_boot_run *run, struct td_verdict *v)
{
    const struct td_flash_area *x = run->secondary.area;
    bool whole =
        run->manner->erases_refused && v->code != TD_V_EMPTY_SLOT && v->code != TD_V_NOT_BOOTABLE;
    enum td_err err = TD_OK;

    v->slot = 1;
    v->swap_type = run->view.request == TD_REQUEST_PERM ? TD_SWAP_PERM : TD_SWAP_TEST;
    td_boot_record(run, v);
    // While the request stands, notes of a swap are not about it, and are worth nothing.
    if (run->strategy->revert != NULL && td_slot_underway(&run->p))
        err = td_boot_forget_swap(run);
    if (err != TD_OK)
        return err;
    return whole ? td_boot_erase(run, x, 0, x->size) : td_boot_drop_request(run);
}

static enum td_err refuse_image(struct td_boot_run *run, enum td_err why)
{
    struct td_verdict v;

    td_boot_verdict(run, td_boot_verdict_of(why), &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    if (v.code != TD_V_EMPTY_SLOT)
        td_boot_say(run, TD_LINE_BAD_SECONDARY, 0, 0, 0, 0);
    return refuse(run, &v);
}

// An image at the start of a slot where a new one belongs one sector in: sent to the wrong
// address, or the previous image, asked for again. The original takes either for a reason to
// refuse, also when there is a good image in the right place.
static bool is_misplaced(const struct td_boot_run *run, enum td_err err)
{
    struct td_source src = td_flash_source(run->secondary.area);
    struct td_image_header hdr;
    bool nothing = err == TD_EIMG_EMPTY || err == TD_EIMG_MAGIC;

    return run->strategy->sector_in && (nothing || run->manner->erases_refused) &&
           td_image_header_read(&src, &hdr) == TD_OK;
}

static enum td_err refuse_misplaced(struct td_boot_run *run)
{
    struct td_verdict v;

    (void)td_boot_verify(run, run->secondary.area); // the report is to be about this one
    td_boot_verdict(run, TD_V_WRONG_PLACE, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.wanted = run->incoming.off - run->secondary.area->off;
    v.found = 0;
    td_boot_say(run, TD_LINE_WRONG_PLACE, 0, 0, 0, 0);
    return refuse(run, &v);
}

static bool is_older(const struct td_boot_run *run)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image_header hdr;

    return run->config->downgrade_prevention && td_image_header_read(&src, &hdr) == TD_OK &&
           td_version_cmp(&run->work->report.img.hdr.version, &hdr.version) < 0;
}

// Only an image that may run has a version that counts. In overwrite-only a cut may have left a
// torn header in the primary, with any number in it, and the request is all there is then.
static enum td_err check_downgrade(struct td_boot_run *run, bool *refused)
{
    enum td_err running, err;

    *refused = false;
    if (!is_older(run))
        return TD_OK;
    running = td_boot_verify(run, run->primary.area);
    err = td_boot_verify(run, &run->incoming); // the report is to be about this one again
    *refused = running == TD_OK;
    return running == TD_EFLASH ? running : err;
}

static enum td_err refuse_downgrade(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_DOWNGRADE, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    td_boot_running_version(run, &v.wanted_version);
    td_boot_say(run, TD_LINE_DOWNGRADE, run->image, 0, 0, 0);
    return refuse(run, &v);
}

static uint32_t running_size(const struct td_boot_run *run)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image img;

    return td_image_open(&src, run->primary.area->size, &img, NULL) == TD_OK ? img.size : 0;
}

// Of a damaged image nothing has to come back, and what its header claims counts for nothing.
static enum td_err check_room(struct td_boot_run *run, struct td_room_fit *fit, bool *fits)
{
    struct td_room_fit alone;
    uint32_t size = run->work->report.img.size;
    enum td_err running, err;

    *fits = td_boot_room(run, running_size(run), size, fit) == TD_OK;
    if (*fits || td_boot_room(run, 0, size, &alone) != TD_OK)
        return TD_OK;
    running = td_boot_verify(run, run->primary.area);
    err = td_boot_verify(run, &run->incoming); // the report is to be about this one again
    *fits = running != TD_OK;
    return running == TD_EFLASH ? running : err;
}

static enum td_err refuse_room(struct td_boot_run *run, const struct td_room_fit *fit)
{
    struct td_verdict v;

    td_boot_verdict(run, run->strategy->no_room, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.wanted = fit->max;
    v.found = fit->needed;
    v.slot = 1;
    td_boot_say(run, TD_LINE_NO_ROOM, 0, 0, 0, 0);
    td_boot_say(run, TD_LINE_NO_ROOM_BYTES, fit->needed, fit->max, 0, 0);
    if (!run->manner->no_room_stays)
        return refuse(run, &v);
    td_boot_record_once(run, &v);
    run->view.request_blocked = true;
    return TD_OK;
}

static enum td_err block(struct td_boot_run *run, const struct td_verdict *v)
{
    td_boot_record_once(run, v);
    run->view.request_blocked = true;
    return TD_OK;
}

static enum td_err block_unreadable(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_SLOT_UNREADABLE, &v);
    v.slot = 1;
    return block(run, &v);
}

// The rule that the layout broke is a fact of its own: each has another remedy.
static enum td_err block_layout(struct td_boot_run *run, enum td_err rule)
{
    struct td_verdict v;

    td_boot_say(run, TD_LINE_LAYOUT, 0, 0, 0, 0);
    td_boot_verdict(run, TD_V_BAD_LAYOUT, &v);
    v.slot = 1;
    v.wanted = (uint32_t)run->strategy->mode;
    v.found = (uint32_t)-rule;
    return block(run, &v);
}

static enum td_err refuse_counter(struct td_boot_run *run, uint32_t counter)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_COUNTER_STUCK, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.found = counter;
    return refuse(run, &v);
}

// An image whose counter cannot be stored would stay without the protection that it asks for.
static bool is_counter_stuck(const struct td_boot_run *run, uint32_t *counter)
{
    const struct td_boot_counters *c = run->config->counters;
    struct td_source src = td_flash_source(&run->incoming);
    uint32_t stored;

    return c != NULL && c->can_rise != NULL &&
           td_image_counter(&src, &run->work->report.img, counter) == TD_OK &&
           c->read(c->ctx, run->image, &stored) == TD_OK && *counter > stored &&
           !c->can_rise(c->ctx, run->image, *counter);
}

// A trial promises the way back, and encrypted again is the only way out of the primary.
static enum td_err check_way_back(struct td_boot_run *run, enum td_swap_type type, bool *lost)
{
    *lost = false;
    if (type != TD_SWAP_TEST || run->strategy->revert == NULL)
        return TD_OK;
    return td_boot_cipher_begin(run, run->incoming.off - run->secondary.area->off, lost);
}

static enum td_err refuse_running_key(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_RUNNING_ENC_KEY, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    return refuse(run, &v);
}

// Whether the core that is to follow would take it at all: asked before anything is given up.
static enum td_err ask_follower(struct td_boot_run *run, bool *refused)
{
    const struct td_boot_follower *f = run->config->images[run->image].follower;
    const struct td_image_header *hdr = &run->work->report.img.hdr;
    bool hidden = (hdr->flags & (TD_IMAGE_F_ENCRYPTED | TD_IMAGE_F_COMPRESSED)) != 0;
    struct td_verdict v;

    *refused = false;
    if (f == NULL || f->judge == NULL || hidden)
        return TD_OK;
    td_boot_verdict(run, TD_V_CORE_WRONG, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    if (f->judge(f->ctx, &run->incoming, hdr->hdr_size, hdr->img_size, &v))
        return TD_OK;
    *refused = true;
    return refuse(run, &v);
}

// The last look: what may be looked up again without another verification.
static enum td_err judge_the_rest(struct td_boot_run *run, enum td_swap_type type, bool *good)
{
    struct td_room_fit fit;
    uint32_t counter;
    bool refused, lost, fits;
    enum td_err err = ask_follower(run, &refused);

    if (err != TD_OK || refused)
        return err;
    if (is_counter_stuck(run, &counter))
        return refuse_counter(run, counter);
    err = check_room(run, &fit, &fits);
    if (err != TD_OK)
        return err;
    if (!fits)
        return refuse_room(run, &fit);
    err = check_way_back(run, type, &lost);
    if (err == TD_OK && lost)
        return refuse_running_key(run);
    *good = err == TD_OK;
    return err;
}

enum td_err td_boot_judge_request(struct td_boot_run *run, enum td_swap_type type, bool *good)
{
    bool refused, taken;
    enum td_err err;

    *good = false;
    td_boot_say(run, TD_LINE_SWAP_TYPE, run->image, (uint32_t)type, 0, 0);
    err = td_boot_stage_request(run, &taken);
    if (err != TD_OK || taken)
        return err;
    err = run->strategy->layout(run);
    if (err != TD_OK)
        return block_layout(run, err);
    err = td_boot_verify(run, &run->incoming);
    if (err == TD_EFLASH)
        return block_unreadable(run);
    if (is_misplaced(run, err))
        return refuse_misplaced(run);
    if (err != TD_OK)
        return refuse_image(run, err);
    err = check_downgrade(run, &refused);
    if (err != TD_OK)
        return err;
    return refused ? refuse_downgrade(run) : judge_the_rest(run, type, good);
}

enum td_err td_boot_refuse_dependency(struct td_boot_run *run,
                                      const struct td_image_dependency *dep, bool for_ever)
{
    struct td_source src = td_flash_source(&run->incoming);
    struct td_verdict v;
    struct td_image img;
    uint8_t hash[TD_HASH_MAX];

    td_boot_verdict(run, TD_V_DEPENDENCY, &v);
    v.wanted = dep->image;
    v.wanted_version = dep->version;
    if (td_image_open(&src, run->incoming.size, &img, NULL) == TD_OK) {
        v.found_version = img.hdr.version;
        if (td_image_hash(&src, &img, hash, NULL, NULL) == TD_OK)
            memcpy(v.hash, hash, sizeof v.hash);
    }
    v.slot = 1;
    if (for_ever)
        return refuse(run, &v);
    td_boot_record_once(run, &v);
    run->view.request_blocked = true;
    return TD_OK;
}

bool td_boot_is_the_previous(const struct td_boot_run *run)
{
    static const uint8_t none[TD_NOTE_HASH_LEN] = { 0 };

    return !run->has_note || (memcmp(run->note.outgoing, none, sizeof none) != 0 &&
                              memcmp(run->note.outgoing, run->work->report.hash, sizeof none) == 0);
}
