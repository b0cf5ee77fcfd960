/*
 * boot/move.c - swap-move: sectors of the primary move up by one place, then both slots change
 * places.
 *
 * Sectors that both slots have alike stay where they are; d1 < d2 < … < dm are the others (the
 * plan), and d(m+1) is the free sector behind the images. 3m steps: m moves P[dk] -> P[d(k+1)]
 * from the top down, then for k = 1..m the two of X[dk] -> P[dk] and P[d(k+1)] -> X[dk]. So an
 * update costs what it changes, and no sector is erased more than twice. When all differ these
 * are the very steps of MCUboot, and what that one began is finished here. A step erases its
 * target, copies, and writes one cell; what boot/swap.h says about steps holds.
 */
#include "base/range.h"
#include "boot/boot_priv.h"
#include "boot/cipher.h"
#include "boot/swap.h"

// One sector of the primary stays free for the move, and the trailers are in nobody's way.
static uint32_t sectors_that_fit(const struct td_boot_run *run)
{
    uint32_t s = td_swap_sector_size(run);
    uint32_t p = td_swap_notes_off(&run->primary) / s;
    uint32_t x = td_swap_notes_off(&run->secondary) / s;

    return td_min_u32(p > 0 ? p - 1 : 0, x);
}

static uint32_t move_capacity(const struct td_boot_run *run)
{
    return sectors_that_fit(run) * td_swap_sector_size(run);
}

static enum td_err move_layout(const struct td_boot_run *run)
{
    uint32_t size = td_swap_sector_size(run), max;
    enum td_err err = td_boot_max(run, &max);

    if (err != TD_OK)
        return err;
    if (!td_swap_is_uniform(run->primary.area, size) ||
        !td_swap_is_uniform(run->secondary.area, size) || !td_swap_has_note_room(&run->primary) ||
        !td_swap_has_note_room(&run->secondary) || run->primary.max_sectors < sectors_that_fit(run))
        return TD_ESLOT_LAYOUT;
    return TD_OK;
}

/* --- the plan --- */

static uint32_t running_size(const struct td_boot_run *run)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image img;

    return td_image_open(&src, run->primary.area->size, &img, NULL) == TD_OK ? img.size : 0;
}

// In the clear one comparison says both; a sector that is encrypted on its way never stays.
static enum td_err stays(const struct td_boot_run *run, uint32_t i, bool *stays)
{
    const struct td_flash_area *p = run->primary.area, *x = run->secondary.area;
    uint32_t s = td_swap_sector_size(run), at = i * s;
    enum td_err err = td_boot_carried(run, TD_WAY_IN, at, x, at, p, at, s, stays);

    if (err == TD_OK && *stays)
        err = td_boot_carried(run, TD_WAY_OUT, at, p, at, x, at, s, stays);
    return err;
}

static enum td_err move_plan(struct td_boot_run *run)
{
    uint32_t n = td_swap_n_sectors(run, run->swap_size);
    enum td_err err = TD_OK;

    td_plan_none(&run->plan, n);
    run->plan.sound = running_size(run);
    for (uint32_t i = 0; err == TD_OK && i < n; i++) {
        bool same = false;

        err = stays(run, i, &same);
        if (!same)
            td_plan_add(&run->plan, i);
    }
    return err;
}

/* --- the steps --- */

/* How many sectors change places, and the kth of them; the free one behind them. */
static uint32_t n_moved(const struct td_boot_run *run)
{
    return td_plan_count(&run->plan, td_swap_n_sectors(run, run->swap_size));
}

static uint32_t moved(const struct td_boot_run *run, uint32_t k)
{
    return td_plan_nth(&run->plan, td_swap_n_sectors(run, run->swap_size), k);
}

static uint32_t move_n_steps(const struct td_boot_run *run)
{
    return 3 * n_moved(run);
}

/* How many steps the status area says are done: the highest entry counts, as in the original. */
static enum td_err move_steps_done(const struct td_boot_run *run, uint32_t *done)
{
    const struct td_trailer *t = &run->primary;
    uint32_t n = n_moved(run), moves, swaps;
    bool gap;
    enum td_err err = td_trailer_status_count(t, td_trailer_move_entry(1), n, &moves, &gap);

    if (err == TD_OK)
        err = td_trailer_status_count(t, td_trailer_swap_entry(t, 1, 1), 2 * n, &swaps, &gap);
    if (err == TD_OK)
        *done = swaps > 0 ? n + swaps : moves;
    return err;
}

// A sector of the primary that an image covered was whole when it was blank: nothing has been
// under way on it but steps, and which of those was is known (again).
static enum td_err clear_primary(const struct td_boot_run *run, uint32_t i, bool again)
{
    const struct td_flash_area *p = run->primary.area;
    uint32_t s = td_swap_sector_size(run);
    bool blank = false;
    enum td_err err = TD_OK;

    if (!again && (i + 1) * s <= run->plan.sound)
        err = td_flash_is_blank(p, i * s, s, &blank);
    return err != TD_OK || blank ? err : td_boot_erase(run, p, i * s, s);
}

static enum td_err move_up(const struct td_boot_run *run, uint32_t to, uint32_t from, bool again)
{
    const struct td_flash_area *p = run->primary.area;
    uint32_t s = td_swap_sector_size(run);
    enum td_err err = clear_primary(run, to, again);

    return err != TD_OK ? err : td_boot_copy(run, p, from * s, p, to * s, s);
}

static enum td_err bring_in(const struct td_boot_run *run, uint32_t i, bool again)
{
    uint32_t s = td_swap_sector_size(run), at = i * s;
    enum td_err err = clear_primary(run, i, again);

    return err != TD_OK ? err
                        : td_boot_carry(run, TD_WAY_IN, at, run->secondary.area, at,
                                        run->primary.area, at, s);
}

// The secondary is written by others as well, and what they left blank may be weak.
static enum td_err bring_out(const struct td_boot_run *run, uint32_t i, uint32_t from)
{
    uint32_t s = td_swap_sector_size(run), at = i * s;
    enum td_err err = td_boot_erase(run, run->secondary.area, at, s);

    return err != TD_OK ? err
                        : td_boot_carry(run, TD_WAY_OUT, at, run->primary.area, from * s,
                                        run->secondary.area, at, s);
}

static enum td_err move_step(const struct td_boot_run *run, uint32_t step, bool again)
{
    const struct td_trailer *t = &run->primary;
    uint32_t n = n_moved(run), entry, k;
    uint8_t state = 1;
    enum td_err err;

    if (step < n) {
        k = n - step;
        entry = td_trailer_move_entry(step + 1);
        err = move_up(run, moved(run, k), moved(run, k - 1), again);
    } else {
        k = (step - n) / 2;
        state = (uint8_t)((step - n) % 2 + 1);
        entry = td_trailer_swap_entry(t, k + 1, state);
        err = state == 1 ? bring_in(run, moved(run, k), again)
                         : bring_out(run, moved(run, k), moved(run, k + 1));
    }
    return err != TD_OK ? err : td_trailer_write_status(t, entry, state);
}

/* --- the strategy --- */

static const struct td_swap_way way = {
    .capacity = move_capacity,
    .plan = move_plan,
    .n_steps = move_n_steps,
    .steps_done = move_steps_done,
    .step = move_step,
};

static enum td_err move_look(struct td_boot_run *run)
{
    return td_swap_look(run, &way);
}

static enum td_err move_start(struct td_boot_run *run, enum td_swap_type type)
{
    return td_swap_start(run, &way, type);
}

static enum td_err move_revert(struct td_boot_run *run)
{
    return td_swap_revert(run, &way);
}

static enum td_err move_restore(struct td_boot_run *run)
{
    return td_swap_restore(run, &way);
}

static enum td_err move_resume(struct td_boot_run *run)
{
    return td_swap_resume(run, &way);
}

static enum td_err move_mend(struct td_boot_run *run)
{
    return td_swap_mend(run, &way);
}

const struct td_strategy td_strategy_move = {
    .mode = TD_MODE_MOVE,
    .start_line = TD_LINE_SWAP_MOVE,
    .no_room = TD_V_NO_SWAP_ROOM,
    .look = move_look,
    .layout = move_layout,
    .start = move_start,
    .revert = move_revert,
    .restore = move_restore,
    .resume = move_resume,
    .finish = td_swap_finish,
    .mend = move_mend,
};
