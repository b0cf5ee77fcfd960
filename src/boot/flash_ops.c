/*
 * boot/flash_ops.c - erase and copy, one operation at a time, the watchdog fed in between.
 *
 * td_boot_erase erases whatever a range reads: a page whose erase was cut may read blank and be
 * weak. Who knows that nothing was under way on a sector may leave out a blank one.
 */
#include <string.h>

#include "base/range.h"
#include "boot/boot_priv.h"

#define ERASE_SLICE_US 10000u
#define READ_TRIES     3

void td_boot_feed(const struct td_boot_run *run)
{
    const struct td_boot_hooks *hooks = run->config->hooks;

    if (hooks != NULL && hooks->feed != NULL)
        hooks->feed(run->config->hook_ctx);
}

enum td_err td_boot_erase(const struct td_boot_run *run, const struct td_flash_area *area,
                          uint32_t off, uint32_t len)
{
    struct td_flash_job job;
    bool done = false;
    enum td_err err = td_flash_erase_begin(&job, area, off, len);

    while (err == TD_OK && !done) {
        td_boot_feed(run);
        err = td_flash_erase_step(&job, ERASE_SLICE_US, &done);
    }
    return err;
}

// Bytes that cannot be read belong to an image that is broken already, or were proven readable
// by verifying it a moment ago. Stopping here would keep the other image from its place.
enum td_err td_boot_read(const struct td_flash_area *area, uint32_t off, uint8_t *buf, uint32_t len)
{
    enum td_err err = TD_OK;

    for (unsigned i = 0; i < READ_TRIES; i++) {
        err = td_flash_read(area, off, buf, len);
        if (err != TD_EECC)
            return err;
    }
    memset(buf, area->dev->erased, len);
    return TD_OK;
}

static bool is_blank(const struct td_flash_area *area, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        if (bytes[i] != area->dev->erased)
            return false;
    }
    return true;
}

// On flash with error correction a word that was programmed with its erased value is used up.
// Where words are tiny, short gaps are written through: a call costs more than they do.
static uint32_t granule(const struct td_flash_area *area)
{
    return area->dev->write_size < 4 ? 16 : area->dev->write_size;
}

enum td_err td_boot_write(const struct td_flash_area *to, uint32_t off, const uint8_t *bytes,
                          uint32_t len)
{
    uint32_t from = 0, word = granule(to);
    enum td_err err = TD_OK;

    for (uint32_t at = 0; err == TD_OK && at < len; at += word) {
        uint32_t n = td_min_u32(word, len - at);

        if (is_blank(to, bytes + at, n)) {
            if (at > from)
                err = td_flash_write(to, off + from, bytes + from, at - from);
            from = at + n;
        }
    }
    return err == TD_OK && len > from ? td_flash_write(to, off + from, bytes + from, len - from)
                                      : err;
}

enum td_err td_boot_copy(const struct td_boot_run *run, const struct td_flash_area *from,
                         uint32_t from_off, const struct td_flash_area *to, uint32_t to_off,
                         uint32_t len)
{
    enum td_err err = TD_OK;

    for (uint32_t at = 0; err == TD_OK && at < len; at += TD_BOOT_COPY_SIZE) {
        uint32_t n = td_min_u32(len - at, TD_BOOT_COPY_SIZE);

        td_boot_feed(run);
        err = td_boot_read(from, from_off + at, run->work->copy, n);
        if (err == TD_OK)
            err = td_boot_write(to, to_off + at, run->work->copy, n);
    }
    return err;
}

enum td_err td_boot_erase_trailer(const struct td_boot_run *run, const struct td_trailer *t)
{
    uint32_t off;
    enum td_err err = td_trailer_first_sector(t, &off);

    return err != TD_OK ? err : td_boot_erase(run, t->area, off, t->area->size - off);
}

// What asks for an update stands between swap info and the end; the rest of the slot stays.
enum td_err td_boot_drop_request(const struct td_boot_run *run)
{
    const struct td_trailer *t = &run->secondary;
    struct td_flash_sector sector;
    enum td_err err = td_flash_sector_at(t->area, td_trailer_swap_info_off(t), &sector);

    return err != TD_OK ? err : td_boot_erase(run, t->area, sector.off, t->area->size - sector.off);
}

enum td_err td_boot_forget_swap(const struct td_boot_run *run)
{
    const struct td_trailer *t = &run->primary;
    struct td_source src = td_flash_source(t->area);
    struct td_image img;
    uint32_t off;
    enum td_err err = td_trailer_first_sector(t, &off);

    if (err != TD_OK)
        return err;
    if (td_image_open(&src, t->area->size, &img, NULL) == TD_OK && img.size > off)
        return TD_OK;
    return td_boot_erase(run, t->area, off, t->area->size - off);
}
