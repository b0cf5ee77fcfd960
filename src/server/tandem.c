/* server/tandem.c - group 21572: why, and what this device accepts. */
#include <string.h>

#include "base/range.h"
#include "log/log.h"
#include "server/server_priv.h"
#include "smp/tandem.h"

enum { ROOM_FOR_END = 16 /* two ends, "next" and a number */ };

static struct td_server_result log_failed(void)
{
    return td_result_err(TD_TANDEM_LOG_FAILED, TD_TEXT("boot log unreadable"));
}

/*
 * The n-th verdict of an answer, newest first: what the bootloader thinks of the slots now, where
 * it is there to be asked, and then what stands in the log.
 */
struct walk {
    const struct td_server_config *cfg;
    unsigned slot; /* of all, that is asked about next */
    struct td_log log;
    struct td_log_iter it;
};

static bool next_judgement(struct walk *walk, struct td_verdict *verdict)
{
    const struct td_server_config *cfg = walk->cfg;

    if (cfg->hooks == NULL || cfg->hooks->judge == NULL)
        return false;
    for (; walk->slot < 2u * cfg->n_images; walk->slot++) {
        uint8_t image = (uint8_t)(walk->slot / 2), slot = (uint8_t)(walk->slot % 2);

        if (cfg->images[image].slot[slot] == NULL ||
            cfg->hooks->judge(cfg->hook_ctx, image, slot, verdict) ||
            verdict->code == TD_V_EMPTY_SLOT)
            continue;
        walk->slot++;
        return true;
    }
    return false;
}

static enum td_err next_verdict(struct walk *walk, struct td_verdict *verdict, bool *end)
{
    if (next_judgement(walk, verdict))
        return TD_OK;
    *end = walk->log.area == NULL;
    return *end ? TD_OK : td_log_next(&walk->it, verdict, end);
}

struct td_server_result td_server_tandem_why(struct td_server_call *call)
{
    struct walk walk = { .cfg = call->srv->cfg, .log = { call->srv->cfg->boot_log } };
    struct td_cbor_writer *w = call->out;
    struct td_tandem_req req;
    struct td_verdict verdict;
    uint32_t n = 0;
    size_t whole_cap = w->cap;
    bool end = false, full = false;

    if (td_tandem_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    if (walk.log.area == NULL && !call->srv->cfg->recovers)
        return td_result_err(TD_TANDEM_NO_LOG, TD_TEXT("no boot log"));
    td_tandem_why_put_begin(w);
    // A link that carries next to nothing gets "too large" for an answer.
    if (w->err != TD_OK || whole_cap - w->len < ROOM_FOR_END)
        return td_result_rc(TD_SMP_RC_MSG_SIZE, TD_NO_REASON);
    w->cap = whole_cap - ROOM_FOR_END;
    if (walk.log.area != NULL)
        td_log_begin(&walk.it, &walk.log);
    while (!full) {
        struct td_cbor_writer mark = *w;

        if (next_verdict(&walk, &verdict, &end) != TD_OK)
            return log_failed();
        if (end)
            break;
        if (n++ < req.off)
            continue;
        td_tandem_why_put(w, &verdict);
        full = w->err != TD_OK;
        if (full)
            *w = mark;
    }
    w->cap = whole_cap;
    td_tandem_why_put_end(w, full, n - 1);
    return td_result_done();
}

static void describe_image(const struct td_server_image *image, struct td_tandem_image *out)
{
    for (unsigned slot = 0; slot < 2; slot++)
        out->slot_size[slot] = image->slot[slot] == NULL ? 0 : image->slot[slot]->size;
    out->upload_off = image->upload_off;
    out->has_addr = image->strategy == TD_MODE_XIP || image->strategy == TD_MODE_XIP_REVERT;
    for (unsigned slot = 0; slot < 2 && out->has_addr; slot++)
        out->addr[slot] = image->slot[slot] == NULL ? 0 : image->slot[slot]->off;
    out->reverts = td_mode_swaps(image->strategy) || image->strategy == TD_MODE_XIP_REVERT ||
                   (image->strategy == TD_MODE_RAM_LOAD && image->reverts);
    if (td_room_max_image(image->strategy, image->room, &out->max_size) != TD_OK)
        out->max_size = 0;
}

static void describe(const struct td_server_config *cfg, struct td_tandem_accepts *a)
{
    memset(a, 0, sizeof *a);
    a->sig = cfg->sig;
    a->sig_name = cfg->sig_name;
    a->hash_len = cfg->hash_len;
    a->mode = cfg->n_images == 0 ? TD_MODE_SINGLE : cfg->images[cfg->running_image].strategy;
    a->no_downgrade = cfg->no_downgrade;
    a->decrypts = cfg->decrypts;
    a->unpacks = cfg->unpacks;
    a->has_log = cfg->boot_log != NULL;
    a->authenticated = cfg->wants_authenticated;
    a->layout = cfg->layout;
    a->board = cfg->board;
    a->n_keys_total = cfg->n_keys;
    for (; a->n_images < cfg->n_images && a->n_images < TD_TANDEM_IMAGES_MAX; a->n_images++)
        describe_image(&cfg->images[a->n_images], &a->images[a->n_images]);
}

/* The keys from off on, as many as there are or as are asked for. */
static void describe_keys(const struct td_server_config *cfg, uint32_t off, uint8_t most,
                          struct td_tandem_accepts *a)
{
    a->n_keys = 0;
    for (uint32_t i = off; i < cfg->n_keys && a->n_keys < most; i++)
        a->keys[a->n_keys++] = (struct td_cbor_bytes){ cfg->keys[i], TD_TANDEM_FINGERPRINT };
    a->has_next = off < cfg->n_keys && a->n_keys < cfg->n_keys - off;
    a->next = off + a->n_keys;
}

struct td_server_result td_server_tandem_accepts(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    const struct td_cbor_writer mark = *call->out;
    struct td_tandem_accepts accepts;
    struct td_tandem_req req;

    if (td_tandem_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    describe(cfg, &accepts);
    if (cfg->stage != NULL && req.off == 0) {
        accepts.has_stage = true;
        accepts.stage = *cfg->stage;
    }
    for (uint8_t most = TD_TANDEM_KEYS_MAX; most > 0; most--) {
        *call->out = mark;
        describe_keys(cfg, req.off, most, &accepts);
        td_tandem_accepts_put(call->out, &accepts);
        if (call->out->err == TD_OK)
            break;
    }
    return td_result_done();
}

static uint32_t progress_of(const struct td_server_session *up)
{
    switch (up->state) {
    case TD_SERVER_UPLOADING:
    case TD_SERVER_FINISHING: return TD_TANDEM_UPLOADING;
    case TD_SERVER_UPLOADED: return TD_TANDEM_COMPLETE;
    default: return up->start == TD_START_THERE ? TD_TANDEM_COMPLETE : TD_TANDEM_IDLE;
    }
}

struct td_server_result td_server_tandem_upload(struct td_server_call *call)
{
    const struct td_server_session *up = &call->srv->upload;
    struct td_tandem_upload upload = { .state = progress_of(up), .start = up->start };

    if (td_smp_get_map(call->payload, call->hdr->len, NULL, 0) != TD_OK)
        return td_result_malformed();
    if (upload.state != TD_TANDEM_IDLE) {
        upload.image = up->image;
        upload.slot = up->slot;
        upload.off = up->off;
        upload.len = up->len;
        upload.kept = up->kept;
    }
    td_tandem_upload_put(call->out, &upload);
    return td_result_done();
}
