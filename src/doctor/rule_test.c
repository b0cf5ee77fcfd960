/* Rules judged over facts that are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "doctor/rule.h"

static const char book[] =
    "asks:\n"
    "  - { name: log, text: the log, have: have what=log }\n"
    "  - { name: dump, text: the dump, have: have what=dump }\n"
    "rules:\n"
    "  - { id: C1, name: both, kind: cause, title: 'Slot {slot} holds {hash}', when: [slot "
    "pending=1, "
    "reset], score: 60, why: 'w[, of {size} bytes][ and {hash}]{nothing.}',\n"
    "      adjust: [ { if: noise, by: 30 }, { if: not log, by: -5 } ], asks: [log, dump] }\n"
    "  - { id: C2, name: either, kind: cause, title: 'Codes: {rc:all}', any: [answer rc>7, "
    "refusal], "
    "score: 20, why: 'has {gap}' }\n"
    "  - { id: T1, name: unless, kind: trap, title: t, when: reset, unless: [story.swapped], "
    "score: 50, why: w }\n"
    "  - { id: T2, name: worn, kind: trap, title: t, when: reset, score: 10, adjust: [ { if: "
    "noise, "
    "by: -10 } ], why: w }\n"
    "  - { id: H1, name: harmless, kind: harmless, title: h, when: reset, score: 100, adjust: [ { "
    "if: reset, by: 50 } ], why: w }\n"
    "  - { id: R1, name: absent, kind: remark, title: r, when: [reset, not have what=log], "
    "score: 5, why: w }\n"
    "  - { id: C3, name: options, kind: cause, title: o, when: [stages, option name=A, option "
    "name=B], score: 40, why: w }\n";

struct desk {
    struct td_knowledge *knowledge;
    struct td_facts *facts;
    struct td_judgement *judgement;
};

static void begin(struct desk *desk)
{
    const struct td_book books[] = {
        { "rules/x.yml", (const unsigned char *)book, strlen(book) },
        { NULL, NULL, 0 },
    };
    struct td_knowledge_fault fault;

    desk->knowledge = td_knowledge_read(books, &fault);
    if (desk->knowledge == NULL)
        fail_msg("%s: %s", fault.where, fault.what);
    desk->facts = td_facts_new();
    desk->judgement = NULL;
}

static void fact(struct desk *desk, uint32_t line, const char *quote, const char *name,
                 const char *attrs)
{
    const struct td_place at = { 0, line, line };

    assert_non_null(td_fact_add(desk->facts, name, &at, TD_NO_TIME, quote, "%s", attrs));
}

static void judge(struct desk *desk)
{
    td_judgement_free(desk->judgement);
    desk->judgement = td_judge(desk->knowledge, desk->facts);
    assert_non_null(desk->judgement);
}

static void end(struct desk *desk)
{
    td_judgement_free(desk->judgement);
    td_facts_free(desk->facts);
    td_knowledge_free(desk->knowledge);
}

static const struct td_finding *named(const struct desk *desk, const char *id)
{
    for (size_t i = 0; i < td_judgement_count(desk->judgement); i++) {
        const struct td_finding *f = td_judgement_at(desk->judgement, i);

        if (strcmp(f->rule->id, id) == 0)
            return f;
    }
    return NULL;
}

static void without_facts_nothing_is_found(void **state)
{
    struct desk desk;

    (void)state;
    begin(&desk);
    judge(&desk);
    assert_int_equal(td_judgement_count(desk.judgement), 0);
    assert_int_equal(td_judgement_aside(desk.judgement), 0);
    assert_null(td_judgement_at(desk.judgement, 0));
    end(&desk);
}

static void all_of_when_and_one_of_any_are_wanted(void **state)
{
    struct desk desk;

    (void)state;
    begin(&desk);
    fact(&desk, 1, "q", "slot", "slot=1 pending=1 hash=ab");
    fact(&desk, 2, "q", "answer", "rc=7");
    judge(&desk);
    assert_null(named(&desk, "C1"));
    assert_null(named(&desk, "C2"));
    fact(&desk, 3, "q", "reset", "");
    fact(&desk, 4, "q", "refusal", "rc=9");
    judge(&desk);
    assert_non_null(named(&desk, "C1"));
    assert_non_null(named(&desk, "C2"));
    end(&desk);
}

static void findings_are_ranked_by_kind_and_score(void **state)
{
    static const char *const want[] = { "C1", "C2", "T1", "T2", "R1", "H1" };
    struct desk desk;

    (void)state;
    begin(&desk);
    fact(&desk, 1, "q", "slot", "slot=1 pending=1 hash=ab");
    fact(&desk, 3, "q", "reset", "");
    fact(&desk, 4, "q", "answer", "rc=8");
    judge(&desk);
    assert_int_equal(td_judgement_count(desk.judgement), TD_N_OF(want));
    for (size_t i = 0; i < TD_N_OF(want); i++)
        assert_string_equal(td_judgement_at(desk.judgement, i)->rule->id, want[i]);
    assert_int_equal(named(&desk, "C1")->score, 55);  // no log: -5
    assert_int_equal(named(&desk, "H1")->score, 100); // and not more
    end(&desk);
}

static void what_speaks_against_a_rule_sets_it_aside(void **state)
{
    struct desk desk;

    (void)state;
    begin(&desk);
    fact(&desk, 3, "q", "reset", "");
    fact(&desk, 5, "swap", "story.swapped", "hash=ab");
    fact(&desk, 6, "noise", "noise", "");
    judge(&desk);
    assert_null(named(&desk, "T1"));
    assert_null(named(&desk, "T2")); // no point was left
    assert_int_equal(td_judgement_aside(desk.judgement), 2);
    assert_string_equal(td_judgement_aside_at(desk.judgement, 0)->rule->id, "T1");
    assert_string_equal(td_judgement_aside_at(desk.judgement, 0)->evidence[0]->quote, "swap");
    assert_string_equal(td_judgement_aside_at(desk.judgement, 1)->evidence[0]->quote, "noise");
    end(&desk);
}

static void texts_are_filled_from_facts(void **state)
{
    struct desk desk;

    (void)state;
    begin(&desk);
    fact(&desk, 1, "q", "slot", "slot=1 pending=1 hash=ab");
    fact(&desk, 3, "q", "reset", "");
    for (int rc = 8; rc < 11; rc++) {
        char attrs[20];

        snprintf(attrs, sizeof attrs, "rc=%d", rc);
        fact(&desk, 4, "q", "answer", attrs);
    }
    judge(&desk);
    assert_string_equal(named(&desk, "C1")->title, "Slot 1 holds ab");
    assert_string_equal(named(&desk, "C1")->why, "w and ab{nothing.}");
    assert_false(named(&desk, "C1")->gaps);
    assert_string_equal(named(&desk, "C2")->title, "Codes: 8, 9 and 10");
    assert_string_equal(named(&desk, "C2")->why, "has ?");
    assert_true(named(&desk, "C2")->gaps);
    end(&desk);
}

static void evidence_is_what_made_conditions_hold_lines_before_conclusions(void **state)
{
    const struct td_finding *f;
    struct desk desk;

    (void)state;
    begin(&desk);
    fact(&desk, 0, "a story", "story.told", "");
    fact(&desk, 1, "line one", "slot", "slot=1 pending=1 hash=ab");
    fact(&desk, 1, "line one", "noise", ""); // the same line once more
    fact(&desk, 2, "line two", "slot", "slot=1 pending=0 hash=ab");
    fact(&desk, 3, NULL, "reset", "");
    fact(&desk, 4, "line four", "slot", "slot=1 pending=1 hash=cd");
    judge(&desk);
    f = named(&desk, "C1");
    assert_int_equal(f->n_evidence, 3);
    assert_string_equal(f->evidence[0]->quote, "line one");
    assert_string_equal(f->evidence[1]->quote, "line four");
    assert_string_equal(f->evidence[2]->name, "reset");
    assert_int_equal(f->more_evidence, 0);
    for (int i = 0; i < 20; i++) {
        char attrs[40];

        snprintf(attrs, sizeof attrs, "slot=1 pending=1 hash=%d", i);
        fact(&desk, 100 + (uint32_t)i, attrs, "slot", attrs);
    }
    judge(&desk);
    f = named(&desk, "C1");
    assert_int_equal(f->n_evidence, TD_FINDING_EVIDENCE);
    assert_int_equal(f->n_evidence + f->more_evidence, 23);
    end(&desk);
}

static void of_options_on_one_line_the_ones_meant_are_shown(void **state)
{
    const struct td_finding *f;
    struct desk desk;

    (void)state;
    begin(&desk);
    fact(&desk, 4, "CONFIG_A=y CONFIG_Z=n CONFIG_...", "stages", "");
    fact(&desk, 4, "CONFIG_A=y", "option", "name=A value=y");
    fact(&desk, 4, "CONFIG_B=y", "option", "name=B value=y");
    fact(&desk, 9, "Attempting to boot slot 0.", "stages", "slot=0");
    judge(&desk);
    f = named(&desk, "C3");
    assert_int_equal(f->n_evidence, 3);
    assert_string_equal(f->evidence[0]->quote, "Attempting to boot slot 0.");
    assert_string_equal(f->evidence[1]->quote, "CONFIG_A=y");
    assert_string_equal(f->evidence[2]->quote, "CONFIG_B=y");
    end(&desk);
}

static void only_what_is_not_at_hand_is_asked_for(void **state)
{
    struct desk desk;

    (void)state;
    begin(&desk);
    fact(&desk, 1, "q", "slot", "slot=1 pending=1 hash=ab");
    fact(&desk, 3, "q", "reset", "");
    judge(&desk);
    assert_int_equal(named(&desk, "C1")->n_asks, 2);
    assert_non_null(named(&desk, "R1"));
    fact(&desk, 3, "q", "have", "what=log");
    judge(&desk);
    assert_int_equal(named(&desk, "C1")->n_asks, 1);
    assert_string_equal(named(&desk, "C1")->asks[0], "the dump");
    assert_null(named(&desk, "R1"));
    end(&desk);
}

static void points_have_words(void **state)
{
    static const struct {
        int score;
        const char *word;
    } rows[] = {
        { 100, "certain" }, { 95, "certain" }, { 94, "very likely" }, { 75, "very likely" },
        { 74, "likely" },   { 50, "likely" },  { 49, "possible" },    { 25, "possible" },
        { 24, "unlikely" }, { 0, "unlikely" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++)
        assert_string_equal(td_likelihood(rows[i].score), rows[i].word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_facts_nothing_is_found),
        cmocka_unit_test(all_of_when_and_one_of_any_are_wanted),
        cmocka_unit_test(findings_are_ranked_by_kind_and_score),
        cmocka_unit_test(what_speaks_against_a_rule_sets_it_aside),
        cmocka_unit_test(texts_are_filled_from_facts),
        cmocka_unit_test(evidence_is_what_made_conditions_hold_lines_before_conclusions),
        cmocka_unit_test(of_options_on_one_line_the_ones_meant_are_shown),
        cmocka_unit_test(only_what_is_not_at_hand_is_asked_for),
        cmocka_unit_test(points_have_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
