/*
 * crypto/rsa.c - RSASSA-PSS verification (RFC 8017, 8.1.2 and 9.1.2).
 *
 * BearSSL has the modular exponentiation, not the padding. The padding is composed here from
 * SHA-256: every step is a comparison or an exclusive-or of public bytes.
 */
#include "crypto/sig.h"

#include <stdbool.h>
#include <string.h>

#include <bearssl.h>

#include "crypto/ct.h"
#include "crypto/der_priv.h"
#include "crypto/mgf1_priv.h"

#define HASH_SIZE 32
#define SALT_SIZE 32

/* H' = SHA-256(eight zero bytes, digest, salt) */
static void hash_with_salt(const uint8_t *digest, const uint8_t *salt, uint8_t out[HASH_SIZE])
{
    static const uint8_t zeros[8];
    struct td_hash hash;

    td_hash_init(&hash, &td_sha256);
    td_hash_update(&hash, zeros, sizeof(zeros));
    td_hash_update(&hash, digest, HASH_SIZE);
    td_hash_update(&hash, salt, SALT_SIZE);
    td_hash_final(&hash, out);
}

/*
 * EMSA-PSS-VERIFY over an encoded message of len bytes whose first bit is one more than the
 * encoding uses (the modulus has 8 * len bits). Unmasks em in place.
 */
static bool pss_holds(uint8_t *em, size_t len, const uint8_t *digest)
{
    size_t db_len = len - HASH_SIZE - 1;
    const uint8_t *h = em + db_len;
    const uint8_t *salt = em + db_len - SALT_SIZE;
    uint8_t want[HASH_SIZE];
    uint8_t padding = 0;

    if (em[len - 1] != 0xbc || (em[0] & 0x80) != 0)
        return false;
    td_mgf1_xor(em, db_len, h, HASH_SIZE);
    em[0] &= 0x7f;
    // The 01 stands right in front of 32 bytes of salt: no other length passes.
    for (size_t i = 0; i < db_len - SALT_SIZE - 1; i++)
        padding |= em[i];
    if (padding != 0 || em[db_len - SALT_SIZE - 1] != 0x01)
        return false;
    hash_with_salt(digest, salt, want);
    return td_ct_equal(want, h, HASH_SIZE);
}

static enum td_err verify_with(br_rsa_public power, size_t n_len, const uint8_t *key,
                               size_t key_len, const uint8_t *msg, size_t msg_len,
                               const uint8_t *sig, size_t sig_len)
{
    static const uint8_t e_65537[] = { 0x01, 0x00, 0x01 };
    br_rsa_public_key pk = { .nlen = n_len, .elen = sizeof(e_65537) };
    uint8_t em[TD_SIG_MAX];
    const uint8_t *modulus;
    enum td_err err;

    if (msg_len != HASH_SIZE)
        return TD_EARG;
    err = td_der_rsa(key, key_len, n_len, &modulus);
    if (err != TD_OK)
        return err;
    if (sig_len != n_len)
        return TD_ESIGLEN;
    memcpy(em, sig, n_len);
    pk.n = td_bear_bytes(modulus);
    pk.e = td_bear_bytes(e_65537);
    if (power(em, n_len, &pk) != 1)
        return TD_ESIG; // not below the modulus
    return pss_holds(em, n_len, msg) ? TD_OK : TD_ESIG;
}

static enum td_err verify_2048_i31(const uint8_t *key, size_t key_len, const uint8_t *msg,
                                   size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    return verify_with(br_rsa_i31_public, 256, key, key_len, msg, msg_len, sig, sig_len);
}

static enum td_err verify_3072_i31(const uint8_t *key, size_t key_len, const uint8_t *msg,
                                   size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    return verify_with(br_rsa_i31_public, 384, key, key_len, msg, msg_len, sig, sig_len);
}

static enum td_err verify_2048_i15(const uint8_t *key, size_t key_len, const uint8_t *msg,
                                   size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    return verify_with(br_rsa_i15_public, 256, key, key_len, msg, msg_len, sig, sig_len);
}

static enum td_err verify_3072_i15(const uint8_t *key, size_t key_len, const uint8_t *msg,
                                   size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    return verify_with(br_rsa_i15_public, 384, key, key_len, msg, msg_len, sig, sig_len);
}

#define RSA2048_FACTS                                                                              \
    .id = TD_SIG_RSA, .name = "rsa-2048", .tlv = 0x20, .key_size = TD_DER_RSA2048_SIZE,            \
    .sig_max = 256, .hash = &td_sha256
#define RSA3072_FACTS                                                                              \
    .id = TD_SIG_RSA, .name = "rsa-3072", .tlv = 0x23, .key_size = TD_DER_RSA3072_SIZE,            \
    .sig_max = 384, .hash = &td_sha256

const struct td_sig_alg td_sig_rsa2048_pss = { RSA2048_FACTS, .verify = verify_2048_i31 };
const struct td_sig_alg td_sig_rsa3072_pss = { RSA3072_FACTS, .verify = verify_3072_i31 };
const struct td_sig_alg td_sig_rsa2048_pss_i15 = { RSA2048_FACTS, .verify = verify_2048_i15 };
const struct td_sig_alg td_sig_rsa3072_pss_i15 = { RSA3072_FACTS, .verify = verify_3072_i15 };
