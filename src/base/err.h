/*
 * base/err.h - the one list of errors of the whole house.
 *
 * An error travels upward unchanged. It is translated at two doors only: to an SMP result
 * in server/, to a sentence and an exit code in tools/. Numbers are added, never reused.
 * What is not an error ("needs more bytes", "nothing to send") has its own enum or a zero
 * length, and never a row here.
 *
 * Ranges: -1 general, -20 flash, -40 crypto, -60 image, -120 slot and boot, -140 log,
 * -160 cbor and smp, -200 client, -240 host files, keys, transports.
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
    X(TD_EFLASH, -20, "the flash driver reported a failure")                                       \
    X(TD_EBOUNDS, -21, "the range reaches outside the flash area")                                 \
    X(TD_EALIGN, -22, "the range is not aligned to the flash's write or erase unit")               \
    X(TD_EBUDGET, -23, "the word was programmed as often as its flash allows")                     \
    X(TD_ESIG, -40, "the signature does not verify")                                               \
    X(TD_EKEY, -41, "the public key is malformed or of another kind")                              \
    X(TD_ESIGLEN, -42, "no signature of this kind has this length")

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
