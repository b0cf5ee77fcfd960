/* patch/sink_test.h - a sink in memory that insists on manners; for tests and fuzzers. */
#ifndef TD_PATCH_SINK_TEST_H
#define TD_PATCH_SINK_TEST_H

#include <stdlib.h>
#include <string.h>

#include "patch/lzma2.h"

struct memory_sink {
    uint8_t *bytes;
    uint32_t cap;
    uint32_t len;     /* written so far */
    uint32_t reads;   /* bytes that were read back */
    uint32_t fail_at; /* the write that reaches this far fails; 0: none */
};

static enum td_err memory_sink_write(void *ctx, uint32_t off, const uint8_t *bytes, size_t len)
{
    struct memory_sink *m = ctx;

    if (off != m->len || len == 0 || len > m->cap - m->len)
        abort();
    if (m->fail_at != 0 && m->len + len >= m->fail_at)
        return TD_EFLASH;
    memcpy(m->bytes + off, bytes, len);
    m->len += (uint32_t)len;
    return TD_OK;
}

static enum td_err memory_sink_read(void *ctx, uint32_t off, uint8_t *bytes, size_t len)
{
    struct memory_sink *m = ctx;

    if (len == 0 || off > m->len || len > m->len - off)
        abort();
    memcpy(bytes, m->bytes + off, len);
    m->reads += (uint32_t)len;
    return TD_OK;
}

static inline enum td_err memory_sink_decode(struct memory_sink *m, const uint8_t *stream,
                                             uint32_t len, uint32_t out_len, bool thumb)
{
    const struct td_patch_sink sink = { memory_sink_write, memory_sink_read, m };
    struct td_source src = td_source_memory(stream, len);
    struct td_lzma2_work *work = malloc(sizeof *work);
    enum td_err err;

    if (work == NULL)
        abort();
    m->len = m->reads = 0;
    err = td_patch_lzma2.decode(&src, 0, len, out_len, thumb, &sink, work);
    free(work);
    return err;
}

#endif
