/*
 * memo.h - real hashes, signatures and unwrapped keys, computed once for each content.
 *
 * A sweep boots hundreds of thousands of times and sees a few hundred different images in
 * flash. These tables look up what was read, by a fast 128-bit fingerprint of all of it, and
 * compute SHA-256, ECDSA and X25519 when it is new; one answer in a hundred, chosen at random, is
 * computed again all the same and has to be equal.
 */
#ifndef SWEEP_MEMO_H
#define SWEEP_MEMO_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/enc.h"
#include "crypto/hash.h"
#include "crypto/sig.h"

extern const struct td_hash_alg memo_sha256;
extern const struct td_sig_alg memo_ecdsa_p256;
extern const struct td_enc_alg memo_x25519;
extern const struct td_enc_alg memo_ec256;

struct memo_counts {
    uint64_t asked;
    uint64_t computed; /* new contents */
    uint64_t again;    /* known ones, computed again and found equal */
};
extern struct memo_counts memo_counts;

struct fingerprint {
    uint64_t a;
    uint64_t b;
};

struct fingerprint fingerprint_of(const void *data, size_t len, uint64_t seed);

#endif
