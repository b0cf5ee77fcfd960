/*
 * tools/device.h - a device as a verb sees it: opened, asked, closed.
 *
 * Owns the event loop, the link, the session and Ctrl-C. A verb runs one sans-I/O core after
 * the other on it; everything that goes wrong with the link is said here.
 */
#ifndef TD_TOOLS_DEVICE_H
#define TD_TOOLS_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/core.h"
#include "client/failure.h"
#include "client/requests.h"
#include "client/session.h"
#include "tools/cli.h"
#include "transport/drive.h"

#define TD_DEVICE_WHY 512

struct td_device {
    struct td_cli *cli;
    struct td_url url;
    uv_loop_t loop;
    uv_timer_t patience; /* with the link, while it is opened */
    uv_signal_t on_int, on_term;
    struct td_drive *drive;
    struct td_link *link; /* the drive's */
    struct td_session session;
    uint8_t rx[4096]; /* the session's */

    bool opening;            /* the link never stood so far */
    bool finished;           /* the core is done, or the wait for the link is over */
    bool interrupted;        /* Ctrl-C came */
    bool watching;           /* Ctrl-C is how this is meant to end: nothing is said then */
    char why[TD_DEVICE_WHY]; /* why the link is down; "" while it is up */
    uint64_t began_us;       /* of the log's clock */
};

/*
 * Reads the URL of cli, opens the link and waits until it stands. TD_EXIT_OK, or the exit code
 * of an error that was said; the device is then closed.
 */
int td_device_open(struct td_device *dev, struct td_cli *cli);

/* Ends everything; may be called twice. */
void td_device_close(struct td_device *dev);

/* Runs core until it is done, or until it was interrupted (dev->interrupted). */
void td_device_run(struct td_device *dev, const struct td_core *core, void *state);

/*
 * Asks one thing. True when the reply holds an answer; reply->failure says why not. Nothing is
 * printed. Also false when Ctrl-C came (dev->interrupted).
 */
bool td_device_ask(struct td_device *dev, const struct td_request *request, struct td_reply *reply);

/*
 * Says a failure and returns its exit code: TD_EXIT_REFUSED when the device said no or did
 * wrong, TD_EXIT_UNREACHABLE when it did not answer or not in SMP, TD_EXIT_USAGE for a request
 * that no packet can carry, TD_EXIT_INTERRUPTED after Ctrl-C.
 * what is the attempt in words: "the image list was not read". remedy may be NULL: one that fits
 * the failure is looked up.
 */
int td_device_failed(struct td_device *dev, const struct td_failure *failure, const char *what,
                     const char *remedy);

/* Like td_device_failed. option: the Kconfig option that builds the command in, or NULL. */
int td_device_refused(struct td_device *dev, const struct td_failure *failure, const char *what,
                      const char *option);

/* Waits, with the link open. false: Ctrl-C came, or the link went down. */
bool td_device_pause(struct td_device *dev, uint32_t ms);

/*
 * A verb that is one question: opens the device, asks, has the reply said, closes. what is the
 * attempt in words, option the Kconfig option that builds the command into Zephyr, or NULL.
 */
int td_device_ask_once(struct td_cli *cli, const struct td_request *request, const char *what,
                       const char *option,
                       void (*say)(struct td_cli *cli, const struct td_reply *reply));

/* The failure as one sentence and as a name for programs; remedy "" when none fits. */
void td_failure_words(const struct td_failure *failure, char *text, size_t cap, const char **name,
                      const char **remedy);

/*
 * The device was told to reset. What is queued on the link is forgotten, and a serial line is
 * left alone until the device seems to have booted: small UARTs that receive while nobody
 * reads them may never receive again. A boot log that comes along says when that is.
 */
void td_device_reset_sent(struct td_device *dev);

/* A decision, for the log and for -v. */
void td_device_log(struct td_device *dev, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What sessions over this link have to know. */
struct td_session_config td_device_session_config(struct td_device *dev);

#endif
