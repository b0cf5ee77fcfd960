/* doctor/text_console.c - see text_priv.h: console framing in text, with its markers and without. */
#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/crc.h"
#include "doctor/text_priv.h"

void td_text_console_byte(struct td_text_reader *t, uint8_t byte, const struct td_origin *origin)
{
    struct td_origin at = *origin;

    at.at = t->console_at;
    if (t->console.marker == 0x06 && byte == 0x09) {
        // Another frame begins: lines of the one before were lost.
        if (t->console.state == TD_CONSOLE_BETWEEN)
            td_frames_garbage(t->frames, &at);
        t->console_at = origin->at;
    }
    switch (td_console_in_byte(&t->console, byte)) {
    case TD_CONSOLE_PACKET:
        td_frames_piece(t->frames, TD_DRESS_CONSOLE, TD_DIR_UNKNOWN, t->packet, t->console.len,
                        true, &at);
        break;
    case TD_CONSOLE_DROPPED: td_frames_garbage(t->frames, origin); break;
    case TD_CONSOLE_NOTHING:
    case TD_CONSOLE_TEXT: break;
    }
}

/* Lines with markers as they go over the wire; most lines have none and cost one look. */
bool td_text_console_line(struct td_text_reader *t, const char *bytes, size_t len,
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
        td_text_console_byte(t, (uint8_t)*from, origin);
    td_text_console_byte(t, '\n', origin);
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
static void bare_whole(struct td_text_reader *t, const struct td_origin *origin)
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
bool td_text_bare_line(struct td_text_reader *t, const char *text, const struct td_origin *origin)
{
    bool first = false, shown;
    const char *p = skip_shown_marker(skip_result(text), &first, &shown);
    size_t n = base64_size(p), len = 0;

    // Hex is base64 as well, by its letters; sixteen digits of nothing else are hex.
    if (!shown && n >= 16 && strspn(p, "0123456789abcdefABCDEF") == n)
        return false;
    if (n < 4 || n % 4 != 0 || (!shown && p[n] != 0) ||
        !td_base64_decode(p, n, t->bytes, TD_TEXT_FRAME_MAX, &len))
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
    if (t->bare_size < len || t->bare_size > TD_TEXT_FRAME_MAX - 4)
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
