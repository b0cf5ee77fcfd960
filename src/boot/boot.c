/*
 * boot/boot.c - the loop: look, decide, act, until there is nothing left to do.
 *
 * Each action ends with flash in a state that the next look understands, also when it ends
 * because the power went. What this boot finds out on its way (a request that cannot be
 * followed, a revert that is impossible) goes into the view, so that deciding stays pure.
 */
#include "boot/boot.h"

#include <string.h>

#include "base/range.h"
#include "boot/boot_priv.h"
#include "boot/decide.h"

/* Revert, restore, fall back and restore again, with three failures of flash: never more. */
#define ROUNDS_MAX 12
#define TRIES      3

const struct td_boot_manner td_boot_manner_tandem = { .name = "tandem", .slot = TD_SLOT_MENDED };

const struct td_boot_manner td_boot_manner_mcuboot = {
    .name = "mcuboot",
    .slot = TD_SLOT_STOCK,
    .erases_refused = true,
    .no_room_stays = true,
    .names_no_verdict = true,
};

enum td_strategy_id td_strategy_mode(const struct td_strategy *strategy)
{
    return strategy->mode;
}

/* --- verdicts that several places need --- */

static void fill_running_version(const struct td_boot_run *run, struct td_version *version)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image_header hdr;

    if (td_image_header_read(&src, &hdr) == TD_OK)
        *version = hdr.version;
}

/* About the image in the primary slot, which was just installed; work->report is its. */
static void record_installed(struct td_boot_run *run, enum td_swap_type type)
{
    struct td_verdict v;

    if (type == TD_SWAP_REVERT || type == TD_SWAP_NONE)
        return;
    // Where there is no way back there is no trial.
    if (run->strategy->revert == NULL)
        type = TD_SWAP_PERM;
    if (run->resumed) {
        td_boot_verdict(run, TD_V_RESUMED, &v);
        td_boot_verdict_of_image(&v, &run->work->report);
        v.swap_type = (uint8_t)type;
        td_boot_record_note(run, &v);
    }
    td_boot_verdict(run, type == TD_SWAP_TEST ? TD_V_TRIAL_STARTED : TD_V_INSTALLED, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.swap_type = (uint8_t)type;
    td_boot_record_note(run, &v);
}

/* About the image in the primary slot, which is to go; work->report is of the one to come. */
void td_boot_record_reverted(struct td_boot_run *run, bool invalid)
{
    enum td_reset_cause cause = td_boot_cause(run);
    struct td_verdict v;
    uint8_t hash[TD_NOTE_HASH_LEN];

    if (!td_boot_stored_hash(run->primary.area, hash)) {
        invalid = true;
        if (run->has_note)
            memcpy(hash, run->note.incoming, sizeof hash);
    }
    td_boot_verdict(run,
                    invalid                      ? TD_V_REVERTED_INVALID
                    : cause == TD_RESET_WATCHDOG ? TD_V_REVERTED_WATCHDOG
                                                 : TD_V_REVERTED,
                    &v);
    v.swap_type = TD_SWAP_REVERT;
    v.found = (uint32_t)cause;
    v.wanted_version = run->work->report.img.hdr.version;
    fill_running_version(run, &v.found_version);
    memcpy(v.hash, hash, sizeof v.hash);
    td_boot_record_note(run, &v);
}

static void record_fault(struct td_boot_run *run, enum td_verdict_code code)
{
    struct td_verdict v;

    td_boot_verdict(run, code, &v);
    v.slot = 1;
    td_boot_record_once(run, &v);
}

/* --- what was moved: verified, told, and closed --- */

// What was installed does not verify: flash failed on the way. Where the other image is still
// there it comes back; else the request stands, and the next boot tries again.
static enum td_err fall_back(struct td_boot_run *run)
{
    enum td_err err;

    run->settled = true;
    if (run->type == TD_SWAP_REVERT || run->strategy->revert == NULL)
        return TD_OK;
    err = td_boot_verify(run, run->secondary.area);
    if (err != TD_OK)
        return err == TD_EFLASH ? err : TD_OK;
    td_boot_record_reverted(run, true);
    run->settled = false;
    return run->strategy->revert(run);
}

// The last note is written when the image has been verified: what does not verify never had a
// trial, and the moment in which a cut takes the trial away is that of the jump.
static enum td_err complete(struct td_boot_run *run)
{
    enum td_err err = td_boot_verify(run, run->primary.area);

    if (err == TD_EFLASH)
        return err;
    if (err != TD_OK)
        return fall_back(run);
    record_installed(run, run->type);
    err = run->strategy->finish(run);
    if (err != TD_OK)
        return err;
    run->settled = true;
    if (run->type != TD_SWAP_NONE)
        run->result->did = run->type;
    return TD_OK;
}

/* --- a request, from the first look at its image to the last --- */

// The verdict is complete in the log before the first bit goes.
static enum td_err refuse(struct td_boot_run *run, struct td_verdict *v)
{
    const struct td_flash_area *x = run->secondary.area;
    bool whole =
        run->manner->erases_refused && v->code != TD_V_EMPTY_SLOT && v->code != TD_V_NOT_BOOTABLE;

    v->slot = 1;
    v->swap_type = run->view.request == TD_REQUEST_PERM ? TD_SWAP_PERM : TD_SWAP_TEST;
    td_boot_record(run, v);
    return whole ? td_boot_erase(run, x, 0, x->size) : td_boot_drop_request(run);
}

static enum td_err refuse_image(struct td_boot_run *run, enum td_err why)
{
    struct td_verdict v;

    td_boot_verdict(run, td_boot_verdict_of(why), &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    if (v.code != TD_V_EMPTY_SLOT)
        td_boot_say(run, TD_LINE_BAD_SECONDARY, 0, 0, 0, 0);
    return refuse(run, &v);
}

// An image at the start of a slot where a new one belongs one sector in: sent to the wrong
// address, or the previous image, asked for again. The original takes either for a reason to
// refuse, also when there is a good image in the right place.
static bool is_misplaced(const struct td_boot_run *run, enum td_err err)
{
    struct td_source src = td_flash_source(run->secondary.area);
    struct td_image_header hdr;
    bool nothing = err == TD_EIMG_EMPTY || err == TD_EIMG_MAGIC;

    return run->strategy->sector_in && (nothing || run->manner->erases_refused) &&
           td_image_header_read(&src, &hdr) == TD_OK;
}

static enum td_err refuse_misplaced(struct td_boot_run *run)
{
    struct td_verdict v;

    (void)td_boot_verify(run, run->secondary.area); // the report is to be about this one
    td_boot_verdict(run, TD_V_WRONG_PLACE, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.wanted = run->incoming.off - run->secondary.area->off;
    v.found = 0;
    td_boot_say(run, TD_LINE_WRONG_PLACE, 0, 0, 0, 0);
    return refuse(run, &v);
}

static bool is_older(const struct td_boot_run *run)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image_header hdr;

    return run->config->downgrade_prevention && td_image_header_read(&src, &hdr) == TD_OK &&
           td_version_cmp(&run->work->report.img.hdr.version, &hdr.version) < 0;
}

// Only an image that may run has a version that counts. In overwrite-only a cut may have left a
// torn header in the primary, with any number in it, and the request is all there is then.
static enum td_err check_downgrade(struct td_boot_run *run, bool *refused)
{
    enum td_err running, err;

    *refused = false;
    if (!is_older(run))
        return TD_OK;
    running = td_boot_verify(run, run->primary.area);
    err = td_boot_verify(run, &run->incoming); // the report is to be about this one again
    *refused = running == TD_OK;
    return running == TD_EFLASH ? running : err;
}

static enum td_err refuse_downgrade(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_DOWNGRADE, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    fill_running_version(run, &v.wanted_version);
    td_boot_say(run, TD_LINE_DOWNGRADE, run->image, 0, 0, 0);
    return refuse(run, &v);
}

static uint32_t running_size(const struct td_boot_run *run)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image img;

    return td_image_open(&src, run->primary.area->size, &img, NULL) == TD_OK ? img.size : 0;
}

static enum td_err refuse_room(struct td_boot_run *run, const struct td_room_fit *fit)
{
    struct td_verdict v;

    td_boot_verdict(run, run->strategy->no_room, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.wanted = fit->max;
    v.found = fit->needed;
    v.slot = 1;
    td_boot_say(run, TD_LINE_NO_ROOM, 0, 0, 0, 0);
    td_boot_say(run, TD_LINE_NO_ROOM_BYTES, fit->needed, fit->max, 0, 0);
    if (!run->manner->no_room_stays)
        return refuse(run, &v);
    td_boot_record_once(run, &v);
    run->view.request_blocked = true;
    return TD_OK;
}

static enum td_err block(struct td_boot_run *run, enum td_verdict_code code)
{
    if (code == TD_V_BAD_LAYOUT)
        td_boot_say(run, TD_LINE_LAYOUT, 0, 0, 0, 0);
    record_fault(run, code);
    run->view.request_blocked = true;
    return TD_OK;
}

static enum td_err follow_request(struct td_boot_run *run, enum td_swap_type type)
{
    const struct td_strategy *s = run->strategy;
    struct td_room_fit fit;
    bool refused, taken;
    enum td_err err;

    td_boot_say(run, TD_LINE_SWAP_TYPE, run->image, (uint32_t)type, 0, 0);
    err = td_boot_stage_request(run, &taken);
    if (err != TD_OK || taken)
        return err;
    if (s->layout(run) != TD_OK)
        return block(run, TD_V_BAD_LAYOUT);
    err = td_boot_verify(run, &run->incoming);
    if (err == TD_EFLASH)
        return block(run, TD_V_SLOT_UNREADABLE);
    if (is_misplaced(run, err))
        return refuse_misplaced(run);
    if (err != TD_OK)
        return refuse_image(run, err);
    err = check_downgrade(run, &refused);
    if (err != TD_OK)
        return err;
    if (refused)
        return refuse_downgrade(run);
    if (td_boot_room(run, running_size(run), run->work->report.img.size, &fit) != TD_OK)
        return refuse_room(run, &fit);
    td_boot_say(run, s->start_line, run->image, 0, 0, 0);
    err = s->start(run, type);
    return err != TD_OK ? err : complete(run);
}

/* --- a revert --- */

static bool is_the_previous(const struct td_boot_run *run)
{
    static const uint8_t none[TD_NOTE_HASH_LEN] = { 0 };

    return !run->has_note || (memcmp(run->note.outgoing, none, sizeof none) != 0 &&
                              memcmp(run->note.outgoing, run->work->report.hash, sizeof none) == 0);
}

static enum td_err revert(struct td_boot_run *run)
{
    struct td_verdict v;
    bool taken;
    enum td_err err = td_boot_stage_revert(run, &taken);

    if (err != TD_OK || taken)
        return err;
    td_boot_say(run, TD_LINE_SWAP_TYPE, run->image, TD_SWAP_REVERT, 0, 0);
    err = td_boot_verify(run, run->secondary.area);
    if (err == TD_EFLASH) {
        run->view.revert_impossible = true;
        record_fault(run, TD_V_SLOT_UNREADABLE);
        return TD_OK;
    }
    if (err == TD_OK && is_the_previous(run) && !td_boot_stage_owns(run) &&
        run->strategy->layout(run) == TD_OK) {
        td_boot_record_reverted(run, false);
        return run->strategy->revert(run);
    }
    run->view.revert_impossible = true;
    td_boot_verdict(run, TD_V_REVERT_IMPOSSIBLE, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.slot = 1;
    v.found = err == TD_OK ? TD_V_NONE : (uint32_t)td_boot_verdict_of(err);
    td_boot_record_once(run, &v);
    return TD_OK;
}

static enum td_err drop_torn(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_TORN_REQUEST, &v);
    v.slot = 1;
    td_boot_record(run, &v);
    return td_boot_drop_request(run);
}

/* --- the loop --- */

static enum td_err go_on(struct td_boot_run *run, enum td_boot_action action)
{
    const struct td_strategy *s = run->strategy;
    enum td_err err;

    td_boot_say(run, s->start_line, run->image, 0, 0, 0);
    err = action == TD_BOOT_RESUME ? s->resume(run) : s->restore(run);
    return err != TD_OK ? err : complete(run);
}

static enum td_err act(struct td_boot_run *run, enum td_boot_action action)
{
    switch (action) {
    case TD_BOOT_RESTORE:
    case TD_BOOT_RESUME: return go_on(run, action);
    case TD_BOOT_REVERT: return revert(run);
    case TD_BOOT_TEST: return follow_request(run, TD_SWAP_TEST);
    case TD_BOOT_INSTALL: return follow_request(run, TD_SWAP_PERM);
    case TD_BOOT_MEND: return run->strategy->mend(run);
    case TD_BOOT_DROP: return drop_torn(run);
    case TD_BOOT_RUN: break;
    }
    return TD_OK;
}

static void say_state(const struct td_boot_run *run)
{
    td_boot_say(run, TD_LINE_PRIMARY, run->p.magic, run->p.swap_type, run->p.copy_done,
                run->p.image_ok);
    if (run->view.secondary_unreadable)
        td_boot_say(run, TD_LINE_UNREACHABLE, run->image, 0, 0, 0);
    else
        td_boot_say(run, TD_LINE_SECONDARY, run->x.magic, run->x.swap_type, run->x.copy_done,
                    run->x.image_ok);
    td_boot_say(run,
                run->view.journal == TD_JOURNAL_NONE ? TD_LINE_SOURCE_NONE : TD_LINE_SOURCE_PRIMARY,
                0, 0, 0, 0);
}

static void record_flash_failure(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_FLASH_FAILED, &v);
    td_boot_record_once(run, &v);
}

static enum td_err one_round(struct td_boot_run *run, bool first, bool *over)
{
    enum td_boot_action action;
    enum td_err err = td_boot_look(run);

    if (err != TD_OK)
        return err;
    if (first)
        say_state(run);
    action = td_boot_decide(&run->view);
    if (first && (action == TD_BOOT_RESUME || action == TD_BOOT_RESTORE || action == TD_BOOT_MEND))
        run->resumed = run->result->resumed = true;
    if (action == TD_BOOT_RUN && run->view.secondary_unreadable)
        record_fault(run, TD_V_SLOT_UNREADABLE);
    if (action == TD_BOOT_RUN && first)
        td_boot_say(run, TD_LINE_SWAP_TYPE, run->image, TD_SWAP_NONE, 0, 0);
    err = act(run, action);
    *over = action == TD_BOOT_RUN || run->settled;
    return err;
}

static enum td_err settle(struct td_boot_run *run)
{
    unsigned failures = 0;
    bool over = false;
    enum td_err err = TD_OK;

    for (unsigned round = 0; !over && round < ROUNDS_MAX && failures < TRIES; round++) {
        err = one_round(run, round == 0, &over);
        if (err != TD_OK) {
            over = false;
            failures++;
        }
    }
    if (err != TD_OK)
        record_flash_failure(run);
    return err;
}

// Every boot verifies what it is going to run, also right after a swap has verified it: the
// answer that counts is the one nearest to the jump.
static enum td_err verify_primary(struct td_boot_run *run)
{
    struct td_boot_result *r = run->result;
    struct td_verdict v;
    enum td_err err = td_boot_verify(run, run->primary.area);

    if (err == TD_EFLASH)
        return err;
    if (err != TD_OK) {
        r->bootable = false;
        td_boot_say(run, TD_LINE_BAD_PRIMARY, 0, 0, 0, 0);
        td_boot_verdict(run, TD_V_PRIMARY_INVALID, &v);
        td_boot_verdict_of_image(&v, &run->work->report);
        v.found = (uint32_t)td_boot_verdict_of(err);
        td_boot_record_once(run, &v);
    } else if (run->image == 0) {
        r->hdr = run->work->report.img.hdr;
        r->hash_len = run->work->report.hash_len;
        memcpy(r->hash, run->work->report.hash, sizeof r->hash);
        r->slot_off = run->primary.area->off;
    }
    return TD_OK;
}

// A strategy that chooses has judged the image where it will run.
static enum td_err choose(struct td_boot_run *run)
{
    const struct td_image_report *report = &run->work->report;
    struct td_boot_result *r = run->result;
    enum td_err err = run->strategy->choose(run, 0);

    if (err == TD_ENOTFOUND) {
        r->bootable = false;
        return TD_OK;
    }
    if (err == TD_OK && run->image == 0) {
        r->hdr = report->img.hdr;
        r->hash_len = report->hash_len;
        memcpy(r->hash, report->hash, sizeof r->hash);
        r->slot = run->chosen.slot;
        r->slot_off = run->chosen.area->off;
        r->run_addr = run->chosen.run_addr;
    }
    if (err == TD_OK && run->strategy->take != NULL)
        err = run->strategy->take(run);
    return err;
}

static void say_result(const struct td_boot_run *run)
{
    const struct td_boot_result *r = run->result;

    if (!r->bootable) {
        td_boot_say(run, TD_LINE_NO_IMAGE, 0, 0, 0, 0);
        return;
    }
    td_boot_say(run, TD_LINE_OFFSET, r->slot_off, 0, 0, 0);
    td_boot_say(run, TD_LINE_VERSION, r->hdr.version.major, r->hdr.version.minor,
                r->hdr.version.revision, r->hdr.version.build);
    td_boot_say(run, TD_LINE_JUMP, 0, 0, 0, 0);
}

static enum td_err boot_image(struct td_boot_run *run)
{
    enum td_err err;

    td_boot_setup(run);
    if (run->strategy->choose != NULL)
        err = choose(run);
    else
        err = settle(run);
    if (err == TD_OK && run->strategy->choose == NULL)
        err = verify_primary(run);
    if (err == TD_OK && run->image == 0)
        run->result->on_trial =
            run->result->did != TD_SWAP_NONE
                ? run->result->did == TD_SWAP_TEST && run->strategy->revert != NULL
                : run->view.running == TD_RUN_TRIED;
    return err;
}

struct td_boot_run td_boot_run_of(const struct td_boot_config *config, struct td_boot_work *work,
                                  struct td_boot_result *result, uint8_t image)
{
    const struct td_strategy *own = config->images[image].strategy;

    return (struct td_boot_run){
        .config = config,
        .strategy = own != NULL ? own : config->strategy,
        .manner = config->manner != NULL ? config->manner : &td_boot_manner_tandem,
        .work = work,
        .result = result,
        .image = image,
    };
}

static bool wants_recovery(const struct td_boot_config *c, enum td_boot_recover *why)
{
    const struct td_boot_hooks *hooks = c->hooks;

    if (!c->has_recovery || hooks == NULL)
        return false;
    if (hooks->boot_mode != NULL && hooks->boot_mode(c->hook_ctx) != 0)
        *why = TD_RECOVER_MODE;
    else if (hooks->recovery_pin != NULL && hooks->recovery_pin(c->hook_ctx))
        *why = TD_RECOVER_PIN;
    return *why != TD_RECOVER_NO;
}

enum td_err td_boot_go(const struct td_boot_config *config, struct td_boot_work *work,
                       struct td_boot_result *result)
{
    struct td_boot_run run;
    enum td_err err = TD_OK;

    memset(result, 0, sizeof *result);
    result->did = TD_SWAP_NONE;
    memset(work->loaded, 0, sizeof work->loaded);
    if (config->n_images == 0 || config->n_images > TD_BOOT_IMAGES_MAX)
        return TD_EARG;
    if (wants_recovery(config, &result->recover))
        return TD_OK;
    run = td_boot_run_of(config, work, result, 0);
    result->bootable = true;
    td_boot_say(&run, TD_LINE_START, 0, 0, 0, 0);
    for (uint8_t i = 0; err == TD_OK && i < config->n_images; i++) {
        run = td_boot_run_of(config, work, result, i);
        err = boot_image(&run);
    }
    if (err != TD_OK) {
        result->bootable = false;
        return err;
    }
    if (!result->bootable && config->has_recovery)
        result->recover = TD_RECOVER_NO_IMAGE;
    say_result(&run);
    td_boot_stage_booted(config, result);
    if (config->hooks != NULL && config->hooks->result != NULL)
        config->hooks->result(config->hook_ctx, result);
    return TD_OK;
}

static enum td_err check_image(const struct td_boot_config *config, uint8_t image)
{
    const struct td_boot_slots *slots = &config->images[image];
    struct td_boot_run run = td_boot_run_of(config, NULL, NULL, image);
    enum td_err err;

    if (slots->primary == NULL || run.strategy == NULL ||
        (slots->secondary == NULL && run.strategy->choose == NULL))
        return TD_EARG;
    err = td_flash_area_check(slots->primary);
    if (err == TD_OK && slots->secondary != NULL)
        err = td_flash_area_check(slots->secondary);
    if (err != TD_OK)
        return err;
    td_boot_setup(&run);
    err = td_trailer_check(&run.primary);
    if (err == TD_OK && slots->secondary != NULL)
        err = td_trailer_check(&run.secondary);
    return err != TD_OK ? err : run.strategy->layout(&run);
}

enum td_err td_boot_check(const struct td_boot_config *config)
{
    enum td_err err = TD_OK;

    if (config->n_images == 0 || config->n_images > TD_BOOT_IMAGES_MAX)
        return TD_EARG;
    for (uint8_t i = 0; err == TD_OK && i < config->n_images; i++)
        err = check_image(config, i);
    return err;
}

enum td_err td_boot_max_image(const struct td_boot_config *config, uint8_t image, uint32_t *max)
{
    struct td_boot_run run;

    *max = 0;
    if (image >= config->n_images)
        return TD_EARG;
    run = td_boot_run_of(config, NULL, NULL, image);
    td_boot_setup(&run);
    return td_boot_max(&run, max);
}
