/* tools/kind.c - the marks by which files are told apart. */
#include "tools/kind.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "image/image.h"
#include "tools/cli.h"

static bool begins(const uint8_t *head, size_t len, const void *mark, size_t n)
{
    return len >= n && memcmp(head, mark, n) == 0;
}

static bool is_capture(const uint8_t *head, size_t len)
{
    static const uint8_t pcap[][4] = {
        { 0xa1, 0xb2, 0xc3, 0xd4 }, { 0xd4, 0xc3, 0xb2, 0xa1 }, { 0xa1, 0xb2, 0x3c, 0x4d },
        { 0x4d, 0x3c, 0xb2, 0xa1 }, { 0x0a, 0x0d, 0x0d, 0x0a },
    };

    for (size_t i = 0; i < sizeof pcap / sizeof pcap[0]; i++)
        if (begins(head, len, pcap[i], 4))
            return true;
    return begins(head, len, "btsnoop", 8);
}

/* A colon, and nothing but hex digits up to the line's end. */
static bool is_hex(const uint8_t *head, size_t len)
{
    size_t at = 0;
    size_t digits = 0;

    while (at < len && (head[at] == '\r' || head[at] == '\n' || head[at] == ' '))
        at++;
    if (at >= len || head[at] != ':')
        return false;
    for (at++; at < len && head[at] != '\r' && head[at] != '\n'; at++, digits++)
        if (td_hex_digit((char)head[at]) < 0)
            return false;
    return digits >= 10;
}

/* u16 length, then a CBOR map of one entry, "img". */
static bool is_multi(const uint8_t *head, size_t len)
{
    static const uint8_t finite[] = { 0xa1, 0x63, 'i', 'm', 'g' };
    static const uint8_t open_ended[] = { 0xbf, 0x63, 'i', 'm', 'g' };

    return len > 8 && (memcmp(head + 2, finite, sizeof finite) == 0 ||
                       memcmp(head + 2, open_ended, sizeof open_ended) == 0);
}

/*
 * Every step-th byte from the first on. Text has no zero and few control characters; a console's
 * colours and frames are allowed.
 */
static bool reads(const uint8_t *head, size_t len, size_t first, size_t step)
{
    size_t odd = 0, n = 0;

    for (size_t i = first; i < len; i += step, n++) {
        uint8_t c = head[i];

        if (c == 0 || c == 0xff)
            odd += 8;
        else if (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != 0x1b)
            odd++;
    }
    return n > 0 && odd * 8 < n;
}

/*
 * UTF-16 of either order, with its mark or without, as Windows' shells write what is sent into a
 * file: one byte of nearly every two is zero, and the others are text.
 */
static bool is_wide_text(const uint8_t *head, size_t len)
{
    bool marked = begins(head, len, "\xff\xfe", 2) || begins(head, len, "\xfe\xff", 2);
    size_t from = marked ? 2 : 0;

    for (size_t zero = 0; zero < 2 && len >= from + 4; zero++) {
        size_t n = 0, zeros = 0;

        for (size_t i = from + zero; i < len; i += 2, n++)
            zeros += head[i] == 0;
        if (zeros * 8 >= n * 7 && reads(head, len, from + 1 - zero, 2))
            return true;
    }
    return false;
}

static bool is_text(const uint8_t *head, size_t len)
{
    return reads(head, len, 0, 1) || is_wide_text(head, len);
}

enum td_kind td_kind_of(const uint8_t *head, size_t len)
{
    if (len == 0)
        return TD_KIND_EMPTY;
    if (len >= 4 && td_load_le32(head) == TD_IMAGE_MAGIC)
        return TD_KIND_IMAGE;
    if (begins(head, len, "PK\3\4", 4) || begins(head, len, "PK\5\6", 4))
        return TD_KIND_ZIP;
    if (begins(head, len, "\177ELF", 4))
        return TD_KIND_ELF;
    if (begins(head, len, "\x1f\x8b\x08", 3))
        return TD_KIND_GZIP;
    if (is_capture(head, len))
        return TD_KIND_CAPTURE;
    if (is_multi(head, len))
        return TD_KIND_MULTI;
    if (is_hex(head, len))
        return TD_KIND_HEX;
    return is_text(head, len) ? TD_KIND_TEXT : TD_KIND_FLASH;
}
