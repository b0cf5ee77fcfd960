/*
 * boot/note.c - the 64 bytes of the record.
 *
 *  0 'T' 'N'   2 version (1)   3 swap type   4 flags: 1 done, 2 confirmed, 4 planned
 *  5 serial   6 image   7 zero   8 swap size u32   12 images of the group u8   13 zeros
 * 16 incoming hash (16)
 * 32 outgoing hash (16)   48 id of the group u32   52 zeros   60 CRC-32 of what stands before
 */
#include "boot/note.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"

enum { NOTE_VERSION = 1, NOTE_DONE = 1, NOTE_CONFIRMED = 2, NOTE_PLANNED = 4, NOTE_CRC_OFF = 60 };

static bool is_note(const uint8_t *b)
{
    return b[0] == 'T' && b[1] == 'N' && b[2] == NOTE_VERSION && b[3] >= TD_SWAP_TEST &&
           b[3] <= TD_SWAP_REVERT && td_load_le32(b + NOTE_CRC_OFF) == td_crc32(0, b, NOTE_CRC_OFF);
}

bool td_note_read(const struct td_flash_area *area, uint32_t off, struct td_note *note)
{
    uint8_t b[TD_NOTE_SIZE];
    bool steady;

    if (td_flash_read_steady(area, off, b, sizeof b, &steady) != TD_OK || !steady || !is_note(b))
        return false;
    note->type = (enum td_swap_type)b[3];
    note->done = (b[4] & NOTE_DONE) != 0;
    note->confirmed = (b[4] & NOTE_CONFIRMED) != 0;
    note->planned = (b[4] & NOTE_PLANNED) != 0;
    note->serial = b[5];
    note->image = b[6];
    note->swap_size = td_load_le32(b + 8);
    memcpy(note->incoming, b + 16, TD_NOTE_HASH_LEN);
    memcpy(note->outgoing, b + 32, TD_NOTE_HASH_LEN);
    note->group.images = b[12];
    note->group.id = td_load_le32(b + 48);
    return true;
}

enum td_err td_note_write(const struct td_flash_area *area, uint32_t off,
                          const struct td_note *note)
{
    uint8_t b[TD_NOTE_SIZE];

    memset(b, 0, sizeof b);
    b[0] = 'T';
    b[1] = 'N';
    b[2] = NOTE_VERSION;
    b[3] = (uint8_t)note->type;
    b[4] = (uint8_t)((note->done ? NOTE_DONE : 0) | (note->confirmed ? NOTE_CONFIRMED : 0) |
                     (note->planned ? NOTE_PLANNED : 0));
    b[5] = note->serial;
    b[6] = note->image;
    td_store_le32(b + 8, note->swap_size);
    memcpy(b + 16, note->incoming, TD_NOTE_HASH_LEN);
    memcpy(b + 32, note->outgoing, TD_NOTE_HASH_LEN);
    b[12] = note->group.images;
    td_store_le32(b + 48, note->group.id);
    td_store_le32(b + NOTE_CRC_OFF, td_crc32(0, b, NOTE_CRC_OFF));
    return td_flash_write(area, off, b, sizeof b);
}
