/*
 * sim/nor.c - the simulated NOR: bytes, and beside them what an eye cannot see.
 *
 * Metadata: a head of 64 bytes, 8 bytes for each sector (erase count, flags), one byte for
 * each word (programs since the last erase), one byte for each byte of flash (which of its
 * bits are unstable). Integers are little-endian, so that a saved flash can be carried about.
 *
 * 1. A sector without F_UNSTABLE has no unstable bit; so reads of sound flash are plain copies.
 * 2. A sector that differs from the snapshot at nor->base has F_DIRTY.
 */
#include "sim/nor.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"

#define META_MAGIC   0x524F4E54u /* "TNOR" */
#define META_VERSION 1u
#define META_HEAD    64u
#define SECTOR_HEAD  8u

#define H_MAGIC   0
#define H_VERSION 4
#define H_SIZE    8
#define H_SECTORS 12
#define H_WRITE   16
#define H_BUDGET  18
#define H_ERASED  19
#define H_RANDOM  24

#define S_WEAR  0
#define S_FLAGS 4

#define F_UNSTABLE 1u
#define F_WEAK     2u
#define F_DIRTY    4u

#define PAUSE_MIN_US 1000u /* the shortest piece of an erase that controllers take */
#define COUNT_MAX    255u

static const struct td_flash_run runs_nrf52833[] = { { 128, 4096 } };
static const struct td_flash_run runs_nrf5340[] = { { 256, 4096 } };
static const struct td_flash_run runs_mx25r64[] = { { 2048, 4096 } };
static const struct td_flash_run runs_stm32l4[] = { { 512, 2048 } };
static const struct td_flash_run runs_stm32h7[] = { { 8, 131072 } };
static const struct td_flash_run runs_stm32l1[] = { { 1024, 256 } };

const struct sim_nor_model sim_nor_nrf52833 = {
    .name = "nrf52833",
    .runs = runs_nrf52833,
    .n_runs = 1,
    .erased = 0xFF,
    .budget = 2,
    .write_size = 4,
    .erase_pauses = true,
    .write_us = 41,
    .write_unit = 4,
    .erase_us = 85000,
    .erase_unit = 4096,
    .read_ns_per_kb = 16000,
};

const struct sim_nor_model sim_nor_nrf5340 = {
    .name = "nrf5340",
    .runs = runs_nrf5340,
    .n_runs = 1,
    .erased = 0xFF,
    .budget = 2,
    .write_size = 4,
    .erase_pauses = true,
    .write_us = 43,
    .write_unit = 4,
    .erase_us = 87500,
    .erase_unit = 4096,
    .read_ns_per_kb = 8000,
};

const struct sim_nor_model sim_nor_mx25r64 = {
    .name = "mx25r64",
    .runs = runs_mx25r64,
    .n_runs = 1,
    .erased = 0xFF,
    .budget = 0,
    .write_size = 1,
    .erase_pauses = true,
    .write_us = 850,
    .write_unit = 256,
    .erase_us = 40000,
    .erase_unit = 4096,
    .read_ns_per_kb = 256000,
};

const struct sim_nor_model sim_nor_stm32l4 = {
    .name = "stm32l4",
    .runs = runs_stm32l4,
    .n_runs = 1,
    .erased = 0xFF,
    .budget = 1,
    .write_size = 8,
    .ecc_error = true,
    .write_us = 82,
    .write_unit = 8,
    .erase_us = 22020,
    .erase_unit = 2048,
    .read_ns_per_kb = 8000,
};

const struct sim_nor_model sim_nor_stm32h7 = {
    .name = "stm32h7",
    .runs = runs_stm32h7,
    .n_runs = 1,
    .erased = 0xFF,
    .budget = 1,
    .write_size = 32,
    .ecc_error = true,
    .write_us = 95,
    .write_unit = 32,
    .erase_us = 1000000,
    .erase_unit = 131072,
    .read_ns_per_kb = 2000,
};

const struct sim_nor_model sim_nor_stm32l1 = {
    .name = "stm32l1",
    .runs = runs_stm32l1,
    .n_runs = 1,
    .erased = 0x00,
    .budget = 1,
    .write_size = 4,
    .write_us = 3280,
    .write_unit = 4,
    .erase_us = 3280,
    .erase_unit = 256,
    .read_ns_per_kb = 32000,
};

/* A sector of the device, by its number too. */
struct place {
    uint32_t n;
    uint32_t off;
    uint32_t size;
};

/* --- power --- */

void sim_power_on(struct sim_power *power)
{
    power->ops = 0;
    power->armed = false;
    power->lost = false;
}

void sim_power_cut_at(struct sim_power *power, uint32_t op, enum sim_cut kind)
{
    power->cut_at = op;
    power->cut_kind = kind;
    power->armed = true;
}

/* Counts one operation; true when it is the one at which power goes. */
static bool is_last_operation(struct sim_power *power)
{
    return power->ops++ == power->cut_at && power->armed;
}

static enum td_err lose_power(struct sim_power *power)
{
    power->lost = true;
    power->armed = false;
    return TD_EFLASH;
}

/* --- where things are --- */

uint32_t sim_nor_size(const struct sim_nor_model *model)
{
    uint32_t size = 0;

    for (unsigned i = 0; i < model->n_runs; i++)
        size += model->runs[i].count * model->runs[i].sector_size;
    return size;
}

static uint32_t count_sectors(const struct sim_nor_model *model)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < model->n_runs; i++)
        n += model->runs[i].count;
    return n;
}

size_t sim_nor_meta_size(const struct sim_nor_model *model)
{
    uint32_t size = sim_nor_size(model);

    return META_HEAD + (size_t)SECTOR_HEAD * count_sectors(model) + size / model->write_size + size;
}

static uint8_t *sector_head(uint8_t *meta, uint32_t n)
{
    return meta + META_HEAD + (size_t)SECTOR_HEAD * n;
}

static uint8_t *flags_of(const struct sim_nor *nor, uint32_t n)
{
    return sector_head(nor->meta, n) + S_FLAGS;
}

/* Programs of each word, and unstable bits of each byte, in a block of metadata. */
static uint8_t *counts_in(const struct sim_nor *nor, uint8_t *meta)
{
    return sector_head(meta, nor->n_sectors);
}

static uint8_t *masks_in(const struct sim_nor *nor, uint8_t *meta)
{
    return counts_in(nor, meta) + nor->n_words;
}

static struct place place_of(const struct sim_nor *nor, uint32_t off)
{
    const struct sim_nor_model *m = nor->model;
    uint32_t base = 0, n = 0;

    if (nor->shift != 0)
        return (struct place){ off >> nor->shift, off >> nor->shift << nor->shift,
                               m->runs[0].sector_size };
    for (unsigned i = 0; i < m->n_runs; i++) {
        uint32_t sector = m->runs[i].sector_size, span = m->runs[i].count * sector;

        if (off - base < span) {
            uint32_t k = (off - base) / sector;

            return (struct place){ n + k, base + k * sector, sector };
        }
        base += span;
        n += m->runs[i].count;
    }
    return (struct place){ nor->n_sectors, base, 0 };
}

static struct place place_nth(const struct sim_nor *nor, uint32_t n)
{
    const struct sim_nor_model *m = nor->model;
    uint32_t base = 0, left = n;

    for (unsigned i = 0; i < m->n_runs; i++) {
        if (left < m->runs[i].count)
            return (struct place){ n, base + left * m->runs[i].sector_size,
                                   m->runs[i].sector_size };
        base += m->runs[i].count * m->runs[i].sector_size;
        left -= m->runs[i].count;
    }
    return (struct place){ nor->n_sectors, base, 0 };
}

/* --- chance --- */

static uint32_t next_random(struct sim_nor *nor)
{
    uint64_t x = nor->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    nor->random = x;
    return (uint32_t)((x * 0x2545F4914F6CDD1Du) >> 32);
}

static uint32_t random_below(struct sim_nor *nor, uint32_t n)
{
    return (uint32_t)((uint64_t)next_random(nor) * n >> 32);
}

/* One of the bits that are set in mask, which is not 0. */
static uint8_t random_bit_of(struct sim_nor *nor, uint8_t mask)
{
    uint8_t bit;

    do {
        bit = (uint8_t)(1u << random_below(nor, 8));
    } while ((bit & mask) == 0);
    return bit;
}

/* --- reading --- */

static void take_time(struct sim_nor *nor, uint64_t ns)
{
    uint64_t sum = nor->rest_ns + ns;

    nor->power->busy_us += sum / 1000u;
    nor->rest_ns = (uint32_t)(sum % 1000u);
}

/* Whether a word of the range cannot be corrected; words reach beyond the range's ends. */
static bool has_broken_word(const struct sim_nor *nor, uint32_t off, uint32_t end)
{
    const uint8_t *masks = masks_in(nor, nor->meta);
    uint32_t from = td_round_down(off, nor->model->write_size);
    uint32_t to = td_round_up(end, nor->model->write_size);

    for (uint32_t i = from; i < to; i++) {
        if (masks[i] != 0)
            return true;
    }
    return false;
}

/* Lets the unstable bits of [off, end) fall as they like, in their copy at dst. */
static void shake(struct sim_nor *nor, uint32_t off, uint32_t end, uint8_t *dst)
{
    const uint8_t *masks = masks_in(nor, nor->meta);

    for (uint32_t i = off; i < end; i++) {
        if (masks[i] != 0) {
            uint8_t noise = (uint8_t)(next_random(nor) & masks[i]);

            dst[i - off] = (uint8_t)((dst[i - off] & ~masks[i]) | noise);
        }
    }
}

static enum td_err nor_read(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len)
{
    struct sim_nor *nor = dev->ctx;
    uint32_t at = off, end = off + (uint32_t)len;

    if (nor->power->lost)
        return TD_EFLASH;
    nor->stats.reads++;
    nor->stats.read_bytes += len;
    take_time(nor, (uint64_t)nor->model->read_ns_per_kb * len / 1024u);
    memcpy(dst, nor->bytes + off, len);
    while (at < end) {
        struct place p = place_of(nor, at);
        uint32_t stop = td_min_u32(end, p.off + p.size);

        if (p.n == nor->erasing)
            return TD_ESTATE;
        if (*flags_of(nor, p.n) & F_UNSTABLE) {
            if (nor->model->ecc_error && has_broken_word(nor, at, stop))
                return TD_EECC;
            shake(nor, at, stop, (uint8_t *)dst + (at - off));
        }
        at = stop;
    }
    return TD_OK;
}

/* --- writing --- */

static bool within_budget(struct sim_nor *nor, uint32_t word, uint32_t n)
{
    const uint8_t *counts = counts_in(nor, nor->meta);
    uint32_t over = 0;

    if (nor->model->budget == 0)
        return true;
    for (uint32_t i = 0; i < n; i++)
        over += counts[word + i] >= nor->model->budget;
    nor->stats.over_budget += over;
    return over == 0;
}

static void count_program(struct sim_nor *nor, uint32_t word)
{
    uint8_t *count = counts_in(nor, nor->meta) + word;

    if (*count < COUNT_MAX)
        (*count)++;
}

/* What a byte becomes: bits leave the erased value, and never come back to it. */
static uint8_t programmed(const struct sim_nor *nor, uint8_t old, uint8_t src)
{
    return nor->model->erased == 0 ? (uint8_t)(old | src) : (uint8_t)(old & src);
}

static void program_word(struct sim_nor *nor, uint32_t off, const uint8_t *src)
{
    uint32_t w = nor->model->write_size;
    uint8_t clash = 0;

    for (uint32_t i = 0; i < w; i++) {
        uint8_t now = programmed(nor, nor->bytes[off + i], src[i]);

        clash |= (uint8_t)(now ^ src[i]);
        nor->bytes[off + i] = now;
    }
    nor->stats.clashes += clash != 0;
    count_program(nor, off / w);
}

/* Makes one bit at least of those in changed[] unstable, others by chance. */
static void destabilise(struct sim_nor *nor, uint32_t off, const uint8_t *changed, uint32_t len)
{
    uint8_t *masks = masks_in(nor, nor->meta);
    uint32_t pick, n = 0;

    for (uint32_t i = 0; i < len; i++)
        n += changed[i] != 0;
    if (n == 0)
        return;
    pick = random_below(nor, n);
    for (uint32_t i = 0; i < len; i++) {
        if (changed[i] == 0)
            continue;
        masks[off + i] |= (uint8_t)(next_random(nor) & changed[i]);
        if (pick-- == 0)
            masks[off + i] |= random_bit_of(nor, changed[i]);
    }
    *flags_of(nor, place_of(nor, off).n) |= F_UNSTABLE;
}

/*
 * Each bit that was on its way has arrived, has not left, or is between: one at least is not
 * as before, or the word would not have been begun.
 */
static void tear_word(struct sim_nor *nor, uint32_t off, const uint8_t *src)
{
    uint8_t changed[TD_FLASH_WRITE_MAX] = { 0 };
    uint32_t w = nor->model->write_size;
    uint8_t any = 0;

    for (uint32_t i = 0; i < w; i++) {
        uint8_t old = nor->bytes[off + i];
        uint8_t arrived = (uint8_t)next_random(nor);

        changed[i] = (uint8_t)(old ^ programmed(nor, old, src[i]));
        any |= changed[i];
        nor->bytes[off + i] = (uint8_t)(old ^ (changed[i] & arrived));
    }
    // Where nothing was on its way, the check bits of a word with error correction still were.
    if (any == 0 && nor->model->ecc_error)
        changed[0] = 0xFF;
    destabilise(nor, off, changed, w);
    count_program(nor, off / w);
}

/* Whether a bit of src is at its erased value where the flash holds it programmed. */
static bool has_clash(const struct sim_nor *nor, const uint8_t *at, const uint8_t *src,
                      uint32_t len)
{
    const uint64_t erased = nor->model->erased * 0x0101010101010101u;
    uint64_t clash = 0, now, want;
    uint32_t i = 0;

    for (; i + sizeof now <= len; i += sizeof now) {
        memcpy(&now, at + i, sizeof now);
        memcpy(&want, src + i, sizeof want);
        clash |= ~(want ^ erased) & (now ^ erased);
    }
    for (; i < len; i++)
        clash |= (uint8_t)(~(src[i] ^ erased) & (at[i] ^ erased));
    return clash != 0;
}

/*
 * The usual case, which a sweep meets a billion times: a sound sector, and nothing that clashes.
 * False, and nothing done, in any other.
 */
static bool program_plainly(struct sim_nor *nor, uint32_t off, const uint8_t *src, uint32_t len)
{
    uint8_t *counts = counts_in(nor, nor->meta) + off / nor->model->write_size;
    uint32_t n = len / nor->model->write_size;
    struct place p = place_of(nor, off);

    if (len > p.off + p.size - off || (*flags_of(nor, p.n) & F_WEAK) ||
        has_clash(nor, nor->bytes + off, src, len))
        return false;
    memcpy(nor->bytes + off, src, len);
    for (uint32_t i = 0; i < n; i++)
        counts[i] = (uint8_t)(counts[i] + (counts[i] < COUNT_MAX));
    *flags_of(nor, p.n) |= F_DIRTY;
    return true;
}

/* Programs len bytes; in a weak sector what changes does not hold. */
static void program(struct sim_nor *nor, uint32_t off, const uint8_t *src, uint32_t len)
{
    uint32_t w = nor->model->write_size;
    struct place p = place_of(nor, off);
    bool counted = false;

    if (program_plainly(nor, off, src, len))
        return;
    for (uint32_t i = 0; i < len; i += w) {
        if (off + i >= p.off + p.size)
            p = place_of(nor, off + i);
        if (*flags_of(nor, p.n) & F_WEAK) {
            uint8_t changed[TD_FLASH_WRITE_MAX];

            for (uint32_t k = 0; k < w; k++)
                changed[k] =
                    nor->bytes[off + i + k] ^ programmed(nor, nor->bytes[off + i + k], src[i + k]);
            program_word(nor, off + i, src + i);
            destabilise(nor, off + i, changed, w);
            nor->stats.weak_writes += !counted;
            counted = true;
        } else {
            program_word(nor, off + i, src + i);
        }
        *flags_of(nor, p.n) |= F_DIRTY;
    }
}

static bool is_erasing(const struct sim_nor *nor, uint32_t off, uint32_t len)
{
    struct place p;

    if (nor->erasing == nor->n_sectors)
        return false;
    p = place_nth(nor, nor->erasing);
    return td_range_overlap(off, len, p.off, p.size);
}

static enum td_err nor_write(const struct td_flash_dev *dev, uint32_t off, const void *src,
                             size_t size)
{
    struct sim_nor *nor = dev->ctx;
    uint32_t len = (uint32_t)size, w = nor->model->write_size, units, k;

    if (nor->power->lost)
        return TD_EFLASH;
    if (!td_range_in(off, len, dev->size) || off % w != 0 || len % w != 0) {
        nor->stats.misaligned++;
        return TD_EALIGN;
    }
    if (is_erasing(nor, off, len))
        return TD_ESTATE;
    if (!within_budget(nor, off / w, len / w))
        return TD_EBUDGET;
    nor->stats.writes++;
    nor->stats.written_bytes += len;
    units = td_round_up(len, nor->model->write_unit) / nor->model->write_unit;
    nor->power->busy_us += (uint64_t)nor->model->write_us * units;
    if (!is_last_operation(nor->power)) {
        program(nor, off, src, len);
        return TD_OK;
    }
    if (nor->power->cut_kind == SIM_CUT_AFTER) {
        program(nor, off, src, len);
    } else if (nor->power->cut_kind == SIM_CUT_TORN) {
        k = random_below(nor, len / w) * w;
        program(nor, off, src, k);
        tear_word(nor, off + k, (const uint8_t *)src + k);
        *flags_of(nor, place_of(nor, off + k).n) |= F_DIRTY;
    }
    return lose_power(nor->power);
}

/* --- erasing --- */

static void wear(struct sim_nor *nor, uint32_t n)
{
    uint8_t *at = sector_head(nor->meta, n) + S_WEAR;

    td_store_le32(at, td_load_le32(at) + 1u);
    nor->stats.erases++;
    *flags_of(nor, n) |= F_DIRTY;
}

static void blank(struct sim_nor *nor, struct place p)
{
    uint8_t *flags = flags_of(nor, p.n);
    uint32_t w = nor->model->write_size;

    memset(nor->bytes + p.off, nor->model->erased, p.size);
    memset(counts_in(nor, nor->meta) + p.off / w, 0, p.size / w);
    if (*flags & F_UNSTABLE)
        memset(masks_in(nor, nor->meta) + p.off, 0, p.size);
    *flags = F_DIRTY;
}

enum fate { OLD, ERASED, BETWEEN };

/* What a torn erase does to one word: nothing, all, or something. */
static void settle_word(struct sim_nor *nor, uint32_t off, enum fate fate)
{
    uint8_t changed[TD_FLASH_WRITE_MAX];
    uint8_t *masks = masks_in(nor, nor->meta);
    uint32_t w = nor->model->write_size;

    if (fate == OLD)
        return;
    for (uint32_t i = 0; i < w; i++) {
        changed[i] = nor->bytes[off + i] ^ nor->model->erased;
        if (fate == ERASED) {
            nor->bytes[off + i] = nor->model->erased;
            masks[off + i] = 0;
        } else {
            nor->bytes[off + i] ^= (uint8_t)(changed[i] & next_random(nor));
        }
    }
    if (fate == BETWEEN)
        destabilise(nor, off, changed, w);
}

/*
 * The ways in which erases were seen to end halfway: blank but weak; erased up to some place
 * from either end, with a fringe; any mix; hardly touched at all.
 */
static void tear_erase(struct sim_nor *nor, struct place p)
{
    uint32_t w = nor->model->write_size;
    uint32_t edge = random_below(nor, p.size);
    uint32_t way = random_below(nor, 5);

    for (uint32_t at = 0; at < p.size; at += w) {
        uint32_t dice = random_below(nor, 64);
        bool fringe = at < edge + 4 * w && edge < at + 4 * w;
        enum fate fate = ERASED;

        if (way == 1)
            fate = fringe ? BETWEEN : at < edge ? ERASED : OLD;
        else if (way == 2)
            fate = fringe ? BETWEEN : at < edge ? OLD : ERASED;
        else if (way == 3)
            fate = dice < 16 ? BETWEEN : dice < 40 ? ERASED : OLD;
        else if (way == 4)
            fate = dice == 0 ? BETWEEN : OLD;
        settle_word(nor, p.off + at, fate);
    }
    *flags_of(nor, p.n) |= F_WEAK | F_DIRTY;
}

/* A begun erase that nobody will finish. */
static void abandon_erase(struct sim_nor *nor)
{
    if (nor->erasing == nor->n_sectors)
        return;
    tear_erase(nor, place_nth(nor, nor->erasing));
    nor->erasing = nor->n_sectors;
}

static enum td_err nor_erase_begin(const struct td_flash_dev *dev, uint32_t off, uint32_t len)
{
    struct sim_nor *nor = dev->ctx;
    struct place p = place_of(nor, off);
    bool last;

    if (nor->power->lost)
        return TD_EFLASH;
    if (p.n >= nor->n_sectors || p.off != off || p.size != len) {
        nor->stats.misaligned++;
        return TD_EALIGN;
    }
    if (nor->erasing != p.n)
        abandon_erase(nor);
    last = is_last_operation(nor->power);
    if (last && nor->power->cut_kind == SIM_CUT_BEFORE)
        return lose_power(nor->power);
    wear(nor, p.n);
    if (last && nor->power->cut_kind == SIM_CUT_TORN) {
        tear_erase(nor, p);
        return lose_power(nor->power);
    }
    nor->erasing = p.n;
    nor->erase_left_us =
        nor->model->erase_us * (td_round_up(len, nor->model->erase_unit) / nor->model->erase_unit);
    nor->erase_cut_after = last;
    return TD_OK;
}

static enum td_err nor_erase_step(const struct td_flash_dev *dev, uint32_t budget_us, bool *done)
{
    struct sim_nor *nor = dev->ctx;
    uint32_t piece = td_max_u32(budget_us, PAUSE_MIN_US);

    *done = false;
    if (nor->power->lost)
        return TD_EFLASH;
    if (nor->erasing == nor->n_sectors)
        return TD_ESTATE;
    if (nor->model->erase_pauses && piece < nor->erase_left_us) {
        nor->power->busy_us += piece;
        nor->erase_left_us -= piece;
        return TD_OK;
    }
    nor->power->busy_us += nor->erase_left_us;
    blank(nor, place_nth(nor, nor->erasing));
    nor->erasing = nor->n_sectors;
    *done = true;
    return nor->erase_cut_after ? lose_power(nor->power) : TD_OK;
}

static const struct td_flash_ops nor_ops = { nor_read, nor_write, nor_erase_begin, nor_erase_step };

/* --- life of a flash --- */

/* For flash of one run of sectors of a power of two: sweeps ask for places all the time. */
static uint8_t shift_of(const struct sim_nor_model *model)
{
    for (uint8_t shift = 1; shift < 32 && model->n_runs == 1; shift++) {
        if (model->runs[0].sector_size == 1u << shift)
            return shift;
    }
    return 0;
}

static void attach(struct sim_nor *nor, const struct sim_nor_model *model, uint8_t *bytes,
                   uint8_t *meta, struct sim_power *power)
{
    uint32_t size = sim_nor_size(model);

    memset(nor, 0, sizeof *nor);
    nor->dev = (struct td_flash_dev){
        .ops = &nor_ops,
        .ctx = nor,
        .runs = model->runs,
        .n_runs = model->n_runs,
        .erased = model->erased,
        .budget = model->budget,
        .write_size = model->write_size,
        .size = size,
    };
    nor->model = model;
    nor->power = power;
    nor->bytes = bytes;
    nor->meta = meta;
    nor->n_sectors = count_sectors(model);
    nor->n_words = size / model->write_size;
    nor->erasing = nor->n_sectors;
    nor->shift = shift_of(model);
}

void sim_nor_init(struct sim_nor *nor, const struct sim_nor_model *model, uint8_t *bytes,
                  uint8_t *meta, struct sim_power *power, uint64_t seed)
{
    attach(nor, model, bytes, meta, power);
    memset(bytes, model->erased, nor->dev.size);
    memset(meta, 0, sim_nor_meta_size(model));
    td_store_le32(meta + H_MAGIC, META_MAGIC);
    td_store_le32(meta + H_VERSION, META_VERSION);
    td_store_le32(meta + H_SIZE, nor->dev.size);
    td_store_le32(meta + H_SECTORS, nor->n_sectors);
    td_store_le16(meta + H_WRITE, model->write_size);
    meta[H_BUDGET] = model->budget;
    meta[H_ERASED] = model->erased;
    nor->random = seed * 0x9E3779B97F4A7C15u | 1u; // any state but 0 will do
    sim_nor_sync(nor);
}

enum td_err sim_nor_open(struct sim_nor *nor, const struct sim_nor_model *model, uint8_t *bytes,
                         uint8_t *meta, struct sim_power *power)
{
    if (td_load_le32(meta + H_MAGIC) != META_MAGIC ||
        td_load_le32(meta + H_VERSION) != META_VERSION ||
        td_load_le32(meta + H_SIZE) != sim_nor_size(model) ||
        td_load_le32(meta + H_SECTORS) != count_sectors(model) ||
        td_load_le16(meta + H_WRITE) != model->write_size || meta[H_BUDGET] != model->budget ||
        meta[H_ERASED] != model->erased)
        return TD_EFORMAT;
    attach(nor, model, bytes, meta, power);
    nor->random =
        (uint64_t)td_load_le32(meta + H_RANDOM + 4) << 32 | td_load_le32(meta + H_RANDOM) | 1u;
    return TD_OK;
}

void sim_nor_sync(struct sim_nor *nor)
{
    td_store_le32(nor->meta + H_RANDOM, (uint32_t)nor->random);
    td_store_le32(nor->meta + H_RANDOM + 4, (uint32_t)(nor->random >> 32));
}

void sim_nor_power_off(struct sim_nor *nor)
{
    abandon_erase(nor);
    nor->power->lost = true;
}

/* --- snapshots --- */

static void copy_sector(const struct sim_nor *nor, struct place p, uint8_t *to_bytes,
                        uint8_t *to_meta, const uint8_t *from_bytes, uint8_t *from_meta)
{
    uint32_t w = nor->model->write_size;
    uint8_t *to = sector_head(to_meta, p.n), *from = sector_head(from_meta, p.n);

    memcpy(to_bytes + p.off, from_bytes + p.off, p.size);
    memcpy(counts_in(nor, to_meta) + p.off / w, counts_in(nor, from_meta) + p.off / w, p.size / w);
    if ((to[S_FLAGS] | from[S_FLAGS]) & F_UNSTABLE)
        memcpy(masks_in(nor, to_meta) + p.off, masks_in(nor, from_meta) + p.off, p.size);
    memcpy(to, from, SECTOR_HEAD);
}

/* Makes the snapshot equal the flash, or the flash the snapshot. */
static void align_with(struct sim_nor *nor, const struct sim_nor_snapshot *s, bool save)
{
    bool all = nor->base != s->bytes;

    if (all && save)
        memcpy(s->meta, nor->meta, sim_nor_meta_size(nor->model));
    if (all && !save)
        memcpy(nor->meta, s->meta, sim_nor_meta_size(nor->model));
    if (all)
        memcpy(save ? s->bytes : nor->bytes, save ? nor->bytes : s->bytes, nor->dev.size);
    for (uint32_t n = 0; n < nor->n_sectors; n++) {
        uint8_t *flags = flags_of(nor, n);

        if (!all && (*flags & F_DIRTY) && save)
            copy_sector(nor, place_nth(nor, n), s->bytes, s->meta, nor->bytes, nor->meta);
        if (!all && (*flags & F_DIRTY) && !save)
            copy_sector(nor, place_nth(nor, n), nor->bytes, nor->meta, s->bytes, s->meta);
        *flags &= (uint8_t)~F_DIRTY;
        sector_head(s->meta, n)[S_FLAGS] &= (uint8_t)~F_DIRTY;
    }
    nor->base = s->bytes;
}

void sim_nor_save(struct sim_nor *nor, const struct sim_nor_snapshot *snapshot)
{
    abandon_erase(nor);
    align_with(nor, snapshot, true);
}

void sim_nor_load(struct sim_nor *nor, const struct sim_nor_snapshot *snapshot)
{
    nor->erasing = nor->n_sectors;
    align_with(nor, snapshot, false);
}

/* --- hands of a test, or of a debugger --- */

void sim_nor_program(struct sim_nor *nor, uint32_t off, const void *src, uint32_t len)
{
    const uint8_t *from = src;
    uint8_t *counts = counts_in(nor, nor->meta);
    uint32_t at = off;

    while (at < off + len) {
        struct place p = place_of(nor, at);

        blank(nor, p);
        at = p.off + p.size;
    }
    for (uint32_t i = 0; i < len; i++) {
        nor->bytes[off + i] = from[i];
        if (from[i] != nor->model->erased)
            counts[(off + i) / nor->model->write_size] = 1;
    }
}

const uint8_t *sim_nor_peek(const struct sim_nor *nor, uint32_t off)
{
    return nor->bytes + off;
}

void sim_nor_tear(struct sim_nor *nor, uint32_t off, uint8_t mask)
{
    masks_in(nor, nor->meta)[off] |= mask;
    *flags_of(nor, place_of(nor, off).n) |= F_UNSTABLE | F_DIRTY;
}

void sim_nor_weaken(struct sim_nor *nor, uint32_t n)
{
    *flags_of(nor, n) |= F_WEAK | F_DIRTY;
}

uint32_t sim_nor_wear(const struct sim_nor *nor, uint32_t n)
{
    return td_load_le32(sector_head(nor->meta, n) + S_WEAR);
}

bool sim_nor_is_torn(const struct sim_nor *nor, uint32_t n)
{
    return (*flags_of(nor, n) & (F_UNSTABLE | F_WEAK)) != 0;
}
