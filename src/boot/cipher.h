/*
 * boot/cipher.h - encrypted images on their way between the slots.
 *
 * In the primary every payload is in the clear. In the secondary it is encrypted when the
 * image's flag says so, by the image's own key. Header and TLVs are the same in both places.
 * Strategies carry bytes instead of copying them:
 *
 *   in    secondary -> primary   decrypted
 *   out   primary -> secondary   encrypted again; a plain image goes out as it is
 *
 * Bytes that stay on one side (swap-move's first half, secondary -> scratch) are copied.
 *
 * No key is ever in flash. While a swap is under way the primary's trailer holds, in the cells
 * that MCUboot has for keys, what is needed to find them again when neither image is whole: each
 * image's payload range and its key as the image carries it, wrapped. Everybody may read that;
 * only this device's private key opens it. So there is nothing to be cleared away afterwards.
 *
 * A strategy that swaps calls td_boot_cipher_begin while both images lie whole in their slots, then
 * td_boot_cipher_save after the primary's trailer was erased and before its magic is written;
 * or td_boot_cipher_load when it resumes. Then td_boot_carry as often as it likes. Without a
 * policy.unwrap all of this costs nothing, and td_boot_carry is td_boot_copy.
 */
#ifndef TD_BOOT_CIPHER_H
#define TD_BOOT_CIPHER_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/boot.h"

struct td_boot_run;

/* What td_trailer.enc_key_len and td_room_geometry.enc_key_len are: 0 without policy.unwrap. */
uint16_t td_boot_cipher_cell(const struct td_image_policy *policy);

/*
 * Opens the key of the image that src reads, whole and as flagged, for one way: all that a
 * strategy needs that moves in one direction only (overwrite), or into memory (RAM load).
 * TD_EENC, TD_EIMG_ENCTLV, TD_EIMG_TLVLEN; td_image_open's errors when there is no image.
 */
enum td_err td_boot_cipher_open(struct td_boot_run *run, enum td_boot_way way,
                                const struct td_source *src);

/*
 * Opens the keys of the images in both slots; the secondary's begins at x_off of its area.
 *
 * TD_EENC, TD_EIMG_ENCTLV: the secondary's image does not open, nothing may be carried. When
 * the primary's does not, or is none, what is carried out is left erased: it must not reach the
 * other flash in the clear. *out_lost (may be NULL) says that an image is there whose key does not
 * open, so that it could not be brought back. Else the flash's errors.
 */
enum td_err td_boot_cipher_begin(struct td_boot_run *run, uint32_t x_off, bool *out_lost);

/* Writes what begin found into the primary's trailer. */
enum td_err td_boot_cipher_save(const struct td_boot_run *run);

/* Finds it again. TD_EENC: a cell is damaged, nothing may be carried. */
enum td_err td_boot_cipher_load(struct td_boot_run *run);

/*
 * Like td_boot_copy, one operation after the other: len bytes that stand at image_off of the
 * image (its header is at 0) from one area into erased bytes of the other.
 */
enum td_err td_boot_carry(const struct td_boot_run *run, enum td_boot_way way, uint32_t image_off,
                          const struct td_flash_area *from, uint32_t from_off,
                          const struct td_flash_area *to, uint32_t to_off, uint32_t len);

/* The same without the writing, into the caller's buffer. */
enum td_err td_boot_carry_read(const struct td_boot_run *run, enum td_boot_way way,
                               uint32_t image_off, const struct td_flash_area *from,
                               uint32_t from_off, uint8_t *buf, uint32_t len);

/*
 * Whether the target holds already what td_boot_carry would write, byte for byte: for skipping
 * equal sectors. In the clear both sides are compared as they are. An encrypted image that goes
 * out never equals what another key encrypted, so that nothing is gained there.
 */
enum td_err td_boot_carried(const struct td_boot_run *run, enum td_boot_way way, uint32_t image_off,
                            const struct td_flash_area *from, uint32_t from_off,
                            const struct td_flash_area *to, uint32_t to_off, uint32_t len,
                            bool *same);

/* Forgets the keys; to be called before the jump, at the latest. */
void td_boot_cipher_wipe(struct td_boot_work *work);

#endif
