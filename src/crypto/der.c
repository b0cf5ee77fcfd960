/*
 * crypto/der.c - fixed shapes are compared, not parsed; one signature is walked.
 *
 * No byte is read before the length was compared, and no length comes from the input but the
 * three of an ECDSA signature, each checked against what is left.
 */
#include "crypto/der_priv.h"

#include <stdbool.h>
#include <string.h>

static const uint8_t p256_head[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
};

static const uint8_t p384_head[] = {
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04,
};

static const uint8_t ed25519_head[] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
};

static const uint8_t rsa2048_head[] = {
    0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
};

static const uint8_t rsa3072_head[] = {
    0x30, 0x82, 0x01, 0x8a, 0x02, 0x82, 0x01, 0x81, 0x00,
};

static const uint8_t exponent_65537[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };

enum td_err td_der_p256(const uint8_t *der, size_t len, const uint8_t **point)
{
    if (len != TD_DER_P256_SIZE || memcmp(der, p256_head, sizeof(p256_head)) != 0)
        return TD_EKEY;
    *point = der + sizeof(p256_head) - 1;
    return TD_OK;
}

enum td_err td_der_p384(const uint8_t *der, size_t len, const uint8_t **point)
{
    if (len != TD_DER_P384_SIZE || memcmp(der, p384_head, sizeof(p384_head)) != 0)
        return TD_EKEY;
    *point = der + sizeof(p384_head) - 1;
    return TD_OK;
}

enum td_err td_der_ed25519(const uint8_t *der, size_t len, const uint8_t **key)
{
    if (len != TD_DER_ED25519_SIZE || memcmp(der, ed25519_head, sizeof(ed25519_head)) != 0)
        return TD_EKEY;
    *key = der + sizeof(ed25519_head);
    return TD_OK;
}

enum td_err td_der_rsa(const uint8_t *der, size_t len, size_t n_len, const uint8_t **modulus)
{
    const uint8_t *head = n_len == 256 ? rsa2048_head : rsa3072_head;
    const uint8_t *n = der + sizeof(rsa2048_head);

    if (len != sizeof(rsa2048_head) + n_len + sizeof(exponent_65537))
        return TD_EKEY;
    if (memcmp(der, head, sizeof(rsa2048_head)) != 0)
        return TD_EKEY;
    if (memcmp(n + n_len, exponent_65537, sizeof(exponent_65537)) != 0)
        return TD_EKEY;
    // A shorter modulus would make another key of the same file size; an even one is no key.
    if ((n[0] & 0x80) == 0 || (n[n_len - 1] & 1) == 0)
        return TD_EKEY;
    *modulus = n;
    return TD_OK;
}

/* Reads one INTEGER at *at, below end, into size bytes; moves *at behind it. */
static bool read_integer(const uint8_t **at, const uint8_t *end, size_t size, uint8_t *out)
{
    const uint8_t *p = *at;
    size_t left = (size_t)(end - p);
    size_t n;

    if (left < 3 || p[0] != 0x02)
        return false;
    n = p[1];
    p += 2;
    if (n == 0 || n > size + 1 || n > left - 2)
        return false;
    *at = p + n;
    if ((p[0] & 0x80) != 0)
        return false; // negative
    if (p[0] == 0) {
        // A leading zero is there to keep the number positive, and for nothing else. That
        // refuses the number 0 too.
        if (n == 1 || (p[1] & 0x80) == 0)
            return false;
        p++;
        n--;
    }
    if (n > size)
        return false;
    memset(out, 0, size - n);
    memcpy(out + size - n, p, n);
    return true;
}

static bool all_zero(const uint8_t *p, const uint8_t *end)
{
    uint8_t any = 0;

    while (p < end)
        any |= *p++;
    return any == 0;
}

enum td_err td_der_ecdsa(const uint8_t *der, size_t len, size_t size, uint8_t *rs)
{
    const uint8_t *at = der + 2;
    const uint8_t *end;

    if (len < 8 || len > 2 * size + 8)
        return TD_ESIGLEN;
    if (der[0] != 0x30 || der[1] > len - 2)
        return TD_ESIG;
    end = at + der[1];
    if (!read_integer(&at, end, size, rs) || !read_integer(&at, end, size, rs + size) || at != end)
        return TD_ESIG;
    // The writer may have padded to a constant size. Stripping zeros from the end instead
    // would break a signature whose s ends in 00.
    return all_zero(end, der + len) ? TD_OK : TD_ESIG;
}
