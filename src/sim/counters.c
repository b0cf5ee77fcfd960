/* sim/counters.c - counters as cells that are only ever added. */
#include "sim/counters.h"

#include "base/bytes.h"

#define CELL 16u
#define SEAL 0x5aa5c33cu

struct cell {
    bool blank;
    bool counts;
    uint32_t value, image;
};

static enum td_err read_cell(const struct td_flash_area *area, uint32_t off, struct cell *cell)
{
    uint8_t b[CELL];
    bool steady = true;
    enum td_err err = td_flash_read_steady(area, off, b, CELL, &steady);

    if (err != TD_OK)
        return err;
    cell->blank = steady;
    for (uint32_t i = 0; i < CELL; i++)
        cell->blank &= b[i] == area->dev->erased;
    cell->value = td_load_le32(b);
    cell->image = td_load_le32(b + 8);
    cell->counts = steady && td_load_le32(b + 4) == ~cell->value &&
                   td_load_le32(b + 12) == (cell->value ^ cell->image ^ SEAL);
    return TD_OK;
}

/* The counter, and where the next cell goes; the area's size when none is left. */
static enum td_err look(const struct td_flash_area *area, uint8_t image, uint32_t *value,
                        uint32_t *free)
{
    struct cell cell;
    enum td_err err;

    *value = 0;
    for (*free = 0; *free + CELL <= area->size; *free += CELL) {
        err = read_cell(area, *free, &cell);
        if (err != TD_OK)
            return err;
        if (cell.blank)
            return TD_OK;
        if (cell.counts && cell.image == image && cell.value > *value)
            *value = cell.value;
    }
    *free = area->size;
    return TD_OK;
}

static enum td_err counter_read(void *ctx, uint8_t image, uint32_t *value)
{
    uint32_t free;

    return look(ctx, image, value, &free);
}

static bool counter_can_rise(void *ctx, uint8_t image, uint32_t value)
{
    const struct td_flash_area *area = ctx;
    uint32_t now, free;

    return look(area, image, &now, &free) == TD_OK && value > now && free < area->size;
}

static enum td_err counter_rise(void *ctx, uint8_t image, uint32_t value)
{
    const struct td_flash_area *area = ctx;
    uint32_t now, free;
    uint8_t b[CELL];
    enum td_err err = look(area, image, &now, &free);

    if (err != TD_OK || value <= now)
        return err;
    if (free == area->size)
        return TD_ENOSPC;
    td_store_le32(b, value);
    td_store_le32(b + 4, ~value);
    td_store_le32(b + 8, image);
    td_store_le32(b + 12, value ^ image ^ SEAL);
    return td_flash_write(area, free, b, CELL);
}

struct td_boot_counters sim_counters(const struct td_flash_area *area)
{
    return (struct td_boot_counters){
        .read = counter_read,
        .rise = counter_rise,
        .can_rise = counter_can_rise,
        .ctx = (void *)(uintptr_t)area,
    };
}
