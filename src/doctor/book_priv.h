/*
 * doctor/book_priv.h - YAML of a book, mapping by mapping, into structures of an arena.
 *
 * Each mapping has a table of the keys that may stand in it; an unknown key, one that stands
 * twice, a missing one or a value of the wrong kind is a fault that names file and line.
 */
#ifndef TD_DOCTOR_BOOK_PRIV_H
#define TD_DOCTOR_BOOK_PRIV_H

#include <yaml.h>

#include "doctor/knowledge.h"

/* Memory that is given back all at once. */
struct arena {
    struct arena_block *blocks;
    size_t used;
};

/* Zeroed, for any type. NULL: no memory. */
void *arena_take(struct arena *arena, size_t size);
char *arena_text(struct arena *arena, const char *text, size_t len);
void arena_free(struct arena *arena);

/* A growing array in an arena. */
struct rows {
    void *at;
    size_t n, cap;
    size_t size; /* of one */
};

void *rows_add(struct arena *arena, struct rows *rows); /* a new, zeroed row; NULL: no memory */

struct book {
    const char *path;
    yaml_document_t doc;
    struct arena *arena;
    struct td_knowledge_fault *fault;
};

struct book_key {
    const char *name;
    bool optional; /* then it stays "", an empty list, or as the structure was set up */
    bool (*read)(struct book *book, yaml_node_t *node, const char *name, void *dst);
    size_t offset;
};

/* Always false. */
bool book_fail(struct book *book, const yaml_node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool book_no_memory(struct book *book);

/* false and the fault: libyaml's own, or out of memory. book_close either way. */
bool book_open(struct book *book, const struct td_book *from);
void book_close(struct book *book);

/* The text of a scalar, NULL when the node is none. Ends with the document. */
const char *book_scalar(const yaml_node_t *node);

/* Values by kind, for tables: dst is a const char *, td_texts, int. */
bool book_text(struct book *book, yaml_node_t *node, const char *name, void *dst);
bool book_text_or_empty(struct book *book, yaml_node_t *node, const char *name, void *dst);
bool book_texts(struct book *book, yaml_node_t *node, const char *name, void *dst);
bool book_points(struct book *book, yaml_node_t *node, const char *name, void *dst);

/* A mapping by its table; what: for messages. */
bool book_map(struct book *book, yaml_node_t *node, const char *what, const struct book_key *keys,
              size_t n_keys, void *base);

/* The items of a list one after the other. */
bool book_list(struct book *book, yaml_node_t *node, const char *what,
               bool (*item)(struct book *book, yaml_node_t *node, void *dst), void *dst);

#endif
