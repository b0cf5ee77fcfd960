#include "boot/shared.h"

#include <string.h>

#include "base/bytes.h"

#define ENTRY_HEAD   4u
#define VERSION_SIZE 8u

static uint16_t type_of(enum td_shared_major major, uint16_t minor)
{
    return (uint16_t)((unsigned)major << 12 | minor);
}

static enum td_err fail(struct td_shared *s, enum td_err err)
{
    if (s->err == TD_OK)
        s->err = err;
    return err;
}

void td_shared_begin(struct td_shared *s, uint8_t *bytes, uint16_t size)
{
    *s = (struct td_shared){ .bytes = bytes, .size = size };
    if (bytes == NULL || size < TD_SHARED_HEAD_SIZE) {
        s->size = 0;
        s->err = TD_ESPACE;
        return;
    }
    memset(bytes, 0, size);
    td_store_le16(bytes, TD_SHARED_MAGIC);
    td_store_le16(bytes + 2, TD_SHARED_HEAD_SIZE);
    s->used = TD_SHARED_HEAD_SIZE;
}

static bool is_there(const struct td_shared *s, uint16_t type)
{
    uint16_t at = TD_SHARED_HEAD_SIZE;

    while (at < s->used) {
        if (td_load_le16(s->bytes + at) == type)
            return true;
        at = (uint16_t)(at + ENTRY_HEAD + td_load_le16(s->bytes + at + 2));
    }
    return false;
}

enum td_err td_shared_add(struct td_shared *s, enum td_shared_major major, uint16_t minor,
                          const void *data, uint16_t len)
{
    uint16_t type = type_of(major, minor);
    uint8_t *at;

    if (is_there(s, type))
        return fail(s, TD_ESTATE);
    if (s->size - s->used < (int)(ENTRY_HEAD + len))
        return fail(s, TD_ESPACE);
    at = s->bytes + s->used;
    td_store_le16(at, type);
    td_store_le16(at + 2, len);
    memcpy(at + ENTRY_HEAD, data, len);
    s->used = (uint16_t)(s->used + ENTRY_HEAD + len);
    td_store_le16(s->bytes + 2, s->used);
    return TD_OK;
}

// The signer left room for the hash at the end, since a hash cannot cover itself.
static enum td_err add_record(struct td_shared *s, uint8_t image, const struct td_source *src,
                              const struct td_image *img, const struct td_tlv *tlv)
{
    uint8_t record[TD_SHARED_RECORD_MAX], hash[TD_HASH_MAX], hash_len;
    enum td_err err = td_image_hash(src, img, hash, &hash_len, NULL);

    if (err != TD_OK)
        return fail(s, err);
    if (tlv->len > sizeof record || tlv->len < hash_len)
        return fail(s, TD_EFORMAT);
    err = td_source_read(src, tlv->off, record, tlv->len);
    if (err != TD_OK)
        return fail(s, err);
    memcpy(record + tlv->len - hash_len, hash, hash_len);
    return td_shared_add(s, TD_SHARED_ATTEST, (uint16_t)((uint32_t)image << 6 | TD_SHARED_RECORD),
                         record, tlv->len);
}

enum td_err td_shared_record(struct td_shared *s, uint8_t image, const struct td_source *src)
{
    struct td_image img;
    struct td_tlv tlv;
    enum td_err err = td_image_open(src, UINT32_MAX, &img, NULL);

    if (err == TD_OK)
        err = td_tlv_find(src, &img, TD_TLV_BOOT_RECORD, &tlv);
    if (err == TD_ENOTFOUND)
        return TD_OK;
    return err != TD_OK ? fail(s, err) : add_record(s, image, src, &img, &tlv);
}

static void add_u8(struct td_shared *s, enum td_shared_minor minor, uint8_t value)
{
    (void)td_shared_add(s, TD_SHARED_LOADER, (uint16_t)minor, &value, sizeof value);
}

static void add_version(struct td_shared *s, const struct td_version *v)
{
    uint8_t b[VERSION_SIZE] = { v->major, v->minor };

    td_store_le16(b + 2, v->revision);
    td_store_le32(b + 4, v->build);
    (void)td_shared_add(s, TD_SHARED_LOADER, TD_SHARED_VERSION, b, sizeof b);
}

enum td_err td_shared_tell(struct td_shared *s, const struct td_shared_loader *loader)
{
    add_u8(s, TD_SHARED_MODE, (uint8_t)loader->mode);
    add_u8(s, TD_SHARED_SIGNATURE, loader->sig != NULL ? (uint8_t)loader->sig->id : 0);
    add_u8(s, TD_SHARED_RECOVERY, loader->has_recovery ? 1 : 0);
    // A mode with one slot does not say which.
    if (loader->mode != TD_MODE_SINGLE)
        add_u8(s, TD_SHARED_SLOT, loader->slot);
    if (loader->version != NULL)
        add_version(s, loader->version);
    return s->err;
}

enum td_err td_shared_open(const uint8_t *bytes, size_t size, uint16_t *end)
{
    *end = 0;
    if (size < TD_SHARED_HEAD_SIZE)
        return TD_ETRUNC;
    if (td_load_le16(bytes) != TD_SHARED_MAGIC || td_load_le16(bytes + 2) < TD_SHARED_HEAD_SIZE)
        return TD_EFORMAT;
    if (td_load_le16(bytes + 2) > size)
        return TD_ETRUNC;
    *end = td_load_le16(bytes + 2);
    return TD_OK;
}

enum td_err td_shared_next(const uint8_t *bytes, uint16_t end, uint16_t *at,
                           struct td_shared_entry *entry, bool *more)
{
    uint16_t type;

    *more = *at < end;
    if (!*more)
        return TD_OK;
    if (end - *at < (int)ENTRY_HEAD ||
        end - *at - (int)ENTRY_HEAD < (int)td_load_le16(bytes + *at + 2))
        return TD_EFORMAT;
    type = td_load_le16(bytes + *at);
    *entry = (struct td_shared_entry){ .major = (uint8_t)(type >> 12),
                                       .minor = (uint16_t)(type & 0xfffu),
                                       .len = td_load_le16(bytes + *at + 2),
                                       .data = bytes + *at + ENTRY_HEAD };
    *at = (uint16_t)(*at + ENTRY_HEAD + entry->len);
    return TD_OK;
}
