/*
 * doctor/story_shell.c - commands of mcumgr, smpmgr and their kin, as people paste them with
 * what was printed: `mcumgr -c acm0 image test <hash>`, `smpmgr --ble X upgrade app.bin`.
 *
 * A command is taken to have worked unless a line of error follows before the next one.
 */
#include "doctor/story_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define WORDS 24

static const struct {
    const char *name;
    enum td_dialect dialect;
} tools[] = {
    { "mcumgr", TD_DIALECT_MCUMGR },    { "newtmgr", TD_DIALECT_MCUMGR },
    { "smpmgr", TD_DIALECT_SMPMGR },    { "mcumgr-client", TD_DIALECT_CLIENT },
    { "mcumgrctl", TD_DIALECT_CLIENT }, { "tandem", TD_DIALECT_TANDEM },
};

struct words {
    char text[400];
    const char *at[WORDS];
    size_t n;
};

static void cut(struct words *w, const char *line)
{
    char *p = w->text;

    snprintf(w->text, sizeof w->text, "%s", line);
    while (*p && w->n < WORDS) {
        p += strspn(p, " \t");
        if (!*p)
            break;
        w->at[w->n++] = p;
        p += strcspn(p, " \t");
        if (*p)
            *p++ = '\0';
    }
}

static size_t find(const struct words *w, size_t from, const char *word)
{
    for (size_t i = from; i < w->n; i++)
        if (strcmp(w->at[i], word) == 0)
            return i;
    return w->n;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The tool's word, behind a prompt and sudo; w->n: the line is no command. */
static size_t find_tool(const struct words *w, enum td_dialect *dialect)
{
    for (size_t i = 0; i < w->n && i < 4; i++) {
        size_t len = strlen(w->at[i]);

        for (size_t k = 0; k < sizeof tools / sizeof *tools; k++)
            if (strcmp(last_part(w->at[i]), tools[k].name) == 0) {
                *dialect = tools[k].dialect;
                return i;
            }
        // A prompt ends in one of these, behind the name of an environment in brackets; other
        // words in front make it a sentence.
        if (strcmp(w->at[i], "sudo") != 0 && w->at[i][0] != '(' &&
            !strchr("$#>%", w->at[i][len - 1]))
            break;
    }
    return w->n;
}

static bool is_hash(const char *word)
{
    size_t n = strspn(word, "0123456789abcdefABCDEF");

    return n >= 16 && word[n] == '\0';
}

static void take_hash(const struct words *w, size_t from, struct story_command *c)
{
    for (size_t i = from; i < w->n; i++)
        if (is_hash(w->at[i])) {
            story_hash_text(w->at[i], strlen(w->at[i]), c->hash);
            return;
        }
}

/* What it asks for; false: nothing that changes anything, or no command after all. */
static bool read_command(const struct words *w, size_t tool, struct story_command *c)
{
    size_t at;

    c->confirm = find(w, tool, "--confirm") < w->n;
    if (w->n == tool + 1)
        return false;
    // "mcumgr reset does nothing" is a sentence: a reset takes nothing behind it.
    if (strcmp(w->at[w->n - 1], "reset") == 0) {
        c->kind = ACT_RESET;
        return true;
    }
    if ((at = find(w, tool, "upload")) + 1 < w->n) {
        c->kind = ACT_UPLOAD;
        return strchr(w->at[w->n - 1], '.') != NULL || strchr(w->at[at + 1], '.') != NULL;
    }
    if ((at = find(w, tool, "upgrade")) + 1 < w->n) {
        size_t slot = find(w, tool, "--slot");

        c->kind = ACT_UPLOAD;
        c->whole = true;
        c->marks = c->confirm || (slot + 1 < w->n && strcmp(w->at[slot + 1], "0") != 0) ||
                   find(w, tool, "--slot=1") < w->n;
        return strchr(w->at[w->n - 1], '.') != NULL || strchr(w->at[at + 1], '.') != NULL;
    }
    if (w->n > tool + 1 && strcmp(w->at[w->n - 1], "erase") == 0) {
        c->kind = ACT_ERASE;
        return true;
    }
    c->kind = ACT_MARK;
    if ((at = find(w, tool, "confirm")) < w->n) {
        c->confirm = true;
        take_hash(w, at, c);
        c->own = c->hash[0] == '\0';
        return at + 1 >= w->n || !c->own;
    }
    if ((at = find(w, tool, "test")) < w->n || (at = find(w, tool, "state-write")) < w->n) {
        take_hash(w, at, c);
        return c->hash[0] != '\0';
    }
    return false;
}

static void commit_upload(struct td_story *s, struct story_talk *t, const struct story_command *c)
{
    struct story_act *act = story_act(s, ACT_UPLOAD, t->session, t->dialect, &c->at, c->time_us);

    act->finished = act->done = !c->failed;
    act->sent = act->finished;
    t->uploaded = t->uploaded || act->finished;
    story_step(s, t->session, &c->at, c->time_us, "an upload by command%s",
               c->failed  ? ", and an error"
               : c->whole ? ", with the reset behind it"
                          : "");
    if (!c->whole || c->failed)
        return;
    if (c->marks) {
        act = story_act(s, ACT_MARK, t->session, t->dialect, &c->at, c->time_us);
        act->confirm = c->confirm;
        act->done = true;
    }
    act = story_act(s, ACT_RESET, t->session, t->dialect, &c->at, c->time_us);
    act->done = true;
    t->reset_done = true;
    t->has_list = false; // whatever it shows next, the reset lies between
}

static void commit_mark(struct td_story *s, struct story_talk *t, const struct story_command *c)
{
    struct story_act *act = story_act(s, ACT_MARK, t->session, t->dialect, &c->at, c->time_us);

    act->confirm = c->confirm;
    act->own = c->own;
    act->done = !c->failed;
    memcpy(act->hash, c->hash, sizeof act->hash);
    story_step(s, t->session, &c->at, c->time_us, "%s is asked to %s%s%s",
               c->own ? "the running image" : c->hash, c->confirm ? "be confirmed" : "be tested",
               c->failed ? ", and an error" : "", "");
}

void story_shell_end(struct td_story *s)
{
    struct story_command *c = &s->command;
    struct story_talk *t = &s->talks[s->current];

    if (!c->open)
        return;
    c->open = false;
    if (t->session == 0) {
        t->dialect = c->dialect;
        story_talk_begin(s, t, &c->at, c->time_us, false);
    }
    t->image_talk++;
    t->last_at = c->at;
    switch (c->kind) {
    case ACT_UPLOAD: commit_upload(s, t, c); break;
    case ACT_MARK: commit_mark(s, t, c); break;
    case ACT_ERASE:
        if (!c->failed)
            (void)story_act(s, ACT_ERASE, t->session, t->dialect, &c->at, c->time_us);
        break;
    case ACT_RESET:
        if (!c->failed) {
            story_act(s, ACT_RESET, t->session, t->dialect, &c->at, c->time_us)->done = true;
            t->reset_done = true;
            t->has_list = false; // whatever it shows next, the reset lies between
            story_step(s, t->session, &c->at, c->time_us, "a reset by command");
        }
        break;
    case ACT_SESSION:
    case ACT_LIST: break;
    }
}

void story_shell_line(struct td_story *s, const struct td_event *event)
{
    struct story_command c = { .at = event->at, .time_us = event->time_us };
    struct words w = { .n = 0 };
    size_t tool;

    if (s->command.open && (strncmp(event->line.text, "Error", 5) == 0 ||
                            strstr(event->line.text, "NMP timeout") || event->line.level == 'E'))
        s->command.failed = true;
    cut(&w, event->line.text);
    tool = find_tool(&w, &c.dialect);
    if (tool == w.n)
        return;
    story_words_end(s);
    story_shell_end(s);
    s->tool = c.dialect;
    story_say(s, "have", &event->at, event->time_us, NULL, "what=client-log client=%s commands=1",
              story_client(c.dialect));
    c.open = read_command(&w, tool, &c);
    if (c.open)
        s->command = c;
}
