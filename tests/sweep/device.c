#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/build.h"
#include "keys/keys.h"
#include "log/log.h"
#include "planted.h"

static struct td_key *signing_key, *foreign_key;
static uint8_t key_der[TD_KEY_DER_MAX];
static size_t key_der_len;

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "sweep: %s failed\n", what);
        exit(2);
    }
}

static void *room(size_t size)
{
    void *p = calloc(1, size);

    must(p != NULL, "calloc");
    return p;
}

static void make_keys(void)
{
    if (signing_key != NULL)
        return;
    must(td_key_generate(TD_KEY_ECDSA_P256, &signing_key) == TD_OK, "keygen");
    must(td_key_generate(TD_KEY_ECDSA_P256, &foreign_key) == TD_OK, "keygen");
    must(td_key_public_der(signing_key, key_der, sizeof key_der, &key_der_len) == TD_OK, "getpub");
}

struct image image_make(uint32_t size, uint8_t major, bool by_another_key)
{
    const struct td_key *key;
    struct td_image_header hdr = { .hdr_size = 32, .version = { .major = major } };
    struct td_build b;
    struct image image = { .bytes = room(size + 512) };
    uint8_t digest[32], key_hash[32], sig[TD_KEY_SIG_MAX], der[TD_KEY_DER_MAX];
    size_t sig_len, der_len;

    make_keys();
    key = by_another_key ? foreign_key : signing_key;
    hdr.img_size = size - 32 - 200; /* what the TLVs take at most */
    for (uint32_t i = 0; i < hdr.img_size; i++)
        image.bytes[32 + i] = (uint8_t)((i * 2654435761u >> 13) + major * 77u + i / 251u);
    td_build_begin(&b, image.bytes, size + 512, 32 + hdr.img_size);
    td_build_header(&b, &hdr);
    td_hash_of(&td_sha256, image.bytes, b.len, digest);
    must(td_key_public_der(key, der, sizeof der, &der_len) == TD_OK, "getpub");
    td_hash_of(&td_sha256, der, der_len, key_hash);
    must(td_key_sign(key, digest, sizeof digest, sig, sizeof sig, &sig_len) == TD_OK, "sign");
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, sizeof digest);
    td_build_tlv(&b, TD_TLV_KEYHASH, key_hash, sizeof key_hash);
    td_build_tlv(&b, TD_TLV_ECDSA_SIG, sig, sig_len);
    td_build_close(&b);
    must(b.err == TD_OK && b.len <= size, "building an image");
    image.size = b.len;
    memcpy(image.hash, digest, sizeof image.hash);
    return image;
}

static struct sim_nor_snapshot snapshot_room(const struct sim_nor_model *model)
{
    return (struct sim_nor_snapshot){ room(sim_nor_size(model)), room(sim_nor_meta_size(model)) };
}

static void make_flash(struct device *d)
{
    const struct shape *s = d->shape;
    uint32_t n = (uint32_t)s->n_primary + s->n_secondary + 2;

    d->run = (struct td_flash_run){ (uint16_t)n, s->sector_size };
    d->model = (struct sim_nor_model){ .name = s->name,
                                       .runs = &d->run,
                                       .n_runs = 1,
                                       .erased = s->erased,
                                       .budget = s->budget,
                                       .write_size = s->write_size,
                                       .ecc_error = s->ecc_error,
                                       .write_unit = s->write_size,
                                       .erase_unit = s->sector_size };
    sim_nor_init(&d->nor, &d->model, room(sim_nor_size(&d->model)),
                 room(sim_nor_meta_size(&d->model)), &d->power, 20260101);
    d->start = snapshot_room(&d->model);
    d->middle = snapshot_room(&d->model);
}

static void place_areas(struct device *d)
{
    const struct shape *s = d->shape;
    uint32_t p = s->n_primary * s->sector_size, x = s->n_secondary * s->sector_size;

    d->primary = (struct td_flash_area){ &d->nor.dev, 0, p };
    d->secondary = (struct td_flash_area){ &d->nor.dev, p, x };
    d->log = (struct td_flash_area){ &d->nor.dev, p + x, 2 * s->sector_size };
}

void device_plant(struct device *d, const struct planted *planted)
{
    const struct td_flash_dev *dev = &d->nor.dev;

    d->planted = planted;
    if (planted != NULL) {
        planted_shim(d);
        dev = &d->shim;
    }
    d->primary.dev = d->secondary.dev = d->log.dev = dev;
}

void device_make(struct device *d, const struct shape *shape, const struct td_strategy *strategy,
                 uint32_t n_sectors)
{
    uint32_t size = n_sectors * shape->sector_size;

    memset(d, 0, sizeof *d);
    d->shape = shape;
    make_flash(d);
    place_areas(d);
    // The old image ends one sector earlier, so that both kinds of sector are there.
    d->old = image_make(size - shape->sector_size - 40, 1, false);
    d->new = image_make(size - 24, 2, false);
    d->slots = (struct td_boot_slots){ .primary = &d->primary, .secondary = &d->secondary };
    d->key = (struct td_image_key){ key_der, (uint16_t)key_der_len };
    d->config = (struct td_boot_config){
        .images = &d->slots,
        .n_images = 1,
        .strategy = strategy,
        .policy = { .hash = &memo_sha256, .sig = &memo_ecdsa_p256, .keys = &d->key, .n_keys = 1 },
        .max_align = shape->max_align,
        .max_sectors = shape->n_primary,
        .downgrade_prevention = true,
        .boot_log = &d->log,
    };
    must(td_boot_check(&d->config) == TD_OK, "the layout's check");
}

void device_free(struct device *d)
{
    free(d->nor.bytes);
    free(d->nor.meta);
    free(d->start.bytes);
    free(d->start.meta);
    free(d->middle.bytes);
    free(d->middle.meta);
    free(d->old.bytes);
    free(d->new.bytes);
}

void device_program(struct device *d, const struct td_flash_area *area, const struct image *image)
{
    sim_nor_program(&d->nor, area->off, image->bytes, image->size);
}

struct td_slots device_slots(struct device *d, struct td_trailer *p, struct td_trailer *x)
{
    *p = (struct td_trailer){ .area = &d->primary,
                              .mode = td_strategy_mode(d->config.strategy),
                              .max_sectors = d->config.max_sectors,
                              .write_size = d->shape->write_size,
                              .max_align = d->shape->max_align };
    *x = *p;
    x->area = &d->secondary;
    return (struct td_slots){ p, x, TD_SLOT_MENDED, 0 };
}

enum td_err device_boot(struct device *d)
{
    if (d->planted != NULL)
        planted_forget();
    return td_boot_go(&d->config, &d->work, &d->result);
}

bool device_holds(const struct device *d, const struct td_flash_area *area,
                  const struct image *image)
{
    return memcmp(sim_nor_peek(&d->nor, area->off), image->bytes, image->size) == 0;
}

bool device_logged(struct device *d, uint16_t code, uint8_t class)
{
    struct td_log log = { &d->log };
    struct td_log_iter it;
    struct td_verdict v;
    bool end = false;

    td_log_begin(&it, &log);
    while (td_log_next(&it, &v, &end) == TD_OK && !end) {
        if (code != 0 ? v.code == code : v.class == class)
            return true;
    }
    return false;
}

bool device_is_torn(const struct device *d)
{
    for (uint32_t i = 0; i < d->nor.n_sectors; i++) {
        if (sim_nor_is_torn(&d->nor, i))
            return true;
    }
    return false;
}

struct fingerprint device_state(const struct device *d)
{
    return fingerprint_of(d->nor.bytes, sim_nor_size(&d->model), 3);
}
