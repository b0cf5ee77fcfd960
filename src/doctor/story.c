/*
 * doctor/story.c - the story's door.
 *
 * 1. An event belongs to the conversation of its file and its client; each has its own
 *    requests, lists and uploads, so that two phones in one log do not answer one another.
 * 2. What the whole needs is kept as acts, with a fixed number of them: the first half and the
 *    latest. Facts and steps are made on the way.
 * 3. Sessions pasted in the wrong order are put right by their clocks, when all have one.
 */
#include "doctor/story_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"

#define HALF   (STORY_ACTS / 2)
#define DAY_US (24 * INT64_C(3600) * STORY_S)

struct td_story *td_story_new(struct td_facts *facts)
{
    struct td_story *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->facts = facts;
    s->day_us = TD_NO_TIME;
    s->mode = -1;
    return s;
}

void td_story_free(struct td_story *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < TD_STORY_STEPS / 2; i++) {
        free((void *)(uintptr_t)s->steps.first[i].text);
        free((void *)(uintptr_t)s->steps.last[i].text);
    }
    free(s);
}

int64_t story_since(int64_t from_us, int64_t to_us)
{
    if (from_us == TD_NO_TIME || to_us == TD_NO_TIME || to_us < from_us ||
        (from_us < 0 && to_us > INT64_MAX + from_us))
        return -1;
    return to_us - from_us;
}

/* ---- facts ---- */

static void put(struct story_attrs *a, const char *text, size_t len)
{
    if (len > sizeof a->text - 1 - a->len)
        return;
    memcpy(a->text + a->len, text, len);
    a->len += len;
    a->text[a->len] = '\0';
}

void story_attr(struct story_attrs *a, const char *key, const char *fmt, ...)
{
    char value[128], both[192];
    va_list args;
    int n;

    va_start(args, fmt);
    vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    n = snprintf(both, sizeof both, "%s%s=%s", a->len ? " " : "", key, value);
    if (n > 0 && (size_t)n < sizeof both)
        put(a, both, (size_t)n);
}

void story_attr_text(struct story_attrs *a, const char *key, const char *text)
{
    char both[320];
    int at = snprintf(both, sizeof both, "%s%s='", a->len ? " " : "", key);
    size_t n = at > 0 ? (size_t)at : 0;

    // A quote would end the value and a control character has no place in a sentence.
    for (; *text && n < sizeof both - 2; text++)
        both[n++] = *text == '\'' ? '"' : (unsigned char)*text < 0x20 ? ' ' : *text;
    both[n++] = '\'';
    put(a, both, n);
}

void story_fact(struct td_story *s, const char *name, const struct td_place *at, int64_t time_us,
                const char *quote, const struct story_attrs *a)
{
    (void)td_fact_add(s->facts, name, at, time_us, quote, "%s", a->text);
}

/* ---- steps ---- */

void story_step(struct td_story *s, uint32_t session, const struct td_place *at, int64_t time_us,
                const char *fmt, ...)
{
    struct story_step_ring *ring = &s->steps;
    size_t half = TD_STORY_STEPS / 2;
    bool early = ring->n < half;
    size_t i = early ? ring->n : (ring->n - half) % half;
    struct td_story_step *step = early ? &ring->first[i] : &ring->last[i];
    char text[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    free((void *)(uintptr_t)step->text);
    step->text = strdup(text);
    step->at = *at;
    step->time_us = time_us;
    (early ? ring->session_first : ring->session_last)[i] = session;
    ring->n++;
}

/* ---- acts ---- */

struct story_act *story_act(struct td_story *s, enum story_act_kind kind, uint32_t session,
                            enum td_dialect dialect, const struct td_place *at, int64_t time_us)
{
    size_t i = s->n_acts < HALF ? s->n_acts : HALF + (s->n_acts - HALF) % HALF;
    struct story_act *act = &s->acts[i];

    s->n_acts++;
    memset(act, 0, sizeof *act);
    act->kind = kind;
    act->session = session;
    act->dialect = dialect;
    act->file = at->file;
    act->at = *at;
    act->time_us = time_us;
    act->order_us = TD_NO_TIME;
    // Phones write the time of day; the reader counts on when it falls. The order of sessions
    // is told by the day in a heading and the time of day.
    if (dialect == TD_DIALECT_NORDIC_ANDROID && time_us != TD_NO_TIME && time_us >= 0)
        act->order_us = time_us % DAY_US + (s->day_us == TD_NO_TIME ? 0 : s->day_us);
    return act;
}

size_t story_n_acts(const struct td_story *s)
{
    return STORY_MIN(s->n_acts, STORY_ACTS);
}

struct story_act *story_act_at(struct td_story *s, size_t n)
{
    size_t newest = s->n_acts;

    if (n < HALF || newest <= STORY_ACTS)
        return &s->acts[n];
    return &s->acts[HALF + (newest - HALF + n - HALF) % HALF];
}

/* ---- events ---- */

/* A heading such as "nRF Connect, 2023-10-10" dates the sessions below it. */
static void read_date(struct td_story *s, const char *text)
{
    const char *p = strstr(text, "nRF Connect, ");
    unsigned year, month, day;
    int64_t days;

    if (!p || sscanf(p, "nRF Connect, %4u-%2u-%2u", &year, &month, &day) != 3 || year < 2000 ||
        year > 2199 || month < 1 || month > 12 || day < 1 || day > 31)
        return;
    // Any count that grows with the date will do.
    days = ((int64_t)year * 12 + month) * 31 + day;
    s->day_us = days * DAY_US;
}

void td_story_take(struct td_story *s, const struct td_event *event)
{
    struct story_talk *talk;

    if (s->ended)
        return;
    s->file = event->at.file;
    switch (event->kind) {
    case TD_EVENT_LINE:
        read_date(s, event->line.text);
        story_boot_line(s, event);
        talk = story_talk_of(s, event);
        if (event->time_us != TD_NO_TIME && event->line.dialect == talk->dialect)
            talk->seen_us = event->time_us;
        story_words_line(s, talk, event);
        break;
    case TD_EVENT_MESSAGE:
        story_words_end(s);
        story_talk_message(s, story_talk_of(s, event), event);
        break;
    case TD_EVENT_LINK:
        story_words_end(s);
        story_talk_link(s, story_talk_of(s, event), event);
        break;
    case TD_EVENT_GARBAGE: break;
    }
}

void td_story_file_end(struct td_story *s)
{
    story_words_end(s);
    story_shell_end(s);
    story_boot_close(s);
    for (size_t i = 0; i < STORY_TALKS; i++)
        if (s->talks[i].used) {
            story_talk_end(s, &s->talks[i]);
            memset(&s->talks[i], 0, sizeof s->talks[i]);
        }
    s->day_us = TD_NO_TIME;
    s->tool = TD_DIALECT_PLAIN;
}

/* ---- order ---- */

/* Where a session stands among those of its file. */
struct rank {
    uint32_t session;
    uint16_t file;
    int64_t order_us;
};

static bool later(const struct rank *a, const struct rank *b)
{
    // From the last hours of a day to its first ones it was midnight, not a wrong order.
    const int64_t evening = 20 * INT64_C(3600) * STORY_S, morning = 6 * INT64_C(3600) * STORY_S;

    if (a->file != b->file || a->order_us == TD_NO_TIME || b->order_us == TD_NO_TIME)
        return false;
    if (a->order_us < DAY_US && a->order_us > evening && b->order_us < morning)
        return false;
    return a->order_us > b->order_us;
}

static size_t rank_sessions(struct td_story *s, struct rank *ranks)
{
    size_t n = 0;

    for (size_t i = 0; i < story_n_acts(s); i++) {
        const struct story_act *act = story_act_at(s, i);
        struct rank r = { act->session, act->file, act->order_us };
        size_t at = n;

        if (act->kind != ACT_SESSION)
            continue;
        while (at > 0 && later(&ranks[at - 1], &r)) {
            ranks[at] = ranks[at - 1];
            at--;
        }
        ranks[at] = r;
        n++;
    }
    return n;
}

static size_t rank_of(const struct rank *ranks, size_t n, uint32_t session)
{
    for (size_t i = 0; session && i < n; i++)
        if (ranks[i].session == session)
            return i + 1;
    return 0;
}

static void sort_acts(struct td_story *s, const struct rank *ranks, size_t n_ranks)
{
    size_t n = story_n_acts(s), out = 0;
    struct story_act *sorted = malloc((n ? n : 1) * sizeof *sorted);

    if (!sorted)
        return;
    for (size_t r = 0; r <= n_ranks; r++)
        for (size_t i = 0; i < n; i++)
            if (rank_of(ranks, n_ranks, story_act_at(s, i)->session) == r)
                sorted[out++] = *story_act_at(s, i);
    memcpy(s->acts, sorted, n * sizeof *sorted);
    s->n_acts = (uint32_t)n;
    free(sorted);
}

/* A step and where it belongs: its file, its session among those of the file, its line. */
struct ranked_step {
    const struct td_story_step *step;
    size_t rank;
};

/* A boot stands in the session whose steps are around it. */
static size_t rank_by_place(const struct ranked_step *steps, size_t n, const struct td_place *at)
{
    size_t rank = 0;
    uint32_t line = 0;

    for (size_t i = 0; i < n; i++) {
        const struct td_place *other = &steps[i].step->at;

        if (steps[i].rank && other->file == at->file && other->line <= at->line &&
            other->line >= line) {
            line = other->line;
            rank = steps[i].rank;
        }
    }
    return rank;
}

static bool before(const struct ranked_step *a, const struct ranked_step *b)
{
    if (a->step->at.file != b->step->at.file)
        return a->step->at.file < b->step->at.file;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return a->step->at.line < b->step->at.line;
}

static void sort_steps(struct td_story *s, const struct rank *ranks, size_t n_ranks)
{
    struct story_step_ring *ring = &s->steps;
    size_t half = TD_STORY_STEPS / 2, n = STORY_MIN(ring->n, TD_STORY_STEPS);
    struct ranked_step steps[TD_STORY_STEPS];

    for (size_t i = 0; i < n; i++) {
        size_t at = i < half ? i : ring->n <= TD_STORY_STEPS ? i - half : (ring->n + i) % half;
        uint32_t session = i < half ? ring->session_first[at] : ring->session_last[at];

        steps[i].step = i < half ? &ring->first[at] : &ring->last[at];
        steps[i].rank = rank_of(ranks, n_ranks, session);
    }
    for (size_t i = 0; i < n; i++)
        if (steps[i].rank == 0)
            steps[i].rank = rank_by_place(steps, n, &steps[i].step->at);
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && before(&steps[k], &steps[k - 1]); k--) {
            struct ranked_step swap = steps[k];

            steps[k] = steps[k - 1];
            steps[k - 1] = swap;
        }
    for (size_t i = 0; i < n; i++)
        if (steps[i].step->text)
            s->sorted[s->n_sorted++] = *steps[i].step;
}

void td_story_end(struct td_story *s)
{
    struct rank *ranks = malloc(STORY_ACTS * sizeof *ranks);
    size_t n = 0;

    if (s->ended) {
        free(ranks);
        return;
    }
    td_story_file_end(s);
    s->ended = true;
    if (ranks)
        n = rank_sessions(s, ranks);
    if (ranks) {
        sort_acts(s, ranks, n);
        sort_steps(s, ranks, n);
    }
    free(ranks);
    story_judge(s);
}

size_t td_story_count(const struct td_story *s)
{
    return s->n_sorted;
}

const struct td_story_step *td_story_at(const struct td_story *s, size_t n)
{
    return n < s->n_sorted ? &s->sorted[n] : NULL;
}
