/*
 * doctor/fact.c - the store of facts.
 *
 * 1. Whatever is added, memory stays below TD_FACT_MAX facts of a few hundred bytes each.
 * 2. A fact, once handed out, stays where it is: each lives in a block of its own.
 * 3. Equal facts (name and all attributes in their order) meet in one hash table, so that the
 *    hundred thousandth repeat costs a formatting and one look.
 */
#include "doctor/fact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE      (2 * TD_FACT_MAX) /* a power of two */
#define NAMES      1024 /* distinct names, a power of two; half of it is used at most */
#define ATTRS_TEXT 1024 /* the attributes of one fact as text; what is longer is cut */
#define NONE       UINT32_MAX

struct entry {
    struct td_fact fact;
    uint32_t hash;
    uint32_t next_of_name; /* index of the next fact of this name, or NONE */
    char text[];           /* name, attributes, quote */
};

struct name {
    const char *text; /* NULL: free */
    uint32_t first, last;
    uint32_t n;
};

struct td_facts {
    struct entry *at[TD_FACT_MAX];
    size_t n;
    uint32_t dropped;
    uint32_t table[TABLE]; /* index + 1; 0: free */
    struct name names[NAMES];
    size_t n_names;
};

struct td_facts *td_facts_new(void)
{
    return calloc(1, sizeof(struct td_facts));
}

void td_facts_free(struct td_facts *facts)
{
    if (facts == NULL)
        return;
    for (size_t i = 0; i < facts->n; i++)
        free(facts->at[i]);
    for (size_t i = 0; i < NAMES; i++)
        free((void *)(uintptr_t)facts->names[i].text);
    free(facts);
}

size_t td_facts_count(const struct td_facts *facts)
{
    return facts->n;
}

const struct td_fact *td_facts_at(const struct td_facts *facts, size_t n)
{
    return n < facts->n ? &facts->at[n]->fact : NULL;
}

uint32_t td_facts_dropped(const struct td_facts *facts)
{
    return facts->dropped;
}

const char *td_fact_get(const struct td_fact *fact, const char *key)
{
    for (size_t i = 0; i < fact->n_attrs; i++) {
        if (strcmp(fact->attrs[i].key, key) == 0)
            return fact->attrs[i].value;
    }
    return NULL;
}

static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619u;
    return (hash ^ 0xff) * 16777619u;
}

/* ---- attributes as text -------------------------------------------------------------- */

/* Cuts `key=value key='a b'` in place; how many there are. What is no attribute is left out. */
static uint8_t split_attrs(char *text, struct td_attr *attrs)
{
    uint8_t n = 0;

    while (n < TD_FACT_ATTRS) {
        char *key, *value, *end;

        while (*text == ' ')
            text++;
        if (*text == '\0')
            break;
        key = text;
        text += strcspn(text, "= ");
        if (*text != '=')
            continue;
        *text++ = '\0';
        value = text;
        if (*value == '\'') {
            value++;
            end = strchr(value, '\'');
            end = end == NULL ? value + strlen(value) : end;
        } else {
            end = value + strcspn(value, " ");
        }
        text = *end == '\0' ? end : end + 1;
        *end = '\0';
        attrs[n++] = (struct td_attr){ key, value };
    }
    return n;
}

static bool is_time(const char *key)
{
    size_t len = strlen(key);

    return len > 3 && strcmp(key + len - 3, "_ms") == 0;
}

static uint8_t leave_times_out(struct td_attr *attrs, uint8_t n)
{
    uint8_t kept = 0;

    for (uint8_t i = 0; i < n; i++) {
        if (!is_time(attrs[i].key))
            attrs[kept++] = attrs[i];
    }
    return kept;
}

/* ---- the store ----------------------------------------------------------------------- */

static struct name *find_name(const struct td_facts *facts, const char *name)
{
    uint32_t at = hash_text(2166136261u, name);

    for (;; at++) {
        const struct name *n = &facts->names[at & (NAMES - 1)];

        if (n->text == NULL || strcmp(n->text, name) == 0)
            return (struct name *)(uintptr_t)n;
    }
}

/* The row of a name, made when it is new. NULL: no room. */
static struct name *name_of(struct td_facts *facts, const char *text)
{
    struct name *name = find_name(facts, text);

    if (name->text != NULL)
        return name;
    if (facts->n_names == NAMES / 2)
        return NULL;
    name->text = strdup(text);
    if (name->text == NULL)
        return NULL;
    name->first = name->last = NONE;
    facts->n_names++;
    return name;
}

static uint32_t hash_fact(const char *name, const struct td_attr *attrs, uint8_t n)
{
    uint32_t hash = hash_text(2166136261u, name);

    for (uint8_t i = 0; i < n; i++)
        hash = hash_text(hash_text(hash, attrs[i].key), attrs[i].value);
    return hash;
}

static bool same(const struct entry *e, uint32_t hash, const char *name,
                 const struct td_attr *attrs, uint8_t n)
{
    if (e->hash != hash || e->fact.n_attrs != n || strcmp(e->fact.name, name) != 0)
        return false;
    for (uint8_t i = 0; i < n; i++) {
        if (strcmp(e->fact.attrs[i].key, attrs[i].key) != 0 ||
            strcmp(e->fact.attrs[i].value, attrs[i].value) != 0)
            return false;
    }
    return true;
}

/* The cell of the table where this fact is, or where it belongs. */
static uint32_t *find_cell(struct td_facts *facts, uint32_t hash, const char *name,
                           const struct td_attr *attrs, uint8_t n)
{
    for (uint32_t at = hash;; at++) {
        uint32_t *cell = &facts->table[at & (TABLE - 1)];

        if (*cell == 0 || same(facts->at[*cell - 1], hash, name, attrs, n))
            return cell;
    }
}

static const char *put(char **room, const char *text)
{
    size_t size = strlen(text) + 1;
    char *at = *room;

    memcpy(at, text, size);
    *room += size;
    return at;
}

/* At most TD_FACT_QUOTE bytes, whole characters of UTF-8, no control characters. */
static size_t quote_len(const char *quote)
{
    size_t len = strnlen(quote, TD_FACT_QUOTE + 1);

    if (len <= TD_FACT_QUOTE)
        return len;
    len = TD_FACT_QUOTE - 3;
    while (len > 0 && ((uint8_t)quote[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static void put_quote(char *room, const char *quote)
{
    size_t len = quote_len(quote);

    for (size_t i = 0; i < len; i++)
        room[i] = (uint8_t)quote[i] < ' ' || quote[i] == 0x7f ? ' ' : quote[i];
    strcpy(room + len, quote[len] != '\0' ? "..." : "");
}

static struct entry *new_entry(uint32_t hash, const char *name, const struct td_attr *attrs,
                               uint8_t n, const char *quote)
{
    size_t size = strlen(name) + 1 + TD_FACT_QUOTE + 1;
    struct entry *e;
    char *room;

    for (uint8_t i = 0; i < n; i++)
        size += strlen(attrs[i].key) + strlen(attrs[i].value) + 2;
    e = calloc(1, sizeof *e + size);
    if (e == NULL)
        return NULL;
    room = e->text;
    e->hash = hash;
    e->next_of_name = NONE;
    e->fact.name = put(&room, name);
    e->fact.n_attrs = n;
    for (uint8_t i = 0; i < n; i++) {
        e->fact.attrs[i].key = put(&room, attrs[i].key);
        e->fact.attrs[i].value = put(&room, attrs[i].value);
    }
    if (quote != NULL) {
        put_quote(room, quote);
        e->fact.quote = room;
    }
    return e;
}

static void link_to_name(struct td_facts *facts, struct name *name, uint32_t index)
{
    if (name->first == NONE)
        name->first = index;
    else
        facts->at[name->last]->next_of_name = index;
    name->last = index;
    name->n++;
}

const struct td_fact *td_fact_add(struct td_facts *facts, const char *name,
                                  const struct td_place *at, int64_t time_us, const char *quote,
                                  const char *format, ...)
{
    char text[ATTRS_TEXT];
    struct td_attr attrs[TD_FACT_ATTRS];
    struct name *of = name_of(facts, name);
    struct td_fact *fact;
    struct entry *e;
    uint32_t hash, *cell;
    uint8_t n;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    n = split_attrs(text, attrs);
    if (of != NULL && of->n >= TD_FACT_PER_NAME / 2)
        n = leave_times_out(attrs, n);
    hash = hash_fact(name, attrs, n);
    cell = find_cell(facts, hash, name, attrs, n);
    if (*cell == 0) {
        e = NULL;
        if (of != NULL && of->n < TD_FACT_PER_NAME && facts->n < TD_FACT_MAX)
            e = new_entry(hash, name, attrs, n, quote);
        if (e == NULL) {
            facts->dropped++;
            return NULL;
        }
        e->fact.first = *at;
        e->fact.first_us = time_us;
        facts->at[facts->n] = e;
        link_to_name(facts, of, (uint32_t)facts->n);
        *cell = (uint32_t)++facts->n;
    }
    fact = &facts->at[*cell - 1]->fact;
    fact->count += fact->count < UINT32_MAX;
    fact->last = *at;
    fact->last_us = time_us;
    return fact;
}

/* ---- conditions ---------------------------------------------------------------------- */

enum op { OP_EQ, OP_NE, OP_LT, OP_GT, OP_LE, OP_GE, OP_HAS, OP_HAS_NOT };

static const struct {
    char text[3];
    enum op op;
} ops[] = {
    /* the longer ones first */
    { "!=", OP_NE }, { "<=", OP_LE }, { ">=", OP_GE }, { "!~", OP_HAS_NOT },
    { "=", OP_EQ },  { "<", OP_LT },  { ">", OP_GT },  { "~", OP_HAS },
};

#define CONDITION_TEXT 320

struct condition {
    char text[CONDITION_TEXT];
    char *name;
    bool wild; /* the name ended in * */
    struct {
        const char *key, *value;
        enum op op;
    } at[TD_FACT_ATTRS];
    size_t n;
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static char *skip_blanks(char *text)
{
    while (*text == ' ')
        text++;
    return text;
}

/* Reads one comparison and ends its parts in place; where the next begins, or NULL. */
static char *read_comparison(struct condition *c, char *text, const char **fault)
{
    char *key = text, *value;
    size_t found = 0;

    while (is_word(*text))
        text++;
    while (found < sizeof ops / sizeof *ops &&
           strncmp(text, ops[found].text, strlen(ops[found].text)) != 0)
        found++;
    if (text == key || found == sizeof ops / sizeof *ops) {
        *fault = "a comparison is KEY OPERATOR VALUE without blanks; operators are = != < > <= "
                 ">= ~ !~";
        return NULL;
    }
    if (c->n == TD_FACT_ATTRS) {
        *fault = "too many comparisons";
        return NULL;
    }
    value = text + strlen(ops[found].text);
    *text = '\0';
    text = value;
    if (*value == '\'') {
        text = strchr(++value, '\'');
        if (text == NULL) {
            *fault = "a quote is not closed";
            return NULL;
        }
        *text++ = '\0';
        if (*text != ' ' && *text != '\0') {
            *fault = "a blank is missing behind a quote";
            return NULL;
        }
    } else {
        text += strcspn(text, " ");
    }
    if (*text == ' ')
        *text++ = '\0';
    c->at[c->n].key = key;
    c->at[c->n].op = ops[found].op;
    c->at[c->n++].value = value;
    return text;
}

/* NULL, or what is wrong. */
static const char *parse(struct condition *c, const char *condition)
{
    const char *fault = NULL;
    size_t len = strlen(condition);
    char *text;

    if (len >= sizeof c->text)
        return "a condition is at most 319 characters long";
    memcpy(c->text, condition, len + 1);
    c->n = 0;
    c->name = text = skip_blanks(c->text);
    while (is_word(*text))
        text++;
    c->wild = *text == '*';
    if (c->wild)
        *text++ = '\0';
    if (c->name[0] == '\0' && !c->wild)
        return "a condition begins with the name of a fact";
    if (*text != ' ' && *text != '\0')
        return "the name of a fact has letters, digits, dots and dashes, and may end in *";
    if (*text == ' ')
        *text++ = '\0';
    for (text = skip_blanks(text); *text != '\0'; text = skip_blanks(text)) {
        text = read_comparison(c, text, &fault);
        if (text == NULL)
            return fault;
    }
    return NULL;
}

const char *td_condition_bare(const char *condition, bool *negated)
{
    bool is_negated = strncmp(condition, "not ", 4) == 0;

    if (negated != NULL)
        *negated = is_negated;
    return condition + (is_negated ? 4 : 0);
}

const char *td_condition_fault(const char *text)
{
    struct condition c;

    return parse(&c, text);
}

static bool number_of(const char *text, int64_t *out)
{
    bool minus = *text == '-';
    const char *digit = text + minus;
    int64_t value = 0;

    if (*digit == '\0')
        return false;
    for (; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || value > (INT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (*digit - '0');
    }
    *out = minus ? -value : value;
    return true;
}

static int order(const char *a, const char *b)
{
    int64_t x, y;

    if (number_of(a, &x) && number_of(b, &y))
        return (x > y) - (x < y);
    return strcmp(a, b);
}

static bool compare(enum op op, const char *have, const char *want)
{
    if (have == NULL)
        return op == OP_NE || op == OP_HAS_NOT;
    switch (op) {
    case OP_EQ: return order(have, want) == 0;
    case OP_NE: return order(have, want) != 0;
    case OP_LT: return order(have, want) < 0;
    case OP_GT: return order(have, want) > 0;
    case OP_LE: return order(have, want) <= 0;
    case OP_GE: return order(have, want) >= 0;
    case OP_HAS: return strcasestr(have, want) != NULL;
    case OP_HAS_NOT: return strcasestr(have, want) == NULL;
    }
    return false;
}

static bool satisfies(const struct td_fact *fact, const struct condition *c)
{
    if (c->wild ? strncmp(fact->name, c->name, strlen(c->name)) != 0
                : strcmp(fact->name, c->name) != 0)
        return false;
    for (size_t i = 0; i < c->n; i++) {
        if (!compare(c->at[i].op, td_fact_get(fact, c->at[i].key), c->at[i].value))
            return false;
    }
    return true;
}

/* The index of the next fact at or behind `at` that may satisfy, by its name. */
static size_t next_candidate(const struct td_facts *facts, const struct condition *c, size_t at)
{
    const struct name *name;
    uint32_t i;

    if (c->wild)
        return at;
    name = find_name(facts, c->name);
    i = name->text == NULL ? NONE : name->first;
    if (at > 0 && at <= facts->n && strcmp(facts->at[at - 1]->fact.name, c->name) == 0)
        i = facts->at[at - 1]->next_of_name;
    while (i != NONE && i < at)
        i = facts->at[i]->next_of_name;
    return i == NONE ? facts->n : i;
}

/* Most rules are about something else: their facts' names are not there at all. */
static bool is_about_nothing(const struct td_facts *facts, const char *condition)
{
    char name[64];
    size_t len = 0;

    while (is_word(condition[len]))
        len++;
    if (len >= sizeof name || condition[len] == '*')
        return false;
    memcpy(name, condition, len);
    name[len] = '\0';
    return find_name(facts, name)->text == NULL;
}

const struct td_fact *td_facts_next(const struct td_facts *facts, const char *condition, size_t *at)
{
    struct condition c;

    if (condition[0] != ' ' && is_about_nothing(facts, condition)) {
        *at = facts->n;
        return NULL;
    }
    if (parse(&c, condition) != NULL)
        return NULL;
    for (;;) {
        size_t i = next_candidate(facts, &c, *at);

        if (i >= facts->n) {
            *at = facts->n;
            return NULL;
        }
        *at = i + 1;
        if (satisfies(&facts->at[i]->fact, &c))
            return &facts->at[i]->fact;
    }
}

bool td_facts_hold(const struct td_facts *facts, const char *condition)
{
    size_t at = 0;

    return td_facts_next(facts, condition, &at) != NULL;
}
