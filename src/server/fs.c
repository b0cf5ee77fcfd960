/*
 * server/fs.c - group 8: files of a back end, one transfer at a time.
 *
 * 1. The transfer under way belongs to the link that began it, until it ends, is given up or
 *    is not heard of for too long.
 * 2. What is written follows what the file holds: a chunk that does not is refused with the
 *    file's length, and never leaves a hole.
 * 3. A hash goes on step by step while its request waits.
 */
#include "smp/fs.h"

#include <string.h>

#include "base/crc.h"
#include "base/range.h"
#include "server/server_priv.h"

/* Bytes of one step of a hash, and of one read of it. */
enum { HASH_STEP = 4096, HASH_READ = 256 };

enum { TYPE_NAME_MAX = 8 };

static bool is_path(const struct td_server_files *files, struct td_cbor_text name)
{
    size_t max = files->path_max > 0 && files->path_max < TD_SERVER_PATH_MAX ? files->path_max
                                                                             : TD_SERVER_PATH_MAX;

    return name.len > 0 && name.len <= max;
}

/* How a back end's call ended: what a path that leads nowhere is, and what the rest, differs. */
static struct td_server_result result_of(enum td_err err, uint32_t not_found, uint32_t otherwise)
{
    switch (err) {
    case TD_OK: return td_result_done();
    case TD_EARG: return td_result_err(TD_FS_INVALID_NAME, TD_TEXT("not a file's name"));
    case TD_ENOTFOUND: return td_result_err(not_found, TD_TEXT("no such file or mount point"));
    case TD_ESTATE: return td_result_err(TD_FS_IS_DIRECTORY, TD_TEXT("a directory"));
    case TD_EUNSUPPORTED: return td_result_err(TD_FS_READ_ONLY, TD_TEXT("read-only"));
    case TD_ENOSPC: return td_result_err(otherwise, TD_TEXT("no room left"));
    default: return td_result_err(otherwise, TD_TEXT("file system failed"));
    }
}

static struct td_server_result size_of(const struct td_server_files *files,
                                       struct td_cbor_text name, uint64_t *size)
{
    return result_of(files->size(files->ctx, name, size), TD_FS_NOT_FOUND, TD_FS_UNKNOWN);
}

/* ---- the file under way ---------------------------------------------------------------- */

/* Whether another link has the file under way to itself. */
static bool is_taken(const struct td_server_call *call)
{
    const struct td_server *srv = call->srv;

    return srv->cfg->manner->binds_uploads && srv->file.state != TD_SERVER_NO_FILE &&
           srv->file.link != call->link && !td_server_file_is_idle(srv);
}

static struct td_server_result taken(void)
{
    return td_result_rc(TD_SMP_RC_BUSY, TD_TEXT("another link transfers a file"));
}

/* Whether this is the transfer under way; another one is closed. */
static bool goes_on(struct td_server_call *call, struct td_cbor_text name,
                    enum td_server_file_state state)
{
    struct td_server_file *file = &call->srv->file;
    const struct td_cbor_text path = { file->path, file->path_len };

    if (file->state == state && file->link == call->link && td_cbor_text_is(path, name))
        return true;
    td_server_file_close(call->srv);
    return false;
}

static void open_file(struct td_server_call *call, struct td_cbor_text name,
                      enum td_server_file_state state)
{
    struct td_server_file *file = &call->srv->file;

    file->link = call->link;
    file->state = state;
    file->path_len = (uint8_t)name.len;
    memcpy(file->path, name.p, name.len);
    file->len = 0;
    file->off = 0;
}

static void heard(struct td_server *srv)
{
    const struct td_server_files *files = srv->cfg->files;

    srv->file.heard_ms = files->now_ms != NULL ? files->now_ms(files->ctx) : 0;
}

/* ---- download -------------------------------------------------------------------------- */

/* Bytes of {"off":uint,"data":bytes,"len":uint} beside the data itself. */
static size_t download_around(const struct td_fs_download_rsp *rsp, size_t cap)
{
    size_t n = 1 + 4 + td_cbor_head_size(rsp->off) + 5 + td_cbor_head_size(cap) + 1;

    return rsp->has_len ? n + 4 + td_cbor_head_size(rsp->len) : n;
}

static struct td_server_result put_chunk(struct td_server_call *call, uint64_t off)
{
    const struct td_server_files *files = call->srv->cfg->files;
    const struct td_server_file *file = &call->srv->file;
    struct td_fs_download_rsp rsp = {
        .has_off = true,
        .off = off,
        .has_data = true,
        .has_len = off == 0,
        .len = file->len,
    };
    size_t room, got = 0;
    uint8_t *data = td_server_tail(call, download_around(&rsp, call->out->cap), &room);
    const uint64_t left = off < file->len ? file->len - off : 0;
    size_t want = left < room ? (size_t)left : room;

    if (want == 0 && left > 0)
        return td_result_rc(TD_SMP_RC_MSG_SIZE, TD_TEXT("no room for data"));
    if (want > 0 && files->read(files->ctx, (struct td_cbor_text){ file->path, file->path_len },
                                off, data, want, &got) != TD_OK)
        return td_result_err(TD_FS_READ_FAILED, TD_TEXT("read failed"));
    rsp.data = (struct td_cbor_bytes){ data, got < want ? got : want };
    td_fs_download_rsp_put(call->out, &rsp);
    if (rsp.data.len >= left)
        td_server_file_close(call->srv);
    return td_result_done();
}

static struct td_server_result download(struct td_server_call *call,
                                        const struct td_fs_download_req *req)
{
    struct td_server_file *file = &call->srv->file;
    struct td_server_result result = td_result_done();

    if (!goes_on(call, req->name, TD_SERVER_DOWNLOAD)) {
        open_file(call, req->name, TD_SERVER_DOWNLOAD);
        result = size_of(call->srv->cfg->files, req->name, &file->len);
    }
    heard(call->srv);
    if (result.kind == TD_SERVER_DONE)
        result = put_chunk(call, req->off);
    if (result.kind != TD_SERVER_DONE)
        td_server_file_close(call->srv);
    return result;
}

struct td_server_result td_server_fs_download(struct td_server_call *call)
{
    const struct td_server_files *files = call->srv->cfg->files;
    struct td_fs_download_req req;

    if (files == NULL)
        return td_result_not_built();
    if (td_fs_download_req_get(call->payload, call->hdr->len, &req) != TD_OK || !req.has_off ||
        !is_path(files, req.name))
        return td_result_malformed();
    return is_taken(call) ? taken() : download(call, &req);
}

/* ---- upload ---------------------------------------------------------------------------- */

/* A chunk that does not follow: the file's length tells the client where to go on. */
static struct td_server_result refuse_offset(struct td_server_call *call)
{
    const struct td_cbor_text reason =
        call->srv->cfg->manner->reasons ? TD_TEXT("not where the file ends") : TD_NO_REASON;
    uint64_t off = call->srv->file.off;

    td_server_file_close(call->srv);
    if (td_server_speaks_v1(call))
        return td_result_err(TD_FS_OFFSET_NOT_VALID, reason);
    td_fs_upload_put_offset(call->out, off, reason);
    return td_result_done();
}

/* A transfer that begins in the middle goes on where the file ends; none is as good as empty. */
static struct td_server_result continue_file(struct td_server_call *call, struct td_cbor_text name)
{
    const struct td_server_files *files = call->srv->cfg->files;
    enum td_err err = files->size(files->ctx, name, &call->srv->file.off);

    if (err == TD_ENOTFOUND) {
        call->srv->file.off = 0;
        err = TD_OK;
    }
    return result_of(err, TD_FS_NOT_FOUND, TD_FS_UNKNOWN);
}

static struct td_server_result write_chunk(struct td_server_call *call,
                                           const struct td_fs_upload_req *req)
{
    const struct td_server_files *files = call->srv->cfg->files;
    struct td_server_file *file = &call->srv->file;
    struct td_fs_upload_rsp rsp = { .has_off = true };
    struct td_server_result result = td_result_done();

    if (req->off == 0 || req->data.len > 0)
        result =
            result_of(files->write(files->ctx, req->name, req->off, req->data.p, req->data.len),
                      TD_FS_NO_MOUNT_POINT, TD_FS_WRITE_FAILED);
    if (result.kind != TD_SERVER_DONE)
        return result;
    if (req->off == 0)
        file->len = req->len;
    file->off = req->off + req->data.len;
    rsp.off = file->off;
    td_fs_upload_rsp_put(call->out, &rsp);
    // Of one that began in the middle nobody said how long it becomes: its close is another's.
    if (file->off >= file->len && (file->len > 0 || req->off == 0))
        td_server_file_close(call->srv);
    return result;
}

static struct td_server_result upload(struct td_server_call *call,
                                      const struct td_fs_upload_req *req)
{
    struct td_server_result result = td_result_done();

    if (!goes_on(call, req->name, TD_SERVER_FILE_UPLOAD)) {
        open_file(call, req->name, TD_SERVER_FILE_UPLOAD);
        if (req->off > 0)
            result = continue_file(call, req->name);
    }
    heard(call->srv);
    if (result.kind == TD_SERVER_DONE && req->off > 0 && req->off != call->srv->file.off)
        return refuse_offset(call);
    if (result.kind == TD_SERVER_DONE)
        result = write_chunk(call, req);
    if (result.kind != TD_SERVER_DONE)
        td_server_file_close(call->srv);
    return result;
}

struct td_server_result td_server_fs_upload(struct td_server_call *call)
{
    const struct td_server_files *files = call->srv->cfg->files;
    struct td_fs_upload_req req;

    if (files == NULL)
        return td_result_not_built();
    if (td_fs_upload_req_get(call->payload, call->hdr->len, &req) != TD_OK || !req.has_off ||
        !is_path(files, req.name) || (req.off == 0 && !req.has_len))
        return td_result_malformed();
    if (is_taken(call))
        return taken();
    return files->write == NULL ? td_result_err(TD_FS_READ_ONLY, TD_NO_REASON) : upload(call, &req);
}

struct td_server_result td_server_fs_close(struct td_server_call *call)
{
    if (call->srv->cfg->files == NULL)
        return td_result_not_built();
    if (is_taken(call))
        return taken();
    td_server_file_close(call->srv);
    td_smp_put_empty(call->out);
    return td_result_done();
}

/* ---- status and hashes ----------------------------------------------------------------- */

struct td_server_result td_server_fs_status(struct td_server_call *call)
{
    const struct td_server_files *files = call->srv->cfg->files;
    struct td_fs_status_req req;
    struct td_fs_status_rsp rsp = { .has_len = true };
    struct td_server_result result;

    if (files == NULL)
        return td_result_not_built();
    if (td_fs_status_req_get(call->payload, call->hdr->len, &req) != TD_OK ||
        !is_path(files, req.name))
        return td_result_malformed();
    result = size_of(files, req.name, &rsp.len);
    if (result.kind == TD_SERVER_DONE)
        td_fs_status_rsp_put(call->out, &rsp);
    return result;
}

static const struct td_fs_type types[] = {
    { TD_TEXT_INIT(TD_FS_CRC32), TD_FS_NUMBER, 4 },
    { TD_TEXT_INIT(TD_FS_SHA256), TD_FS_BYTES, 32 },
};

/* NULL when there is none of that name; no name is the first. */
static const struct td_fs_type *find_type(struct td_cbor_text name)
{
    if (name.len == 0)
        return &types[0];
    for (size_t i = 0; i < TD_N_OF(types); i++)
        if (td_cbor_text_is(types[i].name, name))
            return &types[i];
    return NULL;
}

static struct td_server_result begin_hash(struct td_server_call *call,
                                          const struct td_fs_hash_req *req)
{
    struct td_server_hashing *hashing = &call->srv->hashing;
    uint64_t size = 0;
    struct td_server_result result = size_of(call->srv->cfg->files, req->name, &size);

    if (result.kind != TD_SERVER_DONE)
        return result;
    if (size == 0)
        return td_result_err(TD_FS_EMPTY, TD_TEXT("the file is empty"));
    if (req->off >= size)
        return td_result_err(TD_FS_OFFSET_BEYOND, TD_TEXT("beyond the file's end"));
    hashing->at = req->off;
    hashing->end = req->has_len && req->len < size - req->off ? req->off + req->len : size;
    hashing->crc = 0;
    td_hash_init(&hashing->sha, &td_sha256);
    hashing->runs = true;
    return result;
}

static void put_hash(struct td_server_call *call, const struct td_fs_hash_req *req,
                     const struct td_fs_type *type)
{
    struct td_server_hashing *hashing = &call->srv->hashing;
    uint8_t digest[32];
    struct td_fs_hash_rsp rsp = {
        .has_type = true,
        .type = type->name,
        .has_off = req->off != 0,
        .off = req->off,
        .has_len = true,
        .len = hashing->at - req->off,
        .has_number = type->format == TD_FS_NUMBER,
        .number = hashing->crc,
        .has_bytes = type->format == TD_FS_BYTES,
        .bytes = { digest, sizeof digest },
    };

    td_hash_final(&hashing->sha, digest);
    td_fs_hash_rsp_put(call->out, &rsp);
}

/* One step; at the file's end, should it have become shorter meanwhile, the rest is left out. */
static enum td_err hash_step(const struct td_server_files *files, struct td_cbor_text name,
                             const struct td_fs_type *type, struct td_server_hashing *hashing)
{
    uint8_t piece[HASH_READ];

    for (unsigned done = 0; done < HASH_STEP && hashing->at < hashing->end; done += HASH_READ) {
        uint64_t left = hashing->end - hashing->at;
        size_t want = left < sizeof piece ? (size_t)left : sizeof piece, got = 0;
        enum td_err err = files->read(files->ctx, name, hashing->at, piece, want, &got);

        if (err != TD_OK)
            return err;
        if (got > want)
            got = want;
        if (got < want)
            hashing->end = hashing->at + got;
        if (type->format == TD_FS_NUMBER)
            hashing->crc = td_crc32(hashing->crc, piece, got);
        else
            td_hash_update(&hashing->sha, piece, got);
        hashing->at += got;
    }
    return TD_OK;
}

static struct td_server_result hash(struct td_server_call *call, const struct td_fs_hash_req *req,
                                    const struct td_fs_type *type)
{
    struct td_server_hashing *hashing = &call->srv->hashing;
    struct td_server_result result;

    if (!hashing->runs) {
        result = begin_hash(call, req);
        if (result.kind != TD_SERVER_DONE)
            return result;
    }
    if (hash_step(call->srv->cfg->files, req->name, type, hashing) != TD_OK) {
        hashing->runs = false;
        return td_result_err(TD_FS_READ_FAILED, TD_TEXT("read failed"));
    }
    if (hashing->at < hashing->end)
        return td_result_wait();
    hashing->runs = false;
    put_hash(call, req, type);
    return td_result_done();
}

struct td_server_result td_server_fs_hash(struct td_server_call *call)
{
    const struct td_server_files *files = call->srv->cfg->files;
    const struct td_fs_type *type;
    struct td_fs_hash_req req;

    if (files == NULL)
        return td_result_not_built();
    if (td_fs_hash_req_get(call->payload, call->hdr->len, &req) != TD_OK ||
        !is_path(files, req.name) || req.type.len > TYPE_NAME_MAX || (req.has_len && req.len == 0))
        return td_result_malformed();
    type = find_type(req.type);
    if (type == NULL)
        return td_result_err(TD_FS_NO_SUCH_HASH, TD_TEXT("crc32 and sha256 are known"));
    return hash(call, &req, type);
}

struct td_server_result td_server_fs_types(struct td_server_call *call)
{
    if (call->srv->cfg->files == NULL)
        return td_result_not_built();
    td_fs_types_put_begin(call->out);
    for (size_t i = 0; i < TD_N_OF(types); i++)
        td_fs_types_put(call->out, &types[i]);
    td_fs_types_put_end(call->out);
    return td_result_done();
}
