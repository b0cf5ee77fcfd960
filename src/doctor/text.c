/*
 * doctor/text.c - see text.h.
 *
 * A line is given out as it stands; then it is asked, once each and in this order, whether it is
 * a message in words, news of the link, hex that a known call wrote or brought, a line of a
 * dump, console framing whose markers a terminal swallowed, or hex that turns out to be a frame.
 */
#include "doctor/text.h"

#include <stdlib.h>
#include <string.h>

#include "doctor/linkline.h"
#include "doctor/reader.h"
#include "doctor/text_priv.h"

#define WRAP_LINES 40

static void release(struct td_text_reader *t)
{
    free(t->line);
    free(t->state.raw);
    free(t->state.text);
    free(t->bytes);
    free(t->packet);
    free(t->bare);
    free(t->words);
    free(t->joined);
    free(t);
}

struct td_text_reader *td_text_new(uint16_t file, struct td_event_sink *sink,
                                   struct td_frames *frames)
{
    struct td_text_reader *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->file = file;
    t->sink = sink;
    t->frames = frames;
    t->state.cap = TD_READER_LINE + 1;
    t->line = malloc(TD_READER_LINE + 1);
    t->state.raw = malloc(t->state.cap);
    t->state.text = malloc(t->state.cap);
    t->bytes = malloc(TD_TEXT_FRAME_MAX);
    t->packet = malloc(TD_TEXT_FRAME_MAX);
    t->bare = malloc(TD_TEXT_FRAME_MAX);
    if (!t->line || !t->state.raw || !t->state.text || !t->bytes || !t->packet || !t->bare) {
        release(t);
        return NULL;
    }
    td_console_in_init(&t->console, t->packet, TD_TEXT_FRAME_MAX);
    t->dump_dress = TD_DRESS_DUMP;
    t->dump_us = TD_NO_TIME;
    return t;
}

/* ---- words --------------------------------------------------------------------------- */

static void give_words(struct td_text_reader *t, json_t *body, bool cut,
                       const struct td_origin *origin)
{
    td_frames_words(t->frames, t->words_head.dir, &t->words_head.hdr, body, cut, origin);
}

static void drop_wrapped_words(struct td_text_reader *t)
{
    struct td_line line = { .text = "", .raw = "", .module = "" };

    if (t->words_lines == 0)
        return;
    t->words_lines = 0;
    t->words_origin.line = &line;
    give_words(t, NULL, true, &t->words_origin);
}

/* JSON that a forum or a terminal broke over lines. */
static bool more_words(struct td_text_reader *t, const struct td_line *line)
{
    bool cut;
    json_t *body;
    char *all;

    if (t->words_lines == 0)
        return false;
    if (line->dialect != TD_DIALECT_PLAIN || t->words_lines > WRAP_LINES ||
        t->words_len + line->len > TD_READER_LINE) {
        drop_wrapped_words(t);
        return false;
    }
    all = realloc(t->words, t->words_len + line->len + 1);
    if (!all) {
        drop_wrapped_words(t);
        return false;
    }
    t->words = all;
    memcpy(all + t->words_len, line->text, line->len + 1);
    t->words_len += line->len;
    t->words_lines++;
    body = td_words_body(all, &cut);
    if (!body && cut)
        return true;
    t->words_lines = 0;
    t->words_origin.line = line;
    give_words(t, body, body == NULL, &t->words_origin);
    return body != NULL;
}

static bool words(struct td_text_reader *t, const struct td_line *line,
                  const struct td_origin *origin)
{
    struct td_words head;
    bool cut;
    json_t *body;

    // smpclient puts the whole message behind the header's words.
    if (!td_words_read(line->text, &head) || strstr(line->text, "smp_data="))
        return false;
    t->words_head = head;
    if (!head.body) {
        give_words(t, NULL, false, origin);
        return true;
    }
    body = td_words_body(head.body, &cut);
    if (!body && cut) {
        free(t->words);
        t->words = strdup(head.body);
        t->words_len = strlen(head.body);
        t->words_origin = *origin;
        t->words_lines = t->words ? 1 : 0;
        if (t->words_lines > 0)
            return true;
    }
    give_words(t, body, body == NULL, origin);
    return true;
}

/* ---- lines --------------------------------------------------------------------------- */

static void look(struct td_text_reader *t, const struct td_line *line,
                 const struct td_origin *origin, bool framed)
{
    struct td_link_event link;

    if (more_words(t, line) || words(t, line, origin))
        return;
    if (td_linkline_read(line, &link)) {
        td_frames_link(t->frames, &link, origin);
        return;
    }
    if (framed)
        return;
    if (line->dialect == TD_DIALECT_TANDEM) {
        td_text_tandem_hex(t, line, origin);
        return;
    }
    // Too short for a frame, unless it goes on with one or stands above a dump.
    if (line->len < 16 && !t->dump && t->bare_len == 0 && t->wrapped_line == 0 &&
        line->dialect != TD_DIALECT_MCUMGR)
        return;
    if (td_text_wrapped_hex(t, line, origin) || td_text_known_hex(t, line, origin) ||
        td_text_said_hex(t, line, origin) || td_text_python_hex(t, line, origin) ||
        td_text_dump_line(t, line, origin) || td_text_bare_line(t, line->text, origin))
        return;
    td_text_any_hex(t, line, origin);
}

/* ---- what rich broke ----------------------------------------------------------------- */

static void join_end(struct td_text_reader *t)
{
    if (!t->joining)
        return;
    t->joining = false;
    t->joined_line.text = t->joined_line.raw = t->joined;
    t->joined_line.module = "";
    t->joined_line.len = t->joined_len;
    t->joined_origin.line = &t->joined_line;
    look(t, &t->joined_line, &t->joined_origin, false);
}

static void join_add(struct td_text_reader *t, const struct td_line *line)
{
    // A line that is full was broken inside a word, another one at a blank.
    bool blank = t->joined_len > 0 && !t->joined_full;
    size_t len = line->len < t->state.rich_width ? line->len : t->state.rich_width;

    if (t->joined_len + len + 2 > TD_READER_LINE)
        return;
    if (blank)
        t->joined[t->joined_len++] = ' ';
    memcpy(t->joined + t->joined_len, line->text, len);
    t->joined_len += len;
    t->joined[t->joined_len] = 0;
    t->joined_full = len == t->state.rich_width;
}

/* True: the line is held until its message is whole. */
static bool join(struct td_text_reader *t, const struct td_line *line,
                 const struct td_origin *origin)
{
    if (t->joining && t->state.rich_rest) {
        join_add(t, line);
        return true;
    }
    join_end(t);
    if (t->state.rich_width == 0 || t->state.rich_rest)
        return false;
    if (!t->joined)
        t->joined = malloc(TD_READER_LINE + 1);
    if (!t->joined)
        return false;
    t->joining = true;
    t->joined_len = 0;
    t->joined_full = true;
    t->joined_line = *line;
    t->joined_origin = *origin;
    join_add(t, line);
    return true;
}

static void take_entry(struct td_text_reader *t, const char *bytes, size_t len, uint64_t offset)
{
    struct td_event event = { .kind = TD_EVENT_LINE };
    struct td_line line;
    struct td_origin origin = { .line = &line };
    bool framed;

    event.at = (struct td_place){ t->file, t->n_line, offset };
    td_line_read(&t->state, bytes, len, &line, &event.time_us);
    event.line = line;
    origin.at = event.at;
    origin.time_us = event.time_us;
    td_frames_line(t->frames, &origin);
    t->sink->take(t->sink, &event);
    framed = td_text_console_line(t, bytes, len, &origin);
    if (!join(t, &line, &origin))
        look(t, &line, &origin, framed);
}

#define RUN_TOGETHER 100 /* characters; a line with two entries of a log has more */

static void take_line(struct td_text_reader *t)
{
    size_t at = 0, n;

    t->n_line++;
    t->line[t->n] = 0;
    while (t->n - at > RUN_TOGETHER && (n = td_line_entry(t->line + at, t->n - at)) < t->n - at) {
        take_entry(t, t->line + at, n, t->offset + at);
        at += n;
    }
    take_entry(t, t->line + at, t->n - at, t->offset + at);
}

void td_text_feed(struct td_text_reader *t, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        const uint8_t *stop = memchr(bytes, '\n', len);
        size_t n = stop ? (size_t)(stop - bytes) : len;
        size_t room = TD_READER_LINE - t->n;

        if (n > room) {
            memcpy(t->line + t->n, bytes, room);
            t->n = TD_READER_LINE;
            take_line(t);
            t->offset += t->n;
            t->n = 0;
            bytes += room;
            len -= room;
            continue;
        }
        memcpy(t->line + t->n, bytes, n);
        t->n += n;
        bytes += n;
        len -= n;
        if (!stop)
            return;
        take_line(t);
        t->offset += t->n + 1;
        t->n = 0;
        bytes++;
        len--;
    }
}

void td_text_end(struct td_text_reader *t)
{
    if (t->n > 0)
        take_line(t);
    join_end(t);
    td_text_dump_end(
        t, &(struct td_origin){ .at = { t->file, t->n_line, t->offset }, .time_us = TD_NO_TIME });
    drop_wrapped_words(t);
    release(t);
}
