/*
 * tools/file.c - files whole in and whole out.
 *
 * A file that is written takes its name only when all of it is on the disk, so that a build
 * that was interrupted, or a full disk, leaves the old file or none.
 */
#include "tools/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/ct.h"

static int fail_at(struct td_cli *cli, const char *code, const char *text, const char *path,
                   const char *why, const char *remedy)
{
    char where[PATH_MAX + 160];

    snprintf(where, sizeof where, "%s: %s", path, why);
    return td_cli_fail(cli, TD_EXIT_FILE, code, text, where, remedy);
}

void td_file_free(struct td_disk_file *file)
{
    free(file->bytes);
    file->bytes = NULL;
    file->size = 0;
}

/* All of a stream of unknown length. false with errno set; errno EFBIG when it is too large. */
static bool slurp(FILE *in, uint8_t **bytes, size_t *size)
{
    size_t cap = 65536;
    size_t len = 0;
    uint8_t *buf = NULL;

    for (;;) {
        uint8_t *more = realloc(buf, cap);

        if (more == NULL)
            break;
        buf = more;
        errno = 0;
        len += fread(buf + len, 1, cap - len, in);
        if (ferror(in))
            break;
        if (len < cap) {
            *bytes = buf;
            *size = len;
            return true;
        }
        // Hex text is a little more than twice its bytes.
        if (cap > 3 * (size_t)TD_FILE_MAX) {
            errno = EFBIG;
            break;
        }
        cap *= 2;
    }
    free(buf);
    return false;
}

static bool slurp_path(const char *path, uint8_t **bytes, size_t *size)
{
    FILE *in = fopen(path, "rb");
    bool done;
    int why;

    if (in == NULL)
        return false;
    done = slurp(in, bytes, size);
    why = errno;
    fclose(in);
    errno = why;
    return done;
}

static int read_hex(struct td_cli *cli, const char *path, const uint8_t *bytes, size_t size,
                    struct td_disk_file *file)
{
    struct td_hex_error error;
    char line[32] = "whole file";

    if (td_hex_parse((const char *)bytes, size, file, &error))
        return TD_EXIT_OK;
    if (error.line > 0)
        snprintf(line, sizeof line, "line %u", error.line);
    return fail_at(cli, "bad-hex", error.text, path, line,
                   "write the Intel hex file again; if it was copied, compare the copies");
}

int td_file_read(struct td_cli *cli, const char *path, struct td_disk_file *file)
{
    uint8_t *bytes;
    size_t size;
    int exit = TD_EXIT_OK;

    *file = (struct td_disk_file){ 0 };
    if (!slurp_path(path, &bytes, &size))
        return fail_at(cli, "unreadable", "the file cannot be read", path, strerror(errno),
                       errno == ENOENT ? "check the path" : "check what it is and who may read it");
    if (td_file_is_hex(path)) {
        exit = read_hex(cli, path, bytes, size, file);
        free(bytes);
        return exit;
    }
    file->bytes = bytes;
    file->size = (uint32_t)size;
    if (size == 0)
        exit = fail_at(cli, "empty", "the file is empty", path, "0 bytes",
                       "build it again, or name another file");
    else if (size > TD_FILE_MAX)
        exit = fail_at(cli, "too-large", "the file is too large for an image", path,
                       "more than 64 MiB", "name the binary or hex file, not the ELF file");
    if (exit != TD_EXIT_OK)
        td_file_free(file);
    return exit;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

int td_file_keep_old(struct td_cli *cli, const char *path)
{
    char kept[PATH_MAX];
    struct stat old;

    if (stat(path, &old) != 0 || !S_ISREG(old.st_mode) || old.st_size == 0)
        return TD_EXIT_OK;
    for (unsigned i = 1; i < 1000; i++) {
        if (snprintf(kept, sizeof kept, "%s.old%u", path, i) >= (int)sizeof kept)
            break;
        if (link(path, kept) == 0) {
            td_cli_note(cli, "There was a file already; it is now called %s.", kept);
            return TD_EXIT_OK;
        }
        if (errno != EEXIST)
            break;
    }
    return td_cli_fail(cli, TD_EXIT_FILE, "key-exists",
                       "there is a file already, and it cannot be kept under another name", path,
                       "move it away, or choose another name");
}

static bool write_in_place(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY);
    bool done;
    int why;

    if (fd < 0)
        return false;
    done = write_all(fd, bytes, len);
    why = errno;
    if (close(fd) != 0 && done)
        return false;
    errno = why;
    return done;
}

/* The mode a new file gets: the old one's, or what the user's umask leaves. */
static mode_t mode_of(const struct stat *old, bool exists, bool secret)
{
    mode_t mask = umask(0);

    umask(mask);
    if (secret)
        return 0600;
    return exists ? old->st_mode & 0777 : (mode_t)(0666 & ~mask);
}

static bool write_beside(const char *path, const void *bytes, size_t len, mode_t mode)
{
    char temp[PATH_MAX + 16];
    bool done;
    int why;
    int fd;

    if (snprintf(temp, sizeof temp, "%s.XXXXXX", path) >= (int)sizeof temp) {
        errno = ENAMETOOLONG;
        return false;
    }
    fd = mkstemp(temp);
    if (fd < 0)
        return false;
    done = write_all(fd, bytes, len) && fchmod(fd, mode) == 0;
    why = errno;
    if (close(fd) != 0 && done) {
        done = false;
        why = errno;
    }
    if (done && rename(temp, path) == 0)
        return true;
    why = done ? errno : why;
    unlink(temp);
    errno = why;
    return false;
}

int td_file_write(struct td_cli *cli, const char *path, const void *bytes, size_t len, bool secret)
{
    struct stat old;
    bool exists = stat(path, &old) == 0;
    char *target = exists ? realpath(path, NULL) : NULL; // behind a symbolic link, not over it
    const char *to = target != NULL ? target : path;
    bool done;

    if (exists && S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        done = false;
    } else if (exists && !S_ISREG(old.st_mode)) {
        done = write_in_place(to, bytes, len);
    } else {
        done = write_beside(to, bytes, len, mode_of(&old, exists, secret));
    }
    if (!done) {
        int why = errno;

        free(target);
        return fail_at(cli, "unwritable", "the file cannot be written", path, strerror(why),
                       why == ENOSPC ? "make room; nothing was left half-written"
                                     : "check that the folder exists and who may write there");
    }
    free(target);
    return TD_EXIT_OK;
}

int td_read_passphrase(const char *path, char *buf, size_t cap)
{
    FILE *in = fopen(path, "rb");
    size_t len;
    char *stop;

    if (in == NULL)
        return -1;
    errno = 0;
    len = fread(buf, 1, cap, in);
    if (ferror(in)) {
        int why = errno;

        fclose(in);
        errno = why;
        return -1;
    }
    fclose(in);
    stop = memchr(buf, '\n', len);
    if (stop != NULL)
        len = (size_t)(stop - buf);
    if (len > 0 && buf[len - 1] == '\r')
        len--;
    return (int)len;
}

int td_ask_passphrase(const char *prompt, char *buf, size_t cap)
{
    struct termios old, quiet;
    size_t len = 0;
    char c;

    // A script that gave no passphrase must not hang on a question, so it is asked only of
    // somebody who sits at standard input.
    if (tcgetattr(STDIN_FILENO, &old) != 0)
        return -1;
    quiet = old;
    quiet.c_lflag &= (tcflag_t)~ECHO;
    quiet.c_lflag |= ICANON;
    fputs(prompt, stderr);
    fflush(stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        if (len < cap)
            buf[len++] = c;
    tcsetattr(STDIN_FILENO, TCSANOW, &old);
    fputc('\n', stderr);
    return (int)len;
}

struct passphrase_source {
    const char *file;
    int why; /* errno of the passphrase file; 0: none, or it was read */
};

static int get_passphrase(void *ctx, const char *path, char *buf, size_t cap)
{
    struct passphrase_source *source = ctx;
    char prompt[PATH_MAX + 32];
    int len;

    if (source->file != NULL) {
        len = td_read_passphrase(source->file, buf, cap);
        if (len < 0)
            source->why = errno;
        return len;
    }
    snprintf(prompt, sizeof prompt, "Passphrase for %s: ", path);
    return td_ask_passphrase(prompt, buf, cap);
}

static const char *key_remedy(enum td_err err)
{
    switch (err) {
    case TD_EKEYFILE: return "check the path, and who may read it";
    case TD_EKEYPEM: return "make one with tandem keygen, or convert it to PEM with openssl pkey";
    case TD_EKEYLOCKED: return "give the passphrase with --passphrase-file FILE, or at a terminal";
    case TD_EKEYPASS: return "check the passphrase";
    case TD_EKEYTYPE: return "use rsa-2048, rsa-3072 (exponent 65537), ecdsa-p256 or ed25519";
    default: return NULL;
    }
}

int td_key_open(struct td_cli *cli, const char *path, const char *passphrase_file,
                struct td_key **key)
{
    struct passphrase_source source = { passphrase_file, 0 };
    const struct td_passphrase pass = { get_passphrase, &source };
    enum td_err err;

    errno = 0;
    err = td_key_load(path, &pass, key);
    if (err == TD_OK)
        return TD_EXIT_OK;
    if (source.why != 0)
        return fail_at(cli, "no-passphrase", "the passphrase file cannot be read", passphrase_file,
                       strerror(source.why), "check the path, and who may read it");
    return fail_at(cli, td_errname(err), td_strerror(err), path,
                   err == TD_EKEYFILE ? strerror(errno) : "key file", key_remedy(err));
}

void td_source_bytes(FILE *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%s0x%02x,", i % 8 == 0 ? "\n    " : " ", bytes[i]);
}
