/*
 * tools/verb_fs.c - tandem fs: files to and from a device, their sizes and hashes.
 *
 * 1. A local file is written whole and with its hash proven, or it is not touched.
 * 2. What the device has at the end is proven by its own hash, where its firmware has any.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/range.h"
#include "client/file.h"
#include "crypto/hash.h"
#include "tools/device.h"
#include "tools/file.h"
#include "tools/whole.h"

#define SAID_EVERY_MS 500

/* ---- one transfer -------------------------------------------------------------------- */

struct transfer {
    struct td_device dev;
    struct td_file core;
    struct td_progress bar;
    bool upload;
    const char *remote, *local;
    struct td_whole file; /* what is sent, or what has arrived */
    size_t cap;           /* of file.bytes, in a download */
    uint64_t began_ms, said_ms;
};

static size_t transfer_send(void *state, uint64_t now, uint8_t *buf, size_t cap)
{
    return td_file_send(&((struct transfer *)state)->core, now, buf, cap);
}

static void transfer_receive(void *state, uint64_t now, const uint8_t *packet, size_t len)
{
    td_file_receive(&((struct transfer *)state)->core, now, packet, len);
}

static void transfer_link(void *state, uint64_t now, bool up)
{
    td_file_link(&((struct transfer *)state)->core, up, now);
}

static uint64_t transfer_wake(void *state)
{
    return td_file_wake_ms(&((struct transfer *)state)->core);
}

static bool transfer_done(void *state)
{
    return td_file_done(&((struct transfer *)state)->core);
}

static void transfer_turn(void *state)
{
    struct transfer *t = state;
    struct td_cli *cli = t->dev.cli;
    uint64_t now = td_clock_ms();

    td_progress_at(&t->bar, t->core.acked, t->core.size);
    if (!cli->json || now - t->said_ms < SAID_EVERY_MS || t->core.acked == 0)
        return;
    t->said_ms = now;
    td_cli_json(cli,
                json_pack("{s:s, s:I, s:I, s:I}", "event", "transfer", "offset",
                          (json_int_t)t->core.acked, "size", (json_int_t)t->core.size,
                          "bytes_per_s", (json_int_t)td_file_rate(&t->core, uv_now(&t->dev.loop))));
}

static const struct td_core transfer_core = {
    .send = transfer_send,
    .receive = transfer_receive,
    .link = transfer_link,
    .wake_ms = transfer_wake,
    .done = transfer_done,
    .turn = transfer_turn,
};

/* The next bytes of a download; room doubles, so that a device that lies about a size of
 * gigabytes costs nothing. */
static enum td_err keep(void *ctx, uint32_t off, const uint8_t *bytes, size_t len)
{
    struct transfer *t = ctx;

    (void)off;
    if (len > TD_WHOLE_MAX - t->file.len)
        return TD_ESPACE;
    while (t->file.len + len > t->cap) {
        size_t cap = t->cap > 0 ? 2 * t->cap : 65536;
        uint8_t *more = realloc(t->file.bytes, cap);

        if (more == NULL)
            return TD_ESPACE;
        t->file.bytes = more;
        t->cap = cap;
    }
    if (len > 0)
        memcpy(t->file.bytes + t->file.len, bytes, len);
    t->file.len += len;
    return TD_OK;
}

static enum td_err sha256_of_all(void *ctx, uint8_t out[32])
{
    const struct transfer *t = ctx;
    struct td_hash hash;

    td_hash_init(&hash, &td_sha256);
    td_hash_update(&hash, t->file.bytes, t->file.len);
    td_hash_final(&hash, out);
    return TD_OK;
}

static const char *what_of(const struct transfer *t)
{
    return t->upload ? "uploading the file" : "downloading the file";
}

static int fail(struct transfer *t)
{
    const struct td_failure *f = &t->core.failure;

    if (t->dev.interrupted)
        return td_device_failed(
            &t->dev, f, what_of(t),
            t->upload ? "the device holds part of the file: the same command again "
                        "sends all of it"
                      : "no file was written: the same command again reads all of it");
    if (f->err == TD_EMATCH)
        return td_cli_fail(t->dev.cli, TD_EXIT_REFUSED, "hash-differs",
                           t->upload ? "the device's hash is not that of the file that was sent"
                                     : "the device's hash is not that of the bytes that arrived; "
                                       "no file was written",
                           t->remote,
                           "try again; something may be writing to the file at the same time");
    if (f->err == TD_EPACKET)
        return td_cli_fail(t->dev.cli, TD_EXIT_USAGE, "path-too-long",
                           "the path leaves no room for data in a packet", t->remote,
                           "shorten it, or use a link with larger packets");
    return td_device_refused(&t->dev, f, what_of(t), "FS");
}

static int run(struct transfer *t)
{
    struct td_request params = { .kind = TD_REQ_PARAMS, .probe = true };
    struct td_file_config config = {
        .way = t->upload ? TD_FILE_UPLOAD : TD_FILE_DOWNLOAD,
        .path = { .p = t->remote, .len = strlen(t->remote) },
        .src = td_source_memory(t->file.bytes, (uint32_t)t->file.len),
        .write = keep,
        .sha256 = sha256_of_all,
        .ctx = t,
    };
    struct td_reply reply;

    if (td_device_ask(&t->dev, &params, &reply)) {
        config.buf_size = reply.of.params.buf_size;
        config.buf_count = reply.of.params.buf_count;
    } else if (t->dev.interrupted || reply.failure.err == TD_ELINKDOWN) {
        return td_device_failed(&t->dev, &reply.failure, "asking for the size of its buffers",
                                NULL);
    }
    td_progress_begin(&t->bar, t->dev.cli, t->upload ? "upload" : "download");
    t->began_ms = td_clock_ms();
    uv_update_time(&t->dev.loop);
    td_file_start(&t->core, &t->dev.session, &config, uv_now(&t->dev.loop));
    if (!td_file_done(&t->core))
        td_device_run(&t->dev, &transfer_core, t);
    td_progress_end(&t->bar);
    if (t->core.state == TD_FILE_DONE)
        return TD_EXIT_OK;
    if (!td_file_done(&t->core))
        td_file_stop(&t->core);
    return fail(t);
}

static void say_result(struct transfer *t)
{
    static const char *const proofs[] = {
        [TD_FILE_PROOF_NONE] = NULL,
        [TD_FILE_PROOF_SIZE] = "size",
        [TD_FILE_PROOF_CRC32] = "crc32",
        [TD_FILE_PROOF_SHA256] = "sha256",
    };
    struct td_cli *cli = t->dev.cli;
    const char *proof = proofs[t->core.proof];
    double seconds = (double)(td_clock_ms() - t->began_ms) / 1000;

    if (cli->json) {
        td_cli_json(cli, json_pack("{s:s, s:I, s:f, s:s?}", "result",
                                   t->upload ? "uploaded" : "downloaded", "bytes",
                                   (json_int_t)t->file.len, "seconds", seconds, "proof", proof));
        return;
    }
    // Where the file itself went to stdout, nothing else belongs there.
    fprintf(strcmp(t->local, "-") == 0 ? cli->err : cli->out, "%zu bytes %s%s%s.\n", t->file.len,
            t->upload ? "uploaded" : "downloaded", proof != NULL ? ", proven by its " : "",
            proof != NULL ? proof : "");
    if (proof == NULL && t->file.len > 0)
        td_cli_note(cli, "The device has no hash to prove it by; firmware has one with "
                         "CONFIG_MCUMGR_GRP_FS_CHECKSUM_HASH=y.");
}

/* ---- the command lines --------------------------------------------------------------- */

static int two_words(struct td_cli *cli, int argc, char **argv, const char *first,
                     const char *words[2])
{
    struct td_args args;
    int got, n = 0;

    words[0] = words[1] = NULL;
    td_args_begin(&args, cli, NULL, 0, argc, argv);
    while ((got = td_args_next(&args)) != TD_ARG_END) {
        if (got == TD_ARG_STOP)
            return args.exit == TD_EXIT_OK ? -1 : args.exit;
        if (n == 2)
            return td_cli_usagef(cli, "'%s' is one argument too many", args.value);
        words[n++] = args.value;
    }
    return n > 0 ? TD_EXIT_OK : td_cli_usagef(cli, "%s is missing", first);
}

/* Whoever turns the two around would wait for a device's error that says less. */
static int check_remote(struct td_cli *cli, const char *remote)
{
    if (remote == NULL)
        return td_cli_usage(cli, "REMOTE is missing: the whole path on the device, as in "
                                 "/lfs1/name");
    if (remote[0] != '/')
        return td_cli_usagef(cli, "'%s' is no whole path on the device, as in /lfs1/name", remote);
    return TD_EXIT_OK;
}

/* ---- upload -------------------------------------------------------------------------- */

static int read_local(struct td_cli *cli, const char *path, struct td_whole *file)
{
    struct stat st;

    // An empty file is no mistake here.
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 && access(path, R_OK) == 0)
        return TD_EXIT_OK;
    return td_whole_read(cli, path, file);
}

static struct transfer *new_transfer(struct td_cli *cli, int *exit)
{
    struct transfer *t = calloc(1, sizeof *t);

    if (t == NULL)
        *exit = td_cli_fail(cli, TD_EXIT_FILE, "no-memory", "there is no memory left", NULL, NULL);
    return t;
}

static int fs_upload(struct td_cli *cli, int argc, char **argv)
{
    const char *words[2];
    struct transfer *t;
    int exit = two_words(cli, argc, argv, "LOCAL, the file to send,", words);

    if (exit == TD_EXIT_OK)
        exit = check_remote(cli, words[1]);
    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    t = new_transfer(cli, &exit);
    if (t == NULL)
        return exit;
    t->upload = true;
    t->local = words[0];
    t->remote = words[1];
    exit = read_local(cli, t->local, &t->file);
    if (exit == TD_EXIT_OK)
        exit = td_device_open(&t->dev, cli);
    if (exit == TD_EXIT_OK) {
        exit = run(t);
        if (exit == TD_EXIT_OK)
            say_result(t);
        td_device_close(&t->dev);
    }
    td_whole_free(&t->file);
    free(t);
    return exit;
}

/* ---- download ------------------------------------------------------------------------ */

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Where it goes: into a folder under the name that it has on the device, as cp does. */
static int name_local(struct td_cli *cli, const char *local, const char *remote, char out[PATH_MAX])
{
    const char *name = strrchr(remote, '/') + 1;
    int n = is_folder(local) ? snprintf(out, PATH_MAX, "%s/%s", local, name)
                             : snprintf(out, PATH_MAX, "%s", local);

    if (n < PATH_MAX && !is_folder(out))
        return TD_EXIT_OK;
    return td_cli_fail(cli, TD_EXIT_FILE, "unwritable", "the file cannot be written", out,
                       "name a file, and not a folder");
}

/* A folder that takes no file is found out before the device is asked for all of it. */
static int check_writable(struct td_cli *cli, const char *local)
{
    char folder[PATH_MAX], where[PATH_MAX + 128];
    const char *slash = strrchr(local, '/');

    if (slash == NULL)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == local ? 1 : (int)(slash - local), local);
    if (access(local, W_OK) == 0 || (access(local, F_OK) != 0 && access(folder, W_OK) == 0))
        return TD_EXIT_OK;
    snprintf(where, sizeof where, "%s: %s", local, strerror(errno));
    return td_cli_fail(cli, TD_EXIT_FILE, "unwritable", "the file cannot be written", where,
                       "check that the folder exists and who may write there");
}

static int write_local(struct transfer *t)
{
    struct td_cli *cli = t->dev.cli;

    if (strcmp(t->local, "-") != 0)
        return td_file_write(cli, t->local, t->file.bytes, t->file.len, false);
    fwrite(t->file.bytes, 1, t->file.len, cli->out);
    return TD_EXIT_OK;
}

static int download(struct transfer *t, struct td_cli *cli)
{
    int exit = td_device_open(&t->dev, cli);

    if (exit != TD_EXIT_OK)
        return exit;
    exit = run(t);
    if (exit == TD_EXIT_OK)
        exit = write_local(t);
    if (exit == TD_EXIT_OK)
        say_result(t);
    td_device_close(&t->dev);
    return exit;
}

static int fs_download(struct td_cli *cli, int argc, char **argv)
{
    const char *words[2];
    char path[PATH_MAX] = "-";
    struct transfer *t;
    int exit = two_words(cli, argc, argv, "REMOTE, the file on the device,", words);

    if (exit == TD_EXIT_OK)
        exit = check_remote(cli, words[0]);
    if (exit == TD_EXIT_OK && words[1] == NULL)
        exit = td_cli_usage(cli, "LOCAL is missing: the file to write, or - for standard output");
    if (exit == TD_EXIT_OK && cli->json && strcmp(words[1], "-") == 0)
        exit = td_cli_usage(cli, "--json and the file cannot both go to standard output");
    if (exit == TD_EXIT_OK && strcmp(words[1], "-") != 0) {
        exit = name_local(cli, words[1], words[0], path);
        if (exit == TD_EXIT_OK)
            exit = check_writable(cli, path);
    }
    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    t = new_transfer(cli, &exit);
    if (t == NULL)
        return exit;
    t->remote = words[0];
    t->local = path;
    exit = download(t, cli);
    td_whole_free(&t->file);
    free(t);
    return exit;
}

/* ---- status and hash ----------------------------------------------------------------- */

static void say_size(struct td_cli *cli, const struct td_reply *reply)
{
    if (cli->json)
        td_cli_json(cli, json_pack("{s:I}", "size", (json_int_t)reply->of.file_size));
    else
        fprintf(cli->out, "%llu bytes\n", (unsigned long long)reply->of.file_size);
}

static int fs_status(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_FILE_STATUS };
    const char *word;
    int exit = td_args_one_word(cli, argc, argv, &word);

    if (exit == TD_EXIT_OK)
        exit = check_remote(cli, word);
    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    request.text = (struct td_cbor_text){ .p = word, .len = strlen(word) };
    return td_device_ask_once(cli, &request, "asking for the file's size", "FS_FILE_STATUS",
                              say_size);
}

static void say_hash(struct td_cli *cli, const struct td_reply *reply)
{
    const struct td_file_hash *h = &reply->of.file_hash;
    char hex[2 * TD_IMG_HASH_MAX + 1];
    json_t *o;

    if (h->is_number)
        snprintf(hex, sizeof hex, "%08x", h->number);
    else
        td_hex(h->bytes, h->n_bytes, hex);
    if (!cli->json) {
        fprintf(cli->out, "%s  %s, %llu bytes\n", hex,
                h->type[0] != '\0' ? h->type : "a hash that the device does not name",
                (unsigned long long)h->len);
        return;
    }
    o = json_pack("{s:s, s:I, s:I}", "type", h->type, "offset", (json_int_t)h->off, "length",
                  (json_int_t)h->len);
    if (h->is_number)
        json_object_set_new(o, "number", json_integer(h->number));
    else
        json_object_set_new(o, "hash", json_string(hex));
    td_cli_json(cli, o);
}

static int fs_hash(struct td_cli *cli, int argc, char **argv)
{
    struct td_request request = { .kind = TD_REQ_FILE_HASH };
    const char *words[2];
    int exit = two_words(cli, argc, argv, "REMOTE, the file on the device,", words);

    if (exit == TD_EXIT_OK)
        exit = check_remote(cli, words[0]);
    if (exit != TD_EXIT_OK)
        return exit < 0 ? TD_EXIT_OK : exit;
    request.text = (struct td_cbor_text){ .p = words[0], .len = strlen(words[0]) };
    if (words[1] != NULL)
        request.hash_type = (struct td_cbor_text){ .p = words[1], .len = strlen(words[1]) };
    return td_device_ask_once(cli, &request, "asking for the file's hash", "FS_CHECKSUM_HASH",
                              say_hash);
}

static const struct td_verb subs[] = {
    { .name = "upload",
      .kind = TD_VERB_DEVICE,
      .summary = "send a file to the device",
      .usage = "usage: tandem fs upload LOCAL REMOTE [--json]\n\n"
               "Sends the file LOCAL; REMOTE is its whole path on the device, as in /lfs1/name.\n"
               "At the end the device is asked for a hash of what it has.\n",
      .run = fs_upload },
    { .name = "download",
      .kind = TD_VERB_DEVICE,
      .summary = "read a file of the device",
      .usage = "usage: tandem fs download REMOTE LOCAL [--json]\n\n"
               "Reads the file REMOTE of the device, as in /lfs1/name. LOCAL (a file, a folder,\n"
               "or - for standard output) is written whole or not at all, when all bytes are\n"
               "there and the device's hash of them is theirs.\n",
      .run = fs_download },
    { .name = "status",
      .kind = TD_VERB_DEVICE,
      .summary = "how many bytes a file has",
      .usage = "usage: tandem fs status REMOTE [--json]\n\n"
               "How many bytes the file REMOTE of the device has.\n",
      .run = fs_status },
    { .name = "hash",
      .kind = TD_VERB_DEVICE,
      .summary = "a hash of a file, computed by the device",
      .usage = "usage: tandem fs hash REMOTE [sha256|crc32] [--json]\n\n"
               "Has the device compute a hash or checksum of the file REMOTE: of the type that\n"
               "is named, as the firmware calls it, or of its own choice.\n",
      .run = fs_hash },
};

const struct td_verb td_verb_fs = {
    .name = "fs",
    .kind = TD_VERB_DEVICE,
    .summary = "files on the device: upload, download, status, hash",
    .subs = subs,
    .n_subs = TD_N_OF(subs),
};
