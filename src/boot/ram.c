/*
 * boot/ram.c - RAM load: the image is copied to where its header wants it, and runs there.
 *
 * 1. What is verified is what will run: the copy, after decrypting, and nothing of it is read
 *    from flash again.
 * 2. Nothing is written outside the RAM that the configuration names, or over another image.
 * 3. A copy that is not run is wiped.
 */
#include <string.h>

#include "base/range.h"
#include "boot/choose.h"
#include "boot/cipher.h"

static uint8_t *at_address(const struct td_boot_run *run, uint32_t addr)
{
    const struct td_boot_ram *ram = run->config->ram;

    return ram->bytes + (addr - ram->addr);
}

static void wipe(struct td_boot_run *run)
{
    struct td_boot_span *span = &run->work->loaded[run->image];

    if (span->size == 0)
        return;
    td_boot_say(run, TD_LINE_RAM_WIPED, run->image, span->addr, 0, 0);
    memset(at_address(run, span->addr), 0, span->size);
    *span = (struct td_boot_span){ .size = 0 };
}

/* --- may it lie there --- */

static void fill(const struct td_boot_run *run, const struct td_image *img,
                 enum td_verdict_code code, uint32_t wanted, uint32_t found, struct td_verdict *v)
{
    td_boot_verdict(run, code, v);
    v->wanted = wanted;
    v->found = found;
    v->found_version = img->hdr.version;
}

static bool overlaps(const struct td_boot_span *a, uint32_t addr, uint32_t size)
{
    return a->size > 0 && addr < a->addr + a->size && a->addr < addr + size;
}

static enum td_err check_place(const struct td_boot_run *run, const struct td_image *img,
                               struct td_verdict *v)
{
    const struct td_boot_ram *ram = run->config->ram;
    uint32_t addr = img->hdr.load_addr;

    if ((img->hdr.flags & TD_IMAGE_F_RAM_LOAD) == 0) {
        fill(run, img, TD_V_NOT_FOR_RAM, TD_IMAGE_F_RAM_LOAD, img->hdr.flags, v);
        return TD_EUNSUPPORTED;
    }
    if (addr < ram->addr || !td_range_in(addr - ram->addr, img->size, ram->size)) {
        fill(run, img, TD_V_OUTSIDE_RAM, ram->addr, addr, v);
        td_boot_say(run, TD_LINE_RAM_ADDRESS, run->image, addr, 0, 0);
        return TD_EUNSUPPORTED;
    }
    for (uint8_t i = 0; i < run->config->n_images; i++) {
        const struct td_boot_span *other = &run->work->loaded[i];

        if (i == run->image || !overlaps(other, addr, img->size))
            continue;
        fill(run, img, TD_V_RAM_OVERLAP, other->addr, addr, v);
        td_boot_say(run, TD_LINE_RAM_OVERLAP, run->image, addr, 0, 0);
        return TD_EUNSUPPORTED;
    }
    return TD_OK;
}

/* --- loading --- */

static enum td_err copy(struct td_boot_run *run, const struct td_flash_area *area, uint8_t *to,
                        uint32_t len)
{
    enum td_err err = TD_OK;

    for (uint32_t at = 0; err == TD_OK && at < len; at += TD_BOOT_COPY_SIZE) {
        uint32_t n = td_min_u32(len - at, TD_BOOT_COPY_SIZE);

        td_boot_feed(run);
        err = td_boot_carry_read(run, TD_WAY_IN, at, area, at, to + at, n);
    }
    return err;
}

/* The key first: without it nothing of an encrypted image gets into RAM. */
static enum td_err load(struct td_boot_run *run, const struct td_flash_area *area,
                        const struct td_image *img)
{
    struct td_source src = td_flash_source(area);
    uint32_t addr = img->hdr.load_addr;
    enum td_err err;

    if ((img->hdr.flags & TD_IMAGE_F_ENCRYPTED) != 0 && run->config->policy.unwrap == NULL)
        return TD_EIMG_ENCRYPTED;
    err = td_boot_cipher_open(run, TD_WAY_IN, &src);
    if (err != TD_OK)
        return err;
    run->work->loaded[run->image] = (struct td_boot_span){ addr, img->size };
    err = copy(run, area, at_address(run, addr), img->size);
    td_boot_cipher_wipe(run->work);
    return err;
}

// Flash may be another chip, and may have answered differently the second time: what the copy
// says about itself has to be what it was loaded by.
static enum td_err verify_copy(struct td_boot_run *run, const struct td_image *img)
{
    const struct td_image *got = &run->work->report.img;
    enum td_err err = td_boot_verify_at(run, &run->chosen.src, img->size, TD_PAYLOAD_PLAIN);

    if (err == TD_OK && (got->size != img->size || got->hdr.load_addr != img->hdr.load_addr ||
                         got->hdr.flags != img->hdr.flags))
        return TD_EIMG_HASH;
    return err;
}

enum td_err td_boot_judge_in_ram(struct td_boot_run *run, uint8_t slot, struct td_verdict *v)
{
    const struct td_flash_area *area = td_boot_slot_area(run, slot);
    const struct td_trailer *t = slot == 0 ? &run->primary : &run->secondary;
    struct td_source src = td_flash_source(area);
    struct td_image_report *report = &run->work->report;
    struct td_image img;
    enum td_err err;

    wipe(run);
    err = td_image_open(&src, td_trailer_swap_info_off(t), &img, &report->fault);
    report->img.hdr = img.hdr;
    if (err == TD_OK)
        err = check_place(run, &img, v);
    if (err == TD_OK)
        err = load(run, area, &img);
    if (err != TD_OK) {
        wipe(run);
        return err;
    }
    run->chosen = (struct td_boot_choice){
        .slot = slot,
        .area = area,
        .src = td_source_memory(at_address(run, img.hdr.load_addr), img.size),
        .run_addr = img.hdr.load_addr,
    };
    err = verify_copy(run, &img);
    td_boot_say(run, err == TD_OK ? TD_LINE_RAM_LOADED : TD_LINE_RAM_FAILED, run->image,
                img.hdr.load_addr, 0, 0);
    if (err != TD_OK)
        wipe(run);
    return err;
}

static enum td_err ram_choose(struct td_boot_run *run, uint8_t excluded)
{
    wipe(run);
    return td_boot_choose_slot(run, excluded, false, td_boot_judge_in_ram);
}

static enum td_err ram_choose_on_trial(struct td_boot_run *run, uint8_t excluded)
{
    wipe(run);
    return td_boot_choose_slot(run, excluded, true, td_boot_judge_in_ram);
}

static enum td_err single_ram_choose(struct td_boot_run *run, uint8_t excluded)
{
    enum td_err err = TD_ENOTFOUND;

    wipe(run);
    if ((excluded & TD_SLOT_BIT(0)) != 0)
        return err;
    err = td_boot_try_slot(run, 0, td_boot_judge_in_ram);
    return err == TD_ENOTFOUND ? td_boot_none_left(run) : err;
}

static enum td_err ram_layout(const struct td_boot_run *run)
{
    const struct td_boot_ram *ram = run->config->ram;
    bool two = run->strategy->mode == TD_MODE_RAM_LOAD;
    uint32_t max;

    if (ram == NULL || ram->size == 0 || ram->size - 1 > UINT32_MAX - ram->addr ||
        (two && run->secondary.area == NULL))
        return TD_EARG;
    return td_boot_max(run, &max);
}

const struct td_strategy td_strategy_ram = {
    .mode = TD_MODE_RAM_LOAD,
    .layout = ram_layout,
    .choose = ram_choose,
    .judge = td_boot_judge_in_ram,
};

const struct td_strategy td_strategy_ram_revert = {
    .mode = TD_MODE_RAM_LOAD,
    .layout = ram_layout,
    .choose = ram_choose_on_trial,
    .judge = td_boot_judge_in_ram,
    .take = td_boot_take_slot,
};

const struct td_strategy td_strategy_single_ram = {
    .mode = TD_MODE_SINGLE_RAM,
    .layout = ram_layout,
    .choose = single_ram_choose,
    .judge = td_boot_judge_in_ram,
};
