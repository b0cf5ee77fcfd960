/* transport/host.c - a loop around a drive, left whenever there is something to return. */
#include "transport/host.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define OPEN_PATIENCE_MS 10000

struct td_host {
    struct td_host_config config;
    uv_loop_t loop;
    uv_timer_t patience;
    uv_signal_t on_int, on_term;
    struct td_drive *drive;
    bool opening, finished, interrupted;
};

static void finish(struct td_host *host)
{
    // Without the stop the loop would still wait for whatever comes next on the wire.
    host->finished = true;
    uv_stop(&host->loop);
}

static void on_done(void *ctx)
{
    finish(ctx);
}

static void on_state(void *ctx, enum td_link_state state, const char *why)
{
    struct td_host *host = ctx;

    if (host->config.events.state)
        host->config.events.state(host->config.ctx, state, why);
    if (host->opening && state != TD_LINK_OPENING)
        finish(host);
}

static void on_text(void *ctx, const char *line, size_t len)
{
    struct td_host *host = ctx;

    if (host->config.events.text)
        host->config.events.text(host->config.ctx, line, len);
}

static void on_frame(void *ctx, enum td_link_frame what, const uint8_t *bytes, size_t len)
{
    struct td_host *host = ctx;

    if (host->config.events.frame)
        host->config.events.frame(host->config.ctx, what, bytes, len);
}

static const struct td_drive_events drive_events = {
    .done = on_done,
    .state = on_state,
    .text = on_text,
    .frame = on_frame,
};

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    td_host_interrupt(handle->data);
}

static void on_patience(uv_timer_t *timer)
{
    finish(timer->data);
}

static void run_until_finished(struct td_host *host)
{
    while (!host->finished)
        uv_run(&host->loop, UV_RUN_ONCE);
}

static void begin(struct td_host *host)
{
    uv_loop_init(&host->loop);
    uv_timer_init(&host->loop, &host->patience);
    uv_signal_init(&host->loop, &host->on_int);
    uv_signal_init(&host->loop, &host->on_term);
    host->patience.data = host->on_int.data = host->on_term.data = host;
    if (host->config.signals) {
        uv_signal_start(&host->on_int, on_signal, SIGINT);
        uv_signal_start(&host->on_term, on_signal, SIGTERM);
    }
}

static enum td_err wait_for_link(struct td_host *host, char why[TD_HOST_WHY])
{
    uint32_t patience = host->config.patience_ms > 0 ? host->config.patience_ms : OPEN_PATIENCE_MS;
    struct td_link *link = td_drive_link(host->drive);

    host->opening = true;
    uv_timer_start(&host->patience, on_patience, patience, 0);
    run_until_finished(host);
    uv_timer_stop(&host->patience);
    host->opening = false;

    if (host->interrupted) {
        snprintf(why, TD_HOST_WHY, "interrupted before the device was reached");
        return TD_EINTERRUPTED;
    }
    if (td_link_state(link) == TD_LINK_UP)
        return TD_OK;
    if (td_drive_why(host->drive)[0] != '\0')
        snprintf(why, TD_HOST_WHY, "%s", td_drive_why(host->drive));
    else
        snprintf(why, TD_HOST_WHY, "%s does not take the connection", td_link_name(link));
    return TD_ELINKDOWN;
}

enum td_err td_host_open(const char *text, const struct td_host_config *config,
                         struct td_host **out, char why[TD_HOST_WHY])
{
    struct td_host *host;
    struct td_url url;
    char bad[TD_URL_WHY];
    enum td_err err;

    *out = NULL;
    err = td_url_parse(text, &url, bad);
    if (err != TD_OK) {
        snprintf(why, TD_HOST_WHY, "%s", bad);
        return err;
    }
    host = calloc(1, sizeof *host);
    if (!host) {
        snprintf(why, TD_HOST_WHY, "there is no memory left");
        return TD_EARG;
    }
    if (config)
        host->config = *config;
    begin(host);
    err = td_drive_open(&host->loop, &url, &drive_events, host, &host->drive);
    if (err == TD_OK)
        err = wait_for_link(host, why);
    else
        snprintf(why, TD_HOST_WHY, "there is no memory left");
    if (err != TD_OK) {
        td_host_close(host);
        return err;
    }
    *out = host;
    return TD_OK;
}

void td_host_close(struct td_host *host)
{
    if (!host)
        return;
    td_drive_close(host->drive);
    uv_close((uv_handle_t *)&host->patience, NULL);
    uv_close((uv_handle_t *)&host->on_int, NULL);
    uv_close((uv_handle_t *)&host->on_term, NULL);
    // A finish outside of the loop leaves a stop behind, which ends the first run at once.
    while (uv_run(&host->loop, UV_RUN_DEFAULT) != 0)
        ;
    uv_loop_close(&host->loop);
    free(host);
}

enum td_err td_host_run(struct td_host *host, const struct td_core *core, void *state)
{
    if (host->interrupted)
        return TD_EINTERRUPTED;
    host->finished = false;
    td_drive_run(host->drive, core, state);
    run_until_finished(host);
    return host->interrupted ? TD_EINTERRUPTED : TD_OK;
}

void td_host_interrupt(struct td_host *host)
{
    host->interrupted = true;
    if (host->opening)
        finish(host);
    else
        td_drive_interrupt(host->drive);
}

void td_host_reset_sent(struct td_host *host)
{
    td_drive_reset_sent(host->drive);
}

uint64_t td_host_now_ms(struct td_host *host)
{
    return td_drive_now_ms(host->drive);
}

struct td_link_facts td_host_facts(struct td_host *host)
{
    return td_drive_facts(host->drive);
}

struct td_drive *td_host_drive(struct td_host *host)
{
    return host->drive;
}
