/*
 * image/build.h - writes an image: header and TLV areas, into the caller's memory.
 *
 * The signer and tests use it. The order of the calls is the order of the bytes:
 *
 *   td_build_begin     header room and payload are already in the buffer
 *   td_build_header    once the size of the protected area is known
 *   td_build_area, td_build_tlv…, td_build_close      protected, if there is any
 *   (hash the buffer up to build.len)
 *   td_build_area, td_build_tlv…, td_build_close      unprotected
 *
 * The builder remembers its first error and does nothing after it; look at build.err at the
 * end. It writes what it is told: also images that no bootloader takes, which tests need.
 */
#ifndef TD_IMAGE_BUILD_H
#define TD_IMAGE_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/image.h"

struct td_build {
    uint8_t *buf;
    uint32_t cap;
    uint32_t len;  /* bytes of the image so far */
    uint32_t area; /* offset of the open area's info */
    enum td_err err;
};

/* The header's 32 bytes. */
void td_image_header_write(uint8_t out[TD_IMAGE_HEADER_SIZE], const struct td_image_header *hdr);

/* buf stays the caller's; len bytes of it (header room and payload) are in place already. */
void td_build_begin(struct td_build *b, uint8_t *buf, uint32_t cap, uint32_t len);

/* Overwrites the first 32 bytes. TD_ESPACE when the buffer is shorter. */
void td_build_header(struct td_build *b, const struct td_image_header *hdr);

/* Opens an area of the magic (TD_TLV_PROT_MAGIC, TD_TLV_MAGIC). TD_ESPACE. */
void td_build_area(struct td_build *b, uint16_t magic);

/* Appends an entry. TD_ESPACE; TD_EARG when len or the area's total outgrows 16 bits. */
void td_build_tlv(struct td_build *b, uint16_t type, const void *value, size_t len);

/* Writes the open area's total. */
void td_build_close(struct td_build *b);

#endif
