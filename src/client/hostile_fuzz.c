/*
 * client/hostile_fuzz.c - a device that answers as it likes: to each typed call, to an image upload
 * and to files both ways.
 *
 * The first bytes choose what is asked; then each packet of ours takes a move: a body made of the
 * input behind a header that fits, an answer of the right shape with numbers of the input,
 * silence, a stranger, a link that goes. Whatever comes, it ends after a bounded number of steps,
 * with a reason where it failed; a download takes each byte once and in order; every text ends.
 * Whole updates are session_fuzz.c's.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "client/file.h"
#include "client/requests.h"
#include "client/upload.h"
#include "smp/error.h"
#include "smp/fs.h"
#include "smp/header.h"
#include "smp/image.h"

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            abort();                                                                               \
    } while (0)

#define FILE_SIZE 3000

static struct td_session session;
static struct td_call call;
static struct td_upload upload;
static struct td_file file;
static uint8_t rx[1024], bytes[FILE_SIZE];
static uint32_t taken;

/* ---- the input ------------------------------------------------------------------------- */

struct moves {
    const uint8_t *p;
    size_t n;
};

static uint8_t next(struct moves *m)
{
    if (m->n == 0)
        return 0;
    m->n--;
    return *m->p++;
}

static size_t take(struct moves *m, uint8_t *out, size_t cap)
{
    size_t n = next(m);

    n = n < cap ? n : cap;
    n = n < m->n ? n : m->n;
    if (n > 0)
        memcpy(out, m->p, n);
    m->p += n;
    m->n -= n;
    return n;
}

/* A number near what a device would say. */
static uint32_t number(struct moves *m)
{
    static const uint32_t some[] = { 0,         1, 32, 400, FILE_SIZE - 1, FILE_SIZE, FILE_SIZE + 1,
                                     UINT32_MAX };
    uint8_t a = next(m);

    return a < TD_N_OF(some) ? some[a] : (uint32_t)a * 16 + (next(m) & 15);
}

/* ---- what runs ------------------------------------------------------------------------- */

enum what { A_CALL, AN_UPLOAD, A_FILE_UP, A_FILE_DOWN };

static size_t send(enum what what, uint64_t now, uint8_t *buf, size_t cap)
{
    if (what == A_CALL)
        return td_call_send(&call, now, buf, cap);
    return what == AN_UPLOAD ? td_upload_send(&upload, now, buf, cap)
                             : td_file_send(&file, now, buf, cap);
}

static void receive(enum what what, uint64_t now, const uint8_t *buf, size_t n)
{
    if (what == A_CALL)
        td_call_receive(&call, now, buf, n);
    else if (what == AN_UPLOAD)
        td_upload_receive(&upload, now, buf, n);
    else
        td_file_receive(&file, now, buf, n);
}

static void link_is(enum what what, uint64_t now, bool up)
{
    if (what == A_CALL)
        td_call_link(&call, up);
    else if (what == AN_UPLOAD)
        td_upload_link(&upload, up, now);
    else
        td_file_link(&file, up, now);
}

static uint64_t wake(enum what what)
{
    if (what == A_CALL)
        return td_call_wake_ms(&call);
    return what == AN_UPLOAD ? td_upload_wake_ms(&upload) : td_file_wake_ms(&file);
}

static bool is_done(enum what what)
{
    if (what == A_CALL)
        return call.done;
    return what == AN_UPLOAD ? td_upload_done(&upload) : td_file_done(&file);
}

/* ---- answers --------------------------------------------------------------------------- */

/* The shape that the command's answer has, with the input's numbers. */
static size_t shaped(struct moves *m, const struct td_smp_header *asked, uint8_t *out, size_t cap)
{
    static const uint8_t zeros[600];
    struct td_smp_header hdr = *asked;
    struct td_cbor_writer w;
    uint8_t how = next(m);
    size_t len;

    hdr.op |= 1;
    hdr.version = how & 8 ? 0 : hdr.version;
    td_smp_begin(&w, out, cap, how & 16 ? TD_CBOR_INDEFINITE : TD_CBOR_DEFINITE);
    if ((how & 7) == 0) {
        td_smp_put_rc(&w, next(m), TD_TEXT("because"));
    } else if ((how & 7) == 1) {
        td_smp_put_group_error(&w, asked->group, next(m), TD_TEXT(""));
    } else if ((how & 7) == 2) {
        td_fs_upload_put_offset(&w, number(m), TD_TEXT(""));
    } else if (asked->group == TD_SMP_GROUP_IMAGE) {
        struct td_img_upload_rsp rsp = { .has_off = true, .off = number(m), .has_match = how & 32 };

        rsp.match = (how & 64) != 0;
        td_img_upload_rsp_put(&w, &rsp);
    } else if (asked->id == TD_FS_FILE && asked->op == TD_SMP_READ) {
        struct td_fs_download_rsp rsp = { .has_off = how & 32,
                                          .off = taken,
                                          .has_data = true,
                                          .data = { zeros, number(m) % sizeof(zeros) },
                                          .has_len = true };

        rsp.len = number(m);
        td_fs_download_rsp_put(&w, &rsp);
    } else if (asked->id == TD_FS_FILE) {
        struct td_fs_upload_rsp rsp = { .has_off = true, .off = number(m) };

        td_fs_upload_rsp_put(&w, &rsp);
    } else if (asked->id == TD_FS_STATUS) {
        struct td_fs_status_rsp rsp = { .has_len = true, .len = number(m) };

        td_fs_status_rsp_put(&w, &rsp);
    } else {
        td_smp_put_empty(&w);
    }
    return td_smp_end(&w, &hdr, &len) == TD_OK ? len : 0;
}

/* One packet of ours, and what comes back for it. */
static void answer(struct moves *m, enum what what, uint64_t now, const uint8_t *sent)
{
    static uint8_t out[2048];
    struct td_smp_header asked;
    uint8_t move = next(m);
    size_t n = 0;

    td_smp_header_decode(sent, &asked);
    switch (move & 7) {
    case 0:
    case 1:
    case 2: n = shaped(m, &asked, out, sizeof(out)); break;
    case 3: // a body of its own choice behind a header that fits
        memcpy(out, sent, TD_SMP_HEADER_SIZE);
        n = take(m, out + TD_SMP_HEADER_SIZE, 255);
        out[0] |= 1;
        out[2] = 0;
        out[3] = (uint8_t)n;
        n += TD_SMP_HEADER_SIZE;
        break;
    case 4: // a stranger's
        n = shaped(m, &asked, out, sizeof(out));
        out[4 + (move >> 3) % 4] ^= 1;
        break;
    case 5: n = take(m, out, 255); break;
    case 6: break;
    default: // the link goes, and comes back
        link_is(what, now, false);
        link_is(what, now + 100, true);
        break;
    }
    receive(what, now, out, n);
    if (move & 128)
        receive(what, now + 1, out, n); // twice
}

/* ---- what always holds ----------------------------------------------------------------- */

static enum td_err write_down(void *ctx, uint32_t off, const uint8_t *p, size_t len)
{
    volatile uint8_t sum = 0;

    (void)ctx;
    CHECK(off == taken && len > 0 && len <= file.size - off);
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + p[i]);
    taken += (uint32_t)len;
    return TD_OK;
}

static enum td_err sha_of(void *ctx, uint8_t out[32])
{
    (void)ctx;
    memset(out, 0, 32);
    return TD_OK;
}

static void ends(const char *text, size_t cap)
{
    CHECK(memchr(text, 0, cap) != NULL);
}

static void check_call(void)
{
    const struct td_reply *r = &call.reply;

    ends(r->failure.rsn, sizeof(r->failure.rsn));
    CHECK(td_failure_sentence(&r->failure) != NULL);
    if (r->failure.err != TD_OK)
        return;
    switch (call.request.kind) {
    case TD_REQ_ECHO:
    case TD_REQ_DATETIME:
    case TD_REQ_INFO: ends(r->of.text.at, sizeof(r->of.text.at)); break;
    case TD_REQ_SHELL:
        CHECK(r->of.shell.len < sizeof(r->of.shell.text));
        CHECK(r->of.shell.text[r->of.shell.len] == '\0');
        break;
    case TD_REQ_SETTING_GET: CHECK(r->of.setting.len <= TD_VALUE_MAX); break;
    case TD_REQ_FILE_HASH: CHECK(r->of.file_hash.n_bytes <= TD_IMG_HASH_MAX); break;
    case TD_REQ_STAT_LIST:
        CHECK(r->of.stat_names.n <= TD_STAT_NAMES_MAX);
        for (uint8_t i = 0; i < r->of.stat_names.n; i++)
            ends(r->of.stat_names.at[i], TD_NAME_MAX);
        break;
    case TD_REQ_STAT:
        CHECK(r->of.stat.n <= TD_STAT_FIELDS_MAX);
        for (uint8_t i = 0; i < r->of.stat.n; i++)
            ends(r->of.stat.at[i].name, TD_NAME_MAX);
        break;
    case TD_REQ_TASKS: CHECK(r->of.tasks.n <= TD_TASKS_MAX); break;
    case TD_REQ_POOLS: CHECK(r->of.pools.n <= TD_POOLS_MAX); break;
    case TD_REQ_GROUPS:
    case TD_REQ_GROUP_NUMBERS: CHECK(r->of.groups.n <= TD_GROUPS_MAX); break;
    case TD_REQ_IMAGE_LIST: CHECK(r->of.images.n <= TD_STATES_MAX); break;
    case TD_REQ_SLOT_INFO: CHECK(r->of.slots.n <= TD_SLOTS_MAX); break;
    case TD_REQ_WHY: CHECK(r->of.why.n <= TD_WHY_PAGE_MAX); break;
    case TD_REQ_ACCEPTS: CHECK(r->of.accepts.n_keys <= TD_KEYS_MAX); break;
    default: break;
    }
}

static void check_end(enum what what)
{
    if (what == A_CALL) {
        check_call();
    } else if (what == AN_UPLOAD) {
        CHECK((upload.state == TD_UPLOAD_FAILED) == (upload.failure.err != TD_OK));
        CHECK(upload.acked <= FILE_SIZE);
        CHECK(upload.state != TD_UPLOAD_DONE || upload.acked == FILE_SIZE);
    } else {
        CHECK((file.state == TD_FILE_FAILED) == (file.failure.err != TD_OK));
        CHECK(file.acked <= file.size);
        CHECK(file.state != TD_FILE_DONE || file.acked == file.size);
        CHECK(what == A_FILE_UP || taken == file.acked);
    }
}

/* ---- the run --------------------------------------------------------------------------- */

static void start(struct moves *m, enum what what, uint64_t now)
{
    static const struct td_cbor_text words[] = { TD_TEXT_INIT("kernel"), TD_TEXT_INIT("uptime") };
    uint8_t how = next(m);
    struct td_session_config scfg = { .rx = rx, .rx_cap = sizeof(rx) };
    struct td_request req = { .text = TD_TEXT("name"), .argv = words, .n_argv = 2 };
    struct td_upload_config up = { .src = td_source_memory(bytes, FILE_SIZE),
                                   .sha = how & 1 ? bytes : NULL,
                                   .buf_size = how & 2 ? 256 : 0,
                                   .buf_count = how & 7 };
    struct td_file_config fcfg = { .way = what == A_FILE_UP ? TD_FILE_UPLOAD : TD_FILE_DOWNLOAD,
                                   .path = TD_TEXT("/lfs1/file"),
                                   .src = up.src,
                                   .write = write_down,
                                   .sha256 = how & 1 ? sha_of : NULL,
                                   .buf_size = up.buf_size,
                                   .buf_count = up.buf_count };

    scfg.link.fragments = (how & 16) != 0;
    scfg.link.line = how & 32 ? 93 : 0;
    scfg.link.overhead = how & 32 ? 4 : 0;
    scfg.timeout_ms = how & 64 ? 2000 : 0;
    req.kind = (enum td_request_kind)(next(m) % (TD_REQ_RAW + 1));
    taken = 0;
    td_session_start(&session, &scfg);
    if (what == A_CALL)
        td_call_start(&call, &session, &req, now);
    else if (what == AN_UPLOAD)
        td_upload_start(&upload, &session, &up, now);
    else
        td_file_start(&file, &session, &fcfg, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct moves m = { data, size };
    enum what what = (enum what)(next(&m) & 3);
    uint8_t buf[1200];
    uint64_t now = 1;

    start(&m, what, now);
    for (unsigned steps = 0; !is_done(what); steps++) {
        uint64_t at;
        size_t n;

        CHECK(steps < 20000);
        while ((n = send(what, now, buf, sizeof(buf))) > 0) {
            CHECK(n >= TD_SMP_HEADER_SIZE && n <= sizeof(buf));
            answer(&m, what, now, buf);
            now += 2;
        }
        at = wake(what);
        CHECK(is_done(what) || at != TD_NEVER);
        if (!is_done(what) && at > now)
            now = at;
    }
    check_end(what);
    return 0;
}
