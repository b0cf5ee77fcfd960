/*
 * shim.h - a flash driver in front of another one, that puts operations into a wrong order.
 *
 * What held names is held back until an operation comes that first names; that one goes first,
 * and the held ones after it. Reads see what is held, so that whoever writes notices nothing.
 */
#ifndef SWEEP_SHIM_H
#define SWEEP_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#include "flash/flash.h"
#include "sim/nor.h"

/* An operation as the rules see it. */
struct op {
    bool is_erase;
    uint32_t off; /* from the start of the device */
    uint32_t len;
};

#define SHIM_HELD_MAX 256

struct shim {
    struct td_flash_dev dev; /* what areas name instead */
    const struct sim_nor *below;
    const void *ctx; /* of the rules */
    bool (*held)(const void *ctx, const struct op *op);
    bool (*first)(const void *ctx, const struct op *op);
    unsigned n;
    struct {
        struct op op;
        uint8_t bytes[1024];
    } ops[SHIM_HELD_MAX];
};

/* Fills in dev; the rest but n is the caller's. */
void shim_init(struct shim *shim);

/* A reset: nothing is held any more. */
void shim_forget(struct shim *shim);

#endif
