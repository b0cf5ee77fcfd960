/*
 * patch/patch.h - a compressed stream in, image bytes out, some of them at a time.
 *
 * The decoder keeps no history of its own: what it wrote it reads back through the caller
 * (the slot that is being written), so that a dictionary of 128 KB costs a few KB of RAM.
 *
 * Source: MCUboot's compressed images: two bytes of LZMA2 properties, then a raw LZMA2 stream;
 * with the ARM Thumb flag the output went through the branch filter before compression.
 */
#ifndef TD_PATCH_PATCH_H
#define TD_PATCH_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/source.h"

/*
 * Where decompressed bytes go. write takes them in order, any number at a time, and keeps the
 * slice until it is safe; read gives back what was written before off + len. Errors end the
 * decoding and come out of it.
 */
struct td_patch_sink {
    enum td_err (*write)(void *ctx, uint32_t off, const uint8_t *bytes, size_t len);
    enum td_err (*read)(void *ctx, uint32_t off, uint8_t *bytes, size_t len);
    void *ctx;
};

struct td_patch_work; /* patch/lzma2.h: lent by the caller */

/* A kind of stream as a table, so that a device links the decoder that it names. */
struct td_patch {
    const char *name;
    uint32_t flags; /* enum td_image_flag bits of images that are so compressed */
    size_t work_size;

    /*
     * Decodes len bytes of src from off on into the sink: exactly out_len bytes, no more.
     * thumb: undo the ARM Thumb filter on the way. TD_EPATCH: the stream is malformed, or gives
     * more or less than out_len; TD_ETRUNC: it ends too early; source's and sink's errors.
     */
    enum td_err (*decode)(const struct td_source *src, uint32_t off, uint32_t len, uint32_t out_len,
                          bool thumb, const struct td_patch_sink *sink, void *work);
};

extern const struct td_patch td_patch_lzma2;

#endif
