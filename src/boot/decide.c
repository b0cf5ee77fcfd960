/*
 * boot/decide.c - what this boot does.
 *
 * 1. The same view gives the same action.
 * 2. No action gives up the image that was confirmed last.
 * 3. An action cut short by a power loss is chosen again until it is done.
 */
#include "boot/decide.h"

static bool may_revert(const struct td_boot_view *v)
{
    return v->running == TD_RUN_TRIED && !v->secondary_unreadable && !v->revert_impossible;
}

static bool is_asked(const struct td_boot_view *v)
{
    return !v->request_blocked && (v->request == TD_REQUEST_TEST || v->request == TD_REQUEST_PERM);
}

enum td_boot_action td_boot_decide(const struct td_boot_view *v)
{
    // Half a swap leaves no whole image anywhere: finishing it outranks every request.
    if (v->journal == TD_JOURNAL_RESTORE)
        return TD_BOOT_RESTORE;
    if (v->journal == TD_JOURNAL_OPEN)
        return TD_BOOT_RESUME;

    // Whoever asks for the previous image while another is on trial gets it back, confirmed.
    // Trying it in its turn would end with the unconfirmed one being called the good one.
    if (is_asked(v) && v->holds_previous && may_revert(v))
        return TD_BOOT_REVERT;

    // Another image in the secondary slot means that the previous one is gone: there is
    // nothing to go back to, and the request is all that can be done (the original's order).
    if (is_asked(v))
        return v->request == TD_REQUEST_PERM ? TD_BOOT_INSTALL : TD_BOOT_TEST;

    // Mending clears the secondary's trailer, and the request that was torn is to be told of.
    if (v->running == TD_RUN_TORN && v->request == TD_REQUEST_TORN)
        return TD_BOOT_DROP;

    // Its last note tore, so it never ran; reverting it now would take away its trial.
    if (v->running == TD_RUN_TORN && !v->secondary_unreadable)
        return TD_BOOT_MEND;

    // A revert clears the secondary's trailer, and with it a torn request.
    if (may_revert(v))
        return TD_BOOT_REVERT;

    return v->request == TD_REQUEST_TORN ? TD_BOOT_DROP : TD_BOOT_RUN;
}
