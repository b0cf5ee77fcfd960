/*
 * server/server.c - from a packet to a handler, and from its result to an answer.
 *
 * 1. Every request that has a whole header gets one answer, unless its link goes down.
 * 2. Answers leave in the order of the requests, but that what touches no flash overtakes a
 *    request that waits for an erase.
 * 3. A handler that waits has not changed anything that a second call of it would trip over.
 */
#include "server/server.h"

#include <string.h>

#include "base/range.h"
#include "server/server_priv.h"

enum { LEAST_REPLY = 64, STEP_US = 100000 /* where it blocks anyway */ };

void td_server_init(struct td_server *srv, const struct td_server_config *cfg, uint8_t *hold,
                    size_t hold_cap)
{
    memset(srv, 0, sizeof *srv);
    srv->cfg = cfg;
    srv->hold = hold;
    srv->hold_cap = hold == NULL ? 0 : hold_cap;
}

/* ---- erasing ------------------------------------------------------------------------- */

static void erase_ended(struct td_server *srv, enum td_err err)
{
    struct td_server_erase *erase = &srv->erase;

    if (erase->state == TD_SERVER_ERASE_ASKED) {
        erase->state = TD_SERVER_ERASE_DONE;
        erase->err = err;
        return;
    }
    if (erase->state == TD_SERVER_ERASE_AHEAD)
        td_server_upload_went_ahead(srv, err);
    erase->state = TD_SERVER_ERASE_NONE;
}

static bool erase_runs(const struct td_server *srv)
{
    return srv->erase.state != TD_SERVER_ERASE_NONE && srv->erase.state != TD_SERVER_ERASE_DONE;
}

static void erase_step(struct td_server *srv, uint32_t budget_us)
{
    struct td_server_erase *erase = &srv->erase;
    bool done = false;
    enum td_err err = td_flash_erase_step(&erase->job, budget_us, &done);

    if (err == TD_OK && done && erase->then_len > 0) {
        err = td_flash_erase_begin(&erase->job, erase->job.area, erase->then_off, erase->then_len);
        erase->then_len = 0;
        done = false;
    }
    if (err != TD_OK || done)
        erase_ended(srv, err);
}

bool td_server_erase(struct td_server_call *call, const struct td_flash_area *area,
                     struct td_server_range first, struct td_server_range second, enum td_err *err)
{
    struct td_server_erase *erase = &call->srv->erase;

    if (call->resumed && erase->state == TD_SERVER_ERASE_DONE) {
        erase->state = TD_SERVER_ERASE_NONE;
        *err = erase->err;
        return true;
    }
    if (first.len == 0) {
        first = second;
        second.len = 0;
    }
    *err = td_flash_erase_begin(&erase->job, area, first.off, first.len);
    if (*err != TD_OK || first.len == 0)
        return true;
    erase->then_off = second.off;
    erase->then_len = second.len;
    erase->state = TD_SERVER_ERASE_ASKED;
    return false;
}

/* ---- one request --------------------------------------------------------------------- */

static const struct td_server_group *find_group(const struct td_server_config *cfg, uint16_t id)
{
    for (uint8_t i = 0; i < cfg->n_groups; i++)
        if (cfg->groups[i]->id == id)
            return cfg->groups[i];
    return NULL;
}

static td_server_handler find_handler(const struct td_server_group *group,
                                      const struct td_smp_header *hdr)
{
    for (uint8_t i = 0; i < group->n_commands; i++)
        if (group->commands[i].id == hdr->id)
            return hdr->op == TD_SMP_READ ? group->commands[i].read : group->commands[i].write;
    return NULL;
}

static bool is_harmless(const struct td_smp_header *hdr)
{
    return hdr->group == TD_SMP_GROUP_OS && (hdr->id == TD_OS_ECHO || hdr->id == TD_OS_PARAMS);
}

/* A link that has yet to prove who it is. */
static bool is_locked_out(const struct td_server_config *cfg, const struct td_server_link *link,
                          const struct td_smp_header *hdr)
{
    return cfg->wants_authenticated && !link->authenticated && !is_harmless(hdr);
}

static struct td_server_result ask_access(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_cbor_text reason = TD_NO_REASON;
    uint32_t rc = TD_SMP_RC_OK;

    if (is_locked_out(cfg, call->link, call->hdr))
        return td_result_rc(TD_SMP_RC_ACCESS_DENIED, TD_TEXT("link not authenticated"));
    if (cfg->hooks != NULL && cfg->hooks->access != NULL)
        rc = cfg->hooks->access(cfg->hook_ctx, call->link, call->hdr, &reason);
    return rc == TD_SMP_RC_OK ? td_result_done() : td_result_rc(rc, reason);
}

static struct td_server_result dispatch(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    const struct td_smp_header *hdr = call->hdr;
    const struct td_server_group *group;
    struct td_server_result result;
    td_server_handler handler;

    if (hdr->version > TD_SMP_V2 && !cfg->manner->v1_only)
        return td_result_rc(TD_SMP_RC_TOO_NEW, TD_NO_REASON);
    if (hdr->op != TD_SMP_READ && hdr->op != TD_SMP_WRITE)
        return td_result_rc(TD_SMP_RC_NOT_SUPPORTED, TD_NO_REASON);
    group = find_group(cfg, hdr->group);
    handler = group == NULL ? NULL : find_handler(group, hdr);
    if (handler == NULL)
        return td_result_rc(TD_SMP_RC_NOT_SUPPORTED, TD_NO_REASON);
    if (!call->resumed) {
        result = ask_access(call);
        if (result.kind != TD_SERVER_DONE)
            return result;
    }
    // Some flash can do nothing else while a sector is being erased.
    if (group->uses_flash && erase_runs(call->srv))
        return td_result_wait();
    return handler(call);
}

/* Whether the request has to wait for an erase under way, though the device could answer. */
static bool stands_behind(const struct td_server *srv, const struct td_server_link *link,
                          const struct td_smp_header *hdr)
{
    const struct td_server_group *group = find_group(srv->cfg, hdr->group);

    if (group == NULL || find_handler(group, hdr) == NULL || is_locked_out(srv->cfg, link, hdr))
        return false;
    return group->uses_flash || (hdr->group == TD_SMP_GROUP_OS && hdr->id == TD_OS_RESET);
}

/* ---- answers ------------------------------------------------------------------------- */

static struct td_smp_header answer_header(const struct td_server_manner *manner,
                                          const struct td_smp_header *req)
{
    struct td_smp_header rsp = *req;

    rsp.flags = 0;
    rsp.op = req->op == TD_SMP_READ ? TD_SMP_READ_RSP : TD_SMP_WRITE_RSP;
    if (rsp.version > TD_SMP_V2 && !manner->v1_only)
        rsp.version = TD_SMP_V2;
    return rsp;
}

static size_t put_result(struct td_server_call *call, const struct td_smp_header *hdr,
                         struct td_server_result result, size_t cap)
{
    const struct td_server_manner *manner = call->srv->cfg->manner;
    struct td_cbor_writer *w = call->out;
    bool v1 = hdr->version == TD_SMP_V1 || manner->v1_only;
    size_t len;

    td_smp_begin(w, w->buf, cap, manner->style);
    if (result.kind == TD_SERVER_RC)
        td_smp_put_rc(w, result.code, result.reason);
    else if (v1)
        td_smp_put_rc(w, td_smp_v1_rc(hdr->group, result.code), result.reason);
    else
        td_smp_put_group_error(w, hdr->group, result.code, result.reason);
    return td_smp_end(w, hdr, &len) == TD_OK ? len : 0;
}

/* The code has to get out; its reason does where there is room for it. */
static size_t put_failure(struct td_server_call *call, const struct td_smp_header *hdr,
                          struct td_server_result result, size_t cap)
{
    size_t len = 0;

    if (call->srv->cfg->manner->reasons)
        len = put_result(call, hdr, result, cap);
    result.reason.len = 0;
    return len > 0 ? len : put_result(call, hdr, result, cap);
}

/* Calls the handler and writes its answer to rsp. WAIT: nothing is written, and true. */
static bool answer(struct td_server_call *call, uint8_t *rsp, size_t cap, size_t *len, bool *failed)
{
    const struct td_server_manner *manner = call->srv->cfg->manner;
    const struct td_smp_header hdr = answer_header(manner, call->hdr);
    struct td_cbor_writer w;
    struct td_server_result result;

    call->out = &w;
    td_smp_begin(&w, rsp, cap, manner->style);
    result = dispatch(call);
    *len = 0;
    if (result.kind == TD_SERVER_WAIT)
        return true;
    if (result.kind == TD_SERVER_DONE && td_smp_end(&w, &hdr, len) != TD_OK)
        result = td_result_rc(TD_SMP_RC_MSG_SIZE, TD_TEXT("answer larger than the buffer"));
    *failed = result.kind != TD_SERVER_DONE;
    if (*failed)
        *len = put_failure(call, &hdr, result, cap);
    return false;
}

static size_t answer_cap(const struct td_server *srv, const struct td_server_link *link, size_t cap)
{
    if (link->max_reply > 0 && link->max_reply < cap)
        cap = link->max_reply;
    return srv->cfg->buf_size < cap ? srv->cfg->buf_size : cap;
}

/* Goes on with the held request once its erase is over; true when that gave an answer. */
static bool resume_held(struct td_server *srv, uint8_t *rsp, size_t cap,
                        struct td_server_reply *reply)
{
    struct td_smp_header hdr;
    struct td_server_call call = { .srv = srv, .link = srv->held_link, .hdr = &hdr };
    bool failed = false;

    call.resumed = srv->erase.state == TD_SERVER_ERASE_DONE;
    td_smp_open(srv->hold, srv->held, &hdr, &call.payload);
    if (answer(&call, rsp, answer_cap(srv, call.link, cap), &reply->len, &failed))
        return false;
    reply->link = call.link;
    srv->held = 0;
    srv->held_link = NULL;
    return true;
}

static void finish_held(struct td_server *srv, uint8_t *rsp, size_t cap,
                        struct td_server_reply *reply)
{
    do {
        while (erase_runs(srv))
            erase_step(srv, STEP_US);
    } while (!resume_held(srv, rsp, cap, reply));
}

/* Keeps a request that has to wait; false when there is nowhere to keep it. */
static bool hold(struct td_server *srv, const struct td_server_link *link, const uint8_t *packet,
                 size_t len)
{
    if (!srv->cfg->manner->steps || len > srv->hold_cap)
        return false;
    memcpy(srv->hold, packet, len);
    srv->held = len;
    srv->held_link = link;
    return true;
}

static size_t answer_corrupt(struct td_server_call *call, uint8_t *rsp, size_t cap)
{
    const struct td_smp_header hdr = answer_header(call->srv->cfg->manner, call->hdr);
    struct td_cbor_writer w = { .buf = rsp };

    call->out = &w;
    return put_failure(call, &hdr, td_result_rc(TD_SMP_RC_CORRUPT, TD_NO_REASON), cap);
}

size_t td_server_handle(struct td_server *srv, const struct td_server_link *link,
                        const uint8_t *packet, size_t len, uint8_t *rsp, size_t cap,
                        struct td_server_reply *reply)
{
    struct td_smp_header hdr;
    struct td_server_call call = { .srv = srv, .link = link, .hdr = &hdr };
    size_t used;
    bool failed = false;

    *reply = (struct td_server_reply){ link, 0 };
    if (len < TD_SMP_HEADER_SIZE || cap < LEAST_REPLY)
        return len;
    if (td_smp_open(packet, len, &hdr, &call.payload) != TD_OK) {
        reply->len = answer_corrupt(&call, rsp, answer_cap(srv, link, cap));
        return len;
    }
    if (td_server_owes(srv) && stands_behind(srv, link, &hdr)) {
        finish_held(srv, rsp, cap, reply);
        return 0;
    }
    cap = answer_cap(srv, link, cap);
    used = TD_SMP_HEADER_SIZE + (size_t)hdr.len;
    while (answer(&call, rsp, cap, &reply->len, &failed)) {
        // The last request of a packet can be kept; for another, those behind it would wait too.
        if (used == len && hold(srv, link, packet, used))
            return used;
        while (erase_runs(srv))
            erase_step(srv, STEP_US);
        call.resumed = srv->erase.state == TD_SERVER_ERASE_DONE;
    }
    return failed ? len : used;
}

void td_server_work(struct td_server *srv, uint32_t budget_us, uint8_t *rsp, size_t cap,
                    struct td_server_reply *reply)
{
    *reply = (struct td_server_reply){ NULL, 0 };
    if (!erase_runs(srv) && !td_server_owes(srv) && td_server_upload_wants_ahead(srv))
        td_server_upload_ahead(srv);
    if (erase_runs(srv))
        erase_step(srv, budget_us);
    if (td_server_owes(srv) && !erase_runs(srv) && cap >= LEAST_REPLY)
        resume_held(srv, rsp, cap, reply);
}

bool td_server_busy(const struct td_server *srv)
{
    return td_server_owes(srv) || erase_runs(srv) || td_server_upload_wants_ahead(srv);
}

bool td_server_would_wait(const struct td_server *srv, const struct td_server_link *link,
                          const uint8_t *packet, size_t len)
{
    struct td_smp_header hdr;
    const uint8_t *payload;

    if (!td_server_owes(srv))
        return false;
    while (td_smp_open(packet, len, &hdr, &payload) == TD_OK) {
        if (stands_behind(srv, link, &hdr))
            return true;
        packet = payload + hdr.len;
        len -= TD_SMP_HEADER_SIZE + (size_t)hdr.len;
    }
    return false;
}

bool td_server_owes(const struct td_server *srv)
{
    return srv->held > 0;
}

void td_server_link_down(struct td_server *srv, const struct td_server_link *link)
{
    if (srv->upload.link == link)
        srv->upload.link = NULL;
    if (srv->held_link != link)
        return;
    srv->held = 0;
    srv->held_link = NULL;
    // What is half erased is erased to its end, but nobody asks how it went.
    if (srv->erase.state == TD_SERVER_ERASE_ASKED)
        srv->erase.state = TD_SERVER_ERASE_ORPHANED;
    else if (srv->erase.state == TD_SERVER_ERASE_DONE)
        srv->erase.state = TD_SERVER_ERASE_NONE;
}
