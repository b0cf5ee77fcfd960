/*
 * tests/lossy_test.c - updates over bad wires: the client, and a device that runs the real
 * server and the real bootloader, in one process and in virtual time.
 *
 *     story-lossy_test [RUNS [SEED [KIND]]]      1000 runs when not told; KIND: one row alone
 *
 * Each run ends with the new image running and confirmed, which the flash and another boot
 * prove, or with a reason that the wire or the flash bears out. What else a run could do ends
 * the test: hang, claim an update that is not there, boot an image that nobody signed.
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
#include "client/update.h"
#include "sim/device.h"
#include "smp/header.h"
#include "smp/image.h"
#include "story_image.h"
#include "tools/profile.h"
#include "wire.h"

#define RUN_MOST_US   (40ull * 60 * 1000000) /* of virtual time */
#define SILENT_MIN_US 2000000                /* who says "no answer" has waited so long at least */

static const struct wire_kind kinds[] = {
    { .says = "UDP: nothing is lost" },
    { .says = "UDP: 2 % lost", .drop = 20000 },
    { .says = "UDP: 15 % lost", .drop = 150000 },
    { .says = "UDP: 40 % lost", .drop = 400000 },
    { .says = "UDP: 30 % of the answers lost", .answers_drop = 300000 },
    { .says = "UDP: up to 400 ms late, overtaken", .jitter_us = 400000 },
    { .says = "UDP: 3 % late by 3 s", .late = 30000 },
    { .says = "UDP: half of them doubled", .dup = 500000, .jitter_us = 20000 },
    { .says = "UDP: all of that",
      .drop = 100000,
      .dup = 100000,
      .late = 10000,
      .jitter_us = 100000 },
    { .says = "UDP: gone for 4 s at a time", .outages = 1 },
    { .says = "UDP: gone for good", .outages = 2 },
    { .says = "console: bits turned", .framing = WIRE_CONSOLE, .flip = 200 },
    { .says = "console: bytes lost", .framing = WIRE_CONSOLE, .lose = 200 },
    { .says = "console: 3 % of the lines lost", .framing = WIRE_CONSOLE, .drop = 30000 },
    { .says = "console: log output between lines", .framing = WIRE_CONSOLE, .log = 400000 },
    { .says = "console: noise between lines", .framing = WIRE_CONSOLE, .noise = 30000 },
    { .says = "console: two line buffers", .framing = WIRE_CONSOLE, .line_buffers = 2 },
    { .says = "console: all of that",
      .framing = WIRE_CONSOLE,
      .flip = 20,
      .lose = 20,
      .drop = 3000,
      .log = 100000,
      .noise = 5000 },
    { .says = "console: gone for 4 s at a time", .framing = WIRE_CONSOLE, .outages = 1 },
    { .says = "console: gone for good", .framing = WIRE_CONSOLE, .outages = 2 },
    { .says = "raw: bytes lost", .framing = WIRE_RAW, .lose = 50, .blind = true },
    { .says = "raw: bits turned", .framing = WIRE_RAW, .flip = 10, .blind = true },
    { .says = "raw: noise between packets", .framing = WIRE_RAW, .noise = 30000, .blind = true },
    { .says = "cobs: bits turned", .framing = WIRE_COBS, .flip = 100 },
    { .says = "cobs: bytes lost", .framing = WIRE_COBS, .lose = 100 },
    { .says = "cobs: noise between packets", .framing = WIRE_COBS, .noise = 50000 },
};

static const char *const profiles[] = { "tandem-nrf52833", "krepet-nrf52833", "overwrite-only" };

/* ---- the world ------------------------------------------------------------------------- */

#define READY 64

struct packet {
    size_t len;
    uint8_t bytes[WIRE_PACKET];
};

static struct td_key *key;
static struct image old, new;

static struct {
    struct sim_profile profile;
    struct sim_memory memory[SIM_FLASHES_MAX];
    struct sim_device dev;
    struct td_server_link link;
    struct td_update_file file;
    struct td_update_config cfg;
    struct td_update u;
    uint8_t rx[4096];
    uint64_t now_us;
    struct wire wire;
    struct packet ready[READY]; /* arrived at the device, which is busy */
    size_t n_ready;
    unsigned boots;
    uint64_t paired_us; /* when an answer last reached the client that belonged to a request */
    uint32_t furthest;  /* offset of the last chunk that was sent for the first time */
    unsigned n_again;   /* requests sent once more */
} w;

static uint8_t first_seen[256]; /* sequence numbers under way: whether one was sent before */
static struct td_smp_header asked[256];

static void device_sends(void *ctx, const struct td_server_link *link, const uint8_t *packet,
                         size_t len)
{
    (void)ctx;
    (void)link;
    wire_send(&w.wire, w.now_us, false, packet, len);
}

static void device_prints(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static void device_off(void)
{
    for (unsigned i = 0; i < SIM_FLASHES_MAX; i++) {
        free(w.memory[i].bytes);
        free(w.memory[i].meta);
    }
    memset(&w, 0, sizeof(w));
    memset(first_seen, 0, sizeof(first_seen));
}

static void client_begins(void)
{
    w.file.src = td_source_memory(new.bytes, new.size);
    memcpy(w.file.sha, new.sha, 32);
    w.cfg.files = &w.file;
    w.cfg.n_files = 1;
    w.cfg.session.rx = w.rx;
    w.cfg.session.rx_cap = sizeof(w.rx);
    w.cfg.session.link.max_packet = w.wire.kind->framing == WIRE_UDP ? 1472 : 0;
    if (w.wire.kind->framing == WIRE_RAW)
        w.cfg.session.link.silence_ms = 3000;
    if (w.wire.kind->framing == WIRE_CONSOLE) {
        w.cfg.session.link.overhead = TD_CONSOLE_OVERHEAD;
        w.cfg.session.link.line = 93;
    }
    td_update_start(&w.u, &w.cfg, w.now_us / 1000);
}

static void world(const char *profile, const struct wire_kind *kind, uint64_t of)
{
    static const struct sim_device_io io = { .send = device_sends, .console = device_prints };
    struct td_desk_fault fault;
    size_t len;

    device_off();
    if (!td_profile_load(profile, &w.profile, &fault))
        fail_msg("%s: %s", profile, fault.what);
    assert_int_equal(td_key_public_der(key, w.profile.boot.key[0].der, TD_SIG_KEY_MAX, &len),
                     TD_OK);
    w.profile.boot.key[0].len = (uint16_t)len;
    w.profile.boot.n_keys = 1;
    for (unsigned i = 0; i < w.profile.n_flash; i++) {
        w.memory[i].bytes = malloc(w.profile.flash[i].size);
        w.memory[i].meta = calloc(1, sim_device_meta_size(&w.profile, i));
        w.memory[i].is_new = true;
    }
    assert_int_equal(sim_device_init(&w.dev, &w.profile, w.memory, &io), TD_OK);
    w.link.authenticated = true;
    w.now_us = 1000000;
    assert_int_equal(sim_device_program(&w.dev, SIM_PART_PRIMARY, 0, old.bytes, old.size), TD_OK);
    sim_device_power_on(&w.dev, w.now_us, 0, (enum sim_cut)0);
    assert_int_equal(w.dev.state, SIM_SERVES);
    w.boots = w.dev.boots;
    wire_init(&w.wire, kind, of);
    client_begins();
}

/* ---- turns ----------------------------------------------------------------------------- */

/* Counts what goes out again: the same number, or a chunk that went out before. */
static void count_request(const uint8_t *packet, size_t len)
{
    struct td_img_upload_req req;
    struct td_smp_header h;
    const uint8_t *body;

    assert_int_equal(td_smp_open(packet, len, &h, &body), TD_OK);
    if (h.group == TD_SMP_GROUP_IMAGE && h.id == TD_IMG_UPLOAD) {
        assert_int_equal(td_img_upload_req_get(body, h.len, &req), TD_OK);
        w.n_again += req.off < w.furthest || (req.off == 0 && w.furthest > 0);
        if (req.off + req.data.len > w.furthest)
            w.furthest = (uint32_t)(req.off + req.data.len);
    } else {
        w.n_again += first_seen[h.seq] != 0;
    }
    asked[h.seq] = h;
    first_seen[h.seq] = 1;
}

static void count_answer(const uint8_t *packet, size_t len)
{
    struct td_smp_header h;
    const uint8_t *body;

    if (td_smp_open(packet, len, &h, &body) != TD_OK || !first_seen[h.seq] ||
        asked[h.seq].group != h.group || asked[h.seq].id != h.id)
        return;
    first_seen[h.seq] = 0;
    w.paired_us = w.now_us;
}

static void arrives(bool up, const uint8_t *packet, size_t len)
{
    if (!up) {
        count_answer(packet, len);
        td_update_receive(&w.u, w.now_us / 1000, packet, len);
    } else if (w.n_ready < READY) {
        w.ready[w.n_ready].len = len;
        memcpy(w.ready[w.n_ready++].bytes, packet, len);
    }
}

static void device_works(void)
{
    sim_device_poll(&w.dev, w.now_us);
    if (w.dev.boots != w.boots) { // what was in its UART is gone
        w.boots = w.dev.boots;
        w.n_ready = 0;
        wire_reset_end(&w.wire, true);
    }
    while (w.n_ready > 0 &&
           !sim_device_would_wait(&w.dev, &w.link, w.ready[0].bytes, w.ready[0].len)) {
        struct packet one = w.ready[0];

        memmove(w.ready, w.ready + 1, --w.n_ready * sizeof(one));
        sim_device_receive(&w.dev, w.now_us, &w.link, one.bytes, one.len);
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_thing(void)
{
    uint64_t wake = td_update_wake_ms(&w.u), at;
    struct wire_piece *p = wire_next(&w.wire);

    at = wake > UINT64_MAX / 1000 ? UINT64_MAX : wake * 1000;
    if (at < wire_free_us(&w.wire))
        at = wire_free_us(&w.wire);
    at = earlier(at, sim_device_wake_us(&w.dev));
    return p == NULL ? at : earlier(at, p->at_us);
}

static void turn(void)
{
    struct td_update_event e;
    struct wire_piece *p;
    uint8_t buf[WIRE_PACKET];
    uint64_t at;
    size_t n;

    while (td_update_event(&w.u, &e))
        ;
    while (wire_free_us(&w.wire) <= w.now_us &&
           (n = td_update_send(&w.u, w.now_us / 1000, buf, sizeof(buf))) > 0) {
        count_request(buf, n);
        wire_send(&w.wire, w.now_us, true, buf, n);
    }
    if (td_update_done(&w.u))
        return;
    at = next_thing();
    assert_true(at != UINT64_MAX);
    if (at > w.now_us)
        w.now_us = at;
    p = wire_next(&w.wire);
    if (p != NULL && p->at_us <= w.now_us)
        wire_deliver(&w.wire, p, w.now_us, arrives);
    device_works();
}

/* ---- what must be true ----------------------------------------------------------------- */

enum end { END_UPDATED, END_SILENT, END_SPOILT, N_ENDS };

static const struct image *in_primary(void)
{
    static uint8_t bytes[0x38000];
    const struct image *both[] = { &old, &new };

    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(td_flash_read(&w.dev.area[SIM_PART_PRIMARY], 0, bytes, both[i]->size),
                         TD_OK);
        if (memcmp(bytes, both[i]->bytes, both[i]->size) == 0)
            return both[i];
    }
    return NULL;
}

static bool slot_is_spoilt(void)
{
    static uint8_t bytes[0x38000];

    assert_int_equal(td_flash_read(&w.dev.area[SIM_PART_SECONDARY], 0, bytes, new.size), TD_OK);
    return memcmp(bytes, new.bytes, new.size) != 0;
}

/* After the run: the power goes and comes, and an image that somebody signed runs. */
static void it_boots_what_was_signed(void)
{
    const struct image *image;

    sim_device_power_off(&w.dev);
    sim_device_power_on(&w.dev, w.now_us, 0, (enum sim_cut)0);
    assert_int_equal(w.dev.state, SIM_SERVES);
    image = in_primary();
    assert_non_null(image);
    assert_string_equal(w.dev.app.name, image == &new ? "new" : "old");
}

static enum end judge(void)
{
    const struct td_update_outcome *o = &w.u.outcome;
    bool spoilt;

    if (o->result == TD_RESULT_UPDATED) {
        it_boots_what_was_signed();
        assert_string_equal(w.dev.app.name, "new"); // it stays: that is what confirmed means
        return END_UPDATED;
    }
    assert_true(o->text[0] != '\0' && o->remedy[0] != '\0');
    spoilt = slot_is_spoilt();
    if (strstr(o->remedy, "the running image is untouched") != NULL)
        assert_string_equal(w.dev.app.name, "old");
    it_boots_what_was_signed();
    if (o->result == TD_RESULT_UNREACHABLE) {
        // True when nothing that belonged to a request came for so long, although it was asked.
        assert_true(w.now_us - w.paired_us >= SILENT_MIN_US);
        return END_SILENT;
    }
    // Where damage passes unseen, the image is refused for it, and the slot shows it.
    assert_true(o->result == TD_RESULT_FAILED || o->result == TD_RESULT_REFUSED);
    assert_true(w.wire.kind->blind);
    assert_true(spoilt);
    assert_string_equal(w.dev.app.name, "old");
    return END_SPOILT;
}

/* ---- the runs -------------------------------------------------------------------------- */

struct row {
    unsigned runs, ends[N_ENDS], sent, again, spoilt;
    uint64_t us;
};

static unsigned n_runs = 1000;
static uint64_t seed = 1;
static size_t only = SIZE_MAX;
static struct row rows[TD_N_OF(kinds)];
static const char *running;

static void one_run(unsigned i)
{
    size_t k = only < TD_N_OF(kinds) ? only : i % TD_N_OF(kinds);
    static char says[200];
    struct row *row = &rows[k];
    uint64_t begin;

    snprintf(says, sizeof(says), "run %u of seed %llu, %s, %s", i, (unsigned long long)seed,
             profiles[i / TD_N_OF(kinds) % TD_N_OF(profiles)], kinds[k].says);
    running = says;
    world(profiles[i / TD_N_OF(kinds) % TD_N_OF(profiles)], &kinds[k], seed * 1000003 + i);
    begin = w.now_us;
    while (!td_update_done(&w.u)) {
        turn();
        if (w.now_us - begin > RUN_MOST_US)
            fail_msg("it hangs");
    }
    row->runs++;
    row->us += w.now_us - begin;
    row->sent += w.wire.n_sent;
    row->again += w.n_again;
    row->spoilt += w.wire.n_spoilt;
    row->ends[judge()]++;
}

static void print_table(void)
{
    printf("%-36s %5s %8s %7s %7s %9s %9s %8s\n", "wire", "runs", "updated", "silent", "spoilt",
           "packets/", "again/", "seconds/");
    for (size_t k = 0; k < TD_N_OF(kinds); k++) {
        const struct row *r = &rows[k];

        if (r->runs > 0)
            printf("%-36s %5u %8u %7u %7u %9u %9u %8.1f\n", kinds[k].says, r->runs,
                   r->ends[END_UPDATED], r->ends[END_SILENT], r->ends[END_SPOILT],
                   r->sent / r->runs, r->again / r->runs, (double)r->us / 1e6 / r->runs);
    }
}

static void every_update_over_a_bad_wire_ends_verified_or_with_the_true_reason(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_runs; i++)
        one_run(i);
    running = NULL;
    print_table();
}

/* A wire that loses now and then only costs time: these rows are updated each time. */
static void a_wire_that_mends_costs_time_and_no_update(void **state)
{
    (void)state;
    for (size_t k = 0; k < TD_N_OF(kinds); k++) {
        bool mends = kinds[k].outages != 2 && !kinds[k].blind && kinds[k].drop < 400000;

        if (mends && rows[k].ends[END_UPDATED] != rows[k].runs)
            fail_msg("%s: %u of %u", kinds[k].says, rows[k].ends[END_UPDATED], rows[k].runs);
        if (kinds[k].outages == 2 &&
            rows[k].ends[END_SILENT] + rows[k].ends[END_UPDATED] != rows[k].runs)
            fail_msg("%s: %u of %u", kinds[k].says, rows[k].ends[END_SILENT], rows[k].runs);
    }
}

static int setup(void **state)
{
    (void)state;
    if (td_key_load(TD_ROOT "/profiles/keys/PUBLIC-DEMO-ecdsa-p256.pem", NULL, &key) != TD_OK)
        return 1;
    // Signatures of one length, so that a seed means the same run each time.
    do
        make_image(&old, "old", 1, 20000, 0, key);
    while (old.size != 20000 + 32 + 4 + 36 + 36 + 4 + 71);
    do
        make_image(&new, "new", 2, 30000, 0, key);
    while (new.size != 30000 + 32 + 4 + 36 + 36 + 4 + 71);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (running != NULL)
        fprintf(stderr, "%s: %s, %s / %s\n", running, td_update_result_name(w.u.outcome.result),
                w.u.outcome.text, w.u.outcome.remedy);
    device_off();
    td_key_free(key);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_update_over_a_bad_wire_ends_verified_or_with_the_true_reason),
        cmocka_unit_test(a_wire_that_mends_costs_time_and_no_update),
    };

    if (argc > 1)
        n_runs = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 10);
    if (argc > 3)
        only = strtoul(argv[3], NULL, 10);
    printf("%u runs, seed %llu\n", n_runs, (unsigned long long)seed);
    return cmocka_run_group_tests_name("lossy", tests, setup, teardown);
}
