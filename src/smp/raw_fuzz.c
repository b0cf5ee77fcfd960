/*
 * smp/raw_fuzz.c - binary framing: any bytes in, nothing out of bounds; and a packet that was
 * framed comes back, also when it is taken out in small pieces and follows damage.
 *
 * The first byte says how large the buffer is, the rest is a stream, and at the same time a packet.
 */
#include <stdlib.h>
#include <string.h>

#include "smp/raw.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void look(const uint8_t *buf, size_t len, size_t cap)
{
    volatile uint8_t sum = 0;

    MUST(len > 0 && len <= cap);
    for (size_t k = 0; k < len; k++)
        sum = (uint8_t)(sum + buf[k]);
}

/* The buffers are of their exact size, so that the sanitizer sees a byte too far. */
static void hear(const uint8_t *data, size_t size, size_t cap)
{
    uint8_t *raw_buf = malloc(cap), *cobs_buf = malloc(cap);
    struct td_raw_in raw;
    struct td_cobs_in cobs;

    MUST(raw_buf != NULL && cobs_buf != NULL);
    td_raw_in_init(&raw, raw_buf, cap);
    raw.answers = cap % 2 == 1;
    td_cobs_in_init(&cobs, cobs_buf, cap);
    for (size_t i = 0; i < size; i++) {
        if (td_raw_in_byte(&raw, data[i]) == TD_RAW_PACKET) {
            look(raw_buf, raw.len, cap);
            MUST(!td_raw_in_waits(&raw));
        }
        if (td_cobs_in_byte(&cobs, data[i]) == TD_RAW_PACKET)
            look(cobs_buf, cobs.len, cap);
    }
    free(raw_buf);
    free(cobs_buf);
}

static void round_trip(const uint8_t *data, size_t size, size_t piece)
{
    uint8_t *buf, *bytes = malloc(piece);
    struct td_cobs_out out;
    struct td_cobs_in in;
    size_t n, total = 0;
    unsigned packets = 0;

    MUST(bytes != NULL);
    if (td_cobs_out_begin(&out, data, size) == TD_OK) {
        buf = malloc(size);
        MUST(buf != NULL);
        td_cobs_in_init(&in, buf, size);
        (void)td_cobs_in_byte(&in, 5); // half a frame before it, whose zero was lost
        while ((n = td_cobs_out_bytes(&out, bytes, piece)) > 0) {
            MUST(n <= piece);
            for (size_t i = 0; i < n; i++) {
                MUST(bytes[i] != 0 || packets == 0);
                packets += td_cobs_in_byte(&in, bytes[i]) == TD_RAW_PACKET;
            }
            total += n;
        }
        MUST(packets == 1 && in.len == size && memcmp(buf, data, size) == 0);
        MUST(total <= td_cobs_size_max(size));
        free(buf);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    hear(data + 1, size - 1, 8u + data[0]);
    round_trip(data + 1, size - 1, 1u + data[0]);
    return 0;
}
