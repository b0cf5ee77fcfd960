/*
 * flash/shaky_test.h - a flash for fuzzers, whose bytes anybody may have written and one of which
 * is unstable.
 *
 * It has SECTORS sectors of SECTOR bytes, which the includer defines. Whoever reads or writes
 * outside of it, programs what does not read blank, or erases anything but a sector, is stopped.
 */
#ifndef TD_FLASH_SHAKY_TEST_H
#define TD_FLASH_SHAKY_TEST_H

#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "flash/flash.h"

static const struct td_flash_run runs[] = { { SECTORS, SECTOR } };

struct fuzz_flash {
    uint8_t bytes[SECTOR * SECTORS];
    uint8_t erased;
    uint32_t shaky; /* this byte reads differently each time, until its sector is erased */
    uint8_t noise;
    uint32_t erasing;
};

static void check(bool truth)
{
    if (!truth)
        abort();
}

static enum td_err fuzz_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    struct fuzz_flash *f = dev->ctx;

    check(td_range_in(off, (uint32_t)len, sizeof f->bytes));
    if (len > 0)
        memcpy(dst, f->bytes + off, len);
    if (td_range_overlap(off, (uint32_t)len, f->shaky, 1))
        ((uint8_t *)dst)[f->shaky - off] ^= f->noise++;
    return TD_OK;
}

/* What reads blank may be written, and nothing else is. */
static enum td_err fuzz_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                              size_t len)
{
    struct fuzz_flash *f = dev->ctx;

    check(td_range_in(off, (uint32_t)len, sizeof f->bytes));
    for (size_t i = 0; i < len; i++)
        check(f->bytes[off + i] == f->erased);
    check(!td_range_overlap(off, (uint32_t)len, f->shaky, 1));
    memcpy(f->bytes + off, src, len);
    return TD_OK;
}

static enum td_err fuzz_erase_begin(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    struct fuzz_flash *f = dev->ctx;

    check(off % SECTOR == 0 && len == SECTOR);
    f->erasing = off;
    return TD_OK;
}

static enum td_err fuzz_erase_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    struct fuzz_flash *f = dev->ctx;

    (void)budget_us;
    memset(f->bytes + f->erasing, f->erased, SECTOR);
    if (td_range_overlap(f->erasing, SECTOR, f->shaky, 1))
        f->shaky = UINT32_MAX;
    *done = true;
    return TD_OK;
}

static const struct td_flash_ops ops = { fuzz_read, fuzz_write, fuzz_erase_begin, fuzz_erase_step };

#endif
