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
      "the new image was started and runs on trial",                                               \
      "confirm it once it has proved itself; without that the next reset brings the old one back") \
    X(TD_V_INSTALLED, 2, "installed", TD_VERDICT_NOTE, "the new image was installed for good",     \
      "nothing to do")                                                                             \
    X(TD_V_RESUMED, 3, "resumed", TD_VERDICT_NOTE,                                                 \
      "an update that a power cut had interrupted was finished", "nothing to do")                  \
    /* wanted = where in the second slot the bootloader looks for a new image */                   \
    X(TD_V_WRONG_PLACE, 12, "wrong-place", TD_VERDICT_REFUSAL,                                     \
      "the image lies at the start of the second slot; a new one is looked for wanted bytes in",   \
      "upload it again, to that offset; the image that ran before has to be uploaded again too")   \
    X(TD_V_FELL_BACK, 4, "fell-back", TD_VERDICT_NOTE,                                             \
      "the primary slot's image was damaged; the one in the second slot took its place",           \
      "find out what damaged it: flash was overwritten, or is worn out")                           \
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
    /* wanted = the way of updating as SMP numbers it, found = an error's number, 120 to 123 */    \
    X(TD_V_BAD_LAYOUT, 38, "bad-layout", TD_VERDICT_REFUSAL,                                       \
      "the slots' sizes or sectors do not allow this way of updating (found: which rule)",         \
      "repartition: equal slots of equal sectors, no more than the bootloader counts")             \
    /* wanted = the image that is depended on, wanted_version = the least version of it */         \
    X(TD_V_DEPENDENCY, 39, "dependency", TD_VERDICT_REFUSAL,                                       \
      "an image wants a newer version of another image (wanted) than there would be",              \
      "install both together: upload the other one, mark both, reset once")                        \
    /* counters: wanted = stored, found = the image's */                                           \
    X(TD_V_COUNTER_LOW, 40, "counter-low", TD_VERDICT_REFUSAL,                                     \
      "the image's security counter (found) is lower than the stored one (wanted)",                \
      "sign with a counter that is at least as high")                                              \
    X(TD_V_COUNTER_MISSING, 41, "counter-missing", TD_VERDICT_REFUSAL,                             \
      "the image has no security counter, and this device wants one",                              \
      "sign with --security-counter")                                                              \
    X(TD_V_COUNTER_STUCK, 42, "counter-stuck", TD_VERDICT_REFUSAL,                                 \
      "the device has no step left to store the image's security counter (found)",                 \
      "sign with the counter that is stored")                                                      \
    /* where images are run from RAM. wanted/found: what the sentence says */                      \
    X(TD_V_NOT_FOR_RAM, 50, "not-for-ram", TD_VERDICT_REFUSAL,                                     \
      "the image is not meant to be loaded into RAM (found: its flags), and here all are",         \
      "sign with --load-addr, which sets the flag")                                                \
    X(TD_V_OUTSIDE_RAM, 51, "outside-ram", TD_VERDICT_REFUSAL,                                     \
      "the image's load address (found) or its end lies outside the RAM for images (from wanted)", \
      "link and sign for an address inside the bootloader's RAM region; shrink the image")         \
    X(TD_V_RAM_OVERLAP, 52, "ram-overlap", TD_VERDICT_REFUSAL,                                     \
      "the image (found: its load address) would lie over another one (wanted: its address)",      \
      "give each image a region of its own")                                                       \
    /* where a slot is chosen */                                                                   \
    X(TD_V_NO_SLOT_LEFT, 53, "no-slot-left", TD_VERDICT_NO_IMAGE,                                  \
      "no slot holds an image that may be booted (found: why the last one may not; 0: all empty)", \
      "write a signed image by cable or through recovery")                                         \
    X(TD_V_LOADER_RUNS, 54, "loader-runs", TD_VERDICT_FAULT,                                       \
      "the application may not be booted (found: why), so the loader runs",                        \
      "send a good application to the loader")                                                     \
    /* reverts: found = reset cause, enum td_reset_cause */                                        \
    X(TD_V_ENC_KEY, 45, "wrong-encryption-key", TD_VERDICT_REFUSAL,                                \
      "the image's key was not wrapped for this device's key, or was damaged",                     \
      "sign with -E and the public half of the key that this bootloader holds")                    \
    X(TD_V_NO_ENC_KEY, 46, "no-encryption-key", TD_VERDICT_REFUSAL,                                \
      "the image is encrypted and carries no key that is wrapped in this bootloader's way",        \
      "sign with -E and a key of the kind that this bootloader was built for")                     \
    X(TD_V_RUNNING_ENC_KEY, 47, "running-key-lost", TD_VERDICT_REFUSAL,                            \
      "the running image could not be brought back: the key that it carries does not open",        \
      "ask for a permanent update instead of a test")                                              \
    X(TD_V_UNPACK, 48, "unpack-failed", TD_VERDICT_REFUSAL,                                        \
      "the compressed image does not give the program that it tells of",                           \
      "sign it again; a bootloader takes lzma2 and lzma2armthumb")                                 \
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
    X(TD_V_UNPROVISIONED, 84, "unprovisioned", TD_VERDICT_FAULT,                                   \
      "the slot of this image was never filled; the others run without it",                        \
      "write the image, or leave it if the product has none")                                      \
    X(TD_V_COUNTER_NOT_STORED, 85, "counter-not-stored", TD_VERDICT_FAULT,                         \
      "the running image's security counter (found) could not be stored",                          \
      "older images are still accepted; check the counters' storage")                              \
    X(TD_V_REVERTED_TOGETHER, 86, "reverted-together", TD_VERDICT_REVERT,                          \
      "another image of the same update was not confirmed or failed; the previous one is back",    \
      "confirm all images of an update; see what became of the other one")                         \
    X(TD_V_SWAP_ABANDONED, 87, "swap-abandoned", TD_VERDICT_FAULT,                                 \
      "notes tell of a swap that has moved nothing yet, and what it was to bring is not sound",    \
      "the image that runs stays; send the new one again, and request it")                         \
    /* recovery: found = why, 1 the pin, 2 the boot mode of a reset, 3 nothing to boot */          \
    X(TD_V_RECOVERY_ASKED, 90, "recovery-asked", TD_VERDICT_NOTE,                                  \
      "the bootloader waited in recovery, as was asked of it (found: 1 pin, 2 boot mode)",         \
      "nothing to do")                                                                             \
    X(TD_V_RECOVERY_ENTERED, 91, "recovery-entered", TD_VERDICT_FAULT,                             \
      "the bootloader waits in recovery, since it has nothing to boot",                            \
      "upload a signed image over the recovery port")                                              \
    /* the network core: found = its reason (pcd/pcd.h), off = milliseconds that it took */        \
    X(TD_V_CORE_GIVEN, 150, "core-given", TD_VERDICT_NOTE,                                         \
      "the network core was given its image, and verified it", "nothing to do")                    \
    X(TD_V_CORE_SILENT, 151, "core-silent", TD_VERDICT_FAULT,                                      \
      "the network core's bootloader does not answer (wanted: the address of its command block)",  \
      "compare pcd_sram of the bootloader that is deployed there; it moved with SDK 3.2")          \
    X(TD_V_CORE_REFUSED, 152, "core-refused", TD_VERDICT_FAULT,                                    \
      "the network core's bootloader refused the image (found: why)",                              \
      "send the build for the network core: its address, chip family and hash are looked at")      \
    X(TD_V_CORE_WRONG, 154, "core-wrong", TD_VERDICT_REFUSAL,                                      \
      "the image is not one for the network core (found: the address it was built for)",           \
      "send the network core's build as its image, and the application's as the other")            \
    X(TD_V_CORE_FAILED, 153, "core-failed", TD_VERDICT_FAULT,                                      \
      "the network core could not write or verify its image (found: why)",                         \
      "the next boot gives it again; if it stays so that core's flash is worn or locked")          \
    /* nothing to boot: found = the verdict code of why the primary slot was refused */            \
    X(TD_V_PRIMARY_INVALID, 100, "primary-invalid", TD_VERDICT_NO_IMAGE,                           \
      "the primary slot holds no image that may be booted (found: why)",                           \
      "write a signed image by cable or through recovery")                                         \
    /* the first stage, and the second one's own update; slot = S0 or S1, wanted/found as told */  \
    X(TD_V_NSIB_EMPTY, 120, "nsib-empty", TD_VERDICT_REFUSAL,                                      \
      "the slot holds no firmware that the first stage can find",                                  \
      "write a second stage for this slot and chip family; compare the layout with the provision " \
      "data")                                                                                      \
    X(TD_V_NSIB_BAD_INFO, 121, "nsib-bad-info", TD_VERDICT_REFUSAL,                                \
      "the firmware's fw_info contradicts itself, or has a size (found) beyond its slot (wanted)", \
      "build and sign it again; check that the transfer was complete")                             \
    X(TD_V_NSIB_WRONG_SLOT, 122, "nsib-wrong-slot", TD_VERDICT_REFUSAL,                            \
      "the firmware is linked for another address (found) than this slot's (wanted)",              \
      "send the variant that is linked for this slot: the S0 file for S0, the S1 file for S1")     \
    X(TD_V_NSIB_NOT_ITSELF, 123, "nsib-not-itself", TD_VERDICT_REFUSAL,                            \
      "another fw_info (found, its offset) stands before the firmware's own (wanted)",             \
      "build it again: nothing else may look like fw_info at the offsets that are searched")       \
    X(TD_V_NSIB_INVALIDATED, 124, "nsib-invalidated", TD_VERDICT_REFUSAL,                          \
      "the firmware was invalidated earlier (found: its flag), and the mark cannot be taken back", \
      "send a second stage for this slot again")                                                   \
    X(TD_V_NSIB_ROLLBACK, 125, "nsib-rollback", TD_VERDICT_REFUSAL,                                \
      "the second stage's version (found) is lower than the device accepts (wanted)",              \
      "raise CONFIG_FW_INFO_FIRMWARE_VERSION and sign again")                                      \
    X(TD_V_NSIB_OUTSIDE, 126, "nsib-outside", TD_VERDICT_REFUSAL,                                  \
      "fw_info, the vector table or what it points to (found) is not inside what is signed "       \
      "(wanted: its end)",                                                                         \
      "build it again with the vendor's linker sections; do not patch a signed file")              \
    X(TD_V_NSIB_BAD_STACK, 127, "nsib-bad-stack", TD_VERDICT_REFUSAL,                              \
      "the firmware's first stack pointer (found) is not in this chip's memory (wanted: its "      \
      "start)",                                                                                    \
      "build it for this chip")                                                                    \
    X(TD_V_NSIB_UNSIGNED, 128, "nsib-unsigned", TD_VERDICT_REFUSAL,                                \
      "there is no validation info behind the firmware",                                           \
      "send the signed file: signed_by_b0_* or signed_by_mcuboot_and_b0_*")                        \
    X(TD_V_NSIB_FOREIGN_TRAILER, 129, "nsib-foreign-trailer", TD_VERDICT_REFUSAL,                  \
      "the validation info is for another address (found) than the firmware's (wanted)",           \
      "sign the file again; do not join parts of two builds")                                      \
    X(TD_V_NSIB_UNKNOWN_KEY, 130, "nsib-unknown-key", TD_VERDICT_REFUSAL,                          \
      "the second stage is signed with a key that was never provisioned here",                     \
      "sign it with a provisioned key; compare fingerprints with tandem inspect")                  \
    X(TD_V_NSIB_KEY_REVOKED, 131, "nsib-key-revoked", TD_VERDICT_REFUSAL,                          \
      "the second stage is signed with key number found, which is revoked",                        \
      "sign it with a later key")                                                                  \
    X(TD_V_NSIB_BAD_SIGNATURE, 132, "nsib-bad-signature", TD_VERDICT_REFUSAL,                      \
      "the second stage names the provisioned key number found, but its signature does not "       \
      "verify",                                                                                    \
      "it was damaged, or the signer hashed once where twice is meant: send it again, verify the " \
      "file")                                                                                      \
    X(TD_V_NSIB_VERSION_RANGE, 133, "nsib-version-range", TD_VERDICT_REFUSAL,                      \
      "the second stage's version (found) is more than the counter can hold (wanted)",             \
      "number second stages 0 to 32766; a counter of halfwords holds no more")                     \
    X(TD_V_NSIB_COUNTER_FULL, 134, "nsib-counter-full", TD_VERDICT_REFUSAL,                        \
      "the counter has no free slot left for this version (found)",                                \
      "keep the version that the device has; the counter cannot be extended")                      \
    X(TD_V_NSIB_NO_API, 135, "nsib-no-api", TD_VERDICT_REFUSAL,                                    \
      "the second stage requires a service (wanted: EXT_API id) that this first stage does not "   \
      "offer",                                                                                     \
      "build the second stage without it: CONFIG_BOOT_SHARED_CRYPTO and the like")                 \
    X(TD_V_NSIB_UNPROVEN, 136, "nsib-unproven", TD_VERDICT_REVERT,                                 \
      "the new second stage did not come to a confirmed application in found boots; the other "    \
      "slot is taken",                                                                             \
      "find out where it stops; confirm the application; send a mended second stage")              \
    X(TD_V_NSIB_LAST_RESORT, 137, "nsib-last-resort", TD_VERDICT_FAULT,                            \
      "a second stage runs that would have been passed over (found: why), as nothing else is "     \
      "there",                                                                                     \
      "send a good second stage for the other slot")                                               \
    X(TD_V_NSIB_PROVISION, 138, "nsib-provision", TD_VERDICT_NO_IMAGE,                             \
      "the provision data cannot be read, or their slots (found) are not in this device's flash",  \
      "write provision data that belong to this first stage and layout")                           \
    X(TD_V_NSIB_KEY_UNUSABLE, 139, "nsib-key-unusable", TD_VERDICT_FAULT,                          \
      "the provisioned key number found is not trusted: its token or its fingerprint is not "      \
      "sound",                                                                                     \
      "provision it again with a key whose fingerprint has no ffff halfword, tokens of this "      \
      "generation")                                                                                \
    X(TD_V_NSIB_UNLOCKED, 140, "nsib-unlocked", TD_VERDICT_NO_IMAGE,                               \
      "the first stage could not protect itself or the provision data, and boots nothing",         \
      "align its area to the chip's lock blocks")                                                  \
    X(TD_V_NSIB_NOTHING, 141, "nsib-nothing", TD_VERDICT_NO_IMAGE,                                 \
      "neither S0 nor S1 may be booted (wanted, found: why S0, why S1)",                           \
      "write a second stage by cable")                                                             \
    X(TD_V_NSIB_PROVEN, 142, "nsib-proven", TD_VERDICT_NOTE,                                       \
      "the second stage has booted a confirmed application; its version (found) is the least "     \
      "from now on",                                                                               \
      "nothing to do")                                                                             \
    X(TD_V_NSIB_UNCOUNTED, 143, "nsib-uncounted", TD_VERDICT_FAULT,                                \
      "the slot has no room to count a trial, so a second stage that hangs is not passed over",    \
      "leave the padding behind the outer header erased, 0x20 to 0x200")                           \
    X(TD_V_STAGE_VARIANT, 144, "stage-variant", TD_VERDICT_REFUSAL,                                \
      "the second stage is linked for the slot that is running (found), not for the other one "    \
      "(wanted)",                                                                                  \
      "send the other variant; tandem info says which slot is active")                             \
    X(TD_V_STAGE_SAME_VERSION, 145, "stage-same-version", TD_VERDICT_REFUSAL,                      \
      "the second stage has the running one's version (found), and would never be chosen",         \
      "raise CONFIG_FW_INFO_FIRMWARE_VERSION and sign again")                                      \
    X(TD_V_STAGE_TRIED, 146, "stage-tried", TD_VERDICT_REFUSAL,                                    \
      "this very second stage stands in its slot already and did not prove itself",                \
      "send a mended build with a higher version")                                                 \
    X(TD_V_STAGE_INSTALLED, 147, "stage-installed", TD_VERDICT_NOTE,                               \
      "the new second stage (found: its version) stands in its slot and is tried at the next "     \
      "boot",                                                                                      \
      "reset; it is on trial until it has booted a confirmed application")                         \
    X(TD_V_STAGE_ON_TRIAL, 148, "stage-on-trial", TD_VERDICT_NOTE,                                 \
      "the request waits: the running second stage is itself on trial",                            \
      "confirm the application and reset once; the request stays")                                 \
    X(TD_V_NSIB_UNBURNT, 149, "nsib-unburnt", TD_VERDICT_FAULT,                                    \
      "the counter or a key's token (found: which key, plus 1) could not be written",              \
      "the memory may be worn out; an older second stage is still accepted")

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
    uint8_t kind;                      /* enum td_verdict_class */
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
