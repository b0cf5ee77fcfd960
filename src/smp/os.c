#include "smp/os.h"

#include "base/range.h"

static void put_echo(struct td_cbor_writer *w, struct td_cbor_text key,
                     const struct td_os_echo *echo)
{
    td_cbor_open_map(w);
    if (echo->has_text) {
        td_cbor_put_text(w, key);
        td_cbor_put_text(w, echo->text);
    }
    td_cbor_close(w);
}

void td_os_echo_req_put(struct td_cbor_writer *w, const struct td_os_echo *req)
{
    put_echo(w, TD_TEXT("d"), req);
}

void td_os_echo_rsp_put(struct td_cbor_writer *w, const struct td_os_echo *rsp)
{
    put_echo(w, TD_TEXT("r"), rsp);
}

enum td_err td_os_echo_req_get(const uint8_t *payload, size_t len, struct td_os_echo *req)
{
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_TEXT("d", &req->text, &req->has_text) };

    *req = (struct td_os_echo){ .has_text = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

enum td_err td_os_echo_rsp_get(const uint8_t *payload, size_t len, struct td_os_echo *rsp)
{
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_TEXT("r", &rsp->text, &rsp->has_text) };

    *rsp = (struct td_os_echo){ .has_text = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_os_reset_req_put(struct td_cbor_writer *w, const struct td_os_reset_req *req)
{
    td_cbor_open_map(w);
    if (req->has_force) {
        td_cbor_key(w, "force");
        td_cbor_put_bool(w, req->force);
    }
    if (req->has_boot_mode) {
        td_cbor_key(w, "boot_mode");
        td_cbor_put_uint(w, req->boot_mode);
    }
    td_cbor_close(w);
}

enum td_err td_os_reset_req_get(const uint8_t *payload, size_t len, struct td_os_reset_req *req)
{
    const struct td_cbor_field as_bool[] = {
        TD_CBOR_FIELD_BOOL("force", &req->force, &req->has_force),
        TD_CBOR_FIELD_UINT("boot_mode", &req->boot_mode, &req->has_boot_mode),
    };
    uint32_t force = 0;
    const struct td_cbor_field as_number[] = {
        TD_CBOR_FIELD_UINT("force", &force, &req->has_force),
        TD_CBOR_FIELD_UINT("boot_mode", &req->boot_mode, &req->has_boot_mode),
    };
    enum td_err err;

    *req = (struct td_os_reset_req){ .has_force = false };
    err = td_smp_get_map(payload, len, as_bool, TD_N_OF(as_bool));
    if (err != TD_EFORMAT)
        return err;
    *req = (struct td_os_reset_req){ .has_force = false };
    err = td_smp_get_map(payload, len, as_number, TD_N_OF(as_number));
    req->force = force != 0;
    return err;
}

void td_os_params_rsp_put(struct td_cbor_writer *w, const struct td_os_params_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_buf_size) {
        td_cbor_key(w, "buf_size");
        td_cbor_put_uint(w, rsp->buf_size);
    }
    if (rsp->has_buf_count) {
        td_cbor_key(w, "buf_count");
        td_cbor_put_uint(w, rsp->buf_count);
    }
    td_cbor_close(w);
}

enum td_err td_os_params_rsp_get(const uint8_t *payload, size_t len, struct td_os_params_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("buf_size", &rsp->buf_size, &rsp->has_buf_size),
        TD_CBOR_FIELD_UINT("buf_count", &rsp->buf_count, &rsp->has_buf_count),
    };

    *rsp = (struct td_os_params_rsp){ .has_buf_size = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_os_bootloader_req_put(struct td_cbor_writer *w, const struct td_os_bootloader_req *req)
{
    td_cbor_open_map(w);
    if (req->has_query) {
        td_cbor_key(w, "query");
        td_cbor_put_text(w, req->query);
    }
    td_cbor_close(w);
}

enum td_err td_os_bootloader_req_get(const uint8_t *payload, size_t len,
                                     struct td_os_bootloader_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("query", &req->query, &req->has_query),
    };

    *req = (struct td_os_bootloader_req){ .has_query = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_os_bootloader_rsp_put(struct td_cbor_writer *w, const struct td_os_bootloader_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_name) {
        td_cbor_key(w, "bootloader");
        td_cbor_put_text(w, rsp->name);
    }
    if (rsp->has_mode) {
        td_cbor_key(w, "mode");
        td_cbor_put_int(w, rsp->mode);
    }
    if (rsp->has_no_downgrade) {
        td_cbor_key(w, "no-downgrade");
        td_cbor_put_bool(w, rsp->no_downgrade);
    }
    if (rsp->has_active) {
        td_cbor_key(w, "active");
        td_cbor_put_uint(w, rsp->active);
    }
    td_cbor_close(w);
}

enum td_err td_os_bootloader_rsp_get(const uint8_t *payload, size_t len,
                                     struct td_os_bootloader_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("bootloader", &rsp->name, &rsp->has_name),
        TD_CBOR_FIELD_INT("mode", &rsp->mode, &rsp->has_mode),
        TD_CBOR_FIELD_BOOL("no-downgrade", &rsp->no_downgrade, &rsp->has_no_downgrade),
        TD_CBOR_FIELD_UINT("active", &rsp->active, &rsp->has_active),
    };

    *rsp = (struct td_os_bootloader_rsp){ .has_name = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

/* ---- clock and names ------------------------------------------------------------------ */

void td_os_datetime_put(struct td_cbor_writer *w, const struct td_os_datetime *datetime)
{
    td_cbor_open_map(w);
    if (datetime->has_text) {
        td_cbor_key(w, "datetime");
        td_cbor_put_text(w, datetime->text);
    }
    td_cbor_close(w);
}

enum td_err td_os_datetime_get(const uint8_t *payload, size_t len, struct td_os_datetime *datetime)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("datetime", &datetime->text, &datetime->has_text),
    };

    *datetime = (struct td_os_datetime){ .has_text = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_os_info_req_put(struct td_cbor_writer *w, const struct td_os_info_req *req)
{
    td_cbor_open_map(w);
    if (req->has_format) {
        td_cbor_key(w, "format");
        td_cbor_put_text(w, req->format);
    }
    td_cbor_close(w);
}

enum td_err td_os_info_req_get(const uint8_t *payload, size_t len, struct td_os_info_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("format", &req->format, &req->has_format),
    };

    *req = (struct td_os_info_req){ .has_format = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_os_info_rsp_put(struct td_cbor_writer *w, const struct td_os_info_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_output) {
        td_cbor_key(w, "output");
        td_cbor_put_text(w, rsp->output);
    }
    td_cbor_close(w);
}

enum td_err td_os_info_rsp_get(const uint8_t *payload, size_t len, struct td_os_info_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("output", &rsp->output, &rsp->has_output),
    };

    *rsp = (struct td_os_info_rsp){ .has_output = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

/* ---- threads and memory --------------------------------------------------------------- */

static void put_number(struct td_cbor_writer *w, struct td_cbor_text key, uint64_t value)
{
    td_cbor_put_text(w, key);
    td_cbor_put_uint64(w, value);
}

void td_os_tasks_put_begin(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "tasks");
    td_cbor_open_map(w);
}

void td_os_tasks_put(struct td_cbor_writer *w, const struct td_os_task *task)
{
    td_cbor_put_text(w, task->name);
    td_cbor_open_map(w);
    td_cbor_key(w, "prio");
    td_cbor_put_int(w, task->prio);
    put_number(w, TD_TEXT("tid"), task->tid);
    put_number(w, TD_TEXT("state"), task->state);
    put_number(w, TD_TEXT("stksiz"), task->stack_words);
    put_number(w, TD_TEXT("stkuse"), task->stack_used_words);
    if (task->runtime != 0)
        put_number(w, TD_TEXT("runtime"), task->runtime);
    td_cbor_close(w);
}

void td_os_tasks_put_end(struct td_cbor_writer *w)
{
    td_cbor_close(w);
    td_cbor_close(w);
}

void td_os_pools_put_begin(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
}

void td_os_pools_put(struct td_cbor_writer *w, const struct td_os_pool *pool)
{
    td_cbor_put_text(w, pool->name);
    td_cbor_open_map(w);
    put_number(w, TD_TEXT("blksiz"), pool->block_size);
    put_number(w, TD_TEXT("nblks"), pool->blocks);
    put_number(w, TD_TEXT("nfree"), pool->free_blocks);
    put_number(w, TD_TEXT("min"), pool->least_free);
    td_cbor_close(w);
}

void td_os_pools_put_end(struct td_cbor_writer *w)
{
    td_cbor_close(w);
}

/* A number by name; thread ids may be addresses, run times count cycles: 64 bits. */
struct number {
    struct td_cbor_text key;
    int64_t *to;
};

static enum td_err get_number(struct td_cbor_reader *r, int64_t *out)
{
    struct td_cbor_item item;
    enum td_err err = td_cbor_next(r, &item);

    if (err != TD_OK)
        return err;
    if ((item.type != TD_CBOR_UINT && item.type != TD_CBOR_NINT) || item.value > INT64_MAX)
        return TD_EFORMAT;
    *out = item.type == TD_CBOR_UINT ? (int64_t)item.value : -1 - (int64_t)item.value;
    return TD_OK;
}

static enum td_err get_named(struct td_cbor_reader *r, const struct number *numbers, size_t n)
{
    struct td_cbor_text key;
    size_t i = 0;
    enum td_err err = td_cbor_get_text(r, &key);

    if (err != TD_OK)
        return err;
    while (i < n && !td_cbor_text_is(key, numbers[i].key))
        i++;
    return i < n ? get_number(r, numbers[i].to) : td_cbor_skip(r);
}

/* The next entry of a map of maps; numbers whose key is absent keep what they hold. */
static enum td_err get_entry(struct td_os_walk *w, struct td_cbor_text *name,
                             const struct number *numbers, size_t n, bool *end)
{
    struct td_cbor_walk inner;
    bool more;
    enum td_err err = td_cbor_more(&w->reader, &w->walk, &more);

    *end = err == TD_OK && !more;
    if (err != TD_OK || *end)
        return err;
    err = td_cbor_get_text(&w->reader, name);
    if (err == TD_OK)
        err = td_cbor_map_begin(&w->reader, &inner);
    while (err == TD_OK) {
        err = td_cbor_more(&w->reader, &inner, &more);
        if (err != TD_OK || !more)
            break;
        err = get_named(&w->reader, numbers, n);
    }
    return err;
}

static enum td_err begin_under(const uint8_t *payload, size_t len, struct td_cbor_text key,
                               struct td_os_walk *w, bool *found)
{
    const struct td_cbor_field fields[] = {
        { key, TD_CBOR_KIND_MAP, { .reader = &w->reader }, found },
    };
    enum td_err err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));

    if (err == TD_OK && *found)
        err = td_cbor_map_begin(&w->reader, &w->walk);
    return err;
}

enum td_err td_os_tasks_get_begin(const uint8_t *payload, size_t len, struct td_os_walk *walk)
{
    bool found;
    enum td_err err = begin_under(payload, len, TD_TEXT("tasks"), walk, &found);

    return err == TD_OK && !found ? TD_EFORMAT : err;
}

enum td_err td_os_tasks_get(struct td_os_walk *walk, struct td_os_task *task, bool *end)
{
    int64_t prio = 0, tid = 0, state = 0, size = 0, used = 0, runtime = 0;
    const struct number numbers[] = {
        { TD_TEXT("prio"), &prio },   { TD_TEXT("tid"), &tid },
        { TD_TEXT("state"), &state }, { TD_TEXT("stksiz"), &size },
        { TD_TEXT("stkuse"), &used }, { TD_TEXT("runtime"), &runtime },
    };
    struct td_cbor_text name = { NULL, 0 };
    enum td_err err = get_entry(walk, &name, numbers, TD_N_OF(numbers), end);

    if (err != TD_OK || *end)
        return err;
    *task = (struct td_os_task){ .name = name,
                                 .prio = prio,
                                 .tid = (uint64_t)tid,
                                 .state = (uint64_t)state,
                                 .stack_words = (uint64_t)size,
                                 .stack_used_words = (uint64_t)used,
                                 .runtime = (uint64_t)runtime };
    return TD_OK;
}

enum td_err td_os_pools_get_begin(const uint8_t *payload, size_t len, struct td_os_walk *walk)
{
    bool found;
    enum td_err err = begin_under(payload, len, TD_TEXT("mpools"), walk, &found);

    if (err != TD_OK || found)
        return err;
    if (len == 0)
        return TD_EFORMAT;
    walk->reader = td_cbor_reader_of(payload, len);
    return td_cbor_map_begin(&walk->reader, &walk->walk);
}

enum td_err td_os_pools_get(struct td_os_walk *walk, struct td_os_pool *pool, bool *end)
{
    int64_t size = 0, blocks = 0, free = 0, least = 0;
    const struct number numbers[] = {
        { TD_TEXT("blksiz"), &size },
        { TD_TEXT("nblks"), &blocks },
        { TD_TEXT("nfree"), &free },
        { TD_TEXT("min"), &least },
    };
    struct td_cbor_text name = { NULL, 0 };
    enum td_err err = get_entry(walk, &name, numbers, TD_N_OF(numbers), end);

    if (err != TD_OK || *end)
        return err;
    *pool = (struct td_os_pool){ .name = name,
                                 .block_size = (uint64_t)size,
                                 .blocks = (uint64_t)blocks,
                                 .free_blocks = (uint64_t)free,
                                 .least_free = (uint64_t)least };
    return TD_OK;
}
