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

/* Text has no zero and few control characters; a console's colours and frames are allowed. */
static bool is_text(const uint8_t *head, size_t len)
{
    size_t odd = 0;

    // Text of another width, as some systems write it: a log all the same.
    if (begins(head, len, "\xff\xfe", 2) && len > 3 && head[3] == 0)
        return true;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = head[i];

        if (c == 0 || c == 0xff)
            odd += 8;
        else if (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != 0x1b)
            odd++;
    }
    return odd * 8 < len;
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
    if (is_capture(head, len))
        return TD_KIND_CAPTURE;
    if (is_multi(head, len))
        return TD_KIND_MULTI;
    if (is_hex(head, len))
        return TD_KIND_HEX;
    return is_text(head, len) ? TD_KIND_TEXT : TD_KIND_FLASH;
}
