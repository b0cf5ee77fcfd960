/*
 * boot/boot_priv.h - one boot while it lasts, and what a strategy is made of.
 */
#ifndef TD_BOOT_BOOT_PRIV_H
#define TD_BOOT_BOOT_PRIV_H

#include "boot/boot.h"
#include "boot/decide.h"
#include "boot/note.h"

/* One image of one boot. Lives on td_boot_go's stack; the large buffers are in work. */
struct td_boot_run {
    const struct td_boot_config *config;
    const struct td_boot_manner *manner;
    struct td_boot_work *work;
    struct td_boot_result *result;
    uint8_t image;
    bool settled;    /* this boot has installed something: look no further, verify and run */
    bool resumed;    /* this boot went on with something */
    bool cause_read; /* cause holds an answer */
    enum td_reset_cause cause;
    struct td_trailer primary;
    struct td_trailer secondary;
    /* The look: */
    struct td_boot_view view;
    struct td_trailer_state p; /* the primary's cells */
    struct td_trailer_state x; /* the secondary's; all UNSET when it cannot be read */
    struct td_note note;       /* RESTORE: the secondary's. Else the primary's, if has_note */
    bool has_note;
    enum td_swap_type type; /* OPEN: of the swap under way */
    uint32_t swap_size;
    uint32_t done; /* OPEN: how many steps are done */
};

/*
 * A way of updating. Every function does flash operations one after the other, returns the
 * first error, and may be called again in a later boot with whatever the cut left behind.
 */
struct td_strategy {
    enum td_strategy_id mode; /* also says how much room there is: slot/room.h */
    enum td_boot_line_code start_line;
    /* Fills in view.journal and what goes with it; p, x and the other fields are there. */
    enum td_err (*look)(struct td_boot_run *run);
    enum td_verdict_code no_room; /* how an image is refused that room says no to */
    /* Whether the layout bears this way at all, and has room for the note. TD_ESLOT_*. */
    enum td_err (*layout)(const struct td_boot_run *run);
    /* Begins to install the secondary's image, which was verified; work->report is about it. */
    enum td_err (*start)(struct td_boot_run *run, enum td_swap_type type);
    /* Begins to bring back the secondary's image, likewise. NULL: this way cannot. */
    enum td_err (*revert)(struct td_boot_run *run);
    enum td_err (*restore)(struct td_boot_run *run);
    enum td_err (*resume)(struct td_boot_run *run);
    enum td_err (*mend)(struct td_boot_run *run);
};

/* look.c */
enum td_err td_boot_look(struct td_boot_run *run);
void td_boot_setup(struct td_boot_run *run); /* the trailers, from config and image */
enum td_err td_boot_max(const struct td_boot_run *run, uint32_t *max); /* td_room_max_image */
enum td_err td_boot_room(const struct td_boot_run *run, uint32_t running_size, uint32_t new_size,
                         struct td_room_fit *fit); /* td_room_check */
bool td_boot_stored_hash(const struct td_flash_area *area, uint8_t hash[TD_NOTE_HASH_LEN]);

/* flash_ops.c: one operation at a time, the watchdog fed in between */
void td_boot_feed(const struct td_boot_run *run);
enum td_err td_boot_erase(const struct td_boot_run *run, const struct td_flash_area *area,
                          uint32_t off, uint32_t len);
enum td_err td_boot_copy(const struct td_boot_run *run, const struct td_flash_area *from,
                         uint32_t from_off, const struct td_flash_area *to, uint32_t to_off,
                         uint32_t len);
enum td_err td_boot_erase_trailer(const struct td_boot_run *run, const struct td_trailer *t);
enum td_err td_boot_drop_request(const struct td_boot_run *run);

/* record.c: verdicts and lines */
void td_boot_say(const struct td_boot_run *run, enum td_boot_line_code code, uint32_t a, uint32_t b,
                 uint32_t c, uint32_t d);
enum td_reset_cause td_boot_cause(struct td_boot_run *run);
void td_boot_verdict(const struct td_boot_run *run, enum td_verdict_code code,
                     struct td_verdict *v); /* code, class, image; the rest 0 */
void td_boot_verdict_of_image(struct td_verdict *v, const struct td_image_report *report);
void td_boot_record(struct td_boot_run *run, const struct td_verdict *v);      /* always */
void td_boot_record_once(struct td_boot_run *run, const struct td_verdict *v); /* a standing one */
void td_boot_record_note(struct td_boot_run *run, const struct td_verdict *v); /* maybe repeated */

/* verify.c */
enum td_err td_boot_verify(struct td_boot_run *run, const struct td_flash_area *area);
enum td_verdict_code td_boot_verdict_of(enum td_err err);

/* boot.c, for strategies */
void td_boot_record_installed(struct td_boot_run *run, enum td_swap_type type);
void td_boot_record_reverted(struct td_boot_run *run, bool invalid);

#endif
