/* tests/story_image.h - signed applications of the virtual device, for tests that cross rooms. */
#ifndef TESTS_STORY_IMAGE_H
#define TESTS_STORY_IMAGE_H

#include <string.h>

#include "crypto/hash.h"
#include "image/build.h"
#include "keys/keys.h"
#include "sim/app.h"

struct image {
    uint8_t bytes[0x38000];
    uint32_t size;
    uint8_t hash[32];
    uint8_t sha[32];
};

static inline void sha256(const uint8_t *bytes, uint32_t len, uint8_t out[32])
{
    struct td_hash h;

    td_hash_init(&h, &td_sha256);
    td_hash_update(&h, bytes, len);
    td_hash_final(&h, out);
}

static inline void make_image(struct image *m, const char *name, uint8_t major, uint32_t payload,
                              uint16_t flags, const struct td_key *key)
{
    struct sim_app app = { .flags = flags, .size = payload };
    struct td_image_header hdr = { .hdr_size = 32, .img_size = payload };
    struct td_build b;
    uint8_t der[TD_KEY_DER_MAX], sig[TD_KEY_SIG_MAX], fingerprint[32];
    size_t der_len, sig_len;

    memset(m, 0, sizeof(*m));
    hdr.version.major = major;
    memcpy(app.name, name, strlen(name));
    assert_int_equal(sim_app_build(&app, m->bytes + 32, sizeof(m->bytes) - 32), TD_OK);
    td_build_begin(&b, m->bytes, sizeof(m->bytes), 32 + payload);
    td_build_header(&b, &hdr);
    sha256(m->bytes, b.len, m->hash);
    assert_int_equal(td_key_public_der(key, der, sizeof(der), &der_len), TD_OK);
    sha256(der, (uint32_t)der_len, fingerprint);
    assert_int_equal(td_key_sign(key, m->hash, 32, sig, sizeof(sig), &sig_len), TD_OK);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, m->hash, 32);
    td_build_tlv(&b, TD_TLV_KEYHASH, fingerprint, 32);
    td_build_tlv(&b, TD_TLV_ECDSA_SIG, sig, sig_len);
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    m->size = b.len;
    sha256(m->bytes, m->size, m->sha);
}

#endif
