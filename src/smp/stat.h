/*
 * smp/stat.h - group 2, statistics: counters, by groups that have names.
 *
 * put and get as in smp/os.h, lists entry by entry. The request for the list is an empty map.
 */
#ifndef TD_SMP_STAT_H
#define TD_SMP_STAT_H

#include "smp/header.h"

enum td_stat_id {
    TD_STAT_SHOW = 0, /* R: one group's counters */
    TD_STAT_LIST = 1, /* R: the groups' names */
};

/* ---- show ---------------------------------------------------------------------------- */

struct td_stat_show_req {
    bool has_name;
    struct td_cbor_text name;
};

void td_stat_show_req_put(struct td_cbor_writer *w, const struct td_stat_show_req *req);
enum td_err td_stat_show_req_get(const uint8_t *payload, size_t len, struct td_stat_show_req *req);

struct td_stat_field {
    struct td_cbor_text name; /* "s0", "s1" ... where the device has no names */
    uint64_t value;
};

/* begin, each field, end. */
void td_stat_show_put_begin(struct td_cbor_writer *w, struct td_cbor_text name);
void td_stat_show_put(struct td_cbor_writer *w, const struct td_stat_field *field);
void td_stat_show_put_end(struct td_cbor_writer *w);

struct td_stat_show {
    bool has_name;
    struct td_cbor_text name;
    struct td_cbor_reader reader; /* for td_stat_show_get */
    struct td_cbor_walk walk;
};

/* TD_EFORMAT also when the answer has no fields. */
enum td_err td_stat_show_get_begin(const uint8_t *payload, size_t len, struct td_stat_show *show);
enum td_err td_stat_show_get(struct td_stat_show *show, struct td_stat_field *field, bool *end);

/* ---- list ---------------------------------------------------------------------------- */

void td_stat_list_put_begin(struct td_cbor_writer *w);
void td_stat_list_put(struct td_cbor_writer *w, struct td_cbor_text name);
void td_stat_list_put_end(struct td_cbor_writer *w);

struct td_stat_list {
    struct td_cbor_reader reader;
    struct td_cbor_walk walk;
};

/* TD_EFORMAT also when the answer has no list. */
enum td_err td_stat_list_get_begin(const uint8_t *payload, size_t len, struct td_stat_list *list);
enum td_err td_stat_list_get(struct td_stat_list *list, struct td_cbor_text *name, bool *end);

#endif
