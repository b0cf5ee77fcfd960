/*
 * client/update.c - the steps of an update. README.md draws them.
 *
 * 1. Success is said of a list that shows the new hash active, and of nothing else.
 * 2. A pending image is never confirmed, and no reset is sent while somebody else's image is
 *    pending.
 * 3. A step has one request under way; entering it again asks again. So a link that comes back,
 *    or a lost answer, needs no case of its own.
 */
#include "client/update.h"

#include <string.h>

#include "base/range.h"
#include "client/text_priv.h"
#include "smp/error.h"

#define DOWN_LIMIT_MS 60000 /* a link may be gone so long outside of a reset */
#define NEVER_UP_MS   3000  /* the same where nothing was ever heard */
#define FIRST_POLL_MS 400   /* a device answers a reset, and resets a quarter of a second later */
#define POLL_MS       500
#define UNCHANGED_MS  5000 /* a list that stays the same so long after a reset is the answer */
#define LEAST_WAIT_MS 60000
#define PROGRESS_MS   200
#define MAX_RESETS    5
#define MAX_CONFIRMS  3

enum step {
    STEP_PARAMS,
    STEP_LIST,
    STEP_MODE,
    STEP_SLOTS,
    STEP_ACCEPTS,
    STEP_SEEN,
    STEP_DECIDE,
    STEP_NEXT,
    STEP_ERASE,
    STEP_ERASED,
    STEP_UPLOAD,
    STEP_UPLOADED,
    STEP_MARK,
    STEP_MARKED,
    STEP_STORAGE,
    STEP_RESET,
    STEP_POLL,
    STEP_STAGE,
    STEP_CONFIRM,
    STEP_CONFIRMED,
    STEP_WHY,
};

const char *td_update_result_name(enum td_update_result result)
{
    static const char *const names[] = {
        [TD_RESULT_UPDATED] = "updated",         [TD_RESULT_ALREADY] = "already",
        [TD_RESULT_TESTED] = "tested",           [TD_RESULT_UPLOADED] = "uploaded",
        [TD_RESULT_REFUSED] = "refused",         [TD_RESULT_REVERTED] = "reverted",
        [TD_RESULT_FAILED] = "failed",           [TD_RESULT_UNREACHABLE] = "unreachable",
        [TD_RESULT_INTERRUPTED] = "interrupted", [TD_RESULT_CHECKED] = "checked",
    };

    return (unsigned)result < TD_N_OF(names) ? names[result] : "failed";
}

const char *td_update_state_name(enum td_update_state state)
{
    static const char *const names[] = {
        [TD_STATE_TEST] = "test",     [TD_STATE_RESET] = "reset",     [TD_STATE_WAIT] = "wait",
        [TD_STATE_VERIFY] = "verify", [TD_STATE_CONFIRM] = "confirm",
    };

    return (unsigned)state < TD_N_OF(names) ? names[state] : "wait";
}

/* ---- events ---------------------------------------------------------------------------- */

static struct td_update_entry *last_event(struct td_update *u)
{
    return &u->events[(u->events_head + u->n_events - 1u) % TD_UPDATE_EVENTS];
}

static struct td_update_entry *add_event(struct td_update *u, enum td_update_event_kind kind)
{
    struct td_update_entry *e;

    // Whoever takes no events loses the middle of the story, never its end.
    if (u->n_events < TD_UPDATE_EVENTS)
        u->n_events++;
    e = last_event(u);
    *e = (struct td_update_entry){ .kind = (uint8_t)kind,
                                   .item = u->item,
                                   .image = u->items[u->item].file->image };
    return e;
}

static void say_state(struct td_update *u, enum td_update_state state)
{
    add_event(u, TD_EVENT_STATE)->arg = (uint8_t)state;
}

static void note(struct td_update *u, const char *text)
{
    add_event(u, TD_EVENT_NOTE)->text = text;
}

static void say_progress(struct td_update *u, uint64_t now_ms)
{
    bool last = u->n_events > 0 && last_event(u)->kind == TD_EVENT_UPLOAD;
    struct td_update_entry *e = last ? last_event(u) : add_event(u, TD_EVENT_UPLOAD);

    e->item = u->item;
    e->image = u->items[u->item].file->image;
    e->offset = u->upload.acked;
    e->size = u->items[u->item].file->src.size;
    e->rate = td_upload_rate(&u->upload, now_ms);
    u->said_ms = now_ms;
}

/* What the user should know of an upload that does not simply go on. */
static void say_turns(struct td_update *u, uint32_t resumed_at, uint8_t restarts)
{
    if (u->upload.restarts != restarts)
        note(u, "the device lost the upload, probably by a reset; it is asked how much it kept");
    if (u->upload.resumed_at != resumed_at)
        note(u, "the device has the beginning of this file already: the upload goes on behind it");
}

bool td_update_event(struct td_update *u, struct td_update_event *event)
{
    const struct td_update_entry *e = &u->events[u->events_head];

    if (u->n_events == 0)
        return false;
    *event = (struct td_update_event){
        .kind = (enum td_update_event_kind)e->kind,
        .image = e->image,
        .offset = e->offset,
        .size = e->size,
        .bytes_per_s = e->rate,
        .state = (enum td_update_state)(e->kind == TD_EVENT_STATE ? e->arg : 0),
        .text = e->text,
        .row = e->kind == TD_EVENT_PREFLIGHT ? &u->items[e->item].rows[e->arg] : NULL,
        .outcome = e->kind == TD_EVENT_RESULT ? &u->outcome : NULL,
    };
    u->events_head = (uint8_t)((u->events_head + 1u) % TD_UPDATE_EVENTS);
    u->n_events--;
    return true;
}

/* ---- the end --------------------------------------------------------------------------- */

static struct td_update_item *item_of(struct td_update *u)
{
    return &u->items[u->item];
}

static struct td_text_out outcome_text(struct td_update *u)
{
    struct td_text_out t = { u->outcome.text, sizeof(u->outcome.text), 0 };

    while (t.len < t.cap - 1 && t.buf[t.len] != '\0')
        t.len++;
    return t;
}

static void set_remedy(struct td_update *u, const char *remedy)
{
    struct td_text_out r = td_text_begin(u->outcome.remedy, sizeof(u->outcome.remedy));

    td_text_add(&r, remedy);
}

static void set_outcome(struct td_update *u, enum td_update_result result, const char *text,
                        const char *remedy)
{
    struct td_text_out t = td_text_begin(u->outcome.text, sizeof(u->outcome.text));

    td_text_add(&t, text);
    set_remedy(u, remedy);
    u->outcome.result = result;
}

static void add_text(struct td_update *u, const char *more)
{
    struct td_text_out t = outcome_text(u);

    td_text_add(&t, more);
}

static void add_number(struct td_update *u, uint32_t number)
{
    struct td_text_out t = outcome_text(u);

    td_text_num(&t, number);
}

static void add_version(struct td_update *u, const struct td_version *version)
{
    struct td_text_out t = outcome_text(u);

    td_text_version(&t, version);
}

static void add_hash(struct td_update *u, const uint8_t *hash, size_t len)
{
    struct td_text_out t = outcome_text(u);

    td_text_hex(&t, hash, len < 8 ? len : 8);
}

static void close_update(struct td_update *u, uint64_t now_ms)
{
    const struct td_update_item *item = item_of(u);

    if (u->done)
        return;
    u->done = true;
    u->uploading = false;
    u->outcome.image = item->file->image;
    u->outcome.hash_len = item->facts.hash_len;
    memcpy(u->outcome.hash, item->facts.hash, sizeof(u->outcome.hash));
    u->outcome.version = item->facts.image.hdr.version;
    u->outcome.seconds = (uint32_t)(now_ms - u->started_ms) / 1000;
    add_event(u, TD_EVENT_RESULT);
}

static void finish(struct td_update *u, uint64_t now_ms, enum td_update_result result,
                   const char *text, const char *remedy)
{
    set_outcome(u, result, text, remedy);
    close_update(u, now_ms);
}

/* What a reset does to the new image, for whoever is left in the middle of an update. */
static const char *what_next(const struct td_update *u)
{
    const struct td_update_item *item = &u->items[u->item];

    if (u->step >= STEP_POLL && item->marked)
        return "the new image may run on trial: unless it is confirmed, the next reset brings the "
               "old one back. Run the same update again when the device answers; it goes on from "
               "there";
    if (item->marked)
        return "the new image is marked and starts at the next reset. Run the same update again to "
               "go on, or take it back: tandem image erase";
    if (u->upload.acked > 0)
        return "what was sent stays in the second slot, the running image is untouched. Run the "
               "same update again; it goes on where it stopped";
    if (!u->heard_ever)
        return "check that the device is on, and its address; then run the same update again";
    return "the running image is untouched; run the same update again";
}

static void finish_failure(struct td_update *u, uint64_t now_ms, const char *what,
                           const struct td_failure *f, const char *remedy)
{
    enum td_update_result result = TD_RESULT_FAILED;

    if (f->err == TD_EREFUSED)
        result = TD_RESULT_REFUSED;
    else if (td_failure_silent(f) || f->err == TD_EGARBAGE)
        result = TD_RESULT_UNREACHABLE; // whatever answers there, it is not the device
    u->outcome.failure = *f;
    set_outcome(u, result, what, td_failure_silent(f) ? what_next(u) : remedy);
    add_text(u, ": ");
    add_text(u, td_failure_sentence(f));
    if (f->rsn[0] != '\0') {
        add_text(u, " (the device says: ");
        add_text(u, f->rsn);
        add_text(u, ")");
    }
    close_update(u, now_ms);
}

/* ---- what the device is ---------------------------------------------------------------- */

static bool is_mode(const struct td_update *u, enum td_strategy_id mode)
{
    return u->device.mode_known && u->device.mode == (int32_t)mode;
}

/* Loading into RAM is one mode with trials or without: the device says which, or its list does. */
static bool loads_on_trial(const struct td_update *u)
{
    const struct td_image_state *active = td_states_active(&u->device.list, 0);

    return is_mode(u, TD_MODE_RAM_LOAD) &&
           ((u->device.is_tandem && u->device.accepts.images[0].reverts) ||
            (active != NULL && !active->confirmed));
}

/* Whether a new image runs unconfirmed first; true also where nobody told. */
static bool has_trials(const struct td_update *u)
{
    return !u->device.mode_known || is_mode(u, TD_MODE_SCRATCH) || is_mode(u, TD_MODE_MOVE) ||
           is_mode(u, TD_MODE_OFFSET) || is_mode(u, TD_MODE_XIP_REVERT) || loads_on_trial(u);
}

/* Whether the highest version runs and marks mean nothing. */
static bool is_by_version(const struct td_update *u)
{
    return is_mode(u, TD_MODE_XIP) || (is_mode(u, TD_MODE_RAM_LOAD) && !loads_on_trial(u));
}

/* The slot of a first stage that the file is for; -1: it is an image that is listed when it runs. */
static int stage_slot(const struct td_update *u, const struct td_update_item *item)
{
    return td_stage_slot_of(&item->facts, u->device.is_tandem ? &u->device.accepts : NULL);
}

static bool stage_runs(const struct td_update *u, const struct td_update_item *item)
{
    const struct td_tandem_stage *s = &u->device.accepts.stage;

    return (int)s->slot == stage_slot(u, item) && s->version == item->facts.firmware.info.version;
}

static const struct td_image_state *new_image(const struct td_update *u,
                                              const struct td_update_item *item)
{
    return td_states_of_file(&u->device.list, item->file->image, &item->facts);
}

static const struct td_image_state *someone_pending(const struct td_update *u,
                                                    const struct td_update_item *item)
{
    const struct td_image_states *list = &u->device.list;

    for (uint8_t i = 0; i < list->n; i++) {
        const struct td_image_state *at = &list->at[i];

        if (at->image == item->file->image && !at->active && at->pending &&
            at != new_image(u, item))
            return at;
    }
    return NULL;
}

static bool same_list(const struct td_image_states *a, const struct td_image_states *b)
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

/* ---- steps: moving on ------------------------------------------------------------------ */

static void go(struct td_update *u, enum step step)
{
    u->step = (uint8_t)step;
    u->entered = false;
    u->wake_ms = 0;
}

static void go_at(struct td_update *u, enum step step, uint64_t at_ms)
{
    go(u, step);
    u->wake_ms = at_ms;
}

static void ask(struct td_update *u, uint64_t now_ms, const struct td_request *req)
{
    td_call_start(&u->call, &u->session, req, now_ms);
    u->entered = true;
}

static void ask_kind(struct td_update *u, uint64_t now_ms, enum td_request_kind kind, bool probe)
{
    struct td_request req = { .kind = kind, .probe = probe };

    ask(u, now_ms, &req);
}

static void ask_hash(struct td_update *u, uint64_t now_ms, enum td_request_kind kind)
{
    const struct td_update_item *item = item_of(u);
    struct td_request req = { .kind = kind, .hash_len = item->facts.hash_len };

    memcpy(req.hash, item->facts.hash, sizeof(req.hash));
    ask(u, now_ms, &req);
}

/* ---- probe ----------------------------------------------------------------------------- */

static void got_params(struct td_update *u, const struct td_reply *r)
{
    if (r->failure.err == TD_OK) {
        u->device.params_known = true;
        u->device.buf_size = r->of.params.buf_size;
        u->device.buf_count = r->of.params.buf_count;
    }
    go(u, STEP_LIST);
}

/* The list is what everything else stands on; without it there is no update. */
static bool take_list(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    if (r->failure.err == TD_OK) {
        u->device.list = r->of.images;
        return true;
    }
    finish_failure(u, now_ms, "the device's list of images cannot be read", &r->failure,
                   td_failure_unsupported(&r->failure)
                       ? "build the firmware with the image group (CONFIG_MCUMGR_GRP_IMG)"
                   : r->failure.err == TD_EREFUSED && !r->failure.by_group && r->failure.code == 7
                       ? "build the firmware with larger buffers: tandem os params tells how large "
                         "they are"
                       : "check that this is the right device and port");
    return false;
}

static void got_mode(struct td_update *u, const struct td_reply *r)
{
    if (r->failure.err == TD_OK && r->of.bootloader.has_mode && r->of.bootloader.mode >= 0) {
        u->device.mode_known = true;
        u->device.mode = r->of.bootloader.mode;
        u->device.no_downgrade = r->of.bootloader.no_downgrade;
    }
    go(u, STEP_SLOTS);
}

static void got_slots(struct td_update *u, const struct td_reply *r)
{
    if (r->failure.err == TD_OK) {
        u->device.has_slots = true;
        u->device.slots = r->of.slots;
    }
    go(u, STEP_ACCEPTS);
}

static void got_accepts(struct td_update *u, const struct td_reply *r)
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
        go(u, STEP_ACCEPTS);
    else
        go(u, d->is_tandem && d->accepts.has_log ? STEP_SEEN : STEP_DECIDE);
}

static void got_seen(struct td_update *u, const struct td_reply *r)
{
    if (r->failure.err == TD_OK) {
        u->device.has_verdicts = true;
        if (r->of.why.n > 0) {
            u->device.verdict_seq = r->of.why.at[0].seq;
            u->device.verdict_count = r->of.why.at[0].count;
        }
    }
    go(u, STEP_DECIDE);
}

/* ---- decide ---------------------------------------------------------------------------- */

static enum td_plan plan_for(const struct td_update *u, const struct td_update_item *item)
{
    const struct td_image_state *here = new_image(u, item);
    const struct td_image_state *active = td_states_active(&u->device.list, item->file->image);
    const struct td_image_state *other = td_states_other(&u->device.list, item->file->image);

    if (stage_slot(u, item) >= 0 && here != NULL && stage_runs(u, item))
        return TD_PLAN_NONE;
    if (here != NULL && here->active)
        return here->confirmed || !has_trials(u) ? TD_PLAN_NONE : TD_PLAN_TRIAL;
    // Without a word on the mode, a trial shows in the old image being the confirmed one.
    if (active != NULL && !active->confirmed && has_trials(u) &&
        (u->device.mode_known || (other != NULL && other->confirmed)))
        return TD_PLAN_LEAVE;
    if (here != NULL && here->pending)
        return TD_PLAN_RESET;
    if (someone_pending(u, item) != NULL)
        return TD_PLAN_ERASE;
    // Swap-offset starts what lies at the slot's second sector only, and erases what does not:
    // an image that ran before lies at the first. Sending it again is right in either place.
    if (here != NULL && u->device.mode_known && !is_mode(u, TD_MODE_OFFSET))
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
        add_event(u, TD_EVENT_PREFLIGHT)->arg = i;
    return n_failed;
}

static void finish_preflight(struct td_update *u, uint64_t now_ms)
{
    const struct td_update_item *item = item_of(u);

    for (size_t i = 0; i < TD_N_CHECKS; i++) {
        const struct td_check_row *row = &item->rows[i];

        if (row->result != TD_CHECK_FAIL || row->forced)
            continue;
        set_outcome(u, TD_RESULT_REFUSED, "nothing was sent: ", row->remedy);
        add_text(u, row->text);
        break;
    }
    close_update(u, now_ms);
}

static void finish_leave(struct td_update *u, uint64_t now_ms)
{
    const struct td_image_state *active =
        td_states_active(&u->device.list, item_of(u)->file->image);

    set_outcome(u, TD_RESULT_REFUSED, "another image runs on trial, version ",
                "keep it: tandem image confirm; or go back to the one before: tandem os reset. "
                "Then run this update again");
    add_text(u, active != NULL ? active->version : "unknown");
    add_text(u, "; nothing was changed");
    close_update(u, now_ms);
}

static void add_stage(struct td_update *u, const struct td_update_item *item)
{
    add_text(u, "second stage version ");
    add_number(u, item->facts.firmware.info.version);
    add_text(u, stage_slot(u, item) == 0 ? " in S0" : " in S1");
}

/* "version 2.0.0 (1f2e3d4c5b6a7988)", each file's; the text so far ends in a blank. */
static void add_new_images(struct td_update *u)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++) {
        const struct td_update_item *item = &u->items[i];

        if (stage_slot(u, item) >= 0) {
            add_text(u, i == 0 ? "" : ", and ");
            add_stage(u, item);
            continue;
        }
        add_text(u, i == 0 ? "version " : ", and version ");
        add_version(u, &item->facts.image.hdr.version);
        add_text(u, " (");
        add_hash(u, item->facts.hash, item->facts.hash_len);
        add_text(u, ")");
        if (u->cfg.n_files > 1) {
            add_text(u, " as image ");
            add_number(u, item->file->image);
        }
    }
}

static void finish_already(struct td_update *u, uint64_t now_ms)
{
    const struct td_image_state *other;

    set_outcome(u, TD_RESULT_ALREADY, "the device already runs ", "");
    add_new_images(u);
    for (u->item = 0; u->item < u->cfg.n_files - 1 && someone_pending(u, item_of(u)) == NULL;)
        u->item++;
    other = someone_pending(u, item_of(u));
    if (other != NULL && !is_by_version(u)) {
        set_remedy(u, "the next reset starts the other one; to prevent that: tandem image erase");
        add_text(u, ", but another image is pending: ");
        add_hash(u, other->hash, other->hash_len);
    }
    close_update(u, now_ms);
}

/* Whether any item has one of the plans in the mask of 1 << enum td_plan. */
static bool any_plan(const struct td_update *u, uint32_t plans)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++)
        if (plans >> u->items[i].plan & 1)
            return true;
    return false;
}

static void decide(struct td_update *u, uint64_t now_ms)
{
    uint8_t blocked = TD_UPDATE_FILES;
    uint8_t leave = TD_UPDATE_FILES;

    for (u->item = 0; u->item < u->cfg.n_files; u->item++) {
        struct td_update_item *item = item_of(u);
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
        finish(u, now_ms, TD_RESULT_CHECKED, "nothing was found that speaks against this update",
               "");
    } else if (leave < TD_UPDATE_FILES) {
        u->item = leave;
        finish_leave(u, now_ms);
    } else if (item_of(u)->facts.hash_len == 0 && u->cfg.mode != TD_UPDATE_UPLOAD) {
        finish(u, now_ms, TD_RESULT_FAILED,
               "the file carries no hash, so nothing could prove that the device runs it",
               "sign it, or upload it alone: --mode upload");
    } else if (!any_plan(u, ~(1u << TD_PLAN_NONE))) {
        finish_already(u, now_ms);
    } else {
        go(u, STEP_NEXT);
    }
}

/* ---- the slot -------------------------------------------------------------------------- */

/* What runs is a second stage: how far the first one trusts it. */
static void finish_stage(struct td_update *u, uint64_t now_ms)
{
    const uint32_t trial = u->device.accepts.stage.trial;

    u->item = 0;
    set_outcome(u, trial == TD_TANDEM_ON_TRIAL ? TD_RESULT_TESTED : TD_RESULT_UPDATED,
                "the device runs ",
                trial == TD_TANDEM_ON_TRIAL
                    ? "confirm the application: tandem image confirm; then reset once"
                    : "");
    add_new_images(u);
    add_text(u, trial == TD_TANDEM_ON_TRIAL
                    ? " on trial: it has not yet booted a confirmed application"
                : trial == TD_TANDEM_SERVES
                    ? "; it has booted the confirmed application, and the next reset makes it the "
                      "least version from now on"
                    : ", for good");
    close_update(u, now_ms);
}

static void finish_running(struct td_update *u, uint64_t now_ms, bool confirmed)
{
    bool on_trial = u->cfg.mode == TD_UPDATE_TEST && !confirmed && has_trials(u);

    u->item = 0;
    set_outcome(u, on_trial ? TD_RESULT_TESTED : TD_RESULT_UPDATED, "the device runs ",
                on_trial ? "confirm it when it has proved itself: tandem image confirm" : "");
    add_new_images(u);
    add_text(u, on_trial    ? " on trial; the next reset brings the old one back"
                : confirmed ? ", confirmed"
                            : "; its bootloader knows no confirmation");
    if (u->cfg.mode == TD_UPDATE_TEST && !on_trial && !has_trials(u))
        add_text(u, "; this bootloader has no trials, the image is installed for good");
    close_update(u, now_ms);
}

static void finish_unreset(struct td_update *u, uint64_t now_ms)
{
    u->item = 0;
    if (u->cfg.mode == TD_UPDATE_UPLOAD && any_plan(u, 1u << TD_PLAN_RESET))
        finish(u, now_ms, TD_RESULT_UPLOADED,
               "the image lies in its slot and is pending: the next reset starts it",
               "tandem os reset, or take it back: tandem image erase");
    else if (u->cfg.mode == TD_UPDATE_UPLOAD && any_plan(u, 1u << TD_PLAN_MARK))
        finish(u, now_ms, TD_RESULT_UPLOADED,
               "the image lies in its slot; nothing starts it until it is marked",
               "tandem image test FILE, then tandem os reset");
    else
        finish_running(u, now_ms, false);
}

static void next_item(struct td_update *u, uint64_t now_ms)
{
    for (; u->item < u->cfg.n_files; u->item++) {
        switch (item_of(u)->plan) {
        case TD_PLAN_ERASE: go(u, STEP_ERASE); return;
        case TD_PLAN_UPLOAD: go(u, STEP_UPLOAD); return;
        case TD_PLAN_MARK:
            if (u->cfg.mode == TD_UPDATE_UPLOAD)
                break;
            go(u, STEP_MARK);
            return;
        default: break;
        }
    }
    u->item = 0;
    if (u->cfg.mode == TD_UPDATE_UPLOAD)
        finish_unreset(u, now_ms);
    else if (any_plan(u, 1u << TD_PLAN_RESET))
        go(u, u->cfg.erase_settings && !u->settings_done ? STEP_STORAGE : STEP_RESET);
    else if (u->cfg.mode == TD_UPDATE_TEST)
        finish_unreset(u, now_ms);
    else
        go(u, STEP_CONFIRM);
}

static void ask_erase(struct td_update *u, uint64_t now_ms)
{
    const struct td_image_state *other = someone_pending(u, item_of(u));
    struct td_request req = { .kind = TD_REQ_IMAGE_ERASE };

    // Left to itself a device takes the slot that does not run, which is the right one.
    if (item_of(u)->file->image > 0 && other != NULL) {
        req.has_slot = true;
        req.slot = (uint32_t)item_of(u)->file->image * 2 + other->slot;
    }
    note(u, "another image is pending; its slot is erased first");
    ask(u, now_ms, &req);
}

static void got_erase(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_image_state *other = someone_pending(u, item_of(u));

    if (r->failure.err == TD_OK) {
        go(u, STEP_ERASED);
    } else if (r->failure.err == TD_EREFUSED && is_by_version(u)) {
        // There "pending" is only another word for the higher version: sending replaces it.
        go(u, STEP_UPLOAD);
    } else if (r->failure.err == TD_EREFUSED) {
        finish_failure(u, now_ms, "another image is pending, and the device refuses to erase it",
                       &r->failure,
                       "reset the device: its bootloader tries that image, or drops it. If it is "
                       "pending still after a reset it cannot be swapped in (room or partitions): "
                       "build with CONFIG_MCUMGR_GRP_IMG_ALLOW_ERASE_PENDING, or erase the slot "
                       "with a debugger");
        if (other != NULL) {
            add_text(u, "; it is ");
            add_hash(u, other->hash, other->hash_len);
        }
    } else {
        finish_failure(u, now_ms, "erasing the pending image failed", &r->failure, what_next(u));
    }
}

static void got_erased(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    if (!take_list(u, now_ms, r))
        return;
    if (someone_pending(u, item_of(u)) != NULL)
        finish(u, now_ms, TD_RESULT_REFUSED,
               "another image is pending, and it is so still after the device said it was erased",
               "erase the slot with a debugger, or reset the device and see what it does");
    else
        go(u, STEP_UPLOAD);
}

static void start_upload(struct td_update *u, uint64_t now_ms)
{
    const struct td_update_file *file = item_of(u)->file;
    struct td_upload_config cfg = { .src = file->src,
                                    .sha = u->cfg.no_resume ? NULL : file->sha,
                                    .image = file->image,
                                    .buf_size = u->device.buf_size,
                                    .buf_count = u->device.buf_count };

    td_upload_start(&u->upload, &u->session, &cfg, now_ms);
    u->uploading = true;
    u->entered = true;
    u->n_uploads++;
    say_progress(u, now_ms);
}

static const char *upload_remedy(const struct td_failure *f)
{
    static const struct {
        uint32_t code;
        const char *remedy;
    } rows[] = {
        { TD_IMG_NO_FREE_SLOT, "a trial runs or an image is pending: see tandem image list, then "
                               "confirm, reset or erase" },
        { TD_IMG_SHORT_HEADER, "the packets are too small: raise the MTU or the device's buffers" },
        { TD_IMG_BAD_MAGIC, "send the signed image (app_update.bin, zephyr.signed.bin), not hex, "
                            "elf or an unsigned file" },
        { TD_IMG_BAD_ADDRESS, "send the build that was linked for the slot that does not run" },
        { TD_IMG_NOT_NEWER, "raise the version and sign again" },
        { TD_IMG_TOO_LARGE, "make the image smaller, or enlarge the slots" },
        { TD_IMG_FLASH_ERASE, "look at the flash driver and its wiring; erase the slot" },
        { TD_IMG_FLASH_WRITE, "look at the flash driver and its wiring; erase the slot" },
    };

    if (td_failure_unsupported(f))
        return "build the firmware with the image group (CONFIG_MCUMGR_GRP_IMG)";
    for (size_t i = 0; f->err == TD_EREFUSED && f->by_group && i < TD_N_OF(rows); i++)
        if (f->group == TD_SMP_GROUP_IMAGE && rows[i].code == f->code)
            return rows[i].remedy;
    if (f->err == TD_EREFUSED && f->code == TD_SMP_RC_BAD_STATE)
        return rows[0].remedy;
    if (f->err == TD_EREFUSED && f->code == TD_SMP_RC_ACCESS_DENIED)
        return "the device's firmware denies uploads now; see its documentation";
    if (f->err == TD_EPACKET)
        return "raise the link's packet size or the device's buffers";
    if (f->err == TD_EFORGETS || f->err == TD_ELINKDOWN)
        return "the device resets during the upload: look at its reset cause, stack and watchdog";
    return "run the same update again; it goes on where it stopped";
}

static void upload_done(struct td_update *u, uint64_t now_ms)
{
    say_progress(u, now_ms);
    u->uploading = false;
    if (u->upload.state == TD_UPLOAD_DONE) {
        go(u, STEP_UPLOADED);
        return;
    }
    finish_failure(u, now_ms, "the upload ended early", &u->upload.failure,
                   upload_remedy(&u->upload.failure));
    add_text(u, ", at byte ");
    add_number(u, u->upload.acked);
}

static void got_uploaded(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    struct td_update_item *item = item_of(u);
    const struct td_image_state *here, *other;

    if (!take_list(u, now_ms, r))
        return;
    here = new_image(u, item);
    other = td_states_other(&u->device.list, item->file->image);
    if (here == NULL && u->upload.assumed && u->n_uploads < 3) {
        go(u, STEP_UPLOAD);
        return;
    }
    // A recovery server lists slots without hashes: there the reset has to tell.
    if (here == NULL && u->cfg.mode != TD_UPDATE_UPLOAD &&
        !(other != NULL && other->hash_len == 0)) {
        finish(u, now_ms, TD_RESULT_FAILED,
               "the device took every byte of the image, but does not list it",
               "the firmware cannot read its second slot, or reads another place than it writes: "
               "compare its partitions with the bootloader's");
        return;
    }
    item->plan = TD_PLAN_MARK;
    if (u->cfg.mode == TD_UPDATE_UPLOAD) {
        u->item++;
        go(u, STEP_NEXT);
    } else if (here != NULL && here->pending && !is_by_version(u)) {
        item->marked = true;
        item->plan = TD_PLAN_RESET;
        go(u, STEP_NEXT);
    } else {
        go(u, STEP_MARK);
    }
}

/* ---- the mark -------------------------------------------------------------------------- */

static void marked(struct td_update *u)
{
    item_of(u)->plan = TD_PLAN_RESET;
    u->n_uploads = 0;
    u->item++;
    go(u, STEP_NEXT);
}

static void got_mark(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_failure *f = &r->failure;
    bool must_mark = u->device.mode_known && (has_trials(u) || is_mode(u, TD_MODE_OVERWRITE));
    bool busy = f->err == TD_EREFUSED && ((f->by_group && f->code == TD_IMG_ALREADY_PENDING) ||
                                          (!f->by_group && f->code == TD_SMP_RC_BAD_STATE));

    if (f->err == TD_OK || busy) {
        // Neither a yes nor a no proves anything: the list does.
        go(u, STEP_MARKED);
    } else if (td_failure_unsupported(f) && !must_mark) {
        note(u, "this device has nothing to mark: its bootloader chooses by itself");
        item_of(u)->unmarkable = true;
        marked(u);
    } else {
        finish_failure(u, now_ms, "the image is on the device, but cannot be marked to start", f,
                       f->by_group && f->code == TD_IMG_BAD_MAGIC
                           ? "the slot's trailer cannot be written: flash driver, or another "
                             "partition than the bootloader's"
                           : "see tandem image list");
    }
}

static void got_marked(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_image_state *here, *other;

    if (!take_list(u, now_ms, r))
        return;
    here = new_image(u, item_of(u));
    other = someone_pending(u, item_of(u));
    if (here != NULL && (here->pending || here->permanent)) {
        item_of(u)->marked = true;
        if (u->cfg.mode == TD_UPDATE_CONFIRM && !here->permanent)
            note(u, "the device marked the image for a trial only; it is confirmed when it runs");
        marked(u);
    } else if (other != NULL) {
        finish(u, now_ms, TD_RESULT_REFUSED,
               "the device keeps another image pending and does not mark this one",
               "erase the other one (tandem image erase), then run this update again");
    } else {
        finish(u, now_ms, TD_RESULT_FAILED,
               "the device said that it marked the image, but its list shows nothing pending",
               "its firmware and its bootloader disagree about the trailer: compare partitions and "
               "write alignment of both");
    }
}

/* ---- reset and what comes of it -------------------------------------------------------- */

static void got_storage(struct td_update *u, const struct td_reply *r)
{
    u->settings_done = true;
    if (td_failure_unsupported(&r->failure))
        note(u, "settings were not erased: the firmware was built without that; it does no harm");
    else if (r->failure.err != TD_OK)
        note(u, "settings were not erased: the device could not; the update goes on");
    else
        note(u, "settings and bonds were erased");
    go(u, STEP_RESET);
}

static enum td_err empty_body(const void *ctx, uint32_t arg, uint8_t *out, size_t cap, size_t *len)
{
    struct td_cbor_writer w;

    (void)ctx;
    (void)arg;
    td_cbor_writer_init(&w, out, cap, TD_CBOR_DEFINITE);
    td_smp_put_empty(&w);
    return td_cbor_done(&w, len);
}

/*
 * A link that loses each nth packet keeps step with a client that waits for each answer, and
 * can lose every reset. A reset is never repeated, so another packet goes ahead to take the blow.
 */
static void ask_decoy(struct td_update *u, uint64_t now_ms)
{
    struct td_ask ask = { .op = TD_SMP_READ,
                          .group = TD_SMP_GROUP_OS,
                          .id = TD_OS_PARAMS,
                          .patience = TD_PATIENCE_OWN,
                          .own_ms = 2000,
                          .body = empty_body };

    td_session_ask(&u->session, &ask, now_ms);
}

static void ask_reset(struct td_update *u, uint64_t now_ms)
{
    u->before = u->device.list;
    u->n_resets++;
    u->saw_silence = false;
    u->reset_ms = now_ms;
    say_state(u, TD_STATE_RESET);
    if (u->n_resets > 1)
        ask_decoy(u, now_ms);
    ask_kind(u, now_ms, TD_REQ_RESET, false);
}

static void got_reset(struct td_update *u, uint64_t now_ms, const struct td_failure *f)
{
    if (f->err == TD_EREFUSED) {
        finish_failure(u, now_ms, "the device refuses to reset", f,
                       "try again later, or: tandem os reset --force. The new image starts with "
                       "the next reset, whatever causes it");
        return;
    }
    // Many devices are gone before their answer is; what counts is what comes back.
    u->reset_answered = f->err == TD_OK;
    u->reset_ms = now_ms;
    if (u->n_resets == 1)
        say_state(u, TD_STATE_WAIT);
    go_at(u, STEP_POLL, now_ms + FIRST_POLL_MS);
}

/* The first image that does not run; NULL when all do. */
static struct td_update_item *not_running(struct td_update *u)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++) {
        const struct td_image_state *here = new_image(u, &u->items[i]);

        if (stage_slot(u, &u->items[i]) >= 0) {
            if (!stage_runs(u, &u->items[i]))
                return &u->items[i];
            continue;
        }
        if (here == NULL || !here->active)
            return &u->items[i];
    }
    return NULL;
}

/* What the lists alone say about why the new image does not run. */
static void infer(struct td_update *u, const struct td_update_item *item)
{
    const struct td_image_state *here = new_image(u, item);
    const struct td_image_state *active = td_states_active(&u->device.list, item->file->image);
    const struct td_image_state *was = td_states_active(&u->before, item->file->image);

    if (stage_slot(u, item) >= 0) {
        set_outcome(u, TD_RESULT_REFUSED, "the first stage still boots the old second stage, ",
                    "see tandem why, and the console of the first stage");
        add_text(u, "version ");
        add_number(u, u->device.accepts.stage.version);
    } else if (active != NULL && was != NULL && active->hash_len > 0 &&
               (active->hash_len != was->hash_len ||
                memcmp(active->hash, was->hash, was->hash_len) != 0)) {
        set_outcome(u, TD_RESULT_FAILED, "the device runs neither the old nor the new image, but ",
                    "look at what wrote that image; then run this update again");
        add_hash(u, active->hash, active->hash_len);
    } else if (item->unmarkable) {
        set_outcome(u, TD_RESULT_REFUSED,
                    "the device runs the old image: its bootloader did not choose the new one",
                    "where the highest version runs, raise the version; else check signature, "
                    "address and slot of the build");
    } else if (here != NULL && here->pending) {
        set_outcome(u, TD_RESULT_REFUSED,
                    "the device was reset, runs the old image, and the new one is pending still. "
                    "A bootloader that dislikes an image drops it; one that leaves it pending had "
                    "no room to swap, sees other partitions, or never ran",
                    "compare the sizes of both images with the slot less two or three sectors, "
                    "and the partitions of firmware and bootloader; then: tandem image erase");
    } else if (here != NULL) {
        set_outcome(u, TD_RESULT_REVERTED,
                    "the new image was started and the old one runs again: it was reset before it "
                    "could be confirmed",
                    "look for a crash, a hang or a watchdog in its first seconds; the image still "
                    "lies in the second slot");
    } else {
        set_outcome(u, TD_RESULT_REFUSED,
                    "the device runs the old image, and the new one is gone from the second slot: "
                    "its bootloader refused it and erased it",
                    "most likely it is signed with another key than the bootloader's, or its "
                    "version is older and downgrades are forbidden; compare the key with: tandem "
                    "inspect FILE");
    }
}

static bool is_new_verdict(const struct td_update *u, const struct td_verdict *v)
{
    const struct td_update_device *d = &u->device;

    if (d->verdict_count == 0)
        return true;
    return v->seq > d->verdict_seq || (v->seq == d->verdict_seq && v->count > d->verdict_count);
}

/* The newest verdict since we came that says no; of our image, if there is one. */
static const struct td_verdict *verdict_of(const struct td_update *u,
                                           const struct td_update_item *item,
                                           const struct td_why_page *page)
{
    const struct td_verdict *any = NULL;

    for (uint8_t i = 0; i < page->n; i++) {
        const struct td_verdict *v = &page->at[i];

        if (!is_new_verdict(u, v) || v->class == TD_VERDICT_NOTE || v->image != item->file->image)
            continue;
        if (memcmp(v->hash, item->facts.hash, sizeof(v->hash)) == 0)
            return v;
        if (any == NULL)
            any = v;
    }
    return any;
}

static void got_why(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_verdict *v =
        r->failure.err == TD_OK ? verdict_of(u, item_of(u), &r->of.why) : NULL;

    infer(u, item_of(u));
    if (v != NULL) {
        enum td_update_result result = u->outcome.result;

        if (v->class == TD_VERDICT_REFUSAL)
            result = TD_RESULT_REFUSED;
        else if (v->class == TD_VERDICT_REVERT)
            result = TD_RESULT_REVERTED;
        set_outcome(u, result, "the device's bootloader says: ", td_verdict_remedy(v->code));
        add_text(u, td_verdict_sentence(v->code));
        u->outcome.verdict = v->code;
        u->outcome.facts = *v;
    }
    close_update(u, now_ms);
}

static void finish_not_running(struct td_update *u, uint64_t now_ms, struct td_update_item *item)
{
    u->item = (uint8_t)(item - u->items);
    if (u->device.has_verdicts) {
        go(u, STEP_WHY);
        return;
    }
    infer(u, item);
    close_update(u, now_ms);
}

static void finish_gone(struct td_update *u, uint64_t now_ms)
{
    set_outcome(u, TD_RESULT_UNREACHABLE, "the device did not come back within ", what_next(u));
    add_number(u, u->wait_ms / 1000);
    add_text(u, " s after its reset");
    if (is_mode(u, TD_MODE_OVERWRITE) || u->cfg.mode == TD_UPDATE_CONFIRM)
        add_text(u, "; the new image was installed for good, there is no way back to the old one");
    else if (has_trials(u))
        add_text(u, "; it may still swap, or the new image runs without SMP: then its next reset "
                    "brings the old one back");
    close_update(u, now_ms);
}

static void poll_again(struct td_update *u, uint64_t now_ms)
{
    if (now_ms - u->reset_ms >= u->wait_ms)
        finish_gone(u, now_ms);
    else
        go_at(u, STEP_POLL, now_ms + POLL_MS);
}

/* How long the list may stay what it was before that is taken for the answer. */
static uint32_t settle_ms(const struct td_update *u)
{
    if (!u->reset_answered)
        return 3000;
    return u->saw_silence ? UNCHANGED_MS / 2 : UNCHANGED_MS;
}

static void got_unchanged(struct td_update *u, uint64_t now_ms)
{
    if (now_ms - u->reset_ms < settle_ms(u)) {
        go_at(u, STEP_POLL, now_ms + POLL_MS);
    } else if (!u->reset_answered && u->n_resets < MAX_RESETS) {
        // Nobody knows whether the reset arrived, and nothing has changed: once more. Silence
        // since then proves nothing, as the link may have lost that answer too.
        go(u, STEP_RESET);
    } else if (u->reset_answered || u->saw_silence) {
        say_state(u, TD_STATE_VERIFY);
        finish_not_running(u, now_ms, not_running(u));
    } else {
        finish(u, now_ms, TD_RESULT_FAILED,
               "the device answers, but not to a reset, and it runs the old image",
               "reset by hand: the new image is marked and starts then. Run the same update again "
               "to see it through");
    }
}

static bool sends_stage(const struct td_update *u)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++)
        if (stage_slot(u, &u->items[i]) >= 0)
            return true;
    return false;
}

/* No list shows a second stage: the device says which one runs. */
static void got_stage(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    if (r->failure.err != TD_OK || !r->of.accepts.has_stage) {
        u->saw_silence |= td_failure_silent(&r->failure);
        poll_again(u, now_ms);
        return;
    }
    u->device.accepts.stage = r->of.accepts.stage;
    say_state(u, TD_STATE_VERIFY);
    if (not_running(u) == NULL)
        go(u, STEP_CONFIRM);
    else
        finish_not_running(u, now_ms, not_running(u));
}

static void got_poll(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    if (r->failure.err != TD_OK) {
        u->saw_silence |= td_failure_silent(&r->failure);
        poll_again(u, now_ms);
        return;
    }
    u->device.list = r->of.images;
    if (sends_stage(u) && !same_list(&u->before, &u->device.list)) {
        go(u, STEP_STAGE);
    } else if (not_running(u) == NULL) {
        say_state(u, TD_STATE_VERIFY);
        go(u, STEP_CONFIRM);
    } else if (same_list(&u->before, &u->device.list)) {
        got_unchanged(u, now_ms);
    } else {
        say_state(u, TD_STATE_VERIFY);
        finish_not_running(u, now_ms, not_running(u));
    }
}

/* ---- confirm --------------------------------------------------------------------------- */

static void ask_confirm(struct td_update *u, uint64_t now_ms)
{
    const struct td_image_state *here;
    struct td_request req = { .kind = TD_REQ_IMAGE_CONFIRM, .empty_hash = u->empty_hash };

    for (u->item = 0; u->item < u->cfg.n_files; u->item++) {
        here = new_image(u, item_of(u));
        if (stage_slot(u, item_of(u)) < 0 && here != NULL && !here->confirmed)
            break;
    }
    if (u->item == u->cfg.n_files && sends_stage(u)) {
        finish_stage(u, now_ms);
        return;
    }
    if (u->item == u->cfg.n_files) {
        finish_running(u, now_ms, true);
        return;
    }
    if (u->cfg.mode == TD_UPDATE_TEST || !has_trials(u)) {
        finish_running(u, now_ms, false);
        return;
    }
    if (u->n_confirms == 0)
        say_state(u, TD_STATE_CONFIRM);
    u->n_confirms++;
    // Without a hash the image that runs is confirmed, so never one that waits to be tried.
    if (item_of(u)->file->image > 0) {
        req.hash_len = item_of(u)->facts.hash_len;
        memcpy(req.hash, item_of(u)->facts.hash, sizeof(req.hash));
        req.empty_hash = false;
    }
    ask(u, now_ms, &req);
}

static void got_confirm(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_failure *f = &r->failure;

    if (f->err == TD_OK) {
        go(u, STEP_CONFIRMED);
    } else if (f->err == TD_EREFUSED && f->code == TD_SMP_RC_INVALID && !f->by_group &&
               !u->empty_hash) {
        u->empty_hash = true;
        go(u, STEP_CONFIRM);
    } else if (td_failure_unsupported(f) && !u->device.mode_known) {
        finish_running(u, now_ms, false);
    } else if (td_failure_silent(f)) {
        // It ran a moment ago: it crashed, or the answer was lost. Its list tells which.
        u->saw_silence = true;
        u->reset_ms = now_ms;
        u->before = u->device.list;
        u->n_resets = MAX_RESETS;
        go_at(u, STEP_POLL, now_ms + POLL_MS);
    } else {
        finish_failure(u, now_ms, "the device runs the new image on trial, but cannot confirm it",
                       f,
                       "unless it is confirmed, the next reset brings the old one back: tandem "
                       "image confirm");
    }
}

static void got_confirmed(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_image_state *here;

    if (td_failure_silent(&r->failure)) {
        u->saw_silence = true;
        u->reset_ms = now_ms;
        go_at(u, STEP_POLL, now_ms + POLL_MS);
        return;
    }
    if (!take_list(u, now_ms, r))
        return;
    if (not_running(u) != NULL) {
        finish_not_running(u, now_ms, not_running(u));
        return;
    }
    here = new_image(u, item_of(u));
    if (here != NULL && !here->confirmed && u->n_confirms >= MAX_CONFIRMS + u->cfg.n_files)
        finish(u, now_ms, TD_RESULT_FAILED,
               "the device says that it confirmed the image, but its list shows it unconfirmed",
               "the flash may not take the mark; the next reset brings the old image back");
    else
        go(u, STEP_CONFIRM);
}

/* ---- the machine ----------------------------------------------------------------------- */

static void enter(struct td_update *u, uint64_t now_ms)
{
    struct td_request req = { .probe = true };

    switch ((enum step)u->step) {
    case STEP_PARAMS: ask_kind(u, now_ms, TD_REQ_PARAMS, true); break;
    case STEP_LIST:
    case STEP_ERASED:
    case STEP_UPLOADED:
    case STEP_MARKED:
    case STEP_CONFIRMED: ask_kind(u, now_ms, TD_REQ_IMAGE_LIST, false); break;
    case STEP_MODE:
        req.kind = TD_REQ_BOOTLOADER;
        req.text = TD_TEXT("mode");
        ask(u, now_ms, &req);
        break;
    case STEP_SLOTS: ask_kind(u, now_ms, TD_REQ_SLOT_INFO, true); break;
    case STEP_ACCEPTS:
        req.kind = TD_REQ_ACCEPTS;
        req.off = u->device.is_tandem ? u->device.accepts.next : 0;
        ask(u, now_ms, &req);
        break;
    case STEP_SEEN: ask_kind(u, now_ms, TD_REQ_WHY, true); break;
    case STEP_DECIDE: decide(u, now_ms); break;
    case STEP_NEXT: next_item(u, now_ms); break;
    case STEP_ERASE: ask_erase(u, now_ms); break;
    case STEP_UPLOAD: start_upload(u, now_ms); break;
    case STEP_MARK:
        say_state(u, TD_STATE_TEST);
        ask_hash(u, now_ms,
                 u->cfg.mode == TD_UPDATE_CONFIRM ? TD_REQ_IMAGE_CONFIRM : TD_REQ_IMAGE_TEST);
        break;
    case STEP_STORAGE: ask_kind(u, now_ms, TD_REQ_STORAGE_ERASE, false); break;
    case STEP_RESET: ask_reset(u, now_ms); break;
    case STEP_POLL: ask_kind(u, now_ms, TD_REQ_IMAGE_LIST, true); break;
    case STEP_STAGE: ask_kind(u, now_ms, TD_REQ_ACCEPTS, true); break;
    case STEP_CONFIRM: ask_confirm(u, now_ms); break;
    case STEP_WHY: ask_kind(u, now_ms, TD_REQ_WHY, false); break;
    }
}

static void got_reply(struct td_update *u, uint64_t now_ms)
{
    const struct td_reply *r = &u->call.reply;

    u->entered = false;
    switch ((enum step)u->step) {
    case STEP_PARAMS: got_params(u, r); break;
    case STEP_LIST:
        if (take_list(u, now_ms, r))
            go(u, STEP_MODE);
        break;
    case STEP_MODE: got_mode(u, r); break;
    case STEP_SLOTS: got_slots(u, r); break;
    case STEP_ACCEPTS: got_accepts(u, r); break;
    case STEP_SEEN: got_seen(u, r); break;
    case STEP_ERASE: got_erase(u, now_ms, r); break;
    case STEP_ERASED: got_erased(u, now_ms, r); break;
    case STEP_UPLOADED: got_uploaded(u, now_ms, r); break;
    case STEP_MARK: got_mark(u, now_ms, r); break;
    case STEP_MARKED: got_marked(u, now_ms, r); break;
    case STEP_STORAGE: got_storage(u, r); break;
    case STEP_RESET: got_reset(u, now_ms, &r->failure); break;
    case STEP_POLL: got_poll(u, now_ms, r); break;
    case STEP_STAGE: got_stage(u, now_ms, r); break;
    case STEP_CONFIRM: got_confirm(u, now_ms, r); break;
    case STEP_CONFIRMED: got_confirmed(u, now_ms, r); break;
    case STEP_WHY: got_why(u, now_ms, r); break;
    case STEP_DECIDE:
    case STEP_NEXT:
    case STEP_UPLOAD: break; // these have no call under way
    }
}

static void read_files(struct td_update *u)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++)
        td_image_facts(&u->cfg.files[i].src, &u->work, &u->items[i].facts);
}

void td_update_start(struct td_update *u, const struct td_update_config *cfg, uint64_t now_ms)
{
    memset(u, 0, sizeof(*u));
    u->cfg = *cfg;
    u->started_ms = now_ms;
    u->wait_ms = cfg->wait_ms > 0 ? cfg->wait_ms : LEAST_WAIT_MS;
    td_session_start(&u->session, &cfg->session);
    for (uint8_t i = 0; i < cfg->n_files && i < TD_UPDATE_FILES; i++)
        u->items[i].file = &cfg->files[i];
    if (cfg->n_files < 1 || cfg->n_files > TD_UPDATE_FILES) {
        u->cfg.n_files = 1;
        u->items[0].file = cfg->files;
        finish(u, now_ms, TD_RESULT_FAILED, "one to four files can be sent in one update", "");
        return;
    }
    read_files(u);
    go(u, STEP_PARAMS);
}

static uint32_t down_limit_ms(const struct td_update *u)
{
    return u->heard_ever ? DOWN_LIMIT_MS : NEVER_UP_MS;
}

/* A link that is down outside of a reset may come back, but not for ever. */
static void look_at_link(struct td_update *u, uint64_t now_ms)
{
    struct td_failure f = { .err = TD_ELINKDOWN };

    if (u->step == STEP_POLL) {
        if (now_ms - u->reset_ms >= u->wait_ms)
            finish_gone(u, now_ms);
    } else if (now_ms - u->down_ms >= down_limit_ms(u)) {
        finish_failure(u, now_ms,
                       u->heard_ever ? "the connection did not come back"
                                     : "the device was not reached, nothing was changed",
                       &f, "");
    }
}

size_t td_update_send(struct td_update *u, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    size_t len;

    while (!u->done) {
        if (u->link_down) {
            look_at_link(u, now_ms);
            return 0;
        }
        if (u->uploading) {
            len = td_upload_send(&u->upload, now_ms, buf, cap);
            if (now_ms - u->said_ms >= PROGRESS_MS)
                say_progress(u, now_ms);
            if (!td_upload_done(&u->upload))
                return len;
            upload_done(u, now_ms);
        } else if (u->entered) {
            len = td_call_send(&u->call, now_ms, buf, cap);
            if (!u->call.done)
                return len;
            got_reply(u, now_ms);
        } else if (now_ms >= u->wake_ms) {
            enter(u, now_ms);
        } else {
            return 0;
        }
    }
    return 0;
}

void td_update_receive(struct td_update *u, uint64_t now_ms, const uint8_t *buf, size_t len)
{
    uint32_t resumed_at = u->upload.resumed_at;
    uint8_t restarts = u->upload.restarts;

    if (u->done)
        return;
    u->heard = u->heard_ever = true;
    if (u->uploading) {
        td_upload_receive(&u->upload, now_ms, buf, len);
        say_turns(u, resumed_at, restarts);
    } else if (u->entered) {
        td_call_receive(&u->call, now_ms, buf, len);
    }
}

void td_update_link(struct td_update *u, uint64_t now_ms, bool up)
{
    if (u->done || u->link_down == !up)
        return;
    u->link_down = !up;
    // A datagram link is up again at once and down with the next packet: no news in either.
    if (u->heard || u->down_ms == 0)
        u->down_ms = now_ms;
    u->heard = false;
    if (u->uploading) {
        td_upload_link(&u->upload, up, now_ms);
        return;
    }
    td_session_link(&u->session, up);
    u->saw_silence |= u->step == STEP_POLL;
    if (up || !u->entered)
        return;
    u->entered = false;
    if (u->step == STEP_RESET) {
        struct td_failure gone = { .err = TD_ELINKDOWN };

        got_reset(u, now_ms, &gone);
    }
}

uint64_t td_update_wake_ms(const struct td_update *u)
{
    if (u->done)
        return TD_NEVER;
    if (u->link_down && u->step == STEP_POLL)
        return u->reset_ms + u->wait_ms;
    if (u->link_down)
        return u->down_ms + down_limit_ms(u);
    if (u->uploading)
        return td_upload_done(&u->upload) ? 0 : td_upload_wake_ms(&u->upload);
    if (u->entered)
        return u->call.done ? 0 : td_session_wake_ms(&u->session);
    return u->wake_ms;
}

void td_update_interrupt(struct td_update *u, uint64_t now_ms)
{
    if (u->done)
        return;
    if (u->uploading)
        td_upload_stop(&u->upload);
    if (u->item >= u->cfg.n_files)
        u->item = 0;
    finish(u, now_ms, TD_RESULT_INTERRUPTED, "the update was interrupted; the device is left sane",
           what_next(u));
}
