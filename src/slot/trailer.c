/*
 * slot/trailer.c - cells at fixed distances from the end of a slot.
 *
 * A cell is written in one operation of as few words as hold it, and never with its erased
 * value; a cell is read many times, because a torn one answers differently.
 */
#include "slot/trailer.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"

#define MAGIC_SIZE    16u
#define FLAG_SET      0x01
#define STATUS_CHUNK  128u
#define IMAGE_NUM_MAX 14u

static const uint8_t magic_8[MAGIC_SIZE] = { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                             0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80 };

/* Behind the alignment, as two bytes. */
static const uint8_t magic_rest[MAGIC_SIZE - 2] = { 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
                                                    0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a };

static struct td_room_geometry geometry_of(const struct td_trailer *t)
{
    return (struct td_room_geometry){
        .max_sectors = t->max_sectors,
        .write_size = t->write_size,
        .max_align = t->max_align,
        .enc_key_len = t->enc_key_len,
    };
}

/* --- where the cells are --- */

uint32_t td_trailer_size(const struct td_trailer *t)
{
    struct td_room_geometry g = geometry_of(t);

    return t->scratch ? td_room_scratch_trailer_size(t->mode, &g)
                      : td_room_trailer_size(t->mode, &g);
}

uint32_t td_trailer_n_status(const struct td_trailer *t)
{
    return td_mode_status_entries(t->mode) * (t->scratch ? 1u : t->max_sectors);
}

uint32_t td_trailer_magic_off(const struct td_trailer *t)
{
    return t->area->size - MAGIC_SIZE;
}

uint32_t td_trailer_image_ok_off(const struct td_trailer *t)
{
    return td_round_down(td_trailer_magic_off(t) - t->max_align, t->max_align);
}

uint32_t td_trailer_copy_done_off(const struct td_trailer *t)
{
    return td_trailer_image_ok_off(t) - t->max_align;
}

uint32_t td_trailer_swap_info_off(const struct td_trailer *t)
{
    return td_trailer_copy_done_off(t) - t->max_align;
}

uint32_t td_trailer_tlv_sizes_off(const struct td_trailer *t)
{
    return td_trailer_swap_info_off(t) - t->max_align;
}

uint32_t td_trailer_swap_size_off(const struct td_trailer *t)
{
    uint32_t below =
        t->mode == TD_MODE_OFFSET ? td_trailer_tlv_sizes_off(t) : td_trailer_swap_info_off(t);

    return below - t->max_align;
}

uint32_t td_trailer_enc_cell(const struct td_trailer *t)
{
    return td_round_up(t->enc_key_len, t->max_align);
}

uint32_t td_trailer_enc_key_off(const struct td_trailer *t, unsigned slot)
{
    return td_trailer_swap_size_off(t) - (slot + 1u) * td_trailer_enc_cell(t);
}

uint32_t td_trailer_status_off(const struct td_trailer *t)
{
    return t->area->size - td_trailer_size(t);
}

uint32_t td_trailer_used_off(const struct td_trailer *t)
{
    bool keeps_status = td_mode_swaps(t->mode) || td_mode_status_entries(t->mode) == 0;

    return keeps_status ? td_trailer_status_off(t) : td_trailer_swap_info_off(t);
}

enum td_err td_trailer_first_sector(const struct td_trailer *t, uint32_t *off)
{
    struct td_flash_sector sector;
    enum td_err err = td_flash_sector_at(t->area, td_trailer_used_off(t), &sector);

    if (err == TD_OK)
        *off = sector.off;
    return err;
}

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1u)) == 0;
}

enum td_err td_trailer_check(const struct td_trailer *t)
{
    if (t->max_align != 8 && t->max_align != 16 && t->max_align != 32)
        return TD_EARG;
    if (!is_power_of_two(t->write_size) || t->write_size > t->max_align ||
        t->write_size < t->area->dev->write_size || t->area->size % t->max_align != 0)
        return TD_EARG;
    if (td_mode_name(t->mode) == NULL || (td_mode_swaps(t->mode) && t->max_sectors == 0))
        return TD_EARG;
    return td_trailer_size(t) > t->area->size ? TD_ESLOT_TINY : TD_OK;
}

/* --- reading --- */

static bool is_erased(const struct td_trailer *t, const uint8_t *p, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        if (p[i] != t->area->dev->erased)
            return false;
    }
    return true;
}

/* A cell that has no single right value: SET says that it holds one. */
static enum td_err read_cell(const struct td_trailer *t, uint32_t off, uint8_t *dst, uint32_t len,
                             enum td_flag *flag)
{
    bool steady;
    enum td_err err = td_flash_read_steady(t->area, off, dst, len, &steady);

    if (err == TD_OK)
        *flag = !steady ? TD_FLAG_BAD : is_erased(t, dst, len) ? TD_FLAG_UNSET : TD_FLAG_SET;
    return err;
}

static enum td_err read_flag(const struct td_trailer *t, uint32_t off, enum td_flag *flag)
{
    uint8_t byte;
    enum td_err err = read_cell(t, off, &byte, 1, flag);

    if (err == TD_OK && *flag == TD_FLAG_SET && byte != FLAG_SET)
        *flag = TD_FLAG_BAD;
    return err;
}

/* The magic of this alignment; dst holds 16 bytes. */
static void make_magic(const struct td_trailer *t, uint8_t *dst)
{
    if (t->max_align == 8) {
        memcpy(dst, magic_8, MAGIC_SIZE);
        return;
    }
    td_store_le16(dst, t->max_align);
    memcpy(dst + 2, magic_rest, sizeof magic_rest);
}

static enum td_err read_magic(const struct td_trailer *t, enum td_magic *magic)
{
    uint8_t got[MAGIC_SIZE], want[MAGIC_SIZE];
    enum td_flag flag;
    enum td_err err = read_cell(t, td_trailer_magic_off(t), got, MAGIC_SIZE, &flag);

    if (err != TD_OK)
        return err;
    make_magic(t, want);
    if (flag == TD_FLAG_UNSET)
        *magic = TD_MAGIC_UNSET;
    else if (flag == TD_FLAG_SET && memcmp(got, want, MAGIC_SIZE) == 0)
        *magic = TD_MAGIC_GOOD;
    else
        *magic = TD_MAGIC_BAD;
    return TD_OK;
}

static enum td_err read_swap_info(const struct td_trailer *t, struct td_trailer_state *state)
{
    uint8_t info;
    enum td_err err = read_cell(t, td_trailer_swap_info_off(t), &info, 1, &state->swap_info);

    state->swap_type = TD_SWAP_NONE;
    state->image_num = 0;
    if (err != TD_OK || state->swap_info != TD_FLAG_SET)
        return err;
    switch (info & 0x0Fu) {
    case TD_SWAP_TEST: state->swap_type = TD_SWAP_TEST; break;
    case TD_SWAP_PERM: state->swap_type = TD_SWAP_PERM; break;
    case TD_SWAP_REVERT: state->swap_type = TD_SWAP_REVERT; break;
    default: state->swap_info = TD_FLAG_BAD; return TD_OK;
    }
    state->image_num = (uint8_t)(info >> 4);
    return TD_OK;
}

enum td_err td_trailer_read(const struct td_trailer *t, struct td_trailer_state *state)
{
    struct td_trailer_state s;
    enum td_err err = read_magic(t, &s.magic);

    if (err == TD_OK)
        err = read_flag(t, td_trailer_image_ok_off(t), &s.image_ok);
    if (err == TD_OK)
        err = read_flag(t, td_trailer_copy_done_off(t), &s.copy_done);
    if (err == TD_OK)
        err = read_swap_info(t, &s);
    if (err == TD_OK)
        *state = s;
    return err;
}

enum td_err td_trailer_read_swap_size(const struct td_trailer *t, enum td_flag *flag,
                                      uint32_t *size)
{
    uint8_t b[4];
    enum td_err err = read_cell(t, td_trailer_swap_size_off(t), b, sizeof b, flag);

    *size = err == TD_OK && *flag == TD_FLAG_SET ? td_load_le32(b) : 0;
    return err;
}

enum td_err td_trailer_read_tlv_sizes(const struct td_trailer *t, enum td_flag *flag,
                                      uint16_t *primary, uint16_t *secondary)
{
    uint8_t b[4];
    enum td_err err;

    *primary = 0;
    *secondary = 0;
    if (t->mode != TD_MODE_OFFSET)
        return TD_EUNSUPPORTED;
    err = read_cell(t, td_trailer_tlv_sizes_off(t), b, sizeof b, flag);
    if (err == TD_OK && *flag == TD_FLAG_SET) {
        *primary = td_load_le16(b);
        *secondary = td_load_le16(b + 2);
    }
    return err;
}

enum td_err td_trailer_read_enc_key(const struct td_trailer *t, unsigned slot, enum td_flag *flag,
                                    uint8_t *key, uint16_t len)
{
    if (t->enc_key_len == 0 || len != t->enc_key_len || slot > 1)
        return TD_EUNSUPPORTED;
    return read_cell(t, td_trailer_enc_key_off(t, slot), key, len, flag);
}

/* --- writing --- */

/* Writes a cell's leading bytes, and the erased value up to the end of their last word. */
static enum td_err write_cell(const struct td_trailer *t, uint32_t off, const void *src,
                              uint32_t len)
{
    uint8_t buf[TD_FLASH_WRITE_MAX];
    uint32_t padded = td_round_up(len, t->area->dev->write_size);

    memset(buf, t->area->dev->erased, sizeof buf);
    memcpy(buf, src, len);
    return td_flash_write(t->area, off, buf, padded);
}

static enum td_err write_flag(const struct td_trailer *t, uint32_t off)
{
    const uint8_t set = FLAG_SET;

    return write_cell(t, off, &set, 1);
}

/* Words in front of the magic that would be written with their erased value are left out. */
enum td_err td_trailer_write_magic(const struct td_trailer *t)
{
    uint8_t buf[TD_FLASH_WRITE_MAX];
    uint32_t len = td_round_up(MAGIC_SIZE, t->area->dev->write_size);

    memset(buf, t->area->dev->erased, sizeof buf);
    make_magic(t, buf + (len - MAGIC_SIZE));
    return td_flash_write(t->area, t->area->size - len, buf, len);
}

enum td_err td_trailer_write_image_ok(const struct td_trailer *t)
{
    return write_flag(t, td_trailer_image_ok_off(t));
}

enum td_err td_trailer_write_copy_done(const struct td_trailer *t)
{
    return write_flag(t, td_trailer_copy_done_off(t));
}

enum td_err td_trailer_write_swap_info(const struct td_trailer *t, enum td_swap_type type,
                                       uint8_t image_num)
{
    uint8_t info = (uint8_t)((unsigned)image_num << 4 | type);

    if (image_num > IMAGE_NUM_MAX || type < TD_SWAP_TEST || type > TD_SWAP_REVERT)
        return TD_EARG;
    return write_cell(t, td_trailer_swap_info_off(t), &info, 1);
}

/* On flash that is erased to the very value there is nothing to write. */
static enum td_err write_le32(const struct td_trailer *t, uint32_t off, uint32_t value)
{
    uint8_t b[4];

    td_store_le32(b, value);
    return is_erased(t, b, sizeof b) ? TD_OK : write_cell(t, off, b, sizeof b);
}

enum td_err td_trailer_write_swap_size(const struct td_trailer *t, uint32_t size)
{
    return write_le32(t, td_trailer_swap_size_off(t), size);
}

enum td_err td_trailer_write_tlv_sizes(const struct td_trailer *t, uint16_t primary,
                                       uint16_t secondary)
{
    if (t->mode != TD_MODE_OFFSET)
        return TD_EUNSUPPORTED;
    return write_le32(t, td_trailer_tlv_sizes_off(t), (uint32_t)secondary << 16 | primary);
}

enum td_err td_trailer_write_enc_key(const struct td_trailer *t, unsigned slot, const uint8_t *key,
                                     uint16_t len)
{
    uint32_t off = td_trailer_enc_key_off(t, slot);
    uint32_t whole = td_round_down(len, TD_FLASH_WRITE_MAX);
    enum td_err err = TD_OK;

    if (t->enc_key_len == 0 || len != t->enc_key_len || slot > 1)
        return TD_EUNSUPPORTED;
    if (whole > 0)
        err = td_flash_write(t->area, off, key, whole);
    if (err == TD_OK && len > whole)
        err = write_cell(t, off + whole, key + whole, len - whole);
    return err;
}

enum td_err td_trailer_erase(const struct td_trailer *t)
{
    uint32_t first;
    enum td_err err = td_trailer_first_sector(t, &first);

    if (err != TD_OK)
        return err;
    return td_flash_erase_backwards(t->area, first, t->area->size - first);
}

/* --- status --- */

static uint32_t entry_off(const struct td_trailer *t, uint32_t entry)
{
    return td_trailer_status_off(t) + entry * t->write_size;
}

enum td_err td_trailer_read_status(const struct td_trailer *t, uint32_t entry, enum td_flag *flag)
{
    uint8_t byte;

    if (entry >= td_trailer_n_status(t))
        return TD_EBOUNDS;
    return read_cell(t, entry_off(t, entry), &byte, 1, flag);
}

enum td_err td_trailer_write_status(const struct td_trailer *t, uint32_t entry, uint8_t value)
{
    if (entry >= td_trailer_n_status(t))
        return TD_EBOUNDS;
    return write_cell(t, entry_off(t, entry), &value, 1);
}

/* Which of the n entries from first on ever read anything but erased. */
static enum td_err look_at_chunk(const struct td_trailer *t, uint32_t first, uint32_t n, bool *used)
{
    uint8_t buf[STATUS_CHUNK];
    uint32_t w = t->write_size;
    enum td_err err = TD_OK;
    enum td_flag flag;

    for (unsigned i = 0; i < TD_TRAILER_READS && err == TD_OK; i++) {
        err = td_flash_read(t->area, entry_off(t, first), buf, n * w);
        for (uint32_t k = 0; k < n && err == TD_OK; k++)
            used[k] = used[k] || buf[k * w] != t->area->dev->erased;
    }
    if (err != TD_EECC)
        return err;
    // One entry cannot be corrected; the others can only be had one by one.
    err = TD_OK;
    for (uint32_t k = 0; k < n && err == TD_OK; k++) {
        err = td_trailer_read_status(t, first + k, &flag);
        used[k] = flag != TD_FLAG_UNSET;
    }
    return err;
}

enum td_err td_trailer_status_count(const struct td_trailer *t, uint32_t first, uint32_t n,
                                    uint32_t *count, bool *gap)
{
    uint32_t seen = 0;
    bool used[STATUS_CHUNK];

    *count = 0;
    *gap = false;
    if (!td_range_in(first, n, td_trailer_n_status(t)))
        return TD_EBOUNDS;
    for (uint32_t at = 0; at < n;) {
        uint32_t here = td_min_u32(STATUS_CHUNK / t->write_size, n - at);
        enum td_err err;

        memset(used, 0, sizeof used);
        err = look_at_chunk(t, first + at, here, used);
        if (err != TD_OK)
            return err;
        for (uint32_t k = 0; k < here; k++) {
            if (used[k]) {
                seen++;
                *count = at + k + 1;
            }
        }
        at += here;
    }
    *gap = seen != *count;
    return TD_OK;
}

uint32_t td_trailer_move_entry(uint32_t idx)
{
    return idx - 1u;
}

uint32_t td_trailer_swap_entry(const struct td_trailer *t, uint32_t idx, uint32_t state)
{
    uint32_t states = t->mode == TD_MODE_SCRATCH ? 3 : 2;
    uint32_t first = t->mode == TD_MODE_MOVE ? t->max_sectors : 0;

    return first + (idx - 1u) * states + (state - 1u);
}
