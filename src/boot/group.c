/*
 * boot/group.c - several images, one update.
 *
 * 1. The bootloader never jumps while an image of a group is under way; so while one is, no
 *    application has run, and nobody's trial has begun.
 * 2. Whatever goes last says that its group is to go: a cut leaves the rest to be derived again.
 */
#include "boot/group.h"

static bool is_asked(const struct td_boot_stand *s)
{
    return s->view.request == TD_REQUEST_TEST || s->view.request == TD_REQUEST_PERM;
}

bool td_boot_is_with(const struct td_boot_stand *stands, uint8_t i, uint8_t j)
{
    const struct td_boot_group *a = &stands[i].group, *b = &stands[j].group;

    return i == j || (a->images == b->images && a->id == b->id && (a->images & (1u << j)) != 0);
}

static bool some_is(const struct td_boot_stand *stands, uint8_t n, uint8_t i,
                    enum td_boot_part part)
{
    for (uint8_t j = 0; j < n; j++) {
        if (td_boot_is_with(stands, i, j) && stands[j].part == part)
            return true;
    }
    return false;
}

static bool some_was_tried(const struct td_boot_stand *stands, uint8_t n, uint8_t i)
{
    for (uint8_t j = 0; j < n; j++) {
        if (td_boot_is_with(stands, i, j) && stands[j].part == TD_PART_IN &&
            stands[j].view.running == TD_RUN_TRIED)
            return true;
    }
    return false;
}

static bool goes_back(const struct td_boot_stand *s)
{
    return s->part == TD_PART_IN ||
           (s->part == TD_PART_UNDONE && s->view.journal == TD_JOURNAL_RESTORE);
}

static bool says_undone(const struct td_boot_stand *s)
{
    return s->part == TD_PART_UNDERWAY || s->part == TD_PART_UNDONE ||
           (s->part == TD_PART_IN && s->view.running == TD_RUN_TRIED);
}

bool td_boot_group_undone(const struct td_boot_stand *stands, uint8_t n, uint8_t i)
{
    for (uint8_t j = 0; goes_back(&stands[i]) && j < n; j++) {
        if (j != i && td_boot_is_with(stands, i, j) && says_undone(&stands[j]))
            return true;
    }
    return false;
}

// The loop reads what it has not changed yet: an amended TRIED has its cause in another image,
// and TORN is kept as it is.
void td_boot_group_amend(struct td_boot_stand *stands, uint8_t n)
{
    for (uint8_t i = 0; i < n; i++) {
        struct td_boot_stand *s = &stands[i];

        if (s->part != TD_PART_IN)
            continue;
        if (some_is(stands, n, i, TD_PART_UNDERWAY))
            s->view.running = TD_RUN_CONFIRMED;
        else if (some_was_tried(stands, n, i) || some_is(stands, n, i, TD_PART_UNDONE))
            s->view.running = TD_RUN_TRIED;
    }
}

static bool is_in(const struct td_boot_stand *stands, uint8_t i, uint8_t j)
{
    const struct td_boot_stand *s = &stands[j];

    if (td_boot_is_with(stands, i, j) && (s->part == TD_PART_UNDERWAY || s->part == TD_PART_IN))
        return true;
    // What cannot be taken back keeps its request until it is in, and has no other note of it.
    return !s->revertible && !is_asked(s) && !s->failed;
}

static bool is_waiting(const struct td_boot_stand *stands, uint8_t i, uint8_t j)
{
    return !is_in(stands, i, j) && !td_boot_is_with(stands, i, j) && is_asked(&stands[j]) &&
           !stands[j].failed;
}

static bool is_member(const struct td_boot_stand *stands, uint8_t i, uint8_t j)
{
    return (stands[i].group.images & (1u << j)) != 0;
}

static bool has_way_back(const struct td_boot_stand *s)
{
    return s->revertible && !s->view.revert_impossible;
}

// Those that are closed go first: what is under way says by itself that something is amiss.
static bool find_victim(const struct td_boot_stand *stands, uint8_t n, uint8_t i, uint8_t *next)
{
    static const enum td_boot_part order[] = { TD_PART_IN, TD_PART_UNDERWAY };

    for (unsigned k = 0; k < 2; k++) {
        for (uint8_t j = 0; j < n; j++) {
            if (td_boot_is_with(stands, i, j) && stands[j].part == order[k] &&
                has_way_back(&stands[j])) {
                *next = j;
                return true;
            }
        }
    }
    return false;
}

static bool find_waiting(const struct td_boot_stand *stands, uint8_t n, uint8_t i, bool revertible,
                         uint8_t *next)
{
    for (uint8_t j = 0; j < n; j++) {
        if (is_member(stands, i, j) && is_waiting(stands, i, j) &&
            stands[j].revertible == revertible) {
            *next = j;
            return true;
        }
    }
    return false;
}

static bool one_is_lost(const struct td_boot_stand *stands, uint8_t n, uint8_t i)
{
    for (uint8_t j = 0; j < n; j++) {
        if (is_member(stands, i, j) && !is_in(stands, i, j) && !is_waiting(stands, i, j))
            return true;
        if (is_member(stands, i, j) && stands[j].failed)
            return true;
    }
    return false;
}

// What cannot be taken back is half there. Its request stands, so the next boot tries again.
static bool one_is_broken(const struct td_boot_stand *stands, uint8_t n, uint8_t i)
{
    for (uint8_t j = 0; j < n; j++) {
        if (td_boot_is_with(stands, i, j) && stands[j].part == TD_PART_UNDERWAY &&
            stands[j].failed && !stands[j].revertible)
            return true;
    }
    return false;
}

enum td_boot_group_step td_boot_group_next(const struct td_boot_stand *stands, uint8_t n, uint8_t i,
                                           uint8_t *next)
{
    *next = i;
    if (one_is_broken(stands, n, i))
        return TD_GROUP_WAIT;
    if (one_is_lost(stands, n, i))
        return find_victim(stands, n, i, next) ? TD_GROUP_ABORT : TD_GROUP_KEEP;
    if (find_waiting(stands, n, i, true, next))
        return TD_GROUP_START;
    return find_waiting(stands, n, i, false, next) ? TD_GROUP_JUDGE : TD_GROUP_CLOSE;
}

uint8_t td_boot_group_closes(const struct td_boot_stand *stands, uint8_t n, uint8_t i)
{
    for (uint8_t j = 0; j < n; j++) {
        if (td_boot_is_with(stands, i, j) && stands[j].part == TD_PART_UNDERWAY &&
            !stands[j].revertible)
            return j;
    }
    return i;
}

uint8_t td_boot_group_reverts(const struct td_boot_stand *stands, uint8_t n, uint8_t i)
{
    for (uint8_t j = 0; j < n; j++) {
        if (td_boot_is_with(stands, i, j) && stands[j].part == TD_PART_IN && stands[j].confirmed)
            return j;
    }
    return i;
}

bool td_boot_group_is_whole(const struct td_boot_stand *stands, uint8_t n, uint8_t i)
{
    for (uint8_t j = 0; j < n; j++) {
        if (is_member(stands, i, j) && stands[j].revertible &&
            (!td_boot_is_with(stands, i, j) || stands[j].part == TD_PART_NONE))
            return false;
    }
    return true;
}
