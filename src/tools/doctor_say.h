/* tools/doctor_say.h - what the doctor found, for people and for programs. */
#ifndef TD_TOOLS_DOCTOR_SAY_H
#define TD_TOOLS_DOCTOR_SAY_H

#include "doctor/doctor.h"
#include "tools/cli.h"

/* Findings below so many points are left out unless all are wanted. */
#define TD_DOCTOR_UNLIKELY 25

/* Whether a finding makes the verb exit with 1: a cause or a trap that is not unlikely. */
bool td_doctor_is_bad(const struct td_finding *finding);

/* One line on what a file turned out to be; false: nothing of a known kind. */
bool td_doctor_seen_text(struct td_doctor *doctor, size_t file, char *out, size_t cap);

/* The evidence in words: the fact's quote, or the fact itself. */
void td_doctor_quote(const struct td_fact *fact, char *out, size_t cap);

/* "08:47:44.390"; "" when there is no clock. */
void td_doctor_time(int64_t time_us, char out[32]);

/* Everything as text; all: also what is unlikely, and nothing cut short. */
void td_doctor_say(struct td_cli *cli, struct td_doctor *doctor, bool all);

/* The same, one JSON object a line; unread: files that could not be read. */
void td_doctor_say_json(struct td_cli *cli, struct td_doctor *doctor, unsigned unread, int exit);

/* All rules, or one of them in full; exit code. */
int td_doctor_say_rules(struct td_cli *cli, const struct td_knowledge *knowledge, const char *id);

/*
 * What the books know of an option, by a name as people write it; else a list of those with word
 * in name or meaning, of all without one. TD_EXIT_REFUSED: there is none.
 */
int td_doctor_say_options(struct td_cli *cli, const struct td_knowledge *knowledge,
                          const char *word);

#endif
