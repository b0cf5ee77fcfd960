#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex_test.h"
#include "server/talk_test.h"

/* ---- packets in, packets out ------------------------------------------------------------- */

struct exchange {
    const char *says, *in, *out; /* out "": silence */
};

static void run(const struct exchange *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t in[512], want[512];
        size_t n_in = from_hex(rows[i].in, in), n_want = from_hex(rows[i].out, want);

        rig_send(&rig, in, n_in);
        if (rig.rsp_len != n_want || memcmp(rig.rsp, want, n_want) != 0) {
            for (size_t k = 0; k < rig.rsp_len; k++)
                fprintf(stderr, "%02x", rig.rsp[k]);
            fail_msg(" is the answer to: %s", rows[i].says);
        }
    }
}

static void what_is_wrong_with_a_request_is_answered_as_the_protocol_has_it(void **state)
{
    static const struct exchange rows[] = {
        { "nothing", "", "" },
        { "seven bytes", "08000001000042", "" },
        { "echo hi, v2", "0a00000600004200 a161646268 69", "0b00000600004200 a161726268 69" },
        { "echo, v1", "0200000600004200 a161646268 69", "0300000600004200 a161726268 69" },
        { "echo by read", "0800000600004200 a161646268 69", "0900000600004200 a161726268 69" },
        { "echo, indefinite", "0a00000700004200 bf6164626869ff", "0b00000600004200 a161726268 69" },
        { "flags are not given back", "0a01000100004200 a0", "0b00000400004200 a1617260" },
        { "echo of an empty map", "0a00000100004200 a0", "0b00000400004200 a1617260" },
        { "echo of nothing at all", "0a00000000004200",
          "0b00001b00004200 a2627263036372736e71 6d616c666f726d65642072657175657374" },
        { "params, v1, seq 255", "000000010000ff06 a0",
          "010000180000ff06 a2686275665f73697a651909ab696275665f636f756e7404" },
        { "length beyond the packet", "0a00000700004200 a161646268 69",
          "0b00000500004200 a162726309" },
        { "version 2", "1200000600004200 a161646268 69", "0b00000500004200 a16272630d" },
        { "version 3", "1a00000600004200 a161646268 69", "0b00000500004200 a16272630d" },
        { "an unknown group", "0a00000104d20700 a0", "0b00000504d20700 a162726308" },
        { "an unknown command", "0a00000100000763 a0", "0b00000500000763 a162726308" },
        { "an operation the command has not", "0800000100000705 a0",
          "0900000500000705 a162726308" },
        { "an answer for a question", "0900000100000700 a0", "0b00000500000700 a162726308" },
        { "operation 7", "0f00000100000700 a0", "0b00000500000700 a162726308" },
        { "an unknown group, v1", "0000000104d20700 a0", "0100000504d20700 a162726308" },
        { "an unknown command of the image group, v2", "0800000100010702 a0",
          "0900000500010702 a162726308" },
        { "the read-back of a core, v2", "0800000100010704 a0", "0900000500010704 a162726308" },
        { "version 2 before an unknown group", "1000000104d20700 a0",
          "0900000504d20700 a16272630d" },
        { "a truncated packet before version 3", "1a00000204d20700 a0",
          "0b00000504d20700 a162726309" },
        { "nothing at all for a list of verdicts", "0800000054440700",
          "0900000454440700 a1617680" },
        { "a map of indefinite length with a key that nobody knows",
          "0a00000800004200 bf617801616460ff", "0b00000400004200 a1617260" },
        { "bytes behind the map", "0a00000700004200 a161646268 6900",
          "0b00000600004200 a161726268 69" },
        { "no CBOR, v2", "0a00000100000700 ff",
          "0b00001b00000700 a2627263036372736e716d616c666f726d65642072657175657374" },
        { "a wrong type", "0a00000400000700 a1616401",
          "0b00001b00000700 a2627263036372736e716d616c666f726d65642072657175657374" },
        { "a key twice", "0a00000700000700 a2616460616460",
          "0b00001b00000700 a2627263036372736e716d616c666f726d65642072657175657374" },
    };

    (void)state;
    rig_init(&rig, &td_server_tandem, TD_MODE_MOVE);
    run(rows, TD_N_OF(rows));
}

static void other_peoples_frames_are_answered_byte_for_byte(void **state)
{
    static const struct exchange rows[] = {
        { "erase settings, where they are not built in", "02000002003f0100 bfff",
          "03000006003f0100 bf62726308ff" },
        { "params", "000000010000ff06 a0",
          "010000190000ff06 bf686275665f73697a651909ab696275665f636f756e7404ff" },
        { "reset", "0200000200000205 bfff", "0300000200000205 bfff" },
    };

    (void)state;
    rig_init(&rig, &td_server_zephyr_3_3, TD_MODE_MOVE);
    rig.groups[0] = &td_server_group_os_old;
    rig.groups[1] = &td_server_group_image_old;
    rig.cfg.n_groups = 2;
    run(rows, TD_N_OF(rows));
    assert_int_equal(rig.told.resets, 1);
    assert_int_equal(rig.told.reset.delay_ms, 250);
}

static void several_requests_in_a_packet_each_get_an_answer_until_one_fails(void **state)
{
    uint8_t packet[64];
    size_t len = from_hex("0a00000600000100 a161646268 69 0a00000600000200 a161646268 69"
                          "0a00000100000363 a0 0a00000600000400 a161646268 69",
                          packet);
    struct td_server_reply reply;
    size_t used, at = 0;
    uint8_t seqs[4];
    unsigned n = 0;

    (void)state;
    rig_init(&rig, &td_server_tandem, TD_MODE_MOVE);
    while (at < len) {
        used = td_server_handle(&rig.srv, &rig.link, packet + at, len - at, rig.rsp, sizeof rig.rsp,
                                &reply);
        assert_true(reply.len >= 8 && used > 0 && n < 4);
        seqs[n++] = rig.rsp[6];
        at += used;
    }
    assert_int_equal(n, 3);
    assert_memory_equal(seqs, "\x01\x02\x03", 3);
}

static void an_answer_that_does_not_fit_is_rc_7(void **state)
{
    uint8_t packet[128] = { 0x0a, 0, 0, 0x67, 0, 0, 1, 0, 0xa1, 0x61, 0x64, 0x78, 0x62 };
    struct td_smp_status status;

    (void)state;
    memset(packet + 13, 'x', 98);
    rig_init(&rig, &td_server_tandem, TD_MODE_MOVE);
    rig_send(&rig, packet, 8 + 0x67);
    assert_int_equal(rig.rsp_len, 8 + 0x67);
    rig.link.max_reply = 8 + 0x66;
    rig_send(&rig, packet, 8 + 0x67);
    assert_int_equal(td_smp_status_decode(rig.rsp + 8, rig.rsp_len - 8, &status), TD_OK);
    assert_int_equal(status.code, TD_SMP_RC_MSG_SIZE);
}

static void a_failure_is_told_without_its_reason_where_that_does_not_fit(void **state)
{
    uint8_t packet[64];
    size_t len = from_hex("0a00000600000700 a1616401 0000", packet);
    struct td_smp_status status;

    (void)state;
    rig_init(&rig, &td_server_tandem, TD_MODE_MOVE);
    rig.link.max_reply = 34; // one byte less than {"rc":3,"rsn":"malformed request"} takes
    rig_send(&rig, packet, len);
    assert_int_equal(td_smp_status_decode(rig.rsp + 8, rig.rsp_len - 8, &status), TD_OK);
    assert_int_equal(status.code, TD_SMP_RC_INVALID);
    assert_int_equal(status.reason.len, 0);
}

static void an_answer_keeps_to_the_smallest_of_links(void **state)
{
    static const uint16_t commands[][3] = {
        { 0, TD_SMP_READ, TD_OS_PARAMS },      { 0, TD_SMP_READ, TD_OS_BOOTLOADER },
        { 1, TD_SMP_READ, TD_IMG_STATE },      { 1, TD_SMP_READ, TD_IMG_SLOT_INFO },
        { 21572, TD_SMP_READ, TD_TANDEM_WHY }, { 21572, TD_SMP_READ, TD_TANDEM_ACCEPTS },
        { 1, TD_SMP_WRITE, TD_IMG_UPLOAD },    { 9, TD_SMP_READ, 0 },
    };
    struct td_verdict verdict = { .code = TD_V_TOO_LARGE, .wanted = 7, .found = 8 };

    (void)state;
    rig_init(&rig, &td_server_tandem, TD_MODE_MOVE);
    for (unsigned i = 0; i < 20; i++) {
        const struct td_log log = { &rig.log };

        verdict.off = i + 1;
        assert_int_equal(td_log_append(&log, &verdict), TD_OK);
    }
    for (size_t max = 1; max < 100; max++) {
        for (size_t i = 0; i < TD_N_OF(commands); i++) {
            const struct td_smp_header hdr = { .version = 1,
                                               .op = (uint8_t)commands[i][1],
                                               .group = commands[i][0],
                                               .id = (uint8_t)commands[i][2] };
            uint8_t packet[8];

            td_smp_header_encode(&hdr, packet);
            memset(rig.rsp, 0xa5, sizeof rig.rsp);
            rig.link.max_reply = max;
            rig_send(&rig, packet, sizeof packet);
            assert_true(rig.rsp_len <= max);
            for (size_t k = max; k < sizeof rig.rsp; k++)
                assert_int_equal(rig.rsp[k], 0xa5);
        }
    }
}

/* ---- upload ------------------------------------------------------------------------------ */

static void an_image_arrives_whole_in_chunks_of_any_size_in_any_mode(void **state)
{
    static const uint32_t sizes[] = { 32, 33, 63, 100, 357, 1001, 2047, 2401 };
    static const enum td_strategy_id modes[] = { TD_MODE_MOVE, TD_MODE_OVERWRITE, TD_MODE_OFFSET };
    static const struct td_server_manner *const manners[] = {
        &td_server_tandem,
        &td_server_zephyr_4,
        &td_server_zephyr_3_3,
    };

    (void)state;
    for (size_t m = 0; m < TD_N_OF(modes) * TD_N_OF(manners); m++) {
        enum td_strategy_id mode = modes[m % 3];
        const struct td_server_manner *manner = manners[m / 3];

        for (size_t i = 0; i < TD_N_OF(sizes); i++) {
            struct td_img_upload_rsp rsp;
            struct td_img_entry entry;
            uint8_t sha[32], old[RIG_PAGE];

            start(manner, mode);
            td_hash_of(&td_sha256, image_b, 9001, sha);
            memset(old, 0x55, sizeof old);
            for (uint32_t off = 0; off < RIG_SLOT_SIZE; off += RIG_PAGE)
                rig_program(&rig, 1, off, old, sizeof old);
            assert_int_equal(upload_all(image_b, 9001, sizes[i], sha, &rsp), 0);
            assert_int_equal(rsp.has_match, manner->checks_sha);
            assert_int_equal(rsp.match, manner->checks_sha);
            assert_memory_equal(sim_nor_peek(&rig.nor, rig.slot[1].off + rig.image.upload_off),
                                image_b, 9001);
            assert_int_equal(rig.told.begun, 1);
            assert_int_equal(rig.told.done, 1);
            assert_int_equal(rig.told.upload.version.major, 2);
            assert_int_equal(rig.nor.stats.over_budget + rig.nor.stats.clashes, 0);
            assert_int_equal(rig.nor.stats.misaligned, 0);
            assert_true(listed(1, &entry));
            assert_memory_equal(entry.hash.p, hash_b, 32);
            assert_true(td_cbor_text_is(entry.version, TD_TEXT("2.0.1")));
            assert_false(entry.pending || entry.confirmed || entry.active || entry.permanent);
            assert_true(entry.bootable);
        }
    }
}

static void each_rule_of_an_upload_has_its_answer(void **state)
{
    static const uint8_t sha33[33];
    struct td_img_upload_rsp rsp;
    struct td_img_upload_req req;
    uint8_t damaged[64];

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);

    req = chunk(image_b, 9001, 0, 500);
    req.has_off = false;
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_NO_OFFSET);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 31), &rsp), 1000 + TD_IMG_SHORT_HEADER);
    req = chunk(image_b, 9001, 0, 500);
    req.has_len = false;
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_NO_LENGTH);
    memcpy(damaged, image_b, sizeof damaged);
    damaged[0] ^= 1;
    assert_int_equal(upload(chunk(damaged, sizeof damaged, 0, 64), &rsp), 1000 + TD_IMG_BAD_MAGIC);
    req = chunk(image_b, 9001, 0, 500);
    req.has_sha = true;
    req.sha = (struct td_cbor_bytes){ sha33, 33 };
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_BAD_HASH);

    // 14 pages can be swapped: two are trailer and the room to move.
    req = chunk(image_b, 14 * RIG_PAGE + 1, 0, 500);
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_TOO_LARGE);
    req = chunk(image_b, 9001, 0, 500);
    req.has_upgrade = req.upgrade = true;
    rig_build(image_a, 5000, v2, 1, hash_a);
    rig_program(&rig, 0, 0, image_a, 5000);
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_NOT_NEWER);
    assert_int_equal(rig.told.begun, 0);
    rig_program(&rig, 0, 0, "\0\0\0\0", 4);
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_NO_VERSION);
    assert_int_equal(rig.power.ops, 0);

    rig.told.upload_rc = TD_SMP_RC_BUSY;
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), TD_SMP_RC_BUSY);
    assert_int_equal(rig.power.ops, 0);
    rig.told.upload_rc = 0;

    // No session: any other offset is told 0.
    assert_int_equal(upload(chunk(image_b, 9001, 500, 500), &rsp), 0);
    assert_int_equal(rsp.off, 0);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 0);
    assert_int_equal(rsp.off, 500);
    // Ahead, behind, and the same again: told what is wanted, nothing written.
    assert_int_equal(upload(chunk(image_b, 9001, 700, 500), &rsp), 0);
    assert_int_equal(rsp.off, 500);
    assert_int_equal(upload(chunk(image_b, 9001, 100, 500), &rsp), 0);
    assert_int_equal(rsp.off, 500);
    // More than was announced.
    assert_int_equal(upload(chunk(image_b, 9001, 500, 2300), &rsp), 0);
    assert_int_equal(upload(chunk(image_b, 9001, 2800, 2300), &rsp), 0);
    assert_int_equal(upload(chunk(image_b, 9001, 5100, 2300), &rsp), 0);
    assert_int_equal(upload(chunk(image_b, 9702, 7400, 2302), &rsp), 1000 + TD_IMG_OVERRUN);
    assert_int_equal(upload(chunk(image_b, 9001, 7400, 100), &rsp), 0);
    assert_int_equal(rsp.off, 0);
}

static void errors_of_the_group_are_translated_for_v1(void **state)
{
    struct td_img_upload_req req = { .has_data = true };

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    ask(0, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_UPLOAD, put_upload, &req);
    assert_int_equal(result(), TD_SMP_RC_INVALID);
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_UPLOAD, put_upload, &req);
    assert_int_equal(result(), 1000 + TD_IMG_NO_OFFSET);
    // A server that knows v1 alone gives the version bits back and still answers with rc.
    start(&td_server_zephyr_3_3, TD_MODE_MOVE);
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_UPLOAD, put_upload, &req);
    assert_int_equal(result(), TD_SMP_RC_INVALID);
}

static void an_interrupted_upload_goes_on_where_it_stopped_when_its_sha_is_the_same(void **state)
{
    struct td_img_upload_req req;
    struct td_img_upload_rsp rsp;
    uint8_t sha[32];

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    td_hash_of(&td_sha256, image_b, 9001, sha);
    req = chunk(image_b, 9001, 0, 500);
    req.has_sha = true;
    req.sha = (struct td_cbor_bytes){ sha, 32 };
    assert_int_equal(upload(req, &rsp), 0);
    assert_int_equal(upload(chunk(image_b, 9001, 500, 777), &rsp), 0);
    assert_int_equal(upload(req, &rsp), 0);
    assert_int_equal(rsp.off, 1277);
    assert_false(rsp.has_match);
    // Without a sha, or with another one or another length, it begins anew.
    req.len = 9000;
    assert_int_equal(upload(req, &rsp), 0);
    assert_int_equal(rsp.off, 500);
    req.len = 9001;
    req.sha.len = 31;
    assert_int_equal(upload(req, &rsp), 0);
    assert_int_equal(rsp.off, 500);
    req.has_sha = false;
    req.sha.len = 0;
    assert_int_equal(upload(req, &rsp), 0);
    assert_int_equal(rsp.off, 500);
    for (uint32_t off = 500; off < 9001; off += 500)
        assert_int_equal(upload(chunk(image_b, 9001, off, 500), &rsp), 0);
    assert_int_equal(rsp.off, 9001);
    assert_false(rsp.has_match);
    assert_memory_equal(sim_nor_peek(&rig.nor, rig.slot[1].off), image_b, 9001);
}

static void two_links_do_not_mix_their_files(void **state)
{
    struct td_server_link other = { .authenticated = true };
    const struct td_server_link one = { .authenticated = true };
    struct td_img_upload_rsp rsp;
    struct td_img_upload_req again;
    uint8_t sha[32];

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    again = chunk(image_b, 9001, 0, 1000);
    rig.speaker = &other;
    assert_int_equal(upload(chunk(image_a, 5000, 0, 500), &rsp), 0);
    assert_int_equal(upload(chunk(image_a, 5000, 500, 500), &rsp), 0);
    // The first chunk that came last counts.
    rig.speaker = &rig.link;
    assert_int_equal(upload(chunk(image_b, 9001, 0, 1000), &rsp), 0);
    rig.speaker = &other;
    assert_int_equal(upload(chunk(image_a, 5000, 1000, 500), &rsp), TD_SMP_RC_BUSY);
    rig.speaker = &rig.link;
    assert_int_equal(upload(chunk(image_b, 9001, 1000, 1000), &rsp), 0);
    assert_int_equal(rsp.off, 2000);
    // One byte of a sha is enough for who has the upload, and too little for any other.
    again.has_sha = true;
    again.sha = (struct td_cbor_bytes){ (const uint8_t *)"x", 1 };
    assert_int_equal(upload(again, &rsp), 0);
    assert_int_equal(upload(chunk(image_b, 9001, 1000, 1000), &rsp), 0);
    assert_int_equal(upload(again, &rsp), 0);
    assert_int_equal(rsp.off, 2000);
    rig.speaker = &other;
    assert_int_equal(upload(again, &rsp), 0);
    assert_int_equal(rsp.off, 1000);
    rig.speaker = &rig.link;
    // A link that is gone leaves its upload to a first chunk with the same sha, and to no other.
    td_hash_of(&td_sha256, image_b, 9001, sha);
    again.sha = (struct td_cbor_bytes){ sha, 32 };
    assert_int_equal(upload(again, &rsp), 0);
    assert_int_equal(upload(chunk(image_b, 9001, 1000, 1000), &rsp), 0);
    td_server_link_down(&rig.srv, &rig.link);
    rig.speaker = &one;
    assert_int_equal(upload(chunk(image_a, 5000, 2000, 1000), &rsp), 0);
    assert_int_equal(rsp.off, 0);
    assert_int_equal(upload(again, &rsp), 0);
    assert_int_equal(rsp.off, 2000);
    for (uint32_t off = 2000; off < 9001; off += 1000)
        assert_int_equal(upload(chunk(image_b, 9001, off, 1000), &rsp), 0);
    assert_true(rsp.has_match && rsp.match);
    check_slot(1, 0, image_b, 9001);
}

static void a_file_that_lies_there_already_is_not_sent_again(void **state)
{
    struct td_img_upload_req req;
    struct td_img_upload_rsp rsp;
    uint8_t sha[32];
    uint32_t ops;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    td_hash_of(&td_sha256, image_b, 9001, sha);
    assert_int_equal(upload_all(image_b, 9001, 2000, sha, &rsp), 0);
    ops = rig.power.ops;
    req = chunk(image_b, 9001, 0, 500);
    req.has_sha = true;
    req.sha = (struct td_cbor_bytes){ sha, 32 };
    assert_int_equal(upload(req, &rsp), 0);
    assert_int_equal(rsp.off, 9001);
    assert_true(rsp.has_match && rsp.match);
    assert_int_equal(rig.power.ops, ops);
}

static void the_last_chunk_again_is_answered_like_the_first_time(void **state)
{
    const struct td_server_link other = { .authenticated = true };
    struct td_img_upload_rsp rsp;
    uint8_t sha[32];

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    td_hash_of(&td_sha256, image_b, 9001, sha);
    assert_int_equal(upload_all(image_b, 9001, 2000, sha, &rsp), 0);
    assert_int_equal(upload(chunk(image_b, 9001, 8000, 2000), &rsp), 0);
    assert_int_equal(rsp.off, 9001);
    assert_true(rsp.has_match && rsp.match);
    assert_int_equal(rig.told.done, 1);
    // To another link it means nothing: the chunk may be the end of another file.
    rig.speaker = &other;
    assert_int_equal(upload(chunk(image_b, 9001, 8000, 2000), &rsp), 0);
    assert_int_equal(rsp.off, 0);
    // An older server has forgotten it.
    start(&td_server_zephyr_4, TD_MODE_MOVE);
    assert_int_equal(upload_all(image_b, 9001, 2000, sha, &rsp), 0);
    assert_int_equal(upload(chunk(image_b, 9001, 8000, 2000), &rsp), 0);
    assert_int_equal(rsp.off, 0);
}

static void bytes_that_changed_on_the_way_are_told(void **state)
{
    struct td_img_upload_rsp rsp;
    uint8_t sha[32] = { 1 };

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    assert_int_equal(upload_all(image_b, 9001, 2000, sha, &rsp), 0);
    assert_int_equal(rsp.off, 9001);
    assert_true(rsp.has_match);
    assert_false(rsp.match);
}

static void the_largest_image_fits_and_one_byte_more_does_not(void **state)
{
    static const struct {
        enum td_strategy_id mode;
        const struct td_server_manner *manner;
    } rows[] = {
        { TD_MODE_MOVE, &td_server_tandem },
        { TD_MODE_OVERWRITE, &td_server_tandem },
        { TD_MODE_OFFSET, &td_server_tandem },
    };
    struct td_img_upload_rsp rsp;
    uint8_t hash[32];
    uint32_t max;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        start(rows[i].manner, rows[i].mode);
        assert_int_equal(td_room_max_image(rows[i].mode, &rig.room, &max), TD_OK);
        rig_build(image_b, max, v2, 3, hash);
        assert_int_equal(upload(chunk(image_b, max + 1, 0, 500), &rsp), 1000 + TD_IMG_TOO_LARGE);
        assert_int_equal(upload_all(image_b, max, 2000, NULL, &rsp), 0);
        check_slot(1, rig.image.upload_off, image_b, max);
        assert_int_equal(rig.nor.stats.over_budget, 0);
    }
}

static void an_upload_is_refused_when_the_running_image_leaves_no_room_to_swap(void **state)
{
    struct td_img_upload_rsp rsp;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig_build(image_a, 14 * RIG_PAGE + 4, v1, 1, hash_a);
    rig_program(&rig, 0, 0, image_a, 14 * RIG_PAGE + 4);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 1000 + TD_IMG_TOO_LARGE);
    start(&td_server_tandem, TD_MODE_OVERWRITE);
    rig_build(image_a, 14 * RIG_PAGE + 4, v1, 1, hash_a);
    rig_program(&rig, 0, 0, image_a, 14 * RIG_PAGE + 4);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 0);
}

static void flash_that_fails_ends_the_upload(void **state)
{
    struct td_img_upload_rsp rsp;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    sim_power_cut_at(&rig.power, 1, SIM_CUT_BEFORE);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 1000 + TD_IMG_FLASH_ERASE);
    sim_power_on(&rig.power);
    sim_power_cut_at(&rig.power, 2, SIM_CUT_BEFORE);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 1000 + TD_IMG_FLASH_WRITE);
    sim_power_on(&rig.power);
    assert_int_equal(upload(chunk(image_b, 9001, 500, 500), &rsp), 0);
    assert_int_equal(rsp.off, 0);
}

/* ---- steps ------------------------------------------------------------------------------- */

static void an_erase_is_answered_when_it_is_done_and_the_link_is_served_meanwhile(void **state)
{
    // echo, params, the bootloader's name, an unknown group, a broken packet
    static const char *const cheap[] = { "0a00000600004200 a161646268 69", "0800000100004306 a0",
                                         "0800000100004408 a0", "0800000104d24500 a0",
                                         "0800000500014600 a0" };
    // list, verdicts, reset
    static const char *const dear[] = { "0800000100015000 a0", "0800000154445100 a0",
                                        "0a00000100005205 a0" };
    uint8_t packet[64];
    size_t len = from_hex("0a00000100010905 a0", packet);
    struct td_server_link other = { .authenticated = true };
    struct td_server_reply reply;
    uint64_t before;
    unsigned steps = 0;
    bool blank;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig_program(&rig, 1, 0, image_b, 9001);
    assert_int_equal(
        td_server_handle(&rig.srv, &rig.link, packet, len, rig.rsp, sizeof rig.rsp, &reply), len);
    assert_int_equal(reply.len, 0);
    assert_true(td_server_owes(&rig.srv));
    memset(packet, 0, sizeof packet); // it was kept
    while (reply.len == 0) {
        td_server_work(&rig.srv, 10000, rig.rsp, sizeof rig.rsp, &reply);
        steps++;
    }
    assert_true(steps > 100);
    assert_ptr_equal(reply.link, &rig.link);
    assert_memory_equal(rig.rsp, "\x0b\0\0\x01\0\x01\x09\x05\xa0", 9);
    assert_int_equal(td_flash_is_blank(&rig.slot[1], 0, RIG_SLOT_SIZE, &blank), TD_OK);
    assert_true(blank);

    // What touches no flash is answered meanwhile, on any link, and keeps nobody waiting.
    rig_program(&rig, 1, 0, image_b, 9001);
    len = from_hex("0a00000100010a05 a0", packet);
    td_server_handle(&rig.srv, &rig.link, packet, len, rig.rsp, sizeof rig.rsp, &reply);
    before = rig.power.busy_us;
    for (size_t i = 0; i < TD_N_OF(cheap); i++) {
        len = from_hex(cheap[i], packet);
        assert_false(td_server_would_wait(&rig.srv, &other, packet, len));
        assert_int_equal(
            td_server_handle(&rig.srv, &other, packet, len, rig.rsp, sizeof rig.rsp, &reply), len);
        assert_ptr_equal(reply.link, &other);
        assert_int_equal(rig.rsp[6], 0x42 + i);
        assert_true(td_server_owes(&rig.srv));
    }
    assert_int_equal(rig.power.busy_us, before);
    while (td_server_owes(&rig.srv))
        td_server_work(&rig.srv, 100000, rig.rsp, sizeof rig.rsp, &reply);
    assert_int_equal(rig.rsp[6], 0x0a);

    // For the rest the owed answer comes first, then their own.
    for (size_t i = 0; i < TD_N_OF(dear); i++) {
        rig_program(&rig, 1, 0, image_b, 9001);
        len = from_hex("0a00000100010a05 a0", packet);
        td_server_handle(&rig.srv, &rig.link, packet, len, rig.rsp, sizeof rig.rsp, &reply);
        len = from_hex(dear[i], packet);
        assert_true(td_server_would_wait(&rig.srv, &other, packet, len));
        assert_int_equal(
            td_server_handle(&rig.srv, &other, packet, len, rig.rsp, sizeof rig.rsp, &reply), 0);
        assert_ptr_equal(reply.link, &rig.link);
        assert_int_equal(rig.rsp[6], 0x0a);
        assert_false(td_server_would_wait(&rig.srv, &other, packet, len));
        assert_int_equal(
            td_server_handle(&rig.srv, &other, packet, len, rig.rsp, sizeof rig.rsp, &reply), len);
        assert_ptr_equal(reply.link, &other);
        assert_int_equal(rig.rsp[6], 0x50 + i);
    }
}

static void pages_are_erased_ahead_of_the_data_while_echo_is_answered(void **state)
{
    uint8_t echo[64];
    size_t n_echo = from_hex("0a00000600004200 a161646268 69", echo);
    struct td_server_reply reply;
    struct td_img_upload_rsp rsp;
    unsigned steps = 0;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 0);
    assert_true(td_server_busy(&rig.srv));
    assert_false(td_server_owes(&rig.srv));
    td_server_work(&rig.srv, 1000, rig.rsp, sizeof rig.rsp, &reply);
    assert_int_equal(reply.len, 0);
    td_server_handle(&rig.srv, &rig.link, echo, n_echo, rig.rsp, sizeof rig.rsp, &reply);
    assert_int_equal(reply.len, n_echo);
    // A chunk in the middle of a page's erase waits for that page alone.
    assert_int_equal(upload(chunk(image_b, 9001, 500, 500), &rsp), 0);
    assert_true(rig.n_work > 0 && rig.n_work < 20);
    for (; td_server_busy(&rig.srv); steps++)
        td_server_work(&rig.srv, 1000, rig.rsp, sizeof rig.rsp, &reply);
    assert_true(steps > 50);
    for (uint32_t off = 1000; off < 9001; off += 1000) {
        assert_int_equal(upload(chunk(image_b, 9001, off, 1000), &rsp), 0);
        assert_int_equal(rig.n_work, 0);
    }
    check_slot(1, 0, image_b, 9001);
}

static void a_slot_that_was_just_erased_is_not_erased_again(void **state)
{
    struct td_img_erase_req req = { .has_slot = true, .slot = 1 };
    struct td_img_upload_rsp rsp;
    uint64_t erases;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig_program(&rig, 1, 0, image_a, 5000);
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, put_erase, &req);
    assert_int_equal(result(), 0);
    erases = rig.nor.stats.erases;
    assert_int_equal(erases, 16);
    assert_int_equal(upload_all(image_b, 9001, 2000, NULL, &rsp), 0);
    assert_int_equal(rig.nor.stats.erases, erases);
    // And once it was written, it is.
    assert_int_equal(upload_all(image_b, 9001, 2000, NULL, &rsp), 0);
    assert_int_equal(rig.nor.stats.erases, erases + 10); // nine pages and the trailer's
}

static void a_link_that_goes_down_is_owed_nothing(void **state)
{
    uint8_t packet[64];
    size_t len = from_hex("0a00000100010905 a0", packet);
    struct td_server_reply reply;
    struct td_img_upload_rsp rsp;
    bool blank;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig_program(&rig, 1, 0, image_b, 9001);
    td_server_handle(&rig.srv, &rig.link, packet, len, rig.rsp, sizeof rig.rsp, &reply);
    td_server_link_down(&rig.srv, &rig.link);
    assert_false(td_server_owes(&rig.srv));
    while (td_server_busy(&rig.srv)) {
        td_server_work(&rig.srv, 50000, rig.rsp, sizeof rig.rsp, &reply);
        assert_int_equal(reply.len, 0);
    }
    assert_int_equal(td_flash_is_blank(&rig.slot[1], 0, RIG_SLOT_SIZE, &blank), TD_OK);
    assert_true(blank);

    // The same in the first chunk of an upload, and then the upload anew.
    rig_program(&rig, 1, 0, image_a, 5000);
    len = from_hex("0a00003400010901 a3 636c656e 190100 636f6666 00 6464617461 5820 3db8f396"
                   "00000000 20000000 04000000 00000000 0102030004000000 00000000",
                   packet);
    assert_int_equal(
        td_server_handle(&rig.srv, &rig.link, packet, len, rig.rsp, sizeof rig.rsp, &reply), len);
    assert_true(td_server_owes(&rig.srv));
    td_server_link_down(&rig.srv, &rig.link);
    assert_int_equal(upload_all(image_b, 9001, 2000, NULL, &rsp), 0);
    check_slot(1, 0, image_b, 9001);
}

/* ---- state ------------------------------------------------------------------------------- */

static struct td_trailer trailer(unsigned slot)
{
    return (struct td_trailer){
        .area = &rig.slot[slot],
        .mode = rig.image.strategy,
        .max_sectors = rig.room.max_sectors,
        .write_size = rig.room.write_size,
        .max_align = rig.room.max_align,
    };
}

/* Brings the slots into the state in which the next boot does this. */
static void set_next(enum td_swap_type next)
{
    struct td_trailer p = trailer(0), s = trailer(1);

    assert_int_equal(td_trailer_erase(&p), TD_OK);
    assert_int_equal(td_trailer_erase(&s), TD_OK);
    if (next == TD_SWAP_REVERT) {
        assert_int_equal(td_trailer_write_swap_info(&p, TD_SWAP_TEST, 0), TD_OK);
        assert_int_equal(td_trailer_write_copy_done(&p), TD_OK);
        assert_int_equal(td_trailer_write_magic(&p), TD_OK);
    } else if (next != TD_SWAP_NONE) {
        assert_int_equal(td_trailer_write_swap_info(&s, next, 0), TD_OK);
        if (next == TD_SWAP_PERM)
            assert_int_equal(td_trailer_write_image_ok(&s), TD_OK);
        assert_int_equal(td_trailer_write_magic(&s), TD_OK);
    }
}

/* The flags as letters: a active, c confirmed, p pending, P permanent. */
static void flags(unsigned slot, char out[8])
{
    struct td_img_entry e;
    size_t n = 0;

    if (!listed(slot, &e)) {
        strcpy(out, "-");
        return;
    }
    if (e.active)
        out[n++] = 'a';
    if (e.confirmed)
        out[n++] = 'c';
    if (e.pending)
        out[n++] = 'p';
    if (e.permanent)
        out[n++] = 'P';
    out[n] = 0;
}

static void flags_follow_from_the_trailers(void **state)
{
    static const struct {
        enum td_swap_type next;
        const char *active, *other;
    } rows[] = {
        { TD_SWAP_NONE, "ac", "" },
        { TD_SWAP_TEST, "ac", "p" },
        { TD_SWAP_PERM, "ac", "pP" },
        { TD_SWAP_REVERT, "a", "c" },
    };
    char f[8];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        start(&td_server_tandem, TD_MODE_MOVE);
        rig_program(&rig, 1, 0, image_b, 9001);
        set_next(rows[i].next);
        flags(0, f);
        assert_string_equal(f, rows[i].active);
        flags(1, f);
        assert_string_equal(f, rows[i].other);
    }
    start(&td_server_tandem, TD_MODE_MOVE);
    flags(1, f);
    assert_string_equal(f, "-");
}

enum which { RUNNING, OTHER, NOBODY, NO_HASH, EMPTY_HASH, SHORT_HASH };

static unsigned set_state(enum which which, bool confirm)
{
    static const uint8_t nobody[32] = { 0xee };
    struct td_img_state_req req = { .has_hash = which != NO_HASH, .has_confirm = true };

    req.confirm = confirm;
    req.hash = (struct td_cbor_bytes){
        which == RUNNING ? hash_a
        : which == OTHER ? hash_b
                         : nobody,
        which == SHORT_HASH   ? 31u
        : which == EMPTY_HASH ? 0u
                              : 32u,
    };
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, put_state, &req);
    return result();
}

struct state_row {
    enum td_swap_type next;
    enum which which;
    bool confirm;
    unsigned want; /* rc, or 1000 + code */
    const char *active, *other;
};

static void check_state_rows(const struct td_server_manner *manner, const struct state_row *rows,
                             size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char active[8], other[8];
        unsigned got;

        start(manner, TD_MODE_MOVE);
        rig_program(&rig, 1, 0, image_b, 9001);
        set_next(rows[i].next);
        got = set_state(rows[i].which, rows[i].confirm);
        flags(0, active);
        flags(1, other);
        if (got != rows[i].want || strcmp(active, rows[i].active) != 0 ||
            strcmp(other, rows[i].other) != 0)
            fail_msg("%s, row %zu: %u, %s, %s", manner->name, i, got, active, other);
    }
}

static void the_table_of_state_writes_holds_row_for_row(void **state)
{
    enum {
        E8 = 1000 + TD_IMG_HASH_NOT_FOUND,
        E24 = 1000 + TD_IMG_BAD_HASH,
        E28 = 1000 + TD_IMG_ALREADY_PENDING,
        E33 = 1000 + TD_IMG_TEST_ACTIVE_DENIED,
    };
    static const struct state_row rows[] = {
        { TD_SWAP_NONE, NO_HASH, false, E24, "ac", "" },
        { TD_SWAP_NONE, EMPTY_HASH, false, E24, "ac", "" },
        { TD_SWAP_NONE, SHORT_HASH, false, E24, "ac", "" },
        { TD_SWAP_NONE, SHORT_HASH, true, E24, "ac", "" },
        { TD_SWAP_NONE, NOBODY, false, E8, "ac", "" },
        { TD_SWAP_NONE, NOBODY, true, E8, "ac", "" },
        { TD_SWAP_NONE, RUNNING, false, E33, "ac", "" },
        { TD_SWAP_NONE, RUNNING, true, 0, "ac", "" },
        { TD_SWAP_NONE, NO_HASH, true, 0, "ac", "" },
        { TD_SWAP_NONE, EMPTY_HASH, true, 0, "ac", "" },
        { TD_SWAP_NONE, OTHER, false, 0, "ac", "p" },
        { TD_SWAP_NONE, OTHER, true, 0, "ac", "pP" },
        { TD_SWAP_TEST, RUNNING, false, E33, "ac", "p" },
        { TD_SWAP_TEST, RUNNING, true, E28, "ac", "p" },
        { TD_SWAP_TEST, NO_HASH, true, E28, "ac", "p" },
        { TD_SWAP_TEST, OTHER, false, 0, "ac", "p" },
        { TD_SWAP_TEST, OTHER, true, E28, "ac", "p" },
        { TD_SWAP_PERM, RUNNING, false, E33, "ac", "pP" },
        { TD_SWAP_PERM, RUNNING, true, E28, "ac", "pP" },
        { TD_SWAP_PERM, OTHER, false, E28, "ac", "pP" },
        { TD_SWAP_PERM, OTHER, true, 0, "ac", "pP" },
        { TD_SWAP_REVERT, RUNNING, false, E33, "a", "c" },
        { TD_SWAP_REVERT, OTHER, false, E28, "a", "c" },
        { TD_SWAP_REVERT, OTHER, true, 0, "a", "c" },
        { TD_SWAP_REVERT, RUNNING, true, 0, "ac", "" },
        { TD_SWAP_REVERT, NO_HASH, true, 0, "ac", "" },
    };

    (void)state;
    check_state_rows(&td_server_tandem, rows, TD_N_OF(rows));
    check_state_rows(&td_server_zephyr_4, rows, TD_N_OF(rows));
}

static void the_old_server_says_done_though_nothing_changed(void **state)
{
    static const struct state_row rows[] = {
        { TD_SWAP_NONE, NO_HASH, false, TD_SMP_RC_INVALID, "ac", "" },
        { TD_SWAP_NONE, NOBODY, false, TD_SMP_RC_INVALID, "ac", "" },
        { TD_SWAP_NONE, RUNNING, false, TD_SMP_RC_BAD_STATE, "ac", "" },
        { TD_SWAP_NONE, NO_HASH, true, 0, "ac", "" },
        { TD_SWAP_NONE, OTHER, false, 0, "ac", "p" },
        { TD_SWAP_NONE, OTHER, true, 0, "ac", "pP" },
        { TD_SWAP_TEST, OTHER, true, 0, "ac", "p" }, // asked for permanent, answered done
        { TD_SWAP_TEST, OTHER, false, 0, "ac", "p" },
        { TD_SWAP_PERM, OTHER, false, 0, "ac", "pP" }, // asked for a test
        { TD_SWAP_REVERT, OTHER, true, TD_SMP_RC_BAD_STATE, "a", "c" },
        { TD_SWAP_REVERT, NO_HASH, true, 0, "ac", "" },
    };

    (void)state;
    check_state_rows(&td_server_zephyr_3_3, rows, TD_N_OF(rows));
}

static void a_confirm_is_told_to_the_application_once(void **state)
{
    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig_program(&rig, 1, 0, image_b, 9001);
    set_next(TD_SWAP_REVERT);
    assert_int_equal(set_state(NO_HASH, true), 0);
    assert_int_equal(rig.told.confirmed, 1);
    assert_int_equal(set_state(NO_HASH, true), 0);
    assert_int_equal(rig.told.confirmed, 1);
}

static void an_image_over_a_pending_one_is_not_pending(void **state)
{
    struct td_img_upload_rsp rsp;
    char f[8];

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig_program(&rig, 1, 0, image_b, 9001);
    set_next(TD_SWAP_PERM);
    // From the first chunk on.
    rig_build(image_b, 7000, v2, 9, hash_b);
    assert_int_equal(upload(chunk(image_b, 7000, 0, 500), &rsp), 0);
    assert_int_equal(*sim_nor_peek(&rig.nor, rig.slot[1].off + RIG_SLOT_SIZE - 1), 0xff);
    for (uint32_t off = 500; off < 7000; off += 500)
        assert_int_equal(upload(chunk(image_b, 7000, off, 500), &rsp), 0);
    flags(1, f);
    assert_string_equal(f, "");

    // The old server refuses instead, and keeps the device stuck.
    start(&td_server_zephyr_3_3, TD_MODE_MOVE);
    rig_program(&rig, 1, 0, image_b, 9001);
    set_next(TD_SWAP_TEST);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), TD_SMP_RC_BAD_STATE);
    ask(0, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_BAD_STATE);
}

static void a_slot_that_is_being_written_holds_no_image(void **state)
{
    struct td_img_upload_rsp rsp;
    struct td_img_entry entry;
    uint8_t hash_new[32];
    char f[8];

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig_program(&rig, 1, 0, image_b, 9001);
    assert_true(listed(1, &entry));
    // The new header goes with the old image's TLVs, where the two have the same size.
    rig_build(image_b, 9001, v2, 9, hash_new);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 0);
    assert_false(listed(1, &entry));
    assert_int_equal(set_state(OTHER, false), 1000 + TD_IMG_HASH_NOT_FOUND);
    for (uint32_t off = 500; off < 9001; off += 500)
        assert_int_equal(upload(chunk(image_b, 9001, off, 500), &rsp), 0);
    flags(1, f);
    assert_string_equal(f, "");
    memcpy(hash_b, hash_new, sizeof hash_b);
    assert_int_equal(set_state(OTHER, false), 0);
}

static void what_the_revert_needs_is_not_touched(void **state)
{
    static const struct td_server_manner *const manners[] = {
        &td_server_tandem,
        &td_server_zephyr_4,
    };
    struct td_img_upload_rsp rsp;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(manners); i++) {
        start(manners[i], TD_MODE_MOVE);
        rig_program(&rig, 1, 0, image_b, 9001);
        set_next(TD_SWAP_REVERT);
        assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 1000 + TD_IMG_NO_FREE_SLOT);
        ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, NULL, NULL);
        assert_int_equal(result(), 1000 + TD_IMG_NO_FREE_SLOT);
        assert_memory_equal(sim_nor_peek(&rig.nor, rig.slot[1].off), image_b, 9001);
    }
}

static void a_request_written_during_a_trial_does_not_free_the_slot(void **state)
{
    struct td_img_upload_rsp rsp;
    struct td_trailer s;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig_program(&rig, 1, 0, image_b, 9001);
    set_next(TD_SWAP_REVERT);
    // What an application with MCUboot's own library may do at any time.
    s = trailer(1);
    assert_int_equal(td_trailer_write_magic(&s), TD_OK);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 1000 + TD_IMG_NO_FREE_SLOT);
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, NULL, NULL);
    assert_int_equal(result(), 1000 + TD_IMG_NO_FREE_SLOT);
    assert_memory_equal(sim_nor_peek(&rig.nor, rig.slot[1].off), image_b, 9001);
    // Nor does it take away the confirmation; then the slot is free.
    assert_int_equal(set_state(NO_HASH, true), 0);
    assert_int_equal(rig.told.confirmed, 1);
    assert_int_equal(upload(chunk(image_b, 9001, 0, 500), &rsp), 0);
}

static void slots_are_erased_by_number_but_not_the_running_one(void **state)
{
    static const struct {
        uint32_t slot;
        unsigned want;
    } rows[] = {
        { 0, 1000 + TD_IMG_NO_FREE_SLOT },
        { 1, 0 },
        { 2, 1000 + TD_IMG_INVALID_SLOT },
        { UINT32_MAX, 1000 + TD_IMG_INVALID_SLOT },
    };
    char f[8];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_img_erase_req req = { .has_slot = true, .slot = rows[i].slot };

        start(&td_server_tandem, TD_MODE_MOVE);
        rig_program(&rig, 1, 0, image_b, 9001);
        set_next(TD_SWAP_TEST);
        ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, put_erase, &req);
        assert_int_equal(result(), rows[i].want);
        flags(1, f);
        assert_string_equal(f, rows[i].want == 0 ? "-" : "p");
    }
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, NULL, NULL);
    assert_int_equal(result(), 0);
}

static void a_bootloader_that_takes_no_requests_is_told_none(void **state)
{
    char f[8];

    (void)state;
    start(&td_server_tandem, TD_MODE_XIP);
    rig_program(&rig, 1, 0, image_b, 9001);
    assert_int_equal(set_state(OTHER, false), TD_SMP_RC_NOT_SUPPORTED);
    flags(0, f);
    assert_string_equal(f, "ac");
    flags(1, f);
    assert_string_equal(f, "pP"); // the newer one
    rig_build(image_b, 9001, (struct td_version){ 0, 9, 0, 0 }, 2, hash_b);
    rig_program(&rig, 1, 0, image_b, 9001);
    flags(1, f);
    assert_string_equal(f, "");
}

static void a_second_image_has_slots_and_rules_of_its_own(void **state)
{
    static struct td_flash_area other[2];
    static struct td_server_image images[2];
    struct td_img_upload_rsp rsp;
    struct td_img_upload_req req;
    struct td_img_erase_req erase = { .has_slot = true, .slot = 3 };
    struct td_img_list list;
    struct td_img_entry e;
    unsigned seen = 0;
    bool end = false;

    (void)state;
    start(&td_server_tandem, TD_MODE_OVERWRITE);
    // The storage and the log make way for a pair of slots of two pages.
    other[0] = rig.storage;
    other[1] = rig.log;
    rig.room = (struct td_room_geometry){
        .primary_size = 2 * RIG_PAGE,
        .secondary_size = 2 * RIG_PAGE,
        .primary_sector = RIG_PAGE,
        .secondary_sector = RIG_PAGE,
        .max_sectors = 16,
        .write_size = 4,
        .max_align = 8,
    };
    images[0] = rig.image;
    images[1] = rig.image;
    images[1].slot[0] = &other[0];
    images[1].slot[1] = &other[1];
    rig.cfg.images = images;
    rig.cfg.n_images = 2;

    rig_build(image_b, 700, v2, 2, hash_b);
    req = chunk(image_b, 700, 0, 700);
    req.has_image = true;
    req.image = 2;
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_NO_FREE_SLOT);
    req.image = 1;
    assert_int_equal(upload(req, &rsp), 0);
    assert_int_equal(rsp.off, 700);
    assert_memory_equal(sim_nor_peek(&rig.nor, other[1].off), image_b, 700);

    // Its secondary may be tested and confirmed from here.
    assert_int_equal(set_state(OTHER, false), 0);
    assert_int_equal(td_img_list_get_begin(payload(), payload_len(), &list), TD_OK);
    while (td_img_list_get(&list, &e, &end) == TD_OK && !end) {
        assert_true(e.has_image && e.image == seen && e.slot == seen);
        assert_int_equal(e.pending, seen == 1);
        seen++;
    }
    assert_int_equal(seen, 2);
    assert_int_equal(set_state(OTHER, true), 0);

    // Its primary may be neither.
    sim_nor_program(&rig.nor, other[0].off, image_b, 700);
    assert_int_equal(set_state(OTHER, true), 1000 + TD_IMG_CONFIRM_DENIED);
    assert_int_equal(set_state(OTHER, false), 1000 + TD_IMG_TEST_ACTIVE_DENIED);

    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, put_erase, &erase);
    assert_int_equal(result(), 0);
    assert_int_equal(*sim_nor_peek(&rig.nor, other[1].off), 0xff);
    // But where its core has no server, this one speaks for it.
    images[1].spoken_for = true;
    assert_int_equal(set_state(OTHER, true), 0);
    images[1].spoken_for = false;
    erase.slot = 2;
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, put_erase, &erase);
    assert_int_equal(result(), 1000 + TD_IMG_NO_FREE_SLOT);
}

static void put_on_trial(const struct td_trailer *p)
{
    assert_int_equal(td_trailer_erase(p), TD_OK);
    assert_int_equal(td_trailer_write_swap_info(p, TD_SWAP_TEST, 0), TD_OK);
    assert_int_equal(td_trailer_write_copy_done(p), TD_OK);
    assert_int_equal(td_trailer_write_magic(p), TD_OK);
}

/* Two images, both swapped in by an update and not confirmed. */
static void a_trial_is_confirmed_whole(void **state)
{
    static const struct {
        const struct td_server_manner *manner;
        bool spoken_for, first_on_trial;
        bool confirmed[2]; /* afterwards */
    } rows[] = {
        { &td_server_tandem, true, true, { true, true } },
        { &td_server_tandem, false, true, { true, false } },  // its own core's to say
        { &td_server_tandem, true, false, { true, false } },  // not one update
        { &td_server_zephyr_4, true, true, { true, false } }, // as the original does
    };
    static struct td_flash_area other[2];
    static struct td_server_image images[2];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_trailer p[2];
        struct td_trailer_state now;

        start(rows[i].manner, TD_MODE_MOVE);
        other[0] = rig.storage;
        other[1] = rig.log;
        images[0] = images[1] = rig.image;
        images[1].slot[0] = &other[0];
        images[1].slot[1] = &other[1];
        images[1].spoken_for = rows[i].spoken_for;
        rig.cfg.images = images;
        rig.cfg.n_images = 2;
        p[0] = p[1] = trailer(0);
        p[1].area = &other[0];
        if (rows[i].first_on_trial)
            put_on_trial(&p[0]);
        put_on_trial(&p[1]);
        assert_int_equal(set_state(NO_HASH, true), 0);
        for (unsigned k = 0; k < 2; k++) {
            assert_int_equal(td_trailer_read(&p[k], &now), TD_OK);
            assert_int_equal(td_slot_is_confirmed(&now), rows[i].confirmed[k]);
        }
        assert_int_equal(rig.told.confirmed, rows[i].first_on_trial + (i == 0));
        assert_int_equal(set_state(NO_HASH, true), 0); // and again, with nothing to do
    }
}

/* The running image is marked last: it stays on trial when the other could not be marked. */
static void a_trial_of_which_one_cannot_be_confirmed_stays_one(void **state)
{
    static struct td_flash_area other[2];
    static struct td_server_image images[2];
    struct td_trailer p[2];
    struct td_trailer_state now;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    other[0] = rig.storage;
    other[1] = rig.log;
    images[0] = images[1] = rig.image;
    images[1].slot[0] = &other[0];
    images[1].slot[1] = &other[1];
    images[1].spoken_for = true;
    rig.cfg.images = images;
    rig.cfg.n_images = 2;
    p[0] = p[1] = trailer(0);
    p[1].area = &other[0];
    put_on_trial(&p[0]);
    put_on_trial(&p[1]);
    sim_nor_tear(&rig.nor, other[0].off + td_trailer_image_ok_off(&p[1]), 0xfe);
    assert_int_not_equal(set_state(NO_HASH, true), 0);
    assert_int_equal(td_trailer_read(&p[0], &now), TD_OK);
    assert_true(td_slot_on_trial(&now));
    assert_int_equal(rig.told.confirmed, 0);
}

static void slot_information_has_sizes_and_what_can_be_swapped(void **state)
{
    struct td_img_slots slots;
    struct td_img_slots_image image;
    struct td_img_slot slot;
    bool end;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    ask(1, TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_SLOT_INFO, NULL, NULL);
    assert_int_equal(result(), 0);
    assert_int_equal(td_img_slots_get_begin(payload(), payload_len(), &slots), TD_OK);
    assert_int_equal(td_img_slots_get_image(&slots, &image, &end), TD_OK);
    assert_false(end);
    assert_int_equal(image.image, 0);
    assert_true(image.has_max_image_size);
    assert_int_equal(image.max_image_size, 14 * RIG_PAGE);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(td_img_slots_get(&image, &slot, &end), TD_OK);
        assert_false(end);
        assert_int_equal(slot.slot, i);
        assert_int_equal(slot.size, RIG_SLOT_SIZE);
        assert_int_equal(slot.has_upload_image_id, i == 1);
    }
    assert_int_equal(td_img_slots_get(&image, &slot, &end), TD_OK);
    assert_true(end);
    assert_int_equal(td_img_slots_get_image(&slots, &image, &end), TD_OK);
    assert_true(end);
}

/* ---- the other groups -------------------------------------------------------------------- */

static void resets_go_to_the_application(void **state)
{
    static const struct exchange rows[] = {
        { "plain", "0a00000100000705 a0", "0b00000100000705 a0" },
        { "malformed", "0a00000100000705 ff", "0b00000100000705 a0" },
        { "into the bootloader", "0a00000c00000705 a169626f6f745f6d6f646501",
          "0b00000100000705 a0" },
        { "boot mode 256", "0200000e00000705 a169626f6f745f6d6f6465190100",
          "0300001b00000705 a2627263036372736e716e6f207375636820626f6f74206d6f6465" },
        { "forced", "0a00000800000705 a165666f726365f5", "0b00000100000705 a0" },
        { "forced, as a number", "0a00000800000705 a165666f72636501", "0b00000100000705 a0" },
    };
    struct td_smp_status status;
    uint8_t packet[16];

    (void)state;
    rig_init(&rig, &td_server_tandem, TD_MODE_MOVE);
    run(rows, 4);
    assert_int_equal(rig.told.resets, 3);
    assert_int_equal(rig.told.reset.boot_mode, 1);
    assert_false(rig.told.reset.force);
    rig.told.reset_rc = TD_SMP_RC_BUSY;
    rig_send(&rig, packet, from_hex("0a00000100000705 a0", packet));
    assert_int_equal(td_smp_status_decode(payload(), payload_len(), &status), TD_OK);
    assert_int_equal(status.code, TD_SMP_RC_BUSY);
    assert_true(td_cbor_text_is(status.reason, TD_TEXT("busy")));
    run(rows + 4, 2);
    assert_int_equal(rig.told.resets, 6);
    assert_true(rig.told.reset.force);
}

static void the_bootloader_is_described(void **state)
{
    static const struct exchange rows[] = {
        { "name", "0800000100000708 a0",
          "0900001400000708 a16a626f6f746c6f61646572674d4355626f6f74" },
        { "mode", "0800000c00000708 a1657175657279646d6f6465",
          "0900001500000708 a2646d6f6465036c6e6f2d646f776e6772616465f5" },
        { "anything else, v1", "0000000900000708 a16571756572796178",
          "0100001700000708 a2627263056372736e6d756e6b6e6f776e207175657279" },
    };

    (void)state;
    rig_init(&rig, &td_server_tandem, TD_MODE_MOVE);
    run(rows, TD_N_OF(rows));
}

static void the_storage_is_erased(void **state)
{
    bool blank;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    sim_nor_program(&rig.nor, rig.storage.off, image_a, 2 * RIG_PAGE);
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_BASIC, TD_BASIC_STORAGE_ERASE, NULL, NULL);
    assert_int_equal(result(), 0);
    assert_int_equal(rig.told.storage, 1);
    assert_int_equal(td_flash_is_blank(&rig.storage, 0, rig.storage.size, &blank), TD_OK);
    assert_true(blank);
    rig.cfg.storage = NULL;
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_BASIC, TD_BASIC_STORAGE_ERASE, NULL, NULL);
    assert_int_equal(result(), 1000 + TD_BASIC_FLASH_OPEN);
    ask(0, TD_SMP_WRITE, TD_SMP_GROUP_BASIC, TD_BASIC_STORAGE_ERASE, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_NO_ENTRY);
}

static void put_tandem(struct td_cbor_writer *w, const void *req)
{
    td_tandem_req_put(w, req);
}

static void verdicts_are_told_page_by_page_newest_first(void **state)
{
    static const size_t buf_sizes[] = { 256, 300, 512, RIG_BUF };
    const struct td_log log = { &rig.log };
    struct td_verdict v = {
        .code = TD_V_DOWNGRADE,
        .kind = TD_VERDICT_REFUSAL,
        .image = 255,
        .slot = 255,
        .swap_type = 255,
        .off = UINT32_MAX,
        .wanted = UINT32_MAX,
        .wanted_version = { 255, 255, 65535, UINT32_MAX },
        .found_version = { 255, 255, 65535, UINT32_MAX },
        .key = { 1, 2, 3, 4, 5, 6, 7, 8 },
        .hash = { 8, 7, 6, 5, 4, 3, 2, 1 },
    };

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    ask(1, TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_WHY, NULL, NULL);
    assert_int_equal(result(), 0);
    for (uint32_t i = 1; i <= 7; i++) {
        v.found = UINT32_MAX - i;
        assert_int_equal(td_log_append(&log, &v), TD_OK);
    }
    for (size_t i = 0; i < TD_N_OF(buf_sizes); i++) {
        struct td_tandem_req req = { .has_off = true, .off = 0 };
        struct td_tandem_why why;
        uint32_t n = 0, pages = 0;

        rig.link.max_reply = buf_sizes[i];
        do {
            struct td_verdict got;
            bool end = false;

            ask(1, TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_WHY, put_tandem, &req);
            assert_int_equal(result(), 0);
            assert_true(rig.rsp_len <= buf_sizes[i]);
            assert_int_equal(td_tandem_why_get_begin(payload(), payload_len(), &why), TD_OK);
            while (td_tandem_why_get(&why, &got, &end) == TD_OK && !end) {
                n++;
                assert_int_equal(got.found, UINT32_MAX - (8 - n));
                v.found = got.found;
                assert_true(td_verdict_same(&got, &v));
                assert_int_equal(got.count, 1);
            }
            assert_true(end);
            req.off = why.next;
            pages++;
        } while (why.has_next && pages < 20);
        assert_int_equal(n, 7);
        assert_true(buf_sizes[i] > 1000 ? pages == 1 : pages > 1);
    }
    rig.cfg.boot_log = NULL;
    ask(1, TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_WHY, NULL, NULL);
    assert_int_equal(result(), 1000 + TD_TANDEM_NO_LOG);
}

static void a_first_stage_is_told_on_the_first_page(void **state)
{
    static const uint8_t print[TD_TANDEM_STAGE_PRINT] = { 1, 2, 3 };
    const struct td_tandem_stage stage = {
        .slot = 1,
        .version = 7,
        .least = 6,
        .trial = TD_TANDEM_SERVES,
        .addr = { 0x8000, 0x14000 },
        .size = 0xc000,
        .n_keys = 1,
        .keys = { { print, sizeof print } },
    };
    struct td_tandem_req req = { .has_off = true, .off = 0 };
    struct td_tandem_accepts a;

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig.cfg.stage = &stage;
    ask(1, TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_ACCEPTS, put_tandem, &req);
    assert_int_equal(td_tandem_accepts_get(payload(), payload_len(), &a), TD_OK);
    assert_true(a.has_stage);
    assert_int_equal(a.stage.slot, 1);
    assert_int_equal(a.stage.version, 7);
    assert_int_equal(a.stage.least, 6);
    assert_int_equal(a.stage.trial, TD_TANDEM_SERVES);
    assert_int_equal(a.stage.addr[0], 0x8000);
    assert_int_equal(a.stage.addr[1], 0x14000);
    assert_int_equal(a.stage.size, 0xc000);
    assert_int_equal(a.stage.n_keys, 1);
    assert_memory_equal(a.stage.keys[0].p, print, sizeof print);
    req.off = 1;
    ask(1, TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_ACCEPTS, put_tandem, &req);
    assert_int_equal(td_tandem_accepts_get(payload(), payload_len(), &a), TD_OK);
    assert_false(a.has_stage);
}

static void what_the_device_accepts_is_told_with_all_its_keys(void **state)
{
    static const size_t buf_sizes[] = { 256, 300, 512, RIG_BUF };

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    for (size_t i = 0; i < TD_N_OF(buf_sizes); i++) {
        struct td_tandem_req req = { .has_off = true, .off = 0 };
        struct td_tandem_accepts a;
        unsigned keys = 0, pages = 0;

        rig.link.max_reply = buf_sizes[i];
        do {
            ask(1, TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_ACCEPTS, put_tandem, &req);
            assert_int_equal(result(), 0);
            assert_true(rig.rsp_len <= buf_sizes[i]);
            assert_int_equal(td_tandem_accepts_get(payload(), payload_len(), &a), TD_OK);
            for (unsigned k = 0; k < a.n_keys; k++)
                assert_int_equal(a.keys[k].p[0], ++keys);
            assert_true(a.n_keys > 0);
            req.off = a.next;
        } while (a.has_next && ++pages < 20);
        assert_int_equal(keys, 9);
        assert_int_equal(a.n_keys_total, 9);
        assert_int_equal(a.sig, 2);
        assert_int_equal(a.hash_len, 32);
        assert_int_equal(a.mode, TD_MODE_MOVE);
        assert_true(a.no_downgrade && a.has_log && !a.authenticated);
        assert_int_equal(a.n_images, 1);
        assert_int_equal(a.images[0].max_size, 14 * RIG_PAGE);
        assert_int_equal(a.images[0].slot_size[0], RIG_SLOT_SIZE);
        assert_int_equal(a.images[0].slot_size[1], RIG_SLOT_SIZE);
        assert_int_equal(a.images[0].upload_off, 0);
        assert_true(td_cbor_text_is(a.layout, TD_TEXT("rig")));
        assert_true(td_cbor_text_is(a.sig_name, TD_TEXT("ecdsa-p256")));
    }
}

static void a_link_without_proof_gets_echo_and_params_alone(void **state)
{
    static const struct {
        uint16_t group;
        uint8_t op, id;
        unsigned want;
    } rows[] = {
        { 0, TD_SMP_WRITE, TD_OS_ECHO, 0 },
        { 0, TD_SMP_READ, TD_OS_PARAMS, 0 },
        { 0, TD_SMP_WRITE, TD_OS_RESET, TD_SMP_RC_ACCESS_DENIED },
        { 1, TD_SMP_READ, TD_IMG_STATE, TD_SMP_RC_ACCESS_DENIED },
        { 1, TD_SMP_WRITE, TD_IMG_ERASE, TD_SMP_RC_ACCESS_DENIED },
        { 63, TD_SMP_WRITE, 0, TD_SMP_RC_ACCESS_DENIED },
        { 21572, TD_SMP_READ, TD_TANDEM_WHY, TD_SMP_RC_ACCESS_DENIED },
        { 21573, TD_SMP_READ, 0, TD_SMP_RC_NOT_SUPPORTED },
    };

    (void)state;
    start(&td_server_tandem, TD_MODE_MOVE);
    rig.cfg.wants_authenticated = true;
    for (int authenticated = 0; authenticated < 2; authenticated++) {
        rig.link.authenticated = authenticated != 0;
        for (size_t i = 0; i < TD_N_OF(rows); i++) {
            unsigned want = rows[i].want;

            ask(1, rows[i].op, rows[i].group, rows[i].id, NULL, NULL);
            if (want == TD_SMP_RC_ACCESS_DENIED && rig.link.authenticated)
                want = 0;
            assert_int_equal(result(), want);
        }
    }
    rig.told.access_rc = TD_SMP_RC_BUSY;
    ask(1, TD_SMP_WRITE, 0, TD_OS_ECHO, NULL, NULL);
    assert_int_equal(result(), TD_SMP_RC_BUSY);
}

/* ---- modes that choose ------------------------------------------------------------------- */

static struct td_trailer choice_trailer(unsigned slot)
{
    return (struct td_trailer){ .area = &rig.slot[slot],
                                .mode = rig.image.strategy,
                                .max_sectors = 16,
                                .write_size = 4,
                                .max_align = 8 };
}

static void put_version(unsigned slot, uint8_t major, uint8_t hash[32])
{
    static uint8_t image[2000];
    uint32_t len =
        rig_build(image, sizeof image, (struct td_version){ major, 0, 0, 0 }, (uint8_t)slot, hash);

    rig_program(&rig, slot, 0, image, len);
}

/* What the list says of a slot: active, confirmed, pending, permanent, as letters. */
static void list_says(unsigned slot, const char *want)
{
    uint8_t packet[16];
    struct td_smp_header hdr;
    const uint8_t *payload;
    struct td_img_list list;
    struct td_img_entry e;
    char got[5];
    size_t n = 0;
    bool end = false;

    rig_send(&rig, packet, from_hex("0800000100010000a0", packet));
    assert_int_equal(td_smp_open(rig.rsp, rig.rsp_len, &hdr, &payload), TD_OK);
    assert_int_equal(td_img_list_get_begin(payload, hdr.len, &list), TD_OK);
    do {
        assert_int_equal(td_img_list_get(&list, &e, &end), TD_OK);
        assert_false(end);
    } while (e.slot != slot);
    if (e.active)
        got[n++] = 'a';
    if (e.confirmed)
        got[n++] = 'c';
    if (e.pending)
        got[n++] = 'p';
    if (e.permanent)
        got[n++] = 'P';
    got[n] = 0;
    assert_string_equal(got, want);
}

/* The group's code that a state write is answered with; hash NULL: the running image. */
static uint32_t mark(const uint8_t *hash, bool yes)
{
    const struct td_smp_header hdr = {
        .version = TD_SMP_V2, .op = TD_SMP_WRITE, .group = TD_SMP_GROUP_IMAGE, .id = TD_IMG_STATE
    };
    const struct td_img_state_req req = {
        .has_hash = hash != NULL, .hash = { hash, 32 }, .has_confirm = true, .confirm = yes
    };
    uint8_t packet[128];
    struct td_cbor_writer w;
    struct td_smp_header answer;
    struct td_smp_status status;
    const uint8_t *payload;
    size_t len;

    td_smp_begin(&w, packet, sizeof packet, TD_CBOR_DEFINITE);
    td_img_state_req_put(&w, &req);
    assert_int_equal(td_smp_end(&w, &hdr, &len), TD_OK);
    rig_send(&rig, packet, len);
    assert_int_equal(td_smp_open(rig.rsp, rig.rsp_len, &answer, &payload), TD_OK);
    assert_int_equal(td_smp_status_decode(payload, answer.len, &status), TD_OK);
    return status.code;
}

/* Flags as Zephyr's img_mgmt reports them for direct-XIP with revert. */
static void a_slot_that_is_chosen_on_trial_is_marked_listed_and_confirmed(void **state)
{
    static const enum td_strategy_id modes[] = { TD_MODE_XIP_REVERT, TD_MODE_RAM_LOAD };
    uint8_t runs[32], waits[32];

    (void)state;
    for (size_t i = 0; i < TD_N_OF(modes); i++) {
        struct td_trailer other;

        rig_init(&rig, &td_server_tandem, modes[i]);
        rig.image.reverts = true;
        put_version(0, 1, runs);
        put_version(1, 2, waits);
        list_says(0, "ac");
        list_says(1, "");
        assert_int_equal(mark(runs, false), TD_IMG_TEST_ACTIVE_DENIED);
        assert_int_equal(mark(waits, false), TD_IMG_OK);
        list_says(1, "p");
        other = choice_trailer(1);
        assert_int_equal(td_trailer_write_copy_done(&other), TD_OK); // the bootloader took it
        rig.image.active_slot = 1;
        list_says(1, "a");
        list_says(0, "c");
        assert_int_equal(mark(runs, false), TD_IMG_ALREADY_PENDING);
        assert_int_equal(mark(NULL, true), TD_IMG_OK);
        list_says(1, "ac");
        list_says(0, "");
        assert_int_equal(rig.told.confirmed, 1);
        assert_int_equal(mark(runs, false), TD_IMG_NOT_NEWER);
    }
}

static void a_permanent_request_is_listed_as_one_where_slots_are_chosen(void **state)
{
    uint8_t runs[32], waits[32];

    (void)state;
    rig_init(&rig, &td_server_tandem, TD_MODE_XIP_REVERT);
    put_version(0, 1, runs);
    put_version(1, 2, waits);
    assert_int_equal(mark(waits, true), TD_IMG_OK);
    list_says(1, "pP");
    list_says(0, "ac");
}

static void without_trials_the_version_alone_decides_and_requests_are_not_supported(void **state)
{
    uint8_t runs[32], waits[32];

    (void)state;
    rig_init(&rig, &td_server_tandem, TD_MODE_XIP);
    put_version(0, 1, runs);
    put_version(1, 2, waits);
    list_says(1, "pP");
    assert_int_equal(mark(waits, false), TD_SMP_RC_NOT_SUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_with_a_request_is_answered_as_the_protocol_has_it),
        cmocka_unit_test(other_peoples_frames_are_answered_byte_for_byte),
        cmocka_unit_test(several_requests_in_a_packet_each_get_an_answer_until_one_fails),
        cmocka_unit_test(an_answer_that_does_not_fit_is_rc_7),
        cmocka_unit_test(a_failure_is_told_without_its_reason_where_that_does_not_fit),
        cmocka_unit_test(an_answer_keeps_to_the_smallest_of_links),
        cmocka_unit_test(an_image_arrives_whole_in_chunks_of_any_size_in_any_mode),
        cmocka_unit_test(each_rule_of_an_upload_has_its_answer),
        cmocka_unit_test(errors_of_the_group_are_translated_for_v1),
        cmocka_unit_test(an_interrupted_upload_goes_on_where_it_stopped_when_its_sha_is_the_same),
        cmocka_unit_test(two_links_do_not_mix_their_files),
        cmocka_unit_test(a_file_that_lies_there_already_is_not_sent_again),
        cmocka_unit_test(the_last_chunk_again_is_answered_like_the_first_time),
        cmocka_unit_test(bytes_that_changed_on_the_way_are_told),
        cmocka_unit_test(the_largest_image_fits_and_one_byte_more_does_not),
        cmocka_unit_test(an_upload_is_refused_when_the_running_image_leaves_no_room_to_swap),
        cmocka_unit_test(flash_that_fails_ends_the_upload),
        cmocka_unit_test(an_erase_is_answered_when_it_is_done_and_the_link_is_served_meanwhile),
        cmocka_unit_test(pages_are_erased_ahead_of_the_data_while_echo_is_answered),
        cmocka_unit_test(a_slot_that_was_just_erased_is_not_erased_again),
        cmocka_unit_test(a_link_that_goes_down_is_owed_nothing),
        cmocka_unit_test(flags_follow_from_the_trailers),
        cmocka_unit_test(the_table_of_state_writes_holds_row_for_row),
        cmocka_unit_test(the_old_server_says_done_though_nothing_changed),
        cmocka_unit_test(a_confirm_is_told_to_the_application_once),
        cmocka_unit_test(an_image_over_a_pending_one_is_not_pending),
        cmocka_unit_test(a_slot_that_is_being_written_holds_no_image),
        cmocka_unit_test(what_the_revert_needs_is_not_touched),
        cmocka_unit_test(a_request_written_during_a_trial_does_not_free_the_slot),
        cmocka_unit_test(slots_are_erased_by_number_but_not_the_running_one),
        cmocka_unit_test(a_bootloader_that_takes_no_requests_is_told_none),
        cmocka_unit_test(a_second_image_has_slots_and_rules_of_its_own),
        cmocka_unit_test(a_trial_is_confirmed_whole),
        cmocka_unit_test(a_trial_of_which_one_cannot_be_confirmed_stays_one),
        cmocka_unit_test(slot_information_has_sizes_and_what_can_be_swapped),
        cmocka_unit_test(resets_go_to_the_application),
        cmocka_unit_test(the_bootloader_is_described),
        cmocka_unit_test(the_storage_is_erased),
        cmocka_unit_test(verdicts_are_told_page_by_page_newest_first),
        cmocka_unit_test(a_first_stage_is_told_on_the_first_page),
        cmocka_unit_test(what_the_device_accepts_is_told_with_all_its_keys),
        cmocka_unit_test(a_link_without_proof_gets_echo_and_params_alone),
        cmocka_unit_test(a_slot_that_is_chosen_on_trial_is_marked_listed_and_confirmed),
        cmocka_unit_test(a_permanent_request_is_listed_as_one_where_slots_are_chosen),
        cmocka_unit_test(without_trials_the_version_alone_decides_and_requests_are_not_supported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
