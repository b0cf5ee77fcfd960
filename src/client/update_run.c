/*
 * client/update_run.c - reset, wait, verify, confirm; and why, where it did not work.
 *
 * A link that goes, an answer that never comes: good news here. What counts is what comes back.
 */
#include <string.h>

#include "client/update_priv.h"
#include "smp/error.h"

#define FIRST_POLL_MS 400 /* a device answers a reset, and resets a quarter of a second later */
#define POLL_MS       500
#define UNCHANGED_MS  5000 /* a list that stays the same so long after a reset is the answer */
#define MAX_RESETS    5
#define MAX_CONFIRMS  3

/* ---- reset and what comes of it -------------------------------------------------------- */

void td_update_got_storage(struct td_update *u, const struct td_reply *r)
{
    u->settings_done = true;
    if (td_failure_unsupported(&r->failure))
        td_update_note(
            u, "settings were not erased: the firmware was built without that; it does no harm");
    else if (r->failure.err != TD_OK)
        td_update_note(u, "settings were not erased: the device could not; the update goes on");
    else
        td_update_note(u, "settings and bonds were erased");
    td_update_go(u, STEP_RESET);
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

void td_update_ask_reset(struct td_update *u, uint64_t now_ms)
{
    u->before = u->device.list;
    u->n_resets++;
    u->saw_silence = false;
    u->reset_ms = now_ms;
    td_update_say_state(u, TD_STATE_RESET);
    if (u->n_resets > 1)
        ask_decoy(u, now_ms);
    td_update_ask_kind(u, now_ms, TD_REQ_RESET, false);
}

void td_update_got_reset(struct td_update *u, uint64_t now_ms, const struct td_failure *f)
{
    if (f->err == TD_EREFUSED) {
        td_update_finish_failure(
            u, now_ms, "the device refuses to reset", f,
            "try again later, or: tandem os reset --force. The new image starts with "
            "the next reset, whatever causes it");
        return;
    }
    // Many devices are gone before their answer is; what counts is what comes back.
    u->reset_answered = f->err == TD_OK;
    u->reset_ms = now_ms;
    if (u->n_resets == 1)
        td_update_say_state(u, TD_STATE_WAIT);
    td_update_go_at(u, STEP_POLL, now_ms + FIRST_POLL_MS);
}

/* The first image that does not run; NULL when all do. */
static struct td_update_item *not_running(struct td_update *u)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++) {
        const struct td_image_state *here = td_update_new_image(u, &u->items[i]);

        if (td_update_stage_slot(u, &u->items[i]) >= 0) {
            if (!td_update_stage_runs(u, &u->items[i]))
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
    const struct td_image_state *here = td_update_new_image(u, item);
    const struct td_image_state *active = td_states_active(&u->device.list, item->file->image);
    const struct td_image_state *was = td_states_active(&u->before, item->file->image);

    if (td_update_stage_slot(u, item) >= 0) {
        td_update_set_outcome(
            u, TD_RESULT_REFUSED, "the first stage still boots the old second stage",
            u->device.is_tandem ? "see tandem why, and the console of the first stage"
                                : "check that the file is the one for the slot that does not run, "
                                  "its key, and that its version is higher; see the console of "
                                  "the first stage");
        td_update_add_text(u, u->device.is_tandem     ? ", version "
                              : u->device.b0_now == 0 ? ", in S0"
                                                      : ", in S1");
        if (u->device.is_tandem)
            td_update_add_number(u, u->device.accepts.stage.version);
    } else if (active != NULL && was != NULL && active->hash_len > 0 &&
               (active->hash_len != was->hash_len ||
                memcmp(active->hash, was->hash, was->hash_len) != 0)) {
        td_update_set_outcome(u, TD_RESULT_FAILED,
                              "the device runs neither the old nor the new image, but ",
                              "look at what wrote that image; then run this update again");
        td_update_add_hash(u, active->hash, active->hash_len);
    } else if (item->unmarkable) {
        td_update_set_outcome(
            u, TD_RESULT_REFUSED,
            "the device runs the old image: its bootloader did not choose the new one",
            "where the highest version runs, raise the version; else check signature, "
            "address and slot of the build");
    } else if (here != NULL && here->pending) {
        td_update_set_outcome(
            u, TD_RESULT_REFUSED,
            "the device was reset, runs the old image, and the new one is pending still. "
            "A bootloader that dislikes an image drops it; one that leaves it pending had "
            "no room to swap, sees other partitions, or never ran",
            "compare the sizes of both images with the slot less two or three sectors, "
            "and the partitions of firmware and bootloader; then: tandem image erase");
    } else if (here != NULL) {
        td_update_set_outcome(
            u, TD_RESULT_REVERTED,
            "the new image was started and the old one runs again: it was reset before it "
            "could be confirmed",
            "look for a crash, a hang or a watchdog in its first seconds; the image still "
            "lies in the second slot");
    } else {
        td_update_set_outcome(
            u, TD_RESULT_REFUSED,
            "the device runs the old image, and the new one is gone from the second slot: "
            "its bootloader refused it and erased it",
            "most likely it is signed with another key than the bootloader's, its version is "
            "older and downgrades are forbidden, or it was damaged on a link without checksums; "
            "compare the key with: tandem inspect FILE");
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

        if (!is_new_verdict(u, v) || v->kind == TD_VERDICT_NOTE || v->image != item->file->image)
            continue;
        if (memcmp(v->hash, item->facts.hash, sizeof(v->hash)) == 0)
            return v;
        if (any == NULL)
            any = v;
    }
    return any;
}

void td_update_got_why(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_verdict *v =
        r->failure.err == TD_OK ? verdict_of(u, td_update_item_of(u), &r->of.why) : NULL;

    infer(u, td_update_item_of(u));
    if (v != NULL) {
        enum td_update_result result = u->outcome.result;

        if (v->kind == TD_VERDICT_REFUSAL)
            result = TD_RESULT_REFUSED;
        else if (v->kind == TD_VERDICT_REVERT)
            result = TD_RESULT_REVERTED;
        td_update_set_outcome(u, result,
                              "the device's bootloader says: ", td_verdict_remedy(v->code));
        td_update_add_text(u, td_verdict_sentence(v->code));
        u->outcome.verdict = v->code;
        u->outcome.facts = *v;
    }
    td_update_close(u, now_ms);
}

static void finish_not_running(struct td_update *u, uint64_t now_ms, struct td_update_item *item)
{
    u->item = (uint8_t)(item - u->items);
    if (u->device.has_verdicts) {
        td_update_go(u, STEP_WHY);
        return;
    }
    infer(u, item);
    td_update_close(u, now_ms);
}

void td_update_finish_gone(struct td_update *u, uint64_t now_ms)
{
    td_update_set_outcome(u, TD_RESULT_UNREACHABLE, "the device did not come back within ",
                          td_update_what_next(u));
    td_update_add_number(u, u->wait_ms / 1000);
    td_update_add_text(u, " s after its reset");
    if (td_update_is_mode(u, TD_MODE_OVERWRITE) || u->cfg.mode == TD_UPDATE_CONFIRM)
        td_update_add_text(
            u, "; the new image was installed for good, there is no way back to the old one");
    else if (td_update_has_trials(u))
        td_update_add_text(
            u, "; it may still swap, or the new image runs without SMP: then its next reset "
               "brings the old one back");
    td_update_close(u, now_ms);
}

static void poll_again(struct td_update *u, uint64_t now_ms)
{
    if (now_ms - u->reset_ms >= u->wait_ms)
        td_update_finish_gone(u, now_ms);
    else
        td_update_go_at(u, STEP_POLL, now_ms + POLL_MS);
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
        td_update_go_at(u, STEP_POLL, now_ms + POLL_MS);
    } else if (!u->reset_answered && u->n_resets < MAX_RESETS) {
        // Nobody knows whether the reset arrived, and nothing has changed: once more. Silence
        // since then proves nothing, as the link may have lost that answer too.
        td_update_go(u, STEP_RESET);
    } else if (u->reset_answered || u->saw_silence) {
        td_update_say_state(u, TD_STATE_VERIFY);
        finish_not_running(u, now_ms, not_running(u));
    } else {
        td_update_finish(
            u, now_ms, TD_RESULT_FAILED,
            "the device answers, but not to a reset, and it runs the old image",
            "reset by hand: the new image is marked and starts then. Run the same update again "
            "to see it through");
    }
}

static bool sends_stage(const struct td_update *u)
{
    for (uint8_t i = 0; i < u->cfg.n_files; i++)
        if (td_update_stage_slot(u, &u->items[i]) >= 0)
            return true;
    return false;
}

/* No list shows a second stage: the device says which one runs. */
void td_update_got_stage(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    bool told = r->failure.err == TD_OK &&
                (u->device.is_tandem ? r->of.accepts.has_stage : r->of.bootloader.has_active);

    if (!told) {
        u->saw_silence |= td_failure_silent(&r->failure);
        poll_again(u, now_ms);
        return;
    }
    if (u->device.is_tandem)
        u->device.accepts.stage = r->of.accepts.stage;
    else
        u->device.b0_now = r->of.bootloader.active;
    td_update_say_state(u, TD_STATE_VERIFY);
    if (not_running(u) == NULL)
        td_update_go(u, STEP_CONFIRM);
    else
        finish_not_running(u, now_ms, not_running(u));
}

void td_update_got_poll(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    if (r->failure.err != TD_OK) {
        u->saw_silence |= td_failure_silent(&r->failure);
        poll_again(u, now_ms);
        return;
    }
    u->device.list = r->of.images;
    if (sends_stage(u) && !td_update_same_list(&u->before, &u->device.list)) {
        td_update_go(u, STEP_STAGE);
    } else if (not_running(u) == NULL) {
        td_update_say_state(u, TD_STATE_VERIFY);
        td_update_go(u, STEP_CONFIRM);
    } else if (td_update_same_list(&u->before, &u->device.list)) {
        got_unchanged(u, now_ms);
    } else {
        td_update_say_state(u, TD_STATE_VERIFY);
        finish_not_running(u, now_ms, not_running(u));
    }
}

/* ---- confirm --------------------------------------------------------------------------- */

void td_update_ask_confirm(struct td_update *u, uint64_t now_ms)
{
    const struct td_image_state *here;
    struct td_request req = { .kind = TD_REQ_IMAGE_CONFIRM, .empty_hash = u->empty_hash };

    for (u->item = 0; u->item < u->cfg.n_files; u->item++) {
        here = td_update_new_image(u, td_update_item_of(u));
        if (td_update_stage_slot(u, td_update_item_of(u)) < 0 && here != NULL && !here->confirmed)
            break;
    }
    if (u->item == u->cfg.n_files && sends_stage(u)) {
        td_update_finish_stage(u, now_ms);
        return;
    }
    if (u->item == u->cfg.n_files) {
        td_update_finish_running(u, now_ms, true);
        return;
    }
    if (u->cfg.mode == TD_UPDATE_TEST || !td_update_has_trials(u)) {
        td_update_finish_running(u, now_ms, false);
        return;
    }
    if (u->n_confirms == 0)
        td_update_say_state(u, TD_STATE_CONFIRM);
    u->n_confirms++;
    // Without a hash the image that runs is confirmed, so never one that waits to be tried.
    if (td_update_item_of(u)->file->image > 0) {
        req.hash_len = td_update_item_of(u)->facts.hash_len;
        memcpy(req.hash, td_update_item_of(u)->facts.hash, sizeof(req.hash));
        req.empty_hash = false;
    }
    td_update_ask(u, now_ms, &req);
}

void td_update_got_confirm(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_failure *f = &r->failure;

    if (f->err == TD_OK) {
        td_update_go(u, STEP_CONFIRMED);
    } else if (f->err == TD_EREFUSED && f->code == TD_SMP_RC_INVALID && !f->by_group &&
               !u->empty_hash) {
        u->empty_hash = true;
        td_update_go(u, STEP_CONFIRM);
    } else if (td_failure_unsupported(f) && !u->device.mode_known) {
        td_update_finish_running(u, now_ms, false);
    } else if (td_failure_silent(f)) {
        // It ran a moment ago: it crashed, or the answer was lost. Its list tells which.
        u->saw_silence = true;
        u->reset_ms = now_ms;
        u->before = u->device.list;
        u->n_resets = MAX_RESETS;
        td_update_go_at(u, STEP_POLL, now_ms + POLL_MS);
    } else {
        td_update_finish_failure(
            u, now_ms, "the device runs the new image on trial, but cannot confirm it", f,
            "unless it is confirmed, the next reset brings the old one back: tandem "
            "image confirm");
    }
}

void td_update_got_confirmed(struct td_update *u, uint64_t now_ms, const struct td_reply *r)
{
    const struct td_image_state *here;

    if (td_failure_silent(&r->failure)) {
        u->saw_silence = true;
        u->reset_ms = now_ms;
        td_update_go_at(u, STEP_POLL, now_ms + POLL_MS);
        return;
    }
    if (!td_update_take_list(u, now_ms, r))
        return;
    if (not_running(u) != NULL) {
        finish_not_running(u, now_ms, not_running(u));
        return;
    }
    here = td_update_new_image(u, td_update_item_of(u));
    if (here != NULL && !here->confirmed && u->n_confirms >= MAX_CONFIRMS + u->cfg.n_files)
        td_update_finish(
            u, now_ms, TD_RESULT_FAILED,
            "the device says that it confirmed the image, but its list shows it unconfirmed",
            "the flash may not take the mark; the next reset brings the old image back");
    else
        td_update_go(u, STEP_CONFIRM);
}
