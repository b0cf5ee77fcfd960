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

/* ---- noise: how many packets each kind of damage costs ---------------------------------- */

enum { N_PACKETS = 5, HIT = 2, LEN = 300 };

/* The lines of five packets, each of four lines; damage goes to one line of the third. */
struct tape {
    uint8_t bytes[8192];
    size_t len;
};

static void put(struct tape *tape, const void *bytes, size_t len)
{
    assert_true(tape->len + len <= sizeof tape->bytes);
    memcpy(tape->bytes + tape->len, bytes, len);
    tape->len += len;
}

enum damage {
    TURN_A_BIT,     /* of the line's byte `at` */
    LOSE_A_BYTE,    /* that one */
    ADD_A_BYTE,     /* before that one */
    TURN_ANY_BIT,   /* of that one, each in its turn */
    LOSE_THE_LINE,  /* all of it */
    LOSE_THE_TAIL,  /* from there to its end */
    REPEAT_LINE,    /* it comes twice */
    CR_LF,          /* it ends in CR LF */
    TEXT_BEFORE,    /* a log line of somebody else before it */
    TEXT_INSIDE,    /* and in the middle of it */
    NOISE_BEFORE,   /* bytes that are no text */
    LOSE_THE_ENDS,  /* the packet lost all its line ends */
    RESET_IN_FRAME, /* the sender begins anew: the rest of the packet never comes */
};

static const char log_line[] = "[00:01:02.003] <wrn> i2c: no ACK\r\n";
static const uint8_t noise[] = { 0xff, 0x00, 0x06, 0x80, 0x04, 0x06, 0x14, 0x09 };

static void put_damaged(struct tape *tape, uint8_t *line, size_t n, enum damage damage, size_t at)
{
    switch (damage) {
    case TURN_A_BIT: line[at] ^= 0x10; break;
    case TURN_ANY_BIT: line[at / 8] ^= (uint8_t)(1u << at % 8); break;
    case LOSE_A_BYTE: memmove(line + at, line + at + 1, --n - at); break;
    case ADD_A_BYTE:
        memmove(line + at + 1, line + at, n++ - at);
        line[at] = 'Q';
        break;
    case LOSE_THE_LINE: return;
    case LOSE_THE_TAIL: n = at; break;
    case REPEAT_LINE: put(tape, line, n); break;
    case CR_LF:
        line[n - 1] = '\r';
        line[n++] = '\n';
        break;
    case TEXT_BEFORE: put(tape, log_line, sizeof log_line - 1); break;
    case TEXT_INSIDE:
        put(tape, line, at);
        put(tape, log_line, sizeof log_line - 1);
        memmove(line, line + at, n -= at);
        break;
    case NOISE_BEFORE: put(tape, noise, sizeof noise); break;
    case LOSE_THE_ENDS: n--; break;
    case RESET_IN_FRAME: return;
    }
    put(tape, line, n);
}

static void record(struct tape *tape, enum damage damage, size_t line_no, size_t at)
{
    uint8_t packet[LEN], line[TD_CONSOLE_LINE_MAX + 8];
    struct td_console_out out;
    size_t n;

    tape->len = 0;
    for (unsigned p = 0; p < N_PACKETS; p++) {
        memset(packet, (int)(0x41 + p), sizeof packet);
        assert_int_equal(td_console_out_begin(&out, packet, LEN, TD_CONSOLE_LINE_MAX), TD_OK);
        for (unsigned i = 0; (n = td_console_out_line(&out, line)) > 0; i++) {
            bool hit = p == HIT && (damage == LOSE_THE_ENDS || i == line_no ||
                                    (damage == RESET_IN_FRAME && i > line_no));

            if (hit)
                put_damaged(tape, line, n, damage, at);
            else
                put(tape, line, n);
        }
    }
}

static unsigned lost_of(const struct tape *tape, const char *says)
{
    bool got[N_PACKETS] = { false };
    uint8_t buf[LEN];
    struct td_console_in in;
    unsigned lost = 0;

    td_console_in_init(&in, buf, sizeof buf);
    for (size_t i = 0; i < tape->len; i++) {
        if (td_console_in_byte(&in, tape->bytes[i]) != TD_CONSOLE_PACKET)
            continue;
        for (size_t k = 0; k < in.len; k++)
            if (in.len != LEN || buf[k] != buf[0] || buf[0] - 0x41u >= N_PACKETS)
                fail_msg("%s: a packet that nobody sent", says);
        got[buf[0] - 0x41] = true;
    }
    for (unsigned p = 0; p < N_PACKETS; p++) {
        lost += !got[p];
        if (!got[p] && p != HIT)
            fail_msg("%s: packet %u is lost", says, p);
    }
    return lost;
}

static void each_kind_of_damage_costs_the_packet_that_it_hit_at_most(void **state)
{
    static const struct {
        const char *says;
        enum damage damage;
        size_t line, at;
        unsigned lost;
    } rows[] = {
        { "a bit of the first marker", TURN_A_BIT, 0, 0, 1 },
        { "a bit of the length", TURN_A_BIT, 0, 3, 1 },
        { "a bit in the middle", TURN_A_BIT, 2, 60, 1 },
        { "a bit of a later marker", TURN_A_BIT, 2, 1, 1 },
        { "the first marker's first byte", LOSE_A_BYTE, 0, 0, 1 },
        { "the first marker's second byte", LOSE_A_BYTE, 0, 1, 1 },
        { "a later marker's first byte", LOSE_A_BYTE, 3, 0, 1 },
        { "a byte in the middle", LOSE_A_BYTE, 1, 60, 1 },
        { "a line end inside", LOSE_A_BYTE, 1, 126, 1 },
        { "a byte too many", ADD_A_BYTE, 1, 60, 1 },
        { "a byte before the marker", ADD_A_BYTE, 2, 0, 0 },
        { "the first line", LOSE_THE_LINE, 0, 0, 1 },
        { "a line in the middle", LOSE_THE_LINE, 1, 0, 1 },
        { "the last line", LOSE_THE_LINE, 3, 0, 1 },
        { "half of the first line", LOSE_THE_TAIL, 0, 50, 1 },
        { "half of the last line", LOSE_THE_TAIL, 3, 10, 1 },
        { "the first line twice", REPEAT_LINE, 0, 0, 0 },
        { "a later line twice", REPEAT_LINE, 2, 0, 1 },
        { "CR LF", CR_LF, 1, 0, 0 },
        { "log output before the first line", TEXT_BEFORE, 0, 0, 0 },
        { "log output between lines", TEXT_BEFORE, 2, 0, 0 },
        { "log output inside a line", TEXT_INSIDE, 2, 40, 1 },
        { "noise before the first line", NOISE_BEFORE, 0, 0, 0 },
        { "noise between lines", NOISE_BEFORE, 2, 0, 0 },
        { "all line ends", LOSE_THE_ENDS, 0, 0, 1 },
        { "a reset of the sender", RESET_IN_FRAME, 2, 0, 1 },
    };
    struct tape tape;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        unsigned lost;

        record(&tape, rows[i].damage, rows[i].line, rows[i].at);
        lost = lost_of(&tape, rows[i].says);
        if (lost != rows[i].lost)
            fail_msg("%s: %u packets lost", rows[i].says, lost);
    }
}

static void whichever_bit_is_turned_no_other_packet_is_lost(void **state)
{
    struct tape tape;
    unsigned lost = 0;

    (void)state;
    for (size_t line = 0; line < 4; line++)
        for (size_t at = 0; at < 8 * (size_t)(line < 3 ? 127 : 39); at++) {
            record(&tape, TURN_ANY_BIT, line, at);
            lost += lost_of(&tape, "a bit");
        }
    // The CRC sees each, but for one that only stands in the padding behind the last byte.
    assert_int_equal(lost, 8 * (3 * 127 + 39) - 1);
}

/*
 * CVE-2026-10648: Zephyr 4.4.0 took a new buffer from a pool of four for each packet that began
 * on its console, and wrote through NULL when a flood of beginnings had emptied it. Here a
 * beginning takes nothing: the one buffer is lent, and a new frame takes it over.
 */
static void a_flood_of_beginnings_exhausts_nothing(void **state)
{
    static const char *const floods[] = {
        LINE_1,
        "\x06\x09"
        "ABAK",
        "\x06\x09",
        "\x06",
        LINE_2,
        "\x06\x09"
        "//8A\n",
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(floods); i++) {
        uint8_t room[32 + 16];
        struct td_console_in in;
        struct heard heard = { 0 };

        memset(room, 0xa5, sizeof room);
        td_console_in_init(&in, room, 32);
        for (unsigned n = 0; n < 100000; n++)
            feed_text(&in, floods[i], &heard);
        heard = (struct heard){ 0 };
        feed_text(&in, "\n" LINE_1 LINE_2, &heard);
        assert_int_equal(heard.packets, 1);
        assert_memory_equal(in.buf, vectors[0].packet, vectors[0].len);
        for (size_t k = 32; k < sizeof room; k++)
            assert_int_equal(room[k], 0xa5);
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
        cmocka_unit_test(each_kind_of_damage_costs_the_packet_that_it_hit_at_most),
        cmocka_unit_test(whichever_bit_is_turned_no_other_packet_is_lost),
        cmocka_unit_test(a_flood_of_beginnings_exhausts_nothing),
        cmocka_unit_test(text_outside_frames_is_let_through),
        cmocka_unit_test(what_cannot_be_framed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
