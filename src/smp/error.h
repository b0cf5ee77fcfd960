/*
 * smp/error.h - what an SMP answer says when it is not "done": rc, group codes, reasons.
 *
 * One table row per code: name, number, what a v1 client is told instead, and a sentence. The
 * words are linked only where somebody prints (error_text.c). Numbers are the protocol's.
 */
#ifndef TD_SMP_ERROR_H
#define TD_SMP_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cbor/cbor.h"

/* name, number, sentence */
#define TD_SMP_RCS(X)                                                                              \
    X(TD_SMP_RC_OK, 0, "done")                                                                     \
    X(TD_SMP_RC_UNKNOWN, 1, "the device gives no reason")                                          \
    X(TD_SMP_RC_NO_MEMORY, 2, "the device has no buffer left, or the answer was too large for it") \
    X(TD_SMP_RC_INVALID, 3, "the device found the request malformed or incomplete")                \
    X(TD_SMP_RC_TIMEOUT, 4, "the device waited in vain for one of its own parts")                  \
    X(TD_SMP_RC_NO_ENTRY, 5, "the device has no such image, file or entry")                        \
    X(TD_SMP_RC_BAD_STATE, 6, "the request does not fit the device's present state")               \
    X(TD_SMP_RC_MSG_SIZE, 7, "the answer is larger than the device's buffer")                      \
    X(TD_SMP_RC_NOT_SUPPORTED, 8, "the device's firmware was built without this command")          \
    X(TD_SMP_RC_CORRUPT, 9, "the device received a truncated request")                             \
    X(TD_SMP_RC_BUSY, 10, "the device is busy and asks to try again later")                        \
    X(TD_SMP_RC_ACCESS_DENIED, 11, "the device's firmware does not allow this")                    \
    X(TD_SMP_RC_TOO_OLD, 12, "the device wants a newer version of the protocol")                   \
    X(TD_SMP_RC_TOO_NEW, 13, "the device knows only an older version of the protocol")             \
    X(TD_SMP_RC_PER_USER, 256, "an error of the device's own firmware")

enum td_smp_rc {
#define TD_SMP_RC_ENUM(name, number, text) name = number,
    TD_SMP_RCS(TD_SMP_RC_ENUM)
#undef TD_SMP_RC_ENUM
};

/* name, number, rc for a v1 client, sentence */
#define TD_SMP_OS_ERRORS(X)                                                                        \
    X(TD_OS_OK, 0, 0, "done")                                                                      \
    X(TD_OS_UNKNOWN, 1, 1, "the device gives no reason")                                           \
    X(TD_OS_INVALID_FORMAT, 2, 3, "the format asked for has a character the device does not know") \
    X(TD_OS_NO_ANSWER, 3, 5, "the bootloader has no answer to this query")                         \
    X(TD_OS_RTC_NOT_SET, 4, 5, "the device's clock has not been set")                              \
    X(TD_OS_RTC_FAILED, 5, 1, "the device's clock failed")                                         \
    X(TD_OS_BAD_ANSWER, 6, 5, "the device found its own answer to the query invalid")              \
    X(TD_OS_HEAP_STATS, 7, 1, "the device could not read its heap statistics")

#define TD_SMP_IMG_ERRORS(X)                                                                       \
    X(TD_IMG_OK, 0, 0, "done")                                                                     \
    X(TD_IMG_UNKNOWN, 1, 1, "the device gives no reason")                                          \
    X(TD_IMG_FLASH_CONFIG, 2, 1, "the device could not look up its flash layout")                  \
    X(TD_IMG_NO_IMAGE, 3, 5, "there is no image in that slot")                                     \
    X(TD_IMG_NO_TLVS, 4, 5, "the image in that slot has no TLV area")                              \
    X(TD_IMG_INVALID_TLV, 5, 1, "the image in that slot has a malformed TLV area")                 \
    X(TD_IMG_MULTIPLE_HASHES, 6, 1, "the image in that slot carries several hashes")               \
    X(TD_IMG_TLV_SIZE, 7, 1, "the image's hash has the wrong size")                                \
    X(TD_IMG_HASH_NOT_FOUND, 8, 1, "no slot holds an image with that hash")                        \
    X(TD_IMG_NO_FREE_SLOT, 9, 6, "no slot is free: all are running, pending or needed to revert")  \
    X(TD_IMG_FLASH_OPEN, 10, 1, "the device could not open the slot")                              \
    X(TD_IMG_FLASH_READ, 11, 1, "the device could not read the slot")                              \
    X(TD_IMG_FLASH_WRITE, 12, 1, "the device could not write the slot")                            \
    X(TD_IMG_FLASH_ERASE, 13, 1, "the device could not erase the slot")                            \
    X(TD_IMG_INVALID_SLOT, 14, 3, "there is no such slot")                                         \
    X(TD_IMG_NO_MEMORY, 15, 2, "the device has no memory left")                                    \
    X(TD_IMG_CONTEXT_SET, 16, 1, "the device is already writing flash")                            \
    X(TD_IMG_CONTEXT_NOT_SET, 17, 1, "the device is not prepared to write flash")                  \
    X(TD_IMG_NO_FLASH_DEVICE, 18, 1, "the slot's flash device is missing")                         \
    X(TD_IMG_PAGE_OFFSET, 19, 3, "the page offset is invalid")                                     \
    X(TD_IMG_NO_OFFSET, 20, 3, "the chunk came without an offset")                                 \
    X(TD_IMG_NO_LENGTH, 21, 3, "the first chunk came without the image's length")                  \
    X(TD_IMG_SHORT_HEADER, 22, 3, "the first chunk is too short to hold the image's header")       \
    X(TD_IMG_BAD_MAGIC, 23, 1, "this is no MCUboot image, or the slot's magic is damaged")         \
    X(TD_IMG_BAD_HASH, 24, 3, "the hash is missing or has the wrong length")                       \
    X(TD_IMG_BAD_ADDRESS, 25, 3, "the image was built for another address than this slot's")       \
    X(TD_IMG_NO_VERSION, 26, 1, "the device could not read the running image's version")           \
    X(TD_IMG_NOT_NEWER, 27, 6, "the running image is as new or newer")                             \
    X(TD_IMG_ALREADY_PENDING, 28, 6, "an image is pending or on trial already")                    \
    X(TD_IMG_BAD_VECTORS, 29, 1, "the image's vector table is invalid")                            \
    X(TD_IMG_TOO_LARGE, 30, 1, "the image is larger than the device can take")                     \
    X(TD_IMG_OVERRUN, 31, 1, "more data was sent than the image's announced length")               \
    X(TD_IMG_CONFIRM_DENIED, 32, 1, "the device does not let this image be confirmed")             \
    X(TD_IMG_TEST_ACTIVE_DENIED, 33, 1, "the running image cannot be set to be tested")            \
    X(TD_IMG_NO_ACTIVE_SLOT, 34, 1, "the device does not know which slot runs")

#define TD_SMP_STAT_ERRORS(X)                                                                      \
    X(TD_STAT_OK, 0, 0, "done")                                                                    \
    X(TD_STAT_UNKNOWN, 1, 1, "the device gives no reason")                                         \
    X(TD_STAT_INVALID_GROUP, 2, 5, "the device has no such group of statistics")                   \
    X(TD_STAT_INVALID_NAME, 3, 5, "the device has no statistics of that name")                     \
    X(TD_STAT_INVALID_SIZE, 4, 3, "the counter has a width the device cannot tell")                \
    X(TD_STAT_WALK_ABORTED, 5, 1, "the device stopped half way through its counters")

#define TD_SMP_SETTINGS_ERRORS(X)                                                                  \
    X(TD_SETTINGS_OK, 0, 0, "done")                                                                \
    X(TD_SETTINGS_UNKNOWN, 1, 1, "the device gives no reason")                                     \
    X(TD_SETTINGS_NAME_TOO_LONG, 2, 3, "the setting's name is longer than the device takes")       \
    X(TD_SETTINGS_NOT_FOUND, 3, 5, "the device has no setting of that name")                       \
    X(TD_SETTINGS_NOT_READABLE, 4, 5, "the setting cannot be read")                                \
    X(TD_SETTINGS_NO_ROOT, 5, 1, "no part of the firmware takes settings under that name")         \
    X(TD_SETTINGS_NOT_WRITABLE, 6, 1, "the setting cannot be written")                             \
    X(TD_SETTINGS_NOT_DELETABLE, 7, 1, "the setting cannot be deleted")                            \
    X(TD_SETTINGS_NOT_SAVABLE, 8, 1, "the device cannot save these settings")

#define TD_SMP_FS_ERRORS(X)                                                                        \
    X(TD_FS_OK, 0, 0, "done")                                                                      \
    X(TD_FS_UNKNOWN, 1, 1, "the device gives no reason")                                           \
    X(TD_FS_INVALID_NAME, 2, 3, "this cannot be the name of a file on the device")                 \
    X(TD_FS_NOT_FOUND, 3, 5, "the device has no such file")                                        \
    X(TD_FS_IS_DIRECTORY, 4, 1, "this is a directory, not a file")                                 \
    X(TD_FS_OPEN_FAILED, 5, 1, "the device could not open the file")                               \
    X(TD_FS_SEEK_FAILED, 6, 1, "the device could not go to that place in the file")                \
    X(TD_FS_READ_FAILED, 7, 1, "the device could not read the file")                               \
    X(TD_FS_TRUNCATE_FAILED, 8, 1, "the device could not empty the file before it is written")     \
    X(TD_FS_DELETE_FAILED, 9, 1, "the device could not delete the old file")                       \
    X(TD_FS_WRITE_FAILED, 10, 1, "the device could not write the file: it may be out of room")     \
    X(TD_FS_OFFSET_NOT_VALID, 11, 1, "the chunk does not follow what the file holds")              \
    X(TD_FS_OFFSET_BEYOND, 12, 1, "the offset is beyond the end of the file")                      \
    X(TD_FS_NO_SUCH_HASH, 13, 3, "the device does not know that hash or checksum")                 \
    X(TD_FS_NO_MOUNT_POINT, 14, 5, "no file system is mounted there on the device")                \
    X(TD_FS_READ_ONLY, 15, 1, "the file system is read-only")                                      \
    X(TD_FS_EMPTY, 16, 1, "the file is empty: there is nothing to hash")                           \
    X(TD_FS_CLOSE_FAILED, 17, 1, "the device could not close the file")

#define TD_SMP_SHELL_ERRORS(X)                                                                     \
    X(TD_SHELL_OK, 0, 0, "done")                                                                   \
    X(TD_SHELL_UNKNOWN, 1, 1, "the device gives no reason")                                        \
    X(TD_SHELL_TOO_LONG, 2, 3, "the command line is longer than the device takes")                 \
    X(TD_SHELL_EMPTY, 3, 3, "there was no command to run")

#define TD_SMP_ENUM_ERRORS(X)                                                                      \
    X(TD_ENUM_OK, 0, 0, "done")                                                                    \
    X(TD_ENUM_UNKNOWN, 1, 1, "the device gives no reason")                                         \
    X(TD_ENUM_TOO_MANY, 2, 3, "more groups were asked for at once than the device takes")          \
    X(TD_ENUM_NO_HEAP, 3, 1, "the device has no memory for so many groups")                        \
    X(TD_ENUM_INDEX_TOO_LARGE, 4, 1, "the device has fewer groups than that")

#define TD_SMP_BASIC_ERRORS(X)                                                                     \
    X(TD_BASIC_OK, 0, 0, "done")                                                                   \
    X(TD_BASIC_UNKNOWN, 1, 1, "the device gives no reason")                                        \
    X(TD_BASIC_FLASH_OPEN, 2, 5, "the device could not open its storage area")                     \
    X(TD_BASIC_FLASH_CONFIG, 3, 0, "the device could not look up its flash layout")                \
    X(TD_BASIC_FLASH_ERASE, 4, 0, "the device could not erase its storage area")

#define TD_SMP_TANDEM_ERRORS(X)                                                                    \
    X(TD_TANDEM_OK, 0, 0, "done")                                                                  \
    X(TD_TANDEM_UNKNOWN, 1, 1, "the device gives no reason")                                       \
    X(TD_TANDEM_NO_LOG, 2, 5, "the device has no boot log")                                        \
    X(TD_TANDEM_LOG_FAILED, 3, 1, "the device could not read its boot log")

enum td_smp_group_error {
#define TD_SMP_GROUP_ENUM(name, number, v1, text) name = number,
    TD_SMP_OS_ERRORS(TD_SMP_GROUP_ENUM) TD_SMP_IMG_ERRORS(TD_SMP_GROUP_ENUM)
        TD_SMP_STAT_ERRORS(TD_SMP_GROUP_ENUM) TD_SMP_SETTINGS_ERRORS(TD_SMP_GROUP_ENUM)
            TD_SMP_FS_ERRORS(TD_SMP_GROUP_ENUM) TD_SMP_SHELL_ERRORS(TD_SMP_GROUP_ENUM)
                TD_SMP_ENUM_ERRORS(TD_SMP_GROUP_ENUM) TD_SMP_BASIC_ERRORS(TD_SMP_GROUP_ENUM)
                    TD_SMP_TANDEM_ERRORS(TD_SMP_GROUP_ENUM)
#undef TD_SMP_GROUP_ENUM
};

/*
 * What an answer says about success. code is 0 for success, whatever the shape: no rc and no
 * err, rc 0, err with rc 0.
 */
struct td_smp_status {
    bool of_group;              /* code is the group's, from {"err":{...}}; otherwise a td_smp_rc */
    uint16_t group;             /* when of_group: whose code it is */
    uint32_t code;              /* 0 = done */
    struct td_cbor_text reason; /* "rsn": the device's own words, not ended by a 0; may be empty */
};

/*
 * Reads rc, err and rsn of an answer and skips the rest, so that a client looks here first and
 * decodes the answer proper afterwards. An rc that is negative or beyond 32 bits is
 * TD_EFORMAT, as is anything that is no map.
 */
enum td_err td_smp_status_decode(const uint8_t *payload, size_t len, struct td_smp_status *status);

/* Whole maps, each a message's payload. An empty reason is left out. */
void td_smp_put_rc(struct td_cbor_writer *w, uint32_t rc, struct td_cbor_text reason);
void td_smp_put_group_error(struct td_cbor_writer *w, uint16_t group, uint32_t code,
                            struct td_cbor_text reason);

/* Members of an answer's map, where others stand beside them. An empty reason is left out. */
void td_smp_put_err(struct td_cbor_writer *w, uint16_t group, uint32_t code);
void td_smp_put_reason(struct td_cbor_writer *w, struct td_cbor_text reason);

/* What a v1 client is told for a group's code; TD_SMP_RC_UNKNOWN for what no table knows. */
uint32_t td_smp_v1_rc(uint16_t group, uint32_t code);

/* For people and programs. Never NULL; linked only where somebody prints. */
const char *td_smp_rc_name(uint32_t rc);
const char *td_smp_rc_text(uint32_t rc);
const char *td_smp_group_error_name(uint16_t group, uint32_t code);
const char *td_smp_group_error_text(uint16_t group, uint32_t code);
const char *td_smp_status_name(const struct td_smp_status *status);
const char *td_smp_status_text(const struct td_smp_status *status);

#endif
