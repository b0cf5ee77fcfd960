/* crypto/mgf1_priv.h - what RSA's two paddings share, and BearSSL lacks or keeps to itself. */
#ifndef TD_CRYPTO_MGF1_PRIV_H
#define TD_CRYPTO_MGF1_PRIV_H

#include <stddef.h>
#include <stdint.h>

/* Exclusive-or of MGF1-SHA-256(seed) into data (RFC 8017, B.2.1). Wipes what it derives. */
void td_mgf1_xor(uint8_t *data, size_t len, const uint8_t *seed, size_t seed_len);

/*
 * BearSSL's key structures point at writable bytes, which its functions only read. A copy of
 * the modulus would cost 384 bytes of stack.
 */
unsigned char *td_bear_bytes(const uint8_t *bytes);

#endif
