/*
 * doctor/doctor.h - the room's door: files in, findings out.
 *
 *   td_doctor_new, for each file: td_doctor_file, td_doctor_feed..., td_doctor_file_end;
 *   td_doctor_judge, then the findings in order.
 *
 * Facts of images, packages, dumps and layouts are found in tools/ and added through
 * td_doctor_facts. Everything handed out belongs to the doctor until td_doctor_free.
 */
#ifndef TD_DOCTOR_DOCTOR_H
#define TD_DOCTOR_DOCTOR_H

#include "doctor/fact.h"
#include "doctor/knowledge.h"
#include "doctor/story.h"

enum td_finding_kind {
    TD_FINDING_CAUSE,    /* explains what went wrong */
    TD_FINDING_TRAP,     /* not the cause here and now, but will bite */
    TD_FINDING_REMARK,   /* worth knowing, costs nothing today */
    TD_FINDING_HARMLESS, /* looks like an error and is none */
};

#define TD_FINDING_EVIDENCE 8

struct td_finding {
    const struct td_rule *rule;
    enum td_finding_kind kind;
    int score; /* 0..100: how likely it is; findings of a kind are ordered by it */
    const char *title, *why, *fix, *check; /* the rule's words with {attributes} filled in */
    const struct td_fact *evidence[TD_FINDING_EVIDENCE];
    uint8_t n_evidence;
    uint32_t more_evidence; /* facts beyond those shown */
    const char *asks[4];    /* which further file would make it sure; not those at hand */
    uint8_t n_asks;
};

struct td_doctor;

struct td_doctor *td_doctor_new(const struct td_knowledge *knowledge); /* NULL: no memory */
void td_doctor_free(struct td_doctor *doctor);

void td_doctor_file(struct td_doctor *doctor, uint16_t file, const char *name);
void td_doctor_feed(struct td_doctor *doctor, const void *bytes, size_t len);
void td_doctor_file_end(struct td_doctor *doctor);

struct td_facts *td_doctor_facts(struct td_doctor *doctor);
const struct td_story *td_doctor_story(const struct td_doctor *doctor);

/* Once, after the last file. Causes first, then traps, remarks, harmless; by score in each. */
void td_doctor_judge(struct td_doctor *doctor);
size_t td_doctor_count(const struct td_doctor *doctor);
const struct td_finding *td_doctor_at(const struct td_doctor *doctor, size_t n);

/* Rules that fit but for evidence against them ("set aside"), in the order of their scores. */
size_t td_doctor_set_aside(const struct td_doctor *doctor);
const struct td_finding *td_doctor_set_aside_at(const struct td_doctor *doctor, size_t n);

#endif
