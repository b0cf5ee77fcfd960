/* image/build.c - writes header and TLV areas; the first error stays, the rest does nothing. */
#include "image/build.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"

void td_image_header_write(uint8_t out[TD_IMAGE_HEADER_SIZE], const struct td_image_header *hdr)
{
    td_store_le32(out, TD_IMAGE_MAGIC);
    td_store_le32(out + 0x04, hdr->load_addr);
    td_store_le16(out + 0x08, hdr->hdr_size);
    td_store_le16(out + 0x0a, hdr->protect_tlv_size);
    td_store_le32(out + 0x0c, hdr->img_size);
    td_store_le32(out + 0x10, hdr->flags);
    out[0x14] = hdr->version.major;
    out[0x15] = hdr->version.minor;
    td_store_le16(out + 0x16, hdr->version.revision);
    td_store_le32(out + 0x18, hdr->version.build);
    td_store_le32(out + 0x1c, 0);
}

void td_build_begin(struct td_build *b, uint8_t *buf, uint32_t cap, uint32_t len)
{
    b->buf = buf;
    b->cap = cap;
    b->len = len;
    b->area = 0;
    b->err = len <= cap ? TD_OK : TD_ESPACE;
}

void td_build_header(struct td_build *b, const struct td_image_header *hdr)
{
    if (b->err == TD_OK && b->len < TD_IMAGE_HEADER_SIZE)
        b->err = TD_ESPACE;
    if (b->err == TD_OK)
        td_image_header_write(b->buf, hdr);
}

static uint8_t *take(struct td_build *b, uint32_t len)
{
    uint8_t *at;

    if (b->err == TD_OK && !td_range_in(b->len, len, b->cap))
        b->err = TD_ESPACE;
    if (b->err != TD_OK)
        return NULL;
    at = b->buf + b->len;
    b->len += len;
    return at;
}

void td_build_area(struct td_build *b, uint16_t magic)
{
    uint32_t start = b->len;
    uint8_t *at = take(b, TD_TLV_INFO_SIZE);

    if (at == NULL)
        return;
    b->area = start;
    td_store_le16(at, magic);
    td_store_le16(at + 2, TD_TLV_INFO_SIZE);
}

void td_build_tlv(struct td_build *b, uint16_t type, const void *value, size_t len)
{
    uint8_t *at;

    if (b->err == TD_OK &&
        (len > UINT16_MAX || b->len - b->area + TD_TLV_ENTRY_SIZE + len > UINT16_MAX))
        b->err = TD_EARG;
    if (b->err != TD_OK)
        return;
    at = take(b, TD_TLV_ENTRY_SIZE + (uint32_t)len);
    if (at == NULL)
        return;
    td_store_le16(at, type);
    td_store_le16(at + 2, (uint16_t)len);
    if (len > 0)
        memcpy(at + TD_TLV_ENTRY_SIZE, value, len);
}

void td_build_close(struct td_build *b)
{
    if (b->err == TD_OK)
        td_store_le16(b->buf + b->area + 2, (uint16_t)(b->len - b->area));
}
