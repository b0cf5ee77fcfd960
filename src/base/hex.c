/* base/hex.c - see hex.h. */
#include "base/hex.h"

void td_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

int td_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool td_unhex(const char *text, uint8_t *out, size_t cap, size_t *len)
{
    size_t n = 0;

    for (; text[2 * n] != '\0'; n++) {
        int high = td_hex_digit(text[2 * n]), low = td_hex_digit(text[2 * n + 1]);

        // An odd digit at the end has the closing 0 for its second one.
        if (n == cap || high < 0 || low < 0)
            return false;
        out[n] = (uint8_t)(high << 4 | low);
    }
    *len = n;
    return true;
}
