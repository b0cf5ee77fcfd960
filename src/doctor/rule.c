/*
 * doctor/rule.c - judging.
 *
 * 1. The same facts give the same findings in the same order.
 * 2. A finding names at least one fact, and only facts that made one of its conditions hold.
 * 3. Nothing is found that a fact of `unless` contradicts.
 */
#include "doctor/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "doctor/arena.h"

#define WORDS_MAX     4096 /* of a rule's text with its attributes filled in */
#define PER_CONDITION 4    /* facts that one condition may put before those of the others */
#define LISTED        6    /* values of {attribute:all} before "and N more" */

struct td_judgement {
    struct td_arena arena;
    struct td_rows findings, aside; /* of struct td_finding */
};

struct judging {
    const struct td_knowledge *knowledge;
    const struct td_facts *facts;
    struct td_judgement *out;
    const struct td_rule *rule;
    bool no_memory;
};

const char *td_likelihood(int score)
{
    if (score >= 95)
        return "certain";
    if (score >= 75)
        return "very likely";
    if (score >= 50)
        return "likely";
    return score >= 25 ? "possible" : "unlikely";
}

static const char *const kinds[] = { "cause", "trap", "remark", "harmless" };

const char *td_finding_kind_name(enum td_finding_kind kind)
{
    return kinds[kind];
}

static enum td_finding_kind kind_of(const struct td_rule *rule)
{
    size_t kind = 0;

    while (kind + 1 < TD_N_OF(kinds) && strcmp(kinds[kind], rule->kind) != 0)
        kind++;
    return (enum td_finding_kind)kind;
}

/* ---- conditions ---------------------------------------------------------------------- */

static bool holds(const struct judging *j, const char *condition)
{
    bool negated;
    const char *bare = td_condition_bare(condition, &negated);

    return td_facts_hold(j->facts, bare) != negated;
}

static bool all_hold(const struct judging *j, td_texts conditions)
{
    for (; *conditions != NULL; conditions++) {
        if (!holds(j, *conditions))
            return false;
    }
    return true;
}

static bool any_holds(const struct judging *j, td_texts conditions)
{
    if (*conditions == NULL)
        return true;
    for (; *conditions != NULL; conditions++) {
        if (holds(j, *conditions))
            return true;
    }
    return false;
}

/* Points of the rule as these facts adjust them. */
static int score_of(const struct judging *j)
{
    int score = j->rule->score;

    for (size_t i = 0; i < j->rule->n_adjust; i++) {
        if (holds(j, j->rule->adjust[i].condition))
            score += j->rule->adjust[i].by;
    }
    return score < 0 ? 0 : score > 100 ? 100 : score;
}

/* ---- evidence ------------------------------------------------------------------------ */

/* Facts of some conditions, each once, those that tell most first. */
struct gathering {
    const struct judging *j;
    const struct td_fact *at[64];
    size_t n;
    uint32_t left_out;
    uint8_t taken[TD_FACT_MAX / 8];
};

/* What is at hand explains nothing by itself. */
static bool tells_little(const struct td_fact *fact)
{
    return strcmp(fact->name, "have") == 0 || strcmp(fact->name, "file") == 0;
}

/* Two readings of the same line are one piece of evidence. */
static bool is_shown(const struct gathering *g, const struct td_fact *fact)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct td_fact *other = g->at[i];

        if (other->quote != NULL && fact->quote != NULL && fact->first.line != 0 &&
            other->first.file == fact->first.file && other->first.line == fact->first.line &&
            strcmp(other->quote, fact->quote) == 0)
            return true;
    }
    return false;
}

/* Facts number from..to of those that satisfy the condition. */
static void gather(struct gathering *g, const char *condition, size_t from, size_t to)
{
    const struct td_fact *fact;
    bool negated;
    size_t at = 0, n = 0;

    condition = td_condition_bare(condition, &negated);
    if (negated)
        return;
    while ((fact = td_facts_next(g->j->facts, condition, &at)) != NULL) {
        uint8_t *taken = &g->taken[(at - 1) / 8];
        uint8_t bit = (uint8_t)(1u << ((at - 1) % 8));

        if (n++ < from || n > to || (*taken & bit) != 0)
            continue;
        *taken |= bit;
        if (tells_little(fact) || is_shown(g, fact))
            continue;
        if (g->n < TD_N_OF(g->at))
            g->at[g->n++] = fact;
        else
            g->left_out++;
    }
}

static void gather_round(struct gathering *g, size_t from, size_t to)
{
    const struct td_rule *rule = g->j->rule;

    for (td_texts c = rule->when; *c != NULL; c++)
        gather(g, *c, from, to);
    for (td_texts c = rule->any; *c != NULL; c++)
        gather(g, *c, from, to);
    for (size_t i = 0; i < rule->n_adjust; i++) {
        if (rule->adjust[i].by > 0)
            gather(g, rule->adjust[i].condition, from, to);
    }
}

/* What stands in a file comes before what was concluded from it. */
static bool is_concluded(const struct td_fact *fact)
{
    return strncmp(fact->name, "story.", 6) == 0 || fact->quote == NULL;
}

static void show(const struct gathering *g, struct td_finding *f)
{
    for (int concluded = 0; concluded < 2; concluded++) {
        for (size_t i = 0; i < g->n && f->n_evidence < TD_FINDING_EVIDENCE; i++) {
            if (is_concluded(g->at[i]) == (concluded == 1))
                f->evidence[f->n_evidence++] = g->at[i];
        }
    }
    f->more_evidence = (uint32_t)g->n - f->n_evidence + g->left_out;
}

static bool is_option(const struct td_fact *fact)
{
    return strncmp(fact->name, "option", 6) == 0;
}

/* Options run together on one line: the one that is meant says more than the line's beginning. */
static void drop_lines_of_options(struct gathering *g)
{
    size_t kept = 0;

    for (size_t i = 0; i < g->n; i++) {
        const struct td_fact *fact = g->at[i];
        bool is_said = false;

        for (size_t k = 0; k < g->n && !is_option(fact); k++)
            is_said = is_said || (is_option(g->at[k]) && fact->first.line != 0 &&
                                  g->at[k]->first.file == fact->first.file &&
                                  g->at[k]->first.line == fact->first.line);
        if (!is_said)
            g->at[kept++] = fact;
    }
    g->n = kept;
}

static void set_evidence(const struct judging *j, struct td_finding *f)
{
    struct gathering g = { .j = j };

    gather_round(&g, 0, PER_CONDITION);
    gather_round(&g, PER_CONDITION, SIZE_MAX);
    drop_lines_of_options(&g);
    show(&g, f);
}

static void set_contradiction(const struct judging *j, struct td_finding *f)
{
    struct gathering g = { .j = j };

    for (td_texts c = j->rule->unless; *c != NULL; c++)
        gather(&g, *c, 0, PER_CONDITION);
    for (size_t i = 0; i < j->rule->n_adjust; i++) {
        if (j->rule->adjust[i].by < 0)
            gather(&g, j->rule->adjust[i].condition, 0, PER_CONDITION);
    }
    show(&g, f);
}

/* ---- words --------------------------------------------------------------------------- */

struct words {
    const struct judging *j;
    char text[WORDS_MAX];
    size_t len;
    bool missing; /* an attribute that no fact has */
};

static void say(struct words *w, const char *text, size_t len)
{
    if (len > sizeof w->text - 1 - w->len)
        len = sizeof w->text - 1 - w->len;
    memcpy(w->text + w->len, text, len);
    w->len += len;
    w->text[w->len] = '\0';
}

/* Values of one attribute that were met, each once. */
struct values {
    const char *at[64];
    size_t n;
};

static void add_values(const struct judging *j, const char *condition, const char *key,
                       struct values *values)
{
    const struct td_fact *fact;
    bool negated;
    size_t at = 0;

    condition = td_condition_bare(condition, &negated);
    if (negated)
        return;
    while ((fact = td_facts_next(j->facts, condition, &at)) != NULL) {
        const char *value = td_fact_get(fact, key);
        size_t i = 0;

        while (value != NULL && i < values->n && strcmp(values->at[i], value) != 0)
            i++;
        if (value != NULL && i == values->n && values->n < TD_N_OF(values->at))
            values->at[values->n++] = value;
    }
}

static void find_values(const struct judging *j, const char *key, struct values *values)
{
    values->n = 0;
    for (td_texts c = j->rule->when; *c != NULL; c++)
        add_values(j, *c, key, values);
    for (td_texts c = j->rule->any; *c != NULL; c++)
        add_values(j, *c, key, values);
    for (size_t i = 0; i < j->rule->n_adjust; i++)
        add_values(j, j->rule->adjust[i].condition, key, values);
}

static void say_values(struct words *w, const struct values *values)
{
    for (size_t i = 0; i < values->n; i++) {
        char more[40];

        if (i == LISTED && values->n > LISTED + 1) {
            (void)snprintf(more, sizeof more, " and %zu more", values->n - i);
            say(w, more, strlen(more));
            return;
        }
        if (i > 0 && i + 1 == values->n)
            say(w, " and ", 5);
        else if (i > 0)
            say(w, ", ", 2);
        say(w, values->at[i], strlen(values->at[i]));
    }
}

/* The length of {attribute} or {attribute:all} at text; 0: it is none. */
static size_t slot_len(const char *text, size_t *key_len, bool *all)
{
    size_t n = 1;

    while (n < 32 && ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= '0' && text[n] <= '9') ||
                      text[n] == '_' || text[n] == '-'))
        n++;
    *key_len = n - 1;
    if (*key_len == 0)
        return 0;
    *all = strncmp(text + n, ":all}", 5) == 0;
    if (*all)
        return n + 5;
    return text[n] == '}' ? n + 1 : 0;
}

static void say_slot(struct words *w, const char *name, size_t len, bool all)
{
    struct values values;
    char key[32];

    memcpy(key, name, len);
    key[len] = '\0';
    find_values(w->j, key, &values);
    if (values.n == 0) {
        w->missing = true;
        say(w, "?", 1);
        return;
    }
    if (!all)
        values.n = 1;
    say_values(w, &values);
}

/* [a part with {attributes}] is left out when one of them is unknown. Its length, 0: none. */
static size_t optional_len(const char *text)
{
    size_t len = strcspn(text, "]\n"), key_len;
    bool all;

    if (text[len] != ']')
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (text[i] == '[')
            return 0;
        if (text[i] == '{' && slot_len(text + i, &key_len, &all) > 0)
            return len + 1;
    }
    return 0;
}

static void fill_range(struct words *w, const char *text, const char *end)
{
    while (text < end) {
        bool all = false;
        size_t key_len = 0, n = *text == '{' ? slot_len(text, &key_len, &all) : 0;

        if (n > 0)
            say_slot(w, text + 1, key_len, all);
        else
            say(w, text, n = 1);
        text += n;
    }
}

/* A rule's text with its attributes; *gaps is set when one of them is unknown. */
static const char *fill(struct judging *j, const char *text, bool *gaps)
{
    struct words w = { .j = j };
    const char *copy;

    while (*text != '\0') {
        size_t n = *text == '[' ? optional_len(text) : 0;
        size_t before = w.len;

        if (n > 0) {
            w.missing = false;
            fill_range(&w, text + 1, text + n - 1);
            if (w.missing)
                w.text[w.len = before] = '\0';
        } else {
            n = 1 + strcspn(text + 1, "[");
            w.missing = false;
            fill_range(&w, text, text + n);
            *gaps = *gaps || w.missing;
        }
        text += n;
    }
    copy = td_arena_text(&j->out->arena, w.text, w.len);
    j->no_memory = j->no_memory || copy == NULL;
    return copy;
}

/* ---- findings ------------------------------------------------------------------------ */

static void set_asks(const struct judging *j, struct td_finding *f)
{
    for (td_texts name = j->rule->asks; *name != NULL; name++) {
        for (size_t i = 0; i < j->knowledge->n_asks; i++) {
            const struct td_ask *ask = &j->knowledge->asks[i];

            if (strcmp(ask->name, *name) == 0 && f->n_asks < TD_N_OF(f->asks) &&
                !holds(j, ask->have))
                f->asks[f->n_asks++] = ask->text;
        }
    }
}

static void judge_rule(struct judging *j)
{
    const struct td_rule *rule = j->rule;
    struct td_finding *f;
    bool aside;
    int score;

    if (!all_hold(j, rule->when) || !any_holds(j, rule->any))
        return;
    score = score_of(j);
    aside = score == 0 || (*rule->unless != NULL && any_holds(j, rule->unless));
    f = td_rows_add(&j->out->arena, aside ? &j->out->aside : &j->out->findings);
    if (f == NULL) {
        j->no_memory = true;
        return;
    }
    f->rule = rule;
    f->kind = kind_of(rule);
    f->score = score;
    f->title = fill(j, rule->title, &f->gaps);
    f->why = fill(j, rule->why, &f->gaps);
    f->fix = fill(j, rule->fix, &f->gaps);
    f->check = fill(j, rule->check, &f->gaps);
    if (aside) {
        set_contradiction(j, f);
    } else {
        set_evidence(j, f);
        set_asks(j, f);
    }
}

/* Books are read in the order of their names, so equals need a further order: their id's. */
static int by_rank(const void *a, const void *b)
{
    const struct td_finding *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(x->rule->id, y->rule->id);
}

static void sort(struct td_rows *rows)
{
    if (rows->n > 1)
        qsort(rows->at, rows->n, rows->size, by_rank);
}

/* Whether a cause is found already that leaves nothing to say to a rule that yields. */
static bool is_explained(const struct judging *j)
{
    const struct td_finding *findings = j->out->findings.at;

    for (size_t i = 0; i < j->out->findings.n; i++) {
        if (findings[i].kind == TD_FINDING_CAUSE && findings[i].rule->yields == 0 &&
            findings[i].score >= j->rule->yields)
            return true;
    }
    return false;
}

/* Rules that yield come behind all others. */
static void judge_rules(struct judging *j, bool yielding)
{
    for (size_t i = 0; i < j->knowledge->n_rules && !j->no_memory; i++) {
        j->rule = &j->knowledge->rules[i];
        if ((j->rule->yields > 0) == yielding && !(yielding && is_explained(j)))
            judge_rule(j);
    }
}

struct td_judgement *td_judge(const struct td_knowledge *knowledge, const struct td_facts *facts)
{
    struct td_judgement *out = calloc(1, sizeof *out);
    struct judging j = { .knowledge = knowledge, .facts = facts, .out = out };

    if (out == NULL)
        return NULL;
    out->findings.size = out->aside.size = sizeof(struct td_finding);
    judge_rules(&j, false);
    judge_rules(&j, true);
    if (j.no_memory) {
        td_judgement_free(out);
        return NULL;
    }
    sort(&out->findings);
    sort(&out->aside);
    return out;
}

void td_judgement_free(struct td_judgement *judgement)
{
    if (judgement == NULL)
        return;
    td_arena_free(&judgement->arena);
    free(judgement);
}

static const struct td_finding *row(const struct td_rows *rows, size_t n)
{
    const struct td_finding *findings = rows->at;

    return n < rows->n ? &findings[n] : NULL;
}

size_t td_judgement_count(const struct td_judgement *judgement)
{
    return judgement->findings.n;
}

const struct td_finding *td_judgement_at(const struct td_judgement *judgement, size_t n)
{
    return row(&judgement->findings, n);
}

size_t td_judgement_aside(const struct td_judgement *judgement)
{
    return judgement->aside.n;
}

const struct td_finding *td_judgement_aside_at(const struct td_judgement *judgement, size_t n)
{
    return row(&judgement->aside, n);
}
