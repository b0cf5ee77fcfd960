/* keys/keys_priv.h - what a key's handle holds. */
#ifndef TD_KEYS_KEYS_PRIV_H
#define TD_KEYS_KEYS_PRIV_H

#include <openssl/evp.h>

#include "keys/keys.h"

struct td_key {
    EVP_PKEY *pkey;
    enum td_key_type type;
    bool is_private;
};

#endif
