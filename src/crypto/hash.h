/*
 * crypto/hash.h - SHA-256, SHA-384 and SHA-512 (FIPS 180-4) as tables.
 *
 * The caller places the state, which holds no pointer into the heap: it may be copied to
 * fork a digest, and forgotten at any time. An algorithm that no table names is not linked.
 * Another library, or a hardware engine, is one more table.
 */
#ifndef TD_CRYPTO_HASH_H
#define TD_CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

#define TD_HASH_MAX 64 /* bytes of the longest digest */

enum td_hash_id {
    TD_HASH_SHA256 = 1,
    TD_HASH_SHA384 = 2,
    TD_HASH_SHA512 = 3,
};

struct td_hash_alg {
    enum td_hash_id id;
    const char *name; /* as imgtool spells it: "SHA256" */
    uint16_t tlv;     /* the image TLV that carries such a digest: 0x10, 0x11, 0x12 */
    uint8_t size;     /* bytes of the digest: 32, 48, 64 */
    void (*init)(uint64_t *state);
    void (*update)(uint64_t *state, const void *data, size_t len);
    void (*final)(uint64_t *state, uint8_t *digest);
};

struct td_hash {
    const struct td_hash_alg *alg;
    uint64_t state[26]; /* belongs to the algorithm */
};

extern const struct td_hash_alg td_sha256;
extern const struct td_hash_alg td_sha384;
extern const struct td_hash_alg td_sha512;

void td_hash_init(struct td_hash *hash, const struct td_hash_alg *alg);

/* Adds len bytes; data may be NULL when len is 0. Any number of calls. */
void td_hash_update(struct td_hash *hash, const void *data, size_t len);

/*
 * Writes alg->size bytes. The state stays as it was before, so that more data may be added
 * and a longer digest taken.
 */
void td_hash_final(struct td_hash *hash, uint8_t *digest);

/* init, update and final in one. */
void td_hash_of(const struct td_hash_alg *alg, const void *data, size_t len, uint8_t *digest);

#endif
