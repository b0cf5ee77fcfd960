/* tools/verb_os.c - tandem os, and tandem storage erase. */
#include <string.h>

#include "base/range.h"
#include "slot/room.h"
#include "tools/watch.h"

/* ---- echo ---------------------------------------------------------------------------- */

/* A text of the device's, as it came; name is what JSON calls it. */
static void say_text(struct td_cli *cli, const char *name, const struct td_reply *reply)
{
    const char *text = reply->of.text.at;
    size_t len = reply->of.text.len;

    if (cli->json) {
        td_cli_json(cli, json_pack("{s:o}", name, td_text_json(text, len)));
        return;
    }
    td_cli_text(cli, text, len);
    fputc('\n', cli->out);
}

static void say_echo(struct td_cli *cli, const struct td_reply *reply)
{
    say_text(cli, "echo", reply);
}

static int os_echo(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_ECHO };
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    if (!word)
        return td_cli_usage(cli, "which text?");
    request.text = (struct td_cbor_text){ .p = word, .len = strlen(word) };
    return td_device_ask_once(cli, &request, "echo", "OS_ECHO", say_echo);
}

/* ---- reset --------------------------------------------------------------------------- */

static int os_reset(struct td_cli *cli, int argc, char **argv)
{
    enum { FORCE, BOOT_MODE };
    static const struct td_opt opts[] = {
        { "force", 0, false, FORCE },
        { "boot-mode", 0, true, BOOT_MODE },
    };
    struct td_request request = { .kind = TD_REQ_RESET };
    struct td_args args;
    struct td_device dev;
    struct td_reply reply;
    int got, exit;

    td_args_begin(&args, cli, opts, TD_N_OF(opts), argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END) {
        switch (got) {
        case FORCE: request.reset.has_force = request.reset.force = true; break;
        case BOOT_MODE:
            if (!td_parse_u32(args.value, 0, 255, &request.reset.boot_mode))
                return td_cli_usagef(cli, "--boot-mode wants 0 to 255, not '%s'", args.value);
            request.reset.has_boot_mode = true;
            break;
        case TD_ARG_WORD: return td_cli_usagef(cli, "'%s' is one argument too many", args.value);
        default: return args.exit;
        }
    }
    exit = td_device_open(&dev, cli);
    if (exit != TD_EXIT_OK)
        return exit;
    if (td_device_ask(&dev, &request, &reply)) {
        if (cli->json)
            td_cli_json(cli, json_pack("{s:s}", "result", "resetting"));
        else
            fputs("The device resets.\n", cli->out);
    } else {
        exit = td_device_failed(&dev, &reply.failure, "asking it to reset",
                                td_failure_silent(&reply.failure)
                                    ? "it may have reset all the same: tandem image list"
                                    : NULL);
    }
    td_device_close(&dev);
    return exit;
}

/* ---- params and bootloader ----------------------------------------------------------- */

static void say_params(struct td_cli *cli, const struct td_reply *reply)
{
    uint32_t size = reply->of.params.buf_size, count = reply->of.params.buf_count;

    if (cli->json)
        td_cli_json(cli, json_pack("{s:I, s:I}", "buf_size", (json_int_t)size, "buf_count",
                                   (json_int_t)count));
    else
        fprintf(cli->out, "%u buffers of %u bytes\n", count, size);
}

static int os_params(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_PARAMS };
    int exit = td_args_no_word(cli, argc, argv);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_device_ask_once(cli, &request, "asking for buffer parameters", "OS_MCUMGR_PARAMS",
                              say_params);
}

static void say_name(struct td_cli *cli, const struct td_reply *reply)
{
    say_text(cli, "bootloader", reply);
}

static void say_query_json(struct td_cli *cli, const struct td_reply *reply)
{
    json_t *o = json_object();

    if (reply->of.bootloader.has_mode) {
        const char *name = td_mode_name((enum td_strategy_id)reply->of.bootloader.mode);

        json_object_set_new(o, "mode", json_integer(reply->of.bootloader.mode));
        json_object_set_new(o, "mode_name", name ? json_string(name) : json_null());
        json_object_set_new(o, "no_downgrade", json_boolean(reply->of.bootloader.no_downgrade));
    }
    if (reply->of.bootloader.has_active)
        json_object_set_new(o, "active", json_integer(reply->of.bootloader.active));
    td_cli_json(cli, o);
}

static void say_query(struct td_cli *cli, const struct td_reply *reply)
{
    if (cli->json) {
        say_query_json(cli, reply);
        return;
    }
    if (reply->of.bootloader.has_mode) {
        const char *name = td_mode_name((enum td_strategy_id)reply->of.bootloader.mode);

        fprintf(cli->out, "mode %d, %s%s\n", reply->of.bootloader.mode,
                name ? name : "which this version of tandem does not know",
                reply->of.bootloader.no_downgrade ? "; refuses downgrades" : "");
    }
    if (reply->of.bootloader.has_active)
        fprintf(cli->out, "S%u runs\n", reply->of.bootloader.active);
}

static int os_bootloader(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_BOOTLOADER };
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    if (word)
        request.text = (struct td_cbor_text){ .p = word, .len = strlen(word) };
    return td_device_ask_once(cli, &request, "asking for the bootloader", "OS_BOOTLOADER_INFO",
                              word ? say_query : say_name);
}

/* ---- threads and memory -------------------------------------------------------------- */

static json_t *task_json(const struct td_task *t)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "name", t->name, "prio",
                     (json_int_t)t->prio, "tid", (json_int_t)t->tid, "state", (json_int_t)t->state,
                     "stack_size", (json_int_t)t->stack, "stack_used", (json_int_t)t->stack_used,
                     "runtime", (json_int_t)t->runtime);
}

static void say_tasks(struct td_cli *cli, const struct td_reply *reply)
{
    const struct td_tasks *tasks = &reply->of.tasks;
    json_t *list = json_array();

    if (!cli->json)
        fprintf(cli->out, "%sthread                 prio  stack used of size      runtime%s\n",
                td_cli_color(cli, cli->out, "1"), td_cli_color(cli, cli->out, "0"));
    for (unsigned i = 0; i < tasks->n; i++) {
        const struct td_task *t = &tasks->at[i];

        if (cli->json)
            json_array_append_new(list, task_json(t));
        else
            fprintf(cli->out, "%-21s %5lld  %10llu of %-6llu %10llu\n", t->name, (long long)t->prio,
                    (unsigned long long)t->stack_used, (unsigned long long)t->stack,
                    (unsigned long long)t->runtime);
    }
    td_cli_list(cli, "tasks", list, tasks->n_total, tasks->n);
}

static int os_tasks(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_TASKS };
    struct td_watch watch;
    int exit = td_watch_args(cli, argc, argv, &watch, NULL);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_watch_ask(cli, &watch, &request, "asking for its threads", "OS_TASKSTAT", say_tasks);
}

static json_t *pool_json(const struct td_pool *p)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", p->name, "block_size",
                     (json_int_t)p->block_size, "blocks", (json_int_t)p->blocks, "free",
                     (json_int_t)p->free_blocks, "least_free", (json_int_t)p->least_free);
}

static void say_pools(struct td_cli *cli, const struct td_reply *reply)
{
    const struct td_pools *pools = &reply->of.pools;
    json_t *list = json_array();

    if (!cli->json)
        fprintf(cli->out, "%spool                   block size    blocks      free  least free%s\n",
                td_cli_color(cli, cli->out, "1"), td_cli_color(cli, cli->out, "0"));
    for (unsigned i = 0; i < pools->n; i++) {
        const struct td_pool *p = &pools->at[i];

        if (cli->json)
            json_array_append_new(list, pool_json(p));
        else
            fprintf(cli->out, "%-21s %11llu %9llu %9llu %11llu\n", p->name,
                    (unsigned long long)p->block_size, (unsigned long long)p->blocks,
                    (unsigned long long)p->free_blocks, (unsigned long long)p->least_free);
    }
    td_cli_list(cli, "pools", list, pools->n_total, pools->n);
}

static int os_pools(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_POOLS };
    struct td_watch watch;
    int exit = td_watch_args(cli, argc, argv, &watch, NULL);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_watch_ask(cli, &watch, &request, "asking for its memory pools", NULL, say_pools);
}

/* ---- clock and names ----------------------------------------------------------------- */

static void say_datetime(struct td_cli *cli, const struct td_reply *reply)
{
    say_text(cli, "datetime", reply);
}

static void say_datetime_set(struct td_cli *cli, const struct td_reply *reply)
{
    (void)reply;
    if (cli->json)
        td_cli_json(cli, json_pack("{s:s}", "result", "set"));
    else
        fputs("The clock is set.\n", cli->out);
}

static bool is_in_range(const char *two, int least, int most)
{
    int n = (two[0] - '0') * 10 + two[1] - '0';

    return n >= least && n <= most;
}

/*
 * yyyy-MM-ddTHH:mm:ss with up to five digits of a fraction: what devices take. Whether the month
 * has that day is theirs to say.
 */
static bool is_datetime(const char *text)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    size_t i = 0;

    for (; form[i] != '\0'; i++) {
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    }
    if (!is_in_range(text + 5, 1, 12) || !is_in_range(text + 8, 1, 31) ||
        !is_in_range(text + 11, 0, 23) || !is_in_range(text + 14, 0, 59) ||
        !is_in_range(text + 17, 0, 59))
        return false;
    if (text[i] == '\0')
        return true;
    if (text[i] != '.' || text[i + 1] == '\0' || strlen(text + i + 1) > 5)
        return false;
    return strspn(text + i + 1, "0123456789") == strlen(text + i + 1);
}

static int os_datetime(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_DATETIME };
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    if (!word)
        return td_device_ask_once(cli, &request, "asking for date and time", "OS_DATETIME",
                                  say_datetime);
    if (!is_datetime(word))
        return td_cli_usagef(cli, "'%s' is no date and time as in 2026-01-31T12:00:00", word);
    request.kind = TD_REQ_SET_DATETIME;
    request.text = (struct td_cbor_text){ .p = word, .len = strlen(word) };
    return td_device_ask_once(cli, &request, "setting date and time", "OS_DATETIME",
                              say_datetime_set);
}

static void say_info(struct td_cli *cli, const struct td_reply *reply)
{
    say_text(cli, "info", reply);
}

static int os_info(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_INFO };
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    if (word)
        request.text = (struct td_cbor_text){ .p = word, .len = strlen(word) };
    return td_device_ask_once(cli, &request, "asking for its names", "OS_INFO", say_info);
}

static const struct td_verb os_verbs[] = {
    { .name = "echo",
      .kind = TD_VERB_DEVICE,
      .summary = "have a text sent back: does the device answer?",
      .usage = "usage: tandem os echo TEXT [--json]\n\nHas TEXT sent back.\n",
      .run = os_echo },
    { .name = "reset",
      .kind = TD_VERB_DEVICE,
      .summary = "have the device reset",
      .usage = "usage: tandem os reset [--force] [--boot-mode N]\n\n"
               "Has the device reset.\n\n"
               "  --force        also where its application would rather not\n"
               "  --boot-mode N  0 as usual, 1 into the bootloader, where the firmware can\n",
      .run = os_reset },
    { .name = "params",
      .kind = TD_VERB_DEVICE,
      .summary = "how many buffers the device has, and how large",
      .usage = "usage: tandem os params [--json]\n\n"
               "How many buffers for messages the device has, and how large they are.\n",
      .run = os_params },
    { .name = "tasks",
      .kind = TD_VERB_DEVICE,
      .summary = "its threads, and how much of their stacks they used",
      .usage = "usage: tandem os tasks [--watch [SECONDS]] [--json]\n\n"
               "The threads of the device: priority, stack in bytes (the most that was used, and\n"
               "its size), and the run time where the firmware counts it.\n\n" TD_WATCH_USAGE,
      .run = os_tasks },
    { .name = "pools",
      .kind = TD_VERB_DEVICE,
      .summary = "its memory pools, and how full they are",
      .usage =
          "usage: tandem os pools [--watch [SECONDS]] [--json]\n\n"
          "The memory pools of the device, where its firmware tells of them.\n\n" TD_WATCH_USAGE,
      .run = os_pools },
    { .name = "datetime",
      .kind = TD_VERB_DEVICE,
      .summary = "its clock, read or set",
      .usage = "usage: tandem os datetime [ISO-8601] [--json]\n\n"
               "The date and time of the device's clock; with 2026-01-31T12:00:00, sets it. The\n"
               "clock knows no time zone.\n",
      .run = os_datetime },
    { .name = "info",
      .kind = TD_VERB_DEVICE,
      .summary = "names and versions of its kernel, board and processor",
      .usage = "usage: tandem os info [FORMAT] [--json]\n\n"
               "What the firmware calls itself. FORMAT is any of s kernel, n node, r release,\n"
               "v version, b build time, m machine, p processor, i board, o operating system; a\n"
               "is all of them. The order of the answer is the device's.\n",
      .run = os_info },
    { .name = "bootloader",
      .kind = TD_VERB_DEVICE,
      .summary = "which bootloader, and what it says about itself",
      .usage = "usage: tandem os bootloader [QUERY] [--json]\n\n"
               "The bootloader's name; with the query `mode`, its way of updating; with\n"
               "`active_b0_slot`, on Nordic's trees, which of S0 and S1 runs.\n",
      .run = os_bootloader },
};

const struct td_verb td_verb_os = {
    .name = "os",
    .kind = TD_VERB_DEVICE,
    .summary = "the device as such: echo, reset, params, info, bootloader, ...",
    .subs = os_verbs,
    .n_subs = TD_N_OF(os_verbs),
};

/* ---- storage ------------------------------------------------------------------------- */

static void say_erased(struct td_cli *cli, const struct td_reply *reply)
{
    (void)reply;
    if (cli->json)
        td_cli_json(cli, json_pack("{s:s}", "result", "erased"));
    else
        fputs("The settings are erased, bonds included.\n", cli->out);
}

static int storage_erase(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_STORAGE_ERASE };
    int exit = td_args_no_word(cli, argc, argv);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_device_ask_once(cli, &request, "erasing the settings", "ZBASIC_STORAGE_ERASE",
                              say_erased);
}

static const struct td_verb storage_verbs[] = {
    { .name = "erase",
      .kind = TD_VERB_DEVICE,
      .summary = "erase settings and bonds",
      .usage = "usage: tandem storage erase [--json]\n\n"
               "Erases the storage area: settings, and with them Bluetooth bonds.\n",
      .run = storage_erase },
};

const struct td_verb td_verb_storage = {
    .name = "storage",
    .kind = TD_VERB_DEVICE,
    .summary = "erase settings and bonds",
    .subs = storage_verbs,
    .n_subs = TD_N_OF(storage_verbs),
};
