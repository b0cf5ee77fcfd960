/*
 * cbor/cbor.h - CBOR (RFC 8949) in and out of the caller's buffers.
 *
 * Enough of CBOR for SMP and for nothing to break: what comes in may be definite or
 * indefinite, with integers of any width, unknown keys, tags and floats, which are all
 * skipped where nobody asks for them. What goes out is canonical unless the writer is told to
 * write indefinite maps and lists, as Zephyr's servers do.
 *
 * No call allocates, recurses or keeps a pointer beyond the reader or writer that it was
 * given. Strings that are read point into the input and live as long as it does.
 */
#ifndef TD_CBOR_CBOR_H
#define TD_CBOR_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Maps and lists inside one another, when writing. */
#define TD_CBOR_WRITE_DEPTH 6

/* Maps, lists, tags and indefinite strings inside one another, when reading or skipping. */
#define TD_CBOR_READ_DEPTH 16

/* Byte and text strings are not copied and not ended by a 0. */
struct td_cbor_bytes {
    const uint8_t *p;
    size_t len;
};

struct td_cbor_text {
    const char *p;
    size_t len;
};

/* A text from a literal; sizes are known to the compiler, devices have no strlen. */
#define TD_TEXT(literal) ((struct td_cbor_text)TD_TEXT_INIT(literal))

/* The same as the initializer of a constant. */
/* clang-format off */
#define TD_TEXT_INIT(literal) { (literal), sizeof(literal) - 1 }
/* clang-format on */

bool td_cbor_text_is(struct td_cbor_text a, struct td_cbor_text b);

/* ---- writing ------------------------------------------------------------------------- */

enum td_cbor_style {
    TD_CBOR_DEFINITE = 0, /* canonical: lengths in front, shortest integers */
    TD_CBOR_INDEFINITE,   /* BF ... FF and 9F ... FF, shortest integers */
};

/*
 * A writer remembers its first error and writes nothing after it, so a message is written
 * line after line and checked once, by td_cbor_done. It may be copied to mark a place, and
 * assigned back to forget what came after; nothing outside buf and the structure is touched.
 */
struct td_cbor_writer {
    uint8_t *buf; /* the caller's */
    size_t cap;
    size_t len; /* bytes written so far */
    enum td_cbor_style style;
    enum td_err err; /* TD_OK, TD_ESPACE (does not fit), TD_ESTATE (nesting is wrong) */
    uint8_t depth;
    struct {
        size_t at;  /* where the head stands */
        uint32_t n; /* items inside so far, keys and values both counted */
        bool is_map;
    } open[TD_CBOR_WRITE_DEPTH];
};

void td_cbor_writer_init(struct td_cbor_writer *w, void *buf, size_t cap, enum td_cbor_style style);

void td_cbor_put_uint(struct td_cbor_writer *w, uint32_t value);
void td_cbor_put_uint64(struct td_cbor_writer *w, uint64_t value);
void td_cbor_put_int(struct td_cbor_writer *w, int64_t value);
void td_cbor_put_bool(struct td_cbor_writer *w, bool value);
/* A string may lie in the part of buf that is not written yet, where it stands or further on. */
void td_cbor_put_bytes(struct td_cbor_writer *w, const void *bytes, size_t len);
void td_cbor_put_text(struct td_cbor_writer *w, struct td_cbor_text text);

/* Number of members need not be known before; close ends the innermost that is open. */
void td_cbor_open_map(struct td_cbor_writer *w);
void td_cbor_open_list(struct td_cbor_writer *w);
void td_cbor_close(struct td_cbor_writer *w);

/* The key of the next member, from a literal. */
#define td_cbor_key(w, literal) td_cbor_put_text((w), TD_TEXT(literal))

/*
 * The writer's error, TD_ESTATE when a map or list is still open or a map has a key without
 * a value; *len is then 0.
 */
enum td_err td_cbor_done(const struct td_cbor_writer *w, size_t *len);

/* How many bytes a head with this argument takes: 1, 2, 3, 5 or 9. A string takes this + len. */
size_t td_cbor_head_size(uint64_t argument);

/* ---- reading ------------------------------------------------------------------------- */

struct td_cbor_reader {
    const uint8_t *p; /* the caller's bytes */
    size_t len;
    size_t pos; /* of the next item */
};

struct td_cbor_reader td_cbor_reader_of(const void *bytes, size_t len);

enum td_cbor_type {
    TD_CBOR_UINT,
    TD_CBOR_NINT,  /* the number is -1 - value */
    TD_CBOR_BYTES, /* definite: content in bytes/len, already stepped over */
    TD_CBOR_TEXT,
    TD_CBOR_LIST, /* value = members, when definite; the reader stands at the first one */
    TD_CBOR_MAP,  /* value = pairs, when definite */
    TD_CBOR_TAG,  /* value = the tag; the tagged item follows */
    TD_CBOR_BOOL, /* value = 0 or 1 */
    TD_CBOR_NULL,
    TD_CBOR_UNDEFINED,
    TD_CBOR_FLOAT, /* value = its bits, len = 2, 4 or 8 */
    TD_CBOR_BREAK, /* the FF that ends something indefinite */
};

struct td_cbor_item {
    enum td_cbor_type type;
    bool indefinite; /* strings: the pieces follow as items of their own, then a break */
    uint64_t value;
    const uint8_t *bytes; /* strings only, NULL when indefinite */
    size_t len;
};

/*
 * Reads one head, and the content of a definite string, and moves on behind it. Whether an
 * item may stand here (a break, say) is the caller's to judge.
 *
 * TD_ETRUNC: the input ends inside. TD_EFORMAT: reserved or unassigned encodings. The reader
 * has not moved then.
 */
enum td_err td_cbor_next(struct td_cbor_reader *r, struct td_cbor_item *item);

/*
 * Steps over one whole item with all that is inside, and so checks that it is well-formed.
 * TD_ETRUNC, TD_EFORMAT as above; TD_EUNSUPPORTED: nested deeper than TD_CBOR_READ_DEPTH. The
 * reader has not moved then.
 */
enum td_err td_cbor_skip(struct td_cbor_reader *r);

/*
 * Typed reads of one item. TD_EFORMAT when it is of another type, does not fit the number, or
 * is an indefinite string; the reader has then not moved.
 */
enum td_err td_cbor_get_uint(struct td_cbor_reader *r, uint32_t *value);
enum td_err td_cbor_get_uint64(struct td_cbor_reader *r, uint64_t *value);
enum td_err td_cbor_get_int(struct td_cbor_reader *r, int32_t *value);
enum td_err td_cbor_get_bool(struct td_cbor_reader *r, bool *value);
enum td_err td_cbor_get_bytes(struct td_cbor_reader *r, struct td_cbor_bytes *bytes);
enum td_err td_cbor_get_text(struct td_cbor_reader *r, struct td_cbor_text *text);

/* Walks a list: begin, then more before each member, which the caller reads or skips. */
struct td_cbor_walk {
    uint64_t left; /* items still to come, when definite */
    bool indefinite;
};

enum td_err td_cbor_list_begin(struct td_cbor_reader *r, struct td_cbor_walk *walk);
enum td_err td_cbor_map_begin(struct td_cbor_reader *r, struct td_cbor_walk *walk);

/*
 * Whether another member follows (for a map: another key). Steps over the closing break.
 * TD_ETRUNC: the input ended inside an indefinite list; *more is then false.
 */
enum td_err td_cbor_more(struct td_cbor_reader *r, struct td_cbor_walk *walk, bool *more);

/* ---- maps with known keys ------------------------------------------------------------ */

/*
 * A row per key that is looked for: where its value goes, and where it is noted that it was
 * there. A list or map is handed over as a reader that stands at its head and ends behind it.
 */
struct td_cbor_field {
    struct td_cbor_text key;
    enum td_cbor_kind {
        TD_CBOR_KIND_UINT,
        TD_CBOR_KIND_UINT64,
        TD_CBOR_KIND_INT,
        TD_CBOR_KIND_BOOL,
        TD_CBOR_KIND_BYTES,
        TD_CBOR_KIND_TEXT,
        TD_CBOR_KIND_LIST,
        TD_CBOR_KIND_MAP,
    } kind;
    union {
        uint32_t *u;
        uint64_t *u64;
        int32_t *i;
        bool *b;
        struct td_cbor_bytes *bytes;
        struct td_cbor_text *text;
        struct td_cbor_reader *reader;
    } out;
    bool *found; /* never NULL; set to false first, to true when the key was there */
};

/* clang-format off */
#define TD_CBOR_FIELD_UINT(key, out, found)                                                        \
    { TD_TEXT(key), TD_CBOR_KIND_UINT, { .u = (out) }, (found) }
#define TD_CBOR_FIELD_UINT64(key, out, found)                                                      \
    { TD_TEXT(key), TD_CBOR_KIND_UINT64, { .u64 = (out) }, (found) }
#define TD_CBOR_FIELD_INT(key, out, found)                                                         \
    { TD_TEXT(key), TD_CBOR_KIND_INT, { .i = (out) }, (found) }
#define TD_CBOR_FIELD_BOOL(key, out, found)                                                        \
    { TD_TEXT(key), TD_CBOR_KIND_BOOL, { .b = (out) }, (found) }
#define TD_CBOR_FIELD_BYTES(key, out, found)                                                       \
    { TD_TEXT(key), TD_CBOR_KIND_BYTES, { .bytes = (out) }, (found) }
#define TD_CBOR_FIELD_TEXT(key, out, found)                                                        \
    { TD_TEXT(key), TD_CBOR_KIND_TEXT, { .text = (out) }, (found) }
#define TD_CBOR_FIELD_LIST(key, out, found)                                                        \
    { TD_TEXT(key), TD_CBOR_KIND_LIST, { .reader = (out) }, (found) }
#define TD_CBOR_FIELD_MAP(key, out, found)                                                         \
    { TD_TEXT(key), TD_CBOR_KIND_MAP, { .reader = (out) }, (found) }
/* clang-format on */

/*
 * Reads one map: known keys in any order into their fields, unknown keys of any type skipped
 * with their values. Fields whose key is absent keep what their out held before.
 *
 * TD_EFORMAT: not a map, a known key twice, a value of the wrong type or outside the field's
 * range. TD_ETRUNC, TD_EUNSUPPORTED as td_cbor_skip. Outs and founds are then partly set.
 */
enum td_err td_cbor_get_map(struct td_cbor_reader *r, const struct td_cbor_field *fields,
                            size_t n_fields);

#endif
