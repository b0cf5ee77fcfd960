/*
 * boot/record.c - what a boot says: verdicts into the log and the result, lines to the console.
 *
 * A log that cannot be read or written never stops a boot.
 */
#include <string.h>

#include "boot/boot_priv.h"
#include "boot/candidate.h"
#include "log/log.h"

void td_boot_say(const struct td_boot_run *run, enum td_boot_line_code code, uint32_t a, uint32_t b,
                 uint32_t c, uint32_t d)
{
    const struct td_boot_hooks *hooks = run->config->hooks;
    struct td_boot_line line = { code, { a, b, c, d } };

    if (hooks != NULL && hooks->line != NULL)
        hooks->line(run->config->hook_ctx, &line);
}

enum td_reset_cause td_boot_cause(struct td_boot_run *run)
{
    const struct td_boot_hooks *hooks = run->config->hooks;

    if (!run->cause_read && hooks != NULL && hooks->reset_cause != NULL)
        run->cause = hooks->reset_cause(run->config->hook_ctx);
    run->cause_read = true;
    return run->cause;
}

void td_boot_verdict(const struct td_boot_run *run, enum td_verdict_code code, struct td_verdict *v)
{
    memset(v, 0, sizeof *v);
    v->code = (uint16_t)code;
    v->kind = (uint8_t)td_verdict_class_of((uint16_t)code);
    v->image = run->image;
}

void td_boot_verdict_of_image(struct td_verdict *v, const struct td_image_report *report)
{
    v->found_version = report->img.hdr.version;
    v->off = report->fault.off;
    v->wanted = report->fault.wanted;
    v->found = report->fault.found != 0 ? report->fault.found : report->fault.tlv;
    memcpy(v->key, report->key, sizeof v->key);
    memcpy(v->hash, report->hash, sizeof v->hash);
}

static void tell(struct td_boot_run *run, const struct td_verdict *v)
{
    struct td_boot_result *r = run->result;

    if (r->n_verdicts < TD_BOOT_VERDICTS_MAX)
        r->verdicts[r->n_verdicts++] = *v;
    if (!run->manner->names_no_verdict)
        td_boot_say(run, TD_LINE_VERDICT, v->code, v->image, v->slot, v->found);
}

static void append(struct td_boot_run *run, const struct td_verdict *v)
{
    struct td_log log = { run->config->boot_log };

    td_boot_feed(run);
    if (log.area != NULL)
        (void)td_log_append(&log, v);
}

void td_boot_record(struct td_boot_run *run, const struct td_verdict *v)
{
    tell(run, v);
    append(run, v);
}

static bool about_the_same(const struct td_verdict *a, const struct td_verdict *b)
{
    return a->image == b->image && memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

// Walks back from the newest entry. Entries about other images of the device do not count.
static bool is_there(const struct td_boot_run *run, const struct td_verdict *v,
                     bool (*is_it)(const struct td_verdict *, const struct td_verdict *),
                     bool (*goes_on)(const struct td_verdict *, const struct td_verdict *))
{
    struct td_log log = { run->config->boot_log };
    struct td_log_iter it;
    struct td_verdict old;
    bool end = false;

    if (log.area == NULL)
        return false;
    td_log_begin(&it, &log);
    while (td_log_next(&it, &old, &end) == TD_OK && !end) {
        if (is_it(&old, v))
            return true;
        if (old.image == v->image && !goes_on(&old, v))
            return false;
    }
    return false;
}

static bool is_same(const struct td_verdict *old, const struct td_verdict *v)
{
    return td_verdict_same(old, v) != 0;
}

static bool is_no_change(const struct td_verdict *old, const struct td_verdict *v)
{
    (void)v;
    return old->kind != TD_VERDICT_NOTE && old->kind != TD_VERDICT_REVERT;
}

// A state that lasts is written down when it begins, not at each boot. A change of images ends it.
void td_boot_record_once(struct td_boot_run *run, const struct td_verdict *v)
{
    tell(run, v);
    if (!is_there(run, v, is_same, is_no_change))
        append(run, v);
}

static bool is_same_event(const struct td_verdict *old, const struct td_verdict *v)
{
    return old->kind == v->kind && about_the_same(old, v) &&
           (v->kind == TD_VERDICT_REVERT || old->code == v->code);
}

static bool is_same_story(const struct td_verdict *old, const struct td_verdict *v)
{
    return old->kind == v->kind && about_the_same(old, v);
}

// An event that an earlier boot may have written down just before its power went. The first
// record stays: its reset cause is the one that led here.
void td_boot_record_note(struct td_boot_run *run, const struct td_verdict *v)
{
    tell(run, v);
    if (!is_there(run, v, is_same_event, is_same_story))
        append(run, v);
}

void td_boot_record_installed(struct td_boot_run *run, enum td_swap_type type)
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

void td_boot_record_reverted(struct td_boot_run *run, enum td_verdict_code code)
{
    enum td_reset_cause cause = td_boot_cause(run);
    struct td_verdict v;
    uint8_t hash[TD_NOTE_HASH_LEN];

    if (!td_boot_stored_hash(run->primary.area, hash)) {
        code = TD_V_REVERTED_INVALID;
        if (run->has_note)
            memcpy(hash, run->note.incoming, sizeof hash);
    }
    if (code == TD_V_REVERTED && cause == TD_RESET_WATCHDOG)
        code = TD_V_REVERTED_WATCHDOG;
    td_boot_verdict(run, code, &v);
    v.swap_type = TD_SWAP_REVERT;
    v.found = (uint32_t)cause;
    v.wanted_version = run->work->report.img.hdr.version;
    td_boot_running_version(run, &v.found_version);
    memcpy(v.hash, hash, sizeof v.hash);
    td_boot_record_note(run, &v);
}
