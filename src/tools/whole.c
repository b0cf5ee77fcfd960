/* tools/whole.c - reads until the end, in steps that double. */
#include "tools/whole.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int fail(struct td_cli *cli, const char *code, const char *text, const char *path,
                const char *why, const char *remedy)
{
    char where[PATH_MAX + 160];

    snprintf(where, sizeof where, "%s: %s", path, why);
    return td_cli_fail(cli, TD_EXIT_FILE, code, text, where, remedy);
}

/* 0, or why not. */
static int slurp(FILE *in, struct td_whole *file)
{
    size_t cap = 65536;

    for (;;) {
        uint8_t *more = realloc(file->bytes, cap + 1);

        if (more == NULL)
            return ENOMEM;
        file->bytes = more;
        errno = 0;
        file->len += fread(file->bytes + file->len, 1, cap - file->len, in);
        if (ferror(in))
            return errno != 0 ? errno : EIO;
        if (file->len < cap) {
            file->bytes[file->len] = 0;
            return 0;
        }
        if (cap >= TD_WHOLE_MAX)
            return EFBIG;
        cap *= 2;
    }
}

int td_whole_read(struct td_cli *cli, const char *path, struct td_whole *file)
{
    struct stat st;
    FILE *in = fopen(path, "rb");
    int why;

    *file = (struct td_whole){ 0 };
    if (in == NULL)
        return fail(cli, "unreadable", "the file cannot be read", path, strerror(errno),
                    errno == ENOENT ? "check the path" : "check what it is and who may read it");
    if (fstat(fileno(in), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(in);
        return fail(cli, "directory", "this is a directory", path, "not a file",
                    "name the files in it");
    }
    why = slurp(in, file);
    fclose(in);
    if (why == 0 && file->len > 0)
        return TD_EXIT_OK;
    td_whole_free(file);
    if (why == 0)
        return fail(cli, "empty", "the file is empty", path, "0 bytes",
                    "build it again, or name another file");
    return fail(cli, why == EFBIG ? "too-large" : "unreadable",
                why == EFBIG ? "the file is larger than any flash that this is for"
                             : "the file cannot be read",
                path, strerror(why), "check what it is and who may read it");
}

void td_whole_free(struct td_whole *file)
{
    free(file->bytes);
    *file = (struct td_whole){ 0 };
}
