/* base/hex.h - bytes as pairs of hex digits, and back. */
#ifndef TD_BASE_HEX_H
#define TD_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hex of len bytes into out (2 * len + 1). Lower case. */
void td_hex(const uint8_t *bytes, size_t len, char *out);

/* The value of a hex digit, lower or upper case; -1 for any other character. */
int td_hex_digit(char c);

/* Hex to bytes; false when it is not hex, has an odd length, or exceeds cap. */
bool td_unhex(const char *text, uint8_t *out, size_t cap, size_t *len);

#endif
