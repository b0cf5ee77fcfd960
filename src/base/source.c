#include "base/source.h"

#include <string.h>

#include "base/range.h"

enum td_err td_source_read(const struct td_source *src, uint32_t off, void *dst, size_t len)
{
    if (len > UINT32_MAX || !td_range_in(off, (uint32_t)len, src->size))
        return TD_ETRUNC;
    return src->read(src->ctx, off, dst, len);
}

static enum td_err read_memory(const void *ctx, uint32_t off, void *dst, size_t len)
{
    if (len > 0)
        memcpy(dst, (const uint8_t *)ctx + off, len);
    return TD_OK;
}

struct td_source td_source_memory(const void *bytes, uint32_t size)
{
    return (struct td_source){ .read = read_memory, .ctx = bytes, .size = size };
}
