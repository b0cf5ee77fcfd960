/* tools/base64.c - strict about everything but blanks. */
#include "tools/base64.h"

#include <string.h>

#include "base/base64.h"

void td_base64_encode(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i += 3) {
        uint8_t four[4];

        td_base64_group(bytes + i, len - i < 3 ? len - i : 3, four);
        memcpy(out, four, sizeof four);
        out += sizeof four;
    }
    *out = 0;
}

bool td_base64_decode(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len)
{
    uint32_t bits = 0;
    unsigned n_bits = 0, n_chars = 0, n_pad = 0;

    *len = 0;
    for (size_t i = 0; i < text_len; i++) {
        int value = td_base64_value((uint8_t)text[i]);

        if (text[i] == '\n' || text[i] == '\r' || text[i] == ' ' || text[i] == '\t')
            continue;
        n_chars++;
        if (text[i] == '=') {
            n_pad++;
            continue;
        }
        if (value < 0 || n_pad > 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
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
