/*
 * client/session.c - pairing answers with requests, repeating what was lost.
 *
 * 1. A place is busy from the ask until its answer or its error was handed out, or it was
 *    cancelled. At most one answer is handed out for a request.
 * 2. All tries of a request carry one sequence number: an answer to any of them is the answer.
 * 3. Nothing that arrives can make the session send, but a refusal of the protocol's version.
 */
#include "client/session.h"

#include <string.h>

#include "smp/error.h"
#include "smp/header.h"
#include "smp/shell.h"

#define FRAGMENT_GAP_MS 1000 /* an answer whose next piece takes longer is given up */

static uint32_t total_ms(const struct td_session *s, const struct td_ask *ask)
{
    static const uint32_t by_class[] = {
        [TD_PATIENCE_NORMAL] = 10000, [TD_PATIENCE_PROBE] = 1000, [TD_PATIENCE_FLASH] = 20000,
        [TD_PATIENCE_ERASE] = 40000,  [TD_PATIENCE_ONCE] = 2500,
    };
    uint32_t by_user = s->cfg.timeout_ms;

    if (ask->patience == TD_PATIENCE_OWN)
        return ask->own_ms;
    if (by_user == 0)
        return by_class[ask->patience];
    if (ask->patience == TD_PATIENCE_PROBE && by_user > by_class[TD_PATIENCE_PROBE])
        return by_class[TD_PATIENCE_PROBE];
    return by_user;
}

uint32_t td_session_patience_ms(const struct td_session *s)
{
    if (s->rtt_ms == 0)
        return 1000;
    if (s->rtt_ms > 2500 / 4)
        return 2500;
    return s->rtt_ms * 4 < 200 ? 200 : s->rtt_ms * 4;
}

/* How long to wait after the try that is just being made. */
static uint32_t try_ms(const struct td_session *s, const struct td_session_place *place)
{
    uint32_t wait;

    switch (place->ask.patience) {
    case TD_PATIENCE_ONCE:
    case TD_PATIENCE_OWN: return total_ms(s, &place->ask);
    case TD_PATIENCE_FLASH: return 5000;
    case TD_PATIENCE_ERASE: return 10000;
    default: break;
    }
    wait = td_session_patience_ms(s);
    if (s->cfg.link.silence_ms > 0)
        return s->cfg.link.silence_ms + TD_SESSION_SILENCE_OVER_MS;
    if (place->ask.patience == TD_PATIENCE_PROBE && wait > 400)
        return 400;
    for (uint8_t i = 1; i < place->tries && wait < 2500; i++)
        wait *= 2;
    return wait > 2500 ? 2500 : wait;
}

static uint64_t given_up_ms(const struct td_session *s, const struct td_session_place *place)
{
    return place->asked_ms + total_ms(s, &place->ask);
}

void td_session_start(struct td_session *s, const struct td_session_config *cfg)
{
    memset(s, 0, sizeof(*s));
    s->cfg = *cfg;
    if (s->cfg.link.max_packet == 0 || s->cfg.link.max_packet > TD_SMP_HEADER_SIZE + UINT16_MAX)
        s->cfg.link.max_packet = TD_SMP_HEADER_SIZE + UINT16_MAX;
    s->version = TD_SMP_V2;
}

int td_session_ask(struct td_session *s, const struct td_ask *ask, uint64_t now_ms)
{
    for (int i = 0; i < TD_SESSION_PLACES; i++) {
        struct td_session_place *place = &s->places[i];

        if (place->state != TD_PLACE_FREE)
            continue;
        *place = (struct td_session_place){ .state = TD_PLACE_TO_SEND,
                                            .ask = *ask,
                                            .seq = s->next_seq++,
                                            .order = s->order++,
                                            .asked_ms = now_ms };
        return i;
    }
    return -1;
}

void td_session_cancel(struct td_session *s, int place)
{
    if (place >= 0 && place < TD_SESSION_PLACES)
        s->places[place].state = TD_PLACE_FREE;
}

/* ---- sending --------------------------------------------------------------------------- */

static bool is_due(const struct td_session *s, const struct td_session_place *place,
                   uint64_t now_ms)
{
    if (place->state == TD_PLACE_TO_SEND)
        return true;
    return place->state == TD_PLACE_WAITING && now_ms >= place->next_ms &&
           now_ms < given_up_ms(s, place);
}

static struct td_session_place *next_due(struct td_session *s, uint64_t now_ms)
{
    struct td_session_place *first = NULL;

    for (int i = 0; i < TD_SESSION_PLACES; i++) {
        struct td_session_place *place = &s->places[i];

        // Counters wrap; the difference tells which of two was handed in earlier.
        if (is_due(s, place, now_ms) &&
            (first == NULL || place->order - first->order > UINT32_MAX / 2))
            first = place;
    }
    return first;
}

static size_t encode(const struct td_session *s, struct td_session_place *place, uint8_t *buf,
                     size_t cap)
{
    struct td_smp_header hdr = { .version = s->version,
                                 .op = place->ask.op,
                                 .group = place->ask.group,
                                 .seq = place->seq,
                                 .id = place->ask.id };
    size_t len = 0;

    if (cap > s->cfg.link.max_packet)
        cap = s->cfg.link.max_packet;
    place->err = TD_ESPACE;
    if (cap < TD_SMP_HEADER_SIZE)
        return 0;
    place->err = place->ask.body(place->ask.ctx, place->ask.arg, buf + TD_SMP_HEADER_SIZE,
                                 cap - TD_SMP_HEADER_SIZE, &len);
    if (place->err == TD_OK && (len > cap - TD_SMP_HEADER_SIZE || len > UINT16_MAX))
        place->err = TD_ESPACE;
    if (place->err != TD_OK)
        return 0;
    hdr.len = (uint16_t)len;
    td_smp_header_encode(&hdr, buf);
    return TD_SMP_HEADER_SIZE + len;
}

size_t td_session_send(struct td_session *s, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    struct td_session_place *place;

    while (!s->down && (place = next_due(s, now_ms)) != NULL) {
        size_t len = encode(s, place, buf, cap);

        if (len == 0) {
            place->state = TD_PLACE_FAILED;
            continue;
        }
        s->n_sent++;
        if (place->tries > 0)
            s->n_repeated++;
        if (place->tries < UINT8_MAX)
            place->tries++;
        place->state = TD_PLACE_WAITING;
        place->sent_ms = now_ms;
        place->next_ms = now_ms + try_ms(s, place);
        if (place->next_ms > given_up_ms(s, place))
            place->next_ms = given_up_ms(s, place);
        return len;
    }
    return 0;
}

/* ---- receiving ------------------------------------------------------------------------- */

static int whose(const struct td_session *s, const struct td_smp_header *hdr)
{
    for (int i = 0; i < TD_SESSION_PLACES; i++) {
        const struct td_session_place *place = &s->places[i];

        if (place->state == TD_PLACE_WAITING && place->seq == hdr->seq &&
            place->ask.group == hdr->group && place->ask.id == hdr->id &&
            (place->ask.op | 1) == hdr->op)
            return i;
    }
    return -1;
}

/* Whether a piece is the begin of an answer that somebody waits for. */
static bool begins_answer(const struct td_session *s, const uint8_t *buf, size_t len)
{
    struct td_smp_header hdr;

    if (len < TD_SMP_HEADER_SIZE)
        return false;
    td_smp_header_decode(buf, &hdr);
    return whose(s, &hdr) >= 0;
}

/*
 * Puts a piece behind those that came before. True when a whole packet lies in cfg.rx; its
 * length is in *len then, and the next piece begins a new one.
 */
static bool reassemble(struct td_session *s, uint64_t now_ms, const uint8_t *buf, size_t n,
                       size_t *len)
{
    struct td_smp_header hdr;

    // A piece was lost when the rest is late, or when another answer begins.
    if (s->rx_len > 0 && (now_ms - s->rx_ms > FRAGMENT_GAP_MS || begins_answer(s, buf, n))) {
        s->rx_len = 0;
        s->n_dropped++;
    }
    if (n > s->cfg.rx_cap - s->rx_len) {
        s->rx_len = 0;
        s->n_dropped++;
        s->bad_ms = now_ms;
        return false;
    }
    memcpy(s->cfg.rx + s->rx_len, buf, n);
    s->rx_len += n;
    s->rx_ms = now_ms;
    if (s->rx_len < TD_SMP_HEADER_SIZE)
        return false;
    td_smp_header_decode(s->cfg.rx, &hdr);
    if (s->rx_len < (size_t)TD_SMP_HEADER_SIZE + hdr.len)
        return false;
    *len = s->rx_len;
    s->rx_len = 0;
    return true;
}

/*
 * The version is too new for the device: everything is asked again in the original one, with new
 * numbers, since what still comes for the tries in v2 says nothing of those in v1.
 */
static void fall_back(struct td_session *s)
{
    s->version = TD_SMP_V1;
    for (int i = 0; i < TD_SESSION_PLACES; i++) {
        if (s->places[i].state != TD_PLACE_WAITING)
            continue;
        s->places[i].state = TD_PLACE_TO_SEND;
        s->places[i].seq = s->next_seq++;
    }
}

static void learn_rtt(struct td_session *s, const struct td_session_place *place, uint64_t now_ms)
{
    uint64_t took = now_ms - place->sent_ms;

    // After a repeat nobody knows which try was answered.
    if (place->tries != 1 || place->ask.slow || place->ask.patience == TD_PATIENCE_ERASE ||
        place->ask.patience == TD_PATIENCE_FLASH)
        return;
    if (took > 10000)
        took = 10000;
    s->rtt_ms = s->rtt_ms == 0 ? (uint32_t)took : (s->rtt_ms * 7 + (uint32_t)took) / 8;
    if (s->rtt_ms == 0)
        s->rtt_ms = 1;
}

/*
 * Old shells give the command's result under the key of refusals, where 12 and 13 would have
 * the line run again in another version. What has an output was run.
 */
static bool is_shell_output(const struct td_smp_header *hdr, const uint8_t *body)
{
    struct td_shell_exec_rsp rsp = { .has_output = false };

    return hdr->group == TD_SMP_GROUP_SHELL && hdr->id == TD_SHELL_EXEC && body != NULL &&
           td_shell_exec_rsp_get(body, hdr->len, &rsp) == TD_OK && rsp.has_output;
}

bool td_session_receive(struct td_session *s, uint64_t now_ms, const uint8_t *buf, size_t len,
                        struct td_answer *out)
{
    struct td_smp_header hdr;
    const uint8_t *body = NULL;
    struct td_smp_status status = { 0 };
    enum td_err err;
    bool own_rc;
    int at;

    if (s->cfg.link.fragments) {
        if (!reassemble(s, now_ms, buf, len, &len))
            return false;
        buf = s->cfg.rx;
    }
    err = td_smp_open(buf, len, &hdr, &body);
    if (len < TD_SMP_HEADER_SIZE || (hdr.op != TD_SMP_READ_RSP && hdr.op != TD_SMP_WRITE_RSP)) {
        // Our own frames, echoed by a console, are strange but no sign of a broken device.
        if (len < TD_SMP_HEADER_SIZE || (hdr.op != TD_SMP_READ && hdr.op != TD_SMP_WRITE))
            s->bad_ms = now_ms;
        s->n_dropped++;
        return false;
    }
    at = whose(s, &hdr);
    if (at < 0) {
        s->n_dropped++;
        return false;
    }
    own_rc = is_shell_output(&hdr, body);
    if (err != TD_OK || (!own_rc && td_smp_status_decode(body, hdr.len, &status) != TD_OK)) {
        *out = (struct td_answer){ .place = at, .err = TD_EGARBAGE };
        s->places[at].state = TD_PLACE_FREE;
        return true;
    }
    learn_rtt(s, &s->places[at], now_ms);
    if (!own_rc && s->version != TD_SMP_V1 && !status.of_group &&
        (status.code == TD_SMP_RC_TOO_OLD || status.code == TD_SMP_RC_TOO_NEW)) {
        fall_back(s);
        return false;
    }
    if (hdr.version == TD_SMP_V1)
        s->version = TD_SMP_V1;
    *out = (struct td_answer){
        .place = at, .err = TD_OK, .body = body, .len = hdr.len, .own_rc = own_rc
    };
    s->places[at].state = TD_PLACE_FREE;
    return true;
}

/* ---- time ------------------------------------------------------------------------------ */

bool td_session_expired(struct td_session *s, uint64_t now_ms, struct td_answer *out)
{
    for (int i = 0; i < TD_SESSION_PLACES; i++) {
        struct td_session_place *place = &s->places[i];

        if (place->state == TD_PLACE_FREE)
            continue;
        if (place->state != TD_PLACE_FAILED) {
            if (now_ms < given_up_ms(s, place))
                continue;
            place->err =
                s->bad_ms != 0 && s->bad_ms >= place->asked_ms ? TD_EGARBAGE : TD_ENOANSWER;
        }
        *out = (struct td_answer){ .place = i, .err = place->err };
        place->state = TD_PLACE_FREE;
        return true;
    }
    return false;
}

uint64_t td_session_wake_ms(const struct td_session *s)
{
    uint64_t wake = TD_NEVER;

    for (int i = 0; i < TD_SESSION_PLACES; i++) {
        const struct td_session_place *place = &s->places[i];
        uint64_t at;

        if (place->state == TD_PLACE_FREE)
            continue;
        if (place->state == TD_PLACE_FAILED || (place->state == TD_PLACE_TO_SEND && !s->down))
            return 0;
        at = s->down ? given_up_ms(s, place) : place->next_ms;
        if (at < wake)
            wake = at;
    }
    return wake;
}

void td_session_link(struct td_session *s, bool up)
{
    s->down = !up;
    s->rx_len = 0;
    if (up)
        return;
    for (int i = 0; i < TD_SESSION_PLACES; i++)
        s->places[i].state = TD_PLACE_FREE;
}
