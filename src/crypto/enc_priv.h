/*
 * crypto/enc_priv.h - the private keys' shapes, and how a call ends without telling why.
 */
#ifndef TD_CRYPTO_ENC_PRIV_H
#define TD_CRYPTO_ENC_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* PKCS#8, id-ecPublicKey, prime256v1, with or without the public key: the scalar's 32 bytes. */
enum td_err td_der_p256_private(const uint8_t *der, size_t len, const uint8_t **scalar);

/* PKCS#8, id-X25519 (RFC 8410): the 32 bytes of the key, little-endian. */
enum td_err td_der_x25519_private(const uint8_t *der, size_t len, const uint8_t **key);

/*
 * PKCS#1 RSAPrivateKey, two primes, 2048 bits, public exponent 65537: modulus (256 bytes) and
 * private exponent (256 at most), big-endian. The primes and what follows are not looked at.
 */
enum td_err td_der_rsa2048_private(const uint8_t *der, size_t len, const uint8_t **modulus,
                                   const uint8_t **exponent, size_t *exponent_len);

/* TD_OK when bad is 0; else wipes out and answers TD_EENC. */
enum td_err td_enc_end(uint32_t bad, uint8_t *out, size_t len);

/* 0 when all bytes are equal, in constant time; else another value. */
uint32_t td_enc_differ(const uint8_t *a, const uint8_t *b, size_t len);

#endif
