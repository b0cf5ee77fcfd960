/*
 * doctor/frame.c - see frame.h.
 *
 * 1. Every message is given out once, whichever of its dresses is whole first.
 * 2. The same dress twice is the message twice: a client that repeats itself.
 * 3. A direction's answer never overtakes a request that is held back.
 */
#include "doctor/frame.h"

#include <stdlib.h>
#include <string.h>

#include "cbor/cbor.h"
#include "doctor/body.h"

#define FRAME_MAX  (TD_SMP_HEADER_SIZE + 65535u)
#define RECENT     32  /* messages that another dress may still show */
#define HELD       8   /* messages in words whose bytes may follow */
#define HELD_LINES 12  /* for so many lines */
#define OPEN_LINES 400 /* lines after which nobody completes a message any more */

/* One dress' message under way. */
struct piece {
    uint8_t *bytes; /* NULL until it is needed */
    size_t len, size;
    enum td_direction dir;
    bool known;
    struct td_place at;
    int64_t time_us; /* of its last piece that has one */
    uint64_t n_line;
};

struct recent {
    struct td_smp_header hdr;
    unsigned dresses; /* 1 << dress */
};

struct held {
    bool used;
    enum td_direction dir;
    struct td_smp_header hdr;
    json_t *body;
    bool cut;
    struct td_place at;
    int64_t time_us;
    uint64_t n_line;
    struct td_line line;
    char *text, *raw, *module;
};

struct td_frames {
    struct td_event_sink *sink;
    struct piece piece[TD_DRESSES];
    struct recent recent[RECENT];
    unsigned n_recent; /* ever */
    struct held held[HELD];
    uint64_t n_line;
    enum { LINK_UNKNOWN, LINK_IS_UP, LINK_IS_DOWN } link;
    struct td_link_event params;
    uint32_t mtu;
};

struct td_frames *td_frames_new(struct td_event_sink *sink)
{
    struct td_frames *f = calloc(1, sizeof *f);

    if (f)
        f->sink = sink;
    return f;
}

/* ---- what a frame looks like --------------------------------------------------------- */

static bool known_group(uint16_t group)
{
    return group <= 11 || (group >= 63 && group <= 255) || group == TD_SMP_GROUP_TANDEM;
}

enum td_frame_look td_frame_look(const uint8_t *bytes, size_t len, struct td_smp_header *hdr,
                                 size_t *size)
{
    struct td_cbor_reader r;

    if (len < TD_SMP_HEADER_SIZE)
        return TD_FRAME_NONE;
    td_smp_header_decode(bytes, hdr);
    *size = TD_SMP_HEADER_SIZE + (size_t)hdr->len;
    if (bytes[0] >> 5 != 0 || hdr->version > TD_SMP_V2 || hdr->op > TD_SMP_WRITE_RSP ||
        hdr->flags > 1)
        return TD_FRAME_NONE;
    if (hdr->len == 0)
        return known_group(hdr->group) && hdr->id < 64 ? TD_FRAME_WHOLE : TD_FRAME_NONE;
    // The payload is one map: A0..BB or BF.
    if (len > TD_SMP_HEADER_SIZE && bytes[TD_SMP_HEADER_SIZE] >> 5 != 5)
        return TD_FRAME_NONE;
    if (len < *size)
        return known_group(hdr->group) && hdr->id < 64 ? TD_FRAME_BEGINS : TD_FRAME_NONE;
    r = td_cbor_reader_of(bytes + TD_SMP_HEADER_SIZE, hdr->len);
    if (td_cbor_skip(&r) != TD_OK || r.pos != hdr->len)
        return TD_FRAME_NONE;
    return TD_FRAME_WHOLE;
}

/* ---- giving out ---------------------------------------------------------------------- */

static enum td_direction direction_of(enum td_direction said, uint8_t op)
{
    if (said != TD_DIR_UNKNOWN)
        return said;
    return op == TD_SMP_READ || op == TD_SMP_WRITE           ? TD_TO_DEVICE
           : op == TD_SMP_READ_RSP || op == TD_SMP_WRITE_RSP ? TD_FROM_DEVICE
                                                             : TD_DIR_UNKNOWN;
}

static const struct td_line no_line = { .text = "", .raw = "", .module = "" };

static void give(struct td_frames *f, struct td_event *event, const struct td_origin *origin)
{
    event->line = origin && origin->line ? *origin->line : no_line;
    f->sink->take(f->sink, event);
}

static bool same(const struct td_smp_header *a, const struct td_smp_header *b)
{
    return a->op == b->op && a->len == b->len && a->group == b->group && a->seq == b->seq &&
           a->id == b->id;
}

/* Whether another dress has shown it already; it is noted that this one has, too. */
static bool was_given(struct td_frames *f, const struct td_smp_header *hdr, enum td_dress dress)
{
    unsigned n = f->n_recent < RECENT ? f->n_recent : RECENT;

    for (unsigned i = 0; i < n; i++) {
        struct recent *r = &f->recent[i];

        if (same(&r->hdr, hdr) && (r->dresses & 1u << dress) == 0) {
            r->dresses |= 1u << dress;
            return true;
        }
    }
    f->recent[f->n_recent % RECENT] = (struct recent){ *hdr, 1u << dress };
    f->n_recent++;
    return false;
}

static void forget(struct held *h)
{
    json_decref(h->body);
    free(h->text);
    free(h->raw);
    free(h->module);
    *h = (struct held){ .used = false };
}

static void give_held(struct td_frames *f, struct held *h)
{
    struct td_event event = { .kind = TD_EVENT_MESSAGE, .at = h->at, .time_us = h->time_us };

    event.line = h->line;
    event.u.message = (struct td_message){
        .dir = direction_of(h->dir, h->hdr.op), .hdr = h->hdr, .cut = h->cut, .body = h->body
    };
    if (!was_given(f, &h->hdr, TD_DRESS_WORDS))
        f->sink->take(f->sink, &event);
    forget(h);
}

/* In the order in which they came. before: only those that were held back by then. */
static void give_all_held(struct td_frames *f, uint64_t before)
{
    for (;;) {
        struct held *first = NULL;

        for (unsigned i = 0; i < HELD; i++) {
            struct held *h = &f->held[i];

            if (h->used && h->n_line <= before && (!first || h->n_line < first->n_line))
                first = h;
        }
        if (!first)
            return;
        give_held(f, first);
    }
}

/* The bytes of what is held back have come: the words are not needed. */
static void drop_held(struct td_frames *f, const struct td_smp_header *hdr)
{
    struct held *first = NULL;

    for (unsigned i = 0; i < HELD; i++) {
        struct held *h = &f->held[i];

        if (h->used && same(&h->hdr, hdr) && (!first || h->n_line < first->n_line))
            first = h;
    }
    if (!first)
        return;
    // The message itself was noted last.
    f->recent[(f->n_recent - 1) % RECENT].dresses |= 1u << TD_DRESS_WORDS;
    give_all_held(f, first->n_line - 1);
    forget(first);
}

static void give_bytes(struct td_frames *f, enum td_dress dress, enum td_direction dir,
                       const uint8_t *bytes, size_t len, bool cut, const struct td_place *at,
                       int64_t time_us, const struct td_origin *origin)
{
    struct td_event event = { .kind = TD_EVENT_MESSAGE, .at = *at, .time_us = time_us };
    struct td_message *m = &event.u.message;

    *m = (struct td_message){ .bytes = bytes, .len = len, .cut = cut };
    td_smp_header_decode(bytes, &m->hdr);
    if (was_given(f, &m->hdr, dress))
        return;
    drop_held(f, &m->hdr);
    m->dir = direction_of(dir, m->hdr.op);
    if (m->dir == TD_FROM_DEVICE)
        give_all_held(f, UINT64_MAX);
    if (!cut)
        m->body = td_body_read(bytes + TD_SMP_HEADER_SIZE, m->hdr.len);
    give(f, &event, origin);
    json_decref(m->body);
}

void td_frames_garbage(struct td_frames *f, const struct td_origin *origin)
{
    struct td_event event = { .kind = TD_EVENT_GARBAGE,
                              .at = origin->at,
                              .time_us = origin->time_us };

    give(f, &event, origin);
}

/* ---- pieces -------------------------------------------------------------------------- */

/* Nobody will complete it. */
static void abandon(struct td_frames *f, enum td_dress dress, const struct td_origin *origin)
{
    struct piece *p = &f->piece[dress];

    if (p->len >= TD_SMP_HEADER_SIZE && p->known)
        give_bytes(f, dress, p->dir, p->bytes, p->len, true, &p->at, p->time_us, origin);
    p->len = 0;
}

static bool begin(struct td_frames *f, enum td_dress dress, enum td_direction dir,
                  const uint8_t *bytes, size_t len, size_t size, bool known,
                  const struct td_origin *origin)
{
    struct piece *p = &f->piece[dress];

    abandon(f, dress, origin);
    if (!p->bytes)
        p->bytes = malloc(FRAME_MAX);
    if (!p->bytes)
        return false;
    memcpy(p->bytes, bytes, len);
    p->len = len;
    p->size = size;
    p->dir = dir;
    p->known = known;
    p->at = origin->at;
    p->time_us = origin->time_us;
    p->n_line = f->n_line;
    return true;
}

/* Goes on with what is under way. How many of the bytes belong to it. */
static size_t go_on(struct td_frames *f, enum td_dress dress, const uint8_t *bytes, size_t len,
                    const struct td_origin *origin)
{
    struct piece *p = &f->piece[dress];
    size_t n = p->size - p->len < len ? p->size - p->len : len;
    struct td_smp_header hdr;
    size_t size;

    memcpy(p->bytes + p->len, bytes, n);
    p->len += n;
    p->time_us = origin->time_us != TD_NO_TIME ? origin->time_us : p->time_us;
    if (p->len < p->size)
        return n;
    if (p->size == TD_SMP_HEADER_SIZE) {
        // Only now it is known how long it will be.
        td_smp_header_decode(p->bytes, &hdr);
        p->size += hdr.len;
        if (p->len < p->size)
            return n;
    }
    if (td_frame_look(p->bytes, p->len, &hdr, &size) == TD_FRAME_WHOLE)
        give_bytes(f, dress, p->dir, p->bytes, p->len, false, &p->at, p->time_us, origin);
    else if (p->known)
        td_frames_garbage(f, origin);
    p->len = 0;
    return n;
}

void td_frames_cut(struct td_frames *f, enum td_dress dress, const struct td_origin *origin)
{
    abandon(f, dress, origin);
}

bool td_frames_goes_on(const struct td_frames *f, enum td_dress dress)
{
    return f->piece[dress].len > 0;
}

/*
 * Whether the bytes are the next piece of what is under way rather than a message. A header
 * without a payload is no message there: an image's header looks like one.
 */
static bool continues(const struct td_frames *f, enum td_dress dress, enum td_direction dir,
                      enum td_frame_look look, const struct td_smp_header *hdr)
{
    const struct piece *p = &f->piece[dress];

    return p->len > 0 && p->dir == dir && (look != TD_FRAME_WHOLE || hdr->len == 0) &&
           f->n_line - p->n_line < OPEN_LINES;
}

/*
 * Eight bytes are little to go by: zeros and small numbers of other formats look like a header
 * without a payload. Alone, and asking for something, they are taken for one.
 */
static bool is_bare_request(const struct td_smp_header *hdr, size_t len)
{
    return len == TD_SMP_HEADER_SIZE && (hdr->op == TD_SMP_READ || hdr->op == TD_SMP_WRITE) &&
           (hdr->group != 0 || hdr->seq != 0 || hdr->id != 0);
}

static bool take(struct td_frames *f, enum td_dress dress, enum td_direction dir,
                 const uint8_t *bytes, size_t len, bool known, const struct td_origin *origin,
                 size_t *used)
{
    struct td_smp_header hdr;
    size_t size = 0;
    enum td_frame_look look = td_frame_look(bytes, len, &hdr, &size);

    *used = len;
    if (continues(f, dress, dir, look, &hdr)) {
        *used = go_on(f, dress, bytes, len, origin);
        return true;
    }
    if (look == TD_FRAME_WHOLE && hdr.len == 0 && !known && !is_bare_request(&hdr, len))
        return false;
    if (look == TD_FRAME_WHOLE) {
        abandon(f, dress, origin);
        give_bytes(f, dress, dir, bytes, size, false, &origin->at, origin->time_us, origin);
        *used = size;
        return true;
    }
    // A few bytes that only look like a beginning are too little to wait for the rest.
    if (look == TD_FRAME_BEGINS && (known || (len >= 16 && hdr.len <= 8192)))
        return begin(f, dress, dir, bytes, len, size, known, origin);
    // Less than a header, as a wrapped line leaves it.
    if (known && len < TD_SMP_HEADER_SIZE && (bytes[0] & 0xf4) == 0)
        return begin(f, dress, dir, bytes, len, TD_SMP_HEADER_SIZE, known, origin);
    return false;
}

bool td_frames_piece(struct td_frames *f, enum td_dress dress, enum td_direction dir,
                     const uint8_t *bytes, size_t len, bool known, const struct td_origin *origin)
{
    bool taken = false;
    size_t used = 0;

    for (size_t at = 0; at < len; at += used) {
        if (!take(f, dress, dir, bytes + at, len - at, known, origin, &used)) {
            if (known && !taken)
                td_frames_garbage(f, origin);
            return taken;
        }
        taken = true;
    }
    return taken;
}

/* ---- words --------------------------------------------------------------------------- */

static struct held *free_place(struct td_frames *f)
{
    struct held *oldest = &f->held[0];

    for (unsigned i = 0; i < HELD; i++) {
        if (!f->held[i].used)
            return &f->held[i];
        if (f->held[i].n_line < oldest->n_line)
            oldest = &f->held[i];
    }
    give_held(f, oldest);
    return oldest;
}

static char *copy(const char *text)
{
    char *it = strdup(text ? text : "");

    return it;
}

static bool hold(struct td_frames *f, const struct held *what, const struct td_line *line)
{
    struct held *h = free_place(f);

    *h = *what;
    h->used = true;
    h->line = line ? *line : no_line;
    h->text = copy(h->line.text);
    h->raw = copy(h->line.raw);
    h->module = copy(h->line.module);
    if (!h->text || !h->raw || !h->module) {
        h->body = NULL;
        forget(h);
        return false;
    }
    h->line.text = h->text;
    h->line.raw = h->raw;
    h->line.module = h->module;
    return true;
}

void td_frames_words(struct td_frames *f, enum td_direction dir, const struct td_smp_header *hdr,
                     json_t *body, bool cut, const struct td_origin *origin)
{
    struct held words = { .dir = dir,
                          .hdr = *hdr,
                          .body = body,
                          .cut = cut,
                          .at = origin->at,
                          .time_us = origin->time_us,
                          .n_line = f->n_line };
    unsigned n = f->n_recent < RECENT ? f->n_recent : RECENT;

    for (unsigned i = 0; i < n; i++) {
        struct recent *r = &f->recent[i];

        if (same(&r->hdr, hdr) && (r->dresses & 1u << TD_DRESS_WORDS) == 0) {
            r->dresses |= 1u << TD_DRESS_WORDS;
            json_decref(body);
            return;
        }
    }
    if (direction_of(dir, hdr->op) == TD_FROM_DEVICE)
        give_all_held(f, UINT64_MAX);
    if (!hold(f, &words, origin->line))
        json_decref(body);
    else if (direction_of(dir, hdr->op) == TD_FROM_DEVICE && (body || cut))
        give_all_held(f, UINT64_MAX); // a header alone is worth waiting for the bytes
}

void td_frames_line(struct td_frames *f, const struct td_origin *origin)
{
    f->n_line++;
    if (f->n_line > HELD_LINES)
        give_all_held(f, f->n_line - HELD_LINES);
    for (unsigned i = 0; i < TD_DRESSES; i++)
        if (f->piece[i].len > 0 && f->n_line - f->piece[i].n_line >= OPEN_LINES)
            abandon(f, (enum td_dress)i, origin);
}

/* ---- the link ------------------------------------------------------------------------ */

static bool is_news(struct td_frames *f, const struct td_link_event *link)
{
    bool news;

    switch (link->what) {
    case TD_LINK_UP: news = f->link != LINK_IS_UP; break;
    case TD_LINK_DOWN: news = f->link != LINK_IS_DOWN; break;
    case TD_LINK_MTU: news = f->mtu != link->value; break;
    default:
        news = f->params.interval_us != link->interval_us || f->params.latency != link->latency ||
               f->params.timeout_ms != link->timeout_ms;
        break;
    }
    if (link->what == TD_LINK_UP || link->what == TD_LINK_DOWN) {
        f->link = link->what == TD_LINK_UP ? LINK_IS_UP : LINK_IS_DOWN;
        f->mtu = 0;
        f->n_recent = 0; // the next session repeats the first one's requests
        f->params = (struct td_link_event){ .what = TD_LINK_PARAMS };
    } else if (link->what == TD_LINK_MTU) {
        f->mtu = link->value;
    } else {
        f->params = *link;
    }
    return news;
}

void td_frames_link(struct td_frames *f, const struct td_link_event *link,
                    const struct td_origin *origin)
{
    struct td_event event = { .kind = TD_EVENT_LINK, .at = origin->at, .time_us = origin->time_us };

    if (!is_news(f, link))
        return;
    give_all_held(f, UINT64_MAX);
    if (link->what == TD_LINK_UP || link->what == TD_LINK_DOWN)
        for (unsigned i = 0; i < TD_DRESSES; i++)
            abandon(f, (enum td_dress)i, origin);
    event.u.link = *link;
    give(f, &event, origin);
}

void td_frames_end(struct td_frames *f, const struct td_origin *origin)
{
    give_all_held(f, UINT64_MAX);
    for (unsigned i = 0; i < TD_DRESSES; i++) {
        abandon(f, (enum td_dress)i, origin);
        free(f->piece[i].bytes);
    }
    free(f);
}
