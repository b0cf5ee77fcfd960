/* tools/profile_yaml.c - reading a mapping by its table, and saying where it is wrong. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/profile_priv.h"

bool td_profile_fail_line(struct reading *r, size_t line, const char *remedy, const char *what)
{
    char where[sizeof r->fault->where];

    (void)snprintf(where, sizeof where, "%s:%zu", r->file, line);
    return td_desk_fail(r->fault, where, remedy, "%s", what);
}

size_t td_profile_line(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

bool td_profile_fail(struct reading *r, const yaml_node_t *node, const char *remedy,
                     const char *fmt, ...)
{
    char what[sizeof r->fault->what];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return td_profile_fail_line(r, td_profile_line(node), remedy, what);
}

const char *td_profile_scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* Appends to a sentence of names; what does not fit is left out. */
void td_profile_list_add(char *list, size_t cap, const char *name)
{
    size_t len = strlen(list);

    (void)snprintf(list + len, cap - len, "%s%s", len == 0 ? "" : ", ", name);
}

static void allowed_choices(const struct choice *choices, char *out, size_t cap)
{
    char list[240] = "";

    for (; choices->name != NULL; choices++)
        td_profile_list_add(list, sizeof list, choices->name);
    (void)snprintf(out, cap, "allowed: %s", list);
}

static bool number_of(const char *text, uint32_t *out)
{
    char *end;
    unsigned long long value;

    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    value = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
    if (errno != 0 || *end != '\0' || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool td_profile_number(struct reading *r, yaml_node_t *node, const struct key *key, void *dst)
{
    uint32_t value;
    char allowed[80];

    (void)snprintf(allowed, sizeof allowed, "allowed: %lu to %lu, decimal or 0x and hexadecimal",
                   (unsigned long)key->min, (unsigned long)key->max);
    if (!number_of(td_profile_scalar(node), &value))
        return td_profile_fail(r, node, allowed, "%s: a number is wanted", key->name);
    if (value < key->min || value > key->max)
        return td_profile_fail(r, node, allowed, "%s: %lu is out of range", key->name,
                               (unsigned long)value);
    if (key->size == 1)
        *(uint8_t *)dst = (uint8_t)value;
    else if (key->size == 2)
        *(uint16_t *)dst = (uint16_t)value;
    else
        *(uint32_t *)dst = value;
    return true;
}

static bool read_text(struct reading *r, yaml_node_t *node, const struct key *key, void *dst)
{
    const char *text = td_profile_scalar(node);

    if (text == NULL || text[0] == '\0' || strlen(text) >= key->size)
        return td_profile_fail(r, node, "shorten it", "%s: a text of 1 to %zu characters is wanted",
                               key->name, key->size - 1);
    memcpy(dst, text, strlen(text) + 1);
    return true;
}

bool td_profile_choose(struct reading *r, yaml_node_t *node, const char *name,
                       const struct choice *choices, unsigned *out)
{
    const char *text = td_profile_scalar(node);
    char allowed[280];

    for (const struct choice *c = choices; text != NULL && c->name != NULL; c++) {
        if (strcmp(c->name, text) == 0) {
            *out = c->value;
            return true;
        }
    }
    allowed_choices(choices, allowed, sizeof allowed);
    return td_profile_fail(r, node, allowed, "%s: '%s' is not one of its values", name,
                           text == NULL ? "(not a word)" : text);
}

static bool read_choice(struct reading *r, yaml_node_t *node, const struct key *key, void *dst)
{
    unsigned value;

    if (!td_profile_choose(r, node, key->name, key->choices, &value))
        return false;
    if (key->size == 1)
        *(uint8_t *)dst = (uint8_t)value;
    else
        memcpy(dst, &value, sizeof value);
    return true;
}

static bool read_value(struct reading *r, yaml_node_t *node, const struct key *key, void *base)
{
    void *dst = (char *)base + key->offset;

    switch (key->kind) {
    case KIND_NUMBER: return td_profile_number(r, node, key, dst);
    case KIND_TEXT: return read_text(r, node, key, dst);
    case KIND_CHOICE: return read_choice(r, node, key, dst);
    case KIND_OTHER: return key->read(r, node, dst);
    }
    return false;
}

static const struct key *find_key(const struct key *keys, size_t n_keys, const char *name)
{
    for (size_t i = 0; i < n_keys; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

static bool unknown_key(struct reading *r, const yaml_node_t *node, const struct key *keys,
                        size_t n_keys, const char *what)
{
    char list[240] = "";
    char remedy[280];

    for (size_t i = 0; i < n_keys; i++)
        td_profile_list_add(list, sizeof list, keys[i].name);
    (void)snprintf(remedy, sizeof remedy, "allowed: %s", list);
    return td_profile_fail(r, node, remedy, "%s: unknown key '%s'", what,
                           td_profile_scalar(node) == NULL ? "(not a word)"
                                                           : td_profile_scalar(node));
}

/* Reads a mapping by its table; base is what the table's offsets count from. */
bool td_profile_map(struct reading *r, yaml_node_t *node, const char *what, const struct key *keys,
                    size_t n_keys, void *base)
{
    uint32_t seen = 0;

    if (node->type != YAML_MAPPING_NODE)
        return td_profile_fail(r, node, "write it as key: value", "%s: a mapping is wanted", what);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = yaml_document_get_node(r->doc, pair->key);
        yaml_node_t *value = yaml_document_get_node(r->doc, pair->value);
        const struct key *key =
            td_profile_scalar(name) ? find_key(keys, n_keys, td_profile_scalar(name)) : NULL;

        if (key == NULL)
            return unknown_key(r, name, keys, n_keys, what);
        if ((seen & (1u << (key - keys))) != 0)
            return td_profile_fail(r, name, "keep one of the two", "%s: '%s' stands here twice",
                                   what, key->name);
        seen |= 1u << (key - keys);
        if (!read_value(r, value, key, base))
            return false;
    }
    for (size_t i = 0; i < n_keys; i++) {
        if (!keys[i].optional && (seen & (1u << i)) == 0)
            return td_profile_fail(r, node, "docs/spec/profiles.md says what it means",
                                   "%s: '%s' is missing", what, keys[i].name);
    }
    return true;
}

/* The items of a list one after the other, at most max of them. */
bool td_profile_list(struct reading *r, yaml_node_t *node, const char *what, size_t max,
                     bool (*item)(struct reading *r, yaml_node_t *node, size_t i, void *dst),
                     void *dst)
{
    size_t n = 0;

    if (node->type != YAML_SEQUENCE_NODE)
        return td_profile_fail(r, node, "write it as a list: [ a, b ]", "%s: a list is wanted",
                               what);
    for (yaml_node_item_t *it = node->data.sequence.items.start; it < node->data.sequence.items.top;
         it++, n++) {
        yaml_node_t *one = yaml_document_get_node(r->doc, *it);

        if (n == max)
            return td_profile_fail(r, one, "leave some out", "%s: more than %zu", what, max);
        if (!item(r, one, n, dst))
            return false;
    }
    return true;
}
