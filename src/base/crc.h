/* base/crc.h - the two checksums that our formats use. */
#ifndef TD_BASE_CRC_H
#define TD_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-16/XMODEM (polynomial 0x1021, not reflected), as SMP's console framing has it. Begin
 * with 0, hand the result in again for the next piece. "123456789" gives 0x31C3.
 */
uint16_t td_crc16(uint16_t crc, const void *data, size_t len);

/*
 * CRC-32 of IEEE 802.3 (reflected, polynomial 0xEDB88320). Begin with 0, hand the result in
 * again for the next piece. "123456789" gives 0xCBF43926.
 */
uint32_t td_crc32(uint32_t crc, const void *data, size_t len);

#endif
