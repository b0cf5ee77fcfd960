/*
 * layout/yaml.c - partition manager YAML, event by event.
 *
 * Nothing is built but the layout itself, nesting is counted, and an alias stands for a list of
 * members or for nothing that is read, so that hostile text costs no more than its length. The
 * build system writes such aliases: orig_span: &id001 [..], span: *id001.
 */
#include "layout/read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX   16
#define ANCHORS_MAX 64

/* A list of members that has a name. */
struct anchor {
    char name[32];
    char span[TD_LAYOUT_SPAN][TD_LAYOUT_NAME];
    uint8_t n_span;
};

struct reading {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one, deleted when the next is read */
    bool has_event;
    const char *domain;
    struct td_layout *layout;
    struct td_layout_fault *fault;
    size_t seen; /* entries, also those without an address */
    struct anchor anchors[ANCHORS_MAX];
    size_t n_anchors;
};

static enum td_err fail(struct reading *r, enum td_err err, const char *remedy, const char *fmt,
                        ...) __attribute__((format(printf, 4, 5)));

static enum td_err fail(struct reading *r, enum td_err err, const char *remedy, const char *fmt,
                        ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(r->fault->what, sizeof r->fault->what, fmt, args);
    va_end(args);
    (void)snprintf(r->fault->remedy, sizeof r->fault->remedy, "%s", remedy);
    return err;
}

static uint32_t line_of(const struct reading *r)
{
    return (uint32_t)r->event.start_mark.line + 1;
}

static enum td_err next(struct reading *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event) != 0;
    if (!r->has_event) {
        r->fault->line = (uint32_t)r->parser.problem_mark.line + 1;
        return fail(r, TD_EFORMAT, "mind the indentation, and the colon behind each name",
                    "this is no YAML: %s",
                    r->parser.problem != NULL ? r->parser.problem : "it cannot be read");
    }
    r->fault->line = line_of(r);
    return TD_OK;
}

static const char *scalar(const struct reading *r)
{
    return r->event.type == YAML_SCALAR_EVENT ? (const char *)r->event.data.scalar.value : NULL;
}

/* Passes over the value whose first event is the current one. */
static enum td_err skip(struct reading *r)
{
    unsigned depth = 0;

    for (;;) {
        enum td_err err;

        switch (r->event.type) {
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT:
            if (++depth > DEPTH_MAX)
                return fail(r, TD_EFORMAT, "", "values are nested deeper than any layout needs");
            break;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT: depth--; break;
        default: break;
        }
        if (depth == 0)
            return TD_OK;
        err = next(r);
        if (err != TD_OK)
            return err;
    }
}

static enum td_err take_number(struct reading *r, const char *name, const char *key, uint64_t most,
                               uint64_t *out)
{
    const char *text = scalar(r);
    unsigned long long value = 0;
    char *end = NULL;
    bool hex = text != NULL && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

    errno = 0;
    if (text != NULL && text[0] >= '0' && text[0] <= '9')
        value = strtoull(text, &end, hex ? 16 : 10);
    if (end == NULL || *end != '\0' || errno != 0 || value > most)
        return fail(r, TD_EFORMAT, "write it in decimal, or in hex with 0x",
                    "%.40s: %s is no number of bytes%s%.40s%s", name, key,
                    text != NULL ? ": '" : "", text != NULL ? text : "", text != NULL ? "'" : "");
    *out = value;
    return TD_OK;
}

static enum td_err take_text(struct reading *r, const char *name, const char *key, char *out,
                             size_t cap)
{
    const char *text = scalar(r);

    if (text == NULL)
        return fail(r, TD_EFORMAT, "", "%.40s: %s wants a name", name, key);
    // What the build system writes has no control characters; what reads our output wants none.
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return fail(r, TD_EFORMAT, "", "%.40s: %s holds a control character", name, key);
    }
    if (strlen(text) >= cap)
        return fail(r, TD_EFORMAT, "", "%.40s: %s is longer than %zu characters", name, key,
                    cap - 1);
    if (text[0] != '\0') // "region:" and nothing behind it leaves what is usual
        memcpy(out, text, strlen(text) + 1);
    return TD_OK;
}

static enum td_err add_member(struct reading *r, struct td_partition *part, const char *name)
{
    for (uint8_t i = 0; i < part->n_span; i++) {
        if (strcmp(part->span[i], name) == 0)
            return TD_OK; // span and orig_span repeat one another
    }
    if (part->n_span == TD_LAYOUT_SPAN)
        return fail(r, TD_ESPACE, "", "%.40s spans more than %d partitions", part->name,
                    TD_LAYOUT_SPAN);
    memcpy(part->span[part->n_span++], name, strlen(name) + 1);
    return TD_OK;
}

static enum td_err take_member(struct reading *r, struct td_partition *part)
{
    char name[TD_LAYOUT_NAME] = "";
    enum td_err err = take_text(r, part->name, "span", name, sizeof name);

    return err == TD_OK ? add_member(r, part, name) : err;
}

/* span: *id001. The list may be this partition's own, or one further up. */
static enum td_err take_alias(struct reading *r, struct td_partition *part)
{
    const char *name = (const char *)r->event.data.alias.anchor;
    enum td_err err = TD_OK;

    for (size_t i = 0; i < r->n_anchors; i++) {
        const struct anchor *a = &r->anchors[i];

        if (strcmp(a->name, name) != 0)
            continue;
        for (uint8_t k = 0; err == TD_OK && k < a->n_span; k++)
            err = add_member(r, part, a->span[k]);
        return err;
    }
    return fail(r, TD_EFORMAT, "write the list out", "%.40s: there is no list *%.40s above",
                part->name, name);
}

static enum td_err keep_anchor(struct reading *r, const char *name, const struct td_partition *part)
{
    struct anchor *a = &r->anchors[r->n_anchors];

    if (name[0] == '\0')
        return TD_OK;
    if (r->n_anchors == ANCHORS_MAX)
        return fail(r, TD_ESPACE, "write the lists out", "there are more than %d anchors",
                    ANCHORS_MAX);
    memcpy(a->name, name, strlen(name) + 1);
    memcpy(a->span, part->span, sizeof a->span);
    a->n_span = part->n_span;
    r->n_anchors++;
    return TD_OK;
}

static enum td_err take_span(struct reading *r, struct td_partition *part)
{
    char anchor[sizeof r->anchors[0].name] = "";
    enum td_err err;

    part->container = true;
    if (r->event.type == YAML_SCALAR_EVENT)
        return take_member(r, part);
    if (r->event.type == YAML_ALIAS_EVENT)
        return take_alias(r, part);
    if (r->event.type != YAML_SEQUENCE_START_EVENT)
        return fail(r, TD_EFORMAT, "write span: [first, second]", "%.40s: span is no list",
                    part->name);
    if (r->event.data.sequence_start.anchor != NULL)
        (void)snprintf(anchor, sizeof anchor, "%s",
                       (const char *)r->event.data.sequence_start.anchor);
    while ((err = next(r)) == TD_OK && r->event.type != YAML_SEQUENCE_END_EVENT) {
        err = take_member(r, part);
        if (err != TD_OK)
            return err;
    }
    return err == TD_OK ? keep_anchor(r, anchor, part) : err;
}

struct found {
    bool address, size;
};

/* One key of a partition; the current event is its value. */
static enum td_err take_key(struct reading *r, const char *key, struct td_partition *part,
                            struct found *found)
{
    uint64_t value = 0;
    enum td_err err;

    if (strcmp(key, "address") == 0) {
        err = take_number(r, part->name, key, UINT32_MAX, &value);
        part->addr = (uint32_t)value;
        found->address = true;
        return err;
    }
    if (strcmp(key, "size") == 0) {
        err = take_number(r, part->name, key, UINT32_MAX, &value);
        part->size = (uint32_t)value;
        found->size = true;
        return err;
    }
    if (strcmp(key, "end_address") == 0)
        return take_number(r, part->name, key, (uint64_t)UINT32_MAX + 1, &part->end_given);
    if (strcmp(key, "region") == 0)
        return take_text(r, part->name, key, part->region, sizeof part->region);
    if (strcmp(key, "device") == 0)
        return take_text(r, part->name, key, part->device, sizeof part->device);
    if (strcmp(key, "span") == 0 || strcmp(key, "orig_span") == 0)
        return take_span(r, part);
    return skip(r);
}

/* An address comes with a size or an end; what has neither address is of a dynamic build. */
static enum td_err finish_partition(struct reading *r, struct td_partition *part,
                                    const struct found *found)
{
    r->fault->line = part->line;
    r->seen++;
    if (!found->address)
        return TD_OK;
    if (!found->size) {
        if (part->end_given < part->addr)
            return fail(r, TD_EFORMAT, "give size, or end_address",
                        "%.40s has an address and no size", part->name);
        part->size = (uint32_t)(part->end_given - part->addr);
    }
    if (td_partition_end(part) > (uint64_t)UINT32_MAX + 1)
        return fail(r, TD_EFORMAT, "", "%.40s reaches beyond 32 bits of addresses", part->name);
    if (td_layout_add(r->layout, part) != TD_OK)
        return fail(r, TD_ESPACE, "", "there are more than %d partitions", TD_LAYOUT_MAX);
    return TD_OK;
}

/* A name was read; the current event is its value. */
static enum td_err take_partition(struct reading *r, struct td_partition *part)
{
    struct found found = { false, false };
    enum td_err err;

    if (r->event.type != YAML_MAPPING_START_EVENT) {
        r->seen++;
        return skip(r);
    }
    while ((err = next(r)) == TD_OK && r->event.type != YAML_MAPPING_END_EVENT) {
        char key[TD_LAYOUT_NAME] = "";

        if (scalar(r) == NULL)
            return fail(r, TD_EFORMAT, "", "%.40s: a key that is no name", part->name);
        (void)snprintf(key, sizeof key, "%s", scalar(r));
        err = next(r);
        if (err == TD_OK)
            err = take_key(r, key, part, &found);
        if (err != TD_OK)
            return err;
    }
    return err == TD_OK ? finish_partition(r, part, &found) : err;
}

static enum td_err take_all(struct reading *r)
{
    enum td_err err;

    while ((err = next(r)) == TD_OK && r->event.type != YAML_MAPPING_END_EVENT) {
        struct td_partition part = { .region = "flash_primary", .line = line_of(r) };

        err = take_text(r, "the layout", "a partition's name", part.name, sizeof part.name);
        if (err == TD_OK && part.name[0] == '\0')
            err = fail(r, TD_EFORMAT, "give it a name", "a partition has no name");
        if (err != TD_OK)
            return err;
        if (td_layout_find(r->layout, r->domain, part.name) != NULL)
            return fail(r, TD_EFORMAT, "keep one of them", "%s is there twice", part.name);
        (void)snprintf(part.domain, sizeof part.domain, "%s", r->domain);
        err = next(r);
        if (err == TD_OK)
            err = take_partition(r, &part);
        if (err != TD_OK)
            return err;
    }
    return err;
}

static enum td_err read_document(struct reading *r)
{
    size_t before = r->layout->n;
    enum td_err err;

    do {
        err = next(r);
    } while (err == TD_OK && (r->event.type == YAML_STREAM_START_EVENT ||
                              r->event.type == YAML_DOCUMENT_START_EVENT));
    if (err != TD_OK)
        return err;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return fail(r, TD_EFORMAT, "partition manager files begin with a partition's name",
                    "this YAML holds no partitions");
    err = take_all(r);
    if (err != TD_OK)
        return err;
    if (r->layout->n > before)
        return TD_OK;
    r->fault->line = 0;
    return fail(r, TD_EFORMAT,
                r->seen > 0 ? "pm.yml asks for room; what came of it is in partitions.yml of the "
                              "build directory"
                            : "",
                r->seen > 0 ? "nothing here has an address" : "the file is empty");
}

enum td_err td_layout_read_yaml(const char *text, size_t len, const char *domain,
                                struct td_layout *layout, struct td_layout_fault *fault)
{
    struct reading *r = calloc(1, sizeof *r);
    enum td_err err = TD_ESPACE;

    *fault = (struct td_layout_fault){ .line = 0 };
    if (r == NULL)
        return TD_ESPACE;
    r->domain = domain;
    r->layout = layout;
    r->fault = fault;
    if (len > TD_LAYOUT_TEXT) {
        (void)fail(r, TD_ESPACE, "", "the file is longer than %u bytes, which no layout is",
                   TD_LAYOUT_TEXT);
    } else if (yaml_parser_initialize(&r->parser) != 0) {
        yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
        err = read_document(r);
        if (r->has_event)
            yaml_event_delete(&r->event);
        yaml_parser_delete(&r->parser);
    }
    free(r);
    return err;
}
