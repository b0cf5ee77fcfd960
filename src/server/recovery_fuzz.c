/*
 * server/recovery_fuzz.c - any bytes on a recovery port, over a strict flash.
 *
 * Input: one byte for framing, target and strategy, one for where the power goes, then pieces,
 * each with a byte in front: its length, 0 for "a second of silence", 255 for "packet": the piece
 * behind the next byte of length comes in a whole and sound frame.
 * Whatever comes: bytes are taken or an answer comes out; every answer is well-formed; no word is
 * programmed too often; a slot that may not be written is not; the device boots afterwards as it
 * did before, or recovers.
 */
#include <stdlib.h>
#include <string.h>

#include "server/bench_test.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static struct bench bench;
static uint8_t running[BENCH_SLOT];

static void check_answer(void)
{
    static uint8_t answer[BENCH_BUF];
    struct td_smp_header hdr;
    struct td_smp_status status;
    const uint8_t *payload;
    size_t n;

    if (bench.n_said == 0)
        return;
    if (bench.config.framing != TD_RECOVERY_RAW || bench.n_said <= sizeof answer) {
        n = bench_answer(&bench, answer, sizeof answer);
        MUST(td_smp_open(answer, n, &hdr, &payload) == TD_OK);
        MUST(hdr.op == TD_SMP_READ_RSP || hdr.op == TD_SMP_WRITE_RSP);
        MUST(td_smp_status_decode(payload, hdr.len, &status) == TD_OK);
    }
    bench.n_said = 0;
}

/* Byte by byte as a UART has it; the copy shows the sanitizer a byte too far. */
static void say(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len);
    unsigned idle = 0;

    MUST(copy != NULL);
    memcpy(copy, bytes, len);
    for (size_t at = 0; at < len;) {
        size_t n = td_recovery_receive(&bench.rec, bench.now_ms, copy + at, 1);
        unsigned works = 0;

        idle = n == 0 ? idle + 1 : 0;
        MUST(idle < 2);
        at += n;
        while (td_recovery_busy(&bench.rec) && bench.rec.tx_len == 0) {
            td_recovery_work(&bench.rec, bench.now_ms, 30000);
            MUST(++works < 20000);
        }
        bench_listen(&bench);
        check_answer();
    }
    free(copy);
}

static void frame(const uint8_t *bytes, size_t len)
{
    struct td_console_out console;
    struct td_cobs_out cobs;
    uint8_t line[TD_CONSOLE_LINE_MAX];
    size_t n;

    if (bench.config.framing == TD_RECOVERY_RAW)
        say(bytes, len);
    else if (bench.config.framing == TD_RECOVERY_COBS && td_cobs_out_begin(&cobs, bytes, len) == 0)
        while ((n = td_cobs_out_bytes(&cobs, line, sizeof line)) > 0)
            say(line, n);
    else if (td_console_out_begin(&console, bytes, len, sizeof line) == TD_OK)
        while ((n = td_console_out_line(&console, line)) > 0)
            say(line, n);
}

static bool start(uint8_t choice)
{
    static const struct td_strategy *const strategies[] = {
        &td_strategy_move,
        &td_strategy_overwrite,
        &td_strategy_xip_revert,
        &td_strategy_single,
    };
    uint32_t len = bench_image(running, 1, 300, 0, 0);

    bench_init(&bench, strategies[choice >> 2 & 3], (enum td_recovery_framing)((choice & 3) % 3),
               (enum td_server_target)((choice >> 4 & 3) % 3));
    if (strategies[choice >> 2 & 3] == &td_strategy_single)
        bench.config.target = TD_SERVER_TO_PRIMARY;
    sim_nor_program(&bench.nor, 0, running, len);
    bench.pin = true;
    return bench_boot(&bench) == TD_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 2;

    if (size < 3)
        return 0;
    MUST(start(data[0]));
    if (data[1] < 128)
        sim_power_cut_at(&bench.power, data[1], (enum sim_cut)(data[1] % 3));
    while (at < size) {
        size_t len = data[at++];
        bool framed = len == 255 && at < size;

        if (len == 0)
            bench.now_ms += 1000;
        if (framed)
            len = data[at++];
        if (len > size - at)
            len = size - at;
        if (framed)
            frame(data + at, len);
        else if (len > 0)
            say(data + at, len);
        at += len;
    }
    MUST(bench.nor.stats.over_budget == 0 && bench.nor.stats.misaligned == 0);
    if (bench.config.target == TD_SERVER_TO_SPARE)
        MUST(memcmp(sim_nor_peek(&bench.nor, 0), running, 300) == 0);
    sim_power_on(&bench.power);
    bench.pin = false;
    MUST(bench_boot(&bench) == TD_OK);
    MUST(bench.result.bootable || bench.result.recover == TD_RECOVER_NO_IMAGE);
    MUST(bench.result.bootable || bench.config.target != TD_SERVER_TO_SPARE);
    return 0;
}
