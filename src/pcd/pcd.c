/*
 * pcd/pcd.c - the application core's side of the hand-over.
 *
 * 1. The magic is stored last, while the other core stands still: it sees a whole command.
 * 2. No wait is without an end.
 * 3. The other core stands still when a call returns; release alone lets it run.
 */
#include "pcd/pcd.h"

#include <stddef.h>

#define START_MS  500u
#define MS_PER_KB 100u

static uint32_t load(const struct td_pcd *pcd, uint32_t addr)
{
    return pcd->port->load(pcd->port->ctx, addr);
}

static void store(const struct td_pcd *pcd, uint32_t addr, uint32_t value)
{
    pcd->port->store(pcd->port->ctx, addr, value);
}

static void hold(const struct td_pcd *pcd, bool held)
{
    pcd->port->hold(pcd->port->ctx, held);
}

static uint32_t start_ms(const struct td_pcd *pcd)
{
    return pcd->start_ms == 0 ? START_MS : pcd->start_ms;
}

static void command(const struct td_pcd *pcd, uint32_t at, uint32_t magic, uint32_t data,
                    uint32_t len)
{
    store(pcd, at + TD_PCD_AT_MAGIC, 0);
    store(pcd, at + TD_PCD_AT_DATA, data);
    store(pcd, at + TD_PCD_AT_LEN, len);
    store(pcd, at + TD_PCD_AT_OFFSET, (uint32_t)pcd->offset);
    store(pcd, at + TD_PCD_AT_MAGIC, magic);
}

// The original's b0n that cannot answer a version writes FAIL and then DONE; whoever looked in
// between would see another answer than a moment later. One more wait makes them the same.
static uint32_t settled(const struct td_pcd *pcd, uint32_t at)
{
    pcd->port->wait(pcd->port->ctx);
    return load(pcd, at + TD_PCD_AT_MAGIC);
}

static enum td_err run(const struct td_pcd *pcd, uint32_t at, uint32_t magic, uint32_t limit_ms,
                       uint32_t *now, struct td_pcd_answer *answer)
{
    uint32_t since = pcd->port->now_ms(pcd->port->ctx);

    *now = magic;
    hold(pcd, false);
    do {
        pcd->port->wait(pcd->port->ctx);
        *now = load(pcd, at + TD_PCD_AT_MAGIC);
        answer->ms = pcd->port->now_ms(pcd->port->ctx) - since;
    } while (*now == magic && answer->ms < limit_ms);
    if (*now == TD_PCD_FAIL)
        *now = settled(pcd, at);
    hold(pcd, true);
    if (*now != TD_PCD_DONE && *now != TD_PCD_FAIL)
        return TD_EPCD_SILENT;
    answer->addr = at;
    return TD_OK;
}

static enum td_pcd_reason reason_at(const struct td_pcd *pcd, uint32_t at)
{
    uint32_t word = load(pcd, at + TD_PCD_AT_DATA);

    if ((word & 0xffff0000u) != TD_PCD_REASON || (word & 0xffffu) > TD_PCD_EMPTY)
        return TD_PCD_UNKNOWN;
    return (enum td_pcd_reason)(word & 0xffffu);
}

enum td_err td_pcd_ask(const struct td_pcd *pcd, struct td_pcd_answer *answer)
{
    enum td_err err = TD_EPCD_SILENT;

    *answer = (struct td_pcd_answer){ 0 };
    hold(pcd, true);
    for (uint8_t i = 0; err != TD_OK && i < pcd->n_addr; i++) {
        uint32_t at = pcd->addr[i], now;

        store(pcd, at + TD_PCD_AT_VERSION, 0);
        command(pcd, at, TD_PCD_READ_VERSION, at + TD_PCD_AT_VERSION, sizeof(uint32_t));
        err = run(pcd, at, TD_PCD_READ_VERSION, start_ms(pcd), &now, answer);
        if (err == TD_OK && now == TD_PCD_DONE)
            answer->version = load(pcd, at + TD_PCD_AT_VERSION);
        // Whoever starts next at this address is not to find a command.
        store(pcd, at + TD_PCD_AT_MAGIC, TD_PCD_DONE);
    }
    answer->has_version = err == TD_OK && answer->version != 0;
    return err;
}

enum td_err td_pcd_give(const struct td_pcd *pcd, uint32_t data, uint32_t len,
                        struct td_pcd_answer *answer)
{
    uint32_t per_kb = pcd->ms_per_kb == 0 ? MS_PER_KB : pcd->ms_per_kb;
    uint32_t now, at;
    enum td_err err = td_pcd_ask(pcd, answer);

    if (err != TD_OK)
        return err;
    at = answer->addr;
    command(pcd, at, TD_PCD_COPY, data, len);
    err = run(pcd, at, TD_PCD_COPY, start_ms(pcd) + (len / 1024 + 1) * per_kb, &now, answer);
    if (err == TD_OK && now == TD_PCD_FAIL) {
        answer->reason = reason_at(pcd, at);
        err = TD_EPCD_FAILED;
    }
    store(pcd, at + TD_PCD_AT_MAGIC, TD_PCD_DONE);
    return err;
}

void td_pcd_release(const struct td_pcd *pcd)
{
    for (uint8_t i = 0; i < pcd->n_addr; i++) {
        store(pcd, pcd->addr[i] + TD_PCD_AT_MAGIC, TD_PCD_DONE);
        if (pcd->port->lock != NULL)
            pcd->port->lock(pcd->port->ctx, pcd->addr[i]);
    }
    hold(pcd, false);
}
