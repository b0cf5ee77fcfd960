/*
 * port/qemu-mps2-an521/app_main.c - an application that can be updated over its UART.
 *
 * What a product adds to its own work: the server's table of groups, its slots, and a loop
 * that turns console lines into packets. It neither erases nor confirms anything by itself:
 * whoever updates it asks for that over SMP.
 */
#include "base/range.h"
#include "board.h"
#include "config.h"
#include "server/server.h"
#include "smp/console.h"

enum { BUF_SIZE = 1024, BUF_COUNT = 2, WORK_US = 2000 };

static struct {
    struct td_server server;
    struct td_server_link link;
    struct td_console_in in;
    uint8_t packet[BUF_SIZE];
    size_t packet_len; /* of a whole one that is to be handled; 0: none */
    uint8_t answer[BUF_SIZE];
    uint8_t hold[BUF_SIZE];
    bool reset_asked;
    uint32_t reset_delay_ms;
} app;

static uint32_t on_reset(void *ctx, const struct td_server_reset *reset,
                         struct td_cbor_text *reason)
{
    (void)ctx;
    (void)reason;
    app.reset_asked = true;
    app.reset_delay_ms = reset->delay_ms;
    return 0;
}

static const struct td_server_hooks hooks = { .reset = on_reset };

static const struct td_server_group *const groups[] = {
    &td_server_group_os,
    &td_server_group_image,
    &td_server_group_basic,
    &td_server_group_tandem,
};

static const struct td_server_image image = {
    .slot = { &board_primary, &board_secondary },
    .strategy = CONFIG_STRATEGY_ID,
    .room = &config_room,
};

static const struct td_server_config config = {
    .manner = &td_server_tandem,
    .groups = groups,
    .n_groups = TD_N_OF(groups),
    .images = &image,
    .n_images = 1,
    .buf_size = BUF_SIZE,
    .buf_count = BUF_COUNT,
    .bootloader = TD_TEXT("MCUboot"),
    .no_downgrade = true,
    .storage = &board_storage,
    .boot_log = &board_boot_log,
    .sig = TD_SIG_ECDSA_P256,
    .sig_name = TD_TEXT("ecdsa-p256"),
    .hash_len = 32,
    .keys = config_key_fingerprints,
    .n_keys = 1,
    .layout = TD_TEXT("qemu-mps2-an521"),
    .board = TD_TEXT("mps2-an521"),
    .hooks = &hooks,
};

static void send(size_t len)
{
    uint8_t line[TD_CONSOLE_LINE_MAX];
    struct td_console_out out;
    size_t n;

    if (len == 0 || td_console_out_begin(&out, app.answer, len, sizeof line) != TD_OK)
        return;
    while ((n = td_console_out_line(&out, line)) > 0)
        for (size_t i = 0; i < n; i++)
            board_uart_put(line[i]);
}

static void handle(const uint8_t *packet, size_t len)
{
    struct td_server_reply reply;

    while (len > 0) {
        size_t used = td_server_handle(&app.server, &app.link, packet, len, app.answer,
                                       sizeof app.answer, &reply);

        send(reply.len);
        packet += used;
        len -= used;
    }
}

int main(void)
{
    struct td_server_reply reply;
    uint8_t byte;

    board_uart_start();
    board_print("app: version " CONFIG_APP_VERSION " serves SMP\r\n");
    app.link.authenticated = true; /* a cable on the desk */
    td_server_init(&app.server, &config, app.hold, sizeof app.hold);
    td_console_in_init(&app.in, app.packet, sizeof app.packet);
    for (;;) {
        if (app.packet_len > 0 &&
            !td_server_would_wait(&app.server, &app.link, app.packet, app.packet_len)) {
            handle(app.packet, app.packet_len);
            app.packet_len = 0;
        } else if (app.packet_len == 0 && board_uart_get(&byte)) {
            if (td_console_in_byte(&app.in, byte) == TD_CONSOLE_PACKET)
                app.packet_len = app.in.len;
        } else if (td_server_busy(&app.server)) {
            td_server_work(&app.server, WORK_US, app.answer, sizeof app.answer, &reply);
            send(reply.len);
        } else if (app.reset_asked) {
            board_wait_ms(app.reset_delay_ms);
            board_reset();
        }
    }
}
