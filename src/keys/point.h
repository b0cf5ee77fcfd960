/*
 * keys/point.h - ECDSA P-256 as Nordic's first stage holds it: a key is X and Y, a signature is
 * r and s, each 32 bytes big-endian, with neither header nor DER around them.
 */
#ifndef TD_KEYS_POINT_H
#define TD_KEYS_POINT_H

#include "keys/keys.h"

/* X and Y of a P-256 key. TD_EKEYTYPE: it is of another kind. TD_EKEYCRYPTO. */
enum td_err td_key_xy(const struct td_key *key, uint8_t xy[64]);

/*
 * The signature of a message, hashed here once with SHA-256. TD_EKEYTYPE: not a P-256 key;
 * TD_EKEYPUBLIC, TD_EKEYCRYPTO: as td_key_sign.
 */
enum td_err td_key_sign_rs(const struct td_key *key, const void *msg, size_t len, uint8_t rs[64]);

/*
 * r and s out of DER, read strictly: definite lengths, no byte too many, no sign. TD_EFORMAT;
 * rs is undefined then.
 */
enum td_err td_rs_of_der(const uint8_t *der, size_t len, uint8_t rs[64]);

#endif
