/*
 * base/verdict.h - why a boot refused, reverted or fell back: one list, one record.
 *
 * Every decision of boot/ that is not "run what ran before" yields a verdict: a code from this
 * list, with its facts. It travels as this structure to the port (the result hook of
 * boot/boot.h), as the 60 bytes below to flash (docs/spec/boot-log.md), and as a CBOR map in SMP
 * group 21572 (docs/spec/smp-tandem.md). All three carry the same facts.
 *
 * Codes are added, never reused: a device in the field is read by newer tools. A tool that
 * meets a code from the future still has the class, the slot and the facts.
 */
#ifndef TD_BASE_VERDICT_H
#define TD_BASE_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/version.h"

/* What kind of thing happened. The log never lets a lesser class push out the last of these. */
enum td_verdict_class {
    TD_VERDICT_NOTE = 1,     /* went as asked: installed, finished, confirmed */
    TD_VERDICT_REFUSAL = 2,  /* a candidate was not taken, the running image stays */
    TD_VERDICT_REVERT = 3,   /* the previous image was brought back */
    TD_VERDICT_FAULT = 4,    /* something that should not be: unreadable flash, torn request */
    TD_VERDICT_NO_IMAGE = 5, /* nothing left that may be booted */
};

/*
 * One row per way: name, code, name for programs, class, sentence, remedy.
 *
 * The comment behind a group says what wanted and found hold in it; where nothing is said
 * they are 0. Versions, key, hash and off are filled in where the code makes sense of them.
 */
#define TD_VERDICTS(X)                                                                             \
    /* notes */                                                                                    \
    X(TD_V_TRIAL_STARTED, 1, "trial-started", TD_VERDICT_NOTE,                                     \
      "the new image was swapped in and runs on trial",                                            \
      "confirm it once it has proved itself; without that the next reset brings the old one back") \
    X(TD_V_INSTALLED, 2, "installed", TD_VERDICT_NOTE, "the new image was installed for good",     \
      "nothing to do")                                                                             \
    X(TD_V_RESUMED, 3, "resumed", TD_VERDICT_NOTE,                                                 \
      "an update that a power cut had interrupted was finished", "nothing to do")                  \
    /* refusals: the image itself. off = where in the slot, wanted/found = bytes or field */       \
    X(TD_V_EMPTY_SLOT, 20, "empty-slot", TD_VERDICT_REFUSAL,                                       \
      "an update was requested, but the slot holds no image", "upload the image, then mark it")    \
    X(TD_V_BAD_HEADER, 21, "bad-header", TD_VERDICT_REFUSAL,                                       \
      "the image's header contradicts itself or the slot",                                         \
      "send the signed image as the signer wrote it; check that the transfer was complete")        \
    X(TD_V_BAD_FLAGS, 22, "bad-flags", TD_VERDICT_REFUSAL,                                         \
      "the image's header has flags that this bootloader does not take (found)",                   \
      "sign for this bootloader: no RAM load, no flags it was not built for")                      \
    X(TD_V_ENCRYPTED, 23, "encrypted", TD_VERDICT_REFUSAL,                                         \
      "the image is encrypted, and this bootloader has no key to decrypt images",                  \
      "send the image unencrypted, or build the bootloader with encryption")                       \
    X(TD_V_COMPRESSED, 24, "compressed", TD_VERDICT_REFUSAL,                                       \
      "the image is compressed, and this bootloader cannot decompress",                            \
      "sign without compression")                                                                  \
    X(TD_V_NOT_BOOTABLE, 25, "not-bootable", TD_VERDICT_REFUSAL,                                   \
      "the image is marked as not bootable", "sign without the non-bootable flag")                 \
    X(TD_V_TOO_LARGE, 26, "too-large", TD_VERDICT_REFUSAL,                                         \
      "the image (found, bytes) is larger than this slot can take (wanted)",                       \
      "make the image smaller, or give the slots more room")                                       \
    X(TD_V_NO_SWAP_ROOM, 27, "no-swap-room", TD_VERDICT_REFUSAL,                                   \
      "an image (found, bytes) leaves no room to swap: the most is wanted bytes",                  \
      "the larger of the new and the running image counts; shrink it, or enlarge both slots")      \
    X(TD_V_BAD_TLV, 28, "bad-tlv", TD_VERDICT_REFUSAL, "the image's TLV area is malformed at off", \
      "sign again with a current signer; check that the transfer was complete")                    \
    X(TD_V_FORBIDDEN_TLV, 29, "forbidden-tlv", TD_VERDICT_REFUSAL,                                 \
      "the image has a TLV (found) where it is not allowed",                                       \
      "protected types belong into the protected area; sign again with a current signer")          \
    X(TD_V_NO_HASH, 30, "no-hash", TD_VERDICT_REFUSAL,                                             \
      "the image carries no hash of the kind that this bootloader wants (found: the TLV it has)",  \
      "sign with the hash that belongs to the key type")                                           \
    X(TD_V_HASH_MISMATCH, 31, "hash-mismatch", TD_VERDICT_REFUSAL,                                 \
      "the image's bytes do not give the hash that it carries",                                    \
      "it was damaged on the way or written to the wrong place: upload again, compare hashes")     \
    X(TD_V_NO_SIGNATURE, 32, "no-signature", TD_VERDICT_REFUSAL, "the image is not signed",        \
      "sign it with the key that this device trusts (-k)")                                         \
    X(TD_V_WRONG_SIGNATURE_TYPE, 33, "wrong-signature-type", TD_VERDICT_REFUSAL,                   \
      "the image is signed with another algorithm (found: TLV) than the device's keys (wanted)",   \
      "sign with a key of the type that the bootloader was built for")                             \
    X(TD_V_UNKNOWN_KEY, 34, "unknown-key", TD_VERDICT_REFUSAL,                                     \
      "the image is signed with a key that this device does not trust",                            \
      "sign with the product's key; compare fingerprints: tandem getpubhash, tandem inspect")      \
    X(TD_V_BAD_SIGNATURE, 35, "bad-signature", TD_VERDICT_REFUSAL,                                 \
      "the image names a trusted key, but its signature does not verify",                          \
      "sign again with that key; if it happens again the image is being forged")                   \
    X(TD_V_DOWNGRADE, 36, "downgrade", TD_VERDICT_REFUSAL,                                         \
      "the image's version is older than the running one, and downgrades are forbidden",           \
      "raise the version and sign again")                                                          \
    X(TD_V_WRONG_ADDRESS, 37, "wrong-address", TD_VERDICT_REFUSAL,                                 \
      "the image was built for another address (found) than this slot's (wanted)",                 \
      "send the build that belongs to this slot or core")                                          \
    X(TD_V_BAD_LAYOUT, 38, "bad-layout", TD_VERDICT_REFUSAL,                                       \
      "the slots' sizes or sectors do not allow this way of updating",                             \
      "repartition: equal slots of equal sectors, no more than the bootloader counts")             \
    /* reverts: found = reset cause, enum td_reset_cause */                                        \
    X(TD_V_REVERTED, 60, "reverted", TD_VERDICT_REVERT,                                            \
      "the image on trial was reset before anybody confirmed it; the previous one is back",        \
      "find out why it did not confirm: crash, hang, or nobody sent confirm")                      \
    X(TD_V_REVERTED_WATCHDOG, 61, "reverted-watchdog", TD_VERDICT_REVERT,                          \
      "the image on trial hung until the watchdog reset it; the previous one is back",             \
      "look for a deadlock or a watchdog that is never fed")                                       \
    X(TD_V_REVERTED_INVALID, 62, "reverted-invalid", TD_VERDICT_REVERT,                            \
      "the image on trial no longer verified; the previous one is back",                           \
      "flash was overwritten or damaged while it ran")                                             \
    /* faults */                                                                                   \
    X(TD_V_REVERT_IMPOSSIBLE, 80, "revert-impossible", TD_VERDICT_FAULT,                           \
      "the trial was not confirmed, but the previous image cannot be brought back",                \
      "the image on trial stays; send a good one soon")                                            \
    X(TD_V_TORN_REQUEST, 81, "torn-request", TD_VERDICT_FAULT,                                     \
      "a power cut tore the request for an update; it was not followed",                           \
      "request the update again")                                                                  \
    X(TD_V_SLOT_UNREADABLE, 82, "slot-unreadable", TD_VERDICT_FAULT,                               \
      "the second slot cannot be read; the running image was booted without it",                   \
      "check the external flash and its wiring; erase the slot")                                   \
    X(TD_V_FLASH_FAILED, 83, "flash-failed", TD_VERDICT_FAULT,                                     \
      "the flash refused a write or an erase at off", "the sector may be worn out")                \
    /* nothing to boot: found = the verdict code of why the primary slot was refused */            \
    X(TD_V_PRIMARY_INVALID, 100, "primary-invalid", TD_VERDICT_NO_IMAGE,                           \
      "the primary slot holds no image that may be booted (found: why)",                           \
      "write a signed image by cable or through recovery")

enum td_verdict_code {
    TD_V_NONE = 0,
#define TD_VERDICT_ENUM(name, code, text, class, sentence, remedy) name = code,
    TD_VERDICTS(TD_VERDICT_ENUM)
#undef TD_VERDICT_ENUM
};

/* Why the chip was reset, where the port can tell; a fact of the reverts. */
enum td_reset_cause {
    TD_RESET_UNKNOWN = 0,
    TD_RESET_POWER = 1,
    TD_RESET_SOFT = 2,
    TD_RESET_WATCHDOG = 3,
    TD_RESET_PIN = 4,
    TD_RESET_FAULT = 5, /* a CPU fault or lock-up */
};

#define TD_VERDICT_KEY_LEN  8 /* leading bytes of the hash of the public key's DER */
#define TD_VERDICT_HASH_LEN 8 /* leading bytes of the image hash */

struct td_verdict {
    uint16_t code;                     /* enum td_verdict_code, or one from the future */
    uint8_t class;                     /* enum td_verdict_class */
    uint8_t image;                     /* which image of several */
    uint8_t slot;                      /* 0 primary, 1 secondary */
    uint8_t swap_type;                 /* what had been asked: enum td_swap_type's number */
    uint16_t count;                    /* how often in a row, 1 or more; the log fills it in */
    uint32_t seq;                      /* position in the device's history; the log fills it in */
    uint32_t wanted;                   /* per code, see the list */
    uint32_t found;                    /* per code, see the list */
    uint32_t off;                      /* bytes from the start of the slot */
    struct td_version wanted_version;  /* DOWNGRADE: the running one. Else the one replaced */
    struct td_version found_version;   /* of the image that this is about */
    uint8_t key[TD_VERDICT_KEY_LEN];   /* that the image names; all 0 when it names none */
    uint8_t hash[TD_VERDICT_HASH_LEN]; /* that the image carries; all 0 when it has none */
};

/*
 * The record's 60 bytes as they stand in flash; the log puts a CRC behind them. Encoding cannot
 * fail. Decoding takes unknown codes and classes as they are, and refuses (TD_EFORMAT) a record
 * version that it does not know or a code of 0.
 */
#define TD_VERDICT_SIZE 60

void td_verdict_encode(const struct td_verdict *v, uint8_t out[TD_VERDICT_SIZE]);
enum td_err td_verdict_decode(const uint8_t in[TD_VERDICT_SIZE], struct td_verdict *v);

/* Whether both say the same thing about the same image; count and seq do not matter. */
int td_verdict_same(const struct td_verdict *a, const struct td_verdict *b);

/* The class of a code of this list; TD_VERDICT_FAULT for any other. */
enum td_verdict_class td_verdict_class_of(uint16_t code);

/* For people and programs; linked only where somebody prints. Never NULL. */
const char *td_verdict_name(uint16_t code);
const char *td_verdict_sentence(uint16_t code);
const char *td_verdict_remedy(uint16_t code);

#endif
