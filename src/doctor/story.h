/*
 * doctor/story.h - what happened, from events in their order: sessions of a client, boots of a
 * device, uploads, resets, and what the image lists say before and after.
 *
 * The state machine of a client and the swap-type table (docs/spec/trailer.md) are run over
 * the log. What follows is added as facts named story.*, smp.*, link.*, slot, upload, boot
 * (docs/spec/doctor.md). A case that no rule names still gets the facts from which the
 * remaining possibilities are ordered.
 */
#ifndef TD_DOCTOR_STORY_H
#define TD_DOCTOR_STORY_H

#include "doctor/fact.h"

#define TD_STORY_STEPS 200 /* of the timeline; what lies between first and last is left out */

/* A line of the timeline: "the device lists slot 1: 0.0.0 bc1d3df3, pending". */
struct td_story_step {
    struct td_place at;
    int64_t time_us;
    const char *text; /* the story's, until it is released */
};

struct td_story;

struct td_story *td_story_new(struct td_facts *facts); /* facts outlive it. NULL: no memory */
void td_story_free(struct td_story *story);

/* Takes events of all files, one file after the other. */
void td_story_take(struct td_story *story, const struct td_event *event);
void td_story_file_end(struct td_story *story);

/* All was seen: adds the facts that need the whole (what never came, what survived). */
void td_story_end(struct td_story *story);

size_t td_story_count(const struct td_story *story);
const struct td_story_step *td_story_at(const struct td_story *story, size_t n);

/* The client whose dialect it is, as `have client=` names it; NULL: no client's. */
const char *td_story_client(enum td_dialect dialect);

#endif
