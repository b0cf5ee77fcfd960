/*
 * layout/dts.h - partitions in devicetree source: zephyr.dts of a build, or an overlay.
 *
 * Line by line, as dtc and people lay it out: a node opens at the end of a line and closes at
 * the beginning of one. Names are labels (slot0_partition), addresses those of the memory.
 */
#ifndef TD_LAYOUT_DTS_H
#define TD_LAYOUT_DTS_H

#include "layout/layout.h"

#define TD_DTS_DEPTH 16 /* open nodes; what is nested deeper is passed over */

/* An open node, and the memory that partitions below it lie in. */
struct td_dts_node {
    char region[24]; /* "": none yet */
    uint32_t base;   /* added to addresses */
    bool is_partition;
    struct td_partition part; /* when it is one */
    bool has_reg;
};

struct td_dts {
    struct td_dts_node open[TD_DTS_DEPTH];
    unsigned depth; /* may be more than TD_DTS_DEPTH */
};

/*
 * Takes a line. true when it ends a partition, which is then in *part, its line that of its node.
 */
bool td_dts_line(struct td_dts *dts, uint32_t line, const char *text, size_t len,
                 struct td_partition *part);

#endif
