/*
 * tools/sim.c - `tandem sim`: a device in a process of its own.
 *
 * The device itself is sim/device.h; here it gets a folder for its flash, links, a console on
 * stdout and a clock. One turn of the loop waits for a packet or for the device's next wish.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/range.h"
#include "sim/device.h"
#include "tools/cli.h"
#include "tools/file.h"
#include "tools/profile.h"
#include "tools/sim_files.h"
#include "tools/sim_links.h"
#include "tools/sim_state.h"

#define MANY 16

enum {
    OPT_STATE,
    OPT_UDP,
    OPT_PTY,
    OPT_TCP,
    OPT_H4,
    OPT_KEY,
    OPT_PROGRAM,
    OPT_CUT_AT,
    OPT_CUT,
    OPT_SPEED,
    OPT_PIN,
};

static const struct td_opt options[] = {
    { "state", 0, true, OPT_STATE },     { "udp", 0, true, OPT_UDP },
    { "pty", 0, true, OPT_PTY },         { "tcp", 0, true, OPT_TCP },
    { "h4", 0, true, OPT_H4 },           { "key", 0, true, OPT_KEY },
    { "program", 0, true, OPT_PROGRAM }, { "cut-power-at", 0, true, OPT_CUT_AT },
    { "cut", 0, true, OPT_CUT },         { "speed", 0, true, OPT_SPEED },
    { "pin", 0, false, OPT_PIN },
};

/* An option that may be given several times. */
struct several {
    const char *item[MANY];
    size_t n;
};

struct wishes {
    const char *profile;
    const char *state;
    struct several udp, pty, tcp, keys, programs;
    uint32_t cut_at;
    enum sim_cut cut;
    bool cut_given;
    bool real_speed;
    bool pin;
    bool done; /* help was printed */
};

/* The device and what surrounds it. */
struct desk {
    struct td_cli *cli;
    struct sim_profile profile;
    struct sim_device device;
    struct td_sim_state state;
    struct td_sim_links *links;
    struct td_sim_files files;
    bool real_speed;
    unsigned told_ready; /* of which boot the ready line was printed */
    struct {
        const struct td_server_link *link;
        size_t len; /* 0: none */
        uint8_t bytes[UINT16_MAX];
    } kept; /* a packet that waits for an erase; links are not read until it is taken */
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

/* ---- the command line ------------------------------------------------------------------ */

static int add(struct td_cli *cli, struct several *s, const char *value, const char *option)
{
    if (s->n == MANY)
        return td_cli_usagef(cli, "%s is given more than %d times", option, MANY);
    s->item[s->n++] = value;
    return TD_EXIT_OK;
}

static int take_cut_at(struct td_cli *cli, struct wishes *w, const char *text)
{
    if (!td_parse_u32(text, 1, UINT32_MAX, &w->cut_at))
        return td_cli_usagef(cli,
                             "--cut-power-at wants the number of an operation, 1 or more, "
                             "and not '%s'",
                             text);
    return TD_EXIT_OK;
}

static int take_cut(struct td_cli *cli, struct wishes *w, const char *text)
{
    static const char *const names[] = { "before", "torn", "after" };
    static const enum sim_cut kinds[] = { SIM_CUT_BEFORE, SIM_CUT_TORN, SIM_CUT_AFTER };

    for (size_t i = 0; i < TD_N_OF(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            w->cut = kinds[i];
            w->cut_given = true;
            return TD_EXIT_OK;
        }
    }
    return td_cli_usagef(cli, "--cut is before, torn or after, and not '%s'", text);
}

static int take_speed(struct td_cli *cli, struct wishes *w, const char *text)
{
    w->real_speed = strcmp(text, "real") == 0;
    if (!w->real_speed && strcmp(text, "fast") != 0)
        return td_cli_usagef(cli, "--speed is real or fast, and not '%s'", text);
    return TD_EXIT_OK;
}

static int take_profile(struct td_cli *cli, struct wishes *w, const char *name)
{
    if (w->profile != NULL)
        return td_cli_usagef(cli, "one PROFILE is enough; '%s' is another", name);
    w->profile = name;
    return TD_EXIT_OK;
}

static int take_option(struct td_cli *cli, struct wishes *w, int id, const char *value)
{
    switch (id) {
    case OPT_STATE: w->state = value; return TD_EXIT_OK;
    case OPT_UDP: return add(cli, &w->udp, value, "--udp");
    case OPT_PTY: return add(cli, &w->pty, value, "--pty");
    case OPT_TCP: return add(cli, &w->tcp, value, "--tcp");
    case OPT_KEY: return add(cli, &w->keys, value, "--key");
    case OPT_PROGRAM: return add(cli, &w->programs, value, "--program");
    case OPT_CUT_AT: return take_cut_at(cli, w, value);
    case OPT_CUT: return take_cut(cli, w, value);
    case OPT_SPEED: return take_speed(cli, w, value);
    case OPT_PIN: w->pin = true; return TD_EXIT_OK;
    case OPT_H4:
        return td_cli_fail(cli, TD_EXIT_USAGE, "no-bluetooth",
                           "this build's virtual devices have no Bluetooth controller yet", "--h4",
                           "use --udp, --pty or --tcp");
    default: return take_profile(cli, w, value);
    }
}

static int read_wishes(struct td_cli *cli, int argc, char **argv, struct wishes *w)
{
    struct td_args args;
    int exit = TD_EXIT_OK;

    *w = (struct wishes){ .cut = SIM_CUT_TORN };
    td_args_begin(&args, cli, options, TD_N_OF(options), argc, argv);
    while (exit == TD_EXIT_OK) {
        int id = td_args_next(&args);

        if (id == TD_ARG_END)
            break;
        if (id == TD_ARG_STOP) {
            w->done = true;
            return args.exit;
        }
        exit = take_option(cli, w, id, args.value);
    }
    if (exit != TD_EXIT_OK)
        return exit;
    if (w->profile == NULL)
        return td_cli_usage(cli, "PROFILE is missing: a name, or the path of a .yml file");
    if (w->state == NULL)
        return td_cli_usage(cli, "--state DIR is missing: where the device keeps its flash");
    if (w->cut_given && w->cut_at == 0)
        return td_cli_usage(cli, "--cut says how; --cut-power-at N, which says when, is missing");
    return TD_EXIT_OK;
}

static int fail_desk(struct td_cli *cli, const char *code, const struct td_desk_fault *fault)
{
    return td_cli_fail(cli, TD_EXIT_FILE, code, fault->what,
                       fault->where[0] == '\0' ? NULL : fault->where, fault->remedy);
}

/* ---- time and console ------------------------------------------------------------------ */

static uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* Signals are let in here and in td_sim_links_wait, and nowhere else. */
static void spend(void *ctx, uint64_t us)
{
    const struct desk *desk = ctx;
    const struct timespec rest = {
        .tv_sec = (time_t)(us / 1000000u),
        .tv_nsec = (long)(us % 1000000u) * 1000,
    };
    sigset_t none;

    // Whoever wants the process to end does not want to wait for the rest of a swap.
    if (!desk->real_speed || stopping)
        return;
    sigemptyset(&none);
    (void)ppoll(NULL, 0, &rest, &none);
}

static void console(void *ctx, const char *line)
{
    struct desk *desk = ctx;

    fprintf(desk->cli->out, "%s\n", line);
    fflush(desk->cli->out);
    td_sim_links_print(desk->links, line);
}

static void send_packet(void *ctx, const struct td_server_link *link, const uint8_t *packet,
                        size_t len)
{
    struct desk *desk = ctx;

    td_sim_links_send(desk->links, link, packet, len);
}

static void send_bytes(void *ctx, const struct td_server_link *link, const uint8_t *bytes,
                       size_t len)
{
    struct desk *desk = ctx;

    td_sim_links_write(desk->links, link, bytes, len);
}

static bool bytes_came(void *ctx, const struct td_server_link *link, const uint8_t *bytes,
                       size_t len)
{
    struct desk *desk = ctx;

    if (desk->device.state != SIM_RECOVERS)
        return false;
    sim_device_receive_bytes(&desk->device, clock_us(), link, bytes, len);
    return true;
}

/* The shell's words stand on the console between the packets. */
static void typed(void *ctx, const struct td_server_link *link, const char *line, size_t len)
{
    struct desk *desk = ctx;
    char out[4096];
    size_t n = sim_device_typed(&desk->device, clock_us(), link, line, len, out, sizeof out);

    if (desk->device.state != SIM_SERVES)
        return;
    td_sim_links_write(desk->links, link, (const uint8_t *)out, n);
    td_sim_links_write(desk->links, link, (const uint8_t *)SIM_SHELL_PROMPT,
                       strlen(SIM_SHELL_PROMPT));
}

static void take_kept(struct desk *desk)
{
    size_t len = desk->kept.len;

    desk->kept.len = 0;
    if (len > 0)
        sim_device_receive(&desk->device, clock_us(), desk->kept.link, desk->kept.bytes, len);
}

static void packet_came(void *ctx, const struct td_server_link *link, const uint8_t *packet,
                        size_t len)
{
    struct desk *desk = ctx;

    // A second one in a row cannot be kept: the device then works its way through to it.
    take_kept(desk);
    if (len <= sizeof desk->kept.bytes && sim_device_would_wait(&desk->device, link, packet, len)) {
        memcpy(desk->kept.bytes, packet, len);
        desk->kept.len = len;
        desk->kept.link = link;
        return;
    }
    sim_device_receive(&desk->device, clock_us(), link, packet, len);
}

static void link_went(void *ctx, const struct td_server_link *link)
{
    struct desk *desk = ctx;

    if (desk->kept.link == link)
        desk->kept.len = 0;
    sim_device_link_down(&desk->device, link);
}

/* ---- setting up ------------------------------------------------------------------------ */

static int load_profile(struct desk *desk, const struct wishes *w)
{
    struct td_desk_fault fault;

    if (!td_profile_load(w->profile, &desk->profile, &fault))
        return fail_desk(desk->cli, "bad-profile", &fault);
    if (w->pin && !desk->profile.recovery.present)
        return td_cli_fail(desk->cli, TD_EXIT_USAGE, "no-recovery",
                           "--pin: this device's bootloader has no recovery", w->profile,
                           "give the profile a mapping recovery with pin among its entries, or "
                           "leave --pin out");
    if (w->keys.n > 0 && !td_profile_set_keys(&desk->profile, w->keys.item, w->keys.n, &fault))
        return fail_desk(desk->cli, "bad-key", &fault);
    return TD_EXIT_OK;
}

static int build_device(struct desk *desk, const struct wishes *w)
{
    const struct sim_device_io io = {
        .send = send_packet,
        .bytes = send_bytes,
        .console = console,
        .spend = spend,
        .ctx = desk,
        .files = &desk->files.files,
        .version = TD_VERSION,
    };
    struct td_desk_fault fault;
    enum td_err err = sim_device_init(&desk->device, &desk->profile, desk->state.memory, &io);
    char where[300];

    if (err == TD_EFORMAT)
        return td_cli_fail(desk->cli, TD_EXIT_FILE, "other-state",
                           "this flash was made for another device", desk->state.dir,
                           "use the profile it was made with, or another folder");
    if (err != TD_OK) {
        snprintf(where, sizeof where, "%s: %s", w->profile, td_strerror(err));
        return td_cli_fail(desk->cli, TD_EXIT_FILE, "bad-profile",
                           "no device can be built from this profile", where,
                           "change its partitions, sectors or keys");
    }
    if (!td_sim_state_commit(&desk->state, &fault))
        return fail_desk(desk->cli, "state", &fault);
    return TD_EXIT_OK;
}

typedef bool (*add_link)(struct td_sim_links *links, const char *where, struct td_desk_fault *f);

static int open_all(struct desk *desk, const struct several *s, add_link open)
{
    struct td_desk_fault fault;

    for (size_t i = 0; i < s->n; i++) {
        if (!open(desk->links, s->item[i], &fault))
            return fail_desk(desk->cli, "link", &fault);
    }
    return TD_EXIT_OK;
}

static int open_links(struct desk *desk, const struct wishes *w)
{
    const struct td_sim_link_hooks hooks = {
        .packet = packet_came,
        .bytes = bytes_came,
        .typed = (desk->profile.server.groups & SIM_GROUP_SHELL) != 0 ? typed : NULL,
        .down = link_went,
        .busy = spend,
        .ctx = desk,
    };
    int exit;

    desk->links =
        td_sim_links_new(&hooks, desk->profile.server.buf_size, desk->profile.server.buf_count);
    if (desk->links == NULL)
        return td_cli_fail(desk->cli, TD_EXIT_FILE, "no-memory", "out of memory", NULL, NULL);
    exit = open_all(desk, &w->udp, td_sim_links_add_udp);
    if (exit == TD_EXIT_OK)
        exit = open_all(desk, &w->tcp, td_sim_links_add_tcp);
    if (exit == TD_EXIT_OK)
        exit = open_all(desk, &w->pty, td_sim_links_add_pty);
    return exit;
}

/* ---- --program ------------------------------------------------------------------------- */

static bool slot_of(const char *name, size_t len, enum sim_part *part)
{
    static const struct {
        const char *name;
        enum sim_part part;
    } rows[] = {
        { "slot0", SIM_PART_PRIMARY },   { "0", SIM_PART_PRIMARY },
        { "0.0", SIM_PART_PRIMARY },     { "primary", SIM_PART_PRIMARY },
        { "slot1", SIM_PART_SECONDARY }, { "1", SIM_PART_SECONDARY },
        { "0.1", SIM_PART_SECONDARY },   { "secondary", SIM_PART_SECONDARY },
        { "1.0", SIM_PART_PRIMARY_1 },   { "primary_1", SIM_PART_PRIMARY_1 },
        { "1.1", SIM_PART_SECONDARY_1 }, { "secondary_1", SIM_PART_SECONDARY_1 },
        { "s0", SIM_PART_S0 },           { "s1", SIM_PART_S1 },
        { "net_app", SIM_PART_NET_APP }, { "netcore_good", SIM_PART_NETCORE_GOOD },
    };

    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
            *part = rows[i].part;
            return true;
        }
    }
    return false;
}

static int does_not_fit(struct td_cli *cli, const struct sim_partition *part,
                        const struct td_disk_file *file, const char *path)
{
    char text[160];

    snprintf(text, sizeof text,
             "the file does not fit the slot: it holds 0x%lx bytes from 0x%lx, the slot "
             "0x%lx from 0x%lx",
             (unsigned long)file->size, (unsigned long)file->base, (unsigned long)part->size,
             (unsigned long)part->off);
    return td_cli_fail(cli, TD_EXIT_FILE, "does-not-fit", text, path,
                       "give a smaller image, or a hex file for this slot's address");
}

/*
 * Hex files carry addresses: those of the slot's flash, or from 0 on, as signers write them
 * when they are told no address.
 */
static int program(struct desk *desk, const char *wish)
{
    const char *equals = strchr(wish, '=');
    enum sim_part which;
    const struct sim_partition *part;
    struct td_disk_file file;
    uint32_t off = 0;
    int exit;

    if (equals == NULL || equals[1] == '\0' || !slot_of(wish, (size_t)(equals - wish), &which))
        return td_cli_usagef(desk->cli,
                             "--program wants SLOT=FILE, SLOT being slot0, slot1, 1.0, 1.1, s0, "
                             "s1, net_app or netcore_good, and not '%s'",
                             wish);
    exit = td_file_read(desk->cli, equals + 1, &file);
    if (exit != TD_EXIT_OK)
        return exit;
    part = &desk->profile.part[which];
    off = file.base;
    if (file.has_base && file.base >= desk->profile.flash[part->flash].address + part->off)
        off -= desk->profile.flash[part->flash].address + part->off;
    if (file.size == 0)
        exit = td_cli_fail(desk->cli, TD_EXIT_FILE, "empty-file", "the file is empty", equals + 1,
                           "give a signed image");
    else if (sim_device_program(&desk->device, which, off, file.bytes, file.size) != TD_OK)
        exit = does_not_fit(desk->cli, part, &file, equals + 1);
    td_file_free(&file);
    return exit;
}

static int program_all(struct desk *desk, const struct several *programs)
{
    int exit = TD_EXIT_OK;

    for (size_t i = 0; i < programs->n && exit == TD_EXIT_OK; i++)
        exit = program(desk, programs->item[i]);
    return exit;
}

/* ---- running --------------------------------------------------------------------------- */

/* After a boot: what was sent meanwhile is lost, and the world is told that SMP answers. */
static void tell_ready(struct desk *desk)
{
    const bool recovers = desk->device.state == SIM_RECOVERS;
    char urls[1024];

    if (desk->told_ready == desk->device.boots)
        return;
    desk->told_ready = desk->device.boots;
    td_sim_links_forget(desk->links);
    desk->kept.len = 0;
    if (desk->device.state != SIM_SERVES && !recovers)
        return;
    td_sim_links_urls(desk->links, recovers, urls, sizeof urls);
    fprintf(desk->cli->out, "%s:%s\n", recovers ? "recovery" : "ready", urls);
    fflush(desk->cli->out);
}

static int wait_ms(const struct sim_device *device)
{
    uint64_t wake = sim_device_wake_us(device);
    uint64_t now = clock_us();

    if (wake == UINT64_MAX)
        return -1;
    if (wake <= now)
        return 0;
    return wake - now > 3600000000u ? 3600000 : (int)((wake - now + 999) / 1000);
}

static void run_device(struct desk *desk, const struct wishes *w)
{
    struct sim_device *device = &desk->device;

    device->pin = w->pin;
    sim_device_power_on(device, clock_us(), w->cut_at, w->cut);
    device->pin = false;
    while (!stopping && device->state != SIM_OFF) {
        tell_ready(desk);
        sim_device_sync(device);
        td_sim_links_wait(desk->links, wait_ms(device), desk->kept.len == 0);
        sim_device_poll(device, clock_us());
        if (!sim_device_would_wait(device, desk->kept.link, desk->kept.bytes, desk->kept.len))
            take_kept(desk);
    }
    if (device->was_cut)
        fprintf(desk->cli->out, "power cut at operation %lu\n", (unsigned long)w->cut_at);
    sim_device_power_off(device);
}

/* SIGINT and SIGTERM switch the device off. They stay blocked but while the process waits. */
static void catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_signal };
    sigset_t ours;

    stopping = 0;
    sigemptyset(&ours);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < TD_N_OF(numbers); i++) {
        sigaddset(&ours, numbers[i]);
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &ours, NULL);
}

static int open_files(struct desk *desk)
{
    struct td_desk_fault fault;
    char folder[sizeof desk->state.dir + 8];

    (void)snprintf(folder, sizeof folder, "%s%s", desk->state.dir, SIM_MOUNT);
    return td_sim_files_open(&desk->files, folder, &fault) ? TD_EXIT_OK
                                                           : fail_desk(desk->cli, "files", &fault);
}

static int run_on_state(struct desk *desk, const struct wishes *w)
{
    int exit = open_files(desk);

    if (exit == TD_EXIT_OK)
        exit = build_device(desk, w);
    if (exit == TD_EXIT_OK)
        exit = open_links(desk, w);
    if (exit == TD_EXIT_OK)
        exit = program_all(desk, &w->programs);
    if (exit == TD_EXIT_OK) {
        catch_signals();
        run_device(desk, w);
    }
    td_sim_links_free(desk->links);
    td_sim_files_close(&desk->files);
    return exit;
}

static int run(struct td_cli *cli, int argc, char **argv)
{
    struct wishes w;
    struct td_desk_fault fault;
    struct desk *desk;
    int exit = read_wishes(cli, argc, argv, &w);

    if (w.done || exit != TD_EXIT_OK)
        return exit;
    desk = calloc(1, sizeof *desk);
    if (desk == NULL)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "out of memory", NULL, NULL);
    desk->cli = cli;
    desk->real_speed = w.real_speed;
    exit = load_profile(desk, &w);
    if (exit == TD_EXIT_OK && !td_sim_state_open(&desk->state, w.state, &desk->profile, &fault))
        exit = fail_desk(cli, "state", &fault);
    else if (exit == TD_EXIT_OK) {
        exit = run_on_state(desk, &w);
        td_sim_state_close(&desk->state);
    }
    free(desk);
    return exit;
}

const struct td_verb td_verb_sim = {
    .name = "sim",
    .kind = TD_VERB_DESK,
    .summary = "run a virtual device: real bootloader, real server, simulated flash",
    .usage = "usage: tandem sim PROFILE --state DIR [--udp HOST:PORT] [--pty PATH]\n"
             "                  [--tcp HOST:PORT] [--key PEM]... [--program SLOT=FILE]...\n"
             "                  [--speed real|fast] [--pin]\n"
             "                  [--cut-power-at N [--cut before|torn|after]]\n"
             "\n"
             "PROFILE is the name of a built-in one, as nrf5340-two-stage (another name is\n"
             "answered with those that exist), or the path of a .yml file. The console goes\n"
             "to stdout; the line 'ready: URLS' says that the application serves SMP, and\n"
             "'recovery: URLS' that the bootloader does.\n"
             "\n"
             "  --state DIR        holds the flash; made if missing, used by one process at a\n"
             "                     time\n"
             "  --udp, --tcp, --pty  links, each may be given several times; port 0: any.\n"
             "                     Behind each: ?trust=none|encrypted, and on serial lines\n"
             "                     ?framing=raw|cobs, as in --tcp '127.0.0.1:0?framing=raw'\n"
             "  --key PEM          trust this key (private or public) instead of the profile's\n"
             "  --program SLOT=FILE  write slot0 or slot1 (.bin, .hex) before the power comes;\n"
             "                     or s0, s1, net_app, netcore_good, 1.0, 1.1, if there\n"
             "  --cut-power-at N   the power goes at the Nth write or erase, and the process\n"
             "                     ends\n"
             "  --cut before|torn|after\n"
             "                     before it, in the middle of it (default), or after it\n"
             "  --pin              hold the recovery pin while the device starts\n"
             "  --speed real|fast  real: take the time that flash and serial lines take on a\n"
             "                     board\n",
    .run = run,
};
