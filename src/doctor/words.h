/*
 * doctor/words.h - messages that a log shows in words: the header's fields, the body as JSON.
 *
 * nRF Connect and Device Manager on Android: Header (Op: 1, Flags: 0, Len: 25, Group: 0,
 * Seq: 255, Command: 6) CBOR {...}, newer ones with "Version: 1, " in front. smpclient and
 * mcumgr-client show the header alone: Header(op=<OP.READ: 0>, ...), NmpHdr { op: Read, ... }.
 */
#ifndef TD_DOCTOR_WORDS_H
#define TD_DOCTOR_WORDS_H

#include "doctor/event.h"

struct td_words {
    enum td_direction dir;
    struct td_smp_header hdr;
    const char *body; /* where its text begins; NULL: the line has none */
};

/* Whether the line holds a message in words. */
bool td_words_read(const char *text, struct td_words *words);

/*
 * The body's JSON, byte strings in their "hex:..." form. NULL: it is no JSON, or not all of it;
 * *cut then tells that it only lacks its end.
 */
json_t *td_words_body(const char *text, bool *cut);

#endif
