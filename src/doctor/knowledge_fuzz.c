/*
 * doctor/knowledge_fuzz.c - hostile text as a book.
 *
 * What is refused names its reason and its place; what is read can be looked for and judged.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/phrase.h"
#include "doctor/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_hit(void *user, const struct td_phrase_hit *hit)
{
    const struct td_place at = { 0, 1, 0 };
    struct td_facts *facts = user;

    if (hit->n_captures > TD_PHRASE_CAPTURES)
        abort();
    td_fact_add(facts, "hit", &at, TD_NO_TIME, hit->phrase->text, "fact='%s'", hit->phrase->fact);
}

static void use(const struct td_knowledge *k)
{
    const struct td_place at = { 0, 1, 0 };
    struct td_phrases *phrases = td_phrases_new(k);
    struct td_facts *facts = td_facts_new();
    struct td_judgement *judgement;

    if (phrases == NULL || facts == NULL)
        abort();
    for (size_t i = 0; i < k->n_phrases; i++)
        td_phrases_find(phrases, k->phrases[i].text, strlen(k->phrases[i].text), TD_DIALECT_PLAIN,
                        take_hit, facts);
    for (size_t i = 0; i < k->n_rules; i++) {
        const struct td_rule *rule = &k->rules[i];

        if (rule->when[0] != NULL)
            td_fact_add(facts, rule->when[0], &at, TD_NO_TIME, NULL, "a=1");
    }
    judgement = td_judge(k, facts);
    if (judgement == NULL)
        abort();
    for (size_t i = 0; i < td_judgement_count(judgement); i++) {
        const struct td_finding *f = td_judgement_at(judgement, i);

        if (f->score < 0 || f->score > 100 || f->n_evidence > TD_FINDING_EVIDENCE)
            abort();
    }
    td_judgement_free(judgement);
    td_facts_free(facts);
    td_phrases_free(phrases);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *text = malloc(size + (size == 0)); // of exactly this length, so that ASan sees
    struct td_knowledge_fault fault = { "", "" };
    const struct td_book books[] = { { "rules/fuzz.yml", text, size }, { NULL, NULL, 0 } };
    struct td_knowledge *knowledge;

    if (text == NULL)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    knowledge = td_knowledge_read(books, &fault);
    if (knowledge == NULL && (fault.what[0] == '\0' || fault.where[0] == '\0'))
        abort();
    if (knowledge != NULL)
        use(knowledge);
    td_knowledge_free(knowledge);
    free(text);
    return 0;
}
