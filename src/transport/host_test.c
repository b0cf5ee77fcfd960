/* A core of a few lines, and a far end that this test plays over a plain socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/host.h"

static const uint8_t question[] = { 0x0a, 0, 0, 1, 0, 0, 0x42, 0, 0xa0 };
static const uint8_t answer[] = { 0x0b, 0, 0, 1, 0, 0, 0x42, 0, 0xa0 };

/* Asks once, and is done when an answer came. The far end answers in its turn. */
struct asker {
    struct td_host *host;
    int fd;         /* of the far end; -1: nobody answers */
    int signal;     /* raised in the first turn; 0: none */
    bool interrupt; /* as a signal would */
    bool sent, got, ended;
    unsigned turns;
};

static size_t asker_send(void *state, uint64_t now_ms, uint8_t *buf, size_t cap)
{
    struct asker *a = state;

    (void)now_ms;
    assert_true(cap >= sizeof question);
    if (a->sent)
        return 0;
    a->sent = true;
    memcpy(buf, question, sizeof question);
    return sizeof question;
}

static void asker_receive(void *state, uint64_t now_ms, const uint8_t *packet, size_t len)
{
    struct asker *a = state;

    (void)now_ms;
    assert_int_equal(len, sizeof answer);
    assert_memory_equal(packet, answer, len);
    a->got = true;
}

static void asker_link(void *state, uint64_t now_ms, bool up)
{
    (void)state;
    (void)now_ms;
    (void)up;
}

static uint64_t asker_wake(void *state)
{
    (void)state;
    return TD_NEVER;
}

static bool asker_done(void *state)
{
    struct asker *a = state;

    return a->got || a->ended;
}

static void asker_turn(void *state)
{
    struct asker *a = state;
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    uint8_t bytes[64];

    if (a->turns++ > 0)
        return;
    if (a->fd >= 0) {
        ssize_t n = recvfrom(a->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len);

        assert_int_equal(n, sizeof question);
        assert_memory_equal(bytes, question, sizeof question);
        sendto(a->fd, answer, sizeof answer, 0, (struct sockaddr *)&from, len);
    }
    if (a->signal != 0)
        raise(a->signal);
    if (a->interrupt)
        td_host_interrupt(a->host);
}

static void asker_interrupt(void *state, uint64_t now_ms)
{
    (void)now_ms;
    ((struct asker *)state)->ended = true;
}

static const struct td_core asker_core = {
    .send = asker_send,
    .receive = asker_receive,
    .link = asker_link,
    .wake_ms = asker_wake,
    .done = asker_done,
    .turn = asker_turn,
};

static int far_end(char url[64])
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(url, 64, "udp:127.0.0.1:%u", ntohs(at.sin_port));
    return fd;
}

static void a_core_runs_until_it_is_done_and_another_one_after_it(void **state)
{
    char url[64], why[TD_HOST_WHY];
    int fd = far_end(url);
    struct td_host *host;

    (void)state;
    assert_int_equal(td_host_open(url, NULL, &host, why), TD_OK);
    assert_int_equal(td_host_facts(host).max_packet, 1472);
    for (unsigned i = 0; i < 2; i++) {
        struct asker a = { .host = host, .fd = fd };

        assert_int_equal(td_host_run(host, &asker_core, &a), TD_OK);
        assert_true(a.got);
    }
    td_host_close(host);
    close(fd);
}

static void what_cannot_be_opened_is_an_error_with_a_sentence(void **state)
{
    static const struct {
        const char *url;
        enum td_err err;
        const char *why;
    } rows[] = {
        { "tcp:127.0.0.1:1", TD_ELINKDOWN, "refused" },
        { "serial:/dev/there-is-no-such-port", TD_ELINKDOWN, "/dev/there-is-no-such-port" },
        { "carrier-pigeon:home", TD_EFORMAT, "carrier-pigeon" },
        { "udp:", TD_EFORMAT, "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct td_host *host = (struct td_host *)&host;
        char why[TD_HOST_WHY] = "";

        assert_int_equal(td_host_open(rows[i].url, NULL, &host, why), rows[i].err);
        assert_null(host);
        assert_true(why[0] != '\0');
        assert_non_null(strstr(why, rows[i].why));
    }
}

static void a_signal_ends_a_core_and_every_one_after_it(void **state)
{
    struct td_host_config config = { .signals = true };
    struct td_core polite = asker_core;
    char url[64], why[TD_HOST_WHY];
    int fd = far_end(url);

    (void)state;
    polite.interrupt = asker_interrupt;
    for (unsigned with_end = 0; with_end < 2; with_end++) {
        const struct td_core *core = with_end ? &polite : &asker_core;
        struct asker a = { .fd = -1, .signal = with_end ? SIGTERM : SIGINT };
        struct asker after = { .fd = fd };
        struct td_host *host;

        assert_int_equal(td_host_open(url, &config, &host, why), TD_OK);
        assert_int_equal(td_host_run(host, core, &a), TD_EINTERRUPTED);
        assert_int_equal(a.ended, with_end);
        assert_int_equal(td_host_run(host, core, &after), TD_EINTERRUPTED);
        assert_false(after.sent);
        td_host_close(host);
    }
    close(fd);
}

static void a_turn_may_interrupt_its_own_core(void **state)
{
    char url[64], why[TD_HOST_WHY];
    int fd = far_end(url);
    struct td_host *host;

    (void)state;
    for (unsigned with_end = 0; with_end < 2; with_end++) {
        struct td_core core = asker_core;
        struct asker a = { .fd = -1, .interrupt = true };

        core.interrupt = with_end ? asker_interrupt : NULL;
        assert_int_equal(td_host_open(url, NULL, &host, why), TD_OK);
        a.host = host;
        assert_int_equal(td_host_run(host, &core, &a), TD_EINTERRUPTED);
        assert_int_equal(a.ended, with_end);
        td_host_close(host);
    }
    close(fd);
}

static void a_host_without_signals_leaves_them_to_the_program(void **state)
{
    char url[64], why[TD_HOST_WHY];
    int fd = far_end(url);
    struct sigaction was;
    struct td_host *host;

    (void)state;
    assert_int_equal(td_host_open(url, NULL, &host, why), TD_OK);
    assert_int_equal(sigaction(SIGINT, NULL, &was), 0);
    assert_true(was.sa_handler == SIG_DFL);
    td_host_close(host);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_without_signals_leaves_them_to_the_program),
        cmocka_unit_test(a_core_runs_until_it_is_done_and_another_one_after_it),
        cmocka_unit_test(what_cannot_be_opened_is_an_error_with_a_sentence),
        cmocka_unit_test(a_signal_ends_a_core_and_every_one_after_it),
        cmocka_unit_test(a_turn_may_interrupt_its_own_core),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
