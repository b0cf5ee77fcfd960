/* sim/way.c - one row for each way of updating. */
#include "sim/way.h"

enum { SECOND = 1, LOADS = 2, REVERTS = 4 };

static const struct {
    const char *name;
    const struct td_strategy *strategy;
    enum td_strategy_id mode;
    unsigned traits;
} ways[SIM_WAY_COUNT] = {
    [SIM_WAY_MOVE] = { "swap-move", &td_strategy_move, TD_MODE_MOVE, SECOND | REVERTS },
    [SIM_WAY_OVERWRITE] = { "overwrite", &td_strategy_overwrite, TD_MODE_OVERWRITE, SECOND },
    [SIM_WAY_OFFSET] = { "swap-offset", &td_strategy_offset, TD_MODE_OFFSET, SECOND | REVERTS },
    [SIM_WAY_SCRATCH] = { "swap-scratch", &td_strategy_scratch, TD_MODE_SCRATCH, SECOND | REVERTS },
    [SIM_WAY_XIP] = { "direct-xip", &td_strategy_xip, TD_MODE_XIP, SECOND },
    [SIM_WAY_XIP_REVERT] = { "direct-xip-revert", &td_strategy_xip_revert, TD_MODE_XIP_REVERT,
                             SECOND | REVERTS },
    [SIM_WAY_RAM] = { "ram-load", &td_strategy_ram, TD_MODE_RAM_LOAD, SECOND | LOADS },
    [SIM_WAY_RAM_REVERT] = { "ram-load-revert", &td_strategy_ram_revert, TD_MODE_RAM_LOAD,
                             SECOND | LOADS | REVERTS },
    [SIM_WAY_SINGLE] = { "single", &td_strategy_single, TD_MODE_SINGLE, 0 },
    [SIM_WAY_SINGLE_RAM] = { "single-ram", &td_strategy_single_ram, TD_MODE_SINGLE_RAM, LOADS },
    [SIM_WAY_LOADER] = { "firmware-loader", &td_strategy_loader, TD_MODE_LOADER, SECOND },
};

const char *sim_way_name(enum sim_way way)
{
    return ways[way].name;
}

enum td_strategy_id sim_way_mode(enum sim_way way)
{
    return ways[way].mode;
}

const struct td_strategy *sim_way_strategy(enum sim_way way)
{
    return ways[way].strategy;
}

bool sim_way_has_secondary(enum sim_way way)
{
    return (ways[way].traits & SECOND) != 0;
}

bool sim_way_loads(enum sim_way way)
{
    return (ways[way].traits & LOADS) != 0;
}

bool sim_way_reverts(enum sim_way way)
{
    return (ways[way].traits & REVERTS) != 0;
}
