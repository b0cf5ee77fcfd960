/*
 * boot/boot.c - one boot: what the notes ask for, then which images run, and whether they may.
 */
#include "boot/boot.h"

#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "boot/boot_priv.h"
#include "boot/cipher.h"
#include "boot/deps.h"
#include "boot/follow.h"
#include "boot/shared.h"
#include "boot/update.h"

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

/* --- what is going to run --- */

static void tell(struct td_boot_all *all, const struct td_boot_choice *from)
{
    const struct td_image_report *report = &all->run.work->report;
    struct td_boot_result *r = all->run.result;

    if (all->run.image != 0)
        return;
    r->hdr = report->img.hdr;
    r->hash_len = report->hash_len;
    memcpy(r->hash, report->hash, sizeof r->hash);
    r->slot = from->slot;
    r->slot_off = from->area->off;
    r->run_addr = from->run_addr;
}

static void record_counter(struct td_boot_all *all, uint32_t counter)
{
    struct td_verdict v;

    td_boot_verdict(&all->run, TD_V_COUNTER_NOT_STORED, &v);
    td_boot_verdict_of_image(&v, &all->run.work->report);
    v.found = counter;
    td_boot_record_once(&all->run, &v);
}

// The only place where a counter rises: the image was verified just now, it is confirmed or permanent,
// and so is its group. What its counter outdoes will never be wanted back.
static void raise_counter(struct td_boot_all *all, const struct td_source *src, bool confirmed)
{
    const struct td_boot_counters *c = all->config->counters;
    uint8_t image = all->run.image;
    uint32_t stored, counter;

    if (c == NULL || !confirmed ||
        td_image_counter(src, &all->run.work->report.img, &counter) != TD_OK)
        return;
    if (c->read(c->ctx, image, &stored) != TD_OK || counter <= stored)
        return;
    td_boot_feed(&all->run);
    if (c->rise(c->ctx, image, counter) != TD_OK)
        record_counter(all, counter);
}

// Whether any other image depends on it, in whatever version.
static bool is_wanted(const struct td_boot_all *all, uint8_t image)
{
    struct td_boot_versions versions = { .n = all->config->n_images };
    struct td_image_dependency dep;
    enum td_boot_met met;

    for (uint8_t i = 0; i < versions.n; i++) {
        versions.known[i] = i != image;
        versions.version[i] = (struct td_version){ UINT8_MAX, UINT8_MAX, UINT16_MAX, 0 };
    }
    for (uint8_t i = 0; i < versions.n; i++) {
        struct td_source src = td_flash_source(all->config->images[i].primary);

        if (i != image &&
            (td_boot_deps(&src, &versions, &met, &dep) != TD_OK || met != TD_DEPS_MET))
            return true;
    }
    return false;
}

// A primary that was never filled is nothing to wait for, where no image asks for it.
static void refuse_primary(struct td_boot_all *all, enum td_err why)
{
    struct td_boot_run *run = &all->run;
    bool needed = why != TD_EIMG_EMPTY || run->image == 0 || run->manner->names_no_verdict ||
                  is_wanted(all, run->image);
    struct td_verdict v;

    if (needed) {
        run->result->bootable = false;
        td_boot_say(run, TD_LINE_BAD_PRIMARY, 0, 0, 0, 0);
    } else {
        td_boot_pass(run, false);
    }
    td_boot_verdict(run, needed ? TD_V_PRIMARY_INVALID : TD_V_UNPROVISIONED, &v);
    td_boot_verdict_of_image(&v, &run->work->report);
    v.found = (uint32_t)td_boot_verdict_of(why);
    td_boot_record_once(run, &v);
}

// Every boot verifies what it is going to run, also right after a swap has verified it: the
// answer that counts is the one nearest to the jump.
// What passes through memory on its way to another core is gone after a reset.
static bool is_volatile(const struct td_boot_run *run)
{
    const struct td_boot_follower *f = run->config->images[run->image].follower;

    return f != NULL && f->is_volatile;
}

static enum td_err verify_primary(struct td_boot_all *all, uint8_t i)
{
    struct td_boot_choice from = { .area = all->config->images[i].primary };
    struct td_boot_run *run = &all->run;
    bool replaced = false;
    enum td_err err;

    td_boot_turn_to(all, i);
    err = td_boot_verify(run, from.area);
    if (err != TD_OK && err != TD_EFLASH) {
        enum td_err again = td_boot_replace(all, i, &replaced);

        if (again != TD_OK)
            return again;
        td_boot_turn_to(all, i);
        err = td_boot_verify(run, from.area);
    }
    if (err == TD_EFLASH)
        return err;
    if (err == TD_EIMG_EMPTY && is_volatile(run)) {
        td_boot_pass(run, false);
        return TD_OK;
    }
    if (err != TD_OK) {
        refuse_primary(all, err);
        return TD_OK;
    }
    if (td_boot_follow(run) == TD_EFLASH)
        return TD_EFLASH;
    from.src = td_flash_source(from.area);
    tell(all, &from);
    td_boot_pass(run, true);
    raise_counter(all, &from.src, all->stands[i].view.running == TD_RUN_CONFIRMED);
    return TD_OK;
}

/* --- strategies that choose --- */

/* What was chosen for each image so far; a slot is excluded for what its image depends on. */
struct choices {
    struct td_boot_choice chosen[TD_BOOT_IMAGES_MAX];
    bool confirmed[TD_BOOT_IMAGES_MAX];
    bool there[TD_BOOT_IMAGES_MAX];
    uint8_t excluded[TD_BOOT_IMAGES_MAX];
};

static enum td_err choose(struct td_boot_all *all, uint8_t i, struct choices *c)
{
    enum td_err err;

    td_boot_turn_to(all, i);
    err = all->run.strategy->choose(&all->run, c->excluded[i]);
    c->there[i] = err == TD_OK;
    c->chosen[i] = all->run.chosen;
    c->confirmed[i] = all->run.view.running == TD_RUN_CONFIRMED;
    return err == TD_ENOTFOUND ? TD_OK : err;
}

static bool chooses(struct td_boot_all *all, uint8_t i)
{
    return td_boot_run_of(all->config, NULL, NULL, i).strategy->choose != NULL;
}

static struct td_source source_of(struct td_boot_all *all, const struct choices *c, uint8_t i)
{
    return chooses(all, i) ? c->chosen[i].src : td_flash_source(all->config->images[i].primary);
}

static void record_dependency(struct td_boot_all *all, uint8_t i, const struct choices *c,
                              const struct td_image_dependency *dep)
{
    struct td_verdict v;

    td_boot_turn_to(all, i);
    td_boot_verdict(&all->run, TD_V_DEPENDENCY, &v);
    v.slot = c->chosen[i].slot;
    v.wanted = dep->image;
    v.wanted_version = dep->version;
    td_boot_record_once(&all->run, &v);
}

// Excludes the first choice whose wants are not met, if there is one.
static enum td_err exclude_one(struct td_boot_all *all, struct choices *c, uint8_t *which)
{
    struct td_boot_versions versions = { .n = all->config->n_images };
    enum td_err err = TD_OK;

    for (uint8_t i = 0; i < versions.n; i++) {
        struct td_source src = source_of(all, c, i);

        if (!chooses(all, i) || c->there[i])
            td_boot_deps_note(&versions, i, &src);
    }
    for (*which = 0; err == TD_OK && *which < versions.n; (*which)++) {
        struct td_source src = source_of(all, c, *which);
        struct td_image_dependency dep;
        enum td_boot_met met = TD_DEPS_MET;

        if (!chooses(all, *which) || !c->there[*which])
            continue;
        err = td_boot_deps(&src, &versions, &met, &dep);
        if (err == TD_OK && met != TD_DEPS_MET) {
            record_dependency(all, *which, c, &dep);
            c->excluded[*which] |= (uint8_t)TD_SLOT_BIT(c->chosen[*which].slot);
            return TD_OK;
        }
    }
    return err;
}

// Each pass excludes a slot or is the last.
static enum td_err choose_all(struct td_boot_all *all, struct choices *c)
{
    uint8_t n = all->config->n_images, which = 0;
    enum td_err err = TD_OK;

    memset(c, 0, sizeof *c);
    for (uint8_t i = 0; err == TD_OK && i < n; i++) {
        if (chooses(all, i))
            err = choose(all, i, c);
    }
    while (err == TD_OK && n > 1 && which < n) {
        err = exclude_one(all, c, &which);
        if (err == TD_OK && which < n)
            err = choose(all, which, c);
    }
    return err;
}

// The last choice is the one that work->report is about; of several, each is judged once more.
static enum td_err take(struct td_boot_all *all, uint8_t i, struct choices *c)
{
    enum td_err err = TD_OK;

    if (!c->there[i]) {
        all->run.result->bootable = false;
        return TD_OK;
    }
    if (all->config->n_images > 1)
        err = choose(all, i, c);
    if (err != TD_OK)
        return err;
    tell(all, &all->run.chosen);
    td_boot_pass(&all->run, true);
    if (i == 0)
        all->run.result->on_trial = !c->confirmed[i];
    raise_counter(all, &all->run.chosen.src, c->confirmed[i]);
    return all->run.strategy->take != NULL ? all->run.strategy->take(&all->run) : TD_OK;
}

/* --- the whole of it --- */

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

static void share_numbers(struct td_boot_all *all, struct td_shared *s, uint8_t i)
{
    const struct td_boot_counters *c = all->config->counters;
    uint8_t b[4];
    uint32_t value;

    if (c != NULL && c->read(c->ctx, i, &value) == TD_OK) {
        td_store_le32(b, value);
        (void)td_shared_add(s, TD_SHARED_LOADER, (uint16_t)(TD_SHARED_COUNTER + i), b, sizeof b);
    }
    if (!chooses(all, i) && td_boot_max_image(all->config, i, &value) == TD_OK) {
        td_store_le32(b, value);
        (void)td_shared_add(s, TD_SHARED_LOADER, (uint16_t)(TD_SHARED_MAX_SIZE + i), b, sizeof b);
    }
}

// What the application is told. It never stops a boot: what there is no room for is missing.
static void share(struct td_boot_all *all, const struct choices *c)
{
    const struct td_boot_config *config = all->config;
    struct td_boot_result *r = all->run.result;
    struct td_shared_loader loader = { .mode = td_boot_run_of(config, NULL, NULL, 0).strategy->mode,
                                       .sig = config->policy.sig,
                                       .has_recovery = config->has_recovery,
                                       .slot = r->slot,
                                       .version = config->version };
    struct td_shared s;

    if (config->shared == NULL)
        return;
    td_shared_begin(&s, config->shared, config->shared_size);
    for (uint8_t i = 0; r->bootable && i < config->n_images; i++) {
        struct td_source src = source_of(all, c, i);

        (void)td_shared_record(&s, i, &src);
    }
    (void)td_shared_tell(&s, &loader);
    for (uint8_t i = 0; i < config->n_images; i++)
        share_numbers(all, &s, i);
    for (uint8_t i = 0; i < r->n_verdicts; i++) {
        uint8_t b[TD_VERDICT_SIZE];

        td_verdict_encode(&r->verdicts[i], b);
        (void)td_shared_add(&s, TD_SHARED_VERDICT, i, b, sizeof b);
    }
    r->shared = s.err;
}

static enum td_err decide_all(struct td_boot_all *all)
{
    struct choices c;
    enum td_err err = td_boot_settle(all);

    if (err == TD_OK)
        err = choose_all(all, &c);
    for (uint8_t i = 0; err == TD_OK && i < all->config->n_images; i++)
        err = chooses(all, i) ? take(all, i, &c) : verify_primary(all, i);
    if (err == TD_OK && !chooses(all, 0))
        all->run.result->on_trial = all->stands[0].view.running == TD_RUN_TRIED;
    if (err == TD_OK)
        share(all, &c);
    return err;
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

static void record_recovery(struct td_boot_run *run, enum td_boot_recover why)
{
    struct td_verdict v;

    td_boot_verdict(run, why == TD_RECOVER_NO_IMAGE ? TD_V_RECOVERY_ENTERED : TD_V_RECOVERY_ASKED,
                    &v);
    v.found = (uint32_t)why;
    td_boot_record_once(run, &v);
    td_boot_say(run, TD_LINE_RECOVERY, 0, 0, 0, 0);
}

// Half a swap leaves no whole image anywhere, and recovery is about to write into a slot: what
// was begun is finished first. When flash does not let it, recovery is all that is left.
static enum td_err recover(struct td_boot_all *all)
{
    all->only_open = true;
    (void)td_boot_settle(all);
    td_boot_turn_to(all, 0);
    record_recovery(&all->run, all->run.result->recover);
    return TD_OK;
}

enum td_err td_boot_go(const struct td_boot_config *config, struct td_boot_work *work,
                       struct td_boot_result *result)
{
    struct td_boot_all all;
    enum td_err err;

    memset(result, 0, sizeof *result);
    result->did = TD_SWAP_NONE;
    memset(work->loaded, 0, sizeof work->loaded);
    if (config->n_images == 0 || config->n_images > TD_BOOT_IMAGES_MAX)
        return TD_EARG;
    td_boot_all_begin(&all, config, work, result);
    if (wants_recovery(config, &result->recover))
        return recover(&all);
    result->bootable = true;
    td_boot_say(&all.run, TD_LINE_START, 0, 0, 0, 0);
    err = decide_all(&all);
    td_boot_cipher_wipe(work);
    if (err != TD_OK) {
        result->bootable = false;
        return err;
    }
    say_result(&all.run);
    if (!result->bootable && config->has_recovery) {
        result->recover = TD_RECOVER_NO_IMAGE;
        record_recovery(&all.run, result->recover);
    }
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
