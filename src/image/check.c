/*
 * image/check.c - whether a bootloader with a given policy would run an image.
 *
 * 1. Nothing is accepted that was not hashed, and nothing signed that is not the hash.
 * 2. Each (key, signature) pair whose key is trusted verifies, and there is at least one. The
 *    original lets the last pair overrule the others, so that a forged pair in front of a good
 *    one goes unnoticed; here it is an error.
 * 3. The stored hash is read once. What is compared is what is verified.
 * 4. What is hashed, and what a pure signature covers, is the plain image: an encrypted payload
 *    is decrypted piece by piece on its way from the source. The key schedule is in work->ctr
 *    for the time of the call.
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
    bool decrypts; /* the payload is encrypted where it lies, and work->ctr opens it */
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

/* Adds all that is hashed to work->hash; ctr: NULL, or what the payload is encrypted with. */
static enum td_err feed(const struct td_source *src, const struct td_image *img,
                        const struct td_aes_ctr *ctr, struct td_image_work *work)
{
    uint32_t off = 0;

    while (off < img->tlv_off) {
        uint32_t len = td_min_u32(img->tlv_off - off, sizeof work->buf);
        enum td_err err = td_source_read(src, off, work->buf, len);

        if (err != TD_OK)
            return err;
        if (ctr != NULL)
            td_image_cipher(ctr, img->hdr.hdr_size, img->hdr.img_size, off, work->buf, len);
        td_hash_update(&work->hash, work->buf, len);
        off += len;
        if (work->breathe != NULL)
            work->breathe(work->breathe_ctx);
    }
    return TD_OK;
}

enum td_err td_image_digest(const struct td_source *src, const struct td_image *img,
                            const struct td_hash_alg *alg, struct td_image_work *work,
                            uint8_t out[64])
{
    enum td_err err;

    td_hash_init(&work->hash, alg);
    err = feed(src, img, NULL, work);
    if (err == TD_OK)
        td_hash_final(&work->hash, out);
    return err;
}

static enum td_err feed_plain(struct check *c)
{
    return feed(c->src, &c->report->img, c->decrypts ? &c->work->ctr : NULL, c->work);
}

// LZMA1 has a flag and no decoder; the branch filter alone is no compression.
static bool takes_compressed(const struct check *c, uint32_t flags)
{
    return c->policy->takes_compressed && c->policy->payload != TD_PAYLOAD_PLAIN &&
           (flags & (TD_IMAGE_F_LZMA1 | TD_IMAGE_F_LZMA2)) == TD_IMAGE_F_LZMA2;
}

static enum td_err check_flags(struct check *c)
{
    uint32_t flags = c->report->img.hdr.flags;

    if ((flags & TD_IMAGE_F_ENCRYPTED) != 0 && c->policy->unwrap == NULL &&
        c->policy->payload != TD_PAYLOAD_OPENED)
        return fail(c, TD_EIMG_ENCRYPTED, AT_FLAGS, 0, 0, flags);
    if ((flags & TD_IMAGE_F_COMPRESSED) != 0 && !takes_compressed(c, flags))
        return fail(c, TD_EIMG_COMPRESSED, AT_FLAGS, 0, 0, flags);
    if ((flags & ~TD_IMAGE_F_KNOWN) != 0)
        return fail(c, TD_EIMG_FLAGBITS, AT_FLAGS, 0, 0, flags & ~TD_IMAGE_F_KNOWN);
    return TD_OK;
}

// Asked for in the primary as well, where nothing is decrypted: an image without it could never
// leave that slot again.
static enum td_err check_cipher(struct check *c)
{
    const struct td_image *img = &c->report->img;
    const struct td_image_unwrap *unwrap = c->policy->unwrap;
    bool aes_256 = (img->hdr.flags & TD_IMAGE_F_ENC_AES256) != 0;
    uint32_t off = img->tlv_off + TD_TLV_ENTRY_SIZE;
    uint16_t len = 0;
    enum td_err err;

    if ((img->hdr.flags & TD_IMAGE_F_ENCRYPTED) == 0 || c->policy->payload == TD_PAYLOAD_OPENED)
        return TD_OK;
    err = td_image_wrapped_key(c->src, img, unwrap, c->work->buf, &len, &off);
    if (err == TD_OK && c->policy->payload == TD_PAYLOAD_AS_FLAGGED) {
        err = td_image_open_key(unwrap, c->work->buf, len, aes_256, &c->work->ctr);
        c->decrypts = err == TD_OK;
        if (c->work->breathe != NULL)
            c->work->breathe(c->work->breathe_ctx);
    }
    if (err == TD_EIMG_TLVLEN)
        return fail(c, err, off - TD_TLV_ENTRY_SIZE, unwrap->alg->tlv,
                    aes_256 ? unwrap->alg->len_256 : unwrap->alg->len_128, len);
    if (err == TD_EIMG_ENCTLV || err == TD_EENC)
        return fail(c, err, off - TD_TLV_ENTRY_SIZE, unwrap->alg->tlv, 0, 0);
    return err;
}

static bool is_pure(const struct td_image_policy *policy)
{
    return policy->sig != NULL && policy->sig->begin != NULL;
}

/* The mark of a signature over the bytes: there when the policy's is one, and only then. */
static enum td_err check_pure(struct check *c)
{
    const struct td_image *img = &c->report->img;
    uint8_t value = 0;
    struct td_tlv tlv;
    enum td_err err = td_tlv_find(c->src, img, TD_TLV_SIG_PURE, &tlv);

    if (err == TD_ENOTFOUND)
        return is_pure(c->policy)
                   ? fail(c, TD_EIMG_SIGTYPE, img->tlv_off, TD_TLV_SIG_PURE, TD_TLV_SIG_PURE, 0)
                   : TD_OK;
    if (err == TD_OK && !is_pure(c->policy))
        return fail_tlv(c, TD_EIMG_PURE, &tlv, 0, 0);
    if (err == TD_OK)
        err = td_source_read(c->src, tlv.off, &value, 1);
    if (err == TD_OK && value != 1)
        return fail_tlv(c, TD_EIMG_SIGTYPE, &tlv, 1, value);
    return err;
}

/* Recognises what is well known and not what the policy wants, so that the error is no riddle. */
static enum td_err check_kind(struct check *c, uint16_t hash_type)
{
    const struct td_image *img = &c->report->img;
    struct td_tlv tlv;
    enum td_err err = c->policy->sig != NULL ? check_pure(c) : TD_OK;

    if (err != TD_OK || hash_type == c->policy->hash->tlv)
        return err;
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
    if (err == TD_OK) {
        td_hash_init(&c->work->hash, c->policy->hash);
        err = feed_plain(c);
    }
    if (err != TD_OK)
        return err;
    td_hash_final(&c->work->hash, digest);
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

/* What the walk over keys and signatures has found. */
struct tally {
    enum td_err verdict; /* the first reason, or TD_OK once one has verified */
    uint32_t verified;   /* a bit for each of the policy's keys */
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

/*
 * A key TLV: which of the trusted keys it names, by hash or in full. Where the policy wants keys
 * in full a hash names nobody.
 */
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
    if (tlv->type == TD_TLV_KEYHASH && (tlv->len != size || c->policy->key_in_full))
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

/* work->sig over the hash that was compared, or over the bytes that gave it. */
static enum td_err verify_bytes(struct check *c, const struct td_image_key *key, uint16_t len)
{
    const struct td_sig_alg *alg = c->policy->sig;
    const struct td_image_report *r = c->report;
    struct td_image_work *work = c->work;
    uint8_t challenge[TD_HASH_MAX];
    enum td_err err;

    if (alg->begin == NULL)
        return alg->verify(key->der, key->len, r->hash, r->hash_len, work->sig, len);
    err = alg->begin(&work->hash, key->der, key->len, work->sig, len);
    if (err == TD_OK)
        err = feed_plain(c);
    if (err != TD_OK)
        return err;
    td_hash_final(&work->hash, challenge);
    return alg->verify(key->der, key->len, challenge, work->hash.alg->size, work->sig, len);
}

static enum td_err verify(struct check *c, const struct td_tlv *tlv, uint8_t index)
{
    const struct td_image_key *key = &c->policy->keys[index];
    enum td_err err;

    if (tlv->len > sizeof c->work->sig)
        return fail_tlv(c, TD_EIMG_SIGLEN, tlv, c->policy->sig->sig_max, tlv->len);
    err = td_source_read(c->src, tlv->off, c->work->sig, tlv->len);
    if (err != TD_OK)
        return err;
    err = verify_bytes(c, key, tlv->len);
    if (err == TD_ESIG)
        return fail_tlv(c, TD_EIMG_SIG, tlv, 0, 0);
    if (err == TD_ESIGLEN)
        return fail_tlv(c, TD_EIMG_SIGLEN, tlv, c->policy->sig->sig_max, tlv->len);
    return err;
}

/* One signature of the kind we want. */
static enum td_err judge(struct check *c, const struct td_tlv *tlv, const struct pair *pair,
                         struct tally *tally)
{
    enum td_err err;

    if (pair->signer == SIGNER_TRUSTED) {
        memcpy(c->report->key, pair->key, sizeof pair->key);
        err = verify(c, tlv, pair->index);
        if (err != TD_OK) {
            c->report->key_index = -1;
            return err;
        }
        if (tally->verdict != TD_OK)
            c->report->key_index = pair->index;
        tally->verdict = TD_OK;
        if (pair->index < 32)
            tally->verified |= 1u << pair->index;
        memset(&c->report->fault, 0, sizeof c->report->fault);
        return TD_OK;
    }
    if (tally->verdict != TD_EIMG_UNSIGNED && tally->verdict != TD_EIMG_SIGTYPE)
        return TD_OK;
    memcpy(c->report->key, pair->key, sizeof pair->key);
    tally->verdict = pair->signer == SIGNER_UNKNOWN ? TD_EIMG_KEY : TD_EIMG_NOKEY;
    fail_tlv(c, tally->verdict, tlv, 0, 0);
    return TD_OK;
}

static bool is_signature(uint16_t type)
{
    return type == TD_TLV_RSA2048_PSS || type == TD_TLV_ECDSA224 || type == TD_TLV_ECDSA_SIG ||
           type == TD_TLV_RSA3072_PSS || type == TD_TLV_ED25519;
}

static enum td_err check_entry(struct check *c, const struct td_tlv *tlv, struct pair *pair,
                               struct tally *tally)
{
    static const struct pair unnamed = { SIGNER_UNNAMED, 0, { 0 } };
    enum td_err err = TD_OK;

    if (tlv->type == TD_TLV_KEYHASH || tlv->type == TD_TLV_PUBKEY)
        return read_signer(c, tlv, pair);
    if (!is_signature(tlv->type))
        return TD_OK;
    if (tlv->type == c->policy->sig->tlv) {
        err = judge(c, tlv, pair, tally);
    } else if (tally->verdict == TD_EIMG_UNSIGNED) {
        tally->verdict = TD_EIMG_SIGTYPE;
        memcpy(c->report->key, pair->key, sizeof pair->key);
        fail_tlv(c, tally->verdict, tlv, c->policy->sig->tlv, tlv->type);
    }
    *pair = unnamed;
    return err;
}

/* Which of several have to verify: those of trusted keys all have, or we would not be here. */
static enum td_err check_rule(struct check *c, const struct tally *tally)
{
    uint32_t n = 0;

    if (tally->verdict != TD_OK || c->policy->rule != TD_RULE_N_KEYS)
        return tally->verdict;
    for (uint32_t bits = tally->verified; bits != 0; bits &= bits - 1)
        n++;
    if (n >= c->policy->n_needed)
        return TD_OK;
    c->report->key_index = -1;
    return fail(c, TD_EIMG_TOOFEW, c->report->img.tlv_off, 0, c->policy->n_needed, n);
}

static enum td_err check_signatures(struct check *c)
{
    const struct td_image *img = &c->report->img;
    struct pair pair = { SIGNER_UNNAMED, 0, { 0 } };
    struct tally tally = { fail(c, TD_EIMG_UNSIGNED, img->tlv_off, 0, c->policy->sig->tlv, 0), 0 };
    struct td_tlv_iter it;
    struct td_tlv tlv;
    enum td_err err;
    bool end;

    td_tlv_begin(&it, c->src, img);
    for (;;) {
        err = td_tlv_next(&it, &tlv, &end);
        if (err == TD_OK && end)
            return check_rule(c, &tally);
        if (err == TD_OK && !tlv.is_protected)
            err = check_entry(c, &tlv, &pair, &tally);
        if (err != TD_OK)
            return err;
    }
}

enum td_err td_image_check(const struct td_source *src, const struct td_image_policy *policy,
                           struct td_image_work *work, struct td_image_report *report)
{
    struct check c = { src, policy, work, report, false };
    enum td_err err;

    memset(report, 0, sizeof *report);
    report->key_index = -1;
    err = td_image_open(src, policy->max_size, &report->img, &report->fault);
    if (err == TD_OK)
        err = check_flags(&c);
    if (err == TD_OK)
        err = check_cipher(&c);
    if (err == TD_OK)
        err = check_hash(&c);
    if (err == TD_OK && policy->sig != NULL)
        err = check_signatures(&c);
    td_wipe(&work->ctr, sizeof work->ctr);
    return err;
}
