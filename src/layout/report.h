/*
 * layout/report.h - a layout in the look of partition_manager_report, letter for letter, and
 * what that look hides.
 */
#ifndef TD_LAYOUT_REPORT_H
#define TD_LAYOUT_REPORT_H

#include "layout/check.h"
#include "layout/text.h"

struct td_report_style {
    bool exact;                        /* sizes as they are, not cut off to whole kilobytes */
    const char *blue, *yellow, *plain; /* escape sequences as the original uses them, or "" */
};

/* The whole report: a frame for each domain and region, in the original's order. */
void td_report_print(const struct td_layout *layout, const struct td_report_style *style,
                     struct td_text *out);

/*
 * Remarks on what the look misleads about, one a line: sizes that it cuts off, and a header's
 * number that is not the size of the memory, and the sector of an external flash, which env may
 * say. soc may be NULL. Nothing where it does not mislead.
 */
void td_report_remarks(const struct td_layout *layout, const struct td_soc *soc,
                       const struct td_layout_env *env, struct td_text *out);

/* "188kB", "47kB" of 0xbe00, "512B": as the report writes sizes; exact: "47.5kB". */
void td_report_size(uint64_t size, bool exact, char out[24]);

#endif
