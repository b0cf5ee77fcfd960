#include "smp/settings.h"

#include "base/range.h"

void td_settings_read_req_put(struct td_cbor_writer *w, const struct td_settings_read_req *req)
{
    td_cbor_open_map(w);
    if (req->has_name) {
        td_cbor_key(w, "name");
        td_cbor_put_text(w, req->name);
    }
    if (req->has_max_size) {
        td_cbor_key(w, "max_size");
        td_cbor_put_uint(w, req->max_size);
    }
    td_cbor_close(w);
}

enum td_err td_settings_read_req_get(const uint8_t *payload, size_t len,
                                     struct td_settings_read_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("name", &req->name, &req->has_name),
        TD_CBOR_FIELD_UINT("max_size", &req->max_size, &req->has_max_size),
    };

    *req = (struct td_settings_read_req){ .has_name = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_settings_read_rsp_put(struct td_cbor_writer *w, const struct td_settings_read_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_val) {
        td_cbor_key(w, "val");
        td_cbor_put_bytes(w, rsp->val.p, rsp->val.len);
    }
    if (rsp->has_max_size) {
        td_cbor_key(w, "max_size");
        td_cbor_put_uint(w, rsp->max_size);
    }
    td_cbor_close(w);
}

enum td_err td_settings_read_rsp_get(const uint8_t *payload, size_t len,
                                     struct td_settings_read_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_BYTES("val", &rsp->val, &rsp->has_val),
        TD_CBOR_FIELD_UINT("max_size", &rsp->max_size, &rsp->has_max_size),
    };

    *rsp = (struct td_settings_read_rsp){ .has_val = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_settings_write_req_put(struct td_cbor_writer *w, const struct td_settings_write_req *req)
{
    td_cbor_open_map(w);
    if (req->has_name) {
        td_cbor_key(w, "name");
        td_cbor_put_text(w, req->name);
    }
    if (req->has_val) {
        td_cbor_key(w, "val");
        td_cbor_put_bytes(w, req->val.p, req->val.len);
    }
    td_cbor_close(w);
}

enum td_err td_settings_write_req_get(const uint8_t *payload, size_t len,
                                      struct td_settings_write_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("name", &req->name, &req->has_name),
        TD_CBOR_FIELD_BYTES("val", &req->val, &req->has_val),
    };

    *req = (struct td_settings_write_req){ .has_name = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_settings_name_req_put(struct td_cbor_writer *w, const struct td_settings_name_req *req)
{
    td_cbor_open_map(w);
    if (req->has_name) {
        td_cbor_key(w, "name");
        td_cbor_put_text(w, req->name);
    }
    td_cbor_close(w);
}

enum td_err td_settings_name_req_get(const uint8_t *payload, size_t len,
                                     struct td_settings_name_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("name", &req->name, &req->has_name),
    };

    *req = (struct td_settings_name_req){ .has_name = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}
