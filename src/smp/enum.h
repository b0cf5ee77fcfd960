/*
 * smp/enum.h - group 10, enumeration: which groups a device has.
 *
 * Read by clients; put and get as in smp/os.h, entry by entry. Requests are empty maps.
 */
#ifndef TD_SMP_ENUM_H
#define TD_SMP_ENUM_H

#include "smp/header.h"

enum td_enum_id {
    TD_ENUM_LIST = 1,    /* R: numbers alone */
    TD_ENUM_DETAILS = 3, /* R: with names; fewer builds have it */
};

struct td_enum_group {
    uint32_t group;
    bool has_name, has_handlers;
    struct td_cbor_text name;
    uint32_t handlers; /* how many command ids it has */
};

struct td_enum_groups {
    struct td_cbor_reader reader;
    struct td_cbor_walk walk;
};

/* Of either answer: "groups" is a list of numbers or of maps. TD_EFORMAT also without a list. */
enum td_err td_enum_groups_get_begin(const uint8_t *payload, size_t len,
                                     struct td_enum_groups *groups);
enum td_err td_enum_groups_get(struct td_enum_groups *groups, struct td_enum_group *group,
                               bool *end);

#endif
