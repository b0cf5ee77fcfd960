/* server/enum.c - group 10: which groups the config names. */
#include "smp/enum.h"

#include "server/server_priv.h"

enum { INDEX_MAX = 65535 };

/* A list that does not fit is what it is for the manner's clients. */
static struct td_server_result list_result(const struct td_server_call *call)
{
    if (call->out->err == TD_ESPACE && call->srv->cfg->manner->full_list_is_corrupt)
        return td_result_rc(TD_SMP_RC_CORRUPT, TD_NO_REASON);
    return td_result_done();
}

struct td_server_result td_server_enum_count(struct td_server_call *call)
{
    const struct td_enum_count_rsp rsp = { true, call->srv->cfg->n_groups };

    td_enum_count_rsp_put(call->out, &rsp);
    return td_result_done();
}

struct td_server_result td_server_enum_list(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;

    td_enum_groups_put_begin(call->out);
    for (uint8_t i = 0; i < cfg->n_groups; i++)
        td_enum_groups_put_number(call->out, cfg->groups[i]->id);
    td_enum_groups_put_end(call->out);
    return list_result(call);
}

struct td_server_result td_server_enum_single(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_enum_single_req req;
    struct td_enum_single_rsp rsp = { .has_group = true };

    // A map without keys asks for the first group; no map at all is malformed.
    if (call->hdr->len == 0 ||
        td_enum_single_req_get(call->payload, call->hdr->len, &req) != TD_OK ||
        req.index > INDEX_MAX)
        return td_result_malformed();
    if (req.index >= cfg->n_groups)
        return td_result_err(TD_ENUM_INDEX_TOO_LARGE, TD_TEXT("no group has this index"));
    rsp.group = cfg->groups[req.index]->id;
    rsp.end = req.index + 1 == cfg->n_groups;
    td_enum_single_rsp_put(call->out, &rsp);
    return td_result_done();
}

/* ---- details -------------------------------------------------------------------------- */

/* Ids from 0 to the highest, as a server counts that has a table with a row for each. */
static uint32_t count_handlers(const struct td_server_group *group)
{
    uint32_t n = 0;

    for (uint8_t i = 0; i < group->n_commands; i++)
        if (group->commands[i].id >= n)
            n = group->commands[i].id + 1u;
    return n;
}

/* Whether the request's list names the group; an empty list names all. */
static enum td_err is_wanted(struct td_enum_groups list, uint16_t id, bool *wanted)
{
    struct td_enum_group group = { .group = 0 };
    bool end = false, any = false;
    enum td_err err = TD_OK;

    *wanted = false;
    while (err == TD_OK) {
        err = td_enum_groups_get(&list, &group, &end);
        if (err != TD_OK || end)
            break;
        any = true;
        if (group.group == id)
            *wanted = true;
    }
    if (!any)
        *wanted = true;
    return err;
}

struct td_server_result td_server_enum_details(struct td_server_call *call)
{
    const struct td_server_config *cfg = call->srv->cfg;
    struct td_enum_groups list;
    bool all, wanted = true;
    enum td_err err = td_enum_details_req_get_begin(call->payload, call->hdr->len, &list, &all);

    if (call->hdr->len == 0)
        err = TD_EFORMAT;
    td_enum_groups_put_begin(call->out);
    for (uint8_t i = 0; err == TD_OK && i < cfg->n_groups; i++) {
        const struct td_server_group *group = cfg->groups[i];
        const struct td_enum_group entry = {
            .group = group->id,
            .has_name = true,
            .name = group->name,
            .has_handlers = true,
            .handlers = count_handlers(group),
        };

        if (!all)
            err = is_wanted(list, group->id, &wanted);
        if (err == TD_OK && wanted)
            td_enum_groups_put(call->out, &entry);
    }
    td_enum_groups_put_end(call->out);
    if (err != TD_OK)
        return td_result_malformed();
    return list_result(call);
}
