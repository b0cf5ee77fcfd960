/* layout/check_priv.h - what the files of the check share. */
#ifndef TD_LAYOUT_CHECK_PRIV_H
#define TD_LAYOUT_CHECK_PRIV_H

#include "layout/check.h"

struct checking {
    const struct td_layout *layout;
    const struct td_layout_env *env;
    const struct td_soc *soc; /* of the application core; NULL: unknown */
    bool sure;                /* the chip was given, or nothing else fits */
    struct td_layout_issues *issues;
};

/* Adds an issue about a partition, or about the whole when part is NULL. */
void td_layout_issue(struct checking *c, enum td_layout_rule rule, enum td_harm harm,
                     const struct td_partition *part, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* The chip of a partition's domain. NULL: unknown. */
const struct td_soc *td_layout_soc_of(const struct checking *c, const struct td_partition *part);

/* A container by name or by the file's word: it shares its place with its members. */
bool td_partition_is_container(const struct td_partition *part);

/* Whether the partition keeps data of the application: settings, files, keys. */
bool td_partition_is_storage(const struct td_partition *part);

void td_layout_check_memory(struct checking *c); /* check_memory.c */
void td_layout_check_names(struct checking *c);
void td_layout_check_slots(struct checking *c); /* check_slots.c */
void td_layout_check_nsib(struct checking *c);  /* check_nsib.c */
void td_layout_check_net(struct checking *c);

#endif
