/*
 * port/qemu-mps2-an521/flash.c - a flash controller's manners over the board's PSRAM.
 *
 * 1. An erase sets a whole sector to 0xFF; a word is programmed once, onto 0xFF.
 * 2. A word that breaks the rule is refused, as an ECC flash would.
 * 3. A test may place a countdown in the word behind the flash: the write or erase that
 *    takes it from 1 to 0 is done half, and the machine stops as if the power had gone.
 */
#include <string.h>

#include "base/range.h"
#include "board.h"

static uint8_t *cell(uint32_t off)
{
    return (uint8_t *)(uintptr_t)(BOARD_FLASH_BASE + off);
}

/* Semihosting's SYS_EXIT_EXTENDED: QEMU ends with this status. */
static _Noreturn void power_off(void)
{
    static const uint32_t reason[2] = { 0x20026u, 0u };
    register uint32_t op __asm__("r0") = 0x20u;
    register const uint32_t *arg __asm__("r1") = reason;

    for (;;)
        __asm__ volatile("bkpt 0xab" : : "r"(op), "r"(arg) : "memory");
}

static bool power_goes_now(void)
{
    volatile uint32_t *countdown =
        (volatile uint32_t *)(uintptr_t)(BOARD_FLASH_BASE + BOARD_FLASH_SIZE);

    if (*countdown == 0 || *countdown == UINT32_MAX)
        return false;
    *countdown -= 1;
    return *countdown == 0;
}

static enum td_err flash_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    (void)dev;
    memcpy(dst, cell(off), len);
    return TD_OK;
}

static enum td_err flash_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                               size_t len)
{
    bool cut = power_goes_now();
    size_t done = cut ? td_round_down((uint32_t)len / 2, BOARD_WRITE_SIZE) : len;

    (void)dev;
    for (size_t i = 0; i < done; i++)
        if (cell(off)[i] != 0xff)
            return TD_EBUDGET;
    memcpy(cell(off), src, done);
    if (cut)
        power_off();
    return TD_OK;
}

static enum td_err flash_erase_begin(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    bool cut = power_goes_now();

    (void)dev;
    memset(cell(off), 0xff, cut ? len / 2 : len);
    if (cut)
        power_off();
    return TD_OK;
}

static enum td_err flash_erase_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    (void)dev;
    (void)budget_us;
    *done = true;
    return TD_OK;
}

static const struct td_flash_ops ops = {
    .read = flash_read,
    .write = flash_write,
    .erase_begin = flash_erase_begin,
    .erase_step = flash_erase_step,
};

static const struct td_flash_run runs[] = {
    { BOARD_FLASH_SIZE / BOARD_SECTOR_SIZE, BOARD_SECTOR_SIZE },
};

static const struct td_flash_dev psram = {
    .ops = &ops,
    .runs = runs,
    .n_runs = TD_N_OF(runs),
    .erased = 0xff,
    .budget = 1,
    .write_size = BOARD_WRITE_SIZE,
    .size = BOARD_FLASH_SIZE,
};

const struct td_flash_area board_primary = { &psram, BOARD_PRIMARY, BOARD_SLOT_SIZE };
const struct td_flash_area board_secondary = { &psram, BOARD_SECONDARY, BOARD_SLOT_SIZE };
const struct td_flash_area board_boot_log = { &psram, BOARD_BOOT_LOG, BOARD_BOOT_LOG_LEN };
const struct td_flash_area board_storage = { &psram, BOARD_STORAGE, BOARD_STORAGE_LEN };
