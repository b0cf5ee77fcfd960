/*
 * device.h - one device to be cut: a flash with two slots and a boot log, and two images.
 */
#ifndef SWEEP_DEVICE_H
#define SWEEP_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/boot.h"
#include "flash/flash.h"
#include "memo.h"
#include "sim/nor.h"

/* The shape of a device; const data. */
struct shape {
    const char *name;
    uint32_t sector_size;
    uint16_t n_primary;
    uint16_t n_secondary;
    uint8_t write_size;
    uint8_t max_align;
    uint8_t budget;
    uint8_t erased;
    bool ecc_error;
    unsigned every; /* the sweep's own: how densely it cuts a second time */
};

/* A signed image as its file has it. */
struct image {
    uint8_t *bytes;
    uint32_t size;
    uint8_t hash[32];
};

struct planted;

struct device {
    const struct shape *shape;
    struct td_flash_run run;
    struct sim_nor_model model;
    struct sim_power power;
    struct sim_nor nor;
    struct sim_nor_snapshot start;  /* where the scenario begins */
    struct sim_nor_snapshot middle; /* where the first cut left it */
    struct td_flash_area primary, secondary, log;
    struct td_boot_slots slots;
    struct td_image_key key;
    struct td_boot_config config;
    struct td_boot_work work;
    struct td_boot_result result;
    struct image old, new;
    const struct planted *planted; /* the bug that sits between boot and flash; NULL: none */
    struct td_flash_dev shim;
};

/* The size that fills n sectors but for a few bytes. */
void device_make(struct device *d, const struct shape *shape, const struct td_strategy *strategy,
                 uint32_t n_sectors);
void device_free(struct device *d);

/* Puts the planted bug between boot and flash, or takes it away (NULL). */
void device_plant(struct device *d, const struct planted *planted);

/* A signed image of about size bytes; by the device's key, or by another one. */
struct image image_make(uint32_t size, uint8_t major, bool by_another_key);

/* Writes an image to the start of an area as a debugger would. */
void device_program(struct device *d, const struct td_flash_area *area, const struct image *image);
struct td_slots device_slots(struct device *d, struct td_trailer *p, struct td_trailer *x);

/* Power on and boot; the answer is td_boot_go's. */
enum td_err device_boot(struct device *d);

/* Whether the area begins with just this image. */
bool device_holds(const struct device *d, const struct td_flash_area *area,
                  const struct image *image);

/* Whether the log has an entry of this code (or, 0, of this class). */
bool device_logged(struct device *d, uint16_t code, uint8_t class);

/* Whether a sector of the flash is torn or weak; and the fingerprint of all that it holds. */
bool device_is_torn(const struct device *d);
struct fingerprint device_state(const struct device *d);

#endif
