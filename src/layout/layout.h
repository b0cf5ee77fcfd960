/*
 * layout/layout.h - how a device's memories are divided: partitions of one or more domains.
 *
 * Sources: partition manager YAML (pm_static.yml, partitions.yml), the text that
 * partition_manager_report prints (layout/read.h); both become one structure. Addresses and
 * sizes are bytes, addresses are the domain's own. A layout is some 130 KB: it belongs on the
 * heap, with td_layout_new.
 */
#ifndef TD_LAYOUT_LAYOUT_H
#define TD_LAYOUT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TD_LAYOUT_NAME 48
#define TD_LAYOUT_MAX  128 /* partitions */
#define TD_LAYOUT_SPAN 16  /* members that a container names */

struct td_partition {
    char name[TD_LAYOUT_NAME];
    char domain[16]; /* "" for the application core, "CPUNET" */
    char region[24]; /* flash_primary, external_flash, otp, sram_primary, ram_flash */
    char device[40]; /* of an external flash, as the file names it; else "" */
    uint32_t addr;
    uint32_t size;
    uint64_t end_given;                        /* end_address as the file has it; 0: not given */
    bool container;                            /* stands for its members */
    char span[TD_LAYOUT_SPAN][TD_LAYOUT_NAME]; /* their names; a report does not tell them */
    uint8_t n_span;
    uint32_t line; /* of the source; 0: unknown */
};

struct td_layout {
    struct td_partition at[TD_LAYOUT_MAX]; /* in the order of the source */
    size_t n;
};

struct td_layout *td_layout_new(void); /* NULL: no memory */
void td_layout_free(struct td_layout *layout);

/* Adds a copy. TD_ESPACE: TD_LAYOUT_MAX are there. */
enum td_err td_layout_add(struct td_layout *layout, const struct td_partition *part);

/* The first partition of that name, in any domain when domain is NULL. NULL: none. */
const struct td_partition *td_layout_find(const struct td_layout *layout, const char *domain,
                                          const char *name);

/* The address behind its last byte. */
uint64_t td_partition_end(const struct td_partition *part);

bool td_partition_overlaps(const struct td_partition *a, const struct td_partition *b);

/* Whether inner lies wholly in outer: same domain, same region. */
bool td_partition_holds(const struct td_partition *outer, const struct td_partition *inner);

/* Flash that the core reads as its own memory, where programs run: not external, OTP or RAM. */
bool td_partition_is_flash(const struct td_partition *part);

/* A flash chip beside the core, on a bus of its own. */
bool td_partition_is_external(const struct td_partition *part);

/*
 * What plays which part, whatever the build system calls it: mcuboot_primary, slot0_partition,
 * primary. image counts from 0. Looks in the application core's domain first.
 */
enum td_role {
    TD_ROLE_BOOT, /* the bootloader: mcuboot, boot_partition, boot */
    TD_ROLE_PRIMARY,
    TD_ROLE_SECONDARY,
    TD_ROLE_SCRATCH,
    TD_ROLE_STORAGE, /* settings: settings_storage, storage_partition, nvs_storage */
    TD_ROLE_B0,
    TD_ROLE_PROVISION,
    TD_ROLE_S0,
    TD_ROLE_S1,
};

const struct td_partition *td_layout_role(const struct td_layout *layout, enum td_role role,
                                          unsigned image);

/* Stages before the application: 0 none, 1 MCUboot alone or b0 alone, 2 b0 and MCUboot. */
unsigned td_layout_stages(const struct td_layout *layout);

#endif
