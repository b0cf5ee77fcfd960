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

/* The application's word about a request that the rules let through. */
static struct td_server_result ask_application(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_cbor_text reason = TD_NO_REASON;
    uint32_t said = TD_SMP_RC_OK;

    if (cfg->hooks != NULL && cfg->hooks->access != NULL)
        said = cfg->hooks->access(cfg->hook_ctx, call->link, call->hdr, &reason);
    return td_result_of_hook(said, reason);
}

static struct td_server_result dispatch(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    const struct td_smp_header *hdr = call->hdr;
    const struct td_server_group *group;
    struct td_server_result result;
    struct td_cbor_text reason;
    td_server_handler handler;

    // What is no request is told so before its version is, as Zephyr does it.
    if (hdr->op != TD_SMP_READ && hdr->op != TD_SMP_WRITE)
        return td_result_not_built();
    if (hdr->version > TD_SMP_V2 && !cfg->manner->v1_only)
        return td_result_rc(TD_SMP_RC_TOO_NEW, TD_NO_REASON);
    group = find_group(cfg, hdr->group);
    handler = group == NULL ? NULL : find_handler(group, hdr);
    if (handler == NULL)
        return td_result_not_built();
    // Also when it goes on after a wait: the link may have lost meanwhile what it had.
    if (!td_server_may(cfg, call->link, hdr, &reason))
        return td_result_rc(TD_SMP_RC_ACCESS_DENIED, reason);
    // Some flash can do nothing else while a sector is being erased.
    if (group->uses_flash && td_server_job_runs(call->srv))
        return td_result_wait();
    // Behind that wait, so that it is asked once about each request.
    if (!call->resumed) {
        result = ask_application(call);
        if (result.kind != TD_SERVER_DONE)
            return result;
    }
    return handler(call);
}

/* Whether the request has to wait for a job under way, though the device could answer. */
static bool stands_behind(const struct td_server *srv, const struct td_server_link *link,
                          const struct td_smp_header *hdr)
{
    const struct td_server_group *group = find_group(srv->cfg, hdr->group);
    struct td_cbor_text reason;

    if (group == NULL || find_handler(group, hdr) == NULL ||
        !td_server_may(srv->cfg, link, hdr, &reason))
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

/* A request that is refused when it goes on has neither asked how its job ended, nor ends it. */
static void forget_what_it_waited_for(struct td_server *srv)
{
    srv->hashing.runs = false;
    if (srv->job.state == TD_SERVER_JOB_DONE)
        td_server_job_forget(srv);
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
    if (call->resumed)
        forget_what_it_waited_for(call->srv);
    if (result.kind == TD_SERVER_DONE && td_smp_end(&w, &hdr, len) != TD_OK)
        result = td_result_rc(TD_SMP_RC_MSG_SIZE, TD_TEXT("answer larger than the buffer"));
    *failed = result.kind != TD_SERVER_DONE;
    if (*failed)
        *len = put_failure(call, &hdr, result, cap);
    return false;
}

static size_t answer_cap(const struct td_server *srv, const struct td_server_link *link, size_t cap)
{
    const size_t largest = TD_SMP_HEADER_SIZE + UINT16_MAX; // that a header can announce

    if (link->max_reply > 0 && link->max_reply < cap)
        cap = link->max_reply;
    if (srv->cfg->buf_size < cap)
        cap = srv->cfg->buf_size;
    return cap < largest ? cap : largest;
}

/* Goes on with the held request once its job is over; true when that gave an answer. */
static bool resume_held(struct td_server *srv, uint8_t *rsp, size_t cap,
                        struct td_server_reply *reply)
{
    struct td_smp_header hdr;
    struct td_server_call call = { .srv = srv, .link = srv->held_link, .hdr = &hdr };
    bool failed = false;

    call.resumed = srv->job.state == TD_SERVER_JOB_DONE || srv->hashing.runs;
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
        while (td_server_job_runs(srv))
            td_server_job_step(srv, STEP_US);
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
        while (td_server_job_runs(srv))
            td_server_job_step(srv, STEP_US);
        call.resumed = srv->job.state == TD_SERVER_JOB_DONE || srv->hashing.runs;
    }
    return failed ? len : used;
}

void td_server_work(struct td_server *srv, uint32_t budget_us, uint8_t *rsp, size_t cap,
                    struct td_server_reply *reply)
{
    *reply = (struct td_server_reply){ NULL, 0 };
    // What its back end has buffered is in flash then; not while a sector is being erased.
    if (!td_server_job_runs(srv) && td_server_file_is_idle(srv))
        td_server_file_close(srv);
    if (!td_server_job_runs(srv) && !td_server_owes(srv) && td_server_upload_wants_ahead(srv))
        td_server_upload_ahead(srv);
    if (td_server_job_runs(srv))
        td_server_job_step(srv, budget_us);
    if (td_server_owes(srv) && !td_server_job_runs(srv) && cap >= LEAST_REPLY)
        resume_held(srv, rsp, cap, reply);
}

bool td_server_busy(const struct td_server *srv)
{
    return td_server_owes(srv) || td_server_job_runs(srv) || td_server_upload_wants_ahead(srv) ||
           td_server_file_is_idle(srv);
}

bool td_server_uses_flash(const struct td_server *srv)
{
    return td_server_job_runs(srv);
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
    if (srv->file.link == link)
        td_server_file_close(srv);
    if (srv->held_link != link)
        return;
    srv->hashing.runs = false;
    srv->held = 0;
    srv->held_link = NULL;
    // What is half erased is erased to its end, but nobody asks how it went.
    if (srv->job.state == TD_SERVER_JOB_ASKED)
        srv->job.state = TD_SERVER_JOB_ORPHANED;
    else if (srv->job.state == TD_SERVER_JOB_DONE)
        td_server_job_forget(srv);
}
