/*
 * client/reply.c - an answer's body into values, one function for each shape of answer.
 */
#include <string.h>

#include "client/reply_priv.h"
#include "smp/enum.h"
#include "smp/fs.h"
#include "smp/os.h"
#include "smp/settings.h"
#include "smp/shell.h"
#include "smp/stat.h"

static void copy_text(char *to, size_t cap, struct td_cbor_text from)
{
    size_t n = from.len < cap - 1 ? from.len : cap - 1;

    if (n > 0)
        memcpy(to, from.p, n);
    to[n] = '\0';
}

/* A name is for people's terminals and programs' JSON: what is no printable ASCII becomes '?'. */
static void copy_name(char *to, size_t cap, struct td_cbor_text from)
{
    copy_text(to, cap, from);
    for (size_t i = 0; to[i] != '\0'; i++)
        if (to[i] < ' ' || to[i] > '~')
            to[i] = '?';
}

static enum td_err take_text(struct td_reply *r, struct td_cbor_text from)
{
    copy_text(r->of.text.at, sizeof(r->of.text.at), from);
    r->of.text.cut = from.len >= sizeof(r->of.text.at);
    r->of.text.len = r->of.text.cut ? sizeof(r->of.text.at) - 1 : from.len;
    return TD_OK;
}

enum td_err td_reply_echo(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_echo echo = { 0 };
    enum td_err err = td_os_echo_rsp_get(body, len, &echo);

    if (err != TD_OK || !echo.has_text)
        return TD_EANSWER;
    return take_text(r, echo.text);
}

enum td_err td_reply_nothing(const uint8_t *body, size_t len, struct td_reply *r)
{
    // The answer's map was found well-formed when its status was read.
    (void)body;
    (void)len;
    (void)r;
    return TD_OK;
}

enum td_err td_reply_params(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_params_rsp params = { 0 };

    if (td_os_params_rsp_get(body, len, &params) != TD_OK)
        return TD_EANSWER;
    r->of.params.buf_size = params.has_buf_size ? params.buf_size : 0;
    r->of.params.buf_count = params.has_buf_count ? params.buf_count : 0;
    return TD_OK;
}

enum td_err td_reply_bootloader_name(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_bootloader_rsp rsp = { 0 };

    if (td_os_bootloader_rsp_get(body, len, &rsp) != TD_OK || !rsp.has_name)
        return TD_EANSWER;
    return take_text(r, rsp.name);
}

enum td_err td_reply_bootloader(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_bootloader_rsp rsp = { 0 };

    if (td_os_bootloader_rsp_get(body, len, &rsp) != TD_OK)
        return TD_EANSWER;
    r->of.bootloader.has_mode = rsp.has_mode;
    r->of.bootloader.mode = rsp.has_mode ? rsp.mode : -1;
    r->of.bootloader.no_downgrade = rsp.has_no_downgrade && rsp.no_downgrade;
    r->of.bootloader.has_active = rsp.has_active;
    r->of.bootloader.active = rsp.has_active ? rsp.active : 0;
    return TD_OK;
}

enum td_err td_reply_datetime(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_datetime datetime = { 0 };

    if (td_os_datetime_get(body, len, &datetime) != TD_OK || !datetime.has_text)
        return TD_EANSWER;
    return take_text(r, datetime.text);
}

enum td_err td_reply_info(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_info_rsp info = { 0 };

    if (td_os_info_rsp_get(body, len, &info) != TD_OK || !info.has_output)
        return TD_EANSWER;
    return take_text(r, info.output);
}

enum td_err td_reply_tasks(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_tasks *to = &r->of.tasks;
    struct td_os_walk walk;
    struct td_os_task task = { .tid = 0 };
    bool end = false;

    to->n = 0;
    if (td_os_tasks_get_begin(body, len, &walk) != TD_OK)
        return TD_EANSWER;
    for (to->n_total = 0;; to->n_total++) {
        struct td_task *at = &to->at[to->n];

        if (td_os_tasks_get(&walk, &task, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (to->n == TD_TASKS_MAX)
            continue;
        *at = (struct td_task){ .prio = task.prio,
                                .tid = task.tid,
                                .state = task.state,
                                .runtime = task.runtime,
                                .stack = task.stack_words * 4,
                                .stack_used = task.stack_used_words * 4 };
        copy_name(at->name, sizeof(at->name), task.name);
        to->n++;
    }
}

enum td_err td_reply_pools(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_pools *to = &r->of.pools;
    struct td_os_walk walk;
    struct td_os_pool pool = { .blocks = 0 };
    bool end = false;

    to->n = 0;
    if (td_os_pools_get_begin(body, len, &walk) != TD_OK)
        return TD_EANSWER;
    for (to->n_total = 0;; to->n_total++) {
        struct td_pool *at = &to->at[to->n];

        if (td_os_pools_get(&walk, &pool, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (to->n == TD_POOLS_MAX)
            continue;
        *at = (struct td_pool){ .block_size = pool.block_size,
                                .blocks = pool.blocks,
                                .free_blocks = pool.free_blocks,
                                .least_free = pool.least_free };
        copy_name(at->name, sizeof(at->name), pool.name);
        to->n++;
    }
}

enum td_err td_reply_groups(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_groups *to = &r->of.groups;
    struct td_enum_groups groups;
    struct td_enum_group group = { .group = 0 };
    bool end = false;

    to->n = 0;
    if (td_enum_groups_get_begin(body, len, &groups) != TD_OK)
        return TD_EANSWER;
    for (to->n_total = 0;; to->n_total++) {
        struct td_group *at = &to->at[to->n];

        if (td_enum_groups_get(&groups, &group, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (to->n == TD_GROUPS_MAX)
            continue;
        *at = (struct td_group){ .group = group.group,
                                 .handlers = group.has_handlers ? group.handlers : 0,
                                 .has_handlers = group.has_handlers };
        copy_name(at->name, sizeof(at->name), group.name);
        to->n++;
    }
}

enum td_err td_reply_count(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_enum_count_rsp count = { 0 };

    if (td_enum_count_rsp_get(body, len, &count) != TD_OK || !count.has_count)
        return TD_EANSWER;
    r->of.count = count.count;
    return TD_OK;
}

enum td_err td_reply_group_at(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_enum_single_rsp at = { 0 };

    if (td_enum_single_rsp_get(body, len, &at) != TD_OK || !at.has_group)
        return TD_EANSWER;
    r->of.group_at.group = at.group;
    r->of.group_at.last = at.end;
    return TD_OK;
}

enum td_err td_reply_stat_names(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_stat_names *to = &r->of.stat_names;
    struct td_stat_list list;
    struct td_cbor_text name = { NULL, 0 };
    bool end = false;

    to->n = 0;
    if (td_stat_list_get_begin(body, len, &list) != TD_OK)
        return TD_EANSWER;
    for (to->n_total = 0;; to->n_total++) {
        if (td_stat_list_get(&list, &name, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (to->n < TD_STAT_NAMES_MAX)
            copy_name(to->at[to->n++], TD_NAME_MAX, name);
    }
}

enum td_err td_reply_stat(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_stat *to = &r->of.stat;
    struct td_stat_show show = { .has_name = false };
    struct td_stat_field field = { .value = 0 };
    bool end = false;

    to->n = 0;
    if (td_stat_show_get_begin(body, len, &show) != TD_OK)
        return TD_EANSWER;
    copy_name(to->name, sizeof(to->name), show.has_name ? show.name : TD_TEXT(""));
    for (to->n_total = 0;; to->n_total++) {
        if (td_stat_show_get(&show, &field, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (to->n == TD_STAT_FIELDS_MAX)
            continue;
        copy_name(to->at[to->n].name, TD_NAME_MAX, field.name);
        to->at[to->n++].value = field.value;
    }
}

enum td_err td_reply_setting(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_setting *to = &r->of.setting;
    struct td_settings_read_rsp rsp = { .has_val = false };

    if (td_settings_read_rsp_get(body, len, &rsp) != TD_OK) {
        // Mynewt's values are texts.
        struct td_cbor_text text;
        const struct td_cbor_field fields[] = { TD_CBOR_FIELD_TEXT("val", &text, &rsp.has_val) };

        if (td_smp_get_map(body, len, fields, 1) != TD_OK || !rsp.has_val)
            return TD_EANSWER;
        rsp.val = (struct td_cbor_bytes){ (const uint8_t *)text.p, text.len };
        rsp.has_max_size = false;
    }
    if (!rsp.has_val)
        return TD_EANSWER;
    to->cut = rsp.val.len > sizeof(to->value);
    to->len = (uint16_t)(to->cut ? sizeof(to->value) : rsp.val.len);
    if (to->len > 0)
        memcpy(to->value, rsp.val.p, to->len);
    to->limited = rsp.has_max_size;
    to->limit = rsp.has_max_size ? rsp.max_size : 0;
    return TD_OK;
}

enum td_err td_reply_file_size(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_fs_status_rsp rsp = { 0 };

    if (td_fs_status_rsp_get(body, len, &rsp) != TD_OK || !rsp.has_len)
        return TD_EANSWER;
    r->of.file_size = rsp.len;
    return TD_OK;
}

enum td_err td_reply_file_hash(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_file_hash *to = &r->of.file_hash;
    struct td_fs_hash_rsp rsp = { .has_number = false };

    if (td_fs_hash_rsp_get(body, len, &rsp) != TD_OK)
        return TD_EANSWER;
    if (!rsp.has_number && (!rsp.has_bytes || rsp.bytes.len > sizeof(to->bytes)))
        return TD_EANSWER;
    copy_name(to->type, sizeof(to->type), rsp.has_type ? rsp.type : TD_TEXT(""));
    to->off = rsp.has_off ? rsp.off : 0;
    to->len = rsp.has_len ? rsp.len : 0;
    to->is_number = rsp.has_number;
    to->number = rsp.has_number ? rsp.number : 0;
    to->n_bytes = rsp.has_number ? 0 : (uint8_t)rsp.bytes.len;
    if (to->n_bytes > 0)
        memcpy(to->bytes, rsp.bytes.p, to->n_bytes);
    return TD_OK;
}

enum td_err td_reply_hash_types(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_file_hash_types *to = &r->of.hash_types;
    struct td_fs_types types;
    struct td_fs_type type = { .format = 0 };
    bool end = false;

    to->n = 0;
    if (td_fs_types_get_begin(body, len, &types) != TD_OK)
        return TD_EANSWER;
    for (to->n_total = 0;; to->n_total++) {
        if (td_fs_types_get(&types, &type, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (to->n == TD_HASH_TYPES_MAX)
            continue;
        copy_name(to->at[to->n].name, TD_NAME_MAX, type.name);
        to->at[to->n].is_number = type.format == TD_FS_NUMBER;
        to->at[to->n++].size = type.size;
    }
}

enum td_err td_reply_shell(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_shell_output *to = &r->of.shell;
    struct td_shell_exec_rsp rsp = { .has_ret = false };

    if (td_shell_exec_rsp_get(body, len, &rsp) != TD_OK || !rsp.has_output)
        return TD_EANSWER;
    copy_text(to->text, sizeof(to->text), rsp.output);
    to->cut = rsp.output.len >= sizeof(to->text);
    to->len = (uint16_t)(to->cut ? sizeof(to->text) - 1 : rsp.output.len);
    to->ret = rsp.has_ret ? rsp.ret : 0;
    return TD_OK;
}

static void copy_state(struct td_image_state *to, const struct td_img_entry *from)
{
    memset(to, 0, sizeof(*to));
    to->image = from->has_image ? from->image : 0;
    to->slot = from->slot;
    if (from->has_version)
        copy_name(to->version, sizeof(to->version), from->version);
    if (from->has_hash && from->hash.len > 0 && from->hash.len <= sizeof(to->hash)) {
        memcpy(to->hash, from->hash.p, from->hash.len);
        to->hash_len = (uint8_t)from->hash.len;
    }
    to->bootable = from->bootable;
    to->pending = from->pending;
    to->confirmed = from->confirmed;
    to->active = from->active;
    to->permanent = from->permanent;
}

enum td_err td_reply_images(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_img_list list;
    struct td_img_entry entry;
    bool end = false;

    r->of.images.n = 0;
    if (td_img_list_get_begin(body, len, &list) != TD_OK)
        return TD_EANSWER;
    for (;;) {
        memset(&entry, 0, sizeof(entry));
        if (td_img_list_get(&list, &entry, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (r->of.images.n < TD_STATES_MAX)
            copy_state(&r->of.images.at[r->of.images.n++], &entry);
    }
}

static enum td_err read_slots_of(struct td_img_slots_image *image, struct td_slot_sizes *out)
{
    struct td_img_slot slot;
    bool end = false;

    for (;;) {
        memset(&slot, 0, sizeof(slot));
        if (td_img_slots_get(image, &slot, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (out->n == TD_SLOTS_MAX)
            continue;
        out->at[out->n++] = (struct td_slot_size){
            .image = image->image,
            .slot = slot.slot,
            .has_size = slot.has_size,
            .size = slot.has_size ? slot.size : 0,
            .has_max = image->has_max_image_size,
            .max = image->has_max_image_size ? image->max_image_size : 0,
            .has_upload_image = slot.has_upload_image_id,
            .upload_image = slot.has_upload_image_id ? slot.upload_image_id : 0,
        };
    }
}

enum td_err td_reply_slots(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_img_slots slots;
    struct td_img_slots_image image;
    bool end = false;

    r->of.slots.n = 0;
    if (td_img_slots_get_begin(body, len, &slots) != TD_OK)
        return TD_EANSWER;
    for (;;) {
        memset(&image, 0, sizeof(image));
        if (td_img_slots_get_image(&slots, &image, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (read_slots_of(&image, &r->of.slots) != TD_OK)
            return TD_EANSWER;
    }
}

enum td_err td_reply_upload(const uint8_t *body, size_t len, struct td_reply *r)
{
    memset(&r->of.upload, 0, sizeof(r->of.upload));
    return td_tandem_upload_get(body, len, &r->of.upload) == TD_OK ? TD_OK : TD_EANSWER;
}

enum td_err td_reply_why(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_tandem_why why = { 0 };
    struct td_verdict verdict;
    bool end = false;

    memset(&r->of.why, 0, sizeof(r->of.why));
    if (td_tandem_why_get_begin(body, len, &why) != TD_OK)
        return TD_EANSWER;
    r->of.why.has_next = why.has_next;
    r->of.why.next = why.has_next ? why.next : 0;
    for (;;) {
        memset(&verdict, 0, sizeof(verdict));
        if (td_tandem_why_get(&why, &verdict, &end) != TD_OK)
            return TD_EANSWER;
        if (end)
            return TD_OK;
        if (r->of.why.n < TD_WHY_PAGE_MAX)
            r->of.why.at[r->of.why.n++] = verdict;
    }
}

enum td_err td_reply_accepts(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_tandem_accepts from;
    struct td_accepts *to = &r->of.accepts;

    memset(&from, 0, sizeof(from));
    memset(to, 0, sizeof(*to));
    if (td_tandem_accepts_get(body, len, &from) != TD_OK)
        return TD_EANSWER;
    to->sig = from.sig;
    copy_name(to->sig_name, sizeof(to->sig_name), from.sig_name);
    to->hash_len = from.hash_len;
    to->mode = from.mode;
    to->no_downgrade = from.no_downgrade;
    to->decrypts = from.decrypts;
    to->unpacks = from.unpacks;
    to->has_log = from.has_log;
    to->authenticated = from.authenticated;
    copy_name(to->layout, sizeof(to->layout), from.layout);
    copy_name(to->board, sizeof(to->board), from.board);
    to->n_images = from.n_images;
    memcpy(to->images, from.images, sizeof(to->images));
    to->has_stage = from.has_stage;
    to->stage = from.stage;
    for (uint8_t i = 0; i < from.stage.n_keys; i++) {
        memcpy(to->stage_keys[i], from.stage.keys[i].p, TD_TANDEM_STAGE_PRINT);
        to->stage.keys[i] = (struct td_cbor_bytes){ NULL, 0 }; // the packet goes away
    }
    to->n_keys_total = from.n_keys_total;
    for (uint8_t i = 0; i < from.n_keys; i++)
        memcpy(to->keys[to->n_keys++], from.keys[i].p, TD_TANDEM_FINGERPRINT);
    to->has_next = from.has_next;
    to->next = from.has_next ? from.next : 0;
    return TD_OK;
}

enum td_err td_reply_raw(const uint8_t *body, size_t len, struct td_reply *r)
{
    r->of.raw.body = body;
    r->of.raw.len = len;
    return TD_OK;
}

void td_accepts_add(struct td_accepts *all, const struct td_accepts *page)
{
    for (uint8_t i = 0; i < page->n_keys && all->n_keys < TD_KEYS_MAX; i++)
        memcpy(all->keys[all->n_keys++], page->keys[i], TD_TANDEM_FINGERPRINT);
    all->has_next = page->has_next;
    all->next = page->next;
}

/* ---- looking at a list ----------------------------------------------------------------- */

const struct td_image_state *td_states_active(const struct td_image_states *s, uint32_t image)
{
    for (uint8_t i = 0; i < s->n; i++)
        if (s->at[i].image == image && s->at[i].active)
            return &s->at[i];
    return NULL;
}

const struct td_image_state *td_states_other(const struct td_image_states *s, uint32_t image)
{
    const struct td_image_state *active = td_states_active(s, image);

    for (uint8_t i = 0; i < s->n; i++) {
        const struct td_image_state *at = &s->at[i];

        // Recovery lists have no flags: there what runs is taken to be the first slot.
        if (at->image == image && at != active && (active != NULL || at->slot != 0))
            return at;
    }
    return NULL;
}

const struct td_image_state *td_states_by_hash(const struct td_image_states *s, uint32_t image,
                                               const uint8_t *hash, size_t n)
{
    const struct td_image_state *found = NULL;

    for (uint8_t i = 0; i < s->n; i++) {
        const struct td_image_state *at = &s->at[i];

        if (at->image != image || n == 0 || at->hash_len < n || memcmp(at->hash, hash, n) != 0)
            continue;
        if (at->active)
            return at;
        if (found == NULL)
            found = at;
    }
    return found;
}
