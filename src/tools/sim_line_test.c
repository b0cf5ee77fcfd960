/* A serial line's options and its three framings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/range.h"
#include "tools/sim_line.h"

static void options_stand_behind_the_place(void **state)
{
    static const struct {
        const char *text;
        bool serial;
        const char *where;
        enum td_recovery_framing framing;
        enum td_sim_trust trust;
    } rows[] = {
        { "127.0.0.1:0", false, "127.0.0.1:0", TD_RECOVERY_CONSOLE, TD_SIM_AUTHENTICATED },
        { "[::1]:7?trust=none", false, "[::1]:7", TD_RECOVERY_CONSOLE, TD_SIM_NO_TRUST },
        { "a?framing=raw", true, "a", TD_RECOVERY_RAW, TD_SIM_AUTHENTICATED },
        { "a?framing=console", true, "a", TD_RECOVERY_CONSOLE, TD_SIM_AUTHENTICATED },
        { "/dev/x?framing=cobs&trust=encrypted", true, "/dev/x", TD_RECOVERY_COBS,
          TD_SIM_ENCRYPTED },
        { "/dev/x?trust=authenticated&framing=raw", true, "/dev/x", TD_RECOVERY_RAW,
          TD_SIM_AUTHENTICATED },
    };
    struct td_sim_place place;
    struct td_desk_fault fault;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        assert_true(td_sim_place_read(rows[i].text, rows[i].serial, &place, &fault));
        assert_string_equal(place.where, rows[i].where);
        assert_int_equal(place.framing, rows[i].framing);
        assert_int_equal(place.trust, rows[i].trust);
    }
}

static void other_options_are_refused_with_those_there_are(void **state)
{
    static const struct {
        const char *text;
        bool serial;
        const char *remedy;
    } rows[] = {
        { "a?", true, "framing=console|raw|cobs" },
        { "a?framing", true, "framing=console|raw|cobs" },
        { "a?framing=smoke", true, "framing=console|raw|cobs" },
        { "a?framing=raw&", true, "framing=console|raw|cobs" },
        { "a?trust=much", true, "authenticated|encrypted|none" },
        { "127.0.0.1:0?framing=raw", false, "allowed: trust=" },
    };
    struct td_sim_place place;
    struct td_desk_fault fault;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (td_sim_place_read(rows[i].text, rows[i].serial, &place, &fault))
            fail_msg("%s is taken", rows[i].text);
        assert_non_null(strstr(fault.remedy, rows[i].remedy));
        assert_string_equal(fault.where, rows[i].text);
    }
}

struct wire {
    uint8_t bytes[4096];
    size_t len;
};

static void put(void *ctx, const void *bytes, size_t len)
{
    struct wire *w = ctx;

    assert_true(len <= sizeof w->bytes - w->len);
    memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
}

/* A request of len bytes with len - 8 of payload. */
static void fill(uint8_t *packet, size_t len)
{
    memset(packet, 0, 8);
    packet[0] = 0x0a;
    packet[2] = (uint8_t)((len - 8) >> 8);
    packet[3] = (uint8_t)(len - 8);
    for (size_t i = 8; i < len; i++)
        packet[i] = (uint8_t)(i % 5);
}

static void what_goes_out_comes_in_again_up_to_the_buffers_size(void **state)
{
    static const struct {
        enum td_recovery_framing framing;
        size_t largest;
    } rows[] = {
        { TD_RECOVERY_CONSOLE, 508 },
        { TD_RECOVERY_RAW, 512 },
        { TD_RECOVERY_COBS, 512 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_sim_line line;
        uint8_t packet[600];

        assert_true(td_sim_line_begin(&line, rows[i].framing, 512));
        assert_int_equal(line.cap, rows[i].largest);
        for (size_t len = 9; len <= rows[i].largest + 1; len += len < 500 ? 61 : 1) {
            struct wire wire = { .len = 0 };
            unsigned came = 0;

            fill(packet, len);
            td_sim_line_frame(rows[i].framing, packet, len, put, &wire);
            for (size_t k = 0; k < wire.len; k++) {
                if (td_sim_line_byte(&line, 1, wire.bytes[k]) != TD_SIM_LINE_PACKET)
                    continue;
                came++;
                assert_int_equal(line.len, len);
                assert_memory_equal(line.bytes, packet, len);
            }
            assert_int_equal(came, len <= rows[i].largest ? 1 : 0);
        }
        td_sim_line_end(&line);
    }
}

static void silence_ends_half_a_raw_packet(void **state)
{
    struct td_sim_line line;
    uint8_t packet[20];
    unsigned came = 0;

    (void)state;
    fill(packet, sizeof packet);
    assert_true(td_sim_line_begin(&line, TD_RECOVERY_RAW, 512));
    for (size_t i = 0; i < 12; i++)
        (void)td_sim_line_byte(&line, 100, packet[i]);
    for (size_t i = 0; i < sizeof packet; i++)
        came += td_sim_line_byte(&line, 700, packet[i]) == TD_SIM_LINE_PACKET;
    assert_int_equal(came, 1);
    td_sim_line_end(&line);
}

static void text_between_console_packets_is_text(void **state)
{
    static const char typed[] = "uptime";
    struct td_sim_line line;

    (void)state;
    assert_true(td_sim_line_begin(&line, TD_RECOVERY_CONSOLE, 512));
    for (const char *c = typed; *c != '\0'; c++)
        assert_int_equal(td_sim_line_byte(&line, 0, (uint8_t)*c), TD_SIM_LINE_TEXT);
    td_sim_line_end(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_behind_the_place),
        cmocka_unit_test(other_options_are_refused_with_those_there_are),
        cmocka_unit_test(what_goes_out_comes_in_again_up_to_the_buffers_size),
        cmocka_unit_test(silence_ends_half_a_raw_packet),
        cmocka_unit_test(text_between_console_packets_is_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
