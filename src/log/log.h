/*
 * log/log.h - the boot log: a ring of verdicts in flash that survives power cuts, and a bookmark.
 *
 * docs/spec/boot-log.md states every byte. The area has two sectors or more, and is the log's
 * alone; whatever it held before is erased by and by. struct td_log and the iterator are the
 * caller's; nothing is kept in RAM from one call to the next.
 *
 * What holds, at every power cut too:
 *
 * 1. An entry whose append returned TD_OK is read until newer entries push it out.
 * 2. The newest entry of each class above TD_VERDICT_NOTE is never pushed out by entries of
 *    another class: the last refusal and the last revert stay.
 * 3. An entry that was being written when the power failed is there whole, or not at all.
 * 4. The same verdict again, about the same image and in a row, is one entry with a count.
 * 5. The newest bookmark is read until another one is put, and pushes out no entry of 2. Those who
 *    know of no bookmarks pass over them, and may lose them.
 */
#ifndef TD_LOG_LOG_H
#define TD_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/verdict.h"
#include "flash/flash.h"

struct td_log {
    const struct td_flash_area *area;
};

/* Whether the area can be a log. TD_ELOG_AREA: fewer than two sectors, or sectors too small. */
enum td_err td_log_check(const struct td_log *log);

/*
 * Appends a copy of the verdict, with count and seq filled in by the log: the next number,
 * and 1, or one more than before when it repeats the newest entry about the same image. May
 * erase one sector. A count stops at 65535, and from there on the repeat writes nothing.
 *
 * TD_EFLASH: the entry is not there, or will be read all the same; older ones are not harmed.
 * TD_ELOG_AREA as above, nothing touched.
 */
enum td_err td_log_append(const struct td_log *log, const struct td_verdict *verdict);

/*
 * A few bytes in which somebody keeps how far he has come: one for the whole log, each replaces
 * the one before. Put costs a record, so who puts often wears the log out and pushes old notes
 * out of it.
 */
#define TD_LOG_BOOKMARK_SIZE 52

struct td_log_bookmark {
    uint8_t kind; /* whose: enum td_log_bookmark_kind; others are kept, and nobody's */
    uint8_t body[TD_LOG_BOOKMARK_SIZE];
};

enum td_log_bookmark_kind {
    TD_LOG_BOOKMARK_UPLOAD = 1, /* the server's: docs/spec/boot-log.md */
};

/* May erase one sector. Errors as td_log_append: then the old one or the new one is read. */
enum td_err td_log_put_bookmark(const struct td_log *log, const struct td_log_bookmark *mark);

/* The newest one. *found false, and *mark untouched: there is none. TD_EFLASH, TD_ELOG_AREA. */
enum td_err td_log_get_bookmark(const struct td_log *log, struct td_log_bookmark *mark,
                                bool *found);

/* How many records of any kind a sector takes, in the smallest of them; 0: it cannot be a log. */
uint32_t td_log_sector_records(const struct td_log *log);

/* A place in the log. Entries come newest first; appending makes iterators invalid. */
struct td_log_iter {
    const struct td_log *log;
    uint32_t seq; /* of the record that was met last, and where it stands */
    uint32_t off;
    bool begun;
};

void td_log_begin(struct td_log_iter *it, const struct td_log *log);

/*
 * The next older entry, into *verdict. *end is set, and *verdict untouched, when there is none.
 * TD_EFLASH: the driver failed.
 */
enum td_err td_log_next(struct td_log_iter *it, struct td_verdict *verdict, bool *end);

#endif
