/*
 * sim/profile.h - what a virtual device is, as data.
 *
 * A profile names everything in which two devices differ: the flash, how it is partitioned,
 * how the bootloader updates and whom it trusts, what the server offers, what the application
 * does about confirming. It holds no pointers, so it is copied freely. tools/profile.c fills
 * one from YAML (docs/spec/profiles.md); a test may write one down itself.
 *
 * Whoever fills it keeps to what the comments say; sim_profile_check finds what contradicts
 * itself. Sizes and offsets are bytes; offsets of partitions count from the start of their flash.
 */
#ifndef TD_SIM_PROFILE_H
#define TD_SIM_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/enc.h"
#include "crypto/sig.h"
#include "flash/flash.h"
#include "server/recovery.h"
#include "sim/way.h"

#define SIM_NAME_MAX    47
#define SIM_TEXT_MAX    119
#define SIM_FLASHES_MAX 4
#define SIM_RUNS_MAX    8
#define SIM_KEYS_MAX    8
#define SIM_IMAGES_MAX  2
#define SIM_SECRET_MAX  1300 /* bytes of the longest private key: PKCS#1 of RSA-2048 */
#define SIM_RAM_MAX     0x80000

/* Whose behaviour, where the original and we differ. */
enum sim_manner {
    SIM_BEHAVES_TANDEM,
    SIM_BEHAVES_MCUBOOT,    /* the bootloader */
    SIM_BEHAVES_NSIB,       /* the first stage */
    SIM_BEHAVES_ZEPHYR_4,   /* the server */
    SIM_BEHAVES_ZEPHYR_3_3, /* the server */
};

enum sim_group {
    SIM_GROUP_OS = 1,
    SIM_GROUP_IMAGE = 2,
    SIM_GROUP_BASIC = 4,
    SIM_GROUP_TANDEM = 8,
    SIM_GROUP_STAT = 16,
    SIM_GROUP_SETTINGS = 32,
    SIM_GROUP_FS = 64,
    SIM_GROUP_SHELL = 128,
    SIM_GROUP_ENUM = 256,
};

#define SIM_GROUPS_MAX 9

enum sim_access {
    SIM_ACCESS_RULES,  /* server.rules, and for other groups the server's safe ones */
    SIM_ACCESS_OPEN,   /* whoever reaches a link may do everything */
    SIM_ACCESS_LOCKED, /* everything but the OS group is refused */
};

enum sim_confirms {
    SIM_CONFIRMS_WHEN_TOLD, /* the client sends confirm */
    SIM_CONFIRMS_ITSELF,    /* every application confirms as soon as it serves */
};

/* One flash device. */
struct sim_flash {
    char name[SIM_NAME_MAX + 1];
    uint32_t address; /* of its first byte, as code is linked for it; 0 when it is not mapped */
    uint32_t size;    /* the sum of the runs */
    struct td_flash_run runs[SIM_RUNS_MAX];
    uint8_t n_runs;
    uint16_t write_size; /* 1, 2, 4, 8, 16 or 32 */
    uint8_t erased;      /* 0xFF or 0x00 */
    uint8_t budget;      /* programs of one word between erases; 0 = any number */
    bool ecc_error;      /* reading a torn word fails, as where each word has an ECC */
    uint32_t erase_us;   /* of one sector */
    uint32_t program_us; /* of one write unit */
    uint32_t read_us_per_kb;
};

enum sim_part {
    SIM_PART_BOOT, /* where the bootloader would lie; nothing is read from it */
    SIM_PART_PRIMARY,
    SIM_PART_SECONDARY,
    SIM_PART_SCRATCH,
    SIM_PART_STORAGE,
    SIM_PART_BOOT_LOG,
    SIM_PART_PRIMARY_1, /* of the second image */
    SIM_PART_SECONDARY_1,
    SIM_PART_COUNTERS,      /* security counters: sim/counters.h */
    SIM_PART_S0,            /* the two places of a second stage, */
    SIM_PART_S1,            /* header's pad included */
    SIM_PART_PROVISION,     /* what the first stage was given */
    SIM_PART_NET_BOOT,      /* the network core's bootloader; nothing is read from it */
    SIM_PART_NET_PROVISION, /* what it was given */
    SIM_PART_NET_APP,       /* where the network core's image runs */
    SIM_PART_NETCORE_GOOD,  /* the network image to go back to */
    SIM_PART_COUNT,
};

struct sim_partition {
    uint32_t off;
    uint32_t size; /* 0: there is no such partition */
    uint8_t flash; /* index into the profile's flashes */
};

struct sim_key {
    uint8_t der[TD_SIG_KEY_MAX]; /* as MCUboot embeds it */
    uint16_t len;
};

/* How the recovery server of the bootloader is entered, or-ed. */
enum sim_entry { SIM_ENTRY_PIN = 1, SIM_ENTRY_MODE = 2, SIM_ENTRY_NO_IMAGE = 4 };

struct sim_recovery {
    bool present;
    enum td_recovery_framing framing; /* of every serial line while it serves */
    uint8_t entry;                    /* of enum sim_entry */
    enum td_server_target target;
    bool manages;      /* image test, confirm and erase are served, too */
    uint16_t buf_size; /* bytes of its largest message, 256 to 4096; 0: 1024 */
};

/* Form and generation of what a first stage was given. */
enum sim_provision_form { SIM_PROVISION_HALFWORD, SIM_PROVISION_WORD, SIM_PROVISION_BARE };
enum sim_tokens { SIM_TOKENS_YOUNG, SIM_TOKENS_OLD }; /* SDK 2.7 on; until 2.6 */

struct sim_first_stage {
    bool present;
    enum sim_manner manner; /* TANDEM or NSIB */
    enum sim_provision_form form;
    enum sim_tokens tokens;
    uint8_t soc; /* of fw_info's magic: 52, 53, 91 */
    uint8_t n_keys;
    uint8_t key[SIM_KEYS_MAX][64]; /* X and Y, big-endian; their hashes are provisioned */
    uint16_t counter_slots;        /* even; 0: there is no counter */
    uint8_t trials;                /* boots that a stage on trial has; TANDEM only */
};

struct sim_network_core {
    bool present;
    uint32_t command; /* address of the shared RAM word */
    bool hangs;       /* it never answers: for tests */
};

/* The device's own key, that opens encrypted images. */
struct sim_secret {
    enum td_enc_id kind;         /* TD_ENC_NONE: there is none */
    uint8_t der[SIM_SECRET_MAX]; /* as crypto/enc.h wants it */
    uint16_t len;
};

struct sim_profile {
    char name[SIM_NAME_MAX + 1];
    char board[SIM_TEXT_MAX + 1]; /* for people: which board this stands for */
    struct sim_flash flash[SIM_FLASHES_MAX];
    uint8_t n_flash;
    struct sim_partition part[SIM_PART_COUNT];
    struct {
        enum sim_manner manner; /* TANDEM or MCUBOOT */
        enum sim_way way;       /* of image 0; image 1 of a network core is handed over */
        uint8_t max_align;      /* 8, 16 or 32 */
        uint16_t max_sectors;   /* of a slot; decides the trailer's size */
        bool downgrade_prevention;
        enum td_sig_id sig; /* NONE: the hash alone decides; RSA: as long as the first key */
        struct sim_key key[SIM_KEYS_MAX];
        uint8_t n_keys;
        struct sim_secret secret;
        uint16_t hmac_bits;  /* X25519: of the images' ECIES; 0: 256 */
        bool pure;           /* ED25519: signatures cover the image and not its hash */
        uint16_t hash_bits;  /* of the one image hash that is taken; 0: the signature's usual */
        uint8_t keys_needed; /* so many of the keys must have signed; 0: one */
        bool keys_in_full;   /* images carry the key and not its hash */
        bool counters;       /* security counters, in partition counters */
        struct {
            uint32_t address, size; /* size 0: there is none */
        } ram;                      /* that images may be loaded into */
    } boot;
    struct sim_recovery recovery;
    struct sim_first_stage first;
    struct sim_network_core net;
    struct {
        enum sim_manner manner; /* TANDEM, ZEPHYR_4 or ZEPHYR_3_3 */
        uint16_t groups;        /* of enum sim_group, or-ed */
        enum sim_access access;
        struct td_server_access rules[SIM_GROUPS_MAX]; /* RULES: one a group at most */
        uint8_t n_rules;
        bool no_params;    /* the OS group does not tell how large its buffers are */
        uint16_t buf_size; /* bytes of the largest request or response, 64 or more */
        uint8_t buf_count;
        uint32_t reset_delay_ms; /* between the answer to a reset and the reset */
    } server;
    enum sim_confirms confirms;
    uint32_t watchdog_ms; /* the bootloader starts it before it jumps; 0 = there is none */
};

/* What contradicts itself: a sentence without a full stop, and the partition it is about. */
struct sim_profile_fault {
    char text[160];
    enum sim_part part; /* SIM_PART_COUNT when it is about no partition */
};

/* Whether a device can be built from it; *fault says why not. */
bool sim_profile_check(const struct sim_profile *p, struct sim_profile_fault *fault);

/* How many sectors a partition has; of a profile that may still be unsound. */
uint32_t sim_profile_sectors(const struct sim_profile *p, enum sim_part part);

/* SMP's number of a group. */
uint16_t sim_group_id(enum sim_group group);

/* "primary", "boot_log": the partition's name as YAML and --program have it. */
const char *sim_part_name(enum sim_part part);

#endif
