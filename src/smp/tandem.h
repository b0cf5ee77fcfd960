/*
 * smp/tandem.h - group 21572, our own: why, and what this device accepts.
 *
 * put and get as in smp/os.h. Both answers are paged: as much as fits is sent, and "next"
 * says where to go on; any buffer of 256 bytes or more gets on. docs/spec/smp-tandem.md states
 * every key.
 */
#ifndef TD_SMP_TANDEM_H
#define TD_SMP_TANDEM_H

#include "base/verdict.h"
#include "smp/header.h"

enum td_tandem_id {
    TD_TANDEM_WHY = 0,     /* R */
    TD_TANDEM_ACCEPTS = 1, /* R */
    TD_TANDEM_UPLOAD = 2,  /* R */
};

/* Request of why and accepts: from which verdict, or from which key on. Absent is 0. */
struct td_tandem_req {
    bool has_off;
    uint32_t off;
};

void td_tandem_req_put(struct td_cbor_writer *w, const struct td_tandem_req *req);
enum td_err td_tandem_req_get(const uint8_t *payload, size_t len, struct td_tandem_req *req);

/* ---- why ----------------------------------------------------------------------------- */

/* begin, each verdict, end. has_next: there are more, from off = next. Newest first. */
void td_tandem_why_put_begin(struct td_cbor_writer *w);
void td_tandem_why_put(struct td_cbor_writer *w, const struct td_verdict *verdict);
void td_tandem_why_put_end(struct td_cbor_writer *w, bool has_next, uint32_t next);

struct td_tandem_why {
    bool has_next;
    uint32_t next;
    struct td_cbor_reader reader;
    struct td_cbor_walk walk;
};

enum td_err td_tandem_why_get_begin(const uint8_t *payload, size_t len, struct td_tandem_why *why);

/*
 * The next verdict; *end true and verdict untouched behind the last one. Facts that were left
 * out are 0. TD_EFORMAT: without a code, or a key or hash that is too long.
 */
enum td_err td_tandem_why_get(struct td_tandem_why *why, struct td_verdict *verdict, bool *end);

/* ---- accepts ------------------------------------------------------------------------- */

#define TD_TANDEM_KEYS_MAX    8
#define TD_TANDEM_IMAGES_MAX  4
#define TD_TANDEM_FINGERPRINT 32 /* SHA-256 of the public key's DER, as the KEYHASH TLV has it */

struct td_tandem_image {
    uint32_t max_size;     /* bytes of the largest file that this device takes and can swap */
    uint32_t slot_size[2]; /* bytes; 0: there is no such slot */
    uint32_t upload_off;   /* bytes from the slot's start to where an upload is put */
    bool has_addr;         /* images run where they lie: they are linked for these addresses */
    uint32_t addr[2];
    bool reverts; /* a new image is on trial until it is confirmed */
};

#define TD_TANDEM_STAGE_KEYS  8
#define TD_TANDEM_STAGE_PRINT 16 /* bytes of a key's fingerprint as a first stage holds it */

/* How far the second stage's trial has come. */
enum td_tandem_trial {
    TD_TANDEM_PROVEN = 0,
    TD_TANDEM_ON_TRIAL = 1,
    TD_TANDEM_SERVES = 2, /* it has booted a confirmed application: the next boot proves it */
};

/* What a first stage has chosen and would accept. */
struct td_tandem_stage {
    uint32_t slot;                                   /* that runs: 0 is S0, 1 is S1 */
    uint32_t version;                                /* fw_info's, of the second stage that runs */
    uint32_t least;                                  /* lower versions are refused */
    uint32_t trial;                                  /* enum td_tandem_trial */
    uint32_t addr[2];                                /* of S0 and S1 */
    uint32_t size;                                   /* bytes of each */
    uint8_t n_keys;                                  /* that are not revoked */
    struct td_cbor_bytes keys[TD_TANDEM_STAGE_KEYS]; /* TD_TANDEM_STAGE_PRINT bytes each */
};

struct td_tandem_accepts {
    uint32_t sig;                 /* 0 none, 1 RSA, 2 ECDSA P-256, 3 Ed25519, 4 ECDSA P-384 */
    struct td_cbor_text sig_name; /* as keygen -t spells it: "ecdsa-p256" */
    uint32_t hash_len;            /* bytes of the image hash: 32, 48 or 64 */
    uint32_t mode;                /* enum td_strategy_id of slot/room.h */
    bool no_downgrade;            /* an older version is refused */
    bool decrypts;                /* encrypted images are opened */
    bool unpacks;                 /* compressed images are decompressed */
    bool has_log;                 /* there is a boot log: id 0 answers */
    bool authenticated;           /* writes want an authenticated link */
    struct td_cbor_text layout;   /* identifies the partition layout; may be empty */
    struct td_cbor_text board;    /* may be empty */
    uint8_t n_images;
    struct td_tandem_image images[TD_TANDEM_IMAGES_MAX];
    bool has_stage; /* first page only: there is a first stage */
    struct td_tandem_stage stage;
    uint32_t n_keys_total;                         /* keys the device trusts */
    uint8_t n_keys;                                /* of these in this page */
    struct td_cbor_bytes keys[TD_TANDEM_KEYS_MAX]; /* TD_TANDEM_FINGERPRINT bytes each */
    bool has_next;                                 /* more keys, from off = next */
    uint32_t next;
};

void td_tandem_accepts_put(struct td_cbor_writer *w, const struct td_tandem_accepts *accepts);

/* Images and keys beyond the arrays are skipped; a key of another length is TD_EFORMAT. */
enum td_err td_tandem_accepts_get(const uint8_t *payload, size_t len,
                                  struct td_tandem_accepts *accepts);

/* ---- upload -------------------------------------------------------------------------- */

/*
 * How the latest first chunk was taken, which an upload's answer has no room to say: strict
 * clients refuse keys that they do not know. Number, sentence.
 */
#define TD_TANDEM_STARTS(X)                                                                        \
    X(TD_START_NONE, 0, "nothing was uploaded since the device started")                           \
    X(TD_START_NEW, 1, "it began at 0: nothing of a file was there")                               \
    X(TD_START_AFTER_LINK, 2, "it goes on where the link was lost")                                \
    X(TD_START_AFTER_RESET, 3, "it goes on after a reset of the device")                           \
    X(TD_START_THERE, 4, "the whole file was there already")                                       \
    X(TD_START_NO_SHA, 5, "it began at 0, and will after a reset: it came without a whole sha")    \
    X(TD_START_NO_LOG, 6, "it began at 0, and will after a reset: the device keeps no record")     \
    X(TD_START_OTHER, 7, "it began at 0: another file, or another length, was under way")          \
    X(TD_START_CHANGED, 8, "it began at 0: what the record speaks of is not in the slot any more")

enum td_tandem_start {
#define TD_TANDEM_START_ENUM(name, number, text) name = number,
    TD_TANDEM_STARTS(TD_TANDEM_START_ENUM)
#undef TD_TANDEM_START_ENUM
};

enum td_tandem_progress {
    TD_TANDEM_IDLE = 0,
    TD_TANDEM_UPLOADING = 1,
    TD_TANDEM_COMPLETE = 2,
};

struct td_tandem_upload {
    uint32_t state; /* enum td_tandem_progress */
    uint32_t start; /* enum td_tandem_start */
    uint32_t image, slot;
    uint32_t off, len; /* bytes of the file: there, and in all */
    uint32_t kept;     /* bytes that would survive a reset */
};

/* What is 0 is left out, and read as 0. */
void td_tandem_upload_put(struct td_cbor_writer *w, const struct td_tandem_upload *upload);
enum td_err td_tandem_upload_get(const uint8_t *payload, size_t len,
                                 struct td_tandem_upload *upload);

/* A sentence for a person, never NULL; linked only where somebody prints. */
const char *td_tandem_start_text(uint32_t start);

#endif
