/* crypto/ecdsa.c - ECDSA over P-256 and P-384: our DER reader in front of BearSSL's arithmetic. */
#include "crypto/sig.h"

#include <string.h>

#include <bearssl.h>

#include "crypto/der_priv.h"

#define POINT_MAX 97
#define RS_MAX    96

struct curve {
    const br_ec_impl *impl;
    br_ecdsa_vrfy vrfy;
    int id;
    size_t size; /* bytes of a coordinate */
    enum td_err (*point_of)(const uint8_t *der, size_t len, const uint8_t **point);
};

static enum td_err verify_with(const struct curve *c, const uint8_t *key, size_t key_len,
                               const uint8_t *msg, size_t msg_len, const uint8_t *sig,
                               size_t sig_len)
{
    br_ec_public_key pk = { .curve = c->id, .qlen = 2 * c->size + 1 };
    const uint8_t *point;
    uint8_t q[POINT_MAX];
    uint8_t scratch[POINT_MAX];
    uint8_t rs[RS_MAX];
    static const uint8_t one[1] = { 1 };
    enum td_err err;

    if (msg_len != 32 && msg_len != 48 && msg_len != 64)
        return TD_EARG;
    err = c->point_of(key, key_len, &point);
    if (err != TD_OK)
        return err;
    // The library takes the point as writable. A multiplication by one tells a point that is
    // not on the curve (a broken key) from a signature that does not verify.
    memcpy(q, point, pk.qlen);
    memcpy(scratch, point, pk.qlen);
    if (c->impl->mul(scratch, pk.qlen, one, sizeof(one), c->id) != 1)
        return TD_EKEY;
    err = td_der_ecdsa(sig, sig_len, c->size, rs);
    if (err != TD_OK)
        return err;
    pk.q = q;
    return c->vrfy(c->impl, msg, msg_len, &pk, rs, 2 * c->size) == 1 ? TD_OK : TD_ESIG;
}

static enum td_err p256_m31(const uint8_t *key, size_t key_len, const uint8_t *msg, size_t msg_len,
                            const uint8_t *sig, size_t sig_len)
{
    const struct curve c = { &br_ec_p256_m31, br_ecdsa_i31_vrfy_raw, BR_EC_secp256r1, 32,
                             td_der_p256 };

    return verify_with(&c, key, key_len, msg, msg_len, sig, sig_len);
}

static enum td_err p256_m15(const uint8_t *key, size_t key_len, const uint8_t *msg, size_t msg_len,
                            const uint8_t *sig, size_t sig_len)
{
    const struct curve c = { &br_ec_p256_m15, br_ecdsa_i15_vrfy_raw, BR_EC_secp256r1, 32,
                             td_der_p256 };

    return verify_with(&c, key, key_len, msg, msg_len, sig, sig_len);
}

static enum td_err p384_i31(const uint8_t *key, size_t key_len, const uint8_t *msg, size_t msg_len,
                            const uint8_t *sig, size_t sig_len)
{
    const struct curve c = { &br_ec_prime_i31, br_ecdsa_i31_vrfy_raw, BR_EC_secp384r1, 48,
                             td_der_p384 };

    return verify_with(&c, key, key_len, msg, msg_len, sig, sig_len);
}

static enum td_err p384_i15(const uint8_t *key, size_t key_len, const uint8_t *msg, size_t msg_len,
                            const uint8_t *sig, size_t sig_len)
{
    const struct curve c = { &br_ec_prime_i15, br_ecdsa_i15_vrfy_raw, BR_EC_secp384r1, 48,
                             td_der_p384 };

    return verify_with(&c, key, key_len, msg, msg_len, sig, sig_len);
}

#define P256_FACTS                                                                                 \
    .id = TD_SIG_ECDSA_P256, .name = "ecdsa-p256", .tlv = 0x22, .key_size = TD_DER_P256_SIZE,      \
    .sig_max = TD_DER_ECDSA_P256_MAX, .hash = &td_sha256
#define P384_FACTS                                                                                 \
    .id = TD_SIG_ECDSA_P384, .name = "ecdsa-p384", .tlv = 0x22, .key_size = TD_DER_P384_SIZE,      \
    .sig_max = TD_DER_ECDSA_P384_MAX, .hash = &td_sha384

const struct td_sig_alg td_sig_ecdsa_p256 = { P256_FACTS, .verify = p256_m31 };
const struct td_sig_alg td_sig_ecdsa_p256_m15 = { P256_FACTS, .verify = p256_m15 };
const struct td_sig_alg td_sig_ecdsa_p384 = { P384_FACTS, .verify = p384_i31 };
const struct td_sig_alg td_sig_ecdsa_p384_i15 = { P384_FACTS, .verify = p384_i15 };
