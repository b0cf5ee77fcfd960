/* tools/watch.c - asks, draws, waits. */
#include "tools/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/range.h"

#define EVERY_MS 2000

int td_watch_args(struct td_cli *cli, int argc, char **argv, struct td_watch *watch,
                  const char **word)
{
    enum { WATCH };
    static const struct td_opt opts[] = { { "watch", 0, TD_ARG_MAYBE, WATCH } };
    struct td_args args;
    int got;

    *watch = (struct td_watch){ .every_ms = EVERY_MS };
    if (word != NULL)
        *word = NULL;
    td_args_begin(&args, cli, opts, TD_N_OF(opts), argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END) {
        if (got == TD_ARG_STOP)
            return args.exit == TD_EXIT_OK ? -1 : args.exit;
        if (got == WATCH) {
            watch->on = true;
            if (args.value != NULL && !td_parse_seconds(args.value, &watch->every_ms))
                return td_cli_usagef(cli, "--watch wants seconds, as in 2, and not '%s'",
                                     args.value);
        } else if (word == NULL || *word != NULL) {
            return td_cli_usagef(cli, "'%s' is one argument too many", args.value);
        } else {
            *word = args.value;
        }
    }
    return TD_EXIT_OK;
}

static bool can_redraw(const struct td_cli *cli)
{
    const char *term = getenv("TERM");

    return cli->out_is_terminal && !cli->json && term != NULL && strcmp(term, "dumb") != 0;
}

static void make_room(struct td_cli *cli, bool first)
{
    if (can_redraw(cli))
        fputs(first ? "\033[2J\033[H" : "\033[H\033[J", cli->out);
    else if (!first && !cli->json)
        fputc('\n', cli->out);
}

/* It went while nothing was asked: no request is there to notice. */
static int gone(struct td_device *dev)
{
    struct td_failure down = { .err = TD_ELINKDOWN };

    return td_device_failed(dev, &down, "watching it", NULL);
}

static int repeat(struct td_device *dev, const struct td_watch *watch,
                  int (*once)(struct td_device *dev, void *ctx), void *ctx)
{
    bool first = true;
    int exit;

    dev->watching = true;
    do {
        make_room(dev->cli, first);
        first = false;
        exit = once(dev, ctx);
        // Nobody reads any more: what ended that is said where the command ends.
        if (fflush(dev->cli->out) != 0 || dev->cli->out_errno != 0)
            return exit;
    } while (exit == TD_EXIT_OK && td_device_pause(dev, watch->every_ms));
    if (dev->interrupted)
        return TD_EXIT_INTERRUPTED;
    return exit == TD_EXIT_OK ? gone(dev) : exit;
}

int td_watch_run(struct td_cli *cli, const struct td_watch *watch,
                 int (*once)(struct td_device *dev, void *ctx), void *ctx)
{
    struct td_device dev;
    int exit = td_device_open(&dev, cli);

    if (exit != TD_EXIT_OK)
        return exit;
    exit = watch->on ? repeat(&dev, watch, once, ctx) : once(&dev, ctx);
    td_device_close(&dev);
    return exit;
}

struct question {
    const struct td_request *request;
    const char *what, *option;
    void (*say)(struct td_cli *cli, const struct td_reply *reply);
};

static int ask(struct td_device *dev, void *ctx)
{
    const struct question *q = ctx;
    struct td_reply reply;

    if (!td_device_ask(dev, q->request, &reply))
        return td_device_refused(dev, &reply.failure, q->what, q->option);
    q->say(dev->cli, &reply);
    return TD_EXIT_OK;
}

int td_watch_ask(struct td_cli *cli, const struct td_watch *watch, const struct td_request *request,
                 const char *what, const char *option,
                 void (*say)(struct td_cli *cli, const struct td_reply *reply))
{
    struct question question = { request, what, option, say };

    return td_watch_run(cli, watch, ask, &question);
}
