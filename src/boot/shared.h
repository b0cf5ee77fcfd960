/*
 * boot/shared.h - what the bootloader leaves in RAM for the application: MCUboot's shared data.
 *
 *   u16 0x2016 | u16 bytes in all | entries: u16 type, u16 length, bytes
 *   type = major << 12 | minor; every number is little-endian, nothing is aligned
 *
 *   major 1, attestation   minor = image << 6 | 0x3f: the image's boot record, hash filled in
 *   major 2, bootloader    minor 0 mode, 1 signature, 2 recovery, 3 slot that runs, 4 version,
 *                          5 + i most bytes of image i's update, 0x10 + i its stored counter
 *   major 10, ours         minor = position: a verdict of this boot, as base/verdict.h encodes it
 *
 * Source: MCUboot's boot/bootutil/src/boot_record.c and include/bootutil/boot_status.h. The
 * buffer is the caller's. A type stands once. What does not fit is left out and said
 * (TD_ESPACE); the block stays well-formed, and a boot never ends because of it.
 */
#ifndef TD_BOOT_SHARED_H
#define TD_BOOT_SHARED_H

#include "boot/boot.h"

#define TD_SHARED_MAGIC     0x2016u
#define TD_SHARED_HEAD_SIZE 4u
#define TD_SHARED_RECORD    0x3fu
/* The longest boot record that is taken, in bytes. */
#define TD_SHARED_RECORD_MAX 256u

enum td_shared_major {
    TD_SHARED_ATTEST = 1,
    TD_SHARED_LOADER = 2,
    TD_SHARED_VERDICT = 10,
};

enum td_shared_minor {
    TD_SHARED_MODE = 0,
    TD_SHARED_SIGNATURE = 1,
    TD_SHARED_RECOVERY = 2,
    TD_SHARED_SLOT = 3,
    TD_SHARED_VERSION = 4,
    TD_SHARED_MAX_SIZE = 5,
    TD_SHARED_COUNTER = 0x10,
};

/* A block while it is written. err is the first one that happened. */
struct td_shared {
    uint8_t *bytes;
    uint16_t size; /* of the buffer */
    uint16_t used;
    enum td_err err;
};

/* Clears the buffer and writes the head. TD_ESPACE: fewer than four bytes, or none lent. */
void td_shared_begin(struct td_shared *s, uint8_t *bytes, uint16_t size);

/* One entry. TD_ESPACE: it does not fit. TD_ESTATE: the type is there. Nothing was added. */
enum td_err td_shared_add(struct td_shared *s, enum td_shared_major major, uint16_t minor,
                          const void *data, uint16_t len);

/*
 * An image's boot record, from its protected TLV, with the last bytes replaced by the hash that
 * the image carries. An image without one adds nothing. TD_EFORMAT: a record too short for the
 * hash or longer than is taken; errors of the source and of td_shared_add.
 */
enum td_err td_shared_record(struct td_shared *s, uint8_t image, const struct td_source *src);

/* What is said about the bootloader itself. */
struct td_shared_loader {
    enum td_strategy_id mode; /* its numbers are the original's */
    const struct td_sig_alg *sig;
    bool has_recovery;
    uint8_t slot;
    const struct td_version *version; /* NULL: not said */
};

enum td_err td_shared_tell(struct td_shared *s, const struct td_shared_loader *loader);

/* The same, read: the next entry of a block, whose bytes are hostile. */
struct td_shared_entry {
    uint8_t major;
    uint16_t minor;
    uint16_t len;
    const uint8_t *data; /* into the block */
};

/* Whether a block begins there and ends inside; *end is where. TD_EFORMAT, TD_ETRUNC. */
enum td_err td_shared_open(const uint8_t *bytes, size_t size, uint16_t *end);

/* From *at on, TD_SHARED_HEAD_SIZE at first. False: no more. TD_EFORMAT: an entry leaves it. */
enum td_err td_shared_next(const uint8_t *bytes, uint16_t end, uint16_t *at,
                           struct td_shared_entry *entry, bool *more);

#endif
