/* keys/point.c - between OpenSSL's DER and the bare numbers of a first stage. */
#include "keys/point.h"

#include <string.h>

#include "crypto/hash.h"

enum td_err td_key_xy(const struct td_key *key, uint8_t xy[64])
{
    uint8_t der[TD_KEY_DER_MAX];
    size_t len = 0;
    enum td_err err;

    if (td_key_type(key) != TD_KEY_ECDSA_P256)
        return TD_EKEYTYPE;
    err = td_key_public_der(key, der, sizeof der, &len);
    // SubjectPublicKeyInfo ends with the point.
    if (err == TD_OK)
        memcpy(xy, der + len - 64, 64);
    return err;
}

enum td_err td_key_sign_rs(const struct td_key *key, const void *msg, size_t len, uint8_t rs[64])
{
    uint8_t digest[32], sig[TD_KEY_SIG_MAX];
    size_t sig_len = 0;
    enum td_err err;

    if (td_key_type(key) != TD_KEY_ECDSA_P256)
        return TD_EKEYTYPE;
    td_hash_of(&td_sha256, msg, (uint32_t)len, digest);
    err = td_key_sign(key, digest, sizeof digest, sig, sizeof sig, &sig_len);
    return err == TD_OK ? td_rs_of_der(sig, sig_len, rs) : err;
}

/* Bytes that are still to be read. */
struct rest {
    const uint8_t *at;
    size_t len;
};

/* An INTEGER that is not negative, of at most 32 bytes behind the zero that hides a high bit. */
static bool take_integer(struct rest *r, uint8_t out[32])
{
    size_t len, zero;

    if (r->len < 3 || r->at[0] != 0x02 || r->at[1] == 0 || r->at[1] > 33 || r->len - 2 < r->at[1])
        return false;
    len = r->at[1];
    zero = r->at[2] == 0;
    if ((r->at[2] & 0x80) != 0 || (zero == 1 && (len == 1 || (r->at[3] & 0x80) == 0)) ||
        len - zero > 32)
        return false;
    memset(out, 0, 32);
    memcpy(out + 32 - (len - zero), r->at + 2 + zero, len - zero);
    r->at += 2 + len;
    r->len -= 2 + len;
    return true;
}

enum td_err td_rs_of_der(const uint8_t *der, size_t len, uint8_t rs[64])
{
    struct rest r;

    // Two integers of 33 bytes at most: the length of all of it has one byte.
    if (len < 2 || der[0] != 0x30 || der[1] > 0x7f || der[1] != len - 2)
        return TD_EFORMAT;
    r = (struct rest){ der + 2, len - 2 };
    return take_integer(&r, rs) && take_integer(&r, rs + 32) && r.len == 0 ? TD_OK : TD_EFORMAT;
}
