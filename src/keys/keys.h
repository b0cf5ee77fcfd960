/*
 * keys/keys.h - host: keys in PEM files, made, read, and signed with. OpenSSL is named here only.
 *
 * A key is a handle on the heap; free it with td_key_free. Files may hold PKCS#8 (encrypted or
 * not), traditional or SubjectPublicKeyInfo PEM. Signatures and public keys come in the very
 * bytes that MCUboot embeds in an image.
 */
#ifndef TD_KEYS_KEYS_H
#define TD_KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "crypto/sig.h"

enum td_key_type {
    TD_KEY_RSA_2048,
    TD_KEY_RSA_3072,
    TD_KEY_ECDSA_P256,
    TD_KEY_ECDSA_P384,
    TD_KEY_ED25519,
    TD_KEY_X25519, /* for encryption, cannot sign */
};

struct td_key;

/*
 * Gives the passphrase for a file: writes at most cap bytes and returns how many, or -1 when
 * there is none to be had. Called only when the file turns out to be encrypted.
 */
struct td_passphrase {
    int (*get)(void *ctx, const char *path, char *buf, size_t cap);
    void *ctx;
};

#define TD_KEY_DER_MAX 512 /* the longest public key: 398 bytes for RSA-3072 */
#define TD_KEY_SIG_MAX 384

/*
 * Reads a private or public key. pass may be NULL: an encrypted file is then TD_EKEYLOCKED.
 *
 * TD_EKEYFILE: cannot be read (errno tells). TD_EKEYPEM: no PEM key in it. TD_EKEYLOCKED: is
 * encrypted and there is no passphrase. TD_EKEYPASS: the passphrase is wrong. TD_EKEYTYPE: a
 * kind or size of key that MCUboot does not know. *key is NULL after an error.
 */
enum td_err td_key_load(const char *path, const struct td_passphrase *pass, struct td_key **key);

/* The same from memory; name is what the passphrase's asker is told. */
enum td_err td_key_parse(const void *pem, size_t len, const char *name,
                         const struct td_passphrase *pass, struct td_key **key);

/* NULL is allowed. */
void td_key_free(struct td_key *key);

enum td_key_type td_key_type(const struct td_key *key);
bool td_key_is_private(const struct td_key *key);

/* "ecdsa-p256": what keygen's -t takes. td_key_type_of returns false for any other name. */
const char *td_key_type_name(enum td_key_type type);
bool td_key_type_of(const char *name, enum td_key_type *type);

/* How images signed with it are verified; NULL for X25519. */
const struct td_sig_alg *td_key_sig_alg(const struct td_key *key);

/* The public key as MCUboot embeds it (§ docs/spec/image.md). TD_ESPACE, TD_EKEYCRYPTO. */
enum td_err td_key_public_der(const struct td_key *key, uint8_t *out, size_t cap, size_t *len);

/*
 * Signs a digest the way MCUboot wants it: ECDSA over it (DER), RSA-PSS over it (salt 32),
 * Ed25519 with the digest as message. TD_EKEYPUBLIC: only the public half is here.
 * TD_EKEYTYPE: X25519, or a digest length that the algorithm does not take. TD_ESPACE,
 * TD_EKEYCRYPTO: OpenSSL failed.
 */
enum td_err td_key_sign(const struct td_key *key, const uint8_t *digest, size_t digest_len,
                        uint8_t *sig, size_t cap, size_t *len);

/* A new key pair. TD_EKEYCRYPTO. */
enum td_err td_key_generate(enum td_key_type type, struct td_key **key);

/*
 * The private key as PKCS#8 PEM, encrypted (PBES2, AES-256-CBC) when passphrase is not NULL;
 * or the public key as SubjectPublicKeyInfo PEM. The result is on the heap: free() it, and
 * wipe a private one before. TD_EKEYPUBLIC, TD_EKEYCRYPTO.
 */
enum td_err td_key_private_pem(const struct td_key *key, const char *passphrase, char **pem,
                               size_t *len);
enum td_err td_key_public_pem(const struct td_key *key, char **pem, size_t *len);

/*
 * The UUID that follows from a name in a name space (RFC 4122, version 5), as imgtool derives
 * vendor and class identifiers. It needs SHA-1, which no device does. false: OpenSSL failed.
 */
bool td_uuid5(const uint8_t space[16], const char *name, uint8_t out[16]);

#endif
