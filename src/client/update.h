/*
 * client/update.h - a whole update: look, preflight, upload, mark, reset, verify, confirm.
 *
 * An update has succeeded when the device runs the new hash, confirmed where its bootloader
 * has a confirmation. Nothing less is called success, and everything else has a reason in words
 * and a remedy. README.md draws the state machine.
 *
 * Sans-I/O like the rest of the room. The owner of the link writes this loop, and takes
 * events in between:
 *
 *     while (!td_update_done(&u)) {
 *         while (td_update_event(&u, &event))
 *             print(&event);
 *         while ((n = td_update_send(&u, now(), buf, sizeof(buf))) > 0)
 *             link_send(buf, n);
 *         link_wait(td_update_wake_ms(&u));    // then td_update_receive or td_update_link
 *     }
 *     while (td_update_event(&u, &event))
 *         print(&event);                       // the last is the result
 */
#ifndef TD_CLIENT_UPDATE_H
#define TD_CLIENT_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/source.h"
#include "client/preflight.h"
#include "client/requests.h"
#include "client/session.h"
#include "client/upload.h"

#define TD_UPDATE_FILES 4

enum td_update_mode {
    TD_UPDATE_TEST_AND_CONFIRM, /* trial, then confirmed by us */
    TD_UPDATE_TEST,             /* trial; somebody else confirms */
    TD_UPDATE_CONFIRM,          /* no trial: marked as permanent, no way back */
    TD_UPDATE_UPLOAD,           /* into the slot and no further */
};

/* One image. Source, and what it reads from, outlive the update. */
struct td_update_file {
    struct td_source src; /* the signed image, as it is to be sent */
    uint8_t sha[32];      /* SHA-256 of all of it */
    uint8_t image;        /* which image of the device; 0 = the first or only one */
    const struct td_room_geometry *geometry; /* its slots, from a layout file; NULL = not known */
};

struct td_update_config {
    struct td_session_config session;
    const struct td_update_file *files; /* 1..TD_UPDATE_FILES, image numbers differ */
    uint8_t n_files;
    enum td_update_mode mode;
    bool erase_settings;
    bool dry_run;      /* stop after preflight */
    bool no_resume;    /* always upload from the first byte */
    uint32_t force;    /* mask of 1 << enum td_check: what preflight finds there does not stop us */
    uint32_t wait_ms;  /* how long the device may take to come back; 0 = by swap arithmetic */
    bool has_strategy; /* the caller knows the bootloader's way of updating, */
    enum td_strategy_id strategy; /* for preflight, where the device does not say it */
    uint32_t running_size; /* bytes of the image that runs, where the caller knows; 0 = not known */
};

enum td_update_event_kind {
    TD_EVENT_PREFLIGHT, /* image, row */
    TD_EVENT_UPLOAD,    /* image, offset, size, rate */
    TD_EVENT_STATE,     /* state: what begins now */
    TD_EVENT_RESUMED,   /* image, offset, size: an upload goes on there; 0: it begins again */
    TD_EVENT_START,     /* image, start, again: how the device says that it took the upload */
    TD_EVENT_NOTE,      /* text: worth saying, nothing failed */
    TD_EVENT_RESULT,    /* the last one */
};

enum td_update_state {
    TD_STATE_TEST,
    TD_STATE_RESET,
    TD_STATE_WAIT,
    TD_STATE_VERIFY,
    TD_STATE_CONFIRM
};

enum td_update_result {
    TD_RESULT_NONE,        /* it is not over */
    TD_RESULT_UPDATED,     /* runs, confirmed where there is a confirmation */
    TD_RESULT_ALREADY,     /* ran already, nothing was changed */
    TD_RESULT_TESTED,      /* runs on trial */
    TD_RESULT_UPLOADED,    /* lies in its slot, not marked */
    TD_RESULT_REFUSED,     /* preflight, the device or its bootloader said no */
    TD_RESULT_REVERTED,    /* it ran, and the previous image is back */
    TD_RESULT_FAILED,      /* anything else */
    TD_RESULT_UNREACHABLE, /* the device stopped answering or did not come back */
    TD_RESULT_INTERRUPTED, /* by td_update_interrupt */
    TD_RESULT_CHECKED,     /* dry run: preflight found nothing against it */
};

#define TD_UPDATE_TEXT 400

/* How it ended. Strings are ended by a 0. */
struct td_update_outcome {
    enum td_update_result result;
    uint8_t image;             /* that this is about */
    uint8_t hash[64];          /* of the new image */
    uint8_t hash_len;          /* 0 when the file has none */
    struct td_version version; /* of the new image */
    uint32_t seconds;
    uint16_t verdict;            /* enum td_verdict_code; 0 = the device gave none */
    struct td_verdict facts;     /* of the verdict, when there is one */
    struct td_failure failure;   /* what ended it, where it was a request */
    char text[TD_UPDATE_TEXT];   /* what happened, and how that is known */
    char remedy[TD_UPDATE_TEXT]; /* what to do; "" when nothing */
};

struct td_update_event {
    enum td_update_event_kind kind;
    uint8_t image;
    const struct td_check_row *row;
    uint32_t offset, size, bytes_per_s;
    uint32_t start; /* enum td_tandem_start, or any other number */
    bool again;     /* the device has lost this upload before */
    enum td_update_state state;
    const char *text;
    const struct td_update_outcome *outcome; /* these pointers stay valid as long as the update */
};

/* "updated", "test", ...: the words of --json. Never NULL. */
const char *td_update_result_name(enum td_update_result result);
const char *td_update_state_name(enum td_update_state state);

/* What is to be done with one file; decided from the image list. */
enum td_plan {
    TD_PLAN_NONE,   /* runs, confirmed: nothing */
    TD_PLAN_TRIAL,  /* runs on trial: confirm it if asked to */
    TD_PLAN_RESET,  /* lies there and is pending: reset */
    TD_PLAN_MARK,   /* lies there: mark it, reset */
    TD_PLAN_UPLOAD, /* send it, mark it, reset */
    TD_PLAN_ERASE,  /* another one is pending: erase that first, then as UPLOAD */
    TD_PLAN_LEAVE,  /* another one runs on trial: hands off */
};

/* How the device takes a new image; from what it said and did. */
struct td_update_device {
    bool params_known;
    uint32_t buf_size, buf_count;
    bool mode_known;
    int32_t mode;
    bool no_downgrade;
    bool has_slots;
    struct td_slot_sizes slots;
    bool is_tandem;
    struct td_accepts accepts;
    bool b0_known;           /* a stock device said which of S0 and S1 runs, */
    uint32_t b0_was, b0_now; /* before the reset, and the last time */
    bool has_verdicts;
    uint32_t verdict_seq; /* of the newest verdict before we changed anything */
    uint16_t verdict_count;
    struct td_image_states list;
};

struct td_update_item {
    const struct td_update_file *file;
    struct td_image_facts facts;
    enum td_plan plan;
    bool unmarkable; /* the device has nothing to mark: the version or the place decides */
    bool marked;     /* pending, by us or before; the next reset starts it */
    struct td_check_row rows[TD_N_CHECKS];
};

#define TD_UPDATE_EVENTS 64

/* Placed by the caller, about 25 KB. The fields are the update's. */
struct td_update {
    struct td_update_config cfg;
    struct td_session session;
    struct td_upload upload;
    struct td_call call;
    struct td_image_work work;
    struct td_update_device device;
    struct td_image_states before; /* the list as it was when the reset went out */
    struct td_update_item items[TD_UPDATE_FILES];
    uint8_t item;   /* that is being worked on */
    uint8_t step;   /* enum step in update.c */
    bool entered;   /* the step's request was handed to the session */
    bool uploading; /* the upload has the session */
    bool done;
    bool link_down;
    bool heard;      /* something arrived since the link was last counted as down */
    bool heard_ever; /* there is a device */
    bool settings_done;
    bool reset_answered, saw_silence;
    bool empty_hash; /* the device wants a confirm with an empty hash instead of none */
    uint8_t n_resets, n_confirms, n_uploads;
    uint32_t wait_ms;
    uint64_t started_ms, reset_ms, wake_ms, down_ms, said_ms;
    struct td_update_outcome outcome;
    struct td_update_entry {
        uint8_t kind, image, arg, item;
        bool again;
        uint32_t offset, size, rate;
        const char *text;
    } events[TD_UPDATE_EVENTS];
    uint8_t events_head, n_events;
};

/* Begins. The files are looked at in the first td_update_send, not here. */
void td_update_start(struct td_update *u, const struct td_update_config *cfg, uint64_t now_ms);

/* The next packet to send, one for each call, until it returns 0. */
size_t td_update_send(struct td_update *u, uint64_t now_ms, uint8_t *buf, size_t cap);

/* A packet that arrived, or a piece of one where the link has link.fragments. */
void td_update_receive(struct td_update *u, uint64_t now_ms, const uint8_t *buf, size_t len);

/* The link went down or came up again. Links without a connection never call it. */
void td_update_link(struct td_update *u, uint64_t now_ms, bool up);

/* When td_update_send wants to be called, if nothing arrives before. */
uint64_t td_update_wake_ms(const struct td_update *u);

/*
 * Stops at once; nothing more is sent. The outcome says what the device was left with and how
 * to go on. The device stays sane: what it has of an upload is resumed by the next update.
 */
void td_update_interrupt(struct td_update *u, uint64_t now_ms);

/* The next event, oldest first; false when there is none. */
bool td_update_event(struct td_update *u, struct td_update_event *event);

static inline bool td_update_done(const struct td_update *u)
{
    return u->done;
}

#endif
