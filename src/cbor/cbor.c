/*
 * cbor/cbor.c - reader and writer.
 *
 * 1. The reader never looks past len, and a call that fails has not moved it.
 * 2. A count or length from the input is compared with what is left before it is used.
 * 3. The writer touches nothing from cap on, and nothing at all after its first error.
 */
#include "cbor/cbor.h"

#include <string.h>

#include "base/bytes.h"

enum { MAJOR_UINT, MAJOR_NINT, MAJOR_BYTES, MAJOR_TEXT, MAJOR_LIST, MAJOR_MAP, MAJOR_TAG, MAJOR_7 };

enum { INFO_8 = 24, INFO_16 = 25, INFO_32 = 26, INFO_64 = 27, INFO_INDEFINITE = 31 };

enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22, SIMPLE_UNDEFINED = 23 };

#define BYTE_BREAK 0xffu

bool td_cbor_text_is(struct td_cbor_text a, struct td_cbor_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* ---- writing ------------------------------------------------------------------------- */

void td_cbor_writer_init(struct td_cbor_writer *w, void *buf, size_t cap, enum td_cbor_style style)
{
    memset(w, 0, sizeof *w);
    w->buf = buf;
    w->cap = cap;
    w->style = style;
}

size_t td_cbor_head_size(uint64_t argument)
{
    if (argument < INFO_8)
        return 1;
    if (argument <= 0xff)
        return 2;
    if (argument <= 0xffff)
        return 3;
    return argument <= UINT32_MAX ? 5 : 9;
}

static void encode_head(uint8_t *out, unsigned major, uint64_t argument)
{
    unsigned top = major << 5;

    switch (td_cbor_head_size(argument)) {
    case 1: out[0] = (uint8_t)(top | argument); break;
    case 2:
        out[0] = (uint8_t)(top | INFO_8);
        out[1] = (uint8_t)argument;
        break;
    case 3:
        out[0] = (uint8_t)(top | INFO_16);
        td_store_be16(out + 1, (uint16_t)argument);
        break;
    case 5:
        out[0] = (uint8_t)(top | INFO_32);
        td_store_be32(out + 1, (uint32_t)argument);
        break;
    default:
        out[0] = (uint8_t)(top | INFO_64);
        td_store_be32(out + 1, (uint32_t)(argument >> 32));
        td_store_be32(out + 5, (uint32_t)argument);
        break;
    }
}

static bool has_room(struct td_cbor_writer *w, size_t n)
{
    if (w->err == TD_OK && n > w->cap - w->len)
        w->err = TD_ESPACE;
    return w->err == TD_OK;
}

static void put_byte(struct td_cbor_writer *w, unsigned byte)
{
    if (has_room(w, 1))
        w->buf[w->len++] = (uint8_t)byte;
}

/* An item begins: it counts as a member of what it stands in. */
static void count_item(struct td_cbor_writer *w)
{
    if (w->depth > 0)
        w->open[w->depth - 1].n++;
}

static void put_head(struct td_cbor_writer *w, unsigned major, uint64_t argument)
{
    size_t n = td_cbor_head_size(argument);

    if (!has_room(w, n))
        return;
    count_item(w);
    encode_head(w->buf + w->len, major, argument);
    w->len += n;
}

void td_cbor_put_uint(struct td_cbor_writer *w, uint32_t value)
{
    put_head(w, MAJOR_UINT, value);
}

void td_cbor_put_uint64(struct td_cbor_writer *w, uint64_t value)
{
    put_head(w, MAJOR_UINT, value);
}

void td_cbor_put_int(struct td_cbor_writer *w, int64_t value)
{
    if (value < 0)
        put_head(w, MAJOR_NINT, ~(uint64_t)value);
    else
        put_head(w, MAJOR_UINT, (uint64_t)value);
}

void td_cbor_put_bool(struct td_cbor_writer *w, bool value)
{
    put_head(w, MAJOR_7, value ? SIMPLE_TRUE : SIMPLE_FALSE);
}

static void put_string(struct td_cbor_writer *w, unsigned major, const void *bytes, size_t len)
{
    if (len > UINT32_MAX - 5u || !has_room(w, len + td_cbor_head_size((uint32_t)len))) {
        if (w->err == TD_OK)
            w->err = TD_ESPACE;
        return;
    }
    put_head(w, major, (uint32_t)len);
    if (len > 0)
        memmove(w->buf + w->len, bytes, len);
    w->len += len;
}

void td_cbor_put_bytes(struct td_cbor_writer *w, const void *bytes, size_t len)
{
    put_string(w, MAJOR_BYTES, bytes, len);
}

void td_cbor_put_text(struct td_cbor_writer *w, struct td_cbor_text text)
{
    put_string(w, MAJOR_TEXT, text.p, text.len);
}

static void open_container(struct td_cbor_writer *w, bool is_map)
{
    unsigned major = is_map ? MAJOR_MAP : MAJOR_LIST;
    size_t at = w->len;

    if (w->err == TD_OK && w->depth == TD_CBOR_WRITE_DEPTH)
        w->err = TD_ESTATE;
    if (!has_room(w, 1))
        return;
    count_item(w);
    put_byte(w, major << 5 | (w->style == TD_CBOR_INDEFINITE ? INFO_INDEFINITE : 0));
    w->open[w->depth].at = at;
    w->open[w->depth].n = 0;
    w->open[w->depth].is_map = is_map;
    w->depth++;
}

void td_cbor_open_map(struct td_cbor_writer *w)
{
    open_container(w, true);
}

void td_cbor_open_list(struct td_cbor_writer *w)
{
    open_container(w, false);
}

/* Puts the number of members where one byte was left for it, and makes room if it needs more. */
static void close_definite(struct td_cbor_writer *w, size_t at, unsigned major, uint32_t n)
{
    size_t more = td_cbor_head_size(n) - 1;

    if (!has_room(w, more))
        return;
    if (more > 0)
        memmove(w->buf + at + 1 + more, w->buf + at + 1, w->len - at - 1);
    encode_head(w->buf + at, major, n);
    w->len += more;
}

void td_cbor_close(struct td_cbor_writer *w)
{
    bool is_map;
    uint32_t n;

    if (w->err != TD_OK)
        return;
    if (w->depth == 0 || (w->open[w->depth - 1].is_map && w->open[w->depth - 1].n % 2 != 0)) {
        w->err = TD_ESTATE;
        return;
    }
    w->depth--;
    is_map = w->open[w->depth].is_map;
    n = w->open[w->depth].n;
    if (w->style == TD_CBOR_INDEFINITE)
        put_byte(w, BYTE_BREAK);
    else
        close_definite(w, w->open[w->depth].at, is_map ? MAJOR_MAP : MAJOR_LIST,
                       is_map ? n / 2 : n);
}

enum td_err td_cbor_done(const struct td_cbor_writer *w, size_t *len)
{
    *len = 0;
    if (w->err != TD_OK)
        return w->err;
    if (w->depth != 0)
        return TD_ESTATE;
    *len = w->len;
    return TD_OK;
}

/* ---- reading ------------------------------------------------------------------------- */

struct td_cbor_reader td_cbor_reader_of(const void *bytes, size_t len)
{
    return (struct td_cbor_reader){ bytes, len, 0 };
}

static size_t left(const struct td_cbor_reader *r)
{
    return r->len - r->pos;
}

/* The argument behind an initial byte: 0, 1, 2, 4 or 8 bytes of it. */
static enum td_err read_argument(struct td_cbor_reader *r, unsigned info, uint64_t *value)
{
    const uint8_t *p = r->p + r->pos;
    size_t n;

    *value = info;
    if (info < INFO_8)
        return TD_OK;
    if (info > INFO_64)
        return TD_EFORMAT;
    n = (size_t)1 << (info - INFO_8);
    if (n > left(r))
        return TD_ETRUNC;
    switch (info) {
    case INFO_8: *value = p[0]; break;
    case INFO_16: *value = td_load_be16(p); break;
    case INFO_32: *value = td_load_be32(p); break;
    default: *value = td_load_be64(p); break;
    }
    r->pos += n;
    return TD_OK;
}

static enum td_err next_string(struct td_cbor_reader *r, struct td_cbor_item *item)
{
    if (item->indefinite)
        return TD_OK;
    if (item->value > left(r))
        return TD_ETRUNC;
    item->bytes = r->p + r->pos;
    item->len = (size_t)item->value;
    r->pos += item->len;
    return TD_OK;
}

static enum td_err next_simple(struct td_cbor_item *item, unsigned info)
{
    switch (info) {
    case SIMPLE_FALSE:
    case SIMPLE_TRUE:
        item->type = TD_CBOR_BOOL;
        item->value = info == SIMPLE_TRUE;
        return TD_OK;
    case SIMPLE_NULL: item->type = TD_CBOR_NULL; return TD_OK;
    case SIMPLE_UNDEFINED: item->type = TD_CBOR_UNDEFINED; return TD_OK;
    case INFO_16:
    case INFO_32:
    case INFO_64:
        item->type = TD_CBOR_FLOAT;
        item->len = (size_t)1 << (info - INFO_8);
        return TD_OK;
    case INFO_INDEFINITE: item->type = TD_CBOR_BREAK; return TD_OK;
    default: return TD_EFORMAT; // simple values that nobody has assigned
    }
}

static enum td_err next_item(struct td_cbor_reader *r, struct td_cbor_item *item)
{
    static const enum td_cbor_type types[] = {
        TD_CBOR_UINT, TD_CBOR_NINT, TD_CBOR_BYTES, TD_CBOR_TEXT,
        TD_CBOR_LIST, TD_CBOR_MAP,  TD_CBOR_TAG,
    };
    unsigned major, info;
    enum td_err err;

    if (left(r) == 0)
        return TD_ETRUNC;
    major = r->p[r->pos] >> 5;
    info = r->p[r->pos] & 0x1f;
    r->pos++;
    memset(item, 0, sizeof *item);
    if (info == INFO_INDEFINITE) {
        if (major == MAJOR_UINT || major == MAJOR_NINT || major == MAJOR_TAG)
            return TD_EFORMAT;
        item->indefinite = major != MAJOR_7;
    } else {
        err = read_argument(r, info, &item->value);
        if (err != TD_OK)
            return err;
    }
    if (major == MAJOR_7)
        return next_simple(item, info);
    item->type = types[major];
    return major == MAJOR_BYTES || major == MAJOR_TEXT ? next_string(r, item) : TD_OK;
}

enum td_err td_cbor_next(struct td_cbor_reader *r, struct td_cbor_item *item)
{
    size_t start = r->pos;
    enum td_err err = next_item(r, item);

    if (err != TD_OK)
        r->pos = start;
    return err;
}

/* What skip is inside of. */
struct skip_level {
    size_t left;   /* items to come, when definite */
    uint8_t major; /* of an indefinite one, what may stand in it */
    bool indefinite;
    bool odd; /* indefinite map: a key without its value so far */
};

struct skip {
    struct skip_level level[TD_CBOR_READ_DEPTH];
    unsigned depth;
};

static enum td_err skip_push(struct skip *s, struct skip_level level)
{
    if (s->depth == TD_CBOR_READ_DEPTH)
        return TD_EUNSUPPORTED;
    s->level[s->depth++] = level;
    return TD_OK;
}

/* Whether this item may stand where it does; a break ends the innermost level. */
static enum td_err skip_enter(struct skip *s, const struct td_cbor_item *item, bool *is_break)
{
    struct skip_level *in = s->depth > 0 ? &s->level[s->depth - 1] : NULL;

    *is_break = item->type == TD_CBOR_BREAK;
    if (*is_break) {
        if (in == NULL || !in->indefinite || in->odd)
            return TD_EFORMAT;
        s->depth--;
        return TD_OK;
    }
    if (in == NULL)
        return TD_OK;
    if (!in->indefinite) {
        in->left--;
        return TD_OK;
    }
    if (in->major == MAJOR_MAP)
        in->odd = !in->odd;
    // The pieces of an indefinite string are definite strings of its own type.
    if (in->major == MAJOR_BYTES && (item->type != TD_CBOR_BYTES || item->indefinite))
        return TD_EFORMAT;
    if (in->major == MAJOR_TEXT && (item->type != TD_CBOR_TEXT || item->indefinite))
        return TD_EFORMAT;
    return TD_OK;
}

/* Opens a level for what stands inside this item, if anything does. */
static enum td_err skip_open(struct skip *s, const struct td_cbor_item *item, size_t bytes_left)
{
    static const uint8_t majors[] = {
        [TD_CBOR_BYTES] = MAJOR_BYTES,
        [TD_CBOR_TEXT] = MAJOR_TEXT,
        [TD_CBOR_LIST] = MAJOR_LIST,
        [TD_CBOR_MAP] = MAJOR_MAP,
    };
    uint64_t members = item->value;

    if (item->indefinite)
        return skip_push(s, (struct skip_level){ .major = majors[item->type], .indefinite = true });
    if (item->type == TD_CBOR_TAG)
        return skip_push(s, (struct skip_level){ .left = 1 });
    if (item->type != TD_CBOR_LIST && item->type != TD_CBOR_MAP)
        return TD_OK;
    // A member takes a byte at least, so a larger count can only end in truncation.
    if (members > bytes_left || (item->type == TD_CBOR_MAP && members > bytes_left / 2))
        return TD_ETRUNC;
    if (item->type == TD_CBOR_MAP)
        members *= 2;
    return members == 0 ? TD_OK : skip_push(s, (struct skip_level){ .left = (size_t)members });
}

static enum td_err skip_item(struct td_cbor_reader *r)
{
    struct skip s = { .depth = 0 };
    struct td_cbor_item item;
    bool is_break;
    enum td_err err;

    do {
        err = next_item(r, &item);
        if (err == TD_OK)
            err = skip_enter(&s, &item, &is_break);
        if (err == TD_OK && !is_break)
            err = skip_open(&s, &item, left(r));
        if (err != TD_OK)
            return err;
        while (s.depth > 0 && !s.level[s.depth - 1].indefinite && s.level[s.depth - 1].left == 0)
            s.depth--;
    } while (s.depth > 0);
    return TD_OK;
}

enum td_err td_cbor_skip(struct td_cbor_reader *r)
{
    size_t start = r->pos;
    enum td_err err = skip_item(r);

    if (err != TD_OK)
        r->pos = start;
    return err;
}

/* The next item when it is of this type, else TD_EFORMAT; moves only on success. */
static enum td_err next_of(struct td_cbor_reader *r, enum td_cbor_type type,
                           struct td_cbor_item *item)
{
    size_t start = r->pos;
    enum td_err err = td_cbor_next(r, item);

    if (err == TD_OK && item->type != type) {
        r->pos = start;
        return TD_EFORMAT;
    }
    return err;
}

enum td_err td_cbor_get_uint64(struct td_cbor_reader *r, uint64_t *value)
{
    struct td_cbor_item item;
    enum td_err err = next_of(r, TD_CBOR_UINT, &item);

    if (err == TD_OK)
        *value = item.value;
    return err;
}

enum td_err td_cbor_get_uint(struct td_cbor_reader *r, uint32_t *value)
{
    size_t start = r->pos;
    uint64_t wide;
    enum td_err err = td_cbor_get_uint64(r, &wide);

    if (err != TD_OK)
        return err;
    if (wide > UINT32_MAX) {
        r->pos = start;
        return TD_EFORMAT;
    }
    *value = (uint32_t)wide;
    return TD_OK;
}

enum td_err td_cbor_get_int(struct td_cbor_reader *r, int32_t *value)
{
    size_t start = r->pos;
    struct td_cbor_item item;
    enum td_err err = td_cbor_next(r, &item);

    if (err != TD_OK)
        return err;
    if ((item.type != TD_CBOR_UINT && item.type != TD_CBOR_NINT) || item.value > INT32_MAX) {
        r->pos = start;
        return TD_EFORMAT;
    }
    *value = item.type == TD_CBOR_UINT ? (int32_t)item.value : -1 - (int32_t)item.value;
    return TD_OK;
}

enum td_err td_cbor_get_bool(struct td_cbor_reader *r, bool *value)
{
    struct td_cbor_item item;
    enum td_err err = next_of(r, TD_CBOR_BOOL, &item);

    if (err == TD_OK)
        *value = item.value != 0;
    return err;
}

static enum td_err next_definite_string(struct td_cbor_reader *r, enum td_cbor_type type,
                                        struct td_cbor_item *item)
{
    size_t start = r->pos;
    enum td_err err = next_of(r, type, item);

    if (err == TD_OK && item->indefinite) {
        r->pos = start;
        return TD_EFORMAT;
    }
    return err;
}

enum td_err td_cbor_get_bytes(struct td_cbor_reader *r, struct td_cbor_bytes *bytes)
{
    struct td_cbor_item item;
    enum td_err err = next_definite_string(r, TD_CBOR_BYTES, &item);

    if (err == TD_OK)
        *bytes = (struct td_cbor_bytes){ item.bytes, item.len };
    return err;
}

enum td_err td_cbor_get_text(struct td_cbor_reader *r, struct td_cbor_text *text)
{
    struct td_cbor_item item;
    enum td_err err = next_definite_string(r, TD_CBOR_TEXT, &item);

    if (err == TD_OK)
        *text = (struct td_cbor_text){ (const char *)item.bytes, item.len };
    return err;
}

static enum td_err walk_begin(struct td_cbor_reader *r, enum td_cbor_type type,
                              struct td_cbor_walk *walk)
{
    struct td_cbor_item item;
    enum td_err err = next_of(r, type, &item);

    if (err == TD_OK)
        *walk = (struct td_cbor_walk){ item.value, item.indefinite };
    return err;
}

enum td_err td_cbor_list_begin(struct td_cbor_reader *r, struct td_cbor_walk *walk)
{
    return walk_begin(r, TD_CBOR_LIST, walk);
}

enum td_err td_cbor_map_begin(struct td_cbor_reader *r, struct td_cbor_walk *walk)
{
    return walk_begin(r, TD_CBOR_MAP, walk);
}

enum td_err td_cbor_more(struct td_cbor_reader *r, struct td_cbor_walk *walk, bool *more)
{
    *more = false;
    if (!walk->indefinite) {
        *more = walk->left > 0;
        if (*more)
            walk->left--;
        return TD_OK;
    }
    if (left(r) == 0)
        return TD_ETRUNC;
    *more = r->p[r->pos] != BYTE_BREAK;
    if (!*more)
        r->pos++;
    return TD_OK;
}

/* ---- maps with known keys ------------------------------------------------------------ */

/* The whole of the next item, when it is of this type, as a reader of its own. */
static enum td_err get_part(struct td_cbor_reader *r, enum td_cbor_type type,
                            struct td_cbor_reader *part)
{
    size_t start = r->pos;
    struct td_cbor_item item;
    enum td_err err = next_of(r, type, &item);

    r->pos = start;
    if (err == TD_OK)
        err = td_cbor_skip(r);
    if (err == TD_OK)
        *part = td_cbor_reader_of(r->p + start, r->pos - start);
    return err;
}

static enum td_err get_field(struct td_cbor_reader *r, const struct td_cbor_field *field)
{
    switch (field->kind) {
    case TD_CBOR_KIND_UINT: return td_cbor_get_uint(r, field->out.u);
    case TD_CBOR_KIND_UINT64: return td_cbor_get_uint64(r, field->out.u64);
    case TD_CBOR_KIND_INT: return td_cbor_get_int(r, field->out.i);
    case TD_CBOR_KIND_BOOL: return td_cbor_get_bool(r, field->out.b);
    case TD_CBOR_KIND_BYTES: return td_cbor_get_bytes(r, field->out.bytes);
    case TD_CBOR_KIND_TEXT: return td_cbor_get_text(r, field->out.text);
    case TD_CBOR_KIND_LIST: return get_part(r, TD_CBOR_LIST, field->out.reader);
    case TD_CBOR_KIND_MAP: return get_part(r, TD_CBOR_MAP, field->out.reader);
    }
    return TD_EARG;
}

/* Steps over the next key; NULL when it is none of the fields'. */
static enum td_err next_key(struct td_cbor_reader *r, const struct td_cbor_field *fields,
                            size_t n_fields, const struct td_cbor_field **field)
{
    struct td_cbor_text key;

    *field = NULL;
    if (td_cbor_get_text(r, &key) != TD_OK)
        return td_cbor_skip(r);
    for (size_t i = 0; i < n_fields && *field == NULL; i++)
        if (td_cbor_text_is(key, fields[i].key))
            *field = &fields[i];
    return TD_OK;
}

static enum td_err get_member(struct td_cbor_reader *r, const struct td_cbor_field *fields,
                              size_t n_fields)
{
    const struct td_cbor_field *field;
    enum td_err err = next_key(r, fields, n_fields, &field);

    if (err != TD_OK)
        return err;
    if (field == NULL)
        return td_cbor_skip(r);
    if (*field->found)
        return TD_EFORMAT;
    *field->found = true;
    return get_field(r, field);
}

enum td_err td_cbor_get_map(struct td_cbor_reader *r, const struct td_cbor_field *fields,
                            size_t n_fields)
{
    struct td_cbor_walk walk = { 0, false };
    bool more = true;
    enum td_err err = td_cbor_map_begin(r, &walk);

    for (size_t i = 0; i < n_fields; i++)
        *fields[i].found = false;
    while (err == TD_OK) {
        err = td_cbor_more(r, &walk, &more);
        if (err != TD_OK || !more)
            break;
        err = get_member(r, fields, n_fields);
    }
    return err;
}
