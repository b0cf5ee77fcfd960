/*
 * boot/unpack_priv.h - compressed images on their way into the primary; for overwrite.c and verify.c.
 *
 * The secondary keeps the image as it was sent. What the primary gets is the image that was
 * compressed, byte for byte as it was signed: the header without the flags of compression and with
 * the size that DECOMP_SIZE tells, the payload, the protected TLVs but for the four about
 * compression, and the other TLVs with the values of DECOMP_SHA and DECOMP_SIGNATURE in the places
 * of hash and signature.
 */
#ifndef TD_BOOT_UNPACK_PRIV_H
#define TD_BOOT_UNPACK_PRIV_H

#include "boot/boot_priv.h"

bool td_boot_is_packed(const struct td_image_header *hdr);

/*
 * Whether the image that src reads, which work->report says is sound as it is stored, promises one
 * that could run: what it tells of it is complete, the slot has room for it, and its signature is
 * by the key that signed this one. Only whether the stream gives just these bytes stays open.
 *
 * TD_EIMG_COMPRESSED: it is compressed in a way that this bootloader does not take. TD_EPATCH: it
 * does not say what comes out. TD_EIMG_SIZE, TD_EIMG_SIG, or the flash's errors.
 */
enum td_err td_boot_unpack_check(const struct td_boot_run *run, const struct td_source *src);

/*
 * The hash that the secondary's image has in the primary: its own, or DECOMP_SHA's. false: there is
 * none. As td_boot_stored_hash.
 */
bool td_boot_unpacked_hash(const struct td_flash_area *area, uint8_t hash[TD_NOTE_HASH_LEN]);

/* How large the secondary's image will be in the primary. */
enum td_err td_boot_unpacked_size(const struct td_source *src, uint32_t *size);

/*
 * Writes the primary, which was erased so far. The cipher is open. TD_EPATCH: the stream is
 * malformed or of another length, what was written is no image. Else the flash's errors.
 */
enum td_err td_boot_unpack(struct td_boot_run *run);

#endif
