#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "client/model_test.h"
#include "client/update.h"

struct world {
    struct model dev;
    struct model_link link;
    struct model_image old, new, other;
    struct td_update_file file;
    struct td_update_config cfg;
    struct td_update u;
    uint8_t rx[4096];
    uint64_t now;
    char states[64]; /* first letters of the states, in order */
    unsigned n_states, n_notes, n_rows, n_fails, n_progress, n_results;
    unsigned n_resumed;
    uint32_t resumed_at, start;
    bool again; /* the last three as events said them */
    bool drop_link_on_reset;
    uint64_t link_up_at;
};

static struct world w;

static void in_slot(struct model_slot *slot, const struct model_image *image,
                    const struct model_image_kind *kind)
{
    slot->present = true;
    memcpy(slot->hash, image->hash, 32);
    slot->version = kind->version;
}

static const struct model_image_kind old_kind = {
    .version = { 1, 0, 0, 0 }, .payload = 9000, .key = 7, .sig_tlv = TD_TLV_ECDSA_SIG
};
static const struct model_image_kind new_kind = {
    .version = { 2, 0, 0, 0 }, .payload = 12000, .key = 7, .sig_tlv = TD_TLV_ECDSA_SIG
};
static const struct model_image_kind other_kind = { .version = { 3, 0, 0, 0 }, .payload = 3000 };

static void world(void)
{
    memset(&w, 0, sizeof(w));
    model_image(&w.old, &old_kind);
    model_image(&w.new, &new_kind);
    model_image(&w.other, &other_kind);
    in_slot(&w.dev.slot[0], &w.old, &old_kind);
    w.dev.buf_size = 512;
    w.dev.buf_count = 4;
    w.dev.mode = TD_MODE_MOVE;
    w.dev.boot_ms = 3000;
    w.dev.lacks = LACKS_TANDEM;
    w.link.latency_ms = 5;
    w.file.src = td_source_memory(w.new.bytes, w.new.size);
    memcpy(w.file.sha, w.new.sha, 32);
    w.cfg.session.rx = w.rx;
    w.cfg.session.rx_cap = sizeof(w.rx);
    w.cfg.files = &w.file;
    w.cfg.n_files = 1;
    w.now = 7000;
}

static void a_tandem_device(void)
{
    static uint8_t key[TD_TANDEM_FINGERPRINT];

    memset(key, 7, sizeof(key));
    w.dev.lacks = 0;
    w.dev.accepts = (struct td_tandem_accepts){
        .sig = 2,
        .sig_name = TD_TEXT("ecdsa-p256"),
        .hash_len = 32,
        .mode = TD_MODE_MOVE,
        .has_log = true,
        .n_images = 1,
        .images = { { .max_size = 0x36000, .slot_size = { 0x38000, 0x38000 } } },
        .n_keys_total = 1,
        .n_keys = 1,
        .keys = { { key, sizeof(key) } },
    };
}

static void take_events(void)
{
    struct td_update_event e;

    while (td_update_event(&w.u, &e)) {
        assert_int_equal(w.n_results, 0); // nothing comes after the result
        switch (e.kind) {
        case TD_EVENT_PREFLIGHT:
            w.n_rows++;
            w.n_fails += e.row->result == TD_CHECK_FAIL;
            assert_true(e.row->text[0] != '\0');
            break;
        case TD_EVENT_UPLOAD:
            w.n_progress++;
            assert_true(e.offset <= e.size);
            break;
        case TD_EVENT_STATE: w.states[w.n_states++] = td_update_state_name(e.state)[0]; break;
        case TD_EVENT_NOTE: w.n_notes++; break;
        case TD_EVENT_RESUMED:
            w.n_resumed++;
            w.resumed_at = e.offset;
            break;
        case TD_EVENT_START:
            w.start = e.start;
            w.again = e.again;
            break;
        case TD_EVENT_RESULT:
            w.n_results++;
            assert_ptr_equal(e.outcome, &w.u.outcome);
            break;
        }
    }
}

/* ---- a device of two images: a second model behind the same link ------------------------- */

static struct model second;
static struct model_image second_old, second_new;
static bool has_second, second_uploads;

static void put_half(struct td_cbor_writer *cw, const struct model *m, uint32_t number)
{
    for (uint32_t i = 0; i < 2; i++) {
        char version[TD_IMG_VERSION_MAX];
        bool pends = m->next == NEXT_TEST || m->next == NEXT_PERM;
        struct td_img_entry e = { .has_image = true,
                                  .image = number,
                                  .slot = i,
                                  .has_version = true,
                                  .version = td_img_version_text(&m->slot[i].version, version),
                                  .has_hash = true,
                                  .hash = { m->slot[i].hash, 32 },
                                  .active = i == 0,
                                  .confirmed = (i == 0) != (m->next == NEXT_REVERT),
                                  .pending = i == 1 && pends };

        if (m->slot[i].present)
            td_img_list_put(cw, &e, true);
    }
}

static size_t put_both(const struct td_smp_header *asked, uint8_t *out, size_t cap)
{
    struct td_smp_header h = *asked;
    struct td_cbor_writer cw;
    size_t len;

    td_smp_begin(&cw, out, cap, TD_CBOR_INDEFINITE);
    td_img_list_put_begin(&cw);
    put_half(&cw, &w.dev, 0);
    put_half(&cw, &second, 1);
    td_img_list_put_end(&cw, false);
    h.op |= 1;
    assert_int_equal(td_smp_end(&cw, &h, &len), TD_OK);
    return len;
}

/* Which of the two a packet is for. */
static struct model *meant_for(const struct td_smp_header *h, const uint8_t *body)
{
    struct td_img_upload_req up = { 0 };
    struct td_img_state_req st = { 0 };

    if (h->group != TD_SMP_GROUP_IMAGE)
        return &w.dev;
    if (h->id == TD_IMG_UPLOAD && td_img_upload_req_get(body, h->len, &up) == TD_OK) {
        if (up.off == 0)
            second_uploads = up.has_image && up.image == 1;
        return second_uploads ? &second : &w.dev;
    }
    if (h->id == TD_IMG_STATE && td_img_state_req_get(body, h->len, &st) == TD_OK && st.has_hash &&
        (memcmp(st.hash.p, second.slot[0].hash, 32) == 0 ||
         memcmp(st.hash.p, second.slot[1].hash, 32) == 0))
        return &second;
    return &w.dev;
}

static size_t two_receive(const uint8_t *in, size_t n, uint8_t *out, size_t cap, uint32_t *took)
{
    struct td_smp_header h;
    const uint8_t *body;
    size_t len;

    assert_int_equal(td_smp_open(in, n, &h, &body), TD_OK);
    if (h.group == TD_SMP_GROUP_OS) // a reset is everybody's
        model_receive(&second, w.now, in, n, out, cap, took);
    len = model_receive(meant_for(&h, body), w.now, in, n, out, cap, took);
    if (len > 0 && h.group == TD_SMP_GROUP_IMAGE && h.id == TD_IMG_STATE && h.op == TD_SMP_READ) {
        // The second one wakes up with the first.
        model_receive(&second, w.now, in, n, out, cap, took);
        len = put_both(&h, out, cap);
    }
    return len;
}

static void deliver(struct model_packet *p)
{
    uint8_t out[4200];
    struct model_packet one = *p;
    unsigned resets = w.dev.n_reset;
    uint32_t took;
    size_t n, piece;

    link_remove(&w.link, p);
    if (!one.to_device) {
        td_update_receive(&w.u, w.now, one.bytes, one.len);
        return;
    }
    n = has_second ? two_receive(one.bytes, one.len, out, sizeof(out), &took)
                   : model_receive(&w.dev, w.now, one.bytes, one.len, out, sizeof(out), &took);
    w.link.busy_until = (w.link.busy_until > w.now ? w.link.busy_until : w.now) + took;
    piece = w.link.piece > 0 ? w.link.piece : sizeof(out);
    for (size_t at = 0; at < n; at += piece)
        link_put(&w.link, false, w.link.busy_until, out + at, n - at < piece ? n - at : piece);
    if (w.drop_link_on_reset && w.dev.n_reset > resets)
        w.link_up_at = w.now + 5000;
}

static void run_until(uint64_t end)
{
    uint8_t buf[4200];
    struct model_packet *p;
    uint64_t wake;
    size_t n;
    bool down = false;

    while (!td_update_done(&w.u) && w.now < end) {
        take_events();
        while ((n = td_update_send(&w.u, w.now, buf, sizeof(buf))) > 0)
            link_put(&w.link, true, w.now, buf, n);
        if (td_update_done(&w.u))
            break;
        wake = td_update_wake_ms(&w.u);
        p = link_next(&w.link);
        if (w.link_up_at != 0 && !down && p == NULL) {
            down = true;
            td_update_link(&w.u, w.now, false);
        } else if (down && w.now >= w.link_up_at) {
            down = false;
            w.link_up_at = 0;
            td_update_link(&w.u, w.now, true);
        } else if (p != NULL && p->at <= wake) {
            w.now = p->at > w.now ? p->at : w.now;
            deliver(p);
        } else {
            if (down && w.link_up_at < wake)
                wake = w.link_up_at;
            assert_true(wake != TD_NEVER);
            w.now = wake > w.now ? wake : w.now;
        }
    }
    take_events();
}

static void begin(void)
{
    td_update_start(&w.u, &w.cfg, w.now);
}

static void run(void)
{
    begin();
    run_until(w.now + 3600 * 1000);
    assert_true(td_update_done(&w.u));
    assert_int_equal(w.n_results, 1);
    assert_true(w.u.outcome.text[0] != '\0');
    assert_false(w.dev.confirmed_while_pending);
}

static void ends(enum td_update_result want)
{
    if (w.u.outcome.result != want)
        fail_msg("%s, not %s: %s / %s", td_update_result_name(w.u.outcome.result),
                 td_update_result_name(want), w.u.outcome.text, w.u.outcome.remedy);
}

static bool says(const char *words)
{
    return strstr(w.u.outcome.text, words) != NULL || strstr(w.u.outcome.remedy, words) != NULL;
}

static void runs_new_confirmed(void)
{
    ends(TD_RESULT_UPDATED);
    assert_memory_equal(w.dev.slot[0].hash, w.new.hash, 32);
    assert_int_equal(w.dev.next, NEXT_NONE);
    assert_memory_equal(w.u.outcome.hash, w.new.hash, 32);
    assert_int_equal(w.u.outcome.version.major, 2);
}

/* ---- the whole way --------------------------------------------------------------------- */

static void an_update_ends_with_the_new_image_confirmed(void **state)
{
    (void)state;
    world();
    run();
    runs_new_confirmed();
    assert_string_equal(w.states, "trwvc");
    assert_int_equal(w.n_rows, TD_N_CHECKS);
    assert_int_equal(w.n_fails, 0);
    assert_int_equal(w.dev.n_test, 1);
    assert_int_equal(w.dev.n_confirm, 1);
    assert_int_equal(w.dev.n_reset, 1);
    assert_in_range(w.u.outcome.seconds, 3, 20);
}

static void a_device_that_somebody_else_resets_is_not_reset_out_of_its_trial(void **state)
{
    (void)state;
    world();
    w.dev.resets_when_marked = true;
    run();
    ends(TD_RESULT_FAILED);
    assert_true(says("runs the new image already, unconfirmed"));
    assert_int_equal(w.dev.n_reset, 0);
    // As the remedy says.
    w.dev.resets_when_marked = false;
    w.n_results = w.n_states = 0;
    run();
    runs_new_confirmed();
}

static void each_kind_of_device_is_updated(void **state)
{
    static const struct {
        const char *says;
        int32_t mode;
        unsigned lacks;
        unsigned n_test, n_confirm;
        bool v1_only, refuses_v2, old_rules, mute_reset, empty_hash;
    } rows[] = {
        { "swap-move", TD_MODE_MOVE, LACKS_TANDEM, 1, 1, 0, 0, 0, 0, 0 },
        { "swap-offset", TD_MODE_OFFSET, LACKS_TANDEM, 1, 1, 0, 0, 0, 0, 0 },
        { "overwrite-only: no confirm", TD_MODE_OVERWRITE, LACKS_TANDEM, 1, 0, 0, 0, 0, 0, 0 },
        { "direct-xip: nothing to mark", TD_MODE_XIP, LACKS_TANDEM | LACKS_STATE_WRITE, 0, 0, 0, 0,
          0, 0, 0 },
        { "says nothing but images", TD_MODE_MOVE,
          LACKS_TANDEM | LACKS_PARAMS | LACKS_BOOTLOADER | LACKS_SLOTS | LACKS_BASIC, 1, 1, 0, 0, 0,
          0, 0 },
        { "speaks v1", TD_MODE_MOVE, LACKS_TANDEM | LACKS_BOOTLOADER, 1, 1, 1, 0, 1, 0, 0 },
        { "refuses v2", TD_MODE_MOVE, LACKS_TANDEM, 1, 1, 1, 1, 0, 0, 0 },
        { "resets without an answer", TD_MODE_MOVE, LACKS_TANDEM, 1, 1, 0, 0, 0, 1, 0 },
        { "wants an empty hash", TD_MODE_MOVE, LACKS_TANDEM, 1, 2, 0, 0, 0, 0, 1 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world();
        w.dev.mode = rows[i].mode;
        w.dev.lacks = rows[i].lacks;
        w.dev.v1_only = rows[i].v1_only;
        w.dev.refuses_v2 = rows[i].refuses_v2;
        w.dev.old_rules = rows[i].old_rules;
        w.dev.mute_reset = rows[i].mute_reset;
        w.dev.empty_hash = rows[i].empty_hash;
        run();
        if (w.u.outcome.result != TD_RESULT_UPDATED || w.dev.n_test != rows[i].n_test ||
            w.dev.n_confirm != rows[i].n_confirm)
            fail_msg("%s: %s, %s; test %u, confirm %u", rows[i].says,
                     td_update_result_name(w.u.outcome.result), w.u.outcome.text, w.dev.n_test,
                     w.dev.n_confirm);
        runs_new_confirmed();
    }
}

static void a_bad_link_only_costs_time(void **state)
{
    static const struct {
        unsigned drop, dup, swap, piece;
    } rows[] = { { 3, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 0, 2, 0 }, { 5, 2, 3, 0 }, { 0, 0, 0, 20 } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world();
        w.link.drop_every = rows[i].drop;
        w.link.dup_every = rows[i].dup;
        w.link.swap_every = rows[i].swap;
        w.link.piece = rows[i].piece;
        w.cfg.session.link.fragments = rows[i].piece > 0;
        run();
        runs_new_confirmed();
    }
}

static void a_link_that_goes_down_with_the_reset_is_expected(void **state)
{
    (void)state;
    world();
    w.drop_link_on_reset = true;
    run();
    runs_new_confirmed();
    assert_int_equal(w.dev.n_reset, 1);
}

static void modes_stop_where_they_should(void **state)
{
    static const struct {
        enum td_update_mode mode;
        enum td_update_result want;
        unsigned n_test, n_confirm, n_reset;
    } rows[] = {
        { TD_UPDATE_TEST_AND_CONFIRM, TD_RESULT_UPDATED, 1, 1, 1 },
        { TD_UPDATE_TEST, TD_RESULT_TESTED, 1, 0, 1 },
        { TD_UPDATE_CONFIRM, TD_RESULT_UPDATED, 0, 1, 1 },
        { TD_UPDATE_UPLOAD, TD_RESULT_UPLOADED, 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world();
        w.cfg.mode = rows[i].mode;
        run();
        ends(rows[i].want);
        assert_int_equal(w.dev.n_test, rows[i].n_test);
        assert_int_equal(w.dev.n_confirm, rows[i].n_confirm);
        assert_int_equal(w.dev.n_reset, rows[i].n_reset);
    }
}

/* ---- what it meets --------------------------------------------------------------------- */

static void what_is_there_decides_what_is_done(void **state)
{
    enum there {
        NOTHING,
        NEW_RUNS,
        NEW_ON_TRIAL,
        NEW_PENDING,
        NEW_LIES,
        OTHER_PENDING,
        OTHER_TRIAL
    };
    static const struct {
        const char *says;
        enum there there;
        enum td_update_mode mode;
        enum td_update_result want;
        bool sent;
        unsigned n_test, n_confirm, n_reset, n_erase;
    } rows[] = {
        { "runs: already", NEW_RUNS, 0, TD_RESULT_ALREADY, false, 0, 0, 0, 0 },
        { "on trial: confirmed", NEW_ON_TRIAL, 0, TD_RESULT_UPDATED, false, 0, 1, 0, 0 },
        { "on trial, test wanted", NEW_ON_TRIAL, TD_UPDATE_TEST, TD_RESULT_TESTED, false, 0, 0, 0,
          0 },
        { "pending: reset alone", NEW_PENDING, 0, TD_RESULT_UPDATED, false, 0, 1, 1, 0 },
        { "lies there: marked", NEW_LIES, 0, TD_RESULT_UPDATED, false, 1, 1, 1, 0 },
        { "lies there, upload wanted", NEW_LIES, TD_UPDATE_UPLOAD, TD_RESULT_UPLOADED, false, 0, 0,
          0, 0 },
        { "another pending: erased", OTHER_PENDING, 0, TD_RESULT_UPDATED, true, 1, 1, 1, 1 },
        { "another on trial: left alone", OTHER_TRIAL, 0, TD_RESULT_REFUSED, false, 0, 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world();
        w.cfg.mode = rows[i].mode;
        switch (rows[i].there) {
        case NEW_RUNS: in_slot(&w.dev.slot[0], &w.new, &new_kind); break;
        case NEW_ON_TRIAL:
            in_slot(&w.dev.slot[1], &w.old, &old_kind);
            in_slot(&w.dev.slot[0], &w.new, &new_kind);
            w.dev.next = NEXT_REVERT;
            break;
        case NEW_PENDING:
            in_slot(&w.dev.slot[1], &w.new, &new_kind);
            w.dev.next = NEXT_TEST;
            break;
        case NEW_LIES: in_slot(&w.dev.slot[1], &w.new, &new_kind); break;
        case OTHER_PENDING:
            in_slot(&w.dev.slot[1], &w.other, &other_kind);
            w.dev.next = NEXT_TEST;
            break;
        case OTHER_TRIAL:
            in_slot(&w.dev.slot[1], &w.old, &old_kind);
            in_slot(&w.dev.slot[0], &w.other, &other_kind);
            w.dev.next = NEXT_REVERT;
            break;
        case NOTHING: break;
        }
        run();
        if (w.u.outcome.result != rows[i].want || (w.dev.n_chunks > 0) != rows[i].sent ||
            w.dev.n_test != rows[i].n_test || w.dev.n_confirm != rows[i].n_confirm ||
            w.dev.n_reset != rows[i].n_reset || w.dev.n_erase != rows[i].n_erase)
            fail_msg("%s: %s (%s), %u chunks, test %u, confirm %u, reset %u, erase %u",
                     rows[i].says, td_update_result_name(w.u.outcome.result), w.u.outcome.text,
                     w.dev.n_chunks, w.dev.n_test, w.dev.n_confirm, w.dev.n_reset, w.dev.n_erase);
    }
    assert_true(says("image confirm") && says("os reset")); // the last row names both ways out
}

static void it_never_resets_into_an_image_that_nobody_asked_for(void **state)
{
    static const struct {
        unsigned lacks;
        bool keeps;
    } rows[] = { { LACKS_TANDEM | LACKS_ERASE, false }, { LACKS_TANDEM, true } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world();
        in_slot(&w.dev.slot[1], &w.other, &other_kind);
        w.dev.next = NEXT_TEST;
        w.dev.lacks = rows[i].lacks;
        w.dev.keep_pending = rows[i].keeps;
        run();
        ends(TD_RESULT_REFUSED);
        assert_int_equal(w.dev.n_reset, 0);
        assert_int_equal(w.dev.n_chunks, 0);
        assert_true(says("pending") && says("debugger"));
    }
}

/*
 * Seed case A: an old v1 server whose slot 1 holds the file, pending from an earlier attempt,
 * and a bootloader that leaves the mark where it is. The client of that log confirmed the
 * pending image; this one resets, looks, and says what a mark that stays means.
 */
static void the_seed_log_gets_its_reason(void **state)
{
    (void)state;
    world();
    in_slot(&w.dev.slot[1], &w.new, &new_kind);
    w.dev.next = NEXT_TEST;
    w.dev.v1_only = true;
    w.dev.old_rules = true;
    w.dev.buf_size = 2475;
    w.dev.lacks = LACKS_TANDEM | LACKS_BASIC | LACKS_BOOTLOADER | LACKS_SLOTS;
    w.dev.fate = FATE_STAYS;
    w.cfg.erase_settings = true;
    run();
    ends(TD_RESULT_REFUSED);
    assert_true(says("pending still") && says("room to swap") && says("partitions"));
    assert_int_equal(w.dev.n_chunks, 0);
    assert_int_equal(w.dev.n_confirm, 0);
    assert_int_equal(w.dev.n_reset, 1);
    assert_true(w.n_notes >= 1); // rc 8 to the erase of settings is said, and harmless
}

static void settings_are_erased_before_the_reset_when_asked(void **state)
{
    (void)state;
    world();
    w.cfg.erase_settings = true;
    run();
    runs_new_confirmed();
    assert_int_equal(w.dev.n_storage, 1);
    world();
    run();
    assert_int_equal(w.dev.n_storage, 0);
}

/* ---- no -------------------------------------------------------------------------------- */

static void each_bad_end_has_its_reason(void **state)
{
    static const struct {
        const char *says;
        enum model_fate fate;
        uint16_t verdict;
        enum td_update_result want;
        const char *word;
    } rows[] = {
        { "stock, erased", FATE_REFUSED, 0, TD_RESULT_REFUSED, "key" },
        { "stock, mark stays", FATE_STAYS, 0, TD_RESULT_REFUSED, "room to swap" },
        { "stock, crash", FATE_CRASHES, 0, TD_RESULT_REVERTED, "crash" },
        { "stock, dies at confirm", FATE_DIES_LATER, 0, TD_RESULT_REVERTED, "crash" },
        { "tandem, foreign key", FATE_REFUSED, TD_V_UNKNOWN_KEY, TD_RESULT_REFUSED,
          "does not trust" },
        { "tandem, downgrade", FATE_REFUSED, TD_V_DOWNGRADE, TD_RESULT_REFUSED, "older" },
        { "tandem, no room", FATE_STAYS, TD_V_NO_SWAP_ROOM, TD_RESULT_REFUSED, "room" },
        { "tandem, crash", FATE_CRASHES, TD_V_REVERTED, TD_RESULT_REVERTED, "confirmed" },
        { "tandem, hang", FATE_DIES_LATER, TD_V_REVERTED_WATCHDOG, TD_RESULT_REVERTED, "watchdog" },
        { "gone", FATE_NEVER_BACK, 0, TD_RESULT_UNREACHABLE, "did not come back within" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world();
        w.dev.fate = rows[i].fate;
        if (rows[i].verdict != 0) {
            a_tandem_device();
            w.dev.verdict =
                (struct td_verdict){ .code = rows[i].verdict,
                                     .kind = (uint8_t)td_verdict_class_of(rows[i].verdict),
                                     .slot = 1,
                                     .seq = 5,
                                     .count = 1 };
            memcpy(w.dev.verdict.hash, w.new.hash, sizeof(w.dev.verdict.hash));
        }
        run();
        if (w.u.outcome.result != rows[i].want || !says(rows[i].word) ||
            w.u.outcome.verdict != rows[i].verdict)
            fail_msg("%s: %s, verdict %u: %s / %s", rows[i].says,
                     td_update_result_name(w.u.outcome.result), w.u.outcome.verdict,
                     w.u.outcome.text, w.u.outcome.remedy);
        assert_true(w.u.outcome.remedy[0] != '\0');
    }
}

static void an_old_verdict_is_not_taken_for_the_answer(void **state)
{
    (void)state;
    world();
    a_tandem_device();
    w.dev.fate = FATE_CRASHES;
    w.dev.struck = true; // it tells this from the start
    w.dev.verdict = (struct td_verdict){
        .code = TD_V_DOWNGRADE, .kind = TD_VERDICT_REFUSAL, .seq = 9, .count = 1
    };
    run();
    ends(TD_RESULT_REVERTED);
    assert_int_equal(w.u.outcome.verdict, 0);
}

static void a_device_that_does_not_answer_is_unreachable(void **state)
{
    (void)state;
    world();
    w.dev.silent = true;
    w.cfg.session.timeout_ms = 3000;
    run();
    ends(TD_RESULT_UNREACHABLE);
    assert_in_range(w.now - 7000, 3000, 5000);

    world();
    w.dev.garbage = true;
    run();
    ends(TD_RESULT_UNREACHABLE); // whatever answers there, it is not the device
    assert_true(says("not SMP"));
}

static void a_device_without_images_is_said_to_be_one(void **state)
{
    static const unsigned lacks[] = { LACKS_EVERYTHING, LACKS_LIST };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(lacks); i++) {
        world();
        w.dev.lacks = lacks[i];
        run();
        ends(TD_RESULT_REFUSED);
        assert_true(says("IMG"));
    }
}

static void a_refused_upload_names_the_devices_reason(void **state)
{
    static const struct {
        uint32_t code;
        const char *word;
    } rows[] = { { TD_IMG_NO_FREE_SLOT, "trial" },
                 { TD_IMG_BAD_MAGIC, "signed" },
                 { TD_IMG_TOO_LARGE, "smaller" },
                 { TD_IMG_NOT_NEWER, "version" } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world();
        w.dev.refuse_code = rows[i].code;
        run();
        ends(TD_RESULT_REFUSED);
        assert_true(says(rows[i].word));
        assert_int_equal(w.u.outcome.failure.code, rows[i].code);
        assert_int_equal(w.dev.n_reset, 0);
    }
}

static void a_device_that_refuses_to_reset_is_not_pressed(void **state)
{
    (void)state;
    world();
    w.dev.refuse_reset = true;
    run();
    ends(TD_RESULT_REFUSED);
    assert_int_equal(w.dev.n_reset, 1);
    assert_true(says("--force"));
}

static void a_reset_that_never_arrives_is_not_called_one(void **state)
{
    (void)state;
    world();
    w.dev.deaf_to_reset = true;
    run();
    ends(TD_RESULT_FAILED);
    assert_in_range(w.dev.n_reset, 2, 9);
    assert_true(says("reset by hand"));
}

static void a_device_that_resets_in_mid_upload_is_updated_all_the_same(void **state)
{
    (void)state;
    world();
    w.dev.forget_at = 6000;
    run();
    runs_new_confirmed();
    assert_int_equal(w.dev.n_first, 2);
    assert_int_equal(w.n_resumed, 1);
    assert_int_equal(w.resumed_at, 0);
    assert_int_equal(w.start, TD_START_NONE); // a stock device does not say why
}

static void a_device_that_keeps_uploads_says_where_and_why_it_goes_on(void **state)
{
    (void)state;
    world();
    a_tandem_device();
    w.dev.durable = true;
    w.dev.forget_at = 6000;
    run();
    runs_new_confirmed();
    assert_int_equal(w.n_resumed, 1);
    assert_int_equal(w.resumed_at, 4096);
    assert_int_equal(w.start, TD_START_AFTER_RESET);
    assert_true(w.again);
}

static void preflight_stops_what_the_device_would_refuse(void **state)
{
    (void)state;
    world();
    a_tandem_device();
    w.dev.accepts.sig = 3;
    w.dev.accepts.sig_name = TD_TEXT("ed25519");
    run();
    ends(TD_RESULT_REFUSED);
    assert_int_equal(w.dev.n_chunks, 0);
    assert_true(says("ed25519"));

    // The one check that is named is passed over; the device has the last word.
    world();
    a_tandem_device();
    w.dev.accepts.sig = 3;
    w.cfg.force = 1u << TD_CHECK_SIGNATURE;
    run();
    runs_new_confirmed();
    assert_int_equal(w.n_fails, 1);
}

static void a_dry_run_sends_no_byte(void **state)
{
    (void)state;
    world();
    w.cfg.dry_run = true;
    run();
    ends(TD_RESULT_CHECKED);
    assert_int_equal(w.dev.n_chunks + w.dev.n_test + w.dev.n_reset + w.dev.n_erase, 0);
    assert_int_equal(w.n_rows, TD_N_CHECKS);
}

/* ---- interrupted ----------------------------------------------------------------------- */

static void an_interrupt_at_any_time_says_how_to_go_on(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 5000; at += 37) {
        world();
        begin();
        run_until(w.now + at);
        if (td_update_done(&w.u))
            break;
        // Who looks too early finds no success.
        assert_int_equal(w.u.outcome.result, TD_RESULT_NONE);
        td_update_interrupt(&w.u, w.now);
        take_events();
        ends(TD_RESULT_INTERRUPTED);
        assert_int_equal(w.n_results, 1);
        assert_true(says("same update again"));
        // The same command again finishes it, wherever it was.
        w.link.n = 0;
        w.n_results = 0;
        w.n_states = 0;
        w.now += 5000;
        run();
        if (w.u.outcome.result != TD_RESULT_ALREADY)
            ends(TD_RESULT_UPDATED);
        assert_memory_equal(w.dev.slot[0].hash, w.new.hash, 32);
        assert_int_equal(w.dev.next, NEXT_NONE);
    }
}

static void an_interrupted_upload_is_resumed(void **state)
{
    (void)state;
    world();
    begin();
    while (w.u.upload.acked < 6000)
        run_until(w.now + 1);
    td_update_interrupt(&w.u, w.now);
    take_events();
    w.link.n = 0;
    w.n_results = 0;
    w.dev.n_chunks = 0;
    run();
    runs_new_confirmed();
    assert_in_range(w.dev.n_chunks, 5, 15);
    assert_true(w.u.upload.resumed_at >= 6000);
    assert_int_equal(w.n_resumed, 1);
    assert_true(w.resumed_at >= 6000);
}

static void a_link_lost_in_mid_upload_is_taken_up_again(void **state)
{
    (void)state;
    world();
    begin();
    while (w.u.upload.acked < 6000)
        run_until(w.now + 1);
    td_update_link(&w.u, w.now, false);
    w.link.n = 0;
    w.now += 20000;
    td_update_link(&w.u, w.now, true);
    run_until(w.now + 600000);
    runs_new_confirmed();
    assert_int_equal(w.dev.n_first, 2); // asked once more, and told where to go on

    world();
    begin();
    run_until(w.now + 100);
    td_update_link(&w.u, w.now, false);
    run_until(w.now + 3600 * 1000);
    ends(TD_RESULT_UNREACHABLE);
}

static void several_images_go_in_one_update(void **state)
{
    static const enum model_fate fates[] = { FATE_RUNS, FATE_REFUSED };
    struct td_update_file files[2];
    struct model_image_kind kind = old_kind;

    (void)state;
    for (size_t i = 0; i < TD_N_OF(fates); i++) {
        world();
        memset(&second, 0, sizeof(second));
        second.boot_ms = w.dev.boot_ms;
        second.mode = w.dev.mode;
        second.fate = fates[i];
        kind.fill = 1;
        model_image(&second_old, &kind);
        in_slot(&second.slot[0], &second_old, &kind);
        kind.version.major = 2;
        kind.fill = 2;
        model_image(&second_new, &kind);
        kind.version.major = 1;
        w.dev.lacks |= LACKS_SLOTS;
        files[0] = w.file;
        files[1] = w.file;
        files[1].image = 1;
        files[1].src = td_source_memory(second_new.bytes, second_new.size);
        memcpy(files[1].sha, second_new.sha, 32);
        w.cfg.files = files;
        w.cfg.n_files = 2;
        has_second = true;
        run();
        has_second = false;
        assert_int_equal(w.dev.n_reset, 1);
        assert_int_equal(second.n_test, 1);
        assert_memory_equal(second.got, second_new.bytes, second_new.size);
        if (fates[i] == FATE_RUNS) {
            runs_new_confirmed();
            assert_memory_equal(second.slot[0].hash, second_new.hash, 32);
            assert_int_equal(second.next, NEXT_NONE);
            assert_int_equal(second.n_confirm, 1);
        } else {
            // One of two is not an update, and the one is named.
            ends(TD_RESULT_REFUSED);
            assert_int_equal(w.u.outcome.image, 1);
        }
    }
}

/* Quirk: a recovery server has no flags and marks nothing; what is sent runs after the reset. */
static void a_recovery_server_is_updated_without_a_mark(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        world();
        w.dev.lacks = LACKS_TANDEM | LACKS_BOOTLOADER | LACKS_STATE_WRITE | LACKS_SLOTS;
        w.dev.recovery = true;
        w.dev.recovery_hash = i == 1;
        w.dev.v1_only = true;
        run();
        runs_new_confirmed();
        assert_int_equal(w.dev.n_reset, 1);
    }
}

/* Quirk: packets beyond what link or pool take vanish without an answer. */
static void a_device_that_drops_in_silence_is_updated_with_smaller_packets(void **state)
{
    (void)state;
    world();
    w.dev.buf_size = 2048;
    w.dev.max_packet = 244;
    run();
    runs_new_confirmed();
    assert_in_range(w.u.upload.pace.packet, 128, 244);
}

/* Quirk: "done" to a state write that did nothing; the list is what counts. */
static void a_confirm_that_changes_nothing_is_no_success(void **state)
{
    (void)state;
    world();
    w.dev.deaf_to_confirm = true;
    run();
    assert_int_equal(w.u.outcome.result, TD_RESULT_FAILED);
    assert_non_null(strstr(w.u.outcome.text, "its list shows it unconfirmed"));
    assert_in_range(w.dev.n_confirm, 2, 5);
}

/* Quirk: v1 servers answer rc 1 to most of what goes wrong: the phase tells where to look. */
static void a_collapsed_rc_still_ends_with_where_it_happened(void **state)
{
    (void)state;
    world();
    w.dev.v1_only = true;
    w.dev.refuse_at = 1000;
    w.dev.refuse_code = TD_IMG_FLASH_WRITE; // rc 1 in v1
    run();
    assert_int_equal(w.u.outcome.result, TD_RESULT_REFUSED);
    assert_int_equal(w.u.outcome.failure.code, 1);
    assert_non_null(strstr(w.u.outcome.text, "the upload ended early"));
    assert_non_null(strstr(w.u.outcome.text, ", at byte "));
    assert_true(w.u.outcome.remedy[0] != '\0');
}

/* A stock device of two stages: no list shows a bootloader, the slot that runs tells. */
static void a_second_stage_of_a_stock_device_is_proven_by_the_slot_that_runs(void **state)
{
    static const struct {
        bool has_b0, refuses;
        uint32_t b0;
        enum td_update_result result;
        const char *says;
    } rows[] = {
        { true, false, 0, TD_RESULT_UPDATED, "in S1" },
        { true, false, 1, TD_RESULT_UPDATED, "in S0" },
        { true, true, 0, TD_RESULT_REFUSED, "still boots the old second stage, in S0" },
        { true, true, 1, TD_RESULT_REFUSED, "still boots the old second stage, in S1" },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world();
        w.dev.lacks = LACKS_TANDEM;
        w.dev.has_b0 = rows[i].has_b0;
        w.dev.b0 = rows[i].b0;
        w.dev.b0_refuses = rows[i].refuses;
        begin();
        run_until(w.now + 1); // the file is read
        w.u.items[0].facts.firmware =
            (struct td_firmware_facts){ .present = true, .sealed = true, .info.version = 6 };
        run_until(w.now + 600000);
        assert_string_equal(td_update_result_name(w.u.outcome.result),
                            td_update_result_name(rows[i].result));
        assert_non_null(strstr(w.u.outcome.text, rows[i].says));
    }
}

static void whoever_takes_no_events_still_gets_the_result(void **state)
{
    struct td_update_event e;
    uint8_t buf[4200];
    struct model_packet *p;
    size_t n;
    bool result = false;

    (void)state;
    world();
    begin();
    while (!td_update_done(&w.u)) {
        while ((n = td_update_send(&w.u, w.now, buf, sizeof(buf))) > 0)
            link_put(&w.link, true, w.now, buf, n);
        p = link_next(&w.link);
        if (p != NULL && p->at <= td_update_wake_ms(&w.u)) {
            w.now = p->at > w.now ? p->at : w.now;
            deliver(p);
        } else if (!td_update_done(&w.u)) {
            w.now = td_update_wake_ms(&w.u) > w.now ? td_update_wake_ms(&w.u) : w.now;
        }
    }
    while (td_update_event(&w.u, &e))
        result = e.kind == TD_EVENT_RESULT;
    assert_true(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_ends_with_the_new_image_confirmed),
        cmocka_unit_test(a_device_that_somebody_else_resets_is_not_reset_out_of_its_trial),
        cmocka_unit_test(each_kind_of_device_is_updated),
        cmocka_unit_test(a_bad_link_only_costs_time),
        cmocka_unit_test(a_link_that_goes_down_with_the_reset_is_expected),
        cmocka_unit_test(modes_stop_where_they_should),
        cmocka_unit_test(what_is_there_decides_what_is_done),
        cmocka_unit_test(it_never_resets_into_an_image_that_nobody_asked_for),
        cmocka_unit_test(the_seed_log_gets_its_reason),
        cmocka_unit_test(settings_are_erased_before_the_reset_when_asked),
        cmocka_unit_test(each_bad_end_has_its_reason),
        cmocka_unit_test(an_old_verdict_is_not_taken_for_the_answer),
        cmocka_unit_test(a_device_that_does_not_answer_is_unreachable),
        cmocka_unit_test(a_device_without_images_is_said_to_be_one),
        cmocka_unit_test(a_refused_upload_names_the_devices_reason),
        cmocka_unit_test(a_device_that_refuses_to_reset_is_not_pressed),
        cmocka_unit_test(a_reset_that_never_arrives_is_not_called_one),
        cmocka_unit_test(a_device_that_resets_in_mid_upload_is_updated_all_the_same),
        cmocka_unit_test(a_device_that_keeps_uploads_says_where_and_why_it_goes_on),
        cmocka_unit_test(preflight_stops_what_the_device_would_refuse),
        cmocka_unit_test(a_dry_run_sends_no_byte),
        cmocka_unit_test(an_interrupt_at_any_time_says_how_to_go_on),
        cmocka_unit_test(an_interrupted_upload_is_resumed),
        cmocka_unit_test(a_link_lost_in_mid_upload_is_taken_up_again),
        cmocka_unit_test(several_images_go_in_one_update),
        cmocka_unit_test(a_recovery_server_is_updated_without_a_mark),
        cmocka_unit_test(a_device_that_drops_in_silence_is_updated_with_smaller_packets),
        cmocka_unit_test(a_confirm_that_changes_nothing_is_no_success),
        cmocka_unit_test(a_collapsed_rc_still_ends_with_where_it_happened),
        cmocka_unit_test(a_second_stage_of_a_stock_device_is_proven_by_the_slot_that_runs),
        cmocka_unit_test(whoever_takes_no_events_still_gets_the_result),
    };

    return cmocka_run_group_tests_name("client update", tests, NULL, NULL);
}
