/*
 * tools/package_make.h - writes an update package: the files, and the manifest.json in front.
 *
 * Keys and their types are those of the nRF Connect SDK's generate_zip.py, because readers are
 * strict about them: image_index, slot and slot_index_* are text, load_address, size and modtime
 * numbers, and type, board and soc are always there. docs/spec/package.md lists them.
 */
#ifndef TD_TOOLS_PACKAGE_MAKE_H
#define TD_TOOLS_PACKAGE_MAKE_H

#include "tools/package.h"

#define TD_PACKAGE_NOT_SAID (-1)

/* One file that goes in. */
struct td_package_file {
    const char *path;
    int64_t image; /* of the device */
    int64_t slot;  /* 0, 1: it is the variant for this slot of the image; TD_PACKAGE_NOT_SAID */
    int64_t load_address; /* TD_PACKAGE_NOT_SAID: as the file tells, else 0 */
};

struct td_package_order {
    const char *name, *board, *soc; /* NULL: not said */
    const char *type;       /* NULL: mcuboot for a second stage's update, else application */
    int64_t format_version; /* 0 or 1 */
    int64_t time;           /* seconds since 1970; files are no younger */
    struct td_package_file files[TD_PACKAGE_MEMBERS];
    size_t n;
};

/*
 * Reads and checks the files and makes the package. What is no sound image, or contradicts the
 * rest, is said, TD_EXIT_FILE; warnings are notes. *bytes is the caller's to free; *p, which shows
 * what was made, is ended by td_package_free in any case.
 */
int td_package_make(struct td_cli *cli, struct td_package_order *order, struct td_package *p,
                    uint8_t **bytes, size_t *len);

/* Whether a manifest, which is JSON, can hold the text: UTF-8. */
bool td_package_text_fits(const char *text);

#endif
