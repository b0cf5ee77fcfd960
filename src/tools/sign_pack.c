/*
 * tools/sign_pack.c - compression and encryption of an image's payload, as imgtool does both.
 *
 * The same program gives the same stream as imgtool's, because both ask liblzma for the same.
 */
#include <stdlib.h>
#include <string.h>

#include <lzma.h>

#include "base/range.h"
#include "tools/sign_priv.h"

#define DICT_SIZE 131072u

/* In front of the stream: the dictionary's size and lc 3, lp 1, pb 2, in LZMA2's and LZMA's code. */
static const uint8_t properties[2] = { 12 - 2, (2 * 5 + 1) * 9 + 3 };

/* ---- compression -------------------------------------------------------------------- */

static bool run_encoder(lzma_stream *strm, const uint8_t *in, uint32_t len)
{
    lzma_ret ret;

    strm->next_in = in;
    strm->avail_in = len;
    do
        ret = lzma_code(strm, LZMA_FINISH);
    while (ret == LZMA_OK && strm->avail_out > 0);
    return ret == LZMA_STREAM_END;
}

/* Whether len bytes become at most cap; then *out_len of them. */
static bool compress(const uint8_t *in, uint32_t len, bool thumb, uint8_t *out, uint32_t cap,
                     uint32_t *out_len)
{
    lzma_stream strm = LZMA_STREAM_INIT;
    lzma_options_lzma options;
    const lzma_filter filters[] = {
        { LZMA_FILTER_ARMTHUMB, NULL },
        { LZMA_FILTER_LZMA2, &options },
        { LZMA_VLI_UNKNOWN, NULL },
    };
    bool done;

    lzma_lzma_preset(&options, 9);
    options.dict_size = DICT_SIZE;
    options.lc = 3;
    options.lp = 1;
    options.pb = 2;
    strm.next_out = out;
    strm.avail_out = cap;
    done = lzma_raw_encoder(&strm, filters + (thumb ? 0 : 1)) == LZMA_OK &&
           run_encoder(&strm, in, len);
    *out_len = cap - (uint32_t)strm.avail_out;
    lzma_end(&strm);
    return done;
}

/* The image that the bootloader makes of the compressed one: its digest and its signature. */
static int remember_unpacked(struct signing *s, struct sign_unpacked *u)
{
    int exit = sign_hashed_part(s);

    if (exit == TD_EXIT_OK)
        exit = sign_seal(s);
    if (exit != TD_EXIT_OK)
        return exit;
    *u = (struct sign_unpacked){
        .is_known = true,
        .size = s->payload_end - s->o.header_size,
        .whole = s->b.len,
        .sig_len = s->sig_len,
    };
    memcpy(u->digest, s->digest, sizeof u->digest);
    memcpy(u->sig, s->sig, s->sig_len);
    return TD_EXIT_OK;
}

int sign_compress(struct signing *s)
{
    struct sign_unpacked u;
    uint8_t *payload = s->image + s->o.header_size;
    int exit = remember_unpacked(s, &u);
    // As imgtool counts: it shrinks when the stream and what tells of the other are smaller.
    uint32_t about = 4 + s->hash->size + (uint32_t)u.sig_len;
    uint8_t *packed;
    uint32_t len;

    if (exit != TD_EXIT_OK)
        return exit;
    packed = malloc(u.size);
    if (packed == NULL)
        return sign_fail(s, "memory", "there is not enough memory", NULL, NULL);
    if (u.size > about && compress(payload, u.size, s->o.compression == COMPRESSION_LZMA2_THUMB,
                                   packed, u.size - about - 1, &len)) {
        memcpy(payload, properties, sizeof properties);
        memcpy(payload + sizeof properties, packed, len);
        s->packed_size = (uint32_t)sizeof properties + len;
        s->payload_end = s->o.header_size + s->packed_size;
        s->unpacked = u;
        td_cli_note(s->cli, "Compressed: %u bytes of program are %u.", u.size, s->packed_size);
    } else {
        td_cli_note(s->cli, "Not compressed: the program does not become smaller.");
    }
    free(packed);
    return TD_EXIT_OK;
}

/* ---- encryption --------------------------------------------------------------------- */

int sign_choose_content_key(struct signing *s)
{
    size_t len = s->o.encrypt_bits / 8u;
    uint32_t padded = td_round_up(s->payload_end, SIGN_CIPHER_BLOCK);
    enum td_err err = td_key_random(s->content_key, len);

    if (err == TD_OK)
        err = td_key_wrap(s->recipient, s->o.hmac_bits, s->content_key, len, &s->wrapped);
    if (err != TD_OK)
        return sign_fail(s, td_errname(err), td_strerror(err), s->o.encrypt, NULL);
    memset(s->image + s->payload_end, 0, padded - s->payload_end);
    s->payload_end = padded;
    return TD_EXIT_OK;
}

int sign_encrypt(struct signing *s)
{
    enum td_err err = td_key_ctr(s->content_key, s->o.encrypt_bits / 8u,
                                 s->image + s->o.header_size, s->payload_end - s->o.header_size);

    return err == TD_OK ? TD_EXIT_OK : sign_fail(s, td_errname(err), td_strerror(err), NULL, NULL);
}
