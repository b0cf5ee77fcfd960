/*
 * boot/note.h - the record of an update's intent, 64 bytes beside the trailer.
 *
 * It stands at the start of the first sector that a slot's trailer touches, in bytes that
 * MCUboot neither reads nor writes. In the primary it belongs to the swap that the trailer
 * tells of, and stays; in the secondary it exists only while the primary's trailer is being
 * written anew, and says how. docs/spec/boot.md states every byte.
 */
#ifndef TD_BOOT_NOTE_H
#define TD_BOOT_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "flash/flash.h"
#include "slot/trailer.h"

#define TD_NOTE_SIZE     64
#define TD_NOTE_HASH_LEN 16 /* leading bytes of an image's hash; all 0: there was no image */

/* Images that are installed as one: all of them or none, and confirmed and reverted together. */
struct td_boot_group {
    uint8_t images; /* bit i: image i is one of them; 0: the image is on its own */
    uint32_t id;    /* CRC-32 over the hashes of all that come in, lowest image first */
};

struct td_note {
    enum td_swap_type type;
    bool done;                          /* every sector was moved; only notes are missing */
    bool confirmed;                     /* image_ok is to be set */
    bool planned;                       /* a plan stands behind it (boot/plan.h) */
    uint32_t swap_size;                 /* bytes, as in the trailer's cell */
    uint8_t incoming[TD_NOTE_HASH_LEN]; /* hash of the image that comes into the primary */
    uint8_t outgoing[TD_NOTE_HASH_LEN]; /* of the one that it replaces */
    struct td_boot_group group;         /* in the note of a revert: of what is brought back */
    uint8_t serial; /* swap-scratch: one more than that of the swap before, so that two equal ones
                       are told apart; else 0 */
    uint8_t image;  /* swap-scratch, in scratch, which images share: whose it is; else 0 */
};

/*
 * Reads the record at off. False when there is none, when it is torn (it reads differently
 * from time to time, or cannot be read), or from a version that is not known.
 */
bool td_note_read(const struct td_flash_area *area, uint32_t off, struct td_note *note);

/* Writes it, in one operation, into erased bytes; off is where a sector begins. */
enum td_err td_note_write(const struct td_flash_area *area, uint32_t off,
                          const struct td_note *note);

#endif
