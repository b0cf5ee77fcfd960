/* tools/sim_app.c - `tandem sim-app`: a payload for the virtual device, to be signed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "sim/app.h"
#include "tools/cli.h"
#include "tools/file.h"

enum { OPT_NAME, OPT_SIZE, OPT_SELF_CONFIRM, OPT_CRASH, OPT_MUTE, OPT_HANG };

static const struct td_opt options[] = {
    { "name", 0, true, OPT_NAME },    { "size", 0, true, OPT_SIZE },
    { "crash", 0, false, OPT_CRASH }, { "self-confirm", 0, false, OPT_SELF_CONFIRM },
    { "mute", 0, false, OPT_MUTE },   { "hang", 0, false, OPT_HANG },
};

#define DEFAULT_SIZE 24576

static int take_name(struct td_cli *cli, struct sim_app *app, const char *name)
{
    if (!sim_app_name_ok(name))
        return td_cli_usagef(cli, "--name wants 1 to %d printable ASCII characters",
                             SIM_APP_NAME_MAX);
    memcpy(app->name, name, strlen(name) + 1);
    return TD_EXIT_OK;
}

static int take_size(struct td_cli *cli, struct sim_app *app, const char *text)
{
    if (!td_parse_u32(text, SIM_APP_DESCRIPTOR_SIZE, SIM_APP_SIZE_MAX, &app->size))
        return td_cli_usagef(cli, "--size wants %d to %u bytes, and not '%s'",
                             SIM_APP_DESCRIPTOR_SIZE, SIM_APP_SIZE_MAX, text);
    return TD_EXIT_OK;
}

/* Reads the command line; TD_EXIT_OK to go on, *done when the verb has ended. */
static int read_arguments(struct td_cli *cli, int argc, char **argv, struct sim_app *app,
                          const char **out, bool *done)
{
    struct td_args args;
    int exit = TD_EXIT_OK;

    td_args_begin(&args, cli, options, TD_N_OF(options), argc, argv);
    while (exit == TD_EXIT_OK) {
        switch (td_args_next(&args)) {
        case OPT_NAME: exit = take_name(cli, app, args.value); break;
        case OPT_SIZE: exit = take_size(cli, app, args.value); break;
        case OPT_SELF_CONFIRM: app->flags |= SIM_APP_SELF_CONFIRM; break;
        case OPT_CRASH: app->flags |= SIM_APP_CRASH; break;
        case OPT_MUTE: app->flags |= SIM_APP_MUTE; break;
        case OPT_HANG: app->flags |= SIM_APP_HANG; break;
        case TD_ARG_WORD:
            if (*out != NULL)
                return td_cli_usagef(cli, "one OUT is enough; '%s' is another", args.value);
            *out = args.value;
            break;
        case TD_ARG_STOP: *done = true; return args.exit;
        default: return TD_EXIT_OK;
        }
    }
    return exit;
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct sim_app app = { .size = DEFAULT_SIZE };
    const char *out = NULL;
    bool done = false;
    uint8_t *payload;
    int exit = read_arguments(cli, argc, argv, &app, &out, &done);

    if (done || exit != TD_EXIT_OK)
        return exit;
    if (out == NULL)
        return td_cli_usage(cli, "OUT is missing: where to write the payload");
    if (app.name[0] == '\0')
        return td_cli_usage(cli, "--name is missing");
    payload = malloc(app.size);
    if (payload == NULL || sim_app_build(&app, payload, app.size) != TD_OK)
        exit = td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory for the payload",
                           NULL, "give a smaller --size");
    else
        exit = td_file_write(cli, out, payload, app.size, false);
    free(payload);
    return exit;
}

const struct td_verb td_verb_sim_app = {
    .name = "sim-app",
    .kind = TD_VERB_DESK,
    .summary = "write an application for the virtual device, to be signed",
    .usage = "usage: tandem sim-app OUT --name NAME [--size BYTES] [--self-confirm] [--crash]\n"
             "                          [--mute] [--hang]\n"
             "\n"
             "Writes an unsigned payload. Another name gives other bytes, the same the same.\n"
             "Without flags the application serves SMP and waits to be confirmed.\n"
             "\n"
             "  --name NAME     printed when it runs; up to 43 characters\n"
             "  --size BYTES    of the payload, default 24576, at least 64\n"
             "  --self-confirm  confirms itself as soon as it runs\n"
             "  --crash         resets before SMP answers, without confirming\n"
             "  --mute          runs, but serves no SMP\n"
             "  --hang          stops before SMP answers, and feeds no watchdog\n",
    .run = run,
};
