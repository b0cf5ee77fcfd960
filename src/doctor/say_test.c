/* doctor/say_test.c - messages in words, bodies there and back, answers and their requests. */
#include "doctor/say.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "doctor/body.h"
#include "doctor/talk.h"

#define HASH "58 20 b8b39b09 00000000 00000000 00000000 00000000 00000000 00000000 00000000"

static const struct {
    const char *frame; /* whole, in hex */
    const char *what, *body;
} rows[] = {
    { "0000 0001 0000 ff 06 a0", "os buffer parameters", "" },
    { "0100 0017 0000 ff 06 a2 68 6275665f73697a65 19 09ab 69 6275665f636f756e74 04",
      "os buffer parameters", "buf_size 2475, buf_count 4" },
    { "0000 0000 0001 00 00", "image list", "" },
    { "0300 0006 003f 01 00 bf 62 7263 08 ff", "basic erase storage",
      "refused, rc 8 NOT_SUPPORTED: the device's firmware was built without this command" },
    { "0b00 0014 0001 05 00 bf 63 657272 bf 65 67726f7570 01 62 7263 18 1c ff ff",
      "image set state",
      "refused, image error 28 ALREADY_PENDING: an image is pending or on trial already" },
    { "0b00 0014 0046 05 03 bf 63 657272 bf 65 67726f7570 18 46 62 7263 02 ff ff",
      "write group 70 command 3",
      "refused, error 2 of group 70 ?: an error number of the group that has no name" },
    { "0300 000f 0001 05 01 a2 62 7263 01 63 72736e 64 6e6f2031", "image upload",
      "refused, rc 1 UNKNOWN: the device gives no reason (\"no 1\")" },
    { "0300 0002 0000 02 05 bf ff", "os reset", "done" },
    { "0300 0005 0000 02 05 a1 62 7263 00", "os reset", "rc 0" },
    { "0200 0028 0001 02 00 a1 64 68617368 " HASH, "image set state", "test b8b39b09" },
    { "0200 000a 0001 02 00 a1 67 636f6e6669726d f5", "image set state",
      "confirm the running image" },
    { "0100 0059 0001 00 00 a1 66 696d61676573 81 a5 64 736c6f74 01 67 76657273696f6e 65 "
      "312e302e30 "
      "64 68617368 " HASH " 67 70656e64696e67 f5 66 616374697665 f4",
      "image list", "slot 1: 1.0.0 b8b39b09 pending" },
    { "0100 0009 0001 00 00 a1 66 696d61676573 80", "image list", "no images" },
    { "0200 0016 0001 00 01 a3 63 6f6666 00 63 6c656e 19 0100 64 64617461 44 3db8f396",
      "image upload", "offset 0 of 256, 4 bytes of data" },
    { "0300 0006 0001 00 01 a1 63 6f6666 04", "image upload", "off 4" },
    { "0200 000d 0000 00 00 a1 61 64 68 1b5b336d ff 0a 41 7f", "os echo", NULL },
    { "0300 000c 0009 00 00 a2 61 6f 62 6f6b 63 726574 03 00", "shell command", NULL },
};

static struct td_message message_of(const uint8_t *bytes, size_t len)
{
    struct td_message m = { .bytes = bytes, .len = len };

    td_smp_header_decode(bytes, &m.hdr);
    m.body = td_body_read(bytes + TD_SMP_HEADER_SIZE, len - TD_SMP_HEADER_SIZE);
    return m;
}

static void messages_are_said_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[256];
        size_t n = from_hex(rows[i].frame, bytes);
        struct td_message m = message_of(bytes, n);
        char text[TD_SAY_MAX];
        size_t said;

        said = td_say_what(&m.hdr, text, sizeof text);
        assert_int_equal(said, strlen(text));
        assert_string_equal(text, rows[i].what);
        said = td_say_body(&m, text, sizeof text);
        assert_int_equal(said, strlen(text));
        if (rows[i].body)
            assert_string_equal(text, rows[i].body);
        for (const char *p = text; *p != 0; p++) // nothing reaches a terminal as a command
            assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
        json_decref(m.body);
    }
}

static void what_does_not_fit_ends_in_dots(void **state)
{
    uint8_t bytes[64];
    size_t n = from_hex(rows[3].frame, bytes);
    struct td_message m = message_of(bytes, n);
    char text[24];

    (void)state;
    assert_int_equal(td_say_body(&m, text, sizeof text), 23);
    assert_string_equal(text, "refused, rc 8 NOT_SU...");
    json_decref(m.body);
}

static void a_shell_command_that_returned_an_error_is_no_refusal(void **state)
{
    uint8_t bytes[64];
    size_t n = from_hex("0300 000a 0009 00 00 a2 61 6f 62 6f6b 62 7263 03", bytes);
    struct td_message m = message_of(bytes, n);
    struct td_smp_status status;

    (void)state;
    assert_true(td_say_status(&m, &status));
    assert_int_equal(status.code, 0);
    json_decref(m.body);
}

/* ---- bodies -------------------------------------------------------------------------- */

static const struct {
    const char *cbor, *json; /* json NULL: it is no CBOR */
} bodies[] = {
    { "a0", "{}" },
    { "", "{}" },
    { "bf 61 61 01 ff", "{\"a\":1}" },
    { "a1 61 61 42 0aff", "{\"a\":\"hex:0aff\"}" },
    { "a1 61 61 5f 41 0a 41 ff ff", "{\"a\":\"hex:0aff\"}" },
    { "a1 61 61 7f 61 62 61 63 ff", "{\"a\":\"bc\"}" },
    { "a1 61 61 61 ff", "{\"a\":\"hex:ff\"}" },
    { "a1 61 61 9f 20 f5 f6 ff", "{\"a\":[-1,true,null]}" },
    { "a1 01 02", "{\"1\":2}" },
    { "a1 61 61 f9 3c00", "{\"a\":1.0}" },
    { "a1 61 61 1b ffffffffffffffff", "{\"a\":\"18446744073709551615\"}" },
    { "a1 61 61", NULL },
    { "a2 61 61 01", NULL },
    { "ff", NULL },
};

static void bodies_are_read_as_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        uint8_t bytes[64];
        size_t n = from_hex(bodies[i].cbor, bytes);
        json_t *json = td_body_read(bytes, n);
        char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

        if (bodies[i].json)
            assert_string_equal(text, bodies[i].json);
        else
            assert_null(json);
        free(text);
        json_decref(json);
    }
}

/* ---- answers and requests ------------------------------------------------------------ */

static const struct {
    uint8_t op;
    uint16_t group;
    uint8_t seq, id;
    int64_t ms; /* -1: no clock */
    enum td_turn turn;
    uint32_t n;
    int64_t after_ms;
} turns[] = {
    { 0, 1, 7, 0, 0, TD_TURN_REQUEST, 1, -1 },     { 2, 1, 8, 1, 10, TD_TURN_REQUEST, 2, -1 },
    { 3, 1, 8, 1, 30, TD_TURN_ANSWER, 2, 20 },     { 1, 1, 7, 0, 40, TD_TURN_ANSWER, 1, 40 },
    { 1, 1, 7, 0, 50, TD_TURN_DUPLICATE, 1, 50 },  { 1, 1, 9, 0, 60, TD_TURN_FOREIGN, 6, -1 },
    { 1, 0, 7, 0, 70, TD_TURN_FOREIGN, 7, -1 },    { 0, 1, 7, 0, -1, TD_TURN_REQUEST, 8, -1 },
    { 0, 1, 7, 0, 100, TD_TURN_REPEAT, 8, -1 },    { 1, 1, 7, 0, 120, TD_TURN_ANSWER, 8, 20 },
    { 2, 0, 10, 5, 130, TD_TURN_REQUEST, 11, -1 },
};

static void answers_find_their_requests(void **state)
{
    struct td_talk talk = { .count = 0 };
    struct td_talk_entry lost;

    (void)state;
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        struct td_smp_header hdr = {
            .op = turns[i].op, .group = turns[i].group, .seq = turns[i].seq, .id = turns[i].id
        };
        struct td_talk_turn turn = td_talk_take(
            &talk, &hdr, turns[i].ms < 0 ? TD_NO_TIME : turns[i].ms * 1000, (uint32_t)i + 1);

        assert_int_equal(turn.turn, turns[i].turn);
        assert_int_equal(turn.n, turns[i].n);
        assert_true(turn.after_us ==
                    (turns[i].after_ms < 0 ? TD_NO_TIME : turns[i].after_ms * 1000));
    }
    assert_true(td_talk_lost(&talk, &lost));
    assert_int_equal(lost.n, 11);
    assert_false(td_talk_lost(&talk, &lost));
}

static void more_requests_than_there_is_room_for_forget_the_oldest(void **state)
{
    struct td_talk talk = { .count = 0 };
    struct td_talk_entry lost;
    uint32_t n = 0;

    (void)state;
    for (uint32_t i = 0; i < 3 * TD_TALK_MAX; i++) {
        struct td_smp_header hdr = { .op = 0, .group = (uint16_t)i };

        td_talk_take(&talk, &hdr, 0, i + 1);
    }
    while (td_talk_lost(&talk, &lost))
        assert_int_equal(lost.n, 2 * TD_TALK_MAX + ++n);
    assert_int_equal(n, TD_TALK_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_said_in_words),
        cmocka_unit_test(what_does_not_fit_ends_in_dots),
        cmocka_unit_test(a_shell_command_that_returned_an_error_is_no_refusal),
        cmocka_unit_test(bodies_are_read_as_json),
        cmocka_unit_test(answers_find_their_requests),
        cmocka_unit_test(more_requests_than_there_is_room_for_forget_the_oldest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
