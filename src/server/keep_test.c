#include "server/talk_test.h"

static void begin(void)
{
    start(&td_server_tandem, TD_MODE_MOVE);
}

static struct td_tandem_upload told(void)
{
    struct td_tandem_upload upload;

    ask(1, TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_UPLOAD, NULL, NULL);
    assert_int_equal(td_tandem_upload_get(payload(), payload_len(), &upload), TD_OK);
    return upload;
}

static uint8_t sha_b[32];

static struct td_img_upload_req first_of_b(void)
{
    struct td_img_upload_req req = chunk(image_b, 9001, 0, 500);

    td_hash_of(&td_sha256, image_b, 9001, sha_b);
    req.has_sha = true;
    req.sha = (struct td_cbor_bytes){ sha_b, 32 };
    return req;
}

/* Sends b up to the chunk that ends at end or beyond; gives the last answer. */
static struct td_img_upload_rsp send_b(uint32_t off, uint32_t n, uint32_t end)
{
    struct td_img_upload_rsp rsp = { .off = off };

    for (; off < end; off += n)
        assert_int_equal(upload(chunk(image_b, 9001, off, n), &rsp), 0);
    return rsp;
}

static void an_upload_goes_on_after_a_reset_with_its_last_record(void **state)
{
    static const struct {
        const char *says;
        enum td_strategy_id mode;
        uint32_t n, until; /* bytes of a chunk, bytes that are sent before the reset */
        uint32_t want;     /* where it goes on */
    } rows[] = {
        { "before the first record", TD_MODE_MOVE, 500, 5000, 500 },
        { "a sector's last byte came with the chunk", TD_MODE_MOVE, 512, 5120, 5120 },
        { "in the middle of a chunk", TD_MODE_MOVE, 500, 5500, 5120 },
        { "bytes that fill no word", TD_MODE_MOVE, 357, 6000, 5120 },
        { "large chunks", TD_MODE_MOVE, 2047, 8000, 6144 },
        { "all but the last byte", TD_MODE_MOVE, 500, 9000, 5120 },
        { "one sector in", TD_MODE_OFFSET, 500, 6000, 5120 },
        { "overwrite-only", TD_MODE_OVERWRITE, 500, 6000, 5120 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_img_upload_rsp rsp;
        uint32_t sent;

        start(&td_server_tandem, rows[i].mode);
        assert_int_equal(upload(first_of_b(), &rsp), 0);
        sent = send_b(500, rows[i].n, rows[i].until).off;
        assert_true(sent >= rows[i].until);
        rig_restart(&rig);
        assert_int_equal(told().state, TD_TANDEM_IDLE);
        assert_int_equal(upload(first_of_b(), &rsp), 0);
        if (rsp.off != rows[i].want)
            fail_msg("goes on at %u: %s", rsp.off, rows[i].says);
        assert_false(rsp.has_match);
        assert_int_equal(told().start, rows[i].want > 500 ? TD_START_AFTER_RESET : TD_START_NEW);
        assert_int_equal(told().kept, rows[i].want > 500 ? rows[i].want : 0);
        rsp = send_b(rsp.off, rows[i].n, 9001);
        assert_true(rsp.has_match && rsp.match);
        assert_memory_equal(sim_nor_peek(&rig.nor, rig.slot[1].off + rig.image.upload_off), image_b,
                            9001);
        assert_int_equal(rig.told.done, 1);
        assert_int_equal(rig.nor.stats.over_budget + rig.nor.stats.weak_writes, 0);
        assert_int_equal(rig.nor.stats.clashes + rig.nor.stats.misaligned, 0);
        // And after another reset nothing is to be sent.
        rig_restart(&rig);
        assert_int_equal(upload(first_of_b(), &rsp), 0);
        assert_int_equal(rsp.off, 9001);
        assert_int_equal(told().start, TD_START_THERE);
        assert_int_equal(told().state, TD_TANDEM_COMPLETE);
    }
}

static void change_the_slot(struct td_img_upload_req *req)
{
    uint8_t page[RIG_PAGE];

    (void)req;
    memcpy(page, sim_nor_peek(&rig.nor, rig.slot[1].off + 2 * RIG_PAGE), sizeof page);
    page[77] ^= 4;
    rig_program(&rig, 1, 2 * RIG_PAGE, page, sizeof page);
}

static void change_the_header(struct td_img_upload_req *req)
{
    static const uint8_t none[RIG_PAGE];

    (void)req;
    rig_program(&rig, 1, 0, none, sizeof none);
}

static void erase_the_slot(struct td_img_upload_req *req)
{
    struct td_img_erase_req erase = { .has_slot = true, .slot = 1 };

    (void)req;
    ask(1, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_ERASE, put_erase, &erase);
    assert_int_equal(result(), 0);
}

static void send_another_file(struct td_img_upload_req *req)
{
    struct td_img_upload_rsp rsp;

    (void)req;
    assert_int_equal(upload(chunk(image_a, 5000, 0, 500), &rsp), 0);
    rig_restart(&rig);
}

static void lose_the_log(struct td_img_upload_req *req)
{
    (void)req;
    rig.cfg.boot_log = NULL;
}

static void leave_the_sha(struct td_img_upload_req *req)
{
    req->has_sha = false;
    req->sha.len = 0;
}

static void shorten_the_sha(struct td_img_upload_req *req)
{
    req->sha.len = 31;
}

static void say_another_sha(struct td_img_upload_req *req)
{
    static uint8_t other[32];

    memcpy(other, req->sha.p, 32);
    other[31] ^= 1;
    req->sha.p = other;
}

static void say_another_length(struct td_img_upload_req *req)
{
    req->len++;
}

static void an_upload_that_cannot_go_on_begins_at_0_and_tandem_says_why(void **state)
{
    static const struct {
        const char *says;
        void (*change)(struct td_img_upload_req *req);
        enum td_tandem_start want;
    } rows[] = {
        { "no sha", leave_the_sha, TD_START_NO_SHA },
        { "not all of the sha", shorten_the_sha, TD_START_NO_SHA },
        { "another sha", say_another_sha, TD_START_OTHER },
        { "another length", say_another_length, TD_START_OTHER },
        { "no boot log", lose_the_log, TD_START_NO_LOG },
        { "a bit in the slot is another", change_the_slot, TD_START_CHANGED },
        { "the slot begins differently", change_the_header, TD_START_CHANGED },
        { "the slot was erased", erase_the_slot, TD_START_NEW },
        { "another file was begun meanwhile", send_another_file, TD_START_NEW },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_img_upload_req req;
        struct td_img_upload_rsp rsp;

        begin();
        assert_int_equal(upload(first_of_b(), &rsp), 0);
        send_b(500, 500, 6000);
        rig_restart(&rig);
        req = first_of_b();
        rows[i].change(&req);
        assert_int_equal(upload(req, &rsp), 0);
        if (rsp.off != 500 || told().start != rows[i].want)
            fail_msg("offset %u, start %u: %s", rsp.off, told().start, rows[i].says);
        for (uint32_t off = 500; off < 9001; off += 500)
            assert_int_equal(upload(chunk(image_b, 9001, off, 500), &rsp), 0);
        // Where a longer file was announced, the last byte waits for its word.
        assert_memory_equal(sim_nor_peek(&rig.nor, rig.slot[1].off), image_b, 9000);
        assert_int_equal(rig.nor.stats.over_budget + rig.nor.stats.weak_writes, 0);
    }
}

static void other_peoples_servers_forget_an_upload_at_a_reset(void **state)
{
    static const struct td_server_manner *const manners[] = { &td_server_zephyr_4,
                                                              &td_server_zephyr_3_3 };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(manners); i++) {
        struct td_img_upload_rsp rsp;
        struct td_log_bookmark mark;
        bool found;

        start(manners[i], TD_MODE_MOVE);
        assert_int_equal(upload(first_of_b(), &rsp), 0);
        send_b(500, 500, 6000);
        assert_int_equal(td_log_get_bookmark(&(struct td_log){ &rig.log }, &mark, &found), TD_OK);
        assert_false(found);
        rig_restart(&rig);
        assert_int_equal(upload(first_of_b(), &rsp), 0);
        assert_int_equal(rsp.off, 500);
    }
}

static void a_request_that_was_written_meanwhile_is_gone_when_an_upload_goes_on(void **state)
{
    static const uint8_t magic[16] = { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                       0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80 };
    struct td_img_upload_rsp rsp;
    struct td_server_pair pair;

    (void)state;
    begin();
    assert_int_equal(upload(first_of_b(), &rsp), 0);
    send_b(500, 500, 6000);
    rig_restart(&rig);
    rig_program(&rig, 1, RIG_SLOT_SIZE - 16, magic, 16);
    assert_int_equal(td_server_pair_read(&rig.srv, 0, &pair), TD_OK);
    assert_int_equal(pair.next, TD_SWAP_TEST);
    assert_int_equal(upload(first_of_b(), &rsp), 0);
    assert_int_equal(rsp.off, 5120);
    assert_int_equal(td_server_pair_read(&rig.srv, 0, &pair), TD_OK);
    assert_int_equal(pair.next, TD_SWAP_NONE);
}

static void an_upload_that_the_device_would_refuse_now_does_not_go_on(void **state)
{
    struct td_img_upload_req req;
    struct td_img_upload_rsp rsp;

    (void)state;
    begin();
    assert_int_equal(upload(first_of_b(), &rsp), 0);
    send_b(500, 500, 6000);
    rig_restart(&rig);
    rig.told.upload_rc = TD_SMP_RC_BUSY;
    assert_int_equal(upload(first_of_b(), &rsp), TD_SMP_RC_BUSY);
    rig.told.upload_rc = 0;
    rig_build(image_a, 5000, (struct td_version){ 3, 0, 0, 0 }, 1, hash_a);
    rig_program(&rig, 0, 0, image_a, 5000);
    req = first_of_b();
    req.has_upgrade = req.upgrade = true;
    assert_int_equal(upload(req, &rsp), 1000 + TD_IMG_NOT_NEWER);
    assert_int_equal(upload(first_of_b(), &rsp), 0);
    assert_int_equal(rsp.off, 5120);
}

static void
records_of_an_upload_take_a_quarter_of_a_sector_of_the_log_and_no_last_verdict(void **state)
{
    const struct td_log log = { &rig.log };
    struct td_verdict v = { .code = TD_V_DOWNGRADE, .kind = TD_VERDICT_REFUSAL, .off = 5 };
    struct td_img_upload_rsp rsp;
    struct td_log_iter it;
    uint64_t erases, of_slot = 0;
    bool end;

    (void)state;
    begin();
    assert_int_equal(td_log_append(&log, &v), TD_OK);
    v = (struct td_verdict){ .code = TD_V_REVERTED, .kind = TD_VERDICT_REVERT, .off = 6 };
    assert_int_equal(td_log_append(&log, &v), TD_OK);
    erases = rig.nor.stats.erases;
    for (unsigned n = 0; n < 20; n++) {
        struct td_img_upload_req req = first_of_b();

        // One byte of the image is another one each time, and so is its hash.
        image_b[8000] = (uint8_t)n;
        td_hash_of(&td_sha256, image_b, 9001, sha_b);
        assert_int_equal(upload(req, &rsp), 0);
        rsp = send_b(500, 500, 9001);
        assert_true(rsp.has_match && rsp.match);
        of_slot += 10;
    }
    // Two records an upload, 15 to a sector of which up to three are carried over.
    erases = rig.nor.stats.erases - erases - of_slot;
    assert_in_range(erases, 2, 5);
    td_log_begin(&it, &log);
    assert_int_equal(td_log_next(&it, &v, &end), TD_OK);
    assert_false(end);
    assert_int_equal(v.code, TD_V_REVERTED);
    assert_int_equal(td_log_next(&it, &v, &end), TD_OK);
    assert_false(end);
    assert_int_equal(v.code, TD_V_DOWNGRADE);
}

/* ---- in steps ------------------------------------------------------------------------------ */

static size_t packed(const struct td_img_upload_req *req, uint8_t *packet, size_t cap)
{
    const struct td_smp_header hdr = { 1, TD_SMP_WRITE, 0, 0, 1, 0x33, TD_IMG_UPLOAD };
    struct td_cbor_writer w;
    size_t len;

    td_smp_begin(&w, packet, cap, TD_CBOR_DEFINITE);
    td_img_upload_req_put(&w, req);
    assert_int_equal(td_smp_end(&w, &hdr, &len), TD_OK);
    return len;
}

static void hand_over(const struct td_img_upload_req *req, struct td_server_reply *reply)
{
    static uint8_t packet[RIG_BUF];
    size_t len = packed(req, packet, sizeof packet);

    assert_int_equal(
        td_server_handle(&rig.srv, &rig.link, packet, len, rig.rsp, sizeof rig.rsp, reply), len);
}

static void a_slot_is_hashed_in_steps_and_the_link_is_served_meanwhile(void **state)
{
    static const uint8_t echo[] = {
        0x0a, 0, 0, 6, 0, 0, 0x42, 0, 0xa1, 0x61, 0x64, 0x62, 0x68, 0x69
    };
    const struct td_img_upload_req last = chunk(image_b, 9001, 9000, 1);
    struct td_img_upload_rsp rsp;
    struct td_server_reply reply;

    (void)state;
    begin();
    assert_int_equal(upload(first_of_b(), &rsp), 0);
    send_b(500, 500, 9000);
    for (int round = 0; round < 2; round++) {
        const struct td_img_upload_req req = first_of_b();
        unsigned steps = 0;

        // At first the last chunk, then the first one again: each wants the slot hashed.
        hand_over(round == 0 ? &last : &req, &reply);
        assert_int_equal(reply.len, 0);
        assert_true(td_server_owes(&rig.srv));
        while (reply.len == 0) {
            td_server_handle(&rig.srv, &rig.link, echo, sizeof echo, rig.rsp, sizeof rig.rsp,
                             &reply);
            assert_int_equal(reply.len, sizeof echo);
            td_server_work(&rig.srv, 100, rig.rsp, sizeof rig.rsp, &reply);
            steps++;
        }
        assert_int_equal(steps, 9); // 1024 bytes at a time
        assert_int_equal(td_img_upload_rsp_get(rig.rsp + 8, reply.len - 8, &rsp), TD_OK);
        assert_true(rsp.off == 9001 && rsp.has_match && rsp.match);
    }
}

static void an_upload_whose_link_goes_down_while_it_is_hashed_is_complete_all_the_same(void **state)
{
    const struct td_img_upload_req last = chunk(image_b, 9001, 9000, 1);
    struct td_img_upload_rsp rsp;
    struct td_server_reply reply;

    (void)state;
    begin();
    assert_int_equal(upload(first_of_b(), &rsp), 0);
    send_b(500, 500, 9000);
    hand_over(&last, &reply);
    td_server_work(&rig.srv, 100, rig.rsp, sizeof rig.rsp, &reply);
    td_server_link_down(&rig.srv, &rig.link);
    assert_false(td_server_owes(&rig.srv));
    while (td_server_busy(&rig.srv)) {
        td_server_work(&rig.srv, 100, rig.rsp, sizeof rig.rsp, &reply);
        assert_int_equal(reply.len, 0);
    }
    assert_int_equal(rig.told.done, 1);
    assert_int_equal(told().state, TD_TANDEM_COMPLETE);
    assert_int_equal(upload(first_of_b(), &rsp), 0);
    assert_true(rsp.off == 9001 && rsp.has_match && rsp.match);
    assert_int_equal(rig.told.done, 1);
}

static void
a_first_chunk_whose_link_goes_down_while_the_slot_is_hashed_has_changed_nothing(void **state)
{
    const struct td_img_upload_req req = first_of_b();
    struct td_img_upload_rsp rsp;
    struct td_server_reply reply;

    (void)state;
    begin();
    rig_program(&rig, 1, 0, image_b, 9001);
    hand_over(&req, &reply);
    assert_true(td_server_owes(&rig.srv));
    td_server_link_down(&rig.srv, &rig.link);
    while (td_server_busy(&rig.srv))
        td_server_work(&rig.srv, 100, rig.rsp, sizeof rig.rsp, &reply);
    assert_int_equal(rig.power.ops, 0);
    assert_int_equal(told().state, TD_TANDEM_IDLE);
    check_slot(1, 0, image_b, 9001);
    assert_int_equal(upload(first_of_b(), &rsp), 0);
    assert_true(rsp.off == 9001 && rsp.match);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upload_goes_on_after_a_reset_with_its_last_record),
        cmocka_unit_test(an_upload_that_cannot_go_on_begins_at_0_and_tandem_says_why),
        cmocka_unit_test(other_peoples_servers_forget_an_upload_at_a_reset),
        cmocka_unit_test(a_request_that_was_written_meanwhile_is_gone_when_an_upload_goes_on),
        cmocka_unit_test(an_upload_that_the_device_would_refuse_now_does_not_go_on),
        cmocka_unit_test(
            records_of_an_upload_take_a_quarter_of_a_sector_of_the_log_and_no_last_verdict),
        cmocka_unit_test(a_slot_is_hashed_in_steps_and_the_link_is_served_meanwhile),
        cmocka_unit_test(
            an_upload_whose_link_goes_down_while_it_is_hashed_is_complete_all_the_same),
        cmocka_unit_test(
            a_first_chunk_whose_link_goes_down_while_the_slot_is_hashed_has_changed_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
