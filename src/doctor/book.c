/* doctor/book.c - strict reading of a book's YAML. */
#include "doctor/book_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"

/* ---- faults -------------------------------------------------------------------------- */

static void set_where(struct td_book_reading *book, size_t line)
{
    (void)snprintf(book->fault->where, sizeof book->fault->where, "%s:%zu", book->path, line);
}

bool td_book_fail(struct td_book_reading *book, const yaml_node_t *node, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(book->fault->what, sizeof book->fault->what, format, args);
    va_end(args);
    set_where(book, node->start_mark.line + 1);
    return false;
}

bool td_book_no_memory(struct td_book_reading *book)
{
    (void)snprintf(book->fault->what, sizeof book->fault->what, "out of memory");
    (void)snprintf(book->fault->where, sizeof book->fault->where, "%s", book->path);
    return false;
}

/*
 * Three fifths of the books are cases, which only tests read. A rule's keys stand four blanks
 * deep, what stands deeper goes with them. Line ends stay, so that faults are where they were.
 */
static unsigned char *leave_cases_out(const struct td_book *from, size_t *len)
{
    static const char key[] = "    cases:";
    unsigned char *out = malloc(from->len + 1);
    bool cases = false;

    *len = 0;
    for (size_t at = 0, size; out != NULL && at < from->len; at += size) {
        const unsigned char *line = from->text + at;
        const unsigned char *end = memchr(line, '\n', from->len - at);
        bool deeper;

        size = end == NULL ? from->len - at : (size_t)(end - line) + 1;
        deeper = size == 1 || (size > 5 && memcmp(line, "     ", 5) == 0);
        cases = (cases && deeper) || (size >= sizeof key && memcmp(line, key, strlen(key)) == 0);
        if (cases) {
            out[(*len)++] = '\n';
        } else {
            memcpy(out + *len, line, size);
            *len += size;
        }
    }
    return out;
}

bool td_book_open(struct td_book_reading *book, const struct td_book *from)
{
    unsigned char *brief = NULL;
    size_t len = from->len;
    yaml_parser_t parser;
    bool ok;

    memset(&book->doc, 0, sizeof book->doc);
    book->path = from->path;
    if (book->without_cases && (brief = leave_cases_out(from, &len)) == NULL)
        return td_book_no_memory(book);
    if (!yaml_parser_initialize(&parser)) {
        free(brief);
        return td_book_no_memory(book);
    }
    yaml_parser_set_input_string(&parser, brief == NULL ? from->text : brief, len);
    ok = yaml_parser_load(&parser, &book->doc) != 0;
    if (!ok) {
        (void)snprintf(book->fault->what, sizeof book->fault->what, "not YAML: %s",
                       parser.problem != NULL ? parser.problem : "out of memory");
        set_where(book, parser.problem_mark.line + 1);
    }
    yaml_parser_delete(&parser);
    free(brief);
    return ok;
}

void td_book_close(struct td_book_reading *book)
{
    yaml_document_delete(&book->doc);
}

/* ---- values -------------------------------------------------------------------------- */

/* The text of a scalar, NULL when the node is none. Ends with the document. */
static const char *scalar_of(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                                          : NULL;
}

static bool copy_text(struct td_book_reading *book, const char *text, const char **out)
{
    size_t len = strlen(text);

    // A block of text ends with a line end that nobody means.
    while (len > 0 && text[len - 1] == '\n')
        len--;
    *out = td_arena_text(book->arena, text, len);
    return *out != NULL || td_book_no_memory(book);
}

bool td_book_text_or_empty(struct td_book_reading *book, yaml_node_t *node, const char *name,
                           void *dst)
{
    const char *text = scalar_of(node);

    if (text == NULL)
        return td_book_fail(book, node, "%s: a text is wanted", name);
    return copy_text(book, text, dst);
}

bool td_book_text(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst)
{
    const char *text = scalar_of(node);

    if (text == NULL || text[0] == '\0')
        return td_book_fail(book, node, "%s: a text is wanted", name);
    return copy_text(book, text, dst);
}

bool td_book_texts(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst)
{
    struct td_rows rows = { .size = sizeof(const char *) };
    const char **row;

    if (node->type == YAML_SCALAR_NODE) {
        row = td_rows_add(book->arena, &rows);
        if (row == NULL)
            return td_book_no_memory(book);
        if (!td_book_text(book, node, name, row))
            return false;
    } else if (node->type == YAML_SEQUENCE_NODE) {
        for (yaml_node_item_t *it = node->data.sequence.items.start;
             it < node->data.sequence.items.top; it++) {
            row = td_rows_add(book->arena, &rows);
            if (row == NULL)
                return td_book_no_memory(book);
            if (!td_book_text(book, yaml_document_get_node(&book->doc, *it), name, row))
                return false;
        }
    } else {
        return td_book_fail(book, node, "%s: a text or a list of texts is wanted", name);
    }
    if (td_rows_add(book->arena, &rows) == NULL)
        return td_book_no_memory(book);
    *(td_texts *)dst = rows.at;
    return true;
}

bool td_book_points(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst)
{
    const char *text = scalar_of(node);
    char *end;
    long value;

    if (text == NULL || text[0] == '\0')
        return td_book_fail(book, node, "%s: a number is wanted", name);
    value = strtol(text, &end, 10);
    if (*end != '\0' || value < -100 || value > 100)
        return td_book_fail(book, node, "%s: '%s' is no number from -100 to 100", name, text);
    *(int *)dst = (int)value;
    return true;
}

static const struct td_book_key *find_key(const struct td_book_key *keys, size_t n_keys,
                                          const char *name)
{
    for (size_t i = 0; name != NULL && i < n_keys; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

static bool unknown_key(struct td_book_reading *book, const yaml_node_t *node, const char *what,
                        const struct td_book_key *keys, size_t n_keys)
{
    const char *name = scalar_of(node);
    char list[160] = "";

    for (size_t i = 0; i < n_keys; i++) {
        size_t len = strlen(list);

        (void)snprintf(list + len, sizeof list - len, "%s%s", len == 0 ? "" : ", ", keys[i].name);
    }
    return td_book_fail(book, node, "%s: unknown key '%s'; there are %s", what,
                        name == NULL ? "(not a word)" : name, list);
}

bool td_book_map(struct td_book_reading *book, yaml_node_t *node, const char *what,
                 const struct td_book_key *keys, size_t n_keys, void *base)
{
    uint32_t seen = 0;

    if (node->type != YAML_MAPPING_NODE)
        return td_book_fail(book, node, "%s: key: value is wanted", what);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = yaml_document_get_node(&book->doc, pair->key);
        yaml_node_t *value = yaml_document_get_node(&book->doc, pair->value);
        const struct td_book_key *key = find_key(keys, n_keys, scalar_of(name));

        if (key == NULL)
            return unknown_key(book, name, what, keys, n_keys);
        if ((seen & (1u << (key - keys))) != 0)
            return td_book_fail(book, name, "%s: '%s' stands here twice", what, key->name);
        seen |= 1u << (key - keys);
        if (!key->read(book, value, key->name, (uint8_t *)base + key->offset))
            return false;
    }
    for (size_t i = 0; i < n_keys; i++) {
        if (!keys[i].optional && (seen & (1u << i)) == 0)
            return td_book_fail(book, node, "%s: '%s' is missing", what, keys[i].name);
    }
    return true;
}

bool td_book_list(struct td_book_reading *book, yaml_node_t *node, const char *what,
                  bool (*item)(struct td_book_reading *book, yaml_node_t *node, void *dst),
                  void *dst)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return td_book_fail(book, node, "%s: a list is wanted", what);
    for (yaml_node_item_t *it = node->data.sequence.items.start; it < node->data.sequence.items.top;
         it++) {
        if (!item(book, yaml_document_get_node(&book->doc, *it), dst))
            return false;
    }
    return true;
}
