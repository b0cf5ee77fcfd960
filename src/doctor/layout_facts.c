/* doctor/layout_facts.c - what layouts say, in the doctor's words. */
#include "doctor/layout_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/check.h"
#include "layout/read.h"

/* A layout, and where it stood. */
struct seen {
    struct td_layout *layout;
    enum td_layout_kind kind;
    struct td_place at;
};

struct td_layout_facts {
    struct td_facts *facts;
    struct td_layout_scan *scan;
    struct seen seen[TD_LAYOUTS_MAX];
    size_t n_seen;
    uint16_t file;
};

static struct td_place place_of(const struct seen *seen, uint32_t line)
{
    struct td_place at = seen->at;

    if (line > 0)
        at.line = line;
    return at;
}

static bool has_domain(const struct td_layout *layout, const char *domain)
{
    for (size_t i = 0; i < layout->n; i++) {
        if (strcmp(layout->at[i].domain, domain) == 0)
            return true;
    }
    return false;
}

/* partitions_CPUNET.yml goes with the partitions.yml before it. */
static struct seen *place_for(struct td_layout_facts *lf, const struct td_layout *found)
{
    const char *domain = found->at[0].domain;
    struct seen *last = lf->n_seen > 0 ? &lf->seen[lf->n_seen - 1] : NULL;

    if (last != NULL && domain[0] != '\0' && !has_domain(last->layout, domain))
        return last;
    if (lf->n_seen == TD_LAYOUTS_MAX)
        return NULL;
    last = &lf->seen[lf->n_seen];
    last->layout = td_layout_new();
    if (last->layout == NULL)
        return NULL;
    lf->n_seen++;
    return last;
}

static void say_partition(struct td_layout_facts *lf, const struct seen *seen,
                          const struct td_partition *p)
{
    struct td_place at = place_of(seen, p->line);
    char quote[160];

    (void)snprintf(quote, sizeof quote, "0x%x: %s (0x%x)", (unsigned)p->addr, p->name,
                   (unsigned)p->size);
    (void)td_fact_add(lf->facts, "partition", &at, TD_NO_TIME, quote,
                      "name='%s' addr=%u size=%u region='%s' domain='%s' layout=%u", p->name,
                      (unsigned)p->addr, (unsigned)p->size, p->region, p->domain,
                      (unsigned)(seen - lf->seen));
}

static void take(void *ctx, enum td_layout_kind kind, const struct td_layout *found, uint32_t line)
{
    struct td_layout_facts *lf = ctx;
    struct seen *seen = place_for(lf, found);

    if (seen == NULL)
        return;
    if (seen->layout->n == 0) {
        seen->kind = kind;
        seen->at = (struct td_place){ .file = lf->file, .line = line };
        (void)td_fact_add(lf->facts, "have", &seen->at, TD_NO_TIME, NULL, "what=%s",
                          kind == TD_LAYOUT_REPORT ? "report" : "layout");
    }
    for (size_t i = 0; i < found->n; i++) {
        if (td_layout_add(seen->layout, &found->at[i]) == TD_OK)
            say_partition(lf, seen, &found->at[i]);
    }
}

struct td_layout_facts *td_layout_facts_new(struct td_facts *facts)
{
    struct td_layout_facts *lf = calloc(1, sizeof *lf);
    const struct td_layout_scan_hooks hooks = { .found = take, .ctx = lf };

    if (lf == NULL)
        return NULL;
    lf->facts = facts;
    lf->scan = td_layout_scan_new(&hooks);
    if (lf->scan == NULL) {
        td_layout_facts_free(lf);
        return NULL;
    }
    return lf;
}

void td_layout_facts_free(struct td_layout_facts *lf)
{
    if (lf == NULL)
        return;
    for (size_t i = 0; i < lf->n_seen; i++)
        td_layout_free(lf->seen[i].layout);
    td_layout_scan_free(lf->scan);
    free(lf);
}

void td_layout_facts_file(struct td_layout_facts *lf, uint16_t file, const char *name)
{
    char domain[16];

    lf->file = file;
    td_layout_scan_domain(lf->scan, td_layout_domain_of(name, domain));
}

void td_layout_facts_line(struct td_layout_facts *lf, const struct td_place *at, const char *text,
                          size_t len)
{
    td_layout_scan_line(lf->scan, at->line, text, len);
}

void td_layout_facts_file_end(struct td_layout_facts *lf)
{
    td_layout_scan_end(lf->scan);
}

void td_layout_facts_end(struct td_layout_facts *lf)
{
    for (size_t i = 0; i < lf->n_seen; i++) {
        const struct seen *seen = &lf->seen[i];
        const struct td_partition *primary = td_layout_role(seen->layout, TD_ROLE_PRIMARY, 0);
        const struct td_partition *secondary = td_layout_role(seen->layout, TD_ROLE_SECONDARY, 0);

        (void)td_fact_add(lf->facts, "layout", &seen->at, TD_NO_TIME, NULL,
                          "index=%u stages=%u primary=%u secondary=%u", (unsigned)i,
                          td_layout_stages(seen->layout), primary != NULL ? primary->addr : 0,
                          secondary != NULL ? secondary->addr : 0);
    }
}
