/*
 * tools/hex_fuzz.c - hostile text as an Intel hex file.
 *
 * What is read and written again reads the same; a text that is refused names its reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read_again(const struct td_disk_file *file)
{
    const struct td_hex_chunk chunk = { file->base, file->bytes, file->size };
    struct td_hex_error error;
    struct td_disk_file again;
    size_t len;
    char *text = td_hex_format(&chunk, 1, &len);

    if (text == NULL || !td_hex_parse(text, len, &again, &error))
        abort();
    if (again.base != file->base || again.size != file->size ||
        memcmp(again.bytes, file->bytes, file->size) != 0)
        abort();
    td_file_free(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + (size == 0)); // of exactly this length, so that ASan sees
    struct td_hex_error error = { NULL, 0 };
    struct td_disk_file file;

    if (text == NULL)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    if (!td_hex_parse(text, size, &file, &error)) {
        if (error.text == NULL || file.bytes != NULL)
            abort();
    } else {
        // A large gap is only filler; writing megabytes of it would teach nothing.
        if (file.size < 65536)
            write_and_read_again(&file);
        td_file_free(&file);
    }
    free(text);
    return 0;
}
