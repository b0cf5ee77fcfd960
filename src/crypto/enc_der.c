/*
 * crypto/enc_der.c - the device's private key out of its DER.
 *
 * The key is the board's own configuration, not input; it is read as strictly as if it were
 * not. Its bytes decide about nothing here, its lengths are no secret.
 */
#include "crypto/enc_priv.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/ct.h"

static const uint8_t p256_short[] = {
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
};

static const uint8_t p256_long[] = {
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
};

/* Behind the scalar of the long form; 64 bytes of point follow, which nobody needs. */
static const uint8_t p256_public[] = { 0xa1, 0x44, 0x03, 0x42, 0x00, 0x04 };

static const uint8_t x25519_head[] = {
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
};

static const uint8_t version_0[] = { 0x02, 0x01, 0x00 };
static const uint8_t exponent_65537[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };

enum td_err td_der_p256_private(const uint8_t *der, size_t len, const uint8_t **scalar)
{
    if (len == sizeof(p256_short) + 32 && memcmp(der, p256_short, sizeof(p256_short)) == 0) {
        *scalar = der + sizeof(p256_short);
        return TD_OK;
    }
    if (len == sizeof(p256_long) + 32 + sizeof(p256_public) + 64 &&
        memcmp(der, p256_long, sizeof(p256_long)) == 0 &&
        memcmp(der + sizeof(p256_long) + 32, p256_public, sizeof(p256_public)) == 0) {
        *scalar = der + sizeof(p256_long);
        return TD_OK;
    }
    return TD_EKEY;
}

enum td_err td_der_x25519_private(const uint8_t *der, size_t len, const uint8_t **key)
{
    if (len != sizeof(x25519_head) + 32 || memcmp(der, x25519_head, sizeof(x25519_head)) != 0)
        return TD_EKEY;
    *key = der + sizeof(x25519_head);
    return TD_OK;
}

struct cursor {
    const uint8_t *at;
    size_t left;
};

/* A tag with a length of up to two bytes; leaves the cursor at the value. */
static bool enter(struct cursor *c, uint8_t tag, size_t *len)
{
    size_t head = 2;

    if (c->left < 4 || c->at[0] != tag)
        return false;
    *len = c->at[1];
    if (c->at[1] == 0x81) {
        *len = c->at[2];
        head = 3;
    } else if (c->at[1] == 0x82) {
        *len = (size_t)c->at[2] << 8 | c->at[3];
        head = 4;
    } else if (c->at[1] > 0x7f) {
        return false;
    }
    c->at += head;
    c->left -= head;
    return *len <= c->left;
}

static bool skip(struct cursor *c, const uint8_t *want, size_t len)
{
    if (c->left < len || memcmp(c->at, want, len) != 0)
        return false;
    c->at += len;
    c->left -= len;
    return true;
}

/* An unsigned INTEGER, without the zero that keeps it positive. */
static bool number(struct cursor *c, const uint8_t **value, size_t *len)
{
    size_t zero;

    if (!enter(c, 0x02, len) || *len == 0)
        return false;
    zero = c->at[0] == 0 ? 1 : 0;
    *value = c->at + zero;
    c->at += *len;
    c->left -= *len;
    *len -= zero;
    return *len > 0;
}

enum td_err td_der_rsa2048_private(const uint8_t *der, size_t len, const uint8_t **modulus,
                                   const uint8_t **exponent, size_t *exponent_len)
{
    struct cursor c = { der, len };
    size_t n_len;

    if (!enter(&c, 0x30, &n_len) || n_len != c.left || !skip(&c, version_0, sizeof(version_0)) ||
        !number(&c, modulus, &n_len) || n_len != 256 || ((*modulus)[0] & 0x80) == 0 ||
        ((*modulus)[255] & 1) == 0 || !skip(&c, exponent_65537, sizeof(exponent_65537)) ||
        !number(&c, exponent, exponent_len) || *exponent_len > 256)
        return TD_EKEY;
    return TD_OK;
}

enum td_err td_enc_end(uint32_t bad, uint8_t *out, size_t len)
{
    if (bad == 0)
        return TD_OK;
    td_wipe(out, len);
    return TD_EENC;
}

uint32_t td_enc_differ(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint32_t differs = 0;

    for (size_t i = 0; i < len; i++)
        differs |= (uint32_t)(a[i] ^ b[i]);
    return differs;
}
