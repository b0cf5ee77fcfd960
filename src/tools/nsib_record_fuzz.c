/* tools/nsib_record_fuzz.c - any bytes behind a fw_info, which counts any number of records. */
#include <stdlib.h>
#include <string.h>

#include "tools/nsib_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nsib_records list = { .len = size < 2 ? 0 : size - 2 };
    uint8_t *bytes = malloc(size); // of exactly this length, so that ASan sees
    struct nsib_record r;

    if (size < 2 || bytes == NULL) {
        free(bytes);
        return 0;
    }
    list.offered = data[0];
    list.asked = data[1];
    memcpy(bytes, data + 2, list.len);
    list.bytes = bytes;
    for (size_t left = list.len; nsib_record_next(&list, &r); left = list.len)
        if (left - list.len < 28 || left < list.len)
            abort();
    free(bytes);
    return 0;
}
