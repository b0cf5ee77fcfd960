/*
 * tools/update_package.h - which files of a package an update sends.
 *
 * A package may hold two files for one image: the variants for two slots, of an application that
 * runs where it lies (direct-XIP) or of a second stage (S0 and S1). The device says which slot
 * runs; the file for the other one is sent. Where it does not say, nothing is guessed.
 */
#ifndef TD_TOOLS_UPDATE_PACKAGE_H
#define TD_TOOLS_UPDATE_PACKAGE_H

#include "client/update.h"
#include "tools/device.h"
#include "tools/package.h"

/* What a package has for one image of the device. */
struct td_choice {
    uint8_t image;
    bool is_stage;           /* variants of a second stage */
    uint8_t n;               /* 1, or 2 variants */
    struct td_member *at[2]; /* of two, the one for slot 0 (S0) first */
};

struct td_update_package {
    const char *path;
    struct td_package *package;
    struct td_choice images[TD_UPDATE_FILES];
    uint8_t n;
};

/* Whether path is a package, by its first bytes. What cannot be read is none. */
bool td_update_package_is(const char *path);

/*
 * Reads it and finds what is for which image. What inspect calls an error is said, TD_EXIT_FILE,
 * before any device is touched; warnings are notes. Close it in either case.
 */
int td_update_package_open(struct td_cli *cli, const char *path, struct td_update_package *up);
void td_update_package_close(struct td_update_package *up);

/* What is known of a device when one of two variants is chosen. */
struct td_variant_facts {
    bool has_mode; /* how the bootloader updates */
    enum td_strategy_id mode;
    int running;               /* the slot of the image that runs; -1: not told */
    int stage_running;         /* 0: S0, 1: S1, -1: not told */
    struct td_failure failure; /* of the last question; it may be that nobody answers */
};

/*
 * Index into choice->at; -1 and why (with remedy, both static) when the facts do not decide.
 * Without side effects.
 */
int td_variant_choose(const struct td_choice *choice, const struct td_variant_facts *facts,
                      const char **why, const char **remedy);

/* Asks the device for what td_variant_choose wants to know of this image. */
void td_variant_ask(struct td_device *dev, const struct td_choice *choice,
                    struct td_variant_facts *facts);

#endif
