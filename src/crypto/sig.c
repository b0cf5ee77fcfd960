/* crypto/sig.c - which algorithm a public key belongs to. */
#include "crypto/sig.h"

#include "crypto/der_priv.h"

enum td_err td_sig_alg_of_key(const uint8_t *key, size_t key_len, const struct td_sig_alg **alg)
{
    const uint8_t *inside;

    if (td_der_p256(key, key_len, &inside) == TD_OK)
        *alg = &td_sig_ecdsa_p256;
    else if (td_der_p384(key, key_len, &inside) == TD_OK)
        *alg = &td_sig_ecdsa_p384;
    else if (td_der_ed25519(key, key_len, &inside) == TD_OK)
        *alg = &td_sig_ed25519;
    else if (td_der_rsa(key, key_len, 256, &inside) == TD_OK)
        *alg = &td_sig_rsa2048_pss;
    else if (td_der_rsa(key, key_len, 384, &inside) == TD_OK)
        *alg = &td_sig_rsa3072_pss;
    else
        return TD_EKEY;
    return TD_OK;
}
