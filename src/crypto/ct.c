/* crypto/ct.c - loops over volatile bytes, so that no compiler may shorten them. */
#include "crypto/ct.h"

#include <stdint.h>

bool td_ct_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t differs = 0;

    for (size_t i = 0; i < len; i++)
        differs = (uint8_t)(differs | (x[i] ^ y[i]));
    return differs == 0;
}

void td_wipe(void *p, size_t len)
{
    volatile uint8_t *byte = p;

    for (size_t i = 0; i < len; i++)
        byte[i] = 0;
}
