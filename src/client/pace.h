/*
 * client/pace.h - how large packets may be, how many may be under way, how long to wait for one.
 *
 * What uploads and files find out about a link and a device without being told:
 *
 *   - A device that tells its buffers (params) gets packets of that size, or the link's; one
 *     that does not begins small and is offered more while it answers.
 *   - On a console link packets begin with one line and grow by lines while answers come; what
 *     was lost is not tried again (a UART may have fewer line buffers than the packet needs).
 *   - The window begins at 1 and goes up to buf_count - 1: by two with every answer until
 *     something is lost, which makes it three times as large each round trip, and in small steps
 *     afterwards. A loss halves it.
 *
 * Pure; the fields may be read.
 */
#ifndef TD_CLIENT_PACE_H
#define TD_CLIENT_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/session.h"

struct td_pace {
    struct td_link_facts link;
    uint32_t packet;      /* size of packets now, bytes with the header */
    uint32_t packet_max;  /* what link and buffer allow */
    uint32_t packet_good; /* the largest that was answered */
    uint32_t packet_bad;  /* the smallest that is thought to be too much; 0 = none */
    uint32_t window, window_max;
    uint32_t good_run; /* answers in a row since a loss or a change */
    uint32_t took_ms;  /* what answers take, the longest of late */
    bool careful;      /* something was lost already */
};

/* buf_size and buf_count from params, 0 = unknown; most is the caller's own limit of a window. */
void td_pace_start(struct td_pace *p, const struct td_link_facts *link, uint32_t buf_size,
                   uint32_t buf_count, uint32_t most);

/* One packet at a time again: after a link came back, or a device forgot. Sizes stay. */
void td_pace_restart(struct td_pace *p);

/* A packet that was allowed this size was answered as hoped, after so long. */
void td_pace_answered(struct td_pace *p, uint32_t packet, uint64_t took_ms);

/* What an answer took that says nothing of a packet's size. */
void td_pace_took(struct td_pace *p, uint64_t took_ms);

/* Something was lost, of whatever size. */
void td_pace_lost(struct td_pace *p);

/*
 * Nothing came back for a packet of this size, losses times in a row. Size is suspected before
 * anything else: it is what we chose.
 */
void td_pace_silent(struct td_pace *p, uint32_t packet, uint32_t losses);

/* Smaller packets, whatever is known of them. */
void td_pace_shrink(struct td_pace *p);

/* How long an answer may take before it counts as lost. */
uint32_t td_pace_patience_ms(const struct td_pace *p, uint32_t losses);

/* Bytes per second. */
uint32_t td_rate(uint32_t bytes, uint64_t ms);

/* Whether the link carries a packet in lines. */
bool td_pace_has_lines(const struct td_pace *p);

#endif
