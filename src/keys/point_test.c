/* keys/point_test.c - bare numbers and DER: the vector of the first stage's format, and bad DER. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hex_test.h"
#include "base/range.h"
#include "crypto/hash.h"
#include "image/fw_info.h"
#include "keys/point.h"

/* The key of RFC 6979, A.2.5. */
static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"
                          "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth\n"
                          "+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ\n"
                          "-----END PRIVATE KEY-----\n";
static const char xy_hex[] = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
                             "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

static struct td_key *open_key(void)
{
    struct td_key *key;

    assert_int_equal(td_key_parse(pem, sizeof pem - 1, "test", NULL, &key), TD_OK);
    return key;
}

static void a_key_is_x_and_y(void **state)
{
    struct td_key *key = open_key();
    uint8_t want[64], got[64];

    (void)state;
    from_hex(xy_hex, want);
    assert_int_equal(td_key_xy(key, got), TD_OK);
    assert_memory_equal(got, want, 64);
    td_key_free(key);
    assert_int_equal(td_key_generate(TD_KEY_ED25519, &key), TD_OK);
    assert_int_equal(td_key_xy(key, got), TD_EKEYTYPE);
    assert_int_equal(td_key_sign_rs(key, "", 0, got), TD_EKEYTYPE);
    td_key_free(key);
}

/* Now and then r or s is short, which DER shows and the first stage's form does not. */
static void a_signature_verifies_as_the_first_stage_does_it(void **state)
{
    struct td_key *key = open_key();
    struct td_fw_validation v = { .off = 0 };
    uint8_t hash[32] = { 1 };

    (void)state;
    assert_int_equal(td_key_xy(key, v.key), TD_OK);
    for (uint8_t i = 0; i < 64; i++) {
        hash[1] = i;
        assert_int_equal(td_key_sign_rs(key, hash, sizeof hash, v.sig), TD_OK);
        assert_int_equal(td_fw_verify(&v, hash, &td_sig_ecdsa_p256), TD_OK);
    }
    td_key_free(key);
}

#define N31 "00112233445566778899aabbccddeeff00112233445566778899aabbccddee"

static const struct {
    const char *says, *der, *rs; /* rs NULL: refused */
} rows[] = {
    { "short numbers", "3006 020101 020102",
      "0000000000000000000000000000000000000000000000000000000000000001"
      "0000000000000000000000000000000000000000000000000000000000000002" },
    { "a hidden high bit", "3046 022100 ff" N31 "022100 fe" N31, "ff" N31 "fe" N31 },
    { "33 bytes that count", "3026 022101 ff" N31 "020102", NULL },
    { "34 bytes", "3027 02220000 7f" N31 "020102", NULL },
    { "a needless zero", "3007 02020001 020102", NULL },
    { "negative", "3006 020181 020102", NULL },
    { "no bytes", "3005 0200 020102", NULL },
    { "bytes behind", "3006 020101 020102 00", NULL },
    { "bytes behind, inside", "3007 020101 020102 00", NULL },
    { "cut", "3006 020101 0201", NULL },
    { "cut, inside", "3005 020101 0201", NULL },
    { "one number", "3003 020101", NULL },
    { "no sequence", "3106 020101 020102", NULL },
    { "long form", "308106 020101 020102", NULL },
    { "nothing", "", NULL },
    { "a head", "3000", NULL },
};

static void der_is_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint8_t der[128], want[64], got[64];
        size_t len = from_hex(rows[i].der, der);
        uint8_t *exact = malloc(len + 1); // so that a read behind the end is seen

        assert_non_null(exact);
        memcpy(exact + 1, der, len);
        if (td_rs_of_der(exact + 1, len, got) != (rows[i].rs == NULL ? TD_EFORMAT : TD_OK))
            fail_msg("%s", rows[i].says);
        if (rows[i].rs != NULL) {
            from_hex(rows[i].rs, want);
            assert_memory_equal(got, want, 64);
        }
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_x_and_y),
        cmocka_unit_test(a_signature_verifies_as_the_first_stage_does_it),
        cmocka_unit_test(der_is_read_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
