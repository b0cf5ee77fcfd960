/* server/slots.c - what lies in the slots, and what their trailers say, read each time anew. */
#include "server/server_priv.h"

#include <string.h>

#include "base/range.h"

static enum td_err look_at(const struct td_flash_area *slot, uint32_t base,
                           struct td_server_look *look)
{
    const struct td_flash_area rest = { slot->dev, slot->off + base, slot->size - base };
    const struct td_source src = td_flash_source(&rest);
    enum td_err err = td_image_open(&src, rest.size, &look->img, NULL);

    look->present = err == TD_OK;
    look->base = base;
    look->hash_len = 0;
    if (err == TD_EFLASH || err != TD_OK)
        return err == TD_EFLASH ? err : TD_OK;
    err = td_image_hash(&src, &look->img, look->hash, &look->hash_len, NULL);
    if (err != TD_OK)
        look->hash_len = 0;
    return err == TD_EFLASH ? err : TD_OK;
}

enum td_err td_server_look(const struct td_server_image *image, unsigned slot,
                           struct td_server_look *look)
{
    const struct td_flash_area *area = image->slot[slot];
    enum td_err err = TD_OK;

    memset(look, 0, sizeof *look);
    if (area == NULL)
        return TD_OK;
    // With swap-offset a new image lies one sector in, and the previous one at the beginning.
    if (slot == 1 && image->upload_off > 0)
        err = look_at(area, image->upload_off, look);
    if (err == TD_OK && !look->present)
        err = look_at(area, 0, look);
    return err;
}

bool td_server_has_requests(const struct td_server_image *image)
{
    switch (image->strategy) {
    case TD_MODE_SCRATCH:
    case TD_MODE_OVERWRITE:
    case TD_MODE_MOVE:
    case TD_MODE_OFFSET:
    case TD_MODE_XIP_REVERT: return image->slot[1] != NULL;
    case TD_MODE_RAM_LOAD: return image->reverts && image->slot[1] != NULL;
    case TD_MODE_SINGLE:
    case TD_MODE_XIP:
    case TD_MODE_LOADER:
    case TD_MODE_SINGLE_RAM: return false;
    }
    return false;
}

const struct td_flash_area *td_server_target(const struct td_server_config *cfg, unsigned image,
                                             unsigned *slot)
{
    const struct td_server_image *img = &cfg->images[image];

    *slot = cfg->target == TD_SERVER_TO_SPARE && img->active_slot == 0 ? 1 : 0;
    return img->slot[*slot];
}

static struct td_trailer trailer_of(const struct td_server_image *image, unsigned slot)
{
    const struct td_room_geometry *room = image->room;

    return (struct td_trailer){
        .area = image->slot[slot],
        .mode = image->strategy,
        .max_sectors = room->max_sectors,
        .write_size = room->write_size,
        .max_align = room->max_align,
        .enc_key_len = room->enc_key_len,
    };
}

static bool chooses(const struct td_server_image *image)
{
    return image->strategy == TD_MODE_XIP_REVERT || image->strategy == TD_MODE_RAM_LOAD;
}

/* What the bootloader chooses next; the requests are then for the slot that does not run. */
static enum td_err read_choice(const struct td_server_image *img, struct td_server_pair *pair)
{
    unsigned active = img->active_slot, other = active == 0 ? 1 : 0;
    struct td_server_look runs, waits;
    enum td_err err = td_server_look(img, active, &runs);

    if (err == TD_OK)
        err = td_server_look(img, other, &waits);
    if (err != TD_OK)
        return err;
    if (waits.present && runs.present) {
        int cmp = td_version_cmp(&waits.img.hdr.version, &runs.img.hdr.version);

        pair->older = other == 0 ? cmp < 0 : cmp <= 0;
    }
    pair->slots.primary = &pair->trailer[active];
    pair->slots.secondary = &pair->trailer[other];
    pair->next =
        td_slot_next_choice(&pair->state[active], &pair->state[other], waits.present, pair->older);
    pair->needed = pair->next == TD_SWAP_REVERT;
    return TD_OK;
}

enum td_err td_server_pair_read(const struct td_server *srv, unsigned image,
                                struct td_server_pair *pair)
{
    const struct td_server_image *img = &srv->cfg->images[image];
    enum td_slot_manner manner = srv->cfg->manner->stock_requests ? TD_SLOT_STOCK : TD_SLOT_MENDED;
    enum td_err err = TD_OK;

    memset(pair, 0, sizeof *pair);
    pair->next = TD_SWAP_NONE;
    if (!td_server_has_requests(img))
        return TD_OK;
    for (unsigned slot = 0; slot < 2 && err == TD_OK; slot++) {
        pair->trailer[slot] = trailer_of(img, slot);
        err = td_trailer_read(&pair->trailer[slot], &pair->state[slot]);
    }
    if (err != TD_OK)
        return err;
    pair->slots = (struct td_slots){ &pair->trailer[0], &pair->trailer[1], manner, (uint8_t)image };
    if (chooses(img))
        return read_choice(img, pair);
    pair->next = td_slot_next(manner, img->strategy, &pair->state[0], &pair->state[1]);
    // A request that somebody wrote during a trial does not end it. In recovery a swap may be
    // under way that flash did not let the bootloader finish.
    pair->needed = pair->next == TD_SWAP_REVERT ||
                   (srv->cfg->recovers && td_slot_underway(&pair->state[0])) ||
                   (manner == TD_SLOT_MENDED && td_mode_swaps(img->strategy) &&
                    td_slot_on_trial(&pair->state[0]));
    return TD_OK;
}

uint32_t td_server_trailer_at(const struct td_server_image *image, unsigned slot)
{
    uint32_t size = image->slot[slot]->size, at = size;

    if (td_server_has_requests(image)) {
        const struct td_trailer trailer = trailer_of(image, slot);

        if (td_trailer_first_sector(&trailer, &at) != TD_OK)
            at = size;
    }
    return at;
}

uint32_t td_server_image_error(enum td_err err)
{
    switch (err) {
    case TD_OK: return TD_IMG_OK;
    case TD_EFLASH: return TD_IMG_FLASH_WRITE;
    case TD_ESLOT_MAGIC: return TD_IMG_BAD_MAGIC;
    case TD_ESLOT_EMPTY: return TD_IMG_NO_IMAGE;
    case TD_ESLOT_TRIAL:
    case TD_ESLOT_UNDERWAY: return TD_IMG_ALREADY_PENDING;
    default: return TD_IMG_UNKNOWN;
    }
}
