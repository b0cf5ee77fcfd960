/*
 * client/upload.h - one file into a slot: chunk sizes, window, resume.
 *
 * A chunk fills the packet to the last byte; pace.h says how large packets get, and how many
 * are under way. The first goes alone, since the device may erase before it answers.
 *
 * The offset in every answer is followed, whatever it says. An offset of 0 in mid-upload means
 * that the device forgot (a reset): the first packet is sent again, and its answer tells where
 * to go on: at 0 with devices that keep nothing across a reset, a limited number of times. So do
 * offsets that go back, and links that come and go, as long as nothing is gained by them.
 */
#ifndef TD_CLIENT_UPLOAD_H
#define TD_CLIENT_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/source.h"
#include "client/failure.h"
#include "client/pace.h"
#include "client/session.h"

#define TD_UPLOAD_WINDOW     (TD_SESSION_PLACES - 2) /* chunks under way at most */
#define TD_UPLOAD_RESTARTS   5  /* times that a device may begin again with nothing gained */
#define TD_UPLOAD_FIRST_DATA 32 /* bytes of the file that a server wants in the first packet */

struct td_upload_config {
    struct td_source src; /* the whole file; outlives the upload */
    const uint8_t *sha;   /* 32 bytes, SHA-256 of the file, outlives the upload; NULL: not sent,
                               the device then cannot resume and always begins again */
    uint8_t image;        /* sent when not 0 */
    bool upgrade;         /* ask the device to refuse what is not newer */
    uint32_t buf_size;    /* from params, 0 = unknown */
    uint32_t buf_count;   /* from params, 0 = unknown */
    bool has_tandem;      /* the device has group tandem: it may keep an upload across a reset, for
                               which the first packet has all of the sha, also where that is more
                               than a line; and it is asked how it took the first packet */
};

enum td_upload_state { TD_UPLOAD_FIRST, TD_UPLOAD_CHUNKS, TD_UPLOAD_DONE, TD_UPLOAD_FAILED };

struct td_upload_chunk {
    int place;        /* of the session; -1 = free */
    uint32_t off;     /* first byte of the file in it */
    uint32_t end;     /* one behind its last */
    uint32_t packet;  /* size that was allowed for it */
    uint32_t sha_len; /* bytes of the sha in it */
    uint64_t asked_ms;
    bool stale; /* sent before the last loss; its answer is news and no more */
};

/* The fields are the upload's; those up to failure may be read. */
struct td_upload {
    enum td_upload_state state;
    uint32_t acked;      /* bytes that the device has: progress */
    uint32_t resumed_at; /* offset at which the device took up an earlier upload; 0 = none */
    uint8_t restarts;    /* times that the device had no upload open any more */
    uint32_t begun;      /* times that a first packet was answered, and chunks follow */
    bool went_on;        /* and the last time behind 0, at resumed_at */
    bool start_told;     /* group tandem answered, since it began last: */
    uint32_t start;      /* enum td_tandem_start; any number a newer device may say */
    bool match;          /* the device compared the whole file and found it equal */
    bool assumed; /* the last answer was lost, and the device has no upload open any more: it has
                     the whole file, or it was reset just then. A look at its list tells */
    struct td_failure failure;

    struct td_session *session;
    struct td_upload_config cfg;
    struct td_upload_chunk chunks[TD_UPLOAD_WINDOW];
    uint32_t next;     /* offset to send next */
    bool start_wanted; /* group tandem is to be asked with the next packet */
    int start_place;   /* of the session; -1 = nothing is asked */
    struct td_pace pace;
    uint32_t first_packet; /* of the first packet: it stays, so that the sha in it does */
    uint32_t align;        /* some servers take only multiples; 1 = any */
    uint32_t losses;       /* in a row without progress */
    uint32_t stuck;        /* answers in a row that took nothing */
    uint32_t refusals;     /* "busy" in a row */
    uint32_t furthest;     /* the most that the device ever had */
    uint32_t setbacks;     /* times that it went back, or its link, without getting further */
    uint64_t pause_ms;     /* nothing is sent before */
    uint64_t gained_ms;    /* when it last got further than ever, or the begin */
    uint64_t heard_ms;     /* the last answer, or the begin */
    uint64_t rate_ms;      /* since when the rate is counted */
    uint32_t rate_from;
    bool bad_seen;      /* something came in answer that cannot be read */
    uint32_t last_sent; /* tries of the file's last chunk */
    uint32_t in_vain;   /* restarts since the device took up more than before */
    uint32_t ends;      /* times that the device knew of no upload when the last chunk came */
};

/*
 * Begins; the session is shared, nobody else asks on it until the upload is done. Fails at once
 * (state FAILED) with TD_EPACKET when not even a first packet with 32 bytes of the file fits.
 */
void td_upload_start(struct td_upload *u, struct td_session *session,
                     const struct td_upload_config *cfg, uint64_t now_ms);

/* Like the session's functions of these names, and instead of them while the upload runs. */
size_t td_upload_send(struct td_upload *u, uint64_t now_ms, uint8_t *buf, size_t cap);
void td_upload_receive(struct td_upload *u, uint64_t now_ms, const uint8_t *buf, size_t len);
uint64_t td_upload_wake_ms(const struct td_upload *u);

/*
 * After the link came back: asks the device how far it got and goes on from there. A link that
 * keeps going down for half a minute without a byte being gained ends it with TD_ELINKDOWN.
 */
void td_upload_link(struct td_upload *u, bool up, uint64_t now_ms);

/* Forgets what is under way; the device keeps what it has and resumes when asked again. */
void td_upload_stop(struct td_upload *u);

static inline bool td_upload_done(const struct td_upload *u)
{
    return u->state == TD_UPLOAD_DONE || u->state == TD_UPLOAD_FAILED;
}

/* Bytes per second since the upload began or was resumed. */
uint32_t td_upload_rate(const struct td_upload *u, uint64_t now_ms);

/* What a first or following packet says beside the data. */
struct td_chunk_shape {
    uint32_t off;
    uint32_t total;   /* of the file; only looked at when off is 0 */
    uint32_t sha_len; /* bytes of sha in the packet, 0 = no such key; off 0 only */
    uint8_t image;    /* the key is there when not 0; off 0 only */
    bool upgrade;     /* off 0 only */
};

/*
 * How many bytes of the file fit into a packet of limit bytes (8 bytes of header included):
 * exactly as many as let the packet be no larger. 0 when nothing fits. Pure.
 */
uint32_t td_chunk_data(uint32_t limit, const struct td_chunk_shape *shape);

#endif
