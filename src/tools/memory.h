/*
 * tools/memory.h - bytes at addresses, with holes: what a hex file or a flash dump holds.
 *
 * What the file does not hold reads as the erased value, as after programming it into an empty
 * flash; td_memory_has tells the difference.
 */
#ifndef TD_TOOLS_MEMORY_H
#define TD_TOOLS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/source.h"
#include "flash/flash.h"
#include "tools/file.h"

struct td_segment {
    uint32_t addr;
    uint32_t len; /* 1 or more; addr + len fits in 32 bits */
    const uint8_t *bytes;
};

struct td_memory {
    struct td_segment *at; /* ascending, without overlap */
    size_t n;
    uint8_t erased; /* what an erased byte reads: 0xFF unless the dump's blanks are 0x00 */
    bool
        has_addresses; /* of a hex file, or given; else the first byte is at 0 because none is known */
    uint8_t *heap;     /* the bytes, when they are its own */
};

/* One segment over bytes that stay the caller's. false: no memory, or base + len does not fit. */
bool td_memory_of_bytes(struct td_memory *m, const uint8_t *bytes, uint32_t len, uint32_t base);

/*
 * The text of an Intel hex file. Holes of less than 64 bytes, as linkers leave them to align
 * something, are filled. false and *error when it is none; td_memory_free in any case.
 */
bool td_memory_of_hex(struct td_memory *m, const char *text, size_t len,
                      struct td_hex_error *error);

void td_memory_free(struct td_memory *m);

uint32_t td_memory_low(const struct td_memory *m);
uint64_t td_memory_end(const struct td_memory *m); /* behind the last byte */

/* Copies len bytes at addr; what is not there is erased. */
void td_memory_read(const struct td_memory *m, uint32_t addr, void *dst, size_t len);

/* Whether at least one byte of [addr, addr + len) is there. */
bool td_memory_has(const struct td_memory *m, uint32_t addr, uint32_t len);

/* Whether all of [addr, addr + len) reads erased. */
bool td_memory_is_blank(const struct td_memory *m, uint32_t addr, uint32_t len);

/* A piece of the memory as a source or as flash; offset 0 is addr. memory outlives it. */
struct td_window {
    const struct td_memory *memory;
    uint32_t addr;
    struct td_flash_run run;
    struct td_flash_dev dev;
    struct td_flash_area area;
};

struct td_source td_window_source(struct td_window *w, const struct td_memory *m, uint32_t addr,
                                  uint32_t size);

/* Flash of equal sectors that can only be read; false when the sizes make no flash. */
bool td_window_flash(struct td_window *w, const struct td_memory *m, uint32_t addr, uint32_t size,
                     uint32_t sector, uint16_t write_size);

#endif
