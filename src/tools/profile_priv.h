/*
 * tools/profile_priv.h - a mapping of YAML as a table of the keys that may stand in it.
 *
 * A row says what kind of value is wanted and where it goes, so that messages about unknown
 * keys, missing keys and wrong values come from the tables and cannot forget a key.
 */
#ifndef TD_TOOLS_PROFILE_PRIV_H
#define TD_TOOLS_PROFILE_PRIV_H

#include <yaml.h>

#include "tools/profile.h"

struct reading {
    const char *file;
    yaml_document_t *doc;
    struct sim_profile *p;
    struct td_desk_fault *fault;
    char flash_of[SIM_PART_COUNT][SIM_NAME_MAX + 1]; /* as written; resolved at the end */
    size_t line_of[SIM_PART_COUNT];
    bool auto_sectors;
    bool sig_given;
    size_t sig_line;
    size_t boot_line;
};

struct choice {
    const char *name;
    unsigned value;
};

enum kind { KIND_NUMBER, KIND_TEXT, KIND_CHOICE, KIND_OTHER };

struct key {
    const char *name;
    bool optional;
    enum kind kind;
    /* NUMBER: an unsigned of size bytes at offset; TEXT: an array of size; CHOICE: an enum. */
    size_t offset, size;
    uint32_t min, max;
    const struct choice *choices; /* ends with a NULL name */
    bool (*read)(struct reading *r, yaml_node_t *node, void *dst);
};

#define AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)

/* false, with *r->fault filled in: where it was, what is wrong, what to do. */
bool td_profile_fail_line(struct reading *r, size_t line, const char *remedy, const char *what);
bool td_profile_fail(struct reading *r, const yaml_node_t *node, const char *remedy,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

size_t td_profile_line(const yaml_node_t *node);
const char *td_profile_scalar(const yaml_node_t *node); /* NULL: it is none */

/* Appends to a sentence of names; what does not fit is left out. */
void td_profile_list_add(char *list, size_t cap, const char *name);

bool td_profile_choose(struct reading *r, yaml_node_t *node, const char *name,
                       const struct choice *choices, unsigned *out);
bool td_profile_number(struct reading *r, yaml_node_t *node, const struct key *key, void *dst);

/* Reads a mapping by its table; base is what the table's offsets count from. */
bool td_profile_map(struct reading *r, yaml_node_t *node, const char *what, const struct key *keys,
                    size_t n_keys, void *base);

/* The items of a list one after the other, at most max of them. */
bool td_profile_list(struct reading *r, yaml_node_t *node, const char *what, size_t max,
                     bool (*item)(struct reading *r, yaml_node_t *node, size_t i, void *dst),
                     void *dst);

/* profile_keys.c: what is read from PEM files that a profile names */
bool td_profile_add_key(struct sim_profile *p, const char *path, const char **why);
bool td_profile_read_keys(struct reading *r, yaml_node_t *node, void *dst);
bool td_profile_read_secret(struct reading *r, yaml_node_t *node, void *dst);
bool td_profile_read_first_keys(struct reading *r, yaml_node_t *node, void *dst);
const struct td_builtin_file *td_profile_builtin(const char *name);

/* profile_boot.c: who decides what runs */
bool td_profile_read_boot(struct reading *r, yaml_node_t *node, void *dst);
bool td_profile_read_recovery(struct reading *r, yaml_node_t *node, void *dst);
bool td_profile_read_first(struct reading *r, yaml_node_t *node, void *dst);
bool td_profile_read_net(struct reading *r, yaml_node_t *node, void *dst);

/* profile_server.c */
bool td_profile_read_server(struct reading *r, yaml_node_t *node, void *dst);

/* Built-in profiles are parsed under this name, and their keys are built in as well. */
#define BUILTIN_PREFIX "built-in:"

#endif
