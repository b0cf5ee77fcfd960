/*
 * client/reply.h - what devices answer, as plain values.
 *
 * A reply owns what it says: nothing points into a packet, but for RAW. Lists have room for what
 * devices list; what is beyond is counted where n_total says so, and left out. Names are cut to
 * fit, ended by a 0, and printable ASCII: what is none of that becomes '?'.
 */
#ifndef TD_CLIENT_REPLY_H
#define TD_CLIENT_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/verdict.h"
#include "client/failure.h"
#include "smp/image.h"
#include "smp/tandem.h"

#define TD_STATES_MAX   16
#define TD_SLOTS_MAX    16
#define TD_WHY_PAGE_MAX 16
#define TD_KEYS_MAX     16
#define TD_REPLY_TEXT   512

/* One line of the image list. */
struct td_image_state {
    uint32_t image;                   /* 0 where the device does not say */
    uint32_t slot;                    /* within the image */
    char version[TD_IMG_VERSION_MAX]; /* as the device wrote it; "" when it did not */
    uint8_t hash[TD_IMG_HASH_MAX];
    uint8_t hash_len; /* 0: the device does not list it */
    bool bootable, pending, confirmed, active, permanent;
};

/* The image list. A slot without an image is not in it. */
struct td_image_states {
    uint8_t n;
    struct td_image_state at[TD_STATES_MAX]; /* what a device lists beyond is left out */
};

struct td_slot_size {
    uint32_t image, slot;
    bool has_size, has_max, has_upload_image;
    uint32_t size; /* bytes */
    uint32_t max;  /* largest file that can be swapped; the image's, repeated in each slot */
    uint32_t upload_image; /* what "image" of an upload has to say */
};

struct td_slot_sizes {
    uint8_t n;
    struct td_slot_size at[TD_SLOTS_MAX];
};

#define TD_TASKS_MAX  32
#define TD_POOLS_MAX  16
#define TD_GROUPS_MAX 32
#define TD_NAME_MAX   32

struct td_tasks {
    uint32_t n_total; /* what a device lists beyond TD_TASKS_MAX is counted only */
    uint8_t n;
    struct td_task {
        char name[TD_NAME_MAX];
        int64_t prio;
        uint64_t tid, state, runtime; /* as the device counts them */
        uint64_t stack, stack_used;   /* bytes */
    } at[TD_TASKS_MAX];
};

struct td_pools {
    uint32_t n_total;
    uint8_t n;
    struct td_pool {
        char name[TD_NAME_MAX];
        uint64_t block_size; /* bytes */
        uint64_t blocks, free_blocks, least_free;
    } at[TD_POOLS_MAX];
};

struct td_groups {
    uint32_t n_total;
    uint8_t n;
    struct td_group {
        uint32_t group, handlers;
        bool has_handlers;
        char name[TD_NAME_MAX]; /* "": the device did not say */
    } at[TD_GROUPS_MAX];
};

#define TD_STAT_NAMES_MAX  32
#define TD_STAT_FIELDS_MAX 64
#define TD_VALUE_MAX       1024
#define TD_HASH_TYPES_MAX  8
#define TD_SHELL_TEXT      4000

struct td_stat_names {
    uint32_t n_total;
    uint8_t n;
    char at[TD_STAT_NAMES_MAX][TD_NAME_MAX];
};

struct td_stat {
    char name[TD_NAME_MAX];
    uint32_t n_total;
    uint8_t n;
    struct td_stat_value {
        char name[TD_NAME_MAX]; /* "s0", "s1", ...: a device built without names */
        uint64_t value;
    } at[TD_STAT_FIELDS_MAX];
};

struct td_setting {
    uint8_t value[TD_VALUE_MAX];
    uint16_t len;
    bool cut;     /* it was longer than value */
    bool limited; /* the device gives no more than limit bytes of any value */
    uint32_t limit;
};

struct td_file_hash {
    char type[TD_NAME_MAX];
    uint64_t off; /* where in the file it begins */
    uint64_t len; /* bytes that were hashed */
    bool is_number;
    uint32_t number; /* a checksum: "crc32" is IEEE's */
    uint8_t bytes[TD_IMG_HASH_MAX];
    uint8_t n_bytes;
};

struct td_file_hash_types {
    uint32_t n_total;
    uint8_t n;
    struct td_file_hash_type {
        char name[TD_NAME_MAX];
        bool is_number;
        uint32_t size; /* bytes of the result */
    } at[TD_HASH_TYPES_MAX];
};

struct td_shell_output {
    int32_t ret;              /* the command's own; negative ones are errors of errno */
    char text[TD_SHELL_TEXT]; /* ended by a 0, any bytes */
    uint16_t len;
    bool cut; /* it was longer; devices cut as well, and do not say so */
};

struct td_why_page {
    bool has_next;
    uint32_t next;
    uint8_t n;
    struct td_verdict at[TD_WHY_PAGE_MAX];
};

/* td_tandem_accepts with its bytes copied. */
struct td_accepts {
    uint32_t sig; /* 0 none, 1 RSA, 2 ECDSA P-256, 3 Ed25519 */
    char sig_name[24];
    uint32_t hash_len;
    uint32_t mode; /* enum td_strategy_id */
    bool no_downgrade, decrypts, unpacks, has_log, authenticated;
    char layout[48], board[48]; /* cut to fit, ended by a 0 */
    uint8_t n_images;
    struct td_tandem_image images[TD_TANDEM_IMAGES_MAX];
    bool has_stage; /* there is a first stage; its keys stand in stage_keys */
    struct td_tandem_stage stage;
    uint8_t stage_keys[TD_TANDEM_STAGE_KEYS][TD_TANDEM_STAGE_PRINT];
    uint32_t n_keys_total;
    uint8_t n_keys; /* in keys; less than n_keys_total: some did not fit or were not asked for */
    uint8_t keys[TD_KEYS_MAX][TD_TANDEM_FINGERPRINT];
    bool has_next;
    uint32_t next;
};

struct td_reply {
    struct td_failure failure; /* err is TD_OK: the member of the union that fits the kind is set */
    union {
        struct {
            char at[TD_REPLY_TEXT]; /* ended by a 0 */
            size_t len;
            bool cut; /* it was longer */
        } text;       /* ECHO, DATETIME, INFO; BOOTLOADER without a query: the name */
        struct {
            uint32_t buf_size, buf_count; /* 0 = not said */
        } params;
        struct {
            bool has_mode, no_downgrade, has_active;
            int32_t mode;
            uint32_t active;
        } bootloader;                  /* BOOTLOADER with a query */
        struct td_image_states images; /* IMAGE_LIST, IMAGE_TEST, IMAGE_CONFIRM */
        struct td_slot_sizes slots;    /* SLOT_INFO */
        struct td_tasks tasks;         /* TASKS */
        struct td_pools pools;         /* POOLS */
        struct td_groups groups;       /* GROUPS, GROUP_NUMBERS */
        uint32_t count;                /* GROUP_COUNT */
        struct {
            uint32_t group;
            bool last;
        } group_at;                           /* GROUP_AT */
        struct td_stat_names stat_names;      /* STAT_LIST */
        struct td_stat stat;                  /* STAT */
        struct td_setting setting;            /* SETTING_GET */
        uint64_t file_size;                   /* FILE_STATUS: bytes */
        struct td_file_hash file_hash;        /* FILE_HASH */
        struct td_file_hash_types hash_types; /* FILE_HASH_TYPES */
        struct td_shell_output shell;         /* SHELL */
        struct td_tandem_upload upload;       /* UPLOAD_STATE */
        struct td_why_page why;               /* WHY */
        struct td_accepts accepts;            /* ACCEPTS */
        struct {
            const uint8_t *body; /* valid until the next call of the session */
            size_t len;
        } raw; /* RAW */
    } of;
};

/*
 * Adds the accepts of a further page (its keys) to those that were read before. Keys beyond
 * TD_KEYS_MAX are left out.
 */
void td_accepts_add(struct td_accepts *all, const struct td_accepts *page);

/* ---- looking at a list --------------------------------------------------------------- */

/* The running image's line of this image number; NULL when none is active. */
const struct td_image_state *td_states_active(const struct td_image_states *s, uint32_t image);

/* The line of this image number that is not active, or NULL: the slot is empty. */
const struct td_image_state *td_states_other(const struct td_image_states *s, uint32_t image);

/* The line with this hash (its first n bytes); active ones first. NULL when there is none. */
const struct td_image_state *td_states_by_hash(const struct td_image_states *s, uint32_t image,
                                               const uint8_t *hash, size_t n);

#endif
