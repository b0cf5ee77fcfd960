/* tools/text.c - numbers, hex and near misses. */
#include "tools/cli.h"

#include <stdlib.h>
#include <string.h>

bool td_parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    unsigned base = 10;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        unsigned digit;

        if (*text >= '0' && *text <= '9')
            digit = (unsigned)(*text - '0');
        else if (*text >= 'a' && *text <= 'f')
            digit = (unsigned)(*text - 'a') + 10;
        else if (*text >= 'A' && *text <= 'F')
            digit = (unsigned)(*text - 'A') + 10;
        else
            return false;
        if (digit >= base)
            return false;
        value = value * base + digit;
        if (value > max)
            return false;
    }
    if (value < min)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool td_parse_seconds(const char *text, uint32_t *ms)
{
    uint64_t whole = 0;
    uint32_t thousandths = 0, unit = 100;
    const char *p = text;

    for (; *p >= '0' && *p <= '9'; p++) {
        whole = whole * 10 + (unsigned)(*p - '0');
        if (whole > 86400)
            return false;
    }
    if (p == text && *p != '.')
        return false;
    if (*p == '.') {
        p++;
        if (*p == '\0')
            return false;
        for (; *p >= '0' && *p <= '9'; p++) {
            thousandths += (unsigned)(*p - '0') * unit;
            unit /= 10;
        }
    }
    if (*p == 's' && p[1] == '\0')
        p++;
    if (*p != '\0' || whole * 1000 + thousandths == 0 || whole * 1000 + thousandths > 86400000)
        return false;
    *ms = (uint32_t)(whole * 1000 + thousandths);
    return true;
}

#define NEAREST_MAX 32

/* Edit distance with insertions, deletions, replacements; words longer than the table are far. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NEAREST_MAX + 1];
    size_t n_a = strlen(a), n_b = strlen(b);

    if (n_a > NEAREST_MAX || n_b > NEAREST_MAX)
        return NEAREST_MAX;
    for (size_t j = 0; j <= n_b; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n_a; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n_b; j++) {
            unsigned above = row[j];
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);

            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[n_b];
}

const char *td_nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    unsigned limit = strlen(word) < 4 ? 1 : 2, least = limit + 1;

    for (size_t i = 0; i < n; i++) {
        unsigned d = distance(word, candidates[i]);

        if (d < least) {
            least = d;
            best = candidates[i];
        }
    }
    return best;
}
