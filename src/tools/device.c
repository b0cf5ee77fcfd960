/* tools/device.c - the loop between a link and whatever core of client/ runs on it. */
#include "tools/device.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/range.h"
#include "client/cores.h"
#include "smp/error.h"

#define OPEN_PATIENCE_MS 10000
#define LOG_VERSION      1

/* ---- the log ------------------------------------------------------------------------- */

static uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void log_head(struct td_device *dev, FILE *to)
{
    time_t now = time(NULL);
    struct tm tm;
    char when[32];

    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    fprintf(to, "# tandem-log %d %s %s\n", LOG_VERSION, when, dev->cli->device);
}

static void log_stamp(struct td_device *dev, FILE *to, char mark)
{
    uint64_t us = clock_us() - dev->began_us;

    fprintf(to, "%llu.%06llu %c ", (unsigned long long)(us / 1000000),
            (unsigned long long)(us % 1000000), mark);
}

/* Piece by piece: stderr has no buffer, and a write for each digit takes longer than the packet. */
static void log_bytes(FILE *to, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char piece[512];
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        piece[n++] = digits[bytes[i] >> 4];
        piece[n++] = digits[bytes[i] & 15];
        if (n == sizeof piece || i + 1 == len) {
            fwrite(piece, 1, n, to);
            n = 0;
        }
    }
    fputc('\n', to);
}

/* Text of the device: what is not printable is escaped, so that it cannot drive a terminal. */
static void log_text(FILE *to, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '\\')
            fputs("\\\\", to);
        else if (isprint(c))
            fputc(c, to);
        else
            fprintf(to, "\\x%02x", c);
    }
    fputc('\n', to);
}

/* Where the log goes: --log FILE, and with -v stderr. At most two. */
static size_t log_targets(const struct td_device *dev, FILE *to[2])
{
    size_t n = 0;

    if (dev->cli->log)
        to[n++] = dev->cli->log;
    if (dev->cli->verbose > 0)
        to[n++] = dev->cli->err;
    return n;
}

void td_device_log(struct td_device *dev, const char *format, ...)
{
    FILE *to[2];
    size_t n = log_targets(dev, to);

    for (size_t i = 0; i < n; i++) {
        va_list list;

        log_stamp(dev, to[i], '!');
        va_start(list, format);
        vfprintf(to[i], format, list);
        va_end(list);
        fputc('\n', to[i]);
    }
}

/* ---- the loop ------------------------------------------------------------------------ */

static void finish(struct td_device *dev)
{
    // Without the stop the loop would still wait for whatever comes next on the wire.
    dev->finished = true;
    uv_stop(&dev->loop);
}

static void on_done(void *ctx)
{
    finish(ctx);
}

static void on_state(void *ctx, enum td_link_state state, const char *why)
{
    struct td_device *dev = ctx;

    if (state == TD_LINK_DOWN) {
        snprintf(dev->why, sizeof dev->why, "%s", why);
        td_device_log(dev, "link down: %s", why);
    } else if (state == TD_LINK_UP) {
        dev->why[0] = '\0';
        td_device_log(dev, "link up");
    }
    if (dev->opening && state != TD_LINK_OPENING)
        finish(dev);
}

void td_device_reset_sent(struct td_device *dev)
{
    td_drive_reset_sent(dev->drive);
}

static void on_text(void *ctx, const char *line, size_t len)
{
    struct td_device *dev = ctx;
    FILE *to[2];
    size_t n = log_targets(dev, to);

    for (size_t i = 0; i < n; i++) {
        log_stamp(dev, to[i], '|');
        log_text(to[i], line, len);
    }
}

static void on_frame(void *ctx, enum td_link_frame what, const uint8_t *bytes, size_t len)
{
    static const char marks[] = { '>', '<', 'x' };
    struct td_device *dev = ctx;
    FILE *to[2];
    size_t n = log_targets(dev, to);

    for (size_t i = 0; i < n; i++) {
        log_stamp(dev, to[i], marks[what]);
        log_bytes(to[i], bytes, len);
    }
}

static const struct td_drive_events drive_events = {
    .done = on_done,
    .state = on_state,
    .text = on_text,
    .frame = on_frame,
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct td_device *dev = handle->data;

    (void)number;
    dev->interrupted = true;
    if (dev->opening)
        finish(dev);
    else
        td_drive_interrupt(dev->drive);
}

static void on_open_timeout(uv_timer_t *timer)
{
    struct td_device *dev = timer->data;

    snprintf(dev->why, sizeof dev->why, "%s does not take the connection", td_link_name(dev->link));
    finish(dev);
}

struct td_session_config td_device_session_config(struct td_device *dev)
{
    return (struct td_session_config){
        .link = td_drive_facts(dev->drive),
        .timeout_ms = dev->cli->timeout_ms,
        .rx = dev->rx,
        .rx_cap = sizeof dev->rx,
    };
}

static void run_until_finished(struct td_device *dev)
{
    while (!dev->finished)
        uv_run(&dev->loop, UV_RUN_ONCE);
}

static int read_url(struct td_device *dev)
{
    char why[TD_URL_WHY];
    enum td_err err;

    if (!dev->cli->device)
        return td_cli_fail(dev->cli, TD_EXIT_USAGE, "no-device",
                           "it was not said which device is meant", NULL,
                           "-d udp:HOST, -d serial:PATH or -d tcp:HOST:PORT, or set TANDEM_DEVICE");
    err = td_url_parse(dev->cli->device, &dev->url, why);
    if (err == TD_EUNSUPPORTED)
        return td_cli_fail(dev->cli, TD_EXIT_UNREACHABLE, "unsupported-transport", why,
                           dev->cli->device, "use udp:, serial: or tcp: with this version");
    if (err != TD_OK)
        return td_cli_fail(dev->cli, TD_EXIT_USAGE, "bad-device", why, dev->cli->device,
                           "-d udp:HOST[:PORT], -d serial:PATH[?baud=N] or -d tcp:HOST:PORT");
    return TD_EXIT_OK;
}

static const char *open_remedy(const struct td_device *dev)
{
    if (dev->url.kind == TD_URL_SERIAL && strstr(dev->why, strerror(EACCES)))
        return "let your user open serial ports: sudo adduser $USER dialout, then log in again";
    if (dev->url.kind == TD_URL_SERIAL)
        return "see which ports there are: ls /dev/ttyACM* /dev/ttyUSB*";
    return "check that the device is on, and its address";
}

int td_device_open(struct td_device *dev, struct td_cli *cli)
{
    struct td_session_config config;
    FILE *to[2];
    size_t n;
    int exit;

    memset(dev, 0, sizeof *dev);
    dev->cli = cli;
    dev->began_us = clock_us();
    exit = read_url(dev);
    if (exit != TD_EXIT_OK)
        return exit;

    n = log_targets(dev, to);
    for (size_t i = 0; i < n; i++)
        log_head(dev, to[i]);

    uv_loop_init(&dev->loop);
    uv_timer_init(&dev->loop, &dev->patience);
    uv_signal_init(&dev->loop, &dev->on_int);
    uv_signal_init(&dev->loop, &dev->on_term);
    dev->patience.data = dev->on_int.data = dev->on_term.data = dev;
    uv_signal_start(&dev->on_int, on_signal, SIGINT);
    uv_signal_start(&dev->on_term, on_signal, SIGTERM);
    if (td_drive_open(&dev->loop, &dev->url, &drive_events, dev, &dev->drive) != TD_OK)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory left", NULL, NULL);
    dev->link = td_drive_link(dev->drive);
    dev->opening = true;
    uv_timer_start(&dev->patience, on_open_timeout,
                   cli->timeout_ms > 0 ? cli->timeout_ms : OPEN_PATIENCE_MS, 0);
    run_until_finished(dev);
    uv_timer_stop(&dev->patience);
    dev->opening = false;

    if (td_link_state(dev->link) == TD_LINK_UP) {
        config = td_device_session_config(dev);
        td_session_start(&dev->session, &config);
        return TD_EXIT_OK;
    }
    if (dev->interrupted)
        exit = td_cli_fail(cli, TD_EXIT_INTERRUPTED, "interrupted",
                           "interrupted before the device was reached; nothing was changed", NULL,
                           NULL);
    else
        exit = td_cli_fail(cli, TD_EXIT_UNREACHABLE, "unreachable", dev->why,
                           td_link_name(dev->link), open_remedy(dev));
    td_device_close(dev);
    return exit;
}

void td_device_close(struct td_device *dev)
{
    if (!dev->drive)
        return;
    td_drive_close(dev->drive);
    dev->drive = NULL;
    dev->link = NULL;
    uv_close((uv_handle_t *)&dev->patience, NULL);
    uv_close((uv_handle_t *)&dev->on_int, NULL);
    uv_close((uv_handle_t *)&dev->on_term, NULL);
    // A finish outside of the loop leaves a stop behind, which ends the first run at once.
    while (uv_run(&dev->loop, UV_RUN_DEFAULT) != 0)
        ;
    uv_loop_close(&dev->loop);
}

void td_device_run(struct td_device *dev, const struct td_core *core, void *state)
{
    dev->finished = false;
    td_drive_run(dev->drive, core, state);
    // It came between two cores, and is for this one then.
    if (dev->interrupted)
        td_drive_interrupt(dev->drive);
    run_until_finished(dev);
}

/* ---- one request --------------------------------------------------------------------- */

bool td_device_ask(struct td_device *dev, const struct td_request *request, struct td_reply *reply)
{
    struct td_call call;

    td_session_link(&dev->session, td_link_state(dev->link) == TD_LINK_UP);
    td_call_start(&call, &dev->session, request, td_drive_now_ms(dev->drive));
    if (!call.done)
        td_device_run(dev, &td_call_core, &call);
    if (!call.done) {
        td_session_cancel(&dev->session, call.place);
        call.reply.failure = (struct td_failure){ .err = TD_ENOANSWER };
    }
    *reply = call.reply;
    return reply->failure.err == TD_OK;
}

/* ---- a pause ------------------------------------------------------------------------- */

struct pause {
    uint64_t until_ms;
    bool over;
};

static size_t pause_send(void *state, uint64_t now, uint8_t *buf, size_t cap)
{
    struct pause *pause = state;

    (void)buf;
    (void)cap;
    pause->over |= now >= pause->until_ms;
    return 0;
}

static void pause_receive(void *state, uint64_t now, const uint8_t *packet, size_t len)
{
    (void)state; // an answer that comes too late
    (void)now;
    (void)packet;
    (void)len;
}

static void pause_link(void *state, uint64_t now, bool up)
{
    (void)now;
    ((struct pause *)state)->over |= !up;
}

static uint64_t pause_wake_ms(void *state)
{
    return ((struct pause *)state)->until_ms;
}

static bool pause_done(void *state)
{
    return ((struct pause *)state)->over;
}

static const struct td_core pause_core = {
    .send = pause_send,
    .receive = pause_receive,
    .link = pause_link,
    .wake_ms = pause_wake_ms,
    .done = pause_done,
};

bool td_device_pause(struct td_device *dev, uint32_t ms)
{
    struct pause pause = { .until_ms = td_drive_now_ms(dev->drive) + ms };

    if (!dev->interrupted)
        td_device_run(dev, &pause_core, &pause);
    return !dev->interrupted && td_link_state(dev->link) == TD_LINK_UP;
}

/* ---- failures in words --------------------------------------------------------------- */

/* Remedies for what single groups refuse. */
static const char *remedy_of_group(const struct td_failure *f)
{
    static const struct {
        uint16_t group;
        uint32_t code;
        const char *remedy;
    } rows[] = {
        { TD_SMP_GROUP_OS, TD_OS_INVALID_FORMAT,
          "the letters are s n r v b m p i o, or a for all" },
        { TD_SMP_GROUP_OS, TD_OS_RTC_NOT_SET, "set it: tandem os datetime 2026-01-31T12:00:00" },
        { TD_SMP_GROUP_OS, TD_OS_NO_ANSWER,
          "ask for mode, or for active_b0_slot on Nordic's trees" },
        { TD_SMP_GROUP_STAT, TD_STAT_INVALID_GROUP, "tandem stat list shows which there are" },
        { TD_SMP_GROUP_STAT, TD_STAT_INVALID_NAME, "tandem stat list shows which there are" },
        { TD_SMP_GROUP_SETTINGS, TD_SETTINGS_NOT_FOUND,
          "names are written as the firmware has them, as in app/name" },
        { TD_SMP_GROUP_SETTINGS, TD_SETTINGS_NO_ROOT,
          "a setting is known while a part of the firmware answers for its name" },
        { TD_SMP_GROUP_SETTINGS, TD_SETTINGS_NOT_SAVABLE,
          "without a NAME all are saved: tandem settings save" },
        { TD_SMP_GROUP_FS, TD_FS_NOT_FOUND, "a path is whole, as in /lfs1/name" },
        { TD_SMP_GROUP_FS, TD_FS_INVALID_NAME, "a path is whole, as in /lfs1/name" },
        { TD_SMP_GROUP_FS, TD_FS_NO_MOUNT_POINT,
          "a path begins with where the firmware mounts its file system, as in /lfs1" },
        { TD_SMP_GROUP_FS, TD_FS_NO_SUCH_HASH,
          "leave the type out, or name one that the firmware has: sha256, crc32" },
        { TD_SMP_GROUP_SHELL, TD_SHELL_TOO_LONG,
          "build the firmware with a longer line (Zephyr: "
          "CONFIG_MCUMGR_GRP_SHELL_BACKEND_DUMMY_BUF_SIZE, CONFIG_SHELL_CMD_BUFF_SIZE)" },
    };

    // An old device has one rc for all of a group's ways to lack something.
    for (size_t i = 0; i < TD_N_OF(rows); i++)
        if (rows[i].group == f->group &&
            (f->by_group ? rows[i].code == f->code
                         : f->code == TD_SMP_RC_NO_ENTRY &&
                               td_smp_v1_rc(f->group, rows[i].code) == TD_SMP_RC_NO_ENTRY))
            return rows[i].remedy;
    return "";
}

static const char *refusal_remedy(const struct td_failure *f)
{
    if (td_failure_unsupported(f) && f->group == TD_SMP_GROUP_IMAGE)
        return "build the firmware with the image group (Zephyr: CONFIG_MCUMGR_GRP_IMG=y)";
    if (td_failure_unsupported(f))
        return "tandem groups shows what the firmware has, if it tells; the rest must be built in";
    if (!f->by_group && f->code == TD_SMP_RC_MSG_SIZE)
        return "build the firmware with larger buffers: tandem os params tells how large they are";
    if (!f->by_group && f->code == TD_SMP_RC_BUSY)
        return "try again in a moment";
    if (!f->by_group && f->code == TD_SMP_RC_ACCESS_DENIED)
        return "the device's firmware decides; it may want an authenticated link";
    if (!f->by_group && f->group == TD_SMP_GROUP_IMAGE && f->code == TD_SMP_RC_BAD_STATE)
        return "a slot that runs, is pending or is needed to revert is kept: tandem image list";
    if (!f->by_group && f->group == TD_SMP_GROUP_IMAGE && f->code == TD_SMP_RC_INVALID)
        return "older firmware says so of a slot or hash that it does not have: tandem image list";
    if (f->group != TD_SMP_GROUP_IMAGE)
        return remedy_of_group(f);
    if (f->by_group) {
        switch (f->code) {
        case TD_IMG_NO_IMAGE:
        case TD_IMG_HASH_NOT_FOUND:
        case TD_IMG_INVALID_SLOT: return "tandem image list shows which slots and images there are";
        case TD_IMG_NO_FREE_SLOT:
            return "tandem image list shows what lies where; confirm or erase what is in the way";
        case TD_IMG_ALREADY_PENDING:
            return "tandem os reset lets it run, tandem image erase gives it up";
        case TD_IMG_TOO_LARGE:
            return "tandem image slots tells the largest image; make this one smaller";
        case TD_IMG_NOT_NEWER: return "raise the version and sign again";
        case TD_IMG_BAD_MAGIC: return "send the file that the signer wrote, not the bare binary";
        default: break;
        }
    }
    return "";
}

void td_failure_words(const struct td_failure *f, char *text, size_t cap, const char **name,
                      const char **remedy)
{
    struct td_smp_status status = { .of_group = f->by_group, .group = f->group, .code = f->code };

    if (f->err == TD_ESPACE) {
        snprintf(text, cap, "the request is longer than a packet of this link may be");
        *name = td_errname(f->err);
        *remedy = "shorten it, or use a link with larger packets";
        return;
    }
    if (f->err != TD_EREFUSED) {
        snprintf(text, cap, "%s", td_strerror(f->err));
        *name = td_errname(f->err);
        *remedy = td_failure_silent(f) ? "check that the device runs, and that nothing else uses "
                                         "the link; --timeout gives it longer"
                                       : "";
        return;
    }
    // Code 1 of every group says "no reason", which a reason in words beside it belies.
    snprintf(text, cap, "%s (%s %u%s%s)",
             f->code == TD_SMP_RC_UNKNOWN && f->rsn[0] ? "the device refused"
                                                       : td_smp_status_text(&status),
             f->by_group ? "group code" : "rc", f->code, f->rsn[0] ? ": " : "", f->rsn);
    *name = td_smp_status_name(&status);
    *remedy = refusal_remedy(f);
}

static enum td_exit exit_of(const struct td_failure *failure)
{
    switch (failure->err) {
    case TD_ENOANSWER:
    case TD_ELINKDOWN:
    case TD_EGARBAGE: return TD_EXIT_UNREACHABLE; // what answers in no SMP is not the device
    case TD_ESPACE: return TD_EXIT_USAGE;
    default: return TD_EXIT_REFUSED;
    }
}

int td_device_failed(struct td_device *dev, const struct td_failure *failure, const char *what,
                     const char *remedy)
{
    char text[TD_DEVICE_WHY], where[TD_DEVICE_WHY + 300];
    const char *name, *found;
    bool refused = failure->err == TD_EREFUSED;

    if (dev->interrupted && dev->watching)
        return TD_EXIT_INTERRUPTED;
    if (dev->interrupted)
        return td_cli_fail(dev->cli, TD_EXIT_INTERRUPTED, "interrupted", "interrupted", what,
                           remedy);
    td_failure_words(failure, text, sizeof text, &name, &found);
    if (!refused && dev->why[0] != '\0')
        snprintf(where, sizeof where, "%s, %s: %s", td_link_name(dev->link), what, dev->why);
    else
        snprintf(where, sizeof where, "%s, %s", td_link_name(dev->link), what);
    if (!remedy && found[0] != '\0')
        remedy = found;
    return td_cli_fail(dev->cli, exit_of(failure), name, text, where, remedy);
}

int td_device_refused(struct td_device *dev, const struct td_failure *failure, const char *what,
                      const char *option)
{
    char remedy[160];

    if (option == NULL || !td_failure_unsupported(failure))
        return td_device_failed(dev, failure, what, NULL);
    snprintf(remedy, sizeof remedy, "build the firmware with it (Zephyr: CONFIG_MCUMGR_GRP_%s=y)",
             option);
    return td_device_failed(dev, failure, what, remedy);
}

int td_device_ask_once(struct td_cli *cli, const struct td_request *request, const char *what,
                       const char *option,
                       void (*say)(struct td_cli *cli, const struct td_reply *reply))
{
    struct td_device dev;
    struct td_reply reply;
    int exit = td_device_open(&dev, cli);

    if (exit != TD_EXIT_OK)
        return exit;
    if (td_device_ask(&dev, request, &reply))
        say(cli, &reply);
    else
        exit = td_device_refused(&dev, &reply.failure, what, option);
    td_device_close(&dev);
    return exit;
}
