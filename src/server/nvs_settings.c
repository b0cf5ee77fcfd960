/*
 * server/nvs_settings.c - RAM in front of the store, for what was set and not yet saved.
 *
 * A record in RAM is a name's length (1 byte), its value's length (2 bytes, little-endian), the
 * name, the value. A name stands there once.
 */
#include "server/nvs_settings.h"

#include <string.h>

#include "base/bytes.h"

#define RECORD_HEAD 3u

static size_t size_at(const uint8_t *record)
{
    return RECORD_HEAD + record[0] + td_load_le16(record + 1);
}

static bool is_named(const uint8_t *record, struct td_cbor_text name)
{
    return record[0] == name.len && memcmp(record + RECORD_HEAD, name.p, name.len) == 0;
}

static uint8_t *find_record(struct td_server_nvs_settings *s, struct td_cbor_text name)
{
    for (size_t at = 0; at < s->used; at += size_at(s->ram + at)) {
        if (is_named(s->ram + at, name))
            return s->ram + at;
    }
    return NULL;
}

static void drop_record(struct td_server_nvs_settings *s, uint8_t *record)
{
    size_t size = size_at(record), at = (size_t)(record - s->ram);

    memmove(record, record + size, s->used - at - size);
    s->used -= size;
}

static enum td_err add_record(struct td_server_nvs_settings *s, struct td_cbor_text name,
                              const uint8_t *val, size_t len)
{
    uint8_t *record = find_record(s, name);
    size_t old = record == NULL ? 0 : size_at(record), size = RECORD_HEAD + name.len + len;

    if (len > UINT16_MAX || size > s->cap - (s->used - old))
        return TD_ENOSPC;
    if (record != NULL)
        drop_record(s, record);
    record = s->ram + s->used;
    record[0] = (uint8_t)name.len;
    td_store_le16(record + 1, (uint16_t)len);
    memcpy(record + RECORD_HEAD, name.p, name.len);
    if (len > 0)
        memcpy(record + RECORD_HEAD + name.len, val, len);
    s->used += size;
    return TD_OK;
}

/* Whether name is root, or lies under it. */
static bool is_under(struct td_cbor_text name, const char *root, size_t len)
{
    return len == 0 || (name.len >= len && memcmp(name.p, root, len) == 0 &&
                        (name.len == len || name.p[len] == '/'));
}

static enum td_err check_name(const struct td_server_nvs_settings *s, struct td_cbor_text name)
{
    if (name.len == 0 || name.len > TD_SETTINGS_NAME_MAX)
        return TD_EARG;
    if (!s->open && is_under(name, "bt", 2))
        return TD_ENOTFOUND;
    return s->flash.nvs.writable ? TD_OK : TD_ESTATE;
}

static enum td_err get(void *ctx, struct td_cbor_text name, uint8_t *val, size_t cap, size_t *len)
{
    struct td_server_nvs_settings *s = ctx;
    enum td_err err = check_name(s, name);
    const uint8_t *record;

    *len = 0;
    if (err != TD_OK)
        return err;
    record = find_record(s, name);
    if (record == NULL)
        return td_settings_get(&s->flash, name.p, name.len, val, cap, len);
    *len = td_load_le16(record + 1);
    if (cap > 0)
        memcpy(val, record + RECORD_HEAD + name.len, *len < cap ? *len : cap);
    return *len > cap ? TD_ESPACE : TD_OK;
}

static enum td_err set(void *ctx, struct td_cbor_text name, const uint8_t *val, size_t len)
{
    struct td_server_nvs_settings *s = ctx;
    enum td_err err = check_name(s, name);

    if (err == TD_OK && s->takes != NULL)
        err = s->takes(s->takes_ctx, name, val, len);
    if (err != TD_OK)
        return err;
    return s->cap > 0 ? add_record(s, name, val, len)
                      : td_settings_set(&s->flash, name.p, name.len, val, len);
}

/* What is not there has been removed: the client may have asked before. */
static enum td_err drop(void *ctx, struct td_cbor_text name)
{
    struct td_server_nvs_settings *s = ctx;
    enum td_err err = check_name(s, name);
    uint8_t *record;

    if (err != TD_OK)
        return err;
    record = find_record(s, name);
    if (record != NULL)
        drop_record(s, record);
    return td_settings_set(&s->flash, name.p, name.len, NULL, 0);
}

/* What was set is read from here, so that it has taken effect. */
static enum td_err commit(void *ctx)
{
    const struct td_server_nvs_settings *s = ctx;

    return s->flash.nvs.writable ? TD_OK : TD_ESTATE;
}

static enum td_err load(void *ctx)
{
    struct td_server_nvs_settings *s = ctx;

    s->used = 0;
    return td_settings_mount(&s->flash, s->cfg);
}

static enum td_err save(void *ctx, struct td_cbor_text subtree)
{
    struct td_server_nvs_settings *s = ctx;
    enum td_err err = commit(s);
    size_t at = 0;

    while (at < s->used && err == TD_OK) {
        uint8_t *record = s->ram + at;
        const struct td_cbor_text name = { (const char *)record + RECORD_HEAD, record[0] };

        if (!is_under(name, subtree.p, subtree.len)) {
            at += size_at(record);
            continue;
        }
        err = td_settings_set(&s->flash, name.p, name.len, record + RECORD_HEAD + name.len,
                              td_load_le16(record + 1));
        if (err == TD_OK)
            drop_record(s, record);
    }
    return err;
}

static enum td_err mount(struct td_server_nvs_settings *s)
{
    enum td_err err = td_settings_mount(&s->flash, s->cfg);

    return err == TD_ENVS_FOREIGN ? td_settings_format(&s->flash, s->cfg) : err;
}

enum td_err td_server_nvs_settings_init(struct td_server_nvs_settings *store,
                                        const struct td_nvs_config *cfg, uint8_t *ram, size_t cap)
{
    *store = (struct td_server_nvs_settings){ .backend = { .get = get,
                                                           .set = set,
                                                           .remove = drop,
                                                           .commit = commit,
                                                           .load = load,
                                                           .save = save,
                                                           .name_max = 64,
                                                           .value_max = 256,
                                                           .ctx = store },
                                              .cfg = cfg,
                                              .ram = ram,
                                              .cap = cap };
    return mount(store);
}

void td_server_nvs_settings_forget(struct td_server_nvs_settings *store)
{
    store->used = 0;
    (void)mount(store);
}

struct td_flash_sector td_server_nvs_settings_begin_erase(struct td_server_nvs_settings *store)
{
    struct td_nvs *nvs = &store->flash.nvs;

    store->used = 0;
    if (td_nvs_forget(nvs) != TD_OK)
        return (struct td_flash_sector){ 0, 0 };
    nvs->writable = false;
    return (struct td_flash_sector){ nvs->sector * nvs->sector_size, nvs->sector_size };
}
