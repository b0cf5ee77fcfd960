/* transport/url.c - reads a device's address. */
#include "transport/url.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_SMP_PORT 1337
#define DEFAULT_BAUD     115200
#define MAX_BAUD         12000000

/* The sentence, with what at its end when that helps. */
static enum td_err no(enum td_err err, char why[TD_URL_WHY], const char *text, const char *what)
{
    snprintf(why, TD_URL_WHY, "%s%s", text, what);
    return err;
}

static bool copy(char to[TD_URL_TEXT], const char *from, size_t len)
{
    if (len == 0 || len >= TD_URL_TEXT)
        return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

static bool number(const char *text, size_t len, uint32_t max, uint32_t *out)
{
    uint32_t value = 0;

    if (len == 0 || len > 8)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    if (value == 0 || value > max)
        return false;
    *out = value;
    return true;
}

static enum td_err take_framing(const char *text, size_t len, struct td_url *url,
                                char why[TD_URL_WHY])
{
    if (len == 7 && memcmp(text, "console", 7) == 0)
        url->framing = TD_FRAMING_CONSOLE;
    else if (len == 3 && memcmp(text, "raw", 3) == 0)
        url->framing = TD_FRAMING_RAW;
    else if (len == 4 && memcmp(text, "cobs", 4) == 0)
        url->framing = TD_FRAMING_COBS;
    else
        return no(TD_EFORMAT, why, "framing is console, raw or cobs", "");
    return TD_OK;
}

/* "baud=115200&framing=raw" */
static enum td_err take_query(const char *text, struct td_url *url, char why[TD_URL_WHY])
{
    while (*text != '\0') {
        size_t len = strcspn(text, "&");
        enum td_err err = TD_OK;

        if (len > 5 && memcmp(text, "baud=", 5) == 0) {
            if (!number(text + 5, len - 5, MAX_BAUD, &url->baud))
                err =
                    no(TD_EFORMAT, why, "baud is a number of bits a second, as in ", "baud=115200");
        } else if (len > 8 && memcmp(text, "framing=", 8) == 0) {
            err = take_framing(text + 8, len - 8, url, why);
        } else {
            err = no(TD_EFORMAT, why, "behind the question mark stand baud= and framing=, not ",
                     text);
        }
        if (err != TD_OK)
            return err;
        text += len;
        if (*text == '&')
            text++;
    }
    return TD_OK;
}

/* HOST, HOST:PORT or [V6]:PORT, ended by the string's end or a question mark. */
static enum td_err take_host(const char *text, size_t len, struct td_url *url, uint32_t *port,
                             char why[TD_URL_WHY])
{
    const char *host = text, *rest;
    size_t host_len;

    if (len > 0 && text[0] == '[') {
        const char *end = memchr(text, ']', len);

        if (!end)
            return no(TD_EFORMAT, why, "the bracket around the IPv6 address is not closed", "");
        host = text + 1;
        host_len = (size_t)(end - host);
        rest = end + 1;
    } else {
        const char *colon = memchr(text, ':', len);

        host_len = colon ? (size_t)(colon - text) : len;
        rest = text + host_len;
        if (colon && memchr(colon + 1, ':', len - host_len - 1))
            return no(TD_EFORMAT, why, "an IPv6 address stands in brackets, as in ",
                      "udp:[::1]:1337");
    }
    if (!copy(url->host, host, host_len))
        return no(TD_EFORMAT, why, "the host is missing or too long", "");
    if (rest == text + len)
        return TD_OK;
    if (*rest != ':' || !number(rest + 1, len - (size_t)(rest + 1 - text), 65535, port))
        return no(TD_EFORMAT, why, "behind the host stands a colon and a port from 1 to 65535", "");
    return TD_OK;
}

static enum td_err parse_udp(const char *text, struct td_url *url, char why[TD_URL_WHY])
{
    uint32_t port = DEFAULT_SMP_PORT;
    enum td_err err;

    url->kind = TD_URL_UDP;
    url->framing = TD_FRAMING_DATAGRAM;
    if (strchr(text, '?'))
        return no(TD_EFORMAT, why, "a UDP address has no options", "");
    err = take_host(text, strlen(text), url, &port, why);
    url->port = (uint16_t)port;
    return err;
}

static enum td_err parse_tcp(const char *text, struct td_url *url, char why[TD_URL_WHY])
{
    size_t len = strcspn(text, "?");
    uint32_t port = 0;
    enum td_err err;

    url->kind = TD_URL_TCP;
    err = take_host(text, len, url, &port, why);
    if (err != TD_OK)
        return err;
    if (port == 0)
        return no(TD_EFORMAT, why, "a TCP address needs its port, as in ", "tcp:127.0.0.1:4444");
    url->port = (uint16_t)port;
    return text[len] == '?' ? take_query(text + len + 1, url, why) : TD_OK;
}

static enum td_err parse_serial(const char *text, struct td_url *url, char why[TD_URL_WHY])
{
    size_t len = strcspn(text, "?");

    url->kind = TD_URL_SERIAL;
    if (!copy(url->path, text, len))
        return no(TD_EFORMAT, why, "the serial port's path is missing or too long, as in ",
                  "serial:/dev/ttyACM0");
    return text[len] == '?' ? take_query(text + len + 1, url, why) : TD_OK;
}

enum td_err td_url_parse(const char *text, struct td_url *url, char why[TD_URL_WHY])
{
    *url = (struct td_url){ .framing = TD_FRAMING_CONSOLE, .baud = DEFAULT_BAUD };
    why[0] = '\0';

    if (strncmp(text, "udp:", 4) == 0)
        return parse_udp(text + 4, url, why);
    if (strncmp(text, "tcp:", 4) == 0)
        return parse_tcp(text + 4, url, why);
    if (strncmp(text, "serial:", 7) == 0)
        return parse_serial(text + 7, url, why);
    if (strncmp(text, "ble:", 4) == 0)
        return no(TD_EUNSUPPORTED, why, "Bluetooth is not in this version", "");
    if (text[0] == '/')
        return no(TD_EFORMAT, why, "a serial port is written serial:", text);
    return no(TD_EFORMAT, why, "it begins with udp:, serial: or tcp:, and not as in ", text);
}
