/*
 * tools/sim_state.c - mapping a device's flash, one process at a time.
 *
 * The metadata file appears under its name only when it is complete. Without it the flash is
 * a new one, so a process that was killed while it made the folder has done no harm.
 */
#include "tools/sim_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(const struct td_sim_state *s, unsigned i, const char *suffix, char *out,
                    size_t cap)
{
    if (i == 0)
        (void)snprintf(out, cap, "%s/flash.%s", s->dir, suffix);
    else
        (void)snprintf(out, cap, "%s/flash%u.%s", s->dir, i, suffix);
}

static bool fail_errno(struct td_desk_fault *fault, const char *where, const char *what)
{
    return td_desk_fail(fault, where, "give a folder that can be written to: --state DIR", "%s: %s",
                        what, strerror(errno));
}

static long locked_by(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    if (n <= 0)
        return 0;
    text[n] = '\0';
    return strtol(text, NULL, 10);
}

static bool lock(struct td_sim_state *s, struct td_desk_fault *fault)
{
    char path[320];
    char text[32];
    int len;

    (void)snprintf(path, sizeof path, "%s/lock", s->dir);
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->lock_fd < 0)
        return fail_errno(fault, path, "the state folder cannot be used");
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        long pid = locked_by(s->lock_fd);

        close(s->lock_fd);
        return td_desk_fail(fault, s->dir, "stop that process, or give another folder",
                            "the state folder is in use by process %ld", pid);
    }
    len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, text, (size_t)len, 0) != len) {
        fail_errno(fault, path, "the state folder cannot be written");
        close(s->lock_fd);
        return false;
    }
    return true;
}

/* Maps a file of exactly size bytes. A new one has its blocks at once: no surprise later. */
static uint8_t *map(const char *path, size_t size, bool create, struct td_desk_fault *fault)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_TRUNC : 0), 0666);
    struct stat st;
    void *at;

    if (fd < 0 || fstat(fd, &st) != 0) {
        fail_errno(fault, path, "the device's flash cannot be opened");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (create) {
        errno = posix_fallocate(fd, 0, (off_t)size);
        if (errno != 0) {
            fail_errno(fault, path, "there is no room for the device's flash");
            close(fd);
            return NULL;
        }
    } else if ((size_t)st.st_size != size) {
        td_desk_fail(fault, path, "use the profile it was made with, or another folder",
                     "this flash was made for another device: it has %lld bytes, not %zu",
                     (long long)st.st_size, size);
        close(fd);
        return NULL;
    }
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED) {
        fail_errno(fault, path, "the device's flash cannot be mapped");
        return NULL;
    }
    return at;
}

static bool open_flash(struct td_sim_state *s, unsigned i, const struct sim_profile *p,
                       struct td_desk_fault *fault)
{
    char bytes[320], meta[320], fresh[320];
    bool is_new;

    path_of(s, i, "bin", bytes, sizeof bytes);
    path_of(s, i, "meta", meta, sizeof meta);
    path_of(s, i, "meta.new", fresh, sizeof fresh);
    is_new = access(meta, F_OK) != 0;
    s->size[i] = p->flash[i].size;
    s->meta_size[i] = sim_device_meta_size(p, i);
    s->memory[i].is_new = is_new;
    s->memory[i].bytes = map(bytes, s->size[i], is_new, fault);
    if (s->memory[i].bytes == NULL)
        return false;
    s->memory[i].meta = map(is_new ? fresh : meta, s->meta_size[i], is_new, fault);
    return s->memory[i].meta != NULL;
}

bool td_sim_state_open(struct td_sim_state *s, const char *dir, const struct sim_profile *p,
                       struct td_desk_fault *fault)
{
    memset(s, 0, sizeof *s);
    if (strlen(dir) >= sizeof s->dir)
        return td_desk_fail(fault, dir, "give a shorter path", "the path is too long");
    (void)snprintf(s->dir, sizeof s->dir, "%s", dir);
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return fail_errno(fault, dir, "the state folder cannot be made");
    if (!lock(s, fault))
        return false;
    for (s->n = 0; s->n < p->n_flash; s->n++) {
        if (!open_flash(s, s->n, p, fault)) {
            s->n++;
            td_sim_state_close(s);
            return false;
        }
    }
    return true;
}

bool td_sim_state_commit(struct td_sim_state *s, struct td_desk_fault *fault)
{
    for (unsigned i = 0; i < s->n; i++) {
        char fresh[320], meta[320];

        path_of(s, i, "meta.new", fresh, sizeof fresh);
        path_of(s, i, "meta", meta, sizeof meta);
        if (s->memory[i].is_new && rename(fresh, meta) != 0)
            return fail_errno(fault, meta, "the device's flash cannot be kept");
    }
    return true;
}

void td_sim_state_close(struct td_sim_state *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (s->memory[i].bytes != NULL)
            munmap(s->memory[i].bytes, s->size[i]);
        if (s->memory[i].meta != NULL)
            munmap(s->memory[i].meta, s->meta_size[i]);
    }
    close(s->lock_fd);
}
