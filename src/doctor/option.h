/*
 * doctor/option.h - looking up Kconfig options in the books (src/doctor/options/NAME.yml).
 *
 * What is returned belongs to the knowledge.
 */
#ifndef TD_DOCTOR_OPTION_H
#define TD_DOCTOR_OPTION_H

#include <stdbool.h>

#include "doctor/knowledge.h"

/* By its name as the books have it: without CONFIG_, sysbuild's whole. NULL: none. */
const struct td_option *td_option_find(const struct td_knowledge *knowledge, const char *name);

/* As people write it: CONFIG_X, x, CONFIG_X=y. NULL: none. */
const struct td_option *td_option_written(const struct td_knowledge *knowledge, const char *text);

/* The nearest by letters, for a name as people write it; NULL: none is near. */
const struct td_option *td_option_meant(const struct td_knowledge *knowledge, const char *text);

/* What an option is called in the newest SDK, itself when it is current; NULL: it went. */
const struct td_option *td_option_newest(const struct td_knowledge *knowledge,
                                         const struct td_option *option);

/* "CONFIG_X", as a file spells it. */
void td_option_spell(const char *name, char out[160]);

/* "zephyr-3.3" as a person says it: "Zephyr 3.3"; "" for no bound. */
void td_say_bound(const char *bound, char out[32]);

/* Letters to change, drop, add or swap between two names; more than 2 is given as 3. */
unsigned td_option_distance(const char *a, const char *b);

#endif
