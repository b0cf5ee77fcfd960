/* sim/board.c - facts, clock, threads and pools of a virtual device. */
#include "sim/board.h"

#include <string.h>

#include "base/range.h"
#include "sim/device_priv.h"

static struct td_cbor_text text_of(const char *s)
{
    return (struct td_cbor_text){ .p = s, .len = s == NULL ? 0 : strlen(s) };
}

/* ---- clock ----------------------------------------------------------------------------- */

static int64_t base_ms(const struct sim_device *dev)
{
    return (int64_t)(dev->now_us / 1000);
}

static enum td_err clock_get(void *ctx, int64_t *ms)
{
    const struct sim_device *dev = ctx;

    if (!dev->retained.clock_set)
        return TD_ESTATE;
    *ms = base_ms(dev) + dev->retained.clock_offset_ms;
    return TD_OK;
}

static enum td_err clock_set(void *ctx, int64_t ms)
{
    struct sim_device *dev = ctx;

    dev->retained.clock_offset_ms = ms - base_ms(dev);
    dev->retained.clock_set = true;
    return TD_OK;
}

/* ---- threads --------------------------------------------------------------------------- */

uint64_t sim_board_uptime_us(const struct sim_device *dev)
{
    const struct sim_board *b = &dev->board;
    uint64_t passed = dev->now_us - dev->started_us;
    uint64_t busy = 0;

    for (unsigned i = 0; i < SIM_THREAD_COUNT; i++)
        busy += b->busy_us[i];
    // At full speed flash time is only counted, and not waited for.
    return passed > busy ? passed : busy;
}

void sim_board_ran(struct sim_device *dev, enum sim_thread thread)
{
    struct sim_board *b = &dev->board;

    b->busy_us[thread] += dev->power.busy_us - b->seen_us;
    b->turns[thread]++;
    b->seen_us = dev->power.busy_us;
    if (td_server_owes(&dev->server))
        b->hold_was_full = true;
}

/* As Zephyr numbers them. */
enum { STATE_PENDING = 2, STATE_QUEUED = 128 };

static bool task(void *ctx, unsigned i, struct td_os_task *task)
{
    static const struct {
        struct td_cbor_text name;
        int64_t prio;
    } rows[] = {
        { TD_TEXT_INIT("main"), 0 },
        { TD_TEXT_INIT("smp"), 3 },
        { TD_TEXT_INIT("flash"), 7 },
        { TD_TEXT_INIT("idle"), 15 },
    };
    const struct sim_device *dev = ctx;
    const struct sim_board *b = &dev->board;

    if (i >= TD_N_OF(rows))
        return false;
    *task = (struct td_os_task){
        .name = rows[i].name,
        .prio = rows[i].prio,
        .tid = i + 1,
        // Whoever reads this is answered by smp; the others wait for something, idle for its turn.
        .state = i == SIM_THREAD_SMP || i == SIM_THREAD_COUNT ? STATE_QUEUED : STATE_PENDING,
    };
    if (i == SIM_THREAD_FLASH && td_server_busy(&dev->server))
        task->state = STATE_QUEUED;
    if (i < SIM_THREAD_COUNT) {
        task->runtime = b->busy_us[i];
        return true;
    }
    task->runtime = sim_board_uptime_us(dev);
    for (unsigned k = 0; k < SIM_THREAD_COUNT; k++)
        task->runtime -= b->busy_us[k];
    return true;
}

/* ---- pools ----------------------------------------------------------------------------- */

static bool pool(void *ctx, unsigned i, struct td_os_pool *pool)
{
    const struct sim_device *dev = ctx;
    const uint16_t size = dev->profile->server.buf_size;
    const bool held = td_server_owes(&dev->server);

    switch (i) {
    case 0: // the answer that is being written lies in it
        *pool = (struct td_os_pool){ TD_TEXT("smp_reply"), size, 1, 0, 0 };
        return true;
    case 1:
        *pool = (struct td_os_pool){ TD_TEXT("smp_hold"), size, 1, held ? 0 : 1,
                                     held || dev->board.hold_was_full ? 0 : 1 };
        return true;
    default: return false;
    }
}

/* ---- building -------------------------------------------------------------------------- */

void sim_board_build(struct sim_device *dev)
{
    struct sim_board *b = &dev->board;

    b->facts = (struct td_server_facts){
        .kernel = TD_TEXT("Tandem"),
        .node = text_of(dev->profile->name),
        .release = text_of(dev->io.version),
        .version = text_of(dev->io.version),
        .machine = TD_TEXT("virtual"),
        .processor = TD_TEXT("simulated"),
        .platform = text_of(dev->profile->board),
        .os = TD_TEXT("Tandem"),
    };
    b->clock = (struct td_server_clock){ .get = clock_get, .set = clock_set, .ctx = dev };
    b->os = (struct td_server_os){
        .facts = &b->facts,
        .clock = &b->clock,
        .task = task,
        .pool = pool,
        .ctx = dev,
    };
    dev->config.os = &b->os;
}

void sim_board_reset(struct sim_device *dev)
{
    struct sim_board *b = &dev->board;

    memset(b->busy_us, 0, sizeof b->busy_us);
    memset(b->turns, 0, sizeof b->turns);
    b->seen_us = dev->power.busy_us;
    b->hold_was_full = false;
    dev->started_us = dev->now_us;
}
