/*
 * port/qemu-mps2-an521/boot_main.c - the bootloader: one configuration, one call, one jump.
 *
 * The jump contract (boot/jump.h): the image finds the processor as after a reset. This
 * program enables no interrupt, MPU, cache or FPU, so that SysTick, masks, stack limits and
 * the vector table are all there is to set back. QEMU's board has no watchdog that we start:
 * a trial that hangs here hangs.
 */
#include "base/range.h"
#include "board.h"
#include "boot/boot.h"
#include "boot/jump.h"
#include "config.h"

#define SCB_VTOR  (*(volatile uint32_t *)0xE000ED08u)
#define SCB_ICSR  (*(volatile uint32_t *)0xE000ED04u)
#define SYST_CSR  (*(volatile uint32_t *)0xE000E010u)
#define NVIC_ICER ((volatile uint32_t *)0xE000E180u)
#define NVIC_ICPR ((volatile uint32_t *)0xE000E280u)

#define ICSR_CLEAR_PENDSV_AND_SYSTICK (1u << 27 | 1u << 25)
enum { NVIC_WORDS = 3 };

static struct {
    struct td_boot_work work;
    struct td_boot_result result;
} boot;

static void on_line(void *ctx, const struct td_boot_line *line)
{
    char text[128];

    (void)ctx;
    (void)td_boot_line_text(line, text, sizeof text);
    board_print(text);
    board_print("\r\n");
}

static _Noreturn void enter(uint32_t stack, uint32_t entry)
{
    __asm__ volatile("msr msplim, %2\n"
                     "msr psplim, %2\n"
                     "msr control, %2\n"
                     "msr msp, %0\n"
                     "isb\n"
                     "cpsie i\n"
                     "bx %1\n"
                     :
                     : "r"(stack), "r"(entry), "r"(0)
                     : "memory");
    for (;;)
        ;
}

static void on_jump(void *ctx, const struct td_boot_result *result)
{
    const uint32_t *vectors =
        (const uint32_t *)(uintptr_t)(BOARD_FLASH_BASE + result->slot_off + result->hdr.hdr_size);

    (void)ctx;
    __asm__ volatile("cpsid i");
    SYST_CSR = 0;
    for (int i = 0; i < NVIC_WORDS; i++) {
        NVIC_ICER[i] = UINT32_MAX;
        NVIC_ICPR[i] = UINT32_MAX;
    }
    SCB_ICSR = ICSR_CLEAR_PENDSV_AND_SYSTICK;
    SCB_VTOR = (uint32_t)(uintptr_t)vectors;
    __asm__ volatile("dsb\nisb");
    enter(vectors[0], vectors[1]);
}

static const struct td_boot_slots slots = {
    .primary = &board_primary,
    .secondary = &board_secondary,
};

static const struct td_boot_hooks hooks = { .line = on_line, .jump = on_jump };

static const struct td_boot_config config = {
    .images = &slots,
    .n_images = 1,
    .strategy = &td_strategy_move,
    .policy = {
        .hash = &td_sha256,
        .sig = &td_sig_ecdsa_p256,
        .keys = config_keys,
        .n_keys = TD_N_OF(config_keys),
    },
    .max_align = CONFIG_MAX_ALIGN,
    .max_sectors = CONFIG_MAX_SECTORS,
    .downgrade_prevention = true,
    .boot_log = &board_boot_log,
    .hooks = &hooks,
};

int main(void)
{
    enum td_err err;

    board_uart_start();
    err = td_boot_go(&config, &boot.work, &boot.result);
    if (err == TD_OK)
        err = td_boot_jump(&config, &boot.result);
    // The verdict was printed; the sentences of all errors would make this a third larger.
    board_print(err == TD_OK ? "boot: the image came back\r\n" : "boot: nothing to run\r\n");
    for (;;)
        ;
}
