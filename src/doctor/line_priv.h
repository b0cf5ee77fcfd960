/* doctor/line_priv.h - what is no text in a line: colours, control characters, blanks at its end. */
#ifndef TD_DOCTOR_LINE_PRIV_H
#define TD_DOCTOR_LINE_PRIV_H

#include <stddef.h>

/*
 * Copies what is text to out, which has room for len + 1, and ends it by 0; its length. Colour
 * sequences that lost their escape character on the way are left out as well; &lt; and the other
 * entities of web pages are the characters that they stand for.
 */
size_t td_line_clean(const char *bytes, size_t len, char *out);

#endif
