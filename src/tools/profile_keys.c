/* tools/profile_keys.c - the PEM files that a profile names, from disk or from the command itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "keys/keys.h"
#include "keys/wrap.h"
#include "tools/profile_priv.h"

static bool is_absolute(const char *path)
{
    return path[0] == '/';
}

/* path as it stands in the file r->file, seen from where the program runs. */
static void beside(const char *file, const char *path, char *out, size_t cap)
{
    const char *slash = strrchr(file, '/');

    if (is_absolute(path) || slash == NULL)
        (void)snprintf(out, cap, "%s", path);
    else
        (void)snprintf(out, cap, "%.*s%s", (int)(slash - file + 1), file, path);
}

const struct td_builtin_file *td_profile_builtin(const char *name)
{
    for (const struct td_builtin_file *f = td_builtin_files; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

static enum td_err load_key(const char *path, struct td_key **key)
{
    const size_t prefix = strlen(BUILTIN_PREFIX);
    const struct td_builtin_file *f;

    if (strncmp(path, BUILTIN_PREFIX, prefix) != 0)
        return td_key_load(path, NULL, key);
    f = td_profile_builtin(path + prefix);
    return f == NULL ? TD_ENOTFOUND : td_key_parse(f->bytes, f->len, path, NULL, key);
}

/* Adds one key; false with the reason as a sentence. */
bool td_profile_add_key(struct sim_profile *p, const char *path, const char **why)
{
    struct td_key *key;
    const struct td_sig_alg *alg;
    struct sim_key *slot = &p->boot.key[p->boot.n_keys];
    size_t len = 0;
    enum td_err err = load_key(path, &key);

    if (err == TD_OK) {
        alg = td_key_sig_alg(key);
        if (alg == NULL)
            err = TD_EUNSUPPORTED;
        else
            err = td_key_public_der(key, slot->der, sizeof slot->der, &len);
        td_key_free(key);
    }
    if (err != TD_OK) {
        *why = td_strerror(err);
        return false;
    }
    if (p->boot.n_keys > 0 && (alg->id != p->boot.sig || len != p->boot.key[0].len)) {
        *why = "it is of another type than the keys before it";
        return false;
    }
    slot->len = (uint16_t)len;
    p->boot.sig = alg->id;
    p->boot.pure = p->boot.pure && alg->id == TD_SIG_ED25519;
    p->boot.n_keys++;
    return true;
}

/* A path that a profile names; those of built-in profiles are in the command. */
static void path_of(const struct reading *r, const yaml_node_t *node, char *out, size_t cap)
{
    if (strncmp(r->file, BUILTIN_PREFIX, strlen(BUILTIN_PREFIX)) == 0)
        (void)snprintf(out, cap, BUILTIN_PREFIX "%s", td_profile_scalar(node));
    else
        beside(r->file, td_profile_scalar(node), out, cap);
}

static bool read_key(struct reading *r, yaml_node_t *node, size_t i, void *dst)
{
    char path[512];
    const char *why;

    (void)i;
    (void)dst;
    if (td_profile_scalar(node) == NULL)
        return td_profile_fail(r, node, "name a PEM file", "keys: a path is wanted");
    path_of(r, node, path, sizeof path);
    if (!td_profile_add_key(r->p, path, &why))
        return td_profile_fail(r, node, "keys are PEM files, relative to the profile", "key %s: %s",
                               path, why);
    return true;
}

bool td_profile_read_keys(struct reading *r, yaml_node_t *node, void *dst)
{
    enum td_sig_id wanted = r->p->boot.sig;
    bool ok = td_profile_list(r, node, "keys", SIM_KEYS_MAX, read_key, dst);

    if (r->sig_given && ok && r->p->boot.n_keys > 0 && r->p->boot.sig != wanted)
        return td_profile_fail(r, node, "leave signature out, or name keys of that type",
                               "keys: they are of another type than signature says");
    return ok;
}

/* X and Y of a P-256 key: the last 64 bytes of its SubjectPublicKeyInfo. */
static bool read_first_key(struct reading *r, yaml_node_t *node, size_t i, void *dst)
{
    struct sim_first_stage *first = dst;
    struct td_key *key;
    uint8_t der[TD_KEY_DER_MAX];
    char path[512];
    size_t len = 0;
    enum td_err err;

    if (td_profile_scalar(node) == NULL)
        return td_profile_fail(r, node, "name a PEM file", "keys: a path is wanted");
    path_of(r, node, path, sizeof path);
    err = load_key(path, &key);
    if (err == TD_OK) {
        err = td_key_type(key) == TD_KEY_ECDSA_P256 ? td_key_public_der(key, der, sizeof der, &len)
                                                    : TD_EKEYTYPE;
        td_key_free(key);
    }
    if (err != TD_OK)
        return td_profile_fail(r, node, "a first stage verifies with ecdsa-p256", "key %s: %s",
                               path, td_strerror(err));
    memcpy(first->key[i], der + len - sizeof first->key[i], sizeof first->key[i]);
    first->n_keys = (uint8_t)(i + 1);
    return true;
}

bool td_profile_read_first_keys(struct reading *r, yaml_node_t *node, void *dst)
{
    return td_profile_list(r, node, "keys", SIM_KEYS_MAX, read_first_key, dst);
}

/* How images are wrapped for a key of this type. */
static enum td_enc_id wrapping_of(enum td_key_type type)
{
    switch (type) {
    case TD_KEY_RSA_2048: return TD_ENC_RSA2048;
    case TD_KEY_ECDSA_P256: return TD_ENC_EC256;
    case TD_KEY_X25519: return TD_ENC_X25519;
    default: return TD_ENC_NONE;
    }
}

/* AES key wrap: the file is the key, of as many bytes as the images' keys have. */
static bool load_bare(const char *path, struct sim_secret *secret)
{
    FILE *in = fopen(path, "rb");
    size_t len = 0;

    if (in == NULL)
        return false;
    len = fread(secret->der, 1, 33, in);
    fclose(in);
    secret->kind = TD_ENC_KW;
    secret->len = (uint16_t)len;
    return len == 16 || len == 32;
}

bool td_profile_read_secret(struct reading *r, yaml_node_t *node, void *dst)
{
    struct sim_secret *secret = dst;
    struct td_key *key;
    char path[512];
    size_t len = 0;
    enum td_err err;

    if (td_profile_scalar(node) == NULL)
        return td_profile_fail(r, node, "name a PEM file", "encryption_key: a path is wanted");
    path_of(r, node, path, sizeof path);
    if (load_bare(path, secret))
        return true;
    err = load_key(path, &key);
    if (err == TD_OK) {
        secret->kind = wrapping_of(td_key_type(key));
        err = secret->kind == TD_ENC_NONE
                  ? TD_EKEYTYPE
                  : td_key_private_der(key, TD_PRIVATE_USUAL, false, secret->der,
                                       sizeof secret->der, &len);
        td_key_free(key);
    }
    if (err != TD_OK)
        return td_profile_fail(r, node, "a private key of type rsa-2048, ecdsa-p256 or x25519",
                               "encryption_key %s: %s", path, td_strerror(err));
    secret->len = (uint16_t)len;
    return true;
}
