/* update_blocking URL IMAGE - updates a device and waits until it runs the new image, confirmed. */
#include <stdio.h>
#include <stdlib.h>

#include <tandem/client/cores.h>
#include <tandem/client/update.h>
#include <tandem/crypto/hash.h>
#include <tandem/transport/host.h>

static struct td_host *host;
static struct td_update update;

static void say(void *state)
{
    struct td_update_event event;

    while (td_update_event(state, &event)) {
        if (event.kind == TD_EVENT_PREFLIGHT && event.row->result == TD_CHECK_FAIL)
            printf("no: %s\n", event.row->text);
        if (event.kind == TD_EVENT_UPLOAD)
            printf("%u of %u bytes\n", event.offset, event.size);
        if (event.kind == TD_EVENT_STATE && event.state == TD_STATE_WAIT)
            td_host_reset_sent(host);
    }
}

int main(int argc, char **argv)
{
    static uint8_t bytes[4 << 20], rx[4096];
    FILE *in = argc == 3 ? fopen(argv[2], "rb") : NULL;
    size_t size = in ? fread(bytes, 1, sizeof bytes, in) : 0;
    struct td_update_file file = { .src = td_source_memory(bytes, (uint32_t)size) };
    struct td_update_config config = { .session = { .rx = rx, .rx_cap = sizeof rx } };
    struct td_host_config host_config = { .signals = true };
    struct td_core core = td_update_core;
    char why[TD_HOST_WHY];

    if (size == 0 || size == sizeof bytes) {
        fprintf(stderr, "usage: update_blocking URL IMAGE (of less than 4 MiB)\n");
        return 2;
    }
    if (td_host_open(argv[1], &host_config, &host, why) != TD_OK) {
        fprintf(stderr, "%s: %s\n", argv[1], why);
        return 3;
    }
    td_hash_of(&td_sha256, bytes, size, file.sha);
    config.session.link = td_host_facts(host);
    config.files = &file;
    config.n_files = 1;
    core.turn = say;
    td_update_start(&update, &config, td_host_now_ms(host));
    td_host_run(host, &core, &update);
    td_host_close(host);
    printf("%s: %s\n%s", td_update_result_name(update.outcome.result), update.outcome.text,
           update.outcome.remedy);
    return update.outcome.result == TD_RESULT_UPDATED || update.outcome.result == TD_RESULT_ALREADY
               ? 0
               : 1;
}
