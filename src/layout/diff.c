/*
 * layout/diff.c - first what changed, then what the deployed bootloader makes of it.
 *
 * The old layout's bootloader decides: it is on the devices. Each consequence says which way it
 * leaves open, and the worst of them is the verdict.
 */
#include "layout/diff.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "layout/check_priv.h"

struct comparing {
    const struct td_layout *from, *to;
    const struct td_layout_env *env;
    struct td_layout_diff *diff;
    unsigned old_stages, new_stages;
};

const char *td_change_name(enum td_change_kind kind)
{
    static const char *const words[] = { "same",  "moved",  "resized", "moved-and-resized",
                                         "added", "removed" };

    return (unsigned)kind < 6 ? words[kind] : "same";
}

const char *td_way_name(enum td_way way)
{
    static const char *const words[] = { "over-the-air", "with-care", "bootloader-first", "cable" };

    return (unsigned)way < 4 ? words[way] : "cable";
}

static void say(struct comparing *c, const char *rule, enum td_way way, const char *remedy,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void say(struct comparing *c, const char *rule, enum td_way way, const char *remedy,
                const char *fmt, ...)
{
    struct td_layout_diff *d = c->diff;
    size_t at = d->n_consequences;
    va_list args;

    if (way > d->way)
        d->way = way;
    if (at == TD_CONSEQUENCES)
        return;
    while (at > 0 && d->consequences[at - 1].way < way) {
        d->consequences[at] = d->consequences[at - 1];
        at--;
    }
    d->n_consequences++;
    d->consequences[at].rule = rule;
    d->consequences[at].way = way;
    (void)snprintf(d->consequences[at].remedy, sizeof d->consequences[at].remedy, "%s", remedy);
    va_start(args, fmt);
    (void)vsnprintf(d->consequences[at].text, sizeof d->consequences[at].text, fmt, args);
    va_end(args);
}

/* ---- what changed -------------------------------------------------------------------- */

static enum td_change_kind change_of(const struct td_partition *a, const struct td_partition *b)
{
    bool moved = a->addr != b->addr, other = strcmp(a->region, b->region) != 0;

    if (other || (moved && a->size != b->size))
        return TD_CHANGE_BOTH;
    if (moved)
        return TD_CHANGE_MOVED;
    return a->size != b->size ? TD_CHANGE_RESIZED : TD_CHANGE_SAME;
}

static void list_changes(struct comparing *c)
{
    struct td_layout_diff *d = c->diff;

    for (size_t i = 0; i < c->from->n; i++) {
        const struct td_partition *a = &c->from->at[i];
        const struct td_partition *b = td_layout_find(c->to, a->domain, a->name);
        struct td_change change = { b != NULL ? change_of(a, b) : TD_CHANGE_REMOVED, a, b };

        if (change.kind == TD_CHANGE_SAME)
            d->n_same++;
        else
            d->changes[d->n_changes++] = change;
    }
    for (size_t i = 0; i < c->to->n; i++) {
        const struct td_partition *b = &c->to->at[i];

        if (td_layout_find(c->from, b->domain, b->name) == NULL)
            d->changes[d->n_changes++] = (struct td_change){ TD_CHANGE_ADDED, NULL, b };
    }
}

/* Both of a role; false when either is missing. */
static bool both(const struct comparing *c, enum td_role role, unsigned image,
                 const struct td_partition **a, const struct td_partition **b)
{
    *a = td_layout_role(c->from, role, image);
    *b = td_layout_role(c->to, role, image);
    return *a != NULL && *b != NULL;
}

static bool differ(const struct td_partition *a, const struct td_partition *b)
{
    return change_of(a, b) != TD_CHANGE_SAME;
}

/* ---- the stages ---------------------------------------------------------------------- */

static void compare_stages(struct comparing *c)
{
    if (c->old_stages < 2 && c->new_stages == 2)
        say(c, "stage-added", TD_WAY_CABLE,
            "program the merged image of the new build, with its provision data, by cable; or stay "
            "with one stage for devices in the field",
            "one stage becomes two. b0 has to stand at the reset address, where MCUboot is now, "
            "and its provision data (slot addresses, key fingerprints) in a page or OTP that only "
            "a "
            "programmer writes; no update writes either, and MCUboot protects its own range "
            "before it starts the application");
    else if (c->old_stages == 2 && c->new_stages < 2)
        say(c, "stage-removed", TD_WAY_CABLE, "keep b0 and S0/S1 in the new layout",
            "two stages become one. b0 is locked and stays on the devices; it goes on starting "
            "what lies in S0 or S1, and nothing that is built without it is found there");
    else if (c->old_stages == 0 && c->new_stages > 0)
        say(c, "bootloader-added", TD_WAY_CABLE, "program the merged image once by cable",
            "there was no bootloader: an application cannot put one under itself");
    else if (c->old_stages > 0 && c->new_stages == 0)
        say(c, "bootloader-removed", TD_WAY_CABLE, "keep the bootloader's partition",
            "the bootloader goes: the one on the devices stays, and refuses an image that was "
            "built for another address and without a header");
}

static void compare_b0(struct comparing *c)
{
    const struct td_partition *a, *b;

    if (both(c, TD_ROLE_B0, 0, &a, &b) && differ(a, b))
        say(c, "b0-changed", TD_WAY_CABLE, "leave b0 where it is, with its size",
            "b0 is immutable: 0x%x (0x%x bytes) is where it is on the devices, and stays",
            (unsigned)a->addr, (unsigned)a->size);
    if (both(c, TD_ROLE_PROVISION, 0, &a, &b) && (a->addr != b->addr || b->size < a->size))
        say(c, "provision-changed", TD_WAY_CABLE, "leave it where it is",
            "provision data lie at 0x%x on the devices; a b0 of the new build looks at 0x%x, and "
            "only a programmer could write them there",
            (unsigned)a->addr, (unsigned)b->addr);
    for (int s = 0; s < 2; s++) {
        enum td_role role = s == 0 ? TD_ROLE_S0 : TD_ROLE_S1;

        if (both(c, role, 0, &a, &b) && a->addr != b->addr)
            say(c, s == 0 ? "s0-moved" : "s1-moved", TD_WAY_CABLE,
                "leave S0 and S1 where the provision data say",
                "s%d moves from 0x%x to 0x%x, but its address stands in the provision data: b0 "
                "goes on looking at the old one and finds no fw_info there",
                s, (unsigned)a->addr, (unsigned)b->addr);
        else if (both(c, role, 0, &a, &b) && a->size != b->size)
            say(c, s == 0 ? "s0-resized" : "s1-resized", TD_WAY_CABLE, "keep the size of S0 and S1",
                "s%d is 0x%x bytes on the devices and would be 0x%x: what follows it moves, and "
                "the bootloader that is there copies the old size",
                s, (unsigned)a->size, (unsigned)b->size);
    }
}

static void compare_boot(struct comparing *c)
{
    const struct td_partition *a, *b;

    if (c->old_stages != c->new_stages || !both(c, TD_ROLE_BOOT, 0, &a, &b) || !differ(a, b))
        return;
    if (c->old_stages == 2)
        say(c, "mcuboot-moved", TD_WAY_CABLE, "leave it where S0 has it",
            "MCUboot moves from 0x%x (0x%x bytes) to 0x%x (0x%x)", (unsigned)a->addr,
            (unsigned)a->size, (unsigned)b->addr, (unsigned)b->size);
    else if (b->addr != a->addr || b->size < a->size)
        say(c, "bootloader-changed", TD_WAY_OTA_CARE,
            "devices in the field keep their bootloader; new ones may get another",
            "the bootloader's partition changes (0x%x bytes at 0x%x, now 0x%x at 0x%x). The one on "
            "the devices is not replaced by an update",
            (unsigned)a->size, (unsigned)a->addr, (unsigned)b->size, (unsigned)b->addr);
    else
        say(c, "bootloader-grown", TD_WAY_OTA_CARE,
            "a new bootloader comes by cable, and with it the new layout",
            "the bootloader's partition grows from 0x%x to 0x%x bytes; what is on the devices "
            "stays as it is",
            (unsigned)a->size, (unsigned)b->size);
}

/* ---- the slots ----------------------------------------------------------------------- */

/* Who could change the deployed bootloader's mind: with two stages, an update of MCUboot. */
static const char *slot_remedy(const struct comparing *c)
{
    return c->old_stages == 2
               ? "send the new MCUboot first, while the old layout still holds, and the "
                 "application after it; try the order on a device with a debugger"
               : "keep the old layout for devices in the field (pm_static.yml), or visit them "
                 "with a cable";
}

static enum td_way slot_way(const struct comparing *c)
{
    return c->old_stages == 2 ? TD_WAY_BOOTLOADER : TD_WAY_CABLE;
}

static void compare_primary(struct comparing *c)
{
    const struct td_partition *a, *b;

    if (!both(c, TD_ROLE_PRIMARY, 0, &a, &b))
        return;
    if (a->addr != b->addr)
        say(c, "primary-moved", slot_way(c), slot_remedy(c),
            "the primary slot moves from 0x%x to 0x%x. The bootloader on the devices puts the new "
            "image at 0x%x, where it was not built for: it crashes or does not start",
            (unsigned)a->addr, (unsigned)b->addr, (unsigned)a->addr);
    else if (b->size > a->size)
        say(c, "primary-grown", TD_WAY_OTA_CARE,
            "keep images within the old slots' room until every bootloader is new",
            "the primary slot grows from 0x%x to 0x%x bytes. The bootloader on the devices still "
            "takes no more than the old size",
            (unsigned)a->size, (unsigned)b->size);
    else if (b->size < a->size)
        say(c, "primary-shrunk", TD_WAY_OTA_CARE,
            "make sure that nothing now lies where the old slot ended",
            "the primary slot shrinks from 0x%x to 0x%x bytes, and the bootloader on the devices "
            "goes on writing its trailer at the old end (0x%llx)",
            (unsigned)a->size, (unsigned)b->size, (unsigned long long)td_partition_end(a));
}

static void compare_secondary(struct comparing *c)
{
    const struct td_partition *a, *b;

    if (!both(c, TD_ROLE_SECONDARY, 0, &a, &b)) {
        if (a != NULL || b != NULL)
            say(c, a != NULL ? "secondary-removed" : "secondary-added", slot_way(c), slot_remedy(c),
                "the secondary slot %s; the bootloader on the devices goes on as it was built",
                a != NULL ? "goes" : "is new");
        return;
    }
    if (a->addr != b->addr || strcmp(a->region, b->region) != 0)
        say(c, "secondary-moved", slot_way(c), slot_remedy(c),
            "the secondary slot moves from %s 0x%x to %s 0x%x. The update that brings the new "
            "layout still comes through the old application; from then on uploads are written to "
            "0x%x, while the bootloader goes on looking at 0x%x: the mark is accepted, the device "
            "resets, and nothing changes",
            a->region, (unsigned)a->addr, b->region, (unsigned)b->addr, (unsigned)b->addr,
            (unsigned)a->addr);
    else if (a->size != b->size)
        say(c, "secondary-resized", slot_way(c), slot_remedy(c),
            "the secondary slot is 0x%x bytes for the bootloader on the devices and 0x%x for the "
            "new application. Marks are written at the end of the slot: the bootloader looks "
            "for them at 0x%llx, and sees none",
            (unsigned)a->size, (unsigned)b->size, (unsigned long long)td_partition_end(a));
}

static void compare_scratch(struct comparing *c)
{
    const struct td_partition *a, *b;

    if (both(c, TD_ROLE_SCRATCH, 0, &a, &b)) {
        if (differ(a, b))
            say(c, "scratch-changed", TD_WAY_OTA_CARE, "leave it where it is",
                "the bootloader on the devices swaps through 0x%x to 0x%llx, whatever the new "
                "layout puts there",
                (unsigned)a->addr, (unsigned long long)td_partition_end(a));
    } else if (a != NULL) {
        say(c, "scratch-removed", TD_WAY_CABLE, "keep the scratch partition",
            "the bootloader on the devices swaps through 0x%x to 0x%llx; what the new layout puts "
            "there is overwritten by every update",
            (unsigned)a->addr, (unsigned long long)td_partition_end(a));
    } else if (b != NULL) {
        say(c, "scratch-added", TD_WAY_OTA_CARE, "new bootloaders come by cable",
            "a scratch partition is new; the bootloader on the devices does not use one");
    }
}

/* What the old bootloader writes to, and the new layout gives to somebody else. */
static void compare_trailers(struct comparing *c)
{
    static const enum td_role roles[] = { TD_ROLE_PRIMARY, TD_ROLE_SECONDARY };

    for (size_t r = 0; r < 2; r++) {
        const struct td_partition *slot = td_layout_role(c->from, roles[r], 0);

        for (size_t i = 0; slot != NULL && i < c->to->n; i++) {
            const struct td_partition *p = &c->to->at[i];

            const struct td_partition *before = td_layout_find(c->from, p->domain, p->name);

            // What lay there before is a fault of the old layout, and not of the move.
            if (!td_partition_is_storage(p) || !td_partition_overlaps(slot, p) ||
                (before != NULL && !differ(before, p)))
                continue;
            say(c, "storage-over-old-slot", TD_WAY_CABLE,
                "keep storage out of the range that the old slots have",
                "%s at 0x%x lies in what the bootloader on the devices has as %s (0x%x to "
                "0x%llx). It takes what stands there for a trailer: an immediate revert, or no "
                "update at all, and an update erases the storage",
                p->name, (unsigned)p->addr, slot->name, (unsigned)slot->addr,
                (unsigned long long)td_partition_end(slot));
        }
    }
}

static void compare_storage(struct comparing *c)
{
    for (size_t i = 0; i < c->from->n; i++) {
        const struct td_partition *a = &c->from->at[i];
        const struct td_partition *b = td_layout_find(c->to, a->domain, a->name);

        if (!td_partition_is_storage(a))
            continue;
        if (b == NULL)
            say(c, "storage-removed", TD_WAY_OTA_CARE, "keep it, or carry over what it holds",
                "%s goes, and what is stored in it (settings, bonds, files) with it", a->name);
        else if (differ(a, b))
            say(c, "storage-moved", TD_WAY_OTA_CARE,
                "leave it where it is; or read the old place once and write the new one, before "
                "the new application confirms itself",
                "%s is at 0x%x (0x%x bytes) on the devices and at 0x%x (0x%x) in the new layout: "
                "settings and bonds are lost, and after a revert the old application finds its "
                "own place as it left it",
                a->name, (unsigned)a->addr, (unsigned)a->size, (unsigned)b->addr,
                (unsigned)b->size);
    }
}

/* ---- the network core ---------------------------------------------------------------- */

static void compare_net(struct comparing *c)
{
    const struct td_partition *a = td_layout_find(c->from, "", "pcd_sram");
    const struct td_partition *b = td_layout_find(c->to, "", "pcd_sram");

    if (a != NULL && b != NULL && a->addr != b->addr)
        say(c, "pcd-moved", c->old_stages == 2 ? TD_WAY_OTA_CARE : TD_WAY_CABLE,
            "pin pcd_sram to the old address in pm_static.yml",
            "pcd_sram moves from 0x%x to 0x%x. b0n on the devices looks at the old address for "
            "ever: a MCUboot with the new one waits for it without end in a network core update",
            (unsigned)a->addr, (unsigned)b->addr);
    a = td_layout_find(c->from, "CPUNET", "b0n_container");
    b = td_layout_find(c->to, "CPUNET", "b0n_container");
    if (a != NULL && b != NULL && differ(a, b))
        say(c, "b0n-changed", TD_WAY_CABLE, "leave it where it is, with its size",
            "b0n is immutable: it goes on copying updates to 0x%llx",
            (unsigned long long)td_partition_end(a));
    else if ((a == NULL) != (b == NULL) && b != NULL &&
             td_layout_find(c->from, "CPUNET", "app") != NULL)
        say(c, "b0n-added", TD_WAY_CABLE, "program the network core once by cable",
            "the network core gets a bootloader: it starts at an address that only a programmer "
            "reaches");
}

/* ---- the verdict --------------------------------------------------------------------- */

static void compare_growth(struct comparing *c)
{
    struct td_layout_room rooms[TD_LAYOUT_ROOMS];
    size_t n = td_layout_rooms(c->from, c->env, rooms);
    enum td_strategy_id mode = td_layout_strategy(c->from, c->env);

    if (c->diff->way == TD_WAY_CABLE || c->env->image_size == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (rooms[i].strategy == mode && rooms[i].err == TD_OK && c->env->image_size > rooms[i].max)
            say(c, "image-too-large", TD_WAY_CABLE, "make it fit into the old slots",
                "the image has %u bytes, and the bootloader on the devices takes at most %u with "
                "%s",
                (unsigned)c->env->image_size, (unsigned)rooms[i].max, td_mode_name(mode));
    }
}

static void conclude(struct td_layout_diff *d)
{
    static const char *const words[] = {
        "yes: devices with the first layout can be updated over the air to the second",
        "yes, with care: over the air, under the conditions above",
        "only with a new MCUboot first, then the application; until then the old layout holds",
        "no: devices with the first layout need a cable (a debugger) for the second",
    };

    (void)snprintf(d->verdict, sizeof d->verdict, "%s",
                   d->n_changes == 0 ? "yes: nothing changes" : words[d->way]);
}

void td_layout_compare(const struct td_layout *from, const struct td_layout *to,
                       const struct td_layout_env *env, struct td_layout_diff *diff)
{
    struct comparing c = { from, to, env, diff, td_layout_stages(from), td_layout_stages(to) };

    memset(diff, 0, sizeof *diff);
    list_changes(&c);
    compare_stages(&c);
    compare_storage(&c);
    // Who comes with a programmer writes everything anew: where the slots were is of no interest.
    if (c.old_stages == c.new_stages) {
        compare_b0(&c);
        compare_boot(&c);
        compare_primary(&c);
        compare_secondary(&c);
        compare_scratch(&c);
        compare_trailers(&c);
    }
    compare_net(&c);
    compare_growth(&c);
    conclude(diff);
}
