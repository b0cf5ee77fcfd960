/*
 * image/fw_info.h - what Nordic's first stage (NSIB, b0) reads of a firmware: the fw_info
 * structure inside it and the validation info behind it; EXT_API records are counted, not read.
 *
 *   [address ... fw_info ... address + size) filler FF to a word | validation info
 *
 * Source: include/fw_info_bare.h, subsys/fw_info and subsys/bootloader/bl_validation of the nRF
 * Connect SDK, format version 2. The structures of 2019 (SDK 1.0, 1.1) are not read.
 *
 * Offsets count from the start of the source, integers are little-endian. Nothing is kept
 * between two calls; what is hostile is an error, and no read leaves the source.
 */
#ifndef TD_IMAGE_FW_INFO_H
#define TD_IMAGE_FW_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/source.h"
#include "crypto/sig.h"

#define TD_FW_MAGIC_COMMON     0x281ee6deu
#define TD_FW_MAGIC_INFO       0x8fcebb4cu
#define TD_FW_MAGIC_VALIDATION 0x86518483u
#define TD_FW_MAGIC_EXT_API    0xb845aceau
#define TD_FW_MAGIC_SIZE       12
#define TD_FW_VALID            0x9102ffffu /* any other value: invalidated */

#define TD_FW_INFO_SIZE       60 /* bytes without EXT_API records */
#define TD_FW_VALIDATION_SIZE 176
#define TD_FW_FINGERPRINT     16

/* The third word of a magic. */
struct td_fw_compat {
    uint8_t format; /* 2 */
    uint8_t soc;    /* family: 51, 52, 53, 54, 91, 92; 0: simulated */
    uint8_t crypto; /* validation info: 1 is ECDSA P-256 over SHA-256 */
    uint8_t product;
};

struct td_fw_info {
    uint32_t off; /* where the structure stands */
    struct td_fw_compat compat;
    uint32_t total_size;   /* of the structure with all records */
    uint32_t size;         /* of the firmware: bytes from address that are hashed and signed */
    uint32_t version;      /* grows from release to release; what b0 compares */
    uint32_t address;      /* link address of the firmware's first byte */
    uint32_t boot_address; /* of the vector table */
    uint32_t valid;        /* TD_FW_VALID, or else it was invalidated */
    uint32_t n_ext_apis;   /* provided records behind the structure */
    uint32_t n_requests;   /* records that ask for one, behind those */
};

/*
 * Reads the structure at off. TD_ENOTFOUND: no such magic. TD_EFORMAT: sizes or counts that
 * contradict themselves, a format version other than 2; *info holds what was read.
 * TD_ETRUNC, or the source's error.
 */
enum td_err td_fw_info_read(const struct td_source *src, uint32_t off, struct td_fw_info *info);

/* Which offsets a first stage tries: they grew over the years. */
enum td_fw_search {
    TD_FW_SEARCH_2019, /* 200 400 800 */
    TD_FW_SEARCH_2_7,  /* until SDK 2.7: 0 200 400 800 1000 */
    TD_FW_SEARCH_2_9,  /* since 2.9: also 600 and e00 */
};

/* The nth offset that it tries, in its order; false when there are no more. */
bool td_fw_search_nth(enum td_fw_search search, unsigned n, uint32_t *off);

/* The first one that such a first stage finds behind base. TD_ENOTFOUND; else as the read. */
enum td_err td_fw_info_find(const struct td_source *src, uint32_t base, enum td_fw_search search,
                            struct td_fw_info *info);

struct td_fw_validation {
    uint32_t off;
    struct td_fw_compat compat;
    uint32_t address; /* of the firmware that it is for */
    uint8_t hash[32];
    uint8_t key[64]; /* X, Y; big-endian */
    uint8_t sig[64]; /* r, s; big-endian */
};

/*
 * The validation info that stands behind end, where the firmware's last byte was: at one of the
 * next five offsets. TD_ENOTFOUND, TD_ETRUNC, the source's error. Ed25519's form (nRF54L) is
 * TD_EUNSUPPORTED.
 */
enum td_err td_fw_validation_read(const struct td_source *src, uint32_t end,
                                  struct td_fw_validation *v);

/* SHA-256 over [start, start + size), the range that is signed. TD_ETRUNC, the source's error. */
enum td_err td_fw_hash(const struct td_source *src, uint32_t start, uint32_t size,
                       uint8_t hash[32]);

/* What a device holds of the key: the first 16 bytes of SHA-256 over X and Y. */
void td_fw_fingerprint(const uint8_t key[64], uint8_t out[TD_FW_FINGERPRINT]);

/*
 * Whether the signature is good: ECDSA takes the hash as a message, so what is verified is the
 * SHA-256 of it. alg is one of the P-256 tables. TD_ESIG, TD_EKEY.
 */
enum td_err td_fw_verify(const struct td_fw_validation *v, const uint8_t hash[32],
                         const struct td_sig_alg *alg);

/* The same for the digest itself, of whatever message: to find out what a signer has signed. */
enum td_err td_fw_verify_digest(const struct td_fw_validation *v, const uint8_t digest[32],
                                const struct td_sig_alg *alg);

#endif
