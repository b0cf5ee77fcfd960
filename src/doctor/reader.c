/* doctor/reader.c - see reader.h: which kind of file it is, by its first bytes. */
#include "doctor/reader.h"

#include <stdlib.h>
#include <string.h>

#include "doctor/capture.h"
#include "doctor/frame.h"
#include "doctor/newest.h"
#include "doctor/text.h"

#define TURN_MAX (16u << 20) /* bytes of a file that is read from its end */

struct td_reader {
    struct td_event_sink places; /* stands before sink */
    uint16_t file;
    struct td_event_sink *sink;
    char *held; /* text until its order is known; when the newest comes first, all of it */
    size_t n_held;
    bool follow, newest_first;
    struct td_turned turned;
    struct td_frames *frames;
    struct td_text_reader *text; /* one of the two, once it is known which */
    struct td_capture *capture;
    uint8_t first[TD_CAPTURE_MAGIC];
    size_t n_first;
};

/* Places are those of the file, also where it is read from its end. */
static void take(struct td_event_sink *sink, const struct td_event *event)
{
    struct td_reader *r = (struct td_reader *)(void *)sink;
    struct td_event at_home = *event;

    if (event->at.line == 0 || event->at.line > r->turned.n) {
        r->sink->take(r->sink, event);
        return;
    }
    at_home.at.offset = r->turned.offsets[event->at.line - 1];
    at_home.at.line = r->turned.lines[event->at.line - 1];
    r->sink->take(r->sink, &at_home);
}

struct td_reader *td_reader_new(uint16_t file, struct td_event_sink *sink)
{
    struct td_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->file = file;
    r->sink = sink;
    r->places.take = take;
    r->frames = td_frames_new(&r->places);
    if (!r->frames) {
        free(r);
        return NULL;
    }
    return r;
}

/* Enough was held, or too much: the text goes on as it stands. */
static void let_go(struct td_reader *r)
{
    char *held = r->held;

    r->held = NULL;
    td_text_feed(r->text, (const uint8_t *)held, r->n_held);
    free(held);
}

static void keep(struct td_reader *r, const uint8_t *bytes, size_t len)
{
    char *more = len <= TURN_MAX - r->n_held ? realloc(r->held, r->n_held + len) : NULL;

    if (!more) {
        let_go(r);
        td_text_feed(r->text, bytes, len);
        return;
    }
    r->held = more;
    memcpy(r->held + r->n_held, bytes, len);
    r->n_held += len;
}

static void hold(struct td_reader *r, const uint8_t *bytes, size_t len)
{
    size_t room = r->newest_first ? 0 : TD_NEWEST_LOOK - r->n_held;
    size_t n = len < room ? len : room;

    memcpy(r->held + r->n_held, bytes, n);
    r->n_held += n;
    if (!r->newest_first && r->n_held == TD_NEWEST_LOOK) {
        r->newest_first = td_newest_first(r->held, r->n_held);
        if (!r->newest_first)
            let_go(r);
    }
    if (len == n)
        return;
    if (r->held)
        keep(r, bytes + n, len - n);
    else
        td_text_feed(r->text, bytes + n, len - n);
}

static void release_held(struct td_reader *r)
{
    if (!r->newest_first)
        r->newest_first = td_newest_first(r->held, r->n_held);
    if (r->newest_first && td_turn(r->held, r->n_held, &r->turned)) {
        td_text_feed(r->text, (const uint8_t *)r->turned.text, r->turned.len);
        free(r->held);
        r->held = NULL;
    } else {
        let_go(r);
    }
}

void td_reader_follow(struct td_reader *r)
{
    r->follow = true;
}

static void feed(struct td_reader *r, const uint8_t *bytes, size_t len)
{
    if (r->capture)
        td_capture_feed(r->capture, bytes, len);
    else if (r->text && r->held)
        hold(r, bytes, len);
    else if (r->text)
        td_text_feed(r->text, bytes, len);
}

/* Enough was seen to know. Without memory for either there are no events. */
static void choose(struct td_reader *r)
{
    if (td_capture_is(r->first, r->n_first))
        r->capture = td_capture_new(r->file, r->frames);
    else
        r->text = td_text_new(r->file, &r->places, r->frames);
    // Without memory for it the text is read as it stands.
    if (r->text && !r->follow)
        r->held = malloc(TD_NEWEST_LOOK);
    feed(r, r->first, r->n_first);
}

void td_reader_feed(struct td_reader *r, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;

    while (len > 0 && r->n_first < sizeof r->first) {
        r->first[r->n_first++] = *p++;
        len--;
        if (r->n_first == sizeof r->first)
            choose(r);
    }
    feed(r, p, len);
}

void td_reader_end(struct td_reader *r)
{
    struct td_origin origin = { .time_us = TD_NO_TIME };

    if (r->n_first < sizeof r->first)
        choose(r);
    if (r->text && r->held)
        release_held(r);
    if (r->text)
        td_text_end(r->text);
    if (r->capture)
        td_capture_end(r->capture);
    td_frames_end(r->frames, &origin);
    td_turned_free(&r->turned);
    free(r);
}
