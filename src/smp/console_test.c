#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "smp/console.h"

struct vector {
    const char *base64;
    uint8_t packet[32];
    size_t len;
};

/* From other people's programs, not from our own writer. */
static const struct vector vectors[] = {
    { "ABAKAAAGAABCAKFhZGJoaZsK",
      { 0x0a, 0, 0, 6, 0, 0, 0x42, 0, 0xa1, 0x61, 0x64, 0x62, 0x68, 0x69 },
      14 },
    { "AAsAAAABAAD/BqCVjw==", { 0, 0, 0, 1, 0, 0, 0xff, 6, 0xa0 }, 9 },
    { "AAsIAAABAAEAAKCvAQ==", { 8, 0, 0, 1, 0, 1, 0, 0, 0xa0 }, 9 },
    { "ABADAAAGAD8BAL9icmMI/85d",
      { 3, 0, 0, 6, 0, 0x3f, 1, 0, 0xbf, 0x62, 0x72, 0x63, 8, 0xff },
      14 },
};

static void known_packets_become_known_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < TD_N_OF(vectors); i++) {
        struct td_console_out out;
        uint8_t line[TD_CONSOLE_LINE_MAX];
        size_t n, want = strlen(vectors[i].base64);

        assert_int_equal(td_console_out_begin(&out, vectors[i].packet, vectors[i].len, sizeof line),
                         TD_OK);
        n = td_console_out_line(&out, line);
        assert_int_equal(n, want + 3);
        assert_memory_equal(line, "\x06\x09", 2);
        assert_memory_equal(line + 2, vectors[i].base64, want);
        assert_int_equal(line[n - 1], '\n');
        assert_int_equal(td_console_out_line(&out, line), 0);
    }
}

/* Feeds bytes and counts what came of them; keeps the last packet in in->buf. */
struct heard {
    unsigned packets, dropped;
    size_t n_text;
    char text[64];
};

static void feed(struct td_console_in *in, const void *bytes, size_t len, struct heard *heard)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = ((const uint8_t *)bytes)[i];

        switch (td_console_in_byte(in, c)) {
        case TD_CONSOLE_NOTHING: break;
        case TD_CONSOLE_PACKET: heard->packets++; break;
        case TD_CONSOLE_DROPPED: heard->dropped++; break;
        case TD_CONSOLE_TEXT:
            if (heard->n_text < sizeof heard->text - 1)
                heard->text[heard->n_text++] = (char)c;
            break;
        }
    }
}

static void feed_text(struct td_console_in *in, const char *text, struct heard *heard)
{
    feed(in, text, strlen(text), heard);
}

static void known_lines_become_known_packets(void **state)
{
    static const char *const ends[] = { "\n", "\r\n" };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(vectors) * TD_N_OF(ends); i++) {
        const struct vector *v = &vectors[i / 2];
        uint8_t buf[32];
        struct td_console_in in;
        struct heard heard = { 0 };

        td_console_in_init(&in, buf, sizeof buf);
        feed_text(&in, "\x06\x09", &heard);
        feed_text(&in, v->base64, &heard);
        assert_int_equal(heard.packets, 0);
        feed_text(&in, ends[i % 2], &heard);
        assert_int_equal(heard.packets, 1);
        assert_int_equal(in.len, v->len);
        assert_memory_equal(in.buf, v->packet, v->len);
    }
}

static void packets_of_every_length_come_back_through_lines_of_every_length(void **state)
{
    static const size_t line_maxes[] = { 11, 12, 15, 64, 127, 128, 255, 1024 };
    uint8_t packet[700], buf[700], line[1024];

    (void)state;
    for (size_t i = 0; i < sizeof packet; i++)
        packet[i] = (uint8_t)(i * 167 + (i >> 8));
    for (size_t m = 0; m < TD_N_OF(line_maxes); m++) {
        struct td_console_in in;

        td_console_in_init(&in, buf, sizeof buf);
        for (size_t len = 1; len <= sizeof packet; len++) {
            struct td_console_out out;
            struct heard heard = { 0 };
            size_t n, total = 0;

            assert_int_equal(td_console_out_begin(&out, packet, len, line_maxes[m]), TD_OK);
            while ((n = td_console_out_line(&out, line)) > 0) {
                assert_true(n <= line_maxes[m]);
                assert_int_equal(heard.packets, 0);
                feed(&in, line, n, &heard);
                total += n;
            }
            assert_int_equal(total, td_console_size(len, line_maxes[m]));
            assert_int_equal(heard.packets, 1);
            assert_int_equal(heard.dropped, 0);
            assert_int_equal(in.len, len);
            assert_memory_equal(in.buf, packet, len);
        }
    }
}

static void the_crc_never_spans_two_lines(void **state)
{
    uint8_t packet[600] = { 0 }, line[TD_CONSOLE_LINE_MAX];

    (void)state;
    for (size_t len = 1; len <= sizeof packet; len++) {
        struct td_console_out out;
        size_t before, last = 0;

        td_console_out_begin(&out, packet, len, sizeof line);
        do {
            before = last;
            last = out.pos;
        } while (td_console_out_line(&out, line) > 0);
        // The last line begins at `before`; the CRC at len + 2.
        assert_true(before <= len + 2);
    }
}

#define LINE_1                                                                                     \
    "\x06\x09"                                                                                     \
    "ABAKAAAGAABC"                                                                                 \
    "\n"
#define LINE_2                                                                                     \
    "\x04\x14"                                                                                     \
    "AKFhZGJoaZsK"                                                                                 \
    "\n"

static void frames_survive_what_else_is_on_the_line(void **state)
{
    static const struct {
        const char *says, *bytes;
        unsigned packets, dropped;
    } rows[] = {
        { "two lines", LINE_1 LINE_2, 1, 0 },
        { "log output between lines", LINE_1 "*** Booting\r\n" LINE_2, 1, 0 },
        { "a prompt before the marker", "uart:~$ " LINE_1 LINE_2, 1, 0 },
        { "log output before and after", "a\n" LINE_1 LINE_2 "b\n", 1, 0 },
        { "a continuation without a beginning",
          "\x04\x14"
          "AKFh\n" LINE_1 LINE_2,
          1, 0 },
        { "an interrupted frame and a new one", LINE_1 LINE_1 LINE_2, 1, 0 },
        { "a line that breaks off and a new one",
          "\x06\x09"
          "ABAKAA" LINE_1 LINE_2,
          1, 1 },
        { "a character that is not base64",
          "\x06\x09"
          "ABAK*AAG\n" LINE_1 LINE_2,
          1, 1 },
        { "a group that is not whole",
          "\x06\x09"
          "ABAKA\n" LINE_1 LINE_2,
          1, 1 },
        { "a bit turned",
          "\x06\x09"
          "ABAKAAAGAABCAKFhZGJoaZsL\n",
          0, 1 },
        { "more than the length said",
          "\x06\x09"
          "ABAKAAAGAABCAKFhZGJoaZsKAAAA\n",
          0, 1 },
        { "more, in another line",
          LINE_1 "\x04\x14"
                 "AKFhZGJoaZsKAAAA\n",
          0, 1 },
        { "a length of nothing",
          "\x06\x09"
          "AAAA\n",
          0, 1 },
        { "a length of the CRC alone",
          "\x06\x09"
          "AAIAAA==\n",
          0, 1 },
        { "padding in the middle",
          "\x06\x09"
          "AA==AAAA\n",
          0, 1 },
        { "padding of three",
          "\x06\x09"
          "A===\n",
          0, 1 },
        { "larger than the buffer",
          "\x06\x09"
          "//8A\n",
          0, 1 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint8_t buf[32];
        struct td_console_in in;
        struct heard heard = { 0 };

        td_console_in_init(&in, buf, sizeof buf);
        feed_text(&in, rows[i].bytes, &heard);
        if (heard.packets != rows[i].packets || heard.dropped != rows[i].dropped)
            fail_msg("%s: %u packets, %u dropped", rows[i].says, heard.packets, heard.dropped);
        if (rows[i].packets > 0)
            assert_memory_equal(in.buf, vectors[0].packet, vectors[0].len);
    }
}

static void text_outside_frames_is_let_through(void **state)
{
    uint8_t buf[32];
    struct td_console_in in;
    struct heard heard = { 0 };

    (void)state;
    td_console_in_init(&in, buf, sizeof buf);
    feed_text(&in, "I: boot\r\n" LINE_1 "W: x\n" LINE_2 "$ ", &heard);
    assert_int_equal(heard.packets, 1);
    assert_string_equal(heard.text, "I: boot\r\nW: x\n$ ");
}

static void what_cannot_be_framed_is_refused(void **state)
{
    static uint8_t big[65534];
    struct td_console_out out;

    (void)state;
    assert_int_equal(td_console_out_begin(&out, big, 0, 127), TD_EARG);
    assert_int_equal(td_console_out_begin(&out, big, 1, 10), TD_EARG);
    assert_int_equal(td_console_out_begin(&out, big, sizeof big, 127), TD_EARG);
    assert_int_equal(td_console_out_begin(&out, big, sizeof big - 1, 127), TD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_packets_become_known_lines),
        cmocka_unit_test(known_lines_become_known_packets),
        cmocka_unit_test(packets_of_every_length_come_back_through_lines_of_every_length),
        cmocka_unit_test(the_crc_never_spans_two_lines),
        cmocka_unit_test(frames_survive_what_else_is_on_the_line),
        cmocka_unit_test(text_outside_frames_is_let_through),
        cmocka_unit_test(what_cannot_be_framed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
