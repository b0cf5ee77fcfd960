/*
 * boot/xip.c - direct-XIP: both slots' images run where they lie, the higher version does.
 *
 * With revert each slot's own trailer says how its image stands (slot/request.h); without, nothing
 * is ever written.
 */
#include "boot/choose.h"

#include "base/range.h"

/* An image that is tied to an address runs at that address, or not at all. */
static bool is_elsewhere(const struct td_boot_run *run, uint8_t slot, struct td_verdict *v)
{
    const struct td_flash_area *area = td_boot_slot_area(run, slot);
    struct td_source src = td_flash_source(area);
    struct td_image_header hdr;

    if (td_image_header_read(&src, &hdr) != TD_OK || (hdr.flags & TD_IMAGE_F_ROM_FIXED) == 0 ||
        hdr.load_addr == area->off)
        return false;
    td_boot_verdict(run, TD_V_WRONG_ADDRESS, v);
    v->wanted = area->off;
    v->found = hdr.load_addr;
    v->found_version = hdr.version;
    td_boot_say(run, TD_LINE_OTHER_ADDRESS, slot, area->off, hdr.load_addr, 0);
    return true;
}

enum td_err td_boot_judge_in_place(struct td_boot_run *run, uint8_t slot, struct td_verdict *v)
{
    const struct td_flash_area *area = td_boot_slot_area(run, slot);
    const struct td_trailer *t = slot == 0 ? &run->primary : &run->secondary;

    (void)v;
    run->chosen = (struct td_boot_choice){
        .slot = slot,
        .area = area,
        .src = td_flash_source(area),
    };
    // The notes at the slot's end are nobody's but ours: an image that covers them is too large.
    return td_boot_verify_at(run, &run->chosen.src, td_trailer_swap_info_off(t), TD_PAYLOAD_PLAIN);
}

static enum td_err judge(struct td_boot_run *run, uint8_t slot, struct td_verdict *v)
{
    return is_elsewhere(run, slot, v) ? TD_EUNSUPPORTED : td_boot_judge_in_place(run, slot, v);
}

static enum td_err xip_choose(struct td_boot_run *run, uint8_t excluded)
{
    return td_boot_choose_slot(run, excluded, false, judge);
}

static enum td_err xip_choose_on_trial(struct td_boot_run *run, uint8_t excluded)
{
    return td_boot_choose_slot(run, excluded, true, judge);
}

static enum td_err xip_layout(const struct td_boot_run *run)
{
    uint32_t max;

    return run->secondary.area == NULL ? TD_EARG : td_boot_max(run, &max);
}

const struct td_strategy td_strategy_xip = {
    .mode = TD_MODE_XIP,
    .layout = xip_layout,
    .choose = xip_choose,
    .judge = judge,
};

const struct td_strategy td_strategy_xip_revert = {
    .mode = TD_MODE_XIP_REVERT,
    .layout = xip_layout,
    .choose = xip_choose_on_trial,
    .judge = judge,
    .take = td_boot_take_slot,
};
