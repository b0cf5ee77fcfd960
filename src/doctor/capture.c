/*
 * doctor/capture.c - see capture.h: the forms of capture files, record by record.
 *
 * A record is gathered whole before it is looked at. One that is larger than RECORD_MAX holds no
 * SMP packet; it is stepped over.
 */
#include "doctor/capture.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "doctor/hci.h"
#include "doctor/ip.h"

#define RECORD_MAX (512u * 1024)
#define INTERFACES 32

enum kind { NONE, BTSNOOP, PCAP, PCAPNG };

enum link {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_RAW_BSD = 12,
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_SLL = 113,
    LINK_HCI_H4 = 187,
    LINK_HCI_H4_PHDR = 201,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_BT_MONITOR = 254,
    LINK_SLL2 = 276,
    // btsnoop's own
    SNOOP_H1 = 1001,
    SNOOP_H4 = 1002,
    SNOOP_MONITOR = 2001,
};

struct interface {
    uint32_t link;
    uint64_t ticks; /* of its clock in a second */
    int64_t offset; /* seconds */
};

struct td_capture {
    uint16_t file;
    enum kind kind;
    bool big; /* byte order */
    bool begun;
    struct interface interface[INTERFACES];
    unsigned n_interfaces;
    uint8_t *record;
    size_t len, want; /* of the record; want 0: its head is gathered */
    uint64_t skip;    /* bytes of a record that is not looked at */
    uint64_t offset;  /* of the record */
    struct td_frames *frames;
    struct td_hci *hci;
    struct td_ip *ip;
};

static enum kind kind_of(const uint8_t *p, bool *big)
{
    uint32_t magic = td_load_be32(p);

    *big = true;
    if (memcmp(p, "btsnoop", 8) == 0)
        return BTSNOOP;
    if (magic == 0x0a0d0d0a)
        return PCAPNG;
    if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d)
        return PCAP;
    *big = false;
    magic = td_load_le32(p);
    return magic == 0xa1b2c3d4 || magic == 0xa1b23c4d ? PCAP : NONE;
}

bool td_capture_is(const uint8_t *bytes, size_t len)
{
    bool big;

    return len >= TD_CAPTURE_MAGIC && kind_of(bytes, &big) != NONE;
}

struct td_capture *td_capture_new(uint16_t file, struct td_frames *frames)
{
    struct td_capture *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->file = file;
    c->frames = frames;
    c->hci = td_hci_new(frames);
    c->ip = td_ip_new(frames);
    c->record = malloc(RECORD_MAX);
    if (!c->hci || !c->ip || !c->record) {
        td_capture_end(c);
        return NULL;
    }
    return c;
}

void td_capture_end(struct td_capture *c)
{
    td_hci_free(c->hci);
    td_ip_free(c->ip);
    free(c->record);
    free(c);
}

static uint32_t u32(const struct td_capture *c, const uint8_t *p)
{
    return c->big ? td_load_be32(p) : td_load_le32(p);
}

static uint16_t u16(const struct td_capture *c, const uint8_t *p)
{
    return c->big ? td_load_be16(p) : td_load_le16(p);
}

/* ---- packets of each link type ------------------------------------------------------- */

static void ether_type(struct td_capture *c, uint16_t type, const uint8_t *p, size_t len,
                       const struct td_origin *origin)
{
    while (type == 0x8100 && len >= 4) { // VLAN
        type = td_load_be16(p + 2);
        p += 4;
        len -= 4;
    }
    if (type == 0x0800 || type == 0x86dd)
        td_ip_packet(c->ip, p, len, origin);
}

static void h4(struct td_capture *c, bool sent, const uint8_t *p, size_t len,
               const struct td_origin *origin)
{
    if (len > 1 && p[0] >= TD_HCI_COMMAND && p[0] <= TD_HCI_EVENT)
        td_hci_packet(c->hci, (enum td_hci_kind)p[0], sent, p + 1, len - 1, origin);
}

static void monitor(struct td_capture *c, unsigned opcode, const uint8_t *p, size_t len,
                    const struct td_origin *origin)
{
    switch (opcode) {
    case 2: td_hci_packet(c->hci, TD_HCI_COMMAND, true, p, len, origin); break;
    case 3: td_hci_packet(c->hci, TD_HCI_EVENT, false, p, len, origin); break;
    case 4: td_hci_packet(c->hci, TD_HCI_ACL, true, p, len, origin); break;
    case 5: td_hci_packet(c->hci, TD_HCI_ACL, false, p, len, origin); break;
    default: break;
    }
}

static void packet(struct td_capture *c, uint32_t link, uint32_t flags, const uint8_t *p,
                   size_t len, const struct td_origin *origin)
{
    bool sent = (flags & 1) == 0;

    switch (link) {
    case LINK_ETHERNET:
        if (len >= 14)
            ether_type(c, td_load_be16(p + 12), p + 14, len - 14, origin);
        break;
    case LINK_SLL:
        if (len >= 16)
            ether_type(c, td_load_be16(p + 14), p + 16, len - 16, origin);
        break;
    case LINK_SLL2:
        if (len >= 20)
            ether_type(c, td_load_be16(p), p + 20, len - 20, origin);
        break;
    case LINK_NULL:
    case LINK_LOOP:
        if (len >= 4)
            td_ip_packet(c->ip, p + 4, len - 4, origin);
        break;
    case LINK_RAW:
    case LINK_RAW_BSD:
    case LINK_IPV4:
    case LINK_IPV6: td_ip_packet(c->ip, p, len, origin); break;
    case LINK_HCI_H4:
    case SNOOP_H4: h4(c, sent, p, len, origin); break;
    case LINK_HCI_H4_PHDR:
        if (len >= 4)
            h4(c, td_load_be32(p) == 0, p + 4, len - 4, origin);
        break;
    case LINK_BT_MONITOR:
        if (len >= 4)
            monitor(c, td_load_be16(p + 2), p + 4, len - 4, origin);
        break;
    case SNOOP_MONITOR: monitor(c, flags & 0xffff, p, len, origin); break;
    case SNOOP_H1: // the flags tell what it is
        td_hci_packet(c->hci,
                      (flags & 2) == 0 ? TD_HCI_ACL
                      : sent           ? TD_HCI_COMMAND
                                       : TD_HCI_EVENT,
                      sent, p, len, origin);
        break;
    default: break;
    }
}

/* ---- records ------------------------------------------------------------------------- */

static struct td_origin origin_of(const struct td_capture *c, int64_t time_us)
{
    return (struct td_origin){ .at = { c->file, 0, c->offset }, .time_us = time_us };
}

/* btsnoop counts microseconds from the year 0; so many had gone by in 2000. */
#define SNOOP_2000 0x00e03ab44a676000ll
#define UNIX_2000  946684800000000ll

static void snoop_record(struct td_capture *c)
{
    const uint8_t *p = c->record;
    uint64_t stamp = td_load_be64(p + 16);
    struct td_origin origin =
        origin_of(c, stamp >> 60 != 0 ? TD_NO_TIME : (int64_t)stamp - SNOOP_2000 + UNIX_2000);

    packet(c, c->interface[0].link, td_load_be32(p + 8), p + 24, c->len - 24, &origin);
}

static void pcap_record(struct td_capture *c)
{
    const uint8_t *p = c->record;
    int64_t us = (int64_t)((uint64_t)u32(c, p + 4) * 1000000 / c->interface[0].ticks);
    struct td_origin origin = origin_of(c, (int64_t)u32(c, p) * 1000000 + us);

    packet(c, c->interface[0].link, 0, p + 16, c->len - 16, &origin);
}

/* Options of an interface: how fast its clock ticks, and from when. */
static void interface_options(struct td_capture *c, struct interface *i, const uint8_t *p,
                              size_t len)
{
    while (len >= 4) {
        uint16_t code = u16(c, p), n = u16(c, p + 2);
        size_t all = 4 + ((size_t)n + 3) / 4 * 4;

        if (code == 0 || all > len)
            return;
        if (code == 9 && n >= 1) {
            unsigned power = p[4] & 0x7f;

            if (p[4] & 0x80) {
                i->ticks = power < 40 ? 1ull << power : 1000000;
            } else {
                for (i->ticks = 1; power > 0 && i->ticks < 1000000000000ull; power--)
                    i->ticks *= 10;
            }
        } else if (code == 14 && n == 8) {
            i->offset = c->big
                            ? (int64_t)td_load_be64(p + 4)
                            : (int64_t)((uint64_t)td_load_le32(p + 8) << 32 | td_load_le32(p + 4));
            if (i->offset < 0 || i->offset > 1ll << 36)
                i->offset = 0;
        }
        p += all;
        len -= all;
    }
}

static void ng_interface(struct td_capture *c)
{
    struct interface *i;

    if (c->len < 20 || c->n_interfaces == INTERFACES)
        return;
    i = &c->interface[c->n_interfaces++];
    *i = (struct interface){ .link = u16(c, c->record + 8), .ticks = 1000000 };
    interface_options(c, i, c->record + 16, c->len - 20);
}

static int64_t ng_time(const struct interface *i, uint64_t stamp)
{
    uint64_t seconds = stamp / i->ticks, rest = stamp % i->ticks;

    if (seconds > 1ull << 36)
        return TD_NO_TIME;
    // rest is below ticks, which may be as large as 10^12
    rest = i->ticks > 1000000000ull ? rest / (i->ticks / 1000000) : rest * 1000000 / i->ticks;
    return ((int64_t)seconds + i->offset) * 1000000 + (int64_t)rest;
}

static void ng_packet(struct td_capture *c)
{
    const uint8_t *p = c->record;
    struct td_origin origin;
    const struct interface *i;
    uint32_t which, n;

    if (c->len < 32)
        return;
    which = u32(c, p + 8);
    n = u32(c, p + 20);
    if (which >= c->n_interfaces)
        return;
    i = &c->interface[which];
    if (n > c->len - 32)
        return;
    origin = origin_of(c, ng_time(i, (uint64_t)u32(c, p + 12) << 32 | u32(c, p + 16)));
    packet(c, i->link, 0, p + 28, n, &origin);
}

static void ng_simple(struct td_capture *c)
{
    struct td_origin origin = origin_of(c, TD_NO_TIME);
    uint32_t n = u32(c, c->record + 8);

    if (c->n_interfaces == 0)
        return;
    if (n > c->len - 16)
        n = (uint32_t)(c->len - 16);
    packet(c, c->interface[0].link, 0, c->record + 12, n, &origin);
}

static void ng_block(struct td_capture *c)
{
    switch (u32(c, c->record)) {
    case 0x0a0d0d0a: c->n_interfaces = 0; break;
    case 1: ng_interface(c); break;
    case 6: ng_packet(c); break;
    case 3:
        if (c->len >= 16)
            ng_simple(c);
        break;
    default: break;
    }
}

/* ---- from bytes to records ----------------------------------------------------------- */

static size_t head_size(const struct td_capture *c)
{
    if (!c->begun)
        return c->kind == NONE ? TD_CAPTURE_MAGIC : c->kind == BTSNOOP ? 16 : 24;
    return c->kind == BTSNOOP ? 24 : c->kind == PCAP ? 16 : 12;
}

/* The head of the file is whole. */
static void begin(struct td_capture *c)
{
    uint32_t magic = u32(c, c->record);

    c->begun = true;
    c->interface[0].ticks = c->kind == PCAP && magic == 0xa1b23c4d ? 1000000000 : 1000000;
    c->interface[0].link =
        c->kind == BTSNOOP ? td_load_be32(c->record + 12) : u32(c, c->record + 20) & 0xffff;
    c->n_interfaces = 1;
    c->len = 0;
}

/* The head of a record is whole: how long it is. 0: the file is damaged from here on. */
static uint64_t record_size(struct td_capture *c)
{
    const uint8_t *p = c->record;
    uint32_t n;

    if (c->kind == BTSNOOP)
        return 24 + (uint64_t)td_load_be32(p + 4);
    if (c->kind == PCAP)
        return 16 + (uint64_t)u32(c, p + 8);
    // A section's head says in which order its bytes are.
    if (td_load_be32(p) == 0x0a0d0d0a)
        c->big = td_load_be32(p + 8) == 0x1a2b3c4d;
    n = u32(c, p + 4);
    return n >= 12 && n % 4 == 0 ? n : 0;
}

static void whole(struct td_capture *c)
{
    switch (c->kind) {
    case BTSNOOP: snoop_record(c); break;
    case PCAP: pcap_record(c); break;
    case PCAPNG: ng_block(c); break;
    case NONE: break;
    }
    c->offset += c->len;
    c->len = 0;
    c->want = 0;
}

static void head(struct td_capture *c)
{
    uint64_t size;

    if (!c->begun) {
        if (c->kind == NONE) {
            c->kind = kind_of(c->record, &c->big);
            c->begun = c->kind == PCAPNG; // its first block is one like the others
            return;
        }
        c->offset = c->len;
        begin(c);
        return;
    }
    size = record_size(c);
    if (size == 0 || size > RECORD_MAX) {
        c->skip = size == 0 ? UINT64_MAX : size - c->len;
        c->offset += size;
        c->len = 0;
        return;
    }
    c->want = (size_t)size;
    if (c->len == c->want)
        whole(c);
}

void td_capture_feed(struct td_capture *c, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t want, n;

        if (c->skip > 0) {
            n = c->skip < len ? (size_t)c->skip : len;
            c->skip -= n;
            bytes += n;
            len -= n;
            continue;
        }
        want = c->want > 0 ? c->want : head_size(c);
        n = want - c->len < len ? want - c->len : len;
        memcpy(c->record + c->len, bytes, n);
        c->len += n;
        bytes += n;
        len -= n;
        if (c->len < want)
            return;
        if (c->want > 0)
            whole(c);
        else
            head(c);
    }
}
