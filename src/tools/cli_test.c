/* The command line, up to the point where a device or a file would be touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/cli.h"

struct said {
    struct td_cli cli;
    char *out, *err;
    size_t n_out, n_err;
};

static void begin(struct said *said)
{
    memset(said, 0, sizeof *said);
    said->cli.program = "tandem";
    said->cli.out = open_memstream(&said->out, &said->n_out);
    said->cli.err = open_memstream(&said->err, &said->n_err);
}

static void flush(struct said *said)
{
    fflush(said->cli.out);
    fflush(said->cli.err);
}

static void end(struct said *said)
{
    fclose(said->cli.out);
    fclose(said->cli.err);
    free(said->out);
    free(said->err);
}

static void an_error_is_what_where_and_what_to_do(void **state)
{
    struct said said;

    (void)state;
    begin(&said);
    assert_int_equal(td_cli_fail(&said.cli, TD_EXIT_FILE, "no-file", "it is gone",
                                 "a.bin, offset 3", "send another"),
                     4);
    flush(&said);
    assert_string_equal(said.err,
                        "tandem: it is gone\n  at: a.bin, offset 3\n  try: send another\n");
    assert_int_equal(said.n_out, 0);
    end(&said);

    begin(&said);
    assert_int_equal(td_cli_fail(&said.cli, TD_EXIT_REFUSED, "no", "it said no", NULL, NULL), 1);
    flush(&said);
    assert_string_equal(said.err, "tandem: it said no\n");
    end(&said);
}

static void an_error_in_json_is_one_line(void **state)
{
    struct said said;

    (void)state;
    begin(&said);
    said.cli.json = true;
    td_cli_fail(&said.cli, TD_EXIT_FILE, "no-file", "it is \"gone\"", "a.bin", "send another");
    td_cli_fail(&said.cli, TD_EXIT_FILE, "no-file", "gone", NULL, NULL);
    flush(&said);
    assert_string_equal(said.err,
                        "{\"error\":{\"code\":\"no-file\",\"text\":\"it is \\\"gone\\\": a.bin\","
                        "\"remedy\":\"send another\"}}\n"
                        "{\"error\":{\"code\":\"no-file\",\"text\":\"gone\",\"remedy\":null}}\n");
    end(&said);
}

static void colours_need_a_terminal_that_wants_them(void **state)
{
    struct said said;

    (void)state;
    begin(&said);
    assert_string_equal(td_cli_color(&said.cli, said.cli.err, "31"), "");
    said.cli.err_is_terminal = true;
    assert_string_equal(td_cli_color(&said.cli, said.cli.err, "31"), "\033[31m");
    assert_string_equal(td_cli_color(&said.cli, said.cli.out, "31"), "");
    said.cli.no_color = true;
    assert_string_equal(td_cli_color(&said.cli, said.cli.err, "31"), "");
    end(&said);
}

static void a_progress_bar_needs_a_terminal(void **state)
{
    struct td_progress bar;
    struct said said;

    (void)state;
    begin(&said);
    td_progress_begin(&bar, &said.cli, "upload");
    td_progress_at(&bar, 10, 100);
    td_progress_end(&bar);
    flush(&said);
    assert_int_equal(said.n_err, 0);
    said.cli.err_is_terminal = true;
    td_progress_at(&bar, 50, 100);
    flush(&said);
    assert_non_null(strstr(said.err, "50 %"));
    td_progress_end(&bar);
    end(&said);
}

/* ---- options ------------------------------------------------------------------------- */

enum { MODE, DRY_RUN, VERSION };

static const struct td_opt opts[] = {
    { "mode", 'm', true, MODE },
    { "dry-run", 'n', false, DRY_RUN },
    { "version", 'v', true, VERSION },
};

static const struct {
    const char *says;
    enum td_verb_kind kind;
    const char *argv[6];
    const char *want; /* what was delivered, in order; "!" and the exit code at the end */
} rows[] = {
    { "nothing", TD_VERB_DEVICE, { NULL }, "" },
    { "a word", TD_VERB_DEVICE, { "a.bin" }, "a.bin " },
    { "a value behind a blank", TD_VERB_DEVICE, { "--mode", "test" }, "mode=test " },
    { "a value behind an equals sign", TD_VERB_DEVICE, { "--mode=a=b" }, "mode=a=b " },
    { "an empty value", TD_VERB_DEVICE, { "--mode=" }, "mode= " },
    { "a letter's value", TD_VERB_DEVICE, { "-m", "x", "-my" }, "mode=x mode=y " },
    { "letters in a bunch", TD_VERB_DEVICE, { "-nnmx" }, "dry dry mode=x " },
    { "a value that looks like an option", TD_VERB_DEVICE, { "--mode", "-n" }, "mode=-n " },
    { "words behind two dashes", TD_VERB_DEVICE, { "--", "--mode", "-n" }, "--mode -n " },
    { "one dash and a negative number", TD_VERB_DEVICE, { "-", "-12" }, "- -12 " },
    { "options behind words", TD_VERB_DEVICE, { "a", "-n", "b" }, "a dry b " },
    { "a missing value", TD_VERB_DEVICE, { "--mode" }, "!2" },
    { "a missing letter's value", TD_VERB_DEVICE, { "-m" }, "!2" },
    { "a value for a flag", TD_VERB_DEVICE, { "--dry-run=yes" }, "!2" },
    { "an unknown option", TD_VERB_DEVICE, { "a", "--nope" }, "a !2" },
    { "an unknown letter", TD_VERB_DEVICE, { "-nZ" }, "dry !2" },
    { "help", TD_VERB_DEVICE, { "a", "--help", "b" }, "a !0" },
    { "globals of a device verb", TD_VERB_DEVICE, { "-dudp:h", "--json", "a" }, "a " },
    { "a device verb's own -v wins", TD_VERB_DEVICE, { "-v", "1.0" }, "version=1.0 " },
    { "a file verb has no device", TD_VERB_FILE, { "-d", "udp:h" }, "!2" },
    { "a file verb's --version is its own", TD_VERB_FILE, { "--version", "1.0" }, "version=1.0 " },
    { "quiet is everywhere", TD_VERB_FILE, { "--quiet", "--no-color", "a" }, "a " },
};

static void options_are_read_as_people_write_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct td_verb verb = { .name = "try", .kind = rows[i].kind, .usage = "usage\n" };
        char *argv[6];
        char got[200] = "";
        struct td_args args;
        struct said said;
        int argc = 0, id;

        for (; argc < 6 && rows[i].argv[argc]; argc++)
            argv[argc] = strdup(rows[i].argv[argc]);
        begin(&said);
        said.cli.verb = &verb;
        said.cli.verb_path = "try";
        td_args_begin(&args, &said.cli, opts, 3, argc, argv);
        while ((id = td_args_next(&args)) != TD_ARG_END) {
            size_t n = strlen(got);

            switch (id) {
            case MODE: snprintf(got + n, sizeof got - n, "mode=%s ", args.value); break;
            case DRY_RUN: snprintf(got + n, sizeof got - n, "dry "); break;
            case VERSION: snprintf(got + n, sizeof got - n, "version=%s ", args.value); break;
            case TD_ARG_WORD: snprintf(got + n, sizeof got - n, "%s ", args.value); break;
            default: snprintf(got + n, sizeof got - n, "!%d", args.exit); break;
            }
            if (id == TD_ARG_STOP)
                break;
        }
        flush(&said);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: \"%s\" instead of \"%s\" (%s)", rows[i].says, got, rows[i].want,
                     said.err);
        end(&said);
        for (int n = 0; n < argc; n++)
            free(argv[n]);
    }
}

static void global_options_reach_the_cli(void **state)
{
    char *argv[] = { (char[]){ "--json" }, (char[]){ "-vv" },       (char[]){ "--timeout=1.25" },
                     (char[]){ "-d" },     (char[]){ "udp:h" },     (char[]){ "--quiet" },
                     (char[]){ "-v" },     (char[]){ "--no-color" } };
    struct td_args args;
    struct said said;

    (void)state;
    begin(&said);
    td_args_begin(&args, &said.cli, NULL, 0, 8, argv);
    assert_int_equal(td_args_next(&args), TD_ARG_END);
    assert_true(said.cli.json && said.cli.quiet && said.cli.no_color);
    assert_int_equal(said.cli.verbose, 3);
    assert_int_equal(said.cli.timeout_ms, 1250);
    assert_string_equal(said.cli.device, "udp:h");
    end(&said);
}

/* ---- words and numbers --------------------------------------------------------------- */

static void numbers_are_whole_or_refused(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint32_t want;
    } numbers[] = {
        { "0", true, 0 },           { "255", true, 255 }, { "0xff", true, 255 },
        { "0XFF", true, 255 },      { "256", false, 0 },  { "", false, 0 },
        { "0x", false, 0 },         { "-1", false, 0 },   { "1 ", false, 0 },
        { "1k", false, 0 },         { "ff", false, 0 },   { "99999999999999999999", false, 0 },
        { "4294967297", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint32_t got = 0;

        assert_int_equal(td_parse_u32(numbers[i].text, 0, 255, &got), numbers[i].ok);
        assert_int_equal(got, numbers[i].want);
    }
}

static void seconds_are_decimal(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint32_t want;
    } times[] = {
        { "1", true, 1000 },    { "2.5", true, 2500 },  { "0.001", true, 1 },
        { "60s", true, 60000 }, { ".5", true, 500 },    { "1.2345", true, 1234 },
        { "0", false, 0 },      { "0.0001", false, 0 }, { "", false, 0 },
        { ".", false, 0 },      { "1.", false, 0 },     { "1,5", false, 0 },
        { "-1", false, 0 },     { "1e3", false, 0 },    { "86401", false, 0 },
        { "soon", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        uint32_t got = 0;

        if (td_parse_seconds(times[i].text, &got) != times[i].ok || got != times[i].want)
            fail_msg("'%s' gives %u", times[i].text, got);
    }
}

static void a_typo_finds_its_word_and_a_strange_word_none(void **state)
{
    static const char *const verbs[] = { "update", "image", "os", "why", "sign" };
    static const struct {
        const char *word, *want;
    } typos[] = {
        { "updat", "update" }, { "uptade", "update" }, { "imag", "image" },
        { "so", NULL },        { "wyh", NULL },        { "wh", "why" },
        { "sing", "sign" },    { "frobnicate", NULL }, { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof typos / sizeof typos[0]; i++) {
        const char *got = td_nearest(typos[i].word, verbs, 5);

        if (!typos[i].want)
            assert_null(got);
        else
            assert_string_equal(got ? got : "", typos[i].want);
    }
}

static void hex_goes_both_ways(void **state)
{
    uint8_t bytes[4];
    char text[9];
    size_t len;

    (void)state;
    assert_true(td_unhex("00ffA5", bytes, sizeof bytes, &len));
    assert_int_equal(len, 3);
    td_hex(bytes, len, text);
    assert_string_equal(text, "00ffa5");
    assert_false(td_unhex("0", bytes, sizeof bytes, &len));
    assert_false(td_unhex("0g", bytes, sizeof bytes, &len));
    assert_false(td_unhex("0011223344", bytes, sizeof bytes, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_what_where_and_what_to_do),
        cmocka_unit_test(an_error_in_json_is_one_line),
        cmocka_unit_test(colours_need_a_terminal_that_wants_them),
        cmocka_unit_test(a_progress_bar_needs_a_terminal),
        cmocka_unit_test(options_are_read_as_people_write_them),
        cmocka_unit_test(global_options_reach_the_cli),
        cmocka_unit_test(numbers_are_whole_or_refused),
        cmocka_unit_test(seconds_are_decimal),
        cmocka_unit_test(a_typo_finds_its_word_and_a_strange_word_none),
        cmocka_unit_test(hex_goes_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
