/*
 * smp/os.h - group 0, the device as such: echo, reset, buffer parameters, bootloader, threads,
 * memory, clock.
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
    TD_OS_CONSOLE = 1,    /* any: whether the console echoes; bootloaders answer {"rc":0} */
    TD_OS_TASKS = 2,      /* R */
    TD_OS_POOLS = 3,      /* R */
    TD_OS_DATETIME = 4,   /* R, W */
    TD_OS_RESET = 5,      /* W */
    TD_OS_PARAMS = 6,     /* R */
    TD_OS_INFO = 7,       /* R */
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

/* "datetime" of the answer and of the request that sets it: yyyy-MM-ddTHH:mm:ss[.SSS]. */
struct td_os_datetime {
    bool has_text;
    struct td_cbor_text text;
};

void td_os_datetime_put(struct td_cbor_writer *w, const struct td_os_datetime *datetime);
enum td_err td_os_datetime_get(const uint8_t *payload, size_t len, struct td_os_datetime *datetime);

/* Letters say what is wanted ("s" kernel, "n" node, "v" version, "a" all ...); without: "s". */
struct td_os_info_req {
    bool has_format;
    struct td_cbor_text format;
};

struct td_os_info_rsp {
    bool has_output;
    struct td_cbor_text output;
};

void td_os_info_req_put(struct td_cbor_writer *w, const struct td_os_info_req *req);
enum td_err td_os_info_req_get(const uint8_t *payload, size_t len, struct td_os_info_req *req);
void td_os_info_rsp_put(struct td_cbor_writer *w, const struct td_os_info_rsp *rsp);
enum td_err td_os_info_rsp_get(const uint8_t *payload, size_t len, struct td_os_info_rsp *rsp);

/* A thread. What an answer leaves out is 0. */
struct td_os_task {
    struct td_cbor_text name;
    int64_t prio;
    uint64_t tid, state;
    uint64_t stack_words, stack_used_words; /* of 4 bytes */
    uint64_t runtime;                       /* in cycles; 0 where nobody counts */
};

/* A memory pool. */
struct td_os_pool {
    struct td_cbor_text name;
    uint64_t block_size; /* bytes */
    uint64_t blocks, free_blocks, least_free;
};

/*
 * Both answers are maps by name, read entry by entry; requests are empty maps. A pool list is
 * the answer itself or, with older clients' servers, under "mpools".
 */
struct td_os_walk {
    struct td_cbor_reader reader;
    struct td_cbor_walk walk;
};

/* begin, each entry, end. The pool list is the answer itself. */
void td_os_tasks_put_begin(struct td_cbor_writer *w);
void td_os_tasks_put(struct td_cbor_writer *w, const struct td_os_task *task);
void td_os_tasks_put_end(struct td_cbor_writer *w);
void td_os_pools_put_begin(struct td_cbor_writer *w);
void td_os_pools_put(struct td_cbor_writer *w, const struct td_os_pool *pool);
void td_os_pools_put_end(struct td_cbor_writer *w);

/* TD_EFORMAT also when the answer has no tasks. */
enum td_err td_os_tasks_get_begin(const uint8_t *payload, size_t len, struct td_os_walk *walk);
enum td_err td_os_tasks_get(struct td_os_walk *walk, struct td_os_task *task, bool *end);
enum td_err td_os_pools_get_begin(const uint8_t *payload, size_t len, struct td_os_walk *walk);
enum td_err td_os_pools_get(struct td_os_walk *walk, struct td_os_pool *pool, bool *end);

#endif
