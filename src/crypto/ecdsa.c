/* crypto/ecdsa.c - ECDSA over P-256: our DER reader in front of BearSSL's arithmetic. */
#include "crypto/sig.h"

#include <string.h>

#include <bearssl.h>

#include "crypto/der_priv.h"

static enum td_err verify_with(const br_ec_impl *curve, br_ecdsa_vrfy vrfy, const uint8_t *key,
                               size_t key_len, const uint8_t *msg, size_t msg_len,
                               const uint8_t *sig, size_t sig_len)
{
    br_ec_public_key pk = { .curve = BR_EC_secp256r1, .qlen = 65 };
    const uint8_t *point;
    uint8_t q[65];
    uint8_t scratch[65];
    uint8_t rs[64];
    static const uint8_t one[1] = { 1 };
    enum td_err err;

    if (msg_len != 32 && msg_len != 48 && msg_len != 64)
        return TD_EARG;
    err = td_der_p256(key, key_len, &point);
    if (err != TD_OK)
        return err;
    // The library takes the point as writable. A multiplication by one tells a point that is
    // not on the curve (a broken key) from a signature that does not verify.
    memcpy(q, point, sizeof(q));
    memcpy(scratch, point, sizeof(scratch));
    if (curve->mul(scratch, sizeof(scratch), one, sizeof(one), BR_EC_secp256r1) != 1)
        return TD_EKEY;
    err = td_der_ecdsa_p256(sig, sig_len, rs);
    if (err != TD_OK)
        return err;
    pk.q = q;
    return vrfy(curve, msg, msg_len, &pk, rs, sizeof(rs)) == 1 ? TD_OK : TD_ESIG;
}

static enum td_err verify_m31(const uint8_t *key, size_t key_len, const uint8_t *msg,
                              size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    return verify_with(&br_ec_p256_m31, br_ecdsa_i31_vrfy_raw, key, key_len, msg, msg_len, sig,
                       sig_len);
}

static enum td_err verify_m15(const uint8_t *key, size_t key_len, const uint8_t *msg,
                              size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    return verify_with(&br_ec_p256_m15, br_ecdsa_i15_vrfy_raw, key, key_len, msg, msg_len, sig,
                       sig_len);
}

const struct td_sig_alg td_sig_ecdsa_p256 = {
    .id = TD_SIG_ECDSA_P256,
    .name = "ecdsa-p256",
    .tlv = 0x22,
    .key_size = TD_DER_P256_SIZE,
    .sig_max = TD_DER_ECDSA_P256_MAX,
    .hash = &td_sha256,
    .verify = verify_m31,
};

const struct td_sig_alg td_sig_ecdsa_p256_m15 = {
    .id = TD_SIG_ECDSA_P256,
    .name = "ecdsa-p256",
    .tlv = 0x22,
    .key_size = TD_DER_P256_SIZE,
    .sig_max = TD_DER_ECDSA_P256_MAX,
    .hash = &td_sha256,
    .verify = verify_m15,
};
