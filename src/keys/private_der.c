/*
 * keys/private_der.c - private keys in the forms that bootloaders read.
 *
 * The short forms are cut out of the long ones, as imgtool cuts them: RSA's keeps the five numbers
 * that all follow from, EC's loses the public point.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/range.h"
#include "keys/keys_priv.h"
#include "keys/wrap.h"

static enum td_err encode(const struct td_key *key, bool pkcs8, uint8_t *out, size_t cap,
                          size_t *len)
{
    PKCS8_PRIV_KEY_INFO *info = pkcs8 ? EVP_PKEY2PKCS8(key->pkey) : NULL;
    unsigned char *der = NULL;
    int size = pkcs8 ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : i2d_PrivateKey(key->pkey, &der);
    enum td_err err = size > 0 ? TD_OK : TD_EKEYCRYPTO;

    if (err == TD_OK && (size_t)size > cap)
        err = TD_ESPACE;
    if (err == TD_OK) {
        memcpy(out, der, (size_t)size);
        *len = (size_t)size;
    }
    if (size > 0)
        OPENSSL_clear_free(der, (size_t)size);
    PKCS8_PRIV_KEY_INFO_free(info);
    ERR_clear_error();
    return err;
}

/* The bytes of the DER value at der, header included; OpenSSL wrote it, lengths are sound. */
static size_t der_size(const uint8_t *der)
{
    size_t n = der[1] & 0x7fu, size = 0;

    if (der[1] < 0x80)
        return 2u + der[1];
    for (size_t i = 0; i < n; i++)
        size = size << 8 | der[2 + i];
    return 2 + n + size;
}

/* SEQUENCE of version, n, e, d, p, q and three more: the three go. */
static void shorten_rsa(uint8_t *der, size_t *len)
{
    size_t at = 4;

    for (int i = 0; i < 6; i++)
        at += der_size(der + at);
    der[2] = (uint8_t)((at - 4) >> 8);
    der[3] = (uint8_t)(at - 4);
    *len = at;
}

/* P-256 in front of and behind the scalar, which has 32 bytes in either form. */
static const uint8_t p256_pkcs8[] = { 0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07,
                                      0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
                                      0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04,
                                      0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20 };
static const uint8_t p256_sec1[] = { 0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20 };
static const uint8_t p256_sec1_end[] = { 0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                         0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

static void shorten_p256(bool pkcs8, uint8_t *der, size_t *len)
{
    uint8_t scalar[32];

    memcpy(scalar, der + (pkcs8 ? 36 : 7), sizeof scalar);
    if (pkcs8) {
        memcpy(der, p256_pkcs8, sizeof p256_pkcs8);
        memcpy(der + sizeof p256_pkcs8, scalar, sizeof scalar);
        *len = sizeof p256_pkcs8 + sizeof scalar;
    } else {
        memcpy(der, p256_sec1, sizeof p256_sec1);
        memcpy(der + sizeof p256_sec1, scalar, sizeof scalar);
        memcpy(der + sizeof p256_sec1 + sizeof scalar, p256_sec1_end, sizeof p256_sec1_end);
        *len = sizeof p256_sec1 + sizeof scalar + sizeof p256_sec1_end;
    }
    OPENSSL_cleanse(scalar, sizeof scalar);
}

enum td_err td_key_private_der(const struct td_key *key, enum td_private_form form, bool minimal,
                               uint8_t *out, size_t cap, size_t *len)
{
    bool rsa = key->type == TD_KEY_RSA_2048 || key->type == TD_KEY_RSA_3072;
    bool pkcs8 = form == TD_PRIVATE_PKCS8 || (form == TD_PRIVATE_USUAL && !rsa);
    enum td_err err;

    if (!key->is_private)
        return TD_EKEYPUBLIC;
    if (key->type == TD_KEY_ED25519 || (rsa && pkcs8) || (key->type == TD_KEY_X25519 && !pkcs8) ||
        (key->type == TD_KEY_ECDSA_P384 && minimal))
        return TD_EKEYTYPE;
    err = encode(key, pkcs8, out, cap, len);
    if (err == TD_OK && minimal && rsa)
        shorten_rsa(out, len);
    if (err == TD_OK && minimal && key->type == TD_KEY_ECDSA_P256)
        shorten_p256(pkcs8, out, len);
    return err;
}
