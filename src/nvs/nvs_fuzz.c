/*
 * nvs/nvs_fuzz.c - any bytes where settings should be.
 *
 * The first byte chooses the flash, the next two which of its bytes is unstable, the fourth what
 * is asked for, the rest is the area's content. Whatever stands there: everything ends, what is
 * listed is inside the area, and what was written is read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "nvs/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTOR  128u
#define SECTORS 3u

#include "flash/shaky_test.h"

static void list(const struct td_settings *s)
{
    struct td_settings_iter names;
    struct td_settings_item setting;
    struct td_nvs_entry entry;
    struct td_nvs_space space;
    struct td_nvs_iter it;
    uint8_t value[SECTOR];
    uint32_t n = 0;
    bool end = false;

    for (td_nvs_begin(&it, &s->nvs); !end; n++) {
        check(td_nvs_next(&it, &entry, &end) == TD_OK);
        check(end || td_nvs_entry_read(&s->nvs, &entry, 0, value, entry.len) == TD_OK);
        check(n <= SECTOR * SECTORS / TD_NVS_ENTRY_SIZE);
    }
    check(td_nvs_space(&s->nvs, &space) == TD_OK && space.free <= space.capacity);
    td_settings_begin(&names, s);
    // A count may promise ten thousands of names; each is a search of its own.
    for (n = 0, end = false; n < 20 && names.next - TD_SETTINGS_ID_COUNT < 64 && !end; n++)
        check(td_settings_next(&names, &setting, &end) == TD_OK);
}

/* What is written is read, after another mount too. */
static void use(struct td_settings *s, const struct td_nvs_config *cfg, uint8_t ask)
{
    uint8_t got[64] = { 0 }, value[64];
    size_t len = ask % sizeof value + 1u, got_len;
    enum td_err err;

    memset(value, ask, sizeof value);
    err = td_nvs_write(&s->nvs, 0x1234, value, len);
    check(err == TD_OK || err == TD_ENOSPC || err == TD_ENVS_SIZE);
    for (unsigned i = 0; i < 2 && err == TD_OK; i++) {
        check(td_nvs_read(&s->nvs, 0x1234, got, sizeof got, &got_len) == TD_OK);
        check(got_len == len && memcmp(got, value, len) == 0);
        check(td_nvs_mount(&s->nvs, cfg) == TD_OK);
    }
    if (err != TD_OK || (ask & 1u) == 0)
        return;
    err = td_settings_set(s, "a/b", 3, value, len);
    check(err == TD_OK || err == TD_ENOSPC);
    if (err == TD_OK) {
        check(td_settings_get(s, "a/b", 3, got, sizeof got, &got_len) == TD_OK);
        check(got_len == len && memcmp(got, value, len) == 0);
    }
    check(td_nvs_wipe(&s->nvs) == TD_OK);
    check(td_nvs_read(&s->nvs, 0x1234, got, sizeof got, &got_len) == TD_ENOTFOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_flash f;
    struct td_flash_dev dev = {
        .ops = &ops, .ctx = &f, .runs = runs, .n_runs = 1, .size = SECTOR * SECTORS
    };
    const struct td_flash_area area = { &dev, 0, SECTOR * SECTORS };
    struct td_nvs_config cfg = { .area = &area };
    struct td_settings s;
    enum td_err err;

    if (size < 4)
        return 0;
    dev.write_size = (uint16_t)(1u << (data[0] & 7u) % 5);
    dev.erased = data[0] & 0x80 ? 0x00 : 0xFF;
    cfg.data_crc = (data[0] & 0x40) != 0;
    cfg.sector_count = (data[0] & 0x20) != 0 ? 2 : 3;
    f.erased = dev.erased;
    f.noise = 1;
    f.erasing = 0;
    f.shaky = (uint32_t)data[1] << 8 | data[2];
    memset(f.bytes, f.erased, sizeof f.bytes);
    memcpy(f.bytes, data + 4, size - 4 < sizeof f.bytes ? size - 4 : sizeof f.bytes);
    if (td_settings_look(&s, &cfg) == TD_OK)
        list(&s);
    err = td_nvs_mount(&s.nvs, &cfg);
    check(err == TD_OK || err == TD_ENVS_FOREIGN || err == TD_ENVS_AREA || err == TD_ENOSPC);
    if (err == TD_ENVS_FOREIGN || err == TD_ENOSPC)
        err = td_nvs_format(&s.nvs, &cfg);
    s.last = TD_SETTINGS_ID_COUNT;
    if (err == TD_OK)
        use(&s, &cfg, data[3]);
    return 0;
}
