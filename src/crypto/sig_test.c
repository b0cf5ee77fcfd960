#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sodium.h>

#include "base/range.h"
#include "crypto/sig.h"
#include "crypto/vectors_test.h"

static enum td_err verify(const struct td_sig_alg *alg, const struct bytes *key,
                          const struct bytes *msg, const struct bytes *sig)
{
    struct td_hash hash;
    uint8_t challenge[TD_HASH_MAX];
    enum td_err err;

    if (alg->begin == NULL)
        return alg->verify(key->at, key->len, msg->at, msg->len, sig->at, sig->len);
    // Over the message itself, in two pieces.
    err = alg->begin(&hash, key->at, key->len, sig->at, sig->len);
    if (err != TD_OK)
        return err;
    td_hash_update(&hash, msg->at, msg->len / 3);
    td_hash_update(&hash, msg->at + msg->len / 3, msg->len - msg->len / 3);
    td_hash_final(&hash, challenge);
    return alg->verify(key->at, key->len, challenge, sizeof challenge, sig->at, sig->len);
}

static struct bytes digest_of(const struct td_hash_alg *alg, const struct bytes *msg)
{
    struct bytes digest = { malloc(alg->size), alg->size };

    assert_non_null(digest.at);
    td_hash_of(alg, msg->at, msg->len, digest.at);
    return digest;
}

static const struct {
    const struct td_sig_alg *alg;
    const char *file;
    bool hashed; /* the digest of the message is what is signed */
    int rows;
} wycheproof[] = {
    { &td_sig_ecdsa_p256, "wycheproof_ecdsa_p256.txt", true, 484 },
    { &td_sig_ecdsa_p256_m15, "wycheproof_ecdsa_p256.txt", true, 484 },
    { &td_sig_ecdsa_p384, "wycheproof_ecdsa_p384.txt", true, 504 },
    { &td_sig_ecdsa_p384_i15, "wycheproof_ecdsa_p384.txt", true, 504 },
    { &td_sig_ed25519, "wycheproof_ed25519.txt", false, 151 },
    { &td_sig_ed25519_pure, "wycheproof_ed25519.txt", false, 151 },
    { &td_sig_rsa2048_pss, "wycheproof_rsa2048_pss.txt", true, 108 },
    { &td_sig_rsa2048_pss_i15, "wycheproof_rsa2048_pss.txt", true, 108 },
    { &td_sig_rsa3072_pss, "wycheproof_rsa3072_pss.txt", true, 108 },
    { &td_sig_rsa3072_pss_i15, "wycheproof_rsa3072_pss.txt", true, 108 },
};

static void wycheproof_finds_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(wycheproof); i++) {
        struct bytes key = { NULL, 0 };
        struct vectors v;
        int rows = 0;
        int wrong = 0;

        vectors_open(&v, wycheproof[i].file);
        while (vectors_next(&v)) {
            struct bytes msg;
            struct bytes sig;
            enum td_err err;

            if (strcmp(v.field[0], "key") == 0) {
                bytes_free(&key);
                key = vectors_bytes(&v, 1);
                continue;
            }
            msg = vectors_bytes(&v, 2);
            sig = vectors_bytes(&v, 3);
            if (wycheproof[i].hashed) {
                struct bytes digest = digest_of(wycheproof[i].alg->hash, &msg);

                bytes_free(&msg);
                msg = digest;
            }
            err = verify(wycheproof[i].alg, &key, &msg, &sig);
            if ((err == TD_OK) != (strcmp(v.field[0], "valid") == 0)) {
                print_error("%s, %s: %s, got %s\n", wycheproof[i].file, v.field[1], v.field[0],
                            td_errname(err));
                wrong++;
            }
            bytes_free(&msg);
            bytes_free(&sig);
            rows++;
        }
        bytes_free(&key);
        vectors_close(&v);
        assert_int_equal(wrong, 0);
        assert_int_equal(rows, wycheproof[i].rows);
    }
}

static const struct {
    const struct td_sig_alg *alg;
    const char *file;
    int rows;
} edges[] = {
    { &td_sig_ecdsa_p256, "edges_ecdsa_p256.txt", 36 },
    { &td_sig_ecdsa_p256_m15, "edges_ecdsa_p256.txt", 36 },
    { &td_sig_ecdsa_p384, "edges_ecdsa_p384.txt", 36 },
    { &td_sig_ecdsa_p384_i15, "edges_ecdsa_p384.txt", 36 },
    { &td_sig_ed25519, "edges_ed25519.txt", 16 },
    { &td_sig_ed25519_pure, "edges_ed25519.txt", 16 },
    { &td_sig_rsa2048_pss, "edges_rsa2048_pss.txt", 32 },
    { &td_sig_rsa2048_pss_i15, "edges_rsa2048_pss.txt", 32 },
    { &td_sig_rsa3072_pss, "edges_rsa3072_pss.txt", 32 },
    { &td_sig_rsa3072_pss_i15, "edges_rsa3072_pss.txt", 32 },
};

/* The digest that is signed; what is signed "pure" in these files is a digest, too. */
static const struct td_hash_alg *edge_hash(const struct td_sig_alg *alg)
{
    return alg->begin != NULL ? &td_sha256 : alg->hash;
}

static enum td_err wanted(const char *word)
{
    static const struct {
        const char *word;
        enum td_err err;
    } words[] = {
        { "ok", TD_OK },
        { "esig", TD_ESIG },
        { "esiglen", TD_ESIGLEN },
        { "ekey", TD_EKEY },
    };

    for (size_t i = 0; i < TD_N_OF(words); i++) {
        if (strcmp(word, words[i].word) == 0)
            return words[i].err;
    }
    fail_msg("no such result: %s", word);
    return TD_EARG;
}

static void each_way_to_be_wrong_has_its_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(edges); i++) {
        struct vectors v;
        int rows = 0;
        int wrong = 0;

        vectors_open(&v, edges[i].file);
        while (vectors_next(&v)) {
            struct bytes key = vectors_bytes(&v, 2);
            struct bytes msg = vectors_bytes(&v, 3);
            struct bytes sig = vectors_bytes(&v, 4);
            struct bytes digest = digest_of(edge_hash(edges[i].alg), &msg);
            enum td_err err = verify(edges[i].alg, &key, &digest, &sig);

            if (err != wanted(v.field[0])) {
                print_error("%s, %s: %s, got %s\n", edges[i].file, v.field[1], v.field[0],
                            td_errname(err));
                wrong++;
            }
            bytes_free(&key);
            bytes_free(&msg);
            bytes_free(&sig);
            bytes_free(&digest);
            rows++;
        }
        vectors_close(&v);
        assert_int_equal(wrong, 0);
        assert_int_equal(rows, edges[i].rows);
    }
}

/* Every signature that verifies is spoilt in each bit, and so is its message. */
static void one_bit_spoils_a_signature(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(edges); i++) {
        // An RSA signature has 3072 bits and costs as much as it does, P-384 costs more: look at
        // every 37th, and 19th.
        size_t step = edges[i].alg->id == TD_SIG_RSA          ? 37
                      : edges[i].alg->id == TD_SIG_ECDSA_P384 ? 19
                                                              : 5;
        struct vectors v;
        struct bytes key;
        struct bytes msg;
        struct bytes sig;
        struct bytes digest;

        vectors_open(&v, edges[i].file);
        assert_true(vectors_next(&v));
        assert_string_equal(v.field[0], "ok");
        key = vectors_bytes(&v, 2);
        msg = vectors_bytes(&v, 3);
        sig = vectors_bytes(&v, 4);
        digest = digest_of(edge_hash(edges[i].alg), &msg);
        for (size_t bit = 0; bit < 8 * sig.len; bit += step) {
            sig.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_not_equal(verify(edges[i].alg, &key, &digest, &sig), TD_OK);
            sig.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t bit = 0; bit < 8 * digest.len; bit += step) {
            digest.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(verify(edges[i].alg, &key, &digest, &sig), TD_ESIG);
            digest.at[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(verify(edges[i].alg, &key, &digest, &sig), TD_OK);
        bytes_free(&key);
        bytes_free(&msg);
        bytes_free(&sig);
        bytes_free(&digest);
        vectors_close(&v);
    }
}

/* RFC 6979, A.2.5: the curve's example key; messages "sample" and "test" with SHA-256. */
static const uint8_t rfc6979_key[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x60, 0xfe, 0xd4, 0xba, 0x25,
    0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb, 0x74, 0xc6, 0x35, 0x6d, 0x68, 0xc0, 0x49, 0xb8, 0x92, 0x3b,
    0x61, 0xfa, 0x6c, 0xe6, 0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6, 0x79, 0x03, 0xfe, 0x10, 0x08,
    0xb8, 0xbc, 0x99, 0xa4, 0x1a, 0xe9, 0xe9, 0x56, 0x28, 0xbc, 0x64, 0xf2, 0xf1, 0xb2, 0x0c, 0x2d,
    0x7e, 0x9f, 0x51, 0x77, 0xa3, 0xc2, 0x94, 0xd4, 0x46, 0x22, 0x99,
};
static const uint8_t rfc6979_sample[] = {
    0x30, 0x46, 0x02, 0x21, 0x00, 0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd, 0x11, 0x40,
    0xdd, 0x9c, 0xd4, 0x5e, 0x81, 0xd6, 0x9d, 0x2c, 0x87, 0x7b, 0x56, 0xaa, 0xf9, 0x91, 0xc3,
    0x4d, 0x0e, 0xa8, 0x4e, 0xaf, 0x37, 0x16, 0x02, 0x21, 0x00, 0xf7, 0xcb, 0x1c, 0x94, 0x2d,
    0x65, 0x7c, 0x41, 0xd4, 0x36, 0xc7, 0xa1, 0xb6, 0xe2, 0x9f, 0x65, 0xf3, 0xe9, 0x00, 0xdb,
    0xb9, 0xaf, 0xf4, 0x06, 0x4d, 0xc4, 0xab, 0x2f, 0x84, 0x3a, 0xcd, 0xa8,
};

static void the_example_of_rfc_6979_verifies(void **state)
{
    uint8_t digest[32];

    (void)state;
    td_hash_of(&td_sha256, "sample", 6, digest);
    assert_int_equal(td_sig_ecdsa_p256.verify(rfc6979_key, sizeof(rfc6979_key), digest, 32,
                                              rfc6979_sample, sizeof(rfc6979_sample)),
                     TD_OK);
    td_hash_of(&td_sha256, "simple", 6, digest);
    assert_int_equal(td_sig_ecdsa_p256.verify(rfc6979_key, sizeof(rfc6979_key), digest, 32,
                                              rfc6979_sample, sizeof(rfc6979_sample)),
                     TD_ESIG);
}

/*
 * Pieced together or by the library at once: the same answer, for good signatures, and for ones
 * that are spoilt in each bit of R, S and A.
 */
static void a_pure_signature_is_judged_as_libsodium_judges_it(void **state)
{
    uint8_t der[44] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
    uint8_t seed[32], secret[64], signature[64], msg[300];

    (void)state;
    for (unsigned n = 0; n < 4; n++) {
        struct bytes k = { der, sizeof der }, m = { msg, n * 97 }, s = { signature, 64 };

        memset(seed, (int)(n + 1), sizeof seed);
        memset(msg, (int)(0x5a + n), sizeof msg);
        crypto_sign_seed_keypair(der + 12, secret, seed);
        crypto_sign_detached(signature, NULL, msg, m.len, secret);
        assert_int_equal(verify(&td_sig_ed25519_pure, &k, &m, &s), TD_OK);
        for (unsigned bit = n; bit < 96 * 8; bit += 5) {
            uint8_t *byte = bit < 512 ? &signature[bit / 8] : &der[12 + bit / 8 - 64];
            enum td_err want;

            *byte ^= (uint8_t)(1u << bit % 8);
            want =
                crypto_sign_verify_detached(signature, msg, m.len, der + 12) == 0 ? TD_OK : TD_ESIG;
            assert_int_equal(verify(&td_sig_ed25519_pure, &k, &m, &s), want);
            *byte ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void a_message_that_is_no_digest_is_the_callers_mistake(void **state)
{
    static const uint8_t bytes[TD_SIG_KEY_MAX];

    (void)state;
    assert_int_equal(td_sig_rsa2048_pss.verify(bytes, 270, bytes, 31, bytes, 256), TD_EARG);
    assert_int_equal(td_sig_rsa3072_pss.verify(bytes, 398, bytes, 64, bytes, 384), TD_EARG);
    assert_int_equal(td_sig_ecdsa_p256.verify(bytes, 91, bytes, 20, bytes, 70), TD_EARG);
    assert_int_equal(td_sig_ecdsa_p384.verify(bytes, 120, bytes, 20, bytes, 70), TD_EARG);
}

static void a_key_tells_its_algorithm(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(wycheproof); i++) {
        const struct td_sig_alg *alg = NULL;
        struct vectors v;
        struct bytes key;

        vectors_open(&v, wycheproof[i].file);
        assert_true(vectors_next(&v));
        key = vectors_bytes(&v, 1);
        assert_int_equal(key.len, wycheproof[i].alg->key_size);
        assert_int_equal(td_sig_alg_of_key(key.at, key.len, &alg), TD_OK);
        assert_int_equal(alg->tlv, wycheproof[i].alg->tlv);
        for (size_t len = 0; len < key.len; len++)
            assert_int_equal(td_sig_alg_of_key(key.at, len, &alg), TD_EKEY);
        key.at[0] ^= 1;
        assert_int_equal(td_sig_alg_of_key(key.at, key.len, &alg), TD_EKEY);
        bytes_free(&key);
        vectors_close(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wycheproof_finds_nothing),
        cmocka_unit_test(each_way_to_be_wrong_has_its_error),
        cmocka_unit_test(one_bit_spoils_a_signature),
        cmocka_unit_test(the_example_of_rfc_6979_verifies),
        cmocka_unit_test(a_pure_signature_is_judged_as_libsodium_judges_it),
        cmocka_unit_test(a_message_that_is_no_digest_is_the_callers_mistake),
        cmocka_unit_test(a_key_tells_its_algorithm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
