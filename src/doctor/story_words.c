/*
 * doctor/story_words.c - lines that a client wrote for people: its states, its complaints, and
 * image lists as mcumgr, smpmgr and others print them.
 */
#include "doctor/story_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_phone(enum td_dialect dialect)
{
    return dialect == TD_DIALECT_NORDIC_ANDROID || dialect == TD_DIALECT_NORDIC_IOS;
}

/* ---- states and complaints ---- */

static void state(struct td_story *s, struct story_talk *t, const struct td_event *event,
                  const char *to, size_t len)
{
    char name[24];
    size_t n = 0;

    for (; n < len && n < sizeof name - 1 && (isalnum((unsigned char)to[n]) || to[n] == '_'); n++)
        name[n] = (char)toupper((unsigned char)to[n]);
    name[n] = '\0';
    if (n == 0)
        return;
    story_say(s, "client.state", &event->at, event->time_us, event->line.text, "to=%s", name);
    // With a link, what it does next says more; without one it is all there is.
    if (t->link_down)
        story_step(s, t->session, &event->at, event->time_us, "the client is now in state %s",
                   name);
}

static void states(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    static const char new_state[] = "New state: ";
    const char *found = strstr(event->line.text, new_state);

    if (!is_phone(event->line.dialect))
        return;
    if (found)
        state(s, t, event, found + sizeof new_state - 1, 24);
    else if (strstr(event->line.text, "Uploading firmware"))
        state(s, t, event, "UPLOAD", 6);
}

static bool complains(const struct td_line *line)
{
    if (line->level == 'E')
        return true;
    return line->level == 'W' && (strstr(line->text, "rror") || strstr(line->text, "ailed"));
}

static void complaints(struct td_story *s, const struct td_event *event)
{
    struct story_attrs a = { 0 };
    char text[121];

    if (!story_is_client(event->line.dialect) || !complains(&event->line))
        return;
    snprintf(text, sizeof text, "%s", event->line.text);
    story_attr_text(&a, "text", text);
    story_fact(s, "client.error", &event->at, event->time_us, event->line.text, &a);
}

/* ---- lists for people ---- */

/* The value behind `key=` or `key:`, as a whole word; NULL when the line has none. */
static const char *value_of(const char *line, const char *key)
{
    size_t len = strlen(key);

    for (const char *p = strstr(line, key); p; p = strstr(p + 1, key)) {
        const char *v = p + len;

        if (p > line && (isalnum((unsigned char)p[-1]) || p[-1] == '_' || p[-1] == '.'))
            continue;
        if (*v != '=' && *v != ':')
            continue;
        for (v++; *v == ' ' || *v == '\'' || *v == '"'; v++)
            continue;
        return v;
    }
    return NULL;
}

static bool truth(const char *line, const char *key, bool otherwise)
{
    const char *v = value_of(line, key);

    return v ? tolower((unsigned char)*v) == 't' || *v == '1' : otherwise;
}

static const char hex_digits[] = "0123456789abcdefABCDEF";

static void read_hash(const char *v, char out[STORY_HASH + 1])
{
    size_t n;

    if (strncmp(v, "HashBytes(", 10) == 0)
        v += 10;
    while (*v == '\'' || *v == '"' || (*v == 'b' && v[1] == '\''))
        v++;
    n = strspn(v, "0123456789abcdefABCDEFx");
    story_hash_text(v, n, out);
}

static bool starts_list(const char *line)
{
    unsigned image, slot;
    const char *p = strstr(line, "image=");

    return strncmp(line, "Images:", 7) == 0 || strstr(line, "ImageState(") ||
           (p && sscanf(p, "image=%u slot=%u", &image, &slot) == 2);
}

/* Whether the line belongs to a list that is being read; fills in what it says. */
static bool read_words(struct story_list *list, const char *line)
{
    const char *slot = value_of(line, "slot"), *image = value_of(line, "image"), *v;
    struct story_slot *last;
    bool any = slot || image;

    if (slot && isdigit((unsigned char)*slot) && list->n < STORY_SLOTS) {
        last = &list->slots[list->n++];
        memset(last, 0, sizeof *last);
        last->slot = (uint8_t)(atoi(slot) & 0xff);
    }
    if (list->n == 0)
        return starts_list(line) || strchr(line, '(');
    last = &list->slots[list->n - 1];
    if (image && isdigit((unsigned char)*image))
        last->image = (uint8_t)(atoi(image) & 0xff);
    if ((v = value_of(line, "version")) != NULL) {
        snprintf(last->version, sizeof last->version, "%.*s", (int)strspn(v, "0123456789.+"), v);
        any = true;
    }
    if ((v = value_of(line, "hash")) != NULL) {
        read_hash(v, last->hash);
        any = true;
    }
    // rich breaks hash=HashBytes('...') in three: the digits stand on a line of their own.
    if (last->hash[0] == '\0' && line[0] == '\'' && strspn(line + 1, hex_digits) >= 40) {
        read_hash(line, last->hash);
        any = true;
    }
    if ((v = value_of(line, "flags")) != NULL) {
        last->active = strstr(v, "active") != NULL;
        last->confirmed = strstr(v, "confirmed") != NULL;
        last->pending = strstr(v, "pending") != NULL;
        last->permanent = strstr(v, "permanent") != NULL;
        any = true;
    }
    any = any || value_of(line, "bootable") || value_of(line, "pending") ||
          value_of(line, "confirmed") || value_of(line, "active") || value_of(line, "permanent");
    last->bootable = truth(line, "bootable", last->bootable);
    last->pending = truth(line, "pending", last->pending);
    last->confirmed = truth(line, "confirmed", last->confirmed);
    last->active = truth(line, "active", last->active);
    last->permanent = truth(line, "permanent", last->permanent);
    return any || line[strspn(line, " \t)],")] == '\0' || strstr(line, "ImageState(");
}

void story_words_end(struct td_story *s)
{
    struct story_talk *t = &s->talks[s->current];
    bool any = s->in_words && s->words.n > 0;

    s->in_words = false;
    if (!any)
        return;
    story_shell_end(s);
    t = &s->talks[s->current];
    if (t->session == 0 || t->link_down) {
        if (!t->used)
            t->dialect = s->tool;
        story_talk_begin(s, t, &s->words_at, TD_NO_TIME, false);
    }
    t->image_talk++;
    t->last_at = s->words_at;
    story_talk_list(s, t, &s->words, &s->words_at, TD_NO_TIME);
}

static void lists(struct td_story *s, const struct td_event *event)
{
    const char *line = event->line.text;

    while (*line == ' ' || *line == '\t')
        line++;
    if (s->in_words && read_words(&s->words, line))
        return;
    story_words_end(s);
    if (!starts_list(line))
        return;
    s->in_words = true;
    s->words_at = event->at;
    memset(&s->words, 0, sizeof s->words);
    (void)read_words(&s->words, line);
}

void story_words_line(struct td_story *s, struct story_talk *t, const struct td_event *event)
{
    states(s, t, event);
    complaints(s, event);
    lists(s, event);
    story_shell_line(s, event);
}
