/*
 * server/groups_fuzz.c - any packets into a server with every group but those of images.
 *
 * Input: one byte for the manner, the buffers and what fails, then packets, each with one byte of
 * length in front, 255 for "two more bytes of length", 0 for "work", 254 for "the other link
 * speaks from here on", 253 for "this link goes down", 252 for "a second passes".
 * Whatever comes: every answer is an answer to what was asked, well-formed, and no longer than
 * the device says; an answer owed comes, to the link that asked; back ends are asked for nothing
 * beyond what they allow; no file gets a hole; one link at a time has the file under way.
 */
#include <stdlib.h>

#include "server/groups_rig_test.h"
#include "smp/error.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static struct groups_rig rig;
static unsigned speaker;
static uint8_t *rsp; /* of just the size that the server is told */
static size_t cap;

static void check_answer(void)
{
    struct td_smp_header hdr;
    struct td_cbor_reader reader;
    const uint8_t *payload;

    if (rig.reply.len == 0)
        return;
    MUST(rig.reply.link == &rig.link[0] || rig.reply.link == &rig.link[1]);
    MUST(rig.reply.len <= cap && rig.reply.len <= rig.cfg.buf_size);
    MUST(td_smp_open(rsp, rig.reply.len, &hdr, &payload) == TD_OK);
    MUST(hdr.op == TD_SMP_READ_RSP || hdr.op == TD_SMP_WRITE_RSP);
    MUST((size_t)hdr.len + 8 == rig.reply.len);
    reader = td_cbor_reader_of(payload, hdr.len);
    MUST(td_cbor_skip(&reader) == TD_OK && reader.pos == hdr.len);
}

static void check_file(void)
{
    const struct td_server_file *file = &rig.srv.file;

    MUST(rig.holes == 0 && rig.value_len <= 256);
    MUST((file->state == TD_SERVER_NO_FILE) == (file->link == NULL));
    MUST(file->state == TD_SERVER_NO_FILE || file->path_len > 0);
}

static void work(void)
{
    td_server_work(&rig.srv, 1000, rsp, cap, &rig.reply);
    check_answer();
}

/* The packet is copied, so that the sanitizer sees a byte too far. */
static void give(const uint8_t *packet, size_t len)
{
    uint8_t *copy = malloc(len);
    size_t at = 0;
    unsigned rounds = 0;

    MUST(copy != NULL);
    memcpy(copy, packet, len);
    while (at < len) {
        size_t used = td_server_handle(&rig.srv, &rig.link[speaker], copy + at, len - at, rsp, cap,
                                       &rig.reply);

        MUST(used <= len - at && (used > 0 || rig.reply.len > 0));
        MUST(used == 0 || rig.reply.len == 0 || rig.reply.link == &rig.link[speaker]);
        check_answer();
        check_file();
        at += used;
        MUST(++rounds < 20000);
    }
    free(copy);
}

static void start(uint8_t choice)
{
    static const struct td_server_manner *const manners[] = {
        &td_server_tandem,
        &td_server_tandem,
        &td_server_zephyr_4,
        &td_server_zephyr_3_3,
    };

    groups_rig_init(&rig, manners[choice & 3]);
    rig.file_system.now_ms = rig_now;
    rig.output_len = 100;
    rig.clock_set = true;
    if ((choice & 4) != 0)
        rig.srv.hold_cap = 0;
    if ((choice & 8) != 0)
        rig.cfg.buf_size = 96;
    if ((choice & 16) != 0)
        rig.write_err = TD_EFLASH;
    if ((choice & 32) != 0)
        rig.read_err = TD_EFLASH;
    memcpy(rig.files[0].name, "/lfs1/a", 7);
    rig.files[0].name_len = 7;
    rig.files[0].len = 9000;
    speaker = 0;
    cap = rig.cfg.buf_size;
}

static size_t length(const uint8_t *data, size_t size, size_t *at)
{
    size_t len = data[(*at)++];

    if (len == 255 && size - *at >= 2) {
        len = (size_t)data[*at] << 8 | data[*at + 1];
        *at += 2;
    }
    return len < size - *at ? len : size - *at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 1;
    unsigned works = 0;

    if (size < 2)
        return 0;
    start(data[0]);
    rsp = malloc(cap);
    MUST(rsp != NULL);
    while (at < size) {
        size_t len;

        switch (data[at]) {
        case 0: at++, work(); continue;
        case 252: at++, rig.now_ms += 1000; continue;
        case 253: at++, td_server_link_down(&rig.srv, &rig.link[speaker]); continue;
        case 254: at++, speaker ^= 1; continue;
        default: break;
        }
        len = length(data, size, &at);
        give(data + at, len);
        at += len;
    }
    while (td_server_busy(&rig.srv)) {
        work();
        MUST(++works < 20000);
    }
    check_file();
    free(rsp);
    return 0;
}
