/* tools/verb_stat.c - tandem stat: the device's counters. */
#include <string.h>

#include "base/range.h"
#include "tools/watch.h"

static void say_names(struct td_cli *cli, const struct td_reply *reply)
{
    const struct td_stat_names *names = &reply->of.stat_names;
    json_t *list = json_array();

    for (unsigned i = 0; i < names->n; i++) {
        if (cli->json)
            json_array_append_new(list, json_string(names->at[i]));
        else
            fprintf(cli->out, "%s\n", names->at[i]);
    }
    td_cli_list(cli, "groups", list, names->n_total, names->n);
}

static int stat_list(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_STAT_LIST };
    int exit = td_args_no_word(cli, argc, argv);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_device_ask_once(cli, &request, "asking for its statistics", "STAT", say_names);
}

/* What is beyond JSON's whole numbers is near enough as a real one. */
static json_t *counter_json(uint64_t value)
{
    return value <= INT64_MAX ? json_integer((json_int_t)value) : json_real((double)value);
}

static void say_values_json(struct td_cli *cli, const struct td_stat *stat)
{
    json_t *values = json_object();
    json_t *object = json_pack("{s:s, s:o}", "group", stat->name, "values", values);

    for (unsigned i = 0; i < stat->n; i++)
        json_object_set_new(values, stat->at[i].name, counter_json(stat->at[i].value));
    td_cli_not_shown(cli, object, stat->n_total, stat->n);
    td_cli_json(cli, object);
}

static void say_values(struct td_cli *cli, const struct td_reply *reply)
{
    const struct td_stat *stat = &reply->of.stat;

    if (cli->json) {
        say_values_json(cli, stat);
        return;
    }
    fprintf(cli->out, "%s%-31s %20s%s\n", td_cli_color(cli, cli->out, "1"), stat->name, "value",
            td_cli_color(cli, cli->out, "0"));
    for (unsigned i = 0; i < stat->n; i++)
        fprintf(cli->out, "%-31s %20llu\n", stat->at[i].name,
                (unsigned long long)stat->at[i].value);
    td_cli_not_shown(cli, NULL, stat->n_total, stat->n);
}

static int stat_show(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_STAT };
    struct td_watch watch;
    const char *word;
    int exit = td_watch_args(cli, argc, argv, &watch, &word);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    if (!word)
        return td_cli_usage(cli, "which statistics? tandem stat list shows their names");
    request.text = (struct td_cbor_text){ .p = word, .len = strlen(word) };
    return td_watch_ask(cli, &watch, &request, "asking for these statistics", "STAT", say_values);
}

static const struct td_verb subs[] = {
    { .name = "list",
      .kind = TD_VERB_DEVICE,
      .summary = "which groups of counters there are",
      .usage = "usage: tandem stat list [--json]\n\n"
               "The names of the device's groups of counters.\n",
      .run = stat_list },
    { .name = "show",
      .kind = TD_VERB_DEVICE,
      .summary = "the counters of one group",
      .usage = "usage: tandem stat show NAME [--watch [SECONDS]] [--json]\n\n"
               "The counters of the group NAME. A firmware built without their names calls them\n"
               "s0, s1 and so on.\n\n" TD_WATCH_USAGE,
      .run = stat_show },
};

const struct td_verb td_verb_stat = {
    .name = "stat",
    .kind = TD_VERB_DEVICE,
    .summary = "the device's counters",
    .subs = subs,
    .n_subs = TD_N_OF(subs),
};
