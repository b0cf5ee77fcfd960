/*
 * port/qemu-mps2-an521/start.c - vector table and the way from reset to main().
 *
 * The same file serves the bootloader and the application; the linker script decides where
 * the table lies. A fault prints where it happened and resets: a trial that faults is
 * reverted by the next boot.
 */
#include <string.h>

#include "board.h"

extern uint32_t _data_load[], _data_start[], _data_end[], _bss_start[], _bss_end[], _stack_top[];

int main(void);

_Noreturn void start_reset(void);
_Noreturn void start_fault(void);

_Noreturn void start_reset(void)
{
    memcpy(_data_start, _data_load, (size_t)((char *)_data_end - (char *)_data_start));
    memset(_bss_start, 0, (size_t)((char *)_bss_end - (char *)_bss_start));
    (void)main();
    board_reset();
}

_Noreturn void start_fault(void)
{
    board_print("*** fault: resetting\r\n");
    board_reset();
}

typedef void start_vector(void);

__attribute__((section(".vectors"), used)) static start_vector *const vectors[16 + 96] = {
    (start_vector *)(uintptr_t)_stack_top,
    start_reset,
    [2 ... 15 + 96] = start_fault,
};
