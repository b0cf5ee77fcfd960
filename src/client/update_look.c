/*
 * client/update_look.c - what kind of device this is, and what is to be done with each file.
 *
 * Probes may fail: what is not known stays unknown. The plan is decided from the device's list.
 */
#include <string.h>

#include "base/range.h"
#include "client/update_priv.h"

#define LEAST_WAIT_MS 60000

/* ---- what the device is ---------------------------------------------------------------- */

bool td_update_is_mode(const struct td_update *u, enum td_strategy_id mode)
{
    return u->device.mode_known && u->device.mode == (int32_t)mode;
}

/* Loading into RAM is one mode with trials or without: the device says which, or its list does. */
static bool loads_on_trial(const struct td_update *u)
{
    const struct td_image_state *active = td_states_active(&u->device.list, 0);

    return td_update_is_mode(u, TD_MODE_RAM_LOAD) &&
           ((u->device.is_tandem && u->device.accepts.images[0].reverts) ||
            (active != NULL && !active->confirmed));
}

/* Whether a new image runs unconfirmed first; true also where nobody told. */
bool td_update_has_trials(const struct td_update *u)
{
    return !u->device.mode_known || td_update_is_mode(u, TD_MODE_SCRATCH) ||
           td_update_is_mode(u, TD_MODE_MOVE) || td_update_is_mode(u, TD_MODE_OFFSET) ||
           td_update_is_mode(u, TD_MODE_XIP_REVERT) || loads_on_trial(u);
}

/* Whether the highest version runs and marks mean nothing. */
bool td_update_is_by_version(const struct td_update *u)
{
    return td_update_is_mode(u, TD_MODE_XIP) ||
           (td_update_is_mode(u, TD_MODE_RAM_LOAD) && !loads_on_trial(u));
}

/* A bootloader that a first stage checks: of a stock device, which has no other word for it. */
static bool is_sealed(const struct td_update_item *item)
{
    return item->file->image == 0 && item->facts.firmware.present && item->facts.firmware.sealed;
}

/*
 * The slot of a first stage that the file is for; -1: it is an image that is listed when it runs.
 * A stock device tells no addresses: there the file is for the slot that does not run, or refused.
 */
int td_update_stage_slot(const struct td_update *u, const struct td_update_item *item)
{
    if (!u->device.is_tandem)
        return u->device.b0_known && is_sealed(item) ? 1 - (int)u->device.b0_was : -1;
    return td_stage_slot_of(&item->facts, u->device.is_tandem ? &u->device.accepts : NULL);
}

bool td_update_stage_runs(const struct td_update *u, const struct td_update_item *item)
{
    const struct td_tandem_stage *s = &u->device.accepts.stage;

    if (!u->device.is_tandem)
        return (int)u->device.b0_now == td_update_stage_slot(u, item);
    return (int)s->slot == td_update_stage_slot(u, item) &&
           s->version == item->facts.firmware.info.version;
}

const struct td_image_state *td_update_new_image(const struct td_update *u,
                                                 const struct td_update_item *item)
{
    return td_states_of_file(&u->device.list, item->file->image, &item->facts);
}

const struct td_image_state *td_update_someone_pending(const struct td_update *u,
                                                       const struct td_update_item *item)
{
    const struct td_image_states *list = &u->device.list;

    for (uint8_t i = 0; i < list->n; i++) {
        const struct td_image_state *at = &list->at[i];

        if (at->image == item->file->image && !at->active && at->pending &&
            at != td_update_new_image(u, item))
            return at;
    }
    return NULL;
}

bool td_update_same_list(const struct td_image_states *a, const struct td_image_states *b)
{
    if (a->n != b->n)
        return false;
    for (uint8_t i = 0; i < a->n; i++) {
        const struct td_image_state *x = &a->at[i], *y = &b->at[i];

        if (x->image != y->image || x->slot != y->slot || x->hash_len != y->hash_len ||
            memcmp(x->hash, y->hash, x->hash_len) != 0 || x->pending != y->pending ||
            x->confirmed != y->confirmed || x->active != y->active || x->permanent != y->permanent)
            return false;
    }
    return true;
}

/* A swap copies each sector three times, at the speed of slow flash; twice, should it revert. */
static uint32_t default_wait_ms(const struct td_update *u)
{
    uint32_t bytes = u->cfg.running_size;

    for (uint8_t i = 0; i < u->cfg.n_files; i++)
        bytes = td_max_u32(bytes, u->items[i].facts.file_size);
    return td_max_u32(LEAST_WAIT_MS, 20000 + bytes / 5);
}

/* ---- probe ----------------------------------------------------------------------------- */

void td_update_got_params(struct td_update *u, const struct td_reply *r)
{
    if (r->failure.err == TD_OK) {
        u->device.params_known = true;
        u->device.buf_size = r->of.params.buf_size;
        u->device.buf_count = r->of.params.buf_count;
    }
    td_update_go(u, STEP_LIST);
}

/* The list is what everything else stands on; without it there is no update. */
bool td_update_take_list(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    if (r->failure.err == TD_OK) {
        u->device.list = r->of.images;
        return true;
    }
    td_update_finish_failure(
        u, now_ms, "the device's list of images cannot be read", &r->failure,
        td_failure_unsupported(&r->failure)
            ? "build the firmware with the image group (CONFIG_MCUMGR_GRP_IMG)"
        : r->failure.err == TD_EREFUSED && !r->failure.by_group && r->failure.code == 7
            ? "build the firmware with larger buffers: tandem os params tells how large "
              "they are"
            : "check that this is the right device and port");
    return false;
}

void td_update_got_mode(struct td_update *u, const struct td_reply *r)
{
    if (r->failure.err == TD_OK && r->of.bootloader.has_mode && r->of.bootloader.mode >= 0) {
        u->device.mode_known = true;
        u->device.mode = r->of.bootloader.mode;
        u->device.no_downgrade = r->of.bootloader.no_downgrade;
    }
    td_update_go(u, STEP_SLOTS);
}

void td_update_got_slots(struct td_update *u, const struct td_reply *r)
{
    if (r->failure.err == TD_OK) {
        u->device.has_slots = true;
        u->device.slots = r->of.slots;
    }
    td_update_go(u, STEP_ACCEPTS);
}

static bool any_sealed(const struct td_update *u)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++)
        if (is_sealed(&u->items[i]))
            return true;
    return false;
}

void td_update_got_accepts(struct td_update *u, const struct td_reply *r)
{
    struct td_update_device *d = &u->device;

    if (r->failure.err == TD_OK && !d->is_tandem) {
        d->is_tandem = true;
        d->accepts = r->of.accepts;
        d->mode_known = true;
        d->mode = (int32_t)(d->accepts.mode & 0xff);
        d->no_downgrade |= d->accepts.no_downgrade;
    } else if (r->failure.err == TD_OK) {
        uint32_t had = d->accepts.n_keys;

        td_accepts_add(&d->accepts, &r->of.accepts);
        // A page that brings nothing would be asked for again and again.
        if (d->accepts.n_keys == had)
            d->accepts.has_next = false;
    } else {
        d->accepts.has_next = false;
    }
    if (d->is_tandem && d->accepts.has_next && d->accepts.n_keys < TD_KEYS_MAX)
        td_update_go(u, STEP_ACCEPTS);
    else if (d->is_tandem)
        td_update_go(u, d->accepts.has_log ? STEP_SEEN : STEP_DECIDE);
    else
        td_update_go(u, any_sealed(u) ? STEP_B0 : STEP_DECIDE);
}

/* Nordic's trees tell which of S0 and S1 runs. */
void td_update_ask_b0(struct td_update *u, uint64_t now_ms)
{
    struct td_request req = { .kind = TD_REQ_BOOTLOADER,
                              .probe = true,
                              .text = TD_TEXT("active_b0_slot") };

    td_update_ask(u, now_ms, &req);
}

void td_update_got_b0(struct td_update *u, const struct td_reply *r)
{
    if (r->failure.err == TD_OK && r->of.bootloader.has_active && r->of.bootloader.active < 2) {
        u->device.b0_known = true;
        u->device.b0_was = u->device.b0_now = r->of.bootloader.active;
    } else {
        td_update_note(u, "the file is a second stage, and the device does not tell which of S0 "
                          "and S1 runs: nothing can prove that it starts");
    }
    td_update_go(u, STEP_DECIDE);
}

void td_update_got_seen(struct td_update *u, const struct td_reply *r)
{
    if (r->failure.err == TD_OK) {
        u->device.has_verdicts = true;
        if (r->of.why.n > 0) {
            u->device.verdict_seq = r->of.why.at[0].seq;
            u->device.verdict_count = r->of.why.at[0].count;
        }
    }
    td_update_go(u, STEP_DECIDE);
}

/* ---- decide ---------------------------------------------------------------------------- */

static enum td_plan plan_for(const struct td_update *u, const struct td_update_item *item)
{
    const struct td_image_state *here = td_update_new_image(u, item);
    const struct td_image_state *active = td_states_active(&u->device.list, item->file->image);
    const struct td_image_state *other = td_states_other(&u->device.list, item->file->image);

    if (td_update_stage_slot(u, item) >= 0 && here != NULL && td_update_stage_runs(u, item))
        return TD_PLAN_NONE;
    if (here != NULL && here->active)
        return here->confirmed || !td_update_has_trials(u) ? TD_PLAN_NONE : TD_PLAN_TRIAL;
    // Without a word on the mode, a trial shows in the old image being the confirmed one.
    if (active != NULL && !active->confirmed && td_update_has_trials(u) &&
        (u->device.mode_known || (other != NULL && other->confirmed)))
        return TD_PLAN_LEAVE;
    if (here != NULL && here->pending)
        return TD_PLAN_RESET;
    if (td_update_someone_pending(u, item) != NULL)
        return TD_PLAN_ERASE;
    // Swap-offset starts what lies at the slot's second sector only, and erases what does not:
    // an image that ran before lies at the first. Sending it again is right in either place.
    if (here != NULL && u->device.mode_known && !td_update_is_mode(u, TD_MODE_OFFSET))
        return TD_PLAN_MARK;
    return TD_PLAN_UPLOAD;
}

static uint32_t preflight(struct td_update *u, struct td_update_item *item)
{
    struct td_device_facts facts = {
        .list = &u->device.list,
        .slots = u->device.has_slots ? &u->device.slots : NULL,
        .accepts = u->device.is_tandem ? &u->device.accepts : NULL,
        .mode_known = u->device.mode_known || u->cfg.has_strategy,
        .mode = u->device.mode_known ? u->device.mode : (int32_t)u->cfg.strategy,
        .no_downgrade = u->device.no_downgrade,
        .geometry = item->file->geometry,
        .running_size = item->file->image == 0 ? u->cfg.running_size : 0,
    };
    uint32_t n_failed =
        td_preflight(&item->facts, item->file->image, &facts, u->cfg.force, item->rows);

    for (uint8_t i = 0; i < TD_N_CHECKS; i++)
        td_update_add_event(u, TD_EVENT_PREFLIGHT)->arg = i;
    return n_failed;
}

static void finish_preflight(struct td_update *u, uint64_t now_ms)
{
    const struct td_update_item *item = td_update_item_of(u);

    for (size_t i = 0; i < TD_N_CHECKS; i++) {
        const struct td_check_row *row = &item->rows[i];

        if (row->result != TD_CHECK_FAIL || row->forced)
            continue;
        td_update_set_outcome(u, TD_RESULT_REFUSED, "nothing was sent: ", row->remedy);
        td_update_add_text(u, row->text);
        break;
    }
    td_update_close(u, now_ms);
}

static void finish_leave(struct td_update *u, uint64_t now_ms)
{
    const struct td_image_state *active =
        td_states_active(&u->device.list, td_update_item_of(u)->file->image);

    td_update_set_outcome(
        u, TD_RESULT_REFUSED, "another image runs on trial, version ",
        "keep it: tandem image confirm; or go back to the one before: tandem os reset. "
        "Then run this update again");
    td_update_add_text(u, active != NULL ? active->version : "unknown");
    td_update_add_text(u, "; nothing was changed");
    td_update_close(u, now_ms);
}

static void add_stage(struct td_update *u, const struct td_update_item *item)
{
    td_update_add_text(u, "second stage version ");
    td_update_add_number(u, item->facts.firmware.info.version);
    td_update_add_text(u, td_update_stage_slot(u, item) == 0 ? " in S0" : " in S1");
}

/* "version 2.0.0 (1f2e3d4c5b6a7988)", each file's; the text so far ends in a blank. */
void td_update_add_new_images(struct td_update *u)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++) {
        const struct td_update_item *item = &u->items[i];

        if (td_update_stage_slot(u, item) >= 0) {
            td_update_add_text(u, i == 0 ? "" : ", and ");
            add_stage(u, item);
            continue;
        }
        td_update_add_text(u, i == 0 ? "version " : ", and version ");
        td_update_add_version(u, &item->facts.image.hdr.version);
        td_update_add_text(u, " (");
        td_update_add_hash(u, item->facts.hash, item->facts.hash_len);
        td_update_add_text(u, ")");
        if (u->cfg.n_files > 1) {
            td_update_add_text(u, " as image ");
            td_update_add_number(u, item->file->image);
        }
    }
}

static void finish_already(struct td_update *u, uint64_t now_ms)
{
    const struct td_image_state *other;

    td_update_set_outcome(u, TD_RESULT_ALREADY, "the device already runs ", "");
    td_update_add_new_images(u);
    for (u->item = 0; u->item < u->cfg.n_files - 1 &&
                      td_update_someone_pending(u, td_update_item_of(u)) == NULL;)
        u->item++;
    other = td_update_someone_pending(u, td_update_item_of(u));
    if (other != NULL && !td_update_is_by_version(u)) {
        td_update_set_remedy(
            u, "the next reset starts the other one; to prevent that: tandem image erase");
        td_update_add_text(u, ", but another image is pending: ");
        td_update_add_hash(u, other->hash, other->hash_len);
    }
    td_update_close(u, now_ms);
}

/* Whether any item has one of the plans in the mask of 1 << enum td_plan. */
bool td_update_any_plan(const struct td_update *u, uint32_t plans)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++)
        if (plans >> u->items[i].plan & 1)
            return true;
    return false;
}

void td_update_decide(struct td_update *u, uint64_t now_ms)
{
    uint8_t blocked = TD_UPDATE_FILES;
    uint8_t leave = TD_UPDATE_FILES;

    for (u->item = 0; u->item < u->cfg.n_files; u->item++) {
        struct td_update_item *item = td_update_item_of(u);
        uint32_t n_failed = preflight(u, item);

        item->plan = plan_for(u, item);
        item->marked = item->plan == TD_PLAN_RESET;
        // What runs already needs nobody's leave.
        if (n_failed > 0 && item->plan != TD_PLAN_NONE && item->plan != TD_PLAN_TRIAL &&
            blocked == TD_UPDATE_FILES)
            blocked = u->item;
        if (item->plan == TD_PLAN_LEAVE && leave == TD_UPDATE_FILES)
            leave = u->item;
    }
    u->item = 0;
    if (u->cfg.wait_ms == 0)
        u->wait_ms = default_wait_ms(u);
    if (blocked < TD_UPDATE_FILES) {
        u->item = blocked;
        finish_preflight(u, now_ms);
    } else if (u->cfg.dry_run) {
        td_update_finish(u, now_ms, TD_RESULT_CHECKED,
                         "nothing was found that speaks against this update", "");
    } else if (leave < TD_UPDATE_FILES) {
        u->item = leave;
        finish_leave(u, now_ms);
    } else if (td_update_item_of(u)->facts.hash_len == 0 && u->cfg.mode != TD_UPDATE_UPLOAD) {
        td_update_finish(u, now_ms, TD_RESULT_FAILED,
                         "the file carries no hash, so nothing could prove that the device runs it",
                         "sign it, or upload it alone: --mode upload");
    } else if (!td_update_any_plan(u, ~(1u << TD_PLAN_NONE))) {
        finish_already(u, now_ms);
    } else {
        td_update_go(u, STEP_NEXT);
    }
}
