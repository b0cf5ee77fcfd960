/*
 * doctor/config_sdk.c - which SDK, which chip: from banners, paths and what people write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/config_priv.h"

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return small(c) >= 'a' && small(c) <= 'z';
}

static char large(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

static bool begins(const char *at, const char *needle, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (small(at[k]) != small(needle[k]))
            return false;
    }
    return true;
}

/* Every line of every log comes here: only places with the right first letter are compared. */
const char *td_find_text(const char *hay, size_t len, const char *needle)
{
    const size_t n = strlen(needle);
    const char first[2] = { small(needle[0]), large(needle[0]) };
    const char *at[2];

    if (n == 0 || n > len)
        return n == 0 ? hay : NULL;
    len -= n - 1; // where it may begin
    for (int i = 0; i < 2; i++)
        at[i] = i == 1 && first[1] == first[0] ? NULL : memchr(hay, first[i], len);
    while (at[0] != NULL || at[1] != NULL) {
        const int i = at[0] == NULL || (at[1] != NULL && at[1] < at[0]);
        const char *here = at[i];

        if (begins(here, needle, n))
            return here;
        at[i] = memchr(here + 1, first[i], len - (size_t)(here + 1 - hay));
    }
    return NULL;
}

/* nRF Connect SDK releases, and the Zephyr whose names their tree has. */
static const struct {
    uint16_t ncs, zephyr; /* names: the Zephyr release that the snapshot leads to */
    uint16_t tree;        /* the version that its Zephyr says, without .99 */
    uint8_t serial;       /* N of -ncsN; 0: any */
} releases[] = {
    { 103, 203, 203, 0 }, { 104, 204, 204, 0 }, { 105, 205, 204, 0 }, { 106, 206, 206, 0 },
    { 107, 207, 206, 0 }, { 108, 207, 207, 0 }, { 109, 300, 207, 0 }, { 200, 301, 300, 0 },
    { 201, 302, 301, 0 }, { 202, 302, 302, 1 }, { 203, 303, 302, 2 }, { 204, 304, 303, 0 },
    { 205, 305, 304, 0 }, { 206, 306, 305, 0 }, { 207, 307, 306, 0 }, { 208, 400, 307, 1 },
    { 209, 400, 307, 2 }, { 300, 401, 400, 0 }, { 301, 402, 401, 0 }, { 302, 403, 402, 0 },
};

#define N_RELEASES (sizeof releases / sizeof releases[0])

uint16_t td_sdk_zephyr(const struct td_sdk *sdk)
{
    uint16_t zephyr = releases[0].zephyr;

    if (sdk->family != TD_SDK_NCS)
        return sdk->number;
    for (size_t i = 0; i < N_RELEASES; i++)
        if (releases[i].ncs <= sdk->number)
            zephyr = releases[i].zephyr;
    return zephyr;
}

static bool read_number(const char **at, const char *end, unsigned *out)
{
    const char *p = *at;
    unsigned n = 0;

    while (p < end && is_digit(*p) && p - *at < 4)
        n = n * 10 + (unsigned)(*p++ - '0');
    if (p == *at)
        return false;
    *at = p;
    *out = n;
    return true;
}

/* 2.4, 2.4.1, 3.5.99-ncs1. */
static bool read_version(const char *at, const char *end, struct td_sdk *out, unsigned *serial)
{
    unsigned major, minor, patch = TD_SDK_NO_PATCH;

    if (!read_number(&at, end, &major) || at >= end || *at != '.')
        return false;
    at++;
    if (!read_number(&at, end, &minor) || major > 9 || minor > 99)
        return false;
    if (at + 1 < end && *at == '.' && is_digit(at[1])) {
        at++;
        if (!read_number(&at, end, &patch))
            return false;
    }
    *serial = 0;
    for (const char *p = at; p + 4 < end && p - at < 8; p++) {
        if (memcmp(p, "-ncs", 4) != 0)
            continue;
        p += 4;
        if (!read_number(&p, end, serial))
            *serial = 1;
        break;
    }
    out->number = (uint16_t)(major * 100 + minor);
    out->patch = (uint16_t)patch;
    return true;
}

/* Skips what people write between a product and its version: " version: v", "-v", "/v". */
static const char *to_version(const char *at, const char *end)
{
    static const char *const words[] = { "version", "ver.", "os", "build", "release",
                                         "sdk",     "tag",  "is", "ncs",   "rtos" };
    const char *stop = at + 24 < end ? at + 24 : end;

    while (at < stop && !is_digit(*at)) {
        size_t i;

        if (!is_letter(*at)) {
            if (strchr(" :=/\\-_(@'\"`,\t", *at) == NULL)
                return NULL;
            at++;
            continue;
        }
        if (small(*at) == 'v' && at + 1 < stop && is_digit(at[1])) {
            at++;
            continue;
        }
        for (i = 0; i < sizeof words / sizeof words[0]; i++)
            if (td_find_text(at, (size_t)(stop - at), words[i]) == at)
                break;
        if (i == sizeof words / sizeof words[0])
            return NULL;
        at += strlen(words[i]);
    }
    return at < stop ? at : NULL;
}

static void fork_to_ncs(struct td_sdk *out, unsigned serial)
{
    for (size_t i = 0; i < N_RELEASES; i++)
        // x.y.99 leads to the next release; x.y.0 is a release itself.
        if (releases[i].tree == out->number &&
            (releases[i].serial == 0 || releases[i].serial == serial) &&
            (out->patch == 99) == (releases[i].ncs != 108 && releases[i].ncs != 104)) {
            out->number = releases[i].ncs;
            out->patch = TD_SDK_NO_PATCH;
            out->family = TD_SDK_NCS;
            return;
        }
    out->family = TD_SDK_ZEPHYR;
}

bool td_sdk_in_line(const char *line, size_t len, struct td_sdk *out)
{
    static const struct {
        const char *says;
        enum td_sdk_family family;
    } names[] = {
        { "nrf connect sdk", TD_SDK_NCS },
        { "nrfconnect sdk", TD_SDK_NCS },
        { "ncs", TD_SDK_NCS },
        { "zephyr", TD_SDK_ZEPHYR },
        { "sdk", TD_SDK_NCS },
    };
    const char *end = line + len;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *from = line, *at;

        for (; (at = td_find_text(from, (size_t)(end - from), names[i].says)) != NULL;
             from = at + 1) {
            const char *behind = at + strlen(names[i].says);
            const char *version = to_version(behind, end);
            unsigned serial;

            // "ncs" of "3.5.99-ncs1" and of "functions" is no product.
            if (at > line && (is_letter(at[-1]) || (at[-1] == '-' && is_digit(*behind))))
                continue;
            if (version == NULL || version == behind || !read_version(version, end, out, &serial))
                continue;
            out->family = names[i].family;
            out->banner = td_find_text(line, len, "***") != NULL;
            if (out->family == TD_SDK_ZEPHYR && serial != 0)
                fork_to_ncs(out, serial);
            // nRF5 SDK 15 and 17, and versions of tools, are something else.
            if (out->number < 100 || out->number >= (out->family == TD_SDK_NCS ? 400 : 500))
                continue;
            return true;
        }
    }
    return false;
}

bool td_sdk_from_text(const char *text, struct td_sdk *out)
{
    const char *dash = strchr(text, '-');
    unsigned serial;

    memset(out, 0, sizeof *out);
    if (dash == NULL || !read_version(dash + 1, text + strlen(text), out, &serial))
        return false;
    out->family = text[0] == 'n' ? TD_SDK_NCS : TD_SDK_ZEPHYR;
    return true;
}

bool td_soc_in_line(const char *line, size_t len, size_t *at, char out[16])
{
    static const char *const chips[] = {
        "nrf52805", "nrf52810", "nrf52811", "nrf52820", "nrf52832",  "nrf52833",
        "nrf52840", "nrf5340",  "nrf9160",  "nrf9161",  "nrf9151",   "nrf9131",
        "nrf54l05", "nrf54l10", "nrf54l15", "nrf54h20", "nrf54lm20", "nrf51822",
    };
    const char *end = line + len;
    const char *p = line + *at;

    while ((p = td_find_text(p, (size_t)(end - p), "nrf")) != NULL) {
        for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
            const size_t n = strlen(chips[i]);

            if ((size_t)(end - p) < n || !begins(p, chips[i], n))
                continue;
            snprintf(out, 16, "%s", chips[i]);
            *at = (size_t)(p - line) + n;
            return true;
        }
        p++;
    }
    *at = len;
    return false;
}
