/*
 * transport/drive.c - the turns between a link and the core that runs over it.
 *
 * 1. A core is entered once at a time: what its own actions set off waits for the next turn.
 * 2. A packet is asked for when the link is free to send it, so that the core's clock of an
 *    answer starts when its bytes do.
 */
#include "transport/drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_LOOK_MS 20
#define WHY_MAX      512

/* How long a line is left alone after a reset: without a sign of life, after a line of the boot
 * log, and after the line with which MCUboot announces a swap. */
#define BOOT_SILENT_MS 2000
#define BOOT_QUIET_MS  1000
#define BOOT_SWAP_MS   20000

struct td_drive {
    uv_loop_t *loop;
    uv_timer_t wake;
    struct td_link *link;
    struct td_drive_events events;
    void *ctx;

    const struct td_core *core; /* that runs; NULL: none */
    void *state;
    bool in_turn, turn_again;
    bool told_down;   /* the core knows that the link is down */
    bool booting;     /* the line is left alone until hold_ms */
    uint64_t hold_ms; /* of the loop's clock */
    char why[WHY_MAX];
    uint8_t packet[TD_LINK_MAX_PACKET];
};

uint64_t td_drive_now_ms(struct td_drive *drive)
{
    uv_update_time(drive->loop);
    return uv_now(drive->loop);
}

static void take_turn(struct td_drive *drive);

static void woken(uv_timer_t *timer)
{
    take_turn(timer->data);
}

static bool is_done(struct td_drive *drive)
{
    return !drive->core || drive->core->done(drive->state);
}

static bool is_held(struct td_drive *drive)
{
    if (drive->booting && td_drive_now_ms(drive) >= drive->hold_ms)
        drive->booting = false;
    return drive->booting;
}

static bool may_send(struct td_drive *drive)
{
    return td_link_queued(drive->link) == 0 && td_link_state(drive->link) == TD_LINK_UP &&
           !is_held(drive);
}

static void send_what_is_due(struct td_drive *drive)
{
    size_t n;

    while (!is_done(drive) && may_send(drive) &&
           (n = drive->core->send(drive->state, td_drive_now_ms(drive), drive->packet,
                                  sizeof drive->packet)) > 0)
        (void)td_link_send(drive->link, drive->packet, n);
}

static void set_timer(struct td_drive *drive)
{
    uint64_t wake = drive->core->wake_ms(drive->state), now = td_drive_now_ms(drive);

    if (wake == TD_NEVER) {
        uv_timer_stop(&drive->wake);
        return;
    }
    // While the line or the link is busy, what is due to be sent has to wait; time-outs do not.
    if (!may_send(drive))
        wake = wake > now + BUSY_LOOK_MS ? wake : now + BUSY_LOOK_MS;
    uv_timer_start(&drive->wake, woken, wake > now ? wake - now : 0, 0);
}

static void finish(struct td_drive *drive)
{
    td_drive_stop(drive);
    if (drive->events.done)
        drive->events.done(drive->ctx);
}

/* Lets the core say and hear what is due; events that come out of it are taken afterwards. */
static void take_turn(struct td_drive *drive)
{
    if (!drive->core)
        return;
    if (drive->in_turn) {
        drive->turn_again = true;
        return;
    }
    drive->in_turn = true;
    do {
        drive->turn_again = false;
        send_what_is_due(drive);
        // A core that is down still has to notice what time it is.
        if (!is_done(drive) && td_link_state(drive->link) != TD_LINK_UP)
            (void)drive->core->send(drive->state, td_drive_now_ms(drive), drive->packet,
                                    sizeof drive->packet);
        if (drive->core && drive->core->turn)
            drive->core->turn(drive->state);
    } while (drive->core && drive->turn_again);
    drive->in_turn = false;

    if (!drive->core)
        return;
    if (is_done(drive))
        finish(drive);
    else
        set_timer(drive);
}

static void on_packet(void *ctx, const uint8_t *packet, size_t len)
{
    struct td_drive *drive = ctx;

    if (is_done(drive))
        return;
    drive->core->receive(drive->state, td_drive_now_ms(drive), packet, len);
    take_turn(drive);
}

static void tell_core(struct td_drive *drive, bool up)
{
    drive->told_down = !up;
    if (!is_done(drive))
        drive->core->link(drive->state, td_drive_now_ms(drive), up);
}

static void on_state(void *ctx, enum td_link_state state, const char *why)
{
    struct td_drive *drive = ctx;

    if (state == TD_LINK_DOWN)
        snprintf(drive->why, sizeof drive->why, "%s", why);
    else if (state == TD_LINK_UP)
        drive->why[0] = '\0';
    if (drive->events.state)
        drive->events.state(drive->ctx, state, why);
    if (!drive->core)
        return;
    if (state == TD_LINK_DOWN)
        tell_core(drive, false);
    else if (state == TD_LINK_UP && drive->told_down)
        tell_core(drive, true);
    take_turn(drive);
}

static void on_drained(void *ctx)
{
    take_turn(ctx);
}

static void hold_for(struct td_drive *drive, uint64_t ms)
{
    drive->hold_ms = td_drive_now_ms(drive) + ms;
}

void td_drive_reset_sent(struct td_drive *drive)
{
    td_link_reopen(drive->link);
    drive->booting = td_link_line(drive->link) > 0;
    hold_for(drive, BOOT_SILENT_MS);
}

static void on_text(void *ctx, const char *line, size_t len)
{
    static const char swaps[] = "Starting swap";
    struct td_drive *drive = ctx;

    if (drive->booting)
        hold_for(drive, memmem(line, len, swaps, strlen(swaps)) ? BOOT_SWAP_MS : BOOT_QUIET_MS);
    if (drive->events.text)
        drive->events.text(drive->ctx, line, len);
}

static void on_frame(void *ctx, enum td_link_frame what, const uint8_t *bytes, size_t len)
{
    struct td_drive *drive = ctx;

    if (drive->events.frame)
        drive->events.frame(drive->ctx, what, bytes, len);
}

static const struct td_link_events link_events = {
    .packet = on_packet,
    .state = on_state,
    .text = on_text,
    .drained = on_drained,
    .frame = on_frame,
};

enum td_err td_drive_open(uv_loop_t *loop, const struct td_url *url,
                          const struct td_drive_events *events, void *ctx, struct td_drive **out)
{
    struct td_drive *drive = calloc(1, sizeof *drive);
    enum td_err err;

    *out = NULL;
    if (!drive)
        return TD_EARG;
    drive->loop = loop;
    drive->events = *events;
    drive->ctx = ctx;
    err = td_link_open(loop, url, &link_events, drive, &drive->link);
    if (err != TD_OK) {
        free(drive);
        return err;
    }
    uv_timer_init(loop, &drive->wake);
    drive->wake.data = drive;
    *out = drive;
    return TD_OK;
}

static void timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void td_drive_close(struct td_drive *drive)
{
    if (!drive)
        return;
    drive->core = NULL;
    td_link_close(drive->link);
    uv_close((uv_handle_t *)&drive->wake, timer_closed);
}

void td_drive_run(struct td_drive *drive, const struct td_core *core, void *state)
{
    drive->core = core;
    drive->state = state;
    drive->told_down = false;
    if (td_link_state(drive->link) != TD_LINK_UP)
        tell_core(drive, false);
    take_turn(drive);
}

void td_drive_stop(struct td_drive *drive)
{
    drive->core = NULL;
    uv_timer_stop(&drive->wake);
}

void td_drive_interrupt(struct td_drive *drive)
{
    if (!drive->core)
        return;
    if (!drive->core->interrupt) {
        finish(drive);
        return;
    }
    drive->core->interrupt(drive->state, td_drive_now_ms(drive));
    take_turn(drive);
}

void td_drive_turn(struct td_drive *drive)
{
    take_turn(drive);
}

struct td_link *td_drive_link(struct td_drive *drive)
{
    return drive->link;
}

struct td_link_facts td_drive_facts(struct td_drive *drive)
{
    return (struct td_link_facts){
        .max_packet = (uint32_t)td_link_max_packet(drive->link),
        .overhead = (uint16_t)td_link_overhead(drive->link),
        .line = (uint16_t)td_link_line(drive->link),
        .silence_ms = (uint16_t)td_link_silence_ms(drive->link),
    };
}

const char *td_drive_why(const struct td_drive *drive)
{
    return drive->why;
}
