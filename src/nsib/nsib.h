/*
 * nsib/nsib.h - the first stage: which of S0 and S1 is the second stage that runs.
 *
 *   provision  who is trusted, where the slots lie, what the counter says   (provision.h, store.h)
 *   validate   may this slot's firmware run; if not, which verdict          (validate.c)
 *   choose     the higher version first, S0 at a tie, the other one next    (nsib.c)
 *   trial      what has not yet booted a confirmed application is on trial  (image/trial.h)
 *   burn       counter and keys move when it has                            (burn.c)
 *
 * It reads what Nordic's b0 reads (docs/spec/nsib.md), and differs where that destroys: nothing
 * is marked invalid, and what cannot be undone waits until the new second stage has proved
 * itself. td_nsib_manner_nsib does as the original does, for replay.
 *
 * What holds, wherever the power goes:
 *
 * 1. A slot that validated is never written to, but for its cells of image/trial.h.
 * 2. Counter and keys move only for firmware that is PROVEN, and only forwards.
 * 3. As long as one slot validates, there is something to boot.
 * 4. A boot that finds nothing new writes nothing.
 *
 * Everything belongs to the caller: the configuration is const data of a board, work is lent for
 * the time of the call, the result is the caller's. Nothing is kept in between.
 */
#ifndef TD_NSIB_NSIB_H
#define TD_NSIB_NSIB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/verdict.h"
#include "crypto/sig.h"
#include "flash/flash.h"
#include "image/fw_info.h"
#include "image/trial.h"
#include "nsib/provision.h"
#include "nsib/store.h"

/* Ours, or the original's: data, so that a device can replay it. */
struct td_nsib_manner {
    const char *name;
    bool marks_refused;   /* whatever does not validate is invalidated for good */
    bool burns_at_once;   /* counter and keys move when it is booted; nothing is on trial */
    bool stops_on_odd;    /* a key with a hole, or a token that is none: nothing boots */
    bool wraps_versions;  /* a version of more than 15 bits is cut off for the counter */
    bool needs_room;      /* a counter without a free slot refuses the slot (3.2 on) */
    bool ignores_ext_api; /* a request that cannot be met is found out after the choice */
};

extern const struct td_nsib_manner td_nsib_manner_tandem;
extern const struct td_nsib_manner td_nsib_manner_nsib;

/* A service that this first stage offers to the next (EXT_API provider). */
struct td_nsib_api {
    uint32_t id;
    uint32_t flags;
    uint32_t version;
    uint32_t record; /* address of the provider's record: what the next stage is given */
};

enum td_nsib_lock {
    TD_NSIB_LOCK_SELF,      /* the first stage's own code; first of all */
    TD_NSIB_LOCK_PROVISION, /* provision data; last of all, nothing is written after it */
};

struct td_nsib_result;

/* What a port does. Each may be NULL, but lock and jump on a board; ctx is hook_ctx. */
struct td_nsib_hooks {
    void (*feed)(void *ctx);                         /* the watchdog */
    bool (*lock)(void *ctx, enum td_nsib_lock what); /* until reset; false: it failed */
    enum td_reset_cause (*reset_cause)(void *ctx);   /* of this boot */
    /*
     * The application's own word, from retained memory, that the second stage in this slot and
     * of this version serves it well. With this hook BOOTED cells alone prove nothing.
     */
    bool (*vouched)(void *ctx, uint8_t slot, uint32_t version);
    void (*hand_over)(void *ctx, const uint8_t *record, uint32_t len); /* to retained memory */
    void (*grant)(void *ctx, uint32_t address, uint32_t value);        /* EXT_API: a word in RAM */
    void (*jump)(void *ctx, const struct td_nsib_result *r); /* does not return on a board */
};

struct td_nsib_config {
    const struct td_flash_area *flash; /* that both slots lie in */
    uint32_t flash_addr;               /* of that area's first byte, as the CPU sees it */
    uint32_t slot_size;                /* of S0, and of S1; bytes, pad included */
    const struct td_nsib_store *store;
    uint32_t provision_off; /* in the store */
    enum td_provision_form form;
    enum td_fw_search search;
    uint32_t skip; /* bytes of header at a slot's start before the search; PM builds: 0 */
    struct td_fw_compat compat;   /* soc and product: other firmware is not found */
    const struct td_sig_alg *sig; /* one of the P-256 tables */
    uint32_t ram_addr;            /* where stacks and EXT_API pointers may lie */
    uint32_t ram_size;            /* 0: not looked at */
    const struct td_nsib_api *apis;
    uint8_t n_apis;
    uint32_t trial_off;  /* of the cells, from the slot's start: TD_TRIAL_OFF, as a rule */
    uint8_t trial_boots; /* tries until the other slot is taken; 0: nothing is counted */
    bool checks_life;    /* life cycle: only the first three states boot */
    const struct td_flash_area *boot_log; /* NULL: verdicts go to the result alone */
    const struct td_nsib_manner *manner;  /* NULL: td_nsib_manner_tandem */
    const struct td_nsib_hooks *hooks;    /* NULL: none */
    void *hook_ctx;
};

#define TD_NSIB_GRANTS_MAX   8 /* EXT_API requests of one firmware */
#define TD_NSIB_VERDICTS_MAX 8

/* EXT_API: the word at address is to hold value (0: not provided). */
struct td_nsib_grant {
    uint32_t address;
    uint32_t value;
};

struct td_nsib_result {
    bool bootable;
    uint8_t slot;          /* 0, 1 */
    uint32_t slot_address; /* of the slot's first byte */
    uint32_t boot_address; /* of the vector table: what goes into VTOR */
    uint32_t stack;        /* its first word: what goes into MSP */
    uint32_t entry;        /* its second: where to jump, thumb bit set */
    uint32_t version;      /* fw_info's */
    uint8_t key_index;     /* of the provisioned key that verified */
    bool on_trial;         /* no application swap may start; the watchdog is to run */
    bool last_resort;      /* it had its trial and nothing else is there; it may do everything */
    uint8_t begun;         /* boots of this trial, this one included */
    uint32_t counter;      /* the version that the counter holds; 0: none */
    uint16_t counter_left; /* free slots of it */
    uint32_t refused[2];   /* per slot, the verdict code of why it was not taken, or, for the last
                            resort, was passed over first; 0: it was taken, or not looked at */
    uint8_t n_grants;
    struct td_nsib_grant grants[TD_NSIB_GRANTS_MAX];
    uint8_t n_verdicts;
    struct td_verdict verdicts[TD_NSIB_VERDICTS_MAX]; /* .slot is S0 or S1 */
};

/* What validation found out about one firmware. */
struct td_nsib_firmware {
    struct td_fw_info info; /* info.off counts from the slot's first byte */
    uint32_t stack;
    uint32_t entry;
    uint8_t key_index;
    uint8_t n_grants;
    struct td_nsib_grant grants[TD_NSIB_GRANTS_MAX];
};

/* Lent by the caller; needs no preparation, holds nothing of value afterwards. ~1.5 KB. */
struct td_nsib_work {
    struct td_provision provision;
    struct td_nsib_firmware firmware[2];
    struct td_fw_validation validation;
};

/*
 * Everything but the jump. TD_OK: the boot is decided; result->bootable says whether there is
 * something to jump to, and when not, a verdict says why. Provision data are locked, the
 * hand-over record was given to its hook. TD_EARG: the configuration contradicts itself. TD_EFLASH:
 * the flash that the slots lie in cannot be read, or the power is gone.
 */
enum td_err td_nsib_go(const struct td_nsib_config *config, struct td_nsib_work *work,
                       struct td_nsib_result *result);

/*
 * Grants what EXT_API asked for and calls the jump hook, when the result says twice that it may.
 * The contract of the hook: interrupts disabled and none pending, VTOR = boot_address,
 * MSP = stack, CONTROL 0, limits 0, barriers, jump to entry. TD_ESTATE: it may not.
 */
enum td_err td_nsib_jump(const struct td_nsib_config *config, const struct td_nsib_result *result);

/*
 * BL_VALIDATE_FW: whether the firmware that now stands in area at off, the slot's first byte,
 * would be booted once it stood in the slot (0, 1). Nothing is written. TD_OK, and *version is
 * fw_info's. Else *why holds code, wanted and found (the rest is 0), and the error is
 * TD_EFORMAT (the firmware), TD_EKEY, TD_ESIG, TD_ESTATE (the rest: too old, no room in the
 * counter), TD_EARG, or flash's.
 */
enum td_err td_nsib_validate(const struct td_nsib_config *config, struct td_nsib_work *work,
                             uint8_t slot, const struct td_flash_area *area, uint32_t off,
                             uint32_t *version, struct td_verdict *why);

/*
 * The hand-over record: what a second stage is told of its own boot, 48 bytes in retained
 * memory, by docs/spec/nsib.md.
 */
#define TD_NSIB_HAND_OVER_SIZE 48

struct td_nsib_hand_over {
    uint8_t slot;
    bool on_trial;
    bool last_resort;
    uint8_t begun, boots; /* of this trial */
    uint8_t key_index;
    uint32_t slot_address;
    uint32_t version;
    uint32_t counter;
    uint16_t counter_left;
    uint16_t valid_keys; /* a bit for each */
    uint32_t refused[2];
};

void td_nsib_hand_over_write(const struct td_nsib_hand_over *h,
                             uint8_t out[TD_NSIB_HAND_OVER_SIZE]);

/* TD_EFORMAT: it is none, or torn, or of a version that is not known. */
enum td_err td_nsib_hand_over_read(const uint8_t in[TD_NSIB_HAND_OVER_SIZE],
                                   struct td_nsib_hand_over *h);

#endif
