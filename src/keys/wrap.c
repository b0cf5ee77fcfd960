/*
 * keys/wrap.c - RSAES-OAEP and ECIES over OpenSSL 3, as MCUboot wants them.
 *
 * ECIES: a key pair for this once, a shared secret, HKDF of it gives an AES key and a MAC key;
 * the image's key is encrypted with the one, and the result authenticated with the other.
 */
#include "keys/wrap.h"

#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "keys/keys_priv.h"

/* Numbers of the image format, which this room does not know otherwise. */
enum {
    TLV_RSA2048 = 0x30,
    TLV_EC256 = 0x32,
    TLV_X25519 = 0x33,
    TLV_X25519_SHA512 = 0x34,
};

#define SECRET_LEN 32 /* of either curve */
#define MAC_MAX    64
#define AES_MAX    32

bool td_key_wraps(const struct td_key *key)
{
    return key->type == TD_KEY_RSA_2048 || key->type == TD_KEY_ECDSA_P256 ||
           key->type == TD_KEY_X25519;
}

static bool wrap_rsa(EVP_PKEY *pkey, const uint8_t *key, size_t key_len, struct td_wrapped *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    bool done = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
                EVP_PKEY_encrypt(ctx, out->value, &out->len, key, key_len) == 1;

    EVP_PKEY_CTX_free(ctx);
    out->tlv = TLV_RSA2048;
    return done;
}

static bool agree(EVP_PKEY *mine, EVP_PKEY *theirs, uint8_t secret[SECRET_LEN])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(mine, NULL);
    size_t len = SECRET_LEN;
    bool done = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
                EVP_PKEY_derive_set_peer(ctx, theirs) == 1 &&
                EVP_PKEY_derive(ctx, secret, &len) == 1 && len == SECRET_LEN;

    EVP_PKEY_CTX_free(ctx);
    return done;
}

static bool expand(uint8_t secret[SECRET_LEN], const char *hash, uint8_t *out, size_t len)
{
    static char info[] = "MCUBoot_ECIES_v1";
    char name[16];
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[4];
    bool done;

    strcpy(name, hash);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, SECRET_LEN);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info - 1);
    params[3] = OSSL_PARAM_construct_end();
    done = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return done;
}

/* Ephemeral public key, MAC, wrapped key: in this order. */
static bool wrap_ecies(const struct td_key *recipient, unsigned hmac_bits, const uint8_t *key,
                       size_t key_len, struct td_wrapped *out)
{
    bool p256 = recipient->type == TD_KEY_ECDSA_P256;
    EVP_PKEY *once = p256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    size_t mac_len = hmac_bits / 8;
    uint8_t secret[SECRET_LEN], keys[AES_MAX + MAC_MAX];
    unsigned char *point = NULL;
    size_t point_len = once != NULL ? EVP_PKEY_get1_encoded_public_key(once, &point) : 0;
    bool done = point_len > 0 && point_len + mac_len + key_len <= sizeof out->value &&
                agree(once, recipient->pkey, secret) &&
                expand(secret, hmac_bits == 512 ? "SHA512" : "SHA256", keys, key_len + mac_len);

    if (done) {
        uint8_t *mac = out->value + point_len;
        uint8_t *wrapped = mac + mac_len;

        memcpy(out->value, point, point_len);
        memcpy(wrapped, key, key_len);
        done = td_key_ctr(keys, key_len, wrapped, key_len) == TD_OK &&
               HMAC(hmac_bits == 512 ? EVP_sha512() : EVP_sha256(), keys + key_len, (int)mac_len,
                    wrapped, key_len, mac, NULL) != NULL;
        out->len = point_len + mac_len + key_len;
    }
    out->tlv = p256 ? TLV_EC256 : hmac_bits == 512 ? TLV_X25519_SHA512 : TLV_X25519;
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(keys, sizeof keys);
    OPENSSL_free(point);
    EVP_PKEY_free(once);
    return done;
}

enum td_err td_key_wrap(const struct td_key *recipient, unsigned hmac_bits, const uint8_t *key,
                        size_t key_len, struct td_wrapped *out)
{
    bool done;

    *out = (struct td_wrapped){ .len = sizeof out->value };
    if (!td_key_wraps(recipient) || (hmac_bits == 512 && recipient->type != TD_KEY_X25519))
        return TD_EKEYTYPE;
    done = recipient->type == TD_KEY_RSA_2048 ? wrap_rsa(recipient->pkey, key, key_len, out)
                                              : wrap_ecies(recipient, hmac_bits, key, key_len, out);
    ERR_clear_error();
    return done ? TD_OK : TD_EKEYCRYPTO;
}

enum td_err td_key_random(uint8_t *out, size_t len)
{
    return len <= INT_MAX && RAND_bytes(out, (int)len) == 1 ? TD_OK : TD_EKEYCRYPTO;
}

enum td_err td_key_ctr(const uint8_t *key, size_t key_len, uint8_t *bytes, size_t len)
{
    static const uint8_t zero[16];
    const EVP_CIPHER *cipher = key_len == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;
    bool done = len <= INT_MAX && ctx != NULL &&
                EVP_EncryptInit_ex(ctx, cipher, NULL, key, zero) == 1 &&
                EVP_EncryptUpdate(ctx, bytes, &n, bytes, (int)len) == 1;

    EVP_CIPHER_CTX_free(ctx);
    ERR_clear_error();
    return done ? TD_OK : TD_EKEYCRYPTO;
}
