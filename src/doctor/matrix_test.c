/*
 * Every rule against every case: a case that fires names all rules that fire on it, a silent
 * one keeps its rule silent, and what is healthy gives no finding above harmless.
 *
 *   doctor-matrix_test [ID...]   only the cases of these rules, or healthy files of these names
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "doctor/doctor.h"
#include "tools/cli.h"
#include "tools/evidence.h"

#define HEALTHY TD_ROOT "/tests/doctor/healthy"

static struct td_knowledge *knowledge;
static struct td_doctor *doctor; /* one for all cases */
static char **chosen;            /* ended by NULL; empty: all */
static unsigned faults;

static bool is_chosen(const char *name)
{
    if (*chosen == NULL)
        return true;
    for (char **word = chosen; *word != NULL; word++) {
        if (strcmp(*word, name) == 0)
            return true;
    }
    return false;
}

/* The bytes of "hex: 0011 ff*4096 ...": hex digits, and one byte many times over. */
static uint8_t *bytes_of(const char *text, size_t *len)
{
    size_t cap = 1 << 20;
    uint8_t *bytes = malloc(cap);

    assert_non_null(bytes);
    *len = 0;
    for (const char *at = text; *at != '\0';) {
        unsigned long n = 1;
        char *end;

        if (*at == ' ' || *at == '\n') {
            at++;
            continue;
        }
        assert_true(td_hex_digit(at[0]) >= 0 && td_hex_digit(at[1]) >= 0);
        if (at[2] == '*')
            n = strtoul(at + 3, &end, 10);
        else
            end = (char *)(uintptr_t)at + 2;
        assert_true(*len + n <= cap);
        memset(bytes + *len, td_hex_digit(at[0]) << 4 | td_hex_digit(at[1]), n);
        *len += n;
        at = end;
    }
    return bytes;
}

/* What binary files show, in words: a line is the name of a fact and its attributes. */
static void add_facts(const char *text)
{
    char *lines = strdup(text), *save = NULL;

    assert_non_null(lines);
    for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct td_place at = { .line = 0 };
        char *attrs = line + strcspn(line, " ");

        if (*attrs != '\0')
            *attrs++ = '\0';
        assert_non_null(
            td_fact_add(td_doctor_facts(doctor), line, &at, TD_NO_TIME, line, "%s", attrs));
    }
    free(lines);
}

static void give(struct td_evidence *evidence, uint16_t n, const char *name, const char *text)
{
    assert_true(td_doctor_file(doctor, name));
    if (strncmp(text, "hex:", 4) == 0) {
        size_t len;
        uint8_t *bytes = bytes_of(text + 4, &len);

        td_evidence_file(evidence, n, name, bytes, len);
        free(bytes);
    } else if (text[0] == ':') {
        td_evidence_file(evidence, n, name, (const uint8_t *)text, strlen(text));
    } else {
        td_doctor_feed(doctor, text, strlen(text));
    }
    td_doctor_file_end(doctor);
}

static void see(const char *const *files)
{
    const struct td_layout *layouts[TD_LAYOUTS_MAX];
    struct td_evidence *evidence;
    uint16_t n = 0;

    assert_true(td_doctor_forget(doctor));
    evidence = td_evidence_new(td_doctor_facts(doctor));
    assert_non_null(evidence);
    for (; *files != NULL; files += 2) {
        if (strcmp(files[0], "facts") == 0)
            add_facts(files[1]);
        else
            give(evidence, n++, files[0], files[1]);
    }
    td_evidence_dumps(evidence, layouts, td_doctor_layouts(doctor, layouts));
    td_doctor_end(doctor);
    td_evidence_end(evidence);
    td_evidence_free(evidence);
    assert_true(td_doctor_judge(doctor));
}

static bool is_named(const struct td_rule *rule, const char *name)
{
    return strcmp(rule->id, name) == 0 || strcmp(rule->name, name) == 0;
}

static const struct td_finding *found(const char *name)
{
    for (size_t i = 0; i < td_doctor_count(doctor); i++) {
        if (is_named(td_doctor_at(doctor, i)->rule, name))
            return td_doctor_at(doctor, i);
    }
    return NULL;
}

static bool is_expected(const struct td_rule *rule, const char *id, td_texts also)
{
    if (id != NULL && is_named(rule, id))
        return true;
    for (; also != NULL && *also != NULL; also++) {
        if (is_named(rule, *also))
            return true;
    }
    return false;
}

static void print_facts(void)
{
    const struct td_facts *facts = td_doctor_facts(doctor);

    for (size_t i = 0; i < td_facts_count(facts); i++) {
        const struct td_fact *fact = td_facts_at(facts, i);

        printf("        %s", fact->name);
        for (size_t k = 0; k < fact->n_attrs; k++)
            printf(" %s=%s", fact->attrs[k].key, fact->attrs[k].value);
        printf("%s\n", fact->count > 1 ? " ..." : "");
    }
}

static void print_outcome(void)
{
    printf("    fired:");
    for (size_t i = 0; i < td_doctor_count(doctor); i++)
        printf(" %s %s (%s, %d);", td_doctor_at(doctor, i)->rule->id,
               td_doctor_at(doctor, i)->rule->name, td_doctor_at(doctor, i)->rule->kind,
               td_doctor_at(doctor, i)->score);
    printf("\n    set aside:");
    for (size_t i = 0; i < td_doctor_set_aside(doctor); i++)
        printf(" %s", td_doctor_set_aside_at(doctor, i)->rule->id);
    printf("\n    facts:\n");
    print_facts();
}

/* Faults of one case are told together, under one heading. */
struct fault {
    const char *heading;
    bool any;
};

static void tell(struct fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell(struct fault *fault, const char *format, ...)
{
    va_list args;

    if (!fault->any)
        printf("%s\n", fault->heading);
    fault->any = true;
    printf("    ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

static void end(const struct fault *fault)
{
    if (fault->any) {
        print_outcome();
        faults++;
    }
}

static void check_fires(struct fault *fault, const struct td_rule *rule, const struct td_case *c)
{
    const struct td_finding *finding = found(rule->id);

    if (finding == NULL)
        tell(fault, "wanted %s to fire", rule->id);
    else if (finding->gaps)
        tell(fault, "a word of %s is unknown: %s | %s | %s | %s", rule->id, finding->title,
             finding->why, finding->fix, finding->check);
    for (td_texts also = c->also; also != NULL && *also != NULL; also++) {
        if (found(*also) == NULL)
            tell(fault, "wanted %s to fire as well", *also);
    }
    for (size_t i = 0; i < td_doctor_count(doctor); i++) {
        const struct td_rule *other = td_doctor_at(doctor, i)->rule;

        if (!is_expected(other, rule->id, c->also))
            tell(fault, "%s (%s) fires and is not in also", other->id, other->name);
    }
}

static void check_silent(struct fault *fault, const struct td_rule *rule, const struct td_case *c)
{
    if (found(rule->id) != NULL)
        tell(fault, "wanted %s to be silent", rule->id);
    for (td_texts also = c->also; also != NULL && *also != NULL; also++) {
        if (found(*also) == NULL)
            tell(fault, "wanted %s to fire", *also);
    }
}

static void run_case(const struct td_rule *rule, size_t n)
{
    const struct td_case *c = &rule->cases[n];
    char heading[200];
    struct fault fault = { .heading = heading };

    snprintf(heading, sizeof heading, "%s.yml: %s %s, case %zu (%s)", rule->topic, rule->id,
             rule->name, n + 1, c->fires ? "fires" : "silent");
    see(c->files);
    if (c->fires)
        check_fires(&fault, rule, c);
    else
        check_silent(&fault, rule, c);
    end(&fault);
}

static void every_rule_fires_on_its_cases_and_is_silent_on_the_others(void **state)
{
    (void)state;
    faults = 0;
    for (size_t i = 0; i < knowledge->n_rules; i++) {
        const struct td_rule *rule = &knowledge->rules[i];
        bool fires = false, silent = false;

        if (!is_chosen(rule->id) && !is_chosen(rule->name) && !is_chosen(rule->topic))
            continue;
        for (size_t n = 0; n < rule->n_cases; n++) {
            fires = fires || rule->cases[n].fires;
            silent = silent || !rule->cases[n].fires;
            run_case(rule, n);
        }
        if (!fires || !silent) {
            printf("%s.yml: %s %s: no case that %s\n", rule->topic, rule->id, rule->name,
                   fires ? "must be silent" : "fires");
            faults++;
        }
    }
    assert_int_equal(faults, 0);
}

static bool is_rule(const char *name)
{
    for (size_t i = 0; i < knowledge->n_rules; i++) {
        if (is_named(&knowledge->rules[i], name))
            return true;
    }
    return false;
}

static void cases_name_rules_that_there_are(void **state)
{
    (void)state;
    faults = 0;
    for (size_t i = 0; i < knowledge->n_rules; i++) {
        const struct td_rule *rule = &knowledge->rules[i];

        for (size_t n = 0; n < rule->n_cases; n++) {
            for (td_texts also = rule->cases[n].also; also != NULL && *also != NULL; also++) {
                if (!is_rule(*also)) {
                    printf("%s.yml: %s, case %zu: there is no rule %s\n", rule->topic, rule->id,
                           n + 1, *also);
                    faults++;
                }
            }
        }
    }
    assert_int_equal(faults, 0);
}

/* ---- what is healthy ----------------------------------------------------------------- */

static void feed_path(const char *path)
{
    static char buf[65536];
    FILE *in = fopen(path, "rb");
    size_t n;

    assert_non_null(in);
    assert_true(td_doctor_file(doctor, path));
    while ((n = fread(buf, 1, sizeof buf, in)) > 0)
        td_doctor_feed(doctor, buf, n);
    td_doctor_file_end(doctor);
    fclose(in);
}

/* A file, or all files of a folder: what one device has. */
static void feed(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);

    if (n < 0) {
        feed_path(path);
        return;
    }
    for (int i = 0; i < n; i++) {
        char file[1400];

        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            feed_path(file);
        free(names[i]);
    }
    free(names);
}

static void check_healthy(const char *name)
{
    char path[1100];
    struct fault fault = { .heading = path };

    snprintf(path, sizeof path, HEALTHY "/%s", name);
    assert_true(td_doctor_forget(doctor));
    feed(path);
    td_doctor_end(doctor);
    assert_true(td_doctor_judge(doctor));
    for (size_t i = 0; i < td_doctor_count(doctor); i++) {
        const struct td_finding *finding = td_doctor_at(doctor, i);

        if (finding->kind != TD_FINDING_HARMLESS)
            tell(&fault, "%s %s (%s, %d): %s", finding->rule->id, finding->rule->name,
                 finding->rule->kind, finding->score, finding->title);
    }
    end(&fault);
}

static void what_is_healthy_gives_no_finding_above_harmless(void **state)
{
    struct dirent **names;
    int n = scandir(HEALTHY, &names, NULL, alphasort);

    (void)state;
    faults = 0;
    assert_true(n > 2);
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.' && is_chosen(names[i]->d_name))
            check_healthy(names[i]->d_name);
        free(names[i]);
    }
    free(names);
    assert_int_equal(faults, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_name_rules_that_there_are),
        cmocka_unit_test(every_rule_fires_on_its_cases_and_is_silent_on_the_others),
        cmocka_unit_test(what_is_healthy_gives_no_finding_above_harmless),
    };
    struct td_knowledge_fault fault;
    int failed;

    (void)argc;
    chosen = argv + 1;
    knowledge = td_knowledge_read(td_books, &fault);
    if (knowledge == NULL) {
        fprintf(stderr, "%s: %s\n", fault.where, fault.what);
        return 1;
    }
    doctor = td_doctor_new(knowledge);
    failed = doctor == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    td_doctor_free(doctor);
    td_knowledge_free(knowledge);
    return failed;
}
