/*
 * server/os_clock.c - group 0: the wall clock, as text.
 *
 * Without 64-bit division, which small cores do not have. Years begin in March inside, so
 * that the leap day is a year's last.
 */
#include "server/server_priv.h"

enum {
    TEXT_MIN = 19,
    TEXT_MAX = 25,
    YEAR_MIN = 1900,
    YEAR_MAX = 11899,
    EPOCH_DAY = 719468, /* 1970-01-01, counted from March 1st of the year 0 */
};

#define MS_A_DAY 86400000u

struct moment {
    uint32_t year, month, day, hour, minute, second, ms;
};

/* ---- days ------------------------------------------------------------------------------ */

/* Days before a year that begins in March. */
static uint32_t days_before(uint32_t year)
{
    return 365 * year + year / 4 - year / 100 + year / 400;
}

static uint32_t day_of(const struct moment *m)
{
    uint32_t year = m->month > 2 ? m->year : m->year - 1;
    uint32_t month = m->month > 2 ? m->month - 3 : m->month + 9;

    return days_before(year) + (153 * month + 2) / 5 + m->day - 1;
}

static void set_day(struct moment *m, uint32_t day)
{
    uint32_t year = day / 366, month;

    while (days_before(year + 1) <= day)
        year++;
    day -= days_before(year);
    month = (5 * day + 2) / 153;
    m->day = day - (153 * month + 2) / 5 + 1;
    m->month = month < 10 ? month + 3 : month - 9;
    m->year = month < 10 ? year : year + 1;
}

static bool day_exists(const struct moment *m)
{
    struct moment same = { .year = 0 };

    set_day(&same, day_of(m));
    return same.day == m->day && same.month == m->month;
}

/* ---- milliseconds ---------------------------------------------------------------------- */

static int64_t to_ms(const struct moment *m)
{
    const uint32_t s = (m->hour * 60 + m->minute) * 60 + m->second;

    return ((int64_t)day_of(m) - EPOCH_DAY) * MS_A_DAY + s * 1000u + m->ms;
}

/* TD_EARG: a year that the protocol's text has no place for. */
static enum td_err from_ms(int64_t ms, struct moment *m)
{
    const int64_t shift = (int64_t)EPOCH_DAY * MS_A_DAY;
    uint32_t day = 0, rest;
    uint64_t left;

    *m = (struct moment){ .year = 0 };
    if (ms < -shift || ms >= ((int64_t)1 << 22) * MS_A_DAY)
        return TD_EARG;
    left = (uint64_t)(ms + shift);
    for (unsigned bit = 23; bit-- > 0;)
        if (left >= (uint64_t)MS_A_DAY << bit) {
            left -= (uint64_t)MS_A_DAY << bit;
            day |= (uint32_t)1 << bit;
        }
    rest = (uint32_t)left;
    set_day(m, day);
    m->ms = rest % 1000;
    m->second = rest / 1000 % 60;
    m->minute = rest / 60000 % 60;
    m->hour = rest / 3600000;
    return m->year >= YEAR_MIN && m->year <= YEAR_MAX ? TD_OK : TD_EARG;
}

/* ---- text ------------------------------------------------------------------------------ */

/* What is left to read. */
struct cursor {
    const char *p;
    size_t len;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number of any width, within bounds. */
static bool take_number(struct cursor *c, uint32_t min, uint32_t max, uint32_t *value)
{
    uint32_t n = 0;

    if (c->len == 0 || !is_digit(c->p[0]))
        return false;
    for (; c->len > 0 && is_digit(c->p[0]) && n <= max; c->p++, c->len--)
        n = n * 10 + (uint32_t)(c->p[0] - '0');
    *value = n;
    return n >= min && n <= max;
}

static bool take_char(struct cursor *c, char wanted)
{
    if (c->len == 0 || c->p[0] != wanted)
        return false;
    c->p++;
    c->len--;
    return true;
}

/* Digits behind the point; those beyond milliseconds are left out. */
static bool take_fraction(struct cursor *c, uint32_t *ms)
{
    uint32_t weight = 100;

    if (!take_char(c, '.'))
        return true;
    if (c->len == 0 || !is_digit(c->p[0]))
        return false;
    for (; c->len > 0 && is_digit(c->p[0]); c->p++, c->len--, weight /= 10)
        *ms += (uint32_t)(c->p[0] - '0') * weight;
    return true;
}

/* Minutes that the text's clock is ahead of UTC: "Z", "+hh:mm", "-hhmm", or nothing. */
static bool take_zone(struct cursor *c, int32_t *minutes)
{
    bool is_behind = c->len > 0 && c->p[0] == '-';
    uint32_t n, hour, minute;

    *minutes = 0;
    if (c->len == 0 || take_char(c, 'Z'))
        return c->len == 0;
    if (!take_char(c, '+') && !take_char(c, '-'))
        return false;
    if (c->len == 4) {
        if (!take_number(c, 0, 2359, &n))
            return false;
        hour = n / 100;
        minute = n % 100;
    } else if (!take_number(c, 0, 23, &hour) || !take_char(c, ':') ||
               !take_number(c, 0, 59, &minute)) {
        return false;
    }
    *minutes = (int32_t)(hour * 60 + minute);
    if (is_behind)
        *minutes = -*minutes;
    return c->len == 0 && minute < 60;
}

/* yyyy-MM-ddTHH:mm:ss[.SSS][zone] */
static enum td_err parse(struct td_cbor_text text, int64_t *ms)
{
    struct cursor c = { text.p, text.len };
    struct moment m = { .ms = 0 };
    int32_t ahead;

    if (text.len < TEXT_MIN || text.len > TEXT_MAX ||
        !take_number(&c, YEAR_MIN, YEAR_MAX, &m.year) || !take_char(&c, '-') ||
        !take_number(&c, 1, 12, &m.month) || !take_char(&c, '-') ||
        !take_number(&c, 1, 31, &m.day) || !(take_char(&c, 'T') || take_char(&c, ' ')) ||
        !take_number(&c, 0, 23, &m.hour) || !take_char(&c, ':') ||
        !take_number(&c, 0, 59, &m.minute) || !take_char(&c, ':') ||
        !take_number(&c, 0, 59, &m.second) || !take_fraction(&c, &m.ms) || !take_zone(&c, &ahead) ||
        !day_exists(&m))
        return TD_EFORMAT;
    *ms = to_ms(&m) - (int64_t)ahead * 60000;
    return TD_OK;
}

/* Writes a number with at least this many digits; returns where the next character goes. */
static char *put_number(char *out, uint32_t value, unsigned digits)
{
    char text[10];
    unsigned n = 0;

    while (value > 0 || n < digits) {
        text[n++] = (char)('0' + value % 10);
        value /= 10;
    }
    while (n > 0)
        *out++ = text[--n];
    return out;
}

static size_t format(const struct moment *m, char *out)
{
    static const char between[] = "-T::";
    const uint32_t rest[] = { m->day, m->hour, m->minute, m->second };
    char *end = put_number(out, m->year, 4);

    *end++ = '-';
    end = put_number(end, m->month, 2);
    for (unsigned i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        *end++ = between[i];
        end = put_number(end, rest[i], 2);
    }
    return (size_t)(end - out);
}

/* ---- handlers -------------------------------------------------------------------------- */

static const struct td_server_clock *clock_of(const struct td_server_call *call)
{
    const struct td_server_os *os = call->srv->cfg->os;

    return os == NULL ? NULL : os->clock;
}

struct td_server_result td_server_os_datetime(struct td_server_call *call)
{
    const struct td_server_clock *clock = clock_of(call);
    struct td_os_datetime rsp = { .has_text = true };
    struct moment m;
    char text[32];
    int64_t ms = 0;
    enum td_err err;

    if (clock == NULL)
        return td_result_not_built();
    err = clock->get(clock->ctx, &ms);
    if (err == TD_ESTATE)
        return td_result_err(TD_OS_RTC_NOT_SET, TD_TEXT("the clock was never set"));
    if (err == TD_OK)
        err = from_ms(ms, &m);
    if (err != TD_OK)
        return td_result_err(TD_OS_RTC_FAILED, TD_TEXT("the clock failed"));
    rsp.text = (struct td_cbor_text){ text, format(&m, text) };
    td_os_datetime_put(call->out, &rsp);
    return td_result_done();
}

struct td_server_result td_server_os_set_datetime(struct td_server_call *call)
{
    const struct td_server_clock *clock = clock_of(call);
    struct td_os_datetime req;
    int64_t ms;

    if (clock == NULL)
        return td_result_not_built();
    if (td_os_datetime_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    if (parse(req.text, &ms) != TD_OK)
        return td_result_rc(TD_SMP_RC_INVALID, TD_TEXT("not yyyy-MM-ddTHH:mm:ss"));
    if (clock->set(clock->ctx, ms) != TD_OK)
        return td_result_err(TD_OS_RTC_FAILED, TD_TEXT("the clock failed"));
    td_smp_put_empty(call->out);
    return td_result_done();
}
