/*
 * doctor/phrase_fuzz.c - a phrase (first line) in hostile lines, beside phrases that overlap it.
 *
 * What is found holds the phrase's literals; a phrase without captures is found exactly where a
 * plain search finds it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/phrase.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    const struct td_phrase *first;
    bool found;
};

static void note(void *user, const struct td_phrase_hit *hit)
{
    struct seen *seen = user;

    if (hit->n_captures > TD_PHRASE_CAPTURES)
        abort();
    for (size_t i = 0; i < hit->n_captures; i++) {
        if (memchr(hit->captures[i].value, '\0', TD_PHRASE_VALUE) == NULL)
            abort();
    }
    if (hit->phrase == seen->first && seen->found)
        abort(); // once a line
    seen->found = seen->found || hit->phrase == seen->first;
}

/* As the matcher sees a text: single blanks, small letters. */
static size_t plain(const char *from, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = from[i] == '\t' ? ' ' : from[i];

        if (c == ' ' && n > 0 && out[n - 1] == ' ')
            continue;
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return n;
}

static bool stands_in(const char *phrase, const char *line, size_t len)
{
    char *a = malloc(strlen(phrase) + 1), *b = malloc(len + 1);
    size_t n_a, n_b;
    bool found;

    if (a == NULL || b == NULL)
        abort();
    n_a = plain(phrase, strlen(phrase), a);
    n_b = plain(line, len, b);
    found = memmem(b, n_b, a, n_a) != NULL;
    free(a);
    free(b);
    return found;
}

static void look(struct td_phrases *phrases, const struct td_phrase *first, const char *line,
                 size_t len)
{
    struct seen seen = { first, false };
    char *exact = malloc(len + (len == 0)); // so that ASan sees its end

    if (exact == NULL)
        abort();
    if (len > 0)
        memcpy(exact, line, len);
    td_phrases_find(phrases, exact, len, TD_DIALECT_PLAIN, note, &seen);
    if (strchr(first->text, '{') == NULL && seen.found != stands_in(first->text, exact, len))
        abort();
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct td_phrase book[] = {
        { NULL, "first", "" },      { "abab", "a", "" },
        { "{n:n} bytes", "b", "" }, { "bytes {a} of {b:*} to", "c", "" },
        { "  b a b", "d", "" },
    };
    const struct td_knowledge k = { .phrases = book, .n_phrases = sizeof book / sizeof *book };
    const uint8_t *end = memchr(data, '\n', size);
    struct td_phrases *phrases;
    char *text;

    if (end == NULL)
        return 0;
    text = strndup((const char *)data, (size_t)(end - data));
    if (text == NULL)
        abort();
    book[0].text = text;
    if (td_phrase_fault(text) == NULL) {
        phrases = td_phrases_new(&k);
        if (phrases == NULL)
            abort();
        size -= (size_t)(end + 1 - data);
        for (data = end + 1; size > 0;) {
            const uint8_t *stop = memchr(data, '\n', size);
            size_t len = stop == NULL ? size : (size_t)(stop - data);

            look(phrases, &book[0], (const char *)data, len);
            len += stop != NULL;
            data += len;
            size -= len;
        }
        td_phrases_free(phrases);
    }
    free(text);
    return 0;
}
