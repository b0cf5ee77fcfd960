/*
 * sim/first.h - a device's first stage: nsib/ as it is, over the device's flash and OTP.
 *
 * The second stage that it chooses is not code: its descriptor (sim/firmware.h) says how it
 * behaves, and in its place the device runs boot/, told which slot it stands in.
 */
#ifndef TD_SIM_FIRST_H
#define TD_SIM_FIRST_H

#include "boot/stage.h"
#include "nsib/nsib.h"
#include "sim/app.h"
#include "smp/tandem.h"

struct sim_device;

struct sim_first {
    struct td_flash_area flash; /* all of the flash that both slots lie in */
    struct td_nsib_store store;
    struct td_nsib_config config;
    struct td_nsib_work work;
    struct td_nsib_result result; /* of the latest boot */
    struct td_flash_area slots[2];
    struct td_boot_stage stage;
    struct td_boot_stage_facts facts; /* of the latest boot */
    struct td_tandem_stage told;      /* what the server tells of it */
    struct sim_app app;               /* of the stage that was booted; name "" when unknown */
};

/*
 * From the device's profile, which has a first stage, and for a new device its provision data.
 * TD_ENOSPC: they do not fit their partition.
 */
enum td_err sim_first_build(struct sim_device *dev, bool is_new);

/* Before the application starts: what there is to tell about the stage that has booted it. */
void sim_first_tell_server(struct sim_device *dev);

/* One boot: chooses, says so, fills in facts and app. false: there is nothing to boot. */
bool sim_first_go(struct sim_device *dev);

#endif
