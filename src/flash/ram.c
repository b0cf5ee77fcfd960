/* flash/ram.c - memory that behaves like flash. */
#include "flash/ram.h"

#include <string.h>

static enum td_err ram_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    const struct td_flash_ram *ram = dev->ctx;

    memcpy(dst, ram->bytes + off, len);
    return TD_OK;
}

static enum td_err ram_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                             size_t len)
{
    struct td_flash_ram *ram = dev->ctx;

    memcpy(ram->bytes + off, src, len);
    return TD_OK;
}

static enum td_err ram_erase_begin(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    struct td_flash_ram *ram = dev->ctx;

    memset(ram->bytes + off, dev->erased, len);
    return TD_OK;
}

static enum td_err ram_erase_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    (void)dev;
    (void)budget_us;
    *done = true;
    return TD_OK;
}

static const struct td_flash_ops ops = {
    .read = ram_read,
    .write = ram_write,
    .erase_begin = ram_erase_begin,
    .erase_step = ram_erase_step,
};

void td_flash_ram_init(struct td_flash_ram *ram, uint8_t *bytes, uint16_t count,
                       uint32_t sector_size, uint16_t write_size)
{
    *ram = (struct td_flash_ram){ .run = { .count = count, .sector_size = sector_size },
                                  .bytes = bytes };
    ram->dev = (struct td_flash_dev){
        .ops = &ops,
        .ctx = ram,
        .runs = &ram->run,
        .n_runs = 1,
        .erased = 0xff,
        .write_size = write_size,
        .size = count * sector_size,
    };
    memset(bytes, 0xff, ram->dev.size);
}
