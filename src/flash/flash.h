/*
 * flash/flash.h - one piece of flash, as everything above a driver sees it.
 *
 * All offsets and lengths are bytes. A caller's offsets count from the start of the area, a
 * driver's from the start of the device. The area and its device belong to the caller and
 * outlive every call. Nothing is allocated, and nothing is kept between two calls but what
 * the caller lends (struct td_flash_job).
 *
 * TD_EARG, TD_EBOUNDS and TD_EALIGN mean everywhere: nothing was touched. TD_EFLASH: the
 * driver failed, or the power is gone; the range of a write or an erase is undefined.
 */
#ifndef TD_FLASH_FLASH_H
#define TD_FLASH_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/source.h"

#define TD_FLASH_WRITE_MAX 32 /* the largest write_size that the house handles */

/* Sectors come in runs of one size: { {4, 16384}, {1, 65536}, {7, 131072} }. */
struct td_flash_run {
    uint16_t count;
    uint32_t sector_size; /* bytes, a multiple of the device's write_size */
};

struct td_flash_dev;

/*
 * A driver. It is called with ranges that were checked: inside the device, aligned to
 * write_size or to one whole sector. read may take any range.
 *
 * read answers TD_EECC when the range holds a word whose error correction fails, as a torn
 * one does on some chips; dst is then undefined. write answers TD_EBUDGET, and has touched
 * nothing, when a driver that keeps count is asked to program a word too often.
 *
 * erase_begin starts to erase the one sector [off, off + len); erase_step gives the device
 * up to budget_us microseconds to go on and sets *done when the sector is blank. Until then
 * the driver may refuse everything else with TD_ESTATE. A driver that cannot pause erases
 * in one step, however small the budget.
 */
struct td_flash_ops {
    enum td_err (*read)(const struct td_flash_dev *dev, uint32_t off, void *dst, size_t len);
    enum td_err (*write)(const struct td_flash_dev *dev, uint32_t off, const void *src, size_t len);
    enum td_err (*erase_begin)(const struct td_flash_dev *dev, uint32_t off, uint32_t len);
    enum td_err (*erase_step)(const struct td_flash_dev *dev, uint32_t budget_us, bool *done);
};

struct td_flash_dev {
    const struct td_flash_ops *ops;
    void *ctx; /* the driver's */
    const struct td_flash_run *runs;
    uint8_t n_runs;
    uint8_t erased;      /* what an erased byte reads: 0xFF or 0x00 */
    uint8_t budget;      /* how often one word may be programmed between erases; 0: any number */
    uint16_t write_size; /* 1, 2, 4, 8, 16 or 32 bytes: one word */
    uint32_t size;       /* bytes; the sum of the runs */
};

/* A range of whole sectors of one device. */
struct td_flash_area {
    const struct td_flash_dev *dev;
    uint32_t off;  /* bytes from the start of the device; where a sector begins */
    uint32_t size; /* bytes; up to where a sector ends */
};

/* One sector; off counts from the start of the area. */
struct td_flash_sector {
    uint32_t off;
    uint32_t size;
};

/*
 * Whether the area and its device make sense: runs that add up to size, a write size of the
 * list above, an area of whole sectors. To be asked once, where a configuration is taken in;
 * the other calls rely on it. TD_EARG: the device is malformed. TD_EBOUNDS, TD_EALIGN: the
 * area does not fit it.
 */
enum td_err td_flash_area_check(const struct td_flash_area *area);

/* Copies len bytes at off to dst; any alignment. TD_EBOUNDS, TD_EECC, TD_EFLASH. */
enum td_err td_flash_read(const struct td_flash_area *area, uint32_t off, void *dst, size_t len);

/*
 * Reads like td_flash_read, but TD_FLASH_READS times: *steady is whether every byte always read
 * the same. That is how a word is found out in whose programming the power failed; one bit that
 * flips at random escapes once in 2^31 times. A word whose error correction fails is not steady,
 * and no error. TD_EBOUNDS, TD_EFLASH: *steady is false.
 */
#define TD_FLASH_READS 32

enum td_err td_flash_read_steady(const struct td_flash_area *area, uint32_t off, void *dst,
                                 size_t len, bool *steady);

/*
 * Programs len bytes from src at off. Both off and len are multiples of write_size, and each
 * word was programmed less often since its sector's last erase than the device's budget says.
 * When power fails inside the call, its bytes may hold old, new or unstable bits: the next
 * boot concludes nothing from them, and programs none of them again without an erase.
 *
 * TD_EALIGN, TD_EBOUNDS, TD_EBUDGET: nothing was touched. TD_EFLASH: the range is undefined.
 */
enum td_err td_flash_write(const struct td_flash_area *area, uint32_t off, const void *src,
                           size_t len);

/*
 * Erases the whole sectors of [off, off + len), the first one first; blocks until done. When
 * power fails inside, a sector may hold any mix of old, erased and unstable bytes, and one
 * that reads blank may still be weak: whoever resumes erases it again, whatever it reads.
 *
 * TD_EALIGN, TD_EBOUNDS: nothing was touched. TD_EFLASH: the range is undefined.
 */
enum td_err td_flash_erase(const struct td_flash_area *area, uint32_t off, uint32_t len);

/* The same, the last sector first: whoever reads the end of the range sees it go at once. */
enum td_err td_flash_erase_backwards(const struct td_flash_area *area, uint32_t off, uint32_t len);

/*
 * An erase in steps, so that a link is served in between. The job is the caller's; its
 * fields are the room's. One job at a time for a device; no other access to the device while
 * a job is between two steps unless the device's manual allows it.
 *
 * Dropping a job that is not done leaves a half-erased sector; see td_flash_erase.
 */
struct td_flash_job {
    const struct td_flash_area *area;
    uint32_t next; /* where the sector begins that is erased next or right now */
    uint32_t end;
    bool begun; /* the driver is busy with the sector at next */
};

/* Prepares the job; touches nothing yet. TD_EALIGN, TD_EBOUNDS as td_flash_erase. */
enum td_err td_flash_erase_begin(struct td_flash_job *job, const struct td_flash_area *area,
                                 uint32_t off, uint32_t len);

/*
 * Goes on for about budget_us and sets *done when the whole range is blank. At most one
 * sector is finished by a call, so that a budget larger than a sector's time does no harm.
 * After an error the job is over and its range undefined.
 */
enum td_err td_flash_erase_step(struct td_flash_job *job, uint32_t budget_us, bool *done);

/* The sector that holds the byte at off. TD_EBOUNDS. */
enum td_err td_flash_sector_at(const struct td_flash_area *area, uint32_t off,
                               struct td_flash_sector *out);

/* How many sectors the area has, and the nth of them (0 is the first). TD_EBOUNDS. */
uint32_t td_flash_sector_count(const struct td_flash_area *area);
enum td_err td_flash_sector_nth(const struct td_flash_area *area, uint32_t n,
                                struct td_flash_sector *out);

/*
 * Whether every byte of the range reads erased. A word that cannot be read is not blank, and
 * no error. Blank does not mean sound: see td_flash_erase. TD_EBOUNDS, TD_EFLASH.
 */
enum td_err td_flash_is_blank(const struct td_flash_area *area, uint32_t off, uint32_t len,
                              bool *blank);

/* The area's bytes as a source; the area outlives it. */
struct td_source td_flash_source(const struct td_flash_area *area);

#endif
