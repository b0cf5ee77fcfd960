/*
 * log/log_fuzz.c - any bytes where a log should be.
 *
 * The first byte chooses the flash, the second which byte of it is unstable, the rest is the
 * area's content. Whatever stands there: the reading ends, entries come in order, what is
 * appended is the newest entry afterwards, and what is put as a bookmark is the one that is got.
 * Neither harms the other, also when that takes a sector's turn.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "log/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTOR  640u
#define SECTORS 3u

#include "flash/shaky_test.h"

/* Goes through the log; the newest entry into *first. */
static uint32_t walk(const struct td_log *log, struct td_verdict *first)
{
    struct td_log_iter it;
    struct td_verdict v, last = { 0 };
    uint32_t n = 0;
    bool end = false;

    td_log_begin(&it, log);
    for (;;) {
        check(td_log_next(&it, &v, &end) == TD_OK);
        if (end)
            return n;
        check(n == 0 || v.seq < last.seq);
        if (n == 0)
            *first = v;
        last = v;
        n++;
        check(n <= SECTORS * SECTOR / 64);
    }
}

/* Whether the log's bookmark is this one. */
static bool is_marked(const struct td_log *log, const struct td_log_bookmark *mark)
{
    struct td_log_bookmark got;
    bool found = false;

    check(td_log_get_bookmark(log, &got, &found) == TD_OK);
    return found && got.kind == mark->kind && memcmp(got.body, mark->body, sizeof got.body) == 0;
}

/* A bookmark is put and outlives more entries than a sector holds. */
static void check_bookmark(const struct td_log *log, const uint8_t *data, size_t size)
{
    struct td_log_bookmark mark = { .kind = TD_LOG_BOOKMARK_UPLOAD }, old = { 0 };
    struct td_verdict v = { .code = 36, .kind = TD_VERDICT_REFUSAL };
    bool found = false;

    memcpy(mark.body, data, size < sizeof mark.body ? size : sizeof mark.body);
    check(td_log_get_bookmark(log, &old, &found) == TD_OK);
    check(td_log_put_bookmark(log, &mark) == TD_OK);
    // A number at its very end cannot be followed by another.
    if (!is_marked(log, &mark)) {
        check(found && is_marked(log, &old));
        return;
    }
    for (uint32_t i = 0; i <= SECTOR / 64; i++) {
        v.off = 1000 + i;
        check(td_log_append(log, &v) == TD_OK);
        check(is_marked(log, &mark));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_flash f;
    struct td_flash_dev dev = {
        .ops = &ops, .ctx = &f, .runs = runs, .n_runs = 1, .size = SECTOR * SECTORS
    };
    const struct td_flash_area area = { &dev, 0, SECTOR * SECTORS };
    const struct td_log log = { &area };
    struct td_verdict v = { .code = 36, .kind = TD_VERDICT_REFUSAL, .off = 77 }, got;

    if (size < 4)
        return 0;
    dev.write_size = (uint16_t)(1u << (data[0] & 7u) % 6);
    dev.erased = data[0] & 0x80 ? 0x00 : 0xFF;
    f.erased = dev.erased;
    f.noise = data[1];
    f.shaky = (uint32_t)data[2] << 8 | data[3];
    memset(f.bytes, f.erased, sizeof f.bytes);
    memcpy(f.bytes, data + 4, size - 4 < sizeof f.bytes ? size - 4 : sizeof f.bytes);
    walk(&log, &got);
    check(td_log_append(&log, &v) == TD_OK);
    check(walk(&log, &got) > 0);
    // A number at its very end cannot be followed by another.
    if (got.seq != 0 && got.seq != UINT32_MAX)
        check(got.off == 77 || got.count == UINT16_MAX);
    check_bookmark(&log, data + 4, size - 4);
    return 0;
}
