/* Cores of a few lines; the far end is a socket or a terminal that this test holds. */
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
#include <unistd.h>

#include "transport/drive.h"

static const uint8_t question[] = { 0x0a, 0, 0, 1, 0, 0, 0x42, 0, 0xa0 };

static const uint8_t answer[] = { 0x0b, 0, 0, 1, 0, 0, 0x42, 0, 0xa0 };

/* Sends n_left packets, then waits; done when it is told so. */
struct sender {
    unsigned n_left, n_ups, n_downs;
    uint64_t wake_ms;
    bool done, down;
};

static size_t sender_send(void *state, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    struct sender *s = state;

    (void)now_ms;
    (void)cap;
    if (s->n_left == 0 || s->down)
        return 0;
    s->n_left--;
    memcpy(buf, question, sizeof question);
    return sizeof question;
}

static void sender_receive(void *state, uint64_t now_ms, const uint8_t *packet, size_t len)
{
    (void)now_ms;
    (void)packet;
    (void)len;
    ((struct sender *)state)->done = true;
}

static void sender_link(void *state, uint64_t now_ms, bool up)
{
    struct sender *s = state;

    (void)now_ms;
    s->down = !up;
    s->n_ups += up;
    s->n_downs += !up;
}

static uint64_t sender_wake(void *state)
{
    return ((struct sender *)state)->wake_ms;
}

static bool sender_done(void *state)
{
    return ((struct sender *)state)->done;
}

static const struct td_core sender_core = {
    .send = sender_send,
    .receive = sender_receive,
    .link = sender_link,
    .wake_ms = sender_wake,
    .done = sender_done,
};

struct rig {
    uv_loop_t loop;
    uv_timer_t limit;
    struct td_drive *drive;
    struct sender first, second;
    unsigned n_done, n_sent;
    bool late;
};

static void on_done(void *ctx)
{
    struct rig *rig = ctx;

    if (rig->n_done++ == 0)
        td_drive_run(rig->drive, &sender_core, &rig->second);
}

static void on_frame(void *ctx, enum td_link_frame what, const uint8_t *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    ((struct rig *)ctx)->n_sent += what == TD_FRAME_SENT;
}

static const struct td_drive_events events = { .done = on_done, .frame = on_frame };

static void on_limit(uv_timer_t *timer)
{
    ((struct rig *)timer->data)->late = true;
}

static void begin(struct rig *rig, const char *text)
{
    struct td_url url;
    char why[TD_URL_WHY];

    memset(rig, 0, sizeof *rig);
    rig->first.wake_ms = rig->second.wake_ms = TD_NEVER;
    assert_int_equal(td_url_parse(text, &url, why), TD_OK);
    uv_loop_init(&rig->loop);
    uv_timer_init(&rig->loop, &rig->limit);
    rig->limit.data = rig;
    assert_int_equal(td_drive_open(&rig->loop, &url, &events, rig, &rig->drive), TD_OK);
}

static void end(struct rig *rig)
{
    td_drive_close(rig->drive);
    uv_close((uv_handle_t *)&rig->limit, NULL);
    while (uv_run(&rig->loop, UV_RUN_DEFAULT) != 0)
        ;
    assert_int_equal(uv_loop_close(&rig->loop), 0);
}

/* Runs the loop until that is so, or for ms. */
#define RUN_UNTIL(rig, ms, so)                                                                     \
    do {                                                                                           \
        (rig)->late = false;                                                                       \
        uv_update_time(&(rig)->loop);                                                              \
        uv_timer_start(&(rig)->limit, on_limit, (ms), 0);                                          \
        while (!(so) && !(rig)->late)                                                              \
            uv_run(&(rig)->loop, UV_RUN_ONCE);                                                     \
    } while (0)

static int listener(char url[64])
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(listen(fd, 4), 0);
    snprintf(url, 64, "tcp:127.0.0.1:%u?framing=raw", ntohs(at.sin_port));
    return fd;
}

static void a_core_begun_before_the_link_stands_sends_when_it_does(void **state)
{
    struct rig rig;
    char url[64];
    int fd = listener(url);

    (void)state;
    begin(&rig, url);
    rig.first.n_left = 1;
    td_drive_run(rig.drive, &sender_core, &rig.first);
    assert_int_equal(rig.first.n_downs, 1);
    assert_int_equal(rig.n_sent, 0);
    RUN_UNTIL(&rig, 30000, rig.n_sent == 1);
    assert_int_equal(rig.n_sent, 1);
    assert_int_equal(rig.first.n_ups, 1);
    end(&rig);
    close(fd);
}

static void a_core_hears_that_the_link_went_and_that_it_is_back(void **state)
{
    struct rig rig;
    char url[64];
    int fd = listener(url), peer;

    (void)state;
    begin(&rig, url);
    RUN_UNTIL(&rig, 30000, td_link_state(td_drive_link(rig.drive)) == TD_LINK_UP);
    td_drive_run(rig.drive, &sender_core, &rig.first);
    peer = accept(fd, NULL, NULL);
    close(peer);
    RUN_UNTIL(&rig, 30000, rig.first.n_downs == 1);
    assert_true(td_drive_why(rig.drive)[0] != '\0');
    RUN_UNTIL(&rig, 30000, rig.first.n_ups == 1);
    assert_int_equal(rig.first.n_downs, 1);
    assert_int_equal(rig.first.n_ups, 1);
    assert_string_equal(td_drive_why(rig.drive), "");
    end(&rig);
    close(fd);
}

static void done_comes_once_for_a_core_and_may_begin_the_next(void **state)
{
    struct rig rig;
    char url[64];
    int fd = listener(url), peer;

    (void)state;
    begin(&rig, url);
    RUN_UNTIL(&rig, 30000, td_link_state(td_drive_link(rig.drive)) == TD_LINK_UP);
    peer = accept(fd, NULL, NULL);
    td_drive_run(rig.drive, &sender_core, &rig.first);
    assert_int_equal(write(peer, answer, sizeof answer), sizeof answer);
    RUN_UNTIL(&rig, 30000, rig.n_done == 1);
    assert_int_equal(rig.n_done, 1);
    assert_false(rig.second.done);
    assert_int_equal(write(peer, answer, sizeof answer), sizeof answer);
    RUN_UNTIL(&rig, 30000, rig.n_done == 2);
    assert_int_equal(rig.n_done, 2);
    // Nobody listens any more: what comes is nobody's.
    assert_int_equal(write(peer, answer, sizeof answer), sizeof answer);
    RUN_UNTIL(&rig, 100, rig.n_done == 3);
    assert_int_equal(rig.n_done, 2);
    end(&rig);
    close(peer);
    close(fd);
}

/* A UART that receives while nobody reads it may never receive again. */
static void a_line_is_left_alone_after_a_reset_until_the_boot_log_is_over(void **state)
{
    struct rig rig;
    char url[128];
    int far = posix_openpt(O_RDWR | O_NOCTTY);
    uint64_t began;

    (void)state;
    assert_true(far >= 0 && grantpt(far) == 0 && unlockpt(far) == 0);
    snprintf(url, sizeof url, "serial:%s", ptsname(far));
    begin(&rig, url);
    RUN_UNTIL(&rig, 30000, td_link_state(td_drive_link(rig.drive)) == TD_LINK_UP);
    rig.first.wake_ms = 0;
    td_drive_reset_sent(rig.drive);
    rig.first.n_left = 1;
    began = td_drive_now_ms(rig.drive);
    td_drive_run(rig.drive, &sender_core, &rig.first);
    for (unsigned line = 0; line < 3; line++) {
        RUN_UNTIL(&rig, 600, rig.n_sent == 1);
        assert_int_equal(rig.n_sent, 0);
        assert_int_equal(write(far, "booting\r\n", 9), 9);
    }
    RUN_UNTIL(&rig, 30000, rig.n_sent == 1);
    assert_int_equal(rig.n_sent, 1);
    // A second after the last line; silence alone would have been over after two.
    assert_in_range(td_drive_now_ms(rig.drive) - began, 2700, 30000);
    end(&rig);
    close(far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_core_begun_before_the_link_stands_sends_when_it_does),
        cmocka_unit_test(a_core_hears_that_the_link_went_and_that_it_is_back),
        cmocka_unit_test(done_comes_once_for_a_core_and_may_begin_the_next),
        cmocka_unit_test(a_line_is_left_alone_after_a_reset_until_the_boot_log_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
