/*
 * nvs/settings.c - names over numbers.
 *
 * A new setting is written value first, then name, then the count; it is there with the last of
 * them that was needed. One that goes is taken out of the count first when it was the highest,
 * then its name goes, then its value. So no name that counts ever stands before a value that is
 * not its own.
 */
#include "nvs/settings.h"

#include <string.h>

#include "base/bytes.h"
#include "nvs/nvs_priv.h"

static bool is_name(size_t len)
{
    return len > 0 && len <= TD_SETTINGS_NAME_MAX;
}

static uint16_t value_id(uint16_t id)
{
    return (uint16_t)(id + TD_SETTINGS_ID_VALUES);
}

/* --- the count --- */

static enum td_err read_count(struct td_settings *s)
{
    uint8_t bytes[2];
    size_t len;
    enum td_err err = td_nvs_read(&s->nvs, TD_SETTINGS_ID_COUNT, bytes, sizeof bytes, &len);

    s->last = TD_SETTINGS_ID_COUNT;
    if (err == TD_OK && len == sizeof bytes)
        s->last = td_load_le16(bytes);
    if (s->last < TD_SETTINGS_ID_COUNT)
        s->last = TD_SETTINGS_ID_COUNT;
    if (s->last > TD_SETTINGS_ID_LAST)
        s->last = TD_SETTINGS_ID_LAST;
    return err == TD_ENOTFOUND || err == TD_ENVS_DATA || err == TD_ESPACE ? TD_OK : err;
}

static enum td_err write_count(struct td_settings *s, uint16_t last)
{
    uint8_t bytes[2];
    enum td_err err;

    td_store_le16(bytes, last);
    err = td_nvs_write(&s->nvs, TD_SETTINGS_ID_COUNT, bytes, sizeof bytes);
    if (err == TD_OK)
        s->last = last;
    return err;
}

/* --- finding a name --- */

static enum td_err is_entry_of(const struct td_settings *s, const struct td_nvs_entry *entry,
                               const char *name, size_t name_len, bool *same)
{
    char bytes[TD_SETTINGS_NAME_MAX];
    struct td_nvs_entry newest;
    enum td_err err;

    *same = entry->id > TD_SETTINGS_ID_COUNT && entry->id <= s->last &&
            entry->len == name_len + td_nvs_crc_size(&s->nvs);
    if (!*same)
        return TD_OK;
    err = td_nvs_entry_read(&s->nvs, entry, 0, bytes, name_len);
    *same = err == TD_OK && memcmp(bytes, name, name_len) == 0;
    if (err != TD_OK || !*same)
        return err == TD_EECC ? TD_OK : err;
    err = td_nvs_find(&s->nvs, entry->id, &newest, same);
    *same = *same && newest.sector == entry->sector && newest.entry == entry->entry;
    return err;
}

/* The id of a name that counts; TD_ENOTFOUND. One pass, whatever the number of names. */
static enum td_err find_name(const struct td_settings *s, const char *name, size_t name_len,
                             uint16_t *id)
{
    struct td_nvs_entry entry = { .id = TD_NVS_ID_NONE };
    struct td_nvs_iter it;
    bool end = false, same = false;
    enum td_err err = is_name(name_len) ? TD_OK : TD_EARG;

    td_nvs_begin(&it, &s->nvs);
    while (err == TD_OK && !same) {
        err = td_nvs_next_raw(&it, &entry, &end);
        if (err == TD_OK && end)
            return TD_ENOTFOUND;
        if (err == TD_OK)
            err = is_entry_of(s, &entry, name, name_len, &same);
    }
    *id = entry.id;
    return err;
}

static enum td_err is_there(const struct td_settings *s, uint16_t id, bool *there)
{
    struct td_nvs_entry entry;
    enum td_err err = td_nvs_find(&s->nvs, id, &entry, there);

    *there = *there && entry.len > td_nvs_crc_size(&s->nvs);
    return err;
}

/* The lowest id without a name. TD_ENOSPC: all are taken. */
static enum td_err find_free(const struct td_settings *s, uint16_t *id)
{
    bool there = true;
    enum td_err err = TD_OK;

    *id = TD_SETTINGS_ID_COUNT;
    while (err == TD_OK && there) {
        if (*id == TD_SETTINGS_ID_LAST)
            return TD_ENOSPC;
        *id = (uint16_t)(*id + 1u);
        if (*id > s->last)
            return TD_OK;
        err = is_there(s, *id, &there);
    }
    return err;
}

/* --- one setting --- */

enum td_err td_settings_get(const struct td_settings *s, const char *name, size_t name_len,
                            void *dst, size_t cap, size_t *len)
{
    uint16_t id;
    enum td_err err = find_name(s, name, name_len, &id);

    *len = 0;
    return err == TD_OK ? td_nvs_read(&s->nvs, value_id(id), dst, cap, len) : err;
}

static enum td_err add(struct td_settings *s, uint16_t id, const char *name, size_t name_len,
                       const void *src, size_t len)
{
    enum td_err err = td_nvs_write(&s->nvs, value_id(id), src, len);

    if (err == TD_OK)
        err = td_nvs_write(&s->nvs, id, name, name_len);
    if (err == TD_OK && id > s->last)
        err = write_count(s, id);
    // Without room for all three there is none of them.
    if (err == TD_ENOSPC) {
        (void)td_nvs_delete(&s->nvs, id);
        (void)td_nvs_delete(&s->nvs, value_id(id));
    }
    return err;
}

enum td_err td_settings_set(struct td_settings *s, const char *name, size_t name_len,
                            const void *src, size_t len)
{
    uint16_t id;
    enum td_err err;

    if (len == 0) {
        err = td_settings_remove(s, name, name_len);
        return err == TD_ENOTFOUND ? TD_OK : err;
    }
    err = find_name(s, name, name_len, &id);
    if (err == TD_OK)
        return td_nvs_write(&s->nvs, value_id(id), src, len);
    if (err != TD_ENOTFOUND)
        return err;
    err = find_free(s, &id);
    return err == TD_OK ? add(s, id, name, name_len, src, len) : err;
}

static enum td_err drop(struct td_settings *s, uint16_t id)
{
    enum td_err err = TD_OK;

    if (id == s->last)
        err = write_count(s, (uint16_t)(id - 1u));
    if (err == TD_OK)
        err = td_nvs_delete(&s->nvs, id);
    return err == TD_OK ? td_nvs_delete(&s->nvs, value_id(id)) : err;
}

enum td_err td_settings_remove(struct td_settings *s, const char *name, size_t name_len)
{
    uint16_t id;
    enum td_err err = find_name(s, name, name_len, &id);

    if (err == TD_OK && !s->nvs.writable)
        err = TD_ESTATE;
    return err == TD_OK ? drop(s, id) : err;
}

/* --- all of them --- */

void td_settings_begin(struct td_settings_iter *it, const struct td_settings *s)
{
    *it = (struct td_settings_iter){ s, s->last };
}

/* The name and its value's length; *whole: both are there. */
static enum td_err look_at(const struct td_settings *s, uint16_t id,
                           struct td_settings_item *setting, bool *whole)
{
    enum td_err err =
        td_nvs_read(&s->nvs, id, setting->name, sizeof setting->name, &setting->name_len);

    *whole = err == TD_OK;
    if (err == TD_OK)
        err = td_nvs_read(&s->nvs, value_id(id), NULL, 0, &setting->len);
    *whole = *whole && setting->len > 0;
    setting->id = id;
    // A name beyond any length, and what gives no CRC, is nobody's setting.
    return err == TD_EFLASH ? err : TD_OK;
}

enum td_err td_settings_next(struct td_settings_iter *it, struct td_settings_item *setting,
                             bool *end)
{
    bool whole = false;
    enum td_err err = TD_OK;

    *end = false;
    while (err == TD_OK && !whole) {
        if (it->next <= TD_SETTINGS_ID_COUNT) {
            *end = true;
            return TD_OK;
        }
        err = look_at(it->settings, (uint16_t)it->next--, setting, &whole);
    }
    return err;
}

enum td_err td_settings_value(const struct td_settings *s, const struct td_settings_item *setting,
                              void *dst, size_t cap, size_t *len)
{
    return td_nvs_read(&s->nvs, value_id(setting->id), dst, cap, len);
}

/* --- mounting --- */

/* What has a name and no value, or the other way round, is removed. */
static enum td_err clean(struct td_settings *s)
{
    enum td_err err = TD_OK;

    for (uint16_t id = s->last; id > TD_SETTINGS_ID_COUNT && err == TD_OK; id--) {
        bool name, value;

        err = is_there(s, id, &name);
        if (err == TD_OK)
            err = is_there(s, value_id(id), &value);
        if (err == TD_OK && name != value)
            err = drop(s, id);
    }
    return err == TD_ENOSPC ? TD_OK : err;
}

enum td_err td_settings_look(struct td_settings *s, const struct td_nvs_config *cfg)
{
    enum td_err err = td_nvs_look(&s->nvs, cfg);

    s->last = TD_SETTINGS_ID_COUNT;
    return err == TD_OK ? read_count(s) : err;
}

enum td_err td_settings_mount(struct td_settings *s, const struct td_nvs_config *cfg)
{
    enum td_err err = td_nvs_mount(&s->nvs, cfg);

    s->last = TD_SETTINGS_ID_COUNT;
    if (err == TD_OK)
        err = read_count(s);
    return err == TD_OK ? clean(s) : err;
}

enum td_err td_settings_format(struct td_settings *s, const struct td_nvs_config *cfg)
{
    s->last = TD_SETTINGS_ID_COUNT;
    return td_nvs_format(&s->nvs, cfg);
}

enum td_err td_settings_wipe(struct td_settings *s)
{
    enum td_err err = td_nvs_wipe(&s->nvs);

    if (err == TD_OK)
        s->last = TD_SETTINGS_ID_COUNT;
    return err;
}
