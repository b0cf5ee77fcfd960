/* base/base64.c - see base64.h. */
#include "base/base64.h"

#include <string.h>

void td_base64_group(const uint8_t *in, size_t n, uint8_t out[4])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits =
        (uint32_t)in[0] << 16 | (uint32_t)(n > 1 ? in[1] : 0) << 8 | (n > 2 ? in[2] : 0);

    out[0] = (uint8_t)letters[bits >> 18];
    out[1] = (uint8_t)letters[bits >> 12 & 63];
    out[2] = n > 1 ? (uint8_t)letters[bits >> 6 & 63] : '=';
    out[3] = n > 2 ? (uint8_t)letters[bits & 63] : '=';
}

int td_base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

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
