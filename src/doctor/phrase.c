/*
 * doctor/phrase.c - all phrases at once.
 *
 * A phrase is cut into pieces: literals and captures by turns. The automaton reads bytes as
 * classes (letters without case, all blanks one class, a run of them one step), so that its
 * tables stay small; a state knows the longest suffix that is a literal as well, and from there
 * the shorter ones.
 *
 * A line that promises more than ATTEMPTS places for one phrase is not looked at any further:
 * work on a line stays in proportion to its length.
 */
#include "doctor/phrase.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/reader.h"

#define PIECES      (2 * TD_PHRASE_CAPTURES + 1)
#define PHRASE_TEXT 256
#define LITERAL_MIN 4
#define ATTEMPTS    16

enum piece_kind { PIECE_LITERAL, PIECE_WORD, PIECE_NUMBER, PIECE_REST };

struct piece {
    enum piece_kind kind;
    const char *text; /* a literal in lower case, or the name of a capture */
    size_t len;
};

struct pattern {
    struct piece at[PIECES];
    size_t n;
    size_t key; /* the literal that the automaton looks for */
    char text[PHRASE_TEXT];
};

struct state {
    uint32_t phrase; /* index + 1 of the first phrase whose key ends here */
    uint32_t fail;
    uint32_t shorter; /* the next state on the way of fail that ends a key; 0: none */
};

struct td_phrases {
    const struct td_knowledge *knowledge;
    struct pattern *patterns;
    uint32_t *next_of_key; /* index + 1 of another phrase with the same key */
    uint32_t *seen;        /* the line that a phrase was last looked for in */
    uint32_t line;
    uint8_t class_of[256];
    size_t n_classes;
    struct state *states;
    uint32_t *go; /* n_states * n_classes */
    size_t n_states, cap_states;
    char *text, *low; /* the line with single blanks, as it is and in lower case */
    size_t cap_text;
};

static char fold(char c)
{
    if (c == '\t')
        return ' ';
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Copies with runs of blanks as one blank; returns the length. */
static size_t squeeze(const char *from, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = from[i] == '\t' ? ' ' : from[i];

        if (c == ' ' && n > 0 && out[n - 1] == ' ')
            continue;
        out[n++] = c;
    }
    return n;
}

/* ---- a phrase in pieces -------------------------------------------------------------- */

static const char *add_piece(struct pattern *p, enum piece_kind kind, char *text, size_t len)
{
    if (p->n == PIECES)
        return "more than 6 captures";
    p->at[p->n++] = (struct piece){ kind, text, len };
    return NULL;
}

/* {name}, {name:n}, {name:*}; text stands on the brace. NULL and *end, or the fault. */
static const char *read_capture(struct pattern *p, char *text, char **end)
{
    char *name = text + 1;
    size_t len = 0;
    enum piece_kind kind = PIECE_WORD;
    char *after;

    while (isalnum((unsigned char)name[len]) || name[len] == '_' || name[len] == '-')
        len++;
    after = name + len;
    if (len == 0)
        return "a capture is {name}, {name:n} or {name:*}";
    if (strncmp(after, ":n", 2) == 0 || strncmp(after, ":*", 2) == 0) {
        kind = after[1] == 'n' ? PIECE_NUMBER : PIECE_REST;
        *after = '\0';
        after += 2;
    }
    if (*after != '}')
        return "a capture is {name}, {name:n} or {name:*}";
    *after = '\0';
    *end = after + 1;
    if (p->n > 0 && p->at[p->n - 1].kind != PIECE_LITERAL)
        return "between two captures something must stand";
    if (p->n == 0 && kind == PIECE_REST)
        return "a phrase does not begin with the rest of a line";
    return add_piece(p, kind, name, len);
}

static const char *cut(struct pattern *p, const char *phrase)
{
    size_t len = strlen(phrase);
    const char *fault = NULL;
    char *text = p->text;

    if (len >= sizeof p->text)
        return "a phrase is at most 255 characters long";
    len = squeeze(phrase, len, p->text);
    p->text[len] = '\0';
    p->n = 0;
    while (fault == NULL && *text != '\0') {
        if (*text == '{') {
            fault = read_capture(p, text, &text);
        } else {
            size_t n = strcspn(text, "{");

            for (size_t i = 0; i < n; i++)
                text[i] = fold(text[i]);
            fault = add_piece(p, PIECE_LITERAL, text, n);
            text += n;
        }
    }
    return fault;
}

static void choose_key(struct pattern *p)
{
    p->key = PIECES;
    for (size_t i = 0; i < p->n; i++) {
        if (p->at[i].kind != PIECE_LITERAL)
            continue;
        if (p->key == PIECES || p->at[i].len > p->at[p->key].len)
            p->key = i;
    }
}

const char *td_phrase_fault(const char *text)
{
    struct pattern pattern;
    const char *fault = cut(&pattern, text);

    if (fault != NULL)
        return fault;
    choose_key(&pattern);
    if (pattern.key == PIECES || pattern.at[pattern.key].len < LITERAL_MIN)
        return "at least four letters in a row are wanted";
    return NULL;
}

/* ---- the automaton ------------------------------------------------------------------- */

/* Only bytes that some key has are told apart. */
static void set_classes(struct td_phrases *p)
{
    size_t n = 1;

    for (size_t i = 0; i < p->knowledge->n_phrases; i++) {
        const struct piece *key = &p->patterns[i].at[p->patterns[i].key];

        for (size_t j = 0; j < key->len; j++) {
            uint8_t *c = &p->class_of[(uint8_t)key->text[j]];

            if (*c == 0)
                *c = (uint8_t)n++;
        }
    }
    for (int c = 'A'; c <= 'Z'; c++)
        p->class_of[c] = p->class_of[c - 'A' + 'a'];
    p->class_of['\t'] = p->class_of[' '];
    p->n_classes = n;
}

static size_t count_states(const struct td_phrases *p)
{
    size_t n = 1;

    for (size_t i = 0; i < p->knowledge->n_phrases; i++)
        n += p->patterns[i].at[p->patterns[i].key].len;
    return n;
}

static uint32_t *edge(struct td_phrases *p, uint32_t state, uint8_t class)
{
    return &p->go[state * p->n_classes + class];
}

static void add_key(struct td_phrases *p, uint32_t index)
{
    const struct piece *key = &p->patterns[index].at[p->patterns[index].key];
    uint32_t at = 0;

    for (size_t i = 0; i < key->len; i++) {
        uint32_t *to = edge(p, at, p->class_of[(uint8_t)key->text[i]]);

        if (*to == 0)
            *to = (uint32_t)p->n_states++;
        at = *to;
    }
    p->next_of_key[index] = p->states[at].phrase;
    p->states[at].phrase = index + 1;
}

/* Breadth first: whoever is nearer to the root is finished before it is needed. */
static bool set_failures(struct td_phrases *p)
{
    uint32_t *queue = malloc(p->n_states * sizeof *queue);
    size_t head = 0, tail = 0;

    if (queue == NULL)
        return false;
    for (size_t c = 0; c < p->n_classes; c++) {
        if (p->go[c] != 0)
            queue[tail++] = p->go[c];
    }
    while (head < tail) {
        uint32_t at = queue[head++];
        struct state *s = &p->states[at];
        const struct state *back = &p->states[s->fail];

        s->shorter = back->phrase != 0 ? s->fail : back->shorter;
        for (size_t c = 0; c < p->n_classes; c++) {
            uint32_t *to = edge(p, at, (uint8_t)c);
            uint32_t other = *edge(p, s->fail, (uint8_t)c);

            if (*to == 0) {
                *to = other;
            } else {
                p->states[*to].fail = other;
                queue[tail++] = *to;
            }
        }
    }
    free(queue);
    return true;
}

static bool build(struct td_phrases *p)
{
    size_t n = p->knowledge->n_phrases;

    p->patterns = calloc(n + 1, sizeof *p->patterns);
    p->next_of_key = calloc(n + 1, sizeof *p->next_of_key);
    p->seen = calloc(n + 1, sizeof *p->seen);
    p->cap_text = TD_READER_LINE + 1;
    p->text = malloc(p->cap_text);
    p->low = malloc(p->cap_text);
    if (p->patterns == NULL || p->next_of_key == NULL || p->seen == NULL || p->text == NULL ||
        p->low == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        (void)cut(&p->patterns[i], p->knowledge->phrases[i].text);
        choose_key(&p->patterns[i]);
    }
    set_classes(p);
    p->cap_states = count_states(p);
    p->states = calloc(p->cap_states, sizeof *p->states);
    p->go = calloc(p->cap_states * p->n_classes, sizeof *p->go);
    if (p->states == NULL || p->go == NULL)
        return false;
    p->n_states = 1;
    for (size_t i = 0; i < n; i++)
        add_key(p, (uint32_t)i);
    return set_failures(p);
}

struct td_phrases *td_phrases_new(const struct td_knowledge *knowledge)
{
    struct td_phrases *p = calloc(1, sizeof *p);

    if (p == NULL)
        return NULL;
    p->knowledge = knowledge;
    if (build(p))
        return p;
    td_phrases_free(p);
    return NULL;
}

void td_phrases_free(struct td_phrases *phrases)
{
    if (phrases == NULL)
        return;
    free(phrases->patterns);
    free(phrases->next_of_key);
    free(phrases->seen);
    free(phrases->states);
    free(phrases->go);
    free(phrases->text);
    free(phrases->low);
    free(phrases);
}

/* ---- comparing ----------------------------------------------------------------------- */

static bool ends_word(char c)
{
    return c == '\0' || strchr(" ,;\"'()[]{}<>", c) != NULL;
}

static bool is_literal(const struct piece *piece, const char *low, size_t len)
{
    return len >= piece->len && memcmp(low, piece->text, piece->len) == 0;
}

static void set_value(struct td_capture *capture, const char *name, const char *text, size_t len)
{
    capture->name = name;
    (void)snprintf(capture->value, sizeof capture->value, "%.*s",
                   (int)(len < TD_PHRASE_VALUE ? len : TD_PHRASE_VALUE - 1), text);
}

/* How long a number at the beginning of text is, 0: there is none; *value in decimal. */
static size_t number_len(const char *text, size_t len, uint64_t *value)
{
    bool hex = len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') &&
               isxdigit((unsigned char)text[2]);
    size_t at = hex ? 2 : 0;

    *value = 0;
    for (; at < len && (hex ? isxdigit((unsigned char)text[at]) : isdigit((unsigned char)text[at]));
         at++) {
        char c = fold(text[at]);

        // What no 64 bits hold stays the largest number, instead of becoming some small one.
        *value = *value > (UINT64_MAX - 15) / 16
                     ? UINT64_MAX
                     : *value * (hex ? 16 : 10) + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return at;
}

static void set_number(struct td_capture *capture, const char *name, uint64_t value)
{
    capture->name = name;
    (void)snprintf(capture->value, sizeof capture->value, "%llu", (unsigned long long)value);
}

/* A word up to where the next piece begins, or as long as it gets. 0: there is none. */
static size_t word_len(const char *text, const char *low, size_t len, const struct piece *next)
{
    size_t n = 0;

    while (n < len && !ends_word(text[n])) {
        n++;
        if (next != NULL && is_literal(next, low + n, len - n))
            return n;
    }
    if (next != NULL)
        return 0;
    while (n > 0 && (text[n - 1] == '.' || text[n - 1] == ':'))
        n--;
    return n;
}

/* The rest, up to the next piece when one follows. SIZE_MAX: it does not follow. */
static size_t rest_len(const char *low, size_t len, const struct piece *next)
{
    const char *at;

    if (next == NULL)
        return len;
    at = memmem(low, len, next->text, next->len);
    return at == NULL ? SIZE_MAX : (size_t)(at - low);
}

/* Takes piece i at *at, and moves on. */
static bool take_piece(const struct td_phrases *p, const struct pattern *pat, size_t i, size_t len,
                       size_t *at, struct td_phrase_hit *hit)
{
    const struct piece *piece = &pat->at[i];
    const struct piece *next = i + 1 < pat->n ? &pat->at[i + 1] : NULL;
    const char *text = p->text + *at, *low = p->low + *at;
    size_t left = len - *at, n = 0;
    uint64_t value;

    switch (piece->kind) {
    case PIECE_LITERAL:
        if (!is_literal(piece, low, left))
            return false;
        *at += piece->len;
        return true;
    case PIECE_NUMBER:
        n = number_len(text, left, &value);
        if (n == 0)
            return false;
        set_number(&hit->captures[hit->n_captures++], piece->text, value);
        break;
    case PIECE_WORD:
        n = word_len(text, low, left, next);
        if (n == 0)
            return false;
        set_value(&hit->captures[hit->n_captures++], piece->text, text, n);
        break;
    case PIECE_REST:
        n = rest_len(low, left, next);
        if (n == SIZE_MAX)
            return false;
        set_value(&hit->captures[hit->n_captures++], piece->text, text, n);
        break;
    }
    *at += n;
    return true;
}

/* A capture that begins the phrase stands in front of its first literal. */
static bool take_leading(const struct td_phrases *p, const struct piece *piece, size_t end,
                         struct td_phrase_hit *hit)
{
    size_t start = end;
    uint64_t value;

    while (start > 0 && end - start < TD_PHRASE_VALUE && !ends_word(p->text[start - 1]))
        start--;
    hit->begin = start;
    if (piece->kind == PIECE_NUMBER) {
        // Not the whole word: "size=4096 bytes".
        while (start < end && number_len(p->text + start, end - start, &value) != end - start)
            start++;
        if (start < end)
            set_number(&hit->captures[hit->n_captures++], piece->text, value);
    } else if (start < end) {
        set_value(&hit->captures[hit->n_captures++], piece->text, p->text + start, end - start);
    }
    return start < end;
}

static bool compare_at(const struct td_phrases *p, const struct pattern *pat, size_t first,
                       size_t at, size_t len, struct td_phrase_hit *hit)
{
    hit->n_captures = 0;
    hit->begin = at;
    if (first == 1 && !take_leading(p, &pat->at[0], at, hit))
        return false;
    for (size_t i = first; i < pat->n; i++) {
        if (!take_piece(p, pat, i, len, &at, hit))
            return false;
    }
    hit->end = at;
    return true;
}

/* Looks for the whole phrase, from each place where its first literal stands. */
static bool stands_in_line(const struct td_phrases *p, const struct pattern *pat, size_t len,
                           struct td_phrase_hit *hit)
{
    size_t first = pat->at[0].kind == PIECE_LITERAL ? 0 : 1;
    const struct piece *piece = &pat->at[first];
    size_t from = 0;

    for (int tries = 0; tries < ATTEMPTS && from < len; tries++) {
        const char *at = memmem(p->low + from, len - from, piece->text, piece->len);

        if (at == NULL)
            return false;
        if (compare_at(p, pat, first, (size_t)(at - p->low), len, hit))
            return true;
        from = (size_t)(at - p->low) + 1;
    }
    return false;
}

/* ---- a line -------------------------------------------------------------------------- */

static bool is_for(const struct td_phrase *phrase, enum td_dialect dialect)
{
    if (phrase->in[0] == '\0' || dialect == TD_DIALECT_PLAIN)
        return true;
    if (dialect == TD_DIALECT_ZEPHYR || dialect == TD_DIALECT_CONSOLE)
        return strcmp(phrase->in, "device") == 0;
    return strcmp(phrase->in, "client") == 0;
}

struct search {
    struct td_phrases *phrases;
    const char *line;
    size_t len; /* of the line as it came */
    enum td_dialect dialect;
    void (*found)(void *user, const struct td_phrase_hit *hit);
    void *user;
    size_t squeezed; /* length of the copy; 0: not yet made */
};

/* Copies are made for the few lines in which anything is found. */
static void copy_line(struct search *s)
{
    struct td_phrases *p = s->phrases;

    s->squeezed = squeeze(s->line, s->len, p->text);
    for (size_t i = 0; i < s->squeezed; i++)
        p->low[i] = fold(p->text[i]);
    p->text[s->squeezed] = p->low[s->squeezed] = '\0';
}

static void key_found(struct search *s, uint32_t index)
{
    struct td_phrases *p = s->phrases;
    struct td_phrase_hit hit;

    if (p->seen[index] == p->line || !is_for(&p->knowledge->phrases[index], s->dialect))
        return;
    p->seen[index] = p->line;
    if (s->squeezed == 0)
        copy_line(s);
    hit.phrase = &p->knowledge->phrases[index];
    hit.line = p->text;
    if (stands_in_line(p, &p->patterns[index], s->squeezed, &hit))
        s->found(s->user, &hit);
}

static void keys_end_at(struct search *s, uint32_t state)
{
    const struct td_phrases *p = s->phrases;

    for (; state != 0; state = p->states[state].shorter) {
        for (uint32_t i = p->states[state].phrase; i != 0; i = p->next_of_key[i - 1])
            key_found(s, i - 1);
    }
}

void td_phrases_find(struct td_phrases *phrases, const char *line, size_t len,
                     enum td_dialect dialect,
                     void (*found)(void *user, const struct td_phrase_hit *hit), void *user)
{
    struct search s = { phrases, line, len, dialect, found, user, 0 };
    const uint8_t blank = phrases->class_of[' '];
    uint32_t at = 0;
    uint8_t before = 0;

    if (s.len >= phrases->cap_text)
        s.len = phrases->cap_text - 1;
    phrases->line++;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t class = phrases->class_of[(uint8_t)line[i]];

        if (class == blank && before == blank && blank != 0)
            continue;
        before = class;
        at = phrases->go[at * phrases->n_classes + class];
        if (phrases->states[at].phrase != 0 || phrases->states[at].shorter != 0)
            keys_end_at(&s, at);
    }
}

/* ---- spoken of ---- */

#define SENTENCE 8 /* letters around quotation marks that make it one */

static const struct {
    const char *open, *close;
} marks[] = { { "\"", "\"" }, { "``", "``" }, { "`", "`" }, { "\xe2\x80\x9c", "\xe2\x80\x9d" } };

#define MARKS (sizeof marks / sizeof *marks)

/* The length of the mark that opens a quotation here, and which it is. */
static size_t opening(const char *at, size_t *which)
{
    for (*which = 0; *which < MARKS; (*which)++)
        if (strncmp(at, marks[*which].open, strlen(marks[*which].open)) == 0)
            return strlen(marks[*which].open);
    return 0;
}

static bool is_own(const char *word, size_t len)
{
    static const char *const own[] = { "I", "my", "My", "our", "Our" };

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (len == strlen(own[i]) && memcmp(word, own[i], len) == 0)
            return true;
    return false;
}

/* A mark with a word behind it and none before it: no inch. */
static bool opens(const char *line, size_t at, size_t len)
{
    return (at == 0 || strchr(" (\t", line[at - 1]) != NULL) && line[at + len] != '\0' &&
           line[at + len] != ' ';
}

bool td_phrase_mentioned(const char *line, size_t at)
{
    size_t letters = 0, quotations = 0, i = 0;
    bool quoted = false, listed = false, unclosed[MARKS] = { false };

    while (line[i] != '\0') {
        size_t which, len = opening(line + i, &which);
        const char *end = NULL;

        // One that nothing closes is looked for once, however often it opens.
        if (len > 0 && !unclosed[which])
            end = strstr(line + i + len, marks[which].close);
        if (len > 0 && !end) {
            // It goes on in the next line.
            if (at > i && opens(line, i, len))
                return letters >= SENTENCE;
            unclosed[which] = true;
        }
        if (end) {
            size_t past = (size_t)(end - line) + strlen(marks[which].close);

            quoted = quoted || (at > i && at < past);
            // Source has lists of sentences, one a line.
            listed = listed || (at > i && at < past && (line[past] == ',' || line[past] == ';'));
            quotations++;
            i = past;
            continue;
        }
        len = 0;
        while (isalpha((unsigned char)line[i + len]))
            len++;
        if (is_own(line + i, len))
            return false;
        letters += len;
        i += len > 0 ? len : 1;
    }
    return quoted && (letters >= SENTENCE || quotations > 1 || listed);
}

/* Words behind "we" in a report; manuals say "we will", "we see" and "we recommend". */
static bool is_done(const char *word, size_t len)
{
    static const char *const done[] = { "tried",   "ran",   "got",      "noticed", "found",
                                        "saw",     "had",   "lost",     "did",     "were",
                                        "flashed", "built", "updated",  "cannot",  "can't",
                                        "could",   "sent",  "uploaded", "observed" };

    for (size_t i = 0; i < sizeof done / sizeof *done; i++)
        if (len == strlen(done[i]) && memcmp(word, done[i], len) == 0)
            return true;
    return false;
}

static size_t word_at(const char *line)
{
    size_t n = 0;

    while (isalpha((unsigned char)line[n]) || (n > 0 && line[n] == '\''))
        n++;
    return n;
}

/* "we are using", "we are stuck": what is so now. */
static bool is_now(const char *word)
{
    static const char *const now[] = { "are now",     "are using",   "are stuck",
                                       "are seeing",  "are getting", "are facing",
                                       "are running", "are having",  "are unable" };

    for (size_t i = 0; i < sizeof now / sizeof *now; i++)
        if (strncmp(word, now[i], strlen(now[i])) == 0)
            return true;
    return false;
}

bool td_phrase_reports(const char *line)
{
    size_t i = strspn(line, " \t>"), next;

    // Items of a list, comments and code begin otherwise.
    if (!isalpha((unsigned char)line[i]))
        return false;
    for (; line[i] != '\0'; i += next) {
        size_t len = word_at(line + i);

        next = len > 0 ? len : 1;
        if (len == 0 || line[i + len] != ' ')
            continue;
        if (is_own(line + i, len) && islower((unsigned char)line[i + len + 1]))
            return true;
        if (len == 2 && (line[i] == 'w' || line[i] == 'W') && line[i + 1] == 'e' &&
            (is_done(line + i + 3, word_at(line + i + 3)) || is_now(line + i + 3)))
            return true;
    }
    return false;
}
