/*
 * smp/codec_fuzz.c - every codec over any payload: what is taken can be written and read again
 * with the same result, and whatever comes, nothing is read outside the payload.
 *
 * The first byte chooses the codec (bits 0..2 and 4) and the style (bit 3); the rest is the
 * payload, copied so that the sanitizer sees a byte too far.
 */
#include <stdlib.h>
#include <string.h>

#include "smp/enum.h"
#include "smp/error.h"
#include "smp/fs.h"
#include "smp/image.h"
#include "smp/os.h"
#include "smp/settings.h"
#include "smp/shell.h"
#include "smp/stat.h"
#include "smp/tandem.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static uint8_t out[70000];
static enum td_cbor_style style;

static struct td_cbor_writer begin(void)
{
    struct td_cbor_writer w;

    td_cbor_writer_init(&w, out, sizeof out, style);
    return w;
}

static size_t done(const struct td_cbor_writer *w)
{
    size_t len;

    MUST(td_cbor_done(w, &len) == TD_OK);
    return len;
}

static void touch(const void *bytes, size_t len)
{
    volatile uint8_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]);
}

static void status(const uint8_t *p, size_t n)
{
    struct td_smp_status s, back;
    struct td_cbor_writer w = begin();

    if (td_smp_status_decode(p, n, &s) != TD_OK)
        return;
    touch(s.reason.p, s.reason.len);
    MUST(td_smp_status_name(&s) != NULL && td_smp_status_text(&s) != NULL);
    if (s.of_group)
        td_smp_put_group_error(&w, s.group, s.code, s.reason);
    else
        td_smp_put_rc(&w, s.code, s.reason);
    MUST(td_smp_status_decode(out, done(&w), &back) == TD_OK);
    MUST(back.of_group == s.of_group && back.code == s.code && back.group == s.group);
    MUST(td_cbor_text_is(back.reason, s.reason));
}

static void list(const uint8_t *p, size_t n)
{
    struct td_img_list l;
    struct td_img_entry e, first = { .slot = 0 };
    struct td_cbor_writer w = begin();
    bool end = false, any = false;

    if (td_img_list_get_begin(p, n, &l) != TD_OK)
        return;
    td_img_list_put_begin(&w);
    while (td_img_list_get(&l, &e, &end) == TD_OK && !end) {
        struct td_version v;

        touch(e.hash.p, e.hash.len);
        (void)td_img_version_parse(e.version, &v);
        MUST(e.hash.len <= TD_IMG_HASH_MAX);
        if (!any)
            first = e;
        any = true;
        td_img_list_put(&w, &e, style == TD_CBOR_INDEFINITE);
    }
    td_img_list_put_end(&w, true);
    if (w.err != TD_OK)
        return;
    MUST(td_img_list_get_begin(out, done(&w), &l) == TD_OK);
    MUST(td_img_list_get(&l, &e, &end) == TD_OK && end == !any);
    if (any)
        MUST(e.slot == first.slot && e.active == first.active && e.has_hash == first.has_hash &&
             td_cbor_text_is(e.version, first.version));
}

static void slots(const uint8_t *p, size_t n)
{
    struct td_img_slots s;
    struct td_img_slots_image image;
    struct td_img_slot slot;
    bool end = false, inner;

    if (td_img_slots_get_begin(p, n, &s) != TD_OK)
        return;
    while (td_img_slots_get_image(&s, &image, &end) == TD_OK && !end) {
        inner = false;
        while (td_img_slots_get(&image, &slot, &inner) == TD_OK && !inner)
            touch(&slot.slot, sizeof slot.slot);
    }
}

static void upload(const uint8_t *p, size_t n)
{
    struct td_img_upload_req req, back;
    struct td_cbor_writer w = begin();

    if (td_img_upload_req_get(p, n, &req) != TD_OK)
        return;
    touch(req.data.p, req.data.len);
    touch(req.sha.p, req.sha.len);
    td_img_upload_req_put(&w, &req);
    MUST(td_img_upload_req_get(out, done(&w), &back) == TD_OK);
    MUST(back.has_off == req.has_off && back.off == req.off && back.data.len == req.data.len);
    MUST(back.sha.len == req.sha.len && back.has_upgrade == req.has_upgrade);
}

static void image_small(const uint8_t *p, size_t n)
{
    struct td_img_upload_rsp rsp, rsp_back;
    struct td_img_state_req state, state_back;
    struct td_img_erase_req erase, erase_back;
    struct td_cbor_writer w = begin();

    if (td_img_upload_rsp_get(p, n, &rsp) == TD_OK) {
        td_img_upload_rsp_put(&w, &rsp);
        MUST(td_img_upload_rsp_get(out, done(&w), &rsp_back) == TD_OK);
        MUST(rsp_back.off == rsp.off && rsp_back.match == rsp.match);
    }
    w = begin();
    if (td_img_state_req_get(p, n, &state) == TD_OK) {
        td_img_state_req_put(&w, &state);
        MUST(td_img_state_req_get(out, done(&w), &state_back) == TD_OK);
        MUST(state_back.hash.len == state.hash.len && state_back.confirm == state.confirm);
    }
    w = begin();
    if (td_img_erase_req_get(p, n, &erase) == TD_OK) {
        td_img_erase_req_put(&w, &erase);
        MUST(td_img_erase_req_get(out, done(&w), &erase_back) == TD_OK);
        MUST(erase_back.slot == erase.slot);
    }
}

/* What clients only read: nothing is read outside, and walks end. */
static void os_lists(const uint8_t *p, size_t n)
{
    struct td_os_walk walk;
    struct td_os_task task;
    struct td_os_pool pool;
    struct td_os_datetime datetime;
    struct td_os_info_rsp info;
    struct td_enum_groups groups;
    struct td_enum_group group;
    bool end = false;

    if (td_os_tasks_get_begin(p, n, &walk) == TD_OK)
        while (td_os_tasks_get(&walk, &task, &end) == TD_OK && !end)
            touch(task.name.p, task.name.len);
    if (td_os_pools_get_begin(p, n, &walk) == TD_OK)
        while (td_os_pools_get(&walk, &pool, &end) == TD_OK && !end)
            touch(pool.name.p, pool.name.len);
    if (td_enum_groups_get_begin(p, n, &groups) == TD_OK)
        while (td_enum_groups_get(&groups, &group, &end) == TD_OK && !end)
            if (group.has_name)
                touch(group.name.p, group.name.len);
    if (td_os_datetime_get(p, n, &datetime) == TD_OK && datetime.has_text)
        touch(datetime.text.p, datetime.text.len);
    if (td_os_info_rsp_get(p, n, &info) == TD_OK && info.has_output)
        touch(info.output.p, info.output.len);
}

static void os(const uint8_t *p, size_t n)
{
    struct td_os_echo echo, echo_back;
    struct td_os_reset_req reset;
    struct td_os_params_rsp params;
    struct td_os_bootloader_req query;
    struct td_os_bootloader_rsp loader, loader_back;
    struct td_cbor_writer w = begin();

    if (td_os_echo_req_get(p, n, &echo) == TD_OK) {
        td_os_echo_req_put(&w, &echo);
        MUST(td_os_echo_req_get(out, done(&w), &echo_back) == TD_OK);
        MUST(td_cbor_text_is(echo.text, echo_back.text));
    }
    os_lists(p, n);
    (void)td_os_echo_rsp_get(p, n, &echo);
    (void)td_os_reset_req_get(p, n, &reset);
    (void)td_os_params_rsp_get(p, n, &params);
    (void)td_os_bootloader_req_get(p, n, &query);
    w = begin();
    if (td_os_bootloader_rsp_get(p, n, &loader) == TD_OK) {
        td_os_bootloader_rsp_put(&w, &loader);
        MUST(td_os_bootloader_rsp_get(out, done(&w), &loader_back) == TD_OK);
        MUST(loader.mode == loader_back.mode && loader.active == loader_back.active);
    }
}

static void why(const uint8_t *p, size_t n)
{
    struct td_tandem_why y;
    struct td_verdict v, back;
    bool end = false;

    if (td_tandem_why_get_begin(p, n, &y) != TD_OK)
        return;
    while (td_tandem_why_get(&y, &v, &end) == TD_OK && !end) {
        struct td_cbor_writer w = begin();
        struct td_tandem_why again;

        td_tandem_why_put_begin(&w);
        td_tandem_why_put(&w, &v);
        td_tandem_why_put_end(&w, y.has_next, y.next);
        MUST(td_tandem_why_get_begin(out, done(&w), &again) == TD_OK);
        MUST(td_tandem_why_get(&again, &back, &end) == TD_OK && !end);
        MUST(td_verdict_same(&v, &back) && v.seq == back.seq && v.count == back.count);
    }
}

static void accepts(const uint8_t *p, size_t n)
{
    struct td_tandem_accepts a, back;
    struct td_tandem_upload upload, upload_back;
    struct td_cbor_writer w = begin();

    if (td_tandem_upload_get(p, n, &upload) == TD_OK) {
        td_tandem_upload_put(&w, &upload);
        MUST(td_tandem_upload_get(out, done(&w), &upload_back) == TD_OK);
        MUST(memcmp(&upload, &upload_back, sizeof upload) == 0);
    }
    w = begin();
    if (td_tandem_accepts_get(p, n, &a) != TD_OK)
        return;
    for (uint8_t i = 0; i < a.n_keys; i++)
        touch(a.keys[i].p, TD_TANDEM_FINGERPRINT);
    td_tandem_accepts_put(&w, &a);
    MUST(td_tandem_accepts_get(out, done(&w), &back) == TD_OK);
    MUST(back.n_keys == a.n_keys && back.n_images == a.n_images && back.mode == a.mode);
    MUST(td_cbor_text_is(back.layout, a.layout));
}

/* Reads a payload; what was taken is written, read again, and must be the same. */
#define AND_BACK(type, get, put, same)                                                             \
    do {                                                                                           \
        struct td_cbor_writer to = begin();                                                        \
        type a, b;                                                                                 \
        if (get(p, n, &a) == TD_OK) {                                                              \
            put(&to, &a);                                                                          \
            MUST(get(out, done(&to), &b) == TD_OK);                                                \
            MUST(same);                                                                            \
        }                                                                                          \
    } while (0)

static bool same_bytes(struct td_cbor_bytes a, struct td_cbor_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static void stat_show(const uint8_t *p, size_t n)
{
    struct td_stat_show show, again;
    struct td_stat_field field, back;
    struct td_cbor_writer w = begin();
    bool end = false;

    AND_BACK(struct td_stat_show_req, td_stat_show_req_get, td_stat_show_req_put,
             a.has_name == b.has_name && td_cbor_text_is(a.name, b.name));
    if (td_stat_show_get_begin(p, n, &show) != TD_OK)
        return;
    while (td_stat_show_get(&show, &field, &end) == TD_OK && !end) {
        w = begin();
        td_stat_show_put_begin(&w, show.name);
        td_stat_show_put(&w, &field);
        td_stat_show_put_end(&w);
        MUST(td_stat_show_get_begin(out, done(&w), &again) == TD_OK);
        MUST(td_stat_show_get(&again, &back, &end) == TD_OK && !end);
        MUST(td_cbor_text_is(back.name, field.name) && back.value == field.value);
        MUST(td_cbor_text_is(again.name, show.name));
    }
}

static void stat_list(const uint8_t *p, size_t n)
{
    struct td_stat_list names, again;
    struct td_cbor_text name, back;
    struct td_cbor_writer w = begin();
    bool end = false;

    if (td_stat_list_get_begin(p, n, &names) != TD_OK)
        return;
    while (td_stat_list_get(&names, &name, &end) == TD_OK && !end) {
        w = begin();
        td_stat_list_put_begin(&w);
        td_stat_list_put(&w, name);
        td_stat_list_put_end(&w);
        MUST(td_stat_list_get_begin(out, done(&w), &again) == TD_OK);
        MUST(td_stat_list_get(&again, &back, &end) == TD_OK && td_cbor_text_is(name, back));
    }
}

static void settings(const uint8_t *p, size_t n)
{
    AND_BACK(struct td_settings_read_req, td_settings_read_req_get, td_settings_read_req_put,
             td_cbor_text_is(a.name, b.name) && a.has_max_size == b.has_max_size &&
                 a.max_size == b.max_size);
    AND_BACK(struct td_settings_read_rsp, td_settings_read_rsp_get, td_settings_read_rsp_put,
             same_bytes(a.val, b.val) && a.has_val == b.has_val && a.max_size == b.max_size);
    AND_BACK(struct td_settings_write_req, td_settings_write_req_get, td_settings_write_req_put,
             same_bytes(a.val, b.val) && td_cbor_text_is(a.name, b.name) && a.has_val == b.has_val);
    AND_BACK(struct td_settings_name_req, td_settings_name_req_get, td_settings_name_req_put,
             a.has_name == b.has_name && td_cbor_text_is(a.name, b.name));
}

static void files(const uint8_t *p, size_t n)
{
    AND_BACK(struct td_fs_download_req, td_fs_download_req_get, td_fs_download_req_put,
             a.off == b.off && a.has_off == b.has_off && td_cbor_text_is(a.name, b.name));
    AND_BACK(struct td_fs_download_rsp, td_fs_download_rsp_get, td_fs_download_rsp_put,
             a.off == b.off && a.len == b.len && a.has_len == b.has_len &&
                 same_bytes(a.data, b.data));
    AND_BACK(struct td_fs_upload_req, td_fs_upload_req_get, td_fs_upload_req_put,
             a.off == b.off && a.len == b.len && a.has_len == b.has_len &&
                 same_bytes(a.data, b.data) && td_cbor_text_is(a.name, b.name));
    AND_BACK(struct td_fs_upload_rsp, td_fs_upload_rsp_get, td_fs_upload_rsp_put,
             a.off == b.off && a.len == b.len && a.has_off == b.has_off && a.has_len == b.has_len);
    AND_BACK(struct td_fs_status_req, td_fs_status_req_get, td_fs_status_req_put,
             td_cbor_text_is(a.name, b.name));
    AND_BACK(struct td_fs_status_rsp, td_fs_status_rsp_get, td_fs_status_rsp_put,
             a.len == b.len && a.has_len == b.has_len);
}

static void hashes(const uint8_t *p, size_t n)
{
    struct td_fs_types types, again;
    struct td_fs_type type, back;
    struct td_cbor_writer w = begin();
    bool end = false;

    AND_BACK(struct td_fs_hash_req, td_fs_hash_req_get, td_fs_hash_req_put,
             a.off == b.off && a.len == b.len && a.has_len == b.has_len &&
                 td_cbor_text_is(a.type, b.type) && td_cbor_text_is(a.name, b.name));
    AND_BACK(struct td_fs_hash_rsp, td_fs_hash_rsp_get, td_fs_hash_rsp_put,
             a.off == b.off && a.len == b.len && a.has_number == b.has_number &&
                 a.number == b.number && same_bytes(a.bytes, b.bytes) &&
                 td_cbor_text_is(a.type, b.type));
    if (td_fs_types_get_begin(p, n, &types) != TD_OK)
        return;
    while (td_fs_types_get(&types, &type, &end) == TD_OK && !end) {
        w = begin();
        td_fs_types_put_begin(&w);
        td_fs_types_put(&w, &type);
        td_fs_types_put_end(&w);
        MUST(td_fs_types_get_begin(out, done(&w), &again) == TD_OK);
        MUST(td_fs_types_get(&again, &back, &end) == TD_OK &&
             td_cbor_text_is(type.name, back.name));
        MUST(type.format == back.format && type.size == back.size);
    }
}

static void shell(const uint8_t *p, size_t n)
{
    struct td_shell_exec exec, again;
    struct td_cbor_text word, back;
    struct td_cbor_writer w = begin();
    bool end = false;

    AND_BACK(struct td_shell_exec_rsp, td_shell_exec_rsp_get, td_shell_exec_rsp_put,
             a.has_ret == b.has_ret && a.ret == b.ret && a.as_rc == b.as_rc &&
                 td_cbor_text_is(a.output, b.output));
    if (td_shell_exec_get_begin(p, n, &exec) != TD_OK)
        return;
    while (td_shell_exec_get(&exec, &word, &end) == TD_OK && !end) {
        w = begin();
        td_shell_exec_put_begin(&w);
        td_shell_exec_put(&w, word);
        td_shell_exec_put_end(&w);
        MUST(td_shell_exec_get_begin(out, done(&w), &again) == TD_OK);
        MUST(td_shell_exec_get(&again, &back, &end) == TD_OK && td_cbor_text_is(word, back));
    }
}

static void groups(const uint8_t *p, size_t n)
{
    struct td_enum_groups list, again;
    struct td_enum_group group, back;
    struct td_cbor_writer w = begin();
    bool end = false, all;

    AND_BACK(struct td_enum_count_rsp, td_enum_count_rsp_get, td_enum_count_rsp_put,
             a.count == b.count && a.has_count == b.has_count);
    AND_BACK(struct td_enum_single_req, td_enum_single_req_get, td_enum_single_req_put,
             a.index == b.index && a.has_index == b.has_index);
    AND_BACK(struct td_enum_single_rsp, td_enum_single_rsp_get, td_enum_single_rsp_put,
             a.group == b.group && a.has_group == b.has_group && a.end == b.end);
    if (td_enum_details_req_get_begin(p, n, &list, &all) != TD_OK || all)
        return;
    while (td_enum_groups_get(&list, &group, &end) == TD_OK && !end) {
        w = begin();
        td_enum_groups_put_begin(&w);
        if (group.has_name || group.has_handlers)
            td_enum_groups_put(&w, &group);
        else
            td_enum_groups_put_number(&w, group.group);
        td_enum_groups_put_end(&w);
        MUST(td_enum_groups_get_begin(out, done(&w), &again) == TD_OK);
        MUST(td_enum_groups_get(&again, &back, &end) == TD_OK && back.group == group.group);
        MUST(td_cbor_text_is(back.name, group.name) && back.handlers == group.handlers);
    }
}

static void pools(const uint8_t *p, size_t n)
{
    struct td_os_walk walk, again;
    struct td_os_pool pool, back;
    struct td_cbor_writer w = begin();
    bool end = false;

    if (td_os_pools_get_begin(p, n, &walk) != TD_OK)
        return;
    while (td_os_pools_get(&walk, &pool, &end) == TD_OK && !end) {
        // A pool of this name would be taken for the list of all.
        if (td_cbor_text_is(pool.name, TD_TEXT("mpools")))
            return;
        w = begin();
        td_os_pools_put_begin(&w);
        pool.block_size &= INT64_MAX;
        pool.blocks &= INT64_MAX;
        pool.free_blocks &= INT64_MAX;
        pool.least_free &= INT64_MAX;
        td_os_pools_put(&w, &pool);
        td_os_pools_put_end(&w);
        MUST(td_os_pools_get_begin(out, done(&w), &again) == TD_OK);
        MUST(td_os_pools_get(&again, &back, &end) == TD_OK && !end && back.blocks == pool.blocks);
        MUST(back.block_size == pool.block_size && back.free_blocks == pool.free_blocks);
        MUST(back.least_free == pool.least_free && td_cbor_text_is(back.name, pool.name));
    }
}

static void facts(const uint8_t *p, size_t n)
{
    struct td_os_walk walk, again;
    struct td_os_task task, back;
    struct td_cbor_writer w = begin();
    bool end = false;

    AND_BACK(struct td_os_datetime, td_os_datetime_get, td_os_datetime_put,
             td_cbor_text_is(a.text, b.text));
    AND_BACK(struct td_os_info_req, td_os_info_req_get, td_os_info_req_put,
             td_cbor_text_is(a.format, b.format));
    AND_BACK(struct td_os_info_rsp, td_os_info_rsp_get, td_os_info_rsp_put,
             td_cbor_text_is(a.output, b.output));
    pools(p, n);
    if (td_os_tasks_get_begin(p, n, &walk) != TD_OK)
        return;
    while (td_os_tasks_get(&walk, &task, &end) == TD_OK && !end) {
        w = begin();
        td_os_tasks_put_begin(&w);
        // Negative numbers of what has no sign are read as what they would be without one.
        task.tid &= INT64_MAX;
        task.state &= INT64_MAX;
        task.stack_words &= INT64_MAX;
        task.stack_used_words &= INT64_MAX;
        task.runtime &= INT64_MAX;
        td_os_tasks_put(&w, &task);
        td_os_tasks_put_end(&w);
        MUST(td_os_tasks_get_begin(out, done(&w), &again) == TD_OK);
        MUST(td_os_tasks_get(&again, &back, &end) == TD_OK && !end && back.prio == task.prio);
        MUST(back.tid == task.tid && back.state == task.state && back.runtime == task.runtime);
        MUST(back.stack_words == task.stack_words && td_cbor_text_is(back.name, task.name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const codecs[])(const uint8_t *, size_t) = {
        status,    list,      slots,    upload, image_small, os,    why,    accepts,
        stat_show, stat_list, settings, files,  hashes,      shell, groups, facts,
    };
    uint8_t *copy;

    if (size < 1)
        return 0;
    copy = malloc(size);
    MUST(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    style = (data[0] & 8) != 0 ? TD_CBOR_INDEFINITE : TD_CBOR_DEFINITE;
    codecs[(data[0] & 7) | (data[0] >> 1 & 8)](copy, size - 1);
    free(copy);
    return 0;
}
