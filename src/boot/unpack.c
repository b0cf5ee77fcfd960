/*
 * boot/unpack.c - a compressed image of the secondary becomes the one that it was, in the primary.
 *
 * Everything is written from the first byte to the last, a block at a time; what the decoder wants
 * to see again is read back from the slot, or from the block that is not yet written.
 */
#include "boot/unpack_priv.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "boot/cipher.h"
#include "patch/patch.h"

/* What the image tells of the one that it becomes. */
struct promise {
    struct td_image img; /* as it is stored */
    uint32_t payload;    /* bytes of the other's payload */
    uint32_t stream;     /* bytes of the compressed one, without the cipher's padding */
    struct td_tlv hash;
    struct td_tlv sig;  /* len 0: there is none */
    uint32_t protected; /* bytes of the other's protected area, 0 or with its info */
    uint32_t unprotected;
};

bool td_boot_is_packed(const struct td_image_header *hdr)
{
    return (hdr->flags & TD_IMAGE_F_COMPRESSED) != 0;
}

static bool is_about_packing(uint16_t type)
{
    return type >= TD_TLV_DECOMP_SIZE && type <= TD_TLV_COMP_DEC_SIZE;
}

static bool is_hash(uint16_t type)
{
    return type == TD_TLV_SHA256 || type == TD_TLV_SHA384 || type == TD_TLV_SHA512;
}

static bool is_signature(uint16_t type)
{
    return type == TD_TLV_RSA2048_PSS || type == TD_TLV_RSA3072_PSS || type == TD_TLV_ECDSA_SIG ||
           type == TD_TLV_ED25519;
}

/* The entry whose value stands in the other image where this one stands here. */
static const struct td_tlv *other_form(const struct promise *p, const struct td_tlv *tlv)
{
    if (is_hash(tlv->type))
        return &p->hash;
    return is_signature(tlv->type) ? &p->sig : tlv;
}

static enum td_err read_u32(const struct td_source *src, const struct td_tlv *tlv, uint32_t *value)
{
    uint8_t bytes[4];
    enum td_err err = td_source_read(src, tlv->off, bytes, sizeof bytes);

    *value = err == TD_OK ? td_load_le32(bytes) : 0;
    return err;
}

static enum td_err take_entry(const struct td_source *src, const struct td_tlv *tlv,
                              struct promise *p, bool *has_size)
{
    switch (tlv->type) {
    case TD_TLV_DECOMP_SIZE: *has_size = true; return read_u32(src, tlv, &p->payload);
    case TD_TLV_COMP_DEC_SIZE: return read_u32(src, tlv, &p->stream);
    case TD_TLV_DECOMP_SHA: p->hash = *tlv; return TD_OK;
    case TD_TLV_DECOMP_SIGNATURE: p->sig = *tlv; return TD_OK;
    default: return TD_OK;
    }
}

static enum td_err measure(const struct td_source *src, struct promise *p)
{
    uint32_t *area[2] = { &p->unprotected, &p->protected };
    struct td_tlv_iter it;
    struct td_tlv tlv;
    bool end = false;
    enum td_err err = TD_OK;

    p->unprotected = TD_TLV_INFO_SIZE;
    td_tlv_begin(&it, src, &p->img);
    while ((err = td_tlv_next(&it, &tlv, &end)) == TD_OK && !end)
        if (!is_about_packing(tlv.type))
            *area[tlv.is_protected] += TD_TLV_ENTRY_SIZE + other_form(p, &tlv)->len;
    if (p->protected > 0)
        p->protected += TD_TLV_INFO_SIZE;
    return err;
}

/* The image was opened before, or is now: everything in it is in bounds. */
static enum td_err read_promise(const struct td_source *src, struct promise *p)
{
    struct td_tlv_iter it;
    struct td_tlv tlv;
    bool end = false, has_size = false;
    enum td_err err;

    memset(p, 0, sizeof *p);
    err = td_image_open(src, src->size, &p->img, NULL);
    if (err != TD_OK)
        return err;
    p->stream = p->img.hdr.img_size;
    td_tlv_begin(&it, src, &p->img);
    while ((err = td_tlv_next(&it, &tlv, &end)) == TD_OK && !end) {
        err = take_entry(src, &tlv, p, &has_size);
        if (err != TD_OK)
            return err;
    }
    if (err == TD_OK && (!has_size || p->hash.len == 0 || p->stream > p->img.hdr.img_size))
        err = TD_EPATCH;
    return err == TD_OK ? measure(src, p) : err;
}

static enum td_err size_of(const struct promise *p, uint32_t *size)
{
    uint32_t around = p->img.hdr.hdr_size + p->protected + p->unprotected;

    if (p->payload > UINT32_MAX - around)
        return TD_EIMG_SIZE;
    *size = around + p->payload;
    return TD_OK;
}

enum td_err td_boot_unpacked_size(const struct td_source *src, uint32_t *size)
{
    struct promise p;
    enum td_err err = read_promise(src, &p);

    return err == TD_OK ? size_of(&p, size) : err;
}

bool td_boot_unpacked_hash(const struct td_flash_area *area, uint8_t hash[TD_NOTE_HASH_LEN])
{
    struct td_source src = td_flash_source(area);
    struct promise p;

    if (td_image_header_read(&src, &p.img.hdr) == TD_OK && !td_boot_is_packed(&p.img.hdr))
        return td_boot_stored_hash(area, hash);
    memset(hash, 0, TD_NOTE_HASH_LEN);
    return read_promise(&src, &p) == TD_OK &&
           td_source_read(&src, p.hash.off, hash, TD_NOTE_HASH_LEN) == TD_OK;
}

// The stored form was signed by a trusted key, and tells this one: not to have looked would cost
// the image that runs, for a mistake of the signer's.
static enum td_err check_signature(const struct td_boot_run *run, const struct td_source *src,
                                   const struct promise *p)
{
    const struct td_image_policy *policy = &run->config->policy;
    int index = run->work->report.key_index;
    uint8_t digest[TD_HASH_MAX];
    uint8_t *sig = run->work->image.sig;
    enum td_err err;

    if (policy->sig == NULL)
        return TD_OK;
    if (p->sig.len == 0 || p->sig.len > TD_IMAGE_SIG_MAX || index < 0)
        return TD_EIMG_SIG;
    if (policy->sig->begin != NULL) // over the bytes themselves, which are not there yet
        return TD_OK;
    err = td_source_read(src, p->hash.off, digest, p->hash.len);
    if (err == TD_OK)
        err = td_source_read(src, p->sig.off, sig, p->sig.len);
    if (err != TD_OK)
        return err;
    td_boot_feed(run);
    return policy->sig->verify(policy->keys[index].der, policy->keys[index].len, digest,
                               p->hash.len, sig, p->sig.len) == TD_OK
               ? TD_OK
               : TD_EIMG_SIG;
}

enum td_err td_boot_unpack_check(const struct td_boot_run *run, const struct td_source *src)
{
    const struct td_patch *patch = run->config->patch;
    struct promise p;
    uint32_t size = 0, max = 0;
    enum td_err err = read_promise(src, &p);

    if (err != TD_OK)
        return err;
    if ((p.img.hdr.flags & TD_IMAGE_F_COMPRESSED & ~patch->flags) != 0)
        return TD_EIMG_COMPRESSED;
    if (p.hash.len != run->config->policy.hash->size)
        return TD_EPATCH;
    err = size_of(&p, &size);
    if (err == TD_OK && td_boot_max(run, &max) == TD_OK && size > max)
        err = TD_EIMG_SIZE;
    if (err == TD_EIMG_SIZE) {
        run->work->report.fault.wanted = max;
        run->work->report.fault.found = size;
    }
    return err == TD_OK ? check_signature(run, src, &p) : err;
}

/* --- the way into the primary --- */

struct unpacking {
    const struct td_boot_run *run;
    struct td_source src;
    uint32_t base; /* where the payload begins in the primary */
    uint32_t held_off;
    uint32_t held; /* bytes of work->copy that are not yet in flash */
};

static enum td_err write_out(struct unpacking *u)
{
    const struct td_boot_run *run = u->run;
    uint32_t len = td_round_up(u->held, TD_FLASH_WRITE_MAX);
    enum td_err err;

    td_boot_feed(run);
    memset(run->work->copy + u->held, run->primary.area->dev->erased, len - u->held);
    err = td_boot_write(run->primary.area, u->held_off, run->work->copy, len);
    u->held_off += u->held;
    u->held = 0;
    return err;
}

static enum td_err emit(struct unpacking *u, const uint8_t *bytes, size_t len)
{
    enum td_err err = TD_OK;

    while (err == TD_OK && len > 0) {
        uint32_t n = td_min_u32((uint32_t)len, TD_BOOT_COPY_SIZE - u->held);

        memcpy(u->run->work->copy + u->held, bytes, n);
        u->held += n;
        bytes += n;
        len -= n;
        if (u->held == TD_BOOT_COPY_SIZE)
            err = write_out(u);
    }
    return err;
}

static enum td_err sink_write(void *ctx, uint32_t off, const uint8_t *bytes, size_t len)
{
    (void)off; // it comes in order
    return emit(ctx, bytes, len);
}

static enum td_err sink_read(void *ctx, uint32_t off, uint8_t *bytes, size_t len)
{
    const struct unpacking *u = ctx;
    uint32_t at = u->base + off;
    uint32_t stored = at < u->held_off ? td_min_u32((uint32_t)len, u->held_off - at) : 0;
    enum td_err err = TD_OK;

    if (stored > 0)
        err = td_boot_read(u->run->primary.area, at, bytes, stored);
    if (err == TD_OK && stored < len)
        memcpy(bytes + stored, u->run->work->copy + (at + stored - u->held_off), len - stored);
    return err;
}

/* The secondary, with its payload in the clear. */
static enum td_err read_open(const void *ctx, uint32_t off, void *dst, size_t len)
{
    const struct td_boot_run *run = ctx;

    return td_boot_carry_read(run, TD_WAY_IN, off, run->secondary.area, off, dst, (uint32_t)len);
}

static enum td_err emit_range(struct unpacking *u, uint32_t off, uint32_t len)
{
    uint8_t step[64];
    enum td_err err = TD_OK;

    for (uint32_t at = 0; err == TD_OK && at < len; at += (uint32_t)sizeof step) {
        uint32_t n = td_min_u32(len - at, sizeof step);

        err = td_source_read(&u->src, off + at, step, n);
        if (err == TD_OK)
            err = emit(u, step, n);
    }
    return err;
}

static enum td_err emit_header(struct unpacking *u, const struct promise *p)
{
    uint8_t head[TD_IMAGE_HEADER_SIZE];
    enum td_err err = td_source_read(&u->src, 0, head, sizeof head);

    td_store_le16(head + 0x0a, (uint16_t)p->protected);
    td_store_le32(head + 0x0c, p->payload);
    td_store_le32(head + 0x10, p->img.hdr.flags & ~TD_IMAGE_F_COMPRESSED);
    if (err == TD_OK)
        err = emit(u, head, sizeof head);
    return err == TD_OK ? emit_range(u, sizeof head, p->img.hdr.hdr_size - (uint32_t)sizeof head)
                        : err;
}

static enum td_err emit_info(struct unpacking *u, uint16_t magic, uint32_t total)
{
    uint8_t info[TD_TLV_INFO_SIZE];

    td_store_le16(info, magic);
    td_store_le16(info + 2, (uint16_t)total);
    return emit(u, info, sizeof info);
}

static enum td_err emit_entry(struct unpacking *u, const struct promise *p,
                              const struct td_tlv *tlv)
{
    const struct td_tlv *from = other_form(p, tlv);
    uint8_t head[TD_TLV_ENTRY_SIZE];
    enum td_err err;

    td_store_le16(head, tlv->type);
    td_store_le16(head + 2, from->len);
    err = emit(u, head, sizeof head);
    return err == TD_OK ? emit_range(u, from->off, from->len) : err;
}

static enum td_err emit_entries(struct unpacking *u, const struct promise *p, bool is_protected)
{
    struct td_tlv_iter it;
    struct td_tlv tlv;
    bool end = false;
    enum td_err err;

    td_tlv_begin(&it, &u->src, &p->img);
    while ((err = td_tlv_next(&it, &tlv, &end)) == TD_OK && !end) {
        if (tlv.is_protected != is_protected || is_about_packing(tlv.type))
            continue;
        err = emit_entry(u, p, &tlv);
        if (err != TD_OK)
            return err;
    }
    return err;
}

static enum td_err emit_tlvs(struct unpacking *u, const struct promise *p)
{
    enum td_err err = TD_OK;

    if (p->protected > 0)
        err = emit_info(u, TD_TLV_PROT_MAGIC, p->protected);
    if (err == TD_OK && p->protected > 0)
        err = emit_entries(u, p, true);
    if (err == TD_OK)
        err = emit_info(u, TD_TLV_MAGIC, p->unprotected);
    return err == TD_OK ? emit_entries(u, p, false) : err;
}

enum td_err td_boot_unpack(struct td_boot_run *run)
{
    const struct td_patch *patch = run->config->patch;
    struct unpacking u = { .run = run, .src = { read_open, run, run->secondary.area->size } };
    const struct td_patch_sink sink = { sink_write, sink_read, &u };
    struct promise p;
    enum td_err err = read_promise(&u.src, &p);

    if (err == TD_OK)
        err = emit_header(&u, &p);
    u.base = p.img.hdr.hdr_size;
    if (err == TD_OK)
        err = patch->decode(&u.src, p.img.hdr.hdr_size, p.stream, p.payload,
                            (p.img.hdr.flags & TD_IMAGE_F_ARM_THUMB) != 0, &sink,
                            run->config->patch_work);
    if (err == TD_OK)
        err = emit_tlvs(&u, &p);
    if (err == TD_OK && u.held > 0)
        err = write_out(&u);
    return err == TD_ETRUNC ? TD_EPATCH : err;
}
