/* tools/verbs.c - the table of verbs, and the way from a command line to one of them. */
#include "tools/verbs.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/range.h"
#include "tools/cli.h"

const struct td_verb *const td_verbs[] = {
    /* devices */
    &td_verb_update,
    &td_verb_image,
    &td_verb_os,
    &td_verb_stat,
    &td_verb_settings,
    &td_verb_fs,
    &td_verb_shell,
    &td_verb_storage,
    &td_verb_why,
    &td_verb_groups,
    &td_verb_raw,
    &td_verb_scan,
    /* files */
    &td_verb_sign,
    &td_verb_create,
    &td_verb_verify,
    &td_verb_inspect,
    &td_verb_dumpinfo,
    &td_verb_decode,
    &td_verb_keygen,
    &td_verb_getpub,
    &td_verb_getpubhash,
    &td_verb_getpriv,
    &td_verb_keyinfo,
    &td_verb_version,
    &td_verb_package,
    &td_verb_layout,
    &td_verb_nsib,
    /* the desk */
    &td_verb_doctor,
    &td_verb_sim,
    &td_verb_sim_app,
    &td_verb_completion,
    NULL,
};

static bool is_imgtool(const struct td_cli *cli)
{
    return strcmp(cli->program, "imgtool") == 0;
}

/* Under the name imgtool only what imgtool has is answered. */
static bool answers(const struct td_cli *cli, const struct td_verb *verb)
{
    return !is_imgtool(cli) || verb->kind == TD_VERB_FILE;
}

static void list_kind(struct td_cli *cli, const char *title, enum td_verb_kind kind)
{
    bool any = false;

    for (size_t i = 0; td_verbs[i]; i++) {
        const struct td_verb *verb = td_verbs[i];

        if (verb->kind != kind || verb->unlisted || !answers(cli, verb))
            continue;
        if (!any)
            fprintf(cli->out, "\n%s\n", title);
        any = true;
        fprintf(cli->out, "  %-10s %s\n", verb->name, verb->summary);
    }
}

static void help_of_subs(struct td_cli *cli, const struct td_verb *verb)
{
    fprintf(cli->out, "usage: %s [GLOBAL] %s COMMAND [ARGUMENTS]\n\n%s.\n\n", cli->program,
            verb->name, verb->summary);
    for (size_t i = 0; i < verb->n_subs; i++)
        fprintf(cli->out, "  %-11s %s\n", verb->subs[i].name, verb->subs[i].summary);
    fprintf(cli->out, "\n%s %s COMMAND --help tells more of each.\n", cli->program, verb->name);
}

static void help_as_imgtool(struct td_cli *cli)
{
    fputs("usage: imgtool COMMAND [OPTIONS] [ARGUMENTS]\n\n"
          "This is tandem under imgtool's name: imgtool's commands and options, Tandem's exit "
          "codes.\n",
          cli->out);
    list_kind(cli, "Commands:", TD_VERB_FILE);
    fputs("\nExit codes: 0 done, 1 a check found something, 2 usage, 4 a file.\n"
          "imgtool COMMAND --help tells more of a command.\n",
          cli->out);
}

void td_cli_help(struct td_cli *cli)
{
    if (cli->verb) {
        help_of_subs(cli, cli->verb);
        return;
    }
    if (is_imgtool(cli)) {
        help_as_imgtool(cli);
        return;
    }
    fprintf(cli->out,
            "usage: %s [GLOBAL] VERB [OPTIONS] [ARGUMENTS]\n"
            "\n"
            "Updates the firmware of microcontrollers over SMP, and says why when it fails.\n",
            cli->program);
    list_kind(cli, "Devices:", TD_VERB_DEVICE);
    list_kind(cli, "Files:", TD_VERB_FILE);
    list_kind(cli, "On the desk:", TD_VERB_DESK);
    fputs("\n"
          "Global options (before the verb or behind it; -d, --timeout, -v, --log behind it\n"
          "of devices alone):\n"
          "  -d, --device URL   udp:HOST[:PORT], serial:PATH[?baud=N&framing=F],\n"
          "                     tcp:HOST:PORT[?framing=F], F console, raw or cobs; or\n"
          "                     TANDEM_DEVICE\n"
          "  --timeout SECONDS  how long one request may stay unanswered, with retries\n"
          "  --json             results as JSON on stdout, errors as JSON on stderr\n"
          "  -v, --log FILE     frames and decisions with times, to stderr or a file\n"
          "  --quiet, --no-color, --version, --help\n"
          "\n"
          "Exit codes: 0 done and proven, 1 refused or failed on the device, 2 usage,\n"
          "3 not reachable, 4 a file, 130 interrupted.\n",
          cli->out);
    fprintf(cli->out, "%s VERB --help tells more of a verb.\n", cli->program);
}

void td_cli_version(struct td_cli *cli)
{
    fprintf(cli->out, "tandem %s\n", TD_VERSION);
}

static int unknown_verb(struct td_cli *cli, const char *word)
{
    static const char *const to_come[] = {
        "fs",
        "merge",
        "rehearse",
    };
    const char *names[64];
    size_t n = 0;
    const char *near;

    for (size_t i = 0; td_verbs[i] && n < 64; i++) {
        if (answers(cli, td_verbs[i]))
            names[n++] = td_verbs[i]->name;
    }
    for (size_t i = 0; i < TD_N_OF(to_come); i++) {
        if (strcmp(to_come[i], word) == 0)
            return td_cli_usagef(cli, "'%s' is not in this version of tandem", word);
    }
    near = td_nearest(word, names, n);
    if (near)
        return td_cli_usagef(cli, "there is no verb '%s'; did you mean '%s'?", word, near);
    return td_cli_usagef(cli, "there is no verb '%s'", word);
}

static int unknown_sub(struct td_cli *cli, const struct td_verb *verb, const char *word)
{
    const char *names[32];
    size_t n = 0;
    const char *near;

    for (; n < verb->n_subs && n < 32; n++)
        names[n] = verb->subs[n].name;
    near = td_nearest(word, names, n);
    if (near)
        return td_cli_usagef(cli, "there is no '%s %s'; did you mean '%s %s'?", verb->name, word,
                             verb->name, near);
    return td_cli_usagef(cli, "there is no '%s %s'", verb->name, word);
}

static int run_sub(struct td_cli *cli, const struct td_verb *verb, int argc, char **argv)
{
    char path[64];
    struct td_args args;
    int exit;

    td_args_begin(&args, cli, NULL, 0, argc, argv);
    switch (td_args_next(&args)) {
    case TD_ARG_WORD: break;
    case TD_ARG_END: return td_cli_usagef(cli, "'%s' wants to know what to do", verb->name);
    default: return args.exit;
    }
    for (size_t i = 0; i < verb->n_subs; i++) {
        if (strcmp(verb->subs[i].name, args.value) != 0)
            continue;
        snprintf(path, sizeof path, "%s %s", verb->name, verb->subs[i].name);
        cli->verb = &verb->subs[i];
        cli->verb_path = path;
        exit = verb->subs[i].run(cli, argc - args.at, argv + args.at);
        cli->verb_path = verb->name;
        return exit;
    }
    return unknown_sub(cli, verb, args.value);
}

static int run_verb(struct td_cli *cli, const char *word, int argc, char **argv)
{
    for (size_t i = 0; td_verbs[i]; i++) {
        const struct td_verb *verb = td_verbs[i];

        if (strcmp(verb->name, word) != 0 || !answers(cli, verb))
            continue;
        cli->verb = verb;
        cli->verb_path = verb->name;
        return verb->subs ? run_sub(cli, verb, argc, argv) : verb->run(cli, argc, argv);
    }
    return unknown_verb(cli, word);
}

/* "help VERB" is "VERB --help", which is how people type it. */
static void turn_help_around(int argc, char **argv)
{
    static char help[] = "--help";

    if (argc < 2 || strcmp(argv[1], "help") != 0)
        return;
    memmove(&argv[1], &argv[2], (size_t)(argc - 2) * sizeof *argv);
    argv[argc - 1] = help;
}

int td_main(struct td_cli *cli, int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
    struct td_args args;
    int exit;

    // A reader that goes away is found out by the write, and ends the command calmly.
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(name, "imgtool") == 0)
        cli->program = "imgtool";

    turn_help_around(argc, argv);
    td_args_begin(&args, cli, NULL, 0, argc > 0 ? argc - 1 : 0, argv + (argc > 0));
    switch (td_args_next(&args)) {
    case TD_ARG_WORD:
        exit = run_verb(cli, args.value, args.argc - args.at, args.argv + args.at);
        break;
    case TD_ARG_END: exit = td_cli_usage(cli, "a verb is missing"); break;
    default: exit = args.exit; break;
    }
    return td_cli_finish(cli, exit);
}
