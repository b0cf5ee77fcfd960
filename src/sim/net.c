/* sim/net.c - the second core's board. */
#include "sim/net.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/range.h"
#include "base/source.h"
#include "image/fw_info.h"
#include "sim/device_priv.h"
#include "sim/factory.h"
#include "sim/firmware.h"

#define RAM_ADDR    0x20000000u
#define MEMORY_ADDR 0x20010000u /* of the slot in RAM */
#define MEMORY_PAGE 4096u

/* ---- memory that both cores see -------------------------------------------------------- */

static uint8_t *ram_at(struct sim_device *dev, uint32_t addr, size_t len)
{
    if (!td_range_in(addr - RAM_ADDR, (uint32_t)len, SIM_RAM_MAX))
        return NULL;
    return dev->ram_bytes + (addr - RAM_ADDR);
}

static uint32_t load(void *ctx, uint32_t addr)
{
    const uint8_t *at = ram_at(ctx, addr, 4);

    return at == NULL ? 0 : td_load_le32(at);
}

static void store(void *ctx, uint32_t addr, uint32_t value)
{
    struct sim_device *dev = ctx;
    uint8_t *at = ram_at(dev, addr, 4);

    if (at != NULL && !dev->power.lost)
        td_store_le32(at, value);
}

/* The network core's view: the other's RAM and internal flash; a chip on QSPI is out of reach. */
static enum td_err read_other(void *ctx, uint32_t addr, void *dst, size_t len)
{
    struct sim_device *dev = ctx;
    const uint8_t flash = dev->profile->part[SIM_PART_PRIMARY].flash;
    const struct td_flash_area all = { &dev->nor[flash].dev, 0, dev->profile->flash[flash].size };
    const uint8_t *at = ram_at(dev, addr, len);

    if (at != NULL) {
        memcpy(dst, at, len);
        return TD_OK;
    }
    return td_flash_read(&all, addr - dev->profile->flash[flash].address, dst, len);
}

/* ---- the network core ------------------------------------------------------------------ */

static void say(struct sim_device *dev, const char *what, uint32_t number)
{
    char line[80];

    (void)snprintf(line, sizeof line, "net: %s%" PRIu32, what, number);
    sim_say(dev, line);
}

/* Its turn, once after each reset of its own. */
static void turn(struct sim_device *dev)
{
    struct sim_net *net = &dev->net;
    struct td_b0n_result result;

    if (net->held || net->started || dev->profile->net.hangs || dev->power.lost)
        return;
    net->started = true;
    td_b0n_go(&net->b0n, &net->work, &result);
    sim_spend(dev);
    if (result.next == TD_B0N_BOOT) {
        net->runs = true;
        net->version = result.version;
        say(dev, "runs version ", result.version);
    } else if (result.next == TD_B0N_STOP) {
        say(dev, "has no application that may be started, reason ", result.reason);
    }
}

static void hold(void *ctx, bool held)
{
    struct sim_device *dev = ctx;

    dev->net.held = held;
    if (held)
        dev->net.started = dev->net.runs = false;
}

/* ---- the application core's side ------------------------------------------------------- */

static uint32_t now_ms(void *ctx)
{
    const struct sim_device *dev = ctx;

    return (uint32_t)((dev->power.busy_us + dev->net.waited_us) / 1000);
}

/* Without power nobody waits: the deadline is over at once. */
static void wait(void *ctx)
{
    struct sim_device *dev = ctx;
    const uint64_t us = dev->power.lost ? 1000000000u : 1000u;

    dev->net.waited_us += us;
    if (!dev->power.lost && dev->io.spend != NULL)
        dev->io.spend(dev->io.ctx, us);
    turn(dev);
}

static uint32_t address_of(const struct sim_device *dev, const struct td_flash_area *slot)
{
    const struct sim_profile *p = dev->profile;

    if (slot == &dev->net.memory_area)
        return MEMORY_ADDR;
    return p->flash[p->part[SIM_PART_NETCORE_GOOD].flash].address + slot->off;
}

static enum td_verdict_code code_of(enum td_err err, enum td_pcd_reason reason)
{
    if (err == TD_EPCD_SILENT)
        return TD_V_CORE_SILENT;
    return reason == TD_PCD_SOURCE || reason == TD_PCD_RANGE || reason == TD_PCD_COMMAND
               ? TD_V_CORE_REFUSED
               : TD_V_CORE_FAILED;
}

static enum td_err give(void *ctx, const struct td_flash_area *slot, uint32_t off, uint32_t len,
                        struct td_verdict *v)
{
    struct sim_device *dev = ctx;
    struct td_pcd_answer answer = { .addr = 0 };
    enum td_err err = td_pcd_give(&dev->net.pcd, address_of(dev, slot) + off, len, &answer);

    if (dev->power.lost)
        return TD_EFLASH;
    if (err != TD_OK)
        v->code = (uint16_t)code_of(err, answer.reason);
    v->wanted = err == TD_EPCD_SILENT ? dev->net.pcd.addr[0] : 0;
    v->found = (uint32_t)answer.reason;
    v->off = answer.ms;
    return err;
}

/* Whether b0n would take it: its own check, asked before anything is begun. */
static bool judge(void *ctx, const struct td_flash_area *slot, uint32_t off, uint32_t len,
                  struct td_verdict *v)
{
    struct sim_device *dev = ctx;
    const struct td_flash_area payload = { slot->dev, slot->off + off, len };
    const struct td_source src = td_flash_source(&payload);
    struct td_fw_info info = { .address = 0 };
    uint8_t hash[32];
    uint32_t end;

    if (td_b0n_check(&dev->net.b0n, &src, &info, hash, &end) == TD_OK)
        return true;
    v->wanted = dev->net.b0n.app_addr;
    v->found = info.address;
    return false;
}

/* ---- building -------------------------------------------------------------------------- */

static uint32_t app_address(const struct sim_profile *p)
{
    return p->flash[p->part[SIM_PART_NET_APP].flash].address + p->part[SIM_PART_NET_APP].off;
}

static void build_cores(struct sim_device *dev)
{
    const struct sim_profile *p = dev->profile;
    struct sim_net *net = &dev->net;

    net->own_port =
        (struct td_b0n_port){ .load = load, .store = store, .read = read_other, .ctx = dev };
    net->b0n = (struct td_b0n_config){
        .app = sim_area(dev, SIM_PART_NET_APP),
        .app_addr = app_address(p),
        .offset = (int32_t)p->part[SIM_PART_NET_APP].off,
        .block = p->net.command,
        .ram_addr = RAM_ADDR,
        .ram_size = SIM_RAM_MAX,
        .search = TD_FW_SEARCH_2_9,
        .port = &net->own_port,
    };
    net->port = (struct td_pcd_port){
        .hold = hold, .load = load, .store = store, .now_ms = now_ms, .wait = wait, .ctx = dev
    };
    net->pcd = (struct td_pcd){
        .port = &net->port,
        .addr = { p->net.command },
        .n_addr = 1,
        .offset = (int32_t)p->part[SIM_PART_NET_APP].off,
    };
}

static void empty_memory(struct sim_device *dev)
{
    const uint32_t size = dev->profile->part[SIM_PART_SECONDARY_1].size;
    struct sim_net *net = &dev->net;

    td_flash_ram_init(&net->memory, ram_at(dev, MEMORY_ADDR, size), (uint16_t)(size / MEMORY_PAGE),
                      MEMORY_PAGE, 4);
    net->memory_area = (struct td_flash_area){ &net->memory.dev, 0, size };
}

void sim_net_build(struct sim_device *dev)
{
    struct sim_net *net = &dev->net;
    struct td_boot_slots *s = &dev->slots[1];

    build_cores(dev);
    net->held = true;
    s->primary = sim_area(dev, SIM_PART_NETCORE_GOOD);
    net->follower = (struct td_boot_follower){
        .give = give,
        .judge = judge,
        .ctx = dev,
        .is_volatile = s->primary == NULL,
    };
    if (s->primary == NULL) {
        empty_memory(dev);
        s->primary = &net->memory_area;
        s->strategy = &td_strategy_overwrite;
    }
    s->follower = &net->follower;
}

enum td_err sim_net_provision(struct sim_device *dev)
{
    uint8_t data[SIM_PROVISION_MAX];
    size_t len = sim_factory_net_provision(dev->profile, data, sizeof data);

    if (len == 0 || len > dev->profile->part[SIM_PART_NET_PROVISION].size)
        return TD_ENOSPC;
    return sim_device_program(dev, SIM_PART_NET_PROVISION, 0, data, (uint32_t)len);
}

void sim_net_reset(struct sim_device *dev)
{
    hold(dev, true);
    if (dev->net.follower.is_volatile)
        empty_memory(dev);
}

void sim_net_start(struct sim_device *dev)
{
    td_pcd_release(&dev->net.pcd);
    turn(dev);
    if (dev->profile->net.hangs)
        sim_say(dev, "sim: the network core does nothing");
}
