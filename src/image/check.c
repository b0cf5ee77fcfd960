/*
 * image/check.c - whether a bootloader with a given policy would run an image.
 *
 * 1. Nothing is accepted that was not hashed, and nothing signed that is not the hash.
 * 2. Each (key, signature) pair whose key is trusted verifies, and there is at least one. The
 *    original lets the last pair overrule the others, so that a forged pair in front of a good
 *    one goes unnoticed; here it is an error.
 * 3. The stored hash is read once. What is compared is what is verified.
 */
#include "image/image.h"

#include <string.h>

#include "base/range.h"
#include "crypto/ct.h"

#define AT_FLAGS 0x10

struct check {
    const struct td_source *src;
    const struct td_image_policy *policy;
    struct td_image_work *work;
    struct td_image_report *report;
};

static enum td_err fail(struct check *c, enum td_err err, uint32_t off, uint16_t tlv,
                        uint32_t wanted, uint32_t found)
{
    c->report->fault.off = off;
    c->report->fault.tlv = tlv;
    c->report->fault.wanted = wanted;
    c->report->fault.found = found;
    return err;
}

static enum td_err fail_tlv(struct check *c, enum td_err err, const struct td_tlv *tlv,
                            uint32_t wanted, uint32_t found)
{
    return fail(c, err, tlv->off - TD_TLV_ENTRY_SIZE, tlv->type, wanted, found);
}

enum td_err td_image_digest(const struct td_source *src, const struct td_image *img,
                            const struct td_hash_alg *alg, struct td_image_work *work,
                            uint8_t out[64])
{
    uint32_t off = 0;

    td_hash_init(&work->hash, alg);
    while (off < img->tlv_off) {
        uint32_t len = td_min_u32(img->tlv_off - off, sizeof work->buf);
        enum td_err err = td_source_read(src, off, work->buf, len);

        if (err != TD_OK)
            return err;
        td_hash_update(&work->hash, work->buf, len);
        off += len;
        if (work->breathe != NULL)
            work->breathe(work->breathe_ctx);
    }
    td_hash_final(&work->hash, out);
    return TD_OK;
}

static enum td_err check_flags(struct check *c)
{
    uint32_t flags = c->report->img.hdr.flags;

    if ((flags & TD_IMAGE_F_ENCRYPTED) != 0 && c->policy->payload != TD_PAYLOAD_PLAIN)
        return fail(c, TD_EIMG_ENCRYPTED, AT_FLAGS, 0, 0, flags);
    if ((flags & TD_IMAGE_F_COMPRESSED) != 0 && !c->policy->takes_compressed)
        return fail(c, TD_EIMG_COMPRESSED, AT_FLAGS, 0, 0, flags);
    if ((flags & ~TD_IMAGE_F_KNOWN) != 0)
        return fail(c, TD_EIMG_FLAGBITS, AT_FLAGS, 0, 0, flags & ~TD_IMAGE_F_KNOWN);
    return TD_OK;
}

/* Recognises what is well known and not supported, so that the error is not a riddle. */
static enum td_err check_kind(struct check *c, uint16_t hash_type)
{
    const struct td_image *img = &c->report->img;
    struct td_tlv tlv;

    if (c->policy->sig != NULL && td_tlv_find(c->src, img, TD_TLV_SIG_PURE, &tlv) == TD_OK)
        return fail_tlv(c, TD_EIMG_PURE, &tlv, 0, 0);
    if (hash_type == c->policy->hash->tlv)
        return TD_OK;
    // P-256 and P-384 share a TLV type, and only P-384 goes with this hash.
    if (hash_type == TD_TLV_SHA384 && td_tlv_find(c->src, img, TD_TLV_ECDSA_SIG, &tlv) == TD_OK)
        return fail_tlv(c, TD_EIMG_P384, &tlv, 0, 0);
    return fail(c, TD_EIMG_HASHTYPE, img->tlv_off, hash_type, c->policy->hash->tlv, hash_type);
}

static enum td_err check_hash(struct check *c)
{
    struct td_image_report *r = c->report;
    uint8_t digest[TD_HASH_MAX];
    uint16_t type;
    enum td_err err = td_image_hash(c->src, &r->img, r->hash, &r->hash_len, &type);

    if (err == TD_EIMG_NOHASH)
        return fail(c, err, r->img.tlv_off, 0, c->policy->hash->tlv, 0);
    if (err == TD_OK)
        err = check_kind(c, type);
    if (err == TD_OK)
        err = td_image_digest(c->src, &r->img, c->policy->hash, c->work, digest);
    if (err != TD_OK)
        return err;
    if (r->hash_len != c->policy->hash->size || !td_ct_equal(digest, r->hash, r->hash_len))
        return fail(c, TD_EIMG_HASH, r->img.tlv_off, type, 0, 0);
    return TD_OK;
}

/* Whose signature comes next in the walk. */
enum signer {
    SIGNER_UNNAMED,
    SIGNER_UNKNOWN,
    SIGNER_TRUSTED,
};

struct pair {
    enum signer signer;
    uint8_t index;  /* of the policy's key, when it is trusted */
    uint8_t key[8]; /* leading bytes of the hash of the key that the image names */
};

static void hash_key(struct check *c, const struct td_image_key *key, uint8_t out[TD_HASH_MAX])
{
    td_hash_init(&c->work->hash, c->policy->hash);
    td_hash_update(&c->work->hash, key->der, key->len);
    td_hash_final(&c->work->hash, out);
}

/* A key TLV: which of the trusted keys it names, by hash or in full. */
static enum td_err read_signer(struct check *c, const struct td_tlv *tlv, struct pair *pair)
{
    struct td_image_key named = { c->work->buf, tlv->len };
    uint8_t want[TD_HASH_MAX];
    uint8_t have[TD_HASH_MAX];
    uint8_t size = c->policy->hash->size;
    enum td_err err;

    pair->signer = SIGNER_UNKNOWN;
    if (tlv->len > sizeof c->work->buf)
        return TD_EIMG_TLVLEN;
    err = td_source_read(c->src, tlv->off, c->work->buf, tlv->len);
    if (err != TD_OK)
        return err;
    if (tlv->type == TD_TLV_PUBKEY)
        hash_key(c, &named, want);
    else
        memcpy(want, c->work->buf, td_min_u32(tlv->len, sizeof want));
    memcpy(pair->key, want, sizeof pair->key);
    if (tlv->type == TD_TLV_KEYHASH && tlv->len != size)
        return TD_OK;

    for (uint8_t i = 0; i < c->policy->n_keys && pair->signer == SIGNER_UNKNOWN; i++) {
        hash_key(c, &c->policy->keys[i], have);
        if (td_ct_equal(want, have, size)) {
            pair->signer = SIGNER_TRUSTED;
            pair->index = i;
        }
    }
    return TD_OK;
}

static enum td_err verify(struct check *c, const struct td_tlv *tlv, uint8_t index)
{
    const struct td_image_key *key = &c->policy->keys[index];
    const struct td_image_report *r = c->report;
    enum td_err err;

    if (tlv->len > sizeof c->work->sig)
        return fail_tlv(c, TD_EIMG_SIGLEN, tlv, c->policy->sig->sig_max, tlv->len);
    err = td_source_read(c->src, tlv->off, c->work->sig, tlv->len);
    if (err != TD_OK)
        return err;
    err = c->policy->sig->verify(key->der, key->len, r->hash, r->hash_len, c->work->sig, tlv->len);
    if (err == TD_ESIG)
        return fail_tlv(c, TD_EIMG_SIG, tlv, 0, 0);
    if (err == TD_ESIGLEN)
        return fail_tlv(c, TD_EIMG_SIGLEN, tlv, c->policy->sig->sig_max, tlv->len);
    return err;
}

/* One signature of the kind we want. *verdict keeps the first reason, or TD_OK once verified. */
static enum td_err judge(struct check *c, const struct td_tlv *tlv, const struct pair *pair,
                         enum td_err *verdict)
{
    enum td_err err;

    if (pair->signer == SIGNER_TRUSTED) {
        memcpy(c->report->key, pair->key, sizeof pair->key);
        err = verify(c, tlv, pair->index);
        if (err != TD_OK) {
            c->report->key_index = -1;
            return err;
        }
        if (*verdict != TD_OK)
            c->report->key_index = pair->index;
        *verdict = TD_OK;
        memset(&c->report->fault, 0, sizeof c->report->fault);
        return TD_OK;
    }
    if (*verdict != TD_EIMG_UNSIGNED && *verdict != TD_EIMG_SIGTYPE)
        return TD_OK;
    memcpy(c->report->key, pair->key, sizeof pair->key);
    *verdict = pair->signer == SIGNER_UNKNOWN ? TD_EIMG_KEY : TD_EIMG_NOKEY;
    fail_tlv(c, *verdict, tlv, 0, 0);
    return TD_OK;
}

static bool is_signature(uint16_t type)
{
    return type == TD_TLV_RSA2048_PSS || type == TD_TLV_ECDSA224 || type == TD_TLV_ECDSA_SIG ||
           type == TD_TLV_RSA3072_PSS || type == TD_TLV_ED25519;
}

static enum td_err check_entry(struct check *c, const struct td_tlv *tlv, struct pair *pair,
                               enum td_err *verdict)
{
    static const struct pair unnamed = { SIGNER_UNNAMED, 0, { 0 } };
    enum td_err err = TD_OK;

    if (tlv->type == TD_TLV_KEYHASH || tlv->type == TD_TLV_PUBKEY)
        return read_signer(c, tlv, pair);
    if (!is_signature(tlv->type))
        return TD_OK;
    if (tlv->type == c->policy->sig->tlv) {
        err = judge(c, tlv, pair, verdict);
    } else if (*verdict == TD_EIMG_UNSIGNED) {
        *verdict = TD_EIMG_SIGTYPE;
        memcpy(c->report->key, pair->key, sizeof pair->key);
        fail_tlv(c, *verdict, tlv, c->policy->sig->tlv, tlv->type);
    }
    *pair = unnamed;
    return err;
}

static enum td_err check_signatures(struct check *c)
{
    const struct td_image *img = &c->report->img;
    struct pair pair = { SIGNER_UNNAMED, 0, { 0 } };
    enum td_err verdict = fail(c, TD_EIMG_UNSIGNED, img->tlv_off, 0, c->policy->sig->tlv, 0);
    struct td_tlv_iter it;
    struct td_tlv tlv;
    enum td_err err;
    bool end;

    td_tlv_begin(&it, c->src, img);
    for (;;) {
        err = td_tlv_next(&it, &tlv, &end);
        if (err == TD_OK && end)
            return verdict;
        if (err == TD_OK && !tlv.is_protected)
            err = check_entry(c, &tlv, &pair, &verdict);
        if (err != TD_OK)
            return err;
    }
}

enum td_err td_image_check(const struct td_source *src, const struct td_image_policy *policy,
                           struct td_image_work *work, struct td_image_report *report)
{
    struct check c = { src, policy, work, report };
    enum td_err err;

    memset(report, 0, sizeof *report);
    report->key_index = -1;
    err = td_image_open(src, policy->max_size, &report->img, &report->fault);
    if (err == TD_OK)
        err = check_flags(&c);
    if (err == TD_OK)
        err = check_hash(&c);
    if (err == TD_OK && policy->sig != NULL)
        err = check_signatures(&c);
    return err;
}
