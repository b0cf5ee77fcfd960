#include "smp/os.h"

#include "base/range.h"

static void put_echo(struct td_cbor_writer *w, struct td_cbor_text key,
                     const struct td_os_echo *echo)
{
    td_cbor_open_map(w);
    if (echo->has_text) {
        td_cbor_put_text(w, key);
        td_cbor_put_text(w, echo->text);
    }
    td_cbor_close(w);
}

void td_os_echo_req_put(struct td_cbor_writer *w, const struct td_os_echo *req)
{
    put_echo(w, TD_TEXT("d"), req);
}

void td_os_echo_rsp_put(struct td_cbor_writer *w, const struct td_os_echo *rsp)
{
    put_echo(w, TD_TEXT("r"), rsp);
}

enum td_err td_os_echo_req_get(const uint8_t *payload, size_t len, struct td_os_echo *req)
{
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_TEXT("d", &req->text, &req->has_text) };

    *req = (struct td_os_echo){ .has_text = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

enum td_err td_os_echo_rsp_get(const uint8_t *payload, size_t len, struct td_os_echo *rsp)
{
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_TEXT("r", &rsp->text, &rsp->has_text) };

    *rsp = (struct td_os_echo){ .has_text = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_os_reset_req_put(struct td_cbor_writer *w, const struct td_os_reset_req *req)
{
    td_cbor_open_map(w);
    if (req->has_force) {
        td_cbor_key(w, "force");
        td_cbor_put_bool(w, req->force);
    }
    if (req->has_boot_mode) {
        td_cbor_key(w, "boot_mode");
        td_cbor_put_uint(w, req->boot_mode);
    }
    td_cbor_close(w);
}

enum td_err td_os_reset_req_get(const uint8_t *payload, size_t len, struct td_os_reset_req *req)
{
    const struct td_cbor_field as_bool[] = {
        TD_CBOR_FIELD_BOOL("force", &req->force, &req->has_force),
        TD_CBOR_FIELD_UINT("boot_mode", &req->boot_mode, &req->has_boot_mode),
    };
    uint32_t force = 0;
    const struct td_cbor_field as_number[] = {
        TD_CBOR_FIELD_UINT("force", &force, &req->has_force),
        TD_CBOR_FIELD_UINT("boot_mode", &req->boot_mode, &req->has_boot_mode),
    };
    enum td_err err;

    *req = (struct td_os_reset_req){ .has_force = false };
    err = td_smp_get_map(payload, len, as_bool, TD_N_OF(as_bool));
    if (err != TD_EFORMAT)
        return err;
    *req = (struct td_os_reset_req){ .has_force = false };
    err = td_smp_get_map(payload, len, as_number, TD_N_OF(as_number));
    req->force = force != 0;
    return err;
}

void td_os_params_rsp_put(struct td_cbor_writer *w, const struct td_os_params_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_buf_size) {
        td_cbor_key(w, "buf_size");
        td_cbor_put_uint(w, rsp->buf_size);
    }
    if (rsp->has_buf_count) {
        td_cbor_key(w, "buf_count");
        td_cbor_put_uint(w, rsp->buf_count);
    }
    td_cbor_close(w);
}

enum td_err td_os_params_rsp_get(const uint8_t *payload, size_t len, struct td_os_params_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("buf_size", &rsp->buf_size, &rsp->has_buf_size),
        TD_CBOR_FIELD_UINT("buf_count", &rsp->buf_count, &rsp->has_buf_count),
    };

    *rsp = (struct td_os_params_rsp){ .has_buf_size = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_os_bootloader_req_put(struct td_cbor_writer *w, const struct td_os_bootloader_req *req)
{
    td_cbor_open_map(w);
    if (req->has_query) {
        td_cbor_key(w, "query");
        td_cbor_put_text(w, req->query);
    }
    td_cbor_close(w);
}

enum td_err td_os_bootloader_req_get(const uint8_t *payload, size_t len,
                                     struct td_os_bootloader_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("query", &req->query, &req->has_query),
    };

    *req = (struct td_os_bootloader_req){ .has_query = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_os_bootloader_rsp_put(struct td_cbor_writer *w, const struct td_os_bootloader_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_name) {
        td_cbor_key(w, "bootloader");
        td_cbor_put_text(w, rsp->name);
    }
    if (rsp->has_mode) {
        td_cbor_key(w, "mode");
        td_cbor_put_int(w, rsp->mode);
    }
    if (rsp->has_no_downgrade) {
        td_cbor_key(w, "no-downgrade");
        td_cbor_put_bool(w, rsp->no_downgrade);
    }
    if (rsp->has_active) {
        td_cbor_key(w, "active");
        td_cbor_put_uint(w, rsp->active);
    }
    td_cbor_close(w);
}

enum td_err td_os_bootloader_rsp_get(const uint8_t *payload, size_t len,
                                     struct td_os_bootloader_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("bootloader", &rsp->name, &rsp->has_name),
        TD_CBOR_FIELD_INT("mode", &rsp->mode, &rsp->has_mode),
        TD_CBOR_FIELD_BOOL("no-downgrade", &rsp->no_downgrade, &rsp->has_no_downgrade),
        TD_CBOR_FIELD_UINT("active", &rsp->active, &rsp->has_active),
    };

    *rsp = (struct td_os_bootloader_rsp){ .has_name = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}
