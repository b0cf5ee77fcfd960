/*
 * doctor/talk.h - which answer belongs to which request.
 *
 * By sequence number, group and command, as a client should match them. Sequence numbers come
 * again after 256 requests, and with the next session. Bounded: beyond TD_TALK_MAX requests those
 * with an answer are forgotten first, then the oldest.
 */
#ifndef TD_DOCTOR_TALK_H
#define TD_DOCTOR_TALK_H

#include "doctor/event.h"

#define TD_TALK_MAX 128

enum td_turn {
    TD_TURN_REQUEST,
    TD_TURN_REPEAT,    /* a request that is open already, once more */
    TD_TURN_ANSWER,    /* to the request `n` */
    TD_TURN_DUPLICATE, /* a further answer to the request `n` */
    TD_TURN_FOREIGN,   /* an answer to nothing that was asked */
};

struct td_talk_entry {
    uint32_t n; /* the caller's number of the request */
    struct td_smp_header hdr;
    int64_t time_us;
    bool answered;
};

struct td_talk {
    struct td_talk_entry entry[TD_TALK_MAX]; /* open ones, and answered ones for a while */
    unsigned count;
};

struct td_talk_turn {
    enum td_turn turn;
    uint32_t n;       /* of the request it belongs to */
    int64_t after_us; /* since that request; TD_NO_TIME: no clock */
};

/* All zero to begin with; for a further file as well. */
void td_talk_begin(struct td_talk *talk);

/* Takes the next message, whose number is n. */
struct td_talk_turn td_talk_take(struct td_talk *talk, const struct td_smp_header *hdr,
                                 int64_t time_us, uint32_t n);

/*
 * The session is over, or the file: the next request without an answer, oldest first. False:
 * there is none left, and nothing is remembered any more.
 */
bool td_talk_lost(struct td_talk *talk, struct td_talk_entry *entry);

#endif
