/*
 * tools/sim_links.h - the sockets and ptys by which a virtual device is reached.
 *
 * UDP: one datagram is one packet. A pty and a TCP connection are serial lines: packets in
 * console framing with the console's text in between, or packets alone (sim_line.h). Whoever
 * talks to the device is a td_server_link of its own, so that an answer finds its way back.
 *
 * What the device says on a line that nobody reads is lost after a while, as on a UART; what
 * is sent to it while it boots is lost at once (td_sim_links_forget).
 */
#ifndef TD_TOOLS_SIM_LINKS_H
#define TD_TOOLS_SIM_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/server.h"
#include "tools/desk.h"

struct td_sim_links;

struct td_sim_link_hooks {
    /* A packet came. The bytes are the hook's until it returns. */
    void (*packet)(void *ctx, const struct td_server_link *link, const uint8_t *packet, size_t len);
    /* Bytes of a serial line as they came, before packet is asked; true: they were for it. */
    bool (*bytes)(void *ctx, const struct td_server_link *link, const uint8_t *bytes, size_t len);
    /* A line that is no packet's was typed on a console; NULL when nobody listens. */
    void (*typed)(void *ctx, const struct td_server_link *link, const char *line, size_t len);
    /* The other end is gone, and link is not to be used any more. */
    void (*down)(void *ctx, const struct td_server_link *link);
    /* A serial line was busy for so long; NULL when nobody wants to know. */
    void (*busy)(void *ctx, uint64_t us);
    void *ctx;
};

#define TD_SIM_BAUD 115200 /* of every simulated serial line */

/* NULL when memory is short. buf_size and buf_count are the server's. */
struct td_sim_links *td_sim_links_new(const struct td_sim_link_hooks *hooks, uint16_t buf_size,
                                      uint8_t buf_count);

/* Also takes away the links that ptys were given. NULL is allowed. */
void td_sim_links_free(struct td_sim_links *links);

/* Options as in sim_line.h may stand behind each. */

/* HOST:PORT, [IPV6]:PORT; a port of 0 lets the system choose. False: *fault says why. */
bool td_sim_links_add_udp(struct td_sim_links *links, const char *where,
                          struct td_desk_fault *fault);
bool td_sim_links_add_tcp(struct td_sim_links *links, const char *where,
                          struct td_desk_fault *fault);

/* Opens a pty and makes path a symbolic link to its slave. */
bool td_sim_links_add_pty(struct td_sim_links *links, const char *path,
                          struct td_desk_fault *fault);

/* Sends an answer to where its request came from. */
void td_sim_links_send(struct td_sim_links *links, const struct td_server_link *link,
                       const uint8_t *packet, size_t len);

/* Writes bytes as they are on the serial line of that link. */
void td_sim_links_write(struct td_sim_links *links, const struct td_server_link *link,
                        const uint8_t *bytes, size_t len);

/* Prints a line of the console on every serial line. */
void td_sim_links_print(struct td_sim_links *links, const char *line);

/* Drops what has been sent to the device and was not yet read. */
void td_sim_links_forget(struct td_sim_links *links);

/*
 * Waits up to timeout_ms (-1: for ever) and handles what comes. With listen false, packets
 * are left waiting where they are. Blocked signals may come in while it waits, and end it.
 */
void td_sim_links_wait(struct td_sim_links *links, int timeout_ms, bool listen);

/* The URLs with one space before each, as tandem -d takes them; serial: of serial lines only. */
void td_sim_links_urls(const struct td_sim_links *links, bool serial, char *out, size_t cap);

#endif
