/*
 * server/recovery.c - a serial line, the server's handlers, and the bootloader's judgement.
 *
 * 1. There is one request at a time: while an answer is on its way out, nothing is taken in.
 * 2. Without a packet nothing is written to flash.
 * 3. What is marked for the next boot has been judged as that boot will judge it.
 */
#include "server/recovery.h"

#include <string.h>

#include "base/range.h"
#include "server/server_priv.h"
#include "smp/image.h"
#include "smp/tandem.h"

enum { BUF_LEAST = 256, TIMEOUT_MS = 500, NAME_MAX_LEN = 32 };

/* ---- groups -------------------------------------------------------------------------- */

static const struct td_server_command os[] = {
    { TD_OS_ECHO, td_server_os_echo, td_server_os_echo },
    { TD_OS_CONSOLE, td_server_os_console, td_server_os_console },
    { TD_OS_RESET, NULL, td_server_os_reset },
    { TD_OS_PARAMS, td_server_os_params, NULL },
};

static const struct td_server_command image[] = {
    { TD_IMG_STATE, td_server_img_list, NULL },
    { TD_IMG_UPLOAD, NULL, td_server_img_upload },
    { TD_IMG_SLOT_INFO, td_server_img_slots, NULL },
};

static const struct td_server_command image_full[] = {
    { TD_IMG_STATE, td_server_img_list, td_server_img_state },
    { TD_IMG_UPLOAD, NULL, td_server_img_upload },
    { TD_IMG_ERASE, NULL, td_server_img_erase },
    { TD_IMG_SLOT_INFO, td_server_img_slots, NULL },
};

static const struct td_server_command tandem[] = {
    { TD_TANDEM_WHY, td_server_tandem_why, NULL },
};

const struct td_server_group td_recovery_group_os = {
    .id = TD_SMP_GROUP_OS,
    .commands = os,
    .n_commands = TD_N_OF(os),
};
const struct td_server_group td_recovery_group_image = {
    .id = TD_SMP_GROUP_IMAGE,
    .commands = image,
    .n_commands = TD_N_OF(image),
    .uses_flash = true,
};
const struct td_server_group td_recovery_group_image_full = {
    .id = TD_SMP_GROUP_IMAGE,
    .commands = image_full,
    .n_commands = TD_N_OF(image_full),
    .uses_flash = true,
};
const struct td_server_group td_recovery_group_tandem = {
    .id = TD_SMP_GROUP_TANDEM,
    .commands = tandem,
    .n_commands = TD_N_OF(tandem),
    .uses_flash = true,
};

/* ---- what the server asks ------------------------------------------------------------- */

static uint32_t on_reset(void *ctx, const struct td_server_reset *reset,
                         struct td_cbor_text *reason)
{
    struct td_recovery *rec = ctx;

    (void)reason;
    rec->reset_due = true;
    rec->reset = *reset;
    rec->reset_ms = rec->now_ms;
    return TD_SMP_RC_OK;
}

static bool on_judge(void *ctx, uint8_t index, uint8_t slot, struct td_verdict *why)
{
    const struct td_recovery *rec = ctx;

    return rec->cfg->judge == NULL || rec->cfg->judge(rec->cfg->ctx, index, slot, why);
}

static struct td_cbor_text name_of(const struct td_verdict *why)
{
    struct td_cbor_text text = { td_verdict_name(why->code), 0 };

    // With an end, or the compiler makes it a call of strlen, which a board may not have.
    while (text.len < NAME_MAX_LEN && text.p[text.len] != 0)
        text.len++;
    return text;
}

/* On trial, where there is an image to go back to; otherwise nobody could confirm it too late. */
static enum td_err mark(struct td_recovery *rec, const struct td_server_upload *upload)
{
    const struct td_server_image *img = &rec->cfg->images[upload->image];
    struct td_server_pair pair;
    struct td_verdict why;
    enum td_slot_done done;
    bool permanent;
    uint32_t end = upload->len + (upload->slot == 1 ? img->upload_off : 0);
    enum td_err err = td_server_pair_read(&rec->srv, upload->image, &pair);

    if (err != TD_OK || !td_server_has_requests(img) || upload->slot == img->active_slot)
        return err;
    permanent = !on_judge(rec, upload->image, img->active_slot, &why);
    return td_slot_set_pending(&pair.slots, permanent, end, &done);
}

static uint32_t on_uploaded(void *ctx, const struct td_server_upload *upload,
                            struct td_cbor_text *reason)
{
    struct td_recovery *rec = ctx;
    struct td_verdict why;

    if (!on_judge(rec, upload->image, upload->slot, &why)) {
        *reason = name_of(&why);
        return TD_SMP_RC_ACCESS_DENIED;
    }
    if (rec->cfg->target == TD_SERVER_TO_SPARE && mark(rec, upload) != TD_OK) {
        *reason = TD_TEXT("image written, not marked");
        return TD_SMP_RC_BAD_STATE;
    }
    return TD_SMP_RC_OK;
}

/* ---- beginning ------------------------------------------------------------------------ */

static struct td_server_config server_config(struct td_recovery *rec)
{
    const struct td_recovery_config *cfg = rec->cfg;

    return (struct td_server_config){
        .manner = &td_server_tandem,
        .groups = cfg->groups,
        .n_groups = cfg->n_groups,
        .images = cfg->images,
        .n_images = cfg->n_images,
        .buf_size = (uint32_t)rec->buf.size,
        .buf_count = 1,
        .target = cfg->target,
        .recovers = true,
        .hash_len = cfg->hash_len,
        .boot_log = cfg->boot_log,
        .hooks = &rec->hooks,
        .hook_ctx = rec,
    };
}

/* How large a request may be: the console's length and CRC count for buf_size, as in Zephyr. */
static void begin_listening(struct td_recovery *rec)
{
    const struct td_recovery_buffers *buf = &rec->buf;

    td_console_in_init(&rec->console_in, buf->rx, buf->size);
    td_raw_in_init(&rec->raw_in, buf->rx, buf->size);
    td_cobs_in_init(&rec->cobs_in, buf->rx, buf->size);
}

enum td_err td_recovery_init(struct td_recovery *rec, const struct td_recovery_config *config,
                             const struct td_recovery_buffers *buffers)
{
    memset(rec, 0, sizeof *rec);
    if (buffers->size < BUF_LEAST || buffers->size > UINT16_MAX - 2 || config->n_images == 0)
        return TD_EARG;
    rec->cfg = config;
    rec->buf = *buffers;
    rec->hooks = (struct td_server_hooks){ .reset = on_reset, .uploaded = on_uploaded };
    if (config->judge != NULL)
        rec->hooks.judge = on_judge;
    rec->link = (struct td_server_link){ .authenticated = true };
    rec->server_cfg = server_config(rec);
    td_server_init(&rec->srv, &rec->server_cfg, buffers->hold, buffers->size);
    begin_listening(rec);
    return TD_OK;
}

/* ---- out ------------------------------------------------------------------------------ */

static void begin_answer(struct td_recovery *rec, size_t len)
{
    rec->tx_len = len;
    rec->tx_pos = 0;
    rec->n_line = rec->line_pos = 0;
    if (len == 0)
        return;
    // What the server gives is never empty nor beyond the buffer, so that these cannot fail.
    (void)td_console_out_begin(&rec->console_out, rec->buf.tx, len, sizeof rec->line);
    (void)td_cobs_out_begin(&rec->cobs_out, rec->buf.tx, len);
}

static size_t send_console(struct td_recovery *rec, uint8_t *out, size_t cap)
{
    size_t n;

    if (rec->line_pos == rec->n_line) {
        rec->n_line = (uint8_t)td_console_out_line(&rec->console_out, rec->line);
        rec->line_pos = 0;
    }
    n = (size_t)rec->n_line - rec->line_pos;
    n = n < cap ? n : cap;
    memcpy(out, rec->line + rec->line_pos, n);
    rec->line_pos = (uint8_t)(rec->line_pos + n);
    return n;
}

static size_t send_raw(struct td_recovery *rec, uint8_t *out, size_t cap)
{
    size_t n = rec->tx_len - rec->tx_pos;

    n = n < cap ? n : cap;
    memcpy(out, rec->buf.tx + rec->tx_pos, n);
    rec->tx_pos += n;
    return n;
}

static size_t send_framed(struct td_recovery *rec, uint8_t *out, size_t cap)
{
    switch (rec->cfg->framing) {
    case TD_RECOVERY_CONSOLE: return send_console(rec, out, cap);
    case TD_RECOVERY_RAW: return send_raw(rec, out, cap);
    case TD_RECOVERY_COBS: return td_cobs_out_bytes(&rec->cobs_out, out, cap);
    }
    return 0;
}

size_t td_recovery_send(struct td_recovery *rec, uint8_t *out, size_t cap)
{
    size_t n;

    if (rec->tx_len == 0)
        return 0;
    n = send_framed(rec, out, cap);
    if (n == 0)
        rec->tx_len = 0;
    return n;
}

/* ---- in ------------------------------------------------------------------------------- */

/* A packet is one request here, as with the original: what stands behind it is not looked at. */
static void handle(struct td_recovery *rec, size_t len)
{
    struct td_server_reply reply;

    (void)td_server_handle(&rec->srv, &rec->link, rec->buf.rx, len, rec->buf.tx, rec->buf.size,
                           &reply);
    begin_answer(rec, reply.len);
}

/* A whole packet's length, or 0. */
static size_t hear(struct td_recovery *rec, uint8_t byte)
{
    switch (rec->cfg->framing) {
    case TD_RECOVERY_CONSOLE:
        return td_console_in_byte(&rec->console_in, byte) == TD_CONSOLE_PACKET ? rec->console_in.len
                                                                               : 0;
    case TD_RECOVERY_RAW:
        return td_raw_in_byte(&rec->raw_in, byte) == TD_RAW_PACKET ? rec->raw_in.len : 0;
    case TD_RECOVERY_COBS:
        return td_cobs_in_byte(&rec->cobs_in, byte) == TD_RAW_PACKET ? rec->cobs_in.len : 0;
    }
    return 0;
}

static void forget_stalled(struct td_recovery *rec)
{
    uint32_t most = rec->cfg->timeout_ms != 0 ? rec->cfg->timeout_ms : TIMEOUT_MS;

    if (td_raw_in_waits(&rec->raw_in) && rec->now_ms - rec->heard_ms >= most)
        td_raw_in_forget(&rec->raw_in);
}

size_t td_recovery_receive(struct td_recovery *rec, uint32_t now_ms, const uint8_t *bytes,
                           size_t len)
{
    size_t at = 0;

    rec->now_ms = now_ms;
    forget_stalled(rec);
    while (at < len && rec->tx_len == 0 && !td_server_owes(&rec->srv)) {
        size_t packet = hear(rec, bytes[at++]);

        rec->heard_ms = now_ms;
        if (packet > 0)
            handle(rec, packet);
    }
    return at;
}

/* ---- in between ------------------------------------------------------------------------ */

bool td_recovery_busy(const struct td_recovery *rec)
{
    return td_server_busy(&rec->srv);
}

void td_recovery_work(struct td_recovery *rec, uint32_t now_ms, uint32_t budget_us)
{
    struct td_server_reply reply;

    rec->now_ms = now_ms;
    if (rec->tx_len > 0 || !td_server_busy(&rec->srv))
        return;
    td_server_work(&rec->srv, budget_us, rec->buf.tx, rec->buf.size, &reply);
    begin_answer(rec, reply.len);
}

bool td_recovery_resets(const struct td_recovery *rec, uint32_t now_ms,
                        struct td_server_reset *reset)
{
    if (!rec->reset_due || rec->tx_len > 0 || now_ms - rec->reset_ms < rec->reset.delay_ms)
        return false;
    *reset = rec->reset;
    return true;
}
