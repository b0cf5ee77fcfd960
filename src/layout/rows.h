/* layout/rows.h - single lines of a partition manager report. */
#ifndef TD_LAYOUT_ROWS_H
#define TD_LAYOUT_ROWS_H

#include "layout/layout.h"

enum td_row {
    TD_ROW_NONE,   /* something else */
    TD_ROW_FRAME,  /* +-----+ */
    TD_ROW_HEADER, /* domain and region of what follows */
    TD_ROW_PART,   /* a partition or a container */
};

/*
 * What a line of text is; colours and whatever stands before the row are passed over. HEADER
 * fills in domain and region of *part, PART its name, address, size and container.
 */
enum td_row td_row_read(const char *text, size_t len, struct td_partition *part);

#endif
