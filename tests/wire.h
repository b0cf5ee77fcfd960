/*
 * tests/wire.h - a bad wire between a client and a device, in one process and in virtual time.
 *
 * Datagrams are lost, late, doubled and overtaken. On a serial line, paced as 115,200 baud paces
 * it, bits turn, bytes and lines are lost, noise and log output come in between; the packets go
 * through the real framing (smp/console.h, smp/raw.h) at both ends. Everything follows from a seed.
 */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "smp/console.h"
#include "smp/raw.h"

enum wire_framing { WIRE_UDP, WIRE_CONSOLE, WIRE_RAW, WIRE_COBS };

/* How bad it is. Chances are in a million. */
struct wire_kind {
    const char *says;
    enum wire_framing framing;
    uint32_t drop, dup, late; /* of a datagram; of a line, which is drop alone */
    uint32_t answers_drop;    /* of what the device sends, beside drop */
    uint32_t jitter_us;       /* a datagram takes up to so much longer */
    uint32_t flip, lose;      /* of a byte */
    uint32_t log, noise;      /* before a line: a line of text, a burst of bytes */
    uint8_t line_buffers;     /* the device's; further lines of a packet are lost. 0: enough */
    uint8_t outages;          /* after some packets. 1: of 4 s, again and again; 2: for good */
    bool blind;               /* damage can pass unseen, and spoil the image */
};

#define WIRE_QUEUE   512
#define WIRE_PACKET  2600
#define WIRE_SILENCE 3000000 /* us: then half a raw packet is forgotten, as MCUboot does it */
#define WIRE_BYTE_US 87      /* 115,200 baud */

struct wire_piece {
    bool up;
    uint64_t at_us;
    size_t len;
    uint8_t bytes[WIRE_PACKET + 256];
};

struct wire_end {
    struct td_console_in console;
    struct td_raw_in raw;
    struct td_cobs_in cobs;
    uint8_t packet[WIRE_PACKET];
    uint64_t free_us; /* when what is sent to this end will have passed */
    uint64_t heard_us;
};

struct wire {
    const struct wire_kind *kind;
    uint64_t random;
    unsigned next_outage;   /* begins with that packet */
    uint64_t back_us;       /* when this one ends */
    struct wire_end end[2]; /* [1]: the device's, where things go up */
    size_t n;
    struct wire_piece q[WIRE_QUEUE];
    unsigned n_sent, n_spoilt;
};

/* What comes out of an end. The bytes are valid during the call. */
typedef void wire_packet_fn(bool up, const uint8_t *packet, size_t len);

static inline uint32_t wire_random(struct wire *w)
{
    uint64_t z = w->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static inline bool wire_chance(struct wire *w, uint32_t in_a_million)
{
    return in_a_million > 0 && wire_random(w) % 1000000 < in_a_million;
}

static inline void wire_reset_end(struct wire *w, bool up)
{
    struct wire_end *e = &w->end[up];

    td_console_in_init(&e->console, e->packet, sizeof(e->packet));
    td_raw_in_init(&e->raw, e->packet, sizeof(e->packet));
    e->raw.answers = !up;
    td_cobs_in_init(&e->cobs, e->packet, sizeof(e->packet));
}

static inline void wire_init(struct wire *w, const struct wire_kind *kind, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->kind = kind;
    w->random = seed;
    w->next_outage = 1 + wire_random(w) % 70;
    wire_reset_end(w, false);
    wire_reset_end(w, true);
}

static inline bool wire_is_out(const struct wire *w, uint64_t now_us)
{
    return now_us < w->back_us;
}

static inline void wire_count(struct wire *w, uint64_t now_us)
{
    w->n_sent++;
    if (w->kind->outages == 0 || w->n_sent < w->next_outage || wire_is_out(w, now_us))
        return;
    w->back_us = w->kind->outages == 2 ? UINT64_MAX : now_us + 4000000;
    w->next_outage = w->n_sent + 20 + wire_random(w) % 60;
}

static inline struct wire_piece *wire_new(struct wire *w, bool up, uint64_t at_us)
{
    struct wire_piece *p;

    if (w->n == WIRE_QUEUE) {
        w->n_spoilt++;
        return NULL;
    }
    p = &w->q[w->n++];
    p->up = up;
    p->at_us = at_us;
    p->len = 0;
    return p;
}

/* ---- datagrams ------------------------------------------------------------------------- */

static inline void wire_datagram(struct wire *w, uint64_t now_us, bool up, const uint8_t *bytes,
                                 size_t len)
{
    const struct wire_kind *k = w->kind;
    unsigned copies = wire_chance(w, k->dup) ? 2 : 1;

    for (; copies > 0; copies--) {
        uint64_t at = now_us + 2000 + (k->jitter_us > 0 ? wire_random(w) % k->jitter_us : 0);
        struct wire_piece *p;

        if (wire_is_out(w, now_us) || wire_chance(w, k->drop) ||
            (!up && wire_chance(w, k->answers_drop))) {
            w->n_spoilt++;
            continue;
        }
        if (wire_chance(w, k->late)) {
            w->n_spoilt++;
            at += 3000000;
        }
        p = wire_new(w, up, at);
        if (p == NULL)
            continue;
        memcpy(p->bytes, bytes, len);
        p->len = len;
    }
}

/* ---- bytes ----------------------------------------------------------------------------- */

static inline void wire_byte(struct wire *w, struct wire_piece *p, uint8_t byte)
{
    if (wire_chance(w, w->kind->lose)) {
        w->n_spoilt++;
        return;
    }
    if (wire_chance(w, w->kind->flip)) {
        w->n_spoilt++;
        byte = (uint8_t)(byte ^ 1u << wire_random(w) % 8);
    }
    if (p->len < sizeof(p->bytes))
        p->bytes[p->len++] = byte;
}

/* What others put on the line before a frame's next bytes. */
static inline void wire_others(struct wire *w, struct wire_piece *p)
{
    static const char text[] = "[00:00:12.345,678] <inf> app: 06 09 is no marker\r\n";

    if (wire_chance(w, w->kind->log))
        for (const char *c = text; *c != '\0'; c++)
            p->bytes[p->len++] = (uint8_t)*c;
    if (wire_chance(w, w->kind->noise)) {
        w->n_spoilt++;
        for (uint32_t n = 1 + wire_random(w) % 20; n > 0; n--)
            p->bytes[p->len++] = (uint8_t)wire_random(w);
    }
}

static inline void wire_bytes(struct wire *w, uint64_t now_us, bool up, const uint8_t *bytes,
                              size_t len, bool lost)
{
    struct wire_end *e = &w->end[up];
    uint64_t begin = e->free_us > now_us ? e->free_us : now_us;
    struct wire_piece *p;

    e->free_us = begin + len * WIRE_BYTE_US;
    if (lost || wire_is_out(w, now_us) || wire_chance(w, w->kind->drop)) {
        w->n_spoilt++;
        return;
    }
    p = wire_new(w, up, e->free_us);
    if (p == NULL)
        return;
    wire_others(w, p);
    for (size_t i = 0; i < len; i++)
        wire_byte(w, p, bytes[i]);
}

/* Puts a packet on the wire. */
static inline void wire_send(struct wire *w, uint64_t now_us, bool up, const uint8_t *packet,
                             size_t len)
{
    uint8_t frame[2 * WIRE_PACKET];
    struct td_console_out console;
    struct td_cobs_out cobs;
    size_t n = 0;

    wire_count(w, now_us);
    switch (w->kind->framing) {
    case WIRE_UDP: wire_datagram(w, now_us, up, packet, len); return;
    case WIRE_RAW: wire_bytes(w, now_us, up, packet, len, false); return;
    case WIRE_COBS:
        (void)td_cobs_out_begin(&cobs, packet, len);
        n = td_cobs_out_bytes(&cobs, frame, sizeof(frame));
        wire_bytes(w, now_us, up, frame, n, false);
        return;
    case WIRE_CONSOLE:
        (void)td_console_out_begin(&console, packet, len, TD_CONSOLE_LINE_MAX);
        for (unsigned i = 0; (n = td_console_out_line(&console, frame)) > 0; i++)
            wire_bytes(w, now_us, up, frame, n,
                       up && w->kind->line_buffers > 0 && i >= w->kind->line_buffers);
        return;
    }
}

/* Whether a packet that is sent now would have to queue: who measures time waits. */
static inline uint64_t wire_free_us(const struct wire *w)
{
    return w->end[true].free_us;
}

/* ---- arrivals -------------------------------------------------------------------------- */

static inline struct wire_piece *wire_next(struct wire *w)
{
    struct wire_piece *first = NULL;

    for (size_t i = 0; i < w->n; i++)
        if (first == NULL || w->q[i].at_us < first->at_us)
            first = &w->q[i];
    return first;
}

static inline bool wire_heard(struct wire *w, bool up, uint8_t byte, size_t *len)
{
    struct wire_end *e = &w->end[up];

    switch (w->kind->framing) {
    case WIRE_CONSOLE:
        *len = e->console.len;
        return td_console_in_byte(&e->console, byte) == TD_CONSOLE_PACKET &&
               (*len = e->console.len);
    case WIRE_COBS: return td_cobs_in_byte(&e->cobs, byte) == TD_RAW_PACKET && (*len = e->cobs.len);
    default: return td_raw_in_byte(&e->raw, byte) == TD_RAW_PACKET && (*len = e->raw.len);
    }
}

/* Takes the piece off the wire and gives the packets that it completed. */
static inline void wire_deliver(struct wire *w, struct wire_piece *piece, uint64_t now_us,
                                wire_packet_fn *give)
{
    struct wire_piece one = *piece;
    struct wire_end *e = &w->end[one.up];
    size_t len;

    memmove(piece, piece + 1, (size_t)(&w->q[w->n] - (piece + 1)) * sizeof(*piece));
    w->n--;
    if (w->kind->framing == WIRE_UDP) {
        give(one.up, one.bytes, one.len);
        return;
    }
    if (now_us - e->heard_us > WIRE_SILENCE)
        td_raw_in_forget(&e->raw);
    e->heard_us = now_us;
    for (size_t i = 0; i < one.len; i++)
        if (wire_heard(w, one.up, one.bytes[i], &len))
            give(one.up, e->packet, len);
}

#endif
