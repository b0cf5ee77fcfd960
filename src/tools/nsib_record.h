/* tools/nsib_record.h - the EXT_API records behind a firmware's fw_info, one after the other. */
#ifndef TD_TOOLS_NSIB_RECORD_H
#define TD_TOOLS_NSIB_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nsib_record {
    bool asks; /* a request; else a service that is offered */
    uint32_t id, flags, version;
    uint32_t max_version, required; /* of a request: exclusive; not 0: no boot without */
};

/* Where the list is read. */
struct nsib_records {
    const uint8_t *bytes; /* what follows fw_info, up to its total size */
    size_t len;
    uint32_t offered, asked; /* still to come */
};

/* The next one. false: there are none left, or, with offered or asked not 0, it is damaged. */
bool nsib_record_next(struct nsib_records *list, struct nsib_record *r);

#endif
