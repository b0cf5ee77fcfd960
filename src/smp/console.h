/*
 * smp/console.h - SMP packets as lines of text on a UART that others use too.
 *
 * A packet goes out as  length (2 bytes, big-endian, packet + 2) | packet | CRC-16 (2 bytes),
 * cut into pieces, each as one line: two marker bytes (06 09 for the first, 04 14 for the
 * others), base64, LF. The CRC (td_crc16) covers the packet alone. Format: docs/spec/smp.md.
 */
#ifndef TD_SMP_CONSOLE_H
#define TD_SMP_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TD_CONSOLE_LINE_MAX 127 /* bytes of a line everybody takes: markers, base64, LF */
#define TD_CONSOLE_OVERHEAD 4   /* length and CRC: a device with buf_size takes packets of -4 */

/* ---- out ----------------------------------------------------------------------------- */

/* One packet on its way out; the packet stays the caller's until the last line is taken. */
struct td_console_out {
    const uint8_t *packet;
    size_t len;
    size_t pos;      /* of length + packet + CRC, how much went out */
    size_t line_max; /* bytes of a line at most */
    uint16_t crc;
};

/*
 * line_max is at least 11 (two whole groups of base64) and mostly TD_CONSOLE_LINE_MAX.
 * TD_EARG: a shorter line, an empty packet, or one beyond 65533 bytes.
 */
enum td_err td_console_out_begin(struct td_console_out *out, const uint8_t *packet, size_t len,
                                 size_t line_max);

/*
 * Writes the next line, LF included, to buf, which has room for line_max bytes; returns its
 * length, 0 when the packet is all out. The CRC never spans two lines, as some receivers want.
 */
size_t td_console_out_line(struct td_console_out *out, uint8_t *buf);

/* How many bytes all lines of a packet of len bytes take together. */
size_t td_console_size(size_t len, size_t line_max);

/* ---- in ------------------------------------------------------------------------------ */

enum td_console_event {
    TD_CONSOLE_NOTHING, /* part of a frame, go on */
    TD_CONSOLE_PACKET,  /* a whole packet stands in buf, len bytes, until the next byte is fed */
    TD_CONSOLE_TEXT,    /* this byte belongs to no frame: log output, a prompt */
    TD_CONSOLE_DROPPED, /* this byte showed that the frame is damaged; it is forgotten */
};

struct td_console_in {
    uint8_t *buf; /* the caller's; takes packets of up to cap bytes */
    size_t cap;
    size_t len;        /* packet bytes so far */
    size_t got;        /* bytes behind the base64 so far, length and CRC included */
    uint16_t expected; /* packet + CRC, once the length was read */
    uint16_t crc;
    uint32_t quad; /* bits of the base64 group under way */
    uint8_t n_quad;
    uint8_t padding;
    uint8_t marker; /* the first marker byte, when it was the last byte */
    enum td_console_state { TD_CONSOLE_OUTSIDE, TD_CONSOLE_IN_LINE, TD_CONSOLE_BETWEEN } state;
};

void td_console_in_init(struct td_console_in *in, uint8_t *buf, size_t cap);

/*
 * Takes one byte. Lines may be of any length and end in CR LF or LF; other text between the
 * lines of a frame is let through as TEXT and does not disturb it. A new 06 09 starts over.
 * A frame with a wrong CRC or length, a bad base64 character or one larger than cap is
 * DROPPED; there is no answer to it, the sender repeats.
 */
enum td_console_event td_console_in_byte(struct td_console_in *in, uint8_t byte);

#endif
