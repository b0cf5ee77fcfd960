/*
 * boot/cipher.c - encrypted images on their way between the slots.
 *
 * A cell of the primary's trailer, little-endian:
 *
 *   0  img_size u32   4  hdr_size u16   6  what u8: 0 clear, 1 AES-128, 2 AES-256, 3 lost
 *   7  0              8  the wrapped key, filled up with zeros   n - 4  CRC-32 of the rest
 *
 * What a cell says is believed only if its CRC holds: with another payload range the image
 * would arrive as rubbish, and the other one would be gone by then.
 */
#include "boot/cipher.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/range.h"
#include "boot/boot_priv.h"
#include "crypto/ct.h"

#define AT_IMG_SIZE 0u
#define AT_HDR_SIZE 4u
#define AT_WHAT     6u
#define AT_VALUE    8u
#define CRC_SIZE    4u
#define CELL_MAX    (AT_VALUE + TD_ENC_TLV_MAX + CRC_SIZE)

static uint16_t cell_of(const struct td_image_unwrap *unwrap)
{
    return (uint16_t)(AT_VALUE + td_max_u32(unwrap->alg->len_128, unwrap->alg->len_256) + CRC_SIZE);
}

uint16_t td_boot_cipher_cell(const struct td_image_policy *policy)
{
    return policy->unwrap == NULL ? 0 : cell_of(policy->unwrap);
}

static const struct td_image_unwrap *unwrap_of(const struct td_boot_run *run)
{
    return run->config->policy.unwrap;
}

void td_boot_cipher_wipe(struct td_boot_work *work)
{
    td_wipe(work->cipher, sizeof work->cipher);
}

/* --- finding the keys --- */

static enum td_boot_cargo cargo_of(uint32_t flags)
{
    if ((flags & TD_IMAGE_F_ENC_AES256) != 0)
        return TD_CARGO_AES256;
    return (flags & TD_IMAGE_F_ENC_AES128) != 0 ? TD_CARGO_AES128 : TD_CARGO_CLEAR;
}

static enum td_err open_key(const struct td_boot_run *run, struct td_boot_cipher *c)
{
    bool aes_256 = c->cargo == TD_CARGO_AES256;
    uint16_t len = aes_256 ? unwrap_of(run)->alg->len_256 : unwrap_of(run)->alg->len_128;

    td_boot_feed(run);
    return td_image_open_key(unwrap_of(run), c->wrapped, len, aes_256, &c->ctr);
}

enum td_err td_boot_cipher_open(struct td_boot_run *run, enum td_boot_way way,
                                const struct td_source *src)
{
    struct td_boot_cipher *c = &run->work->cipher[way];
    struct td_image img;
    uint16_t len;
    enum td_err err;

    td_wipe(c, sizeof *c);
    if (unwrap_of(run) == NULL)
        return TD_OK;
    err = td_image_open(src, src->size, &img, NULL);
    if (err != TD_OK)
        return err;
    c->hdr_size = img.hdr.hdr_size;
    c->img_size = img.hdr.img_size;
    c->cargo = cargo_of(img.hdr.flags);
    if (c->cargo == TD_CARGO_CLEAR)
        return TD_OK;
    err = td_image_wrapped_key(src, &img, unwrap_of(run), c->wrapped, &len, NULL);
    return err != TD_OK ? err : open_key(run, c);
}

static struct td_flash_area behind(const struct td_flash_area *area, uint32_t off)
{
    return (struct td_flash_area){ area->dev, area->off + off, area->size - off };
}

static bool is_driver_error(enum td_err err)
{
    return err == TD_EFLASH || err == TD_EBOUNDS || err == TD_EALIGN;
}

enum td_err td_boot_cipher_begin(struct td_boot_run *run, uint32_t x_off, bool *out_lost)
{
    struct td_boot_cipher *out = &run->work->cipher[TD_WAY_OUT];
    struct td_flash_area x = behind(run->secondary.area, x_off);
    struct td_source p_src = td_flash_source(run->primary.area);
    struct td_source x_src = td_flash_source(&x);
    enum td_err err = td_boot_cipher_open(run, TD_WAY_OUT, &p_src);

    if (is_driver_error(err))
        return err;
    if (out_lost != NULL)
        *out_lost = err != TD_OK && out->hdr_size != 0;
    if (err != TD_OK)
        *out = (struct td_boot_cipher){ .cargo = TD_CARGO_LOST };
    return td_boot_cipher_open(run, TD_WAY_IN, &x_src);
}

/* --- across a cut --- */

static enum td_err save(const struct td_boot_run *run, enum td_boot_way way)
{
    const struct td_boot_cipher *c = &run->work->cipher[way];
    uint16_t cell = cell_of(unwrap_of(run));
    uint8_t raw[CELL_MAX] = { 0 };

    td_store_le32(raw + AT_IMG_SIZE, c->img_size);
    td_store_le16(raw + AT_HDR_SIZE, c->hdr_size);
    raw[AT_WHAT] = (uint8_t)c->cargo;
    memcpy(raw + AT_VALUE, c->wrapped, cell - AT_VALUE - CRC_SIZE);
    td_store_le32(raw + cell - CRC_SIZE, td_crc32(0, raw, cell - CRC_SIZE));
    td_boot_feed(run);
    return td_trailer_write_enc_key(&run->primary, way == TD_WAY_OUT ? 0 : 1, raw, cell);
}

enum td_err td_boot_cipher_save(const struct td_boot_run *run)
{
    enum td_err err;

    if (unwrap_of(run) == NULL)
        return TD_OK;
    err = save(run, TD_WAY_OUT);
    return err != TD_OK ? err : save(run, TD_WAY_IN);
}

static enum td_err load(struct td_boot_run *run, enum td_boot_way way)
{
    struct td_boot_cipher *c = &run->work->cipher[way];
    uint16_t cell = cell_of(unwrap_of(run));
    uint8_t raw[CELL_MAX];
    enum td_flag flag;
    enum td_err err =
        td_trailer_read_enc_key(&run->primary, way == TD_WAY_OUT ? 0 : 1, &flag, raw, cell);

    if (err != TD_OK)
        return err;
    if (flag != TD_FLAG_SET || raw[AT_WHAT] > TD_CARGO_LOST ||
        td_load_le32(raw + cell - CRC_SIZE) != td_crc32(0, raw, cell - CRC_SIZE))
        return TD_EENC;
    c->img_size = td_load_le32(raw + AT_IMG_SIZE);
    c->hdr_size = td_load_le16(raw + AT_HDR_SIZE);
    c->cargo = (enum td_boot_cargo)raw[AT_WHAT];
    memcpy(c->wrapped, raw + AT_VALUE, cell - AT_VALUE - CRC_SIZE);
    return c->cargo == TD_CARGO_AES128 || c->cargo == TD_CARGO_AES256 ? open_key(run, c) : TD_OK;
}

enum td_err td_boot_cipher_load(struct td_boot_run *run)
{
    enum td_err err;

    td_boot_cipher_wipe(run->work);
    if (unwrap_of(run) == NULL)
        return TD_OK;
    err = load(run, TD_WAY_OUT);
    return err != TD_OK ? err : load(run, TD_WAY_IN);
}

/* --- carrying --- */

enum td_err td_boot_carry_read(const struct td_boot_run *run, enum td_boot_way way,
                               uint32_t image_off, const struct td_flash_area *from,
                               uint32_t from_off, uint8_t *buf, uint32_t len)
{
    const struct td_boot_cipher *c = &run->work->cipher[way];
    enum td_err err;

    if (c->cargo == TD_CARGO_LOST) {
        memset(buf, from->dev->erased, len);
        return TD_OK;
    }
    err = td_boot_read(from, from_off, buf, len);
    if (err == TD_OK && c->cargo != TD_CARGO_CLEAR)
        td_image_cipher(&c->ctr, c->hdr_size, c->img_size, image_off, buf, len);
    return err;
}

enum td_err td_boot_carry(const struct td_boot_run *run, enum td_boot_way way, uint32_t image_off,
                          const struct td_flash_area *from, uint32_t from_off,
                          const struct td_flash_area *to, uint32_t to_off, uint32_t len)
{
    enum td_boot_cargo cargo = run->work->cipher[way].cargo;
    enum td_err err = TD_OK;

    if (cargo == TD_CARGO_CLEAR)
        return td_boot_copy(run, from, from_off, to, to_off, len);
    if (cargo == TD_CARGO_LOST)
        return TD_OK;
    for (uint32_t at = 0; err == TD_OK && at < len; at += TD_BOOT_COPY_SIZE) {
        uint32_t n = td_min_u32(len - at, TD_BOOT_COPY_SIZE);

        td_boot_feed(run);
        err = td_boot_carry_read(run, way, image_off + at, from, from_off + at, run->work->copy, n);
        if (err == TD_OK)
            err = td_boot_write(to, to_off + at, run->work->copy, n);
    }
    return err;
}

enum td_err td_boot_carried(const struct td_boot_run *run, enum td_boot_way way, uint32_t image_off,
                            const struct td_flash_area *from, uint32_t from_off,
                            const struct td_flash_area *to, uint32_t to_off, uint32_t len,
                            bool *same)
{
    const uint32_t half = TD_BOOT_COPY_SIZE / 2;
    uint8_t *want = run->work->copy, *have = want + half;
    enum td_err err = TD_OK;

    *same = true;
    for (uint32_t at = 0; *same && at < len; at += half) {
        uint32_t n = td_min_u32(len - at, half);

        td_boot_feed(run);
        err = td_boot_carry_read(run, way, image_off + at, from, from_off + at, want, n);
        if (err == TD_OK)
            err = td_flash_read(to, to_off + at, have, n);
        *same = err == TD_OK && memcmp(want, have, n) == 0;
    }
    // What cannot be read is not the same; that is no failure of the flash.
    return err == TD_EECC ? TD_OK : err;
}
