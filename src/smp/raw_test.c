#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "base/range.h"
#include "smp/header.h"
#include "smp/raw.h"

/*
 * The frames on the right are smpclient 7.3.0's (cobs_encode of packet and CRC, then 00). Ours are
 * the same behind a 00 of their own.
 */
static const struct {
    const char *packet, *frame;
} vectors[] = {
    { "0a00000600004200a16164626869", "020a01020601024209a161646268699b0a00" },
    { "000000010000ff06a0", "01010102010106ff06a0958f00" },
    { "00", "0101010100" },
    { "00000000", "0101010101010100" },
};

/* A packet of n ones, and how smpclient's frame of it ends. */
static const struct {
    size_t n;
    const char *end;
} long_ones[] = {
    { 251, "0101cb7800" }, { 252, "0101020600" }, { 253, "0116022100" },
    { 254, "010343d600" }, { 255, "0401be8600" }, { 256, "0101d03400" },
};

static size_t frame_of(const uint8_t *packet, size_t len, uint8_t *frame, size_t piece)
{
    struct td_cobs_out out;
    size_t n = 0, got;

    assert_int_equal(td_cobs_out_begin(&out, packet, len), TD_OK);
    while ((got = td_cobs_out_bytes(&out, frame + n, piece)) > 0)
        n += got;
    assert_true(n <= td_cobs_size_max(len));
    return n;
}

static enum td_raw_event hear(struct td_cobs_in *in, const uint8_t *bytes, size_t len)
{
    enum td_raw_event event = TD_RAW_NOTHING;

    for (size_t i = 0; i < len; i++) {
        event = td_cobs_in_byte(in, bytes[i]);
        assert_true(event == TD_RAW_NOTHING || i == len - 1);
    }
    return event;
}

static void cobs_frames_are_smpclient_s_byte_for_byte(void **state)
{
    uint8_t packet[512], want[64], frame[600], buf[512];
    struct td_cobs_in in;

    (void)state;
    td_cobs_in_init(&in, buf, sizeof buf);
    for (size_t i = 0; i < TD_N_OF(vectors); i++) {
        size_t len = from_hex(vectors[i].packet, packet), n = from_hex(vectors[i].frame, want);

        assert_int_equal(frame_of(packet, len, frame, 3), n + 1);
        assert_int_equal(frame[0], 0);
        assert_memory_equal(frame + 1, want, n);
        assert_int_equal(hear(&in, frame, n + 1), TD_RAW_PACKET);
        assert_int_equal(in.len, len);
        assert_memory_equal(buf, packet, len);
    }
    memset(packet, 1, sizeof packet);
    for (size_t i = 0; i < TD_N_OF(long_ones); i++) {
        size_t n = frame_of(packet, long_ones[i].n, frame, sizeof frame);

        assert_int_equal(from_hex(long_ones[i].end, want), 5);
        assert_memory_equal(frame + n - 5, want, 5);
        assert_int_equal(hear(&in, frame, n), TD_RAW_PACKET);
        assert_int_equal(in.len, long_ones[i].n);
    }
}

static void a_damaged_cobs_frame_is_dropped_and_the_next_one_heard(void **state)
{
    static const struct {
        const char *says, *bytes;
        enum td_raw_event want;
    } rows[] = {
        { "empty", "00", TD_RAW_NOTHING },
        { "a wrong CRC", "020a01020601024209a161646268699b0b00", TD_RAW_DROPPED },
        { "cut short", "020a01020601024209a161646200", TD_RAW_DROPPED },
        { "in the middle of a block", "0511223300", TD_RAW_DROPPED },
        { "nothing but a CRC", "010100", TD_RAW_DROPPED },
        { "less than a CRC", "0100", TD_RAW_DROPPED },
    };
    uint8_t bytes[64], buf[16];
    struct td_cobs_in in;

    (void)state;
    td_cobs_in_init(&in, buf, sizeof buf);
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (hear(&in, bytes, from_hex(rows[i].bytes, bytes)) != rows[i].want)
            fail_msg("%s", rows[i].says);
        assert_int_equal(hear(&in, bytes, from_hex(vectors[0].frame, bytes)), TD_RAW_PACKET);
    }
    memset(bytes, 1, sizeof bytes); // more than fits
    bytes[0] = 60;
    bytes[60] = 0;
    assert_int_equal(hear(&in, bytes, 61), TD_RAW_DROPPED);
    assert_int_equal(hear(&in, bytes, from_hex(vectors[0].frame, bytes)), TD_RAW_PACKET);
}

static void a_raw_packet_ends_where_its_header_says(void **state)
{
    uint8_t bytes[32], buf[20];
    size_t n = from_hex("0a00000600004200a16164626869 0200000000000105", bytes);
    struct td_raw_in in;

    (void)state;
    td_raw_in_init(&in, buf, sizeof buf);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(td_raw_in_byte(&in, bytes[i]),
                         i == 13 || i == n - 1 ? TD_RAW_PACKET : TD_RAW_NOTHING);
    assert_int_equal(in.len, 8);
    assert_false(td_raw_in_waits(&in));
}

static void raw_noise_is_dropped_and_what_is_too_large_is_swallowed(void **state)
{
    uint8_t bytes[64], buf[20];
    struct td_raw_in in;

    (void)state;
    td_raw_in_init(&in, buf, sizeof buf);
    for (const char *c = "I: go"; *c != '\0'; c++)
        assert_int_equal(td_raw_in_byte(&in, (uint8_t)*c), TD_RAW_DROPPED);
    from_hex("0a00000d00004200", bytes);
    memset(bytes + 8, 0x0a, 13);
    for (size_t i = 0; i < 21; i++)
        assert_int_equal(td_raw_in_byte(&in, bytes[i]), i == 7 ? TD_RAW_DROPPED : TD_RAW_NOTHING);
    assert_false(td_raw_in_waits(&in));
    assert_int_equal(td_raw_in_byte(&in, 0x0a), TD_RAW_NOTHING);
    assert_true(td_raw_in_waits(&in));
    td_raw_in_forget(&in);
    assert_false(td_raw_in_waits(&in));
}

/* ---- noise: how many packets each kind of damage costs ---------------------------------- */

enum { N_PACKETS = 5, HIT = 2, PAYLOAD = 40, LEN = 8 + PAYLOAD };
enum { TURN = 1, LOSE, ADD, LOSE_TAIL, LOSE_ALL, NOISE };

struct damage {
    const char *says;
    int what;
    size_t at; /* byte of the frame */
    uint8_t bit;
    unsigned lost;       /* packets that do not come, with silence behind each */
    unsigned lost_tight; /* raw, with none: what follows is swallowed until there is some */
    bool spoilt;         /* the packet comes, and is not what was sent */
};

static size_t spoil(uint8_t *bytes, size_t n, const struct damage *d)
{
    switch (d->what) {
    case TURN: bytes[d->at] ^= d->bit; return n;
    case LOSE: memmove(bytes + d->at, bytes + d->at + 1, n - d->at - 1); return n - 1;
    case ADD:
        memmove(bytes + d->at + 1, bytes + d->at, n - d->at);
        bytes[d->at] = 0x55;
        return n + 1;
    case LOSE_TAIL: return d->at;
    case NOISE:
        memmove(bytes + 6, bytes, n);
        memcpy(bytes, "\xff\x55I: w", 6);
        return n + 6;
    default: return 0;
    }
}

/* Packets of one letter each: 'A' to 'E'. */
static void packet_of(unsigned i, uint8_t packet[LEN])
{
    static const uint8_t header[8] = { 0x0a, 0, 0, PAYLOAD, 0, 1, 0, 1 };

    memcpy(packet, header, sizeof header);
    memset(packet + 8, (int)('A' + i), PAYLOAD);
}

struct got {
    bool whole[N_PACKETS];
    unsigned spoilt;
};

static void took(struct got *got, const uint8_t *buf, size_t len)
{
    uint8_t want[LEN];

    for (unsigned i = 0; i < N_PACKETS; i++) {
        packet_of(i, want);
        if (len == LEN && memcmp(buf, want, LEN) == 0) {
            got->whole[i] = true;
            return;
        }
    }
    got->spoilt++;
}

static unsigned lost_of(const struct got *got)
{
    unsigned lost = 0;

    for (unsigned i = 0; i < N_PACKETS; i++)
        lost += !got->whole[i];
    return lost;
}

static void a_damaged_cobs_frame_costs_one_packet_whatever_was_hit(void **state)
{
    static const struct damage rows[] = {
        { "nothing", TURN, 0, 0, 0, 0, false },
        { "the zero in front", TURN, 0, 0x40, 1, 1, false },
        { "the zero in front is lost", LOSE, 0, 0, 0, 0, false },
        { "a code", TURN, 1, 0x01, 1, 1, false },
        { "a code that becomes a zero", TURN, 1, 0x02, 1, 1, false },
        { "a byte", TURN, 20, 0x10, 1, 1, false },
        { "a byte that becomes a zero", TURN, 20, 'C', 1, 1, false },
        { "a byte is lost", LOSE, 20, 0, 1, 1, false },
        { "a byte too many", ADD, 20, 0, 1, 1, false },
        { "the zero behind", TURN, LEN + 4, 0x80, 1, 1, false },
        { "the zero behind is lost", LOSE, LEN + 4, 0, 0, 0, false },
        { "half is lost", LOSE_TAIL, 20, 0, 1, 1, false },
        { "all is lost", LOSE_ALL, 0, 0, 1, 1, false },
        { "noise in front", NOISE, 0, 0, 0, 0, false },
    };

    (void)state;
    for (size_t r = 0; r < TD_N_OF(rows); r++) {
        uint8_t packet[LEN], frame[2 * LEN], buf[LEN];
        struct got got = { 0 };
        struct td_cobs_in in;

        td_cobs_in_init(&in, buf, sizeof buf);
        for (unsigned i = 0; i < N_PACKETS; i++) {
            size_t n;

            packet_of(i, packet);
            n = frame_of(packet, LEN, frame, sizeof frame);
            assert_int_equal(n, LEN + 5);
            if (i == HIT)
                n = spoil(frame, n, &rows[r]);
            for (size_t k = 0; k < n; k++)
                if (td_cobs_in_byte(&in, frame[k]) == TD_RAW_PACKET)
                    took(&got, buf, in.len);
        }
        if (lost_of(&got) != rows[r].lost || got.spoilt > 0)
            fail_msg("%s: %u lost, %u spoilt", rows[r].says, lost_of(&got), got.spoilt);
    }
}

/* Raw framing has no checksum and no marker: what it cannot see is told here as well. */
static void a_damaged_raw_packet_costs_itself_alone_where_silence_follows(void **state)
{
    static const struct damage rows[] = {
        { "nothing", TURN, 0, 0, 0, 0, false },
        { "a reserved bit of its first byte", TURN, 0, 0x80, 1, 3, false },
        { "a bit of the payload", TURN, 20, 0x10, 1, 1, true },
        { "a length that is larger", TURN, 3, 0x01, 1, 3, false },
        { "a length that is smaller", TURN, 3, 0x08, 1, 1, true },
        { "a length beyond the buffer", TURN, 2, 0x10, 1, 3, false },
        { "a byte is lost", LOSE, 20, 0, 1, 3, false },
        { "a byte too many", ADD, 20, 0, 1, 1, true },
        { "half is lost", LOSE_TAIL, 20, 0, 1, 2, false },
        { "all is lost", LOSE_ALL, 0, 0, 1, 1, false },
        { "noise in front", NOISE, 0, 0, 0, 0, false },
    };

    (void)state;
    for (size_t r = 0; r < 2 * TD_N_OF(rows); r++) {
        const struct damage *d = &rows[r / 2];
        bool tight = r % 2 == 1;
        uint8_t frame[LEN + 8], buf[LEN + 8];
        struct got got = { 0 };
        struct td_raw_in in;

        td_raw_in_init(&in, buf, sizeof buf);
        for (unsigned i = 0; i < N_PACKETS; i++) {
            size_t n = LEN;

            packet_of(i, frame);
            if (i == HIT)
                n = spoil(frame, n, d);
            for (size_t k = 0; k < n; k++)
                if (td_raw_in_byte(&in, frame[k]) == TD_RAW_PACKET)
                    took(&got, buf, in.len);
            if (!tight)
                td_raw_in_forget(&in); // its owner does so after some silence
        }
        if (lost_of(&got) != (tight ? d->lost_tight : d->lost) ||
            (!tight && (got.spoilt > 0) != d->spoilt))
            fail_msg("%s, %s: %u lost, %u spoilt", d->says, tight ? "no silence" : "silence",
                     lost_of(&got), got.spoilt);
    }
}

static void who_asks_hears_answers_and_not_the_echo_of_requests(void **state)
{
    uint8_t frame[LEN], buf[LEN];
    struct td_raw_in in;
    unsigned packets = 0;

    (void)state;
    for (unsigned op = 0; op < 4; op++) {
        packets = 0;
        td_raw_in_init(&in, buf, sizeof buf);
        in.answers = true;
        packet_of(0, frame);
        frame[0] = (uint8_t)(0x08 | op);
        for (size_t k = 0; k < LEN; k++)
            packets += td_raw_in_byte(&in, frame[k]) == TD_RAW_PACKET;
        assert_int_equal(packets, op == TD_SMP_READ_RSP || op == TD_SMP_WRITE_RSP);
    }
}

/* As of the console: CVE-2026-10648 is about packets that begin and never end. */
static void a_flood_of_beginnings_exhausts_nothing(void **state)
{
    uint8_t frame[2 * LEN], packet[LEN], buf[LEN + 16];
    struct td_cobs_in cobs;
    struct td_raw_in raw;
    struct got got = { 0 };
    size_t n;

    (void)state;
    memset(buf, 0xa5, sizeof buf);
    td_cobs_in_init(&cobs, buf, LEN);
    td_raw_in_init(&raw, buf, LEN);
    packet_of(0, packet);
    n = frame_of(packet, LEN, frame, sizeof frame);
    for (unsigned i = 0; i < 100000; i++)
        for (size_t k = 0; k < n / 2; k++) {
            assert_int_not_equal(td_cobs_in_byte(&cobs, frame[k]), TD_RAW_PACKET);
            if (k < 3)
                (void)td_raw_in_byte(&raw, packet[k]);
        }
    (void)td_cobs_in_byte(&cobs, 0);
    for (size_t k = 0; k < n; k++)
        if (td_cobs_in_byte(&cobs, frame[k]) == TD_RAW_PACKET)
            took(&got, buf, cobs.len);
    assert_true(got.whole[0] && got.spoilt == 0);
    got = (struct got){ 0 };
    td_raw_in_forget(&raw);
    for (size_t k = 0; k < LEN; k++)
        if (td_raw_in_byte(&raw, packet[k]) == TD_RAW_PACKET)
            took(&got, buf, raw.len);
    assert_true(got.whole[0] && got.spoilt == 0);
    for (size_t k = LEN; k < sizeof buf; k++)
        assert_int_equal(buf[k], 0xa5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cobs_frames_are_smpclient_s_byte_for_byte),
        cmocka_unit_test(a_damaged_cobs_frame_is_dropped_and_the_next_one_heard),
        cmocka_unit_test(a_raw_packet_ends_where_its_header_says),
        cmocka_unit_test(a_damaged_cobs_frame_costs_one_packet_whatever_was_hit),
        cmocka_unit_test(a_damaged_raw_packet_costs_itself_alone_where_silence_follows),
        cmocka_unit_test(who_asks_hears_answers_and_not_the_echo_of_requests),
        cmocka_unit_test(a_flood_of_beginnings_exhausts_nothing),
        cmocka_unit_test(raw_noise_is_dropped_and_what_is_too_large_is_swallowed),
    };

    return cmocka_run_group_tests_name("smp/raw", tests, NULL, NULL);
}
