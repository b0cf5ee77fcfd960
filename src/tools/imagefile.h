/* tools/imagefile.h - what is wrong with an image, said to a person. */
#ifndef TD_TOOLS_IMAGEFILE_H
#define TD_TOOLS_IMAGEFILE_H

#include "image/image.h"
#include "tools/cli.h"

/*
 * Says why the file is no image, or not a good one: what, at which offset and TLV, what to do.
 * key is the report's, NULL when there is none. Malformed: TD_EXIT_FILE, else TD_EXIT_REFUSED.
 */
int imagefile_fail(struct td_cli *cli, const char *path, enum td_err err,
                   const struct td_image_fault *fault, const uint8_t *key);

/* What to do about an image's error; NULL when there is nothing to advise. */
const char *imagefile_remedy(enum td_err err);

#endif
