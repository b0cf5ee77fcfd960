/* base/base64.c - see base64.h. */
#include "base/base64.h"

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
