/* server/basic.c - group 63: settings and bonds are erased. */
#include "server/server_priv.h"
#include "smp/basic.h"

/* DONE: it may be erased, but for what the store keeps to know after a power cut that it was. */
static struct td_server_result ask_begin(const struct td_server_call *call,
                                         struct td_flash_sector *keep)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_cbor_text reason = TD_NO_REASON;

    *keep = (struct td_flash_sector){ 0, 0 };
    if (call->resumed || cfg->hooks == NULL || cfg->hooks->storage_begin == NULL)
        return td_result_done();
    return td_result_of_hook(cfg->hooks->storage_begin(cfg->hook_ctx, keep, &reason), reason);
}

struct td_server_result td_server_basic_erase(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_server_result result;
    struct td_flash_sector keep;
    uint32_t behind;
    enum td_err err;

    if (td_smp_get_map(call->payload, call->hdr->len, NULL, 0) != TD_OK)
        return td_result_malformed();
    if (cfg->storage == NULL)
        return td_result_err(TD_BASIC_FLASH_OPEN, TD_TEXT("no storage area"));
    result = ask_begin(call, &keep);
    if (result.kind != TD_SERVER_DONE)
        return result;
    behind = keep.off + keep.size;
    if (!td_server_erase(call, cfg->storage,
                         (struct td_server_range){ behind, cfg->storage->size - behind },
                         (struct td_server_range){ 0, keep.off }, &err))
        return td_result_wait();
    td_server_storage_erased(call->srv);
    if (err != TD_OK)
        return td_result_err(TD_BASIC_FLASH_ERASE, TD_TEXT("flash erase failed"));
    td_smp_put_empty(call->out);
    return td_result_done();
}
