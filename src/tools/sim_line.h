/*
 * tools/sim_line.h - what a link of a virtual device may be told, and a serial line's framing.
 *
 * Options stand behind the place, as in "127.0.0.1:0?framing=raw&trust=none".
 */
#ifndef TD_TOOLS_SIM_LINE_H
#define TD_TOOLS_SIM_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/recovery.h"
#include "tools/desk.h"

#define TD_SIM_PLACE_MAX 256

/* How far whoever uses the link is trusted. */
enum td_sim_trust { TD_SIM_AUTHENTICATED = 0, TD_SIM_ENCRYPTED, TD_SIM_NO_TRUST };

struct td_sim_place {
    char where[TD_SIM_PLACE_MAX]; /* without the options */
    enum td_recovery_framing framing;
    enum td_sim_trust trust;
};

/* serial: whether framing may be said. False: *fault says what is wrong. */
bool td_sim_place_read(const char *text, bool serial, struct td_sim_place *place,
                       struct td_desk_fault *fault);

/* The option as a client's URL has it: "?framing=raw"; empty where it is the usual one. */
const char *td_sim_framing_option(enum td_recovery_framing framing);

enum td_sim_line_event { TD_SIM_LINE_NOTHING, TD_SIM_LINE_PACKET, TD_SIM_LINE_TEXT };

/* One end of a serial line, as the application reads it. */
struct td_sim_line {
    enum td_recovery_framing framing;
    size_t cap;     /* bytes of the largest packet that it carries */
    uint8_t *bytes; /* of the packet that came last */
    size_t len;
    struct td_console_in console;
    struct td_raw_in raw;
    struct td_cobs_in cobs;
    uint64_t heard_ms;
};

/* buf_size is the server's. False: out of memory. */
bool td_sim_line_begin(struct td_sim_line *line, enum td_recovery_framing framing, size_t buf_size);
void td_sim_line_end(struct td_sim_line *line);

/* Forgets the packet that is under way. */
void td_sim_line_forget(struct td_sim_line *line);

/* A PACKET stands in bytes, len of them, until the next call. TEXT: the byte is the console's. */
enum td_sim_line_event td_sim_line_byte(struct td_sim_line *line, uint64_t now_ms, uint8_t byte);

/* Hands a packet to put, framed, piece by piece. */
void td_sim_line_frame(enum td_recovery_framing framing, const uint8_t *packet, size_t len,
                       void (*put)(void *ctx, const void *bytes, size_t len), void *ctx);

#endif
