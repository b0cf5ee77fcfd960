/* image/golden_test.h - the files of tests/golden, in a test's memory. */
#ifndef TD_IMAGE_GOLDEN_TEST_H
#define TD_IMAGE_GOLDEN_TEST_H

#include <stdint.h>
#include <stdio.h>

struct file {
    uint8_t bytes[32768];
    uint32_t size;
};

static inline void load(struct file *f, const char *name)
{
    char path[512];
    FILE *in;

    snprintf(path, sizeof path, "%s/tests/golden/%s", TD_ROOT, name);
    in = fopen(path, "rb");
    if (in == NULL)
        fail_msg("no golden file %s", path);
    f->size = (uint32_t)fread(f->bytes, 1, sizeof f->bytes, in);
    fclose(in);
}

#endif
