/* tools/verb_version.c - version, as build systems ask imgtool for it. */
#include "tools/cli.h"

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct td_args args;

    td_args_begin(&args, cli, NULL, 0, argc, argv);
    switch (td_args_next(&args)) {
    case TD_ARG_END: td_cli_version(cli); return TD_EXIT_OK;
    case TD_ARG_STOP: return args.exit;
    default: return td_cli_usagef(cli, "version takes no '%s'", args.value);
    }
}

const struct td_verb td_verb_version = {
    .name = "version",
    .kind = TD_VERB_FILE,
    .summary = "print the version",
    .usage = "usage: tandem version\n",
    .run = run,
    .unlisted = true,
};
