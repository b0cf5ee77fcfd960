/*
 * sim/rescue.h - the recovery server of a device's bootloader, as a port runs it.
 *
 * While it serves, the serial lines carry bytes in the framing of the profile, and nothing else
 * of the device runs.
 */
#ifndef TD_SIM_RESCUE_H
#define TD_SIM_RESCUE_H

#include "server/recovery.h"

struct sim_device;

#define SIM_RESCUE_BUF     1024 /* where the profile does not say */
#define SIM_RESCUE_BUF_MAX 4096

struct sim_rescue {
    struct td_recovery_config config;
    const struct td_server_group *groups[3];
    struct td_recovery server;
    uint8_t rx[SIM_RESCUE_BUF_MAX], tx[SIM_RESCUE_BUF_MAX], hold[SIM_RESCUE_BUF_MAX];
    const struct td_server_link *link; /* that spoke last, and gets the answers */
};

/* From the profile, which has a recovery. */
void sim_rescue_build(struct sim_device *dev);

void sim_rescue_begin(struct sim_device *dev);

/* Bytes that came on a line. */
void sim_rescue_receive(struct sim_device *dev, const struct td_server_link *link,
                        const uint8_t *bytes, size_t len);

/* What is due. True: the device is to be reset now. */
bool sim_rescue_work(struct sim_device *dev);

#endif
