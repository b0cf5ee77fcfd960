/*
 * port/qemu-mps2-an521/board.h - the addresses of QEMU's mps2-an521 that we use.
 *
 * Source: Arm application note AN521 and QEMU's hw/arm/mps2-tz.c. All peripherals through
 * their Secure aliases; both programs run Secure with the SAU off.
 */
#ifndef TD_PORT_BOARD_H
#define TD_PORT_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flash/flash.h"

#define BOARD_HZ 20000000u

/*
 * The board's PSRAM is a file of the host: it survives resets and kills, so it plays the
 * flash. 4 KB sectors, words of 4 bytes that may be programmed once.
 *
 *   0x000000  primary slot     BOARD_SLOT_SIZE
 *   0x040000  secondary slot   BOARD_SLOT_SIZE
 *   0x080000  boot log         8 KB
 *   0x082000  storage          8 KB
 *   0x084000  countdown word for power-cut tests; not flash (see flash.c)
 */
#define BOARD_FLASH_BASE   0x80000000u
#define BOARD_FLASH_SIZE   0x00084000u
#define BOARD_SECTOR_SIZE  4096u
#define BOARD_WRITE_SIZE   4u
#define BOARD_PRIMARY      0x00000000u
#define BOARD_SECONDARY    0x00040000u
#define BOARD_SLOT_SIZE    0x00040000u
#define BOARD_BOOT_LOG     0x00080000u
#define BOARD_BOOT_LOG_LEN 0x00002000u
#define BOARD_STORAGE      0x00082000u
#define BOARD_STORAGE_LEN  0x00002000u
#define BOARD_HEADER_SIZE  0x400u /* what imgtool -H gets: keeps the vector table aligned */

extern const struct td_flash_area board_primary;
extern const struct td_flash_area board_secondary;
extern const struct td_flash_area board_boot_log;
extern const struct td_flash_area board_storage;

/* The first UART, 8N1. put waits for room; get says false when nothing has arrived. */
void board_uart_start(void);
void board_uart_put(uint8_t byte);
bool board_uart_get(uint8_t *byte);
void board_print(const char *text);

/* Resets the whole board, as SYSRESETREQ does. Never returns. */
_Noreturn void board_reset(void);

/* Waits that long, without interrupts. */
void board_wait_ms(uint32_t ms);

#endif
