/* keys/point_fuzz.c - any bytes where a signature in DER should be. */
#include <stdlib.h>
#include <string.h>

#include "keys/point.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Written again as DER wants it, the numbers give the same bytes: no two forms are taken. */
static size_t put_integer(uint8_t *out, const uint8_t value[32])
{
    size_t skip = 0, len = 0;

    while (skip < 31 && value[skip] == 0)
        skip++;
    out[len++] = 2;
    out[len++] = (uint8_t)(32 - skip + (value[skip] >> 7));
    if ((value[skip] & 0x80) != 0)
        out[len++] = 0;
    memcpy(out + len, value + skip, 32 - skip);
    return len + 32 - skip;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + (size == 0)); // of exactly this length, so that ASan sees
    uint8_t rs[64], again[72] = { 0x30 };
    size_t len = 2;

    if (bytes == NULL)
        abort();
    if (size > 0)
        memcpy(bytes, data, size);
    if (td_rs_of_der(bytes, size, rs) == TD_OK) {
        len += put_integer(again + len, rs);
        len += put_integer(again + len, rs + 32);
        again[1] = (uint8_t)(len - 2);
        if (len != size || memcmp(again, bytes, len) != 0)
            abort();
    }
    free(bytes);
    return 0;
}
