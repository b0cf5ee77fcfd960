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
#include <strings.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/crc.h"
#include "doctor/hexes.h"
#include "doctor/line.h"
#include "doctor/linkline.h"
#include "doctor/reader.h"
#include "doctor/words.h"
#include "smp/console.h"

#define FRAME_MAX  65543u
#define SMP_UUID   "da2e7828-fbce-4e01-ae9e-261174997c48"
#define UUID_DASH  8 /* where a UUID has its first one */
#define WRAP_LINES 40

struct td_text {
    uint16_t file;
    struct td_event_sink *sink;
    struct td_frames *frames;
    struct td_line_state state;

    char *line; /* bytes of the line so far */
    size_t n;
    uint64_t offset; /* of the line */
    uint32_t n_line;

    uint8_t *bytes; /* scratch, FRAME_MAX */
    struct td_console_in console;
    uint8_t *packet; /* of console */

    bool other_uuid; /* the characteristic written last is not SMP's */
    bool dump, dump_console;
    enum td_dress dump_dress;
    int64_t dump_us; /* the time of the line above it */
    uint32_t dump_next;
    enum td_dress wrapped; /* hex of this dress broke off at the end of the line before */
    enum td_direction wrapped_dir;
    uint32_t wrapped_line; /* 0: none */

    uint8_t *bare; /* base64 lines without markers: what they hold so far */
    size_t bare_len, bare_size;
    struct td_place bare_at;

    char *words; /* a message in words whose JSON goes on in the next line */
    size_t words_len;
    struct td_words words_head;
    struct td_origin words_origin;
    unsigned words_lines;

    char *joined; /* what rich broke into lines; NULL until it is needed */
    size_t joined_len;
    bool joining, joined_full; /* the piece before filled its line */
    struct td_line joined_line;
    struct td_origin joined_origin;
};

static void release(struct td_text *t)
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

struct td_text *td_text_new(uint16_t file, struct td_event_sink *sink, struct td_frames *frames)
{
    struct td_text *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->file = file;
    t->sink = sink;
    t->frames = frames;
    t->state.cap = TD_READER_LINE + 1;
    t->line = malloc(TD_READER_LINE + 1);
    t->state.raw = malloc(t->state.cap);
    t->state.text = malloc(t->state.cap);
    t->bytes = malloc(FRAME_MAX);
    t->packet = malloc(FRAME_MAX);
    t->bare = malloc(FRAME_MAX);
    if (!t->line || !t->state.raw || !t->state.text || !t->bytes || !t->packet || !t->bare) {
        release(t);
        return NULL;
    }
    td_console_in_init(&t->console, t->packet, FRAME_MAX);
    t->dump_dress = TD_DRESS_DUMP;
    t->dump_us = TD_NO_TIME;
    return t;
}

/* ---- console framing ----------------------------------------------------------------- */

static void console_byte(struct td_text *t, uint8_t byte, const struct td_origin *origin)
{
    switch (td_console_in_byte(&t->console, byte)) {
    case TD_CONSOLE_PACKET:
        if (!td_frames_piece(t->frames, TD_DRESS_CONSOLE, TD_DIR_UNKNOWN, t->packet, t->console.len,
                             true, origin))
            td_frames_garbage(t->frames, origin);
        break;
    case TD_CONSOLE_DROPPED: td_frames_garbage(t->frames, origin); break;
    case TD_CONSOLE_NOTHING:
    case TD_CONSOLE_TEXT: break;
    }
}

/* Lines with markers as they go over the wire; most lines have none and cost one look. */
static bool console_line(struct td_text *t, const char *bytes, size_t len,
                         const struct td_origin *origin)
{
    const char *from = t->console.state == TD_CONSOLE_BETWEEN ? memchr(bytes, 0x04, len) : NULL;

    if (!from)
        from = memchr(bytes, 0x06, len);
    if (!from || from + 1 >= bytes + len)
        return false;
    if ((from[0] != 0x06 || from[1] != 0x09) && (from[0] != 0x04 || from[1] != 0x14))
        return false;
    for (; from < bytes + len; from++)
        console_byte(t, (uint8_t)*from, origin);
    console_byte(t, '\n', origin);
    return true;
}

/* What terminals show for the markers: ^F<tab>, <06><09>, \x06\x09, or nothing at all. */
static const char *skip_shown_marker(const char *p, bool *first, bool *shown)
{
    static const struct {
        const char *text;
        bool first;
    } marks[] = {
        { "\\x06\\x09", true }, { "\\x04\\x14", false }, { "\\x06\\t", true }, { "<06><09>", true },
        { "<04><14>", false },  { "^F^I", true },        { "^D^T", false },    { "^F", true },
    };

    *shown = false;
    while (*p == ' ' || *p == '\t')
        p++;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strncmp(p, marks[i].text, strlen(marks[i].text)) != 0)
            continue;
        *shown = true;
        *first = marks[i].first;
        p += strlen(marks[i].text);
        break;
    }
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static size_t base64_size(const char *p)
{
    size_t n = 0;

    while (td_base64_value((uint8_t)p[n]) >= 0)
        n++;
    while (p[n] == '=' && n % 4 != 0)
        n++;
    return n;
}

/* A whole frame, length and CRC included, stands in bare. */
static void bare_whole(struct td_text *t, const struct td_origin *origin)
{
    struct td_origin at = *origin;

    t->bare_len = 0;
    if (td_crc16(0, t->bare + 2, t->bare_size - 2) != 0)
        return;
    at.at = t->bare_at;
    td_frames_piece(t->frames, TD_DRESS_CONSOLE, TD_DIR_UNKNOWN, t->bare + 2, t->bare_size - 4,
                    false, &at);
}

/* mcumgr-client shows what it received as one piece of base64. */
static const char *skip_result(const char *text)
{
    const char *at = strstr(text, "result string: ");

    return at ? at + strlen("result string: ") : text;
}

/* The base64 alone; the checksum says whether it was a frame. */
static bool bare_line(struct td_text *t, const char *text, const struct td_origin *origin)
{
    bool first = false, shown;
    const char *p = skip_shown_marker(skip_result(text), &first, &shown);
    size_t n = base64_size(p), len = 0;

    // Hex is base64 as well, by its letters; sixteen digits of nothing else are hex.
    if (!shown && n >= 16 && strspn(p, "0123456789abcdefABCDEF") == n)
        return false;
    if (n < 4 || n % 4 != 0 || (!shown && p[n] != 0) ||
        !td_base64_decode(p, n, t->bytes, FRAME_MAX, &len))
        return false;
    if (t->bare_len > 0 && !(shown && first)) {
        if (len > t->bare_size - t->bare_len) {
            t->bare_len = 0;
        } else {
            memcpy(t->bare + t->bare_len, t->bytes, len);
            t->bare_len += len;
            if (t->bare_len == t->bare_size)
                bare_whole(t, origin);
            return true;
        }
    }
    // length, header and CRC: twelve bytes, sixteen characters
    if (len < 12 || (shown && !first))
        return false;
    t->bare_size = 2 + (size_t)td_load_be16(t->bytes);
    if (t->bare_size < len || t->bare_size > FRAME_MAX - 4)
        return false;
    // A line of a frame that goes on is full: this keeps words and keys out.
    if (t->bare_size > len && n < 60 && !shown)
        return false;
    memcpy(t->bare, t->bytes, len);
    t->bare_len = len;
    t->bare_at = origin->at;
    if (t->bare_len == t->bare_size)
        bare_whole(t, origin);
    return true;
}

/* ---- words --------------------------------------------------------------------------- */

static void give_words(struct td_text *t, json_t *body, bool cut, const struct td_origin *origin)
{
    td_frames_words(t->frames, t->words_head.dir, &t->words_head.hdr, body, cut, origin);
}

static void drop_wrapped_words(struct td_text *t)
{
    struct td_line line = { .text = "", .raw = "", .module = "" };

    if (t->words_lines == 0)
        return;
    t->words_lines = 0;
    t->words_origin.line = &line;
    give_words(t, NULL, true, &t->words_origin);
}

/* JSON that a forum or a terminal broke over lines. */
static bool more_words(struct td_text *t, const struct td_line *line)
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

static bool words(struct td_text *t, const struct td_line *line, const struct td_origin *origin)
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

/* ---- hex ----------------------------------------------------------------------------- */

static const char *find_uuid(const char *text)
{
    for (const char *p = strchr(text, '-'); p != NULL; p = strchr(p + 1, '-'))
        if (p - text >= UUID_DASH && strlen(p) >= 28 && p[5] == '-' && p[10] == '-' && p[15] == '-')
            return p - UUID_DASH;
    return NULL;
}

/* Whether the characteristic that the line names is another one than SMP's. */
static bool names_other(const char *text)
{
    const char *uuid = find_uuid(text);

    return uuid && strncasecmp(uuid, SMP_UUID, sizeof SMP_UUID - 1) != 0;
}

static void hex_piece(struct td_text *t, enum td_dress dress, enum td_direction dir,
                      const char *hex, bool known, const struct td_origin *origin)
{
    const char *end;
    size_t n = td_hexes_at(hex, t->bytes, FRAME_MAX, &end);

    if (n == 0)
        return;
    if (!td_frames_piece(t->frames, dress, dir, t->bytes, n, known, origin))
        return;
    // Without a closing bracket the hex may go on in the next line.
    while (*end == ' ' || *end == '-' || *end == ',' || *end == ':')
        end++;
    if (*end == 0) {
        t->wrapped = dress;
        t->wrapped_dir = dir;
        t->wrapped_line = t->n_line;
    }
}

/* The rest of the hex of the line before, when a line holds nothing else. */
static bool wrapped_hex(struct td_text *t, const struct td_line *line,
                        const struct td_origin *origin)
{
    const char *end;
    size_t n;

    if (t->wrapped_line == 0 || t->wrapped_line + 1 != t->n_line ||
        line->dialect != TD_DIALECT_PLAIN)
        return false;
    n = td_hexes_at(line->text, t->bytes, FRAME_MAX, &end);
    while (*end == ' ' || *end == '-' || *end == ',' || *end == ')' || *end == '"')
        end++;
    if (n == 0 || *end != 0 || !td_frames_goes_on(t->frames, t->wrapped))
        return false;
    td_frames_piece(t->frames, t->wrapped, t->wrapped_dir, t->bytes, n, true, origin);
    t->wrapped_line = t->n_line;
    return true;
}

/* Calls and callbacks of BLE libraries, by what stands in front of the hex. */
static bool known_hex(struct td_text *t, const struct td_line *line, const struct td_origin *origin)
{
    static const struct {
        const char *before; /* the hex stands behind it */
        enum td_dress dress;
        enum td_direction dir;
    } calls[] = {
        { "characteristic.setValue(", TD_DRESS_CALL, TD_TO_DEVICE },
        { "gatt.writeCharacteristic(", TD_DRESS_CALL, TD_TO_DEVICE },
        { "value: (0x)", TD_DRESS_NOTE, TD_FROM_DEVICE },
        { "peripheral.writeValue(", TD_DRESS_CALL, TD_TO_DEVICE },
        { "value (0x):", TD_DRESS_NOTE, TD_FROM_DEVICE },
        { "-> [Seq: ", TD_DRESS_CALL, TD_TO_DEVICE },
        { "<- [Seq: ", TD_DRESS_NOTE, TD_FROM_DEVICE },
        { "-> (SEQ No. ", TD_DRESS_CALL, TD_TO_DEVICE },
        { "<- (SEQ No(s). ", TD_DRESS_NOTE, TD_FROM_DEVICE },
    };
    const char *at;
    size_t first = 0;

    // Apple's log has no form of its own, and some of its lines look like Zephyr's.
    if (line->dialect != TD_DIALECT_NORDIC_ANDROID)
        first = 3;
    if (first == 0 && strncmp(line->text, "Writing characteristic", 22) == 0) {
        t->other_uuid = names_other(line->text);
        return false;
    }
    // All of them are about a value, or begin with an arrow.
    if (strstr(line->text, "alue") == NULL && line->text[0] != '-' && line->text[0] != '<')
        return false;
    for (size_t i = first; i < sizeof calls / sizeof calls[0]; i++) {
        at = strstr(line->text, calls[i].before);
        if (!at)
            continue;
        at += strlen(calls[i].before);
        if (calls[i].before[3] == '[' || calls[i].before[3] == '(') {
            // the sequence number, then the bytes
            at = strpbrk(at, "])");
            if (!at)
                return false;
            at++;
        } else if (names_other(line->text) || (first == 0 && i == 0 && t->other_uuid)) {
            return true;
        }
        if (strstr(line->text, "written to") || strstr(line->text, "descriptor"))
            return false;
        while (*at == ' ')
            at++;
        if (strncmp(at, "0x", 2) != 0 && calls[i].dress == TD_DRESS_CALL) {
            // gatt.writeCharacteristic(UUID, value=0x0102, WRITE_COMMAND)
            at = strstr(at, "0x");
            if (!at)
                return false;
        }
        hex_piece(t, calls[i].dress, calls[i].dir, at, true, origin);
        return true;
    }
    return false;
}

/* "(0x) 01-00-..." received; -> 0x01...; what names its direction but not its characteristic */
static bool said_hex(struct td_text *t, const struct td_line *line, const struct td_origin *origin)
{
    const char *at = strstr(line->text, "(0x)");
    const char *start, *end;
    size_t n;

    if (!at || line->dialect != TD_DIALECT_NORDIC_ANDROID)
        return false;
    n = td_hexes_at(at, t->bytes, FRAME_MAX, &end);
    start = end;
    if (n == 0)
        return false;
    td_frames_piece(t->frames, TD_DRESS_SAID,
                    strstr(start, "sent")       ? TD_TO_DEVICE
                    : strstr(start, "received") ? TD_FROM_DEVICE
                                                : TD_DIR_UNKNOWN,
                    t->bytes, n, false, origin);
    return true;
}

/* Python's b'...' of smp and smpclient, and of whoever prints bytes. */
static bool python_hex(struct td_text *t, const struct td_line *line,
                       const struct td_origin *origin)
{
    const char *at, *other, *end;
    enum td_dress dress = TD_DRESS_HEX;
    enum td_direction dir = TD_DIR_UNKNOWN;
    size_t n, skip = 0;

    if (line->dialect == TD_DIALECT_NORDIC_ANDROID || line->dialect == TD_DIALECT_ZEPHYR)
        return false;
    at = strstr(line->text, "b'");
    other = strstr(line->text, "b\"");
    if (!at || (other && other < at))
        at = other;
    if (!at || (at > line->text && at[-1] != '=' && at[-1] != ' ' && at[-1] != '('))
        return false;
    n = td_hexes_python(at, t->bytes, FRAME_MAX, &end);
    if (strstr(line->text, "Serializing request=")) {
        dress = TD_DRESS_CALL;
        dir = TD_TO_DEVICE;
    } else if (strstr(line->text, "length_and_frame=")) {
        dress = TD_DRESS_NOTE;
        dir = TD_FROM_DEVICE;
        skip = 2;
    } else if (strstr(line->text, "smp_data=")) {
        dress = TD_DRESS_SAID;
    }
    if (n < skip + TD_SMP_HEADER_SIZE)
        return false;
    td_frames_piece(t->frames, dress, dir, t->bytes + skip, n - skip, dress == TD_DRESS_NOTE,
                    origin);
    // Of an answer that takes several lines of the console it shows the first alone.
    td_frames_cut(t->frames, dress, origin);
    return true;
}

/* What a dump belongs to, by the words of the Go clients above it. */
static enum td_dress dump_dress(const char *heading)
{
    if (strstr(heading, "Tx NMP") || strstr(heading, "Tx packet"))
        return TD_DRESS_SAID;
    if (strstr(heading, "Base64 encoding"))
        return TD_DRESS_CALL;
    if (strstr(heading, "Decoded input") || strstr(heading, "Rx packet"))
        return TD_DRESS_NOTE;
    return TD_DRESS_DUMP;
}

static void dump_end(struct td_text *t, const struct td_origin *origin)
{
    if (!t->dump)
        return;
    t->dump = false;
    // Clients dump console lines without the line's end.
    if (t->dump_console && t->console.state == TD_CONSOLE_IN_LINE)
        console_byte(t, '\n', origin);
}

static bool dump_text(struct td_text *t, const char *text, const struct td_origin *origin)
{
    uint32_t offset = 0;
    uint8_t bytes[32];
    size_t n = 0;

    if (!td_hexes_dump(text, &offset, bytes, &n)) {
        dump_end(t, origin);
        return false;
    }
    if (!t->dump || offset != t->dump_next) {
        dump_end(t, origin);
        t->dump_console = n >= 2 && ((bytes[0] == 0x06 && bytes[1] == 0x09) ||
                                     (bytes[0] == 0x04 && bytes[1] == 0x14));
        t->dump = t->dump_console || td_frames_piece(t->frames, t->dump_dress, TD_DIR_UNKNOWN,
                                                     bytes, n, false, origin);
        if (!t->dump)
            return false;
    } else if (!t->dump_console) {
        td_frames_piece(t->frames, t->dump_dress, TD_DIR_UNKNOWN, bytes, n, false, origin);
    }
    if (t->dump_console)
        for (size_t i = 0; i < n; i++)
            console_byte(t, bytes[i], origin);
    t->dump_next = offset + (uint32_t)n;
    return true;
}

/* logrus puts the whole dump into one line when it writes into a file: "...\\n00000010  ..." */
static bool folded_dump(struct td_text *t, const struct td_line *line,
                        const struct td_origin *origin)
{
    const char *p = strstr(line->text, "00000000  ");
    char row[128];
    bool any = false;

    if (!p)
        return false;
    t->dump_dress = dump_dress(line->text);
    while (p != NULL) {
        const char *stop = strstr(p, "\\n");
        size_t n = stop ? (size_t)(stop - p) : strlen(p);

        n = n < sizeof row ? n : sizeof row - 1;
        memcpy(row, p, n);
        row[n] = 0;
        if (!dump_text(t, row, origin))
            break;
        any = true;
        p = stop ? stop + 2 : NULL;
    }
    return any;
}

static bool dump_line(struct td_text *t, const struct td_line *line, const struct td_origin *origin)
{
    struct td_origin timed = *origin;

    if (timed.time_us == TD_NO_TIME)
        timed.time_us = t->dump_us;
    if (dump_text(t, line->text, &timed))
        return true;
    t->dump_us = origin->time_us;
    if (line->dialect == TD_DIALECT_MCUMGR) {
        if (folded_dump(t, line, origin))
            return true;
        t->dump_dress = dump_dress(line->text);
    } else if (line->dialect != TD_DIALECT_PLAIN) {
        t->dump_dress = TD_DRESS_DUMP;
    }
    return false;
}

static void tandem_hex(struct td_text *t, const struct td_line *line,
                       const struct td_origin *origin)
{
    const char *end;
    size_t n;

    if (line->text[0] == 'x') {
        td_frames_garbage(t->frames, origin);
        return;
    }
    if (line->text[0] != '>' && line->text[0] != '<')
        return;
    n = td_hexes_at(line->text + 1, t->bytes, FRAME_MAX, &end);
    if (n > 0)
        td_frames_piece(t->frames, TD_DRESS_CALL,
                        line->text[0] == '>' ? TD_TO_DEVICE : TD_FROM_DEVICE, t->bytes, n, true,
                        origin);
}

/* Hex anywhere in the line that turns out to be a frame, or the beginning of one. */
static void any_hex(struct td_text *t, const struct td_line *line, const struct td_origin *origin)
{
    const char *p = line->text, *start, *end;
    size_t n;

    // The same frame once more, with length and checksum around it.
    if (strstr(p, "with packet length and checksum"))
        return;
    while ((n = td_hexes_find(p, TD_SMP_HEADER_SIZE, t->bytes, FRAME_MAX, &start, &end)) > 0) {
        if (n >= 16 && t->bytes[0] == 0x06 && t->bytes[1] == 0x09) {
            for (size_t i = 0; i < n; i++)
                console_byte(t, t->bytes[i], origin);
        } else if (td_frames_goes_on(t->frames, TD_DRESS_HEX) ||
                   t->bytes[0] <= 0x0b) { // no operation begins with more
            hex_piece(t, TD_DRESS_HEX, TD_DIR_UNKNOWN, start, false, origin);
        }
        p = end;
    }
}

/* ---- lines --------------------------------------------------------------------------- */

static void look(struct td_text *t, const struct td_line *line, const struct td_origin *origin,
                 bool framed)
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
        tandem_hex(t, line, origin);
        return;
    }
    // Too short for a frame, unless it goes on with one or stands above a dump.
    if (line->len < 16 && !t->dump && t->bare_len == 0 && t->wrapped_line == 0 &&
        line->dialect != TD_DIALECT_MCUMGR)
        return;
    if (wrapped_hex(t, line, origin) || known_hex(t, line, origin) || said_hex(t, line, origin) ||
        python_hex(t, line, origin) || dump_line(t, line, origin) ||
        bare_line(t, line->text, origin))
        return;
    any_hex(t, line, origin);
}

/* ---- what rich broke ----------------------------------------------------------------- */

static void join_end(struct td_text *t)
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

static void join_add(struct td_text *t, const struct td_line *line)
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
static bool join(struct td_text *t, const struct td_line *line, const struct td_origin *origin)
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

static void take_line(struct td_text *t)
{
    struct td_event event = { .kind = TD_EVENT_LINE };
    struct td_line line;
    struct td_origin origin = { .line = &line };
    bool framed;

    t->n_line++;
    event.at = (struct td_place){ t->file, t->n_line, t->offset };
    td_line_read(&t->state, t->line, t->n, &line, &event.time_us);
    event.line = line;
    origin.at = event.at;
    origin.time_us = event.time_us;
    td_frames_line(t->frames, &origin);
    t->sink->take(t->sink, &event);
    framed = console_line(t, t->line, t->n, &origin);
    if (!join(t, &line, &origin))
        look(t, &line, &origin, framed);
}

void td_text_feed(struct td_text *t, const uint8_t *bytes, size_t len)
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

void td_text_end(struct td_text *t)
{
    if (t->n > 0)
        take_line(t);
    join_end(t);
    dump_end(t,
             &(struct td_origin){ .at = { t->file, t->n_line, t->offset }, .time_us = TD_NO_TIME });
    drop_wrapped_words(t);
    release(t);
}
