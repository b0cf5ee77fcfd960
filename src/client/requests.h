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

#include "client/reply.h"
#include "client/session.h"
#include "smp/os.h"

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
    TD_REQ_GROUP_COUNT,
    TD_REQ_GROUP_AT, /* off: which one, counted from 0 */
    TD_REQ_IMAGE_LIST,
    TD_REQ_IMAGE_TEST,    /* hash */
    TD_REQ_IMAGE_CONFIRM, /* hash; without one the running image. An empty hash: see below */
    TD_REQ_IMAGE_ERASE, /* slot, absolute: image * 2 + slot; without has_slot the device's choice */
    TD_REQ_SLOT_INFO,
    TD_REQ_STAT_LIST,       /* names of the statistics groups */
    TD_REQ_STAT,            /* text: the name of one */
    TD_REQ_SETTING_GET,     /* text: name; max: bytes wanted at most, 0 = no limit of ours */
    TD_REQ_SETTING_SET,     /* text: name; value. In RAM until saved, unless its owner saves */
    TD_REQ_SETTING_DELETE,  /* text: name */
    TD_REQ_SETTINGS_COMMIT, /* what was set takes effect */
    TD_REQ_SETTINGS_LOAD,   /* from flash; what was set and not saved is lost */
    TD_REQ_SETTINGS_SAVE,   /* text: a subtree, empty for all; old devices save all anyway */
    TD_REQ_FILE_STATUS,     /* text: path */
    TD_REQ_FILE_HASH,       /* text: path; hash_type, off and max say what of it */
    TD_REQ_FILE_HASH_TYPES, /* which hashes the device has */
    TD_REQ_FILE_CLOSE,      /* whatever transfer is open */
    TD_REQ_SHELL,           /* argv; never repeated: nobody knows what the line does */
    TD_REQ_STORAGE_ERASE,   /* settings and bonds */
    TD_REQ_WHY,             /* off: the device's verdicts from there on, newest first */
    TD_REQ_ACCEPTS,         /* off: what the device accepts; off counts keys */
    TD_REQ_UPLOAD_STATE,    /* of a Tandem device: what it has of an upload, and why from there */
    TD_REQ_RAW,             /* op, group, id and body as they are; the reply is the answer's body */
};

struct td_request {
    enum td_request_kind kind;
    bool probe; /* it may well stay unanswered: TD_PATIENCE_PROBE */
    struct td_cbor_text text;
    struct td_os_reset_req reset;
    uint8_t hash[TD_IMG_HASH_MAX];
    uint8_t hash_len;
    bool empty_hash; /* confirm with a hash of no bytes: some old servers want that, not none */
    bool has_slot;
    uint32_t slot;
    uint32_t off;
    uint32_t max;                    /* bytes */
    struct td_cbor_text hash_type;   /* "sha256"; empty: the device's own choice, crc32 */
    struct td_cbor_bytes value;      /* of a setting */
    const struct td_cbor_text *argv; /* of the shell: the device puts single spaces between */
    uint8_t n_argv;
    struct {
        uint8_t op; /* 0 read, 2 write */
        uint16_t group;
        uint8_t id;
        bool once; /* do not repeat */
        const uint8_t *body;
        size_t len;
    } raw;
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

/*
 * Begins; what the request points to outlives the call. Done at once with TD_EBUSY when the
 * session has no place free.
 */
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

#endif
