/*
 * tools/verb_update.c - tandem update: a whole update, honestly told.
 *
 * client/update.h decides; this file reads the files, runs the loop, and says what happens. The
 * last line is the result, and the exit code follows from it alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "client/update.h"
#include "tools/imagefile.h"
#include "tools/images.h"
#include "tools/layoutfile.h"
#include "tools/update_package.h"

struct run {
    struct td_cli *cli;
    struct td_device dev;
    struct td_update core;
    struct td_update_config config;
    struct td_update_file files[TD_UPDATE_FILES];
    struct td_image_file opened[TD_UPDATE_FILES];
    uint8_t n_opened;
    struct td_update_package package;
    struct td_image_file running;
    bool has_running;
    const char *layout; /* --layout, read when all options are known */
    struct td_layout_env layout_env;
    struct td_room_geometry geometry[TD_UPDATE_FILES]; /* of the image of each file */
    uint32_t accepted;                                 /* mask over the names of --accept */
    struct td_progress bar;
    bool finished;    /* the result was told */
    uint32_t unknown; /* checks that wait to be named in one line, 1 << enum td_check */
    int exit;
};

/* ---- the command line ---------------------------------------------------------------- */

static int take_file(struct run *run, const char *text, const char *paths[TD_UPDATE_FILES])
{
    const char *equals = strchr(text, '=');
    struct td_update_file *file = &run->files[run->config.n_files];
    uint32_t image = 0;
    char number[8];

    if (run->config.n_files == TD_UPDATE_FILES)
        return td_cli_usagef(run->cli, "an update has at most %d images", TD_UPDATE_FILES);
    // "1=net.bin" names the image; a path with an equals sign in it is still a path.
    if (equals && equals != text && (size_t)(equals - text) < sizeof number) {
        memcpy(number, text, (size_t)(equals - text));
        number[equals - text] = '\0';
        if (td_parse_u32(number, 0, 255, &image))
            text = equals + 1;
    }
    for (unsigned i = 0; i < run->config.n_files; i++) {
        if (run->files[i].image == image)
            return td_cli_usagef(run->cli, "image %u is given twice; write IMAGE=FILE", image);
    }
    file->image = (uint8_t)image;
    paths[run->config.n_files++] = text;
    return TD_EXIT_OK;
}

static int take_mode(struct run *run, const char *text)
{
    static const struct {
        const char *name;
        enum td_update_mode mode;
    } modes[] = {
        { "test-and-confirm", TD_UPDATE_TEST_AND_CONFIRM },
        { "test", TD_UPDATE_TEST },
        { "confirm", TD_UPDATE_CONFIRM },
        { "upload", TD_UPDATE_UPLOAD },
    };

    for (size_t i = 0; i < TD_N_OF(modes); i++) {
        if (strcmp(modes[i].name, text) == 0) {
            run->config.mode = modes[i].mode;
            return TD_EXIT_OK;
        }
    }
    return td_cli_usagef(run->cli, "--mode is test-and-confirm, test, confirm or upload, not '%s'",
                         text);
}

static int take_force(struct run *run, const char *text)
{
    enum td_check check;
    const char *names[TD_N_CHECKS];
    const char *near;

    if (td_check_by_name(text, strlen(text), &check)) {
        run->config.force |= 1u << check;
        return TD_EXIT_OK;
    }
    for (unsigned i = 0; i < TD_N_CHECKS; i++)
        names[i] = td_check_name((enum td_check)i);
    near = td_nearest(text, names, TD_N_CHECKS);
    return td_cli_usagef(run->cli, "no check is called '%s'%s%s%s", text,
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/*
 * Agreeing beforehand to what cannot be undone. The last is asked for where the layout shows it;
 * the others by no update of this version. A script that agrees all the same means every
 * version, so the names are checked and kept in the log.
 */
enum {
    ACCEPT_NO_REVERT,
    ACCEPT_KEYS_BURNT,
    ACCEPT_COUNTER_MOVED,
    ACCEPT_NO_NETCORE_REVERT,
    N_ACCEPTS
};

static int take_accept(struct run *run, const char *text)
{
    static const char *const names[N_ACCEPTS] = {
        [ACCEPT_NO_REVERT] = "no-revert",
        [ACCEPT_KEYS_BURNT] = "keys-burnt",
        [ACCEPT_COUNTER_MOVED] = "counter-moved",
        [ACCEPT_NO_NETCORE_REVERT] = "no-netcore-revert",
    };
    const char *near = td_nearest(text, names, TD_N_OF(names));

    for (size_t i = 0; i < TD_N_OF(names); i++) {
        if (strcmp(names[i], text) == 0) {
            run->accepted |= 1u << i;
            return TD_EXIT_OK;
        }
    }
    return td_cli_usagef(run->cli,
                         "--accept is no-revert, keys-burnt, counter-moved or no-netcore-revert, "
                         "not '%s'%s%s%s",
                         text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int take_wait(struct run *run, const char *text)
{
    if (td_parse_seconds(text, &run->config.wait_ms))
        return TD_EXIT_OK;
    return td_cli_usagef(run->cli, "--wait wants seconds, as in 90, and not '%s'", text);
}

static int open_running(struct run *run, const char *path)
{
    int exit;

    if (run->has_running)
        return td_cli_usage(run->cli, "--running names the one image that runs");
    exit = td_image_file_open(run->cli, path, false, &run->running);
    run->has_running = true;
    run->config.running_size = run->running.facts.image.size;
    return exit;
}

/* An image of the network core that nothing brings back is not sent without a word. */
static int check_netcore(struct run *run, const struct td_layout *layout)
{
    struct td_layout_issues *issues = malloc(sizeof *issues);
    bool found = false, sent = false;

    if (issues == NULL)
        return td_cli_fail(run->cli, TD_EXIT_FILE, "no-memory", "there is no memory", run->layout,
                           NULL);
    td_layout_check(layout, &run->layout_env, issues);
    for (size_t i = 0; i < issues->n; i++)
        found |= issues->at[i].rule == TD_LAYOUT_NET_REVERT;
    free(issues);
    for (uint8_t i = 0; i < run->config.n_files; i++)
        sent |= run->files[i].image == 1;
    if (!found || !sent || (run->accepted >> ACCEPT_NO_NETCORE_REVERT & 1) != 0)
        return TD_EXIT_OK;
    return td_cli_fail(run->cli, TD_EXIT_REFUSED, "no-netcore-revert",
                       "this layout keeps no image of the network core: what is installed there "
                       "cannot be brought back",
                       run->layout,
                       "agree with --accept=no-netcore-revert, or give the core a primary slot in "
                       "flash (netcore_good)");
}

/* What a stock device does not tell: how large its slots and their sectors are. */
static int open_layout(struct run *run)
{
    struct td_layout_file file = { 0 };
    int exit;

    run->config.has_strategy = run->layout_env.has_strategy;
    run->config.strategy = run->layout_env.strategy;
    if (run->layout == NULL)
        return TD_EXIT_OK;
    exit = td_layout_file_pair(run->cli, run->layout, &run->layout_env, &file, &run->geometry[0]);
    if (exit == TD_EXIT_OK)
        exit = check_netcore(run, file.layout);
    for (uint8_t i = 0; exit == TD_EXIT_OK && i < run->config.n_files; i++) {
        run->layout_env.image = run->files[i].image;
        if (td_layout_geometry(file.layout, &run->layout_env, &run->geometry[i]) == TD_OK)
            run->files[i].geometry = &run->geometry[i];
    }
    td_layout_file_close(&file);
    return exit;
}

static int parse(struct run *run, int argc, char **argv, const char *paths[TD_UPDATE_FILES])
{
    enum {
        MODE,
        ERASE_SETTINGS,
        DRY_RUN,
        FORCE,
        ACCEPT,
        LAYOUT,
        RUNNING,
        NO_RESUME,
        WAIT,
        STRATEGY,
        SOC
    };
    static const struct td_opt opts[] = {
        { "mode", 0, true, MODE },        { "erase-settings", 0, false, ERASE_SETTINGS },
        { "dry-run", 0, false, DRY_RUN }, { "force", 0, true, FORCE },
        { "accept", 0, true, ACCEPT },    { "layout", 0, true, LAYOUT },
        { "running", 0, true, RUNNING },  { "no-resume", 0, false, NO_RESUME },
        { "wait", 0, true, WAIT },        { "strategy", 0, true, STRATEGY },
        { "soc", 0, true, SOC },
    };
    struct td_args args;
    int got, exit = TD_EXIT_OK;

    td_args_begin(&args, run->cli, opts, TD_N_OF(opts), argc, argv);
    while (exit == TD_EXIT_OK && (got = td_args_next(&args)) != TD_ARG_END) {
        switch (got) {
        case MODE: exit = take_mode(run, args.value); break;
        case ERASE_SETTINGS: run->config.erase_settings = true; break;
        case DRY_RUN: run->config.dry_run = true; break;
        case FORCE: exit = take_force(run, args.value); break;
        case ACCEPT: exit = take_accept(run, args.value); break;
        case LAYOUT: run->layout = args.value; break;
        case STRATEGY:
            exit = td_layout_take_strategy(run->cli, args.value, &run->layout_env);
            break;
        case SOC: exit = td_layout_take_soc(run->cli, args.value, &run->layout_env); break;
        case RUNNING: exit = open_running(run, args.value); break;
        case NO_RESUME: run->config.no_resume = true; break;
        case WAIT: exit = take_wait(run, args.value); break;
        case TD_ARG_WORD: exit = take_file(run, args.value, paths); break;
        default: return args.exit == TD_EXIT_OK ? -1 : args.exit;
        }
    }
    if (exit == TD_EXIT_OK && run->config.n_files == 0)
        return td_cli_usage(run->cli, "the file to update to is missing");
    return exit;
}

static bool unsound_is_fine(const struct run *run)
{
    return (run->config.force & 1u << TD_CHECK_HEADER) != 0;
}

/* The files' bytes are where they stay. */
static void use_opened(struct run *run, unsigned i)
{
    run->files[i].src = run->opened[i].src;
    memcpy(run->files[i].sha, run->opened[i].sha, sizeof run->files[i].sha);
}

/* One file of the package is the image that is sent. */
static int use_member(struct run *run, unsigned i, struct td_member *m)
{
    uint8_t *bytes = m->bytes;
    int exit;

    m->bytes = NULL;
    exit = td_image_file_take(run->cli, m->name, bytes, m->size, unsound_is_fine(run),
                              &run->opened[i]);
    use_opened(run, i);
    return exit;
}

/* Its images; of two variants one is chosen when the device was asked. */
static int open_package(struct run *run, const char *path)
{
    int exit = td_update_package_open(run->cli, path, &run->package);

    if (exit != TD_EXIT_OK)
        return exit;
    run->config.n_files = run->n_opened = run->package.n;
    for (unsigned i = 0; i < run->package.n && exit == TD_EXIT_OK; i++) {
        run->files[i].image = run->package.images[i].image;
        if (run->package.images[i].n == 1)
            exit = use_member(run, i, run->package.images[i].at[0]);
    }
    run->config.files = run->files;
    return exit;
}

/* A file that is no image stops here, before the device is touched, unless that is forced. */
static int open_files(struct run *run, const char *const paths[TD_UPDATE_FILES])
{
    for (unsigned i = 0; i < run->config.n_files; i++) {
        if (!td_update_package_is(paths[i]))
            continue;
        if (run->config.n_files > 1 || run->files[0].image != 0)
            return td_cli_usagef(run->cli,
                                 "%s is a package, which names its images itself: give it alone",
                                 paths[i]);
        return open_package(run, paths[i]);
    }
    for (unsigned i = 0; i < run->config.n_files; i++) {
        struct td_image_file *f = &run->opened[i];
        int exit = td_image_file_open(run->cli, paths[i], unsound_is_fine(run), f);

        run->n_opened++;
        if (exit != TD_EXIT_OK)
            return exit;
        use_opened(run, i);
    }
    run->config.files = run->files;
    return TD_EXIT_OK;
}

/* ---- what is said -------------------------------------------------------------------- */

static int exit_of(enum td_update_result result)
{
    switch (result) {
    case TD_RESULT_UPDATED:
    case TD_RESULT_ALREADY:
    case TD_RESULT_TESTED:
    case TD_RESULT_UPLOADED:
    case TD_RESULT_CHECKED: return TD_EXIT_OK;
    case TD_RESULT_REFUSED:
    case TD_RESULT_REVERTED:
    case TD_RESULT_FAILED: return TD_EXIT_REFUSED;
    case TD_RESULT_UNREACHABLE: return TD_EXIT_UNREACHABLE;
    case TD_RESULT_INTERRUPTED: return TD_EXIT_INTERRUPTED;
    }
    return TD_EXIT_REFUSED;
}

/*
 * A stock device tells next to nothing. What it leaves unknown is one line, not one for each;
 * what makes the update doubtful is said in full.
 */
static bool is_plainly_unknown(const struct td_check_row *row)
{
    return row->result == TD_CHECK_UNKNOWN &&
           (row->check == TD_CHECK_SLOT_ROOM || row->check == TD_CHECK_SWAP_ROOM ||
            row->check == TD_CHECK_SIGNATURE || row->check == TD_CHECK_KEY);
}

static void say_unknown(struct run *run)
{
    char names[128] = "";
    size_t len = 0;

    for (unsigned i = 0; i < TD_N_CHECKS && len < sizeof names; i++) {
        if (run->unknown >> i & 1)
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len > 0 ? ", " : "",
                                    td_check_name((enum td_check)i));
    }
    run->unknown = 0;
    if (len > 0)
        td_cli_note(run->cli, "The device does not tell enough to check %s.", names);
}

static void say_row(struct run *run, const struct td_check_row *row)
{
    static const char *const marks[] = { "ok", "no", "??" };
    static const char *const colors[] = { "32", "31", "33" };
    struct td_cli *cli = run->cli;

    if (cli->json) {
        json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "event", "preflight", "check",
                              td_check_name(row->check), "result",
                              td_check_result_name(row->result), "text", row->text);

        if (row->forced)
            json_object_set_new(o, "forced", json_true());
        td_cli_json(cli, o);
        return;
    }
    // A dry run was asked for these lines; otherwise they matter when they are not "ok".
    if (cli->quiet || (row->result == TD_CHECK_PASS && !run->config.dry_run && cli->verbose == 0))
        return;
    if (is_plainly_unknown(row) && !run->config.dry_run && cli->verbose == 0) {
        run->unknown |= 1u << row->check;
        return;
    }
    fprintf(run->config.dry_run ? cli->out : cli->err, "%s%s%s %-12s %s%s\n",
            td_cli_color(cli, run->config.dry_run ? cli->out : cli->err, colors[row->result]),
            marks[row->result], td_cli_color(cli, run->config.dry_run ? cli->out : cli->err, "0"),
            td_check_name(row->check), row->text, row->forced ? " (forced)" : "");
}

static void say_upload(struct run *run, const struct td_update_event *event)
{
    if (run->cli->json)
        td_cli_json(run->cli, json_pack("{s:s, s:I, s:I, s:I}", "event", "upload", "offset",
                                        (json_int_t)event->offset, "size", (json_int_t)event->size,
                                        "bytes_per_s", (json_int_t)event->bytes_per_s));
    else
        td_progress_at(&run->bar, event->offset, event->size);
}

static void say_step(struct run *run, enum td_update_state state)
{
    static const char *const words[] = {
        [TD_STATE_TEST] = "Marking the image.",
        [TD_STATE_RESET] = "Resetting the device.",
        [TD_STATE_WAIT] = "Waiting for it to come back.",
        [TD_STATE_VERIFY] = "Looking at what runs.",
        [TD_STATE_CONFIRM] = "Confirming.",
    };

    td_device_log(&run->dev, "state: %s", td_update_state_name(state));
    // What the device said before it went down is not an answer of the one that comes back.
    if (state == TD_STATE_WAIT)
        td_device_reset_sent(&run->dev);
    if (run->cli->json)
        td_cli_json(run->cli, json_pack("{s:s, s:s}", "event", "state", "state",
                                        td_update_state_name(state)));
    else
        td_cli_note(run->cli, "%s", words[state]);
}

static void result_json(struct td_cli *cli, const struct td_update_outcome *o)
{
    char hex[129], version[40];

    td_hex(o->hash, o->hash_len, hex);
    snprintf(version, sizeof version, o->version.build ? "%u.%u.%u+%u" : "%u.%u.%u",
             o->version.major, o->version.minor, o->version.revision, o->version.build);
    td_cli_json(cli,
                json_pack("{s:s, s:s?, s:s?, s:i, s:s?, s:s, s:s}", "result",
                          td_update_result_name(o->result), "hash", o->hash_len > 0 ? hex : NULL,
                          "version", o->hash_len > 0 ? version : NULL, "seconds", (int)o->seconds,
                          "verdict", o->verdict ? td_verdict_name(o->verdict) : NULL, "text",
                          o->text, "remedy", o->remedy));
}

static void say_result(struct run *run, const struct td_update_outcome *o)
{
    struct td_cli *cli = run->cli;

    const char *why = o->result == TD_RESULT_UNREACHABLE ? run->dev.why : "";

    run->finished = true;
    run->exit = exit_of(o->result);
    td_device_log(&run->dev, "result: %s: %s", td_update_result_name(o->result), o->text);
    if (cli->json) {
        result_json(cli, o);
        // Whoever reads errors from stderr alone finds it there as well.
        if (run->exit != TD_EXIT_OK)
            td_cli_fail(cli, (enum td_exit)run->exit, td_update_result_name(o->result), o->text,
                        why[0] != '\0' ? why : NULL, o->remedy[0] != '\0' ? o->remedy : NULL);
        return;
    }
    if (run->exit == TD_EXIT_OK) {
        fprintf(cli->out, "%s%s%s: %s\n", td_cli_color(cli, cli->out, "32"),
                td_update_result_name(o->result), td_cli_color(cli, cli->out, "0"), o->text);
        if (o->remedy[0] != '\0')
            td_cli_note(cli, "%s", o->remedy);
        return;
    }
    fflush(cli->out);
    fprintf(cli->err, "%s%s%s: %s\n", td_cli_color(cli, cli->err, "31"),
            td_update_result_name(o->result), td_cli_color(cli, cli->err, "0"), o->text);
    if (o->verdict != TD_V_NONE)
        fprintf(cli->err, "  the device's verdict: %s\n", td_verdict_name(o->verdict));
    if (why[0] != '\0')
        fprintf(cli->err, "  at: %s: %s\n", td_link_name(run->dev.link), why);
    if (o->remedy[0] != '\0')
        fprintf(cli->err, "  try: %s\n", o->remedy);
}

static void say_event(struct run *run, const struct td_update_event *event)
{
    if (event->kind != TD_EVENT_PREFLIGHT)
        say_unknown(run);
    if (event->kind != TD_EVENT_UPLOAD)
        td_progress_end(&run->bar);
    switch (event->kind) {
    case TD_EVENT_PREFLIGHT:
        td_device_log(&run->dev, "preflight %s: %s%s: %s", td_check_name(event->row->check),
                      td_check_result_name(event->row->result),
                      event->row->forced ? ", forced" : "", event->row->text);
        say_row(run, event->row);
        break;
    case TD_EVENT_UPLOAD: say_upload(run, event); break;
    case TD_EVENT_STATE: say_step(run, event->state); break;
    case TD_EVENT_NOTE:
        td_device_log(&run->dev, "%s", event->text);
        td_cli_note(run->cli, "%s", event->text);
        break;
    case TD_EVENT_RESULT: say_result(run, event->outcome); break;
    }
}

/* ---- the loop ------------------------------------------------------------------------ */

static size_t update_send(void *state, uint64_t now, uint8_t *buf, size_t cap)
{
    return td_update_send(&((struct run *)state)->core, now, buf, cap);
}

static void update_receive(void *state, uint64_t now, const uint8_t *packet, size_t len)
{
    td_update_receive(&((struct run *)state)->core, now, packet, len);
}

static void update_link(void *state, uint64_t now, bool up)
{
    td_update_link(&((struct run *)state)->core, now, up);
}

static uint64_t update_wake(void *state)
{
    return td_update_wake_ms(&((struct run *)state)->core);
}

static bool update_done(void *state)
{
    return td_update_done(&((struct run *)state)->core);
}

static void update_turn(void *state)
{
    struct run *run = state;
    struct td_update_event event;

    while (td_update_event(&run->core, &event))
        say_event(run, &event);
}

static void update_interrupt(void *state, uint64_t now)
{
    td_update_interrupt(&((struct run *)state)->core, now);
}

static const struct td_core update_core = {
    .send = update_send,
    .receive = update_receive,
    .link = update_link,
    .wake_ms = update_wake,
    .done = update_done,
    .turn = update_turn,
    .interrupt = update_interrupt,
};

/* With --json the last line is a result, also when the device was never reached. */
static void say_never_reached(struct run *run, int exit)
{
    struct td_update_outcome o = { .result = exit == TD_EXIT_INTERRUPTED ? TD_RESULT_INTERRUPTED
                                                                         : TD_RESULT_UNREACHABLE };
    const struct td_image_facts *facts = &run->opened[0].facts;

    if (!run->cli->json || (exit != TD_EXIT_UNREACHABLE && exit != TD_EXIT_INTERRUPTED))
        return;
    o.hash_len = facts->hash_len;
    memcpy(o.hash, facts->hash, sizeof o.hash);
    o.version = facts->image.hdr.version;
    snprintf(o.text, sizeof o.text, "the device was not reached, nothing was changed: %.300s",
             run->dev.why[0] != '\0' ? run->dev.why : "interrupted");
    snprintf(o.remedy, sizeof o.remedy,
             "check that the device is on, and its address; then run "
             "the same update again");
    result_json(run->cli, &o);
}

/* One of two variants for image i, as the device says; TD_EXIT_OK, or a result was said. */
static int choose_variant(struct run *run, unsigned i)
{
    struct td_choice *choice = &run->package.images[i];
    struct td_variant_facts facts = { .has_mode = run->config.has_strategy,
                                      .mode = run->config.strategy };
    struct td_update_outcome o = { .result = TD_RESULT_REFUSED, .image = choice->image };
    const char *why, *remedy;
    int n;

    td_variant_ask(&run->dev, choice, &facts);
    n = td_variant_choose(choice, &facts, &why, &remedy);
    if (n >= 0) {
        td_device_log(&run->dev, "image %u: %s is the variant for this device", choice->image,
                      choice->at[n]->name);
        td_cli_note(run->cli, "Of the package's variants %s is the one for this device.",
                    choice->at[n]->name);
        return use_member(run, i, choice->at[n]);
    }
    if (run->dev.interrupted)
        o.result = TD_RESULT_INTERRUPTED;
    snprintf(o.text, sizeof o.text, "%s",
             run->dev.interrupted ? "interrupted before anything was sent" : why);
    snprintf(o.remedy, sizeof o.remedy, "%s", run->dev.interrupted ? "" : remedy);
    say_result(run, &o);
    return run->exit;
}

static int choose_variants(struct run *run)
{
    int exit = TD_EXIT_OK;

    for (unsigned i = 0; i < run->package.n && exit == TD_EXIT_OK; i++)
        if (run->package.images[i].n > 1)
            exit = choose_variant(run, i);
    return exit;
}

static int update_device(struct run *run)
{
    int exit = td_device_open(&run->dev, run->cli);

    if (exit != TD_EXIT_OK) {
        say_never_reached(run, exit);
        return exit;
    }
    exit = choose_variants(run);
    if (exit != TD_EXIT_OK) {
        td_device_close(&run->dev);
        return exit;
    }
    if (run->config.force != 0 || run->accepted != 0)
        td_device_log(&run->dev, "forced checks %#x, accepted %#x", run->config.force,
                      run->accepted);
    run->config.session = td_device_session_config(&run->dev);
    td_progress_begin(&run->bar, run->cli, "upload");
    uv_update_time(&run->dev.loop);
    td_update_start(&run->core, &run->config, uv_now(&run->dev.loop));
    td_device_run(&run->dev, &update_core, run);
    update_turn(run);
    td_progress_end(&run->bar);
    td_device_close(&run->dev);
    return run->exit;
}

static int update(struct td_cli *cli, int argc, char **argv)
{
    struct run *run = calloc(1, sizeof *run);
    const char *paths[TD_UPDATE_FILES] = { NULL };
    int exit;

    if (!run)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory left", NULL, NULL);
    run->cli = cli;
    run->exit = TD_EXIT_REFUSED;
    exit = parse(run, argc, argv, paths);
    if (exit == TD_EXIT_OK)
        exit = open_files(run, paths);
    if (exit == TD_EXIT_OK)
        exit = open_layout(run);
    if (exit == TD_EXIT_OK)
        exit = update_device(run);
    for (unsigned i = 0; i < run->n_opened; i++)
        td_image_file_close(&run->opened[i]);
    if (run->has_running)
        td_image_file_close(&run->running);
    td_update_package_close(&run->package);
    free(run);
    return exit < 0 ? TD_EXIT_OK : exit;
}

const struct td_verb td_verb_update = {
    .name = "update",
    .kind = TD_VERB_DEVICE,
    .summary = "the whole update: check, send, reset, verify, confirm",
    .usage = "usage: tandem update [OPTIONS] FILE...\n"
             "       tandem update [OPTIONS] IMAGE=FILE...\n"
             "       tandem update [OPTIONS] PACKAGE\n"
             "\n"
             "Updates the device to a signed image. Checks first whether the device would take\n"
             "it, sends it, has it tried, looks what runs after the reset, and confirms it. It\n"
             "has succeeded when the device runs the new hash, confirmed; everything else has\n"
             "a reason. Of a package (dfu_application.zip, dfu_multi_image.bin) all images are\n"
             "sent; where it has a variant for each of two slots, the one for the slot that\n"
             "does not run.\n"
             "\n"
             "  --mode test-and-confirm|test|confirm|upload\n"
             "                    test: leave it on trial; confirm: without a trial, no way\n"
             "                    back; upload: send it and no more\n"
             "  --dry-run         check, and change nothing\n"
             "  --force CHECK     go on although preflight failed on CHECK; may be repeated.\n"
             "                    The device still decides for itself\n"
             "  --accept NAME     agree to a result that cannot be undone, when preflight\n"
             "                    names one\n"
             "  --running FILE    the image that runs now: what a stock device cannot tell\n"
             "  --layout FILE     its partitions (partitions.yml, pm_static.yml or a report),\n"
             "                    and\n"
             "  --strategy S      how its bootloader updates (swap-move, ...): the same for\n"
             "                    its slots; --soc NAME when the layout does not tell the chip\n"
             "  --erase-settings  erase settings and bonds before the reset\n"
             "  --no-resume       send from the first byte, even if part of it is there\n"
             "  --wait SECONDS    for the device to come back (default: by its slots, at\n"
             "                    least 60)\n"
             "\n"
             "Exit: 0 updated, already there, tested or uploaded; 1 refused, reverted or\n"
             "failed; 3 the device stopped answering or did not come back; 130 interrupted:\n"
             "the same command goes on where this one stopped.\n",
    .run = update,
};
