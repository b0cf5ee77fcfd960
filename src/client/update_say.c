/* client/update_say.c - what an update tells on its way, and how it ends: events and sentences. */
#include <string.h>

#include "base/range.h"
#include "client/text_priv.h"
#include "client/update_priv.h"

const char *td_update_result_name(enum td_update_result result)
{
    static const char *const names[] = {
        [TD_RESULT_NONE] = "unfinished",         [TD_RESULT_UPDATED] = "updated",
        [TD_RESULT_ALREADY] = "already",         [TD_RESULT_TESTED] = "tested",
        [TD_RESULT_UPLOADED] = "uploaded",       [TD_RESULT_REFUSED] = "refused",
        [TD_RESULT_REVERTED] = "reverted",       [TD_RESULT_FAILED] = "failed",
        [TD_RESULT_UNREACHABLE] = "unreachable", [TD_RESULT_INTERRUPTED] = "interrupted",
        [TD_RESULT_CHECKED] = "checked",
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

struct td_update_entry *td_update_add_event(struct td_update *u, enum td_update_event_kind kind)
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

void td_update_say_state(struct td_update *u, enum td_update_state state)
{
    td_update_add_event(u, TD_EVENT_STATE)->arg = (uint8_t)state;
}

void td_update_note(struct td_update *u, const char *text)
{
    td_update_add_event(u, TD_EVENT_NOTE)->text = text;
}

void td_update_say_progress(struct td_update *u, uint64_t now_ms)
{
    bool last = u->n_events > 0 && last_event(u)->kind == TD_EVENT_UPLOAD;
    struct td_update_entry *e = last ? last_event(u) : td_update_add_event(u, TD_EVENT_UPLOAD);

    e->item = u->item;
    e->image = u->items[u->item].file->image;
    e->offset = u->upload.acked;
    e->size = u->items[u->item].file->src.size;
    e->rate = td_upload_rate(&u->upload, now_ms);
    u->said_ms = now_ms;
}

/* What the user should know of an upload that does not simply go on. */
void td_update_say_turns(struct td_update *u, const struct td_upload *before)
{
    const struct td_upload *now = &u->upload;
    struct td_update_entry *e;

    if (now->restarts != before->restarts)
        td_update_note(
            u, "the device lost the upload, probably by a reset; it is asked how much it kept");
    if (now->begun != before->begun && (now->went_on || now->begun > 1)) {
        e = td_update_add_event(u, TD_EVENT_RESUMED);
        e->offset = now->went_on ? now->acked : 0;
        e->size = now->cfg.src.size;
    }
    if (now->start_told && !before->start_told) {
        e = td_update_add_event(u, TD_EVENT_START);
        e->arg = (uint8_t)td_min_u32(now->start, UINT8_MAX);
        e->again = now->begun > 1;
    }
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
        .start = e->kind == TD_EVENT_START ? e->arg : 0,
        .again = e->again,
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

struct td_update_item *td_update_item_of(struct td_update *u)
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

void td_update_set_remedy(struct td_update *u, const char *remedy)
{
    struct td_text_out r = td_text_begin(u->outcome.remedy, sizeof(u->outcome.remedy));

    td_text_add(&r, remedy);
}

void td_update_set_outcome(struct td_update *u, enum td_update_result result, const char *text,
                           const char *remedy)
{
    struct td_text_out t = td_text_begin(u->outcome.text, sizeof(u->outcome.text));

    td_text_add(&t, text);
    td_update_set_remedy(u, remedy);
    u->outcome.result = result;
}

void td_update_add_text(struct td_update *u, const char *more)
{
    struct td_text_out t = outcome_text(u);

    td_text_add(&t, more);
}

void td_update_add_number(struct td_update *u, uint32_t number)
{
    struct td_text_out t = outcome_text(u);

    td_text_num(&t, number);
}

void td_update_add_version(struct td_update *u, const struct td_version *version)
{
    struct td_text_out t = outcome_text(u);

    td_text_version(&t, version);
}

void td_update_add_hash(struct td_update *u, const uint8_t *hash, size_t len)
{
    struct td_text_out t = outcome_text(u);

    td_text_hex(&t, hash, len < 8 ? len : 8);
}

void td_update_close(struct td_update *u, uint64_t now_ms)
{
    const struct td_update_item *item = td_update_item_of(u);

    if (u->done)
        return;
    u->done = true;
    u->uploading = false;
    u->outcome.image = item->file->image;
    u->outcome.hash_len = item->facts.hash_len;
    memcpy(u->outcome.hash, item->facts.hash, sizeof(u->outcome.hash));
    u->outcome.version = item->facts.image.hdr.version;
    u->outcome.seconds = (uint32_t)(now_ms - u->started_ms) / 1000;
    td_update_add_event(u, TD_EVENT_RESULT);
}

void td_update_finish(struct td_update *u, uint64_t now_ms, enum td_update_result result,
                      const char *text, const char *remedy)
{
    td_update_set_outcome(u, result, text, remedy);
    td_update_close(u, now_ms);
}

/* What a reset does to the new image, for whoever is left in the middle of an update. */
const char *td_update_what_next(const struct td_update *u)
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

void td_update_finish_failure(struct td_update *u, uint64_t now_ms, const char *what,
                              const struct td_failure *f, const char *remedy)
{
    enum td_update_result result = TD_RESULT_FAILED;

    if (f->err == TD_EREFUSED)
        result = TD_RESULT_REFUSED;
    else if (td_failure_silent(f) || f->err == TD_EGARBAGE)
        result = TD_RESULT_UNREACHABLE; // whatever answers there, it is not the device
    u->outcome.failure = *f;
    td_update_set_outcome(u, result, what, td_failure_silent(f) ? td_update_what_next(u) : remedy);
    td_update_add_text(u, ": ");
    td_update_add_text(u, td_failure_sentence(f));
    if (f->rsn[0] != '\0') {
        td_update_add_text(u, " (the device says: ");
        td_update_add_text(u, f->rsn);
        td_update_add_text(u, ")");
    }
    td_update_close(u, now_ms);
}
