/*
 * sim/profile.c - a profile is checked once, so that the device need not doubt it.
 */
#include "sim/profile.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/range.h"

static const char *const part_names[SIM_PART_COUNT] = {
    [SIM_PART_BOOT] = "boot",
    [SIM_PART_PRIMARY] = "primary",
    [SIM_PART_SECONDARY] = "secondary",
    [SIM_PART_SCRATCH] = "scratch",
    [SIM_PART_STORAGE] = "storage",
    [SIM_PART_BOOT_LOG] = "boot_log",
    [SIM_PART_PRIMARY_1] = "primary_1",
    [SIM_PART_SECONDARY_1] = "secondary_1",
    [SIM_PART_COUNTERS] = "counters",
    [SIM_PART_S0] = "s0",
    [SIM_PART_S1] = "s1",
    [SIM_PART_PROVISION] = "provision",
    [SIM_PART_NET_BOOT] = "net_boot",
    [SIM_PART_NET_PROVISION] = "net_provision",
    [SIM_PART_NET_APP] = "net_app",
    [SIM_PART_NETCORE_GOOD] = "netcore_good",
};

const char *sim_part_name(enum sim_part part)
{
    return part < SIM_PART_COUNT ? part_names[part] : "?";
}

static bool wrong(struct sim_profile_fault *fault, enum sim_part part, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static bool wrong(struct sim_profile_fault *fault, enum sim_part part, const char *fmt, ...)
{
    va_list args;

    fault->part = part;
    va_start(args, fmt);
    (void)vsnprintf(fault->text, sizeof fault->text, fmt, args);
    va_end(args);
    return false;
}

static bool is_write_size(uint16_t size)
{
    return size >= 1 && size <= 32 && (size & (size - 1)) == 0;
}

static bool flash_is_sound(const struct sim_flash *f, struct sim_profile_fault *fault)
{
    uint64_t sum = 0;

    if (!is_write_size(f->write_size))
        return wrong(fault, SIM_PART_COUNT, "flash %s: write size %u is not 1, 2, 4, 8, 16 or 32",
                     f->name, f->write_size);
    if (f->n_runs == 0)
        return wrong(fault, SIM_PART_COUNT, "flash %s: it has no sectors", f->name);
    for (uint8_t i = 0; i < f->n_runs; i++) {
        uint32_t size = f->runs[i].sector_size;

        if (f->runs[i].count == 0 || size == 0 || size % f->write_size != 0)
            return wrong(fault, SIM_PART_COUNT,
                         "flash %s: %u sectors of %lu bytes are not whole write units", f->name,
                         f->runs[i].count, (unsigned long)size);
        sum += (uint64_t)size * f->runs[i].count;
    }
    if (sum != f->size)
        return wrong(fault, SIM_PART_COUNT,
                     "flash %s: its sectors make %llu bytes, its size is %lu", f->name,
                     (unsigned long long)sum, (unsigned long)f->size);
    return true;
}

/* Whether a sector begins, or the flash ends, at off. */
static bool is_boundary(const struct sim_flash *f, uint32_t off)
{
    uint32_t start = 0;

    for (uint8_t i = 0; i < f->n_runs; i++) {
        uint32_t len = f->runs[i].sector_size * f->runs[i].count;

        if (off - start < len)
            return (off - start) % f->runs[i].sector_size == 0;
        start += len;
    }
    return off == start;
}

static bool parts_overlap(const struct sim_partition *a, const struct sim_partition *b)
{
    return a->flash == b->flash && td_range_overlap(a->off, a->size, b->off, b->size);
}

static bool part_is_sound(const struct sim_profile *p, enum sim_part which,
                          struct sim_profile_fault *fault)
{
    const struct sim_partition *part = &p->part[which];
    const struct sim_flash *f;

    if (part->size == 0)
        return true;
    if (part->flash >= p->n_flash)
        return wrong(fault, which, "it lies in a flash that is not there");
    f = &p->flash[part->flash];
    if (!td_range_in(part->off, part->size, f->size))
        return wrong(fault, which, "0x%lx + 0x%lx reaches past the end of flash %s (0x%lx)",
                     (unsigned long)part->off, (unsigned long)part->size, f->name,
                     (unsigned long)f->size);
    if (!is_boundary(f, part->off) || !is_boundary(f, part->off + part->size))
        return wrong(fault, which, "it begins or ends inside a sector of flash %s", f->name);
    for (unsigned other = 0; other < (unsigned)which; other++) {
        if (parts_overlap(part, &p->part[other]))
            return wrong(fault, which, "it overlaps partition %s", part_names[other]);
    }
    return true;
}

uint32_t sim_profile_sectors(const struct sim_profile *p, enum sim_part which)
{
    const struct sim_partition *part = &p->part[which];
    const struct sim_flash *f = &p->flash[part->flash];
    uint64_t start = 0;
    uint32_t count = 0;

    for (uint8_t i = 0; i < f->n_runs; i++) {
        for (uint16_t n = 0; n < f->runs[i].count; n++) {
            count += start >= part->off && start < (uint64_t)part->off + part->size;
            start += f->runs[i].sector_size;
        }
    }
    return count;
}

static bool has(const struct sim_profile *p, enum sim_part part)
{
    return p->part[part].size != 0;
}

/* A partition that is there exactly when something else wants it. */
struct wanted {
    enum sim_part part;
    bool wanted;
    const char *by; /* who wants it, or would have to */
};

static bool wants_are_met(const struct sim_profile *p, const struct wanted *rows, size_t n,
                          struct sim_profile_fault *fault)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = part_names[rows[i].part];

        if (rows[i].wanted && !has(p, rows[i].part))
            return wrong(fault, SIM_PART_COUNT, "%s needs a partition %s", rows[i].by, name);
        if (!rows[i].wanted && has(p, rows[i].part))
            return wrong(fault, rows[i].part, "partition %s is of no use without %s", name,
                         rows[i].by);
    }
    return true;
}

static bool slots_are_sound(const struct sim_profile *p, struct sim_profile_fault *fault)
{
    const bool second = sim_way_has_secondary(p->boot.way);
    const bool two = has(p, SIM_PART_PRIMARY_1);
    const struct wanted rows[] = {
        { SIM_PART_PRIMARY, true, "a device" },
        { SIM_PART_SECONDARY, second, second ? sim_way_name(p->boot.way) : "a second slot" },
        { SIM_PART_SCRATCH, sim_way_mode(p->boot.way) == TD_MODE_SCRATCH, "swap-scratch" },
        { SIM_PART_SECONDARY_1, p->net.present || (two && second), "a second image" },
        { SIM_PART_COUNTERS, p->boot.counters, "security_counters" },
    };

    if (!wants_are_met(p, rows, TD_N_OF(rows), fault))
        return false;
    if (p->net.present && two)
        return wrong(fault, SIM_PART_PRIMARY_1,
                     "the second image is the network core's, and runs in net_app");
    if (sim_profile_sectors(p, SIM_PART_PRIMARY) > p->boot.max_sectors)
        return wrong(fault, SIM_PART_PRIMARY, "it has %lu sectors, max_sectors is %u",
                     (unsigned long)sim_profile_sectors(p, SIM_PART_PRIMARY), p->boot.max_sectors);
    if (has(p, SIM_PART_BOOT_LOG) && sim_profile_sectors(p, SIM_PART_BOOT_LOG) < 2)
        return wrong(fault, SIM_PART_BOOT_LOG, "it needs two sectors, to keep one while it erases");
    return true;
}

static bool boot_is_sound(const struct sim_profile *p, struct sim_profile_fault *fault)
{
    const uint8_t align = p->boot.max_align;
    const bool loads = sim_way_loads(p->boot.way);

    if (align != 8 && align != 16 && align != 32)
        return wrong(fault, SIM_PART_COUNT, "max_align is %u; it is 8, 16 or 32", align);
    if (p->boot.sig != TD_SIG_NONE && p->boot.n_keys == 0)
        return wrong(fault, SIM_PART_COUNT, "signatures are wanted, but there is no key");
    if (p->boot.hmac_bits != 0 && p->boot.secret.kind != TD_ENC_X25519)
        return wrong(fault, SIM_PART_COUNT,
                     "encryption_hmac goes with an encryption_key of x25519");
    if (p->boot.keys_needed > p->boot.n_keys)
        return wrong(fault, SIM_PART_COUNT, "keys_needed is %u, and there are %u keys",
                     p->boot.keys_needed, p->boot.n_keys);
    if (loads && p->boot.ram.size == 0)
        return wrong(fault, SIM_PART_COUNT, "%s needs a ram window", sim_way_name(p->boot.way));
    if (!loads && p->boot.ram.size != 0)
        return wrong(fault, SIM_PART_COUNT, "%s loads nothing into RAM: leave ram out",
                     sim_way_name(p->boot.way));
    if (p->boot.secret.kind != TD_ENC_NONE && p->boot.way >= SIM_WAY_XIP && !loads)
        return wrong(fault, SIM_PART_COUNT, "%s runs images where they lie and cannot decrypt them",
                     sim_way_name(p->boot.way));
    return slots_are_sound(p, fault);
}

static bool recovery_is_sound(const struct sim_profile *p, struct sim_profile_fault *fault)
{
    if (p->recovery.present && p->recovery.entry == 0)
        return wrong(fault, SIM_PART_COUNT, "recovery: nothing enters it; entry is empty");
    return true;
}

static bool first_is_sound(const struct sim_profile *p, struct sim_profile_fault *fault)
{
    const struct sim_first_stage *f = &p->first;
    const struct wanted rows[] = {
        { SIM_PART_S0, f->present, "first_stage" },
        { SIM_PART_S1, f->present, "first_stage" },
        { SIM_PART_PROVISION, f->present, "first_stage" },
    };

    if (!wants_are_met(p, rows, TD_N_OF(rows), fault))
        return false;
    if (!f->present)
        return true;
    if (p->part[SIM_PART_S0].size != p->part[SIM_PART_S1].size)
        return wrong(fault, SIM_PART_S1, "s0 and s1 differ in size");
    if (f->n_keys == 0)
        return wrong(fault, SIM_PART_COUNT, "first_stage: there is no key");
    if (f->counter_slots % 2 != 0)
        return wrong(fault, SIM_PART_COUNT, "first_stage: counter_slots is %u; it is even",
                     f->counter_slots);
    return true;
}

static bool net_is_sound(const struct sim_profile *p, struct sim_profile_fault *fault)
{
    const bool net = p->net.present;
    const struct wanted rows[] = {
        { SIM_PART_NET_BOOT, net, "network_core" },
        { SIM_PART_NET_PROVISION, net, "network_core" },
        { SIM_PART_NET_APP, net, "network_core" },
    };

    if (!wants_are_met(p, rows, TD_N_OF(rows), fault))
        return false;
    if (!net && has(p, SIM_PART_NETCORE_GOOD))
        return wrong(fault, SIM_PART_NETCORE_GOOD,
                     "partition netcore_good is of no use without network_core");
    if (net && p->part[SIM_PART_NET_APP].flash == p->part[SIM_PART_PRIMARY].flash)
        return wrong(fault, SIM_PART_NET_APP, "the network core has a flash of its own");
    if (has(p, SIM_PART_NETCORE_GOOD) &&
        p->part[SIM_PART_NETCORE_GOOD].flash != p->part[SIM_PART_PRIMARY].flash)
        return wrong(fault, SIM_PART_NETCORE_GOOD,
                     "the network core reads no other flash than the one primary lies in");
    if (net && p->part[SIM_PART_SECONDARY_1].size > 0x40000)
        return wrong(fault, SIM_PART_SECONDARY_1, "it is larger than the slot in RAM (0x40000)");
    if (net && p->part[SIM_PART_NET_BOOT].flash != p->part[SIM_PART_NET_APP].flash)
        return wrong(fault, SIM_PART_NET_BOOT, "it lies in another flash than net_app");
    return true;
}

uint16_t sim_group_id(enum sim_group group)
{
    switch (group) {
    case SIM_GROUP_OS: return TD_SMP_GROUP_OS;
    case SIM_GROUP_IMAGE: return TD_SMP_GROUP_IMAGE;
    case SIM_GROUP_STAT: return TD_SMP_GROUP_STAT;
    case SIM_GROUP_SETTINGS: return TD_SMP_GROUP_SETTINGS;
    case SIM_GROUP_FS: return TD_SMP_GROUP_FS;
    case SIM_GROUP_SHELL: return TD_SMP_GROUP_SHELL;
    case SIM_GROUP_ENUM: return TD_SMP_GROUP_ENUM;
    case SIM_GROUP_BASIC: return TD_SMP_GROUP_BASIC;
    case SIM_GROUP_TANDEM: return TD_SMP_GROUP_TANDEM;
    }
    return UINT16_MAX;
}

static bool server_is_sound(const struct sim_profile *p, struct sim_profile_fault *fault)
{
    if (p->server.buf_size < 64)
        return wrong(fault, SIM_PART_COUNT, "buf_size %u is too small for any request (64)",
                     p->server.buf_size);
    if (p->server.buf_count == 0)
        return wrong(fault, SIM_PART_COUNT, "buf_count is 0; a server needs a buffer");
    return true;
}

bool sim_profile_check(const struct sim_profile *p, struct sim_profile_fault *fault)
{
    if (p->n_flash == 0)
        return wrong(fault, SIM_PART_COUNT, "there is no flash");
    for (uint8_t i = 0; i < p->n_flash; i++) {
        if (!flash_is_sound(&p->flash[i], fault))
            return false;
    }
    for (unsigned which = 0; which < SIM_PART_COUNT; which++) {
        if (!part_is_sound(p, (enum sim_part)which, fault))
            return false;
    }
    return boot_is_sound(p, fault) && recovery_is_sound(p, fault) && first_is_sound(p, fault) &&
           net_is_sound(p, fault) && server_is_sound(p, fault);
}
