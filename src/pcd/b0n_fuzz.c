/* pcd/b0n_fuzz.c - any command block, any bytes to copy, any bytes in flash. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "pcd/b0n.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define APP_ADDR 0x01008800u
#define RAM_ADDR 0x20000000u
#define RAM_SIZE 64u
#define FLASH    16384u
#define SECTOR   2048u

struct board {
    uint8_t ram[RAM_SIZE];
    uint8_t *source; /* of exactly this length, so that ASan sees */
    uint32_t source_len;
    uint8_t flash[FLASH];
    bool wrote;
};

static uint32_t load(void *ctx, uint32_t addr)
{
    const struct board *b = ctx;

    if (!td_range_in(addr - RAM_ADDR, 4, RAM_SIZE))
        abort();
    return td_load_le32(b->ram + (addr - RAM_ADDR));
}

static void store(void *ctx, uint32_t addr, uint32_t value)
{
    struct board *b = ctx;

    if (!td_range_in(addr - RAM_ADDR, 4, RAM_SIZE))
        abort();
    td_store_le32(b->ram + (addr - RAM_ADDR), value);
}

static enum td_err source_read(void *ctx, uint32_t addr, void *dst, size_t len)
{
    const struct board *b = ctx;

    if (len > UINT32_MAX || !td_range_in(addr, (uint32_t)len, b->source_len))
        return TD_EREAD;
    memcpy(dst, b->source + addr, len);
    return TD_OK;
}

static enum td_err flash_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    const struct board *b = dev->ctx;

    memcpy(dst, b->flash + off, len);
    return TD_OK;
}

static enum td_err flash_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                               size_t len)
{
    struct board *b = dev->ctx;

    memcpy(b->flash + off, src, len);
    b->wrote = true;
    return TD_OK;
}

static enum td_err erase_begin(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    struct board *b = dev->ctx;

    memset(b->flash + off, 0xff, len);
    return TD_OK;
}

static enum td_err erase_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    (void)dev;
    (void)budget_us;
    *done = true;
    return TD_OK;
}

static const struct td_flash_ops ops = { flash_read, flash_write, erase_begin, erase_step };

/* The first 16 bytes are the block, a byte says how much of the rest is the source. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct td_flash_run runs[] = { { FLASH / SECTOR, SECTOR } };
    struct board b = { .source_len = 0 };
    struct td_flash_dev dev = { &ops, &b, runs, 1, 0xff, 0, 4, FLASH };
    struct td_flash_area app = { &dev, 0, FLASH };
    struct td_b0n_port port = { .load = load, .store = store, .read = source_read, .ctx = &b };
    struct td_b0n_config config = { .app = &app,
                                    .app_addr = APP_ADDR,
                                    .offset = 0x8800,
                                    .block = RAM_ADDR,
                                    .ram_addr = RAM_ADDR,
                                    .ram_size = RAM_SIZE,
                                    .search = TD_FW_SEARCH_2_9,
                                    .port = &port };
    struct td_b0n_work work;
    struct td_b0n_result result;
    size_t left;

    if (size < 17)
        return 0;
    memcpy(b.ram, data, 16);
    left = size - 17;
    b.source_len = (uint32_t)(left * data[16] / 255);
    b.source = malloc(b.source_len + 1u);
    if (b.source == NULL)
        abort();
    memcpy(b.source, data + 17, b.source_len);
    memset(b.flash, 0xff, sizeof b.flash);
    memcpy(b.flash, data + 17 + b.source_len, td_min_u32((uint32_t)left - b.source_len, FLASH));
    td_b0n_go(&config, &work, &result);
    // What was written has verified, or the other core was told that it has not.
    if (b.wrote && result.reason == TD_PCD_UNKNOWN) {
        store(&b, RAM_ADDR, 0);
        td_b0n_go(&config, &work, &result);
        if (result.next != TD_B0N_BOOT)
            abort();
    }
    free(b.source);
    return 0;
}
