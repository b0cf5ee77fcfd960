/*
 * keys/keys.c - keys over OpenSSL 3.
 *
 * A handle exists only for a key that MCUboot knows: the kind is decided when it is read, so
 * that everything behind the door may rely on it.
 */
#include "keys/keys.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/range.h"
#include "keys/keys_priv.h"

#define KEY_FILE_MAX 65536
#define RSA_EXPONENT 65537u

static const struct {
    const char *name;
    const struct td_sig_alg *alg; /* NULL: cannot sign images that we could verify */
} kinds[] = {
    [TD_KEY_RSA_2048] = { "rsa-2048", &td_sig_rsa2048_pss },
    [TD_KEY_RSA_3072] = { "rsa-3072", &td_sig_rsa3072_pss },
    [TD_KEY_ECDSA_P256] = { "ecdsa-p256", &td_sig_ecdsa_p256 },
    [TD_KEY_ECDSA_P384] = { "ecdsa-p384", &td_sig_ecdsa_p384 },
    [TD_KEY_ED25519] = { "ed25519", &td_sig_ed25519 },
    [TD_KEY_X25519] = { "x25519", NULL },
};

const char *td_key_type_name(enum td_key_type type)
{
    return kinds[type].name;
}

bool td_key_type_of(const char *name, enum td_key_type *type)
{
    for (size_t i = 0; i < TD_N_OF(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *type = (enum td_key_type)i;
            return true;
        }
    }
    return false;
}

enum td_key_type td_key_type(const struct td_key *key)
{
    return key->type;
}

bool td_key_is_private(const struct td_key *key)
{
    return key->is_private;
}

const struct td_sig_alg *td_key_sig_alg(const struct td_key *key)
{
    return kinds[key->type].alg;
}

void td_key_free(struct td_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

static bool rsa_type(const EVP_PKEY *pkey, enum td_key_type *type)
{
    BIGNUM *e = NULL;
    bool usual =
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_word(e, RSA_EXPONENT);

    BN_free(e);
    *type = EVP_PKEY_get_bits(pkey) == 2048 ? TD_KEY_RSA_2048 : TD_KEY_RSA_3072;
    return usual && (EVP_PKEY_get_bits(pkey) == 2048 || EVP_PKEY_get_bits(pkey) == 3072);
}

static bool ec_type(const EVP_PKEY *pkey, enum td_key_type *type)
{
    char curve[64];
    size_t len;

    if (EVP_PKEY_get_group_name(pkey, curve, sizeof curve, &len) != 1)
        return false;
    *type = strcmp(curve, "prime256v1") == 0 ? TD_KEY_ECDSA_P256 : TD_KEY_ECDSA_P384;
    return strcmp(curve, "prime256v1") == 0 || strcmp(curve, "secp384r1") == 0;
}

static bool pkey_type(const EVP_PKEY *pkey, enum td_key_type *type)
{
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA: return rsa_type(pkey, type);
    case EVP_PKEY_EC: return ec_type(pkey, type);
    case EVP_PKEY_ED25519: *type = TD_KEY_ED25519; return true;
    case EVP_PKEY_X25519: *type = TD_KEY_X25519; return true;
    default: return false;
    }
}

/* Takes pkey over, also when it is refused. */
static enum td_err wrap(EVP_PKEY *pkey, bool is_private, struct td_key **key)
{
    enum td_key_type type;
    struct td_key *made;

    if (!pkey_type(pkey, &type)) {
        EVP_PKEY_free(pkey);
        return TD_EKEYTYPE;
    }
    // A point that was stored compressed is embedded uncompressed, as MCUboot has it.
    if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC)
        EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       "uncompressed");
    made = malloc(sizeof *made);
    if (made == NULL) {
        EVP_PKEY_free(pkey);
        return TD_EKEYCRYPTO;
    }
    *made = (struct td_key){ pkey, type, is_private };
    *key = made;
    return TD_OK;
}

/* What OpenSSL's passphrase callback is told, and what it found out. */
struct asking {
    const struct td_passphrase *pass;
    const char *path;
    bool asked;
    bool answered;
};

static int ask(char *buf, int cap, int writing, void *ctx)
{
    struct asking *asking = ctx;
    int len;

    (void)writing;
    // OpenSSL tries several decoders; a passphrase that failed one of them fails the next.
    if (asking->asked || asking->pass == NULL || cap <= 0) {
        asking->asked = true;
        return -1;
    }
    asking->asked = true;
    len = asking->pass->get(asking->pass->ctx, asking->path, buf, (size_t)cap);
    asking->answered = len >= 0;
    return len;
}

/* PKCS#1's own form of a public key, "BEGIN RSA PUBLIC KEY". */
static EVP_PKEY *read_rsa_public(BIO *bio)
{
    EVP_PKEY *pkey = NULL;
    unsigned char *der = NULL;
    long len = 0;

    if (PEM_bytes_read_bio(&der, &len, NULL, "RSA PUBLIC KEY", bio, NULL, NULL) == 1) {
        const unsigned char *at = der;

        pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, len);
        OPENSSL_free(der);
    }
    return pkey;
}

static enum td_err why_unreadable(const struct asking *asking)
{
    if (!asking->asked)
        return TD_EKEYPEM;
    return asking->answered ? TD_EKEYPASS : TD_EKEYLOCKED;
}

enum td_err td_key_parse(const void *pem, size_t len, const char *name,
                         const struct td_passphrase *pass, struct td_key **key)
{
    struct asking asking = { pass, name, false, false };
    bool is_private = true;
    enum td_err err;
    EVP_PKEY *pkey;
    BIO *bio;

    *key = NULL;
    if (len > INT_MAX)
        return TD_EKEYPEM;
    bio = BIO_new_mem_buf(pem, (int)len);
    if (bio == NULL)
        return TD_EKEYCRYPTO;
    pkey = PEM_read_bio_PrivateKey(bio, NULL, ask, &asking);
    if (pkey == NULL && !asking.asked) {
        is_private = false;
        (void)BIO_reset(bio);
        pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    }
    if (pkey == NULL && !asking.asked) {
        (void)BIO_reset(bio);
        pkey = read_rsa_public(bio);
    }
    err = pkey == NULL ? why_unreadable(&asking) : wrap(pkey, is_private, key);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

enum td_err td_key_load(const char *path, const struct td_passphrase *pass, struct td_key **key)
{
    enum td_err err = TD_EKEYFILE;
    char *pem;
    size_t len;
    FILE *in;

    *key = NULL;
    in = fopen(path, "rb");
    if (in == NULL)
        return TD_EKEYFILE;
    pem = malloc(KEY_FILE_MAX);
    if (pem == NULL) {
        fclose(in);
        return TD_EKEYCRYPTO;
    }
    errno = 0;
    len = fread(pem, 1, KEY_FILE_MAX, in);
    if (!ferror(in))
        err = td_key_parse(pem, len, path, pass, key);
    OPENSSL_cleanse(pem, KEY_FILE_MAX);
    free(pem);
    if (err == TD_EKEYFILE) {
        int why = errno;

        fclose(in);
        errno = why;
        return err;
    }
    fclose(in);
    return err;
}

enum td_err td_key_public_der(const struct td_key *key, uint8_t *out, size_t cap, size_t *len)
{
    bool rsa = key->type == TD_KEY_RSA_2048 || key->type == TD_KEY_RSA_3072;
    unsigned char *der = NULL;
    int size = rsa ? i2d_PublicKey(key->pkey, &der) : i2d_PUBKEY(key->pkey, &der);
    enum td_err err = TD_OK;

    ERR_clear_error();
    if (size <= 0)
        return TD_EKEYCRYPTO;
    *len = (size_t)size;
    if (*len > cap)
        err = TD_ESPACE;
    else
        memcpy(out, der, *len);
    OPENSSL_free(der);
    return err;
}

static bool set_pss(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) == 1;
}

static bool sign_digest(const struct td_key *key, const uint8_t *digest, size_t digest_len,
                        uint8_t *sig, size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
    bool done = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
                (EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC || set_pss(ctx)) &&
                EVP_PKEY_sign(ctx, sig, len, digest, digest_len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return done;
}

static bool sign_message(const struct td_key *key, const uint8_t *msg, size_t msg_len, uint8_t *sig,
                         size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                EVP_DigestSign(ctx, sig, len, msg, msg_len) == 1;

    EVP_MD_CTX_free(ctx);
    return done;
}

enum td_err td_key_sign(const struct td_key *key, const uint8_t *digest, size_t digest_len,
                        uint8_t *sig, size_t cap, size_t *len)
{
    bool done;

    if (td_key_sig_alg(key) == NULL)
        return TD_EKEYTYPE;
    if (key->type != TD_KEY_ED25519 && digest_len != (key->type == TD_KEY_ECDSA_P384 ? 48 : 32))
        return TD_EKEYTYPE;
    if (!key->is_private)
        return TD_EKEYPUBLIC;
    if (cap < (size_t)EVP_PKEY_get_size(key->pkey))
        return TD_ESPACE;
    *len = cap;
    done = key->type == TD_KEY_ED25519 ? sign_message(key, digest, digest_len, sig, len)
                                       : sign_digest(key, digest, digest_len, sig, len);
    ERR_clear_error();
    return done ? TD_OK : TD_EKEYCRYPTO;
}

static EVP_PKEY *generate(enum td_key_type type)
{
    switch (type) {
    case TD_KEY_RSA_2048: return EVP_RSA_gen(2048);
    case TD_KEY_RSA_3072: return EVP_RSA_gen(3072);
    case TD_KEY_ECDSA_P256: return EVP_EC_gen("P-256");
    case TD_KEY_ECDSA_P384: return EVP_EC_gen("P-384");
    case TD_KEY_ED25519: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case TD_KEY_X25519: return EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    }
    return NULL;
}

enum td_err td_key_generate(enum td_key_type type, struct td_key **key)
{
    EVP_PKEY *pkey = generate(type);

    *key = NULL;
    ERR_clear_error();
    return pkey == NULL ? TD_EKEYCRYPTO : wrap(pkey, true, key);
}

static enum td_err take_pem(BIO *bio, bool written, char **pem, size_t *len)
{
    enum td_err err = TD_EKEYCRYPTO;
    char *bytes;
    long size;

    *pem = NULL;
    if (written) {
        size = BIO_get_mem_data(bio, &bytes);
        *pem = malloc((size_t)size);
        if (*pem != NULL) {
            memcpy(*pem, bytes, (size_t)size);
            *len = (size_t)size;
            err = TD_OK;
        }
    }
    BIO_free(bio);
    ERR_clear_error();
    return err;
}

enum td_err td_key_private_pem(const struct td_key *key, const char *passphrase, char **pem,
                               size_t *len)
{
    const EVP_CIPHER *cipher = passphrase != NULL ? EVP_aes_256_cbc() : NULL;
    int pass_len = passphrase != NULL ? (int)strlen(passphrase) : 0;
    BIO *bio;

    *pem = NULL;
    if (!key->is_private)
        return TD_EKEYPUBLIC;
    bio = BIO_new(BIO_s_secmem());
    if (bio == NULL)
        return TD_EKEYCRYPTO;
    return take_pem(bio,
                    PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, cipher, passphrase, pass_len,
                                                  NULL, NULL) == 1,
                    pem, len);
}

enum td_err td_key_public_pem(const struct td_key *key, char **pem, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_mem());

    *pem = NULL;
    if (bio == NULL)
        return TD_EKEYCRYPTO;
    return take_pem(bio, PEM_write_bio_PUBKEY(bio, key->pkey) == 1, pem, len);
}

bool td_uuid5(const uint8_t space[16], const char *name, uint8_t out[16])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1 &&
                EVP_DigestUpdate(ctx, space, 16) == 1 &&
                EVP_DigestUpdate(ctx, name, strlen(name)) == 1 &&
                EVP_DigestFinal_ex(ctx, digest, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    if (!done)
        return false;
    memcpy(out, digest, 16);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x50); // version 5
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80); // the variant of RFC 4122
    return true;
}
