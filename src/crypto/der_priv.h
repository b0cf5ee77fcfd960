/*
 * crypto/der_priv.h - the few DER shapes that MCUboot's keys and signatures have.
 *
 * Not a DER parser: each function knows one shape and says no to every other. What it gives
 * back points into the caller's bytes.
 */
#ifndef TD_CRYPTO_DER_PRIV_H
#define TD_CRYPTO_DER_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TD_DER_P256_SIZE      91
#define TD_DER_P384_SIZE      120
#define TD_DER_ED25519_SIZE   44
#define TD_DER_RSA2048_SIZE   270
#define TD_DER_RSA3072_SIZE   398
#define TD_DER_ECDSA_P256_MAX 72
#define TD_DER_ECDSA_P384_MAX 104

/* SubjectPublicKeyInfo, id-ecPublicKey, prime256v1: the 65 bytes 04 X Y. TD_EKEY. */
enum td_err td_der_p256(const uint8_t *der, size_t len, const uint8_t **point);

/* The same, secp384r1: the 97 bytes 04 X Y. TD_EKEY. */
enum td_err td_der_p384(const uint8_t *der, size_t len, const uint8_t **point);

/* SubjectPublicKeyInfo, id-Ed25519 (RFC 8410): the 32 bytes of the key. TD_EKEY. */
enum td_err td_der_ed25519(const uint8_t *der, size_t len, const uint8_t **key);

/*
 * PKCS#1 RSAPublicKey with a modulus of n_len bytes (256 or 384), top bit set, odd, and the
 * exponent 65537: the modulus, big-endian. TD_EKEY.
 */
enum td_err td_der_rsa(const uint8_t *der, size_t len, size_t n_len, const uint8_t **modulus);

/*
 * SEQUENCE { INTEGER r, INTEGER s } into r and s of size bytes each (32: P-256, 48: P-384),
 * big-endian. Integers are minimal, positive and not 0. Only zeros follow, and all of it is no
 * longer than 2 * size + 8 bytes. TD_ESIGLEN: too short or too long. TD_ESIG: any other departure.
 */
enum td_err td_der_ecdsa(const uint8_t *der, size_t len, size_t size, uint8_t *rs);

#endif
