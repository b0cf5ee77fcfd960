/* transport/conn.c - what carriers have in common: names to addresses, and the way out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/conn_priv.h"

void td_conn_free(struct td_conn *conn)
{
    if (!conn->closing || conn->has_handle || conn->resolving)
        return;
    if (conn->addresses)
        uv_freeaddrinfo(conn->addresses);
    free(conn->pending);
    free(conn);
}

static void handle_closed(uv_handle_t *handle)
{
    struct td_conn *conn = handle->data;

    conn->has_handle = false;
    td_conn_free(conn);
}

void td_conn_close(struct td_conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    if (conn->resolving)
        uv_cancel((uv_req_t *)&conn->resolve);
    if (conn->has_handle)
        uv_close(&conn->handle.any, handle_closed);
    else
        td_conn_free(conn);
}

static void resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *addresses)
{
    struct td_conn *conn = req->data;

    conn->resolving = false;
    conn->addresses = addresses;
    if (conn->closing) {
        td_conn_free(conn);
        return;
    }
    if (status != 0 || !addresses) {
        td_conn_down(conn, "there is no host '%s': %s", conn->host, uv_strerror(status));
        return;
    }
    conn->found(conn);
}

void td_conn_resolve(struct td_conn *conn, const struct td_url *url, int socktype,
                     void (*found)(struct td_conn *conn))
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = socktype };
    char port[8];
    int err;

    snprintf(port, sizeof port, "%u", url->port);
    memcpy(conn->host, url->host, sizeof conn->host);
    conn->port = url->port;
    conn->found = found;
    conn->resolve.data = conn;
    err = uv_getaddrinfo(conn->loop, &conn->resolve, resolved, url->host, port, &hints);
    if (err != 0) {
        td_conn_down(conn, "there is no host '%s': %s", conn->host, uv_strerror(err));
        return;
    }
    conn->resolving = true;
}

void td_conn_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct td_conn *conn = handle->data;

    (void)wanted;
    *buf = uv_buf_init(conn->read, sizeof conn->read);
}
