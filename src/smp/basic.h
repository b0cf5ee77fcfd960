/*
 * smp/basic.h - group 63: erase the storage area with settings and bonds.
 *
 * Request and answer of its only command are empty maps (td_smp_put_empty, and
 * td_smp_get_map without fields).
 */
#ifndef TD_SMP_BASIC_H
#define TD_SMP_BASIC_H

#include "smp/header.h"

enum td_basic_id {
    TD_BASIC_STORAGE_ERASE = 0, /* W */
};

#endif
