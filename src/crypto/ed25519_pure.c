/*
 * crypto/ed25519_pure.c - Ed25519 over an image's bytes, of which only a piece is in memory.
 *
 * libsodium wants the whole message at once; what it streams is Ed25519ph, which is another
 * signature. So its parts are put together here, as RFC 8032, 5.1.7 has them: R | S is good when
 *
 *   R = [S]B - [H mod L]A,  H = SHA-512(R | A | message)
 *
 * What is refused on the way is what the whole of it refuses, and a little more: S must be below
 * L; A in canonical form, of the prime-order group; R not the neutral element. With A of that
 * group the right side is too, so no other R of small order can be equal to it.
 */
#include "crypto/sig.h"

#include <stdbool.h>
#include <string.h>

#include <sodium/crypto_core_ed25519.h>
#include <sodium/crypto_scalarmult_ed25519.h>
#include <sodium/crypto_sign_ed25519.h>

#include "crypto/ct.h"
#include "crypto/der_priv.h"

static enum td_err begin(struct td_hash *hash, const uint8_t *key, size_t key_len,
                         const uint8_t *sig, size_t sig_len)
{
    const uint8_t *point;
    enum td_err err = td_der_ed25519(key, key_len, &point);

    if (err != TD_OK)
        return err;
    if (sig_len != crypto_sign_ed25519_BYTES)
        return TD_ESIGLEN;
    td_hash_init(hash, &td_sha512);
    td_hash_update(hash, sig, 32);
    td_hash_update(hash, point, 32);
    return TD_OK;
}

static bool is_reduced(const uint8_t s[32])
{
    uint8_t wide[64] = { 0 };
    uint8_t reduced[32];

    memcpy(wide, s, 32);
    crypto_core_ed25519_scalar_reduce(reduced, wide);
    return td_ct_equal(reduced, s, 32);
}

static bool is_neutral(const uint8_t p[32])
{
    static const uint8_t neutral[32] = { 1 };

    return td_ct_equal(p, neutral, 32);
}

static bool holds(const uint8_t *point, const uint8_t challenge[64], const uint8_t *sig)
{
    uint8_t h[32], sb[32], ha[32], r[32];

    if (!is_reduced(sig + 32) || is_neutral(sig))
        return false;
    crypto_core_ed25519_scalar_reduce(h, challenge);
    return crypto_scalarmult_ed25519_base_noclamp(sb, sig + 32) == 0 &&
           crypto_scalarmult_ed25519_noclamp(ha, h, point) == 0 &&
           crypto_core_ed25519_sub(r, sb, ha) == 0 && td_ct_equal(r, sig, 32);
}

static enum td_err verify(const uint8_t *key, size_t key_len, const uint8_t *msg, size_t msg_len,
                          const uint8_t *sig, size_t sig_len)
{
    const uint8_t *point;
    enum td_err err = td_der_ed25519(key, key_len, &point);

    if (err != TD_OK)
        return err;
    if (sig_len != crypto_sign_ed25519_BYTES)
        return TD_ESIGLEN;
    if (msg_len != 64)
        return TD_EARG;
    return holds(point, msg, sig) ? TD_OK : TD_ESIG;
}

const struct td_sig_alg td_sig_ed25519_pure = {
    .id = TD_SIG_ED25519,
    .name = "ed25519",
    .tlv = 0x24,
    .key_size = TD_DER_ED25519_SIZE,
    .sig_max = crypto_sign_ed25519_BYTES,
    .hash = &td_sha512,
    .begin = begin,
    .verify = verify,
};
