/*
 * image/hash_alg.c - from a hash TLV's type to its algorithm.
 *
 * Alone in its file: it names every algorithm, and only the host and tests want that.
 */
#include "image/image.h"

#include "base/range.h"

const struct td_hash_alg *td_image_hash_alg(uint16_t tlv_type)
{
    static const struct td_hash_alg *const algs[] = { &td_sha256, &td_sha384, &td_sha512 };

    for (size_t i = 0; i < TD_N_OF(algs); i++)
        if (algs[i]->tlv == tlv_type)
            return algs[i];
    return NULL;
}
