/*
 * crypto/ed25519.c - Ed25519 (RFC 8032, PureEdDSA) by libsodium.
 *
 * libsodium refuses an S that is not below the group's order, a public key or R of small
 * order, and a key that is not in canonical form; the vectors in sig_test.c hold it to that.
 */
#include "crypto/sig.h"

#include <sodium/crypto_sign_ed25519.h>

#include "crypto/der_priv.h"

static enum td_err verify(const uint8_t *key, size_t key_len, const uint8_t *msg, size_t msg_len,
                          const uint8_t *sig, size_t sig_len)
{
    const uint8_t *point;
    enum td_err err = td_der_ed25519(key, key_len, &point);

    if (err != TD_OK)
        return err;
    if (sig_len != crypto_sign_ed25519_BYTES)
        return TD_ESIGLEN;
    return crypto_sign_ed25519_verify_detached(sig, msg, msg_len, point) == 0 ? TD_OK : TD_ESIG;
}

const struct td_sig_alg td_sig_ed25519 = {
    .id = TD_SIG_ED25519,
    .name = "ed25519",
    .tlv = 0x24,
    .key_size = TD_DER_ED25519_SIZE,
    .sig_max = crypto_sign_ed25519_BYTES,
    .hash = &td_sha256,
    .verify = verify,
};
