/*
 * slot/trailer_fuzz.c - any bytes where a trailer should be, some of them unstable.
 *
 * The first bytes choose the trailer's shape, the next which reads fail or differ, the rest
 * is flash. Whatever stands there: states are of their lists, what is decided follows, and
 * requests end with the answer that they promise.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "slot/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTOR 512u
#define SLOT   2048u

static const struct td_flash_run runs[] = { { 8, SECTOR } };

struct fuzz_flash {
    uint8_t bytes[2 * SLOT];
    uint32_t shaky;  /* this byte reads differently each time, until its sector is erased */
    uint32_t broken; /* a word around this byte cannot be read */
    uint8_t noise;
    uint32_t erasing;
};

static enum td_err fuzz_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    struct fuzz_flash *f = dev->ctx;

    if (!td_range_in(off, (uint32_t)len, sizeof f->bytes))
        abort();
    memcpy(dst, f->bytes + off, len);
    if (td_range_overlap(off, (uint32_t)len, f->broken, 1))
        return TD_EECC;
    if (td_range_overlap(off, (uint32_t)len, f->shaky, 1))
        ((uint8_t *)dst)[f->shaky - off] ^= f->noise++;
    return TD_OK;
}

static enum td_err fuzz_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                              size_t len)
{
    struct fuzz_flash *f = dev->ctx;

    if (!td_range_in(off, (uint32_t)len, sizeof f->bytes) || off % dev->write_size != 0 ||
        len % dev->write_size != 0)
        abort();
    for (size_t i = 0; i < len; i++)
        f->bytes[off + i] &= ((const uint8_t *)src)[i];
    return TD_OK;
}

static enum td_err fuzz_erase_begin(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    struct fuzz_flash *f = dev->ctx;

    if (off % SECTOR != 0 || len != SECTOR)
        abort();
    f->erasing = off;
    return TD_OK;
}

static enum td_err fuzz_erase_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    struct fuzz_flash *f = dev->ctx;

    (void)budget_us;
    memset(f->bytes + f->erasing, 0xFF, SECTOR);
    if (td_range_overlap(f->erasing, SECTOR, f->shaky, 1))
        f->shaky = UINT32_MAX;
    if (td_range_overlap(f->erasing, SECTOR, f->broken, 1))
        f->broken = UINT32_MAX;
    *done = true;
    return TD_OK;
}

static const struct td_flash_ops ops = { fuzz_read, fuzz_write, fuzz_erase_begin, fuzz_erase_step };

static void check(bool truth)
{
    if (!truth)
        abort();
}

static void check_state(const struct td_trailer_state *s)
{
    check(s->magic >= TD_MAGIC_GOOD && s->magic <= TD_MAGIC_UNSET);
    check(s->image_ok >= TD_FLAG_SET && s->image_ok <= TD_FLAG_UNSET);
    check(s->copy_done >= TD_FLAG_SET && s->copy_done <= TD_FLAG_UNSET);
    check(s->swap_type >= TD_SWAP_NONE && s->swap_type <= TD_SWAP_REVERT);
    check((s->swap_info == TD_FLAG_SET) == (s->swap_type != TD_SWAP_NONE));
    check(s->image_num <= 15);
}

static void check_reads(const struct td_trailer *t)
{
    uint32_t size, count, n = td_trailer_n_status(t);
    enum td_flag flag;
    uint16_t p, x;
    uint8_t key[32];
    bool gap;

    check(td_trailer_read_swap_size(t, &flag, &size) == TD_OK);
    check(flag == TD_FLAG_SET || size == 0);
    if (t->mode == TD_MODE_OFFSET)
        check(td_trailer_read_tlv_sizes(t, &flag, &p, &x) == TD_OK);
    if (t->enc_key_len != 0)
        check(td_trailer_read_enc_key(t, 1, &flag, key, t->enc_key_len) == TD_OK);
    check(td_trailer_status_count(t, 0, n, &count, &gap) == TD_OK && count <= n);
    if (count > 0)
        check(td_trailer_read_status(t, count - 1, &flag) == TD_OK);
    if (!gap && count < n)
        check(td_trailer_read_status(t, count, &flag) == TD_OK);
}

/* A request that says it was taken is what the next boot finds. */
static void check_request(const struct td_slots *s, bool permanent, uint32_t image_end)
{
    struct td_trailer_state p, x;
    enum td_slot_done done;
    enum td_err err = td_slot_set_pending(s, permanent, image_end, &done);
    enum td_swap_type next;

    check(td_trailer_read(s->primary, &p) == TD_OK);
    check(td_trailer_read(s->secondary, &x) == TD_OK);
    next = td_slot_next(TD_SLOT_MENDED, s->primary->mode, &p, &x);
    if (err == TD_OK)
        check(next == (permanent ? TD_SWAP_PERM : TD_SWAP_TEST));
    else
        check(err != TD_EFLASH && err != TD_EBUDGET && err != TD_EALIGN && err != TD_EBOUNDS);
    err = td_slot_cancel(s, image_end, &done);
    if (err == TD_OK) {
        check(td_trailer_read(s->secondary, &x) == TD_OK);
        next = td_slot_next(TD_SLOT_MENDED, s->primary->mode, &p, &x);
        check(next == TD_SWAP_NONE || next == TD_SWAP_REVERT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum td_strategy_id modes[] = { TD_MODE_MOVE, TD_MODE_OFFSET, TD_MODE_SCRATCH,
                                                 TD_MODE_OVERWRITE };
    struct fuzz_flash f;
    struct td_flash_dev dev = {
        .ops = &ops, .ctx = &f, .runs = runs, .n_runs = 1, .erased = 0xFF, .size = 2 * SLOT
    };
    const struct td_flash_area pa = { &dev, 0, SLOT }, xa = { &dev, SLOT, SLOT };
    struct td_trailer p = { .area = &pa, .max_sectors = 4 }, x;
    struct td_slots slots = { .primary = &p, .secondary = &x };
    struct td_trailer_state s;
    enum td_slot_done done;

    if (size < 8)
        return 0;
    memset(&f, 0xFF, sizeof f);
    dev.write_size = (uint16_t)(1u << data[0] % 6);
    p.write_size = (uint8_t)dev.write_size;
    p.max_align = (uint8_t)(8u << data[1] % 3);
    p.mode = modes[data[2] % TD_N_OF(modes)];
    p.enc_key_len = data[2] & 0x40 ? 16 : data[2] & 0x20 ? 32 : 0;
    x = p;
    x.area = &xa;
    if (td_trailer_check(&p) != TD_OK)
        return 0;
    // The last bytes of the input are the secondary's end, those before it the primary's.
    f.shaky = data[3] & 0x80 ? 2 * SLOT - 1 - data[4] : SLOT - 1 - data[4];
    f.broken = data[3] & 0x40 ? 2 * SLOT - 1 - data[5] : UINT32_MAX;
    for (size_t i = 8; i < size; i++) {
        size_t at = (i - 8) / 2;

        if (at < SLOT)
            f.bytes[i % 2 ? SLOT - 1 - at : 2 * SLOT - 1 - at] = data[i];
    }
    check(td_trailer_read(&p, &s) == TD_OK);
    check_state(&s);
    check(td_trailer_read(&x, &s) == TD_OK);
    check_state(&s);
    check_reads(&p);
    check_reads(&x);
    (void)td_slot_confirm(&slots, &done);
    check_request(&slots, data[6] & 1, data[7] * 8u);
    return 0;
}
