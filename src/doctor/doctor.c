/*
 * doctor/doctor.c - one after the other: readers, phrases, configurations, layouts, the story;
 * then the rules.
 *
 * Nothing of a file is kept but facts and the story's steps, so that memory does not depend on
 * how long the files are.
 */
#include "doctor/doctor.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "doctor/config.h"
#include "doctor/layout_facts.h"
#include "doctor/phrase.h"
#include "doctor/reader.h"
#include "doctor/rule.h"

#define EXCERPT 120 /* bytes of a long line that are quoted around a phrase */
#define BEFORE  24  /* of them in front of it */
#define HELD    8   /* quoted phrases of one paragraph */

/* A fact in the making. */
struct saying {
    struct td_place at;
    int64_t time_us;
    char name[80], attrs[900], quote[EXCERPT + 16];
};

/* What is only spoken of waits for the end of its paragraph: it may be a report after all. */
struct paragraph {
    bool reports; /* somebody tells what happened to him */
    bool list;    /* an item of a list: nobody does */
    size_t n;
    struct saying held[HELD];
};

struct td_doctor {
    struct td_event_sink sink; /* first, so that the sink's pointer is the doctor's */
    const struct td_knowledge *knowledge;
    struct td_facts *facts;
    struct td_phrases *phrases;
    struct td_config *config;
    struct td_layout_facts *layouts;
    struct td_story *story;
    struct td_judgement *judgement;

    struct td_seen *files;
    size_t n_files, cap_files;
    uint16_t file;
    struct td_reader *reader; /* of the file that is being fed */
    struct paragraph paragraph;
};

/* ---- events to facts ----------------------------------------------------------------- */

struct listening {
    struct td_doctor *doctor;
    const struct td_event *event;
};

/* What a person would recognise: a device's line with its stamp, a client's without. */
static const char *quote_of(const struct td_event *event)
{
    bool device = event->line.dialect == TD_DIALECT_ZEPHYR;

    return device && event->line.raw[0] != '\0' ? event->line.raw : event->line.text;
}

static size_t whole_character(const char *text, size_t at)
{
    while (at > 0 && ((uint8_t)text[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* Of a long line, such as a post in one piece, the part around the phrase. */
static const char *quote_around(const struct td_event *event, const struct td_phrase_hit *hit,
                                char out[EXCERPT + 16])
{
    size_t len = strlen(hit->line);
    size_t from = 0, to;

    if (event->line.dialect != TD_DIALECT_PLAIN || len <= EXCERPT)
        return quote_of(event);
    if (hit->begin > BEFORE)
        from = whole_character(hit->line, hit->begin - BEFORE);
    to = from + EXCERPT < len ? whole_character(hit->line, from + EXCERPT) : len;
    (void)snprintf(out, EXCERPT + 16, "%s%.*s%s", from > 0 ? "..." : "", (int)(to - from),
                   hit->line + from, to < len ? "..." : "");
    return out;
}

static void have(struct td_doctor *doctor, const struct td_place *at, const char *what)
{
    td_fact_add(doctor->facts, "have", at, TD_NO_TIME, NULL, "what=%s", what);
}

static void see_log(struct td_doctor *doctor, const struct td_place *at, bool *seen,
                    const char *what)
{
    if (!*seen)
        have(doctor, at, what);
    *seen = true;
}

static void say(struct td_doctor *doctor, const struct saying *s, const char *quote)
{
    struct td_seen *seen = &doctor->files[doctor->file];

    td_fact_add(doctor->facts, s->name, &s->at, s->time_us, quote, "%s", s->attrs);
    if (strncmp(s->name, "boot.", 5) == 0)
        see_log(doctor, &s->at, &seen->boot_log, "boot-log");
    else if (strncmp(s->name, "nsib.", 5) == 0)
        see_log(doctor, &s->at, &seen->nsib_log, "nsib-log");
}

/* A phrase is a fact: its constant attributes, then what it caught. */
static void write_attrs(const struct td_phrase_hit *hit, const char *fixed, char *out, size_t cap)
{
    size_t len = (size_t)snprintf(out, cap, "%s", fixed);

    for (size_t i = 0; i < hit->n_captures && len < cap; i++) {
        char value[TD_PHRASE_VALUE];
        size_t j = 0;

        // Quotes would end the value.
        for (; hit->captures[i].value[j] != '\0'; j++)
            value[j] = hit->captures[i].value[j] == '\'' ? '"' : hit->captures[i].value[j];
        value[j] = '\0';
        len += (size_t)snprintf(out + len, cap - len, " %s='%s'", hit->captures[i].name, value);
    }
}

static void say_phrase(void *user, const struct td_phrase_hit *hit)
{
    const struct listening *l = user;
    const struct td_event *event = l->event;
    struct paragraph *p = &l->doctor->paragraph;
    size_t n_name = strcspn(hit->phrase->fact, " ");
    char excerpt[EXCERPT + 16];
    const char *quote;
    // What people say of it is another matter: that is what they say.
    bool mentioned = event->line.dialect == TD_DIALECT_PLAIN &&
                     strcmp(hit->phrase->in, "prose") != 0 &&
                     td_phrase_mentioned(hit->line, hit->begin);
    struct saying s = { .at = event->at, .time_us = event->time_us };

    // A line of source is none of a paragraph.
    if (mentioned &&
        (p->list || p->n == HELD || !isalpha((unsigned char)hit->line[strspn(hit->line, " >")])))
        return;
    (void)snprintf(s.name, sizeof s.name, "%.*s", (int)n_name, hit->phrase->fact);
    write_attrs(hit, hit->phrase->fact + n_name, s.attrs, sizeof s.attrs);
    quote = quote_around(event, hit, excerpt);
    if (!mentioned) {
        say(l->doctor, &s, quote);
        return;
    }
    (void)snprintf(s.quote, sizeof s.quote, "%s", quote);
    p->held[p->n++] = s;
}

static void end_paragraph(struct td_doctor *doctor)
{
    struct paragraph *p = &doctor->paragraph;

    for (size_t i = 0; p->reports && i < p->n; i++)
        say(doctor, &p->held[i], p->held[i].quote);
    p->n = 0;
    p->reports = p->list = false;
}

/* Before a line is looked at: an empty one, an item of a list or a log end a paragraph. */
static void begin_line(struct td_doctor *doctor, const struct td_line *line)
{
    const char *text = line->text + strspn(line->text, " \t>");
    bool item = strchr("-*+", *text) != NULL;

    if (item || line->dialect != TD_DIALECT_PLAIN)
        end_paragraph(doctor);
    doctor->paragraph.list = doctor->paragraph.list || (item && *text != '\0');
    if (line->dialect == TD_DIALECT_PLAIN && !doctor->paragraph.list && td_phrase_reports(text))
        doctor->paragraph.reports = true;
}

static bool is_application(const struct td_line *line)
{
    static const char *const loaders[] = { "mcuboot", "bootutil", "boot_serial", "b0", "b0n" };

    if (line->dialect != TD_DIALECT_ZEPHYR || line->module[0] == '\0')
        return false;
    for (size_t i = 0; i < TD_N_OF(loaders); i++) {
        if (strcmp(line->module, loaders[i]) == 0)
            return false;
    }
    return true;
}

static void note_kind(struct td_doctor *doctor, struct td_seen *seen, const struct td_event *event)
{
    enum td_dialect dialect = event->line.dialect;

    seen->lines++;
    if (seen->of_dialect[dialect]++ == 0 && td_story_client(dialect) != NULL)
        td_fact_add(doctor->facts, "have", &event->at, TD_NO_TIME, NULL,
                    "what=client-log client=%s", td_story_client(dialect));
    if (dialect == TD_DIALECT_ZEPHYR && strcmp(event->line.module, "mcuboot") == 0)
        see_log(doctor, &event->at, &seen->boot_log, "boot-log");
    else if (is_application(&event->line))
        see_log(doctor, &event->at, &seen->app_log, "app-log");
}

static void take_line(struct td_doctor *doctor, const struct td_event *event)
{
    struct listening listening = { doctor, event };
    const char *raw = event->line.raw[0] != '\0' ? event->line.raw : event->line.text;

    note_kind(doctor, &doctor->files[doctor->file], event);
    begin_line(doctor, &event->line);
    td_phrases_find(doctor->phrases, event->line.text, event->line.len, event->line.dialect,
                    say_phrase, &listening);
    td_config_line(doctor->config, event);
    td_layout_facts_line(doctor->layouts, &event->at, raw, strlen(raw));
}

static void note_message(struct td_doctor *doctor, struct td_seen *seen,
                         const struct td_event *event)
{
    if (seen->messages++ > 0)
        return;
    seen->capture = event->at.line == 0;
    if (seen->capture)
        have(doctor, &event->at, "capture");
    else if (td_story_client(event->line.dialect) == NULL)
        td_fact_add(doctor->facts, "have", &event->at, TD_NO_TIME, NULL,
                    "what=client-log client=other");
}

static void take(struct td_event_sink *sink, const struct td_event *event)
{
    struct td_doctor *doctor = (struct td_doctor *)(void *)sink;
    struct td_seen *seen = &doctor->files[doctor->file];

    switch (event->kind) {
    case TD_EVENT_LINE: take_line(doctor, event); break;
    case TD_EVENT_MESSAGE: note_message(doctor, seen, event); break;
    case TD_EVENT_GARBAGE: seen->garbage++; break;
    case TD_EVENT_LINK: break;
    }
    td_story_take(doctor->story, event);
}

/* ---- files --------------------------------------------------------------------------- */

static void drop_files(struct td_doctor *doctor)
{
    if (doctor->reader != NULL)
        td_reader_end(doctor->reader);
    td_judgement_free(doctor->judgement);
    td_story_free(doctor->story);
    td_layout_facts_free(doctor->layouts);
    td_config_free(doctor->config);
    td_facts_free(doctor->facts);
    for (size_t i = 0; i < doctor->n_files; i++)
        free((void *)(uintptr_t)doctor->files[i].name);
    doctor->reader = NULL;
    doctor->judgement = NULL;
    doctor->story = NULL;
    doctor->layouts = NULL;
    doctor->config = NULL;
    doctor->n_files = 0;
    doctor->paragraph.n = 0;
    doctor->paragraph.reports = doctor->paragraph.list = false;
}

bool td_doctor_forget(struct td_doctor *doctor)
{
    drop_files(doctor);
    doctor->facts = td_facts_new();
    if (doctor->facts == NULL)
        return false;
    doctor->config = td_config_new(doctor->facts, doctor->knowledge);
    doctor->layouts = td_layout_facts_new(doctor->facts);
    doctor->story = td_story_new(doctor->facts);
    return doctor->config != NULL && doctor->layouts != NULL && doctor->story != NULL;
}

struct td_doctor *td_doctor_new(const struct td_knowledge *knowledge)
{
    struct td_doctor *doctor = calloc(1, sizeof *doctor);

    if (doctor == NULL)
        return NULL;
    doctor->sink.take = take;
    doctor->knowledge = knowledge;
    doctor->phrases = td_phrases_new(knowledge);
    if (doctor->phrases != NULL && td_doctor_forget(doctor))
        return doctor;
    td_doctor_free(doctor);
    return NULL;
}

void td_doctor_free(struct td_doctor *doctor)
{
    if (doctor == NULL)
        return;
    drop_files(doctor);
    td_phrases_free(doctor->phrases);
    free(doctor->files);
    free(doctor);
}

static bool add_file(struct td_doctor *doctor, const char *name)
{
    char *copy = strdup(name);

    if (doctor->n_files == doctor->cap_files) {
        size_t cap = doctor->cap_files == 0 ? 8 : 2 * doctor->cap_files;
        struct td_seen *more = realloc(doctor->files, cap * sizeof *more);

        if (more != NULL) {
            doctor->files = more;
            doctor->cap_files = cap;
        }
    }
    if (copy == NULL || doctor->n_files == doctor->cap_files) {
        free(copy);
        return false;
    }
    doctor->files[doctor->n_files++] = (struct td_seen){ .name = copy };
    return true;
}

bool td_doctor_file(struct td_doctor *doctor, const char *name)
{
    const char *last = strrchr(name, '/');
    struct td_place at = { .file = (uint16_t)doctor->n_files };

    if (doctor->n_files > UINT16_MAX || !add_file(doctor, name))
        return false;
    last = last == NULL ? name : last + 1;
    doctor->file = at.file;
    doctor->reader = td_reader_new(at.file, &doctor->sink);
    td_fact_add(doctor->facts, "file", &at, TD_NO_TIME, NULL, "index=%u name='%s'", at.file, last);
    td_config_file(doctor->config, at.file, name);
    td_layout_facts_file(doctor->layouts, at.file, last);
    return doctor->reader != NULL;
}

void td_doctor_feed(struct td_doctor *doctor, const void *bytes, size_t len)
{
    doctor->files[doctor->file].bytes += len;
    td_reader_feed(doctor->reader, bytes, len);
}

void td_doctor_file_end(struct td_doctor *doctor)
{
    td_reader_end(doctor->reader);
    doctor->reader = NULL;
    end_paragraph(doctor);
    td_layout_facts_file_end(doctor->layouts);
    td_story_file_end(doctor->story);
}

void td_doctor_end(struct td_doctor *doctor)
{
    td_config_end(doctor->config);
    td_story_end(doctor->story);
    td_layout_facts_end(doctor->layouts);
}

size_t td_doctor_layouts(const struct td_doctor *doctor,
                         const struct td_layout *out[TD_LAYOUTS_MAX])
{
    size_t n = 0;

    while (n < TD_LAYOUTS_MAX && td_layout_facts_at(doctor->layouts, n) != NULL) {
        out[n] = td_layout_facts_at(doctor->layouts, n);
        n++;
    }
    return n;
}

struct td_facts *td_doctor_facts(struct td_doctor *doctor)
{
    return doctor->facts;
}

const struct td_story *td_doctor_story(const struct td_doctor *doctor)
{
    return doctor->story;
}

size_t td_doctor_files(const struct td_doctor *doctor)
{
    return doctor->n_files;
}

const struct td_seen *td_doctor_seen(const struct td_doctor *doctor, size_t file)
{
    return file < doctor->n_files ? &doctor->files[file] : NULL;
}

/* ---- findings ------------------------------------------------------------------------ */

bool td_doctor_judge(struct td_doctor *doctor)
{
    td_judgement_free(doctor->judgement);
    doctor->judgement = td_judge(doctor->knowledge, doctor->facts);
    return doctor->judgement != NULL;
}

size_t td_doctor_count(const struct td_doctor *doctor)
{
    return doctor->judgement == NULL ? 0 : td_judgement_count(doctor->judgement);
}

const struct td_finding *td_doctor_at(const struct td_doctor *doctor, size_t n)
{
    return doctor->judgement == NULL ? NULL : td_judgement_at(doctor->judgement, n);
}

size_t td_doctor_set_aside(const struct td_doctor *doctor)
{
    return doctor->judgement == NULL ? 0 : td_judgement_aside(doctor->judgement);
}

const struct td_finding *td_doctor_set_aside_at(const struct td_doctor *doctor, size_t n)
{
    return doctor->judgement == NULL ? NULL : td_judgement_aside_at(doctor->judgement, n);
}
