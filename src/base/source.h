/*
 * base/source.h - bytes that can be read at any offset: a flash area, a file, memory.
 *
 * Parsers take a source, so that the bootloader (flash), the signer (memory) and the client
 * (a file) run the same code. The source's context belongs to the caller and outlives it.
 */
#ifndef TD_BASE_SOURCE_H
#define TD_BASE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct td_source {
    /* Copies len bytes from off; the range lies inside size. TD_OK, TD_EREAD or TD_EFLASH. */
    enum td_err (*read)(const void *ctx, uint32_t off, void *dst, size_t len);
    const void *ctx;
    uint32_t size; /* bytes that can be read, counted from offset 0 */
};

/* Reads len bytes at off. TD_ETRUNC when the range leaves the source; dst is then untouched. */
enum td_err td_source_read(const struct td_source *src, uint32_t off, void *dst, size_t len);

/* A source over memory. The bytes stay the caller's and outlive the source. */
struct td_source td_source_memory(const void *bytes, uint32_t size);

#endif
