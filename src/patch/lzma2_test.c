/* patch/lzma2_test.c - what imgtool and liblzma compressed comes out again, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lzma.h>

#include "base/bytes.h"
#include "base/range.h"
#include "patch/sink_test.h"

#define BIG (600u * 1024)

static uint8_t *slurp(const char *name, uint32_t *len)
{
    uint8_t *bytes = malloc(BIG);
    char path[512];
    FILE *in;

    snprintf(path, sizeof path, "%s/tests/golden/%s", TD_ROOT, name);
    in = fopen(path, "rb");
    assert_non_null(in);
    *len = (uint32_t)fread(bytes, 1, BIG, in);
    fclose(in);
    return bytes;
}

static void imgtools_streams_give_the_program_back(void **state)
{
    static const struct {
        const char *file, *program;
        bool thumb;
    } rows[] = {
        { "comp-lzma2-unsigned.img", "thumb.bin", false },
        { "comp-lzma2armthumb-unsigned.img", "thumb.bin", true },
        { "compressed.img", "payload.bin", false },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint32_t len, want_len;
        uint8_t *image = slurp(rows[i].file, &len), *want = slurp(rows[i].program, &want_len);
        struct memory_sink m = { .bytes = malloc(want_len), .cap = want_len };

        assert_int_equal(
            memory_sink_decode(&m, image + 32, td_load_le32(image + 12), want_len, rows[i].thumb),
            TD_OK);
        assert_int_equal(m.len, want_len);
        assert_memory_equal(m.bytes, want, want_len);
        free(m.bytes);
        free(image);
        free(want);
    }
}

struct settings {
    uint32_t dict_size, lc, lp, pb;
    bool thumb;
};

/* In front of the stream what imgtool puts there. */
static uint32_t compress(const struct settings *s, const uint8_t *in, uint32_t len, uint8_t *out)
{
    lzma_options_lzma options;
    const lzma_filter filters[] = {
        { LZMA_FILTER_ARMTHUMB, NULL },
        { LZMA_FILTER_LZMA2, &options },
        { LZMA_VLI_UNKNOWN, NULL },
    };
    size_t at = 2;
    uint8_t prop = 0;

    lzma_lzma_preset(&options, 6);
    options.dict_size = s->dict_size;
    options.lc = s->lc;
    options.lp = s->lp;
    options.pb = s->pb;
    while (((2u | (prop & 1u)) << (prop / 2 + 11)) < s->dict_size)
        prop++;
    out[0] = prop;
    out[1] = (uint8_t)((s->pb * 5 + s->lp) * 9 + s->lc);
    assert_int_equal(
        lzma_raw_buffer_encode(filters + (s->thumb ? 0 : 1), NULL, in, len, out, &at, BIG * 2),
        LZMA_OK);
    return (uint32_t)at;
}

/* Something like a program: repeats near and far, calls, noise. Says its seed when it fails. */
static void make_program(uint32_t seed, uint8_t *out, uint32_t len)
{
    uint32_t state = seed * 2654435761u + 1;

    for (uint32_t i = 0; i < len;) {
        uint32_t kind, n;

        state = state * 1664525 + 1013904223;
        kind = state >> 29;
        n = td_min_u32(1 + (state >> 8 & 0xff), len - i);
        if (kind < 3 && i > 4) {
            uint32_t back = 1 + (state >> 3) % i;

            for (uint32_t k = 0; k < n; k++)
                out[i + k] = out[i + k - back];
        } else if (kind < 5) {
            for (uint32_t k = 0; k < n; k++) {
                state = state * 1664525 + 1013904223;
                out[i + k] = (uint8_t)(state >> 24);
            }
        } else {
            // Calls, also at odd places and cut in two.
            for (uint32_t k = 0; k < n; k++)
                out[i + k] = (uint8_t)((const uint8_t[]){ 0x12, 0xf0, 0x34, 0xf8 }[k & 3]);
        }
        i += n;
    }
}

static void what_liblzma_compresses_comes_out_again_with_any_settings(void **state)
{
    static const struct settings rows[] = {
        { 131072, 3, 1, 2, false }, { 131072, 3, 1, 2, true }, { 4096, 3, 0, 2, false },
        { 4096, 0, 4, 0, true },    { 65536, 4, 0, 4, true },  { 524288, 0, 0, 0, false },
        { 8192, 2, 2, 3, true },
    };
    static const uint32_t sizes[] = { 1, 2, 3, 5, 1022, 1023, 1024, 1025, 70000, 400001 };
    uint8_t *program = malloc(BIG), *stream = malloc(2 * BIG);
    struct memory_sink m = { .bytes = malloc(BIG), .cap = BIG };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        for (size_t k = 0; k < TD_N_OF(sizes); k++) {
            uint32_t len;

            make_program((uint32_t)(i * 100 + k), program, sizes[k]);
            len = compress(&rows[i], program, sizes[k], stream);
            if (memory_sink_decode(&m, stream, len, sizes[k], rows[i].thumb) != TD_OK ||
                memcmp(m.bytes, program, sizes[k]) != 0)
                fail_msg("settings %zu, %u bytes", i, sizes[k]);
        }
    }
    free(program);
    free(stream);
    free(m.bytes);
}

static void history_beyond_the_window_is_read_back_from_the_sink(void **state)
{
    static const struct settings s = { 131072, 3, 1, 2, true };
    uint8_t *program = malloc(BIG), *stream = malloc(2 * BIG);
    struct memory_sink m = { .bytes = malloc(BIG), .cap = BIG };
    uint32_t len;

    (void)state;
    make_program(7, program, 100000);
    memcpy(program + 100000, program, 100000);
    len = compress(&s, program, 200000, stream);
    assert_true(len < 110000);
    assert_int_equal(memory_sink_decode(&m, stream, len, 200000, true), TD_OK);
    assert_memory_equal(m.bytes, program, 200000);
    assert_true(m.reads >= 98000);
    assert_true(sizeof(struct td_lzma2_work) < 31u * 1024);
    free(program);
    free(stream);
    free(m.bytes);
}

static void a_stream_that_is_cut_or_longer_or_shorter_is_refused(void **state)
{
    uint32_t len, want_len;
    uint8_t *image = slurp("comp-lzma2-unsigned.img", &len), *want = slurp("thumb.bin", &want_len);
    struct memory_sink m = { .bytes = malloc(want_len + 1), .cap = want_len + 1 };
    uint32_t size = td_load_le32(image + 12);

    (void)state;
    for (uint32_t cut = 0; cut < size; cut += 7)
        assert_int_equal(memory_sink_decode(&m, image + 32, cut, want_len, false), TD_ETRUNC);
    assert_int_equal(memory_sink_decode(&m, image + 32, size + 1, want_len, false), TD_EPATCH);
    assert_int_equal(memory_sink_decode(&m, image + 32, size, want_len + 1, false), TD_EPATCH);
    assert_int_equal(memory_sink_decode(&m, image + 32, size, want_len - 1, false), TD_EPATCH);
    assert_int_equal(memory_sink_decode(&m, image + 32, size, 0, false), TD_EPATCH);
    assert_int_equal(memory_sink_decode(&m, image + 32, size, want_len, false), TD_OK);
    free(m.bytes);
    free(image);
    free(want);
}

static void each_malformed_chunk_is_refused(void **state)
{
    static const struct {
        const char *says;
        uint8_t bytes[16];
        uint8_t len;
        uint32_t out_len;
        enum td_err want;
    } rows[] = {
        { "nothing but the end", { 10, 102, 0 }, 3, 0, TD_OK },
        { "stored bytes", { 10, 102, 1, 0, 1, 'a', 'b', 0 }, 8, 2, TD_OK },
        { "stored bytes, twice", { 10, 102, 1, 0, 0, 'a', 2, 0, 0, 'b', 0 }, 11, 2, TD_OK },
        { "no header", { 10 }, 1, 0, TD_ETRUNC },
        { "no dictionary is so large", { 41, 102, 0 }, 3, 0, TD_EPATCH },
        { "the first chunk keeps the dictionary", { 10, 102, 2, 0, 0, 'a', 0 }, 7, 1, TD_EPATCH },
        { "a kind of chunk that does not exist", { 10, 102, 1, 0, 0, 'a', 3, 0 }, 8, 1, TD_EPATCH },
        { "LZMA without properties",
          { 10, 102, 1, 0, 0, 'a', 0xa0, 0, 0, 0, 4, 0, 0, 0, 0, 0 },
          16,
          2,
          TD_EPATCH },
        { "properties beyond lc + lp = 4",
          { 10, 102, 0xe0, 0, 0, 0, 4, 8 + 9, 0, 0, 0, 0, 0, 0 },
          14,
          1,
          TD_EPATCH },
        { "a range coder begins with 0",
          { 10, 102, 0xe0, 0, 0, 0, 4, 93, 1, 0, 0, 0, 0, 0 },
          14,
          1,
          TD_EPATCH },
        { "one literal, 0", { 10, 102, 0xe0, 0, 0, 0, 5, 93, 0, 0, 0, 0, 0, 0, 0 }, 15, 1, TD_OK },
        { "more in the chunk than it takes",
          { 10, 102, 0xe0, 0, 0, 0, 6, 93, 0, 0, 0, 0, 0, 0, 0, 0 },
          16,
          1,
          TD_EPATCH },
        { "less in the chunk than it takes",
          { 10, 102, 0xe0, 0, 0, 0, 4, 93, 0, 0, 0, 0, 0, 0 },
          14,
          1,
          TD_EPATCH },
        { "a match before anything",
          { 10, 102, 0xe0, 0, 0, 0, 5, 93, 0, 0xff, 0xff, 0xff, 0xff, 0, 0 },
          15,
          1,
          TD_EPATCH },
    };
    uint8_t out[4];
    struct memory_sink m = { .bytes = out, .cap = sizeof out };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        enum td_err got =
            memory_sink_decode(&m, rows[i].bytes, rows[i].len, rows[i].out_len, false);

        if (got != rows[i].want)
            fail_msg("%s: %d", rows[i].says, got);
    }
}

static enum td_err broken_read(const void *ctx, uint32_t off, void *dst, size_t len)
{
    (void)ctx;
    memset(dst, 0, len);
    return off < 1000 ? TD_OK : TD_EFLASH;
}

static void what_fails_around_it_comes_out_of_it(void **state)
{
    uint32_t len, want_len;
    uint8_t *image = slurp("comp-lzma2-unsigned.img", &len), *want = slurp("thumb.bin", &want_len);
    struct memory_sink m = { .bytes = malloc(want_len), .cap = want_len, .fail_at = 3000 };
    const struct td_patch_sink sink = { memory_sink_write, memory_sink_read, &m };
    struct td_source src = { broken_read, NULL, 5000 };
    struct td_lzma2_work *work = malloc(sizeof *work);

    (void)state;
    assert_int_equal(memory_sink_decode(&m, image + 32, td_load_le32(image + 12), want_len, false),
                     TD_EFLASH);
    assert_int_equal(td_patch_lzma2.decode(&src, 2000, 100, 100, false, &sink, work), TD_EFLASH);
    assert_int_equal(td_patch_lzma2.decode(&src, 4990, 100, 100, false, &sink, work), TD_ETRUNC);
    assert_int_equal(td_patch_lzma2.decode(&src, UINT32_MAX, 100, 100, false, &sink, work),
                     TD_ETRUNC);
    assert_int_equal(td_patch_lzma2.work_size, sizeof *work);
    free(work);
    free(m.bytes);
    free(image);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imgtools_streams_give_the_program_back),
        cmocka_unit_test(what_liblzma_compresses_comes_out_again_with_any_settings),
        cmocka_unit_test(history_beyond_the_window_is_read_back_from_the_sink),
        cmocka_unit_test(a_stream_that_is_cut_or_longer_or_shorter_is_refused),
        cmocka_unit_test(each_malformed_chunk_is_refused),
        cmocka_unit_test(what_fails_around_it_comes_out_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
