/*
 * cbor/cbor_fuzz.c - our reader against libcbor's: both take an input or both refuse it, and
 * both see the same values. What was read is written again, and read again.
 *
 * Only nesting beyond our bound is ours alone to refuse; text that is no UTF-8 and some tags are
 * libcbor's alone.
 */
#include <stdlib.h>
#include <string.h>

#include <cbor.h>

#include "cbor/cbor.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void same(struct td_cbor_reader *r, cbor_item_t *theirs);

static void same_next(struct td_cbor_reader *r, cbor_item_t *theirs)
{
    same(r, theirs);
    cbor_decref(&theirs);
}

static void end_of(struct td_cbor_reader *r, const struct td_cbor_item *ours)
{
    struct td_cbor_item item;

    if (!ours->indefinite)
        return;
    MUST(td_cbor_next(r, &item) == TD_OK);
    MUST(item.type == TD_CBOR_BREAK);
}

static void same_bytes(struct td_cbor_reader *r, const struct td_cbor_item *ours,
                       cbor_item_t *theirs, bool text)
{
    if (!ours->indefinite) {
        MUST(ours->len == (text ? cbor_string_length(theirs) : cbor_bytestring_length(theirs)));
        MUST(ours->len == 0 ||
             memcmp(ours->bytes, text ? cbor_string_handle(theirs) : cbor_bytestring_handle(theirs),
                    ours->len) == 0);
        return;
    }
    size_t n = text ? cbor_string_chunk_count(theirs) : cbor_bytestring_chunk_count(theirs);
    cbor_item_t **chunks =
        text ? cbor_string_chunks_handle(theirs) : cbor_bytestring_chunks_handle(theirs);

    for (size_t i = 0; i < n; i++)
        same(r, chunks[i]);
    end_of(r, ours);
}

static void same_list(struct td_cbor_reader *r, const struct td_cbor_item *ours,
                      cbor_item_t *theirs)
{
    MUST(ours->indefinite || ours->value == cbor_array_size(theirs));
    for (size_t i = 0; i < cbor_array_size(theirs); i++)
        same_next(r, cbor_array_get(theirs, i));
    end_of(r, ours);
}

static void same_map(struct td_cbor_reader *r, const struct td_cbor_item *ours, cbor_item_t *theirs)
{
    MUST(ours->indefinite || ours->value == cbor_map_size(theirs));
    for (size_t i = 0; i < cbor_map_size(theirs); i++) {
        same(r, cbor_map_handle(theirs)[i].key);
        same(r, cbor_map_handle(theirs)[i].value);
    }
    end_of(r, ours);
}

static void same_simple(const struct td_cbor_item *ours, cbor_item_t *theirs)
{
    if (cbor_isa_float_ctrl(theirs) && !cbor_float_ctrl_is_ctrl(theirs)) {
        MUST(ours->type == TD_CBOR_FLOAT);
        MUST(ours->len == (size_t)2 << (cbor_float_get_width(theirs) - CBOR_FLOAT_16));
        return;
    }
    switch (cbor_ctrl_value(theirs)) {
    case CBOR_CTRL_FALSE: MUST(ours->type == TD_CBOR_BOOL && ours->value == 0); break;
    case CBOR_CTRL_TRUE: MUST(ours->type == TD_CBOR_BOOL && ours->value == 1); break;
    case CBOR_CTRL_NULL: MUST(ours->type == TD_CBOR_NULL); break;
    case CBOR_CTRL_UNDEF: MUST(ours->type == TD_CBOR_UNDEFINED); break;
    default: abort();
    }
}

/* Reads one item of ours, and everything inside, and compares it with theirs. */
static void same(struct td_cbor_reader *r, cbor_item_t *theirs)
{
    struct td_cbor_item ours;

    MUST(td_cbor_next(r, &ours) == TD_OK);
    switch (cbor_typeof(theirs)) {
    case CBOR_TYPE_UINT:
        MUST(ours.type == TD_CBOR_UINT && ours.value == cbor_get_int(theirs));
        break;
    case CBOR_TYPE_NEGINT:
        MUST(ours.type == TD_CBOR_NINT && ours.value == cbor_get_int(theirs));
        break;
    case CBOR_TYPE_BYTESTRING:
        MUST(ours.type == TD_CBOR_BYTES);
        same_bytes(r, &ours, theirs, false);
        break;
    case CBOR_TYPE_STRING:
        MUST(ours.type == TD_CBOR_TEXT);
        same_bytes(r, &ours, theirs, true);
        break;
    case CBOR_TYPE_ARRAY:
        MUST(ours.type == TD_CBOR_LIST);
        same_list(r, &ours, theirs);
        break;
    case CBOR_TYPE_MAP:
        MUST(ours.type == TD_CBOR_MAP);
        same_map(r, &ours, theirs);
        break;
    case CBOR_TYPE_TAG:
        MUST(ours.type == TD_CBOR_TAG && ours.value == cbor_tag_value(theirs));
        same_next(r, cbor_tag_item(theirs));
        break;
    case CBOR_TYPE_FLOAT_CTRL: same_simple(&ours, theirs); break;
    }
}

/* The typed reads agree with the item that stands there, and move only when they succeed. */
static void typed_reads(const uint8_t *data, size_t size)
{
    struct td_cbor_reader r = td_cbor_reader_of(data, size), again = r;
    struct td_cbor_item item;
    struct td_cbor_bytes bytes;
    struct td_cbor_text text;
    uint32_t u;
    int32_t i;
    bool b;
    enum td_err err = td_cbor_next(&again, &item);
    bool is_u = err == TD_OK && item.type == TD_CBOR_UINT && item.value <= UINT32_MAX;
    bool is_b = err == TD_OK && item.type == TD_CBOR_BYTES && !item.indefinite;

    MUST((td_cbor_get_uint(&r, &u) == TD_OK) == is_u && (is_u ? u == item.value : r.pos == 0));
    r.pos = 0;
    if (td_cbor_get_int(&r, &i) == TD_OK)
        MUST(item.type == (i < 0 ? TD_CBOR_NINT : TD_CBOR_UINT));
    r.pos = 0;
    if (td_cbor_get_bool(&r, &b) == TD_OK)
        MUST(item.type == TD_CBOR_BOOL && item.value == b);
    r.pos = 0;
    MUST((td_cbor_get_bytes(&r, &bytes) == TD_OK) == is_b && (is_b || r.pos == 0));
    r.pos = 0;
    if (td_cbor_get_text(&r, &text) == TD_OK)
        MUST(text.p + text.len <= (const char *)data + size);
}

/* A map with known keys is taken only when it is well-formed as a whole. */
static void known_keys(const uint8_t *data, size_t size)
{
    struct td_cbor_reader r = td_cbor_reader_of(data, size), whole = r, list, map;
    uint32_t u = 0;
    struct td_cbor_bytes bytes;
    struct td_cbor_text text;
    bool b, found[6];
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("off", &u, &found[0]),
        TD_CBOR_FIELD_BOOL("confirm", &b, &found[1]),
        TD_CBOR_FIELD_BYTES("data", &bytes, &found[2]),
        TD_CBOR_FIELD_TEXT("d", &text, &found[3]),
        TD_CBOR_FIELD_LIST("images", &list, &found[4]),
        TD_CBOR_FIELD_MAP("err", &map, &found[5]),
    };

    if (td_cbor_get_map(&r, fields, sizeof fields / sizeof fields[0]) != TD_OK)
        return;
    enum td_err err = td_cbor_skip(&whole);

    MUST(err == TD_EUNSUPPORTED || (err == TD_OK && whole.pos == r.pos));
    if (found[4])
        MUST(list.len > 0 && td_cbor_skip(&list) == TD_OK && list.pos == list.len);
    if (found[5])
        MUST(map.len > 0 && td_cbor_skip(&map) == TD_OK && map.pos == map.len);
}

/* How many bytes follow a first byte of UTF-8; -1: none begins so. */
static int followers(uint8_t c)
{
    return c < 0x80 ? 0 : c < 0xc2 ? -1 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf5 ? 3 : -1;
}

static bool is_utf8(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint8_t c = p[i++];
        int n = followers(c);

        if (n < 0 || (size_t)n > len - i)
            return false;
        // Overlong forms, surrogates, and what lies beyond the last plane.
        if ((c == 0xe0 && p[i] < 0xa0) || (c == 0xed && p[i] > 0x9f) ||
            (c == 0xf0 && p[i] < 0x90) || (c == 0xf4 && p[i] > 0x8f))
            return false;
        for (; n > 0; n--)
            if ((p[i++] & 0xc0) != 0x80)
                return false;
    }
    return true;
}

/* What libcbor refuses though it is well-formed: such text, and tags without a meaning in 2013. */
static bool is_refused_by_libcbor_alone(const uint8_t *data, size_t size)
{
    struct td_cbor_reader r = td_cbor_reader_of(data, size);
    struct td_cbor_item item;

    while (td_cbor_next(&r, &item) == TD_OK)
        if ((item.type == TD_CBOR_TEXT && !is_utf8(item.bytes, item.len)) ||
            (item.type == TD_CBOR_TAG && item.value > 5 && item.value < 21))
            return true;
    return false;
}

/* libcbor reserves memory for as many members as are promised, before it looks for them. */
static bool promises_too_much(const uint8_t *data, size_t size)
{
    struct td_cbor_reader r = td_cbor_reader_of(data, size);
    struct td_cbor_item item;

    while (td_cbor_next(&r, &item) == TD_OK)
        if ((item.type == TD_CBOR_LIST || item.type == TD_CBOR_MAP) && item.value > size)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct td_cbor_reader r = td_cbor_reader_of(data, size);
    struct cbor_load_result result;
    enum td_err err = td_cbor_skip(&r);

    typed_reads(data, size);
    known_keys(data, size);
    if (size == 0 || err == TD_EUNSUPPORTED || (err != TD_OK && promises_too_much(data, size)))
        return 0;

    cbor_item_t *theirs = cbor_load(data, size, &result);

    if (theirs == NULL && err == TD_OK && is_refused_by_libcbor_alone(data, size))
        return 0;
    MUST((theirs != NULL) == (err == TD_OK));
    if (theirs == NULL)
        return 0;
    MUST(result.read == r.pos);
    r.pos = 0;
    same(&r, theirs);
    MUST(result.read == r.pos);
    cbor_decref(&theirs);
    return 0;
}
