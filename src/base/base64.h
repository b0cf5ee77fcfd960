/* base/base64.h - bytes as text after RFC 4648, with padding. */
#ifndef TD_BASE_BASE64_H
#define TD_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first n bytes of in, 1 to 3, as four characters; fewer than three are padded with '='. */
void td_base64_group(const uint8_t *in, size_t n, uint8_t out[4]);

/* The six bits of a character; -1 for any that is not of the alphabet, '=' among them. */
int td_base64_value(uint8_t c);

/* The size of len bytes as text, the closing 0 included. */
#define TD_BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

/* out has room for TD_BASE64_SIZE(len), the closing 0 included. */
void td_base64_encode(const uint8_t *bytes, size_t len, char *out);

/* Blanks and line ends are skipped. false: not base64, or more than cap bytes. */
bool td_base64_decode(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len);

#endif
