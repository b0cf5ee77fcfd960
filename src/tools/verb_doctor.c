/*
 * tools/verb_doctor.c - says what is wrong, from whatever files are at hand.
 *
 * A file that cannot be read is said and passed over, as grep does it; the others are judged,
 * and the exit code tells of it at the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "tools/doctor_say.h"
#include "tools/evidence.h"
#include "tools/file.h"
#include "tools/kind.h"

#define CHUNK    (256u * 1024)
#define TAKE_MAX (3 * (size_t)TD_FILE_MAX) /* hex text of the largest memory */

struct visit {
    struct td_cli *cli;
    struct td_knowledge *knowledge;
    struct td_doctor *doctor;
    struct td_evidence *evidence;
    uint8_t *buf; /* CHUNK bytes */
    size_t n_paths;
    unsigned unread;
    bool all;
};

static int no_memory(struct td_cli *cli)
{
    return td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "out of memory", NULL, "free some memory");
}

static void unread(struct visit *v, const char *path, const char *why)
{
    char where[600];

    (void)snprintf(where, sizeof where, "%s: %s", path, why);
    (void)td_cli_fail(v->cli, TD_EXIT_FILE, "not-read", "a file cannot be read", where,
                      v->n_paths > 1
                          ? "check the path and who may read it; what the others show follows"
                          : "check the path, and who may read it");
    v->unread++;
}

/* Text and captures go through as they come. */
static void feed(struct visit *v, FILE *in, size_t len)
{
    while (len > 0) {
        td_doctor_feed(v->doctor, v->buf, len);
        len = fread(v->buf, 1, CHUNK, in);
    }
}

/* Anything else is wanted as a whole. */
static bool take_whole(struct visit *v, const char *name, FILE *in, size_t len)
{
    uint8_t *bytes = malloc(CHUNK);
    size_t cap = CHUNK;

    if (bytes != NULL)
        memcpy(bytes, v->buf, len);
    while (bytes != NULL && len < TAKE_MAX) {
        uint8_t *more = bytes;
        size_t got;

        if (len == cap) {
            cap *= 2;
            more = realloc(bytes, cap);
        }
        if (more == NULL) {
            free(bytes);
            bytes = NULL;
            break;
        }
        bytes = more;
        got = fread(bytes + len, 1, cap - len, in);
        if (got == 0)
            break;
        len += got;
    }
    if (bytes == NULL)
        return false;
    td_evidence_file(v->evidence, (uint16_t)(td_doctor_files(v->doctor) - 1), name, bytes, len);
    free(bytes);
    return true;
}

static bool read_stream(struct visit *v, const char *name, FILE *in)
{
    size_t len;
    enum td_kind kind;

    errno = 0;
    len = fread(v->buf, 1, CHUNK, in);
    if (ferror(in)) {
        unread(v, name, strerror(errno));
        return true;
    }
    kind = td_kind_of(v->buf, len < TD_KIND_HEAD ? len : TD_KIND_HEAD);
    if (!td_doctor_file(v->doctor, name))
        return false;
    if (kind == TD_KIND_TEXT || kind == TD_KIND_CAPTURE || kind == TD_KIND_EMPTY)
        feed(v, in, len);
    else if (!take_whole(v, name, in, len))
        return false;
    td_doctor_file_end(v->doctor);
    if (ferror(in))
        unread(v, name, strerror(errno));
    return true;
}

static bool read_path(struct visit *v, const char *path)
{
    FILE *in;
    bool ok;

    if (strcmp(path, "-") == 0)
        return read_stream(v, "(standard input)", stdin);
    in = fopen(path, "rb");
    if (in == NULL) {
        unread(v, path, strerror(errno));
        return true;
    }
    ok = read_stream(v, path, in);
    fclose(in);
    return ok;
}

static int outcome(const struct visit *v)
{
    if (v->unread > 0)
        return TD_EXIT_FILE;
    for (size_t i = 0; i < td_doctor_count(v->doctor); i++) {
        if (td_doctor_is_bad(td_doctor_at(v->doctor, i)))
            return TD_EXIT_REFUSED;
    }
    return TD_EXIT_OK;
}

static bool read_all(struct visit *v, const char *const *paths, size_t n_paths)
{
    const struct td_layout *layouts[TD_LAYOUTS_MAX];

    v->n_paths = n_paths;
    v->doctor = td_doctor_new(v->knowledge);
    v->evidence = v->doctor == NULL ? NULL : td_evidence_new(td_doctor_facts(v->doctor));
    v->buf = malloc(CHUNK);
    if (v->evidence == NULL || v->buf == NULL)
        return false;
    for (size_t i = 0; i < n_paths; i++) {
        if (!read_path(v, paths[i]))
            return false;
    }
    td_evidence_dumps(v->evidence, layouts, td_doctor_layouts(v->doctor, layouts));
    td_doctor_end(v->doctor);
    td_evidence_end(v->evidence);
    return td_doctor_judge(v->doctor);
}

static int visit(struct visit *v, const char *const *paths, size_t n_paths)
{
    int exit;

    if (!read_all(v, paths, n_paths)) {
        exit = no_memory(v->cli);
    } else if (td_doctor_files(v->doctor) == 0) {
        exit = TD_EXIT_FILE; // each was said
    } else {
        exit = outcome(v);
        if (v->cli->json)
            td_doctor_say_json(v->cli, v->doctor, v->unread, exit);
        else
            td_doctor_say(v->cli, v->doctor, v->all);
    }
    td_evidence_free(v->evidence);
    td_doctor_free(v->doctor);
    free(v->buf);
    return exit;
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    enum { OPT_ALL, OPT_RULES, OPT_OPTIONS };
    static const struct td_opt opts[] = {
        { "all", 0, false, OPT_ALL },
        { "rules", 0, false, OPT_RULES },
        { "options", 0, false, OPT_OPTIONS },
    };
    struct td_knowledge_fault fault;
    struct visit v = { .cli = cli };
    struct td_args args;
    const char **words = calloc((size_t)argc + 1, sizeof *words);
    size_t n_words = 0;
    bool rules = false, options = false;
    int id, exit;

    if (words == NULL)
        return no_memory(cli);
    td_args_begin(&args, cli, opts, TD_N_OF(opts), argc, argv);
    while ((id = td_args_next(&args)) != TD_ARG_END) {
        if (id == TD_ARG_STOP) {
            free(words);
            return args.exit;
        }
        v.all = v.all || id == OPT_ALL;
        rules = rules || id == OPT_RULES;
        options = options || id == OPT_OPTIONS;
        if (id == TD_ARG_WORD)
            words[n_words++] = args.value;
    }
    // The build lists the rules, and so finds what is wrong in any part of a book.
    v.knowledge = rules ? td_knowledge_read(td_books, &fault)
                        : td_knowledge_read_without_cases(td_books, &fault);
    if (v.knowledge == NULL)
        exit = td_cli_fail(cli, TD_EXIT_FILE, "bad-book", fault.what, fault.where, NULL);
    else if (rules && options)
        exit = td_cli_usage(cli, "--rules and --options are asked for one at a time");
    else if (options && n_words < 2)
        exit = td_doctor_say_options(cli, v.knowledge, words[0]);
    else if (options)
        exit = td_cli_usage(cli, "--options takes one name or word at most");
    else if (rules && n_words < 2)
        exit = td_doctor_say_rules(cli, v.knowledge, words[0]);
    else if (rules)
        exit = td_cli_usage(cli, "--rules takes one rule or topic at most");
    else if (n_words == 0)
        exit = td_cli_usage(cli, "doctor wants one file or more; - is standard input");
    else
        exit = visit(&v, words, n_words);
    td_knowledge_free(v.knowledge);
    free(words);
    return exit;
}

const struct td_verb td_verb_doctor = {
    .name = "doctor",
    .kind = TD_VERB_DESK,
    .summary = "say what is wrong, from logs, configurations, layouts, images",
    .usage = "usage: tandem doctor [--all] [--json] FILE...\n"
             "       tandem doctor --rules [ID|TOPIC]\n"
             "       tandem doctor --options [NAME|WORD]\n"
             "\n"
             "Takes any mix of files: logs of update tools and consoles, captures, prj.conf\n"
             "and .config, partitions and their report, images, packages, flash dumps; several\n"
             "in one file as well, such as a forum post. Each is recognised by what it holds.\n"
             "- is standard input. Says what is wrong, the likeliest first, with the evidence,\n"
             "what to do, how to confirm it, and which further file would make it surer.\n"
             "\n"
             "  --all      also what is unlikely, the whole timeline, all that was set aside\n"
             "  --rules    list the rules, or explain one\n"
             "  --options  list the Kconfig options that are known, or explain one\n"
             "\n"
             "Exit: 0 nothing wrong was found, 1 something was, or no such option is\n"
             "known, 4 a file cannot be read.\n",
    .run = run,
};
