/*
 * doctor/doctor.h - the room's door: files in, findings out.
 *
 *   td_doctor_new, for each file: td_doctor_file, td_doctor_feed..., td_doctor_file_end;
 *   td_doctor_end, td_doctor_judge, then the findings in order.
 *
 * Facts of images, packages and dumps are found in tools/ and added through td_doctor_facts:
 * those of a file between td_doctor_file and td_doctor_file_end (without feeding it), or, when
 * they want all layouts (td_doctor_layouts), before td_doctor_end; those of several files between
 * td_doctor_end and td_doctor_judge. Everything handed out belongs to the doctor until
 * td_doctor_free.
 */
#ifndef TD_DOCTOR_DOCTOR_H
#define TD_DOCTOR_DOCTOR_H

#include "doctor/fact.h"
#include "doctor/knowledge.h"
#include "doctor/layout_facts.h"
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
    bool gaps;                             /* an {attribute} that no fact has: "?" stands for it */
    const struct td_fact *evidence[TD_FINDING_EVIDENCE];
    uint8_t n_evidence;
    uint32_t more_evidence; /* facts beyond those shown */
    const char *asks[4];    /* which further file would make it sure; not those at hand */
    uint8_t n_asks;
};

/* What a file turned out to hold, counted. */
struct td_seen {
    const char *name;
    uint64_t bytes; /* that were fed */
    uint32_t lines;
    uint32_t of_dialect[TD_DIALECTS]; /* lines */
    uint32_t messages;                /* of SMP */
    uint32_t garbage;                 /* promised to be a frame and were none */
    bool capture;                     /* messages out of records, not lines */
    bool boot_log, nsib_log, app_log; /* lines of MCUboot, of the first stage, of an application */
};

struct td_doctor;

struct td_doctor *td_doctor_new(const struct td_knowledge *knowledge); /* NULL: no memory */
void td_doctor_free(struct td_doctor *doctor);

/*
 * As td_doctor_new made it: for other files, and cheaper than a new one. false: no memory, and
 * only td_doctor_free is left.
 */
bool td_doctor_forget(struct td_doctor *doctor);

/* The next file; they are counted from 0. false: no memory. */
bool td_doctor_file(struct td_doctor *doctor, const char *name);
void td_doctor_feed(struct td_doctor *doctor, const void *bytes, size_t len);
void td_doctor_file_end(struct td_doctor *doctor);

struct td_facts *td_doctor_facts(struct td_doctor *doctor);
const struct td_story *td_doctor_story(const struct td_doctor *doctor);

/* Once, after the last file: what follows from all files together. */
void td_doctor_end(struct td_doctor *doctor);

/* The layouts in the files so far, borrowed; their number. */
size_t td_doctor_layouts(const struct td_doctor *doctor,
                         const struct td_layout *out[TD_LAYOUTS_MAX]);

size_t td_doctor_files(const struct td_doctor *doctor);
const struct td_seen *td_doctor_seen(const struct td_doctor *doctor, size_t file);

/*
 * Once, after td_doctor_end. Causes first, then traps, remarks, harmless; by score in each.
 * false: no memory, and there are no findings.
 */
bool td_doctor_judge(struct td_doctor *doctor);
size_t td_doctor_count(const struct td_doctor *doctor);
const struct td_finding *td_doctor_at(const struct td_doctor *doctor, size_t n);

/* Rules that fit but for evidence against them ("set aside"), in the order of their scores. */
size_t td_doctor_set_aside(const struct td_doctor *doctor);
const struct td_finding *td_doctor_set_aside_at(const struct td_doctor *doctor, size_t n);

#endif
