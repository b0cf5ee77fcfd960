/*
 * doctor/story_judge.c - what follows from the acts, in their order.
 *
 * A reset divides: what the lists say before it and after it is compared with what MCUboot
 * does to a slot that is pending. Only what both sides show is concluded; a reset at the end
 * of a log proves nothing but that nobody looked.
 */
#include "doctor/story_priv.h"

#include <stdio.h>
#include <string.h>

#include "slot/room.h"

#define SEEN 16

/* An image whose mark was there when the log began, or which ran once. */
struct seen {
    char hash[STORY_HASH + 1];
    char running[STORY_HASH + 1];
    struct td_place at;
    int64_t time_us;
    bool settled; /* its fate is known */
};

/* What went wrong, for the ways in which it can: weighed when all facts are there. */
struct symptom {
    const char *what;
    char hash[STORY_HASH + 1];
    struct td_place at;
    int64_t time_us;
};

struct judge {
    struct td_story *s;
    const struct story_act *prev; /* the newest list */
    const struct story_act *first;
    uint32_t session;
    bool first_of_session;
    const struct story_act *reset;  /* not looked behind yet */
    const struct story_act *before; /* the list before it */
    struct {
        uint8_t image;
        char hash[STORY_HASH + 1];
    } pending[STORY_SLOTS]; /* at the reset */
    size_t n_pending;
    bool uploaded, marked, no_mark, erased;
    const struct story_act *upload;
    bool listed_since;                /* that upload */
    char marks[SEEN][STORY_HASH + 1]; /* set in this log */
    size_t n_marks;
    struct seen starts[SEEN];
    size_t n_starts;
    struct seen ran[SEEN];
    size_t n_ran;
    unsigned n_lists;
    size_t n_slots; /* facts made of lists */
    struct symptom symptoms[SEEN];
    size_t n_symptoms;
};

/* ---- small things ---- */

/* Modes in which nobody marks: the bootloader takes the higher version, or there is one slot. */
static bool unmarked_mode(const struct td_story *s)
{
    return s->mode == TD_MODE_XIP || s->mode == TD_MODE_RAM_LOAD || s->mode == TD_MODE_LOADER ||
           s->mode == TD_MODE_SINGLE || s->mode == TD_MODE_SINGLE_RAM;
}

/* What a fact says of a hash, for people: it stands between the two. */
static const struct {
    const char *fact, *before, *after;
} sentences[] = {
    { "story.pending-at-start", "the first list shows ", " pending: a mark from before this log" },
    { "story.pending-survived", "", " was pending before the reset, and is after it" },
    { "story.slot1-vanished", "", " was listed before the reset, and is not after it" },
    { "story.swapped", "", " was in the other slot before the reset, and runs after it" },
    { "story.reverted", "", " had its chance, and does not run any more" },
    { "story.no-swap", "the same image runs before and after the reset (", ")" },
    { "story.confirm-unchanged", "confirming ", " succeeded, and the list shows no change" },
    { "story.trial-running", "", " runs and is not confirmed" },
    { "story.already", "", " runs already" },
    { "story.active-overwritten", "the upload went where the running image lay (", ")" },
};

static void say_hash(struct judge *j, const char *fact, const struct story_act *act,
                     const char *hash, const char *more)
{
    char quote[128] = "";

    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (strcmp(sentences[i].fact, fact) == 0)
            snprintf(quote, sizeof quote, "%s%s%s", sentences[i].before, hash, sentences[i].after);
    story_say(j->s, fact, &act->at, act->time_us, quote[0] ? quote : NULL, "hash=%s%s%s", hash,
              *more ? " " : "", more);
}

static void wrong(struct judge *j, const char *what, const char *hash, const struct td_place *at,
                  int64_t time_us)
{
    struct symptom *symptom = &j->symptoms[j->n_symptoms];

    for (size_t i = 0; i < j->n_symptoms; i++)
        if (strcmp(j->symptoms[i].what, what) == 0)
            return;
    if (j->n_symptoms == SEEN)
        return;
    j->n_symptoms++;
    symptom->what = what;
    snprintf(symptom->hash, sizeof symptom->hash, "%s", hash);
    symptom->at = *at;
    symptom->time_us = time_us;
}

static struct seen *find(struct seen *list, size_t n, const char *hash)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].hash, hash) == 0)
            return &list[i];
    return NULL;
}

static struct seen *remember(struct seen *list, size_t *n, const char *hash,
                             const struct story_act *act)
{
    struct seen *seen = find(list, *n, hash);

    if (seen || *n == SEEN || !hash[0])
        return seen;
    seen = &list[(*n)++];
    memset(seen, 0, sizeof *seen);
    memcpy(seen->hash, hash, sizeof seen->hash);
    seen->at = act->at;
    seen->time_us = act->time_us;
    return seen;
}

static bool marked_here(const struct judge *j, const char *hash)
{
    for (size_t i = 0; i < j->n_marks; i++)
        if (strcmp(j->marks[i], hash) == 0)
            return true;
    return false;
}

static void settle(struct judge *j, const char *hash)
{
    struct seen *start = find(j->starts, j->n_starts, hash);

    if (start)
        start->settled = true;
}

/* ---- a list ---- */

/* There is room for so many facts of a name; the newest list must find some. */
static void lists(struct judge *j, const struct story_act *act, const char *when)
{
    if (j->n_slots + act->list.n > TD_FACT_PER_NAME - STORY_SLOTS)
        return;
    j->n_slots += act->list.n;
    story_list_facts(j->s, act, when);
}

static void at_start(struct judge *j, const struct story_act *act)
{
    for (size_t i = 0; i < act->list.n; i++) {
        const struct story_slot *slot = &act->list.slots[i];
        const struct story_slot *active = story_list_active(&act->list, slot->image);
        struct seen *start;

        if (!slot->pending || slot->active || unmarked_mode(j->s) || marked_here(j, slot->hash))
            continue;
        // An upload erases what was marked: whoever marked this did so since, unseen.
        if (j->upload && j->upload->finished && !j->reset)
            continue;
        say_hash(j, "story.pending-at-start", act, slot->hash,
                 slot->permanent ? "permanent=1" : "permanent=0");
        start = remember(j->starts, &j->n_starts, slot->hash, act);
        if (start && active && active->confirmed && strcmp(active->hash, slot->hash) != 0)
            memcpy(start->running, active->hash, sizeof start->running);
    }
}

/* Whether the log itself shows why a slot holds something else now. */
static bool explained(const struct judge *j, const struct story_slot *was,
                      const struct story_slot *is)
{
    if (story_list_hash(&j->prev->list, is->hash))
        return true;
    return !was->active && (j->uploaded || j->erased);
}

static void changed_slots(struct judge *j, const struct story_act *act)
{
    char quote[96];

    for (size_t i = 0; i < act->list.n; i++) {
        const struct story_slot *is = &act->list.slots[i];
        const struct story_slot *was = story_list_slot(&j->prev->list, is->image, is->slot);

        if (!was || !was->hash[0] || !is->hash[0] || strcmp(was->hash, is->hash) == 0 ||
            explained(j, was, is))
            continue;
        snprintf(quote, sizeof quote, "slot %u held %s in the session before, and %s now", is->slot,
                 was->hash, is->hash);
        story_say(j->s, "story.slot-changed", &act->at, act->time_us, quote,
                  "slot=%u from=%s to=%s running=%d", is->slot, was->hash, is->hash, is->active);
    }
}

static void ran(struct judge *j, const struct story_act *act, const struct story_slot *slot)
{
    settle(j, slot->hash);
    (void)remember(j->ran, &j->n_ran, slot->hash, act);
    say_hash(j, "story.swapped", act, slot->hash, slot->confirmed ? "confirmed=1" : "confirmed=0");
    j->no_mark = false;
}

/* Something ran for a while, and now something else does. */
static void look_for_reverts(struct judge *j, const struct story_act *act)
{
    const struct story_slot *active = story_list_active(&act->list, 0);

    for (size_t i = 0; active && i < j->n_ran; i++)
        if (!j->ran[i].settled && strcmp(active->hash, j->ran[i].hash) != 0 &&
            !story_list_pending(&j->prev->list)) {
            j->ran[i].settled = true;
            say_hash(j, "story.reverted", act, j->ran[i].hash, "seen=1");
            wrong(j, "reverted", j->ran[i].hash, &act->at, act->time_us);
        }
}

/* Neither of the two images from before the reset runs: a cable was at work. */
static bool reprogrammed(const struct judge *j, const struct story_act *act)
{
    const struct story_slot *is = story_list_active(&act->list, 0);

    return j->before && is && is->hash[0] && story_list_active(&j->before->list, 0) &&
           !story_list_hash(&j->before->list, is->hash);
}

static void pending_after(struct judge *j, const struct story_act *act, uint8_t image,
                          const char *hash)
{
    const struct story_slot *slot = story_list_hash(&act->list, hash);
    char more[32];

    if (slot && slot->active) {
        ran(j, act, slot);
        return;
    }
    if (reprogrammed(j, act))
        return;
    settle(j, hash);
    if (slot && slot->pending) {
        snprintf(more, sizeof more, "slot=%u", slot->slot);
        say_hash(j, "story.pending-survived", act, hash, more);
        say_hash(j, "story.no-swap", act, hash, "");
        wrong(j, "mark-survived", hash, &act->at, act->time_us);
    } else if (image != 0) {
        return; // what another core took over need not be listed any more
    } else if (slot) {
        say_hash(j, "story.reverted", act, hash, "seen=0");
        wrong(j, "reverted", hash, &act->at, act->time_us);
    } else {
        say_hash(j, "story.slot1-vanished", act, hash, "pending_before=1");
        say_hash(j, "story.no-swap", act, hash, "");
        wrong(j, "slot-vanished", hash, &act->at, act->time_us);
    }
}

static void add_pending(struct judge *j, uint8_t image, const char *hash)
{
    if (j->n_pending == STORY_SLOTS || !hash[0])
        return;
    j->pending[j->n_pending].image = image;
    memcpy(j->pending[j->n_pending].hash, hash, STORY_HASH + 1);
    j->n_pending++;
}

static void unmarked_after(struct judge *j, const struct story_act *act)
{
    const struct story_slot *was = j->before ? story_list_active(&j->before->list, 0) : NULL;
    const struct story_slot *is = story_list_active(&act->list, 0);

    if (was && is && strcmp(was->hash, is->hash) != 0 &&
        (story_list_hash(&j->before->list, is->hash) || (j->upload && j->upload->finished))) {
        ran(j, act, is);
        return;
    }
    for (size_t i = 0; j->before && i < j->before->list.n; i++) {
        const struct story_slot *slot = &j->before->list.slots[i];

        if (!slot->active && slot->hash[0] && !j->uploaded && !j->erased &&
            !story_list_hash(&act->list, slot->hash)) {
            say_hash(j, "story.slot1-vanished", act, slot->hash, "pending_before=0");
            wrong(j, "slot-vanished", slot->hash, &act->at, act->time_us);
        }
    }
    if (was && is && j->upload && strcmp(was->hash, is->hash) == 0) {
        say_hash(j, "story.no-swap", act, is->hash, "");
        wrong(j, "no-swap", is->hash, &act->at, act->time_us);
    }
}

/* A complete upload, and a list right after it: the image should be there, and nowhere else. */
static void after_upload(struct judge *j, const struct story_act *act)
{
    const struct story_slot *was = story_list_active(&j->prev->list, j->upload->image);
    const struct story_slot *is = story_list_active(&act->list, j->upload->image);

    if (!was || !is || unmarked_mode(j->s))
        return;
    if (was->slot == is->slot && was->hash[0] && is->hash[0] && strcmp(was->hash, is->hash) != 0)
        say_hash(j, "story.active-overwritten", act, is->hash, "");
    else if (!story_list_slot(&act->list, is->image, (uint8_t)(is->slot ^ 1u)))
        story_say(j->s, "story.not-listed", &act->at, act->time_us, NULL, "image=%u slot=%u",
                  is->image, is->slot ^ 1u);
}

static void say_no_mark(struct judge *j)
{
    story_say(j->s, "story.no-mark", &j->reset->at, j->reset->time_us,
              "uploaded and reset, with neither test nor confirm in between", "client=%s",
              story_client(j->reset->dialect));
}

static void take_list(struct judge *j, const struct story_act *act)
{
    if (j->first_of_session) {
        lists(j, act, "first");
        at_start(j, act);
    }
    j->first_of_session = false;
    if (j->prev && j->prev->session != act->session)
        changed_slots(j, act);
    if (!j->reset && j->prev && j->prev->session == act->session && j->upload && !j->listed_since)
        after_upload(j, act);
    j->listed_since = true;
    if (j->reset) {
        lists(j, act, "after-reset");
        for (size_t i = 0; i < j->n_pending; i++)
            pending_after(j, act, j->pending[i].image, j->pending[i].hash);
        if (j->n_pending == 0)
            unmarked_after(j, act);
        if (j->no_mark)
            say_no_mark(j);
        j->reset = NULL;
        j->no_mark = j->uploaded = j->marked = j->erased = false;
        j->upload = NULL;
    }
    j->n_pending = 0; // also of a mark whose answer had no list: this one says what became of it
    if (j->prev)
        look_for_reverts(j, act);
    j->prev = act;
    j->n_lists++;
}

/* ---- the others ---- */

static void take_mark(struct judge *j, const struct story_act *act)
{
    const struct story_slot *active = j->prev ? story_list_active(&j->prev->list, 0) : NULL;
    const struct story_slot *after = story_list_hash(&act->list, act->hash);

    if (active && act->hash[0] && !act->confirm && strcmp(active->hash, act->hash) == 0)
        say_hash(j, "story.already", act, act->hash, "");
    j->marked = true; // or tried: a refusal speaks for itself
    if (!act->done)
        return;
    if (act->own)
        after = story_list_active(&act->list, 0);
    if (after && act->confirm && !after->permanent && !after->confirmed) {
        say_hash(j, "story.confirm-unchanged", act, after->hash, "");
        wrong(j, "unchanged", after->hash, &act->at, act->time_us);
    }
    if (act->hash[0] && j->n_marks < SEEN && !marked_here(j, act->hash) &&
        !find(j->starts, j->n_starts, act->hash)) {
        memcpy(j->marks[j->n_marks], act->hash, sizeof j->marks[0]);
        j->n_marks++;
    }
    if (act->list.n > 0)
        j->prev = act;
    else if (!act->own)
        add_pending(j, 0, act->hash);
}

static void take_upload(struct judge *j, const struct story_act *act)
{
    j->uploaded = j->uploaded || act->sent > 0;
    j->marked = false;
    if (act->finished) {
        j->upload = act;
        j->listed_since = false;
    }
}

static void take_reset(struct judge *j, const struct story_act *act)
{
    j->before = j->prev;
    j->reset = act;
    if (j->prev)
        lists(j, j->prev, "before-reset");
    for (size_t i = 0; j->prev && i < j->prev->list.n && !unmarked_mode(j->s); i++) {
        const struct story_slot *slot = &j->prev->list.slots[i];

        if (slot->pending && !slot->active)
            add_pending(j, slot->image, slot->hash);
    }
    j->no_mark = j->upload && !j->marked && j->n_pending == 0 && !unmarked_mode(j->s);
}

/* ---- the end ---- */

/* Whether somebody set about an update: a list that was merely read proves little. */
static bool tried(const struct judge *j)
{
    unsigned sessions = 0;

    for (size_t i = 0; i < story_n_acts(j->s); i++) {
        enum story_act_kind kind = story_act_at(j->s, i)->kind;

        sessions += kind == ACT_SESSION;
        if (kind == ACT_MARK || kind == ACT_RESET || kind == ACT_UPLOAD)
            return true;
    }
    return sessions > 1 || td_facts_hold(j->s->facts, "smp.request op=write") ||
           td_facts_hold(j->s->facts, "client.state") ||
           td_facts_hold(j->s->facts, "said.nothing-changed") ||
           td_facts_hold(j->s->facts, "boot.no-room") ||
           td_facts_hold(j->s->facts, "client.code n=6");
}

static void at_end(struct judge *j)
{
    char quote[96];
    const struct story_slot *active;

    if (j->reset) {
        story_mark(j->s, "story.not-verified", &j->reset->at, j->reset->time_us,
                   "nothing was asked of the device after its reset");
        if (j->no_mark)
            say_no_mark(j);
    }
    for (size_t i = 0; i < j->n_starts; i++) {
        const struct seen *start = &j->starts[i];

        if (start->settled || !start->running[0])
            continue;
        snprintf(quote, sizeof quote, "%s is pending while %s runs, confirmed", start->hash,
                 start->running);
        story_say(j->s, "story.mark-probably-survived", &start->at, start->time_us, quote,
                  "hash=%s running=%s tried=%d", start->hash, start->running, tried(j));
        wrong(j, "mark-survived", start->hash, &start->at, start->time_us);
    }
    if (!j->prev)
        return;
    story_list_facts(j->s, j->prev, "last");
    active = story_list_active(&j->prev->list, 0);
    if (active && !active->confirmed)
        say_hash(j, "story.trial-running", j->prev, active->hash, "");
}

/* The list says that something is pending; the console, that nothing is. */
static void hidden_marks(struct judge *j)
{
    const struct story_slot *pending = j->prev ? story_list_pending(&j->prev->list) : NULL;
    const struct story_boot *blind = NULL;

    for (size_t i = 0; i < j->s->n_boots; i++) {
        const struct story_boot *b = &j->s->boots[i];

        if (b->secondary.magic == 1 || b->started || b->decided[0] > 1)
            return;
        if (b->secondary.magic == 3 && b->decided[0] == 1)
            blind = b;
    }
    if (!pending || !blind)
        return;
    story_say(j->s, "boot.request-not-seen", &blind->at, blind->time_us, blind->quote, "hash=%s",
              pending->hash);
}

/* An upload that the link did not survive, and that was not finished later. */
static void lost_links(struct judge *j)
{
    static const char *const conditions[] = { "link.down during=first-chunk",
                                              "link.down during=upload" };

    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        size_t at = 0;
        const struct td_fact *fact = td_facts_next(j->s->facts, conditions[i], &at);

        if (fact && !td_facts_hold(j->s->facts, "upload finished=1"))
            wrong(j, "link-lost", "", &fact->first, fact->first_us);
    }
}

/* A file that was given: what runs, or what lies in a slot. */
static void given_files(struct judge *j)
{
    const struct td_fact *image;
    size_t at = 0;

    while (j->prev && (image = td_facts_next(j->s->facts, "image", &at)) != NULL) {
        const char *hash = td_fact_get(image, "hash");
        const struct story_slot *slot;
        char first[STORY_HASH + 1];

        // One that was found in a dump is no file that somebody wants to send.
        if (!hash || td_fact_get(image, "slot"))
            continue;
        snprintf(first, sizeof first, "%s", hash);
        slot = story_list_hash(&j->prev->list, first);
        if (slot && slot->active)
            say_hash(j, "story.already", j->prev, first, "file=1");
        else if (slot)
            story_say(j->s, "story.file-listed", &j->prev->at, j->prev->time_us, NULL,
                      "hash=%s image=%u slot=%u pending=%d", first, slot->image, slot->slot,
                      slot->pending);
    }
}

/*
 * That somebody has two stages and names a file of the bootloader is no fault yet. The first sign
 * that an update of it went wrong is what the rules about such updates stand on, or a configuration
 * with which it has to.
 */
static void failed_b0_update(struct td_story *s)
{
    static const char *const signs[] = {
        "nsib.signature-failed",
        "nsib.key-mismatch",
        "boot.downgrade",
        "boot.refused",
        "boot.wrong-variant",
        "said.key-mismatch",
        "said.update-failed",
        "said.nothing-changed",
        "story.no-swap",
        "story.pending-survived",
        "story.mark-probably-survived",
        "boot.asked-not-done",
        "client.code",
        "client.group-code",
        "option name=MCUBOOT_DOWNGRADE_PREVENTION value=y",
    };

    if (!td_facts_hold(s->facts, "said.b0-update") || !td_facts_hold(s->facts, "two-stage"))
        return;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t at = 0;
        const struct td_fact *sign = td_facts_next(s->facts, signs[i], &at);

        if (sign) {
            story_say(s, "story.b0-update-failed", &sign->first, sign->first_us, sign->quote,
                      "sign='%s'", signs[i]);
            return;
        }
    }
}

/* The same told again by another file: nothing of the first telling lies before it. */
static void tell_again(struct judge *j)
{
    struct judge again = {
        .s = j->s, .n_lists = j->n_lists, .n_slots = j->n_slots, .n_symptoms = j->n_symptoms
    };

    memcpy(again.symptoms, j->symptoms, sizeof again.symptoms);
    *j = again;
}

void story_judge(struct td_story *s)
{
    struct judge j = { .s = s };
    uint16_t file = 0;

    for (size_t i = 0; i < story_n_acts(s); i++) {
        const struct story_act *act = story_act_at(s, i);

        if (act->file != file && story_told_before(s, act->file))
            tell_again(&j);
        file = act->file;
        switch (act->kind) {
        case ACT_SESSION:
            j.session = act->session;
            j.first_of_session = true;
            break;
        case ACT_LIST: take_list(&j, act); break;
        case ACT_UPLOAD: take_upload(&j, act); break;
        case ACT_MARK: take_mark(&j, act); break;
        case ACT_ERASE: j.erased = true; break;
        case ACT_RESET: take_reset(&j, act); break;
        }
    }
    hidden_marks(&j);
    at_end(&j);
    given_files(&j);
    lost_links(&j);
    failed_b0_update(s);
    for (size_t i = 0; i < j.n_symptoms; i++)
        story_ways(s, j.symptoms[i].what, j.symptoms[i].hash, &j.symptoms[i].at,
                   j.symptoms[i].time_us);
    if (j.n_lists)
        story_say(s, "list", &j.prev->at, j.prev->time_us, NULL, "n=%u slots=%u", j.n_lists,
                  j.prev->list.n);
}
