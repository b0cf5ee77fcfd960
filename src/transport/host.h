/*
 * transport/host.h - runs cores over a link in a program that has no loop: every call blocks.
 *
 *     struct td_host *host;
 *
 *     if (td_host_open("udp:192.0.2.1", NULL, &host, why) != TD_OK)
 *         return say(why);
 *     session.link = td_host_facts(host);
 *     td_update_start(&update, &config, td_host_now_ms(host));
 *     td_host_run(host, &td_update_core, &update);
 *     td_host_close(host);
 *
 * A host has a libuv loop of its own and belongs to one thread; several hosts in several threads
 * know nothing of each other, but only one of them may have signals. A program that has a loop
 * uses transport/drive.h.
 */
#ifndef TD_TRANSPORT_HOST_H
#define TD_TRANSPORT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/core.h"
#include "base/err.h"
#include "transport/drive.h"

struct td_host;

/* All of it may be 0. */
struct td_host_config {
    uint32_t patience_ms;          /* how long opening may take; 0 = 10 s */
    bool signals;                  /* SIGINT and SIGTERM end what runs, in its own way */
    struct td_drive_events events; /* done is not called: td_host_run returns */
    void *ctx;                     /* of the events */
};

#define TD_HOST_WHY 512

/*
 * Opens a link to url (transport/url.h) and waits until it stands. config may be NULL.
 *
 * On an error *host is NULL and why holds a sentence: TD_EFORMAT and TD_EUNSUPPORTED as in
 * td_url_parse, TD_ELINKDOWN when the device was not reached, TD_EINTERRUPTED by a signal.
 */
enum td_err td_host_open(const char *url, const struct td_host_config *config,
                         struct td_host **host, char why[TD_HOST_WHY]);

/* Ends it. NULL is allowed. */
void td_host_close(struct td_host *host);

/*
 * Runs core until it is done. TD_EINTERRUPTED: a signal or td_host_interrupt ended it; a core
 * that has an end of its own for that is done then as well, another one is left where it was.
 * After a signal a further run returns TD_EINTERRUPTED at once and does nothing.
 */
enum td_err td_host_run(struct td_host *host, const struct td_core *core, void *state);

/* As a signal does, for use in an event or in the core's turn. */
void td_host_interrupt(struct td_host *host);

/* To be called when the device was told to reset, in the core's turn: see td_drive_reset_sent. */
void td_host_reset_sent(struct td_host *host);

/* The clock that a core is begun with. */
uint64_t td_host_now_ms(struct td_host *host);

/* What sessions over this link have to know. */
struct td_link_facts td_host_facts(struct td_host *host);

/* What drives it, for everything else about the link. It stays the host's. */
struct td_drive *td_host_drive(struct td_host *host);

#endif
