/*
 * client/requests.h - one typed call for each command, and the answer as plain values.
 *
 * A request is data; td_call carries one over a session and gives a reply that owns its values
 * (nothing points into a packet) or a failure. The same codecs as the server's, from smp/.
 */
#ifndef TD_CLIENT_REQUESTS_H
#define TD_CLIENT_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/verdict.h"
#include "client/failure.h"
#include "client/session.h"
#include "smp/enum.h"
#include "smp/image.h"
#include "smp/os.h"
#include "smp/tandem.h"

enum td_request_kind {
    TD_REQ_ECHO,       /* text */
    TD_REQ_RESET,      /* reset; never repeated, a missing answer is likely */
    TD_REQ_PARAMS,     /* how large and how many the device's buffers are */
    TD_REQ_BOOTLOADER, /* text: a query, empty for the bootloader's name */
    TD_REQ_TASKS,
    TD_REQ_POOLS,
    TD_REQ_DATETIME,
    TD_REQ_SET_DATETIME, /* text: yyyy-MM-ddTHH:mm:ss[.SSS] */
    TD_REQ_INFO,         /* text: letters of what is wanted, empty for the kernel's name */
    TD_REQ_GROUPS,       /* with names, where the device tells them */
    TD_REQ_GROUP_NUMBERS,
    TD_REQ_IMAGE_LIST,
    TD_REQ_IMAGE_TEST,    /* hash */
    TD_REQ_IMAGE_CONFIRM, /* hash; without one the running image. An empty hash: see below */
    TD_REQ_IMAGE_ERASE, /* slot, absolute: image * 2 + slot; without has_slot the device's choice */
    TD_REQ_SLOT_INFO,
    TD_REQ_STORAGE_ERASE, /* settings and bonds */
    TD_REQ_WHY,           /* off: the device's verdicts from there on, newest first */
    TD_REQ_ACCEPTS,       /* off: what the device accepts; off counts keys */
    TD_REQ_RAW,           /* op, group, id and body as they are; the reply is the answer's body */
};

struct td_request {
    enum td_request_kind kind;
    bool probe; /* it may well stay unanswered: TD_PATIENCE_PROBE */
    struct td_cbor_text text;
    struct td_os_reset_req reset;
    uint8_t hash[TD_IMG_HASH_MAX];
    uint8_t hash_len;
    bool
        empty_hash; /* confirm with a hash of no bytes: what some old servers want instead of none */
    bool has_slot;
    uint32_t slot;
    uint32_t off;
    struct {
        uint8_t op; /* 0 read, 2 write */
        uint16_t group;
        uint8_t id;
        bool once; /* do not repeat */
        const uint8_t *body;
        size_t len;
    } raw;
};

/* ---- replies ------------------------------------------------------------------------- */

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

/* Names are cut to fit, and ended by a 0. */
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
        struct td_why_page why;        /* WHY */
        struct td_accepts accepts;     /* ACCEPTS */
        struct {
            const uint8_t *body; /* valid until the next call of the session */
            size_t len;
        } raw; /* RAW */
    } of;
};

/* ---- calls --------------------------------------------------------------------------- */

/* One request over a session. Placed by the caller; the fields are the call's. */
struct td_call {
    struct td_session *session;
    struct td_request request;
    int place; /* in the session; -1: none */
    bool done;
    struct td_reply reply;
};

/* Begins; the request's text and raw body outlive the call. Done at once with TD_EBUSY when the
 * session has no place free. */
void td_call_start(struct td_call *call, struct td_session *session, const struct td_request *req,
                   uint64_t now_ms);

/*
 * For a caller that has the session to itself: the session's functions, with the answer going
 * into the call. When the link goes down the call ends with TD_ELINKDOWN.
 */
size_t td_call_send(struct td_call *call, uint64_t now_ms, uint8_t *buf, size_t cap);
void td_call_receive(struct td_call *call, uint64_t now_ms, const uint8_t *buf, size_t len);
void td_call_link(struct td_call *call, bool up);
uint64_t td_call_wake_ms(const struct td_call *call);

/* For a caller that runs several things on a session: true when the answer was the call's. */
bool td_call_answer(struct td_call *call, const struct td_answer *answer);

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
