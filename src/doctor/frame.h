/*
 * doctor/frame.h - whole SMP messages out of pieces and words, each of them once.
 *
 * A log shows one message several times: as the call that wrote it, as the notification that
 * brought it, as a line in words. Each such dress is put together by itself, by the header's
 * length; a message that another dress has shown already is not given out again. What only the
 * words tell is held back for a few lines, in case the bytes follow.
 */
#ifndef TD_DOCTOR_FRAME_H
#define TD_DOCTOR_FRAME_H

#include "doctor/event.h"

enum td_dress {
    TD_DRESS_WORDS,        /* header and body in words */
    TD_DRESS_CALL,         /* characteristic.setValue(0x...) and other calls that write */
    TD_DRESS_NOTE,         /* a notification's value */
    TD_DRESS_SAID,         /* "... received", "... sent" */
    TD_DRESS_HEX,          /* hex that names no direction */
    TD_DRESS_DUMP,         /* lines of a hex dump */
    TD_DRESS_CONSOLE,      /* console framing */
    TD_DRESS_CAPTURE,      /* a packet capture, client to device */
    TD_DRESS_CAPTURE_BACK, /* and the other way */
    TD_DRESSES,
};

/* Where a piece was seen; line is borrowed for the call. */
struct td_origin {
    struct td_place at;
    int64_t time_us;
    const struct td_line *line;
};

struct td_frames;

/* sink outlives it. NULL: no memory. */
struct td_frames *td_frames_new(struct td_event_sink *sink);

/* Gives out what is held back, and releases it. */
void td_frames_end(struct td_frames *frames, const struct td_origin *origin);

/*
 * A piece of a message. known: whatever stands there is SMP (its characteristic was named), so
 * that what is no frame becomes a GARBAGE event, and a half one a message that is cut. Otherwise
 * only what is a frame beyond doubt is taken. True when it was taken.
 */
bool td_frames_piece(struct td_frames *frames, enum td_dress dress, enum td_direction dir,
                     const uint8_t *bytes, size_t len, bool known, const struct td_origin *origin);

/* Whether a message of this dress waits for more. */
bool td_frames_goes_on(const struct td_frames *frames, enum td_dress dress);

/* No more of it will come. */
void td_frames_cut(struct td_frames *frames, enum td_dress dress, const struct td_origin *origin);

/*
 * A message in words; body is taken over. NULL: the log has none (cut false), or not all of it.
 */
void td_frames_words(struct td_frames *frames, enum td_direction dir,
                     const struct td_smp_header *hdr, json_t *body, bool cut,
                     const struct td_origin *origin);

/* A line went by: what was held back long enough is given out. */
void td_frames_line(struct td_frames *frames, const struct td_origin *origin);

/* The link: given out once, although a log says it in several lines. */
void td_frames_link(struct td_frames *frames, const struct td_link_event *link,
                    const struct td_origin *origin);

/* Something that promised to be a frame. */
void td_frames_garbage(struct td_frames *frames, const struct td_origin *origin);

/*
 * Whether a header could stand in front of a message, and how bytes relate to it. A frame is
 * whole when its CBOR is exactly one map.
 */
enum td_frame_look { TD_FRAME_NONE, TD_FRAME_BEGINS, TD_FRAME_WHOLE };

enum td_frame_look td_frame_look(const uint8_t *bytes, size_t len, struct td_smp_header *hdr,
                                 size_t *size);

#endif
