/* patch/thumb_priv.h - the branch filter of Thumb code; for lzma2.c. */
#ifndef TD_PATCH_THUMB_PRIV_H
#define TD_PATCH_THUMB_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * BL is two half-words, 11110 and 11111 in their upper five bits, with 22 bits of distance in
 * the rest. In front of a compressor the distance is replaced by the place it leads to, so that
 * calls to one function look alike; td_thumb_undo puts the distance back, td_thumb_redo is the
 * compressor's side. The bytes stand at off of the program, which is even. A pair is known by its
 * own bits before and after, and never overlaps another, so that any part of a program can be done
 * alone, as long as no pair is cut in two.
 */
void td_thumb_undo(uint8_t *bytes, size_t len, uint32_t off);
void td_thumb_redo(uint8_t *bytes, size_t len, uint32_t off);

/* Whether the half-word at bytes may be the first of a pair. */
static inline bool td_thumb_is_first(const uint8_t *bytes)
{
    return (bytes[1] & 0xf8) == 0xf0;
}

#endif
