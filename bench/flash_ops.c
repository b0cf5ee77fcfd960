/*
 * bench/flash_ops.c - what an update costs the flash, counted on the simulated one.
 *
 * A 100 KiB image (25 sectors of 4 KiB), slots of 64 sectors, words of 8 bytes. The original's
 * code was run once on the same case and counted in the same way (erases of primary and
 * secondary; calls that write, and the bytes they write); its figures stand in main(). Our boot
 * log's own record is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "boot/boot.h"
#include "image/build.h"
#include "sim/nor.h"
#include "slot/request.h"

enum {
    SECTOR = 4096,
    N_SECTORS = 64,
    SLOT = SECTOR * N_SECTORS,
    WORD = 8,
    IMAGE = 25 * SECTOR,
};

/* Erases primary/secondary, writes, bytes written. */
struct count {
    unsigned long erases[2], writes, bytes;
};

static const struct td_flash_run run = { 2 * N_SECTORS, SECTOR };

static const struct sim_nor_model model = {
    .name = "bench",
    .runs = &run,
    .n_runs = 1,
    .erased = 0xff,
    .budget = 1,
    .write_size = WORD,
    .write_us = 41, // an nRF52840 page's figures, per word of 4
    .write_unit = 4,
    .erase_us = 85000,
    .erase_unit = SECTOR,
};

struct bench {
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area[2];
    struct td_boot_slots slots;
    struct td_boot_config config;
    struct td_boot_work work;
    struct td_boot_result result;
};

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "flash_ops: %s\n", what);
    exit(1);
}

static uint32_t make_image(uint8_t *buf, uint8_t major)
{
    struct td_build b;
    struct td_hash hash;
    uint8_t digest[32];
    // What is left for the payload when header, hash TLV and its area are in.
    uint32_t payload = IMAGE - 32 - 40;
    const struct td_image_header hdr = { .hdr_size = 32,
                                         .img_size = payload,
                                         .version = { .major = major } };
    uint32_t noise = major;

    for (uint32_t i = 0; i < payload; i++) {
        noise = noise * 1664525u + 1013904223u;
        buf[32 + i] = (uint8_t)(noise >> 24);
    }
    td_build_begin(&b, buf, IMAGE, 32 + payload);
    td_build_header(&b, &hdr);
    td_hash_init(&hash, &td_sha256);
    td_hash_update(&hash, buf, b.len);
    td_hash_final(&hash, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, sizeof digest);
    td_build_close(&b);
    check(b.err == TD_OK && b.len == IMAGE, "the image does not have the size it should have");
    return b.len;
}

static struct td_trailer trailer_of(const struct bench *b, int slot)
{
    return (struct td_trailer){ .area = &b->area[slot],
                                .mode = td_strategy_mode(b->config.strategy),
                                .max_sectors = 128,
                                .write_size = WORD,
                                .max_align = 8 };
}

static void start(struct bench *b, const struct td_strategy *strategy, uint8_t *bytes,
                  uint8_t *meta)
{
    static uint8_t image[IMAGE];

    memset(b, 0, sizeof *b);
    sim_nor_init(&b->nor, &model, bytes, meta, &b->power, 1);
    sim_power_on(&b->power);
    for (int i = 0; i < 2; i++) {
        b->area[i] = (struct td_flash_area){ &b->nor.dev, (uint32_t)i * SLOT, SLOT };
        sim_nor_program(&b->nor, (uint32_t)i * SLOT, image, make_image(image, (uint8_t)(i + 1)));
    }
    b->slots = (struct td_boot_slots){ .primary = &b->area[0], .secondary = &b->area[1] };
    b->config = (struct td_boot_config){
        .images = &b->slots,
        .n_images = 1,
        .strategy = strategy,
        .policy = { .hash = &td_sha256 },
        .max_align = 8,
        .max_sectors = 128,
    };
}

static void request(struct bench *b, bool permanent)
{
    const struct td_trailer p = trailer_of(b, 0), x = trailer_of(b, 1);
    const struct td_slots slots = { .primary = &p, .secondary = &x };
    enum td_slot_done done;

    check(td_slot_set_pending(&slots, permanent, IMAGE, &done) == TD_OK, "the request was refused");
}

static struct count count_boot(struct bench *b, enum td_swap_type want)
{
    struct sim_nor_stats before = b->nor.stats;
    unsigned long wear[2] = { 0, 0 };
    struct count c = { { 0, 0 }, 0, 0 };

    for (uint32_t n = 0; n < 2 * N_SECTORS; n++)
        wear[n / N_SECTORS] += sim_nor_wear(&b->nor, n);
    b->power.busy_us = 0;
    check(td_boot_go(&b->config, &b->work, &b->result) == TD_OK && b->result.bootable &&
              b->result.did == want,
          "the boot did something else");
    for (uint32_t n = 0; n < 2 * N_SECTORS; n++)
        c.erases[n / N_SECTORS] += sim_nor_wear(&b->nor, n);
    for (int i = 0; i < 2; i++)
        c.erases[i] -= wear[i];
    c.writes = (unsigned long)(b->nor.stats.writes - before.writes);
    c.bytes = (unsigned long)(b->nor.stats.written_bytes - before.written_bytes);
    return c;
}

/* A number, or a dash where none was counted. */
static const char *number(char buf[24], unsigned long n)
{
    if (n == 0)
        return "-";
    snprintf(buf, 24, "%lu", n);
    return buf;
}

static void print(const char *what, const struct bench *b, struct count ours,
                  const struct count *theirs)
{
    char bytes[24];

    printf("| %s | %lu/%lu | %lu | %lu | %.1f s | %lu/%lu | %lu | %s |\n", what, ours.erases[0],
           ours.erases[1], ours.writes, ours.bytes, (double)b->power.busy_us / 1e6,
           theirs->erases[0], theirs->erases[1], theirs->writes, number(bytes, theirs->bytes));
}

int main(void)
{
    static const struct count move_test = { { 51, 26 }, 379, 307840 };
    static const struct count move_revert = { { 51, 27 }, 383, 0 };
    static const struct count overwrite = { { 26, 2 }, 102, 102424 };
    uint8_t *bytes = malloc(sim_nor_size(&model)), *meta = malloc(sim_nor_meta_size(&model));
    static struct bench b;

    check(bytes && meta, "out of memory");
    puts("Flash work of one update, 100 KiB image, 64-sector slots of 4 KiB, 8-byte words.");
    puts("Erases: primary/secondary. Seconds: simulated, with nRF52840 page times. The original's");
    puts("figures are quoted, not measured here (its overwrite-only row is the FAST variant).\n");
    puts("| | erases | writes | bytes | flash time | original: erases | writes | bytes |");
    puts("|---|---|---|---|---|---|---|---|");
    start(&b, &td_strategy_move, bytes, meta);
    request(&b, false);
    print("swap-move, test", &b, count_boot(&b, TD_SWAP_TEST), &move_test);
    print("swap-move, revert", &b, count_boot(&b, TD_SWAP_REVERT), &move_revert);
    start(&b, &td_strategy_overwrite, bytes, meta);
    request(&b, true);
    print("overwrite-only", &b, count_boot(&b, TD_SWAP_PERM), &overwrite);
    free(meta);
    free(bytes);
    return 0;
}
