/* tools/base64.c - RFC 4648, strict about everything but blanks. */
#include "tools/base64.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void td_base64_encode(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;

        if (i + 1 < len)
            three |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < len)
            three |= bytes[i + 2];
        *out++ = letters[three >> 18];
        *out++ = letters[three >> 12 & 63];
        *out++ = i + 1 < len ? letters[three >> 6 & 63] : '=';
        *out++ = i + 2 < len ? letters[three & 63] : '=';
    }
    *out = 0;
}

bool td_base64_decode(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len)
{
    uint32_t bits = 0;
    unsigned n_bits = 0, n_chars = 0, n_pad = 0;

    *len = 0;
    for (size_t i = 0; i < text_len; i++) {
        const char *at;

        if (text[i] == '\n' || text[i] == '\r' || text[i] == ' ' || text[i] == '\t')
            continue;
        n_chars++;
        if (text[i] == '=') {
            n_pad++;
            continue;
        }
        at = text[i] != 0 ? strchr(letters, text[i]) : NULL;
        if (at == NULL || n_pad > 0)
            return false;
        bits = bits << 6 | (uint32_t)(at - letters);
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        if (*len == cap)
            return false;
        out[(*len)++] = (uint8_t)(bits >> n_bits);
        bits &= (1u << n_bits) - 1;
    }
    return n_chars % 4 == 0 && n_pad <= 2 && bits == 0;
}
