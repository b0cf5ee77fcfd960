/* tools/inspect_settings.c - what lies in a dump's settings: Zephyr's NVS, and names over it. */
#include <stdlib.h>

#include "base/crc.h"
#include "base/range.h"
#include "nvs/settings.h"
#include "base/hex.h"
#include "tools/inspect.h"
#include "tools/survey.h"

enum { SECTORS_MOST = 8, SHOWN = 32, VALUE_MAX = 65536 };

struct store {
    struct td_window window;
    struct td_nvs_config cfg;
    struct td_settings settings;
    uint32_t addr;
};

/* ---- where it lies ------------------------------------------------------------------- */

struct place {
    uint32_t addr, size, sector, word;
};

static const struct td_thing *found(const struct td_survey *s, uint32_t from, uint64_t end)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].kind == TD_THING_STORAGE && s->at[i].addr >= from && s->at[i].addr < end)
            return &s->at[i];
    return NULL;
}

/*
 * Without a layout: from the first sector with entries to the last one, and an erased one, which
 * a store always has.
 */
static struct place guess(const struct td_survey *s, const struct td_memory *m,
                          const struct td_thing *first)
{
    uint32_t sector = first->u.storage.sector, end = first->addr + first->size;
    struct place p = { first->addr, 0, sector, 4 };
    bool gap = false;

    for (size_t i = 0; i < s->n; i++) {
        const struct td_thing *t = &s->at[i];

        if (t->kind == TD_THING_STORAGE && t->addr > first->addr &&
            t->addr + t->size - first->addr <= SECTORS_MOST * sector) {
            gap = gap || t->addr > end;
            end = t->addr + t->size;
        }
    }
    if (!gap && td_memory_has(m, end, sector) && td_memory_is_blank(m, end, sector))
        end += sector;
    else if (!gap && p.addr >= sector && td_memory_has(m, p.addr - sector, sector) &&
             td_memory_is_blank(m, p.addr - sector, sector))
        p.addr -= sector;
    p.size = end - p.addr;
    return p;
}

static bool find_place(const struct td_inspect *in, const struct td_survey *s,
                       const struct td_memory *m, const struct td_plan *plan, struct place *p)
{
    const struct td_thing *t = found(s, 0, UINT64_MAX);
    struct td_place_of at = in->storage;

    if (at.size == 0 && plan != NULL)
        at = plan->storage;
    if (at.size > 0) {
        t = found(s, at.addr, (uint64_t)at.addr + at.size);
        if (t == NULL && in->storage.size == 0)
            return false;
        *p = (struct place){ at.addr, at.size, t == NULL ? 4096 : t->u.storage.sector, 4 };
        if (in->storage.size > 0 && in->storage_sector > 0)
            p->sector = in->storage_sector;
    } else if (t != NULL) {
        *p = guess(s, m, t);
    }
    if (t != NULL && t->u.storage.stride > 8)
        p->word = t->u.storage.stride;
    return t != NULL || at.size > 0;
}

/* ---- reading it ---------------------------------------------------------------------- */

/* Whether behind this value stands its CRC. */
static bool has_crc(const struct td_nvs *nvs, const struct td_nvs_entry *entry)
{
    uint32_t len = entry->len, crc = 0;
    uint8_t byte, stored[4];

    if (len <= sizeof stored)
        return false;
    len -= (uint32_t)sizeof stored;
    for (uint32_t at = 0; at < len; at++) {
        if (td_nvs_entry_read(nvs, entry, at, &byte, 1) != TD_OK)
            return false;
        crc = td_crc32(crc, &byte, 1);
    }
    if (td_nvs_entry_read(nvs, entry, len, stored, sizeof stored) != TD_OK)
        return false;
    for (unsigned i = 0; i < sizeof stored; i++)
        if (stored[i] != (uint8_t)(crc >> 8 * i))
            return false;
    return true;
}

/*
 * Nothing in the format says whether values carry a CRC; all of them do, or none. One that fits is
 * no chance, while one that does not may be damaged.
 */
static bool some_have_crc(const struct td_nvs *nvs)
{
    struct td_nvs_entry entry;
    struct td_nvs_iter it;
    bool end = false;

    td_nvs_begin(&it, nvs);
    while (td_nvs_next_raw(&it, &entry, &end) == TD_OK && !end)
        if (entry.len > 0 && has_crc(nvs, &entry))
            return true;
    return false;
}

static bool open_store(struct store *store, const struct td_inspect *in, const struct td_survey *s,
                       const struct td_memory *m, const struct td_plan *plan)
{
    struct place p;

    if (!find_place(in, s, m, plan, &p))
        return false;
    p.size = td_round_down(p.size, p.sector);
    if (!td_memory_has(m, p.addr, p.size) ||
        !td_window_flash(&store->window, m, p.addr, p.size, p.sector, (uint16_t)p.word))
        return false;
    store->addr = p.addr;
    store->cfg = (struct td_nvs_config){ .area = &store->window.area };
    if (td_settings_look(&store->settings, &store->cfg) != TD_OK)
        return false;
    store->cfg.data_crc = some_have_crc(&store->settings.nvs);
    return td_settings_look(&store->settings, &store->cfg) == TD_OK;
}

static const char *state_word(const struct td_nvs *nvs, uint16_t sector)
{
    static const char *const words[] = {
        [TD_NVS_SECTOR_ERASED] = "erased", [TD_NVS_SECTOR_OPEN] = "open",
        [TD_NVS_SECTOR_CLOSED] = "closed", [TD_NVS_SECTOR_TORN] = "torn",
        [TD_NVS_SECTOR_OTHER] = "other",
    };
    enum td_nvs_sector_state state;

    return td_nvs_sector_state(nvs, sector, &state) == TD_OK ? words[state] : "unreadable";
}

/* ---- values that are not settings: other users of the same store ---------------------- */

static bool is_settings_id(uint16_t id)
{
    return id >= TD_SETTINGS_ID_COUNT;
}

static bool next_number(struct td_nvs_iter *it, struct td_nvs_entry *entry)
{
    bool end = false;

    while (td_nvs_next(it, entry, &end) == TD_OK && !end)
        if (entry->current && entry->len > 0 && !is_settings_id(entry->id))
            return true;
    return false;
}

/* ---- for people ---------------------------------------------------------------------- */

static bool is_text(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] < 0x20 || bytes[i] > 0x7e)
            return false;
    return len > 0;
}

static void print_value(FILE *out, enum td_err err, const uint8_t *bytes, size_t shown, size_t len)
{
    char hex[2 * SHOWN + 1];

    if (err != TD_OK && err != TD_ESPACE) {
        fprintf(out, "damaged: %s\n", td_strerror(err));
        return;
    }
    td_hex(bytes, shown, hex);
    fprintf(out, "%s%s", hex, shown < len ? "..." : "");
    if (shown == len && is_text(bytes, shown))
        fprintf(out, "  \"%.*s\"", (int)shown, (const char *)bytes);
    fputc('\n', out);
}

/* Names come from the flash: what is no plain character is a dot. */
static void print_name(FILE *out, const struct td_settings_item *one)
{
    char name[TD_SETTINGS_NAME_MAX + 1] = "";

    for (size_t i = 0; i < one->name_len; i++)
        name[i] = one->name[i] < 0x20 || one->name[i] > 0x7e ? '.' : one->name[i];
    fprintf(out, "  %-28s %5zu  ", name, one->len);
}

static void print_values(const struct store *store, FILE *out)
{
    const struct td_nvs *nvs = &store->settings.nvs;
    struct td_settings_iter it;
    struct td_nvs_iter numbers;
    struct td_nvs_entry entry;
    struct td_settings_item one;
    uint8_t value[SHOWN];
    bool end = false;
    enum td_err err;
    size_t len;

    td_settings_begin(&it, &store->settings);
    while (td_settings_next(&it, &one, &end) == TD_OK && !end) {
        err = td_settings_value(&store->settings, &one, value, sizeof value, &len);
        print_name(out, &one);
        print_value(out, err, value, len < sizeof value ? len : sizeof value, len);
    }
    td_nvs_begin(&numbers, nvs);
    while (next_number(&numbers, &entry)) {
        err = td_nvs_read(nvs, entry.id, value, sizeof value, &len);
        fprintf(out, "  id 0x%04x                    %5zu  ", entry.id, len);
        print_value(out, err, value, len < sizeof value ? len : sizeof value, len);
    }
}

void td_inspect_settings_say(const struct td_inspect *in, const struct td_survey *s,
                             const struct td_memory *m, const struct td_plan *plan)
{
    FILE *out = in->cli->out;
    struct td_nvs_space space;
    const struct td_nvs *nvs;
    struct store store;

    if (!open_store(&store, in, s, m, plan)) {
        if (in->storage.size > 0)
            fprintf(out, "settings at 0x%x: there is no NVS\n", in->storage.addr);
        return;
    }
    nvs = &store.settings.nvs;
    fprintf(out, "settings at 0x%x (Zephyr's NVS, %u sectors of %u%s):\n", store.addr,
            nvs->sector_count, nvs->sector_size,
            store.cfg.data_crc ? ", each value with a CRC" : "");
    print_values(&store, out);
    fputs("  sectors:", out);
    for (uint16_t i = 0; i < nvs->sector_count; i++)
        fprintf(out, "%s %s", i == 0 ? "" : ",", state_word(nvs, i));
    if (td_nvs_space(nvs, &space) == TD_OK)
        fprintf(out, "\n  free: %u of %u bytes, %u before a sector is erased", space.free,
                space.capacity, space.room);
    fprintf(out, "%s\n",
            nvs->to_repair ? "\n  the power went while it was written; the next start mends it"
                           : "");
}

/* ---- for programs -------------------------------------------------------------------- */

/* null where the value is damaged. */
static json_t *value_json(enum td_err err, const uint8_t *value, size_t len)
{
    return err == TD_OK || err == TD_ESPACE ? td_hex_json(value, len) : json_null();
}

static json_t *settings_json(const struct store *store, uint8_t *value)
{
    json_t *all = json_array();
    struct td_settings_iter it;
    struct td_settings_item one;
    bool end = false;
    enum td_err err;
    size_t len;

    td_settings_begin(&it, &store->settings);
    while (td_settings_next(&it, &one, &end) == TD_OK && !end) {
        json_t *name = json_stringn(one.name, one.name_len);

        err = td_settings_value(&store->settings, &one, value, VALUE_MAX, &len);
        if (name == NULL) // not UTF-8
            name = td_hex_json((const uint8_t *)one.name, one.name_len);
        json_array_append_new(all,
                              json_pack("{s:o, s:I, s:o}", "name", name, "length", (json_int_t)len,
                                        "value", value_json(err, value, len)));
    }
    return all;
}

static json_t *numbers_json(const struct store *store, uint8_t *value)
{
    const struct td_nvs *nvs = &store->settings.nvs;
    json_t *all = json_array();
    struct td_nvs_entry entry;
    struct td_nvs_iter it;
    enum td_err err;
    size_t len;

    td_nvs_begin(&it, nvs);
    while (next_number(&it, &entry)) {
        err = td_nvs_read(nvs, entry.id, value, VALUE_MAX, &len);
        json_array_append_new(all,
                              json_pack("{s:i, s:I, s:o}", "id", (int)entry.id, "length",
                                        (json_int_t)len, "value", value_json(err, value, len)));
    }
    return all;
}

json_t *td_inspect_settings_json(const struct td_inspect *in, const struct td_survey *s,
                                 const struct td_memory *m, const struct td_plan *plan)
{
    struct td_nvs_space space = { 0 };
    uint8_t *value = malloc(VALUE_MAX);
    json_t *sectors, *json = NULL;
    const struct td_nvs *nvs;
    struct store store;

    if (value != NULL && open_store(&store, in, s, m, plan)) {
        nvs = &store.settings.nvs;
        sectors = json_array();
        for (uint16_t i = 0; i < nvs->sector_count; i++)
            json_array_append_new(sectors, json_string(state_word(nvs, i)));
        (void)td_nvs_space(nvs, &space);
        json = json_pack("{s:I, s:I, s:b, s:b, s:o, s:I, s:I, s:o, s:o}", "address",
                         (json_int_t)store.addr, "sector_size", (json_int_t)nvs->sector_size,
                         "data_crc", store.cfg.data_crc, "to_repair", nvs->to_repair, "sectors",
                         sectors, "free", (json_int_t)space.free, "capacity",
                         (json_int_t)space.capacity, "settings", settings_json(&store, value),
                         "values", numbers_json(&store, value));
    }
    free(value);
    return json;
}
