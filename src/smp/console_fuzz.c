/*
 * smp/console_fuzz.c - console framing: any bytes in, nothing out of bounds; and a packet that
 * was framed comes back, also between noise and when a line is repeated.
 *
 * The first byte says how long lines are, the second how large the buffer is; the rest is a
 * stream, and at the same time a packet.
 */
#include <stdlib.h>
#include <string.h>

#include "smp/console.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Any bytes at all. The buffer is of its exact size, so that the sanitizer sees a byte too far. */
static void hear(const uint8_t *data, size_t size, size_t cap)
{
    struct td_console_in in;
    uint8_t *buf = malloc(cap);

    MUST(buf != NULL);
    td_console_in_init(&in, buf, cap);
    for (size_t i = 0; i < size; i++)
        if (td_console_in_byte(&in, data[i]) == TD_CONSOLE_PACKET) {
            volatile uint8_t sum = 0;

            MUST(in.len > 0 && in.len <= cap);
            for (size_t k = 0; k < in.len; k++)
                sum = (uint8_t)(sum + buf[k]);
        }
    free(buf);
}

static void round_trip(const uint8_t *data, size_t size, size_t line_max)
{
    struct td_console_out out;
    struct td_console_in in;
    uint8_t *buf, *line;
    size_t n, total = 0;
    unsigned packets = 0;

    if (td_console_out_begin(&out, data, size, line_max) != TD_OK)
        return;
    buf = malloc(size);
    line = malloc(line_max);
    MUST(buf != NULL && line != NULL);
    td_console_in_init(&in, buf, size);
    while ((n = td_console_out_line(&out, line)) > 0) {
        MUST(n <= line_max && packets == 0);
        total += n;
        for (size_t i = 0; i < n; i++) {
            enum td_console_event event = td_console_in_byte(&in, line[i]);

            MUST(event == TD_CONSOLE_NOTHING || event == TD_CONSOLE_PACKET);
            packets += event == TD_CONSOLE_PACKET;
        }
        MUST(td_console_in_byte(&in, '#') == TD_CONSOLE_TEXT);
    }
    MUST(packets == 1 && in.len == size && memcmp(buf, data, size) == 0);
    MUST(total == td_console_size(size, line_max));
    free(line);
    free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    hear(data + 2, size - 2, 1 + (size_t)data[1]);
    round_trip(data + 2, size - 2, data[0]);
    return 0;
}
