/* tools/memory.c - segments in ascending order; whoever reads a hole reads erased bytes. */
#include "tools/memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/range.h"

bool td_memory_of_bytes(struct td_memory *m, const uint8_t *bytes, uint32_t len, uint32_t base)
{
    memset(m, 0, sizeof *m);
    m->erased = 0xff;
    if (len == 0 || base > UINT32_MAX - len)
        return false;
    m->at = malloc(sizeof *m->at);
    if (m->at == NULL)
        return false;
    m->at[0] = (struct td_segment){ base, len, bytes };
    m->n = 1;
    return true;
}

void td_memory_free(struct td_memory *m)
{
    free(m->at);
    free(m->heap);
    m->at = NULL;
    m->heap = NULL;
    m->n = 0;
}

uint32_t td_memory_low(const struct td_memory *m)
{
    return m->n == 0 ? 0 : m->at[0].addr;
}

uint64_t td_memory_end(const struct td_memory *m)
{
    return m->n == 0 ? 0 : (uint64_t)m->at[m->n - 1].addr + m->at[m->n - 1].len;
}

/* The first segment that ends behind addr; n when there is none. */
static size_t segment_from(const struct td_memory *m, uint32_t addr)
{
    size_t low = 0, high = m->n;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if ((uint64_t)m->at[mid].addr + m->at[mid].len <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void td_memory_read(const struct td_memory *m, uint32_t addr, void *dst, size_t len)
{
    uint64_t end = (uint64_t)addr + len;
    uint8_t *out = dst;

    memset(out, m->erased, len);
    for (size_t i = segment_from(m, addr); i < m->n && m->at[i].addr < end; i++) {
        const struct td_segment *s = &m->at[i];
        uint64_t from = s->addr > addr ? s->addr : addr;
        uint64_t to = (uint64_t)s->addr + s->len < end ? (uint64_t)s->addr + s->len : end;

        memcpy(out + (from - addr), s->bytes + (from - s->addr), (size_t)(to - from));
    }
}

bool td_memory_has(const struct td_memory *m, uint32_t addr, uint32_t len)
{
    size_t i = segment_from(m, addr);

    return i < m->n && m->at[i].addr < (uint64_t)addr + len;
}

bool td_memory_is_blank(const struct td_memory *m, uint32_t addr, uint32_t len)
{
    uint64_t end = (uint64_t)addr + len;

    for (size_t i = segment_from(m, addr); i < m->n && m->at[i].addr < end; i++) {
        const struct td_segment *s = &m->at[i];
        uint64_t from = s->addr > addr ? s->addr : addr;
        uint64_t to = (uint64_t)s->addr + s->len < end ? (uint64_t)s->addr + s->len : end;

        for (; from < to; from++)
            if (s->bytes[from - s->addr] != m->erased)
                return false;
    }
    return true;
}

static enum td_err source_read(const void *ctx, uint32_t off, void *dst, size_t len)
{
    const struct td_window *w = ctx;

    td_memory_read(w->memory, w->addr + off, dst, len);
    return TD_OK;
}

struct td_source td_window_source(struct td_window *w, const struct td_memory *m, uint32_t addr,
                                  uint32_t size)
{
    w->memory = m;
    w->addr = addr;
    return (struct td_source){ source_read, w, size };
}

static enum td_err flash_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    return source_read(dev->ctx, off, dst, len);
}

static enum td_err no_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                            size_t len)
{
    (void)dev, (void)off, (void)src, (void)len;
    return TD_EFLASH;
}

static enum td_err no_erase(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    (void)dev, (void)off, (void)len;
    return TD_EFLASH;
}

static enum td_err no_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    (void)dev, (void)budget_us;
    *done = true;
    return TD_EFLASH;
}

static const struct td_flash_ops read_only = { flash_read, no_write, no_erase, no_step };

bool td_window_flash(struct td_window *w, const struct td_memory *m, uint32_t addr, uint32_t size,
                     uint32_t sector, uint16_t write_size)
{
    if (sector == 0 || size == 0 || size % sector != 0 || size / sector > UINT16_MAX)
        return false;
    w->memory = m;
    w->addr = addr;
    w->run = (struct td_flash_run){ (uint16_t)(size / sector), sector };
    w->dev = (struct td_flash_dev){
        .ops = &read_only,
        .ctx = w,
        .runs = &w->run,
        .n_runs = 1,
        .erased = m->erased,
        .write_size = write_size,
        .size = size,
    };
    w->area = (struct td_flash_area){ &w->dev, 0, size };
    return td_flash_area_check(&w->area) == TD_OK;
}
