/* doctor/newest.c - see newest.h. */
#include "doctor/newest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define HEAD    48 /* a clock stands within so many characters of a line */
#define FALLS   8
#define HALF_MS (INT64_C(43200) * 1000)

static const char *line_end(const char *at, const char *end)
{
    const char *stop = memchr(at, '\n', (size_t)(end - at));

    return stop ? stop : end;
}

static bool two(const char *p, int64_t *value)
{
    if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
        return false;
    *value = (p[0] - '0') * 10 + (p[1] - '0');
    return true;
}

/* Milliseconds of 12:34:56.789 near the head of a line; -1: none there. */
static int64_t clock_of(const char *line, const char *end)
{
    const char *stop = end - line > HEAD ? line + HEAD : end;
    int64_t h, m, s, ms = 0;

    for (const char *p = line; stop - p >= 8; p++) {
        if (p > line && (isdigit((unsigned char)p[-1]) || p[-1] == ':'))
            continue;
        if (!two(p, &h) || p[2] != ':' || !two(p + 3, &m) || p[5] != ':' || !two(p + 6, &s))
            continue;
        if (m > 59 || s > 59 || (p + 8 < end && (p[8] == ':' || isdigit((unsigned char)p[8]))))
            continue; // an address
        p += 8;
        if (p < end && (*p == '.' || *p == ','))
            for (int64_t unit = 100; ++p < end && isdigit((unsigned char)*p) && unit > 0;
                 unit /= 10)
                ms += (*p - '0') * unit;
        return ((h * 60 + m) * 60 + s) * 1000 + ms;
    }
    return -1;
}

bool td_newest_first(const char *text, size_t len)
{
    const char *end = text + len;
    int64_t last = -1;
    unsigned falls = 0, rises = 0;

    for (const char *at = text, *stop; at < end; at = stop + 1) {
        int64_t now;

        stop = line_end(at, end);
        now = clock_of(at, stop);
        if (now < 0)
            continue;
        // Midnight is a fall and a rise of nearly a day: neither.
        falls += last > now && last - now < HALF_MS;
        rises += last >= 0 && now > last && now - last < HALF_MS;
        last = now;
    }
    return falls >= FALLS && rises * 8 <= falls;
}

void td_turned_free(struct td_turned *turned)
{
    free(turned->text);
    free(turned->lines);
    free(turned->offsets);
    memset(turned, 0, sizeof *turned);
}

struct source {
    const char *text, *end;
    uint64_t *starts; /* of its lines, and the end */
    size_t n;
};

static void copy_lines(const struct source *src, size_t from, size_t to, struct td_turned *out)
{
    for (size_t i = from; i < to; i++) {
        size_t n = (size_t)(src->starts[i + 1] - src->starts[i]);

        memcpy(out->text + out->len, src->text + src->starts[i], n);
        out->len += n;
        if (out->text[out->len - 1] != '\n')
            out->text[out->len++] = '\n';
        out->lines[out->n] = (uint32_t)(i + 1);
        out->offsets[out->n++] = src->starts[i];
    }
}

bool td_turn(const char *text, size_t len, struct td_turned *out)
{
    struct source src = { .text = text, .end = text + len };
    size_t cap = 1, first = 0, past;

    for (size_t i = 0; i < len; i++)
        cap += text[i] == '\n';
    memset(out, 0, sizeof *out);
    src.starts = calloc(cap + 1, sizeof *src.starts);
    out->text = malloc(len + 1);
    out->lines = calloc(cap, sizeof *out->lines);
    out->offsets = calloc(cap, sizeof *out->offsets);
    if (!src.starts || !out->text || !out->lines || !out->offsets) {
        free(src.starts);
        td_turned_free(out);
        return false;
    }
    for (const char *at = text; at < src.end; at = line_end(at, src.end) + 1)
        src.starts[src.n++] = (uint64_t)(at - text);
    src.starts[src.n] = len;
    while (first < src.n && clock_of(text + src.starts[first], text + src.starts[first + 1]) < 0)
        first++;
    copy_lines(&src, 0, first, out);
    past = src.n;
    for (size_t i = src.n; i > first; i--)
        if (clock_of(text + src.starts[i - 1], text + src.starts[i]) >= 0) {
            copy_lines(&src, i - 1, past, out);
            past = i - 1;
        }
    free(src.starts);
    return true;
}
