/*
 * layout/svg.h - a layout as a picture: each memory a column, addresses beside it, colours by
 * what a partition is for. Two layouts stand side by side on one scale, tied where they agree.
 */
#ifndef TD_LAYOUT_SVG_H
#define TD_LAYOUT_SVG_H

#include "layout/check.h"
#include "layout/text.h"

struct td_svg_side {
    const struct td_layout *layout;
    const char *title;                     /* over its columns */
    const struct td_layout_issues *issues; /* what has an error is framed; NULL: nothing is */
};

/* sides: 1 or 2. The same layouts give the same bytes. Something is drawn of any layout. */
void td_layout_svg(const struct td_svg_side *sides, size_t n, struct td_text *out);

#endif
