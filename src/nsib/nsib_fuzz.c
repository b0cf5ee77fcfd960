/*
 * nsib/nsib_fuzz.c - a first stage's boot over flash that holds anything.
 *
 * The input changes a device that boots: first how it is configured, then pieces of provision
 * data and of both slots. Every signature is taken for good, so that a signer's own mistakes
 * and games are met too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nsib/rig_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t flash[RIG_PRIMARY];

static enum td_err read_flash(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    if (!td_range_in(off, (uint32_t)len, dev->size))
        abort();
    memcpy(dst, flash + off, len);
    return TD_OK;
}

static enum td_err write_flash(const struct td_flash_dev *dev, uint32_t off, const void *src,
                               size_t len)
{
    const uint8_t *bytes = (const uint8_t *)src;

    if (!td_range_in(off, (uint32_t)len, dev->size) || off < RIG_PROVISION)
        abort();
    for (size_t i = 0; i < len; i++)
        flash[off + i] &= bytes[i];
    return TD_OK;
}

static enum td_err begin_erase(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    (void)dev;
    (void)off;
    (void)len;
    abort(); // a first stage erases nothing
}

static enum td_err step_erase(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    (void)dev;
    (void)budget_us;
    (void)done;
    abort();
}

static enum td_err any_signature(const uint8_t *key, size_t key_len, const uint8_t *msg,
                                 size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    (void)key;
    (void)key_len;
    (void)msg;
    (void)msg_len;
    (void)sig;
    (void)sig_len;
    return TD_OK;
}

static void make(void)
{
    const struct rig_fw five = { RIG_S0, 5, 0, 5 }, six = { RIG_S1, 6, 1, 6 };

    static uint8_t fresh[RIG_PRIMARY];

    if (fresh[0] == 0) {
        memset(fresh, 0xff, sizeof fresh);
        rig_provision(fresh + RIG_PROVISION, false, 8);
        rig_build(&five, fresh + RIG_S0);
        rig_build(&six, fresh + RIG_S1);
    }
    memcpy(flash, fresh, sizeof flash);
}

/* Pieces: place u8 (which part), offset u16, length u8, bytes. */
static void change(const uint8_t *data, size_t size)
{
    static const uint32_t parts[] = {
        RIG_PROVISION, RIG_S0, RIG_S1, RIG_S0 + RIG_INFO, RIG_S1 + RIG_INFO, RIG_S1 + RIG_TRAILER
    };

    while (size >= 4) {
        uint32_t at = parts[data[0] % TD_N_OF(parts)] + td_load_le16(data + 1) % RIG_SLOT;
        uint32_t len = td_min_u32(data[3], (uint32_t)(size - 4));

        if (td_range_in(at, len, RIG_PRIMARY))
            memcpy(flash + at, data + 4, len);
        data += 4 + len;
        size -= 4 + len;
    }
}

static void check_result(const struct td_nsib_config *c, const struct td_nsib_result *r)
{
    if (r->n_verdicts > TD_NSIB_VERDICTS_MAX || r->n_grants > TD_NSIB_GRANTS_MAX)
        abort();
    if (!r->bootable)
        return;
    if (!td_range_in(r->boot_address - r->slot_address, 8, c->slot_size) ||
        !td_range_in((r->entry & ~1u) - r->slot_address, 2, c->slot_size) || (r->entry & 1) == 0)
        abort();
    if (r->stack <= RIG_RAM || r->stack > RIG_RAM + c->ram_size)
        abort();
    for (unsigned i = 0; i < r->n_grants; i++)
        if (!td_range_in(r->grants[i].address - RIG_RAM, 4, c->ram_size))
            abort();
    if (r->version < r->counter && c->manner != &td_nsib_manner_nsib)
        abort();
}

/* Our manner writes cells, tokens and counters: in the slots, nothing behind the padding. */
static void check_flash(const uint8_t *before)
{
    for (uint32_t slot = RIG_S0; slot < RIG_PRIMARY; slot += RIG_SLOT)
        if (memcmp(flash + slot + RIG_PAD, before + slot + RIG_PAD, RIG_SLOT - RIG_PAD) != 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct td_flash_ops ops = { read_flash, write_flash, begin_erase, step_erase };
    static const struct td_nsib_api apis[] = { { 0x1002, 0, 1, 1 }, { 0x1003, 3, 4, 5 } };
    static const struct td_sig_alg alg = { .id = TD_SIG_ECDSA_P256, .verify = any_signature };
    static uint8_t before[RIG_PRIMARY];
    static const struct td_flash_run runs[] = { { RIG_PRIMARY / RIG_SECTOR, RIG_SECTOR } };
    const struct td_flash_dev dev = { &ops, NULL, runs, 1, 0xff, 0, 4, RIG_PRIMARY };
    const struct td_flash_area all = { &dev, 0, RIG_PRIMARY };
    const struct td_flash_area page = { &dev, RIG_PROVISION, RIG_SECTOR };
    const struct td_nsib_store store = td_nsib_store_flash(&page);
    struct td_nsib_config c = {
        .flash = &all,
        .slot_size = RIG_SLOT,
        .store = &store,
        .compat = { .format = 2, .soc = 0x34 },
        .sig = &alg,
        .ram_addr = RIG_RAM,
        .ram_size = 0x4000,
        .apis = apis,
        .n_apis = 2,
        .trial_off = TD_TRIAL_OFF,
        .trial_boots = RIG_BOOTS,
    };
    struct td_nsib_result result;
    struct td_nsib_work work;
    struct td_verdict why;
    uint32_t version;

    if (size < 1)
        return 0;
    c.search = (enum td_fw_search)(data[0] % 3);
    c.form = (data[0] & 4) != 0 ? TD_PROVISION_WORD : TD_PROVISION_HALFWORD;
    c.skip = (data[0] & 8) != 0 ? RIG_PAD : 0;
    c.manner = (data[0] & 16) != 0 ? &td_nsib_manner_nsib : NULL;
    c.checks_life = (data[0] & 32) != 0;
    make();
    change(data + 1, size - 1);
    for (unsigned boot = 0; boot < 2; boot++) {
        struct td_trial_place cells = { &all, RIG_S0 + TD_TRIAL_OFF, RIG_BOOTS };

        memcpy(before, flash, sizeof before);
        if (td_nsib_go(&c, &work, &result) != TD_OK)
            abort();
        check_result(&c, &result);
        if (c.manner == NULL)
            check_flash(before);
        cells.off += result.slot * RIG_SLOT;
        if (result.bootable && (data[0] & 64) != 0)
            (void)td_trial_booted(&cells);
    }
    (void)td_nsib_validate(&c, &work, data[0] >> 7, &all, RIG_S1, &version, &why);
    return 0;
}
