/*
 * doctor/fact_fuzz.c - hostile text as a condition (first line) and as attributes (the others).
 *
 * What is no condition holds for nothing. Every fact that the condition picks is one of the
 * store's, in order, and each name with a star picks at least what the name itself does.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct td_facts *facts, const char *condition)
{
    const struct td_fact *fact;
    size_t at = 0, before = 0, n = 0, all = 0;

    if (td_condition_fault(condition) != NULL) {
        if (td_facts_hold(facts, condition))
            abort();
        return;
    }
    while ((fact = td_facts_next(facts, condition, &at)) != NULL) {
        if (at <= before || td_facts_at(facts, at - 1) != fact || fact->count == 0)
            abort();
        before = at;
        n++;
    }
    if (td_facts_hold(facts, condition) != (n > 0))
        abort();
    for (at = 0; td_facts_next(facts, "*", &at) != NULL;)
        all++;
    if (all != td_facts_count(facts) || n > all)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct td_facts *facts = td_facts_new();
    char *text = malloc(size + 1), *condition = text, *line;
    struct td_place at = { 0, 0, 0 };

    if (facts == NULL || text == NULL)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    line = strchr(text, '\n');
    while (line != NULL) {
        char *attrs;

        *line++ = '\0';
        attrs = strpbrk(line, " \n");
        at.line++;
        if (attrs != NULL && *attrs == ' ') {
            char *end = strchr(attrs + 1, '\n');

            *attrs++ = '\0';
            if (end != NULL)
                *end = '\0';
            td_fact_add(facts, line, &at, TD_NO_TIME, attrs, "%s", attrs);
            if (end != NULL)
                *end = '\n';
            line = end;
        } else {
            line = attrs;
        }
    }
    check(facts, condition);
    td_facts_free(facts);
    free(text);
    return 0;
}
