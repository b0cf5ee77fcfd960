/*
 * crypto/sig.h - verification of the signatures that MCUboot images carry, as tables.
 *
 * key is the public key as MCUboot embeds it: SubjectPublicKeyInfo DER for P-256 and P-384 (91
 * and 120 bytes, uncompressed point) and Ed25519 (44 bytes), PKCS#1 RSAPublicKey DER for RSA (270 and 398
 * bytes, exponent 65537). These are fixed shapes, and any other byte in them is an error.
 * msg is the image's digest; Ed25519 takes the digest as its message (PureEdDSA), as
 * MCUboot does. sig is the value of the signature's TLV:
 *
 *   ECDSA         DER SEQUENCE { r, s }, strictly, up to 72 bytes (P-384: 104); zeros may follow
 *                 up to as many in all (imgtool --pad-sig).
 *   Ed25519       64 bytes; S must be below the group's order, small-order points are refused.
 *   RSA-PSS       256 or 384 bytes, SHA-256, MGF1-SHA-256, salt of exactly 32 bytes, 0xBC.
 *
 * Nothing here is secret, yet the libraries underneath run in constant time. What a call takes
 * of the stack, measured on Cortex-M0 by tests/arm (M33 takes a little less), nearly all of it in
 * the library: P-256 2.7 KB (m15: 4.0 KB), Ed25519 3.7 KB, RSA 3.4 KB.
 */
#ifndef TD_CRYPTO_SIG_H
#define TD_CRYPTO_SIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/hash.h"

#define TD_SIG_MAX     384 /* bytes of the longest signature that verifies */
#define TD_SIG_KEY_MAX 398 /* bytes of the longest public key */

/* Numbered as MCUboot's boot information numbers them (shared data, major 2, minor 1). */
enum td_sig_id {
    TD_SIG_NONE = 0,
    TD_SIG_RSA = 1,
    TD_SIG_ECDSA_P256 = 2,
    TD_SIG_ED25519 = 3,
    TD_SIG_ECDSA_P384 = 4, /* the original has no number for it */
};

struct td_sig_alg {
    enum td_sig_id id;
    const char *name;               /* as imgtool's keygen spells it: "rsa-2048" */
    uint16_t tlv;                   /* the image TLV that carries such a signature */
    uint16_t key_size;              /* bytes of the DER public key */
    uint16_t sig_max;               /* bytes of the longest signature */
    const struct td_hash_alg *hash; /* what images that are so signed are hashed with by default */

    /*
     * TD_OK: the signature is msg's, by this key. TD_ESIG: it is not, or is malformed.
     * TD_ESIGLEN: it has a length that no signature of this kind has. TD_EKEY: the key is not
     * of this kind, or malformed, or its point is not on the curve. TD_EARG: msg has not the
     * size of a digest that goes with this kind (RSA: 32; ECDSA: 32, 48, 64; pure: 64).
     */
    enum td_err (*verify)(const uint8_t *key, size_t key_len, const uint8_t *msg, size_t msg_len,
                          const uint8_t *sig, size_t sig_len);

    /*
     * NULL: msg is the image's digest. Else the signature covers the image's bytes, and msg is
     * what the hash gives that begin starts and to which the caller adds these bytes.
     * TD_EKEY, TD_ESIGLEN.
     */
    enum td_err (*begin)(struct td_hash *hash, const uint8_t *key, size_t key_len,
                         const uint8_t *sig, size_t sig_len);
};

extern const struct td_sig_alg td_sig_ecdsa_p256;
extern const struct td_sig_alg td_sig_ecdsa_p384;
extern const struct td_sig_alg td_sig_ed25519;
extern const struct td_sig_alg td_sig_ed25519_pure; /* images with SIG_PURE; refuses no more keys
                                                       than those outside the prime-order group */
extern const struct td_sig_alg td_sig_rsa2048_pss;
extern const struct td_sig_alg td_sig_rsa3072_pss;

/*
 * The same for processors that multiply 32 by 32 bits into 32 only, or not in constant time
 * into 64 (Cortex-M0, M0+, M3). Same results, another choice inside the library.
 */
extern const struct td_sig_alg td_sig_ecdsa_p256_m15;
extern const struct td_sig_alg td_sig_ecdsa_p384_i15;
extern const struct td_sig_alg td_sig_rsa2048_pss_i15;
extern const struct td_sig_alg td_sig_rsa3072_pss_i15;

/*
 * The table that goes with a public key, by the DER's shape. TD_EKEY, and *alg untouched, when
 * it is none of these. Names them all, so a device that links it links every algorithm.
 */
enum td_err td_sig_alg_of_key(const uint8_t *key, size_t key_len, const struct td_sig_alg **alg);

#endif
