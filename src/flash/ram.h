/*
 * flash/ram.h - memory that behaves like flash, for what a boot alone needs: the image that a
 * network core is to be given, when the flash that holds it is not within that core's reach.
 *
 * Erasing sets bytes, writing overwrites them, a power cut or reset may lose them. The bytes
 * are the caller's and outlive the device.
 */
#ifndef TD_FLASH_RAM_H
#define TD_FLASH_RAM_H

#include "flash/flash.h"

struct td_flash_ram {
    struct td_flash_dev dev; /* what areas name */
    struct td_flash_run run;
    uint8_t *bytes;
};

/* count sectors of sector_size bytes at bytes, erased (0xFF); words of write_size. */
void td_flash_ram_init(struct td_flash_ram *ram, uint8_t *bytes, uint16_t count,
                       uint32_t sector_size, uint16_t write_size);

#endif
