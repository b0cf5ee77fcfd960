/*
 * tools/verb_decode.c - tandem decode: SMP messages of logs, captures and hex, one line each.
 *
 * What is read is printed at once, so that it follows a pipe; at most a request that a log shows
 * in words alone waits a few lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor/frame.h"
#include "doctor/hexes.h"
#include "doctor/reader.h"
#include "doctor/say.h"
#include "doctor/talk.h"
#include "tools/cli.h"
#include "tools/kind.h"

/* The name of what stands on the command line itself. */
static const char argument[] = "(argument)";

struct decode {
    struct td_event_sink sink;
    struct td_cli *cli;
    bool all;   /* links and damaged frames as well */
    bool heads; /* several files: each is named above its messages */
    const char *headed;
    struct td_talk talk;
    const char *name; /* of the file */
    uint32_t n;       /* messages, over all files */
    uint32_t n_requests;
    uint64_t n_bytes; /* of all files: what was looked at when there is none */
    uint32_t n_lines, n_garbage;
    bool packed; /* one of them was an archive */
};

/* ---- parts of a line ----------------------------------------------------------------- */

static const char *dim(const struct decode *d)
{
    return td_cli_color(d->cli, d->cli->out, "2");
}

static const char *plain(const struct decode *d)
{
    return td_cli_color(d->cli, d->cli->out, "0");
}

/* The log's own clock; of captures, the time of day in UTC. */
static void put_time(const struct decode *d, int64_t us)
{
    uint64_t ms = us == TD_NO_TIME || us < 0 ? 0 : (uint64_t)us / 1000;

    if (us == TD_NO_TIME)
        fprintf(d->cli->out, "%12s ", "-");
    else
        fprintf(d->cli->out, "%02u:%02u:%02u.%03u ", (unsigned)(ms / 3600000 % 24),
                (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
}

static void put_turn(const struct decode *d, const struct td_talk_turn *turn)
{
    FILE *out = d->cli->out;

    switch (turn->turn) {
    case TD_TURN_REQUEST: return;
    case TD_TURN_REPEAT: fprintf(out, ", repeats %u", turn->n); break;
    case TD_TURN_ANSWER: fprintf(out, ", answers %u", turn->n); break;
    case TD_TURN_DUPLICATE: fprintf(out, ", answers %u once more", turn->n); break;
    case TD_TURN_FOREIGN:
        // Some logs show answers alone; nobody is told that about each of them.
        if (d->n_requests > 0)
            fprintf(out, ", answers nothing that was asked");
        return;
    }
    if (turn->after_us != TD_NO_TIME)
        fprintf(out, " after %lld ms", (long long)((turn->after_us + 500) / 1000));
}

static void put_message(const struct decode *d, const struct td_event *event,
                        const struct td_talk_turn *turn)
{
    const struct td_message *m = &event->u.message;
    bool answer = td_say_is_answer(m->hdr.op);
    char what[64], body[TD_SAY_MAX];
    FILE *out = d->cli->out;

    td_say_what(&m->hdr, what, sizeof what);
    td_say_body(m, body, sizeof body);
    fprintf(out, "%s%4u%s ", dim(d), d->n, plain(d));
    put_time(d, event->time_us);
    fprintf(out, "%s %s%s%s, v%u seq %u", answer ? "  <" : ">", td_cli_color(d->cli, out, "1"),
            what, plain(d), m->hdr.version + 1u, m->hdr.seq);
    put_turn(d, turn);
    if (m->cut)
        fprintf(out, ", cut");
    if (body[0] != 0)
        fprintf(out, ": %s", body);
    fputc('\n', out);
}

static void put_link(const struct decode *d, const struct td_event *event)
{
    const struct td_link_event *link = &event->u.link;
    FILE *out = d->cli->out;

    fprintf(out, "     ");
    put_time(d, event->time_us);
    fprintf(out, "- ");
    switch (link->what) {
    case TD_LINK_UP: fprintf(out, "link up"); break;
    case TD_LINK_DOWN:
        fprintf(out, "link down");
        if (link->status >= 0)
            fprintf(out, ", status %d", link->status);
        break;
    case TD_LINK_MTU: fprintf(out, "MTU %u bytes", link->value); break;
    case TD_LINK_PARAMS:
        fprintf(out, "connection interval %u.%02u ms, latency %u, timeout %u ms",
                link->interval_us / 1000, link->interval_us % 1000 / 10, link->latency,
                link->timeout_ms);
        break;
    }
    fputc('\n', out);
}

/* ---- JSON ---------------------------------------------------------------------------- */

static json_t *place_json(const struct decode *d, const struct td_event *event, const char *kind)
{
    json_t *json = json_pack("{s:s, s:s}", "event", kind, "file", d->name);

    if (event->at.line > 0)
        json_object_set_new(json, "line", json_integer(event->at.line));
    else
        json_object_set_new(json, "offset", json_integer((json_int_t)event->at.offset));
    json_object_set_new(json, "time_us",
                        event->time_us == TD_NO_TIME ? json_null() : json_integer(event->time_us));
    return json;
}

static void set_text(json_t *json, const char *key, const char *text)
{
    if (text)
        json_object_set_new(json, key, json_string(text));
}

static const char *turn_name(enum td_turn turn)
{
    static const char *const names[] = { "request", "repeat", "answer", "duplicate", "foreign" };

    return names[turn];
}

static void set_error(json_t *json, const struct td_message *m)
{
    struct td_smp_status status;
    char text[TD_SAY_MAX];

    if (!td_say_is_answer(m->hdr.op) || !td_say_status(m, &status))
        return;
    json_object_set_new(json, "ok", json_boolean(status.code == 0));
    if (status.code == 0)
        return;
    if (status.of_group) {
        json_object_set_new(json, "err_group", json_integer(status.group));
        json_object_set_new(json, "err", json_integer(status.code));
    } else {
        json_object_set_new(json, "rc", json_integer(status.code));
    }
    set_text(json, "error", td_say_error_name(&status));
    td_say_error(&status, text, sizeof text);
    set_text(json, "text", text);
}

static void say_json(const struct decode *d, const struct td_event *event,
                     const struct td_talk_turn *turn)
{
    const struct td_message *m = &event->u.message;
    static const char *const ops[] = { "read", "read answer", "write", "write answer" };
    json_t *json = place_json(d, event, "message");

    json_object_set_new(json, "n", json_integer(d->n));
    set_text(json, "direction",
             m->dir == TD_TO_DEVICE     ? "to device"
             : m->dir == TD_FROM_DEVICE ? "from device"
                                        : "unknown");
    json_object_set_new(json, "version", json_integer(m->hdr.version + 1));
    set_text(json, "op", ops[m->hdr.op & 3]);
    json_object_set_new(json, "group", json_integer(m->hdr.group));
    set_text(json, "group_name", td_say_group(m->hdr.group));
    json_object_set_new(json, "id", json_integer(m->hdr.id));
    set_text(json, "command", td_say_command(m->hdr.group, m->hdr.id, m->hdr.op));
    json_object_set_new(json, "seq", json_integer(m->hdr.seq));
    json_object_set_new(json, "len", json_integer(m->hdr.len));
    set_text(json, "turn", turn_name(turn->turn));
    if (turn->turn != TD_TURN_REQUEST && turn->turn != TD_TURN_FOREIGN) {
        json_object_set_new(json, "request", json_integer(turn->n));
        if (turn->after_us != TD_NO_TIME)
            json_object_set_new(json, "after_ms", json_real((double)turn->after_us / 1000));
    }
    set_error(json, m);
    json_object_set_new(json, "cut", json_boolean(m->cut));
    json_object_set_new(json, "body", m->body ? json_incref(m->body) : json_null());
    if (m->bytes) {
        char *hex = malloc(2 * m->len + 1);

        if (hex) {
            td_hex(m->bytes, m->len, hex);
            set_text(json, "frame", hex);
        }
        free(hex);
    }
    td_cli_json(d->cli, json);
}

static void link_json(const struct decode *d, const struct td_event *event)
{
    const struct td_link_event *link = &event->u.link;
    json_t *json = place_json(d, event, "link");

    switch (link->what) {
    case TD_LINK_UP: set_text(json, "link", "up"); break;
    case TD_LINK_DOWN:
        set_text(json, "link", "down");
        if (link->status >= 0)
            json_object_set_new(json, "status", json_integer(link->status));
        break;
    case TD_LINK_MTU:
        set_text(json, "link", "mtu");
        json_object_set_new(json, "mtu", json_integer(link->value));
        break;
    case TD_LINK_PARAMS:
        set_text(json, "link", "params");
        json_object_set_new(json, "interval_us", json_integer(link->interval_us));
        json_object_set_new(json, "latency", json_integer(link->latency));
        json_object_set_new(json, "timeout_ms", json_integer(link->timeout_ms));
        break;
    }
    td_cli_json(d->cli, json);
}

/* ---- events -------------------------------------------------------------------------- */

/* Requests that will have no answer any more. */
static void say_lost(struct decode *d)
{
    struct td_talk_entry lost;
    char what[64];

    while (td_talk_lost(&d->talk, &lost)) {
        td_say_what(&lost.hdr, what, sizeof what);
        if (d->cli->json)
            td_cli_json(d->cli, json_pack("{s:s, s:s, s:I}", "event", "unanswered", "file", d->name,
                                          "request", (json_int_t)lost.n));
        else
            fprintf(d->cli->out, "%4s %12s ! %u was not answered: %s, seq %u\n", "", "", lost.n,
                    what, lost.hdr.seq);
    }
}

/* The name of the file, once, above what is printed of it. */
static void put_head(struct decode *d)
{
    if (!d->heads || d->cli->json || d->headed == d->name || d->name == argument)
        return;
    fprintf(d->cli->out, "%s%s:\n", d->headed ? "\n" : "", d->name);
    d->headed = d->name;
}

static void take_message(struct decode *d, const struct td_event *event)
{
    struct td_talk_turn turn;

    put_head(d);
    d->n++;
    d->n_requests += !td_say_is_answer(event->u.message.hdr.op);
    turn = td_talk_take(&d->talk, &event->u.message.hdr, event->time_us, d->n);
    if (d->cli->json)
        say_json(d, event, &turn);
    else
        put_message(d, event, &turn);
}

static void take_link(struct decode *d, const struct td_event *event)
{
    if (event->u.link.what == TD_LINK_DOWN || event->u.link.what == TD_LINK_UP)
        say_lost(d);
    if (!d->all)
        return;
    put_head(d);
    if (d->cli->json)
        link_json(d, event);
    else
        put_link(d, event);
}

static void take_garbage(struct decode *d, const struct td_event *event)
{
    d->n_garbage++;
    if (!d->all)
        return;
    put_head(d);
    if (d->cli->json) {
        td_cli_json(d->cli, place_json(d, event, "damaged"));
        return;
    }
    fprintf(d->cli->out, "     ");
    put_time(d, event->time_us);
    fprintf(d->cli->out, "x damaged: %.100s\n", event->line.text);
}

static void take(struct td_event_sink *sink, const struct td_event *event)
{
    struct decode *d = (struct decode *)sink;

    switch (event->kind) {
    case TD_EVENT_LINE: d->n_lines++; break;
    case TD_EVENT_MESSAGE: take_message(d, event); break;
    case TD_EVENT_LINK: take_link(d, event); break;
    case TD_EVENT_GARBAGE: take_garbage(d, event); break;
    }
}

/* ---- files --------------------------------------------------------------------------- */

static int no_memory(struct decode *d)
{
    return td_cli_fail(d->cli, TD_EXIT_FILE, "no-memory", "there is no memory left", NULL, NULL);
}

static int not_read(struct decode *d, const char *path, int error)
{
    char where[600];

    snprintf(where, sizeof where, "%s: %s", path, strerror(error));
    return td_cli_fail(d->cli, TD_EXIT_FILE, "file-not-read", "the file cannot be read", where,
                       error == ENOENT   ? "check the path; hex may stand there instead of a file"
                       : error == EISDIR ? "name the files in it"
                                         : "check the path, and who may read it");
}

static bool is_packed(const uint8_t *head, size_t len)
{
    enum td_kind kind = td_kind_of(head, len < TD_KIND_HEAD ? len : TD_KIND_HEAD);

    return kind == TD_KIND_GZIP || kind == TD_KIND_ZIP;
}

/* As much as is there at a time, so that a pipe is followed. */
static int read_all(struct decode *d, int fd, const char *path, uint16_t file)
{
    struct td_reader *reader = td_reader_new(file, &d->sink);
    static char bytes[65536];
    bool first = true;
    struct stat is;
    ssize_t n;
    int error;

    if (!reader)
        return no_memory(d);
    if (fstat(fd, &is) != 0 || !S_ISREG(is.st_mode))
        td_reader_follow(reader);
    td_talk_begin(&d->talk);
    d->name = path;
    while ((n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0)
            continue;
        if (first)
            d->packed |= is_packed((const uint8_t *)bytes, (size_t)n);
        first = false;
        td_reader_feed(reader, bytes, (size_t)n);
        d->n_bytes += (size_t)n;
        fflush(d->cli->out);
        if (ferror(d->cli->out))
            break;
    }
    error = errno;
    td_reader_end(reader);
    say_lost(d);
    return n < 0 ? not_read(d, path, error) : TD_EXIT_OK;
}

static int read_path(struct decode *d, const char *path, uint16_t file)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat is;
    int exit;

    if (fd < 0)
        return not_read(d, path, errno);
    if (fstat(fd, &is) == 0 && S_ISDIR(is.st_mode)) {
        close(fd);
        return not_read(d, path, EISDIR);
    }
    exit = read_all(d, fd, path, file);
    close(fd);
    return exit;
}

/* The bytes of a word that is no file's name and hex from end to end; 0 when it is not. */
static size_t hex_size(const char *word)
{
    const char *end;
    size_t room = strlen(word) + 1;
    uint8_t *bytes = malloc(room);
    size_t n = bytes ? td_hexes_at(word, bytes, room, &end) : 0;

    free(bytes);
    return n > 0 && *end == 0 && access(word, F_OK) != 0 ? n : 0;
}

/* A piece of a log as it is pasted: a word that is no file's name and has more than one word. */
static bool is_pasted(const char *word)
{
    return strpbrk(word, " <{") != NULL && access(word, F_OK) != 0;
}

/* Frames that stand beside one another on the command line are one conversation. */
static void begin_argument(struct decode *d)
{
    if (d->name != argument)
        td_talk_begin(&d->talk);
    d->name = argument;
}

static int read_pasted(struct decode *d, const char *line, uint16_t file)
{
    struct td_reader *reader = td_reader_new(file, &d->sink);

    if (!reader)
        return no_memory(d);
    begin_argument(d);
    d->n_bytes += strlen(line);
    td_reader_feed(reader, line, strlen(line));
    td_reader_feed(reader, "\n", 1);
    td_reader_end(reader);
    return TD_EXIT_OK;
}

/* What is given as a frame is taken as one, also when its end is missing. */
static int read_hex(struct decode *d, const char *text, uint16_t file)
{
    struct td_origin origin = { .at = { file, 1, 0 }, .time_us = TD_NO_TIME };
    struct td_frames *frames = td_frames_new(&d->sink);
    uint8_t *bytes = malloc(strlen(text) + 1);
    const char *end;

    begin_argument(d);
    if (frames && bytes) {
        size_t n = td_hexes_at(text, bytes, strlen(text) + 1, &end);

        d->n_bytes += n;
        td_frames_piece(frames, TD_DRESS_HEX, TD_DIR_UNKNOWN, bytes, n, true, &origin);
    }
    if (frames)
        td_frames_end(frames, &origin);
    free(bytes);
    return frames ? TD_EXIT_OK : no_memory(d);
}

/* A frame whose bytes are words of their own, as without quotes: they are one text again. */
static int read_scattered(struct decode *d, const char *const *words, size_t n, uint16_t file)
{
    size_t len = 1;
    char *text;
    int exit;

    for (size_t i = 0; i < n; i++)
        len += strlen(words[i]) + 1;
    text = calloc(1, len);
    if (!text)
        return no_memory(d);
    for (size_t i = 0; i < n; i++) {
        strcat(text, words[i]);
        strcat(text, " ");
    }
    text[len - 2] = 0;
    exit = read_hex(d, text, file);
    free(text);
    return exit;
}

/* One thing to read: a file, or hex, which may be several words. *used: how many. */
static int read_word(struct decode *d, const char *const *words, size_t n, uint16_t file,
                     size_t *used)
{
    size_t pieces = 0;

    *used = 1;
    if (strcmp(words[0], "-") == 0)
        return read_all(d, STDIN_FILENO, "-", file);
    while (pieces < n && hex_size(words[pieces]) > 0 &&
           hex_size(words[pieces]) < TD_SMP_HEADER_SIZE)
        pieces++;
    if (pieces > 1) {
        *used = pieces;
        return read_scattered(d, words, pieces, file);
    }
    if (hex_size(words[0]) > 0)
        return read_hex(d, words[0], file);
    return is_pasted(words[0]) ? read_pasted(d, words[0], file) : read_path(d, words[0], file);
}

/* Files after one that cannot be read are read all the same, as grep does it. */
static int read_words(struct decode *d, const char *const *words, size_t n)
{
    int exit = TD_EXIT_OK;
    uint16_t file = 0;
    size_t used;

    if (n == 0)
        return read_all(d, STDIN_FILENO, "-", 0);
    d->heads = n > 1;
    for (size_t i = 0; i < n; i += used, file++) {
        int one = read_word(d, words + i, n - i, file, &used);

        exit = one != TD_EXIT_OK ? one : exit;
    }
    return exit;
}

static int nothing_found(struct decode *d)
{
    const char *remedy = "a log with the bytes (nRF Connect: level debug), a capture, or hex; "
                         "tandem doctor reads logs without";
    char where[160];
    int len =
        snprintf(where, sizeof where, "%llu byte%s, %u line%s", (unsigned long long)d->n_bytes,
                 d->n_bytes == 1 ? "" : "s", d->n_lines, d->n_lines == 1 ? "" : "s");

    if (d->n_garbage > 0)
        (void)snprintf(where + len, sizeof where - (size_t)len, ", %u damaged frame%s (--all)",
                       d->n_garbage, d->n_garbage == 1 ? "" : "s");
    if (d->packed)
        remedy = "this is packed (gzip or zip): unpack it first";
    return td_cli_fail(d->cli, TD_EXIT_REFUSED, "no-frame", "no SMP frame was found", where,
                       remedy);
}

enum { OPT_ALL };

static const struct td_opt options[] = { { "all", 'a', false, OPT_ALL } };

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct decode d = { .sink = { take }, .cli = cli };
    const char **words = calloc((size_t)argc + 1, sizeof *words);
    struct td_args args;
    size_t n = 0;
    int got, exit;

    if (!words)
        return no_memory(&d);
    td_args_begin(&args, cli, options, sizeof options / sizeof options[0], argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END && got != TD_ARG_STOP) {
        d.all |= got == OPT_ALL;
        if (got == TD_ARG_WORD)
            words[n++] = args.value;
    }
    if (got == TD_ARG_STOP)
        exit = args.exit;
    else
        exit = read_words(&d, words, n);
    if (got != TD_ARG_STOP && exit == TD_EXIT_OK && d.n == 0)
        exit = nothing_found(&d);
    free(words);
    return exit;
}

const struct td_verb td_verb_decode = {
    .name = "decode",
    .kind = TD_VERB_FILE,
    .summary = "SMP frames of logs, captures or hex in words",
    .usage = "usage: tandem decode [--all] [--json] [FILE|HEX|-]...\n\n"
             "Prints each SMP message that is found, one line each: its number, the time, the\n"
             "direction, header and body in words; answers with the request that they belong\n"
             "to. Reads logs (nRF Connect and Device Manager, smpmgr, mcumgr, AuTerm, Tandem's\n"
             "own), serial captures, btsnoop, pcap and pcapng files, and hex in any dress.\n"
             "Without a FILE it reads standard input, and follows it.\n\n"
             "  --all   the link's ups and downs and damaged frames as well\n\n"
             "  tandem decode 0B00000700004200BF6172626869FF\n\n"
             "Exit: 0 frames were found, 1 none was, 4 a file cannot be read.\n",
    .run = run,
};
