/* transport/tcp.c - a serial line behind a socket, as emulators and terminal servers give it. */
#include <stdlib.h>
#include <string.h>

#include "transport/conn_priv.h"

struct write {
    uv_write_t req;
    char bytes[];
};

static void try_next(struct td_conn *conn);

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct td_conn *conn = stream->data;

    if (n == UV_EOF)
        td_conn_down(conn, "%s port %u closed the connection", conn->host, conn->port);
    else if (n < 0)
        td_conn_down(conn, "the connection to %s port %u broke: %s", conn->host, conn->port,
                     uv_strerror((int)n));
    else if (n > 0)
        td_conn_bytes(conn, (const uint8_t *)buf->base, (size_t)n);
}

static void refused_handle_closed(uv_handle_t *handle)
{
    struct td_conn *conn = handle->data;

    conn->has_handle = false;
    conn->retrying = false;
    if (conn->closing)
        td_conn_free(conn);
    else
        try_next(conn);
}

static void connected(uv_connect_t *req, int status)
{
    struct td_conn *conn = req->data;

    if (conn->closing || conn->retrying)
        return;
    if (status == 0) {
        uv_tcp_nodelay(&conn->handle.tcp, 1);
        status = uv_read_start((uv_stream_t *)&conn->handle.tcp, td_conn_buffer, received);
    }
    if (status == 0) {
        td_conn_up(conn);
        return;
    }
    conn->next = conn->next->ai_next;
    if (!conn->next) {
        td_conn_down(conn, "%s port %u cannot be connected to: %s", conn->host, conn->port,
                     uv_strerror(status));
        return;
    }
    conn->retrying = true;
    uv_close(&conn->handle.any, refused_handle_closed);
}

static void try_next(struct td_conn *conn)
{
    int err = uv_tcp_init(conn->loop, &conn->handle.tcp);

    conn->handle.tcp.data = conn;
    conn->has_handle = err == 0;
    conn->connect.data = conn;
    if (err == 0)
        err = uv_tcp_connect(&conn->connect, &conn->handle.tcp, conn->next->ai_addr, connected);
    if (err != 0)
        td_conn_down(conn, "%s port %u cannot be connected to: %s", conn->host, conn->port,
                     uv_strerror(err));
}

static void found(struct td_conn *conn)
{
    conn->next = conn->addresses;
    try_next(conn);
}

static void tcp_open(struct td_conn *conn, const struct td_url *url)
{
    td_conn_resolve(conn, url, SOCK_STREAM, found);
}

static void written(uv_write_t *req, int status)
{
    (void)status; // The reader hears of it as well.
    free(req);
}

static void tcp_write(struct td_conn *conn, const uint8_t *bytes, size_t len)
{
    struct write *w = malloc(sizeof *w + len);
    uv_buf_t buf;

    if (!w)
        return;
    memcpy(w->bytes, bytes, len);
    buf = uv_buf_init(w->bytes, (unsigned)len);
    if (uv_write(&w->req, (uv_stream_t *)&conn->handle.tcp, &buf, 1, written) != 0)
        free(w);
}

/* The far side is a UART that goes on by itself: closing would only lose its boot log. */
static void tcp_flush(struct td_conn *conn)
{
    (void)conn;
}

static void tcp_close(struct td_conn *conn)
{
    // Its handle is on the way out already and takes conn along.
    if (conn->retrying)
        conn->closing = true;
    else
        td_conn_close(conn);
}

const struct td_carrier td_carrier_tcp = {
    .open = tcp_open,
    .write = tcp_write,
    .flush = tcp_flush,
    .close = tcp_close,
};
