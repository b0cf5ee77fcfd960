/* sim/settings.c - the virtual device's settings: group 3 over NVS in the storage partition. */
#include "sim/device_priv.h"

static uint32_t erase_begins(void *ctx, struct td_flash_sector *keep, struct td_cbor_text *reason)
{
    struct sim_device *dev = ctx;

    (void)reason;
    *keep = td_server_nvs_settings_begin_erase(&dev->settings);
    return TD_SMP_RC_OK;
}

static void erased(void *ctx)
{
    struct sim_device *dev = ctx;

    td_server_nvs_settings_forget(&dev->settings);
}

void sim_settings_build(struct sim_device *dev)
{
    if ((dev->profile->server.groups & SIM_GROUP_SETTINGS) == 0 || dev->config.storage == NULL)
        return;
    dev->settings_config = (struct td_nvs_config){ .area = dev->config.storage };
    dev->server_hooks.storage_begin = erase_begins;
    dev->server_hooks.storage_erased = erased;
    dev->config.settings = &dev->settings.backend;
}

void sim_settings_start(struct sim_device *dev)
{
    // What cannot be mounted answers that it cannot; the device runs all the same.
    if (dev->config.settings == &dev->settings.backend)
        (void)td_server_nvs_settings_init(&dev->settings, &dev->settings_config, dev->settings_ram,
                                          sizeof dev->settings_ram);
}
