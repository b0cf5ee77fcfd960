/*
 * nsib/rig_test.h - a device with a first stage on the bench: one flash with provision data, two
 * slots, an application's pair and a log, and firmware that a toy signer signs.
 *
 * The toy is a table like the real ones: a signature is good when it repeats digest and key. It
 * makes ten thousand boots a matter of seconds; the real curve is tested on the vendor's vector.
 */
#ifndef TD_NSIB_RIG_TEST_H
#define TD_NSIB_RIG_TEST_H

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "nsib/nsib.h"
#include "sim/nor.h"
#include "sim/otp.h"

#define RIG_SECTOR    0x1000u
#define RIG_PROVISION 0x8000u
#define RIG_S0        0x9000u
#define RIG_S1        0xb000u
#define RIG_SLOT      0x2000u
#define RIG_PRIMARY   0xd000u
#define RIG_SECONDARY 0x11000u
#define RIG_APP       0x4000u
#define RIG_LOG       0x15000u
#define RIG_END       0x17000u
#define RIG_PAD       0x200u
#define RIG_INFO      (2 * RIG_PAD) /* where fw_info stands, in the slot */
#define RIG_FW_SIZE   0x602u
#define RIG_TRAILER   (RIG_PAD + 0x604u)
#define RIG_RAM       0x20000000u
#define RIG_BOOTS     3
#define RIG_KEYS      3
#define RIG_OTP       0x280u

static const struct td_flash_run rig_runs[] = { { RIG_END / RIG_SECTOR, RIG_SECTOR } };
static const struct sim_nor_model rig_model = { .name = "bench",
                                                .runs = rig_runs,
                                                .n_runs = 1,
                                                .erased = 0xff,
                                                .budget = 2,
                                                .write_size = 4,
                                                .write_unit = 4,
                                                .erase_unit = RIG_SECTOR };
static const struct td_flash_run rig_otp_runs[] = { { 1, RIG_OTP } };
static const struct sim_nor_model rig_otp_model = { .name = "otp",
                                                    .runs = rig_otp_runs,
                                                    .n_runs = 1,
                                                    .erased = 0xff,
                                                    .budget = 1,
                                                    .write_size = 2,
                                                    .write_unit = 2,
                                                    .erase_unit = RIG_OTP };

struct rig {
    struct sim_power power;
    struct sim_nor nor, otp;
    uint8_t bytes[RIG_END], otp_bytes[RIG_OTP];
    uint8_t meta[2 * RIG_END + 0x1000], otp_meta[0x2000];
    struct td_flash_area flash, page, otp_area, log, s0, s1, primary, secondary;
    struct td_nsib_store store;
    struct td_nsib_config config;
    struct td_nsib_hooks hooks;
    struct td_nsib_work work;
    struct td_nsib_result result;
    enum td_reset_cause cause;
    bool vouches;
    bool unlocked[2]; /* locks that fail */
    unsigned locks;
    unsigned jumps;
    uint32_t granted[TD_NSIB_GRANTS_MAX];
    uint8_t record[TD_NSIB_HAND_OVER_SIZE];
};

/* As a debugger that reads, changes and writes back whole sectors. */
static inline void rig_poke(struct sim_nor *nor, uint32_t off, const void *src, uint32_t len)
{
    uint32_t sector = nor->model->runs[0].sector_size;
    uint32_t first = td_round_down(off, sector), end = td_round_up(off + len, sector);
    uint8_t copy[4 * RIG_SECTOR];

    memcpy(copy, sim_nor_peek(nor, first), end - first);
    memcpy(copy + (off - first), src, len);
    sim_nor_program(nor, first, copy, end - first);
}

/* --- the toy signer --- */

// r and s begin with 1, so that DER neither pads nor shortens them.
static inline void rig_key(uint8_t which, uint8_t key[64])
{
    memset(key, 0x40 + which, 64);
}

static inline enum td_err rig_verify(const uint8_t *key, size_t key_len, const uint8_t *msg,
                                     size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    if (key_len < 64 || msg_len != 32 || sig_len != 70)
        return TD_ESIG;
    if (memcmp(sig + 5, msg, 31) != 0 || memcmp(sig + 39, key + key_len - 31, 31) != 0)
        return TD_ESIG;
    return TD_OK;
}

static const struct td_sig_alg rig_alg = { .id = TD_SIG_ECDSA_P256, .verify = rig_verify };

static inline void rig_sign(const uint8_t hash[32], uint8_t which, uint8_t key[64], uint8_t sig[64])
{
    uint8_t digest[32];

    rig_key(which, key);
    td_hash_of(&td_sha256, hash, 32, digest);
    sig[0] = sig[32] = 1;
    memcpy(sig + 1, digest, 31);
    memcpy(sig + 33, key + 33, 31);
}

/* --- a firmware, from the first byte of its slot --- */

struct rig_fw {
    uint32_t slot; /* address that it is linked for */
    uint32_t version;
    uint8_t key;
    uint8_t flavour; /* builds that differ in nothing else */
};

static inline void rig_seal(uint8_t *out, uint32_t address, uint32_t size, uint8_t key)
{
    struct td_source src = td_source_memory(out + RIG_PAD, size);
    uint8_t *t = out + RIG_PAD + td_round_up(size, 4);
    uint8_t hash[32];

    (void)td_fw_hash(&src, 0, size, hash);
    td_store_le32(t, TD_FW_MAGIC_COMMON);
    td_store_le32(t + 4, TD_FW_MAGIC_VALIDATION);
    td_store_le32(t + 8, 0x00013402);
    td_store_le32(t + 12, address);
    memcpy(t + 16, hash, 32);
    rig_sign(hash, key, t + 48, t + 112);
}

/* Writes RIG_TRAILER + TD_FW_VALIDATION_SIZE bytes, the padding FF. */
static inline void rig_build(const struct rig_fw *fw, uint8_t *out)
{
    uint32_t address = fw->slot + RIG_PAD;
    uint8_t *code = out + RIG_PAD;
    uint8_t *info = out + RIG_INFO;

    memset(out, 0xff, RIG_TRAILER + TD_FW_VALIDATION_SIZE);
    for (uint32_t i = 0; i < RIG_FW_SIZE; i++)
        code[i] = (uint8_t)(7 * i + fw->flavour);
    td_store_le32(code, RIG_RAM + 0x1000);
    td_store_le32(code + 4, address + 0x301);
    memset(info, 0, TD_FW_INFO_SIZE);
    td_store_le32(info, TD_FW_MAGIC_COMMON);
    td_store_le32(info + 4, TD_FW_MAGIC_INFO);
    td_store_le32(info + 8, 0x00003402);
    td_store_le32(info + 12, TD_FW_INFO_SIZE);
    td_store_le32(info + 16, RIG_FW_SIZE);
    td_store_le32(info + 20, fw->version);
    td_store_le32(info + 24, address);
    td_store_le32(info + 28, address);
    td_store_le32(info + 32, TD_FW_VALID);
    rig_seal(out, address, RIG_FW_SIZE, fw->key);
}

static inline void rig_put(struct rig *r, uint32_t where, const struct rig_fw *fw)
{
    uint8_t bytes[RIG_TRAILER + TD_FW_VALIDATION_SIZE];

    rig_build(fw, bytes);
    rig_poke(&r->nor, where + RIG_PAD, bytes + RIG_PAD, sizeof bytes - RIG_PAD);
}

/* --- provision data --- */

static inline uint32_t rig_provision(uint8_t *out, bool old_tokens, uint16_t n_slots)
{
    uint8_t *p = out + td_provision_s0_off(TD_PROVISION_HALFWORD);

    memset(out, 0xff, RIG_OTP);
    td_store_le32(p, RIG_S0);
    td_store_le32(p + 4, RIG_S1);
    td_store_le32(p + 8, RIG_KEYS);
    p += 12;
    for (uint32_t i = 0; i < RIG_KEYS; i++, p += 20) {
        uint8_t key[64];

        rig_key((uint8_t)i, key);
        td_store_le32(p, old_tokens ? 0xffffffff : 0x50faffff + (i << 24));
        td_fw_fingerprint(key, p + 4);
    }
    td_store_le16(p, 1);
    td_store_le16(p + 2, 1);
    td_store_le16(p + 4, TD_COUNTER_FIRMWARE);
    td_store_le16(p + 6, n_slots);
    return (uint32_t)(p + 8 + 2 * n_slots - out);
}

static inline struct sim_nor *rig_store_nor(struct rig *r)
{
    return r->store.area != NULL ? &r->nor : &r->otp;
}

static inline uint32_t rig_store_off(const struct rig *r)
{
    return r->store.area != NULL ? RIG_PROVISION : 0;
}

/* --- hooks --- */

static inline bool rig_lock(void *ctx, enum td_nsib_lock what)
{
    struct rig *r = (struct rig *)ctx;

    r->locks |= 1u << what;
    return !r->unlocked[what];
}

static inline enum td_reset_cause rig_cause(void *ctx)
{
    return ((struct rig *)ctx)->cause;
}

static inline bool rig_vouched(void *ctx, uint8_t slot, uint32_t version)
{
    (void)slot;
    (void)version;
    return ((struct rig *)ctx)->vouches;
}

static inline void rig_hand_over(void *ctx, const uint8_t *record, uint32_t len)
{
    memcpy(((struct rig *)ctx)->record, record, len);
}

static inline void rig_grant(void *ctx, uint32_t address, uint32_t value)
{
    ((struct rig *)ctx)->granted[(address - RIG_RAM) / 4 % TD_NSIB_GRANTS_MAX] = value;
}

static inline void rig_jump(void *ctx, const struct td_nsib_result *result)
{
    (void)result;
    ((struct rig *)ctx)->jumps++;
}

enum rig_memory { RIG_PAGE, RIG_IN_OTP };

/* A device fresh from the factory, with provision data and empty slots. */
static inline void rig_start(struct rig *r, enum rig_memory memory, uint64_t seed)
{
    uint8_t provision[RIG_OTP];
    uint32_t size = rig_provision(provision, false, 8);

    memset(r, 0, sizeof *r);
    sim_nor_init(&r->nor, &rig_model, r->bytes, r->meta, &r->power, seed);
    sim_nor_init(&r->otp, &rig_otp_model, r->otp_bytes, r->otp_meta, &r->power, seed + 1);
    r->flash = (struct td_flash_area){ &r->nor.dev, 0, RIG_END };
    r->page = (struct td_flash_area){ &r->nor.dev, RIG_PROVISION, RIG_SECTOR };
    r->otp_area = (struct td_flash_area){ &r->otp.dev, 0, RIG_OTP };
    r->s0 = (struct td_flash_area){ &r->nor.dev, RIG_S0, RIG_SLOT };
    r->s1 = (struct td_flash_area){ &r->nor.dev, RIG_S1, RIG_SLOT };
    r->primary = (struct td_flash_area){ &r->nor.dev, RIG_PRIMARY, RIG_APP };
    r->secondary = (struct td_flash_area){ &r->nor.dev, RIG_SECONDARY, RIG_APP };
    r->log = (struct td_flash_area){ &r->nor.dev, RIG_LOG, 2 * RIG_SECTOR };
    r->store = memory == RIG_PAGE ? td_nsib_store_flash(&r->page) : sim_otp_store(&r->otp_area);
    r->hooks = (struct td_nsib_hooks){ .lock = rig_lock,
                                       .reset_cause = rig_cause,
                                       .hand_over = rig_hand_over,
                                       .grant = rig_grant,
                                       .jump = rig_jump };
    r->config = (struct td_nsib_config){
        .flash = &r->flash,
        .slot_size = RIG_SLOT,
        .store = &r->store,
        .form = TD_PROVISION_HALFWORD,
        .search = TD_FW_SEARCH_2_7,
        .compat = { .format = 2, .soc = 0x34 },
        .sig = &rig_alg,
        .ram_addr = RIG_RAM,
        .ram_size = 0x4000,
        .trial_off = TD_TRIAL_OFF,
        .trial_boots = RIG_BOOTS,
        .boot_log = &r->log,
        .hooks = &r->hooks,
        .hook_ctx = r,
    };
    r->cause = TD_RESET_POWER;
    rig_poke(rig_store_nor(r), rig_store_off(r) + td_provision_s0_off(TD_PROVISION_HALFWORD),
             provision + td_provision_s0_off(TD_PROVISION_HALFWORD),
             size - td_provision_s0_off(TD_PROVISION_HALFWORD));
}

static inline enum td_err rig_boot(struct rig *r)
{
    return td_nsib_go(&r->config, &r->work, &r->result);
}

static inline struct td_trial_place rig_cells(struct rig *r, uint8_t slot)
{
    return (struct td_trial_place){ slot == 0 ? &r->s0 : &r->s1, TD_TRIAL_OFF, RIG_BOOTS };
}

static inline struct td_provision rig_read_provision(struct rig *r)
{
    struct td_source src = td_nsib_store_source(&r->store);
    struct td_provision p;

    (void)td_provision_read(&src, 0, TD_PROVISION_HALFWORD, &p);
    return p;
}

#endif
