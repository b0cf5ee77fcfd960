/* sim/first.c - the first stage's board, and its console in the original's words. */
#include "sim/first.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/range.h"
#include "crypto/sig.h"
#include "sim/device_priv.h"
#include "sim/factory.h"
#include "sim/firmware.h"
#include "sim/otp.h"

#define RAM_ADDR 0x20000000u
#define RAM_SIZE 0x80000u

/* EXT_APIs that the vendor's first stage has, at addresses in its own code. */
static const struct td_nsib_api apis[] = {
    { 0x1001, 2, 1, 0x1000 }, { 0x1002, 0, 1, 0x1040 }, { 0x1003, 1, 1, 0x1080 },
    { 0x1101, 3, 1, 0x10c0 }, { 0x1200, 0, 1, 0x1100 },
};

/* ---- building -------------------------------------------------------------------------- */

static uint32_t address_of(const struct sim_device *dev, enum sim_part part)
{
    const struct sim_partition *p = &dev->profile->part[part];

    return dev->profile->flash[p->flash].address + p->off;
}

static void feed(void *ctx)
{
    sim_spend(ctx);
}

static bool lock(void *ctx, enum td_nsib_lock what)
{
    (void)ctx;
    (void)what;
    return true;
}

static enum td_reset_cause reset_cause(void *ctx)
{
    const struct sim_device *dev = ctx;

    return dev->retained.cause;
}

static const struct td_nsib_hooks hooks = {
    .feed = feed,
    .lock = lock,
    .reset_cause = reset_cause,
};

static enum td_err validate(void *ctx, uint8_t slot, const struct td_flash_area *area, uint32_t off,
                            uint32_t *version, struct td_verdict *why)
{
    struct sim_device *dev = ctx;

    return td_nsib_validate(&dev->first.config, &dev->first.work, slot, area, off, version, why);
}

/* Provision data lie in OTP, or in a page of the flash that the first stage itself lies in. */
static struct td_nsib_store store_of(const struct sim_device *dev)
{
    const struct sim_profile *p = dev->profile;

    if (p->part[SIM_PART_PROVISION].flash == p->part[SIM_PART_S0].flash)
        return td_nsib_store_flash(sim_area(dev, SIM_PART_PROVISION));
    return sim_otp_store(sim_area(dev, SIM_PART_PROVISION));
}

static void build_config(struct sim_device *dev)
{
    const struct sim_profile *p = dev->profile;
    const struct sim_flash *flash = &p->flash[p->part[SIM_PART_S0].flash];
    struct sim_first *f = &dev->first;

    f->flash = (struct td_flash_area){ f->slots[0].dev, 0, flash->size };
    f->config = (struct td_nsib_config){
        .flash = &f->flash,
        .flash_addr = flash->address,
        .slot_size = p->part[SIM_PART_S0].size,
        .store = &f->store,
        .form = sim_factory_form(p),
        .search = TD_FW_SEARCH_2_9,
        .compat = { .format = 2, .soc = p->first.soc },
        .sig = &td_sig_ecdsa_p256,
        .ram_addr = RAM_ADDR,
        .ram_size = RAM_SIZE,
        .apis = apis,
        .n_apis = TD_N_OF(apis),
        .trial_off = TD_TRIAL_OFF,
        .trial_boots = p->first.manner == SIM_BEHAVES_NSIB ? 0 : p->first.trials,
        .boot_log = sim_area(dev, SIM_PART_BOOT_LOG),
        .manner =
            p->first.manner == SIM_BEHAVES_NSIB ? &td_nsib_manner_nsib : &td_nsib_manner_tandem,
        .hooks = &hooks,
        .hook_ctx = dev,
    };
}

static void build_stage(struct sim_device *dev)
{
    struct sim_first *f = &dev->first;

    f->stage = (struct td_boot_stage){
        .slots = { &f->slots[0], &f->slots[1] },
        .addr = { address_of(dev, SIM_PART_S0), address_of(dev, SIM_PART_S1) },
        .search = f->config.search,
        .trial_off = f->config.trial_off,
        .trial_boots = f->config.trial_boots,
        .facts = &f->facts,
        .validate = validate,
        .ctx = dev,
    };
    dev->boot.stage = &f->stage;
}

enum td_err sim_first_build(struct sim_device *dev, bool is_new)
{
    struct sim_first *f = &dev->first;
    uint8_t data[SIM_PROVISION_MAX];
    size_t len;

    f->slots[0] = *sim_area(dev, SIM_PART_S0);
    f->slots[1] = *sim_area(dev, SIM_PART_S1);
    f->store = store_of(dev);
    build_config(dev);
    build_stage(dev);
    if (!is_new)
        return TD_OK;
    len = sim_factory_provision(dev->profile, data, sizeof data);
    if (len == 0 || len > dev->profile->part[SIM_PART_PROVISION].size)
        return TD_ENOSPC;
    return sim_device_program(dev, SIM_PART_PROVISION, 0, data, (uint32_t)len);
}

/* ---- console --------------------------------------------------------------------------- */

static void say(struct sim_device *dev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct sim_device *dev, const char *fmt, ...)
{
    char line[160];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    sim_say(dev, line);
}

/* What people find in their logs for a refusal. */
static void say_original(struct sim_device *dev, const struct td_verdict *v)
{
    switch (v->code) {
    case TD_V_NSIB_EMPTY: say(dev, "No fw_info struct found."); break;
    case TD_V_NSIB_BAD_INFO: say(dev, "E: Invalid size or total_size in firmware info."); break;
    case TD_V_NSIB_WRONG_SLOT:
        say(dev, "E: The firmware doesn't belong at destination addr.");
        break;
    case TD_V_NSIB_NOT_ITSELF: say(dev, "E: Firmware info doesn't point to itself."); break;
    case TD_V_NSIB_INVALIDATED:
        say(dev, "E: Firmware has been invalidated: 0x%" PRIx32 ".", v->found);
        break;
    case TD_V_NSIB_ROLLBACK:
        say(dev,
            "E: Firmware version (%" PRIu32 ") is smaller than monotonic counter (%" PRIu32 ").",
            v->found, v->wanted);
        break;
    case TD_V_NSIB_OUTSIDE: say(dev, "E: Reset handler is not within signed region."); break;
    case TD_V_NSIB_UNSIGNED: say(dev, "E: Could not find valid firmware validation info."); break;
    case TD_V_NSIB_FOREIGN_TRAILER:
        say(dev, "E: Validation info doesn't belong to this firmware.");
        break;
    case TD_V_NSIB_UNKNOWN_KEY:
        say(dev, "I: Public key didn't match, try next.");
        say(dev, "E: Failed to validate signature.");
        break;
    case TD_V_NSIB_KEY_REVOKED:
        say(dev, "I: Key %" PRIu32 " has been invalidated, try next.", v->found);
        break;
    case TD_V_NSIB_BAD_SIGNATURE: say(dev, "E: Firmware validation failed with error -102."); break;
    default: break;
    }
}

static void say_attempt(struct sim_device *dev, uint8_t slot)
{
    say(dev, "Attempting to boot slot %u.", slot);
    say(dev, "Attempting to boot from address 0x%" PRIx32 ".", dev->first.stage.addr[slot]);
}

static void say_refused(struct sim_device *dev, uint8_t slot)
{
    const struct td_nsib_result *r = &dev->first.result;

    struct td_verdict why = { .code = (uint16_t)r->refused[slot] };

    // What is not worth a verdict, an empty slot beside a good one, has no facts either.
    for (uint8_t i = 0; i < r->n_verdicts; i++) {
        if (r->verdicts[i].slot == slot && r->verdicts[i].code == r->refused[slot])
            why = r->verdicts[i];
    }
    say_attempt(dev, slot);
    say_original(dev, &why);
    say(dev, "W: Verdict %" PRIu32 ": %s: S%u: %s", r->refused[slot],
        td_verdict_name((uint16_t)r->refused[slot]), slot,
        td_verdict_sentence((uint16_t)r->refused[slot]));
    if (dev->first.config.manner->marks_refused)
        say(dev, "Failed to validate, permanently invalidating!");
}

static void say_booted(struct sim_device *dev)
{
    const struct td_nsib_result *r = &dev->first.result;

    say_attempt(dev, r->slot);
    say(dev, "I: Verifying signature against key %u.", r->key_index);
    say(dev, "I: Firmware signature verified.");
    say(dev, "Firmware version %" PRIu32, r->version);
    if (r->on_trial)
        say(dev, "I: S%u is on trial: boot %u of %u", r->slot, r->begun,
            dev->first.config.trial_boots);
    say(dev, "Booting (0x%" PRIx32 ").", r->slot_address);
}

/* The rest of what was decided: what no slot's refusal has told. */
static void say_verdicts(struct sim_device *dev)
{
    const struct td_nsib_result *r = &dev->first.result;

    for (uint8_t i = 0; i < r->n_verdicts; i++) {
        const struct td_verdict *v = &r->verdicts[i];

        if (v->slot < 2 && v->code == r->refused[v->slot])
            continue;
        say(dev, "W: Verdict %u: %s: %s", v->code, td_verdict_name(v->code),
            td_verdict_sentence(v->code));
    }
}

static void tell(struct sim_device *dev)
{
    const struct td_nsib_result *r = &dev->first.result;

    for (uint8_t slot = 0; slot < 2; slot++) {
        if (r->refused[slot] != 0)
            say_refused(dev, slot);
    }
    say_verdicts(dev);
    if (r->bootable)
        say_booted(dev);
    else
        say(dev, "No bootable image found. Aborting boot.");
}

/* ---- one boot -------------------------------------------------------------------------- */

static void read_stage(struct sim_device *dev)
{
    struct sim_first *f = &dev->first;
    const struct td_flash_area *slot = &f->slots[f->result.slot];
    struct td_source src = td_flash_source(slot);
    struct td_fw_info info;

    memset(&f->app, 0, sizeof f->app);
    if (td_fw_info_find(&src, f->config.skip, f->config.search, &info) == TD_OK &&
        info.address >= f->result.slot_address)
        (void)sim_firmware_read(&src, info.address - f->result.slot_address, &f->app);
    f->facts = (struct td_boot_stage_facts){
        .active = f->result.slot,
        .on_trial = f->result.on_trial,
        .may_prove = f->result.on_trial || f->result.last_resort,
        .version = f->result.version,
    };
}

static uint32_t trial_of(const struct sim_first *f)
{
    const struct td_trial_place cells = { &f->slots[f->result.slot], f->config.trial_off,
                                          f->config.trial_boots };
    struct td_trial trial;

    if (!f->result.on_trial || td_trial_read(&cells, &trial) != TD_OK)
        return TD_TANDEM_PROVEN;
    return trial.last_booted ? TD_TANDEM_SERVES : TD_TANDEM_ON_TRIAL;
}

void sim_first_tell_server(struct sim_device *dev)
{
    struct sim_first *f = &dev->first;
    const struct td_provision *p = &f->work.provision;
    struct td_tandem_stage *t = &f->told;

    *t = (struct td_tandem_stage){
        .slot = f->result.slot,
        .version = f->result.version,
        .least = f->result.counter,
        .trial = trial_of(f),
        .addr = { f->stage.addr[0], f->stage.addr[1] },
        .size = f->config.slot_size,
    };
    for (uint32_t i = 0; i < p->n_keys && t->n_keys < TD_TANDEM_STAGE_KEYS; i++) {
        if (p->keys[i].token == TD_TOKEN_VALID || p->keys[i].token == TD_TOKEN_VALID_OLD)
            t->keys[t->n_keys++] =
                (struct td_cbor_bytes){ p->keys[i].fingerprint, TD_TANDEM_STAGE_PRINT };
    }
}

bool sim_first_go(struct sim_device *dev)
{
    struct sim_first *f = &dev->first;
    enum td_err err = td_nsib_go(&f->config, &f->work, &f->result);

    if (err != TD_OK || dev->power.lost)
        return false;
    tell(dev);
    if (f->result.bootable)
        read_stage(dev);
    return f->result.bootable;
}
