#include "smp/stat.h"

#include "base/range.h"

/* ---- show ---------------------------------------------------------------------------- */

void td_stat_show_req_put(struct td_cbor_writer *w, const struct td_stat_show_req *req)
{
    td_cbor_open_map(w);
    if (req->has_name) {
        td_cbor_key(w, "name");
        td_cbor_put_text(w, req->name);
    }
    td_cbor_close(w);
}

enum td_err td_stat_show_req_get(const uint8_t *payload, size_t len, struct td_stat_show_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("name", &req->name, &req->has_name),
    };

    *req = (struct td_stat_show_req){ .has_name = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_stat_show_put_begin(struct td_cbor_writer *w, struct td_cbor_text name)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "name");
    td_cbor_put_text(w, name);
    td_cbor_key(w, "fields");
    td_cbor_open_map(w);
}

void td_stat_show_put(struct td_cbor_writer *w, const struct td_stat_field *field)
{
    td_cbor_put_text(w, field->name);
    td_cbor_put_uint64(w, field->value);
}

void td_stat_show_put_end(struct td_cbor_writer *w)
{
    td_cbor_close(w);
    td_cbor_close(w);
}

enum td_err td_stat_show_get_begin(const uint8_t *payload, size_t len, struct td_stat_show *show)
{
    bool has_fields;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("name", &show->name, &show->has_name),
        TD_CBOR_FIELD_MAP("fields", &show->reader, &has_fields),
    };
    enum td_err err;

    *show = (struct td_stat_show){ .has_name = false };
    err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));
    if (err != TD_OK)
        return err;
    return has_fields ? td_cbor_map_begin(&show->reader, &show->walk) : TD_EFORMAT;
}

enum td_err td_stat_show_get(struct td_stat_show *show, struct td_stat_field *field, bool *end)
{
    struct td_stat_field f = { .value = 0 };
    bool more;
    enum td_err err = td_cbor_more(&show->reader, &show->walk, &more);

    *end = err == TD_OK && !more;
    if (err != TD_OK || *end)
        return err;
    err = td_cbor_get_text(&show->reader, &f.name);
    if (err == TD_OK)
        err = td_cbor_get_uint64(&show->reader, &f.value);
    if (err == TD_OK)
        *field = f;
    return err;
}

/* ---- list ---------------------------------------------------------------------------- */

void td_stat_list_put_begin(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "stat_list");
    td_cbor_open_list(w);
}

void td_stat_list_put(struct td_cbor_writer *w, struct td_cbor_text name)
{
    td_cbor_put_text(w, name);
}

void td_stat_list_put_end(struct td_cbor_writer *w)
{
    td_cbor_close(w);
    td_cbor_close(w);
}

enum td_err td_stat_list_get_begin(const uint8_t *payload, size_t len, struct td_stat_list *list)
{
    bool found;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_LIST("stat_list", &list->reader, &found),
    };
    enum td_err err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));

    if (err != TD_OK)
        return err;
    return found ? td_cbor_list_begin(&list->reader, &list->walk) : TD_EFORMAT;
}

enum td_err td_stat_list_get(struct td_stat_list *list, struct td_cbor_text *name, bool *end)
{
    bool more;
    enum td_err err = td_cbor_more(&list->reader, &list->walk, &more);

    *end = err == TD_OK && !more;
    return err != TD_OK || *end ? err : td_cbor_get_text(&list->reader, name);
}
