/* tools/whole.h - a file as it lies there, all of it, whatever it holds. */
#ifndef TD_TOOLS_WHOLE_H
#define TD_TOOLS_WHOLE_H

#include <stddef.h>
#include <stdint.h>

#include "tools/cli.h"

/* Hex text of the largest flash; what is larger is not read. */
#define TD_WHOLE_MAX (192u * 1024 * 1024)

struct td_whole {
    uint8_t *bytes; /* one more than len: a 0, so that text is text */
    size_t len;     /* 1 or more */
};

/*
 * Reads it. A directory, an empty file, one that is too large or cannot be read is said, and
 * TD_EXIT_FILE. Free with td_whole_free.
 */
int td_whole_read(struct td_cli *cli, const char *path, struct td_whole *file);
void td_whole_free(struct td_whole *file);

#endif
