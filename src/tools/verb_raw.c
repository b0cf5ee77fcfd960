/* tools/verb_raw.c - tandem raw, groups and scan: what a device offers beyond the verbs. */
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "doctor/body.h"
#include "tools/device.h"

/* ---- raw ----------------------------------------------------------------------------- */

#define BODY_MAX TD_LINK_MAX_PACKET

static int take_json(struct td_cli *cli, const char *text, uint8_t *body, size_t *len)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    enum td_err err;

    if (!json)
        return td_cli_usagef(cli, "the body is no JSON at character %d: %s", error.position,
                             error.text);
    err = json_is_object(json) ? td_body_write(json, body, BODY_MAX, len) : TD_EFORMAT;
    json_decref(json);
    switch (err) {
    case TD_OK: return TD_EXIT_OK;
    case TD_EFORMAT: return td_cli_usage(cli, "a body is one JSON object, as in {\"d\":\"hi\"}");
    case TD_EUNSUPPORTED:
        return td_cli_usage(cli, "a body holds whole numbers of 32 bits, texts, true and false; "
                                 "write the rest as hex:CBOR");
    case TD_ESPACE: return td_cli_usage(cli, "the body is longer than a packet may be");
    default: return td_cli_usage(cli, "the body is nested too deeply");
    }
}

static int take_body(struct td_cli *cli, const char *text, uint8_t *body, size_t *len)
{
    if (strncmp(text, "hex:", 4) != 0)
        return take_json(cli, text, body, len);
    if (!td_unhex(text + 4, body, BODY_MAX, len))
        return td_cli_usage(cli, "behind hex: stand pairs of hex digits");
    return TD_EXIT_OK;
}

static void say_body(struct td_cli *cli, const struct td_reply *reply)
{
    json_t *json = td_body_read(reply->of.raw.body, reply->of.raw.len);

    // What was answered was found well-formed before; only what nests too deeply is left.
    td_cli_json(cli, json ? json : json_null());
}

static int raw(struct td_cli *cli, int argc, char **argv)
{
    static const uint8_t empty[] = { 0xa0 };
    struct td_request request = { .kind = TD_REQ_RAW };
    const char *words[4] = { NULL };
    struct td_args args;
    uint32_t group, id;
    uint8_t *body;
    int got, n = 0, exit = TD_EXIT_OK;

    td_args_begin(&args, cli, NULL, 0, argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END) {
        if (got == TD_ARG_STOP)
            return args.exit;
        if (n == 4)
            return td_cli_usagef(cli, "'%s' is one argument too many", args.value);
        words[n++] = args.value;
    }
    if (n < 3)
        return td_cli_usage(cli, "raw wants GROUP ID read|write");
    if (!td_parse_u32(words[0], 0, 65535, &group))
        return td_cli_usagef(cli, "GROUP is 0 to 65535, not '%s'", words[0]);
    if (!td_parse_u32(words[1], 0, 255, &id))
        return td_cli_usagef(cli, "ID is 0 to 255, not '%s'", words[1]);
    if (strcmp(words[2], "read") != 0 && strcmp(words[2], "write") != 0)
        return td_cli_usagef(cli, "it is read or write, not '%s'", words[2]);
    request.raw.op = strcmp(words[2], "write") == 0 ? TD_SMP_WRITE : TD_SMP_READ;
    request.raw.group = (uint16_t)group;
    request.raw.id = (uint8_t)id;
    // Nobody knows what doing it twice would do.
    request.raw.once = request.raw.op == TD_SMP_WRITE;
    request.raw.body = empty;
    request.raw.len = sizeof empty;
    body = malloc(BODY_MAX);
    if (!body)
        return td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory left", NULL, NULL);
    if (words[3]) {
        exit = take_body(cli, words[3], body, &request.raw.len);
        request.raw.body = body;
    }
    if (exit == TD_EXIT_OK)
        exit = td_device_ask_once(cli, &request, "the raw request", NULL, say_body);
    free(body);
    return exit;
}

const struct td_verb td_verb_raw = {
    .name = "raw",
    .kind = TD_VERB_DEVICE,
    .summary = "one request of any group, its answer as JSON",
    .usage = "usage: tandem raw GROUP ID read|write [JSON|hex:CBOR]\n\n"
             "Sends one request and prints the answer's body as JSON. Byte strings are written\n"
             "\"hex:0a0b\" in both directions. A write is sent once and never repeated.\n\n"
             "  tandem raw 0 0 write '{\"d\":\"hi\"}'\n",
    .run = raw,
};

/* ---- groups -------------------------------------------------------------------------- */

static void say_groups(struct td_cli *cli, const struct td_groups *groups)
{
    json_t *list = json_array();

    if (!cli->json)
        fprintf(cli->out, "%sgroup  commands  name%s\n", td_cli_color(cli, cli->out, "1"),
                td_cli_color(cli, cli->out, "0"));
    for (unsigned i = 0; i < groups->n; i++) {
        const struct td_group *g = &groups->at[i];
        char handlers[12] = "-";

        if (g->has_handlers)
            snprintf(handlers, sizeof handlers, "%u", g->handlers);
        if (!cli->json)
            fprintf(cli->out, "%5u  %8s  %s\n", g->group, handlers, g->name[0] ? g->name : "-");
        json_array_append_new(list,
                              json_pack("{s:I, s:s?, s:o}", "group", (json_int_t)g->group, "name",
                                        g->name[0] ? g->name : NULL, "handlers",
                                        g->has_handlers ? json_integer(g->handlers) : json_null()));
    }
    td_cli_list(cli, "groups", list, groups->n_total, groups->n);
}

static int groups(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_GROUPS };
    struct td_device dev;
    struct td_reply reply;
    int exit = td_args_no_word(cli, argc, argv);
    bool told;

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    exit = td_device_open(&dev, cli);
    if (exit != TD_EXIT_OK)
        return exit;
    told = td_device_ask(&dev, &request, &reply);
    if (!told && td_failure_unsupported(&reply.failure)) {
        request.kind = TD_REQ_GROUP_NUMBERS;
        told = td_device_ask(&dev, &request, &reply);
    }
    if (told)
        say_groups(cli, &reply.of.groups);
    else
        exit = td_device_failed(
            &dev, &reply.failure, "asking for its groups",
            td_failure_unsupported(&reply.failure)
                ? "build the firmware with it (Zephyr 3.6 or newer: CONFIG_MCUMGR_GRP_ENUM=y)"
                : NULL);
    td_device_close(&dev);
    return exit;
}

const struct td_verb td_verb_groups = {
    .name = "groups",
    .kind = TD_VERB_DEVICE,
    .summary = "which groups of commands the firmware has",
    .usage = "usage: tandem groups [--json]\n\n"
             "Which groups of commands the firmware has. Not every firmware tells.\n",
    .run = groups,
};

/* ---- scan ---------------------------------------------------------------------------- */

static int scan(struct td_cli *cli, int argc, char **argv)
{
    int exit = td_args_no_word(cli, argc, argv);

    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    return td_cli_fail(cli, TD_EXIT_UNREACHABLE, "no-bluetooth",
                       "there is no Bluetooth to scan with",
                       "this version of tandem has no Bluetooth host",
                       "name the device: -d serial:PATH, -d udp:HOST or -d tcp:HOST:PORT");
}

const struct td_verb td_verb_scan = {
    .name = "scan",
    .kind = TD_VERB_DEVICE,
    .summary = "look for devices by Bluetooth (not in this version)",
    .usage = "usage: tandem scan\n\n"
             "Looks for devices that offer SMP by Bluetooth. This version has no Bluetooth,\n"
             "says so and ends with 3.\n",
    .run = scan,
};
