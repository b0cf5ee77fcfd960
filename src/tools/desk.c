/* tools/desk.c - how the files of `tandem sim` say what is wrong. */
#include "tools/desk.h"

#include <stdarg.h>
#include <stdio.h>

bool td_desk_fail(struct td_desk_fault *fault, const char *where, const char *remedy,
                  const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(fault->what, sizeof fault->what, fmt, args);
    va_end(args);
    (void)snprintf(fault->where, sizeof fault->where, "%s", where == NULL ? "" : where);
    (void)snprintf(fault->remedy, sizeof fault->remedy, "%s", remedy);
    return false;
}
