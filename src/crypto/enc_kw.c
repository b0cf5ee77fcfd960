/*
 * crypto/enc_kw.c - AES key wrap (RFC 3394), unwrapping only.
 *
 * BearSSL has no key wrap and no single block; one block of CBC decryption under an initial
 * vector of zeros is one.
 */
#include "crypto/enc.h"

#include <string.h>

#include <bearssl.h>

#include "crypto/ct.h"
#include "crypto/enc_priv.h"

#define HALF   8u /* bytes that are wrapped at a time */
#define ROUNDS 6u

static void decrypt_block(const br_aes_ct_cbcdec_keys *keys, uint8_t block[16])
{
    uint8_t iv[16] = { 0 };

    br_aes_ct_cbcdec_run(keys, iv, block, 16);
}

static uint32_t unwrap_with(const br_aes_ct_cbcdec_keys *keys, const uint8_t *value, uint8_t *out,
                            size_t key_len)
{
    static const uint8_t integrity[HALF] = { 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6 };
    uint32_t n = (uint32_t)(key_len / HALF);
    uint8_t block[16];
    uint32_t bad;

    memcpy(block, value, HALF);
    memcpy(out, value + HALF, key_len);
    for (uint32_t t = ROUNDS * n; t > 0; t--) {
        uint8_t *r = out + (t - 1) % n * HALF;

        block[HALF - 1] ^= (uint8_t)t;
        memcpy(block + HALF, r, HALF);
        decrypt_block(keys, block);
        memcpy(r, block + HALF, HALF);
    }
    bad = td_enc_differ(block, integrity, HALF);
    td_wipe(block, sizeof(block));
    return bad;
}

static enum td_err unwrap(const uint8_t *priv, size_t priv_len, const uint8_t *value, size_t len,
                          uint8_t *out, size_t key_len)
{
    br_aes_ct_cbcdec_keys keys;
    uint32_t bad;

    memset(out, 0, key_len);
    if ((key_len != 16 && key_len != 32) || len != key_len + HALF)
        return TD_ETRUNC;
    if (priv_len != key_len)
        return TD_EKEY;
    br_aes_ct_cbcdec_init(&keys, priv, priv_len);
    bad = unwrap_with(&keys, value, out, key_len);
    td_wipe(&keys, sizeof(keys));
    return td_enc_end(bad, out, key_len);
}

const struct td_enc_alg td_enc_kw = {
    .id = TD_ENC_KW,
    .name = "aes-kw",
    .tlv = 0x31,
    .len_128 = 24,
    .len_256 = 40,
    .unwrap = unwrap,
};
