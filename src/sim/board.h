/*
 * sim/board.h - what the OS group tells of a device: its facts, clock, threads and pools.
 *
 * Four threads share the processor. Their run time is simulated time, in microseconds since the
 * last reset, and adds up to the uptime:
 *
 *   main   starting the device: the bootloader's flash work included
 *   smp    a request that waited for flash inside its handler
 *   flash  erasing ahead, or for a request that is kept
 *   idle   the rest
 *
 * The clock is an offset to the device's time base. It stands in retained RAM: a soft reset
 * keeps the time, as where an RTC runs through a reset, and a power cut loses it.
 */
#ifndef TD_SIM_BOARD_H
#define TD_SIM_BOARD_H

#include <stdint.h>

#include "server/backend.h"

struct sim_device;

enum sim_thread { SIM_THREAD_MAIN, SIM_THREAD_SMP, SIM_THREAD_FLASH, SIM_THREAD_COUNT };

struct sim_board {
    struct td_server_facts facts;
    struct td_server_clock clock;
    struct td_server_os os;
    uint64_t busy_us[SIM_THREAD_COUNT]; /* of flash, by who waited for it */
    uint64_t turns[SIM_THREAD_COUNT];   /* how often it ran */
    uint64_t seen_us;                   /* of power.busy_us, what is told apart above */
    bool hold_was_full;
};

void sim_board_build(struct sim_device *dev);

/* RAM is lost. */
void sim_board_reset(struct sim_device *dev);

/* Thread has run: the time that flash took since the last call was its. */
void sim_board_ran(struct sim_device *dev, enum sim_thread thread);

uint64_t sim_board_uptime_us(const struct sim_device *dev);

#endif
