/*
 * doctor/capture_test.c - the same conversation in every form of capture gives the same events.
 *
 * Files that other programs wrote are read in tests/interop; here are the corners.
 */
#include "doctor/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hex_test.h"
#include "doctor/hci.h"
#include "doctor/reader.h"

/* ---- what comes out ------------------------------------------------------------------ */

struct seen {
    struct td_event_sink sink;
    char text[4096];
    size_t len;
};

static void say(struct seen *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct seen *s, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    s->len += (size_t)vsnprintf(s->text + s->len, sizeof s->text - s->len, format, list);
    va_end(list);
    assert_true(s->len < sizeof s->text);
}

static void take(struct td_event_sink *sink, const struct td_event *event)
{
    struct seen *s = (struct seen *)sink;
    const struct td_link_event *link = &event->u.link;
    const struct td_message *m = &event->u.message;

    assert_int_equal(event->at.line, 0);
    if (event->kind == TD_EVENT_MESSAGE) {
        say(s, "%s%u.%u.%u%s ",
            m->dir == TD_TO_DEVICE     ? ">"
            : m->dir == TD_FROM_DEVICE ? "<"
                                       : "?",
            m->hdr.group, m->hdr.id, m->hdr.seq, m->cut ? "cut" : "");
    } else if (event->kind == TD_EVENT_GARBAGE) {
        say(s, "garbage ");
    } else {
        switch (link->what) {
        case TD_LINK_UP: say(s, "up "); break;
        case TD_LINK_DOWN: say(s, "down%d ", link->status); break;
        case TD_LINK_MTU: say(s, "mtu%u ", link->value); break;
        case TD_LINK_PARAMS:
            say(s, "params%u/%u/%u ", link->interval_us, link->latency, link->timeout_ms);
            break;
        }
    }
    if (event->time_us != TD_NO_TIME)
        say(s, "@%lld ", (long long)(event->time_us / 1000000));
}

static void check_events(const char *says, const uint8_t *bytes, size_t len, const char *want)
{
    static const size_t steps[] = { 1, 13, 100000 };

    for (size_t k = 0; k < 3; k++) {
        struct seen s = { .sink = { take } };
        struct td_reader *reader = td_reader_new(0, &s.sink);

        assert_non_null(reader);
        for (size_t at = 0; at < len; at += steps[k])
            td_reader_feed(reader, bytes + at, len - at < steps[k] ? len - at : steps[k]);
        td_reader_end(reader);
        if (strcmp(s.text, want) != 0)
            print_error("%s\n got: %s\nwant: %s\n", says, s.text, want);
        assert_string_equal(s.text, want);
    }
}

/* ---- records ------------------------------------------------------------------------- */

/* H4 packets of a conversation, the direction in front: s from the host, r from the controller. */
static const char *const smp_session[] = {
    // LE connection complete: handle 0x40, interval 9, latency 0, time-out 42
    "r 04 3e 13 01 00 40 00 00 00 01 02 03 04 05 06 09 00 00 00 2a 00 00",
    // MTU: 517 asked, 247 answered
    "s 02 40 00 07 00 03 00 04 00 02 05 02",
    "r 02 40 20 07 00 03 00 04 00 03 f7 00",
    // the characteristic's declaration: value handle 0x0012
    "r 02 40 20 1b 00 17 00 04 00 09 15 11 00 14 12 00 48 7c 99 74 11 26 9e ae 01 4e ce fb 28 78 "
    "2e da",
    // another characteristic's value: no SMP
    "r 02 40 20 08 00 04 00 04 00 1b 05 00 64",
    // echo, as write command; the answer's notification in two ACL fragments
    "s 02 40 00 15 00 11 00 04 00 52 12 00 0a 00 00 06 00 00 42 00 a1 61 64 62 68 69",
    "r 02 40 20 10 00 12 00 04 00 1b 12 00 0b 00 00 07 00 00 42 00 bf",
    "r 02 40 10 06 00 61 72 62 68 69 ff",
    // an answer in two notifications
    "r 02 40 20 10 00 0c 00 04 00 1b 12 00 03 00 00 06 00 3f 01 00 bf",
    "r 02 40 20 0c 00 08 00 04 00 1b 12 00 62 72 63 08 ff",
    // disconnected, reason 8
    "r 04 05 04 00 40 00 08",
    NULL,
};

/* A headset beside the device: nothing of it is told. */
static const char *const other_session[] = {
    "r 04 3e 13 01 00 41 00 00 00 01 02 03 04 05 06 09 00 00 00 2a 00 00",
    "s 02 41 00 08 00 04 00 04 00 52 05 00 01",
    "r 04 05 04 00 41 00 13",
    NULL,
};

/* The capture was begun in the middle of a connection. */
static const char *const late[] = {
    "s 02 40 00 15 00 11 00 04 00 52 12 00 0a 00 00 06 00 00 42 00 a1 61 64 62 68 69",
    "r 02 40 20 08 00 04 00 04 00 1b 05 00 64",
    "r 04 05 04 00 40 00 13",
    NULL,
};

#define SMP_EVENTS                                                                                 \
    "up @1000 params11250/0/420 @1000 mtu247 @1002 >0.0.66 @1005 <0.0.66 @1007 <63.0.1 @1009 "     \
    "down8 @1010 "

struct file {
    uint8_t b[8192];
    size_t n;
};

static void put(struct file *f, const void *bytes, size_t len)
{
    assert_true(f->n + len <= sizeof f->b);
    memcpy(f->b + f->n, bytes, len);
    f->n += len;
}

static void put_be32(struct file *f, uint32_t v)
{
    uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

    put(f, b, 4);
}

static void put_le32(struct file *f, uint32_t v)
{
    uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

    put(f, b, 4);
}

enum form { SNOOP_H4, SNOOP_H1, SNOOP_MONITOR, PCAP_H4_PHDR, PCAP_BIG_NANO, PCAP_MONITOR, PCAPNG };

static void put_snoop(struct file *f, enum form form, bool sent, const uint8_t *p, size_t len,
                      uint32_t second)
{
    uint64_t us = 0x00e03ab44a676000ull + (uint64_t)second * 1000000 - 946684800000000ull;
    uint32_t flags = (sent ? 0 : 1) | (p[0] != TD_HCI_ACL ? 2 : 0);
    size_t type = form == SNOOP_H4 ? 0 : 1; // the others leave the type out

    if (form == SNOOP_MONITOR)
        flags = p[0] == TD_HCI_EVENT ? 3 : sent ? 4 : 5;
    put_be32(f, (uint32_t)(len - type));
    put_be32(f, (uint32_t)(len - type));
    put_be32(f, flags);
    put_be32(f, 0);
    put_be32(f, (uint32_t)(us >> 32));
    put_be32(f, (uint32_t)us);
    put(f, p + type, len - type);
}

static void put_pcap(struct file *f, enum form form, bool sent, const uint8_t *p, size_t len,
                     uint32_t second)
{
    bool big = form == PCAP_BIG_NANO;
    void (*put32)(struct file *, uint32_t) = big ? put_be32 : put_le32;
    size_t type = form == PCAP_MONITOR ? 1 : 0;

    put32(f, second);
    put32(f, 7);
    put32(f, (uint32_t)(len - type) + 4);
    put32(f, (uint32_t)(len - type) + 4);
    put_be32(f, form != PCAP_MONITOR ? (sent ? 0 : 1) : p[0] == TD_HCI_EVENT ? 3 : sent ? 4 : 5);
    put(f, p + type, len - type);
}

static void put_ng(struct file *f, bool sent, const uint8_t *p, size_t len, uint32_t second)
{
    static const uint8_t padding[4];
    uint64_t ms = (uint64_t)second * 1000;
    uint32_t all = (uint32_t)(32 + (len + 4 + 3) / 4 * 4);

    put_le32(f, 6);
    put_le32(f, all);
    put_le32(f, 0);
    put_le32(f, (uint32_t)(ms >> 32));
    put_le32(f, (uint32_t)ms);
    put_le32(f, (uint32_t)len + 4);
    put_le32(f, (uint32_t)len + 4);
    put_be32(f, sent ? 0 : 1);
    put(f, p, len);
    put(f, padding, all - 32 - 4 - len);
    put_le32(f, all);
}

static void put_head(struct file *f, enum form form)
{
    // a section, and an interface whose clock ticks milliseconds
    static const char ng[] = "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000"
                             "01000000 1c000000 c9000000 00000400 09000100 03000000 1c000000";

    f->n = 0;
    switch (form) {
    case SNOOP_H4:
    case SNOOP_H1:
    case SNOOP_MONITOR:
        put(f, "btsnoop", 8);
        put_be32(f, 1);
        put_be32(f, form == SNOOP_H4 ? 1002 : form == SNOOP_H1 ? 1001 : 2001);
        break;
    case PCAP_H4_PHDR:
    case PCAP_MONITOR:
        put_le32(f, 0xa1b2c3d4);
        put(f, "\2\0\4\0\0\0\0\0\0\0\0\0\0\0\1\0", 16);
        put_le32(f, form == PCAP_MONITOR ? 254 : 201);
        break;
    case PCAP_BIG_NANO:
        put_be32(f, 0xa1b23c4d);
        put(f, "\0\2\0\4\0\0\0\0\0\0\0\0\0\1\0\0", 16);
        put_be32(f, 201);
        break;
    case PCAPNG: f->n = from_hex(ng, f->b); break;
    }
}

static void put_session(struct file *f, enum form form, const char *const *session)
{
    for (uint32_t i = 0; session[i]; i++) {
        bool sent = session[i][0] == 's';
        uint8_t p[64];
        size_t len = from_hex(session[i] + 2, p);

        if (form <= SNOOP_MONITOR)
            put_snoop(f, form, sent, p, len, 1000 + i);
        else if (form == PCAPNG)
            put_ng(f, sent, p, len, 1000 + i);
        else
            put_pcap(f, form, sent, p, len, 1000 + i);
    }
}

static void a_conversation_is_the_same_in_every_capture_of_hci(void **state)
{
    static const char *const says[] = { "btsnoop, H4", "btsnoop, H1", "btsnoop, monitor",
                                        "pcap, H4",    "pcap, ns",    "pcap, monitor",
                                        "pcapng" };
    struct file f;

    (void)state;
    for (enum form form = SNOOP_H4; form <= PCAPNG; form++) {
        put_head(&f, form);
        put_session(&f, form, smp_session);
        check_events(says[form], f.b, f.n, SMP_EVENTS);
    }
}

static void a_connection_without_smp_leaves_no_event(void **state)
{
    struct file f;

    (void)state;
    put_head(&f, SNOOP_H4);
    put_session(&f, SNOOP_H4, other_session);
    put_session(&f, SNOOP_H4, smp_session);
    check_events("beside another", f.b, f.n, SMP_EVENTS);
}

static void a_capture_that_began_late_finds_smp_by_its_frames(void **state)
{
    struct file f;

    (void)state;
    put_head(&f, SNOOP_H4);
    put_session(&f, SNOOP_H4, late);
    check_events("late", f.b, f.n, ">0.0.66 @1000 down19 @1002 ");
}

static void a_capture_that_ends_anywhere_gives_what_was_whole(void **state)
{
    struct file f;

    (void)state;
    for (enum form form = SNOOP_H4; form <= PCAPNG; form++) {
        size_t all;

        put_head(&f, form);
        put_session(&f, form, smp_session);
        all = f.n;
        for (size_t n = 8; n < all; n++) {
            struct seen s = { .sink = { take } };
            struct td_reader *reader = td_reader_new(0, &s.sink);

            td_reader_feed(reader, f.b, n);
            td_reader_end(reader);
            // of a message that lies in two pieces, the first is told as cut
            assert_true(strncmp(s.text, SMP_EVENTS, s.len) == 0 || strstr(s.text, "cut") != NULL);
        }
    }
}

/* ---- IP ------------------------------------------------------------------------------ */

/* Echo over UDP, IPv4: the request from port 40000 to 1337, and its answer. */
#define UDP4_REQ                                                                                   \
    "4500002a 00000000 4011 0000 c0000201 c0000202 9c40 0539 0016 0000 0a000006 00004200 "         \
    "a1616462 68"                                                                                  \
    "69 0000"
#define UDP4_RSP                                                                                   \
    "4500002b 00000000 4011 0000 c0000202 c0000201 0539 9c40 0017 0000 0b000007 00004200 "         \
    "bf617262 68"                                                                                  \
    "69 ff 00"
#define UDP6_REQ                                                                                   \
    "60000000 0016 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 9c40 "  \
    "0539 "                                                                                        \
    "0016 0000 0a000006 00004200 a1616462 6869"

static const struct {
    const char *says;
    uint32_t link;
    const char *head; /* in front of the IP packet */
    const char *request, *answer;
    const char *want;
} ip_rows[] = {
    { "Ethernet", 1, "020000000001 020000000002 0800", UDP4_REQ, UDP4_RSP,
      ">0.0.66 @9 <0.0.66 @9 " },
    { "Ethernet with a VLAN", 1, "020000000001 020000000002 8100 0007 0800", UDP4_REQ, UDP4_RSP,
      ">0.0.66 @9 <0.0.66 @9 " },
    { "cooked", 113, "0000 0304 0006 000000000000 0000 0800", UDP4_REQ, UDP4_RSP,
      ">0.0.66 @9 <0.0.66 @9 " },
    { "cooked, version 2", 276, "0800 0000 00000001 0304 00 06 0000000000000000", UDP4_REQ,
      UDP4_RSP, ">0.0.66 @9 <0.0.66 @9 " },
    { "BSD's loopback", 0, "02000000", UDP4_REQ, UDP4_RSP, ">0.0.66 @9 <0.0.66 @9 " },
    { "raw", 101, "", UDP4_REQ, UDP4_RSP, ">0.0.66 @9 <0.0.66 @9 " },
    { "IPv6", 101, "", UDP6_REQ, UDP6_REQ, ">0.0.66 @9 >0.0.66 @9 " },
    { "a second fragment", 101, "",
      "4500002a 00000080 4011 0000 c0000201 c0000202 9c400539 00160000 0a000006 00004200 a161 6462 "
      "6869",
      UDP4_RSP, "<0.0.66 @9 " },
    { "something else on the port", 101, "",
      "45000020 00000000 4011 0000 c0000201 c0000202 9c40 0539 000c 0000 ffffffff", UDP4_RSP,
      "garbage @9 <0.0.66 @9 " },
    { "a link of another kind", 105, "", UDP4_REQ, UDP4_RSP, "" },
};

static void put_ip(struct file *f, const char *head, const char *packet)
{
    uint8_t p[256];
    size_t n = from_hex(head, p);

    n += from_hex(packet, p + n);
    put_le32(f, 9);
    put_le32(f, 0);
    put_le32(f, (uint32_t)n);
    put_le32(f, (uint32_t)n);
    put(f, p, n);
}

static void datagrams_are_found_behind_every_link_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ip_rows / sizeof ip_rows[0]; i++) {
        struct file f;

        put_head(&f, PCAP_H4_PHDR);
        f.b[20] = (uint8_t)ip_rows[i].link;
        f.b[21] = (uint8_t)(ip_rows[i].link >> 8);
        put_ip(&f, ip_rows[i].head, ip_rows[i].request);
        put_ip(&f, ip_rows[i].head, ip_rows[i].answer);
        check_events(ip_rows[i].says, f.b, f.n, ip_rows[i].want);
    }
}

/* TCP, port 5000: a console frame in two segments, the first of which was sent twice. */
#define TCP_HEAD(total, seq)                                                                       \
    "4500" total "00000000 4006 0000 c0000201 c0000202 9c40 1388" seq "00000000 5018 0000 0000 "   \
    "0000"

static void console_frames_are_read_from_a_stream_that_repeats(void **state)
{
    struct file f;

    (void)state;
    put_head(&f, PCAP_H4_PHDR);
    f.b[20] = 101;
    put_ip(&f, TCP_HEAD("0033", "00000064"), "0609 41 42 41 4b 41 41 41 47 41");
    put_ip(&f, TCP_HEAD("0033", "00000064"), "0609 41 42 41 4b 41 41 41 47 41");
    put_ip(&f, TCP_HEAD("0038", "0000006f"), "41 42 43 41 4b 46 68 5a 47 4a 6f 61 5a 73 4b 0a");
    check_events("TCP", f.b, f.n, ">0.0.66 @9 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_is_the_same_in_every_capture_of_hci),
        cmocka_unit_test(a_connection_without_smp_leaves_no_event),
        cmocka_unit_test(a_capture_that_began_late_finds_smp_by_its_frames),
        cmocka_unit_test(a_capture_that_ends_anywhere_gives_what_was_whole),
        cmocka_unit_test(datagrams_are_found_behind_every_link_header),
        cmocka_unit_test(console_frames_are_read_from_a_stream_that_repeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
