/* image/payload_test.c - imgtool's encrypted images, as they lie in a secondary and in a primary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/range.h"
#include "image/build.h"
#include "image/golden_test.h"
#include "image/image.h"

static struct file image, priv, pub, plain;

static struct td_image_work work;

static enum td_err check(const struct file *f, const struct td_image_policy *policy,
                         struct td_image_report *report)
{
    static const struct td_aes_ctr nothing;
    struct td_source src = td_source_memory(f->bytes, f->size);
    enum td_err err;

    memset(&work, 0xa5, sizeof work);
    work.breathe = NULL;
    err = td_image_check(&src, policy, &work, report);
    assert_memory_equal(&work.ctr, &nothing, sizeof nothing);
    return err;
}

static const struct variant {
    const char *file;
    const struct td_enc_alg *alg;
    const char *key;
    const struct td_sig_alg *sig;
    const char *signer;
    const struct td_hash_alg *hash;
} variants[] = {
    { "enc-rsa2048-128.img", &td_enc_rsa2048, "keys/rsa-2048.priv.der", &td_sig_rsa2048_pss,
      "keys/rsa-2048.pub.der", &td_sha256 },
    { "enc-rsa2048-256.img", &td_enc_rsa2048_i15, "keys/rsa-2048-minimal.priv.der",
      &td_sig_rsa2048_pss, "keys/rsa-2048.pub.der", &td_sha256 },
    { "enc-ec256-128.img", &td_enc_ec256, "keys/ecdsa-p256.priv.der", &td_sig_ecdsa_p256,
      "keys/ecdsa-p256.pub.der", &td_sha256 },
    { "enc-ec256-256.img", &td_enc_ec256_m15, "keys/ecdsa-p256-minimal.priv.der",
      &td_sig_ecdsa_p256, "keys/ecdsa-p256.pub.der", &td_sha256 },
    { "enc-x25519-128.img", &td_enc_x25519, "keys/x25519.priv.der", &td_sig_ed25519,
      "keys/ed25519.pub.der", &td_sha256 },
    { "enc-x25519-256.img", &td_enc_x25519_m15, "keys/x25519.priv.der", &td_sig_ed25519,
      "keys/ed25519.pub.der", &td_sha256 },
    { "enc-x25519-sha512-128.img", &td_enc_x25519_sha512, "keys/x25519.priv.der", &td_sig_ed25519,
      "keys/ed25519.pub.der", &td_sha256 },
    { "enc-x25519-sha512-256.img", &td_enc_x25519_sha512_m15, "keys/x25519.priv.der",
      &td_sig_ed25519, "keys/ed25519.pub.der", &td_sha256 },
    { "enc-kw-128.img", &td_enc_kw, "keys/kw-128.key", NULL, NULL, &td_sha256 },
    { "enc-kw-256.img", &td_enc_kw, "keys/kw-256.key", NULL, NULL, &td_sha256 },
    { "enc-ed25519-ec256.img", &td_enc_ec256, "keys/ecdsa-p256.priv.der", &td_sig_ed25519,
      "keys/ed25519.pub.der", &td_sha512 },
    { "enc-unsigned.img", &td_enc_x25519, "keys/x25519.priv.der", NULL, NULL, &td_sha256 },
    { "enc-pure.img", &td_enc_x25519, "keys/x25519.priv.der", &td_sig_ed25519_pure,
      "keys/ed25519.pub.der", &td_sha512 },
    { "enc-all-tlvs.img", &td_enc_x25519, "keys/x25519.priv.der", &td_sig_ed25519,
      "keys/ed25519.pub.der", &td_sha256 },
};

struct setup {
    struct td_image_unwrap unwrap;
    struct td_image_key key;
    struct td_image_policy policy;
};

static void begin(struct setup *s, const struct variant *v)
{
    load(&image, v->file);
    load(&priv, v->key);
    if (v->signer != NULL)
        load(&pub, v->signer);
    s->unwrap = (struct td_image_unwrap){ v->alg, priv.bytes, (uint16_t)priv.size };
    s->key = (struct td_image_key){ pub.bytes, (uint16_t)pub.size };
    s->policy = (struct td_image_policy){ .hash = v->hash,
                                          .sig = v->sig,
                                          .keys = &s->key,
                                          .n_keys = 1,
                                          .max_size = UINT32_MAX,
                                          .unwrap = &s->unwrap };
}

static void imgtools_encrypted_images_are_taken(void **state)
{
    (void)state;
    load(&plain, "payload.bin");
    for (size_t i = 0; i < TD_N_OF(variants); i++) {
        struct td_image_report report;
        struct setup s;
        enum td_err err;

        begin(&s, &variants[i]);
        err = check(&image, &s.policy, &report);
        if (err != TD_OK)
            fail_msg("%s: %s", variants[i].file, td_errname(err));
        s.policy.unwrap = NULL;
        assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_ENCRYPTED);
    }
}

/* Decrypted in place it is what lies in a primary, and its flag still says "encrypted". */
static void what_was_decrypted_is_the_payload_and_is_taken_in_a_primary(void **state)
{
    (void)state;
    load(&plain, "payload.bin");
    for (size_t i = 0; i < TD_N_OF(variants); i++) {
        struct td_source src = td_source_memory(image.bytes, image.size);
        uint8_t value[TD_ENC_TLV_MAX];
        struct td_image_report report;
        struct td_aes_ctr ctr;
        struct td_image img;
        struct setup s;
        uint16_t len;

        begin(&s, &variants[i]);
        src.size = image.size;
        s.policy.payload = TD_PAYLOAD_PLAIN;
        assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_HASH);
        assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_OK);
        assert_int_equal(td_image_wrapped_key(&src, &img, &s.unwrap, value, &len, NULL), TD_OK);
        assert_int_equal(td_image_open_key(&s.unwrap, value, len,
                                           (img.hdr.flags & TD_IMAGE_F_ENC_AES256) != 0, &ctr),
                         TD_OK);
        // In pieces that begin and end anywhere, header and TLVs among them.
        for (uint32_t off = 0; off < image.size; off += 37)
            td_image_cipher(&ctr, img.hdr.hdr_size, img.hdr.img_size, off, image.bytes + off,
                            td_min_u32(37, image.size - off));
        assert_memory_equal(image.bytes + img.hdr.hdr_size, plain.bytes, plain.size);
        assert_int_equal(check(&image, &s.policy, &report), TD_OK);
        s.policy.payload = TD_PAYLOAD_AS_FLAGGED;
        assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_HASH);
    }
}

static void images_made_with_clear_are_taken_in_a_primary_only(void **state)
{
    static const struct variant clear[] = {
        { "clear-rsa2048-128.img", &td_enc_rsa2048, "keys/rsa-2048.priv.der", &td_sig_rsa2048_pss,
          "keys/rsa-2048.pub.der", &td_sha256 },
        { "clear-ec256-128.img", &td_enc_ec256, "keys/ecdsa-p256.priv.der", &td_sig_ecdsa_p256,
          "keys/ecdsa-p256.pub.der", &td_sha256 },
        { "clear-x25519-256.img", &td_enc_x25519, "keys/x25519.priv.der", &td_sig_ed25519,
          "keys/ed25519.pub.der", &td_sha256 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(clear); i++) {
        struct td_image_report report;
        struct setup s;

        begin(&s, &clear[i]);
        assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_HASH);
        s.policy.payload = TD_PAYLOAD_PLAIN;
        assert_int_equal(check(&image, &s.policy, &report), TD_OK);
    }
}

/* The first ENC TLV's place; the image is opened anew, for its bytes may have changed. */
static struct td_tlv enc_tlv(void)
{
    struct td_source src = td_source_memory(image.bytes, image.size);
    struct td_image img;
    struct td_tlv tlv;

    assert_int_equal(td_image_open(&src, UINT32_MAX, &img, NULL), TD_OK);
    for (uint16_t type = TD_TLV_ENC_RSA2048; type <= TD_TLV_ENC_X25519_SHA512; type++) {
        if (td_tlv_find(&src, &img, type, &tlv) == TD_OK)
            return tlv;
    }
    fail_msg("no wrapped key");
    return tlv;
}

static void a_wrapped_key_that_does_not_open_is_one_error_wherever_it_is_spoilt(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(variants); i++) {
        struct td_image_report report;
        struct setup s;
        struct td_tlv tlv;

        begin(&s, &variants[i]);
        tlv = enc_tlv();
        for (uint16_t at = 0; at < tlv.len; at = (uint16_t)(at + 23)) {
            image.bytes[tlv.off + at] ^= 0x04;
            assert_int_equal(check(&image, &s.policy, &report), TD_EENC);
            assert_int_equal(report.fault.tlv, tlv.type);
            assert_int_equal(report.fault.off, tlv.off - 4);
            image.bytes[tlv.off + at] ^= 0x04;
        }
        assert_int_equal(check(&image, &s.policy, &report), TD_OK);
    }
}

static void a_damaged_payload_is_a_hash_mismatch(void **state)
{
    struct td_image_report report;
    struct setup s;

    (void)state;
    begin(&s, &variants[4]);
    image.bytes[500] ^= 1;
    assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_HASH);
}

static void a_flag_and_its_key_have_to_go_together(void **state)
{
    struct td_image_report report;
    struct setup s;
    struct td_tlv tlv;

    (void)state;
    // The key is wrapped in another way than the device's.
    begin(&s, &variants[4]);
    s.unwrap.alg = &td_enc_ec256;
    assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_ENCTLV);
    assert_int_equal(report.fault.tlv, TD_TLV_ENC_EC256);
    s.policy.payload = TD_PAYLOAD_PLAIN;
    assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_ENCTLV);

    // There is none. Its TLV is the last: the area is cut in front of it.
    begin(&s, &variants[4]);
    tlv = enc_tlv();
    assert_int_equal(tlv.off + tlv.len, image.size);
    image.size = tlv.off - 4;
    for (uint32_t off = 32 + 1008; off < image.size; off++) {
        if (td_load_le16(image.bytes + off) == TD_TLV_MAGIC) {
            td_store_le16(image.bytes + off + 2, (uint16_t)(image.size - off));
            break;
        }
    }
    assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_ENCTLV);

    // The other cipher's length.
    begin(&s, &variants[4]);
    image.bytes[0x10] ^= TD_IMAGE_F_ENC_AES128 ^ TD_IMAGE_F_ENC_AES256;
    assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_TLVLEN);
    assert_int_equal(report.fault.wanted, 96);
    assert_int_equal(report.fault.found, 80);

    // Both ciphers at once.
    begin(&s, &variants[4]);
    image.bytes[0x10] |= TD_IMAGE_F_ENCRYPTED;
    assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_FLAGS);
}

static void two_wrapped_keys_are_one_too_many(void **state)
{
    struct td_image_report report;
    uint32_t old_size;
    struct setup s;
    struct td_tlv tlv;

    (void)state;
    begin(&s, &variants[4]);
    tlv = enc_tlv();
    old_size = image.size;
    memcpy(image.bytes + image.size, image.bytes + tlv.off - 4, 4u + tlv.len);
    image.size += 4u + tlv.len;
    for (uint32_t off = 32 + 1008; off < old_size; off++) {
        if (td_load_le16(image.bytes + off) == TD_TLV_MAGIC) {
            td_store_le16(image.bytes + off + 2, (uint16_t)(image.size - off));
            break;
        }
    }
    assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_TLVTWICE);
}

static void compressed_images_are_taken_by_who_can_decompress_and_not_in_a_primary(void **state)
{
    static const struct variant compressed = { "comp-lzma2-enc-ec256-128.img", &td_enc_ec256,
                                               "keys/ecdsa-p256.priv.der",     &td_sig_ecdsa_p256,
                                               "keys/ecdsa-p256.pub.der",      &td_sha256 };
    struct td_image_report report;
    struct setup s;

    (void)state;
    begin(&s, &compressed);
    assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_COMPRESSED);
    s.policy.takes_compressed = true;
    assert_int_equal(check(&image, &s.policy, &report), TD_OK);
    s.policy.payload = TD_PAYLOAD_PLAIN;
    assert_int_equal(check(&image, &s.policy, &report), TD_EIMG_COMPRESSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imgtools_encrypted_images_are_taken),
        cmocka_unit_test(what_was_decrypted_is_the_payload_and_is_taken_in_a_primary),
        cmocka_unit_test(images_made_with_clear_are_taken_in_a_primary_only),
        cmocka_unit_test(a_wrapped_key_that_does_not_open_is_one_error_wherever_it_is_spoilt),
        cmocka_unit_test(a_damaged_payload_is_a_hash_mismatch),
        cmocka_unit_test(a_flag_and_its_key_have_to_go_together),
        cmocka_unit_test(two_wrapped_keys_are_one_too_many),
        cmocka_unit_test(compressed_images_are_taken_by_who_can_decompress_and_not_in_a_primary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
