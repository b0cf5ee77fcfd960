/*
 * transport/conn_priv.h - one connection of a link, between the link and what carries the bytes.
 *
 * A connection lives from one opening of the link to the next; its memory goes when libuv has
 * closed its handle. A connection without a link (conn->link == NULL) was given up and reports
 * nothing any more.
 */
#ifndef TD_TRANSPORT_CONN_PRIV_H
#define TD_TRANSPORT_CONN_PRIV_H

#include <uv.h>

#include "transport/link.h"

struct td_conn;

struct td_carrier {
    /* Begins to open; ends in td_conn_up or td_conn_down, at once or later. */
    void (*open)(struct td_conn *conn, const struct td_url *url);

    /* Takes all bytes; what cannot go out at once is copied. Failures come by td_conn_down. */
    void (*write)(struct td_conn *conn, const uint8_t *bytes, size_t len);

    /* Drops what is queued in the wire's own buffers; NULL: a new connection does that. */
    void (*flush)(struct td_conn *conn);

    /* Closes; frees conn by and by. */
    void (*close)(struct td_conn *conn);
};

extern const struct td_carrier td_carrier_udp, td_carrier_tcp, td_carrier_serial;

#define TD_CONN_READ 65536

struct td_conn {
    struct td_link *link;
    const struct td_carrier *carrier;
    uv_loop_t *loop;
    bool up;
    bool is_v6;

    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    void (*found)(struct td_conn *conn);
    struct addrinfo *addresses; /* of the host, when it was resolved */
    struct addrinfo *next;      /* TCP: the one to try next */
    union {
        uv_handle_t any;
        uv_udp_t udp;
        uv_tcp_t tcp;
        uv_poll_t poll;
    } handle;
    bool has_handle; /* it must be closed before conn may go */
    bool resolving;  /* the resolver still knows conn */
    bool retrying;   /* TCP: the handle closes, to be made anew for the next address */
    bool closing;

    int fd;           /* serial */
    uint8_t *pending; /* serial: bytes that the port did not take yet */
    size_t n_pending;

    char host[TD_URL_TEXT];
    uint16_t port;
    char read[TD_CONN_READ];
};

/* The carrier reports to its link. After td_conn_down the conn may be closed already. */
void td_conn_up(struct td_conn *conn);
void td_conn_down(struct td_conn *conn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void td_conn_bytes(struct td_conn *conn, const uint8_t *bytes, size_t len);

/* Carriers over a socket: asks for the addresses of the host, and says so when there are none. */
void td_conn_resolve(struct td_conn *conn, const struct td_url *url, int socktype,
                     void (*found)(struct td_conn *conn));

/* libuv's alloc callback over conn->read. */
void td_conn_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buf);

/* Closes the handle and frees conn when libuv is done with it; the usual carrier->close. */
void td_conn_close(struct td_conn *conn);

/* Frees conn if it is closing and nothing of libuv's refers to it any more. */
void td_conn_free(struct td_conn *conn);

#endif
