/* Every group but those of images: what Zephyr's server answers, and what ours does besides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc.h"
#include "base/hex_test.h"
#include "server/groups_rig_test.h"
#include "server/zephyr_groups_test.h"
#include "smp/enum.h"
#include "smp/fs.h"
#include "smp/settings.h"
#include "smp/shell.h"
#include "smp/stat.h"
#include "smp/tandem.h"

static struct groups_rig rig;
static unsigned speaker;
static uint8_t packet[RIG_RSP];

/* ---- asking ------------------------------------------------------------------------------ */

static void finish(void)
{
    rig.works = 0;
    while (rig.reply.len == 0 && td_server_owes(&rig.srv)) {
        td_server_work(&rig.srv, 1000, rig.rsp, sizeof rig.rsp, &rig.reply);
        rig.works++;
    }
}

static void give(size_t len)
{
    assert_int_equal(td_server_handle(&rig.srv, &rig.link[speaker], packet, len, rig.rsp,
                                      sizeof rig.rsp, &rig.reply),
                     len);
}

/* A packet from a payload in hex; what the answer's payload is stands behind 8 bytes of rig.rsp. */
static void ask_hex(uint8_t version, uint8_t op, uint16_t group, uint8_t id, const char *hex)
{
    struct td_smp_header hdr = { .version = version, .op = op, .group = group, .id = id, .seq = 7 };

    hdr.len = (uint16_t)from_hex(hex, packet + 8);
    td_smp_header_encode(&hdr, packet);
    give(8u + hdr.len);
    finish();
}

static struct td_cbor_writer begin(void)
{
    struct td_cbor_writer w;

    td_smp_begin(&w, packet, sizeof packet, TD_CBOR_DEFINITE);
    return w;
}

static size_t end(struct td_cbor_writer *w, uint8_t op, uint16_t group, uint8_t id)
{
    const struct td_smp_header hdr = {
        .version = TD_SMP_V2, .op = op, .group = group, .id = id, .seq = 7
    };
    size_t len;

    assert_int_equal(td_smp_end(w, &hdr, &len), TD_OK);
    return len;
}

static void ask(struct td_cbor_writer *w, uint8_t op, uint16_t group, uint8_t id)
{
    give(end(w, op, group, id));
    finish();
}

static const uint8_t *payload(size_t *len)
{
    struct td_smp_header hdr;
    const uint8_t *p;

    assert_int_equal(td_smp_open(rig.rsp, rig.reply.len, &hdr, &p), TD_OK);
    assert_int_equal(hdr.seq, 7);
    *len = hdr.len;
    return p;
}

static struct td_smp_status status(void)
{
    struct td_smp_status s;
    size_t len;
    const uint8_t *p = payload(&len);

    assert_int_equal(td_smp_status_decode(p, len, &s), TD_OK);
    return s;
}

/* The code of a group, or the negative rc. */
static int code(void)
{
    struct td_smp_status s = status();

    return s.of_group ? (int)s.code : -(int)s.code;
}

static void start(void)
{
    groups_rig_init(&rig, &td_server_tandem);
    speaker = 0;
}

/* ---- Zephyr ------------------------------------------------------------------------------ */

static void every_answer_is_zephyrs_byte_for_byte(void **state)
{
    uint8_t want[1024];

    (void)state;
    groups_rig_init(&rig, &td_server_zephyr_4);
    rig.settings.save = NULL; // as it is there
    speaker = 0;
    for (size_t i = 0; i < TD_N_OF(zephyr_answers); i++) {
        size_t n = from_hex(zephyr_answers[i].answer, want), len;
        const uint8_t *got;

        ask_hex(zephyr_answers[i].version, zephyr_answers[i].op, zephyr_answers[i].group,
                zephyr_answers[i].id, zephyr_answers[i].request);
        got = payload(&len);
        if (len != n || memcmp(got, want, n) != 0)
            fail_msg("%s: %zu bytes, wanted %zu", zephyr_answers[i].says, len, n);
    }
}

static void a_command_without_its_back_end_is_not_supported(void **state)
{
    static const struct {
        const char *says;
        uint8_t op;
        uint16_t group;
        uint8_t id;
    } rows[] = {
        { "tasks", TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_TASKS },
        { "pools", TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_POOLS },
        { "clock", TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME },
        { "setting the clock", TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_DATETIME },
        { "info", TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_INFO },
        { "a console's echo", TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_CONSOLE },
        { "settings", TD_SMP_READ, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_VALUE },
        { "settings, writing", TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_VALUE },
        { "settings, delete", TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_DELETE },
        { "settings, commit", TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_COMMIT },
        { "settings, load", TD_SMP_READ, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_LOAD_SAVE },
        { "settings, save", TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_LOAD_SAVE },
        { "download", TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_FILE },
        { "upload", TD_SMP_WRITE, TD_SMP_GROUP_FS, TD_FS_FILE },
        { "status", TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_STATUS },
        { "hash", TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_HASH },
        { "hashes", TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_TYPES },
        { "close", TD_SMP_WRITE, TD_SMP_GROUP_FS, TD_FS_CLOSE },
        { "shell", TD_SMP_WRITE, TD_SMP_GROUP_SHELL, TD_SHELL_EXEC },
    };

    (void)state;
    start();
    rig.cfg.os = NULL;
    rig.cfg.settings = NULL;
    rig.cfg.files = NULL;
    rig.cfg.shell = NULL;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        ask_hex(TD_SMP_V2, rows[i].op, rows[i].group, rows[i].id, "a0");
        if (code() != -TD_SMP_RC_NOT_SUPPORTED)
            fail_msg("%s: %d", rows[i].says, code());
    }
}

static void a_malformed_request_is_rc_3_wherever_it_is_read(void **state)
{
    static const struct {
        uint8_t op;
        uint16_t group;
        uint8_t id;
    } rows[] = {
        { TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_DATETIME },
        { TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_INFO },
        { TD_SMP_READ, TD_SMP_GROUP_STAT, TD_STAT_SHOW },
        { TD_SMP_READ, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_VALUE },
        { TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_VALUE },
        { TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_DELETE },
        { TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_LOAD_SAVE },
        { TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_FILE },
        { TD_SMP_WRITE, TD_SMP_GROUP_FS, TD_FS_FILE },
        { TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_STATUS },
        { TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_HASH },
        { TD_SMP_WRITE, TD_SMP_GROUP_SHELL, TD_SHELL_EXEC },
        { TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_SINGLE },
        { TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_DETAILS },
    };

    (void)state;
    start();
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        ask_hex(TD_SMP_V2, rows[i].op, rows[i].group, rows[i].id, "80");
        assert_int_equal(code(), -TD_SMP_RC_INVALID);
        ask_hex(TD_SMP_V2, rows[i].op, rows[i].group, rows[i].id, "a1646e616d65");
        assert_int_equal(code(), -TD_SMP_RC_INVALID);
    }
}

/* ---- the device as such ------------------------------------------------------------------ */

static void threads_are_listed_as_long_as_they_fit(void **state)
{
    struct td_os_walk walk;
    struct td_os_task task;
    const uint8_t *p;
    size_t len;
    bool done = false;
    unsigned n = 0;

    (void)state;
    start();
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_TASKS, "a0");
    p = payload(&len);
    assert_int_equal(td_os_tasks_get_begin(p, len, &walk), TD_OK);
    while (td_os_tasks_get(&walk, &task, &done) == TD_OK && !done)
        assert_int_equal(task.tid, n++);
    assert_true(done && n == 2);
    rig.cfg.buf_size = 384;
    rig.n_tasks = 8;
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_TASKS, "a0");
    assert_int_equal(code(), -TD_SMP_RC_MSG_SIZE);
}

static void pools_are_the_answer_itself(void **state)
{
    struct td_os_walk walk;
    struct td_os_pool pool;
    const uint8_t *p;
    size_t len;
    bool done;

    (void)state;
    start();
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_POOLS, "a0");
    p = payload(&len);
    assert_int_equal(td_os_pools_get_begin(p, len, &walk), TD_OK);
    assert_int_equal(td_os_pools_get(&walk, &pool, &done), TD_OK);
    assert_true(!done && pool.block_size == 16 && pool.blocks == 128);
    assert_true(pool.free_blocks == 100 && pool.least_free == 70);
}

static void set_clock(const char *text)
{
    struct td_cbor_writer w = begin();
    const struct td_os_datetime req = { true, { text, strlen(text) } };

    td_os_datetime_put(&w, &req);
    ask(&w, TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_DATETIME);
}

static void the_clock_takes_what_is_a_date_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        bool taken;
        int64_t ms;
    } rows[] = {
        { "1970-01-01T00:00:00", true, 0 },
        { "2026-11-21T22:25:41", true, 1795299941000 },
        { "2024-02-29T23:59:59.999", true, 1709251199999 },
        { "2024-02-29T23:59:59.5", true, 1709251199500 },
        { "2000-12-31 23:59:59", true, 978307199000 },
        { "1900-01-01T00:00:00", true, -2208988800000 },
        { "1969-12-31T23:59:59.999", true, -1 },
        { "11899-12-31T23:59:59", true, 313360531199000 },
        { "2026-01-01T01:00:00+01:00", true, 1767225600000 },
        { "2025-12-31T22:30:00-0130", true, 1767225600000 },
        { "2026-01-01T00:00:00Z", true, 1767225600000 },
        { "2026-1-1T0:0:0.000000", true, 1767225600000 },
        { "2026-01-01T00:00:0", false, 0 },
        { "2026-01-01T00:00:00.000000", false, 0 },
        { "2023-02-29T00:00:00", false, 0 },
        { "1900-02-29T00:00:00", false, 0 },
        { "2026-04-31T00:00:00", false, 0 },
        { "2026-13-01T00:00:00", false, 0 },
        { "2026-00-01T00:00:00", false, 0 },
        { "2026-01-00T00:00:00", false, 0 },
        { "2026-01-32T00:00:00", false, 0 },
        { "1899-12-31T23:59:59", false, 0 },
        { "11900-01-01T00:00:00", false, 0 },
        { "2026-01-01T24:00:00", false, 0 },
        { "2026-01-01T00:60:00", false, 0 },
        { "2026-01-01T00:00:60", false, 0 },
        { "2026-01-01T00:00:00.", false, 0 },
        { "2026-01-01T00:00:00 CET", false, 0 },
        { "2026-01-01T00:00:00+0160", false, 0 },
        { "2026-01-01T00:00:00+24:00", false, 0 },
        { "2026/01/01T00:00:00", false, 0 },
        { "+026-01-01T00:00:00", false, 0 },
        { "4294969322-01-01T00:00:00", false, 0 },
        { "not a date at all!!", false, 0 },
    };

    (void)state;
    start();
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        rig.clock_set = false;
        set_clock(rows[i].text);
        if ((code() == 0) != rows[i].taken || rig.clock_set != rows[i].taken)
            fail_msg("%s: %d", rows[i].text, code());
        if (rows[i].taken && rig.clock_ms != rows[i].ms)
            fail_msg("%s: %lld ms", rows[i].text, (long long)rig.clock_ms);
        if (!rows[i].taken)
            assert_int_equal(code(), -TD_SMP_RC_INVALID);
    }
}

static void the_clock_is_read_as_it_was_set(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        { 0, "1970-01-01T00:00:00" },
        { 1795299941000, "2026-11-21T22:25:41" },
        { 1709251199999, "2024-02-29T23:59:59" },
        { 1709251200000, "2024-03-01T00:00:00" },
        { 4107542399000, "2100-02-28T23:59:59" },
        { 4107542400000, "2100-03-01T00:00:00" },
        { -1, "1969-12-31T23:59:59" },
        { -2208988800000, "1900-01-01T00:00:00" },
        { 313360531199000, "11899-12-31T23:59:59" },
    };
    struct td_os_datetime rsp;
    size_t len;
    const uint8_t *p;

    (void)state;
    start();
    rig.clock_set = true;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        rig.clock_ms = rows[i].ms;
        ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME, "a0");
        p = payload(&len);
        assert_int_equal(td_os_datetime_get(p, len, &rsp), TD_OK);
        assert_int_equal(rsp.text.len, strlen(rows[i].text));
        assert_memory_equal(rsp.text.p, rows[i].text, rsp.text.len);
    }
}

/* Every day of four centuries and a bit, both ways. */
static void every_day_is_the_same_after_both_ways(void **state)
{
    const int64_t day_ms = 86400000;
    int64_t day = 0;

    (void)state;
    start();
    for (unsigned year = 1970; year < 2401; year++)
        for (unsigned month = 1; month <= 12; month++)
            for (unsigned d = 1; d <= 31; d++) {
                char text[40];
                struct td_os_datetime rsp;
                size_t len;
                const uint8_t *p;

                snprintf(text, sizeof text, "%04u-%02u-%02uT12:34:56", year, month, d);
                set_clock(text);
                if (code() != 0)
                    continue;
                assert_int_equal(rig.clock_ms, day * day_ms + 45296000);
                day++;
                ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME, "a0");
                p = payload(&len);
                assert_int_equal(td_os_datetime_get(p, len, &rsp), TD_OK);
                assert_memory_equal(rsp.text.p, text, 19);
            }
    assert_int_equal(day, 157420);
}

static void a_clock_that_fails_or_was_never_set_says_so(void **state)
{
    (void)state;
    start();
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME, "a0");
    assert_int_equal(code(), TD_OS_RTC_NOT_SET);
    ask_hex(TD_SMP_V1, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME, "a0");
    assert_int_equal(code(), -TD_SMP_RC_NO_ENTRY);
    rig.clock_fails = true;
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME, "a0");
    assert_int_equal(code(), TD_OS_RTC_FAILED);
    set_clock("2026-01-01T00:00:00");
    assert_int_equal(code(), TD_OS_RTC_FAILED);
    rig.clock_fails = false;
    rig.clock_set = true;
    rig.clock_ms = INT64_MAX; // a year that has no place in the text
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME, "a0");
    assert_int_equal(code(), TD_OS_RTC_FAILED);
    rig.clock_ms = INT64_MIN;
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_DATETIME, "a0");
    assert_int_equal(code(), TD_OS_RTC_FAILED);
}

static void facts_beyond_255_characters_are_too_large_and_missing_ones_unknown(void **state)
{
    static const char name[250] = { 'x' };
    struct td_server_facts facts = { .kernel = TD_TEXT("K"), .node = { name, sizeof name } };

    (void)state;
    start();
    rig.os.facts = &facts;
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_INFO, "a166666f726d6174626e73");
    assert_int_equal(code(), 0);
    facts.kernel = TD_TEXT("Kern");
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_INFO, "a166666f726d61746161");
    assert_int_equal(code(), 0);
    facts.kernel = TD_TEXT("Kerne");
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_INFO, "a166666f726d61746161");
    assert_int_equal(code(), -TD_SMP_RC_MSG_SIZE);
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_INFO, "a166666f726d61746162");
    assert_int_equal(code(), TD_OS_INVALID_FORMAT);
    rig.cfg.buf_size = 64;
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_INFO, "a166666f726d6174616e");
    assert_int_equal(code(), -TD_SMP_RC_MSG_SIZE);
}

static void which_of_s0_and_s1_runs_is_told_where_there_is_a_first_stage(void **state)
{
    static const struct td_tandem_stage stage = { .slot = 1 };
    static const struct td_server_group *const groups[] = { &td_server_group_os };
    static const char query[] = "a1657175657279 6e6163746976655f62305f736c6f74";
    struct td_os_bootloader_rsp rsp;
    size_t len;
    const uint8_t *p;

    (void)state;
    start();
    rig.cfg.groups = groups;
    rig.cfg.n_groups = 1;
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_BOOTLOADER, query);
    assert_int_equal(code(), TD_OS_NO_ANSWER);
    rig.cfg.stage = &stage;
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_OS, TD_OS_BOOTLOADER, query);
    p = payload(&len);
    assert_int_equal(td_os_bootloader_rsp_get(p, len, &rsp), TD_OK);
    assert_true(rsp.has_active && rsp.active == 1 && !rsp.has_name);
}

/* ---- statistics and settings ------------------------------------------------------------- */

static void counters_of_64_bits_are_told_whole(void **state)
{
    struct td_cbor_writer w = begin();
    const struct td_stat_show_req req = { true, TD_TEXT("flash_sim_stats") };
    struct td_stat_show show;
    struct td_stat_field field;
    bool done;
    size_t len;
    const uint8_t *p;

    (void)state;
    start();
    td_stat_show_req_put(&w, &req);
    ask(&w, TD_SMP_READ, TD_SMP_GROUP_STAT, TD_STAT_SHOW);
    p = payload(&len);
    assert_int_equal(td_stat_show_get_begin(p, len, &show), TD_OK);
    assert_true(td_cbor_text_is(show.name, req.name));
    assert_int_equal(td_stat_show_get(&show, &field, &done), TD_OK);
    assert_true(td_cbor_text_is(field.name, TD_TEXT("ticks")) && field.value == 1);
    assert_int_equal(td_stat_show_get(&show, &field, &done), TD_OK);
    assert_true(td_cbor_text_is(field.name, TD_TEXT("bytes")) && field.value == 1ull << 40);
    assert_int_equal(td_stat_show_get(&show, &field, &done), TD_OK);
    assert_true(done);
}

static void write_setting(struct td_cbor_text name, const uint8_t *val, size_t len)
{
    struct td_cbor_writer w = begin();
    const struct td_settings_write_req req = { true, true, name, { val, len } };

    td_settings_write_req_put(&w, &req);
    ask(&w, TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_VALUE);
}

static struct td_settings_read_rsp read_setting(bool has_max, uint32_t max)
{
    struct td_cbor_writer w = begin();
    const struct td_settings_read_req req = { true, has_max, rig_setting, max };
    struct td_settings_read_rsp rsp;
    size_t len;
    const uint8_t *p;

    td_settings_read_req_put(&w, &req);
    ask(&w, TD_SMP_READ, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_VALUE);
    p = payload(&len);
    assert_int_equal(td_settings_read_rsp_get(p, len, &rsp), TD_OK);
    return rsp;
}

static void a_value_is_cut_to_what_was_asked_for_or_to_the_devices_limit(void **state)
{
    static const struct {
        const char *says;
        uint16_t value_max;
        size_t has;
        bool has_max;
        uint32_t max;
        size_t want;
        bool told;
        uint32_t limit;
    } rows[] = {
        { "whole", 0, 5, false, 0, 5, false, 0 },
        { "empty", 0, 0, false, 0, 0, false, 0 },
        { "cut as asked for", 0, 5, true, 3, 3, false, 0 },
        { "none of it", 0, 5, true, 0, 0, false, 0 },
        { "as much as asked for", 0, 5, true, 5, 5, false, 0 },
        { "less than asked for", 0, 5, true, 256, 5, false, 0 },
        { "more asked for than there can be", 0, 5, true, 257, 5, true, 256 },
        { "cut by the device", 4, 9, false, 0, 4, true, 4 },
        { "cut by both", 4, 9, true, 4, 4, true, 4 },
    };
    static const uint8_t val[16] = "0123456789abcde";

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_settings_read_rsp rsp;

        start();
        rig.settings.value_max = rows[i].value_max;
        memcpy(rig.value, val, sizeof val);
        rig.value_len = rows[i].has;
        rig.value_there = true;
        rsp = read_setting(rows[i].has_max, rows[i].max);
        if (!rsp.has_val || rsp.val.len != rows[i].want || rsp.has_max_size != rows[i].told ||
            rsp.max_size != rows[i].limit)
            fail_msg("%s", rows[i].says);
        if (rsp.val.len > 0)
            assert_memory_equal(rsp.val.p, val, rsp.val.len);
    }
}

static void a_value_that_the_answer_has_no_room_for_is_rc_7(void **state)
{
    (void)state;
    start();
    rig.cfg.buf_size = 96;
    rig.value_there = true;
    rig.value_len = 63;
    assert_int_equal(read_setting(false, 0).val.len, 63);
    rig.value_len = 90;
    (void)read_setting(false, 0);
    assert_int_equal(code(), -TD_SMP_RC_MSG_SIZE);
}

static void settings_are_written_and_deleted_and_each_refusal_has_its_code(void **state)
{
    static const uint8_t val[300] = { 1, 2, 3 };
    struct td_cbor_writer w;
    const struct td_settings_name_req fixed = { true, TD_TEXT("led/fixed") };
    const struct td_settings_name_req led = { true, TD_TEXT("led") };

    (void)state;
    start();
    write_setting(rig_setting, val, 3);
    assert_int_equal(code(), 0);
    assert_int_equal(read_setting(false, 0).val.len, 3);
    write_setting(TD_TEXT("led/none"), val, 3);
    assert_int_equal(code(), TD_SETTINGS_NO_ROOT);
    write_setting(TD_TEXT("led/fixed"), val, 3);
    assert_int_equal(code(), TD_SETTINGS_NOT_WRITABLE);
    write_setting(rig_setting, val, 257);
    assert_int_equal(code(), TD_SETTINGS_UNKNOWN);
    write_setting(TD_TEXT("1234567890123456789012345678901"), val, 3);
    assert_int_equal(code(), TD_SETTINGS_NO_ROOT); // 31 bytes are not too long
    w = begin();
    td_settings_name_req_put(&w, &fixed);
    ask(&w, TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_DELETE);
    assert_int_equal(code(), TD_SETTINGS_NOT_DELETABLE);
    rig.settings.get = NULL;
    (void)read_setting(false, 0);
    assert_int_equal(code(), TD_SETTINGS_NOT_READABLE);
    w = begin();
    td_settings_name_req_put(&w, &led);
    ask(&w, TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_LOAD_SAVE);
    assert_int_equal(code(), 0);
    assert_true(rig.saves == 1 && rig.saved_len == 3);
    ask_hex(TD_SMP_V2, TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_LOAD_SAVE, "a0");
    assert_true(code() == 0 && rig.saves == 2 && rig.saved_len == 0);
    rig.save_err = TD_ENOSPC;
    ask_hex(TD_SMP_V2, TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_LOAD_SAVE, "a0");
    assert_int_equal(code(), TD_SETTINGS_UNKNOWN);
    assert_true(td_cbor_text_is(status().reason, TD_TEXT("no room left")));
    ask_hex(TD_SMP_V2, TD_SMP_WRITE, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_COMMIT, "a0");
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_SETTINGS, TD_SETTINGS_LOAD_SAVE, "a0");
    assert_true(rig.commits == 1 && rig.loads == 1);
}

/* ---- files ------------------------------------------------------------------------------- */

static void put_file(struct td_cbor_text name, size_t len)
{
    struct rig_file *file = &rig.files[0];

    memcpy(file->name, name.p, name.len);
    file->name_len = name.len;
    file->len = len;
    for (size_t i = 0; i < len; i++)
        file->bytes[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void upload(uint64_t off, uint64_t len, const void *data, size_t n)
{
    struct td_cbor_writer w = begin();
    const struct td_fs_upload_req req = {
        .has_off = true,
        .off = off,
        .has_name = true,
        .name = TD_TEXT("/lfs1/up"),
        .has_len = off == 0,
        .len = len,
        .has_data = true,
        .data = { data, n },
    };

    td_fs_upload_req_put(&w, &req);
    ask(&w, TD_SMP_WRITE, TD_SMP_GROUP_FS, TD_FS_FILE);
}

static struct td_fs_upload_rsp uploaded(void)
{
    struct td_fs_upload_rsp rsp;
    size_t len;
    const uint8_t *p = payload(&len);

    assert_int_equal(td_fs_upload_rsp_get(p, len, &rsp), TD_OK);
    return rsp;
}

static size_t ask_hash(struct td_cbor_text type)
{
    struct td_cbor_writer w = begin();
    const struct td_fs_hash_req req = {
        .has_name = true,
        .name = TD_TEXT("/lfs1/big"),
        .has_type = true,
        .type = type,
    };

    td_fs_hash_req_put(&w, &req);
    return end(&w, TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_HASH);
}

static struct td_fs_download_rsp download(uint64_t off)
{
    struct td_cbor_writer w = begin();
    const struct td_fs_download_req req = { true, true, off, TD_TEXT("/lfs1/big") };
    struct td_fs_download_rsp rsp;
    size_t len;
    const uint8_t *p;

    td_fs_download_req_put(&w, &req);
    ask(&w, TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_FILE);
    p = payload(&len);
    assert_int_equal(td_fs_download_rsp_get(p, len, &rsp), TD_OK);
    return rsp;
}

static void a_download_fills_every_answer_and_ends_where_the_file_does(void **state)
{
    static const uint32_t sizes[] = { 96, 256, 384, 1024, 2048 };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(sizes); i++)
        for (size_t len = 0; len < 6000; len += 1499) {
            size_t off = 0;

            start();
            rig.cfg.buf_size = sizes[i];
            put_file(TD_TEXT("/lfs1/big"), len);
            do {
                struct td_fs_download_rsp rsp = download(off);

                assert_true(rsp.has_off && rsp.off == off && rsp.has_data);
                assert_int_equal(rsp.has_len, off == 0);
                assert_true(off > 0 || rsp.len == len);
                if (rsp.data.len > 0)
                    assert_memory_equal(rsp.data.p, rig.files[0].bytes + off, rsp.data.len);
                off += rsp.data.len;
                // A handful of bytes may be left: heads are as long as the largest needs them.
                assert_true(off == len || rig.reply.len + 6 >= sizes[i]);
                assert_true(rsp.data.len > 0 || len == 0);
            } while (off < len);
            assert_int_equal(rig.closes, 1);
        }
}

static enum td_err vast_size(void *ctx, struct td_cbor_text path, uint64_t *size)
{
    (void)ctx;
    (void)path;
    *size = 1u << 20;
    return TD_OK;
}

static enum td_err vast_read(void *ctx, struct td_cbor_text path, uint64_t off, uint8_t *dst,
                             size_t len, size_t *got)
{
    (void)ctx;
    (void)path;
    memset(dst, (int)(off & 0xff), len);
    *got = len;
    return TD_OK;
}

static void an_answer_is_no_longer_than_its_header_can_say(void **state)
{
    static uint8_t rsp[80000];
    const struct td_fs_download_req req = { true, true, 0, TD_TEXT("/lfs1/vast") };
    struct td_cbor_writer w = begin();
    struct td_fs_download_rsp got;
    size_t len;

    (void)state;
    start();
    rig.file_system.size = vast_size;
    rig.file_system.read = vast_read;
    rig.cfg.buf_size = sizeof rsp;
    rig.link[0].max_reply = sizeof rsp;
    td_fs_download_req_put(&w, &req);
    len = end(&w, TD_SMP_READ, TD_SMP_GROUP_FS, TD_FS_FILE);
    td_server_handle(&rig.srv, &rig.link[0], packet, len, rsp, sizeof rsp, &rig.reply);
    assert_in_range(rig.reply.len, 65536, TD_SMP_HEADER_SIZE + 65535);
    assert_int_equal(td_fs_download_rsp_get(rsp + 8, rig.reply.len - 8, &got), TD_OK);
    assert_true(got.has_data && got.len == 1u << 20);
}

static void an_upload_begun_again_begins_at_the_beginning(void **state)
{
    (void)state;
    start();
    upload(0, 10, "hello", 5);
    assert_int_equal(uploaded().off, 5);
    upload(0, 4, "he", 2);
    assert_int_equal(uploaded().off, 2);
    upload(2, 0, "re", 2);
    assert_int_equal(uploaded().off, 4);
    assert_int_equal(rig.files[0].len, 4);
    assert_memory_equal(rig.files[0].bytes, "here", 4);
    assert_int_equal(rig.closes, 1);
    assert_int_equal(rig.srv.file.state, TD_SERVER_NO_FILE);
}

static void an_upload_goes_on_from_another_link_where_the_file_ends(void **state)
{
    struct td_fs_upload_rsp rsp;

    (void)state;
    start();
    upload(0, 10, "hello", 5);
    td_server_link_down(&rig.srv, &rig.link[0]);
    assert_int_equal(rig.closes, 1);
    speaker = 1;
    upload(7, 0, "xx", 2);
    rsp = uploaded();
    assert_int_equal(code(), TD_FS_OFFSET_NOT_VALID);
    assert_true(rsp.has_len && rsp.len == 5);
    assert_true(td_cbor_text_is(status().reason, TD_TEXT("not where the file ends")));
    upload(5, 0, "world", 5);
    assert_int_equal(uploaded().off, 10);
    assert_memory_equal(rig.files[0].bytes, "helloworld", 10);
    ask_hex(TD_SMP_V2, TD_SMP_WRITE, TD_SMP_GROUP_FS, TD_FS_CLOSE, "a0");
    assert_true(code() == 0 && rig.srv.file.state == TD_SERVER_NO_FILE);
}

static void another_link_waits_for_the_file_until_it_is_free_or_idle(void **state)
{
    (void)state;
    start();
    put_file(TD_TEXT("/lfs1/big"), 5000);
    rig.file_system.now_ms = rig_now;
    rig.now_ms = 0xfffff000; // it wraps
    upload(0, 10, "hello", 5);
    speaker = 1;
    upload(0, 10, "hello", 5);
    assert_int_equal(code(), -TD_SMP_RC_BUSY);
    (void)download(0);
    assert_int_equal(code(), -TD_SMP_RC_BUSY);
    ask_hex(TD_SMP_V2, TD_SMP_WRITE, TD_SMP_GROUP_FS, TD_FS_CLOSE, "a0");
    assert_int_equal(code(), -TD_SMP_RC_BUSY);
    rig.now_ms += 9999;
    (void)download(0);
    assert_int_equal(code(), -TD_SMP_RC_BUSY);
    rig.now_ms += 1;
    assert_true(download(0).has_data);
    speaker = 0;
    upload(5, 0, "world", 5);
    assert_int_equal(code(), -TD_SMP_RC_BUSY);
    speaker = 1;
    ask_hex(TD_SMP_V2, TD_SMP_WRITE, TD_SMP_GROUP_FS, TD_FS_CLOSE, "a0");
    speaker = 0;
    upload(5, 0, "world", 5);
    assert_int_equal(uploaded().off, 10);
}

static void a_file_that_nobody_goes_on_with_is_closed_without_another_request(void **state)
{
    (void)state;
    start();
    rig.file_system.now_ms = rig_now;
    rig.now_ms = UINT32_MAX - 5000; // clocks wrap
    upload(0, 100, "half", 4);
    assert_false(td_server_busy(&rig.srv));
    rig.now_ms += 9999;
    assert_false(td_server_busy(&rig.srv));
    rig.now_ms++;
    assert_true(td_server_busy(&rig.srv));
    assert_int_equal(rig.closes, 0);
    td_server_work(&rig.srv, 1000, rig.rsp, sizeof rig.rsp, &rig.reply);
    assert_int_equal(rig.closes, 1);
    assert_int_equal(rig.reply.len, 0);
    assert_false(td_server_busy(&rig.srv));
}

static void where_links_are_not_bound_the_last_one_has_the_file(void **state)
{
    (void)state;
    groups_rig_init(&rig, &td_server_zephyr_4);
    put_file(TD_TEXT("/lfs1/big"), 5000);
    speaker = 0;
    upload(0, 10, "hello", 5);
    speaker = 1;
    assert_true(download(0).has_data);
}

static void a_file_system_that_fails_has_a_code_for_each_way(void **state)
{
    static const struct {
        const char *says;
        enum td_err err;
        int want;
    } rows[] = {
        { "full", TD_ENOSPC, TD_FS_WRITE_FAILED },
        { "flash", TD_EFLASH, TD_FS_WRITE_FAILED },
        { "read-only", TD_EUNSUPPORTED, TD_FS_READ_ONLY },
        { "a directory", TD_ESTATE, TD_FS_IS_DIRECTORY },
        { "no name", TD_EARG, TD_FS_INVALID_NAME },
        { "not mounted", TD_ENOTFOUND, TD_FS_NO_MOUNT_POINT },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        start();
        rig.write_err = rows[i].err;
        upload(0, 10, "hello", 5);
        if (code() != rows[i].want)
            fail_msg("%s: %d", rows[i].says, code());
        assert_int_equal(rig.srv.file.state, TD_SERVER_NO_FILE);
    }
    start();
    rig.file_system.write = NULL;
    upload(0, 10, "hello", 5);
    assert_int_equal(code(), TD_FS_READ_ONLY);
    put_file(TD_TEXT("/lfs1/big"), 10);
    rig.read_err = TD_EFLASH;
    (void)download(0);
    assert_int_equal(code(), TD_FS_READ_FAILED);
    give(ask_hash(TD_TEXT("crc32")));
    finish();
    assert_int_equal(code(), TD_FS_READ_FAILED);
}

static void a_long_hash_takes_steps_and_others_are_served_between_them(void **state)
{
    static const uint8_t echo[] = { 0x0a, 0, 0, 4, 0, 0, 7, 0, 0xa1, 0x61, 0x64, 0x60 };
    uint8_t want[32];
    struct td_fs_hash_rsp rsp;
    size_t len;
    const uint8_t *p;

    (void)state;
    start();
    put_file(TD_TEXT("/lfs1/big"), 20000);
    td_hash_of(&td_sha256, rig.files[0].bytes, 20000, want);
    give(ask_hash(TD_TEXT("sha256")));
    assert_true(rig.reply.len == 0 && td_server_owes(&rig.srv) && td_server_busy(&rig.srv));
    td_server_work(&rig.srv, 1000, rig.rsp, sizeof rig.rsp, &rig.reply);
    assert_int_equal(rig.reply.len, 0);
    td_server_handle(&rig.srv, &rig.link[1], echo, sizeof echo, rig.rsp, sizeof rig.rsp,
                     &rig.reply);
    assert_true(rig.reply.len > 0 && rig.reply.link == &rig.link[1]);
    rig.reply.len = 0;
    finish();
    assert_int_equal(rig.works, 3);
    assert_ptr_equal(rig.reply.link, &rig.link[0]);
    p = payload(&len);
    assert_int_equal(td_fs_hash_rsp_get(p, len, &rsp), TD_OK);
    assert_true(rsp.has_bytes && rsp.bytes.len == 32 && rsp.len == 20000 && !rsp.has_off);
    assert_memory_equal(rsp.bytes.p, want, 32);
}

static void a_hash_whose_link_went_away_is_not_continued_for_the_next(void **state)
{
    struct td_fs_hash_rsp rsp;
    size_t len;
    const uint8_t *p;

    (void)state;
    start();
    put_file(TD_TEXT("/lfs1/big"), 20000);
    give(ask_hash(TD_TEXT("sha256")));
    td_server_link_down(&rig.srv, &rig.link[0]);
    assert_false(td_server_owes(&rig.srv));
    speaker = 1;
    give(ask_hash(TD_TEXT("crc32")));
    rig.files[0].len = 15000; // and the file becomes shorter meanwhile
    finish();
    p = payload(&len);
    assert_int_equal(td_fs_hash_rsp_get(p, len, &rsp), TD_OK);
    assert_true(rsp.has_number && rsp.len == 15000);
    assert_int_equal(rsp.number, td_crc32(0, rig.files[0].bytes, 15000));
}

static void a_hash_that_is_refused_when_it_goes_on_is_not_continued_for_the_next(void **state)
{
    struct td_fs_hash_rsp rsp;
    size_t len;
    const uint8_t *p;

    (void)state;
    start();
    rig.cfg.access = td_server_access_default;
    rig.cfg.n_access = TD_SERVER_ACCESS_DEFAULT_N;
    put_file(TD_TEXT("/lfs1/big"), 20000);
    give(ask_hash(TD_TEXT("sha256")));
    td_server_work(&rig.srv, 1000, rig.rsp, sizeof rig.rsp, &rig.reply);
    assert_int_equal(rig.reply.len, 0);
    rig.link[0].authenticated = false;
    finish();
    assert_int_equal(code(), -TD_SMP_RC_ACCESS_DENIED);
    speaker = 1;
    give(ask_hash(TD_TEXT("crc32")));
    finish();
    p = payload(&len);
    assert_int_equal(td_fs_hash_rsp_get(p, len, &rsp), TD_OK);
    assert_true(rsp.has_number && rsp.len == 20000);
    assert_int_equal(rsp.number, td_crc32(0, rig.files[0].bytes, 20000));
}

/* Without a buffer to hold the request the hash is taken at once. */
static void a_hash_is_the_same_without_a_place_to_wait(void **state)
{
    struct td_fs_hash_rsp rsp;
    size_t len;
    const uint8_t *p;

    (void)state;
    start();
    td_server_init(&rig.srv, &rig.cfg, NULL, 0);
    put_file(TD_TEXT("/lfs1/big"), 20000);
    give(ask_hash(TD_TEXT("crc32")));
    p = payload(&len);
    assert_int_equal(td_fs_hash_rsp_get(p, len, &rsp), TD_OK);
    assert_int_equal(rsp.number, td_crc32(0, rig.files[0].bytes, 20000));
}

/* ---- shell and enumeration --------------------------------------------------------------- */

static void run(const struct td_cbor_text *words, size_t n)
{
    struct td_cbor_writer w = begin();

    td_shell_exec_put_begin(&w);
    for (size_t i = 0; i < n; i++)
        td_shell_exec_put(&w, words[i]);
    td_shell_exec_put_end(&w);
    ask(&w, TD_SMP_WRITE, TD_SMP_GROUP_SHELL, TD_SHELL_EXEC);
}

static struct td_shell_exec_rsp ran(void)
{
    struct td_shell_exec_rsp rsp;
    size_t len;
    const uint8_t *p = payload(&len);

    assert_int_equal(td_shell_exec_rsp_get(p, len, &rsp), TD_OK);
    return rsp;
}

static void words_are_joined_with_single_spaces_and_the_output_is_cut(void **state)
{
    static const struct td_cbor_text words[] = { TD_TEXT_INIT("led"), TD_TEXT_INIT(""),
                                                 TD_TEXT_INIT("on 3") };
    struct td_shell_exec_rsp rsp;

    (void)state;
    start();
    rig.output_len = 20;
    run(words, 3);
    rsp = ran();
    assert_int_equal(rig.line_len, 9);
    assert_memory_equal(rig.line, "led  on 3", 9);
    assert_true(rsp.has_output && rsp.output.len == 20 && rsp.has_ret && rsp.ret == -9);
    assert_memory_equal(rsp.output.p, "led  on 3led  on 3le", 20);
    assert_false(rsp.as_rc);
    rig.output_len = 100000;
    rig.cfg.buf_size = 256;
    run(words, 3);
    rsp = ran();
    assert_true(rsp.has_output && rsp.output.len > 220 && rsp.ret == -9);
    assert_true(rig.reply.len <= 256);
}

static void a_line_is_as_long_as_the_device_takes_it(void **state)
{
    static const char text[256] = { 'a' };
    const struct td_cbor_text longest = { text, 255 }, longer = { text, 256 };
    const struct td_cbor_text words[] = { { text, 200 }, { text, 54 } };
    const struct td_cbor_text none = { text, 0 };

    (void)state;
    start();
    run(&longest, 1);
    assert_true(ran().ret == -255);
    run(words, 2);
    assert_true(ran().ret == -255);
    run(&longer, 1);
    assert_int_equal(code(), TD_SHELL_TOO_LONG);
    rig.shell.line_max = 254;
    run(&longest, 1);
    assert_int_equal(code(), TD_SHELL_TOO_LONG);
    run(&none, 1);
    assert_int_equal(code(), TD_SHELL_EMPTY);
    ask_hex(TD_SMP_V2, TD_SMP_WRITE, TD_SMP_GROUP_SHELL, TD_SHELL_EXEC, "a16461726776826161 05");
    assert_int_equal(code(), -TD_SMP_RC_INVALID);
}

static void old_servers_say_rc_for_what_the_command_returned(void **state)
{
    static const struct td_cbor_text word = TD_TEXT_INIT("led");
    struct td_shell_exec_rsp rsp;

    (void)state;
    groups_rig_init(&rig, &td_server_zephyr_3_3);
    speaker = 0;
    run(&word, 1);
    rsp = ran();
    assert_true(rsp.has_ret && rsp.as_rc && rsp.ret == -3);
}

static void a_list_of_groups_that_does_not_fit_is_rc_7_or_as_zephyr_has_it(void **state)
{
    (void)state;
    start();
    rig.cfg.buf_size = 64;
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_DETAILS, "a0");
    assert_int_equal(code(), -TD_SMP_RC_MSG_SIZE);
    groups_rig_init(&rig, &td_server_zephyr_4);
    rig.cfg.buf_size = 64;
    ask_hex(TD_SMP_V2, TD_SMP_READ, TD_SMP_GROUP_ENUM, TD_ENUM_DETAILS, "a0");
    assert_int_equal(code(), -TD_SMP_RC_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_zephyrs_byte_for_byte),
        cmocka_unit_test(a_command_without_its_back_end_is_not_supported),
        cmocka_unit_test(a_malformed_request_is_rc_3_wherever_it_is_read),
        cmocka_unit_test(threads_are_listed_as_long_as_they_fit),
        cmocka_unit_test(pools_are_the_answer_itself),
        cmocka_unit_test(the_clock_takes_what_is_a_date_and_nothing_else),
        cmocka_unit_test(the_clock_is_read_as_it_was_set),
        cmocka_unit_test(every_day_is_the_same_after_both_ways),
        cmocka_unit_test(a_clock_that_fails_or_was_never_set_says_so),
        cmocka_unit_test(facts_beyond_255_characters_are_too_large_and_missing_ones_unknown),
        cmocka_unit_test(which_of_s0_and_s1_runs_is_told_where_there_is_a_first_stage),
        cmocka_unit_test(counters_of_64_bits_are_told_whole),
        cmocka_unit_test(a_value_is_cut_to_what_was_asked_for_or_to_the_devices_limit),
        cmocka_unit_test(a_value_that_the_answer_has_no_room_for_is_rc_7),
        cmocka_unit_test(settings_are_written_and_deleted_and_each_refusal_has_its_code),
        cmocka_unit_test(a_download_fills_every_answer_and_ends_where_the_file_does),
        cmocka_unit_test(an_answer_is_no_longer_than_its_header_can_say),
        cmocka_unit_test(an_upload_begun_again_begins_at_the_beginning),
        cmocka_unit_test(an_upload_goes_on_from_another_link_where_the_file_ends),
        cmocka_unit_test(another_link_waits_for_the_file_until_it_is_free_or_idle),
        cmocka_unit_test(a_file_that_nobody_goes_on_with_is_closed_without_another_request),
        cmocka_unit_test(where_links_are_not_bound_the_last_one_has_the_file),
        cmocka_unit_test(a_file_system_that_fails_has_a_code_for_each_way),
        cmocka_unit_test(a_long_hash_takes_steps_and_others_are_served_between_them),
        cmocka_unit_test(a_hash_whose_link_went_away_is_not_continued_for_the_next),
        cmocka_unit_test(a_hash_that_is_refused_when_it_goes_on_is_not_continued_for_the_next),
        cmocka_unit_test(a_hash_is_the_same_without_a_place_to_wait),
        cmocka_unit_test(words_are_joined_with_single_spaces_and_the_output_is_cut),
        cmocka_unit_test(a_line_is_as_long_as_the_device_takes_it),
        cmocka_unit_test(old_servers_say_rc_for_what_the_command_returned),
        cmocka_unit_test(a_list_of_groups_that_does_not_fit_is_rc_7_or_as_zephyr_has_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
