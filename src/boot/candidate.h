/*
 * boot/candidate.h - whether what is asked for may be installed; and if not, what becomes of it.
 */
#ifndef TD_BOOT_CANDIDATE_H
#define TD_BOOT_CANDIDATE_H

#include "boot/boot_priv.h"

/*
 * All that can be said about this image's request without the other images: layout, image,
 * version, counter, room. *good: work->report is about it, and it may come in. Not good: it was
 * refused (its request is gone) or blocked (run->view.request_blocked is set), and that is told.
 * Errors: of the flash operations of a refusal.
 */
enum td_err td_boot_judge_request(struct td_boot_run *run, enum td_swap_type type, bool *good);

/* An unmet dependency. for_ever: it names an image that there is not, so the request goes. */
enum td_err td_boot_refuse_dependency(struct td_boot_run *run,
                                      const struct td_image_dependency *dep, bool for_ever);

/* Whether work->report is about the image that the running one replaced, as far as is known. */
bool td_boot_is_the_previous(const struct td_boot_run *run);

/* Fills in the version of what lies in the primary, when there is a header. */
void td_boot_running_version(const struct td_boot_run *run, struct td_version *version);

/* A fault of the second slot that lasts. */
void td_boot_record_fault(struct td_boot_run *run, enum td_verdict_code code);

#endif
