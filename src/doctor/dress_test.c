/*
 * Consoles reach a post in many dresses: with the log's own prefix or without, with a
 * terminal's time stamps, through RTT in colours, quoted, with the ends of lines of another
 * system. What a rule finds in its case it finds in each of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "doctor/doctor.h"

#define LINE 512

static struct td_knowledge *knowledge;

/* "E: text" in parts; level 0 when the line has no such prefix. */
static const char *bare(const char *line, char *level)
{
    *level = 0;
    if (line[0] == '\0' || strchr("EWID", line[0]) == NULL || strncmp(line + 1, ": ", 2) != 0)
        return line;
    *level = line[0];
    return line + 3;
}

static void without_prefix(const char *line, unsigned n, char out[LINE])
{
    char level;

    (void)n;
    snprintf(out, LINE, "%s\n", bare(line, &level));
}

static void deferred(const char *line, unsigned n, char out[LINE])
{
    static const char *const names[] = {
        ['E'] = "err", ['W'] = "wrn", ['I'] = "inf", ['D'] = "dbg"
    };
    char level;
    const char *text = bare(line, &level);

    if (level == 0)
        snprintf(out, LINE, "%s\n", line);
    else
        snprintf(out, LINE, "[00:00:00.%03u,152] <%s> mcuboot: %s\n", n, names[(int)level], text);
}

static void coloured_rtt(const char *line, unsigned n, char out[LINE])
{
    snprintf(out, LINE, "09:41:07.%03u 00> \x1b[1;31m%s\x1b[0m\n", n, line);
}

static void terminal(const char *line, unsigned n, char out[LINE])
{
    snprintf(out, LINE, "[2026-03-04 09:41:07.%03u] %s\r\n", n, line);
}

static void quoted(const char *line, unsigned n, char out[LINE])
{
    (void)n;
    snprintf(out, LINE, "> %s\n", line);
}

static const struct {
    const char *name;
    void (*dress)(const char *line, unsigned n, char out[LINE]);
} dresses[] = {
    { "without a prefix", without_prefix },
    { "a deferred log", deferred },
    { "RTT in colours", coloured_rtt },
    { "a terminal's stamps", terminal },
    { "quoted", quoted },
};

static struct td_doctor *doctor_of(const char *text, size_t dress)
{
    struct td_doctor *doctor = td_doctor_new(knowledge);
    unsigned n = 0;

    assert_non_null(doctor);
    assert_true(td_doctor_file(doctor, "console.txt"));
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        char line[LINE], out[LINE];

        snprintf(line, sizeof line, "%.*s", (int)len, text);
        dresses[dress].dress(line, n++, out);
        td_doctor_feed(doctor, out, strlen(out));
        text += len + (text[len] == '\n');
    }
    td_doctor_file_end(doctor);
    td_doctor_end(doctor);
    assert_true(td_doctor_judge(doctor));
    return doctor;
}

static bool finds(const struct td_doctor *doctor, const struct td_rule *rule)
{
    for (size_t i = 0; i < td_doctor_count(doctor); i++) {
        if (td_doctor_at(doctor, i)->rule == rule)
            return true;
    }
    return false;
}

static bool is_console(const struct td_case *c)
{
    return c->fires && c->files != NULL && strcmp(c->files[0], "console.txt") == 0 &&
           c->files[2] == NULL;
}

static void what_a_console_shows_it_shows_in_every_dress(void **state)
{
    size_t cases = 0, faults = 0;

    (void)state;
    for (size_t i = 0; i < knowledge->n_rules; i++) {
        const struct td_rule *rule = &knowledge->rules[i];

        for (size_t k = 0; k < rule->n_cases; k++) {
            if (!is_console(&rule->cases[k]))
                continue;
            cases++;
            for (size_t d = 0; d < TD_N_OF(dresses); d++) {
                struct td_doctor *doctor = doctor_of(rule->cases[k].files[1], d);

                if (!finds(doctor, rule)) {
                    printf("%s.yml: %s, case %zu, is not found as %s\n", rule->topic, rule->id,
                           k + 1, dresses[d].name);
                    faults++;
                }
                td_doctor_free(doctor);
            }
        }
    }
    assert_true(cases > 80);
    assert_int_equal(faults, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_console_shows_it_shows_in_every_dress),
    };
    struct td_knowledge_fault fault;
    int failed;

    knowledge = td_knowledge_read(td_books, &fault);
    if (knowledge == NULL) {
        fprintf(stderr, "%s: %s\n", fault.where, fault.what);
        return 1;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    td_knowledge_free(knowledge);
    return failed;
}
