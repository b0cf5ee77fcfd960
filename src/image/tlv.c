/*
 * image/tlv.c - the rules of each type, and the walk over an image's entries.
 *
 * The walk trusts offsets that td_image_open has checked, yet bounds each entry by its own
 * area again: the source may be a flash that another bus master writes.
 */
#include "image/image.h"

#include "base/bytes.h"
#include "base/range.h"
#include "image/tlv_priv.h"

enum {
    REPEATS = 0,
    HASH = 1,
    PURE,
    ENC,
    COUNTER,
    RECORD,
    D_SIZE,
    D_SHA,
    D_SIG,
    C_SIZE,
    VID,
    CID,
};

/* Key and signature come in pairs, and an image may be signed by several keys. */
static const struct td_tlv_rule rules[] = {
    { TD_TLV_KEYHASH, 32, 64, 16, TD_TLV_LOOSE, REPEATS },
    { TD_TLV_PUBKEY, 44, 398, 1, TD_TLV_LOOSE, REPEATS },
    { TD_TLV_SHA256, 32, 32, 1, TD_TLV_LOOSE, HASH },
    { TD_TLV_SHA384, 48, 48, 1, TD_TLV_LOOSE, HASH },
    { TD_TLV_SHA512, 64, 64, 1, TD_TLV_LOOSE, HASH },
    { TD_TLV_RSA2048_PSS, 256, 256, 1, TD_TLV_LOOSE, REPEATS },
    { TD_TLV_ECDSA224, 0, 128, 1, TD_TLV_LOOSE, REPEATS },
    { TD_TLV_ECDSA_SIG, 8, 128, 1, TD_TLV_LOOSE, REPEATS },
    { TD_TLV_RSA3072_PSS, 384, 384, 1, TD_TLV_LOOSE, REPEATS },
    { TD_TLV_ED25519, 64, 64, 1, TD_TLV_LOOSE, REPEATS },
    { TD_TLV_SIG_PURE, 1, 1, 1, TD_TLV_LOOSE, PURE },
    { TD_TLV_ENC_RSA2048, 256, 256, 1, TD_TLV_LOOSE, ENC },
    { TD_TLV_ENC_KW, 24, 40, 16, TD_TLV_LOOSE, ENC },
    { TD_TLV_ENC_EC256, 113, 129, 16, TD_TLV_LOOSE, ENC },
    { TD_TLV_ENC_X25519, 80, 96, 16, TD_TLV_LOOSE, ENC },
    { TD_TLV_ENC_X25519_SHA512, 112, 128, 16, TD_TLV_LOOSE, ENC },
    { TD_TLV_DEPENDENCY, 12, 12, 1, TD_TLV_HASHED, REPEATS },
    { TD_TLV_SEC_CNT, 4, 4, 1, TD_TLV_HASHED, COUNTER },
    { TD_TLV_BOOT_RECORD, 1, 0xffff, 1, TD_TLV_HASHED, RECORD },
    { TD_TLV_DECOMP_SIZE, 4, 4, 1, TD_TLV_HASHED, D_SIZE },
    { TD_TLV_DECOMP_SHA, 32, 64, 16, TD_TLV_HASHED, D_SHA },
    { TD_TLV_DECOMP_SIGNATURE, 8, 384, 1, TD_TLV_HASHED, D_SIG },
    { TD_TLV_COMP_DEC_SIZE, 4, 4, 1, TD_TLV_HASHED, C_SIZE },
    { TD_TLV_UUID_VID, 16, 16, 1, TD_TLV_HASHED, VID },
    { TD_TLV_UUID_CID, 16, 16, 1, TD_TLV_HASHED, CID },
};

const struct td_tlv_rule *td_tlv_rule(uint16_t type)
{
    for (size_t i = 0; i < TD_N_OF(rules); i++)
        if (rules[i].type == type)
            return &rules[i];
    return NULL;
}

bool td_tlv_rule_takes(const struct td_tlv_rule *rule, uint16_t len)
{
    return len >= rule->min && len <= rule->max && (len - rule->min) % rule->step == 0;
}

void td_tlv_begin(struct td_tlv_iter *it, const struct td_source *src, const struct td_image *img)
{
    it->src = src;
    it->prot_end = img->prot_off + img->prot_size;
    it->tlv_start = img->tlv_off + TD_TLV_INFO_SIZE;
    it->end = img->tlv_off + img->tlv_size;
    it->next = img->prot_size > 0 ? img->prot_off + TD_TLV_INFO_SIZE : it->tlv_start;
}

enum td_err td_tlv_next(struct td_tlv_iter *it, struct td_tlv *tlv, bool *end)
{
    uint8_t head[TD_TLV_ENTRY_SIZE];
    uint32_t stop;
    uint16_t len;
    enum td_err err;

    // Both areas are packed: the end of the first is where the info of the second stands.
    if (it->next == it->prot_end && it->next < it->tlv_start)
        it->next = it->tlv_start;
    *end = it->next == it->end;
    if (*end)
        return TD_OK;

    stop = it->next < it->prot_end ? it->prot_end : it->end;
    if (!td_range_in(it->next, sizeof head, stop))
        return TD_EIMG_ENTRY;
    err = td_source_read(it->src, it->next, head, sizeof head);
    if (err != TD_OK)
        return err;
    len = td_load_le16(head + 2);
    if (!td_range_in(it->next + TD_TLV_ENTRY_SIZE, len, stop))
        return TD_EIMG_ENTRY;

    tlv->type = td_load_le16(head);
    tlv->len = len;
    tlv->off = it->next + TD_TLV_ENTRY_SIZE;
    tlv->is_protected = it->next < it->prot_end;
    it->next = tlv->off + len;
    return TD_OK;
}

enum td_err td_tlv_find(const struct td_source *src, const struct td_image *img, uint16_t type,
                        struct td_tlv *tlv)
{
    struct td_tlv_iter it;
    struct td_tlv seen;
    enum td_err err;
    bool end;

    td_tlv_begin(&it, src, img);
    for (;;) {
        err = td_tlv_next(&it, &seen, &end);
        if (err != TD_OK)
            return err;
        if (end)
            return TD_ENOTFOUND;
        if (seen.type == type) {
            *tlv = seen;
            return TD_OK;
        }
    }
}

enum td_err td_image_hash(const struct td_source *src, const struct td_image *img, uint8_t hash[64],
                          uint8_t *len, uint16_t *type)
{
    static const uint16_t types[] = { TD_TLV_SHA256, TD_TLV_SHA384, TD_TLV_SHA512 };
    struct td_tlv tlv;

    for (size_t i = 0; i < TD_N_OF(types); i++) {
        enum td_err err = td_tlv_find(src, img, types[i], &tlv);

        if (err == TD_ENOTFOUND)
            continue;
        if (err != TD_OK)
            return err;
        if (tlv.len > TD_HASH_MAX)
            return TD_EIMG_TLVLEN;
        if (len != NULL)
            *len = (uint8_t)tlv.len;
        if (type != NULL)
            *type = tlv.type;
        return td_source_read(src, tlv.off, hash, tlv.len);
    }
    return TD_EIMG_NOHASH;
}

enum td_err td_image_dependency(const struct td_source *src, const struct td_tlv *tlv,
                                struct td_image_dependency *dep)
{
    uint8_t value[12];
    enum td_err err;

    if (tlv->type != TD_TLV_DEPENDENCY || tlv->len != sizeof value || !tlv->is_protected)
        return TD_EARG;
    err = td_source_read(src, tlv->off, value, sizeof value);
    if (err != TD_OK)
        return err;
    dep->image = value[0];
    dep->version.major = value[4];
    dep->version.minor = value[5];
    dep->version.revision = td_load_le16(value + 6);
    dep->version.build = td_load_le32(value + 8);
    return TD_OK;
}

enum td_err td_image_counter(const struct td_source *src, const struct td_image *img,
                             uint32_t *counter)
{
    uint8_t value[4];
    struct td_tlv tlv;
    enum td_err err = td_tlv_find(src, img, TD_TLV_SEC_CNT, &tlv);

    if (err != TD_OK)
        return err;
    // An unprotected counter is nobody's word (CVE-2024-32883); td_image_open refuses it, too.
    if (!tlv.is_protected || tlv.len != sizeof value)
        return TD_ENOTFOUND;
    err = td_source_read(src, tlv.off, value, sizeof value);
    if (err == TD_OK)
        *counter = td_load_le32(value);
    return err;
}
