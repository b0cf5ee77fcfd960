/* nsib/nsib_priv.h - one boot of the first stage while it lasts. */
#ifndef TD_NSIB_NSIB_PRIV_H
#define TD_NSIB_NSIB_PRIV_H

#include "nsib/nsib.h"

/* A firmware that is judged, wherever it lies. */
struct td_nsib_check {
    const struct td_nsib_config *config;
    const struct td_nsib_manner *manner;
    struct td_nsib_work *work;   /* provision was read */
    struct td_nsib_firmware *fw; /* into this */
    struct td_flash_area area;   /* its bytes; the first is the slot's first */
    uint32_t address;            /* of that byte once it stands in its slot */
    uint8_t slot;
    bool unmet; /* EXT_API: a required service is missing, by a manner that waits */
};

/* What refused it, for people; the fields that a verdict has. */
struct td_nsib_why {
    enum td_verdict_code code; /* NONE: nothing did */
    uint32_t wanted;
    uint32_t found;
};

/* validate.c */
enum td_err td_nsib_find(const struct td_nsib_config *config, const struct td_source *src,
                         uint32_t from, struct td_fw_info *info); /* as td_fw_info_find */
/* The order of the original; TD_OK with why->code when it is refused, or flash's error. */
enum td_err td_nsib_judge(struct td_nsib_check *check, struct td_nsib_why *why);

/* services.c: EXT_API requests behind fw_info, into fw->grants. As td_nsib_judge. */
enum td_err td_nsib_services(struct td_nsib_check *check, struct td_nsib_why *why);

/* burn.c */
enum td_err td_nsib_read_provision(const struct td_nsib_config *config, struct td_provision *p);
/* A key that may verify: its token says so and its fingerprint has no hole. */
bool td_nsib_is_trusted(const struct td_provision_key *key);
/* Neither valid nor revoked, whole or torn; or with a hole. */
bool td_nsib_is_odd(const struct td_provision_key *key);
/* b0's own counter; NULL: there is none. */
const struct td_provision_counter *td_nsib_counter(const struct td_provision *p);
/* Whether the version would have to be written and cannot be. */
bool td_nsib_is_full(const struct td_provision *p, uint32_t version);
uint32_t td_nsib_version_max(const struct td_provision *p);
/* What it holds as a version, and its free slots. */
uint32_t td_nsib_stored(const struct td_provision *p, uint16_t *left);

/* Whether one of the two below would program something, for key index key and all before it. */
bool td_nsib_is_due(const struct td_provision *p, uint32_t version, uint8_t slot, uint8_t key);

/*
 * Each makes one fact of the firmware lasting, and nothing when it is one. TD_ENOSPC: the counter
 * is full. TD_EFLASH and the store's errors.
 */
enum td_err td_nsib_raise(const struct td_nsib_config *config, const struct td_provision *p,
                          uint32_t version, uint8_t slot);
enum td_err td_nsib_revoke(const struct td_nsib_config *config, const struct td_provision *p,
                           uint8_t key);

#endif
