/*
 * smp/console.c - framing of packets as base64 lines.
 *
 * A line is decoded byte by byte as it comes in, so no line buffer is needed and lines may be
 * longer than the classical 127 bytes. Base64 groups never span two lines.
 */
#include "smp/console.h"

#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/crc.h"
#include "base/range.h"

enum { FIRST_1 = 0x06, FIRST_2 = 0x09, NEXT_1 = 0x04, NEXT_2 = 0x14 };

enum { LINE_FRAME = 3 /* two marker bytes and LF */, LINE_LEAST = LINE_FRAME + 8 };

/* ---- out ----------------------------------------------------------------------------- */

enum td_err td_console_out_begin(struct td_console_out *out, const uint8_t *packet, size_t len,
                                 size_t line_max)
{
    if (line_max < LINE_LEAST || len == 0 || len > UINT16_MAX - 2)
        return TD_EARG;
    *out = (struct td_console_out){ packet, len, 0, line_max, td_crc16(0, packet, len) };
    return TD_OK;
}

/* How many raw bytes the line that begins at pos takes of the 2 + len + 2 of the frame. */
static size_t piece(size_t pos, size_t len, size_t line_max)
{
    size_t room = (line_max - LINE_FRAME) / 4 * 3;
    size_t left = len + TD_CONSOLE_OVERHEAD - pos;

    // With room for all but one byte of the CRC, one group of three stays for the next line.
    return left <= room ? left : left == room + 1 ? room - 3 : room;
}

static uint8_t frame_byte(const struct td_console_out *out, size_t pos)
{
    size_t expected = out->len + 2;

    if (pos < 2)
        return (uint8_t)(expected >> (pos == 0 ? 8 : 0));
    pos -= 2;
    if (pos < out->len)
        return out->packet[pos];
    return (uint8_t)(out->crc >> (pos == out->len ? 8 : 0));
}

size_t td_console_out_line(struct td_console_out *out, uint8_t *buf)
{
    bool first = out->pos == 0;
    size_t n = 0, raw;

    if (out->pos == out->len + TD_CONSOLE_OVERHEAD)
        return 0;
    raw = piece(out->pos, out->len, out->line_max);
    buf[n++] = first ? FIRST_1 : NEXT_1;
    buf[n++] = first ? FIRST_2 : NEXT_2;
    while (raw > 0) {
        uint8_t group[3] = { 0 };
        size_t n_group = raw < 3 ? raw : 3;

        for (size_t i = 0; i < n_group; i++)
            group[i] = frame_byte(out, out->pos + i);
        td_base64_group(group, n_group, buf + n);
        out->pos += n_group;
        raw -= n_group;
        n += 4;
    }
    buf[n++] = '\n';
    return n;
}

size_t td_console_size(size_t len, size_t line_max)
{
    size_t total = 0, pos = 0;

    while (pos < len + TD_CONSOLE_OVERHEAD) {
        size_t raw = piece(pos, len, line_max);

        total += LINE_FRAME + (raw + 2) / 3 * 4;
        pos += raw;
    }
    return total;
}

/* ---- in ------------------------------------------------------------------------------ */

void td_console_in_init(struct td_console_in *in, uint8_t *buf, size_t cap)
{
    memset(in, 0, sizeof *in);
    in->buf = buf;
    in->cap = cap;
}

static enum td_console_event drop(struct td_console_in *in)
{
    in->state = TD_CONSOLE_OUTSIDE;
    in->len = 0;
    return TD_CONSOLE_DROPPED;
}

static void begin_line(struct td_console_in *in)
{
    in->state = TD_CONSOLE_IN_LINE;
    in->quad = 0;
    in->n_quad = 0;
    in->padding = 0;
}

static void begin_frame(struct td_console_in *in)
{
    in->len = 0;
    in->got = 0;
    in->expected = 0;
    in->crc = 0;
    begin_line(in);
}

/* One byte of length + packet + CRC; false when it makes the frame impossible. */
static bool take_raw(struct td_console_in *in, uint8_t byte)
{
    in->got++;
    if (in->got <= 2) {
        in->expected = (uint16_t)(in->expected << 8 | byte);
        // A frame carries a byte of packet and two of CRC, and the packet has to fit.
        return in->got < 2 || (in->expected > 2 && (size_t)in->expected - 2 <= in->cap);
    }
    if (in->got > (size_t)in->expected + 2)
        return false;
    in->crc = td_crc16(in->crc, &byte, 1);
    if (in->got <= in->expected) // the last two bytes are the CRC
        in->buf[in->len++] = byte;
    return true;
}

static bool take_group(struct td_console_in *in)
{
    unsigned n = 3u - in->padding;

    for (unsigned i = 0; i < n; i++)
        if (!take_raw(in, (uint8_t)(in->quad >> (16 - 8 * i))))
            return false;
    in->quad = 0;
    in->n_quad = 0;
    return true;
}

static bool take_base64(struct td_console_in *in, uint8_t c)
{
    int value = td_base64_value(c);

    if (c == '=' && in->n_quad >= 2)
        in->padding++;
    else if (value < 0 || in->padding > 0) // nothing but padding may follow padding
        return false;
    in->quad = in->quad << 6 | (uint32_t)(value < 0 ? 0 : value);
    in->n_quad++;
    return in->n_quad < 4 || take_group(in);
}

static enum td_console_event end_line(struct td_console_in *in)
{
    if (in->n_quad != 0)
        return drop(in);
    if (in->got < 2 || in->got < (size_t)in->expected + 2) {
        in->state = TD_CONSOLE_BETWEEN;
        return TD_CONSOLE_NOTHING;
    }
    if (in->crc != 0) // the CRC over packet and CRC
        return drop(in);
    in->state = TD_CONSOLE_OUTSIDE;
    return TD_CONSOLE_PACKET;
}

/* A byte that no line of a frame has: text, or half of a marker. */
static enum td_console_event outside(struct td_console_in *in, uint8_t byte)
{
    if (byte == FIRST_1 || (byte == NEXT_1 && in->state == TD_CONSOLE_BETWEEN)) {
        in->marker = byte;
        return TD_CONSOLE_NOTHING;
    }
    return TD_CONSOLE_TEXT;
}

enum td_console_event td_console_in_byte(struct td_console_in *in, uint8_t byte)
{
    uint8_t marker = in->marker;

    in->marker = 0;
    if (marker == FIRST_1 && byte == FIRST_2) {
        begin_frame(in);
        return TD_CONSOLE_NOTHING;
    }
    if (marker == NEXT_1 && byte == NEXT_2) {
        begin_line(in);
        return TD_CONSOLE_NOTHING;
    }
    if (in->state != TD_CONSOLE_IN_LINE)
        return outside(in, byte);
    if (byte == '\r')
        return TD_CONSOLE_NOTHING;
    if (byte == '\n')
        return end_line(in);
    if (byte == FIRST_1) { // the sender began anew; the line before it is lost
        in->marker = byte;
        return drop(in);
    }
    return take_base64(in, byte) ? TD_CONSOLE_NOTHING : drop(in);
}
