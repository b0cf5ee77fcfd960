/*
 * base/core.h - a sans-I/O core, as whoever owns the I/O sees it.
 *
 * A core is handed packets and the time, and says what to send and when it wants to be asked
 * again. client/cores.h has the cores; transport/drive.h and transport/host.h run one over a link,
 * and a program with a loop of its own does the same in a few lines:
 *
 *     while (!core->done(state)) {
 *         while ((n = core->send(state, now(), buf, sizeof buf)) > 0)
 *             link_send(buf, n);
 *         link_wait(core->wake_ms(state));    // then core->receive or core->link
 *     }
 *
 * Times are milliseconds of any clock that never goes back, and starts where it likes.
 */
#ifndef TD_BASE_CORE_H
#define TD_BASE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_NEVER UINT64_MAX /* a wake time: not at all, until something arrives */

/* state is the structure that the core is made of. Nothing is kept of what is handed over. */
struct td_core {
    /*
     * Writes the next packet that is due, one for each call, until it returns 0. Also called while
     * the link is down, so that the core notices what time it is: it gives nothing then.
     */
    size_t (*send)(void *state, uint64_t now_ms, uint8_t *buf, size_t cap);

    /* A packet that arrived, or a piece of one where the link has fragments. */
    void (*receive)(void *state, uint64_t now_ms, const uint8_t *packet, size_t len);

    /* The link went down, or came up again. */
    void (*link)(void *state, uint64_t now_ms, bool up);

    /* When send wants to be called if nothing arrives before; TD_NEVER for not at all. */
    uint64_t (*wake_ms)(void *state);

    bool (*done)(void *state);

    /* NULL in a core; its owner's: called after each turn, to look at what is new. */
    void (*turn)(void *state);

    /* Ends it in an orderly way, done is true then. NULL: it may be left as it is. */
    void (*interrupt)(void *state, uint64_t now_ms);
};

/* What the link can do; the owner of the link knows. */
struct td_link_facts {
    uint32_t max_packet; /* bytes of the largest SMP packet that the link carries; 0 = 64 KiB */
    uint16_t overhead;   /* bytes of the device's buffer that framing takes: 4 on a console */
    uint16_t line;       /* raw bytes a console line carries (93); 0 = the link has no lines */
    uint16_t silence_ms; /* raw framing: what comes sooner is taken for the rest of half a packet,
                            so nothing is repeated sooner, and one packet is under way; else 0 */
    bool fragments;      /* an answer may arrive in pieces (BLE notifications) */
};

#endif
