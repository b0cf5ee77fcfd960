/*
 * patch/lzma2_fuzz.c - hostile bytes as a compressed stream, and liblzma asked the same.
 *
 * The first byte says how. Bit 0: behind the Thumb filter. Bit 1: the rest is a program, which
 * liblzma compresses; what comes out must be it, and the stream with one byte bent is judged like
 * any other. Else the rest is the stream. Whatever liblzma takes, to its last byte, gives the
 * same bytes here; what it refuses is refused.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>

#include "patch/sink_test.h"

#define OUT_MAX  65536u
#define DICT_MAX (1u << 20) /* what a fuzzer may ask liblzma to allocate */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

enum theirs {
    THEY_TAKE,   /* all of it */
    THEY_REFUSE, /* malformed, cut, or with more behind it */
    THEY_PASS,   /* more than we have room for */
};

static enum theirs ask_liblzma(const uint8_t *stream, size_t len, bool thumb, uint8_t *out,
                               uint32_t *out_len)
{
    lzma_stream strm = LZMA_STREAM_INIT;
    lzma_options_lzma options = { 0 };
    const lzma_filter filters[] = {
        { LZMA_FILTER_ARMTHUMB, NULL },
        { LZMA_FILTER_LZMA2, &options },
        { LZMA_VLI_UNKNOWN, NULL },
    };
    lzma_ret ret;

    options.dict_size = (2u | (stream[0] & 1u)) << (stream[0] / 2 + 11);
    must(lzma_raw_decoder(&strm, filters + (thumb ? 0 : 1)) == LZMA_OK);
    strm.next_in = stream + 2;
    strm.avail_in = len - 2;
    strm.next_out = out;
    strm.avail_out = OUT_MAX;
    ret = lzma_code(&strm, LZMA_FINISH);
    *out_len = (uint32_t)(OUT_MAX - strm.avail_out);
    lzma_end(&strm);
    if (ret == LZMA_STREAM_END)
        return strm.avail_in == 0 ? THEY_TAKE : THEY_REFUSE;
    return strm.avail_out == 0 ? THEY_PASS : THEY_REFUSE;
}

static void compare(const uint8_t *stream, size_t len, bool thumb)
{
    static uint8_t theirs[OUT_MAX], ours[OUT_MAX];
    struct memory_sink m = { .bytes = ours, .cap = OUT_MAX };
    uint32_t n;
    enum td_err err;

    if (len < 2 || stream[0] > 40 || stream[0] / 2 + 12 > 20)
        return;
    switch (ask_liblzma(stream, len, thumb, theirs, &n)) {
    case THEY_TAKE:
        must(memory_sink_decode(&m, stream, (uint32_t)len, n, thumb) == TD_OK);
        must(m.len == n && memcmp(ours, theirs, n) == 0);
        if (n > 0)
            must(memory_sink_decode(&m, stream, (uint32_t)len, n - 1, thumb) == TD_EPATCH);
        break;
    case THEY_REFUSE:
        err = memory_sink_decode(&m, stream, (uint32_t)len, n, thumb);
        must(err == TD_EPATCH || err == TD_ETRUNC);
        break;
    case THEY_PASS: memory_sink_decode(&m, stream, (uint32_t)len, OUT_MAX, thumb); break;
    }
}

static size_t compress(const uint8_t *in, size_t len, bool thumb, uint8_t *out, size_t cap)
{
    lzma_options_lzma options;
    const lzma_filter filters[] = {
        { LZMA_FILTER_ARMTHUMB, NULL },
        { LZMA_FILTER_LZMA2, &options },
        { LZMA_VLI_UNKNOWN, NULL },
    };
    size_t at = 2;

    lzma_lzma_preset(&options, 1);
    options.dict_size = 4096;
    options.lp = 1;
    out[0] = 0;
    out[1] = (2 * 5 + 1) * 9 + 3;
    must(lzma_raw_buffer_encode(filters + (thumb ? 0 : 1), NULL, in, len, out, &at, cap) ==
         LZMA_OK);
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t stream[2 * OUT_MAX], out[OUT_MAX];
    struct memory_sink m = { .bytes = out, .cap = OUT_MAX };
    bool thumb;
    size_t len;

    if (size < 4 || size > 20000)
        return 0;
    thumb = (data[0] & 1) != 0;
    if ((data[0] & 2) == 0) {
        compare(data + 1, size - 1, thumb);
        return 0;
    }
    len = compress(data + 3, size - 3, thumb, stream, sizeof stream);
    must(memory_sink_decode(&m, stream, (uint32_t)len, (uint32_t)(size - 3), thumb) == TD_OK);
    must(memcmp(out, data + 3, size - 3) == 0);
    stream[2 + (data[1] * 256u + data[2]) % (len - 2)] ^= (uint8_t)(data[0] >> 2 | 1);
    compare(stream, len, thumb);
    return 0;
}
