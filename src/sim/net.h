/*
 * sim/net.h - a device's network core: its bootloader (pcd/b0n.h), its flash, its reset line, and
 * how the application core's bootloader reaches it (pcd/pcd.h).
 *
 * Both cores take turns: the network core runs while the other one waits for it. They share the
 * device's power and the application core's RAM. Its program is made by sim-app --for net_app.
 */
#ifndef TD_SIM_NET_H
#define TD_SIM_NET_H

#include "boot/boot.h"
#include "flash/ram.h"
#include "pcd/b0n.h"
#include "pcd/pcd.h"

struct sim_device;

struct sim_net {
    struct td_pcd_port port;
    struct td_pcd pcd;
    struct td_b0n_port own_port;
    struct td_b0n_config b0n;
    struct td_b0n_work work;
    struct td_boot_follower follower;
    struct td_flash_ram memory; /* the slot in RAM of a device without netcore_good */
    struct td_flash_area memory_area;
    bool held;        /* in reset */
    bool started;     /* since it was let go */
    bool runs;        /* its program does */
    uint32_t version; /* of that */
    uint64_t waited_us;
};

/* From the profile, which has a network core: fills in image 1's primary and its follower. */
void sim_net_build(struct sim_device *dev);

/* Its provision data, at the factory. TD_ENOSPC: they do not fit. */
enum td_err sim_net_provision(struct sim_device *dev);

/* A reset of the device: the core stands still; a slot in RAM is empty. */
void sim_net_reset(struct sim_device *dev);

/* Before the jump: lets it start its program, and says what runs there. */
void sim_net_start(struct sim_device *dev);

#endif
