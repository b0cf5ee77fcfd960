/* tools/padding.h - the trailer that a padded image brings along. */
#ifndef TD_TOOLS_PADDING_H
#define TD_TOOLS_PADDING_H

#include <stdbool.h>
#include <stdint.h>

#include "slot/trailer.h"

#define PADDING_MAX 256 /* bytes; more than any trailer without its status area */

struct padding_shape {
    uint32_t max_align;
    uint8_t erased;
    bool confirmed; /* write image_ok as well */
};

/* Writes the cells into the end of a slot that holds erased bytes there; size >= PADDING_MAX. */
void padding_end_of_slot(const struct padding_shape *shape, uint8_t *slot, uint32_t size);

/*
 * Reads the trailer at the end of size bytes; max_align 8, 16 or 32. false when its magic is
 * not that alignment's. *swap_size is 0 when there is none.
 */
bool padding_read(uint32_t max_align, const uint8_t *slot, uint32_t size,
                  struct td_trailer_state *state, uint32_t *swap_size);

#endif
