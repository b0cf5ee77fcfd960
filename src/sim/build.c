/*
 * sim/build.c - a device's parts put together from its profile, as a port's tables do on a board.
 */
#include <string.h>

#include "base/range.h"
#include "boot/cipher.h"
#include "sim/counters.h"
#include "sim/device_priv.h"
#include "smp/error.h"

#define SMP_GROUP_OS 0

/* ---- building -------------------------------------------------------------------------- */

static struct sim_nor_model model_of(const struct sim_flash *f)
{
    return (struct sim_nor_model){
        .name = f->name,
        .runs = f->runs,
        .n_runs = f->n_runs,
        .erased = f->erased,
        .budget = f->budget,
        .write_size = f->write_size,
        .ecc_error = f->ecc_error,
        .erase_pauses = true,
        .write_us = f->program_us,
        .write_unit = f->write_size,
        .erase_us = f->erase_us,
        .erase_unit = f->runs[0].sector_size,
        .read_ns_per_kb = f->read_us_per_kb * 1000,
    };
}

size_t sim_device_meta_size(const struct sim_profile *p, unsigned i)
{
    struct sim_nor_model model = model_of(&p->flash[i]);

    return sim_nor_meta_size(&model);
}

static enum td_err build_flash(struct sim_device *dev,
                               const struct sim_memory memory[SIM_FLASHES_MAX])
{
    const struct sim_profile *p = dev->profile;

    for (uint8_t i = 0; i < p->n_flash; i++) {
        enum td_err err;

        dev->model[i] = model_of(&p->flash[i]);
        if (memory[i].is_new) {
            sim_nor_init(&dev->nor[i], &dev->model[i], memory[i].bytes, memory[i].meta, &dev->power,
                         i + 1u);
            continue;
        }
        err = sim_nor_open(&dev->nor[i], &dev->model[i], memory[i].bytes, memory[i].meta,
                           &dev->power);
        if (err != TD_OK)
            return err;
    }
    for (unsigned i = 0; i < SIM_PART_COUNT; i++) {
        dev->area[i] = (struct td_flash_area){
            .dev = &dev->nor[p->part[i].flash].dev,
            .off = p->part[i].off,
            .size = p->part[i].size,
        };
    }
    return TD_OK;
}

/* NULL when the profile has no such partition. */
const struct td_flash_area *sim_area(const struct sim_device *dev, enum sim_part part)
{
    return dev->profile->part[part].size == 0 ? NULL : &dev->area[part];
}

static uint32_t last_sector(const struct td_flash_area *area)
{
    struct td_flash_sector sector = { 0, 0 };

    (void)td_flash_sector_at(area, area->size - 1, &sector);
    return sector.size;
}

static const struct {
    enum sim_part primary, secondary;
} slots_of[SIM_IMAGES_MAX] = {
    { SIM_PART_PRIMARY, SIM_PART_SECONDARY },
    { SIM_PART_PRIMARY_1, SIM_PART_SECONDARY_1 },
};

/* Status entries are as long as the coarsest of the flashes that take part writes. */
static uint8_t status_word(const struct td_boot_slots *s)
{
    const struct td_flash_area *areas[] = { s->primary, s->secondary, s->scratch };
    uint16_t word = 1;

    for (size_t i = 0; i < TD_N_OF(areas); i++) {
        if (areas[i] != NULL && areas[i]->dev->write_size > word)
            word = areas[i]->dev->write_size;
    }
    return (uint8_t)word;
}

static void build_room(struct sim_device *dev, unsigned image)
{
    const struct td_boot_slots *s = &dev->slots[image];

    dev->room[image] = (struct td_room_geometry){
        .primary_size = s->primary->size,
        .secondary_size = s->secondary == NULL ? 0 : s->secondary->size,
        .primary_sector = last_sector(s->primary),
        .secondary_sector = s->secondary == NULL ? 0 : last_sector(s->secondary),
        .scratch_size = s->scratch == NULL ? 0 : s->scratch->size,
        .max_sectors = dev->profile->boot.max_sectors,
        .write_size = status_word(s),
        .max_align = dev->profile->boot.max_align,
        .enc_key_len = td_boot_cipher_cell(&dev->boot.policy),
        .own_sector = true,
    };
    // Slots that do not tile are the bootloader's to refuse: td_boot_check.
    if (sim_way_mode(dev->profile->boot.way) == TD_MODE_SCRATCH && s->secondary != NULL)
        (void)td_room_tile(s->primary, s->secondary, &dev->room[image]);
}

/* ---- bootloader ------------------------------------------------------------------------ */

static void build_slots(struct sim_device *dev)
{
    for (unsigned i = 0; i < SIM_IMAGES_MAX; i++) {
        dev->slots[i] = (struct td_boot_slots){
            .primary = sim_area(dev, slots_of[i].primary),
            .secondary = sim_area(dev, slots_of[i].secondary),
            .scratch = sim_area(dev, SIM_PART_SCRATCH),
        };
    }
    if (dev->profile->net.present)
        sim_net_build(dev);
    for (unsigned i = 0; i < SIM_IMAGES_MAX && dev->slots[i].primary != NULL; i++)
        dev->n_images++;
}

static void build_ram(struct sim_device *dev)
{
    dev->ram = (struct td_boot_ram){
        .addr = dev->profile->boot.ram.address,
        .size = dev->profile->boot.ram.size,
        .bytes = dev->ram_bytes,
    };
    if (dev->ram.size > 0)
        dev->boot.ram = &dev->ram;
}

static void build_boot(struct sim_device *dev)
{
    const struct sim_profile *p = dev->profile;

    build_slots(dev);
    build_ram(dev);
    if (p->boot.counters) {
        dev->counters = sim_counters(&dev->area[SIM_PART_COUNTERS]);
        dev->boot.counters = &dev->counters;
    }
    dev->boot.images = dev->slots;
    dev->boot.n_images = dev->n_images;
    dev->boot.strategy = sim_way_strategy(p->boot.way);
    dev->boot.max_align = p->boot.max_align;
    dev->boot.max_sectors = p->boot.max_sectors;
    dev->boot.downgrade_prevention = p->boot.downgrade_prevention;
    dev->boot.boot_log = sim_area(dev, SIM_PART_BOOT_LOG);
    dev->boot.manner =
        p->boot.manner == SIM_BEHAVES_MCUBOOT ? &td_boot_manner_mcuboot : &td_boot_manner_tandem;
    dev->boot.has_recovery = p->recovery.present;
    dev->boot.hooks = &sim_boot_hooks;
    dev->boot.hook_ctx = dev;
    if (p->boot.way == SIM_WAY_OVERWRITE) {
        dev->boot.patch = &td_patch_lzma2;
        dev->boot.patch_work = &dev->patch_work;
    }
}

/* ---- server ---------------------------------------------------------------------------- */

static uint32_t refuse_all_but_os(void *ctx, const struct td_server_link *link,
                                  const struct td_smp_header *hdr, struct td_cbor_text *reason)
{
    (void)ctx;
    (void)link;
    (void)reason;
    return hdr->group == SMP_GROUP_OS ? TD_SMP_RC_OK : TD_SMP_RC_ACCESS_DENIED;
}

static struct td_cbor_text text_of(const char *s)
{
    return (struct td_cbor_text){ .p = s, .len = strlen(s) };
}

/* The OS group without one of its commands. */
static const struct td_server_group *os_without_params(struct sim_device *dev,
                                                       const struct td_server_group *os)
{
    uint8_t n = 0;

    for (uint8_t i = 0; i < os->n_commands && n < TD_N_OF(dev->os_commands); i++) {
        if (os->commands[i].id != TD_OS_PARAMS)
            dev->os_commands[n++] = os->commands[i];
    }
    dev->os_group = *os;
    dev->os_group.commands = dev->os_commands;
    dev->os_group.n_commands = n;
    return &dev->os_group;
}

static const struct td_server_group *os_group(struct sim_device *dev)
{
    const bool old = dev->profile->server.manner == SIM_BEHAVES_ZEPHYR_3_3;
    const struct td_server_group *os = old ? &td_server_group_os_old : &td_server_group_os;

    return dev->profile->server.no_params ? os_without_params(dev, os) : os;
}

static void build_groups(struct sim_device *dev)
{
    const struct {
        enum sim_group group;
        const struct td_server_group *is;
    } rows[] = {
        { SIM_GROUP_OS, os_group(dev) },
        { SIM_GROUP_IMAGE, dev->profile->server.manner == SIM_BEHAVES_ZEPHYR_3_3
                               ? &td_server_group_image_old
                               : &td_server_group_image },
        { SIM_GROUP_STAT, &td_server_group_stat },
        { SIM_GROUP_SETTINGS, &td_server_group_settings },
        { SIM_GROUP_FS, &td_server_group_fs },
        { SIM_GROUP_SHELL, &td_server_group_shell },
        { SIM_GROUP_ENUM, &td_server_group_enum },
        { SIM_GROUP_BASIC, &td_server_group_basic },
        { SIM_GROUP_TANDEM, &td_server_group_tandem },
    };

    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if ((dev->profile->server.groups & rows[i].group) != 0)
            dev->groups[dev->config.n_groups++] = rows[i].is;
    }
    dev->config.groups = dev->groups;
}

/* The profile's rules before the safe ones: the first that is about a request decides. */
static void build_access(struct sim_device *dev)
{
    const struct sim_profile *p = dev->profile;
    uint8_t n = 0;

    dev->config.access = td_server_access_open;
    dev->config.n_access = 1;
    if (p->server.access != SIM_ACCESS_RULES)
        return;
    for (uint8_t i = 0; i < p->server.n_rules; i++)
        dev->access[n++] = p->server.rules[i];
    for (uint8_t i = 0; i < TD_SERVER_ACCESS_DEFAULT_N; i++)
        dev->access[n++] = td_server_access_default[i];
    dev->config.access = dev->access;
    dev->config.n_access = n;
}

/* What stands behind the groups; one that the profile does not name has nothing behind it. */
static void build_backends(struct sim_device *dev)
{
    const uint16_t has = dev->profile->server.groups;

    sim_board_build(dev);
    sim_stats_build(dev);
    if ((has & SIM_GROUP_FS) != 0 && dev->io.files != NULL)
        dev->config.files = &dev->io.files->server;
    if ((has & SIM_GROUP_SHELL) != 0)
        sim_shell_build(dev);
}

static const struct td_server_manner *manner_of(enum sim_manner manner)
{
    switch (manner) {
    case SIM_BEHAVES_ZEPHYR_4: return &td_server_zephyr_4;
    case SIM_BEHAVES_ZEPHYR_3_3: return &td_server_zephyr_3_3;
    default: return &td_server_tandem;
    }
}

/* Bytes into the second slot where an upload begins. */
static uint32_t upload_off(const struct sim_device *dev, unsigned image)
{
    struct td_flash_sector first = { 0, 0 };

    if (sim_way_mode(dev->profile->boot.way) == TD_MODE_OFFSET)
        (void)td_flash_sector_at(dev->slots[image].secondary, 0, &first);
    return first.size;
}

static void build_image(struct sim_device *dev, unsigned i)
{
    build_room(dev, i);
    dev->image[i] = (struct td_server_image){
        .slot = { dev->slots[i].primary, dev->slots[i].secondary },
        .strategy = td_strategy_mode(dev->slots[i].strategy == NULL ? dev->boot.strategy
                                                                    : dev->slots[i].strategy),
        .room = &dev->room[i],
        .upload_off = upload_off(dev, i),
        // A second image of the same core is the application's own, too: who else would confirm it?
        .spoken_for =
            dev->slots[i].follower != NULL || dev->profile->server.manner == SIM_BEHAVES_TANDEM,
        .reverts = sim_way_reverts(dev->profile->boot.way),
    };
}

static void build_server(struct sim_device *dev)
{
    const struct sim_profile *p = dev->profile;

    for (unsigned i = 0; i < dev->n_images; i++)
        build_image(dev, i);
    dev->server_hooks = (struct td_server_hooks){
        .access = p->server.access == SIM_ACCESS_LOCKED ? refuse_all_but_os : NULL,
        .reset = sim_ask_reset,
    };
    dev->config = (struct td_server_config){
        .manner = manner_of(p->server.manner),
        .images = dev->image,
        .n_images = dev->n_images,
        .buf_size = p->server.buf_size,
        .buf_count = p->server.buf_count,
        .bootloader = text_of("MCUboot"),
        .decrypts = dev->boot.policy.unwrap != NULL,
        .unpacks = dev->boot.patch != NULL,
        .no_downgrade = p->boot.downgrade_prevention,
        .storage = sim_area(dev, SIM_PART_STORAGE),
        .boot_log = sim_area(dev, SIM_PART_BOOT_LOG),
        .sig = (uint8_t)p->boot.sig,
        .sig_name = text_of(dev->boot.policy.sig == NULL ? "none" : dev->boot.policy.sig->name),
        .hash_len = (uint8_t)dev->boot.policy.hash->size,
        .keys = (const uint8_t(*)[32])dev->fingerprints,
        .n_keys = p->boot.n_keys,
        .layout = text_of(p->name),
        .board = text_of(p->board),
        .stage = p->first.present ? &dev->first.told : NULL,
        .hooks = &dev->server_hooks,
        .hook_ctx = dev,
    };
    build_groups(dev);
    build_access(dev);
    build_backends(dev);
    sim_settings_build(dev);
}

enum td_err sim_build(struct sim_device *dev, const struct sim_memory memory[SIM_FLASHES_MAX])
{
    enum td_err err = build_flash(dev, memory);

    if (err == TD_OK)
        err = sim_trust_build(dev);
    if (err != TD_OK)
        return err;
    build_boot(dev);
    if (dev->profile->first.present)
        err = sim_first_build(dev, memory[dev->profile->part[SIM_PART_PROVISION].flash].is_new);
    if (err == TD_OK && dev->profile->net.present &&
        memory[dev->profile->part[SIM_PART_NET_PROVISION].flash].is_new)
        err = sim_net_provision(dev);
    if (err != TD_OK)
        return err;
    build_server(dev);
    if (dev->profile->recovery.present)
        sim_rescue_build(dev);
    return td_boot_check(&dev->boot);
}
