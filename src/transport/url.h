/*
 * transport/url.h - a device's address as people write it.
 *
 *   udp:HOST[:PORT]          port 1337 when left out; IPv6 in brackets
 *   serial:PATH[?baud=115200&framing=console|raw|cobs]
 *   tcp:HOST:PORT[?framing=console|raw|cobs&baud=...]   a serial line behind a socket
 *
 * baud on tcp is the pace at which lines are sent; the line behind the socket has one.
 */
#ifndef TD_TRANSPORT_URL_H
#define TD_TRANSPORT_URL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum td_url_kind {
    TD_URL_UDP,
    TD_URL_SERIAL,
    TD_URL_TCP,
};

enum td_framing {
    TD_FRAMING_DATAGRAM, /* one datagram is one packet */
    TD_FRAMING_CONSOLE,  /* base64 lines with a checksum (smp/console.h) */
    TD_FRAMING_RAW,      /* bare packets; the header's length says where one ends */
    TD_FRAMING_COBS,     /* packet and checksum without zeros, and a zero (smp/raw.h) */
};

#define TD_URL_TEXT 256 /* longest host or path, with its terminator */

struct td_url {
    enum td_url_kind kind;
    enum td_framing framing;
    char host[TD_URL_TEXT]; /* UDP and TCP: a name or an address, without brackets */
    char path[TD_URL_TEXT]; /* serial */
    uint16_t port;          /* UDP and TCP */
    uint32_t baud;          /* serial and TCP: bits a second */
};

#define TD_URL_WHY 160

/*
 * Takes text apart. TD_EFORMAT: it is no URL of the above; TD_EUNSUPPORTED: it is one that this
 * version cannot serve (ble:). In both cases why holds a sentence and *url is not
 * to be used.
 */
enum td_err td_url_parse(const char *text, struct td_url *url, char why[TD_URL_WHY]);

#endif
