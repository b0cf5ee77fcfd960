/*
 * layout/report.c - rows sorted by address, then larger first, then containers first. A
 * separator follows the last member whose end is that of the most recent container, unless the
 * next row is a container itself.
 */
#include "layout/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those of one domain and region, in the order of their rows. */
struct rows {
    const struct td_partition *at[TD_LAYOUT_MAX];
    size_t n;
};

void td_report_size(uint64_t size, bool exact, char out[24])
{
    unsigned long long kb = size / 1024, tenths = size % 1024 * 100 / 1024;

    if (size < 1024)
        (void)snprintf(out, 24, "%lluB", (unsigned long long)size);
    else if (!exact || size % 1024 == 0)
        (void)snprintf(out, 24, "%llukB", kb);
    else if (tenths % 10 == 0)
        (void)snprintf(out, 24, "%llu.%llukB", kb, tenths / 10);
    else
        (void)snprintf(out, 24, "%llu.%02llukB", kb, tenths);
}

static int by_row(const void *a, const void *b)
{
    const struct td_partition *p = *(const struct td_partition *const *)a;
    const struct td_partition *q = *(const struct td_partition *const *)b;

    if (p->addr != q->addr)
        return p->addr < q->addr ? -1 : 1;
    if (p->size != q->size)
        return p->size > q->size ? -1 : 1;
    if (p->container != q->container)
        return p->container ? -1 : 1;
    return p < q ? -1 : p > q; // as they stand in the file
}

static void collect(const struct td_layout *layout, const char *domain, const char *region,
                    struct rows *rows)
{
    rows->n = 0;
    for (size_t i = 0; i < layout->n; i++) {
        if (strcmp(layout->at[i].domain, domain) == 0 && strcmp(layout->at[i].region, region) == 0)
            rows->at[rows->n++] = &layout->at[i];
    }
    qsort(rows->at, rows->n, sizeof rows->at[0], by_row);
}

static uint64_t span_of(const struct rows *rows)
{
    uint64_t from = UINT64_MAX, to = 0;

    for (size_t i = 0; i < rows->n; i++) {
        uint64_t end = td_partition_end(rows->at[i]);

        from = rows->at[i]->addr < from ? rows->at[i]->addr : from;
        to = end > to ? end : to;
    }
    return to - from;
}

static size_t row_text(const struct td_partition *p, bool exact, char *out, size_t cap)
{
    char size[24];
    int n;

    td_report_size(p->size, exact, size);
    n = snprintf(out, cap, "0x%x: %s (0x%x - %s)", (unsigned)p->addr, p->name, (unsigned)p->size,
                 size);
    return (size_t)n;
}

static void frame(struct td_text *out, size_t width)
{
    td_text_fill(out, '+', 1);
    td_text_fill(out, '-', width - 1);
    td_text_printf(out, "+\n");
}

/* width: of the longest row, its marks included, and one more. */
static size_t width_of(const struct rows *rows, bool exact)
{
    size_t most = 1;
    char text[128];

    for (size_t i = 0; i < rows->n; i++) {
        size_t n =
            row_text(rows->at[i], exact, text, sizeof text) + (rows->at[i]->container ? 4 : 2);

        most = n > most ? n : most;
    }
    return most + 1;
}

static void print_rows(const struct rows *rows, const struct td_report_style *style,
                       struct td_text *out)
{
    size_t width = width_of(rows, style->exact);
    uint64_t end_of_container = 0;

    frame(out, width);
    for (size_t i = 0; i < rows->n; i++) {
        const struct td_partition *p = rows->at[i];
        char text[128];
        size_t n = row_text(p, style->exact, text, sizeof text) + (p->container ? 4 : 2);

        td_text_printf(out, "%s%s%s%s", p->container ? "+---" : "| ",
                       p->container ? style->blue : style->yellow, text, style->plain);
        td_text_fill(out, p->container ? '-' : ' ', width - n);
        td_text_printf(out, p->container ? "+\n" : "|\n");
        if (i + 1 == rows->n)
            break;
        if (p->container)
            end_of_container = td_partition_end(p);
        else if (td_partition_end(p) == end_of_container && !rows->at[i + 1]->container)
            frame(out, width);
    }
    frame(out, width);
}

/* The next region behind `after` in the order of the alphabet. NULL: none. */
static const char *next_region(const struct td_layout *layout, const char *domain,
                               const char *after)
{
    const char *best = NULL;

    for (size_t i = 0; i < layout->n; i++) {
        const struct td_partition *p = &layout->at[i];

        if (strcmp(p->domain, domain) == 0 && strcmp(p->region, after) > 0 &&
            (best == NULL || strcmp(p->region, best) < 0))
            best = p->region;
    }
    return best;
}

/* The domain that the layout shows next behind the i-th partition; each once. */
static const char *next_domain(const struct td_layout *layout, size_t *i)
{
    for (; *i < layout->n; (*i)++) {
        bool seen = false;

        for (size_t k = 0; k < *i; k++)
            seen |= strcmp(layout->at[k].domain, layout->at[*i].domain) == 0;
        if (!seen)
            return layout->at[(*i)++].domain;
    }
    return NULL;
}

void td_report_print(const struct td_layout *layout, const struct td_report_style *style,
                     struct td_text *out)
{
    size_t at = 0;
    const char *domain;

    while ((domain = next_domain(layout, &at)) != NULL) {
        for (const char *region = next_region(layout, domain, ""); region != NULL;
             region = next_region(layout, domain, region)) {
            struct rows rows;
            char size[24];

            collect(layout, domain, region, &rows);
            td_report_size(span_of(&rows), style->exact, size);
            td_text_printf(out, "%s %s %s (0x%llx - %s): %s\n", style->blue, domain, region,
                           (unsigned long long)span_of(&rows), size, style->plain);
            print_rows(&rows, style, out);
            td_text_printf(out, "\n");
        }
    }
}

/* In the order of the rows above. */
static void remark_rows(const struct rows *rows, unsigned *n, struct td_text *out)
{
    for (size_t i = 0; i < rows->n; i++) {
        const struct td_partition *p = rows->at[i];
        char cut[24], exact[24];

        td_report_size(p->size, false, cut);
        td_report_size(p->size, true, exact);
        if (strcmp(cut, exact) != 0)
            td_text_printf(out, "%s%s is %s",
                           (*n)++ == 0 ? "Sizes are cut off to whole kB: " : ", ", p->name, exact);
    }
}

static void remark_sizes(const struct td_layout *layout, struct td_text *out)
{
    size_t at = 0;
    unsigned n = 0;
    const char *domain;

    while ((domain = next_domain(layout, &at)) != NULL) {
        for (const char *region = next_region(layout, domain, ""); region != NULL;
             region = next_region(layout, domain, region)) {
            struct rows rows;

            collect(layout, domain, region, &rows);
            remark_rows(&rows, &n, out);
        }
    }
    if (n > 0)
        td_text_printf(out, " (--exact prints them).\n");
}

static void remark_external(const struct rows *rows, const struct td_layout_env *env,
                            struct td_text *out)
{
    bool assumed;
    uint32_t sector = td_layout_external_sector(rows->at[0], env, &assumed);

    td_text_printf(
        out,
        "external_flash: 0x%llx is what is divided up, not the chip's size; it is erased "
        "in sectors of 0x%x%s.\n",
        (unsigned long long)span_of(rows), (unsigned)sector,
        assumed ? ", as far as is assumed (--external-sector-size)" : "");
}

void td_report_remarks(const struct td_layout *layout, const struct td_soc *soc,
                       const struct td_layout_env *env, struct td_text *out)
{
    struct rows rows;

    remark_sizes(layout, out);
    collect(layout, "", "flash_primary", &rows);
    if (soc != NULL && rows.n > 0 && span_of(&rows) != soc->flash_size)
        td_text_printf(
            out,
            "flash_primary: 0x%llx is from the first partition to the last; the flash of "
            "the %s has 0x%x bytes.\n",
            (unsigned long long)span_of(&rows), soc->title, (unsigned)soc->flash_size);
    collect(layout, "", "external_flash", &rows);
    if (rows.n > 0)
        remark_external(&rows, env, out);
}
