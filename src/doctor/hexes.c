/* doctor/hexes.c - see hexes.h. */
#include "doctor/hexes.h"

#include <string.h>

#include "base/hex.h"

static bool is_hex(char c)
{
    return td_hex_digit(c) >= 0;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t digits_at(const char *p)
{
    size_t n = 0;

    while (is_hex(p[n]))
        n++;
    return n;
}

/* 0x, \x and x in front of a byte. */
static const char *skip_mark(const char *p)
{
    if ((p[0] == '0' || p[0] == '\\') && (p[1] == 'x' || p[1] == 'X') && is_hex(p[2]))
        return p + 2;
    return p;
}

/* What may stand between two bytes; NULL when something else does. */
static const char *skip_between(const char *p)
{
    const char *start = p;

    while (*p != 0 && p - start < 4 && strchr(" ,-:;|\t", *p) != NULL)
        p++;
    return p == start && skip_mark(p) == p ? NULL : p;
}

/* One group of digits: pairs, or a single digit behind 0x. */
static size_t take_group(const char *p, size_t n, bool marked, uint8_t *out, size_t cap)
{
    if (marked && n == 1 && cap > 0) {
        out[0] = (uint8_t)td_hex_digit(p[0]);
        return 1;
    }
    if (n % 2 != 0 || n == 0 || n / 2 > cap)
        return 0;
    for (size_t i = 0; i < n / 2; i++)
        out[i] = (uint8_t)(td_hex_digit(p[2 * i]) << 4 | td_hex_digit(p[2 * i + 1]));
    return n / 2;
}

size_t td_hexes_at(const char *text, uint8_t *out, size_t cap, const char **end)
{
    const char *p = text;
    size_t len = 0;

    *end = text;
    if (strncmp(p, "(0x)", 4) == 0)
        p += 4;
    while (*p == ' ' || *p == '\t' || *p == '{' || *p == '[' || *p == '(' || *p == '"' ||
           *p == '\'')
        p++;
    while (p != NULL) {
        const char *digits = skip_mark(p);
        size_t n = digits_at(digits);
        size_t got;

        // A word that goes on with other letters is no hex.
        if (is_word(digits[n]) && n > 0)
            break;
        got = take_group(digits, n, digits != p, out + len, cap - len);
        if (got == 0)
            break;
        len += got;
        *end = digits + n;
        p = skip_between(*end);
    }
    return len;
}

size_t td_hexes_find(const char *text, size_t min, uint8_t *out, size_t cap, const char **start,
                     const char **end)
{
    const char *p = text;

    while (*p != 0) {
        if (is_hex(*p) || *p == '\\') {
            size_t n = td_hexes_at(p, out, cap, end);

            if (n >= min) {
                *start = p;
                return n;
            }
            if (*end > p)
                p = *end;
        }
        while (is_word(*p))
            p++;
        if (*p != 0)
            p++;
    }
    return 0;
}

bool td_hexes_dump(const char *text, uint32_t *offset, uint8_t out[32], size_t *len)
{
    const char *p = text;
    size_t n;

    while (*p == ' ' || *p == '\t')
        p++;
    if (p[0] == '0' && p[1] == 'x')
        p += 2;
    n = digits_at(p);
    if (n < 4 || n > 8)
        return false;
    *offset = 0;
    for (size_t i = 0; i < n; i++)
        *offset = *offset << 4 | (uint32_t)td_hex_digit(p[i]);
    p += n;
    if (*offset % 4 != 0 || *offset > 0x20000)
        return false;
    // With one blank alone it could as well be a group of the bytes themselves.
    if (*p == ':' || *p == '|')
        p++;
    else if (!((*p == ' ' && (p[1] == ' ' || digits_at(p + 1) == 2)) || *p == '\t'))
        return false;
    for (*len = 0; *len < 32;) {
        unsigned blanks = 0;
        size_t got;

        for (; *p == ' ' || *p == '\t' || (*p == '-' && *len > 0); p++)
            blanks++;
        n = digits_at(p);
        // Two blanks: the middle of the line, or the characters at its end.
        if ((*len > 0 && blanks >= 2 && *len != 8) || n == 0 || n % 2 != 0 || n > 8 ||
            is_word(p[n]))
            break;
        got = take_group(p, n, false, out + *len, 32 - *len);
        if (got == 0)
            break;
        *len += got;
        p += n;
    }
    return *len > 0;
}
