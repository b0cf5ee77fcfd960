/* doctor/reader.c - see reader.h: which kind of file it is, by its first bytes. */
#include "doctor/reader.h"

#include <stdlib.h>
#include <string.h>

#include "doctor/capture.h"
#include "doctor/frame.h"
#include "doctor/text.h"

struct td_reader {
    uint16_t file;
    struct td_event_sink *sink;
    struct td_frames *frames;
    struct td_text_reader *text; /* one of the two, once it is known which */
    struct td_capture *capture;
    uint8_t first[TD_CAPTURE_MAGIC];
    size_t n_first;
};

struct td_reader *td_reader_new(uint16_t file, struct td_event_sink *sink)
{
    struct td_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->file = file;
    r->sink = sink;
    r->frames = td_frames_new(sink);
    if (!r->frames) {
        free(r);
        return NULL;
    }
    return r;
}

static void feed(struct td_reader *r, const uint8_t *bytes, size_t len)
{
    if (r->capture)
        td_capture_feed(r->capture, bytes, len);
    else if (r->text)
        td_text_feed(r->text, bytes, len);
}

/* Enough was seen to know. Without memory for either there are no events. */
static void choose(struct td_reader *r)
{
    if (td_capture_is(r->first, r->n_first))
        r->capture = td_capture_new(r->file, r->frames);
    else
        r->text = td_text_new(r->file, r->sink, r->frames);
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
    if (r->text)
        td_text_end(r->text);
    if (r->capture)
        td_capture_end(r->capture);
    td_frames_end(r->frames, &origin);
    free(r);
}
