/* tools/verb_settings.c - tandem settings: values by name, as the firmware keeps them. */
#include <string.h>

#include "base/range.h"
#include "tools/device.h"
#include "tools/whole.h"

/* ---- get ----------------------------------------------------------------------------- */

static bool is_text(const struct td_setting *s)
{
    for (unsigned i = 0; i < s->len; i++)
        if (s->value[i] < 0x20 || s->value[i] > 0x7e)
            return false;
    return s->len > 0;
}

static void say_value_json(struct td_cli *cli, const struct td_setting *s)
{
    char hex[2 * TD_VALUE_MAX + 1];

    td_hex(s->value, s->len, hex);
    td_cli_json(cli,
                json_pack("{s:s, s:o, s:I, s:b, s:o}", "value", hex, "text",
                          is_text(s) ? json_stringn((const char *)s->value, s->len) : json_null(),
                          "length", (json_int_t)s->len, "cut", s->cut, "limit",
                          s->limited ? json_integer(s->limit) : json_null()));
}

static void say_value(struct td_cli *cli, const struct td_reply *reply)
{
    const struct td_setting *s = &reply->of.setting;
    char hex[2 * TD_VALUE_MAX + 1];

    if (cli->json) {
        say_value_json(cli, s);
        return;
    }
    td_hex(s->value, s->len, hex);
    fputs(hex, cli->out);
    if (is_text(s))
        fprintf(cli->out, "  \"%.*s\"", (int)s->len, (const char *)s->value);
    fputc('\n', cli->out);
    if (s->len == 0)
        td_cli_note(cli, "The value is empty.");
    if (s->limited)
        td_cli_note(cli, "The device gives no more than %u bytes of a value.", s->limit);
    if (s->cut)
        td_cli_note(cli, "The value is longer than what is shown.");
}

static int with_name(struct td_cli *cli, int argc, char **argv, struct td_request *request)
{
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit != TD_EXIT_OK)
        return exit;
    if (!word)
        return td_cli_usage(cli, "which setting? its NAME is missing, as in app/name");
    request->text = (struct td_cbor_text){ .p = word, .len = strlen(word) };
    return TD_EXIT_OK;
}

static int settings_get(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_SETTING_GET };
    int exit = with_name(cli, argc, argv, &request);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_device_ask_once(cli, &request, "reading the setting", "SETTINGS", say_value);
}

/* ---- what is answered with "done" ---------------------------------------------------- */

static void say_done(struct td_cli *cli, const char *result, const char *sentence)
{
    if (cli->json)
        td_cli_json(cli, json_pack("{s:s}", "result", result));
    else
        fprintf(cli->out, "%s\n", sentence);
}

static void say_set(struct td_cli *cli, const struct td_reply *reply)
{
    (void)reply;
    say_done(cli, "set", "The setting is set.");
    td_cli_note(cli, "It may be gone after a reset unless it is saved: tandem settings save");
}

static void say_deleted(struct td_cli *cli, const struct td_reply *reply)
{
    (void)reply;
    say_done(cli, "deleted", "The setting is deleted.");
}

static void say_committed(struct td_cli *cli, const struct td_reply *reply)
{
    (void)reply;
    say_done(cli, "committed", "What was set takes effect.");
}

static void say_loaded(struct td_cli *cli, const struct td_reply *reply)
{
    (void)reply;
    say_done(cli, "loaded", "The settings are as flash has them.");
}

static void say_saved(struct td_cli *cli, const struct td_reply *reply)
{
    (void)reply;
    say_done(cli, "saved", "The settings are saved.");
}

/* ---- set ----------------------------------------------------------------------------- */

#define VALUE_MAX TD_LINK_MAX_PACKET

struct set {
    const char *name, *value; /* words; value NULL: not given */
    const char *text;         /* --string */
};

static int parse_set(struct td_cli *cli, int argc, char **argv, struct set *set)
{
    enum { STRING };
    static const struct td_opt opts[] = { { "string", 0, true, STRING } };
    struct td_args args;
    int got;

    td_args_begin(&args, cli, opts, TD_N_OF(opts), argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END) {
        if (got == TD_ARG_STOP)
            return args.exit == TD_EXIT_OK ? -1 : args.exit;
        if (got == STRING)
            set->text = args.value;
        else if (set->name == NULL)
            set->name = args.value;
        else if (set->value == NULL)
            set->value = args.value;
        else
            return td_cli_usagef(cli, "'%s' is one argument too many", args.value);
    }
    if (set->name == NULL)
        return td_cli_usage(cli, "which setting? its NAME is missing, as in app/name");
    if ((set->value == NULL) == (set->text == NULL))
        return td_cli_usage(cli, "a setting wants one value: HEX, @FILE or --string S");
    return TD_EXIT_OK;
}

static int send_value(struct td_cli *cli, const struct set *set, const uint8_t *bytes, size_t len)
{
    struct td_request request = {
        .kind = TD_REQ_SETTING_SET,
        .text = { .p = set->name, .len = strlen(set->name) },
        .value = { .p = bytes, .len = len },
    };

    return td_device_ask_once(cli, &request, "setting it", "SETTINGS", say_set);
}

static int send_file(struct td_cli *cli, const struct set *set)
{
    struct td_whole file;
    int exit = td_whole_read(cli, set->value + 1, &file);

    if (exit != TD_EXIT_OK)
        return exit;
    exit = send_value(cli, set, file.bytes, file.len);
    td_whole_free(&file);
    return exit;
}

static int settings_set(struct td_cli *cli, int argc, char **argv)
{
    struct set set = { .value = NULL };
    uint8_t bytes[VALUE_MAX];
    size_t len;
    int exit = parse_set(cli, argc, argv, &set);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    if (set.text != NULL)
        return send_value(cli, &set, (const uint8_t *)set.text, strlen(set.text));
    if (set.value[0] == '@')
        return send_file(cli, &set);
    if (!td_unhex(set.value, bytes, sizeof bytes, &len))
        return td_cli_usagef(cli, "'%s' is no pairs of hex digits; text stands behind --string",
                             set.value);
    return send_value(cli, &set, bytes, len);
}

/* ---- the others ---------------------------------------------------------------------- */

static int settings_delete(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_SETTING_DELETE };
    int exit = with_name(cli, argc, argv, &request);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_device_ask_once(cli, &request, "deleting the setting", "SETTINGS", say_deleted);
}

static int settings_commit(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_SETTINGS_COMMIT };
    int exit = td_args_no_word(cli, argc, argv);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_device_ask_once(cli, &request, "having the settings take effect", "SETTINGS",
                              say_committed);
}

static int settings_load(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_SETTINGS_LOAD };
    int exit = td_args_no_word(cli, argc, argv);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_device_ask_once(cli, &request, "loading the settings", "SETTINGS", say_loaded);
}

static int settings_save(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_SETTINGS_SAVE };
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    if (word)
        request.text = (struct td_cbor_text){ .p = word, .len = strlen(word) };
    return td_device_ask_once(cli, &request, "saving the settings", "SETTINGS", say_saved);
}

static const struct td_verb subs[] = {
    { .name = "get",
      .kind = TD_VERB_DEVICE,
      .summary = "the value of one",
      .usage = "usage: tandem settings get NAME [--json]\n\n"
               "The value of a setting, in hex, and as text where it is one. NAME is the whole\n"
               "name, as in app/name.\n",
      .run = settings_get },
    { .name = "set",
      .kind = TD_VERB_DEVICE,
      .summary = "give one another value",
      .usage = "usage: tandem settings set NAME HEX|@FILE [--json]\n"
               "       tandem settings set NAME --string S [--json]\n\n"
               "Gives a setting another value: bytes in hex, those of FILE, or the text S\n"
               "(without a 0 at its end). A setting has no type: what the bytes mean, and how\n"
               "many there have to be, is the firmware's affair. Most firmware keeps it in RAM\n"
               "until `tandem settings save`.\n\n"
               "  --string S         the text S\n",
      .run = settings_set },
    { .name = "delete",
      .kind = TD_VERB_DEVICE,
      .summary = "delete one",
      .usage = "usage: tandem settings delete NAME [--json]\n\n"
               "Deletes a setting.\n",
      .run = settings_delete },
    { .name = "commit",
      .kind = TD_VERB_DEVICE,
      .summary = "have what was set take effect",
      .usage = "usage: tandem settings commit [--json]\n\n"
               "Tells the parts of the firmware that their settings changed.\n",
      .run = settings_commit },
    { .name = "load",
      .kind = TD_VERB_DEVICE,
      .summary = "read all of them from flash again",
      .usage = "usage: tandem settings load [--json]\n\n"
               "Has the device read its settings from flash; what was set and not saved is lost.\n",
      .run = settings_load },
    { .name = "save",
      .kind = TD_VERB_DEVICE,
      .summary = "write what was set to flash",
      .usage = "usage: tandem settings save [NAME] [--json]\n\n"
               "Has the device write its settings to flash; with NAME those below it, where the\n"
               "firmware can.\n",
      .run = settings_save },
};

const struct td_verb td_verb_settings = {
    .name = "settings",
    .kind = TD_VERB_DEVICE,
    .summary = "values by name: get, set, delete, commit, load, save",
    .subs = subs,
    .n_subs = TD_N_OF(subs),
};
