/*
 * client/file.c - chunks one behind the other, a close, a hash.
 *
 * 1. acked only follows the device. A download takes a byte once, and in order.
 * 2. An offset is believed up to the furthest byte that had been sent when the chunk it answers
 *    went out: no device can have more.
 * 3. Each of these is counted and ends the transfer some time: silence, answers that take or give
 *    nothing or go back, links that come and go or stay away, refusals that ask to try again.
 */
#include "client/file.h"

#include <string.h>

#include "base/crc.h"
#include "base/range.h"
#include "client/chunk_priv.h"
#include "smp/error.h"
#include "smp/fs.h"

#define LIMIT_MS     20000 /* a file system may erase or compact before it answers */
#define LINK_MS      60000 /* a device that resets takes its link along while it boots */
#define IN_VAIN_MS   30000 /* a link may come and go so long: the device boots */
#define FIRST_MS     1500  /* the file is made, or emptied */
#define DATA_LEAST   16    /* bytes of the file below which a packet is not worth sending */
#define MAX_STUCK    5
#define MAX_SETBACKS 10
#define MAX_REFUSALS 10

static bool is_upload(const struct td_file *f)
{
    return f->cfg.way == TD_FILE_UPLOAD;
}

/* ---- sizes ----------------------------------------------------------------------------- */

static uint32_t head_size(uint32_t n)
{
    return (uint32_t)td_cbor_head_size(n);
}

uint32_t td_file_data(uint32_t limit, uint32_t path_len, uint32_t off, uint32_t total)
{
    uint64_t fixed = TD_SMP_HEADER_SIZE + 1 + 4 + head_size(off) + 5 + head_size(path_len) +
                     (uint64_t)path_len + 5;

    if (off == 0)
        fixed += 4 + head_size(total);
    return limit <= fixed ? 0 : td_chunk_fit(limit - (uint32_t)fixed);
}

static uint32_t data_at(const struct td_file *f, uint32_t packet, uint32_t off)
{
    uint32_t path = f->cfg.path.len < UINT16_MAX ? (uint32_t)f->cfg.path.len : UINT16_MAX;

    return td_file_data(packet, path, off, f->size);
}

/* The packet to use: with a long path the first ones are larger than a careful line. */
static uint32_t packet_at(const struct td_file *f, uint32_t off)
{
    uint32_t packet = f->pace.packet;

    while (packet < f->pace.packet_max && data_at(f, packet, off) < DATA_LEAST)
        packet = td_min_u32(packet + DATA_LEAST, f->pace.packet_max);
    return packet;
}

/* ---- chunks ---------------------------------------------------------------------------- */

static enum td_err write_chunk(const void *ctx, uint32_t arg, uint8_t *out, size_t cap, size_t *len)
{
    const struct td_file *f = ctx;
    const struct td_file_chunk *c = &f->chunks[arg];
    struct td_fs_download_req down = {
        .has_off = true, .off = c->off, .has_name = true, .name = f->cfg.path
    };
    struct td_fs_upload_req up = { .has_off = true,
                                   .off = c->off,
                                   .has_name = true,
                                   .name = f->cfg.path,
                                   .has_len = c->off == 0,
                                   .len = f->size,
                                   .has_data = true,
                                   .data = { out, 0 } };
    struct td_cbor_writer w;
    enum td_err err;

    td_cbor_writer_init(&w, out, cap, TD_CBOR_DEFINITE);
    if (is_upload(f))
        td_fs_upload_req_put(&w, &up);
    else
        td_fs_download_req_put(&w, &down);
    err = td_cbor_done(&w, len);
    if (err != TD_OK || !is_upload(f))
        return err;
    return td_chunk_fill(out, cap, 0, &f->cfg.src, c->off, c->end - c->off, len);
}

static struct td_file_chunk *chunk_of(struct td_file *f, int place)
{
    for (size_t i = 0; i < TD_FILE_WINDOW; i++)
        if (f->chunks[i].place == place)
            return &f->chunks[i];
    return NULL;
}

static uint32_t under_way(const struct td_file *f, bool fresh_only)
{
    uint32_t n = 0;

    for (size_t i = 0; i < TD_FILE_WINDOW; i++)
        if (f->chunks[i].place >= 0 && !(fresh_only && f->chunks[i].stale))
            n++;
    return n;
}

static void forget_all(struct td_file *f)
{
    for (size_t i = 0; i < TD_FILE_WINDOW; i++) {
        td_session_cancel(f->session, f->chunks[i].place);
        f->chunks[i].place = -1;
    }
}

static void go(struct td_file *f, enum td_file_state state)
{
    forget_all(f);
    f->state = state;
    f->entered = false;
}

/* What was opened is closed, unless nobody is there to hear it. */
static void fail(struct td_file *f, const struct td_failure *why)
{
    f->failure = *why;
    go(f, td_failure_silent(why) || why->err == TD_EGARBAGE ? TD_FILE_FAILED : TD_FILE_CLOSE);
}

static void fail_with(struct td_file *f, enum td_err err)
{
    struct td_failure why = { .err = err, .group = TD_SMP_GROUP_FS };

    fail(f, &why);
}

static bool is_moving(const struct td_file *f)
{
    return f->state == TD_FILE_FIRST || f->state == TD_FILE_CHUNKS;
}

static bool may_send(const struct td_file *f, uint64_t now_ms)
{
    if (!is_moving(f) || now_ms < f->pause_ms || f->session->down)
        return false;
    if (f->state == TD_FILE_FIRST)
        return under_way(f, true) == 0;
    if (f->next >= f->size)
        return false;
    // How much an answer holds is seen from the second one: the first has the length beside it.
    if (!is_upload(f) && f->piece == 0)
        return under_way(f, true) == 0;
    return under_way(f, true) == 0 || under_way(f, false) < f->pace.window;
}

static uint32_t end_of(const struct td_file *f, const struct td_file_chunk *c)
{
    if (is_upload(f))
        return c->off + td_min_u32(data_at(f, c->packet, c->off), f->size - c->off);
    if (f->state == TD_FILE_FIRST || f->piece == 0)
        return c->off;
    return c->off + td_min_u32(f->piece, f->size - c->off);
}

static bool ask_chunk(struct td_file *f, uint64_t now_ms, size_t cap)
{
    struct td_file_chunk *c = chunk_of(f, -1);
    struct td_ask ask = { .op = is_upload(f) ? TD_SMP_WRITE : TD_SMP_READ,
                          .group = TD_SMP_GROUP_FS,
                          .id = TD_FS_FILE,
                          .patience = TD_PATIENCE_OWN,
                          .body = write_chunk,
                          .ctx = f };

    if (c == NULL)
        return false;
    c->off = f->next;
    c->packet = packet_at(f, c->off);
    if (c->packet > cap)
        c->packet = (uint32_t)cap;
    c->end = end_of(f, c);
    if (is_upload(f) && c->end == c->off && c->off < f->size) {
        fail_with(f, TD_EPACKET);
        return false;
    }
    c->asked_ms = now_ms;
    c->sent_before = f->sent_max;
    c->stale = false;
    ask.arg = (uint32_t)(c - f->chunks);
    ask.own_ms = td_pace_patience_ms(&f->pace, f->losses);
    if (f->state == TD_FILE_FIRST || c->end == f->size)
        ask.own_ms = td_max_u32(ask.own_ms, FIRST_MS);
    ask.slow = f->state == TD_FILE_FIRST;
    c->place = td_session_ask(f->session, &ask, now_ms);
    if (c->place < 0)
        return false;
    f->next = c->end;
    f->sent_max = td_max_u32(f->sent_max, c->end);
    return true;
}

/* ---- losses ---------------------------------------------------------------------------- */

/* Back to what has arrived; what is under way is stale from here on. */
static void go_back(struct td_file *f)
{
    for (size_t i = 0; i < TD_FILE_WINDOW; i++)
        f->chunks[i].stale = true;
    f->next = f->acked;
}

static void lost(struct td_file *f)
{
    go_back(f);
    td_pace_lost(&f->pace);
}

static uint32_t limit_ms(const struct td_file *f)
{
    return f->session->cfg.timeout_ms > 0 ? f->session->cfg.timeout_ms : LIMIT_MS;
}

static void on_silence(struct td_file *f, uint64_t now_ms, uint32_t packet)
{
    if (now_ms - f->heard_ms >= limit_ms(f)) {
        fail_with(f, f->bad_seen ? TD_EGARBAGE : TD_ENOANSWER);
        return;
    }
    f->losses++;
    lost(f);
    if (is_upload(f))
        td_pace_silent(&f->pace, packet, f->losses);
}

/* What was gained is lost again. True when that happened too often, and the transfer failed. */
static bool set_back(struct td_file *f)
{
    if (++f->setbacks <= MAX_SETBACKS)
        return false;
    fail_with(f, TD_ESTUCK);
    return true;
}

static bool is_stuck(struct td_file *f)
{
    if (++f->stuck <= MAX_STUCK)
        return false;
    fail_with(f, TD_ESTUCK);
    return true;
}

/* ---- progress -------------------------------------------------------------------------- */

/* All bytes have moved. */
static void moved(struct td_file *f)
{
    f->status_for_gap = false;
    go(f, is_upload(f) && f->size == 0 ? TD_FILE_STATUS : TD_FILE_CLOSE);
}

static void gained(struct td_file *f, uint32_t to)
{
    f->acked = to;
    f->losses = 0;
    f->stuck = 0;
    if (f->next < to)
        f->next = to;
    if (to > f->furthest) {
        f->furthest = to;
        f->setbacks = 0;
        f->ups = 0;
    }
    f->state = TD_FILE_CHUNKS;
    if (to >= f->size)
        moved(f);
}

static void answered(struct td_file *f, const struct td_file_chunk *c, uint64_t now_ms)
{
    if (!c->stale)
        td_pace_answered(&f->pace, td_min_u32(c->packet, f->pace.packet_max), now_ms - c->asked_ms);
}

/*
 * The device refused a chunk since it has so many bytes of the file. It cannot have more than had
 * been sent: then it counted wrong, and the same chunk again finds it looking at the file. (Or the
 * link doubled the chunk, and the refusal of the second is true: then it says the same again.)
 */
static void on_length(struct td_file *f, const struct td_file_chunk *c, uint32_t len)
{
    if (len > c->sent_before) {
        if (!is_stuck(f))
            go_back(f);
    } else if (len > f->acked) {
        gained(f, len);
        if (is_moving(f))
            go_back(f); // the chunk itself was not taken
    } else if (!c->stale) {
        // A chunk before this one was lost, or part of the file is.
        if (len < f->acked && set_back(f))
            return;
        if (len == c->off && is_stuck(f))
            return;
        f->acked = len;
        f->state = len == 0 ? TD_FILE_FIRST : TD_FILE_CHUNKS;
        lost(f);
    }
}

static void on_uploaded(struct td_file *f, const struct td_file_chunk *c, uint64_t now_ms,
                        const uint8_t *body, size_t n)
{
    struct td_fs_upload_rsp rsp = { .has_off = false };
    uint32_t off;

    if (td_fs_upload_rsp_get(body, n, &rsp) != TD_OK || !rsp.has_off) {
        fail_with(f, TD_EANSWER);
        return;
    }
    // This chunk is in the file; a device that says more counted one twice.
    off = rsp.off > c->end ? c->end : (uint32_t)rsp.off;
    if (off > f->acked || (f->state == TD_FILE_FIRST && f->size == 0)) {
        bool short_of = off < c->end;

        answered(f, c, now_ms);
        gained(f, off);
        if (short_of && is_moving(f))
            go_back(f);
    } else if (!c->stale && !is_stuck(f)) {
        f->acked = off;
        lost(f);
    }
}

static void on_downloaded(struct td_file *f, const struct td_file_chunk *c, uint64_t now_ms,
                          const uint8_t *body, size_t n)
{
    struct td_fs_download_rsp rsp = { .has_off = false };
    enum td_err err;
    uint32_t len;

    if (td_fs_download_rsp_get(body, n, &rsp) != TD_OK || !rsp.has_data ||
        (c->off == 0 && !rsp.has_len) || (rsp.has_off && rsp.off != c->off)) {
        fail_with(f, TD_EANSWER);
        return;
    }
    if (c->off == 0 && f->acked == 0) {
        if (rsp.len > UINT32_MAX) {
            fail_with(f, TD_EUNSUPPORTED);
            return;
        }
        f->size = (uint32_t)rsp.len;
    }
    if (c->off != f->acked) {
        // Earlier ones came already; one further on says that an answer was lost.
        if (c->off > f->acked && !c->stale)
            lost(f);
        return;
    }
    if (rsp.data.len > f->size - f->acked) {
        fail_with(f, TD_EANSWER);
        return;
    }
    len = (uint32_t)rsp.data.len;
    if (len == 0 && f->size > f->acked) {
        if (!is_stuck(f))
            lost(f);
        return;
    }
    err = len > 0 ? f->cfg.write(f->cfg.ctx, f->acked, rsp.data.p, len) : TD_OK;
    if (err != TD_OK) {
        fail_with(f, err);
        return;
    }
    f->crc = td_crc32(f->crc, rsp.data.p, len);
    answered(f, c, now_ms);
    if (c->off > 0 && f->acked + len < f->size && len != f->piece) {
        f->piece = len;
        f->acked += len;
        go_back(f); // what was asked for behind it began at another place
        f->acked -= len;
    }
    gained(f, f->acked + len);
}

static void on_refusal(struct td_file *f, const struct td_file_chunk *c, uint64_t now_ms,
                       const struct td_failure *why, const uint8_t *body, size_t n)
{
    struct td_fs_upload_rsp rsp = { .has_len = false };
    bool of_fs = why->by_group && why->group == TD_SMP_GROUP_FS;

    if (is_upload(f) && of_fs && why->code == TD_FS_OFFSET_NOT_VALID && c->off > 0 &&
        td_fs_upload_rsp_get(body, n, &rsp) == TD_OK && rsp.has_len) {
        on_length(f, c, rsp.len > UINT32_MAX ? UINT32_MAX : (uint32_t)rsp.len);
    } else if (c->stale) {
        return; // its time is over
    } else if (is_upload(f) && c->off > 0 && f->session->version == TD_SMP_V1 && !why->by_group &&
               why->code == TD_SMP_RC_UNKNOWN) {
        f->status_for_gap = true;
        f->gap_off = c->off;
        f->failure = *why; // should the status not tell
        go(f, TD_FILE_STATUS);
    } else if (!why->by_group && why->code == TD_SMP_RC_BUSY && f->refusals < MAX_REFUSALS) {
        f->refusals++;
        f->pause_ms = now_ms + 100 * (uint64_t)f->refusals;
        lost(f);
    } else {
        fail(f, why);
    }
}

static void on_body(struct td_file *f, const struct td_file_chunk *c, uint64_t now_ms,
                    const struct td_answer *answer)
{
    struct td_failure why = { .group = TD_SMP_GROUP_FS };
    uint32_t furthest;

    why.err = td_failure_read(answer->body, answer->len, &why);
    if (why.err == TD_EREFUSED) {
        on_refusal(f, c, now_ms, &why, answer->body, answer->len);
        return;
    }
    if (why.err != TD_OK) {
        fail(f, &why);
        return;
    }
    f->refusals = 0;
    furthest = f->furthest;
    if (is_upload(f))
        on_uploaded(f, c, now_ms, answer->body, answer->len);
    else
        on_downloaded(f, c, now_ms, answer->body, answer->len);
    if (f->furthest > furthest)
        f->gained_ms = now_ms;
}

/* ---- status, close, hash --------------------------------------------------------------- */

static void ask_next(struct td_file *f, uint64_t now_ms)
{
    struct td_request req = { .text = f->cfg.path };

    if (is_moving(f) || td_file_done(f) || f->entered || f->session->down)
        return;
    req.kind = f->state == TD_FILE_STATUS  ? TD_REQ_FILE_STATUS
               : f->state == TD_FILE_CLOSE ? TD_REQ_FILE_CLOSE
                                           : TD_REQ_FILE_HASH;
    if (f->state == TD_FILE_HASH)
        req.hash_type = f->ask_crc32 ? TD_TEXT(TD_FS_CRC32) : TD_TEXT(TD_FS_SHA256);
    td_call_start(&f->call, f->session, &req, now_ms);
    f->entered = true;
}

/* A v1 device refused a chunk and did not say why: the file's length does. */
static void on_gap(struct td_file *f, const struct td_reply *r)
{
    uint32_t len = r->of.file_size > UINT32_MAX ? UINT32_MAX : (uint32_t)r->of.file_size;
    struct td_failure why = f->failure;

    f->failure = (struct td_failure){ .err = TD_OK };
    f->state = TD_FILE_CHUNKS;
    if (r->failure.err != TD_OK) {
        fail(f, td_failure_silent(&r->failure) ? &r->failure : &why);
    } else if (len > f->acked && len <= f->sent_max) {
        gained(f, len);
        if (is_moving(f))
            go_back(f); // nothing is under way any more
    } else if (len < f->acked) {
        if (set_back(f))
            return;
        f->acked = len;
        f->state = len == 0 ? TD_FILE_FIRST : TD_FILE_CHUNKS;
        lost(f);
    } else if (f->gap_off != f->acked || ++f->stuck <= 1) {
        // One before it was lost, or the device counted wrong: it looks at the file now.
        lost(f);
    } else {
        fail(f, &why); // the chunk follows, so that the refusal means something else
    }
}

static void on_status(struct td_file *f, const struct td_reply *r)
{
    if (f->status_for_gap) {
        on_gap(f, r);
        return;
    }
    // An old device without this command cannot be asked whether it emptied the file.
    if (r->failure.err == TD_OK && r->of.file_size != 0) {
        fail_with(f, TD_EMATCH);
        return;
    }
    f->proof = r->failure.err == TD_OK ? TD_FILE_PROOF_SIZE : TD_FILE_PROOF_NONE;
    go(f, TD_FILE_CLOSE);
}

static void on_closed(struct td_file *f)
{
    // Devices that do not know the command close by themselves after a while.
    if (f->failure.err != TD_OK)
        go(f, TD_FILE_FAILED);
    else if (f->cfg.unproven || f->size == 0)
        go(f, TD_FILE_DONE);
    else
        go(f, TD_FILE_HASH);
}

static enum td_err crc_of_source(const struct td_source *src, uint32_t *crc)
{
    uint8_t block[256];

    *crc = 0;
    for (uint32_t off = 0; off < src->size; off += sizeof(block)) {
        uint32_t n = td_min_u32(sizeof(block), src->size - off);
        enum td_err err = td_source_read(src, off, block, n);

        if (err != TD_OK)
            return err;
        *crc = td_crc32(*crc, block, n);
    }
    return TD_OK;
}

/* Compares; TD_EMATCH when the device has something else. */
static enum td_err compare(struct td_file *f, const struct td_file_hash *hash)
{
    uint32_t crc = f->crc;
    uint8_t sha[32];
    enum td_err err = TD_OK;

    if (f->ask_crc32 && is_upload(f))
        err = crc_of_source(&f->cfg.src, &crc);
    else if (!f->ask_crc32)
        err = f->cfg.sha256(f->cfg.ctx, sha);
    if (err != TD_OK)
        return err;
    if (hash->len != 0 && hash->len != f->size)
        return TD_EMATCH;
    if (f->ask_crc32)
        return hash->is_number && hash->number == crc ? TD_OK : TD_EMATCH;
    return hash->n_bytes == sizeof(sha) && memcmp(hash->bytes, sha, sizeof(sha)) == 0 ? TD_OK
                                                                                      : TD_EMATCH;
}

/* The device knows the command and the hash, and its file is not as it should be. */
static bool is_of_the_file(const struct td_failure *why)
{
    return why->err == TD_EREFUSED && why->by_group && why->group == TD_SMP_GROUP_FS &&
           why->code != TD_FS_UNKNOWN && why->code != TD_FS_NO_SUCH_HASH;
}

static void on_hash(struct td_file *f, const struct td_reply *r)
{
    enum td_err err;

    if (!is_of_the_file(&r->failure) &&
        (r->failure.err == TD_EREFUSED || r->failure.err == TD_EANSWER)) {
        // Without that hash, or without any. The bytes have arrived all the same.
        if (f->ask_crc32 || td_failure_unsupported(&r->failure)) {
            go(f, TD_FILE_DONE);
        } else {
            f->ask_crc32 = true;
        }
        return;
    }
    if (r->failure.err != TD_OK) {
        f->failure = r->failure;
        go(f, TD_FILE_FAILED);
        return;
    }
    err = compare(f, &r->of.file_hash);
    if (err != TD_OK) {
        f->failure = (struct td_failure){ .err = err, .group = TD_SMP_GROUP_FS };
        go(f, TD_FILE_FAILED);
        return;
    }
    f->proof = f->ask_crc32 ? TD_FILE_PROOF_CRC32 : TD_FILE_PROOF_SHA256;
    go(f, TD_FILE_DONE);
}

static void on_reply(struct td_file *f, uint64_t now_ms)
{
    f->heard_ms = now_ms;
    f->entered = false;
    switch (f->state) {
    case TD_FILE_STATUS: on_status(f, &f->call.reply); break;
    case TD_FILE_CLOSE: on_closed(f); break;
    case TD_FILE_HASH: on_hash(f, &f->call.reply); break;
    default: break;
    }
}

/* What was sent has all been answered, and less than that arrived: the rest goes again. */
static void take_up_the_rest(struct td_file *f)
{
    if (f->state == TD_FILE_CHUNKS && f->next > f->acked && under_way(f, true) == 0)
        f->next = f->acked;
}

static void on_answer(struct td_file *f, uint64_t now_ms, const struct td_answer *answer)
{
    struct td_file_chunk *at = answer->place < 0 ? NULL : chunk_of(f, answer->place);
    struct td_file_chunk c;

    if (td_file_done(f))
        return;
    if (at == NULL) {
        if (f->entered && td_call_answer(&f->call, answer))
            on_reply(f, now_ms);
        return;
    }
    c = *at;
    at->place = -1;
    if (answer->err == TD_OK) {
        f->heard_ms = now_ms;
        on_body(f, &c, now_ms, answer);
        take_up_the_rest(f);
    } else if (answer->err == TD_ENOANSWER || answer->err == TD_EGARBAGE) {
        if (answer->err == TD_EGARBAGE)
            f->bad_seen = true;
        if (!c.stale)
            on_silence(f, now_ms, c.packet);
    } else {
        fail_with(f, answer->err);
    }
}

/* The user's time goes before ours. */
static uint32_t asked_or(const struct td_file *f, uint32_t ms)
{
    return f->session->cfg.timeout_ms > 0 ? f->session->cfg.timeout_ms : ms;
}

/* A link that stays away says nothing any more: its time is looked at here. */
static uint64_t link_end_ms(const struct td_file *f)
{
    return f->session->down ? f->heard_ms + asked_or(f, LINK_MS) : TD_NEVER;
}

/* ---- the door -------------------------------------------------------------------------- */

void td_file_start(struct td_file *f, struct td_session *session, const struct td_file_config *cfg,
                   uint64_t now_ms)
{
    memset(f, 0, sizeof(*f));
    f->session = session;
    f->cfg = *cfg;
    f->size = is_upload(f) ? cfg->src.size : 0;
    f->ask_crc32 = cfg->sha256 == NULL;
    f->heard_ms = now_ms;
    f->rate_ms = now_ms;
    f->gained_ms = now_ms;
    for (size_t i = 0; i < TD_FILE_WINDOW; i++)
        f->chunks[i].place = -1;
    td_pace_start(&f->pace, &session->cfg.link, cfg->buf_size, cfg->buf_count, TD_FILE_WINDOW);
    if (is_upload(f) && data_at(f, f->pace.packet_max, 0) < td_min_u32(DATA_LEAST, f->size)) {
        f->failure = (struct td_failure){ .err = TD_EPACKET, .group = TD_SMP_GROUP_FS };
        f->state = TD_FILE_FAILED;
    }
}

size_t td_file_send(struct td_file *f, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    struct td_answer answer;

    while (td_session_expired(f->session, now_ms, &answer))
        on_answer(f, now_ms, &answer);
    if (!td_file_done(f) && now_ms >= link_end_ms(f))
        fail_with(f, TD_ELINKDOWN);
    ask_next(f, now_ms);
    if (f->entered && f->call.done)
        on_reply(f, now_ms); // no place was free for it
    while (may_send(f, now_ms) && ask_chunk(f, now_ms, cap)) {
        // until the window is full
    }
    ask_next(f, now_ms);
    return td_session_send(f->session, now_ms, buf, cap);
}

void td_file_receive(struct td_file *f, uint64_t now_ms, const uint8_t *buf, size_t len)
{
    struct td_answer answer;

    if (td_session_receive(f->session, now_ms, buf, len, &answer))
        on_answer(f, now_ms, &answer);
}

uint64_t td_file_wake_ms(const struct td_file *f)
{
    uint64_t wake = td_session_wake_ms(f->session);

    if (td_file_done(f))
        return TD_NEVER;
    if (!is_moving(f) && !f->entered && !f->session->down)
        return 0;
    if (may_send(f, f->pause_ms) && f->pause_ms < wake)
        wake = f->pause_ms;
    return link_end_ms(f) < wake ? link_end_ms(f) : wake;
}

void td_file_link(struct td_file *f, bool up, uint64_t now_ms)
{
    td_session_link(f->session, up);
    if (td_file_done(f))
        return;
    // Where nobody listens, a datagram link comes and goes several times while a device boots.
    if (up && ++f->ups > MAX_SETBACKS && now_ms - f->gained_ms >= asked_or(f, IN_VAIN_MS)) {
        fail_with(f, TD_ELINKDOWN);
        return;
    }
    forget_all(f);
    f->entered = false;
    f->next = f->acked;
    f->losses = 0;
    f->heard_ms = now_ms;
    td_pace_restart(&f->pace);
}

void td_file_stop(struct td_file *f)
{
    forget_all(f);
    if (f->entered)
        td_session_cancel(f->session, f->call.place);
    f->entered = false;
}

uint32_t td_file_rate(const struct td_file *f, uint64_t now_ms)
{
    return td_rate(f->acked, now_ms - f->rate_ms);
}
