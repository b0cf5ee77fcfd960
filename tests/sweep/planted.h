/*
 * planted.h - bugs of order, planted between the bootloader and its flash.
 *
 * Device code has no switch for them: a shim around the flash driver holds back the operations
 * that one rule names until an operation comes that another rule names, lets that one go first,
 * and the held ones after it. Reads see what is held, so that the bootloader notices nothing.
 * This is how a bootloader would behave whose author had written two lines in the wrong order.
 */
#ifndef SWEEP_PLANTED_H
#define SWEEP_PLANTED_H

#include <stdbool.h>
#include <stdint.h>

#include "shim.h"

struct cut_subject;
struct device;

struct planted {
    const char *name;
    const char *says;
    const char *way, *scenario; /* of boot.c, in which it shows */
    char shape;                 /* and on which flash, one without a second chip */
    unsigned images;
    bool encrypted;
    bool (*held)(const struct device *d, const struct op *op);
    bool (*first)(const struct device *d, const struct op *op);
    const struct cut_subject *(*subject)(void); /* NULL: boot.c's; else another group's, with it */
};

extern const struct planted planted_bugs[];
extern const unsigned n_planted_bugs;

/* boot.c: the device of that row with the bug in it. */
const struct cut_subject *planted_subject(const struct planted *bug);

void planted_shim(struct device *d); /* fills in d->shim */

/* Rows of other groups, each with its bug in it. */
const struct cut_subject *planted_stage(void);
const struct cut_subject *planted_core(void);
const struct cut_subject *planted_log(void);
const struct cut_subject *planted_upload(void);
const struct cut_subject *planted_confirm(void);
const struct cut_subject *planted_entry_first(void);
const struct cut_subject *planted_erase_first(void);

#endif
