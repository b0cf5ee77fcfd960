/*
 * boot/update.c - what the notes ask for, image after image, until there is nothing left to do.
 *
 * Each round looks at all images, takes the first thing that is to be done, and ends with flash
 * in a state that the next look understands, also when it ends because the power went. In order:
 *
 *   move     what is half swapped is swapped to its end, its last note not yet written
 *   close    the group that is under way: begin what waits, verify, write the last notes; or
 *            take it all back
 *   revert   what was tried and not confirmed, all of its group
 *   begin    what is asked for, may be installed, and fits together
 *   tidy     torn notes
 *
 * What a boot finds out on its way goes into the view, so that deciding stays pure.
 */
#include "boot/update.h"

#include <string.h>

#include "base/crc.h"
#include "boot/candidate.h"
#include "boot/deps.h"
#include "boot/follow.h"

/* Revert, restore, fall back and restore again, with three failures of flash: never more. */
#define ROUNDS_MAX 16
#define TRIES      3

/* --- one image, as it stands --- */

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

static bool installs(const struct td_boot_all *all, uint8_t i)
{
    const struct td_strategy *own = all->config->images[i].strategy;

    return (own != NULL ? own : all->config->strategy)->choose == NULL;
}

void td_boot_turn_to(struct td_boot_all *all, uint8_t image)
{
    const struct td_boot_run before = all->run;
    struct td_boot_run *run = &all->run;

    *run = td_boot_run_of(before.config, before.work, before.result, image);
    run->cause_read = before.cause_read;
    run->cause = before.cause;
    run->asked_read = before.asked_read;
    run->asked = before.asked;
    td_boot_setup(run);
}

void td_boot_all_begin(struct td_boot_all *all, const struct td_boot_config *config,
                       struct td_boot_work *work, struct td_boot_result *result)
{
    memset(all, 0, sizeof *all);
    all->config = config;
    all->run = td_boot_run_of(config, work, result, 0);
}

static bool is_group_of(const struct td_boot_all *all, const struct td_boot_group *g)
{
    uint8_t i = all->run.image;

    return (g->images & (1u << i)) != 0 && g->images >> all->config->n_images == 0;
}

static void place(struct td_boot_all *all, struct td_boot_stand *s)
{
    const struct td_boot_run *run = &all->run;
    const struct td_boot_keep *keep = &all->keep[run->image];
    enum td_swap_type type = run->view.journal == TD_JOURNAL_OPEN ? run->type : run->p.swap_type;
    struct td_boot_group group = { 0 };

    if (run->view.journal == TD_JOURNAL_RESTORE)
        type = run->note.type;
    if (keep->moved) {
        group = keep->group;
        s->part = keep->type == TD_SWAP_REVERT ? TD_PART_UNDONE : TD_PART_UNDERWAY;
    } else if (run->view.journal != TD_JOURNAL_NONE || run->view.running == TD_RUN_TORN) {
        group = run->note.group;
        s->part = type == TD_SWAP_REVERT ? TD_PART_UNDONE : TD_PART_UNDERWAY;
    } else if (run->has_note && run->p.magic == TD_MAGIC_GOOD &&
               run->p.copy_done != TD_FLAG_UNSET) {
        group = run->note.group;
        s->part = type == TD_SWAP_REVERT ? TD_PART_UNDONE : TD_PART_IN;
    } else if (run->view.running == TD_RUN_TRIED) {
        s->part = TD_PART_IN;
    }
    if (run->view.journal != TD_JOURNAL_RESTORE && !run->has_note && !keep->moved)
        group = (struct td_boot_group){ 0 };
    if (!is_group_of(all, &group))
        group = (struct td_boot_group){ .images = (uint8_t)(1u << run->image) };
    s->group = group;
}

// Reads an image's notes, with what this boot has found out about it.
static enum td_err look_at(struct td_boot_all *all, uint8_t i)
{
    struct td_boot_run *run = &all->run;
    struct td_boot_keep *keep = &all->keep[i];
    bool undone = td_boot_group_undone(all->stands, all->config->n_images, i);
    enum td_err err;

    td_boot_turn_to(all, i);
    run->view.request_blocked = keep->request_blocked;
    run->view.revert_impossible = keep->revert_impossible;
    run->group_undone = undone;
    err = td_boot_look(run);
    if (err != TD_OK)
        return err;
    if (keep->abandoned && run->view.journal == TD_JOURNAL_OPEN)
        run->view.journal = TD_JOURNAL_NONE;
    if (keep->moved) {
        run->view.journal = TD_JOURNAL_OPEN;
        run->type = keep->type;
    }
    run->resumed = keep->resumed;
    return TD_OK;
}

static enum td_err stand_of(struct td_boot_all *all, uint8_t i)
{
    struct td_boot_stand s = { .failed = all->keep[i].failed };
    enum td_err err = look_at(all, i);

    if (err != TD_OK)
        return err;
    s.view = all->run.view;
    s.revertible = all->run.strategy->revert != NULL;
    s.confirmed = all->run.p.image_ok == TD_FLAG_SET;
    place(all, &s);
    all->stands[i] = s;
    return TD_OK;
}

static void say_state(struct td_boot_all *all)
{
    struct td_boot_run *run = &all->run;
    enum td_boot_action action = td_boot_decide(&run->view);
    struct td_boot_keep *keep = &all->keep[run->image];

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
    if (action == TD_BOOT_RUN)
        td_boot_say(run, TD_LINE_SWAP_TYPE, run->image, TD_SWAP_NONE, 0, 0);
    if (action == TD_BOOT_RESUME || action == TD_BOOT_RESTORE || action == TD_BOOT_MEND)
        keep->resumed = run->result->resumed = true;
    keep->looked_at = true;
}

// The notes of a confirmed image are looked at once more when its group turns out to be undone:
// a note in its secondary is then to be believed.
static enum td_err survey(struct td_boot_all *all)
{
    uint8_t n = all->config->n_images;
    enum td_err err = TD_OK;

    memset(all->stands, 0, sizeof all->stands);
    for (uint8_t i = 0; err == TD_OK && i < n; i++) {
        all->stands[i].group.images = (uint8_t)(1u << i);
        if (installs(all, i))
            err = stand_of(all, i);
        if (err == TD_OK && installs(all, i) && !all->keep[i].looked_at)
            say_state(all);
    }
    for (uint8_t i = 0; err == TD_OK && i < n; i++) {
        if (all->stands[i].part == TD_PART_IN && all->stands[i].confirmed &&
            td_boot_group_undone(all->stands, n, i))
            err = stand_of(all, i);
    }
    td_boot_group_amend(all->stands, n);
    return err;
}

// What an image's run found out, for the next look at it.
static void remember(struct td_boot_all *all)
{
    const struct td_boot_run *run = &all->run;
    struct td_boot_keep *keep = &all->keep[run->image];

    keep->request_blocked |= run->view.request_blocked;
    keep->revert_impossible |= run->view.revert_impossible;
    keep->settled |= run->settled;
}

/* --- move and close --- */

// What was moved is remembered, since a way without a journal (overwrite) has no note of it
// before it is closed.
static void note_moved(struct td_boot_all *all, const struct td_boot_group *group)
{
    struct td_boot_keep *keep = &all->keep[all->run.image];

    keep->moved = true;
    keep->type = all->run.type;
    keep->group = *group;
}

// Notes of a swap of which no step is done may be anybody's: a trailer that was left behind, a
// cut in the original, which forgets them. What has moved something has to go on, whatever it is.
static bool is_yet_to_begin(const struct td_boot_run *run)
{
    return run->strategy->revert != NULL && run->view.journal == TD_JOURNAL_OPEN &&
           run->done == 0 && !(run->has_note && run->note.done);
}

// The running image has to come out whole as well, if it is one.
static enum td_err running_is_in(struct td_boot_run *run, bool *is_in)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image img;
    enum td_err err = TD_OK;

    *is_in = true;
    if (td_image_open(&src, run->primary.area->size, &img, NULL) == TD_OK &&
        img.size > run->swap_size) {
        err = td_boot_verify(run, run->primary.area);
        *is_in = err != TD_OK;
    }
    return err == TD_EFLASH ? err : TD_OK;
}

static enum td_err may_begin(struct td_boot_run *run, enum td_err *why)
{
    bool is_in;
    enum td_err err = running_is_in(run, &is_in);

    if (err != TD_OK)
        return err;
    *why = td_boot_verify(run, run->type == TD_SWAP_REVERT ? run->secondary.area : &run->incoming);
    if (*why == TD_OK && (!is_in || run->work->report.img.size > run->swap_size))
        *why = TD_EIMG_SIZE;
    return *why == TD_EFLASH ? TD_EFLASH : TD_OK;
}

static enum td_err abandon(struct td_boot_all *all, enum td_err why)
{
    struct td_boot_run *run = &all->run;
    struct td_boot_keep *keep = &all->keep[run->image];
    struct td_verdict v;

    td_boot_verdict(run, TD_V_SWAP_ABANDONED, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.slot = 1;
    v.found = (uint32_t)td_boot_verdict_of(why);
    td_boot_record_once(run, &v);
    keep->abandoned = keep->failed = true;
    keep->resumed = run->result->resumed = false;
    return td_boot_forget_swap(run);
}

static enum td_err move_on(struct td_boot_all *all, uint8_t i)
{
    struct td_boot_run *run = &all->run;
    const struct td_strategy *s;
    enum td_err why = TD_OK, err = look_at(all, i);

    if (err == TD_OK && is_yet_to_begin(run))
        err = may_begin(run, &why);
    if (err != TD_OK)
        return err;
    if (why != TD_OK)
        return abandon(all, why);
    s = run->strategy;
    td_boot_say(run, s->start_line, i, 0, 0, 0);
    err = run->view.journal == TD_JOURNAL_OPEN ? s->resume(run) : s->restore(run);
    if (err == TD_OK)
        note_moved(all, &all->stands[i].group);
    return err;
}

static enum td_err begin(struct td_boot_all *all, enum td_swap_type type,
                         const struct td_boot_group *group)
{
    struct td_boot_run *run = &all->run;
    enum td_err err;

    run->group = *group;
    // On its own an image has no need of a group.
    if (group->images == 1u << run->image)
        run->group = (struct td_boot_group){ 0 };
    td_boot_say(run, run->strategy->start_line, run->image, 0, 0, 0);
    err = run->strategy->start(run, type);
    if (err == TD_OK)
        note_moved(all, group);
    return err;
}

// One that leaves no room to be swapped came by other ways than an update.
static enum td_err verify_previous(struct td_boot_run *run)
{
    struct td_room_fit fit;
    enum td_err err = td_boot_verify(run, run->secondary.area);

    if (err == TD_OK && td_boot_room(run, 0, run->work->report.img.size, &fit) != TD_OK)
        err = TD_EIMG_SIZE;
    return err;
}

static enum td_err bring_back(struct td_boot_all *all)
{
    enum td_err err = all->run.strategy->revert(&all->run);

    if (err == TD_OK)
        all->keep[all->run.image].moved = false;
    return err;
}

// What was installed does not verify: flash failed on the way. Where the other image is still
// there it comes back; else the request stands, and the next boot tries again.
static enum td_err fall_back(struct td_boot_all *all)
{
    struct td_boot_run *run = &all->run;
    enum td_err err;

    if (run->type != TD_SWAP_REVERT && run->strategy->revert != NULL) {
        err = verify_previous(run);
        if (err == TD_EFLASH)
            return err;
        if (err == TD_OK) {
            td_boot_record_reverted(run, TD_V_REVERTED_INVALID);
            return bring_back(all);
        }
    }
    all->keep[run->image].settled = true;
    return TD_OK;
}

// The trial of all of them begins with this boot, also of those that an earlier one closed.
static void settle_group(struct td_boot_all *all, uint8_t i)
{
    for (uint8_t j = 0; j < all->config->n_images; j++) {
        if (td_boot_is_with(all->stands, i, j) && all->stands[j].part == TD_PART_IN)
            all->keep[j].settled = true;
    }
}

// The core that runs a copy has its say before the last note is written. Nothing is left to be
// brought back when it refuses what it had before; and where nothing can be, the request is over.
static enum td_err follow(struct td_boot_run *run)
{
    enum td_err err = td_boot_follow(run);

    if (err == TD_OK || err == TD_EFLASH)
        return err;
    if (run->type == TD_SWAP_REVERT)
        return TD_OK;
    if (run->strategy->revert == NULL && run->view.request != TD_REQUEST_NONE &&
        td_boot_drop_request(run) != TD_OK)
        return TD_EFLASH;
    return err;
}

// The last note is written when the image has been verified: what does not verify never had a
// trial, and the moment in which a cut takes the trial away is that of the jump.
static enum td_err close(struct td_boot_all *all, uint8_t i)
{
    struct td_boot_run *run = &all->run;
    enum td_err err = look_at(all, i);

    if (err == TD_OK)
        err = td_boot_verify(run, run->primary.area);
    if (err == TD_OK)
        err = follow(run);
    if (err == TD_EFLASH)
        return err;
    if (err != TD_OK)
        return fall_back(all);
    td_boot_record_installed(run, run->type);
    err = run->strategy->finish(run);
    if (err != TD_OK)
        return err;
    if (run->type != TD_SWAP_REVERT)
        settle_group(all, i);
    all->keep[i].settled = true;
    all->keep[i].moved = false;
    if (run->type != TD_SWAP_NONE)
        run->result->did = run->type;
    return TD_OK;
}

// Of a group, all that came in: a bad one is found before the first of them is closed.
static enum td_err find_bad(struct td_boot_all *all, uint8_t i, bool *bad)
{
    uint8_t n = all->config->n_images;
    enum td_err err = TD_OK;

    *bad = false;
    for (uint8_t j = 0; err == TD_OK && j < n; j++) {
        if (!td_boot_is_with(all->stands, i, j) || all->stands[j].part != TD_PART_UNDERWAY)
            continue;
        err = look_at(all, j);
        if (err == TD_OK)
            err = td_boot_verify(&all->run, all->run.primary.area);
        if (err == TD_OK)
            err = follow(&all->run);
        if (err != TD_OK && err != TD_EFLASH) {
            *bad = true;
            all->keep[j].failed = true;
            err = TD_OK;
        }
    }
    return err;
}

// It was judged before the first image of its group was begun; only flash that went bad since
// can refuse it now. Its request stays until the others are back, and is judged again then.
static enum td_err begin_member(struct td_boot_all *all, uint8_t lead, uint8_t j)
{
    const struct td_boot_group group = all->stands[lead].group;
    struct td_boot_run *run = &all->run;
    enum td_err err = look_at(all, j);

    if (err != TD_OK)
        return err;
    if (td_boot_verify(run, &run->incoming) != TD_OK) {
        all->keep[j].failed = true;
        return TD_OK;
    }
    return begin(all, run->view.request == TD_REQUEST_PERM ? TD_SWAP_PERM : TD_SWAP_TEST, &group);
}

static enum td_err take_back(struct td_boot_all *all, uint8_t j)
{
    struct td_boot_run *run = &all->run;
    enum td_err err = look_at(all, j);

    if (err == TD_OK)
        err = verify_previous(run);
    if (err != TD_OK) {
        all->keep[j].revert_impossible = true;
        td_boot_record_fault(run, TD_V_REVERT_IMPOSSIBLE);
        return TD_OK;
    }
    td_boot_record_reverted(run,
                            all->keep[j].failed ? TD_V_REVERTED_INVALID : TD_V_REVERTED_TOGETHER);
    return bring_back(all);
}

// What fails to verify is not run; what was not closed is gone on with in the next boot.
static enum td_err wait(struct td_boot_all *all, uint8_t i)
{
    for (uint8_t j = 0; j < all->config->n_images; j++) {
        if (td_boot_is_with(all->stands, i, j))
            all->keep[j].settled = true;
    }
    return TD_OK;
}

static enum td_err close_group(struct td_boot_all *all, uint8_t i)
{
    uint8_t n = all->config->n_images, next;
    enum td_boot_group_step step = td_boot_group_next(all->stands, n, i, &next);
    bool bad = false;
    enum td_err err = TD_OK;

    if (step == TD_GROUP_START)
        return begin_member(all, i, next);
    if (step == TD_GROUP_ABORT)
        return take_back(all, next);
    if (step == TD_GROUP_KEEP)
        return close(all, i);
    if (step == TD_GROUP_WAIT)
        return wait(all, i);
    if (step == TD_GROUP_JUDGE || all->stands[i].group.images != 1u << i)
        err = find_bad(all, i, &bad);
    if (err != TD_OK || bad)
        return err;
    return step == TD_GROUP_JUDGE ? begin_member(all, i, next)
                                  : close(all, td_boot_group_closes(all->stands, n, i));
}

/* --- revert --- */

static enum td_err say_impossible(struct td_boot_all *all, enum td_err why)
{
    struct td_boot_run *run = &all->run;
    struct td_verdict v;

    if (why == TD_EFLASH) {
        td_boot_record_fault(run, TD_V_SLOT_UNREADABLE);
        return TD_OK;
    }
    td_boot_verdict(run, TD_V_REVERT_IMPOSSIBLE, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.slot = 1;
    v.found = why == TD_OK ? TD_V_NONE : (uint32_t)td_boot_verdict_of(why);
    td_boot_record_once(run, &v);
    return TD_OK;
}

static enum td_err can_go_back(struct td_boot_all *all, uint8_t j, bool *can)
{
    struct td_boot_run *run = &all->run;
    enum td_err why, err = look_at(all, j);

    if (err != TD_OK)
        return err;
    why = verify_previous(run);
    *can = why == TD_OK && td_boot_is_the_previous(run) && !td_boot_stage_owns(run) &&
           run->strategy->layout(run) == TD_OK;
    return *can ? TD_OK : say_impossible(all, why);
}

// The one that goes first is looked at last, so that work->report is about its image.
static enum td_err can_all_go_back(struct td_boot_all *all, uint8_t i, uint8_t first, bool *can)
{
    uint8_t n = all->config->n_images;
    enum td_err err = TD_OK;

    *can = td_boot_group_is_whole(all->stands, n, i);
    for (uint8_t j = 0; err == TD_OK && *can && j < n; j++) {
        if (j != first && td_boot_is_with(all->stands, i, j) && all->stands[j].part == TD_PART_IN &&
            all->stands[j].revertible)
            err = can_go_back(all, j, can);
    }
    return err == TD_OK && *can ? can_go_back(all, first, can) : err;
}

// A confirmed image goes because another one has to; on its own it goes because that is asked for.
static bool is_together(const struct td_boot_all *all, uint8_t i)
{
    return all->stands[i].confirmed && all->stands[i].group.images != 1u << i;
}

static enum td_err revert_group(struct td_boot_all *all, uint8_t i)
{
    uint8_t n = all->config->n_images, first = td_boot_group_reverts(all->stands, n, i);
    struct td_boot_run *run = &all->run;
    bool can, taken;
    enum td_err err;

    err = look_at(all, i);
    if (err == TD_OK)
        err = td_boot_stage_revert(run, &taken);
    if (err == TD_OK && taken)
        remember(all);
    if (err != TD_OK || taken)
        return err;
    td_boot_say(run, TD_LINE_SWAP_TYPE, first, TD_SWAP_REVERT, 0, 0);
    err = can_all_go_back(all, i, first, &can);
    if (err != TD_OK)
        return err;
    if (can) {
        td_boot_record_reverted(run,
                                is_together(all, first) ? TD_V_REVERTED_TOGETHER : TD_V_REVERTED);
        return bring_back(all);
    }
    for (uint8_t j = 0; j < n; j++) {
        if (td_boot_is_with(all->stands, i, j))
            all->keep[j].revert_impossible = true;
    }
    return TD_OK;
}

/* --- begin --- */

static enum td_swap_type asked_for(const struct td_boot_view *view)
{
    switch (td_boot_decide(view)) {
    case TD_BOOT_TEST: return TD_SWAP_TEST;
    case TD_BOOT_INSTALL: return TD_SWAP_PERM;
    default: return TD_SWAP_NONE;
    }
}

static enum td_err judge_all(struct td_boot_all *all, uint8_t *good)
{
    enum td_err err = TD_OK;

    *good = 0;
    for (uint8_t i = 0; err == TD_OK && i < all->config->n_images; i++) {
        enum td_swap_type type = asked_for(&all->stands[i].view);
        bool is_good = false;

        if (type == TD_SWAP_NONE || all->keep[i].settled)
            continue;
        err = look_at(all, i);
        if (err == TD_OK)
            err = td_boot_judge_request(&all->run, type, &is_good);
        if (is_good)
            *good |= (uint8_t)(1u << i);
        remember(all);
    }
    return err;
}

static struct td_source source_after(struct td_boot_all *all, uint8_t coming, uint8_t i)
{
    bool comes = (coming & (1u << i)) != 0;

    td_boot_turn_to(all, i);
    return td_flash_source(comes ? &all->run.incoming : all->run.primary.area);
}

static void versions_after(struct td_boot_all *all, uint8_t coming,
                           struct td_boot_versions *versions)
{
    memset(versions, 0, sizeof *versions);
    versions->n = all->config->n_images;
    for (uint8_t i = 0; i < versions->n; i++) {
        struct td_source src = source_after(all, coming, i);

        td_boot_deps_note(versions, i, &src);
    }
}

// Whose request cannot be followed for what image i wants: its own; or, when it stays as it is,
// that of the image which would become too old for it.
static bool find_offender(uint8_t coming, uint8_t i, const struct td_image_dependency *dep,
                          uint8_t *offender)
{
    bool comes = (coming & (1u << i)) != 0;

    *offender = comes ? i : dep->image;
    return comes || (dep->image < TD_BOOT_IMAGES_MAX && (coming & (1u << dep->image)) != 0);
}

static enum td_err drop_one(struct td_boot_all *all, uint8_t *coming, bool *dropped)
{
    struct td_boot_versions versions;
    struct td_image_dependency dep;
    enum td_err err = TD_OK;

    *dropped = false;
    versions_after(all, *coming, &versions);
    for (uint8_t i = 0; err == TD_OK && !*dropped && i < versions.n; i++) {
        struct td_source src = source_after(all, *coming, i);
        enum td_boot_met met;
        uint8_t offender;

        err = td_boot_deps(&src, &versions, &met, &dep);
        if (err != TD_OK || met == TD_DEPS_MET || !find_offender(*coming, i, &dep, &offender))
            continue;
        *dropped = true;
        *coming &= (uint8_t) ~(1u << offender);
        err = look_at(all, offender);
        if (err == TD_OK)
            err = td_boot_refuse_dependency(&all->run, &dep, met == TD_DEPS_ABSURD);
        remember(all);
    }
    return err;
}

// What is dropped may have been what another one wants; each pass drops one, or is the last.
static enum td_err resolve(struct td_boot_all *all, uint8_t *coming)
{
    bool dropped = *coming != 0 && all->config->n_images > 1;
    enum td_err err = TD_OK;

    while (err == TD_OK && dropped && *coming != 0)
        err = drop_one(all, coming, &dropped);
    return err;
}

// What can be taken back holds the record, so it is begun before what cannot.
static uint8_t lead_of(const struct td_boot_all *all, uint8_t coming)
{
    uint8_t any = 0;

    for (uint8_t i = 0; i < all->config->n_images; i++) {
        if ((coming & (1u << i)) == 0)
            continue;
        if (all->stands[i].revertible)
            return i;
        any = i;
    }
    return any;
}

// The same images may come in together a second time: the record is not the first one's.
static struct td_boot_group group_of(struct td_boot_all *all, uint8_t coming, uint8_t lead)
{
    struct td_boot_group group = { .images = coming, .id = all->stands[lead].group.id };

    for (uint8_t i = 0; i < all->config->n_images; i++) {
        uint8_t hash[TD_NOTE_HASH_LEN];

        if ((coming & (1u << i)) == 0)
            continue;
        td_boot_turn_to(all, i);
        (void)td_boot_stored_hash(&all->run.incoming, hash);
        group.id = td_crc32(group.id, hash, sizeof hash);
    }
    return group;
}

static enum td_err begin_group(struct td_boot_all *all, uint8_t coming)
{
    uint8_t lead = lead_of(all, coming);
    bool alone = coming == 1u << lead;
    struct td_boot_group group = { .images = coming };
    enum td_err err;

    if (!alone)
        group = group_of(all, coming, lead);
    err = look_at(all, lead);
    if (err != TD_OK)
        return err;
    // work->report is about the last one that was judged, which may have been another.
    if (all->config->n_images > 1 && td_boot_verify(&all->run, &all->run.incoming) != TD_OK) {
        all->keep[lead].request_blocked = true;
        td_boot_record_fault(&all->run, TD_V_SLOT_UNREADABLE);
        return TD_OK;
    }
    return begin(all, asked_for(&all->stands[lead].view), &group);
}

static enum td_err follow_requests(struct td_boot_all *all)
{
    uint8_t coming;
    enum td_err err = judge_all(all, &coming);

    if (err == TD_OK)
        err = resolve(all, &coming);
    return err == TD_OK && coming != 0 ? begin_group(all, coming) : err;
}

/* --- tidy --- */

static enum td_err drop_torn(struct td_boot_run *run)
{
    struct td_verdict v;

    td_boot_verdict(run, TD_V_TORN_REQUEST, &v);
    v.slot = 1;
    td_boot_record(run, &v);
    return td_boot_drop_request(run);
}

static enum td_err tidy(struct td_boot_all *all, uint8_t i, enum td_boot_action action)
{
    enum td_err err = look_at(all, i);

    if (err != TD_OK)
        return err;
    return action == TD_BOOT_MEND ? all->run.strategy->mend(&all->run) : drop_torn(&all->run);
}

/* --- the loop --- */

// The first image whose journal is open, of those that were moved to their end or of the others.
static bool find_open(const struct td_boot_all *all, bool moved, uint8_t *i)
{
    for (*i = 0; *i < all->config->n_images; (*i)++) {
        if (all->stands[*i].view.journal != TD_JOURNAL_NONE && !all->keep[*i].settled &&
            all->keep[*i].moved == moved)
            return true;
    }
    return false;
}

static bool find(const struct td_boot_all *all, bool (*is_it)(enum td_boot_action), uint8_t *i)
{
    for (*i = 0; *i < all->config->n_images; (*i)++) {
        if (!all->keep[*i].settled && is_it(td_boot_decide(&all->stands[*i].view)))
            return true;
    }
    return false;
}

static bool is_revert(enum td_boot_action action)
{
    return action == TD_BOOT_REVERT;
}

static bool is_asked(enum td_boot_action action)
{
    return action == TD_BOOT_TEST || action == TD_BOOT_INSTALL;
}

static bool is_tidying(enum td_boot_action action)
{
    return action == TD_BOOT_MEND || action == TD_BOOT_DROP;
}

static enum td_err one_round(struct td_boot_all *all, bool *over)
{
    uint8_t i;
    enum td_err err = survey(all);

    *over = false;
    if (err != TD_OK)
        return err;
    if (find_open(all, false, &i))
        return move_on(all, i);
    if (find_open(all, true, &i))
        return all->keep[i].type == TD_SWAP_REVERT ? close(all, i) : close_group(all, i);
    if (all->only_open) {
        *over = true;
        return TD_OK;
    }
    if (find(all, is_revert, &i))
        return revert_group(all, i);
    if (find(all, is_asked, &i))
        return follow_requests(all);
    if (find(all, is_tidying, &i))
        return tidy(all, i, td_boot_decide(&all->stands[i].view));
    *over = true;
    return TD_OK;
}

static void record_unreadable(struct td_boot_all *all)
{
    for (uint8_t i = 0; i < all->config->n_images; i++) {
        if (all->stands[i].view.secondary_unreadable && !all->keep[i].settled) {
            td_boot_turn_to(all, i);
            td_boot_record_fault(&all->run, TD_V_SLOT_UNREADABLE);
        }
    }
}

enum td_err td_boot_settle(struct td_boot_all *all)
{
    unsigned failures = 0, rounds = ROUNDS_MAX * all->config->n_images;
    bool over = false;
    struct td_verdict v;
    enum td_err err = TD_OK;

    for (unsigned round = 0; !over && round < rounds && failures < TRIES; round++) {
        err = one_round(all, &over);
        failures = err == TD_OK ? 0 : failures + 1;
    }
    if (err == TD_OK) {
        record_unreadable(all);
        return TD_OK;
    }
    td_boot_verdict(&all->run, TD_V_FLASH_FAILED, &v);
    td_boot_record_once(&all->run, &v);
    return err;
}

/* --- a primary that is no good --- */

// Without a counter in protected storage the version is what keeps old images out; and where
// the damaged image does not even say its own, there is nothing to compare with.
static bool is_not_older(const struct td_boot_run *run)
{
    struct td_source src = td_flash_source(run->primary.area);
    struct td_image_header hdr;

    if (run->config->counters != NULL || !run->config->downgrade_prevention)
        return true;
    return td_image_header_read(&src, &hdr) == TD_OK &&
           td_version_cmp(&run->work->report.img.hdr.version, &hdr.version) >= 0;
}

static enum td_err find_replacement(struct td_boot_all *all, uint8_t i, bool *found)
{
    struct td_boot_run *run = &all->run;
    enum td_err err = look_at(all, i);

    *found = false;
    if (err != TD_OK)
        return err;
    *found = !run->view.secondary_unreadable && run->strategy->layout(run) == TD_OK &&
             td_boot_verify(run, &run->incoming) == TD_OK && is_not_older(run);
    return TD_OK;
}

// Without a journal a cut in the copy could leave a primary that verifies by chance, its last
// words torn. So what is to be copied is asked for first, and copied as if it had been before.
static enum td_err ask_for_good(struct td_boot_run *run)
{
    const struct td_trailer *t = &run->secondary;
    enum td_err err = td_boot_drop_request(run);

    if (err == TD_OK)
        err = td_trailer_write_swap_info(t, TD_SWAP_PERM, run->image);
    if (err == TD_OK)
        err = td_trailer_write_image_ok(t);
    return err != TD_OK ? err : td_trailer_write_magic(t);
}

enum td_err td_boot_replace(struct td_boot_all *all, uint8_t image, bool *done)
{
    const struct td_boot_group alone = { .images = (uint8_t)(1u << image) };
    struct td_boot_keep *keep = &all->keep[image];
    struct td_verdict v;
    enum td_err err;

    *done = false;
    if (!all->config->falls_back || all->run.manner->names_no_verdict || keep->fell_back)
        return TD_OK;
    keep->fell_back = true;
    err = find_replacement(all, image, done);
    if (err != TD_OK || !*done)
        return err;
    td_boot_verdict(&all->run, TD_V_FELL_BACK, &v);
    td_boot_verdict_of_image(&v, &all->run.work->report);
    v.slot = 1;
    td_boot_record_note(&all->run, &v);
    keep->settled = false;
    err = all->run.strategy->revert == NULL ? ask_for_good(&all->run)
                                            : begin(all, TD_SWAP_PERM, &alone);
    return err != TD_OK ? err : td_boot_settle(all);
}
