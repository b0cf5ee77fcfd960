/*
 * base/err.h - the one list of errors of the whole house.
 *
 * An error travels upward unchanged. It is translated at two doors only: to an SMP result
 * in server/, to a sentence and an exit code in tools/. Numbers are added, never reused.
 * What is not an error ("needs more bytes", "nothing to send") has its own enum or a zero
 * length, and never a row here.
 *
 * Ranges: -1 general, -20 flash, -40 crypto, -60 image, -120 slot and boot, -140 log,
 * -160 cbor and smp, -170 nvs, -200 client, -240 host files, keys, transports.
 */
#ifndef TD_BASE_ERR_H
#define TD_BASE_ERR_H

#define TD_ERRORS(X)                                                                               \
    X(TD_OK, 0, "no error")                                                                        \
    X(TD_EARG, -1, "an argument is outside what the call allows")                                  \
    X(TD_ESPACE, -2, "the buffer is too small")                                                    \
    X(TD_ETRUNC, -3, "the input ends too early")                                                   \
    X(TD_EFORMAT, -4, "the input does not follow its format")                                      \
    X(TD_EREAD, -5, "the source could not be read")                                                \
    X(TD_ESTATE, -6, "the call does not fit the present state")                                    \
    X(TD_ENOTFOUND, -7, "there is no such entry")                                                  \
    X(TD_EUNSUPPORTED, -8, "this is not supported here")                                           \
    X(TD_ENOSPC, -9, "there is no room left for it")                                               \
    X(TD_EFLASH, -20, "the flash driver reported a failure")                                       \
    X(TD_EBOUNDS, -21, "the range reaches outside the flash area")                                 \
    X(TD_EALIGN, -22, "the range is not aligned to the flash's write or erase unit")               \
    X(TD_EBUDGET, -23, "the word was programmed as often as its flash allows")                     \
    X(TD_EECC, -24, "the flash holds a word whose error correction fails")                         \
    X(TD_ESIG, -40, "the signature does not verify")                                               \
    X(TD_EKEY, -41, "the public key is malformed or of another kind")                              \
    X(TD_ESIGLEN, -42, "no signature of this kind has this length")                                \
    X(TD_EENC, -43, "the wrapped key does not open with this device's key")                        \
    X(TD_EPATCH, -50, "the compressed stream is malformed, or does not give what it promises")     \
    X(TD_EIMG_MAGIC, -60,                                                                          \
      "there is no image: the header does not begin with MCUboot's magic number")                  \
    X(TD_EIMG_EMPTY, -61, "there is no image: the place is erased")                                \
    X(TD_EIMG_OLD, -62,                                                                            \
      "the image has the header of MCUboot's version 1, which nothing boots any more")             \
    X(TD_EIMG_HDRSIZE, -63, "the header announces less than its own 32 bytes")                     \
    X(TD_EIMG_OVERFLOW, -64, "the header's sizes add up to more than 32 bits can hold")            \
    X(TD_EIMG_FLAGS, -65, "the header's flags exclude one another")                                \
    X(TD_EIMG_TRUNC, -66, "the image ends before the end that its header and TLV areas announce")  \
    X(TD_EIMG_SIZE, -67, "the image is larger than the slot can take")                             \
    X(TD_EIMG_NOTLV, -68, "there is no TLV area where the header says the payload ends")           \
    X(TD_EIMG_PROTMISSING, -69, "the header announces a protected TLV area, and there is none")    \
    X(TD_EIMG_PROTEXTRA, -70, "there is a protected TLV area that the header does not announce")   \
    X(TD_EIMG_PROTSIZE, -71, "the protected TLV area's size is not the one in the header")         \
    X(TD_EIMG_AREA, -72, "a TLV area says that it is smaller than its own head")                   \
    X(TD_EIMG_ENTRY, -73, "a TLV entry reaches past the end of its area")                          \
    X(TD_EIMG_TLVLEN, -74, "a TLV entry has a length that its type does not allow")                \
    X(TD_EIMG_TLVTWICE, -75, "a TLV that must be unique stands there twice")                       \
    X(TD_EIMG_UNPROTECTED, -76, "a TLV that must be protected stands outside the protected area")  \
    X(TD_EIMG_PROTECTED, -77, "a hash, key or signature TLV stands inside the protected area")     \
    X(TD_EIMG_FORBIDDEN, -78, "the unprotected TLV area holds a type that is not allowed there")   \
    X(TD_EIMG_ENCRYPTED, -79, "the image is encrypted, and decryption is not supported here")      \
    X(TD_EIMG_COMPRESSED, -80, "the image is compressed, and decompression is not supported here") \
    X(TD_EIMG_FLAGBITS, -81, "the header has flag bits that have no known meaning")                \
    X(TD_EIMG_NOHASH, -82, "the image carries no hash")                                            \
    X(TD_EIMG_HASHTYPE, -83, "the image carries another kind of hash than the one wanted")         \
    X(TD_EIMG_HASH, -84, "the image's bytes do not give the hash that it carries")                 \
    X(TD_EIMG_PURE, -85,                                                                           \
      "the signature covers the image rather than its hash, which is not supported here")          \
    X(TD_EIMG_P384, -86, "the image is signed with ECDSA P-384, which is not supported here")      \
    X(TD_EIMG_UNSIGNED, -87, "the image is not signed")                                            \
    X(TD_EIMG_SIGTYPE, -88, "the image is signed with another algorithm than the trusted keys'")   \
    X(TD_EIMG_NOKEY, -89, "a signature has no key TLV before it that says whose it is")            \
    X(TD_EIMG_KEY, -90, "the image is signed with a key that is not trusted")                      \
    X(TD_EIMG_SIG, -91, "the signature does not verify with the trusted key that the image names") \
    X(TD_EIMG_SIGLEN, -92, "the signature has a length that its algorithm does not allow")         \
    X(TD_EIMG_PAIRS, -93, "the image carries more keys and signatures than a bootloader looks at") \
    X(TD_EIMG_ENCTLV, -94,                                                                         \
      "the image is encrypted, and carries no key that this device could open")                    \
    X(TD_EIMG_TOOFEW, -95, "fewer of the trusted keys have signed the image than are needed")      \
    X(TD_EIMG_NOCOUNTER, -110, "the image has no security counter, and one is wanted")             \
    X(TD_EIMG_COUNTER, -111, "the image's security counter is lower than the stored one")          \
    X(TD_ESLOT_TINY, -120, "the slot is smaller than its own trailer")                             \
    X(TD_ESLOT_SECTORS, -121, "the slot has more sectors than the bootloader counts")              \
    X(TD_ESLOT_LAYOUT, -122, "the slots' sizes or sectors do not allow this way of updating")      \
    X(TD_ESLOT_SCRATCH, -123, "the scratch area is smaller than a sector of the slots")            \
    X(TD_ESLOT_ROOM, -124, "the image is larger than this way of updating can take")               \
    X(TD_ESLOT_ROOM_RUNNING, -125, "the running image is too large to be swapped out")             \
    X(TD_ESLOT_EMPTY, -126, "the slot holds no image that could be asked for")                     \
    X(TD_ESLOT_TRIAL, -127, "an image is on trial; it must be confirmed or reverted first")        \
    X(TD_ESLOT_SHARED, -128, "the image reaches into the sector that would have to be erased")     \
    X(TD_ESLOT_UNDERWAY, -129, "the swap has begun and can only be finished")                      \
    X(TD_ESLOT_MAGIC, -130, "the slot's magic is torn")                                            \
    X(TD_ESLOT_IMAGE_OK, -131, "the slot's confirmation is torn by a power cut")                   \
    X(TD_ELOG_AREA, -140, "the log's area needs two sectors or more, large enough for entries")    \
    X(TD_EPCD_SILENT, -160, "the network core does not answer")                                    \
    X(TD_EPCD_FAILED, -161, "the network core says that it could not take the image")              \
    X(TD_ENVS_AREA, -170,                                                                          \
      "settings need two equal sectors or more, of 64 KB at most, large enough for entries")       \
    X(TD_ENVS_FOREIGN, -171, "the settings area holds something else than Zephyr's NVS")           \
    X(TD_ENVS_SIZE, -172, "the value is larger than a sector of the settings area can take")       \
    X(TD_ENVS_DATA, -173, "the setting's stored value does not give its CRC")                      \
    X(TD_ENOANSWER, -200, "the device does not answer")                                            \
    X(TD_ELINKDOWN, -201, "the connection to the device was lost")                                 \
    X(TD_EGARBAGE, -202, "the device answers with something that is not SMP")                      \
    X(TD_EREFUSED, -203, "the device refused the request")                                         \
    X(TD_EBUSY, -204, "too many requests are under way on this session")                           \
    X(TD_EANSWER, -205, "the device's answer lacks what the command promises")                     \
    X(TD_EPACKET, -206, "not even the first packet of an upload fits into this link's packets")    \
    X(TD_EFORGETS, -207,                                                                           \
      "the device keeps forgetting the upload and asks for its first byte again")                  \
    X(TD_ESTUCK, -208, "the device answers, but takes no more of the file")                        \
    X(TD_EOFFSET, -209, "the device asks for bytes beyond the end of the file")                    \
    X(TD_EMATCH, -210, "what the device wrote is not what was sent")                               \
    X(TD_EINTERRUPTED, -230, "it was interrupted")                                                 \
    X(TD_EKEYFILE, -240, "the key file cannot be read")                                            \
    X(TD_EKEYPEM, -241, "there is no PEM key in the file")                                         \
    X(TD_EKEYLOCKED, -242, "the key is encrypted, and there is no passphrase")                     \
    X(TD_EKEYPASS, -243, "the passphrase does not open the key")                                   \
    X(TD_EKEYTYPE, -244, "this kind of key cannot be used for this")                               \
    X(TD_EKEYPUBLIC, -245, "the file holds only the public key, and the private one is needed")    \
    X(TD_EKEYCRYPTO, -246, "the cryptographic library failed")

enum td_err {
#define TD_ERR_ENUM(name, value, text) name = value,
    TD_ERRORS(TD_ERR_ENUM)
#undef TD_ERR_ENUM
};

/* A sentence for a person; never NULL, also for a number that is not in the list. */
const char *td_strerror(enum td_err err);

/* The name as written above ("TD_EFLASH"); never NULL. For logs and JSON. */
const char *td_errname(enum td_err err);

#endif
