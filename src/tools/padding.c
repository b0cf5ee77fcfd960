/*
 * tools/padding.c - a trailer in a file, written and read by the code of slot/.
 *
 * The end of the file is shown to slot/ as a flash of one sector, so that the bytes are stated
 * in one place of the house.
 */
#include "tools/padding.h"

#include <string.h>

#include "base/range.h"

struct tail {
    uint8_t *bytes; /* PADDING_MAX of them */
    struct td_flash_run run;
    struct td_flash_dev dev;
    struct td_flash_area area;
    struct td_trailer trailer;
};

static enum td_err tail_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    memcpy(dst, (const uint8_t *)dev->ctx + off, len);
    return TD_OK;
}

static enum td_err tail_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                              size_t len)
{
    memcpy((uint8_t *)dev->ctx + off, src, len);
    return TD_OK;
}

static enum td_err tail_erase_begin(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    memset((uint8_t *)dev->ctx + off, dev->erased, len);
    return TD_OK;
}

static enum td_err tail_erase_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    (void)dev;
    (void)budget_us;
    *done = true;
    return TD_OK;
}

static const struct td_flash_ops tail_ops = { tail_read, tail_write, tail_erase_begin,
                                              tail_erase_step };

static void tail_open(struct tail *t, uint8_t bytes[PADDING_MAX], uint32_t max_align,
                      uint8_t erased)
{
    t->bytes = bytes;
    t->run = (struct td_flash_run){ 1, PADDING_MAX };
    t->dev = (struct td_flash_dev){
        .ops = &tail_ops,
        .ctx = bytes,
        .runs = &t->run,
        .n_runs = 1,
        .erased = erased,
        .write_size = 1,
        .size = PADDING_MAX,
    };
    t->area = (struct td_flash_area){ &t->dev, 0, PADDING_MAX };
    // A mode without a status area: the cells above it lie where those of the swap modes lie.
    t->trailer = (struct td_trailer){
        .area = &t->area,
        .mode = TD_MODE_SINGLE,
        .max_sectors = 1,
        .write_size = 1,
        .max_align = (uint8_t)max_align,
    };
}

void padding_end_of_slot(const struct padding_shape *shape, uint8_t *slot, uint32_t size)
{
    uint8_t bytes[PADDING_MAX];
    uint32_t len = td_min_u32(size, PADDING_MAX);
    struct tail t;

    memset(bytes, shape->erased, sizeof bytes);
    memcpy(bytes + (PADDING_MAX - len), slot + (size - len), len);
    tail_open(&t, bytes, shape->max_align, shape->erased);
    td_trailer_write_magic(&t.trailer);
    if (shape->confirmed)
        td_trailer_write_image_ok(&t.trailer);
    memcpy(slot + (size - len), bytes + (PADDING_MAX - len), len);
}

bool padding_read(uint32_t max_align, const uint8_t *slot, uint32_t size,
                  struct td_trailer_state *state, uint32_t *swap_size)
{
    uint8_t bytes[PADDING_MAX];
    uint32_t len = td_min_u32(size, PADDING_MAX);
    enum td_flag flag;
    struct tail t;

    memset(bytes, 0xff, sizeof bytes);
    memcpy(bytes + (PADDING_MAX - len), slot + (size - len), len);
    tail_open(&t, bytes, max_align, bytes[PADDING_MAX - 16 - 1] == 0 ? 0 : 0xff);
    *swap_size = 0;
    if (td_trailer_read(&t.trailer, state) != TD_OK || state->magic != TD_MAGIC_GOOD)
        return false;
    return td_trailer_read_swap_size(&t.trailer, &flag, swap_size) == TD_OK;
}
