/*
 * client/session.h - one conversation with one device: requests out, answers in.
 *
 * Sans-I/O: packets and now_ms in, packets and a wake time out. A packet is a bare SMP packet
 * (8-byte header and CBOR), the link does its own framing. The session numbers requests, repeats
 * them, falls back from v2 to v1, and pairs answers with requests by sequence number *and*
 * group *and* id. Whatever belongs to nobody (strangers, late answers, duplicates, our own frames
 * echoed by a console) is dropped and counted.
 *
 * Nothing is buffered for a repeat: a request names a function that writes its body, and is
 * encoded again each time it is sent. now_ms is any monotonic clock that starts where it likes.
 *
 * docs/spec/smp.md states header, operations and versions. The time-outs are what devices in the
 * field need: an erase in the first chunk takes up to 40 s.
 */
#ifndef TD_CLIENT_SESSION_H
#define TD_CLIENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/core.h"
#include "base/err.h"

#define TD_SESSION_PLACES          18 /* requests that can be under way at once, each in a place */
#define TD_SESSION_SILENCE_OVER_MS 100u /* beyond the silence that ends half a raw packet */

/* How patient to be with a request. */
enum td_patience {
    TD_PATIENCE_NORMAL, /* repeated from 0.2 s (learned) to 2.5 s apart, given up after 10 s */
    TD_PATIENCE_PROBE,  /* the answer may well never come: two tries, given up after 1 s */
    TD_PATIENCE_FLASH,  /* the device writes flash or reads a whole file: again after 5 s, 20 s */
    TD_PATIENCE_ERASE,  /* the device may erase first: 40 s */
    TD_PATIENCE_ONCE,   /* never repeated (reset, shell); given up after 2.5 s */
    TD_PATIENCE_OWN,    /* the asker repeats by itself: one try of own_ms */
};

/*
 * Writes a request's body (one CBOR map) into out and its length into *len. Called once for
 * each try. ctx and arg are the asker's; both outlive the request. Any error ends the request.
 */
typedef enum td_err td_body_fn(const void *ctx, uint32_t arg, uint8_t *out, size_t cap,
                               size_t *len);

struct td_ask {
    uint8_t op; /* 0 read, 2 write */
    uint16_t group;
    uint8_t id;
    enum td_patience patience;
    uint32_t own_ms; /* for TD_PATIENCE_OWN */
    bool slow;       /* the device works long on it: says nothing about the link */
    td_body_fn *body;
    const void *ctx;
    uint32_t arg;
};

struct td_session_config {
    struct td_link_facts link;
    uint32_t timeout_ms; /* how long any request may stay unanswered, all its tries; 0 = by class */
    uint8_t *rx;         /* lent: an answer that arrives in pieces is put together here */
    size_t rx_cap;       /* 4096 suits every device; may be 0 when link.fragments is false */
};

enum td_place_state { TD_PLACE_FREE, TD_PLACE_TO_SEND, TD_PLACE_WAITING, TD_PLACE_FAILED };

struct td_session_place {
    enum td_place_state state;
    struct td_ask ask;
    uint8_t seq;
    uint8_t tries;
    enum td_err err;   /* why, when FAILED */
    uint32_t order;    /* requests go out as they were handed in */
    uint64_t asked_ms; /* when it was handed in */
    uint64_t sent_ms;  /* the last try */
    uint64_t next_ms;  /* when to try again, or to give up */
};

/* The fields are the session's; the counters may be read. */
struct td_session {
    struct td_session_config cfg;
    struct td_session_place places[TD_SESSION_PLACES];
    uint8_t next_seq;
    uint8_t version; /* 1 = v2 (where every session begins), 0 = v1 */
    bool down;       /* the link is: nothing is sent, nothing times out */
    uint32_t rtt_ms; /* smoothed time from a request to its answer; 0 = not known yet */
    size_t rx_len;   /* bytes of an unfinished answer in cfg.rx */
    uint64_t rx_ms;  /* when its last piece came */
    uint64_t bad_ms; /* when something came that was no SMP answer at all; 0 = never */
    uint32_t order;
    uint32_t n_sent, n_repeated, n_dropped;
};

/* An answer, or the end of a request that got none. */
struct td_answer {
    int place;           /* what td_session_ask returned */
    enum td_err err;     /* TD_OK: body holds an answer; else why there is none */
    const uint8_t *body; /* CBOR; valid until the next call of the session */
    size_t len;
    bool own_rc; /* of an old shell: "rc" in it is what the command returned, no refusal */
};

/* Begins a conversation. The buffer of cfg stays the caller's. */
void td_session_start(struct td_session *s, const struct td_session_config *cfg);

/*
 * Hands a request in; it goes out with the next td_session_send. Returns its place (0 or more),
 * which is busy until an answer or an error was given for it, or -1 when all places are busy.
 */
int td_session_ask(struct td_session *s, const struct td_ask *ask, uint64_t now_ms);

/* Forgets a request; an answer that still comes is dropped. -1 and free places are allowed. */
void td_session_cancel(struct td_session *s, int place);

/*
 * Writes the next packet that is due into buf, one call for each until it returns 0. A request
 * that does not fit into cap fails with TD_ESPACE.
 */
size_t td_session_send(struct td_session *s, uint64_t now_ms, uint8_t *buf, size_t cap);

/*
 * Takes what the link received: a packet, or with link.fragments a piece of one. True when it
 * completed the answer to one of our requests, which is then in *out and its place free. An
 * answer with a result of 12 or 13 (version) is not given: the request goes out again as v1.
 * An answer that is one, but whose body is not a map, has err = TD_EGARBAGE.
 */
bool td_session_receive(struct td_session *s, uint64_t now_ms, const uint8_t *buf, size_t len,
                        struct td_answer *out);

/*
 * True, and *out filled in, for a request that ended without an answer by now: TD_ENOANSWER,
 * TD_EGARBAGE (something came, but nothing that can be read), or what its body function or
 * buffer said. Call until false.
 */
bool td_session_expired(struct td_session *s, uint64_t now_ms, struct td_answer *out);

/* When td_session_send or td_session_expired has something to do; TD_NEVER for not at all. */
uint64_t td_session_wake_ms(const struct td_session *s);

/*
 * The link went down (every request under way is forgotten, without an answer) or came up.
 * The version that was found stays: it is the same device.
 */
void td_session_link(struct td_session *s, bool up);

/* How long to wait for an answer before a repeat, from what the device needed so far: ms. */
uint32_t td_session_patience_ms(const struct td_session *s);

#endif
