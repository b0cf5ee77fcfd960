/*
 * bench/flash_ops.c - what an update costs the flash, counted on the simulated one.
 *
 * Slots of 64 sectors of 4 KiB, words of 8 bytes; each strategy, each pair of images: all of it
 * changed, a twentieth, and two files if they are named (flash_ops OLD NEW: signed images). The
 * original moves every sector whatever it holds, so that its work follows from the images' sizes:
 * theirs() reckons it, and main() holds that against counts that were taken of its own code, once,
 * on a flash model that counts alike. Our boot log's own record is left out. Reading takes no time
 * here; ours reads both slots once more than the original, to compare them.
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
    CHUNK = 1024, /* that is copied at a time, here and there */
    IMAGE = 25 * SECTOR,
    WRITE_US = 41, /* an nRF52840 page's times; per 4 bytes */
    ERASE_US = 85000,
};

/* Erases of primary and secondary, calls that write, bytes written. */
struct count {
    unsigned long erases[2], writes, bytes;
    unsigned long most; /* erases of one sector */
};

static const struct td_flash_run run = { 2 * N_SECTORS, SECTOR };

static const struct sim_nor_model model = {
    .name = "bench",
    .runs = &run,
    .n_runs = 1,
    .erased = 0xff,
    .budget = 1,
    .write_size = WORD,
    .write_us = WRITE_US,
    .write_unit = 4,
    .erase_us = ERASE_US,
    .erase_unit = SECTOR,
};

static struct bench {
    uint8_t bytes[2 * SLOT];
    uint8_t *meta;
    struct sim_power power;
    struct sim_nor nor;
    struct td_flash_area area[2];
    struct td_boot_slots slots;
    struct td_boot_config config;
    struct td_boot_work work;
    struct td_boot_result result;
} bench;

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "flash_ops: %s\n", what);
    exit(1);
}

/* --- images --- */

struct file {
    uint8_t bytes[SLOT];
    uint32_t size;
};

/* Noise; one sector of every so many is the version's own. 1: all of them. */
static void make_image(struct file *f, uint8_t major, uint32_t every)
{
    // What is left for the payload when header, hash TLV and its area are in.
    uint32_t payload = IMAGE - 32 - 40, noise = 1;
    const struct td_image_header hdr = { .hdr_size = 32,
                                         .img_size = payload,
                                         .version = { .major = major } };
    struct td_build b;
    uint8_t digest[32];

    for (uint32_t i = 32; i < 32 + payload; i++) {
        bool own = i / SECTOR % every == every / 2;

        noise = noise * 1664525u + 1013904223u;
        f->bytes[i] = (uint8_t)((noise >> 24) + (own ? major * 99u : 0));
    }
    td_build_begin(&b, f->bytes, sizeof f->bytes, 32 + payload);
    td_build_header(&b, &hdr);
    td_hash_of(&td_sha256, f->bytes, b.len, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, sizeof digest);
    td_build_close(&b);
    check(b.err == TD_OK && b.len == IMAGE, "the image does not have the size it should have");
    f->size = b.len;
}

static void read_file(struct file *f, const char *path)
{
    FILE *in = fopen(path, "rb");

    check(in != NULL, path);
    f->size = (uint32_t)fread(f->bytes, 1, sizeof f->bytes, in);
    check(f->size > 0 && f->size < SLOT - 3 * SECTOR, "a file is empty, or too large for a slot");
    fclose(in);
}

/* --- ways, and what the original takes for the same --- */

/*
 * Its steps copy whole sectors and record each in a word; beside them stand the cells of the
 * trailer (an update: swap info, swap size, magic, copy_done) and one sector of trailer a slot.
 */
static struct count their_move(uint32_t n, uint32_t size, bool revert)
{
    (void)size;
    return (struct count){ { 2 * n + 1, n + (revert ? 2u : 1u) },
                           3ul * n * (SECTOR / CHUNK + 1) + (revert ? 8 : 4),
                           3ul * n * (SECTOR + WORD) + (revert ? 80 : 40),
                           2 };
}

static struct count their_offset(uint32_t n, uint32_t size, bool revert)
{
    (void)size;
    return (struct count){ { n + 1, n + (revert ? 4u : 1u) },
                           2ul * n * (SECTOR / CHUNK + 1) + (revert ? 11 : 5),
                           2ul * n * (SECTOR + WORD) + (revert ? 104 : 48),
                           revert ? 3 : 1 };
}

static struct count their_fast(uint32_t n, uint32_t size, bool revert)
{
    uint32_t copied = size / WORD * WORD + WORD; // a word more when it is aligned already

    (void)revert;
    return (
        struct count){ { n + 1, 2 }, copied / CHUNK + (copied % CHUNK != 0) + 1, copied + 16, 1 };
}

static struct count their_plain(uint32_t n, uint32_t size, bool revert)
{
    (void)n;
    (void)size;
    (void)revert;
    return (struct count){ { N_SECTORS, 2 }, SLOT / CHUNK, SLOT, 1 };
}

static const struct way {
    const char *name;
    const struct td_strategy *strategy;
    uint32_t new_off;
    bool reverts;
    struct count (*theirs)(uint32_t n, uint32_t size, bool revert);
} ways[] = {
    { "swap-move", &td_strategy_move, 0, true, their_move },
    { "swap-offset", &td_strategy_offset, SECTOR, true, their_offset },
    { "overwrite-only", &td_strategy_overwrite, 0, false, their_fast },
    { "overwrite, plain", &td_strategy_overwrite_plain, 0, false, their_plain },
};

/* Counted of the original's code, for the first image. */
static void check_reckoning(void)
{
    static const struct count counted[] = { { { 51, 26 }, 379, 307840, 2 },
                                            { { 26, 26 }, 255, 205248, 1 },
                                            { { 26, 2 }, 102, 102424, 1 },
                                            { { 64, 2 }, 256, 262144, 1 } };
    static const unsigned long reverts[] = { 383, 261 }; /* writes */

    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        struct count c = ways[i].theirs(IMAGE / SECTOR, IMAGE, false);

        check(memcmp(&c, &counted[i], sizeof c) == 0, "the original is reckoned wrongly");
        if (ways[i].reverts)
            check(ways[i].theirs(IMAGE / SECTOR, IMAGE, true).writes == reverts[i],
                  "the original's revert is reckoned wrongly");
    }
}

/* --- one update --- */

static struct td_trailer trailer_of(const struct bench *b, int slot)
{
    return (struct td_trailer){ .area = &b->area[slot],
                                .mode = td_strategy_mode(b->config.strategy),
                                .max_sectors = 128,
                                .write_size = WORD,
                                .max_align = 8 };
}

static void start(struct bench *b, const struct way *w, const struct file *old,
                  const struct file *new)
{
    static const struct td_image_policy policy = { .hash = &td_sha256 };
    const struct file *files[2] = { old, new };

    free(b->meta);
    memset(b, 0, sizeof *b);
    b->meta = malloc(sim_nor_meta_size(&model));
    check(b->meta != NULL, "out of memory");
    sim_nor_init(&b->nor, &model, b->bytes, b->meta, &b->power, 1);
    sim_power_on(&b->power);
    for (unsigned i = 0; i < 2; i++) {
        b->area[i] = (struct td_flash_area){ &b->nor.dev, i * SLOT, SLOT };
        sim_nor_program(&b->nor, i * SLOT + (i == 1 ? w->new_off : 0), files[i]->bytes,
                        files[i]->size);
    }
    b->slots = (struct td_boot_slots){ .primary = &b->area[0], .secondary = &b->area[1] };
    b->config = (struct td_boot_config){
        .images = &b->slots,
        .n_images = 1,
        .strategy = w->strategy,
        .policy = policy,
        .max_align = 8,
        .max_sectors = 128,
    };
}

static void request(struct bench *b, bool permanent, uint32_t end)
{
    const struct td_trailer p = trailer_of(b, 0), x = trailer_of(b, 1);
    const struct td_slots slots = { .primary = &p, .secondary = &x };
    enum td_slot_done done;

    check(td_slot_set_pending(&slots, permanent, end, &done) == TD_OK, "the request was refused");
}

static struct count count_boot(struct bench *b, enum td_swap_type want)
{
    struct sim_nor_stats before = b->nor.stats;
    uint32_t wear[2 * N_SECTORS];
    struct count c = { { 0, 0 }, 0, 0, 0 };

    for (uint32_t n = 0; n < 2 * N_SECTORS; n++)
        wear[n] = sim_nor_wear(&b->nor, n);
    b->power.busy_us = 0;
    check(td_boot_go(&b->config, &b->work, &b->result) == TD_OK && b->result.bootable &&
              b->result.did == want,
          "the boot did something else");
    for (uint32_t n = 0; n < 2 * N_SECTORS; n++) {
        uint32_t e = sim_nor_wear(&b->nor, n) - wear[n];

        c.erases[n / N_SECTORS] += e;
        c.most = e > c.most ? e : c.most;
    }
    c.writes = (unsigned long)(b->nor.stats.writes - before.writes);
    c.bytes = (unsigned long)(b->nor.stats.written_bytes - before.written_bytes);
    check(c.most <= 4, "a sector was erased more than four times");
    return c;
}

static double seconds(const struct count *c)
{
    return ((double)(c->erases[0] + c->erases[1]) * ERASE_US + (double)c->bytes / 4 * WRITE_US) /
           1e6;
}

static void print(const char *what, const char *how, struct count o, struct count t)
{
    printf("| %s | %s | %lu/%lu | %lu | %lu | %lu | %.1f | %lu/%lu | %lu | %lu | %.1f | %.2f |\n",
           what, how, o.erases[0], o.erases[1], o.most, o.writes, o.bytes, seconds(&o), t.erases[0],
           t.erases[1], t.writes, t.bytes, seconds(&t), seconds(&o) / seconds(&t));
}

static void one_pair(const char *name, const struct file *old, const struct file *new)
{
    uint32_t larger = td_max_u32(old->size, new->size);

    for (size_t i = 0; i < TD_N_OF(ways); i++) {
        const struct way *w = &ways[i];
        uint32_t size = w->reverts ? larger : new->size;
        uint32_t n = size / SECTOR + (size % SECTOR != 0);

        start(&bench, w, old, new);
        request(&bench, !w->reverts, w->new_off + new->size);
        print(name, w->name, count_boot(&bench, w->reverts ? TD_SWAP_TEST : TD_SWAP_PERM),
              w->theirs(n, size, false));
        if (w->reverts)
            print(name, "its revert", count_boot(&bench, TD_SWAP_REVERT), w->theirs(n, size, true));
    }
}

int main(int argc, char **argv)
{
    static struct file old, new;

    check(argc == 1 || argc == 3, "usage: flash_ops [OLD NEW]");
    check_reckoning();
    puts("Flash work of one update, 64-sector slots of 4 KiB, 8-byte words: "
         "build/gcc/bench/flash_ops.");
    puts("Erases: primary/secondary; most: of one sector. Seconds: an nRF52840's page times. The");
    puts("original's columns are reckoned from its steps, which do not depend on what is in a "
         "sector,");
    puts("and agree with what was counted of its own code (100 KiB). Last: seconds, ours to "
         "theirs.\n");
    puts("| change | | erases | most | writes | bytes | s | original: erases | writes | bytes | s "
         "| |");
    puts("|---|---|---|---|---|---|---|---|---|---|---|---|");
    make_image(&old, 1, 1);
    make_image(&new, 2, 1);
    one_pair("all of 100 KiB", &old, &new);
    make_image(&old, 1, 20);
    make_image(&new, 2, 20);
    one_pair("5 %", &old, &new);
    if (argc == 3) {
        memset(&old, 0, sizeof old);
        memset(&new, 0, sizeof new);
        read_file(&old, argv[1]);
        read_file(&new, argv[2]);
        one_pair("two builds", &old, &new);
    }
    free(bench.meta);
    return 0;
}
