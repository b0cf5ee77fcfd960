/*
 * smp/raw.h - SMP packets in binary on a UART that nobody else uses.
 *
 * Two ways, which never meet on one line:
 *
 *   raw    the packet as it is. Its own header says where it ends; nothing says where it begins,
 *          so what stalls in the middle is dropped, and the next byte begins anew.
 *   cobs   packet | CRC-16 (2 bytes, big-endian, td_crc16 over the packet), without its zeros
 *          (COBS), between two 00. Every 00 is a fresh start, and damage is seen. The one in
 *          front is ours: a lost 00 behind a packet then costs that packet and not the next.
 *
 * Format: docs/spec/recovery.md. The packet buffers are the caller's.
 */
#ifndef TD_SMP_RAW_H
#define TD_SMP_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum td_raw_event {
    TD_RAW_NOTHING, /* part of a packet, or between two: go on */
    TD_RAW_PACKET,  /* a whole packet stands in buf, len bytes, until the next byte is fed */
    TD_RAW_DROPPED, /* this byte showed that the packet is damaged; it is forgotten */
};

/* ---- raw ----------------------------------------------------------------------------- */

struct td_raw_in {
    uint8_t *buf; /* the caller's; takes packets of up to cap bytes, cap 8 or more */
    size_t cap;
    size_t len;
    size_t skip; /* bytes of a packet beyond cap that are still to come */
    bool complete;
    bool answers; /* set after init by who asks: answers begin a packet here, not requests */
};

void td_raw_in_init(struct td_raw_in *in, uint8_t *buf, size_t cap);

/*
 * Takes one byte. A first byte that no request (no answer) begins with is DROPPED, and so, once, is a packet
 * larger than cap, whose other bytes are then swallowed.
 */
enum td_raw_event td_raw_in_byte(struct td_raw_in *in, uint8_t byte);

/* Whether a packet has begun and not ended: then silence is a reason to forget it. */
bool td_raw_in_waits(const struct td_raw_in *in);

/* Forgets what has come of it. */
void td_raw_in_forget(struct td_raw_in *in);

/* ---- cobs, in ------------------------------------------------------------------------ */

struct td_cobs_in {
    uint8_t *buf; /* the caller's; takes packets of up to cap bytes */
    size_t cap;
    size_t len;
    uint16_t crc;
    uint8_t code; /* of the block under way; 0: no block of this frame has begun */
    uint8_t left; /* bytes of the block that are still to come */
    uint8_t n_held;
    uint8_t held[2]; /* the last two bytes, which are the CRC when the frame ends here */
    bool bad;        /* what comes until the next 00 is not looked at */
};

void td_cobs_in_init(struct td_cobs_in *in, uint8_t *buf, size_t cap);

/* Takes one byte. Empty frames are NOTHING: a sender may begin with a 00 to be heard. */
enum td_raw_event td_cobs_in_byte(struct td_cobs_in *in, uint8_t byte);

/* ---- cobs, out ----------------------------------------------------------------------- */

/* One packet on its way out; the packet stays the caller's until the last byte is taken. */
struct td_cobs_out {
    const uint8_t *packet;
    size_t len;
    size_t pos; /* of packet + CRC, how much went out */
    uint16_t crc;
    uint8_t left; /* bytes of the block under way that are still to go out */
    bool full;    /* it is as long as blocks get, and stands for no zero */
    enum { TD_COBS_FIRST, TD_COBS_BLOCK, TD_COBS_BYTES, TD_COBS_LAST, TD_COBS_DONE } state;
};

/* TD_EARG: an empty packet. */
enum td_err td_cobs_out_begin(struct td_cobs_out *out, const uint8_t *packet, size_t len);

/* Writes up to cap of the bytes that are left; 0 when all are out. */
size_t td_cobs_out_bytes(struct td_cobs_out *out, uint8_t *buf, size_t cap);

/* The most bytes that a packet of len bytes takes on the line. */
size_t td_cobs_size_max(size_t len);

#endif
