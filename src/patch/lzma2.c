/*
 * patch/lzma2.c - LZMA2, with its history in the sink.
 *
 * 1. All before `flushed` is in the sink and nowhere else; the rest is in the window. Where the
 *    Thumb filter is in use, the sink has the program and the window what the filter made of it:
 *    what is read back is filtered again, for which `flushed` never cuts a pair in two.
 * 2. The first error stays. A decoder in error goes on with zeros until its loops look, each of
 *    which ends because a chunk's bytes are counted down in front of it.
 */
#include "patch/lzma2.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "patch/thumb_priv.h"

#define PROB_BITS     11
#define PROB_HALF     (1u << (PROB_BITS - 1))
#define PROB_MOVE     5
#define RANGE_TOP     (1u << 24)
#define MATCH_MIN     2
#define DICT_PROP_MAX 40
#define HISTORY_STEP  64 /* bytes of history that are read at once */

static void fail(struct td_lzma2_work *w, enum td_err err)
{
    if (w->err == TD_OK)
        w->err = err;
}

/* ---- input -------------------------------------------------------------------------- */

static uint8_t next_byte(struct td_lzma2_work *w)
{
    if (w->in_at == w->in_len) {
        uint32_t len = td_min_u32(w->in_end - w->in_off, sizeof w->in);
        enum td_err err = len > 0 ? td_source_read(w->src, w->in_off, w->in, len) : TD_ETRUNC;

        if (err != TD_OK) {
            fail(w, err);
            return 0;
        }
        w->in_off += len;
        w->in_len = len;
        w->in_at = 0;
    }
    return w->in[w->in_at++];
}

static uint32_t next_be16(struct td_lzma2_work *w)
{
    uint32_t high = next_byte(w);

    return high << 8 | next_byte(w);
}

static uint8_t chunk_byte(struct td_lzma2_work *w)
{
    if (w->chunk_in == 0) {
        fail(w, TD_EPATCH);
        return 0;
    }
    w->chunk_in--;
    return next_byte(w);
}

/* ---- output and history ------------------------------------------------------------- */

/* How much of the window may go; at the end all of it. */
static uint32_t uncut(const struct td_lzma2_work *w, uint32_t len, bool last)
{
    if (!w->thumb || last)
        return len;
    len &= ~1u;
    return len >= 2 && td_thumb_is_first(w->window + len - 2) ? len - 2 : len;
}

static void flush(struct td_lzma2_work *w, bool last)
{
    uint32_t held = w->total - w->flushed;
    uint32_t len = uncut(w, held, last);

    if (w->thumb)
        td_thumb_undo(w->window, len, w->flushed);
    if (len > 0 && w->err == TD_OK)
        fail(w, w->sink->write(w->sink->ctx, w->flushed, w->window, len));
    memmove(w->window, w->window + len, held - len);
    w->flushed += len;
}

static void put(struct td_lzma2_work *w, uint8_t byte)
{
    if (w->total - w->flushed == sizeof w->window)
        flush(w, false);
    w->window[w->total++ - w->flushed] = byte;
    w->chunk_out--;
}

/* len bytes from pos on, which lie in the sink, as they were when the coder made them. */
static void read_history(struct td_lzma2_work *w, uint32_t pos, uint8_t *out, uint32_t len)
{
    uint8_t raw[HISTORY_STEP + 8];
    uint32_t even = pos & ~1u;
    uint32_t from = w->thumb ? even - td_min_u32(even, 2) : pos;
    uint32_t to = w->thumb ? td_min_u32(td_round_up(pos + len, 2) + 2, w->flushed) : pos + len;

    memset(raw, 0, sizeof raw);
    if (w->err == TD_OK)
        fail(w, w->sink->read(w->sink->ctx, from, raw, to - from));
    if (w->thumb)
        td_thumb_redo(raw, to - from, from);
    memcpy(out, raw + (pos - from), len);
}

static bool is_in_dict(const struct td_lzma2_work *w, uint32_t distance)
{
    return distance < w->total - w->dict_start && distance < w->dict_size;
}

/* The byte that was put distance + 1 bytes ago. */
static uint8_t byte_at(struct td_lzma2_work *w, uint32_t distance)
{
    uint32_t pos = w->total - 1 - distance;
    uint8_t byte;

    if (pos >= w->flushed)
        return w->window[pos - w->flushed];
    read_history(w, pos, &byte, 1);
    return byte;
}

static void copy_match(struct td_lzma2_work *w, uint32_t distance, uint32_t len)
{
    uint8_t step[HISTORY_STEP];

    if (!is_in_dict(w, distance) || len > w->chunk_out) {
        fail(w, TD_EPATCH);
        return;
    }
    while (len > 0 && w->err == TD_OK) {
        uint32_t pos = w->total - 1 - distance;
        uint32_t n = 1;

        if (pos >= w->flushed) {
            step[0] = w->window[pos - w->flushed];
        } else {
            n = td_min_u32(td_min_u32(len, w->flushed - pos), sizeof step);
            read_history(w, pos, step, n);
        }
        for (uint32_t i = 0; i < n; i++)
            put(w, step[i]);
        len -= n;
    }
}

/* ---- range decoder ------------------------------------------------------------------ */

static void range_begin(struct td_lzma2_work *w)
{
    if (chunk_byte(w) != 0)
        fail(w, TD_EPATCH);
    w->range = UINT32_MAX;
    w->code = 0;
    for (int i = 0; i < 4; i++)
        w->code = w->code << 8 | chunk_byte(w);
}

static void normalize(struct td_lzma2_work *w)
{
    if (w->range < RANGE_TOP) {
        w->range <<= 8;
        w->code = w->code << 8 | chunk_byte(w);
    }
}

static uint32_t bit(struct td_lzma2_work *w, uint16_t *prob)
{
    uint32_t bound;

    normalize(w);
    bound = (w->range >> PROB_BITS) * *prob;
    if (w->code < bound) {
        w->range = bound;
        *prob = (uint16_t)(*prob + (((1u << PROB_BITS) - *prob) >> PROB_MOVE));
        return 0;
    }
    w->range -= bound;
    w->code -= bound;
    *prob = (uint16_t)(*prob - (*prob >> PROB_MOVE));
    return 1;
}

static uint32_t direct_bits(struct td_lzma2_work *w, uint32_t n)
{
    uint32_t value = 0;

    while (n-- > 0) {
        normalize(w);
        w->range >>= 1;
        value <<= 1;
        if (w->code >= w->range) {
            w->code -= w->range;
            value |= 1;
        }
    }
    return value;
}

/* n bits, the highest first; probs has 1 << n entries. */
static uint32_t tree(struct td_lzma2_work *w, uint16_t *probs, uint32_t n)
{
    uint32_t m = 1;

    for (uint32_t i = 0; i < n; i++)
        m = m << 1 | bit(w, &probs[m]);
    return m - (1u << n);
}

/* The same with the lowest first. */
static uint32_t reverse_tree(struct td_lzma2_work *w, uint16_t *probs, uint32_t n)
{
    uint32_t m = 1, value = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t b = bit(w, &probs[m]);

        m = m << 1 | b;
        value |= b << i;
    }
    return value;
}

/* ---- symbols ------------------------------------------------------------------------ */

static void fill(uint16_t *probs, size_t size)
{
    for (size_t i = 0; i < size / sizeof *probs; i++)
        probs[i] = PROB_HALF;
}

#define FILL(array) fill((uint16_t *)(array), sizeof(array))

static void reset_lengths(struct td_lzma2_lengths *l)
{
    l->choice = l->choice2 = PROB_HALF;
    FILL(l->low);
    FILL(l->mid);
    FILL(l->high);
}

static void reset_state(struct td_lzma2_work *w)
{
    w->state = 0;
    memset(w->rep, 0, sizeof w->rep);
    FILL(w->is_match);
    FILL(w->is_rep);
    FILL(w->is_rep_g0);
    FILL(w->is_rep_g1);
    FILL(w->is_rep_g2);
    FILL(w->is_rep0_long);
    FILL(w->slot);
    FILL(w->special);
    FILL(w->align);
    FILL(w->literal);
    reset_lengths(&w->match_len);
    reset_lengths(&w->rep_len);
}

/* What was decoded last, as the state tells: below 7 a literal. */
static bool after_literal(const struct td_lzma2_work *w)
{
    return w->state < 7;
}

/* Positions count from where the dictionary was last reset. */
static uint32_t position(const struct td_lzma2_work *w)
{
    return w->total - w->dict_start;
}

static void literal(struct td_lzma2_work *w)
{
    bool first = position(w) == 0;
    uint32_t previous = first ? 0 : byte_at(w, 0);
    uint32_t low = position(w) & ((1u << w->lp) - 1);
    uint16_t *probs = w->literal + 0x300u * ((low << w->lc) + (previous >> (8 - w->lc)));
    uint32_t symbol = 1;

    if (!after_literal(w)) {
        uint32_t match = byte_at(w, w->rep[0]);

        // While the bits are those of the byte where the last match would go on, they have
        // probabilities of their own.
        while (symbol < 0x100) {
            uint32_t expected = match >> 7 & 1;
            uint32_t b = bit(w, &probs[((1 + expected) << 8) + symbol]);

            match <<= 1;
            symbol = symbol << 1 | b;
            if (b != expected)
                break;
        }
    }
    while (symbol < 0x100)
        symbol = symbol << 1 | bit(w, &probs[symbol]);
    put(w, (uint8_t)symbol);
    w->state = w->state < 4 ? 0 : w->state < 10 ? w->state - 3 : w->state - 6;
}

static uint32_t length(struct td_lzma2_work *w, struct td_lzma2_lengths *l, uint32_t pos_state)
{
    if (bit(w, &l->choice) == 0)
        return MATCH_MIN + tree(w, l->low[pos_state], 3);
    if (bit(w, &l->choice2) == 0)
        return MATCH_MIN + 8 + tree(w, l->mid[pos_state], 3);
    return MATCH_MIN + 16 + tree(w, l->high, 8);
}

static uint32_t distance(struct td_lzma2_work *w, uint32_t len)
{
    uint32_t slot = tree(w, w->slot[td_min_u32(len - MATCH_MIN, 3)], 6);
    uint32_t n = (slot >> 1) - 1;
    uint32_t base;

    if (slot < 4)
        return slot;
    base = (2 | (slot & 1)) << n;
    if (slot < 14)
        return base + reverse_tree(w, w->special + base - slot, n);
    base += direct_bits(w, n - 4) << 4;
    return base + reverse_tree(w, w->align, 4);
}

static void new_match(struct td_lzma2_work *w, uint32_t pos_state)
{
    uint32_t len = length(w, &w->match_len, pos_state);

    w->rep[3] = w->rep[2];
    w->rep[2] = w->rep[1];
    w->rep[1] = w->rep[0];
    w->rep[0] = distance(w, len);
    w->state = after_literal(w) ? 7 : 10;
    copy_match(w, w->rep[0], len);
}

/* Takes the distance out of the four last ones, and puts it first. */
static void recall(struct td_lzma2_work *w)
{
    uint32_t i = bit(w, &w->is_rep_g1[w->state]) == 0   ? 1
                 : bit(w, &w->is_rep_g2[w->state]) == 0 ? 2
                                                        : 3;
    uint32_t again = w->rep[i];

    for (; i > 0; i--)
        w->rep[i] = w->rep[i - 1];
    w->rep[0] = again;
}

static void old_match(struct td_lzma2_work *w, uint32_t pos_state)
{
    uint32_t len;

    if (bit(w, &w->is_rep_g0[w->state]) != 0) {
        recall(w);
    } else if (bit(w, &w->is_rep0_long[w->state][pos_state]) == 0) {
        w->state = after_literal(w) ? 9 : 11;
        copy_match(w, w->rep[0], 1);
        return;
    }
    len = length(w, &w->rep_len, pos_state);
    w->state = after_literal(w) ? 8 : 11;
    copy_match(w, w->rep[0], len);
}

static void symbol(struct td_lzma2_work *w)
{
    uint32_t pos_state = position(w) & ((1u << w->pb) - 1);

    if (bit(w, &w->is_match[w->state][pos_state]) == 0)
        literal(w);
    else if (bit(w, &w->is_rep[w->state]) == 0)
        new_match(w, pos_state);
    else
        old_match(w, pos_state);
}

/* ---- chunks ------------------------------------------------------------------------- */

static void set_properties(struct td_lzma2_work *w, uint32_t props)
{
    w->lc = (uint8_t)(props % 9);
    w->lp = (uint8_t)(props / 9 % 5);
    w->pb = (uint8_t)(props / 45);
    if (w->pb > 4 || w->lc + w->lp > TD_LZMA2_LITERAL_BITS) {
        w->lc = w->lp = w->pb = 0;
        fail(w, TD_EPATCH);
    }
}

static void packed_chunk(struct td_lzma2_work *w, uint32_t control)
{
    w->chunk_out = ((control & 0x1f) << 16 | next_be16(w)) + 1;
    w->chunk_in = next_be16(w) + 1;
    if (control >= 0xc0)
        set_properties(w, next_byte(w));
    if (control >= 0xa0)
        reset_state(w);
    if (w->chunk_out > w->out_len - w->total)
        fail(w, TD_EPATCH);
    range_begin(w);
    while (w->chunk_out > 0 && w->err == TD_OK)
        symbol(w);
    normalize(w);
    if (w->code != 0 || w->chunk_in != 0)
        fail(w, TD_EPATCH);
}

static void plain_chunk(struct td_lzma2_work *w)
{
    w->chunk_out = next_be16(w) + 1;
    if (w->chunk_out > w->out_len - w->total)
        fail(w, TD_EPATCH);
    while (w->chunk_out > 0 && w->err == TD_OK)
        put(w, next_byte(w));
}

/* What has to come before what: a dictionary before anything, properties before LZMA. */
struct order {
    bool dict, properties;
};

/* false: that was the end. */
static bool chunk(struct td_lzma2_work *w, struct order *have)
{
    uint32_t control = next_byte(w);

    if (control == 0)
        return false;
    if (control == 1 || control >= 0xe0) {
        w->dict_start = w->total;
        *have = (struct order){ .dict = true };
    }
    if (control >= 0xc0)
        have->properties = true;
    if (!have->dict || (control > 2 && control < 0x80) || (control >= 0x80 && !have->properties))
        fail(w, TD_EPATCH);
    else if (control >= 0x80)
        packed_chunk(w, control);
    else
        plain_chunk(w);
    return true;
}

/* The two bytes in front: the dictionary's size, and properties that the stream repeats. */
static void header(struct td_lzma2_work *w)
{
    uint32_t size = next_byte(w);

    (void)next_byte(w);
    if (size > DICT_PROP_MAX)
        fail(w, TD_EPATCH);
    w->dict_size = size >= DICT_PROP_MAX ? UINT32_MAX : (2 | (size & 1)) << (size / 2 + 11);
}

static enum td_err decode(const struct td_source *src, uint32_t off, uint32_t len, uint32_t out_len,
                          bool thumb, const struct td_patch_sink *sink, void *work)
{
    struct td_lzma2_work *w = work;
    struct order have = { false, false };

    memset(w, 0, sizeof *w);
    w->src = src;
    w->sink = sink;
    w->thumb = thumb;
    w->in_off = off;
    w->in_end = off + len;
    w->out_len = out_len;
    if (!td_range_in(off, len, src->size))
        return TD_ETRUNC;
    header(w);
    while (w->err == TD_OK && chunk(w, &have))
        continue;
    if (w->err == TD_OK && (w->in_at != w->in_len || w->in_off != w->in_end))
        fail(w, TD_EPATCH);
    if (w->err == TD_OK && w->total != w->out_len)
        fail(w, TD_EPATCH);
    if (w->err == TD_OK)
        flush(w, true);
    return w->err;
}

const struct td_patch td_patch_lzma2 = {
    .name = "lzma2",
    .flags = 0x0400 | 0x0800, // TD_IMAGE_F_LZMA2 and _ARM_THUMB: image/ is not this room's to see
    .work_size = sizeof(struct td_lzma2_work),
    .decode = decode,
};
