/*
 * client/upload.c - what to send next, and what an answer means for it.
 *
 * 1. acked only follows what the device says. It goes back when the device is behind what it
 *    said before, never because an old answer came late.
 * 2. A chunk is sent again only after a loss was seen: an answer that skips it, or silence. What
 *    was under way then is stale: its answers still count as news, never as losses.
 * 3. Each of these is counted and ends the upload some time: silence, restarts at 0, answers
 *    that take nothing or go back, links that come and go, refusals that ask to try again.
 */
#include "client/upload.h"

#include <string.h>

#include "base/range.h"
#include "client/chunk_priv.h"
#include "smp/error.h"
#include "smp/image.h"
#include "smp/tandem.h"

#define FIRST_LIMIT_MS 40000 /* the device may erase the slot before it answers */
#define CHUNK_LIMIT_MS 20000 /* it may erase a large sector, hash the slot, or reset and boot */
#define LINK_AWAY_MS   60000 /* a device that resets takes its link along while it boots */
#define LINK_LIMIT_MS  30000 /* a link may come and go so long: the device boots */
#define FIRST_TOOK_MS  500
#define SHRINK_MS      10000 /* silence that makes a smaller first packet worth a try */
#define SHA_LEN        32
#define SHA_LEAST      8 /* bytes of it that still tell two files apart */
#define MAX_STUCK      5
#define MAX_SETBACKS   10
#define MAX_REFUSALS   10
#define UPGRADE_SIZE   9 /* "upgrade": true */

/* ---- sizes ----------------------------------------------------------------------------- */

static uint32_t head_size(uint32_t n)
{
    return (uint32_t)td_cbor_head_size(n);
}

uint32_t td_chunk_data(uint32_t limit, const struct td_chunk_shape *shape)
{
    uint32_t fixed = TD_SMP_HEADER_SIZE + 1 + 5 + 4 + head_size(shape->off);

    if (shape->off == 0) {
        fixed += 4 + head_size(shape->total);
        if (shape->sha_len > 0)
            fixed += 4 + head_size(shape->sha_len) + shape->sha_len;
        if (shape->image > 0)
            fixed += 6 + head_size(shape->image);
        if (shape->upgrade)
            fixed += UPGRADE_SIZE;
    }
    return limit <= fixed ? 0 : td_chunk_fit(limit - fixed);
}

static struct td_chunk_shape shape_at(const struct td_upload *u, uint32_t off, uint32_t sha_len)
{
    return (struct td_chunk_shape){ .off = off,
                                    .total = u->cfg.src.size,
                                    .sha_len = off == 0 ? sha_len : 0,
                                    .image = u->cfg.image,
                                    .upgrade = u->cfg.upgrade };
}

/*
 * The sha, as much of it as leaves the server the 32 bytes of file that it wants to see. A
 * device compares it with that of the upload it has open, so a part serves as well.
 */
static uint32_t sha_in_first(const struct td_upload *u, uint32_t packet)
{
    uint32_t want = td_min_u32(TD_UPLOAD_FIRST_DATA, u->cfg.src.size);

    if (u->cfg.sha == NULL)
        return 0;
    for (uint32_t n = SHA_LEN; n >= SHA_LEAST; n--) {
        struct td_chunk_shape shape = shape_at(u, 0, n);

        if (td_chunk_data(packet, &shape) >= want)
            return n;
    }
    return 0;
}

/*
 * The least packet that has all of the sha beside what the server wants to see of the file: with
 * less of it a device knows the upload again after a lost link, but not after a reset.
 */
static uint32_t whole_first(const struct td_upload *u)
{
    const struct td_chunk_shape shape = shape_at(u, 0, SHA_LEN);
    uint32_t want = td_min_u32(TD_UPLOAD_FIRST_DATA, u->cfg.src.size), limit = want;

    while (td_chunk_data(limit, &shape) < want)
        limit++;
    return limit;
}

/* ---- chunks ---------------------------------------------------------------------------- */

static enum td_err write_chunk(const void *ctx, uint32_t arg, uint8_t *out, size_t cap, size_t *len)
{
    const struct td_upload *u = ctx;
    const struct td_upload_chunk *c = &u->chunks[arg];
    uint32_t n = c->end - c->off;
    size_t tail = c->off == 0 && u->cfg.upgrade ? UPGRADE_SIZE : 0;
    struct td_img_upload_req req = { .has_off = true, .off = c->off, .has_data = true };
    struct td_cbor_writer w;
    enum td_err err;

    req.data.p = out;
    if (c->off == 0) {
        req.has_len = true;
        req.len = u->cfg.src.size;
        req.has_image = u->cfg.image > 0;
        req.image = u->cfg.image;
        req.has_sha = c->sha_len > 0;
        req.sha.p = u->cfg.sha;
        req.sha.len = c->sha_len;
        req.has_upgrade = u->cfg.upgrade;
        req.upgrade = u->cfg.upgrade;
    }
    td_cbor_writer_init(&w, out, cap, TD_CBOR_DEFINITE);
    td_img_upload_req_put(&w, &req);
    err = td_cbor_done(&w, len);
    if (err != TD_OK)
        return err;
    return td_chunk_fill(out, cap, tail, &u->cfg.src, c->off, n, len);
}

static struct td_upload_chunk *chunk_of(struct td_upload *u, int place)
{
    for (size_t i = 0; i < TD_UPLOAD_WINDOW; i++)
        if (u->chunks[i].place == place)
            return &u->chunks[i];
    return NULL;
}

static uint32_t under_way(const struct td_upload *u, bool fresh_only)
{
    uint32_t n = 0;

    for (size_t i = 0; i < TD_UPLOAD_WINDOW; i++)
        if (u->chunks[i].place >= 0 && !(fresh_only && u->chunks[i].stale))
            n++;
    return n;
}

static void forget_all(struct td_upload *u)
{
    for (size_t i = 0; i < TD_UPLOAD_WINDOW; i++) {
        td_session_cancel(u->session, u->chunks[i].place);
        u->chunks[i].place = -1;
    }
    td_session_cancel(u->session, u->start_place);
    u->start_place = -1;
    u->start_wanted = false;
}

static void finish(struct td_upload *u, enum td_upload_state state, enum td_err err)
{
    forget_all(u);
    u->state = state;
    if (err != TD_OK)
        u->failure.err = err;
}

static void begin_again(struct td_upload *u, uint64_t now_ms)
{
    forget_all(u);
    u->state = TD_UPLOAD_FIRST;
    u->acked = 0;
    u->next = 0;
    td_pace_restart(&u->pace);
    u->losses = 0;
    u->stuck = 0;
    u->last_sent = 0;
    u->heard_ms = now_ms;
}

/* How long one try of a chunk may stay unanswered. */
static uint32_t try_ms(const struct td_upload *u, const struct td_upload_chunk *c)
{
    uint32_t wait =
        td_max_u32(td_pace_patience_ms(&u->pace, u->losses), td_session_patience_ms(u->session));

    if (u->state != TD_UPLOAD_FIRST)
        return c->end == u->cfg.src.size ? td_max_u32(wait, 2500) : wait;
    // Without a sha a repeat makes the device erase again.
    if (c->sha_len == 0)
        return 10000u << td_min_u32(u->losses, 3);
    return td_max_u32(wait, td_min_u32(1000u << td_min_u32(u->losses, 3), 5000));
}

static bool may_send(const struct td_upload *u, uint64_t now_ms)
{
    const uint32_t asking = u->start_place >= 0 ? 1 : 0;

    if (td_upload_done(u) || now_ms < u->pause_ms || u->next >= u->cfg.src.size)
        return false;
    if (u->session->down)
        return false;
    if (u->state == TD_UPLOAD_FIRST)
        return under_way(u, true) == 0;
    // What was sent before a loss may never be answered: it does not hold up the repeat.
    return under_way(u, true) + asking == 0 || under_way(u, false) + asking < u->pace.window;
}

static enum td_err write_nothing(const void *ctx, uint32_t arg, uint8_t *out, size_t cap,
                                 size_t *len)
{
    struct td_cbor_writer w;

    (void)ctx;
    (void)arg;
    td_cbor_writer_init(&w, out, cap, TD_CBOR_DEFINITE);
    td_smp_put_empty(&w);
    return td_cbor_done(&w, len);
}

/* It takes a chunk's place in the window, and when it stays unanswered nobody is worse off. */
static void ask_start(struct td_upload *u, uint64_t now_ms)
{
    const struct td_ask ask = { .op = TD_SMP_READ,
                                .group = TD_SMP_GROUP_TANDEM,
                                .id = TD_TANDEM_UPLOAD,
                                .patience = TD_PATIENCE_PROBE,
                                .body = write_nothing };

    u->start_wanted = false;
    u->start_place = td_session_ask(u->session, &ask, now_ms);
}

static bool ask_chunk(struct td_upload *u, uint64_t now_ms, size_t cap)
{
    uint32_t packet = u->state == TD_UPLOAD_FIRST ? u->first_packet : u->pace.packet;
    struct td_upload_chunk *c = chunk_of(u, -1);
    struct td_ask ask = { .op = TD_SMP_WRITE,
                          .group = TD_SMP_GROUP_IMAGE,
                          .id = TD_IMG_UPLOAD,
                          .patience = TD_PATIENCE_OWN,
                          .body = write_chunk,
                          .ctx = u };
    struct td_chunk_shape shape;
    uint32_t n;

    if (c == NULL)
        return false;
    if (packet > cap)
        packet = (uint32_t)cap;
    c->off = u->next;
    c->sha_len = c->off == 0 ? sha_in_first(u, packet) : 0;
    shape = shape_at(u, c->off, c->sha_len);
    n = td_min_u32(td_chunk_data(packet, &shape), u->cfg.src.size - c->off);
    if (n > u->align && c->off + n < u->cfg.src.size)
        n -= n % u->align;
    if (n == 0 || (c->off == 0 && n < td_min_u32(TD_UPLOAD_FIRST_DATA, u->cfg.src.size))) {
        finish(u, TD_UPLOAD_FAILED, TD_EPACKET);
        return false;
    }
    c->end = c->off + n;
    c->packet = packet;
    c->asked_ms = now_ms;
    c->stale = false;
    ask.arg = (uint32_t)(c - u->chunks);
    ask.own_ms = try_ms(u, c);
    ask.slow = u->state == TD_UPLOAD_FIRST || c->end == u->cfg.src.size;
    c->place = td_session_ask(u->session, &ask, now_ms);
    if (c->place < 0)
        return false;
    u->next = c->end;
    if (c->end == u->cfg.src.size)
        u->last_sent++;
    return true;
}

/* ---- losses ---------------------------------------------------------------------------- */

/* Back to what the device has; what is under way is stale from here on. */
static void go_back(struct td_upload *u)
{
    for (size_t i = 0; i < TD_UPLOAD_WINDOW; i++)
        u->chunks[i].stale = true;
    u->next = u->acked;
    td_pace_lost(&u->pace);
}

static uint32_t limit_ms(const struct td_upload *u)
{
    if (u->session->cfg.timeout_ms > 0)
        return u->session->cfg.timeout_ms;
    return u->state == TD_UPLOAD_FIRST ? FIRST_LIMIT_MS : CHUNK_LIMIT_MS;
}

/* A try ended in silence. */
static void on_silence(struct td_upload *u, uint64_t now_ms, uint32_t packet)
{
    if (now_ms - u->heard_ms >= limit_ms(u)) {
        finish(u, TD_UPLOAD_FAILED, u->bad_seen ? TD_EGARBAGE : TD_ENOANSWER);
        return;
    }
    u->losses++;
    go_back(u);
    if (u->state == TD_UPLOAD_FIRST) {
        // It may be erasing; only after a while a packet that never arrives is likelier.
        if (now_ms - u->heard_ms >= SHRINK_MS) {
            td_pace_shrink(&u->pace);
            u->first_packet = u->pace.packet;
        }
        return;
    }
    td_pace_silent(&u->pace, packet, u->losses);
}

/* ---- answers --------------------------------------------------------------------------- */

static void on_refusal(struct td_upload *u, uint64_t now_ms, const struct td_failure *f)
{
    bool again = !f->by_group && (f->code == TD_SMP_RC_BUSY ||
                                  (f->code == TD_SMP_RC_NO_MEMORY && u->state != TD_UPLOAD_FIRST));

    if (again && u->refusals < MAX_REFUSALS) {
        u->refusals++;
        u->pause_ms = now_ms + 100 * (uint64_t)u->refusals;
        go_back(u);
        return;
    }
    u->failure = *f;
    finish(u, TD_UPLOAD_FAILED, TD_EREFUSED);
}

static void on_first(struct td_upload *u, uint64_t now_ms, const struct td_upload_chunk *c,
                     uint32_t off)
{
    uint64_t took = now_ms - c->asked_ms;

    if (off == 0) {
        if (++u->stuck > MAX_STUCK)
            finish(u, TD_UPLOAD_FAILED, TD_ESTUCK);
        else
            u->next = 0;
        return;
    }
    if (off > c->end) {
        // It remembers across its resets, and each time more of it.
        if (off > u->resumed_at)
            u->in_vain = 0;
        u->resumed_at = off;
    }
    // It may have erased in between: that much says nothing about the next chunks.
    td_pace_answered(&u->pace, c->packet, took < FIRST_TOOK_MS ? took : FIRST_TOOK_MS);
    u->state = TD_UPLOAD_CHUNKS;
    u->acked = off;
    u->next = off;
    u->losses = 0;
    u->rate_ms = now_ms;
    u->rate_from = off > c->end ? off : 0;
    u->begun++;
    u->went_on = off > c->end;
    u->start_told = false;
    u->start_wanted = u->cfg.has_tandem;
}

static void on_start(struct td_upload *u, const struct td_answer *answer)
{
    struct td_tandem_upload told;
    struct td_failure f;

    u->start_place = -1;
    if (answer->err != TD_OK)
        return;
    // A device that does not know the question is not asked again.
    u->cfg.has_tandem = td_failure_read(answer->body, answer->len, &f) == TD_OK;
    if (!u->cfg.has_tandem || td_tandem_upload_get(answer->body, answer->len, &told) != TD_OK)
        return;
    u->start_told = true;
    u->start = told.start;
}

/* The device has no upload open: it was reset, or it finished and its answer was lost. */
static void on_forgotten(struct td_upload *u, uint64_t now_ms, const struct td_upload_chunk *c)
{
    bool last = c->end == u->cfg.src.size;

    // The second time that exactly the last chunk meets no upload, a link that doubles packets is
    // likelier than a device that resets there: the first of the two ended the upload.
    if (last)
        u->ends++;
    if (u->last_sent > (last ? 1u : 0u) || u->ends > 1) {
        u->assumed = true;
        u->acked = u->cfg.src.size;
        finish(u, TD_UPLOAD_DONE, TD_OK);
    } else if (u->in_vain >= TD_UPLOAD_RESTARTS) {
        finish(u, TD_UPLOAD_FAILED, TD_EFORGETS);
    } else {
        u->in_vain++;
        if (u->restarts < UINT8_MAX)
            u->restarts++;
        begin_again(u, now_ms);
    }
}

/* What was gained is lost again. True when that happened too often, and the upload failed. */
static bool set_back(struct td_upload *u)
{
    if (++u->setbacks <= MAX_SETBACKS)
        return false;
    finish(u, TD_UPLOAD_FAILED, TD_ESTUCK);
    return true;
}

static void on_chunk(struct td_upload *u, uint64_t now_ms, const struct td_upload_chunk *c,
                     uint32_t off)
{
    if (off > u->acked) {
        // Some servers keep only whole write units: offer them no more than that.
        if (!c->stale && off > c->off && off < c->end && c->end - off < 32 && u->align < 32)
            u->align *= u->align == 1 ? 4 : 2;
        u->acked = off;
        u->losses = 0;
        u->stuck = 0;
        if (u->next < off)
            u->next = off;
        if (!c->stale && off >= c->end)
            td_pace_answered(&u->pace, c->packet, now_ms - c->asked_ms);
        else if (!c->stale)
            go_back(u);
        return;
    }
    if (c->stale || (off > 0 && c->off < u->acked))
        return; // late news
    if (off == 0) {
        on_forgotten(u, now_ms, c);
        return;
    }
    // It wants what lies before this chunk, or took nothing of it.
    if (c->off == off && ++u->stuck > MAX_STUCK) {
        finish(u, TD_UPLOAD_FAILED, TD_ESTUCK);
        return;
    }
    if (off < u->acked && set_back(u))
        return;
    u->acked = off;
    go_back(u);
}

static void on_body(struct td_upload *u, uint64_t now_ms, struct td_upload_chunk *c,
                    const struct td_answer *answer)
{
    struct td_failure f = { .group = TD_SMP_GROUP_IMAGE };
    struct td_img_upload_rsp rsp = { 0 };

    f.err = td_failure_read(answer->body, answer->len, &f);
    if (f.err == TD_EREFUSED) {
        if (!c->stale)
            on_refusal(u, now_ms, &f);
        return;
    }
    if (f.err != TD_OK || td_img_upload_rsp_get(answer->body, answer->len, &rsp) != TD_OK ||
        !rsp.has_off) {
        finish(u, TD_UPLOAD_FAILED, f.err != TD_OK ? f.err : TD_EANSWER);
        return;
    }
    u->refusals = 0;
    if (rsp.off > u->cfg.src.size) {
        finish(u, TD_UPLOAD_FAILED, TD_EOFFSET);
        return;
    }
    if (u->state == TD_UPLOAD_FIRST)
        on_first(u, now_ms, c, rsp.off);
    else
        on_chunk(u, now_ms, c, rsp.off);
    if (u->acked > u->furthest) {
        u->furthest = u->acked;
        u->gained_ms = now_ms;
        u->setbacks = 0;
    }
    if (!td_upload_done(u) && u->acked == u->cfg.src.size) {
        u->match = rsp.has_match && rsp.match;
        if (rsp.has_match && !rsp.match)
            finish(u, TD_UPLOAD_FAILED, TD_EMATCH);
        else
            finish(u, TD_UPLOAD_DONE, TD_OK);
    }
}

/* What was sent has all been answered, and less than that arrived: the rest goes again. */
static void take_up_the_rest(struct td_upload *u)
{
    if (u->state == TD_UPLOAD_CHUNKS && u->next > u->acked && under_way(u, true) == 0)
        u->next = u->acked;
}

static void on_answer(struct td_upload *u, uint64_t now_ms, const struct td_answer *answer)
{
    struct td_upload_chunk *at = answer->place < 0 ? NULL : chunk_of(u, answer->place);
    struct td_upload_chunk c;

    if (td_upload_done(u))
        return;
    if (answer->place >= 0 && answer->place == u->start_place) {
        on_start(u, answer);
        return;
    }
    if (at == NULL)
        return;
    c = *at;
    at->place = -1;
    if (answer->err == TD_OK) {
        u->heard_ms = now_ms;
        on_body(u, now_ms, &c, answer);
        take_up_the_rest(u);
    } else if (answer->err == TD_ENOANSWER || answer->err == TD_EGARBAGE) {
        if (answer->err == TD_EGARBAGE)
            u->bad_seen = true;
        if (!c.stale)
            on_silence(u, now_ms, c.packet);
    } else {
        finish(u, TD_UPLOAD_FAILED, answer->err);
    }
}

/* The user's time goes before ours. */
static uint32_t asked_or(const struct td_upload *u, uint32_t ms)
{
    return u->session->cfg.timeout_ms > 0 ? u->session->cfg.timeout_ms : ms;
}

/* A link that stays away says nothing any more: its time is looked at here. */
static uint64_t link_end_ms(const struct td_upload *u)
{
    return u->session->down ? u->heard_ms + asked_or(u, LINK_AWAY_MS) : TD_NEVER;
}

/* ---- the door -------------------------------------------------------------------------- */

void td_upload_start(struct td_upload *u, struct td_session *session,
                     const struct td_upload_config *cfg, uint64_t now_ms)
{
    struct td_chunk_shape shape;

    memset(u, 0, sizeof(*u));
    u->session = session;
    u->cfg = *cfg;
    u->align = 1;
    u->failure.group = TD_SMP_GROUP_IMAGE;
    u->start_place = -1;
    for (size_t i = 0; i < TD_UPLOAD_WINDOW; i++)
        u->chunks[i].place = -1;
    td_pace_start(&u->pace, &session->cfg.link, cfg->buf_size, cfg->buf_count, TD_UPLOAD_WINDOW);
    u->first_packet = u->pace.packet;
    if (cfg->has_tandem && cfg->sha != NULL && cfg->buf_size > 0)
        u->first_packet =
            td_min_u32(td_max_u32(u->pace.packet, whole_first(u)), u->pace.packet_max);
    begin_again(u, now_ms);
    u->rate_ms = now_ms;
    u->gained_ms = now_ms;
    shape = shape_at(u, 0, 0);
    if (td_chunk_data(u->pace.packet_max, &shape) <
            td_min_u32(TD_UPLOAD_FIRST_DATA, cfg->src.size) ||
        cfg->src.size == 0)
        finish(u, TD_UPLOAD_FAILED, TD_EPACKET);
}

size_t td_upload_send(struct td_upload *u, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    struct td_answer answer;
    size_t len;

    if (!td_upload_done(u) && now_ms >= link_end_ms(u))
        finish(u, TD_UPLOAD_FAILED, TD_ELINKDOWN);
    while (td_session_expired(u->session, now_ms, &answer))
        on_answer(u, now_ms, &answer);
    if (u->start_wanted && !u->session->down)
        ask_start(u, now_ms);
    while (may_send(u, now_ms) && ask_chunk(u, now_ms, cap)) {
        // until the window is full
    }
    len = td_session_send(u->session, now_ms, buf, cap);
    return len;
}

void td_upload_receive(struct td_upload *u, uint64_t now_ms, const uint8_t *buf, size_t len)
{
    struct td_answer answer;

    if (td_session_receive(u->session, now_ms, buf, len, &answer))
        on_answer(u, now_ms, &answer);
}

uint64_t td_upload_wake_ms(const struct td_upload *u)
{
    uint64_t wake = td_session_wake_ms(u->session);

    if (td_upload_done(u))
        return TD_NEVER;
    if (may_send(u, u->pause_ms) && u->pause_ms < wake)
        wake = u->pause_ms;
    return link_end_ms(u) < wake ? link_end_ms(u) : wake;
}

void td_upload_link(struct td_upload *u, bool up, uint64_t now_ms)
{
    td_session_link(u->session, up);
    if (td_upload_done(u))
        return;
    // Where nobody listens, a datagram link comes and goes several times while a device boots.
    if (up && ++u->setbacks > MAX_SETBACKS && now_ms - u->gained_ms >= asked_or(u, LINK_LIMIT_MS)) {
        finish(u, TD_UPLOAD_FAILED, TD_ELINKDOWN);
        return;
    }
    begin_again(u, now_ms);
}

void td_upload_stop(struct td_upload *u)
{
    forget_all(u);
}

uint32_t td_upload_rate(const struct td_upload *u, uint64_t now_ms)
{
    return td_rate(u->acked > u->rate_from ? u->acked - u->rate_from : 0, now_ms - u->rate_ms);
}
