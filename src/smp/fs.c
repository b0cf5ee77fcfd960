#include "smp/fs.h"

#include "base/range.h"
#include "smp/error.h"

static void put_name(struct td_cbor_writer *w, bool has, struct td_cbor_text name)
{
    if (!has)
        return;
    td_cbor_key(w, "name");
    td_cbor_put_text(w, name);
}

static void put_off(struct td_cbor_writer *w, bool has, uint64_t off)
{
    if (!has)
        return;
    td_cbor_key(w, "off");
    td_cbor_put_uint64(w, off);
}

static void put_len(struct td_cbor_writer *w, bool has, uint64_t len)
{
    if (!has)
        return;
    td_cbor_key(w, "len");
    td_cbor_put_uint64(w, len);
}

static void put_data(struct td_cbor_writer *w, bool has, struct td_cbor_bytes data)
{
    if (!has)
        return;
    td_cbor_key(w, "data");
    td_cbor_put_bytes(w, data.p, data.len);
}

/* ---- download ------------------------------------------------------------------------ */

void td_fs_download_req_put(struct td_cbor_writer *w, const struct td_fs_download_req *req)
{
    td_cbor_open_map(w);
    put_off(w, req->has_off, req->off);
    put_name(w, req->has_name, req->name);
    td_cbor_close(w);
}

enum td_err td_fs_download_req_get(const uint8_t *payload, size_t len,
                                   struct td_fs_download_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT64("off", &req->off, &req->has_off),
        TD_CBOR_FIELD_TEXT("name", &req->name, &req->has_name),
    };

    *req = (struct td_fs_download_req){ .has_off = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_fs_download_rsp_put(struct td_cbor_writer *w, const struct td_fs_download_rsp *rsp)
{
    td_cbor_open_map(w);
    put_off(w, rsp->has_off, rsp->off);
    put_data(w, rsp->has_data, rsp->data);
    put_len(w, rsp->has_len, rsp->len);
    td_cbor_close(w);
}

enum td_err td_fs_download_rsp_get(const uint8_t *payload, size_t len,
                                   struct td_fs_download_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT64("off", &rsp->off, &rsp->has_off),
        TD_CBOR_FIELD_BYTES("data", &rsp->data, &rsp->has_data),
        TD_CBOR_FIELD_UINT64("len", &rsp->len, &rsp->has_len),
    };

    *rsp = (struct td_fs_download_rsp){ .has_off = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

/* ---- upload -------------------------------------------------------------------------- */

void td_fs_upload_req_put(struct td_cbor_writer *w, const struct td_fs_upload_req *req)
{
    td_cbor_open_map(w);
    put_off(w, req->has_off, req->off);
    put_name(w, req->has_name, req->name);
    put_len(w, req->has_len, req->len);
    put_data(w, req->has_data, req->data);
    td_cbor_close(w);
}

enum td_err td_fs_upload_req_get(const uint8_t *payload, size_t len, struct td_fs_upload_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT64("off", &req->off, &req->has_off),
        TD_CBOR_FIELD_TEXT("name", &req->name, &req->has_name),
        TD_CBOR_FIELD_BYTES("data", &req->data, &req->has_data),
        TD_CBOR_FIELD_UINT64("len", &req->len, &req->has_len),
    };

    *req = (struct td_fs_upload_req){ .has_off = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_fs_upload_rsp_put(struct td_cbor_writer *w, const struct td_fs_upload_rsp *rsp)
{
    td_cbor_open_map(w);
    put_off(w, rsp->has_off, rsp->off);
    put_len(w, rsp->has_len, rsp->len);
    td_cbor_close(w);
}

enum td_err td_fs_upload_rsp_get(const uint8_t *payload, size_t len, struct td_fs_upload_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT64("off", &rsp->off, &rsp->has_off),
        TD_CBOR_FIELD_UINT64("len", &rsp->len, &rsp->has_len),
    };

    *rsp = (struct td_fs_upload_rsp){ .has_off = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_fs_upload_put_offset(struct td_cbor_writer *w, uint64_t len, struct td_cbor_text reason)
{
    td_cbor_open_map(w);
    td_smp_put_err(w, TD_SMP_GROUP_FS, TD_FS_OFFSET_NOT_VALID);
    put_len(w, true, len);
    td_smp_put_reason(w, reason);
    td_cbor_close(w);
}

/* ---- status -------------------------------------------------------------------------- */

void td_fs_status_req_put(struct td_cbor_writer *w, const struct td_fs_status_req *req)
{
    td_cbor_open_map(w);
    put_name(w, req->has_name, req->name);
    td_cbor_close(w);
}

enum td_err td_fs_status_req_get(const uint8_t *payload, size_t len, struct td_fs_status_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("name", &req->name, &req->has_name),
    };

    *req = (struct td_fs_status_req){ .has_name = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_fs_status_rsp_put(struct td_cbor_writer *w, const struct td_fs_status_rsp *rsp)
{
    td_cbor_open_map(w);
    put_len(w, rsp->has_len, rsp->len);
    td_cbor_close(w);
}

enum td_err td_fs_status_rsp_get(const uint8_t *payload, size_t len, struct td_fs_status_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT64("len", &rsp->len, &rsp->has_len),
    };

    *rsp = (struct td_fs_status_rsp){ .has_len = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

/* ---- hashes -------------------------------------------------------------------------- */

void td_fs_hash_req_put(struct td_cbor_writer *w, const struct td_fs_hash_req *req)
{
    td_cbor_open_map(w);
    put_name(w, req->has_name, req->name);
    if (req->has_type) {
        td_cbor_key(w, "type");
        td_cbor_put_text(w, req->type);
    }
    put_off(w, req->has_off, req->off);
    put_len(w, req->has_len, req->len);
    td_cbor_close(w);
}

enum td_err td_fs_hash_req_get(const uint8_t *payload, size_t len, struct td_fs_hash_req *req)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("name", &req->name, &req->has_name),
        TD_CBOR_FIELD_TEXT("type", &req->type, &req->has_type),
        TD_CBOR_FIELD_UINT64("off", &req->off, &req->has_off),
        TD_CBOR_FIELD_UINT64("len", &req->len, &req->has_len),
    };

    *req = (struct td_fs_hash_req){ .has_name = false };
    return td_smp_get_map(payload, len, fields, TD_N_OF(fields));
}

void td_fs_hash_rsp_put(struct td_cbor_writer *w, const struct td_fs_hash_rsp *rsp)
{
    td_cbor_open_map(w);
    if (rsp->has_type) {
        td_cbor_key(w, "type");
        td_cbor_put_text(w, rsp->type);
    }
    put_off(w, rsp->has_off, rsp->off);
    put_len(w, rsp->has_len, rsp->len);
    if (rsp->has_number) {
        td_cbor_key(w, "output");
        td_cbor_put_uint(w, rsp->number);
    } else if (rsp->has_bytes) {
        td_cbor_key(w, "output");
        td_cbor_put_bytes(w, rsp->bytes.p, rsp->bytes.len);
    }
    td_cbor_close(w);
}

static bool output_is_number(const uint8_t *payload, size_t len)
{
    uint32_t number;
    bool found;
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_UINT("output", &number, &found) };

    return td_smp_get_map(payload, len, fields, TD_N_OF(fields)) == TD_OK && found;
}

enum td_err td_fs_hash_rsp_get(const uint8_t *payload, size_t len, struct td_fs_hash_rsp *rsp)
{
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_TEXT("type", &rsp->type, &rsp->has_type),
        TD_CBOR_FIELD_UINT64("off", &rsp->off, &rsp->has_off),
        TD_CBOR_FIELD_UINT64("len", &rsp->len, &rsp->has_len),
        TD_CBOR_FIELD_UINT("output", &rsp->number, &rsp->has_number),
    };
    const struct td_cbor_field with_bytes[] = {
        fields[0],
        fields[1],
        fields[2],
        TD_CBOR_FIELD_BYTES("output", &rsp->bytes, &rsp->has_bytes),
    };

    *rsp = (struct td_fs_hash_rsp){ .has_type = false };
    return td_smp_get_map(payload, len, output_is_number(payload, len) ? fields : with_bytes,
                          TD_N_OF(fields));
}

void td_fs_types_put_begin(struct td_cbor_writer *w)
{
    td_cbor_open_map(w);
    td_cbor_key(w, "types");
    td_cbor_open_map(w);
}

void td_fs_types_put(struct td_cbor_writer *w, const struct td_fs_type *type)
{
    td_cbor_put_text(w, type->name);
    td_cbor_open_map(w);
    td_cbor_key(w, "format");
    td_cbor_put_uint(w, type->format);
    td_cbor_key(w, "size");
    td_cbor_put_uint(w, type->size);
    td_cbor_close(w);
}

void td_fs_types_put_end(struct td_cbor_writer *w)
{
    td_cbor_close(w);
    td_cbor_close(w);
}

enum td_err td_fs_types_get_begin(const uint8_t *payload, size_t len, struct td_fs_types *types)
{
    bool found;
    const struct td_cbor_field fields[] = { TD_CBOR_FIELD_MAP("types", &types->reader, &found) };
    enum td_err err = td_smp_get_map(payload, len, fields, TD_N_OF(fields));

    if (err != TD_OK)
        return err;
    return found ? td_cbor_map_begin(&types->reader, &types->walk) : TD_EFORMAT;
}

enum td_err td_fs_types_get(struct td_fs_types *types, struct td_fs_type *type, bool *end)
{
    struct td_fs_type t = { .format = 0 };
    bool more, has_format, has_size;
    const struct td_cbor_field fields[] = {
        TD_CBOR_FIELD_UINT("format", &t.format, &has_format),
        TD_CBOR_FIELD_UINT("size", &t.size, &has_size),
    };
    enum td_err err = td_cbor_more(&types->reader, &types->walk, &more);

    *end = err == TD_OK && !more;
    if (err != TD_OK || *end)
        return err;
    err = td_cbor_get_text(&types->reader, &t.name);
    if (err == TD_OK)
        err = td_cbor_get_map(&types->reader, fields, TD_N_OF(fields));
    if (err == TD_OK && (!has_format || !has_size))
        err = TD_EFORMAT;
    if (err == TD_OK)
        *type = t;
    return err;
}
