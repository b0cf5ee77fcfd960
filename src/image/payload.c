/*
 * image/payload.c - the payload of an encrypted image, and the key to it.
 *
 * The key's TLV stands outside the hashed part: whoever passes the image on can change it, and
 * gets a payload that is not what was hashed.
 */
#include "image/image.h"

#include <string.h>

#include "base/range.h"
#include "crypto/ct.h"

enum td_err td_image_wrapped_key(const struct td_source *src, const struct td_image *img,
                                 const struct td_image_unwrap *unwrap, uint8_t *value,
                                 uint16_t *len, uint32_t *off)
{
    bool aes_256 = (img->hdr.flags & TD_IMAGE_F_ENC_AES256) != 0;
    struct td_tlv tlv;
    enum td_err err = td_tlv_find(src, img, unwrap->alg->tlv, &tlv);

    if (err == TD_ENOTFOUND)
        return TD_EIMG_ENCTLV;
    if (err != TD_OK)
        return err;
    if (off != NULL)
        *off = tlv.off;
    *len = tlv.len;
    if (tlv.len != (aes_256 ? unwrap->alg->len_256 : unwrap->alg->len_128) ||
        tlv.len > TD_ENC_TLV_MAX)
        return TD_EIMG_TLVLEN;
    return td_source_read(src, tlv.off, value, tlv.len);
}

enum td_err td_image_open_key(const struct td_image_unwrap *unwrap, const uint8_t *value,
                              uint16_t len, bool aes_256, struct td_aes_ctr *ctr)
{
    uint8_t key[TD_ENC_KEY_MAX];
    size_t key_len = aes_256 ? 32 : 16;
    enum td_err err = unwrap->alg->unwrap(unwrap->key, unwrap->len, value, len, key, key_len);

    if (err == TD_OK)
        td_aes_ctr_init(ctr, key, key_len);
    else
        td_wipe(ctr, sizeof *ctr);
    td_wipe(key, sizeof key);
    return err;
}

void td_image_cipher(const struct td_aes_ctr *ctr, uint16_t hdr_size, uint32_t img_size,
                     uint32_t off, uint8_t *bytes, uint32_t len)
{
    uint32_t first = off < hdr_size ? td_min_u32(hdr_size - off, len) : 0;
    uint32_t at = off + first - hdr_size; // of the payload; large when off lies behind it

    if (first < len && at < img_size)
        td_aes_ctr_run(ctr, at, bytes + first, td_min_u32(len - first, img_size - at));
}
