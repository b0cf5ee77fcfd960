/* tools/desk.h - what the files of `tandem sim` share. */
#ifndef TD_TOOLS_DESK_H
#define TD_TOOLS_DESK_H

#include <stdbool.h>

/* Why something cannot be done, as the three lines that a person is shown. */
struct td_desk_fault {
    char what[240];
    char where[320]; /* "file:line", a path, or empty */
    char remedy[320];
};

/* Fills in a fault; always false, so that a function can end with it. where may be NULL. */
bool td_desk_fail(struct td_desk_fault *fault, const char *where, const char *remedy,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
