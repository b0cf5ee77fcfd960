/* client/text.c - see text_priv.h. */
#include <string.h>

#include "client/text_priv.h"
#include "smp/image.h"

struct td_text_out td_text_begin(char *buf, size_t cap)
{
    buf[0] = '\0';
    return (struct td_text_out){ buf, cap, 0 };
}

void td_text_add_n(struct td_text_out *t, const char *chars, size_t n)
{
    size_t room = t->cap - 1 - t->len;

    if (n > room)
        n = room;
    memcpy(t->buf + t->len, chars, n);
    t->len += n;
    t->buf[t->len] = '\0';
}

void td_text_add(struct td_text_out *t, const char *words)
{
    size_t n = 0;

    while (words[n] != '\0')
        n++;
    td_text_add_n(t, words, n);
}

void td_text_num(struct td_text_out *t, uint32_t number)
{
    char digits[10];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    td_text_add_n(t, digits + at, sizeof(digits) - at);
}

void td_text_addr(struct td_text_out *t, uint32_t addr)
{
    char digits[8];
    size_t at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[addr & 15];
        addr >>= 4;
    } while (addr > 0);
    td_text_add_n(t, digits + at, sizeof(digits) - at);
}

void td_text_hex(struct td_text_out *t, const uint8_t *bytes, size_t n)
{
    static const char digit[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        td_text_add_n(t, &digit[bytes[i] >> 4], 1);
        td_text_add_n(t, &digit[bytes[i] & 15], 1);
    }
}

void td_text_version(struct td_text_out *t, const struct td_version *version)
{
    char buf[TD_IMG_VERSION_MAX];
    struct td_cbor_text text = td_img_version_text(version, buf);

    td_text_add_n(t, text.p, text.len);
}
