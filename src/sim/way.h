/*
 * sim/way.h - the ways of updating that a profile may name.
 *
 * There are more of them than SMP has modes: two load into RAM, and have one number there.
 */
#ifndef TD_SIM_WAY_H
#define TD_SIM_WAY_H

#include <stdbool.h>

#include "boot/boot.h"
#include "slot/room.h"

enum sim_way {
    SIM_WAY_MOVE,
    SIM_WAY_OVERWRITE,
    SIM_WAY_OFFSET,
    SIM_WAY_SCRATCH,
    SIM_WAY_XIP,
    SIM_WAY_XIP_REVERT,
    SIM_WAY_RAM,
    SIM_WAY_RAM_REVERT,
    SIM_WAY_SINGLE,
    SIM_WAY_SINGLE_RAM,
    SIM_WAY_LOADER,
    SIM_WAY_COUNT,
};

/* "swap-move": as YAML has it. */
const char *sim_way_name(enum sim_way way);

/* As SMP and slot/room.h number it. */
enum td_strategy_id sim_way_mode(enum sim_way way);

const struct td_strategy *sim_way_strategy(enum sim_way way);

/* Whether there is a second slot; images run from RAM; an unconfirmed one is taken back. */
bool sim_way_has_secondary(enum sim_way way);
bool sim_way_loads(enum sim_way way);
bool sim_way_reverts(enum sim_way way);

#endif
