/*
 * server/backend.h - what groups ask of a device: its facts, clock, statistics, settings, files
 * and shell, each behind a small interface.
 *
 * A config names the back ends that it has (server/server.h). A group whose back end is missing
 * answers as if its command were not built. Every function gets the ctx that stands beside it,
 * is called inside td_server_handle or td_server_work, and returns soon; texts are not ended by
 * a 0, and point to memory that outlives the answer.
 */
#ifndef TD_SERVER_BACKEND_H
#define TD_SERVER_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cbor/cbor.h"
#include "smp/os.h"

/* ---- the device as such (group 0) ---------------------------------------------------- */

/* What "os info" tells, by letters. One that is empty is unknown, as in a build without it. */
struct td_server_facts {
    struct td_cbor_text kernel;    /* s */
    struct td_cbor_text node;      /* n */
    struct td_cbor_text release;   /* r */
    struct td_cbor_text version;   /* v */
    struct td_cbor_text built;     /* b: date and time */
    struct td_cbor_text machine;   /* m */
    struct td_cbor_text processor; /* p */
    struct td_cbor_text platform;  /* i */
    struct td_cbor_text os;        /* o */
};

/* A wall clock. */
struct td_server_clock {
    /* ms since 1970-01-01 UTC. TD_ESTATE: it was never set. */
    enum td_err (*get)(void *ctx, int64_t *ms);
    enum td_err (*set)(void *ctx, int64_t ms);
    void *ctx;
};

struct td_server_os {
    const struct td_server_facts *facts; /* NULL: no "info" */
    const struct td_server_clock *clock; /* NULL: no date and time */
    /* Thread or pool number i, counted from 0; false: there are no more. NULL: not supported. */
    bool (*task)(void *ctx, unsigned i, struct td_os_task *task);
    bool (*pool)(void *ctx, unsigned i, struct td_os_pool *pool);
    void *ctx;
};

/* ---- statistics (group 2) ------------------------------------------------------------ */

struct td_server_stat {
    struct td_cbor_text name;
    const struct td_cbor_text *fields;
    uint8_t n_fields;
    uint64_t (*value)(void *ctx, unsigned field);
    void *ctx;
};

/* ---- settings (group 3) -------------------------------------------------------------- */

/*
 * Any of them may be NULL: then the group says that it is not supported. What set and remove
 * change is in RAM until save, or in flash at once; the back end knows.
 */
struct td_server_settings {
    /*
     * Copies the value into val and its length to *len. TD_ENOTFOUND; TD_ESPACE: it is longer
     * than cap, *len says how long and val holds its beginning.
     */
    enum td_err (*get)(void *ctx, struct td_cbor_text name, uint8_t *val, size_t cap, size_t *len);
    /* TD_ENOTFOUND: nobody takes a setting of that name; TD_EUNSUPPORTED: it is not to be set. */
    enum td_err (*set)(void *ctx, struct td_cbor_text name, const uint8_t *val, size_t len);
    /* TD_ENOTFOUND: there is none; TD_EUNSUPPORTED: it is not to be deleted. */
    enum td_err (*remove)(void *ctx, struct td_cbor_text name);
    enum td_err (*commit)(void *ctx);                            /* what was set takes effect */
    enum td_err (*load)(void *ctx);                              /* from flash into RAM */
    enum td_err (*save)(void *ctx, struct td_cbor_text subtree); /* RAM to flash; empty: all */
    uint16_t name_max, value_max;                                /* bytes; 0: 31 and 256 */
    void *ctx;
};

#define TD_SERVER_PATH_MAX 64

/* ---- files (group 8) ----------------------------------------------------------------- */

/*
 * A file system. Paths are absolute ("/lfs1/x.txt") and checked by the back end: TD_ENOTFOUND
 * for no such file or mount point, TD_EARG for a name that cannot be one, TD_ESTATE for a
 * directory, TD_EUNSUPPORTED for a place that is read-only, TD_ENOSPC, TD_EFLASH.
 */
struct td_server_files {
    enum td_err (*size)(void *ctx, struct td_cbor_text path, uint64_t *size);
    /* Reads at most len bytes at off; *got is less only at the end of the file. */
    enum td_err (*read)(void *ctx, struct td_cbor_text path, uint64_t off, uint8_t *dst, size_t len,
                        size_t *got);
    /*
     * Writes at off, which is the file's size, or 0: then the file is made, or emptied first, also
     * where len is 0. TD_ENOTFOUND: nothing is mounted there.
     */
    enum td_err (*write)(void *ctx, struct td_cbor_text path, uint64_t off, const uint8_t *src,
                         size_t len);
    /* The transfer is over, or was given up: what is buffered goes to flash. May be NULL. */
    void (*close)(void *ctx);
    /*
     * A clock that runs on from anywhere and wraps. With it a transfer that was not heard of for
     * idle_ms (0: 10 s) no longer keeps other links out, and is closed by the next
     * td_server_work. NULL: only its end, its link's, or another transfer on its link sets it free.
     */
    uint32_t (*now_ms)(void *ctx);
    uint32_t idle_ms;
    uint16_t path_max; /* bytes; 0: TD_SERVER_PATH_MAX, which is also the most */
    void *ctx;
};

#define TD_SERVER_LINE_MAX 255

/* ---- shell (group 9) ----------------------------------------------------------------- */

struct td_server_shell {
    /*
     * Runs a line (arguments joined by single spaces) and writes what it printed, cut to cap.
     * The return value is the command's own; negative ones are errors of errno.
     */
    int32_t (*run)(void *ctx, struct td_cbor_text line, char *out, size_t cap, size_t *len);
    uint16_t line_max; /* bytes; 0: TD_SERVER_LINE_MAX, which is also the most */
    void *ctx;
};

#endif
