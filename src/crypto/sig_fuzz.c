/*
 * crypto/sig_fuzz.c - hostile keys and signatures into every algorithm.
 *
 * The first byte chooses the table; as many bytes as its keys have are the key, the rest is
 * the signature. The corpus holds a good pair of each kind, over a digest of zeros.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/der_priv.h"
#include "crypto/sig.h"

/* A copy of exactly this length, so that a byte read too many is seen. */
static uint8_t *copy_of(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, data, len);
    return copy;
}

/* A signature that the reader accepts is the shortest spelling of its two numbers. */
static void check_ecdsa_reader(const uint8_t *sig, size_t len, size_t size)
{
    uint8_t rs[96];
    uint8_t again[104] = { 0x30, 0 };
    size_t at = 2;

    if (td_der_ecdsa(sig, len, size, rs) != TD_OK)
        return;
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *number = rs + size * i;
        size_t skip = 0;

        while (skip < size - 1 && number[skip] == 0)
            skip++;
        again[at++] = 0x02;
        again[at++] = (uint8_t)(size - skip + (number[skip] >> 7));
        if (number[skip] >> 7 != 0)
            again[at++] = 0;
        memcpy(again + at, number + skip, size - skip);
        at += size - skip;
    }
    again[1] = (uint8_t)(at - 2);
    if (at > len || memcmp(again, sig, at) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct td_sig_alg *const algs[] = {
        &td_sig_ecdsa_p256,      &td_sig_ed25519,        &td_sig_rsa2048_pss,
        &td_sig_rsa3072_pss,     &td_sig_ecdsa_p256_m15, &td_sig_rsa2048_pss_i15,
        &td_sig_rsa3072_pss_i15, &td_sig_ecdsa_p384,
    };
    const struct td_sig_alg *alg;
    const struct td_sig_alg *found;
    uint8_t digest[32] = { 0 };
    uint8_t *key;
    uint8_t *sig;
    size_t key_len;

    if (size < 1)
        return 0;
    alg = algs[data[0] & 7];
    data++;
    size--;
    key_len = size < alg->key_size ? size : alg->key_size;
    key = copy_of(data, key_len);
    sig = copy_of(data + key_len, size - key_len);
    check_ecdsa_reader(sig, size - key_len, 32);
    check_ecdsa_reader(sig, size - key_len, 48);
    if (alg->verify(key, key_len, digest, sizeof(digest), sig, size - key_len) == TD_OK) {
        // Whoever verifies has a key that its own shape names.
        if (td_sig_alg_of_key(key, key_len, &found) != TD_OK || found->tlv != alg->tlv)
            abort();
    }
    free(key);
    free(sig);
    return 0;
}
