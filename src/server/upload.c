/*
 * server/upload.c - an image comes in, chunk by chunk.
 *
 *                    first chunk
 *   NO_UPLOAD ---------------------------> CHECKING     what lies in the slot is hashed
 *       ^                                     |  |
 *       | flash failed,    not there, or      |  | all of it is there: answered, NO_UPLOAD
 *       | overrun, erase   a part of it       v
 *       +-------------------------------- UPLOADING     chunks
 *       |                                     | last byte
 *       |                                     v
 *       +-- refused ----------------------- FINISHING   what was written is hashed
 *                                             |
 *                                             v
 *                                          UPLOADED
 *
 * 1. The slot's trailer is erased before anything else of it: whatever was pending there is
 *    not pending for the image that follows.
 * 2. No byte is written into a sector that was not erased for this upload.
 * 3. What does not fit the expected offset changes nothing and is told that offset.
 * 4. Bytes count as there after a reset only when a record speaks of them and they have its digest.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "crypto/hash.h"
#include "server/server_priv.h"
#include "smp/image.h"
#include "smp/tandem.h"

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

const struct td_flash_area *td_server_upload_area(const struct td_server *srv)
{
    return image_of(srv)->slot[srv->upload.slot];
}

uint32_t td_server_upload_base(const struct td_server *srv)
{
    return srv->upload.slot == 1 ? image_of(srv)->upload_off : 0;
}

/* Whether what was hashed last begins with this. */
static bool has_digest(struct td_server *srv, const uint8_t *want, size_t len)
{
    uint8_t digest[TD_SERVER_SHA_LEN];

    td_hash_final(&srv->upload.hash, digest);
    return memcmp(digest, want, len) == 0;
}

/* ---- the first chunk ----------------------------------------------------------------- */

/*
 * Whether this is the upload under way. The sha may be as short as its sender likes, but who comes
 * by another way has to say all of it.
 */
static bool resumes(const struct td_server *srv, const struct td_server_link *link,
                    const struct td_img_upload_req *req)
{
    const struct td_server_session *up = &srv->upload;
    bool knows_it =
        !srv->cfg->manner->binds_uploads || up->link == link || req->sha.len == TD_SERVER_SHA_LEN;
    unsigned slot;

    return knows_it && up->state == TD_SERVER_UPLOADING && up->off > 0 && req->sha.len > 0 &&
           up->len == req->len && up->image == td_server_wanted_image(srv, req) &&
           td_server_wanted_slot(srv, up->image, req, &slot) != NULL && up->slot == slot &&
           up->sha_len == req->sha.len && memcmp(up->sha, req->sha.p, req->sha.len) == 0;
}

static void session_begin(struct td_server *srv, const struct td_server_first *first)
{
    struct td_server_session *up = &srv->upload;
    const struct td_img_upload_req *req = first->req;

    memset(up, 0, sizeof *up);
    up->state = TD_SERVER_CHECKING;
    up->image = first->image;
    up->slot = (uint8_t)first->slot;
    up->len = req->len;
    up->version = first->hdr.version;
    up->sha_len = (uint8_t)req->sha.len;
    if (up->sha_len > 0)
        memcpy(up->sha, req->sha.p, up->sha_len);
    up->trailer_at = td_server_trailer_at(image_of(srv), up->slot);
}

static struct td_server_upload describe(const struct td_server *srv)
{
    const struct td_server_session *up = &srv->upload;

    return (struct td_server_upload){ up->image, up->slot, up->len, up->version };
}

static struct td_server_result ask_begin(const struct td_server *srv,
                                         const struct td_server_first *first)
{
    const struct td_server_config *cfg = srv->cfg;
    const struct td_server_upload info = {
        .image = first->image,
        .slot = (uint8_t)first->slot,
        .len = first->req->len,
        .version = first->hdr.version,
    };
    struct td_cbor_text reason = TD_TEXT("app reject");
    uint32_t said = TD_SMP_RC_OK;

    if (cfg->hooks != NULL && cfg->hooks->upload_begin != NULL)
        said = cfg->hooks->upload_begin(cfg->hook_ctx, &info, &reason);
    return td_result_of_hook(said, reason);
}

/* Whether the slot begins like the file; where it does not, there is nothing to hash. */
static bool begins_alike(const struct td_server *srv, const struct td_img_upload_req *req)
{
    uint8_t head[TD_IMAGE_HEADER_SIZE];

    return srv->cfg->manner->checks_sha && req->sha.len == TD_SERVER_SHA_LEN &&
           req->len >= sizeof head &&
           td_flash_read(td_server_upload_area(srv), td_server_upload_base(srv), head,
                         sizeof head) == TD_OK &&
           memcmp(head, req->data.p, sizeof head) == 0;
}

/* ---- every chunk --------------------------------------------------------------------- */

/* How far the slot has to be erased for the chunk: up to the end of a sector. */
static enum td_err erase_goal(const struct td_server *srv, size_t data_len, uint32_t *goal)
{
    const struct td_flash_area *area = td_server_upload_area(srv);
    uint32_t last = td_server_upload_base(srv) + srv->upload.off + (uint32_t)data_len;
    struct td_flash_sector sector;
    enum td_err err = td_flash_sector_at(area, last == 0 ? 0 : last - 1, &sector);

    if (err == TD_OK)
        *goal = sector.off + sector.size;
    return err;
}

/* Erases what the chunk needs, and before anything else the trailer. false: wait. */
static bool make_room(struct td_server_call *call, size_t data_len, enum td_err *err)
{
    struct td_server *srv = call->srv;
    struct td_server_session *up = &srv->upload;
    const struct td_flash_area *area = td_server_upload_area(srv);
    struct td_server_range trailer = { 0, 0 }, sectors = { up->erased_to, 0 };
    uint32_t goal = 0;

    *err = erase_goal(srv, data_len, &goal);
    if (*err != TD_OK)
        return true;
    if (srv->blank == area) {
        up->erased_to = area->size;
        up->trailer_erased = true;
    }
    srv->blank = NULL;
    if (up->erased_to >= goal && up->trailer_erased)
        return true;
    if (!up->trailer_erased && up->kept == 0)
        td_server_keep_nothing(srv, up->image, up->slot);
    if (!up->trailer_erased)
        trailer = (struct td_server_range){ up->trailer_at, area->size - up->trailer_at };
    goal = td_max_u32(td_min_u32(goal, up->trailer_at), up->erased_to);
    sectors.len = goal - up->erased_to;
    if (!td_server_erase(call, area, trailer, sectors, err))
        return false;
    if (*err != TD_OK)
        return true;
    up->trailer_erased = true;
    // Where image and trailer meet, the rest has been erased with the trailer.
    up->erased_to = goal == up->trailer_at ? area->size : goal;
    return true;
}

static enum td_err write_tail(struct td_server *srv, uint32_t at)
{
    struct td_server_session *up = &srv->upload;
    const struct td_flash_area *area = td_server_upload_area(srv);
    enum td_err err = td_flash_write(area, at, up->tail, area->dev->write_size);

    up->n_tail = 0;
    return err;
}

/* Writes whole units and keeps what is left of the last one. */
static enum td_err write_data(struct td_server *srv, const uint8_t *data, size_t len)
{
    struct td_server_session *up = &srv->upload;
    const struct td_flash_area *area = td_server_upload_area(srv);
    size_t unit = area->dev->write_size, whole;
    uint32_t at = td_server_upload_base(srv) + up->off - up->n_tail;
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
    const struct td_flash_area *area = td_server_upload_area(srv);
    uint32_t at = td_server_upload_base(srv) + up->off - up->n_tail;

    if (up->n_tail == 0)
        return TD_OK;
    memset(up->tail + up->n_tail, area->dev->erased, area->dev->write_size - (size_t)up->n_tail);
    return write_tail(srv, at);
}

/* ---- what would survive a reset --------------------------------------------------------- */

/* Where the last whole sector ends of the file's first len bytes; in bytes of the file. */
static uint32_t whole_sectors(const struct td_server *srv, uint32_t len)
{
    uint32_t base = td_server_upload_base(srv), end = base + len;
    struct td_flash_sector sector;

    end = td_min_u32(end, srv->upload.trailer_at);
    if (td_flash_sector_at(td_server_upload_area(srv), end, &sector) == TD_OK)
        end = sector.off;
    return end > base ? end - base : 0;
}

/*
 * Hashes a chunk that is about to be written. Where it completes a sector that is worth a record,
 * that is how much of the file to keep, with its digest; otherwise 0.
 */
static uint32_t follow(struct td_server *srv, const struct td_cbor_bytes *data,
                       uint8_t digest[TD_SERVER_SHA_LEN])
{
    struct td_server_session *up = &srv->upload;
    uint32_t end = up->off + (uint32_t)data->len, whole;
    size_t front = 0;

    if (up->keep_every == 0)
        return 0;
    whole = whole_sectors(srv, end);
    if (end < up->len && whole >= up->off && whole >= up->kept + up->keep_every) {
        front = whole - up->off;
        td_hash_update(&up->hash, data->p, front);
        td_hash_final(&up->hash, digest);
    } else {
        whole = 0;
    }
    td_hash_update(&up->hash, data->p + front, data->len - front);
    return whole;
}

/* ---- the end ----------------------------------------------------------------------------- */

/* The last word about a whole image. Whoever misses a refusal sends it again, and hears it. */
static struct td_server_result ask_uploaded(struct td_server *srv)
{
    const struct td_server_config *cfg = srv->cfg;
    const struct td_server_upload info = describe(srv);
    struct td_cbor_text reason = TD_NO_REASON;
    uint32_t said = TD_SMP_RC_OK;

    if (cfg->hooks != NULL && cfg->hooks->uploaded != NULL)
        said = cfg->hooks->uploaded(cfg->hook_ctx, &info, &reason);
    if (said != TD_SMP_RC_OK)
        srv->upload.state = TD_SERVER_NO_UPLOAD;
    return td_result_of_hook(said, reason);
}

/* All bytes are written, and hashed where that was asked for. */
static struct td_server_result complete(struct td_server *srv, bool matches)
{
    const struct td_server_config *cfg = srv->cfg;
    struct td_server_session *up = &srv->upload;
    const struct td_server_upload info = describe(srv);

    up->state = TD_SERVER_UPLOADED;
    up->matches = matches;
    up->kept = 0;
    td_server_keep_nothing(srv, up->image, up->slot);
    if (cfg->hooks != NULL && cfg->hooks->upload_done != NULL)
        cfg->hooks->upload_done(cfg->hook_ctx, &info);
    return ask_uploaded(srv);
}

static bool matches_sha(struct td_server *srv, enum td_err err)
{
    return err == TD_OK && has_digest(srv, srv->upload.sha, TD_SERVER_SHA_LEN);
}

static struct td_server_result finish(struct td_server_call *call)
{
    struct td_server *srv = call->srv;
    struct td_server_session *up = &srv->upload;
    struct td_server_result result;
    bool matches = false;
    enum td_err err;

    up->state = TD_SERVER_FINISHING;
    if (srv->cfg->manner->checks_sha && up->sha_len == TD_SERVER_SHA_LEN) {
        if (!td_server_hash(call, td_server_upload_area(srv),
                            (struct td_server_range){ td_server_upload_base(srv), up->len }, &err))
            return td_result_wait();
        matches = matches_sha(srv, err);
    }
    result = complete(srv, matches);
    return result.kind == TD_SERVER_DONE ? put_end(call) : result;
}

void td_server_upload_orphaned(struct td_server *srv, enum td_err err)
{
    struct td_server_session *up = &srv->upload;

    if (up->state == TD_SERVER_FINISHING)
        (void)complete(srv, matches_sha(srv, err));
    else if (up->state == TD_SERVER_CHECKING)
        up->state = TD_SERVER_NO_UPLOAD; // nothing was changed yet
}

/* ---- chunks ------------------------------------------------------------------------------ */

static struct td_server_result ask_chunk(const struct td_server *srv,
                                         const struct td_img_upload_req *req)
{
    const struct td_server_config *cfg = srv->cfg;
    const struct td_server_upload info = describe(srv);
    struct td_cbor_text reason = TD_TEXT("app reject");
    uint32_t said = TD_SMP_RC_OK;

    if (cfg->hooks != NULL && cfg->hooks->chunk != NULL)
        said = cfg->hooks->chunk(cfg->hook_ctx, &info, srv->upload.off, (uint32_t)req->data.len,
                                 &reason);
    return td_result_of_hook(said, reason);
}

/* Rules 11, 15 and 16; the chunk has a place and may be written. */
static struct td_server_result take_chunk(struct td_server_call *call,
                                          const struct td_img_upload_req *req)
{
    struct td_server *srv = call->srv;
    struct td_server_session *up = &srv->upload;
    uint8_t digest[TD_SERVER_SHA_LEN];
    uint32_t keep;
    enum td_err err;

    if (req->data.len > 0) {
        if (!make_room(call, req->data.len, &err))
            return td_result_wait();
        if (err != TD_OK)
            return give_up(srv, TD_IMG_FLASH_ERASE, TD_TEXT("fa erase fail"));
        keep = follow(srv, &req->data, digest);
        if (write_data(srv, req->data.p, req->data.len) != TD_OK)
            return give_up(srv, TD_IMG_FLASH_WRITE, TD_TEXT("fa write fail"));
        if (keep > 0)
            td_server_keep(srv, keep, digest);
    }
    if (up->off < up->len)
        return put_offset(call, up->off);
    if (flush(srv) != TD_OK)
        return give_up(srv, TD_IMG_FLASH_WRITE, TD_TEXT("fa write fail"));
    return finish(call);
}

/* Rules 13 and 14. */
static struct td_server_result check_and_take(struct td_server_call *call,
                                              const struct td_img_upload_req *req)
{
    struct td_server_session *up = &call->srv->upload;
    struct td_server_result result;

    if (req->data.len > up->len - up->off)
        return give_up(call->srv, TD_IMG_OVERRUN, TD_TEXT("data overrun"));
    result = ask_chunk(call->srv, req);
    return result.kind == TD_SERVER_DONE ? take_chunk(call, req) : result;
}

static struct td_server_result start_over(struct td_server_call *call,
                                          const struct td_img_upload_req *req)
{
    struct td_server *srv = call->srv;
    struct td_server_session *up = &srv->upload;
    struct td_server_result result;

    up->state = TD_SERVER_UPLOADING;
    td_hash_init(&up->hash, &td_sha256);
    result = check_and_take(call, req);
    // A refused upload has changed nothing, so there is none.
    if (result.kind != TD_SERVER_DONE && result.kind != TD_SERVER_WAIT)
        up->state = TD_SERVER_NO_UPLOAD;
    return result;
}

/* The bytes of which a record speaks are there: the next one is wanted, and the trailer goes. */
static struct td_server_result go_on(struct td_server_call *call)
{
    struct td_server *srv = call->srv;
    enum td_err err;

    if (!make_room(call, 0, &err))
        return td_result_wait();
    if (err != TD_OK)
        return give_up(srv, TD_IMG_FLASH_ERASE, TD_TEXT("fa erase fail"));
    return put_offset(call, srv->upload.off);
}

static void take_over(struct td_server *srv, uint32_t len)
{
    struct td_server_session *up = &srv->upload;

    up->state = TD_SERVER_UPLOADING;
    up->start = TD_START_AFTER_RESET;
    up->off = len;
    up->kept = len;
    up->erased_to = td_server_upload_base(srv) + len;
}

/* Whether the file, or the beginning of it that was kept, lies in the slot. */
static struct td_server_result check_slot(struct td_server_call *call,
                                          const struct td_img_upload_req *req)
{
    struct td_server *srv = call->srv;
    struct td_server_session *up = &srv->upload;
    uint8_t digest[TD_SERVER_KEPT_DIGEST];
    uint32_t kept = td_server_kept(srv, digest, &up->start), len = kept > 0 ? kept : up->len;
    enum td_err err;

    if (!begins_alike(srv, req)) {
        if (kept > 0)
            up->start = TD_START_CHANGED;
        return start_over(call, req);
    }
    if (!td_server_hash(call, td_server_upload_area(srv),
                        (struct td_server_range){ td_server_upload_base(srv), len }, &err))
        return td_result_wait();
    if (kept == 0 && matches_sha(srv, err)) {
        up->state = TD_SERVER_NO_UPLOAD;
        up->start = TD_START_THERE;
        up->off = up->len;
        up->matches = true;
        return put_end(call);
    }
    if (kept > 0 && err == TD_OK && has_digest(srv, digest, sizeof digest)) {
        take_over(srv, kept);
        return go_on(call);
    }
    if (kept > 0)
        up->start = TD_START_CHANGED;
    return start_over(call, req);
}

static struct td_server_result first(struct td_server_call *call,
                                     const struct td_img_upload_req *req)
{
    struct td_server *srv = call->srv;
    struct td_server_first chunk = { .req = req };
    struct td_cbor_text reason = TD_NO_REASON;
    struct td_server_result result;
    uint32_t code = td_server_first_chunk(&chunk, &reason);

    if (code != TD_IMG_OK)
        return td_result_err(code, reason);
    if (resumes(srv, call->link, req)) {
        srv->upload.link = call->link;
        srv->upload.start = TD_START_AFTER_LINK;
        return put_offset(call, srv->upload.off);
    }
    code = td_server_first_device(srv, &chunk, &reason);
    if (code != TD_IMG_OK)
        return td_result_err(code, reason);
    result = ask_begin(srv, &chunk);
    if (result.kind != TD_SERVER_DONE)
        return result;
    session_begin(srv, &chunk);
    srv->upload.link = call->link;
    td_server_keep_plan(srv);
    return check_slot(call, req);
}

static struct td_server_result later(struct td_server_call *call,
                                     const struct td_img_upload_req *req)
{
    const struct td_server_session *up = &call->srv->upload;
    bool is_bound = call->srv->cfg->manner->binds_uploads;
    bool is_mine = !is_bound || up->link == call->link;

    // The last chunk again: its answer was lost.
    if (up->state == TD_SERVER_UPLOADED && call->srv->cfg->manner->remembers_end && is_mine &&
        req->off < up->len && req->data.len == up->len - req->off)
        return put_end(call);
    // Bytes of two files would make a third one, where the offsets happen to fit.
    if (up->state != TD_SERVER_UPLOADING || (is_bound && up->link == NULL))
        return put_offset(call, 0);
    if (!is_mine)
        return td_result_rc(TD_SMP_RC_BUSY, TD_TEXT("another link uploads"));
    if (req->off != up->off)
        return put_offset(call, up->off);
    return check_and_take(call, req);
}

/* A chunk that had to wait, from where it stopped. */
static struct td_server_result resume(struct td_server_call *call,
                                      const struct td_img_upload_req *req)
{
    const struct td_server_session *up = &call->srv->upload;

    switch (up->state) {
    case TD_SERVER_CHECKING: return check_slot(call, req);
    case TD_SERVER_UPLOADING:
        return req->off == 0 && up->off > 0 ? go_on(call) : take_chunk(call, req);
    case TD_SERVER_FINISHING: return finish(call);
    default: return put_offset(call, 0);
    }
}

struct td_server_result td_server_img_upload(struct td_server_call *call)
{
    struct td_img_upload_req req;

    if (td_img_upload_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    if (!req.has_off)
        return td_result_err(TD_IMG_NO_OFFSET, TD_TEXT("no offset"));
    if (call->resumed)
        return resume(call, &req);
    return req.off == 0 ? first(call, &req) : later(call, &req);
}

bool td_server_is_written(const struct td_server *srv, unsigned image, unsigned slot)
{
    const struct td_server_session *up = &srv->upload;

    return (up->state == TD_SERVER_UPLOADING || up->state == TD_SERVER_FINISHING) &&
           up->image == image && up->slot == slot;
}

/* ---- ahead of the data --------------------------------------------------------------- */

bool td_server_upload_wants_ahead(const struct td_server *srv)
{
    const struct td_server_session *up = &srv->upload;

    return srv->cfg->manner->steps && srv->hold != NULL && up->state == TD_SERVER_UPLOADING &&
           up->off > 0 && up->trailer_erased && !up->ahead_failed &&
           up->erased_to < td_min_u32(td_server_upload_base(srv) + up->len, up->trailer_at);
}

void td_server_upload_ahead(struct td_server *srv)
{
    const struct td_flash_area *area = td_server_upload_area(srv);
    struct td_flash_sector sector;

    if (td_flash_sector_at(area, srv->upload.erased_to, &sector) != TD_OK ||
        td_flash_erase_begin(&srv->job.erase, area, sector.off, sector.size) != TD_OK) {
        srv->upload.ahead_failed = true;
        return;
    }
    srv->job.state = TD_SERVER_JOB_AHEAD;
    srv->job.hashes = false;
    srv->job.area = area;
    srv->job.then_len = 0;
}

void td_server_upload_went_ahead(struct td_server *srv, enum td_err err)
{
    struct td_server_session *up = &srv->upload;
    struct td_flash_sector sector;

    if (up->state != TD_SERVER_UPLOADING)
        return;
    if (err == TD_OK)
        err = td_flash_sector_at(td_server_upload_area(srv), up->erased_to, &sector);
    // The chunk that needs the sector tries again, and reports.
    if (err == TD_OK)
        up->erased_to = sector.off + sector.size;
    else
        up->ahead_failed = true;
}
