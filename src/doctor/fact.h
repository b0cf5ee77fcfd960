/*
 * doctor/fact.h - what was found out, each with the place that shows it.
 *
 * A fact is a name and a few attributes: `smp.answer op=write group=63 id=0 rc=8`. Equal
 * facts are kept once and counted, with their first and last place, so that a log of any
 * length takes bounded memory. The names and attributes are listed in docs/spec/doctor.md.
 */
#ifndef TD_DOCTOR_FACT_H
#define TD_DOCTOR_FACT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/event.h"

#define TD_FACT_ATTRS    20
#define TD_FACT_MAX      8192 /* distinct facts; td_facts_dropped counts the rest */
#define TD_FACT_PER_NAME 256  /* distinct facts of one name: later ones are dropped, but counted */
#define TD_FACT_QUOTE    200  /* characters of evidence kept with a fact */

struct td_attr {
    const char *key;
    const char *value; /* text; numbers in decimal, booleans "0" and "1" */
};

struct td_fact {
    const char *name;
    struct td_attr attrs[TD_FACT_ATTRS];
    uint8_t n_attrs;
    uint32_t count;
    struct td_place first, last;
    int64_t first_us, last_us; /* TD_NO_TIME: no clock */
    const char *quote; /* the evidence as a person should see it: a line, a frame in words */
};

struct td_facts; /* owns everything it hands out until td_facts_free */

struct td_facts *td_facts_new(void); /* NULL: no memory */
void td_facts_free(struct td_facts *facts);

/*
 * Adds a fact. attrs is a printf format of `key=value` separated by blanks, values without
 * blanks (a value in single quotes may hold them): "group=%u id=%u rc=%u". quote is copied and
 * cut; NULL: none. The fact that is now counted, or NULL when it was dropped for lack of room.
 *
 * Times differ from line to line and would use up the room of a name: once half of it is taken,
 * attributes whose key ends in _ms are left out of what is added.
 */
const struct td_fact *td_fact_add(struct td_facts *facts, const char *name,
                                  const struct td_place *at, int64_t time_us, const char *quote,
                                  const char *attrs, ...) __attribute__((format(printf, 6, 7)));

/* The value of an attribute, NULL when the fact has none of that name. */
const char *td_fact_get(const struct td_fact *fact, const char *key);

size_t td_facts_count(const struct td_facts *facts);
const struct td_fact *td_facts_at(const struct td_facts *facts,
                                  size_t n); /* in order of first sight */
uint32_t td_facts_dropped(const struct td_facts *facts);

/*
 * Conditions, as rules write them: a name, then comparisons that must all hold for one and the
 * same fact: "smp.answer group=63 rc=8", "upload size>200000", "say text~timeout".
 * Operators: = != < > <= >= (numbers when both sides are), ~ (contains, without regard to
 * case), !~. A name may end in * ("boot.*"). A comparison with a key that the fact lacks does
 * not hold, but != and !~ do. A value in single quotes may hold blanks.
 *
 * The next fact that satisfies it behind *at, which begins at 0 and is moved on; NULL: no more.
 */
const struct td_fact *td_facts_next(const struct td_facts *facts, const char *condition,
                                    size_t *at);
bool td_facts_hold(const struct td_facts *facts, const char *condition);

/*
 * Rules may also ask for absence: "not have what=boot-log". The condition behind the word, and
 * whether the word was there (negated may be NULL).
 */
const char *td_condition_bare(const char *condition, bool *negated);

/* NULL when text is a condition, else what is wrong with it. */
const char *td_condition_fault(const char *text);

#endif
