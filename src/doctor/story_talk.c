/*
 * doctor/story_talk.c - one conversation: which answer belongs to which request, and what was
 * asked, answered and refused.
 *
 * A log may begin and end anywhere, so nothing is concluded from what is missing at its edges:
 * an answer without request is foreign only where the log holds the beginning, a request
 * without answer counts only when time went by or the link went down.
 */
#include "doctor/story_priv.h"

#include <stdio.h>
#include <string.h>

#include "slot/room.h"
#include "smp/error.h"

/* ---- requests ---- */

static const char *op_name(uint8_t op)
{
    return (op & ~1u) == TD_SMP_READ ? "read" : "write";
}

static void read_mark(struct story_request *q, const json_t *body)
{
    const json_t *hash = json_object_get(body, "hash");

    q->confirm = json_is_true(json_object_get(body, "confirm"));
    story_hash(hash, q->hash);
    q->own = q->hash[0] == '\0' && q->confirm && body != NULL;
}

static void request_step(struct td_story *s, struct story_talk *t, const struct story_request *q)
{
    const char *who = story_client_words(t->dialect);
    char text[128] = "";

    if (q->group == TD_SMP_GROUP_BASIC && q->op == TD_SMP_WRITE)
        snprintf(text, sizeof text, "asks to erase the settings (group 63)");
    else if (q->group == TD_SMP_GROUP_OS && q->id == ID_RESET && q->op == TD_SMP_WRITE)
        snprintf(text, sizeof text, "asks for a reset");
    else if (q->group == TD_SMP_GROUP_IMAGE && q->id == ID_ERASE && q->op == TD_SMP_WRITE)
        snprintf(text, sizeof text, "asks to erase the other slot");
    else if (q->group == TD_SMP_GROUP_IMAGE && q->id == ID_STATE && q->op == TD_SMP_WRITE) {
        if (q->own)
            snprintf(text, sizeof text, "confirms the running image");
        else
            snprintf(text, sizeof text, "asks to %s %s", q->confirm ? "confirm" : "test",
                     q->hash[0] ? q->hash : "an image");
    }
    if (text[0])
        story_step(s, t->session, &q->at, q->time_us, "%s %s", who, text);
}

static void take_reset(struct story_talk *t, const struct story_request *q, const json_t *body)
{
    const json_t *mode = json_object_get(body, "boot_mode");
    const json_t *force = json_object_get(body, "force");

    t->reset_mode = json_is_integer(mode) ? (int)(json_integer_value(mode) & 0xff) : -1;
    t->reset_force = json_is_true(force) || json_integer_value(force) > 0;
    t->reset_sent = true;
    t->reset_answered = false;
    t->reset_at = q->at;
    t->reset_us = q->time_us;
}

static void drop_same_kind(struct td_story *s, struct story_talk *t,
                           const struct td_smp_header *hdr)
{
    for (size_t i = 0; i < 256 && t->n_open > 0; i++) {
        struct story_request *q = &t->open[i];

        if (q->open && q->group == hdr->group && q->id == hdr->id && q->op == hdr->op)
            story_unanswered(s, t, q);
    }
}

static void take_request(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    const struct td_message *m = &event->u.message;
    const struct td_smp_header *hdr = &m->hdr;
    struct story_request *q = &t->open[hdr->seq];
    bool image = hdr->group == TD_SMP_GROUP_IMAGE;

    if (!(image && hdr->id == ID_UPLOAD))
        drop_same_kind(s, t, hdr);
    story_unanswered(s, t, q);
    *q = (struct story_request){ .open = true,
                                 .op = hdr->op,
                                 .id = hdr->id,
                                 .group = hdr->group,
                                 .at = event->at,
                                 .time_us = event->time_us };
    t->n_open++;
    t->requests++;
    t->reset_answered = false; // it talks again: whatever comes is not that reset's doing
    t->image_talk += image;
    story_say(s, "smp.request", &event->at, event->time_us, event->line.text,
              "op=%s group=%u id=%u", op_name(hdr->op), hdr->group, hdr->id);
    if (image && hdr->id == ID_STATE && hdr->op == TD_SMP_WRITE)
        read_mark(q, m->body);
    if (image && hdr->id == ID_UPLOAD && hdr->op == TD_SMP_WRITE)
        story_upload_request(s, t, q, event);
    if (hdr->group == TD_SMP_GROUP_OS && hdr->id == ID_RESET && hdr->op == TD_SMP_WRITE) {
        take_reset(t, q, m->body);
    }
    request_step(s, t, q);
    t->last_request_us = event->time_us;
}

/* ---- answers ---- */

struct outcome {
    bool known, refused, of_group;
    uint32_t code;
    char text[200]; /* "NOT_SUPPORTED (8), the device's ..." */
    char attr[40];  /* "rc=8", "err=28 err_group=1" */
};

static const char *bare(const char *name)
{
    static const char *const prefixes[] = { "TD_SMP_RC_", "TD_IMG_", "TD_OS_", "TD_BASIC_",
                                            "TD_TANDEM_" };

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return name + strlen(prefixes[i]);
    return name;
}

static uint32_t code_of(const json_t *value)
{
    json_int_t n = json_integer_value(value);

    return n < 0 || n > 0xffff ? 0xffff : (uint32_t)n;
}

static struct outcome outcome_of(const struct td_message *m)
{
    const json_t *err = json_object_get(m->body, "err");
    const json_t *rc = json_object_get(m->body, "rc");
    struct outcome o = { 0 };
    struct td_smp_status status = { 0 };

    o.known = json_is_object(m->body);
    if (json_is_object(err)) {
        o.of_group = status.of_group = true;
        status.group = (uint16_t)code_of(json_object_get(err, "group"));
        status.code = o.code = code_of(json_object_get(err, "rc"));
        snprintf(o.attr, sizeof o.attr, "err=%u err_group=%u", o.code, status.group);
    } else if (json_is_integer(rc)) {
        status.code = o.code = code_of(rc);
        snprintf(o.attr, sizeof o.attr, "rc=%u", o.code);
    }
    o.refused = o.code != 0;
    if (!o.refused)
        o.attr[0] = '\0';
    snprintf(o.text, sizeof o.text, "%s (%u), %s", bare(td_smp_status_name(&status)), o.code,
             td_smp_status_text(&status));
    return o;
}

static void add_outcome(struct story_attrs *a, const struct outcome *o)
{
    size_t n = strlen(a->text);

    if (!o->attr[0])
        return;
    snprintf(a->text + n, sizeof a->text - n, "%s%s", n ? " " : "", o->attr);
    a->len = strlen(a->text);
}

static void answer_fact(struct td_story *s, const struct td_event *event,
                        const struct story_request *q, const struct outcome *o)
{
    const struct td_smp_header *hdr = &event->u.message.hdr;
    int64_t after = story_since(q->time_us, event->time_us);
    struct story_attrs a = { 0 };

    story_attr(&a, "op", "%s", op_name(hdr->op));
    story_attr(&a, "group", "%u", hdr->group);
    story_attr(&a, "id", "%u", hdr->id);
    add_outcome(&a, o);
    if (o->known && !o->refused)
        story_attr(&a, "ok", "1");
    // Each time would be a fact of its own; those of a prompt answer say nothing.
    if (q->open && after >= 500 * STORY_MS)
        story_attr(&a, "after_ms", "%lld", (long long)(after / STORY_MS));
    story_fact(s, "smp.answer", &event->at, event->time_us, event->line.text, &a);
}

static void take_params(struct td_story *s, const struct td_event *event)
{
    const json_t *body = event->u.message.body;
    json_int_t size = json_integer_value(json_object_get(body, "buf_size"));
    json_int_t count = json_integer_value(json_object_get(body, "buf_count"));

    if (size <= 0)
        return;
    story_say(s, "params", &event->at, event->time_us, event->line.text,
              "buf_size=%lld buf_count=%lld", (long long)size, (long long)count);
}

static void take_bootloader(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    const json_t *body = event->u.message.body;
    const char *name = json_string_value(json_object_get(body, "bootloader"));
    const json_t *mode = json_object_get(body, "mode");
    const json_t *no_downgrade = json_object_get(body, "no-downgrade");
    const json_t *active = json_object_get(body, "active");
    struct story_attrs a = { 0 };

    if (name)
        story_attr_text(&a, "name", name);
    if (json_is_integer(mode)) {
        json_int_t n = json_integer_value(mode);
        const char *known;

        s->mode = n >= 0 && n < 64 ? (int)n : -1;
        known = s->mode < 0 ? NULL : td_mode_name((enum td_strategy_id)s->mode);
        story_attr(&a, "mode", "%d", s->mode);
        story_step(s, t->session, &event->at, event->time_us, "the bootloader's mode is %d: %s",
                   s->mode, known ? known : "one without a name");
    }
    if (json_is_integer(active))
        story_attr(&a, "active", "%lld", (long long)json_integer_value(active));
    if (json_is_boolean(no_downgrade))
        story_attr(&a, "no_downgrade", "%d", json_is_true(no_downgrade));
    if (a.len)
        story_fact(s, "bootloader", &event->at, event->time_us, event->line.text, &a);
}

void story_talk_list(struct td_story *s, struct story_talk *t, const struct story_list *list,
                     const struct td_place *at, int64_t time_us)
{
    struct story_act *act;
    char words[400];
    bool same = t->has_list && story_list_same(&t->list, list);

    t->list = *list;
    t->has_list = true;
    t->talked = true;
    if (same && !t->sent_since_list) {
        story_step(s, t->session, at, time_us, "the device lists the same as before");
        return;
    }
    act = story_act(s, ACT_LIST, t->session, t->dialect, at, time_us);
    act->list = *list;
    t->sent_since_list = false;
    story_list_words(list, words, sizeof words);
    story_step(s, t->session, at, time_us, "the device lists %s", words);
}

static void mark_step(struct td_story *s, struct story_talk *t, const struct td_event *event,
                      const struct story_request *q, const struct story_slot *after, bool changed)
{
    if (q->confirm && !q->own && after && after->pending && !after->permanent)
        story_step(s, t->session, &event->at, event->time_us,
                   "answered with success, yet %s is %s pending and not permanent", after->hash,
                   changed ? "now" : "still");
    else if (after)
        story_step(s, t->session, &event->at, event->time_us, "done: %s is %s%s%s", after->hash,
                   after->pending     ? "pending"
                   : after->confirmed ? "confirmed"
                                      : "not pending",
                   after->permanent ? ", permanent" : "", changed ? "" : ", as before");
}

static void take_mark(struct td_story *s, struct story_talk *t, const struct td_event *event,
                      const struct story_request *q, const struct outcome *o)
{
    struct story_list list;
    bool listed = story_list_read(event->u.message.body, &list);
    const struct story_slot *before = t->has_list ? story_list_hash(&t->list, q->hash) : NULL;
    const struct story_slot *after = listed ? story_list_hash(&list, q->hash) : NULL;
    bool comparable = listed && t->has_list;
    bool changed = comparable && !story_list_same(&t->list, &list);
    struct story_attrs a = { 0 };
    struct story_act *act;

    if (q->own) {
        before = t->has_list ? story_list_active(&t->list, 0) : NULL;
        after = listed ? story_list_active(&list, 0) : NULL;
    }
    story_attr(&a, "kind", "%s", q->confirm ? "confirm" : "test");
    if (q->hash[0])
        story_attr(&a, "hash", "%s", q->hash);
    story_attr(&a, "own", "%d", q->own);
    if (before)
        story_attr(&a, "pending_before", "%d", before->pending);
    if (after) {
        story_attr(&a, "pending_after", "%d", after->pending);
        story_attr(&a, "permanent_after", "%d", after->permanent);
    }
    if (comparable)
        story_attr(&a, "changed", "%d", changed);
    add_outcome(&a, o);
    story_fact(s, "state.write", &event->at, event->time_us, event->line.text, &a);

    act = story_act(s, ACT_MARK, t->session, t->dialect, &event->at, event->time_us);
    act->confirm = q->confirm;
    act->own = q->own;
    act->done = o->known && !o->refused;
    act->changed = changed;
    memcpy(act->hash, q->hash, sizeof act->hash);
    if (listed)
        act->list = list;
    // Newer servers refuse what older ones answer with success and without doing it.
    if (q->confirm && !q->own && before && before->pending && !before->permanent) {
        if (o->refused && (o->code == TD_IMG_ALREADY_PENDING || o->code == TD_SMP_RC_BAD_STATE))
            story_say(s, "server", &event->at, event->time_us, event->line.text, "generation=new");
        else if (!o->refused && after && !after->permanent)
            story_say(s, "server", &event->at, event->time_us, event->line.text, "generation=old");
    }
    if (!o->refused)
        mark_step(s, t, event, q, after, changed);
    if (listed) {
        t->list = list;
        t->has_list = true;
    }
}

static void reset_done(struct td_story *s, struct story_talk *t, const struct td_place *at,
                       int64_t time_us)
{
    struct story_act *act = story_act(s, ACT_RESET, t->session, t->dialect, at, time_us);

    act->done = t->reset_answered;
    t->reset_done = true;
    t->has_list = false; // whatever it shows next, the reset lies between
}

static void reset_fact(struct td_story *s, const struct story_talk *t, const struct td_place *at,
                       int64_t time_us, const char *quote, const struct outcome *o)
{
    struct story_attrs a = { 0 };

    story_attr(&a, "answered", "%d", o != NULL);
    if (t->reset_mode >= 0)
        story_attr(&a, "boot_mode", "%d", t->reset_mode);
    if (t->reset_force)
        story_attr(&a, "force", "1");
    if (o)
        add_outcome(&a, o);
    story_fact(s, "reset", at, time_us, quote, &a);
}

/* No answer came, and what followed says that it happened. */
void story_reset_lost(struct td_story *s, struct story_talk *t)
{
    t->reset_sent = false;
    reset_fact(s, t, &t->reset_at, t->reset_us, NULL, NULL);
    reset_done(s, t, &t->reset_at, t->reset_us);
}

static void take_reset_answer(struct td_story *s, struct story_talk *t,
                              const struct td_event *event, const struct outcome *o)
{
    reset_fact(s, t, &event->at, event->time_us, event->line.text, o);
    t->reset_sent = false;
    if (o->refused)
        return;
    t->reset_answered = true;
    t->reset_us = event->time_us;
    story_step(s, t->session, &event->at, event->time_us, "reset accepted");
    reset_done(s, t, &event->at, event->time_us);
}

static void take_storage(struct td_story *s, const struct td_event *event, const struct outcome *o)
{
    struct story_attrs a = { 0 };

    add_outcome(&a, o);
    if (o->known && !o->refused)
        story_attr(&a, "ok", "1");
    if (a.len)
        story_fact(s, "storage.erase", &event->at, event->time_us, event->line.text, &a);
}

static void take_image(struct td_story *s, struct story_talk *t, const struct td_event *event,
                       const struct story_request *q, const struct outcome *o)
{
    const struct td_smp_header *hdr = &event->u.message.hdr;
    struct story_list list;

    if (hdr->id == ID_STATE && hdr->op == TD_SMP_WRITE_RSP)
        take_mark(s, t, event, q, o);
    else if (hdr->id == ID_STATE && story_list_read(event->u.message.body, &list))
        story_talk_list(s, t, &list, &event->at, event->time_us);
    else if (hdr->id == ID_UPLOAD && hdr->op == TD_SMP_WRITE_RSP)
        story_upload_answer(s, t, q, event, o->refused ? o->attr : NULL);
    else if (hdr->id == ID_ERASE && hdr->op == TD_SMP_WRITE_RSP && o->known && !o->refused)
        (void)story_act(s, ACT_ERASE, t->session, t->dialect, &event->at, event->time_us);
}

/* Buffers, bootloader and platform are asked for by newer clients, and not told by many servers. */
static bool every_server_has(const struct td_smp_header *hdr)
{
    return hdr->group == TD_SMP_GROUP_IMAGE ||
           (hdr->group == TD_SMP_GROUP_OS && hdr->id < ID_PARAMS);
}

static void take_answer(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    const struct td_message *m = &event->u.message;
    const struct td_smp_header *hdr = &m->hdr;
    struct story_request *q = &t->open[hdr->seq];
    struct story_request of = { .time_us = TD_NO_TIME };
    struct outcome o = outcome_of(m);
    bool its = q->group == hdr->group && q->id == hdr->id && q->op + 1 == hdr->op;

    if (its && q->answered)
        return; // the same answer twice: a link that repeats, or a log that does
    if (its && q->open) {
        of = *q;
        q->open = false;
        q->answered = true;
        t->n_open--;
    } else if (t->began && t->requests > 0) {
        story_say(s, "smp.foreign", &event->at, event->time_us, event->line.text,
                  "op=%s group=%u id=%u", op_name(hdr->op), hdr->group, hdr->id);
    }
    t->answers++;
    t->image_talk += hdr->group == TD_SMP_GROUP_IMAGE;
    t->any_main = t->any_main || every_server_has(hdr);
    t->unsupported += !o.of_group && o.code == TD_SMP_RC_NOT_SUPPORTED;
    answer_fact(s, event, &of, &o);
    if (o.of_group && o.refused)
        story_say(s, "server", &event->at, event->time_us, event->line.text, "smp=2");
    if (o.refused)
        story_step(s, t->session, &event->at, event->time_us, "refused: %s", o.text);
    if (hdr->group == TD_SMP_GROUP_OS) {
        if (hdr->id == ID_PARAMS)
            take_params(s, event);
        else if (hdr->id == ID_BOOTLOADER)
            take_bootloader(s, t, event);
        else if (hdr->id == ID_RESET && hdr->op == TD_SMP_WRITE_RSP)
            take_reset_answer(s, t, event, &o);
    } else if (hdr->group == TD_SMP_GROUP_IMAGE) {
        take_image(s, t, event, &of, &o);
    } else if (hdr->group == TD_SMP_GROUP_BASIC && hdr->op == TD_SMP_WRITE_RSP) {
        take_storage(s, event, &o);
    }
    t->last_answer_us = event->time_us;
    t->last_group = hdr->group;
    t->last_id = hdr->id;
}

void story_talk_message(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    const struct td_smp_header *hdr = &event->u.message.hdr;
    bool probe = hdr->group == TD_SMP_GROUP_OS && hdr->id == ID_PARAMS && hdr->op == TD_SMP_READ;
    bool again = probe && t->talked && (!t->link_up || hdr->seq == 255);

    // A command whose frames are in the log is told by them.
    s->command.open = false;
    if (t->session == 0 || t->link_down || again)
        story_talk_begin(s, t, &event->at, event->time_us, probe);
    t->began = t->began || probe;
    t->talked = true;
    t->last_at = event->at;
    if (event->time_us != TD_NO_TIME)
        t->seen_us = event->time_us;
    for (size_t i = 0, seen = 0; !t->late && i < 256 && seen < t->n_open; i++)
        if (t->open[i].open) {
            seen++;
            t->late = story_since(t->open[i].time_us, event->time_us) >= PATIENCE_US;
        }
    if ((hdr->op & 1) == 0 && event->u.message.dir != TD_FROM_DEVICE)
        take_request(s, t, event);
    else
        take_answer(s, t, event);
}
