/*
 * doctor/text_priv.h - what the parts of text.c share: the state, and who looks for what.
 */
#ifndef TD_DOCTOR_TEXT_PRIV_H
#define TD_DOCTOR_TEXT_PRIV_H

#include "doctor/frame.h"
#include "doctor/line.h"
#include "doctor/text.h"
#include "doctor/words.h"
#include "smp/console.h"

#define TD_TEXT_FRAME_MAX 65543u

struct td_text_reader {
    uint16_t file;
    struct td_event_sink *sink;
    struct td_frames *frames;
    struct td_line_state state;

    char *line; /* bytes of the line so far */
    size_t n;
    uint64_t offset; /* of the line */
    uint32_t n_line;

    uint8_t *bytes; /* scratch, FRAME_MAX */
    struct td_console_in console;
    struct td_place console_at; /* where its frame begins */
    uint8_t *packet;            /* of console */

    bool other_uuid; /* the characteristic written last is not SMP's */
    bool dump, dump_console;
    enum td_dress dump_dress;
    int64_t dump_us; /* the time of the line above it */
    uint32_t dump_next;
    enum td_dress wrapped; /* hex of this dress broke off at the end of the line before */
    enum td_direction wrapped_dir;
    uint32_t wrapped_line; /* 0: none */

    uint8_t *bare; /* base64 lines without markers: what they hold so far */
    size_t bare_len, bare_size;
    struct td_place bare_at;

    char *words; /* a message in words whose JSON goes on in the next line */
    size_t words_len;
    struct td_words words_head;
    struct td_origin words_origin;
    unsigned words_lines;

    char *joined; /* what rich broke into lines; NULL until it is needed */
    size_t joined_len;
    bool joining, joined_full; /* the piece before filled its line */
    struct td_line joined_line;
    struct td_origin joined_origin;
};

/* Each of them says whether the line was its own. */

/* console framing (text_console.c) */
void td_text_console_byte(struct td_text_reader *t, uint8_t byte, const struct td_origin *origin);

/* Lines with markers as they go over the wire. */
bool td_text_console_line(struct td_text_reader *t, const char *bytes, size_t len,
                          const struct td_origin *origin);

/* The base64 alone, or with what a terminal shows for the markers; the checksum decides. */
bool td_text_bare_line(struct td_text_reader *t, const char *text, const struct td_origin *origin);

/* hex (text_hex.c) */

/* The rest of the hex of the line before, when a line holds nothing else. */
bool td_text_wrapped_hex(struct td_text_reader *t, const struct td_line *line,
                         const struct td_origin *origin);

/* Calls and callbacks of BLE libraries, by what stands in front of the hex. */
bool td_text_known_hex(struct td_text_reader *t, const struct td_line *line,
                       const struct td_origin *origin);

/* "(0x) 01-00-..." received: what names its direction but not its characteristic. */
bool td_text_said_hex(struct td_text_reader *t, const struct td_line *line,
                      const struct td_origin *origin);

/* Python's b'...' of smp and smpclient, and of whoever prints bytes. */
bool td_text_python_hex(struct td_text_reader *t, const struct td_line *line,
                        const struct td_origin *origin);

bool td_text_dump_line(struct td_text_reader *t, const struct td_line *line,
                       const struct td_origin *origin);
void td_text_dump_end(struct td_text_reader *t, const struct td_origin *origin);

/* Entries of our own log. */
void td_text_tandem_hex(struct td_text_reader *t, const struct td_line *line,
                        const struct td_origin *origin);

/* Hex anywhere in the line that turns out to be a frame, or the beginning of one. */
void td_text_any_hex(struct td_text_reader *t, const struct td_line *line,
                     const struct td_origin *origin);

#endif
