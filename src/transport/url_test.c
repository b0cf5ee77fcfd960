#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "transport/url.h"

static const struct {
    const char *text;
    enum td_url_kind kind;
    const char *where; /* host or path */
    uint16_t port;
    uint32_t baud;
    enum td_framing framing;
} good[] = {
    { "udp:10.0.0.7", TD_URL_UDP, "10.0.0.7", 1337, 115200, TD_FRAMING_DATAGRAM },
    { "udp:board.local:4000", TD_URL_UDP, "board.local", 4000, 115200, TD_FRAMING_DATAGRAM },
    { "udp:[::1]", TD_URL_UDP, "::1", 1337, 115200, TD_FRAMING_DATAGRAM },
    { "udp:[fe80::1%eth0]:65535", TD_URL_UDP, "fe80::1%eth0", 65535, 115200, TD_FRAMING_DATAGRAM },
    { "serial:/dev/ttyACM0", TD_URL_SERIAL, "/dev/ttyACM0", 0, 115200, TD_FRAMING_CONSOLE },
    { "serial:/dev/ttyS0?baud=9600", TD_URL_SERIAL, "/dev/ttyS0", 0, 9600, TD_FRAMING_CONSOLE },
    { "serial:p?baud=1000000&framing=raw", TD_URL_SERIAL, "p", 0, 1000000, TD_FRAMING_RAW },
    { "serial:p?framing=console", TD_URL_SERIAL, "p", 0, 115200, TD_FRAMING_CONSOLE },
    { "serial:p?", TD_URL_SERIAL, "p", 0, 115200, TD_FRAMING_CONSOLE },
    { "tcp:localhost:4444", TD_URL_TCP, "localhost", 4444, 115200, TD_FRAMING_CONSOLE },
    { "tcp:[::1]:4444?framing=raw", TD_URL_TCP, "::1", 4444, 115200, TD_FRAMING_RAW },
    { "tcp:h:1?baud=921600", TD_URL_TCP, "h", 1, 921600, TD_FRAMING_CONSOLE },
};

static const struct {
    const char *text;
    enum td_err err;
    const char *says; /* part of the sentence */
} bad[] = {
    { "", TD_EFORMAT, "begins with udp" },
    { "10.0.0.7", TD_EFORMAT, "begins with udp" },
    { "/dev/ttyACM0", TD_EFORMAT, "serial:/dev/ttyACM0" },
    { "UDP:h", TD_EFORMAT, "begins with udp" },
    { "udp:", TD_EFORMAT, "host is missing" },
    { "udp::1337", TD_EFORMAT, "host is missing" },
    { "udp:h:", TD_EFORMAT, "port from 1 to 65535" },
    { "udp:h:0", TD_EFORMAT, "port from 1 to 65535" },
    { "udp:h:65536", TD_EFORMAT, "port from 1 to 65535" },
    { "udp:h:12x", TD_EFORMAT, "port from 1 to 65535" },
    { "udp:h:99999999999", TD_EFORMAT, "port from 1 to 65535" },
    { "udp:::1", TD_EFORMAT, "in brackets" },
    { "udp:[::1", TD_EFORMAT, "not closed" },
    { "udp:[]", TD_EFORMAT, "host is missing" },
    { "udp:[::1]x", TD_EFORMAT, "port from 1 to 65535" },
    { "udp:h?baud=9600", TD_EFORMAT, "no options" },
    { "tcp:h", TD_EFORMAT, "needs its port" },
    { "tcp:h?framing=raw", TD_EFORMAT, "needs its port" },
    { "tcp:h:1?framing=", TD_EFORMAT, "not framing=" },
    { "tcp:h:1?framing=slip", TD_EFORMAT, "framing is" },
    { "serial:", TD_EFORMAT, "path is missing" },
    { "serial:?baud=9600", TD_EFORMAT, "path is missing" },
    { "serial:p?baud=fast", TD_EFORMAT, "baud is a number" },
    { "serial:p?baud=0", TD_EFORMAT, "baud is a number" },
    { "serial:p?speed=9600", TD_EFORMAT, "not speed=9600" },
    { "ble:Krepet", TD_EUNSUPPORTED, "Bluetooth" },
};

static void an_address_is_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct td_url url;
        char why[TD_URL_WHY];

        assert_int_equal(td_url_parse(good[i].text, &url, why), TD_OK);
        assert_int_equal(url.kind, good[i].kind);
        assert_string_equal(url.kind == TD_URL_SERIAL ? url.path : url.host, good[i].where);
        assert_int_equal(url.port, good[i].port);
        assert_int_equal(url.baud, good[i].baud);
        assert_int_equal(url.framing, good[i].framing);
    }
}

static void a_wrong_address_is_told_what_is_wrong_with_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct td_url url;
        char why[TD_URL_WHY];

        assert_int_equal(td_url_parse(bad[i].text, &url, why), bad[i].err);
        if (!strstr(why, bad[i].says))
            fail_msg("'%s' said \"%s\", without \"%s\"", bad[i].text, why, bad[i].says);
    }
}

static void a_host_or_path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static const char *const schemes[] = { "udp:", "tcp:", "serial:" };

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        char text[2 * TD_URL_TEXT];
        struct td_url url;
        char why[TD_URL_WHY];

        memset(text, 'a', sizeof text);
        memcpy(text, schemes[i], strlen(schemes[i]));
        text[sizeof text - 1] = '\0';
        assert_int_equal(td_url_parse(text, &url, why), TD_EFORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_taken_apart),
        cmocka_unit_test(a_wrong_address_is_told_what_is_wrong_with_it),
        cmocka_unit_test(a_host_or_path_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
