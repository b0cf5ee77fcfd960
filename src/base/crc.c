/* base/crc.c - bit by bit: small, and never the bottleneck beside flash and radio. */
#include "base/crc.h"

uint16_t td_crc16(uint16_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ (unsigned)p[i] << 8);
        for (int bit = 0; bit < 8; bit++) {
            unsigned carry = crc & 0x8000u;

            crc = (uint16_t)((unsigned)crc << 1 ^ (carry ? 0x1021u : 0u));
        }
    }
    return crc;
}

uint32_t td_crc32(uint32_t crc, const void *data, size_t len)
{
    const uint8_t *p = data;

    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1u ? 0xEDB88320u : 0u);
    }
    return ~crc;
}
