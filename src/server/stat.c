/* server/stat.c - group 2: counters, read from the back ends that the config lists. */
#include "server/server_priv.h"
#include "smp/stat.h"

enum { NAME_END = 32 /* longer names are malformed, as Zephyr's server has it */ };

static const struct td_server_stat *find(const struct td_server_config *cfg,
                                         struct td_cbor_text name)
{
    for (uint8_t i = 0; i < cfg->n_stats; i++)
        if (td_cbor_text_is(cfg->stats[i].name, name))
            return &cfg->stats[i];
    return NULL;
}

struct td_server_result td_server_stat_show(struct td_server_call *call)
{
    const struct td_server_stat *stat;
    struct td_stat_show_req req;

    if (td_stat_show_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    if (req.name.len == 0 || req.name.len >= NAME_END)
        return td_result_rc(TD_SMP_RC_INVALID, TD_TEXT("no name, or too long"));
    stat = find(call->srv->cfg, req.name);
    if (stat == NULL)
        return td_result_err(TD_STAT_INVALID_NAME, TD_TEXT("no statistics of that name"));
    td_stat_show_put_begin(call->out, stat->name);
    for (unsigned i = 0; i < stat->n_fields; i++) {
        const struct td_stat_field field = { stat->fields[i], stat->value(stat->ctx, i) };

        td_stat_show_put(call->out, &field);
    }
    td_stat_show_put_end(call->out);
    return td_result_done();
}

struct td_server_result td_server_stat_list(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;

    td_stat_list_put_begin(call->out);
    for (uint8_t i = 0; i < cfg->n_stats; i++)
        td_stat_list_put(call->out, cfg->stats[i].name);
    td_stat_list_put_end(call->out);
    return td_result_done();
}
