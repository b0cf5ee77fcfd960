/*
 * doctor/config_scan.c - assignments of options in a line, however they got there.
 *
 * A file has one a line; a forum post has thirty in one, with the comments between them; a
 * command line has -DCONFIG_X=y and -Dmcuboot_CONFIG_X=y; a header has #define CONFIG_X 1.
 */
#include <string.h>

#include "doctor/config_priv.h"

static bool is_word(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool starts(const char *at, const char *end, const char *text)
{
    size_t len = strlen(text);

    return (size_t)(end - at) >= len && memcmp(at, text, len) == 0;
}

static const char *find(const char *at, const char *end, const char *text)
{
    for (; at < end; at++) {
        at = memchr(at, text[0], (size_t)(end - at));
        if (at == NULL)
            return NULL;
        if (starts(at, end, text))
            return at;
    }
    return NULL;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* A value without quotes: up to a blank, a comment, or the next option glued to it. */
static const char *plain_end(const char *at, const char *end)
{
    const char *stop = at;

    while (stop < end && !is_blank(*stop) && *stop != '#' && *stop != '"' && *stop != '<' &&
           !starts(stop, end, "CONFIG_") && !starts(stop, end, "SB_CONFIG_"))
        stop++;
    while (stop > at && strchr(".,;:)]}!?'`*", stop[-1]) != NULL)
        stop--;
    return stop;
}

/* Reads the value at `at`; the place behind it. */
static const char *read_value(const char *at, const char *end, struct td_assignment *out)
{
    static const char open_quote[] = "\xE2\x80\x9C", close_quote[] = "\xE2\x80\x9D";
    const char *stop;

    if (at < end && *at == '"') {
        for (stop = ++at; stop < end && *stop != '"'; stop++)
            if (*stop == '\\' && stop + 1 < end)
                stop++;
        out->value = (struct td_span){ at, (size_t)(stop - at) };
        return stop < end ? stop + 1 : end;
    }
    if (starts(at, end, open_quote) || starts(at, end, close_quote)) {
        at += 3;
        stop = find(at, end, close_quote);
        if (stop == NULL)
            stop = find(at, end, open_quote);
        if (stop == NULL)
            stop = end;
        out->value = (struct td_span){ at, (size_t)(stop - at) };
        out->flaw = TD_FLAW_QUOTES;
        return stop < end ? stop + 3 : end;
    }
    stop = plain_end(at, end);
    out->value = (struct td_span){ at, (size_t)(stop - at) };
    return stop;
}

/* "= y": only what can be nothing but a value is taken from behind a blank. */
static bool looks_like_value(const char *at, const char *end)
{
    const char *stop = plain_end(at, end);

    if (at < end && *at == '"')
        return true;
    if (stop == at)
        return false;
    if (stop - at == 1 && strchr("ynm", *at) != NULL)
        return true;
    for (; at < stop; at++)
        if (strchr("0123456789abcdefABCDEFx-", *at) == NULL)
            return false;
    return true;
}

static bool commented_out(const char *line, const char *begin)
{
    while (begin > line && is_blank(begin[-1]))
        begin--;
    return begin > line &&
           (begin[-1] == '#' || (begin - line >= 2 && begin[-1] == '/' && begin[-2] == '/'));
}

static bool ends_with_define(const char *line, const char *begin)
{
    static const char define[] = "#define";
    size_t len = sizeof define - 1;

    while (begin > line && is_blank(begin[-1]))
        begin--;
    return (size_t)(begin - line) >= len && memcmp(begin - len, define, len) == 0;
}

/* What stands behind the name: fills in the value, false when nothing is assigned. */
static bool read_rest(const char *line, const char *begin, const char *end, const char *at,
                      struct td_assignment *out, const char **stop)
{
    static const char not_set[] = " is not set";
    const char *eq;

    if (starts(at, end, not_set) && commented_out(line, begin)) {
        out->not_set = true;
        out->value = (struct td_span){ "n", 1 };
        *stop = at + sizeof not_set - 1;
        return true;
    }
    if (ends_with_define(line, begin)) {
        out->defined = true;
        *stop = read_value(skip_blanks(at, end), end, out);
        if (out->value.len == 1 && out->value.at[0] == '1')
            out->value = (struct td_span){ "y", 1 };
        return true;
    }
    if (commented_out(line, begin) || (begin == line + 1 && *line == '-'))
        return false;
    eq = skip_blanks(at, end);
    if (eq >= end || *eq != '=' || starts(eq, end, "=="))
        return false;
    if (eq > at)
        out->flaw = TD_FLAW_BLANK;
    eq++;
    if (eq < end && is_blank(*eq) && looks_like_value(skip_blanks(eq, end), end)) {
        out->flaw = TD_FLAW_BLANK;
        eq = skip_blanks(eq, end);
    } else if (eq > at + 1 && (eq >= end || is_blank(*eq))) {
        return false;
    }
    *stop = read_value(eq, end, out);
    return true;
}

bool td_assignment_next(const char *line, size_t len, size_t *at, struct td_assignment *out)
{
    static const char mark[] = "CONFIG_";
    const char *end = line + len;
    const char *from = line + *at;
    const char *p;

    for (; (p = find(from, end, mark)) != NULL; from = p + 1) {
        const char *begin = p, *name = p + sizeof mark - 1, *after = name, *stop;

        while (begin > from && is_word(begin[-1]))
            begin--;
        // The D of -D is a part of the word, but not of the name.
        if (begin < p && *begin == 'D' && begin > line && begin[-1] == '-')
            begin++;
        while (after < end && is_word(*after))
            after++;
        // "# LOGCONFIG_LOG=y": a comment that lost the end of its line.
        if (begin < p && p[-1] != '_' && memchr(line, '#', (size_t)(begin - line)) != NULL)
            begin = p;
        if (after == name || (begin < p && (p - begin < 2 || p[-1] != '_')))
            continue;
        memset(out, 0, sizeof *out);
        if (!read_rest(line, begin, end, after, out, &stop))
            continue;
        // Glued together: CONFIG_A=yCONFIG_B=y was cut apart; the image's name ends before _.
        if (begin < p)
            out->image = (struct td_span){ begin, (size_t)(p - begin) - 1 };
        out->name = (struct td_span){ name, (size_t)(after - name) };
        out->whole = (struct td_span){ begin, (size_t)(stop - begin) };
        out->begin = (size_t)(begin - line);
        out->command = begin - line >= 2 && begin[-1] == 'D' && begin[-2] == '-';
        if (out->flaw == TD_FLAW_NONE && skip_blanks(line, end) == begin) {
            const char *next = skip_blanks(stop, end);

            if (next < end && *next == '#' && find(next, end, mark) == NULL)
                out->flaw = TD_FLAW_COMMENT;
        }
        *at = (size_t)(stop - line);
        return true;
    }
    *at = len;
    return false;
}
