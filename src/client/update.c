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

#include "client/update_priv.h"

#define DOWN_LIMIT_MS 60000 /* a link may be gone so long outside of a reset */
#define NEVER_UP_MS   3000  /* the same where nothing was ever heard */
#define LEAST_WAIT_MS 60000
#define PROGRESS_MS   200

/* ---- steps: moving on ------------------------------------------------------------------ */

void td_update_go(struct td_update *u, enum td_update_step step)
{
    u->step = (uint8_t)step;
    u->entered = false;
    u->wake_ms = 0;
}

void td_update_go_at(struct td_update *u, enum td_update_step step, uint64_t at_ms)
{
    td_update_go(u, step);
    u->wake_ms = at_ms;
}

void td_update_ask(struct td_update *u, uint64_t now_ms, const struct td_request *req)
{
    td_call_start(&u->call, &u->session, req, now_ms);
    u->entered = true;
}

void td_update_ask_kind(struct td_update *u, uint64_t now_ms, enum td_request_kind kind, bool probe)
{
    struct td_request req = { .kind = kind, .probe = probe };

    td_update_ask(u, now_ms, &req);
}

static void ask_hash(struct td_update *u, uint64_t now_ms, enum td_request_kind kind)
{
    const struct td_update_item *item = td_update_item_of(u);
    struct td_request req = { .kind = kind, .hash_len = item->facts.hash_len };

    memcpy(req.hash, item->facts.hash, sizeof(req.hash));
    td_update_ask(u, now_ms, &req);
}

/* ---- the machine ----------------------------------------------------------------------- */

static void enter(struct td_update *u, uint64_t now_ms)
{
    struct td_request req = { .probe = true };

    switch ((enum td_update_step)u->step) {
    case STEP_PARAMS: td_update_ask_kind(u, now_ms, TD_REQ_PARAMS, true); break;
    case STEP_LIST:
    case STEP_ERASED:
    case STEP_UPLOADED:
    case STEP_MARKED:
    case STEP_CONFIRMED: td_update_ask_kind(u, now_ms, TD_REQ_IMAGE_LIST, false); break;
    case STEP_MODE:
        req.kind = TD_REQ_BOOTLOADER;
        req.text = TD_TEXT("mode");
        td_update_ask(u, now_ms, &req);
        break;
    case STEP_SLOTS: td_update_ask_kind(u, now_ms, TD_REQ_SLOT_INFO, true); break;
    case STEP_ACCEPTS:
        req.kind = TD_REQ_ACCEPTS;
        req.off = u->device.is_tandem ? u->device.accepts.next : 0;
        td_update_ask(u, now_ms, &req);
        break;
    case STEP_B0: td_update_ask_b0(u, now_ms); break;
    case STEP_SEEN: td_update_ask_kind(u, now_ms, TD_REQ_WHY, true); break;
    case STEP_DECIDE: td_update_decide(u, now_ms); break;
    case STEP_NEXT: td_update_next_item(u, now_ms); break;
    case STEP_ERASE: td_update_ask_erase(u, now_ms); break;
    case STEP_UPLOAD: td_update_start_upload(u, now_ms); break;
    case STEP_MARK:
        td_update_say_state(u, TD_STATE_TEST);
        ask_hash(u, now_ms,
                 u->cfg.mode == TD_UPDATE_CONFIRM ? TD_REQ_IMAGE_CONFIRM : TD_REQ_IMAGE_TEST);
        break;
    case STEP_STORAGE: td_update_ask_kind(u, now_ms, TD_REQ_STORAGE_ERASE, false); break;
    case STEP_RESET: td_update_ask_reset(u, now_ms); break;
    case STEP_POLL: td_update_ask_kind(u, now_ms, TD_REQ_IMAGE_LIST, true); break;
    case STEP_STAGE:
        if (u->device.is_tandem)
            td_update_ask_kind(u, now_ms, TD_REQ_ACCEPTS, true);
        else
            td_update_ask_b0(u, now_ms);
        break;
    case STEP_CONFIRM: td_update_ask_confirm(u, now_ms); break;
    case STEP_WHY: td_update_ask_kind(u, now_ms, TD_REQ_WHY, false); break;
    }
}

static void got_reply(struct td_update *u, uint64_t now_ms)
{
    const struct td_reply *r = &u->call.reply;

    u->entered = false;
    switch ((enum td_update_step)u->step) {
    case STEP_PARAMS: td_update_got_params(u, r); break;
    case STEP_LIST:
        if (td_update_take_list(u, now_ms, r))
            td_update_go(u, STEP_MODE);
        break;
    case STEP_MODE: td_update_got_mode(u, r); break;
    case STEP_SLOTS: td_update_got_slots(u, r); break;
    case STEP_ACCEPTS: td_update_got_accepts(u, r); break;
    case STEP_B0: td_update_got_b0(u, r); break;
    case STEP_SEEN: td_update_got_seen(u, r); break;
    case STEP_ERASE: td_update_got_erase(u, now_ms, r); break;
    case STEP_ERASED: td_update_got_erased(u, now_ms, r); break;
    case STEP_UPLOADED: td_update_got_uploaded(u, now_ms, r); break;
    case STEP_MARK: td_update_got_mark(u, now_ms, r); break;
    case STEP_MARKED: td_update_got_marked(u, now_ms, r); break;
    case STEP_STORAGE: td_update_got_storage(u, r); break;
    case STEP_RESET: td_update_got_reset(u, now_ms, &r->failure); break;
    case STEP_POLL: td_update_got_poll(u, now_ms, r); break;
    case STEP_STAGE: td_update_got_stage(u, now_ms, r); break;
    case STEP_CONFIRM: td_update_got_confirm(u, now_ms, r); break;
    case STEP_CONFIRMED: td_update_got_confirmed(u, now_ms, r); break;
    case STEP_WHY: td_update_got_why(u, now_ms, r); break;
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
        td_update_finish(u, now_ms, TD_RESULT_FAILED, "one to four files can be sent in one update",
                         "");
        return;
    }
    read_files(u);
    td_update_go(u, STEP_PARAMS);
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
            td_update_finish_gone(u, now_ms);
    } else if (now_ms - u->down_ms >= down_limit_ms(u)) {
        td_update_finish_failure(u, now_ms,
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
                td_update_say_progress(u, now_ms);
            if (!td_upload_done(&u->upload))
                return len;
            td_update_upload_done(u, now_ms);
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
    struct td_upload before;

    if (u->done)
        return;
    u->heard = u->heard_ever = true;
    if (u->uploading) {
        before = u->upload;
        td_upload_receive(&u->upload, now_ms, buf, len);
        td_update_say_turns(u, &before);
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

        td_update_got_reset(u, now_ms, &gone);
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
    td_update_finish(u, now_ms, TD_RESULT_INTERRUPTED,
                     "the update was interrupted; the device is left sane", td_update_what_next(u));
}
