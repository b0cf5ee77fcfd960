/*
 * image/image_fuzz.c - hostile bytes as an image: opened, walked, written again, checked.
 *
 * The input is the file. What opens must be consistent: every entry lies inside its own area,
 * the areas are packed, and the builder makes the same bytes of what the reader read. Then the
 * right hash is put in, so that the walk over keys and signatures is reached as well.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "image/build.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A signature is good when it begins with the key's first byte: cheap, and easy to hit. */
static enum td_err verify_first_byte(const uint8_t *key, size_t key_len, const uint8_t *msg,
                                     size_t msg_len, const uint8_t *sig, size_t sig_len)
{
    must(key_len > 0 && msg_len == 32 && msg != NULL);
    return sig_len > 0 && sig[0] == key[0] ? TD_OK : TD_ESIG;
}

static const struct td_sig_alg first_byte = {
    .id = TD_SIG_ED25519,
    .name = "first-byte",
    .tlv = TD_TLV_ED25519,
    .hash = &td_sha256,
    .verify = verify_first_byte,
};

static void put_entry(struct td_build *b, const uint8_t *bytes, const struct td_tlv *tlv)
{
    td_build_tlv(b, tlv->type, bytes + tlv->off, tlv->len);
}

/* Reads the areas entry by entry and writes them again behind a copy of the payload. */
static void rebuild(const struct td_source *src, const struct td_image *img, const uint8_t *bytes)
{
    uint8_t *again = malloc(img->size);
    bool was_protected = img->prot_size > 0;
    struct td_tlv_iter it;
    struct td_tlv tlv;
    struct td_build b;
    bool end = false;

    must(again != NULL);
    memcpy(again, bytes, img->prot_off);
    td_build_begin(&b, again, img->size, img->prot_off);
    td_build_header(&b, &img->hdr);
    td_build_area(&b, was_protected ? TD_TLV_PROT_MAGIC : TD_TLV_MAGIC);
    td_tlv_begin(&it, src, img);
    for (;;) {
        must(td_tlv_next(&it, &tlv, &end) == TD_OK);
        if (was_protected && (end || !tlv.is_protected)) {
            td_build_close(&b);
            td_build_area(&b, TD_TLV_MAGIC);
            was_protected = false;
        }
        if (end)
            break;
        must(td_range_in(tlv.off, tlv.len, tlv.is_protected ? img->tlv_off : img->size));
        put_entry(&b, bytes, &tlv);
    }
    td_build_close(&b);
    must(b.err == TD_OK && b.len == img->size);
    memcpy(again + 0x1c, bytes + 0x1c, 4); // the padding that nobody reads
    must(memcmp(again, bytes, img->size) == 0);
    free(again);
}

/* Puts the right digest where the image carries its SHA-256. false: it carries none. */
static bool mend_hash(const struct td_source *src, const struct td_image *img, uint8_t *bytes)
{
    struct td_tlv tlv;

    if (td_tlv_find(src, img, TD_TLV_SHA256, &tlv) != TD_OK)
        return false;
    td_hash_of(&td_sha256, bytes, img->tlv_off, bytes + tlv.off);
    return true;
}

static void check(const struct td_source *src, const struct td_image *img, bool mended)
{
    static const uint8_t der[2][4] = { { 1, 2, 3, 4 }, { 5, 6, 7, 8 } };
    const struct td_image_key keys[2] = { { der[0], 4 }, { der[1], 4 } };
    struct td_image_policy policy = {
        .hash = &td_sha256, .keys = keys, .n_keys = 2, .max_size = UINT32_MAX
    };
    static struct td_image_work work;
    struct td_image_report report;
    enum td_err err = td_image_check(src, &policy, &work, &report);
    bool plain = (img->hdr.flags &
                  ~(TD_IMAGE_F_KNOWN & ~TD_IMAGE_F_ENCRYPTED & ~TD_IMAGE_F_COMPRESSED)) == 0;

    must((err == TD_OK) == (mended && plain));
    must(report.img.size == img->size);
    policy.sig = &first_byte;
    err = td_image_check(src, &policy, &work, &report);
    must((err == TD_OK) == (report.key_index >= 0));
    must(err != TD_OK || (mended && plain));
    must(td_range_in(report.fault.off, 0, src->size));
}

/* A wrapped key that opens when it begins with a zero: what follows is the key. */
static enum td_err open_if_zero(const uint8_t *priv, size_t priv_len, const uint8_t *value,
                                size_t len, uint8_t *out, size_t key_len)
{
    must(priv_len == 1 && priv[0] == 7 && len == (key_len == 16 ? 80u : 96u));
    memcpy(out, value + 1, key_len);
    return value[0] == 0 ? TD_OK : TD_EENC;
}

static const struct td_enc_alg zero_opens = {
    .id = TD_ENC_X25519,
    .name = "zero-opens",
    .tlv = TD_TLV_ENC_X25519,
    .len_128 = 80,
    .len_256 = 96,
    .unwrap = open_if_zero,
};

/* Whether the key opens; then the digest of the plain bytes is put in. */
static bool mend_encrypted(const struct td_source *src, const struct td_image *img, uint8_t *bytes,
                           const struct td_image_unwrap *unwrap)
{
    uint8_t value[TD_ENC_TLV_MAX];
    struct td_aes_ctr ctr;
    struct td_tlv tlv;
    uint16_t len;

    if (td_image_wrapped_key(src, img, unwrap, value, &len, NULL) != TD_OK ||
        td_image_open_key(unwrap, value, len, (img->hdr.flags & TD_IMAGE_F_ENC_AES256) != 0,
                          &ctr) != TD_OK ||
        td_tlv_find(src, img, TD_TLV_SHA256, &tlv) != TD_OK)
        return false;
    // There and back again, in pieces that begin and end anywhere.
    for (uint32_t off = 0, n; off < img->tlv_off; off += n) {
        n = td_min_u32(61, img->tlv_off - off);
        td_image_cipher(&ctr, img->hdr.hdr_size, img->hdr.img_size, off, bytes + off, n);
    }
    td_hash_of(&td_sha256, bytes, img->tlv_off, bytes + tlv.off);
    td_image_cipher(&ctr, img->hdr.hdr_size, img->hdr.img_size, 0, bytes, img->tlv_off);
    return true;
}

static void check_encrypted(const struct td_source *src, const struct td_image *img, uint8_t *bytes)
{
    static const uint8_t seven = 7;
    static struct td_image_work work;
    const struct td_image_unwrap unwrap = { &zero_opens, &seven, 1 };
    const struct td_image_policy policy = { .hash = &td_sha256,
                                            .max_size = UINT32_MAX,
                                            .unwrap = &unwrap };
    struct td_image_report report;
    bool opens, known = (img->hdr.flags & ~(TD_IMAGE_F_KNOWN & ~TD_IMAGE_F_COMPRESSED)) == 0;

    if ((img->hdr.flags & TD_IMAGE_F_ENCRYPTED) == 0)
        return;
    opens = mend_encrypted(src, img, bytes, &unwrap);
    must((td_image_check(src, &policy, &work, &report) == TD_OK) == (opens && known));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + (size == 0)); // of exactly this length, so that ASan sees
    struct td_image_fault fault;
    struct td_source src;
    struct td_image img, other;
    uint8_t hash[64];
    uint32_t counter;

    must(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    src = td_source_memory(bytes, (uint32_t)size);
    if (td_image_open(&src, UINT32_MAX, &img, &fault) == TD_OK) {
        must(img.size <= size);
        must(td_image_open(&src, img.size - 1, &other, &fault) == TD_EIMG_SIZE);
        must(td_image_open(&src, img.size, &other, &fault) == TD_OK);
        rebuild(&src, &img, bytes);
        (void)td_image_hash(&src, &img, hash, NULL, NULL);
        (void)td_image_counter(&src, &img, &counter);
        check(&src, &img, mend_hash(&src, &img, bytes));
        check_encrypted(&src, &img, bytes);
    }
    free(bytes);
    return 0;
}
