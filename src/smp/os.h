/*
 * smp/os.h - group 0, the device as such: echo, reset, buffer parameters, bootloader.
 *
 * put writes a whole map with a writer that stands inside td_smp_begin and td_smp_end; its
 * errors show in the writer. get reads a message's payload: TD_EFORMAT, TD_ETRUNC and
 * TD_EUNSUPPORTED as td_cbor_get_map. Absent keys have has_ false; texts point into the payload.
 */
#ifndef TD_SMP_OS_H
#define TD_SMP_OS_H

#include "smp/header.h"

enum td_os_id {
    TD_OS_ECHO = 0,       /* R, W */
    TD_OS_RESET = 5,      /* W */
    TD_OS_PARAMS = 6,     /* R */
    TD_OS_BOOTLOADER = 8, /* R */
};

struct td_os_echo {
    bool has_text; /* "d" in the request, "r" in the answer */
    struct td_cbor_text text;
};

void td_os_echo_req_put(struct td_cbor_writer *w, const struct td_os_echo *req);
enum td_err td_os_echo_req_get(const uint8_t *payload, size_t len, struct td_os_echo *req);
void td_os_echo_rsp_put(struct td_cbor_writer *w, const struct td_os_echo *rsp);
enum td_err td_os_echo_rsp_get(const uint8_t *payload, size_t len, struct td_os_echo *rsp);

enum td_os_boot_mode { TD_OS_BOOT_NORMAL = 0, TD_OS_BOOT_BOOTLOADER = 1 };

/* The answer is an empty map. */
struct td_os_reset_req {
    bool has_force, force;
    bool has_boot_mode;
    uint32_t boot_mode; /* enum td_os_boot_mode; up to 255 */
};

/* Some builds have force as a number; reading takes 0 and other numbers for false and true. */
void td_os_reset_req_put(struct td_cbor_writer *w, const struct td_os_reset_req *req);
enum td_err td_os_reset_req_get(const uint8_t *payload, size_t len, struct td_os_reset_req *req);

/* The request is an empty map. */
struct td_os_params_rsp {
    bool has_buf_size, has_buf_count;
    uint32_t buf_size;  /* bytes of the largest message, header included */
    uint32_t buf_count; /* buffers for requests and answers together */
};

void td_os_params_rsp_put(struct td_cbor_writer *w, const struct td_os_params_rsp *rsp);
enum td_err td_os_params_rsp_get(const uint8_t *payload, size_t len, struct td_os_params_rsp *rsp);

/* Queries: none gives the name, "mode" the mode; Nordic's trees add "active_b0_slot". */
struct td_os_bootloader_req {
    bool has_query;
    struct td_cbor_text query;
};

struct td_os_bootloader_rsp {
    bool has_name, has_mode, has_no_downgrade, has_active;
    struct td_cbor_text name; /* "MCUboot" */
    int32_t mode;             /* enum td_strategy_id of slot/room.h; -1 unknown */
    bool no_downgrade;
    uint32_t active; /* which of S0 and S1 runs */
};

void td_os_bootloader_req_put(struct td_cbor_writer *w, const struct td_os_bootloader_req *req);
enum td_err td_os_bootloader_req_get(const uint8_t *payload, size_t len,
                                     struct td_os_bootloader_req *req);
void td_os_bootloader_rsp_put(struct td_cbor_writer *w, const struct td_os_bootloader_rsp *rsp);
enum td_err td_os_bootloader_rsp_get(const uint8_t *payload, size_t len,
                                     struct td_os_bootloader_rsp *rsp);

#endif
