/*
 * client/requests.c - a request as data into a body, an answer's body into values.
 *
 * A kind of request is a row: where it goes, how patient to be, and how its answer is read.
 */
#include "client/requests.h"

#include <string.h>

#include "smp/basic.h"
#include "smp/error.h"

/* ---- requests -------------------------------------------------------------------------- */

static enum td_err write_body(const void *ctx, uint32_t arg, uint8_t *out, size_t cap, size_t *len)
{
    const struct td_request *req = ctx;
    struct td_cbor_writer w;

    (void)arg;
    if (req->kind == TD_REQ_RAW) {
        if (req->raw.len > cap)
            return TD_ESPACE;
        if (req->raw.len > 0)
            memcpy(out, req->raw.body, req->raw.len);
        *len = req->raw.len;
        return TD_OK;
    }
    td_cbor_writer_init(&w, out, cap, TD_CBOR_DEFINITE);
    switch (req->kind) {
    case TD_REQ_ECHO: {
        struct td_os_echo echo = { .has_text = true, .text = req->text };

        td_os_echo_req_put(&w, &echo);
        break;
    }
    case TD_REQ_RESET: td_os_reset_req_put(&w, &req->reset); break;
    case TD_REQ_BOOTLOADER: {
        struct td_os_bootloader_req query = { .has_query = req->text.len > 0, .query = req->text };

        td_os_bootloader_req_put(&w, &query);
        break;
    }
    case TD_REQ_SET_DATETIME: {
        struct td_os_datetime datetime = { .has_text = true, .text = req->text };

        td_os_datetime_put(&w, &datetime);
        break;
    }
    case TD_REQ_INFO: {
        struct td_os_info_req info = { .has_format = req->text.len > 0, .format = req->text };

        td_os_info_req_put(&w, &info);
        break;
    }
    case TD_REQ_IMAGE_TEST:
    case TD_REQ_IMAGE_CONFIRM: {
        struct td_img_state_req state = {
            .has_hash = req->hash_len > 0 || req->empty_hash,
            .hash = { req->hash, req->hash_len },
            .has_confirm = true,
            .confirm = req->kind == TD_REQ_IMAGE_CONFIRM,
        };

        td_img_state_req_put(&w, &state);
        break;
    }
    case TD_REQ_IMAGE_ERASE: {
        struct td_img_erase_req erase = { .has_slot = req->has_slot, .slot = req->slot };

        td_img_erase_req_put(&w, &erase);
        break;
    }
    case TD_REQ_WHY:
    case TD_REQ_ACCEPTS: {
        struct td_tandem_req page = { .has_off = req->off > 0, .off = req->off };

        td_tandem_req_put(&w, &page);
        break;
    }
    default: td_smp_put_empty(&w); break;
    }
    return td_cbor_done(&w, len);
}

/* ---- answers --------------------------------------------------------------------------- */

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

static enum td_err read_echo(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_echo echo = { 0 };
    enum td_err err = td_os_echo_rsp_get(body, len, &echo);

    if (err != TD_OK || !echo.has_text)
        return TD_EANSWER;
    return take_text(r, echo.text);
}

static enum td_err read_nothing(const uint8_t *body, size_t len, struct td_reply *r)
{
    // The answer's map was found well-formed when its status was read.
    (void)body;
    (void)len;
    (void)r;
    return TD_OK;
}

static enum td_err read_params(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_params_rsp params = { 0 };

    if (td_os_params_rsp_get(body, len, &params) != TD_OK)
        return TD_EANSWER;
    r->of.params.buf_size = params.has_buf_size ? params.buf_size : 0;
    r->of.params.buf_count = params.has_buf_count ? params.buf_count : 0;
    return TD_OK;
}

static enum td_err read_bootloader_name(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_bootloader_rsp rsp = { 0 };

    if (td_os_bootloader_rsp_get(body, len, &rsp) != TD_OK || !rsp.has_name)
        return TD_EANSWER;
    return take_text(r, rsp.name);
}

static enum td_err read_bootloader(const uint8_t *body, size_t len, struct td_reply *r)
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

static enum td_err read_datetime(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_datetime datetime = { 0 };

    if (td_os_datetime_get(body, len, &datetime) != TD_OK || !datetime.has_text)
        return TD_EANSWER;
    return take_text(r, datetime.text);
}

static enum td_err read_info(const uint8_t *body, size_t len, struct td_reply *r)
{
    struct td_os_info_rsp info = { 0 };

    if (td_os_info_rsp_get(body, len, &info) != TD_OK || !info.has_output)
        return TD_EANSWER;
    return take_text(r, info.output);
}

static enum td_err read_tasks(const uint8_t *body, size_t len, struct td_reply *r)
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

static enum td_err read_pools(const uint8_t *body, size_t len, struct td_reply *r)
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

static enum td_err read_groups(const uint8_t *body, size_t len, struct td_reply *r)
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

static enum td_err read_images(const uint8_t *body, size_t len, struct td_reply *r)
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

static enum td_err read_slots(const uint8_t *body, size_t len, struct td_reply *r)
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

static enum td_err read_why(const uint8_t *body, size_t len, struct td_reply *r)
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

static enum td_err read_accepts(const uint8_t *body, size_t len, struct td_reply *r)
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

static enum td_err read_raw(const uint8_t *body, size_t len, struct td_reply *r)
{
    r->of.raw.body = body;
    r->of.raw.len = len;
    return TD_OK;
}

/* ---- the table ------------------------------------------------------------------------- */

static const struct {
    uint8_t op;
    uint16_t group;
    uint8_t id;
    enum td_patience patience;
    enum td_err (*read)(const uint8_t *body, size_t len, struct td_reply *reply);
} kinds[] = {
    [TD_REQ_ECHO] = { TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_ECHO, TD_PATIENCE_NORMAL, read_echo },
    [TD_REQ_RESET] = { TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_RESET, TD_PATIENCE_ONCE, read_nothing },
    [TD_REQ_PARAMS] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_PARAMS, TD_PATIENCE_NORMAL,
                        read_params },
    [TD_REQ_BOOTLOADER] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_BOOTLOADER, TD_PATIENCE_NORMAL,
                            read_bootloader },
    [TD_REQ_TASKS] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_TASKS, TD_PATIENCE_NORMAL, read_tasks },
    [TD_REQ_POOLS] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_POOLS, TD_PATIENCE_NORMAL, read_pools },
    [TD_REQ_DATETIME] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME, TD_PATIENCE_NORMAL,
                          read_datetime },
    [TD_REQ_SET_DATETIME] = { TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_DATETIME, TD_PATIENCE_NORMAL,
                              read_nothing },
    [TD_REQ_INFO] = { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_INFO, TD_PATIENCE_NORMAL, read_info },
    [TD_REQ_GROUPS] = { TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_DETAILS, TD_PATIENCE_NORMAL,
                        read_groups },
    [TD_REQ_GROUP_NUMBERS] = { TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_LIST, TD_PATIENCE_NORMAL,
                               read_groups },
    [TD_REQ_IMAGE_LIST] = { TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, TD_PATIENCE_NORMAL,
                            read_images },
    [TD_REQ_IMAGE_TEST] = { TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, TD_PATIENCE_NORMAL,
                            read_images },
    [TD_REQ_IMAGE_CONFIRM] = { TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, TD_PATIENCE_NORMAL,
                               read_images },
    [TD_REQ_IMAGE_ERASE] = { TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, TD_PATIENCE_ERASE,
                             read_nothing },
    [TD_REQ_SLOT_INFO] = { TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_SLOT_INFO, TD_PATIENCE_NORMAL,
                           read_slots },
    [TD_REQ_STORAGE_ERASE] = { TD_SMP_WRITE, TD_SMP_GROUP_BASIC, TD_BASIC_STORAGE_ERASE,
                               TD_PATIENCE_ERASE, read_nothing },
    [TD_REQ_WHY] = { TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_WHY, TD_PATIENCE_NORMAL,
                     read_why },
    [TD_REQ_ACCEPTS] = { TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_ACCEPTS, TD_PATIENCE_NORMAL,
                         read_accepts },
    [TD_REQ_RAW] = { 0, 0, 0, TD_PATIENCE_NORMAL, read_raw },
};

/* ---- calls ----------------------------------------------------------------------------- */

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
        ask.patience = req->raw.once ? TD_PATIENCE_ONCE : TD_PATIENCE_NORMAL;
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

static enum td_err (*reader_of(const struct td_request *req))(const uint8_t *, size_t,
                                                              struct td_reply *)
{
    if (req->kind == TD_REQ_BOOTLOADER && req->text.len == 0)
        return read_bootloader_name;
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
