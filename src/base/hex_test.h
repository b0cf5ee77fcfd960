/* base/hex_test.h - bytes in a test, as people write them: lower-case hex with blanks anywhere. */
#ifndef TD_BASE_HEX_TEST_H
#define TD_BASE_HEX_TEST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Into out, which has room for them all; how many they are. */
static inline size_t from_hex(const char *hex, uint8_t *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;

    for (const char *p = hex; *p != 0; p++) {
        if (*p == ' ')
            continue;
        out[n++] =
            (uint8_t)((strchr(digits, p[0]) - digits) << 4 | (strchr(digits, p[1]) - digits));
        p++;
    }
    return n;
}

#endif
