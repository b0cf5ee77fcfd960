/*
 * crypto/hash.c - BearSSL's SHA-2 behind the house's tables.
 *
 * BearSSL's contexts live in td_hash.state; the assertions below keep them inside. Its "out"
 * functions leave the context untouched, which is what td_hash_final promises.
 */
#include "crypto/hash.h"

#include <bearssl.h>

#define STATE_SIZE sizeof(((struct td_hash *)0)->state)

_Static_assert(sizeof(br_sha256_context) <= STATE_SIZE, "SHA-256 state does not fit td_hash");
_Static_assert(sizeof(br_sha384_context) <= STATE_SIZE, "SHA-384 state does not fit td_hash");
_Static_assert(sizeof(br_sha512_context) <= STATE_SIZE, "SHA-512 state does not fit td_hash");
_Static_assert(_Alignof(br_sha512_context) <= _Alignof(uint64_t), "td_hash is not aligned enough");

static void sha256_init(uint64_t *state)
{
    br_sha256_init((br_sha256_context *)(void *)state);
}

static void sha256_update(uint64_t *state, const void *data, size_t len)
{
    br_sha256_update((br_sha256_context *)(void *)state, data, len);
}

static void sha256_final(uint64_t *state, uint8_t *digest)
{
    br_sha256_out((const br_sha256_context *)(const void *)state, digest);
}

static void sha384_init(uint64_t *state)
{
    br_sha384_init((br_sha384_context *)(void *)state);
}

static void sha384_update(uint64_t *state, const void *data, size_t len)
{
    br_sha384_update((br_sha384_context *)(void *)state, data, len);
}

static void sha384_final(uint64_t *state, uint8_t *digest)
{
    br_sha384_out((const br_sha384_context *)(const void *)state, digest);
}

static void sha512_init(uint64_t *state)
{
    br_sha512_init((br_sha512_context *)(void *)state);
}

static void sha512_update(uint64_t *state, const void *data, size_t len)
{
    br_sha512_update((br_sha512_context *)(void *)state, data, len);
}

static void sha512_final(uint64_t *state, uint8_t *digest)
{
    br_sha512_out((const br_sha512_context *)(const void *)state, digest);
}

const struct td_hash_alg td_sha256 = {
    .id = TD_HASH_SHA256,
    .name = "SHA256",
    .tlv = 0x10,
    .size = 32,
    .init = sha256_init,
    .update = sha256_update,
    .final = sha256_final,
};

const struct td_hash_alg td_sha384 = {
    .id = TD_HASH_SHA384,
    .name = "SHA384",
    .tlv = 0x11,
    .size = 48,
    .init = sha384_init,
    .update = sha384_update,
    .final = sha384_final,
};

const struct td_hash_alg td_sha512 = {
    .id = TD_HASH_SHA512,
    .name = "SHA512",
    .tlv = 0x12,
    .size = 64,
    .init = sha512_init,
    .update = sha512_update,
    .final = sha512_final,
};

void td_hash_init(struct td_hash *hash, const struct td_hash_alg *alg)
{
    hash->alg = alg;
    alg->init(hash->state);
}

void td_hash_update(struct td_hash *hash, const void *data, size_t len)
{
    if (len > 0)
        hash->alg->update(hash->state, data, len);
}

void td_hash_final(struct td_hash *hash, uint8_t *digest)
{
    hash->alg->final(hash->state, digest);
}

void td_hash_of(const struct td_hash_alg *alg, const void *data, size_t len, uint8_t *digest)
{
    struct td_hash hash;

    td_hash_init(&hash, alg);
    td_hash_update(&hash, data, len);
    td_hash_final(&hash, digest);
}
