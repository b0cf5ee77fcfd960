#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "client/model_test.h"
#include "client/upload.h"

static void chunks_are_as_large_as_the_table_says(void **state)
{
    static const struct {
        uint32_t limit, first, low, high;
    } rows[] = {
        { 98, 30, 76, 73 },         { 128, 60, 106, 103 },      { 244, 176, 222, 219 },
        { 380, 311, 357, 354 },     { 384, 315, 361, 358 },     { 495, 426, 472, 469 },
        { 1024, 955, 1001, 998 },   { 1230, 1161, 1207, 1204 }, { 1472, 1403, 1449, 1446 },
        { 2475, 2406, 2452, 2449 }, { 4096, 4027, 4073, 4070 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct td_chunk_shape first = { .off = 0, .total = 256 * 1024, .sha_len = 32 };
        struct td_chunk_shape low = { .off = 200 };
        struct td_chunk_shape high = { .off = 70000 };

        assert_int_equal(td_chunk_data(rows[i].limit, &first), rows[i].first);
        assert_int_equal(td_chunk_data(rows[i].limit, &low), rows[i].low);
        assert_int_equal(td_chunk_data(rows[i].limit, &high), rows[i].high);
    }
}

/* What the codec makes of a chunk: the size of the packet with n bytes of data. */
static size_t encoded(const struct td_chunk_shape *s, uint32_t n)
{
    static uint8_t buf[8000], zeros[8000];
    struct td_img_upload_req req = { .has_off = true,
                                     .off = s->off,
                                     .has_data = true,
                                     .data = { zeros, n },
                                     .has_len = s->off == 0,
                                     .len = s->total,
                                     .has_sha = s->off == 0 && s->sha_len > 0,
                                     .sha = { zeros, s->sha_len },
                                     .has_image = s->off == 0 && s->image > 0,
                                     .image = s->image,
                                     .has_upgrade = s->off == 0 && s->upgrade,
                                     .upgrade = s->upgrade };
    struct td_smp_header hdr = { 0 };
    struct td_cbor_writer w;
    size_t len;

    td_smp_begin(&w, buf, sizeof(buf), TD_CBOR_DEFINITE);
    td_img_upload_req_put(&w, &req);
    assert_int_equal(td_smp_end(&w, &hdr, &len), TD_OK);
    return len;
}

static void a_chunk_fills_its_packet_to_the_last_byte_at_every_size(void **state)
{
    static const struct td_chunk_shape shapes[] = {
        { .off = 0, .total = 200 },
        { .off = 0, .total = 70000, .sha_len = 32 },
        { .off = 0, .total = 70000, .sha_len = 22, .image = 1 },
        { .off = 0, .total = 70000, .sha_len = 32, .image = 30, .upgrade = true },
        { .off = 23 },
        { .off = 24 },
        { .off = 255 },
        { .off = 256 },
        { .off = 65535 },
        { .off = 65536 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(shapes); i++) {
        for (uint32_t limit = 20; limit < 4300; limit++) {
            uint32_t n = td_chunk_data(limit, &shapes[i]);

            if (n == 0)
                continue;
            assert_true(encoded(&shapes[i], n) <= limit);
            assert_true(encoded(&shapes[i], n + 1) > limit);
        }
    }
}

/* ---- conversations --------------------------------------------------------------------- */

struct world {
    struct model dev;
    struct model_link link;
    struct model_image image;
    struct td_session session;
    struct td_upload up;
    struct td_upload_config cfg;
    struct td_session_config scfg;
    uint8_t rx[4096];
    uint64_t now;
    uint32_t window_seen;
};

static struct world w;

static void world(uint32_t payload)
{
    struct model_image_kind kind = { .version = { 1, 2, 3, 0 }, .payload = payload };

    memset(&w, 0, sizeof(w));
    model_image(&w.image, &kind);
    w.dev.buf_size = 512;
    w.dev.buf_count = 4;
    w.link.latency_ms = 5;
    w.scfg.rx = w.rx;
    w.scfg.rx_cap = sizeof(w.rx);
    w.cfg.src = td_source_memory(w.image.bytes, w.image.size);
    w.cfg.sha = w.image.sha;
    w.cfg.buf_size = 512;
    w.cfg.buf_count = 4;
    w.now = 5000;
}

static void begin(void)
{
    td_session_start(&w.session, &w.scfg);
    td_upload_start(&w.up, &w.session, &w.cfg, w.now);
}

static void deliver(struct model_packet *p)
{
    uint8_t out[4200];
    struct model_packet one = *p;
    uint32_t took;
    size_t n;

    link_remove(&w.link, p);
    if (!one.to_device) {
        td_upload_receive(&w.up, w.now, one.bytes, one.len);
        return;
    }
    n = model_receive(&w.dev, w.now, one.bytes, one.len, out, sizeof(out), &took);
    w.link.busy_until = (w.link.busy_until > w.now ? w.link.busy_until : w.now) + took;
    if (n > 0)
        link_put(&w.link, false, w.link.busy_until, out, n);
}

/* Until the upload is done, or the time. */
static void run_until(uint64_t end)
{
    uint8_t buf[4200];
    struct model_packet *p;
    uint64_t wake;
    size_t n;

    while (!td_upload_done(&w.up) && w.now < end) {
        while ((n = td_upload_send(&w.up, w.now, buf, sizeof(buf))) > 0)
            link_put(&w.link, true, w.now, buf, n);
        w.window_seen = td_max_u32(w.window_seen, w.up.pace.window);
        wake = td_upload_wake_ms(&w.up);
        p = link_next(&w.link);
        if (p != NULL && p->at <= wake) {
            w.now = p->at > w.now ? p->at : w.now;
            deliver(p);
        } else {
            if (td_upload_done(&w.up))
                return;
            assert_true(wake != TD_NEVER);
            w.now = wake > w.now ? wake : w.now;
        }
    }
}

static void run(void)
{
    begin();
    run_until(w.now + 3600 * 1000);
}

static void arrives_whole(void)
{
    assert_int_equal(w.up.failure.err, TD_OK);
    assert_int_equal(w.up.state, TD_UPLOAD_DONE);
    assert_int_equal(w.dev.total, w.image.size);
    assert_memory_equal(w.dev.got, w.image.bytes, w.image.size);
}

static void a_file_arrives_in_full_packets_with_a_window_that_grows(void **state)
{
    (void)state;
    world(60000);
    run();
    arrives_whole();
    assert_true(w.up.match);
    assert_int_equal(w.dev.max_seen, 512);
    assert_int_equal(w.window_seen, 3); // buf_count - 1
    assert_in_range(w.dev.n_chunks, 123, 126);
}

static void a_link_that_spoils_packets_only_costs_time(void **state)
{
    static const struct {
        unsigned drop, dup, swap;
    } rows[] = { { 3, 0, 0 }, { 0, 2, 0 }, { 0, 0, 2 }, { 5, 3, 4 }, { 7, 1, 3 }, { 4, 4, 1 } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world(40000);
        w.link.drop_every = rows[i].drop;
        w.link.dup_every = rows[i].dup;
        w.link.swap_every = rows[i].swap;
        run();
        arrives_whole();
        assert_int_equal(w.up.restarts, 0);
    }
}

static void random_losses_never_spoil_the_file(void **state)
{
    uint32_t seed = 0x5eed0001;

    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        seed = seed * 1664525u + 1013904223u;
        world(20000 + (seed >> 16) % 9000);
        w.link.drop_every = 4 + (seed >> 8) % 13;
        w.link.dup_every = 2 + (seed >> 12) % 9;
        w.link.swap_every = 2 + (seed >> 20) % 11;
        w.dev.buf_size = w.cfg.buf_size = 140 + (seed >> 4) % 900;
        w.dev.align = 1u << ((seed >> 27) % 4);
        run();
        if (w.up.state != TD_UPLOAD_DONE)
            fail_msg("seed 0x5eed0001, round %u: %s", round, td_strerror(w.up.failure.err));
        arrives_whole();
    }
}

static void a_device_that_erases_for_half_a_minute_is_waited_for(void **state)
{
    (void)state;
    world(5000);
    w.dev.erase_ms = 30000;
    run();
    arrives_whole();
    assert_int_equal(w.up.restarts, 0);
}

static void silence_ends_an_upload_after_its_time(void **state)
{
    static const struct {
        uint32_t timeout_ms, least, most;
    } rows[] = { { 0, 40000, 46000 }, { 3000, 3000, 5000 }, { 500, 500, 2500 } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world(5000);
        w.dev.silent = true;
        w.scfg.timeout_ms = rows[i].timeout_ms;
        run();
        assert_int_equal(w.up.state, TD_UPLOAD_FAILED);
        assert_int_equal(w.up.failure.err, TD_ENOANSWER);
        assert_in_range(w.now - 5000, rows[i].least, rows[i].most);
    }
}

static void garbage_is_told_from_silence(void **state)
{
    (void)state;
    world(5000);
    w.dev.garbage = true;
    run();
    assert_int_equal(w.up.failure.err, TD_EGARBAGE);
}

static void an_upload_goes_on_where_the_device_says(void **state)
{
    (void)state;
    world(60000);
    begin();
    run_until(w.now + 300);
    assert_in_range(w.up.acked, 1000, 50000);
    td_upload_link(&w.up, false, w.now);
    w.link.n = 0;
    w.now += 10000;
    td_upload_link(&w.up, true, w.now);
    w.dev.n_chunks = 0;
    run_until(w.now + 60000);
    arrives_whole();
    assert_true(w.up.resumed_at > 1000);
    assert_in_range(w.dev.n_chunks, 20, 122);
}

static void without_a_sha_the_device_begins_again(void **state)
{
    (void)state;
    world(60000);
    w.cfg.sha = NULL;
    begin();
    run_until(w.now + 300);
    w.link.n = 0;
    begin();
    w.dev.n_chunks = 0;
    run_until(w.now + 60000);
    arrives_whole();
    assert_int_equal(w.up.resumed_at, 0);
    assert_in_range(w.dev.n_chunks, 123, 130);
}

static void each_beginning_is_asked_about_once(void **state)
{
    static const struct {
        const char *says;
        unsigned lacks;
        bool durable;
        uint32_t forget_at, buf_count;
        bool told;
        unsigned start, n_asked;
    } rows[] = {
        { "nothing was there", 0, true, 0, 4, true, TD_START_NEW, 1 },
        { "it was reset, and kept some", 0, true, 20000, 4, true, TD_START_AFTER_RESET, 2 },
        { "it was reset, and kept none", 0, false, 20000, 4, true, TD_START_NO_LOG, 2 },
        { "one packet at a time", 0, true, 20000, 1, true, TD_START_AFTER_RESET, 2 },
        { "a stock device has no such group", LACKS_TANDEM, false, 20000, 4, false, 0, 1 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        print_message("%s\n", rows[i].says);
        world(60000);
        w.cfg.has_tandem = true;
        w.cfg.buf_count = rows[i].buf_count;
        w.dev.lacks = rows[i].lacks;
        w.dev.durable = rows[i].durable;
        w.dev.forget_at = rows[i].forget_at;
        run();
        arrives_whole();
        assert_int_equal(w.up.begun, rows[i].forget_at > 0 ? 2 : 1);
        assert_int_equal(w.up.went_on, rows[i].start == TD_START_AFTER_RESET);
        assert_int_equal(w.up.start_told, rows[i].told);
        assert_int_equal(w.up.start, rows[i].start);
        assert_int_equal(w.dev.n_starts, rows[i].n_asked);
    }
}

static void a_device_that_resets_in_mid_upload_gets_the_file_from_the_start(void **state)
{
    (void)state;
    world(30000);
    w.dev.forget_at = 10000;
    run();
    arrives_whole();
    assert_int_equal(w.up.restarts, 1);
    assert_int_equal(w.dev.n_first, 2);
}

static void a_device_that_remembers_across_resets_is_sent_what_it_lacks(void **state)
{
    (void)state;
    world(90000);
    w.dev.forget_at = w.dev.forget_every = 9000; // ten resets, more than a forgetful device gets
    w.dev.durable = true;
    run();
    arrives_whole();
    assert_in_range(w.up.restarts, 8, 10);
    assert_in_range(w.up.resumed_at, 70000, 89000);
    assert_in_range(w.dev.n_chunks, 180, 320);
}

static void a_device_that_always_forgets_is_given_up(void **state)
{
    (void)state;
    world(30000);
    w.dev.forget_at = 10000;
    w.dev.forgets = true;
    run();
    assert_int_equal(w.up.failure.err, TD_EFORGETS);
    assert_int_equal(w.dev.n_first, 1 + TD_UPLOAD_RESTARTS);
}

static void a_server_that_keeps_only_whole_words_gets_whole_words(void **state)
{
    (void)state;
    for (uint32_t align = 4; align <= 32; align *= 2) {
        world(20000);
        w.dev.align = align;
        run();
        arrives_whole();
        assert_in_range(w.dev.n_chunks, 41, 60);
    }
}

static void what_the_device_refuses_ends_the_upload_with_its_code(void **state)
{
    static const struct {
        uint32_t at, code;
    } rows[] = { { 0, TD_IMG_NO_FREE_SLOT },
                 { 0, TD_IMG_TOO_LARGE },
                 { 4000, TD_IMG_FLASH_WRITE } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world(20000);
        w.dev.refuse_at = rows[i].at;
        w.dev.refuse_code = rows[i].code;
        run();
        assert_int_equal(w.up.failure.err, TD_EREFUSED);
        assert_true(w.up.failure.by_group);
        assert_int_equal(w.up.failure.code, rows[i].code);
    }
}

static void a_busy_device_is_asked_again_but_not_for_ever(void **state)
{
    (void)state;
    world(20000);
    w.dev.busy_at = 4000;
    w.dev.busy_n = 5;
    run();
    arrives_whole();

    world(20000);
    w.dev.busy_at = 4000;
    w.dev.busy_n = 1000;
    run();
    assert_int_equal(w.up.failure.err, TD_EREFUSED);
    assert_int_equal(w.up.failure.code, TD_SMP_RC_BUSY);
}

/* A device that is made up: answers the request with this offset. */
static void answer_with(uint32_t off)
{
    uint8_t sent[1024], rsp[64];
    struct td_img_upload_rsp says = { .has_off = true, .off = off };
    struct td_smp_header hdr;
    struct td_cbor_writer cbor;
    size_t n = 0;

    for (unsigned i = 0; n == 0 && i < 1000 && !td_upload_done(&w.up); i++, w.now += 20)
        n = td_upload_send(&w.up, w.now, sent, sizeof(sent));
    if (n == 0)
        return;
    td_smp_header_decode(sent, &hdr);
    hdr.op |= 1;
    td_smp_begin(&cbor, rsp, sizeof(rsp), TD_CBOR_DEFINITE);
    td_img_upload_rsp_put(&cbor, &says);
    assert_int_equal(td_smp_end(&cbor, &hdr, &n), TD_OK);
    td_upload_receive(&w.up, w.now, rsp, n);
}

static void a_device_that_goes_back_and_forth_is_given_up(void **state)
{
    unsigned rounds = 0;

    (void)state;
    world(20000);
    w.cfg.buf_count = 2;
    begin();
    answer_with(400);
    for (; !td_upload_done(&w.up) && rounds < 1000; rounds++)
        answer_with(rounds % 2 == 0 ? 800 : 300);
    assert_int_equal(w.up.failure.err, TD_ESTUCK);
    assert_in_range(rounds, 10, 100);
}

static void a_link_that_comes_and_goes_is_given_up_when_nothing_is_gained(void **state)
{
    static const struct {
        uint32_t timeout_ms, least, most;
    } rows[] = { { 0, 29, 31 }, { 15000, 14, 16 } };
    unsigned rounds;

    (void)state;
    // It restarts whenever it begins to erase.
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world(20000);
        w.scfg.timeout_ms = rows[i].timeout_ms;
        begin();
        for (rounds = 0; !td_upload_done(&w.up) && rounds < 1000; rounds++) {
            uint8_t buf[1024];

            assert_true(td_upload_send(&w.up, w.now, buf, sizeof(buf)) > 0);
            w.now += 500;
            td_upload_link(&w.up, false, w.now);
            w.now += 500;
            td_upload_link(&w.up, true, w.now);
        }
        assert_int_equal(w.up.failure.err, TD_ELINKDOWN);
        assert_in_range(rounds, rows[i].least, rows[i].most);
    }

    // Nobody listens while it boots: that is said of each datagram, four times a second.
    world(60000);
    begin();
    for (rounds = 0; rounds < 100; rounds++) {
        td_upload_link(&w.up, false, w.now);
        w.now += 250;
        td_upload_link(&w.up, true, w.now);
    }
    run_until(w.now + 60000);
    arrives_whole();

    // One that gains something each time gets there.
    world(60000);
    begin();
    for (rounds = 0; !td_upload_done(&w.up) && rounds < 1000; rounds++) {
        run_until(w.now + 60);
        td_upload_link(&w.up, false, w.now);
        w.link.n = 0;
        td_upload_link(&w.up, true, w.now);
    }
    arrives_whole();
    assert_in_range(rounds, 8, 999);
}

static void a_device_that_finds_another_file_than_was_sent_is_believed(void **state)
{
    (void)state;
    world(5000);
    w.dev.no_match = true;
    run();
    assert_int_equal(w.up.failure.err, TD_EMATCH);
}

static void the_last_answer_may_be_lost(void **state)
{
    (void)state;
    // Two packets: of the four that pass, the last is the answer to the end of the file.
    world(500);
    w.link.drop_every = 4;
    run();
    arrives_whole();
    assert_true(w.up.assumed);
    assert_int_equal(w.dev.n_first, 1);
}

static void on_a_console_packets_begin_with_one_line_and_grow(void **state)
{
    static const struct {
        uint32_t takes; /* packets up to so many bytes arrive */
        uint32_t want;  /* size it settles at */
    } rows[] = {
        { 89, 89 },          /* one line, as the smallest UARTs have it */
        { 93 * 2 - 4, 182 }, /* two */
        { 93 * 3 - 4, 275 }, /* three: four were lost, three were tried */
        { 93 * 7 - 4, 647 }, /* seven */
        { 5000, 1020 },      /* all that buf_size leaves */
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world(60000);
        w.scfg.link.line = 93;
        w.scfg.link.overhead = 4;
        w.dev.buf_size = w.cfg.buf_size = 1024;
        w.dev.max_packet = rows[i].takes;
        begin();
        run_until(w.now + 200);
        assert_in_range(w.dev.max_seen, 80, 5000);
        run_until(w.now + 600000);
        arrives_whole();
        assert_int_equal(w.up.pace.packet, rows[i].want);
        assert_int_equal(w.dev.n_first, 1);
    }
}

static void the_first_console_packet_is_one_line_and_carries_part_of_the_sha(void **state)
{
    uint8_t buf[512];
    struct td_img_upload_req req = { 0 };
    size_t n;

    (void)state;
    world(60000);
    w.scfg.link.line = 93;
    w.scfg.link.overhead = 4;
    begin();
    n = td_upload_send(&w.up, w.now, buf, sizeof(buf));
    assert_in_range(n, 80, 89);
    assert_int_equal(td_img_upload_req_get(buf + 8, n - 8, &req), TD_OK);
    assert_in_range(req.data.len, 32, 40);
    assert_in_range(req.sha.len, 8, 31);
    assert_memory_equal(req.sha.p, w.image.sha, req.sha.len);
}

static void a_link_that_stays_away_is_given_up_after_its_time(void **state)
{
    static const struct {
        uint32_t timeout_ms, least, most;
    } rows[] = { { 0, 59000, 61000 }, { 500, 400, 600 } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint64_t since;

        world(60000);
        w.scfg.timeout_ms = rows[i].timeout_ms;
        begin();
        run_until(w.now + 80);
        since = w.now;
        td_upload_link(&w.up, false, w.now);
        w.link.n = 0;
        run_until(w.now + 3600 * 1000);
        assert_int_equal(w.up.state, TD_UPLOAD_FAILED);
        assert_int_equal(w.up.failure.err, TD_ELINKDOWN);
        assert_in_range(w.now - since, rows[i].least, rows[i].most);
    }
}

static void a_device_that_tells_no_buffers_gets_small_packets_that_grow(void **state)
{
    (void)state;
    world(60000);
    w.cfg.buf_size = 0;
    w.cfg.buf_count = 0;
    w.scfg.link.max_packet = 1472;
    w.dev.max_packet = 600;
    run();
    arrives_whole();
    assert_in_range(w.up.pace.packet, 300, 600);
    assert_int_equal(w.window_seen, 1);
}

static void packets_that_never_arrive_are_made_smaller(void **state)
{
    (void)state;
    // buf_size was told, but a link without reassembly takes less.
    world(20000);
    w.dev.buf_size = w.cfg.buf_size = 2475;
    w.dev.max_packet = 495;
    run();
    arrives_whole();
    assert_in_range(w.up.pace.packet, 128, 495);
}

static void a_device_that_keeps_uploads_gets_the_whole_sha_on_a_console(void **state)
{
    (void)state;
    world(20000);
    w.cfg.has_tandem = true;
    w.scfg.link.line = 93;
    w.scfg.link.overhead = 4;
    w.dev.durable = true;
    begin();
    run_until(w.now + 1000);
    assert_int_equal(w.dev.sha_len, 32);
    assert_in_range(w.dev.max_first, 90, 2 * 93 - 4);
    run_until(w.now + 60000);
    arrives_whole();
}

static void a_link_too_narrow_for_a_first_packet_is_said_at_once(void **state)
{
    (void)state;
    world(5000);
    w.scfg.link.max_packet = 59;
    begin();
    assert_true(td_upload_done(&w.up));
    assert_int_equal(w.up.failure.err, TD_EPACKET);
}

/* ---- how fast ---------------------------------------------------------------------------- */

/*
 * The limit is the window in packets for each round trip, or one packet in the millisecond that
 * the model works on each; what is lost on it is the first chunk and the growing of the window.
 */
static void nine_tenths_of_window_and_round_trip_are_used(void **state)
{
    static const uint32_t latencies[] = { 1, 10, 50 };
    static const uint32_t buffers[] = { 2, 4, 8 };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(latencies); i++) {
        for (size_t k = 0; k < TD_N_OF(buffers); k++) {
            uint32_t trip = 2 * latencies[i] + 1, n, least;

            world(256 * 1024);
            w.scfg.link.max_packet = 1472;
            w.dev.buf_size = w.cfg.buf_size = 2048;
            w.dev.buf_count = w.cfg.buf_count = buffers[k];
            w.link.latency_ms = latencies[i];
            run();
            arrives_whole();
            n = (w.image.size + 1445) / 1446;
            least = td_max_u32(n, n * trip / (buffers[k] - 1));
            if ((w.now - 5000) * 9 > (uint64_t)least * 10)
                fail_msg("%u ms, %u buffers: %u ms at the limit, took %u", latencies[i], buffers[k],
                         least, (unsigned)(w.now - 5000));
        }
    }
}

/* The line is paced; every byte of the file costs its share of base64, line ends and header. */
static void nineteen_twentieths_of_a_serial_line_are_used(void **state)
{
    static const struct {
        uint32_t baud, buf_size, buf_count;
    } rows[] = { { 115200, 384, 4 },  { 115200, 1024, 4 },  { 115200, 1024, 2 },
                 { 115200, 2048, 4 }, { 1000000, 1024, 4 }, { 1000000, 2475, 4 } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        uint64_t wire, least_ms;

        world(256 * 1024);
        w.scfg.link.line = 93;
        w.scfg.link.overhead = 4;
        w.dev.buf_size = w.cfg.buf_size = rows[i].buf_size;
        w.dev.buf_count = w.cfg.buf_count = rows[i].buf_count;
        w.link.latency_ms = 0;
        w.link.baud = rows[i].baud;
        run();
        arrives_whole();
        wire = link_wire(rows[i].buf_size - 4);
        least_ms = w.image.size * wire * 10000 / (rows[i].buf_size - 4 - 26) / rows[i].baud;
        if ((w.now - 5000) * 95 > least_ms * 100)
            fail_msg("%u baud, %u x %u: %u ms at the limit, took %u", rows[i].baud,
                     rows[i].buf_size, rows[i].buf_count, (unsigned)least_ms,
                     (unsigned)(w.now - 5000));
    }
}

/* A line without lines: the second packet of a window waits for the first to pass. */
static void a_slow_raw_line_is_not_taken_for_a_loss(void **state)
{
    (void)state;
    world(60000);
    w.scfg.link.max_packet = 0;
    w.dev.buf_size = w.cfg.buf_size = 2048;
    w.link.latency_ms = 0;
    w.link.baud = 115200;
    w.link.raw = true;
    run();
    arrives_whole();
    assert_int_equal(w.window_seen, 3);
    assert_in_range(w.dev.n_chunks, 30, 31);
}

static void the_rate_needs_no_large_numbers(void **state)
{
    struct td_upload u = { 0 };

    (void)state;
    u.acked = 100000;
    u.rate_ms = 1000;
    assert_int_equal(td_upload_rate(&u, 3000), 50000);
    assert_int_equal(td_upload_rate(&u, 1000), 100000 * 1000);
    u.acked = 0xF0000000u;
    assert_int_equal(td_upload_rate(&u, 11000), 0xF0000000u / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_as_large_as_the_table_says),
        cmocka_unit_test(a_chunk_fills_its_packet_to_the_last_byte_at_every_size),
        cmocka_unit_test(a_file_arrives_in_full_packets_with_a_window_that_grows),
        cmocka_unit_test(a_link_that_spoils_packets_only_costs_time),
        cmocka_unit_test(random_losses_never_spoil_the_file),
        cmocka_unit_test(a_device_that_erases_for_half_a_minute_is_waited_for),
        cmocka_unit_test(silence_ends_an_upload_after_its_time),
        cmocka_unit_test(garbage_is_told_from_silence),
        cmocka_unit_test(an_upload_goes_on_where_the_device_says),
        cmocka_unit_test(without_a_sha_the_device_begins_again),
        cmocka_unit_test(a_device_that_resets_in_mid_upload_gets_the_file_from_the_start),
        cmocka_unit_test(a_device_that_remembers_across_resets_is_sent_what_it_lacks),
        cmocka_unit_test(each_beginning_is_asked_about_once),
        cmocka_unit_test(a_device_that_always_forgets_is_given_up),
        cmocka_unit_test(a_server_that_keeps_only_whole_words_gets_whole_words),
        cmocka_unit_test(what_the_device_refuses_ends_the_upload_with_its_code),
        cmocka_unit_test(a_busy_device_is_asked_again_but_not_for_ever),
        cmocka_unit_test(a_device_that_goes_back_and_forth_is_given_up),
        cmocka_unit_test(a_link_that_comes_and_goes_is_given_up_when_nothing_is_gained),
        cmocka_unit_test(a_device_that_finds_another_file_than_was_sent_is_believed),
        cmocka_unit_test(the_last_answer_may_be_lost),
        cmocka_unit_test(on_a_console_packets_begin_with_one_line_and_grow),
        cmocka_unit_test(the_first_console_packet_is_one_line_and_carries_part_of_the_sha),
        cmocka_unit_test(a_link_that_stays_away_is_given_up_after_its_time),
        cmocka_unit_test(a_device_that_tells_no_buffers_gets_small_packets_that_grow),
        cmocka_unit_test(packets_that_never_arrive_are_made_smaller),
        cmocka_unit_test(a_device_that_keeps_uploads_gets_the_whole_sha_on_a_console),
        cmocka_unit_test(a_link_too_narrow_for_a_first_packet_is_said_at_once),
        cmocka_unit_test(nine_tenths_of_window_and_round_trip_are_used),
        cmocka_unit_test(nineteen_twentieths_of_a_serial_line_are_used),
        cmocka_unit_test(a_slow_raw_line_is_not_taken_for_a_loss),
        cmocka_unit_test(the_rate_needs_no_large_numbers),
    };

    return cmocka_run_group_tests_name("client upload", tests, NULL, NULL);
}
