/*
 * layout/rows.c - a line of a report, read where it stands in somebody's log.
 *
 * A row is looked for anywhere in the line, so that prefixes and indentation do not matter;
 * what makes it one is its form as a whole: 0xADDR: name (0xSIZE - ...), or (0xSIZE) of old
 * releases behind a frame.
 */
#include "layout/rows.h"

#include <string.h>

#define ROW_MAX 400 /* characters of a line that are looked at */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.';
}

/* Copies the line without ESC [ ... m and other control characters. */
static void plain(const char *text, size_t len, char out[ROW_MAX + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < ROW_MAX; i++) {
        if (text[i] == '\033' && i + 1 < len && text[i + 1] == '[') {
            i += 2;
            while (i < len && (text[i] < '@' || text[i] > '~'))
                i++;
        } else if (text[i] == '\t') {
            out[n++] = ' ';
        } else if ((unsigned char)text[i] >= ' ') {
            out[n++] = text[i];
        }
    }
    out[n] = '\0';
}

static const char *blanks(const char *at)
{
    while (*at == ' ')
        at++;
    return at;
}

/* Reads 0x and 1 to 8 digits; NULL when there is none. */
static const char *hex(const char *at, uint32_t *out)
{
    uint32_t value = 0;
    unsigned n = 0;

    if (at[0] != '0' || (at[1] != 'x' && at[1] != 'X'))
        return NULL;
    for (at += 2; is_hex(*at); at++, n++) {
        unsigned digit = *at <= '9' ? (unsigned)(*at - '0') : ((unsigned)*at | 0x20u) - 'a' + 10;

        value = value << 4 | digit;
    }
    *out = value;
    return n >= 1 && n <= 8 ? at : NULL;
}

/* "(0x8000 - 32kB)", or "(0x8000)"; *said is whether the size is told in words as well. */
static const char *size_in_brackets(const char *at, uint32_t *size, bool *said)
{
    *said = false;
    if (*at != '(')
        return NULL;
    at = hex(at + 1, size);
    if (at == NULL)
        return NULL;
    at = blanks(at);
    if (*at == '-') {
        at = blanks(at + 1);
        while (is_word(*at))
            at++;
        *said = at[-1] == 'B';
    }
    return *at == ')' ? at + 1 : NULL;
}

static const char *word(const char *at, char *out, size_t cap)
{
    size_t n = 0;

    while (is_word(*at)) {
        if (n + 1 >= cap)
            return NULL;
        out[n++] = *at++;
    }
    out[n] = '\0';
    return n > 0 ? at : NULL;
}

/* What stands before the address: a pipe, the corner of a container, or neither. */
static char frame_before(const char *line, const char *at)
{
    if (at - line >= 2 && at[-1] == '-') {
        while (at > line && at[-1] == '-')
            at--;
        return at > line && at[-1] == '+' ? '+' : 0;
    }
    while (at > line && at[-1] == ' ')
        at--;
    return at > line && at[-1] == '|' ? '|' : 0;
}

static bool read_part(const char *line, const char *at, struct td_partition *part)
{
    char frame = frame_before(line, at);
    bool said;

    at = hex(at, &part->addr);
    if (at == NULL || *at != ':')
        return false;
    at = word(blanks(at + 1), part->name, sizeof part->name);
    if (at == NULL)
        return false;
    at = size_in_brackets(blanks(at), &part->size, &said);
    if (at == NULL || (frame == 0 && !said))
        return false;
    part->container = frame == '+';
    return td_partition_end(part) <= (uint64_t)UINT32_MAX + 1;
}

/* The word that ends before `end`; *begin is where it starts. */
static bool word_before(const char *line, const char *end, const char **begin, char *out,
                        size_t cap)
{
    const char *at;

    while (end > line && end[-1] == ' ')
        end--;
    for (at = end; at > line && is_word(at[-1]); at--)
        ;
    if (at == end || (size_t)(end - at) >= cap)
        return false;
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
    *begin = at;
    return true;
}

static bool is_domain(const char *text)
{
    if (*text < 'A' || *text > 'Z')
        return false;
    for (; *text != '\0'; text++) {
        if ((*text < 'A' || *text > 'Z') && (*text < '0' || *text > '9') && *text != '_')
            return false;
    }
    return true;
}

/* " CPUNET flash_primary (0x40000 - 256kB): ", or the domain alone in old releases. */
static bool read_header(const char *line, const char *bracket, struct td_partition *part)
{
    const char *begin;
    uint32_t size;
    bool said;
    const char *at = size_in_brackets(bracket, &size, &said);
    char domain[sizeof part->domain];

    if (at == NULL || *at != ':')
        return false;
    at = blanks(at + 1);
    if (*at != '\0' && *at != '|')
        return false;
    if (!word_before(line, bracket, &begin, part->region, sizeof part->region))
        return false;
    part->domain[0] = '\0';
    if (strcmp(part->region, "app") == 0 || is_domain(part->region)) {
        if (part->region[0] != 'a' && strlen(part->region) < sizeof part->domain)
            memcpy(part->domain, part->region, strlen(part->region) + 1);
        memcpy(part->region, "flash_primary", sizeof "flash_primary");
        return true;
    }
    // One blank and no more: without a domain there are two, and a log's prefix before them.
    if (begin - line >= 2 && begin[-2] != ' ' &&
        word_before(line, begin, &begin, domain, sizeof domain) && is_domain(domain))
        memcpy(part->domain, domain, sizeof domain);
    return true;
}

static bool is_frame(const char *line)
{
    const char *at = strchr(line, '+');
    unsigned n = 0;

    if (at == NULL)
        return false;
    for (at++; *at == '-'; at++)
        n++;
    return n >= 8 && *at == '+';
}

enum td_row td_row_read(const char *text, size_t len, struct td_partition *part)
{
    char line[ROW_MAX + 1];

    // Every row has an address, a size or a corner.
    if (len == 0 || (memchr(text, 'x', len) == NULL && memchr(text, '+', len) == NULL))
        return TD_ROW_NONE;
    plain(text, len, line);
    for (const char *at = strstr(line, "0x"); at != NULL; at = strstr(at + 2, "0x")) {
        if (read_part(line, at, part))
            return TD_ROW_PART;
    }
    for (const char *at = strchr(line, '('); at != NULL; at = strchr(at + 1, '(')) {
        if (read_header(line, at, part))
            return TD_ROW_HEADER;
    }
    return is_frame(line) ? TD_ROW_FRAME : TD_ROW_NONE;
}
