/*
 * server/groups_rig_test.h - a server with every group but those of images, over back ends in
 * memory, for tests and fuzzers.
 */
#ifndef TD_SERVER_GROUPS_RIG_TEST_H
#define TD_SERVER_GROUPS_RIG_TEST_H

#include <string.h>

#include "base/range.h"
#include "server/server.h"

enum { RIG_FILES = 6, RIG_FILE_MAX = 24576, RIG_RSP = 2048, RIG_VALUE_MAX = 300 };

struct rig_file {
    char name[TD_SERVER_PATH_MAX];
    size_t name_len; /* 0: free */
    size_t len;
    uint8_t bytes[RIG_FILE_MAX];
};

struct groups_rig {
    struct rig_file files[RIG_FILES];
    enum td_err write_err, read_err; /* what the file system answers to all writes and reads */
    uint32_t now_ms;
    unsigned closes, holes; /* holes: writes that neither begin a file nor follow it */
    bool clock_set, clock_fails;
    int64_t clock_ms;
    uint8_t value[RIG_VALUE_MAX]; /* of the only setting, "led/color" */
    size_t value_len;
    bool value_there;
    unsigned commits, loads, saves;
    enum td_err save_err;
    char saved[32];
    size_t saved_len;
    char line[TD_SERVER_LINE_MAX];
    size_t line_len;
    size_t output_len; /* how much the shell prints */
    unsigned n_tasks;
    struct td_server_link link[2];
    struct td_server_os os;
    struct td_server_settings settings;
    struct td_server_files file_system;
    struct td_server_shell shell;
    struct td_server_stat stats[3];
    struct td_server_config cfg;
    struct td_server srv;
    uint8_t hold[RIG_RSP], rsp[RIG_RSP];
    struct td_server_reply reply;
    unsigned works; /* calls of td_server_work until the last answer came */
};

/* ---- files ------------------------------------------------------------------------------- */

static inline struct rig_file *rig_find(struct groups_rig *rig, struct td_cbor_text path)
{
    for (unsigned i = 0; i < RIG_FILES; i++)
        if (rig->files[i].name_len == path.len && path.len > 0 &&
            memcmp(rig->files[i].name, path.p, path.len) == 0)
            return &rig->files[i];
    return NULL;
}

static inline enum td_err rig_path(struct td_cbor_text path)
{
    static const char mount[] = "/lfs1";

    if (path.p[0] != '/')
        return TD_EARG;
    if (path.len < sizeof mount - 1 || memcmp(path.p, mount, sizeof mount - 1) != 0)
        return TD_ENOTFOUND;
    if (path.len == sizeof mount - 1)
        return TD_ESTATE;
    return path.p[sizeof mount - 1] == '/' ? TD_OK : TD_ENOTFOUND;
}

static inline enum td_err rig_size(void *ctx, struct td_cbor_text path, uint64_t *size)
{
    enum td_err err = rig_path(path);
    struct rig_file *file = rig_find(ctx, path);

    if (err == TD_OK && file == NULL)
        err = TD_ENOTFOUND;
    if (err == TD_OK)
        *size = file->len;
    return err;
}

static inline enum td_err rig_read(void *ctx, struct td_cbor_text path, uint64_t off, uint8_t *dst,
                                   size_t len, size_t *got)
{
    struct groups_rig *rig = ctx;
    struct rig_file *file = rig_find(rig, path);

    if (rig->read_err != TD_OK)
        return rig->read_err;
    if (file == NULL)
        return TD_ENOTFOUND;
    *got = off >= file->len ? 0 : file->len - (size_t)off;
    if (*got > len)
        *got = len;
    if (*got > 0)
        memcpy(dst, file->bytes + off, *got);
    return TD_OK;
}

static inline enum td_err rig_write(void *ctx, struct td_cbor_text path, uint64_t off,
                                    const uint8_t *src, size_t len)
{
    struct groups_rig *rig = ctx;
    struct rig_file *file = rig_find(rig, path);
    enum td_err err = rig_path(path);

    if (err != TD_OK || rig->write_err != TD_OK)
        return err != TD_OK ? err : rig->write_err;
    for (unsigned i = 0; file == NULL && i < RIG_FILES; i++)
        if (rig->files[i].name_len == 0) {
            file = &rig->files[i];
            memcpy(file->name, path.p, path.len);
            file->name_len = path.len;
            file->len = 0;
        }
    if (off != 0 && (file == NULL || off != file->len))
        rig->holes++;
    if (file == NULL || off > file->len || len > RIG_FILE_MAX - (size_t)off)
        return TD_ENOSPC;
    if (len > 0)
        memcpy(file->bytes + off, src, len);
    file->len = (size_t)off + len;
    return TD_OK;
}

static inline void rig_close(void *ctx)
{
    ((struct groups_rig *)ctx)->closes++;
}

static inline uint32_t rig_now(void *ctx)
{
    return ((struct groups_rig *)ctx)->now_ms;
}

/* ---- settings, statistics, shell, clock, lists ------------------------------------------- */

static const struct td_cbor_text rig_setting = TD_TEXT_INIT("led/color");

static inline enum td_err rig_get(void *ctx, struct td_cbor_text name, uint8_t *val, size_t cap,
                                  size_t *len)
{
    struct groups_rig *rig = ctx;

    if (!rig->value_there || !td_cbor_text_is(name, rig_setting))
        return TD_ENOTFOUND;
    *len = rig->value_len;
    if (cap > 0)
        memcpy(val, rig->value, *len < cap ? *len : cap);
    return *len > cap ? TD_ESPACE : TD_OK;
}

static inline enum td_err rig_set(void *ctx, struct td_cbor_text name, const uint8_t *val,
                                  size_t len)
{
    struct groups_rig *rig = ctx;

    if (td_cbor_text_is(name, TD_TEXT("led/fixed")))
        return TD_EUNSUPPORTED;
    if (!td_cbor_text_is(name, rig_setting))
        return TD_ENOTFOUND;
    if (len > sizeof rig->value)
        return TD_ENOSPC;
    if (len > 0)
        memcpy(rig->value, val, len);
    rig->value_len = len;
    rig->value_there = true;
    return TD_OK;
}

static inline enum td_err rig_remove(void *ctx, struct td_cbor_text name)
{
    struct groups_rig *rig = ctx;

    if (td_cbor_text_is(name, TD_TEXT("led/fixed")))
        return TD_EUNSUPPORTED;
    if (!rig->value_there || !td_cbor_text_is(name, rig_setting))
        return TD_ENOTFOUND;
    rig->value_there = false;
    return TD_OK;
}

static inline enum td_err rig_commit(void *ctx)
{
    ((struct groups_rig *)ctx)->commits++;
    return TD_OK;
}

static inline enum td_err rig_load(void *ctx)
{
    ((struct groups_rig *)ctx)->loads++;
    return TD_OK;
}

static inline enum td_err rig_save(void *ctx, struct td_cbor_text subtree)
{
    struct groups_rig *rig = ctx;

    if (rig->save_err != TD_OK)
        return rig->save_err;
    rig->saves++;
    if (subtree.len > 0)
        memcpy(rig->saved, subtree.p, subtree.len);
    rig->saved_len = subtree.len;
    return TD_OK;
}

static inline uint64_t rig_value(void *ctx, unsigned field)
{
    (void)ctx;
    return field == 0 ? 1 : (uint64_t)1 << 40;
}

/* Prints the line as often as it takes, and returns how long it was, negative. */
static inline int32_t rig_run(void *ctx, struct td_cbor_text line, char *out, size_t cap,
                              size_t *len)
{
    struct groups_rig *rig = ctx;

    memcpy(rig->line, line.p, line.len);
    rig->line_len = line.len;
    *len = rig->output_len < cap ? rig->output_len : cap;
    for (size_t i = 0; i < *len; i++)
        out[i] = line.p[i % line.len];
    return -(int32_t)line.len;
}

static inline enum td_err rig_clock_get(void *ctx, int64_t *ms)
{
    struct groups_rig *rig = ctx;

    if (rig->clock_fails)
        return TD_EREAD;
    *ms = rig->clock_ms;
    return rig->clock_set ? TD_OK : TD_ESTATE;
}

static inline enum td_err rig_clock_set(void *ctx, int64_t ms)
{
    struct groups_rig *rig = ctx;

    if (rig->clock_fails)
        return TD_EREAD;
    rig->clock_ms = ms;
    rig->clock_set = true;
    return TD_OK;
}

static inline bool rig_task(void *ctx, unsigned i, struct td_os_task *task)
{
    *task = (struct td_os_task){
        .name = TD_TEXT("mcumgr smp"),
        .prio = 3,
        .tid = i,
        .state = 128,
        .stack_words = 512,
        .stack_used_words = 6,
    };
    return i < ((struct groups_rig *)ctx)->n_tasks;
}

static inline bool rig_pool(void *ctx, unsigned i, struct td_os_pool *pool)
{
    (void)ctx;
    *pool = (struct td_os_pool){ TD_TEXT("heap"), 16, 128, 100, 70 };
    return i < 2;
}

/* ---- the server -------------------------------------------------------------------------- */

static const struct td_server_facts rig_facts = {
    .kernel = TD_TEXT_INIT("Zephyr"),
    .node = TD_TEXT_INIT("unknown"),
    .release = TD_TEXT_INIT("684c9e8f32e4"),
    .version = TD_TEXT_INIT("4.4.0"),
    .built = TD_TEXT_INIT("Wed Jun  3 22:19:37 2026"),
    .machine = TD_TEXT_INIT("posix"),
    .processor = TD_TEXT_INIT("x86"),
    .platform = TD_TEXT_INIT("native_sim/native"),
    .os = TD_TEXT_INIT("Zephyr"),
};

static const struct td_cbor_text rig_fields[] = { TD_TEXT_INIT("ticks"), TD_TEXT_INIT("bytes") };

/* In the order in which Zephyr's native_sim build tells them. */
static const struct td_server_group *const rig_groups[] = {
    &td_server_group_enum,     &td_server_group_fs,    &td_server_group_os_old,
    &td_server_group_settings, &td_server_group_shell, &td_server_group_stat,
    &td_server_group_basic,
};

static inline void groups_rig_init(struct groups_rig *rig, const struct td_server_manner *manner)
{
    static struct td_server_clock clock;

    memset(rig, 0, sizeof *rig);
    clock = (struct td_server_clock){ rig_clock_get, rig_clock_set, rig };
    rig->os = (struct td_server_os){ &rig_facts, &clock, rig_task, rig_pool, rig };
    rig->settings = (struct td_server_settings){
        .get = rig_get,
        .set = rig_set,
        .remove = rig_remove,
        .commit = rig_commit,
        .load = rig_load,
        .save = rig_save,
        .ctx = rig,
    };
    rig->file_system = (struct td_server_files){
        .size = rig_size,
        .read = rig_read,
        .write = rig_write,
        .close = rig_close,
        .ctx = rig,
    };
    rig->shell = (struct td_server_shell){ .run = rig_run, .ctx = rig };
    rig->stats[0] = (struct td_server_stat){
        TD_TEXT("flash_sim_stats"), rig_fields, 2, rig_value, rig,
    };
    rig->stats[1] = (struct td_server_stat){
        TD_TEXT("flash_sim_thresholds"), rig_fields, 0, rig_value, rig,
    };
    rig->stats[2] = (struct td_server_stat){
        TD_TEXT("smp_svr_stats"), rig_fields, 1, rig_value, rig,
    };
    rig->cfg = (struct td_server_config){
        .manner = manner,
        .groups = rig_groups,
        .n_groups = TD_N_OF(rig_groups),
        .buf_size = RIG_RSP,
        .buf_count = 2,
        .access = td_server_access_open,
        .n_access = 1,
        .os = &rig->os,
        .stats = rig->stats,
        .n_stats = TD_N_OF(rig->stats),
        .settings = &rig->settings,
        .files = &rig->file_system,
        .shell = &rig->shell,
    };
    rig->n_tasks = 2;
    rig->link[0] = (struct td_server_link){ .authenticated = true };
    rig->link[1] = (struct td_server_link){ .authenticated = true };
    td_server_init(&rig->srv, &rig->cfg, rig->hold, sizeof rig->hold);
}

#endif
