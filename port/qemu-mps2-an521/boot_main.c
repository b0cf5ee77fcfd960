/*
 * port/qemu-mps2-an521/boot_main.c - the bootloader: one configuration, one call, one jump.
 *
 * The jump contract (boot/jump.h): the image finds the processor as after a reset. This
 * program enables no interrupt, MPU, cache or FPU, so that SysTick, masks, stack limits and
 * the vector table are all there is to set back. QEMU's board has no watchdog that we start:
 * a trial that hangs here hangs.
 *
 * With nothing to boot it becomes a recovery server, on the UART that its log goes to.
 */
#include "base/range.h"
#include "board.h"
#include "boot/boot.h"
#include "boot/jump.h"
#include "config.h"
#include "server/recovery.h"

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
    struct td_recovery recovery;
    uint8_t rx[CONFIG_BUF_SIZE], tx[CONFIG_BUF_SIZE];
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
    .has_recovery = true,
    .boot_log = &board_boot_log,
    .hooks = &hooks,
};

/* --- recovery --- */

static bool judge(void *ctx, uint8_t image, uint8_t slot, struct td_verdict *why)
{
    (void)ctx;
    return td_boot_judge(&config, &boot.work, image, slot, why);
}

static const struct td_server_image image = {
    .slot = { &board_primary, &board_secondary },
    .strategy = TD_MODE_MOVE,
    .room = &config_room,
};

static const struct td_server_group *const groups[] = {
    &td_recovery_group_os,
    &td_recovery_group_image_full,
    &td_recovery_group_tandem,
};

static const struct td_recovery_config recovery_config = {
    .framing = TD_RECOVERY_CONSOLE,
    .groups = groups,
    .n_groups = TD_N_OF(groups),
    .images = &image,
    .n_images = 1,
    .hash_len = 32,
    .boot_log = &board_boot_log,
    .judge = judge,
};

static void answer(void)
{
    uint8_t bytes[64];
    size_t n;

    while ((n = td_recovery_send(&boot.recovery, bytes, sizeof bytes)) > 0) {
        for (size_t i = 0; i < n; i++)
            board_uart_put(bytes[i]);
    }
}

// Lines of a console need no clock, and the flash of this board no waiting for an erase.
static void recover(void)
{
    const struct td_recovery_buffers buffers = { boot.rx, boot.tx, NULL, CONFIG_BUF_SIZE };
    struct td_server_reset reset;
    uint8_t byte;

    if (td_recovery_init(&boot.recovery, &recovery_config, &buffers) != TD_OK)
        return;
    while (!td_recovery_resets(&boot.recovery, CONFIG_RESET_MS, &reset)) {
        if (!board_uart_get(&byte))
            continue;
        (void)td_recovery_receive(&boot.recovery, 0, &byte, 1);
        answer();
    }
    board_wait_ms(reset.delay_ms);
    board_reset();
}

int main(void)
{
    enum td_err err;

    board_uart_start();
    err = td_boot_go(&config, &boot.work, &boot.result);
    if (err == TD_OK && boot.result.recover != TD_RECOVER_NO)
        recover();
    if (err == TD_OK)
        err = td_boot_jump(&config, &boot.result);
    // The verdict was printed; the sentences of all errors would make this a third larger.
    board_print(err == TD_OK ? "boot: the image came back\r\n" : "boot: nothing to run\r\n");
    for (;;)
        ;
}
