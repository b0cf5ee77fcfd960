/* patch/thumb.c - calls in Thumb code, from a place to a distance and back. */
#include "patch/thumb_priv.h"

static bool is_pair(const uint8_t *at)
{
    return td_thumb_is_first(at) && (at[3] & 0xf8) == 0xf8;
}

static uint32_t get(const uint8_t *at)
{
    return (uint32_t)(at[1] & 7) << 19 | (uint32_t)at[0] << 11 | (uint32_t)(at[3] & 7) << 8 | at[2];
}

static void put(uint8_t *at, uint32_t value)
{
    at[1] = (uint8_t)(0xf0 | (value >> 19 & 7));
    at[0] = (uint8_t)(value >> 11);
    at[3] = (uint8_t)(0xf8 | (value >> 8 & 7));
    at[2] = (uint8_t)value;
}

// Both count half-words; the processor's PC is four bytes ahead.
void td_thumb_undo(uint8_t *bytes, size_t len, uint32_t off)
{
    for (size_t i = 0; i + 4 <= len; i += 2)
        if (is_pair(bytes + i))
            put(bytes + i, get(bytes + i) - ((off + (uint32_t)i + 4) >> 1));
}

void td_thumb_redo(uint8_t *bytes, size_t len, uint32_t off)
{
    for (size_t i = 0; i + 4 <= len; i += 2)
        if (is_pair(bytes + i))
            put(bytes + i, get(bytes + i) + ((off + (uint32_t)i + 4) >> 1));
}
