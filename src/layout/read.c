/* layout/read.c - a whole file, whichever kind it is. */
#include "layout/read.h"

#include <stdio.h>
#include <string.h>

const char *td_layout_domain_of(const char *path, char out[16])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *mark = strstr(name, "partitions_");
    const char *dot = strrchr(name, '.');
    size_t len;

    out[0] = '\0';
    if (mark == NULL || dot == NULL)
        return out;
    mark += strlen("partitions_");
    len = dot > mark ? (size_t)(dot - mark) : 0;
    if (len < 16) {
        memcpy(out, mark, len);
        out[len] = '\0';
    }
    return out;
}

struct whole {
    struct td_layout *layout;
    enum td_layout_kind kind;
};

static bool same_memory(const struct td_partition *a, const struct td_partition *b)
{
    return strcmp(a->domain, b->domain) == 0 && strcmp(a->region, b->region) == 0;
}

static void drop_memory_of(struct td_layout *layout, const struct td_partition *part)
{
    size_t n = 0;

    for (size_t i = 0; i < layout->n; i++) {
        if (!same_memory(&layout->at[i], part))
            layout->at[n++] = layout->at[i];
    }
    layout->n = n;
}

static void take(void *ctx, enum td_layout_kind kind, const struct td_layout *found, uint32_t line)
{
    struct whole *whole = ctx;

    (void)line;
    for (size_t i = 0; i < found->n; i++)
        drop_memory_of(whole->layout, &found->at[i]);
    for (size_t i = 0; i < found->n; i++)
        (void)td_layout_add(whole->layout, &found->at[i]);
    whole->kind = kind;
}

static bool scan_all(const char *text, size_t len, const char *domain, struct whole *whole)
{
    const struct td_layout_scan_hooks hooks = { .found = take, .ctx = whole };
    struct td_layout_scan *scan = td_layout_scan_new(&hooks);
    uint32_t line = 1;

    if (scan == NULL)
        return false;
    td_layout_scan_domain(scan, domain);
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t n = end != NULL ? (size_t)(end - text) : len;

        td_layout_scan_line(scan, line++, text, n);
        n += end != NULL;
        text += n;
        len -= n;
    }
    td_layout_scan_end(scan);
    td_layout_scan_free(scan);
    return whole->layout->n > 0;
}

/* Whether the file is one of YAML as a whole, for whose faults its author wants a line. */
static bool looks_like_yaml(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot != NULL && (strcmp(dot, ".yml") == 0 || strcmp(dot, ".yaml") == 0);
}

enum td_err td_layout_read(const char *text, size_t len, const char *path, struct td_layout *layout,
                           enum td_layout_kind *kind, struct td_layout_fault *fault)
{
    struct td_layout *own = td_layout_new();
    struct whole whole = { own, TD_LAYOUT_YAML };
    char domain[16];
    enum td_err err;

    *fault = (struct td_layout_fault){ .line = 0 };
    if (own == NULL)
        return TD_ESPACE;
    (void)td_layout_domain_of(path, domain);
    err = td_layout_read_yaml(text, len, domain, own, fault);
    if (err != TD_OK && !looks_like_yaml(path)) {
        own->n = 0;
        if (scan_all(text, len, domain, &whole)) {
            err = TD_OK;
        } else {
            err = TD_EFORMAT;
            fault->line = 0;
            (void)snprintf(fault->what, sizeof fault->what, "there is no layout in this file");
            (void)snprintf(
                fault->remedy, sizeof fault->remedy,
                "partitions.yml, pm_static.yml, the text of partition_manager_report and "
                "zephyr.dts are read");
        }
    }
    for (size_t i = 0; err == TD_OK && i < own->n; i++) {
        err = td_layout_add(layout, &own->at[i]);
        if (err != TD_OK)
            (void)snprintf(fault->what, sizeof fault->what, "there are more than %d partitions",
                           TD_LAYOUT_MAX);
    }
    *kind = whole.kind;
    td_layout_free(own);
    return err;
}
