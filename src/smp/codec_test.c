/* Messages of every group: from bytes that other programs wrote, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "base/range.h"
#include "smp/enum.h"
#include "smp/error.h"
#include "smp/image.h"
#include "smp/os.h"
#include "smp/tandem.h"

static void check_bytes(const uint8_t *got, size_t n_got, const char *hex)
{
    uint8_t want[512];
    size_t n = from_hex(hex, want);

    assert_int_equal(n_got, n);
    assert_memory_equal(got, want, n);
}

/* ---- messages ---------------------------------------------------------------------------- */

static void known_messages_are_written_byte_for_byte(void **state)
{
    static const uint8_t hash[32] = { 0 };
    const struct td_os_echo echo = { true, TD_TEXT("hi") };
    const struct td_img_state_req confirm = {
        .has_confirm = true,
        .confirm = true,
        .has_hash = true,
        .hash = { hash, sizeof hash },
    };
    uint8_t buf[128];
    struct td_cbor_writer w;
    size_t len;

    (void)state;
    td_smp_begin(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
    td_os_echo_req_put(&w, &echo);
    assert_int_equal(
        td_smp_end(&w, &(struct td_smp_header){ 1, TD_SMP_WRITE, 0, 0, 0, 0x42, 0 }, &len), TD_OK);
    check_bytes(buf, len, "0a00000600004200a16164626869");

    td_smp_begin(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
    td_smp_put_empty(&w);
    assert_int_equal(
        td_smp_end(&w, &(struct td_smp_header){ 0, TD_SMP_READ, 0, 0, 0, 255, 6 }, &len), TD_OK);
    check_bytes(buf, len, "000000010000ff06a0");

    td_smp_begin(&w, buf, sizeof buf, TD_CBOR_INDEFINITE);
    td_img_state_req_put(&w, &confirm);
    assert_int_equal(
        td_smp_end(&w, &(struct td_smp_header){ 0, TD_SMP_WRITE, 0, 0, 1, 2, 0 }, &len), TD_OK);
    check_bytes(buf, len,
                "0200003200010200 bf 67636f6e6669726d f5 6468617368 5820"
                "00000000000000000000000000000000 00000000000000000000000000000000 ff");

    td_smp_begin(&w, buf, sizeof buf, TD_CBOR_INDEFINITE);
    td_smp_put_group_error(&w, TD_SMP_GROUP_IMAGE, TD_IMG_ALREADY_PENDING,
                           (struct td_cbor_text){ NULL, 0 });
    assert_int_equal(
        td_smp_end(&w, &(struct td_smp_header){ 1, TD_SMP_WRITE_RSP, 0, 0, 1, 5, 0 }, &len), TD_OK);
    check_bytes(buf, len, "0b00001400010500 bf63657272bf6567726f757001627263181cffff");
}

static void a_header_is_the_same_after_both_ways(void **state)
{
    uint8_t bytes[8], again[8];
    struct td_smp_header hdr;

    (void)state;
    for (unsigned first = 0; first < 32; first++) {
        const uint8_t in[8] = { (uint8_t)first, 0xa5, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc };

        memcpy(bytes, in, sizeof in);
        td_smp_header_decode(bytes, &hdr);
        assert_int_equal(hdr.version, first >> 3);
        assert_int_equal(hdr.op, first & 7);
        assert_int_equal(hdr.len, 0x1234);
        assert_int_equal(hdr.group, 0x5678);
        td_smp_header_encode(&hdr, again);
        assert_memory_equal(again, bytes, 8);
    }
}

static void a_packet_shorter_than_it_says_is_not_opened(void **state)
{
    static const uint8_t packet[] = { 8, 0, 0, 2, 0, 1, 7, 0, 0xa0, 0xa0 };
    struct td_smp_header hdr;
    const uint8_t *payload;

    (void)state;
    for (size_t len = 0; len < sizeof packet; len++)
        assert_int_equal(td_smp_open(packet, len, &hdr, &payload), TD_ETRUNC);
    assert_int_equal(hdr.seq, 7);
    assert_null(payload);
    assert_int_equal(td_smp_open(packet, sizeof packet, &hdr, &payload), TD_OK);
    assert_ptr_equal(payload, packet + 8);
}

static void a_message_that_does_not_fit_is_not_written(void **state)
{
    uint8_t buf[16];
    struct td_cbor_writer w;
    size_t len = 99;

    (void)state;
    for (size_t cap = 0; cap < 9; cap++) {
        memset(buf, 0xee, sizeof buf);
        td_smp_begin(&w, buf, cap, TD_CBOR_DEFINITE);
        td_smp_put_empty(&w);
        assert_int_equal(td_smp_end(&w, &(struct td_smp_header){ .op = 1 }, &len), TD_ESPACE);
        assert_int_equal(len, 0);
        for (size_t i = cap; i < sizeof buf; i++)
            assert_int_equal(buf[i], 0xee);
    }
}

/* ---- status ------------------------------------------------------------------------------ */

static void every_way_to_say_done_or_not_is_understood(void **state)
{
    static const struct {
        const char *says, *hex;
        enum td_err err;
        bool of_group;
        uint16_t group;
        uint32_t code;
        const char *reason;
    } rows[] = {
        { "nothing", "", TD_OK, false, 0, 0, "" },
        { "an empty map", "a0", TD_OK, false, 0, 0, "" },
        { "an empty map, indefinite", "bfff", TD_OK, false, 0, 0, "" },
        { "rc 0", "a162726300", TD_OK, false, 0, 0, "" },
        { "rc 0 among results", "a262726300636f666618ff", TD_OK, false, 0, 0, "" },
        { "rc 8", "bf62726308ff", TD_OK, false, 0, 8, "" },
        { "rc with a reason", "a262726306 6372736e 646e6f7065", TD_OK, false, 0, 6, "nope" },
        { "image 28", "bf63657272bf6567726f757001627263181cffff", TD_OK, true, 1, 28, "" },
        { "the group behind", "a163657272a2627263026567726f757000", TD_OK, true, 0, 2, "" },
        { "err with code 0", "a163657272a26567726f757001627263 00", TD_OK, false, 0, 0, "" },
        { "err with results", "a2636c656e0563657272a2627263 0b6567726f757008", TD_OK, true, 8, 11,
          "" },
        { "a negative rc", "a162726320", TD_EFORMAT, false, 0, 0, "" },
        { "rc as text", "a1627263 6138", TD_EFORMAT, false, 0, 0, "" },
        { "err that is no map", "a16365727201", TD_EFORMAT, false, 0, 0, "" },
        { "a group beyond 16 bits", "a163657272a2627263 016567726f75701a00010000", TD_EFORMAT,
          false, 0, 0, "" },
        { "a list", "80", TD_EFORMAT, false, 0, 0, "" },
        { "half of it", "a1627263", TD_ETRUNC, false, 0, 0, "" },
    };
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_smp_status s;
        size_t n = from_hex(rows[i].hex, bytes);

        if (td_smp_status_decode(bytes, n, &s) != rows[i].err)
            fail_msg("%s", rows[i].says);
        if (rows[i].err != TD_OK)
            continue;
        if (s.of_group != rows[i].of_group || s.code != rows[i].code || s.group != rows[i].group)
            fail_msg("%s", rows[i].says);
        assert_int_equal(s.reason.len, strlen(rows[i].reason));
        assert_memory_equal(s.reason.p == NULL ? "" : s.reason.p, rows[i].reason, s.reason.len);
    }
}

static void codes_of_groups_become_the_old_rc(void **state)
{
    static const uint8_t image[] = { 0, 1, 1, 5, 5, 1, 1, 1, 1, 6, 1, 1, 1, 1, 3, 2, 1, 1,
                                     1, 3, 3, 3, 3, 1, 3, 3, 1, 6, 6, 1, 1, 1, 1, 1, 1 };
    static const uint8_t os[] = { 0, 1, 3, 5, 5, 1, 5, 1 };
    static const uint8_t basic[] = { 0, 1, 5, 0, 0 };

    (void)state;
    for (uint32_t i = 0; i < sizeof image; i++)
        assert_int_equal(td_smp_v1_rc(TD_SMP_GROUP_IMAGE, i), image[i]);
    for (uint32_t i = 0; i < sizeof os; i++)
        assert_int_equal(td_smp_v1_rc(TD_SMP_GROUP_OS, i), os[i]);
    for (uint32_t i = 0; i < sizeof basic; i++)
        assert_int_equal(td_smp_v1_rc(TD_SMP_GROUP_BASIC, i), basic[i]);
    assert_int_equal(td_smp_v1_rc(TD_SMP_GROUP_IMAGE, 35), 1);
    assert_int_equal(td_smp_v1_rc(TD_SMP_GROUP_IMAGE, UINT32_MAX), 1);
    assert_int_equal(td_smp_v1_rc(1000, 7), 1);
}

static void every_error_has_a_name_and_a_sentence(void **state)
{
    static const uint16_t groups[] = { 0, 1, 63, 21572, 999 };

    (void)state;
    assert_string_equal(td_smp_rc_name(8), "TD_SMP_RC_NOT_SUPPORTED");
    assert_string_equal(td_smp_group_error_name(1, 28), "TD_IMG_ALREADY_PENDING");
    for (size_t g = 0; g < TD_N_OF(groups); g++)
        for (uint32_t code = 0; code < 300; code++) {
            const struct td_smp_status s = { true, groups[g], code, { NULL, 0 } };
            const struct td_smp_status rc = { false, 0, code, { NULL, 0 } };

            assert_true(strlen(td_smp_status_text(&s)) > 3);
            assert_true(strlen(td_smp_status_name(&s)) > 0);
            assert_true(strlen(td_smp_status_text(&rc)) > 3);
        }
}

/* ---- images ------------------------------------------------------------------------------ */

static void a_list_as_zephyr_writes_it_is_read(void **state)
{
    // {_ "images": [_ {_ slot 0, version, hash, flags...}, {_ slot 1, version}], splitStatus: 0}
    static const char hex[] =
        "bf 66696d616765739f"
        "bf 64736c6f7400 6776657273696f6e65302e302e30 6468617368 4401020304"
        "68626f6f7461626c65f5 6770656e64696e67f4 69636f6e6669726d6564f5 66616374697665f5"
        "697065726d616e656e74f4 6a636f6d70726573736564f5 ff"
        "bf 65696d61676502 64736c6f7401 6776657273696f6e65312e322e33 6770656e64696e67f5 ff"
        "ff 6b73706c6974537461747573 00 ff";
    uint8_t bytes[256];
    size_t n = from_hex(hex, bytes);
    struct td_img_list list;
    struct td_img_entry e;
    bool end;

    (void)state;
    assert_int_equal(td_img_list_get_begin(bytes, n, &list), TD_OK);
    assert_int_equal(td_img_list_get(&list, &e, &end), TD_OK);
    assert_false(end);
    assert_false(e.has_image);
    assert_int_equal(e.slot, 0);
    assert_true(td_cbor_text_is(e.version, TD_TEXT("0.0.0")));
    assert_int_equal(e.hash.len, 4);
    assert_true(e.bootable && e.confirmed && e.active && !e.pending && !e.permanent);
    assert_int_equal(td_img_list_get(&list, &e, &end), TD_OK);
    assert_false(end);
    assert_true(e.has_image && e.image == 2 && e.slot == 1 && e.pending);
    assert_false(e.has_hash || e.bootable || e.confirmed || e.active || e.permanent);
    assert_int_equal(td_img_list_get(&list, &e, &end), TD_OK);
    assert_true(end);

    for (size_t cut = 0; cut < n; cut++) {
        enum td_err err = td_img_list_get_begin(bytes, cut, &list);

        // No payload at all is an empty map, which has no list.
        assert_int_equal(err, cut == 0 ? TD_EFORMAT : TD_ETRUNC);
    }
}

static void malformed_lists_are_refused(void **state)
{
    static const struct {
        const char *says, *hex;
    } rows[] = {
        { "no list", "a0" },
        { "a map for the list", "a166696d61676573a0" },
        { "a number for an entry", "a166696d616765738101" },
        { "an entry without a slot", "a166696d6167657381a0" },
        { "a flag twice", "a166696d6167657381a364736c6f740066616374697665f566616374697665f5" },
        { "a hash as text", "a166696d6167657381a264736c6f7400646861736861 78" },
        { "a flag as a number", "a166696d6167657381a264736c6f74006661637469766501" },
    };
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t n = from_hex(rows[i].hex, bytes);
        struct td_img_list list;
        struct td_img_entry e;
        bool end = false;
        enum td_err err = td_img_list_get_begin(bytes, n, &list);

        if (err == TD_OK)
            err = td_img_list_get(&list, &e, &end);
        if (err == TD_OK)
            fail_msg("%s", rows[i].says);
    }
}

static void versions_are_text_and_back(void **state)
{
    static const struct {
        struct td_version v;
        const char *text;
    } rows[] = {
        { { 0, 0, 0, 0 }, "0.0.0" },
        { { 1, 2, 3, 0 }, "1.2.3" },
        { { 1, 2, 3, 4 }, "1.2.3.4" },
        { { 255, 255, 65535, UINT32_MAX }, "255.255.65535.4294967295" },
        { { 10, 100, 1000, 1000000000 }, "10.100.1000.1000000000" },
    };
    static const char *const bad[] = { "",          "1",
                                       "1.2",       "1.2.",
                                       "1.2.3.",    "1.2.3.4.5",
                                       "256.0.0",   "0.256.0",
                                       "0.0.65536", ".1.2.3",
                                       "1..2.3",    "a.b.c",
                                       "1.2.3+4",   "0.0.0.4294967296",
                                       "1.2.3 ",    "99999999999.0.0" };
    char buf[TD_IMG_VERSION_MAX];
    struct td_version v;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_cbor_text text = td_img_version_text(&rows[i].v, buf);

        assert_int_equal(text.len, strlen(rows[i].text));
        assert_memory_equal(text.p, rows[i].text, text.len);
        assert_int_equal(td_img_version_parse(text, &v), TD_OK);
        assert_int_equal(td_version_cmp(&v, &rows[i].v), 0);
        assert_int_equal(v.build, rows[i].v.build);
    }
    for (size_t i = 0; i < TD_N_OF(bad); i++)
        if (td_img_version_parse((struct td_cbor_text){ bad[i], strlen(bad[i]) }, &v) == TD_OK)
            fail_msg("%s", bad[i]);
}

static void an_upload_chunk_has_the_size_that_the_arithmetic_says(void **state)
{
    static uint8_t buf[600], data[512];
    static const struct {
        uint32_t off;
        size_t n, overhead;
    } rows[] = {
        { 1, 20, 8 + 1 + 5 + 1 + 4 + 1 },
        { 24, 24, 8 + 1 + 5 + 2 + 4 + 2 },
        { 256, 255, 8 + 1 + 5 + 2 + 4 + 3 },
        { 65536, 256, 8 + 1 + 5 + 3 + 4 + 5 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        const struct td_img_upload_req req = {
            .has_off = true,
            .off = rows[i].off,
            .has_data = true,
            .data = { data, rows[i].n },
        };
        struct td_img_upload_req back;
        struct td_cbor_writer w;
        size_t len;

        td_smp_begin(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
        td_img_upload_req_put(&w, &req);
        assert_int_equal(td_smp_end(&w, &(struct td_smp_header){ .op = TD_SMP_WRITE }, &len),
                         TD_OK);
        assert_int_equal(len, rows[i].n + rows[i].overhead);
        assert_int_equal(td_img_upload_req_get(buf + 8, len - 8, &back), TD_OK);
        assert_int_equal(back.off, rows[i].off);
        assert_int_equal(back.data.len, rows[i].n);
        assert_false(back.has_len || back.has_sha || back.has_image || back.has_upgrade);
    }
}

/* ---- os ---------------------------------------------------------------------------------- */

static void resets_are_read_with_force_as_flag_or_number(void **state)
{
    static const struct {
        const char *hex;
        bool force;
    } rows[] = {
        { "a165666f726365f5", true },
        { "a165666f726365f4", false },
        { "a165666f72636501", true },
        { "a165666f72636500", false },
        { "a0", false },
    };
    uint8_t bytes[32];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_os_reset_req req;
        size_t n = from_hex(rows[i].hex, bytes);

        assert_int_equal(td_os_reset_req_get(bytes, n, &req), TD_OK);
        assert_int_equal(req.force, rows[i].force);
        assert_false(req.has_boot_mode);
    }
}

static void answers_about_the_device_survive_both_ways(void **state)
{
    static const struct td_os_bootloader_rsp said[] = {
        { .has_name = true, .name = TD_TEXT_INIT("MCUboot") },
        { .has_mode = true, .mode = -1 },
        { .has_mode = true, .mode = 9, .has_no_downgrade = true, .no_downgrade = true },
        { .has_active = true, .active = 1 },
    };
    const struct td_os_params_rsp params = { true, true, 2475, 4 };
    struct td_os_params_rsp params_back;
    uint8_t buf[64];
    struct td_cbor_writer w;
    size_t len;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(said); i++) {
        struct td_os_bootloader_rsp back;

        td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_INDEFINITE);
        td_os_bootloader_rsp_put(&w, &said[i]);
        assert_int_equal(td_cbor_done(&w, &len), TD_OK);
        assert_int_equal(td_os_bootloader_rsp_get(buf, len, &back), TD_OK);
        assert_int_equal(back.has_name, said[i].has_name);
        assert_true(td_cbor_text_is(back.name, said[i].name));
        assert_int_equal(back.mode, said[i].mode);
        assert_int_equal(back.no_downgrade, said[i].no_downgrade);
        assert_int_equal(back.active, said[i].active);
    }
    td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
    td_os_params_rsp_put(&w, &params);
    assert_int_equal(td_cbor_done(&w, &len), TD_OK);
    assert_int_equal(td_os_params_rsp_get(buf, len, &params_back), TD_OK);
    assert_true(params_back.has_buf_size && params_back.has_buf_count);
    assert_int_equal(params_back.buf_size, 2475);
    assert_int_equal(params_back.buf_count, 4);
}

/* The first two threads of a Zephyr 4.4 device, as it sent them, and one with what others add. */
static void threads_are_read_as_zephyr_writes_them(void **state)
{
    static const char hex[] =
        "bf 65 7461736b73 bf"
        "6a 6d63756d677220736d70 bf 64 7072696f 03 63 746964 00 65 7374617465 1880"
        " 66 73746b73697a 190200 66 73746b757365 06 ff"
        "67 636f6e6e5f6d67 bf 64 7072696f 20 66 73746b757365 06 ff"
        "61 78 a3 63 746964 1b00007f0012345678 67 72756e74696d65 1b0000000100000000"
        " 66 637377636e74 05 ff ff";
    uint8_t bytes[160];
    size_t n = from_hex(hex, bytes);
    struct td_os_walk walk;
    struct td_os_task task;
    bool end;

    (void)state;
    assert_int_equal(td_os_tasks_get_begin(bytes, n, &walk), TD_OK);
    assert_int_equal(td_os_tasks_get(&walk, &task, &end), TD_OK);
    assert_true(!end && td_cbor_text_is(task.name, TD_TEXT("mcumgr smp")));
    assert_true(task.prio == 3 && task.state == 0x80);
    assert_true(task.stack_words == 512 && task.stack_used_words == 6);
    assert_int_equal(td_os_tasks_get(&walk, &task, &end), TD_OK);
    assert_true(!end && task.prio == -1 && task.stack_words == 0);
    assert_int_equal(td_os_tasks_get(&walk, &task, &end), TD_OK);
    assert_true(!end && task.tid == 0x7f0012345678 && task.runtime == 0x100000000);
    assert_int_equal(td_os_tasks_get(&walk, &task, &end), TD_OK);
    assert_true(end);
    for (size_t cut = 0; cut < n; cut++) {
        enum td_err err = td_os_tasks_get_begin(bytes, cut, &walk);

        for (end = false; err == TD_OK && !end;)
            err = td_os_tasks_get(&walk, &task, &end);
        assert_int_not_equal(err, TD_OK);
    }
}

static void pools_and_groups_are_read_in_either_form(void **state)
{
    static const char *const pools[] = {
        "a1 64 68656170 a3 66 626c6b73697a 10 65 6e626c6b73 08 65 6e66726565 03",
        "a1 66 6d706f6f6c73 a1 64 68656170 a3 66 626c6b73697a 10 65 6e626c6b73 08"
        " 65 6e66726565 03",
    };
    static const char *const groups[] = {
        "a1 66 67726f757073 81 183f",
        "a1 66 67726f757073 9f bf 65 67726f7570 183f 64 6e616d65 62 7a62"
        " 68 68616e646c657273 01 ff ff",
    };
    struct td_os_walk walk;
    struct td_os_pool pool;
    struct td_enum_groups list;
    struct td_enum_group group;
    uint8_t bytes[80];
    bool end;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(pools); i++) {
        size_t n = from_hex(pools[i], bytes);

        assert_int_equal(td_os_pools_get_begin(bytes, n, &walk), TD_OK);
        assert_int_equal(td_os_pools_get(&walk, &pool, &end), TD_OK);
        assert_true(!end && td_cbor_text_is(pool.name, TD_TEXT("heap")));
        assert_true(pool.block_size == 16 && pool.blocks == 8 && pool.free_blocks == 3);
        assert_true(td_os_pools_get(&walk, &pool, &end) == TD_OK && end);
    }
    for (size_t i = 0; i < TD_N_OF(groups); i++) {
        size_t n = from_hex(groups[i], bytes);

        assert_int_equal(td_enum_groups_get_begin(bytes, n, &list), TD_OK);
        assert_int_equal(td_enum_groups_get(&list, &group, &end), TD_OK);
        assert_true(!end && group.group == 63 && group.has_name == (i == 1));
        assert_true(td_enum_groups_get(&list, &group, &end) == TD_OK && end);
    }
}

/* ---- tandem ------------------------------------------------------------------------------ */

static void hostile_verdicts_are_refused(void **state)
{
    static const struct {
        const char *says, *hex;
    } rows[] = {
        { "no list", "a0" },
        { "without a code", "a1617681a0" },
        { "code 0", "a1617681a164636f646500" },
        { "code beyond 16 bits", "a1617681a164636f64651a00010000" },
        { "slot beyond 8 bits", "a1617681a264636f64651864 64736c6f74190100" },
        { "a key of 9 bytes", "a1617681a264636f64651864 636b657949 010203040506070809" },
        { "a version of three numbers", "a1617681a264636f64651864 6477766572 83010203" },
        { "a major of 256", "a1617681a264636f64651864 6477766572 84 190100 010203" },
    };
    uint8_t bytes[64];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        size_t n = from_hex(rows[i].hex, bytes);
        struct td_tandem_why why;
        struct td_verdict v;
        bool end = false;
        enum td_err err = td_tandem_why_get_begin(bytes, n, &why);

        if (err == TD_OK)
            err = td_tandem_why_get(&why, &v, &end);
        if (err == TD_OK)
            fail_msg("%s", rows[i].says);
    }
}

static void a_verdict_from_the_future_is_read_with_its_facts(void **state)
{
    uint8_t bytes[64];
    size_t n =
        from_hex("bf6176 9f bf 64636f64651903e7 65636c61737309 63667574 6a756e6b6e6f776e2e2e2e"
                 " 65666f756e6405 ff ff 646e65787407 ff",
                 bytes);
    struct td_tandem_why why;
    struct td_verdict v;
    bool end;

    (void)state;
    assert_int_equal(td_tandem_why_get_begin(bytes, n, &why), TD_OK);
    assert_true(why.has_next && why.next == 7);
    assert_int_equal(td_tandem_why_get(&why, &v, &end), TD_OK);
    assert_false(end);
    assert_int_equal(v.code, 999);
    assert_int_equal(v.kind, 9);
    assert_int_equal(v.found, 5);
    assert_int_equal(v.wanted, 0);
}

static void how_an_upload_was_taken_survives_both_ways(void **state)
{
    static const struct td_tandem_upload rows[] = {
        { 0 },
        { TD_TANDEM_UPLOADING, TD_START_AFTER_RESET, 1, 1, 0xFFFFFFFF, 0xFFFFFFFF, 4096 },
        { TD_TANDEM_COMPLETE, TD_START_NO_SHA, 0, 1, 9001, 9001, 0 },
    };
    uint8_t buf[128];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_tandem_upload back;
        struct td_cbor_writer w;
        size_t len;

        td_cbor_writer_init(&w, buf, sizeof buf, TD_CBOR_DEFINITE);
        td_tandem_upload_put(&w, &rows[i]);
        assert_int_equal(td_cbor_done(&w, &len), TD_OK);
        assert_int_equal(td_tandem_upload_get(buf, len, &back), TD_OK);
        assert_memory_equal(&back, &rows[i], sizeof back);
    }
    for (uint32_t start = TD_START_NONE; start <= TD_START_CHANGED; start++)
        assert_string_not_equal(td_tandem_start_text(start), td_tandem_start_text(99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_messages_are_written_byte_for_byte),
        cmocka_unit_test(a_header_is_the_same_after_both_ways),
        cmocka_unit_test(a_packet_shorter_than_it_says_is_not_opened),
        cmocka_unit_test(a_message_that_does_not_fit_is_not_written),
        cmocka_unit_test(every_way_to_say_done_or_not_is_understood),
        cmocka_unit_test(codes_of_groups_become_the_old_rc),
        cmocka_unit_test(every_error_has_a_name_and_a_sentence),
        cmocka_unit_test(a_list_as_zephyr_writes_it_is_read),
        cmocka_unit_test(malformed_lists_are_refused),
        cmocka_unit_test(versions_are_text_and_back),
        cmocka_unit_test(an_upload_chunk_has_the_size_that_the_arithmetic_says),
        cmocka_unit_test(resets_are_read_with_force_as_flag_or_number),
        cmocka_unit_test(answers_about_the_device_survive_both_ways),
        cmocka_unit_test(threads_are_read_as_zephyr_writes_them),
        cmocka_unit_test(pools_and_groups_are_read_in_either_form),
        cmocka_unit_test(hostile_verdicts_are_refused),
        cmocka_unit_test(a_verdict_from_the_future_is_read_with_its_facts),
        cmocka_unit_test(how_an_upload_was_taken_survives_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
