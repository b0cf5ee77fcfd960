/*
 * doctor/story_same.c - whether two files tell of one conversation.
 *
 * The console of a shared wire and the client's own log, or two captures of one link, show the
 * same lists change in the same way. Read one behind the other they would look like a device
 * that went back. Equal lists alone prove nothing: a device that nobody touched lists the same
 * every day. A change that both files show does.
 */
#include "doctor/story_priv.h"

static bool has_list(const struct story_act *act, uint16_t file)
{
    return act->file == file && act->list.n > 0 && (act->kind == ACT_LIST || act->kind == ACT_MARK);
}

/* A change of a file's lists behind *at, which is moved on; false: no more. */
static bool next_change(struct td_story *s, uint16_t file, size_t *at,
                        const struct story_list **from, const struct story_list **to)
{
    const struct story_list *before = NULL;

    for (size_t i = *at; i < story_n_acts(s); i++) {
        const struct story_act *act = story_act_at(s, i);

        if (!has_list(act, file))
            continue;
        if (before && !story_list_same(before, &act->list)) {
            *from = before;
            *to = &act->list;
            *at = i;
            return true;
        }
        before = &act->list;
    }
    return false;
}

static bool changes_so(struct td_story *s, uint16_t file, const struct story_list *from,
                       const struct story_list *to)
{
    const struct story_list *a, *b;
    size_t at = 0;

    while (next_change(s, file, &at, &a, &b))
        if (story_list_same(a, from) && story_list_same(b, to))
            return true;
    return false;
}

bool story_told_before(struct td_story *s, uint16_t file)
{
    const struct story_list *from, *to;
    size_t at = 0;

    while (next_change(s, file, &at, &from, &to))
        for (uint16_t earlier = 0; earlier < file; earlier++)
            if (changes_so(s, earlier, from, to))
                return true;
    return false;
}
