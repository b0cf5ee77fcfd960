/*
 * boot/decide.h - what this boot does, from a view of the notes and nothing else.
 */
#ifndef TD_BOOT_DECIDE_H
#define TD_BOOT_DECIDE_H

#include <stdbool.h>

/* An update that was begun, by the notes of both slots. */
enum td_boot_journal {
    TD_JOURNAL_NONE = 0,
    TD_JOURNAL_OPEN,    /* the primary's notes say how far it has come */
    TD_JOURNAL_RESTORE, /* the secondary holds the record from which the primary's are to be
                           written; whatever stands there now does not count */
};

/* What the secondary's trailer asks for. */
enum td_boot_request {
    TD_REQUEST_NONE = 0,
    TD_REQUEST_TEST,
    TD_REQUEST_PERM,
    TD_REQUEST_TORN, /* a power cut tore it */
};

/* How the image in the primary slot stands. */
enum td_boot_running {
    TD_RUN_CONFIRMED = 0, /* or never swapped in */
    TD_RUN_TRIED,         /* it had its boot, and nobody confirmed it */
    TD_RUN_TORN,          /* swapped in, and the note that says so is torn: it never ran */
};

struct td_boot_view {
    enum td_boot_journal journal;
    enum td_boot_request request;
    enum td_boot_running running;
    bool holds_previous;       /* the secondary's image is the one that the running one replaced */
    bool secondary_unreadable; /* its notes could not be read */
    /* What this boot has found out on its way, when it looks for the second time. */
    bool request_blocked;   /* it cannot be followed, and is to stay */
    bool revert_impossible; /* what should be brought back is not there */
};

enum td_boot_action {
    TD_BOOT_RUN = 0, /* nothing to do: verify and run */
    TD_BOOT_RESTORE, /* write the primary's notes anew, then go on as RESUME */
    TD_BOOT_RESUME,  /* go on with an update */
    TD_BOOT_REVERT,  /* bring back the previous image */
    TD_BOOT_TEST,    /* install what is asked for, on trial */
    TD_BOOT_INSTALL, /* install it for good */
    TD_BOOT_MEND,    /* the update is complete, its notes are not */
    TD_BOOT_DROP,    /* clear away a torn request */
};

/* The same view gives the same action, on the first boot as on the hundredth. */
enum td_boot_action td_boot_decide(const struct td_boot_view *view);

#endif
