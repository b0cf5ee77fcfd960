/*
 * transport/link.c - keeps a link up, and makes packets of what comes and goes.
 *
 * 1. At most one connection belongs to the link; a connection that was given up is silent.
 * 2. Events come from the loop, never from inside a call of the owner, but for what
 *    td_link_send finds out about the wire.
 * 3. A line goes out only when those before it had the time that the baud rate gives them:
 *    small devices have two or three line buffers, and drop what comes faster.
 */
#include "transport/link.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smp/console.h"
#include "smp/header.h"
#include "smp/raw.h"
#include "transport/conn_priv.h"

#define TEXT_MAX       512
#define CONSOLE_RAW    93 /* bytes that one line of 127 carries */
#define UDP_V4_PAYLOAD 1472
#define UDP_V6_PAYLOAD 1452
#define MS_NS          UINT64_C(1000000)
#define LATE_NS        (4 * MS_NS) /* so late a timer may wake up and still catch up */
#define RAW_SILENCE_MS 500         /* an unfinished raw packet is given up after this */
#define RAW_DEVICE_MS  3000 /* and after this by the slowest devices, MCUboot's and Zephyr's */
#define COBS_PIECE     512

struct queued {
    struct queued *next;
    size_t len;
    uint8_t packet[];
};

struct td_link {
    uv_loop_t *loop;
    struct td_url url;
    struct td_link_events events;
    void *ctx;
    char name[2 * TD_URL_TEXT];

    enum td_link_state state;
    struct td_conn *conn; /* NULL while it waits to try again */
    uv_timer_t retry;
    uv_timer_t pace;
    unsigned n_handles; /* timers that libuv has not closed */
    bool closed;

    /* out */
    struct queued *first, *last;
    size_t n_queued;
    bool sending;     /* console: first is under way in out */
    uint64_t free_ns; /* console: when what was sent has passed, of uv_hrtime */
    struct td_console_out out;

    /* in */
    struct td_console_in in;
    struct td_raw_in raw;
    struct td_cobs_in cobs;
    uint8_t packet[TD_LINK_MAX_PACKET];
    uint64_t bytes_ms; /* raw: when the last came */
    char text[TEXT_MAX];
    size_t n_text;
};

static const struct td_carrier *carrier_of(enum td_url_kind kind)
{
    switch (kind) {
    case TD_URL_UDP: return &td_carrier_udp;
    case TD_URL_TCP: return &td_carrier_tcp;
    case TD_URL_SERIAL: return &td_carrier_serial;
    }
    return NULL;
}

static void name_link(struct td_link *link)
{
    const struct td_url *url = &link->url;
    bool v6 = strchr(url->host, ':') != NULL;

    if (url->kind == TD_URL_SERIAL)
        snprintf(link->name, sizeof link->name, "serial:%s", url->path);
    else
        snprintf(link->name, sizeof link->name, "%s:%s%s%s:%u",
                 url->kind == TD_URL_UDP ? "udp" : "tcp", v6 ? "[" : "", url->host, v6 ? "]" : "",
                 url->port);
}

static void forget_queues(struct td_link *link)
{
    while (link->first) {
        struct queued *next = link->first->next;

        free(link->first);
        link->first = next;
    }
    link->last = NULL;
    link->n_queued = 0;
    link->sending = false;
    uv_timer_stop(&link->pace);

    td_console_in_init(&link->in, link->packet, sizeof link->packet);
    td_raw_in_init(&link->raw, link->packet, sizeof link->packet);
    link->raw.answers = true;
    td_cobs_in_init(&link->cobs, link->packet, sizeof link->packet);
    link->n_text = 0;
}

static void set_state(struct td_link *link, enum td_link_state state, const char *why)
{
    if (link->state == state)
        return;
    link->state = state;
    if (!link->closed)
        link->events.state(link->ctx, state, why);
}

static void give_up_connection(struct td_link *link)
{
    struct td_conn *conn = link->conn;

    link->conn = NULL;
    if (conn) {
        conn->link = NULL;
        conn->carrier->close(conn);
    }
}

static void try_to_open(uv_timer_t *timer)
{
    struct td_link *link = timer->data;
    struct td_conn *conn = calloc(1, sizeof *conn);

    if (!conn) {
        uv_timer_start(&link->retry, try_to_open, TD_LINK_RETRY_MS, 0);
        return;
    }
    conn->link = link;
    conn->loop = link->loop;
    conn->fd = -1;
    conn->carrier = carrier_of(link->url.kind);
    link->conn = conn;
    conn->carrier->open(conn, &link->url);
}

void td_conn_up(struct td_conn *conn)
{
    struct td_link *link = conn->link;

    conn->up = true;
    if (link)
        set_state(link, TD_LINK_UP, NULL);
}

void td_conn_down(struct td_conn *conn, const char *format, ...)
{
    struct td_link *link = conn->link;
    char why[TD_URL_TEXT + 160];
    va_list list;

    if (!link)
        return;
    va_start(list, format);
    vsnprintf(why, sizeof why, format, list);
    va_end(list);

    give_up_connection(link);
    forget_queues(link);
    uv_timer_start(&link->retry, try_to_open, TD_LINK_RETRY_MS, 0);
    set_state(link, TD_LINK_DOWN, why);
}

/* ---- in ------------------------------------------------------------------------------ */

static void give_packet(struct td_link *link, const uint8_t *packet, size_t len)
{
    if (link->events.frame)
        link->events.frame(link->ctx, TD_FRAME_RECEIVED, packet, len);
    if (!link->closed)
        link->events.packet(link->ctx, packet, len);
}

static void tell_damaged(struct td_link *link)
{
    if (link->events.frame)
        link->events.frame(link->ctx, TD_FRAME_DAMAGED, link->packet, 0);
}

static void flush_text(struct td_link *link)
{
    size_t len = link->n_text;

    link->n_text = 0;
    if (len > 0 && link->events.text)
        link->events.text(link->ctx, link->text, len);
}

static void take_text(struct td_link *link, uint8_t byte)
{
    if (byte == '\n' || byte == '\r' || link->n_text == TEXT_MAX)
        flush_text(link);
    if (byte != '\n' && byte != '\r')
        link->text[link->n_text++] = (char)byte;
}

static void take_console(struct td_link *link, const struct td_conn *conn, const uint8_t *bytes,
                         size_t len)
{
    // The owner may close or reopen the link from inside a packet: what is left is then stale.
    for (size_t i = 0; i < len && link->conn == conn; i++) {
        switch (td_console_in_byte(&link->in, bytes[i])) {
        case TD_CONSOLE_PACKET: give_packet(link, link->packet, link->in.len); break;
        case TD_CONSOLE_TEXT: take_text(link, bytes[i]); break;
        case TD_CONSOLE_DROPPED: tell_damaged(link); break;
        case TD_CONSOLE_NOTHING: break;
        }
    }
}

static void take_raw(struct td_link *link, const struct td_conn *conn, const uint8_t *bytes,
                     size_t len)
{
    uint64_t now = uv_now(link->loop);

    // Without markers only silence tells where the next packet begins.
    if (td_raw_in_waits(&link->raw) && now - link->bytes_ms > RAW_SILENCE_MS) {
        td_raw_in_forget(&link->raw);
        tell_damaged(link);
    }
    link->bytes_ms = now;
    for (size_t i = 0; i < len && link->conn == conn; i++) {
        switch (td_raw_in_byte(&link->raw, bytes[i])) {
        case TD_RAW_PACKET: give_packet(link, link->packet, link->raw.len); break;
        case TD_RAW_DROPPED: tell_damaged(link); break;
        case TD_RAW_NOTHING: break;
        }
    }
}

static void take_cobs(struct td_link *link, const struct td_conn *conn, const uint8_t *bytes,
                      size_t len)
{
    for (size_t i = 0; i < len && link->conn == conn; i++) {
        switch (td_cobs_in_byte(&link->cobs, bytes[i])) {
        case TD_RAW_PACKET: give_packet(link, link->packet, link->cobs.len); break;
        case TD_RAW_DROPPED: tell_damaged(link); break;
        case TD_RAW_NOTHING: break;
        }
    }
}

void td_conn_bytes(struct td_conn *conn, const uint8_t *bytes, size_t len)
{
    struct td_link *link = conn->link;

    if (!link)
        return;
    switch (link->url.framing) {
    case TD_FRAMING_DATAGRAM: give_packet(link, bytes, len); break;
    case TD_FRAMING_CONSOLE: take_console(link, conn, bytes, len); break;
    case TD_FRAMING_RAW: take_raw(link, conn, bytes, len); break;
    case TD_FRAMING_COBS: take_cobs(link, conn, bytes, len); break;
    }
}

/* ---- out ----------------------------------------------------------------------------- */

static void drop_first(struct td_link *link)
{
    struct queued *gone = link->first;

    link->first = gone->next;
    if (!link->first)
        link->last = NULL;
    link->n_queued -= gone->len;
    link->sending = false;
    free(gone);
}

/* When the line has passed that follows at once; a byte is ten bits. */
static uint64_t take_line_time(struct td_link *link, size_t bytes)
{
    uint64_t now = uv_hrtime(), byte_ns = UINT64_C(10000000000) / link->url.baud;

    // A timer of whole milliseconds wakes late each time. What it lost is caught up with, or a
    // fast line would stand still for half of its time; a longer pause was one, and is over.
    if (now > link->free_ns + LATE_NS)
        link->free_ns = now;
    link->free_ns += bytes * byte_ns;
    return link->free_ns;
}

static size_t next_line(struct td_link *link, uint8_t line[TD_CONSOLE_LINE_MAX])
{
    size_t n = 0;

    while (link->first && n == 0) {
        if (!link->sending) {
            link->sending = true;
            (void)td_console_out_begin(&link->out, link->first->packet, link->first->len,
                                       TD_CONSOLE_LINE_MAX);
        }
        n = td_console_out_line(&link->out, line);
        if (n == 0)
            drop_first(link);
    }
    return n;
}

static void send_next(uv_timer_t *timer)
{
    struct td_link *link = timer->data;
    const struct td_conn *conn = link->conn;
    uint8_t line[TD_CONSOLE_LINE_MAX];
    uint64_t free_ns, now;

    do {
        size_t n = next_line(link, line);

        if (n == 0) {
            if (link->events.drained)
                link->events.drained(link->ctx);
            return;
        }
        free_ns = take_line_time(link, n);
        uv_update_time(link->loop);
        now = uv_hrtime();
        uv_timer_start(&link->pace, send_next,
                       free_ns > now ? (free_ns - now + MS_NS - 1) / MS_NS : 0, 0);
        link->conn->carrier->write(link->conn, line, n);
        // Writing may find out that the line is gone.
    } while (link->conn == conn && free_ns <= now);
}

static enum td_err enqueue(struct td_link *link, const uint8_t *packet, size_t len)
{
    struct queued *q = malloc(sizeof *q + len);

    if (!q)
        return TD_EARG;
    q->next = NULL;
    q->len = len;
    memcpy(q->packet, packet, len);
    if (link->last)
        link->last->next = q;
    else
        link->first = q;
    link->last = q;
    link->n_queued += len;
    if (!uv_is_active((uv_handle_t *)&link->pace))
        send_next(&link->pace);
    return TD_OK;
}

static void send_cobs(struct td_link *link, const uint8_t *packet, size_t len)
{
    const struct td_conn *conn = link->conn;
    uint8_t piece[COBS_PIECE];
    struct td_cobs_out out;
    size_t n;

    (void)td_cobs_out_begin(&out, packet, len);
    while (link->conn == conn && (n = td_cobs_out_bytes(&out, piece, sizeof piece)) > 0)
        conn->carrier->write(link->conn, piece, n);
}

static void tell_sent(struct td_link *link, const uint8_t *packet, size_t len)
{
    if (link->events.frame && !link->closed)
        link->events.frame(link->ctx, TD_FRAME_SENT, packet, len);
}

enum td_err td_link_send(struct td_link *link, const uint8_t *packet, size_t len)
{
    bool lines = link->url.framing == TD_FRAMING_CONSOLE;

    if (len < TD_SMP_HEADER_SIZE || len > (lines ? 65533 : TD_LINK_MAX_PACKET))
        return TD_EARG;
    if (link->state != TD_LINK_UP || !link->conn || !link->conn->up)
        return TD_ESTATE;
    if (lines) {
        tell_sent(link, packet, len);
        return enqueue(link, packet, len);
    }
    if (link->url.framing == TD_FRAMING_COBS)
        send_cobs(link, packet, len);
    else
        link->conn->carrier->write(link->conn, packet, len);
    // Who writes it down takes time, in which the packet is on its way.
    tell_sent(link, packet, len);
    return TD_OK;
}

size_t td_link_queued(const struct td_link *link)
{
    return link->n_queued;
}

/* ---- life ---------------------------------------------------------------------------- */

enum td_err td_link_open(uv_loop_t *loop, const struct td_url *url,
                         const struct td_link_events *events, void *ctx, struct td_link **out)
{
    struct td_link *link = calloc(1, sizeof *link);

    *out = NULL;
    if (!link)
        return TD_EARG;
    link->loop = loop;
    link->url = *url;
    link->events = *events;
    link->ctx = ctx;
    link->state = TD_LINK_OPENING;
    name_link(link);
    uv_timer_init(loop, &link->retry);
    uv_timer_init(loop, &link->pace);
    link->retry.data = link;
    link->pace.data = link;
    link->n_handles = 2;
    forget_queues(link);
    uv_timer_start(&link->retry, try_to_open, 0, 0);
    *out = link;
    return TD_OK;
}

static void timer_closed(uv_handle_t *handle)
{
    struct td_link *link = handle->data;

    if (--link->n_handles == 0)
        free(link);
}

void td_link_close(struct td_link *link)
{
    if (!link || link->closed)
        return;
    link->closed = true;
    give_up_connection(link);
    forget_queues(link);
    uv_close((uv_handle_t *)&link->retry, timer_closed);
    uv_close((uv_handle_t *)&link->pace, timer_closed);
}

void td_link_reopen(struct td_link *link)
{
    if (!link->conn || !link->conn->up)
        return;
    forget_queues(link);
    if (link->conn->carrier->flush) {
        link->conn->carrier->flush(link->conn);
        return;
    }
    give_up_connection(link);
    uv_timer_start(&link->retry, try_to_open, 0, 0);
    set_state(link, TD_LINK_OPENING, NULL);
}

enum td_link_state td_link_state(const struct td_link *link)
{
    return link->state;
}

size_t td_link_max_packet(const struct td_link *link)
{
    bool v6 = link->conn ? link->conn->is_v6 : strchr(link->url.host, ':') != NULL;

    switch (link->url.framing) {
    case TD_FRAMING_DATAGRAM: return v6 ? UDP_V6_PAYLOAD : UDP_V4_PAYLOAD;
    case TD_FRAMING_CONSOLE: return 65533;
    case TD_FRAMING_RAW:
    case TD_FRAMING_COBS: break;
    }
    return TD_LINK_MAX_PACKET;
}

size_t td_link_overhead(const struct td_link *link)
{
    switch (link->url.framing) {
    case TD_FRAMING_CONSOLE: return TD_CONSOLE_OVERHEAD;
    case TD_FRAMING_COBS: return 2; // the CRC; a device may keep it beside the packet
    case TD_FRAMING_DATAGRAM:
    case TD_FRAMING_RAW: break;
    }
    return 0;
}

size_t td_link_line(const struct td_link *link)
{
    return link->url.framing == TD_FRAMING_CONSOLE ? CONSOLE_RAW : 0;
}

uint32_t td_link_silence_ms(const struct td_link *link)
{
    return link->url.framing == TD_FRAMING_RAW ? RAW_DEVICE_MS : 0;
}

const char *td_link_name(const struct td_link *link)
{
    return link->name;
}
