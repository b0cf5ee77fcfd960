/*
 * original - boots flash states as a microbit has them with our bootloader, so that what it
 * leaves can be laid beside what the real one leaves. README.md says how.
 *
 *   original [--manner tandem|mcuboot] STATES RESULTS
 *
 * STATES holds both slots of one state behind the other, RESULTS gets them as they are after the
 * boot; stdout has a line for each: what was booted, by version, or "nothing"; and the verdicts.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/verdict.h"
#include "boot/boot.h"
#include "sim/nor.h"

#define SECTOR 1024u
#define SLOT   (104u * SECTOR)

static const struct td_flash_run runs[] = { { 208, SECTOR } };

/* nRF51: pages of 1 KB, words of 4; its manual allows a word to be written twice. */
static const struct sim_nor_model model = {
    .name = "nRF51",
    .runs = runs,
    .n_runs = 1,
    .erased = 0xff,
    .budget = 2,
    .write_size = 4,
    .write_us = 46,
    .write_unit = 4,
    .erase_us = 22300,
    .erase_unit = SECTOR,
};

struct board {
    struct sim_power power;
    struct sim_nor nor;
    uint8_t bytes[2 * SLOT];
    uint8_t *meta;
    struct td_flash_area primary, secondary;
    struct td_boot_slots slots;
    struct td_boot_config config;
    struct td_boot_work work;
    struct td_boot_result result;
};

static void die(const char *what)
{
    fprintf(stderr, "original: %s\n", what);
    exit(2);
}

static void say(const struct board *b, enum td_err err)
{
    const struct td_boot_result *r = &b->result;

    if (err == TD_OK && r->bootable)
        printf("%u.%u.%u%s", r->hdr.version.major, r->hdr.version.minor, r->hdr.version.revision,
               r->on_trial ? " trial" : "");
    else
        printf(err == TD_OK ? "nothing" : "error");
    for (uint8_t i = 0; i < r->n_verdicts; i++)
        printf(" %s", td_verdict_name(r->verdicts[i].code));
    printf("\n");
}

static void boot(struct board *b, const uint8_t *state)
{
    sim_power_on(&b->power);
    sim_nor_init(&b->nor, &model, b->bytes, b->meta, &b->power, 1);
    sim_nor_program(&b->nor, 0, state, 2 * SLOT);
    b->primary = (struct td_flash_area){ &b->nor.dev, 0, SLOT };
    b->secondary = (struct td_flash_area){ &b->nor.dev, SLOT, SLOT };
    say(b, td_boot_go(&b->config, &b->work, &b->result));
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "manner", required_argument, NULL, 'm' },
                                             { NULL, 0, NULL, 0 } };
    struct board *b = calloc(1, sizeof *b);
    static uint8_t state[2 * SLOT];
    FILE *in, *out;
    int c;

    if (b == NULL || (b->meta = malloc(sim_nor_meta_size(&model))) == NULL)
        die("no memory");
    b->slots = (struct td_boot_slots){ .primary = &b->primary, .secondary = &b->secondary };
    b->config = (struct td_boot_config){
        .images = &b->slots,
        .n_images = 1,
        .strategy = &td_strategy_offset,
        .policy = { .hash = &td_sha256, .max_size = UINT32_MAX },
        .max_align = 8,
        .max_sectors = 104,
    };
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 'm')
            die("usage: original [--manner tandem|mcuboot] STATES RESULTS");
        b->config.manner =
            strcmp(optarg, "mcuboot") == 0 ? &td_boot_manner_mcuboot : &td_boot_manner_tandem;
    }
    if (argc - optind != 2)
        die("usage: original [--manner tandem|mcuboot] STATES RESULTS");
    in = fopen(argv[optind], "rb");
    out = fopen(argv[optind + 1], "wb");
    if (in == NULL || out == NULL)
        die("a file cannot be opened");
    while (fread(state, 1, sizeof state, in) == sizeof state) {
        boot(b, state);
        if (fwrite(b->bytes, 1, sizeof b->bytes, out) != sizeof b->bytes)
            die("the results cannot be written");
    }
    fclose(in);
    if (fclose(out) != 0)
        die("the results cannot be written");
    free(b->meta);
    free(b);
    return 0;
}
