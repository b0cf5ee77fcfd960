/* tools/profile_boot.c - who decides what runs: bootloader, recovery, first stage, network core. */
#include <string.h>

#include "base/range.h"
#include "sim/rescue.h"
#include "tools/profile_priv.h"

/* boot */

static const struct choice hashes[] = {
    { "sha256", 256 },
    { "sha384", 384 },
    { "sha512", 512 },
    { NULL, 0 },
};

static const struct choice hmacs[] = { { "sha256", 256 }, { "sha512", 512 }, { NULL, 0 } };
static const struct choice yes_no[] = { { "true", 1 }, { "false", 0 }, { NULL, 0 } };

static bool read_max_sectors(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct key key = { "max_sectors", false, KIND_NUMBER, 0, 2, 1, 65535, NULL, NULL };

    if (td_profile_scalar(node) != NULL && strcmp(td_profile_scalar(node), "auto") == 0) {
        r->auto_sectors = true;
        return true;
    }
    r->auto_sectors = false;
    return td_profile_number(r, node, &key, dst);
}

#define PURE 0x100u /* ED25519, in its other way of signing */

static bool read_sig(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice choices[] = {
        { "none", TD_SIG_NONE },
        { "rsa", TD_SIG_RSA },
        { "ecdsa-p256", TD_SIG_ECDSA_P256 },
        { "ecdsa-p384", TD_SIG_ECDSA_P384 },
        { "ed25519", TD_SIG_ED25519 },
        { "ed25519-pure", PURE },
        { NULL, 0 },
    };
    unsigned value;

    (void)dst;
    if (!td_profile_choose(r, node, "signature", choices, &value))
        return false;
    r->p->boot.pure = value == PURE;
    r->p->boot.sig = value == PURE ? TD_SIG_ED25519 : (enum td_sig_id)value;
    r->sig_given = true;
    r->sig_line = td_profile_line(node);
    return true;
}

static bool read_hash(struct reading *r, yaml_node_t *node, void *dst)
{
    unsigned value;

    if (!td_profile_choose(r, node, "image_hash", hashes, &value))
        return false;
    *(uint16_t *)dst = (uint16_t)value;
    return true;
}

static bool read_hmac(struct reading *r, yaml_node_t *node, void *dst)
{
    unsigned value;

    if (!td_profile_choose(r, node, "encryption_hmac", hmacs, &value))
        return false;
    *(uint16_t *)dst = (uint16_t)value;
    return true;
}

struct window {
    uint32_t address, size;
};

static bool read_ram(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct key keys[] = {
        { "address", false, KIND_NUMBER, AT(struct window, address), 0, UINT32_MAX, NULL, NULL },
        { "size", false, KIND_NUMBER, AT(struct window, size), 1, SIM_RAM_MAX, NULL, NULL },
    };
    struct window ram;

    (void)dst;
    if (!td_profile_map(r, node, "ram", keys, TD_N_OF(keys), &ram))
        return false;
    r->p->boot.ram.address = ram.address;
    r->p->boot.ram.size = ram.size;
    return true;
}

static bool read_way(struct reading *r, yaml_node_t *node, void *dst)
{
    struct choice ways[SIM_WAY_COUNT + 1];
    unsigned value;

    for (unsigned way = 0; way < SIM_WAY_COUNT; way++)
        ways[way] = (struct choice){ sim_way_name((enum sim_way)way), way };
    ways[SIM_WAY_COUNT] = (struct choice){ NULL, 0 };
    if (!td_profile_choose(r, node, "strategy", ways, &value))
        return false;
    *(enum sim_way *)dst = (enum sim_way)value;
    return true;
}

bool td_profile_read_boot(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice manners[] = {
        { "tandem", SIM_BEHAVES_TANDEM },
        { "mcuboot", SIM_BEHAVES_MCUBOOT },
        { NULL, 0 },
    };
    static const struct key keys[] = {
        { "behaves_as", true, KIND_CHOICE, AT(struct sim_profile, boot.manner), 0, 0, manners,
          NULL },
        { "strategy", false, KIND_OTHER, AT(struct sim_profile, boot.way), 0, 0, NULL, read_way },
        { "max_align", true, KIND_NUMBER, AT(struct sim_profile, boot.max_align), 8, 32, NULL,
          NULL },
        { "max_sectors", true, KIND_OTHER, AT(struct sim_profile, boot.max_sectors), 0, 0, NULL,
          read_max_sectors },
        { "signature", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_sig },
        { "keys", true, KIND_OTHER, 0, 0, 0, 0, NULL, td_profile_read_keys },
        { "encryption_key", true, KIND_OTHER, AT(struct sim_profile, boot.secret), 0, 0, NULL,
          td_profile_read_secret },
        { "keys_needed", true, KIND_NUMBER, AT(struct sim_profile, boot.keys_needed), 1,
          SIM_KEYS_MAX, NULL, NULL },
        { "keys_in_full", true, KIND_CHOICE, AT(struct sim_profile, boot.keys_in_full), 0, 0,
          yes_no, NULL },
        { "image_hash", true, KIND_OTHER, AT(struct sim_profile, boot.hash_bits), 0, 0, NULL,
          read_hash },
        { "encryption_hmac", true, KIND_OTHER, AT(struct sim_profile, boot.hmac_bits), 0, 0, NULL,
          read_hmac },
        { "downgrade_prevention", true, KIND_CHOICE,
          AT(struct sim_profile, boot.downgrade_prevention), 0, 0, yes_no, NULL },
        { "security_counters", true, KIND_CHOICE, AT(struct sim_profile, boot.counters), 0, 0,
          yes_no, NULL },
        { "ram", true, KIND_OTHER, 0, 0, 0, 0, NULL, read_ram },
    };

    r->boot_line = td_profile_line(node);
    return td_profile_map(r, node, "boot", keys, TD_N_OF(keys), dst);
}

/* recovery */

static bool read_entry(struct reading *r, yaml_node_t *node, size_t i, void *dst)
{
    static const struct choice choices[] = {
        { "pin", SIM_ENTRY_PIN },
        { "boot-mode", SIM_ENTRY_MODE },
        { "no-image", SIM_ENTRY_NO_IMAGE },
        { NULL, 0 },
    };
    unsigned value;

    (void)i;
    if (!td_profile_choose(r, node, "entry", choices, &value))
        return false;
    *(uint8_t *)dst = (uint8_t)(*(uint8_t *)dst | value);
    return true;
}

static bool read_entries(struct reading *r, yaml_node_t *node, void *dst)
{
    return td_profile_list(r, node, "entry", 8, read_entry, dst);
}

bool td_profile_read_recovery(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice framings[] = {
        { "console", TD_RECOVERY_CONSOLE },
        { "raw", TD_RECOVERY_RAW },
        { "cobs", TD_RECOVERY_COBS },
        { NULL, 0 },
    };
    static const struct choice targets[] = {
        { "spare", TD_SERVER_TO_SPARE },
        { "primary", TD_SERVER_TO_PRIMARY },
        { "any", TD_SERVER_TO_ANY },
        { NULL, 0 },
    };
    static const struct key keys[] = {
        { "framing", true, KIND_CHOICE, AT(struct sim_recovery, framing), 0, 0, framings, NULL },
        { "entry", false, KIND_OTHER, AT(struct sim_recovery, entry), 0, 0, NULL, read_entries },
        { "target", true, KIND_CHOICE, AT(struct sim_recovery, target), 0, 0, targets, NULL },
        { "manages", true, KIND_CHOICE, AT(struct sim_recovery, manages), 0, 0, yes_no, NULL },
        { "buf_size", true, KIND_NUMBER, AT(struct sim_recovery, buf_size), 256, SIM_RESCUE_BUF_MAX,
          NULL, NULL },
    };

    (void)dst;
    r->p->recovery.present = true;
    return td_profile_map(r, node, "recovery", keys, TD_N_OF(keys), &r->p->recovery);
}

/* first stage */

bool td_profile_read_first(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct choice manners[] = {
        { "tandem", SIM_BEHAVES_TANDEM },
        { "nsib", SIM_BEHAVES_NSIB },
        { NULL, 0 },
    };
    static const struct choice forms[] = {
        { "halfword", SIM_PROVISION_HALFWORD },
        { "word", SIM_PROVISION_WORD },
        { "bare", SIM_PROVISION_BARE },
        { NULL, 0 },
    };
    static const struct choice tokens[] = {
        { "sdk-2.7", SIM_TOKENS_YOUNG },
        { "sdk-2.6", SIM_TOKENS_OLD },
        { NULL, 0 },
    };
    static const struct key keys[] = {
        { "behaves_as", true, KIND_CHOICE, AT(struct sim_first_stage, manner), 0, 0, manners,
          NULL },
        { "provision", true, KIND_CHOICE, AT(struct sim_first_stage, form), 0, 0, forms, NULL },
        { "tokens", true, KIND_CHOICE, AT(struct sim_first_stage, tokens), 0, 0, tokens, NULL },
        { "soc", false, KIND_NUMBER, AT(struct sim_first_stage, soc), 0, 99, NULL, NULL },
        { "keys", false, KIND_OTHER, 0, 0, 0, 0, NULL, td_profile_read_first_keys },
        { "counter_slots", true, KIND_NUMBER, AT(struct sim_first_stage, counter_slots), 0, 300,
          NULL, NULL },
        { "trials", true, KIND_NUMBER, AT(struct sim_first_stage, trials), 1, 15, NULL, NULL },
    };

    (void)dst;
    r->p->first.present = true;
    r->p->first.trials = 3;
    return td_profile_map(r, node, "first_stage", keys, TD_N_OF(keys), &r->p->first);
}

/* network core */

bool td_profile_read_net(struct reading *r, yaml_node_t *node, void *dst)
{
    static const struct key keys[] = {
        { "command", false, KIND_NUMBER, AT(struct sim_network_core, command), 0, UINT32_MAX, NULL,
          NULL },
        { "hangs", true, KIND_CHOICE, AT(struct sim_network_core, hangs), 0, 0, yes_no, NULL },
    };

    (void)dst;
    r->p->net.present = true;
    return td_profile_map(r, node, "network_core", keys, TD_N_OF(keys), &r->p->net);
}
