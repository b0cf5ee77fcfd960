/*
 * boot/single.c - one slot, run in place: there is nothing to choose and nothing is written.
 *
 * Its image is replaced through recovery, and while that goes on there is none.
 */
#include "boot/choose.h"

static enum td_err single_choose(struct td_boot_run *run, uint8_t excluded)
{
    enum td_err err = TD_ENOTFOUND;

    if ((excluded & TD_SLOT_BIT(0)) != 0)
        return err;
    err = td_boot_try_slot(run, 0, td_boot_judge_in_place);
    return err == TD_ENOTFOUND ? td_boot_none_left(run) : err;
}

static enum td_err single_layout(const struct td_boot_run *run)
{
    uint32_t max;

    return td_boot_max(run, &max);
}

const struct td_strategy td_strategy_single = {
    .mode = TD_MODE_SINGLE,
    .layout = single_layout,
    .choose = single_choose,
    .judge = td_boot_judge_in_place,
};
