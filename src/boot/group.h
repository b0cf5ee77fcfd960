/*
 * boot/group.h - the rules about images that are updated as one, from how each of them stands.
 *
 * A group is what one boot began to install together. Its record is the note in the primary of
 * the image that was begun first; the others carry the same note from the moment in which they
 * are begun. docs/spec/boot.md has the states, and what a cut leaves of them.
 */
#ifndef TD_BOOT_GROUP_H
#define TD_BOOT_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/decide.h"
#include "boot/note.h"

/* What an image has come to in the update that its notes tell of. */
enum td_boot_part {
    TD_PART_NONE = 0, /* they tell of none */
    TD_PART_UNDERWAY, /* it comes in; no application has run since that was begun */
    TD_PART_IN,       /* it is in, and its last note is written */
    TD_PART_UNDONE,   /* the previous image is back, or on its way back */
};

/* How one image stands. What its strategy runs without installing is PART_NONE, no request. */
struct td_boot_stand {
    struct td_boot_view view;
    enum td_boot_part part;
    struct td_boot_group group; /* .images has one bit at least: the image's own */
    bool revertible;            /* its strategy can bring an image back */
    bool confirmed;             /* image_ok is set */
    bool failed;                /* this boot found that it cannot be brought in */
};

/* Whether both tell of the same update of several images, and j belongs to it. */
bool td_boot_is_with(const struct td_boot_stand *stands, uint8_t i, uint8_t j);

/*
 * Makes what the images say one by one into what they say together:
 *
 *   one is under way      no application has run since: nobody of its group was tried
 *   one was tried, or     all of its group that are in are to go back, confirmed or not
 *     was brought back
 *
 * Changes view.running, and nothing else.
 */
void td_boot_group_amend(struct td_boot_stand *stands, uint8_t n);

/*
 * Whether a note in the secondary of a confirmed image may be ours: another image of its group
 * is not confirmed, not yet in, or back already.
 */
bool td_boot_group_undone(const struct td_boot_stand *stands, uint8_t n, uint8_t i);

/* What is to be done next for the group of image i, which is under way and has been moved. */
enum td_boot_group_step {
    TD_GROUP_START = 0, /* image *next is still to be begun */
    TD_GROUP_JUDGE,     /* all that can be taken back is in: before *next is begun, verify it */
    TD_GROUP_CLOSE,     /* all are in: verify, and write the last notes */
    TD_GROUP_ABORT,     /* one cannot be brought in: *next goes back first */
    TD_GROUP_KEEP,      /* as ABORT, but nothing is left that can go back: it stays as it is */
    TD_GROUP_WAIT, /* what cannot be taken back is damaged: nothing runs, a reset tries again */
};

enum td_boot_group_step td_boot_group_next(const struct td_boot_stand *stands, uint8_t n, uint8_t i,
                                           uint8_t *next);

/* The one of i's group whose last note is written first: those without a way back come first. */
uint8_t td_boot_group_closes(const struct td_boot_stand *stands, uint8_t n, uint8_t i);

/*
 * The image of i's group that goes back first: those that are confirmed, so that the last to
 * go still says that the group was not. i itself when it is on its own.
 */
uint8_t td_boot_group_reverts(const struct td_boot_stand *stands, uint8_t n, uint8_t i);

/* Whether every image of i's group that has a way back is in, or back already. */
bool td_boot_group_is_whole(const struct td_boot_stand *stands, uint8_t n, uint8_t i);

#endif
