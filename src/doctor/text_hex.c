/* doctor/text_hex.c - see text_priv.h: frames in the hex of a line, whatever its dress. */
#include <string.h>
#include <strings.h>

#include "doctor/hexes.h"
#include "doctor/text_priv.h"

#define SMP_UUID  "da2e7828-fbce-4e01-ae9e-261174997c48"
#define UUID_DASH 8 /* where a UUID has its first one */

static const char *find_uuid(const char *text)
{
    for (const char *p = strchr(text, '-'); p != NULL; p = strchr(p + 1, '-'))
        if (p - text >= UUID_DASH && strnlen(p, 28) == 28 && p[5] == '-' && p[10] == '-' &&
            p[15] == '-')
            return p - UUID_DASH;
    return NULL;
}

/* Whether the characteristic that the line names is another one than SMP's. */
static bool names_other(const char *text)
{
    const char *uuid = find_uuid(text);

    return uuid && strncasecmp(uuid, SMP_UUID, sizeof SMP_UUID - 1) != 0;
}

/* Whether the hex goes to the line's end, but for the characters that dumps put there. */
static bool ends_line(const char *end)
{
    while (*end == ' ' || *end == '-' || *end == ',' || *end == ':' || *end == ')' || *end == '"' ||
           *end == '\t')
        end++;
    return *end == 0 || *end == '|';
}

static void hex_piece(struct td_text_reader *t, enum td_dress dress, enum td_direction dir,
                      const char *hex, bool known, const struct td_origin *origin)
{
    const char *end;
    size_t n = td_hexes_at(hex, t->bytes, TD_TEXT_FRAME_MAX, &end);

    if (n == 0)
        return;
    if (!td_frames_piece(t->frames, dress, dir, t->bytes, n, known, origin))
        return;
    // Without a closing bracket the hex may go on in the next line.
    if (*end != ')' && ends_line(end)) {
        t->wrapped = dress;
        t->wrapped_dir = dir;
        t->wrapped_line = t->n_line;
    }
}

/* The rest of the hex of the line before, when a line holds nothing else. */
bool td_text_wrapped_hex(struct td_text_reader *t, const struct td_line *line,
                         const struct td_origin *origin)
{
    const char *end;
    size_t n;

    if (t->wrapped_line == 0 || t->wrapped_line + 1 != t->n_line ||
        line->dialect != TD_DIALECT_PLAIN)
        return false;
    n = td_hexes_at(line->text, t->bytes, TD_TEXT_FRAME_MAX, &end);
    if (n == 0 || !ends_line(end) || !td_frames_goes_on(t->frames, t->wrapped))
        return false;
    td_frames_piece(t->frames, t->wrapped, t->wrapped_dir, t->bytes, n, true, origin);
    t->wrapped_line = t->n_line;
    return true;
}

/* Calls and callbacks of BLE libraries, by what stands in front of the hex. */
bool td_text_known_hex(struct td_text_reader *t, const struct td_line *line,
                       const struct td_origin *origin)
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
bool td_text_said_hex(struct td_text_reader *t, const struct td_line *line,
                      const struct td_origin *origin)
{
    const char *at = strstr(line->text, "(0x)");
    const char *start, *end;
    size_t n;

    if (!at || line->dialect != TD_DIALECT_NORDIC_ANDROID)
        return false;
    n = td_hexes_at(at, t->bytes, TD_TEXT_FRAME_MAX, &end);
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
bool td_text_python_hex(struct td_text_reader *t, const struct td_line *line,
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
    n = td_hexes_python(at, t->bytes, TD_TEXT_FRAME_MAX, &end);
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

void td_text_dump_end(struct td_text_reader *t, const struct td_origin *origin)
{
    if (!t->dump)
        return;
    t->dump = false;
    // Clients dump console lines without the line's end.
    if (t->dump_console && t->console.state == TD_CONSOLE_IN_LINE)
        td_text_console_byte(t, '\n', origin);
}

static bool dump_text(struct td_text_reader *t, const char *text, const struct td_origin *origin)
{
    uint32_t offset = 0;
    uint8_t bytes[32];
    size_t n = 0;

    if (!td_hexes_dump(text, &offset, bytes, &n)) {
        td_text_dump_end(t, origin);
        return false;
    }
    if (!t->dump || offset != t->dump_next) {
        td_text_dump_end(t, origin);
        // The markers alone are a piece that Go's client writes by itself.
        t->dump_console = n > 2 && ((bytes[0] == 0x06 && bytes[1] == 0x09) ||
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
            td_text_console_byte(t, bytes[i], origin);
    t->dump_next = offset + (uint32_t)n;
    return true;
}

/* logrus puts the whole dump into one line when it writes into a file: "...\\n00000010  ..." */
static bool folded_dump(struct td_text_reader *t, const struct td_line *line,
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

bool td_text_dump_line(struct td_text_reader *t, const struct td_line *line,
                       const struct td_origin *origin)
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

void td_text_tandem_hex(struct td_text_reader *t, const struct td_line *line,
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
    n = td_hexes_at(line->text + 1, t->bytes, TD_TEXT_FRAME_MAX, &end);
    if (n > 0)
        td_frames_piece(t->frames, TD_DRESS_CALL,
                        line->text[0] == '>' ? TD_TO_DEVICE : TD_FROM_DEVICE, t->bytes, n, true,
                        origin);
}

/* Hex anywhere in the line that turns out to be a frame, or the beginning of one. */
void td_text_any_hex(struct td_text_reader *t, const struct td_line *line,
                     const struct td_origin *origin)
{
    const char *p = line->text, *start, *end;
    size_t n;

    // The same frame once more, with length and checksum around it.
    if (strstr(p, "with packet length and checksum"))
        return;
    while ((n = td_hexes_find(p, TD_SMP_HEADER_SIZE, t->bytes, TD_TEXT_FRAME_MAX, &start, &end)) >
           0) {
        if (n >= 16 && t->bytes[0] == 0x06 && t->bytes[1] == 0x09) {
            for (size_t i = 0; i < n; i++)
                td_text_console_byte(t, t->bytes[i], origin);
        } else if (td_frames_goes_on(t->frames, TD_DRESS_HEX) ||
                   t->bytes[0] <= 0x0b) { // no operation begins with more
            hex_piece(t, TD_DRESS_HEX, TD_DIR_UNKNOWN, start, false, origin);
        }
        p = end;
    }
}
