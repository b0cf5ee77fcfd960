/*
 * doctor/hexes.h - bytes in the many dresses in which logs and people write hex.
 *
 * 01-00-00, 01:00, 01 00, 0x01, 0x00, {0x01,0x00}, \x01\x00, 01000019, 0100 0019, and lines of
 * hexdump -C, xxd and their kin with an offset in front and characters behind.
 */
#ifndef TD_DOCTOR_HEXES_H
#define TD_DOCTOR_HEXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The bytes that stand at text, up to cap of them; *end is where they stop. "0x" and "(0x)" may
 * stand in front.
 */
size_t td_hexes_at(const char *text, uint8_t *out, size_t cap, const char **end);

/*
 * The next run of at least min bytes in text that begins at a word's start; 0: there is none.
 * *end is behind it.
 */
size_t td_hexes_find(const char *text, size_t min, uint8_t *out, size_t cap, const char **start,
                     const char **end);

/* A line of a hex dump: its offset and up to 32 bytes. */
bool td_hexes_dump(const char *text, uint32_t *offset, uint8_t out[32], size_t *len);

/*
 * Python's b'...' at text, with characters and escapes mixed. *end is behind the closing quote, or
 * where the line ends without one. 0: there is none.
 */
size_t td_hexes_python(const char *text, uint8_t *out, size_t cap, const char **end);

#endif
