/*
 * crypto/enc_ecies.c - ECIES as imgtool writes it: over P-256 and X25519.
 *
 *   value    ephemeral public key | tag | wrapped key
 *   okm      HKDF(shared secret, no salt, "MCUBoot_ECIES_v1"): an AES key as long as the
 *            image's, then a MAC key as long as the hash
 *   tag      HMAC over the wrapped key
 *   wrapped  AES-CTR of the image's key, counter 0
 *
 * A bad point, a bad tag and a good key take the same path; only the last line tells them apart.
 */
#include "crypto/enc.h"

#include <string.h>

#include <bearssl.h>

#include "crypto/ct.h"
#include "crypto/enc_priv.h"

#define SECRET  32u
#define TAG_MAX 64u

struct ecies {
    const br_ec_impl *curve;
    int curve_id;
    const br_hash_class *hash;
    size_t hash_len;
    size_t point_len;
};

static void derive(const struct ecies *e, const uint8_t *secret, uint8_t *okm, size_t len)
{
    static const char info[] = "MCUBoot_ECIES_v1";
    br_hkdf_context kdf;

    br_hkdf_init(&kdf, e->hash, BR_HKDF_NO_SALT, 0);
    br_hkdf_inject(&kdf, secret, SECRET);
    br_hkdf_flip(&kdf);
    br_hkdf_produce(&kdf, info, sizeof(info) - 1, okm, len);
    td_wipe(&kdf, sizeof(kdf));
}

static uint32_t check_tag(const struct ecies *e, const uint8_t *mac_key, const uint8_t *tag,
                          const uint8_t *wrapped, size_t len)
{
    br_hmac_key_context key;
    br_hmac_context mac;
    uint8_t want[TAG_MAX];
    uint32_t bad;

    br_hmac_key_init(&key, e->hash, mac_key, e->hash_len);
    br_hmac_init(&mac, &key, 0);
    br_hmac_update(&mac, wrapped, len);
    br_hmac_out(&mac, want);
    bad = td_enc_differ(want, tag, e->hash_len);
    td_wipe(&key, sizeof(key));
    td_wipe(&mac, sizeof(mac));
    td_wipe(want, sizeof(want));
    return bad;
}

static uint32_t open_wrapped(const struct ecies *e, const uint8_t *secret, const uint8_t *tag,
                             uint8_t *out, size_t key_len)
{
    const uint8_t *wrapped = tag + e->hash_len;
    uint8_t okm[TD_ENC_KEY_MAX + TAG_MAX];
    struct td_aes_ctr ctr;
    uint32_t bad;

    derive(e, secret, okm, key_len + e->hash_len);
    bad = check_tag(e, okm + key_len, tag, wrapped, key_len);
    td_aes_ctr_init(&ctr, okm, key_len);
    memcpy(out, wrapped, key_len);
    td_aes_ctr_run(&ctr, 0, out, key_len);
    td_wipe(okm, sizeof(okm));
    td_wipe(&ctr, sizeof(ctr));
    return bad;
}

/*
 * A public key of small order gives a secret that everybody knows: all zeros. The other curve has
 * no such point, but has one whose X is 0.
 */
static uint32_t is_weak(const struct ecies *e, const uint8_t secret[SECRET])
{
    static const uint8_t zeros[SECRET];

    return e->curve_id != BR_EC_curve25519 ? 0 : (td_enc_differ(secret, zeros, SECRET) - 1u) >> 31;
}

/* scalar as the library takes it: big-endian on P-256, little-endian on Curve25519. */
static enum td_err unwrap(const struct ecies *e, const uint8_t *scalar, const uint8_t *value,
                          size_t len, uint8_t *out, size_t key_len)
{
    uint8_t point[65];
    const uint8_t *secret = point + (e->point_len == 65 ? 1 : 0);
    uint32_t bad;

    memset(out, 0, key_len);
    if ((key_len != 16 && key_len != 32) || len != e->point_len + e->hash_len + key_len)
        return TD_ETRUNC;
    memcpy(point, value, e->point_len);
    bad = e->curve->mul(point, e->point_len, scalar, SECRET, e->curve_id) ^ 1u;
    bad |= is_weak(e, secret);
    bad |= open_wrapped(e, secret, value + e->point_len, out, key_len);
    td_wipe(point, sizeof(point));
    return td_enc_end(bad, out, key_len);
}

static enum td_err unwrap_p256(const struct ecies *e, const uint8_t *priv, size_t priv_len,
                               const uint8_t *value, size_t len, uint8_t *out, size_t key_len)
{
    const uint8_t *scalar;
    enum td_err err = td_der_p256_private(priv, priv_len, &scalar);

    if (err != TD_OK) {
        memset(out, 0, key_len);
        return err;
    }
    return unwrap(e, scalar, value, len, out, key_len);
}

static enum td_err unwrap_x25519(const struct ecies *e, const uint8_t *priv, size_t priv_len,
                                 const uint8_t *value, size_t len, uint8_t *out, size_t key_len)
{
    const uint8_t *key;
    enum td_err err = td_der_x25519_private(priv, priv_len, &key);

    if (err != TD_OK) {
        memset(out, 0, key_len);
        return err;
    }
    return unwrap(e, key, value, len, out, key_len);
}

static enum td_err ec256_m31(const uint8_t *priv, size_t priv_len, const uint8_t *value, size_t len,
                             uint8_t *out, size_t key_len)
{
    const struct ecies e = { &br_ec_p256_m31, BR_EC_secp256r1, &br_sha256_vtable, 32, 65 };

    return unwrap_p256(&e, priv, priv_len, value, len, out, key_len);
}

static enum td_err ec256_m15(const uint8_t *priv, size_t priv_len, const uint8_t *value, size_t len,
                             uint8_t *out, size_t key_len)
{
    const struct ecies e = { &br_ec_p256_m15, BR_EC_secp256r1, &br_sha256_vtable, 32, 65 };

    return unwrap_p256(&e, priv, priv_len, value, len, out, key_len);
}

static enum td_err x25519_m31(const uint8_t *priv, size_t priv_len, const uint8_t *value,
                              size_t len, uint8_t *out, size_t key_len)
{
    const struct ecies e = { &br_ec_c25519_m31, BR_EC_curve25519, &br_sha256_vtable, 32, 32 };

    return unwrap_x25519(&e, priv, priv_len, value, len, out, key_len);
}

static enum td_err x25519_m15(const uint8_t *priv, size_t priv_len, const uint8_t *value,
                              size_t len, uint8_t *out, size_t key_len)
{
    const struct ecies e = { &br_ec_c25519_m15, BR_EC_curve25519, &br_sha256_vtable, 32, 32 };

    return unwrap_x25519(&e, priv, priv_len, value, len, out, key_len);
}

static enum td_err x25519_sha512_m31(const uint8_t *priv, size_t priv_len, const uint8_t *value,
                                     size_t len, uint8_t *out, size_t key_len)
{
    const struct ecies e = { &br_ec_c25519_m31, BR_EC_curve25519, &br_sha512_vtable, 64, 32 };

    return unwrap_x25519(&e, priv, priv_len, value, len, out, key_len);
}

static enum td_err x25519_sha512_m15(const uint8_t *priv, size_t priv_len, const uint8_t *value,
                                     size_t len, uint8_t *out, size_t key_len)
{
    const struct ecies e = { &br_ec_c25519_m15, BR_EC_curve25519, &br_sha512_vtable, 64, 32 };

    return unwrap_x25519(&e, priv, priv_len, value, len, out, key_len);
}

#define EC256_FACTS                                                                                \
    .id = TD_ENC_EC256, .name = "ecies-p256", .tlv = 0x32, .len_128 = 113, .len_256 = 129
#define X25519_FACTS                                                                               \
    .id = TD_ENC_X25519, .name = "ecies-x25519", .tlv = 0x33, .len_128 = 80, .len_256 = 96
#define X25519_SHA512_FACTS                                                                        \
    .id = TD_ENC_X25519_SHA512, .name = "ecies-x25519-sha512", .tlv = 0x34, .len_128 = 112,        \
    .len_256 = 128

const struct td_enc_alg td_enc_ec256 = { EC256_FACTS, .unwrap = ec256_m31 };
const struct td_enc_alg td_enc_ec256_m15 = { EC256_FACTS, .unwrap = ec256_m15 };
const struct td_enc_alg td_enc_x25519 = { X25519_FACTS, .unwrap = x25519_m31 };
const struct td_enc_alg td_enc_x25519_m15 = { X25519_FACTS, .unwrap = x25519_m15 };
const struct td_enc_alg td_enc_x25519_sha512 = { X25519_SHA512_FACTS, .unwrap = x25519_sha512_m31 };
const struct td_enc_alg td_enc_x25519_sha512_m15 = { X25519_SHA512_FACTS,
                                                     .unwrap = x25519_sha512_m15 };
