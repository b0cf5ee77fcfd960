/*
 * server/job.c - what takes long: erasing, and hashing what lies in a slot, in steps.
 *
 * 1. There is one job at a time, and while it runs nothing else touches flash.
 * 2. A job that was asked for is done before the request that asked goes on; when its link goes
 *    down, an erase is still brought to its end.
 */
#include <string.h>

#include "base/range.h"
#include "server/server_priv.h"

enum { HASH_CHUNK = 128, HASH_LEAST = 1024 };

static void ended(struct td_server *srv, enum td_err err)
{
    struct td_server_job *job = &srv->job;

    job->err = err;
    switch (job->state) {
    case TD_SERVER_JOB_ASKED: job->state = TD_SERVER_JOB_DONE; return;
    case TD_SERVER_JOB_AHEAD:
        job->state = TD_SERVER_JOB_NONE;
        td_server_upload_went_ahead(srv, err);
        return;
    default: td_server_job_forget(srv); return;
    }
}

void td_server_job_forget(struct td_server *srv)
{
    srv->job.state = TD_SERVER_JOB_NONE;
    if (srv->job.hashes)
        td_server_upload_orphaned(srv, srv->job.err);
    else if (srv->job.area == srv->cfg->storage)
        td_server_storage_erased(srv);
}

bool td_server_job_runs(const struct td_server *srv)
{
    return srv->job.state != TD_SERVER_JOB_NONE && srv->job.state != TD_SERVER_JOB_DONE;
}

static void erase_step(struct td_server *srv, uint32_t budget_us)
{
    struct td_server_job *job = &srv->job;
    bool done = false;
    enum td_err err = td_flash_erase_step(&job->erase, budget_us, &done);

    if (err == TD_OK && done && job->then_len > 0) {
        err = td_flash_erase_begin(&job->erase, job->area, job->then_off, job->then_len);
        job->then_len = 0;
        done = false;
    }
    if (err != TD_OK || done)
        ended(srv, err);
}

static void hash_step(struct td_server *srv, uint32_t budget_us)
{
    struct td_server_job *job = &srv->job;
    uint32_t left = td_min_u32(job->end - job->next, td_max_u32(budget_us, HASH_LEAST));
    enum td_err err = TD_OK;

    while (left > 0 && err == TD_OK) {
        uint8_t buf[HASH_CHUNK];
        uint32_t n = td_min_u32(left, sizeof buf);

        err = td_flash_read(job->area, job->next, buf, n);
        if (err == TD_OK)
            td_hash_update(&srv->upload.hash, buf, n);
        job->next += n;
        left -= n;
    }
    if (err != TD_OK || job->next == job->end)
        ended(srv, err);
}

void td_server_job_step(struct td_server *srv, uint32_t budget_us)
{
    if (srv->job.hashes)
        hash_step(srv, budget_us);
    else
        erase_step(srv, budget_us);
}

/* Whether the job that this request asked for is done, and taken note of. */
static bool is_done(struct td_server_call *call, enum td_err *err)
{
    struct td_server_job *job = &call->srv->job;

    if (!call->resumed || job->state != TD_SERVER_JOB_DONE)
        return false;
    job->state = TD_SERVER_JOB_NONE;
    *err = job->err;
    return true;
}

bool td_server_erase(struct td_server_call *call, const struct td_flash_area *area,
                     struct td_server_range first, struct td_server_range second, enum td_err *err)
{
    struct td_server_job *job = &call->srv->job;

    if (is_done(call, err))
        return true;
    if (first.len == 0) {
        first = second;
        second.len = 0;
    }
    *err = td_flash_erase_begin(&job->erase, area, first.off, first.len);
    if (*err != TD_OK || first.len == 0)
        return true;
    job->area = area;
    job->hashes = false;
    job->then_off = second.off;
    job->then_len = second.len;
    job->state = TD_SERVER_JOB_ASKED;
    return false;
}

bool td_server_hash(struct td_server_call *call, const struct td_flash_area *area,
                    struct td_server_range range, enum td_err *err)
{
    struct td_server_job *job = &call->srv->job;

    if (is_done(call, err))
        return true;
    td_hash_init(&call->srv->upload.hash, &td_sha256);
    job->area = area;
    job->hashes = true;
    job->next = range.off;
    job->end = range.off + range.len;
    job->state = TD_SERVER_JOB_ASKED;
    return false;
}
