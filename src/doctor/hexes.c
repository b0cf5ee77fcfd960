/* doctor/hexes.c - see hexes.h. */
#include "doctor/hexes.h"

#include <string.h>

/* The digit's value + 1, 0 for what is none: most of a log is looked at with this. */
static const uint8_t digit[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static bool is_hex(char c)
{
    return digit[(uint8_t)c] != 0;
}

static unsigned value(char c)
{
    return digit[(uint8_t)c] - 1u;
}

static bool is_word(char c)
{
    unsigned char lower = (unsigned char)(c | 0x20);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
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

    while (p - start < 4 &&
           (*p == ' ' || *p == '-' || *p == ':' || *p == ',' || *p == ';' || *p == '\t'))
        p++;
    return p == start && skip_mark(p) == p ? NULL : p;
}

/* One group of digits: pairs, or a single digit behind 0x. */
static size_t take_group(const char *p, size_t n, bool marked, uint8_t *out, size_t cap)
{
    if (marked && n == 1 && cap > 0) {
        out[0] = (uint8_t)value(p[0]);
        return 1;
    }
    if (n % 2 != 0 || n == 0 || n / 2 > cap)
        return 0;
    for (size_t i = 0; i < n / 2; i++)
        out[i] = (uint8_t)(value(p[2 * i]) << 4 | value(p[2 * i + 1]));
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
        // A run begins with two digits, or with 0x or \x in front of them.
        if ((is_hex(p[0]) && (is_hex(p[1]) || p[1] == 'x')) || *p == '\\') {
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
        *offset = *offset << 4 | value(p[i]);
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

size_t td_hexes_python(const char *text, uint8_t *out, size_t cap, const char **end)
{
    static const char escapes[] = "n\nr\rt\t\\\\''\"\"";
    char quote = text[0] == 'b' ? text[1] : 0;
    const char *p = text + 2;
    size_t len = 0;

    *end = text;
    if (quote != '\'' && quote != '"')
        return 0;
    for (; *p != 0 && *p != quote && len < cap; len++) {
        const char *escape;

        if (*p != '\\') {
            out[len] = (uint8_t)*p++;
        } else if (p[1] == 'x' && is_hex(p[2]) && is_hex(p[3])) {
            out[len] = (uint8_t)(value(p[2]) << 4 | value(p[3]));
            p += 4;
        } else {
            for (escape = escapes; *escape != 0 && *escape != p[1]; escape += 2)
                ;
            if (*escape == 0)
                return 0;
            out[len] = (uint8_t)escape[1];
            p += 2;
        }
    }
    *end = *p == quote ? p + 1 : p;
    return len;
}
