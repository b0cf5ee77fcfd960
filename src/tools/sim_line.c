/* tools/sim_line.c - a serial line of a virtual device: three framings, and their names. */
#include "tools/sim_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"

#define SILENCE_MS 500 /* after which half a raw packet is forgotten */

/* ---- options --------------------------------------------------------------------------- */

struct word {
    const char *name;
    unsigned value;
};

static const struct word framings[] = {
    { "console", TD_RECOVERY_CONSOLE },
    { "raw", TD_RECOVERY_RAW },
    { "cobs", TD_RECOVERY_COBS },
};

static const struct word trusts[] = {
    { "authenticated", TD_SIM_AUTHENTICATED },
    { "encrypted", TD_SIM_ENCRYPTED },
    { "none", TD_SIM_NO_TRUST },
};

static bool find(const struct word *words, size_t n, const char *text, size_t len, unsigned *value)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(words[i].name) == len && memcmp(words[i].name, text, len) == 0) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

/* One "name=value" of len bytes. */
static bool read_option(const char *text, size_t len, bool serial, struct td_sim_place *place)
{
    const char *equals = memchr(text, '=', len);
    const size_t name = equals == NULL ? len : (size_t)(equals - text);
    unsigned value;

    if (equals == NULL)
        return false;
    if (serial && name == 7 && memcmp(text, "framing", 7) == 0 &&
        find(framings, TD_N_OF(framings), equals + 1, len - name - 1, &value)) {
        place->framing = (enum td_recovery_framing)value;
        return true;
    }
    if (name == 5 && memcmp(text, "trust", 5) == 0 &&
        find(trusts, TD_N_OF(trusts), equals + 1, len - name - 1, &value)) {
        place->trust = (enum td_sim_trust)value;
        return true;
    }
    return false;
}

bool td_sim_place_read(const char *text, bool serial, struct td_sim_place *place,
                       struct td_desk_fault *fault)
{
    const char *at = strchr(text, '?');
    const size_t len = at == NULL ? strlen(text) : (size_t)(at - text);

    *place = (struct td_sim_place){ .framing = TD_RECOVERY_CONSOLE };
    if (len >= sizeof place->where)
        return td_desk_fail(fault, text, "give a shorter path", "there is no room for this link");
    memcpy(place->where, text, len);
    while (at != NULL) {
        const char *option = at + 1;
        const char *end = strchr(option, '&');

        if (!read_option(option, end == NULL ? strlen(option) : (size_t)(end - option), serial,
                         place))
            return td_desk_fail(fault, text,
                                serial ? "allowed: framing=console|raw|cobs, "
                                         "trust=authenticated|encrypted|none"
                                       : "allowed: trust=authenticated|encrypted|none",
                                "a link has no such option: %s", option);
        at = end;
    }
    return true;
}

const char *td_sim_framing_option(enum td_recovery_framing framing)
{
    switch (framing) {
    case TD_RECOVERY_RAW: return "?framing=raw";
    case TD_RECOVERY_COBS: return "?framing=cobs";
    default: return "";
    }
}

/* ---- in -------------------------------------------------------------------------------- */

bool td_sim_line_begin(struct td_sim_line *line, enum td_recovery_framing framing, size_t buf_size)
{
    *line = (struct td_sim_line){ .framing = framing };
    // The console's frames lie in the server's buffer with their length and CRC.
    line->cap = framing == TD_RECOVERY_CONSOLE ? buf_size - TD_CONSOLE_OVERHEAD : buf_size;
    line->bytes = malloc(line->cap);
    if (line->bytes != NULL)
        td_sim_line_forget(line);
    return line->bytes != NULL;
}

void td_sim_line_end(struct td_sim_line *line)
{
    free(line->bytes);
    line->bytes = NULL;
}

void td_sim_line_forget(struct td_sim_line *line)
{
    td_console_in_init(&line->console, line->bytes, line->cap);
    td_raw_in_init(&line->raw, line->bytes, line->cap);
    td_cobs_in_init(&line->cobs, line->bytes, line->cap);
}

static enum td_sim_line_event came(struct td_sim_line *line, bool packet, const size_t *len)
{
    line->len = *len;
    return packet ? TD_SIM_LINE_PACKET : TD_SIM_LINE_NOTHING;
}

enum td_sim_line_event td_sim_line_byte(struct td_sim_line *line, uint64_t now_ms, uint8_t byte)
{
    const bool silent = now_ms - line->heard_ms >= SILENCE_MS;
    enum td_console_event event;

    line->heard_ms = now_ms;
    switch (line->framing) {
    case TD_RECOVERY_RAW:
        if (silent && td_raw_in_waits(&line->raw))
            td_raw_in_forget(&line->raw);
        return came(line, td_raw_in_byte(&line->raw, byte) == TD_RAW_PACKET, &line->raw.len);
    case TD_RECOVERY_COBS:
        return came(line, td_cobs_in_byte(&line->cobs, byte) == TD_RAW_PACKET, &line->cobs.len);
    default: break;
    }
    event = td_console_in_byte(&line->console, byte);
    if (event == TD_CONSOLE_TEXT)
        return TD_SIM_LINE_TEXT;
    return came(line, event == TD_CONSOLE_PACKET, &line->console.len);
}

/* ---- out ------------------------------------------------------------------------------- */

static void frame_cobs(const uint8_t *packet, size_t len,
                       void (*put)(void *ctx, const void *bytes, size_t len), void *ctx)
{
    struct td_cobs_out out;
    uint8_t piece[256];
    size_t n;

    if (td_cobs_out_begin(&out, packet, len) != TD_OK)
        return;
    while ((n = td_cobs_out_bytes(&out, piece, sizeof piece)) > 0)
        put(ctx, piece, n);
}

static void frame_console(const uint8_t *packet, size_t len,
                          void (*put)(void *ctx, const void *bytes, size_t len), void *ctx)
{
    struct td_console_out out;
    uint8_t line[TD_CONSOLE_LINE_MAX];
    size_t n;

    if (td_console_out_begin(&out, packet, len, sizeof line) != TD_OK)
        return;
    while ((n = td_console_out_line(&out, line)) > 0)
        put(ctx, line, n);
}

void td_sim_line_frame(enum td_recovery_framing framing, const uint8_t *packet, size_t len,
                       void (*put)(void *ctx, const void *bytes, size_t len), void *ctx)
{
    switch (framing) {
    case TD_RECOVERY_RAW: put(ctx, packet, len); break;
    case TD_RECOVERY_COBS: frame_cobs(packet, len, put, ctx); break;
    default: frame_console(packet, len, put, ctx); break;
    }
}
