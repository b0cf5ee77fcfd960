/*
 * sim/shell.c - commands of the virtual device's shell, as a table.
 *
 * A row names one word or two; the longest match wins. What is left of the line are arguments.
 */
#include "sim/shell.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/range.h"
#include "sim/device_priv.h"

#define ARGS_MAX 8
#define LINE_CAP (TD_SERVER_LINE_MAX + 1)

enum { E_NOENT = -2, E_IO = -5, E_NOEXEC = -8, E_INVAL = -22, E_NOTSUP = -134 };

struct out {
    char *text;
    size_t cap, len;
};

/* A line under way: the device, what is printed, and the arguments behind the command's name. */
struct run {
    struct sim_device *dev;
    struct out *out;
    char *arg[ARGS_MAX];
    int n_args;
};

struct command {
    const char *name; /* one word, or two with a space between */
    int min, max;     /* arguments */
    const char *arguments;
    const char *help;
    int32_t (*run)(struct run *r);
};

static void put(struct out *out, const char *text, size_t len)
{
    const size_t n = len < out->cap - out->len ? len : out->cap - out->len;

    memcpy(out->text + out->len, text, n);
    out->len += n;
}

__attribute__((format(printf, 2, 3))) static void say(struct out *out, const char *fmt, ...)
{
    char line[LINE_CAP];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (n > 0)
        put(out, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
    put(out, "\r\n", 2);
}

static struct td_cbor_text text_of(const char *s)
{
    return (struct td_cbor_text){ .p = s, .len = strlen(s) };
}

/* ---- the device ------------------------------------------------------------------------ */

static int32_t version(struct run *r)
{
    say(r->out, "Tandem %s, %s", r->dev->io.version == NULL ? "" : r->dev->io.version,
        r->dev->profile->name);
    return 0;
}

static int32_t uptime(struct run *r)
{
    say(r->out, "Uptime: %" PRIu64 " ms", sim_board_uptime_us(r->dev) / 1000);
    return 0;
}

static int32_t threads(struct run *r)
{
    const struct td_server_os *os = r->dev->config.os;
    struct td_os_task task;

    say(r->out, "Threads:");
    for (unsigned i = 0; os->task(os->ctx, i, &task); i++)
        say(r->out, " %-8.*s priority: %" PRId64 ", busy: %" PRIu64 " us", (int)task.name.len,
            task.name.p, task.prio, task.runtime);
    return 0;
}

static int32_t reboot(struct run *r)
{
    const struct td_server_reset reset = { .force = false };
    struct td_cbor_text reason;

    if (r->n_args > 0 && strcmp(r->arg[0], "warm") != 0 && strcmp(r->arg[0], "cold") != 0)
        return E_INVAL;
    (void)sim_ask_reset(r->dev, &reset, &reason);
    return 0;
}

static int32_t date_get(struct run *r)
{
    const struct td_server_clock *clock = r->dev->config.os->clock;
    char text[32];
    struct tm tm;
    int64_t ms;
    time_t s;

    if (clock->get(clock->ctx, &ms) != TD_OK) {
        say(r->out, "the clock was never set");
        return E_INVAL;
    }
    s = (time_t)(ms / 1000);
    if (gmtime_r(&s, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        return E_INVAL;
    say(r->out, "%s", text);
    return 0;
}

static int32_t date_set(struct run *r)
{
    const struct td_server_clock *clock = r->dev->config.os->clock;
    unsigned y, mon, d, h, min, s;
    char tail;
    struct tm tm;
    int64_t ms;

    if (sscanf(r->arg[0], "%4u-%2u-%2u%c", &y, &mon, &d, &tail) != 3 ||
        sscanf(r->arg[1], "%2u:%2u:%2u%c", &h, &min, &s, &tail) != 3 || y < 1970 || mon < 1 ||
        mon > 12 || d < 1 || d > 31 || h > 23 || min > 59 || s > 59) {
        say(r->out, "date set YYYY-MM-DD HH:MM:SS");
        return E_INVAL;
    }
    tm = (struct tm){
        .tm_year = (int)y - 1900,
        .tm_mon = (int)mon - 1,
        .tm_mday = (int)d,
        .tm_hour = (int)h,
        .tm_min = (int)min,
        .tm_sec = (int)s,
    };
    ms = (int64_t)timegm(&tm) * 1000;
    if (tm.tm_mday != (int)d) {
        say(r->out, "there is no such day");
        return E_INVAL;
    }
    if (clock->set(clock->ctx, ms) != TD_OK)
        return E_IO;
    return date_get(r);
}

static int32_t flash_info(struct run *r)
{
    for (uint8_t i = 0; i < r->dev->profile->n_flash; i++) {
        const struct sim_flash *f = &r->dev->profile->flash[i];

        say(r->out, "%s: 0x%08" PRIx32 " bytes from 0x%08" PRIx32 ", words of %u", f->name, f->size,
            f->address, f->write_size);
        for (uint8_t k = 0; k < f->n_runs; k++)
            say(r->out, "  %u sectors of %" PRIu32, f->runs[k].count, f->runs[k].sector_size);
    }
    return 0;
}

static int32_t partitions(struct run *r)
{
    for (unsigned i = 0; i < SIM_PART_COUNT; i++) {
        const struct sim_partition *p = &r->dev->profile->part[i];

        if (p->size != 0)
            say(r->out, "%-14s %-10s 0x%08" PRIx32 " 0x%08" PRIx32, sim_part_name((enum sim_part)i),
                r->dev->profile->flash[p->flash].name, p->off, p->size);
    }
    return 0;
}

static int32_t running(struct run *r)
{
    const struct td_boot_result *b = &r->dev->retained.boot;
    const struct td_version *v = &b->hdr.version;

    say(r->out, "running: %s", r->dev->has_app ? r->dev->app.name : "an application");
    say(r->out, "slot: %u", b->slot);
    say(r->out, "version: %u.%u.%u+%" PRIu32, v->major, v->minor, v->revision, v->build);
    say(r->out, "on trial: %s", b->on_trial ? "yes" : "no");
    return 0;
}

static int32_t stats(struct run *r)
{
    const struct td_server_config *cfg = &r->dev->config;

    for (uint8_t i = 0; i < cfg->n_stats; i++) {
        const struct td_server_stat *s = &cfg->stats[i];

        if (r->n_args > 0 &&
            (strlen(r->arg[0]) != s->name.len || memcmp(r->arg[0], s->name.p, s->name.len) != 0))
            continue;
        say(r->out, "%.*s", (int)s->name.len, s->name.p);
        for (unsigned k = 0; k < s->n_fields; k++)
            say(r->out, "  %.*s: %" PRIu64, (int)s->fields[k].len, s->fields[k].p,
                s->value(s->ctx, k));
    }
    return 0;
}

/* ---- files ----------------------------------------------------------------------------- */

static int32_t fs_ls(struct run *r)
{
    const struct sim_files *files = r->dev->io.files;
    struct sim_file file;

    if (files == NULL || files->entry == NULL)
        return E_NOTSUP;
    for (unsigned i = 0;
         files->entry(files->server.ctx, text_of(r->n_args > 0 ? r->arg[0] : SIM_MOUNT), i, &file);
         i++)
        say(r->out, "%10" PRIu64 " %s%s", file.size, file.name, file.is_folder ? "/" : "");
    return 0;
}

static int32_t fs_cat(struct run *r)
{
    const struct sim_files *files = r->dev->io.files;
    uint8_t bytes[128];
    size_t got = sizeof bytes;
    uint64_t off = 0;

    if (files == NULL)
        return E_NOTSUP;
    while (got == sizeof bytes && r->out->len < r->out->cap) {
        const enum td_err err = files->server.read(files->server.ctx, text_of(r->arg[0]), off,
                                                   bytes, sizeof bytes, &got);

        if (err != TD_OK) {
            say(r->out, "Failed to open %s (%s)", r->arg[0], td_strerror(err));
            return E_NOENT;
        }
        put(r->out, (const char *)bytes, got);
        off += got;
    }
    put(r->out, "\r\n", 2);
    return 0;
}

/* ---- settings -------------------------------------------------------------------------- */

static int32_t settings_failed(struct run *r, enum td_err err)
{
    say(r->out, "%s: %s", r->arg[0], td_strerror(err));
    return err == TD_ENOTFOUND ? E_NOENT : E_INVAL;
}

static int32_t settings_get(struct run *r)
{
    const struct td_server_settings *s = r->dev->config.settings;
    uint8_t value[64];
    char hex[2 * sizeof value + 1] = "";
    size_t len = 0;
    enum td_err err;

    if (s == NULL || s->get == NULL)
        return E_NOTSUP;
    err = s->get(s->ctx, text_of(r->arg[0]), value, sizeof value, &len);
    if (err != TD_OK && err != TD_ESPACE)
        return settings_failed(r, err);
    for (size_t i = 0; i < len && i < sizeof value; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", value[i]);
    say(r->out, "%s%s", hex, len > sizeof value ? "..." : "");
    return 0;
}

static int32_t settings_set(struct run *r)
{
    const struct td_server_settings *s = r->dev->config.settings;
    const char *hex = r->arg[1];
    uint8_t value[64];
    size_t len = strlen(hex) / 2;
    enum td_err err;

    if (s == NULL || s->set == NULL)
        return E_NOTSUP;
    if (strlen(hex) % 2 != 0 || len > sizeof value ||
        strspn(hex, "0123456789abcdefABCDEF") != strlen(hex)) {
        say(r->out, "the value is up to 64 bytes in hexadecimal");
        return E_INVAL;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;

        (void)sscanf(hex + 2 * i, "%2x", &byte);
        value[i] = (uint8_t)byte;
    }
    err = s->set(s->ctx, text_of(r->arg[0]), value, len);
    if (err == TD_OK && s->save != NULL)
        err = s->save(s->ctx, text_of(""));
    return err == TD_OK ? 0 : settings_failed(r, err);
}

static int32_t settings_delete(struct run *r)
{
    const struct td_server_settings *s = r->dev->config.settings;
    enum td_err err;

    if (s == NULL || s->remove == NULL)
        return E_NOTSUP;
    err = s->remove(s->ctx, text_of(r->arg[0]));
    return err == TD_OK ? 0 : settings_failed(r, err);
}

/* ---- the table ------------------------------------------------------------------------- */

static int32_t help(struct run *r);

static const struct command commands[] = {
    { "help", 0, 0, "", "what can be typed", help },
    { "version", 0, 0, "", "what runs here", version },
    { "uptime", 0, 0, "", "since the last reset", uptime },
    { "kernel version", 0, 0, "", "what runs here", version },
    { "kernel uptime", 0, 0, "", "since the last reset", uptime },
    { "kernel threads", 0, 0, "", "threads and how long flash kept them", threads },
    { "kernel reboot", 0, 1, "[warm|cold]", "reset the device", reboot },
    { "date get", 0, 0, "", "the time", date_get },
    { "date set", 2, 2, "YYYY-MM-DD HH:MM:SS", "set the clock, UTC", date_set },
    { "flash info", 0, 0, "", "flashes and their sectors", flash_info },
    { "flash partitions", 0, 0, "", "where things lie", partitions },
    { "image running", 0, 0, "", "the running image", running },
    { "stats", 0, 1, "[NAME]", "counters", stats },
    { "fs ls", 0, 1, "[FOLDER]", "list files", fs_ls },
    { "fs cat", 1, 1, "FILE", "print a file", fs_cat },
    { "settings get", 1, 1, "NAME", "a value in hexadecimal", settings_get },
    { "settings set", 2, 2, "NAME HEX", "set it and save", settings_set },
    { "settings delete", 1, 1, "NAME", "forget it", settings_delete },
};

static int32_t help(struct run *r)
{
    say(r->out, "Available commands:");
    for (size_t i = 0; i < TD_N_OF(commands); i++)
        say(r->out, "  %s%s%-s : %s", commands[i].name, commands[i].arguments[0] == '\0' ? "" : " ",
            commands[i].arguments, commands[i].help);
    return 0;
}

/* ---- lines ----------------------------------------------------------------------------- */

/* Cuts a line into words; false: there are more than a command takes. */
static bool cut(char *line, char *words[ARGS_MAX + 2], int *n)
{
    *n = 0;
    for (char *at = line + strspn(line, " "); *at != '\0'; at += strspn(at, " ")) {
        if (*n == ARGS_MAX + 2)
            return false;
        words[(*n)++] = at;
        at += strcspn(at, " ");
        if (*at != '\0')
            *at++ = '\0';
    }
    return true;
}

/* How many of the words are the command's name; 0: it is another one. */
static int matches(const struct command *c, char *const *words, int n)
{
    const char *space = strchr(c->name, ' ');
    const size_t first = space == NULL ? strlen(c->name) : (size_t)(space - c->name);

    if (n == 0 || strlen(words[0]) != first || memcmp(words[0], c->name, first) != 0)
        return 0;
    if (space == NULL)
        return 1;
    return n > 1 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

static int32_t run_words(struct run *r, char *const *words, int n)
{
    for (size_t i = 0; i < TD_N_OF(commands); i++) {
        const struct command *c = &commands[i];
        const int name = matches(c, words, n);

        if (name == 0)
            continue;
        r->n_args = n - name;
        if (r->n_args < c->min || r->n_args > c->max) {
            say(r->out, "%s: wrong parameter count", c->name);
            say(r->out, "%s %s", c->name, c->arguments);
            return E_INVAL;
        }
        for (int k = 0; k < r->n_args; k++)
            r->arg[k] = words[name + k];
        return c->run(r);
    }
    say(r->out, "%s: command not found", words[0]);
    return E_NOEXEC;
}

int32_t sim_shell_run(void *ctx, struct td_cbor_text line, char *out, size_t cap, size_t *len)
{
    struct out text = { .text = out, .cap = cap };
    struct run r = { .dev = ctx, .out = &text };
    char copy[LINE_CAP];
    char *words[ARGS_MAX + 2];
    int32_t ret = 0;
    int n;

    *len = 0;
    if (line.len >= sizeof copy || memchr(line.p, '\0', line.len) != NULL)
        return E_INVAL;
    memcpy(copy, line.p, line.len);
    copy[line.len] = '\0';
    if (!cut(copy, words, &n))
        return E_INVAL;
    if (n > 0)
        ret = run_words(&r, words, n);
    *len = text.len;
    return ret;
}

void sim_shell_build(struct sim_device *dev)
{
    dev->shell = (struct td_server_shell){
        .run = sim_shell_run,
        .ctx = dev,
    };
    dev->config.shell = &dev->shell;
}
