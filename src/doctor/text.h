/*
 * doctor/text.h - events out of lines: logs of every dialect, consoles, prose.
 *
 * A line that is longer than TD_READER_LINE is taken in pieces of that size.
 */
#ifndef TD_DOCTOR_TEXT_H
#define TD_DOCTOR_TEXT_H

#include "doctor/event.h"
#include "doctor/frame.h"

struct td_text_reader;

/* sink and frames outlive it. NULL: no memory. */
struct td_text_reader *td_text_new(uint16_t file, struct td_event_sink *sink,
                                   struct td_frames *frames);

void td_text_feed(struct td_text_reader *text, const uint8_t *bytes, size_t len);

/* What is left without a line end is a line; releases it. */
void td_text_end(struct td_text_reader *text);

#endif
