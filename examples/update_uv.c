/*
 * update_uv URL IMAGE - the same inside a program that has a libuv loop, and goes on with its
 * own work meanwhile: here, a timer that ticks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <tandem/client/cores.h>
#include <tandem/client/update.h>
#include <tandem/crypto/hash.h>
#include <tandem/transport/drive.h>

struct app {
    uv_loop_t *loop;
    uv_timer_t tick;
    unsigned ticks;
    struct td_drive *drive;
    struct td_update update;
    struct td_update_config config;
    struct td_update_file file;
    uint8_t rx[4096];
    bool begun;
} app;

/* After each turn of the update: what is new. */
static void on_turn(void *state)
{
    struct td_update_event event;

    while (td_update_event(state, &event)) {
        if (event.kind == TD_EVENT_UPLOAD)
            printf("%u of %u bytes\n", event.offset, event.size);
        if (event.kind == TD_EVENT_STATE)
            printf("%s\n", td_update_state_name(event.state));
        if (event.kind == TD_EVENT_STATE && event.state == TD_STATE_WAIT)
            td_drive_reset_sent(app.drive);
    }
}

static void end(void)
{
    td_drive_close(app.drive);
    uv_close((uv_handle_t *)&app.tick, NULL);
}

/* The update has ended, well or not: the loop may, too. */
static void on_done(void *ctx)
{
    const struct td_update_outcome *outcome = &app.update.outcome;

    (void)ctx;
    printf("%s: %s\n%s", td_update_result_name(outcome->result), outcome->text, outcome->remedy);
    end();
}

/*
 * The link stands: now it is known how large its packets are. Later it may go and come, which the
 * update bears; one that never stood would be tried for ever.
 */
static void on_state(void *ctx, enum td_link_state state, const char *why)
{
    static struct td_core core;

    (void)ctx;
    if (state == TD_LINK_DOWN) {
        fprintf(stderr, "%s\n", why);
        if (!app.begun)
            end();
    }
    if (state != TD_LINK_UP || app.begun)
        return;
    app.begun = true;
    core = td_update_core;
    core.turn = on_turn;
    app.config.session.link = td_drive_facts(app.drive);
    td_update_start(&app.update, &app.config, td_drive_now_ms(app.drive));
    td_drive_run(app.drive, &core, &app.update);
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
    app.ticks++;
}

int main(int argc, char **argv)
{
    static const struct td_drive_events events = { .done = on_done, .state = on_state };
    static uint8_t bytes[4 << 20];
    FILE *in = argc == 3 ? fopen(argv[2], "rb") : NULL;
    size_t size = in ? fread(bytes, 1, sizeof bytes, in) : 0;
    struct td_url url;
    char why[TD_URL_WHY] = "usage: update_uv URL IMAGE (of less than 4 MiB)";

    if (size == 0 || size == sizeof bytes || td_url_parse(argv[1], &url, why) != TD_OK) {
        fprintf(stderr, "%s\n", why);
        return 2;
    }
    app.file.src = td_source_memory(bytes, (uint32_t)size);
    td_hash_of(&td_sha256, bytes, size, app.file.sha);
    app.config = (struct td_update_config){
        .session = { .rx = app.rx, .rx_cap = sizeof app.rx },
        .files = &app.file,
        .n_files = 1,
    };

    app.loop = uv_default_loop();
    uv_timer_init(app.loop, &app.tick);
    uv_timer_start(&app.tick, on_tick, 10, 10);
    if (td_drive_open(app.loop, &url, &events, NULL, &app.drive) != TD_OK)
        return 3;
    uv_run(app.loop, UV_RUN_DEFAULT);
    printf("%u ticks meanwhile\n", app.ticks);
    return app.update.outcome.result == TD_RESULT_UPDATED ||
                   app.update.outcome.result == TD_RESULT_ALREADY
               ? 0
               : 1;
}
