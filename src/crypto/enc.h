/*
 * crypto/enc.h - unwrapping the key of an encrypted image, and AES-CTR, as tables.
 *
 * Source: MCUboot's encrypted images (boot/bootutil/src/encrypted.c, scripts/imgtool/image.py),
 * RFC 8017 (RSAES-OAEP, SHA-256, empty label), RFC 3394 (AES key wrap), RFC 5869 (HKDF),
 * RFC 7748 (X25519). docs/spec/image.md has the bytes of each TLV.
 *
 * Everything here is secret: calls run in time that depends on lengths alone, and every way to
 * fail after the lengths were looked at is one error, TD_EENC, which comes as late as a success.
 * The caller's buffer holds zeros after an error; what was derived on the way is wiped in both
 * cases. What lies deeper in the stack than that is the library's: whoever jumps to something
 * less trusted wipes the stack below itself.
 */
#ifndef TD_CRYPTO_ENC_H
#define TD_CRYPTO_ENC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TD_ENC_KEY_MAX 32  /* bytes of the longest image key: AES-256 */
#define TD_ENC_TLV_MAX 256 /* bytes of the longest wrapped key: RSA-2048 */

enum td_enc_id {
    TD_ENC_NONE = 0,
    TD_ENC_RSA2048 = 1,
    TD_ENC_KW = 2,
    TD_ENC_EC256 = 3,
    TD_ENC_X25519 = 4,
    TD_ENC_X25519_SHA512 = 5,
};

struct td_enc_alg {
    enum td_enc_id id;
    const char *name; /* "rsa-2048", "aes-kw", "ecies-p256", "ecies-x25519" */
    uint16_t tlv;     /* the image TLV that carries a key wrapped so */
    uint16_t len_128; /* bytes of its value with a key of 16 bytes */
    uint16_t len_256; /* with one of 32 */

    /*
     * The image's key, key_len (16 or 32) bytes, into out. priv is the device's private key:
     * PKCS#1 DER (RSA; the form without CRT numbers as well), PKCS#8 DER (P-256: 67 bytes, or
     * 138 with the public key; X25519: 48), raw (AES-KW: as long as the image's key).
     *
     * TD_EKEY: priv is not of this kind. TD_ETRUNC: len is not the kind's for this key_len.
     * TD_EENC: anything else.
     */
    enum td_err (*unwrap)(const uint8_t *priv, size_t priv_len, const uint8_t *value, size_t len,
                          uint8_t *out, size_t key_len);
};

extern const struct td_enc_alg td_enc_rsa2048;
extern const struct td_enc_alg td_enc_kw;
extern const struct td_enc_alg td_enc_ec256;
extern const struct td_enc_alg td_enc_x25519;
extern const struct td_enc_alg td_enc_x25519_sha512;

/* The same for processors without a constant-time 32 x 32 -> 64 multiplication, as in sig.h. */
extern const struct td_enc_alg td_enc_rsa2048_i15;
extern const struct td_enc_alg td_enc_ec256_m15;
extern const struct td_enc_alg td_enc_x25519_m15;
extern const struct td_enc_alg td_enc_x25519_sha512_m15;

/* AES-CTR over an image's payload: initial counter block 0, random access by offset. */
struct td_aes_ctr {
    uint64_t state[32]; /* the key schedule; belongs to the library; td_wipe it after use */
};

/* key_len: 16 or 32. */
void td_aes_ctr_init(struct td_aes_ctr *ctr, const uint8_t *key, size_t key_len);

/* Encrypts or decrypts len bytes at bytes, which stand at offset off of the payload; any off. */
void td_aes_ctr_run(const struct td_aes_ctr *ctr, uint32_t off, uint8_t *bytes, size_t len);

#endif
