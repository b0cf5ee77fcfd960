/*
 * boot/boot_priv.h - one boot while it lasts, and what a strategy is made of.
 */
#ifndef TD_BOOT_BOOT_PRIV_H
#define TD_BOOT_BOOT_PRIV_H

#include "boot/boot.h"
#include "boot/decide.h"
#include "boot/note.h"
#include "boot/plan.h"

/*
 * Which of an image's slots runs, and where the image lies then. src reads it from its first
 * byte, so that its header and TLVs can be looked at in place. By strategies that choose; the
 * others always run the primary.
 */
struct td_boot_choice {
    uint8_t slot; /* 0 primary, 1 secondary */
    const struct td_flash_area *area;
    struct td_source src; /* of area; RAM load: of the memory */
    uint32_t run_addr;    /* RAM load: as in td_boot_result; else 0 */
};

/* Bits of choose()'s excluded. */
#define TD_SLOT_BIT(slot) (1u << (slot))

/* One image of one boot. Lives on td_boot_go's stack; the large buffers are in work. */
struct td_boot_run {
    const struct td_boot_config *config;
    const struct td_strategy *strategy; /* this image's */
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
    struct td_flash_area incoming; /* the secondary from where a new image begins */
    /* The look: */
    struct td_boot_view view;
    struct td_trailer_state p; /* the primary's cells */
    struct td_trailer_state x; /* the secondary's; all UNSET when it cannot be read */
    struct td_note note;       /* RESTORE: the secondary's. Else the primary's, if has_note */
    bool has_note;
    struct td_plan plan;    /* OPEN: of the update under way */
    enum td_swap_type type; /* OPEN: of the swap under way; NONE: told of in an earlier boot */
    uint32_t swap_size;
    uint32_t done;                /* OPEN: how many steps are done */
    struct td_boot_group group;   /* that an update begun now belongs to */
    bool group_undone;            /* in it an image is on trial, or not yet installed */
    struct td_boot_choice chosen; /* which image runs, and from where */
    uint16_t refused;             /* choosing: the verdict on the slot refused last; 0: none */
    bool asked_read, asked; /* loader: whether somebody wants it rather than the application */
};

/*
 * A way of updating. Every function does flash operations one after the other, returns the
 * first error, and may be called again in a later boot with whatever the cut left behind.
 *
 * There are two kinds. One *installs*: what is asked for comes into the primary, which is what
 * runs. The other *chooses*: the image that runs is run where it lies (direct-XIP, single slot,
 * loader) or copied from there (RAM load). A strategy that chooses has choose, and of the rest
 * only mode, layout and take; one that installs has neither choose nor take.
 *
 * An installing strategy moves, the engine (update.c) does the rest: start, resume and
 * restore return TD_OK when everything has been moved and the journal is still OPEN, so that
 * the next look would find it and resume would have nothing to do. Then the engine verifies
 * the primary, waits for the other images of the same update, writes the verdict into the log,
 * and calls finish. What does not verify is brought back by revert, without a finish.
 */
struct td_strategy {
    enum td_strategy_id mode; /* also says how much room there is: slot/room.h */
    enum td_boot_line_code start_line;
    bool sector_in; /* a new image lies one sector into the secondary, the previous one at 0 */
    /* Fills in view.journal and what goes with it; p, x and the other fields are there. */
    enum td_err (*look)(struct td_boot_run *run);
    enum td_verdict_code no_room; /* how an image is refused that room says no to */
    /* Whether the layout bears this way at all, and has room for the note. TD_ESLOT_*. */
    enum td_err (*layout)(const struct td_boot_run *run);
    /* A compressed image that is sound as it is stored: whether what comes out could run, as far as
       can be said before. NULL: this way unpacks nothing, such images are refused. */
    enum td_err (*check_packed)(const struct td_boot_run *run, const struct td_source *src);
    /*
     * Installs the secondary's image, which was verified; work->report is about it. The note
     * that it writes comes from td_boot_new_note. Leaves run->type, what it was begun as.
     */
    enum td_err (*start)(struct td_boot_run *run, enum td_swap_type type);
    /* Begins to bring back the secondary's image, likewise; the next look finds OPEN or RESTORE.
       NULL: this way cannot. */
    enum td_err (*revert)(struct td_boot_run *run);
    enum td_err (*restore)(struct td_boot_run *run);
    enum td_err (*resume)(struct td_boot_run *run);
    /* The primary was verified, and the verdict is in the log: the last note. Closes the journal. */
    enum td_err (*finish)(struct td_boot_run *run);
    enum td_err (*mend)(struct td_boot_run *run);
    /*
     * Chooses the slot of run->image that is to run, among those whose bit is not set in
     * excluded, and verifies the image where it will run (td_boot_verify, td_boot_verify_at;
     * the last call that these get is about the choice, and work->report is about it). Fills in
     * run->chosen and view.running. What it finds not fit to run it refuses: the verdict is in
     * the log (td_boot_record, or _once where the slot stays as it is) before flash is changed.
     *
     * It is called again in the same boot with more bits set when what it chose depends on a
     * version that is not there, or its counter is too low; that says nothing against the slot,
     * so nothing may be noted about a choice before take.
     *
     * TD_ENOTFOUND: no slot is left. An error of the driver: as in td_boot_go.
     */
    enum td_err (*choose)(struct td_boot_run *run, uint8_t excluded);
    /*
     * How choose judges one slot: fills in run->chosen, verifies the image where it will run.
     * v: a verdict that no error stands for, else its code is left alone.
     */
    enum td_err (*judge)(struct td_boot_run *run, uint8_t slot, struct td_verdict *v);
    /* The choices of all images stand: what has to be noted before this one runs. NULL: nothing. */
    enum td_err (*take)(struct td_boot_run *run);
};

/*
 * update.c: the run of one image, before anything was looked at. work and result may be NULL,
 * where nothing is judged or told.
 */
struct td_boot_run td_boot_run_of(const struct td_boot_config *config, struct td_boot_work *work,
                                  struct td_boot_result *result, uint8_t image);

/* look.c */
enum td_err td_boot_look(struct td_boot_run *run);
void td_boot_setup(struct td_boot_run *run); /* the trailers, from config and image */
enum td_err td_boot_max(const struct td_boot_run *run, uint32_t *max); /* td_room_max_image */
enum td_err td_boot_room(const struct td_boot_run *run, uint32_t running_size, uint32_t new_size,
                         struct td_room_fit *fit); /* td_room_check */
bool td_boot_stored_hash(const struct td_flash_area *area, uint8_t hash[TD_NOTE_HASH_LEN]);
/*
 * The note of a swap that begins now. Test and permanent: work->report is about the image that
 * comes in, the one that goes is the primary's, the group is run's. Revert: likewise, but the
 * image that goes is the one that the primary's note names. swap_size is the strategy's to set.
 */
void td_boot_new_note(const struct td_boot_run *run, enum td_swap_type type, struct td_note *note);
/*
 * Whether a note in the secondary is to be believed. While one of ours stands there the primary
 * is on trial, or half swapped, or blank; one beside a confirmed image is somebody else's, since
 * the secondary may be a chip that others reach.
 */
bool td_boot_believes_secondary(const struct td_boot_run *run);

/* flash_ops.c: one operation at a time, the watchdog fed in between */
void td_boot_feed(const struct td_boot_run *run);
enum td_err td_boot_erase(const struct td_boot_run *run, const struct td_flash_area *area,
                          uint32_t off, uint32_t len);
enum td_err td_boot_copy(const struct td_boot_run *run, const struct td_flash_area *from,
                         uint32_t from_off, const struct td_flash_area *to, uint32_t to_off,
                         uint32_t len);
/* Everything but the blank words: an erased one that is programmed as such is used up. */
enum td_err td_boot_write(const struct td_flash_area *to, uint32_t off, const uint8_t *bytes,
                          uint32_t len);
enum td_err td_boot_read(const struct td_flash_area *area, uint32_t off, uint8_t *buf,
                         uint32_t len); /* what stays unreadable reads as erased */
enum td_err td_boot_erase_trailer(const struct td_boot_run *run, const struct td_trailer *t);
enum td_err td_boot_drop_request(const struct td_boot_run *run);
/* The primary's notes, of a swap that has moved nothing; they stay where an image reaches them. */
enum td_err td_boot_forget_swap(const struct td_boot_run *run);

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
/* About the image in the primary slot, which was just installed; work->report is its. */
void td_boot_record_installed(struct td_boot_run *run, enum td_swap_type type);
/* About the image in the primary slot, which is to go; work->report is of the one to come. */
void td_boot_record_reverted(struct td_boot_run *run, enum td_verdict_code code);

/*
 * verify.c. Both judge by the policy, into work->report: TD_OK, td_image_check's errors,
 * TD_EUNSUPPORTED when the image says itself that it is not to be booted; TD_EFLASH when the
 * driver failed, which says nothing about the image.
 *
 * td_boot_verify: what lies at the start of one of this image's areas. The primary is in the
 * clear whatever the header's flag says (a swap leaves the flag on what it has decrypted); the
 * secondary is encrypted when the flag says so, but where a strategy chooses: there it runs in
 * place. td_boot_verify_at: what src reads, of at most max_size bytes (RAM).
 */
enum td_err td_boot_verify(struct td_boot_run *run, const struct td_flash_area *area);
enum td_err td_boot_verify_at(struct td_boot_run *run, const struct td_source *src,
                              uint32_t max_size, enum td_image_payload payload);
enum td_verdict_code td_boot_verdict_of(enum td_err err);
/*
 * To be called once for each image, in their order: adds to result->passed that the last thing
 * which was verified is good, or that the image is not needed. Without it td_boot_jump does not.
 */
void td_boot_pass(struct td_boot_run *run, bool needed);

/*
 * stage.c: the first stage's slots. request and revert come before the engine looks at what is
 * asked for, or brings anything back; *taken: it was the stage's to answer, and is answered.
 * owns: image 0's secondary holds a second stage, which is no application to go back to.
 */
enum td_err td_boot_stage_request(struct td_boot_run *run, bool *taken);
enum td_err td_boot_stage_revert(struct td_boot_run *run, bool *taken);
bool td_boot_stage_owns(const struct td_boot_run *run);
void td_boot_stage_booted(const struct td_boot_config *config, const struct td_boot_result *result);

#endif
