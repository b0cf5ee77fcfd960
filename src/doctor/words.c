/* doctor/words.c - see words.h. */
#include "doctor/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/hex.h"

/* ---- the header ---------------------------------------------------------------------- */

static const char *const op_names[] = { "Read", "ReadRsp", "Write", "WriteRsp" };

/* Where a key stands between p and end, as a word of its own; behind it. */
static const char *find_key(const char *p, const char *end, const char *key)
{
    size_t n = strlen(key);

    for (; p + n < end; p++) {
        // Letters of a key in either case; what is in front ends a word.
        if ((*p | 0x20) != key[0] || (p[n] != ':' && p[n] != '=' && p[n] != ' '))
            continue;
        if (!isalnum((unsigned char)p[-1]) && p[-1] != '_' && strncasecmp(p, key, n) == 0)
            return p + n;
    }
    return NULL;
}

/*
 * The number of a key: "Op: 1", "op=<OP.READ_RSP: 1>", "group: NmpGroup(1)", "op: ReadRsp".
 */
static bool field(const char *p, const char *end, const char *key, uint32_t max, uint32_t *value)
{
    const char *stop;

    p = find_key(p, end, key);
    if (!p)
        return false;
    while (*p == ':' || *p == ' ' || *p == '=')
        p++;
    for (uint32_t i = 4; i-- > 0;) {
        if (strncmp(p, op_names[i], strlen(op_names[i])) == 0) {
            *value = i;
            return true;
        }
    }
    // Python writes the number behind the name, Rust in brackets.
    for (stop = p; stop < end && *stop != ',' && *stop != '>'; stop++)
        ;
    if (*p == '<' && *stop == '>') {
        for (p = stop; isdigit((unsigned char)p[-1]); p--)
            ;
    } else {
        while (p < stop && !isdigit((unsigned char)*p))
            p++;
    }
    if (!isdigit((unsigned char)*p))
        return false;
    for (*value = 0; isdigit((unsigned char)*p); p++) {
        *value = *value * 10 + (uint32_t)(*p - '0');
        if (*value > max)
            return false;
    }
    return true;
}

/* A key that clients name differently. */
static bool either(const char *p, const char *end, const char *key, const char *other, uint32_t max,
                   uint32_t *value)
{
    return field(p, end, key, max, value) || field(p, end, other, max, value);
}

/* The fields between brackets behind "Header(", "Header (" or "NmpHdr {". */
static const char *find_header(const char *text, const char **end)
{
    const char *header = strstr(text, "Header");
    unsigned depth = 0;

    if (header)
        header += 6;
    else if ((header = strstr(text, "NmpHdr")) != NULL)
        header += 6;
    if (!header)
        return NULL;
    while (*header == ' ')
        header++;
    if (*header != '(' && *header != '{')
        return NULL;
    for (*end = header; **end != 0; (*end)++) {
        depth += **end == '(' || **end == '{';
        if ((**end == ')' || **end == '}') && --depth == 0)
            break;
    }
    return header + 1;
}

static enum td_direction direction(const char *text, const char *header)
{
    static const struct {
        const char *word;
        enum td_direction dir;
    } words[] = {
        { "Sending", TD_TO_DEVICE },
        { "request", TD_TO_DEVICE },
        { "Received", TD_FROM_DEVICE },
        { "response", TD_FROM_DEVICE },
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *said = strstr(text, words[i].word);

        if (said && said < header)
            return words[i].dir;
    }
    return TD_DIR_UNKNOWN;
}

bool td_words_read(const char *text, struct td_words *words)
{
    const char *end = NULL, *header = find_header(text, &end);
    uint32_t version = 0, op, flags = 0, len, group, seq, id;

    if (!header)
        return false;
    field(header, end, "version", 3, &version);
    field(header, end, "flags", 255, &flags);
    if (!field(header, end, "op", 7, &op) || !either(header, end, "len", "length", 65535, &len) ||
        !either(header, end, "group", "group_id", 65535, &group) ||
        !either(header, end, "seq", "sequence", 255, &seq) ||
        !(field(header, end, "command", 255, &id) ||
          either(header, end, "command_id", "id", 255, &id)))
        return false;
    words->hdr = (struct td_smp_header){ .version = (uint8_t)version,
                                         .op = (uint8_t)op,
                                         .flags = (uint8_t)flags,
                                         .len = (uint16_t)len,
                                         .group = (uint16_t)group,
                                         .seq = (uint8_t)seq,
                                         .id = (uint8_t)id };
    words->dir = direction(text, header);
    words->body = strstr(end, "CBOR");
    if (words->body) {
        words->body += 4;
        while (*words->body == ' ' || *words->body == ':')
            words->body++;
    }
    return true;
}

/* ---- the body ------------------------------------------------------------------------ */

/* Members that are byte strings on the wire. */
static bool is_bytes_key(const char *key)
{
    static const char *const keys[] = { "hash", "sha", "data", "val" };

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

/* A text in base64 as "hex:...", NULL when it is none. */
static json_t *bytes_of(const json_t *text)
{
    size_t len = json_string_length(text), n = 0;
    uint8_t *bytes = malloc(len + 1);
    char *hex = malloc(2 * len + 8);
    json_t *json = NULL;

    if (bytes && hex && td_base64_decode(json_string_value(text), len, bytes, len, &n)) {
        memcpy(hex, "hex:", 4);
        td_hex(bytes, n, hex + 4);
        json = json_string(hex);
    }
    free(bytes);
    free(hex);
    return json;
}

#define DEPTH 16

static void normalize(json_t *json, unsigned depth)
{
    const char *key;
    json_t *value;
    size_t i;

    if (depth == 0)
        return;
    if (json_is_array(json)) {
        json_array_foreach(json, i, value) normalize(value, depth - 1);
        return;
    }
    json_object_foreach(json, key, value)
    {
        json_t *bytes = json_is_string(value) && is_bytes_key(key) ? bytes_of(value) : NULL;

        // Setting the value of a key that is there does not disturb the walk.
        if (bytes)
            json_object_set_new(json, key, bytes);
        else
            normalize(value, depth - 1);
    }
}

json_t *td_words_body(const char *text, bool *cut)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DISABLE_EOF_CHECK, &error);

    *cut = false;
    if (!json) {
        *cut = text[0] == '{' && json_error_code(&error) == json_error_premature_end_of_input;
        return NULL;
    }
    normalize(json, DEPTH);
    return json;
}
