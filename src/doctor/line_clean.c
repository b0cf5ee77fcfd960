/* doctor/line_clean.c - see line_priv.h. */
#include "doctor/line_priv.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* The bytes of an escape sequence behind ESC: CSI up to its letter, OSC up to BEL or ESC \. */
static size_t escape_size(const char *p, size_t len)
{
    size_t n = 1;

    if (len == 0)
        return 0;
    if (p[0] == '[') {
        while (n < len && n < 32 && (unsigned char)p[n] >= 0x20 && (unsigned char)p[n] < 0x40)
            n++;
        return n < len ? n + 1 : n;
    }
    if (p[0] == ']') {
        while (n < len && n < 256 && p[n] != '\a' && p[n] != 0x1b)
            n++;
        return n < len ? n + 1 : n;
    }
    return 1;
}

/* Colour sequences whose ESC a copy and paste lost: "[1;31m", "[0m". */
static size_t lost_escape_size(const char *p, size_t len)
{
    size_t n = 1;

    while (n < len && n < 10 && (isdigit((unsigned char)p[n]) || p[n] == ';'))
        n++;
    return n > 1 && n < len && p[n] == 'm' ? n + 1 : 0;
}

/* What a web page's source has for characters of its own; 0 when it is none of these. */
static size_t entity_size(const char *p, size_t len, char *c)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = {
        { "&lt;", '<' },   { "&gt;", '>' },   { "&amp;", '&' },
        { "&quot;", '"' }, { "&#39;", '\'' }, { "&nbsp;", ' ' },
    };

    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        size_t n = strlen(entities[i].name);

        if (n <= len && memcmp(p, entities[i].name, n) == 0) {
            *c = entities[i].c;
            return n;
        }
    }
    return 0;
}

/* Bytes that need a look: control characters, ESC, [, &, DEL, the first of a web page's blank. */
static bool is_special(unsigned char c)
{
    return (c < 0x20 && c != '\t') || c == '[' || c == '&' || c == 0x7f || c == 0xc2;
}

/* What a special byte is in the text; how many bytes were used. */
static size_t copy_special(const char *p, size_t len, char *out, size_t *n)
{
    size_t lost;

    switch ((unsigned char)p[0]) {
    case 0x1b: return 1 + escape_size(p + 1, len - 1);
    case '&':
        lost = entity_size(p, len, out + *n);
        if (lost == 0)
            out[*n] = '&';
        (*n)++;
        return lost > 0 ? lost : 1;
    case '[':
        lost = lost_escape_size(p, len);
        if (lost > 0)
            return lost;
        out[(*n)++] = '[';
        return 1;
    case 0xc2:
        if (len > 1 && (unsigned char)p[1] == 0xa0) {
            out[(*n)++] = ' ';
            return 2;
        }
        out[(*n)++] = p[0];
        return 1;
    default: return 1;
    }
}

size_t td_line_clean(const char *bytes, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len;) {
        size_t run = i;

        while (run < len && !is_special((unsigned char)bytes[run]))
            run++;
        memcpy(out + n, bytes + i, run - i);
        n += run - i;
        i = run;
        if (i < len)
            i += copy_special(bytes + i, len - i, out, &n);
    }
    while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\t'))
        n--;
    out[n] = 0;
    return n;
}
