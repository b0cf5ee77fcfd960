/* server/os.c - group 0. */
#include "base/range.h"
#include "server/server_priv.h"
#include "smp/tandem.h"

enum { RESET_DELAY_MS = 250, BOOT_MODE_MAX = 255 };

struct td_server_result td_server_os_echo(struct td_server_call *call)
{
    struct td_os_echo echo;

    // A map without a text is fine, and no map at all is not.
    if (call->hdr->len == 0 || td_os_echo_req_get(call->payload, call->hdr->len, &echo) != TD_OK)
        return td_result_malformed();
    // Without a text it gives back an empty one, as Zephyr's does.
    echo.has_text = true;
    td_os_echo_rsp_put(call->out, &echo);
    return td_result_done();
}

/* Who asks wants a line without an echo: there is none. */
struct td_server_result td_server_os_console(struct td_server_call *call)
{
    td_smp_put_rc(call->out, TD_SMP_RC_OK, TD_NO_REASON);
    return td_result_done();
}

struct td_server_result td_server_os_reset(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_cbor_text reason = TD_NO_REASON;
    struct td_os_reset_req req;
    struct td_server_reset reset = { .delay_ms = RESET_DELAY_MS };
    uint32_t said;

    if (cfg->hooks == NULL || cfg->hooks->reset == NULL)
        return td_result_not_built();
    // A device that shall be reset may be in a bad way: a request that makes no sense is a reset.
    if (td_os_reset_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        req = (struct td_os_reset_req){ .has_force = false };
    if (req.has_boot_mode && req.boot_mode > BOOT_MODE_MAX)
        return td_result_rc(TD_SMP_RC_INVALID, TD_TEXT("no such boot mode"));
    reset.force = req.has_force && req.force;
    reset.boot_mode = req.has_boot_mode ? (uint8_t)req.boot_mode : TD_OS_BOOT_NORMAL;
    said = cfg->hooks->reset(cfg->hook_ctx, &reset, &reason);
    if (said != TD_SMP_RC_OK)
        return td_result_of_hook(said, reason);
    td_smp_put_empty(call->out);
    return td_result_done();
}

struct td_server_result td_server_os_params(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    const struct td_os_params_rsp rsp = {
        .has_buf_size = true,
        .buf_size = cfg->buf_size,
        .has_buf_count = true,
        .buf_count = cfg->buf_count,
    };

    td_os_params_rsp_put(call->out, &rsp);
    return td_result_done();
}

struct td_server_result td_server_os_bootloader(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_os_bootloader_req req;
    struct td_os_bootloader_rsp rsp = { .has_name = false };

    if (td_os_bootloader_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    if (!req.has_query) {
        rsp.has_name = true;
        rsp.name = cfg->bootloader;
    } else if (td_cbor_text_is(req.query, TD_TEXT("mode")) && cfg->n_images > 0) {
        rsp.has_mode = true;
        rsp.mode = (int32_t)cfg->images[cfg->running_image].strategy;
        rsp.has_no_downgrade = cfg->no_downgrade;
        rsp.no_downgrade = true;
    } else if (td_cbor_text_is(req.query, TD_TEXT("active_b0_slot")) && cfg->stage != NULL) {
        rsp.has_active = true;
        rsp.active = cfg->stage->slot;
    } else {
        return td_result_err(TD_OS_NO_ANSWER, TD_TEXT("unknown query"));
    }
    td_os_bootloader_rsp_put(call->out, &rsp);
    return td_result_done();
}
