/* base/range.h - arithmetic on offsets and lengths that cannot overflow. */
#ifndef TD_BASE_RANGE_H
#define TD_BASE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#define TD_N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Whether [off, off + len) lies inside [0, size). An empty range at size does. */
static inline bool td_range_in(uint32_t off, uint32_t len, uint32_t size)
{
    return off <= size && len <= size - off;
}

/* Whether [a, a + a_len) and [b, b + b_len) share a byte; neither wraps. */
static inline bool td_range_overlap(uint32_t a, uint32_t a_len, uint32_t b, uint32_t b_len)
{
    return a_len > 0 && b_len > 0 && (a < b ? b - a < a_len : a - b < b_len);
}

static inline uint32_t td_min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t td_max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Rounds to a multiple of unit, which is not 0; the result of rounding up fits by contract. */
static inline uint32_t td_round_down(uint32_t value, uint32_t unit)
{
    return value - value % unit;
}

static inline uint32_t td_round_up(uint32_t value, uint32_t unit)
{
    uint32_t over = value % unit;

    return over == 0 ? value : value + (unit - over);
}

/* a + b into *sum; false, and *sum untouched, when that does not fit. */
static inline bool td_add_u32(uint32_t a, uint32_t b, uint32_t *sum)
{
    if (a > UINT32_MAX - b)
        return false;
    *sum = a + b;
    return true;
}

#endif
