/* tools/nsib_record.c - each record says how long it is, and is believed as far as bytes go. */
#include "tools/nsib_record.h"

#include "base/bytes.h"
#include "image/fw_info.h"

#define RECORD_SIZE  28u
#define REQUEST_SIZE 40u

bool nsib_record_next(struct nsib_records *list, struct nsib_record *r)
{
    const uint8_t *at = list->bytes;
    uint32_t size;

    *r = (struct nsib_record){ .asks = list->offered == 0 };
    if (list->offered == 0 && list->asked == 0)
        return false;
    if (list->len < (r->asks ? REQUEST_SIZE : RECORD_SIZE) ||
        td_load_le32(at) != TD_FW_MAGIC_COMMON || td_load_le32(at + 4) != TD_FW_MAGIC_EXT_API)
        return false;
    size = td_load_le32(at + 12);
    if (size < (r->asks ? REQUEST_SIZE : RECORD_SIZE) || size > list->len)
        return false;
    r->id = td_load_le32(at + 16);
    r->flags = td_load_le32(at + 20);
    r->version = td_load_le32(at + 24);
    if (r->asks) {
        r->max_version = td_load_le32(at + 28);
        r->required = td_load_le32(at + 32);
        list->asked--;
    } else {
        list->offered--;
    }
    list->bytes += size;
    list->len -= size;
    return true;
}
