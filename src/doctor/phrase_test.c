/* Phrases found in lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "doctor/phrase.h"

static const struct td_phrase book[] = {
    { "Not enough free space", "no-room", "device" },
    { "required {required:n} bytes but only {available:n} are", "sizes", "device" },
    { "version {version}", "version", "" },
    { "{n:n} bytes were written", "written", "" },
    { "{who} has failed: {why:*}", "failed", "" },
    { "from {a:*} to {b}", "move", "" },
    { "Swap type: {type}", "swap-type", "device" },
    { "swap type: test", "swap-test", "" },
    { "I wonder why", "wonder", "prose" },
    { "NOT_SUPPORTED ({rc:n})", "not-supported", "client" },
    { "hers and his", "hers", "" },
    { "she and hers and hiss", "she", "" },
};

static const struct td_knowledge knowledge = { .phrases = book, .n_phrases = TD_N_OF(book) };

static void note(void *user, const struct td_phrase_hit *hit)
{
    char *out = user;
    size_t len = strlen(out);

    assert_true(hit->begin < hit->end && hit->end <= strlen(hit->line));
    len += (size_t)snprintf(out + len, 400 - len, "%s%s", len > 0 ? " | " : "", hit->phrase->fact);
    for (size_t i = 0; i < hit->n_captures; i++)
        len += (size_t)snprintf(out + len, 400 - len, " %s=[%s]", hit->captures[i].name,
                                hit->captures[i].value);
}

static void what_a_sentence_quotes_is_spoken_of(void **state)
{
    static const struct {
        const char *line;
        const char *place;
        bool mentioned;
    } rows[] = {
        { "E: no room to swap", "no room", false },
        { "\"E: no room to swap\"", "no room", false },
        { "`E: no room to swap`", "no room", false },
        { "The loader prints \"no room to swap\" then.", "no room", true },
        { "The loader prints `no room to swap` then.", "no room", true },
        { "The loader prints ``no room to swap`` then.", "no room", true },
        { "The loader prints \xe2\x80\x9cno room\xe2\x80\x9d then.", "no room", true },
        { "All I get is \"no room to swap\" now.", "no room", false },
        { "Nothing but \"no room\" comes from my board.", "no room", false },
        { "LOG_WARNING(\"no room to swap\");", "no room", true },
        { "LOG_WARNING(\"no room to swap %u\"", "no room", true },
        { "LOG_WARNING(\"no room to swap by \\", "no room", true },
        { "{ \"no room to swap\", \"room\" },", "no room", true },
        { "    \"no room to swap\",", "no room", true },
        { "say \"this\" and no room to swap", "no room", false },
        { "The loader prints \"no room to", "no room", true },
        { "an inch is 1\" and there is no room", "no room", false },
    };
    (void)state;

    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const char *found = strstr(rows[i].line, rows[i].place);

        assert_non_null(found);
        if (td_phrase_mentioned(rows[i].line, (size_t)(found - rows[i].line)) != rows[i].mentioned)
            fail_msg("%s", rows[i].line);
    }
}

static void who_tells_of_himself_reports(void **state)
{
    static const struct {
        const char *line;
        bool reports;
    } rows[] = {
        { "We are using it on twenty lamps.", true },
        { "> After that we lost the device.", true },
        { "Then I sent the file.", true },
        { "It happens on my board only.", true },
        { "We will see more of it in the next chapter.", false },
        { "First we build the lamp.", false },
        { "- we tried the lamp", false },
        { "/* we tried the lamp */", false },
        { "    int I = 4;", false },
        { "    I: Starting bootloader", false },
        { "Let my", false },
        { "we", false },
        { "", false },
    };
    (void)state;

    for (size_t i = 0; i < TD_N_OF(rows); i++)
        if (td_phrase_reports(rows[i].line) != rows[i].reports)
            fail_msg("%s", rows[i].line);
}

static void lines_say_what_they_say(void **state)
{
    static const struct {
        const char *line;
        enum td_dialect dialect;
        const char *found;
    } rows[] = {
        { "nothing of note", TD_DIALECT_PLAIN, "" },
        { "W: NOT ENOUGH free   space to run", TD_DIALECT_ZEPHYR, "no-room" },
        { "not enough\t free space", TD_DIALECT_PLAIN, "no-room" },
        { "not enough free space", TD_DIALECT_SMPMGR, "" },
        { "not enough freespace", TD_DIALECT_PLAIN, "" },
        { "required 0x10 bytes but only 8 are available", TD_DIALECT_CONSOLE,
          "sizes required=[16] available=[8]" },
        { "required x bytes but only 8 are available", TD_DIALECT_CONSOLE, "" },
        { "version 1.2.3+4, of today", TD_DIALECT_PLAIN, "version version=[1.2.3+4]" },
        { "It is version 1.2.3.", TD_DIALECT_PLAIN, "version version=[1.2.3]" },
        { "version ", TD_DIALECT_PLAIN, "" },
        { "So size=4096 bytes were written", TD_DIALECT_PLAIN, "written n=[4096]" },
        { "some bytes were written", TD_DIALECT_PLAIN, "" },
        { "Krepet has failed: no power, no light", TD_DIALECT_PLAIN,
          "failed who=[Krepet] why=[no power, no light]" },
        { "from here on to there, slowly", TD_DIALECT_PLAIN, "move a=[here on] b=[there]" },
        { "from here", TD_DIALECT_PLAIN, "" },
        { "Swap type: test", TD_DIALECT_ZEPHYR, "swap-type type=[test] | swap-test" },
        { "I wonder why", TD_DIALECT_PLAIN, "wonder" },
        { "I wonder why", TD_DIALECT_MCUMGR, "" },
        { "Error: NOT_SUPPORTED (8)", TD_DIALECT_NORDIC_ANDROID, "not-supported rc=[8]" },
        { "Error: NOT_SUPPORTED (8)", TD_DIALECT_CONSOLE, "" },
        { "she and hers and hiss", TD_DIALECT_PLAIN, "hers | she" },
        { "she and hers and his", TD_DIALECT_PLAIN, "hers" },
        { "version version 2", TD_DIALECT_PLAIN, "version version=[version]" },
        { "0x 0xg 00012 bytes were written", TD_DIALECT_PLAIN, "written n=[12]" },
    };
    struct td_phrases *phrases = td_phrases_new(&knowledge);

    (void)state;
    assert_non_null(phrases);
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        char found[400] = "";

        td_phrases_find(phrases, rows[i].line, strlen(rows[i].line), rows[i].dialect, note, found);
        if (strcmp(found, rows[i].found) != 0)
            fail_msg("'%s': found '%s', wanted '%s'", rows[i].line, found, rows[i].found);
    }
    td_phrases_free(phrases);
}

static void a_line_without_end_costs_no_more_than_its_length(void **state)
{
    static char line[65536];
    struct td_phrases *phrases = td_phrases_new(&knowledge);
    char found[400] = "";

    (void)state;
    for (size_t i = 0; i + 6 < sizeof line; i += 6)
        memcpy(line + i, "from a", 7);
    for (int i = 0; i < 100; i++)
        td_phrases_find(phrases, line, strlen(line), TD_DIALECT_PLAIN, note, found);
    assert_string_equal(found, "");
    td_phrases_free(phrases);
}

static void remember_place(void *user, const struct td_phrase_hit *hit)
{
    char *out = user;

    snprintf(out, 100, "%.*s", (int)(hit->end - hit->begin), hit->line + hit->begin);
}

static void a_hit_tells_where_it_stands(void **state)
{
    static const struct {
        const char *line, *place;
    } rows[] = {
        { "so  not  enough free space, sadly", "not enough free space" },
        { "(4096 bytes were written)", "4096 bytes were written" },
        { "is version  7 now", "version 7" },
    };
    struct td_phrases *phrases = td_phrases_new(&knowledge);

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        char place[100] = "";

        td_phrases_find(phrases, rows[i].line, strlen(rows[i].line), TD_DIALECT_PLAIN,
                        remember_place, place);
        assert_string_equal(place, rows[i].place);
    }
    td_phrases_free(phrases);
}

static void no_phrases_find_nothing(void **state)
{
    static const struct td_knowledge empty;
    struct td_phrases *phrases = td_phrases_new(&empty);

    (void)state;
    assert_non_null(phrases);
    td_phrases_find(phrases, "a  line", 7, TD_DIALECT_PLAIN, note, NULL);
    td_phrases_free(phrases);
}

static void what_cannot_be_looked_for_is_said(void **state)
{
    static const char *const rows[] = {
        "abc",       "{a}",        "abcd {",         "abcd {a}{b}",
        "{a:*}abcd", "abcd {a:q}", "ab {a} c {b} e", "{a}a{b}b{c}c{d}d{e}e{f}f{g} long",
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (td_phrase_fault(rows[i]) == NULL)
            fail_msg("'%s' passes", rows[i]);
    }
    for (size_t i = 0; i < TD_N_OF(book); i++)
        assert_null(td_phrase_fault(book[i].text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_say_what_they_say),
        cmocka_unit_test(what_a_sentence_quotes_is_spoken_of),
        cmocka_unit_test(who_tells_of_himself_reports),
        cmocka_unit_test(a_line_without_end_costs_no_more_than_its_length),
        cmocka_unit_test(a_hit_tells_where_it_stands),
        cmocka_unit_test(no_phrases_find_nothing),
        cmocka_unit_test(what_cannot_be_looked_for_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
