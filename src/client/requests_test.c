#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "base/range.h"
#include "client/requests.h"
#include "smp/header.h"

/* One call with a session of its own. */
struct talk {
    struct td_session session;
    struct td_call call;
    uint8_t rx[1024];
    uint8_t sent[1024];
    size_t n_sent;
    struct td_smp_header hdr;
    unsigned n_repeats;
};

static struct talk t;

static void ask(const struct td_request *req)
{
    struct td_session_config cfg = { .rx = t.rx, .rx_cap = sizeof(t.rx) };

    memset(&t, 0, sizeof(t));
    td_session_start(&t.session, &cfg);
    td_call_start(&t.call, &t.session, req, 1000);
    t.n_sent = td_call_send(&t.call, 1000, t.sent, sizeof(t.sent));
    assert_true(t.n_sent >= TD_SMP_HEADER_SIZE);
    td_smp_header_decode(t.sent, &t.hdr);
}

static void answer(const char *hex)
{
    uint8_t packet[1024];
    struct td_smp_header hdr = t.hdr;
    size_t n = from_hex(hex, packet + TD_SMP_HEADER_SIZE);

    hdr.op |= 1;
    hdr.len = (uint16_t)n;
    td_smp_header_encode(&hdr, packet);
    td_call_receive(&t.call, 1020, packet, TD_SMP_HEADER_SIZE + n);
}

/* How often it is sent when nobody answers. */
static unsigned tries(const struct td_request *req)
{
    uint8_t buf[1024];
    unsigned n = 1;

    ask(req);
    for (uint64_t now = 1000; !t.call.done && now < 100000; now += 50)
        n += td_call_send(&t.call, now, buf, sizeof(buf)) > 0;
    assert_int_equal(t.call.reply.failure.err, TD_ENOANSWER);
    return n;
}

static const uint8_t two[] = { 1, 2 };
static const struct td_cbor_text words[] = { TD_TEXT_INIT("kernel"), TD_TEXT_INIT("uptime") };

/* The bodies come from a CBOR writer that is not ours, fed with the protocol's description. */
static void each_command_goes_out_as_the_protocol_has_it(void **state)
{
    static const struct {
        struct td_request req;
        uint8_t byte0;
        uint16_t group;
        uint8_t id;
        const char *body;
    } rows[] = {
        { { .kind = TD_REQ_GROUP_COUNT }, 8, 10, 0, "a0" },
        { { .kind = TD_REQ_GROUP_AT, .off = 2 }, 8, 10, 2, "a165696e64657802" },
        { { .kind = TD_REQ_STAT_LIST }, 8, 2, 1, "a0" },
        { { .kind = TD_REQ_STAT, .text = TD_TEXT_INIT("smp") }, 8, 2, 0, "a1646e616d6563736d70" },
        { { .kind = TD_REQ_SETTING_GET, .text = TD_TEXT_INIT("a/b") },
          8,
          3,
          0,
          "a1646e616d6563612f62" },
        { { .kind = TD_REQ_SETTING_GET, .text = TD_TEXT_INIT("a/b"), .max = 64 },
          8,
          3,
          0,
          "a2646e616d6563612f62686d61785f73697a651840" },
        { { .kind = TD_REQ_SETTING_SET, .text = TD_TEXT_INIT("a/b"), .value = { two, 2 } },
          10,
          3,
          0,
          "a2646e616d6563612f626376616c420102" },
        { { .kind = TD_REQ_SETTING_DELETE, .text = TD_TEXT_INIT("a/b") },
          10,
          3,
          1,
          "a1646e616d6563612f62" },
        { { .kind = TD_REQ_SETTINGS_COMMIT }, 10, 3, 2, "a0" },
        { { .kind = TD_REQ_SETTINGS_LOAD }, 8, 3, 3, "a0" },
        { { .kind = TD_REQ_SETTINGS_SAVE }, 10, 3, 3, "a0" },
        { { .kind = TD_REQ_SETTINGS_SAVE, .text = TD_TEXT_INIT("a") },
          10,
          3,
          3,
          "a1646e616d656161" },
        { { .kind = TD_REQ_FILE_STATUS, .text = TD_TEXT_INIT("/f") },
          8,
          8,
          1,
          "a1646e616d65622f66" },
        { { .kind = TD_REQ_FILE_HASH, .text = TD_TEXT_INIT("/f") }, 8, 8, 2, "a1646e616d65622f66" },
        { { .kind = TD_REQ_FILE_HASH,
            .text = TD_TEXT_INIT("/f"),
            .hash_type = TD_TEXT_INIT("sha256"),
            .off = 4,
            .max = 300 },
          8,
          8,
          2,
          "a4646e616d65622f66647479706566736861323536636f666604636c656e19012c" },
        { { .kind = TD_REQ_FILE_HASH_TYPES }, 8, 8, 3, "a0" },
        { { .kind = TD_REQ_FILE_CLOSE }, 10, 8, 4, "a0" },
        { { .kind = TD_REQ_SHELL, .argv = words, .n_argv = 2 },
          10,
          9,
          0,
          "a1646172677682666b65726e656c66757074696d65" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint8_t want[200];
        size_t n = from_hex(rows[i].body, want);

        ask(&rows[i].req);
        assert_int_equal(t.sent[0], rows[i].byte0);
        assert_int_equal(t.hdr.group, rows[i].group);
        assert_int_equal(t.hdr.id, rows[i].id);
        assert_int_equal(t.n_sent, TD_SMP_HEADER_SIZE + n);
        assert_memory_equal(t.sent + TD_SMP_HEADER_SIZE, want, n);
    }
}

static void answers_become_plain_values(void **state)
{
    static const struct td_request count = { .kind = TD_REQ_GROUP_COUNT };
    static const struct td_request at = { .kind = TD_REQ_GROUP_AT };
    static const struct td_request names = { .kind = TD_REQ_STAT_LIST };
    static const struct td_request stat = { .kind = TD_REQ_STAT, .text = TD_TEXT_INIT("smp") };
    static const struct td_request get = { .kind = TD_REQ_SETTING_GET,
                                           .text = TD_TEXT_INIT("a/b") };
    static const struct td_request size = { .kind = TD_REQ_FILE_STATUS,
                                            .text = TD_TEXT_INIT("/f") };
    static const struct td_request hash = { .kind = TD_REQ_FILE_HASH, .text = TD_TEXT_INIT("/f") };
    static const struct td_request types = { .kind = TD_REQ_FILE_HASH_TYPES };
    static const struct td_request shell = { .kind = TD_REQ_SHELL, .argv = words, .n_argv = 2 };
    static const struct td_request upload = { .kind = TD_REQ_UPLOAD_STATE };
    const struct td_reply *r = &t.call.reply;

    (void)state;
    ask(&count);
    answer("a165636f756e7403");
    assert_int_equal(r->of.count, 3);
    ask(&at);
    answer("a26567726f75700863656e64f5");
    assert_int_equal(r->of.group_at.group, 8);
    assert_true(r->of.group_at.last);
    ask(&names);
    answer("a169737461745f6c6973748263736d7065666c617368");
    assert_int_equal(r->of.stat_names.n, 2);
    assert_string_equal(r->of.stat_names.at[1], "flash");
    ask(&stat);
    answer("a2646e616d6563736d70666669656c6473a2627278056274781b0000010000000000");
    assert_string_equal(r->of.stat.name, "smp");
    assert_int_equal(r->of.stat.n, 2);
    assert_string_equal(r->of.stat.at[1].name, "tx");
    assert_int_equal(r->of.stat.at[1].value, 1ull << 40);
    ask(&get);
    answer("a26376616c43010203686d61785f73697a6503");
    assert_int_equal(r->of.setting.len, 3);
    assert_memory_equal(r->of.setting.value, "\x01\x02\x03", 3);
    assert_true(r->of.setting.limited);
    assert_int_equal(r->of.setting.limit, 3);
    ask(&size);
    answer("a1636c656e1a00011170");
    assert_int_equal(r->of.file_size, 70000);
    ask(&hash);
    answer("a36474797065656372633332636c656e09666f75747075741acbf43926");
    assert_true(r->of.file_hash.is_number);
    assert_int_equal(r->of.file_hash.number, 0xcbf43926);
    assert_string_equal(r->of.file_hash.type, "crc32");
    assert_int_equal(r->of.file_hash.len, 9);
    ask(&hash);
    answer("a3647479706566736861323536636c656e03666f75747075745820"
           "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    assert_int_equal(r->of.file_hash.n_bytes, 32);
    assert_int_equal(r->of.file_hash.bytes[31], 31);
    ask(&types);
    answer("a1657479706573a2656372633332a266666f726d6174006473697a650466736861323536a266666f726d"
           "6174016473697a651820");
    assert_int_equal(r->of.hash_types.n, 2);
    assert_true(r->of.hash_types.at[0].is_number);
    assert_string_equal(r->of.hash_types.at[1].name, "sha256");
    assert_int_equal(r->of.hash_types.at[1].size, 32);
    ask(&upload);
    answer("a3657374617465016374656e00636f6666190400");
    assert_int_equal(r->failure.err, TD_OK);
    assert_int_equal(r->of.upload.state, TD_TANDEM_UPLOADING);
    assert_int_equal(r->of.upload.off, 1024);
    ask(&shell);
    answer("a2616f667570203520736372657435");
    assert_int_equal(r->failure.err, TD_OK);
    assert_string_equal(r->of.shell.text, "up 5 s");
    assert_int_equal(r->of.shell.ret, -22);
}

static void an_answer_that_lacks_what_the_command_promises_is_said_so(void **state)
{
    static const enum td_request_kind kinds[] = {
        TD_REQ_GROUP_COUNT, TD_REQ_GROUP_AT,        TD_REQ_STAT_LIST,
        TD_REQ_STAT,        TD_REQ_SETTING_GET,     TD_REQ_FILE_STATUS,
        TD_REQ_FILE_HASH,   TD_REQ_FILE_HASH_TYPES, TD_REQ_SHELL,
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(kinds); i++) {
        struct td_request req = { .kind = kinds[i], .text = TD_TEXT_INIT("x") };

        ask(&req);
        answer("a0");
        assert_int_equal(t.call.reply.failure.err, TD_EANSWER);
    }
}

static void neither_a_reset_nor_a_shell_line_is_sent_twice(void **state)
{
    static const struct td_request once[] = {
        { .kind = TD_REQ_RESET },
        { .kind = TD_REQ_SHELL, .argv = words, .n_argv = 2 },
        { .kind = TD_REQ_RAW, .raw = { .op = TD_SMP_WRITE, .group = TD_SMP_GROUP_OS, .id = 5 } },
        { .kind = TD_REQ_RAW, .raw = { .op = TD_SMP_WRITE, .group = TD_SMP_GROUP_SHELL } },
    };
    static const struct td_request often[] = {
        { .kind = TD_REQ_STAT_LIST },
        { .kind = TD_REQ_SETTINGS_SAVE },
        { .kind = TD_REQ_RAW, .raw = { .op = TD_SMP_READ, .group = 64 } },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(once); i++)
        assert_int_equal(tries(&once[i]), 1);
    for (size_t i = 0; i < TD_N_OF(often); i++)
        assert_in_range(tries(&often[i]), 2, 20);
}

/* Quirk: old shells say the command's result under "rc", where 8 and 13 mean something else. */
static void an_old_shells_rc_is_the_commands_and_the_line_runs_once(void **state)
{
    static const struct td_request shell = { .kind = TD_REQ_SHELL, .argv = words, .n_argv = 2 };
    static const struct {
        const char *body;
        enum td_err err;
        int32_t ret;
    } rows[] = {
        { "a2616f626e6f6272630d", TD_OK, 13 },   /* would be "too new", and ask again in v1 */
        { "a2616f6362616462726327", TD_OK, -8 }, /* would be no result code at all */
        { "a2616f610a6372657400", TD_OK, 0 },
        { "a162726308", TD_EREFUSED, 0 }, /* no output: the device has no shell */
    };
    uint8_t buf[64];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        ask(&shell);
        answer(rows[i].body);
        assert_true(t.call.done);
        assert_int_equal(t.call.reply.failure.err, rows[i].err);
        if (rows[i].err == TD_OK)
            assert_int_equal(t.call.reply.of.shell.ret, rows[i].ret);
        assert_int_equal(td_call_send(&t.call, 1100, buf, sizeof(buf)), 0);
    }
}

/* Quirk: a value is bytes with Zephyr, and a text with Mynewt. */
static void a_setting_is_read_as_bytes_or_as_text(void **state)
{
    static const struct td_request get = { .kind = TD_REQ_SETTING_GET, .text = TD_TEXT_INIT("a") };
    static const char *const rows[] = { "a16376616c426869", "a16376616c626869" };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        ask(&get);
        answer(rows[i]);
        assert_int_equal(t.call.reply.failure.err, TD_OK);
        assert_int_equal(t.call.reply.of.setting.len, 2);
        assert_memory_equal(t.call.reply.of.setting.value, "hi", 2);
    }
}

/* Quirk: pools are the answer itself, or lie under "mpools". */
static void pools_are_read_from_either_place(void **state)
{
    static const struct td_request pools = { .kind = TD_REQ_POOLS };
    static const char *const rows[] = {
        "a16468656170a466626c6b73697a1840656e626c6b7308656e6672656505636d696e02",
        "a1666d706f6f6c73a16468656170a466626c6b73697a1840656e626c6b7308656e6672656505636d696e02",
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        ask(&pools);
        answer(rows[i]);
        assert_int_equal(t.call.reply.failure.err, TD_OK);
        assert_int_equal(t.call.reply.of.pools.n, 1);
        assert_string_equal(t.call.reply.of.pools.at[0].name, "heap");
        assert_int_equal(t.call.reply.of.pools.at[0].block_size, 64);
        assert_int_equal(t.call.reply.of.pools.at[0].least_free, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_goes_out_as_the_protocol_has_it),
        cmocka_unit_test(answers_become_plain_values),
        cmocka_unit_test(an_answer_that_lacks_what_the_command_promises_is_said_so),
        cmocka_unit_test(neither_a_reset_nor_a_shell_line_is_sent_twice),
        cmocka_unit_test(an_old_shells_rc_is_the_commands_and_the_line_runs_once),
        cmocka_unit_test(a_setting_is_read_as_bytes_or_as_text),
        cmocka_unit_test(pools_are_read_from_either_place),
    };

    return cmocka_run_group_tests_name("client requests", tests, NULL, NULL);
}
