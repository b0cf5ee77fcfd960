/*
 * sim/trust.c - whose images a device runs, which hash they carry, which encrypted ones it opens.
 */
#include "base/range.h"
#include "crypto/hash.h"
#include "image/image.h"
#include "sim/device_priv.h"

/* ---- keys ------------------------------------------------------------------------------ */

static enum td_err build_keys(struct sim_device *dev, const struct td_sig_alg **alg)
{
    const struct sim_profile *p = dev->profile;
    struct td_hash hash;

    for (uint8_t i = 0; i < p->boot.n_keys; i++) {
        const struct sim_key *key = &p->boot.key[i];
        enum td_err err = td_sig_alg_of_key(key->der, key->len, alg);

        if (err != TD_OK)
            return err;
        dev->keys[i] = (struct td_image_key){ .der = key->der, .len = key->len };
        td_hash_init(&hash, &td_sha256);
        td_hash_update(&hash, key->der, key->len);
        td_hash_final(&hash, dev->fingerprints[i]);
    }
    if (p->boot.sig == TD_SIG_NONE)
        *alg = NULL;
    if (p->boot.pure)
        *alg = &td_sig_ed25519_pure;
    return TD_OK;
}

static const struct td_hash_alg *hash_of(const struct sim_profile *p, const struct td_sig_alg *sig)
{
    switch (p->boot.hash_bits) {
    case 256: return &td_sha256;
    case 384: return &td_sha384;
    case 512: return &td_sha512;
    default: return sig == NULL ? &td_sha256 : sig->hash;
    }
}

/* ---- encrypted images ------------------------------------------------------------------ */

static const struct td_enc_alg *enc_of(const struct sim_profile *p)
{
    switch (p->boot.secret.kind) {
    case TD_ENC_RSA2048: return &td_enc_rsa2048;
    case TD_ENC_KW: return &td_enc_kw;
    case TD_ENC_EC256: return &td_enc_ec256;
    case TD_ENC_X25519: return p->boot.hmac_bits == 512 ? &td_enc_x25519_sha512 : &td_enc_x25519;
    default: return NULL;
    }
}

static const struct td_image_unwrap *build_unwrap(struct sim_device *dev)
{
    const struct sim_secret *secret = &dev->profile->boot.secret;

    dev->unwrap = (struct td_image_unwrap){
        .alg = enc_of(dev->profile),
        .key = secret->der,
        .len = secret->len,
    };
    return dev->unwrap.alg == NULL ? NULL : &dev->unwrap;
}

enum td_err sim_trust_build(struct sim_device *dev)
{
    const struct sim_profile *p = dev->profile;
    const struct td_sig_alg *alg = NULL;
    enum td_err err = build_keys(dev, &alg);

    if (err != TD_OK)
        return err;
    dev->boot.policy = (struct td_image_policy){
        .hash = hash_of(p, alg),
        .sig = alg,
        .keys = dev->keys,
        .n_keys = p->boot.n_keys,
        .max_size = UINT32_MAX,
        .unwrap = build_unwrap(dev),
        .rule = p->boot.keys_needed > 1 ? TD_RULE_N_KEYS : TD_RULE_ALL_TRUSTED,
        .n_needed = p->boot.keys_needed,
        .key_in_full = p->boot.keys_in_full,
    };
    return TD_OK;
}
