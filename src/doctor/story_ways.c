/*
 * doctor/story_ways.c - what is left when nothing names the reason: the ways in which this can
 * come about, ordered by what the evidence leaves of them.
 *
 * A way begins with how often it is the one; each condition that holds moves it. Ways are
 * said as facts, and the first three within story.unexplained, unless something at hand names
 * the reason outright.
 */
#include "doctor/story_priv.h"

#include <stdio.h>
#include <string.h>

struct way {
    const char *what, *name;
    int fits; /* points to begin with, of 100 */
    const char *because;
};

struct shift {
    const char *way, *condition;
    int by;
};

static const struct way ways[] = {
    { "mark-survived", "swap-room", 60,
      "the bootloader refuses the swap for lack of room and leaves the mark: the image, or the "
      "running one, reaches into the last sectors of its slot" },
    { "mark-survived", "other-address", 45,
      "application and bootloader disagree on where slot 1 lies, so the bootloader never sees "
      "the mark" },
    { "mark-survived", "no-bootloader", 35,
      "the reset does not pass through this bootloader: an old one is on the board, or none" },
    { "mark-survived", "slots-unequal", 30,
      "the bootloader finds the slots incompatible (sizes, sectors, their number) and leaves the "
      "mark" },
    { "mark-survived", "no-reboot", 20, "the device never rebooted, or only its radio did" },
    { "mark-survived", "marked-again", 15,
      "the image was tried, came back, and was marked once more" },
    { "mark-survived", "refused", 5,
      "a refused image (signature, version) would have been erased, its mark with it" },

    { "slot-vanished", "invalid", 65,
      "the bootloader found the image invalid and erased it: signing key, damaged transfer, "
      "wrong file" },
    { "slot-vanished", "downgrade", 35,
      "downgrade prevention: the version or security counter is lower than what runs" },
    { "slot-vanished", "wrong-place", 20,
      "the image was built for another slot or core, and was erased" },
    { "slot-vanished", "unreadable", 15,
      "the application cannot read slot 1: external flash, or another partition table" },
    { "slot-vanished", "erased", 5, "somebody asked for the erase" },

    { "reverted", "not-confirmed", 60,
      "the new image ran and was not confirmed before the next reset" },
    { "reverted", "crashed", 45,
      "the new image crashed or its watchdog bit before it could be confirmed" },
    { "reverted", "cleared", 15,
      "the mark was cleared without a swap, by an erase or a new "
      "upload" },

    { "no-swap", "not-marked", 60,
      "nobody asked for the swap: no mark was set between the upload and the reset" },
    { "no-swap", "refused-at-boot", 40,
      "the bootloader looked at the image and refused it; its console says why" },
    { "no-swap", "version", 25,
      "the bootloader takes the higher version by itself, and the new one is not higher" },
    { "no-swap", "no-bootloader", 20,
      "the reset does not pass through this bootloader: an old one is on the board, or none" },

    { "link-lost", "erase", 40,
      "the erase of the slot kept radio or processor busy for longer than the supervision "
      "time-out" },
    { "link-lost", "device-reset", 40,
      "the device crashed or its watchdog bit while it received: stack or buffers too small" },
    { "link-lost", "range", 30,
      "the radio link itself: distance, interference, a phone that "
      "saves power" },
    { "link-lost", "other-side", 10, "one side closed the link on purpose" },

    { "unchanged", "mark-is-test", 70,
      "the slot was marked for a test already; an older server hands the request on, MCUboot "
      "does nothing with it, and both answer with success" },
    { "unchanged", "flash-error", 20, "the flash write failed and the server swallowed the error" },
    { "unchanged", "other-trailer", 15,
      "the trailer is unreadable for this application: alignment or address differ from those "
      "of the bootloader" },
};

static const struct shift shifts[] = {
    { "swap-room", "boot refused=no-room", 40 },
    { "swap-room", "boot.no-room", 40 },
    { "swap-room", "boot.request-not-seen", -50 },
    { "swap-room", "boot.swap-started", -40 },
    { "swap-room", "bootloader mode=2", -40 },
    { "swap-room", "layout.issue harm=error", 5 },
    { "other-address", "boot.request-not-seen", 50 },
    { "other-address", "boot secondary_magic=good", -35 },
    { "other-address", "boot refused=no-room", -35 },
    { "no-bootloader", "boot mcuboot=1", -30 },
    { "no-bootloader", "boot mcuboot=0 app=1", 30 },
    { "no-bootloader", "bootloader name=MCUboot", -5 },
    { "slots-unequal", "boot refused=sectors", 65 },
    { "slots-unequal", "boot secondary_magic=good", -5 },
    { "no-reboot", "link.down during=after-reset", -15 },
    { "no-reboot", "reset answered=0", 10 },
    { "no-reboot", "link.down during=after-reset late=1", 45 },
    { "no-reboot", "boot mcuboot=1", -15 },
    { "marked-again", "story.swapped", 20 },
    { "marked-again", "boot swap_type=revert", 40 },
    { "refused", "boot refused=invalid", 30 },
    { "invalid", "boot refused=invalid", 30 },
    { "invalid", "upload match=0", 25 },
    { "invalid", "upload backwards>0", 5 },
    { "invalid", "boot refused=downgrade", -50 },
    { "downgrade", "boot refused=downgrade", 60 },
    { "downgrade", "boot refused=invalid", -30 },
    { "downgrade", "bootloader no_downgrade=1", 20 },
    { "downgrade", "option name=MCUBOOT_DOWNGRADE_PREVENTION value=y", 25 },
    { "wrong-place", "boot refused=wrong-slot", 70 },
    { "wrong-place", "boot refused=wrong-variant", 70 },
    { "wrong-place", "boot refused=wrong-offset", 70 },
    { "erased", "smp.request op=write group=1 id=5", 60 },
    { "not-confirmed", "state.write kind=confirm own=1", -25 },
    { "not-confirmed", "story.trial-running", 10 },
    { "crashed", "state.write kind=confirm own=1", 5 },
    { "crashed", "app.fault", 45 },
    { "cleared", "boot swap_type=revert", -15 },
    { "not-marked", "story.no-mark", 35 },
    { "not-marked", "state.write kind=test", -40 },
    { "not-marked", "state.write kind=confirm", -20 },
    { "refused-at-boot", "boot refused~-", 20 },
    { "refused-at-boot", "boot refused=invalid", 50 },
    { "refused-at-boot", "story.no-mark", -30 },
    { "version", "bootloader mode=4", 50 },
    { "version", "bootloader mode=5", 40 },
    { "version", "bootloader mode=6", 50 },
    { "version", "bootloader mode=3", -20 },
    { "no-bootloader", "story.no-mark", -15 },
    { "erase", "link.down during=first-chunk", 35 },
    { "erase", "link.down during=upload", -25 },
    { "device-reset", "link.down during=upload", 15 },
    { "device-reset", "boot n>=2", 20 },
    { "device-reset", "app.fault", 50 },
    { "range", "link.down during=upload", 15 },
    { "range", "link.down during=first-chunk", -10 },
    { "other-side", "link.down status=19", 45 },
    { "other-side", "link.down status=22", 45 },
    { "mark-is-test", "server generation=new", -60 },
    { "mark-is-test", "state.write kind=confirm pending_before=1", 20 },
    { "mark-is-test", "state.write kind=confirm pending_before=0", -40 },
    { "flash-error", "state.write kind=confirm own=1", 30 },
};

/* With one of these at hand the reason has a name. */
static const struct {
    const char *what, *condition;
} named[] = {
    { "mark-survived", "boot refused=no-room" },
    { "mark-survived", "boot refused=sectors" },
    { "mark-survived", "boot.request-not-seen" },
    { "slot-vanished", "boot refused=invalid" },
    { "slot-vanished", "boot refused=downgrade" },
    { "slot-vanished", "boot refused=wrong-slot" },
    { "slot-vanished", "boot refused=wrong-variant" },
    { "slot-vanished", "boot refused=counter" },
    { "slot-vanished", "smp.request op=write group=1 id=5" },
    { "reverted", "app.fault" },
    { "unchanged", "server generation=old" },
    { "no-swap", "story.no-mark" },
    { "no-swap", "boot refused=invalid" },
    { "no-swap", "boot refused=downgrade" },
    { "link-lost", "app.fault" },
};

#define WAYS (sizeof ways / sizeof *ways)

static int fits(const struct td_story *s, const struct way *way)
{
    int points = way->fits;

    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++)
        if (strcmp(shifts[i].way, way->name) == 0 && td_facts_hold(s->facts, shifts[i].condition))
            points += shifts[i].by;
    return points < 0 ? 0 : points > 99 ? 99 : points;
}

static bool has_name(const struct td_story *s, const char *what)
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (strcmp(named[i].what, what) == 0 && td_facts_hold(s->facts, named[i].condition))
            return true;
    return false;
}

void story_ways(struct td_story *s, const char *what, const char *hash, const struct td_place *at,
                int64_t time_us)
{
    const struct way *order[WAYS];
    int points[WAYS];
    struct story_attrs unexplained = { 0 };
    size_t n = 0;

    for (size_t i = 0; i < WAYS; i++) {
        int p = fits(s, &ways[i]);
        size_t k = n;

        if (strcmp(ways[i].what, what) != 0)
            continue;
        for (; k > 0 && points[k - 1] < p; k--) {
            points[k] = points[k - 1];
            order[k] = order[k - 1];
        }
        points[k] = p;
        order[k] = &ways[i];
        n++;
    }
    story_attr(&unexplained, "what", "%s", what);
    if (hash[0])
        story_attr(&unexplained, "hash", "%s", hash);
    for (size_t i = 0; i < n; i++) {
        struct story_attrs a = { 0 };
        char key[8];

        story_attr(&a, "name", "%s", order[i]->name);
        story_attr(&a, "of", "%s", what);
        story_attr(&a, "rank", "%zu", i + 1);
        story_attr(&a, "fits", "%d", points[i]);
        story_attr_text(&a, "because", order[i]->because);
        story_fact(s, "story.way", at, time_us, NULL, &a);
        snprintf(key, sizeof key, "way%zu", i + 1);
        if (i < 3)
            story_attr_text(&unexplained, key, order[i]->because);
    }
    if (!has_name(s, what))
        story_fact(s, "story.unexplained", at, time_us, NULL, &unexplained);
}
