/*
 * client/chunk_priv.h - a piece of a file as the byte string of a message, without a second buffer.
 */
#ifndef TD_CLIENT_CHUNK_PRIV_H
#define TD_CLIENT_CHUNK_PRIV_H

#include "base/source.h"

/* The longest byte string that, with its head, takes no more than room bytes. */
uint32_t td_chunk_fit(uint32_t room);

/*
 * A codec wrote a message of *len bytes whose data is empty: one byte of head, tail bytes before
 * its end. Puts n bytes of src at off there, and *len grows. TD_ESPACE when cap is too little.
 */
enum td_err td_chunk_fill(uint8_t *out, size_t cap, size_t tail, const struct td_source *src,
                          uint32_t off, uint32_t n, size_t *len);

#endif
