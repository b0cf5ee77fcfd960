/* crypto/mgf1.c - the mask of RSA's paddings. */
#include "crypto/mgf1_priv.h"

#include "base/bytes.h"
#include "crypto/ct.h"
#include "crypto/hash.h"

#define HASH_SIZE 32u

void td_mgf1_xor(uint8_t *data, size_t len, const uint8_t *seed, size_t seed_len)
{
    uint8_t mask[HASH_SIZE];
    uint8_t counter[4];
    struct td_hash hash;

    for (size_t i = 0; i < len; i++) {
        if (i % HASH_SIZE == 0) {
            td_store_be32(counter, (uint32_t)(i / HASH_SIZE));
            td_hash_init(&hash, &td_sha256);
            td_hash_update(&hash, seed, seed_len);
            td_hash_update(&hash, counter, sizeof(counter));
            td_hash_final(&hash, mask);
        }
        data[i] ^= mask[i % HASH_SIZE];
    }
    td_wipe(mask, sizeof(mask));
    td_wipe(&hash, sizeof(hash));
}

unsigned char *td_bear_bytes(const uint8_t *bytes)
{
    union {
        const uint8_t *in;
        unsigned char *out;
    } pointer = { bytes };

    return pointer.out;
}
