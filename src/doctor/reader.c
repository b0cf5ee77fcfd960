/* doctor/reader.c - see reader.h: which kind of file it is, by its first bytes. */
#include "doctor/reader.h"

#include <stdlib.h>
#include <string.h>

#include "doctor/frame.h"
#include "doctor/text.h"

struct td_reader {
    struct td_frames *frames;
    struct td_text *text;
};

struct td_reader *td_reader_new(uint16_t file, struct td_event_sink *sink)
{
    struct td_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->frames = td_frames_new(sink);
    r->text = r->frames ? td_text_new(file, sink, r->frames) : NULL;
    if (!r->text) {
        if (r->frames)
            td_frames_end(r->frames, NULL);
        free(r);
        return NULL;
    }
    return r;
}

void td_reader_feed(struct td_reader *r, const void *bytes, size_t len)
{
    td_text_feed(r->text, bytes, len);
}

void td_reader_end(struct td_reader *r)
{
    struct td_origin origin = { .time_us = TD_NO_TIME };

    td_text_end(r->text);
    td_frames_end(r->frames, &origin);
    free(r);
}
