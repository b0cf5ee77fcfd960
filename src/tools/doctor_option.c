/* tools/doctor_option.c - what the doctor's books know of Kconfig options. */
#include <string.h>

#include "doctor/option.h"
#include "tools/doctor_say.h"
#include "tools/prose.h"

#define LINE_MAX_BYTES 1600

/* One after the other with commas; cut where the line is full. */
struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
};

static void append(struct line *line, const char *between, const char *text)
{
    int n = snprintf(line->text + line->len, sizeof line->text - line->len, "%s%s",
                     line->len > 0 ? between : "", text);

    if (n > 0 && line->len + (size_t)n < sizeof line->text)
        line->len += (size_t)n;
}

/* "A|B=n": each spelt as in a file. */
static void append_need(struct line *line, const char *need)
{
    const char *between = ", ";

    while (*need != '\0') {
        size_t len = strcspn(need, "| ");
        char name[160], spelt[160];

        (void)snprintf(name, sizeof name, "%.*s", (int)(len < 150 ? len : 150), need);
        td_option_spell(name, spelt);
        append(line, between, spelt);
        need += len;
        between = " or ";
        if (strncmp(need, " if ", 4) == 0) {
            between = " if ";
            need += 4;
        } else if (*need != '\0') {
            need++;
        }
    }
}

static void say_line(struct td_cli *cli, const char *label, const char *text)
{
    char left[24];

    if (text[0] == '\0')
        return;
    (void)snprintf(left, sizeof left, "  %-9s ", label);
    td_prose(cli->out, left, 12, td_prose_width(cli->out), text);
}

static void say_needs(struct td_cli *cli, const char *label, td_texts needs)
{
    struct line line = { .len = 0 };

    for (; *needs != NULL; needs++)
        append_need(&line, *needs);
    say_line(cli, label, line.text);
}

static void say_list(struct td_cli *cli, const char *label, td_texts texts)
{
    struct line line = { .len = 0 };

    for (; *texts != NULL; texts++)
        append(&line, ", ", *texts);
    say_line(cli, label, line.text);
}

static void say_times(struct td_cli *cli, const struct td_knowledge *knowledge,
                      const struct td_option *option)
{
    const struct td_option *newest = td_option_newest(knowledge, option);
    char bound[32], text[400], spelt[160];

    td_say_bound(option->since, bound);
    say_line(cli, "since", bound);
    td_say_bound(option->until, bound);
    if (bound[0] == '\0')
        return;
    if (strcmp(option->now, "-") == 0 || newest == NULL) {
        (void)snprintf(text, sizeof text, "%s; nothing took its place", bound);
    } else {
        td_option_spell(newest->name, spelt);
        (void)snprintf(text, sizeof text, "%s; now %s: %s", bound, spelt, newest->means);
    }
    say_line(cli, "until", text);
}

static bool was(const struct td_option *old, const struct td_option *option)
{
    return strcmp(old->now, option->name) == 0;
}

static bool beside(const struct td_option *other, const struct td_option *option)
{
    return other != option && option->choice[0] != '\0' &&
           strcmp(other->choice, option->choice) == 0;
}

/* All options that stand in a relation to one. */
static struct line related(const struct td_knowledge *knowledge, const struct td_option *option,
                           bool (*is)(const struct td_option *other, const struct td_option *one))
{
    struct line line = { .len = 0 };
    char spelt[160];

    for (size_t i = 0; i < knowledge->n_options; i++) {
        if (!is(&knowledge->options[i], option))
            continue;
        td_option_spell(knowledge->options[i].name, spelt);
        append(&line, ", ", spelt);
    }
    return line;
}

static void say_option(struct td_cli *cli, const struct td_knowledge *knowledge,
                       const struct td_option *option)
{
    char spelt[160];
    struct line line;

    td_option_spell(option->name, spelt);
    fprintf(cli->out, "%s%s%s\n", spelt, option->means[0] != '\0' ? ": " : "", option->means);
    say_line(cli, "default", option->fallback);
    say_times(cli, knowledge, option);
    line = related(knowledge, option, was);
    say_line(cli, "was", line.text);
    say_list(cli, "images", option->images);
    say_needs(cli, "needs", option->needs);
    say_needs(cli, "sets", option->sets);
    say_list(cli, "equal in", option->match);
    line = related(knowledge, option, beside);
    say_line(cli, "or else", line.text);
    say_line(cli, "source", option->source);
}

static json_t *texts_json(td_texts texts)
{
    json_t *list = json_array();

    for (; *texts != NULL; texts++)
        json_array_append_new(list, json_string(*texts));
    return list;
}

/* What is not known is null. */
static json_t *text_json(const char *text)
{
    return text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *related_json(const struct td_knowledge *knowledge, const struct td_option *option,
                            bool (*is)(const struct td_option *other, const struct td_option *one))
{
    json_t *list = json_array();

    for (size_t i = 0; i < knowledge->n_options; i++)
        if (is(&knowledge->options[i], option))
            json_array_append_new(list, json_string(knowledge->options[i].name));
    return list;
}

static json_t *option_json(const struct td_knowledge *knowledge, const struct td_option *option)
{
    const struct td_option *newest = td_option_newest(knowledge, option);
    char spelt[160];

    td_option_spell(option->name, spelt);
    return json_pack("{s:{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}}",
                     "option", "name", option->name, "say", spelt, "means",
                     text_json(option->means), "default", text_json(option->fallback), "since",
                     text_json(option->since), "until", text_json(option->until), "now",
                     option->until[0] == '\0' || newest == NULL ? json_null()
                                                                : json_string(newest->name),
                     "was", related_json(knowledge, option, was), "images",
                     texts_json(option->images), "needs", texts_json(option->needs), "sets",
                     texts_json(option->sets), "match", texts_json(option->match), "or_else",
                     related_json(knowledge, option, beside), "source", text_json(option->source));
}

static void list_option(struct td_cli *cli, const struct td_knowledge *knowledge,
                        const struct td_option *option)
{
    const struct td_option *newest = td_option_newest(knowledge, option);
    char spelt[160], now[160];

    td_option_spell(option->name, spelt);
    if (option->until[0] == '\0') {
        fprintf(cli->out, "%s: %s\n", spelt, option->means);
    } else if (newest == NULL) {
        fprintf(cli->out, "%s: gone\n", spelt);
    } else {
        td_option_spell(newest->name, now);
        fprintf(cli->out, "%s: now %s\n", spelt, now);
    }
}

static bool has_word(const struct td_option *option, const char *word)
{
    char spelt[160];

    td_option_spell(option->name, spelt);
    return strcasestr(spelt, word) != NULL || strcasestr(option->means, word) != NULL;
}

static int unknown(struct td_cli *cli, const struct td_knowledge *knowledge, const char *word)
{
    const struct td_option *meant = td_option_meant(knowledge, word);
    char text[300], remedy[300] = "tandem doctor --options lists them all", spelt[160];

    (void)snprintf(text, sizeof text, "the books know no option '%.160s'", word);
    if (meant != NULL) {
        td_option_spell(meant->name, spelt);
        (void)snprintf(remedy, sizeof remedy, "the nearest name is %s", spelt);
    }
    return td_cli_fail(cli, TD_EXIT_REFUSED, "no-option", text, NULL, remedy);
}

int td_doctor_say_options(struct td_cli *cli, const struct td_knowledge *knowledge,
                          const char *word)
{
    const struct td_option *one = word == NULL ? NULL : td_option_written(knowledge, word);
    bool any = false;

    if (one != NULL && cli->json)
        td_cli_json(cli, option_json(knowledge, one));
    else if (one != NULL)
        say_option(cli, knowledge, one);
    if (one != NULL)
        return TD_EXIT_OK;
    for (size_t i = 0; i < knowledge->n_options; i++) {
        const struct td_option *option = &knowledge->options[i];

        if (word != NULL && !has_word(option, word))
            continue;
        any = true;
        if (cli->json)
            td_cli_json(cli, option_json(knowledge, option));
        else
            list_option(cli, knowledge, option);
    }
    return any ? TD_EXIT_OK : unknown(cli, knowledge, word);
}
