/* Books: what is read from them, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "doctor/knowledge.h"

static struct td_knowledge *read_text(const char *path, const char *text,
                                      struct td_knowledge_fault *fault)
{
    const struct td_book books[] = {
        { path, (const unsigned char *)text, strlen(text) },
        { NULL, NULL, 0 },
    };

    return td_knowledge_read(books, fault);
}

static void the_books_of_the_command_can_be_read(void **state)
{
    struct td_knowledge_fault fault;
    struct td_knowledge *k = td_knowledge_read(td_books, &fault);

    (void)state;
    if (k == NULL)
        fail_msg("%s: %s", fault.where, fault.what);
    assert_true(k->n_phrases > 0);
    assert_true(k->n_asks > 0);
    td_knowledge_free(k);
}

static void without_cases_all_the_rest_is_the_same(void **state)
{
    struct td_knowledge_fault fault;
    struct td_knowledge *all = td_knowledge_read(td_books, &fault);
    struct td_knowledge *brief = td_knowledge_read_without_cases(td_books, &fault);

    (void)state;
    assert_non_null(all);
    if (brief == NULL)
        fail_msg("%s: %s", fault.where, fault.what);
    assert_int_equal(brief->n_phrases, all->n_phrases);
    assert_int_equal(brief->n_options, all->n_options);
    assert_int_equal(brief->n_asks, all->n_asks);
    assert_int_equal(brief->n_rules, all->n_rules);
    for (size_t i = 0; i < all->n_rules; i++) {
        const struct td_rule *a = &all->rules[i], *b = &brief->rules[i];

        assert_string_equal(a->id, b->id);
        assert_string_equal(a->title, b->title);
        assert_string_equal(a->why, b->why);
        assert_string_equal(a->fix, b->fix);
        assert_string_equal(a->check, b->check);
        assert_int_equal(a->score, b->score);
        assert_int_equal(a->n_adjust, b->n_adjust);
        for (size_t k = 0; a->sources[k] != NULL; k++)
            assert_string_equal(a->sources[k], b->sources[k]);
        assert_true(a->n_cases > 0);
        assert_int_equal(b->n_cases, 0);
    }
    td_knowledge_free(all);
    td_knowledge_free(brief);
}

static const char whole[] = "rules:\n"
                            "  - id: X1\n"
                            "    name: x-one\n"
                            "    kind: trap\n"
                            "    title: A title\n"
                            "    when: a.b c=1\n"
                            "    any: [d, \"not e f~'g h'\"]\n"
                            "    score: 40\n"
                            "    adjust:\n"
                            "      - { if: g, by: -5 }\n"
                            "    why: |\n"
                            "      Because.\n"
                            "    asks: [log]\n"
                            "    cases:\n"
                            "      - fires:\n"
                            "          a.txt: hello\n"
                            "        also: [X2]\n"
                            "      - silent:\n"
                            "          b.txt: world\n"
                            "asks:\n"
                            "  - { name: log, text: the log, have: have what=log }\n"
                            "phrases:\n"
                            "  - { fact: a.b c=1, text: 'once {n:n}' }\n"
                            "source: a thread\n"
                            "options:\n"
                            "  - { name: ZED, means: last, needs: [Y, X=n] }\n"
                            "  - { name: ABE, means: first, source: another }\n";

static void a_book_holds_what_its_text_says(void **state)
{
    struct td_knowledge_fault fault;
    struct td_knowledge *k = read_text("rules/some.yml", whole, &fault);
    const struct td_rule *r;

    (void)state;
    assert_non_null(k);
    assert_int_equal(k->n_rules, 1);
    r = &k->rules[0];
    assert_string_equal(r->topic, "some");
    assert_string_equal(r->when[0], "a.b c=1");
    assert_null(r->when[1]);
    assert_string_equal(r->any[1], "not e f~'g h'");
    assert_null(r->unless[0]);
    assert_string_equal(r->why, "Because.");
    assert_string_equal(r->fix, "");
    assert_int_equal(r->adjust[0].by, -5);
    assert_int_equal(r->n_cases, 2);
    assert_true(r->cases[0].fires);
    assert_string_equal(r->cases[0].files[1], "hello");
    assert_string_equal(r->cases[0].also[0], "X2");
    assert_false(r->cases[1].fires);
    assert_null(r->cases[1].also);
    assert_string_equal(k->phrases[0].in, "");
    assert_string_equal(k->options[0].name, "ABE"); // sorted
    assert_string_equal(k->options[0].source, "another");
    assert_string_equal(k->options[1].source, "a thread");
    assert_string_equal(k->options[1].needs[1], "X=n");
    td_knowledge_free(k);
}

#define RULE "rules:\n  - { id: A, name: a, kind: cause, title: t, why: w, score: 1, "

static void what_is_wrong_with_a_book_is_said_with_its_line(void **state)
{
    static const struct {
        const char *text, *what, *where;
    } rows[] = {
        { "rules: [\n", "not YAML", "x.yml:2" },
        { "rulez: []\n", "unknown key 'rulez'; there are phrases, rules", "x.yml:1" },
        { "- a\n", "key: value is wanted", "x.yml:1" },
        { "rules:\n  a: b\n", "a list is wanted", "x.yml:2" },
        { "rules:\n  - { id: A }\n", "'name' is missing", "x.yml:2" },
        { RULE "when: a, id: B }\n", "'id' stands here twice", "x.yml:2" },
        { RULE "unless: a }\n", "'when' or 'any' is missing", "x.yml:2" },
        { RULE "when: [a, 'b c'] }\n", "a comparison is KEY OPERATOR VALUE", "x.yml:2" },
        { RULE "when: a, asks: [log] }\n", "which no book has", "x.yml" },
        { RULE "when: a, cases: [ { also: [B] } ] }\n", "either fires or silent", "x.yml:2" },
        { RULE "when: a, adjust: [ { if: a, by: x } ] }\n", "no number", "x.yml:2" },
        { RULE "when: a, adjust: [ { if: a, by: 101 } ] }\n", "no number", "x.yml:2" },
        { RULE "when: a }\n  - { id: A, name: b, kind: cause, title: t, why: w, score: 1, when: a "
               "}\n",
          "rule A is also in", "x.yml" },
        { "rules:\n  - { id: A, name: a, kind: big }\n", "'big' is none of", "x.yml:2" },
        { "phrases:\n  - { fact: a, text: '{n:n} is' }\n", "four letters in a row", "x.yml:2" },
        { "phrases:\n  - { fact: a, text: 'long enough {n:x}' }\n", "a capture is", "x.yml:2" },
        { "phrases:\n  - { fact: a, in: dream, text: long enough }\n", "none of device",
          "x.yml:2" },
        { "options:\n  - { name: A, means: x }\n  - { name: A, means: y }\n", "is there twice",
          "options.yml" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_knowledge_fault fault;
        struct td_knowledge *k = read_text("rules/x.yml", rows[i].text, &fault);

        if (k != NULL || strstr(fault.what, rows[i].what) == NULL ||
            strstr(fault.where, rows[i].where) == NULL)
            fail_msg("row %zu: %s: %s", i, k == NULL ? fault.where : "-",
                     k == NULL ? fault.what : "was read");
    }
}

static void an_empty_book_is_a_book(void **state)
{
    struct td_knowledge_fault fault;
    struct td_knowledge *k = read_text("rules/x.yml", "# nothing yet\n", &fault);

    (void)state;
    assert_non_null(k);
    assert_int_equal(k->n_rules, 0);
    td_knowledge_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_books_of_the_command_can_be_read),
        cmocka_unit_test(without_cases_all_the_rest_is_the_same),
        cmocka_unit_test(a_book_holds_what_its_text_says),
        cmocka_unit_test(what_is_wrong_with_a_book_is_said_with_its_line),
        cmocka_unit_test(an_empty_book_is_a_book),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
