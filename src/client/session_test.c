#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "client/requests.h"
#include "client/session.h"
#include "smp/header.h"

static enum td_err empty_body(const void *ctx, uint32_t arg, uint8_t *out, size_t cap, size_t *len)
{
    (void)ctx;
    (void)arg;
    if (cap < 1)
        return TD_ESPACE;
    out[0] = 0xA0;
    *len = 1;
    return TD_OK;
}

static struct td_ask read_of(uint16_t group, uint8_t id, enum td_patience patience)
{
    return (struct td_ask){
        .op = TD_SMP_READ, .group = group, .id = id, .patience = patience, .body = empty_body
    };
}

/* An answer to a packet that was sent, with the body given. */
static size_t answer_to(const uint8_t *sent, const void *body, size_t n, uint8_t *out)
{
    memcpy(out, sent, TD_SMP_HEADER_SIZE);
    out[0] |= 1;
    out[2] = (uint8_t)(n >> 8);
    out[3] = (uint8_t)n;
    if (n > 0)
        memcpy(out + TD_SMP_HEADER_SIZE, body, n);
    return TD_SMP_HEADER_SIZE + n;
}

struct talk {
    struct td_session s;
    uint8_t rx[4096];
    uint8_t out[512], in[512];
    size_t n_out, n_in;
    struct td_answer a;
};

static void start(struct talk *t, bool fragments, uint32_t timeout_ms)
{
    struct td_session_config cfg = { .link = { .fragments = fragments },
                                     .timeout_ms = timeout_ms,
                                     .rx = t->rx,
                                     .rx_cap = sizeof(t->rx) };

    memset(t, 0, sizeof(*t));
    td_session_start(&t->s, &cfg);
}

static size_t send(struct talk *t, uint64_t now_ms)
{
    t->n_out = td_session_send(&t->s, now_ms, t->out, sizeof(t->out));
    return t->n_out;
}

static void the_published_vectors_are_what_is_sent(void **state)
{
    static const uint8_t list[] = { 0x08, 0, 0, 1, 0, 1, 0, 0, 0xA0 };
    static const uint8_t echo[] = {
        0x0A, 0, 0, 6, 0, 0, 0x42, 0, 0xA1, 0x61, 0x64, 0x62, 0x68, 0x69
    };
    struct talk t;
    struct td_call call;
    struct td_request req = { .kind = TD_REQ_IMAGE_LIST };

    (void)state;
    start(&t, false, 0);
    td_call_start(&call, &t.s, &req, 0);
    assert_int_equal(td_call_send(&call, 0, t.out, sizeof(t.out)), sizeof(list));
    assert_memory_equal(t.out, list, sizeof(list));

    start(&t, false, 0);
    t.s.next_seq = 0x42;
    req.kind = TD_REQ_ECHO;
    req.text = TD_TEXT("hi");
    td_call_start(&call, &t.s, &req, 0);
    assert_int_equal(td_call_send(&call, 0, t.out, sizeof(t.out)), sizeof(echo));
    assert_memory_equal(t.out, echo, sizeof(echo));
}

static void only_an_answer_that_matches_in_all_three_is_taken(void **state)
{
    static const struct {
        const char *says;
        size_t at; /* byte that is changed */
        uint8_t to;
        bool taken;
    } rows[] = {
        { "as it should be", 0, 0x09, true },
        { "another sequence number", 6, 7, false },
        { "another group", 5, 2, false },
        { "another group's high byte", 4, 1, false },
        { "another id", 7, 1, false },
        { "our own frame, echoed", 0, 0x08, false },
        { "the answer to a write", 0, 0x0B, false },
        { "an operation nobody knows", 0, 0x0F, false },
        { "flags are ignored", 1, 0xFF, true },
        { "reserved bits are ignored", 0, 0xE9, true },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct talk t;
        struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

        start(&t, false, 0);
        td_session_ask(&t.s, &ask, 0);
        assert_int_equal(send(&t, 0), 9);
        t.n_in = answer_to(t.out, "\xA0", 1, t.in);
        t.in[rows[i].at] = rows[i].to;
        if (td_session_receive(&t.s, 5, t.in, t.n_in, &t.a) != rows[i].taken)
            fail_msg("%s", rows[i].says);
    }
}

static void an_answer_is_given_once_and_late_ones_are_dropped(void **state)
{
    struct talk t;
    struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

    (void)state;
    start(&t, false, 0);
    td_session_ask(&t.s, &ask, 0);
    send(&t, 0);
    t.n_in = answer_to(t.out, "\xA0", 1, t.in);
    assert_true(td_session_receive(&t.s, 5, t.in, t.n_in, &t.a));
    assert_int_equal(t.a.err, TD_OK);
    assert_int_equal(t.a.len, 1);
    assert_false(td_session_receive(&t.s, 6, t.in, t.n_in, &t.a));
    assert_int_equal(t.s.n_dropped, 1);
    // The next request has another number: the old answer is not taken for its own.
    td_session_ask(&t.s, &ask, 7);
    send(&t, 7);
    assert_false(td_session_receive(&t.s, 8, t.in, t.n_in, &t.a));
}

static void each_class_of_request_is_given_up_in_its_time(void **state)
{
    static const struct {
        enum td_patience patience;
        uint32_t by_user, want_ms;
        bool repeated;
    } rows[] = {
        { TD_PATIENCE_NORMAL, 0, 10000, true },    { TD_PATIENCE_PROBE, 0, 1000, true },
        { TD_PATIENCE_ERASE, 0, 40000, true },     { TD_PATIENCE_ONCE, 0, 2500, false },
        { TD_PATIENCE_OWN, 0, 777, false },        { TD_PATIENCE_NORMAL, 3000, 3000, true },
        { TD_PATIENCE_PROBE, 3000, 1000, true },   { TD_PATIENCE_PROBE, 500, 500, true },
        { TD_PATIENCE_ONCE, 20000, 20000, false }, { TD_PATIENCE_ERASE, 60000, 60000, true },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct talk t;
        struct td_ask ask = read_of(1, 0, rows[i].patience);
        uint64_t now = 1000000;
        uint32_t n = 0;

        ask.own_ms = 777;
        start(&t, false, rows[i].by_user);
        td_session_ask(&t.s, &ask, now);
        while (!td_session_expired(&t.s, now, &t.a)) {
            while (send(&t, now) > 0)
                n++;
            assert_true(td_session_wake_ms(&t.s) > now);
            now = td_session_wake_ms(&t.s);
        }
        assert_int_equal(t.a.err, TD_ENOANSWER);
        assert_int_equal(now - 1000000, rows[i].want_ms);
        assert_int_equal(n > 1, rows[i].repeated);
        assert_int_equal(td_session_wake_ms(&t.s), TD_NEVER);
    }
}

static void a_reset_is_never_repeated(void **state)
{
    struct talk t;
    struct td_call call;
    struct td_request req = { .kind = TD_REQ_RESET };
    uint32_t n = 0;

    (void)state;
    start(&t, false, 0);
    td_call_start(&call, &t.s, &req, 0);
    for (uint64_t now = 0; !call.done; now += 10)
        n += td_call_send(&call, now, t.out, sizeof(t.out)) > 0;
    assert_int_equal(n, 1);
    assert_int_equal(call.reply.failure.err, TD_ENOANSWER);
}

static void the_answer_to_an_earlier_try_is_the_answer(void **state)
{
    struct talk t;
    struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);
    uint8_t first[16];

    (void)state;
    start(&t, false, 0);
    td_session_ask(&t.s, &ask, 0);
    send(&t, 0);
    memcpy(first, t.out, sizeof(first));
    assert_int_equal(send(&t, 1500), 9);
    assert_int_equal(t.s.n_repeated, 1);
    t.n_in = answer_to(first, "\xA0", 1, t.in);
    assert_true(td_session_receive(&t.s, 1501, t.in, t.n_in, &t.a));
}

static void a_device_that_wants_another_version_is_asked_again_in_v1(void **state)
{
    static const char *const refusals[] = { "\xA1\x62rc\x0C", "\xA1\x62rc\x0D" };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(refusals); i++) {
        struct talk t;
        struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

        start(&t, false, 0);
        td_session_ask(&t.s, &ask, 0);
        send(&t, 0);
        assert_int_equal(t.out[0], 0x08);
        t.n_in = answer_to(t.out, refusals[i], 5, t.in);
        assert_false(td_session_receive(&t.s, 5, t.in, t.n_in, &t.a));
        assert_int_equal(send(&t, 5), 9);
        assert_int_equal(t.out[0], 0x00);
        t.n_in = answer_to(t.out, "\xA0", 1, t.in);
        assert_true(td_session_receive(&t.s, 9, t.in, t.n_in, &t.a));
        td_session_ask(&t.s, &ask, 10);
        send(&t, 10);
        assert_int_equal(t.out[0], 0x00);
    }
}

static void a_late_refusal_of_v2_is_no_answer_to_what_was_asked_in_v1(void **state)
{
    struct talk t;
    struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

    (void)state;
    start(&t, false, 0);
    td_session_ask(&t.s, &ask, 0);
    send(&t, 0);
    t.n_in = answer_to(t.out, "\xA1\x62rc\x0D", 5, t.in);
    assert_false(td_session_receive(&t.s, 5, t.in, t.n_in, &t.a));
    assert_int_equal(send(&t, 5), 9);
    // The link doubled the refusal.
    assert_false(td_session_receive(&t.s, 6, t.in, t.n_in, &t.a));
    t.n_in = answer_to(t.out, "\xA0", 1, t.in);
    assert_true(td_session_receive(&t.s, 9, t.in, t.n_in, &t.a));
    assert_int_equal(t.a.err, TD_OK);
    assert_int_equal(t.a.len, 1);
}

static void an_answer_in_v1_is_taken_and_v1_spoken_from_then_on(void **state)
{
    struct talk t;
    struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

    (void)state;
    start(&t, false, 0);
    td_session_ask(&t.s, &ask, 0);
    send(&t, 0);
    t.n_in = answer_to(t.out, "\xA0", 1, t.in);
    t.in[0] = 0x01;
    assert_true(td_session_receive(&t.s, 5, t.in, t.n_in, &t.a));
    td_session_ask(&t.s, &ask, 6);
    send(&t, 6);
    assert_int_equal(t.out[0], 0x00);
}

static void requests_under_way_are_answered_in_any_order(void **state)
{
    struct talk t;
    uint8_t sent[3][16];
    int place[3];

    (void)state;
    start(&t, false, 0);
    for (uint8_t i = 0; i < 3; i++) {
        struct td_ask ask = read_of(i, i, TD_PATIENCE_NORMAL);

        place[i] = td_session_ask(&t.s, &ask, 0);
    }
    for (uint8_t i = 0; i < 3; i++) {
        assert_int_equal(send(&t, 0), 9);
        assert_int_equal(t.out[5], i); // as they were handed in
        memcpy(sent[i], t.out, 9);
    }
    for (int i = 2; i >= 0; i--) {
        t.n_in = answer_to(sent[i], "\xA0", 1, t.in);
        assert_true(td_session_receive(&t.s, 5, t.in, t.n_in, &t.a));
        assert_int_equal(t.a.place, place[i]);
    }
}

static void when_all_slots_are_busy_a_request_is_turned_away(void **state)
{
    struct talk t;
    struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);
    struct td_call call;
    struct td_request req = { .kind = TD_REQ_IMAGE_LIST };

    (void)state;
    start(&t, false, 0);
    for (int i = 0; i < TD_SESSION_PLACES; i++)
        assert_true(td_session_ask(&t.s, &ask, 0) >= 0);
    assert_int_equal(td_session_ask(&t.s, &ask, 0), -1);
    td_call_start(&call, &t.s, &req, 0);
    assert_true(call.done);
    assert_int_equal(call.reply.failure.err, TD_EBUSY);
    td_session_cancel(&t.s, 3);
    assert_int_equal(td_session_ask(&t.s, &ask, 0), 3);
}

static void an_answer_in_pieces_of_any_size_is_put_together(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= 14; piece++) {
        struct talk t;
        struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);
        bool got = false;

        start(&t, true, 0);
        td_session_ask(&t.s, &ask, 0);
        send(&t, 0);
        t.n_in = answer_to(t.out, "\xA1\x61r\x62hi", 6, t.in);
        for (size_t at = 0; at < t.n_in; at += piece) {
            size_t n = t.n_in - at < piece ? t.n_in - at : piece;

            assert_false(got);
            got = td_session_receive(&t.s, 5 + at, t.in + at, n, &t.a);
        }
        assert_true(got);
        assert_int_equal(t.a.len, 6);
        assert_memory_equal(t.a.body, "\xA1\x61r\x62hi", 6);
    }
}

static void after_a_lost_piece_the_next_answer_is_read_again(void **state)
{
    struct talk t;
    struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

    (void)state;
    start(&t, true, 0);
    td_session_ask(&t.s, &ask, 0);
    send(&t, 0);
    t.n_in = answer_to(t.out, "\xA1\x61r\x62hi", 6, t.in);
    assert_false(td_session_receive(&t.s, 5, t.in, 10, &t.a)); // its end never comes
    assert_true(td_session_receive(&t.s, 6, t.in, t.n_in, &t.a));

    start(&t, true, 0);
    td_session_ask(&t.s, &ask, 0);
    send(&t, 0);
    t.n_in = answer_to(t.out, "\xA1\x61r\x62hi", 6, t.in);
    assert_false(td_session_receive(&t.s, 5, t.in, 3, &t.a));
    assert_false(td_session_receive(&t.s, 1500, t.in, 4, &t.a)); // too late to belong to it
    assert_true(td_session_receive(&t.s, 1501, t.in + 4, t.n_in - 4, &t.a));
}

static void an_answer_larger_than_the_lent_buffer_is_dropped_whole(void **state)
{
    struct talk t;
    struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

    (void)state;
    start(&t, true, 2000);
    t.s.cfg.rx_cap = 12;
    td_session_ask(&t.s, &ask, 1);
    send(&t, 1);
    t.n_in = answer_to(t.out, "\xA1\x61r\x62hi", 6, t.in);
    assert_false(td_session_receive(&t.s, 5, t.in, 10, &t.a));
    assert_false(td_session_receive(&t.s, 6, t.in + 10, 4, &t.a));
    assert_true(td_session_expired(&t.s, 3000, &t.a));
    assert_int_equal(t.a.err, TD_EGARBAGE);
}

static void garbage_is_named_as_the_reason(void **state)
{
    static const struct {
        const char *says;
        const char *body;
        size_t n;
    } rows[] = {
        { "no map", "\x01", 1 },
        { "a map cut short", "\xA1\x62rc", 4 },
        { "a text for rc", "\xA1\x62rc\x61x", 6 },
        { "nested without end", "\xBF\xBF\xBF", 3 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct talk t;
        struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

        start(&t, false, 0);
        td_session_ask(&t.s, &ask, 0);
        send(&t, 0);
        t.n_in = answer_to(t.out, rows[i].body, rows[i].n, t.in);
        if (!td_session_receive(&t.s, 5, t.in, t.n_in, &t.a) || t.a.err != TD_EGARBAGE)
            fail_msg("%s", rows[i].says);
    }
}

static void a_device_that_only_sends_noise_is_told_from_a_silent_one(void **state)
{
    struct talk t;
    struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

    (void)state;
    start(&t, false, 0);
    td_session_ask(&t.s, &ask, 1);
    send(&t, 1);
    assert_false(td_session_receive(&t.s, 5, (const uint8_t *)"login: ", 7, &t.a));
    assert_true(td_session_expired(&t.s, 20000, &t.a));
    assert_int_equal(t.a.err, TD_EGARBAGE);
}

static void a_link_that_goes_down_ends_a_call_and_sends_nothing(void **state)
{
    struct talk t;
    struct td_call call;
    struct td_request req = { .kind = TD_REQ_IMAGE_LIST };

    (void)state;
    start(&t, false, 0);
    td_call_start(&call, &t.s, &req, 0);
    td_call_send(&call, 0, t.out, sizeof(t.out));
    td_call_link(&call, false);
    assert_true(call.done);
    assert_int_equal(call.reply.failure.err, TD_ELINKDOWN);
    td_call_start(&call, &t.s, &req, 1);
    assert_int_equal(td_call_send(&call, 1, t.out, sizeof(t.out)), 0);
    td_call_link(&call, true);
    assert_int_equal(td_call_send(&call, 2, t.out, sizeof(t.out)), 9);
}

static void the_wait_before_a_repeat_is_learned_from_the_device(void **state)
{
    struct talk t;
    struct td_ask ask = read_of(1, 0, TD_PATIENCE_NORMAL);

    (void)state;
    start(&t, false, 0);
    assert_int_equal(td_session_patience_ms(&t.s), 1000);
    for (uint64_t now = 0; now < 100000; now += 1000) {
        td_session_ask(&t.s, &ask, now);
        send(&t, now);
        t.n_in = answer_to(t.out, "\xA0", 1, t.in);
        td_session_receive(&t.s, now + 100, t.in, t.n_in, &t.a);
    }
    assert_in_range(td_session_patience_ms(&t.s), 380, 420);
}

static void a_refusal_keeps_the_devices_own_words(void **state)
{
    static const uint8_t err[] = "\xA1\x63"
                                 "err\xA2\x65group\x01\x62rc\x18\x1C";
    static const uint8_t rsn[] = "\xA2\x62rc\x0A\x63rsn\x64"
                                 "busy";
    struct talk t;
    struct td_call call;
    struct td_request req = { .kind = TD_REQ_IMAGE_TEST, .hash_len = 32 };

    (void)state;
    start(&t, false, 0);
    td_call_start(&call, &t.s, &req, 0);
    td_call_send(&call, 0, t.out, sizeof(t.out));
    t.n_in = answer_to(t.out, err, sizeof(err) - 1, t.in);
    td_call_receive(&call, 1, t.in, t.n_in);
    assert_int_equal(call.reply.failure.err, TD_EREFUSED);
    assert_true(call.reply.failure.by_group);
    assert_int_equal(call.reply.failure.group, 1);
    assert_int_equal(call.reply.failure.code, 28);

    td_call_start(&call, &t.s, &req, 2);
    td_call_send(&call, 2, t.out, sizeof(t.out));
    t.n_in = answer_to(t.out, rsn, sizeof(rsn) - 1, t.in);
    td_call_receive(&call, 3, t.in, t.n_in);
    assert_false(call.reply.failure.by_group);
    assert_int_equal(call.reply.failure.code, 10);
    assert_string_equal(call.reply.failure.rsn, "busy");
}

static void rc_0_is_success(void **state)
{
    struct talk t;
    struct td_call call;
    struct td_request req = { .kind = TD_REQ_STORAGE_ERASE };

    (void)state;
    start(&t, false, 0);
    td_call_start(&call, &t.s, &req, 0);
    td_call_send(&call, 0, t.out, sizeof(t.out));
    t.n_in = answer_to(t.out, "\xA1\x62rc\x00", 5, t.in);
    td_call_receive(&call, 1, t.in, t.n_in);
    assert_true(call.done);
    assert_int_equal(call.reply.failure.err, TD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vectors_are_what_is_sent),
        cmocka_unit_test(only_an_answer_that_matches_in_all_three_is_taken),
        cmocka_unit_test(an_answer_is_given_once_and_late_ones_are_dropped),
        cmocka_unit_test(each_class_of_request_is_given_up_in_its_time),
        cmocka_unit_test(a_reset_is_never_repeated),
        cmocka_unit_test(the_answer_to_an_earlier_try_is_the_answer),
        cmocka_unit_test(a_device_that_wants_another_version_is_asked_again_in_v1),
        cmocka_unit_test(a_late_refusal_of_v2_is_no_answer_to_what_was_asked_in_v1),
        cmocka_unit_test(an_answer_in_v1_is_taken_and_v1_spoken_from_then_on),
        cmocka_unit_test(requests_under_way_are_answered_in_any_order),
        cmocka_unit_test(when_all_slots_are_busy_a_request_is_turned_away),
        cmocka_unit_test(an_answer_in_pieces_of_any_size_is_put_together),
        cmocka_unit_test(after_a_lost_piece_the_next_answer_is_read_again),
        cmocka_unit_test(an_answer_larger_than_the_lent_buffer_is_dropped_whole),
        cmocka_unit_test(garbage_is_named_as_the_reason),
        cmocka_unit_test(a_device_that_only_sends_noise_is_told_from_a_silent_one),
        cmocka_unit_test(a_link_that_goes_down_ends_a_call_and_sends_nothing),
        cmocka_unit_test(the_wait_before_a_repeat_is_learned_from_the_device),
        cmocka_unit_test(a_refusal_keeps_the_devices_own_words),
        cmocka_unit_test(rc_0_is_success),
    };

    return cmocka_run_group_tests_name("client session", tests, NULL, NULL);
}
