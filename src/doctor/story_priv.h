/*
 * doctor/story_priv.h - what the parts of the story share.
 *
 *   story.c         the door: which conversation an event belongs to, steps of the timeline
 *   story_list.c    image lists: read, compared, made facts of
 *   story_session.c whose conversation it is, where it begins and ends
 *   story_talk.c    requests and answers
 *   story_link.c    the connection
 *   story_upload.c  one upload
 *   story_words.c   lines that a client wrote for people
 *   story_shell.c   commands of tools, as people paste them
 *   story_boot.c    boots in a console
 *   story_judge.c   what follows, once all was seen
 *   story_ways.c    what is left when nothing names the reason
 *
 * Everything has a fixed size: acts, boots and steps beyond the limits are left out of the
 * middle, so that how it began and how it ended is always there.
 */
#ifndef TD_DOCTOR_STORY_PRIV_H
#define TD_DOCTOR_STORY_PRIV_H

#include "doctor/story.h"

#define STORY_SLOTS  8
#define STORY_TALKS  4
#define STORY_ACTS   512
#define STORY_BOOTS  64
#define STORY_IMAGES 4
#define STORY_HASH   8 /* digits */

/* Commands that the story follows. */
#define ID_STATE      0 /* image: list, or mark */
#define ID_UPLOAD     1 /* image */
#define ID_ERASE      5 /* image */
#define ID_RESET      5 /* os */
#define ID_PARAMS     6 /* os */
#define ID_BOOTLOADER 8 /* os */

#define ATT_HEADER  3                      /* bytes of a packet that are not the client's */
#define PATIENCE_US (2500 * INT64_C(1000)) /* what clients allow a short request */

#define STORY_MS INT64_C(1000)
#define STORY_S  INT64_C(1000000)

#define STORY_MIN(a, b) ((a) < (b) ? (a) : (b))

struct story_slot {
    uint8_t image, slot;
    bool pending, permanent, confirmed, active, bootable;
    char hash[STORY_HASH + 1]; /* "" when the list has none */
    char version[24];
};

struct story_list {
    uint8_t n;
    struct story_slot slots[STORY_SLOTS];
};

enum story_act_kind {
    ACT_SESSION,
    ACT_LIST,
    ACT_UPLOAD, /* ended, however */
    ACT_MARK,   /* a state write that was answered */
    ACT_ERASE,  /* of a slot, done */
    ACT_RESET,  /* accepted, or sent and followed by the link's loss */
};

/* What matters for what follows, in order. */
struct story_act {
    enum story_act_kind kind;
    uint16_t file;
    uint32_t session; /* counts from 1; 0: none */
    int64_t order_us; /* comparable between the sessions of a file; TD_NO_TIME: file order */
    struct td_place at;
    int64_t time_us;
    enum td_dialect dialect;
    struct story_list list; /* LIST; MARK: as answered */
    /* UPLOAD */
    uint64_t size, sent;
    bool finished;
    uint8_t image;
    /* MARK */
    bool confirm, own, done, changed;
    char hash[STORY_HASH + 1];
};

/* The first half and, of what came later, the last: with a hole when there is more. */
struct story_step_ring {
    struct td_story_step first[TD_STORY_STEPS / 2], last[TD_STORY_STEPS / 2];
    uint32_t session_first[TD_STORY_STEPS / 2], session_last[TD_STORY_STEPS / 2];
    uint32_t n;
};

struct story_request {
    bool open, answered;
    uint8_t op, id;
    uint16_t group;
    struct td_place at;
    int64_t time_us;
    uint64_t off;   /* upload */
    uint32_t chunk; /* upload: bytes of image */
    bool confirm, own;
    char hash[STORY_HASH + 1];
};

struct story_upload {
    bool open, reported;
    uint8_t image;
    bool size_known;
    uint64_t size, sent, next;
    uint32_t chunks, restarts, backwards, repeats, largest, first_bytes;
    bool resumed; /* the first answer was beyond the first chunk */
    bool sha, upgrade, text_data;
    int match;    /* -1: not said */
    int magic_ok; /* -1: the first chunk was not seen */
    int64_t began_us, first_us, last_us;
    struct td_place at;
    char first_hash[STORY_HASH + 1]; /* the first digits of sha */
};

/* A conversation with one client. */
struct story_talk {
    bool used;
    enum td_dialect dialect;
    uint32_t session;
    bool began;  /* its beginning is in the log: a link or a probe */
    bool talked; /* anything since */
    bool link_up, link_down;
    uint32_t requests, answers, unsupported, image_talk;
    bool any_main;                  /* an answer to a command that every server has */
    bool uploaded;                  /* a byte of image */
    bool sent_since_list;           /* an upload ended well after the newest list */
    uint32_t mtu;                   /* of the link; 0: not said */
    bool reset_done, follows_reset; /* it ended so; the session before it did */
    bool late;                      /* something came 2.5 s or more after an unanswered request */
    struct story_request open[256];
    uint32_t n_open;
    struct story_list list;
    bool has_list;
    struct story_upload upload;
    struct td_place reset_at;
    uint32_t supervision_ms; /* 0: not said */
    bool reset_sent, reset_answered, reset_force;
    int reset_mode; /* the boot mode it asks for; -1: none */
    int64_t reset_us, last_answer_us, last_request_us;
    int64_t seen_us; /* the newest time in anything of this conversation */
    uint16_t last_group;
    uint8_t last_id;
    struct td_place began_at, last_at;
    int64_t began_us;
};

enum story_stage { STAGE_NONE, STAGE_FIRST, STAGE_BOOTLOADER, STAGE_JUMPED, STAGE_APP };

/* What a trailer line says; 0: not said. Numbers as MCUboot prints them. */
struct story_trailer {
    uint8_t magic, swap_type, copy_done, image_ok;
};

struct story_boot {
    uint16_t file;
    enum story_stage stage;
    bool first_stage, bootloader, app, seen_decision;
    uint8_t decided[STORY_IMAGES]; /* swap type per image, 0: not said */
    struct story_trailer primary, secondary;
    const char *started;                /* "move" ..., NULL: no swap */
    const char *refused, *refused_says; /* by MCUboot, the first time; NULL: not */
    bool first_refused;                 /* by the stage before it */
    bool jumped, panic;
    bool began;       /* MCUboot said that it starts */
    uint8_t foretold; /* swap type that the application read before this boot, 0: not said */
    char version[24];
    struct td_place at;
    int64_t time_us;
    char quote[160];
};

/* A command of a tool, until it is known whether it worked. */
struct story_command {
    bool open, failed;
    enum story_act_kind kind;
    enum td_dialect dialect;
    bool whole, marks; /* UPLOAD: and a reset behind it, with a mark in between */
    bool confirm, own;
    char hash[STORY_HASH + 1];
    struct td_place at;
    int64_t time_us;
};

struct td_story {
    struct td_facts *facts;
    struct story_talk talks[STORY_TALKS];
    unsigned current; /* the talk that lines without a name belong to */
    uint32_t sessions;
    uint16_t file;
    int64_t day_us; /* from a heading with a date; TD_NO_TIME: none seen in this file */

    struct story_act acts[STORY_ACTS];
    uint32_t n_acts; /* beyond STORY_ACTS / 2 the rest is a ring */

    struct story_boot boot; /* the one that is going on */
    bool booting;
    struct story_boot boots[STORY_BOOTS];
    uint32_t n_boots, boots_seen;
    uint8_t app_decided; /* swap type that an application printed since the last boot */
    uint16_t app_file;

    int mode;                /* MCUboot's, from the bootloader query; -1: unknown */
    struct story_list words; /* a list written for people, being read */
    bool in_words;
    struct td_place words_at;
    struct story_command command;
    enum td_dialect tool; /* of the newest command; PLAIN: none yet */

    struct story_step_ring steps;
    struct td_story_step sorted[TD_STORY_STEPS];
    size_t n_sorted;
    bool ended;
};

/* Attributes of a fact, one after the other. */
struct story_attrs {
    char text[1000];
    size_t len;
};

void story_attr(struct story_attrs *a, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void story_attr_text(struct story_attrs *a, const char *key, const char *text); /* quoted */
void story_fact(struct td_story *s, const char *name, const struct td_place *at, int64_t time_us,
                const char *quote, const struct story_attrs *a);
/* Facts without attributes, and with some that need no building. */
#define story_mark(s, name, at, time_us, quote)                                                    \
    ((void)td_fact_add((s)->facts, name, at, time_us, quote, "%s", ""))
#define story_say(s, name, at, time_us, quote, ...)                                                \
    ((void)td_fact_add((s)->facts, name, at, time_us, quote, __VA_ARGS__))

/* A step of the timeline. The session is the current one's, 0 for a boot. */
void story_step(struct td_story *s, uint32_t session, const struct td_place *at, int64_t time_us,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* From one time to another; -1 when either is unknown or it runs backwards. */
int64_t story_since(int64_t from_us, int64_t to_us);

/* A new act, zeroed but for where and when. */
struct story_act *story_act(struct td_story *s, enum story_act_kind kind, uint32_t session,
                            enum td_dialect dialect, const struct td_place *at, int64_t time_us);
size_t story_n_acts(const struct td_story *s);
struct story_act *story_act_at(struct td_story *s, size_t n);

/* story_list.c */
void story_hash(const json_t *value, char out[STORY_HASH + 1]); /* "hex:", base64, plain hex */
void story_hash_text(const char *text, size_t len, char out[STORY_HASH + 1]);
bool story_list_read(const json_t *body, struct story_list *list);
const struct story_slot *story_list_hash(const struct story_list *list, const char *hash);
const struct story_slot *story_list_active(const struct story_list *list, uint8_t image);
const struct story_slot *story_list_pending(const struct story_list *list);
const struct story_slot *story_list_slot(const struct story_list *list, uint8_t image,
                                         uint8_t slot);
bool story_list_same(const struct story_list *a, const struct story_list *b);
void story_list_words(const struct story_list *list, char *out, size_t cap);
void story_list_facts(struct td_story *s, const struct story_act *act, const char *when);

/* story_session.c */
bool story_is_client(enum td_dialect dialect);
const char *story_client(enum td_dialect dialect);       /* its name in facts, or "other" */
const char *story_client_words(enum td_dialect dialect); /* as a sentence names it */
struct story_talk *story_talk_of(struct td_story *s, const struct td_event *event);
void story_talk_begin(struct td_story *s, struct story_talk *t, const struct td_place *at,
                      int64_t time_us, bool began);
void story_talk_end(struct td_story *s, struct story_talk *t);
void story_unanswered(struct td_story *s, struct story_talk *t, struct story_request *q);

/* story_talk.c */
void story_talk_message(struct td_story *s, struct story_talk *t, const struct td_event *event);
void story_talk_list(struct td_story *s, struct story_talk *t, const struct story_list *list,
                     const struct td_place *at, int64_t time_us);
void story_reset_lost(struct td_story *s, struct story_talk *t);

/* story_link.c */
void story_talk_link(struct td_story *s, struct story_talk *t, const struct td_event *event);

/* story_upload.c */
void story_upload_request(struct td_story *s, struct story_talk *t, struct story_request *q,
                          const struct td_event *event);
void story_upload_answer(struct td_story *s, struct story_talk *t, const struct story_request *q,
                         const struct td_event *event, const char *refusal);
void story_upload_close(struct td_story *s, struct story_talk *t, int64_t now_us,
                        const char *refusal);

/* story_words.c */
void story_words_line(struct td_story *s, struct story_talk *t, const struct td_event *event);
void story_words_end(struct td_story *s);

/* story_shell.c */
void story_shell_line(struct td_story *s, const struct td_event *event);
void story_shell_end(struct td_story *s);

/* story_boot.c */
void story_boot_line(struct td_story *s, const struct td_event *event);
void story_boot_close(struct td_story *s);

/* story_same.c: whether an earlier file shows a change of the lists that this one shows */
bool story_told_before(struct td_story *s, uint16_t file);

/* story_judge.c, story_ways.c */
void story_judge(struct td_story *s);
void story_ways(struct td_story *s, const char *what, const char *hash, const struct td_place *at,
                int64_t time_us);

#endif
