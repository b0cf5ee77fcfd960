/* doctor/story_link.c - the connection: up, down and when, its parameters. */
#include "doctor/story_priv.h"

#include <string.h>

static void link_up(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    const char *who = story_client_words(t->dialect);
    int64_t after = t->reset_done ? story_since(t->reset_us, event->time_us) : -1;

    if (t->link_up && !t->talked)
        return;
    story_talk_begin(s, t, &event->at, event->time_us, true);
    t->link_up = true;
    story_mark(s, "link.up", &event->at, event->time_us, event->line.text);
    if (after < 0) {
        story_step(s, t->session, &event->at, event->time_us, "%s connects", who);
        return;
    }
    story_say(s, "link.back", &event->at, event->time_us, event->line.text, "after_ms=%lld",
              (long long)(after / STORY_MS));
    story_step(s, t->session, &event->at, event->time_us,
               "%s connects, %lld.%lld s after the reset", who, (long long)(after / STORY_S),
               (long long)(after % STORY_S / 100000));
}

static const char *during(const struct story_talk *t)
{
    if (t->reset_answered || t->reset_sent)
        return "after-reset";
    if (t->upload.open && !t->upload.reported)
        return t->upload.sent == 0 ? "first-chunk" : "upload";
    return t->n_open > 0 ? "request" : "idle";
}

/* A server restarts 250 ms after its answer; the link is missed a supervision time-out later. */
static bool late_for_a_reboot(const struct story_talk *t, int64_t after_us)
{
    uint32_t timeout_ms = t->supervision_ms ? t->supervision_ms : 6000;

    return after_us > ((int64_t)timeout_ms + 250 + 1500) * STORY_MS;
}

static void down_step(struct td_story *s, struct story_talk *t, const struct td_event *event,
                      const char *when)
{
    int status = event->u.link.status;
    int64_t after = story_since(t->reset_us, event->time_us);

    if (strcmp(when, "after-reset") == 0 && after >= 0)
        story_step(s, t->session, &event->at, event->time_us,
                   "the link is gone %lld.%02lld s later: %s", (long long)(after / STORY_S),
                   (long long)(after % STORY_S / 10000),
                   late_for_a_reboot(t, after) ? "longer than a reboot takes to show"
                                               : "that is the reboot");
    else if (strcmp(when, "after-reset") == 0)
        story_step(s, t->session, &event->at, event->time_us,
                   "the link is gone: that is the reboot");
    else if (status == 0 && strcmp(when, "idle") == 0)
        story_step(s, t->session, &event->at, event->time_us, "the link is closed");
    else if (status > 0)
        story_step(s, t->session, &event->at, event->time_us, "the link is lost (status %d)",
                   status);
    else
        story_step(s, t->session, &event->at, event->time_us, "the link is gone");
}

static void link_down(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    const char *when = during(t);
    int64_t after = story_since(t->last_answer_us, event->time_us);
    struct story_attrs a = { 0 };

    if (t->session == 0 || t->link_down)
        return;
    if (event->u.link.status >= 0)
        story_attr(&a, "status", "%d", event->u.link.status);
    story_attr(&a, "during", "%s", when);
    if (strcmp(when, "after-reset") == 0 &&
        late_for_a_reboot(t, story_since(t->reset_us, event->time_us)))
        story_attr(&a, "late", "1");
    if (after >= 0)
        story_attr(&a, "after_ms", "%lld", (long long)(after / STORY_MS));
    story_fact(s, "link.down", &event->at, event->time_us, event->line.text, &a);
    down_step(s, t, event, when);
    if (t->reset_sent) {
        story_reset_lost(s, t);
    }
    t->link_down = true;
    t->link_up = false;
}

static void link_params(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    const struct td_link_event *l = &event->u.link;
    int64_t quiet = story_since(t->last_request_us, event->time_us);
    // Servers with their own parameter control give them back 5 s after the last request.
    bool restored = quiet >= 4500 * STORY_MS && quiet <= 6 * STORY_S && l->interval_us > 15000;
    struct story_attrs a = { 0 };

    t->supervision_ms = l->timeout_ms;
    story_attr(&a, "interval_ms", "%u.%02u", l->interval_us / 1000, l->interval_us % 1000 / 10);
    story_attr(&a, "interval_us", "%u", l->interval_us);
    story_attr(&a, "timeout_ms", "%u", l->timeout_ms);
    if (t->upload.open && !t->upload.reported)
        story_attr(&a, "during", "upload");
    if (restored) {
        story_attr(&a, "restored", "1");
        story_step(s, t->session, &event->at, event->time_us,
                   "5 s after the last request the interval goes back to %u ms: the server "
                   "restores its connection parameters",
                   l->interval_us / 1000);
    }
    story_fact(s, "link.params", &event->at, event->time_us, event->line.text, &a);
}

void story_talk_link(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    switch (event->u.link.what) {
    case TD_LINK_UP: link_up(s, t, event); break;
    case TD_LINK_DOWN: link_down(s, t, event); break;
    case TD_LINK_MTU:
        t->mtu = event->u.link.value;
        story_say(s, "link.mtu", &event->at, event->time_us, event->line.text, "mtu=%u",
                  event->u.link.value);
        break;
    case TD_LINK_PARAMS: link_params(s, t, event); break;
    }
}
