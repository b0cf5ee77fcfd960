/*
 * boot/choose.h - what the strategies that choose a slot have in common.
 */
#ifndef TD_BOOT_CHOOSE_H
#define TD_BOOT_CHOOSE_H

#include "boot/boot_priv.h"

/* How a way of choosing judges one slot: fills in run->chosen and verifies where it will run. */
typedef enum td_err (*td_boot_judge_slot)(struct td_boot_run *run, uint8_t slot,
                                          struct td_verdict *v);

/*
 * The slot to run, by what its trailer says (reverts), then by version, then slot 0: the first
 * one that judge lets pass. What it does not is recorded, and stays as it is; manner mcuboot
 * erases. TD_ENOTFOUND, and a verdict when excluded is 0.
 */
enum td_err td_boot_choose_slot(struct td_boot_run *run, uint8_t excluded, bool reverts,
                                td_boot_judge_slot judge);

/* strategy.take of the ways that revert: the trial's begin, or a factory image's first trailer. */
enum td_err td_boot_take_slot(struct td_boot_run *run);

/*
 * Judges one slot and records why not: what single slot and loader are made of. TD_ENOTFOUND
 * when it is refused; an error of the driver.
 */
enum td_err td_boot_try_slot(struct td_boot_run *run, uint8_t slot, td_boot_judge_slot judge);

/* Judging in place: reads where it lies, in the clear whatever the flag says. */
enum td_err td_boot_judge_in_place(struct td_boot_run *run, uint8_t slot, struct td_verdict *v);

/* Judging in RAM: copies there first, decrypting; what fails is wiped. */
enum td_err td_boot_judge_in_ram(struct td_boot_run *run, uint8_t slot, struct td_verdict *v);

const struct td_flash_area *td_boot_slot_area(const struct td_boot_run *run, uint8_t slot);

/* Nothing is left that may be run: the verdict that says so. */
enum td_err td_boot_none_left(struct td_boot_run *run);

#endif
