/*
 * layout/layout.h - how a device's memories are divided: partitions of one or more domains.
 *
 * Sources: partition manager YAML (pm_static.yml, partitions.yml), the text that
 * partition_manager_report prints; both become one structure. Addresses and sizes are bytes; addresses are the domain's own.
 */
#ifndef TD_LAYOUT_LAYOUT_H
#define TD_LAYOUT_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TD_LAYOUT_NAME 48
#define TD_LAYOUT_MAX 128 /* partitions */
#define TD_LAYOUT_SPAN 16

struct td_partition {
    char name[TD_LAYOUT_NAME];
    char domain[16];  /* "" for the application core, "CPUNET" */
    char region[24];  /* flash_primary, external_flash, otp, sram_primary, ram_flash */
    uint32_t addr;
    uint32_t size;
    char span[TD_LAYOUT_SPAN][TD_LAYOUT_NAME]; /* a container: its members */
    uint8_t n_span;
    uint32_t line; /* of the source; 0: unknown */
};

struct td_layout {
    struct td_partition at[TD_LAYOUT_MAX];
    size_t n;
};

/* The first partition of that name, in any domain when domain is NULL. NULL: none. */
const struct td_partition *td_layout_find(const struct td_layout *layout, const char *domain,
                                          const char *name);

#endif
