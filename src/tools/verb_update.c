/*
 * tools/verb_update.c - tandem update: a whole update, honestly told.
 *
 * client/update.h decides; this file reads the command line and the files and runs the loop,
 * update_say.c says what happens. The last line is the result, and the exit code follows from it
 * alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "tools/imagefile.h"
#include "tools/update_run.h"

/* ---- the command line ---------------------------------------------------------------- */

static int take_file(struct td_update_run *run, const char *text,
                     const char *paths[TD_UPDATE_FILES])
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

static int take_mode(struct td_update_run *run, const char *text)
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

static int take_force(struct td_update_run *run, const char *text)
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

static int take_accept(struct td_update_run *run, const char *text)
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

static int take_wait(struct td_update_run *run, const char *text)
{
    if (td_parse_seconds(text, &run->config.wait_ms))
        return TD_EXIT_OK;
    return td_cli_usagef(run->cli, "--wait wants seconds, as in 90, and not '%s'", text);
}

static int open_running(struct td_update_run *run, const char *path)
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
static int check_netcore(struct td_update_run *run, const struct td_layout *layout)
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
static int open_layout(struct td_update_run *run)
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

static int parse(struct td_update_run *run, int argc, char **argv,
                 const char *paths[TD_UPDATE_FILES])
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

static bool unsound_is_fine(const struct td_update_run *run)
{
    return (run->config.force & 1u << TD_CHECK_HEADER) != 0;
}

/* The files' bytes are where they stay. */
static void use_opened(struct td_update_run *run, unsigned i)
{
    run->files[i].src = run->opened[i].src;
    memcpy(run->files[i].sha, run->opened[i].sha, sizeof run->files[i].sha);
}

/* One file of the package is the image that is sent. */
static int use_member(struct td_update_run *run, unsigned i, struct td_member *m)
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
static int open_package(struct td_update_run *run, const char *path)
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
static int open_files(struct td_update_run *run, const char *const paths[TD_UPDATE_FILES])
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

/* ---- the loop ------------------------------------------------------------------------ */

static size_t update_send(void *state, uint64_t now, uint8_t *buf, size_t cap)
{
    return td_update_send(&((struct td_update_run *)state)->core, now, buf, cap);
}

static void update_receive(void *state, uint64_t now, const uint8_t *packet, size_t len)
{
    td_update_receive(&((struct td_update_run *)state)->core, now, packet, len);
}

static void update_link(void *state, uint64_t now, bool up)
{
    td_update_link(&((struct td_update_run *)state)->core, now, up);
}

static uint64_t update_wake(void *state)
{
    return td_update_wake_ms(&((struct td_update_run *)state)->core);
}

static bool update_done(void *state)
{
    return td_update_done(&((struct td_update_run *)state)->core);
}

static void update_turn(void *state)
{
    struct td_update_run *run = state;
    struct td_update_event event;

    while (td_update_event(&run->core, &event))
        td_update_say_event(run, &event);
}

static void update_interrupt(void *state, uint64_t now)
{
    td_update_interrupt(&((struct td_update_run *)state)->core, now);
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
static void say_never_reached(struct td_update_run *run, int exit)
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
    td_update_say_json(run->cli, &o);
}

/* One of two variants for image i, as the device says; TD_EXIT_OK, or a result was said. */
static int choose_variant(struct td_update_run *run, unsigned i)
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
    if (run->dev.interrupted) {
        o.result = TD_RESULT_INTERRUPTED;
        why = "interrupted before anything was sent";
        remedy = "";
    } else if (td_failure_silent(&facts.failure)) {
        o.result = TD_RESULT_UNREACHABLE;
        why = "the device does not answer, nothing was changed";
        remedy = "check that the device runs, and that nothing else uses the link";
    }
    snprintf(o.text, sizeof o.text, "%s", why);
    snprintf(o.remedy, sizeof o.remedy, "%s", remedy);
    td_update_say_result(run, &o);
    return run->exit;
}

static int choose_variants(struct td_update_run *run)
{
    int exit = TD_EXIT_OK;

    for (unsigned i = 0; i < run->package.n && exit == TD_EXIT_OK; i++)
        if (run->package.images[i].n > 1)
            exit = choose_variant(run, i);
    return exit;
}

static int update_device(struct td_update_run *run)
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
    struct td_update_run *run = calloc(1, sizeof *run);
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
