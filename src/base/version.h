/* base/version.h - an image's version, as MCUboot's header and dependencies carry it. */
#ifndef TD_BASE_VERSION_H
#define TD_BASE_VERSION_H

#include <stdint.h>

struct td_version {
    uint8_t major;
    uint8_t minor;
    uint16_t revision;
    uint32_t build;
};

/*
 * Less than, equal to or greater than 0, as a is older than, the same as or newer than b.
 * The build number does not count, as in MCUboot's default configuration.
 */
int td_version_cmp(const struct td_version *a, const struct td_version *b);

#endif
