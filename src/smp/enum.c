#include "smp/enum.h"

#include "base/range.h"

void td_enum_count_rsp_put(struct td_cbor_writer *w, const struct td_enum_count_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_count) {
        td_cbor_key(w, "count");
        td_cbor_put_uint(w, rsp->count);
    }
    td_cbor_close(w);
}

enum td_err td_enum_count_rsp_get(const uint8_t *payload, size_t len, struct td_enum_count_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("count", &rsp->count, &rsp->has_count),
    };

    *rsp = (struct td_enum_count_rsp){ .has_count = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_enum_single_req_put(struct td_cbor_writer *w, const struct td_enum_single_req *req)
{
    td_cbor_open_map(w);
    if (req->has_index) {
        td_cbor_key(w, "index");
        td_cbor_put_uint(w, req->index);
    }
    td_cbor_close(w);
}

enum td_err td_enum_single_req_get(const uint8_t *payload, size_t len,
                                   struct td_enum_single_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("index", &req->index, &req->has_index),
    };

    *req = (struct td_enum_single_req){ .has_index = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_enum_single_rsp_put(struct td_cbor_writer *w, const struct td_enum_single_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_group) {
        td_cbor_key(w, "group");
        td_cbor_put_uint(w, rsp->group);
    }
    if (rsp->end) {
        td_cbor_key(w, "end");
        td_cbor_put_bool(w, true);
    }
    td_cbor_close(w);
}

enum td_err td_enum_single_rsp_get(const uint8_t *payload, size_t len,
                                   struct td_enum_single_rsp *rsp)
{
    bool has_end;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("group", &rsp->group, &rsp->has_group),
        TD_CBOR_FIELD_BOOL("end", &rsp->end, &has_end),
    };

    *rsp = (struct td_enum_single_rsp){ .has_group = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

/* ---- lists ---------------------------------------------------------------------------- */

void td_enum_groups_put_begin(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "groups");
    td_cbor_open_list(w);
}

void td_enum_groups_put_number(struct td_cbor_writer *w, uint32_t group)
{
    td_cbor_put_uint(w, group);
}

void td_enum_groups_put(struct td_cbor_writer *w, const struct td_enum_group *group)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "group");
    td_cbor_put_uint(w, group->group);
    if (group->has_name) {
        td_cbor_key(w, "name");
        td_cbor_put_text(w, group->name);
    }
    if (group->has_handlers) {
        td_cbor_key(w, "handlers");
        td_cbor_put_uint(w, group->handlers);
    }
    td_cbor_close(w);
}

void td_enum_groups_put_end(struct td_cbor_writer *w)
{
    td_cbor_close(w);
    td_cbor_close(w);
}

enum td_err td_enum_details_req_get_begin(const uint8_t *payload, size_t len,
                                          struct td_enum_groups *groups, bool *all)
{
    bool found;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_LIST("groups", &groups->reader, &found),
    };
    enum td_err err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));

    *all = err == TD_OK && !found;
    if (err != TD_OK || *all)
        return err;
    return td_cbor_list_begin(&groups->reader, &groups->walk);
}

enum td_err td_enum_groups_get_begin(const uint8_t *payload, size_t len,
                                     struct td_enum_groups *groups)
{
    bool all;
    enum td_err err = td_enum_details_req_get_begin(payload, len, groups, &all);

    return err == TD_OK && all ? TD_EFORMAT : err;
}

enum td_err td_enum_groups_get(struct td_enum_groups *groups, struct td_enum_group *group,
                               bool *end)
{
    struct td_enum_group g = { .has_name = false };
    bool more, has_number;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("group", &g.group, &has_number),
        TD_CBOR_FIELD_TEXT("name", &g.name, &g.has_name),
        TD_CBOR_FIELD_UINT("handlers", &g.handlers, &g.has_handlers),
    };
    enum td_err err = td_cbor_more(&groups->reader, &groups->walk, &more);

    *end = err == TD_OK && !more;
    if (err != TD_OK || *end)
        return err;
    if (td_cbor_get_uint(&groups->reader, &g.group) != TD_OK) {
        err = td_cbor_get_map(&groups->reader, fields, TD_N_OF(fields));
        if (err == TD_OK && !has_number)
            err = TD_EFORMAT;
    }
    if (err == TD_OK)
        *group = g;
    return err;
}
