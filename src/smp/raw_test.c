#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "base/range.h"
#include "smp/raw.h"

/* The frames on the right are smpclient 7.3.0's (cobs_encode of packet and CRC, then 00). */
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

        assert_int_equal(frame_of(packet, len, frame, 3), n);
        assert_memory_equal(frame, want, n);
        assert_int_equal(hear(&in, frame, n), TD_RAW_PACKET);
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cobs_frames_are_smpclient_s_byte_for_byte),
        cmocka_unit_test(a_damaged_cobs_frame_is_dropped_and_the_next_one_heard),
        cmocka_unit_test(a_raw_packet_ends_where_its_header_says),
        cmocka_unit_test(raw_noise_is_dropped_and_what_is_too_large_is_swallowed),
    };

    return cmocka_run_group_tests_name("smp/raw", tests, NULL, NULL);
}
