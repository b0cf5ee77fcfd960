/* base/base64.h - the alphabet of RFC 4648, one group of four characters at a time. */
#ifndef TD_BASE_BASE64_H
#define TD_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* The first n bytes of in, 1 to 3, as four characters; fewer than three are padded with '='. */
void td_base64_group(const uint8_t *in, size_t n, uint8_t out[4]);

/* The six bits of a character; -1 for any that is not of the alphabet, '=' among them. */
int td_base64_value(uint8_t c);

#endif
