/*
 * crypto/aes_ctr.c - AES-CTR by BearSSL's bitsliced implementation, which has no tables.
 *
 * The counter block is twelve zero bytes and the number of the block, big-endian: 2^32 blocks
 * are more than a 32-bit offset reaches.
 */
#include "crypto/enc.h"

#include <string.h>

#include <bearssl.h>

#include "crypto/ct.h"

#define BLOCK 16u

_Static_assert(sizeof(br_aes_ct_ctr_keys) <= sizeof(struct td_aes_ctr), "AES keys do not fit");
_Static_assert(_Alignof(br_aes_ct_ctr_keys) <= _Alignof(uint64_t), "AES keys want alignment");

static const uint8_t no_nonce[12];

static const br_aes_ct_ctr_keys *keys_of(const struct td_aes_ctr *ctr)
{
    return (const br_aes_ct_ctr_keys *)(const void *)ctr->state;
}

void td_aes_ctr_init(struct td_aes_ctr *ctr, const uint8_t *key, size_t key_len)
{
    br_aes_ct_ctr_init((br_aes_ct_ctr_keys *)(void *)ctr->state, key, key_len);
}

// The library begins at whole blocks: what stands in front of the next one is done by hand.
static size_t run_head(const struct td_aes_ctr *ctr, uint32_t off, uint8_t *bytes, size_t len)
{
    uint8_t block[BLOCK] = { 0 };
    size_t at = off % BLOCK;
    size_t n = at == 0 ? 0 : BLOCK - at;

    if (n > len)
        n = len;
    if (n == 0)
        return 0;
    br_aes_ct_ctr_run(keys_of(ctr), no_nonce, off / BLOCK, block, sizeof block);
    for (size_t i = 0; i < n; i++)
        bytes[i] ^= block[at + i];
    td_wipe(block, sizeof block);
    return n;
}

void td_aes_ctr_run(const struct td_aes_ctr *ctr, uint32_t off, uint8_t *bytes, size_t len)
{
    size_t head = run_head(ctr, off, bytes, len);

    if (len > head)
        br_aes_ct_ctr_run(keys_of(ctr), no_nonce, (off + (uint32_t)head) / BLOCK, bytes + head,
                          len - head);
}
