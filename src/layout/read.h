/*
 * layout/read.h - from text to layouts: YAML of the partition manager, its report, and
 * devicetree, as people paste them, with colours, log prefixes, indentation and prose around.
 *
 * YAML: a mapping of names to mappings with address, size, end_address, region, span or
 * orig_span, device; other keys are passed over. Numbers are decimal or 0x. An alias
 * stands for a list of members, as the build system writes them, and for nothing else.
 * The report: docs/spec/layout.md has its form. Hostile text is an error or no layout.
 */
#ifndef TD_LAYOUT_READ_H
#define TD_LAYOUT_READ_H

#include "layout/layout.h"

#define TD_LAYOUT_TEXT (256u * 1024) /* bytes of YAML that are looked at, and no more */

struct td_layout_fault {
    char what[200];
    char remedy[200];
    uint32_t line; /* 0: about the whole */
};

/*
 * Adds what the YAML of one domain holds to layout. TD_EFORMAT: it is no YAML, or none of
 * partitions, and *fault says where; TD_ESPACE: too long, or too many partitions.
 */
enum td_err td_layout_read_yaml(const char *text, size_t len, const char *domain,
                                struct td_layout *layout, struct td_layout_fault *fault);

/* "partitions_CPUNET.yml" is the YAML of CPUNET, any other name that of "". Returns out. */
const char *td_layout_domain_of(const char *path, char out[16]);

/*
 * Finds layouts in text that comes line by line. A report, or a YAML block that stands for
 * itself; a second report of the same domain and region begins another layout.
 */
enum td_layout_kind { TD_LAYOUT_YAML, TD_LAYOUT_REPORT, TD_LAYOUT_DTS };

struct td_layout_scan;

struct td_layout_scan_hooks {
    /* layout is the scan's, until the call ends; line is where it begins. */
    void (*found)(void *ctx, enum td_layout_kind kind, const struct td_layout *layout,
                  uint32_t line);
    void *ctx;
};

struct td_layout_scan *td_layout_scan_new(const struct td_layout_scan_hooks *hooks); /* or NULL */

/* What follows stands in the YAML of that domain ("" at first), until it is said otherwise. */
void td_layout_scan_domain(struct td_layout_scan *scan, const char *domain);

/* One line without its end; line counts from 1. */
void td_layout_scan_line(struct td_layout_scan *scan, uint32_t line, const char *text, size_t len);

/* The end of a file: what is held back is given out. The scan can go on with another file. */
void td_layout_scan_end(struct td_layout_scan *scan);
void td_layout_scan_free(struct td_layout_scan *scan);

/*
 * A whole file of either kind: YAML when its first line of substance looks like it, else what
 * the scan finds; of several layouts in one text the last of each domain and region is taken.
 * TD_EFORMAT: there is none.
 */
enum td_err td_layout_read(const char *text, size_t len, const char *path, struct td_layout *layout,
                           enum td_layout_kind *kind, struct td_layout_fault *fault);

#endif
