/* tools/cli.c - how the command speaks: errors, remarks, JSON, progress. */
#include "tools/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BAR_CELLS     24
#define BAR_REDRAW_MS 100
#define BAR_RATE_MS   300 /* a rate over less time than that says nothing */

void td_cli_init(struct td_cli *cli)
{
    const char *device = getenv("TANDEM_DEVICE");
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    *cli = (struct td_cli){
        .program = "tandem",
        .out = stdout,
        .err = stderr,
        .out_is_terminal = isatty(STDOUT_FILENO) == 1,
        .err_is_terminal = isatty(STDERR_FILENO) == 1,
    };
    if (device && device[0] != '\0')
        cli->device = device;
    cli->no_color = (no_color && no_color[0] != '\0') || (term && strcmp(term, "dumb") == 0);
}

const char *td_cli_color(const struct td_cli *cli, const FILE *stream, const char *sgr)
{
    bool terminal = stream == cli->out ? cli->out_is_terminal : cli->err_is_terminal;
    static const struct {
        const char *sgr, *sequence;
    } known[] = {
        { "0", "\033[0m" },   { "1", "\033[1m" },   { "2", "\033[2m" },   { "31", "\033[31m" },
        { "32", "\033[32m" }, { "33", "\033[33m" }, { "93", "\033[93m" }, { "94", "\033[94m" },
    };

    if (!terminal || cli->no_color)
        return "";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].sgr, sgr) == 0)
            return known[i].sequence;
    }
    return "";
}

static void say_error_json(struct td_cli *cli, const char *code, const char *text,
                           const char *where, const char *remedy)
{
    json_t *whole;
    json_t *error = json_pack("{s:s, s:o}", "code", code, "text",
                              where ? json_sprintf("%s: %s", text, where) : json_string(text));

    if (error)
        json_object_set_new(error, "remedy", remedy ? json_string(remedy) : json_null());
    whole = json_pack("{s:o}", "error", error);
    if (whole)
        json_dumpf(whole, cli->err, JSON_COMPACT);
    fputc('\n', cli->err);
    json_decref(whole);
}

int td_cli_fail(struct td_cli *cli, enum td_exit exit, const char *code, const char *text,
                const char *where, const char *remedy)
{
    // What was already found out stands above the error, also when both go to one terminal.
    fflush(cli->out);

    if (cli->json) {
        say_error_json(cli, code, text, where, remedy);
        return (int)exit;
    }
    fprintf(cli->err, "%s%s:%s %s\n", td_cli_color(cli, cli->err, "31"), cli->program,
            td_cli_color(cli, cli->err, "0"), text);
    if (where)
        fprintf(cli->err, "  at: %s\n", where);
    if (remedy)
        fprintf(cli->err, "  try: %s\n", remedy);
    return (int)exit;
}

int td_cli_usage(struct td_cli *cli, const char *text)
{
    char remedy[160];

    if (cli->verb_path)
        snprintf(remedy, sizeof remedy, "%s %s --help", cli->program, cli->verb_path);
    else
        snprintf(remedy, sizeof remedy, "%s --help", cli->program);
    return td_cli_fail(cli, TD_EXIT_USAGE, "usage", text, NULL, remedy);
}

int td_cli_usagef(struct td_cli *cli, const char *format, ...)
{
    char text[512];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return td_cli_usage(cli, text);
}

void td_cli_note(struct td_cli *cli, const char *format, ...)
{
    va_list list;

    if (cli->quiet || cli->json)
        return;
    fflush(cli->out);
    va_start(list, format);
    vfprintf(cli->err, format, list);
    va_end(list);
    fputc('\n', cli->err);
    fflush(cli->err);
}

void td_cli_text(struct td_cli *cli, const char *text, size_t len)
{
    if (!cli->out_is_terminal) {
        fwrite(text, 1, len, cli->out);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t')
            fputc(c, cli->out);
        else if (c != '\r')
            fprintf(cli->out, "\\x%02x", c);
    }
}

json_t *td_text_json(const char *text, size_t len)
{
    json_t *json = json_stringn(text, len);
    char *calm;

    if (json != NULL)
        return json;
    calm = malloc(len + 1);
    if (calm == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++)
        calm[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    json = json_stringn(calm, len);
    free(calm);
    return json;
}

void td_cli_not_shown(struct td_cli *cli, json_t *object, uint32_t n_total, uint32_t n)
{
    if (n_total <= n)
        return;
    if (object != NULL)
        json_object_set_new(object, "not_shown", json_integer(n_total - n));
    td_cli_note(cli, "%u more are not shown.", n_total - n);
}

void td_cli_json(struct td_cli *cli, json_t *object)
{
    if (object)
        json_dumpf(object, cli->out, JSON_COMPACT);
    fputc('\n', cli->out);
    // The stream remembers that it failed, but not why.
    if (fflush(cli->out) != 0 && cli->out_errno == 0)
        cli->out_errno = errno;
    json_decref(object);
}

void td_cli_list(struct td_cli *cli, const char *key, json_t *list, uint32_t n_total, uint32_t n)
{
    json_t *object = cli->json ? json_pack("{s:O}", key, list) : NULL;

    td_cli_not_shown(cli, object, n_total, n);
    if (object != NULL)
        td_cli_json(cli, object);
    json_decref(list);
}

int td_cli_finish(struct td_cli *cli, int exit)
{
    bool flushed = fflush(cli->out) == 0 && !ferror(cli->out);

    if (!flushed && cli->out_errno == 0)
        cli->out_errno = errno;
    if (cli->log && fflush(cli->log) != 0)
        exit = td_cli_fail(cli, TD_EXIT_FILE, "log-not-written",
                           "the log could not be written to its end", strerror(errno),
                           "make room on the disk, or log elsewhere");
    if (flushed || cli->out_errno == EPIPE)
        return exit;
    return td_cli_fail(cli, TD_EXIT_FILE, "output-not-written",
                       "the result could not be written to its end",
                       cli->out_errno ? strerror(cli->out_errno) : "standard output",
                       "make room where standard output goes");
}

uint64_t td_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void td_progress_begin(struct td_progress *bar, struct td_cli *cli, const char *label)
{
    *bar = (struct td_progress){ .cli = cli, .label = label, .from = UINT32_MAX };
}

static unsigned terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

static void draw(struct td_progress *bar, uint32_t done, uint32_t total, uint64_t now)
{
    uint64_t took = now - bar->began_ms;
    uint64_t sent = done > bar->from ? done - bar->from : 0;
    unsigned filled = total > 0 ? (unsigned)((uint64_t)done * BAR_CELLS / total) : 0;
    unsigned percent = total > 0 ? (unsigned)((uint64_t)done * 100 / total) : 0;
    char cells[BAR_CELLS + 1];

    memset(cells, '.', BAR_CELLS);
    memset(cells, '#', filled < BAR_CELLS ? filled : BAR_CELLS);
    cells[BAR_CELLS] = '\0';
    if (terminal_columns() < 72)
        fprintf(bar->cli->err, "\r%s %3u %%", bar->label, percent);
    else
        fprintf(bar->cli->err, "\r%s [%s] %3u %%  %u of %u KB", bar->label, cells, percent,
                done / 1000, total / 1000);
    if (terminal_columns() >= 72 && took >= BAR_RATE_MS)
        fprintf(bar->cli->err, "  %.1f KB/s", (double)sent / (double)took);
    fputs("\033[K", bar->cli->err);
    fflush(bar->cli->err);
    bar->shown = true;
    bar->drawn_ms = now;
}

void td_progress_at(struct td_progress *bar, uint32_t done, uint32_t total)
{
    uint64_t now = td_clock_ms();

    if (!bar->cli->err_is_terminal || bar->cli->quiet || bar->cli->json)
        return;
    // The first answer says where a resumed upload begins: that much was not sent just now.
    if (done == 0 || bar->from == UINT32_MAX) {
        bar->from = done > 0 ? done : UINT32_MAX;
        bar->began_ms = now;
    }
    if (!bar->shown || done >= total || now - bar->drawn_ms >= BAR_REDRAW_MS)
        draw(bar, done, total, now);
}

void td_progress_end(struct td_progress *bar)
{
    if (!bar->shown)
        return;
    fputs("\r\033[K", bar->cli->err);
    fflush(bar->cli->err);
    bar->shown = false;
}
