#include "smp/enum.h"

#include "base/range.h"

enum td_err td_enum_groups_get_begin(const uint8_t *payload, size_t len,
                                     struct td_enum_groups *groups)
{
    bool found;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_LIST("groups", &groups->reader, &found),
    };
    enum td_err err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));

    if (err != TD_OK)
        return err;
    return found ? td_cbor_list_begin(&groups->reader, &groups->walk) : TD_EFORMAT;
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
