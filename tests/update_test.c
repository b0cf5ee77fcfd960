/*
 * tests/update_test.c - whole updates in one process: the client, a bad link, and a device that
 * runs the real server and the real bootloader. Signatures are real, time is a number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/range.h"
#include "story_image.h"
#include "client/update.h"
#include "sim/device.h"
#include "tools/profile.h"

static struct td_key *product_key, *foreign_key;

/* ---- the world: device, link, client --------------------------------------------------- */

#define QUEUE 128

struct packet {
    bool to_device;
    uint64_t at_us;
    size_t len;
    uint8_t bytes[2600];
};

static struct {
    struct sim_profile profile;
    struct sim_memory memory[SIM_FLASHES_MAX];
    struct sim_device dev;
    struct td_server_link link;
    struct image old, new;
    struct td_update_file file;
    struct td_update_config cfg;
    struct td_update u;
    uint8_t rx[4096];
    uint64_t now_us;
    unsigned drop_every, dup_every, swap_every, count;
    size_t n;
    struct packet q[QUEUE];
    bool print;
} w;

static void put(bool to_device, const uint8_t *bytes, size_t len)
{
    unsigned copies = 1;
    uint64_t at = w.now_us + 2000;

    w.count++;
    if (w.drop_every > 0 && w.count % w.drop_every == 0)
        return;
    if (w.dup_every > 0 && w.count % w.dup_every == 0)
        copies = 2;
    if (w.swap_every > 0 && w.count % w.swap_every == 0)
        at += 7000;
    assert_true(len <= sizeof(w.q[0].bytes));
    for (; copies > 0 && w.n < QUEUE; copies--) {
        w.q[w.n] = (struct packet){ .to_device = to_device, .at_us = at, .len = len };
        memcpy(w.q[w.n++].bytes, bytes, len);
    }
}

static void device_sends(void *ctx, const struct td_server_link *link, const uint8_t *packet,
                         size_t len)
{
    (void)ctx;
    assert_ptr_equal(link, &w.link);
    put(false, packet, len);
}

static void device_prints(void *ctx, const char *line)
{
    (void)ctx;
    if (w.print)
        fprintf(stderr, "    | %s\n", line);
}

static void device_off(void)
{
    for (unsigned i = 0; i < SIM_FLASHES_MAX; i++) {
        free(w.memory[i].bytes);
        free(w.memory[i].meta);
    }
    memset(&w, 0, sizeof(w));
}

static void world(const char *profile)
{
    static const struct sim_device_io io = { .send = device_sends, .console = device_prints };
    struct td_desk_fault fault;
    size_t len;

    device_off();
    if (!td_profile_load(profile, &w.profile, &fault))
        fail_msg("%s: %s", profile, fault.what);
    assert_int_equal(
        td_key_public_der(product_key, w.profile.boot.key[0].der, TD_SIG_KEY_MAX, &len), TD_OK);
    w.profile.boot.key[0].len = (uint16_t)len;
    w.profile.boot.n_keys = 1;
    for (unsigned i = 0; i < w.profile.n_flash; i++) {
        w.memory[i].bytes = malloc(w.profile.flash[i].size);
        w.memory[i].meta = calloc(1, sim_device_meta_size(&w.profile, i));
        w.memory[i].is_new = true;
    }
    assert_int_equal(sim_device_init(&w.dev, &w.profile, w.memory, &io), TD_OK);
    make_image(&w.old, "old", 1, 20000, 0, product_key);
    make_image(&w.new, "new", 2, 30000, 0, product_key);
    w.link.authenticated = true;
    w.now_us = 1000000;
}

static void power_on(void)
{
    assert_int_equal(sim_device_program(&w.dev, SIM_PART_PRIMARY, 0, w.old.bytes, w.old.size),
                     TD_OK);
    sim_device_power_on(&w.dev, w.now_us, 0, (enum sim_cut)0);
    assert_int_equal(w.dev.state, SIM_SERVES);
    w.file.src = td_source_memory(w.new.bytes, w.new.size);
    memcpy(w.file.sha, w.new.sha, 32);
    w.cfg.files = &w.file;
    w.cfg.n_files = 1;
    w.cfg.session.rx = w.rx;
    w.cfg.session.rx_cap = sizeof(w.rx);
    w.cfg.session.link.max_packet = 1472;
}

static struct packet *next_packet(void)
{
    struct packet *first = NULL;

    for (size_t i = 0; i < w.n; i++)
        if (first == NULL || w.q[i].at_us < first->at_us)
            first = &w.q[i];
    return first;
}

static void deliver(struct packet *p)
{
    struct packet one = *p;

    memmove(p, p + 1, (size_t)(&w.q[w.n] - (p + 1)) * sizeof(*p));
    w.n--;
    if (one.to_device)
        sim_device_receive(&w.dev, w.now_us, &w.link, one.bytes, one.len);
    else
        td_update_receive(&w.u, w.now_us / 1000, one.bytes, one.len);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void take_events(void)
{
    struct td_update_event e;

    while (td_update_event(&w.u, &e))
        if (w.print && e.kind == TD_EVENT_STATE)
            fprintf(stderr, "  %s\n", td_update_state_name(e.state));
}

/* One turn: whatever is due first, the device, a packet, or the client. */
static void turn(void)
{
    uint8_t buf[2600];
    struct packet *p;
    uint64_t wake;
    size_t n;

    take_events();
    while ((n = td_update_send(&w.u, w.now_us / 1000, buf, sizeof(buf))) > 0)
        put(true, buf, n);
    if (td_update_done(&w.u))
        return;
    wake = td_update_wake_ms(&w.u);
    assert_true(wake != TD_NEVER || w.n > 0);
    wake = wake > UINT64_MAX / 1000 ? UINT64_MAX : wake * 1000;
    wake = earlier(wake, sim_device_wake_us(&w.dev));
    p = next_packet();
    if (p != NULL)
        wake = earlier(wake, p->at_us);
    if (wake > w.now_us)
        w.now_us = wake;
    sim_device_poll(&w.dev, w.now_us);
    // While a device erases, a packet that needs the flash is kept back.
    if (p != NULL && p->at_us <= w.now_us &&
        !(p->to_device && sim_device_would_wait(&w.dev, &w.link, p->bytes, p->len)))
        deliver(p);
}

static void run(void)
{
    uint64_t end = w.now_us + 3600ull * 1000000;

    td_update_start(&w.u, &w.cfg, w.now_us / 1000);
    while (!td_update_done(&w.u) && w.now_us < end)
        turn();
    assert_true(td_update_done(&w.u));
}

static void ends(const char *says, enum td_update_result want, uint16_t verdict)
{
    if (w.u.outcome.result != want || w.u.outcome.verdict != verdict)
        fail_msg("%s: %s, verdict %s: %s / %s", says, td_update_result_name(w.u.outcome.result),
                 w.u.outcome.verdict ? td_verdict_name(w.u.outcome.verdict) : "none",
                 w.u.outcome.text, w.u.outcome.remedy);
}

/* ---- stories --------------------------------------------------------------------------- */

static void every_profile_is_updated_and_confirmed(void **state)
{
    static const char *const profiles[] = { "tandem-nrf52833", "krepet-nrf52833",
                                            "overwrite-only" };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(profiles); i++) {
        world(profiles[i]);
        power_on();
        run();
        ends(profiles[i], TD_RESULT_UPDATED, 0);
        assert_string_equal(w.dev.app.name, "new");
        // It stays after another reset: that is what confirmed means.
        sim_device_power_off(&w.dev);
        sim_device_power_on(&w.dev, w.now_us, 0, (enum sim_cut)0);
        assert_string_equal(w.dev.app.name, "new");
        // And a second run finds nothing to do.
        w.n = 0;
        run();
        ends(profiles[i], TD_RESULT_ALREADY, 0);
    }
}

static void a_link_that_spoils_packets_only_costs_time(void **state)
{
    static const struct {
        unsigned drop, dup, swap;
    } rows[] = { { 3, 0, 0 }, { 0, 1, 0 }, { 0, 0, 2 }, { 5, 2, 3 }, { 7, 3, 4 } };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world("tandem-nrf52833");
        w.drop_every = rows[i].drop;
        w.dup_every = rows[i].dup;
        w.swap_every = rows[i].swap;
        power_on();
        run();
        ends("spoilt", TD_RESULT_UPDATED, 0);
        assert_string_equal(w.dev.app.name, "new");
    }
}

static void each_bad_image_gets_its_reason(void **state)
{
    static const struct {
        const char *says, *profile;
        uint8_t major;
        uint16_t flags;
        bool foreign;
        uint32_t force;
        enum td_update_result want;
        uint16_t verdict;
        bool sent;
    } rows[] = {
        { "foreign key, before upload", "tandem-nrf52833", 2, 0, true, 0, TD_RESULT_REFUSED, 0,
          false },
        { "foreign key, sent all the same", "tandem-nrf52833", 2, 0, true, 1u << TD_CHECK_KEY,
          TD_RESULT_REFUSED, TD_V_UNKNOWN_KEY, true },
        { "downgrade, before upload", "tandem-nrf52833", 0, 0, false, 0, TD_RESULT_REFUSED, 0,
          false },
        { "downgrade, sent all the same", "tandem-nrf52833", 0, 0, false, 1u << TD_CHECK_VERSION,
          TD_RESULT_REFUSED, TD_V_DOWNGRADE, true },
        { "crashes on trial", "tandem-nrf52833", 2, SIM_APP_CRASH, false, 0, TD_RESULT_REVERTED,
          TD_V_REVERTED, true },
        { "hangs on trial", "tandem-nrf52833", 2, SIM_APP_HANG, false, 0, TD_RESULT_REVERTED,
          TD_V_REVERTED_WATCHDOG, true },
        { "runs without SMP", "tandem-nrf52833", 2, SIM_APP_MUTE, false, 0, TD_RESULT_UNREACHABLE,
          0, true },
        { "stock, foreign key", "krepet-nrf52833", 2, 0, true, 0, TD_RESULT_REFUSED, 0, true },
        { "stock, crashes", "krepet-nrf52833", 2, SIM_APP_CRASH, false, 0, TD_RESULT_REVERTED, 0,
          true },
        { "overwrite, foreign key, sent", "overwrite-only", 2, 0, true, 1u << TD_CHECK_KEY,
          TD_RESULT_REFUSED, TD_V_UNKNOWN_KEY, true },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        world(rows[i].profile);
        make_image(&w.new, "new", rows[i].major, 30000, rows[i].flags,
                   rows[i].foreign ? foreign_key : product_key);
        w.cfg.force = rows[i].force;
        power_on();
        run();
        ends(rows[i].says, rows[i].want, rows[i].verdict);
        assert_int_equal(w.u.upload.acked > 0, rows[i].sent);
        assert_true(w.u.outcome.remedy[0] != '\0');
        if (rows[i].want != TD_RESULT_UNREACHABLE)
            assert_string_equal(w.dev.app.name, "old");
    }
}

static void the_largest_image_fits_and_one_byte_more_is_known_before(void **state)
{
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        uint32_t max, payload;

        world("tandem-nrf52833");
        power_on();
        max = 0x38000 - 0x2000; // two sectors: trailer, and room to move
        // The signature's length varies; make the image anew until it is to the byte.
        for (payload = max - 180;; payload++) {
            make_image(&w.new, "new", 2, payload, 0, product_key);
            if (w.new.size == max + more)
                break;
            if (w.new.size > max + more)
                payload -= 5;
        }
        w.file.src = td_source_memory(w.new.bytes, w.new.size);
        memcpy(w.file.sha, w.new.sha, 32);
        run();
        if (more == 0) {
            ends("largest", TD_RESULT_UPDATED, 0);
        } else {
            ends("too large", TD_RESULT_REFUSED, 0);
            assert_int_equal(w.u.upload.acked, 0);
        }
    }
}

static void an_interrupt_anywhere_is_mended_by_the_same_update(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 40; at++) {
        uint64_t stop;

        world("tandem-nrf52833");
        power_on();
        td_update_start(&w.u, &w.cfg, w.now_us / 1000);
        stop = w.now_us + at * 100000;
        while (!td_update_done(&w.u) && w.now_us < stop)
            turn();
        td_update_interrupt(&w.u, w.now_us / 1000);
        w.n = 0;
        w.now_us += 3000000;
        sim_device_poll(&w.dev, w.now_us);
        run();
        if (w.u.outcome.result != TD_RESULT_ALREADY)
            ends("interrupted", TD_RESULT_UPDATED, 0);
        assert_string_equal(w.dev.app.name, "new");
    }
}

static void a_power_cut_in_mid_upload_starts_it_over(void **state)
{
    (void)state;
    world("tandem-nrf52833");
    power_on();
    td_update_start(&w.u, &w.cfg, w.now_us / 1000);
    while (w.u.upload.acked < 15000)
        turn();
    sim_device_power_off(&w.dev);
    w.n = 0;
    w.now_us += 4000000;
    sim_device_power_on(&w.dev, w.now_us, 0, (enum sim_cut)0);
    while (!td_update_done(&w.u))
        turn();
    ends("cut", TD_RESULT_UPDATED, 0);
    assert_string_equal(w.dev.app.name, "new");
}

static void test_mode_leaves_the_trial_to_the_user(void **state)
{
    (void)state;
    world("tandem-nrf52833");
    w.cfg.mode = TD_UPDATE_TEST;
    power_on();
    run();
    ends("test", TD_RESULT_TESTED, 0);
    assert_string_equal(w.dev.app.name, "new");
    sim_device_power_off(&w.dev);
    sim_device_power_on(&w.dev, w.now_us, 0, (enum sim_cut)0);
    assert_string_equal(w.dev.app.name, "old");
}

static int setup(void **state)
{
    (void)state;
    return td_key_generate(TD_KEY_ECDSA_P256, &product_key) != TD_OK ||
           td_key_generate(TD_KEY_ECDSA_P256, &foreign_key) != TD_OK;
}

static int teardown(void **state)
{
    (void)state;
    device_off();
    td_key_free(product_key);
    td_key_free(foreign_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_is_updated_and_confirmed),
        cmocka_unit_test(a_link_that_spoils_packets_only_costs_time),
        cmocka_unit_test(each_bad_image_gets_its_reason),
        cmocka_unit_test(the_largest_image_fits_and_one_byte_more_is_known_before),
        cmocka_unit_test(an_interrupt_anywhere_is_mended_by_the_same_update),
        cmocka_unit_test(a_power_cut_in_mid_upload_starts_it_over),
        cmocka_unit_test(test_mode_leaves_the_trial_to_the_user),
    };

    return cmocka_run_group_tests_name("updates", tests, setup, teardown);
}
