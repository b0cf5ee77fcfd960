/*
 * layout/scan.c - layouts in a text of any kind, line by line.
 *
 * A YAML block may be indented, quoted out of a file, or flattened by a forum: the keys are
 * known, so that what is a name and what belongs to it can be told without the indentation.
 * The block is written anew in its plain form, and read like any YAML.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/dts.h"
#include "layout/read.h"
#include "layout/rows.h"

#define BLOCK_LINES 4096
#define LINE_MAX    300 /* of YAML; longer ones are none */

struct td_layout_scan {
    struct td_layout_scan_hooks hooks;
    struct td_layout *layout; /* that is being filled */
    char domain[16];          /* of YAML */

    /* a report: the header that waits for its first row, and where the layout began */
    char report_domain[16], region[24];
    uint32_t began;

    /* a YAML block, written anew, and the line that each of its lines came from */
    char *block;
    size_t block_len;
    uint32_t block_line[BLOCK_LINES];
    size_t n_block;
    char name[TD_LAYOUT_NAME]; /* a name that waits for its first key */
    uint32_t name_line;
    bool in_name;  /* keys belong to a name */
    bool in_span;  /* list items are members */
    bool in_other; /* items and nested keys of what is passed over */

    struct td_dts dts;
    struct td_layout *tree; /* partitions of devicetree */
};

struct td_layout_scan *td_layout_scan_new(const struct td_layout_scan_hooks *hooks)
{
    struct td_layout_scan *scan = calloc(1, sizeof *scan);

    if (scan == NULL)
        return NULL;
    scan->hooks = *hooks;
    scan->layout = td_layout_new();
    scan->tree = td_layout_new();
    scan->block = malloc(TD_LAYOUT_TEXT);
    if (scan->layout == NULL || scan->tree == NULL || scan->block == NULL) {
        td_layout_scan_free(scan);
        return NULL;
    }
    return scan;
}

void td_layout_scan_free(struct td_layout_scan *scan)
{
    if (scan == NULL)
        return;
    td_layout_free(scan->layout);
    td_layout_free(scan->tree);
    free(scan->block);
    free(scan);
}

void td_layout_scan_domain(struct td_layout_scan *scan, const char *domain)
{
    (void)snprintf(scan->domain, sizeof scan->domain, "%s", domain);
}

/* ---- reports --------------------------------------------------------------------------- */

static void end_report(struct td_layout_scan *scan)
{
    if (scan->layout->n > 0)
        scan->hooks.found(scan->hooks.ctx, TD_LAYOUT_REPORT, scan->layout, scan->began);
    scan->layout->n = 0;
    scan->report_domain[0] = '\0';
    memcpy(scan->region, "flash_primary", sizeof "flash_primary");
}

static bool has_region(const struct td_layout *layout, const char *domain, const char *region)
{
    for (size_t i = 0; i < layout->n; i++) {
        if (strcmp(layout->at[i].domain, domain) == 0 && strcmp(layout->at[i].region, region) == 0)
            return true;
    }
    return false;
}

static void take_header(struct td_layout_scan *scan, const struct td_partition *header)
{
    if (has_region(scan->layout, header->domain, header->region))
        end_report(scan);
    memcpy(scan->report_domain, header->domain, sizeof scan->report_domain);
    memcpy(scan->region, header->region, sizeof scan->region);
}

static void take_row(struct td_layout_scan *scan, uint32_t line, struct td_partition *part)
{
    memcpy(part->domain, scan->report_domain, sizeof part->domain);
    memcpy(part->region, scan->region, sizeof part->region);
    part->line = line;
    // The same row again: a second report, whose header was lost.
    if (td_layout_find(scan->layout, part->domain, part->name) != NULL) {
        char domain[sizeof part->domain], region[sizeof part->region];

        memcpy(domain, scan->report_domain, sizeof domain);
        memcpy(region, scan->region, sizeof region);
        end_report(scan);
        memcpy(scan->report_domain, domain, sizeof domain);
        memcpy(scan->region, region, sizeof region);
    }
    if (scan->layout->n == 0)
        scan->began = line;
    (void)td_layout_add(scan->layout, part); // what is too much is left out
}

/* ---- YAML blocks ----------------------------------------------------------------------- */

static void write_block(struct td_layout_scan *scan, uint32_t line, const char *before,
                        const char *text, size_t len, const char *behind)
{
    size_t need = strlen(before) + len + strlen(behind);

    if (scan->n_block == BLOCK_LINES || scan->block_len + need > TD_LAYOUT_TEXT)
        return;
    memcpy(scan->block + scan->block_len, before, strlen(before));
    scan->block_len += strlen(before);
    memcpy(scan->block + scan->block_len, text, len);
    scan->block_len += len;
    memcpy(scan->block + scan->block_len, behind, strlen(behind));
    scan->block_len += strlen(behind);
    scan->block_line[scan->n_block++] = line;
}

static void end_block(struct td_layout_scan *scan)
{
    struct td_layout *found = scan->n_block > 0 ? td_layout_new() : NULL;
    struct td_layout_fault fault;

    if (found != NULL &&
        td_layout_read_yaml(scan->block, scan->block_len, scan->domain, found, &fault) == TD_OK) {
        for (size_t i = 0; i < found->n; i++) {
            if (found->at[i].line >= 1 && found->at[i].line <= scan->n_block)
                found->at[i].line = scan->block_line[found->at[i].line - 1];
        }
        scan->hooks.found(scan->hooks.ctx, TD_LAYOUT_YAML, found, scan->block_line[0]);
    }
    td_layout_free(found);
    scan->block_len = scan->n_block = 0;
    scan->name[0] = '\0';
    scan->in_name = scan->in_span = scan->in_other = false;
}

enum yaml_line { LINE_NONE, LINE_BLANK, LINE_NAME, LINE_KEY, LINE_OTHER, LINE_ITEM };

/* What is read of a partition, and what only shows that it is one. */
static const char *const keys[] = { "address", "size",      "end_address", "region",
                                    "device",  "orig_span", "span" };
static const char *const others[] = { "placement",   "before",       "after",       "inside",
                                      "align",       "share_size",   "affiliation", "sharers",
                                      "align_next",  "extra_params", "dev_name",    "one_of",
                                      "extra_param", "start",        "end" };

static bool is_one_of(const char *const *list, size_t n, const char *text, size_t len)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(list[i]) == len && memcmp(list[i], text, len) == 0)
            return true;
    }
    return false;
}

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '.';
}

/* text is trimmed. *key is the length of what stands before the colon. */
static enum yaml_line classify(const char *text, size_t len, size_t *key)
{
    size_t n = 0, value;

    *key = 0;
    if (len == 0 || text[0] == '#')
        return LINE_BLANK;
    if (len > LINE_MAX)
        return LINE_NONE;
    if (text[0] == '-')
        return len > 2 && text[1] == ' ' && is_name_char(text[2]) ? LINE_ITEM : LINE_NONE;
    while (n < len && is_name_char(text[n]))
        n++;
    if (n == 0 || n >= TD_LAYOUT_NAME || n == len || text[n] != ':')
        return LINE_NONE;
    *key = n;
    for (value = n + 1; value < len && text[value] == ' '; value++)
        ;
    if (is_one_of(keys, sizeof keys / sizeof keys[0], text, n))
        return LINE_KEY;
    if (is_one_of(others, sizeof others / sizeof others[0], text, n))
        return LINE_OTHER;
    if (value == len || text[value] == '#' || text[value] == '{')
        return LINE_NAME;
    return LINE_NONE;
}

static void take_name(struct td_layout_scan *scan, uint32_t line, const char *text, size_t len,
                      size_t key)
{
    memcpy(scan->name, text, key);
    scan->name[key] = '\0';
    scan->name_line = line;
    scan->in_name = scan->in_span = scan->in_other = false;
    // {address: 0x0, size: 0x1000} stands in the same line.
    if (memchr(text, '{', len) != NULL && text[len - 1] == '}') {
        write_block(scan, line, "", text, len, "\n");
        scan->name[0] = '\0';
    }
}

static void take_key(struct td_layout_scan *scan, uint32_t line, const char *text, size_t len)
{
    if (scan->name[0] != '\0') {
        write_block(scan, scan->name_line, "", scan->name, strlen(scan->name), ":\n");
        scan->name[0] = '\0';
        scan->in_name = true;
    }
    if (!scan->in_name)
        return;
    write_block(scan, line, "  ", text, len, "\n");
    scan->in_span = memmem(text, len < 10 ? len : 10, "span:", 5) != NULL;
    scan->in_other = false;
}

/* Whether the line belongs to a block. */
static bool take_yaml(struct td_layout_scan *scan, uint32_t line, const char *text, size_t len)
{
    size_t key;

    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        len--;
    while (len > 0 && (*text == ' ' || *text == '\t' || *text == '>')) {
        text++;
        len--;
    }
    switch (classify(text, len, &key)) {
    case LINE_BLANK: return true;
    case LINE_NAME: take_name(scan, line, text, len, key); return true;
    case LINE_KEY: take_key(scan, line, text, len); return true;
    case LINE_OTHER:
        scan->in_span = false;
        scan->in_other = true;
        return scan->in_name || scan->name[0] != '\0';
    case LINE_ITEM:
        if (scan->in_span)
            write_block(scan, line, "  ", text, len, "\n");
        return scan->in_span || scan->in_other;
    case LINE_NONE: break;
    }
    return false;
}

/* ---- devicetree ------------------------------------------------------------------------ */

static void end_tree(struct td_layout_scan *scan)
{
    if (scan->tree->n > 0)
        scan->hooks.found(scan->hooks.ctx, TD_LAYOUT_DTS, scan->tree, scan->tree->at[0].line);
    scan->tree->n = 0;
    scan->dts.depth = 0;
}

/* The same label again: an overlay's word counts, but for another tree's in one text. */
static void take_tree(struct td_layout_scan *scan, const struct td_partition *part)
{
    for (size_t i = 0; i < scan->tree->n; i++) {
        struct td_partition *old = &scan->tree->at[i];

        if (strcmp(old->name, part->name) == 0 && strcmp(old->domain, part->domain) == 0) {
            *old = *part;
            return;
        }
    }
    (void)td_layout_add(scan->tree, part);
}

/* ---- the door -------------------------------------------------------------------------- */

void td_layout_scan_line(struct td_layout_scan *scan, uint32_t line, const char *text, size_t len)
{
    struct td_partition part;

    if (scan->region[0] == '\0')
        memcpy(scan->region, "flash_primary", sizeof "flash_primary");
    memset(&part, 0, sizeof part);
    switch (td_row_read(text, len, &part)) {
    case TD_ROW_HEADER:
        end_block(scan);
        take_header(scan, &part);
        return;
    case TD_ROW_PART:
        end_block(scan);
        take_row(scan, line, &part);
        return;
    case TD_ROW_FRAME: return;
    case TD_ROW_NONE: break;
    }
    if (len >= 9 && memcmp(text, "/dts-v1/;", 9) == 0)
        end_tree(scan);
    if (td_dts_line(&scan->dts, line, text, len, &part))
        take_tree(scan, &part);
    if (!take_yaml(scan, line, text, len))
        end_block(scan);
}

void td_layout_scan_end(struct td_layout_scan *scan)
{
    end_block(scan);
    end_report(scan);
    end_tree(scan);
    scan->domain[0] = '\0';
}
