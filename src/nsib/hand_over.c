/* nsib/hand_over.c - the record that tells a second stage how it was booted. */
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "nsib/nsib.h"

#define MAGIC    0x30426454u /* "TdB0" */
#define FORMAT   1
#define CRC_OFF  44u
#define ON_TRIAL 1u
#define LAST     2u

void td_nsib_hand_over_write(const struct td_nsib_hand_over *h, uint8_t out[TD_NSIB_HAND_OVER_SIZE])
{
    memset(out, 0, TD_NSIB_HAND_OVER_SIZE);
    td_store_le32(out, MAGIC);
    out[4] = FORMAT;
    out[5] = h->slot;
    out[6] = (uint8_t)((h->on_trial ? ON_TRIAL : 0) | (h->last_resort ? LAST : 0));
    out[7] = h->begun;
    out[8] = h->boots;
    out[9] = h->key_index;
    td_store_le16(out + 10, h->valid_keys);
    td_store_le32(out + 12, h->slot_address);
    td_store_le32(out + 16, h->version);
    td_store_le32(out + 20, h->counter);
    td_store_le16(out + 24, h->counter_left);
    td_store_le32(out + 28, h->refused[0]);
    td_store_le32(out + 32, h->refused[1]);
    td_store_le32(out + CRC_OFF, td_crc32(0, out, CRC_OFF));
}

enum td_err td_nsib_hand_over_read(const uint8_t in[TD_NSIB_HAND_OVER_SIZE],
                                   struct td_nsib_hand_over *h)
{
    memset(h, 0, sizeof *h);
    if (td_load_le32(in) != MAGIC || in[4] != FORMAT || in[5] > 1 ||
        td_load_le32(in + CRC_OFF) != td_crc32(0, in, CRC_OFF))
        return TD_EFORMAT;
    h->slot = in[5];
    h->on_trial = (in[6] & ON_TRIAL) != 0;
    h->last_resort = (in[6] & LAST) != 0;
    h->begun = in[7];
    h->boots = in[8];
    h->key_index = in[9];
    h->valid_keys = td_load_le16(in + 10);
    h->slot_address = td_load_le32(in + 12);
    h->version = td_load_le32(in + 16);
    h->counter = td_load_le32(in + 20);
    h->counter_left = td_load_le16(in + 24);
    h->refused[0] = td_load_le32(in + 28);
    h->refused[1] = td_load_le32(in + 32);
    return TD_OK;
}
