/*
 * client/preflight.h - would this device take and run this image? Asked before the first byte.
 *
 * Pure: facts about the image and about the device in, one row for each check out. A device that
 * speaks Tandem's own group says what it accepts; of a stock device less is known, and a row
 * then says "unknown" and why, it never guesses. Facts that somebody else knows (a layout
 * file, the file that is running) fill gaps.
 */
#ifndef TD_CLIENT_PREFLIGHT_H
#define TD_CLIENT_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/source.h"
#include "base/version.h"
#include "client/requests.h"
#include "image/fw_info.h"
#include "image/image.h"
#include "slot/room.h"

/* The checks: enum, name for --force and JSON. */
#define TD_CHECKS(X)                                                                               \
    X(TD_CHECK_HEADER, "header")             /* structure of the image; its own hash */            \
    X(TD_CHECK_IMAGE_NUMBER, "image-number") /* the device has such an image */                    \
    X(TD_CHECK_PRESENT, "present")           /* the hash is on the device already */               \
    X(TD_CHECK_SLOT_ROOM, "slot-room")       /* the file fits into the slot */                     \
    X(TD_CHECK_SWAP_ROOM, "swap-room")       /* new and running image leave room to swap */        \
    X(TD_CHECK_SIGNATURE, "signature")       /* the kind of signature that the device wants */     \
    X(TD_CHECK_KEY, "key")                   /* a key that the device trusts */                    \
    X(TD_CHECK_VERSION, "version")           /* not older where that is forbidden */               \
    X(TD_CHECK_ADDRESS, "address")           /* built for where it would run */

enum td_check {
#define TD_CHECK_ENUM(name, word) name,
    TD_CHECKS(TD_CHECK_ENUM)
#undef TD_CHECK_ENUM
        TD_N_CHECKS
};

enum td_check_result { TD_CHECK_PASS, TD_CHECK_FAIL, TD_CHECK_UNKNOWN };

#define TD_CHECK_TEXT 200

struct td_check_row {
    enum td_check check;
    enum td_check_result result;
    bool forced;              /* failed, and the caller had it overridden */
    char text[TD_CHECK_TEXT]; /* what was found, one sentence without a full stop */
    const char *remedy;       /* what to do; "" when nothing is to be done */
};

/* "slot-room"; never NULL. */
const char *td_check_name(enum td_check check);

/* "pass", "fail" or "unknown". */
const char *td_check_result_name(enum td_check_result result);

/* The check of a name of n bytes; false when there is none. */
bool td_check_by_name(const char *name, size_t n, enum td_check *check);

/*
 * What the payload says about itself when it is a firmware with fw_info: a second stage for S0
 * or S1, or a network core's program. The reset vector says for where it is linked.
 */
struct td_firmware_facts {
    bool present;
    struct td_fw_info info;
    uint32_t reset;
    bool sealed;     /* validation info stands behind it, and its hash is the firmware's */
    uint8_t key[16]; /* sealed: fingerprint of the key that it names */
};

/* What the file says about itself. Filled in by td_image_facts. */
struct td_image_facts {
    enum td_err err; /* of the structure or the hash; TD_OK = a sound image */
    struct td_image_fault fault;
    struct td_image image;
    uint32_t file_size; /* bytes that will be sent; more than image.size when padded */
    uint8_t hash[64];
    uint8_t hash_len;     /* 0 = none was found */
    uint8_t unpacked[64]; /* compressed: the hash of the image that the bootloader makes of it */
    uint8_t unpacked_len; /* 0 = it is not compressed */
    uint16_t sig_tlv;     /* type of its first signature; 0 = unsigned */
    uint8_t key[64];      /* hash of the key it names (KEYHASH) */
    uint8_t key_len;      /* 0 = it names none */
    bool key_in_full;     /* it carries one (PUBKEY) */
    struct td_firmware_facts firmware;
};

/*
 * Reads the image at the start of src: structure, hash over its bytes, signature type, key.
 * Encrypted images are taken as they are (their hash covers what only the device can read).
 * The error is also in facts->err; the rest of *facts holds what was found until then.
 */
enum td_err td_image_facts(const struct td_source *src, struct td_image_work *work,
                           struct td_image_facts *facts);

/*
 * The entry of image number `image` that is this file: as it was sent, or unpacked, which is how
 * a compressed one runs. NULL: there is none.
 */
const struct td_image_state *td_states_of_file(const struct td_image_states *s, uint32_t image,
                                               const struct td_image_facts *file);

/* The slot of the first stage that the file is linked for: 0, 1; or -1, when it is for neither. */
int td_stage_slot_of(const struct td_image_facts *image, const struct td_accepts *accepts);

/* What is known about the device; what is not known stays NULL, false or 0. */
struct td_device_facts {
    const struct td_image_states *list; /* must be there */
    const struct td_slot_sizes *slots;  /* NULL: the device does not say */
    const struct td_accepts *accepts;   /* NULL: not a Tandem device, or refused */
    bool mode_known;
    int32_t mode;                            /* enum td_strategy_id: bootloader info */
    bool no_downgrade;                       /* the bootloader said so */
    const struct td_room_geometry *geometry; /* of the image's slots; NULL = unknown */
    uint32_t running_size;                   /* bytes of the running image; 0 = unknown */
};

/*
 * All checks, in the order of the list, into rows (TD_N_CHECKS of them). force is a mask of
 * 1 << check: such a row keeps its result and is marked. Returns how many rows failed without
 * being forced.
 */
uint32_t td_preflight(const struct td_image_facts *image, uint8_t image_number,
                      const struct td_device_facts *device, uint32_t force,
                      struct td_check_row rows[TD_N_CHECKS]);

#endif
