/*
 * boot/boot.h - the door of the room: everything between reset and the jump.
 *
 *   look     read the notes in flash once, into a view           (look.c)
 *   decide   view -> action, a pure function                     (decide.h)
 *   step     one flash operation each; each may be the last      (move.c, overwrite.c)
 *   verify   is this image to be run; if not, which verdict      (verify.c)
 *   jump     the port's, by a hook                               (jump.h)
 *
 * What holds, whatever happens to the power (docs/spec/boot.md has the proofs' outlines, the
 * sweep in tests/sweep tries them):
 *
 * 1. At every moment the primary slot holds a valid image, or the notes say how to get one.
 * 2. The image that was confirmed last is not given up before another one is confirmed.
 * 3. A verdict is complete in the boot log before flash is changed because of it.
 * 4. A boot that decides nothing new writes nothing.
 *
 * Everything belongs to the caller: the configuration is const data of a board, the work area
 * is lent for the time of the call, the result is the caller's. Nothing is kept in between.
 */
#ifndef TD_BOOT_BOOT_H
#define TD_BOOT_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/verdict.h"
#include "flash/flash.h"
#include "image/image.h"
#include "slot/request.h"
#include "boot/hard.h"
#include "boot/lines.h"

/*
 * Another core that runs a copy of what an image's primary slot holds, reached by the port: the
 * network core (pcd/pcd.h). boot/follow.h says when it is given what.
 *
 * give: len bytes at off of slot, the payload of an image that has verified, are to be what that
 * core runs. It comes back when the core has verified them (TD_OK), or with an error and in *v
 * its verdict's code and facts. It may be given the same again.
 *
 * judge: whether that core would take such a payload; if not, *v (TD_V_CORE_WRONG) gets its facts.
 * Asked of a candidate before anything is begun, unless it is encrypted or compressed; may be NULL.
 */
struct td_boot_follower {
    enum td_err (*give)(void *ctx, const struct td_flash_area *slot, uint32_t off, uint32_t len,
                        struct td_verdict *v);
    bool (*judge)(void *ctx, const struct td_flash_area *slot, uint32_t off, uint32_t len,
                  struct td_verdict *v);
    void *ctx;
    bool is_volatile; /* the slot is memory (flash/ram.h): empty after a reset, and that is no
                         fault; the image cannot be brought back */
};

/* The areas of one image. Those that a strategy has no use for are NULL. */
struct td_boot_slots {
    const struct td_flash_area *primary;
    const struct td_flash_area *secondary;
    const struct td_flash_area *scratch;
    const struct td_strategy *strategy;      /* NULL: the configuration's */
    const struct td_boot_follower *follower; /* NULL: the image runs on this core */
};

/* A way of updating: a const table of functions, one file each. */
struct td_strategy;

extern const struct td_strategy td_strategy_move;            /* TD_MODE_MOVE */
extern const struct td_strategy td_strategy_offset;          /* TD_MODE_OFFSET */
extern const struct td_strategy td_strategy_scratch;         /* TD_MODE_SCRATCH */
extern const struct td_strategy td_strategy_overwrite;       /* TD_MODE_OVERWRITE */
extern const struct td_strategy td_strategy_overwrite_plain; /* the whole slot, not the image */
extern const struct td_strategy td_strategy_xip; /* TD_MODE_XIP: the higher version runs */
extern const struct td_strategy td_strategy_xip_revert;
extern const struct td_strategy td_strategy_ram; /* TD_MODE_RAM_LOAD, from either slot */
extern const struct td_strategy td_strategy_ram_revert;
extern const struct td_strategy td_strategy_single;     /* TD_MODE_SINGLE: no second slot */
extern const struct td_strategy td_strategy_single_ram; /* the same, run from RAM */
extern const struct td_strategy td_strategy_loader;     /* TD_MODE_LOADER: the second is a loader */

enum td_strategy_id td_strategy_mode(const struct td_strategy *strategy);

/* Ours, or the original's where its users notice: data, so that a device can replay it. */
struct td_boot_manner {
    const char *name;
    enum td_slot_manner slot; /* what torn flags of a trailer mean */
    bool erases_refused;      /* refused: the whole slot goes, not the request alone */
    bool no_room_stays;       /* a request without swap room stays, and fails at each boot */
    bool names_no_verdict;    /* its console says that something was refused, not why */
};

extern const struct td_boot_manner td_boot_manner_tandem;
extern const struct td_boot_manner td_boot_manner_mcuboot;

struct td_boot_result;
struct td_boot_stage; /* boot/stage.h */

/*
 * Security counters in protected storage, one for each image. read: the stored value. rise:
 * stores a higher one, power-safe; TD_ENOSPC when no step is left. can_rise: whether one is.
 */
struct td_boot_counters {
    enum td_err (*read)(void *ctx, uint8_t image, uint32_t *value);
    enum td_err (*rise)(void *ctx, uint8_t image, uint32_t value);
    bool (*can_rise)(void *ctx, uint8_t image, uint32_t value);
    void *ctx;
};

/* Memory that RAM-load strategies may fill: load_addr of an image lies inside. */
struct td_boot_ram {
    uint32_t addr;  /* as images name it */
    uint32_t size;  /* bytes */
    uint8_t *bytes; /* where it is for us: on a board, the address */
};

/* Why the bootloader asks its port to run the recovery server instead of an image. */
enum td_boot_recover {
    TD_RECOVER_NO = 0,
    TD_RECOVER_PIN,      /* the pin, or whatever the port's hook looks at */
    TD_RECOVER_MODE,     /* boot mode, from a reset request or a flag in retained memory */
    TD_RECOVER_NO_IMAGE, /* nothing is bootable */
};

/* What a port may do on the way. Each may be NULL; ctx is the configuration's hook_ctx. */
struct td_boot_hooks {
    void (*feed)(void *ctx); /* the watchdog; at least once per flash operation and hash block */
    void (*line)(void *ctx, const struct td_boot_line *line); /* the boot log's console line */
    enum td_reset_cause (*reset_cause)(void *ctx);            /* of this boot; asked once at most */
    bool (*recovery_pin)(void *ctx);                          /* NULL: there is none */
    uint8_t (*boot_mode)(void *ctx); /* of the reset request; reading clears it; 0: normal */
    void (*result)(void *ctx, const struct td_boot_result *r); /* shared data; before the jump */
    void (*jump)(void *ctx, const struct td_boot_result *r);   /* does not return on a board */
};

struct td_boot_config {
    const struct td_boot_slots *images; /* n_images pairs; image 0 is the one that is run */
    uint8_t n_images;                   /* 1..TD_BOOT_IMAGES_MAX */
    const struct td_strategy *strategy;
    struct td_image_policy policy; /* max_size is not looked at: the slots and slot/room.h decide */
    uint8_t max_align;             /* as in struct td_trailer */
    uint16_t max_sectors;
    bool falls_back; /* an invalid primary is replaced by the secondary, if that is not older */
    bool downgrade_prevention;               /* a request for an older version is refused */
    const struct td_boot_counters *counters; /* NULL: none, and SEC_CNT is not looked at */
    const struct td_boot_ram *ram;           /* RAM-load strategies only */
    const struct td_patch *patch;            /* overwrite; NULL: compressed ones are refused */
    void *patch_work;                        /* patch->work_size bytes, aligned as malloc's */
    bool has_recovery;                       /* the port can run the recovery server */
    const struct td_boot_stage *stage;       /* boot/stage.h; NULL: there is no first stage */
    bool
        checks_twice; /* hash and signature are computed twice: against glitches, at twice the time */
    uint8_t *shared;                      /* boot/shared.h goes there; NULL: nowhere */
    uint16_t shared_size;                 /* bytes */
    const struct td_version *version;     /* the bootloader's own; NULL: not told */
    const struct td_flash_area *boot_log; /* NULL: verdicts go to the result alone */
    const struct td_boot_manner *manner;  /* NULL: td_boot_manner_tandem */
    const struct td_boot_hooks *hooks;    /* NULL: none */
    void *hook_ctx;
};

#define TD_BOOT_IMAGES_MAX   4
#define TD_BOOT_VERDICTS_MAX 8
#define TD_BOOT_COPY_SIZE    1024 /* bytes that are copied at a time; a multiple of any word */

struct td_boot_result {
    bool bootable;                /* every image that is needed verified, where it will run */
    uint8_t slot;                 /* of image 0: 0, or 1 where the strategy chooses */
    uint32_t slot_off;            /* of that slot, from the start of its device */
    uint32_t run_addr;            /* RAM load: where image 0 lies in RAM; else 0 */
    enum td_boot_recover recover; /* not NO: run the recovery server, bootable or not */
    struct td_image_header hdr;   /* of image 0; valid when bootable */
    uint8_t hash[64];             /* that image 0 carries */
    uint8_t hash_len;
    bool reset;            /* nothing is to be jumped to: reset, the first stage chooses anew */
    bool on_trial;         /* of image 0: unconfirmed, the next reset reverts */
    enum td_swap_type did; /* of the last image changed in this boot; NONE: nothing was */
    bool resumed;          /* what was done had been begun in an earlier boot */
    struct td_hard passed; /* every image was: what td_boot_jump wants to see */
    enum td_err shared;    /* the first thing that shared data had no room for, or could not say */
    uint8_t n_verdicts;    /* of this boot, oldest first; later ones are dropped */
    struct td_verdict verdicts[TD_BOOT_VERDICTS_MAX];
};

enum td_boot_way { TD_WAY_IN = 0, TD_WAY_OUT = 1 };

enum td_boot_cargo {
    TD_CARGO_CLEAR = 0,
    TD_CARGO_AES128 = 1,
    TD_CARGO_AES256 = 2,
    TD_CARGO_LOST = 3, /* its key is not to be had: nothing of it leaves the primary */
};

/* One image on its way between the slots (boot/cipher.h). */
struct td_boot_cipher {
    enum td_boot_cargo cargo;
    uint16_t hdr_size; /* the payload is [hdr_size, hdr_size + img_size) */
    uint32_t img_size;
    uint8_t wrapped[TD_ENC_TLV_MAX]; /* the key as the image carries it */
    struct td_aes_ctr ctr;           /* secret */
};

/* What an image occupies in RAM; size 0: nothing. */
struct td_boot_span {
    uint32_t addr; /* as images name it */
    uint32_t size;
};

/* Lent by the caller; needs no preparation, holds nothing of value afterwards. ~4 KB. */
struct td_boot_work {
    struct td_image_work image;
    struct td_image_report report;
    struct td_hard verified;                        /* what report is about was found good */
    struct td_boot_span loaded[TD_BOOT_IMAGES_MAX]; /* RAM load: of this boot */
    struct td_boot_cipher cipher[2]; /* TD_WAY_IN, TD_WAY_OUT; wiped before the jump */
    uint8_t copy[TD_BOOT_COPY_SIZE];
};

/*
 * Whether the configuration makes sense: areas, trailers, the strategy's demands on layout.
 * To be asked by whoever builds one from data; td_boot_go itself relies on nothing.
 * TD_EARG, or td_flash_area_check's, td_trailer_check's, td_room_max_image's errors.
 */
enum td_err td_boot_check(const struct td_boot_config *config);

/*
 * The largest image that an update may bring, in bytes, from slot/room.h and this board's areas:
 * what a port's td_room_geometry for the server has to come to. TD_EARG, td_room_max_image's.
 */
enum td_err td_boot_max_image(const struct td_boot_config *config, uint8_t image, uint32_t *max);

/*
 * What td_boot_go would say of the image in one slot, without a boot: for recovery, which lists
 * images and takes new ones. Nothing is written (RAM load: the image's RAM is, as in a boot).
 *
 * True: it would be run, or installed when that is asked for. False: why holds the verdict, in
 * particular empty-slot. Security counters and other images' versions are not looked at: those
 * rules are about all images together, and a boot's.
 */
bool td_boot_judge(const struct td_boot_config *config, struct td_boot_work *work, uint8_t image,
                   uint8_t slot, struct td_verdict *why);

/*
 * Everything but the jump. Looks, decides and acts until nothing is left to do, then verifies
 * what lies in the primary slots.
 *
 * When the boot mode or the pin asks for the recovery server, that is all the result says: no
 * slot is looked at, whatever is under way in it waits for the next boot. Where nothing is
 * bootable, and has_recovery is set, result->recover is TD_RECOVER_NO_IMAGE.
 *
 * TD_OK: the boot is decided; result->bootable says whether there is something to jump to, and
 * when not, a verdict says why. The result hook has been called.
 * TD_EFLASH (or another error of the driver): flash failed in the middle of a step that cannot
 * be left half done, three times in a row. Nothing may be jumped to; a reset tries again from
 * where it stopped. Under a simulated flash: the power is gone.
 * TD_EARG: n_images or a slot is out of range.
 */
enum td_err td_boot_go(const struct td_boot_config *config, struct td_boot_work *work,
                       struct td_boot_result *result);

#endif
