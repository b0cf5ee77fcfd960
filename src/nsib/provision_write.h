/*
 * nsib/provision_write.h - makes the data that nsib/provision.h reads, as the vendor's
 * provision.py does: byte for byte the same for the same wishes.
 */
#ifndef TD_NSIB_PROVISION_WRITE_H
#define TD_NSIB_PROVISION_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nsib/provision.h"

#define TD_PROVISION_REFERENCE_MAX 19 /* characters of a PSA certification reference */

struct td_provision_plan {
    enum td_provision_form form; /* how wide a counter's slot is */
    bool old_tokens;             /* for a b0 until SDK 2.6 */
    uint32_t s0_address;
    uint32_t s1_address;         /* S0's when there is one slot */
    const uint8_t (*prints)[16]; /* n_keys of them; NULL when there are none */
    uint32_t n_keys;             /* up to TD_PROVISION_KEYS */
    uint16_t firmware_slots;     /* of b0's counter; 0: it has none */
    uint16_t mcuboot_slots;      /* of MCUboot's security counter; 0: it has none */
    const char *psa_reference;   /* up to TD_PROVISION_REFERENCE_MAX characters, or NULL */
};

/*
 * From S0's address on: what stands in front of it is written elsewhere. Returns how long it is;
 * when that exceeds cap, out is undefined, and nothing behind its end was written.
 */
size_t td_provision_write(const struct td_provision_plan *plan, uint8_t *out, size_t cap);

#endif
