/* Stories of a device on the desk, told in packets and seen in what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "crypto/hash.h"
#include "image/build.h"
#include "keys/keys.h"
#include "sim/device.h"
#include "smp/image.h"
#include "smp/os.h"
#include "smp/tandem.h"
#include "tools/profile.h"

#define OUR_KEY     TD_ROOT "/profiles/keys/PUBLIC-DEMO-ecdsa-p256.pem"
#define APP_SIZE    20000
#define HDR_SIZE    0x200
#define LARGE_SIZE  (0x36000 + 2048) /* fits a slot of 0x38000, and leaves no room to swap */
#define IMAGE_CAP   (HDR_SIZE + LARGE_SIZE + 1024)
#define CONSOLE_CAP 16384

struct image {
    uint8_t bytes[IMAGE_CAP];
    uint32_t len;
    uint8_t hash[32];
};

/* A device, its flash, the clock, and what it said last. */
struct bench {
    struct sim_profile profile;
    struct sim_memory memory[SIM_FLASHES_MAX];
    struct sim_device device;
    struct td_server_link link;
    uint64_t now_us;
    uint8_t answer[SIM_BUF_MAX];
    size_t answer_len;
    char console[CONSOLE_CAP];
    uint8_t seq;
};

static struct image v1, v2, v3, old, foreign, crasher, hanger, self_confirmer, muted, large;

/* ---- images ---------------------------------------------------------------------------- */

static void sign(struct td_build *b, struct image *image, const struct td_key *key)
{
    uint8_t der[TD_KEY_DER_MAX], key_hash[32], sig[TD_KEY_SIG_MAX];
    size_t der_len, sig_len;
    struct td_hash hash;

    td_hash_init(&hash, &td_sha256);
    td_hash_update(&hash, image->bytes, b->len);
    td_hash_final(&hash, image->hash);
    assert_int_equal(td_key_public_der(key, der, sizeof der, &der_len), TD_OK);
    td_hash_init(&hash, &td_sha256);
    td_hash_update(&hash, der, der_len);
    td_hash_final(&hash, key_hash);
    assert_int_equal(td_key_sign(key, image->hash, 32, sig, sizeof sig, &sig_len), TD_OK);
    td_build_area(b, TD_TLV_MAGIC);
    td_build_tlv(b, TD_TLV_SHA256, image->hash, 32);
    td_build_tlv(b, TD_TLV_KEYHASH, key_hash, 32);
    td_build_tlv(b, TD_TLV_ECDSA_SIG, sig, sig_len);
    td_build_close(b);
}

static void make_sized(struct image *image, const char *name, uint8_t major, uint16_t flags,
                       const struct td_key *key, uint32_t size)
{
    struct sim_app app = { .flags = flags, .size = size };
    const struct td_image_header hdr = { .hdr_size = HDR_SIZE,
                                         .img_size = size,
                                         .version = { .major = major } };
    struct td_build b;

    memcpy(app.name, name, strlen(name) + 1);
    memset(image->bytes, 0xff, HDR_SIZE);
    assert_int_equal(sim_app_build(&app, image->bytes + HDR_SIZE, size), TD_OK);
    td_build_begin(&b, image->bytes, sizeof image->bytes, HDR_SIZE + size);
    td_build_header(&b, &hdr);
    sign(&b, image, key);
    assert_int_equal(b.err, TD_OK);
    image->len = b.len;
}

static void make(struct image *image, const char *name, uint8_t major, uint16_t flags,
                 const struct td_key *key)
{
    make_sized(image, name, major, flags, key, APP_SIZE);
}

static int make_all(void **state)
{
    struct td_key *ours, *theirs;

    (void)state;
    assert_int_equal(td_key_load(OUR_KEY, NULL, &ours), TD_OK);
    assert_int_equal(td_key_generate(TD_KEY_ECDSA_P256, &theirs), TD_OK);
    make(&old, "old", 0, 0, ours);
    make(&v1, "v1", 1, 0, ours);
    make(&v2, "v2", 2, 0, ours);
    make(&v3, "v3", 3, 0, ours);
    make(&foreign, "foreign", 2, 0, theirs);
    make(&crasher, "crasher", 2, SIM_APP_CRASH, ours);
    make(&hanger, "hanger", 2, SIM_APP_HANG, ours);
    make(&self_confirmer, "self", 2, SIM_APP_SELF_CONFIRM, ours);
    make(&muted, "muted", 2, SIM_APP_MUTE, ours);
    make_sized(&large, "large", 2, 0, ours, LARGE_SIZE);
    td_key_free(ours);
    td_key_free(theirs);
    return 0;
}

/* ---- the bench ------------------------------------------------------------------------- */

static void on_send(void *ctx, const struct td_server_link *link, const uint8_t *packet, size_t len)
{
    struct bench *b = ctx;

    assert_ptr_equal(link, &b->link);
    memcpy(b->answer, packet, len);
    b->answer_len = len;
}

static void on_console(void *ctx, const char *line)
{
    struct bench *b = ctx;
    size_t len = strlen(b->console);

    if (len + strlen(line) + 2 > sizeof b->console)
        len = 0;
    memcpy(b->console + len, line, strlen(line));
    memcpy(b->console + len + strlen(line), "\n", 2);
}

static void build(struct bench *b)
{
    const struct sim_device_io io = { .send = on_send, .console = on_console, .ctx = b };

    assert_int_equal(sim_device_init(&b->device, &b->profile, b->memory, &io), TD_OK);
    b->memory[0].is_new = false;
}

/* A device of that profile with v1 in its primary slot, not yet switched on. */
static struct bench *bench_of(const char *profile)
{
    struct bench *b = calloc(1, sizeof *b);
    struct td_desk_fault fault;

    assert_non_null(b);
    assert_true(td_profile_load(profile, &b->profile, &fault));
    b->memory[0].bytes = malloc(b->profile.flash[0].size);
    b->memory[0].meta = malloc(sim_device_meta_size(&b->profile, 0));
    b->memory[0].is_new = true;
    b->link.authenticated = true;
    build(b);
    assert_int_equal(sim_device_program(&b->device, SIM_PART_PRIMARY, 0, v1.bytes, v1.len), TD_OK);
    return b;
}

static struct bench *running(const char *profile)
{
    struct bench *b = bench_of(profile);

    sim_device_power_on(&b->device, b->now_us, 0, SIM_CUT_TORN);
    assert_int_equal(b->device.state, SIM_SERVES);
    return b;
}

static void end(struct bench *b)
{
    free(b->memory[0].bytes);
    free(b->memory[0].meta);
    free(b);
}

/* Lets the device live for so long, or until nothing more is due. */
static void let_pass(struct bench *b, uint64_t us)
{
    const uint64_t until = b->now_us + us;

    while (sim_device_wake_us(&b->device) <= until) {
        if (sim_device_wake_us(&b->device) > b->now_us)
            b->now_us = sim_device_wake_us(&b->device);
        sim_device_poll(&b->device, b->now_us);
    }
    b->now_us = until;
}

static void power_cycle(struct bench *b, uint32_t cut_at)
{
    sim_device_power_off(&b->device);
    build(b);
    sim_device_power_on(&b->device, b->now_us, cut_at, SIM_CUT_TORN);
}

/* ---- conversations --------------------------------------------------------------------- */

static struct td_cbor_writer request;
static uint8_t request_buf[SIM_BUF_MAX];

static void begin_request(void)
{
    td_smp_begin(&request, request_buf, sizeof request_buf, TD_CBOR_DEFINITE);
}

/* Sends what was written since begin_request; the answer's payload, or NULL for silence. */
static const uint8_t *ask(struct bench *b, uint8_t op, uint16_t group, uint8_t id, size_t *len)
{
    struct td_smp_header hdr = {
        .version = TD_SMP_V2, .op = op, .group = group, .seq = ++b->seq, .id = id
    };
    const uint8_t *payload;
    size_t n;

    assert_int_equal(td_smp_end(&request, &hdr, &n), TD_OK);
    b->answer_len = 0;
    sim_device_receive(&b->device, b->now_us, &b->link, request_buf, n);
    while (b->answer_len == 0 && sim_device_wake_us(&b->device) <= b->now_us)
        sim_device_poll(&b->device, b->now_us);
    if (b->answer_len == 0)
        return NULL;
    assert_int_equal(td_smp_open(b->answer, b->answer_len, &hdr, &payload), TD_OK);
    assert_int_equal(hdr.seq, b->seq);
    *len = hdr.len;
    return payload;
}

static void upload(struct bench *b, const struct image *image)
{
    uint32_t off = 0;

    while (off < image->len) {
        struct td_img_upload_req req = {
            .has_off = true,
            .off = off,
            .has_data = true,
            .data = { image->bytes + off, image->len - off < 1000 ? image->len - off : 1000 },
            .has_len = off == 0,
            .len = image->len,
        };
        struct td_img_upload_rsp rsp;
        const uint8_t *payload;
        size_t len;

        begin_request();
        td_img_upload_req_put(&request, &req);
        payload = ask(b, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_UPLOAD, &len);
        assert_non_null(payload);
        assert_int_equal(td_img_upload_rsp_get(payload, len, &rsp), TD_OK);
        assert_true(rsp.has_off && rsp.off > off);
        off = rsp.off;
    }
}

static void set_state(struct bench *b, const struct image *image, bool confirm)
{
    struct td_img_state_req req = { .has_hash = image != NULL,
                                    .has_confirm = true,
                                    .confirm = confirm };
    size_t len;

    if (image != NULL)
        req.hash = (struct td_cbor_bytes){ image->hash, sizeof image->hash };
    begin_request();
    td_img_state_req_put(&request, &req);
    assert_non_null(ask(b, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, &len));
}

/* The entry of a slot; false when the list has none. */
static bool entry_of(struct bench *b, uint32_t slot, struct td_img_entry *entry)
{
    struct td_img_list list;
    const uint8_t *payload;
    size_t len;
    bool over = false;

    begin_request();
    td_smp_put_empty(&request);
    payload = ask(b, TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, &len);
    assert_non_null(payload);
    assert_int_equal(td_img_list_get_begin(payload, len, &list), TD_OK);
    while (td_img_list_get(&list, entry, &over) == TD_OK && !over) {
        if (entry->slot == slot)
            return true;
    }
    return false;
}

static void expect_runs(struct bench *b, const struct image *image, bool confirmed)
{
    struct td_img_entry entry;

    assert_int_equal(b->device.state, SIM_SERVES);
    assert_true(entry_of(b, 0, &entry));
    assert_memory_equal(entry.hash.p, image->hash, 32);
    assert_true(entry.active);
    assert_int_equal(entry.confirmed, confirmed);
}

static void reset(struct bench *b)
{
    const struct td_os_reset_req req = { .has_force = false };
    unsigned boots = b->device.boots;
    size_t len;

    begin_request();
    td_os_reset_req_put(&request, &req);
    assert_non_null(ask(b, TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_RESET, &len));
    assert_int_equal(b->device.boots, boots);
    let_pass(b, 300000);
    assert_true(b->device.boots > boots);
}

/* The code of the newest verdict, by group tandem; 0 when there is none. */
static uint16_t newest_verdict(struct bench *b, struct td_verdict *verdict)
{
    const struct td_tandem_req req = { .has_off = false };
    struct td_tandem_why why;
    const uint8_t *payload;
    size_t len;
    bool over = false;

    begin_request();
    td_tandem_req_put(&request, &req);
    payload = ask(b, TD_SMP_READ, TD_SMP_GROUP_TANDEM, TD_TANDEM_WHY, &len);
    assert_non_null(payload);
    assert_int_equal(td_tandem_why_get_begin(payload, len, &why), TD_OK);
    assert_int_equal(td_tandem_why_get(&why, verdict, &over), TD_OK);
    return over ? 0 : verdict->code;
}

static void try_image(struct bench *b, const struct image *image)
{
    upload(b, image);
    set_state(b, image, false);
    reset(b);
}

/* ---- stories --------------------------------------------------------------------------- */

static void an_update_is_tried_and_confirmed(void **state)
{
    struct bench *b = running("tandem-nrf52833");

    (void)state;
    expect_runs(b, &v1, true);
    try_image(b, &v2);
    expect_runs(b, &v2, false);
    set_state(b, NULL, true);
    expect_runs(b, &v2, true);
    reset(b);
    expect_runs(b, &v2, true);
    end(b);
}

static void what_nobody_confirms_is_reverted_and_says_so(void **state)
{
    struct bench *b = running("tandem-nrf52833");
    struct td_verdict verdict;

    (void)state;
    try_image(b, &v2);
    reset(b);
    expect_runs(b, &v1, true);
    assert_int_equal(newest_verdict(b, &verdict), TD_V_REVERTED);
    assert_int_equal(verdict.found, TD_RESET_SOFT);
    assert_memory_equal(verdict.hash, v2.hash, TD_VERDICT_HASH_LEN);
    end(b);
}

static void a_crash_on_trial_is_reverted(void **state)
{
    struct bench *b = running("tandem-nrf52833");
    struct td_verdict verdict;

    (void)state;
    try_image(b, &crasher);
    let_pass(b, 1000000);
    expect_runs(b, &v1, true);
    assert_int_equal(newest_verdict(b, &verdict), TD_V_REVERTED);
    assert_int_equal(verdict.found, TD_RESET_FAULT);
    end(b);
}

static void a_hang_on_trial_is_ended_by_the_watchdog(void **state)
{
    struct bench *b = running("tandem-nrf52833");
    struct td_verdict verdict;

    (void)state;
    try_image(b, &hanger);
    assert_int_equal(b->device.state, SIM_HANGS);
    let_pass(b, 1000000);
    assert_int_equal(b->device.state, SIM_HANGS);
    let_pass(b, 2000000);
    expect_runs(b, &v1, true);
    assert_int_equal(newest_verdict(b, &verdict), TD_V_REVERTED_WATCHDOG);
    end(b);
}

static void without_a_watchdog_a_hang_lasts_until_the_power_cycle(void **state)
{
    struct bench *b = running("krepet-nrf52833");

    (void)state;
    try_image(b, &hanger);
    let_pass(b, 3600000000u);
    assert_int_equal(b->device.state, SIM_HANGS);
    power_cycle(b, 0);
    expect_runs(b, &v1, true);
    end(b);
}

static void an_application_may_confirm_itself(void **state)
{
    struct bench *b = running("tandem-nrf52833");

    (void)state;
    try_image(b, &self_confirmer);
    expect_runs(b, &self_confirmer, true);
    reset(b);
    expect_runs(b, &self_confirmer, true);
    end(b);
}

static void a_profile_may_let_every_application_confirm_itself(void **state)
{
    struct bench *b = bench_of("tandem-nrf52833");

    (void)state;
    b->profile.confirms = SIM_CONFIRMS_ITSELF;
    sim_device_power_on(&b->device, 0, 0, SIM_CUT_TORN);
    try_image(b, &v2);
    expect_runs(b, &v2, true);
    end(b);
}

static void a_mute_application_answers_nothing_and_is_reverted_by_a_power_cycle(void **state)
{
    struct bench *b = running("tandem-nrf52833");
    size_t len;

    (void)state;
    try_image(b, &muted);
    let_pass(b, 10000000);
    assert_int_equal(b->device.state, SIM_MUTE);
    begin_request();
    td_smp_put_empty(&request);
    assert_null(ask(b, TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, &len));
    power_cycle(b, 0);
    expect_runs(b, &v1, true);
    end(b);
}

static void a_cut_anywhere_in_the_swap_ends_with_the_new_image(void **state)
{
    uint32_t at = 1;
    bool was_cut = true;

    (void)state;
    for (; was_cut; at += 7) {
        struct bench *b = running("tandem-nrf52833");

        upload(b, &v2);
        set_state(b, &v2, false);
        power_cycle(b, at);
        was_cut = b->device.was_cut;
        if (was_cut) {
            assert_int_equal(b->device.state, SIM_OFF);
            power_cycle(b, 0);
        }
        expect_runs(b, &v2, false);
        end(b);
    }
    assert_true(at > 30);
}

static void a_foreign_key_is_refused_and_named(void **state)
{
    struct bench *b = running("tandem-nrf52833");
    struct td_verdict verdict;

    (void)state;
    try_image(b, &foreign);
    expect_runs(b, &v1, true);
    assert_int_equal(newest_verdict(b, &verdict), TD_V_UNKNOWN_KEY);
    assert_memory_equal(verdict.hash, foreign.hash, TD_VERDICT_HASH_LEN);
    end(b);
}

static void a_downgrade_is_refused_where_the_profile_says_so(void **state)
{
    struct bench *b = running("tandem-nrf52833");
    struct td_verdict verdict;

    (void)state;
    try_image(b, &old);
    expect_runs(b, &v1, true);
    assert_int_equal(newest_verdict(b, &verdict), TD_V_DOWNGRADE);
    end(b);

    b = running("krepet-nrf52833");
    try_image(b, &old);
    expect_runs(b, &old, false);
    end(b);
}

/* What users meet as an update that stays pending for ever. */
static void a_stock_device_keeps_a_request_that_it_has_no_room_for(void **state)
{
    struct bench *b = running("krepet-nrf52833");
    struct td_img_entry entry;

    (void)state;
    try_image(b, &large);
    for (unsigned i = 0; i < 2; i++) {
        expect_runs(b, &v1, true);
        assert_true(entry_of(b, 1, &entry));
        assert_true(entry.pending);
        assert_false(entry.permanent);
        reset(b);
    }
    assert_non_null(strstr(b->console, "Not enough free space to run swap upgrade"));
    assert_null(strstr(b->console, "Verdict")); // the original has no such line
    end(b);
}

static void our_device_refuses_such_an_image_once_and_says_why(void **state)
{
    struct bench *b = bench_of("tandem-nrf52833");
    struct td_img_entry entry;
    struct td_verdict verdict;

    (void)state;
    // Over the air it would not get this far: the server refuses the upload.
    assert_int_equal(sim_device_program(&b->device, SIM_PART_SECONDARY, 0, large.bytes, large.len),
                     TD_OK);
    sim_device_power_on(&b->device, 0, 0, SIM_CUT_TORN);
    set_state(b, &large, false);
    reset(b);
    expect_runs(b, &v1, true);
    assert_int_equal(newest_verdict(b, &verdict), TD_V_NO_SWAP_ROOM);
    assert_int_equal(verdict.wanted, 0x36000);
    assert_int_equal(verdict.found, large.len);
    assert_false(entry_of(b, 1, &entry) && entry.pending);
    end(b);
}

static void overwriting_leaves_nothing_to_revert_to(void **state)
{
    struct bench *b = running("overwrite-only");

    (void)state;
    try_image(b, &v2);
    expect_runs(b, &v2, true);
    reset(b);
    expect_runs(b, &v2, true);
    end(b);
}

static void a_boot_that_decides_nothing_new_writes_nothing(void **state)
{
    struct bench *b = running("tandem-nrf52833");

    (void)state;
    try_image(b, &foreign);
    for (unsigned i = 0; i < 3; i++) {
        power_cycle(b, 0);
        assert_int_equal(b->device.power.ops, 0);
    }
    expect_runs(b, &v1, true);
    end(b);
}

static void a_device_that_crashes_for_good_is_stopped(void **state)
{
    struct bench *b = bench_of("tandem-nrf52833");

    (void)state;
    assert_int_equal(
        sim_device_program(&b->device, SIM_PART_PRIMARY, 0, crasher.bytes, crasher.len), TD_OK);
    sim_device_power_on(&b->device, 0, 0, SIM_CUT_TORN);
    let_pass(b, 60000000);
    assert_int_equal(b->device.state, SIM_LOOPS);
    assert_int_equal(b->device.boots, SIM_CRASHES_MAX + 1);
    end(b);
}

static void an_empty_device_says_that_it_has_nothing_to_boot(void **state)
{
    struct bench *b = bench_of("tandem-nrf52833");

    (void)state;
    assert_int_equal(sim_device_program(&b->device, SIM_PART_PRIMARY, 0, (const uint8_t *)"x", 1),
                     TD_OK);
    sim_device_power_on(&b->device, 0, 0, SIM_CUT_TORN);
    assert_int_equal(b->device.state, SIM_DEAD);
    assert_non_null(strstr(b->console, "no bootable image"));
    end(b);
}

static void retained_ram_survives_a_reset_and_no_power_cycle(void **state)
{
    struct bench *b = running("tandem-nrf52833");
    const struct td_os_reset_req req = { .has_boot_mode = true, .boot_mode = 1 };
    size_t len;

    (void)state;
    begin_request();
    td_os_reset_req_put(&request, &req);
    assert_non_null(ask(b, TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_RESET, &len));
    let_pass(b, 1000000);
    assert_int_equal(b->device.retained.boot_mode, 1);
    assert_int_equal(b->device.retained.cause, TD_RESET_SOFT);
    power_cycle(b, 0);
    assert_int_equal(b->device.retained.boot_mode, 0);
    assert_int_equal(b->device.retained.cause, TD_RESET_POWER);
    end(b);
}

static void on_bytes(void *ctx, const struct td_server_link *link, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)link;
    (void)bytes;
    (void)len;
}

static void recovery_is_entered_by_the_ways_that_the_profile_names_and_no_other(void **state)
{
    static const struct {
        uint8_t entry;
        bool pin, mode, image;
        enum sim_state want;
    } rows[] = {
        { SIM_ENTRY_MODE, false, true, true, SIM_RECOVERS },
        { SIM_ENTRY_MODE, true, false, true, SIM_SERVES },
        { SIM_ENTRY_MODE, false, false, false, SIM_DEAD },
        { SIM_ENTRY_PIN, true, false, true, SIM_RECOVERS },
        { SIM_ENTRY_PIN, false, true, true, SIM_SERVES },
        { SIM_ENTRY_PIN, false, false, false, SIM_DEAD },
        { SIM_ENTRY_NO_IMAGE, false, false, false, SIM_RECOVERS },
        { SIM_ENTRY_NO_IMAGE, true, true, true, SIM_SERVES },
        { SIM_ENTRY_NO_IMAGE | SIM_ENTRY_MODE, false, true, false, SIM_RECOVERS },
    };

    (void)state;
    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        struct bench *b = bench_of("tandem-nrf52833");

        b->profile.recovery = (struct sim_recovery){ .present = true, .entry = rows[i].entry };
        b->memory[0].is_new = true;
        build(b);
        b->device.io.bytes = on_bytes;
        if (rows[i].image)
            assert_int_equal(sim_device_program(&b->device, SIM_PART_PRIMARY, 0, v1.bytes, v1.len),
                             TD_OK);
        sim_device_power_on(&b->device, 0, 0, SIM_CUT_TORN);
        // A soft reset, as a request brings it about.
        b->device.pin = rows[i].pin;
        b->device.retained.boot_mode = rows[i].mode ? 1 : 0;
        b->device.reset_cause = TD_RESET_SOFT;
        b->device.reset_at_us = 1;
        b->now_us = 1;
        sim_device_poll(&b->device, 1);
        if (b->device.state != rows[i].want)
            fail_msg("row %zu: %d", i, b->device.state);
        end(b);
    }
}

/* Sends 500 bytes at off and returns where the device wants to go on. */
static uint32_t upload_piece(struct bench *b, uint32_t off)
{
    const struct td_img_upload_req req = {
        .has_off = true,
        .off = off,
        .has_len = off == 0,
        .len = v2.len,
        .has_data = true,
        .data = { v2.bytes + off, 500 },
    };
    struct td_img_upload_rsp rsp;
    const uint8_t *payload;
    size_t len;

    begin_request();
    td_img_upload_req_put(&request, &req);
    payload = ask(b, TD_SMP_WRITE, TD_SMP_GROUP_IMAGE, TD_IMG_UPLOAD, &len);
    assert_non_null(payload);
    assert_int_equal(td_img_upload_rsp_get(payload, len, &rsp), TD_OK);
    assert_true(rsp.has_off);
    return rsp.off;
}

static void a_reset_forgets_the_upload_under_way(void **state)
{
    struct bench *b = running("tandem-nrf52833");

    (void)state;
    assert_int_equal(upload_piece(b, 0), 500);
    assert_int_equal(upload_piece(b, 500), 1000);
    reset(b);
    assert_int_equal(upload_piece(b, 1000), 0);
    end(b);
}

static void a_locked_device_answers_the_os_group_alone(void **state)
{
    struct bench *b = bench_of("tandem-nrf52833");
    const struct td_os_echo echo = { .has_text = true, .text = { "hi", 2 } };
    struct td_img_list list;
    const uint8_t *payload;
    size_t len;

    (void)state;
    b->profile.server.access = SIM_ACCESS_LOCKED;
    build(b);
    sim_device_power_on(&b->device, 0, 0, SIM_CUT_TORN);
    begin_request();
    td_os_echo_req_put(&request, &echo);
    assert_non_null(ask(b, TD_SMP_WRITE, TD_SMP_GROUP_OS, TD_OS_ECHO, &len));
    begin_request();
    td_smp_put_empty(&request);
    payload = ask(b, TD_SMP_READ, TD_SMP_GROUP_IMAGE, TD_IMG_STATE, &len);
    assert_non_null(payload);
    assert_int_not_equal(td_img_list_get_begin(payload, len, &list), TD_OK);
    end(b);
}

static void flash_of_another_kind_is_not_taken(void **state)
{
    struct bench *b = bench_of("tandem-nrf52833");
    const struct sim_device_io io = { .send = on_send, .console = on_console, .ctx = b };

    (void)state;
    b->profile.flash[0].budget = 1;
    assert_int_equal(sim_device_init(&b->device, &b->profile, b->memory, &io), TD_EFORMAT);
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_is_tried_and_confirmed),
        cmocka_unit_test(what_nobody_confirms_is_reverted_and_says_so),
        cmocka_unit_test(a_crash_on_trial_is_reverted),
        cmocka_unit_test(a_hang_on_trial_is_ended_by_the_watchdog),
        cmocka_unit_test(without_a_watchdog_a_hang_lasts_until_the_power_cycle),
        cmocka_unit_test(an_application_may_confirm_itself),
        cmocka_unit_test(a_profile_may_let_every_application_confirm_itself),
        cmocka_unit_test(a_mute_application_answers_nothing_and_is_reverted_by_a_power_cycle),
        cmocka_unit_test(a_cut_anywhere_in_the_swap_ends_with_the_new_image),
        cmocka_unit_test(a_foreign_key_is_refused_and_named),
        cmocka_unit_test(a_downgrade_is_refused_where_the_profile_says_so),
        cmocka_unit_test(a_stock_device_keeps_a_request_that_it_has_no_room_for),
        cmocka_unit_test(our_device_refuses_such_an_image_once_and_says_why),
        cmocka_unit_test(overwriting_leaves_nothing_to_revert_to),
        cmocka_unit_test(a_boot_that_decides_nothing_new_writes_nothing),
        cmocka_unit_test(a_device_that_crashes_for_good_is_stopped),
        cmocka_unit_test(an_empty_device_says_that_it_has_nothing_to_boot),
        cmocka_unit_test(retained_ram_survives_a_reset_and_no_power_cycle),
        cmocka_unit_test(recovery_is_entered_by_the_ways_that_the_profile_names_and_no_other),
        cmocka_unit_test(a_reset_forgets_the_upload_under_way),
        cmocka_unit_test(a_locked_device_answers_the_os_group_alone),
        cmocka_unit_test(flash_of_another_kind_is_not_taken),
    };

    return cmocka_run_group_tests(tests, make_all, NULL);
}
