/*
 * smp/settings.h - group 3, settings: values by name, bytes without a type.
 *
 * put and get as in smp/os.h. The requests of commit and load and the answers of all but read
 * are empty maps.
 */
#ifndef TD_SMP_SETTINGS_H
#define TD_SMP_SETTINGS_H

#include "smp/header.h"

enum td_settings_id {
    TD_SETTINGS_VALUE = 0,     /* R reads, W writes */
    TD_SETTINGS_DELETE = 1,    /* W */
    TD_SETTINGS_COMMIT = 2,    /* W: what was written takes effect */
    TD_SETTINGS_LOAD_SAVE = 3, /* R loads from flash, W saves to it */
};

struct td_settings_read_req {
    bool has_name, has_max_size;
    struct td_cbor_text name;
    uint32_t max_size; /* bytes of a value that is longer are cut off */
};

struct td_settings_read_rsp {
    bool has_val, has_max_size;
    struct td_cbor_bytes val;
    uint32_t max_size; /* the device's own limit, when it is less than was asked for */
};

void td_settings_read_req_put(struct td_cbor_writer *w, const struct td_settings_read_req *req);
enum td_err td_settings_read_req_get(const uint8_t *payload, size_t len,
                                     struct td_settings_read_req *req);
void td_settings_read_rsp_put(struct td_cbor_writer *w, const struct td_settings_read_rsp *rsp);
enum td_err td_settings_read_rsp_get(const uint8_t *payload, size_t len,
                                     struct td_settings_read_rsp *rsp);

struct td_settings_write_req {
    bool has_name, has_val;
    struct td_cbor_text name;
    struct td_cbor_bytes val;
};

void td_settings_write_req_put(struct td_cbor_writer *w, const struct td_settings_write_req *req);
enum td_err td_settings_write_req_get(const uint8_t *payload, size_t len,
                                      struct td_settings_write_req *req);

/* The request of delete, and of save: without a name everything is saved. */
struct td_settings_name_req {
    bool has_name;
    struct td_cbor_text name;
};

void td_settings_name_req_put(struct td_cbor_writer *w, const struct td_settings_name_req *req);
enum td_err td_settings_name_req_get(const uint8_t *payload, size_t len,
                                     struct td_settings_name_req *req);

#endif
