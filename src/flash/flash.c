/*
 * flash/flash.c - checks a range, adds the area's offset, and hands it to the driver.
 *
 * A driver only ever sees ranges that are inside the device and aligned.
 */
#include "flash/flash.h"

#include <string.h>

#include "base/range.h"

#define STEADY_PIECE 32u
#define ERASE_ALL_US 0xFFFFFFFFu /* a budget that no erase exceeds */

static bool is_multiple(const struct td_flash_dev *dev, uint32_t value)
{
    return (value & (uint32_t)(dev->write_size - 1u)) == 0; // a power of two, area_check says so
}

static bool is_write_size(uint32_t size)
{
    return size > 0 && size <= TD_FLASH_WRITE_MAX && (size & (size - 1u)) == 0;
}

/* The sector around a byte of the device; false when the byte is outside. */
static bool device_sector(const struct td_flash_dev *dev, uint32_t off, struct td_flash_sector *out)
{
    uint32_t base = 0;

    for (unsigned i = 0; i < dev->n_runs; i++) {
        uint32_t sector = dev->runs[i].sector_size;
        uint32_t span = dev->runs[i].count * sector;

        if (off - base < span) {
            out->off = base + td_round_down(off - base, sector);
            out->size = sector;
            return true;
        }
        base += span;
    }
    return false;
}

/* Whether a sector begins at off, which may also be the device's end. */
static bool is_boundary(const struct td_flash_dev *dev, uint32_t off)
{
    struct td_flash_sector s;

    return off == dev->size || (device_sector(dev, off, &s) && s.off == off);
}

static enum td_err check_device(const struct td_flash_dev *dev)
{
    uint32_t size = 0;

    if (!is_write_size(dev->write_size) || (dev->erased != 0xFF && dev->erased != 0))
        return TD_EARG;
    for (unsigned i = 0; i < dev->n_runs; i++) {
        uint32_t sector = dev->runs[i].sector_size, count = dev->runs[i].count;

        if (sector == 0 || !is_multiple(dev, sector) || count > UINT32_MAX / sector ||
            !td_add_u32(size, count * sector, &size))
            return TD_EARG;
    }
    return size > 0 && size == dev->size ? TD_OK : TD_EARG;
}

enum td_err td_flash_area_check(const struct td_flash_area *area)
{
    enum td_err err = check_device(area->dev);

    if (err != TD_OK)
        return err;
    if (area->size == 0 || !td_range_in(area->off, area->size, area->dev->size))
        return TD_EBOUNDS;
    if (!is_boundary(area->dev, area->off) || !is_boundary(area->dev, area->off + area->size))
        return TD_EALIGN;
    return TD_OK;
}

static bool is_inside(const struct td_flash_area *area, uint32_t off, size_t len)
{
    return len <= UINT32_MAX && td_range_in(off, (uint32_t)len, area->size);
}

enum td_err td_flash_read(const struct td_flash_area *area, uint32_t off, void *dst, size_t len)
{
    if (!is_inside(area, off, len))
        return TD_EBOUNDS;
    return len == 0 ? TD_OK : area->dev->ops->read(area->dev, area->off + off, dst, len);
}

/* One piece, of a size that may be held twice. */
static enum td_err read_piece(const struct td_flash_area *area, uint32_t off, uint8_t *dst,
                              size_t len, bool *steady)
{
    uint8_t again[STEADY_PIECE];
    enum td_err err = td_flash_read(area, off, dst, len);

    *steady = err == TD_OK;
    for (unsigned i = 1; i < TD_FLASH_READS && *steady; i++) {
        err = td_flash_read(area, off, again, len);
        *steady = err == TD_OK && memcmp(dst, again, len) == 0;
    }
    return err == TD_EECC ? TD_OK : err;
}

enum td_err td_flash_read_steady(const struct td_flash_area *area, uint32_t off, void *dst,
                                 size_t len, bool *steady)
{
    uint8_t *to = dst;
    enum td_err err = TD_OK;

    *steady = is_inside(area, off, len);
    if (!*steady)
        return TD_EBOUNDS;
    for (size_t at = 0; at < len && *steady; at += STEADY_PIECE) {
        size_t n = len - at < STEADY_PIECE ? len - at : STEADY_PIECE;

        err = read_piece(area, off + (uint32_t)at, to + at, n, steady);
    }
    return err;
}

enum td_err td_flash_write(const struct td_flash_area *area, uint32_t off, const void *src,
                           size_t len)
{
    if (!is_inside(area, off, len))
        return TD_EBOUNDS;
    if (!is_multiple(area->dev, off) || !is_multiple(area->dev, (uint32_t)len))
        return TD_EALIGN;
    return len == 0 ? TD_OK : area->dev->ops->write(area->dev, area->off + off, src, len);
}

enum td_err td_flash_erase_begin(struct td_flash_job *job, const struct td_flash_area *area,
                                 uint32_t off, uint32_t len)
{
    if (!td_range_in(off, len, area->size))
        return TD_EBOUNDS;
    if (!is_boundary(area->dev, area->off + off) || !is_boundary(area->dev, area->off + off + len))
        return TD_EALIGN;
    *job = (struct td_flash_job){ .area = area, .next = off, .end = off + len };
    return TD_OK;
}

enum td_err td_flash_erase_step(struct td_flash_job *job, uint32_t budget_us, bool *done)
{
    const struct td_flash_dev *dev = job->area->dev;
    struct td_flash_sector sector;
    bool blank = false;
    enum td_err err;

    *done = job->next >= job->end;
    if (*done)
        return TD_OK;
    err = td_flash_sector_at(job->area, job->next, &sector);
    if (err == TD_OK && !job->begun) {
        err = dev->ops->erase_begin(dev, job->area->off + sector.off, sector.size);
        job->begun = err == TD_OK;
    }
    if (err == TD_OK)
        err = dev->ops->erase_step(dev, budget_us, &blank);
    if (err != TD_OK) {
        job->next = job->end;
        return err;
    }
    if (blank) {
        job->next += sector.size;
        job->begun = false;
        *done = job->next >= job->end;
    }
    return TD_OK;
}

enum td_err td_flash_erase(const struct td_flash_area *area, uint32_t off, uint32_t len)
{
    struct td_flash_job job;
    bool done = false;
    enum td_err err = td_flash_erase_begin(&job, area, off, len);

    while (err == TD_OK && !done)
        err = td_flash_erase_step(&job, ERASE_ALL_US, &done);
    return err;
}

enum td_err td_flash_erase_backwards(const struct td_flash_area *area, uint32_t off, uint32_t len)
{
    struct td_flash_job whole;
    struct td_flash_sector sector;
    uint32_t end = off + len;
    enum td_err err = td_flash_erase_begin(&whole, area, off, len);

    while (err == TD_OK && end > off) {
        err = td_flash_sector_at(area, end - 1, &sector);
        if (err == TD_OK)
            err = td_flash_erase(area, sector.off, sector.size);
        end = sector.off;
    }
    return err;
}

enum td_err td_flash_sector_at(const struct td_flash_area *area, uint32_t off,
                               struct td_flash_sector *out)
{
    if (off >= area->size || !device_sector(area->dev, area->off + off, out))
        return TD_EBOUNDS;
    out->off -= area->off;
    return TD_OK;
}

/* How many sectors of run i lie in the area, and where in the device the first of them begins. */
static uint32_t sectors_of_run(const struct td_flash_area *area, unsigned i, uint32_t base,
                               uint32_t *first)
{
    uint32_t sector = area->dev->runs[i].sector_size;
    uint32_t end = td_min_u32(area->off + area->size, base + area->dev->runs[i].count * sector);

    *first = td_max_u32(area->off, base);
    return end > *first ? (end - *first) / sector : 0;
}

uint32_t td_flash_sector_count(const struct td_flash_area *area)
{
    uint32_t base = 0, count = 0, first;

    for (unsigned i = 0; i < area->dev->n_runs; i++) {
        count += sectors_of_run(area, i, base, &first);
        base += area->dev->runs[i].count * area->dev->runs[i].sector_size;
    }
    return count;
}

enum td_err td_flash_sector_nth(const struct td_flash_area *area, uint32_t n,
                                struct td_flash_sector *out)
{
    uint32_t base = 0, first;

    for (unsigned i = 0; i < area->dev->n_runs; i++) {
        const struct td_flash_run *run = &area->dev->runs[i];
        uint32_t here = sectors_of_run(area, i, base, &first);

        if (n < here) {
            out->off = first + n * run->sector_size - area->off;
            out->size = run->sector_size;
            return TD_OK;
        }
        n -= here;
        base += run->count * run->sector_size;
    }
    return TD_EBOUNDS;
}

static bool all_equal(const uint8_t *p, size_t len, uint8_t value)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != value)
            return false;
    }
    return true;
}

enum td_err td_flash_is_blank(const struct td_flash_area *area, uint32_t off, uint32_t len,
                              bool *blank)
{
    uint8_t buf[64];

    *blank = false;
    if (!td_range_in(off, len, area->size))
        return TD_EBOUNDS;
    while (len > 0) {
        uint32_t n = td_min_u32(len, sizeof buf);
        enum td_err err = td_flash_read(area, off, buf, n);

        if (err != TD_OK)
            return err == TD_EECC ? TD_OK : err;
        if (!all_equal(buf, n, area->dev->erased))
            return TD_OK;
        off += n;
        len -= n;
    }
    *blank = true;
    return TD_OK;
}

static enum td_err read_area(const void *ctx, uint32_t off, void *dst, size_t len)
{
    return td_flash_read(ctx, off, dst, len);
}

struct td_source td_flash_source(const struct td_flash_area *area)
{
    return (struct td_source){ .read = read_area, .ctx = area, .size = area->size };
}
