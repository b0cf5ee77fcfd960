/* tools/base64.h - signatures in and out as text (RFC 4648, with padding). */
#ifndef TD_TOOLS_BASE64_H
#define TD_TOOLS_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TD_BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

/* out has room for TD_BASE64_SIZE(len), the closing 0 included. */
void td_base64_encode(const uint8_t *bytes, size_t len, char *out);

/* Blanks and line ends are skipped. false: not base64, or more than cap bytes. */
bool td_base64_decode(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len);

#endif
