/*
 * patch/lzma2.h - what the LZMA2 decoder needs of memory while it decodes.
 *
 * 29 KB, nearly all of it the probabilities of lc + lp = 4, which is the most that LZMA2 has and
 * what imgtool's streams use. The history, which may be 128 KB and more, is not here: it is read
 * back from the sink.
 *
 * Sources: the LZMA specification (Igor Pavlov, public domain) for the range coder and the symbols,
 * liblzma for LZMA2's chunks, whose verdict on a stream is ours (patch/lzma2_fuzz.c compares them).
 */
#ifndef TD_PATCH_LZMA2_H
#define TD_PATCH_LZMA2_H

#include "patch/patch.h"

#define TD_LZMA2_STATES       12
#define TD_LZMA2_POS_STATES   16 /* 1 << pb, which is 4 at most */
#define TD_LZMA2_LITERAL_BITS 4  /* lc + lp */
#define TD_LZMA2_WINDOW       1024
#define TD_LZMA2_INPUT        256

struct td_lzma2_lengths {
    uint16_t choice, choice2;
    uint16_t low[TD_LZMA2_POS_STATES][8];
    uint16_t mid[TD_LZMA2_POS_STATES][8];
    uint16_t high[256];
};

/* Fields are the decoder's own; nothing of value remains afterwards. */
struct td_lzma2_work {
    const struct td_source *src;
    const struct td_patch_sink *sink;
    enum td_err err; /* the first one */
    bool thumb;
    /* Input. */
    uint32_t in_off, in_end; /* what was not yet read into in */
    uint32_t in_at, in_len;  /* of in */
    uint8_t in[TD_LZMA2_INPUT];
    /* Output: all before flushed is in the sink, the rest in window, as it was before the filter. */
    uint32_t out_len;
    uint32_t total;
    uint32_t flushed;
    uint32_t dict_size;
    uint32_t dict_start; /* total when the dictionary was reset */
    uint8_t window[TD_LZMA2_WINDOW];
    /* A chunk. */
    uint32_t chunk_in, chunk_out; /* bytes left */
    uint32_t range, code;
    /* The coder. */
    uint8_t lc, lp, pb;
    uint32_t state;
    uint32_t rep[4];
    uint16_t is_match[TD_LZMA2_STATES][TD_LZMA2_POS_STATES];
    uint16_t is_rep[TD_LZMA2_STATES];
    uint16_t is_rep_g0[TD_LZMA2_STATES];
    uint16_t is_rep_g1[TD_LZMA2_STATES];
    uint16_t is_rep_g2[TD_LZMA2_STATES];
    uint16_t is_rep0_long[TD_LZMA2_STATES][TD_LZMA2_POS_STATES];
    uint16_t slot[4][64];
    uint16_t special[115];
    uint16_t align[16];
    struct td_lzma2_lengths match_len, rep_len;
    uint16_t literal[0x300u << TD_LZMA2_LITERAL_BITS];
};

#endif
