/* doctor/words.c - see words.h. */
#include "doctor/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"

/* ---- the header ---------------------------------------------------------------------- */

/* "Key: 12" somewhere before end. */
static bool field(const char *p, const char *end, const char *key, uint32_t max, uint32_t *value)
{
    size_t n = strlen(key);

    for (; p + n < end; p++) {
        if (strncmp(p, key, n) != 0)
            continue;
        p += n;
        while (*p == ':' || *p == ' ' || *p == '=')
            p++;
        if (*p < '0' || *p > '9')
            return false;
        for (*value = 0; *p >= '0' && *p <= '9'; p++) {
            *value = *value * 10 + (uint32_t)(*p - '0');
            if (*value > max)
                return false;
        }
        return true;
    }
    return false;
}

bool td_words_read(const char *text, struct td_words *words)
{
    const char *header = strstr(text, "Header (");
    const char *end, *said;
    uint32_t version = 0, op, flags = 0, len, group, seq, id;

    if (!header)
        return false;
    end = strchr(header, ')');
    if (!end)
        end = header + strlen(header);
    field(header, end, "Version", 3, &version);
    field(header, end, "Flags", 255, &flags);
    if (!field(header, end, "Op", 7, &op) || !field(header, end, "Len", 65535, &len) ||
        !field(header, end, "Group", 65535, &group) || !field(header, end, "Seq", 255, &seq) ||
        !field(header, end, "Command", 255, &id))
        return false;
    words->hdr = (struct td_smp_header){ .version = (uint8_t)version,
                                         .op = (uint8_t)op,
                                         .flags = (uint8_t)flags,
                                         .len = (uint16_t)len,
                                         .group = (uint16_t)group,
                                         .seq = (uint8_t)seq,
                                         .id = (uint8_t)id };
    said = strstr(text, "Sending");
    words->dir = said && said < header ? TD_TO_DEVICE : TD_DIR_UNKNOWN;
    said = strstr(text, "Received");
    if (said && said < header)
        words->dir = TD_FROM_DEVICE;
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
