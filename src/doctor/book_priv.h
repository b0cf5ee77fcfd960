/*
 * doctor/book_priv.h - YAML of a book, mapping by mapping, into structures of an arena.
 *
 * Each mapping has a table of the keys that may stand in it; an unknown key, one that stands
 * twice, a missing one or a value of the wrong kind is a fault that names file and line.
 */
#ifndef TD_DOCTOR_BOOK_PRIV_H
#define TD_DOCTOR_BOOK_PRIV_H

#include <yaml.h>

#include "doctor/arena.h"
#include "doctor/knowledge.h"

struct td_book_reading {
    const char *path;
    yaml_document_t doc;
    struct td_arena *arena;
    struct td_knowledge_fault *fault;
    bool without_cases;
};

struct td_book_key {
    const char *name;
    bool optional; /* then it stays "", an empty list, or as the structure was set up */
    bool (*read)(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst);
    size_t offset;
};

/* Always false. */
bool td_book_fail(struct td_book_reading *book, const yaml_node_t *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool td_book_no_memory(struct td_book_reading *book);

/* false and the fault: libyaml's own, or out of memory. td_book_close either way. */
bool td_book_open(struct td_book_reading *book, const struct td_book *from);
void td_book_close(struct td_book_reading *book);

/* Values by kind, for tables: dst is a const char *, td_texts, int. */
bool td_book_text(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst);
bool td_book_text_or_empty(struct td_book_reading *book, yaml_node_t *node, const char *name,
                           void *dst);
bool td_book_texts(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst);
bool td_book_points(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst);

/* A mapping by its table; what: for messages. */
bool td_book_map(struct td_book_reading *book, yaml_node_t *node, const char *what,
                 const struct td_book_key *keys, size_t n_keys, void *base);

/* The items of a list one after the other. */
bool td_book_list(struct td_book_reading *book, yaml_node_t *node, const char *what,
                  bool (*item)(struct td_book_reading *book, yaml_node_t *node, void *dst),
                  void *dst);

#endif
