/*
 * server/first.c - whether an upload may begin: rules 2 to 10 of docs/spec/smp.md.
 *
 * A device that cannot bring the image in, or the running one back, says so at the first chunk.
 */
#include <string.h>

#include "base/bytes.h"
#include "server/server_priv.h"

/* The chunk alone. */
uint32_t td_server_first_chunk(struct td_server_first *first, struct td_cbor_text *reason)
{
    const struct td_img_upload_req *req = first->req;
    const struct td_source src = td_source_memory(req->data.p, TD_IMAGE_HEADER_SIZE);

    *reason = TD_TEXT("header malformed");
    if (req->data.len < TD_IMAGE_HEADER_SIZE)
        return TD_IMG_SHORT_HEADER;
    if (!req->has_len)
        return TD_IMG_NO_LENGTH;
    if (td_load_le32(req->data.p) != TD_IMAGE_MAGIC) {
        *reason = TD_TEXT("magic mismatch");
        return TD_IMG_BAD_MAGIC;
    }
    if (req->sha.len > TD_SERVER_SHA_LEN) {
        *reason = TD_TEXT("sha too long");
        return TD_IMG_BAD_HASH;
    }
    // Sizes that make no sense are the bootloader's to refuse; flags and version are read anyway.
    memset(&first->hdr, 0, sizeof first->hdr);
    (void)td_image_header_read(&src, &first->hdr);
    return TD_IMG_OK;
}

/* With one image, what "image" says has never mattered. */
static uint32_t wanted_number(const struct td_server *srv, const struct td_img_upload_req *req)
{
    if (srv->cfg->target == TD_SERVER_TO_ANY)
        return req->has_image && req->image > 0 ? req->image - 1 : 0;
    return srv->cfg->n_images > 1 && req->has_image ? req->image : 0;
}

/* Which image, and with TO_ANY also which slot of it. */
uint32_t td_server_wanted_image(const struct td_server *srv, const struct td_img_upload_req *req)
{
    uint32_t number = wanted_number(srv, req);

    return srv->cfg->target == TD_SERVER_TO_ANY ? number / 2 : number;
}

const struct td_flash_area *td_server_wanted_slot(const struct td_server *srv, unsigned image,
                                                  const struct td_img_upload_req *req,
                                                  unsigned *slot)
{
    const struct td_flash_area *area = td_server_target(srv->cfg, image, slot);

    if (srv->cfg->target != TD_SERVER_TO_ANY)
        return area;
    *slot = wanted_number(srv, req) % 2;
    return srv->cfg->images[image].slot[*slot];
}

/* Whether the other slot is needed: to revert to, or because it was asked to be installed. */
static bool is_in_use(const struct td_server *srv, const struct td_server_pair *pair)
{
    return pair->needed || (pair->next != TD_SWAP_NONE && srv->cfg->manner->pending_is_in_use);
}

static bool is_primary_free(const struct td_server *srv, const struct td_server_first *first)
{
    return srv->cfg->target != TD_SERVER_TO_SPARE && first->slot == 0;
}

/* Rule 7: where it goes. */
static uint32_t choose_slot(const struct td_server *srv, struct td_server_first *first,
                            struct td_cbor_text *reason)
{
    struct td_server_pair pair;

    *reason = TD_TEXT("no slot");
    if (td_server_wanted_image(srv, first->req) >= srv->cfg->n_images)
        return TD_IMG_NO_FREE_SLOT;
    first->image = (uint8_t)td_server_wanted_image(srv, first->req);
    first->area = td_server_wanted_slot(srv, first->image, first->req, &first->slot);
    if (first->area == NULL)
        return TD_IMG_NO_FREE_SLOT;
    first->base = first->slot == 1 ? srv->cfg->images[first->image].upload_off : 0;
    if (td_server_pair_read(srv, first->image, &pair) != TD_OK)
        return TD_IMG_FLASH_READ;
    // In the bootloader the primary is nobody's; a revert that is due needs the other one.
    if (is_primary_free(srv, first) || !is_in_use(srv, &pair))
        return TD_IMG_OK;
    *reason = pair.needed ? TD_TEXT("trial running: slot is needed to revert")
                          : TD_TEXT("slot is pending");
    return TD_IMG_NO_FREE_SLOT;
}

/* Rule 8: what can be swapped, not what the slot could hold. */
static uint32_t check_room(const struct td_server *srv, const struct td_server_first *first,
                           struct td_cbor_text *reason)
{
    const struct td_server_image *image = &srv->cfg->images[first->image];
    struct td_server_look running = { .present = false };
    struct td_room_fit fit;
    enum td_err err;

    *reason = TD_TEXT("img too large");
    if (first->req->len > first->area->size - first->base)
        return TD_IMG_TOO_LARGE;
    if (srv->cfg->manner->size_is_slot_size)
        return TD_IMG_OK;
    if (!is_primary_free(srv, first) &&
        td_server_look(image, image->active_slot, &running) != TD_OK)
        return TD_IMG_FLASH_READ;
    err = td_room_check(image->strategy, image->room, running.present ? running.img.size : 0,
                        first->req->len, &fit);
    if (err == TD_OK)
        return TD_IMG_OK;
    if (err == TD_ESLOT_ROOM_RUNNING)
        *reason = TD_TEXT("running img too large to swap");
    return err == TD_ESLOT_ROOM || err == TD_ESLOT_ROOM_RUNNING ? TD_IMG_TOO_LARGE
                                                                : TD_IMG_FLASH_CONFIG;
}

/* Rule 9: an image that is tied to an address goes to that address. */
static uint32_t check_address(const struct td_server *srv, const struct td_server_first *first,
                              struct td_cbor_text *reason)
{
    enum td_strategy_id mode = srv->cfg->images[first->image].strategy;
    bool in_place = mode == TD_MODE_XIP || mode == TD_MODE_XIP_REVERT;

    *reason = TD_TEXT("img addr mismatch");
    if (in_place && (first->hdr.flags & TD_IMAGE_F_ROM_FIXED) != 0 &&
        first->hdr.load_addr != first->area->off)
        return TD_IMG_BAD_ADDRESS;
    return TD_IMG_OK;
}

/* Rule 10: only when strictly newer, if that was asked for. */
static uint32_t check_version(const struct td_server *srv, const struct td_server_first *first,
                              struct td_cbor_text *reason)
{
    const struct td_server_image *image = &srv->cfg->images[first->image];
    struct td_server_look running;

    if (!first->req->has_upgrade || !first->req->upgrade)
        return TD_IMG_OK;
    *reason = TD_TEXT("downgrade");
    if (td_server_look(image, image->active_slot, &running) != TD_OK || !running.present)
        return TD_IMG_NO_VERSION;
    return td_version_cmp(&running.img.hdr.version, &first->hdr.version) >= 0 ? TD_IMG_NOT_NEWER
                                                                              : TD_IMG_OK;
}

uint32_t td_server_first_device(const struct td_server *srv, struct td_server_first *first,
                                struct td_cbor_text *reason)
{
    uint32_t code = choose_slot(srv, first, reason);

    if (code == TD_IMG_OK)
        code = check_room(srv, first, reason);
    if (code == TD_IMG_OK)
        code = check_address(srv, first, reason);
    if (code == TD_IMG_OK)
        code = check_version(srv, first, reason);
    return code;
}
