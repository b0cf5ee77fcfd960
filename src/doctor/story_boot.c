/*
 * doctor/story_boot.c - a boot in a console, from the first stage to the application.
 *
 * The lines come one after the other; a line of an earlier stage than the one that was reached
 * begins another boot. What MCUboot prints of the trailers is run through the table of
 * docs/spec/trailer.md, and what it must decide is compared with what it says it decided.
 */
#include "doctor/story_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/phrase.h"
#include "slot/request.h"

/* ---- lines ---- */

static const struct {
    const char *text;
    const char *name;
    const char *says; /* MCUboot starts: swap type test; ... */
} refusals[] = {
    { "Image in the secondary slot is not valid", "invalid", "it finds slot 1 invalid, erases it" },
    { "Image in slot 1 is not valid", "invalid", "it finds slot 1 invalid, erases it" },
    { "erased due to downgrade prevention", "downgrade", "it erases slot 1 as a downgrade" },
    { "Insufficient version in secondary slot", "downgrade", "it erases slot 1 as a downgrade" },
    { "Not enough free space to run swap upgrade", "no-room", "it has no room to swap" },
    { "Cannot upgrade: ", "sectors", "it cannot swap slots that differ" },
    { "Secondary header magic detected in first sector", "wrong-offset",
      "it finds the image in the wrong sector" },
    { "is not designated for the primary slot", "wrong-slot", "the image is for another slot" },
    { "wrong s0/s1 image", "wrong-variant", "the image is for the other of S0 and S1" },
    { "has been built for offset", "wrong-slot", "the image is for another slot" },
    { "lower than monotonic value", "counter", "the security counter is too low" },
    { "Security counter update is not possible", "counter", "the security counter is used up" },
    { "Security counter update failed", "counter", "the security counter cannot be raised" },
    { "Image in the primary slot is not valid", "primary-invalid", "it finds slot 0 invalid" },
    { "Unable to find bootable image", "no-image", "it has nothing to boot" },
    { "Failed to validate, permanently invalidating", "first-stage-invalid", NULL },
    { "Failed to validate signature", "first-stage-invalid", NULL },
};

static const struct {
    const char *text;
    const char *how;
} swaps[] = {
    { "Starting swap using move", "move" },
    { "Starting swap using offset", "offset" },
    { "Starting swap using scratch", "scratch" },
    { "Starting swap using nsib", "nsib" },
    { "upgrade secondary slot -> primary slot", "overwrite" },
    { "Image upgrade slot1 -> slot0", "overwrite" },
};

static const struct {
    const char *name;
    enum td_swap_type type;
} types[] = {
    { "none", TD_SWAP_NONE },
    { "test", TD_SWAP_TEST },
    { "perm", TD_SWAP_PERM },
    { "revert", TD_SWAP_REVERT },
};

static const char *type_name(unsigned type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((unsigned)types[i].type == type)
            return types[i].name;
    return "unknown";
}

static const char *magic_name(unsigned magic)
{
    return magic == TD_MAGIC_GOOD ? "good" : magic == TD_MAGIC_BAD ? "bad" : "unset";
}

/* The one that is going on, begun when none is or this stage was passed already. */
static struct story_boot *boot_at(struct td_story *s, const struct td_event *event,
                                  enum story_stage stage, bool entry)
{
    struct story_boot *b = &s->boot;

    if (s->booting && (stage < b->stage || (entry && stage == b->stage)))
        story_boot_close(s);
    if (!s->booting) {
        memset(b, 0, sizeof *b);
        s->booting = true;
        b->file = event->at.file;
        b->at = event->at;
        b->time_us = event->time_us;
        snprintf(b->quote, sizeof b->quote, "%s", event->line.text);
    }
    b->stage = stage > b->stage ? stage : b->stage;
    return b;
}

/* ---- MCUboot's trailer lines ---- */

static unsigned hex_of(const char *text, const char *key)
{
    const char *found = strstr(text, key);

    return found ? (unsigned)strtoul(found + strlen(key), NULL, 16) & 0xff : 0;
}

static bool trailer(const char *text, const char *whose, struct story_trailer *t)
{
    const char *found = strstr(text, whose);
    const char *magic = found ? strstr(found, "magic=") : NULL;

    if (!magic)
        return false;
    t->magic = strncmp(magic + 6, "good", 4) == 0  ? TD_MAGIC_GOOD
               : strncmp(magic + 6, "bad", 3) == 0 ? TD_MAGIC_BAD
                                                   : TD_MAGIC_UNSET;
    t->swap_type = (uint8_t)hex_of(magic, "swap_type=0x");
    t->copy_done = (uint8_t)hex_of(magic, "copy_done=0x");
    t->image_ok = (uint8_t)hex_of(magic, "image_ok=0x");
    return true;
}

static struct td_trailer_state state_of(const struct story_trailer *t)
{
    return (struct td_trailer_state){
        .magic = t->magic ? (enum td_magic)t->magic : TD_MAGIC_UNSET,
        .image_ok = t->image_ok ? (enum td_flag)t->image_ok : TD_FLAG_UNSET,
        .copy_done = t->copy_done ? (enum td_flag)t->copy_done : TD_FLAG_UNSET,
        .swap_info = TD_FLAG_UNSET,
        .swap_type = TD_SWAP_NONE,
    };
}

/* What MCUboot has to decide from the two trailers that it printed, in a mode. */
static enum td_swap_type must(const struct story_boot *b, enum td_strategy_id mode)
{
    struct td_trailer_state primary = state_of(&b->primary), secondary = state_of(&b->secondary);

    return td_slot_next(TD_SLOT_STOCK, mode, &primary, &secondary);
}

static void decision(struct story_boot *b, const char *text)
{
    const char *found = strstr(text, "Swap type: ");
    const char *index = strstr(text, "Image index: ");
    unsigned image = index ? (unsigned)strtoul(index + 13, NULL, 10) : 0;

    if (!found || image >= STORY_IMAGES)
        return;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        // Some modes print it again once the swap is over: the first one is the decision.
        if (strncmp(found + 11, types[i].name, strlen(types[i].name)) == 0 &&
            b->decided[image] == 0)
            b->decided[image] = (uint8_t)types[i].type;
}

/* The application asks the same code what the next boot will do, and it prints the same. */
static void app_asks(struct td_story *s, const struct td_event *event, const char *text)
{
    struct story_boot said = { 0 };

    decision(&said, text);
    if (!said.decided[0])
        return;
    s->app_decided = said.decided[0];
    s->app_file = event->at.file;
}

/* MCUboot says that it starts: what the application said before is about this boot. */
static void begins(struct td_story *s, struct story_boot *b)
{
    b->bootloader = true;
    if (b->began)
        return;
    b->began = true;
    b->foretold = s->app_file == b->file ? s->app_decided : 0;
    s->app_decided = 0;
}

/* ---- one line ---- */

static bool first_stage(const char *text)
{
    return strstr(text, "Attempting to boot slot") || strstr(text, "Attempting to boot from") ||
           strstr(text, "Verifying signature against key");
}

static bool bootloader_line(struct td_story *s, const struct td_event *event, const char *text)
{
    struct story_trailer t = { 0 };
    bool app = s->booting && s->boot.stage == STAGE_APP;
    struct story_boot *b;

    if (strstr(text, "Starting bootloader") || strstr(text, "Starting Direct-XIP bootloader")) {
        b = boot_at(s, event, STAGE_BOOTLOADER, s->boot.bootloader && s->boot.seen_decision);
        begins(s, b);
        // Older ones print the application's banner before it.
        b->app = false;
        return true;
    }
    if (app) {
        app_asks(s, event, text);
        return false; // no bootloader prints these before it says that it starts
    }
    if (trailer(text, "Primary image: ", &t)) {
        b = boot_at(s, event, STAGE_BOOTLOADER, false);
        if (b->primary.magic == 0)
            b->primary = t;
    } else if (trailer(text, "Secondary image: ", &t)) {
        b = boot_at(s, event, STAGE_BOOTLOADER, false);
        if (b->secondary.magic == 0)
            b->secondary = t;
    } else if (strstr(text, "Swap type: ")) {
        b = boot_at(s, event, STAGE_BOOTLOADER, false);
        decision(b, text);
        if (!b->began && b->secondary.magic == 0)
            app_asks(s, event, text); // nothing of a bootloader so far
    } else {
        return false;
    }
    b->bootloader = b->seen_decision = true;
    return true;
}

static bool refusal_line(struct td_story *s, const struct td_event *event, const char *text)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const char *found = strstr(text, refusals[i].text);

        // A refusal that a sentence quotes is none.
        if (found && event->line.dialect == TD_DIALECT_PLAIN &&
            td_phrase_mentioned(text, (size_t)(found - text)))
            return true;
        if (found) {
            struct story_boot *b =
                boot_at(s, event, s->booting ? s->boot.stage : STAGE_BOOTLOADER, false);

            if (!refusals[i].says)
                b->first_refused = true;
            else if (!b->refused) {
                b->refused = refusals[i].name;
                b->refused_says = refusals[i].says;
            }
            return true;
        }
    }
    return false;
}

static void swap_line(struct td_story *s, const struct td_event *event, const char *text)
{
    for (size_t i = 0; i < sizeof swaps / sizeof *swaps; i++)
        if (strstr(text, swaps[i].text)) {
            struct story_boot *b = boot_at(s, event, STAGE_BOOTLOADER, false);

            b->bootloader = b->seen_decision = true;
            b->started = swaps[i].how;
            return;
        }
}

static void end_line(struct td_story *s, const struct td_event *event, const char *text)
{
    const char *version = strstr(text, "Image version: v");

    if (version && s->booting && s->boot.stage <= STAGE_JUMPED) {
        version += 16;
        snprintf(s->boot.version, sizeof s->boot.version, "%.*s",
                 (int)strspn(version, "0123456789.+"), version);
    }
    if (strstr(text, "Jumping to the first image slot") ||
        strstr(text, "Jumping to the image slot")) {
        struct story_boot *b = boot_at(s, event, STAGE_JUMPED, true);

        b->bootloader = b->jumped = true;
    }
    if (s->booting && strstr(text, "panic!"))
        s->boot.panic = true;
}

/* A banner behind the jump is the application's; before it, that of whoever boots. */
static void banner_line(struct td_story *s, const struct td_event *event, const char *text)
{
    if (strstr(text, "Booting MCUboot")) {
        begins(s, boot_at(s, event, STAGE_BOOTLOADER, true));
        return;
    }
    if (s->booting && s->boot.stage == STAGE_JUMPED) {
        s->boot.app = true;
        s->boot.stage = STAGE_APP;
        return;
    }
    if (s->booting && s->boot.stage < STAGE_JUMPED && s->boot.first_stage)
        return;
    story_boot_close(s);
    boot_at(s, event, STAGE_NONE, false)->app = true;
}

/* Most lines of a long log are of an application's modules, which boot nothing. */
static bool is_other_module(const struct td_line *line)
{
    return line->dialect == TD_DIALECT_ZEPHYR && line->module[0] != '\0' &&
           line->module[0] != 'b' && strstr(line->module, "boot") == NULL;
}

void story_boot_line(struct td_story *s, const struct td_event *event)
{
    const char *text = event->line.text;

    switch (event->line.dialect) {
    case TD_DIALECT_PLAIN:
    case TD_DIALECT_ZEPHYR:
    case TD_DIALECT_CONSOLE:
    case TD_DIALECT_TANDEM: break;
    case TD_DIALECT_NORDIC_ANDROID:
    case TD_DIALECT_NORDIC_IOS:
    case TD_DIALECT_SMPMGR:
    case TD_DIALECT_MCUMGR:
    case TD_DIALECT_AUTERM:
    case TD_DIALECT_CLIENT: return;
    }
    if (is_other_module(&event->line))
        return;
    if (strcmp(event->line.module, "mcuboot_util") == 0) {
        app_asks(s, event, text);
        return;
    }
    if (strstr(text, "*** Booting "))
        banner_line(s, event, text);
    else if (first_stage(text))
        boot_at(s, event, STAGE_FIRST, strstr(text, "boot slot") != NULL && !s->boot.first_refused)
            ->first_stage = true;
    else if (!bootloader_line(s, event, text) && !refusal_line(s, event, text)) {
        swap_line(s, event, text);
        end_line(s, event, text);
    }
}

/* ---- the whole boot ---- */

/* The image that something was decided for; the first one otherwise. */
static unsigned decided(const struct story_boot *b)
{
    for (size_t i = 0; i < STORY_IMAGES; i++)
        if (b->decided[i] > TD_SWAP_NONE)
            return b->decided[i];
    return b->decided[0];
}

static void facts(struct td_story *s, const struct story_boot *b)
{
    unsigned type = decided(b);
    struct story_attrs a = { 0 };

    story_attr(&a, "n", "%u", s->boots_seen);
    story_attr(&a, "mcuboot", "%d", b->bootloader);
    if (type)
        story_attr(&a, "swap_type", "%s", type_name(type));
    if (b->primary.magic) {
        story_attr(&a, "primary_magic", "%s", magic_name(b->primary.magic));
        story_attr(&a, "copy_done", "%u", b->primary.copy_done);
        story_attr(&a, "image_ok", "%u", b->primary.image_ok);
    }
    if (b->secondary.magic)
        story_attr(&a, "secondary_magic", "%s", magic_name(b->secondary.magic));
    if (b->started)
        story_attr(&a, "started_swap", "%s", b->started);
    if (b->version[0])
        story_attr(&a, "version", "%s", b->version);
    story_attr(&a, "jumped", "%d", b->jumped);
    if (b->app)
        story_attr(&a, "app", "1");
    if (b->refused || b->first_refused)
        story_attr(&a, "refused", "%s", b->refused ? b->refused : "first-stage-invalid");
    story_fact(s, "boot", &b->at, b->time_us, b->quote, &a);
}

static void judge(struct td_story *s, const struct story_boot *b)
{
    unsigned type = decided(b);
    bool asked = type == TD_SWAP_TEST || type == TD_SWAP_PERM;

    if (b->refused || b->first_refused || b->panic)
        return;
    if (b->jumped && b->started && type != TD_SWAP_NONE && type != 0)
        story_say(s, "boot.good-swap", &b->at, b->time_us, b->quote, "type=%s", type_name(type));
    else if (b->jumped && !asked)
        story_mark(s, "boot.good", &b->at, b->time_us, b->quote);
    else if (b->jumped && asked && !b->started)
        story_say(s, "boot.asked-not-done", &b->at, b->time_us, b->quote, "type=%s",
                  type_name(type));
    if ((b->foretold == TD_SWAP_TEST || b->foretold == TD_SWAP_PERM) && !b->started &&
        b->secondary.magic == TD_MAGIC_UNSET && b->decided[0] == TD_SWAP_NONE)
        story_say(s, "boot.request-not-seen", &b->at, b->time_us, b->quote, "said=%s",
                  type_name(b->foretold));
    // Several images print several pairs of trailers: only a single one can be compared.
    // Which mode it is, the lines do not say; swap-offset has one row more.
    if (b->primary.magic && b->secondary.magic && b->decided[0] && !b->decided[1] &&
        (unsigned)must(b, TD_MODE_MOVE) != b->decided[0] &&
        (unsigned)must(b, TD_MODE_OFFSET) != b->decided[0])
        story_say(s, "boot.decided-otherwise", &b->at, b->time_us, b->quote, "must=%s did=%s",
                  type_name((unsigned)must(b, TD_MODE_MOVE)), type_name(b->decided[0]));
}

static void steps(struct td_story *s, const struct story_boot *b)
{
    unsigned type = decided(b);
    char end[96] = "";
    const char *who =
        b->first_refused ? "the first stage refuses a slot; MCUboot starts" : "MCUboot starts";

    if (!b->bootloader) {
        story_step(s, 0, &b->at, b->time_us, "%s",
                   b->app             ? "the application starts"
                   : b->first_refused ? "the first stage starts, and refuses a slot"
                                      : "the first stage starts");
        return;
    }
    if (b->version[0])
        snprintf(end, sizeof end, ", and runs version %s", b->version);
    else if (b->jumped)
        snprintf(end, sizeof end, ", and jumps to the application");
    if (b->refused)
        story_step(s, 0, &b->at, b->time_us, "%s: swap type %s; %s%s", who,
                   type ? type_name(type) : "not shown", b->refused_says, end);
    else if (b->started)
        story_step(s, 0, &b->at, b->time_us, "%s: swap type %s, swaps (%s)%s", who,
                   type ? type_name(type) : "not shown", b->started, end);
    else
        story_step(s, 0, &b->at, b->time_us, "%s: %s%s", who,
                   type <= TD_SWAP_NONE ? "nothing is asked of it" : "it is asked for a swap", end);
}

void story_boot_close(struct td_story *s)
{
    struct story_boot *b = &s->boot;

    if (!s->booting)
        return;
    s->booting = false;
    s->boots_seen++;
    facts(s, b);
    judge(s, b);
    steps(s, b);
    if (s->n_boots == STORY_BOOTS) {
        memmove(&s->boots[1], &s->boots[2], (STORY_BOOTS - 2) * sizeof s->boots[0]);
        s->n_boots--;
    }
    s->boots[s->n_boots++] = *b;
    memset(b, 0, sizeof *b);
}
