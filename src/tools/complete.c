/*
 * tools/complete.c - reads a command line as the verbs would, up to its last word.
 *
 * 1. Nothing is opened, asked or written: a verb is run only as far as td_args_begin.
 * 2. A usage is read in the form in which all of them are written: "usage: tandem VERB ..." up to
 *    an empty line, then options at the left margin with their description behind two spaces.
 */
#include "tools/complete.h"

#include <string.h>

#include "base/range.h"
#include "tools/profile.h"

#define PLACE_MAX 64  /* characters of one place in a usage: "[HASH|FILE]" */
#define FORM_MAX  512 /* of one form: all places of a verb */

struct line {
    struct td_cli *cli;
    const struct td_verb *verb; /* NULL: not there yet */
    const struct td_verb *sub;  /* the verb itself when it has none; NULL: not there yet */
    struct td_args_heard heard;
    size_t n_words;             /* behind verb and sub */
    const struct td_opt *wants; /* the option whose value comes next */
    bool only_words;
    const char *prefix; /* "--mode=" in front of what is offered */
    size_t prefix_len;
};

static void offer(const struct line *line, const char *current, const char *word, const char *what)
{
    if (strncmp(word, current, strlen(current)) != 0)
        return;
    fprintf(line->cli->out, "%.*s%s\t%s\n", (int)line->prefix_len,
            line->prefix != NULL ? line->prefix : "", word, what != NULL ? what : "");
}

/* ---- places: what a usage says may stand somewhere ----------------------------------- */

static bool is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    return len >= strlen(end) && memcmp(text + len - strlen(end), end, strlen(end)) == 0;
}

static bool is_file_place(const char *text, size_t len)
{
    static const char *const names[] = { "FILE", "IN",     "OUT", "KEY",   "PEM",  "DIR",
                                         "PATH", "SOCKET", "HEX", "LOCAL", "FROM", "TO" };

    if (ends_with(text, len, "=FILE") || ends_with(text, len, ".zip") || is(text, len, "@FILE"))
        return true;
    for (size_t i = 0; i < TD_N_OF(names); i++)
        if (is(text, len, names[i]))
            return true;
    return false;
}

static void offer_profiles(const struct line *line, const char *current)
{
    char name[PLACE_MAX];

    for (const struct td_builtin_file *f = td_builtin_files; f->name != NULL; f++) {
        size_t len = strlen(f->name);

        if (!ends_with(f->name, len, ".yml") || len >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(len - 4), f->name);
        offer(line, current, name, "a built-in profile");
    }
}

/* One of the alternatives: FILE, SLOT, or a word that stands for itself. */
static void offer_alternative(const struct line *line, const char *current, const char *text,
                              size_t len, bool *files)
{
    char word[PLACE_MAX];
    size_t letters = 0;

    snprintf(word, sizeof word, "%.*s", (int)len, text);
    if (is_file_place(text, len)) {
        *files = true;
    } else if (is(text, len, "PROFILE")) {
        offer_profiles(line, current);
        *files = true;
    } else if (is(text, len, "SLOT")) {
        offer(line, current, "slot0", "of the first image");
        offer(line, current, "slot1", "of the first image");
    } else if (is(text, len, "URL")) {
        offer(line, current, "udp:", "HOST[:PORT]");
        offer(line, current, "serial:", "PATH[?baud=N]");
        offer(line, current, "tcp:", "HOST:PORT");
    } else {
        while (letters < len && (strchr("-_", word[letters]) != NULL ||
                                 (word[letters] >= '0' && word[letters] <= '9') ||
                                 (word[letters] >= 'a' && word[letters] <= 'z')))
            letters++;
        // What is written small is meant as it stands; a place alone is none.
        if (letters == len && len > 0 && word[0] >= 'a')
            offer(line, current, word, NULL);
    }
}

static void offer_place(const struct line *line, const char *current, const char *place,
                        bool *files)
{
    while (*place != '\0') {
        size_t len = strcspn(place, "|");

        offer_alternative(line, current, place, len, files);
        place += len + (place[len] == '|');
    }
}

/* What stands behind the group that begins at a bracket. */
static const char *behind_group(const char *at)
{
    unsigned depth = 0;

    for (; *at != '\0'; at++) {
        if (*at == '[')
            depth++;
        if (*at == ']' && --depth == 0)
            return at + 1 + strspn(at + 1, ".");
    }
    return at;
}

/* The first form of a usage, behind the verb, in one line; a form goes on where a line is indented
 * and begins no other form. */
static void first_form(const struct line *line, char *out, size_t cap)
{
    const char *at = strstr(line->sub->usage, line->verb->name);
    size_t len = 0;

    at = at == NULL ? "" : at + strlen(line->verb->name);
    if (line->sub != line->verb)
        at += strspn(at, " ") + strlen(line->sub->name);
    for (; *at != '\0' && len + 1 < cap; at++) {
        const char *next = at + 1 + strspn(at + 1, " ");

        if (*at == '\n' && (next == at + 1 || strncmp(next, "tandem ", 7) == 0))
            break;
        out[len++] = *at == '\n' ? ' ' : *at;
    }
    out[len] = '\0';
}

/* The next place of a form: without options and their values, brackets and dots. */
static const char *next_place(const char *at, char place[PLACE_MAX], bool *repeats)
{
    size_t len, kept = 0;

    for (;;) {
        at += strspn(at, " ");
        if (at[0] == '[' && (at[1] == '-' || strncmp(at, "[OPTIONS]", 9) == 0)) {
            at = behind_group(at);
        } else if (at[0] == '-') {
            at += strcspn(at, " ");
            at += strspn(at, " ");
            if (at[0] >= 'A' && at[0] <= 'Z')
                at += strcspn(at, " ");
        } else {
            break;
        }
    }
    len = strcspn(at, " ");
    *repeats = memmem(at, len, "...", 3) != NULL;
    for (size_t i = 0; i < len && kept + 1 < PLACE_MAX; i++)
        if (strchr("[]", at[i]) == NULL && strncmp(at + i, "...", 3) != 0 &&
            !(i > 0 && at[i] == '.' && at[i - 1] == '.'))
            place[kept++] = at[i];
    place[kept] = '\0';
    return at + len;
}

/* The n-th place of the verb that is being typed; the last one may stand for all that follow. */
static bool nth_place(const struct line *line, size_t n, char place[PLACE_MAX])
{
    char form[FORM_MAX], last[PLACE_MAX] = "";
    const char *at = form;
    bool repeats = false, last_repeats = false;

    first_form(line, form, sizeof form);
    for (size_t i = 0; i <= n; i++) {
        at = next_place(at, place, &repeats);
        if (place[0] == '\0') {
            snprintf(place, PLACE_MAX, "%s", last);
            return last_repeats;
        }
        snprintf(last, sizeof last, "%s", place);
        last_repeats = repeats;
    }
    return true;
}

/* ---- options ------------------------------------------------------------------------- */

/* Where a usage describes an option: behind its name, in a line of its own; NULL: nowhere. */
static const char *described(const char *usage, const char *name)
{
    const char *at = usage;
    size_t len = strlen(name);

    while ((at = strstr(at, name)) != NULL) {
        const char *start = at;

        while (start > usage && start[-1] != '\n')
            start--;
        if (strncmp(start, "  ", 2) == 0 && at[len] != '-' &&
            strncmp(start + strspn(start, " "), "-", 1) == 0)
            return at + len;
        at += len;
    }
    return NULL;
}

/* What an option is, from its line in the usage; "" when it has none. */
static void describe(const struct line *line, const char *name, char *out, size_t cap)
{
    const char *at =
        line->sub == NULL || line->sub->usage == NULL ? NULL : described(line->sub->usage, name);
    size_t len;

    out[0] = '\0';
    if (at == NULL)
        return;
    len = strcspn(at, "\n");
    at = memmem(at, len, "  ", 2);
    if (at == NULL)
        return;
    at += strspn(at, " ");
    snprintf(out, cap, "%.*s", (int)strcspn(at, "\n"), at);
}

static void offer_options(const struct line *line, const char *current)
{
    const struct td_opt *opt;
    char name[PLACE_MAX], what[FORM_MAX];

    for (size_t i = 0; (opt = td_args_option(&line->heard, i)) != NULL; i++) {
        if (opt->name == NULL)
            snprintf(name, sizeof name, "-%c", opt->letter);
        else
            snprintf(name, sizeof name, "--%s", opt->name);
        describe(line, name, what, sizeof what);
        offer(line, current, name, what);
    }
}

/* What stands behind a name in a usage, in the description or else in a form; NULL: nothing. */
static const char *behind_name(const char *usage, const char *name)
{
    const char *at = described(usage, name);

    if (at == NULL) {
        at = strstr(usage, name);
        at = at == NULL ? NULL : at + strlen(name);
    }
    return at != NULL && at[0] == ' ' && at[1] != ' ' ? at + 1 : NULL;
}

/* The place behind the option's name in the usage: "--layout FILE", "-e pem|raw". */
static bool value_place(const struct line *line, const struct td_opt *opt, char place[PLACE_MAX])
{
    static const char *const global[][2] = { { "device", "URL" }, { "log", "FILE" } };
    const char *usage = line->sub == NULL ? NULL : line->sub->usage;
    char name[PLACE_MAX], letter[] = { '-', opt->letter, '\0' }, form[FORM_MAX];
    const char *at = NULL;
    bool repeats;

    snprintf(name, sizeof name, "--%s", opt->name == NULL ? "" : opt->name);
    if (usage != NULL && opt->name != NULL)
        at = behind_name(usage, name);
    if (usage != NULL && opt->letter != 0 && at == NULL)
        at = behind_name(usage, letter);
    if (at != NULL) {
        snprintf(form, sizeof form, "%.*s", (int)strcspn(at, " \n"), at);
        (void)next_place(form, place, &repeats);
        return place[0] != '\0';
    }
    for (size_t i = 0; i < TD_N_OF(global); i++) {
        if (opt->name != NULL && strcmp(opt->name, global[i][0]) == 0) {
            snprintf(place, PLACE_MAX, "%s", global[i][1]);
            return true;
        }
    }
    return false;
}

/* The option that a word names; *value is what stands behind its "=" or letter, NULL: nothing. */
static const struct td_opt *option_of(const struct line *line, const char *word, const char **value)
{
    const struct td_opt *opt;
    const char *equals = strchr(word, '=');
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);

    *value = NULL;
    for (size_t i = 0; (opt = td_args_option(&line->heard, i)) != NULL; i++) {
        if (word[1] == '-' && opt->name != NULL && is(word + 2, len - 2, opt->name)) {
            *value = equals != NULL ? equals + 1 : NULL;
            return opt;
        }
        if (word[1] != '-' && opt->letter == word[1] && opt->letter != 0) {
            *value = word[2] != '\0' ? word + 2 : NULL;
            return opt;
        }
    }
    return NULL;
}

/* ---- the line ------------------------------------------------------------------------ */

/* Has the verb say what it would read. */
static void hear(struct line *line)
{
    static char *none[] = { NULL };
    struct td_cli *cli = line->cli;

    cli->verb = line->sub;
    cli->heard = &line->heard;
    (void)line->sub->run(cli, 0, none);
    cli->heard = NULL;
}

static const struct td_verb *verb_named(const char *word)
{
    for (size_t i = 0; td_verbs[i] != NULL; i++)
        if (strcmp(td_verbs[i]->name, word) == 0)
            return td_verbs[i];
    return NULL;
}

static const struct td_verb *sub_named(const struct td_verb *verb, const char *word)
{
    for (size_t i = 0; i < verb->n_subs; i++)
        if (strcmp(verb->subs[i].name, word) == 0)
            return &verb->subs[i];
    return NULL;
}

/* A word that is complete. false: nothing sensible can follow. */
static bool take_word(struct line *line, const char *word)
{
    const char *value;

    if (line->wants != NULL) {
        line->wants = NULL;
        return true;
    }
    if (!line->only_words && strcmp(word, "--") == 0) {
        line->only_words = true;
        return true;
    }
    if (!line->only_words && word[0] == '-' && word[1] != '\0') {
        const struct td_opt *opt = option_of(line, word, &value);

        line->wants = opt != NULL && opt->takes_value == true && value == NULL ? opt : NULL;
        return true;
    }
    if (line->sub != NULL) {
        line->n_words++;
        return true;
    }
    if (line->verb == NULL) {
        line->verb = verb_named(word);
        line->sub = line->verb != NULL && line->verb->n_subs == 0 ? line->verb : NULL;
        if (line->sub == NULL)
            return line->verb != NULL;
    } else {
        line->sub = sub_named(line->verb, word);
        if (line->sub == NULL)
            return false;
    }
    hear(line);
    return true;
}

static void offer_names(const struct line *line, const char *current)
{
    if (line->verb != NULL) {
        for (size_t i = 0; i < line->verb->n_subs; i++)
            offer(line, current, line->verb->subs[i].name, line->verb->subs[i].summary);
        return;
    }
    for (size_t i = 0; td_verbs[i] != NULL; i++)
        if (!td_verbs[i]->unlisted)
            offer(line, current, td_verbs[i]->name, td_verbs[i]->summary);
}

/* "--mode=te": what is offered begins with all that was typed, as shells want it. */
static bool offer_glued_value(struct line *line, const char *current)
{
    const char *equals = strchr(current, '=');
    const char *value;
    const struct td_opt *opt;
    char place[PLACE_MAX];
    bool files = false;

    if (strncmp(current, "--", 2) != 0 || equals == NULL)
        return false;
    opt = option_of(line, current, &value);
    if (opt != NULL && value_place(line, opt, place)) {
        line->prefix = current;
        line->prefix_len = (size_t)(equals + 1 - current);
        offer_place(line, value, place, &files);
        if (files)
            fputs(":files\n", line->cli->out);
    }
    return true;
}

static void offer_last(struct line *line, const char *current)
{
    char place[PLACE_MAX];
    bool files = false;

    if (line->wants != NULL) {
        if (value_place(line, line->wants, place))
            offer_place(line, current, place, &files);
    } else if (!line->only_words && current[0] == '-') {
        if (offer_glued_value(line, current))
            return;
        offer_options(line, current);
    } else if (line->sub == NULL) {
        offer_names(line, current);
    } else if (line->sub->usage != NULL && nth_place(line, line->n_words, place)) {
        offer_place(line, current, place, &files);
    }
    if (files)
        fputs(":files\n", line->cli->out);
}

void td_complete(struct td_cli *cli, size_t n, char **words)
{
    struct line line = { .cli = cli, .heard = { .globals = true } };
    const struct td_verb *before = cli->verb;
    bool sensible = true;

    for (size_t i = 0; i + 1 < n && sensible; i++)
        sensible = take_word(&line, words[i]);
    if (sensible)
        offer_last(&line, words[n - 1]);
    cli->verb = before;
}
