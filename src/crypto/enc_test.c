#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "crypto/enc.h"
#include "crypto/vectors_test.h"

static const struct td_enc_alg *const algs[] = {
    &td_enc_rsa2048,     &td_enc_kw,
    &td_enc_ec256,       &td_enc_x25519,
    &td_enc_ec256_m15,   &td_enc_x25519_sha512,
    &td_enc_x25519_m15,  &td_enc_x25519_sha512_m15,
    &td_enc_rsa2048_i15,
};

static enum td_err wanted(const char *word)
{
    static const struct {
        const char *word;
        enum td_err err;
    } words[] = {
        { "ok", TD_OK },
        { "eenc", TD_EENC },
        { "ekey", TD_EKEY },
        { "etrunc", TD_ETRUNC },
    };

    for (size_t i = 0; i < TD_N_OF(words); i++) {
        if (strcmp(word, words[i].word) == 0)
            return words[i].err;
    }
    fail_msg("no such result: %s", word);
    return TD_EARG;
}

/* As long as the line's key says; where there is none, as the value's length would have it. */
static size_t key_len_of(const struct td_enc_alg *alg, const struct bytes *value,
                         const struct bytes *key)
{
    if (key->len != 0)
        return key->len;
    return value->len >= alg->len_256 ? 32 : 16;
}

/* Into exactly as many bytes as a key has, dirty before. */
static void check_row(const struct td_enc_alg *alg, const struct vectors *v, int *wrong)
{
    struct bytes priv = vectors_bytes(v, 3);
    struct bytes value = vectors_bytes(v, 4);
    struct bytes key = vectors_bytes(v, 5);
    enum td_err want = wanted(v->field[0]);
    size_t len = key_len_of(alg, &value, &key);
    uint8_t *out = malloc(len);
    static const uint8_t zeros[TD_ENC_KEY_MAX];
    enum td_err err;

    assert_non_null(out);
    memset(out, 0xa5, len);
    err = alg->unwrap(priv.at, priv.len, value.at, value.len, out, len);
    if (err != want || (err == TD_OK && memcmp(out, key.at, len) != 0) ||
        (err != TD_OK && memcmp(out, zeros, len) != 0)) {
        print_error("%s, %s: %s, got %s\n", alg->name, v->field[2], v->field[0], td_errname(err));
        (*wrong)++;
    }
    free(out);
    bytes_free(&priv);
    bytes_free(&value);
    bytes_free(&key);
}

/* A key of the other length in the same value: told by the length, or, with RSA, not at all. */
static void check_other_length(const struct td_enc_alg *alg, const struct vectors *v)
{
    struct bytes priv = vectors_bytes(v, 3);
    struct bytes value = vectors_bytes(v, 4);
    size_t other = 48 - strlen(v->field[5]) / 2;
    uint8_t out[TD_ENC_KEY_MAX];

    assert_int_equal(alg->unwrap(priv.at, priv.len, value.at, value.len, out, other),
                     alg->len_128 == alg->len_256 ? TD_EENC : TD_ETRUNC);
    assert_int_equal(alg->unwrap(priv.at, priv.len, value.at, value.len, out, 24), TD_ETRUNC);
    bytes_free(&priv);
    bytes_free(&value);
}

static void check_file(const char *name, int want_rows)
{
    struct vectors v;
    int rows = 0, wrong = 0;

    vectors_open(&v, name);
    while (vectors_next(&v)) {
        for (size_t i = 0; i < TD_N_OF(algs); i++) {
            if (strcmp(v.field[1], algs[i]->name) != 0)
                continue;
            check_row(algs[i], &v, &wrong);
            if (strcmp(v.field[0], "ok") == 0 && rows % 8 == 0)
                check_other_length(algs[i], &v);
        }
        rows++;
    }
    vectors_close(&v);
    assert_int_equal(wrong, 0);
    assert_int_equal(rows, want_rows);
}

static void wycheproof_finds_nothing(void **state)
{
    (void)state;
    check_file("wycheproof_ecies.txt", 531);
    check_file("wycheproof_wrap.txt", 47);
}

static void every_way_to_fail_is_one_error_and_leaves_zeros(void **state)
{
    (void)state;
    check_file("edges_wrap.txt", 124);
}

static void the_counter_mode_begins_at_any_offset(void **state)
{
    struct vectors v;
    int rows = 0;

    (void)state;
    vectors_open(&v, "aes_ctr.txt");
    while (vectors_next(&v)) {
        struct bytes key = vectors_bytes(&v, 0), plain = vectors_bytes(&v, 2),
                     want = vectors_bytes(&v, 3);
        uint32_t off = (uint32_t)strtoul(v.field[1], NULL, 10);
        struct td_aes_ctr ctr;

        td_aes_ctr_init(&ctr, key.at, key.len);
        td_aes_ctr_run(&ctr, off, plain.at, plain.len);
        assert_memory_equal(plain.at, want.at, want.len);
        td_aes_ctr_run(&ctr, off, plain.at, plain.len);
        td_aes_ctr_run(&ctr, off, plain.at, plain.len / 2);
        td_aes_ctr_run(&ctr, off + (uint32_t)(plain.len / 2), plain.at + plain.len / 2,
                       plain.len - plain.len / 2);
        assert_memory_equal(plain.at, want.at, want.len);
        bytes_free(&key);
        bytes_free(&plain);
        bytes_free(&want);
        rows++;
    }
    vectors_close(&v);
    assert_int_equal(rows, 30);
}

/* RFC 3394, 4.1 and 4.6: 128 bits of key data under 128 bits, 256 under 256. */
static void the_examples_of_rfc_3394_unwrap(void **state)
{
    static const uint8_t wrapped_128[] = { 0x1f, 0xa6, 0x8b, 0x0a, 0x81, 0x12, 0xb4, 0x47,
                                           0xae, 0xf3, 0x4b, 0xd8, 0xfb, 0x5a, 0x7b, 0x82,
                                           0x9d, 0x3e, 0x86, 0x23, 0x71, 0xd2, 0xcf, 0xe5 };
    static const uint8_t wrapped_256[] = {
        0x28, 0xc9, 0xf4, 0x04, 0xc4, 0xb8, 0x10, 0xf4, 0xcb, 0xcc, 0xb3, 0x5c, 0xfb, 0x87,
        0xf8, 0x26, 0x3f, 0x57, 0x86, 0xe2, 0xd8, 0x0e, 0xd3, 0x26, 0xcb, 0xc7, 0xf0, 0xe7,
        0x1a, 0x99, 0xf4, 0x3b, 0xfb, 0x98, 0x8b, 0x9b, 0x7a, 0x02, 0xdd, 0x21,
    };
    uint8_t kek[32], want[32], out[32];

    (void)state;
    for (uint8_t i = 0; i < 32; i++) {
        kek[i] = i;
        want[i] = (uint8_t)(i < 16 ? i * 0x11 : i - 16);
    }
    assert_int_equal(td_enc_kw.unwrap(kek, 16, wrapped_128, sizeof wrapped_128, out, 16), TD_OK);
    assert_memory_equal(out, want, 16);
    assert_int_equal(td_enc_kw.unwrap(kek, 32, wrapped_256, sizeof wrapped_256, out, 32), TD_OK);
    assert_memory_equal(out, want, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wycheproof_finds_nothing),
        cmocka_unit_test(every_way_to_fail_is_one_error_and_leaves_zeros),
        cmocka_unit_test(the_counter_mode_begins_at_any_offset),
        cmocka_unit_test(the_examples_of_rfc_3394_unwrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
