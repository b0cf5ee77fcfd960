/*
 * boot/judge.c - a boot's opinion of one slot, without the boot.
 *
 * The console is left alone: recovery may be speaking on it.
 */
#include <string.h>

#include "boot/boot_priv.h"

/* For a slot whose image is copied or swapped into the primary before it runs. */
static enum td_err judge_candidate(struct td_boot_run *run, struct td_verdict *v)
{
    struct td_version running = { .major = 0 };
    struct td_room_fit fit;
    bool has_running = td_boot_verify(run, run->primary.area) == TD_OK;
    uint32_t size = has_running ? run->work->report.img.size : 0;
    enum td_err err;

    running = run->work->report.img.hdr.version;
    err = td_boot_verify(run, &run->incoming);
    if (err != TD_OK)
        return err;
    if (has_running && run->config->downgrade_prevention &&
        td_version_cmp(&run->work->report.img.hdr.version, &running) < 0) {
        td_boot_verdict(run, TD_V_DOWNGRADE, v);
        td_boot_verdict_of_image(v, &run->work->report);
        v->wanted_version = running;
        return TD_EUNSUPPORTED;
    }
    err = td_boot_room(run, size, run->work->report.img.size, &fit);
    if (err == TD_OK)
        return TD_OK;
    td_boot_verdict(run, run->strategy->no_room, v);
    td_boot_verdict_of_image(v, &run->work->report);
    v->wanted = fit.max;
    v->found = fit.needed;
    return err;
}

static enum td_err judge(struct td_boot_run *run, uint8_t slot, struct td_verdict *v)
{
    if (run->strategy->judge != NULL)
        return run->strategy->judge(run, slot, v);
    return slot == 0 ? td_boot_verify(run, run->primary.area) : judge_candidate(run, v);
}

bool td_boot_judge(const struct td_boot_config *config, struct td_boot_work *work, uint8_t image,
                   uint8_t slot, struct td_verdict *why)
{
    struct td_boot_hooks hooks = { .feed = NULL };
    struct td_boot_config quiet = *config;
    struct td_boot_run run;
    enum td_err err;

    memset(why, 0, sizeof *why);
    if (image >= config->n_images || slot > 1 ||
        (slot == 1 && config->images[image].secondary == NULL)) {
        why->code = TD_V_EMPTY_SLOT;
        return false;
    }
    if (config->hooks != NULL)
        hooks = *config->hooks;
    hooks.line = NULL;
    quiet.hooks = &hooks;
    memset(work->loaded, 0, sizeof work->loaded);
    memset(&work->report, 0, sizeof work->report);
    run = td_boot_run_of(&quiet, work, NULL, image);
    td_boot_setup(&run);
    err = judge(&run, slot, why);
    if (err == TD_OK)
        return true;
    if (why->code == TD_V_NONE) {
        td_boot_verdict(&run, err == TD_EFLASH ? TD_V_SLOT_UNREADABLE : td_boot_verdict_of(err),
                        why);
        td_boot_verdict_of_image(why, &work->report);
    }
    why->slot = slot;
    why->count = 1;
    return false;
}
