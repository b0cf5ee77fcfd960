/*
 * tools/sim_files.c - paths are walked name by name, below a folder that is open.
 *
 * openat with O_NOFOLLOW at each step: what a client names cannot lead out of the folder, also
 * when somebody changes it meanwhile.
 */
#include "tools/sim_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum td_err err_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR: return TD_ENOTFOUND;
    case EISDIR: return TD_ESTATE;
    case ELOOP:
    case ENAMETOOLONG: return TD_EARG;
    case ENOSPC:
    case EDQUOT: return TD_ENOSPC;
    case EACCES:
    case EPERM:
    case EROFS: return TD_EUNSUPPORTED;
    default: return TD_EFLASH;
    }
}

/* Takes the next name off the path; false: there is none that may be one. */
static bool next_name(struct td_cbor_text *path, char name[256])
{
    const char *slash;
    size_t len;

    if (path->len < 2 || path->p[0] != '/')
        return false;
    slash = memchr(path->p + 1, '/', path->len - 1);
    len = slash == NULL ? path->len - 1 : (size_t)(slash - path->p) - 1;
    if (len == 0 || len > 255 || memchr(path->p + 1, '\0', len) != NULL)
        return false;
    memcpy(name, path->p + 1, len);
    name[len] = '\0';
    path->p += len + 1;
    path->len -= len + 1;
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* What stands behind the mount point; false: it is another one. */
static bool below_mount(struct td_cbor_text *path)
{
    const size_t len = strlen(SIM_MOUNT);

    if (path->len < len || memcmp(path->p, SIM_MOUNT, len) != 0 ||
        (path->len > len && path->p[len] != '/'))
        return false;
    path->p += len;
    path->len -= len;
    return true;
}

/* Opens what the path names with flags; *fd is the caller's. */
static enum td_err walk(const struct td_sim_files *f, struct td_cbor_text path, int flags, int *fd)
{
    char name[256];
    int at;

    if (!below_mount(&path))
        return TD_ENOTFOUND;
    if (path.len == 0)
        return TD_ESTATE;
    at = fcntl(f->root, F_DUPFD_CLOEXEC, 0);
    while (at >= 0 && path.len > 0) {
        int last, next, number;

        if (!next_name(&path, name)) {
            close(at);
            return TD_EARG;
        }
        last = path.len == 0 ? flags : O_RDONLY | O_DIRECTORY;
        next = openat(at, name, last | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
        number = errno;
        close(at);
        errno = number;
        at = next;
    }
    *fd = at;
    return at < 0 ? err_of(errno) : TD_OK;
}

/* A file, and nothing else that has a name. */
static enum td_err open_file(const struct td_sim_files *f, struct td_cbor_text path, int flags,
                             int *fd, uint64_t *size)
{
    enum td_err err = walk(f, path, flags, fd);
    struct stat st;

    if (err != TD_OK)
        return err;
    if (fstat(*fd, &st) != 0)
        err = TD_EFLASH;
    else if (S_ISDIR(st.st_mode))
        err = TD_ESTATE;
    else if (!S_ISREG(st.st_mode))
        err = TD_EARG;
    if (err != TD_OK) {
        close(*fd);
        return err;
    }
    *size = (uint64_t)st.st_size;
    return TD_OK;
}

static enum td_err file_size(void *ctx, struct td_cbor_text path, uint64_t *size)
{
    int fd;
    enum td_err err = open_file(ctx, path, O_RDONLY, &fd, size);

    if (err == TD_OK)
        close(fd);
    return err;
}

static enum td_err file_read(void *ctx, struct td_cbor_text path, uint64_t off, uint8_t *dst,
                             size_t len, size_t *got)
{
    uint64_t size;
    int fd;
    enum td_err err = open_file(ctx, path, O_RDONLY, &fd, &size);

    *got = 0;
    if (err != TD_OK)
        return err;
    while (*got < len) {
        ssize_t n = pread(fd, dst + *got, len - *got, (off_t)(off + *got));

        if (n <= 0) {
            err = n < 0 ? TD_EFLASH : TD_OK;
            break;
        }
        *got += (size_t)n;
    }
    close(fd);
    return err;
}

static enum td_err file_write(void *ctx, struct td_cbor_text path, uint64_t off, const uint8_t *src,
                              size_t len)
{
    uint64_t size;
    size_t done = 0;
    int fd;
    enum td_err err;

    if (off > TD_SIM_FILE_MAX || len > TD_SIM_FILE_MAX - off)
        return TD_ENOSPC;
    err = open_file(ctx, path, O_WRONLY | (off == 0 ? O_CREAT : 0), &fd, &size);
    if (err != TD_OK)
        return err;
    if (off == 0 && ftruncate(fd, 0) != 0)
        err = TD_EFLASH;
    if (off > size)
        err = TD_EARG;
    while (err == TD_OK && done < len) {
        ssize_t n = pwrite(fd, src + done, len - done, (off_t)(off + done));

        if (n <= 0)
            err = err_of(errno);
        else
            done += (size_t)n;
    }
    close(fd);
    return err;
}

/* ---- listing --------------------------------------------------------------------------- */

static int visible(const struct dirent *d)
{
    return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int open_folder(const struct td_sim_files *f, struct td_cbor_text path)
{
    struct td_cbor_text rest = path;
    int fd = -1;

    if (below_mount(&rest) && (rest.len == 0 || (rest.len == 1 && rest.p[0] == '/')))
        return fcntl(f->root, F_DUPFD_CLOEXEC, 0);
    return walk(f, path, O_RDONLY | O_DIRECTORY, &fd) == TD_OK ? fd : -1;
}

static bool entry(void *ctx, struct td_cbor_text folder, unsigned i, struct sim_file *file)
{
    int fd = open_folder(ctx, folder);
    struct dirent **names = NULL;
    struct stat st;
    int n = fd < 0 ? -1 : scandirat(fd, ".", &names, visible, alphasort);
    bool found =
        n > 0 && i < (unsigned)n && fstatat(fd, names[i]->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0;

    if (found) {
        (void)snprintf(file->name, sizeof file->name, "%.63s", names[i]->d_name);
        file->is_folder = S_ISDIR(st.st_mode);
        file->size = file->is_folder ? 0 : (uint64_t)st.st_size;
    }
    for (int k = 0; k < n; k++)
        free(names[k]);
    free(names);
    if (fd >= 0)
        close(fd);
    return found;
}

static uint32_t now_ms(void *ctx)
{
    struct timespec now;

    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000u + (uint32_t)now.tv_nsec / 1000000u;
}

bool td_sim_files_open(struct td_sim_files *f, const char *folder, struct td_desk_fault *fault)
{
    *f = (struct td_sim_files){
        .files = {
            .server = {
                .size = file_size,
                .read = file_read,
                .write = file_write,
                .now_ms = now_ms,
                .ctx = f,
            },
            .entry = entry,
        },
        .root = -1,
    };
    if (mkdir(folder, 0777) == 0 || errno == EEXIST)
        f->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->root < 0)
        return td_desk_fail(fault, folder, "make it a folder that can be written to",
                            "the device's files cannot be opened: %s", strerror(errno));
    return true;
}

void td_sim_files_close(struct td_sim_files *f)
{
    if (f->root >= 0)
        close(f->root);
    f->root = -1;
}
