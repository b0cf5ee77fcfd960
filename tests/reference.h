/*
 * reference.h - a device for the tables of MCUboot's behaviour (tests/reference_*_test.c).
 *
 * The tables were written from a description of MCUboot by somebody who had not read how
 * src/boot decides. Each row names its section of that description:
 *
 *   4 trailer   4.1 swap type   4.2 what is under way   5.1 end states   5.2-5.7 each mode
 *   5.8 largest image   6.1 requests   6.3 downgrades   6.4 counters   6.8 the primary's check
 *
 * A cell is put into flash byte by byte, at an offset that is reckoned here and not by
 * slot/trailer.c. Where Tandem mends what MCUboot does, the row has the mend's name in
 * docs/spec/boot.md or trailer.md.
 */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "boot/boot.h"
#include "image/build.h"
#include "log/log.h"
#include "sim/nor.h"
#include "slot/request.h"

#define REF_RAM_ADDR 0x20004000u
#define REF_RAM_SIZE 65536u
#define REF_TLVS     40u /* the hash and its area */
#define REF_COUNTER  12u /* a protected area with a security counter */

struct ref_shape {
    uint32_t sector;
    uint16_t n_primary, n_secondary, n_scratch;
    uint16_t max_sectors;
    uint8_t write_size, align, erased;
};

struct ref_image {
    uint8_t major, minor;
    uint16_t revision;
    uint32_t build;
    uint32_t size; /* of all of it; 0: a small one */
    uint32_t flags, load_addr, counter;
    bool broken; /* a byte of the payload is not what was hashed */
};

/* One value of a cell, in the numbers that MCUboot prints. */
enum { GOOD = 1, SET = 1, BAD = 2, UNSET = 3 };

struct ref_cells {
    uint8_t magic, image_ok, copy_done;
    uint8_t swap_info;  /* the byte; 0: unset */
    uint32_t swap_size; /* 0: unset; the original writes it with swap_info */
};

struct ref_device {
    struct ref_shape shape;
    struct td_flash_run run;
    struct sim_nor_model model;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area primary, secondary, scratch, log;
    struct td_boot_slots slots;
    struct td_boot_ram ram;
    uint8_t memory[REF_RAM_SIZE];
    uint32_t stored; /* the security counter */
    unsigned n_risen;
    bool is_stuck;
    struct td_boot_counters counters;
    struct td_boot_config config;
    struct td_boot_work work;
    struct td_boot_result result;
    struct td_trailer p, x;
    struct td_slots requests;
};

static const struct ref_shape ref_usual = { 1024, 8, 8, 2, 16, 8, 8, 0xff };

static inline enum td_err ref_counter_read(void *ctx, uint8_t image, uint32_t *value)
{
    const struct ref_device *d = ctx;

    (void)image;
    *value = d->stored;
    return TD_OK;
}

static inline enum td_err ref_counter_rise(void *ctx, uint8_t image, uint32_t value)
{
    struct ref_device *d = ctx;

    (void)image;
    if (d->is_stuck)
        return TD_ENOSPC;
    d->n_risen++;
    d->stored = value;
    return TD_OK;
}

static inline bool ref_counter_can_rise(void *ctx, uint8_t image, uint32_t value)
{
    const struct ref_device *d = ctx;

    (void)image;
    (void)value;
    return !d->is_stuck;
}

static inline void ref_free(struct ref_device *d)
{
    free(d->nor.bytes);
    free(d->nor.meta);
    d->nor.bytes = d->nor.meta = NULL;
}

static inline struct td_flash_area ref_area(struct ref_device *d, uint32_t *off, uint32_t sectors)
{
    struct td_flash_area area = { &d->nor.dev, *off, sectors * d->shape.sector };

    *off += area.size;
    return area;
}

/* Everything but what is in the slots; d is zero, or was made before. */
static inline void ref_make(struct ref_device *d, const struct td_strategy *strategy,
                            const struct ref_shape *shape)
{
    uint32_t off = 0, n = 2;

    ref_free(d);
    memset(d, 0, sizeof *d);
    d->shape = *shape;
    n += (uint32_t)shape->n_primary + shape->n_secondary + shape->n_scratch;
    d->run = (struct td_flash_run){ (uint16_t)n, shape->sector };
    d->model = (struct sim_nor_model){ .name = "reference",
                                       .runs = &d->run,
                                       .n_runs = 1,
                                       .erased = shape->erased,
                                       .budget = 1,
                                       .write_size = shape->write_size,
                                       .write_unit = shape->write_size,
                                       .erase_unit = shape->sector };
    sim_nor_init(&d->nor, &d->model, calloc(1, sim_nor_size(&d->model)),
                 calloc(1, sim_nor_meta_size(&d->model)), &d->power, 11);
    sim_power_on(&d->power);
    d->primary = ref_area(d, &off, shape->n_primary);
    d->secondary = ref_area(d, &off, shape->n_secondary);
    d->scratch = ref_area(d, &off, shape->n_scratch);
    d->log = ref_area(d, &off, 2);
    d->slots = (struct td_boot_slots){ .primary = &d->primary, .secondary = &d->secondary };
    if (strategy == &td_strategy_scratch)
        d->slots.scratch = &d->scratch;
    if (strategy == &td_strategy_single || strategy == &td_strategy_single_ram)
        d->slots.secondary = NULL;
    d->ram = (struct td_boot_ram){ REF_RAM_ADDR, REF_RAM_SIZE, d->memory };
    d->counters =
        (struct td_boot_counters){ ref_counter_read, ref_counter_rise, ref_counter_can_rise, d };
    d->config = (struct td_boot_config){ .images = &d->slots,
                                         .n_images = 1,
                                         .strategy = strategy,
                                         .policy = { .hash = &td_sha256 },
                                         .max_align = shape->align,
                                         .max_sectors = shape->max_sectors,
                                         .ram = &d->ram,
                                         .boot_log = &d->log };
    d->p = (struct td_trailer){ .area = &d->primary,
                                .mode = td_strategy_mode(strategy),
                                .max_sectors = shape->max_sectors,
                                .write_size = shape->write_size,
                                .max_align = shape->align };
    d->x = d->p;
    d->x.area = &d->secondary;
    d->requests = (struct td_slots){ &d->p, &d->x, TD_SLOT_MENDED, 0 };
}

/* Puts an image at off of an area as a debugger does; the answer is where it ends. */
static inline uint32_t ref_put(struct ref_device *d, const struct td_flash_area *area, uint32_t off,
                               const struct ref_image *image)
{
    static uint8_t buf[262144];
    uint32_t tlvs = REF_TLVS + (image->counter != 0 ? REF_COUNTER : 0);
    uint32_t size = image->size != 0 ? image->size : 600;
    struct td_image_header hdr = { .hdr_size = 32,
                                   .img_size = size - 32 - tlvs,
                                   .flags = image->flags,
                                   .load_addr = image->load_addr,
                                   .protect_tlv_size = image->counter != 0 ? REF_COUNTER : 0,
                                   .version = { .major = image->major,
                                                .minor = image->minor,
                                                .revision = image->revision,
                                                .build = image->build } };
    struct td_build b;
    uint8_t digest[32], counter[4];

    for (uint32_t i = 0; i < hdr.img_size; i++)
        buf[32 + i] = (uint8_t)(i * 7u + i / 256u + image->major);
    td_build_begin(&b, buf, sizeof buf, 32 + hdr.img_size);
    td_build_header(&b, &hdr);
    if (image->counter != 0) {
        td_store_le32(counter, image->counter);
        td_build_area(&b, TD_TLV_PROT_MAGIC);
        td_build_tlv(&b, TD_TLV_SEC_CNT, counter, sizeof counter);
        td_build_close(&b);
    }
    td_hash_of(&td_sha256, buf, b.len, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, sizeof digest);
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    assert_int_equal(b.len, size);
    if (image->broken)
        buf[100] ^= 0x55;
    sim_nor_program(&d->nor, area->off + off, buf, b.len);
    return off + b.len;
}

/* Section 4: where a cell starts, from the start of a slot of size bytes. */
static inline uint32_t ref_image_ok_off(uint32_t size, uint32_t align)
{
    return (size - 16 - align) / align * align;
}

static inline void ref_magic(uint8_t out[16], uint8_t align)
{
    static const uint8_t eight[16] = { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                       0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80 };
    static const uint8_t wider[14] = { 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
                                       0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a };

    memcpy(out, eight, sizeof eight);
    if (align == 8)
        return;
    out[0] = align;
    out[1] = 0;
    memcpy(out + 2, wider, sizeof wider);
}

/* A flag's byte, where it has one. */
static inline void ref_flag(uint8_t *at, uint8_t value)
{
    if (value != UNSET)
        *at = value == SET ? 0x01 : 0x55;
}

/* Writes a trailer's cells over what the slot's last sector holds. */
static inline void ref_cells(struct ref_device *d, const struct td_flash_area *area,
                             const struct ref_cells *c)
{
    uint32_t sector = d->shape.sector, align = d->shape.align;
    uint32_t last = area->off + area->size - sector;
    uint32_t ok = ref_image_ok_off(area->size, align) - (area->size - sector);
    uint8_t *bytes = malloc(sector), magic[16];

    assert_non_null(bytes);
    memcpy(bytes, sim_nor_peek(&d->nor, last), sector);
    ref_magic(magic, (uint8_t)align);
    if (c->magic == GOOD)
        memcpy(bytes + sector - 16, magic, 16);
    if (c->magic == BAD)
        memcpy(bytes + sector - 16, magic, 8);
    ref_flag(bytes + ok, c->image_ok);
    ref_flag(bytes + ok - align, c->copy_done);
    if (c->swap_info != 0)
        bytes[ok - 2 * align] = c->swap_info;
    if (c->swap_size != 0)
        td_store_le32(bytes + ok - (d->p.mode == TD_MODE_OFFSET ? 4 : 3) * align, c->swap_size);
    sim_nor_program(&d->nor, last, bytes, sector);
    free(bytes);
}

static inline struct td_trailer_state ref_state(const struct td_trailer *t)
{
    struct td_trailer_state s;

    assert_int_equal(td_trailer_read(t, &s), TD_OK);
    return s;
}

static inline bool ref_cells_are(const struct td_trailer *t, const struct ref_cells *c)
{
    struct td_trailer_state s = ref_state(t);
    enum td_swap_type type =
        c->swap_info == 0 ? TD_SWAP_NONE : (enum td_swap_type)(c->swap_info & 15);

    return s.magic == (enum td_magic)c->magic && s.image_ok == (enum td_flag)c->image_ok &&
           s.copy_done == (enum td_flag)c->copy_done && s.swap_type == type;
}

static const struct ref_cells ref_blank = { UNSET, UNSET, UNSET, 0, 0 };

static inline void ref_boot(struct ref_device *d)
{
    sim_power_on(&d->power);
    assert_int_equal(td_boot_go(&d->config, &d->work, &d->result), TD_OK);
}

/* The version that runs; 0: nothing does. */
static inline unsigned ref_runs(struct ref_device *d)
{
    ref_boot(d);
    return d->result.bootable ? d->result.hdr.version.major : 0;
}

static inline bool ref_has_verdict(const struct ref_device *d, enum td_verdict_code code)
{
    for (unsigned i = 0; i < d->result.n_verdicts; i++)
        if (d->result.verdicts[i].code == (uint16_t)code)
            return true;
    return false;
}

/* Whether an image begins at off of the area. */
static inline bool ref_has_image(const struct ref_device *d, const struct td_flash_area *area,
                                 uint32_t off)
{
    static const uint8_t magic[4] = { 0x3d, 0xb8, 0xf3, 0x96 };

    return memcmp(sim_nor_peek(&d->nor, area->off + off), magic, sizeof magic) == 0;
}

static inline bool ref_is_erased(const struct ref_device *d, const struct td_flash_area *area)
{
    for (uint32_t i = 0; i < area->size; i++)
        if (*sim_nor_peek(&d->nor, area->off + i) != d->shape.erased)
            return false;
    return true;
}

/* Asks as an application does. */
static inline void ref_request(struct ref_device *d, bool permanent, uint32_t end)
{
    enum td_slot_done done;

    assert_int_equal(td_slot_set_pending(&d->requests, permanent, end, &done), TD_OK);
    assert_int_equal(done, TD_SLOT_WRITTEN);
}

#endif
