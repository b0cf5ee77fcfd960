/*
 * server/rig_test.h - a server over a simulated flash, for tests and fuzzers.
 *
 * Two slots of 16 pages each, a storage area, a boot log, all on one flash like the nRF52833's
 * with smaller pages. What hooks were told is counted. Everything is in struct rig, which is
 * large: place it statically.
 */
#ifndef TD_SERVER_RIG_TEST_H
#define TD_SERVER_RIG_TEST_H

#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "crypto/hash.h"
#include "image/build.h"
#include "log/log.h"
#include "server/server.h"
#include "server/server_priv.h"
#include "sim/nor.h"
#include "smp/basic.h"
#include "smp/image.h"
#include "smp/tandem.h"

enum {
    RIG_SLOT_SIZE = 0x4000,
    RIG_PAGE = 1024,
    RIG_BUF = 2475,
    RIG_IMAGE_MAX = RIG_SLOT_SIZE,
};

static const struct td_flash_run rig_runs[] = { { 36, RIG_PAGE } };

static const struct sim_nor_model rig_model = {
    .name = "rig",
    .runs = rig_runs,
    .n_runs = 1,
    .erased = 0xff,
    .budget = 2,
    .write_size = 4,
    .erase_pauses = true,
    .write_us = 41,
    .write_unit = 4,
    .erase_us = 85000,
    .erase_unit = RIG_PAGE,
    .read_ns_per_kb = 20000,
};

struct rig_told {
    unsigned resets, begun, done, confirmed, storage;
    struct td_server_reset reset;
    struct td_server_upload upload;
    unsigned chunks, accesses;
    uint32_t chunk_off, chunk_len;
    uint32_t access_rc, reset_rc, upload_rc, chunk_rc, done_rc; /* what the hooks answer */
};

struct rig {
    struct sim_power power;
    struct sim_nor nor;
    uint8_t *bytes, *meta;
    struct td_flash_area slot[2], storage, log;
    struct td_room_geometry room;
    struct td_server_image image;
    const struct td_server_group *groups[4];
    struct td_server_config cfg;
    struct td_server srv;
    struct td_server_link link;
    const struct td_server_link *speaker; /* whose packets rig_send hands over */
    uint8_t hold[RIG_BUF];
    uint8_t rsp[RIG_BUF];
    size_t rsp_len;
    unsigned n_work; /* calls of work that the last answer took */
    struct rig_told told;
};

static inline uint32_t rig_access(void *ctx, const struct td_server_link *link,
                                  const struct td_smp_header *hdr, struct td_cbor_text *reason)
{
    (void)link;
    (void)hdr;
    *reason = TD_TEXT("no");
    ((struct rig *)ctx)->told.accesses++;
    return ((struct rig *)ctx)->told.access_rc;
}

static inline uint32_t rig_reset(void *ctx, const struct td_server_reset *reset,
                                 struct td_cbor_text *reason)
{
    struct rig *rig = ctx;

    *reason = TD_TEXT("busy");
    rig->told.resets++;
    rig->told.reset = *reset;
    return reset->force ? 0 : rig->told.reset_rc;
}

static inline uint32_t rig_begin(void *ctx, const struct td_server_upload *upload,
                                 struct td_cbor_text *reason)
{
    struct rig *rig = ctx;

    (void)reason;
    rig->told.begun++;
    rig->told.upload = *upload;
    return rig->told.upload_rc;
}

static inline uint32_t rig_chunk(void *ctx, const struct td_server_upload *upload, uint32_t off,
                                 uint32_t len, struct td_cbor_text *reason)
{
    struct rig *rig = ctx;

    (void)upload;
    *reason = TD_TEXT("not now");
    rig->told.chunks++;
    rig->told.chunk_off = off;
    rig->told.chunk_len = len;
    return rig->told.chunk_rc;
}

static inline uint32_t rig_uploaded(void *ctx, const struct td_server_upload *upload,
                                    struct td_cbor_text *reason)
{
    (void)upload;
    *reason = TD_TEXT("not this one");
    return ((struct rig *)ctx)->told.done_rc;
}

static inline void rig_done(void *ctx, const struct td_server_upload *upload)
{
    struct rig *rig = ctx;

    rig->told.done++;
    rig->told.upload = *upload;
}

static inline void rig_confirmed(void *ctx, uint8_t image)
{
    (void)image;
    ((struct rig *)ctx)->told.confirmed++;
}

static inline void rig_storage_erased(void *ctx)
{
    ((struct rig *)ctx)->told.storage++;
}

static const struct td_server_hooks rig_hooks = {
    .access = rig_access,
    .reset = rig_reset,
    .upload_begin = rig_begin,
    .chunk = rig_chunk,
    .uploaded = rig_uploaded,
    .upload_done = rig_done,
    .confirmed = rig_confirmed,
    .storage_erased = rig_storage_erased,
};

static const uint8_t rig_keys[9][32] = { { 1 }, { 2 }, { 3 }, { 4 }, { 5 },
                                         { 6 }, { 7 }, { 8 }, { 9 } };

/* A device with blank slots. Change the config afterwards as a test wants it. */
static inline void rig_init(struct rig *rig, const struct td_server_manner *manner,
                            enum td_strategy_id mode)
{
    const struct td_flash_dev *dev = &rig->nor.dev;

    if (rig->bytes == NULL) {
        rig->bytes = malloc(sim_nor_size(&rig_model));
        rig->meta = malloc(sim_nor_meta_size(&rig_model));
    }
    sim_power_on(&rig->power);
    sim_nor_init(&rig->nor, &rig_model, rig->bytes, rig->meta, &rig->power, 1);
    rig->slot[0] = (struct td_flash_area){ dev, 0, RIG_SLOT_SIZE };
    rig->slot[1] = (struct td_flash_area){ dev, RIG_SLOT_SIZE, RIG_SLOT_SIZE };
    rig->storage = (struct td_flash_area){ dev, 2 * RIG_SLOT_SIZE, 2 * RIG_PAGE };
    rig->log = (struct td_flash_area){ dev, 2 * RIG_SLOT_SIZE + 2 * RIG_PAGE, 2 * RIG_PAGE };
    rig->room = (struct td_room_geometry){
        .primary_size = RIG_SLOT_SIZE,
        .secondary_size = RIG_SLOT_SIZE,
        .primary_sector = RIG_PAGE,
        .secondary_sector = RIG_PAGE,
        .max_sectors = 16,
        .write_size = 4,
        .max_align = 8,
    };
    rig->image = (struct td_server_image){
        .slot = { &rig->slot[0], &rig->slot[1] },
        .strategy = mode,
        .room = &rig->room,
        .upload_off = mode == TD_MODE_OFFSET ? RIG_PAGE : 0,
    };
    rig->groups[0] = &td_server_group_os;
    rig->groups[1] = &td_server_group_image;
    rig->groups[2] = &td_server_group_basic;
    rig->groups[3] = &td_server_group_tandem;
    rig->cfg = (struct td_server_config){
        .manner = manner,
        .groups = rig->groups,
        .n_groups = 4,
        .images = &rig->image,
        .n_images = 1,
        .buf_size = RIG_BUF,
        .buf_count = 4,
        .access = td_server_access_open,
        .n_access = 1,
        .bootloader = TD_TEXT("MCUboot"),
        .no_downgrade = true,
        .storage = &rig->storage,
        .boot_log = &rig->log,
        .sig = 2,
        .sig_name = TD_TEXT("ecdsa-p256"),
        .hash_len = 32,
        .keys = rig_keys,
        .n_keys = 9,
        .layout = TD_TEXT("rig"),
        .board = TD_TEXT("nrf52833"),
        .hooks = &rig_hooks,
        .hook_ctx = rig,
    };
    rig->link = (struct td_server_link){ .authenticated = true };
    rig->speaker = &rig->link;
    memset(&rig->told, 0, sizeof rig->told);
    td_server_init(&rig->srv, &rig->cfg, rig->hold, sizeof rig->hold);
}

/* A reset of the device: flash stays, and nothing else. */
static inline void rig_restart(struct rig *rig)
{
    sim_nor_power_off(&rig->nor);
    sim_power_on(&rig->power);
    td_server_init(&rig->srv, &rig->cfg, rig->hold, rig->srv.hold_cap);
}

/* An image of this total size (76 or more) and version, with its hash; filler tells two apart. */
static inline uint32_t rig_build(uint8_t *buf, uint32_t size, struct td_version version,
                                 uint8_t filler, uint8_t hash[32])
{
    const uint32_t tlvs = TD_TLV_INFO_SIZE + TD_TLV_ENTRY_SIZE + 32;
    const struct td_image_header hdr = {
        .hdr_size = TD_IMAGE_HEADER_SIZE,
        .img_size = size - tlvs - TD_IMAGE_HEADER_SIZE,
        .version = version,
    };
    struct td_build b;

    for (uint32_t i = TD_IMAGE_HEADER_SIZE; i < size - tlvs; i++)
        buf[i] = (uint8_t)(filler + i * 7u + (i >> 8));
    td_build_begin(&b, buf, size, size - tlvs);
    td_build_header(&b, &hdr);
    td_hash_of(&td_sha256, buf, size - tlvs, hash);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, hash, 32);
    td_build_close(&b);
    return b.err == TD_OK ? b.len : 0;
}

/* Puts bytes into a slot as a debugger would. */
static inline void rig_program(struct rig *rig, unsigned slot, uint32_t off, const void *bytes,
                               uint32_t len)
{
    sim_nor_program(&rig->nor, rig->slot[slot].off + off, bytes, len);
}

/* Hands over a packet and works until it is answered. */
static inline void rig_send(struct rig *rig, const uint8_t *packet, size_t len)
{
    struct td_server_reply reply;
    size_t used =
        td_server_handle(&rig->srv, rig->speaker, packet, len, rig->rsp, sizeof rig->rsp, &reply);

    (void)used;
    rig->n_work = 0;
    while (reply.len == 0 && td_server_owes(&rig->srv)) {
        td_server_work(&rig->srv, 10000, rig->rsp, sizeof rig->rsp, &reply);
        rig->n_work++;
    }
    rig->rsp_len = reply.len;
}

#endif
