/*
 * slot/room.c - trailer sizes and the largest image, as MCUboot reckons them.
 */
#include "slot/room.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/range.h"

#define MAGIC_SIZE 16u

/* What a mode does to its slots, as far as room is concerned. */
enum room_rule {
    ROOM_SCRATCH, /* both slots, sectors of one tile those of the other */
    ROOM_MOVE,    /* uniform sectors, one spare in the primary */
    ROOM_OFFSET,  /* uniform sectors, one spare in the secondary */
    ROOM_PLAIN,   /* the image may reach up to the flags */
    ROOM_ALONE,   /* one slot, a trailer without status */
};

static const struct mode {
    enum td_strategy_id id;
    enum room_rule rule;
    const char *name;
    uint8_t entries; /* status entries for a sector */
    bool swaps;      /* the running image must fit as well */
} modes[] = {
    { TD_MODE_SINGLE, ROOM_ALONE, "single-slot", 0, false },
    { TD_MODE_SCRATCH, ROOM_SCRATCH, "swap-scratch", 3, true },
    { TD_MODE_OVERWRITE, ROOM_PLAIN, "overwrite-only", 3, false },
    { TD_MODE_MOVE, ROOM_MOVE, "swap-move", 3, true },
    { TD_MODE_XIP, ROOM_PLAIN, "direct-xip", 3, false },
    { TD_MODE_XIP_REVERT, ROOM_PLAIN, "direct-xip-revert", 3, false },
    { TD_MODE_RAM_LOAD, ROOM_PLAIN, "ram-load", 3, false },
    { TD_MODE_LOADER, ROOM_ALONE, "firmware-loader", 0, false },
    { TD_MODE_SINGLE_RAM, ROOM_ALONE, "single-ram-load", 0, false },
    { TD_MODE_OFFSET, ROOM_OFFSET, "swap-offset", 2, true },
};

static const struct mode *find_mode(enum td_strategy_id id)
{
    for (size_t i = 0; i < TD_N_OF(modes); i++) {
        if (modes[i].id == id)
            return &modes[i];
    }
    return NULL;
}

const char *td_mode_name(enum td_strategy_id id)
{
    const struct mode *mode = find_mode(id);

    return mode == NULL ? NULL : mode->name;
}

bool td_mode_swaps(enum td_strategy_id id)
{
    const struct mode *mode = find_mode(id);

    return mode != NULL && mode->swaps;
}

uint32_t td_mode_status_entries(enum td_strategy_id id)
{
    const struct mode *mode = find_mode(id);

    return mode == NULL ? 0 : mode->entries;
}

uint32_t td_room_info_size(enum td_strategy_id id, const struct td_room_geometry *g)
{
    uint32_t cells = id == TD_MODE_OFFSET ? 5 : 4;
    uint32_t key_cell = td_round_up(g->enc_key_len, g->max_align);

    return cells * g->max_align + td_round_up(MAGIC_SIZE, g->max_align) + 2 * key_cell;
}

uint32_t td_room_trailer_size(enum td_strategy_id id, const struct td_room_geometry *g)
{
    return td_room_info_size(id, g) + td_mode_status_entries(id) * g->max_sectors * g->write_size;
}

uint32_t td_room_scratch_trailer_size(enum td_strategy_id id, const struct td_room_geometry *g)
{
    return td_room_info_size(id, g) + td_mode_status_entries(id) * g->write_size;
}

/* From a slot's end down to the lowest byte that the mode ever writes notes to. */
static uint32_t used_size(const struct mode *mode, const struct td_room_geometry *g)
{
    if (mode->rule == ROOM_PLAIN)
        return td_round_up(MAGIC_SIZE, g->max_align) + 3u * g->max_align;
    return td_room_trailer_size(mode->id, g);
}

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1u)) == 0;
}

static bool is_slot(uint32_t size, uint32_t sector, uint16_t n_sectors)
{
    return sector > 0 && size > 0 && (n_sectors != 0 || size % sector == 0);
}

static enum td_err check_geometry(const struct mode *mode, const struct td_room_geometry *g)
{
    if (g->max_align != 8 && g->max_align != 16 && g->max_align != 32)
        return TD_EARG;
    if (!is_power_of_two(g->write_size) || g->write_size > g->max_align)
        return TD_EARG;
    if (!is_slot(g->primary_size, g->primary_sector, g->n_primary))
        return TD_EARG;
    if (mode->rule != ROOM_ALONE &&
        !is_slot(g->secondary_size, g->secondary_sector, g->n_secondary))
        return TD_EARG;
    if (mode->swaps && g->max_sectors == 0)
        return TD_EARG;
    return TD_OK;
}

/* Both lists of sectors must fit the bootloader's, whatever the mode makes of them. */
static enum td_err check_sectors(const struct td_room_geometry *g)
{
    uint32_t p = g->n_primary != 0 ? g->n_primary : g->primary_size / g->primary_sector;
    uint32_t x = g->n_secondary != 0 ? g->n_secondary : g->secondary_size / g->secondary_sector;

    if (p > g->max_sectors || x > g->max_sectors)
        return TD_ESLOT_SECTORS;
    return TD_OK;
}

/* a - b, or 0 where that would be less. */
static uint32_t less(uint32_t a, uint32_t b)
{
    return a > b ? a - b : 0;
}

static enum td_err nothing_left(uint32_t max)
{
    return max == 0 ? TD_ESLOT_TINY : TD_OK;
}

/* --- scratch: groups of sectors --- */

#define NOTE_SIZE   64u /* boot/note.h */
#define NOTE_ALIGN  TD_FLASH_WRITE_MAX
#define INTENT_SIZE (NOTE_SIZE + NOTE_ALIGN) /* boot/scratch.c: what scratch carries in between */

static enum td_err sector_end(const struct td_flash_area *area, uint32_t off, uint32_t *end)
{
    struct td_flash_sector sector;
    enum td_err err = td_flash_sector_at(area, off, &sector);

    if (err == TD_OK)
        *end = sector.off + sector.size;
    return err;
}

enum td_err td_room_group(const struct td_flash_area *primary,
                          const struct td_flash_area *secondary, uint32_t off,
                          struct td_flash_sector *group)
{
    struct td_flash_sector p, x;
    uint32_t p_end, x_end;

    if (td_flash_sector_at(primary, off, &p) != TD_OK ||
        td_flash_sector_at(secondary, off, &x) != TD_OK)
        return TD_ESLOT_LAYOUT;
    p_end = p.off + p.size;
    x_end = x.off + x.size;
    while (p.off != x.off) {
        bool lower_p = p.off > x.off;

        if (td_flash_sector_at(lower_p ? primary : secondary, (lower_p ? p.off : x.off) - 1,
                               lower_p ? &p : &x) != TD_OK)
            return TD_ESLOT_LAYOUT;
    }
    while (p_end != x_end) {
        bool raise_p = p_end < x_end;

        if (sector_end(raise_p ? primary : secondary, raise_p ? p_end : x_end,
                       raise_p ? &p_end : &x_end) != TD_OK)
            return TD_ESLOT_LAYOUT;
    }
    *group = (struct td_flash_sector){ p.off, p_end - p.off };
    return TD_OK;
}

uint32_t td_room_scratch_end(const struct td_room_geometry *g)
{
    uint32_t end = less(g->primary_size, td_room_trailer_size(TD_MODE_SCRATCH, g));

    return g->own_sector ? td_round_down(less(end, NOTE_SIZE), NOTE_ALIGN) : end;
}

enum td_err td_room_tile(const struct td_flash_area *primary, const struct td_flash_area *secondary,
                         struct td_room_geometry *g)
{
    struct td_flash_sector group = { 0, 0 };
    enum td_err err = TD_OK;

    g->n_primary = (uint16_t)td_min_u32(td_flash_sector_count(primary), UINT16_MAX);
    g->n_secondary = (uint16_t)td_min_u32(td_flash_sector_count(secondary), UINT16_MAX);
    g->group = 0;
    for (uint32_t at = 0; err == TD_OK && at < primary->size; at = group.off + group.size) {
        err = td_room_group(primary, secondary, at, &group);
        g->group = td_max_u32(g->group, group.size);
    }
    if (err == TD_OK)
        err = td_room_group(primary, secondary, td_room_scratch_end(g), &group);
    g->group_off = group.off;
    g->group_end = group.off + group.size;
    return err;
}

/* Where the sectors end that the notes begin in, of either slot. */
static uint32_t group_off(const struct td_room_geometry *g, uint32_t start)
{
    uint32_t sector = td_max_u32(g->primary_sector, g->secondary_sector);

    return g->group_end != 0 ? g->group_off : td_round_down(start, sector);
}

static uint32_t group_end(const struct td_room_geometry *g, uint32_t start)
{
    uint32_t sector = td_max_u32(g->primary_sector, g->secondary_sector);

    return g->group_end != 0 ? g->group_end : td_round_down(start, sector) + sector;
}

/*
 * Scratch carries a short trailer of its own while the last region is swapped. Where the
 * slot's first trailer sector has less of the trailer than that, the image must leave a gap.
 */
static enum td_err max_scratch(const struct td_room_geometry *g, uint32_t *max)
{
    uint32_t carried =
        g->own_sector ? INTENT_SIZE : td_room_scratch_trailer_size(TD_MODE_SCRATCH, g);
    uint32_t small = td_min_u32(g->primary_sector, g->secondary_sector);
    uint32_t large = g->group != 0 ? g->group : td_max_u32(g->primary_sector, g->secondary_sector);
    uint32_t end = td_room_scratch_end(g);

    if (g->primary_size != g->secondary_size || (g->group == 0 && large % small != 0))
        return TD_ESLOT_LAYOUT;
    if (large > g->scratch_size)
        return TD_ESLOT_SCRATCH;
    if (end > 0 && g->own_sector && g->enc_key_len != 0)
        *max = group_off(g, end);
    else if (end > 0)
        *max = less(end, less(carried, group_end(g, end) - end));
    return nothing_left(*max);
}

/* One of the slots keeps a spare sector; the other may do without it. */
static enum td_err max_spare(enum td_strategy_id id, const struct td_room_geometry *g,
                             uint32_t *max)
{
    uint32_t sector = g->primary_sector;
    uint32_t trailer = td_round_up(td_room_trailer_size(id, g), sector);
    bool move = id == TD_MODE_MOVE;
    uint32_t with_spare = move ? g->primary_size : g->secondary_size;
    uint32_t without = move ? g->secondary_size : g->primary_size;

    if (sector != g->secondary_sector || less(with_spare, without) > sector || without > with_spare)
        return TD_ESLOT_LAYOUT;
    *max = td_min_u32(less(with_spare, trailer + sector), less(without, trailer));
    return nothing_left(*max);
}

static enum td_err max_plain(const struct mode *mode, const struct td_room_geometry *g,
                             uint32_t *max)
{
    uint32_t used = used_size(mode, g);
    uint32_t primary = less(g->primary_size, used), secondary = less(g->secondary_size, used);

    if (mode->id == TD_MODE_OVERWRITE && g->own_sector) {
        primary = td_round_down(primary, g->primary_sector);
        secondary = td_round_down(secondary, g->secondary_sector);
    }
    *max = td_min_u32(primary, secondary);
    return nothing_left(*max);
}

enum td_err td_room_max_image(enum td_strategy_id id, const struct td_room_geometry *g,
                              uint32_t *max)
{
    const struct mode *mode = find_mode(id);
    enum td_err err = mode == NULL ? TD_EARG : check_geometry(mode, g);

    *max = 0;
    if (err == TD_OK && mode->swaps)
        err = check_sectors(g);
    if (err != TD_OK)
        return err;
    switch (mode->rule) {
    case ROOM_SCRATCH: return max_scratch(g, max);
    case ROOM_MOVE:
    case ROOM_OFFSET: return max_spare(id, g, max);
    case ROOM_PLAIN: return max_plain(mode, g, max);
    case ROOM_ALONE: break;
    }
    *max = less(g->primary_size, td_room_info_size(id, g));
    return nothing_left(*max);
}

enum td_err td_room_check(enum td_strategy_id id, const struct td_room_geometry *g,
                          uint32_t running_size, uint32_t new_size, struct td_room_fit *fit)
{
    enum td_err err;

    *fit = (struct td_room_fit){ 0, 0 };
    err = td_room_max_image(id, g, &fit->max);
    if (err != TD_OK)
        return err;
    fit->needed = new_size;
    if (new_size > fit->max)
        return TD_ESLOT_ROOM;
    if (!td_mode_swaps(id))
        return TD_OK;
    fit->needed = td_max_u32(new_size, running_size);
    return running_size > fit->max ? TD_ESLOT_ROOM_RUNNING : TD_OK;
}
