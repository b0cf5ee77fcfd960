/*
 * boot/plan.c - the list of sectors that an update changes.
 *
 *  0 'T' 'L'   2 version (1)   3 shift   4 sound u32   8 incoming hash (16)
 * 24 bits (36): sector group g is bit g % 8 of byte g / 8   60 CRC-32 of what stands before it
 */
#include "boot/plan.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"

enum { PLAN_VERSION = 1, PLAN_BITS_OFF = 24, PLAN_CRC_OFF = 60, SHIFT_MAX = 24 };

void td_plan_none(struct td_plan *plan, uint32_t n_sectors)
{
    memset(plan, 0, sizeof *plan);
    while (plan->shift < SHIFT_MAX && n_sectors > (uint32_t)TD_PLAN_BITS << plan->shift)
        plan->shift++;
}

void td_plan_all(struct td_plan *plan, uint32_t n_sectors)
{
    td_plan_none(plan, n_sectors);
    memset(plan->bits, 0xff, sizeof plan->bits);
}

// A sector beyond what the bits reach is always in the plan: adding it is nothing.
void td_plan_add(struct td_plan *plan, uint32_t sector)
{
    uint32_t bit = sector >> plan->shift;

    if (bit < TD_PLAN_BITS)
        plan->bits[bit / 8] = (uint8_t)(plan->bits[bit / 8] | 1u << bit % 8);
}

bool td_plan_has(const struct td_plan *plan, uint32_t sector)
{
    uint32_t bit = sector >> plan->shift;

    return bit >= TD_PLAN_BITS || (plan->bits[bit / 8] >> bit % 8 & 1u) != 0;
}

uint32_t td_plan_count(const struct td_plan *plan, uint32_t n)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++)
        count += td_plan_has(plan, i);
    return count;
}

uint32_t td_plan_nth(const struct td_plan *plan, uint32_t n, uint32_t k)
{
    uint32_t before = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (td_plan_has(plan, i) && before++ == k)
            return i;
    }
    return n;
}

bool td_plan_read(const struct td_flash_area *area, uint32_t off, struct td_plan *plan)
{
    uint8_t b[TD_PLAN_SIZE];
    bool steady;

    if (td_flash_read_steady(area, off, b, sizeof b, &steady) != TD_OK || !steady || b[0] != 'T' ||
        b[1] != 'L' || b[2] != PLAN_VERSION || b[3] > SHIFT_MAX ||
        td_load_le32(b + PLAN_CRC_OFF) != td_crc32(0, b, PLAN_CRC_OFF))
        return false;
    plan->shift = b[3];
    plan->sound = td_load_le32(b + 4);
    memcpy(plan->incoming, b + 8, sizeof plan->incoming);
    memcpy(plan->bits, b + PLAN_BITS_OFF, sizeof plan->bits);
    return true;
}

enum td_err td_plan_write(const struct td_flash_area *area, uint32_t off,
                          const struct td_plan *plan)
{
    uint8_t b[TD_PLAN_SIZE] = { 'T', 'L', PLAN_VERSION };

    b[3] = plan->shift;
    td_store_le32(b + 4, plan->sound);
    memcpy(b + 8, plan->incoming, sizeof plan->incoming);
    memcpy(b + PLAN_BITS_OFF, plan->bits, sizeof plan->bits);
    td_store_le32(b + PLAN_CRC_OFF, td_crc32(0, b, PLAN_CRC_OFF));
    return td_flash_write(area, off, b, sizeof b);
}
