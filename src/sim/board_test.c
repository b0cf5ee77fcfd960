/* What stands behind the groups of a virtual device: counters, clock, threads, shell, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "crypto/hash.h"
#include "image/build.h"
#include "sim/device.h"
#include "smp/os.h"
#include "tools/profile.h"

#define HDR_SIZE 0x200

static const char yaml[] = "name: desk\n"
                           "board: a desk\n"
                           "flash:\n"
                           "  - { name: a, size: 0x10000, write_size: 4,\n"
                           "      sectors: [ { count: 16, size: 4096 } ],\n"
                           "      timing: { erase_us: 80000, program_us: 40 } }\n"
                           "partitions:\n"
                           "  primary: { offset: 0, size: 0x6000 }\n"
                           "  secondary: { offset: 0x6000, size: 0x6000 }\n"
                           "  storage: { offset: 0xc000, size: 0x2000 }\n"
                           "boot: { strategy: swap-move, signature: none }\n"
                           "server:\n"
                           "  groups: [ os, image, stat, settings, fs, shell, enum, basic ]\n"
                           "  buf_size: 1024\n"
                           "  reset_delay_ms: 10\n";

/* The desk's only file, and where a read of it begins. */
static const char hosts[] = "one\ntwo\n";

static enum td_err read_hosts(void *ctx, struct td_cbor_text path, uint64_t off, uint8_t *dst,
                              size_t len, size_t *got)
{
    (void)ctx;
    if (path.len != 11 || memcmp(path.p, "/lfs1/hosts", 11) != 0)
        return TD_ENOTFOUND;
    *got = len < sizeof hosts - 1 - off ? len : (size_t)(sizeof hosts - 1 - off);
    memcpy(dst, hosts + off, *got);
    return TD_OK;
}

static bool list_hosts(void *ctx, struct td_cbor_text folder, unsigned i, struct sim_file *file)
{
    (void)ctx;
    if (i > 0 || folder.len != 5 || memcmp(folder.p, "/lfs1", 5) != 0)
        return false;
    *file = (struct sim_file){ .name = "hosts", .size = sizeof hosts - 1 };
    return true;
}

static const struct sim_files files = {
    .server = { .read = read_hosts },
    .entry = list_hosts,
};

struct desk {
    struct sim_profile profile;
    struct sim_memory memory[SIM_FLASHES_MAX];
    struct sim_device device;
    struct td_server_link link;
    uint64_t now_us;
    unsigned answers;
    char text[8192];
};

static void on_send(void *ctx, const struct td_server_link *link, const uint8_t *packet, size_t len)
{
    struct desk *d = ctx;

    (void)link;
    (void)packet;
    assert_true(len > 8);
    d->answers++;
}

static void on_console(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static void program_image(struct desk *d)
{
    static uint8_t bytes[0x2000];
    const struct td_image_header hdr = { .hdr_size = HDR_SIZE,
                                         .img_size = 1000,
                                         .version = { .major = 1, .minor = 2, .revision = 3 } };
    struct sim_app app = { .name = "desk app", .size = 1000 };
    struct td_build b;
    struct td_hash hash;
    uint8_t digest[32];

    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(sim_app_build(&app, bytes + HDR_SIZE, 1000), TD_OK);
    td_build_begin(&b, bytes, sizeof bytes, HDR_SIZE + 1000);
    td_build_header(&b, &hdr);
    td_hash_init(&hash, &td_sha256);
    td_hash_update(&hash, bytes, b.len);
    td_hash_final(&hash, digest);
    td_build_area(&b, TD_TLV_MAGIC);
    td_build_tlv(&b, TD_TLV_SHA256, digest, 32);
    td_build_close(&b);
    assert_int_equal(b.err, TD_OK);
    assert_int_equal(sim_device_program(&d->device, SIM_PART_PRIMARY, 0, bytes, b.len), TD_OK);
}

static int start(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    struct td_desk_fault fault;
    struct sim_device_io io = {
        .send = on_send, .console = on_console, .files = &files, .version = "9.8.7", .ctx = d
    };

    if (!td_profile_parse(yaml, sizeof yaml - 1, "desk.yml", &d->profile, &fault))
        fail_msg("%s %s", fault.where, fault.what);
    d->memory[0].bytes = malloc(d->profile.flash[0].size);
    d->memory[0].meta = malloc(sim_device_meta_size(&d->profile, 0));
    d->memory[0].is_new = true;
    d->link.authenticated = true;
    d->now_us = 1000000;
    assert_int_equal(sim_device_init(&d->device, &d->profile, d->memory, &io), TD_OK);
    program_image(d);
    sim_device_power_on(&d->device, d->now_us, 0, SIM_CUT_TORN);
    assert_int_equal(d->device.state, SIM_SERVES);
    *state = d;
    return 0;
}

static int stop(void **state)
{
    struct desk *d = *state;

    free(d->memory[0].bytes);
    free(d->memory[0].meta);
    free(d);
    return 0;
}

/* What the shell prints; *ret is how the command ended. */
static const char *type(struct desk *d, const char *line, int32_t *ret)
{
    const struct td_server_shell *shell = d->device.config.shell;
    size_t len;

    d->device.now_us = d->now_us;
    *ret = shell->run(shell->ctx, (struct td_cbor_text){ line, strlen(line) }, d->text,
                      sizeof d->text - 1, &len);
    d->text[len] = '\0';
    return d->text;
}

static uint64_t counter(struct desk *d, const char *group, const char *field)
{
    const struct td_server_config *cfg = &d->device.config;

    for (uint8_t i = 0; i < cfg->n_stats; i++) {
        const struct td_server_stat *s = &cfg->stats[i];

        if (s->name.len != strlen(group) || memcmp(s->name.p, group, s->name.len) != 0)
            continue;
        for (unsigned k = 0; k < s->n_fields; k++) {
            if (s->fields[k].len == strlen(field) &&
                memcmp(s->fields[k].p, field, s->fields[k].len) == 0)
                return s->value(s->ctx, k);
        }
    }
    fail_msg("no counter %s.%s", group, field);
    return 0;
}

static void send(struct desk *d, const char *hex)
{
    uint8_t packet[64];
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        packet[i] = (uint8_t)byte;
    }
    sim_device_receive(&d->device, d->now_us, &d->link, packet, len);
}

#define ECHO    "0a00000600000100a16164626869" /* v2, "hi" */
#define UNKNOWN "0800000100770201a0"           /* group 0x77, that nobody has */

static void reset(struct desk *d)
{
    int32_t ret;

    (void)type(d, "kernel reboot", &ret);
    assert_int_equal(ret, 0);
    d->now_us += 10000;
    sim_device_poll(&d->device, d->now_us);
    assert_int_equal(d->device.state, SIM_SERVES);
}

static void each_request_is_counted_for_all_links_and_for_its_own(void **state)
{
    struct desk *d = *state;
    struct td_server_link other = { .authenticated = true };

    assert_int_equal(counter(d, "smp", "requests"), 0);
    send(d, ECHO);
    send(d, UNKNOWN);
    assert_int_equal(d->answers, 2);
    assert_int_equal(counter(d, "smp", "requests"), 2);
    assert_int_equal(counter(d, "smp", "answers"), 2);
    assert_int_equal(counter(d, "smp", "errors"), 1);
    assert_int_equal(counter(d, "smp", "bytes_in"), 14 + 9);
    sim_device_receive(&d->device, d->now_us, &other, (const uint8_t *)yaml, 1025);
    assert_int_equal(counter(d, "link0", "requests"), 2);
    assert_int_equal(counter(d, "link1", "requests"), 0);
    assert_int_equal(counter(d, "link1", "dropped"), 1);
    assert_int_equal(counter(d, "smp", "dropped"), 1);
}

static void a_reset_forgets_what_is_in_ram_and_nothing_else(void **state)
{
    struct desk *d = *state;
    uint64_t reads = counter(d, "flash", "reads");

    send(d, ECHO);
    assert_int_equal(counter(d, "boot", "boots"), 1);
    reset(d);
    assert_int_equal(counter(d, "boot", "boots"), 2);
    assert_int_equal(counter(d, "smp", "requests"), 0);
    assert_true(counter(d, "flash", "reads") > reads);
}

static void more_links_than_there_are_rows_share_the_last(void **state)
{
    struct desk *d = *state;
    struct td_server_link many[20];

    for (size_t i = 0; i < TD_N_OF(many); i++) {
        many[i] = (struct td_server_link){ .authenticated = true };
        sim_stats_request(&d->device, &many[i], 10);
    }
    assert_int_equal(counter(d, "smp", "requests"), 20);
    assert_int_equal(counter(d, "link6", "requests"), 1);
    assert_int_equal(counter(d, "link7", "requests"), 20 - 7);
    assert_int_equal(d->device.config.n_stats, 1 + 1 + SIM_TRAFFIC_MAX);
}

static void the_clock_runs_and_a_power_cut_stops_it(void **state)
{
    struct desk *d = *state;
    const struct td_server_clock *clock = d->device.config.os->clock;
    int64_t ms;
    int32_t ret;

    assert_int_equal(clock->get(clock->ctx, &ms), TD_ESTATE);
    assert_non_null(strstr(type(d, "date get", &ret), "never set"));
    assert_string_equal(type(d, "date set 2024-02-29 23:59:58", &ret),
                        "2024-02-29 23:59:58 UTC\r\n");
    d->now_us += 3000000;
    assert_string_equal(type(d, "date get", &ret), "2024-03-01 00:00:01 UTC\r\n");
    assert_int_equal(clock->get(clock->ctx, &ms), TD_OK);
    assert_int_equal(ms, 1709251201000);
    reset(d);
    assert_int_equal(clock->get(clock->ctx, &ms), TD_OK);
    assert_int_equal(ms, 1709251201010);
    sim_device_power_off(&d->device);
    sim_device_power_on(&d->device, d->now_us, 0, SIM_CUT_TORN);
    assert_int_equal(clock->get(clock->ctx, &ms), TD_ESTATE);
}

static void threads_add_up_to_the_uptime(void **state)
{
    struct desk *d = *state;
    const struct td_server_os *os = d->device.config.os;
    struct td_os_task task;
    uint64_t sum = 0;
    unsigned n = 0;
    int32_t ret;

    d->now_us += 5000000;
    send(d, ECHO);
    for (; os->task(os->ctx, n, &task); n++)
        sum += task.runtime;
    assert_int_equal(n, 4);
    assert_int_equal(sum, sim_board_uptime_us(&d->device));
    assert_true(sum >= 5000000);
    assert_non_null(strstr(type(d, "kernel threads", &ret), "idle"));
}

static void pools_tell_whether_a_request_is_kept(void **state)
{
    struct desk *d = *state;
    const struct td_server_os *os = d->device.config.os;
    struct td_os_pool pool;

    assert_true(os->pool(os->ctx, 1, &pool));
    assert_int_equal(pool.block_size, 1024);
    assert_int_equal(pool.free_blocks, 1);
    assert_false(os->pool(os->ctx, 2, &pool));
}

static void the_shell_prints_what_it_knows(void **state)
{
    static const struct {
        const char *line;
        int32_t ret;
        const char *says;
    } rows[] = {
        { "", 0, "" },
        { "  ", 0, "" },
        { "help", 0, "settings set NAME HEX" },
        { "version", 0, "Tandem 9.8.7, desk\r\n" },
        { "kernel version", 0, "9.8.7" },
        { "uptime", 0, "Uptime: " },
        { "kernel uptime", 0, "Uptime: " },
        { "kernel uptime now", -22, "wrong parameter count" },
        { "kernel reboot twice", -22, "" },
        { "kernel panic", -8, "kernel: command not found" },
        { "flash info", 0, "16 sectors of 4096" },
        { "flash read 0 4", -8, "flash: command not found" },
        { "flash partitions", 0, "secondary" },
        { "image running", 0, "running: desk app\r\nslot: 0\r\nversion: 1.2.3+0" },
        { "stats boot", 0, "boots: 1\r\n" },
        { "stats", 0, "bytes_written" },
        { "fs ls", 0, "         8 hosts\r\n" },
        { "fs ls /elsewhere", 0, "" },
        { "fs cat /lfs1/hosts", 0, "one\ntwo\n\r\n" },
        { "fs cat /lfs1/none", -2, "Failed to open /lfs1/none" },
        { "date set tomorrow noon", -22, "YYYY-MM-DD" },
        { "date set 2024-13-01 00:00:00", -22, "YYYY-MM-DD" },
        { "date set 2023-02-29 00:00:00", -22, "no such day" },
        { "1 2 3 4 5 6 7 8 9 10 11", -22, "" },
        { "settings get a/b", -2, "a/b: " },
        { "settings set a/b 01020", -22, "hexadecimal" },
        { "settings set a/b 0102ff", 0, "" },
        { "settings get a/b", 0, "0102ff\r\n" },
        { "settings delete a/b", 0, "" },
        { "settings get a/b", -2, "a/b: " },
        { "rm", -8, "rm: command not found\r\n" },
    };

    for (size_t i = 0; i < TD_N_OF(rows); i++) {
        int32_t ret;
        const char *says = type(*state, rows[i].line, &ret);

        if (ret != rows[i].ret || strstr(says, rows[i].says) == NULL)
            fail_msg("%s: %d, %s", rows[i].line, (int)ret, says);
    }
}

static void what_does_not_fit_is_cut(void **state)
{
    struct desk *d = *state;
    char out[10];
    char long_line[300];
    size_t len;

    assert_int_equal(sim_shell_run(&d->device, TD_TEXT("help"), out, sizeof out, &len), 0);
    assert_int_equal(len, sizeof out);
    memset(long_line, 'x', sizeof long_line);
    assert_int_equal(sim_shell_run(&d->device, (struct td_cbor_text){ long_line, sizeof long_line },
                                   out, sizeof out, &len),
                     -22);
    assert_int_equal(len, 0);
}

static void a_line_is_run_for_whom_the_console_belongs_to(void **state)
{
    struct desk *d = *state;
    struct td_server_link stranger = { .authenticated = false };
    char out[200];

    assert_true(sim_device_typed(&d->device, d->now_us, &d->link, "uptime", 6, out, sizeof out) >
                0);
    assert_int_equal(
        sim_device_typed(&d->device, d->now_us, &stranger, "uptime", 6, out, sizeof out), 0);
    sim_device_power_off(&d->device);
    assert_int_equal(
        sim_device_typed(&d->device, d->now_us, &d->link, "uptime", 6, out, sizeof out), 0);
}

static void a_line_waits_for_what_the_server_does_in_flash(void **state)
{
    static const uint8_t erase[] = { 0x0a, 0, 0, 1, 0, 63, 9, 0, 0xa0 };
    static const char line[] = "settings set led/on 01";
    struct desk *d = *state;
    char out[200];

    sim_device_receive(&d->device, d->now_us, &d->link, erase, sizeof erase);
    assert_int_equal(d->answers, 0);
    assert_true(td_server_uses_flash(&d->device.server));
    assert_int_equal(
        sim_device_typed(&d->device, d->now_us, &d->link, line, sizeof line - 1, out, sizeof out),
        0);
    assert_int_equal(d->answers, 1);
    assert_false(td_server_uses_flash(&d->device.server));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(each_request_is_counted_for_all_links_and_for_its_own),
        TEST(a_reset_forgets_what_is_in_ram_and_nothing_else),
        TEST(more_links_than_there_are_rows_share_the_last),
        TEST(the_clock_runs_and_a_power_cut_stops_it),
        TEST(threads_add_up_to_the_uptime),
        TEST(pools_tell_whether_a_request_is_kept),
        TEST(the_shell_prints_what_it_knows),
        TEST(what_does_not_fit_is_cut),
        TEST(a_line_is_run_for_whom_the_console_belongs_to),
        TEST(a_line_waits_for_what_the_server_does_in_flash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
