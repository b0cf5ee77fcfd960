/*
 * transport/udp.c - datagrams: each is a packet.
 *
 * The socket is connected, so that strangers are kept out and an ICMP "port unreachable" comes
 * back as an error: a device that is not there is known at once, without waiting for a time-out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/conn_priv.h"

static void say_error(struct td_conn *conn, int err)
{
    if (err == UV_ECONNREFUSED)
        td_conn_down(conn, "nobody listens on UDP port %u of %s", conn->port, conn->host);
    else
        td_conn_down(conn, "%s cannot be reached over UDP: %s", conn->host, uv_strerror(err));
}

static void received(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                     unsigned flags)
{
    struct td_conn *conn = udp->data;

    if (n < 0)
        say_error(conn, (int)n);
    else if (from && !(flags & UV_UDP_PARTIAL))
        td_conn_bytes(conn, (const uint8_t *)buf->base, (size_t)n);
}

static void found(struct td_conn *conn)
{
    struct addrinfo *chosen = conn->addresses;
    int err;

    // Names such as localhost mostly mean the v4 address, and with UDP nobody says which is
    // served: the first v4 address goes before any v6.
    for (struct addrinfo *at = conn->addresses; at; at = at->ai_next) {
        if (at->ai_family == AF_INET) {
            chosen = at;
            break;
        }
    }
    conn->is_v6 = chosen->ai_family == AF_INET6;

    err = uv_udp_init(conn->loop, &conn->handle.udp);
    conn->handle.udp.data = conn;
    conn->has_handle = err == 0;
    if (err == 0)
        err = uv_udp_connect(&conn->handle.udp, chosen->ai_addr);
    if (err == 0)
        err = uv_udp_recv_start(&conn->handle.udp, td_conn_buffer, received);
    if (err != 0)
        say_error(conn, err);
    else
        td_conn_up(conn);
}

static void udp_open(struct td_conn *conn, const struct td_url *url)
{
    td_conn_resolve(conn, url, SOCK_DGRAM, found);
}

static void udp_write(struct td_conn *conn, const uint8_t *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
    int n = uv_udp_try_send(&conn->handle.udp, &buf, 1, NULL);

    // A full socket buffer is a lost packet, as anywhere on the way.
    if (n < 0 && n != UV_EAGAIN && n != UV_ENOBUFS)
        say_error(conn, n);
}

const struct td_carrier td_carrier_udp = {
    .open = udp_open,
    .write = udp_write,
    .close = td_conn_close,
};
