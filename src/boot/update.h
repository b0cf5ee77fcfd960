/*
 * boot/update.h - the loop over all images: look, decide, act, until nothing is left to do.
 */
#ifndef TD_BOOT_UPDATE_H
#define TD_BOOT_UPDATE_H

#include "boot/boot_priv.h"
#include "boot/group.h"

/* What this boot remembers of an image between two looks. */
struct td_boot_keep {
    bool looked_at;         /* once at least: its state was said */
    bool settled;           /* something was installed or brought back: look no further */
    bool resumed;           /* that had been begun in an earlier boot */
    bool moved;             /* start, resume or restore came to its end */
    bool failed;            /* it cannot be brought in, though its group is under way */
    bool request_blocked;   /* as in the view */
    bool revert_impossible; /* as in the view */
    bool abandoned;         /* its journal is of a swap that was not begun, and will not be */
    bool fell_back;         /* its invalid primary was replaced, or that was tried */
    enum td_swap_type type; /* moved: of what */
    struct td_boot_group group;
};

/* All of one boot. Lives on td_boot_go's stack. */
struct td_boot_all {
    const struct td_boot_config *config;
    bool only_open;         /* finish what is half done, and begin nothing: for recovery */
    struct td_boot_run run; /* the image that is being looked at */
    struct td_boot_keep keep[TD_BOOT_IMAGES_MAX];
    struct td_boot_stand stands[TD_BOOT_IMAGES_MAX];
};

void td_boot_all_begin(struct td_boot_all *all, const struct td_boot_config *config,
                       struct td_boot_work *work, struct td_boot_result *result);

/* Makes the run that of an image, without a look: for those that choose. */
void td_boot_turn_to(struct td_boot_all *all, uint8_t image);

/*
 * Everything that the notes ask for, in all images that are installed. TD_OK, or the error with
 * which flash failed three times in a row.
 */
enum td_err td_boot_settle(struct td_boot_all *all);

/*
 * Installs for good what lies in the secondary of an image whose primary is invalid, when the
 * configuration wants that and nothing speaks against it. *done: it did, and has to be looked
 * at once more.
 */
enum td_err td_boot_replace(struct td_boot_all *all, uint8_t image, bool *done);

#endif
