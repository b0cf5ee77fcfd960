/*
 * client/reply_priv.h - how the body of an answer becomes values: a reader for each shape.
 *
 * TD_EANSWER: it lacks what the command promises. What of the reply was set by then is no answer.
 */
#ifndef TD_CLIENT_REPLY_PRIV_H
#define TD_CLIENT_REPLY_PRIV_H

#include "client/reply.h"

typedef enum td_err td_reply_fn(const uint8_t *body, size_t len, struct td_reply *reply);

td_reply_fn td_reply_echo, td_reply_nothing, td_reply_params, td_reply_bootloader_name,
    td_reply_bootloader, td_reply_datetime, td_reply_info, td_reply_tasks, td_reply_pools,
    td_reply_groups, td_reply_images, td_reply_slots, td_reply_why, td_reply_accepts,
    td_reply_count, td_reply_group_at, td_reply_stat_names, td_reply_stat, td_reply_setting,
    td_reply_file_size, td_reply_file_hash, td_reply_hash_types, td_reply_shell, td_reply_upload,
    td_reply_raw;

#endif
