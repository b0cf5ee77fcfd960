/*
 * doctor/line.h - a line of text as its writer meant it: without colours, quote marks, terminal
 * and log prefixes, with the time that stood in front.
 *
 * Prefixes that are known: nRF Connect and Device Manager on Android and iOS, Android's logcat
 * (also as Android Studio shows it), Apple's NSLog, Python's logging (plain, and as rich prints
 * it), logrus and the older Go logger, Rust's simplelog, docs/spec/log-format.md, Zephyr's log in
 * its full and its minimal form, RTT channels, and the time stamps that terminals write in front
 * of any of these. Blanks may stand where the original has a tab.
 */
#ifndef TD_DOCTOR_LINE_H
#define TD_DOCTOR_LINE_H

#include "doctor/event.h"

/* What a time stamp counts from; each clock is made monotonic by itself. */
enum td_clock {
    TD_CLOCK_NONE,
    TD_CLOCK_DAY,    /* time of day, with or without a date */
    TD_CLOCK_UPTIME, /* since a device's boot: a jump back is another boot */
    TD_CLOCK_LOG,    /* seconds since a program's start */
    TD_CLOCKS,
};

/* What is carried from line to line. All zero to begin with, but for the buffers. */
struct td_line_state {
    char *raw, *text; /* the caller's, cap bytes each: what a line points into */
    size_t cap;
    struct {
        bool seen;
        int64_t base, last; /* microseconds */
    } clock[TD_CLOCKS];
    bool tandem; /* a head of our own log stood above */
    char module[48];
    bool rich_seen;                 /* lines of rich's, whose time may be left out */
    int64_t rich_us;                /* it is this one then */
    size_t rich_column, rich_width; /* of the text that rich broke; width 0: it did not */
    bool rich_rest;                 /* the line goes on with the one before */
};

/*
 * Takes a line without its line end, len < state->cap. *line points into the state until the
 * next call; *time_us is TD_NO_TIME when no time stands in front.
 */
void td_line_read(struct td_line_state *state, const char *bytes, size_t len, struct td_line *line,
                  int64_t *time_us);

/*
 * Logs lose their line ends on the way through forums: where in bytes, which are followed by a 0,
 * the next entry of a log begins behind the first one; len when there is none.
 */
size_t td_line_entry(const char *bytes, size_t len);

#endif
