/*
 * server/bench_test.h - a bootloader with its recovery, over a simulated flash, for tests and
 * fuzzers: two slots, a boot log, and a line whose two ends are functions.
 *
 * Everything is in struct bench, which is large: place it statically.
 */
#ifndef TD_SERVER_BENCH_TEST_H
#define TD_SERVER_BENCH_TEST_H

#include <stdlib.h>
#include <string.h>

#include "boot/boot.h"
#include "image/build.h"
#include "server/recovery.h"
#include "sim/nor.h"
#include "smp/image.h"

enum {
    BENCH_PAGE = 1024,
    BENCH_SLOT = 16 * BENCH_PAGE,
    BENCH_LOG = 2 * BENCH_PAGE,
    BENCH_PAGES = 34,
    BENCH_BUF = 512,
};

static const struct td_flash_run bench_runs[] = { { BENCH_PAGES, BENCH_PAGE } };
static const struct sim_nor_model bench_model = { .name = "bench",
                                                  .runs = bench_runs,
                                                  .n_runs = 1,
                                                  .erased = 0xff,
                                                  .budget = 2,
                                                  .write_size = 4,
                                                  .erase_pauses = true,
                                                  .write_unit = 4,
                                                  .erase_us = 85000,
                                                  .erase_unit = BENCH_PAGE };

struct bench {
    uint8_t bytes[BENCH_PAGES * BENCH_PAGE];
    uint8_t *meta;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area slot[2], log;
    struct td_boot_slots slots;
    struct td_boot_config boot;
    struct td_boot_work work;
    struct td_boot_result result;
    bool pin;

    struct td_room_geometry room;
    struct td_server_image image;
    const struct td_server_group *groups[3];
    struct td_recovery_config config;
    struct td_recovery rec;
    uint8_t rx[BENCH_BUF], tx[BENCH_BUF], hold[BENCH_BUF];
    uint32_t now_ms;

    uint8_t said[8192]; /* what came back on the line since it was last looked at */
    size_t n_said;
};

static inline bool bench_judge(void *ctx, uint8_t image, uint8_t slot, struct td_verdict *why)
{
    struct bench *b = ctx;

    return td_boot_judge(&b->boot, &b->work, image, slot, why);
}

static inline bool bench_pin(void *ctx)
{
    return ((struct bench *)ctx)->pin;
}

static const struct td_boot_hooks bench_hooks = { .recovery_pin = bench_pin };

/* Blank slots, no power yet. Change the configs afterwards as a test wants them. */
static inline void bench_init(struct bench *b, const struct td_strategy *strategy,
                              enum td_recovery_framing framing, enum td_server_target target)
{
    const struct td_flash_dev *dev = &b->nor.dev;

    free(b->meta);
    memset(b, 0, sizeof *b);
    b->meta = malloc(sim_nor_meta_size(&bench_model));
    sim_nor_init(&b->nor, &bench_model, b->bytes, b->meta, &b->power, 7);
    sim_power_on(&b->power);
    b->slot[0] = (struct td_flash_area){ dev, 0, BENCH_SLOT };
    b->slot[1] = (struct td_flash_area){ dev, BENCH_SLOT, BENCH_SLOT };
    b->log = (struct td_flash_area){ dev, 2 * BENCH_SLOT, BENCH_LOG };
    b->slots = (struct td_boot_slots){ .primary = &b->slot[0], .secondary = &b->slot[1] };
    b->boot = (struct td_boot_config){ .images = &b->slots,
                                       .n_images = 1,
                                       .strategy = strategy,
                                       .policy = { .hash = &td_sha256 },
                                       .max_align = 8,
                                       .max_sectors = 16,
                                       .has_recovery = true,
                                       .boot_log = &b->log,
                                       .hooks = &bench_hooks,
                                       .hook_ctx = b };
    b->room = (struct td_room_geometry){ .primary_size = BENCH_SLOT,
                                         .secondary_size = BENCH_SLOT,
                                         .primary_sector = BENCH_PAGE,
                                         .secondary_sector = BENCH_PAGE,
                                         .max_sectors = 16,
                                         .write_size = 4,
                                         .max_align = 8 };
    b->image = (struct td_server_image){ .slot = { &b->slot[0], &b->slot[1] },
                                         .strategy = td_strategy_mode(strategy),
                                         .room = &b->room };
    if (b->image.strategy == TD_MODE_SINGLE) {
        b->slots.secondary = NULL;
        b->image.slot[1] = NULL;
        b->room.secondary_size = 0;
    }
    b->groups[0] = &td_recovery_group_os;
    b->groups[1] = &td_recovery_group_image_full;
    b->groups[2] = &td_recovery_group_tandem;
    b->config = (struct td_recovery_config){ .framing = framing,
                                             .groups = b->groups,
                                             .n_groups = 3,
                                             .images = &b->image,
                                             .n_images = 1,
                                             .target = target,
                                             .hash_len = 32,
                                             .boot_log = &b->log,
                                             .judge = bench_judge,
                                             .ctx = b };
}

/* Switches on: the bootloader, and recovery where it asks for it. */
static inline enum td_err bench_boot(struct bench *b)
{
    struct td_recovery_buffers buffers = { b->rx, b->tx, b->hold, BENCH_BUF };
    enum td_err err = td_boot_go(&b->boot, &b->work, &b->result);

    b->n_said = 0;
    if (err == TD_OK && b->result.recover != TD_RECOVER_NO)
        err = td_recovery_init(&b->rec, &b->config, &buffers);
    return err;
}

static inline void bench_listen(struct bench *b)
{
    size_t n;

    while ((n = td_recovery_send(&b->rec, b->said + b->n_said, sizeof b->said - b->n_said)) > 0)
        b->n_said += n;
}

/* Bytes on the line, as they come; work and answers in between. */
static inline void bench_say(struct bench *b, const void *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        at += td_recovery_receive(&b->rec, b->now_ms, (const uint8_t *)bytes + at, len - at);
        while (td_recovery_busy(&b->rec) && b->rec.tx_len == 0)
            td_recovery_work(&b->rec, b->now_ms, 20000);
        bench_listen(b);
    }
}

/* One packet in the bench's framing. */
static inline void bench_send(struct bench *b, const uint8_t *packet, size_t len)
{
    struct td_console_out console;
    struct td_cobs_out cobs;
    uint8_t line[TD_CONSOLE_LINE_MAX];
    size_t n;

    b->n_said = 0;
    if (b->config.framing == TD_RECOVERY_RAW) {
        bench_say(b, packet, len);
    } else if (b->config.framing == TD_RECOVERY_COBS) {
        (void)td_cobs_out_begin(&cobs, packet, len);
        while ((n = td_cobs_out_bytes(&cobs, line, sizeof line)) > 0)
            bench_say(b, line, n);
    } else {
        (void)td_console_out_begin(&console, packet, len, sizeof line);
        while ((n = td_console_out_line(&console, line)) > 0)
            bench_say(b, line, n);
    }
}

/* The packet that came back, into out; 0: none, or a damaged one. */
static inline size_t bench_answer(struct bench *b, uint8_t *out, size_t cap)
{
    struct td_console_in console;
    struct td_cobs_in cobs;
    size_t len = 0;

    if (b->config.framing == TD_RECOVERY_RAW) {
        memcpy(out, b->said, b->n_said < cap ? b->n_said : cap);
        return b->n_said;
    }
    td_console_in_init(&console, out, cap);
    td_cobs_in_init(&cobs, out, cap);
    for (size_t i = 0; i < b->n_said; i++) {
        if (b->config.framing == TD_RECOVERY_COBS) {
            if (td_cobs_in_byte(&cobs, b->said[i]) == TD_RAW_PACKET)
                len = cobs.len;
        } else if (td_console_in_byte(&console, b->said[i]) == TD_CONSOLE_PACKET) {
            len = console.len;
        }
    }
    return len;
}

/* An image with only its hash, of this version; returns its length. */
static inline uint32_t bench_image(uint8_t *buf, uint8_t major, uint32_t payload, uint32_t flags,
                                   uint32_t load_addr)
{
    struct td_image_header hdr = { .hdr_size = TD_IMAGE_HEADER_SIZE,
                                   .img_size = payload,
                                   .flags = flags,
                                   .load_addr = load_addr,
                                   .version = { .major = major } };
    struct td_build build;
    uint8_t digest[32];

    for (uint32_t i = 0; i < payload; i++)
        buf[TD_IMAGE_HEADER_SIZE + i] = (uint8_t)(i * 7u + major);
    td_build_begin(&build, buf, BENCH_SLOT, TD_IMAGE_HEADER_SIZE + payload);
    td_build_header(&build, &hdr);
    td_hash_of(&td_sha256, buf, build.len, digest);
    td_build_area(&build, TD_TLV_MAGIC);
    td_build_tlv(&build, TD_TLV_SHA256, digest, sizeof digest);
    td_build_close(&build);
    return build.err == TD_OK ? build.len : 0;
}

#endif
