/* doctor/talk.c - see talk.h. Entries stand in the order of their requests. */
#include "doctor/talk.h"

#include <string.h>

void td_talk_begin(struct td_talk *talk)
{
    talk->count = 0;
}

static void drop(struct td_talk *talk, unsigned i)
{
    memmove(&talk->entry[i], &talk->entry[i + 1], (talk->count - i - 1) * sizeof talk->entry[0]);
    talk->count--;
}

/* Makes room: answered ones go first. */
static void make_room(struct td_talk *talk)
{
    unsigned i = 0;

    while (i < talk->count && !talk->entry[i].answered)
        i++;
    drop(talk, i < talk->count ? i : 0);
}

static bool fits(const struct td_talk_entry *e, const struct td_smp_header *hdr)
{
    return e->hdr.seq == hdr->seq && e->hdr.group == hdr->group && e->hdr.id == hdr->id;
}

/* The newest that fits; only open ones, or any. */
static struct td_talk_entry *find(struct td_talk *talk, const struct td_smp_header *hdr, bool open)
{
    for (unsigned i = talk->count; i-- > 0;) {
        struct td_talk_entry *e = &talk->entry[i];

        if (fits(e, hdr) && !(open && e->answered))
            return e;
    }
    return NULL;
}

static int64_t since(int64_t then, int64_t now)
{
    return then == TD_NO_TIME || now == TD_NO_TIME || now < then ? TD_NO_TIME : now - then;
}

struct td_talk_turn td_talk_take(struct td_talk *talk, const struct td_smp_header *hdr,
                                 int64_t time_us, uint32_t n)
{
    struct td_talk_turn turn = { TD_TURN_FOREIGN, n, TD_NO_TIME };
    bool answer = (hdr->op & 1) != 0;
    struct td_talk_entry *e = find(talk, hdr, true);

    if (!answer && e) {
        turn = (struct td_talk_turn){ TD_TURN_REPEAT, e->n, since(e->time_us, time_us) };
        e->time_us = time_us;
        return turn;
    }
    if (!answer) {
        if (talk->count == TD_TALK_MAX)
            make_room(talk);
        talk->entry[talk->count++] = (struct td_talk_entry){ n, *hdr, time_us, false };
        turn.turn = TD_TURN_REQUEST;
        return turn;
    }
    if (e) {
        turn = (struct td_talk_turn){ TD_TURN_ANSWER, e->n, since(e->time_us, time_us) };
        e->answered = true;
        return turn;
    }
    e = find(talk, hdr, false);
    if (e)
        turn = (struct td_talk_turn){ TD_TURN_DUPLICATE, e->n, since(e->time_us, time_us) };
    return turn;
}

bool td_talk_lost(struct td_talk *talk, struct td_talk_entry *entry)
{
    while (talk->count > 0) {
        *entry = talk->entry[0];
        drop(talk, 0);
        if (!entry->answered)
            return true;
    }
    return false;
}
