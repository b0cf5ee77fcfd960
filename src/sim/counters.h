/*
 * sim/counters.h - security counters of a virtual device, in a partition that is never erased.
 *
 *   cells of 16 bytes, used in order: value | ~value | image | value ^ image ^ 5aa5c33c
 *
 * Little-endian words, written in one go; a cell counts when its words agree and read the same
 * each time, so one that a power cut tore is used up and says nothing: the counter is as before,
 * and the bootloader raises it again. A counter is the highest of its cells, 0 without any.
 */
#ifndef TD_SIM_COUNTERS_H
#define TD_SIM_COUNTERS_H

#include "boot/boot.h"
#include "flash/flash.h"

/* The area, whose write size divides 16, outlives the counters. */
struct td_boot_counters sim_counters(const struct td_flash_area *area);

#endif
