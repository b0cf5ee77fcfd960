/* port/qemu-mps2-an521/board.c - UART, reset, a delay. Polled: nothing here needs an interrupt. */
#include "board.h"

/* CMSDK APB UART 0. */
#define UART ((volatile uint32_t *)0x50200000u)
enum { UART_DATA = 0, UART_STATE = 1, UART_CTRL = 2, UART_BAUDDIV = 4 };
#define UART_TX_FULL (1u << 0)
#define UART_RX_FULL (1u << 1)
#define UART_TX_ON   (1u << 0)
#define UART_RX_ON   (1u << 1)

#define SCB_AIRCR      (*(volatile uint32_t *)0xE000ED0Cu)
#define AIRCR_KEY      0x05FA0000u
#define AIRCR_SYSRESET (1u << 2)
#define SYST_CSR       (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR       (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR       (*(volatile uint32_t *)0xE000E018u)
#define SYST_ON_CPU    5u /* enabled, processor clock, no interrupt */
#define SYST_COUNTED   (1u << 16)

void board_uart_start(void)
{
    UART[UART_BAUDDIV] = BOARD_HZ / 115200u;
    UART[UART_CTRL] = UART_TX_ON | UART_RX_ON;
}

void board_uart_put(uint8_t byte)
{
    while (UART[UART_STATE] & UART_TX_FULL)
        ;
    UART[UART_DATA] = byte;
}

bool board_uart_get(uint8_t *byte)
{
    if (!(UART[UART_STATE] & UART_RX_FULL))
        return false;
    *byte = (uint8_t)UART[UART_DATA];
    return true;
}

void board_print(const char *text)
{
    while (*text)
        board_uart_put((uint8_t)*text++);
}

_Noreturn void board_reset(void)
{
    __asm__ volatile("dsb");
    SCB_AIRCR = AIRCR_KEY | AIRCR_SYSRESET;
    __asm__ volatile("dsb");
    for (;;)
        ;
}

void board_wait_ms(uint32_t ms)
{
    SYST_RVR = BOARD_HZ / 1000u - 1u;
    SYST_CVR = 0;
    SYST_CSR = SYST_ON_CPU;
    while (ms > 0)
        if (SYST_CSR & SYST_COUNTED)
            ms--;
    SYST_CSR = 0;
}
