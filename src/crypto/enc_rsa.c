/*
 * crypto/enc_rsa.c - RSAES-OAEP decryption (RFC 8017, 7.1.2): SHA-256, MGF1-SHA-256, no label.
 *
 * The power is taken with the private exponent itself and not with the primes: imgtool's minimal
 * key has nothing else, and a fault in one half of a CRT gives the key away. It costs three times
 * the time. BearSSL's public operation is the one that takes an exponent as it is; it runs in
 * time that depends on lengths alone.
 *
 * How long the message is is known beforehand, so the padding is a comparison at fixed places:
 *
 *   00 | seed 32 | SHA-256("") | zeros | 01 | key
 */
#include "crypto/enc.h"

#include <string.h>

#include <bearssl.h>

#include "crypto/ct.h"
#include "crypto/enc_priv.h"
#include "crypto/mgf1_priv.h"

#define N_LEN     256u
#define HASH_SIZE 32u

static const uint8_t hash_of_nothing[HASH_SIZE] = {
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

/* Unmasks em in place. 0 when it holds a key of key_len bytes. */
static uint32_t oaep_opens(uint8_t em[N_LEN], size_t key_len)
{
    uint8_t *seed = em + 1;
    uint8_t *db = seed + HASH_SIZE;
    size_t db_len = N_LEN - 1 - HASH_SIZE;
    size_t one = db_len - key_len - 1;
    uint32_t bad;

    td_mgf1_xor(seed, HASH_SIZE, db, db_len);
    td_mgf1_xor(db, db_len, seed, HASH_SIZE);
    bad = em[0] | td_enc_differ(db, hash_of_nothing, HASH_SIZE);
    for (size_t i = HASH_SIZE; i < one; i++)
        bad |= db[i];
    return bad | (uint32_t)(db[one] ^ 0x01);
}

static enum td_err unwrap(br_rsa_public power, const uint8_t *priv, size_t priv_len,
                          const uint8_t *value, size_t len, uint8_t *out, size_t key_len)
{
    br_rsa_public_key key = { .nlen = N_LEN };
    const uint8_t *modulus, *exponent;
    uint8_t em[N_LEN];
    uint32_t bad;
    enum td_err err;

    memset(out, 0, key_len);
    err = td_der_rsa2048_private(priv, priv_len, &modulus, &exponent, &key.elen);
    if (err != TD_OK)
        return err;
    if ((key_len != 16 && key_len != 32) || len != N_LEN)
        return TD_ETRUNC;
    key.n = td_bear_bytes(modulus);
    key.e = td_bear_bytes(exponent);
    memcpy(em, value, N_LEN);
    bad = power(em, N_LEN, &key) ^ 1u;
    bad |= oaep_opens(em, key_len);
    memcpy(out, em + N_LEN - key_len, key_len);
    td_wipe(em, sizeof(em));
    return td_enc_end(bad, out, key_len);
}

static enum td_err unwrap_i31(const uint8_t *priv, size_t priv_len, const uint8_t *value,
                              size_t len, uint8_t *out, size_t key_len)
{
    return unwrap(br_rsa_i31_public, priv, priv_len, value, len, out, key_len);
}

static enum td_err unwrap_i15(const uint8_t *priv, size_t priv_len, const uint8_t *value,
                              size_t len, uint8_t *out, size_t key_len)
{
    return unwrap(br_rsa_i15_public, priv, priv_len, value, len, out, key_len);
}

#define RSA2048_FACTS                                                                              \
    .id = TD_ENC_RSA2048, .name = "rsa-2048", .tlv = 0x30, .len_128 = N_LEN, .len_256 = N_LEN

const struct td_enc_alg td_enc_rsa2048 = { RSA2048_FACTS, .unwrap = unwrap_i31 };
const struct td_enc_alg td_enc_rsa2048_i15 = { RSA2048_FACTS, .unwrap = unwrap_i15 };
