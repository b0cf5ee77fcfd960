/*
 * layout/check_slots.c - the pairs of slots: equal or not, room for which image, with which way
 * of updating. The arithmetic is slot/room.h's.
 */
#include "layout/check_priv.h"

#include <ctype.h>
#include <string.h>

#include "base/range.h"

#define USUAL_EXTERNAL_SECTOR 4096u

#define USUAL_MAX_SECTORS 128

static uint32_t sector_of(const struct td_layout_env *env, const struct td_soc *soc)
{
    if (env->sector != 0)
        return env->sector;
    return soc != NULL ? soc->page : 0;
}

/* Series of serial flashes that are erased in sectors of 4 KB, by their data sheets. */
static bool is_known_series(const char *device)
{
    static const char *const series[] = { "mx25", "gd25", "w25q", "is25lp", "at25" };

    for (size_t i = 0; i < TD_N_OF(series); i++) {
        for (const char *at = device; *at != '\0'; at++) {
            size_t n = 0;

            while (series[i][n] != '\0' && tolower((unsigned char)at[n]) == series[i][n])
                n++;
            if (series[i][n] == '\0')
                return true;
        }
    }
    return false;
}

uint32_t td_layout_external_sector(const struct td_partition *part, const struct td_layout_env *env,
                                   bool *assumed)
{
    *assumed = false;
    if (env->external_sector != 0)
        return env->external_sector;
    if (is_known_series(part->device))
        return USUAL_EXTERNAL_SECTOR;
    if (env->sector != 0)
        return env->sector;
    *assumed = true;
    return USUAL_EXTERNAL_SECTOR;
}

/* Of a slot: its own flash's. */
static uint32_t slot_sector(const struct td_partition *slot, const struct td_layout_env *env,
                            uint32_t internal_sector)
{
    bool assumed;

    if (slot == NULL || !td_partition_is_external(slot))
        return internal_sector;
    return td_layout_external_sector(slot, env, &assumed);
}

enum td_strategy_id td_layout_strategy(const struct td_layout *layout,
                                       const struct td_layout_env *env)
{
    if (env->has_strategy)
        return env->strategy;
    if (td_layout_role(layout, TD_ROLE_SECONDARY, 0) == NULL)
        return TD_MODE_SINGLE;
    return td_layout_role(layout, TD_ROLE_SCRATCH, 0) != NULL ? TD_MODE_SCRATCH : TD_MODE_MOVE;
}

enum td_err td_layout_geometry(const struct td_layout *layout, const struct td_layout_env *env,
                               struct td_room_geometry *g)
{
    const struct td_partition *p = td_layout_role(layout, TD_ROLE_PRIMARY, env->image);
    const struct td_partition *x = td_layout_role(layout, TD_ROLE_SECONDARY, env->image);
    const struct td_partition *scratch = td_layout_role(layout, TD_ROLE_SCRATCH, 0);
    bool sure;
    const struct td_soc *soc = td_layout_soc(layout, env, &sure);
    uint32_t sector = sector_of(env, soc), smallest, most;

    memset(g, 0, sizeof *g);
    if (p == NULL || sector == 0)
        return TD_ENOTFOUND;
    g->primary_size = p->size;
    g->secondary_size = x != NULL ? x->size : 0;
    g->primary_sector = slot_sector(p, env, sector);
    g->secondary_sector = slot_sector(x, env, sector);
    smallest = td_min_u32(g->primary_sector, g->secondary_sector);
    most = (td_max_u32(p->size, g->secondary_size) + smallest - 1) / smallest;
    g->scratch_size = scratch != NULL ? scratch->size : 0;
    g->write_size = env->write_size != 0 ? env->write_size : soc != NULL ? soc->write_size : 4;
    g->max_align =
        env->max_align != 0 ? env->max_align : (uint8_t)(g->write_size > 8 ? g->write_size : 8);
    g->max_sectors = env->max_sectors != 0
                         ? env->max_sectors
                         : (uint16_t)td_min_u32(td_max_u32(most, USUAL_MAX_SECTORS), UINT16_MAX);
    return TD_OK;
}

/* Each way once. */
static void add_room(const struct td_room_geometry *g, enum td_strategy_id mode,
                     struct td_layout_room rooms[TD_LAYOUT_ROOMS], size_t *n)
{
    for (size_t i = 0; i < *n; i++) {
        if (rooms[i].strategy == mode)
            return;
    }
    rooms[*n].strategy = mode;
    rooms[*n].err = td_room_max_image(mode, g, &rooms[*n].max);
    (*n)++;
}

size_t td_layout_rooms(const struct td_layout *layout, const struct td_layout_env *env,
                       struct td_layout_room rooms[TD_LAYOUT_ROOMS])
{
    static const enum td_strategy_id pair[] = {
        TD_MODE_MOVE,      TD_MODE_OFFSET, TD_MODE_SCRATCH,
        TD_MODE_OVERWRITE, TD_MODE_XIP,    TD_MODE_RAM_LOAD
    };
    static const enum td_strategy_id alone[] = { TD_MODE_SINGLE, TD_MODE_LOADER };
    struct td_room_geometry g;
    const enum td_strategy_id *modes = pair;
    size_t n_modes = TD_N_OF(pair), n = 0;

    if (td_layout_geometry(layout, env, &g) != TD_OK)
        return 0;
    if (g.secondary_size == 0) {
        modes = alone;
        n_modes = TD_N_OF(alone);
    }
    for (size_t i = 0; i < n_modes; i++) {
        if (modes[i] == TD_MODE_SCRATCH && g.scratch_size == 0)
            continue;
        add_room(&g, modes[i], rooms, &n);
    }
    if (env->has_strategy)
        add_room(&g, env->strategy, rooms, &n);
    return n;
}

/* ---- the pairs ----------------------------------------------------------------------- */

static bool internal(const struct td_partition *p)
{
    return td_partition_is_flash(p);
}

/* Whether the two slots have to do with one another. */
static bool needs_pair(enum td_strategy_id mode)
{
    return mode != TD_MODE_SINGLE && mode != TD_MODE_SINGLE_RAM && mode != TD_MODE_LOADER;
}

/* What a difference in size means for the way of updating, when that is known. */
static void check_unequal(struct checking *c, const struct td_partition *p,
                          const struct td_partition *x)
{
    uint32_t sector = sector_of(c->env, c->soc);
    bool one_more_p = sector != 0 && p->size == x->size + sector;
    bool one_more_x = sector != 0 && x->size == p->size + sector;
    enum td_strategy_id mode = td_layout_strategy(c->layout, c->env);
    static const char *remedy =
        "give both slots the same size, and keep the old layout for devices "
        "in the field";

    if (p->size == x->size || !needs_pair(mode))
        return;
    if ((one_more_p && mode == TD_MODE_MOVE) || (one_more_x && mode == TD_MODE_OFFSET)) {
        td_layout_issue(c, TD_LAYOUT_UNEQUAL, TD_HARM_NOTE, x, "",
                        "%s has one sector more than %s, which %s needs for itself; every other "
                        "way of updating wants them equal",
                        one_more_p ? p->name : x->name, one_more_p ? x->name : p->name,
                        td_mode_name(mode));
        return;
    }
    if (one_more_x && !c->env->has_strategy) {
        td_layout_issue(c, TD_LAYOUT_UNEQUAL, TD_HARM_WARNING, x, remedy,
                        "%s has one sector more than %s: right for swap-offset, and refused by "
                        "every other way of updating",
                        x->name, p->name);
        return;
    }
    if (mode == TD_MODE_XIP || mode == TD_MODE_XIP_REVERT || mode == TD_MODE_RAM_LOAD) {
        td_layout_issue(c, TD_LAYOUT_UNEQUAL, TD_HARM_NOTE, x, "",
                        "%s (0x%x) and %s (0x%x) differ in size; with %s the smaller one decides",
                        p->name, (unsigned)p->size, x->name, (unsigned)x->size, td_mode_name(mode));
        return;
    }
    td_layout_issue(c, TD_LAYOUT_UNEQUAL, TD_HARM_ERROR, x, remedy,
                    "%s is 0x%x bytes and %s 0x%x: MCUboot refuses slots that do not go together "
                    "(\"Cannot upgrade\"), and one that was built beside an S1 slot with an SDK "
                    "before 2.9 swaps them all the same and damages data",
                    p->name, (unsigned)p->size, x->name, (unsigned)x->size);
}

static void check_sectors(struct checking *c, const struct td_partition *slot)
{
    uint32_t sector = slot_sector(slot, c->env, sector_of(c->env, c->soc));
    uint32_t n = sector != 0 ? slot->size / sector : 0;

    if (c->env->max_sectors != 0 && n > c->env->max_sectors)
        td_layout_issue(c, TD_LAYOUT_SECTORS, TD_HARM_ERROR, slot,
                        "raise BOOT_MAX_IMG_SECTORS in the bootloader's own configuration",
                        "%s has %u sectors and the bootloader counts %u", slot->name, (unsigned)n,
                        (unsigned)c->env->max_sectors);
    else if (c->env->max_sectors == 0 && n > USUAL_MAX_SECTORS)
        td_layout_issue(c, TD_LAYOUT_SECTORS, TD_HARM_NOTE, slot,
                        "set BOOT_MAX_IMG_SECTORS in the bootloader's own configuration",
                        "%s has %u sectors, more than the %d that a bootloader counts unless it is "
                        "told otherwise",
                        slot->name, (unsigned)n, USUAL_MAX_SECTORS);
}

/* Swap-scratch moves groups of sectors: as many as begin and end together in both slots. */
static void check_tiles(struct checking *c, const struct td_partition *scratch, bool wanted)
{
    const struct td_partition *p = td_layout_role(c->layout, TD_ROLE_PRIMARY, 0);
    const struct td_partition *x = td_layout_role(c->layout, TD_ROLE_SECONDARY, 0);
    uint32_t sector = sector_of(c->env, c->soc);
    uint32_t of_p = slot_sector(p, c->env, sector), of_x = slot_sector(x, c->env, sector);
    uint32_t small = td_min_u32(of_p, of_x), large = td_max_u32(of_p, of_x);

    if (sector == 0)
        return;
    if (wanted && large % small != 0)
        td_layout_issue(c, TD_LAYOUT_SCRATCH, TD_HARM_ERROR, x,
                        "take a flash whose sectors are whole ones of the other's, or overwrite",
                        "sectors of 0x%x and of 0x%x bytes do not tile: no group of the one covers "
                        "a sector of the other, and swap-scratch moves nothing less",
                        (unsigned)of_p, (unsigned)of_x);
    else if (scratch->size < large)
        td_layout_issue(c, TD_LAYOUT_SCRATCH, TD_HARM_ERROR, scratch,
                        "give it as much as the largest sector of either slot, or more",
                        "%s (0x%x) is smaller than a sector (0x%x)%s: nothing can be swapped "
                        "through it",
                        scratch->name, (unsigned)scratch->size, (unsigned)large,
                        of_p == of_x ? "" : " and the smaller ones of the other slot beside it");
}

static void check_scratch(struct checking *c)
{
    const struct td_partition *scratch = td_layout_role(c->layout, TD_ROLE_SCRATCH, 0);
    bool wanted = td_layout_strategy(c->layout, c->env) == TD_MODE_SCRATCH;

    if (scratch == NULL && wanted)
        td_layout_issue(c, TD_LAYOUT_SCRATCH, TD_HARM_ERROR, NULL,
                        "add mcuboot_scratch, or swap by move or offset",
                        "swap-scratch has no scratch partition to swap through");
    if (scratch != NULL)
        check_tiles(c, scratch, wanted);
    if (scratch != NULL && c->env->has_strategy && !wanted)
        td_layout_issue(c, TD_LAYOUT_SCRATCH, TD_HARM_NOTE, scratch,
                        "leave it out and give its room to both slots", "%s is of no use to %s",
                        scratch->name, td_mode_name(c->env->strategy));
}

/* Why the way of updating takes no image at all, where no other issue says it. */
static void say_no_room(struct checking *c, const struct td_partition *p, enum td_strategy_id mode,
                        const struct td_room_geometry *g, enum td_err err)
{
    bool alike = g->primary_sector == g->secondary_sector;

    if (err == TD_ESLOT_LAYOUT && !alike && mode != TD_MODE_SCRATCH)
        td_layout_issue(c, TD_LAYOUT_ROOM, TD_HARM_ERROR, p,
                        "swap by scratch, overwrite, or take a flash whose sectors are alike",
                        "no image fits with %s: the primary's sectors have 0x%x bytes, and the "
                        "secondary's 0x%x",
                        td_mode_name(mode), (unsigned)g->primary_sector,
                        (unsigned)g->secondary_sector);
    else if (err == TD_EARG && (g->primary_size % g->primary_sector != 0 ||
                                g->secondary_size % g->secondary_sector != 0))
        td_layout_issue(c, TD_LAYOUT_ROOM, TD_HARM_ERROR, p, "make both slots whole sectors",
                        "no image fits with %s: 0x%x bytes in sectors of 0x%x, and 0x%x in sectors "
                        "of 0x%x, are not whole ones both",
                        td_mode_name(mode), (unsigned)g->primary_size, (unsigned)g->primary_sector,
                        (unsigned)g->secondary_size, (unsigned)g->secondary_sector);
    else if (err == TD_EARG)
        td_layout_issue(c, TD_LAYOUT_ROOM, TD_HARM_ERROR, p, "say --align as imgtool is told it",
                        "no image fits with %s: words of %u bytes in cells of %u are not what a "
                        "bootloader knows",
                        td_mode_name(mode), (unsigned)g->write_size, (unsigned)g->max_align);
    else if (err == TD_ESLOT_TINY || (err == TD_ESLOT_SECTORS && c->env->max_sectors == 0))
        td_layout_issue(c, TD_LAYOUT_ROOM, TD_HARM_ERROR, p, "give both slots more room",
                        "no image fits with %s: %s", td_mode_name(mode), td_strerror(err));
}

/* Whether the images that were given fit; which way of updating decides is said. */
static void check_images(struct checking *c, const struct td_partition *p)
{
    struct td_room_geometry g;
    struct td_room_fit fit;
    enum td_strategy_id mode = td_layout_strategy(c->layout, c->env);
    enum td_err err;

    if (td_layout_geometry(c->layout, c->env, &g) != TD_OK)
        return;
    err = td_room_check(mode, &g, c->env->running_size, c->env->image_size, &fit);
    if (err == TD_ESLOT_ROOM)
        td_layout_issue(c, TD_LAYOUT_IMAGE, TD_HARM_ERROR, p,
                        "make it smaller, or both slots larger; devices in the field keep their "
                        "layout",
                        "the image has %u bytes, and %s takes at most %u in these slots: it is "
                        "uploaded and marked, and then never started",
                        (unsigned)fit.needed, td_mode_name(mode), (unsigned)fit.max);
    else if (err == TD_ESLOT_ROOM_RUNNING)
        td_layout_issue(c, TD_LAYOUT_RUNNING, TD_HARM_ERROR, p,
                        "write a smaller image by cable once",
                        "the running image has %u bytes, and %s takes at most %u: it cannot be "
                        "swapped out, however small the new one is",
                        (unsigned)fit.needed, td_mode_name(mode), (unsigned)fit.max);
    else if (err != TD_OK)
        say_no_room(c, p, mode, &g, err);
}

/* The header in front of the program, as partition manager leaves room for it. */
static void check_pad(struct checking *c, const char *pad_name, const char *slot_name)
{
    const struct td_partition *pad = td_layout_find(c->layout, "", pad_name);
    const struct td_partition *slot = td_layout_find(c->layout, "", slot_name);
    bool is_54l = c->soc != NULL && c->soc->write_size == 16;
    uint32_t want = c->env->header_size != 0 ? c->env->header_size : is_54l ? 0x800 : 0x200;
    bool vectors = pad != NULL && pad->size >= 0x200 && pad->size % 0x200 == 0;

    if (pad == NULL || slot == NULL)
        return;
    if (pad->addr != slot->addr)
        td_layout_issue(c, TD_LAYOUT_PAD, TD_HARM_ERROR, pad, "begin both at the same address",
                        "%s begins at 0x%x and %s at 0x%x: the header belongs to the slot's first "
                        "byte",
                        pad->name, (unsigned)pad->addr, slot->name, (unsigned)slot->addr);
    if (!vectors)
        td_layout_issue(c, TD_LAYOUT_PAD, TD_HARM_ERROR, pad,
                        "make it as large as imgtool's --header-size, usually 0x200",
                        "%s is 0x%x bytes: the vector table behind it is not aligned, and the "
                        "program ends in a hard fault at its first interrupt",
                        pad->name, (unsigned)pad->size);
    else if (pad->size != want)
        td_layout_issue(
            c, TD_LAYOUT_PAD, c->env->header_size != 0 ? TD_HARM_ERROR : TD_HARM_WARNING, pad,
            "make the pad and imgtool's --header-size the same",
            "%s is 0x%x bytes, and images %s a header of 0x%x", pad->name, (unsigned)pad->size,
            c->env->header_size != 0 ? "are signed with" : "usually have", (unsigned)want);
}

static void check_no_pad(struct checking *c, const struct td_partition *primary)
{
    const struct td_partition *app = td_layout_find(c->layout, primary->domain, "app");

    if (app == NULL || app->addr != primary->addr ||
        td_layout_find(c->layout, primary->domain, "mcuboot_pad") != NULL)
        return;
    td_layout_issue(c, TD_LAYOUT_NO_PAD, TD_HARM_ERROR, app,
                    "add mcuboot_pad of 0x200 bytes in front of app, in the primary slot",
                    "app begins where %s does (0x%x): there is no room for the image's header",
                    primary->name, (unsigned)primary->addr);
}

static void check_others(struct checking *c)
{
    for (unsigned image = 1; image < 4; image++) {
        const struct td_partition *p = td_layout_role(c->layout, TD_ROLE_PRIMARY, image);
        const struct td_partition *x = td_layout_role(c->layout, TD_ROLE_SECONDARY, image);

        if (p == NULL || x == NULL || p->size == x->size)
            continue;
        td_layout_issue(c, TD_LAYOUT_UNEQUAL, TD_HARM_ERROR, x, "give both the same size",
                        "%s is 0x%x bytes and %s 0x%x: image %u is refused for slots that do not "
                        "go together",
                        p->name, (unsigned)p->size, x->name, (unsigned)x->size, image);
    }
}

/*
 * How much that is. RRAMC has two regions to spare: b0 has one for itself and one for the S slot
 * that it boots; without b0, MCUboot may join them from address 0. ACL has eight, for three areas
 * at most (b0, its page, MCUboot), so that nothing counts them; but none is split.
 */
static void check_lock_size(struct checking *c, const struct td_partition *from,
                            const struct td_partition *primary)
{
    const struct td_soc *soc = c->soc;
    uint32_t size = primary->addr > from->addr ? primary->addr - from->addr : 0;

    if (soc->lock_max == 0)
        return;
    if (soc->lock_joined != 0 && td_layout_role(c->layout, TD_ROLE_B0, 0) != NULL)
        td_layout_issue(c, TD_LAYOUT_LOCK_REGIONS, TD_HARM_NOTE, from,
                        "leave CONFIG_FPROTECT off in MCUboot and the application",
                        "the %s has two regions to lock, and b0 takes both, for itself and for the "
                        "slot that it boots: who asks for a third stops there",
                        soc->title);
    else if (soc->lock_joined != 0 && size > soc->lock_max)
        td_layout_issue(c, TD_LAYOUT_LOCK_REGIONS, TD_HARM_NOTE, from,
                        "make it smaller, when it is to be locked (CONFIG_FPROTECT)",
                        "MCUboot has 0x%x bytes, and one region of the %s locks 0x%x%s", size,
                        soc->title, (unsigned)soc->lock_max,
                        from->addr != 0 ? "; two are joined from address 0 only"
                        : size > soc->lock_joined
                            ? "; two together are too small as well"
                            : "; two are joined by CONFIG_FPROTECT_ALLOW_COMBINED_REGIONS");
    else if (soc->lock_joined == 0 && size > soc->lock_max)
        td_layout_issue(c, TD_LAYOUT_LOCK_SIZE, TD_HARM_ERROR, from,
                        "let the primary slot begin nearer to it",
                        "MCUboot locks all 0x%x bytes up to the primary slot at once, and the %s "
                        "locks at most 0x%x: it stops with \"Protect mcuboot flash failed\" at "
                        "every start",
                        (unsigned)size, soc->title, (unsigned)soc->lock_max);
}

/* MCUboot locks itself and all up to the primary slot, in blocks of the chip's protection. */
static void check_lock(struct checking *c, const struct td_partition *primary)
{
    const struct td_partition *from = td_layout_role(c->layout, TD_ROLE_S0, 0);

    if (from == NULL || from->domain[0] != '\0')
        from = td_layout_role(c->layout, TD_ROLE_BOOT, 0);
    if (from == NULL || !internal(primary) || c->soc == NULL || !c->sure)
        return;
    if (from->addr % c->soc->lock_block == 0 && primary->addr % c->soc->lock_block == 0) {
        check_lock_size(c, from, primary);
        return;
    }
    td_layout_issue(
        c, TD_LAYOUT_LOCK, TD_HARM_ERROR, from->addr % c->soc->lock_block != 0 ? from : primary,
        "begin both on such a boundary; what is left over stays empty",
        "MCUboot locks 0x%x to 0x%x, and the %s locks blocks of 0x%x: it stops with "
        "\"Protect mcuboot flash failed\" at every start",
        (unsigned)from->addr, (unsigned)primary->addr, c->soc->title, (unsigned)c->soc->lock_block);
}

void td_layout_check_slots(struct checking *c)
{
    const struct td_partition *p = td_layout_role(c->layout, TD_ROLE_PRIMARY, 0);
    const struct td_partition *x = td_layout_role(c->layout, TD_ROLE_SECONDARY, 0);
    const struct td_partition *boot = td_layout_role(c->layout, TD_ROLE_BOOT, 0);

    if (boot != NULL && boot->domain[0] == '\0' && p == NULL)
        td_layout_issue(c, TD_LAYOUT_NO_PRIMARY, TD_HARM_ERROR, boot,
                        "add mcuboot_primary, which spans mcuboot_pad and app",
                        "there is a bootloader, and no primary slot for it to boot");
    if (p != NULL && boot == NULL && td_layout_role(c->layout, TD_ROLE_S0, 0) == NULL)
        td_layout_issue(c, TD_LAYOUT_NO_BOOT, TD_HARM_NOTE, p, "",
                        "there are slots, and no partition for a bootloader is shown");
    if (p == NULL)
        return;
    check_no_pad(c, p);
    check_pad(c, "mcuboot_pad", "mcuboot_primary");
    check_lock(c, p);
    check_sectors(c, p);
    if (x == NULL) {
        td_layout_issue(c, TD_LAYOUT_NO_SECONDARY, TD_HARM_NOTE, p,
                        "add a secondary slot of the same size, for updates that can be undone",
                        "there is no secondary slot: an update needs serial recovery or a firmware "
                        "loader, and nothing can be reverted");
        return;
    }
    if (td_partition_is_external(x))
        check_sectors(c, x);
    check_unequal(c, p, x);
    check_others(c);
    check_scratch(c);
    check_images(c, p);
    if (td_partition_is_external(x))
        td_layout_issue(c, TD_LAYOUT_EXTERNAL, TD_HARM_NOTE, x,
                        "check nordic,pm-ext-flash and the flash's driver in the bootloader's own "
                        "overlay and configuration",
                        "%s lies in external flash, so the bootloader needs that flash's driver as "
                        "well: without it an upload succeeds and is never seen",
                        x->name);
}
