/*
 * nvs/settings.h - settings by name, as Zephyr's settings keep them in NVS.
 *
 * A setting is two values of the store: its name under an id from 0x8001 on, and what it holds
 * under that id plus 0x4000. Under 0x8000 stands the highest id of a name. docs/spec/nvs.md.
 *
 * A power cut leaves each setting at its old value or at its new one, as the store does; a
 * setting that was being made or removed is there whole, or not at all. What it leaves behind
 * unseen is used again, or removed by the next mount.
 *
 * Names are not ended by a 0; they have 1 to TD_SETTINGS_NAME_MAX bytes. Everything belongs to
 * the caller, as in nvs.h, and its errors are those there.
 */
#ifndef TD_NVS_SETTINGS_H
#define TD_NVS_SETTINGS_H

#include "nvs/nvs.h"

#define TD_SETTINGS_NAME_MAX 74 /* bytes: Zephyr's longest name, and what it adds at most */

#define TD_SETTINGS_ID_COUNT  0x8000
#define TD_SETTINGS_ID_LAST   0xBFFE /* of a name; the value of the next would be 0xFFFF */
#define TD_SETTINGS_ID_VALUES 0x4000 /* from a name's id to its value's */

struct td_settings {
    struct td_nvs nvs;
    uint16_t last; /* the highest id of a name */
};

/* Mounts the store; removes names without a value, and values without a name. */
enum td_err td_settings_mount(struct td_settings *s, const struct td_nvs_config *cfg);

/* The same without a single write; for dumps. */
enum td_err td_settings_look(struct td_settings *s, const struct td_nvs_config *cfg);

/* Erases what there is, and mounts. */
enum td_err td_settings_format(struct td_settings *s, const struct td_nvs_config *cfg);

/* Forgets every setting at once, and whatever else the store held. */
enum td_err td_settings_wipe(struct td_settings *s);

/* As td_nvs_read. TD_EARG: no name has that length. */
enum td_err td_settings_get(const struct td_settings *s, const char *name, size_t name_len,
                            void *dst, size_t cap, size_t *len);

/* As td_nvs_write; without a value the setting is removed, and TD_OK if there is none. */
enum td_err td_settings_set(struct td_settings *s, const char *name, size_t name_len,
                            const void *src, size_t len);

/* TD_ENOTFOUND: there is none. */
enum td_err td_settings_remove(struct td_settings *s, const char *name, size_t name_len);

struct td_settings_item {
    char name[TD_SETTINGS_NAME_MAX];
    size_t name_len;
    size_t len;  /* of its value */
    uint16_t id; /* of its name */
};

/* A place among them. Changing a setting makes it invalid. */
struct td_settings_iter {
    const struct td_settings *settings;
    uint32_t next; /* the id that is looked at next */
};

void td_settings_begin(struct td_settings_iter *it, const struct td_settings *s);

/* The next one; Zephyr's order, the youngest name mostly first. *end: there are no more. */
enum td_err td_settings_next(struct td_settings_iter *it, struct td_settings_item *setting,
                             bool *end);

/* Its value, as td_nvs_read. */
enum td_err td_settings_value(const struct td_settings *s, const struct td_settings_item *setting,
                              void *dst, size_t cap, size_t *len);

#endif
