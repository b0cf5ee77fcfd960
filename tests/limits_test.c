/*
 * One limit everywhere: the largest image that the bootloader takes is what the server tells, what
 * the layout's report says and what sign measures by, for each way of updating and flash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "layout/check.h"
#include "sim/device.h"
#include "tools/profile.h"

#define KB 1024u

struct shape {
    const char *name;
    uint16_t write_size;
    uint8_t max_align;
    uint32_t sector, external_sector; /* external 0: both slots lie in one flash */
    uint32_t primary, secondary, scratch;
};

static const struct shape shapes[] = {
    { "4K", 4, 8, 4 * KB, 0, 128 * KB, 128 * KB, 4 * KB },
    { "4K, words of 8", 8, 8, 4 * KB, 0, 128 * KB, 128 * KB, 8 * KB },
    { "4K, words of 16", 16, 16, 4 * KB, 0, 128 * KB, 128 * KB, 4 * KB },
    { "1K", 4, 8, KB, 0, 60 * KB, 60 * KB, 4 * KB },
    { "4K, primary +1", 4, 8, 4 * KB, 0, 132 * KB, 128 * KB, 4 * KB },
    { "4K, secondary +1", 4, 8, 4 * KB, 0, 128 * KB, 132 * KB, 4 * KB },
    { "4K, external 4K", 4, 8, 4 * KB, 4 * KB, 128 * KB, 128 * KB, 4 * KB },
    { "2K, external 8K", 8, 8, 2 * KB, 8 * KB, 128 * KB, 128 * KB, 16 * KB },
    { "4K, external 8K, little scratch", 4, 8, 4 * KB, 8 * KB, 128 * KB, 128 * KB, 4 * KB },
};

static struct sim_flash flash_of(uint32_t size, uint32_t sector, uint16_t write_size)
{
    struct sim_flash f = { .name = "flash",
                           .size = size,
                           .n_runs = 1,
                           .write_size = write_size,
                           .erased = 0xff,
                           .budget = 2 };

    f.runs[0] = (struct td_flash_run){ (uint16_t)(size / sector), sector };
    return f;
}

static void fill_profile(struct sim_profile *p, const struct shape *s, enum sim_way way)
{
    uint32_t at = 0;
    bool ext = s->external_sector != 0;

    memset(p, 0, sizeof *p);
    strcpy(p->name, "limits");
    p->flash[0] = flash_of(512 * KB, s->sector, s->write_size);
    p->flash[1] = flash_of(512 * KB, ext ? s->external_sector : 4 * KB, 1);
    p->n_flash = 2;
    p->part[SIM_PART_PRIMARY] = (struct sim_partition){ at, s->primary, 0 };
    at += s->primary;
    p->part[SIM_PART_SCRATCH] = (struct sim_partition){ at, s->scratch, 0 };
    at += s->scratch;
    if (sim_way_has_secondary(way))
        p->part[SIM_PART_SECONDARY] =
            (struct sim_partition){ ext ? 0 : at, s->secondary, ext ? 1 : 0 };
    p->boot.way = way;
    p->boot.max_align = s->max_align;
    p->boot.max_sectors = 128;
    if (sim_way_loads(way))
        p->boot.ram.size = 0x40000;
    p->server.groups = SIM_GROUP_OS | SIM_GROUP_IMAGE;
    p->server.buf_size = 512;
    p->server.buf_count = 1;
}

static void add_part(struct td_layout *layout, const char *name, const char *region,
                     const struct sim_partition *part)
{
    struct td_partition p = { .addr = part->off, .size = part->size };

    strcpy(p.name, name);
    strcpy(p.region, region);
    if (part->size > 0)
        assert_int_equal(td_layout_add(layout, &p), TD_OK);
}

/* What tandem layout and sign reckon with, given the same partitions. */
static enum td_err of_layout(const struct sim_profile *p, const struct shape *s, uint32_t *max)
{
    struct td_layout *layout = td_layout_new();
    const struct td_layout_env env = { .sector = s->sector,
                                       .external_sector = s->external_sector,
                                       .max_sectors = p->boot.max_sectors,
                                       .write_size = (uint8_t)s->write_size,
                                       .max_align = s->max_align };
    struct td_room_geometry g;
    enum td_err err;

    assert_non_null(layout);
    add_part(layout, "mcuboot_primary", "flash_primary", &p->part[SIM_PART_PRIMARY]);
    add_part(layout, "mcuboot_scratch", "flash_primary", &p->part[SIM_PART_SCRATCH]);
    add_part(layout, "mcuboot_secondary",
             p->part[SIM_PART_SECONDARY].flash == 1 ? "external_flash" : "flash_primary",
             &p->part[SIM_PART_SECONDARY]);
    assert_int_equal(td_layout_geometry(layout, &env, &g), TD_OK);
    g.own_sector = true; // what this bootloader wants besides
    err = td_room_max_image(sim_way_mode(p->boot.way), &g, max);
    td_layout_free(layout);
    return err;
}

static void compare(const struct shape *s, enum sim_way way, unsigned *n_sound)
{
    static struct sim_profile p;
    static struct sim_device dev;
    const struct sim_device_io io = { .ctx = NULL };
    struct sim_memory memory[SIM_FLASHES_MAX] = { { .bytes = NULL } };
    uint32_t boot = 0, server = 0, layout = 0;
    enum td_err built, of_boot, of_server, of_file;

    fill_profile(&p, s, way);
    for (unsigned i = 0; i < p.n_flash; i++) {
        memory[i].bytes = malloc(p.flash[i].size);
        memory[i].meta = malloc(sim_device_meta_size(&p, i));
        memory[i].is_new = true;
    }
    memset(&dev, 0, sizeof dev);
    built = sim_device_init(&dev, &p, memory, &io);
    of_boot = td_boot_max_image(&dev.boot, 0, &boot);
    of_server = td_room_max_image(dev.image[0].strategy, dev.image[0].room, &server);
    of_file = of_layout(&p, s, &layout);
    if (of_boot != of_server || of_boot != of_file || boot != server || boot != layout)
        fail_msg("%s, %s: boot %u (%d), server %u (%d), layout %u (%d)", sim_way_name(way), s->name,
                 boot, of_boot, server, of_server, layout, of_file);
    assert_int_equal(built, of_boot);
    *n_sound += of_boot == TD_OK;
    for (unsigned i = 0; i < p.n_flash; i++) {
        free(memory[i].bytes);
        free(memory[i].meta);
    }
}

static void all_say_the_same_limit(void **state)
{
    (void)state;
    for (enum sim_way way = 0; way < SIM_WAY_COUNT; way++) {
        unsigned n_sound = 0;

        for (size_t i = 0; i < TD_N_OF(shapes); i++)
            compare(&shapes[i], way, &n_sound);
        assert_true(n_sound >= 5); // it is not that all refuse everything
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_say_the_same_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
