/* keys/keys_test.c - keys that imgtool and openssl made, and ours; verified by crypto/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/range.h"
#include "crypto/hash.h"
#include "keys/keys.h"

static const char *golden(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/tests/golden/keys/%s", TD_ROOT, name);
    return path;
}

static size_t slurp(const char *path, uint8_t *buf, size_t cap)
{
    FILE *in = fopen(path, "rb");
    size_t len;

    if (in == NULL)
        fail_msg("cannot open %s", path);
    len = fread(buf, 1, cap, in);
    fclose(in);
    return len;
}

struct answer {
    const char *text; /* NULL: none */
    int asked;
};

static int answer(void *ctx, const char *path, char *buf, size_t cap)
{
    struct answer *a = ctx;

    (void)path;
    a->asked++;
    if (a->text == NULL || strlen(a->text) > cap)
        return -1;
    memcpy(buf, a->text, strlen(a->text));
    return (int)strlen(a->text);
}

static const struct {
    const char *name;
    enum td_key_type type;
    size_t der_len;
    bool signs;
} kinds[] = {
    { "rsa-2048", TD_KEY_RSA_2048, 270, true },    { "rsa-3072", TD_KEY_RSA_3072, 398, true },
    { "ecdsa-p256", TD_KEY_ECDSA_P256, 91, true }, { "ecdsa-p384", TD_KEY_ECDSA_P384, 120, true },
    { "ed25519", TD_KEY_ED25519, 44, true },       { "x25519", TD_KEY_X25519, 44, false },
};

static void imgtools_keys_load_and_give_the_public_bytes_that_imgtool_gives(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(kinds); i++) {
        uint8_t want[TD_KEY_DER_MAX], got[TD_KEY_DER_MAX];
        struct td_key *private, *public;
        char file[64];
        size_t len;

        snprintf(file, sizeof file, "%s.pem", kinds[i].name);
        assert_int_equal(td_key_load(golden(file), NULL, &private), TD_OK);
        assert_true(td_key_is_private(private));
        assert_int_equal(td_key_type(private), kinds[i].type);
        snprintf(file, sizeof file, "%s.pub.pem", kinds[i].name);
        assert_int_equal(td_key_load(golden(file), NULL, &public), TD_OK);
        assert_false(td_key_is_private(public));

        snprintf(file, sizeof file, "%s.pub.der", kinds[i].name);
        assert_int_equal(slurp(golden(file), want, sizeof want), kinds[i].der_len);
        assert_int_equal(td_key_public_der(private, got, sizeof got, &len), TD_OK);
        assert_int_equal(len, kinds[i].der_len);
        assert_memory_equal(got, want, len);
        assert_int_equal(td_key_public_der(public, got, sizeof got, &len), TD_OK);
        assert_memory_equal(got, want, len);
        assert_int_equal(td_key_public_der(public, got, len - 1, &len), TD_ESPACE);
        td_key_free(private);
        td_key_free(public);
    }
}

static void signatures_verify_with_the_tables_of_crypto(void **state)
{
    static const uint8_t digest[TD_HASH_MAX] = { 1, 2, 3 };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(kinds); i++) {
        uint8_t der[TD_KEY_DER_MAX], sig[TD_KEY_SIG_MAX];
        const struct td_sig_alg *alg;
        size_t der_len, len, size;
        struct td_key *key;
        enum td_err err;
        char file[64];

        snprintf(file, sizeof file, "%s.pem", kinds[i].name);
        assert_int_equal(td_key_load(golden(file), NULL, &key), TD_OK);
        alg = td_key_sig_alg(key);
        assert_int_equal(alg != NULL, kinds[i].signs);
        size = alg != NULL ? alg->hash->size : 32;
        err = td_key_sign(key, digest, size, sig, sizeof sig, &len);
        assert_int_equal(err, kinds[i].signs ? TD_OK : TD_EKEYTYPE);
        if (kinds[i].signs) {
            assert_int_equal(td_key_public_der(key, der, sizeof der, &der_len), TD_OK);
            assert_int_equal(alg->verify(der, der_len, digest, size, sig, len), TD_OK);
            sig[len / 2] ^= 1;
            assert_int_not_equal(alg->verify(der, der_len, digest, size, sig, len), TD_OK);
        }
        td_key_free(key);
    }
}

static void what_cannot_sign_says_why(void **state)
{
    static const uint8_t digest[64];
    uint8_t sig[TD_KEY_SIG_MAX];
    struct td_key *key;
    size_t len;

    (void)state;
    assert_int_equal(td_key_load(golden("ecdsa-p256.pub.pem"), NULL, &key), TD_OK);
    assert_int_equal(td_key_sign(key, digest, 32, sig, sizeof sig, &len), TD_EKEYPUBLIC);
    td_key_free(key);
    assert_int_equal(td_key_load(golden("ecdsa-p256.pem"), NULL, &key), TD_OK);
    assert_int_equal(td_key_sign(key, digest, 64, sig, sizeof sig, &len), TD_EKEYTYPE);
    assert_int_equal(td_key_sign(key, digest, 32, sig, 8, &len), TD_ESPACE);
    td_key_free(key);
}

static void a_locked_key_opens_with_its_passphrase_alone(void **state)
{
    static const struct {
        const char *text;
        enum td_err want;
    } rows[] = {
        { "tandem", TD_OK }, { "tandm", TD_EKEYPASS }, { "", TD_EKEYPASS }, { NULL, TD_EKEYLOCKED }
    };
    struct td_key *key;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct answer a = { rows[i].text, 0 };
        const struct td_passphrase pass = { answer, &a };

        assert_int_equal(td_key_load(golden("locked-p256.pem"), &pass, &key), rows[i].want);
        assert_int_equal(a.asked, 1);
        assert_int_equal(key != NULL, rows[i].want == TD_OK);
        td_key_free(key);
    }
    assert_int_equal(td_key_load(golden("locked-p256.pem"), NULL, &key), TD_EKEYLOCKED);
}

static void an_open_key_asks_for_nothing(void **state)
{
    struct answer a = { "tandem", 0 };
    const struct td_passphrase pass = { answer, &a };
    struct td_key *key;

    (void)state;
    assert_int_equal(td_key_load(golden("ecdsa-p256.pem"), &pass, &key), TD_OK);
    assert_int_equal(a.asked, 0);
    td_key_free(key);
}

/* secp256k1, a curve that MCUboot does not know. */
static const char k256[] = "-----BEGIN PUBLIC KEY-----\n"
                           "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEGfKkgAmpXeTsi0STdflV0R4eqCHW1eeN\n"
                           "/je3TFo5rqljPC8SQB7MX/47iRZPdKO0hqwD292MIZxrLPSyjlxJOg==\n"
                           "-----END PUBLIC KEY-----\n";

static void what_is_no_key_says_so(void **state)
{
    static const struct {
        const char *text;
        enum td_err want;
    } rows[] = {
        { "", TD_EKEYPEM },
        { "not a key at all\n", TD_EKEYPEM },
        { "-----BEGIN PRIVATE KEY-----\n", TD_EKEYPEM },
        { "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", TD_EKEYPEM },
        { "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", TD_EKEYPEM },
        { k256, TD_EKEYTYPE },
    };
    struct td_key *key;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        enum td_err got = td_key_parse(rows[i].text, strlen(rows[i].text), "x", NULL, &key);

        if (got != rows[i].want)
            fail_msg("row %zu: %s", i, td_errname(got));
        assert_null(key);
    }
    assert_int_equal(td_key_load(golden("absent.pem"), NULL, &key), TD_EKEYFILE);
    assert_int_equal(td_key_load(golden(""), NULL, &key), TD_EKEYFILE);
}

static void new_keys_of_each_kind_survive_their_pem(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(kinds); i++) {
        for (int locked = 0; locked < 2; locked++) {
            uint8_t der[2][TD_KEY_DER_MAX];
            struct answer a = { "secret", 0 };
            const struct td_passphrase pass = { answer, &a };
            struct td_key *made, *read;
            size_t len, der_len[2];
            char *pem;

            assert_int_equal(td_key_generate(kinds[i].type, &made), TD_OK);
            assert_int_equal(td_key_private_pem(made, locked ? "secret" : NULL, &pem, &len), TD_OK);
            assert_int_equal(td_key_parse(pem, len, "x", &pass, &read), TD_OK);
            assert_int_equal(a.asked, locked);
            assert_int_equal(td_key_type(read), kinds[i].type);
            assert_int_equal(td_key_public_der(made, der[0], sizeof der[0], &der_len[0]), TD_OK);
            assert_int_equal(td_key_public_der(read, der[1], sizeof der[1], &der_len[1]), TD_OK);
            assert_int_equal(der_len[0], der_len[1]);
            assert_memory_equal(der[0], der[1], der_len[0]);
            free(pem);
            td_key_free(read);

            assert_int_equal(td_key_public_pem(made, &pem, &len), TD_OK);
            assert_int_equal(td_key_parse(pem, len, "x", NULL, &read), TD_OK);
            assert_false(td_key_is_private(read));
            free(pem);
            assert_int_equal(td_key_private_pem(read, NULL, &pem, &len), TD_EKEYPUBLIC);
            td_key_free(read);
            td_key_free(made);
        }
    }
}

static void names_and_types_go_both_ways(void **state)
{
    enum td_key_type type;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(kinds); i++) {
        assert_true(td_key_type_of(kinds[i].name, &type));
        assert_int_equal(type, kinds[i].type);
        assert_string_equal(td_key_type_name(type), kinds[i].name);
    }
    assert_false(td_key_type_of("rsa-1024", &type));
}

static void a_names_uuid_is_the_one_of_rfc_4122(void **state)
{
    /* 6ba7b810-9dad-11d1-80b4-00c04fd430c8, and python's uuid5(NAMESPACE_DNS, "python.org"). */
    static const uint8_t dns[16] = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                     0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };
    static const uint8_t want[16] = { 0x88, 0x63, 0x13, 0xe1, 0x3b, 0x8a, 0x53, 0x72,
                                      0x9b, 0x90, 0x0c, 0x9a, 0xee, 0x19, 0x9e, 0x5d };
    uint8_t got[16];

    (void)state;
    assert_true(td_uuid5(dns, "python.org", got));
    assert_memory_equal(got, want, sizeof got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imgtools_keys_load_and_give_the_public_bytes_that_imgtool_gives),
        cmocka_unit_test(signatures_verify_with_the_tables_of_crypto),
        cmocka_unit_test(what_cannot_sign_says_why),
        cmocka_unit_test(a_locked_key_opens_with_its_passphrase_alone),
        cmocka_unit_test(an_open_key_asks_for_nothing),
        cmocka_unit_test(what_is_no_key_says_so),
        cmocka_unit_test(new_keys_of_each_kind_survive_their_pem),
        cmocka_unit_test(names_and_types_go_both_ways),
        cmocka_unit_test(a_names_uuid_is_the_one_of_rfc_4122),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
