/*
 * doctor/knowledge.c - books into phrases, rules, asks and options.
 *
 * What can be wrong in a book is found here, so that judging meets none of it: conditions
 * parse, phrases have enough letters to be looked for, scores are in range, names are there once.
 */
#include "doctor/knowledge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "doctor/book_priv.h"
#include "doctor/fact.h"
#include "doctor/phrase.h"

struct library {
    struct td_knowledge pub; /* first, so that one pointer is both */
    struct td_arena arena;
};

struct shelf {
    struct td_book_reading book;
    const char *topic;
    struct td_rows phrases, rules, asks, options;
    const char *source; /* of the options in this book */
};

/* The book of a shelf is its first member. */
static struct shelf *shelf_of(struct td_book_reading *book)
{
    return (struct shelf *)(void *)book;
}

/* ---- conditions ---------------------------------------------------------------------- */

static bool check_condition(struct td_book_reading *book, const yaml_node_t *node,
                            const char *condition)
{
    const char *fault = td_condition_fault(td_condition_bare(condition, NULL));

    return fault == NULL || td_book_fail(book, node, "'%s': %s", condition, fault);
}

static bool read_conditions(struct td_book_reading *book, yaml_node_t *node, const char *name,
                            void *dst)
{
    td_texts *texts = dst;

    if (!td_book_texts(book, node, name, dst))
        return false;
    for (td_texts at = *texts; *at != NULL; at++) {
        if (!check_condition(book, node, *at))
            return false;
    }
    return true;
}

static bool read_condition(struct td_book_reading *book, yaml_node_t *node, const char *name,
                           void *dst)
{
    return td_book_text(book, node, name, dst) &&
           check_condition(book, node, *(const char *const *)dst);
}

/* ---- phrases ------------------------------------------------------------------------- */

static bool read_in(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst)
{
    const char *text;

    if (!td_book_text(book, node, name, dst))
        return false;
    text = *(const char *const *)dst;
    if (strcmp(text, "device") == 0 || strcmp(text, "client") == 0 || strcmp(text, "prose") == 0)
        return true;
    return td_book_fail(book, node, "in: '%s' is none of device, client, prose", text);
}

static bool read_phrase_text(struct td_book_reading *book, yaml_node_t *node, const char *name,
                             void *dst)
{
    const char *fault;

    if (!td_book_text(book, node, name, dst))
        return false;
    fault = td_phrase_fault(*(const char *const *)dst);
    return fault == NULL || td_book_fail(book, node, "text: %s", fault);
}

static bool read_phrase(struct td_book_reading *book, yaml_node_t *node, void *dst)
{
    static const struct td_book_key keys[] = {
        { "fact", false, read_condition, offsetof(struct td_phrase, fact) },
        { "in", true, read_in, offsetof(struct td_phrase, in) },
        { "text", false, read_phrase_text, offsetof(struct td_phrase, text) },
    };
    struct td_phrase *phrase = td_rows_add(book->arena, dst);

    if (phrase == NULL)
        return td_book_no_memory(book);
    phrase->in = "";
    return td_book_map(book, node, "phrase", keys, TD_N_OF(keys), phrase);
}

static bool read_phrases(struct td_book_reading *book, yaml_node_t *node, const char *name,
                         void *dst)
{
    return td_book_list(book, node, name, read_phrase, dst);
}

/* ---- rules --------------------------------------------------------------------------- */

static const char *const no_texts[] = { NULL };

static bool read_kind(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst)
{
    static const char *const kinds[] = { "cause", "trap", "remark", "harmless" };

    if (!td_book_text(book, node, name, dst))
        return false;
    for (size_t i = 0; i < TD_N_OF(kinds); i++) {
        if (strcmp(*(const char *const *)dst, kinds[i]) == 0)
            return true;
    }
    return td_book_fail(book, node, "kind: '%s' is none of cause, trap, remark, harmless",
                        *(const char *const *)dst);
}

static bool read_one_adjust(struct td_book_reading *book, yaml_node_t *node, void *dst)
{
    static const struct td_book_key keys[] = {
        { "if", false, read_condition, offsetof(struct td_adjust, condition) },
        { "by", false, td_book_points, offsetof(struct td_adjust, by) },
    };
    struct td_adjust *adjust = td_rows_add(book->arena, dst);

    if (adjust == NULL)
        return td_book_no_memory(book);
    return td_book_map(book, node, "adjust", keys, TD_N_OF(keys), adjust);
}

static bool read_adjust(struct td_book_reading *book, yaml_node_t *node, const char *name,
                        void *dst)
{
    struct td_rule *rule = dst;
    struct td_rows rows = { .size = sizeof(struct td_adjust) };

    if (!td_book_list(book, node, name, read_one_adjust, &rows))
        return false;
    rule->adjust = rows.at;
    rule->n_adjust = rows.n;
    return true;
}

static bool read_files(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst)
{
    struct td_rows rows = { .size = sizeof(const char *) };

    if (node->type != YAML_MAPPING_NODE ||
        node->data.mapping.pairs.start == node->data.mapping.pairs.top)
        return td_book_fail(book, node, "%s: files are wanted, as name: contents", name);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const int nodes[] = { pair->key, pair->value };

        for (size_t i = 0; i < TD_N_OF(nodes); i++) {
            const char **row = td_rows_add(book->arena, &rows);

            if (row == NULL)
                return td_book_no_memory(book);
            if (!td_book_text(book, yaml_document_get_node(&book->doc, nodes[i]), name, row))
                return false;
        }
    }
    if (td_rows_add(book->arena, &rows) == NULL)
        return td_book_no_memory(book);
    *(td_texts *)dst = rows.at;
    return true;
}

struct reading_case {
    td_texts fires, silent, also;
};

static bool read_case(struct td_book_reading *book, yaml_node_t *node, void *dst)
{
    static const struct td_book_key keys[] = {
        { "fires", true, read_files, offsetof(struct reading_case, fires) },
        { "silent", true, read_files, offsetof(struct reading_case, silent) },
        { "also", true, td_book_texts, offsetof(struct reading_case, also) },
    };
    struct reading_case read = { NULL, NULL, NULL };
    struct td_case *one = td_rows_add(book->arena, dst);

    if (one == NULL)
        return td_book_no_memory(book);
    if (!td_book_map(book, node, "case", keys, TD_N_OF(keys), &read))
        return false;
    if ((read.fires == NULL) == (read.silent == NULL))
        return td_book_fail(book, node, "case: either fires or silent is wanted");
    one->fires = read.fires != NULL;
    one->files = one->fires ? read.fires : read.silent;
    one->also = read.also;
    return true;
}

static bool read_cases(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst)
{
    struct td_rule *rule = dst;
    struct td_rows rows = { .size = sizeof(struct td_case) };

    if (!td_book_list(book, node, name, read_case, &rows))
        return false;
    rule->cases = rows.at;
    rule->n_cases = rows.n;
    return true;
}

static bool read_rule(struct td_book_reading *book, yaml_node_t *node, void *dst)
{
    static const struct td_book_key keys[] = {
        { "id", false, td_book_text, offsetof(struct td_rule, id) },
        { "name", false, td_book_text, offsetof(struct td_rule, name) },
        { "kind", false, read_kind, offsetof(struct td_rule, kind) },
        { "title", false, td_book_text, offsetof(struct td_rule, title) },
        { "when", true, read_conditions, offsetof(struct td_rule, when) },
        { "any", true, read_conditions, offsetof(struct td_rule, any) },
        { "unless", true, read_conditions, offsetof(struct td_rule, unless) },
        { "score", false, td_book_points, offsetof(struct td_rule, score) },
        { "yields", true, td_book_points, offsetof(struct td_rule, yields) },
        { "adjust", true, read_adjust, 0 },
        { "why", false, td_book_text, offsetof(struct td_rule, why) },
        { "fix", true, td_book_text, offsetof(struct td_rule, fix) },
        { "check", true, td_book_text, offsetof(struct td_rule, check) },
        { "asks", true, td_book_texts, offsetof(struct td_rule, asks) },
        { "sources", true, td_book_texts, offsetof(struct td_rule, sources) },
        { "cases", true, read_cases, 0 },
    };
    struct td_rule *rule = td_rows_add(book->arena, dst);

    if (rule == NULL)
        return td_book_no_memory(book);
    rule->topic = shelf_of(book)->topic;
    rule->when = rule->any = rule->unless = rule->asks = rule->sources = no_texts;
    rule->fix = rule->check = "";
    if (!td_book_map(book, node, "rule", keys, TD_N_OF(keys), rule))
        return false;
    if (rule->when[0] == NULL && rule->any[0] == NULL)
        return td_book_fail(book, node, "rule %s: 'when' or 'any' is missing", rule->id);
    if (rule->score < 0)
        return td_book_fail(book, node, "rule %s: score goes from 0 to 100", rule->id);
    return true;
}

static bool read_rules(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst)
{
    return td_book_list(book, node, name, read_rule, dst);
}

static bool read_ask(struct td_book_reading *book, yaml_node_t *node, void *dst)
{
    static const struct td_book_key keys[] = {
        { "name", false, td_book_text, offsetof(struct td_ask, name) },
        { "text", false, td_book_text, offsetof(struct td_ask, text) },
        { "have", false, read_condition, offsetof(struct td_ask, have) },
    };
    struct td_ask *ask = td_rows_add(book->arena, dst);

    if (ask == NULL)
        return td_book_no_memory(book);
    return td_book_map(book, node, "ask", keys, TD_N_OF(keys), ask);
}

static bool read_asks(struct td_book_reading *book, yaml_node_t *node, const char *name, void *dst)
{
    return td_book_list(book, node, name, read_ask, dst);
}

/* ---- options ------------------------------------------------------------------------- */

static bool read_option(struct td_book_reading *book, yaml_node_t *node, void *dst)
{
    static const struct td_book_key keys[] = {
        { "name", false, td_book_text, offsetof(struct td_option, name) },
        { "means", true, td_book_text, offsetof(struct td_option, means) },
        { "fallback", true, td_book_text_or_empty, offsetof(struct td_option, fallback) },
        { "since", true, td_book_text, offsetof(struct td_option, since) },
        { "until", true, td_book_text, offsetof(struct td_option, until) },
        { "now", true, td_book_text, offsetof(struct td_option, now) },
        { "images", true, td_book_texts, offsetof(struct td_option, images) },
        { "needs", true, td_book_texts, offsetof(struct td_option, needs) },
        { "sets", true, td_book_texts, offsetof(struct td_option, sets) },
        { "match", true, td_book_texts, offsetof(struct td_option, match) },
        { "choice", true, td_book_text, offsetof(struct td_option, choice) },
        { "source", true, td_book_text, offsetof(struct td_option, source) },
    };
    struct td_option *option = td_rows_add(book->arena, dst);

    if (option == NULL)
        return td_book_no_memory(book);
    option->means = option->fallback = option->since = option->until = option->now = "";
    option->images = option->needs = option->sets = option->match = no_texts;
    option->choice = option->source = "";
    return td_book_map(book, node, "option", keys, TD_N_OF(keys), option);
}

static bool read_options(struct td_book_reading *book, yaml_node_t *node, const char *name,
                         void *dst)
{
    return td_book_list(book, node, name, read_option, dst);
}

/* ---- a book, and all of them --------------------------------------------------------- */

static bool read_root(struct shelf *shelf, yaml_node_t *root)
{
    static const struct td_book_key keys[] = {
        { "phrases", true, read_phrases, offsetof(struct shelf, phrases) },
        { "rules", true, read_rules, offsetof(struct shelf, rules) },
        { "asks", true, read_asks, offsetof(struct shelf, asks) },
        { "options", true, read_options, offsetof(struct shelf, options) },
        { "source", true, td_book_text, offsetof(struct shelf, source) },
    };

    return td_book_map(&shelf->book, root, "book", keys, TD_N_OF(keys), shelf);
}

/* What a book says once for all its options. */
static void set_source(struct shelf *shelf, size_t first)
{
    struct td_option *options = shelf->options.at;

    for (size_t i = first; i < shelf->options.n; i++) {
        if (options[i].source[0] == '\0' && shelf->source != NULL)
            options[i].source = shelf->source;
    }
}

/* "rules/swap.yml": swap. */
static const char *topic_of(struct td_arena *arena, const char *path)
{
    const char *name = strrchr(path, '/');

    name = name == NULL ? path : name + 1;
    return td_arena_text(arena, name, strcspn(name, "."));
}

static bool read_book(struct shelf *shelf, const struct td_book *from)
{
    size_t first = shelf->options.n;
    yaml_node_t *root;
    bool ok = false;

    shelf->source = NULL;
    shelf->topic = topic_of(shelf->book.arena, from->path);
    if (shelf->topic == NULL)
        return td_book_no_memory(&shelf->book);
    if (td_book_open(&shelf->book, from)) {
        root = yaml_document_get_root_node(&shelf->book.doc);
        ok = root == NULL || read_root(shelf, root); // a book may be empty
    }
    td_book_close(&shelf->book);
    set_source(shelf, first);
    return ok;
}

static bool fail_whole(struct td_knowledge_fault *fault, const char *topic, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail_whole(struct td_knowledge_fault *fault, const char *topic, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(fault->what, sizeof fault->what, format, args);
    va_end(args);
    (void)snprintf(fault->where, sizeof fault->where, "%s.yml", topic);
    return false;
}

static const struct td_ask *find_ask(const struct shelf *shelf, const char *name)
{
    const struct td_ask *asks = shelf->asks.at;

    for (size_t i = 0; i < shelf->asks.n; i++) {
        if (strcmp(asks[i].name, name) == 0)
            return &asks[i];
    }
    return NULL;
}

static bool check_rules(const struct shelf *shelf, struct td_knowledge_fault *fault)
{
    const struct td_rule *rules = shelf->rules.at;

    for (size_t i = 0; i < shelf->rules.n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(rules[i].id, rules[j].id) == 0)
                return fail_whole(fault, rules[i].topic, "rule %s is also in %s.yml", rules[i].id,
                                  rules[j].topic);
            if (strcmp(rules[i].name, rules[j].name) == 0)
                return fail_whole(fault, rules[i].topic, "a rule %s is also in %s.yml",
                                  rules[i].name, rules[j].topic);
        }
        for (td_texts ask = rules[i].asks; *ask != NULL; ask++) {
            if (find_ask(shelf, *ask) == NULL)
                return fail_whole(fault, rules[i].topic, "rule %s asks for '%s', which no book has",
                                  rules[i].id, *ask);
        }
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct td_option *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static bool sort_options(struct shelf *shelf, struct td_knowledge_fault *fault)
{
    struct td_option *options = shelf->options.at;

    if (shelf->options.n == 0)
        return true;
    qsort(options, shelf->options.n, sizeof *options, by_name);
    for (size_t i = 1; i < shelf->options.n; i++) {
        if (strcmp(options[i - 1].name, options[i].name) == 0)
            return fail_whole(fault, "options", "the option %s is there twice", options[i].name);
    }
    return true;
}

static struct td_knowledge *publish(struct library *library, const struct shelf *shelf)
{
    library->pub = (struct td_knowledge){
        .phrases = shelf->phrases.at,
        .n_phrases = shelf->phrases.n,
        .rules = shelf->rules.at,
        .n_rules = shelf->rules.n,
        .asks = shelf->asks.at,
        .n_asks = shelf->asks.n,
        .options = shelf->options.at,
        .n_options = shelf->options.n,
    };
    return &library->pub;
}

static struct td_knowledge *read(const struct td_book *books, bool without_cases,
                                 struct td_knowledge_fault *fault)
{
    struct library *library = calloc(1, sizeof *library);
    struct shelf shelf = {
        .phrases.size = sizeof(struct td_phrase),
        .rules.size = sizeof(struct td_rule),
        .asks.size = sizeof(struct td_ask),
        .options.size = sizeof(struct td_option),
    };
    bool ok = library != NULL;

    *fault = (struct td_knowledge_fault){ "out of memory", "" };
    if (library == NULL)
        return NULL;
    shelf.book.arena = &library->arena;
    shelf.book.fault = fault;
    shelf.book.without_cases = without_cases;
    for (; ok && books->path != NULL; books++)
        ok = read_book(&shelf, books);
    if (ok && check_rules(&shelf, fault) && sort_options(&shelf, fault))
        return publish(library, &shelf);
    td_knowledge_free(&library->pub);
    return NULL;
}

struct td_knowledge *td_knowledge_read(const struct td_book *books,
                                       struct td_knowledge_fault *fault)
{
    return read(books, false, fault);
}

struct td_knowledge *td_knowledge_read_without_cases(const struct td_book *books,
                                                     struct td_knowledge_fault *fault)
{
    return read(books, true, fault);
}

void td_knowledge_free(struct td_knowledge *knowledge)
{
    struct library *library = (struct library *)(void *)knowledge;

    if (library == NULL)
        return;
    td_arena_free(&library->arena);
    free(library);
}
