#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "boot/cipher.h"
#include "image/build.h"
#include "keys/keys.h"
#include "keys/wrap.h"
#include "log/log.h"
#include "planted.h"

#define TLV_ROOM 320 /* what the TLVs of an image take at most */

static struct td_key *signing_key, *foreign_key, *device_key;
static uint8_t key_der[TD_KEY_DER_MAX], unwrap_der[TD_KEY_DER_MAX];
static size_t key_der_len, unwrap_der_len;

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

/* --- images --- */

static void make_keys(void)
{
    if (signing_key != NULL)
        return;
    must(td_key_generate(TD_KEY_ECDSA_P256, &signing_key) == TD_OK, "keygen");
    must(td_key_generate(TD_KEY_ECDSA_P256, &foreign_key) == TD_OK, "keygen");
    must(td_key_public_der(signing_key, key_der, sizeof key_der, &key_der_len) == TD_OK, "getpub");
    must(td_key_generate(TD_KEY_X25519, &device_key) == TD_OK, "keygen");
    must(td_key_private_der(device_key, TD_PRIVATE_USUAL, true, unwrap_der, sizeof unwrap_der,
                            &unwrap_der_len) == TD_OK,
         "getpriv");
}

/* The byte at off of an image: a letter of the content says what its chunk is made of. */
static uint8_t content_at(const struct image_plan *plan, uint32_t off)
{
    const char *letters = plan->content != NULL ? plan->content : "v";
    size_t n = strlen(letters), k = plan->chunk != 0 ? off / plan->chunk % n : 0;
    uint32_t seed = letters[k] == 'v' ? plan->major : 99u;

    if (letters[k] == 'b')
        return 0xff;
    return (uint8_t)((off * 2654435761u >> 13) + seed * 77u + off / 251u);
}

static void add_key(struct td_build *b, struct image *image)
{
    struct td_wrapped wrapped;

    must(td_key_random(image->content_key, sizeof image->content_key) == TD_OK, "random");
    must(td_key_wrap(device_key, 256, image->content_key, sizeof image->content_key, &wrapped) ==
             TD_OK,
         "wrapping a key");
    td_build_tlv(b, wrapped.tlv, wrapped.value, wrapped.len);
}

static void sign(struct td_build *b, const struct image_plan *plan, struct image *image)
{
    const struct td_key *key = plan->by_another_key ? foreign_key : signing_key;
    uint8_t key_hash[32], sig[TD_KEY_SIG_MAX], der[TD_KEY_DER_MAX];
    size_t sig_len, der_len;

    td_hash_of(&td_sha256, image->bytes, b->len, image->hash);
    must(td_key_public_der(key, der, sizeof der, &der_len) == TD_OK, "getpub");
    td_hash_of(&td_sha256, der, der_len, key_hash);
    must(td_key_sign(key, image->hash, sizeof image->hash, sig, sizeof sig, &sig_len) == TD_OK,
         "sign");
    td_build_area(b, TD_TLV_MAGIC);
    td_build_tlv(b, TD_TLV_SHA256, image->hash, sizeof image->hash);
    td_build_tlv(b, TD_TLV_KEYHASH, key_hash, sizeof key_hash);
    td_build_tlv(b, TD_TLV_ECDSA_SIG, sig, sig_len);
    if (plan->encrypted)
        add_key(b, image);
    td_build_close(b);
}

struct image image_make(const struct image_plan *plan)
{
    struct td_image_header hdr = { .hdr_size = 32,
                                   .img_size = plan->payload != NULL ? plan->payload_len
                                                                     : plan->size - 32 - TLV_ROOM,
                                   .flags = plan->encrypted ? TD_IMAGE_F_ENC_AES128 : 0,
                                   .protect_tlv_size = plan->counter != 0 ? 12 : 0,
                                   .version = { .major = plan->major } };
    struct image image = { .bytes = room(plan->size), .sealed = room(plan->size) };
    struct td_build b;
    uint8_t counter[4];

    make_keys();
    for (uint32_t i = 0; i < hdr.img_size; i++)
        image.bytes[32 + i] = plan->payload != NULL ? plan->payload[i] : content_at(plan, 32 + i);
    td_build_begin(&b, image.bytes, plan->size, 32 + hdr.img_size);
    td_build_header(&b, &hdr);
    if (plan->counter != 0) {
        td_store_le32(counter, plan->counter);
        td_build_area(&b, TD_TLV_PROT_MAGIC);
        td_build_tlv(&b, TD_TLV_SEC_CNT, counter, sizeof counter);
        td_build_close(&b);
    }
    sign(&b, plan, &image);
    must(b.err == TD_OK, "building an image");
    image.size = b.len;
    memcpy(image.sealed, image.bytes, image.size);
    if (plan->encrypted)
        must(td_key_ctr(image.content_key, sizeof image.content_key, image.sealed + 32,
                        hdr.img_size) == TD_OK,
             "encrypting");
    return image;
}

static void image_free(struct image *image)
{
    free(image->bytes);
    free(image->sealed);
}

struct image_plan device_candidate(const struct device *d, unsigned i)
{
    uint32_t size = d->shape->n_image * d->shape->chip.sector_size - 8;

    if (d->shape->n_image == 0)
        must(td_boot_max_image(&d->config, (uint8_t)i, &size) == TD_OK, "the largest image's size");
    return (struct image_plan){ .size = size,
                                .major = (uint8_t)(2 + 10 * i),
                                .encrypted = d->encrypted,
                                .counter = 2,
                                .chunk = d->shape->chip.sector_size };
}

/* --- flash --- */

static void make_chip(struct device *d, unsigned n, const struct chip_shape *chip, uint32_t sectors)
{
    d->runs[n] = (struct td_flash_run){ (uint16_t)sectors, chip->sector_size };
    d->models[n] = (struct sim_nor_model){ .name = d->shape->name,
                                           .runs = &d->runs[n],
                                           .n_runs = 1,
                                           .erased = chip->erased,
                                           .budget = chip->budget,
                                           .write_size = chip->write_size,
                                           .ecc_error = chip->ecc_error,
                                           .write_unit = chip->write_size,
                                           .erase_unit = chip->sector_size };
    sim_nor_init(&d->nors[n], &d->models[n], room(sim_nor_size(&d->models[n])),
                 room(sim_nor_meta_size(&d->models[n])), &d->power, 20260101 + n);
}

static struct td_flash_area take(const struct sim_nor *nor, uint32_t *off, uint32_t sectors)
{
    struct td_flash_area area = { &nor->dev, *off, sectors * nor->model->runs[0].sector_size };

    *off += area.size;
    return area;
}

static void place(struct device *d)
{
    const struct shape *s = d->shape;
    bool has_external = s->external.sector_size != 0;
    uint32_t n_x = s->n_secondary * d->n_images, at[2] = { 0, 0 };
    uint32_t n = s->n_primary * d->n_images + s->n_scratch + 4;

    d->n_nors = has_external ? 2 : 1;
    make_chip(d, 0, &s->chip, has_external ? n : n + n_x);
    if (has_external)
        make_chip(d, 1, &s->external, n_x);
    for (unsigned i = 0; i < d->n_images; i++) {
        struct device_image *im = &d->images[i];
        unsigned k = d->n_nors - 1;

        im->primary = take(&d->nors[0], &at[0], s->n_primary);
        im->secondary = take(&d->nors[k], &at[k], s->n_secondary);
        d->slots[i].primary = &im->primary;
        d->slots[i].secondary = &im->secondary;
    }
    if (s->n_scratch != 0) {
        d->scratch = take(&d->nors[0], &at[0], s->n_scratch);
        d->slots[0].scratch = d->slots[1].scratch = &d->scratch;
    }
    d->log = take(&d->nors[0], &at[0], 2);
    d->counters = take(&d->nors[0], &at[0], 2);
}

void device_plant(struct device *d, const struct planted *planted)
{
    const struct td_flash_dev *dev = &d->nors[0].dev;

    d->planted = planted;
    if (planted != NULL) {
        planted_shim(d);
        dev = &d->shim.dev;
    }
    d->scratch.dev = d->log.dev = d->counters.dev = dev;
    for (unsigned i = 0; i < d->n_images; i++) {
        d->images[i].primary.dev = dev;
        if (d->n_nors == 1)
            d->images[i].secondary.dev = dev;
    }
}

/* --- security counters: words that only grow, one area for all images --- */

/* An entry: image, its complement, counter, its complement; whole and steady, or not there. */
enum { COUNTER_ENTRY = 32 };

static bool counter_entry(const struct device *d, uint32_t off, uint8_t *image, uint32_t *value)
{
    uint8_t b[12];
    bool steady;

    if (td_flash_read_steady(&d->counters, off, b, sizeof b, &steady) != TD_OK || !steady)
        return false;
    *image = b[0];
    *value = td_load_le32(b + 4);
    return (b[0] ^ b[1]) == 0xff && b[0] < DEVICE_IMAGES && td_load_le32(b + 8) == ~*value;
}

uint32_t device_counter(struct device *d, uint8_t image)
{
    uint32_t high = 0, value;
    uint8_t of;

    for (uint32_t off = 0; off < d->counters.size; off += COUNTER_ENTRY) {
        if (counter_entry(d, off, &of, &value) && of == image)
            high = td_max_u32(high, value);
    }
    return high;
}

static enum td_err counter_read(void *ctx, uint8_t image, uint32_t *value)
{
    *value = device_counter(ctx, image);
    return TD_OK;
}

static bool counter_can_rise(void *ctx, uint8_t image, uint32_t value)
{
    (void)ctx;
    (void)image;
    (void)value;
    return true;
}

static bool is_free(const struct device *d, uint32_t off)
{
    uint8_t b[COUNTER_ENTRY], blank[COUNTER_ENTRY];
    bool steady;

    memset(blank, d->shape->chip.erased, sizeof blank);
    return td_flash_read_steady(&d->counters, off, b, sizeof b, &steady) == TD_OK && steady &&
           memcmp(b, blank, sizeof b) == 0;
}

static enum td_err counter_rise(void *ctx, uint8_t image, uint32_t value)
{
    struct device *d = ctx;
    uint8_t b[COUNTER_ENTRY];

    memset(b, d->shape->chip.erased, sizeof b);
    b[0] = image;
    b[1] = (uint8_t)~image;
    td_store_le32(b + 4, value);
    td_store_le32(b + 8, ~value);
    for (uint32_t off = 0; off < d->counters.size; off += COUNTER_ENTRY) {
        if (is_free(d, off))
            return td_flash_write(&d->counters, off, b, td_round_up(12, d->shape->chip.write_size));
    }
    return TD_ENOSPC;
}

/* --- the device --- */

void device_make(struct device *d, const struct shape *shape, const struct way *way, bool encrypted,
                 unsigned n_images, const struct contents *contents)
{
    uint32_t sector = shape->chip.sector_size;

    memset(d, 0, sizeof *d);
    d->shape = shape;
    d->way = way;
    d->encrypted = encrypted;
    d->n_images = n_images;
    place(d);
    d->slots[1].strategy = way->second;
    make_keys();
    d->key = (struct td_image_key){ key_der, (uint16_t)key_der_len };
    d->unwrap = (struct td_image_unwrap){ &memo_x25519, unwrap_der, (uint16_t)unwrap_der_len };
    d->counter_ops = (struct td_boot_counters){ counter_read, counter_rise, counter_can_rise, d };
    d->config = (struct td_boot_config){
        .images = d->slots,
        .n_images = (uint8_t)n_images,
        .strategy = way->strategy,
        .policy = { .hash = &memo_sha256, .sig = &memo_ecdsa_p256, .keys = &d->key, .n_keys = 1 },
        .max_align = shape->max_align,
        .max_sectors = (uint16_t)td_max_u32(shape->n_primary, shape->n_secondary),
        .downgrade_prevention = true,
        .counters = &d->counter_ops,
        .boot_log = &d->log,
    };
    if (encrypted)
        d->config.policy.unwrap = &d->unwrap;
    must(td_boot_check(&d->config) == TD_OK, "the layout's check");
    for (unsigned i = 0; i < n_images; i++) {
        struct image_plan plan = device_candidate(d, i);

        plan.content = contents->new;
        d->images[i].new = image_make(&plan);
        // The old image ends one sector earlier, so that both kinds of sector are there.
        plan.content = contents->old;
        plan.size -= sector - 16;
        plan.major--;
        plan.counter--;
        d->images[i].old = image_make(&plan);
    }
}

const struct td_strategy *device_strategy(const struct device *d, unsigned i)
{
    return i == 1 && d->way->second != NULL ? d->way->second : d->way->strategy;
}

void device_free(struct device *d)
{
    for (unsigned i = 0; i < d->n_nors; i++) {
        free(d->nors[i].bytes);
        free(d->nors[i].meta);
    }
    for (unsigned i = 0; i < d->n_images; i++) {
        image_free(&d->images[i].old);
        image_free(&d->images[i].new);
    }
}

static struct sim_nor *chip_of(struct device *d, const struct td_flash_area *area)
{
    return area->dev == &d->nors[1].dev ? &d->nors[1] : &d->nors[0];
}

static const uint8_t *peek(const struct device *d, const struct td_flash_area *area, uint32_t off)
{
    return sim_nor_peek(area->dev == &d->nors[1].dev ? &d->nors[1] : &d->nors[0], area->off + off);
}

uint32_t device_secondary_sector(const struct device *d)
{
    return d->shape->external.sector_size != 0 ? d->shape->external.sector_size
                                               : d->shape->chip.sector_size;
}

void device_put_primary(struct device *d, unsigned i, const struct image *image)
{
    const struct td_flash_area *area = &d->images[i].primary;

    sim_nor_program(chip_of(d, area), area->off, image->bytes, image->size);
}

void device_put_secondary(struct device *d, unsigned i, const struct image *image)
{
    const struct td_flash_area *area = &d->images[i].secondary;

    sim_nor_program(chip_of(d, area), area->off + d->way->new_sector * device_secondary_sector(d),
                    image->sealed, image->size);
}

struct td_slots device_slots(struct device *d, unsigned i, struct td_trailer *p,
                             struct td_trailer *x)
{
    *p = (struct td_trailer){
        .area = &d->images[i].primary,
        .mode = td_strategy_mode(device_strategy(d, i)),
        .max_sectors = d->config.max_sectors,
        .write_size = (uint8_t)td_max_u32(d->shape->chip.write_size, d->shape->external.write_size),
        .max_align = d->shape->max_align,
        .enc_key_len = td_boot_cipher_cell(&d->config.policy),
    };
    *x = *p;
    x->area = &d->images[i].secondary;
    return (struct td_slots){ p, x, TD_SLOT_MENDED, (uint8_t)i };
}

void device_boot(struct device *d)
{
    shim_forget(&d->shim);
    d->err = td_boot_go(&d->config, &d->work, &d->result);
}

bool device_primary_holds(const struct device *d, unsigned i, const struct image *image)
{
    return memcmp(peek(d, &d->images[i].primary, 0), image->bytes, image->size) == 0;
}

bool device_secondary_holds(const struct device *d, unsigned i, uint32_t sector,
                            const struct image *image)
{
    return memcmp(peek(d, &d->images[i].secondary, sector * device_secondary_sector(d)),
                  image->sealed, image->size) == 0;
}

bool device_logged(struct device *d, uint16_t code, uint8_t class)
{
    struct td_log log = { &d->log };
    struct td_log_iter it;
    struct td_verdict v;
    bool end = false;

    td_log_begin(&it, &log);
    while (td_log_next(&it, &v, &end) == TD_OK && !end) {
        if (code != 0 ? v.code == code : v.kind == class)
            return true;
    }
    return false;
}

static bool shows(const struct sim_nor *nor, const uint8_t key[16])
{
    static const uint8_t none[16];

    return memcmp(key, none, sizeof none) != 0 &&
           memmem(nor->bytes, sim_nor_size(nor->model), key, sizeof none) != NULL;
}

bool device_shows_key(const struct device *d)
{
    for (unsigned n = 0; n < d->n_nors; n++) {
        for (unsigned i = 0; i < d->n_images; i++) {
            if (shows(&d->nors[n], d->images[i].old.content_key) ||
                shows(&d->nors[n], d->images[i].new.content_key))
                return true;
        }
    }
    return false;
}
