/*
 * layout/text.h - a text that grows as it is written; what this room draws and prints goes there.
 */
#ifndef TD_LAYOUT_TEXT_H
#define TD_LAYOUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct td_text {
    char *at; /* ended by 0; NULL while it is empty. free() it */
    size_t len, cap;
    bool failed; /* no memory: what is there is not all */
};

void td_text_printf(struct td_text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void td_text_fill(struct td_text *text, char c, size_t n);

#endif
