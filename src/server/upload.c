/*
 * server/upload.c - an image comes in, chunk by chunk.
 *
 * 1. The slot's trailer is erased before anything else of it: whatever was pending there is
 *    not pending for the image that follows.
 * 2. No byte is written into a sector that was not erased for this upload.
 * 3. What does not fit the expected offset changes nothing and is told that offset.
 * 4. A device that cannot bring the image in, or the running one back, says so at the first
 *    chunk.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "crypto/hash.h"
#include "server/server_priv.h"
#include "smp/image.h"

enum { HASH_CHUNK = 128 };

static struct td_server_result put_offset(struct td_server_call *call, uint32_t off)
{
    const struct td_img_upload_rsp rsp = { .has_off = true, .off = off };

    td_img_upload_rsp_put(call->out, &rsp);
    return td_result_done();
}

/* The answer to the last byte, and to a first chunk of what lies there already. */
static struct td_server_result put_end(struct td_server_call *call)
{
    const struct td_server_session *up = &call->srv->upload;
    const struct td_img_upload_rsp rsp = {
        .has_off = true,
        .off = up->len,
        .has_match = call->srv->cfg->manner->checks_sha && up->sha_len == TD_SERVER_SHA_LEN,
        .match = up->matches,
    };

    td_img_upload_rsp_put(call->out, &rsp);
    return td_result_done();
}

static struct td_server_result give_up(struct td_server *srv, uint32_t code,
                                       struct td_cbor_text reason)
{
    srv->upload.state = TD_SERVER_NO_UPLOAD;
    return td_result_err(code, reason);
}

static const struct td_server_image *image_of(const struct td_server *srv)
{
    return &srv->cfg->images[srv->upload.image];
}

static const struct td_flash_area *area_of(const struct td_server *srv)
{
    return image_of(srv)->slot[srv->upload.slot];
}

/* Bytes into the slot where the upload's first byte goes. */
static uint32_t base_of(const struct td_server *srv)
{
    return srv->upload.slot == 1 ? image_of(srv)->upload_off : 0;
}

/* Whether len bytes of the slot have this SHA-256. */
static bool has_sha(const struct td_flash_area *area, uint32_t off, uint32_t len,
                    const uint8_t *sha)
{
    struct td_hash hash;
    uint8_t buf[HASH_CHUNK], digest[TD_SERVER_SHA_LEN];
    enum td_err err = TD_OK;

    td_hash_init(&hash, &td_sha256);
    while (len > 0 && err == TD_OK) {
        uint32_t n = td_min_u32(len, sizeof buf);

        err = td_flash_read(area, off, buf, n);
        td_hash_update(&hash, buf, n);
        off += n;
        len -= n;
    }
    td_hash_final(&hash, digest);
    return err == TD_OK && memcmp(digest, sha, sizeof digest) == 0;
}

/* ---- the first chunk ----------------------------------------------------------------- */

/* What the first chunk says, once it makes sense by itself. */
struct first_chunk {
    const struct td_img_upload_req *req;
    struct td_image_header hdr;
    uint8_t image;
    unsigned slot;
    const struct td_flash_area *area;
    uint32_t base;
};

/* Rules 2 to 5: the chunk alone. */
static uint32_t check_chunk(struct first_chunk *first, struct td_cbor_text *reason)
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
static uint32_t wanted_image(const struct td_server *srv, const struct td_img_upload_req *req)
{
    uint32_t number = wanted_number(srv, req);

    return srv->cfg->target == TD_SERVER_TO_ANY ? number / 2 : number;
}

static const struct td_flash_area *wanted_slot(const struct td_server *srv, unsigned image,
                                               const struct td_img_upload_req *req, unsigned *slot)
{
    const struct td_flash_area *area = td_server_target(srv->cfg, image, slot);

    if (srv->cfg->target != TD_SERVER_TO_ANY)
        return area;
    *slot = wanted_number(srv, req) % 2;
    return srv->cfg->images[image].slot[*slot];
}

/* Whether this is the upload under way. The sha may be as short as its sender likes. */
static bool resumes(const struct td_server *srv, const struct td_img_upload_req *req)
{
    const struct td_server_session *up = &srv->upload;

    unsigned slot;

    return up->state == TD_SERVER_UPLOADING && up->off > 0 && req->sha.len > 0 &&
           up->len == req->len && up->image == wanted_image(srv, req) &&
           wanted_slot(srv, up->image, req, &slot) != NULL && up->slot == slot &&
           up->sha_len == req->sha.len && memcmp(up->sha, req->sha.p, req->sha.len) == 0;
}

/* Whether the other slot is needed: to revert to, or because it was asked to be installed. */
static bool is_in_use(const struct td_server *srv, const struct td_server_pair *pair)
{
    return pair->needed || (pair->next != TD_SWAP_NONE && srv->cfg->manner->pending_is_in_use);
}

static bool is_primary_free(const struct td_server *srv, const struct first_chunk *first)
{
    return srv->cfg->target != TD_SERVER_TO_SPARE && first->slot == 0;
}

/* Rule 7: where it goes. */
static uint32_t choose_slot(const struct td_server *srv, struct first_chunk *first,
                            struct td_cbor_text *reason)
{
    struct td_server_pair pair;

    *reason = TD_TEXT("no slot");
    if (wanted_image(srv, first->req) >= srv->cfg->n_images)
        return TD_IMG_NO_FREE_SLOT;
    first->image = (uint8_t)wanted_image(srv, first->req);
    first->area = wanted_slot(srv, first->image, first->req, &first->slot);
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
static uint32_t check_room(const struct td_server *srv, const struct first_chunk *first,
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
static uint32_t check_address(const struct td_server *srv, const struct first_chunk *first,
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
static uint32_t check_version(const struct td_server *srv, const struct first_chunk *first,
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

static uint32_t check_device(const struct td_server *srv, struct first_chunk *first,
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

static void session_begin(struct td_server *srv, const struct first_chunk *first)
{
    struct td_server_session *up = &srv->upload;
    const struct td_img_upload_req *req = first->req;

    memset(up, 0, sizeof *up);
    up->state = TD_SERVER_UPLOADING;
    up->image = first->image;
    up->slot = (uint8_t)first->slot;
    up->len = req->len;
    up->version = first->hdr.version;
    up->sha_len = (uint8_t)req->sha.len;
    if (up->sha_len > 0)
        memcpy(up->sha, req->sha.p, up->sha_len);
    up->trailer_at = td_server_trailer_at(image_of(srv), up->slot);
}

/* Whether the slot holds these very bytes: then there is nothing to do. */
static bool is_there_already(const struct td_server *srv, const struct first_chunk *first)
{
    uint8_t head[TD_IMAGE_HEADER_SIZE];

    return srv->cfg->manner->checks_sha && first->req->sha.len == TD_SERVER_SHA_LEN &&
           first->req->len >= sizeof head &&
           td_flash_read(first->area, first->base, head, sizeof head) == TD_OK &&
           memcmp(head, first->req->data.p, sizeof head) == 0 &&
           has_sha(first->area, first->base, first->req->len, first->req->sha.p);
}

static struct td_server_result ask_begin(const struct td_server *srv,
                                         const struct first_chunk *first)
{
    const struct td_server_config *cfg = srv->cfg;
    const struct td_server_upload info = {
        .image = first->image,
        .slot = (uint8_t)first->slot,
        .len = first->req->len,
        .version = first->hdr.version,
    };
    struct td_cbor_text reason = TD_TEXT("app reject");
    uint32_t rc = TD_SMP_RC_OK;

    if (cfg->hooks != NULL && cfg->hooks->upload_begin != NULL)
        rc = cfg->hooks->upload_begin(cfg->hook_ctx, &info, &reason);
    return rc == TD_SMP_RC_OK ? td_result_done() : td_result_rc(rc, reason);
}

/* ---- every chunk --------------------------------------------------------------------- */

/* How far the slot has to be erased for the chunk: up to the end of a sector. */
static enum td_err erase_goal(const struct td_server *srv, size_t data_len, uint32_t *goal)
{
    const struct td_flash_area *area = area_of(srv);
    uint32_t last = base_of(srv) + srv->upload.off + (uint32_t)data_len;
    struct td_flash_sector sector;
    enum td_err err = td_flash_sector_at(area, last == 0 ? 0 : last - 1, &sector);

    if (err == TD_OK)
        *goal = sector.off + sector.size;
    return err;
}

/* Erases what the chunk needs, and before the first one the trailer. false: wait. */
static bool make_room(struct td_server_call *call, size_t data_len, enum td_err *err)
{
    struct td_server *srv = call->srv;
    struct td_server_session *up = &srv->upload;
    const struct td_flash_area *area = area_of(srv);
    struct td_server_range trailer = { 0, 0 }, sectors = { up->erased_to, 0 };
    uint32_t goal = 0;

    *err = erase_goal(srv, data_len, &goal);
    if (*err != TD_OK)
        return true;
    if (up->erased_to == 0 && srv->blank == area)
        up->erased_to = area->size;
    srv->blank = NULL;
    if (up->erased_to >= goal)
        return true;
    if (up->erased_to == 0)
        trailer = (struct td_server_range){ up->trailer_at, area->size - up->trailer_at };
    goal = td_min_u32(goal, up->trailer_at);
    sectors.len = goal > up->erased_to ? goal - up->erased_to : 0;
    if (!td_server_erase(call, area, trailer, sectors, err))
        return false;
    // Where image and trailer meet, the rest has been erased with the trailer.
    if (*err == TD_OK)
        up->erased_to = goal == up->trailer_at ? area->size : goal;
    return true;
}

static enum td_err write_tail(struct td_server *srv, uint32_t at)
{
    struct td_server_session *up = &srv->upload;
    const struct td_flash_area *area = area_of(srv);
    enum td_err err = td_flash_write(area, at, up->tail, area->dev->write_size);

    up->n_tail = 0;
    return err;
}

/* Writes whole units and keeps what is left of the last one. */
static enum td_err write_data(struct td_server *srv, const uint8_t *data, size_t len)
{
    struct td_server_session *up = &srv->upload;
    const struct td_flash_area *area = area_of(srv);
    size_t unit = area->dev->write_size, whole;
    uint32_t at = base_of(srv) + up->off - up->n_tail;
    enum td_err err = TD_OK;

    up->off += (uint32_t)len;
    if (up->n_tail > 0) {
        size_t n = len < unit - up->n_tail ? len : unit - up->n_tail;

        memcpy(up->tail + up->n_tail, data, n);
        up->n_tail = (uint8_t)(up->n_tail + n);
        data += n;
        len -= n;
        if (up->n_tail < unit)
            return TD_OK;
        err = write_tail(srv, at);
        at += (uint32_t)unit;
    }
    whole = len - len % unit;
    if (err == TD_OK && whole > 0)
        err = td_flash_write(area, at, data, whole);
    up->n_tail = (uint8_t)(len - whole);
    if (up->n_tail > 0)
        memcpy(up->tail, data + whole, up->n_tail);
    return err;
}

/* The last unit, filled up with what erased flash reads. */
static enum td_err flush(struct td_server *srv)
{
    struct td_server_session *up = &srv->upload;
    const struct td_flash_area *area = area_of(srv);
    uint32_t at = base_of(srv) + up->off - up->n_tail;

    if (up->n_tail == 0)
        return TD_OK;
    memset(up->tail + up->n_tail, area->dev->erased, area->dev->write_size - (size_t)up->n_tail);
    return write_tail(srv, at);
}

static void complete(struct td_server *srv)
{
    const struct td_server_config *cfg = srv->cfg;
    struct td_server_session *up = &srv->upload;
    const struct td_server_upload info = { up->image, up->slot, up->len, up->version };

    up->state = TD_SERVER_UPLOADED;
    up->matches = cfg->manner->checks_sha && up->sha_len == TD_SERVER_SHA_LEN &&
                  has_sha(area_of(srv), base_of(srv), up->len, up->sha);
    if (cfg->hooks != NULL && cfg->hooks->upload_done != NULL)
        cfg->hooks->upload_done(cfg->hook_ctx, &info);
}

/* The last word about a whole image. Whoever misses a refusal sends it again, and hears it. */
static struct td_server_result ask_uploaded(struct td_server *srv)
{
    const struct td_server_config *cfg = srv->cfg;
    struct td_server_session *up = &srv->upload;
    const struct td_server_upload info = { up->image, up->slot, up->len, up->version };
    struct td_cbor_text reason = TD_NO_REASON;
    uint32_t rc = TD_SMP_RC_OK;

    if (cfg->hooks != NULL && cfg->hooks->uploaded != NULL)
        rc = cfg->hooks->uploaded(cfg->hook_ctx, &info, &reason);
    if (rc == TD_SMP_RC_OK)
        return td_result_done();
    up->state = TD_SERVER_NO_UPLOAD;
    return td_result_rc(rc, reason);
}

/* Rules 13 to 16. */
static struct td_server_result take_chunk(struct td_server_call *call,
                                          const struct td_img_upload_req *req)
{
    struct td_server *srv = call->srv;
    struct td_server_session *up = &srv->upload;
    struct td_server_result result;
    enum td_err err;

    if (req->data.len > up->len - up->off)
        return give_up(srv, TD_IMG_OVERRUN, TD_TEXT("data overrun"));
    if (req->data.len > 0) {
        if (!make_room(call, req->data.len, &err))
            return td_result_wait();
        if (err != TD_OK)
            return give_up(srv, TD_IMG_FLASH_ERASE, TD_TEXT("fa erase fail"));
        if (write_data(srv, req->data.p, req->data.len) != TD_OK)
            return give_up(srv, TD_IMG_FLASH_WRITE, TD_TEXT("fa write fail"));
    }
    if (up->off < up->len)
        return put_offset(call, up->off);
    if (flush(srv) != TD_OK)
        return give_up(srv, TD_IMG_FLASH_WRITE, TD_TEXT("fa write fail"));
    complete(srv);
    result = ask_uploaded(srv);
    return result.kind == TD_SERVER_DONE ? put_end(call) : result;
}

static struct td_server_result first(struct td_server_call *call,
                                     const struct td_img_upload_req *req)
{
    struct td_server *srv = call->srv;
    struct first_chunk chunk = { .req = req };
    struct td_cbor_text reason = TD_NO_REASON;
    struct td_server_result result;
    uint32_t code;

    if (call->resumed && srv->upload.state == TD_SERVER_UPLOADING && srv->upload.off == 0)
        return take_chunk(call, req);
    code = check_chunk(&chunk, &reason);
    if (code != TD_IMG_OK)
        return td_result_err(code, reason);
    if (resumes(srv, req)) {
        srv->upload.link = call->link;
        return put_offset(call, srv->upload.off);
    }
    code = check_device(srv, &chunk, &reason);
    if (code != TD_IMG_OK)
        return td_result_err(code, reason);
    result = ask_begin(srv, &chunk);
    if (result.kind != TD_SERVER_DONE)
        return result;
    session_begin(srv, &chunk);
    srv->upload.link = call->link;
    if (is_there_already(srv, &chunk)) {
        srv->upload.state = TD_SERVER_NO_UPLOAD;
        srv->upload.matches = true;
        return put_end(call);
    }
    return take_chunk(call, req);
}

static struct td_server_result later(struct td_server_call *call,
                                     const struct td_img_upload_req *req)
{
    const struct td_server_session *up = &call->srv->upload;

    // The last chunk again: its answer was lost.
    if (up->state == TD_SERVER_UPLOADED && call->srv->cfg->manner->remembers_end &&
        req->off < up->len && req->data.len == up->len - req->off)
        return put_end(call);
    if (up->state != TD_SERVER_UPLOADING)
        return put_offset(call, 0);
    // Bytes of two files would make a third one, where the offsets happen to fit.
    if (call->srv->cfg->manner->binds_uploads && up->link != NULL && up->link != call->link)
        return td_result_rc(TD_SMP_RC_BUSY, TD_TEXT("another link uploads"));
    if (req->off != up->off)
        return put_offset(call, up->off);
    return take_chunk(call, req);
}

struct td_server_result td_server_img_upload(struct td_server_call *call)
{
    struct td_img_upload_req req;

    if (td_img_upload_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_rc(TD_SMP_RC_INVALID, TD_TEXT("malformed request"));
    if (!req.has_off)
        return td_result_err(TD_IMG_NO_OFFSET, TD_TEXT("no offset"));
    return req.off == 0 ? first(call, &req) : later(call, &req);
}

bool td_server_is_written(const struct td_server *srv, unsigned image, unsigned slot)
{
    const struct td_server_session *up = &srv->upload;

    return up->state == TD_SERVER_UPLOADING && up->image == image && up->slot == slot;
}

/* ---- ahead of the data --------------------------------------------------------------- */

bool td_server_upload_wants_ahead(const struct td_server *srv)
{
    const struct td_server_session *up = &srv->upload;

    return srv->cfg->manner->steps && srv->hold != NULL && up->state == TD_SERVER_UPLOADING &&
           up->off > 0 && !up->ahead_failed &&
           up->erased_to < td_min_u32(base_of(srv) + up->len, up->trailer_at);
}

void td_server_upload_ahead(struct td_server *srv)
{
    const struct td_flash_area *area = area_of(srv);
    struct td_flash_sector sector;

    if (td_flash_sector_at(area, srv->upload.erased_to, &sector) != TD_OK ||
        td_flash_erase_begin(&srv->erase.job, area, sector.off, sector.size) != TD_OK) {
        srv->upload.ahead_failed = true;
        return;
    }
    srv->erase.state = TD_SERVER_ERASE_AHEAD;
    srv->erase.then_len = 0;
}

void td_server_upload_went_ahead(struct td_server *srv, enum td_err err)
{
    struct td_server_session *up = &srv->upload;
    struct td_flash_sector sector;

    if (up->state != TD_SERVER_UPLOADING)
        return;
    if (err == TD_OK)
        err = td_flash_sector_at(area_of(srv), up->erased_to, &sector);
    // The chunk that needs the sector tries again, and reports.
    if (err == TD_OK)
        up->erased_to = sector.off + sector.size;
    else
        up->ahead_failed = true;
}
