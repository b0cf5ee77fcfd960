/*
 * tools/sign_seal.c - the keys of an image: the one that signs it, and the one it is encrypted for.
 */
#include <string.h>

#include "base/base64.h"
#include "tools/sign_priv.h"

/* ---- keys and hash ------------------------------------------------------------------ */

static int open_key(struct signing *s)
{
    const char *path = s->o.key != NULL ? s->o.key : s->o.fix_sig_pubkey;
    enum td_err err;
    int exit;

    if (path == NULL)
        return TD_EXIT_OK;
    exit = td_key_open(s->cli, path, s->o.passphrase_file, &s->key);
    if (exit != TD_EXIT_OK)
        return exit;
    if (td_key_sig_alg(s->key) == NULL)
        return sign_fail(s, "key-cannot-sign", "an x25519 key encrypts, and cannot sign", path,
                         "use an ecdsa-p256, ecdsa-p384, ed25519, rsa-2048 or rsa-3072 key");
    if (s->o.key != NULL && !td_key_is_private(s->key))
        return sign_fail(s, td_errname(TD_EKEYPUBLIC), td_strerror(TD_EKEYPUBLIC), path,
                         "sign with the private key; --fix-sig takes a signature made elsewhere");
    err = td_key_public_der(s->key, s->der, sizeof s->der, &s->der_len);
    return err == TD_OK ? TD_EXIT_OK : sign_fail(s, td_errname(err), td_strerror(err), path, NULL);
}

/* Whom the image is encrypted for: their public key is enough. */
static int open_recipient(struct signing *s)
{
    const char *path = s->o.encrypt;
    int exit;

    if (path == NULL)
        return TD_EXIT_OK;
    exit = td_key_open(s->cli, path, s->o.passphrase_file, &s->recipient);
    if (exit != TD_EXIT_OK)
        return exit;
    // imgtool takes these, and makes images that nothing can ever open.
    if (!td_key_wraps(s->recipient))
        return sign_fail(s, "key-cannot-encrypt",
                         "no bootloader opens images with this kind of key", path,
                         "encrypt for an ecdsa-p256, x25519 or rsa-2048 key");
    if (s->o.hmac_bits == 512 && td_key_type(s->recipient) != TD_KEY_X25519)
        return td_cli_usage(s->cli, "--hmac-sha 512 wants an x25519 key: -E");
    return TD_EXIT_OK;
}

int sign_open_keys(struct signing *s)
{
    int exit = open_key(s);

    return exit == TD_EXIT_OK ? open_recipient(s) : exit;
}

int sign_choose_hash(struct signing *s)
{
    bool ed25519 = s->key != NULL && td_key_type(s->key) == TD_KEY_ED25519;
    bool p384 = s->key != NULL && td_key_type(s->key) == TD_KEY_ECDSA_P384;
    uint16_t usual = p384 ? 384 : 256;
    uint16_t bits = s->o.sha != 0 ? s->o.sha : usual;

    if (s->o.pure) {
        if (!ed25519)
            return td_cli_usage(s->cli, "--pure wants an ed25519 key: -k");
        bits = 512;
    }
    if (s->key != NULL && bits != usual && !(ed25519 && bits == 512))
        return td_cli_usagef(s->cli, "a %s key does not go with --sha %u",
                             td_key_type_name(td_key_type(s->key)), bits);
    s->hash = bits == 256 ? &td_sha256 : bits == 384 ? &td_sha384 : &td_sha512;
    return TD_EXIT_OK;
}

/* ---- signature ---------------------------------------------------------------------- */

static int read_fixed_signature(struct signing *s)
{
    struct td_disk_file file;
    int exit = td_file_read(s->cli, s->o.fix_sig, &file);

    if (exit != TD_EXIT_OK)
        return exit;
    if (!td_base64_decode((const char *)file.bytes, file.size, s->sig, sizeof s->sig, &s->sig_len))
        exit = sign_fail(s, "bad-base64", "the signature is not base64", s->o.fix_sig,
                         "it is one line, as --sig-out writes it");
    td_file_free(&file);
    return exit;
}

static const uint8_t *signed_bytes(const struct signing *s, size_t *len)
{
    *len = s->o.pure ? s->hashed : s->hash->size;
    return s->o.pure ? s->image : s->digest;
}

/* imgtool's, which for P-384 is one byte short of the longest. */
static size_t padded_size(enum td_key_type type)
{
    return type == TD_KEY_ECDSA_P256 ? 72 : type == TD_KEY_ECDSA_P384 ? 103 : 0;
}

static int make_signature(struct signing *s)
{
    const uint8_t *msg;
    size_t msg_len;
    enum td_err err;

    if (s->o.fix_sig != NULL)
        return read_fixed_signature(s);
    msg = signed_bytes(s, &msg_len);
    err = td_key_sign(s->key, msg, msg_len, s->sig, sizeof s->sig, &s->sig_len);
    if (err != TD_OK)
        return sign_fail(s, td_errname(err), td_strerror(err), s->o.key, NULL);
    // For bootloaders that want each ECDSA signature to have the same length.
    while (s->o.pad_sig && s->sig_len < padded_size(td_key_type(s->key)))
        s->sig[s->sig_len++] = 0;
    return TD_EXIT_OK;
}

/* A key that signs what it does not verify would brick a product: look before writing. */
static int check_signature(struct signing *s)
{
    const struct td_sig_alg *alg = td_key_sig_alg(s->key);
    size_t msg_len;
    const uint8_t *msg = signed_bytes(s, &msg_len);
    enum td_err err = alg->verify(s->der, s->der_len, msg, msg_len, s->sig, s->sig_len);

    if (err == TD_OK)
        return TD_EXIT_OK;
    return td_cli_fail(s->cli, TD_EXIT_REFUSED, td_errname(err),
                       "the signature does not verify for this image",
                       s->o.fix_sig != NULL ? s->o.fix_sig : s->o.key,
                       s->o.fix_sig != NULL ? "sign the bytes that --vector-to-sign gives for the "
                                              "same options"
                                            : NULL);
}

int sign_seal(struct signing *s)
{
    static const uint8_t one = 1;
    uint8_t name[TD_HASH_MAX];
    int exit;

    td_build_area(&s->b, TD_TLV_MAGIC);
    td_build_tlv(&s->b, s->hash->tlv, s->digest, s->hash->size);
    if (s->o.pure)
        td_build_tlv(&s->b, TD_TLV_SIG_PURE, &one, 1);
    if (s->key != NULL) {
        exit = make_signature(s);
        if (exit == TD_EXIT_OK)
            exit = check_signature(s);
        if (exit != TD_EXIT_OK)
            return exit;
        td_hash_of(s->hash, s->der, s->der_len, name);
        if (s->o.full_key)
            td_build_tlv(&s->b, TD_TLV_PUBKEY, s->der, s->der_len);
        else
            td_build_tlv(&s->b, TD_TLV_KEYHASH, name, s->hash->size);
        td_build_tlv(&s->b, td_key_sig_alg(s->key)->tlv, s->sig, s->sig_len);
    }
    if (s->wrapped.tlv != 0)
        td_build_tlv(&s->b, s->wrapped.tlv, s->wrapped.value, s->wrapped.len);
    td_build_close(&s->b);
    return s->b.err == TD_OK
               ? TD_EXIT_OK
               : sign_fail(s, td_errname(s->b.err), td_strerror(s->b.err), NULL, NULL);
}
