/*
 * tools/cli.h - what every verb of the command shares: the global options, exit codes, the way
 * an error is said, and how options are read.
 *
 * stdout carries results only; everything else goes to stderr. Colours and progress bars
 * appear only on a terminal. With --json a result is one JSON object a line.
 */
#ifndef TD_TOOLS_CLI_H
#define TD_TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "base/hex.h"
#include "tools/verbs.h"

enum td_exit {
    TD_EXIT_OK = 0,            /* done, and proven where there is something to prove */
    TD_EXIT_REFUSED = 1,       /* refused or failed on the device, or a check found something */
    TD_EXIT_USAGE = 2,         /* the command line makes no sense */
    TD_EXIT_UNREACHABLE = 3,   /* the device cannot be reached or stopped answering */
    TD_EXIT_FILE = 4,          /* a file cannot be read, is malformed, or cannot be written */
    TD_EXIT_INTERRUPTED = 130, /* Ctrl-C; the device is left sane */
};

struct td_cli {
    const char *program;        /* "tandem" or "imgtool": how the user called us */
    const struct td_verb *verb; /* that runs now; NULL before it was found */
    const char *verb_path;      /* "image list", for usage lines; NULL before */

    const char *device;  /* -d, or TANDEM_DEVICE; NULL when neither was given */
    uint32_t timeout_ms; /* for one request, all retries included; 0: the verb's default */
    bool json;
    bool quiet;
    int verbose;   /* how often -v was given */
    bool no_color; /* --no-color or NO_COLOR */
    FILE *log;     /* --log FILE, or NULL */

    FILE *out; /* stdout, or a test's stream; flushed and checked by td_cli_finish */
    FILE *err;
    int out_errno; /* why stdout took no more, from the first time; 0 while it does */

    /* Completion: not NULL, a verb is run only to hear which options it reads; see td_args_begin. */
    struct td_args_heard *heard;
    bool out_is_terminal;
    bool err_is_terminal;
};

/*
 * Says an error in up to three lines on cli->err (what; where; what to do), or with --json as
 * {"error":{"code":code,"text":...,"remedy":...}} in one line, and returns exit. code is a short
 * name for programs ("no-device"), text what went wrong; where and remedy may be NULL.
 */
int td_cli_fail(struct td_cli *cli, enum td_exit exit, const char *code, const char *text,
                const char *where, const char *remedy);

/* A wrong command line: text, then where to read how it is meant. Always TD_EXIT_USAGE. */
int td_cli_usage(struct td_cli *cli, const char *text);
int td_cli_usagef(struct td_cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A remark beside the result, on stderr; nothing with --quiet or --json. */
void td_cli_note(struct td_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * A text of the device's on stdout: byte for byte, but on a terminal without what could drive it.
 * No newline is added.
 */
void td_cli_text(struct td_cli *cli, const char *text, size_t len);

/* The same for JSON; of a text that is no UTF-8 the ASCII is kept. NULL: no memory. */
json_t *td_text_json(const char *text, size_t len);

/* Writes one JSON object and a newline to stdout at once, and releases it. */
void td_cli_json(struct td_cli *cli, json_t *object);

/*
 * A device listed n_total things, and n of them are told: says how many are not, as "not_shown" of
 * object with --json, else as a note. Nothing when all are told. object is NULL without --json.
 */
void td_cli_not_shown(struct td_cli *cli, json_t *object, uint32_t n_total, uint32_t n);

/* The end of a list that was printed, or with --json gathered in list, which goes: both as above. */
void td_cli_list(struct td_cli *cli, const char *key, json_t *list, uint32_t n_total, uint32_t n);

/*
 * Flushes stdout and turns what went wrong with it into an exit code: a closed pipe is quiet,
 * a full disk is TD_EXIT_FILE with a sentence. Otherwise returns exit as it came.
 */
int td_cli_finish(struct td_cli *cli, int exit);

/* --help without a verb or for a verb that has sub-verbs, and --version; on stdout. */
void td_cli_help(struct td_cli *cli);
void td_cli_version(struct td_cli *cli);

/* An SGR sequence ("1", "31") for stream when it is a terminal that wants colour, else "". */
const char *td_cli_color(const struct td_cli *cli, const FILE *stream, const char *sgr);

/* Progress: drawn on stderr when that is a terminal, and not with --quiet or --json. */
struct td_progress {
    struct td_cli *cli;
    const char *label;
    uint64_t began_ms; /* CLOCK_MONOTONIC, milliseconds */
    uint64_t drawn_ms;
    uint32_t from; /* where it began; UINT32_MAX before the first answer */
    bool shown;
};

void td_progress_begin(struct td_progress *bar, struct td_cli *cli, const char *label);
void td_progress_at(struct td_progress *bar, uint32_t done, uint32_t total); /* bytes */
void td_progress_end(struct td_progress *bar); /* removes the bar; may be called twice */

uint64_t td_clock_ms(void); /* CLOCK_MONOTONIC */

/*
 * Options.
 *
 * A verb lists its options and asks for one after the other. Understood are --name VALUE,
 * --name=VALUE, -nVALUE, -n VALUE, flags in a bunch (-vv), and -- before words that begin with a
 * dash. Negative numbers are words. --help prints the verb's usage.
 */
#define TD_ARG_MAYBE 2

struct td_opt {
    const char *name; /* without the dashes; NULL: short only */
    char letter;      /* 0: long only */
    int takes_value;  /* false, true, or TD_ARG_MAYBE: a number may follow, "--watch 5" */
    int id;           /* 0 or more, what td_args_next returns */
};

enum {
    TD_ARG_END = -1,  /* nothing left */
    TD_ARG_WORD = -2, /* a word that is no option: args->value */
    TD_ARG_STOP = -3, /* the verb ends now with args->exit: help was printed, or an error said */
};

struct td_args {
    struct td_cli *cli;
    const struct td_opt *opts;
    size_t n_opts;
    char **argv;
    int argc;
    bool globals; /* device verbs, and before any verb: global options are taken as well */

    /* results */
    const char *value;
    int exit;

    /* inside */
    int at;
    const char *bunch; /* the rest of "-vv" */
    bool only_words;
};

/* What a verb was about to read. */
struct td_args_heard {
    const struct td_opt *opts; /* the verb's own */
    size_t n_opts;
    bool globals;
};

/*
 * argv[0] is the first argument behind the verb. Every verb comes here before it does anything
 * else: with cli->heard its options are noted there, and the first td_args_next says stop.
 */
void td_args_begin(struct td_args *args, struct td_cli *cli, const struct td_opt *opts,
                   size_t n_opts, int argc, char **argv);
int td_args_next(struct td_args *args);

/*
 * The whole command line of a verb without options that takes at most one word, into *word; NULL
 * when there is none. TD_EXIT_OK, the exit code of what was said, or -1 after --help.
 */
int td_args_one_word(struct td_cli *cli, int argc, char **argv, const char **word);

/* The same of a verb that takes no word at all. */
int td_args_no_word(struct td_cli *cli, int argc, char **argv);

/*
 * The i-th option that a verb understands, its own first and global ones behind them; NULL when
 * there are no more.
 */
const struct td_opt *td_args_option(const struct td_args_heard *heard, size_t i);

/* The word that follows, whatever it looks like: the second value of an option. NULL: none. */
const char *td_args_second(struct td_args *args);

/*
 * Numbers as people write them: decimal or 0x. false when text is anything else or leaves
 * min..max; the caller says which option it was.
 */
bool td_parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *out);
bool td_parse_seconds(const char *text, uint32_t *ms); /* decimal seconds, 0.001 to 86400 */

/* The candidate nearest to word, or NULL when none is near enough to be a typo of it. */
const char *td_nearest(const char *word, const char *const *candidates, size_t n);

#endif
