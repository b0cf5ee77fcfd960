/*
 * tools/watch.h - --watch [SECONDS]: one question again and again, until Ctrl-C.
 *
 * On a terminal each answer takes the place of the one before; with --json each is an object in a
 * line of its own; elsewhere an empty line stands between two. Ctrl-C ends it with
 * TD_EXIT_INTERRUPTED and without a word, a device that stops answering as for any other verb.
 */
#ifndef TD_TOOLS_WATCH_H
#define TD_TOOLS_WATCH_H

#include "tools/device.h"

/* The option as every --help has it. */
#define TD_WATCH_USAGE                                                                             \
    "  --watch [SECONDS]  again and again, every 2 seconds when none are given, until\n"           \
    "                     Ctrl-C\n"

struct td_watch {
    bool on;
    uint32_t every_ms; /* between an answer and the next question */
};

/*
 * The command line of a verb whose only option is --watch, and that takes one word (*word, NULL
 * when there is none), or no word at all (word is NULL). As td_args_one_word.
 */
int td_watch_args(struct td_cli *cli, int argc, char **argv, struct td_watch *watch,
                  const char **word);

/* Opens the device and calls once, or, with --watch, until it fails or Ctrl-C comes. */
int td_watch_run(struct td_cli *cli, const struct td_watch *watch,
                 int (*once)(struct td_device *dev, void *ctx), void *ctx);

/* td_device_ask_once that may be watched. */
int td_watch_ask(struct td_cli *cli, const struct td_watch *watch, const struct td_request *request,
                 const char *what, const char *option,
                 void (*say)(struct td_cli *cli, const struct td_reply *reply));

#endif
