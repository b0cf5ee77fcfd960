/*
 * boot/follow.h - another core that runs a copy of what an image's primary slot holds.
 *
 * The slot is what counts: it is updated, tried, confirmed and reverted like any other, and the
 * core is given its payload when it has verified: before an update's last note is written, after
 * a revert, and in any boot that finds the core not given it yet. Two cells behind the note and
 * the plan in the primary's trailer say which image it was given, so that nothing is given twice.
 */
#ifndef TD_BOOT_FOLLOW_H
#define TD_BOOT_FOLLOW_H

#include "boot/boot_priv.h"

/*
 * Gives image run->image's follower what its primary slot holds; work->report is about that
 * image, which has just verified. TD_OK also when there is no follower, or nothing to give.
 *
 * TD_EPCD_SILENT, TD_EPCD_FAILED or whatever the follower says: the verdict is in the log; what
 * the core has is not known. TD_EFLASH: the cell could not be written.
 */
enum td_err td_boot_follow(struct td_boot_run *run);

#endif
