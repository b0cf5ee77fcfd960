/*
 * image/image.c - the structure of an image: header, areas, entries.
 *
 * Everything that is read is compared with the source's size and the slot's limit before it is
 * used as an offset, so that no sum below can wrap.
 */
#include "image/image.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "image/tlv_priv.h"

enum {
    AT_MAGIC = 0x00,
    AT_LOAD_ADDR = 0x04,
    AT_HDR_SIZE = 0x08,
    AT_PROTECT_SIZE = 0x0a,
    AT_IMG_SIZE = 0x0c,
    AT_FLAGS = 0x10,
    AT_VERSION = 0x14,
};

static enum td_err fail(struct td_image_fault *fault, enum td_err err, uint32_t off,
                        uint32_t wanted, uint32_t found)
{
    fault->off = off;
    fault->wanted = wanted;
    fault->found = found;
    return err;
}

static enum td_err fail_tlv(struct td_image_fault *fault, enum td_err err, const struct td_tlv *tlv,
                            uint32_t wanted, uint32_t found)
{
    fault->tlv = tlv->type;
    return fail(fault, err, tlv->off - TD_TLV_ENTRY_SIZE, wanted, found);
}

static enum td_err check_magic(uint32_t magic, struct td_image_fault *fault)
{
    enum td_err err = TD_EIMG_MAGIC;

    if (magic == TD_IMAGE_MAGIC)
        return TD_OK;
    if (magic == TD_IMAGE_MAGIC_V1)
        err = TD_EIMG_OLD;
    if (magic == 0 || magic == UINT32_MAX)
        err = TD_EIMG_EMPTY;
    return fail(fault, err, AT_MAGIC, TD_IMAGE_MAGIC, magic);
}

static enum td_err check_flags(uint32_t flags, struct td_image_fault *fault)
{
    uint32_t ciphers = flags & TD_IMAGE_F_ENCRYPTED;
    uint32_t lzma = flags & (TD_IMAGE_F_LZMA1 | TD_IMAGE_F_LZMA2);

    if (ciphers == TD_IMAGE_F_ENCRYPTED || lzma == (TD_IMAGE_F_LZMA1 | TD_IMAGE_F_LZMA2))
        return fail(fault, TD_EIMG_FLAGS, AT_FLAGS, 0, flags);
    return TD_OK;
}

static enum td_err header_parse(const uint8_t raw[TD_IMAGE_HEADER_SIZE],
                                struct td_image_header *hdr, struct td_image_fault *fault)
{
    enum td_err err = check_magic(td_load_le32(raw + AT_MAGIC), fault);
    uint32_t sum;

    if (err != TD_OK)
        return err;
    hdr->load_addr = td_load_le32(raw + AT_LOAD_ADDR);
    hdr->hdr_size = td_load_le16(raw + AT_HDR_SIZE);
    hdr->protect_tlv_size = td_load_le16(raw + AT_PROTECT_SIZE);
    hdr->img_size = td_load_le32(raw + AT_IMG_SIZE);
    hdr->flags = td_load_le32(raw + AT_FLAGS);
    hdr->version.major = raw[AT_VERSION];
    hdr->version.minor = raw[AT_VERSION + 1];
    hdr->version.revision = td_load_le16(raw + AT_VERSION + 2);
    hdr->version.build = td_load_le32(raw + AT_VERSION + 4);

    if (hdr->hdr_size < TD_IMAGE_HEADER_SIZE)
        return fail(fault, TD_EIMG_HDRSIZE, AT_HDR_SIZE, TD_IMAGE_HEADER_SIZE, hdr->hdr_size);
    if (!td_add_u32(hdr->img_size, hdr->hdr_size, &sum) ||
        !td_add_u32(sum, hdr->protect_tlv_size, &sum))
        return fail(fault, TD_EIMG_OVERFLOW, AT_IMG_SIZE, 0, hdr->img_size);
    return check_flags(hdr->flags, fault);
}

static enum td_err header_read(const struct td_source *src, struct td_image_header *hdr,
                               struct td_image_fault *fault)
{
    uint8_t raw[TD_IMAGE_HEADER_SIZE];
    enum td_err err;

    memset(hdr, 0, sizeof *hdr);
    if (src->size < sizeof raw)
        return fail(fault, TD_EIMG_TRUNC, 0, sizeof raw, src->size);
    err = td_source_read(src, 0, raw, sizeof raw);
    return err == TD_OK ? header_parse(raw, hdr, fault) : err;
}

enum td_err td_image_header_read(const struct td_source *src, struct td_image_header *hdr)
{
    struct td_image_fault fault;

    return header_read(src, hdr, &fault);
}

/* Whether [off, off + len) can be read and lies below the slot's limit. */
static enum td_err check_reach(const struct td_source *src, uint32_t limit, uint32_t off,
                               uint32_t len, struct td_image_fault *fault)
{
    uint32_t end;

    if (!td_add_u32(off, len, &end))
        return fail(fault, TD_EIMG_OVERFLOW, off, 0, len);
    if (end > limit)
        return fail(fault, TD_EIMG_SIZE, off, limit, end);
    if (end > src->size)
        return fail(fault, TD_EIMG_TRUNC, off, end, src->size);
    return TD_OK;
}

struct area_info {
    uint16_t magic;
    uint16_t total;
};

static enum td_err area_read(const struct td_source *src, uint32_t limit, uint32_t off,
                             struct area_info *info, struct td_image_fault *fault)
{
    uint8_t raw[TD_TLV_INFO_SIZE];
    enum td_err err = check_reach(src, limit, off, sizeof raw, fault);

    if (err == TD_OK)
        err = td_source_read(src, off, raw, sizeof raw);
    if (err != TD_OK)
        return err;
    info->magic = td_load_le16(raw);
    info->total = td_load_le16(raw + 2);
    return TD_OK;
}

static enum td_err area_claim(const struct td_source *src, uint32_t limit, uint32_t off,
                              uint32_t total, struct td_image_fault *fault)
{
    if (total < TD_TLV_INFO_SIZE)
        return fail(fault, TD_EIMG_AREA, off + 2, TD_TLV_INFO_SIZE, total);
    return check_reach(src, limit, off, total, fault);
}

/* Finds the protected area that the header announces, or makes sure that there is none. */
static enum td_err open_protected(const struct td_source *src, uint32_t limit, struct td_image *img,
                                  struct area_info *info, struct td_image_fault *fault)
{
    uint16_t said = img->hdr.protect_tlv_size;
    uint32_t off = img->prot_off;

    if (info->magic != TD_TLV_PROT_MAGIC && info->magic != TD_TLV_MAGIC)
        return fail(fault, TD_EIMG_NOTLV, off, said > 0 ? TD_TLV_PROT_MAGIC : TD_TLV_MAGIC,
                    info->magic);
    if (info->magic == TD_TLV_MAGIC)
        return said == 0 ? TD_OK : fail(fault, TD_EIMG_PROTMISSING, off, said, 0);
    if (said == 0)
        return fail(fault, TD_EIMG_PROTEXTRA, off, 0, info->total);
    if (info->total != said)
        return fail(fault, TD_EIMG_PROTSIZE, off + 2, said, info->total);
    img->prot_size = info->total;
    return area_claim(src, limit, off, info->total, fault);
}

static enum td_err open_areas(const struct td_source *src, uint32_t limit, struct td_image *img,
                              struct td_image_fault *fault)
{
    struct area_info info;
    enum td_err err;

    img->prot_off = img->hdr.hdr_size + img->hdr.img_size;
    err = area_read(src, limit, img->prot_off, &info, fault);
    if (err == TD_OK)
        err = open_protected(src, limit, img, &info, fault);
    if (err != TD_OK)
        return err;

    img->tlv_off = img->prot_off + img->prot_size;
    if (img->prot_size > 0) {
        err = area_read(src, limit, img->tlv_off, &info, fault);
        if (err != TD_OK)
            return err;
        if (info.magic != TD_TLV_MAGIC)
            return fail(fault, TD_EIMG_NOTLV, img->tlv_off, TD_TLV_MAGIC, info.magic);
    }
    err = area_claim(src, limit, img->tlv_off, info.total, fault);
    if (err != TD_OK)
        return err;
    img->tlv_size = info.total;
    img->size = img->tlv_off + img->tlv_size;
    return TD_OK;
}

/* What a walk has seen so far. */
struct census {
    uint32_t groups; /* a bit each */
    uint32_t pairs;  /* keys and signatures */
};

static enum td_err check_entry(const struct td_tlv *tlv, struct census *seen,
                               struct td_image_fault *fault)
{
    const struct td_tlv_rule *rule = td_tlv_rule(tlv->type);

    // Unknown and vendor types are signed with the rest where they are protected; elsewhere
    // anybody could have added them.
    if (rule == NULL)
        return tlv->is_protected ? TD_OK : fail_tlv(fault, TD_EIMG_FORBIDDEN, tlv, 0, tlv->type);
    if (rule->place == TD_TLV_HASHED && !tlv->is_protected)
        return fail_tlv(fault, TD_EIMG_UNPROTECTED, tlv, 0, 0);
    if (rule->place == TD_TLV_LOOSE && tlv->is_protected)
        return fail_tlv(fault, TD_EIMG_PROTECTED, tlv, 0, 0);
    if (!td_tlv_rule_takes(rule, tlv->len))
        return fail_tlv(fault, TD_EIMG_TLVLEN, tlv, rule->min, tlv->len);
    if (rule->group != 0 && (seen->groups & 1u << rule->group) != 0)
        return fail_tlv(fault, TD_EIMG_TLVTWICE, tlv, 0, 0);
    seen->groups |= 1u << rule->group;
    // Of the types that may repeat, those outside the hashed part are keys and signatures.
    if (rule->group == 0 && rule->place == TD_TLV_LOOSE && ++seen->pairs > TD_IMAGE_PAIR_MAX)
        return fail_tlv(fault, TD_EIMG_PAIRS, tlv, TD_IMAGE_PAIR_MAX, seen->pairs);
    return TD_OK;
}

/* The facts of an entry that reaches out of its area: the walk stopped in front of it. */
static enum td_err fail_bounds(const struct td_source *src, const struct td_tlv_iter *it,
                               struct td_image_fault *fault)
{
    uint32_t stop = it->next < it->prot_end ? it->prot_end : it->end;
    uint32_t left = stop - it->next;
    uint32_t needs = TD_TLV_ENTRY_SIZE;
    uint8_t head[TD_TLV_ENTRY_SIZE];

    if (left >= needs) {
        enum td_err err = td_source_read(src, it->next, head, sizeof head);

        if (err != TD_OK)
            return err;
        fault->tlv = td_load_le16(head);
        needs += td_load_le16(head + 2);
    }
    return fail(fault, TD_EIMG_ENTRY, it->next, needs, left);
}

static enum td_err check_entries(const struct td_source *src, const struct td_image *img,
                                 struct td_image_fault *fault)
{
    struct td_tlv_iter it;
    struct td_tlv tlv;
    struct census seen = { 0, 0 };
    enum td_err err;
    bool end;

    td_tlv_begin(&it, src, img);
    for (;;) {
        err = td_tlv_next(&it, &tlv, &end);
        if (err == TD_EIMG_ENTRY)
            return fail_bounds(src, &it, fault);
        if (err != TD_OK || end)
            return err;
        err = check_entry(&tlv, &seen, fault);
        if (err != TD_OK)
            return err;
    }
}

enum td_err td_image_open(const struct td_source *src, uint32_t limit, struct td_image *img,
                          struct td_image_fault *fault)
{
    struct td_image_fault unseen;
    enum td_err err;

    if (fault == NULL)
        fault = &unseen;
    memset(fault, 0, sizeof *fault);
    memset(img, 0, sizeof *img);
    err = header_read(src, &img->hdr, fault);
    if (err == TD_OK)
        err = open_areas(src, limit, img, fault);
    return err == TD_OK ? check_entries(src, img, fault) : err;
}
