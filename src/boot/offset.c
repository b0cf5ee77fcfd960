/*
 * boot/offset.c - swap-offset: the new image lies one sector into the secondary, so that each
 * sector of the running one has a free place to go to.
 *
 * N sectors, 2N steps. Forward, for i = 0..N-1: P[i] -> X[i], X[i+1] -> P[i]. Back, for
 * i = N-1..0: P[i] -> X[i+1], X[i] -> P[i], and X[0] is erased behind the last. After an update
 * the previous image so lies at the start of the secondary, after a revert the tried one is
 * where it came from. A step erases its target, copies, and writes one cell; what boot/swap.h
 * says about steps holds.
 *
 * Sectors past an image's end take no part, but the one that follows it (MCUboot's test is off by
 * one, and the bytes at rest are to be the same). Where that end is says the image's header, which
 * is whole at every moment in one place or another, and the trailer's cell with the sizes of the
 * TLV areas. When either does not make sense, every sector takes part: that is always right.
 */
#include "base/range.h"
#include "boot/boot_priv.h"
#include "boot/cipher.h"
#include "boot/swap.h"

enum side { FROM_PRIMARY, FROM_SECONDARY };

static bool goes_back(const struct td_boot_run *run)
{
    return run->type == TD_SWAP_REVERT;
}

// Trailers stay out of the way. What the last of these sectors holds comes back as well: the
// secondary's trailer is blank by then, and its room is used.
static uint32_t offset_capacity(const struct td_boot_run *run)
{
    return td_min_u32(td_swap_notes_off(&run->primary), td_swap_notes_off(&run->secondary));
}

static uint32_t offset_n_steps(const struct td_boot_run *run)
{
    return 2 * td_swap_n_sectors(run, run->swap_size);
}

/* How many steps the status area says are done: the highest entry counts, as in the original. */
static enum td_err offset_steps_done(const struct td_boot_run *run, uint32_t *done)
{
    bool gap;

    return td_trailer_status_count(&run->primary, 0, offset_n_steps(run), done, &gap);
}

/* --- where the images are, and how long --- */

/* Where the first sector is of the image that came from there, done steps into the swap. */
static struct td_flash_area where_is(const struct td_boot_run *run, enum side from, uint32_t done)
{
    struct td_flash_area p = *run->primary.area, x = *run->secondary.area;
    uint32_t total = offset_n_steps(run);

    if (goes_back(run)) {
        if (from == FROM_PRIMARY)
            return done + 1 >= total ? run->incoming : p;
        return done >= total ? p : x;
    }
    if (from == FROM_PRIMARY)
        return done >= 1 ? x : p;
    return done >= 2 ? p : run->incoming;
}

/* How many sectors take part on that image's behalf. */
static uint32_t sectors_of(const struct td_boot_run *run, enum side from, uint32_t done)
{
    const struct td_flash_area area = where_is(run, from, done);
    struct td_source src = td_flash_source(&area);
    struct td_image_header hdr;
    enum td_flag flag;
    uint16_t tlv[2];
    uint64_t size;

    if (td_trailer_read_tlv_sizes(&run->primary, &flag, &tlv[0], &tlv[1]) != TD_OK ||
        flag != TD_FLAG_SET || tlv[from] == 0 || td_image_header_read(&src, &hdr) != TD_OK)
        return UINT32_MAX;
    size = (uint64_t)hdr.hdr_size + hdr.img_size + hdr.protect_tlv_size + tlv[from];
    return size > run->swap_size ? UINT32_MAX : td_swap_n_sectors(run, (uint32_t)size) + 1;
}

static uint16_t tlv_size_of(const struct td_boot_run *run, enum side from)
{
    const struct td_flash_area area = where_is(run, from, run->done);
    struct td_source src = td_flash_source(&area);
    struct td_image img;

    return td_image_open(&src, area.size, &img, NULL) == TD_OK ? (uint16_t)img.tlv_size : 0;
}

static enum td_err offset_write_cells(const struct td_boot_run *run)
{
    return td_trailer_write_tlv_sizes(&run->primary, tlv_size_of(run, FROM_PRIMARY),
                                      tlv_size_of(run, FROM_SECONDARY));
}

/* --- the steps --- */

// X[i+1] -> P[i], or X[i] -> P[i]. Bytes that are there already are left alone; but not in a
// sector whose erase an earlier boot may have begun, whatever it reads.
static enum td_err fill_primary(const struct td_boot_run *run, uint32_t i, bool again)
{
    const struct td_flash_area *p = run->primary.area, *x = run->secondary.area;
    uint32_t s = td_swap_sector_size(run), at = i * s, from = goes_back(run) ? at : at + s;
    bool same = false;
    enum td_err err = TD_OK;

    if (!again)
        err = td_boot_carried(run, TD_WAY_IN, at, x, from, p, at, s, &same);
    if (err != TD_OK || same)
        return err;
    err = td_boot_erase(run, p, at, s);
    return err != TD_OK ? err : td_boot_carry(run, TD_WAY_IN, at, x, from, p, at, s);
}

static enum td_err keep_primary(const struct td_boot_run *run, uint32_t i)
{
    const struct td_flash_area *p = run->primary.area, *x = run->secondary.area;
    uint32_t s = td_swap_sector_size(run), at = i * s, to = goes_back(run) ? at + s : at;
    enum td_err err = td_boot_erase(run, x, to, s);

    return err != TD_OK ? err : td_boot_carry(run, TD_WAY_OUT, at, p, at, x, to, s);
}

static enum td_err offset_step(const struct td_boot_run *run, uint32_t step, bool again)
{
    uint32_t n = td_swap_n_sectors(run, run->swap_size);
    uint32_t i = goes_back(run) ? n - 1 - step / 2 : step / 2;
    bool keeps = step % 2 == 0;
    enum td_err err = TD_OK;

    if (i < sectors_of(run, keeps ? FROM_PRIMARY : FROM_SECONDARY, step))
        err = keeps ? keep_primary(run, i) : fill_primary(run, i, again);
    return err != TD_OK ? err
                        : td_trailer_write_status(
                              &run->primary,
                              td_trailer_swap_entry(&run->primary, step / 2 + 1, step % 2 + 1),
                              (uint8_t)(step % 2 + 1));
}

// X[0] holds a copy of the previous image's header, which would be taken for an image that was
// sent to the wrong address. An image that fills its slot has reached into the trailer's sector.
static enum td_err offset_tidy(const struct td_boot_run *run)
{
    uint32_t s = td_swap_sector_size(run);
    enum td_err err;

    if (!goes_back(run))
        return TD_OK;
    err = td_boot_erase(run, run->secondary.area, 0, s);
    if (err == TD_OK && offset_n_steps(run) / 2 * s >= td_swap_notes_off(&run->secondary))
        err = td_boot_erase_trailer(run, &run->secondary);
    return err;
}

/* --- the strategy --- */

static const struct td_swap_way way = {
    .capacity = offset_capacity,
    .n_steps = offset_n_steps,
    .steps_done = offset_steps_done,
    .step = offset_step,
    .write_cells = offset_write_cells,
    .tidy = offset_tidy,
};

static enum td_err offset_layout(const struct td_boot_run *run)
{
    uint32_t size = td_swap_sector_size(run), max;
    enum td_err err = td_boot_max(run, &max);

    if (err != TD_OK)
        return err;
    if (!td_swap_is_uniform(run->primary.area, size) ||
        !td_swap_is_uniform(run->secondary.area, size) || !td_swap_has_note_room(&run->primary) ||
        !td_swap_has_note_room(&run->secondary) ||
        run->primary.max_sectors < td_swap_n_sectors(run, offset_capacity(run)))
        return TD_ESLOT_LAYOUT;
    return TD_OK;
}

static enum td_err offset_look(struct td_boot_run *run)
{
    return td_swap_look(run, &way);
}

static enum td_err offset_start(struct td_boot_run *run, enum td_swap_type type)
{
    return td_swap_start(run, &way, type);
}

static enum td_err offset_revert(struct td_boot_run *run)
{
    return td_swap_revert(run, &way);
}

static enum td_err offset_restore(struct td_boot_run *run)
{
    return td_swap_restore(run, &way);
}

static enum td_err offset_resume(struct td_boot_run *run)
{
    return td_swap_resume(run, &way);
}

static enum td_err offset_mend(struct td_boot_run *run)
{
    return td_swap_mend(run, &way);
}

const struct td_strategy td_strategy_offset = {
    .mode = TD_MODE_OFFSET,
    .start_line = TD_LINE_SWAP_OFFSET,
    .sector_in = true,
    .no_room = TD_V_NO_SWAP_ROOM,
    .look = offset_look,
    .layout = offset_layout,
    .start = offset_start,
    .revert = offset_revert,
    .restore = offset_restore,
    .resume = offset_resume,
    .finish = td_swap_finish,
    .mend = offset_mend,
};
