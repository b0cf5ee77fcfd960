/*
 * sim/shell_fuzz.c - any lines into the shell of a virtual device.
 *
 * Input: one byte for how much room the answer has, then lines. Each is run as group 9 hands it
 * in, on a device whose settings lie in its flash. What is printed stays in its room, and no
 * command stops the device but the one that resets it.
 */
#include <stdlib.h>
#include <string.h>

#include "image/build.h"
#include "sim/device.h"
#include "sim/shell.h"
#include "tools/profile.h"

enum { HDR_SIZE = 0x200, APP_SIZE = 1000, ROOM = 600 };

static const char yaml[] = "name: desk\n"
                           "board: a desk\n"
                           "flash:\n"
                           "  - { name: a, size: 0x10000, write_size: 4,\n"
                           "      sectors: [ { count: 16, size: 4096 } ] }\n"
                           "partitions:\n"
                           "  primary: { offset: 0, size: 0x6000 }\n"
                           "  secondary: { offset: 0x6000, size: 0x6000 }\n"
                           "  storage: { offset: 0xc000, size: 0x2000 }\n"
                           "boot: { strategy: swap-move, signature: none }\n"
                           "server: { groups: [ os, stat, settings, shell ], buf_size: 1024 }\n";

static struct sim_profile profile;
static struct sim_device device, booted;
static struct sim_memory memory[SIM_FLASHES_MAX];
static uint8_t *kept; /* the flash as it was when the application began */

static void on_send(void *ctx, const struct td_server_link *link, const uint8_t *packet, size_t len)
{
    (void)ctx;
    (void)link;
    (void)packet;
    (void)len;
}

static void on_console(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static void program_image(void)
{
    static uint8_t bytes[2 * HDR_SIZE + APP_SIZE];
    const struct td_image_header hdr = { .hdr_size = HDR_SIZE, .img_size = APP_SIZE };
    const struct sim_app app = { .name = "desk", .size = APP_SIZE };
    struct td_build b;
    struct td_hash hash;
    uint8_t digest[32];

    if (sim_app_build(&app, bytes + HDR_SIZE, APP_SIZE) != TD_OK)
        abort();
    td_build_begin(&b, bytes, sizeof bytes, HDR_SIZE + APP_SIZE);
    td_build_header(&b, &hdr);
    td_hash_init(&hash, &td_sha256);
    td_hash_update(&hash, bytes, b.len);
    td_hash_final(&hash, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, 32);
    td_build_close(&b);
    if (b.err != TD_OK || sim_device_program(&device, SIM_PART_PRIMARY, 0, bytes, b.len) != TD_OK)
        abort();
}

static void boot(void)
{
    const struct sim_device_io io = { .send = on_send, .console = on_console };
    struct td_desk_fault fault;

    if (!td_profile_parse(yaml, sizeof yaml - 1, "desk.yml", &profile, &fault))
        abort();
    memory[0].bytes = malloc(profile.flash[0].size);
    memory[0].meta = malloc(sim_device_meta_size(&profile, 0));
    memory[0].is_new = true;
    if (sim_device_init(&device, &profile, memory, &io) != TD_OK)
        abort();
    program_image();
    sim_device_power_on(&device, 0, 0, SIM_CUT_TORN);
    if (device.state != SIM_SERVES)
        abort();
}

/* To boot for each input would take most of the time: the first boot is gone back to. */
static void start(void)
{
    size_t size, meta;

    if (kept == NULL)
        boot();
    size = profile.flash[0].size;
    meta = sim_device_meta_size(&profile, 0);
    if (kept == NULL) {
        booted = device;
        kept = malloc(size + meta);
        memcpy(kept, memory[0].bytes, size);
        memcpy(kept + size, memory[0].meta, meta);
    }
    device = booted;
    memcpy(memory[0].bytes, kept, size);
    memcpy(memory[0].meta, kept + size, meta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data + 1;
    size_t cap;

    if (size < 1)
        return 0;
    cap = 2 * (size_t)data[0] % ROOM;
    start();
    for (size_t left = size - 1; left > 0;) {
        const char *end = memchr(at, '\n', left);
        size_t line = end == NULL ? left : (size_t)(end - at), len;
        char *out = malloc(cap); // of its own, so that a byte too much is seen

        (void)sim_shell_run(&device, (struct td_cbor_text){ at, line }, out, cap, &len);
        if (len > cap || device.state != SIM_SERVES)
            abort();
        free(out);
        line += end != NULL;
        at += line;
        left -= line;
    }
    return 0;
}
