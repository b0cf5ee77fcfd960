/*
 * smp/enum.h - group 10, enumeration: which groups a device has.
 *
 * put and get as in smp/os.h, lists entry by entry. The requests of count and list are empty
 * maps.
 */
#ifndef TD_SMP_ENUM_H
#define TD_SMP_ENUM_H

#include "smp/header.h"

enum td_enum_id {
    TD_ENUM_COUNT = 0,   /* R: how many */
    TD_ENUM_LIST = 1,    /* R: numbers alone */
    TD_ENUM_SINGLE = 2,  /* R: one of them, by its place */
    TD_ENUM_DETAILS = 3, /* R: with names; fewer builds have it */
};

struct td_enum_count_rsp {
    bool has_count;
    uint32_t count;
};

void td_enum_count_rsp_put(struct td_cbor_writer *w, const struct td_enum_count_rsp *rsp);
enum td_err td_enum_count_rsp_get(const uint8_t *payload, size_t len,
                                  struct td_enum_count_rsp *rsp);

struct td_enum_single_req {
    bool has_index;
    uint32_t index; /* from 0; absent: 0 */
};

struct td_enum_single_rsp {
    bool has_group, end;
    uint32_t group;
};

void td_enum_single_req_put(struct td_cbor_writer *w, const struct td_enum_single_req *req);
enum td_err td_enum_single_req_get(const uint8_t *payload, size_t len,
                                   struct td_enum_single_req *req);
void td_enum_single_rsp_put(struct td_cbor_writer *w, const struct td_enum_single_rsp *rsp);
enum td_err td_enum_single_rsp_get(const uint8_t *payload, size_t len,
                                   struct td_enum_single_rsp *rsp);

/* ---- lists ---------------------------------------------------------------------------- */

struct td_enum_group {
    uint32_t group;
    bool has_name, has_handlers;
    struct td_cbor_text name;
    uint32_t handlers; /* how many command ids it has, unused ones between them included */
};

/*
 * Both answers, and the request for details of some groups alone: "groups" is a list of numbers
 * or of maps. begin, each group, end. Without the list the request is an empty map.
 */
void td_enum_groups_put_begin(struct td_cbor_writer *w);
void td_enum_groups_put_number(struct td_cbor_writer *w, uint32_t group);
void td_enum_groups_put(struct td_cbor_writer *w, const struct td_enum_group *group);
void td_enum_groups_put_end(struct td_cbor_writer *w);

struct td_enum_groups {
    struct td_cbor_reader reader;
    struct td_cbor_walk walk;
};

/* Of either answer. TD_EFORMAT also without a list. */
enum td_err td_enum_groups_get_begin(const uint8_t *payload, size_t len,
                                     struct td_enum_groups *groups);
enum td_err td_enum_groups_get(struct td_enum_groups *groups, struct td_enum_group *group,
                               bool *end);

/* Of the request for details, where the list may be missing: *all is true then. */
enum td_err td_enum_details_req_get_begin(const uint8_t *payload, size_t len,
                                          struct td_enum_groups *groups, bool *all);

#endif
