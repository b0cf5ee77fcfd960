/*
 * base/bytes.h - loads and stores of a format's integers at any address.
 *
 * Formats are read with these at named offsets, never by laying a struct over a buffer.
 */
#ifndef TD_BASE_BYTES_H
#define TD_BASE_BYTES_H

#include <stdint.h>

static inline uint16_t td_load_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (unsigned)p[1] << 8);
}

static inline uint32_t td_load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint16_t td_load_be16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t td_load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline uint64_t td_load_be64(const uint8_t *p)
{
    return (uint64_t)td_load_be32(p) << 32 | td_load_be32(p + 4);
}

static inline void td_store_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void td_store_le32(uint8_t *p, uint32_t v)
{
    td_store_le16(p, (uint16_t)v);
    td_store_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void td_store_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void td_store_be32(uint8_t *p, uint32_t v)
{
    td_store_be16(p, (uint16_t)(v >> 16));
    td_store_be16(p + 2, (uint16_t)v);
}

static inline void td_store_be64(uint8_t *p, uint64_t v)
{
    td_store_be32(p, (uint32_t)(v >> 32));
    td_store_be32(p + 4, (uint32_t)v);
}

#endif
