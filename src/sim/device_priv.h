/* sim/device_priv.h - what the files of a device share. */
#ifndef TD_SIM_DEVICE_PRIV_H
#define TD_SIM_DEVICE_PRIV_H

#include "sim/device.h"

/* build.c: the parts that do not change while a device lives. As sim_device_init. */
enum td_err sim_build(struct sim_device *dev, const struct sim_memory memory[SIM_FLASHES_MAX]);

/* trust.c: whose images run, and which encrypted ones can be opened. TD_EKEY, TD_EARG. */
enum td_err sim_trust_build(struct sim_device *dev);

/* NULL when the profile has no such partition. */
const struct td_flash_area *sim_area(const struct sim_device *dev, enum sim_part part);

/* settings.c: group 3's back end in the storage partition; it is mounted when the application is. */
void sim_settings_build(struct sim_device *dev);
void sim_settings_start(struct sim_device *dev);

/* device.c: a line of the console, unless the power is gone; the time that flash has taken. */
void sim_say(struct sim_device *dev, const char *line);
void sim_spend(struct sim_device *dev);

/* device.c: hooks of the bootloader and the server; ctx is the device. */
extern const struct td_boot_hooks sim_boot_hooks;
uint32_t sim_ask_reset(void *ctx, const struct td_server_reset *reset, struct td_cbor_text *reason);

#endif
