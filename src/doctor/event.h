/*
 * doctor/event.h - what a file holds, one thing after the other, whatever dress it came in.
 *
 * Readers (doctor/reader.h) take bytes and give events; `decode` prints them, the doctor
 * makes facts of them. An event and everything it points to is borrowed: it lives as long
 * as the call that hands it over.
 */
#ifndef TD_DOCTOR_EVENT_H
#define TD_DOCTOR_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "smp/header.h"

#define TD_NO_TIME INT64_MIN

/* Where something stands. line and offset count in the file as it lies there. */
struct td_place {
    uint16_t file;   /* index of the file as given on the command line, from 0 */
    uint32_t line;   /* from 1; 0: the file has no lines */
    uint64_t offset; /* bytes from the start of the file, of the line or the record */
};

enum td_direction { TD_DIR_UNKNOWN, TD_TO_DEVICE, TD_FROM_DEVICE };

/* Who wrote a line of a log, as far as its dress tells. */
enum td_dialect {
    TD_DIALECT_PLAIN,          /* no prefix that is known: prose, forum posts, options */
    TD_DIALECT_NORDIC_ANDROID, /* nRF Connect, Device Manager: V 08:47:42.977 [McuMgr] ... */
    TD_DIALECT_NORDIC_IOS,
    TD_DIALECT_SMPMGR,  /* smpmgr, smpclient: Python's logging, rich or plain */
    TD_DIALECT_MCUMGR,  /* the Go command, newtmgr: DEBU[0000] ..., [DEBUG] ... */
    TD_DIALECT_AUTERM,  /* AuTerm, qtmgmt */
    TD_DIALECT_CLIENT,  /* another client: mcumgr-client, mcumgrctl, mcumgr-web */
    TD_DIALECT_TANDEM,  /* docs/spec/log-format.md */
    TD_DIALECT_ZEPHYR,  /* [00:00:00.123,456] <err> mcuboot: ..., or minimal "E: ..." */
    TD_DIALECT_CONSOLE, /* other text of a device's console: printk, banners */
};

#define TD_DIALECTS (TD_DIALECT_CONSOLE + 1)

/* A line of text without colours, control characters, terminal and log prefixes. */
struct td_line {
    const char *text; /* ended by 0; what the line says */
    size_t len;
    const char *raw; /* the same line as it stands in the file, colours removed; ended by 0 */
    enum td_dialect dialect;
    char level;         /* E W I D V A as the log has it, 0 when it has none */
    const char *module; /* "mcuboot", "McuMgr", "main"; "" when the line names none */
};

struct td_message {
    enum td_direction dir; /* by what the log says, else by the operation */
    struct td_smp_header hdr;
    const uint8_t *bytes; /* header and payload as captured; NULL: the log gave words only */
    size_t len;           /* of bytes; fewer than the header promises when cut short */
    bool cut;             /* the capture or the log holds only a part */
    json_t *body;         /* as td_body_read gives it ("hex:..." for byte strings); NULL: none
                             that can be read */
};

enum td_link_what {
    TD_LINK_UP,
    TD_LINK_DOWN,   /* status: HCI or platform's reason, -1 when none was said */
    TD_LINK_MTU,    /* value: the ATT MTU agreed upon, bytes */
    TD_LINK_PARAMS, /* connection parameters, below */
};

struct td_link_event {
    enum td_link_what what;
    int status;
    uint32_t value;
    uint32_t interval_us; /* TD_LINK_PARAMS: connection interval */
    uint32_t latency;     /* events the peripheral may skip */
    uint32_t timeout_ms;  /* supervision */
};

enum td_event_kind {
    TD_EVENT_LINE,    /* every line of text, also those that became another event as well */
    TD_EVENT_MESSAGE, /* a whole SMP message; once, although a log shows it in two dresses */
    TD_EVENT_LINK,
    TD_EVENT_GARBAGE, /* promised to be a frame and is none; text in line */
};

struct td_event {
    enum td_event_kind kind;
    struct td_place at;
    int64_t time_us;     /* of the log's own clock, monotonic within a file; TD_NO_TIME: none */
    struct td_line line; /* LINE: the line; else the line that it was read from, raw may be "" */
    union {
        struct td_message message;
        struct td_link_event link;
    } u;
};

/* Takes events in the order in which they stand. Keeps nothing of them but copies. */
struct td_event_sink {
    void (*take)(struct td_event_sink *sink, const struct td_event *event);
};

#endif
