/*
 * crypto/enc_fuzz.c - hostile wrapped keys, and private keys that are no keys, into every scheme.
 *
 * The first byte chooses scheme and key length, two more say how long the private key is; then
 * the private key, and the value. The corpus holds a good pair of each kind.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/enc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly this length, so that a byte read too many is seen. */
static uint8_t *copy_of(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, data, len);
    return copy;
}

static void must(int holds)
{
    if (!holds)
        abort();
}

/* An error leaves zeros, and another length of key is never taken for this one. */
static void check(const struct td_enc_alg *alg, const uint8_t *priv, size_t priv_len,
                  const uint8_t *value, size_t len, size_t key_len)
{
    static const uint8_t zeros[TD_ENC_KEY_MAX];
    uint8_t *out = copy_of(zeros, key_len);
    enum td_err err;

    memset(out, 0xa5, key_len);
    err = alg->unwrap(priv, priv_len, value, len, out, key_len);
    must(err == TD_OK || err == TD_EENC || err == TD_EKEY || err == TD_ETRUNC);
    must(err == TD_OK || memcmp(out, zeros, key_len) == 0);
    if (err == TD_OK)
        must(len == (key_len == 16 ? alg->len_128 : alg->len_256));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct td_enc_alg *const algs[] = {
        &td_enc_kw,        &td_enc_ec256,      &td_enc_x25519,  &td_enc_x25519_sha512,
        &td_enc_ec256_m15, &td_enc_x25519_m15, &td_enc_rsa2048, &td_enc_rsa2048_i15,
    };
    size_t priv_len;
    uint8_t *priv, *value;

    if (size < 3)
        return 0;
    priv_len = (size_t)data[1] << 8 | data[2];
    if (priv_len > size - 3)
        priv_len = size - 3;
    priv = copy_of(data + 3, priv_len);
    value = copy_of(data + 3 + priv_len, size - 3 - priv_len);
    check(algs[data[0] & 7], priv, priv_len, value, size - 3 - priv_len, data[0] & 8 ? 32 : 16);
    free(priv);
    free(value);
    return 0;
}
