/* sim/otp.c - the two functions of a simulated OTP's driver. */
#include "sim/otp.h"

#include "base/bytes.h"
#include "base/range.h"

static enum td_err otp_read(const struct td_nsib_store *store, uint32_t off, uint32_t *word)
{
    uint8_t bytes[4];
    enum td_err err;

    if (off % 4 != 0 || !td_range_in(off, 4, store->size))
        return TD_EREAD;
    err = td_flash_read(store->ctx, off, bytes, sizeof bytes);
    *word = td_load_le32(bytes);
    return err;
}

static enum td_err otp_program(const struct td_nsib_store *store, uint32_t off, uint32_t value,
                               uint8_t width)
{
    uint8_t bytes[4];

    if ((width != 2 && width != 4) || off % width != 0 || !td_range_in(off, width, store->size))
        return TD_EALIGN;
    td_store_le32(bytes, value);
    return td_flash_write(store->ctx, off, bytes, width);
}

struct td_nsib_store sim_otp_store(const struct td_flash_area *area)
{
    return (struct td_nsib_store){
        .read = otp_read,
        .program = otp_program,
        .ctx = (void *)(uintptr_t)area,
        .size = area->size,
    };
}
