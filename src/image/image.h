/*
 * image/image.h - MCUboot's image format: reading it, and judging it.
 *
 *   header | payload | protected TLV area (may be absent) | TLV area
 *
 * An image is read from a source (flash area, file, memory), at offset 0 of it. Nothing is
 * kept between two calls, nothing is allocated; the caller lends struct td_image_work where
 * bytes are hashed. Reading never leaves [0, source size), and what is hostile is an error.
 *
 * Two depths: td_image_open looks at the structure only and takes every well-formed image,
 * also encrypted and compressed ones. td_image_check says whether a bootloader with the given
 * policy would run it, and if not, which one of the ways to be wrong it is.
 *
 * Stricter than the original on purpose, docs/spec/image.md says where and why: types that
 * must be protected are taken from nowhere else, unique types stand once, lengths are exact.
 * Offsets and lengths are bytes; integers in the format are little-endian.
 */
#ifndef TD_IMAGE_IMAGE_H
#define TD_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/source.h"
#include "base/version.h"
#include "crypto/enc.h"
#include "crypto/hash.h"
#include "crypto/sig.h"

#define TD_IMAGE_MAGIC       0x96f3b83du
#define TD_IMAGE_MAGIC_V1    0x96f3b83cu /* an older format that nothing boots any more */
#define TD_IMAGE_HEADER_SIZE 32          /* bytes of the header proper; hdr_size is this or more */
#define TD_TLV_MAGIC         0x6907u
#define TD_TLV_PROT_MAGIC    0x6908u
#define TD_TLV_INFO_SIZE     4 /* u16 magic, u16 total of the area, this info included */
#define TD_TLV_ENTRY_SIZE    4 /* u16 type, u16 len, then len bytes */

/* Bits of td_image_header.flags. */
enum td_image_flag {
    TD_IMAGE_F_PIC = 0x0001, /* no meaning to a bootloader */
    TD_IMAGE_F_ENC_AES128 = 0x0004,
    TD_IMAGE_F_ENC_AES256 = 0x0008,
    TD_IMAGE_F_NON_BOOTABLE = 0x0010,
    TD_IMAGE_F_RAM_LOAD = 0x0020,  /* load_addr is where in RAM it runs */
    TD_IMAGE_F_ROM_FIXED = 0x0100, /* load_addr is where in flash it must lie */
    TD_IMAGE_F_LZMA1 = 0x0200,
    TD_IMAGE_F_LZMA2 = 0x0400,
    TD_IMAGE_F_ARM_THUMB = 0x0800, /* branch filter on top of the compression */
};
#define TD_IMAGE_F_ENCRYPTED  0x000cu
#define TD_IMAGE_F_COMPRESSED 0x0e00u
#define TD_IMAGE_F_KNOWN      0x0f3du

enum td_tlv_type {
    TD_TLV_KEYHASH = 0x01,
    TD_TLV_PUBKEY = 0x02,
    TD_TLV_SHA256 = 0x10,
    TD_TLV_SHA384 = 0x11,
    TD_TLV_SHA512 = 0x12,
    TD_TLV_RSA2048_PSS = 0x20,
    TD_TLV_ECDSA224 = 0x21, /* dead; recognised, never verified */
    TD_TLV_ECDSA_SIG = 0x22,
    TD_TLV_RSA3072_PSS = 0x23,
    TD_TLV_ED25519 = 0x24,
    TD_TLV_SIG_PURE = 0x25,
    TD_TLV_ENC_RSA2048 = 0x30,
    TD_TLV_ENC_KW = 0x31,
    TD_TLV_ENC_EC256 = 0x32,
    TD_TLV_ENC_X25519 = 0x33,
    TD_TLV_ENC_X25519_SHA512 = 0x34,
    TD_TLV_DEPENDENCY = 0x40,
    TD_TLV_SEC_CNT = 0x50,
    TD_TLV_BOOT_RECORD = 0x60,
    TD_TLV_DECOMP_SIZE = 0x70,
    TD_TLV_DECOMP_SHA = 0x71,
    TD_TLV_DECOMP_SIGNATURE = 0x72,
    TD_TLV_COMP_DEC_SIZE = 0x73,
    TD_TLV_UUID_VID = 0x74,
    TD_TLV_UUID_CID = 0x75,
    TD_TLV_VENDOR_MIN = 0xa0, /* 0xA0..0xFFFE: custom */
    TD_TLV_VENDOR_MAX = 0xfffe,
};

struct td_image_header {
    uint32_t load_addr;
    uint16_t hdr_size;         /* offset of the payload, 32 or more */
    uint16_t protect_tlv_size; /* of the whole protected area; 0 = there is none */
    uint32_t img_size;         /* of the payload */
    uint32_t flags;            /* enum td_image_flag */
    struct td_version version;
};

/* Where things lie. All offsets count from the start of the image. */
struct td_image {
    struct td_image_header hdr;
    uint32_t prot_off;  /* of the protected area's info; equals tlv_off when there is none */
    uint32_t prot_size; /* info included; 0 = none */
    uint32_t tlv_off;   /* of the unprotected area's info: also the number of hashed bytes */
    uint32_t tlv_size;  /* info included */
    uint32_t size;      /* of the whole image: tlv_off + tlv_size */
};

/* The facts of an error. What an error does not name is 0. */
struct td_image_fault {
    uint32_t off;    /* of the bytes that are wrong */
    uint16_t tlv;    /* type of the entry in question */
    uint32_t wanted; /* see each error */
    uint32_t found;
};

/*
 * Reads the header's 32 bytes and checks what it says about itself: TD_EIMG_EMPTY (the magic's
 * four bytes are 00 or FF), TD_EIMG_OLD, TD_EIMG_MAGIC, TD_EIMG_HDRSIZE, TD_EIMG_OVERFLOW,
 * TD_EIMG_FLAGS (two ciphers or two compressions at once); TD_EIMG_TRUNC when the source is
 * shorter, or the source's own error. *hdr is undefined after an error, but for HDRSIZE,
 * OVERFLOW and FLAGS, where it holds what was read.
 */
enum td_err td_image_header_read(const struct td_source *src, struct td_image_header *hdr);

/*
 * Checks the structure: header, both areas, each entry's bounds, length, place and uniqueness.
 * limit is the largest total size (inclusive) that the slot can take, UINT32_MAX for no limit.
 * fault may be NULL. After an error *img holds what was found until then, never a claim.
 *
 * Beside the header's errors (wanted / found in brackets; off is that of the field or entry):
 *   TD_EIMG_TRUNC (bytes needed / bytes there), TD_EIMG_SIZE (limit / size),
 *   TD_EIMG_NOTLV (magic / magic), TD_EIMG_PROTMISSING, TD_EIMG_PROTEXTRA,
 *   TD_EIMG_PROTSIZE (header's size / area's total), TD_EIMG_AREA (4 / total),
 *   TD_EIMG_ENTRY (bytes the entry needs / bytes left in the area),
 *   TD_EIMG_TLVLEN (length / length), TD_EIMG_TLVTWICE, TD_EIMG_UNPROTECTED,
 *   TD_EIMG_PROTECTED, TD_EIMG_FORBIDDEN, TD_EIMG_PAIRS (TD_IMAGE_PAIR_MAX / that many).
 */
enum td_err td_image_open(const struct td_source *src, uint32_t limit, struct td_image *img,
                          struct td_image_fault *fault);

struct td_tlv {
    uint16_t type;
    uint16_t len;
    uint32_t off; /* of the value */
    bool is_protected;
};

/* Walks the protected area, then the other. Fields are the iterator's own. */
struct td_tlv_iter {
    const struct td_source *src;
    uint32_t next; /* offset of the next entry */
    uint32_t prot_end;
    uint32_t tlv_start;
    uint32_t end;
};

/* src and the iterator belong to the caller; img was opened from src and is not kept. */
void td_tlv_begin(struct td_tlv_iter *it, const struct td_source *src, const struct td_image *img);

/* The next entry, or *end = true with *tlv untouched. TD_EIMG_ENTRY, or the source's error. */
enum td_err td_tlv_next(struct td_tlv_iter *it, struct td_tlv *tlv, bool *end);

/* The first entry of the type. TD_ENOTFOUND, TD_EIMG_ENTRY, or the source's error. */
enum td_err td_tlv_find(const struct td_source *src, const struct td_image *img, uint16_t type,
                        struct td_tlv *tlv);

/* MCUboot's name of a type without prefix ("SHA256", "DEPENDENCY"); "VENDOR" or "UNKNOWN". */
const char *td_tlv_name(uint16_t type);

/*
 * The hash that the image carries: into hash (room for 64), its length and its TLV's type; len
 * and type may be NULL. Nothing is computed. TD_EIMG_NOHASH, or the source's error.
 */
enum td_err td_image_hash(const struct td_source *src, const struct td_image *img, uint8_t hash[64],
                          uint8_t *len, uint16_t *type);

struct td_image_dependency {
    uint8_t image;
    struct td_version version; /* at least this one */
};

/* The value of a DEPENDENCY entry that a walk gave. TD_EARG for any other; source's error. */
enum td_err td_image_dependency(const struct td_source *src, const struct td_tlv *tlv,
                                struct td_image_dependency *dep);

/* The security counter. TD_ENOTFOUND when the image has none; the source's error. */
enum td_err td_image_counter(const struct td_source *src, const struct td_image *img,
                             uint32_t *counter);

/* A public key as MCUboot embeds it: SPKI DER for EC and Ed25519, PKCS#1 for RSA. */
struct td_image_key {
    const uint8_t *der;
    uint16_t len;
};

/* The device's own key for encrypted images: the one way of wrapping that it takes. */
struct td_image_unwrap {
    const struct td_enc_alg *alg;
    const uint8_t *key; /* private: PKCS#8, PKCS#1 or raw, as crypto/enc.h says */
    uint16_t len;
};

/* How the payload lies in the place that is looked at; the header's flag says it of a file. */
enum td_image_payload {
    TD_PAYLOAD_AS_FLAGGED = 0, /* encrypted when the flag says so: secondary slots, files */
    TD_PAYLOAD_PLAIN = 1,      /* in the clear whatever the flag says: primary slots, RAM */
    TD_PAYLOAD_OPENED = 2,     /* the same in a host's memory: no key is asked for */
};

/* Which signatures of several have to verify. */
enum td_image_rule {
    TD_RULE_ALL_TRUSTED = 0, /* each whose key is trusted, and there is at least one */
    TD_RULE_N_KEYS = 1,      /* the same, and by n_needed different keys among the first 32 */
};

/* What a bootloader accepts; const data of a board. */
struct td_image_policy {
    const struct td_hash_alg *hash;  /* the one kind of image hash that is taken */
    const struct td_sig_alg *sig;    /* NULL: the hash alone decides */
    const struct td_image_key *keys; /* n_keys trusted keys, all of sig's kind */
    uint8_t n_keys;
    uint32_t max_size;                    /* inclusive, from slot/room.h; UINT32_MAX for no limit */
    const struct td_image_unwrap *unwrap; /* NULL: encrypted images are refused */
    enum td_image_payload payload;
    enum td_image_rule rule;
    uint8_t n_needed;      /* N_KEYS only */
    bool key_in_full;      /* images carry PUBKEY; the keys of the policy are compared to it */
    bool takes_compressed; /* the caller can decompress; the stored form is what is checked */
};

/*
 * Key and signature entries of an image, counted together: eight signers. They stand outside
 * the hashed part, so anybody could add thousands, each of which costs a boot a verification.
 */
#define TD_IMAGE_PAIR_MAX 16

#define TD_IMAGE_SIG_MAX 384 /* bytes: RSA-3072 */

/* Lent by the caller for the time of a call; holds nothing of value afterwards. */
struct td_image_work {
    struct td_hash hash;
    uint8_t buf[512];
    uint8_t sig[TD_IMAGE_SIG_MAX];
    struct td_aes_ctr ctr; /* wiped before the call returns */
    /* Between the pieces of a hash, so that a caller feeds its watchdog; may be NULL. */
    void (*breathe)(void *ctx);
    void *breathe_ctx;
};

/* What was found, as far as the check came; what it did not reach is 0. */
struct td_image_report {
    struct td_image img;
    struct td_image_fault fault;
    uint8_t hash[64]; /* as the image carries it */
    uint8_t hash_len;
    uint8_t key[8]; /* leading bytes of the KEYHASH that decided, all 0 when there is none */
    int key_index;  /* of the policy's key that verified; -1 = none did, or none was asked */
};

/*
 * Whether the policy's bootloader would run the image: structure, flags, hash, signature.
 * work->breathe is set by the caller (NULL is fine); the rest of *work need not be.
 *
 * All of td_image_open's errors, and:
 *   TD_EIMG_ENCRYPTED, TD_EIMG_COMPRESSED, TD_EIMG_FLAGBITS (0 / bits unknown to us),
 *   TD_EIMG_ENCTLV, TD_EENC when the image's key does not open,
 *   TD_EIMG_NOHASH, TD_EIMG_HASHTYPE (TLV / TLV), TD_EIMG_HASH, TD_EIMG_PURE, TD_EIMG_P384,
 *   TD_EIMG_UNSIGNED, TD_EIMG_SIGTYPE (TLV / TLV), TD_EIMG_NOKEY, TD_EIMG_KEY (report.key),
 *   TD_EIMG_SIG, TD_EIMG_SIGLEN, TD_EIMG_TOOFEW (needed / verified); or TD_EKEY when a key of the policy is malformed.
 *
 * NON_BOOTABLE, ROM_FIXED, RAM_LOAD and versions are the caller's to judge. An image may carry
 * several (key, signature) pairs: those whose key is trusted must all verify, at least one does.
 */
enum td_err td_image_check(const struct td_source *src, const struct td_image_policy *policy,
                           struct td_image_work *work, struct td_image_report *report);

/*
 * The wrapped key of an encrypted image, as unwrap's kind: its value into value (room for
 * TD_ENC_TLV_MAX), *len its length, off (may be NULL) where it stands. TD_EIMG_ENCTLV: it
 * carries none, or one that is wrapped in another way. TD_EIMG_TLVLEN: not the length that goes
 * with the cipher in the header's flags. The source's error.
 */
enum td_err td_image_wrapped_key(const struct td_source *src, const struct td_image *img,
                                 const struct td_image_unwrap *unwrap, uint8_t *value,
                                 uint16_t *len, uint32_t *off);

/* Opens such a key. TD_EENC, TD_EKEY, TD_ETRUNC: *ctr holds nothing. Wipe *ctr after use. */
enum td_err td_image_open_key(const struct td_image_unwrap *unwrap, const uint8_t *value,
                              uint16_t len, bool aes_256, struct td_aes_ctr *ctr);

/*
 * Runs the cipher over that part of len bytes at bytes, which stand at off of the image, that
 * lies in the payload [hdr_size, hdr_size + img_size).
 */
void td_image_cipher(const struct td_aes_ctr *ctr, uint16_t hdr_size, uint32_t img_size,
                     uint32_t off, uint8_t *bytes, uint32_t len);

/* The digest over header, payload and protected area, into out (room for 64). */
enum td_err td_image_digest(const struct td_source *src, const struct td_image *img,
                            const struct td_hash_alg *alg, struct td_image_work *work,
                            uint8_t out[64]);

/*
 * The hash algorithm of a hash TLV's type (SHA256, SHA384, SHA512); NULL for any other. Names
 * all of them, so a device that links it links every algorithm; the check does not need it.
 */
const struct td_hash_alg *td_image_hash_alg(uint16_t tlv_type);

#endif
