/* tools/verb_os.c - tandem os echo | reset | params | bootloader, and tandem storage erase. */
#include <string.h>

#include "base/range.h"
#include "slot/room.h"
#include "tools/device.h"

/* Opens, asks one thing, and gives the reply to say; a failure is said with its attempt. */
static int ask_once(struct td_cli *cli, const struct td_request *request, const char *what,
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
        exit = td_device_failed(&dev, &reply.failure, what, NULL);
    td_device_close(&dev);
    return exit;
}

/* ---- echo ---------------------------------------------------------------------------- */

static void say_echo(struct td_cli *cli, const struct td_reply *reply)
{
    if (cli->json)
        td_cli_json(cli, json_pack("{s:o}", "echo",
                                   json_stringn_nocheck(reply->of.text.at, reply->of.text.len)));
    else
        fprintf(cli->out, "%s\n", reply->of.text.at);
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
    return ask_once(cli, &request, "echo", say_echo);
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
    return ask_once(cli, &request, "asking for buffer parameters", say_params);
}

static void say_name(struct td_cli *cli, const struct td_reply *reply)
{
    if (cli->json)
        td_cli_json(cli, json_pack("{s:o}", "bootloader",
                                   json_stringn_nocheck(reply->of.text.at, reply->of.text.len)));
    else
        fprintf(cli->out, "%s\n", reply->of.text.at);
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
    return ask_once(cli, &request, "asking for the bootloader", word ? say_query : say_name);
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
      .usage =
          "usage: tandem os reset [--force] [--boot-mode N]\n\n"
          "Has the device reset.\n\n"
          "  --force        also where its application would rather not\n"
          "  --boot-mode N  0 as usual, 1 into the bootloader, where the firmware knows that\n",
      .run = os_reset },
    { .name = "params",
      .kind = TD_VERB_DEVICE,
      .summary = "how many buffers the device has, and how large",
      .usage = "usage: tandem os params [--json]\n\n"
               "How many buffers for messages the device has, and how large they are.\n",
      .run = os_params },
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
    .summary = "the device as such: echo, reset, params, bootloader",
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
    return ask_once(cli, &request, "erasing the settings", say_erased);
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
