/*
 * choose.c - the rows of the strategies that choose a slot on trial: direct-XIP and RAM load with
 * revert. They write a few cells and the log, so every cut and every pair is taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "boot/boot.h"
#include "image/build.h"
#include "log/log.h"
#include "rows.h"
#include "slot/request.h"

enum { SECTOR = 1024, SLOT = 8 * SECTOR, SECTORS = 18, PAYLOAD = 2000, RAM = 0x20000000 };

/* What a cut may have made true: the trial has begun, and a reset ends it. */
enum { TRIAL_OVER = 1 };

static const struct {
    const char *name;
    uint8_t word, budget, erased;
    bool ecc_error;
} chips[] = {
    { "equal 1 K", 4, 2, 0xff, false },
    { "equal 1 K, ecc", 8, 1, 0xff, true },
    { "equal 1 K, 0x00", 4, 1, 0x00, false },
};

static const struct {
    const char *name;
    const struct td_strategy *strategy;
    uint32_t flags, load_addr;
} ways[] = {
    { "direct-xip-revert", &td_strategy_xip_revert, 0, 0 },
    { "ram-load-revert", &td_strategy_ram_revert, TD_IMAGE_F_RAM_LOAD, RAM },
};

enum what { FACTORY, UPDATE, PERMANENT, REVERT, WHATS };
static const char *const scenarios[] = { "factory", "update", "permanent", "revert" };

static struct device {
    uint8_t bytes[SECTORS * SECTOR];
    uint8_t memory[SLOT];
    struct td_flash_run runs;
    struct sim_nor_model model;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area slot[2], log;
    struct td_boot_slots slots;
    struct td_boot_ram ram;
    struct td_boot_config config;
    struct td_trailer trailer[2];
    struct td_boot_work work;
    struct td_boot_result result;
    struct cut_subject subject;
    enum what what;
} dev;

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "sweep: %s\n", what);
        exit(2);
    }
}

static void make_device(size_t way, size_t chip)
{
    struct device *d = &dev;

    memset(d, 0, sizeof *d);
    d->runs = (struct td_flash_run){ SECTORS, SECTOR };
    d->model = (struct sim_nor_model){ .name = chips[chip].name,
                                       .runs = &d->runs,
                                       .n_runs = 1,
                                       .erased = chips[chip].erased,
                                       .budget = chips[chip].budget,
                                       .write_size = chips[chip].word,
                                       .write_unit = chips[chip].word,
                                       .ecc_error = chips[chip].ecc_error,
                                       .erase_unit = SECTOR };
    sim_nor_init(&d->nor, &d->model, d->bytes, malloc(sim_nor_meta_size(&d->model)), &d->power, 7);
    sim_power_on(&d->power);
    for (uint32_t i = 0; i < 2; i++) {
        d->slot[i] = (struct td_flash_area){ &d->nor.dev, i * SLOT, SLOT };
        d->trailer[i] = (struct td_trailer){ .area = &d->slot[i],
                                             .mode = td_strategy_mode(ways[way].strategy),
                                             .max_sectors = 8,
                                             .write_size = chips[chip].word,
                                             .max_align = 8 };
    }
    d->log = (struct td_flash_area){ &d->nor.dev, 2 * SLOT, 2 * SECTOR };
    d->slots = (struct td_boot_slots){ .primary = &d->slot[0], .secondary = &d->slot[1] };
    d->ram = (struct td_boot_ram){ RAM, sizeof d->memory, d->memory };
    d->config = (struct td_boot_config){ .images = &d->slots,
                                         .n_images = 1,
                                         .strategy = ways[way].strategy,
                                         .policy = { .hash = &td_sha256 },
                                         .max_align = 8,
                                         .max_sectors = 8,
                                         .ram = &d->ram,
                                         .boot_log = &d->log };
    must(td_boot_check(&d->config) == TD_OK, "the configuration is wrong");
}

static void put(unsigned slot, size_t way, uint8_t major)
{
    static uint8_t buf[SLOT];
    struct td_image_header hdr = { .hdr_size = TD_IMAGE_HEADER_SIZE,
                                   .img_size = PAYLOAD,
                                   .flags = ways[way].flags,
                                   .load_addr = ways[way].load_addr,
                                   .version = { .major = major } };
    struct td_build b;
    uint8_t digest[32];

    for (size_t i = 0; i < PAYLOAD; i++)
        buf[TD_IMAGE_HEADER_SIZE + i] = (uint8_t)(i * 5u + major);
    td_build_begin(&b, buf, sizeof buf, TD_IMAGE_HEADER_SIZE + PAYLOAD);
    td_build_header(&b, &hdr);
    td_hash_of(&td_sha256, buf, b.len, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, sizeof digest);
    td_build_close(&b);
    must(b.err == TD_OK, "the image does not fit");
    sim_nor_program(&dev.nor, dev.slot[slot].off, buf, b.len);
}

static void run(void *ctx)
{
    struct device *d = ctx;

    (void)td_boot_go(&d->config, &d->work, &d->result);
}

static enum td_slot_stand stand(const struct device *d, unsigned slot)
{
    struct td_trailer_state s;

    must(td_trailer_read(&d->trailer[slot], &s) == TD_OK, "a trailer cannot be read");
    return td_slot_stand(&s);
}

static unsigned passed(void *ctx)
{
    const struct device *d = ctx;

    return stand(d, 1) == TD_STAND_TRIED ? TRIAL_OVER : 0;
}

static bool logged(const struct device *d, uint16_t code)
{
    struct td_log log = { &d->log };
    struct td_log_iter it;
    struct td_verdict v;
    bool end = false;

    td_log_begin(&it, &log);
    while (td_log_next(&it, &v, &end) == TD_OK && !end) {
        if (v.code == code)
            return true;
    }
    return false;
}

static const char *judge_update(const struct device *d, unsigned was)
{
    if ((was & TRIAL_OVER) != 0 && d->result.slot == 1)
        return "what had its trial runs again";
    if ((was & TRIAL_OVER) == 0 && d->result.slot == 0)
        return "a trial was taken away";
    if (d->result.on_trial != (d->result.slot == 1))
        return "a trial is not called one";
    if (!logged(d, TD_V_TRIAL_STARTED))
        return "the trial is not in the log";
    return d->result.slot == 1 || logged(d, TD_V_REVERTED) ? NULL : "the revert is not in the log";
}

static const char *judge(void *ctx, unsigned was)
{
    const struct device *d = ctx;

    if (!d->result.bootable)
        return "nothing runs";
    if (sim_nor_peek(&d->nor, 0)[0] != 0x3d ||
        (d->what != FACTORY && sim_nor_peek(&d->nor, SLOT)[0] != 0x3d))
        return "an image is gone";
    switch (d->what) {
    case UPDATE: return judge_update(d, was);
    case PERMANENT:
        if (d->result.slot != 1 || d->result.on_trial)
            return "what was asked for permanently does not run as confirmed";
        return logged(d, TD_V_INSTALLED) ? NULL : "the installation is not in the log";
    case REVERT:
        if (d->result.slot != 0 || d->result.on_trial)
            return "what was not confirmed runs again";
        return logged(d, TD_V_REVERTED) ? NULL : "the revert is not in the log";
    default: return d->result.slot != 0 || d->result.on_trial ? "not confirmed" : NULL;
    }
}

static bool is_at_rest(void *ctx)
{
    const struct device *d = ctx;

    return !d->result.on_trial;
}

static bool row(unsigned i, struct sweep_row *row)
{
    size_t what = i % WHATS, chip = i / WHATS % TD_N_OF(chips), way = i / WHATS / TD_N_OF(chips);

    if (way >= TD_N_OF(ways))
        return false;
    row->way = ways[way].name;
    row->scenario = scenarios[what];
    row->flash = chips[chip].name;
    row->word = chips[chip].word;
    row->images = 1;
    row->quick = chip == 0;
    row->share = 1;
    row->part[0] = &ways[way];
    row->part[1] = &chips[chip];
    row->part[2] = &scenarios[what];
    return true;
}

static const struct cut_subject *make(const struct sweep_row *row)
{
    size_t way = 0, chip = 0, what = 0;
    enum td_slot_done done;

    while ((const void *)&ways[way] != row->part[0])
        way++;
    while ((const void *)&chips[chip] != row->part[1])
        chip++;
    while ((const void *)&scenarios[what] != row->part[2])
        what++;
    make_device(way, chip);
    dev.what = (enum what)what;
    put(0, way, 1);
    if (dev.what != FACTORY) {
        const struct td_slots slots = { &dev.trailer[0], &dev.trailer[1], TD_SLOT_MENDED, 0 };

        run(&dev); // the factory's image gets its trailer
        put(1, way, 2);
        must(td_slot_set_pending(&slots, dev.what == PERMANENT, PAYLOAD + 76, &done) == TD_OK,
             "the request was refused");
    }
    if (dev.what == REVERT)
        run(&dev);
    dev.subject = (struct cut_subject){ .ctx = &dev,
                                        .power = &dev.power,
                                        .flashes = { &dev.nor },
                                        .n_flashes = 1,
                                        .run = run,
                                        .passed = passed,
                                        .judge = judge,
                                        .is_at_rest = is_at_rest };
    return &dev.subject;
}

const struct sweep_group sweep_choose = { row, make };
