/* The far end of each link is played by this test, in the same loop or over plain sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "smp/console.h"
#include "transport/link.h"

/* "echo hi", as the protocol's documents have it, and its line on a console. */
static const uint8_t echo[] = { 0x0a, 0, 0, 6, 0, 0, 0x42, 0, 0xa1, 0x61, 0x64, 0x62, 0x68, 0x69 };
static const char echo_line[] = "\x06\x09"
                                "ABAKAAAGAABCAKFhZGJoaZsK\n";

struct seen {
    uv_loop_t loop;
    struct td_link *link;
    unsigned ups, downs, packets, damaged, drained;
    int far;              /* the device's socket; 0: none */
    unsigned told_before; /* frames that were told before they had arrived there */
    char why[300];
    uint8_t packet[1024];
    size_t len;
    char text[256];
};

static void on_packet(void *ctx, const uint8_t *packet, size_t len)
{
    struct seen *seen = ctx;

    seen->packets++;
    seen->len = len;
    memcpy(seen->packet, packet, len < sizeof seen->packet ? len : sizeof seen->packet);
}

static void on_state(void *ctx, enum td_link_state state, const char *why)
{
    struct seen *seen = ctx;

    seen->ups += state == TD_LINK_UP;
    seen->downs += state == TD_LINK_DOWN;
    if (state == TD_LINK_DOWN)
        snprintf(seen->why, sizeof seen->why, "%s", why);
}

static void on_text(void *ctx, const char *line, size_t len)
{
    struct seen *seen = ctx;

    snprintf(seen->text, sizeof seen->text, "%.*s", (int)len, line);
}

static void on_drained(void *ctx)
{
    ((struct seen *)ctx)->drained++;
}

static void on_frame(void *ctx, enum td_link_frame what, const uint8_t *bytes, size_t len)
{
    struct seen *seen = ctx;
    uint8_t byte;

    (void)bytes;
    (void)len;
    seen->damaged += what == TD_FRAME_DAMAGED;
    if (what == TD_FRAME_SENT && seen->far > 0)
        seen->told_before += recv(seen->far, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

static const struct td_link_events events = {
    .packet = on_packet,
    .state = on_state,
    .text = on_text,
    .drained = on_drained,
    .frame = on_frame,
};

static void open_link(struct seen *seen, const char *text)
{
    struct td_url url;
    char why[TD_URL_WHY];

    memset(seen, 0, sizeof *seen);
    uv_loop_init(&seen->loop);
    assert_int_equal(td_url_parse(text, &url, why), TD_OK);
    assert_int_equal(td_link_open(&seen->loop, &url, &events, seen, &seen->link), TD_OK);
}

static void close_link(struct seen *seen)
{
    td_link_close(seen->link);
    uv_run(&seen->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&seen->loop), 0);
}

static void nap(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Runs the loop until *what has reached wanted, for 3 s at most. */
static void run_until(struct seen *seen, const unsigned *what, unsigned wanted)
{
    uv_timer_t timer;
    bool late = false;

    uv_timer_init(&seen->loop, &timer);
    timer.data = &late;
    uv_timer_start(&timer, nap, 3000, 0);
    while (*what < wanted && !late)
        uv_run(&seen->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&seen->loop, UV_RUN_NOWAIT);
    if (*what < wanted)
        fail_msg("waited in vain; the link says \"%s\"", seen->why);
}

static int bound_socket(int type, uint16_t *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, type, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static int open_pty(char path[64])
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);

    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, path, 64), 0);
    return master;
}

static void a_datagram_is_a_packet_each_way(void **state)
{
    struct seen seen;
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    uint8_t got[64];
    char url[64];
    uint16_t port;
    int far = bound_socket(SOCK_DGRAM, &port);

    (void)state;
    snprintf(url, sizeof url, "udp:127.0.0.1:%u", port);
    open_link(&seen, url);
    assert_int_equal(td_link_send(seen.link, echo, sizeof echo), TD_ESTATE);
    run_until(&seen, &seen.ups, 1);
    assert_int_equal(td_link_max_packet(seen.link), 1472);
    assert_int_equal(td_link_line(seen.link), 0);
    seen.far = far;
    assert_int_equal(td_link_send(seen.link, echo, sizeof echo), TD_OK);
    assert_int_equal(seen.told_before, 0);
    assert_int_equal(recvfrom(far, got, sizeof got, 0, (struct sockaddr *)&from, &from_len),
                     sizeof echo);
    assert_memory_equal(got, echo, sizeof echo);

    assert_int_equal(sendto(far, echo, sizeof echo, 0, (struct sockaddr *)&from, sizeof from),
                     sizeof echo);
    run_until(&seen, &seen.packets, 1);
    assert_int_equal(seen.len, sizeof echo);
    assert_memory_equal(seen.packet, echo, sizeof echo);
    close_link(&seen);
    close(far);
}

static void a_port_that_nobody_serves_is_told_at_once_and_tried_again(void **state)
{
    struct seen seen;
    char url[64];
    uint16_t port;
    int far = bound_socket(SOCK_DGRAM, &port);

    (void)state;
    close(far);
    snprintf(url, sizeof url, "udp:127.0.0.1:%u", port);
    open_link(&seen, url);
    run_until(&seen, &seen.ups, 1);
    td_link_send(seen.link, echo, sizeof echo);
    run_until(&seen, &seen.downs, 1);
    assert_non_null(strstr(seen.why, "nobody listens"));
    run_until(&seen, &seen.ups, 2);
    close_link(&seen);
}

static void a_host_without_an_address_is_said(void **state)
{
    struct seen seen;

    (void)state;
    open_link(&seen, "udp:no-such-host.invalid");
    run_until(&seen, &seen.downs, 1);
    assert_non_null(strstr(seen.why, "no host 'no-such-host.invalid'"));
    close_link(&seen);
}

static void what_was_queued_before_a_reopening_is_never_seen(void **state)
{
    struct seen seen;
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    uint8_t got[64];
    char url[64];
    uint16_t port;
    int far = bound_socket(SOCK_DGRAM, &port);

    (void)state;
    snprintf(url, sizeof url, "udp:127.0.0.1:%u", port);
    open_link(&seen, url);
    run_until(&seen, &seen.ups, 1);
    td_link_send(seen.link, echo, sizeof echo);
    assert_true(recvfrom(far, got, sizeof got, 0, (struct sockaddr *)&from, &from_len) > 0);
    sendto(far, echo, sizeof echo, 0, (struct sockaddr *)&from, sizeof from);
    td_link_reopen(seen.link);
    run_until(&seen, &seen.ups, 2);
    assert_int_equal(seen.packets, 0);
    assert_int_equal(seen.downs, 0);
    close_link(&seen);
    close(far);
}

static size_t read_far(int fd, char *buf, size_t cap, char until)
{
    size_t n = 0;

    while (n < cap - 1 && read(fd, buf + n, 1) == 1 && buf[n++] != until)
        ;
    buf[n] = '\0';
    return n;
}

static void a_console_line_shares_the_wire_with_a_boot_log(void **state)
{
    static const char noise[] = "I: Swap type: test\r\n";
    struct seen seen;
    char path[64], url[96], got[256];
    int far = open_pty(path);

    (void)state;
    snprintf(url, sizeof url, "serial:%s?baud=1000000", path);
    open_link(&seen, url);
    run_until(&seen, &seen.ups, 1);
    assert_int_equal(td_link_line(seen.link), 93);
    assert_int_equal(td_link_overhead(seen.link), 4);
    assert_int_equal(td_link_send(seen.link, echo, sizeof echo), TD_OK);
    run_until(&seen, &seen.drained, 1);
    assert_int_equal(td_link_queued(seen.link), 0);
    assert_int_equal(read_far(far, got, sizeof got, '\n'), strlen(echo_line));
    assert_string_equal(got, echo_line);

    assert_true(write(far, noise, strlen(noise)) > 0);
    assert_true(write(far, echo_line, strlen(echo_line)) > 0);
    run_until(&seen, &seen.packets, 1);
    assert_int_equal(seen.len, sizeof echo);
    assert_memory_equal(seen.packet, echo, sizeof echo);
    assert_string_equal(seen.text, "I: Swap type: test");
    close_link(&seen);
    close(far);
}

static void a_damaged_line_is_dropped_and_the_next_is_taken(void **state)
{
    struct seen seen;
    char path[64], url[96], bad[64];
    int far = open_pty(path);

    (void)state;
    memcpy(bad, echo_line, sizeof echo_line);
    bad[10] = bad[10] == 'A' ? 'B' : 'A';
    snprintf(url, sizeof url, "serial:%s", path);
    open_link(&seen, url);
    run_until(&seen, &seen.ups, 1);
    assert_true(write(far, bad, strlen(echo_line)) > 0);
    assert_true(write(far, echo_line, strlen(echo_line)) > 0);
    run_until(&seen, &seen.packets, 1);
    assert_memory_equal(seen.packet, echo, sizeof echo);
    assert_int_equal(seen.damaged, 1);
    close_link(&seen);
    close(far);
}

static void a_packet_of_many_lines_takes_the_time_of_its_line(void **state)
{
    static uint8_t packet[300] = { 0x0a, 0, 1, 36 };
    struct seen seen;
    char path[64], url[96], got[2000];
    size_t n = 0;
    uint64_t began;
    int far = open_pty(path);

    (void)state;
    snprintf(url, sizeof url, "serial:%s?baud=115200", path);
    open_link(&seen, url);
    run_until(&seen, &seen.ups, 1);
    began = uv_hrtime();
    assert_int_equal(td_link_send(seen.link, packet, sizeof packet), TD_OK);
    assert_int_equal(td_link_queued(seen.link), sizeof packet);
    run_until(&seen, &seen.drained, 1);
    // 418 bytes at 11520 a second.
    assert_true((uv_hrtime() - began) / 1000000 >= 36);
    for (int line = 0; line < 4; line++)
        n += read_far(far, got + n, sizeof got - n, '\n');
    assert_int_equal(n, td_console_size(sizeof packet, TD_CONSOLE_LINE_MAX));
    close_link(&seen);
    close(far);
}

static uint64_t time_on_a_line_us(const uint8_t *packet, size_t len, unsigned baud)
{
    struct seen seen;
    char path[64], url[96];
    uint64_t began, took;
    int far = open_pty(path);

    snprintf(url, sizeof url, "serial:%s?baud=%u", path, baud);
    open_link(&seen, url);
    run_until(&seen, &seen.ups, 1);
    began = uv_hrtime();
    assert_int_equal(td_link_send(seen.link, packet, len), TD_OK);
    run_until(&seen, &seen.drained, 1);
    took = (uv_hrtime() - began) / 1000;
    close_link(&seen);
    close(far);
    return took;
}

/* Timers count milliseconds, and a line of 127 bytes takes 1.27 of them. */
static void a_fast_line_is_not_slowed_by_the_clock_it_is_paced_with(void **state)
{
    static uint8_t packet[2800] = { 0x0a, 0, 2800 >> 8, (2800 & 255) - 8 };
    uint64_t ideal = td_console_size(sizeof packet, TD_CONSOLE_LINE_MAX) * 10, best = UINT64_MAX;

    (void)state;
    // The machine may be busy with something else, now and then.
    for (unsigned attempt = 0; attempt < 20 && best > ideal * 5 / 4; attempt++) {
        uint64_t took = time_on_a_line_us(packet, sizeof packet, 1000000);

        assert_true(took + 4000 >= ideal);
        best = took < best ? took : best;
    }
    assert_true(best <= ideal * 5 / 4);
}

static void a_port_that_is_unplugged_comes_back(void **state)
{
    struct seen seen;
    char path[64], url[96], link_path[64];
    int far = open_pty(path);

    (void)state;
    snprintf(link_path, sizeof link_path, "link-test-%d.port", (int)getpid());
    unlink(link_path);
    assert_int_equal(symlink(path, link_path), 0);
    snprintf(url, sizeof url, "serial:%s", link_path);
    open_link(&seen, url);
    run_until(&seen, &seen.ups, 1);

    unlink(link_path);
    close(far);
    run_until(&seen, &seen.downs, 1);
    assert_non_null(strstr(seen.why, "was unplugged"));
    assert_int_equal(td_link_send(seen.link, echo, sizeof echo), TD_ESTATE);

    far = open_pty(path);
    assert_int_equal(symlink(path, link_path), 0);
    run_until(&seen, &seen.ups, 2);
    assert_true(write(far, echo_line, strlen(echo_line)) > 0);
    run_until(&seen, &seen.packets, 1);
    close_link(&seen);
    unlink(link_path);
    close(far);
}

static void a_port_is_used_by_one_program_at_a_time(void **state)
{
    struct seen first, second;
    char path[64], url[96];
    int far = open_pty(path);

    (void)state;
    snprintf(url, sizeof url, "serial:%s", path);
    open_link(&first, url);
    run_until(&first, &first.ups, 1);
    open_link(&second, url);
    run_until(&second, &second.downs, 1);
    assert_non_null(strstr(second.why, "another program"));
    close_link(&first);
    run_until(&second, &second.ups, 1);
    close_link(&second);
    close(far);
}

static void what_is_no_serial_port_is_refused(void **state)
{
    static const struct {
        const char *url, *says;
    } rows[] = {
        { "serial:/no/such/port", "No such file" },
        { "serial:/dev/null", "not a serial port" },
        { "serial:/dev/null?baud=12345", "no rate of 12345" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seen seen;

        open_link(&seen, rows[i].url);
        run_until(&seen, &seen.downs, 1);
        assert_non_null(strstr(seen.why, rows[i].says));
        close_link(&seen);
    }
}

static void a_raw_stream_is_cut_where_the_headers_say(void **state)
{
    struct seen seen;
    uint8_t two[2 * sizeof echo];
    char url[64];
    uint16_t port;
    int listener = bound_socket(SOCK_STREAM, &port), far;

    (void)state;
    assert_int_equal(listen(listener, 1), 0);
    memcpy(two, echo, sizeof echo);
    memcpy(two + sizeof echo, echo, sizeof echo);
    two[0] = two[sizeof echo] = 0x0b; // answers; what only a client sends begins no packet here
    snprintf(url, sizeof url, "tcp:127.0.0.1:%u?framing=raw", port);
    open_link(&seen, url);
    run_until(&seen, &seen.ups, 1);
    far = accept(listener, NULL, NULL);
    assert_true(write(far, two, 3) == 3);
    uv_run(&seen.loop, UV_RUN_NOWAIT);
    assert_true(write(far, two + 3, 15) == 15);
    run_until(&seen, &seen.packets, 1);
    assert_int_equal(seen.packets, 1);
    assert_true(write(far, two + 18, sizeof two - 18) > 0);
    run_until(&seen, &seen.packets, 2);
    assert_memory_equal(seen.packet, two, sizeof echo);
    assert_true(write(far, "I: log\n", 7) == 7 && write(far, two, sizeof echo) == sizeof echo);
    run_until(&seen, &seen.packets, 3);
    assert_true(td_link_silence_ms(seen.link) >= 3000);
    close(far);
    run_until(&seen, &seen.downs, 1);
    assert_non_null(strstr(seen.why, "closed the connection"));
    run_until(&seen, &seen.ups, 2);
    close_link(&seen);
    close(listener);
}

static void a_cobs_stream_is_cut_at_its_zeros_each_way(void **state)
{
    static const uint8_t frame[] = { 0x00, 0x02, 0x0a, 0x01, 0x02, 0x06, 0x01, 0x02, 0x42, 0x09,
                                     0xa1, 0x61, 0x64, 0x62, 0x68, 0x69, 0x9b, 0x0a, 0x00 };
    struct seen seen;
    uint8_t got[64];
    char url[64];
    uint16_t port;
    int listener = bound_socket(SOCK_STREAM, &port), far;

    (void)state;
    assert_int_equal(listen(listener, 1), 0);
    snprintf(url, sizeof url, "tcp:127.0.0.1:%u?framing=cobs", port);
    open_link(&seen, url);
    run_until(&seen, &seen.ups, 1);
    far = accept(listener, NULL, NULL);
    assert_int_equal(td_link_send(seen.link, echo, sizeof echo), TD_OK);
    uv_run(&seen.loop, UV_RUN_NOWAIT);
    assert_int_equal(recv(far, got, sizeof got, 0), sizeof frame);
    assert_memory_equal(got, frame, sizeof frame);
    assert_true(write(far, frame, 9) == 9 && write(far, frame, sizeof frame) == sizeof frame);
    run_until(&seen, &seen.packets, 1); // the half before it is dropped
    assert_int_equal(seen.packets, 1);
    assert_memory_equal(seen.packet, echo, sizeof echo);
    assert_int_equal(td_link_silence_ms(seen.link), 0);
    close_link(&seen);
    close(far);
    close(listener);
}

static void a_refused_connection_is_said(void **state)
{
    struct seen seen;
    char url[64];
    uint16_t port;
    int far = bound_socket(SOCK_STREAM, &port);

    (void)state;
    close(far);
    snprintf(url, sizeof url, "tcp:127.0.0.1:%u", port);
    open_link(&seen, url);
    run_until(&seen, &seen.downs, 1);
    assert_non_null(strstr(seen.why, "connection refused"));
    close_link(&seen);
}

static void a_link_may_be_closed_before_it_stands(void **state)
{
    static const char *const urls[] = { "udp:localhost:1337", "tcp:127.0.0.1:9",
                                        "serial:/dev/null" };

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct seen seen;

        open_link(&seen, urls[i]);
        close_link(&seen);
        open_link(&seen, urls[i]);
        uv_run(&seen.loop, UV_RUN_NOWAIT);
        close_link(&seen);
        assert_int_equal(seen.packets, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_is_a_packet_each_way),
        cmocka_unit_test(a_port_that_nobody_serves_is_told_at_once_and_tried_again),
        cmocka_unit_test(a_host_without_an_address_is_said),
        cmocka_unit_test(what_was_queued_before_a_reopening_is_never_seen),
        cmocka_unit_test(a_console_line_shares_the_wire_with_a_boot_log),
        cmocka_unit_test(a_damaged_line_is_dropped_and_the_next_is_taken),
        cmocka_unit_test(a_packet_of_many_lines_takes_the_time_of_its_line),
        cmocka_unit_test(a_fast_line_is_not_slowed_by_the_clock_it_is_paced_with),
        cmocka_unit_test(a_port_that_is_unplugged_comes_back),
        cmocka_unit_test(a_port_is_used_by_one_program_at_a_time),
        cmocka_unit_test(what_is_no_serial_port_is_refused),
        cmocka_unit_test(a_raw_stream_is_cut_where_the_headers_say),
        cmocka_unit_test(a_cobs_stream_is_cut_at_its_zeros_each_way),
        cmocka_unit_test(a_refused_connection_is_said),
        cmocka_unit_test(a_link_may_be_closed_before_it_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
