/*
 * doctor/newest.h - logs whose newest entry comes first, as log viewers export them.
 *
 * An entry is a line that begins with a clock, and the lines without one behind it. Lines in front
 * of the first clock are a heading and stay where they are.
 */
#ifndef TD_DOCTOR_NEWEST_H
#define TD_DOCTOR_NEWEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of text that are enough to tell. */
#define TD_NEWEST_LOOK 32768

/* Whether the clocks at the heads of the lines fall, nearly always and eight times at least. */
bool td_newest_first(const char *text, size_t len);

struct td_turned {
    char *text; /* as many bytes as came in, one more where the last line had no end */
    size_t len;
    uint32_t *lines; /* of each line of text: its number where it came from, from 1 */
    uint64_t *offsets;
    size_t n;
};

/* false: no memory, and nothing to free. */
bool td_turn(const char *text, size_t len, struct td_turned *out);
void td_turned_free(struct td_turned *turned);

#endif
