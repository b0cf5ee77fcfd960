/* keys/wrap_test.c - what is wrapped here opens with the bootloader's code, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "crypto/enc.h"
#include "keys/wrap.h"

static const char *golden(const char *name, const char *suffix)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/tests/golden/keys/%s%s", TD_ROOT, name, suffix);
    return path;
}

static struct td_key *load(const char *name, const char *suffix)
{
    struct td_key *key;

    assert_int_equal(td_key_load(golden(name, suffix), NULL, &key), TD_OK);
    return key;
}

static size_t read_der(const char *name, uint8_t *out, size_t cap)
{
    FILE *in = fopen(golden(name, ".priv.der"), "rb");
    size_t len;

    assert_non_null(in);
    len = fread(out, 1, cap, in);
    fclose(in);
    return len;
}

static const struct {
    const char *key;
    unsigned hmac_bits;
    const struct td_enc_alg *opens;
} kinds[] = {
    { "rsa-2048", 256, &td_enc_rsa2048 },
    { "ecdsa-p256", 256, &td_enc_ec256 },
    { "x25519", 256, &td_enc_x25519 },
    { "x25519", 512, &td_enc_x25519_sha512 },
};

static void what_is_wrapped_opens_with_the_devices_key_in_either_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(kinds); i++) {
        for (size_t len = 16; len <= 32; len += 16) {
            struct td_key *public = load(kinds[i].key, ".pub.pem");
            struct td_key *private = load(kinds[i].key, ".pem");
            uint8_t key[32], got[32], der[TD_PRIVATE_DER_MAX];
            struct td_wrapped w;
            size_t der_len;

            assert_int_equal(td_key_random(key, len), TD_OK);
            assert_int_equal(td_key_wrap(public, kinds[i].hmac_bits, key, len, &w), TD_OK);
            assert_int_equal(w.tlv, kinds[i].opens->tlv);
            assert_int_equal(w.len, len == 16 ? kinds[i].opens->len_128 : kinds[i].opens->len_256);
            for (int minimal = 0; minimal < 2; minimal++) {
                assert_int_equal(td_key_private_der(private, TD_PRIVATE_USUAL, minimal, der,
                                                    sizeof der, &der_len),
                                 TD_OK);
                assert_int_equal(kinds[i].opens->unwrap(der, der_len, w.value, w.len, got, len),
                                 TD_OK);
                assert_memory_equal(got, key, len);
            }
            w.value[w.len - 1] ^= 1;
            assert_int_equal(kinds[i].opens->unwrap(der, der_len, w.value, w.len, got, len),
                             TD_EENC);
            td_key_free(public);
            td_key_free(private);
        }
    }
}

static void the_same_key_is_never_wrapped_the_same_way_twice(void **state)
{
    static const uint8_t key[16] = { 1 };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(kinds); i++) {
        struct td_key *public = load(kinds[i].key, ".pub.pem");
        struct td_wrapped a, b;

        assert_int_equal(td_key_wrap(public, kinds[i].hmac_bits, key, sizeof key, &a), TD_OK);
        assert_int_equal(td_key_wrap(public, kinds[i].hmac_bits, key, sizeof key, &b), TD_OK);
        assert_memory_not_equal(a.value, b.value, a.len);
        td_key_free(public);
    }
}

static void keys_that_open_nothing_are_no_recipients(void **state)
{
    static const char *const names[] = { "rsa-3072", "ecdsa-p384", "ed25519" };
    static const uint8_t key[16] = { 1 };
    struct td_wrapped w;
    struct td_key *k;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(names); i++) {
        k = load(names[i], ".pub.pem");
        assert_false(td_key_wraps(k));
        assert_int_equal(td_key_wrap(k, 256, key, sizeof key, &w), TD_EKEYTYPE);
        td_key_free(k);
    }
    k = load("ecdsa-p256", ".pub.pem");
    assert_true(td_key_wraps(k));
    assert_int_equal(td_key_wrap(k, 512, key, sizeof key, &w), TD_EKEYTYPE);
    td_key_free(k);
}

static void private_keys_are_written_as_imgtool_writes_them(void **state)
{
    static const struct {
        const char *key, *file;
        bool minimal;
    } rows[] = {
        { "rsa-2048", "rsa-2048", false },     { "rsa-2048", "rsa-2048-minimal", true },
        { "ecdsa-p256", "ecdsa-p256", false }, { "ecdsa-p256", "ecdsa-p256-minimal", true },
        { "x25519", "x25519", false },         { "x25519", "x25519", true },
    };
    uint8_t want[TD_PRIVATE_DER_MAX], got[TD_PRIVATE_DER_MAX];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_key *k = load(rows[i].key, ".pem");
        size_t want_len = read_der(rows[i].file, want, sizeof want), len;

        assert_int_equal(
            td_key_private_der(k, TD_PRIVATE_USUAL, rows[i].minimal, got, sizeof got, &len), TD_OK);
        assert_int_equal(len, want_len);
        assert_memory_equal(got, want, len);
        assert_int_equal(td_key_private_der(k, TD_PRIVATE_USUAL, false, got, len - 1, &len),
                         TD_ESPACE);
        td_key_free(k);
    }
}

static void half_a_key_has_no_private_form(void **state)
{
    struct td_key *k = load("x25519", ".pub.pem");
    uint8_t der[TD_PRIVATE_DER_MAX];
    size_t len;

    (void)state;
    assert_int_equal(td_key_private_der(k, TD_PRIVATE_USUAL, false, der, sizeof der, &len),
                     TD_EKEYPUBLIC);
    td_key_free(k);
}

static void ctr_undoes_itself(void **state)
{
    static const uint8_t key[32] = { 0x2b, 0x7e, 0x15, 0x16 };
    uint8_t text[100] = "what is encrypted twice is in the clear again";
    uint8_t again[100];

    (void)state;
    memcpy(again, text, sizeof again);
    for (size_t len = 16; len <= 32; len += 16) {
        assert_int_equal(td_key_ctr(key, len, again, sizeof again), TD_OK);
        assert_memory_not_equal(again, text, sizeof again);
        assert_int_equal(td_key_ctr(key, len, again, sizeof again), TD_OK);
        assert_memory_equal(again, text, sizeof again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrapped_opens_with_the_devices_key_in_either_form),
        cmocka_unit_test(the_same_key_is_never_wrapped_the_same_way_twice),
        cmocka_unit_test(keys_that_open_nothing_are_no_recipients),
        cmocka_unit_test(private_keys_are_written_as_imgtool_writes_them),
        cmocka_unit_test(half_a_key_has_no_private_form),
        cmocka_unit_test(ctr_undoes_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
