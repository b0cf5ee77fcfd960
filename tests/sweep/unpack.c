/*
 * unpack.c - the rows of compressed images, which overwriting unpacks on its way: imgtool's own
 * (tests/golden), clear and encrypted, asked for and damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "boot/boot.h"
#include "log/log.h"
#include "memo.h"
#include "patch/lzma2.h"
#include "rows.h"
#include "slot/request.h"

enum { SECTOR = 1024, SLOT = 16 * SECTOR, SECTORS = 34 };

struct file {
    uint8_t bytes[SLOT];
    uint32_t size;
};

static const struct kind {
    const char *image;
    bool encrypted;
} kinds[] = {
    { "comp-lzma2-ecdsa-p256.img", false },
    { "comp-lzma2armthumb-ecdsa-p256.img", false },
    { "comp-lzma2-enc-ec256-128.img", true },
};

static const struct way {
    const char *name;
    const struct td_strategy *strategy;
    struct td_flash_run run;
    struct sim_nor_model model;
} ways[] = {
    { "overwrite-only",
      &td_strategy_overwrite,
      { SECTORS, SECTOR },
      { .name = "1K", .budget = 2, .erased = 0xff, .write_size = 4, .write_unit = 4 } },
    { "overwrite-plain",
      &td_strategy_overwrite_plain,
      { SECTORS, SECTOR },
      { .name = "1K ecc",
        .budget = 1,
        .erased = 0xff,
        .write_size = 8,
        .ecc_error = true,
        .write_unit = 8 } },
};

static const struct scenario {
    const char *name;
    bool damaged;
} scenarios[] = { { "compressed", false }, { "refuse damaged", true } };

static struct device {
    struct sim_nor_model model;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area primary, secondary, log;
    struct td_boot_slots slots;
    struct td_image_key key;
    struct td_image_unwrap unwrap;
    struct td_boot_config config;
    struct td_trailer p, x;
    struct td_boot_work work;
    struct td_boot_result result;
    struct td_lzma2_work unpacking;
    struct file old, new, program, signer, opener;
    enum td_err err;
    bool damaged;
} dev;

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "sweep: %s\n", what);
        exit(2);
    }
}

static void load(struct file *f, const char *name)
{
    char path[512];
    FILE *in;

    snprintf(path, sizeof path, "%s/tests/golden/%s", TD_ROOT, name);
    in = fopen(path, "rb");
    must(in != NULL, path);
    f->size = (uint32_t)fread(f->bytes, 1, sizeof f->bytes, in);
    fclose(in);
}

/* --- the device --- */

static void make_config(const struct way *way, bool encrypted)
{
    struct device *d = &dev;

    d->key = (struct td_image_key){ d->signer.bytes, (uint16_t)d->signer.size };
    d->unwrap = (struct td_image_unwrap){ &memo_ec256, d->opener.bytes, (uint16_t)d->opener.size };
    d->config = (struct td_boot_config){ .images = &d->slots,
                                         .n_images = 1,
                                         .strategy = way->strategy,
                                         .policy = { .hash = &memo_sha256,
                                                     .sig = &memo_ecdsa_p256,
                                                     .keys = &d->key,
                                                     .n_keys = 1,
                                                     .unwrap = encrypted ? &d->unwrap : NULL },
                                         .max_align = 8,
                                         .max_sectors = 16,
                                         .patch = &td_patch_lzma2,
                                         .patch_work = &d->unpacking,
                                         .boot_log = &d->log };
    d->p = (struct td_trailer){ .area = &d->primary,
                                .mode = td_strategy_mode(way->strategy),
                                .max_sectors = 16,
                                .write_size = (uint8_t)way->model.write_size,
                                .max_align = 8 };
    d->x = d->p;
    d->x.area = &d->secondary;
    must(td_boot_check(&d->config) == TD_OK, "the configuration is wrong");
}

static void make_device(const struct way *way, const struct kind *kind)
{
    struct device *d = &dev;

    memset(d, 0, sizeof *d);
    d->model = way->model;
    d->model.runs = &way->run;
    d->model.n_runs = 1;
    d->model.erase_unit = SECTOR;
    sim_nor_init(&d->nor, &d->model, calloc(1, sim_nor_size(&d->model)),
                 calloc(1, sim_nor_meta_size(&d->model)), &d->power, 7);
    d->primary = (struct td_flash_area){ &d->nor.dev, 0, SLOT };
    d->secondary = (struct td_flash_area){ &d->nor.dev, SLOT, SLOT };
    d->log = (struct td_flash_area){ &d->nor.dev, 2 * SLOT, 2 * SECTOR };
    d->slots = (struct td_boot_slots){ .primary = &d->primary, .secondary = &d->secondary };
    load(&d->old, "ecdsa-p256.img");
    load(&d->new, kind->image);
    load(&d->program, "thumb.bin");
    load(&d->signer, "keys/ecdsa-p256.pub.der");
    load(&d->opener, "keys/ecdsa-p256.priv.der");
    make_config(way, kind->encrypted);
}

static void run(void *ctx)
{
    struct device *d = ctx;

    d->err = td_boot_go(&d->config, &d->work, &d->result);
}

/* --- how it has to end --- */

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

static const char *judge(void *ctx, unsigned passed)
{
    const struct device *d = ctx;

    (void)passed;
    if (d->err != TD_OK || !d->result.bootable)
        return "nothing is bootable";
    if (d->damaged)
        return memcmp(sim_nor_peek(&d->nor, 0), d->old.bytes, d->old.size) != 0
                   ? "the old image is not what runs"
               : logged(d, TD_V_HASH_MISMATCH) ? NULL
                                               : "the refusal is not in the log";
    if (d->result.hdr.img_size != d->program.size ||
        memcmp(sim_nor_peek(&d->nor, d->result.hdr.hdr_size), d->program.bytes, d->program.size) !=
            0)
        return "what runs is not what was packed";
    return logged(d, TD_V_INSTALLED) ? NULL : "the installation is not in the log";
}

/* --- the rows --- */

static const struct cut_subject *make(const struct sweep_row *row)
{
    static struct cut_subject subject;
    const struct scenario *sc = row->part[0];
    const struct td_slots slots = { &dev.p, &dev.x, TD_SLOT_MENDED, 0 };
    enum td_slot_done done;

    make_device(row->part[1], row->part[2]);
    dev.damaged = sc->damaged;
    dev.new.bytes[1000] ^= sc->damaged;
    sim_nor_program(&dev.nor, 0, dev.old.bytes, dev.old.size);
    sim_nor_program(&dev.nor, SLOT, dev.new.bytes, dev.new.size);
    sim_power_on(&dev.power);
    must(td_slot_set_pending(&slots, true, dev.new.size, &done) == TD_OK,
         "the request was refused");
    subject = (struct cut_subject){ .ctx = &dev,
                                    .power = &dev.power,
                                    .flashes = { &dev.nor },
                                    .n_flashes = 1,
                                    .run = run,
                                    .judge = judge };
    return &subject;
}

static bool row_nth(unsigned n, struct sweep_row *row)
{
    const struct scenario *sc = &scenarios[n % TD_N_OF(scenarios)];
    const struct kind *kind = &kinds[n / TD_N_OF(scenarios) % TD_N_OF(kinds)];
    const struct way *way;

    if (n >= TD_N_OF(scenarios) * TD_N_OF(kinds) * TD_N_OF(ways))
        return false;
    way = &ways[n / TD_N_OF(scenarios) / TD_N_OF(kinds)];
    *row = (struct sweep_row){ .way = way->name,
                               .scenario = sc->name,
                               .flash = way->model.name,
                               .word = way->model.write_size,
                               .encrypted = kind->encrypted,
                               .images = 1,
                               .quick = n == 0,
                               .share = sc->damaged ? 0 : 1,
                               .part = { sc, way, kind } };
    return true;
}

const struct sweep_group sweep_unpack = { row_nth, make };
