/* tools/prose.h - paragraphs for people, wrapped to the width of their terminal. */
#ifndef TD_TOOLS_PROSE_H
#define TD_TOOLS_PROSE_H

#include <stddef.h>
#include <stdio.h>

/* Columns of the terminal behind a stream, 60 to 110; 80 when it is none. */
size_t td_prose_width(FILE *out);

/*
 * Writes label, then text in lines of at most width columns that begin at column indent; label
 * stands in front of the first. A line end in text ends a line, an empty line stays one. Ends
 * with a line end. A word longer than a line is not broken.
 */
void td_prose(FILE *out, const char *label, size_t indent, size_t width, const char *text);

/* How many columns text takes: characters of UTF-8, all of them one column wide; colours none. */
size_t td_prose_columns(const char *text);

/* The bytes of text that fit into so many columns. */
size_t td_prose_fit(const char *text, size_t columns);

#endif
