/*
 * boot/jump.h - handing over to the image, the second of the two doors that are guarded twice.
 *
 * What the port's hook has to leave behind (the jump contract): interrupts disabled and none
 * pending, SysTick, MPU, caches and FPU as after reset, CONTROL 0, MSPLIM and PSPLIM 0, VTOR
 * set to the image's vector table, barriers, the bootloader's own area locked, secrets wiped,
 * and the watchdog running when result->on_trial is set, or a hung trial never reverts.
 */
#ifndef TD_BOOT_JUMP_H
#define TD_BOOT_JUMP_H

#include "boot/boot.h"

/*
 * Calls the jump hook when the result says twice that it may. Comes back with TD_ESTATE when
 * it may not or there is no hook; with TD_OK only from a hook that returns (a simulation's).
 */
enum td_err td_boot_jump(const struct td_boot_config *config, const struct td_boot_result *result);

#endif
