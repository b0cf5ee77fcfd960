/*
 * doctor/story_upload.c - one upload, from its chunks and the offsets that come back.
 *
 * The device's answer says how far it is; what was sent beyond that was dropped. An upload is
 * told of once: when it is finished, refused, begun anew with another file, or over.
 */
#include "doctor/story_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"

/* 231440: "231,440". */
struct grouped {
    char text[32];
};

static struct grouped grouped(uint64_t n)
{
    struct grouped g = { { 0 } };
    char plain[24];
    size_t len = (size_t)snprintf(plain, sizeof plain, "%llu", (unsigned long long)n), out = 0;

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            g.text[out++] = ',';
        g.text[out++] = plain[i];
    }
    return g;
}

static uint64_t number(const json_t *value)
{
    json_int_t n = json_integer_value(value);

    return n < 0 ? 0 : (uint64_t)n;
}

/* How many bytes of image a chunk holds, and its first ones. */
static uint32_t read_data(const json_t *data, bool words, bool *text, char head[9])
{
    const char *value = json_string_value(data);
    size_t len = json_string_length(data);

    head[0] = '\0';
    *text = false;
    if (!value)
        return 0;
    if (strncmp(value, "hex:", 4) == 0) {
        snprintf(head, 9, "%.8s", value + 4);
        return (uint32_t)((len - 4) / 2);
    }
    // A client's words for people have base64 where the frame has bytes.
    *text = !words;
    if (words)
        story_hash_text(value, len, head);
    return (uint32_t)(words ? len / 4 * 3 : len);
}

static void start(struct story_upload *u, const struct td_event *event, const json_t *body)
{
    const json_t *size = json_object_get(body, "len");

    memset(u, 0, sizeof *u);
    u->open = true;
    u->match = u->magic_ok = -1;
    u->image = (uint8_t)(number(json_object_get(body, "image")) & 0xff);
    u->size_known = json_is_integer(size);
    u->size = number(size);
    u->sha = json_object_get(body, "sha") != NULL;
    u->upgrade = json_is_true(json_object_get(body, "upgrade"));
    story_hash(json_object_get(body, "sha"), u->first_hash);
    u->at = event->at;
    u->began_us = event->time_us;
    u->first_us = u->last_us = TD_NO_TIME;
}

/* A first chunk again: the same file goes on being sent, or another one begins. */
static bool same_file(const struct story_upload *u, const json_t *body)
{
    const json_t *size = json_object_get(body, "len");
    char hash[STORY_HASH + 1];

    story_hash(json_object_get(body, "sha"), hash);
    return u->open && !u->reported && (!json_is_integer(size) || number(size) == u->size) &&
           (hash[0] == '\0' || u->first_hash[0] == '\0' || strcmp(hash, u->first_hash) == 0);
}

/* 1: an image, 0: none, -1: a first chunk too short to tell, which fits so far. */
static int read_magic(const char *head)
{
    static const char magic[] = "3db8f396";
    size_t n = strlen(head);

    if (strncmp(head, magic, n) != 0)
        return 0;
    return n == strlen(magic) ? 1 : -1;
}

void story_upload_request(struct td_story *s, struct story_talk *t, struct story_request *q,
                          const struct td_event *event)
{
    const struct td_message *m = &event->u.message;
    struct story_upload *u = &t->upload;
    bool text, known = json_is_object(m->body);
    char head[9];

    q->off = number(json_object_get(m->body, "off"));
    q->chunk = read_data(json_object_get(m->body, "data"), m->bytes == NULL, &text, head);
    if (known && q->off == 0 && !same_file(u, m->body)) {
        story_upload_close(s, t, event->time_us, NULL);
        start(u, event, m->body);
        story_step(s, t->session, &event->at, event->time_us,
                   "an upload begins: %s bytes, %u in the first chunk", grouped(u->size).text,
                   q->chunk);
    } else if (!u->open) {
        start(u, event, NULL);
        u->sent = u->next = q->off;
    } else if (known && u->chunks > 0 && q->off < u->next) {
        u->repeats++;
    }
    u->reported = false;
    u->chunks += u->chunks < UINT32_MAX;
    if (q->off == 0 && q->chunk > 0) {
        if (u->first_bytes == 0)
            u->first_bytes = q->chunk;
        if (u->magic_ok < 0)
            u->magic_ok = read_magic(head);
    }
    u->text_data = u->text_data || text;
    u->largest = q->chunk > u->largest ? q->chunk : u->largest;
    u->next = q->off + q->chunk;
    t->uploaded = t->uploaded || q->chunk > 0 || !known;
}

static bool finished(const struct story_upload *u)
{
    return u->size_known && u->size > 0 && u->sent >= u->size;
}

static void done_step(struct td_story *s, struct story_talk *t, int64_t now_us,
                      const struct td_place *at)
{
    const struct story_upload *u = &t->upload;
    int64_t took = story_since(u->began_us, now_us);

    if (took > STORY_S / 10) {
        uint64_t rate = u->size * 10000 / (uint64_t)(took / 100 + 1); /* bytes a second */

        story_step(s, t->session, at, now_us,
                   "upload done: %s bytes in %lld.%lld s, %llu.%llu kB/s", grouped(u->size).text,
                   (long long)(took / STORY_S), (long long)(took % STORY_S / 100000),
                   (unsigned long long)(rate / 1000), (unsigned long long)(rate % 1000 / 100));
    } else {
        story_step(s, t->session, at, now_us, "upload done: %s bytes", grouped(u->size).text);
    }
    if (u->match == 0)
        story_step(s, t->session, at, now_us,
                   "the device's hash of what it received differs from the file's");
}

void story_upload_answer(struct td_story *s, struct story_talk *t, const struct story_request *q,
                         const struct td_event *event, const char *refusal)
{
    const json_t *body = event->u.message.body;
    const json_t *off = json_object_get(body, "off");
    const json_t *match = json_object_get(body, "match");
    struct story_upload *u = &t->upload;
    uint64_t at = number(off);

    if (!u->open || u->reported)
        return;
    u->resumed = u->resumed || (u->sent == 0 && q->off == 0 && q->chunk > 0 && at > q->chunk &&
                                u->first_us == TD_NO_TIME);
    if (u->first_us == TD_NO_TIME)
        u->first_us = event->time_us;
    u->last_us = event->time_us;
    if (refusal) {
        story_upload_close(s, t, event->time_us, refusal);
        return;
    }
    if (json_is_boolean(match))
        u->match = json_is_true(match);
    if (json_is_integer(off)) {
        u->restarts += at == 0 && u->sent > 0;
        u->backwards += q->chunk > 0 && at < q->off + q->chunk;
        u->sent = at > u->sent ? at : u->sent;
    }
    t->uploaded = t->uploaded || u->sent > 0;
    if (finished(u)) {
        done_step(s, t, event->time_us, &event->at);
        story_upload_close(s, t, event->time_us, NULL);
    }
}

/* How far and how fast; too little of it gives no figure. */
static void progress(struct story_attrs *a, const struct story_upload *u)
{
    int64_t took = story_since(u->began_us, u->last_us);

    if (u->size_known && u->size > 0)
        story_attr(a, "percent", "%u", (unsigned)(STORY_MIN(u->sent, u->size) * 100 / u->size));
    if (took >= 2 * STORY_S)
        story_attr(a, "rate", "%llu",
                   (unsigned long long)(u->sent * 1000 / (uint64_t)(took / 1000)));
    if (u->resumed)
        story_attr(a, "resumed", "1");
}

void story_upload_close(struct td_story *s, struct story_talk *t, int64_t now_us,
                        const char *refusal)
{
    struct story_upload *u = &t->upload;
    int64_t first = story_since(u->began_us, u->first_us);
    struct story_attrs a = { 0 };
    struct story_act *act;
    size_t n;

    if (!u->open || u->reported)
        return;
    u->reported = true;
    story_attr(&a, "image", "%u", u->image);
    if (u->size_known) {
        story_attr(&a, "size", "%llu", (unsigned long long)u->size);
        story_attr(&a, "finished", "%d", finished(u));
    }
    story_attr(&a, "sent", "%llu", (unsigned long long)u->sent);
    story_attr(&a, "chunks", "%u", u->chunks);
    story_attr(&a, "sha", "%d", u->sha);
    story_attr(&a, "upgrade", "%d", u->upgrade);
    progress(&a, u);
    if (first >= 0)
        story_attr(&a, "first_ms", "%lld", (long long)(first / STORY_MS));
    story_attr(&a, "restarts", "%u", u->restarts);
    story_attr(&a, "backwards", "%u", u->backwards);
    story_attr(&a, "repeats", "%u", u->repeats);
    story_attr(&a, "largest", "%u", u->largest);
    story_attr(&a, "first_bytes", "%u", u->first_bytes);
    story_attr(&a, "text_data", "%d", u->text_data);
    if (u->match >= 0)
        story_attr(&a, "match", "%d", u->match);
    if (u->magic_ok >= 0)
        story_attr(&a, "magic_ok", "%d", u->magic_ok);
    n = strlen(a.text);
    if (refusal)
        snprintf(a.text + n, sizeof a.text - n, " %s", refusal);
    story_fact(s, "upload", &u->at, u->began_us, NULL, &a);
    if (!finished(u) && u->size_known)
        story_step(s, t->session, &t->last_at, now_us == TD_NO_TIME ? u->last_us : now_us,
                   "the upload ends at %s of %s bytes", grouped(u->sent).text,
                   grouped(u->size).text);
    act = story_act(s, ACT_UPLOAD, t->session, t->dialect, &t->last_at,
                    now_us == TD_NO_TIME ? u->last_us : now_us);
    act->size = u->size;
    act->sent = u->sent;
    act->finished = finished(u);
    act->image = u->image;
    act->done = refusal == NULL;
    t->sent_since_list = t->sent_since_list || act->finished;
}
