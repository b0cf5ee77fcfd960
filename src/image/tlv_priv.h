/* image/tlv_priv.h - what is known about each TLV type; for this room only. */
#ifndef TD_IMAGE_TLV_PRIV_H
#define TD_IMAGE_TLV_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum td_tlv_place {
    TD_TLV_HASHED = 1, /* must be in the protected area */
    TD_TLV_LOOSE = 2,  /* cannot be: it is made from the hash, or after it */
};

/* Types of one group exclude one another and stand once in an image; group 0 repeats. */
struct td_tlv_rule {
    uint16_t type;
    uint16_t min; /* lengths allowed: min, min + step, … max */
    uint16_t max;
    uint16_t step;
    uint8_t place; /* enum td_tlv_place */
    uint8_t group;
};

/* The rule of a type, NULL for vendor types and those that nobody has named. */
const struct td_tlv_rule *td_tlv_rule(uint16_t type);

bool td_tlv_rule_takes(const struct td_tlv_rule *rule, uint16_t len);

#endif
