/* doctor/linkline.c - see linkline.h. */
#include "doctor/linkline.h"

#include <stdlib.h>
#include <string.h>

/* The number behind key; decimal or 0x. */
static bool number(const char *text, const char *key, long *value)
{
    const char *p = strstr(text, key);
    char *end;

    if (!p)
        return false;
    p += strlen(key);
    while (*p == ' ' || *p == ':' || *p == '=' || *p == '(')
        p++;
    *value = strtol(p, &end, 0);
    return end != p;
}

/* A number with a fraction behind key, in thousandths. */
static bool thousandths(const char *text, const char *key, uint32_t *value)
{
    const char *p = strstr(text, key);
    uint32_t unit = 100;

    if (!p)
        return false;
    p += strlen(key);
    while (*p == ' ' || *p == ':')
        p++;
    if (*p < '0' || *p > '9')
        return false;
    for (*value = 0; *p >= '0' && *p <= '9' && *value < 100000; p++)
        *value = *value * 10 + (uint32_t)(*p - '0');
    *value *= 1000;
    if (*p != '.' && *p != ',')
        return true;
    for (p++; *p >= '0' && *p <= '9'; p++) {
        *value += (uint32_t)(*p - '0') * unit;
        unit /= 10;
    }
    return true;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool android(const char *text, struct td_link_event *link)
{
    const char *state = strstr(text, "Connection state changed with status");
    long status = -1;

    if (!state)
        return false;
    number(state, "status", &status);
    state = strstr(state, "new state");
    if (!state)
        return false;
    if (strstr(state, "DISCONNECTED"))
        link->what = TD_LINK_DOWN;
    else if (strstr(state, "CONNECTED"))
        link->what = TD_LINK_UP;
    else
        return false;
    link->status = (int)status;
    return true;
}

/* "Error 8 (0x8): GATT CONN TIMEOUT", all that is left of it without the debug lines. */
static bool gatt_error(const char *text, struct td_link_event *link)
{
    const char *name = strstr(text, "GATT CONN ");
    const char *code = strstr(text, "(0x");

    if (!name || !code || !strstr(text, "Error") || strstr(name, "FAIL"))
        return false;
    link->what = TD_LINK_DOWN;
    link->status = (int)strtol(code + 1, NULL, 16);
    return true;
}

static bool params(const char *text, struct td_link_event *link)
{
    const char *p = strstr(text, "onnection parameters updated");
    uint32_t timeout = 0;
    long latency = 0;

    if (!p || !thousandths(p, "interval", &link->interval_us))
        return false;
    link->what = TD_LINK_PARAMS;
    if (number(p, "latency", &latency) && latency >= 0 && latency < 500)
        link->latency = (uint32_t)latency;
    if (thousandths(p, "timeout", &timeout))
        link->timeout_ms = timeout / 1000;
    return true;
}

static bool mtu(const char *text, struct td_link_event *link)
{
    long value = 0;

    if (!number(text, "MTU changed to", &value) && !number(text, "Got MTU", &value))
        return false;
    if (value < 23 || value > 65535)
        return false;
    link->what = TD_LINK_MTU;
    link->value = (uint32_t)value;
    return true;
}

static bool nordic(const char *text, struct td_link_event *link)
{
    if (strcmp(text, "Disconnected") == 0 || begins(text, "Peripheral disconnected") ||
        strstr(text, "Central Manager did disconnect")) {
        link->what = TD_LINK_DOWN;
        return true;
    }
    if (begins(text, "Connected to ") || begins(text, "Peripheral connected") ||
        strstr(text, "Central Manager did connect")) {
        link->what = TD_LINK_UP;
        return true;
    }
    return false;
}

/* What Apple's client says without any prefix. */
static bool exact(const char *text, struct td_link_event *link)
{
    if (strcmp(text, "Peripheral disconnected") == 0)
        link->what = TD_LINK_DOWN;
    else if (strcmp(text, "Peripheral connected") == 0)
        link->what = TD_LINK_UP;
    else
        return false;
    return true;
}

static bool python(const char *text, struct td_link_event *link)
{
    if (begins(text, "Disconnected from") || begins(text, "Connection lost")) {
        link->what = TD_LINK_DOWN;
        return true;
    }
    if (begins(text, "Connected to ")) {
        link->what = TD_LINK_UP;
        return true;
    }
    return false;
}

static bool tandem(const char *text, struct td_link_event *link)
{
    if (begins(text, "! link down"))
        link->what = TD_LINK_DOWN;
    else if (begins(text, "! link up"))
        link->what = TD_LINK_UP;
    else
        return false;
    return true;
}

/* "Disconnected: 12:34 (random), reason 0x13", "Disconnected (reason 8)", "Connected". */
static bool zephyr(const char *text, struct td_link_event *link)
{
    long reason = -1;

    if (begins(text, "Disconnected")) {
        if (!number(text, "reason", &reason))
            number(text, "err", &reason);
        link->what = TD_LINK_DOWN;
        link->status = (int)reason;
        return true;
    }
    if (strcmp(text, "Connected") == 0 || begins(text, "Connected: ")) {
        link->what = TD_LINK_UP;
        return true;
    }
    return false;
}

/* The dialects that say such things, so that most lines cost nothing. */
bool td_linkline_read(const struct td_line *line, struct td_link_event *link)
{
    *link = (struct td_link_event){ .status = -1 };
    // Nearly all of what is looked for has one of these words in it.
    if (line->dialect <= TD_DIALECT_NORDIC_IOS && !strstr(line->text, "onnect") &&
        !strstr(line->text, "MTU") && !strstr(line->text, "GATT CONN"))
        return false;
    switch (line->dialect) {
    case TD_DIALECT_NORDIC_ANDROID:
    case TD_DIALECT_NORDIC_IOS:
        return android(line->text, link) || gatt_error(line->text, link) ||
               params(line->text, link) || mtu(line->text, link) || nordic(line->text, link);
    case TD_DIALECT_SMPMGR: return mtu(line->text, link) || python(line->text, link);
    case TD_DIALECT_TANDEM: return tandem(line->text, link);
    case TD_DIALECT_ZEPHYR: return zephyr(line->text, link) || nordic(line->text, link);
    default: return android(line->text, link) || exact(line->text, link);
    }
}
