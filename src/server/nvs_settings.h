/*
 * server/nvs_settings.h - settings of group 3 that live in flash, in Zephyr's NVS format.
 *
 *     static struct td_server_nvs_settings store;
 *     static uint8_t ram[512];
 *     td_server_nvs_settings_init(&store, &nvs_config, ram, sizeof ram);
 *     // in the config:  .settings = &store.backend, .storage = nvs_config.area; the hooks
 *     // storage_begin and storage_erased call the two functions below.
 *
 * With RAM lent, it is as on Zephyr: what is set is in RAM until it is saved, load drops it, and
 * a removal is in flash at once. Without (cap 0) everything is in flash at once.
 *
 * Names under "bt/" are bonds and keys: they are not there for this group, unless open is set.
 */
#ifndef TD_SERVER_NVS_SETTINGS_H
#define TD_SERVER_NVS_SETTINGS_H

#include "nvs/settings.h"
#include "server/backend.h"

struct td_server_nvs_settings {
    struct td_server_settings backend;
    struct td_settings flash;
    const struct td_nvs_config *cfg;
    uint8_t *ram; /* changes that were not saved: name length, value length (LE16), name, value */
    size_t cap, used;
    bool open; /* bonds can be read and written, too */
    /* Whether the application takes this value; NULL: any. May be set after init. */
    enum td_err (*takes)(void *ctx, struct td_cbor_text name, const uint8_t *val, size_t len);
    void *takes_ctx;
};

/*
 * Mounts the store, and fills in backend. An area that holds something else is formatted: what
 * the layout calls storage is the settings'. Errors of td_nvs_mount; then every call answers
 * TD_ESTATE. The config, the RAM and the store outlive the server.
 */
enum td_err td_server_nvs_settings_init(struct td_server_nvs_settings *store,
                                        const struct td_nvs_config *cfg, uint8_t *ram, size_t cap);

/*
 * The area is going to be erased (hook storage_begin): every setting is forgotten at once, so that
 * a power cut leaves all of them or none. Returns the sector that says so, and stays.
 */
struct td_flash_sector td_server_nvs_settings_begin_erase(struct td_server_nvs_settings *store);

/*
 * The area was erased (hook storage_erased): nothing is set any more, in RAM neither. Mounts the
 * empty store.
 */
void td_server_nvs_settings_forget(struct td_server_nvs_settings *store);

#endif
