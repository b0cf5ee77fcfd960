/*
 * tools/args.c - reads options.
 *
 * The verb's own options come first, so that a file verb may give -v or -d imgtool's meaning;
 * the global ones are looked at after them, and only where they are allowed.
 */
#include "tools/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"

enum {
    GLOBAL_DEVICE = 1000,
    GLOBAL_TIMEOUT,
    GLOBAL_JSON,
    GLOBAL_VERBOSE,
    GLOBAL_LOG,
    GLOBAL_NO_COLOR,
    GLOBAL_QUIET,
    GLOBAL_VERSION,
    GLOBAL_HELP,
};

static const struct td_opt device_globals[] = {
    { "device", 'd', true, GLOBAL_DEVICE },    { "timeout", 0, true, GLOBAL_TIMEOUT },
    { "verbose", 'v', false, GLOBAL_VERBOSE }, { "log", 0, true, GLOBAL_LOG },
    { "version", 0, false, GLOBAL_VERSION },
};

/* These are understood by every verb that does not give them another meaning. */
static const struct td_opt common_globals[] = {
    { "no-color", 0, false, GLOBAL_NO_COLOR },
    { "quiet", 0, false, GLOBAL_QUIET },
    { "json", 0, false, GLOBAL_JSON },
    { "help", 'h', false, GLOBAL_HELP },
};

void td_args_begin(struct td_args *args, struct td_cli *cli, const struct td_opt *opts,
                   size_t n_opts, int argc, char **argv)
{
    *args = (struct td_args){
        .cli = cli,
        .opts = opts,
        .n_opts = n_opts,
        .argc = argc,
        .argv = argv,
        .globals = !cli->verb || cli->verb->kind == TD_VERB_DEVICE,
    };
    if (cli->heard)
        *cli->heard = (struct td_args_heard){ opts, n_opts, args->globals };
}

const struct td_opt *td_args_option(const struct td_args_heard *heard, size_t i)
{
    if (i < heard->n_opts)
        return &heard->opts[i];
    i -= heard->n_opts;
    if (heard->globals && i < TD_N_OF(device_globals))
        return &device_globals[i];
    i -= heard->globals ? TD_N_OF(device_globals) : 0;
    return i < TD_N_OF(common_globals) ? &common_globals[i] : NULL;
}

static const struct td_opt *in_table(const struct td_opt *opts, size_t n, const char *name,
                                     size_t name_len, char letter)
{
    for (size_t i = 0; i < n; i++) {
        if (name && opts[i].name && strlen(opts[i].name) == name_len &&
            memcmp(opts[i].name, name, name_len) == 0)
            return &opts[i];
        if (!name && opts[i].letter != 0 && opts[i].letter == letter)
            return &opts[i];
    }
    return NULL;
}

static const struct td_opt *find_option(const struct td_args *args, const char *name,
                                        size_t name_len, char letter)
{
    const struct td_opt *found = in_table(args->opts, args->n_opts, name, name_len, letter);

    if (!found && args->globals)
        found = in_table(device_globals, TD_N_OF(device_globals), name, name_len, letter);
    if (!found)
        found = in_table(common_globals, TD_N_OF(common_globals), name, name_len, letter);
    return found;
}

static int stop(struct td_args *args, int exit)
{
    args->exit = exit;
    return TD_ARG_STOP;
}

static int open_log(struct td_args *args)
{
    struct td_cli *cli = args->cli;
    char where[600];

    if (cli->log)
        return TD_EXIT_OK;
    cli->log = fopen(args->value, "we");
    if (cli->log)
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "%s: %s", args->value, strerror(errno));
    return td_cli_fail(cli, TD_EXIT_FILE, "log-not-opened", "the log file cannot be written", where,
                       "check that the folder exists and who may write there");
}

static void print_help(struct td_cli *cli)
{
    if (cli->verb && cli->verb->usage) {
        fputs(cli->verb->usage, cli->out);
        return;
    }
    td_cli_help(cli);
}

/* Takes a global option; TD_EXIT_OK to go on, or a negative value for "done, exit 0". */
static int take_global(struct td_args *args, int id)
{
    struct td_cli *cli = args->cli;

    switch (id) {
    case GLOBAL_DEVICE: cli->device = args->value; return TD_EXIT_OK;
    case GLOBAL_JSON: cli->json = true; return TD_EXIT_OK;
    case GLOBAL_VERBOSE: cli->verbose++; return TD_EXIT_OK;
    case GLOBAL_NO_COLOR: cli->no_color = true; return TD_EXIT_OK;
    case GLOBAL_QUIET: cli->quiet = true; return TD_EXIT_OK;
    case GLOBAL_LOG: return open_log(args);
    case GLOBAL_TIMEOUT:
        if (td_parse_seconds(args->value, &cli->timeout_ms))
            return TD_EXIT_OK;
        return td_cli_usagef(cli, "--timeout wants seconds, as in 2.5, and not '%s'", args->value);
    case GLOBAL_VERSION: td_cli_version(cli); return -1;
    default: print_help(cli); return -1;
    }
}

static int deliver(struct td_args *args, const struct td_opt *opt)
{
    int exit;

    if (opt->id < GLOBAL_DEVICE)
        return opt->id;
    exit = take_global(args, opt->id);
    if (exit != TD_EXIT_OK)
        return stop(args, exit < 0 ? TD_EXIT_OK : exit);
    return td_args_next(args);
}

static int unknown_option(struct td_args *args, const char *text, size_t len)
{
    const char *names[64];
    char word[64];
    size_t n = 0;
    const char *near;

    for (size_t i = 0; i < args->n_opts && n < 40; i++) {
        if (args->opts[i].name)
            names[n++] = args->opts[i].name;
    }
    for (size_t i = 0; args->globals && i < TD_N_OF(device_globals); i++)
        names[n++] = device_globals[i].name;
    for (size_t i = 0; i < TD_N_OF(common_globals); i++)
        names[n++] = common_globals[i].name;

    snprintf(word, sizeof word, "%.*s", (int)len, text);
    near = td_nearest(word, names, n);
    if (near)
        return stop(args, td_cli_usagef(args->cli, "there is no option --%s; did you mean --%s?",
                                        word, near));
    return stop(args, td_cli_usagef(args->cli, "there is no option --%s", word));
}

/* The next word, when it is a number: else the option stands alone, and value stays NULL. */
static void take_number(struct td_args *args)
{
    const char *next = args->at < args->argc ? args->argv[args->at] : "";

    if (next[0] >= '0' && next[0] <= '9' && next[strspn(next, "0123456789.")] == '\0')
        args->value = args->argv[args->at++];
}

static int long_option(struct td_args *args, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    const struct td_opt *opt = find_option(args, text, len, 0);

    if (!opt)
        return unknown_option(args, text, len);
    args->value = NULL;
    if (!opt->takes_value) {
        if (equals)
            return stop(args, td_cli_usagef(args->cli, "--%s takes no value", opt->name));
        return deliver(args, opt);
    }
    if (equals)
        args->value = equals + 1;
    else if (opt->takes_value == TD_ARG_MAYBE)
        take_number(args);
    else if (args->at < args->argc)
        args->value = args->argv[args->at++];
    else
        return stop(args, td_cli_usagef(args->cli, "--%s wants a value", opt->name));
    return deliver(args, opt);
}

static int short_option(struct td_args *args)
{
    char letter = *args->bunch++;
    const struct td_opt *opt = find_option(args, NULL, 0, letter);

    if (!opt)
        return stop(args, td_cli_usagef(args->cli, "there is no option -%c", letter));
    args->value = NULL;
    if (opt->takes_value) {
        if (*args->bunch != '\0')
            args->value = args->bunch;
        else if (args->at < args->argc)
            args->value = args->argv[args->at++];
        else
            return stop(args, td_cli_usagef(args->cli, "-%c wants a value", letter));
        args->bunch = NULL;
    }
    return deliver(args, opt);
}

static bool is_option(const char *text)
{
    // "-" is a word (standard input by custom), and so is a negative number.
    return text[0] == '-' && text[1] != '\0' && !(text[1] >= '0' && text[1] <= '9');
}

int td_args_next(struct td_args *args)
{
    const char *text;

    if (args->cli->heard)
        return stop(args, TD_EXIT_OK);
    if (args->bunch && *args->bunch != '\0')
        return short_option(args);
    args->bunch = NULL;
    if (args->at >= args->argc)
        return TD_ARG_END;

    text = args->argv[args->at++];
    if (!args->only_words && strcmp(text, "--") == 0) {
        args->only_words = true;
        return td_args_next(args);
    }
    if (args->only_words || !is_option(text)) {
        args->value = text;
        return TD_ARG_WORD;
    }
    if (text[1] == '-')
        return long_option(args, text + 2);
    args->bunch = text + 1;
    return short_option(args);
}

const char *td_args_second(struct td_args *args)
{
    return args->at < args->argc ? args->argv[args->at++] : NULL;
}

int td_args_one_word(struct td_cli *cli, int argc, char **argv, const char **word)
{
    struct td_args args;
    int got;

    *word = NULL;
    td_args_begin(&args, cli, NULL, 0, argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END) {
        if (got == TD_ARG_STOP)
            return args.exit == TD_EXIT_OK ? -1 : args.exit;
        if (*word)
            return td_cli_usagef(cli, "'%s' is one argument too many", args.value);
        *word = args.value;
    }
    return TD_EXIT_OK;
}

int td_args_no_word(struct td_cli *cli, int argc, char **argv)
{
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit == TD_EXIT_OK && word)
        return td_cli_usagef(cli, "'%s' is one argument too many", word);
    return exit;
}
