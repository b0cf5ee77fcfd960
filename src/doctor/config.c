/*
 * doctor/config.c - collects what lines say; config_judge.c makes facts of it at the end.
 *
 * Nothing is decided while lines arrive: the SDK may be named behind the options, and a text's
 * image may only follow from its last option.
 */
#include "doctor/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/config_priv.h"
#include "doctor/layout_facts.h"
#include "doctor/phrase.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool push_text(char ***list, size_t *n, const char *text, size_t len)
{
    char **grown = *list;

    // Capacity doubles at powers of two.
    if ((*n & (*n - 1)) == 0)
        grown = realloc(*list, (*n == 0 ? 1 : *n * 2) * sizeof **list);
    if (grown == NULL)
        return false;
    *list = grown;
    grown[*n] = strndup(text, len);
    if (grown[*n] == NULL)
        return false;
    (*n)++;
    return true;
}

static void free_texts(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

/* "option name=BT_MAX_CONN value=1" asks for BT_MAX_CONN. */
static bool note_condition(struct td_config *config, const char *condition)
{
    static const char key[] = " name=", unset[] = "option.unset ";
    const char *name;
    size_t len;

    if (condition != NULL && strncmp(condition, "not ", 4) == 0)
        condition += 4;
    if (condition == NULL || strncmp(condition, "option", 6) != 0)
        return true;
    name = strstr(condition, key);
    if (name == NULL)
        return true;
    name += sizeof key - 1;
    len = strcspn(name, " ");
    return strncmp(condition, unset, sizeof unset - 1) == 0
               ? push_text(&config->missed, &config->n_missed, name, len)
               : push_text(&config->asked, &config->n_asked, name, len);
}

static bool note_conditions(struct td_config *config, td_texts conditions)
{
    for (; conditions != NULL && *conditions != NULL; conditions++)
        if (!note_condition(config, *conditions))
            return false;
    return true;
}

/* Facts are made of those options only that a rule, or the check of layouts, asks for. */
static bool note_rules(struct td_config *config)
{
    const struct td_knowledge *knowledge = config->knowledge;

    for (size_t i = 0; i < knowledge->n_rules; i++) {
        const struct td_rule *rule = &knowledge->rules[i];

        if (!note_conditions(config, rule->when) || !note_conditions(config, rule->any) ||
            !note_conditions(config, rule->unless))
            return false;
        for (size_t k = 0; k < rule->n_adjust; k++)
            if (!note_condition(config, rule->adjust[k].condition))
                return false;
    }
    for (size_t i = 0; td_layout_facts_condition(i) != NULL; i++)
        if (!note_condition(config, td_layout_facts_condition(i)))
            return false;
    if (config->n_asked > 0)
        qsort(config->asked, config->n_asked, sizeof *config->asked, by_text);
    if (config->n_missed > 0)
        qsort(config->missed, config->n_missed, sizeof *config->missed, by_text);
    return true;
}

static bool note_words(struct td_config *config)
{
    for (size_t i = 0; i < config->knowledge->n_options; i++) {
        const char *name = config->knowledge->options[i].name;

        while (*name != 0) {
            size_t len = strcspn(name, "_");

            if (len > 0 && !push_text(&config->words, &config->n_words, name, len))
                return false;
            name += len + (name[len] == '_');
        }
    }
    if (config->n_words > 0)
        qsort(config->words, config->n_words, sizeof *config->words, by_text);
    return true;
}

struct td_config *td_config_new(struct td_facts *facts, const struct td_knowledge *knowledge)
{
    struct td_config *config = calloc(1, sizeof *config);

    if (config == NULL)
        return NULL;
    config->facts = facts;
    config->knowledge = knowledge;
    if (!note_rules(config) || !note_words(config)) {
        td_config_free(config);
        return NULL;
    }
    return config;
}

void td_config_free(struct td_config *config)
{
    if (config == NULL)
        return;
    free_texts(config->asked, config->n_asked);
    free_texts(config->missed, config->n_missed);
    free_texts(config->words, config->n_words);
    for (size_t i = 0; i < config->n_settings; i++) {
        free(config->settings[i].name);
        free(config->settings[i].value);
    }
    free(config->settings);
    free(config);
}

static bool in_list(char *const *list, size_t n, const char *text)
{
    return n > 0 && bsearch(&text, list, n, sizeof *list, by_text) != NULL;
}

bool td_config_asks(const struct td_config *config, const char *name)
{
    return in_list(config->asked, config->n_asked, name);
}

bool td_config_word(const struct td_config *config, const char *word, size_t len)
{
    char text[64];

    snprintf(text, sizeof text, "%.*s", (int)(len < sizeof text ? len : sizeof text - 1), word);
    return in_list(config->words, config->n_words, text);
}

static void begin_block(struct td_config *config, const struct td_heading *heading)
{
    struct td_block *block;

    // Headings without options between them do not use up blocks.
    if (config->n_blocks > 0 && config->blocks[config->n_blocks - 1].options == 0)
        config->n_blocks--;
    if (config->n_blocks == TD_CONFIG_BLOCKS) {
        config->open = false;
        return;
    }
    block = &config->blocks[config->n_blocks++];
    memset(block, 0, sizeof *block);
    block->file = config->file;
    if (heading != NULL) {
        size_t len =
            heading->name.len < sizeof block->name ? heading->name.len : sizeof block->name - 1;

        for (size_t i = 0; i < len; i++) {
            char c = heading->name.at[i];

            block->name[i] = (unsigned char)c <= ' ' || c == '\'' ? '_' : c;
        }
        block->role = heading->role;
        block->named = heading->role != TD_ROLE_UNKNOWN;
        block->whole = heading->whole;
        block->merged = heading->merged;
        block->sure = heading->sure;
    }
    config->open = true;
}

void td_config_file(struct td_config *config, uint16_t file, const char *name)
{
    struct td_heading heading = { .role = TD_ROLE_UNKNOWN };

    config->file = file;
    if (name != NULL)
        heading = td_heading_of_path((struct td_span){ name, strlen(name) });
    config->file_is_config = heading.name.len > 0;
    begin_block(config, config->file_is_config ? &heading : NULL);
    if (config->open)
        config->blocks[config->n_blocks - 1].own_file = config->file_is_config;
}

static char *option_name(const struct td_assignment *got, bool sysbuild)
{
    static const char prefix[] = "SB_CONFIG_";
    size_t len = got->name.len < 120 ? got->name.len : 120;
    char *name = malloc(sizeof prefix + len);

    if (name != NULL)
        snprintf(name, sizeof prefix + len, "%s%.*s", sysbuild ? prefix : "", (int)len,
                 got->name.at);
    return name;
}

/* Facts hold a value in single quotes, and a terminal shows it. */
static char *option_value(const struct td_assignment *got)
{
    size_t len = got->value.len < 80 ? got->value.len : 80;
    char *value = strndup(got->value.at, len);

    for (char *p = value; p != NULL && *p != 0; p++)
        if ((unsigned char)*p < ' ' || *p == '\'')
            *p = '.';
    return value;
}

static void keep(struct td_config *config, const struct td_event *event,
                 const struct td_assignment *got)
{
    struct td_block *block = &config->blocks[config->n_blocks - 1];
    bool sysbuild = got->image.len == 2 && memcmp(got->image.at, "SB", 2) == 0;
    struct td_setting *setting;
    const struct td_option *known;
    char *name = option_name(got, sysbuild);

    if (name == NULL)
        return;
    known = td_option_find(config->knowledge, name);
    block->merged = block->merged || got->defined;
    block->unset_lines += got->not_set;
    if (block->options++ == 0)
        block->first = event->at;
    // A build's result has thousands; what no book knows says nothing there.
    if (((block->merged || block->unset_lines > 40) && known == NULL) ||
        config->n_settings == TD_CONFIG_OPTIONS) {
        config->dropped += known != NULL;
        free(name);
        return;
    }
    if (config->n_settings == config->cap_settings) {
        size_t cap = config->cap_settings == 0 ? 64 : config->cap_settings * 2;
        struct td_setting *grown = realloc(config->settings, cap * sizeof *grown);

        if (grown == NULL) {
            free(name);
            return;
        }
        config->settings = grown;
        config->cap_settings = cap;
    }
    setting = &config->settings[config->n_settings];
    *setting = (struct td_setting){
        .name = name,
        .value = option_value(got),
        .known = known,
        .block = (uint16_t)(config->n_blocks - 1),
        .sysbuild = sysbuild,
        .role = got->image.len > 0 ? td_role_of_image(got->image) : TD_ROLE_UNKNOWN,
        .flaw = got->flaw,
        .at = event->at,
        .time_us = event->time_us,
    };
    // SB_CONFIG_ in prj.conf is in the wrong file; on a command line it goes where it belongs.
    setting->pinned = setting->role != TD_ROLE_UNKNOWN && (!sysbuild || got->command);
    if (setting->value == NULL) {
        free(name);
        return;
    }
    config->n_settings++;
}

static const char *after_blanks(const char *line, size_t len)
{
    const char *p = line;

    while (p < line + len && (*p == ' ' || *p == '\t' || *p == '>'))
        p++;
    return p;
}

/* "# LOGCONFIG_LOG=y": nobody writes that; two lines were run together. */
static bool is_glued(const char *line, const struct td_assignment *first)
{
    return first->begin > 0 && isalnum((unsigned char)line[first->begin - 1]);
}

/*
 * "# set CONFIG_X=y for a release" is a comment; "# LOG CONFIG_LOG=y CONFIG_LOG_MODE..." are lines
 * that a forum ran together. One option behind words in small letters is taken for a comment.
 */
static bool is_comment(const char *line, size_t len, const struct td_assignment *first)
{
    const char *p = after_blanks(line, len);
    struct td_assignment next;
    size_t at = first->begin + first->whole.len;

    if (p >= line + len || *p != '#' || first->not_set || first->defined || is_glued(line, first) ||
        td_assignment_next(line, len, &at, &next))
        return false;
    for (; p < line + first->begin; p++)
        if (*p >= 'a' && *p <= 'z')
            return true;
    return false;
}

/*
 * "Have you tried CONFIG_X=y?", "please set CONFIG_X=y": what somebody asks or advises is in no
 * file yet. Only of a sentence: words in small letters before the first option.
 */
static bool is_advice(const char *line, size_t len, const struct td_assignment *first)
{
    static const char *const words[] = { "?",          "should",   "please",      "have you",
                                         "you can",    "you need", "you have to", "recommend",
                                         "instead of", "suggest",  "would need" };
    const char *p = after_blanks(line, len);
    const char *end = line + first->begin;

    if (first->begin < 4 || *p == '#' || first->command)
        return false;
    while (p < end && (*p < 'a' || *p > 'z'))
        p++;
    if (p == end)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (td_find_text(line, len, words[i]) != NULL)
            return true;
    return false;
}

static void look_for_heading(struct td_config *config, const char *line, size_t len)
{
    const char *p = after_blanks(line, len);
    bool comment = p < line + len && (*p == '#' || *p == '/');
    struct td_heading heading;

    if (td_find_text(line, len, "automatically generated") != NULL && comment &&
        config->n_blocks > 0) {
        config->blocks[config->n_blocks - 1].merged = true;
        return;
    }
    if (!td_heading_in_line(line, len, &heading))
        return;
    // A comment that mentions another file is a comment, unless it says nothing else.
    if ((comment || config->file_is_config) && !heading.sure)
        return;
    if (config->file_is_config && comment)
        return;
    begin_block(config, &heading);
}

static void look_for_sdk(struct td_config *config, const struct td_event *event, const char *line,
                         size_t len)
{
    struct td_sdk_said *said;
    struct td_sdk sdk = { 0 };
    char chip[16];

    for (size_t at = 0; td_soc_in_line(line, len, &at, chip);)
        td_fact_add(config->facts, "soc", &event->at, event->time_us, line, "name=%s", chip);
    if (!td_sdk_in_line(line, len, &sdk) ||
        config->n_said == sizeof config->said / sizeof config->said[0])
        return;
    said = &config->said[config->n_said++];
    said->sdk = sdk;
    said->at = event->at;
    snprintf(said->quote, sizeof said->quote, "%.*s", (int)(len < 160 ? len : 160), line);
}

void td_config_line(struct td_config *config, const struct td_event *event)
{
    const char *line =
        event->line.raw != NULL && event->line.raw[0] != 0 ? event->line.raw : event->line.text;
    struct td_assignment got;
    size_t len, at = 0, n = 0;

    // A client's log shows neither options nor versions of an SDK.
    if (event->kind != TD_EVENT_LINE || line == NULL ||
        (event->line.dialect != TD_DIALECT_PLAIN && event->line.dialect != TD_DIALECT_CONSOLE &&
         event->line.dialect != TD_DIALECT_ZEPHYR))
        return;
    len = strlen(line);
    while (td_assignment_next(line, len, &at, &got)) {
        if (n == 0 && event->line.dialect == TD_DIALECT_PLAIN)
            look_for_sdk(config, event, line, got.begin);
        if (n++ == 0 && (is_comment(line, len, &got) || is_advice(line, len, &got) ||
                         td_phrase_mentioned(line, got.begin)))
            return;
        if (config->n_blocks == 0)
            begin_block(config, NULL);
        if (config->open)
            keep(config, event, &got);
    }
    if (n > 0)
        return;
    look_for_sdk(config, event, line, len);
    if (event->line.dialect == TD_DIALECT_PLAIN)
        look_for_heading(config, line, len);
}

void td_config_end(struct td_config *config)
{
    td_config_judge(config);
}
