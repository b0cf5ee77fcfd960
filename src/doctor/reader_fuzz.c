/*
 * doctor/reader_fuzz.c - any bytes where a log or a capture should be.
 *
 * The first byte says how many bytes are fed at a time. Every event must hold what its header
 * promises, in the order of the file, and every message must be sayable.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/reader.h"
#include "doctor/say.h"
#include "doctor/talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_sink {
    struct td_event_sink sink;
    struct td_talk talk;
    uint32_t n_line, n;
    uint64_t seen; /* what was read of what events point to */
};

static void check(bool truth)
{
    if (!truth)
        abort();
}

static void touch(struct fuzz_sink *s, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        s->seen += ((const uint8_t *)bytes)[i];
}

static void check_line(struct fuzz_sink *s, const struct td_event *event)
{
    const struct td_line *line = &event->line;

    check(strlen(line->text) == line->len && line->len <= TD_READER_LINE);
    check(strlen(line->raw) <= TD_READER_LINE);
    touch(s, line->text, line->len + 1);
    touch(s, line->raw, strlen(line->raw) + 1);
    touch(s, line->module, strlen(line->module) + 1);
}

static void check_message(struct fuzz_sink *s, const struct td_event *event)
{
    const struct td_message *m = &event->u.message;
    char text[64];
    struct td_talk_turn turn;

    if (m->bytes) {
        touch(s, m->bytes, m->len);
        check(m->cut || m->len == TD_SMP_HEADER_SIZE + (size_t)m->hdr.len);
        check(m->len <= TD_SMP_HEADER_SIZE + (size_t)m->hdr.len);
        check(m->cut || m->body != NULL || m->hdr.len > 0);
    }
    check(td_say_body(m, text, sizeof text) < sizeof text);
    check(td_say_what(&m->hdr, text, sizeof text) < sizeof text);
    turn = td_talk_take(&s->talk, &m->hdr, event->time_us, ++s->n);
    check(turn.n >= 1 && turn.n <= s->n);
}

static void take(struct td_event_sink *sink, const struct td_event *event)
{
    struct fuzz_sink *s = (struct fuzz_sink *)sink;

    check(event->at.file == 3);
    check(event->time_us == TD_NO_TIME || event->time_us >= -(1ll << 62));
    switch (event->kind) {
    case TD_EVENT_LINE:
        // one line may hold several entries of a log
        check(event->at.line == s->n_line || event->at.line == s->n_line + 1);
        s->n_line = event->at.line;
        check_line(s, event);
        break;
    case TD_EVENT_MESSAGE: check_message(s, event); break;
    case TD_EVENT_LINK:
    case TD_EVENT_GARBAGE: touch(s, event->line.text, strlen(event->line.text)); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_sink s = { .sink = { take } };
    struct td_talk_entry lost;
    struct td_reader *reader;
    size_t step;

    if (size < 1)
        return 0;
    step = 1 + (size_t)data[0] * 8;
    reader = td_reader_new(3, &s.sink);
    check(reader != NULL);
    for (size_t at = 1; at < size; at += step)
        td_reader_feed(reader, data + at, size - at < step ? size - at : step);
    td_reader_end(reader);
    while (td_talk_lost(&s.talk, &lost))
        check(lost.n >= 1 && lost.n <= s.n);
    return 0;
}
