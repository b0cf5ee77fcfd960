/*
 * doctor/rule.h - rules judged over facts: what fits, how likely, and what speaks against it.
 */
#ifndef TD_DOCTOR_RULE_H
#define TD_DOCTOR_RULE_H

#include "doctor/doctor.h"

struct td_judgement;

/* Both outlive the judgement. NULL: no memory. */
struct td_judgement *td_judge(const struct td_knowledge *knowledge, const struct td_facts *facts);
void td_judgement_free(struct td_judgement *judgement);

/* Causes first, then traps, remarks, harmless; the likeliest first in each. NULL behind the last. */
size_t td_judgement_count(const struct td_judgement *judgement);
const struct td_finding *td_judgement_at(const struct td_judgement *judgement, size_t n);

/*
 * What fitted but for evidence against it: a fact of `unless`, or adjustments that left no
 * point. Its evidence is what speaks against it.
 */
size_t td_judgement_aside(const struct td_judgement *judgement);
const struct td_finding *td_judgement_aside_at(const struct td_judgement *judgement, size_t n);

/* "certain" from 95 points, "very likely" 75, "likely" 50, "possible" 25, else "unlikely". */
const char *td_likelihood(int score);

/* "cause", "trap", "remark", "harmless". */
const char *td_finding_kind_name(enum td_finding_kind kind);

#endif
