/*
 * device.h - one device to be cut: its flashes, slots, boot log and images, by rows of data.
 */
#ifndef SWEEP_DEVICE_H
#define SWEEP_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/boot.h"
#include "cut.h"
#include "flash/flash.h"
#include "memo.h"
#include "shim.h"
#include "sim/nor.h"

#define DEVICE_IMAGES 2

/* A flash chip: data. */
struct chip_shape {
    uint32_t sector_size; /* 0: there is no such chip */
    uint8_t write_size;
    uint8_t budget;
    uint8_t erased;
    bool ecc_error;
};

/* The shape of a device; const data. Counts are of sectors of the chip that each is on. */
struct shape {
    const char *name;
    struct chip_shape chip;     /* primary, scratch, boot log, counters */
    struct chip_shape external; /* the secondary, if it is not on the first chip */
    uint16_t n_primary;         /* of each image */
    uint16_t n_secondary;
    uint16_t n_scratch;
    uint16_t
        n_image; /* the larger image's, in sectors of the first chip; 0: the largest there is */
    uint8_t max_align;
};

/* A way of updating, and where it puts things; const data. */
struct way {
    const char *name;
    const struct td_strategy *strategy;
    bool swaps;                       /* the other image is kept, and comes back */
    uint8_t new_sector;               /* of the secondary, at which a new image is put */
    uint8_t old_sector;               /* at which the old one lies after an update */
    uint16_t no_room;                 /* the verdict about an image that is too large */
    const struct td_strategy *second; /* of image 1, where it has another one; or NULL */
};

/* A signed image as its file has it. */
struct image {
    uint8_t *bytes;  /* as it runs */
    uint8_t *sealed; /* as it lies in a secondary: the same, but for the payload if encrypted */
    uint32_t size;
    uint8_t hash[32];
    uint8_t content_key[16]; /* of the payload when it is encrypted; zeros when it is not */
};

/* How an image is to be made. */
struct image_plan {
    uint32_t size; /* at most */
    uint8_t major; /* its version, and what tells its contents */
    bool by_another_key;
    bool encrypted;
    uint32_t counter;       /* 0: none */
    uint32_t chunk;         /* bytes that a letter of content is about */
    const char *content;    /* NULL: "v". Repeated: v as the version, s the same in all, b blank */
    const uint8_t *payload; /* NULL: by content. Else payload_len bytes of it, for size */
    uint32_t payload_len;
};

struct device_image {
    struct td_flash_area primary, secondary;
    struct image old, new;
};

struct planted;

struct device {
    const struct shape *shape;
    const struct way *way;
    bool encrypted;
    unsigned n_images;
    struct sim_power power;
    struct td_flash_run runs[2];
    struct sim_nor_model models[2];
    struct sim_nor nors[2]; /* the second: external */
    unsigned n_nors;
    struct device_image images[DEVICE_IMAGES];
    struct td_flash_area scratch, log, counters; /* counters: two sectors, see device_counters */
    struct td_boot_slots slots[DEVICE_IMAGES];
    struct td_image_key key;
    struct td_image_unwrap unwrap;
    struct td_boot_counters counter_ops;
    struct td_boot_config config;
    struct td_boot_work work;
    struct td_boot_result result;
    enum td_err err;               /* the last boot's */
    const struct planted *planted; /* the bug that sits between boot and flash; NULL: none */
    struct shim shim;
};

/* What content the images have: letters for image_plan, old and new. */
struct contents {
    const char *old;
    const char *new;
};

/* Everything but what is in the slots. exit(2) when the shape cannot be. */
void device_make(struct device *d, const struct shape *shape, const struct way *way, bool encrypted,
                 unsigned n_images, const struct contents *contents);
/* The strategy of image i. */
const struct td_strategy *device_strategy(const struct device *d, unsigned i);
void device_free(struct device *d);

/* Puts the planted bug between boot and the first chip, or takes it away (NULL). */
void device_plant(struct device *d, const struct planted *planted);

struct image image_make(const struct image_plan *plan);

/* A plan like that of image i's new one: for candidates that are refused. */
struct image_plan device_candidate(const struct device *d, unsigned i);

/* As a debugger would: into the primary; or into the secondary at the way's place. */
void device_put_primary(struct device *d, unsigned i, const struct image *image);
void device_put_secondary(struct device *d, unsigned i, const struct image *image);

uint32_t device_secondary_sector(const struct device *d); /* bytes */

/* The trailers of image i, and the request's view of them. */
struct td_slots device_slots(struct device *d, unsigned i, struct td_trailer *p,
                             struct td_trailer *x);

/* Boots until the power is lost or all is done; the answer into d->err. */
void device_boot(struct device *d);

/* Whether the primary begins with just this image, or the secondary has it at that sector. */
bool device_primary_holds(const struct device *d, unsigned i, const struct image *image);
bool device_secondary_holds(const struct device *d, unsigned i, uint32_t sector,
                            const struct image *image);

/* Whether the log has an entry of this code (or, 0, of this class). */
bool device_logged(struct device *d, uint16_t code, uint8_t class);

/* Whether the key of an encrypted image lies in any flash, in the clear. */
bool device_shows_key(const struct device *d);

/* The security counter that is stored for an image, 0 in the beginning. */
uint32_t device_counter(struct device *d, uint8_t image);

#endif
