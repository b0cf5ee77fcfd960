/* server/settings.c - group 3: settings by name, kept by a back end. */
#include "server/server_priv.h"
#include "smp/settings.h"

enum { NAME_MAX_DEFAULT = 31, VALUE_MAX_DEFAULT = 256 };

/* Bytes of {"val":bytes,"max_size":uint} beside the value itself. */
enum { READ_AROUND = 1 + 4 + 5 + 9 + 5 + 1 };

static uint32_t value_max(const struct td_server_settings *settings)
{
    return settings->value_max > 0 ? settings->value_max : VALUE_MAX_DEFAULT;
}

/* DONE when a setting may have this name. */
static struct td_server_result check_name(const struct td_server_settings *settings,
                                          struct td_cbor_text name)
{
    size_t max = settings->name_max > 0 ? settings->name_max : NAME_MAX_DEFAULT;

    if (name.len == 0)
        return td_result_rc(TD_SMP_RC_INVALID, TD_TEXT("no name"));
    if (name.len > max)
        return td_result_err(TD_SETTINGS_NAME_TOO_LONG, TD_TEXT("name too long"));
    return td_result_done();
}

/* How a back end's call ended; what it says about names differs from command to command. */
static struct td_server_result result_of(enum td_err err, uint32_t not_found, uint32_t unsupported)
{
    switch (err) {
    case TD_OK: return td_result_done();
    case TD_ENOTFOUND: return td_result_err(not_found, TD_TEXT("no such setting"));
    case TD_EUNSUPPORTED: return td_result_err(unsupported, TD_TEXT("not for this setting"));
    case TD_ENOSPC: return td_result_err(TD_SETTINGS_UNKNOWN, TD_TEXT("no room left"));
    case TD_EARG: return td_result_err(TD_SETTINGS_UNKNOWN, TD_TEXT("value refused"));
    default: return td_result_err(TD_SETTINGS_UNKNOWN, TD_TEXT("settings failed"));
    }
}

static struct td_server_result put_value(struct td_server_call *call,
                                         const struct td_settings_read_req *req)
{
    const struct td_server_settings *settings = call->srv->cfg->settings;
    const uint32_t limit = value_max(settings);
    const uint32_t cap = req->has_max_size && req->max_size < limit ? req->max_size : limit;
    struct td_settings_read_rsp rsp = { .has_val = true, .max_size = limit };
    size_t room, len = 0;
    uint8_t *val = td_server_tail(call, READ_AROUND, &room);
    struct td_server_result result;
    enum td_err err = settings->get(settings->ctx, req->name, val, room < cap ? room : cap, &len);

    if (err == TD_ESPACE && room < cap && len > room)
        return td_result_rc(TD_SMP_RC_MSG_SIZE, TD_TEXT("value larger than the buffer"));
    // A value that is cut off is cut off for a reason, which is told when it is ours.
    rsp.has_max_size =
        (req->has_max_size && req->max_size > limit) || (err == TD_ESPACE && cap == limit);
    if (err == TD_ESPACE)
        err = TD_OK;
    result = result_of(err, TD_SETTINGS_NOT_FOUND, TD_SETTINGS_NOT_READABLE);
    if (result.kind != TD_SERVER_DONE)
        return result;
    rsp.val = (struct td_cbor_bytes){ val, len < cap ? len : cap };
    td_settings_read_rsp_put(call->out, &rsp);
    return td_result_done();
}

struct td_server_result td_server_settings_read(struct td_server_call *call)
{
    const struct td_server_settings *settings = call->srv->cfg->settings;
    struct td_settings_read_req req;
    struct td_server_result result;

    if (settings == NULL)
        return td_result_not_built();
    if (td_settings_read_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    result = check_name(settings, req.name);
    if (result.kind != TD_SERVER_DONE)
        return result;
    if (settings->get == NULL)
        return td_result_err(TD_SETTINGS_NOT_READABLE, TD_NO_REASON);
    return put_value(call, &req);
}

/* The empty map of a command that has nothing to say, once it is done. */
static struct td_server_result done_or(struct td_server_call *call, struct td_server_result result)
{
    if (result.kind == TD_SERVER_DONE)
        td_smp_put_empty(call->out);
    return result;
}

struct td_server_result td_server_settings_write(struct td_server_call *call)
{
    const struct td_server_settings *settings = call->srv->cfg->settings;
    struct td_settings_write_req req;
    struct td_server_result result;

    if (settings == NULL)
        return td_result_not_built();
    if (td_settings_write_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    result = check_name(settings, req.name);
    if (result.kind != TD_SERVER_DONE)
        return result;
    if (settings->set == NULL)
        return td_result_err(TD_SETTINGS_NOT_WRITABLE, TD_NO_REASON);
    if (req.val.len > value_max(settings))
        return td_result_err(TD_SETTINGS_UNKNOWN, TD_TEXT("value too long"));
    return done_or(call, result_of(settings->set(settings->ctx, req.name, req.val.p, req.val.len),
                                   TD_SETTINGS_NO_ROOT, TD_SETTINGS_NOT_WRITABLE));
}

struct td_server_result td_server_settings_delete(struct td_server_call *call)
{
    const struct td_server_settings *settings = call->srv->cfg->settings;
    struct td_settings_name_req req;
    struct td_server_result result;

    if (settings == NULL)
        return td_result_not_built();
    if (td_settings_name_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    result = check_name(settings, req.name);
    if (result.kind != TD_SERVER_DONE)
        return result;
    if (settings->remove == NULL)
        return td_result_err(TD_SETTINGS_NOT_DELETABLE, TD_NO_REASON);
    return done_or(call, result_of(settings->remove(settings->ctx, req.name), TD_SETTINGS_NOT_FOUND,
                                   TD_SETTINGS_NOT_DELETABLE));
}

struct td_server_result td_server_settings_commit(struct td_server_call *call)
{
    const struct td_server_settings *settings = call->srv->cfg->settings;

    if (settings == NULL || settings->commit == NULL)
        return td_result_not_built();
    return done_or(
        call, result_of(settings->commit(settings->ctx), TD_SETTINGS_UNKNOWN, TD_SETTINGS_UNKNOWN));
}

struct td_server_result td_server_settings_load(struct td_server_call *call)
{
    const struct td_server_settings *settings = call->srv->cfg->settings;

    if (settings == NULL || settings->load == NULL)
        return td_result_not_built();
    return done_or(
        call, result_of(settings->load(settings->ctx), TD_SETTINGS_UNKNOWN, TD_SETTINGS_UNKNOWN));
}

struct td_server_result td_server_settings_save(struct td_server_call *call)
{
    const struct td_server_settings *settings = call->srv->cfg->settings;
    struct td_settings_name_req req;
    struct td_server_result result = td_result_done();

    if (settings == NULL)
        return td_result_not_built();
    if (call->hdr->len == 0 ||
        td_settings_name_req_get(call->payload, call->hdr->len, &req) != TD_OK)
        return td_result_malformed();
    if (settings->save == NULL)
        return td_result_err(TD_SETTINGS_NOT_SAVABLE, TD_NO_REASON);
    if (req.has_name)
        result = check_name(settings, req.name);
    if (result.kind == TD_SERVER_DONE)
        result = result_of(settings->save(settings->ctx, req.name), TD_SETTINGS_NOT_FOUND,
                           TD_SETTINGS_NOT_SAVABLE);
    return done_or(call, result);
}
