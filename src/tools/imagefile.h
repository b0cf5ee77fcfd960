/* tools/imagefile.h - a signed image from a file, and what is wrong with one, said to a person. */
#ifndef TD_TOOLS_IMAGEFILE_H
#define TD_TOOLS_IMAGEFILE_H

#include "client/preflight.h"
#include "tools/file.h"

/* A signed image, read whole. */
struct td_image_file {
    const char *path;
    struct td_disk_file file;
    struct td_source src; /* over file */
    uint8_t sha[32];      /* SHA-256 of all bytes */
    struct td_image_facts facts;
};

/*
 * Reads path and looks at it. A file that cannot be read or is no sound image (structure, own
 * hash) is said, TD_EXIT_FILE; with unsound_is_fine only what cannot be read is. Ended by
 * td_image_file_close in either case.
 */
int td_image_file_open(struct td_cli *cli, const char *path, bool unsound_is_fine,
                       struct td_image_file *out);
void td_image_file_close(struct td_image_file *f);

/* The same of bytes that were read already, on the heap; they belong to out from then on. */
int td_image_file_take(struct td_cli *cli, const char *name, uint8_t *bytes, uint32_t size,
                       bool unsound_is_fine, struct td_image_file *out);

/*
 * Says why a file is no image, or not a good one: what, at which offset and TLV, what to do.
 * key is the report's, NULL when there is none. Malformed: TD_EXIT_FILE, else TD_EXIT_REFUSED.
 */
int td_image_file_fail(struct td_cli *cli, const char *path, enum td_err err,
                       const struct td_image_fault *fault, const uint8_t *key);

#endif
