/*
 * client/requests.c - a request as data into a body, an answer's body into values.
 *
 * A kind of request is a row: where it goes, how patient to be, and how its answer is read.
 */
#include "client/requests.h"

#include <string.h>

#include "client/reply_priv.h"
#include "smp/basic.h"
#include "smp/enum.h"
#include "smp/fs.h"
#include "smp/settings.h"
#include "smp/shell.h"
#include "smp/stat.h"

/* ---- requests -------------------------------------------------------------------------- */

static void put_os(struct td_cbor_writer *w, const struct td_request *req)
{
    struct td_os_echo echo = { .has_text = true, .text = req->text };
    struct td_os_bootloader_req query = { .has_query = req->text.len > 0, .query = req->text };
    struct td_os_datetime datetime = { .has_text = true, .text = req->text };
    struct td_os_info_req info = { .has_format = req->text.len > 0, .format = req->text };

    switch (req->kind) {
    case TD_REQ_ECHO: td_os_echo_req_put(w, &echo); break;
    case TD_REQ_RESET: td_os_reset_req_put(w, &req->reset); break;
    case TD_REQ_BOOTLOADER: td_os_bootloader_req_put(w, &query); break;
    case TD_REQ_SET_DATETIME: td_os_datetime_put(w, &datetime); break;
    case TD_REQ_INFO: td_os_info_req_put(w, &info); break;
    default: td_smp_put_empty(w); break;
    }
}

static void put_image(struct td_cbor_writer *w, const struct td_request *req)
{
    struct td_img_state_req state = { .has_hash = req->hash_len > 0 || req->empty_hash,
                                      .hash = { req->hash, req->hash_len },
                                      .has_confirm = true,
                                      .confirm = req->kind == TD_REQ_IMAGE_CONFIRM };
    struct td_img_erase_req erase = { .has_slot = req->has_slot, .slot = req->slot };

    switch (req->kind) {
    case TD_REQ_IMAGE_TEST:
    case TD_REQ_IMAGE_CONFIRM: td_img_state_req_put(w, &state); break;
    case TD_REQ_IMAGE_ERASE: td_img_erase_req_put(w, &erase); break;
    default: td_smp_put_empty(w); break;
    }
}

static void put_stat(struct td_cbor_writer *w, const struct td_request *req)
{
    struct td_stat_show_req show = { .has_name = true, .name = req->text };

    if (req->kind == TD_REQ_STAT)
        td_stat_show_req_put(w, &show);
    else
        td_smp_put_empty(w);
}

static void put_settings(struct td_cbor_writer *w, const struct td_request *req)
{
    struct td_settings_read_req read = {
        .has_name = true, .name = req->text, .has_max_size = req->max > 0, .max_size = req->max
    };
    struct td_settings_write_req write = {
        .has_name = true, .name = req->text, .has_val = true, .val = req->value
    };
    struct td_settings_name_req name = { .has_name = req->text.len > 0, .name = req->text };

    switch (req->kind) {
    case TD_REQ_SETTING_GET: td_settings_read_req_put(w, &read); break;
    case TD_REQ_SETTING_SET: td_settings_write_req_put(w, &write); break;
    case TD_REQ_SETTING_DELETE:
    case TD_REQ_SETTINGS_SAVE: td_settings_name_req_put(w, &name); break;
    default: td_smp_put_empty(w); break;
    }
}

static void put_fs(struct td_cbor_writer *w, const struct td_request *req)
{
    struct td_fs_status_req status = { .has_name = true, .name = req->text };
    struct td_fs_hash_req hash = { .has_name = true,
                                   .name = req->text,
                                   .has_type = req->hash_type.len > 0,
                                   .type = req->hash_type,
                                   .has_off = req->off > 0,
                                   .off = req->off,
                                   .has_len = req->max > 0,
                                   .len = req->max };

    switch (req->kind) {
    case TD_REQ_FILE_STATUS: td_fs_status_req_put(w, &status); break;
    case TD_REQ_FILE_HASH: td_fs_hash_req_put(w, &hash); break;
    default: td_smp_put_empty(w); break;
    }
}

static void put_shell(struct td_cbor_writer *w, const struct td_request *req)
{
    td_shell_exec_put_begin(w);
    for (uint8_t i = 0; i < req->n_argv; i++)
        td_shell_exec_put(w, req->argv[i]);
    td_shell_exec_put_end(w);
}

static void put_enum(struct td_cbor_writer *w, const struct td_request *req)
{
    struct td_enum_single_req at = { .has_index = true, .index = req->off };

    if (req->kind == TD_REQ_GROUP_AT)
        td_enum_single_req_put(w, &at);
    else
        td_smp_put_empty(w);
}

static void put_tandem(struct td_cbor_writer *w, const struct td_request *req)
{
    struct td_tandem_req page = { .has_off = req->off > 0, .off = req->off };

    td_tandem_req_put(w, &page);
}

static void put_nothing(struct td_cbor_writer *w, const struct td_request *req)
{
    (void)req;
    td_smp_put_empty(w);
}

static enum td_err raw_body(const struct td_request *req, uint8_t *out, size_t cap, size_t *len)
{
    if (req->raw.len > cap)
        return TD_ESPACE;
    if (req->raw.len > 0)
        memcpy(out, req->raw.body, req->raw.len);
    *len = req->raw.len;
    return TD_OK;
}

/* ---- the table ------------------------------------------------------------------------- */

static const struct {
    uint8_t op;
    uint16_t group;
    uint8_t id;
    enum td_patience patience;
    void (*put)(struct td_cbor_writer *w, const struct td_request *req);
    td_reply_fn *read;
} kinds[] = {
    [TD_REQ_ECHO] = { TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_ECHO, TD_PATIENCE_NORMAL, put_os,
                      td_reply_echo },
    [TD_REQ_RESET] = { TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_RESET, TD_PATIENCE_ONCE, put_os,
                       td_reply_nothing },
    [TD_REQ_PARAMS] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_PARAMS, TD_PATIENCE_NORMAL, put_os,
                        td_reply_params },
    [TD_REQ_BOOTLOADER] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_BOOTLOADER, TD_PATIENCE_NORMAL,
                            put_os, td_reply_bootloader },
    [TD_REQ_TASKS] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_TASKS, TD_PATIENCE_NORMAL, put_os,
                       td_reply_tasks },
    [TD_REQ_POOLS] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_POOLS, TD_PATIENCE_NORMAL, put_os,
                       td_reply_pools },
    [TD_REQ_DATETIME] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME, TD_PATIENCE_NORMAL, put_os,
                          td_reply_datetime },
    [TD_REQ_SET_DATETIME] = { TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_DATETIME, TD_PATIENCE_NORMAL,
                              put_os, td_reply_nothing },
    [TD_REQ_INFO] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_INFO, TD_PATIENCE_NORMAL, put_os,
                      td_reply_info },
    [TD_REQ_GROUPS] = { TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_DETAILS, TD_PATIENCE_NORMAL,
                        put_enum, td_reply_groups },
    [TD_REQ_GROUP_NUMBERS] = { TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_LIST, TD_PATIENCE_NORMAL,
                               put_enum, td_reply_groups },
    [TD_REQ_IMAGE_LIST] = { TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, TD_PATIENCE_NORMAL,
                            put_image, td_reply_images },
    [TD_REQ_IMAGE_TEST] = { TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, TD_PATIENCE_NORMAL,
                            put_image, td_reply_images },
    [TD_REQ_IMAGE_CONFIRM] = { TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, TD_PATIENCE_NORMAL,
                               put_image, td_reply_images },
    [TD_REQ_IMAGE_ERASE] = { TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, TD_PATIENCE_ERASE,
                             put_image, td_reply_nothing },
    [TD_REQ_SLOT_INFO] = { TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_SLOT_INFO, TD_PATIENCE_NORMAL,
                           put_image, td_reply_slots },
    [TD_REQ_STORAGE_ERASE] = { TD_SMP_WRITE, TD_SMP_GROUP_BASIC, TD_BASIC_STORAGE_ERASE,
                               TD_PATIENCE_ERASE, put_nothing, td_reply_nothing },
    [TD_REQ_WHY] = { TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_WHY, TD_PATIENCE_NORMAL,
                     put_tandem, td_reply_why },
    [TD_REQ_ACCEPTS] = { TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_ACCEPTS, TD_PATIENCE_NORMAL,
                         put_tandem, td_reply_accepts },
    [TD_REQ_GROUP_COUNT] = { TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_COUNT, TD_PATIENCE_NORMAL,
                             put_enum, td_reply_count },
    [TD_REQ_GROUP_AT] = { TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_SINGLE, TD_PATIENCE_NORMAL,
                          put_enum, td_reply_group_at },
    [TD_REQ_STAT_LIST] = { TD_SMP_READ, TD_SMP_GROUP_STAT, TD_STAT_LIST, TD_PATIENCE_NORMAL,
                           put_stat, td_reply_stat_names },
    [TD_REQ_STAT] = { TD_SMP_READ, TD_SMP_GROUP_STAT, TD_STAT_SHOW, TD_PATIENCE_NORMAL, put_stat,
                      td_reply_stat },
    [TD_REQ_SETTING_GET] = { TD_SMP_READ, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_VALUE,
                             TD_PATIENCE_NORMAL, put_settings, td_reply_setting },
    [TD_REQ_SETTING_SET] = { TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_VALUE,
                             TD_PATIENCE_FLASH, put_settings, td_reply_nothing },
    [TD_REQ_SETTING_DELETE] = { TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_DELETE,
                                TD_PATIENCE_FLASH, put_settings, td_reply_nothing },
    [TD_REQ_SETTINGS_COMMIT] = { TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_COMMIT,
                                 TD_PATIENCE_FLASH, put_settings, td_reply_nothing },
    [TD_REQ_SETTINGS_LOAD] = { TD_SMP_READ, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_LOAD_SAVE,
                               TD_PATIENCE_FLASH, put_settings, td_reply_nothing },
    [TD_REQ_SETTINGS_SAVE] = { TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_LOAD_SAVE,
                               TD_PATIENCE_FLASH, put_settings, td_reply_nothing },
    [TD_REQ_FILE_STATUS] = { TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_STATUS, TD_PATIENCE_NORMAL, put_fs,
                             td_reply_file_size },
    [TD_REQ_FILE_HASH] = { TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_HASH, TD_PATIENCE_FLASH, put_fs,
                           td_reply_file_hash },
    [TD_REQ_FILE_HASH_TYPES] = { TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_TYPES, TD_PATIENCE_NORMAL,
                                 put_fs, td_reply_hash_types },
    [TD_REQ_FILE_CLOSE] = { TD_SMP_WRITE, TD_SMP_GROUP_FS, TD_FS_CLOSE, TD_PATIENCE_NORMAL, put_fs,
                            td_reply_nothing },
    [TD_REQ_SHELL] = { TD_SMP_WRITE, TD_SMP_GROUP_SHELL, TD_SHELL_EXEC, TD_PATIENCE_ONCE, put_shell,
                       td_reply_shell },
    [TD_REQ_UPLOAD_STATE] = { TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_UPLOAD,
                              TD_PATIENCE_NORMAL, put_nothing, td_reply_upload },
    [TD_REQ_RAW] = { 0, 0, 0, TD_PATIENCE_NORMAL, NULL, td_reply_raw },
};

static enum td_err write_body(const void *ctx, uint32_t arg, uint8_t *out, size_t cap, size_t *len)
{
    const struct td_request *req = ctx;
    struct td_cbor_writer w;

    (void)arg;
    if (req->kind == TD_REQ_RAW)
        return raw_body(req, out, cap, len);
    td_cbor_writer_init(&w, out, cap, TD_CBOR_DEFINITE);
    kinds[req->kind].put(&w, req);
    return td_cbor_done(&w, len);
}

/* ---- calls ----------------------------------------------------------------------------- */

/* A raw request is as patient as the typed one: a reset or a shell line is not repeated. */
static enum td_patience patience_of(uint8_t op, uint16_t group, uint8_t id)
{
    for (size_t i = 0; i < TD_REQ_RAW; i++)
        if (kinds[i].op == op && kinds[i].group == group && kinds[i].id == id)
            return kinds[i].patience;
    return TD_PATIENCE_NORMAL;
}

static struct td_ask ask_of(const struct td_request *req)
{
    struct td_ask ask = { .op = kinds[req->kind].op,
                          .group = kinds[req->kind].group,
                          .id = kinds[req->kind].id,
                          .patience = req->probe ? TD_PATIENCE_PROBE : kinds[req->kind].patience,
                          .body = write_body,
                          .ctx = req };

    if (req->kind == TD_REQ_RAW) {
        ask.op = req->raw.op;
        ask.group = req->raw.group;
        ask.id = req->raw.id;
        ask.patience = req->raw.once ? TD_PATIENCE_ONCE : patience_of(ask.op, ask.group, ask.id);
    }
    return ask;
}

static void end_with(struct td_call *call, enum td_err err)
{
    call->reply.failure.err = err;
    call->place = -1;
    call->done = true;
}

void td_call_start(struct td_call *call, struct td_session *session, const struct td_request *req,
                   uint64_t now_ms)
{
    struct td_ask ask;

    memset(call, 0, sizeof(*call));
    call->session = session;
    call->request = *req;
    ask = ask_of(&call->request);
    call->reply.failure.group = ask.group;
    call->place = td_session_ask(session, &ask, now_ms);
    if (call->place < 0)
        end_with(call, TD_EBUSY);
}

static td_reply_fn *reader_of(const struct td_request *req)
{
    if (req->kind == TD_REQ_BOOTLOADER && req->text.len == 0)
        return td_reply_bootloader_name;
    return kinds[req->kind].read;
}

bool td_call_answer(struct td_call *call, const struct td_answer *answer)
{
    struct td_failure *f = &call->reply.failure;

    if (call->done || answer->place != call->place)
        return false;
    end_with(call, answer->err);
    if (answer->err != TD_OK)
        return true;
    if (!answer->own_rc)
        f->err = td_failure_read(answer->body, answer->len, f);
    if (f->err == TD_OK)
        f->err = reader_of(&call->request)(answer->body, answer->len, &call->reply);
    return true;
}

size_t td_call_send(struct td_call *call, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    size_t len = td_session_send(call->session, now_ms, buf, cap);
    struct td_answer answer;

    while (td_session_expired(call->session, now_ms, &answer))
        td_call_answer(call, &answer);
    return len;
}

void td_call_receive(struct td_call *call, uint64_t now_ms, const uint8_t *buf, size_t len)
{
    struct td_answer answer;

    if (td_session_receive(call->session, now_ms, buf, len, &answer))
        td_call_answer(call, &answer);
}

void td_call_link(struct td_call *call, bool up)
{
    td_session_link(call->session, up);
    if (!up && !call->done)
        end_with(call, TD_ELINKDOWN);
}

uint64_t td_call_wake_ms(const struct td_call *call)
{
    return call->done ? TD_NEVER : td_session_wake_ms(call->session);
}
