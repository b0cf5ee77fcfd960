/*
 * client/file.h - one file to or from a device's file system, proven at the end.
 *
 * Chunks fill their packets to the last byte, several are under way where the device has the
 * buffers (pace.h), and what the device says of offsets is followed. Then the file is closed, and
 * the device is asked for a hash of what it has: SHA-256 where both sides can, else CRC-32.
 *
 * What Zephyr's server does with an upload, and what is done about it:
 *
 *   - A chunk that does not follow is refused with code 11 and the file's length, "len": the
 *     upload goes on there. A v1 client is told rc 1 alone: the file's status says its length.
 *   - A first chunk that comes twice is written once and counted twice. An offset beyond what was
 *     sent is not believed; the refusal of the next chunk sets the device right.
 *   - A file of no bytes does not empty one that is there: its length is asked for at the end.
 *
 * docs/spec/smp.md states the commands.
 */
#ifndef TD_CLIENT_FILE_H
#define TD_CLIENT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/source.h"
#include "client/failure.h"
#include "client/pace.h"
#include "client/requests.h"
#include "client/session.h"

#define TD_FILE_WINDOW (TD_SESSION_PLACES - 2) /* chunks under way at most */

enum td_file_way { TD_FILE_UPLOAD, TD_FILE_DOWNLOAD };

/* What the pointers lead to outlives the transfer. */
struct td_file_config {
    enum td_file_way way;
    struct td_cbor_text path; /* on the device, "/lfs1/x.txt" */
    struct td_source src;     /* upload: the whole file */
    /* Download: takes the next len bytes of the file, which begin at off. Each byte once, in order. */
    enum td_err (*write)(void *ctx, uint32_t off, const uint8_t *bytes, size_t len);
    /* SHA-256 of all that was sent or written; called once, at the end. NULL: CRC-32 serves. */
    enum td_err (*sha256)(void *ctx, uint8_t out[32]);
    void *ctx;
    uint32_t buf_size, buf_count; /* from params, 0 = unknown */
    bool unproven;                /* do not ask for a hash */
};

enum td_file_state {
    TD_FILE_FIRST,  /* the first chunk is under way */
    TD_FILE_CHUNKS, /* more of them */
    TD_FILE_STATUS, /* how long is it on the device? */
    TD_FILE_CLOSE,
    TD_FILE_HASH,
    TD_FILE_DONE,
    TD_FILE_FAILED,
};

enum td_file_proof {
    TD_FILE_PROOF_NONE, /* the device has no hashes, or nobody asked */
    TD_FILE_PROOF_SIZE, /* of an empty file */
    TD_FILE_PROOF_CRC32,
    TD_FILE_PROOF_SHA256,
};

struct td_file_chunk {
    int place; /* of the session; -1 = free */
    uint32_t off, end;
    uint32_t sent_before; /* the furthest byte that had been sent when this one went out */
    uint32_t packet;      /* size that was allowed for it */
    uint64_t asked_ms;
    bool stale; /* sent before the last loss; its answer is news and no more */
};

/* Placed by the caller, about 5 KB. The fields are the transfer's; those up to pace may be read. */
struct td_file {
    enum td_file_state state;
    uint32_t acked; /* bytes that have arrived: progress */
    uint32_t size;  /* of the whole file; in a download 0 until the device has told it */
    enum td_file_proof proof;
    struct td_failure failure;

    struct td_pace pace;
    struct td_session *session;
    struct td_file_config cfg;
    struct td_file_chunk chunks[TD_FILE_WINDOW];
    struct td_call call; /* STATUS, CLOSE and HASH */
    bool entered;        /* the state's request is under way */
    bool status_for_gap; /* STATUS: a v1 device refused a chunk; else: the end of an empty file */
    uint32_t gap_off;    /* of the chunk that was refused */
    bool ask_crc32;      /* the device does not know SHA-256 */
    uint32_t next;       /* offset to send or ask for next */
    uint32_t sent_max;   /* one behind the furthest byte sent, or asked for */
    uint32_t piece;      /* bytes in an answer of a download; 0 = not seen yet */
    uint32_t crc;        /* of what was downloaded */
    uint32_t losses;     /* in a row without progress */
    uint32_t stuck;      /* answers in a row that took or gave nothing */
    uint32_t refusals;   /* "busy" in a row */
    uint32_t furthest, setbacks;
    uint32_t ups; /* of the link, without getting further */
    uint64_t pause_ms, heard_ms, rate_ms;
    uint64_t gained_ms; /* when it last got further than ever, or the begin */
    bool bad_seen;
};

/*
 * Begins; the session is shared, nobody else asks on it until the transfer is done. Fails at once
 * with TD_EPACKET when the path leaves a packet no room for data.
 */
void td_file_start(struct td_file *f, struct td_session *session, const struct td_file_config *cfg,
                   uint64_t now_ms);

/* Like the session's functions of these names, and instead of them while the transfer runs. */
size_t td_file_send(struct td_file *f, uint64_t now_ms, uint8_t *buf, size_t cap);
void td_file_receive(struct td_file *f, uint64_t now_ms, const uint8_t *buf, size_t len);
uint64_t td_file_wake_ms(const struct td_file *f);

/*
 * The link went down or came up; the transfer goes on where it was. A link that keeps going down
 * for half a minute without a byte being gained, or that stays down for the session's timeout (60 s when that is
 * 0), ends it with TD_ELINKDOWN.
 */
void td_file_link(struct td_file *f, bool up, uint64_t now_ms);

/* Forgets what is under way. The device closes the file by itself after a while. */
void td_file_stop(struct td_file *f);

static inline bool td_file_done(const struct td_file *f)
{
    return f->state == TD_FILE_DONE || f->state == TD_FILE_FAILED;
}

/* Bytes per second since the transfer began. */
uint32_t td_file_rate(const struct td_file *f, uint64_t now_ms);

/*
 * How many bytes of a file fit into a packet of limit bytes, header included, beside a path of
 * so many bytes; total is the file's size and only looked at for off 0. Pure.
 */
uint32_t td_file_data(uint32_t limit, uint32_t path_len, uint32_t off, uint32_t total);

#endif
