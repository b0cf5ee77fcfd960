/* server/manner.c - how our server behaves, and how those in the field do. */
#include "server/server.h"

const struct td_server_manner td_server_tandem = {
    .name = "tandem",
    .style = TD_CBOR_DEFINITE,
    .reasons = true,
    .checks_sha = true,
    .remembers_end = true,
    .binds_uploads = true,
    .survives_resets = true,
    .steps = true,
};

const struct td_server_manner td_server_zephyr_4 = {
    .name = "zephyr-4",
    .style = TD_CBOR_INDEFINITE,
    .stock_requests = true,
    .size_is_slot_size = true,
    .checks_sha = true,
    .full_list_is_corrupt = true,
};

const struct td_server_manner td_server_zephyr_3_3 = {
    .name = "zephyr-3.3",
    .style = TD_CBOR_INDEFINITE,
    .v1_only = true,
    .stock_requests = true,
    .old_state_write = true,
    .pending_is_in_use = true,
    .size_is_slot_size = true,
    .shell_ret_is_rc = true,
};
