/*
 * smp/raw.c - binary framing of packets on a UART: by length, and COBS with a CRC.
 *
 * Both take byte by byte, so no frame is ever held in its encoded form.
 */
#include "smp/raw.h"

#include <string.h>

#include "base/crc.h"
#include "smp/header.h"

enum { CRC_SIZE = 2, BLOCK_FULL = 0xff, BLOCK_MOST = 254 };

/* ---- raw ----------------------------------------------------------------------------- */

void td_raw_in_init(struct td_raw_in *in, uint8_t *buf, size_t cap)
{
    memset(in, 0, sizeof *in);
    in->buf = buf;
    in->cap = cap;
}

bool td_raw_in_waits(const struct td_raw_in *in)
{
    return in->skip > 0 || (in->len > 0 && !in->complete);
}

void td_raw_in_forget(struct td_raw_in *in)
{
    in->len = 0;
    in->skip = 0;
    in->complete = false;
}

// Noise, or the tail of a packet that was dropped, is mostly told by its first byte: the
// reserved bits are 0, and what is asked (or answered) is a read or a write.
static bool begins_packet(const struct td_raw_in *in, uint8_t byte)
{
    uint8_t op = (uint8_t)((byte & 7) - (in->answers ? 1 : 0));

    return (byte & 0xe0) == 0 && (op == TD_SMP_READ || op == TD_SMP_WRITE);
}

static size_t announced(const struct td_raw_in *in)
{
    return TD_SMP_HEADER_SIZE + ((size_t)in->buf[2] << 8 | in->buf[3]);
}

enum td_raw_event td_raw_in_byte(struct td_raw_in *in, uint8_t byte)
{
    if (in->complete)
        td_raw_in_forget(in);
    if (in->skip > 0) {
        in->skip--;
        return TD_RAW_NOTHING;
    }
    if (in->len == 0 && !begins_packet(in, byte))
        return TD_RAW_DROPPED;
    in->buf[in->len++] = byte;
    if (in->len < TD_SMP_HEADER_SIZE)
        return TD_RAW_NOTHING;
    if (announced(in) > in->cap) {
        in->skip = announced(in) - in->len;
        in->len = 0;
        return TD_RAW_DROPPED;
    }
    in->complete = in->len == announced(in);
    return in->complete ? TD_RAW_PACKET : TD_RAW_NOTHING;
}

/* ---- cobs, in ------------------------------------------------------------------------ */

static void begin_frame(struct td_cobs_in *in)
{
    in->crc = 0;
    in->code = 0;
    in->left = 0;
    in->n_held = 0;
    in->bad = false;
}

void td_cobs_in_init(struct td_cobs_in *in, uint8_t *buf, size_t cap)
{
    memset(in, 0, sizeof *in);
    in->buf = buf;
    in->cap = cap;
}

/* One byte of packet + CRC. */
static void take(struct td_cobs_in *in, uint8_t byte)
{
    in->crc = td_crc16(in->crc, &byte, 1);
    if (in->n_held < CRC_SIZE) {
        in->held[in->n_held++] = byte;
        return;
    }
    if (in->len == in->cap) {
        in->bad = true;
        return;
    }
    in->buf[in->len++] = in->held[0];
    in->held[0] = in->held[1];
    in->held[1] = byte;
}

static enum td_raw_event end_frame(struct td_cobs_in *in)
{
    bool empty = in->code == 0 && !in->bad;
    bool whole = !in->bad && in->left == 0 && in->n_held == CRC_SIZE && in->len > 0 && in->crc == 0;

    begin_frame(in);
    return empty ? TD_RAW_NOTHING : whole ? TD_RAW_PACKET : TD_RAW_DROPPED;
}

enum td_raw_event td_cobs_in_byte(struct td_cobs_in *in, uint8_t byte)
{
    if (byte == 0)
        return end_frame(in);
    if (in->bad)
        return TD_RAW_NOTHING;
    if (in->code == 0)
        in->len = 0;
    if (in->left > 0) {
        in->left--;
        take(in, byte);
        return TD_RAW_NOTHING;
    }
    // The zero that ended the block before; a full block has none.
    if (in->code != 0 && in->code != BLOCK_FULL)
        take(in, 0);
    in->code = byte;
    in->left = (uint8_t)(byte - 1);
    return TD_RAW_NOTHING;
}

/* ---- cobs, out ----------------------------------------------------------------------- */

enum td_err td_cobs_out_begin(struct td_cobs_out *out, const uint8_t *packet, size_t len)
{
    if (len == 0)
        return TD_EARG;
    *out = (struct td_cobs_out){ .packet = packet, .len = len, .crc = td_crc16(0, packet, len) };
    return TD_OK;
}

static uint8_t byte_at(const struct td_cobs_out *out, size_t pos)
{
    if (pos < out->len)
        return out->packet[pos];
    return (uint8_t)(out->crc >> (pos == out->len ? 8 : 0));
}

/* How many bytes stand before the next zero, the end, or the end of a full block. */
static uint8_t run_length(const struct td_cobs_out *out)
{
    uint8_t n = 0;

    while (n < BLOCK_MOST && out->pos + n < out->len + CRC_SIZE && byte_at(out, out->pos + n) != 0)
        n++;
    return n;
}

/* The block's bytes are out: its zero is passed over, and the last block is followed by the 00. */
static void end_block(struct td_cobs_out *out, bool full)
{
    out->state = TD_COBS_BLOCK;
    if (full)
        return;
    if (out->pos == out->len + CRC_SIZE)
        out->state = TD_COBS_LAST;
    else
        out->pos++;
}

static uint8_t begin_block(struct td_cobs_out *out)
{
    uint8_t n = run_length(out);

    out->left = n;
    out->full = n == BLOCK_MOST;
    out->state = TD_COBS_BYTES;
    if (n == 0)
        end_block(out, false);
    return (uint8_t)(n + 1);
}

static uint8_t next_byte(struct td_cobs_out *out)
{
    uint8_t byte;

    if (out->state == TD_COBS_FIRST) {
        out->state = TD_COBS_BLOCK;
        return 0;
    }
    if (out->state == TD_COBS_BLOCK)
        return begin_block(out);
    if (out->state == TD_COBS_LAST) {
        out->state = TD_COBS_DONE;
        return 0;
    }
    byte = byte_at(out, out->pos++);
    if (--out->left == 0)
        end_block(out, out->full);
    return byte;
}

size_t td_cobs_out_bytes(struct td_cobs_out *out, uint8_t *buf, size_t cap)
{
    size_t n = 0;

    while (n < cap && out->state != TD_COBS_DONE)
        buf[n++] = next_byte(out);
    return n;
}

size_t td_cobs_size_max(size_t len)
{
    return len + CRC_SIZE + (len + CRC_SIZE) / BLOCK_MOST + 3;
}
