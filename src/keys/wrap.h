/*
 * keys/wrap.h - host: the key of an encrypted image, made and wrapped for one device's key.
 *
 * Source: MCUboot's encrypted images; docs/spec/image.md has the bytes of each TLV. The device's
 * side of it is crypto/enc.h, which shares no code with this.
 */
#ifndef TD_KEYS_WRAP_H
#define TD_KEYS_WRAP_H

#include "keys/keys.h"

#define TD_WRAP_MAX 256 /* bytes of the longest wrapped key: RSA-2048 */

struct td_wrapped {
    uint16_t tlv; /* the image TLV that carries it */
    size_t len;
    uint8_t value[TD_WRAP_MAX];
};

/* Whether images can be encrypted for this kind of key: RSA-2048, ECDSA P-256, X25519. */
bool td_key_wraps(const struct td_key *key);

/*
 * Wraps key_len bytes (16 or 32) for the owner of recipient, whose public half is enough.
 * hmac_bits is 256, or 512 with X25519: what HKDF and HMAC hash with. It comes out different
 * each time. TD_EKEYTYPE: the recipient is no such key, or does not go with hmac_bits;
 * TD_EKEYCRYPTO: OpenSSL failed.
 */
enum td_err td_key_wrap(const struct td_key *recipient, unsigned hmac_bits, const uint8_t *key,
                        size_t key_len, struct td_wrapped *out);

#define TD_PRIVATE_DER_MAX 2048 /* the longest, of RSA-3072, has 1796 bytes */

/* How a device's private key is laid out. */
enum td_private_form {
    TD_PRIVATE_USUAL = 0, /* RSA: PKCS#1, the others: PKCS#8 */
    TD_PRIVATE_PKCS8,     /* what MCUboot reads of EC and X25519 */
    TD_PRIVATE_OPENSSL,   /* PKCS#1 of RSA, SEC 1 of EC */
};

/*
 * The private key as a device keeps it to open encrypted images, without passphrase. minimal
 * leaves out what it can do without: RSA's CRT values, EC's public point. Wipe out after use.
 *
 * TD_EKEYPUBLIC; TD_EKEYTYPE: Ed25519 opens nothing, there is no such form of this kind, or no
 * minimal one (P-384). TD_ESPACE, TD_EKEYCRYPTO.
 */
enum td_err td_key_private_der(const struct td_key *key, enum td_private_form form, bool minimal,
                               uint8_t *out, size_t cap, size_t *len);

/* Random bytes for a key. TD_EKEYCRYPTO. */
enum td_err td_key_random(uint8_t *out, size_t len);

/* AES-CTR over len bytes from counter 0 on: encrypts and decrypts. TD_EKEYCRYPTO. */
enum td_err td_key_ctr(const uint8_t *key, size_t key_len, uint8_t *bytes, size_t len);

#endif
