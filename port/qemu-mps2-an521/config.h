/*
 * port/qemu-mps2-an521/config.h - what bootloader and application must agree on.
 *
 * Both are built from this one description, so they cannot disagree.
 */
#ifndef TD_PORT_CONFIG_H
#define TD_PORT_CONFIG_H

#include "image/image.h"
#include "slot/room.h"

#define CONFIG_STRATEGY_ID TD_MODE_MOVE
#define CONFIG_MAX_ALIGN   8
#define CONFIG_MAX_SECTORS 64
#define CONFIG_BUF_SIZE    1024 /* bytes of a packet, in the bootloader */
#define CONFIG_RESET_MS    250  /* by then an answer has left the UART */

extern const struct td_room_geometry config_room;

/* Made from the public key by the build (make_key.py): DER, and its SHA-256. */
extern const struct td_image_key config_keys[1];
extern const uint8_t config_key_fingerprints[1][32];

#endif
