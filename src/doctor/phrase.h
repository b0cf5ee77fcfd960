/*
 * doctor/phrase.h - finds all phrases of the books in a line, in one pass over it.
 *
 * The longest literal of each phrase goes into one automaton (Aho and Corasick); where it is
 * found the whole phrase is compared, and its captures are taken. Runs of blanks count as one
 * blank, and the case of letters does not matter.
 */
#ifndef TD_DOCTOR_PHRASE_H
#define TD_DOCTOR_PHRASE_H

#include "doctor/event.h"
#include "doctor/knowledge.h"

#define TD_PHRASE_CAPTURES 6
#define TD_PHRASE_VALUE    128 /* of a capture; what is longer is cut */

struct td_capture {
    const char *name;
    char value[TD_PHRASE_VALUE]; /* numbers in decimal */
};

struct td_phrase_hit {
    const struct td_phrase *phrase;
    struct td_capture captures[TD_PHRASE_CAPTURES];
    size_t n_captures;
    const char *line;  /* the whole line with single blanks, ended by 0 */
    size_t begin, end; /* where in it the phrase stands */
};

struct td_phrases;

/* NULL when text can be looked for, else what is wrong with it. */
const char *td_phrase_fault(const char *text);

/* The automaton of a book's phrases; knowledge outlives it. NULL: no memory. */
struct td_phrases *td_phrases_new(const struct td_knowledge *knowledge);
void td_phrases_free(struct td_phrases *phrases);

/*
 * Calls found for each phrase that stands in the line, at most once for each. The hit is the
 * caller's for the length of the call. dialect chooses by the phrase's `in`: a plain line may
 * be anybody's.
 */
void td_phrases_find(struct td_phrases *phrases, const char *line, size_t len,
                     enum td_dialect dialect,
                     void (*found)(void *user, const struct td_phrase_hit *hit), void *user);

/*
 * Whether what stands at a place of a plain line is only spoken of: in quotation marks or
 * backticks, within a sentence or a piece of source that nobody tells of himself. "I get" and
 * "my board says" are reports, and so is a line that is quoted as a whole, unless a list goes on.
 */
bool td_phrase_mentioned(const char *line, size_t at);

/*
 * Whether a line is a sentence in which somebody tells what happened to him: "I", "my", "our", or
 * "we" with what was done. What the lines around it in one paragraph quote is then a report.
 */
bool td_phrase_reports(const char *line);

#endif
