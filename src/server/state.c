/*
 * server/state.c - the list of images, what of them is pending or confirmed, and changing it.
 *
 * Flags come from the trailers each time. A success says that the device now holds what was
 * asked for: the answer is the list, read again after the change.
 */
#include <string.h>

#include "base/range.h"
#include "server/server_priv.h"
#include "smp/image.h"

/* ---- list ---------------------------------------------------------------------------- */

struct flags {
    bool pending, confirmed, active, permanent;
};

/* Images that are chosen by version: the other slot runs next when it holds a newer one. */
static struct flags flags_by_version(const struct td_server_image *image, unsigned slot,
                                     const struct td_server_look *look)
{
    struct td_server_look active;
    bool is_active = slot == image->active_slot, newer;

    if (is_active)
        return (struct flags){ .active = true, .confirmed = true };
    if (td_server_look(image, image->active_slot, &active) != TD_OK || !active.present)
        return (struct flags){ .pending = false };
    newer = td_version_cmp(&look->img.hdr.version, &active.img.hdr.version) > 0;
    return (struct flags){ .pending = newer, .permanent = newer };
}

static struct flags flags_of(const struct td_server_image *image, unsigned slot,
                             const struct td_server_look *look, enum td_swap_type next)
{
    bool is_active = slot == image->active_slot;

    if (!td_server_has_requests(image))
        return flags_by_version(image, slot, look);
    if (is_active)
        return (struct flags){ .active = true, .confirmed = next != TD_SWAP_REVERT };
    return (struct flags){
        .pending = next == TD_SWAP_TEST || next == TD_SWAP_PERM,
        .permanent = next == TD_SWAP_PERM,
        .confirmed = next == TD_SWAP_REVERT,
    };
}

static enum td_err put_slot(struct td_server_call *call, unsigned index, unsigned slot,
                            enum td_swap_type next)
{
    const struct td_server_config *cfg = call->srv->cfg;
    const struct td_server_image *image = &cfg->images[index];
    char version[TD_IMG_VERSION_MAX];
    struct td_img_entry entry = { .has_image = cfg->n_images > 1, .image = index, .slot = slot };
    struct td_server_look look;
    struct td_verdict why;
    struct flags flags;
    enum td_err err;

    if (td_server_is_written(call->srv, index, slot))
        return TD_OK;
    err = td_server_look(image, slot, &look);
    if (err != TD_OK || !look.present)
        return err;
    flags = flags_of(image, slot, &look, next);
    entry.has_version = true;
    entry.version = td_img_version_text(&look.img.hdr.version, version);
    entry.has_hash = look.hash_len > 0;
    entry.hash = (struct td_cbor_bytes){ look.hash, look.hash_len };
    entry.bootable = (look.img.hdr.flags & TD_IMAGE_F_NON_BOOTABLE) == 0 &&
                     (cfg->hooks == NULL || cfg->hooks->judge == NULL ||
                      cfg->hooks->judge(cfg->hook_ctx, (uint8_t)index, (uint8_t)slot, &why));
    entry.pending = flags.pending;
    entry.confirmed = flags.confirmed;
    entry.active = flags.active;
    entry.permanent = flags.permanent;
    td_img_list_put(call->out, &entry, cfg->manner->frugal);
    return TD_OK;
}

static enum td_err put_image(struct td_server_call *call, unsigned index)
{
    struct td_server_pair pair;
    enum td_err err = td_server_pair_read(call->srv, index, &pair);

    for (unsigned slot = 0; slot < 2 && err == TD_OK; slot++)
        err = put_slot(call, index, slot, pair.next);
    return err;
}

static struct td_server_result put_list(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    enum td_err err = TD_OK;

    td_img_list_put_begin(call->out);
    for (unsigned i = 0; i < cfg->n_images && err == TD_OK; i++)
        err = put_image(call, i);
    if (err != TD_OK)
        return td_result_err(TD_IMG_FLASH_READ, TD_TEXT("slot unreadable"));
    td_img_list_put_end(call->out, !cfg->manner->frugal);
    return td_result_done();
}

struct td_server_result td_server_img_list(struct td_server_call *call)
{
    return put_list(call);
}

/* ---- test and confirm ---------------------------------------------------------------- */

/* Which slot a request is about. */
struct subject {
    unsigned image, slot;
    bool is_running; /* it belongs to the image that runs this server */
    bool is_active;  /* it is the slot that runs */
    uint32_t end;    /* bytes into the slot where its image ends */
};

static struct subject subject_of(const struct td_server_config *cfg, unsigned image, unsigned slot,
                                 uint32_t end)
{
    return (struct subject){ image, slot,
                             image == cfg->running_image || cfg->images[image].spoken_for,
                             slot == cfg->images[image].active_slot, end };
}

/* The first slot whose image carries this hash. */
static uint32_t find_hash(const struct td_server *srv, struct td_cbor_bytes hash,
                          struct subject *subject)
{
    const struct td_server_config *cfg = srv->cfg;
    struct td_server_look look;

    for (unsigned i = 0; i < 2u * cfg->n_images; i++) {
        // A request here would also be one for whatever the upload ends with.
        if (td_server_is_written(srv, i / 2, i % 2))
            continue;
        if (td_server_look(&cfg->images[i / 2], i % 2, &look) != TD_OK)
            return TD_IMG_FLASH_READ;
        if (!look.present || look.hash_len != hash.len || memcmp(look.hash, hash.p, hash.len) != 0)
            continue;
        *subject = subject_of(cfg, i / 2, i % 2, look.base + look.img.size);
        return TD_IMG_OK;
    }
    return TD_IMG_HASH_NOT_FOUND;
}

static uint32_t find_subject(const struct td_server *srv, const struct td_img_state_req *req,
                             bool confirm, struct subject *subject)
{
    const struct td_server_config *cfg = srv->cfg;

    // Some old servers wanted an empty hash for "the running one", so clients may send it.
    if (!req->has_hash || req->hash.len == 0) {
        if (!confirm)
            return TD_IMG_BAD_HASH;
        *subject =
            subject_of(cfg, cfg->running_image, cfg->images[cfg->running_image].active_slot, 0);
        return TD_IMG_OK;
    }
    if (req->hash.len != cfg->hash_len)
        return TD_IMG_BAD_HASH;
    return find_hash(srv, req->hash, subject);
}

enum act { ACT_NOTHING, ACT_TEST, ACT_PERMANENT, ACT_CONFIRM };

/* An image that this server does not belong to: its primary slot is left alone. */
static uint32_t decide_other(const struct subject *s, bool confirm, enum act *act)
{
    if (s->is_active)
        return confirm ? TD_IMG_CONFIRM_DENIED : TD_IMG_TEST_ACTIVE_DENIED;
    *act = confirm ? ACT_PERMANENT : ACT_TEST;
    return TD_IMG_OK;
}

/* The table of docs/spec/smp.md: what a state write does to the running image's slots. */
static uint32_t decide(const struct subject *s, const struct td_server_pair *pair, bool confirm,
                       bool last_wins, enum act *act)
{
    *act = ACT_NOTHING;
    if (!s->is_running)
        return decide_other(s, confirm, act);
    if (s->is_active && !confirm)
        return TD_IMG_TEST_ACTIVE_DENIED;
    if (last_wins && !s->is_active && !pair->needed) {
        *act = confirm ? ACT_PERMANENT : ACT_TEST;
        return TD_IMG_OK;
    }
    switch (s->is_active && pair->needed ? TD_SWAP_REVERT : pair->next) {
    case TD_SWAP_TEST: return confirm ? TD_IMG_ALREADY_PENDING : TD_IMG_OK;
    case TD_SWAP_PERM: return confirm && !s->is_active ? TD_IMG_OK : TD_IMG_ALREADY_PENDING;
    case TD_SWAP_REVERT:
        if (!confirm)
            return TD_IMG_ALREADY_PENDING;
        *act = s->is_active ? ACT_CONFIRM : ACT_NOTHING;
        return TD_IMG_OK;
    case TD_SWAP_NONE: break;
    }
    if (s->is_active)
        *act = ACT_CONFIRM;
    else
        *act = confirm ? ACT_PERMANENT : ACT_TEST;
    return TD_IMG_OK;
}

/* What servers before Zephyr 3.4 did: little was refused, and little of it told. */
static struct td_server_result decide_old(const struct subject *s, enum td_swap_type next,
                                          bool confirm, enum act *act)
{
    if (s->is_active && confirm) {
        *act = ACT_CONFIRM;
        return td_result_done();
    }
    // Confirmed slots are not marked again: the running one, and the one to revert to.
    if (s->is_active || next == TD_SWAP_REVERT)
        return td_result_rc(TD_SMP_RC_BAD_STATE, TD_NO_REASON);
    *act = confirm ? ACT_PERMANENT : ACT_TEST;
    return td_result_done();
}

static enum td_err perform(const struct td_server_pair *pair, const struct subject *s, enum act act,
                           enum td_slot_done *done)
{
    *done = TD_SLOT_ALREADY;
    switch (act) {
    case ACT_NOTHING: break;
    case ACT_TEST: return td_slot_set_pending(&pair->slots, false, s->end, done);
    case ACT_PERMANENT: return td_slot_set_pending(&pair->slots, true, s->end, done);
    case ACT_CONFIRM: return td_slot_confirm(&pair->slots, done);
    }
    return TD_OK;
}

static struct td_cbor_text reason_of(enum td_err err)
{
    switch (err) {
    case TD_ESLOT_TRIAL: return TD_TEXT("an image is on trial: confirm it or let it revert");
    case TD_ESLOT_UNDERWAY: return TD_TEXT("a swap is under way");
    case TD_ESLOT_MAGIC: return TD_TEXT("trailer magic is torn");
    case TD_ESLOT_IMAGE_OK: return TD_TEXT("image_ok is torn: reset, and it reverts");
    case TD_ESLOT_SHARED: return TD_TEXT("trailer shares a sector with the image: erase the slot");
    case TD_EFLASH: return TD_TEXT("flash failed");
    default: return TD_NO_REASON;
    }
}

static struct td_cbor_text reason_of_code(uint32_t code)
{
    switch (code) {
    case TD_IMG_ALREADY_PENDING: return TD_TEXT("an image is pending or on trial already");
    case TD_IMG_TEST_ACTIVE_DENIED: return TD_TEXT("it is running already");
    case TD_IMG_CONFIRM_DENIED: return TD_TEXT("only its own core confirms it");
    case TD_IMG_BAD_HASH: return TD_TEXT("hash missing or of the wrong length");
    case TD_IMG_HASH_NOT_FOUND: return TD_TEXT("no slot holds this hash");
    case TD_IMG_NOT_NEWER: return TD_TEXT("this bootloader runs the higher version");
    default: return TD_NO_REASON;
    }
}

/* Success of perform, as the manner sees it: the old ones also swallowed a confirm's failure. */
static struct td_server_result outcome(const struct td_server_call *call, enum act act,
                                       enum td_err err)
{
    if (err == TD_OK || (act == ACT_CONFIRM && call->srv->cfg->manner->old_state_write))
        return td_result_done();
    return td_result_err(td_server_image_error(err), reason_of(err));
}

/* Installed, closed, and not spoken for; in modes that choose, where there is a way back. */
static bool is_on_trial(const struct td_server_pair *pair)
{
    return pair->needed && pair->slots.primary != NULL && !td_slot_underway(&pair->state[0]);
}

static void tell_confirmed(const struct td_server_config *cfg, unsigned image,
                           enum td_slot_done done)
{
    if (done == TD_SLOT_WRITTEN && cfg->hooks != NULL && cfg->hooks->confirmed != NULL)
        cfg->hooks->confirmed(cfg->hook_ctx, (uint8_t)image);
}

/*
 * The other images that are on trial and that nobody else speaks for: the bootloader takes a group
 * back whole when one of it is not confirmed. The one that was asked for is marked after them,
 * so that a cut in between leaves the trial what it was.
 */
static enum td_err confirm_others(struct td_server_call *call, const struct subject *s)
{
    const struct td_server_config *cfg = call->srv->cfg;
    enum td_err err = TD_OK;

    for (unsigned i = 0; err == TD_OK && i < cfg->n_images; i++) {
        bool is_ours = i == cfg->running_image || cfg->images[i].spoken_for;
        struct td_server_pair pair;
        enum td_slot_done done;

        if (i == s->image || !is_ours)
            continue;
        err = td_server_pair_read(call->srv, i, &pair);
        if (err != TD_OK || !is_on_trial(&pair))
            continue;
        err = td_slot_confirm(&pair.slots, &done);
        if (err == TD_OK)
            tell_confirmed(cfg, i, done);
    }
    return err;
}

static struct td_server_result change(struct td_server_call *call, const struct subject *s,
                                      bool confirm)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_server_result result = td_result_done();
    struct td_server_pair pair;
    enum act act = ACT_NOTHING;
    enum td_slot_done done;
    enum td_err err;
    uint32_t code;

    if (td_server_pair_read(call->srv, s->image, &pair) != TD_OK)
        return td_result_err(TD_IMG_FLASH_READ, TD_TEXT("slot unreadable"));
    if (cfg->manner->old_state_write) {
        result = decide_old(s, pair.next, confirm, &act);
    } else {
        code = decide(s, &pair, confirm, cfg->recovers, &act);
        // No request makes a bootloader that goes by versions run the older one.
        if (code == TD_IMG_OK && (act == ACT_TEST || act == ACT_PERMANENT) && pair.older)
            code = TD_IMG_NOT_NEWER;
        if (code != TD_IMG_OK)
            result = td_result_err(code, reason_of_code(code));
    }
    if (result.kind != TD_SERVER_DONE)
        return result;
    err = act == ACT_CONFIRM && is_on_trial(&pair) && !cfg->manner->stock_requests
              ? confirm_others(call, s)
              : TD_OK;
    if (err == TD_OK)
        err = perform(&pair, s, act, &done);
    if (err == TD_OK && act == ACT_CONFIRM)
        tell_confirmed(cfg, s->image, done);
    return outcome(call, act, err);
}

struct td_server_result td_server_img_state(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_server_result result;
    struct td_img_state_req req;
    struct subject subject;
    bool confirm;
    uint32_t code;

    // Bootloaders that choose by version take no requests.
    if (cfg->n_images == 0 || !td_server_has_requests(&cfg->images[cfg->running_image]))
        return td_result_rc(TD_SMP_RC_NOT_SUPPORTED, TD_TEXT("this bootloader takes no requests"));
    if (td_img_state_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    confirm = req.has_confirm && req.confirm;
    code = find_subject(call->srv, &req, confirm, &subject);
    if (code == TD_IMG_HASH_NOT_FOUND && cfg->manner->old_state_write)
        return td_result_rc(TD_SMP_RC_INVALID, TD_NO_REASON);
    if (code != TD_IMG_OK)
        return td_result_err(code, reason_of_code(code));
    result = change(call, &subject, confirm);
    return result.kind == TD_SERVER_DONE ? put_list(call) : result;
}

/* ---- erase --------------------------------------------------------------------------- */

static uint32_t find_slot(const struct td_server_config *cfg, const struct td_img_erase_req *req,
                          unsigned *index, unsigned *slot)
{
    *index = cfg->running_image;
    if (cfg->n_images == 0)
        return TD_IMG_INVALID_SLOT;
    if (req->has_slot) {
        if (req->slot / 2 >= cfg->n_images)
            return TD_IMG_INVALID_SLOT;
        *index = req->slot / 2;
        *slot = req->slot % 2;
    } else {
        (void)td_server_target(cfg, *index, slot);
    }
    return cfg->images[*index].slot[*slot] == NULL ? TD_IMG_INVALID_SLOT : TD_IMG_OK;
}

/* Whether the slot runs, is needed to revert, or waits to be installed. */
static uint32_t check_use(const struct td_server *srv, unsigned index, unsigned slot,
                          struct td_cbor_text *reason)
{
    struct td_server_pair pair;

    *reason = TD_TEXT("slot is running");
    if (slot == srv->cfg->images[index].active_slot)
        return TD_IMG_NO_FREE_SLOT;
    *reason = TD_TEXT("slot unreadable");
    if (td_server_pair_read(srv, index, &pair) != TD_OK)
        return TD_IMG_FLASH_READ;
    *reason = TD_TEXT("trial running: slot is needed to revert");
    if (pair.needed)
        return TD_IMG_NO_FREE_SLOT;
    *reason = TD_TEXT("slot is pending");
    if (pair.next != TD_SWAP_NONE && srv->cfg->manner->pending_is_in_use)
        return TD_IMG_NO_FREE_SLOT;
    return TD_IMG_OK;
}

/* The trailer goes first, so that no request outlives the image that it is about. */
static struct td_server_result erase_slot(struct td_server_call *call, unsigned index,
                                          unsigned slot)
{
    struct td_server *srv = call->srv;
    const struct td_server_image *image = &srv->cfg->images[index];
    const struct td_flash_area *area = image->slot[slot];
    uint32_t trailer_at = td_server_trailer_at(image, slot);
    bool blank = false;
    enum td_err err = TD_OK;

    if (!call->resumed)
        err = td_flash_is_blank(area, 0, area->size, &blank);
    if (err == TD_OK && !blank) {
        if (!call->resumed)
            td_server_keep_nothing(srv, index, slot);
        if (!td_server_erase(call, area,
                             (struct td_server_range){ trailer_at, area->size - trailer_at },
                             (struct td_server_range){ 0, trailer_at }, &err))
            return td_result_wait();
        srv->blank = err == TD_OK ? area : NULL;
    }
    if (err != TD_OK)
        return td_result_err(TD_IMG_FLASH_ERASE, TD_TEXT("fa erase fail"));
    td_smp_put_empty(call->out);
    return td_result_done();
}

struct td_server_result td_server_img_erase(struct td_server_call *call)
{
    struct td_server *srv = call->srv;
    struct td_server_session *up = &srv->upload;
    struct td_cbor_text reason = TD_TEXT("no such slot");
    struct td_img_erase_req req;
    unsigned index = 0, slot = 0;
    uint32_t code;

    if (td_img_erase_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    code = find_slot(srv->cfg, &req, &index, &slot);
    if (code == TD_IMG_OK && !call->resumed)
        code = check_use(srv, index, slot, &reason);
    if (code != TD_IMG_OK)
        return td_result_err(code, reason);
    if (up->image == index && up->slot == slot)
        up->state = TD_SERVER_NO_UPLOAD;
    return erase_slot(call, index, slot);
}

/* ---- slot information ---------------------------------------------------------------- */

/* What "image" of an upload has to say for it to get into the slot; false: nothing does. */
static bool upload_id(const struct td_server_config *cfg, unsigned image, unsigned slot,
                      uint32_t *id)
{
    unsigned target;

    *id = cfg->target == TD_SERVER_TO_ANY ? 2 * image + slot + 1 : image;
    (void)td_server_target(cfg, image, &target);
    return cfg->target == TD_SERVER_TO_ANY || slot == target;
}

static void put_slots(struct td_cbor_writer *w, const struct td_server_config *cfg, unsigned index)
{
    const struct td_server_image *image = &cfg->images[index];
    uint32_t max;
    bool has_max;

    td_img_slots_put_image_begin(w, index);
    for (unsigned slot = 0; slot < 2; slot++) {
        struct td_img_slot info = {
            .slot = slot,
            .has_size = true,
            .size = image->slot[slot] == NULL ? 0 : image->slot[slot]->size,
        };

        info.has_upload_image_id = upload_id(cfg, index, slot, &info.upload_image_id);
        if (image->slot[slot] != NULL)
            td_img_slots_put(w, &info);
    }
    has_max = td_room_max_image(image->strategy, image->room, &max) == TD_OK;
    td_img_slots_put_image_end(w, has_max, max);
}

struct td_server_result td_server_img_slots(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;

    td_img_slots_put_begin(call->out);
    for (unsigned i = 0; i < cfg->n_images; i++)
        put_slots(call->out, cfg, i);
    td_img_slots_put_end(call->out);
    return td_result_done();
}
