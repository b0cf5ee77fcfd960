/*
 * nsib/provision.h - the data that a device is given for its first stage: where the two slots
 * lie, whom it trusts, and its counters that only rise.
 *
 *   life cycle | implementation id | S0 | S1 | keys | counters | variable data
 *
 * Source: include/bl_storage.h, subsys/bootloader/bl_storage and scripts/bootloader/provision.py
 * of the nRF Connect SDK. It lies in OTP (nRF53, nRF91, nRF54L) or in a flash page behind b0
 * (nRF52, network core). OTP answers to aligned words only, so nothing else is read here.
 *
 * Offsets count from the start of the source; integers are little-endian. Hostile bytes are
 * an error, and no read leaves the source.
 */
#ifndef TD_NSIB_PROVISION_H
#define TD_NSIB_PROVISION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/source.h"

#define TD_PROVISION_KEYS     16
#define TD_PROVISION_COUNTERS 4

/* How the fields are laid out. */
enum td_provision_form {
    TD_PROVISION_BARE,     /* until about SDK 2.2: begins with S0, without life cycle */
    TD_PROVISION_HALFWORD, /* nRF52, nRF53, nRF91: S0 at 0x28, counter slots of 2 bytes */
    TD_PROVISION_WORD,     /* nRF54L: S0 at 0x30, counter slots of 4 bytes */
};

/* What a key's token says; the number of the key is part of the younger kind. */
enum td_key_token {
    TD_TOKEN_VALID_OLD,   /* FFFFFFFF, b0 until SDK 2.6. A younger b0 does not boot with it */
    TD_TOKEN_REVOKED_OLD, /* FFFF0000 */
    TD_TOKEN_VALID,       /* 50FAFFFF with the index in the top byte, SDK 2.7 on */
    TD_TOKEN_REVOKED,     /* 50FA0000, likewise. An older b0 takes it as valid */
    TD_TOKEN_ODD,         /* anything else: valid to an old b0, a stop to a younger one */
};

struct td_provision_key {
    uint32_t raw;
    enum td_key_token token;
    uint8_t fingerprint[16];
    bool has_hole; /* an aligned FFFF halfword in it: b0 refuses to boot */
};

enum td_counter_what {
    TD_COUNTER_FIRMWARE = 1, /* b0's: version << 1, and the low bit set for S0 */
    TD_COUNTER_MCUBOOT = 2,  /* security counter of MCUboot's image 0 */
};

struct td_provision_counter {
    uint16_t what; /* enum td_counter_what, or a number that is not known */
    uint32_t off;  /* of the first slot */
    uint16_t n_slots;
    uint16_t n_used; /* before the first free one; the others are left */
    uint32_t value;  /* the highest used; 0 when all are free */
    bool has_gap;    /* something stands behind the first free one: no first stage wrote that */
};

enum td_life_cycle {
    TD_LIFE_ASSEMBLY,
    TD_LIFE_PROVISIONING,
    TD_LIFE_SECURED,
    TD_LIFE_DECOMMISSIONED,
    TD_LIFE_CORRUPT, /* a later state entered and an earlier one not, or a torn field */
    TD_LIFE_UNKNOWN, /* the form has none */
};

struct td_provision {
    enum td_provision_form form;
    uint32_t off;
    uint32_t size; /* bytes up to the end of the counters and variable data */
    enum td_life_cycle life;
    uint32_t s0_address;
    uint32_t s1_address; /* equal to S0's: there is one slot */
    uint32_t n_keys;
    struct td_provision_key keys[TD_PROVISION_KEYS];
    uint16_t n_counters;
    struct td_provision_counter counters[TD_PROVISION_COUNTERS];
    bool has_variable_data;
};

/*
 * Reads the data at off, which is a multiple of 4. The bytes in front of S0 may be missing
 * from the device (a hex file has them erased): they are only read for the life cycle.
 *
 * TD_EARG: off is not aligned. TD_ETRUNC: it leaves the source. TD_EFORMAT: more keys than there
 * can be, slots that are not aligned or of which there is an odd number of halfwords, more
 * counters than are known, counters or keys where there is room for none. The source's error.
 */
enum td_err td_provision_read(const struct td_source *src, uint32_t off,
                              enum td_provision_form form, struct td_provision *p);

/* Offset of S0's address in the form. */
uint32_t td_provision_s0_off(enum td_provision_form form);

/*
 * Whether data that was read looks like provision data and not like anything else: for a scan.
 * Stricter than the read: tokens of one kind, slot addresses that are multiples of 0x100.
 */
bool td_provision_is_plausible(const struct td_provision *p);

#endif
