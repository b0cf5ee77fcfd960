/*
 * doctor/story_session.c - whose conversation an event belongs to, where it begins, where it
 * ends, and what was never answered in it.
 *
 * Nothing is concluded from what is missing at the edges of a log: a request without answer
 * counts only when time went by, the link went down, or another session began.
 */
#include "doctor/story_priv.h"

#include <string.h>

const char *story_client_words(enum td_dialect dialect)
{
    switch (dialect) {
    case TD_DIALECT_NORDIC_ANDROID: return "the phone (Android)";
    case TD_DIALECT_NORDIC_IOS: return "the phone (iOS)";
    case TD_DIALECT_SMPMGR: return "smpmgr";
    case TD_DIALECT_MCUMGR: return "mcumgr";
    case TD_DIALECT_AUTERM: return "AuTerm";
    case TD_DIALECT_TANDEM: return "tandem";
    case TD_DIALECT_PLAIN:
    case TD_DIALECT_CLIENT:
    case TD_DIALECT_ZEPHYR:
    case TD_DIALECT_CONSOLE: break;
    }
    return "the client";
}

const char *td_story_client(enum td_dialect dialect)
{
    switch (dialect) {
    case TD_DIALECT_NORDIC_ANDROID: return "nordic-android";
    case TD_DIALECT_NORDIC_IOS: return "nordic-ios";
    case TD_DIALECT_SMPMGR: return "smpmgr";
    case TD_DIALECT_MCUMGR: return "mcumgr";
    case TD_DIALECT_AUTERM: return "auterm";
    case TD_DIALECT_TANDEM: return "tandem";
    case TD_DIALECT_CLIENT: return "other";
    case TD_DIALECT_PLAIN:
    case TD_DIALECT_ZEPHYR:
    case TD_DIALECT_CONSOLE: break;
    }
    return NULL;
}

const char *story_client(enum td_dialect dialect)
{
    const char *name = td_story_client(dialect);

    return name == NULL ? "other" : name;
}

bool story_is_client(enum td_dialect dialect)
{
    return td_story_client(dialect) != NULL;
}

/* ---- sessions ---- */

struct story_talk *story_talk_of(struct td_story *s, const struct td_event *event)
{
    enum td_dialect dialect = event->line.dialect;
    unsigned at = s->current;

    // A line without a client's dress belongs to whoever talks.
    if (!story_is_client(dialect)) {
        if (event->kind == TD_EVENT_LINE || s->talks[at].used)
            return &s->talks[at];
        dialect = TD_DIALECT_PLAIN;
    }
    for (unsigned i = 0; i < STORY_TALKS; i++)
        if (s->talks[i].used && s->talks[i].dialect == dialect) {
            s->current = i;
            return &s->talks[i];
        }
    if (event->kind == TD_EVENT_LINE)
        return &s->talks[at];
    if (s->talks[at].used)
        at = (at + 1) % STORY_TALKS;
    if (s->talks[at].used)
        story_talk_end(s, &s->talks[at]);
    memset(&s->talks[at], 0, sizeof s->talks[at]);
    s->talks[at].used = true;
    s->talks[at].dialect = dialect;
    s->current = at;
    return &s->talks[at];
}

void story_talk_begin(struct td_story *s, struct story_talk *t, const struct td_place *at,
                      int64_t time_us, bool began)
{
    enum td_dialect dialect = t->dialect;
    bool follows;

    // Nobody waits any longer for what the old session left open.
    t->late = true;
    if (t->session)
        story_talk_end(s, t);
    follows = t->reset_done;
    memset(t, 0, sizeof *t);
    t->used = true;
    t->dialect = dialect;
    t->session = ++s->sessions;
    t->began = began;
    t->follows_reset = follows;
    t->began_at = t->last_at = *at;
    t->began_us = time_us;
    t->reset_us = t->last_answer_us = t->last_request_us = t->seen_us = TD_NO_TIME;
    t->reset_mode = -1;
    t->upload.match = t->upload.magic_ok = -1;
    (void)story_act(s, ACT_SESSION, t->session, dialect, at, time_us);
}

/* ---- unanswered ---- */

void story_unanswered(struct td_story *s, struct story_talk *t, struct story_request *q)
{
    if (!q->open)
        return;
    q->open = false;
    t->n_open--;
    if (q->group == TD_SMP_GROUP_IMAGE && q->id == ID_UPLOAD) {
        struct story_attrs a = { 0 };

        story_attr(&a, "off", "%llu", (unsigned long long)q->off);
        if (t->upload.size_known)
            story_attr(&a, "size", "%llu", (unsigned long long)t->upload.size);
        story_attr(&a, "chunk", "%u", q->chunk);
        if (t->mtu > ATT_HEADER && q->chunk > t->mtu - ATT_HEADER)
            story_attr(&a, "over_mtu", "1");
        story_fact(s, "upload.timeout", &q->at, q->time_us, NULL, &a);
    }
    // A reset takes its answer with it, now and then.
    if (q->group == TD_SMP_GROUP_OS && q->id == ID_RESET && q->op == TD_SMP_WRITE)
        return;
    story_say(s, "smp.unanswered", &q->at, q->time_us, NULL, "op=%s group=%u id=%u",
              q->op == TD_SMP_READ ? "read" : "write", q->group, q->id);
}

/* Whether the log shows that nobody waited any longer. */
static bool waited(const struct story_talk *t, const struct story_request *q, int64_t now_us)
{
    return t->link_down || story_since(q->time_us, now_us) >= PATIENCE_US;
}

static void end_requests(struct td_story *s, struct story_talk *t, int64_t now_us)
{
    for (size_t i = 0; i < 256 && t->n_open > 0; i++)
        if (t->open[i].open && (t->late || waited(t, &t->open[i], now_us)))
            story_unanswered(s, t, &t->open[i]);
}

/* ---- the end of a session ---- */

void story_talk_end(struct td_story *s, struct story_talk *t)
{
    if (t->session == 0)
        return;
    end_requests(s, t, t->seen_us);
    if (t->reset_sent && t->late)
        story_reset_lost(s, t);
    story_upload_close(s, t, TD_NO_TIME, NULL);
    // Whoever comes back after a reset wants to see, not to send.
    if (t->image_talk > 0 && !t->uploaded && !t->follows_reset)
        story_mark(s, "story.nothing-uploaded", &t->began_at, t->began_us,
                   "a whole session without a byte of image");
    if (t->requests > 0 && t->answers == 0 && (t->requests > 1 || t->link_down || t->late))
        story_say(s, "story.silent", &t->began_at, t->began_us, "requests, and not one answer",
                  "requests=%u", t->requests);
    if (t->answers > 0 && t->unsupported == t->answers && t->any_main)
        story_say(s, "story.all-unsupported", &t->began_at, t->began_us,
                  "every answer is NOT_SUPPORTED (8)", "answers=%u", t->answers);
    t->session = 0;
    t->link_down = t->link_up = t->talked = false;
}
