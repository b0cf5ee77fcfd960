/* client/pace.c - sizes by doubling and halving, windows by answers and losses. */
#include "client/pace.h"

#include <string.h>

#include "base/range.h"

#define UNKNOWN_START 256 /* first packets for a device that does not tell its buffers */
#define PACKET_LEAST  128
#define GROW_AFTER    3  /* answers in a row before more is asked, once something was lost */
#define FORGIVE_AFTER 64 /* answers in a row before a size that was lost is tried again */
#define TRY_MOST_MS   5000

bool td_pace_has_lines(const struct td_pace *p)
{
    return p->link.line > p->link.overhead;
}

/* The largest packet of so many console lines. */
static uint32_t of_lines(const struct td_pace *p, uint32_t lines)
{
    return lines * p->link.line - p->link.overhead;
}

static uint32_t lines_of(const struct td_pace *p, uint32_t packet)
{
    return (packet + p->link.overhead + p->link.line - 1) / p->link.line;
}

void td_pace_start(struct td_pace *p, const struct td_link_facts *link, uint32_t buf_size,
                   uint32_t buf_count, uint32_t most)
{
    uint32_t max = link->max_packet;

    memset(p, 0, sizeof(*p));
    p->link = *link;
    if (buf_size > link->overhead)
        max = td_min_u32(max, buf_size - link->overhead);
    p->packet_max = max;
    if (td_pace_has_lines(p))
        p->packet = td_min_u32(of_lines(p, 1), max);
    else
        p->packet = buf_size > 0 ? max : td_min_u32(UNKNOWN_START, max);
    p->packet_good = td_min_u32(p->packet, td_pace_has_lines(p) ? of_lines(p, 1) : PACKET_LEAST);
    p->window_max = td_min_u32(buf_count > 1 ? buf_count - 1 : 1, most);
    if (link->silence_ms > 0)
        p->window_max = 1; // the next packet would be taken for the rest of one that lost a byte
    p->window = 1;
}

void td_pace_restart(struct td_pace *p)
{
    p->window = 1;
    p->good_run = 0;
}

/* Between what was answered and what was lost: the middle, as long as that is worth a loss. */
static uint32_t between(uint32_t good, uint32_t bad, uint32_t worth)
{
    return bad > good + worth ? good + (bad - good) / 2 : good;
}

/* The next larger size worth a try; the present one when there is none. */
static uint32_t larger(const struct td_pace *p)
{
    uint32_t size, lines;

    if (td_pace_has_lines(p)) {
        lines = lines_of(p, p->packet);
        lines = p->packet_bad == 0 ? lines * 2 : between(lines, lines_of(p, p->packet_bad), 1);
        size = of_lines(p, lines);
    } else {
        size =
            p->packet_bad == 0 ? p->packet * 2 : between(p->packet, p->packet_bad, p->packet / 4);
    }
    return td_max_u32(p->packet, td_min_u32(size, p->packet_max));
}

static uint32_t smaller(const struct td_pace *p)
{
    if (td_pace_has_lines(p)) {
        uint32_t lines = lines_of(p, p->packet) / 2;

        return td_min_u32(of_lines(p, lines > 0 ? lines : 1), p->packet);
    }
    return td_min_u32(td_max_u32(p->packet / 2, PACKET_LEAST), p->packet);
}

void td_pace_took(struct td_pace *p, uint64_t took_ms)
{
    uint32_t took = took_ms > TRY_MOST_MS ? TRY_MOST_MS : (uint32_t)took_ms;

    p->took_ms = td_max_u32(took, p->took_ms - p->took_ms / 8);
}

void td_pace_answered(struct td_pace *p, uint32_t packet, uint64_t took_ms)
{
    td_pace_took(p, took_ms);
    p->packet_good = td_max_u32(p->packet_good, packet);
    if (++p->good_run < (p->careful ? GROW_AFTER : 1))
        return;
    if (!td_pace_has_lines(p) && p->good_run >= FORGIVE_AFTER)
        p->packet_bad = 0;
    if (packet >= p->packet && larger(p) > p->packet) {
        p->packet = larger(p);
        p->good_run = 0;
    } else if (p->window < p->window_max && (!td_pace_has_lines(p) || p->packet == p->packet_max)) {
        p->window = td_min_u32(p->window + (p->careful ? 1 : 2), p->window_max);
        p->good_run = 0;
    }
}

void td_pace_lost(struct td_pace *p)
{
    p->careful = true;
    p->window = p->window > 1 ? p->window / 2 : 1;
    p->good_run = 0;
}

void td_pace_silent(struct td_pace *p, uint32_t packet, uint32_t losses)
{
    if (packet > p->packet_good) {
        p->packet_bad = packet;
        p->packet = p->packet_good;
    } else if (losses >= 3 && smaller(p) < p->packet) {
        p->packet_bad = p->packet;
        p->packet = smaller(p);
        p->packet_good = p->packet;
    }
}

void td_pace_shrink(struct td_pace *p)
{
    p->packet = smaller(p);
}

uint32_t td_pace_patience_ms(const struct td_pace *p, uint32_t losses)
{
    // A line takes its time, and so does a page that is erased in between.
    uint32_t wait = td_max_u32(p->took_ms * 4, td_pace_has_lines(p) ? 1000 : 300);

    if (p->link.silence_ms > 0)
        wait = td_max_u32(wait, p->link.silence_ms + TD_SESSION_SILENCE_OVER_MS);
    for (uint32_t i = 0; i < losses && wait < TRY_MOST_MS; i++)
        wait *= 2;
    return td_min_u32(wait, TRY_MOST_MS);
}

uint32_t td_rate(uint32_t bytes, uint64_t ms)
{
    // A clock that has not moved yet says "less than a millisecond".
    if (ms == 0)
        ms = 1;
    if (ms > UINT32_MAX)
        ms = UINT32_MAX;
    // 32 bits are enough when the larger numbers give up the digits nobody sees.
    if (bytes <= UINT32_MAX / 1000)
        return bytes * 1000 / (uint32_t)ms;
    return ms >= 1000 ? bytes / ((uint32_t)ms / 1000) : bytes;
}
