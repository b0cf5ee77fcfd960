#include "config.h"

#include "board.h"

const struct td_room_geometry config_room = {
    .primary_size = BOARD_SLOT_SIZE,
    .secondary_size = BOARD_SLOT_SIZE,
    .primary_sector = BOARD_SECTOR_SIZE,
    .secondary_sector = BOARD_SECTOR_SIZE,
    .max_sectors = CONFIG_MAX_SECTORS,
    .write_size = BOARD_WRITE_SIZE,
    .max_align = CONFIG_MAX_ALIGN,
};
