/* nsib/provision_fuzz.c - any bytes where provision data should be. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "nsib/provision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum td_err strict_read(const void *ctx, uint32_t off, void *dst, size_t len)
{
    // OTP: aligned words, and nothing else.
    if (off % 4 != 0 || len != 4)
        abort();
    memcpy(dst, (const uint8_t *)ctx + off, len);
    return TD_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + (size == 0)); // of exactly this length, so that ASan sees
    struct td_source src = { strict_read, bytes, (uint32_t)size };
    struct td_provision p;

    if (bytes == NULL)
        abort();
    if (size > 0)
        memcpy(bytes, data, size);
    for (unsigned form = 0; form < 3; form++) {
        enum td_err err = td_provision_read(&src, 0, (enum td_provision_form)form, &p);

        if (p.n_keys > TD_PROVISION_KEYS || p.n_counters > TD_PROVISION_COUNTERS)
            abort();
        for (unsigned i = 0; i < p.n_counters; i++)
            if (p.counters[i].n_used > p.counters[i].n_slots ||
                !td_range_in(p.counters[i].off, 2u * p.counters[i].n_slots, src.size))
                abort();
        if (err == TD_OK && p.size > src.size)
            abort();
        if (err == TD_OK && td_provision_is_plausible(&p) && p.n_keys == 0)
            abort();
    }
    free(bytes);
    return 0;
}
