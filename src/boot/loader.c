/*
 * boot/loader.c - firmware loader: an application in the primary slot, and in the secondary a
 * small one that can replace it.
 *
 * The loader runs when somebody asks for it (the pin, or the boot mode of the last reset), and
 * when the application may not be booted. Nothing is written by the bootloader.
 */
#include "boot/choose.h"

enum { APPLICATION = 0, LOADER = 1 };

// The boot mode is gone once it is read, so it is asked for once in a boot.
static bool is_asked(struct td_boot_run *run)
{
    const struct td_boot_hooks *hooks = run->config->hooks;
    void *ctx = run->config->hook_ctx;

    if (run->asked_read || hooks == NULL)
        return run->asked;
    run->asked_read = true;
    run->asked = (hooks->boot_mode != NULL && hooks->boot_mode(ctx) != 0) ||
                 (hooks->recovery_pin != NULL && hooks->recovery_pin(ctx));
    return run->asked;
}

static void record_loader(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_LOADER_RUNS, &v);
    v.slot = LOADER;
    v.found = run->refused;
    td_boot_record_once(run, &v);
}

static enum td_err try_one(struct td_boot_run *run, uint8_t excluded, uint8_t slot)
{
    if ((excluded & TD_SLOT_BIT(slot)) != 0)
        return TD_ENOTFOUND;
    return td_boot_try_slot(run, slot, td_boot_judge_in_place);
}

static enum td_err loader_choose(struct td_boot_run *run, uint8_t excluded)
{
    bool asked = is_asked(run);
    uint8_t first = asked ? LOADER : APPLICATION;
    enum td_err err = try_one(run, excluded, first);

    if (err == TD_ENOTFOUND)
        err = try_one(run, excluded, (uint8_t)(1 - first));
    if (err == TD_OK && run->chosen.slot == LOADER) {
        td_boot_say(run, TD_LINE_LOADER, run->image, 0, 0, 0);
        if (!asked)
            record_loader(run);
    }
    return err == TD_ENOTFOUND && excluded == 0 ? td_boot_none_left(run) : err;
}

static enum td_err loader_layout(const struct td_boot_run *run)
{
    uint32_t max;

    return run->secondary.area == NULL ? TD_EARG : td_boot_max(run, &max);
}

const struct td_strategy td_strategy_loader = {
    .mode = TD_MODE_LOADER,
    .layout = loader_layout,
    .choose = loader_choose,
    .judge = td_boot_judge_in_place,
};
