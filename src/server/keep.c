/*
 * server/keep.c - how far an upload has come, kept in the boot log across resets.
 *
 * The record says: of the file with this length and SHA-256, the first so many bytes lie in this
 * slot, and they begin with this digest. docs/spec/boot-log.md has its bytes.
 *
 * 1. No sector that a record speaks of is erased or written while it is the newest one: who is
 *    going to first puts a record that speaks of none.
 * 2. A record is a claim. Whoever relies on it hashes what lies there.
 * 3. All records of one upload take no more than a quarter of a sector of the log.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "log/log.h"
#include "server/server_priv.h"
#include "smp/tandem.h"

enum { RECORDS_MOST = 15 /* and one that ends it */, SHARE = 4 };

/* In the bookmark's body. */
enum { K_IMAGE = 0, K_SLOT = 1, K_LEN = 4, K_KEPT = 8, K_SHA = 12, K_DIGEST = 44 };

static bool is_able(const struct td_server *srv)
{
    return srv->cfg->manner->survives_resets && srv->cfg->boot_log != NULL;
}

void td_server_keep_plan(struct td_server *srv)
{
    struct td_server_session *up = &srv->upload;
    const struct td_log log = { srv->cfg->boot_log };
    uint32_t most;

    up->keep_every = 0;
    if (!is_able(srv) || up->sha_len != TD_SERVER_SHA_LEN)
        return;
    most = td_min_u32(td_log_sector_records(&log) / SHARE, RECORDS_MOST + 1);
    if (most > 1)
        up->keep_every = up->len / (most - 1) + 1;
}

static enum td_err read_record(const struct td_server *srv, struct td_log_bookmark *mark,
                               bool *found)
{
    const struct td_log log = { srv->cfg->boot_log };
    enum td_err err = td_log_get_bookmark(&log, mark, found);

    *found = err == TD_OK && *found && mark->kind == TD_LOG_BOOKMARK_UPLOAD;
    return err;
}

/* Whether so much of the upload's file ends at a sector of the slot, in front of its trailer. */
static bool is_whole(const struct td_server *srv, uint32_t len)
{
    const struct td_server_session *up = &srv->upload;
    uint32_t end = td_server_upload_base(srv) + len;
    struct td_flash_sector sector;

    return len > 0 && len < up->len && end <= up->trailer_at &&
           td_flash_sector_at(td_server_upload_area(srv), end - 1, &sector) == TD_OK &&
           sector.off + sector.size == end;
}

uint32_t td_server_kept(struct td_server *srv, uint8_t digest[TD_SERVER_KEPT_DIGEST],
                        uint8_t *start)
{
    const struct td_server_session *up = &srv->upload;
    struct td_log_bookmark mark;
    uint32_t len;
    bool found;

    *start = TD_START_NO_SHA;
    if (up->sha_len != TD_SERVER_SHA_LEN)
        return 0;
    *start = TD_START_NO_LOG;
    if (!is_able(srv) || read_record(srv, &mark, &found) != TD_OK)
        return 0;
    *start = TD_START_NEW;
    if (!found || td_load_le32(mark.body + K_KEPT) == 0)
        return 0;
    *start = TD_START_OTHER;
    len = td_load_le32(mark.body + K_KEPT);
    if (mark.body[K_IMAGE] != up->image || mark.body[K_SLOT] != up->slot ||
        td_load_le32(mark.body + K_LEN) != up->len || !is_whole(srv, len) ||
        memcmp(mark.body + K_SHA, up->sha, TD_SERVER_SHA_LEN) != 0)
        return 0;
    memcpy(digest, mark.body + K_DIGEST, TD_SERVER_KEPT_DIGEST);
    return len;
}

void td_server_keep(struct td_server *srv, uint32_t len,
                    const uint8_t digest[TD_SERVER_KEPT_DIGEST])
{
    struct td_server_session *up = &srv->upload;
    const struct td_log log = { srv->cfg->boot_log };
    struct td_log_bookmark mark = { .kind = TD_LOG_BOOKMARK_UPLOAD };

    mark.body[K_IMAGE] = up->image;
    mark.body[K_SLOT] = up->slot;
    td_store_le32(mark.body + K_LEN, up->len);
    td_store_le32(mark.body + K_KEPT, len);
    memcpy(mark.body + K_SHA, up->sha, TD_SERVER_SHA_LEN);
    memcpy(mark.body + K_DIGEST, digest, TD_SERVER_KEPT_DIGEST);
    if (td_log_put_bookmark(&log, &mark) == TD_OK)
        up->kept = len;
    else
        up->keep_every = 0; // a log that cannot be written is no reason to refuse an upload
}

void td_server_keep_nothing(const struct td_server *srv, unsigned image, unsigned slot)
{
    const struct td_log log = { srv->cfg->boot_log };
    struct td_log_bookmark mark;
    bool found;

    if (!is_able(srv) || read_record(srv, &mark, &found) != TD_OK || !found ||
        mark.body[K_IMAGE] != image || mark.body[K_SLOT] != slot ||
        td_load_le32(mark.body + K_KEPT) == 0)
        return;
    // If it cannot be written the digest still stands between a changed slot and a resume.
    memset(mark.body + K_KEPT, 0, sizeof mark.body - K_KEPT);
    (void)td_log_put_bookmark(&log, &mark);
}
