/*
 * boot/deps.h - versions that images want of each other.
 *
 * A dependency is a TLV of the protected area: image, and the least version of it. Others do
 * not count (CVE-2024-32883); td_image_open refuses an image that has one elsewhere.
 */
#ifndef TD_BOOT_DEPS_H
#define TD_BOOT_DEPS_H

#include "boot/boot.h"

/* The version that each image will have. */
struct td_boot_versions {
    uint8_t n;
    bool known[TD_BOOT_IMAGES_MAX]; /* there is an image */
    struct td_version version[TD_BOOT_IMAGES_MAX];
};

enum td_boot_met {
    TD_DEPS_MET = 0,
    TD_DEPS_UNMET,  /* *which is older than wanted, or not there */
    TD_DEPS_ABSURD, /* *which is an image that this device has not */
};

/*
 * Whether all that the image in src wants is there. An image whose TLVs cannot be read wants
 * nothing. The source's error when reading fails.
 */
enum td_err td_boot_deps(const struct td_source *src, const struct td_boot_versions *versions,
                         enum td_boot_met *met, struct td_image_dependency *which);

/* The version of the image in src into versions, as image i's; unknown when there is none. */
void td_boot_deps_note(struct td_boot_versions *versions, uint8_t i, const struct td_source *src);

#endif
