/* The store of facts, and conditions on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "doctor/fact.h"

static const struct td_place here = { 0, 7, 70 }, there = { 0, 9, 90 };

static void equal_facts_are_one_with_a_count(void **state)
{
    struct td_facts *facts = td_facts_new();
    const struct td_fact *a, *b;

    (void)state;
    a = td_fact_add(facts, "slot", &here, 5, "first", "slot=%d hash='%s'", 1, "a b");
    b = td_fact_add(facts, "slot", &there, 6, "second", "slot=1 hash='a b'");
    assert_ptr_equal(a, b);
    assert_int_equal(a->count, 2);
    assert_int_equal(a->first.line, 7);
    assert_int_equal(a->last.line, 9);
    assert_int_equal(a->first_us, 5);
    assert_int_equal(a->last_us, 6);
    assert_string_equal(a->quote, "first");
    assert_string_equal(td_fact_get(a, "hash"), "a b");
    assert_null(td_fact_get(a, "none"));
    assert_int_equal(td_facts_count(facts), 1);
    td_facts_free(facts);
}

static void the_room_of_a_name_is_bounded_and_what_is_dropped_is_counted(void **state)
{
    struct td_facts *facts = td_facts_new();

    (void)state;
    for (int i = 0; i < TD_FACT_PER_NAME + 10; i++)
        td_fact_add(facts, "many", &here, TD_NO_TIME, NULL, "n=%d", i);
    assert_int_equal(td_facts_count(facts), TD_FACT_PER_NAME);
    assert_int_equal(td_facts_dropped(facts), 10);
    assert_non_null(td_fact_add(facts, "many", &there, TD_NO_TIME, NULL, "n=3"));
    for (int i = 0; i < 2 * TD_FACT_MAX; i++) {
        char name[32];

        snprintf(name, sizeof name, "name-%d", i);
        td_fact_add(facts, name, &here, TD_NO_TIME, NULL, " ");
    }
    assert_true(td_facts_count(facts) <= TD_FACT_MAX);
    td_facts_free(facts);
}

static void times_do_not_use_up_the_room_of_a_name(void **state)
{
    struct td_facts *facts = td_facts_new();

    (void)state;
    for (int i = 0; i < 5000; i++)
        td_fact_add(facts, "smp.answer", &here, TD_NO_TIME, NULL, "group=1 after_ms=%d ok=1", i);
    td_fact_add(facts, "smp.answer", &there, TD_NO_TIME, NULL, "group=63 after_ms=5 rc=8");
    assert_true(td_facts_hold(facts, "smp.answer group=63 rc=8"));
    assert_true(td_facts_hold(facts, "smp.answer after_ms=3"));
    assert_int_equal(td_facts_dropped(facts), 0);
    td_facts_free(facts);
}

static void a_condition_holds_for_one_and_the_same_fact(void **state)
{
    static const struct {
        const char *condition;
        bool holds;
    } rows[] = {
        { "smp.answer", true },
        { "smp.answers", false },
        { "smp", false },
        { "smp.*", true },
        { "smp.answer group=63 rc=8", true },
        { "smp.answer group=1 rc=8", false },
        { "smp.answer group=0x3f", false },
        { "smp.answer group>9", true }, // a number, not a text
        { "smp.answer group>63", false },
        { "smp.answer group>=63 group<=63", true },
        { "smp.answer group<2", true },
        { "smp.answer rc!=8", true }, // the other one has no rc
        { "smp.answer group=63 rc!=8", false },
        { "smp.answer group=63 none!=8", true },
        { "smp.answer group=63 none=8", false },
        { "smp.answer group=63 none!~8", true },
        { "say text~TIMED", true },
        { "say text~'Timed OUT'", true },
        { "say text='it timed out'", true },
        { "say text!~timed", false },
        { "say text~", true },
    };
    struct td_facts *facts = td_facts_new();

    (void)state;
    td_fact_add(facts, "smp.answer", &here, TD_NO_TIME, NULL, "group=63 rc=8");
    td_fact_add(facts, "smp.answer", &here, TD_NO_TIME, NULL, "group=1 ok=1");
    td_fact_add(facts, "say", &here, TD_NO_TIME, NULL, "text='%s'", "it timed out");
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (td_condition_fault(rows[i].condition) != NULL ||
            td_facts_hold(facts, rows[i].condition) != rows[i].holds)
            fail_msg("%s", rows[i].condition);
    }
    td_facts_free(facts);
}

static void all_facts_of_a_condition_come_in_order(void **state)
{
    struct td_facts *facts = td_facts_new();
    size_t at = 0;

    (void)state;
    td_fact_add(facts, "a.x", &here, TD_NO_TIME, NULL, "n=1");
    td_fact_add(facts, "b", &here, TD_NO_TIME, NULL, "n=1");
    td_fact_add(facts, "a.x", &here, TD_NO_TIME, NULL, "n=2");
    td_fact_add(facts, "a.y", &here, TD_NO_TIME, NULL, "n=3");
    assert_string_equal(td_fact_get(td_facts_next(facts, "a.x", &at), "n"), "1");
    assert_string_equal(td_fact_get(td_facts_next(facts, "a.x", &at), "n"), "2");
    assert_null(td_facts_next(facts, "a.x", &at));
    at = 0;
    assert_string_equal(td_fact_get(td_facts_next(facts, "a.* n>1", &at), "n"), "2");
    assert_string_equal(td_fact_get(td_facts_next(facts, "a.* n>1", &at), "n"), "3");
    assert_null(td_facts_next(facts, "a.* n>1", &at));
    td_facts_free(facts);
}

static void what_is_no_condition_is_said(void **state)
{
    static const char *const rows[] = {
        "", "=", " ", "a b", "a b c=1", "a =1", "a b='c", "a b='c'd", "a!", "a b=1 c", "a**",
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (td_condition_fault(rows[i]) == NULL)
            fail_msg("'%s' passes", rows[i]);
    }
}

static void a_quote_is_cut_at_a_whole_character(void **state)
{
    struct td_facts *facts = td_facts_new();
    char quote[2 * TD_FACT_QUOTE];
    const struct td_fact *fact;
    size_t len;

    (void)state;
    for (size_t i = 0; i + 2 < sizeof quote; i += 2)
        memcpy(quote + i, "\xc3\xa4", 3);
    fact = td_fact_add(facts, "a", &here, TD_NO_TIME, quote, "n=1");
    len = strlen(fact->quote);
    assert_true(len <= TD_FACT_QUOTE);
    assert_string_equal(fact->quote + len - 5, "\xc3\xa4...");
    fact = td_fact_add(facts, "b", &here, TD_NO_TIME, "a\tb\033", "n=1");
    assert_string_equal(fact->quote, "a b ");
    td_facts_free(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_facts_are_one_with_a_count),
        cmocka_unit_test(the_room_of_a_name_is_bounded_and_what_is_dropped_is_counted),
        cmocka_unit_test(times_do_not_use_up_the_room_of_a_name),
        cmocka_unit_test(a_condition_holds_for_one_and_the_same_fact),
        cmocka_unit_test(all_facts_of_a_condition_come_in_order),
        cmocka_unit_test(what_is_no_condition_is_said),
        cmocka_unit_test(a_quote_is_cut_at_a_whole_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
