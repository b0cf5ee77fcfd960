/*
 * tools/verb_shell.c - tandem shell exec: a line for the device's shell.
 *
 * What the command printed goes to stdout as it is, what became of it is the exit code.
 */
#include <string.h>

#include "base/range.h"
#include "tools/device.h"

#define WORDS_MAX 64

static void say_output(struct td_cli *cli, const struct td_shell_output *o)
{
    if (cli->json) {
        td_cli_json(cli, json_pack("{s:i, s:o, s:b}", "ret", (int)o->ret, "output",
                                   td_text_json(o->text, o->len), "cut", o->cut));
        return;
    }
    td_cli_text(cli, o->text, o->len);
    if (cli->out_is_terminal && o->len > 0 && o->text[o->len - 1] != '\n')
        fputc('\n', cli->out);
}

/* Zephyr's shell answers with errno's numbers. */
static const char *remedy_of(int32_t ret)
{
    switch (ret) {
    case -8: return "see which commands the firmware has: tandem shell exec help";
    case -22: return "the command wants other arguments: tandem shell exec COMMAND --help";
    default: return NULL;
    }
}

static int say_answer(struct td_cli *cli, const struct td_shell_output *o, const char *first)
{
    char text[80];

    say_output(cli, o);
    if (o->cut)
        td_cli_note(cli, "The output is longer than what is shown.");
    if (o->ret == 0)
        return TD_EXIT_OK;
    snprintf(text, sizeof text, "the command failed on the device: it returned %d", (int)o->ret);
    return td_cli_fail(cli, TD_EXIT_REFUSED, "command-failed", text, first, remedy_of(o->ret));
}

static int run_line(struct td_cli *cli, const struct td_request *request, const char *first)
{
    struct td_device dev;
    struct td_reply reply;
    int exit = td_device_open(&dev, cli);

    if (exit != TD_EXIT_OK)
        return exit;
    if (td_device_ask(&dev, request, &reply))
        exit = say_answer(cli, &reply.of.shell, first);
    else if (td_failure_silent(&reply.failure))
        exit = td_device_failed(&dev, &reply.failure, "running the command",
                                "it may have run all the same, and was not sent twice; a command "
                                "that takes long wants --timeout");
    else
        exit = td_device_refused(&dev, &reply.failure, "running the command", "SHELL");
    td_device_close(&dev);
    return exit;
}

static int shell_exec(struct td_cli *cli, int argc, char **argv)
{
    struct td_cbor_text words[WORDS_MAX];
    struct td_request request = { .kind = TD_REQ_SHELL, .argv = words };
    struct td_args args;
    int got;

    td_args_begin(&args, cli, NULL, 0, argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END) {
        if (got == TD_ARG_STOP)
            return args.exit;
        if (request.n_argv == WORDS_MAX)
            return td_cli_usagef(cli, "a line has at most %d words", WORDS_MAX);
        // From the command on everything is the device's, also what looks like an option.
        args.only_words = true;
        words[request.n_argv++] =
            (struct td_cbor_text){ .p = args.value, .len = strlen(args.value) };
    }
    if (request.n_argv == 0)
        return td_cli_usage(cli, "which command is the device to run?");
    return run_line(cli, &request, words[0].p);
}

static const struct td_verb subs[] = {
    { .name = "exec",
      .kind = TD_VERB_DEVICE,
      .summary = "have a line run, and print what it prints",
      .usage = "usage: tandem shell exec [--json] LINE...\n\n"
               "Has the device's shell run a line and prints its output. Options stand before\n"
               "the line: from its first word on everything goes to the device. A line is sent\n"
               "once and never repeated. Exit 1 when the command itself failed, whatever it\n"
               "printed.\n\n"
               "  tandem shell exec kernel threads\n",
      .run = shell_exec },
};

const struct td_verb td_verb_shell = {
    .name = "shell",
    .kind = TD_VERB_DEVICE,
    .summary = "run a command in the device's shell",
    .subs = subs,
    .n_subs = TD_N_OF(subs),
};
