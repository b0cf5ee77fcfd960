/* Conversations with a bootloader in recovery, in bytes as clients send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "base/range.h"
#include "server/bench_test.h"
#include "slot/request.h"
#include "smp/tandem.h"

static struct bench bench;
static uint8_t file[BENCH_SLOT];

static void boots(uint8_t major)
{
    assert_int_equal(bench_boot(&bench), TD_OK);
    assert_int_equal(bench.result.recover, TD_RECOVER_NO);
    assert_true(bench.result.bootable);
    assert_int_equal(bench.result.hdr.version.major, major);
}

static void recovers(enum td_boot_recover why)
{
    assert_int_equal(bench_boot(&bench), TD_OK);
    assert_int_equal(bench.result.recover, why);
}

static void put_image(unsigned slot, uint8_t major)
{
    uint32_t len = bench_image(file, major, 5000, 0, 0);

    sim_nor_program(&bench.nor, bench.slot[slot].off, file, len);
}

/* ---- one request, one answer --------------------------------------------------------------- */

static struct td_smp_header hdr;
static const uint8_t *payload;
static uint8_t answer[1024];

static struct td_smp_status status_of_answer(void)
{
    struct td_smp_status status;
    size_t n = bench_answer(&bench, answer, sizeof answer);

    assert_int_equal(td_smp_open(answer, n, &hdr, &payload), TD_OK);
    assert_int_equal(td_smp_status_decode(payload, hdr.len, &status), TD_OK);
    return status;
}

static struct td_smp_status ask(uint8_t op, uint16_t group, uint8_t id, const char *map)
{
    uint8_t packet[256];
    size_t len = from_hex(map, packet + 8);
    const struct td_smp_header request = {
        .version = TD_SMP_V2, .op = op, .len = (uint16_t)len, .group = group, .seq = 9, .id = id
    };

    td_smp_header_encode(&request, packet);
    bench_send(&bench, packet, len + 8);
    return status_of_answer();
}

/* Keys in the order of Apache's mcumgr: data, image, len, off, sha. */
static struct td_smp_status send_chunk(uint32_t number, uint32_t off, uint32_t n, uint32_t len)
{
    const struct td_smp_header request = {
        .version = TD_SMP_V1, .op = TD_SMP_WRITE, .group = TD_SMP_GROUP_IMAGE, .id = TD_IMG_UPLOAD
    };
    uint8_t packet[BENCH_BUF];
    struct td_cbor_writer w;
    size_t size;

    td_smp_begin(&w, packet, sizeof packet, TD_CBOR_DEFINITE);
    td_cbor_open_map(&w);
    td_cbor_key(&w, "data");
    td_cbor_put_bytes(&w, file + off, n);
    if (off == 0) {
        td_cbor_key(&w, "image");
        td_cbor_put_uint(&w, number);
        td_cbor_key(&w, "len");
        td_cbor_put_uint(&w, len);
    }
    td_cbor_key(&w, "off");
    td_cbor_put_uint(&w, off);
    td_cbor_close(&w);
    assert_int_equal(td_smp_end(&w, &request, &size), TD_OK);
    bench_send(&bench, packet, size);
    return status_of_answer();
}

/* The whole file; what the last answer said. */
static struct td_smp_status upload(uint32_t number, uint32_t len)
{
    struct td_smp_status status = { .code = 0 };
    uint32_t off = 0;

    while (off < len && status.code == 0) {
        uint32_t n = td_min_u32(len - off, 301);
        struct td_img_upload_rsp rsp;

        status = send_chunk(number, off, n, len);
        if (status.code != 0)
            break;
        assert_int_equal(td_img_upload_rsp_get(payload, hdr.len, &rsp), TD_OK);
        assert_true(rsp.has_off && rsp.off == off + n);
        off = rsp.off;
    }
    return status;
}

static void resets(void)
{
    struct td_server_reset reset;

    assert_int_equal(ask(TD_SMP_WRITE, 0, TD_OS_RESET, "").code, 0);
    assert_false(td_recovery_resets(&bench.rec, bench.now_ms + 249, &reset));
    assert_true(td_recovery_resets(&bench.rec, bench.now_ms + 250, &reset));
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Requests and answers are smpclient's lines (smp 4.2.0, packet.encode). */
static void smpclient_s_lines_are_answered_in_lines(void **state)
{
    static const struct {
        const char *says, *in, *out;
    } rows[] = {
        { "echo",
          "\x06\x09"
          "ABAKAAAGAAABAKFhZGJoaaWv\n",
          "\x06\x09"
          "ABALAAAGAAABAKFhcmJoaeLw\n" },
        { "params",
          "\x06\x09"
          "AAsIAAABAAACBqAdcw==\n",
          "\x06\x09"
          "ACIJAAAYAAACBqJoYnVmX3NpemUZAgBpYnVmX2NvdW50AfZf\n" },
        { "list",
          "\x06\x09"
          "AAsIAAABAAEDAKD2UQ==\n",
          NULL },
        { "a damaged line",
          "\x06\x09"
          "ABAKAAAGAAABAKFhZGJoaaWw\n",
          "" },
        { "a prompt", "uart:~$ \n", "" },
    };

    (void)state;
    bench_init(&bench, &td_strategy_move, TD_RECOVERY_CONSOLE, TD_SERVER_TO_SPARE);
    recovers(TD_RECOVER_NO_IMAGE);
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        bench.n_said = 0;
        bench_say(&bench, rows[i].in, strlen(rows[i].in));
        bench.said[bench.n_said] = 0;
        if (rows[i].out != NULL && strcmp((char *)bench.said, rows[i].out) != 0)
            fail_msg("%s: %s", rows[i].says, (char *)bench.said);
        if (rows[i].out == NULL)
            assert_int_equal(status_of_answer().code, 0);
    }
}

static void what_the_original_answers_is_answered(void **state)
{
    static const struct {
        const char *says;
        uint8_t op;
        uint16_t group;
        uint8_t id;
        uint32_t rc;
    } rows[] = {
        { "echo", TD_SMP_WRITE, 0, TD_OS_ECHO, 0 },
        { "console echo, by write", TD_SMP_WRITE, 0, TD_OS_CONSOLE, 0 },
        { "console echo, by read", TD_SMP_READ, 0, TD_OS_CONSOLE, 0 },
        { "params", TD_SMP_READ, 0, TD_OS_PARAMS, 0 },
        { "list", TD_SMP_READ, 1, TD_IMG_STATE, 0 },
        { "slot info", TD_SMP_READ, 1, TD_IMG_SLOT_INFO, 0 },
        { "why", TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_WHY, 0 },
        { "bootloader information, which it has not", TD_SMP_READ, 0, TD_OS_BOOTLOADER, 8 },
        { "a shell command", TD_SMP_WRITE, 9, 0, 8 },
    };

    (void)state;
    bench_init(&bench, &td_strategy_move, TD_RECOVERY_RAW, TD_SERVER_TO_SPARE);
    recovers(TD_RECOVER_NO_IMAGE);
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        if (ask(rows[i].op, rows[i].group, rows[i].id, "a0").code != rows[i].rc)
            fail_msg("%s", rows[i].says);
    }
}

static void half_a_raw_packet_is_forgotten_after_a_while(void **state)
{
    uint8_t echo[32];
    size_t n = from_hex("0a00000600000100a16164626869", echo);

    (void)state;
    bench_init(&bench, &td_strategy_move, TD_RECOVERY_RAW, TD_SERVER_TO_SPARE);
    recovers(TD_RECOVER_NO_IMAGE);
    bench_say(&bench, echo, 9);
    bench.now_ms += 499;
    bench_say(&bench, echo + 9, 1);
    assert_int_equal(bench.n_said, 0);
    bench.now_ms += 500;
    bench_say(&bench, echo, n);
    assert_int_equal(bench.n_said, n);
    assert_memory_equal(bench.said, "\x0b\x00\x00\x06", 4);
}

/* ---- updates ---------------------------------------------------------------------------------- */

static void an_empty_device_is_brought_to_life_in_each_framing(void **state)
{
    static const enum td_recovery_framing framings[] = { TD_RECOVERY_CONSOLE, TD_RECOVERY_RAW,
                                                         TD_RECOVERY_COBS };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(framings); i++) {
        bench_init(&bench, &td_strategy_move, framings[i], TD_SERVER_TO_SPARE);
        recovers(TD_RECOVER_NO_IMAGE);
        assert_int_equal(upload(0, bench_image(file, 2, 5000, 0, 0)).code, 0);
        resets();
        boots(2);
        assert_false(bench.result.on_trial);
    }
}

static void an_upload_beside_a_running_image_is_on_trial_and_reverts(void **state)
{
    (void)state;
    bench_init(&bench, &td_strategy_move, TD_RECOVERY_CONSOLE, TD_SERVER_TO_SPARE);
    put_image(0, 1);
    boots(1);
    bench.pin = true;
    recovers(TD_RECOVER_PIN);
    assert_int_equal(upload(0, bench_image(file, 2, 5000, 0, 0)).code, 0);
    bench.pin = false;
    boots(2);
    assert_true(bench.result.on_trial);
    boots(1);
}

static void what_the_bootloader_would_refuse_is_refused_with_its_reason(void **state)
{
    struct td_smp_status status;
    uint32_t len;

    (void)state;
    bench_init(&bench, &td_strategy_move, TD_RECOVERY_COBS, TD_SERVER_TO_SPARE);
    put_image(0, 1);
    bench.pin = true;
    recovers(TD_RECOVER_PIN);
    len = bench_image(file, 2, 5000, 0, 0);
    file[100] ^= 1;
    status = upload(0, len);
    assert_int_equal(status.code, TD_SMP_RC_ACCESS_DENIED);
    assert_true(td_cbor_text_is(status.reason, TD_TEXT("hash-mismatch")));
    bench.pin = false;
    boots(1);
    assert_int_equal(bench.result.n_verdicts, 0);
}

static void
a_device_with_one_slot_is_updated_in_place_and_comes_back_to_recovery_until_then(void **state)
{
    uint32_t len;

    (void)state;
    bench_init(&bench, &td_strategy_single, TD_RECOVERY_RAW, TD_SERVER_TO_PRIMARY);
    put_image(0, 1);
    boots(1);
    bench.pin = true;
    recovers(TD_RECOVER_PIN);
    len = bench_image(file, 2, 9000, 0, 0);
    assert_int_equal(send_chunk(0, 0, 300, len).code, 0);
    bench.pin = false;
    recovers(TD_RECOVER_NO_IMAGE); // the power went
    assert_int_equal(upload(0, len).code, 0);
    boots(2);
}

static void image_numbers_mean_slots_where_the_configuration_says_so(void **state)
{
    static const struct {
        uint32_t number, slot;
    } rows[] = { { 0, 0 }, { 1, 0 }, { 2, 1 } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        bench_init(&bench, &td_strategy_move, TD_RECOVERY_RAW, TD_SERVER_TO_ANY);
        recovers(TD_RECOVER_NO_IMAGE);
        assert_int_equal(upload(rows[i].number, bench_image(file, 2, 5000, 0, 0)).code, 0);
        assert_memory_equal(sim_nor_peek(&bench.nor, bench.slot[rows[i].slot].off), file, 5000);
    }
    assert_int_equal(send_chunk(3, 0, 300, 5000).code, td_smp_v1_rc(1, TD_IMG_NO_FREE_SLOT));
}

/* ---- telling ---------------------------------------------------------------------------------- */

static void the_list_shows_what_would_boot_and_why_tells_of_the_rest(void **state)
{
    struct td_img_list list;
    struct td_img_entry entry;
    struct td_tandem_why why;
    struct td_verdict verdict;
    bool end;

    (void)state;
    bench_init(&bench, &td_strategy_move, TD_RECOVERY_RAW, TD_SERVER_TO_SPARE);
    put_image(0, 1);
    bench_image(file, 2, 5000, 0, 0);
    file[77] ^= 4;
    sim_nor_program(&bench.nor, bench.slot[1].off, file, 5100);
    bench.pin = true;
    recovers(TD_RECOVER_PIN);
    assert_int_equal(ask(TD_SMP_READ, 1, TD_IMG_STATE, "a0").code, 0);
    assert_int_equal(td_img_list_get_begin(payload, hdr.len, &list), TD_OK);
    assert_int_equal(td_img_list_get(&list, &entry, &end), TD_OK);
    assert_true(!end && entry.slot == 0 && entry.bootable);
    assert_int_equal(td_img_list_get(&list, &entry, &end), TD_OK);
    assert_true(!end && entry.slot == 1 && !entry.bootable);
    assert_int_equal(ask(TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_WHY, "a0").code, 0);
    assert_int_equal(td_tandem_why_get_begin(payload, hdr.len, &why), TD_OK);
    assert_int_equal(td_tandem_why_get(&why, &verdict, &end), TD_OK);
    assert_false(end);
    assert_int_equal(verdict.code, TD_V_HASH_MISMATCH);
    assert_int_equal(verdict.slot, 1);
}

static void of_several_requests_the_last_one_wins(void **state)
{
    uint8_t hash[32];
    char map[200] = "a2 67636f6e6669726d f5 6468617368 5820 ";

    (void)state;
    bench_init(&bench, &td_strategy_move, TD_RECOVERY_RAW, TD_SERVER_TO_SPARE);
    put_image(0, 1);
    bench.pin = true;
    recovers(TD_RECOVER_PIN);
    assert_int_equal(upload(0, bench_image(file, 2, 5000, 0, 0)).code, 0);
    memcpy(hash, file + 32 + 5000 + 8, sizeof hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(map + strlen(map), 3, "%02x", hash[i]);
    assert_int_equal(ask(TD_SMP_WRITE, 1, TD_IMG_STATE, map).code, 0);
    bench.pin = false;
    boots(2);
    assert_false(bench.result.on_trial);
    boots(2);
}

/* ---- power ------------------------------------------------------------------------------------ */

/* Cuts at every operation of an upload, and of the boot behind it: something always runs. */
static void sweep(const struct td_strategy *strategy, enum td_server_target target)
{
    static const enum sim_cut kinds[] = { SIM_CUT_BEFORE, SIM_CUT_TORN, SIM_CUT_AFTER };
    bool alone = target == TD_SERVER_TO_PRIMARY, cut = true;

    for (uint32_t op = 0; cut; op++) {
        for (size_t k = 0; k < TD_N_OF(kinds); k++) {
            uint32_t len, off = 0;

            bench_init(&bench, strategy, TD_RECOVERY_RAW, target);
            put_image(0, 1);
            bench.pin = true;
            recovers(TD_RECOVER_PIN);
            sim_power_on(&bench.power);
            sim_power_cut_at(&bench.power, op, kinds[k]);
            len = bench_image(file, 2, 3000, 0, 0);
            for (; off < len && !bench.power.lost; off += 400)
                (void)send_chunk(0, off, td_min_u32(len - off, 400), len);
            bench.pin = false;
            if (!bench.power.lost)
                (void)bench_boot(&bench);
            cut = bench.power.lost;
            sim_power_on(&bench.power);
            assert_int_equal(bench_boot(&bench), TD_OK);
            if (!bench.result.bootable) {
                assert_true(alone && bench.result.recover == TD_RECOVER_NO_IMAGE);
                assert_int_equal(upload(0, len).code, 0);
                boots(2);
            }
        }
    }
}

/* The original goes into recovery first, and an upload there is the end of half a swap. */
static void half_a_swap_is_finished_before_recovery_takes_an_upload(void **state)
{
    bool cut = true;

    (void)state;
    for (uint32_t op = 0; cut; op++) {
        const struct td_trailer p = { .area = &bench.slot[0],
                                      .mode = TD_MODE_MOVE,
                                      .max_sectors = 16,
                                      .write_size = 4,
                                      .max_align = 8 };
        struct td_trailer x = p;
        const struct td_slots slots = { &p, &x, TD_SLOT_MENDED, 0 };
        enum td_slot_done done;

        bench_init(&bench, &td_strategy_move, TD_RECOVERY_RAW, TD_SERVER_TO_SPARE);
        x.area = &bench.slot[1];
        put_image(0, 1);
        put_image(1, 2);
        assert_int_equal(td_slot_set_pending(&slots, true, 5200, &done), TD_OK);
        sim_power_on(&bench.power);
        sim_power_cut_at(&bench.power, op, SIM_CUT_TORN);
        (void)bench_boot(&bench);
        cut = bench.power.lost;
        sim_power_on(&bench.power);
        bench.pin = true;
        recovers(TD_RECOVER_PIN);
        assert_int_equal(send_chunk(0, 0, 300, 5000).code, 0);
        bench.pin = false;
        assert_int_equal(bench_boot(&bench), TD_OK);
        assert_true(bench.result.bootable);
    }
}

static void why_recovery_was_entered_is_written_down_once(void **state)
{
    (void)state;
    bench_init(&bench, &td_strategy_move, TD_RECOVERY_RAW, TD_SERVER_TO_SPARE);
    for (unsigned i = 0; i < 2; i++) {
        recovers(TD_RECOVER_NO_IMAGE);
        assert_int_equal(bench.result.verdicts[1].code, TD_V_RECOVERY_ENTERED);
        assert_int_equal(bench.result.verdicts[1].found, TD_RECOVER_NO_IMAGE);
        assert_int_equal(bench.power.ops != 0, i == 0);
        sim_power_on(&bench.power);
    }
    bench.pin = true;
    recovers(TD_RECOVER_PIN);
    assert_int_equal(bench.result.verdicts[0].code, TD_V_RECOVERY_ASKED);
    assert_int_equal(bench.result.verdicts[0].found, TD_RECOVER_PIN);
    sim_power_on(&bench.power);
    recovers(TD_RECOVER_PIN);
    assert_int_equal(bench.power.ops, 0);
}

static void a_cut_in_an_upload_leaves_the_running_image_or_recovery(void **state)
{
    (void)state;
    sweep(&td_strategy_move, TD_SERVER_TO_SPARE);
    sweep(&td_strategy_xip_revert, TD_SERVER_TO_SPARE);
    sweep(&td_strategy_single, TD_SERVER_TO_PRIMARY);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(smpclient_s_lines_are_answered_in_lines),
        cmocka_unit_test(what_the_original_answers_is_answered),
        cmocka_unit_test(half_a_raw_packet_is_forgotten_after_a_while),
        cmocka_unit_test(an_empty_device_is_brought_to_life_in_each_framing),
        cmocka_unit_test(an_upload_beside_a_running_image_is_on_trial_and_reverts),
        cmocka_unit_test(what_the_bootloader_would_refuse_is_refused_with_its_reason),
        cmocka_unit_test(
            a_device_with_one_slot_is_updated_in_place_and_comes_back_to_recovery_until_then),
        cmocka_unit_test(image_numbers_mean_slots_where_the_configuration_says_so),
        cmocka_unit_test(the_list_shows_what_would_boot_and_why_tells_of_the_rest),
        cmocka_unit_test(of_several_requests_the_last_one_wins),
        cmocka_unit_test(half_a_swap_is_finished_before_recovery_takes_an_upload),
        cmocka_unit_test(why_recovery_was_entered_is_written_down_once),
        cmocka_unit_test(a_cut_in_an_upload_leaves_the_running_image_or_recovery),
    };

    return cmocka_run_group_tests_name("server/recovery", tests, NULL, NULL);
}
