/*
 * sim/device.c - the parts of a device wired together, as a port wires them on a board.
 *
 * 1. Once the power is gone nothing of the device runs, and nothing it was about to say is said.
 * 2. A reset begins with a fresh server: what was in its RAM is lost.
 */
#include "sim/device_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/range.h"
#include "boot/jump.h"
#include "slot/request.h"
#include "smp/error.h"

#define NEVER     UINT64_MAX
#define STALE     0xa5  /* what RAM holds when the power comes */
#define RESCUE_US 20000 /* between two looks at a recovery server that has nothing to do */
#define WORK_US   5000  /* how long an erase goes on between two looks at the links */

/* ---- bootloader ------------------------------------------------------------------------ */

void sim_spend(struct sim_device *dev)
{
    uint64_t us = dev->power.busy_us - dev->spent_us;

    dev->spent_us = dev->power.busy_us;
    if (us > 0 && dev->io.spend != NULL)
        dev->io.spend(dev->io.ctx, us);
}

void sim_say(struct sim_device *dev, const char *line)
{
    if (!dev->power.lost)
        dev->io.console(dev->io.ctx, line);
}

static void boot_feed(void *ctx)
{
    sim_spend(ctx);
}

static void boot_line(void *ctx, const struct td_boot_line *line)
{
    char text[128];

    (void)td_boot_line_text(line, text, sizeof text);
    sim_say(ctx, text);
}

static enum td_reset_cause boot_reset_cause(void *ctx)
{
    const struct sim_device *dev = ctx;

    return dev->retained.cause;
}

static void boot_result(void *ctx, const struct td_boot_result *result)
{
    struct sim_device *dev = ctx;

    dev->retained.boot = *result;
}

static bool boot_pin(void *ctx)
{
    const struct sim_device *dev = ctx;

    return (dev->profile->recovery.entry & SIM_ENTRY_PIN) != 0 && dev->pin;
}

static uint8_t boot_mode(void *ctx)
{
    struct sim_device *dev = ctx;
    uint8_t mode = dev->retained.boot_mode;

    dev->retained.boot_mode = 0;
    return (dev->profile->recovery.entry & SIM_ENTRY_MODE) != 0 ? mode : 0;
}

static void start_application(struct sim_device *dev, const struct td_boot_result *result);

static void boot_jump(void *ctx, const struct td_boot_result *result)
{
    struct sim_device *dev = ctx;

    if (dev->profile->net.present)
        sim_net_start(dev);
    start_application(ctx, result);
}

const struct td_boot_hooks sim_boot_hooks = {
    .feed = boot_feed,
    .line = boot_line,
    .reset_cause = boot_reset_cause,
    .recovery_pin = boot_pin,
    .boot_mode = boot_mode,
    .result = boot_result,
    .jump = boot_jump,
};

/* ---- server ---------------------------------------------------------------------------- */

uint32_t sim_ask_reset(void *ctx, const struct td_server_reset *reset, struct td_cbor_text *reason)
{
    struct sim_device *dev = ctx;

    (void)reason;
    dev->retained.boot_mode = reset->boot_mode;
    dev->reset_cause = TD_RESET_SOFT;
    dev->reset_at_us = dev->now_us + (uint64_t)dev->profile->server.reset_delay_ms * 1000;
    return TD_SMP_RC_OK;
}

enum td_err sim_device_init(struct sim_device *dev, const struct sim_profile *p,
                            const struct sim_memory memory[SIM_FLASHES_MAX],
                            const struct sim_device_io *io)
{
    memset(dev, 0, sizeof *dev);
    dev->profile = p;
    dev->io = *io;
    dev->reset_at_us = NEVER;
    return sim_build(dev, memory);
}

/* ---- the application ------------------------------------------------------------------- */

/* The first bytes of the payload, from where the image runs. */
static bool read_payload(const struct sim_device *dev, const struct td_boot_result *result,
                         uint8_t *bytes, uint32_t len)
{
    const struct td_boot_slots *s = &dev->slots[0];
    const uint32_t at = result->run_addr - dev->ram.addr;

    if (sim_way_loads(dev->profile->boot.way)) {
        if (!td_range_in(at, result->hdr.hdr_size, dev->ram.size) ||
            !td_range_in(at + result->hdr.hdr_size, len, dev->ram.size))
            return false;
        memcpy(bytes, dev->ram.bytes + at + result->hdr.hdr_size, len);
        return true;
    }
    return td_flash_read(result->slot == 0 ? s->primary : s->secondary, result->hdr.hdr_size, bytes,
                         len) == TD_OK;
}

static void read_descriptor(struct sim_device *dev, const struct td_boot_result *result)
{
    uint8_t bytes[SIM_APP_DESCRIPTOR_SIZE];

    memset(&dev->app, 0, sizeof dev->app);
    dev->has_app =
        read_payload(dev, result, bytes, sizeof bytes) && sim_app_read(bytes, &dev->app) == TD_OK;
}

/* One trailer of the pair, as the bootloader of this device shapes it. */
static struct td_trailer trailer_of(const struct sim_device *dev, enum sim_part part)
{
    return (struct td_trailer){
        .area = &dev->area[part],
        .mode = sim_way_mode(dev->profile->boot.way),
        .max_sectors = dev->profile->boot.max_sectors,
        .write_size = dev->room[0].write_size,
        .max_align = dev->profile->boot.max_align,
    };
}

static void confirm_itself(struct sim_device *dev)
{
    struct td_trailer primary = trailer_of(dev, SIM_PART_PRIMARY);
    struct td_trailer secondary = trailer_of(dev, SIM_PART_SECONDARY);
    struct td_slots slots = {
        .primary = &primary,
        .secondary = &secondary,
        .manner = dev->boot.manner->slot,
    };
    enum td_slot_done done;

    if (td_slot_confirm(&slots, &done) != TD_OK)
        sim_say(dev, "app: could not confirm itself");
    else if (done == TD_SLOT_WRITTEN)
        sim_say(dev, "app: confirmed itself");
}

static void introduce(struct sim_device *dev, const struct td_boot_result *result)
{
    const struct td_version *v = &result->hdr.version;
    char line[128];

    (void)snprintf(line, sizeof line, "*** %s, version %u.%u.%u+%" PRIu32 "%s ***",
                   dev->has_app ? dev->app.name : "an application", v->major, v->minor, v->revision,
                   v->build, result->on_trial ? ", on trial" : "");
    sim_say(dev, line);
}

static void say_of(struct sim_device *dev, const char *who, const char *does)
{
    char line[64];

    (void)snprintf(line, sizeof line, "%s: %s", who, does);
    sim_say(dev, line);
}

static void hang(struct sim_device *dev, const char *who)
{
    say_of(dev, who, "hangs");
    dev->state = SIM_HANGS;
    if (dev->profile->watchdog_ms == 0)
        return;
    dev->reset_cause = TD_RESET_WATCHDOG;
    dev->reset_at_us = dev->now_us + (uint64_t)dev->profile->watchdog_ms * 1000;
}

static void crash(struct sim_device *dev, const char *who)
{
    dev->crashes++;
    dev->crashed++;
    if (dev->crashes > SIM_CRASHES_MAX) {
        sim_say(dev, "sim: the application crashes at every start; the device is stopped");
        dev->state = SIM_LOOPS;
        return;
    }
    say_of(dev, who, "crashes");
    dev->state = SIM_CRASHES;
    dev->reset_cause = TD_RESET_FAULT;
    dev->reset_at_us = dev->now_us + SIM_CRASH_US;
}

static void serve(struct sim_device *dev, uint16_t flags)
{
    dev->crashes = 0;
    if ((flags & SIM_APP_SELF_CONFIRM) != 0 || dev->profile->confirms == SIM_CONFIRMS_ITSELF)
        confirm_itself(dev);
    sim_settings_start(dev);
    td_server_init(&dev->server, &dev->config, dev->hold, dev->profile->server.buf_size);
    dev->state = (flags & SIM_APP_MUTE) != 0 ? SIM_MUTE : SIM_SERVES;
}

static void start_application(struct sim_device *dev, const struct td_boot_result *result)
{
    uint16_t flags;

    read_descriptor(dev, result);
    if (dev->profile->first.present)
        sim_first_tell_server(dev);
    dev->image[0].active_slot = result->slot;
    flags = dev->app.flags;
    introduce(dev, result);
    if ((flags & SIM_APP_CRASH) != 0)
        crash(dev, "app");
    else if ((flags & SIM_APP_HANG) != 0)
        hang(dev, "app");
    else
        serve(dev, flags);
}

/* ---- power and resets ------------------------------------------------------------------ */

/* What every way into the device ends with. */
static void settle(struct sim_device *dev)
{
    sim_spend(dev);
    if (!dev->power.lost || dev->state == SIM_OFF)
        return;
    dev->was_cut = true;
    dev->state = SIM_OFF;
    dev->reset_at_us = NEVER;
}

/* What a second stage that was built to fail does instead of booting anything. */
static bool stage_fails(struct sim_device *dev)
{
    const uint16_t flags = dev->first.app.flags;

    if ((flags & SIM_APP_CRASH) != 0)
        crash(dev, "second stage");
    else if ((flags & SIM_APP_HANG) != 0)
        hang(dev, "second stage");
    return (flags & (SIM_APP_CRASH | SIM_APP_HANG)) != 0;
}

/* The bootloader asks for it: another stage has been installed. */
static void reset_at_once(struct sim_device *dev)
{
    sim_say(dev, "sim: the bootloader resets the device");
    dev->state = SIM_RESETS;
    dev->reset_cause = TD_RESET_SOFT;
    dev->reset_at_us = dev->now_us;
}

/* Whether the profile lets recovery in that way. */
static bool recovers(const struct sim_device *dev, const struct td_boot_result *result)
{
    return result->recover != TD_RECOVER_NO &&
           (result->recover != TD_RECOVER_NO_IMAGE ||
            (dev->profile->recovery.entry & SIM_ENTRY_NO_IMAGE) != 0);
}

static void run_bootloader(struct sim_device *dev)
{
    struct td_boot_result result;
    enum td_err err = td_boot_go(&dev->boot, &dev->work, &result);

    if (err == TD_OK && result.reset)
        reset_at_once(dev);
    else if (err == TD_OK && recovers(dev, &result))
        sim_rescue_begin(dev);
    else if (err == TD_OK && result.bootable)
        (void)td_boot_jump(&dev->boot, &result);
    else if (err != TD_OK)
        sim_say(dev, "sim: the bootloader gave up; the device waits for a power cycle");
    else
        sim_say(dev, "sim: no bootable image; the device waits for a power cycle");
}

static void boot(struct sim_device *dev, enum td_reset_cause cause)
{
    memset(&dev->server, 0, sizeof dev->server);
    sim_stats_reset(dev);
    sim_board_reset(dev);
    dev->retained.cause = cause;
    dev->reset_at_us = NEVER;
    dev->state = SIM_DEAD;
    dev->boots++;
    if (dev->profile->net.present)
        sim_net_reset(dev);
    if (!dev->profile->first.present)
        run_bootloader(dev);
    else if (!sim_first_go(dev))
        sim_say(dev, "sim: no second stage; the device waits for a power cycle");
    else if (!stage_fails(dev))
        run_bootloader(dev);
    sim_board_ran(dev, SIM_THREAD_MAIN);
    settle(dev);
}

static void take_now(struct sim_device *dev, uint64_t now_us)
{
    if (now_us > dev->now_us)
        dev->now_us = now_us;
}

void sim_device_power_on(struct sim_device *dev, uint64_t now_us, uint32_t cut_at,
                         enum sim_cut kind)
{
    take_now(dev, now_us);
    memset(&dev->retained, 0, sizeof dev->retained);
    memset(dev->ram_bytes, STALE, sizeof dev->ram_bytes);
    dev->crashes = 0;
    dev->was_cut = false;
    sim_power_on(&dev->power);
    if (cut_at > 0)
        sim_power_cut_at(&dev->power, cut_at - 1, kind);
    boot(dev, TD_RESET_POWER);
}

void sim_device_power_off(struct sim_device *dev)
{
    for (uint8_t i = 0; i < dev->profile->n_flash; i++)
        sim_nor_power_off(&dev->nor[i]);
    dev->state = SIM_OFF;
    dev->reset_at_us = NEVER;
    sim_device_sync(dev);
}

enum td_err sim_device_program(struct sim_device *dev, enum sim_part part, uint32_t off,
                               const uint8_t *bytes, uint32_t len)
{
    const struct td_flash_area *area = sim_area(dev, part);
    struct sim_nor *nor;
    struct td_flash_sector sector;

    if (area == NULL)
        return TD_ENOTFOUND;
    if (!td_range_in(off, len, area->size))
        return TD_EBOUNDS;
    nor = &dev->nor[dev->profile->part[part].flash];
    for (uint32_t n = 0; td_flash_sector_nth(area, n, &sector) == TD_OK; n++)
        sim_nor_program(nor, area->off + sector.off, &nor->model->erased, 1);
    sim_nor_program(nor, area->off + off, bytes, len);
    return TD_OK;
}

static void answer(struct sim_device *dev, const struct td_server_reply *reply)
{
    if (reply->len == 0 || dev->state != SIM_SERVES)
        return;
    sim_stats_answer(dev, reply->link, dev->reply, reply->len);
    dev->io.send(dev->io.ctx, reply->link, dev->reply, reply->len);
}

static void work(struct sim_device *dev)
{
    struct td_server_reply reply = { .link = NULL, .len = 0 };

    td_server_work(&dev->server, WORK_US, dev->reply, dev->profile->server.buf_size, &reply);
    sim_board_ran(dev, SIM_THREAD_FLASH);
    settle(dev);
    answer(dev, &reply);
}

void sim_device_poll(struct sim_device *dev, uint64_t now_us)
{
    take_now(dev, now_us);
    if (dev->reset_at_us <= dev->now_us) {
        if (dev->reset_cause == TD_RESET_WATCHDOG)
            sim_say(dev, "sim: the watchdog resets the device");
        boot(dev, dev->reset_cause);
        return;
    }
    if (dev->state == SIM_RECOVERS) {
        bool resets = sim_rescue_work(dev);

        settle(dev);
        if (resets && dev->state == SIM_RECOVERS)
            boot(dev, TD_RESET_SOFT);
        return;
    }
    if (dev->state == SIM_SERVES && td_server_busy(&dev->server))
        work(dev);
}

uint64_t sim_device_wake_us(const struct sim_device *dev)
{
    if (dev->state == SIM_SERVES && td_server_busy(&dev->server))
        return dev->now_us;
    if (dev->state == SIM_RECOVERS)
        return td_recovery_busy(&dev->rescue.server) ? dev->now_us : dev->now_us + RESCUE_US;
    return dev->reset_at_us;
}

/* ---- packets --------------------------------------------------------------------------- */

void sim_device_receive(struct sim_device *dev, uint64_t now_us, const struct td_server_link *link,
                        const uint8_t *packet, size_t len)
{
    size_t cap = dev->profile->server.buf_size;

    take_now(dev, now_us);
    if (len > cap) {
        sim_stats_dropped(dev, link);
        return;
    }
    while (len > 0 && dev->state == SIM_SERVES) {
        struct td_server_reply reply = { .link = NULL, .len = 0 };
        size_t used = td_server_handle(&dev->server, link, packet, len, dev->reply, cap, &reply);

        if (used > 0)
            sim_stats_request(dev, link, used);
        sim_board_ran(dev, SIM_THREAD_SMP);
        settle(dev);
        answer(dev, &reply);
        packet += used;
        len -= used;
    }
}

void sim_device_receive_bytes(struct sim_device *dev, uint64_t now_us,
                              const struct td_server_link *link, const uint8_t *bytes, size_t len)
{
    take_now(dev, now_us);
    if (dev->state != SIM_RECOVERS)
        return;
    sim_rescue_receive(dev, link, bytes, len);
    settle(dev);
}

/* What the server has begun in flash is brought to its end; whoever waits for it is answered. */
static void free_flash(struct sim_device *dev)
{
    while (dev->state == SIM_SERVES && td_server_uses_flash(&dev->server))
        work(dev);
}

size_t sim_device_typed(struct sim_device *dev, uint64_t now_us, const struct td_server_link *link,
                        const char *line, size_t len, char *out, size_t cap)
{
    size_t n = 0;

    take_now(dev, now_us);
    if (dev->state != SIM_SERVES || dev->config.shell == NULL || !link->authenticated)
        return 0;
    free_flash(dev);
    if (dev->state != SIM_SERVES)
        return 0;
    (void)sim_shell_run(dev, (struct td_cbor_text){ .p = line, .len = len }, out, cap, &n);
    settle(dev);
    return dev->state == SIM_SERVES ? n : 0;
}

void sim_device_link_down(struct sim_device *dev, const struct td_server_link *link)
{
    if (dev->rescue.link == link)
        dev->rescue.link = NULL;
    if (dev->state == SIM_SERVES)
        td_server_link_down(&dev->server, link);
}

bool sim_device_would_wait(const struct sim_device *dev, const struct td_server_link *link,
                           const uint8_t *packet, size_t len)
{
    return dev->state == SIM_SERVES && td_server_would_wait(&dev->server, link, packet, len);
}

void sim_device_sync(struct sim_device *dev)
{
    for (uint8_t i = 0; i < dev->profile->n_flash; i++)
        sim_nor_sync(&dev->nor[i]);
}
