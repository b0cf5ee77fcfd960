/*
 * cmake/sodium_device.c - the functions of libsodium that Ed25519 verification calls and that
 * its own files define beside memory locking and random numbers, which a
 * microcontroller has not. Linked on devices only; the host has the whole library.
 */
#include "crypto_hash_sha512.h"
#include "utils.h"

#include "../src/crypto/ct.h"

void _crypto_sign_ed25519_ref10_hinit(crypto_hash_sha512_state *hs, int prehashed);

int sodium_memcmp(const void *const a, const void *const b, size_t len)
{
    return td_ct_equal(a, b, len) ? 0 : -1;
}

void sodium_memzero(void *const p, const size_t len)
{
    td_wipe(p, len);
}

int sodium_is_zero(const unsigned char *n, const size_t len)
{
    unsigned char any = 0;

    for (size_t i = 0; i < len; i++)
        any |= n[i];
    return any == 0;
}

/* Only PureEdDSA is reached: nothing stands in front of the message. */
void _crypto_sign_ed25519_ref10_hinit(crypto_hash_sha512_state *hs, int prehashed)
{
    (void)prehashed;
    crypto_hash_sha512_init(hs);
}
