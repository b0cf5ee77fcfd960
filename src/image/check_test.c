/* image/check_test.c - imgtool's images judged; each refusal by its own name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "base/bytes.h"
#include "base/range.h"
#include "image/build.h"
#include "image/golden_test.h"
#include "image/image.h"

enum { RSA2048, RSA3072, P256, ED25519, OTHER, P384, N_KEYS };

static const char *const key_files[N_KEYS] = {
    "keys/rsa-2048.pub.der", "keys/rsa-3072.pub.der",   "keys/ecdsa-p256.pub.der",
    "keys/ed25519.pub.der",  "keys/other-p256.pub.der", "keys/ecdsa-p384.pub.der"
};

static struct file key_bytes[N_KEYS];

static int load_keys(void **state)
{
    (void)state;
    for (int i = 0; i < N_KEYS; i++)
        load(&key_bytes[i], key_files[i]);
    return 0;
}

static struct td_image_key key(int i)
{
    return (struct td_image_key){ key_bytes[i].bytes, (uint16_t)key_bytes[i].size };
}

static enum td_err check(const struct file *f, const struct td_image_policy *policy,
                         struct td_image_report *report)
{
    static struct td_image_work work;
    struct td_source src = td_source_memory(f->bytes, f->size);

    memset(&work, 0xa5, sizeof work);
    work.breathe = NULL;
    return td_image_check(&src, policy, &work, report);
}

static const struct {
    const char *file;
    const struct td_hash_alg *hash;
    const struct td_sig_alg *sig;
    int key;
    enum td_err want;
    uint16_t tlv; /* that the fault names */
} rows[] = {
    { "minimal.img", &td_sha256, NULL, 0, TD_OK, 0 },
    { "custom.img", &td_sha256, NULL, 0, TD_OK, 0 },
    { "sha384.img", &td_sha384, NULL, 0, TD_OK, 0 },
    { "sha512.img", &td_sha512, NULL, 0, TD_OK, 0 },
    { "sha512.img", &td_sha256, NULL, 0, TD_EIMG_HASHTYPE, TD_TLV_SHA512 },
    { "rsa-2048.img", &td_sha256, &td_sig_rsa2048_pss, RSA2048, TD_OK, 0 },
    { "rsa-3072.img", &td_sha256, &td_sig_rsa3072_pss, RSA3072, TD_OK, 0 },
    { "ecdsa-p256.img", &td_sha256, &td_sig_ecdsa_p256, P256, TD_OK, 0 },
    { "ed25519.img", &td_sha256, &td_sig_ed25519, ED25519, TD_OK, 0 },
    { "ed25519-sha512.img", &td_sha512, &td_sig_ed25519, ED25519, TD_OK, 0 },
    { "ecdsa-p256-full.img", &td_sha256, &td_sig_ecdsa_p256, P256, TD_OK, 0 },
    { "ecdsa-p256-padsig.img", &td_sha256, &td_sig_ecdsa_p256, P256, TD_OK, 0 },
    { "all-tlvs.img", &td_sha256, &td_sig_ed25519, ED25519, TD_OK, 0 },
    { "confirmed.img", &td_sha256, &td_sig_ed25519, ED25519, TD_OK, 0 },
    { "rom-fixed.img", &td_sha256, NULL, 0, TD_OK, 0 },
    { "ed25519.img", &td_sha256, NULL, 0, TD_OK, 0 },
    { "ecdsa-p256.img", &td_sha256, &td_sig_ecdsa_p256, OTHER, TD_EIMG_KEY, TD_TLV_ECDSA_SIG },
    { "ecdsa-p256-full.img", &td_sha256, &td_sig_ecdsa_p256, OTHER, TD_EIMG_KEY, TD_TLV_ECDSA_SIG },
    { "minimal.img", &td_sha256, &td_sig_ecdsa_p256, P256, TD_EIMG_UNSIGNED, 0 },
    { "ed25519.img", &td_sha256, &td_sig_ecdsa_p256, P256, TD_EIMG_SIGTYPE, TD_TLV_ED25519 },
    { "rsa-2048.img", &td_sha256, &td_sig_rsa3072_pss, RSA3072, TD_EIMG_SIGTYPE,
      TD_TLV_RSA2048_PSS },
    { "ecdsa-p384.img", &td_sha256, &td_sig_ecdsa_p256, P256, TD_EIMG_P384, TD_TLV_ECDSA_SIG },
    { "ed25519-pure.img", &td_sha256, &td_sig_ed25519, ED25519, TD_EIMG_PURE, TD_TLV_SIG_PURE },
    { "ecdsa-p384.img", &td_sha384, &td_sig_ecdsa_p384, P384, TD_OK, 0 },
    { "ecdsa-p384.img", &td_sha384, &td_sig_ecdsa_p384_i15, P384, TD_OK, 0 },
    { "ecdsa-p384-padsig.img", &td_sha384, &td_sig_ecdsa_p384, P384, TD_OK, 0 },
    { "ecdsa-p384-full.img", &td_sha384, &td_sig_ecdsa_p384, P384, TD_OK, 0 },
    { "ecdsa-p384.img", &td_sha384, &td_sig_ecdsa_p384, P256, TD_EIMG_KEY, TD_TLV_ECDSA_SIG },
    { "ecdsa-p256.img", &td_sha384, &td_sig_ecdsa_p384, P384, TD_EIMG_HASHTYPE, TD_TLV_SHA256 },
    { "ed25519-pure.img", &td_sha512, &td_sig_ed25519_pure, ED25519, TD_OK, 0 },
    { "ed25519-sha512.img", &td_sha512, &td_sig_ed25519_pure, ED25519, TD_EIMG_SIGTYPE,
      TD_TLV_SIG_PURE },
    { "ed25519-full.img", &td_sha256, &td_sig_ed25519, ED25519, TD_OK, 0 },
    { "rsa-2048-full.img", &td_sha256, &td_sig_rsa2048_pss, RSA2048, TD_OK, 0 },
    { "rsa-3072-full.img", &td_sha256, &td_sig_rsa3072_pss, RSA3072, TD_OK, 0 },
    { "encrypted.img", &td_sha256, &td_sig_ecdsa_p256, P256, TD_EIMG_ENCRYPTED, 0 },
    { "compressed.img", &td_sha256, &td_sig_ecdsa_p256, P256, TD_EIMG_COMPRESSED, 0 },
    { "big-endian.img", &td_sha256, NULL, 0, TD_EIMG_MAGIC, 0 },
};

static void imgtools_images_get_the_answer_they_deserve(void **state)
{
    static struct file f;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_image_key k = key(rows[i].key);
        const struct td_image_policy policy = { .hash = rows[i].hash,
                                                .sig = rows[i].sig,
                                                .keys = &k,
                                                .n_keys = 1,
                                                .max_size = UINT32_MAX };
        struct td_image_report report;
        enum td_err got;

        load(&f, rows[i].file);
        got = check(&f, &policy, &report);
        if (got != rows[i].want || report.fault.tlv != rows[i].tlv)
            fail_msg("%s, key %d: %s, tlv 0x%x", rows[i].file, rows[i].key, td_errname(got),
                     report.fault.tlv);
        if (got == TD_OK && report.key_index != (rows[i].sig != NULL ? 0 : -1))
            fail_msg("%s: key index %d", rows[i].file, report.key_index);
    }
}

static void a_policy_of_keys_in_full_takes_no_hash_of_a_key(void **state)
{
    static const struct {
        const char *file;
        int key;
        enum td_err want;
    } cases[] = {
        { "ecdsa-p256-full.img", P256, TD_OK },
        { "ecdsa-p256-full.img", OTHER, TD_EIMG_KEY },
        { "ecdsa-p256.img", P256, TD_EIMG_KEY },
    };
    static struct file f;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        struct td_image_key k = key(cases[i].key);
        const struct td_image_policy policy = { .hash = &td_sha256,
                                                .sig = &td_sig_ecdsa_p256,
                                                .keys = &k,
                                                .n_keys = 1,
                                                .max_size = UINT32_MAX,
                                                .key_in_full = true };
        struct td_image_report report;

        load(&f, cases[i].file);
        assert_int_equal(check(&f, &policy, &report), cases[i].want);
    }
}

static void a_pure_signature_covers_every_byte_and_wants_its_mark(void **state)
{
    struct td_image_key k = key(ED25519);
    const struct td_image_policy policy = { .hash = &td_sha512,
                                            .sig = &td_sig_ed25519_pure,
                                            .keys = &k,
                                            .n_keys = 1,
                                            .max_size = UINT32_MAX };
    struct td_image_report report;
    static struct file f;
    struct td_source src;
    struct td_image img;
    struct td_tlv tlv;

    (void)state;
    load(&f, "ed25519-pure.img");
    src = td_source_memory(f.bytes, f.size);
    assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_OK);
    assert_int_equal(td_tlv_find(&src, &img, TD_TLV_SHA512, &tlv), TD_OK);
    for (uint32_t off = 0x14; off < img.tlv_off; off += 7) {
        f.bytes[off] ^= 0x10;
        td_hash_of(&td_sha512, f.bytes, img.tlv_off, f.bytes + tlv.off);
        assert_int_equal(check(&f, &policy, &report), TD_EIMG_SIG);
        f.bytes[off] ^= 0x10;
    }
    td_hash_of(&td_sha512, f.bytes, img.tlv_off, f.bytes + tlv.off);
    assert_int_equal(check(&f, &policy, &report), TD_OK);
    assert_int_equal(td_tlv_find(&src, &img, TD_TLV_SIG_PURE, &tlv), TD_OK);
    f.bytes[tlv.off] = 2;
    assert_int_equal(check(&f, &policy, &report), TD_EIMG_SIGTYPE);
}

static void any_flipped_bit_that_counts_is_noticed(void **state)
{
    struct td_image_key k = key(ED25519);
    const struct td_image_policy policy = {
        .hash = &td_sha256, .sig = &td_sig_ed25519, .keys = &k, .n_keys = 1, .max_size = UINT32_MAX
    };
    struct td_image_report report;
    static struct file f;
    uint32_t size;

    (void)state;
    load(&f, "all-tlvs.img");
    size = f.size;
    for (uint32_t off = 0; off < size; off++) {
        uint8_t bit = (uint8_t)(1u << off % 8);

        f.bytes[off] ^= bit;
        if (check(&f, &policy, &report) == TD_OK)
            fail_msg("bit of byte %u does not matter", off);
        f.bytes[off] ^= bit;
    }
    assert_int_equal(check(&f, &policy, &report), TD_OK);
}

static void a_damaged_payload_is_a_hash_mismatch_and_a_damaged_signature_is_not(void **state)
{
    struct td_image_key k = key(ED25519);
    const struct td_image_policy policy = {
        .hash = &td_sha256, .sig = &td_sig_ed25519, .keys = &k, .n_keys = 1, .max_size = UINT32_MAX
    };
    struct td_image_report report;
    static struct file f;

    (void)state;
    load(&f, "ed25519.img");
    f.bytes[100] ^= 1;
    assert_int_equal(check(&f, &policy, &report), TD_EIMG_HASH);
    f.bytes[100] ^= 1;
    f.bytes[f.size - 1] ^= 1;
    assert_int_equal(check(&f, &policy, &report), TD_EIMG_SIG);
    assert_int_equal(report.fault.tlv, TD_TLV_ED25519);
    assert_int_equal(report.fault.off, f.size - 68);
    assert_int_equal(report.key_index, -1);
}

static void flags_without_a_meaning_are_refused_before_anything_is_hashed(void **state)
{
    const struct td_image_policy policy = {
        .hash = &td_sha256, .sig = NULL, .keys = NULL, .n_keys = 0, .max_size = UINT32_MAX
    };
    struct td_image_report report;
    static struct file f;

    (void)state;
    load(&f, "minimal.img");
    f.bytes[0x11] = 0x10;
    assert_int_equal(check(&f, &policy, &report), TD_EIMG_FLAGBITS);
    assert_int_equal(report.fault.off, 0x10);
    assert_int_equal(report.fault.found, 0x1000);
}

static void the_report_names_key_and_hash(void **state)
{
    struct td_image_key keys[2] = { key(OTHER), key(P256) };
    const struct td_image_policy policy = { .hash = &td_sha256,
                                            .sig = &td_sig_ecdsa_p256,
                                            .keys = keys,
                                            .n_keys = 2,
                                            .max_size = UINT32_MAX };
    struct td_image_report report;
    uint8_t fingerprint[TD_HASH_MAX];
    static struct file f;

    (void)state;
    load(&f, "ecdsa-p256.img");
    assert_int_equal(check(&f, &policy, &report), TD_OK);
    assert_int_equal(report.key_index, 1);
    assert_int_equal(report.hash_len, 32);
    td_hash_of(&td_sha256, keys[1].der, keys[1].len, fingerprint);
    assert_memory_equal(report.key, fingerprint, sizeof report.key);
    assert_memory_equal(report.hash, f.bytes + report.img.tlv_off + 8, 32);
}

static void load_der(uint8_t der[44], const uint8_t pub[32])
{
    static const uint8_t head[12] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

    memcpy(der, head, sizeof head);
    memcpy(der + sizeof head, pub, 32);
}

/*
 * One image body, and after it the (key, signature) pairs that a letter each names: g the good
 * pair, k an unknown key's, b a trusted key with a bad signature, n a signature with no key,
 * t a pair of another type.
 */
static void build_pairs(struct file *f, const struct file *golden, const char *pairs)
{
    struct td_source src = td_source_memory(golden->bytes, golden->size);
    struct td_image img;
    struct td_tlv hash, keyhash, sig;
    struct td_build b;

    assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_OK);
    assert_int_equal(td_tlv_find(&src, &img, TD_TLV_SHA256, &hash), TD_OK);
    assert_int_equal(td_tlv_find(&src, &img, TD_TLV_KEYHASH, &keyhash), TD_OK);
    assert_int_equal(td_tlv_find(&src, &img, TD_TLV_ED25519, &sig), TD_OK);
    memcpy(f->bytes, golden->bytes, img.tlv_off);
    td_build_begin(&b, f->bytes, sizeof f->bytes, img.tlv_off);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, golden->bytes + hash.off, 32);
    for (; *pairs != 0; pairs++) {
        uint8_t name[32];
        uint8_t value[64];

        memcpy(name, golden->bytes + keyhash.off, sizeof name);
        memcpy(value, golden->bytes + sig.off, sizeof value);
        name[0] ^= *pairs == 'k';
        value[0] ^= *pairs == 'b';
        if (*pairs != 'n')
            td_build_tlv(&b, TD_TLV_KEYHASH, name, sizeof name);
        td_build_tlv(&b, *pairs == 't' ? TD_TLV_ECDSA_SIG : TD_TLV_ED25519, value, sizeof value);
    }
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    f->size = b.len;
}

static void of_several_pairs_all_trusted_ones_verify_and_one_must(void **state)
{
    static const struct {
        const char *pairs;
        enum td_err want;
    } cases[] = {
        { "", TD_EIMG_UNSIGNED },
        { "g", TD_OK },
        { "k", TD_EIMG_KEY },
        { "b", TD_EIMG_SIG },
        { "n", TD_EIMG_NOKEY },
        { "t", TD_EIMG_SIGTYPE },
        { "kg", TD_OK },
        { "gk", TD_OK },
        { "gb", TD_EIMG_SIG },
        { "bg", TD_EIMG_SIG },
        { "gn", TD_OK },
        { "kb", TD_EIMG_SIG },
        { "tg", TD_OK },
        { "gt", TD_OK },
        { "tk", TD_EIMG_KEY },
        { "tt", TD_EIMG_SIGTYPE },
        { "gggggggg", TD_OK },
        { "ggggggggg", TD_EIMG_PAIRS },
        { "kkkkkkkkg", TD_EIMG_PAIRS },
        { "nk", TD_EIMG_NOKEY },
        { "kn", TD_EIMG_KEY },
    };
    struct td_image_key k = key(ED25519);
    const struct td_image_policy policy = {
        .hash = &td_sha256, .sig = &td_sig_ed25519, .keys = &k, .n_keys = 1, .max_size = UINT32_MAX
    };
    static struct file golden, f;

    (void)state;
    load(&golden, "ed25519.img");
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        struct td_image_report report;
        enum td_err got;

        build_pairs(&f, &golden, cases[i].pairs);
        got = check(&f, &policy, &report);
        if (got != cases[i].want)
            fail_msg("\"%s\": %s", cases[i].pairs, td_errname(got));
    }
}

/* The body of ed25519.img, signed by each key that a bit of signers names; the third is untrusted. */
static void sign_with(struct file *f, const struct file *golden, unsigned signers, bool again,
                      uint8_t der[3][44])
{
    struct td_source src = td_source_memory(golden->bytes, golden->size);
    struct td_image img;
    struct td_build b;
    uint8_t hash[TD_HASH_MAX];

    assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_OK);
    assert_int_equal(td_image_hash(&src, &img, hash, NULL, NULL), TD_OK);
    memcpy(f->bytes, golden->bytes, img.tlv_off);
    td_build_begin(&b, f->bytes, sizeof f->bytes, img.tlv_off);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, hash, 32);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t seed[32], pub[32], secret[64], sig[64], name[32];

        memset(seed, (int)(0x40 + i), sizeof seed);
        crypto_sign_seed_keypair(pub, secret, seed);
        load_der(der[i], pub);
        crypto_sign_detached(sig, NULL, hash, 32, secret);
        td_hash_of(&td_sha256, der[i], 44, name);
        for (unsigned n = 0; (signers & 1u << i) != 0 && n < (again ? 2 : 1); n++) {
            td_build_tlv(&b, TD_TLV_KEYHASH, name, sizeof name);
            td_build_tlv(&b, TD_TLV_ED25519, sig, sizeof sig);
        }
    }
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    f->size = b.len;
}

static void a_rule_asks_for_so_many_different_trusted_keys(void **state)
{
    static const struct {
        unsigned signers;
        bool again; /* each signs twice */
        uint8_t needed;
        enum td_err want;
    } cases[] = {
        { 3, false, 2, TD_OK },
        { 7, false, 2, TD_OK },
        { 1, false, 2, TD_EIMG_TOOFEW },
        { 1, true, 2, TD_EIMG_TOOFEW },
        { 5, false, 2, TD_EIMG_TOOFEW },
        { 4, false, 2, TD_EIMG_KEY },
        { 0, false, 2, TD_EIMG_UNSIGNED },
        { 2, false, 1, TD_OK },
        { 3, true, 3, TD_EIMG_TOOFEW },
    };
    static struct file golden, f;

    (void)state;
    load(&golden, "ed25519.img");
    for (size_t i = 0; i < TD_N_OF(cases); i++) {
        uint8_t der[3][44];
        struct td_image_key keys[2] = { { der[0], 44 }, { der[1], 44 } };
        const struct td_image_policy policy = { .hash = &td_sha256,
                                                .sig = &td_sig_ed25519,
                                                .keys = keys,
                                                .n_keys = 2,
                                                .max_size = UINT32_MAX,
                                                .rule = TD_RULE_N_KEYS,
                                                .n_needed = cases[i].needed };
        struct td_image_report report;
        enum td_err got;

        sign_with(&f, &golden, cases[i].signers, cases[i].again, der);
        got = check(&f, &policy, &report);
        if (got != cases[i].want)
            fail_msg("case %zu: %s", i, td_errname(got));
        assert_int_equal(report.key_index >= 0, got == TD_OK);
        if (got == TD_EIMG_TOOFEW)
            assert_int_equal(report.fault.wanted, cases[i].needed);
    }
}

static void an_image_without_a_hash_is_refused_even_when_signed(void **state)
{
    struct td_image_key k = key(ED25519);
    const struct td_image_policy policy = {
        .hash = &td_sha256, .sig = &td_sig_ed25519, .keys = &k, .n_keys = 1, .max_size = UINT32_MAX
    };
    struct td_image_report report;
    static struct file f;
    struct td_source src;
    struct td_image img;

    (void)state;
    load(&f, "ed25519.img");
    src = td_source_memory(f.bytes, f.size);
    assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_OK);
    memmove(f.bytes + img.tlv_off + 4, f.bytes + img.tlv_off + 40, f.size - img.tlv_off - 40);
    td_store_le16(f.bytes + img.tlv_off + 2, (uint16_t)(img.tlv_size - 36));
    f.size -= 36;
    assert_int_equal(check(&f, &policy, &report), TD_EIMG_NOHASH);
}

static void the_largest_size_is_the_policys(void **state)
{
    struct td_image_policy policy = { .hash = &td_sha256, .max_size = 76 };
    struct td_image_report report;
    static struct file f;

    (void)state;
    load(&f, "minimal.img");
    assert_int_equal(check(&f, &policy, &report), TD_OK);
    policy.max_size = 75;
    assert_int_equal(check(&f, &policy, &report), TD_EIMG_SIZE);
}

static void count(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void the_watchdog_can_be_fed_while_hashing(void **state)
{
    const struct td_image_policy policy = {
        .hash = &td_sha256, .sig = NULL, .keys = NULL, .n_keys = 0, .max_size = UINT32_MAX
    };
    static struct td_image_work work;
    struct td_image_report report;
    static struct file f;
    struct td_source src;
    unsigned breaths = 0;

    (void)state;
    load(&f, "rom-fixed.img");
    src = td_source_memory(f.bytes, f.size);
    work.breathe = count;
    work.breathe_ctx = &breaths;
    assert_int_equal(td_image_check(&src, &policy, &work, &report), TD_OK);
    assert_int_equal(breaths, (1032 + sizeof work.buf - 1) / sizeof work.buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imgtools_images_get_the_answer_they_deserve),
        cmocka_unit_test(a_policy_of_keys_in_full_takes_no_hash_of_a_key),
        cmocka_unit_test(a_pure_signature_covers_every_byte_and_wants_its_mark),
        cmocka_unit_test(a_rule_asks_for_so_many_different_trusted_keys),
        cmocka_unit_test(any_flipped_bit_that_counts_is_noticed),
        cmocka_unit_test(a_damaged_payload_is_a_hash_mismatch_and_a_damaged_signature_is_not),
        cmocka_unit_test(flags_without_a_meaning_are_refused_before_anything_is_hashed),
        cmocka_unit_test(the_report_names_key_and_hash),
        cmocka_unit_test(of_several_pairs_all_trusted_ones_verify_and_one_must),
        cmocka_unit_test(an_image_without_a_hash_is_refused_even_when_signed),
        cmocka_unit_test(the_largest_size_is_the_policys),
        cmocka_unit_test(the_watchdog_can_be_fed_while_hashing),
    };

    return cmocka_run_group_tests(tests, load_keys, NULL);
}
