/* boot/shared_fuzz.c - any bytes where the bootloader's shared data should be. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/shared.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + (size == 0)); // of exactly this length, so that ASan sees
    uint16_t end, at = TD_SHARED_HEAD_SIZE;
    struct td_shared_entry entry;
    volatile uint8_t seen = 0;
    bool more = true;

    if (bytes == NULL)
        abort();
    if (size > 0)
        memcpy(bytes, data, size);
    if (td_shared_open(bytes, size, &end) == TD_OK) {
        while (td_shared_next(bytes, end, &at, &entry, &more) == TD_OK && more) {
            for (unsigned i = 0; i < entry.len; i++)
                seen ^= entry.data[i];
        }
        if (end > size || at > end)
            abort();
    }
    (void)seen;
    free(bytes);
    return 0;
}
