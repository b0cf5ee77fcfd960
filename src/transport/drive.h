/*
 * transport/drive.h - runs one sans-I/O core after the other over a link, in your libuv loop.
 *
 * It owns the link and the timer: what the core wants sent is sent when the link is free for it,
 * what arrives is handed to the core, and the core is asked again when it said so. It blocks
 * nowhere. transport/host.h is the same for a program without a loop.
 *
 * All functions belong to the loop's thread. A drive, like its link, keeps itself up.
 */
#ifndef TD_TRANSPORT_DRIVE_H
#define TD_TRANSPORT_DRIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/core.h"
#include "base/err.h"
#include "transport/link.h"
#include "transport/url.h"

struct td_drive;

/* Each may be NULL. They come from the loop, and done also from inside td_drive_run. */
struct td_drive_events {
    /* The core that ran is done, or was interrupted. Another one may be begun here. */
    void (*done)(void *ctx);

    /* The link went up or down, as in transport/link.h. */
    void (*state)(void *ctx, enum td_link_state state, const char *why);

    /* A line of text that shares the wire, and every packet as it passes: as in the link. */
    void (*text)(void *ctx, const char *line, size_t len);
    void (*frame)(void *ctx, enum td_link_frame what, const uint8_t *bytes, size_t len);
};

/*
 * Begins to open a link; its outcome comes as a state event. url is copied, events are copied,
 * ctx is handed to them. TD_EARG: no memory, or no such kind of link; *drive is NULL then.
 */
enum td_err td_drive_open(uv_loop_t *loop, const struct td_url *url,
                          const struct td_drive_events *events, void *ctx, struct td_drive **drive);

/* Ends it; no event comes any more. The memory goes once the loop has run its callbacks. NULL is
 * allowed. */
void td_drive_close(struct td_drive *drive);

/*
 * Runs a core until it is done, which the done event says. core and state are the caller's and
 * stay until then, or until td_drive_stop. A core that ran before is forgotten without a word.
 */
void td_drive_run(struct td_drive *drive, const struct td_core *core, void *state);

/* Forgets the core that runs, without an event. */
void td_drive_stop(struct td_drive *drive);

/* Has the core that runs end in its own way; one that has none is stopped. done comes then. */
void td_drive_interrupt(struct td_drive *drive);

/* Asks the core now, although nothing arrived: after something of it was changed from outside. */
void td_drive_turn(struct td_drive *drive);

/*
 * The device was told to reset. What is queued on the link is forgotten, and a serial line is
 * left alone until the device seems to have booted: small UARTs that receive while nobody
 * reads them may never receive again. A boot log that comes along says when that is.
 */
void td_drive_reset_sent(struct td_drive *drive);

/* The loop's clock, brought up to date: what a core is begun with. */
uint64_t td_drive_now_ms(struct td_drive *drive);

/* The link, for what it tells about itself. It stays the drive's. */
struct td_link *td_drive_link(struct td_drive *drive);

/* What sessions over this link have to know. Of UDP it is exact once the link is up. */
struct td_link_facts td_drive_facts(struct td_drive *drive);

/* Why the link is down, a sentence; "" while it is up. Valid until the next event. */
const char *td_drive_why(const struct td_drive *drive);

#endif
