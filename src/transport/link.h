/*
 * transport/link.h - moves SMP packets between this host and one device; knows no command.
 *
 * A link lives in a libuv loop and reports by callbacks from it. It is opened once and then
 * keeps itself up: when a cable is pulled, a port vanishes or a socket closes it says so, tries
 * again every TD_LINK_RETRY_MS, and says when it is back. What was under way is lost then;
 * asking again is the client's business. All functions belong to the loop's thread.
 *
 * Packets are whole SMP packets (header and payload) on every transport; framing, its checksum
 * and the pace at which lines are sent are handled here.
 */
#ifndef TD_TRANSPORT_LINK_H
#define TD_TRANSPORT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/err.h"
#include "transport/url.h"

#define TD_LINK_RETRY_MS   250
#define TD_LINK_MAX_PACKET 65543 /* a header and the longest payload it can announce */

struct td_link;

enum td_link_state {
    TD_LINK_OPENING, /* a connection is being made */
    TD_LINK_UP,
    TD_LINK_DOWN, /* unplugged, refused, closed: tried again until td_link_close */
};

/* What stood on the wire, for a log. Times are the receiver's business. */
enum td_link_frame {
    TD_FRAME_SENT,
    TD_FRAME_RECEIVED,
    TD_FRAME_DAMAGED, /* bytes that promised to be a frame and were not; dropped */
};

struct td_link_events {
    /* A whole packet came. The bytes are the link's and valid during the call. */
    void (*packet)(void *ctx, const uint8_t *packet, size_t len);

    /* The state changed. why is a sentence when it is DOWN, else NULL; valid during the call. */
    void (*state)(void *ctx, enum td_link_state state, const char *why);

    /* May be NULL: a line of text that shares the wire (boot log, shell), without its end. */
    void (*text)(void *ctx, const char *line, size_t len);

    /* May be NULL: all that was queued has had its time on the wire; more may be sent. */
    void (*drained)(void *ctx);

    /*
     * May be NULL: every packet as it passes, for logs. Of a console's, before its first line
     * goes; else once it is with the kernel, so that what is done here delays no packet.
     */
    void (*frame)(void *ctx, enum td_link_frame what, const uint8_t *bytes, size_t len);
};

/*
 * Begins to open the link; the outcome comes as a state event, never from inside this call.
 * url is copied, events are not. TD_EARG: no memory or no such kind.
 */
enum td_err td_link_open(uv_loop_t *loop, const struct td_url *url,
                         const struct td_link_events *events, void *ctx, struct td_link **link);

/* Ends it; no event comes any more. The memory goes once the loop has run its callbacks. */
void td_link_close(struct td_link *link);

/*
 * Forgets what is queued in either direction: after a device was told to reset, so that no
 * answer of its former life is taken for one of the new. UDP gets a new socket, a serial line is
 * flushed, a TCP connection stays.
 */
void td_link_reopen(struct td_link *link);

/*
 * Queues one packet. The bytes are copied. TD_ESTATE: the link is not up; TD_EARG: longer than
 * TD_LINK_MAX_PACKET or shorter than a header; nothing was sent then.
 */
enum td_err td_link_send(struct td_link *link, const uint8_t *packet, size_t len);

/*
 * Bytes of packets that td_link_send took and that wait for their turn on a line; 0 on links
 * without lines. Whoever measures how long an answer takes sends the next packet when it is 0.
 */
size_t td_link_queued(const struct td_link *link);

enum td_link_state td_link_state(const struct td_link *link);

/*
 * What the link can carry, for the client's arithmetic: bytes of the longest packet (UDP: what
 * one datagram holds on a path of 1500 bytes), bytes of the device's buffer that framing takes,
 * and raw bytes of a packet that one line carries (0: the link has no lines).
 */
size_t td_link_max_packet(const struct td_link *link);
size_t td_link_overhead(const struct td_link *link);
size_t td_link_line(const struct td_link *link);

/*
 * Raw framing: what follows half a packet sooner than this may be taken for its other half, so
 * nothing is repeated sooner. 0: the framing says where a packet begins.
 */
uint32_t td_link_silence_ms(const struct td_link *link);

/* How the link calls itself in sentences: "udp:127.0.0.1:1337". */
const char *td_link_name(const struct td_link *link);

#endif
