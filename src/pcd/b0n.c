/*
 * pcd/b0n.c - the network core's bootloader.
 *
 * 1. Nothing is erased for a command whose source did not verify.
 * 2. The application that is there already is not written again: a command that is repeated
 *    after a power cut costs a hash.
 * 3. DONE is said when what lies in flash has verified, and at no other time.
 */
#include "pcd/b0n.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"

static uint32_t load(const struct td_b0n_config *c, uint32_t at)
{
    return c->port->load(c->port->ctx, c->block + at);
}

static void store(const struct td_b0n_config *c, uint32_t at, uint32_t value)
{
    c->port->store(c->port->ctx, c->block + at, value);
}

static void feed(const struct td_b0n_config *c)
{
    if (c->port->feed != NULL)
        c->port->feed(c->port->ctx);
}

/* --- is it an application for us --- */

static bool inside(uint32_t addr, uint32_t len, const struct td_fw_info *info)
{
    return addr >= info->address && td_range_in(addr - info->address, len, info->size);
}

static enum td_err check_info(const struct td_b0n_config *c, const struct td_fw_info *info)
{
    if (info->valid != TD_FW_VALID || info->address != c->app_addr ||
        !td_range_in(info->off, info->total_size, info->size) ||
        !inside(info->boot_address, 8, info))
        return TD_EFORMAT;
    return TD_OK;
}

static enum td_err check_reset(const struct td_source *src, const struct td_fw_info *info)
{
    uint8_t word[4];
    uint32_t at = info->boot_address - info->address + 4;
    enum td_err err = td_source_read(src, at, word, sizeof word);

    if (err != TD_OK)
        return err;
    return inside(td_load_le32(word) & ~1u, 2, info) ? TD_OK : TD_EFORMAT;
}

enum td_err td_b0n_check(const struct td_b0n_config *config, const struct td_source *src,
                         struct td_fw_info *info, uint8_t hash[32], uint32_t *end)
{
    struct td_fw_validation v;
    enum td_err err = td_fw_info_find(src, 0, config->search, info);

    if (err == TD_OK)
        err = check_info(config, info);
    if (err == TD_OK && info->size > src->size)
        err = TD_EFORMAT;
    if (err == TD_OK)
        err = check_reset(src, info);
    if (err == TD_OK)
        err = td_fw_validation_read(src, info->size, &v);
    if (err == TD_OK && v.address != info->address)
        err = TD_EFORMAT;
    if (err == TD_OK)
        err = td_fw_hash(src, 0, info->size, hash);
    if (err != TD_OK)
        return err;
    *end = v.off + TD_FW_VALIDATION_SIZE;
    return memcmp(hash, v.hash, sizeof v.hash) == 0 ? TD_OK : TD_EIMG_HASH;
}

/* --- the copy --- */

/* The other core's memory from base on, as a source. */
struct window {
    const struct td_b0n_config *config;
    uint32_t base;
};

static enum td_err window_read(const void *ctx, uint32_t off, void *dst, size_t len)
{
    const struct window *w = ctx;

    feed(w->config);
    return w->config->port->read(w->config->port->ctx, w->base + off, dst, len);
}

static bool has_already(const struct td_b0n_config *c, const uint8_t hash[32], uint32_t end)
{
    struct td_source src = td_flash_source(c->app);
    struct td_fw_info info;
    uint8_t ours[32];
    uint32_t our_end;

    return td_b0n_check(c, &src, &info, ours, &our_end) == TD_OK && our_end == end &&
           memcmp(ours, hash, sizeof ours) == 0;
}

static enum td_err erase(const struct td_b0n_config *c, uint32_t len)
{
    struct td_flash_sector sector;
    enum td_err err = TD_OK;

    for (uint32_t at = 0; err == TD_OK && at < len; at = sector.off + sector.size) {
        feed(c);
        err = td_flash_sector_at(c->app, at, &sector);
        if (err == TD_OK)
            err = td_flash_erase(c->app, sector.off, sector.size);
    }
    return err;
}

static enum td_err copy(const struct td_b0n_config *c, struct td_b0n_work *work,
                        const struct td_source *src, uint32_t len)
{
    uint32_t unit = c->app->dev->write_size;
    enum td_err err = erase(c, len);

    for (uint32_t at = 0; err == TD_OK && at < len; at += TD_B0N_COPY_SIZE) {
        uint32_t n = td_min_u32(len - at, TD_B0N_COPY_SIZE);
        uint32_t whole = (n + unit - 1) / unit * unit;

        memset(work->copy, c->app->dev->erased, sizeof work->copy);
        err = td_source_read(src, at, work->copy, n);
        if (err == TD_OK)
            err = td_flash_write(c->app, at, work->copy, whole);
    }
    return err;
}

static enum td_pcd_reason take(const struct td_b0n_config *c, struct td_b0n_work *work)
{
    struct window w = { c, load(c, TD_PCD_AT_DATA) };
    struct td_source src = { window_read, &w, load(c, TD_PCD_AT_LEN) };
    struct td_source ours = td_flash_source(c->app);
    struct td_fw_info info;
    uint8_t hash[32];
    uint32_t end;

    if (load(c, TD_PCD_AT_OFFSET) != (uint32_t)c->offset || src.size > c->app->size ||
        w.base > UINT32_MAX - src.size)
        return TD_PCD_RANGE;
    if (td_b0n_check(c, &src, &info, hash, &end) != TD_OK)
        return TD_PCD_SOURCE;
    if (has_already(c, hash, end))
        return TD_PCD_UNKNOWN;
    if (copy(c, work, &src, end) != TD_OK)
        return TD_PCD_WRITE;
    // The other core's memory was read twice; what counts is what stands here now.
    return td_b0n_check(c, &ours, &info, hash, &end) == TD_OK ? TD_PCD_UNKNOWN : TD_PCD_VERIFY;
}

/* --- commands --- */

static enum td_pcd_reason tell_version(const struct td_b0n_config *c)
{
    struct td_source src = td_flash_source(c->app);
    struct td_fw_info info;
    uint32_t to = load(c, TD_PCD_AT_DATA);

    // The pointer comes out of RAM: whoever forged it must not have us write anywhere else.
    if (to < c->ram_addr || to % 4 != 0 || !td_range_in(to - c->ram_addr, 4, c->ram_size))
        return TD_PCD_RANGE;
    if (td_fw_info_find(&src, 0, c->search, &info) != TD_OK)
        return TD_PCD_EMPTY;
    c->port->store(c->port->ctx, to, info.version);
    return TD_PCD_UNKNOWN;
}

static void answer(const struct td_b0n_config *c, enum td_pcd_reason why,
                   struct td_b0n_result *result)
{
    result->next = TD_B0N_SPIN;
    result->reason = why;
    if (why != TD_PCD_UNKNOWN && !c->as_original)
        store(c, TD_PCD_AT_DATA, TD_PCD_REASON | (uint32_t)why);
    store(c, TD_PCD_AT_MAGIC, why == TD_PCD_UNKNOWN ? TD_PCD_DONE : TD_PCD_FAIL);
}

static enum td_pcd_reason lock_debug(const struct td_b0n_config *c)
{
    if (c->port->lock_debug == NULL)
        return TD_PCD_COMMAND;
    return c->port->lock_debug(c->port->ctx) == TD_OK ? TD_PCD_UNKNOWN : TD_PCD_WRITE;
}

static void boot(const struct td_b0n_config *c, struct td_b0n_result *result)
{
    struct td_source src = td_flash_source(c->app);
    struct td_fw_info info;
    uint8_t hash[32];
    uint32_t end;
    enum td_err err = c->as_original ? td_fw_info_find(&src, 0, c->search, &info)
                                     : td_b0n_check(c, &src, &info, hash, &end);

    result->next = err == TD_OK ? TD_B0N_BOOT : TD_B0N_STOP;
    if (err == TD_OK) {
        result->boot_address = info.boot_address;
        result->version = info.version;
    } else {
        result->reason = err == TD_ENOTFOUND ? TD_PCD_EMPTY : TD_PCD_VERIFY;
    }
}

void td_b0n_go(const struct td_b0n_config *config, struct td_b0n_work *work,
               struct td_b0n_result *result)
{
    memset(result, 0, sizeof *result);
    switch (load(config, TD_PCD_AT_MAGIC)) {
    case TD_PCD_COPY: answer(config, take(config, work), result); break;
    case TD_PCD_READ_VERSION: answer(config, tell_version(config), result); break;
    case TD_PCD_LOCK_DEBUG: answer(config, lock_debug(config), result); break;
    default: boot(config, result); break; // RAM that nobody wrote is no command
    }
}
