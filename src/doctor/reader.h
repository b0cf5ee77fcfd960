/*
 * doctor/reader.h - from the bytes of a file to events, by content and never by name.
 *
 * Text (logs, consoles, forum posts), serial captures with console framing, btsnoop, pcap and
 * pcapng. A file may mix logs of several kinds; each line is looked at by itself. Memory is
 * bounded: lines beyond TD_READER_LINE bytes are taken in pieces.
 */
#ifndef TD_DOCTOR_READER_H
#define TD_DOCTOR_READER_H

#include "base/err.h"
#include "doctor/event.h"

#define TD_READER_LINE 65536

struct td_reader;

/* sink outlives the reader. NULL: no memory. */
struct td_reader *td_reader_new(uint16_t file, struct td_event_sink *sink);

/*
 * Before the first byte: somebody waits for each line, so that nothing is held back to find out
 * in which order they stand. Else a log whose newest entry comes first is read from its end, at
 * the end, and places are those of the file all the same.
 */
void td_reader_follow(struct td_reader *reader);

/* Any number of bytes at a time; the sink is called from inside. */
void td_reader_feed(struct td_reader *reader, const void *bytes, size_t len);

/* The end of the file: what is still held back is given out. Releases the reader. */
void td_reader_end(struct td_reader *reader);

#endif
