/* doctor/body.c - see body.h. Nesting is bounded by cbor/, so both ways may recurse. */
#include "doctor/body.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "cbor/cbor.h"

#define HEX "hex:"

/* ---- JSON to CBOR -------------------------------------------------------------------- */

static enum td_err put(struct td_cbor_writer *w, const json_t *json);

static enum td_err put_string(struct td_cbor_writer *w, const char *text, size_t len)
{
    size_t n = len / 2;
    uint8_t *bytes;

    // A text with a 0 inside is a text, whatever it begins with.
    if (strncmp(text, HEX, strlen(HEX)) != 0 || strlen(text) != len) {
        td_cbor_put_text(w, (struct td_cbor_text){ text, len });
        return TD_OK;
    }
    bytes = malloc(n + 1);
    if (!bytes)
        return TD_ESPACE;
    if (td_unhex(text + strlen(HEX), bytes, n, &n))
        td_cbor_put_bytes(w, bytes, n);
    else
        td_cbor_put_text(w, (struct td_cbor_text){ text, len });
    free(bytes);
    return TD_OK;
}

static enum td_err put_integer(struct td_cbor_writer *w, json_int_t value)
{
    if (value < INT32_MIN || value > UINT32_MAX)
        return TD_EUNSUPPORTED;
    if (value < 0)
        td_cbor_put_int(w, (int32_t)value);
    else
        td_cbor_put_uint(w, (uint32_t)value);
    return TD_OK;
}

static enum td_err put_members(struct td_cbor_writer *w, const json_t *json)
{
    enum td_err err = TD_OK;
    void *at = json_object_iter((json_t *)(uintptr_t)json);

    td_cbor_open_map(w);
    for (; at && err == TD_OK && w->err == TD_OK;
         at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
        const char *key = json_object_iter_key(at);

        td_cbor_put_text(w, (struct td_cbor_text){ key, strlen(key) });
        err = put(w, json_object_iter_value(at));
    }
    td_cbor_close(w);
    return err;
}

static enum td_err put_items(struct td_cbor_writer *w, const json_t *json)
{
    enum td_err err = TD_OK;

    td_cbor_open_list(w);
    for (size_t i = 0; i < json_array_size(json) && err == TD_OK && w->err == TD_OK; i++)
        err = put(w, json_array_get(json, i));
    td_cbor_close(w);
    return err;
}

static enum td_err put(struct td_cbor_writer *w, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT: return put_members(w, json);
    case JSON_ARRAY: return put_items(w, json);
    case JSON_STRING: return put_string(w, json_string_value(json), json_string_length(json));
    case JSON_INTEGER: return put_integer(w, json_integer_value(json));
    case JSON_TRUE: td_cbor_put_bool(w, true); return TD_OK;
    case JSON_FALSE: td_cbor_put_bool(w, false); return TD_OK;
    case JSON_REAL:
    case JSON_NULL: return TD_EUNSUPPORTED;
    }
    return TD_EUNSUPPORTED;
}

enum td_err td_body_write(const json_t *json, uint8_t *out, size_t cap, size_t *len)
{
    struct td_cbor_writer w;
    enum td_err err;

    td_cbor_writer_init(&w, out, cap, TD_CBOR_DEFINITE);
    err = put(&w, json);
    *len = 0;
    return err != TD_OK ? err : td_cbor_done(&w, len);
}

/* ---- CBOR to JSON -------------------------------------------------------------------- */

static json_t *get(struct td_cbor_reader *r, unsigned depth);

static json_t *bytes_json(const uint8_t *bytes, size_t len)
{
    char *text = malloc(strlen(HEX) + 2 * len + 1);
    json_t *json;

    if (!text)
        return NULL;
    memcpy(text, HEX, strlen(HEX));
    td_hex(bytes, len, text + strlen(HEX));
    json = json_string(text);
    free(text);
    return json;
}

/* A text that is no UTF-8 is shown as its bytes. */
static json_t *text_json(const uint8_t *text, size_t len)
{
    json_t *json = json_stringn((const char *)text, len);

    return json ? json : bytes_json(text, len);
}

static json_t *float_json(const struct td_cbor_item *item)
{
    uint32_t bits = (uint32_t)item->value, exponent = bits >> 10 & 31;
    double value;
    float narrow;

    if (item->len == 8) {
        memcpy(&value, &item->value, sizeof value);
    } else if (item->len == 4) {
        memcpy(&narrow, &bits, sizeof narrow);
        value = (double)narrow;
    } else {
        value = exponent == 0    ? ldexp(bits & 1023, -24)
                : exponent == 31 ? (double)INFINITY
                                 : ldexp((double)((bits & 1023) + 1024), (int)exponent - 25);
        value = bits & 0x8000 ? -value : value;
    }
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *integer_json(const struct td_cbor_item *item)
{
    char text[24];

    if (item->value > INT64_MAX) {
        snprintf(text, sizeof text, item->type == TD_CBOR_UINT ? "%llu" : "-1-%llu",
                 (unsigned long long)item->value);
        return json_string(text);
    }
    return json_integer(item->type == TD_CBOR_UINT ? (json_int_t)item->value
                                                   : -1 - (json_int_t)item->value);
}

/* The walk's begin functions want the head once more. */
static json_t *get_list(struct td_cbor_reader *r, unsigned depth)
{
    json_t *list = json_array();
    struct td_cbor_walk walk;
    bool more = td_cbor_list_begin(r, &walk) == TD_OK;

    if (!more) {
        json_decref(list);
        return NULL;
    }
    for (;;) {
        json_t *item;

        if (td_cbor_more(r, &walk, &more) != TD_OK)
            break;
        if (!more)
            return list;
        item = get(r, depth);
        if (!item || json_array_append_new(list, item) != 0)
            break;
    }
    json_decref(list);
    return NULL;
}

/* Keys that are no text become JSON text. */
static char *get_key(struct td_cbor_reader *r, unsigned depth)
{
    json_t *key = get(r, depth);
    char *text = NULL;

    if (json_is_string(key))
        text = strdup(json_string_value(key));
    else if (key)
        text = json_dumps(key, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(key);
    return text;
}

static json_t *get_map(struct td_cbor_reader *r, unsigned depth)
{
    json_t *map = json_object();
    struct td_cbor_walk walk;
    bool more = td_cbor_map_begin(r, &walk) == TD_OK;
    char *key = NULL;

    while (more) {
        json_t *value;

        if (td_cbor_more(r, &walk, &more) != TD_OK)
            break;
        if (!more)
            return map;
        key = get_key(r, depth);
        value = key ? get(r, depth) : NULL;
        if (!value || json_object_set_new(map, key, value) != 0)
            break;
        free(key);
        key = NULL;
    }
    free(key);
    json_decref(map);
    return NULL;
}

/* The pieces of an indefinite string follow as items of their own. */
static json_t *get_pieces(struct td_cbor_reader *r, bool is_text)
{
    uint8_t *all = malloc(r->len + 1);
    size_t len = 0;
    struct td_cbor_item piece;
    json_t *json = NULL;

    while (all && td_cbor_next(r, &piece) == TD_OK) {
        if (piece.type == TD_CBOR_BREAK) {
            json = is_text ? text_json(all, len) : bytes_json(all, len);
            break;
        }
        if ((piece.type != TD_CBOR_TEXT && piece.type != TD_CBOR_BYTES) || piece.indefinite)
            break;
        memcpy(all + len, piece.bytes, piece.len);
        len += piece.len;
    }
    free(all);
    return json;
}

static json_t *get(struct td_cbor_reader *r, unsigned depth)
{
    struct td_cbor_reader before = *r;
    struct td_cbor_item item;

    if (depth == 0 || td_cbor_next(r, &item) != TD_OK)
        return NULL;
    switch (item.type) {
    case TD_CBOR_UINT:
    case TD_CBOR_NINT: return integer_json(&item);
    case TD_CBOR_BYTES:
        return item.indefinite ? get_pieces(r, false) : bytes_json(item.bytes, item.len);
    case TD_CBOR_TEXT:
        return item.indefinite ? get_pieces(r, true) : text_json(item.bytes, item.len);
    case TD_CBOR_LIST: *r = before; return get_list(r, depth - 1);
    case TD_CBOR_MAP: *r = before; return get_map(r, depth - 1);
    case TD_CBOR_TAG: return get(r, depth - 1);
    case TD_CBOR_BOOL: return json_boolean(item.value);
    case TD_CBOR_NULL:
    case TD_CBOR_UNDEFINED: return json_null();
    case TD_CBOR_FLOAT: return float_json(&item);
    case TD_CBOR_BREAK: return NULL;
    }
    return NULL;
}

json_t *td_body_read(const uint8_t *bytes, size_t len)
{
    struct td_cbor_reader r = td_cbor_reader_of(bytes, len);

    return len == 0 ? json_object() : get(&r, TD_CBOR_READ_DEPTH);
}
