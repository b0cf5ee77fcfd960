/*
 * boot/stage.h - the second stage brings itself up to date: S0 and S1 of the first stage.
 *
 * The candidate (signed_by_mcuboot_and_b0_*) arrives in image 0's secondary slot and is told from
 * an application by its reset vector and by fw_info's address. It is copied into the slot that
 * did not boot, verified there, and the first stage chooses at the next reset. docs/spec/nsib.md.
 *
 * In this order, each step repeated by the next boot when the power goes:
 *
 *   1 outer signature  2 which variant  3 inner signature, version, counter
 *   4 erase and copy   5 verify in place  6 drop the request  7 ask for a reset
 *
 * What is refused keeps its bytes: only the request goes, with a verdict. While the running
 * stage is on trial neither a stage nor an application is installed: requests stay.
 */
#ifndef TD_BOOT_STAGE_H
#define TD_BOOT_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/verdict.h"
#include "flash/flash.h"
#include "image/fw_info.h"

/* How this stage was booted: the first stage's hand-over record, or what the port knows. */
struct td_boot_stage_facts {
    uint8_t active;   /* 0: this is S0; 1: S1 */
    bool on_trial;    /* requests wait */
    bool may_prove;   /* on trial, or the last resort: BOOTED is written when all is well */
    uint32_t version; /* fw_info's, of the running stage */
};

struct td_boot_stage {
    const struct td_flash_area *slots[2];    /* S0, S1: whole sectors, pad included */
    uint32_t addr[2];                        /* of their first bytes, as the CPU sees them */
    enum td_fw_search search;                /* which offsets the first stage in the field tries */
    uint32_t trial_off;                      /* as the first stage's configuration says */
    uint8_t trial_boots;                     /* 0: no cells */
    const struct td_boot_stage_facts *facts; /* of this boot; the port's memory */
    /*
     * The first stage's opinion (BL_VALIDATE_FW, or td_nsib_validate): would it boot what stands
     * in area at off, the byte that goes to the slot's first, from slot? *version is fw_info's.
     * On an error *why holds code, wanted and found.
     */
    enum td_err (*validate)(void *ctx, uint8_t slot, const struct td_flash_area *area, uint32_t off,
                            uint32_t *version, struct td_verdict *why);
    void *ctx;
};

#endif
