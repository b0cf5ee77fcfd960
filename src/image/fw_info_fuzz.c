/* image/fw_info_fuzz.c - any bytes where NSIB's structures should be. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "image/fw_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + (size == 0)); // of exactly this length, so that ASan sees
    struct td_source src = td_source_memory(bytes, (uint32_t)size);
    struct td_fw_validation v;
    struct td_fw_info info;
    uint8_t hash[32], print[TD_FW_FINGERPRINT];

    if (bytes == NULL)
        abort();
    if (size > 0)
        memcpy(bytes, data, size);
    for (unsigned who = 0; who < 3; who++) {
        if (td_fw_info_find(&src, 0, (enum td_fw_search)who, &info) != TD_OK)
            continue;
        if (!td_range_in(info.off, info.total_size, src.size))
            abort();
        if (td_fw_hash(&src, 0, info.size, hash) == TD_OK && info.size > src.size)
            abort();
        if (td_fw_validation_read(&src, info.size, &v) == TD_OK)
            td_fw_fingerprint(v.key, print);
    }
    free(bytes);
    return 0;
}
