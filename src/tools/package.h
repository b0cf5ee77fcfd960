/*
 * tools/package.h - update packages: a zip with manifest.json, or dfu_multi_image.bin.
 *
 * Sources: scripts/bootloader/generate_zip.py and dfu_multi_image_tool.py of the nRF Connect
 * SDK; what clients make of the manifest's keys is known from nRF Connect Device Manager. The
 * manifest is compared with what is really there. Nothing is written anywhere, names of
 * members are only words, and what unpacks to more than a limit is not unpacked.
 */
#ifndef TD_TOOLS_PACKAGE_H
#define TD_TOOLS_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/survey.h"

#define TD_PACKAGE_MEMBERS 32
#define TD_PACKAGE_ISSUES  48
#define TD_PACKAGE_LIMIT   (96u * 1024 * 1024) /* bytes of all members together, unpacked */

enum td_package_kind { TD_PACKAGE_ZIP, TD_PACKAGE_MULTI };

struct td_member {
    char name[96];
    bool in_manifest;
    bool present;
    bool is_manifest;
    /* what the manifest says; -1 and "" when it does not */
    char type[24]; /* application, mcuboot, bin */
    char board[48];
    char version[32]; /* version_MCUBOOT, version, version_B0 */
    int64_t image_index;
    int64_t slot;
    int64_t load_address;
    int64_t size_said;
    /* what is there */
    uint8_t *bytes; /* the package's */
    uint32_t size;
    bool is_image;
    struct td_image_facts image;
    struct td_nsib_found nsib; /* offsets count from the member's first byte */
    bool has_vectors;
    struct td_vectors vectors;
};

enum td_package_harm {
    TD_PACKAGE_NOTE,  /* worth knowing */
    TD_PACKAGE_WARN,  /* some clients or bootloaders stumble over it */
    TD_PACKAGE_ERROR, /* the update fails, or does something else than meant */
};

struct td_package_issue {
    enum td_package_harm harm;
    const char *code; /* "size-differs": stable, for programs */
    int member;       /* index, -1: of the whole package */
    char text[240];
};

struct td_package {
    enum td_package_kind kind;
    int64_t format_version; /* of the manifest, -1: not said */
    char title[64];         /* the application's name in the manifest; "" */
    bool has_manifest;
    struct td_member at[TD_PACKAGE_MEMBERS];
    size_t n;
    struct td_package_issue issues[TD_PACKAGE_ISSUES];
    size_t n_issues;
};

struct td_package_fault {
    char what[200];
    char remedy[200];
};

/*
 * Reads bytes as a package of either kind; limit bounds what all members unpack to. false and
 * *fault when it is none that can be read. td_package_free in any case; a package is some 60 KB.
 */
bool td_package_read(struct td_package *p, const uint8_t *bytes, size_t len, uint32_t limit,
                     struct td_package_fault *fault);
void td_package_free(struct td_package *p);

const char *td_package_harm_name(enum td_package_harm harm);

#endif
